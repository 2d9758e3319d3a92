-- The states that a consent to pay has had.
--
-- $1 uuid: the consent's id
SELECT h."at", h.status, h.reason_code, h.operator
  FROM oof_payment_consent_history h
 WHERE h.consent_id = $1
 ORDER BY h.version
 LIMIT 100;
