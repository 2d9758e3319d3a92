-- Takes what is due: each is written as sent, with the number of the attempt,
-- before the core is called, and is due again when this one must have ended;
-- except a payment of a core that does not know its repetition, which then
-- waits for news.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: real clock
-- $4 timestamptz: when a call that begins now has surely ended
-- $5 int4: how many at most
-- $6 text: JSON object: brands that are served, whether their cores know keys
WITH held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), t AS MATERIALIZED (
    SELECT i.payment_id, i.kind
      FROM oof_payment_intent i
     WHERE i.due <= $3
       AND $6::jsonb ? i.brand
       AND EXISTS (SELECT FROM held)
     ORDER BY i.due
     LIMIT $5
       FOR UPDATE OF i SKIP LOCKED
), n AS (
    UPDATE oof_payment_intent i
       SET state = CASE i.state WHEN 'stored' THEN 'sent' ELSE i.state END,
           attempt = i.attempt + 1,
           first_sent = coalesce(i.first_sent, $3),
           due = CASE
                 WHEN i.kind = 'pay' AND i.state = 'stored'
                      AND NOT ($6::jsonb -> i.brand)::bool THEN NULL
                 ELSE $4 + interval '1 second'
                            * least(60, power(2, least(i.attempt, 6)))
                 END
      FROM t
     WHERE i.payment_id = t.payment_id
       AND i.kind = t.kind
 RETURNING i.payment_id, i.kind, i.state, i.attempt
)
SELECT 0::int4 AS outcome,
       n.kind, n.state, n.attempt, p.payment_id, p.consent_id, p.brand, p.api,
       p.scheduled, p.status, p.creation, p.day, p.core_id, p.personal,
       c.creation AS consent_creation, c.expiration, c.personal AS consent,
       c.debtor
  FROM n
  JOIN oof_payment p
       ON p.payment_id = n.payment_id
  JOIN oof_payment_consent c
       ON c.consent_id = p.consent_id;
