-- Outages that are planned or in force, the next one first.
--
-- $1 text: brand
-- $2 timestamptz: now, by the rule clock
-- $3 int8: rows before the page
-- $4 int8: rows of the page
SELECT starts, ends, explanation, cardinality(endpoints) > 0 AS partial,
       count(*) OVER () AS total
  FROM oof_outage
 WHERE brand = $1 AND ends > $2 AND cancelled IS NULL
 ORDER BY starts, outage_id
OFFSET $3
 LIMIT $4;
