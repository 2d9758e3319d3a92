-- rows of the logs
-- $1 text: their positions, with commas
SELECT 0::int4 AS outcome, position, id, type, brand, key, version, "time",
       stamp, data
  FROM oof_log_rows(string_to_array($1, ',')::int8[]);
