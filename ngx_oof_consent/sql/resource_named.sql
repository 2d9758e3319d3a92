-- Resources by their ids, and whether they were found for this holder.
--
-- $1 text: brand
-- $2 text: JSON array of {"n": number, "r": id}
-- $3 text: JSON array of the holder's look-up values
SELECT f.n, r.type, r.status, r.approvers, r.legacy_hmac,
       r.holders && ARRAY(SELECT decode(x, 'hex')
                            FROM jsonb_array_elements_text($3::jsonb) x)
  FROM jsonb_to_recordset($2::jsonb) AS f (n integer, r uuid)
       JOIN oof_resource r
       ON r.brand = $1 AND r.resource_id = f.r
 ORDER BY f.n;
