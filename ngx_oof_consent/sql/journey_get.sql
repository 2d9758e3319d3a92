-- A consent as the bank's side sees it, with its client.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
SELECT c.client_id, c.organisation_id, c.creation, e.status, e.status_update,
       c.permissions, c.expiration, e.rejected_by, e.reason_code,
       c.reason_info, c.linked, c.link_id, c.authorise_until, c.multiple,
       c.resources_ready, c.personal, k.name, k.logo_uri, k.status
  FROM oof_consent c
       CROSS JOIN oof_consent_effective(c, $3) e
       LEFT JOIN oof_client k
       ON k.brand = c.brand AND k.client_id = c.client_id
 WHERE c.consent_id = $1
   AND c.brand = $2;
