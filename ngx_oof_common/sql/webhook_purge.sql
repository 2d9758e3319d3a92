-- Calls that are over, and so old, with their attempts.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: older ones go
-- $4 int4: how many at most
WITH held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), o AS MATERIALIZED (
    SELECT w.event_id, w.target
      FROM oof_webhook w
     WHERE w.stamp < $3
       AND w.due IS NULL
       AND EXISTS (SELECT FROM held)
     ORDER BY w.stamp
     LIMIT $4
), a AS (
    DELETE FROM oof_webhook_attempt a
          USING o
          WHERE a.event_id = o.event_id
            AND a.target = o.target
), d AS (
    DELETE FROM oof_webhook w
          USING o
          WHERE w.event_id = o.event_id
            AND w.target = o.target
)
SELECT 0::int4 AS outcome, count(*) AS purged
  FROM o;
