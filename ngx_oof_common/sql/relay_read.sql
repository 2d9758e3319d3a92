-- rows of the logs in order
-- $1 int8: after this position
-- $2 int4: how many at most
-- $3 int8: bytes of data that are enough
SELECT 0::int4 AS outcome, position, id, type, brand, key, version, "time",
       stamp, data
  FROM oof_log_read($1, $2, $3);
