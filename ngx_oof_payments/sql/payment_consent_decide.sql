-- A decision on a consent to pay that is in the state in which it was judged,
-- with its history row and its event.  The outcome is told by
-- payment_consent_decide_outcome.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock, not before its last change
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type
-- $7 text: event's data
-- $8 text: the state that it must be in
-- $9 text: the new one
-- $10 text: reason's code, or null
-- $11 text: reason in words, or null: those of the code
-- $12 timestamptz: when time ends the new state, or null: as it was
-- $13 bytea: the account that pays, sealed, or null: as it was
-- $14 text: actor
-- $15 text: operator, or null
-- $16 text: JSON array of those who must agree, {"h": look-up value of the CPF,
--           "p": who, sealed, "a": he has agreed}, or null
-- $17 text: JSON array of the look-up values of the CPF of who decides, when he
--           must be one of those that must agree; or null
WITH l AS (
    SELECT c.consent_id, c.version, e.status AS effective,
           greatest($4, c.stamp + interval '1 microsecond') AS stamp
      FROM oof_payment_consent c, oof_payment_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_payment_consent c
       SET status = $9,
           status_update = $3,
           reason_code = $10,
           reason_detail = $11,
           expiration = coalesce($12, c.expiration),
           debtor = coalesce($13, c.debtor),
           version = l.version + 1,
           stamp = l.stamp
      FROM l
     WHERE c.consent_id = $1
       AND c.consent_id = l.consent_id
       AND l.effective = $8
       AND ($17 IS NULL
            OR NOT EXISTS (SELECT
                             FROM oof_payment_approver a
                            WHERE a.consent_id = $1)
            OR EXISTS (SELECT
                         FROM oof_payment_approver a
                        WHERE a.consent_id = $1
                          AND a.cpf_hmac IN (
                              SELECT decode(x, 'hex')
                                FROM jsonb_array_elements_text($17::jsonb)
                                     AS x)))
 RETURNING c.consent_id, c.version, c.stamp
), a AS (
    INSERT INTO oof_payment_approver (consent_id, agreed, cpf_hmac, personal)
         SELECT u.consent_id, CASE WHEN a.a THEN $3 END, decode(a.h, 'hex'),
                decode(a.p, 'hex')
           FROM u, jsonb_to_recordset($16::jsonb) AS a (h text, p text, a bool)
    ON CONFLICT DO NOTHING
), h AS (
    INSERT INTO oof_payment_consent_history
                (consent_id, version, "at", status, reason_code, actor,
                 operator, event_id)
         SELECT u.consent_id, u.version, $3, $9, $10, $14, $15, $5
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $5, $6, $2, u.consent_id, u.version, $3, u.stamp, $7
       FROM u;
