-- The bank's resources, for the rotation of keys.  A row is written too when a
-- holder's look-up value is known under the new key.
--
-- $1 text: brand
-- $2 text: the last row that is done, null: none
-- $3 int8: rows at most
SELECT r.resource_id::text AS name,
       EXISTS (SELECT
                 FROM unnest(r.holders) AS h (old)
                      JOIN oof_rotation_holder m
                      ON m.brand = $1 AND m."old" = h.old)::int4 AS flag,
       r.resource_id, r.legacy, r.resource_id, r.approvers, r.legacy_hmac,
       r.approvers_hmac
  FROM oof_resource r
 WHERE r.brand = $1
   AND r.resource_id > coalesce($2::uuid,
                                '00000000-0000-0000-0000-000000000000')
 ORDER BY r.resource_id
 LIMIT $3;
