
/*
 * Copyright (C) oof authors
 */


/* spec 2.9: states have the names of the regulation */


#include "tap.h"

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


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    names();

    return tap_done();
}
