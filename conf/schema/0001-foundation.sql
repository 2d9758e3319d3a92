-- Copyright (C) oof authors
--
-- The tables that everything stands on.  Run once, in one transaction, by the
-- owner of the schema (./build.sh migrate).  Objects are made in the first
-- schema of the search_path and are named without it, as in the statements.

SELECT current_schema() AS oof_schema \gset


-- The clients that the bank has registered.

CREATE TABLE oof_client (
    brand            text NOT NULL,
    client_id        text NOT NULL,
    organisation_id  uuid NOT NULL,
    software_id      uuid,
    name             text NOT NULL,
    logo_uri         text,
    webhook_uris     text[] NOT NULL DEFAULT '{}',
    roles            text[] NOT NULL DEFAULT '{}',
    status           text NOT NULL DEFAULT 'ACTIVE',
    created          timestamptz NOT NULL,
    updated          timestamptz NOT NULL,

    PRIMARY KEY (brand, client_id),

    CONSTRAINT oof_client_brand
        CHECK (length(brand) BETWEEN 1 AND 64),
    CONSTRAINT oof_client_client_id
        CHECK (length(client_id) BETWEEN 1 AND 255),
    CONSTRAINT oof_client_name
        CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT oof_client_logo_uri
        CHECK (length(logo_uri) BETWEEN 1 AND 2048),
    CONSTRAINT oof_client_webhook_uris
        CHECK (cardinality(webhook_uris) <= 16
               AND length(array_to_string(webhook_uris, '')) <= 16384),
    CONSTRAINT oof_client_roles
        CHECK (cardinality(roles) <= 16
               AND length(array_to_string(roles, '')) <= 1024),
    CONSTRAINT oof_client_status
        CHECK (status IN ('ACTIVE', 'BLOCKED'))
);

COMMENT ON TABLE oof_client IS
    'clients registered with the bank, one row a brand; written by the journey '
    'calls of the management listener, read by every worker (5 s cache)';
COMMENT ON COLUMN oof_client.organisation_id IS
    'must be the organisation of the certificate that the client presents';
COMMENT ON COLUMN oof_client.software_id IS
    'of the software statement; null where registration told none';
COMMENT ON COLUMN oof_client.status IS
    'a blocked client is answered as an unknown one, its rows stay';


-- Consents to share data.
--
-- This table, its history and the event log have next to no CHECKs: PostgreSQL
-- reads each anew for each INSERT (5 us), which was half of what a new consent
-- cost.  What goes in has been judged by the process that writes it.

