-- What is asked of the core and not answered.
--
-- $1 timestamptz: real clock
-- $2 timestamptz: what was first sent before is silent too long
SELECT 0::int4 AS outcome,
       (SELECT count(*)
          FROM (SELECT
                  FROM oof_payment_intent
                 WHERE due <= $1
                 LIMIT 10000) AS d)::int4 AS due,
       (SELECT count(*)
          FROM (SELECT
                  FROM oof_payment_intent
                 WHERE state = 'sent'
                   AND first_sent <= $2
                 LIMIT 10000) AS s)::int4 AS silent;
