-- Who must agree to what a consent shares, under the new keys now.  Whoever
-- writes these rows holds the consent's.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT split_part(f.k, '|', 1)::uuid AS consent_id,
           split_part(f.k, '|', 2)::uuid AS resource_id,
           decode(split_part(f.k, '|', 3), 'hex') AS cpf_hmac,
           decode(f.o0, 'hex') AS o0, decode(f.s0, 'hex') AS s0,
           decode(f.h0, 'hex') AS h0
      FROM jsonb_to_recordset($1::jsonb)
           AS f (k text, o0 text, s0 text, h0 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), l AS MATERIALIZED (
    SELECT c.consent_id
      FROM oof_consent c
     WHERE c.consent_id = ANY (ARRAY(SELECT f.consent_id FROM f))
     ORDER BY c.consent_id
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_consent_approver a
       SET personal = f.s0,
           cpf_hmac = f.h0
      FROM l
           JOIN f ON f.consent_id = l.consent_id
     WHERE a.consent_id = f.consent_id
       AND a.resource_id = f.resource_id
       AND a.cpf_hmac = f.cpf_hmac
       AND a.personal = f.o0
 RETURNING 1
)
SELECT 0::int4 AS outcome, count(*)::int8 AS written
  FROM u;
