-- Renewals of consents, for the rotation of keys.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT concat_ws('|', x.consent_id, x."at", x.version) AS name,
       CASE WHEN c.brand = $1 THEN 0 ELSE -1 END::int4 AS flag,
       x.event_id, x.personal
  FROM (SELECT x.*
          FROM oof_consent_extension x
         WHERE (x.consent_id, x."at", x.version)
               > (coalesce(split_part($2, '|', 1),
                           '00000000-0000-0000-0000-000000000000')::uuid,
                  coalesce(split_part($2, '|', 2), '-infinity')::timestamptz,
                  coalesce(split_part($2, '|', 3), '0')::int4)
         ORDER BY x.consent_id, x."at", x.version
         LIMIT $3) AS x
       LEFT JOIN oof_consent c ON c.consent_id = x.consent_id
 ORDER BY x.consent_id, x."at", x.version;
