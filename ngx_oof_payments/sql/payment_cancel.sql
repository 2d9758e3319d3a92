-- Payments are cancelled by who initiated them: one, at once when it waits for a
-- day that may still be cancelled, or is held before it was sent, and by the core
-- when it is held there; or, in payment_cancel_all, those of a consent that wait
-- for such a day, all of them, in v4 also those that are held before it.  What
-- may not be, or when there is none, is refused.  The outcome is told by
-- payment_create_outcome.  What another session holds: nothing is written at all.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 bytea: HMAC of what was asked for
-- $4 uuid: id of the unit
-- $5 timestamptz: rule clock
-- $6 timestamptz: until when key and jti are remembered
-- $7 uuid: the payment's id, in payment_cancel_all the consent's
-- $8 text: brand
-- $9 bool: the rules refuse it
-- $10 int4: the first day that may be cancelled
-- $11 timestamptz: real clock: stamps
-- $12 int8: real clock in milliseconds: ids
-- $13 bytea: who cancels, sealed, or null
-- $14 text: the consent as events name it
-- $15 int4: the answer, when it is done
-- $16 text: traceparent of events, or null
WITH v AS MATERIALIZED (
    SELECT n.payment_id
      FROM oof_payment_intent n
     WHERE n.payment_id = $7 -- one
       AND n.kind = 'pay' -- one
     WHERE n.consent_id = $7 -- all
       AND n.state = 'waiting'
       AND n.day >= $10 -- all
       FOR UPDATE OF n SKIP LOCKED
), l AS MATERIALIZED (
    SELECT p.payment_id, p.consent_id, p.client_id, p.status, p.version,
           p.day, greatest($11, p.stamp + interval '1 microsecond') AS stamp,
           greatest($5, p.status_update) AS "at"
      FROM oof_payment p
     WHERE p.payment_id = $7 -- one
     WHERE p.payment_id IN (SELECT v.payment_id FROM v) -- all
       AND p.brand = $8
       AND (p.status = 'SCHD' OR p.status = 'PDNG' AND $15 = 200) -- all
     ORDER BY p.position -- all
       FOR UPDATE OF p SKIP LOCKED
), d AS MATERIALIZED (
    SELECT CASE -- one
           WHEN $9 THEN 422 -- one
           WHEN l.status = 'PDNG' -- one
                THEN CASE WHEN EXISTS (SELECT FROM v) THEN $15 END -- one
           WHEN l.status = 'SCHD' AND l.day >= $10 -- one
                AND EXISTS (SELECT FROM v) THEN $15 -- one
           ELSE 422 -- one
           END AS status -- one
      FROM l -- one
     WHERE $9 -- one
        OR l.status NOT IN ('SCHD', 'PDNG') -- one
        OR EXISTS (SELECT FROM v) -- one
        OR NOT EXISTS (SELECT -- one
                         FROM oof_payment_intent n -- one
                        WHERE n.payment_id = $7 -- one
                          AND n.kind = 'pay' -- one
                          AND n.state = 'waiting') -- one
    SELECT CASE WHEN $9 OR l.n = 0 THEN 422 ELSE $15 END AS status -- all
      FROM (SELECT count(*) AS n FROM l) AS l, -- all
           (SELECT count(*) AS n -- all
              FROM oof_payment_intent n -- all
              JOIN oof_payment p -- all
                   ON p.payment_id = n.payment_id -- all
             WHERE n.consent_id = $7 -- all
               AND n.state = 'waiting' -- all
               AND n.day >= $10 -- all
               AND (p.status = 'SCHD' OR p.status = 'PDNG' AND $15 = 200)) -- all
           AS k -- all
     WHERE l.n = k.n -- all
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
