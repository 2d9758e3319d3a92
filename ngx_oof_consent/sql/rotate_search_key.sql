-- Search keys of consents of all kinds, for the rotation of keys.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT concat_ws('|', k.consent_id, encode(k.key_hmac, 'hex')) AS name,
       CASE WHEN k.brand = $1 THEN 0 ELSE -1 END::int4 AS flag,
       substr(k.key_hmac, 1, 16) AS id, k.personal, k.key_hmac
  FROM oof_consent_search_key k
 WHERE (k.consent_id, k.key_hmac)
       > (coalesce(split_part($2, '|', 1),
                   '00000000-0000-0000-0000-000000000000')::uuid,
          decode(coalesce(split_part($2, '|', 2), ''), 'hex'))
 ORDER BY k.consent_id, k.key_hmac
 LIMIT $3;
