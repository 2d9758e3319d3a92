-- Dead events that are to be tried again, the oldest first.
--
-- $1 text: the consumer's name
-- $2 text: their positions, with commas; null: all
-- $3 int4: how many at most
WITH c AS (
    UPDATE oof_consumer
       SET requeued = requeued + 1
     WHERE name = $1
    RETURNING 1
), p AS (
    SELECT p.position
      FROM oof_consumer_pending p, c
     WHERE p.consumer = $1 AND p.dead
       AND ($2 IS NULL
            OR p.position = ANY (string_to_array($2, ',')::int8[]))
     ORDER BY p.position
     LIMIT $3
), u AS (
    UPDATE oof_consumer_pending q
       SET dead = false, attempts = 0, next = clock_timestamp(),
           changed = clock_timestamp()
      FROM p
     WHERE q.consumer = $1 AND q.position = p.position
    RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM u)::int4 AS requeued
  FROM c;
