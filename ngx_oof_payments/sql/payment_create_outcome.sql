-- What became of payment_create in the same unit, or of the request that took
-- the key before.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 uuid: id of the unit
-- $4 timestamptz: rule clock
SELECT CASE
       WHEN j.hash IS NULL
            THEN -1                         -- the consent is held
       WHEN j.unit <> $3
            THEN 2                          -- the message was seen before
       WHEN i.unit = $3
            THEN 1                          -- this unit's
       WHEN i.hash IS NOT NULL
            THEN 3                          -- another request's
       ELSE -1                              -- just taken away: once more
       END::int4 AS outcome,
       i.print, i.status, i.code, i.detail
  FROM (SELECT 1) AS one
       LEFT JOIN oof_jti j
       ON j.hash = $1
       LEFT JOIN oof_idempotency i
       ON i.hash = $2 AND i.until > $4;
