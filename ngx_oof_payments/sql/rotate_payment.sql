-- Payments, for the rotation of keys.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT p.payment_id::text AS name,
       CASE WHEN p.brand = $1 THEN 0 ELSE -1 END::int4 AS flag,
       p.payment_id, p.personal, p.consent_id, p.canceller
  FROM oof_payment p
 WHERE p.payment_id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
 ORDER BY p.payment_id
 LIMIT $3;
