-- Copyright (C) oof authors
--
-- A look of the relay that finds nothing has no transaction number, locks no
-- row and writes nothing to the disk: it comes several times a second.

SELECT current_schema() AS oof_schema \gset


-- as it was, but for the look before anything else

CREATE OR REPLACE FUNCTION oof_relay_next(holder bigint, since timestamptz,
    most integer, mark bigint, OUT taken integer, OUT head bigint,
    OUT over boolean, OUT next bigint, OUT at timestamptz)
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
    at := transaction_timestamp();

    over := coalesce(pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                     >= mark, false);

    IF mark IS NOT NULL AND NOT over AND since < at - interval '15 seconds'
    THEN
        over := NOT EXISTS (
            SELECT
              FROM pg_locks w
              JOIN pg_locks x
                   ON x.virtualtransaction = w.virtualtransaction
             WHERE w.locktype = 'relation'
               AND w.database = (SELECT d.oid
                                   FROM pg_database d
                                  WHERE d.datname = current_database())
               AND w.relation = 'oof_event'::regclass
               AND w.mode = 'RowExclusiveLock'
               AND w.granted
               AND w.pid IS DISTINCT FROM pg_backend_pid()
               AND x.locktype = 'transactionid'
               AND x.mode = 'ExclusiveLock'
               AND x.granted
               AND age(x.transactionid) > age(mark::text::xid8::xid));
    END IF;

    -- an id is of the clock of who made it; one that is a day behind, or a row
    -- that waited so long, is found without "since"

    IF since > '-infinity' THEN
        lowest := oof_log_bound(since - interval '1 day');
    END IF;

    -- Most looks find nothing: they write nothing, and take no number.  The
    -- first one does, and one an hour, so that "since" does not fall behind.

    IF mark IS NOT NULL
       AND (since = '-infinity' OR since > at - interval '1 hour')
       AND NOT EXISTS (SELECT
                         FROM oof_event v
                        WHERE v.position IS NULL
                          AND v.added >= since
                          AND v.id >= lowest)
       AND NOT EXISTS (SELECT
                         FROM oof_call v
                        WHERE v.position IS NULL
                          AND v.stamp >= since
                          AND v.id >= lowest)
    THEN
        SELECT 0, r.position INTO taken, head
          FROM oof_relay r
         WHERE r.one AND r.epoch = holder;

        IF NOT FOUND THEN
            taken := -1;
        END IF;

        RETURN;
    END IF;

    next := pg_current_xact_id()::text::bigint;

    SELECT r.position INTO last
      FROM oof_relay r
     WHERE r.one AND r.epoch = holder
       FOR UPDATE;

    IF NOT FOUND THEN
        taken := -1;
        RETURN;
    END IF;

    SELECT array_agg(x.id ORDER BY x.stamp, x.id) FILTER (WHERE NOT x.call),
           array_agg(x.id ORDER BY x.stamp, x.id) FILTER (WHERE x.call),
           count(*)
      INTO ids, calls, taken
      FROM ((SELECT v.id, v.stamp, false AS call
               FROM oof_event v
              WHERE v.position IS NULL AND v.added >= since AND v.id >= lowest
              ORDER BY v.added
              LIMIT most)
             UNION ALL
            (SELECT v.id, v.stamp, true
               FROM oof_call v
              WHERE v.position IS NULL AND v.stamp >= since AND v.id >= lowest
              ORDER BY v.stamp
              LIMIT least(most, 64))) x;

    -- what there is more may have been added at any time

    over := over AND coalesce(cardinality(ids), 0) < most;

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
