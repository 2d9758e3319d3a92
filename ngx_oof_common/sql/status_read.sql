-- What is out of service now: planned outages, then failures.
--
-- $1 text: brand
-- $2 timestamptz: now, by the rule clock
-- $3 int4: rows at most
SELECT 0::int4 AS kind, starts AS since, ends AS until, changed, explanation,
       to_json(endpoints)::text AS endpoints
  FROM oof_outage
 WHERE brand = $1 AND ends > $2 AND starts <= $2 AND cancelled IS NULL
 UNION ALL
SELECT 1, detected, expected, changed, explanation,
       json_build_array(endpoint)::text
  FROM oof_failure
 WHERE brand = $1 AND ended IS NULL
 ORDER BY kind, since
 LIMIT $3;
