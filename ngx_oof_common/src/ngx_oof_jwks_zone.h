
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_JWKS_ZONE_H_INCLUDED_
#define _NGX_OOF_JWKS_ZONE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Texts of key sets in shared memory, by name: for a worker that starts while
 * their source is down, and so that workers do not all ask for the same.  They
 * outlive workers and reloads.  Those that were used longest ago make room for
 * others; a text that is larger than the zone is not kept.
 *
 * Times are of ngx_current_msec, which all processes of a machine share.
 */

#define NGX_OOF_JWKS_ZONE_MIN  (8 * 4096)


/* A zone "PREFIX:URL"; of one name there is one.  NULL with a message. */
ngx_shm_zone_t *ngx_oof_jwks_zone(ngx_conf_t *cf, const char *prefix,
    ngx_str_t *url, size_t size);

/*
 * NGX_OK with a copy of the text, for ngx_free(), when its version is not
 * "version", which becomes the text's; "put" is when it was put here, and "due"
 * when its source is to be asked again.  NGX_DECLINED when there is nothing
 * new, or no memory for it.
 */
ngx_int_t ngx_oof_jwks_zone_get(ngx_shm_zone_t *zone, ngx_str_t *name,
    ngx_uint_t *version, ngx_str_t *text, ngx_msec_t *put, ngx_msec_t *due);

/* The text's version, which no other ever has; 0: it is not kept. */
ngx_uint_t ngx_oof_jwks_zone_put(ngx_shm_zone_t *zone, ngx_str_t *name,
    ngx_str_t *text, ngx_msec_t due);


#endif /* _NGX_OOF_JWKS_ZONE_H_INCLUDED_ */
