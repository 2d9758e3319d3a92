
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_webhook.h>


/* what initiators are told of payments and consents to pay (spec 4.3) */


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


ngx_int_t
ngx_oof_payment_webhook_preconf(ngx_conf_t *cf)
{
    return ngx_oof_webhook_add(cf, ngx_oof_payment_webhook_rules,
                               ngx_oof_payment_webhook_notices);
}
