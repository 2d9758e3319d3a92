-- organisations that have more active consents than most
-- $1 int8: more than so many
-- $2 int4: how many rows
SELECT brand, organisation_id, consents
  FROM oof_limit_consents
 WHERE consents > $1
 ORDER BY consents DESC
 LIMIT $2;
