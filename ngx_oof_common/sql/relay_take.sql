-- gives positions to new rows; -1 when an other process does that now
-- $1 int8: the lease's epoch
-- $2 timestamptz: only rows that were added since then; null: all
-- $3 int4: how many at most
-- $4 int8: "next" of an earlier one, or null
SELECT 0::int4 AS outcome, taken, head, over, next, at
  FROM oof_relay_next($1, coalesce($2, '-infinity'), $3, $4);
