-- Copyright (C) oof authors
--
-- What the regulation's public endpoints tell: calls of each endpoint by the
-- minute and the day, failures that were seen in them, outages that are planned.

CREATE TABLE oof_meter_minute (
    brand       text NOT NULL,
    endpoint    text NOT NULL,
    minute      timestamptz NOT NULL,
    calls       integer NOT NULL,
    good        integer NOT NULL,
    errors      integer NOT NULL,
    rejections  integer NOT NULL,
    millis      bigint NOT NULL,
    seconds     integer[] NOT NULL,

    PRIMARY KEY (minute, brand, endpoint)
)
WITH (fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0.05,
      autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE oof_meter_minute IS
    'calls of each endpoint in a minute of the rule clock, of all hosts; kept '
    'for two days';
COMMENT ON COLUMN oof_meter_minute.endpoint IS
    'path as its API has it: /open-banking/consents/v3/consents/{consentId}';
COMMENT ON COLUMN oof_meter_minute.good IS
    'answered with 2xx or 422';
COMMENT ON COLUMN oof_meter_minute.errors IS
    'answered with 5xx or 408';
COMMENT ON COLUMN oof_meter_minute.rejections IS
    'refused by a limit: 423, 429, 529 (an error too)';
COMMENT ON COLUMN oof_meter_minute.millis IS
    'milliseconds of all that were not rejected';
COMMENT ON COLUMN oof_meter_minute.seconds IS
    'calls in each of its 60 seconds';


CREATE TABLE oof_meter_day (
    brand       text NOT NULL,
    endpoint    text NOT NULL,
    day         date NOT NULL,
    calls       bigint NOT NULL,
    errors      bigint NOT NULL,
    rejections  bigint NOT NULL,
    millis      bigint NOT NULL,
    peak        integer NOT NULL,
    down        integer NOT NULL,
    planned     integer NOT NULL,

    PRIMARY KEY (brand, day, endpoint)
)
WITH (fillfactor = 70);

COMMENT ON TABLE oof_meter_day IS
    'the same of a day of Brasilia, made from the minutes each five minutes; '
    'kept for 400 days';
COMMENT ON COLUMN oof_meter_day.endpoint IS
    'empty: of the brand, whose down counts minutes in which any of them was';
COMMENT ON COLUMN oof_meter_day.peak IS
    'most calls in a second';
COMMENT ON COLUMN oof_meter_day.down IS
    'minutes in which fewer than 95 % of the calls that count succeeded';
COMMENT ON COLUMN oof_meter_day.planned IS
    'seconds of planned outages, those of the brand''s row';


CREATE TABLE oof_failure (
    failure_id   uuid PRIMARY KEY,
    brand        text NOT NULL,
    endpoint     text NOT NULL,
    detected     timestamptz NOT NULL,
    changed      timestamptz NOT NULL,
    expected     timestamptz,
    ended        timestamptz,
    explanation  text
);

-- of an endpoint one at a time

CREATE UNIQUE INDEX oof_failure_open
    ON oof_failure (brand, endpoint)
    WHERE ended IS NULL;

CREATE INDEX oof_failure_detected
    ON oof_failure (brand, detected);

COMMENT ON TABLE oof_failure IS
    'failures of endpoints, opened and closed by what was seen of their calls';
COMMENT ON COLUMN oof_failure.explanation IS
    'what the bank says of it; null: our own words';
COMMENT ON COLUMN oof_failure.expected IS
    'when the bank expects it to end; null: it has not said';


CREATE TABLE oof_outage (
    outage_id    uuid PRIMARY KEY,
    brand        text NOT NULL,
    starts       timestamptz NOT NULL,
    ends         timestamptz NOT NULL,
    changed      timestamptz NOT NULL,
    cancelled    timestamptz,
    explanation  text NOT NULL,
    endpoints    text[] NOT NULL,

    CONSTRAINT oof_outage_term
        CHECK (starts < ends),
    CONSTRAINT oof_outage_explanation
        CHECK (length(explanation) BETWEEN 1 AND 2000),
    CONSTRAINT oof_outage_endpoints
        CHECK (cardinality(endpoints) <= 1000)
);

CREATE INDEX oof_outage_ends
    ON oof_outage (brand, ends);

COMMENT ON TABLE oof_outage IS
    'outages that the bank has planned, by the rule clock';
COMMENT ON COLUMN oof_outage.endpoints IS
    'what is out of service; none: everything';


-- Reports of calls say much the same again and again, and are many: a quick
-- compression is worth it, where this server has it.

DO $$
BEGIN
    ALTER TABLE oof_call ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION
    WHEN feature_not_supported THEN
        NULL;
END
$$;
