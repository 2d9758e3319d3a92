-- Ends a batch of the consents whose time has come, each at its due instant,
-- with its history row and its event.  Only the holder of the lease does, in
-- the epoch that it names; who would take the lease over waits for the commit.
-- A consent that another session holds is left to a later batch.
--
-- There is no unit to be found again: what was ended is due no more, so that
-- running it twice ends another batch.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: rule clock
-- $4 timestamptz: due instants from here on
-- $5 int8: how many at most
-- $6 timestamptz: real clock, for the stamps
-- $7 int8: real clock in milliseconds, for the ids of the events (UUIDv7)
-- $8 text: the events' type
-- $9 text: JSON object of the URN namespaces of brands, default: the brand
WITH held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), l AS MATERIALIZED (
    SELECT c.consent_id
      FROM oof_consent c
     WHERE c.due <= $3
       AND c.due >= $4
       AND EXISTS (SELECT FROM held)
     ORDER BY c.due
     LIMIT $5
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_consent c
       SET (status, status_update, rejected_by, reason_code) =
               (SELECT e.status, e.status_update, e.rejected_by, e.reason_code
                  FROM oof_consent_effective(c, $3) e),
           version = c.version + 1,
           stamp = greatest($6, c.stamp + interval '1 microsecond')
     WHERE c.consent_id = ANY (ARRAY(SELECT l.consent_id FROM l))
       AND c.due <= $3
 RETURNING c.consent_id, c.brand, c.client_id, c.organisation_id, c.version,
           c.status, c.status_update, c.rejected_by, c.reason_code, c.stamp,
           (lpad(to_hex($7), 12, '0') || '7'
            || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
               AS event_id
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, rejected_by, reason_code,
                 actor, event_id)
         SELECT u.consent_id, u.version, u.status_update, u.status,
                u.rejected_by, u.reason_code, 'time', u.event_id
           FROM u
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT u.event_id, $8, u.brand, u.consent_id, u.version,
                u.status_update, u.stamp,
                format('{"consentId":"urn:%s:%s","clientId":%s,'
                       '"organisationId":"%s","status":"%s",'
                       '"previousStatus":"%s","rejection":{"rejectedBy":"%s",'
                       '"reason":{"code":"%s"}}}',
                       coalesce($9::json ->> u.brand, lower(u.brand)),
                       u.consent_id, to_json(u.client_id), u.organisation_id,
                       u.status,
                       CASE u.reason_code
                       WHEN 'CONSENT_MAX_DATE_REACHED' THEN 'AUTHORISED'
                       ELSE 'AWAITING_AUTHORISATION'
                       END,
                       u.rejected_by, u.reason_code)
           FROM u
)
SELECT 0::int4 AS outcome, EXISTS (SELECT FROM held) AS held,
       count(*) AS swept, max(u.status_update) AS due
  FROM u;
