
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_FETCH_H_INCLUDED_
#define _NGX_OOF_FETCH_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The one outbound HTTP client: libcurl's multi interface driven by nginx's
 * event loop.
 *
 * Names are resolved without blocking and without threads.  With "resolver" in
 * http{} they are resolved at each call by nginx's resolver, which keeps to
 * their TTL.  Without it, the names that the configuration knows are resolved
 * once when it is read, as nginx does for "proxy_pass"; that is what
 * ngx_oof_fetch_prepare() is for.  Numeric addresses need neither.
 */

/* calls at once in a worker, of each pool */
#define NGX_OOF_FETCH_MAX  256

/*
 * Pools of connections: calls of one never wait for those of another.  The
 * first is of whatever the bank's side knows; the second is of hosts that third
 * parties have named, whose callers bound what is under way to one host.
 */
#define NGX_OOF_FETCH_OWN     0
#define NGX_OOF_FETCH_THIRD   1
#define NGX_OOF_FETCH_POOLS   2

#define NGX_OOF_FETCH_THIRD_MAX  1024


typedef void (*ngx_oof_fetch_pt)(ngx_oof_fetch_t *f);

struct ngx_oof_fetch_s {
    ngx_pool_t              *pool;       /* the caller's; outlives the call */
    ngx_log_t               *log;

    ngx_str_t                method;     /* "GET" */
    ngx_str_t                url;        /* http or https, absolute */
    ngx_str_t                addrs;      /* by ngx_oof_fetch_prepare() */
    ngx_array_t              headers;    /* of ngx_str_t "Name: value" */
    ngx_str_t                body;

    ngx_uint_t               connections;    /* NGX_OOF_FETCH_OWN, ... */
    ngx_array_t             *allowed;    /* of ngx_cidr_t, beside public */

    ngx_str_t                ca;         /* PEM texts, by */
    ngx_str_t                cert;       /* ngx_oof_fetch_pem(); */
    ngx_str_t                key;        /* an empty ca: the system's */

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

    /* a worker that is quitting does not wait for it */
    unsigned                 background:1;

    /*
     * Never sent twice: without it a call whose kept connection ends before
     * anything of an answer has come is sent again, on a new one
     */
    unsigned                 once:1;

    /*
     * Addresses that are not public are refused, but for those of "allowed": it
     * is the address that is connected to which is judged, whatever the name
     * resolved to before
     */
    unsigned                 public:1;
    unsigned                 refused:1;      /* outcome: it was for that */
};


/*
 * Starts the call; the handler is called once, never from inside this call.
 * No redirects are followed.  NGX_ERROR: not started, no handler; too many
 * are running, or memory is short.
 */
ngx_int_t ngx_oof_fetch(ngx_oof_fetch_t *f);

/*
 * Whether an address is one of the public internet: neither private, nor of
 * the host itself or its link, nor reserved (the registries of RFC 6890), also
 * when an IPv4 address is inside an IPv6 one.
 */
ngx_uint_t ngx_oof_fetch_public(struct sockaddr *sockaddr);

/* ends a running call without its handler; harmless when none runs */
void ngx_oof_fetch_cancel(ngx_oof_fetch_t *f);

/*
 * In postconfiguration: checks a URL of the configuration and, without
 * "resolver" in http{}, finds the addresses of its host.  NGX_ERROR when the
 * URL is wrong or the host unknown, with a message.
 */
ngx_int_t ngx_oof_fetch_prepare(ngx_conf_t *cf, ngx_str_t *url,
    ngx_str_t *addrs);

/*
 * At configuration time: the text of a file of at most "max" bytes, and of a
 * PEM file (certificates, or a key), NUL after it.  Workers need no right to
 * the file.  NGX_ERROR with a message.
 */
ngx_int_t ngx_oof_fetch_file(ngx_conf_t *cf, ngx_str_t *file, size_t max,
    ngx_str_t *text);
ngx_int_t ngx_oof_fetch_pem(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text);

/* configuration, and the life of a worker */
ngx_int_t ngx_oof_fetch_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_fetch_init_process(ngx_cycle_t *cycle);
void ngx_oof_fetch_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_FETCH_H_INCLUDED_ */
