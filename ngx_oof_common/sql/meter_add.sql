-- Adds what one worker has counted to the minutes of endpoints.  A batch is
-- counted once however often it comes: those of one writer have growing
-- numbers.  Rows are taken in order, so that two workers do not wait for one
-- another in a circle.
--
-- $1 uuid: the writer
-- $2 int8: the batch's number
-- $3 timestamptz: now, by the real clock
-- $4 text: brand
-- $5 text: a JSON array of objects: e endpoint, m minute, c calls, g good,
--    x errors, r rejections, t milliseconds, s calls of each second
WITH s AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) AS off
), batch AS (
    INSERT INTO oof_limit_writer AS w (writer, batch, changed)
    SELECT $1, $2, $3
      FROM s
     WHERE s.off = 'off'
    ON CONFLICT (writer) DO UPDATE
        SET batch = excluded.batch, changed = excluded.changed
        WHERE w.batch < excluded.batch
    RETURNING 1
), added AS (
    INSERT INTO oof_meter_minute AS o
                (brand, endpoint, minute, calls, good, errors, rejections,
                 millis, seconds)
    SELECT $4, g.e, to_timestamp(g.m * 60), g.c, g.g, g.x, g.r, g.t, g.s
      FROM json_to_recordset($5::json)
           AS g (e text, m int8, c int4, g int4, x int4, r int4, t int8,
                 s int4[])
     WHERE EXISTS (SELECT FROM batch)
     ORDER BY g.m, g.e
    ON CONFLICT (minute, brand, endpoint) DO UPDATE
        SET calls = o.calls + excluded.calls,
            good = o.good + excluded.good,
            errors = o.errors + excluded.errors,
            rejections = o.rejections + excluded.rejections,
            millis = o.millis + excluded.millis,
            seconds = ARRAY (SELECT u.a + u.b
                               FROM unnest(o.seconds, excluded.seconds)
                                    WITH ORDINALITY AS u (a, b, n)
                              ORDER BY u.n)
    RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM added)::int4 AS added;
