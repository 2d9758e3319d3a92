-- As bank_keys_add, for consents to pay.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: JSON array of the look-up values of each, arrays themselves, of
--          which the first is the one to be stored
-- $4 int8: how many a consent may have
WITH l AS (
    SELECT c.consent_id, c.creation
      FROM oof_payment_consent c
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), f AS MATERIALIZED (
    SELECT DISTINCT decode(f.h ->> 0, 'hex') AS h
      FROM jsonb_array_elements($3::jsonb) AS f (h)
), n AS MATERIALIZED (
    SELECT count(*) AS n
      FROM (SELECT f.h FROM f
             UNION
            SELECT k.key_hmac
              FROM oof_consent_search_key k
             WHERE k.consent_id = $1) AS k
), i AS (
    INSERT INTO oof_consent_search_key (consent_id, creation, brand, key_hmac)
         SELECT l.consent_id, l.creation, $2, f.h
           FROM l, f, n
          WHERE n.n <= $4
    ON CONFLICT DO NOTHING
)
SELECT CASE
       WHEN EXISTS (SELECT FROM l)
            THEN CASE WHEN n.n <= $4 THEN 1 ELSE 3 END     -- 3: too many
       WHEN EXISTS (SELECT
                      FROM oof_payment_consent c
                     WHERE c.consent_id = $1
                       AND c.brand = $2)
            THEN -1                     -- held by another session
       ELSE 2                           -- unknown
       END::int4 AS outcome
  FROM n;
