-- Whether the bank wants to be notified of a consent; no row: it does not.
--
-- $1 uuid: the consent's id
-- $2 text: brand
SELECT w.active
  FROM oof_consent_webhook w
 WHERE w.consent_id = $1
   AND w.brand = $2;
