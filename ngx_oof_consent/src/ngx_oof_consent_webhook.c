
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/*
 * What the bank's own webhook is told of consents to share data.  Third parties
 * have none of them (spec 4).
 */


static ngx_int_t ngx_oof_consent_webhook_personal(
    ngx_oof_relay_event_t *event, ngx_pool_t *pool, ngx_oof_json_t *w);


static ngx_oof_webhook_notice_t  ngx_oof_consent_webhook_notices[] = {

    { ngx_string(NGX_OOF_EVENT_CONSENT_REJECTED),
      ngx_string("CONSENT_EXPIRED"),
      "CONSENT_AUTHORIZATION_EXPIRED",
      "O cliente não autorizou o consentimento no prazo." },

    { ngx_null_string, ngx_null_string, NULL, NULL }
};


/* the sealed document of a consent is that of these members, and no others */

static ngx_int_t
ngx_oof_consent_webhook_personal(ngx_oof_relay_event_t *event,
    ngx_pool_t *pool, ngx_oof_json_t *w)
{
    ngx_int_t   rc;
    ngx_str_t   text;

    if (event->personal->consent.len == 0) {
        return NGX_DECLINED;
    }

    rc = ngx_oof_personal_open(pool, "oof_consent",
                               event->personal->consent_id,
                               &event->personal->consent, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    if (text.len > 2) {
        text.data++;
        text.len -= 2;
        ngx_oof_json_raw(w, &text);
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_consent_webhook_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_personal_add("oof.consent.", ngx_oof_consent_webhook_personal)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_webhook_add_due(cf, &ngx_oof_sql_consent_expiring);

    return ngx_oof_webhook_add(cf, NULL, ngx_oof_consent_webhook_notices);
}
