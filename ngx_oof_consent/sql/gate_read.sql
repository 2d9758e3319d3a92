-- A consent as it is at an instant, with the resource that a call of a data API
-- names: its type and status in this consent, and how the core calls it, all
-- null when the consent does not share it.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 uuid: the resource's id, null when none is named
-- $5 bool: the customer's document is wanted
SELECT c.client_id, e.status, c.permissions, c.cpf_hmac, c.cnpj_hmac,
       CASE WHEN $5 THEN c.personal END,
       s.resource_id, r.legacy, s.type, s.status
  FROM oof_consent c
       CROSS JOIN LATERAL oof_consent_effective(c, $3) e
       LEFT JOIN oof_consent_resource s
              ON s.consent_id = c.consent_id
                 AND s.resource_id = $4
       LEFT JOIN oof_resource r
              ON r.brand = c.brand
                 AND r.resource_id = s.resource_id
 WHERE c.consent_id = $1
   AND c.brand = $2;
