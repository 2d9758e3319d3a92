-- Consents to pay by whom they are of, or by search keys: the first of those that
-- fit, in the order that is asked for, with the number of all.  One row at least,
-- with nulls where there is no consent.
--
-- Of each way to find them the newest are looked at, so many at most: "cut"
-- tells that there may be more.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of {"t": "cpf", "cnpj", "key" or "approver", "h":
--          look-up value}
-- $4 timestamptz: created from
-- $5 timestamptz: created to, inclusive
-- $6 int8: how many are looked at
-- $7 text: JSON array of the CPF's look-up values, null: any
-- $8 text: JSON array of the CNPJ's look-up values, null: any
-- $9 text: JSON array of the look-up values of a customer's CPF, null: all
--           are shown
-- $10 text: JSON array of the look-up values of his company's CNPJ
-- $11 text: JSON array of clients' ids, null: any
-- $12 text: JSON object: rank of each standing that fits
-- $13 bool: the oldest first
-- $14 int8: how many are told
-- $15 int4: mask of modalities, 1: at once, 2: scheduled
WITH o AS MATERIALIZED (
    SELECT o.t, decode(o.h, 'hex') AS h
      FROM jsonb_to_recordset($3::jsonb) AS o (t text, h text)
), f AS MATERIALIZED (
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT c.consent_id
                 FROM oof_payment_consent c
                WHERE c.cpf_hmac = o.h
                  AND c.brand = $1
                  AND c.creation BETWEEN $4 AND $5
                ORDER BY c.creation DESC, c.consent_id DESC
                LIMIT $6) AS x
     WHERE o.t = 'cpf'
     UNION
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT c.consent_id
                 FROM oof_payment_consent c
                WHERE c.cnpj_hmac = o.h
                  AND c.brand = $1
                  AND c.creation BETWEEN $4 AND $5
                ORDER BY c.creation DESC, c.consent_id DESC
                LIMIT $6) AS x
     WHERE o.t = 'cnpj'
     UNION
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT k.consent_id
                 FROM oof_consent_search_key k
                WHERE k.key_hmac = o.h
                  AND k.brand = $1
                  AND k.creation BETWEEN $4 AND $5
                ORDER BY k.creation DESC, k.consent_id DESC
                LIMIT $6) AS x
     WHERE o.t = 'key'
     UNION
    SELECT x.consent_id
      FROM o
           CROSS JOIN LATERAL (
               SELECT a.consent_id
                 FROM oof_payment_approver a
                WHERE a.cpf_hmac = o.h
                ORDER BY a.consent_id DESC
                LIMIT $6) AS x
     WHERE o.t = 'approver'
), m AS (
    SELECT c.consent_id, c.creation,
           ($12::jsonb ->> oof_payment_consent_standing(c, $2)::text)::int4
           AS rank
      FROM f
           JOIN oof_payment_consent c ON c.consent_id = f.consent_id
     WHERE c.brand = $1
       AND c.creation BETWEEN $4 AND $5
       AND ($7 IS NULL
            OR c.cpf_hmac IN (SELECT decode(x, 'hex')
                                FROM jsonb_array_elements_text($7::jsonb) x))
       AND ($8 IS NULL
            OR c.cnpj_hmac IN (SELECT decode(x, 'hex')
                                 FROM jsonb_array_elements_text($8::jsonb) x))
       AND ($9 IS NULL
            OR c.cpf_hmac IN (SELECT decode(x, 'hex')
                                FROM jsonb_array_elements_text($9::jsonb) x)
            OR c.cnpj_hmac IN (SELECT decode(x, 'hex')
                                 FROM jsonb_array_elements_text($10::jsonb)
                                      x)
            OR EXISTS (SELECT
                         FROM oof_payment_approver a
                        WHERE a.consent_id = c.consent_id
                          AND a.cpf_hmac IN (
                              SELECT decode(x, 'hex')
                                FROM jsonb_array_elements_text($9::jsonb)
                                     x)))
       AND ($11 IS NULL
            OR c.client_id IN (SELECT jsonb_array_elements_text($11::jsonb)))
       AND $15 & CASE c.first_day WHEN 0 THEN 1 ELSE 2 END <> 0
), p AS (
    SELECT m.consent_id, m.creation, m.rank
      FROM m
     WHERE m.rank IS NOT NULL
     ORDER BY m.rank,
              CASE WHEN $13 THEN m.creation END,
              CASE WHEN $13 THEN m.consent_id END,
              m.creation DESC, m.consent_id DESC
     LIMIT $14
)
SELECT p.rank, p.creation, p.consent_id, n.total, n.looked >= $6 AS cut
  FROM (SELECT (SELECT count(*) FROM m WHERE m.rank IS NOT NULL) AS total,
               (SELECT count(*) FROM f) AS looked) AS n
       LEFT JOIN p ON true
 ORDER BY p.rank,
          CASE WHEN $13 THEN p.creation END,
          CASE WHEN $13 THEN p.consent_id END,
          p.creation DESC, p.consent_id DESC;
