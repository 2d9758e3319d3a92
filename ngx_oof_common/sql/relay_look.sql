-- What operators have asked for, and how much is dead.  Those who are
-- configured say so from time to time.
--
-- $1 int8: the lease's epoch
WITH s AS (
    UPDATE oof_consumer
       SET seen = clock_timestamp()
     WHERE epoch = $1 AND seen < clock_timestamp() - interval '1 minute'
)
SELECT 0::int4 AS outcome, c.name, c.generation, c.requeued,
       (SELECT count(*)
          FROM (SELECT
                  FROM oof_consumer_pending p
                 WHERE p.consumer = c.name AND p.dead
                 LIMIT 100000) d) AS dead
  FROM oof_consumer c
 WHERE c.epoch = $1;
