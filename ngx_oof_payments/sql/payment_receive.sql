-- The core has not answered in time: what was asked for is received.  Whoever
-- comes first decides what a key is answered.
--
-- $1 bytea: digest of the key
UPDATE oof_idempotency
   SET status = 201
 WHERE hash = $1
   AND status IS NULL;
