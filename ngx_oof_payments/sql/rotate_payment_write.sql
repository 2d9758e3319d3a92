-- Payments whose values are under the new key now.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT f.k::uuid AS payment_id, decode(f.o0, 'hex') AS o0,
           decode(f.o1, 'hex') AS o1, decode(f.s0, 'hex') AS s0,
           decode(f.s1, 'hex') AS s1
      FROM jsonb_to_recordset($1::jsonb)
           AS f (k text, o0 text, o1 text, s0 text, s1 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), l AS MATERIALIZED (
    SELECT p.payment_id
      FROM oof_payment p
     WHERE p.payment_id = ANY (ARRAY(SELECT f.payment_id FROM f))
     ORDER BY p.payment_id
       FOR UPDATE OF p SKIP LOCKED
), u AS (
    UPDATE oof_payment p
       SET personal = f.s0,
           canceller = f.s1
      FROM l
           JOIN f ON f.payment_id = l.payment_id
     WHERE p.payment_id = l.payment_id
       AND p.personal = f.o0
       AND p.canceller IS NOT DISTINCT FROM f.o1
 RETURNING 1
)
SELECT 0::int4 AS outcome, count(*)::int8 AS written
  FROM u;
