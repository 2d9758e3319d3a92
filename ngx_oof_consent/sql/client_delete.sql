-- $1 text: brand
-- $2 text: client's id
WITH d AS (
    DELETE FROM oof_client
     WHERE brand = $1
       AND client_id = $2
 RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT FROM d) THEN 1 ELSE 2 END::int4 AS outcome;
