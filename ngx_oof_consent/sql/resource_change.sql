-- What the core tells anew of resources that are known: another status, other
-- approvers, another holder.
--
-- $1 text: brand
-- $2 text: JSON array of {"r": id, "s": status, "a": sealed approvers, "d":
--          their look-up value, "o": the holder's look-up value when it is new}
-- $3 timestamptz: rule clock
WITH f AS (
    SELECT *
      FROM jsonb_to_recordset($2::jsonb)
           AS f (r uuid, s text, a text, d text, o text)
), l AS (
    SELECT r.resource_id
      FROM oof_resource r
     WHERE r.brand = $1
       AND r.resource_id IN (SELECT f.r FROM f)
     ORDER BY r.resource_id
       FOR UPDATE OF r
)
UPDATE oof_resource r
   SET status_update = CASE WHEN r.status = f.s THEN r.status_update
                       ELSE $3 END,
       status = f.s,
       approvers = decode(f.a, 'hex'),
       approvers_hmac = decode(f.d, 'hex'),
       holders = CASE WHEN f.o IS NULL
                           OR r.holders @> ARRAY[decode(f.o, 'hex')]
                 THEN r.holders
                 ELSE r.holders || decode(f.o, 'hex') END
  FROM f, l
 WHERE r.brand = $1
   AND r.resource_id = f.r
   AND r.resource_id = l.resource_id;
