-- Renews a consent that is authorised, with its history row, its event and what
-- the list of renewals tells.  The outcome is told by consent_extend_outcome,
-- which sees what was committed before this statement got the row.
--
-- The renewals before it are read by the statement's snapshot: it must not be
-- older than the row's lock, which is so when the row that it sees has the
-- version of the one that is locked.  Else nothing is written, and
-- consent_extend_outcome says busy.  Its time is not before that of the last
-- change, of which another host's clock may have had a later second.
--
-- The event's id is the unit's: when it is there already, an earlier run of
-- this very unit was committed, and nothing is written a second time.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: client's id
-- $4 timestamptz: rule clock
-- $5 timestamptz: real clock, for the stamp
-- $6 timestamptz: new end, null for an indefinite term
-- $7 bool: whether that end cannot be, whatever it was before
-- $8 bytea: who asked, sealed for the event's id
-- $9 uuid: event's id
-- $10 text: event's type
-- $11 text: event's data
WITH l AS (
    SELECT c.consent_id, c.version, c.expiration, c.multiple,
           c.status_update, e.status AS effective,
           greatest($5, c.stamp + interval '1 microsecond') AS stamp
      FROM oof_consent c, oof_consent_effective(c, $4) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       AND c.client_id = $3
       FOR UPDATE OF c SKIP LOCKED
), seen AS (
    SELECT l.*,
           greatest($4, l.status_update,
                    (SELECT max(x."at")
                       FROM oof_consent_extension x
                      WHERE x.consent_id = $1)) AS "at"
      FROM l
      JOIN oof_consent c
           ON c.consent_id = l.consent_id AND c.version = l.version
     WHERE c.consent_id = $1
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT $9, $10, $2, s.consent_id, s.version + 1, s."at", s.stamp,
                $11
           FROM seen s
          WHERE s.effective = 'AUTHORISED'
            AND NOT s.multiple
            AND NOT $7
            AND ($6 IS NULL OR s.expiration < $6)
    ON CONFLICT DO NOTHING
      RETURNING id
), u AS (
    UPDATE oof_consent c
       SET expiration = $6,
           version = s.version + 1,
           stamp = s.stamp
      FROM seen s, e
     WHERE c.consent_id = $1
       AND c.consent_id = s.consent_id
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, actor, event_id)
         SELECT s.consent_id, s.version + 1, s."at", 'AUTHORISED', 'client',
                e.id
           FROM seen s, e
)
INSERT INTO oof_consent_extension
            (consent_id, version, event_id, "at", expiration, previous,
             personal)
     SELECT s.consent_id, s.version + 1, e.id, s."at", $6, s.expiration, $8
       FROM seen s, e;
