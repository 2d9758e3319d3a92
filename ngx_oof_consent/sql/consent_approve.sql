-- One of several people agrees to what a consent shares, or refuses, with a
-- history row and an event.  A resource is there when all have agreed, and gone
-- when one refuses.
--
-- Beside the consent's row others are read, by the statement's snapshot: it
-- must not be older than the row's lock, which is so when the row that it sees
-- has the version of the one that is locked.  Else nothing is written, and
-- consent_approve_outcome says busy.  Its time is not before that of the last
-- change, of which another host's clock may have had a later second.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type
-- $7 text: event's data
-- $8 text: JSON array of the person's look-up values
-- $9 text: JSON array of resource ids, null: all that the person may decide
-- $10 text: AUTHORISED or REJECTED
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
), d AS (
    UPDATE oof_consent_approver a
       SET status = $10,
           "at" = seen."at"
      FROM seen
     WHERE a.consent_id = $1
       AND a.consent_id = seen.consent_id
       AND a.status = 'PENDING'
       AND a.cpf_hmac IN (SELECT decode(x, 'hex')
                            FROM jsonb_array_elements_text($8::jsonb) x)
       AND ($9 IS NULL
            OR a.resource_id IN (SELECT x::uuid
                                   FROM jsonb_array_elements_text($9::jsonb)
                                        x))
 RETURNING a.resource_id, a."at"
), n AS (
    SELECT d.resource_id, d."at",
           CASE
           WHEN $10 = 'REJECTED'
                THEN 'UNAVAILABLE'
           WHEN EXISTS (SELECT
                          FROM oof_consent_approver o
                         WHERE o.consent_id = $1
                           AND o.resource_id = d.resource_id
                           AND o.cpf_hmac NOT IN (
                               SELECT decode(x, 'hex')
                                 FROM jsonb_array_elements_text($8::jsonb) x)
                           AND o.status <> 'AUTHORISED')
                THEN 'PENDING_AUTHORISATION'
           ELSE coalesce((SELECT r.status
                            FROM oof_resource r
                           WHERE r.brand = $2
                             AND r.resource_id = d.resource_id),
                         'AVAILABLE')
           END AS status
      FROM d
), s AS (
    UPDATE oof_consent_resource s
       SET status = n.status,
           status_update = n."at"
      FROM n
     WHERE s.consent_id = $1
       AND s.resource_id = n.resource_id
       AND s.status = 'PENDING_AUTHORISATION'
       AND n.status <> 'PENDING_AUTHORISATION'
), u AS (
    UPDATE oof_consent c
       SET version = seen.version + 1,
           stamp = seen.stamp
      FROM seen
     WHERE c.consent_id = $1
       AND c.consent_id = seen.consent_id
       AND EXISTS (SELECT FROM d)
 RETURNING c.consent_id, c.version, c.stamp, seen."at"
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, actor, event_id)
         SELECT u.consent_id, u.version, u."at", 'AUTHORISED', 'approver', $5
           FROM u
)
INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
     SELECT $5, $6, $2, u.consent_id, u.version, u."at", u.stamp, $7
       FROM u;
