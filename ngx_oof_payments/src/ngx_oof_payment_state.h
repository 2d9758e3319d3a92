
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_STATE_H_INCLUDED_
#define _NGX_OOF_PAYMENT_STATE_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment_verdict.h>


/* states of payment consents and of payments (spec 2.9) */

typedef enum {
    NGX_OOF_PAYMENT_CONSENT_AWAITING = 0,    /* AWAITING_AUTHORISATION */
    NGX_OOF_PAYMENT_CONSENT_PARTIAL,         /* PARTIALLY_ACCEPTED */
    NGX_OOF_PAYMENT_CONSENT_AUTHORISED,
    NGX_OOF_PAYMENT_CONSENT_REJECTED,
    NGX_OOF_PAYMENT_CONSENT_CONSUMED,
    NGX_OOF_PAYMENT_CONSENT_STATES
} ngx_oof_payment_consent_state_e;


typedef enum {
    NGX_OOF_PAYMENT_RCVD = 0,
    NGX_OOF_PAYMENT_PDNG,
    NGX_OOF_PAYMENT_SCHD,
    NGX_OOF_PAYMENT_ACCP,
    NGX_OOF_PAYMENT_ACPD,
    NGX_OOF_PAYMENT_ACSC,
    NGX_OOF_PAYMENT_RJCT,
    NGX_OOF_PAYMENT_CANC,
    NGX_OOF_PAYMENT_STATES
} ngx_oof_payment_state_e;


/* wire names and back; NGX_ERROR for a name of no state */
ngx_str_t *ngx_oof_payment_consent_state_name(
    ngx_oof_payment_consent_state_e state);
ngx_int_t ngx_oof_payment_consent_state(ngx_str_t *name);
ngx_str_t *ngx_oof_payment_state_name(ngx_oof_payment_state_e state);
ngx_int_t ngx_oof_payment_state(ngx_str_t *name);


#endif /* _NGX_OOF_PAYMENT_STATE_H_INCLUDED_ */
