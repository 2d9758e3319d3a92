-- The bank tells at once what all who must agree have decided, for what still
-- waits in a consent, with a history row and an event.  What one has refused
-- already stays refused.
--
-- Stands behind consent_lock in its unit, so that its snapshot is younger than
-- the row's lock; bank_agree_outcome tells what became of it.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type
-- $7 text: event's data
-- $8 text: AUTHORISED or REJECTED
-- $9 text: actor
-- $10 text: operator, or null
WITH l AS (
    SELECT c.consent_id, c.version, e.status AS effective,
           greatest($4, c.stamp + interval '1 microsecond') AS stamp
      FROM oof_consent c, oof_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), seen AS (
    SELECT l.*,
           greatest($3, (SELECT max(h."at")
                           FROM oof_consent_history h
                          WHERE h.consent_id = $1)) AS "at"
      FROM l
      JOIN oof_consent c
           ON c.consent_id = l.consent_id AND c.version = l.version
     WHERE c.consent_id = $1
       AND l.effective = 'AUTHORISED'
       AND NOT EXISTS (SELECT FROM oof_event WHERE id = $5)
), a AS (
    UPDATE oof_consent_approver a
       SET status = $8,
           "at" = seen."at"
      FROM seen
     WHERE a.consent_id = $1
       AND a.consent_id = seen.consent_id
       AND a.status = 'PENDING'
 RETURNING a.resource_id
), s AS (
    UPDATE oof_consent_resource s
       SET status = CASE
                    WHEN $8 = 'REJECTED'
                         THEN 'UNAVAILABLE'
                    ELSE coalesce((SELECT r.status
                                     FROM oof_resource r
                                    WHERE r.brand = $2
                                      AND r.resource_id = s.resource_id
                                      AND r.status <> 'PENDING_AUTHORISATION'),
                                  'AVAILABLE')
                    END,
           status_update = seen."at"
      FROM seen
     WHERE s.consent_id = $1
       AND s.consent_id = seen.consent_id
       AND s.status = 'PENDING_AUTHORISATION'
 RETURNING s.resource_id
), u AS (
    UPDATE oof_consent c
       SET version = seen.version + 1,
           stamp = seen.stamp
      FROM seen
     WHERE c.consent_id = $1
       AND c.consent_id = seen.consent_id
       AND (EXISTS (SELECT FROM a) OR EXISTS (SELECT FROM s))
 RETURNING c.consent_id, c.version, c.stamp, seen."at"
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, actor, operator, event_id)
         SELECT u.consent_id, u.version, u."at", 'AUTHORISED', $9, $10, $5
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $5, $6, $2, u.consent_id, u.version, u."at", u.stamp, $7
       FROM u;
