-- What became of payment_consent_decide in the same unit, by a snapshot that is
-- younger than the row's lock.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 uuid: event's id
-- $5 text: the state that it had to be in
-- $6 text: as $17 there
SELECT CASE
       WHEN EXISTS (SELECT FROM oof_event WHERE id = $4)
            THEN 1                          -- decided by this unit
       WHEN c.consent_id IS NULL
            THEN 2                          -- unknown
       WHEN c.status <> $5
            THEN 4                          -- another decision came before
       WHEN $6 IS NOT NULL
            AND EXISTS (SELECT
                          FROM oof_payment_approver a
                         WHERE a.consent_id = $1)
            AND NOT EXISTS (SELECT
                              FROM oof_payment_approver a
                             WHERE a.consent_id = $1
                               AND a.cpf_hmac IN (
                                   SELECT decode(x, 'hex')
                                     FROM jsonb_array_elements_text($6::jsonb)
                                          AS x))
            THEN 5                          -- he is none of them
       ELSE -1                              -- held by another session
       END::int4 AS outcome,
       c.status, c.status_update, c.expiration, c.reason_code,
       c.reason_detail
  FROM (SELECT 1) AS one
       LEFT JOIN (SELECT c.consent_id, c.expiration, e.status,
                         e.status_update, e.reason_code, e.reason_detail
                    FROM oof_payment_consent c,
                         oof_payment_consent_effective(c, $3) e
                   WHERE c.consent_id = $1
                     AND c.brand = $2) AS c
       ON true;
