-- As bank_metadata_put, for consents to pay.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: real clock
-- $4 bytea: sealed, or empty
-- $5 int4: the version that it must have, 0: none; null: any
WITH l AS (
    SELECT c.consent_id
      FROM oof_payment_consent c
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), m AS (
    INSERT INTO oof_consent_metadata
                (consent_id, changed, version, brand, personal)
         SELECT l.consent_id, $3, 1, $2, $4
           FROM l
          WHERE $5 IS NULL
             OR $5 = coalesce((SELECT o.version
                                 FROM oof_consent_metadata o
                                WHERE o.consent_id = $1), 0)
    ON CONFLICT (consent_id) DO UPDATE
            SET changed = excluded.changed,
                version = oof_consent_metadata.version + 1,
                personal = excluded.personal
          WHERE $5 IS NULL
             OR oof_consent_metadata.version = $5
      RETURNING consent_id
)
SELECT CASE
       WHEN EXISTS (SELECT FROM m)
            THEN 1
       WHEN EXISTS (SELECT FROM l)
            THEN 3                      -- it has changed
       WHEN EXISTS (SELECT
                      FROM oof_payment_consent c
                     WHERE c.consent_id = $1
                       AND c.brand = $2)
            THEN -1                     -- held by another session
       ELSE 2                           -- unknown
       END::int4 AS outcome;
