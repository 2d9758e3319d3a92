-- What became of payment_consent_create in the same unit, and the consent that
-- the key has, as it is now.
--
-- $1 bytea: digest of the jti
-- $2 bytea: digest of the key
-- $3 uuid: id of the unit
-- $4 timestamptz: rule clock
-- $5 bool: the rules refuse it
-- $6 text: brand
SELECT CASE
       WHEN j.hash IS NULL
            THEN -1                         -- just taken away: once more
       WHEN j.unit <> $3
            THEN 2                          -- the message was seen before
       WHEN i.unit = $3
            THEN 1                          -- made by this unit
       WHEN i.hash IS NOT NULL
            THEN 3                          -- the key is another request's
       WHEN $5
            THEN 4                          -- refused by the rules
       ELSE -1
       END::int4 AS outcome,
       i.print, c.consent_id, c.client_id, c.api, c.creation, c.expiration,
       e.status, e.status_update, e.reason_code, e.reason_detail, c.personal,
       c.debtor
  FROM (SELECT 1) AS one
       LEFT JOIN oof_jti j
       ON j.hash = $1
       LEFT JOIN oof_idempotency i
       ON i.hash = $2 AND i.until > $4
       LEFT JOIN oof_payment_consent c
       ON c.consent_id = i.resource AND c.brand = $6 AND i.unit <> $3
       LEFT JOIN LATERAL oof_payment_consent_effective(c, $4) e
       ON true;
