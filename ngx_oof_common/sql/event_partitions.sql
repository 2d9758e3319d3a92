-- keeps partitions of the event log ahead
-- $1 int4: days
-- $2 int4: how many to make at most
SELECT 0::int4 AS outcome, days_left, made, astray
  FROM oof_event_partitions($1, $2);
