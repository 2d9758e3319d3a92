
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_JOURNEY_H_INCLUDED_
#define _NGX_OOF_PAYMENT_JOURNEY_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment.h>


/*
 * The journey of consents to pay: what the bank's authorization server and
 * channels call to show one, to record what the customer decides, and to ask
 * whether a token may be issued.  The paths are those of consents of data
 * sharing: an id that is none of a consent to pay is left to them.
 */

#define NGX_OOF_SCOPE_JOURNEY   "oof_journey"

/* how who must agree is found and sealed */
#define NGX_OOF_PAYMENT_LOOKUP_CPF     "consent.cpf"
#define NGX_OOF_PAYMENT_LOOKUP_CNPJ    "consent.cnpj"
#define NGX_OOF_PAYMENT_SEAL_APPROVER  "oof_payment_approver"

#define NGX_OOF_PAYMENT_APPROVERS      100


/* a consent with all that the bank's side knows of it */

typedef struct {
    ngx_oof_request_t          *o;
    ngx_oof_payment_consent_t   consent;
    ngx_str_t                   organisation_id;
    ngx_str_t                   client_name;     /* empty: not registered */
    ngx_str_t                   client_logo;
    ngx_str_t                   client_status;
    int64_t                     first_day;       /* 0: at once */

    unsigned                    own:1;           /* see below */

    json_t                     *data;            /* what was asked for */
    ngx_oof_payment_terms_t     terms;

    ngx_oof_core_call_t         call;
    ngx_int_t                 (*called)(ngx_oof_request_t *o,
                                        ngx_oof_core_call_t *call);
} ngx_oof_payment_journey_t;


/*
 * Reads the consent that the path names on a read lane, then calls "next" with
 * it as the request's context.  Returns as a handler does; an id of none is
 * given to the next route.
 */
ngx_int_t ngx_oof_payment_journey_read(ngx_oof_request_t *o,
    ngx_int_t (*next)(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j));

/*
 * What the token of a customer may see are consents that he has asked for as
 * the logged user, those of the company that he acts for, and those that he
 * must agree to; all but the last are his own, which he may change.  The first
 * of these functions adds a statement to the unit, for a customer's token
 * alone, and tells whether that failed (NGX_ERROR); "s" is its number.
 */
ngx_int_t ngx_oof_payment_visible_read(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, u_char *id);
ngx_uint_t ngx_oof_payment_visible(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t own);
ngx_uint_t ngx_oof_payment_own_data(ngx_oof_request_t *o, json_t *data);

/*
 * Adds the statement that has a row when "cpf" must agree to the consent, or,
 * without one, to the payment; NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_approves(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    u_char *consent, u_char *payment, ngx_str_t *cpf);

/* prepares the 403 for what is not his own */
ngx_int_t ngx_oof_payment_not_own(ngx_oof_request_t *o);

/* is its status that */
ngx_uint_t ngx_oof_payment_consent_is(ngx_oof_payment_consent_t *consent,
    ngx_oof_payment_consent_state_e state);

/*
 * Calls the bank's core with "body", which is taken over; "called" is called
 * with the answer and returns as a handler does.  NGX_AGAIN or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_core(ngx_oof_payment_journey_t *j,
    const char *path, json_t *body,
    ngx_int_t (*called)(ngx_oof_request_t *o, ngx_oof_core_call_t *call));

/* what every call of the core begins with, and a copy of the payment */
json_t *ngx_oof_payment_core_begin(ngx_oof_payment_journey_t *j);
json_t *ngx_oof_payment_core_terms(ngx_oof_payment_journey_t *j);

/* the body of calls that tell of the whole consent; NULL without memory */
json_t *ngx_oof_payment_core_consent(ngx_oof_payment_journey_t *j);

/*
 * The bank decides: the consent becomes "to", if it still is what it was read
 * as; with a reason, and a detail that may be empty, when that is REJECTED.
 * "done" is called with NGX_OK, NGX_DECLINED (it is something else by now), or
 * NGX_ABORT (it is not known), and returns as a handler does.
 */
ngx_int_t ngx_oof_payment_decide_bank(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_payment_consent_state_e to,
    ngx_oof_payment_code_e reason, ngx_str_t *detail,
    ngx_int_t (*done)(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j,
    ngx_int_t rc));

/* prepares a 400 that names a member; returns NGX_DECLINED */
ngx_int_t ngx_oof_payment_bad_path(ngx_oof_request_t *o, const char *path,
    ngx_uint_t missing);

/* writes members of a consent's state, and of the reason */
void ngx_oof_payment_journey_state(ngx_oof_json_t *w,
    ngx_oof_payment_consent_t *consent);

/* handlers of routes */
ngx_int_t ngx_oof_payment_journey_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_journey_token(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_journey_decide(ngx_oof_request_t *o);


#endif /* _NGX_OOF_PAYMENT_JOURNEY_H_INCLUDED_ */
