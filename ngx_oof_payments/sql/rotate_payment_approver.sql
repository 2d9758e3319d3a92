-- Who must agree to consents to pay, for the rotation of keys.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT concat_ws('|', a.consent_id, encode(a.cpf_hmac, 'hex')) AS name,
       CASE WHEN c.brand = $1 THEN 0 ELSE -1 END::int4 AS flag,
       substr(a.cpf_hmac, 1, 16) AS id, a.personal, a.cpf_hmac
  FROM (SELECT a.*
          FROM oof_payment_approver a
         WHERE (a.consent_id, a.cpf_hmac)
               > (coalesce(split_part($2, '|', 1),
                           '00000000-0000-0000-0000-000000000000')::uuid,
                  decode(coalesce(split_part($2, '|', 2), ''), 'hex'))
         ORDER BY a.consent_id, a.cpf_hmac
         LIMIT $3) AS a
       LEFT JOIN oof_payment_consent c ON c.consent_id = a.consent_id
 ORDER BY a.consent_id, a.cpf_hmac;
