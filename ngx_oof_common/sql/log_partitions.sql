-- keeps partitions of a log ahead
-- $1 text: oof_event or oof_call
-- $2 int4: days
-- $3 int4: how many to make at most
SELECT 0::int4 AS outcome, days_left, made, astray
  FROM oof_log_partitions($1, $2, $3);
