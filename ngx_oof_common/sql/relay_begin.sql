-- begins the work of a holder: whoever had an older epoch can do no more
-- $1 int8: the lease's epoch
UPDATE oof_relay
   SET epoch = $1
 WHERE one AND epoch <= $1
RETURNING 0::int4 AS outcome, position;
