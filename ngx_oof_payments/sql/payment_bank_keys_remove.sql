-- As bank_keys_remove, for consents to pay.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: JSON array of the look-up values of each, arrays themselves
WITH l AS (
    SELECT c.consent_id
      FROM oof_payment_consent c
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), d AS (
    DELETE FROM oof_consent_search_key k
     USING l
     WHERE k.consent_id = $1
       AND k.consent_id = l.consent_id
       AND k.key_hmac IN (SELECT decode(x, 'hex')
                            FROM jsonb_array_elements($3::jsonb) AS f (h),
                                 jsonb_array_elements_text(f.h) AS x)
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