CREATE TABLE oof_consent (
    consent_id       uuid PRIMARY KEY,
    organisation_id  uuid NOT NULL,
    creation         timestamptz NOT NULL,
    status_update    timestamptz NOT NULL,
    expiration       timestamptz,
    authorise_until  timestamptz NOT NULL,
    stamp            timestamptz NOT NULL,
    permissions      bigint NOT NULL,
    version          integer NOT NULL,
    linked           boolean,
    brand            text NOT NULL,
    client_id        text NOT NULL,
    status           text NOT NULL,
    link_id          text,
    rejected_by      text,
    reason_code      text,
    reason_info      text,
    personal         bytea NOT NULL,
    cpf_hmac         bytea NOT NULL,
    cnpj_hmac        bytea,
    due              timestamptz GENERATED ALWAYS AS (
                         CASE status
                         WHEN 'AWAITING_AUTHORISATION' THEN authorise_until
                         WHEN 'AUTHORISED' THEN expiration
                         END) STORED,

    CONSTRAINT oof_consent_status
        CHECK (status IN ('AWAITING_AUTHORISATION', 'AUTHORISED', 'REJECTED'))
)
WITH (fillfactor = 90,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

-- a client's consents, newest first; the ids are no secret of another client

CREATE INDEX oof_consent_client
    ON oof_consent (brand, client_id, creation DESC);

-- a customer's consents: channels of the bank know the CPF or CNPJ only

CREATE INDEX oof_consent_cpf
    ON oof_consent (cpf_hmac, brand);

CREATE INDEX oof_consent_cnpj
    ON oof_consent (cnpj_hmac, brand)
    WHERE cnpj_hmac IS NOT NULL;

-- what comes due: only rows that still can, so that this stays small

CREATE INDEX oof_consent_due
    ON oof_consent (due)
    WHERE due IS NOT NULL;

COMMENT ON TABLE oof_consent IS
    'consents to share data; the row is locked by whoever changes it, and a '
    'change raises version by one';
COMMENT ON COLUMN oof_consent.permissions IS
    'bit n is the nth of the 36 permissions, in the order of the regulation';
COMMENT ON COLUMN oof_consent.authorise_until IS
    'an unauthorised consent is over from this instant on, by the rule clock';
COMMENT ON COLUMN oof_consent.expiration IS
    'null: for an indefinite term';
COMMENT ON COLUMN oof_consent.due IS
    'when time ends it in its status, null: never; the only place that says '
    'so, see oof_consent_effective()';
COMMENT ON COLUMN oof_consent.stamp IS
    'of the newest event: greatest(now, stamp + 1 microsecond) at each change, '
    'so that events of one consent are in order whatever the clocks say';
COMMENT ON COLUMN oof_consent.personal IS
    'who it is about, sealed for this row (AES-256-GCM); nothing personal is '
    'in any other column';
COMMENT ON COLUMN oof_consent.cpf_hmac IS
    'HMAC-SHA-256 under a look-up key: finds rows, tells no CPF';


CREATE TABLE oof_consent_history (
    consent_id   uuid NOT NULL,
    event_id     uuid NOT NULL,
    "at"         timestamptz NOT NULL,
    version      integer NOT NULL,
    status       text NOT NULL,
    rejected_by  text,
    reason_code  text,
    actor        text NOT NULL,

    PRIMARY KEY (consent_id, version)
);

COMMENT ON TABLE oof_consent_history IS
    'each state that a consent has had; append-only, written with the change';
COMMENT ON COLUMN oof_consent_history."at" IS
    'when it happened by the rule clock: what is due happens at its due '
    'instant, however late it is written';
COMMENT ON COLUMN oof_consent_history.event_id IS
    'the event that tells of it (no foreign key: the log is dropped by days)';
COMMENT ON COLUMN oof_consent_history.actor IS
    'which part caused it: client, customer, bank, time; never a person';


-- The event log.  A partition is a day of the ids themselves, so that the id
-- alone is the primary key: the same unit, sent twice around midnight, finds
-- its own row.

CREATE TABLE oof_event (
    id       uuid NOT NULL,
    key      uuid NOT NULL,
    "time"   timestamptz NOT NULL,
    stamp    timestamptz NOT NULL,
    version  integer NOT NULL,
    brand    text NOT NULL,
    type     text NOT NULL,
    data     text NOT NULL,

    PRIMARY KEY (id)
)
PARTITION BY RANGE (id);

CREATE TABLE oof_event_default PARTITION OF oof_event DEFAULT;

COMMENT ON TABLE oof_event IS
    'what has happened, append-only, partitioned by the day of the id (UTC)';
COMMENT ON COLUMN oof_event.id IS
    'UUIDv7: also the id of the unit that wrote it; it says a time, and orders '
    'nothing';
COMMENT ON COLUMN oof_event.key IS
    'what has changed: the id of a consent';
COMMENT ON COLUMN oof_event.version IS
    'the version that the change made: sequence for consumers';
COMMENT ON COLUMN oof_event."time" IS
    'when it happened, by the rule clock';
COMMENT ON COLUMN oof_event.stamp IS
    'the order: within one key every earlier event has a smaller one';
COMMENT ON TABLE oof_event_default IS
    'catches events of days without a partition; a row here raises an alarm, '
    'because the partition of its day cannot be made while it is here';


-- the smallest UUIDv7 of a day (UTC): its first 48 bits are milliseconds

CREATE FUNCTION oof_event_bound(day date) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT (pg_catalog.lpad(pg_catalog.to_hex((day - date '1970-01-01')
                                              * 86400000::bigint), 12, '0')
            || pg_catalog.repeat('0', 20))::uuid
$$;

COMMENT ON FUNCTION oof_event_bound(date) IS
    'lower bound of the partition of a day';


-- Makes partitions from yesterday (for hosts whose clocks are behind this one's
-- at midnight) to "ahead" days ahead, at most "most" of them in a call.  A lock
-- is waited for 50 ms and five times in all: a call lasts half a second at
-- most, so that the session which renews the leases may make it.

CREATE FUNCTION oof_event_partitions(ahead integer, most integer,
    OUT days_left integer, OUT made integer, OUT astray boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :"oof_schema", pg_temp
SET lock_timeout = '50ms'
AS $$
DECLARE
    today     date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    day       date;
    name      text;
    attempts  integer := 5;
    gap       boolean := false;
BEGIN
    days_left := -1;
    made := 0;

    FOR i IN -1 .. least(greatest(ahead, 0), 60) LOOP
        day := today + i;
        name := 'oof_event_' || to_char(day, 'YYYYMMDD');

        LOOP
            IF EXISTS (SELECT
                         FROM pg_catalog.pg_inherits h
                         JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
                        WHERE h.inhparent = 'oof_event'::regclass
                              AND c.relname = name)
            THEN
                IF i >= 0 AND NOT gap THEN
                    days_left := i;
                END IF;

                EXIT;
            END IF;

            IF made >= most OR attempts = 0 THEN
                gap := gap OR i >= 0;
                EXIT;
            END IF;

            -- attaching a table locks its parent less than making it there

            BEGIN
                EXECUTE format('CREATE TABLE %I (LIKE oof_event INCLUDING ALL)',
                               name);
                EXECUTE format('ALTER TABLE oof_event ATTACH PARTITION %I'
                               ' FOR VALUES FROM (%L) TO (%L)', name,
                               oof_event_bound(day), oof_event_bound(day + 1));
                made := made + 1;

            EXCEPTION
                WHEN lock_not_available OR deadlock_detected THEN
                    attempts := attempts - 1;
                    PERFORM pg_sleep(0.02);

                WHEN duplicate_table OR unique_violation THEN

                    -- another session is just making it

                    attempts := attempts - 1;

                WHEN check_violation THEN

                    -- the default partition has rows of that day

                    gap := gap OR i >= 0;
                    EXIT;
            END;
        END LOOP;
    END LOOP;

    -- null: somebody has locked it, which is for the next call to look at

    BEGIN
        astray := EXISTS (SELECT FROM oof_event_default);
    EXCEPTION
        WHEN lock_not_available THEN
            NULL;
    END;
END
$$;

COMMENT ON FUNCTION oof_event_partitions(integer, integer) IS
    'keeps the event log''s partitions ahead; days_left counts the days after '
    'today that have one (-1: not even today), astray: rows are in the default';

REVOKE ALL ON FUNCTION oof_event_bound(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION oof_event_partitions(integer, integer) FROM PUBLIC;

-- What one process of the installation may do.

CREATE TABLE oof_lease (
    name    text PRIMARY KEY,
    holder  text NOT NULL,
    epoch   bigint NOT NULL,
    until   timestamptz NOT NULL,

    CONSTRAINT oof_lease_name
        CHECK (length(name) BETWEEN 1 AND 64),
    CONSTRAINT oof_lease_holder
        CHECK (length(holder) <= 255),
    CONSTRAINT oof_lease_epoch
        CHECK (epoch > 0)
)
WITH (fillfactor = 20,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 200);

COMMENT ON TABLE oof_lease IS
    'who does what only one process may do; a row is renewed each second, '
    'judged by this database''s clock';
COMMENT ON COLUMN oof_lease.holder IS
    'a random id of the process, its host and pid; empty: given back';
COMMENT ON COLUMN oof_lease.epoch IS
    'raised by one whenever it is acquired: a write of a holder that names an '
    'older one is void';


CREATE TABLE oof_clock (
    one       boolean PRIMARY KEY DEFAULT true,
    "offset"  bigint NOT NULL,
    changed   timestamptz NOT NULL,

    CONSTRAINT oof_clock_one
        CHECK (one),
    CONSTRAINT oof_clock_offset
        CHECK ("offset" BETWEEN -3162240000 AND 3162240000)
);

INSERT INTO oof_clock ("offset", changed) VALUES (0, clock_timestamp());

COMMENT ON TABLE oof_clock IS
    'seconds between the system''s clock and the rule clock of a test '
    'installation (oof_test_clock on); nothing reads it elsewhere';


CREATE TABLE oof_key_usage (
    key_id    text PRIMARY KEY,
    name      text NOT NULL,
    reserved  bigint NOT NULL,
    changed   timestamptz NOT NULL,

    CONSTRAINT oof_key_usage_key_id
        CHECK (length(key_id) BETWEEN 1 AND 64),
    CONSTRAINT oof_key_usage_name
        CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT oof_key_usage_reserved
        CHECK (reserved BETWEEN 0 AND 2147483648)
)
WITH (fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 200);

COMMENT ON TABLE oof_key_usage IS
    'how many values each personal-data key has encrypted or may, reserved in '
    'portions; a random nonce is safe for 2^31 values of one key';
COMMENT ON COLUMN oof_key_usage.key_id IS
    'a fingerprint of the key itself, so that a key which is configured twice '
    'under other names is counted once';
COMMENT ON COLUMN oof_key_usage.name IS
    'how the configuration called it when it was last used';
