-- how long a lease is held by another process yet
-- $1 text: the lease's name
-- $2 text: who asks; one that held it with the same id, which is its first
--          36 characters, is dead
SELECT CASE WHEN left(holder, 36) = left($2, 36) OR until <= clock_timestamp() THEN 0
            ELSE ceil(extract(epoch FROM until - clock_timestamp()) * 1000)
       END::int8 AS wait
  FROM oof_lease
 WHERE name = $1;
