
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_RULES_INT_H_INCLUDED_
#define _NGX_OOF_PAYMENT_RULES_INT_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment_rules.h>


/* what the rooms of the rules share; nobody else includes this */


/* what an instrument wants of a member (spec 2.5) */

typedef enum {
    NGX_OOF_PAYMENT_ANY = 0,
    NGX_OOF_PAYMENT_FORBIDDEN,
    NGX_OOF_PAYMENT_REQUIRED
} ngx_oof_payment_presence_e;


typedef struct {
    ngx_str_t                    name;
    ngx_oof_payment_presence_e   proxy;
    ngx_oof_payment_presence_e   qr_code;
    ngx_oof_payment_presence_e   payload_jws;     /* v5 */
    ngx_oof_payment_presence_e   txid;            /* of a payment */
    size_t                       txid_min;
    size_t                       txid_max;
    unsigned                     qr:1;            /* paid by a QR code */
    unsigned                     dynamic:1;       /* … a dynamic one */
    unsigned                     recurrent:1;     /* more than one payment */
    unsigned                     v5:1;            /* not in v4 */
} ngx_oof_payment_matrix_t;


/* by ngx_oof_payment_instrument_e */
extern ngx_oof_payment_matrix_t  ngx_oof_payment_matrix[];


/*
 * Checks claims against a schema: the first member that is missing, else the
 * first that is malformed, is the verdict at "at".
 */
ngx_int_t ngx_oof_payment_syntax(ngx_oof_payment_rules_t *rules,
    ngx_oof_payment_at_e at, ngx_oof_schema_t *schema, json_t *claims,
    ngx_oof_payment_verdict_t *verdict);

/* ngx_oof_payment_refuse() with a literal */
ngx_int_t ngx_oof_payment_refuse_for(ngx_oof_payment_rules_t *rules,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, const char *param,
    ngx_oof_payment_verdict_t *verdict);

/* a member that is a string, empty when it is absent */
void ngx_oof_payment_member(json_t *object, const char *name,
    ngx_str_t *value);

/* an account, whose type is empty when it is absent */
void ngx_oof_payment_account(json_t *object, const char *name,
    ngx_oof_payment_account_t *account);

/* the agency is required for these accounts and is not there (spec 2.4) */
ngx_uint_t ngx_oof_payment_no_issuer(ngx_oof_payment_account_t *account);

/* the same bytes */
ngx_uint_t ngx_oof_payment_same(ngx_str_t *one, ngx_str_t *two);


#endif /* _NGX_OOF_PAYMENT_RULES_INT_H_INCLUDED_ */
