
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_BANK_H_INCLUDED_
#define _NGX_OOF_CONSENT_BANK_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_journey.h>


/*
 * The consent management API: what the bank's channels, back office and core
 * ask of consents ("consent-management v1", on the management listener).  The
 * brand is the server's; X-Brand-ID of the caller is not looked at.
 */

#define NGX_OOF_BANK_BASE         "/open-banking/oob-consents"

#define NGX_OOF_SCOPE_BANK_READ   "oob_consents:read"
#define NGX_OOF_SCOPE_BANK_WRITE  "oob_consents:write"
#define NGX_OOF_SCOPE_BANK_PUSH   "oob_payments:write"

/* the domain of look-up values of search keys, see ngx_oof_crypt_lookup() */
#define NGX_OOF_LOOKUP_SEARCH     "consent.search"

/* how metadata is bound to its row, see ngx_oof_crypt_seal() */
#define NGX_OOF_SEAL_METADATA     "oof_consent_metadata"

#define NGX_OOF_BANK_KEYS         100    /* search keys of a call */
#define NGX_OOF_BANK_TEXT         255    /* bytes of a search key */


/* states as the bank's side names them: oof_consent.standing */

typedef enum {
    NGX_OOF_BANK_AWAITING = 1,
    NGX_OOF_BANK_AUTHORISED,
    NGX_OOF_BANK_REJECTED,
    NGX_OOF_BANK_REVOKED,
    NGX_OOF_BANK_EXPIRED,
    NGX_OOF_BANK_TIMEOUT,
    NGX_OOF_BANK_STANDINGS
} ngx_oof_bank_standing_e;

#define ngx_oof_bank_bit(standing)  ((ngx_uint_t) 1 << (standing))

/* those that a data consent may have */
#define NGX_OOF_BANK_ANY                                                      \
    (ngx_oof_bank_bit(NGX_OOF_BANK_STANDINGS) - ngx_oof_bank_bit(1))


#define NGX_OOF_BANK_DESC  0
#define NGX_OOF_BANK_ASC   1
#define NGX_OOF_BANK_OPF   2             /* active, pending, expired, closed */


/* a parameter of the query, decoded */

typedef struct {
    ngx_str_t                name;
    ngx_str_t                value;
    ngx_str_t                raw;        /* "name=value", as it came */
} ngx_oof_bank_arg_t;


/* where a page begins: behind this consent; no time: at its number */

typedef struct {
    ngx_uint_t               rank;
    int64_t                  creation;   /* us */
    u_char                   id[NGX_OOF_UUID_LEN];
    unsigned                 set:1;
} ngx_oof_bank_mark_t;


/* what a list is asked for */

typedef struct {
    ngx_array_t             *args;       /* ngx_oof_bank_arg_t */
    ngx_oof_page_t           page;
    ngx_oof_bank_mark_t      mark;

    ngx_str_t                cpf;        /* empty: any */
    ngx_str_t                cnpj;
    ngx_array_t              keys;       /* ngx_str_t: any of them */
    ngx_str_t                org;
    int64_t                  from;       /* us, both inclusive */
    int64_t                  to;
    int64_t                  before;     /* expires before; 0: whenever */
    ngx_int_t                term;       /* months */
    ngx_uint_t               standings;  /* mask */
    ngx_uint_t               order;

    unsigned                 has_term:1;
    unsigned                 created:1;  /* a bound of creation is told */
    unsigned                 active:1;   /* GET /consents/v2/active */
} ngx_oof_bank_query_t;


/*
 * Reads the query of GET /v1/consents, or of GET /consents/v2/active, into
 * "q", which is zeroed.  NGX_OK, NGX_DECLINED with a 400 prepared, NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_query(ngx_oof_request_t *o, ngx_oof_bank_query_t *q);

/* all parameters; the same returns */
ngx_int_t ngx_oof_bank_args(ngx_oof_request_t *o, ngx_array_t **args);

/* the first one of that name, or NULL */
ngx_oof_bank_arg_t *ngx_oof_bank_arg(ngx_array_t *args, const char *name);

