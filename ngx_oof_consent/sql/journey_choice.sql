-- What a consent shares, and who must agree: a row for each resource and
-- person, or for a resource alone.
--
-- $1 uuid: the consent's id
-- $2 text: brand
SELECT s.resource_id, s.type, s.status, s.status_update, r.legacy,
       a.cpf_hmac, a.personal, a.status
  FROM oof_consent_resource s
       LEFT JOIN oof_resource r
       ON r.brand = $2 AND r.resource_id = s.resource_id
       LEFT JOIN oof_consent_approver a
       ON a.consent_id = s.consent_id AND a.resource_id = s.resource_id
 WHERE s.consent_id = $1
 ORDER BY s.type, s.resource_id, a.cpf_hmac
 LIMIT 10000;
