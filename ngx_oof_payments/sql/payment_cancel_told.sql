-- What the core has said of a cancellation, and so the answer of its key.  A
-- payment that the core has told of before is only told who has cancelled it.
--
-- $1 bytea: digest of the key
-- $2 uuid: the payment's id
-- $3 bool: it is cancelled
-- $4 timestamptz: rule clock
-- $5 timestamptz: real clock: stamp
-- $6 int8: real clock in milliseconds: ids
-- $7 bytea: who cancels it, sealed
-- $8 text: the consent as events name it
-- $9 text: traceparent of the event, or null
WITH l AS MATERIALIZED (
    SELECT p.payment_id, p.consent_id, p.client_id, p.brand, p.status,
           p.version,
           greatest($5, p.stamp + interval '1 microsecond') AS stamp,
           greatest($4, p.status_update) AS "at",
           oof_uuid7($6) AS event_id,
           $3 AND p.status = 'PDNG' AS may
      FROM oof_payment p
     WHERE p.payment_id = $2
       FOR UPDATE OF p SKIP LOCKED
), i AS (
    UPDATE oof_idempotency t
       SET status = CASE WHEN $3 THEN 200 ELSE 422 END,
           code = CASE WHEN NOT $3
                       THEN 'PAGAMENTO_NAO_PERMITE_CANCELAMENTO' END
      FROM l
     WHERE t.hash = $1
       AND t.status IS NULL
), u AS (
    UPDATE oof_payment p
       SET status = 'CANC',
           status_update = CASE WHEN l.may THEN l."at"
                           ELSE p.status_update END,
           cancel_reason = 'CANCELADO_PENDENCIA',
           cancelled_from = 'INICIADORA',
           cancelled_at = CASE WHEN l.may THEN l."at"
                          ELSE p.status_update END,
           canceller = $7,
           version = CASE WHEN l.may THEN l.version + 1 ELSE p.version END,
           stamp = CASE WHEN l.may THEN l.stamp ELSE p.stamp END
      FROM l
     WHERE p.payment_id = l.payment_id
       AND $3
       AND (l.may OR l.status = 'CANC' AND p.cancelled_from = 'DETENTORA')
), h AS (
    INSERT INTO oof_payment_history
                (payment_id, event_id, "at", version, status, actor)
         SELECT l.payment_id, l.event_id, l."at", l.version + 1, 'CANC',
                'client'
           FROM l
          WHERE l.may
), n AS (
    UPDATE oof_payment_intent n
       SET due = NULL
      FROM l
     WHERE n.payment_id = l.payment_id
       AND n.kind = 'pay'
       AND l.may
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT l.event_id, oof_payment_event('CANC'), l.brand, l.payment_id,
                l.version + 1, l."at", l.stamp,
                json_strip_nulls(json_build_object(
                    'paymentId', l.payment_id, 'consentId', $8,
                    'clientId', l.client_id,
                    'organisationId', c.organisation_id, 'status', 'CANC',
                    'previousStatus', l.status, 'traceparent', $9))::text
           FROM l
           JOIN oof_payment_consent c
                ON c.consent_id = l.consent_id
          WHERE l.may
)
SELECT CASE WHEN EXISTS (SELECT FROM l) THEN 1 ELSE -1 END::int4 AS outcome;
