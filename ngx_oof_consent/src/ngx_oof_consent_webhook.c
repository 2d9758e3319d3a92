
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


static ngx_oof_webhook_notice_t  ngx_oof_consent_webhook_notices[] = {

    { ngx_string(NGX_OOF_EVENT_CONSENT_REJECTED),
      ngx_string("CONSENT_EXPIRED"),
      "CONSENT_AUTHORIZATION_EXPIRED",
      "O cliente não autorizou o consentimento no prazo." },

    { ngx_null_string, ngx_null_string, NULL, NULL }
};


ngx_int_t
ngx_oof_consent_webhook_preconf(ngx_conf_t *cf)
{
    ngx_oof_webhook_add_due(cf, &ngx_oof_sql_consent_expiring);

    return ngx_oof_webhook_add(cf, NULL, ngx_oof_consent_webhook_notices);
}
