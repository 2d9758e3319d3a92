
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_ORDER_H_INCLUDED_
#define _NGX_OOF_PAYMENT_ORDER_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment.h>


/*
 * An order is one call of the bank's core for a payment, from the row that says
 * so to the row that says what came of it.  It belongs to no request: whoever
 * has asked for a payment may go, and the order goes on.
 *
 * That the call is made is written before it (oof_payment_intent: "sent").
 * What the core answers is written until the database takes it.  A core that
 * does not answer is asked again by the holder of the lease "settlement" with
 * the same key, the payment's id, and the same body; unless the core does not
 * know repetitions ("idempotent off").
 */

typedef enum {
    NGX_OOF_ORDER_CHECK = 0,     /* may all of the consent be scheduled */
    NGX_OOF_ORDER_PAY,
    NGX_OOF_ORDER_FIND,          /* what has become of it */
    NGX_OOF_ORDER_CANCEL,
    NGX_OOF_ORDERS
} ngx_oof_payment_order_e;


/* how it ended, order->result */

#define NGX_OOF_ORDER_ANSWERED  0
#define NGX_OOF_ORDER_REFUSED   1        /* 422 */
#define NGX_OOF_ORDER_SILENT    2        /* nothing is known */


typedef struct ngx_oof_payment_order_s  ngx_oof_payment_order_t;

typedef void (*ngx_oof_payment_order_pt)(ngx_oof_payment_order_t *order);

struct ngx_oof_payment_order_s {
    ngx_pool_t              *pool;       /* its own */
    ngx_log_t               *log;
    ngx_oof_loc_conf_t      *olcf;

    ngx_oof_payment_order_e  kind;
    u_char                   payment[NGX_OOF_UUID_LEN];
    u_char                   consent[NGX_OOF_UUID_LEN];
    ngx_str_t                urn;        /* of the consent */
    ngx_uint_t               api;
    ngx_uint_t               attempt;
    int64_t                  creation;   /* of the payment, rule clock */
    int64_t                  consent_creation;
    int64_t                  expiration;
    int64_t                  day;
    ngx_str_t                status;     /* of the payment, when taken */
    ngx_str_t                core_id;    /* JSON, or empty */

    /* JSON: personal, never in a log */
    ngx_str_t                terms;      /* of the consent */
    ngx_str_t                debtor;
    ngx_str_t                personal;   /* of the payment */

    /* of a cancellation */
    ngx_str_t                by;         /* CPF */
    ngx_str_t                key;
    ngx_str_t                canceller;  /* sealed */

    ngx_str_t                operator;   /* who tells it in the bank */
    int64_t                  from;       /* day of "waiting", 0: any */

    ngx_oof_core_call_t      call;

    ngx_uint_t               result;
    ngx_str_t                to;         /* state that it goes to */
    ngx_oof_payment_code_e   code;       /* regulation's, of 422 or RJCT */
    ngx_str_t                words;      /* the core's, where they count */
    ngx_str_t                found;      /* the core's id, JSON */
    u_char                   hash[NGX_OOF_E2EID_KEY];

    ngx_event_t              retry;
    ngx_uint_t               writes;

    /* called once, when all is written that there is to write; may be NULL */
    ngx_oof_payment_order_pt handler;
    void                    *data;

    unsigned                 scheduled:1;
    unsigned                 several:1;  /* payments are checked */
    unsigned                 failed:1;   /* they cannot be scheduled */
    unsigned                 all:1;      /* payments of the consent */
    unsigned                 waiting:1;  /* of these, that wait for a day */
    unsigned                 open:1;     /* only while nothing is known */
    unsigned                 keyed:1;    /* there is a "hash" */
    unsigned                 moved:1;    /* its row was there */
    unsigned                 traced:1;   /* events carry call.trace */
};


/* "personal" of a payment's row, a JSON object */

#define NGX_OOF_PAYMENT_SEAL_PAYMENT    "oof_payment"
#define NGX_OOF_PAYMENT_SEAL_CANCELLER  "oof_payment.canceller"

