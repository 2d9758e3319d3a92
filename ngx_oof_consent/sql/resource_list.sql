-- A page of what a consent shares.
--
-- $1 uuid: the consent's id
-- $2 int8: rows to pass over
-- $3 int4: rows of a page
SELECT resource_id, type, status
  FROM oof_consent_resource
 WHERE consent_id = $1
 ORDER BY resource_id
OFFSET $2
 LIMIT $3;
