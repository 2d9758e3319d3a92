-- gives positions to new rows; -1 when an other process does that now
-- $1 int8: the lease's epoch
-- $2 timestamptz: only rows with such stamps; null: all
-- $3 int4: how many at most
SELECT 0::int4 AS outcome, taken, head, newest
  FROM oof_relay_take($1, coalesce($2, '-infinity'), $3);
