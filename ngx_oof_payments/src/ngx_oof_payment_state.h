
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

/* whether nothing can follow */
ngx_uint_t ngx_oof_payment_consent_final(
    ngx_oof_payment_consent_state_e state);
ngx_uint_t ngx_oof_payment_final(ngx_oof_payment_state_e state);

/*
 * Whether a state may follow another; a state never follows itself.  A core
 * that reports late may leave out steps between receipt and settlement, but
 * goes back on none.  "scheduled" payments alone are ever SCHD.
 */
ngx_uint_t ngx_oof_payment_consent_may(ngx_oof_payment_consent_state_e from,
    ngx_oof_payment_consent_state_e to);
ngx_uint_t ngx_oof_payment_may(ngx_oof_payment_state_e from,
    ngx_oof_payment_state_e to, ngx_uint_t scheduled);


/* what time does to a consent */

typedef struct {
    ngx_oof_payment_consent_state_e  state;
    int64_t                          created;
    int64_t                          updated;    /* statusUpdateDateTime */
    int64_t                          first;      /* first day of settlement,
                                                  * 0: immediate */
} ngx_oof_payment_consent_life_t;

/*
 * The instant at which a consent is REJECTED by time, and why; INT64_MAX when
 * it never is.  It is expired at that very instant.  AUTHORISED and never used
 * has the reason TEMPO_EXPIRADO_CONSUMO.
 */
int64_t ngx_oof_payment_consent_due(ngx_oof_payment_consent_life_t *life,
    ngx_oof_payment_code_e *reason);

/*
 * What a state of the consent says to POST /pix/payments (spec 2.8): NGX_OK
 * when it is AUTHORISED, else NGX_DECLINED with CONSENTIMENTO_INVALIDO or
 * CONSENTIMENTO_PENDENTE_AUTORIZACAO in "verdict", or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_consent_usable(ngx_pool_t *pool,
    ngx_uint_t version, ngx_oof_payment_consent_state_e state,
    ngx_oof_payment_verdict_t *verdict);

/*
 * Whether an answer of POST /pix/payments consumes the consent: after 201 and
 * any 422, when it was AUTHORISED (spec 2.8).
 */
ngx_uint_t ngx_oof_payment_consumes(ngx_oof_payment_consent_state_e state,
    ngx_uint_t status);


/* of a cancellation (spec 2.11), "" when the state allows none */
ngx_str_t *ngx_oof_payment_cancel_reason(ngx_oof_payment_state_e state);


#endif /* _NGX_OOF_PAYMENT_STATE_H_INCLUDED_ */
