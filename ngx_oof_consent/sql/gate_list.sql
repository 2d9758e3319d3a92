-- A consent as it is at an instant, with the resources of a type that it shares
-- and that are available: a row each, or one with nulls when there is none.
--
-- $1 uuid: the consent's id
-- $2 text: brand
-- $3 timestamptz: rule clock
-- $4 text: type
-- $5 bool: the customer's document is wanted
-- $6 int8: resources at most
SELECT c.client_id, e.status, c.permissions, c.cpf_hmac, c.cnpj_hmac,
       CASE WHEN $5 THEN c.personal END,
       l.resource_id, l.legacy
  FROM oof_consent c
       CROSS JOIN LATERAL oof_consent_effective(c, $3) e
       LEFT JOIN LATERAL (
           SELECT s.resource_id, r.legacy
             FROM oof_consent_resource s
                  JOIN oof_resource r
                    ON r.brand = $2
                       AND r.resource_id = s.resource_id
            WHERE s.consent_id = $1
              AND s.type = $4
              AND s.status = 'AVAILABLE'
            ORDER BY s.resource_id
            LIMIT $6
       ) l ON true
 WHERE c.consent_id = $1
   AND c.brand = $2
 ORDER BY l.resource_id;
