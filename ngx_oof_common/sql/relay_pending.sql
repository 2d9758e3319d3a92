-- what a consumer has still to take from before its cursor
-- $1 text: its name
-- $2 int4: how many at most
SELECT 0::int4 AS outcome, position, id, key, attempts,
       least(greatest(ceil(extract(epoch FROM next - clock_timestamp())
                           * 1000), 0), 86400000)::int8 AS wait
  FROM oof_consumer_pending
 WHERE consumer = $1 AND NOT dead
 ORDER BY position
 LIMIT $2;
