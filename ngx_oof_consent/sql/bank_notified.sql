-- Consents that share what the bank's core has news of, by whom they are of or
-- by search keys, with their holders together, and a digest of what they share
-- of it now.  A person's are those that name no company.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of {"t": "cpf", "cnpj" or "key", "h": look-up value}
-- $4 int8: permission that shares it
-- $5 int8: how many at most
-- $6 text: type of its resources
WITH o AS MATERIALIZED (
    SELECT o.t, decode(o.h, 'hex') AS h
      FROM jsonb_to_recordset($3::jsonb) AS o (t text, h text)
), f AS MATERIALIZED (
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT c.consent_id
                 FROM oof_consent c
                WHERE c.cpf_hmac = o.h
                  AND c.brand = $1
                  AND c.cnpj_hmac IS NULL
                  AND c.standing = 2
                  AND c.permissions & $4 <> 0
                ORDER BY c.creation DESC, c.consent_id DESC
                LIMIT $5) AS x
     WHERE o.t = 'cpf'
     UNION
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT c.consent_id
                 FROM oof_consent c
                WHERE c.cnpj_hmac = o.h
                  AND c.brand = $1
                  AND c.standing = 2
                  AND c.permissions & $4 <> 0
                ORDER BY c.creation DESC, c.consent_id DESC
                LIMIT $5) AS x
     WHERE o.t = 'cnpj'
     UNION
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT k.consent_id
                 FROM oof_consent_search_key k
                      JOIN oof_consent c ON c.consent_id = k.consent_id
                WHERE k.key_hmac = o.h
                  AND k.brand = $1
                  AND c.standing = 2
                  AND c.permissions & $4 <> 0
                ORDER BY k.creation DESC, k.consent_id DESC
                LIMIT $5) AS x
     WHERE o.t = 'key'
)
SELECT c.consent_id, coalesce(c.cnpj_hmac, c.cpf_hmac) AS holder,
       (SELECT sha256(convert_to(string_agg(o.resource_id || o.status, ','
                                            ORDER BY o.resource_id), 'UTF8'))
          FROM oof_consent_resource o
         WHERE o.consent_id = c.consent_id
           AND o.type = $6)
  FROM f
       JOIN oof_consent c ON c.consent_id = f.consent_id
 WHERE c.brand = $1
   AND (c.due IS NULL OR c.due > $2)
 ORDER BY holder, c.consent_id
 LIMIT $5;
