-- What became of consent_extend in the same unit.  A statement of its own, so
-- that its snapshot is younger than the row's lock: an earlier run of the unit
-- is found by its event whenever it was committed.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: client's id
-- $4 timestamptz: rule clock
-- $5 timestamptz: new end, null for an indefinite term
-- $6 bool: whether that end cannot be, whatever it was before
-- $7 uuid: event's id
SELECT CASE
       WHEN EXISTS (SELECT FROM oof_event WHERE id = $7)
            THEN 1                          -- renewed by this unit
       WHEN c.consent_id IS NULL
            THEN 2                          -- unknown
       WHEN c.client_id <> $3
            THEN 3                          -- another client's
       WHEN c.status = 'AWAITING_AUTHORISATION'
            THEN 4                          -- never authorised
       WHEN c.status <> 'AUTHORISED'
            THEN 5                          -- over
       WHEN c.multiple
            THEN 6                          -- others must agree too
       WHEN $6 OR NOT coalesce(c.expiration < $5, $5 IS NULL)
            THEN 7                          -- not a later end
       ELSE -1                              -- held, or just changed
       END::int4 AS outcome
  FROM (SELECT 1) AS one
       LEFT JOIN (SELECT c.consent_id, c.client_id, c.multiple, c.expiration,
                         e.status
                    FROM oof_consent c, oof_consent_effective(c, $4) e
                   WHERE c.consent_id = $1
                     AND c.brand = $2) AS c
       ON true;
