-- Copyright (C) oof authors
--
-- Events: the order of a key whatever clocks say and however late a commit is,
-- traces of webhooks, and where the personal data of an event's subject are.

SELECT current_schema() AS oof_schema \gset


-- When a row was added by this server's clock, which is one for all hosts: it
-- is what the relay looks for new rows by.  The next event of a key is added
-- after the one before was committed, for it waits for the same row's lock.

ALTER TABLE oof_event ADD COLUMN added timestamptz;
ALTER TABLE oof_event ALTER COLUMN added SET DEFAULT clock_timestamp();

UPDATE oof_event SET added = stamp WHERE position IS NULL;

CREATE INDEX oof_event_added ON oof_event (added) WHERE position IS NULL;
DROP INDEX oof_event_new;

COMMENT ON COLUMN oof_event.added IS
    'when it was added, by this server''s clock';


-- Gives the next positions to at most "most" rows that were added since an
-- instant, in order of their stamps, if "holder" is the epoch of whoever may;
-- -1 if not.
--
-- Which instant that may be: "mark" is the "next" of an earlier call, the
-- number of its transaction, which began at "at".  When "over", every
-- transaction with a lower number has ended, and what there was of theirs has
-- positions now: whatever is still to be seen, or to come, is of transactions
-- that have got their numbers later, so it was added after "at".  A transaction
-- that does not end therefore delays nothing but how far back is looked; one
-- that has not written an event does not count.
--
-- The plan must not depend on what a partition was like when it was made, so
-- plans that read all of one are not thought of.

CREATE FUNCTION oof_relay_next(holder bigint, since timestamptz, most integer,
    mark bigint, OUT taken integer, OUT head bigint, OUT over boolean,
    OUT next bigint, OUT at timestamptz)
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
    next := pg_current_xact_id()::text::bigint;

    SELECT r.position INTO last
      FROM oof_relay r
     WHERE r.one AND r.epoch = holder
       FOR UPDATE;

    IF NOT FOUND THEN
        taken := -1;
        RETURN;
    END IF;

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

COMMENT ON FUNCTION oof_relay_next(bigint, timestamptz, integer, bigint) IS
    'gives positions to new rows of the logs';


-- a release before this one takes new rows by it

CREATE OR REPLACE FUNCTION oof_relay_take(holder bigint, since timestamptz,
    most integer, OUT taken integer, OUT head bigint, OUT newest timestamptz)
LANGUAGE sql
SET search_path = :"oof_schema", pg_temp
AS $$
    SELECT n.taken, n.head, n.at
      FROM oof_relay_next(holder, since, most, NULL) n
$$;


-- The trace of the event that a call of a webhook tells of goes on with it.

ALTER TABLE oof_webhook ADD COLUMN trace text;

COMMENT ON COLUMN oof_webhook.trace IS
    'traceparent of the event, null: it has none';


-- Where the personal data are of what an event is about, sealed: events have
-- none of them.

CREATE VIEW oof_event_personal (key, consent_id, consent, debtor, payment) AS
    SELECT p.payment_id, p.consent_id, c.personal, c.debtor, p.personal
      FROM oof_payment p
      JOIN oof_payment_consent c
           ON c.consent_id = p.consent_id
 UNION ALL
    SELECT consent_id, consent_id, personal, debtor, NULL
      FROM oof_payment_consent
 UNION ALL
    SELECT consent_id, consent_id, personal, NULL, NULL
      FROM oof_consent;

COMMENT ON VIEW oof_event_personal IS
    'by the key of an event: the sealed documents of its consent, of the '
    'account to be debited, and of the payment';

REVOKE ALL ON FUNCTION
    oof_relay_next(bigint, timestamptz, integer, bigint)
    FROM PUBLIC;
