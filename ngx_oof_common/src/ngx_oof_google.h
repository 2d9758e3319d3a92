
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_GOOGLE_H_INCLUDED_
#define _NGX_OOF_GOOGLE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Access tokens of Google Cloud: of a service account, whose key signs an
 * assertion for the token endpoint (RFC 7523), or of the metadata server, as
 * GKE, GCE and Cloud Run have it.  They are renewed before they end, in the
 * background; none goes into a log.
 */


typedef struct ngx_oof_google_s  ngx_oof_google_t;

/*
 * At configuration time: a new source; each line of a block that it knows
 * (credentials, credentials_file, metadata): NGX_OK with what "line" of a
 * provider returns in "rv", or NGX_DECLINED when it is another; and in
 * postconfiguration the check of the whole: NGX_OK, or NGX_ERROR with a
 * message.
 */
ngx_oof_google_t *ngx_oof_google_create(ngx_conf_t *cf);
ngx_int_t ngx_oof_google_line(ngx_oof_google_t *google, ngx_str_t *value,
    ngx_uint_t n, char **rv);
ngx_int_t ngx_oof_google_init(ngx_conf_t *cf, ngx_oof_google_t *google);

/* no token at all, as emulators have it; before ngx_oof_google_init() */
void ngx_oof_google_none(ngx_oof_google_t *google);

/* in a worker: begins to fetch tokens, and forgets them */
void ngx_oof_google_start(ngx_oof_google_t *google);
void ngx_oof_google_stop(ngx_oof_google_t *google);

/*
 * Adds the header with the token, in "pool".  NGX_OK, also where none is
 * needed; NGX_DECLINED when there is none for now; NGX_ERROR without memory.
 */
ngx_int_t ngx_oof_google_authorise(ngx_oof_google_t *google, ngx_pool_t *pool,
    ngx_array_t *headers);

/* the service has refused the token: a new one is fetched */
void ngx_oof_google_refused(ngx_oof_google_t *google);


#endif /* _NGX_OOF_GOOGLE_H_INCLUDED_ */
