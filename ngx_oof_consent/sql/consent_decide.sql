-- The customer's decision on a consent that awaits it, with what it shares, who
-- must agree, its history row and its event; not before its creation, of which
-- another host's clock may have had a later second.  The outcome is told by
-- consent_decide_outcome.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type
-- $7 text: event's data
-- $8 text: AUTHORISED or REJECTED
-- $9 text: who rejects, or null
-- $10 text: reason's code, or null
-- $11 text: reason in words, or null
-- $12 text: id of the consent that it is linked to, or null
-- $13 bool: all that it shares is in $15
-- $14 bool: others must agree
-- $15 text: JSON array of {"r": id, "t": type, "s": status}
-- $16 text: JSON array of {"r": id, "h": look-up value of the CPF, "p": sealed
--           person, "s": status}
-- $17 text: actor
WITH l AS (
    SELECT c.consent_id, c.version, e.status AS effective,
           greatest($4, c.stamp + interval '1 microsecond') AS stamp,
           greatest($3, c.creation) AS "at"
      FROM oof_consent c, oof_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_consent c
       SET status = $8,
           status_update = l."at",
           authorised = CASE $8 WHEN 'AUTHORISED' THEN l."at" END,
           rejected_by = $9,
           reason_code = $10,
           reason_info = $11,
           link_id = coalesce($12, c.link_id),
           resources_ready = $13,
           multiple = $14,
           version = l.version + 1,
           stamp = l.stamp
      FROM l
     WHERE c.consent_id = $1
       AND c.consent_id = l.consent_id
       AND l.effective = 'AWAITING_AUTHORISATION'
 RETURNING c.consent_id, c.version, c.stamp, c.status_update
), s AS (
    INSERT INTO oof_consent_resource
                (consent_id, resource_id, status_update, type, status)
         SELECT u.consent_id, x.r, u.status_update, x.t, x.s
           FROM u, jsonb_to_recordset($15::jsonb)
                   AS x (r uuid, t text, s text)
), a AS (
    INSERT INTO oof_consent_approver
                (consent_id, resource_id, "at", status, cpf_hmac, personal)
         SELECT u.consent_id, x.r, u.status_update, x.s, decode(x.h, 'hex'),
                decode(x.p, 'hex')
           FROM u, jsonb_to_recordset($16::jsonb)
                   AS x (r uuid, h text, p text, s text)
    ON CONFLICT DO NOTHING
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, rejected_by, reason_code,
                 actor, event_id)
         SELECT u.consent_id, u.version, u.status_update, $8, $9, $10, $17,
                $5
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $5, $6, $2, u.consent_id, u.version, u.status_update, u.stamp, $7
       FROM u;