/* "page" and "page-size", 1 to 1000 here; the same returns */
ngx_int_t ngx_oof_bank_page(ngx_oof_request_t *o, ngx_array_t *args,
    ngx_oof_page_t *page);

/*
 * Search keys: text of 1 to NGX_OOF_BANK_TEXT bytes without a comma, which
 * lists are separated by.  ngx_oof_bank_keys() appends those of such a list to
 * an array of ngx_str_t: NGX_OK, NGX_DECLINED (nothing prepared), NGX_ERROR.
 */
ngx_uint_t ngx_oof_bank_is_key(ngx_str_t *key);
ngx_int_t ngx_oof_bank_keys(ngx_array_t *keys, ngx_str_t *list);

/* prepare a 400 that names a parameter; return NGX_DECLINED */
ngx_int_t ngx_oof_bank_invalid(ngx_oof_request_t *o, const char *name);
ngx_int_t ngx_oof_bank_combined(ngx_oof_request_t *o, const char *one,
    const char *other);

/*
 * Adds, as two texts, whose consents this caller may see: null twice for all
 * of the brand, else JSON arrays of look-up values of the customer's CPF and
 * of the CNPJ that he acts for.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_visible(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u);

/* is it a customer's token */
ngx_uint_t ngx_oof_bank_customer(ngx_oof_request_t *o);

/*
 * Adds, as two texts, who acts: "customer" and null for a customer's token,
 * else "bank" and the token's subject, who is the operator.
 */
void ngx_oof_bank_actor(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u);

/*
 * Whether this caller may change what belongs to the consent: a customer's
 * token only where the consent is that customer's.  And whether it is no
 * customer's token at all.  NGX_OK, or NGX_DECLINED with a 403 prepared.
 */
ngx_int_t ngx_oof_bank_own(ngx_oof_request_t *o,
    ngx_oof_consent_journey_t *journey);
ngx_int_t ngx_oof_bank_staff(ngx_oof_request_t *o);

/*
 * Writes {"t": way, "h": look-up value of "value"} for each look-up key;
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_way(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *way, const char *domain, ngx_str_t *value);

/* "AUTHORISED" */
const char *ngx_oof_bank_standing(ngx_uint_t standing);

/* title and description of permission "n" */
const char *ngx_oof_bank_title(ngx_uint_t n);
const char *ngx_oof_bank_description(ngx_uint_t n);

/* writes the members of whom a consent is of; "cnpj" may be empty */
void ngx_oof_bank_documents(ngx_oof_json_t *w, ngx_str_t *cpf,
    ngx_str_t *cnpj);

/*
 * Ends a list: links, made of the request's own query, and meta.  "next" is
 * where the next page begins, NULL or not set: at its number.
 */
void ngx_oof_bank_list_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_array_t *args, ngx_oof_page_t *page, ngx_oof_bank_mark_t *next);

/*
 * Reads the consent that the path names, as a detail tells it, and answers it:
 * returns as a handler does.
 */
ngx_int_t ngx_oof_bank_detail(ngx_oof_request_t *o);

/*
 * A unit with the statements that read the consent of the path, journey_get
 * and journey_choice; NGX_OK, NGX_DECLINED with an answer prepared, NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t **unit);

/* takes their rows: the same returns */
ngx_int_t ngx_oof_bank_row(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_consent_journey_t **journey);


/* handlers of routes */
ngx_int_t ngx_oof_bank_list(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_active(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_extends(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_revoke(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_reject(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_agree(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_notify(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_key_add(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_key_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_key_remove(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_keys_add(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_keys_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_keys_remove(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_metadata_put(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_metadata_change(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_metadata_delete(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_metadata_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_webhook_toggle(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_webhook_status(ngx_oof_request_t *o);

/* registers the API, in preconfiguration */
/* what the bank's own webhook is told of */
ngx_int_t ngx_oof_consent_webhook_preconf(ngx_conf_t *cf);

ngx_int_t ngx_oof_bank_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_CONSENT_BANK_H_INCLUDED_ */
