-- What became of consent_decide in the same unit, by a snapshot that is younger
-- than the row's lock.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 uuid: event's id
SELECT CASE
       WHEN EXISTS (SELECT FROM oof_event WHERE id = $4)
            THEN 1                          -- decided by this unit
       WHEN c.consent_id IS NULL
            THEN 2                          -- unknown
       WHEN c.status <> 'AWAITING_AUTHORISATION'
            THEN 4                          -- it was decided before
       ELSE -1                              -- held by another session
       END::int4 AS outcome,
       c.status, c.status_update, c.rejected_by, c.reason_code, c.reason_info
  FROM (SELECT 1) AS one
       LEFT JOIN (SELECT c.consent_id, e.status, e.status_update,
                         e.rejected_by, e.reason_code, c.reason_info
                    FROM oof_consent c, oof_consent_effective(c, $3) e
                   WHERE c.consent_id = $1
                     AND c.brand = $2) AS c
       ON true;
