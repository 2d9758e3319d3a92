-- A consent to pay as the bank's side sees it, with its client: what
-- payment_consent_get tells, and more.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
SELECT c.consent_id, c.client_id, c.api, c.creation, c.expiration,
       e.status, e.status_update, e.reason_code, e.reason_detail, c.personal,
       c.debtor, c.organisation_id::text, c.payments, c.first_day, k.name,
       k.logo_uri, k.status
  FROM oof_payment_consent c
       CROSS JOIN oof_payment_consent_effective(c, $3) e
       LEFT JOIN oof_client k
       ON k.brand = c.brand AND k.client_id = c.client_id
 WHERE c.consent_id = $1
   AND c.brand = $2;
