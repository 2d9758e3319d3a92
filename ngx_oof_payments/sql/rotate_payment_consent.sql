-- Consents to pay, for the rotation of keys: see ngx_oof_rotation.h.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT c.consent_id::text AS name,
       CASE WHEN c.brand = $1 THEN 0 ELSE -1 END::int4 AS flag,
       c.consent_id, c.personal, c.consent_id, c.debtor, c.cpf_hmac,
       c.cnpj_hmac, c.charge
  FROM oof_payment_consent c
 WHERE c.consent_id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
 ORDER BY c.consent_id
 LIMIT $3;
