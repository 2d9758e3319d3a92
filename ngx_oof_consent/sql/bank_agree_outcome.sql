-- What became of bank_agree in the same unit.
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
       WHEN c.status <> 'AUTHORISED'
            OR NOT (EXISTS (SELECT
                              FROM oof_consent_approver a
                             WHERE a.consent_id = $1
                               AND a.status = 'PENDING')
                    OR EXISTS (SELECT
                                 FROM oof_consent_resource s
                                WHERE s.consent_id = $1
                                  AND s.status = 'PENDING_AUTHORISATION'))
            THEN 4                          -- nobody is waited for
       ELSE -1                              -- held, or just changed
       END::int4 AS outcome
  FROM (SELECT 1) AS one
       LEFT JOIN (SELECT c.consent_id, e.status
                    FROM oof_consent c, oof_consent_effective(c, $3) e
                   WHERE c.consent_id = $1
                     AND c.brand = $2) AS c
       ON true;
