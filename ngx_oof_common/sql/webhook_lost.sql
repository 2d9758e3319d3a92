-- Attempts that nobody will tell the outcome of have failed when their time is
-- over: the next one is due so long after that.  What has waited too long for
-- its host to be free is given up.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 timestamptz: real clock
-- $4 text: JSON object: how long after each attempt the next is, in
-- milliseconds, of each brand
-- $5 timestamptz: waiting since then is too long, or null
-- $6 int4: how many at most
WITH held AS MATERIALIZED (
    SELECT
      FROM oof_lease
     WHERE name = $1
       AND epoch = $2
       FOR SHARE
), l AS MATERIALIZED (
    SELECT w.event_id, w.target, w.attempt,
           w.due + (($4::jsonb -> w.brand) ->> (w.attempt - 1))::int8
                   * interval '1 millisecond' AS due
      FROM oof_webhook w
     WHERE w.state = 'sent'
       AND w.due <= $3
       AND EXISTS (SELECT FROM held)
     ORDER BY w.due
     LIMIT $6
), g AS MATERIALIZED (
    SELECT w.event_id, w.target
      FROM oof_webhook w
     WHERE w.state = 'waiting'
       AND w.due <= $5
       AND EXISTS (SELECT FROM held)
     ORDER BY w.due
     LIMIT $6
), a AS (
    UPDATE oof_webhook_attempt a
       SET ended = $3,
           error = 'the outcome is not known'
      FROM l
     WHERE a.event_id = l.event_id
       AND a.target = l.target
       AND a.attempt = l.attempt
), u AS (
    UPDATE oof_webhook w
       SET state = CASE WHEN l.due IS NULL THEN 'failed' ELSE 'waiting' END,
           due = l.due
      FROM l
     WHERE w.event_id = l.event_id
       AND w.target = l.target
), d AS (
    UPDATE oof_webhook w
       SET state = 'failed',
           due = NULL
      FROM g
     WHERE w.event_id = g.event_id
       AND w.target = g.target
)
SELECT 0::int4 AS outcome,
       (SELECT count(*) FROM l)::int4 AS lost,
       (SELECT count(*) FROM g)::int4 AS given_up;
