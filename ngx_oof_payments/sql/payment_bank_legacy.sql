-- What the core calls the payments of a time, by whom they were initiated.  Ids
-- tell the time (UUIDv7), so that no index but theirs is needed.
--
-- $1 text: brand
-- $2 uuid: the first id
-- $3 uuid: the first one behind
-- $4 int8: how many at most
SELECT coalesce(k.name, p.client_id) AS name,
       (SELECT CASE WHEN count(*) = 1 THEN min(e ->> 'value')
               ELSE string_agg(concat(e ->> 'key', '=', e ->> 'value'), ';'
                               ORDER BY x.n)
               END
          FROM jsonb_array_elements(p.core_id::jsonb)
               WITH ORDINALITY AS x (e, n)) AS legacy_id
  FROM oof_payment p
       LEFT JOIN oof_client k
       ON k.brand = p.brand AND k.client_id = p.client_id
 WHERE p.payment_id >= $2
   AND p.payment_id < $3
   AND p.brand = $1
   AND p.core_id IS NOT NULL
 ORDER BY 1, p.payment_id
 LIMIT $4;
