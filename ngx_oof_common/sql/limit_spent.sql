-- which months of others have come to their limit, oldest first
-- $1 int4: the month, 202611
-- $2 timestamptz: from when on, by the database's clock
-- $3 int4: how many rows
SELECT key, calls, spent
  FROM oof_limit_month
 WHERE month = $1 AND spent >= $2
 ORDER BY spent
 LIMIT $3;
