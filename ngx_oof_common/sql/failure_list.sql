-- All failures, the latest first.
--
-- $1 text: brand
-- $2 int8: rows before the page
-- $3 int8: rows of the page
SELECT failure_id, endpoint, detected, changed, expected, ended, explanation,
       count(*) OVER () AS total
  FROM oof_failure
 WHERE brand = $1
 ORDER BY detected DESC, failure_id
OFFSET $2
 LIMIT $3;
