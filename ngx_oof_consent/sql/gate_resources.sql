-- A page of what a consent shares, with how the core calls it: for the bank's
-- own systems.  One row with nulls when there is none.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 text: type, null for all
-- $4 int8: rows to pass over
-- $5 int8: rows of a page
SELECT (SELECT count(*)
          FROM oof_consent_resource s
         WHERE s.consent_id = $1
           AND ($3 IS NULL OR s.type = $3)),
       l.resource_id, l.type, l.status, l.legacy
  FROM oof_consent c
       LEFT JOIN LATERAL (
           SELECT s.resource_id, s.type, s.status, r.legacy
             FROM oof_consent_resource s
                  JOIN oof_resource r
                    ON r.brand = $2
                       AND r.resource_id = s.resource_id
            WHERE s.consent_id = $1
              AND ($3 IS NULL OR s.type = $3)
            ORDER BY s.resource_id
           OFFSET $4
            LIMIT $5
       ) l ON true
 WHERE c.consent_id = $1
   AND c.brand = $2
 ORDER BY l.resource_id;
