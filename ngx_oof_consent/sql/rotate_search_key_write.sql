-- Search keys under the new keys now.  One that was given again meanwhile is
-- there already, and the old row goes.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT split_part(f.k, '|', 1)::uuid AS consent_id,
           decode(split_part(f.k, '|', 2), 'hex') AS key_hmac,
           decode(f.s0, 'hex') AS s0, decode(f.h0, 'hex') AS h0
      FROM jsonb_to_recordset($1::jsonb) AS f (k text, s0 text, h0 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), l AS MATERIALIZED (
    SELECT k.consent_id, k.key_hmac
      FROM oof_consent_search_key k
           JOIN f
           ON f.consent_id = k.consent_id AND f.key_hmac = k.key_hmac
     ORDER BY k.consent_id, k.key_hmac
       FOR UPDATE OF k SKIP LOCKED
), d AS MATERIALIZED (
    SELECT f.*,
           f.h0 <> f.key_hmac
           AND EXISTS (SELECT
                         FROM oof_consent_search_key o
                        WHERE o.consent_id = f.consent_id
                          AND o.key_hmac = f.h0) AS twice
      FROM l
           JOIN f
           ON f.consent_id = l.consent_id AND f.key_hmac = l.key_hmac
), g AS (
    DELETE FROM oof_consent_search_key k
     USING d
     WHERE d.twice
       AND k.consent_id = d.consent_id
       AND k.key_hmac = d.key_hmac
 RETURNING 1
), u AS (
    UPDATE oof_consent_search_key k
       SET personal = d.s0,
           key_hmac = d.h0
      FROM d
     WHERE NOT d.twice
       AND k.consent_id = d.consent_id
       AND k.key_hmac = d.key_hmac
 RETURNING 1
)
SELECT 0::int4 AS outcome,
       ((SELECT count(*) FROM g) + (SELECT count(*) FROM u))::int8 AS written;
