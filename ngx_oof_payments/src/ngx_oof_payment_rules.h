
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_RULES_H_INCLUDED_
#define _NGX_OOF_PAYMENT_RULES_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_e2eid.h>
#include <ngx_oof_payment_brcode.h>
#include <ngx_oof_payment_charge.h>
#include <ngx_oof_payment_verdict.h>
#include <ngx_oof_payment_schedule.h>
#include <ngx_oof_payment_state.h>


/*
 * The rules by which requests of the payments APIs are judged that need no
 * state (spec 2.4 to 2.8, 2.11, 2.14): syntax, then semantics, first failure
 * wins.  What differs between v4 and v5 is in tables.  Every function takes
 * the claims of a verified JWS ({"data": …, "aud": …}), whose "data" may be
 * anything, and returns
 *
 *     NGX_OK        verdict->status is 0, or 201 with a reason to come;
 *     NGX_DECLINED  verdict->status is 422;
 *     NGX_ERROR     no memory.
 *
 * Strings of the results point into the claims or live in rules->pool; the
 * claims must live as long.
 */

typedef enum {
    NGX_OOF_INSTRUMENT_MANU = 0,
    NGX_OOF_INSTRUMENT_DICT,
    NGX_OOF_INSTRUMENT_INIC,
    NGX_OOF_INSTRUMENT_QRES,
    NGX_OOF_INSTRUMENT_QRDN,
    NGX_OOF_INSTRUMENT_APES,             /* v5 */
    NGX_OOF_INSTRUMENT_APDN,             /* v5 */
    NGX_OOF_INSTRUMENTS
} ngx_oof_payment_instrument_e;

#define ngx_oof_instrument_bit(i)  ((ngx_uint_t) 1 << (i))
#define NGX_OOF_INSTRUMENT_ALL     0x7f


typedef enum {
    NGX_OOF_PURPOSE_NONE = 0,            /* v4 */
    NGX_OOF_PURPOSE_IMMEDIATE,
    NGX_OOF_PURPOSE_SINGLE,              /* SINGLE_SCHEDULED */
    NGX_OOF_PURPOSE_RECURRENT,           /* RECURRENT_SCHEDULED */
    NGX_OOF_PURPOSE_WITHDRAW,
    NGX_OOF_PURPOSE_CHANGE
} ngx_oof_payment_purpose_e;


/* what holds for a request */

typedef struct {
    ngx_pool_t                    *pool;
    ngx_uint_t                     version;      /* 4 or 5 */
    int64_t                        now;          /* rule clock */
    ngx_uint_t                     instruments;  /* that the bank offers */
} ngx_oof_payment_rules_t;


typedef struct {
    ngx_str_t                      ispb;
    ngx_str_t                      issuer;       /* empty: not named */
    ngx_str_t                      number;
    ngx_str_t                      type;         /* CACC, SVGS, TRAN; empty:
                                                  * no account */
} ngx_oof_payment_account_t;


/* what a consent says about its payments */

typedef struct {
    ngx_oof_payment_instrument_e   instrument;
    ngx_oof_payment_purpose_e      purpose;
    ngx_oof_payment_schedule_t     schedule;
    int64_t                        amount;       /* centavos */
    ngx_str_t                      currency;
    ngx_str_t                      cpf;          /* of the logged user */
    ngx_str_t                      cnpj;         /* empty: a person */
    ngx_str_t                      town;         /* ibgeTownCode */
    ngx_str_t                      proxy;
    ngx_str_t                      qr_code;
    ngx_str_t                      payload_jws;
    ngx_oof_payment_account_t      creditor;
    ngx_oof_payment_account_t      debtor;
    ngx_oof_payment_brcode_t       brcode;       /* when has_brcode */
    ngx_oof_payment_charge_t       charge;       /* when has_charge */

    unsigned                       has_brcode:1;
    unsigned                       has_charge:1;
} ngx_oof_payment_terms_t;


/* one of the payments that are asked for */

typedef struct {
    json_t                        *data;         /* borrowed */
    ngx_str_t                      e2eid;
    int64_t                        day;          /* of settlement, Brasilia */
    unsigned                       scheduled:1;
} ngx_oof_payment_item_t;


