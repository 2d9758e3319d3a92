-- The one new payment of a consent that is authorised, when nothing is in its
-- way: what payment_create does, without its looks at what may be.  Outcome 0:
-- something is, and no payment was made; payment_create then tells what, for
-- the same unit.
--
-- A row is looked for by "= ANY (ARRAY[...])", and the rest is asked in a form
-- that no index has: the planner has no way but the key's, whatever is known of
-- the table.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 bytea: HMAC of what was asked for
-- $4 uuid: id of the unit
-- $5 timestamptz: rule clock
-- $6 timestamptz: until when key and jti are remembered
-- $7 uuid: the consent's id
-- $8 text: brand
-- $9 text: client's id
-- $10 uuid: client's organisation
-- $11 timestamptz: real clock: stamps
-- $12 int4: the answer that is decided now, or null
-- $13 text: kind of the intent: pay or check
-- $14 text: its state: stored or sent
-- $15 timestamptz: when it is due, or null
-- $16 uuid: the payment's id
-- $17 int4: its day
-- $18 bool: whether that is one of a schedule
-- $19 bytea: digest of brand and endToEndId
-- $20 bytea: what was asked for, sealed
-- $21 uuid: id of the payment's event
-- $22 text: its data
-- $23 uuid: id of the consent's event
-- $24 text: its data
WITH u AS MATERIALIZED (
    SELECT $1 AS jti, $2 AS key, $3 AS print, $4 AS unit, $5 AS now,
           $6 AS until, $7 AS consent_id, $8 AS brand, $9 AS client_id,
           $10 AS organisation_id, $11 AS real, $12 AS answer, $13 AS kind,
           $14 AS state, $15 AS due, $16 AS payment_id, $17 AS day,
           $18 AS scheduled, $19 AS end_to_end, $20 AS personal,
           $21 AS event_id, $22 AS event, $23 AS used_id, $24 AS used
), l AS MATERIALIZED (
    SELECT u.*, c.amount, c.api, c.version + 1 AS version,
           greatest(u.real, c.stamp + interval '1 microsecond') AS stamp
      FROM u, oof_payment_consent c
     WHERE c.consent_id = ANY (ARRAY[u.consent_id])
       AND (c.status, c.brand, c.client_id, c.organisation_id)
           IS NOT DISTINCT FROM ('AUTHORISED', u.brand, u.client_id,
                                 u.organisation_id)
       AND (c.expiration > u.now) IS TRUE
       AND NOT EXISTS (SELECT
                         FROM oof_payment p
                        WHERE p.end_to_end = ANY (ARRAY[u.end_to_end]))
       FOR UPDATE OF c SKIP LOCKED
), j AS (
    INSERT INTO oof_jti (hash, unit, until)
         SELECT l.jti, l.unit, l.until
           FROM l
    ON CONFLICT DO NOTHING
      RETURNING unit
), i AS (
    INSERT INTO oof_idempotency
                (hash, print, unit, resource, created, until, status)
         SELECT l.key, l.print, l.unit, l.consent_id, l.now, l.until, l.answer
           FROM l
           JOIN j
          USING (unit)
    ON CONFLICT DO NOTHING
      RETURNING unit
), c AS (
    UPDATE oof_payment_consent c
       SET status = 'CONSUMED',
           status_update = l.now,
           version = l.version,
           stamp = l.stamp
      FROM l
      JOIN i
     USING (unit)
     WHERE c.consent_id = ANY (ARRAY[l.consent_id])
 RETURNING l.unit
), m AS MATERIALIZED (
    SELECT l.*
      FROM l
      JOIN c
     USING (unit)
), p AS (
    INSERT INTO oof_payment
                (payment_id, consent_id, creation, status_update, stamp,
                 amount, version, api, position, day, scheduled, brand,
                 client_id, status, end_to_end, outcome, personal)
         SELECT m.payment_id, m.consent_id, m.now, m.now, m.real,
                m.amount, 1, m.api, 1, m.day, m.scheduled, m.brand,
                m.client_id, 'RCVD', m.end_to_end, m.key, m.personal
           FROM m
), ph AS (
    INSERT INTO oof_payment_history
                (payment_id, event_id, "at", version, status, actor)
         SELECT m.payment_id, m.event_id, m.now, 1, 'RCVD', 'client'
           FROM m
), n AS (
    INSERT INTO oof_payment_intent
                (payment_id, consent_id, due, first_sent, attempt, day, brand,
                 kind, state)
         SELECT m.payment_id, m.consent_id, m.due,
                CASE m.state WHEN 'sent' THEN m.real END,
                CASE m.state WHEN 'sent' THEN 1 ELSE 0 END,
                m.day, m.brand, m.kind, m.state
           FROM m
), ch AS (
    INSERT INTO oof_payment_consent_history
                (consent_id, event_id, "at", version, status, actor)
         SELECT m.consent_id, m.used_id, m.now, m.version, 'CONSUMED', 'client'
           FROM m
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT m.event_id, oof_payment_event('RCVD'), m.brand, m.payment_id,
                1, m.now, m.real, m.event
           FROM m
      UNION ALL
         SELECT m.used_id, 'oof.payment_consent.consumed', m.brand,
                m.consent_id, m.version, m.now, m.stamp, m.used
           FROM m
)
SELECT (SELECT count(*) FROM m)::int4 AS outcome;
