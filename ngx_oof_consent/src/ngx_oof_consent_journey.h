
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_JOURNEY_H_INCLUDED_
#define _NGX_OOF_CONSENT_JOURNEY_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_consent.h>


/*
 * The journey: what the bank's authorization server and channels call to show
 * a consent, to record what the customer decides, and to ask whether a token
 * may be issued; and how the bank's core is asked what a customer has.
 */

#define NGX_OOF_SCOPE_JOURNEY   "oof_journey"

/* the domains of look-up values, see ngx_oof_crypt_lookup() */
#define NGX_OOF_LOOKUP_CPF        "consent.cpf"
#define NGX_OOF_LOOKUP_CNPJ       "consent.cnpj"
#define NGX_OOF_LOOKUP_LEGACY     "resource.legacy"
#define NGX_OOF_LOOKUP_APPROVERS  "resource.approvers"
#define NGX_OOF_LOOKUP_HOLDER     "resource.holder"

/* how sealed values are bound to their rows, see ngx_oof_crypt_seal() */
#define NGX_OOF_SEAL_LEGACY       "oof_resource"
#define NGX_OOF_SEAL_APPROVERS    "oof_resource.approvers"
#define NGX_OOF_SEAL_APPROVER     "oof_consent_approver"

/* look-up keys that are tried for one value */
#define NGX_OOF_CONSENT_LOOKUPS   8

#define NGX_OOF_CONSENT_TYPES     12
#define NGX_OOF_CONSENT_FOUND     1000   /* resources of a product */
#define NGX_OOF_CONSENT_PAIRS     10     /* of a legacy id */
#define NGX_OOF_CONSENT_APPROVERS 50     /* of a resource */
#define NGX_OOF_CONSENT_TEXT      255    /* of a key, a value, a name */


/* columns of journey_choice */

typedef enum {
    NGX_OOF_CHOICE_COL_ID = 0,
    NGX_OOF_CHOICE_COL_TYPE,
    NGX_OOF_CHOICE_COL_STATUS,
    NGX_OOF_CHOICE_COL_STATUS_UPDATE,
    NGX_OOF_CHOICE_COL_LEGACY,
    NGX_OOF_CHOICE_COL_CPF,
    NGX_OOF_CHOICE_COL_PERSONAL,
    NGX_OOF_CHOICE_COL_AGREED
} ngx_oof_consent_choice_col_e;


/* a type of resource (spec 1.11) */

typedef struct {
    ngx_str_t                name;       /* "ACCOUNT" */
    const char              *path;       /* of its discovery at the core */
    ngx_uint_t               product;    /* NGX_OOF_PRODUCT_... */
    uint64_t                 permission; /* without which it is not shared */
    unsigned                 selectable:1;   /* the customer chooses; the
                                              * others are shared as a whole */
} ngx_oof_consent_type_t;


/* a consent with all that the bank's side knows of it */

typedef struct {
    ngx_oof_consent_t        consent;
    int64_t                  authorise_until;
    ngx_str_t                cpf;        /* clear: never in a log */
    ngx_str_t                cnpj;       /* or empty */

    ngx_str_t                client_name;      /* empty: not registered */
    ngx_str_t                client_logo;
    ngx_str_t                client_status;

    unsigned                 multiple:1;
    unsigned                 ready:1;
} ngx_oof_consent_journey_t;


/* a resource that the core, or the bank's channel, has told of */

typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];
    ngx_oof_consent_type_t  *type;
    ngx_str_t                status;     /* by the bank */
    json_t                  *json;       /* the core's object, or NULL */
    ngx_str_t                legacy;     /* JSON array of key and value */
    ngx_str_t                canonical;  /* the same in order of keys */
    ngx_str_t                approvers;  /* JSON array of cpf and name; empty
                                          * when nobody else must agree */
    u_char                   approvers_hmac[NGX_OOF_LOOKUP_LEN];

    unsigned                 known:1;
    unsigned                 changed:1;  /* status or approvers */
    unsigned                 moved:1;    /* status */
    unsigned                 foreign:1;  /* not found for this holder yet */
} ngx_oof_consent_found_t;


/*
 * Asks the core what a customer has, and keeps what it tells under ids of the
 * suite's own.  Every string and array lives in "pool".
 */

typedef struct ngx_oof_consent_job_s  ngx_oof_consent_job_t;

typedef void (*ngx_oof_consent_job_pt)(ngx_oof_consent_job_t *job);

struct ngx_oof_consent_job_s {
    ngx_pool_t                 *pool;
    ngx_log_t                  *log;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_consent_journey_t  *journey;
    ngx_msec_t                  deadline;    /* ngx_current_msec, of units */
    u_char                      correlation[NGX_OOF_UUID_TEXT];
    ngx_str_t                   trace;      /* of who asks; or empty */
    unsigned                    background:1;
    unsigned                    told:1;      /* by the core: it is the bank's
                                              * word on what is known, too */

    ngx_oof_consent_job_pt      handler;
    void                       *data;

    /* the outcome: masks of 1 << index of a type */
    ngx_uint_t                  rc;          /* NGX_OOF_PG_OK, ... */
    ngx_uint_t                  failing;     /* gave no answer */
    ngx_uint_t                  preparing;   /* answered 202 */
    ngx_array_t                 found;       /* ngx_oof_consent_found_t */

    /* private */
    ngx_oof_core_call_t        *calls;       /* one for each type */
    ngx_uint_t                  running;     /* mask */
    ngx_oof_pg_unit_t          *unit;
    ngx_msec_t                  db_time;
    ngx_str_t                   holder;      /* JSON array of look-ups */
    ngx_str_t                   holder_new;  /* the one for new rows */
};


