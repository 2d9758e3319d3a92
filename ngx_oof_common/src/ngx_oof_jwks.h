
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_JWKS_H_INCLUDED_
#define _NGX_OOF_JWKS_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Key sets (RFC 7517), fetched in the background, refreshed before they
 * expire and on an unknown kid (rate limited), still served when the source
 * is down.  A key is parsed once a rotation.
 *
 * Each worker has its keys.  The text of the last good answer is shared, so a
 * worker that starts (a reload, a crash) has keys at once even when the source
 * is down, and workers do not all ask for the same.
 *
 * A set of "file:" is read with the configuration; a reload reads it again.
 */

#define NGX_OOF_JWKS_SIZE     (1024 * 1024)    /* of an answer */
#define NGX_OOF_JWKS_KEYS     100              /* that may verify */
#define NGX_OOF_JWKS_WAITERS  1024             /* a set and worker */


typedef void (*ngx_oof_jwks_pt)(void *data);


typedef struct {
    ngx_str_t                kid;
    ngx_uint_t               alg;        /* its only use; 0: not said */
    ngx_uint_t               generation;
    u_char                   print[32];  /* of its members */
    EVP_PKEY                *key;
} ngx_oof_jwk_t;


struct ngx_oof_jwks_s {
    ngx_str_t                url;
    ngx_str_t                ca;         /* PEM text */
    ngx_str_t                addrs;      /* by ngx_oof_fetch_prepare() */
    ngx_str_t                text;       /* of a "file:" set */
    ngx_msec_t               refresh;
    ngx_shm_zone_t          *zone;       /* of the text, by its URL */

    /* a worker's */
    ngx_oof_jwk_t           *keys;
    ngx_uint_t               nkeys;
    ngx_uint_t               version;    /* of the shared text */
    ngx_msec_t               fetched;    /* or when the worker began with it */
    ngx_event_t              timer;
    ngx_oof_fetch_t         *fetch;      /* that runs */
    ngx_queue_t              waiters;
    ngx_queue_t              woken;
    ngx_uint_t               nwaiters;
    ngx_uint_t               failures;   /* since the last success */
    ngx_msec_t               asked;      /* for an unknown kid, last time */

    unsigned                 file:1;
    unsigned                 loaded:1;
    unsigned                 once_asked:1;
};


/*
 * A set at configuration time; equal URLs share one.  "url" is http, https or
 * "file:PATH", which must be readable; "ca" is the text of a PEM file, or
 * empty for the system's.  NULL with a message.
 */
ngx_oof_jwks_t *ngx_oof_jwks_add(ngx_conf_t *cf, ngx_str_t *url,
    ngx_str_t *ca, ngx_msec_t refresh);

/*
 * A set that a worker makes for itself while it runs, fetched at once; what
 * the zone has of its URL serves until then.  Strings are the caller's, who
 * keeps them.  NULL without memory.
 */
ngx_oof_jwks_t *ngx_oof_jwks_open(ngx_str_t *url, ngx_str_t *addrs,
    ngx_str_t *ca, ngx_msec_t refresh, ngx_shm_zone_t *zone);
void ngx_oof_jwks_close(ngx_oof_jwks_t *jwks);

/*
 * The key of "kid" that may verify by "alg" (use "sig" or none, alg the same
 * or none, RSA of 2048 bits at least or P-256); NULL when unknown.
 * "generation" names this very key, and ngx_oof_jwks_current() tells whether
 * it is still in the set; it is never 0.
 */
EVP_PKEY *ngx_oof_jwks_find(ngx_oof_jwks_t *jwks, ngx_str_t *kid,
    ngx_uint_t alg, ngx_uint_t *generation);
ngx_uint_t ngx_oof_jwks_current(ngx_oof_jwks_t *jwks, ngx_uint_t generation);

/*
 * Asks for a refresh because of an unknown kid, or because the set was never
 * loaded.
 *
 *     NGX_OK      the set has changed meanwhile: look again
 *     NGX_AGAIN   "handler" is called when the fetch has ended; "data" names
 *                 the waiter for ngx_oof_jwks_forget()
 *     NGX_BUSY    asked less than 5 s ago, or the source is known to be down,
 *                 or the set is a file: nothing will come
 *     NGX_ERROR   too many wait, or no memory
 */
ngx_int_t ngx_oof_jwks_wait(ngx_oof_jwks_t *jwks, ngx_oof_jwks_pt handler,
    void *data);
void ngx_oof_jwks_forget(ngx_oof_jwks_t *jwks, void *data);

/* has been loaded at least once, for readiness */
ngx_uint_t ngx_oof_jwks_ready(ngx_oof_jwks_t *jwks);

/*
 * Takes the keys of "text" in the place of those at hand; a key that was there
 * keeps its generation.  Keys that cannot verify are left out.  NGX_DECLINED
 * when the text is not a set, with the reason in "why": nothing is changed.
 */
ngx_int_t ngx_oof_jwks_load(ngx_oof_jwks_t *jwks, ngx_str_t *text,
    ngx_log_t *log, const char **why);
void ngx_oof_jwks_unload(ngx_oof_jwks_t *jwks);

ngx_int_t ngx_oof_jwks_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_jwks_init(ngx_conf_t *cf);    /* hosts, shared memory */
ngx_int_t ngx_oof_jwks_init_process(ngx_cycle_t *cycle);
void ngx_oof_jwks_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_JWKS_H_INCLUDED_ */