/* columns of payment_take, payment_late and payment_find */

typedef enum {
    NGX_OOF_ORDER_COL_KIND = 1,
    NGX_OOF_ORDER_COL_STATE,
    NGX_OOF_ORDER_COL_ATTEMPT,
    NGX_OOF_ORDER_COL_PAYMENT,
    NGX_OOF_ORDER_COL_CONSENT,
    NGX_OOF_ORDER_COL_BRAND,
    NGX_OOF_ORDER_COL_API,
    NGX_OOF_ORDER_COL_SCHEDULED,
    NGX_OOF_ORDER_COL_STATUS,
    NGX_OOF_ORDER_COL_CREATION,
    NGX_OOF_ORDER_COL_DAY,
    NGX_OOF_ORDER_COL_CORE_ID,
    NGX_OOF_ORDER_COL_PERSONAL,
    NGX_OOF_ORDER_COL_CONSENT_CREATION,
    NGX_OOF_ORDER_COL_EXPIRATION,
    NGX_OOF_ORDER_COL_TERMS,
    NGX_OOF_ORDER_COL_DEBTOR
} ngx_oof_payment_order_col_e;


/* a new one, with a pool; NULL without memory */
ngx_oof_payment_order_t *ngx_oof_payment_order(ngx_oof_loc_conf_t *olcf,
    ngx_log_t *log);

/* it is the request's: the call and the events are of its trace */
void ngx_oof_payment_order_trace(ngx_oof_payment_order_t *order,
    ngx_oof_request_t *o);

/*
 * Takes a row of the columns above.  NGX_OK; NGX_DECLINED when its sealed
 * values cannot be opened, which is logged; NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_order_row(ngx_oof_payment_order_t *order,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);

/*
 * Calls the core.  NGX_OK: the handler will be called, never from inside;
 * NGX_ERROR: nothing was sent, no handler.
 */
ngx_int_t ngx_oof_payment_order_send(ngx_oof_payment_order_t *order);

/*
 * Who of the bank's side tells it, for the history, as ngx_oof_bank_actor()
 * says: nobody for a customer's token.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_order_operator(ngx_oof_payment_order_t *order,
    ngx_oof_request_t *o);

/*
 * Writes what order->to, code and words say, told by somebody else than an
 * answer: NGX_OK and the handler, or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_order_write(ngx_oof_payment_order_t *order,
    const char *actor);

/*
 * The payments of the consent were not scheduled in time: all are scheduled
 * within 60 minutes, or none (spec 2.8).  As ngx_oof_payment_order_write().
 */
ngx_int_t ngx_oof_payment_order_late(ngx_oof_payment_order_t *order);

/*
 * Takes what the core tells of a payment, {"status", "rejectionReason"}: sets
 * order->to, code and words; NGX_DECLINED when it is no state.
 */
ngx_int_t ngx_oof_payment_order_told(ngx_oof_payment_order_t *order,
    json_t *data, const char *status);

/* takes the core's id of the payment, when there is none yet */
void ngx_oof_payment_order_id(ngx_oof_payment_order_t *order, json_t *pairs);

/* digest of the core's id, an array of {"key", "value"}: as above */
ngx_int_t ngx_oof_payment_order_hash(ngx_pool_t *pool, ngx_str_t *brand,
    json_t *pairs, u_char *hash);

/* the regulation's code for one of the core's, by the core's table */
ngx_oof_payment_code_e ngx_oof_payment_core_code(ngx_oof_core_t *core,
    ngx_str_t *name);

/* of one that is not under way: in its handler, or before it is sent */
void ngx_oof_payment_order_free(ngx_oof_payment_order_t *order);

ngx_int_t ngx_oof_payment_order_preconf(ngx_conf_t *cf);   /* metrics */


#endif /* _NGX_OOF_PAYMENT_ORDER_H_INCLUDED_ */
