-- What events are to be told to third parties' webhooks: a call for each URI
-- that the client has registered, if it is not blocked.  What is there stays.
--
-- $1 text: JSON array of id, key, brand, type, time, stamp (microseconds of
-- the Unix epoch), trace, body and the URL's path before and after the version
-- $2 text: what a URI is followed by
WITH e AS MATERIALIZED (
    SELECT e.*
      FROM json_to_recordset($1::json)
           AS e (id uuid, key uuid, brand text, type text, "time" int8,
                 stamp int8, trace text, body text, before text, after text)
), k AS MATERIALIZED (
    SELECT e.*, s.consent_id, s.client_id, s.api
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
                u.n, 0, k.brand, k.type, k.client_id, 'waiting',
                lower(substring(u.uri FROM '^[a-z]+://([^/]+)')),
                u.uri || $2 || k.before || k.api || k.after, k.body,
                k.trace
           FROM k
           JOIN oof_client c
                ON c.brand = k.brand
                AND c.client_id = k.client_id
                AND c.status = 'ACTIVE'
          CROSS JOIN LATERAL (SELECT x.uri, min(x.n)::int4 AS n
                                FROM unnest(c.webhook_uris)
                                     WITH ORDINALITY AS x (uri, n)
                               WHERE x.uri LIKE 'https://%'
                               GROUP BY x.uri) AS u
    ON CONFLICT DO NOTHING
      RETURNING 1
)
SELECT 0::int4 AS outcome, count(*) AS added
  FROM n;
