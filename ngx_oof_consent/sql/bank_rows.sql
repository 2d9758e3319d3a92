-- What lists tell of consents, in the order of their ids.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of ids
SELECT c.consent_id,
       CASE
       WHEN c.due <= $2
            THEN CASE c.standing WHEN 2 THEN 5 ELSE 6 END
       ELSE c.standing
       END::int4 AS standing,
       c.creation, c.expiration, c.client_id, k.name, k.logo_uri, c.linked,
       c.link_id, c.personal
  FROM jsonb_array_elements_text($3::jsonb) WITH ORDINALITY AS x (id, n)
       JOIN oof_consent c ON c.consent_id = x.id::uuid
       LEFT JOIN oof_client k
       ON k.brand = c.brand AND k.client_id = c.client_id
 WHERE c.brand = $1
 ORDER BY x.n;
