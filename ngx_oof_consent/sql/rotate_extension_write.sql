-- Renewals of consents whose values are under the new keys now.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT split_part(f.k, '|', 1)::uuid AS consent_id,
           split_part(f.k, '|', 2)::timestamptz AS "at",
           split_part(f.k, '|', 3)::int4 AS version,
           decode(f.o0, 'hex') AS o0, decode(f.s0, 'hex') AS s0
      FROM jsonb_to_recordset($1::jsonb) AS f (k text, o0 text, s0 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), u AS (
    UPDATE oof_consent_extension x
       SET personal = f.s0
      FROM f
     WHERE x.consent_id = f.consent_id
       AND x."at" = f."at"
       AND x.version = f.version
       AND x.personal = f.o0
 RETURNING 1
)
SELECT 0::int4 AS outcome, count(*)::int8 AS written
  FROM u;
