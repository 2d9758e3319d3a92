
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_SHOW_H_INCLUDED_
#define _NGX_OOF_PAYMENT_SHOW_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment.h>


/* columns of payment_rows, payment_show and payment_get */

typedef enum {
    NGX_OOF_PAYMENT_COL_ID = 1,
    NGX_OOF_PAYMENT_COL_CONSENT,
    NGX_OOF_PAYMENT_COL_CLIENT,
    NGX_OOF_PAYMENT_COL_API,
    NGX_OOF_PAYMENT_COL_CREATION,
    NGX_OOF_PAYMENT_COL_STATUS_UPDATE,
    NGX_OOF_PAYMENT_COL_STATUS,
    NGX_OOF_PAYMENT_COL_SCHEDULED,
    NGX_OOF_PAYMENT_COL_REASON_CODE,
    NGX_OOF_PAYMENT_COL_REASON_DETAIL,
    NGX_OOF_PAYMENT_COL_CANCEL_REASON,
    NGX_OOF_PAYMENT_COL_CANCELLED_FROM,
    NGX_OOF_PAYMENT_COL_CANCELLED_AT,
    NGX_OOF_PAYMENT_COL_PERSONAL,
    NGX_OOF_PAYMENT_COL_CANCELLER,
    NGX_OOF_PAYMENT_COL_DAY,
    NGX_OOF_PAYMENT_COL_TERMS            /* of payment_get */
} ngx_oof_payment_col_e;


/* what each payment has */

typedef struct {
    u_char                  *id;
    u_char                  *consent;        /* its id */
    int64_t                  creation;       /* times are us, rule clock */
    int64_t                  status_update;
    ngx_str_t                status;
    ngx_str_t                personal;       /* JSON, as it is sealed */
} ngx_oof_payment_shown_t;


/*
 * Writes a payment as it is in a row of the columns above (spec 2.8), at "at":
 * NGX_OOF_AT_RJCT in answers to POST and PATCH, NGX_OOF_AT_RJCT_GET.  NGX_OK
 * or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_show(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_oof_payment_at_e at);

/*
 * Parts of it: the consent's URN, which logs name from then on; the member
 * rejectionReason and the member cancellation, when there is one; a tree,
 * "bare" without its braces.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_show_urn(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_str_t *urn);
ngx_int_t ngx_oof_payment_show_reason(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t version, ngx_oof_payment_at_e at);
ngx_int_t ngx_oof_payment_show_cancelled(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);
ngx_int_t ngx_oof_payment_show_json(ngx_oof_request_t *o, ngx_oof_json_t *w,
    json_t *object, ngx_uint_t bare);

/* writes a payment that has just been made: as above */
ngx_int_t ngx_oof_payment_show_new(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_payment_shown_t *shown);

/* the whole body for one payment; the path is its own */
ngx_int_t ngx_oof_payment_show_one(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_oof_payment_at_e at, ngx_str_t *body);

/* the path of a payment, as links have it */
ngx_int_t ngx_oof_payment_path(ngx_oof_request_t *o, u_char *id,
    ngx_str_t *path);

/* opens a sealed column in the request's pool; an empty one is none */
ngx_int_t ngx_oof_payment_sealed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_uint_t col, const char *table,
    u_char *id, ngx_str_t *text);

/* the payment of the path: NGX_OK; NGX_DECLINED with a 404 prepared */
ngx_int_t ngx_oof_payment_param(ngx_oof_request_t *o, u_char *id);
ngx_int_t ngx_oof_payment_unknown(ngx_oof_request_t *o);

/* whether the first row is the caller's; else 400 is prepared (spec 2.10) */
ngx_uint_t ngx_oof_payment_own(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s);

/* handlers */
ngx_int_t ngx_oof_payment_create(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_list(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_cancel(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_cancel_all(ngx_oof_request_t *o);


#endif /* _NGX_OOF_PAYMENT_SHOW_H_INCLUDED_ */
