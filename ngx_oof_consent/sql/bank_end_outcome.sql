-- What became of bank_end in the same unit.  A statement of its own, so that
-- its snapshot is younger than the row's lock: an earlier run of the unit is
-- found by its event whenever it was committed.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 uuid: event's id
SELECT CASE
       WHEN EXISTS (SELECT FROM oof_event WHERE id = $4)
            THEN 1                          -- ended by this unit
       WHEN c.consent_id IS NULL
            THEN 2                          -- unknown
       WHEN c.status = 'REJECTED'
            THEN 4                          -- it was over before
       ELSE -1                              -- held by another session
       END::int4 AS outcome
  FROM (SELECT 1) AS one
       LEFT JOIN (SELECT c.consent_id, e.status
                    FROM oof_consent c, oof_consent_effective(c, $3) e
                   WHERE c.consent_id = $1
                     AND c.brand = $2) AS c
       ON true;
