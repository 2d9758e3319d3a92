-- The bank's side ends a consent that is alive, with its history row and its
-- event.  The outcome is told by bank_end_outcome, which sees what was
-- committed before this statement got the row.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type
-- $7 text: event's data when it was not authorised yet
-- $8 text: event's data when it was authorised
-- $9 text: who ends it
-- $10 text: reason's code when it was not authorised yet
-- $11 text: reason's code when it was authorised
-- $12 text: reason in words, or null
-- $13 text: actor
-- $14 text: operator, or null
WITH l AS (
    SELECT c.consent_id, c.version, c.status, e.status AS effective,
           greatest($4, c.stamp + interval '1 microsecond') AS stamp,
           greatest($3, c.status_update) AS "at"
      FROM oof_consent c, oof_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_consent c
       SET status = 'REJECTED',
           status_update = l."at",
           rejected_by = $9,
           reason_code = CASE l.status WHEN 'AUTHORISED' THEN $11 ELSE $10 END,
           reason_info = $12,
           version = l.version + 1,
           stamp = l.stamp
      FROM l
     WHERE c.consent_id = $1
       AND c.consent_id = l.consent_id
       AND l.effective <> 'REJECTED'
 RETURNING c.consent_id, c.version, c.stamp, c.status_update, c.reason_code,
           l.status AS previous
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, rejected_by, reason_code,
                 actor, operator, event_id)
         SELECT u.consent_id, u.version, u.status_update, 'REJECTED', $9,
                u.reason_code, $13, $14, $5
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $5, $6, $2, u.consent_id, u.version, u.status_update, u.stamp,
            CASE u.previous WHEN 'AUTHORISED' THEN $8 ELSE $7 END
       FROM u;
