
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_BANK_H_INCLUDED_
#define _NGX_OOF_BANK_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What the operations of the bank's side ("consent-management v1") share,
 * whatever the consents are of: queries, pages, and who asks.
 */

#define NGX_OOF_SCOPE_CUSTOMER    "oob_customer"

/* the domain of look-up values of search keys, see ngx_oof_crypt_lookup() */
#define NGX_OOF_LOOKUP_SEARCH     "consent.search"

/* how metadata and keys are bound to their rows, see ngx_oof_crypt_seal() */
#define NGX_OOF_SEAL_METADATA     "oof_consent_metadata"
#define NGX_OOF_SEAL_SEARCH       "oof_consent_search_key"

#define NGX_OOF_BANK_LOOKUPS      8
#define NGX_OOF_BANK_KEYS         100    /* search keys of a call */
#define NGX_OOF_BANK_TEXT         255    /* bytes of a search key */
#define NGX_OOF_BANK_REACH        10000  /* records by number of page */


/* states as the bank's side names them; the first six: oof_consent.standing */

typedef enum {
    NGX_OOF_BANK_AWAITING = 1,
    NGX_OOF_BANK_AUTHORISED,
    NGX_OOF_BANK_REJECTED,
    NGX_OOF_BANK_REVOKED,
    NGX_OOF_BANK_EXPIRED,
    NGX_OOF_BANK_TIMEOUT,
    NGX_OOF_BANK_STANDINGS,              /* of data */
    NGX_OOF_BANK_CONSUMED = NGX_OOF_BANK_STANDINGS,
    NGX_OOF_BANK_PARTIAL,
    NGX_OOF_BANK_UNUSED,                 /* TIMEOUT_PAYMENT */
    NGX_OOF_BANK_ALL_STANDINGS
} ngx_oof_bank_standing_e;

#define ngx_oof_bank_bit(standing)  ((ngx_uint_t) 1 << (standing))

/* those that a data consent may have */
#define NGX_OOF_BANK_ANY                                                      \
    (ngx_oof_bank_bit(NGX_OOF_BANK_STANDINGS) - ngx_oof_bank_bit(1))

#define NGX_OOF_BANK_ANY_OF_ALL                                               \
    (ngx_oof_bank_bit(NGX_OOF_BANK_ALL_STANDINGS) - ngx_oof_bank_bit(1))


/* kinds of consents */

#define NGX_OOF_BANK_DATA        0x01
#define NGX_OOF_BANK_PAYMENT     0x02
#define NGX_OOF_BANK_ENROLLMENT  0x04

/* modalities of payments */

#define NGX_OOF_BANK_IMMEDIATE   0x01
#define NGX_OOF_BANK_SCHEDULED   0x02
#define NGX_OOF_BANK_OTHERWISE   0x04    /* that no payment here has */


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
    ngx_uint_t               kinds;      /* mask */
    ngx_uint_t               modalities; /* mask */
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

/* is it a customer's token */
ngx_uint_t ngx_oof_bank_customer(ngx_oof_request_t *o);

/*
 * Adds, as two texts, who acts: "customer" and null for a customer's token,
 * else "bank" and the token's subject, who is the operator.
 */
void ngx_oof_bank_actor(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u);

/* for staff alone: NGX_OK; NGX_DECLINED with a 403 for a customer's token */
ngx_int_t ngx_oof_bank_staff(ngx_oof_request_t *o);

/* "AUTHORISED" */
const char *ngx_oof_bank_standing(ngx_uint_t standing);

/* writes the members of whom a consent is of; "cnpj" may be empty */
void ngx_oof_bank_documents(ngx_oof_json_t *w, ngx_str_t *cpf,
    ngx_str_t *cnpj);

/*
 * A JSON array of the values by which "value" is found, whatever key they were
 * made with; NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_lookups(ngx_oof_request_t *o, const char *domain,
    ngx_str_t *value, ngx_str_t *json);


/*
 * A kind of consents that the bank keeps search keys and metadata with, and
 * wants to be notified of.  The statements take what those of consents of data
 * take (bank_keys_add.sql, ...), and lock the row of their own kind.
 */

typedef struct {

    /*
     * Adds the statements that read consent u->key to the unit; NGX_OK or
     * NGX_ERROR.
     */
    ngx_int_t              (*read)(ngx_oof_request_t *o,
                                   ngx_oof_pg_unit_t *u);

    /*
     * Takes their rows: NGX_OK; NGX_DONE when it is none of this kind;
     * NGX_DECLINED with an answer prepared, when the caller may not see it, or
     * not change it ("own"); NGX_ERROR.
     */
    ngx_int_t              (*row)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
                                  ngx_uint_t own);

    ngx_oof_sql_t           *keys_add;
    ngx_oof_sql_t           *keys_remove;
    ngx_oof_sql_t           *metadata_put;
    ngx_oof_sql_t           *webhook_put;
} ngx_oof_bank_kind_t;


/* the routes by which it keeps them, in preconfiguration */
ngx_int_t ngx_oof_bank_keep_preconf(ngx_conf_t *cf);

/* registers a kind, which is static, in preconfiguration */
ngx_int_t ngx_oof_bank_kind_add(ngx_conf_t *cf, ngx_oof_bank_kind_t *kind);

/*
 * Ends a list: links, made of the request's own query, and meta.  "next" is
 * where the next page begins, NULL or not set: at its number.
 */
void ngx_oof_bank_list_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_array_t *args, ngx_oof_page_t *page, ngx_oof_bank_mark_t *next);


#endif /* _NGX_OOF_BANK_H_INCLUDED_ */
