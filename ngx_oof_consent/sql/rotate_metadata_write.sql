-- What the bank keeps with consents, under the new key now.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT f.k::uuid AS consent_id, decode(f.o0, 'hex') AS o0,
           decode(f.s0, 'hex') AS s0
      FROM jsonb_to_recordset($1::jsonb) AS f (k text, o0 text, s0 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), l AS MATERIALIZED (
    SELECT m.consent_id
      FROM oof_consent_metadata m
     WHERE m.consent_id = ANY (ARRAY(SELECT f.consent_id FROM f))
     ORDER BY m.consent_id
       FOR UPDATE OF m SKIP LOCKED
), u AS (
    UPDATE oof_consent_metadata m
       SET personal = f.s0
      FROM l
           JOIN f ON f.consent_id = l.consent_id
     WHERE m.consent_id = l.consent_id
       AND m.personal = f.o0
 RETURNING 1
)
SELECT 0::int4 AS outcome, count(*)::int8 AS written
  FROM u;
