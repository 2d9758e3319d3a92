-- The bank's resources under the new keys now.
--
-- $1 text: JSON array, see ngx_oof_rotation.h
-- $2 int8: epoch of the lease
WITH f AS MATERIALIZED (
    SELECT f.b, f.k::uuid AS resource_id, decode(f.o0, 'hex') AS o0,
           decode(f.o1, 'hex') AS o1, decode(f.s0, 'hex') AS s0,
           decode(f.s1, 'hex') AS s1, decode(f.h0, 'hex') AS h0,
           decode(f.h1, 'hex') AS h1
      FROM jsonb_to_recordset($1::jsonb)
           AS f (b text, k text, o0 text, o1 text, s0 text, s1 text, h0 text,
                 h1 text)
     WHERE EXISTS (SELECT
                     FROM oof_lease
                    WHERE name = 'maintenance'
                      AND epoch = $2)
), l AS MATERIALIZED (
    SELECT r.brand, r.resource_id
      FROM oof_resource r
           JOIN f
           ON f.b = r.brand AND f.resource_id = r.resource_id
     ORDER BY r.brand, r.resource_id
       FOR UPDATE OF r SKIP LOCKED
), u AS (
    UPDATE oof_resource r
       SET legacy = f.s0,
           approvers = f.s1,
           legacy_hmac = f.h0,
           approvers_hmac = f.h1,
           holders = ARRAY(SELECT DISTINCT coalesce(m."new", h.old)
                             FROM unnest(r.holders) AS h (old)
                                  LEFT JOIN oof_rotation_holder m
                                  ON m.brand = f.b AND m."old" = h.old)
      FROM l
           JOIN f
           ON f.b = l.brand AND f.resource_id = l.resource_id
     WHERE r.brand = f.b
       AND r.resource_id = f.resource_id
       AND r.legacy = f.o0
       AND r.approvers IS NOT DISTINCT FROM f.o1
 RETURNING 1
)
SELECT 0::int4 AS outcome, count(*)::int8 AS written
  FROM u;
