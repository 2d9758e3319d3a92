-- Which of some search keys a consent has.
--
-- $1 uuid: the consent's id
-- $2 text: JSON array of the look-up values of each, arrays themselves
SELECT EXISTS (SELECT
                 FROM jsonb_array_elements_text(f.h) AS x
                      JOIN oof_consent_search_key k
                      ON k.consent_id = $1 AND k.key_hmac = decode(x, 'hex'))
  FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS f (h, n)
 ORDER BY f.n;
