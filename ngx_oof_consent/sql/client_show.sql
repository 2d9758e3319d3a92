-- All that is known of a client.
--
-- $1 text: brand
-- $2 text: client's id
SELECT organisation_id, software_id, name, logo_uri,
       array_to_json(webhook_uris)::text, array_to_json(roles)::text, status,
       created, updated
  FROM oof_client
 WHERE brand = $1
   AND client_id = $2;
