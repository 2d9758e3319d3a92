-- Takes away minutes and days that are too old.
--
-- $1 int8: the epoch in which the lease "status" is held
-- $2 timestamptz: minutes before this
-- $3 int4: days before this, since 1970
-- $4 int4: rows of minutes at most
WITH l AS MATERIALIZED (
    SELECT 1
      FROM oof_lease
     WHERE name = 'status' AND epoch = $1
), m AS (
    DELETE FROM oof_meter_minute
     WHERE (minute, brand, endpoint)
           IN (SELECT o.minute, o.brand, o.endpoint
                 FROM oof_meter_minute o, l
                WHERE o.minute < $2
                ORDER BY o.minute
                LIMIT $4)
    RETURNING 1
), d AS (
    DELETE FROM oof_meter_day
     WHERE day < date '1970-01-01' + $3 AND EXISTS (SELECT FROM l)
    RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM m)::int4 AS minutes,
       (SELECT count(*) FROM d)::int4 AS days;
