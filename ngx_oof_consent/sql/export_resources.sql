-- What the core has told that a customer has.  No index leads from a holder to
-- resources, so a page is of so many rows of the table, whosever they are.
--
-- $1 text: brand
-- $2 text: JSON array of the holder's look-up values
-- $3 text: the last resource that was looked at, null: none
-- $4 int8: rows at most
SELECT r.resource_id::text AS name,
       CASE WHEN r.holders && ARRAY(
                SELECT decode(x, 'hex')
                  FROM jsonb_array_elements_text($2::jsonb) AS x)
       THEN 'oof_resource' END AS tab,
       (to_jsonb(r) - '{legacy,legacy_hmac,approvers,approvers_hmac,holders}'
                      ::text[])::text AS clear,
       'legacy' AS m0, 'oof_resource' AS t0, uuid_send(r.resource_id) AS i0,
       r.legacy AS s0, 'approvers' AS m1, 'oof_resource.approvers' AS t1,
       uuid_send(r.resource_id) AS i1, r.approvers AS s1
  FROM oof_resource r
 WHERE r.brand = $1
   AND r.resource_id > coalesce($3::uuid,
                                '00000000-0000-0000-0000-000000000000')
 ORDER BY r.resource_id
 LIMIT $4;
