
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_H_INCLUDED_
#define _NGX_OOF_PAYMENT_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment_rules.h>
#include <ngx_oof_payment_canonical.h>


/* payments: Payments API v4 and v5, spec 2 */

/* how sealed values are bound to their rows, see ngx_oof_crypt_seal() */
#define NGX_OOF_PAYMENT_SEAL_CONSENT  "oof_payment_consent"
#define NGX_OOF_PAYMENT_SEAL_DEBTOR   "oof_payment_consent.debtor"


/* ms without an answer of the core, after which it is an alarm */
#define NGX_OOF_PAYMENT_ALARM  300000


typedef struct {
    ngx_array_t              locations;      /* of ngx_oof_loc_conf_t *, that
                                              * serve an API of ours */
    ngx_msec_t               alarm;
} ngx_oof_payment_main_conf_t;


typedef struct {
    ngx_uint_t               instruments;    /* offered: a mask of bits */
    ngx_msec_t               wait;           /* for the core; 0: not at all */
    ngx_flag_t               approval;       /* the core is asked of consents
                                              * that are to be made */
} ngx_oof_payment_loc_conf_t;


/*
 * A consent to pay as an answer shows it (spec 2.4).  Strings that are empty
 * are left out.
 */

typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];
    ngx_str_t                path;           /* of the resource */
    ngx_str_t                urn;            /* its last part */
    ngx_str_t                client_id;
    ngx_uint_t               api;            /* that made it: 4 or 5 */

    ngx_str_t                status;
    int64_t                  creation;       /* times are us, rule clock */
    int64_t                  status_update;
    int64_t                  expiration;
    ngx_str_t                reason_code;
    ngx_str_t                reason_detail;  /* empty: the code's own */

    /* JSON objects: personal, never in a log */
    ngx_str_t                personal;
    ngx_str_t                debtor;
} ngx_oof_payment_consent_t;


/* columns of a consent's row, from "base" on */

typedef enum {
    NGX_OOF_PAYMENT_CONSENT_COL_ID = 0,
    NGX_OOF_PAYMENT_CONSENT_COL_CLIENT,
    NGX_OOF_PAYMENT_CONSENT_COL_API,
    NGX_OOF_PAYMENT_CONSENT_COL_CREATION,
    NGX_OOF_PAYMENT_CONSENT_COL_EXPIRATION,
    NGX_OOF_PAYMENT_CONSENT_COL_STATUS,
    NGX_OOF_PAYMENT_CONSENT_COL_STATUS_UPDATE,
    NGX_OOF_PAYMENT_CONSENT_COL_REASON_CODE,
    NGX_OOF_PAYMENT_CONSENT_COL_REASON_DETAIL,
    NGX_OOF_PAYMENT_CONSENT_COL_PERSONAL,
    NGX_OOF_PAYMENT_CONSENT_COL_DEBTOR,
    NGX_OOF_PAYMENT_CONSENT_COLS
} ngx_oof_payment_consent_col_e;


/* content handlers of the routes */
ngx_int_t ngx_oof_payment_consent_create(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_consent_get(ngx_oof_request_t *o);

/*
 * The consent of the path, in the request's pool: NGX_OK; NGX_DECLINED with 400
 * or 404 prepared; NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_consent_param(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t **consent);

/* major version of the API that was called: 4 or 5 */
ngx_uint_t ngx_oof_payment_version(ngx_oof_request_t *o);

/* the rule clock in whole seconds, as the regulation's times are */
int64_t ngx_oof_payment_now(void);

/*
 * Sets consent->path and consent->urn from consent->id, and o->consent_id.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_consent_name(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent);

/*
 * The consent of the first row of statement "s" whose columns from "base" on
 * are those above: strings live as long as the unit, personal data is opened
 * in the request's pool.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_consent_row(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t base,
    ngx_oof_payment_consent_t *consent);

/* a column that may be null, which is empty */
void ngx_oof_payment_col_str(ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, ngx_uint_t col, ngx_str_t *value);

/*
 * In answers of v4 an instrument that only v5 has is the one it stems from:
 * replaces "localInstrument" of a payment, or of the details of a consent.
 */
void ngx_oof_payment_told_4(json_t *object);

/* writes the body of 201 and 200; NGX_OK or NGX_ERROR */
ngx_int_t ngx_oof_payment_consent_body(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent, ngx_str_t *body);

/*
 * Writes the members of "object" that are in "schema", which it has passed, as
 * they were sent; "but" (or NULL) and empty strings are left out.
 */
void ngx_oof_payment_echo(ngx_oof_json_t *w, ngx_oof_schema_t *schema,
    json_t *object, const char *but);

/*
 * Writes the data of a change's event: "consent" as it is after the change,
 * "previous" its status before (NULL for a new one).  Nothing of it is
 * personal.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_consent_event(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent, ngx_str_t *organisation_id,
    const char *previous, ngx_str_t *data);

/*
 * Seals "text", which is wiped, for the consent.  NGX_OK; NGX_DECLINED with a
 * 503 prepared; NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_seal(ngx_oof_request_t *o, const char *table,
    u_char *id, ngx_str_t *text, ngx_str_t *sealed);

/*
 * A charge is known by whom it is for and its txid, whose HMAC is found again
 * by NGX_OOF_PAYMENT_LOOKUP_CHARGE.  The second function adds the statement to
 * the unit that has a row when another consent than "id" has paid it, or is
 * paying (spec 2.5).  NGX_OK or NGX_ERROR.
 */
#define NGX_OOF_PAYMENT_LOOKUP_CHARGE  "payment.charge"

ngx_int_t ngx_oof_payment_charge_name(ngx_pool_t *pool,
    ngx_oof_payment_charge_t *charge, ngx_str_t *name);
ngx_int_t ngx_oof_payment_charge_used(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, u_char *id, ngx_oof_payment_charge_t *charge);

/* prepare a 422; return NGX_OK or NGX_ERROR */
ngx_int_t ngx_oof_payment_refused(ngx_oof_request_t *o,
    ngx_oof_payment_verdict_t *verdict);
ngx_int_t ngx_oof_payment_conflict(ngx_oof_request_t *o,
    ngx_oof_payment_at_e at);


extern ngx_module_t  ngx_oof_payments_module;


#endif /* _NGX_OOF_PAYMENT_H_INCLUDED_ */
