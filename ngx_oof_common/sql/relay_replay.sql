-- Sets a consumer back, never forward: what it has not taken it still gets.
-- What is pending or dead after that comes again by itself.
--
-- $1 text: its name
-- $2 int8: the position that is to come first; null: that of the instant
-- $3 timestamptz: the instant
WITH p AS (
    SELECT greatest(coalesce($2, oof_log_position($3)), 1) AS position
), c AS (
    UPDATE oof_consumer c
       SET cursor = least(c.cursor, p.position - 1),
           generation = c.generation + 1
      FROM p
     WHERE c.name = $1
    RETURNING c.cursor
), d AS (
    DELETE FROM oof_consumer_pending d
     USING c
     WHERE d.consumer = $1 AND d.position > c.cursor
)
SELECT 0::int4 AS outcome, c.cursor + 1 AS position FROM c;
