-- Consumers as they are configured, and how far each has come; a new one begins
-- with what comes next.
--
-- $1 int8: the lease's epoch
-- $2 text: their names, with commas
INSERT INTO oof_consumer AS c (name, epoch, cursor, seen)
SELECT n.name, $1, r.position, clock_timestamp()
  FROM unnest(string_to_array($2, ',')) n (name), oof_relay r
 WHERE r.epoch = $1
    ON CONFLICT (name) DO UPDATE
       SET epoch = excluded.epoch, seen = excluded.seen
       WHERE c.epoch <= excluded.epoch
RETURNING 0::int4 AS outcome, name, cursor, generation, requeued;
