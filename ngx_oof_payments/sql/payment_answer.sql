-- The answer that a key has now, or none.
--
-- $1 bytea: digest of the key
SELECT 1::int4 AS outcome, i.status, i.code, i.detail
  FROM (SELECT 1) AS one
       LEFT JOIN oof_idempotency i
       ON i.hash = $1;
