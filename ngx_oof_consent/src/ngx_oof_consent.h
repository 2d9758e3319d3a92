
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_H_INCLUDED_
#define _NGX_OOF_CONSENT_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_consent_permission.h>


/* consents of data sharing: Consents API v3, spec 1 */

/* columns of consent_get, and the first ones of consent_parties */

typedef enum {
    NGX_OOF_CONSENT_COL_CLIENT = 0,
    NGX_OOF_CONSENT_COL_CREATION,
    NGX_OOF_CONSENT_COL_STATUS,
    NGX_OOF_CONSENT_COL_STATUS_UPDATE,
    NGX_OOF_CONSENT_COL_PERMISSIONS,
    NGX_OOF_CONSENT_COL_EXPIRATION,
    NGX_OOF_CONSENT_COL_REJECTED_BY,
    NGX_OOF_CONSENT_COL_REASON_CODE,
    NGX_OOF_CONSENT_COL_REASON_INFO,
    NGX_OOF_CONSENT_COL_LINKED,
    NGX_OOF_CONSENT_COL_LINK_ID,
    NGX_OOF_CONSENT_COLS
} ngx_oof_consent_col_e;


/* "oof_customer": what the bank's systems are told of the customer */
#define NGX_OOF_CUSTOMER_HMAC      1
#define NGX_OOF_CUSTOMER_DOCUMENT  2


typedef struct ngx_oof_gate_own_s  ngx_oof_gate_own_t;


typedef struct {
    ngx_array_t              locations;      /* of ngx_oof_loc_conf_t * that
                                              * serve the consents API */
} ngx_oof_consent_main_conf_t;


typedef struct {
    ngx_uint_t               products;       /* offered: NGX_OOF_PRODUCT_... */
    time_t                   max_term;       /* s; 0: no cap */
    time_t                   authorise_within;                   /* s */
    ngx_uint_t               customer;       /* NGX_OOF_CUSTOMER_... */
    ngx_oof_gate_own_t      *gate;           /* of "oof_permission", or NULL */
} ngx_oof_consent_loc_conf_t;


/*
 * A consent as an answer shows it (spec 1.4).  Strings that are empty and
 * times that are 0 are left out of the answer.
 */

typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];
    ngx_str_t                path;           /* of the resource */
    ngx_str_t                urn;            /* its last part */

    /* whose it is, on the bank's side; else token and certificate say so */
    ngx_str_t                client_id;
    ngx_str_t                organisation_id;

    ngx_str_t                status;
    int64_t                  creation;       /* times are us, rule clock */
    int64_t                  status_update;
    int64_t                  expiration;
    uint64_t                 permissions;

    ngx_str_t                rejected_by;
    ngx_str_t                reason_code;
    ngx_str_t                reason_info;
    ngx_str_t                link_id;
    unsigned                 linked:1;       /* of the optimised journey */
} ngx_oof_consent_t;


/* content handlers of the routes, in the content phase with the body read */
ngx_int_t ngx_oof_consent_create(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_get(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_delete(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_extend(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_extensions(ngx_oof_request_t *o);

/*
 * The rule clock in whole seconds, as the regulation's times are: what is
 * stored is what the answer says, so that 60 minutes after it are exactly
 * that.
 */
int64_t ngx_oof_consent_now(void);

/*
 * The consent that the path names.  NGX_OK; NGX_DECLINED with 400 or 404
 * prepared; NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_param(ngx_oof_request_t *o,
    ngx_oof_consent_t **consent);

/* prepare 404 and 403; return NGX_DECLINED */
ngx_int_t ngx_oof_consent_unknown(ngx_oof_request_t *o);
ngx_int_t ngx_oof_consent_foreign(ngx_oof_request_t *o);

/*
 * The first row of a unit whose first columns are those of consent_get: is it
 * the caller's consent, and what it says.  Strings live as long as the unit.
 */
ngx_uint_t ngx_oof_consent_own(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u);
void ngx_oof_consent_row(ngx_oof_pg_unit_t *u, ngx_oof_consent_t *consent);

/*
 * Checks the form of a body.  A day that does not exist is no matter of form:
 * when nothing else is wrong it only sets "no_such_day" and is left to the
 * rules.  NGX_OK; NGX_DECLINED with a 400 of all failures prepared; NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_check(ngx_oof_request_t *o,
    ngx_oof_schema_t *schema, ngx_uint_t *no_such_day);

/* "loggedUser" or "businessEntity" of a body that was checked, and of JSON */
ngx_int_t ngx_oof_consent_read_document(json_t *data, const char *member,
    ngx_str_t *identification, ngx_str_t *rel);
void ngx_oof_consent_document(ngx_oof_json_t *w, const char *member,
    ngx_str_t *identification, ngx_str_t *rel);

/*
 * Sets consent->path and consent->urn from consent->id, and o->consent_id.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_name(ngx_oof_request_t *o,
    ngx_oof_consent_t *consent);

/* "urn:NAMESPACE:UUID" in the pool */
ngx_int_t ngx_oof_consent_urn(ngx_pool_t *pool, ngx_str_t *space, u_char *id,
    ngx_str_t *urn);

/* is its status that */
ngx_uint_t ngx_oof_consent_is(ngx_oof_consent_t *consent, const char *status);

/* writes the member "rejection" */
void ngx_oof_consent_rejection(ngx_oof_json_t *w, ngx_oof_consent_t *consent);

/* writes the body of 201 and 200; NGX_OK or NGX_ERROR */
ngx_int_t ngx_oof_consent_body(ngx_oof_request_t *o,
    ngx_oof_consent_t *consent, ngx_str_t *body);

/*
 * Writes the data of a change's event: "consent" as it is after the change,
 * "previous" its status before (NULL for a new one).  Nothing of it is
 * personal.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_event_data(ngx_oof_request_t *o,
    ngx_oof_consent_t *consent, const char *previous, ngx_str_t *data);


/* their members in a body */
extern ngx_oof_schema_t  ngx_oof_consent_user_schema[];
extern ngx_oof_schema_t  ngx_oof_consent_entity_schema[];

extern ngx_module_t  ngx_oof_consent_module;


#endif /* _NGX_OOF_CONSENT_H_INCLUDED_ */
