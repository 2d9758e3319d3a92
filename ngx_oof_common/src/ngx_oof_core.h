
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CORE_H_INCLUDED_
#define _NGX_OOF_CORE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Calls of the bank's core: the integration layer, which is all POST and JSON
 * (spec of the platform, 3.1).  "oof_core NAME { … }" in http{} says where it
 * is, "oof_core NAME;" in server{} and location{} who uses it.
 */

struct ngx_oof_core_s {
    ngx_str_t                name;
    ngx_str_t                url;        /* without a slash at its end */
    ngx_str_t                addrs;
    ngx_msec_t               timeout;
    ngx_msec_t               connect_timeout;
    size_t                   max_answer;
    ngx_str_t                bearer;     /* the header's line, or empty */
    ngx_str_t                ca;         /* PEM texts */
    ngx_str_t                cert;
    ngx_str_t                key;
    ngx_flag_t               idempotent; /* it knows keys that it has seen */
    ngx_array_t             *codes;      /* of ngx_keyval_t, or NULL */
    ngx_uint_t               breaker;    /* failures that open it, 0: never */
    ngx_msec_t               open_time;
    ngx_uint_t               series;     /* of its metrics */
    ngx_uint_t               open_series;

    /* of this process */
    ngx_uint_t               failures;   /* one after the other */
    ngx_msec_t               open_until; /* 0: closed */
    ngx_uint_t               probing;    /* a call tries whether it is back */
};


typedef struct ngx_oof_core_call_s  ngx_oof_core_call_t;

typedef void (*ngx_oof_core_pt)(ngx_oof_core_call_t *call);

struct ngx_oof_core_call_s {
    ngx_oof_core_t          *core;
    ngx_pool_t              *pool;       /* the caller's; outlives the call */
    ngx_log_t               *log;
    const char              *path;       /* "/accounts/account-discovery" */
    ngx_str_t                body;       /* JSON */
    ngx_str_t                trace;      /* traceparent; empty: none */

    ngx_oof_core_pt          handler;
    void                    *data;

    /*
     * The outcome: status 0 when no answer came.  "json" is the answer's
     * object, freed with the pool; NULL when there is none, or no JSON.
     */
    ngx_uint_t               status;
    json_t                  *json;

    ngx_oof_fetch_t          fetch;      /* private */
    ngx_msec_t               start;

    /* a worker that is quitting does not wait for it */
    unsigned                 background:1;

    unsigned                 once:1;     /* as ngx_oof_fetch_s.once */
};


/* "oof_core NAME { … }" */
char *ngx_oof_core_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_oof_core_t *ngx_oof_core_find(ngx_conf_t *cf, ngx_str_t *name);

/*
 * Starts the call; its handler is called once, never from inside this call.
 * NGX_ERROR: not started, no handler; also while the breaker is open.  What the
 * core answers goes into no log: it may tell of persons.
 */
ngx_int_t ngx_oof_core_post(ngx_oof_core_call_t *call);

/*
 * The circuit breaker: after a number of calls, one after the other, that had
 * no answer or one of 5xx, a process makes none for a time, then one, whose
 * answer lets the others through.  0 while a call would not be made.
 */
ngx_uint_t ngx_oof_core_ready(ngx_oof_core_t *core);

/* ends a running call without its handler; harmless when none runs */
void ngx_oof_core_cancel(ngx_oof_core_call_t *call);

ngx_int_t ngx_oof_core_preconf(ngx_conf_t *cf);    /* metrics */
ngx_int_t ngx_oof_core_init(ngx_conf_t *cf);       /* hosts */


#endif /* _NGX_OOF_CORE_H_INCLUDED_ */
