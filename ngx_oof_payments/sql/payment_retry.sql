-- An operator knows that the core never got a payment: it is to be asked again.
--
-- $1 uuid: the payment's id
-- $2 text: brand
-- $3 timestamptz: real clock
WITH l AS MATERIALIZED (
    SELECT n.payment_id, n.state
      FROM oof_payment_intent n
     WHERE n.payment_id = $1
       AND n.brand = $2
       AND n.kind = 'pay'
       FOR UPDATE OF n SKIP LOCKED
), u AS (
    UPDATE oof_payment_intent n
       SET state = 'stored',
           due = $3
      FROM l
     WHERE n.payment_id = l.payment_id
       AND n.kind = 'pay'
       AND l.state = 'sent'
)
SELECT CASE
       WHEN EXISTS (SELECT FROM l WHERE l.state = 'sent') THEN 1
       WHEN EXISTS (SELECT FROM l) THEN 3   -- nothing is open
       WHEN EXISTS (SELECT
                      FROM oof_payment_intent
                     WHERE payment_id = $1
                       AND kind = 'pay'
                       AND brand = $2) THEN -1
       ELSE 2                               -- unknown
       END::int4 AS outcome;
