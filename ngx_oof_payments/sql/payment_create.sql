-- New payments of a consent, which has had its use, under a key that nobody
-- else has; or the refusal of them under that key.  What became of it is told
-- by payment_create_outcome.
--
-- A verdict on the syntax comes before the consent's state, one on the rules
-- after it.  The consent is used up by both, when it was authorised.  A consent
-- that another session holds: nothing is written at all.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 bytea: HMAC of what was asked for
-- $4 uuid: id of the unit
-- $5 timestamptz: rule clock
-- $6 timestamptz: until when key and jti are remembered
-- $7 int4: the verdict: 0 fine, 1 wrong syntax, 2 against the rules
-- $8 text: its code, or null
-- $9 text: its detail, or null
-- $10 uuid: the consent's id
-- $11 text: brand
-- $12 text: client's id
-- $13 timestamptz: real clock: stamps
-- $14 int8: real clock in milliseconds: ids
-- $15 text: status of new payments
-- $16 text: the reason, when that is RJCT, or null
-- $17 text: its detail, or null
-- $18 int4: the answer that is decided now, or null
-- $19 text: kind of the intents: pay, check, or null
-- $20 text: their state
-- $21 timestamptz: when they are due
-- $22 text: the payments, a JSON array
-- $23 text: the consent as events name it
-- $24 text: traceparent of events, or null
WITH l AS MATERIALIZED (
    SELECT c.consent_id, c.version, c.organisation_id, c.api, c.amount,
           e.status,
           greatest($13, c.stamp + interval '1 microsecond') AS stamp
      FROM oof_payment_consent c, oof_payment_consent_effective(c, $5) e
     WHERE c.consent_id = $10
       AND c.brand IS NOT DISTINCT FROM $11
       AND c.client_id = $12
       FOR UPDATE OF c SKIP LOCKED
), x AS (
    SELECT json_array_elements($22::json) AS x
), d AS MATERIALIZED (
    SELECT CASE
           WHEN $7 = 1
                THEN $8
           WHEN l.status = 'PARTIALLY_ACCEPTED'
                THEN 'CONSENTIMENTO_PENDENTE_AUTORIZACAO'
           WHEN l.status IS DISTINCT FROM 'AUTHORISED'
                THEN 'CONSENTIMENTO_INVALIDO'
           WHEN $7 = 2
                THEN $8
           WHEN EXISTS (SELECT
                          FROM x, oof_payment p
                         WHERE p.end_to_end = decode(x.x ->> 'endToEnd',
                                                     'base64'))
                THEN 'DETALHE_PAGAMENTO_INVALIDO'
           END AS code
      FROM (SELECT 1) AS one
           LEFT JOIN l
           ON true
     WHERE l.consent_id IS NOT NULL
        OR NOT EXISTS (SELECT
                         FROM oof_payment_consent c
                        WHERE c.consent_id = $10
                          AND c.brand IS NOT DISTINCT FROM $11
                          AND c.client_id = $12)
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
                (hash, print, unit, resource, created, until, status, code,
                 detail)
         SELECT $2, $3, $4, $10, $5, $6,
                CASE WHEN d.code IS NULL THEN $18 ELSE 422 END, d.code,
                CASE
                WHEN d.code = $8 THEN $9
                WHEN d.code = 'DETALHE_PAGAMENTO_INVALIDO'
                     THEN 'Parâmetro endToEndId não obedece às regras de '
                          'negócio.'
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
                detail = excluded.detail
          WHERE t.until <= $5
      RETURNING code
), p AS (
    INSERT INTO oof_payment
                (payment_id, consent_id, creation, status_update, stamp,
                 amount, version, api, position, day, scheduled, brand,
                 client_id, status, reason_code, reason_detail, end_to_end,
                 outcome, personal)
         SELECT (x.x ->> 'id')::uuid, $10, $5, $5, $13, l.amount, 1, l.api,
                (x.x ->> 'position')::int4, (x.x ->> 'day')::int4,
                (x.x ->> 'scheduled')::bool, $11, $12, $15, $16, $17,
                decode(x.x ->> 'endToEnd', 'base64'), $2,
                decode(x.x ->> 'personal', 'base64')
           FROM x, l, i
          WHERE i.code IS NULL
      RETURNING payment_id, position, day, status,
                oof_uuid7($14) AS event_id
), ph AS (
    INSERT INTO oof_payment_history
                (payment_id, event_id, "at", version, status, reason_code,
                 actor)
         SELECT p.payment_id, p.event_id, $5, 1, p.status, $16, 'client'
           FROM p
), n AS (
    INSERT INTO oof_payment_intent
                (payment_id, consent_id, due, first_sent, attempt, day, brand,
                 kind, state)
         SELECT p.payment_id, $10, $21,
                CASE $20 WHEN 'sent' THEN $13 END,
                CASE $20 WHEN 'sent' THEN 1 ELSE 0 END,
                p.day, $11, $19, $20
           FROM p
          WHERE $19 = 'pay'
             OR $19 = 'check' AND p.position = 1
), u AS (
    UPDATE oof_payment_consent c
       SET status = 'CONSUMED',
           status_update = $5,
           version = l.version + 1,
           stamp = l.stamp
      FROM l, i
     WHERE c.consent_id = $10
       AND c.consent_id = l.consent_id
       AND l.status = 'AUTHORISED'
 RETURNING c.version, c.stamp, oof_uuid7($14) AS event_id
), uh AS (
    INSERT INTO oof_payment_consent_history
                (consent_id, event_id, "at", version, status, actor)
         SELECT $10, u.event_id, $5, u.version, 'CONSUMED', 'client'
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT p.event_id, oof_payment_event(p.status), $11, p.payment_id, 1, $5,
            $13,
            json_strip_nulls(json_build_object(
                'paymentId', p.payment_id, 'consentId', $23, 'clientId', $12,
                'organisationId', l.organisation_id, 'status', p.status,
                'traceparent', $24))::text
       FROM p, l
  UNION ALL
     SELECT u.event_id, 'oof.payment_consent.consumed', $11, $10, u.version,
            $5, u.stamp,
            json_strip_nulls(json_build_object(
                'consentId', $23, 'clientId', $12,
                'organisationId', l.organisation_id, 'status', 'CONSUMED',
                'previousStatus', 'AUTHORISED', 'traceparent', $24))::text
       FROM u, l;
