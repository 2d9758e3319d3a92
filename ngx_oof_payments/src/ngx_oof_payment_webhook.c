
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payment_webhook.h>


/* what initiators are told of payments and consents to pay (spec 4.3) */


static ngx_int_t ngx_oof_payment_webhook_personal(
    ngx_oof_relay_event_t *event, ngx_pool_t *pool, ngx_oof_json_t *w);
static ngx_int_t ngx_oof_payment_webhook_open(ngx_pool_t *pool,
    const char *table, u_char *id, ngx_str_t *sealed, json_t **data);
static ngx_int_t ngx_oof_payment_webhook_member(ngx_oof_json_t *w,
    const char *name, json_t *value);


#define ngx_oof_payment_webhook_consent(type, previous)                       \
    { ngx_string(type), previous, "/payments/v", "/consents/", "consentId",   \
      NULL }

#define ngx_oof_payment_webhook_payment(type)                                 \
    { ngx_string(type), ngx_null_string, "/payments/v", "/pix/payments/",     \
      "paymentId", NULL }


/* not of what was received, accepted, or is on its way */

static ngx_oof_webhook_rule_t  ngx_oof_payment_webhook_rules[] = {

    ngx_oof_payment_webhook_consent(NGX_OOF_EVENT_PAYMENT_CONSENT_REJECTED,
                                    ngx_null_string),
    ngx_oof_payment_webhook_consent(NGX_OOF_EVENT_PAYMENT_CONSENT_CONSUMED,
                                    ngx_null_string),

    /* the initiator knows of any other: the customer has come back to it */

    ngx_oof_payment_webhook_consent(NGX_OOF_EVENT_PAYMENT_CONSENT_AUTHORISED,
                                    ngx_string("PARTIALLY_ACCEPTED")),

    ngx_oof_payment_webhook_payment("oof.payment.settled"),
    ngx_oof_payment_webhook_payment("oof.payment.rejected"),
    ngx_oof_payment_webhook_payment("oof.payment.cancelled"),
    ngx_oof_payment_webhook_payment("oof.payment.held"),
    ngx_oof_payment_webhook_payment("oof.payment.scheduled"),

    { ngx_null_string, ngx_null_string, NULL, NULL, NULL, NULL }
};


static ngx_oof_webhook_notice_t  ngx_oof_payment_webhook_notices[] = {

    { ngx_string(NGX_OOF_EVENT_PAYMENT_CONSENT_REJECTED),
      ngx_string("TEMPO_EXPIRADO_AUTORIZACAO"),
      "CONSENT_AUTHORIZATION_EXPIRED",
      "O cliente não autorizou o consentimento no prazo." },

    { ngx_string(NGX_OOF_EVENT_PAYMENT_CONSENT_REJECTED),
      ngx_string("TEMPO_EXPIRADO_CONSUMO"),
      "CONSENT_AUTHORIZATION_NOT_COMPLETED",
      "O iniciador não concluiu o pagamento no prazo." },

    { ngx_null_string, ngx_null_string, NULL, NULL }
};


/* of the terms and of the payment only documents and accounts, and no name */

static ngx_int_t
ngx_oof_payment_webhook_personal(ngx_oof_relay_event_t *event,
    ngx_pool_t *pool, ngx_oof_json_t *w)
{
    json_t              *terms, *debtor, *payment, *creditor, *account;
    ngx_oof_personal_t  *p;

    p = event->personal;

    if (ngx_oof_payment_webhook_open(pool, NGX_OOF_PAYMENT_SEAL_CONSENT,
                                     p->consent_id, &p->consent, &terms)
           == NGX_ERROR
        || ngx_oof_payment_webhook_open(pool, NGX_OOF_PAYMENT_SEAL_DEBTOR,
                                        p->consent_id, &p->debtor, &debtor)
           == NGX_ERROR
        || ngx_oof_payment_webhook_open(pool, NGX_OOF_PAYMENT_SEAL_PAYMENT,
                                        event->key, &p->payment, &payment)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    creditor = json_object_get(json_object_get(terms, "creditor"), "cpfCnpj");
    account = json_object_get(json_object_get(payment, "item"),
                              "creditorAccount");

    if (account == NULL) {
        account = json_object_get(json_object_get(json_object_get(terms,
                                                                  "payment"),
                                                  "details"),
                                  "creditorAccount");
    }

    return (ngx_oof_payment_webhook_member(w, "loggedUser",
                                           json_object_get(terms,
                                                           "loggedUser"))
               == NGX_OK
            && ngx_oof_payment_webhook_member(w, "businessEntity",
                                              json_object_get(terms,
                                                           "businessEntity"))
               == NGX_OK
            && ngx_oof_payment_webhook_member(w, "creditor", creditor)
               == NGX_OK
            && ngx_oof_payment_webhook_member(w, "creditorAccount", account)
               == NGX_OK
            && ngx_oof_payment_webhook_member(w, "debtorAccount", debtor)
               == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* what cannot be opened any more is not told */

static ngx_int_t
ngx_oof_payment_webhook_open(ngx_pool_t *pool, const char *table, u_char *id,
    ngx_str_t *sealed, json_t **data)
{
    ngx_int_t    rc;
    ngx_str_t    text;
    const char  *why;

    *data = NULL;

    if (sealed->len == 0) {
        return NGX_DECLINED;
    }

    rc = ngx_oof_personal_open(pool, table, id, sealed, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_oof_json_parse(pool, &text, data, &why);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_OK) {
        *data = NULL;
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_webhook_member(ngx_oof_json_t *w, const char *name,
    json_t *value)
{
    char       *dump;
    ngx_str_t   text;

    if (value == NULL || json_is_null(value)) {
        return NGX_OK;
    }

    dump = json_dumps(value, JSON_COMPACT|JSON_ENCODE_ANY);
    if (dump == NULL) {
        return NGX_ERROR;
    }

    text.data = (u_char *) dump;
    text.len = ngx_strlen(dump);

    ngx_oof_json_name(w, name);
    ngx_oof_json_raw(w, &text);

    ngx_explicit_memzero(text.data, text.len);
    free(dump);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_webhook_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_personal_add("oof.payment", ngx_oof_payment_webhook_personal)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_webhook_add(cf, ngx_oof_payment_webhook_rules,
                               ngx_oof_payment_webhook_notices);
}
