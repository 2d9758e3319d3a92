-- What lists tell of consents to pay, in the order of their ids.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of ids
SELECT c.consent_id, oof_payment_consent_standing(c, $2) AS standing,
       c.creation, c.expiration, c.client_id, k.name, k.logo_uri, c.amount,
       c.first_day, c.personal
  FROM jsonb_array_elements_text($3::jsonb) WITH ORDINALITY AS x (id, n)
       JOIN oof_payment_consent c ON c.consent_id = x.id::uuid
       LEFT JOIN oof_client k
       ON k.brand = c.brand AND k.client_id = c.client_id
 WHERE c.brand = $1
 ORDER BY x.n;
