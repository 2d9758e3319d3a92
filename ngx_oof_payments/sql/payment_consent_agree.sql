-- One of those who must agree to a consent to pay does: it is authorised when
-- all have, with its history row and its event.  Where the core has named
-- nobody, the bank's word is enough.  The outcome is told by
-- payment_consent_agree_outcome.
--
-- Others are read by the statement's snapshot, which may be older than the row's
-- lock: nothing is written unless the version that it sees is the one that is
-- locked.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock, not before its last change
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type when others must agree yet
-- $7 text: its data then
-- $8 text: event's type when all have agreed
-- $9 text: its data then
-- $10 text: JSON array of the look-up values of his CPF
-- $11 timestamptz: when time ends it once it is authorised
WITH l AS MATERIALIZED (
    SELECT c.consent_id, c.version, c.status_update, c.expiration,
           e.status AS effective,
           greatest($4, c.stamp + interval '1 microsecond') AS stamp
      FROM oof_payment_consent c, oof_payment_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), m AS MATERIALIZED (
    SELECT decode(x, 'hex') AS cpf_hmac
      FROM jsonb_array_elements_text($10::jsonb) AS x
), p AS MATERIALIZED (
    SELECT c.version,
           (SELECT count(*)
              FROM oof_payment_approver a
             WHERE a.consent_id = $1) AS named,
           (SELECT count(*)
              FROM oof_payment_approver a
             WHERE a.consent_id = $1
               AND a.agreed IS NULL
               AND a.cpf_hmac IN (SELECT m.cpf_hmac FROM m)) AS mine,
           (SELECT count(*)
              FROM oof_payment_approver a
             WHERE a.consent_id = $1
               AND a.agreed IS NULL
               AND a.cpf_hmac NOT IN (SELECT m.cpf_hmac FROM m)) AS others
      FROM oof_payment_consent c
     WHERE c.consent_id = $1
       AND c.brand = $2
), d AS MATERIALIZED (
    SELECT l.consent_id, l.version, l.stamp, l.status_update, l.expiration,
           p.others = 0 AS "all"
      FROM l, p
     WHERE l.version = p.version
       AND l.effective = 'PARTIALLY_ACCEPTED'
       AND (p.named = 0 OR p.mine > 0)
), u AS (
    UPDATE oof_payment_consent c
       SET status = CASE WHEN d."all" THEN 'AUTHORISED' ELSE c.status END,
           status_update = CASE WHEN d."all" THEN $3 ELSE d.status_update END,
           expiration = CASE WHEN d."all" THEN $11 ELSE d.expiration END,
           version = d.version + 1,
           stamp = d.stamp
      FROM d
     WHERE c.consent_id = $1
       AND c.consent_id = d.consent_id
 RETURNING c.consent_id, c.version, c.stamp, c.status, d."all"
), a AS (
    UPDATE oof_payment_approver a
       SET agreed = $3
      FROM u
     WHERE a.consent_id = u.consent_id
       AND a.agreed IS NULL
       AND a.cpf_hmac IN (SELECT m.cpf_hmac FROM m)
), h AS (
    INSERT INTO oof_payment_consent_history
                (consent_id, version, "at", status, actor, event_id)
         SELECT u.consent_id, u.version, $3, u.status, 'customer', $5
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $5, CASE WHEN u."all" THEN $8 ELSE $6 END, $2, u.consent_id,
            u.version, $3, u.stamp, CASE WHEN u."all" THEN $9 ELSE $7 END
       FROM u;
