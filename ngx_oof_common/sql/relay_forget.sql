-- Forgets consumers that have not been configured for as long as rows are kept,
-- and dead events that are in no log any more.
--
-- $1 int8: the lease's epoch
-- $2 int8: for how many milliseconds rows are kept
WITH g AS (
    DELETE FROM oof_consumer
     WHERE epoch < $1
       AND seen < clock_timestamp() - $2 * interval '1 millisecond'
    RETURNING name
), p AS (
    DELETE FROM oof_consumer_pending p
     USING g
     WHERE p.consumer = g.name
), d AS (
    DELETE FROM oof_consumer_pending p
     WHERE p.dead
       AND p.position < (SELECT l.position
                           FROM oof_log_read(0, 1, 1) l)
       AND NOT EXISTS (SELECT FROM g WHERE g.name = p.consumer)
    RETURNING 1
)
SELECT 0::int4 AS outcome,
       (SELECT string_agg(name, ', ' ORDER BY name) FROM g) AS forgotten,
       (SELECT count(*) FROM d) AS dead;
