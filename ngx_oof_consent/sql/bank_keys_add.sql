-- Gives search keys to a consent, up to so many in all; those that it has are
-- no matter, but for those that were kept without the key itself.  Whoever
-- writes what the bank keeps with a consent holds its row.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: JSON array of the look-up values of each, arrays themselves, of
--          which the first is the one to be stored
-- $4 int8: how many a consent may have
-- $5 text: JSON array of the keys, sealed
WITH l AS (
    SELECT c.consent_id, c.creation
      FROM oof_consent c
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), f AS MATERIALIZED (
    SELECT DISTINCT ON (decode(f.h ->> 0, 'hex'))
           decode(f.h ->> 0, 'hex') AS h, f.h AS hs, decode(s.s, 'hex') AS s
      FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS f (h, n)
           JOIN jsonb_array_elements_text($5::jsonb)
                WITH ORDINALITY AS s (s, n)
           ON s.n = f.n
), e AS MATERIALIZED (
    SELECT f.h, f.s, k.key_hmac, k.personal IS NULL AS bare
      FROM f
           CROSS JOIN LATERAL jsonb_array_elements_text(f.hs) AS x (h)
           JOIN oof_consent_search_key k
           ON k.consent_id = $1 AND k.key_hmac = decode(x.h, 'hex')
), n AS MATERIALIZED (
    SELECT (SELECT count(*)
              FROM f
             WHERE f.h NOT IN (SELECT e.h FROM e))
           + (SELECT count(*)
                FROM oof_consent_search_key k
               WHERE k.consent_id = $1) AS n
), u AS (
    UPDATE oof_consent_search_key k
       SET key_hmac = e.h,
           personal = e.s
      FROM l, e
     WHERE k.consent_id = $1
       AND k.consent_id = l.consent_id
       AND k.key_hmac = e.key_hmac
       AND e.bare
), i AS (
    INSERT INTO oof_consent_search_key
                (consent_id, creation, brand, key_hmac, personal)
         SELECT l.consent_id, l.creation, $2, f.h, f.s
           FROM l, f, n
          WHERE n.n <= $4
            AND f.h NOT IN (SELECT e.h FROM e)
    ON CONFLICT DO NOTHING
)
SELECT CASE
       WHEN EXISTS (SELECT FROM l)
            THEN CASE WHEN n.n <= $4 THEN 1 ELSE 3 END     -- 3: too many
       WHEN EXISTS (SELECT
                      FROM oof_consent c
                     WHERE c.consent_id = $1
                       AND c.brand = $2)
            THEN -1                     -- held by another session
       ELSE 2                           -- unknown
       END::int4 AS outcome
  FROM n;
