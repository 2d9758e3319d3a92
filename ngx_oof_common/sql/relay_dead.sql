-- dead events of a consumer
-- $1 text: its name
-- $2 int8: after this position
-- $3 int4: how many at most
SELECT p.position, p.id, p.key, p.attempts, p.changed, p.error
  FROM oof_consumer_pending p
 WHERE p.consumer = $1 AND p.dead AND p.position > $2
 ORDER BY p.position
 LIMIT $3;
