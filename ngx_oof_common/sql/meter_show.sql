-- Days of endpoints, each endpoint's newest first; '' is the brand.
--
-- $1 text: brand
-- $2 int4: the first day, since 1970
-- $3 int4: the last one
SELECT endpoint, (day - date '1970-01-01')::int4 AS day, calls, errors,
       rejections, millis, peak, down, planned
  FROM oof_meter_day
 WHERE brand = $1
       AND day BETWEEN date '1970-01-01' + $2 AND date '1970-01-01' + $3
 ORDER BY endpoint, day DESC
 LIMIT 20000;