extern ngx_oof_consent_type_t  ngx_oof_consent_types[];

/* a type by its name, or NULL */
ngx_oof_consent_type_t *ngx_oof_consent_type(ngx_str_t *name);

/* types that "permissions" share and "products" has: a mask */
ngx_uint_t ngx_oof_consent_type_mask(uint64_t permissions,
    ngx_uint_t products, ngx_uint_t selectable);

/* writes the scopes of a token for "urn" as an array (spec 1.3) */
void ngx_oof_consent_scopes(ngx_oof_json_t *w, ngx_str_t *urn,
    uint64_t permissions);


/*
 * The consent that a path of the bank's side names, as URN or UUID.  NGX_OK
 * with 16 bytes in "id"; NGX_DECLINED with a 404 or 400 prepared.
 */
ngx_int_t ngx_oof_consent_bank_id(ngx_oof_request_t *o, ngx_str_t *param,
    u_char *id);

/* adds the statement that reads a consent for the bank's side to "u" */
void ngx_oof_consent_journey_read(ngx_oof_pg_unit_t *u,
    ngx_oof_loc_conf_t *olcf, u_char *id);

/*
 * Takes that statement's row (statement "s" of "u"): strings are copied to
 * "pool", personal data is opened.  NGX_OK; NGX_DECLINED when there is no such
 * consent; NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_journey_row(ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u, ngx_uint_t s, u_char *id,
    ngx_oof_consent_journey_t **journey);

/*
 * Opens the personal data of a consent: CPF, and CNPJ or an empty text.
 * NGX_OK, or NGX_ERROR, which is logged.
 */
ngx_int_t ngx_oof_consent_open(ngx_pool_t *pool, ngx_oof_loc_conf_t *olcf,
    u_char *id, ngx_str_t *sealed, ngx_str_t *cpf, ngx_str_t *cnpj);

/*
 * Whether this caller may see the consent: a token with "oob_customer" sees
 * what its customer has given, and what waits for the customer's agreement,
 * which rows of journey_choice (statement "s") tell.
 */
ngx_uint_t ngx_oof_consent_journey_visible(ngx_oof_request_t *o,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s);

/* writes "resources" of what was chosen, rows of journey_choice */
ngx_int_t ngx_oof_consent_choice(ngx_oof_json_t *w, ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u, ngx_uint_t s);

/* whether something of those rows waits for this CPF's agreement */
ngx_uint_t ngx_oof_consent_choice_pending(ngx_oof_loc_conf_t *olcf,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_str_t *cpf);

/* a reason in words, ^[^\s](.*[^\s])?$ (spec 1.4), for tables of schemas */
ngx_int_t ngx_oof_consent_scan_info(ngx_str_t *value);

/* prepare 404 and 409; return NGX_OK */
ngx_int_t ngx_oof_consent_bank_unknown(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_bank_state(ngx_oof_request_t *o,
    ngx_oof_consent_t *consent);

/* look-up values of a value under all keys, a JSON array of hexadecimals */
ngx_int_t ngx_oof_consent_lookups(ngx_pool_t *pool, ngx_oof_keys_t *keys,
    const char *domain, ngx_str_t *value, ngx_str_t *json);

/* a member whose value is an id */
void ngx_oof_consent_member_uuid(ngx_oof_json_t *w, const char *name,
    u_char *id);


/*
 * Asks the core for the types of the mask, in parallel, then keeps what it has
 * told.  NGX_OK: there was nothing to wait for, the handler is not called;
 * NGX_AGAIN: it will be called once, never from inside this call; NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_discover(ngx_oof_consent_job_t *job,
    ngx_uint_t types);

/* the same for resources that are in job->found already */
ngx_int_t ngx_oof_consent_keep(ngx_oof_consent_job_t *job);

/* whether a list names a resource twice by its legacy id */
ngx_uint_t ngx_oof_consent_found_repeated(ngx_array_t *list);

/* "o" waits for its job, which is cancelled with it; and does so no more */
void ngx_oof_consent_job_await(ngx_oof_request_t *o,
    ngx_oof_consent_job_t *job);
void ngx_oof_consent_job_awaited(ngx_oof_request_t *o,
    ngx_oof_consent_job_t *job);

/*
 * Takes a legacy id (1 to 10 pairs) and people who must agree from JSON into
 * "found"; NGX_OK, NGX_DECLINED when it has not the form, NGX_ERROR.
 * "approvers" may be NULL.
 */
ngx_int_t ngx_oof_consent_found_legacy(ngx_pool_t *pool,
    ngx_oof_consent_found_t *found, json_t *legacy);
ngx_int_t ngx_oof_consent_found_approvers(ngx_pool_t *pool,
    ngx_oof_consent_found_t *found, json_t *approvers, ngx_str_t *cpf);


/*
 * Asks the core for the products that an authorised consent shares as a whole
 * and adds them to it, in the background.  At most one such job a consent runs
 * in a worker, and a bounded number in all; what does not run now is run when
 * the list of resources is asked for.
 */
void ngx_oof_consent_prepare(ngx_oof_loc_conf_t *olcf, ngx_uint_t products,
    u_char *id);

/*
 * The consent that the request's token was issued for: its id, and
 * o->consent_id.  NGX_DECLINED when the token names none of this brand.
 */
ngx_int_t ngx_oof_consent_token_id(ngx_oof_request_t *o, u_char *id);


/* handlers of routes */
ngx_int_t ngx_oof_consent_journey_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_journey_token(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_journey_decide(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_resources(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_client_put(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_client_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_client_delete(ngx_oof_request_t *o);


#endif /* _NGX_OOF_CONSENT_JOURNEY_H_INCLUDED_ */
