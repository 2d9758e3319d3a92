
/*
 * Copyright (C) oof authors
 */


/*
 * Claims of POST /consents, POST /pix/payments and the PATCHes.  The text is a
 * JSON object with the claims of a consent and of payments under it, so that
 * the one is judged by the other: {"consent":{…},"payment":{…}}.
 */


#include "fuzz.h"


static void judge(ngx_oof_payment_rules_t *rules, json_t *consent,
    json_t *payment);
static void sound(ngx_int_t rc, ngx_oof_payment_verdict_t *v);


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    json_t                   *root, *consent, *payment;
    const char               *why;
    ngx_oof_payment_rules_t   rules;

    if (ngx_oof_json_parse(pool, text, &root, &why) != NGX_OK) {
        return;
    }

    rules.pool = pool;
    rules.now = 1795521600 * NGX_OOF_SECOND;       /* 2026-11-24T12:00:00Z */
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;

    consent = json_object_get(root, "consent");
    payment = json_object_get(root, "payment");

    if (!json_is_object(consent)) {
        consent = root;
    }

    if (!json_is_object(payment)) {
        payment = root;
    }

    for (rules.version = 4; rules.version <= 5; rules.version++) {
        judge(&rules, consent, payment);
    }
}


static void
judge(ngx_oof_payment_rules_t *rules, json_t *consent, json_t *payment)
{
    ngx_int_t                   rc;
    ngx_str_t                   by, id = ngx_string("urn:bank:1");
    ngx_uint_t                  i;
    ngx_array_t                 items;
    ngx_oof_payment_terms_t     terms;
    ngx_oof_payment_verdict_t   v;

    rc = ngx_oof_payment_cancel_body(rules, payment, &id, 1, &by, &v);
    sound(rc, &v);

    rc = ngx_oof_payment_consent_judge(rules, consent, &terms, &v);
    sound(rc, &v);

    if (rc == NGX_OK) {
        must(terms.amount > 0);
    }

    rc = ngx_oof_payment_terms(rules, json_object_get(consent, "data"),
                               &terms);

    must(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc != NGX_OK) {
        return;
    }

    must(terms.schedule.n >= 1 && terms.schedule.n <= NGX_OOF_PAYMENT_MAX);

    for (i = 1; i < terms.schedule.n; i++) {
        must(terms.schedule.days[i] > terms.schedule.days[i - 1]);
    }

    must(ngx_array_init(&items, rules->pool, 4,
                        sizeof(ngx_oof_payment_item_t))
         == NGX_OK);

    rc = ngx_oof_payment_judge(rules, payment, &id, &terms, &items, &v);
    sound(rc, &v);

    must(items.nelts == (rc == NGX_OK ? terms.schedule.n : 0));
}


static void
sound(ngx_int_t rc, ngx_oof_payment_verdict_t *v)
{
    must(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc == NGX_DECLINED) {
        must(v->status == 422 && v->code.len && v->title.len
             && v->detail.len);

    } else {
        must(v->status == 0 || v->status == 201);
    }
}
