-- A payment by its id, by what the core calls it, or by its endToEndId.
--
-- $1 text: brand
-- $2 uuid: id, or null
-- $3 bytea: digest of the core's id, or null
-- $4 bytea: digest of brand and endToEndId, or null
SELECT 0::int4 AS outcome,
       n.kind, n.state, n.attempt, p.payment_id, p.consent_id, p.brand, p.api,
       p.scheduled, p.status, p.creation, p.day, p.core_id, p.personal,
       c.creation AS consent_creation, c.expiration, c.personal AS consent,
       c.debtor
  FROM oof_payment p
  JOIN oof_payment_consent c
       ON c.consent_id = p.consent_id
  LEFT JOIN oof_payment_intent n
       ON n.payment_id = p.payment_id AND n.kind = 'pay'
 WHERE p.brand = $1
   AND (p.payment_id = $2 OR p.core_hash = $3 OR p.end_to_end = $4);
