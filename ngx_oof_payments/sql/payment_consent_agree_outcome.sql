-- What became of payment_consent_agree in the same unit, by a snapshot that is
-- younger than the row's lock: the columns of payment_consent_decide_outcome.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 uuid: event's id
-- $5 text: JSON array of the look-up values of his CPF
WITH a AS MATERIALIZED (
    SELECT a.agreed IS NOT NULL AS agreed,
           a.cpf_hmac IN (SELECT decode(x, 'hex')
                            FROM jsonb_array_elements_text($5::jsonb) AS x)
               AS mine
      FROM oof_payment_approver a
     WHERE a.consent_id = $1
)
SELECT CASE
       WHEN EXISTS (SELECT FROM oof_event WHERE id = $4)
            THEN 1                          -- agreed by this unit
       WHEN c.consent_id IS NULL
            THEN 2                          -- unknown
       WHEN c.status <> 'PARTIALLY_ACCEPTED'
            THEN 4                          -- it waits no more
       WHEN EXISTS (SELECT FROM a) AND NOT EXISTS (SELECT FROM a WHERE a.mine)
            THEN 5                          -- he is none of them
       WHEN EXISTS (SELECT FROM a WHERE a.mine AND a.agreed)
            THEN 4                          -- he has agreed already
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
