
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_state.h>


static ngx_int_t ngx_oof_payment_name(ngx_str_t *names, ngx_uint_t n,
    ngx_str_t *name);


static ngx_str_t  ngx_oof_payment_consent_names[] = {
    ngx_string("AWAITING_AUTHORISATION"),
    ngx_string("PARTIALLY_ACCEPTED"),
    ngx_string("AUTHORISED"),
    ngx_string("REJECTED"),
    ngx_string("CONSUMED")
};


static ngx_str_t  ngx_oof_payment_names[] = {
    ngx_string("RCVD"),
    ngx_string("PDNG"),
    ngx_string("SCHD"),
    ngx_string("ACCP"),
    ngx_string("ACPD"),
    ngx_string("ACSC"),
    ngx_string("RJCT"),
    ngx_string("CANC")
};


ngx_str_t *
ngx_oof_payment_consent_state_name(ngx_oof_payment_consent_state_e state)
{
    return &ngx_oof_payment_consent_names[state];
}


ngx_int_t
ngx_oof_payment_consent_state(ngx_str_t *name)
{
    return ngx_oof_payment_name(ngx_oof_payment_consent_names,
                                NGX_OOF_PAYMENT_CONSENT_STATES, name);
}


ngx_str_t *
ngx_oof_payment_state_name(ngx_oof_payment_state_e state)
{
    return &ngx_oof_payment_names[state];
}


ngx_int_t
ngx_oof_payment_state(ngx_str_t *name)
{
    return ngx_oof_payment_name(ngx_oof_payment_names,
                                NGX_OOF_PAYMENT_STATES, name);
}


static ngx_int_t
ngx_oof_payment_name(ngx_str_t *names, ngx_uint_t n, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (name->len == names[i].len
            && ngx_memcmp(name->data, names[i].data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}
