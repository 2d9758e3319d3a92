
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_MODULE_H_INCLUDED_
#define _NGX_OOF_MODULE_H_INCLUDED_


#include <ngx_oof.h>


#define NGX_OOF_NAME_MAX          64
#define NGX_OOF_RETENTION_MAX     8
#define NGX_OOF_NAMESPACE_MAX     32

#define NGX_OOF_CLIENTS_REQUIRED  1
#define NGX_OOF_CLIENTS_OPTIONAL  2

#define NGX_OOF_ERRORS_OFF        0
#define NGX_OOF_ERRORS_JSON       1
#define NGX_OOF_ERRORS_AUTO       2    /* off, as there is no brand so far */

#define NGX_OOF_HEALTH_LIVE       1
#define NGX_OOF_HEALTH_READY      2


/* an API that a location has */

typedef struct {
    ngx_oof_api_t           *api;
    ngx_uint_t               series;       /* of its first route, of a gate */
    ngx_uint_t               halt;         /* of the metrics of that room */
} ngx_oof_used_t;


/* see ngx_oof_init_register() */
typedef ngx_int_t (*ngx_oof_init_pt)(ngx_conf_t *cf);


/* what http{} has once; the arrays are filled by the rooms they are named of */

typedef struct {
    ngx_array_t              databases;    /* of ngx_oof_database_t * */
    ngx_array_t              keys;         /* of ngx_oof_keys_t * */
    ngx_array_t              issuers;      /* of ngx_oof_issuer_t * */
    ngx_array_t              cores;        /* of ngx_oof_core_t * */
    ngx_array_t              jwks;         /* of ngx_oof_jwks_t * */
    ngx_array_t              keystores;    /* of ngx_oof_keystore_t * */
    ngx_array_t              leases;       /* of ngx_oof_lease_t * */
    ngx_array_t              apis;         /* of ngx_oof_api_t * */
    ngx_array_t              used;         /* of ngx_oof_used_t * */
    ngx_array_t              statements;   /* of ngx_oof_sql_t * */
    ngx_array_t              metrics;      /* of ngx_oof_metric_t * */
    ngx_array_t              expiries;     /* of pointers, private */
    ngx_array_t              inits;        /* of ngx_oof_init_pt */
    ngx_array_t              calls;        /* of ngx_oof_calls_t * */
    ngx_array_t              meters;       /* of ngx_oof_meters_t * */
    ngx_array_t              consumers;    /* of blocks "oof_events" */
    ngx_array_t              relays;       /* of ngx_oof_relay_t * */
    ngx_array_t              webhooks;     /* of ngx_oof_webhooks_t * */
    ngx_array_t              webhook_uses;       /* of pointers, private */
    ngx_array_t              webhook_senders;    /* to that room */
    ngx_array_t              webhook_rules;
    ngx_array_t              webhook_notices;
    ngx_oof_sql_t           *webhook_due;
    ngx_uint_t               slots;        /* of all metrics together */

    size_t                   zone_size;
    ngx_shm_zone_t          *zone;
    size_t                   limits_size;  /* 0: no limits */
    size_t                   call_buffer;  /* of a worker */
    time_t                   events_keep;  /* s */
    time_t                   retention[NGX_OOF_RETENTION_MAX];   /* 0: off */
    ngx_uint_t               rotation_rows;
    ngx_msec_t               rotation_pause;
    ngx_shm_zone_t          *limits;
    ngx_oof_ocsp_t           ocsp;
    ngx_uint_t               ocsp_used;    /* some location wants it */
    ngx_flag_t               test_clock;

    void                    *judged;       /* the last server's ssl, at start */
} ngx_oof_main_conf_t;


struct ngx_oof_loc_conf_s {
    ngx_str_t                brand;
    ngx_str_t                organisation_id;
    ngx_str_t                base_url;
    ngx_str_t                urn_namespace;

    ngx_str_t                database_name;
    ngx_str_t                keys_name;
    ngx_str_t                issuer_name;
    ngx_str_t                core_name;
    ngx_str_t                webhooks_name;
    ngx_oof_database_t      *database;
    ngx_oof_keys_t          *keys;
    ngx_oof_issuer_t        *issuer;
    ngx_oof_core_t          *core;
    ngx_oof_webhooks_t      *webhooks;

    ngx_uint_t               clients;
    ngx_str_t                issuing_ca_file;
    ngx_array_t             *issuing_ca;     /* of X509 * */
    ngx_str_t                cert_header;    /* in lower case */
    ngx_str_t                start_header;   /* likewise */
    ngx_array_t             *cert_from;      /* of ngx_cidr_t */
    ngx_uint_t               cert_cache;
    ngx_uint_t               ocsp;           /* NGX_OOF_OCSP_... */

    ngx_uint_t               errors;
    ngx_msec_t               deadline;
    time_t                   retry_after;
    size_t                   body_size;

    ngx_uint_t               tps;            /* 0: off */
    ngx_uint_t               minute_limit;   /* 0: off */
    ngx_uint_t               minute_class;   /* NGX_OOF_LIMIT_... */
    ngx_uint_t               month_limit;    /* 0: off */

    time_t                   idempotency_keep;             /* s */
    ngx_oof_keystore_t      *keystore;
    ngx_array_t             *signing_keys;   /* of ngx_oof_signing_key_t */
    ngx_uint_t               signing;        /* NGX_OOF_SIGNING_... */
#if (NGX_THREADS)
    ngx_thread_pool_t       *signing_pool;
#endif
    ngx_str_t               *key_set_text;   /* of "oof_key_set" */

    ngx_oof_api_t           *api;
    ngx_str_t                version;        /* x-v, when not the API's */
    ngx_oof_date_t           closed_from;    /* year 0: never */
    ngx_uint_t               health;
    ngx_uint_t               bank;           /* of a server: has that side */

    ngx_oof_calls_t         *calls;          /* NULL: not reported */
    ngx_uint_t               call_share;     /* of 10000 */
    ngx_str_t                place;          /* the location's name */
    ngx_oof_meters_t        *meters;         /* NULL: not counted */
    ngx_flag_t               metered;

    ngx_uint_t               stream_clients;
    size_t                   stream_buffer;
    ngx_msec_t               stream_heartbeat;
    ngx_msec_t               stream_timeout;
};


extern ngx_module_t  ngx_oof_module;
extern ngx_module_t  ngx_oof_filter_module;

/*
 * For preconfiguration of other modules: "init" is called when everything is
 * configured and merged, while leases and metrics may still be declared,
 * whichever module comes first.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_init_register(ngx_conf_t *cf, ngx_oof_init_pt init);

/*
 * Main configuration of the running cycle, for rooms that have no request;
 * NULL when there is no http{}.
 */
ngx_oof_main_conf_t *ngx_oof_main_conf(ngx_cycle_t *cycle);

/*
 * Is "value" 1 to "max" letters and digits, and characters of "more" after the
 * first?
 */
ngx_uint_t ngx_oof_is_word(ngx_str_t *value, size_t max, const char *more);

/* the name of a block that begins: it is a label of metrics too */
char *ngx_oof_block_name(ngx_conf_t *cf, ngx_command_t *cmd);


#endif /* _NGX_OOF_MODULE_H_INCLUDED_ */