/*
 * POST /consents.  Presence (PARAMETRO_NAO_INFORMADO), form
 * (PARAMETRO_INVALIDO), instrument offered (FORMA_PAGAMENTO_INVALIDA), purpose
 * (v5, PROPOSITO_INVALIDO), dates (DATA_PAGAMENTO_INVALIDA), members that
 * exclude each other (DETALHE_PAGAMENTO_INVALIDO).  What is wrong with a QR
 * code does not refuse the consent: verdict->status is 201 and its code
 * QRCODE_INVALIDO or VALOR_INVALIDO, the reason found at the step
 * NGX_OOF_FUNNEL_AUTHORISATION.
 */
ngx_int_t ngx_oof_payment_consent_judge(ngx_oof_payment_rules_t *rules,
    json_t *claims, ngx_oof_payment_terms_t *terms,
    ngx_oof_payment_verdict_t *verdict);

/*
 * The terms of a stored consent, whose "data" was judged when it was created:
 * NGX_OK; NGX_DECLINED when it is no such document (a matter for the log).
 */
ngx_int_t ngx_oof_payment_terms(ngx_oof_payment_rules_t *rules,
    json_t *data, ngx_oof_payment_terms_t *terms);

/*
 * The reasons against a consent's QR code, as a mask of QRCODE_INVALIDO and
 * VALOR_INVALIDO, to be joined with what the core has found before
 * ngx_oof_payment_funnel() chooses; 0 when nothing is wrong or there is none.
 */
uint64_t ngx_oof_payment_code_reasons(ngx_oof_payment_terms_t *terms);

/*
 * Whether money would go from an account to itself, for which a consent is
 * rejected at its authorisation (CONTAS_ORIGEM_DESTINO_IGUAIS).  An agency
 * that is not named on one side is no difference.
 */
ngx_uint_t ngx_oof_payment_same_account(ngx_oof_payment_account_t *debtor,
    ngx_oof_payment_account_t *creditor);

/*
 * POST /pix/payments: all items or none.  "consent_id" is the token's.  Items
 * are left in "items" (ngx_oof_payment_item_t, in the order of the request)
 * when NGX_OK is returned.  Refused at once: number of items, days and fixed
 * time of endToEndId, instrument, account, key, town, consentId, the members
 * that an instrument needs or forbids; accepted and then rejected, all of
 * them: amount, currency and qrCode that differ, a transaction identification
 * that is not the QR code's (spec 2.8).
 */
ngx_int_t ngx_oof_payment_judge(ngx_oof_payment_rules_t *rules,
    json_t *claims, ngx_str_t *consent_id, ngx_oof_payment_terms_t *terms,
    ngx_array_t *items, ngx_oof_payment_verdict_t *verdict);

/*
 * The body of both PATCHes (spec 2.11): status CANC and who cancels, whose
 * document is one of "n" in "cpfs"; its text in "by".  All that is wrong is
 * PAGAMENTO_NAO_PERMITE_CANCELAMENTO, the only code there is.
 */
ngx_int_t ngx_oof_payment_cancel_body(ngx_oof_payment_rules_t *rules,
    json_t *claims, ngx_str_t *cpfs, ngx_uint_t n, ngx_str_t *by,
    ngx_oof_payment_verdict_t *verdict);

/* of a name; NGX_ERROR for one of none */
ngx_int_t ngx_oof_payment_instrument(ngx_uint_t version, ngx_str_t *name);
ngx_int_t ngx_oof_payment_purpose(ngx_str_t *name);


/*
 * Schemas of the claims ("data" and below) of POST /consents, POST
 * /pix/payments and the PATCHes, from the interface files of the versions.
 */
ngx_oof_schema_t *ngx_oof_payment_consent_schema(ngx_uint_t version);
ngx_oof_schema_t *ngx_oof_payment_item_schema(ngx_uint_t version);
ngx_oof_schema_t *ngx_oof_payment_cancel_schema(ngx_uint_t version);


#endif /* _NGX_OOF_PAYMENT_RULES_H_INCLUDED_ */
