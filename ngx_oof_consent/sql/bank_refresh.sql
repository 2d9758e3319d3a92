-- A consent takes what the core has told anew of a product that it shares as a
-- whole: resources that it has not yet are added, and when it has become
-- another by that, since the news came or since its last history row, there is
-- a history row and an event.
--
-- Stands behind consent_lock in its unit, so that its snapshot is younger than
-- the row's lock, which is so when the row that it sees has the version of the
-- one that is locked.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 timestamptz: real clock, for the stamp
-- $5 uuid: event's id
-- $6 text: event's type
-- $7 text: event's data
-- $8 text: type of the resources
-- $9 text: JSON array of {"r": id, "s": status}
-- $10 bytea: digest of what it shared when the news came, or null
-- $11 text: actor
-- $12 text: operator, or null
WITH l AS (
    SELECT c.consent_id, c.version, e.status AS effective,
           greatest($4, c.stamp + interval '1 microsecond') AS stamp
      FROM oof_consent c, oof_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       FOR UPDATE OF c SKIP LOCKED
), k AS (
    SELECT l.*,
           l.version = (SELECT c.version
                          FROM oof_consent c
                         WHERE c.consent_id = $1) AS fresh
      FROM l
), seen AS (
    SELECT k.*, h.last, greatest($3, h.last) AS "at"
      FROM k, (SELECT max(h."at") AS last
                 FROM oof_consent_history h
                WHERE h.consent_id = $1) AS h
     WHERE k.fresh
       AND k.effective = 'AUTHORISED'
       AND NOT EXISTS (SELECT FROM oof_event WHERE id = $5)
), s AS (
    INSERT INTO oof_consent_resource
                (consent_id, resource_id, status_update, type, status)
         SELECT seen.consent_id, x.r, seen."at", $8, x.s
           FROM seen, jsonb_to_recordset($9::jsonb) AS x (r uuid, s text)
    ON CONFLICT DO NOTHING
      RETURNING resource_id
), u AS (
    UPDATE oof_consent c
       SET version = seen.version + 1,
           stamp = seen.stamp
      FROM seen
     WHERE c.consent_id = $1
       AND c.consent_id = seen.consent_id
       AND (EXISTS (SELECT FROM s)
            OR (SELECT sha256(convert_to(
                           string_agg(o.resource_id || o.status, ','
                                      ORDER BY o.resource_id), 'UTF8'))
                  FROM oof_consent_resource o
                 WHERE o.consent_id = $1
                   AND o.type = $8) IS DISTINCT FROM $10
            OR EXISTS (SELECT
                         FROM oof_consent_resource o
                        WHERE o.consent_id = $1
                          AND o.type = $8
                          AND o.status_update > seen.last))
 RETURNING c.consent_id, c.version, c.stamp, seen."at"
), h AS (
    INSERT INTO oof_consent_history
                (consent_id, version, "at", status, actor, operator, event_id)
         SELECT u.consent_id, u.version, u."at", 'AUTHORISED', $11, $12, $5
           FROM u
), e AS (
    INSERT INTO oof_event (id, type, brand, key, version, "time", stamp, data)
         SELECT $5, $6, $2, u.consent_id, u.version, u."at", u.stamp, $7
           FROM u
)
SELECT CASE
       WHEN EXISTS (SELECT FROM k WHERE k.fresh)
            THEN 1
       WHEN EXISTS (SELECT
                      FROM oof_consent c
                     WHERE c.consent_id = $1
                       AND c.brand = $2)
            THEN -1                     -- held, or just changed
       ELSE 2                           -- unknown
       END::int4 AS outcome;
