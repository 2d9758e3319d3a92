-- What events are to be told to the bank itself, of the consents of which it
-- wants to be notified.
--
-- $1 text: JSON array of id, key, brand, type, time, stamp (microseconds of
-- the Unix epoch), trace, URL, and the body before and after the API's version
WITH e AS MATERIALIZED (
    SELECT e.*
      FROM json_to_recordset($1::json)
           AS e (id uuid, key uuid, brand text, type text, "time" int8,
                 stamp int8, trace text, url text, before text, after text)
), k AS MATERIALIZED (
    SELECT e.*, s.consent_id, s.api
      FROM e
     CROSS JOIN LATERAL (SELECT *
                           FROM oof_webhook_subject s
                          WHERE s.key = e.key
                            AND s.brand = e.brand
                          LIMIT 1) AS s
), n AS (
    INSERT INTO oof_webhook
                (event_id, consent_id, "time", stamp, due, target, attempt,
                 brand, type, client_id, state, host, url, body, trace)
         SELECT k.id, k.consent_id,
                timestamptz 'epoch' + k."time" * interval '1 microsecond',
                timestamptz 'epoch' + k.stamp * interval '1 microsecond',
                timestamptz 'epoch' + k.stamp * interval '1 microsecond',
                0, 0, k.brand, k.type, NULL, 'waiting',
                lower(substring(k.url FROM '^[a-z]+://([^/]+)')),
                k.url, k.before || k.api || k.after, k.trace
           FROM k
           JOIN oof_consent_webhook w
                ON w.consent_id = k.consent_id
                AND w.brand = k.brand
                AND w.active
    ON CONFLICT DO NOTHING
      RETURNING 1
)
SELECT 0::int4 AS outcome, count(*) AS added
  FROM n;
