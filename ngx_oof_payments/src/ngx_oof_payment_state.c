
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_state.h>


/* a short hand for the tables below */

#define c(name)  (1 << NGX_OOF_PAYMENT_CONSENT_ ## name)
#define p(name)  (1 << NGX_OOF_PAYMENT_ ## name)


static ngx_int_t ngx_oof_payment_name(ngx_str_t *names, ngx_uint_t n,
    ngx_str_t *name);


static ngx_str_t  ngx_oof_payment_consent_names[] = {
    ngx_string("AWAITING_AUTHORISATION"),
    ngx_string("PARTIALLY_ACCEPTED"),
    ngx_string("AUTHORISED"),
    ngx_string("REJECTED"),
    ngx_string("CONSUMED")
};


/* what may follow each state of a consent, in the order of the names */

static ngx_uint_t  ngx_oof_payment_consent_next[] = {
    c(PARTIAL) | c(AUTHORISED) | c(REJECTED),
    c(AUTHORISED) | c(REJECTED),
    c(CONSUMED) | c(REJECTED),
    0,
    0
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


/* what may follow each state of a payment */

static ngx_uint_t  ngx_oof_payment_next[] = {

    /* RCVD */
    p(PDNG) | p(SCHD) | p(ACCP) | p(ACPD) | p(ACSC) | p(RJCT),

    /* PDNG */
    p(SCHD) | p(ACCP) | p(ACPD) | p(ACSC) | p(RJCT) | p(CANC),

    /* SCHD: on its day the bank may hold it for analysis */
    p(PDNG) | p(ACCP) | p(ACPD) | p(ACSC) | p(RJCT) | p(CANC),

    /* ACCP, ACPD */
    p(ACPD) | p(ACSC) | p(RJCT),
    p(ACSC) | p(RJCT),

    /* ACSC, RJCT, CANC */
    0,
    0,
    0
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


ngx_uint_t
ngx_oof_payment_consent_final(ngx_oof_payment_consent_state_e state)
{
    return ngx_oof_payment_consent_next[state] == 0;
}


ngx_uint_t
ngx_oof_payment_final(ngx_oof_payment_state_e state)
{
    return ngx_oof_payment_next[state] == 0;
}


ngx_uint_t
ngx_oof_payment_consent_may(ngx_oof_payment_consent_state_e from,
    ngx_oof_payment_consent_state_e to)
{
    return (ngx_oof_payment_consent_next[from] >> to) & 1;
}


ngx_uint_t
ngx_oof_payment_may(ngx_oof_payment_state_e from, ngx_oof_payment_state_e to,
    ngx_uint_t scheduled)
{
    if (to == NGX_OOF_PAYMENT_SCHD && !scheduled) {
        return 0;
    }

    return (ngx_oof_payment_next[from] >> to) & 1;
}


int64_t
ngx_oof_payment_consent_due(ngx_oof_payment_consent_life_t *life,
    ngx_oof_payment_code_e *reason)
{
    switch (life->state) {

    case NGX_OOF_PAYMENT_CONSENT_AWAITING:
        *reason = NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO;
        return life->created + NGX_OOF_PAYMENT_AWAITING;

    case NGX_OOF_PAYMENT_CONSENT_PARTIAL:
        *reason = NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO;
        return ngx_oof_payment_partial_until(life->created, life->first);

    case NGX_OOF_PAYMENT_CONSENT_AUTHORISED:
        *reason = NGX_OOF_CODE_TEMPO_EXPIRADO_CONSUMO;
        return life->updated + NGX_OOF_PAYMENT_UNUSED;

    default: /* REJECTED, CONSUMED */
        *reason = NGX_OOF_CODE_NONE;
        return INT64_MAX;
    }
}


ngx_int_t
ngx_oof_payment_consent_usable(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_consent_state_e state, ngx_oof_payment_verdict_t *verdict)
{
    ngx_oof_payment_code_e  code;

    if (state == NGX_OOF_PAYMENT_CONSENT_AUTHORISED) {
        return NGX_OK;
    }

    code = (state == NGX_OOF_PAYMENT_CONSENT_PARTIAL)
           ? NGX_OOF_CODE_CONSENTIMENTO_PENDENTE_AUTORIZACAO
           : NGX_OOF_CODE_CONSENTIMENTO_INVALIDO;

    return ngx_oof_payment_refuse(pool, version, NGX_OOF_AT_PAYMENT, code,
                                  NULL, verdict);
}


ngx_uint_t
ngx_oof_payment_consumes(ngx_oof_payment_consent_state_e state,
    ngx_uint_t status)
{
    return state == NGX_OOF_PAYMENT_CONSENT_AUTHORISED
           && (status == NGX_HTTP_CREATED
               || status == NGX_OOF_HTTP_UNPROCESSABLE);
}


ngx_str_t *
ngx_oof_payment_cancel_reason(ngx_oof_payment_state_e state)
{
    static ngx_str_t  held = ngx_string("CANCELADO_PENDENCIA");
    static ngx_str_t  scheduled = ngx_string("CANCELADO_AGENDAMENTO");
    static ngx_str_t  none = ngx_string("");

    if (state == NGX_OOF_PAYMENT_PDNG) {
        return &held;
    }

    return (state == NGX_OOF_PAYMENT_SCHD) ? &scheduled : &none;
}
