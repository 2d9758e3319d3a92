-- Adds what one host has counted to the months, and tells what they come to.
-- A batch is counted once however often it comes: those of one writer have
-- growing numbers.  Rows are taken in the order of their keys, so that two
-- hosts do not wait for one another.
--
-- $1 uuid: the writer
-- $2 int8: the batch's number
-- $3 text: "month:key:calls:limit", separated by commas; the key in hex
-- $4 timestamptz: now, by the real clock
WITH batch AS (
    INSERT INTO oof_limit_writer AS w (writer, batch, changed)
    VALUES ($1, $2, $4)
    ON CONFLICT (writer) DO UPDATE
        SET batch = excluded.batch, changed = excluded.changed
        WHERE w.batch < excluded.batch
    RETURNING 1
), given AS MATERIALIZED (
    SELECT split_part(r, ':', 1)::int4 AS month,
           decode(split_part(r, ':', 2), 'hex') AS key,
           split_part(r, ':', 3)::int4 AS calls,
           split_part(r, ':', 4)::int4 AS most
      FROM unnest(string_to_array($3, ',')) AS r
), counted AS (
    INSERT INTO oof_limit_month AS m (month, key, calls, most, spent)
    SELECT month, key, calls, most,
           CASE WHEN calls >= most THEN clock_timestamp() END
      FROM given
     WHERE calls > 0 AND EXISTS (SELECT FROM batch)
     ORDER BY month, key
    ON CONFLICT (month, key) DO UPDATE
        SET calls = m.calls + excluded.calls,
            most = excluded.most,
            spent = CASE WHEN m.calls + excluded.calls >= excluded.most
                              AND (m.calls < excluded.most
                                   OR m.spent IS NULL)
                         THEN clock_timestamp()
                         ELSE m.spent END
    RETURNING month, key, calls
)
SELECT 0::int4 AS outcome, g.key,
       coalesce(c.calls, m.calls, 0)::int4 AS calls
  FROM given g
  LEFT JOIN counted c ON c.month = g.month AND c.key = g.key
  LEFT JOIN oof_limit_month m ON m.month = g.month AND m.key = g.key;
