-- Makes the row of a day from its minutes, of each endpoint and of each brand.
--
-- $1 int8: the epoch in which the lease "status" is held
-- $2 int4: the day, of Brasilia, since 1970
-- $3 timestamptz: its first instant
-- $4 timestamptz: that of the next one
WITH minutes AS MATERIALIZED (
    SELECT brand, endpoint, minute, calls, errors, rejections, millis,
           (SELECT max(s) FROM unnest(seconds) s) AS peak,
           (errors * 20 > good + errors) AS bad
      FROM oof_meter_minute
     WHERE minute >= $3 AND minute < $4
           AND EXISTS (SELECT
                         FROM oof_lease
                        WHERE name = 'status' AND epoch = $1)
), planned AS MATERIALIZED (
    SELECT brand, sum(extract(epoch FROM least(ends, $4)
                                         - greatest(starts, $3))) AS seconds
      FROM oof_outage
     WHERE cancelled IS NULL AND ends > $3 AND starts < $4
     GROUP BY brand
), rows AS (
    SELECT brand, endpoint, sum(calls) AS calls, sum(errors) AS errors,
           sum(rejections) AS rejections, sum(millis) AS millis,
           max(peak) AS peak, count(*) FILTER (WHERE bad) AS down
      FROM minutes
     GROUP BY brand, endpoint
     UNION ALL
    SELECT brand, '', sum(calls), sum(errors), sum(rejections), sum(millis),
           max(peak), count(DISTINCT minute) FILTER (WHERE bad)
      FROM minutes
     GROUP BY brand
), kept AS (
    INSERT INTO oof_meter_day (brand, endpoint, day, calls, errors,
                               rejections, millis, peak, down, planned)
    SELECT r.brand, r.endpoint, date '1970-01-01' + $2, r.calls, r.errors, r.rejections, r.millis,
           coalesce(r.peak, 0), r.down,
           CASE WHEN r.endpoint = '' THEN coalesce(p.seconds, 0) ELSE 0 END
      FROM rows r
      LEFT JOIN planned p ON p.brand = r.brand
    ON CONFLICT (brand, day, endpoint) DO UPDATE
        SET calls = excluded.calls, errors = excluded.errors,
            rejections = excluded.rejections, millis = excluded.millis,
            peak = excluded.peak, down = excluded.down,
            planned = excluded.planned
    RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM kept)::int4 AS rows;
