-- What the core has told of the products that a consent shares as a whole: adds
-- them, and the list is ready.  No change of the consent's state.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 text: JSON array of {"r": id, "t": type, "s": status}
WITH l AS (
    SELECT c.consent_id
      FROM oof_consent c, oof_consent_effective(c, $3) e
     WHERE c.consent_id = $1
       AND c.brand = $2
       AND e.status = 'AUTHORISED'
       FOR UPDATE OF c SKIP LOCKED
), s AS (
    INSERT INTO oof_consent_resource
                (consent_id, resource_id, status_update, type, status)
         SELECT l.consent_id, x.r, $3, x.t, x.s
           FROM l, jsonb_to_recordset($4::jsonb) AS x (r uuid, t text, s text)
    ON CONFLICT DO NOTHING
), u AS (
    UPDATE oof_consent c
       SET resources_ready = true
      FROM l
     WHERE c.consent_id = $1
       AND c.consent_id = l.consent_id
       AND NOT c.resources_ready
)
SELECT CASE
       WHEN EXISTS (SELECT FROM l)
            THEN 1
       WHEN EXISTS (SELECT
                      FROM oof_consent c, oof_consent_effective(c, $3) e
                     WHERE c.consent_id = $1
                       AND c.brand = $2
                       AND e.status = 'AUTHORISED')
            THEN -1
       ELSE 2
       END::int4 AS outcome;
