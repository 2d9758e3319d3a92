-- What the bank keeps with consents, for the rotation of keys.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT m.consent_id::text AS name,
       CASE WHEN m.brand = $1 THEN 0 ELSE -1 END::int4 AS flag,
       m.consent_id, m.personal
  FROM oof_consent_metadata m
 WHERE m.consent_id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
 ORDER BY m.consent_id
 LIMIT $3;
