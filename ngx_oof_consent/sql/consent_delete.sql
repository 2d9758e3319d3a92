-- Ends a consent that is alive, with its history row and its event, not before
-- it got the status that it has, of which another host's clock may have had a
-- later second.  The outcome is told by consent_delete_outcome, which sees what
-- was committed before this statement got the row.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: client's id
-- $4 timestamptz: rule clock
-- $5 timestamptz: real clock, for the stamp
-- $6 uuid: event's id
-- $7 text: event's type
-- $8 text: event's data when it was not authorised yet
-- $9 text: event's data when it was authorised
WITH l AS (
    SELECT c.consent_id, c.version, c.status, e.status AS effective,
           greatest($5, c.stamp + interval '1 microsecond') AS stamp,
           greatest($4, c.status_update) AS "at"
      FROM oof_consent c, oof_consent_effective(c, $4) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       AND c.client_id = $3
       FOR UPDATE OF c SKIP LOCKED
), u AS (
    UPDATE oof_consent c
       SET status = 'REJECTED',
           status_update = l."at",
           rejected_by = 'USER',
           reason_code = CASE l.status
                         WHEN 'AUTHORISED' THEN 'CUSTOMER_MANUALLY_REVOKED'
                         ELSE 'CUSTOMER_MANUALLY_REJECTED'
                         END,
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
                 actor, event_id)
         SELECT u.consent_id, u.version, u.status_update, 'REJECTED', 'USER',
                u.reason_code, 'client', $6
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $6, $7, $2, u.consent_id, u.version, u.status_update, u.stamp,
            CASE u.previous WHEN 'AUTHORISED' THEN $9 ELSE $8 END
       FROM u;
