
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_CHARGE_H_INCLUDED_
#define _NGX_OOF_PAYMENT_CHARGE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The charge behind a dynamic QR code, as the payee's institution signed it
 * and the initiator hands it on in payloadJWS (v5, spec 2.4, 2.5; API Pix of
 * the Central Bank).  It is read as data: the signature is the core's to
 * verify, whose network reaches the payee's key.  Amounts are centavos.
 */

typedef enum {
    NGX_OOF_CHARGE_IMMEDIATE = 0,        /* COB */
    NGX_OOF_CHARGE_DUE,                  /* COBV: with a due date */
    NGX_OOF_CHARGE_WITHDRAWAL,           /* Pix Saque */
    NGX_OOF_CHARGE_CHANGE                /* Pix Troco */
} ngx_oof_payment_charge_e;


typedef struct {
    ngx_oof_payment_charge_e  kind;
    ngx_str_t                 txid;
    ngx_str_t                 key;         /* chave */
    ngx_str_t                 status;      /* ATIVA … */
    int64_t                   original;    /* valor.original */
    int64_t                   amount;      /* what is to be paid in all */
    int64_t                   least;       /* the least one may pay; "amount"
                                            * when it cannot be altered */
    int64_t                   most;        /* the most; 0: no limit */
    int64_t                   expires;     /* instant; 0: it does not */
    int64_t                   due;         /* day of dataDeVencimento; 0 */
    int64_t                   last;        /* last day it may be paid; 0 */
} ngx_oof_payment_charge_t;


/*
 * Reads the payload of a compact JWS; strings live in "pool".  NGX_DECLINED
 * with a literal in "why" when it is no JWS of a charge, NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_charge_parse(ngx_pool_t *pool, ngx_str_t *jws,
    ngx_oof_payment_charge_t *charge, const char **why);

/* whether "amount" pays it (spec 2.5, composition of the amount) */
ngx_uint_t ngx_oof_payment_charge_pays(ngx_oof_payment_charge_t *charge,
    int64_t amount);

/*
 * Whether it can be paid on "day", at "now" if that is today: active, not
 * expired, not past its due date and the days after it; else the payment is
 * COBRANCA_INVALIDA.
 */
ngx_uint_t ngx_oof_payment_charge_open(ngx_oof_payment_charge_t *charge,
    int64_t now, int64_t day);


#endif /* _NGX_OOF_PAYMENT_CHARGE_H_INCLUDED_ */
