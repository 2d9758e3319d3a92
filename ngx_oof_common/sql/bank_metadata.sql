-- What the bank keeps with a consent.
--
-- $1 uuid: the consent's id
-- $2 text: brand
SELECT m.version, m.personal
  FROM oof_consent_metadata m
 WHERE m.consent_id = $1
   AND m.brand = $2;
