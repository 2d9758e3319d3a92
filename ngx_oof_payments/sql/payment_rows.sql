-- The payments of a consent, in the order of the request; those that were
-- refused at once there never were.
--
-- $1 uuid: the consent's id
-- $2 text: brand
SELECT 0::int4 AS outcome,
       p.payment_id, p.consent_id, p.client_id, p.api, p.creation,
       p.status_update, p.status, p.scheduled, p.reason_code, p.reason_detail,
       p.cancel_reason, p.cancelled_from, p.cancelled_at, p.personal,
       p.canceller, p.day
  FROM oof_payment p
 WHERE p.consent_id = $1
   AND p.brand = $2
   AND p.outcome <> ''
 ORDER BY p.position;
