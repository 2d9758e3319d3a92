-- Which of some resources of the core are known, by their look-up values.
--
-- $1 text: brand
-- $2 text: JSON array of {"n": number, "t": type, "h": [look-up values]}
-- $3 text: JSON array of the holder's look-up values
SELECT f.n, r.resource_id, r.status, r.approvers_hmac,
       r.holders && ARRAY(SELECT decode(x, 'hex')
                            FROM jsonb_array_elements_text($3::jsonb) x)
  FROM jsonb_to_recordset($2::jsonb) AS f (n integer, t text, h text[])
       CROSS JOIN LATERAL unnest(f.h) AS k (hmac)
       JOIN oof_resource r
       ON r.brand = $1 AND r.type = f.t
          AND r.legacy_hmac = decode(k.hmac, 'hex')
 ORDER BY f.n;
