-- The payments of a consent that wait for a day that may still be cancelled
-- are, all of them, in v4 also those that are held before it; when there is
-- none, it is refused.  The outcome is told by payment_create_outcome.  What
-- another session holds: nothing is written.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 bytea: HMAC of what was asked for
-- $4 uuid: id of the unit
-- $5 timestamptz: rule clock
-- $6 timestamptz: until when key and jti are remembered
-- $7 uuid: the consent's id
-- $8 text: brand
-- $9 bool: the rules refuse it
-- $10 int4: the first day that may be cancelled
-- $11 timestamptz: real clock: stamps
-- $12 int8: real clock in milliseconds: ids
-- $13 bytea: who cancels them, sealed, or null
-- $14 text: the consent as events name it
-- $15 int4: the answer, when it is done
-- $16 text: traceparent of events, or null
WITH v AS MATERIALIZED (
    SELECT n.payment_id
      FROM oof_payment_intent n
     WHERE n.consent_id = $7
       AND n.state = 'waiting'
       AND n.day >= $10
       FOR UPDATE OF n SKIP LOCKED
), l AS MATERIALIZED (
    SELECT p.payment_id, p.consent_id, p.client_id, p.status, p.version,
           greatest($11, p.stamp + interval '1 microsecond') AS stamp,
           greatest($5, p.status_update) AS "at"
      FROM oof_payment p
     WHERE p.payment_id IN (SELECT v.payment_id FROM v)
       AND p.brand = $8
       AND (p.status = 'SCHD' OR p.status = 'PDNG' AND $15 = 200)
     ORDER BY p.position
       FOR UPDATE OF p SKIP LOCKED
), d AS MATERIALIZED (
    SELECT CASE WHEN $9 OR l.n = 0 THEN 422 ELSE $15 END AS status
      FROM (SELECT count(*) AS n FROM l) AS l,
           (SELECT count(*) AS n
              FROM oof_payment_intent n
              JOIN oof_payment p
                   ON p.payment_id = n.payment_id
             WHERE n.consent_id = $7
               AND n.state = 'waiting'
               AND n.day >= $10
               AND (p.status = 'SCHD' OR p.status = 'PDNG' AND $15 = 200))
           AS k
     WHERE l.n = k.n
), j AS (
    INSERT INTO oof_jti AS t (hash, unit, until)
         SELECT $1, $4, $6
           FROM d
    ON CONFLICT (hash) DO UPDATE
            SET unit = excluded.unit,
                until = excluded.until
          WHERE t.until <= $5
             OR t.unit = excluded.unit
      RETURNING hash
), i AS (
    INSERT INTO oof_idempotency AS t
                (hash, print, unit, resource, created, until, status, code)
         SELECT $2, $3, $4, $7, $5, $6, d.status,
                CASE d.status
                WHEN 422 THEN 'PAGAMENTO_NAO_PERMITE_CANCELAMENTO'
                END
           FROM j, d
    ON CONFLICT (hash) DO UPDATE
            SET print = excluded.print,
                unit = excluded.unit,
                resource = excluded.resource,
                created = excluded.created,
                until = excluded.until,
                status = excluded.status,
                code = excluded.code,
                detail = NULL
          WHERE t.until <= $5
      RETURNING status
), m AS MATERIALIZED (
    SELECT l.*, oof_uuid7($12) AS event_id
      FROM l, i
     WHERE i.status <> 422
), u AS (
    UPDATE oof_payment p
       SET status = 'CANC',
           status_update = m."at",
           cancel_reason = CASE m.status
                           WHEN 'PDNG' THEN 'CANCELADO_PENDENCIA'
                           ELSE 'CANCELADO_AGENDAMENTO' END,
           cancelled_from = 'INICIADORA',
           cancelled_at = m."at",
           canceller = $13,
           version = m.version + 1,
           stamp = m.stamp
      FROM m
     WHERE p.payment_id = m.payment_id
), h AS (
    INSERT INTO oof_payment_history
                (payment_id, event_id, "at", version, status, actor)
         SELECT m.payment_id, m.event_id, m."at", m.version + 1, 'CANC',
                'client'
           FROM m
), n AS (
    UPDATE oof_payment_intent n
       SET state = 'void',
           due = NULL
      FROM m
     WHERE n.payment_id = m.payment_id
       AND n.kind = 'pay'
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT m.event_id, oof_payment_event('CANC'), $8, m.payment_id,
            m.version + 1, m."at", m.stamp,
            json_strip_nulls(json_build_object(
                'paymentId', m.payment_id, 'consentId', $14,
                'clientId', m.client_id, 'organisationId', c.organisation_id,
                'status', 'CANC', 'previousStatus', m.status,
                'traceparent', $16))::text
       FROM m
       JOIN oof_payment_consent c
            ON c.consent_id = m.consent_id;
