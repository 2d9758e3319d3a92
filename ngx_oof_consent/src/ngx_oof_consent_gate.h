
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_GATE_H_INCLUDED_
#define _NGX_OOF_CONSENT_GATE_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_journey.h>


/*
 * The gate: the last step of the access phase of a location that passes calls
 * of a data API to the bank's system.  One read judges consent, permission and
 * resource (spec 1.11, 5.4), then the query is judged (spec 1.9, 7), and the
 * bank's system is told in headers what is asked for.
 */

/* what a route is about */

#define NGX_OOF_GATE_CUSTOMER      0      /* no resource */
#define NGX_OOF_GATE_LIST          1      /* those that are available */
#define NGX_OOF_GATE_RESOURCE      2      /* the one that is named */

/* its query */

#define NGX_OOF_GATE_PAGED         0x01   /* page, page-size, pagination-key */
#define NGX_OOF_GATE_CURRENT       0x02   /* seven days, today the last */
#define NGX_OOF_GATE_FUTURE        0x04   /* and twelve months to come */

#define NGX_OOF_GATE_HEADERS       9      /* that are added */

#define NGX_OOF_GATE_KEY_VALID     3600   /* s, of a pagination key */


typedef struct {
    ngx_str_t                path;
    ngx_str_t                operation;
    uint64_t                 permissions;    /* all of them */
    ngx_uint_t               about;          /* NGX_OOF_GATE_LIST, ... */
    ngx_uint_t               flags;
    const char              *dates;          /* "BookingDate": "from" and "to"
                                              * stand before it; or NULL */
    ngx_uint_t               frequency;      /* NGX_OOF_LIMIT_LOW, ... */
    ngx_uint_t               monthly;        /* the least that is allowed */
} ngx_oof_gate_rule_t;


/* "oof_api accounts v2": what is common to its routes */

typedef struct {
    ngx_oof_api_t            api;            /* the first member */
    ngx_str_t                scope;
    ngx_str_t                type;           /* of its resources, or empty */
    ngx_oof_gate_rule_t     *rules;          /* ends with a null path */
} ngx_oof_gate_api_t;


/* "oof_permission" and what goes with it: a route that no table knows */

struct ngx_oof_gate_own_s {
    ngx_oof_gate_rule_t         rule;
    ngx_str_t                   scope;
    ngx_str_t                   type;
    ngx_http_complex_value_t   *resource;
};


/* a request at the gate: o->gate */

typedef struct {
    ngx_oof_gate_rule_t     *rule;
    ngx_str_t                scope;
    ngx_str_t                type;
    ngx_str_t                resource;       /* as the caller names it */
    u_char                   consent_id[NGX_OOF_UUID_LEN];
    u_char                   resource_id[NGX_OOF_UUID_LEN];

    /* whose the data are: look-up value of the CNPJ, or of the CPF */
    u_char                   customer[NGX_OOF_LOOKUP_LEN];

    ngx_str_t                args;           /* for the bank's system */
    ngx_str_t                from;           /* dates, as they came */
    ngx_str_t                to;
    ngx_str_t                key;            /* for its links, or empty */

    unsigned                 malformed:1;    /* an id that can be none */
    unsigned                 known:1;        /* resource_id is set */
    unsigned                 follows:1;      /* a page of a call that has been
                                              * counted: its key is valid */
} ngx_oof_gate_t;


/* what an admitted request is about; NULL elsewhere */
#define ngx_oof_gate_get(o)                                                   \
    ((ngx_oof_gate_t *) ((o)->admitted ? (o)->gate : NULL))

/* the route's handler: returns as described at ngx_oof_request_resume() */
ngx_int_t ngx_oof_gate_check(ngx_oof_request_t *o);

/*
 * Judges r->args and sets gate->args, gate->key and gate->follows.  NGX_OK, or
 * NGX_DECLINED with a 400 or 422 prepared, or NGX_ERROR.
 */
ngx_int_t ngx_oof_gate_query(ngx_oof_request_t *o, ngx_oof_gate_t *gate);

/*
 * Writes a legacy id, which is sealed in a row of oof_resource, as
 * "key=value;key=value", both percent-encoded.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_gate_legacy(ngx_oof_request_t *o, u_char *resource_id,
    ngx_str_t *sealed, ngx_str_t *text);

/*
 * ngx_oof_gate_headers() takes away the caller's headers that go by names of
 * ours, the token, and traceparent; ngx_oof_gate_header() adds one, its value
 * being escaped where it must be.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_gate_headers(ngx_http_request_t *r);
ngx_int_t ngx_oof_gate_header(ngx_http_request_t *r, const char *name,
    const char *lowcase, ngx_str_t *value);

/* GET /oof/v1/consents/{consentId}/resources */
ngx_int_t ngx_oof_gate_resources(ngx_oof_request_t *o);

/* registers the data APIs, in preconfiguration */
ngx_int_t ngx_oof_gate_preconf(ngx_conf_t *cf);

/* the API of a permission, NULL when none has it */
ngx_oof_gate_api_t *ngx_oof_gate_api(uint64_t permissions);

/* directives */
char *ngx_oof_gate_permission(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_gate_resource(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_gate_list(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_gate_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* settles what follows from the permission; NGX_CONF_ERROR is logged */
char *ngx_oof_gate_merge(ngx_conf_t *cf, ngx_oof_consent_loc_conf_t *prev,
    ngx_oof_consent_loc_conf_t *conf);


/* of "oof_permission" */
extern ngx_oof_api_t  ngx_oof_gate_own_api;


#endif /* _NGX_OOF_CONSENT_GATE_H_INCLUDED_ */
