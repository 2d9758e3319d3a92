-- Copyright (C) oof authors
--
-- The relay: positions of events, consumers and how far each has come, what a
-- consumer has still to take, and the end of old partitions.

SELECT current_schema() AS oof_schema \gset


-- Rows are written without a position; the relay gives each the next one, off
-- the path of requests.  What has none yet is found by a small index, which an
-- update leaves again.

ALTER TABLE oof_event ADD COLUMN position bigint;
ALTER TABLE oof_call ADD COLUMN position bigint;

CREATE INDEX oof_event_new ON oof_event (stamp) WHERE position IS NULL;
CREATE INDEX oof_call_new ON oof_call (stamp) WHERE position IS NULL;

CREATE INDEX oof_event_position ON oof_event (position)
    WHERE position IS NOT NULL;
CREATE INDEX oof_call_position ON oof_call (position)
    WHERE position IS NOT NULL;

COMMENT ON COLUMN oof_event.position IS
    'the order for all consumers, without gaps and shared with oof_call; null '
    'until the relay has seen the row';
COMMENT ON COLUMN oof_call.position IS
    'as that of oof_event';


CREATE VIEW oof_log AS
    SELECT position, id, type, brand, key, version, "time", stamp, data
      FROM oof_event
     UNION ALL
    SELECT position, id, type, brand, key, version, "time", stamp, data
      FROM oof_call;

COMMENT ON VIEW oof_log IS
    'both logs by position';


CREATE TABLE oof_relay (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch     bigint NOT NULL,
    position  bigint NOT NULL
);

INSERT INTO oof_relay (epoch, position) VALUES (0, 0);

COMMENT ON TABLE oof_relay IS
    'one row: the epoch of the lease of who may give positions, and the last '
    'one that was given';


