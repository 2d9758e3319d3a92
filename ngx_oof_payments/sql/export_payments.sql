-- Everything that is kept with some consents to pay of a customer, as
-- export_consents.
--
-- $1 text: brand
-- $2 text: JSON array of the CPF's look-up values
-- $3 text: JSON array of the CNPJ's look-up values, empty: no company
-- $4 text: the last consent that was told, null: none
-- $5 int8: consents at most
WITH p AS MATERIALIZED (
    SELECT decode(x, 'hex') AS h FROM jsonb_array_elements_text($2::jsonb) AS x
), j AS MATERIALIZED (
    SELECT decode(x, 'hex') AS h FROM jsonb_array_elements_text($3::jsonb) AS x
), o AS MATERIALIZED (
    SELECT f.consent_id, bool_or(f.own) AS own
      FROM (SELECT c.consent_id, true
              FROM oof_payment_consent c
             WHERE c.cpf_hmac IN (SELECT p.h FROM p)
               AND c.brand = $1
             UNION
            SELECT c.consent_id, true
              FROM oof_payment_consent c
             WHERE c.cnpj_hmac IN (SELECT j.h FROM j)
               AND c.brand = $1
             UNION
            SELECT a.consent_id, false
              FROM oof_payment_approver a
                   JOIN oof_payment_consent c ON c.consent_id = a.consent_id
             WHERE a.cpf_hmac IN (SELECT p.h FROM p)
               AND c.brand = $1) AS f (consent_id, own)
     WHERE f.consent_id > coalesce($4::uuid,
                                   '00000000-0000-0000-0000-000000000000')
     GROUP BY f.consent_id
     ORDER BY f.consent_id
     LIMIT $5
), y AS MATERIALIZED (
    SELECT y.*
      FROM oof_payment y
           JOIN o ON o.consent_id = y.consent_id
), h AS MATERIALIZED (
    SELECT h.*
      FROM oof_payment_consent_history h
           JOIN o ON o.consent_id = h.consent_id
), g AS MATERIALIZED (
    SELECT g.*, y.consent_id
      FROM y
           JOIN oof_payment_history g ON g.payment_id = y.payment_id
)
SELECT r.consent_id::text AS name, r.tab, r.clear::text,
       r.m0, r.t0, r.i0, r.s0, r.m1, r.t1, r.i1, r.s1
  FROM (SELECT c.consent_id, 1 AS n, NULL AS k, 'oof_payment_consent' AS tab,
               to_jsonb(c) - '{personal,debtor,cpf_hmac,cnpj_hmac,charge}'
                             ::text[] AS clear,
               'personal' AS m0, 'oof_payment_consent' AS t0,
               uuid_send(c.consent_id) AS i0, c.personal AS s0,
               'debtor' AS m1, 'oof_payment_consent.debtor' AS t1,
               uuid_send(c.consent_id) AS i1, c.debtor AS s1
          FROM oof_payment_consent c
               JOIN o ON o.consent_id = c.consent_id
         UNION ALL
        SELECT h.consent_id, 2, lpad(h.version::text, 10, '0'),
               'oof_payment_consent_history', to_jsonb(h), NULL, NULL, NULL,
               NULL, NULL, NULL, NULL, NULL
          FROM h
         UNION ALL
        SELECT a.consent_id, 3, encode(a.cpf_hmac, 'hex'),
               'oof_payment_approver',
               to_jsonb(a) - '{personal,cpf_hmac}'::text[], 'personal',
               'oof_payment_approver', substr(a.cpf_hmac, 1, 16), a.personal,
               NULL, NULL, NULL, NULL
          FROM oof_payment_approver a
               JOIN o ON o.consent_id = a.consent_id
         UNION ALL
        SELECT y.consent_id, 4, y.payment_id::text, 'oof_payment',
               to_jsonb(y) - '{personal,canceller,core_hash,end_to_end,outcome}'
                             ::text[],
               'personal', 'oof_payment', uuid_send(y.payment_id), y.personal,
               'canceller', 'oof_payment.canceller', uuid_send(y.consent_id),
               y.canceller
          FROM y
         UNION ALL
        SELECT g.consent_id, 5,
               g.payment_id || lpad(g.version::text, 10, '0'),
               'oof_payment_history', to_jsonb(g), NULL, NULL, NULL, NULL,
               NULL, NULL, NULL, NULL
          FROM g
         UNION ALL
        SELECT i.consent_id, 6, i.payment_id || i.kind, 'oof_payment_intent',
               to_jsonb(i), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM oof_payment_intent i
               JOIN o ON o.consent_id = i.consent_id
         UNION ALL
        SELECT k.consent_id, 7, encode(k.key_hmac, 'hex'),
               'oof_consent_search_key',
               to_jsonb(k) - '{personal,key_hmac}'::text[], 'searchKey',
               'oof_consent_search_key', substr(k.key_hmac, 1, 16), k.personal,
               NULL, NULL, NULL, NULL
          FROM oof_consent_search_key k
               JOIN o ON o.consent_id = k.consent_id
         WHERE o.own
         UNION ALL
        SELECT m.consent_id, 8, NULL, 'oof_consent_metadata',
               to_jsonb(m) - 'personal', 'metadata', 'oof_consent_metadata',
               uuid_send(m.consent_id), m.personal, NULL, NULL, NULL, NULL
          FROM oof_consent_metadata m
               JOIN o ON o.consent_id = m.consent_id
         WHERE o.own
         UNION ALL
        SELECT w.consent_id, 9, NULL, 'oof_consent_webhook', to_jsonb(w), NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM oof_consent_webhook w
               JOIN o ON o.consent_id = w.consent_id
         UNION ALL
        SELECT w.consent_id, 10, w.event_id || w.target::text, 'oof_webhook',
               to_jsonb(w), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM oof_webhook w
               JOIN o ON o.consent_id = w.consent_id
         UNION ALL
        SELECT w.consent_id, 11, a.event_id || a.target::text || a.attempt,
               'oof_webhook_attempt', to_jsonb(a), NULL, NULL, NULL, NULL,
               NULL, NULL, NULL, NULL
          FROM oof_webhook w
               JOIN o ON o.consent_id = w.consent_id
               JOIN oof_webhook_attempt a
               ON a.event_id = w.event_id AND a.target = w.target
         UNION ALL
        SELECT h.consent_id, 12, e.id::text, 'oof_event', to_jsonb(e), NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM (SELECT h.consent_id, h.event_id FROM h
                 UNION
                SELECT g.consent_id, g.event_id FROM g) AS h
               JOIN oof_event e ON e.id = h.event_id) AS r
 ORDER BY r.consent_id, r.n, r.k;
