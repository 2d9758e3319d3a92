-- Copyright (C) oof authors
--
-- Reports of the calls of third parties: a log of its own beside that of
-- events, of the same shape and partitioned in the same way.

SELECT current_schema() AS oof_schema \gset


CREATE TABLE oof_call (
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

CREATE TABLE oof_call_default PARTITION OF oof_call DEFAULT;

COMMENT ON TABLE oof_call IS
    'reports of calls, up to 500 in a row, append-only, partitioned by the day '
    'of the id (UTC); written without waiting for the disk';
COMMENT ON COLUMN oof_call.id IS
    'UUIDv7: a row that is sent twice is known by it';
COMMENT ON COLUMN oof_call.key IS
    'the id again: rows have no order among themselves';
COMMENT ON COLUMN oof_call."time" IS
    'when the first of its calls was reported, by the real clock';
COMMENT ON COLUMN oof_call.stamp IS
    'when it was sent';
COMMENT ON TABLE oof_call_default IS
    'catches rows of days without a partition, as oof_event_default does';


-- What oof_event_partitions() did for one log, for each of them.

CREATE FUNCTION oof_log_partitions(log text, ahead integer, most integer,
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
    IF log NOT IN ('oof_event', 'oof_call') THEN
        RAISE EXCEPTION 'no log of events: %', log;
    END IF;

    days_left := -1;
    made := 0;

    FOR i IN -1 .. least(greatest(ahead, 0), 60) LOOP
        day := today + i;
        name := log || '_' || to_char(day, 'YYYYMMDD');

        LOOP
            IF EXISTS (SELECT
                         FROM pg_catalog.pg_inherits h
                         JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
                        WHERE h.inhparent = log::regclass
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
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)',
                               name, log);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I'
                               ' FOR VALUES FROM (%L) TO (%L)', log, name,
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
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', log || '_default')
            INTO astray;
    EXCEPTION
        WHEN lock_not_available THEN
            NULL;
    END;
END
$$;

COMMENT ON FUNCTION oof_log_partitions(text, integer, integer) IS
    'keeps the partitions of a log (oof_event, oof_call) ahead; days_left '
    'counts the days after today that have one (-1: not even today), astray: '
    'rows are in the default';

CREATE OR REPLACE FUNCTION oof_event_partitions(ahead integer, most integer,
    OUT days_left integer, OUT made integer, OUT astray boolean)
LANGUAGE sql SECURITY DEFINER
SET search_path = :"oof_schema", pg_temp
SET lock_timeout = '50ms'
AS $$
    SELECT days_left, made, astray
      FROM oof_log_partitions('oof_event', ahead, most)
$$;

REVOKE ALL ON FUNCTION oof_log_partitions(text, integer, integer) FROM PUBLIC;