CREATE TABLE oof_consumer (
    name        text PRIMARY KEY,
    epoch       bigint NOT NULL,
    cursor      bigint NOT NULL,
    generation  bigint NOT NULL DEFAULT 0,
    requeued    bigint NOT NULL DEFAULT 0,
    seen        timestamptz NOT NULL
)
WITH (fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 1000,
      autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE oof_consumer IS
    'who takes events, and how far each has come';
COMMENT ON COLUMN oof_consumer.cursor IS
    'every event at or before this position was taken, or is pending';
COMMENT ON COLUMN oof_consumer.generation IS
    'raised by a replay: whoever has read an older one starts anew';
COMMENT ON COLUMN oof_consumer.requeued IS
    'raised when dead events are to be tried again';
COMMENT ON COLUMN oof_consumer.seen IS
    'when it was last configured, by this database''s clock: one that is not '
    'any more holds the log only for as long as rows are kept';


CREATE TABLE oof_consumer_pending (
    consumer  text NOT NULL,
    position  bigint NOT NULL,
    id        uuid NOT NULL,
    key       uuid NOT NULL,
    attempts  integer NOT NULL,
    next      timestamptz NOT NULL,
    changed   timestamptz NOT NULL,
    dead      boolean NOT NULL,
    error     text,

    PRIMARY KEY (consumer, position)
)
WITH (fillfactor = 70,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE oof_consumer_pending IS
    'events before a consumer''s cursor that it has not taken: one that failed '
    'and those of the same key behind it, or dead ones';
CREATE INDEX oof_consumer_pending_dead ON oof_consumer_pending (consumer)
    WHERE dead;

COMMENT ON COLUMN oof_consumer_pending.dead IS
    'given up, and not in the way of any other';
COMMENT ON COLUMN oof_consumer_pending.error IS
    'what was wrong the last time; no secret, nobody''s data';


-- Changes of registered clients are events too.

ALTER TABLE oof_client
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN stamp timestamptz NOT NULL DEFAULT '-infinity';

COMMENT ON COLUMN oof_client.version IS
    'raised with each change; begins again when a client that was removed is '
    'registered again';

CREATE FUNCTION oof_client_key(brand text, client_id text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT md5(brand || ' ' || client_id)::uuid
$$;

COMMENT ON FUNCTION oof_client_key(text, text) IS
    'key of the events of a client, whose own id need not be a UUID';


-- the smallest UUIDv7 of an instant

CREATE FUNCTION oof_log_bound(at timestamptz) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
AS $$
    SELECT (pg_catalog.lpad(pg_catalog.to_hex(
                pg_catalog.floor(extract(epoch FROM at) * 1000)::bigint),
                            12, '0')
            || pg_catalog.repeat('0', 20))::uuid
$$;

COMMENT ON FUNCTION oof_log_bound(timestamptz) IS
    'a lower bound of the ids that are made from an instant on';


-- Gives the next positions to at most "most" rows, in order of their stamps, if
-- "holder" is the epoch of whoever may; -1 if not.  The plan must not depend on
-- what a partition was like when it was made, so plans that read all of one are
-- not thought of.

CREATE FUNCTION oof_relay_take(holder bigint, since timestamptz, most integer,
    OUT taken integer, OUT head bigint, OUT newest timestamptz)
LANGUAGE plpgsql
SET search_path = :"oof_schema", pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    last    bigint;
    lowest  uuid := '00000000-0000-0000-0000-000000000000';
    ids     uuid[];
    calls   uuid[];
BEGIN
    SELECT r.position INTO last
      FROM oof_relay r
     WHERE r.one AND r.epoch = holder
       FOR UPDATE;

    IF NOT FOUND THEN
        taken := -1;
        RETURN;
    END IF;

    -- an id is made at most a minute before its row's stamp, if the hosts'
    -- clocks are not far apart; what is older is found without "since"

    IF since > '-infinity' THEN
        lowest := oof_log_bound(since - interval '1 hour');
    END IF;

    SELECT array_agg(x.id ORDER BY x.stamp, x.id) FILTER (WHERE NOT x.call),
           array_agg(x.id ORDER BY x.stamp, x.id) FILTER (WHERE x.call),
           count(*), max(x.stamp)
      INTO ids, calls, taken, newest
      FROM ((SELECT v.id, v.stamp, false AS call
               FROM oof_event v
              WHERE v.position IS NULL AND v.stamp >= since AND v.id >= lowest
              ORDER BY v.stamp
              LIMIT most)
             UNION ALL
            (SELECT v.id, v.stamp, true
               FROM oof_call v
              WHERE v.position IS NULL AND v.stamp >= since AND v.id >= lowest
              ORDER BY v.stamp
              LIMIT least(most, 64))) x;

    head := last + taken;

    IF taken = 0 THEN
        RETURN;
    END IF;

    UPDATE oof_event v
       SET position = last + n.position
      FROM unnest(ids) WITH ORDINALITY n (id, position)
     WHERE v.id = n.id;

    last := last + coalesce(cardinality(ids), 0);

    IF calls IS NOT NULL THEN
        UPDATE oof_call v
           SET position = last + n.position
          FROM unnest(calls) WITH ORDINALITY n (id, position)
         WHERE v.id = n.id;
    END IF;

    UPDATE oof_relay r SET position = head WHERE r.one;
END
$$;

COMMENT ON FUNCTION oof_relay_take(bigint, timestamptz, integer) IS
    'gives positions to new rows of the logs';


-- What comes after a position: at most "most" rows, and no more of them than
-- are needed for "bytes" of data.

CREATE FUNCTION oof_log_read(after bigint, most integer, bytes bigint)
RETURNS SETOF oof_log
LANGUAGE plpgsql STABLE
SET search_path = :"oof_schema", pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
    l oof_log;
BEGIN
    FOR l IN SELECT *
               FROM oof_log v
              WHERE v.position > after
              ORDER BY v.position
              LIMIT most
    LOOP
        RETURN NEXT l;

        bytes := bytes - octet_length(l.data);
        EXIT WHEN bytes <= 0;
    END LOOP;
END
$$;

COMMENT ON FUNCTION oof_log_read(bigint, integer, bigint) IS
    'rows of the logs after a position, in order';


CREATE FUNCTION oof_log_rows(positions bigint[])
RETURNS SETOF oof_log
LANGUAGE plpgsql STABLE
SET search_path = :"oof_schema", pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
    p bigint;
BEGIN
    FOREACH p IN ARRAY positions LOOP
        RETURN QUERY SELECT * FROM oof_log v WHERE v.position = p;
    END LOOP;
END
$$;

COMMENT ON FUNCTION oof_log_rows(bigint[]) IS
    'rows of these positions, as far as they are still there';


-- The position of the first row that was written at or after an instant, by the
-- clock of who wrote it, which the id tells; rows whose statement took longer
-- than others may come a little before it.

CREATE FUNCTION oof_log_position("from" timestamptz)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = :"oof_schema", pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
    SELECT coalesce(min(p.position),
                    (SELECT r.position + 1 FROM oof_relay r))
      FROM (SELECT oof_log_bound("from") AS id) b,
           LATERAL ((SELECT v.position
                       FROM oof_event v
                      WHERE v.id >= b.id AND v.position IS NOT NULL
                      ORDER BY v.id
                      LIMIT 1000)
                     UNION ALL
                    (SELECT v.position
                       FROM oof_call v
                      WHERE v.id >= b.id AND v.position IS NOT NULL
                      ORDER BY v.id
                      LIMIT 1000)) p
$$;

COMMENT ON FUNCTION oof_log_position(timestamptz) IS
    'where to start for everything since an instant';


-- Drops partitions of a log whose day ended before "before" and whose rows have
-- all been taken by every consumer seen since "live"; at most "most" of them.
-- "held" is the first consumer that still needs the oldest of them, or an empty
-- text when the relay has not seen all its rows.

CREATE FUNCTION oof_log_drop(log text, before timestamptz, live timestamptz,
    most integer, OUT dropped integer, OUT held text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :"oof_schema", pg_temp
SET lock_timeout = '50ms'
SET enable_seqscan = off
AS $$
DECLARE
    name      text;
    rest      boolean;
    last      bigint;
    attempts  integer := 5;
BEGIN
    IF log NOT IN ('oof_event', 'oof_call') THEN
        RAISE EXCEPTION 'no log of events: %', log;
    END IF;

    dropped := 0;

    FOR name IN
        SELECT c.relname
          FROM pg_catalog.pg_inherits h
          JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
         WHERE h.inhparent = log::regclass
               AND c.relname ~ '_[0-9]{8}$'
               AND to_date(right(c.relname, 8), 'YYYYMMDD')
                   < (before AT TIME ZONE 'UTC')::date
         ORDER BY c.relname
    LOOP
        EXIT WHEN dropped >= most OR attempts = 0;

        BEGIN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE position IS'
                           ' NULL), (SELECT max(position) FROM %I WHERE'
                           ' position IS NOT NULL)', name, name)
               INTO rest, last;

            IF rest THEN
                held := '';
                EXIT;
            END IF;

            SELECT s.name INTO held
              FROM oof_consumer s
             WHERE s.seen >= live
                   AND (s.cursor < last
                        OR EXISTS (SELECT
                                     FROM oof_consumer_pending p
                                    WHERE p.consumer = s.name
                                          AND p.position <= last
                                          AND NOT p.dead))
             ORDER BY s.name
             LIMIT 1;

            EXIT WHEN held IS NOT NULL;

            EXECUTE format('DROP TABLE %I', name);
            dropped := dropped + 1;

        EXCEPTION
            WHEN lock_not_available OR deadlock_detected THEN
                attempts := attempts - 1;
                PERFORM pg_sleep(0.02);

            WHEN undefined_table THEN

                -- another session has just dropped it

                attempts := attempts - 1;
        END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION oof_log_drop(text, timestamptz, timestamptz, integer) IS
    'ends days of a log that nobody needs any more';

REVOKE ALL ON FUNCTION oof_client_key(text, text),
    oof_log_bound(timestamptz),
    oof_relay_take(bigint, timestamptz, integer),
    oof_log_read(bigint, integer, bigint), oof_log_rows(bigint[]),
    oof_log_position(timestamptz),
    oof_log_drop(text, timestamptz, timestamptz, integer)
    FROM PUBLIC;
