-- All outages, the latest first.
--
-- $1 text: brand
-- $2 int8: rows before the page
-- $3 int8: rows of the page
SELECT outage_id, starts, ends, changed, cancelled, explanation,
       to_json(endpoints)::text AS endpoints, closed,
       count(*) OVER () AS total
  FROM oof_outage
 WHERE brand = $1
 ORDER BY starts DESC, outage_id
OFFSET $2
 LIMIT $3;
