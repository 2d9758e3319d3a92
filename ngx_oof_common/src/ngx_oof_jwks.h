
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
 */

typedef void (*ngx_oof_jwks_pt)(void *data);


/*
 * A set at configuration time; equal URLs share one.  "url" is http, https or
 * "file:PATH", which is read at start and must be readable then.
 */
ngx_oof_jwks_t *ngx_oof_jwks_add(ngx_conf_t *cf, ngx_str_t *url,
    ngx_str_t *ca, ngx_msec_t refresh);

/*
 * The key of "kid" that may verify (use "sig" or none, RSA of 2048 bits at
 * least or P-256); NULL when unknown.  "generation" names this very key, and
 * ngx_oof_jwks_current() tells whether it is still in the set.
 */
EVP_PKEY *ngx_oof_jwks_find(ngx_oof_jwks_t *jwks, ngx_str_t *kid,
    ngx_uint_t *generation);
ngx_uint_t ngx_oof_jwks_current(ngx_oof_jwks_t *jwks, ngx_uint_t generation);

/*
 * Asks for a refresh because of an unknown kid, or because the set was never
 * loaded.  NGX_AGAIN: "handler" is called when the fetch has ended; NGX_BUSY:
 * asked too recently, nothing will come; "data" names the waiter for
 * ngx_oof_jwks_forget().
 */
ngx_int_t ngx_oof_jwks_wait(ngx_oof_jwks_t *jwks, ngx_oof_jwks_pt handler,
    void *data);
void ngx_oof_jwks_forget(ngx_oof_jwks_t *jwks, void *data);

/* has been loaded at least once, for readiness */
ngx_uint_t ngx_oof_jwks_ready(ngx_oof_jwks_t *jwks);

ngx_int_t ngx_oof_jwks_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_jwks_init_process(ngx_cycle_t *cycle);
void ngx_oof_jwks_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_JWKS_H_INCLUDED_ */
