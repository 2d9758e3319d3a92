-- What the list of resources needs of a consent.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
SELECT c.client_id, e.status, e.status_update, c.permissions,
       c.resources_ready,
       (SELECT count(*)
          FROM oof_consent_resource s
         WHERE s.consent_id = $1)
  FROM oof_consent c, oof_consent_effective(c, $3) e
 WHERE c.consent_id = $1
   AND c.brand = $2;
