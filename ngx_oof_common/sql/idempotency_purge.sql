-- Takes away keys and ids of messages that are past their time, the oldest
-- first, while the lease is the caller's.
--
-- $1 timestamptz: rule clock
-- $2 int4: rows of each table at most
-- $3 int8: epoch of the lease
WITH l AS (
    SELECT 1
      FROM oof_lease
     WHERE name = 'maintenance'
       AND epoch = $3
), j AS (
    DELETE FROM oof_jti
     WHERE hash = ANY (ARRAY (SELECT o.hash
                                FROM oof_jti o, l
                               WHERE o.until <= $1
                               ORDER BY o.until
                               LIMIT $2
                                 FOR UPDATE OF o SKIP LOCKED))
       AND until <= $1
 RETURNING 1
), i AS (
    DELETE FROM oof_idempotency
     WHERE hash = ANY (ARRAY (SELECT o.hash
                                FROM oof_idempotency o, l
                               WHERE o.until <= $1
                               ORDER BY o.until
                               LIMIT $2
                                 FOR UPDATE OF o SKIP LOCKED))
       AND until <= $1
 RETURNING 1
)
SELECT 0::int4 AS outcome,
       greatest((SELECT count(*) FROM j), (SELECT count(*) FROM i))::int4
           AS most;
