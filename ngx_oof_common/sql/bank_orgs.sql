-- Clients whose name has a text in it.
--
-- $1 text: brand
-- $2 text: the text
-- $3 int8: how many at most
SELECT client_id
  FROM oof_client
 WHERE brand = $1
   AND position(lower($2) IN lower(name)) > 0
 ORDER BY client_id
 LIMIT $3;
