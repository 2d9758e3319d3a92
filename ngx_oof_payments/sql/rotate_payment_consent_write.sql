-- Consents to pay whose values are under the new keys now.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT f.k::uuid AS consent_id, decode(f.o0, 'hex') AS o0,
           decode(f.o1, 'hex') AS o1, decode(f.s0, 'hex') AS s0,
           decode(f.s1, 'hex') AS s1, decode(f.h0, 'hex') AS h0,
           decode(f.h1, 'hex') AS h1, decode(f.h2, 'hex') AS h2
      FROM jsonb_to_recordset($1::jsonb)
           AS f (k text, o0 text, o1 text, s0 text, s1 text, h0 text, h1 text,
                 h2 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), l AS MATERIALIZED (
    SELECT c.consent_id
      FROM oof_payment_consent c
     WHERE c.consent_id = ANY (ARRAY(SELECT f.consent_id FROM f))
     ORDER BY c.consent_id
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_payment_consent c
       SET personal = f.s0,
           debtor = f.s1,
           cpf_hmac = f.h0,
           cnpj_hmac = f.h1,
           charge = f.h2
      FROM l
           JOIN f ON f.consent_id = l.consent_id
     WHERE c.consent_id = l.consent_id
       AND c.personal = f.o0
       AND c.debtor IS NOT DISTINCT FROM f.o1
 RETURNING 1
)
SELECT 0::int4 AS outcome, count(*)::int8 AS written
  FROM u;
