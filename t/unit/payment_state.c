
/*
 * Copyright (C) oof authors
 */


/* spec 2.8, 2.9, 2.11: every transition, and what time does */


#include "tap.h"

#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_state.h>


static const char  *consents[] = {
    "AWAITING_AUTHORISATION", "PARTIALLY_ACCEPTED", "AUTHORISED", "REJECTED",
    "CONSUMED"
};

static const char  *payments[] = {
    "RCVD", "PDNG", "SCHD", "ACCP", "ACPD", "ACSC", "RJCT", "CANC"
};


static void
names(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_PAYMENT_CONSENT_STATES; i++) {
        s = str(consents[i]);
        is_int(ngx_oof_payment_consent_state(&s), i, "%s", consents[i]);
        is_str(ngx_oof_payment_consent_state_name(i), consents[i], "back");
    }

    for (i = 0; i < NGX_OOF_PAYMENT_STATES; i++) {
        s = str(payments[i]);
        is_int(ngx_oof_payment_state(&s), i, "%s", payments[i]);
        is_str(ngx_oof_payment_state_name(i), payments[i], "back");
    }

    s = str("PATC");
    is_int(ngx_oof_payment_state(&s), NGX_ERROR, "no such state");
    s = str("REJECTE");
    is_int(ngx_oof_payment_consent_state(&s), NGX_ERROR, "no such state");
}


/* rows: from, columns: to, in the order of the names */

static void
transitions(void)
{
    ngx_uint_t  i, j, scheduled, want;

    static const char  *c[] = {
        ".+++.",
        "..++.",
        "...++",
        ".....",
        "....."
    };

    /* s: scheduled payments only */

    static const char  *p[] = {
        ".+s++++.",
        "..s+++++",
        ".+.+++++",
        "....+++.",
        ".....++.",
        "........",
        "........",
        "........"
    };

    for (i = 0; i < NGX_OOF_PAYMENT_CONSENT_STATES; i++) {
        for (j = 0; j < NGX_OOF_PAYMENT_CONSENT_STATES; j++) {
            is_int(ngx_oof_payment_consent_may(i, j), c[i][j] == '+',
                   "%s to %s", consents[i], consents[j]);
        }

        is_int(ngx_oof_payment_consent_final(i), strchr(c[i], '+') == NULL,
               "%s is final", consents[i]);
    }

    for (scheduled = 0; scheduled <= 1; scheduled++) {
        for (i = 0; i < NGX_OOF_PAYMENT_STATES; i++) {
            for (j = 0; j < NGX_OOF_PAYMENT_STATES; j++) {
                want = p[i][j] == '+' || (p[i][j] == 's' && scheduled);

                is_int(ngx_oof_payment_may(i, j, scheduled), want,
                       "%s to %s%s", payments[i], payments[j],
                       scheduled ? ", scheduled" : "");
            }
        }
    }

    for (i = 0; i < NGX_OOF_PAYMENT_STATES; i++) {
        is_int(ngx_oof_payment_final(i), strchr(p[i], '+') == NULL,
               "%s is final", payments[i]);
        is_str(ngx_oof_payment_cancel_reason(i),
               i == NGX_OOF_PAYMENT_PDNG ? "CANCELADO_PENDENCIA"
               : i == NGX_OOF_PAYMENT_SCHD ? "CANCELADO_AGENDAMENTO" : "",
               "%s: reason of a cancellation", payments[i]);
    }
}


static void
life(void)
{
    ngx_oof_payment_code_e          reason;
    ngx_oof_payment_consent_life_t  l;

    l.created = 1795521600 * NGX_OOF_SECOND;       /* 2026-11-24T12:00:00Z */
    l.updated = l.created + NGX_OOF_MINUTE;
    l.first = 0;

    l.state = NGX_OOF_PAYMENT_CONSENT_AWAITING;
    is_int(ngx_oof_payment_consent_due(&l, &reason),
           l.created + 5 * NGX_OOF_MINUTE, "five minutes to authorise");
    is_int(reason, NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO, "its reason");

    l.state = NGX_OOF_PAYMENT_CONSENT_AUTHORISED;
    is_int(ngx_oof_payment_consent_due(&l, &reason),
           l.updated + 60 * NGX_OOF_MINUTE, "sixty minutes to use it");
    is_int(reason, NGX_OOF_CODE_TEMPO_EXPIRADO_CONSUMO, "its reason");

    l.state = NGX_OOF_PAYMENT_CONSENT_PARTIAL;
    is_int(ngx_oof_payment_consent_due(&l, &reason),
           ngx_oof_clock_day_start(20782), "others decide until midnight");
    is_int(reason, NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO, "its reason");

    l.first = 20790;
    is_int(ngx_oof_payment_consent_due(&l, &reason),
           ngx_oof_clock_day_start(20790), "or the day before the first");

    l.state = NGX_OOF_PAYMENT_CONSENT_REJECTED;
    ok(ngx_oof_payment_consent_due(&l, &reason) == INT64_MAX, "no more");
    is_int(reason, NGX_OOF_CODE_NONE, "and no reason");

    l.state = NGX_OOF_PAYMENT_CONSENT_CONSUMED;
    ok(ngx_oof_payment_consent_due(&l, &reason) == INT64_MAX, "no more");
}


static void
use(void)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i, status;
    ngx_oof_payment_verdict_t  v;

    static const char  *codes[] = {
        "CONSENTIMENTO_INVALIDO", "CONSENTIMENTO_PENDENTE_AUTORIZACAO", NULL,
        "CONSENTIMENTO_INVALIDO", "CONSENTIMENTO_INVALIDO"
    };

    for (i = 0; i < NGX_OOF_PAYMENT_CONSENT_STATES; i++) {
        rc = ngx_oof_payment_consent_usable(tap_pool, 5, i, &v);

        if (codes[i] == NULL) {
            is_int(rc, NGX_OK, "%s is used", consents[i]);

        } else {
            is_int(rc, NGX_DECLINED, "%s is not used", consents[i]);
            is_str(&v.code, codes[i], "its code");
            is_int(v.status, 422, "its status");
        }

        for (status = 200; status < 600; status++) {
            if (ngx_oof_payment_consumes(i, status)
                != (codes[i] == NULL && (status == 201 || status == 422)))
            {
                break;
            }
        }

        is_int(status, 600, "%s: what consumes it", consents[i]);
    }
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    names();
    transitions();
    life();
    use();

    return tap_done();
}
