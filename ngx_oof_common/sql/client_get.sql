-- a registered client
-- $1 text: brand
-- $2 text: client id
SELECT organisation_id, software_id, name, status
  FROM oof_client
 WHERE brand = $1 AND client_id = $2;
