
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_RENEW_H_INCLUDED_
#define _NGX_OOF_RENEW_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What ends and must be had anew: keys and tokens of a cloud.  One is fetched
 * at start and again some time before it ends, in the background; who needs it
 * uses what is there.  A fetch that fails is repeated after 1 s, 2 s, 4 s and
 * so on up to a minute; what is there serves until its end.
 */

/* bytes of an answer and of a file */
#define NGX_OOF_RENEW_TEXT  65536


typedef struct ngx_oof_renew_s  ngx_oof_renew_t;

struct ngx_oof_renew_s {
    const char              *name;       /* for the log: "keys of AWS" */
    void                    *owner;

    /*
     * Starts a fetch, by ngx_oof_renew_call(): NGX_OK, or NGX_ERROR with a
     * reason.
     */
    ngx_int_t              (*begin)(ngx_oof_renew_t *renew, const char **why);

    /*
     * Takes fetch.response, which came with a status of 200.  NGX_OK: what has
     * come is kept, and ends in "left" seconds; NGX_AGAIN: another call was
     * started; NGX_ERROR with a reason.
     */
    ngx_int_t              (*answer)(ngx_oof_renew_t *renew,
                                     const char **why);

    /* forgets what is kept */
    void                   (*drop)(ngx_oof_renew_t *renew);

    time_t                   left;

    /* of a fetch that is under way: its pool, the call */
    ngx_pool_t              *work;
    ngx_oof_fetch_t          fetch;
    ngx_str_t                addrs;      /* of the host, when it has a name */
    ngx_str_t                ca;

    ngx_pool_t              *pool;       /* private: of what is kept */
    time_t                   expires;
    ngx_uint_t               failures;
    ngx_msec_t               begun;
    ngx_event_t              timer;
};


/*
 * At configuration time: a variable of the environment, kept for workers and
 * for the binary's upgrade as "env NAME;" does it; empty when it is not set.
 */
ngx_int_t ngx_oof_env(ngx_conf_t *cf, const char *name, ngx_str_t *value);

/* in a worker; the functions above are set.  They may run again after a stop */
void ngx_oof_renew_start(ngx_oof_renew_t *renew);
void ngx_oof_renew_stop(ngx_oof_renew_t *renew);

/* whether there is one that has not ended */
ngx_uint_t ngx_oof_renew_good(ngx_oof_renew_t *renew);

/* the one that was used is refused: it is dropped, and a new one fetched */
void ngx_oof_renew_refused(ngx_oof_renew_t *renew);

/*
 * For begin() and answer(): the headers of the next call, of which the first is
 * "name" (with its colon and space) and "value", unless that is empty; and the
 * call itself.
 */
ngx_int_t ngx_oof_renew_header(ngx_oof_renew_t *renew, const char *name,
    ngx_str_t *value);
ngx_int_t ngx_oof_renew_call(ngx_oof_renew_t *renew, const char *method,
    ngx_str_t *url, ngx_str_t *body);

/*
 * For begin(): a token in a small file that somebody else renews, which the
 * worker must be allowed to read.
 */
ngx_int_t ngx_oof_renew_read(ngx_oof_renew_t *renew, ngx_str_t *file,
    ngx_str_t *text, const char **why);

/* for answer(): copies what is to be kept, after what was kept is dropped */
ngx_int_t ngx_oof_renew_keep(ngx_oof_renew_t *renew, ngx_str_t *to,
    ngx_str_t *from);

/* is it neither empty, nor has a byte that no header may carry */
ngx_uint_t ngx_oof_renew_printable(ngx_str_t *text);


#endif /* _NGX_OOF_RENEW_H_INCLUDED_ */
