-- Ends a batch of the consents to pay whose time has come, each at its due
-- instant, with its history row and its event.  Only the holder of the lease
-- does, in the epoch that it names; who would take the lease over waits for the
-- commit.  A consent that another session holds is left to a later batch.
--
-- There is no unit to be found again: what was ended is due no more, so that
-- running it twice ends another batch.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: rule clock
-- $4 int8: how many at most
-- $5 timestamptz: real clock, for the stamps
-- $6 int8: real clock in milliseconds, for the ids of the events (UUIDv7)
-- $7 text: the events' type
-- $8 text: JSON object of the URN namespaces of brands, default: the brand
WITH held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), l AS MATERIALIZED (
    SELECT c.consent_id, c.status AS previous
      FROM oof_payment_consent c
     WHERE c.expiration <= $3
       AND c.status IN ('AWAITING_AUTHORISATION', 'PARTIALLY_ACCEPTED',
                        'AUTHORISED')
       AND EXISTS (SELECT FROM held)
     ORDER BY c.expiration
     LIMIT $4
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_payment_consent c
       SET (status, status_update, reason_code, reason_detail) =
               (SELECT e.status, e.status_update, e.reason_code,
                       e.reason_detail
                  FROM oof_payment_consent_effective(c, $3) e),
           version = c.version + 1,
           stamp = greatest($5, c.stamp + interval '1 microsecond')
      FROM l
     WHERE c.consent_id = l.consent_id
       AND c.status = l.previous
       AND c.expiration <= $3
 RETURNING c.consent_id, c.brand, c.client_id, c.organisation_id, c.version,
           c.status, c.status_update, c.reason_code, c.stamp, l.previous,
           (lpad(to_hex($6), 12, '0') || '7'
            || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
               AS event_id
), h AS (
    INSERT INTO oof_payment_consent_history
                (consent_id, version, "at", status, reason_code, actor,
                 event_id)
         SELECT u.consent_id, u.version, u.status_update, u.status,
                u.reason_code, 'time', u.event_id
           FROM u
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT u.event_id, $7, u.brand, u.consent_id, u.version,
                u.status_update, u.stamp,
                format('{"consentId":"urn:%s:%s","clientId":%s,'
                       '"organisationId":"%s","status":"%s",'
                       '"previousStatus":"%s","rejectionReason":{"code":'
                       '"%s"}}',
                       coalesce($8::json ->> u.brand, lower(u.brand)),
                       u.consent_id, to_json(u.client_id), u.organisation_id,
                       u.status, u.previous, u.reason_code)
           FROM u
)
SELECT 0::int4 AS outcome, count(*) AS swept
  FROM u;
