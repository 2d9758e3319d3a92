-- Writes the bank's status of some resources to the consents that share them,
-- by the regulation's rules (oof_resource_next); an agreement that is awaited
-- is not overridden, unless the resource is gone.  Rows that another session
-- holds are left: what is told next writes them.
--
-- $1 text: brand
-- $2 text: JSON array of ids
-- $3 timestamptz: rule clock
WITH l AS (
    SELECT s.consent_id, s.resource_id,
           oof_resource_next(s.type, s.status, r.status) AS status
      FROM oof_consent_resource s
      JOIN oof_resource r
           ON r.brand = $1 AND r.resource_id = s.resource_id
     WHERE s.resource_id IN (SELECT x::uuid
                               FROM jsonb_array_elements_text($2::jsonb) x)
       AND (r.status = 'UNAVAILABLE'
            OR NOT EXISTS (SELECT
                             FROM oof_consent_approver a
                            WHERE a.consent_id = s.consent_id
                              AND a.resource_id = s.resource_id
                              AND a.status <> 'AUTHORISED'))
       FOR UPDATE OF s SKIP LOCKED
)
UPDATE oof_consent_resource s
   SET status = l.status,
       status_update = $3
  FROM l
 WHERE s.consent_id = l.consent_id
   AND s.resource_id = l.resource_id
   AND s.status <> l.status;
