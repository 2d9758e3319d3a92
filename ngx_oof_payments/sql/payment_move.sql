-- What is known of a payment, or of all of a consent, after the core has told:
-- the state that it goes to, if it may; the answer of the key, if that is not
-- decided yet; and when the core is to be asked again.  Payments that are
-- refused by that answer have no outcome: who asked for them never knows them.
-- Payments that another session holds: nothing is written.
--
-- It may run twice: the second time nothing may go anywhere.
--
-- $1 uuid: the consent's id
-- $2 uuid: the payment's, or null: all of the consent
-- $3 text: the state
-- $4 text: reason of a rejection, or null
-- $5 text: its detail, or null
-- $6 bool: refused at once: 422 when nothing is decided yet
-- $7 text: code of the 422, or null
-- $8 text: its detail, or null
-- $9 text: the core's id, or null
-- $10 bytea: digest of that, or null
-- $11 timestamptz: rule clock, of the change
-- $12 timestamptz: real clock: stamps
-- $13 int8: real clock in milliseconds: ids
-- $14 text: kind of the intent that is answered, or null
-- $15 timestamptz: when to ask again, unless it is final
-- $16 text: actor
-- $17 text: the consent as events name it
-- $18 bool: only those that wait for their day, which then never comes
-- $19 bool: only those that were sent and that nothing is known of
-- $20 bytea: document of whose wish a cancellation is, sealed, or null
-- $21 text: traceparent of events, or null
-- $22 text: who of the bank tells it, or null
-- $23 int4: of those that wait only that day's and later ones, or null
WITH v AS MATERIALIZED (
    SELECT n.payment_id
      FROM oof_payment_intent n
     WHERE n.consent_id = $1
       AND n.state = CASE WHEN $18 THEN 'waiting' ELSE 'sent' END
       AND ($18 OR $19 AND n.kind = 'pay')
       AND ($23 IS NULL OR n.day >= $23)
       FOR UPDATE OF n SKIP LOCKED
), l AS MATERIALIZED (
    SELECT p.payment_id, p.status, p.version, p.outcome, p.client_id, p.brand,
           p.day, p.core_hash, p.consent_id,
           greatest($12, p.stamp + interval '1 microsecond') AS stamp,
           greatest($11, p.status_update) AS "at",
           oof_payment_may(p.status, $3, p.scheduled) AS may
      FROM oof_payment p
     WHERE p.consent_id = $1
       AND ($2 IS NULL OR p.payment_id = $2)
       AND (NOT ($18 OR $19)
            OR p.payment_id IN (SELECT v.payment_id FROM v))
     ORDER BY p.position
       FOR UPDATE OF p SKIP LOCKED
), k AS MATERIALIZED (
    SELECT count(*) AS n
      FROM oof_payment p
     WHERE p.consent_id = $1
       AND ($2 IS NULL OR p.payment_id = $2)
       AND (NOT ($18 OR $19)
            OR p.payment_id IN (SELECT v.payment_id FROM v))
), m AS MATERIALIZED (
    SELECT l.*, oof_uuid7($13) AS event_id
      FROM l, k
     WHERE k.n = (SELECT count(*) FROM l)
), i AS (
    UPDATE oof_idempotency t
       SET status = CASE WHEN $6 THEN 422 ELSE 201 END,
           code = CASE WHEN $6 THEN $7 END,
           detail = CASE WHEN $6 THEN $8 END
     WHERE t.hash = (SELECT m.outcome FROM m LIMIT 1)
       AND t.resource = $1
       AND t.status IS NULL
 RETURNING t.status
), u AS (
    UPDATE oof_payment p
       SET status = CASE WHEN m.may THEN $3 ELSE p.status END,
           status_update = CASE WHEN m.may THEN m."at"
                           ELSE p.status_update END,
           reason_code = CASE WHEN m.may THEN $4 ELSE p.reason_code END,
           reason_detail = CASE WHEN m.may THEN $5 ELSE p.reason_detail END,
           cancel_reason = CASE WHEN m.may AND $3 = 'CANC'
                                THEN CASE m.status
                                     WHEN 'SCHD' THEN 'CANCELADO_AGENDAMENTO'
                                     ELSE 'CANCELADO_PENDENCIA'
                                     END
                           ELSE p.cancel_reason END,
           cancelled_from = CASE WHEN m.may AND $3 = 'CANC' THEN 'DETENTORA'
                            ELSE p.cancelled_from END,
           cancelled_at = CASE WHEN m.may AND $3 = 'CANC' THEN m."at"
                          ELSE p.cancelled_at END,
           canceller = CASE WHEN m.may AND $3 = 'CANC' THEN $20
                       ELSE p.canceller END,
           version = CASE WHEN m.may THEN m.version + 1 ELSE p.version END,
           stamp = CASE WHEN m.may THEN m.stamp ELSE p.stamp END,
           outcome = CASE WHEN EXISTS (SELECT FROM i WHERE i.status = 422)
                          THEN '' ELSE p.outcome END,
           core_id = coalesce(p.core_id, $9),
           core_hash = coalesce(p.core_hash, $10)
      FROM m
     WHERE p.payment_id = m.payment_id
       AND (m.may OR p.core_hash IS NULL AND $10 IS NOT NULL)
), h AS (
    INSERT INTO oof_payment_history
                (payment_id, event_id, "at", version, status, reason_code,
                 actor, operator)
         SELECT m.payment_id, m.event_id, m."at", m.version + 1, $3, $4, $16,
                $22
           FROM m
          WHERE m.may
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT m.event_id, oof_payment_event($3), m.brand, m.payment_id,
                m.version + 1, m."at", m.stamp,
                json_strip_nulls(json_build_object(
                    'paymentId', m.payment_id, 'consentId', $17,
                    'clientId', m.client_id,
                    'organisationId', c.organisation_id, 'status', $3,
                    'previousStatus', m.status,
                    'rejectionReason',
                    CASE WHEN $4 IS NOT NULL
                         THEN json_build_object('code', $4) END,
                    'traceparent', $21))::text
           FROM m
           JOIN oof_payment_consent c
                ON c.consent_id = m.consent_id
          WHERE m.may
), n AS (
    UPDATE oof_payment_intent n
       SET state = CASE
                   WHEN n.state = 'waiting' AND oof_payment_final($3)
                        THEN 'void'
                   ELSE 'answered'
                   END,
           due = CASE
                 WHEN n.kind = 'check' THEN NULL
                 WHEN oof_payment_final($3) AND m.may
                      OR oof_payment_final(m.status) THEN NULL
                 ELSE $15
                 END
      FROM m
     WHERE n.payment_id = m.payment_id
       AND CASE n.state
           WHEN 'waiting' THEN $3 NOT IN ('SCHD', 'PDNG') AND m.may
           ELSE n.kind = $14
           END
), w AS (
    INSERT INTO oof_payment_intent
                (payment_id, consent_id, due, first_sent, attempt, day, brand,
                 kind, state)
         SELECT m.payment_id, m.consent_id, NULL, NULL, 0, m.day, m.brand,
                'pay', 'waiting'
           FROM m
          WHERE $14 = 'check'
            AND $3 = 'SCHD'
            AND m.may
)
SELECT CASE
       WHEN k.n = 0 THEN 2                  -- unknown
       WHEN k.n = (SELECT count(*) FROM l) THEN 1
       ELSE -1                              -- held
       END::int4 AS outcome,
       (SELECT count(*) FROM m WHERE m.may)::int4 AS moved,
       (SELECT m.status FROM m LIMIT 1) AS previous
  FROM k;
