
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_FETCH_H_INCLUDED_
#define _NGX_OOF_FETCH_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The one outbound HTTP client: libcurl's multi interface driven by nginx's
 * event loop.  Names are resolved without blocking.
 */

typedef void (*ngx_oof_fetch_pt)(ngx_oof_fetch_t *f);

struct ngx_oof_fetch_s {
    ngx_pool_t              *pool;       /* the caller's; outlives the call */
    ngx_log_t               *log;

    ngx_str_t                method;     /* "GET" */
    ngx_str_t                url;        /* http or https, absolute */
    ngx_array_t              headers;    /* of ngx_str_t "Name: value" */
    ngx_str_t                body;

    ngx_str_t                ca;         /* PEM files; empty: the system's */
    ngx_str_t                cert;
    ngx_str_t                key;

    ngx_msec_t               timeout;        /* the whole call */
    ngx_msec_t               connect_timeout;
    size_t                   max_size;       /* of the answer's body */

    /* the outcome: status 0 when no answer came, the reason in "error" */
    ngx_uint_t               status;
    ngx_str_t                content_type;
    ngx_str_t                response;
    const char              *error;
    int64_t                  max_age;        /* Cache-Control, s; -1: none */

    ngx_oof_fetch_pt         handler;
    void                    *data;
    void                    *ctx;            /* private */
};


/*
 * Starts the call; the handler is called once, never from inside this call.
 * No redirects are followed.  NGX_ERROR: not started, no handler.
 */
ngx_int_t ngx_oof_fetch(ngx_oof_fetch_t *f);

/* ends a running call without its handler */
void ngx_oof_fetch_cancel(ngx_oof_fetch_t *f);

ngx_int_t ngx_oof_fetch_init_process(ngx_cycle_t *cycle);
void ngx_oof_fetch_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_FETCH_H_INCLUDED_ */
