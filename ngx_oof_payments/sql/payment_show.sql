-- A payment; one that was refused at once there never was.
--
-- $1 uuid: its id
-- $2 text: brand
SELECT 0::int4 AS outcome,
       p.payment_id, p.consent_id, p.client_id, p.api, p.creation,
       p.status_update, p.status, p.scheduled, p.reason_code, p.reason_detail,
       p.cancel_reason, p.cancelled_from, p.cancelled_at, p.personal,
       p.canceller, p.day
  FROM oof_payment p
 WHERE p.payment_id = $1
   AND p.brand = $2
   AND p.outcome <> '';
