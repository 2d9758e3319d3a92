-- Copyright (C) oof authors
--
-- Calls of data APIs, which are limited by the month, and active consents, by
-- which some are limited by the minute.

CREATE TABLE oof_limit_month (
    month  integer NOT NULL,
    calls  integer NOT NULL,
    most   integer NOT NULL,
    spent  timestamptz,
    key    bytea NOT NULL,

    PRIMARY KEY (month, key)
)
WITH (fillfactor = 80,
      autovacuum_vacuum_scale_factor = 0.05,
      autovacuum_vacuum_cost_delay = 0);

-- what all hosts must hear of: only the few that have come to their limit, so
-- that most changes touch no index

CREATE INDEX oof_limit_month_spent
    ON oof_limit_month (month, spent)
    WHERE spent IS NOT NULL;

COMMENT ON TABLE oof_limit_month IS
    'successful calls of one endpoint, resource, customer and organisation in '
    'a calendar month of Brasilia; every host adds what it has counted';
COMMENT ON COLUMN oof_limit_month.month IS
    'year * 100 + month';
COMMENT ON COLUMN oof_limit_month.key IS
    'a digest of what is counted; the customer is in it as HMAC only';
COMMENT ON COLUMN oof_limit_month.most IS
    'the limit, by the configuration of who wrote last';
COMMENT ON COLUMN oof_limit_month.spent IS
    'when the limit was reached, by this database''s clock: hosts read what is '
    'new since they last did';


CREATE TABLE oof_limit_writer (
    writer   uuid PRIMARY KEY,
    batch    bigint NOT NULL,
    changed  timestamptz NOT NULL
)
WITH (fillfactor = 20,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 200);

COMMENT ON TABLE oof_limit_writer IS
    'the newest batch of counts that each host has written: one that comes '
    'again is not counted again';


CREATE TABLE oof_limit_consents (
    brand            text NOT NULL,
    organisation_id  uuid NOT NULL,
    consents         bigint NOT NULL,
    counting         bigint NOT NULL,

    PRIMARY KEY (brand, organisation_id)
)
WITH (fillfactor = 50);

COMMENT ON TABLE oof_limit_consents IS
    'active consents of each organisation, as counted last';
COMMENT ON COLUMN oof_limit_consents.counting IS
    'what the count that is going on has come to';


CREATE TABLE oof_limit_count (
    one       boolean PRIMARY KEY DEFAULT true,
    running   boolean NOT NULL,
    counted   timestamptz,
    reached  uuid NOT NULL,

    CONSTRAINT oof_limit_count_one
        CHECK (one)
)
WITH (fillfactor = 20,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 200);

INSERT INTO oof_limit_count (running, reached)
    VALUES (false, '00000000-0000-0000-0000-000000000000');

COMMENT ON TABLE oof_limit_count IS
    'how far the hourly count of active consents has come';
COMMENT ON COLUMN oof_limit_count.counted IS
    'when it was complete last, by the rule clock';
