-- Payments whose day has come are to be made now.
--
-- $1 text: the lease's name
-- $2 int8: the holder's epoch
-- $3 int4: today
-- $4 timestamptz: real clock
-- $5 int4: how many at most
UPDATE oof_payment_intent n
   SET state = 'stored',
       due = $4
 WHERE (n.payment_id, n.kind) IN (
           SELECT w.payment_id, w.kind
             FROM oof_payment_intent w
            WHERE w.state = 'waiting'
              AND w.day <= $3
              AND EXISTS (SELECT
                            FROM oof_lease
                           WHERE name = $1
                             AND epoch = $2)
            ORDER BY w.day
            LIMIT $5
              FOR UPDATE OF w SKIP LOCKED)
   AND n.state = 'waiting';
