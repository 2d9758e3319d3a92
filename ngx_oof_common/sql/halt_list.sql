-- Outages in which requests are refused, from now on.
--
-- $1 timestamptz: now, by the rule clock
SELECT brand, starts, ends, to_json(endpoints)::text AS endpoints
  FROM oof_outage
 WHERE closed AND cancelled IS NULL AND ends > $1
 ORDER BY starts, outage_id
 LIMIT 1000;
