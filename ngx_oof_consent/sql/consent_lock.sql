-- Takes a consent's row, so that what follows in the unit reads what was
-- committed before.
--
-- $1 uuid: the consent's id
-- $2 text: brand
SELECT 1
  FROM oof_consent c
 WHERE c.consent_id = $1
   AND c.brand = $2
   FOR UPDATE OF c SKIP LOCKED;
