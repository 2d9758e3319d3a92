-- Copyright (C) oof authors
--
-- Payments, and what the bank's core is asked for them.

CREATE TABLE oof_payment (
    payment_id      uuid PRIMARY KEY,
    consent_id      uuid NOT NULL,
    creation        timestamptz NOT NULL,
    status_update   timestamptz NOT NULL,
    stamp           timestamptz NOT NULL,
    amount          bigint NOT NULL,
    version         integer NOT NULL,
    api             integer NOT NULL,
    position        integer NOT NULL,
    day             integer NOT NULL,
    scheduled       boolean NOT NULL,
    brand           text NOT NULL,
    client_id       text NOT NULL,
    status          text NOT NULL,
    reason_code     text,
    reason_detail   text,
    cancel_reason   text,
    cancelled_from  text,
    cancelled_at    timestamptz,
    core_id         text,
    core_hash       bytea,
    end_to_end      bytea NOT NULL,
    outcome         bytea NOT NULL,
    personal        bytea NOT NULL,
    canceller       bytea
)
WITH (fillfactor = 80,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX oof_payment_end_to_end ON oof_payment (end_to_end);

CREATE INDEX oof_payment_consent_position
    ON oof_payment (consent_id, position);

CREATE INDEX oof_payment_core
    ON oof_payment (core_hash)
    WHERE core_hash IS NOT NULL;

COMMENT ON TABLE oof_payment IS
    'payments; the row is locked by whoever changes it, and a change raises '
    'version by one';
COMMENT ON COLUMN oof_payment.day IS
    'days since 1970-01-01 of its settlement, by Brasilia''s calendar';
COMMENT ON COLUMN oof_payment.position IS
    'in the request that made it, from 1 on';
COMMENT ON COLUMN oof_payment.end_to_end IS
    'digest of brand and endToEndId, which is used once';
COMMENT ON COLUMN oof_payment.outcome IS
    'digest of the idempotency key whose outcome it decides';
COMMENT ON COLUMN oof_payment.core_id IS
    'what the core calls it: JSON, by which it is found';
COMMENT ON COLUMN oof_payment.personal IS
    'what was asked for and the account that pays, sealed for this row';
COMMENT ON COLUMN oof_payment.canceller IS
    'document of who cancelled it, sealed';


CREATE TABLE oof_payment_history (
    payment_id   uuid NOT NULL,
    event_id     uuid NOT NULL,
    "at"         timestamptz NOT NULL,
    version      integer NOT NULL,
    status       text NOT NULL,
    reason_code  text,
    actor        text NOT NULL,

    PRIMARY KEY (payment_id, version)
);

COMMENT ON TABLE oof_payment_history IS
    'each state that a payment has had; append-only';


-- What the core is to be asked: "waiting" for its day; "stored"; "sent", which
-- is written before the call, so that one that is stored was surely never made;
-- "answered". It is taken again at "due", by the real clock, until it is null.

CREATE TABLE oof_payment_intent (
    payment_id  uuid NOT NULL,
    consent_id  uuid NOT NULL,
    due         timestamptz,
    first_sent  timestamptz,
    attempt     integer NOT NULL,
    day         integer NOT NULL,
    brand       text NOT NULL,
    kind        text NOT NULL,
    state       text NOT NULL,

    PRIMARY KEY (payment_id, kind)
)
WITH (fillfactor = 70,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

CREATE INDEX oof_payment_intent_consent
    ON oof_payment_intent (consent_id);

CREATE INDEX oof_payment_intent_due
    ON oof_payment_intent (due)
    WHERE due IS NOT NULL;

CREATE INDEX oof_payment_intent_day
    ON oof_payment_intent (day)
    WHERE state = 'waiting';

CREATE INDEX oof_payment_intent_silent
    ON oof_payment_intent (first_sent)
    WHERE state = 'sent';

COMMENT ON TABLE oof_payment_intent IS
    'what the core is asked for a payment, and whether it has answered';
COMMENT ON COLUMN oof_payment_intent.kind IS
    'check: may all payments of the consent be scheduled; pay: this payment; '
    'its id is the key by which the core knows a repetition';
COMMENT ON COLUMN oof_payment_intent.attempt IS
    'number of the last call';


CREATE FUNCTION oof_payment_final(status text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT status IN ('ACSC', 'RJCT', 'CANC')
$$;

COMMENT ON FUNCTION oof_payment_final(text) IS
    'whether no state follows';


-- The same as the table of ngx_oof_payment_state.c.

CREATE FUNCTION oof_payment_may(of text, "to" text, scheduled boolean)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE of
           WHEN 'RCVD' THEN "to" IN ('PDNG', 'ACCP', 'ACPD', 'ACSC', 'RJCT')
                            OR "to" = 'SCHD' AND scheduled
           WHEN 'PDNG' THEN "to" IN ('ACCP', 'ACPD', 'ACSC', 'RJCT', 'CANC')
                            OR "to" = 'SCHD' AND scheduled
           WHEN 'SCHD' THEN "to" IN ('PDNG', 'ACCP', 'ACPD', 'ACSC', 'RJCT',
                                     'CANC')
           WHEN 'ACCP' THEN "to" IN ('ACPD', 'ACSC', 'RJCT')
           WHEN 'ACPD' THEN "to" IN ('ACSC', 'RJCT')
           ELSE false
           END
$$;

COMMENT ON FUNCTION oof_payment_may(text, text, boolean) IS
    'whether a state of a payment may follow another';


CREATE FUNCTION oof_payment_event(status text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT 'oof.payment.'
           || CASE status
              WHEN 'RCVD' THEN 'received'
              WHEN 'PDNG' THEN 'held'
              WHEN 'SCHD' THEN 'scheduled'
              WHEN 'ACCP' THEN 'accepted'
              WHEN 'ACPD' THEN 'sent'
              WHEN 'ACSC' THEN 'settled'
              WHEN 'RJCT' THEN 'rejected'
              WHEN 'CANC' THEN 'cancelled'
              END
$$;

COMMENT ON FUNCTION oof_payment_event(text) IS
    'type of the event that tells of a state';


CREATE FUNCTION oof_uuid7(ms bigint)
RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
    SELECT (lpad(to_hex(ms), 12, '0') || '7'
            || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$;

COMMENT ON FUNCTION oof_uuid7(bigint) IS
    'an id of a time in milliseconds (RFC 9562)';


REVOKE ALL ON FUNCTION oof_payment_final(text),
    oof_payment_may(text, text, boolean), oof_payment_event(text),
    oof_uuid7(bigint)
    FROM PUBLIC;
