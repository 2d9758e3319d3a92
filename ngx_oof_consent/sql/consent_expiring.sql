-- Tells the bank, where it wants to be notified, of consents that end soon:
-- once for each end that a consent has.  A batch in their order.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: rule clock
-- $4 timestamptz: real clock
-- $5 text: JSON array of brand, URL, seconds before the end, and namespace of
-- URNs, empty: the brand
-- $6 timestamptz: where the batch before ended
-- $7 uuid: and its last consent
-- $8 int4: how many at most
WITH held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), b AS MATERIALIZED (
    SELECT b.*
      FROM json_to_recordset($5::json)
           AS b (brand text, url text, seconds int8, namespace text)
), d AS MATERIALIZED (
    SELECT c.consent_id, c.due, c.brand, c.status, c.status_update
      FROM oof_consent c
     WHERE c.due >= $6
       AND (c.due > $6 OR c.consent_id > $7)
       AND c.due <= $3 + (SELECT max(b.seconds) FROM b) * interval '1 second'
       AND EXISTS (SELECT FROM held)
     ORDER BY c.due, c.consent_id
     LIMIT $8
), n AS (
    INSERT INTO oof_webhook
                (event_id, consent_id, "time", stamp, due, target, attempt,
                 brand, type, client_id, state, host, url, body)
         SELECT md5('expiring ' || d.consent_id || ' '
                    || extract(epoch FROM d.due))::uuid,
                d.consent_id, $3, $4, $4, 0, 0, d.brand,
                'oof.consent.expiring', NULL, 'waiting',
                lower(substring(b.url FROM '^[a-z]+://([^/]+)')), b.url,
                json_build_object('data', json_build_object(
                    'consentVersion', 3,
                    'eventType', 'CONSENT_AUTHORIZATION_ABOUT_TO_EXPIRE',
                    'message', 'O consentimento termina em breve.',
                    'status', d.status,
                    'updateStatusTimestamp',
                    to_char(d.status_update AT TIME ZONE 'UTC',
                            'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                    'consentId',
                    format('urn:%s:%s',
                           coalesce(nullif(b.namespace, ''), lower(b.brand)),
                           d.consent_id),
                    'brandId', d.brand))::text
           FROM d
           JOIN b
                ON b.brand = d.brand
                AND d.due <= $3 + b.seconds * interval '1 second'
           JOIN oof_consent_webhook w
                ON w.consent_id = d.consent_id
                AND w.brand = d.brand
                AND w.active
          WHERE d.status = 'AUTHORISED'
    ON CONFLICT DO NOTHING
      RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM d)::int4 AS seen,
       (SELECT count(*) FROM n)::int4 AS added, l.due, l.consent_id
  FROM (SELECT) AS one
  LEFT JOIN (SELECT d.due, d.consent_id
               FROM d
              ORDER BY d.due DESC, d.consent_id DESC
              LIMIT 1) AS l
       ON true;
