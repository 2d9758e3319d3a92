-- A consent to pay as it is at an instant.  The brand is asked in a form that
-- no index has: until a table is analysed the planner would take one of it.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
SELECT c.consent_id, c.client_id, c.api, c.creation, c.expiration,
       e.status, e.status_update, e.reason_code, e.reason_detail, c.personal,
       c.debtor
  FROM oof_payment_consent c, oof_payment_consent_effective(c, $3) e
 WHERE c.consent_id = $1
   AND c.brand IS NOT DISTINCT FROM $2;
