-- What became of consent_approve in the same unit.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 uuid: event's id
-- $5 text: JSON array of the person's look-up values
-- $6 text: JSON array of resource ids, or null
SELECT CASE
       WHEN EXISTS (SELECT FROM oof_event WHERE id = $4)
            THEN 1                          -- decided by this unit
       WHEN c.consent_id IS NULL
            THEN 2                          -- unknown
       WHEN c.status <> 'AUTHORISED'
            THEN 4                          -- nothing to agree to any more
       WHEN NOT EXISTS (SELECT
                          FROM oof_consent_approver a
                         WHERE a.consent_id = $1
                           AND a.status = 'PENDING'
                           AND a.cpf_hmac IN (
                               SELECT decode(x, 'hex')
                                 FROM jsonb_array_elements_text($5::jsonb) x)
                           AND ($6 IS NULL
                                OR a.resource_id IN (
                                   SELECT x::uuid
                                     FROM jsonb_array_elements_text($6::jsonb)
                                          x)))
            THEN 4                          -- this person has decided
       ELSE -1                              -- held, or just changed
       END::int4 AS outcome,
       c.status, c.status_update, c.rejected_by, c.reason_code, c.reason_info
  FROM (SELECT 1) AS one
       LEFT JOIN (SELECT c.consent_id, e.status, e.status_update,
                         e.rejected_by, e.reason_code, c.reason_info
                    FROM oof_consent c, oof_consent_effective(c, $3) e
                   WHERE c.consent_id = $1
                     AND c.brand = $2) AS c
       ON true;
