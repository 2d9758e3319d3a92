-- As bank_webhook_put, for consents to pay.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: real clock
-- $4 bool: it does
WITH l AS (
    SELECT c.consent_id
      FROM oof_payment_consent c
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), w AS (
    INSERT INTO oof_consent_webhook (consent_id, changed, brand, active)
         SELECT l.consent_id, $3, $2, $4
           FROM l
    ON CONFLICT (consent_id) DO UPDATE
            SET changed = excluded.changed,
                active = excluded.active
)
SELECT CASE
       WHEN EXISTS (SELECT FROM l)
            THEN 1
       WHEN EXISTS (SELECT
                      FROM oof_payment_consent c
                     WHERE c.consent_id = $1
                       AND c.brand = $2)
            THEN -1                     -- held by another session
       ELSE 2                           -- unknown
       END::int4 AS outcome;
