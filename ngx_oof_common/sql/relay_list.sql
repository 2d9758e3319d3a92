-- all consumers, how far each has come and what it has left behind
SELECT c.name, c.cursor, r.position - c.cursor AS behind, c.seen,
       (SELECT count(*) FROM oof_consumer_pending p
         WHERE p.consumer = c.name AND NOT p.dead) AS pending,
       (SELECT count(*) FROM oof_consumer_pending p
         WHERE p.consumer = c.name AND p.dead) AS dead
  FROM oof_consumer c, oof_relay r
 ORDER BY c.name;
