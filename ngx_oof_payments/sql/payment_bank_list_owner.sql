-- Consents to pay by whom they are of, or by search keys: a page of those that fit, in the order
-- that is asked for, with the number of all.  One row at least, with nulls where
-- there is no consent.  The newest are looked at, so many at most: "cut" tells
-- that there may be more.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
-- $3 text: JSON array of the CPF's look-up values, null: by the CNPJ
-- $4 text: JSON array of the CNPJ's look-up values, null: any
-- $5 timestamptz: created from
-- $6 timestamptz: created to, inclusive
-- $7 int8: how many are looked at
-- $8 text: JSON object: rank of each standing that fits
-- $9 int4: mask of modalities, 1: at once, 2: scheduled
-- $10 text: part of the client's name, or null
-- $11 bool: the oldest first
-- $12 int8: consents before the page
-- $13 int8: of the page
-- $14 text: JSON array of look-up values of search keys, any of them, or null
WITH f AS MATERIALIZED (
    (SELECT c
       FROM oof_payment_consent c
      WHERE $14 IS NULL
        AND $3 IS NOT NULL
        AND c.cpf_hmac = ANY (ARRAY(
            SELECT decode(x, 'hex')
              FROM jsonb_array_elements_text($3::jsonb) AS x))
        AND c.brand = $1
        AND c.creation BETWEEN $5 AND $6
      ORDER BY c.creation DESC, c.consent_id DESC
      LIMIT $7)
     UNION ALL
    (SELECT c
       FROM oof_payment_consent c
      WHERE $14 IS NULL
        AND $3 IS NULL
        AND c.cnpj_hmac = ANY (ARRAY(
            SELECT decode(x, 'hex')
              FROM jsonb_array_elements_text($4::jsonb) AS x))
        AND c.brand = $1
        AND c.creation BETWEEN $5 AND $6
      ORDER BY c.creation DESC, c.consent_id DESC
      LIMIT $7)
     UNION ALL
    (SELECT c
       FROM (SELECT DISTINCT k.consent_id
               FROM oof_consent_search_key k
              WHERE k.key_hmac = ANY (ARRAY(
                    SELECT decode(x, 'hex')
                      FROM jsonb_array_elements_text($14::jsonb) AS x))
                AND k.brand = $1
                AND k.creation BETWEEN $5 AND $6
              LIMIT $7) AS k
            JOIN oof_payment_consent c ON c.consent_id = k.consent_id
      WHERE $14 IS NOT NULL
        AND c.brand = $1)
), m AS MATERIALIZED (
    SELECT (f.c).consent_id, (f.c).creation,
           ($8::jsonb ->> oof_payment_consent_standing(f.c, $2)::text)::int4
           AS rank
      FROM f
     WHERE ($3 IS NULL
            OR (f.c).cpf_hmac = ANY (ARRAY(
               SELECT decode(x, 'hex')
                 FROM jsonb_array_elements_text($3::jsonb) AS x)))
       AND ($4 IS NULL
            OR (f.c).cnpj_hmac = ANY (ARRAY(
               SELECT decode(x, 'hex')
                 FROM jsonb_array_elements_text($4::jsonb) AS x)))
       AND $9 & CASE (f.c).first_day WHEN 0 THEN 1 ELSE 2 END <> 0
       AND ($10 IS NULL
            OR EXISTS (SELECT
                         FROM oof_client k
                        WHERE k.brand = (f.c).brand
                          AND k.client_id = (f.c).client_id
                          AND position(lower($10) IN lower(k.name)) > 0))
), p AS (
    SELECT m.consent_id, m.creation, m.rank
      FROM m
     WHERE m.rank IS NOT NULL
     ORDER BY m.rank,
              CASE WHEN $11 THEN m.creation END,
              CASE WHEN $11 THEN m.consent_id END,
              m.creation DESC, m.consent_id DESC
    OFFSET $12
     LIMIT $13
)
SELECT n.total, n.looked >= $7 AS cut, p.consent_id
  FROM (SELECT (SELECT count(*) FROM m WHERE m.rank IS NOT NULL) AS total,
               (SELECT count(*) FROM f) AS looked) AS n
       LEFT JOIN p ON true
 ORDER BY p.rank,
          CASE WHEN $11 THEN p.creation END,
          CASE WHEN $11 THEN p.consent_id END,
          p.creation DESC, p.consent_id DESC;
