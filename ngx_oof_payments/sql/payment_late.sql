-- Payments that should be scheduled by now, and of which the core has not said
-- whether they may; whoever writes what becomes of them locks them.
--
-- $1 timestamptz: rule clock: those that were received before are late
-- $2 int4: how many at most
-- $3 text: JSON object: brands that are served
SELECT 0::int4 AS outcome,
       n.kind, n.state, n.attempt, p.payment_id, p.consent_id, p.brand, p.api,
       p.scheduled, p.status, p.creation, p.day, p.core_id, p.personal,
       c.creation AS consent_creation, c.expiration, c.personal AS consent,
       c.debtor
  FROM oof_payment_intent n
  JOIN oof_payment p
       ON p.payment_id = n.payment_id
  JOIN oof_payment_consent c
       ON c.consent_id = p.consent_id
 WHERE n.due IS NOT NULL
   AND n.kind = 'check'
   AND n.state IN ('stored', 'sent')
   AND p.creation < $1
   AND $3::jsonb ? n.brand
 LIMIT $2;
