-- Keeps how far a consumer has come, and what it has left behind on the way.
--
-- $1 text: its name
-- $2 int8: the lease's epoch
-- $3 int8: the generation that was read
-- $4 int8: cursor
-- $5 text: JSON array of pending events: position, id, key, attempts, wait,
--          dead, error
-- $6 text: positions that are pending no more, with commas
WITH c AS (
    UPDATE oof_consumer
       SET cursor = $4
     WHERE name = $1 AND epoch = $2 AND generation = $3
    RETURNING 1
), d AS (
    DELETE FROM oof_consumer_pending p
     USING c
     WHERE p.consumer = $1
       AND p.position = ANY (string_to_array($6, ',')::int8[])
), i AS (
    INSERT INTO oof_consumer_pending (consumer, position, id, key, attempts,
                                      next, changed, dead, error)
    SELECT $1, x.position, x.id, x.key, x.attempts,
           clock_timestamp() + x.wait * interval '1 millisecond',
           clock_timestamp(), x.dead, x.error
      FROM c, json_to_recordset($5::json)
                  AS x (position int8, id uuid, key uuid, attempts int4,
                        wait int8, dead bool, error text)
        ON CONFLICT (consumer, position) DO UPDATE
           SET attempts = excluded.attempts, next = excluded.next,
               changed = excluded.changed, dead = excluded.dead,
               error = excluded.error
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM c)::int4 AS saved;
