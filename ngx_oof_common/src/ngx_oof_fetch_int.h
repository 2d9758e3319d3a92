
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_FETCH_INT_H_INCLUDED_
#define _NGX_OOF_FETCH_INT_H_INCLUDED_


#include <ngx_oof.h>

#include <curl/curl.h>


/* what the parts of the outbound client share */


#define NGX_OOF_FETCH_HOST  256


typedef struct {
    u_char                   host[NGX_OOF_FETCH_HOST];
    ngx_uint_t               port;
    unsigned                 numeric:1;
} ngx_oof_fetch_url_t;


typedef struct ngx_oof_fetch_worker_s  ngx_oof_fetch_worker_t;


typedef struct {
    ngx_queue_t              queue;
    ngx_oof_fetch_t         *fetch;
    ngx_oof_fetch_worker_t  *worker;
    CURL                    *easy;
    struct curl_slist       *headers;
    struct curl_slist       *addr;       /* the one that is tried */
    ngx_str_t                addrs;      /* those that are left, by "," */
    ngx_resolver_ctx_t      *resolving;
    ngx_oof_fetch_url_t      url;
    ngx_event_t              failed;     /* posted: it has not begun */
    ngx_msec_t               start;
    u_char                  *buf;
    size_t                   len;
    size_t                   size;
    size_t                   header_len;
    char                     error[CURL_ERROR_SIZE];
    unsigned                 too_long:1;
} ngx_oof_fetch_call_t;


/* a pool of connections */

struct ngx_oof_fetch_worker_s {
    CURLM                   *multi;
    ngx_event_t              timer;
    ngx_event_t              soon;
    ngx_queue_t              calls;
    ngx_queue_t              sockets;
    ngx_uint_t               running;
    ngx_uint_t               max;
    ngx_uint_t               awaited;    /* of them not in the background */
    ngx_resolver_t          *resolver;
    ngx_msec_t               resolver_timeout;
    unsigned                 off:1;
};


extern ngx_oof_fetch_worker_t  ngx_oof_fetch_workers[NGX_OOF_FETCH_POOLS];


/* NGX_DECLINED when it is not a URL of ours */
ngx_int_t ngx_oof_fetch_parse(ngx_str_t *url, ngx_pool_t *pool,
    ngx_oof_fetch_url_t *parsed);

/* the resolver of http{}; NULL when there is none */
ngx_resolver_t *ngx_oof_fetch_resolver(ngx_http_conf_ctx_t *ctx,
    ngx_msec_t *timeout);

/* the n-th address of a list, as CURLOPT_RESOLVE takes it */
u_char *ngx_oof_fetch_write_addr(u_char *p, ngx_uint_t n,
    struct sockaddr *sockaddr, socklen_t socklen);

/* makes libcurl's handle of a call */
ngx_int_t ngx_oof_fetch_easy(ngx_oof_fetch_call_t *call);

/* libcurl's open-socket callback, of a call */
curl_socket_t ngx_oof_fetch_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);

/* ends a call with its handler, and without */
void ngx_oof_fetch_finish(ngx_oof_fetch_call_t *call, CURLcode rc);
void ngx_oof_fetch_release(ngx_oof_fetch_call_t *call);


#endif /* _NGX_OOF_FETCH_INT_H_INCLUDED_ */
