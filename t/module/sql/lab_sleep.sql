-- $1 int4: milliseconds
SELECT 1::int4 AS outcome FROM pg_sleep($1 / 1000.0);
