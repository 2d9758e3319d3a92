
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_OCSP_H_INCLUDED_
#define _NGX_OOF_OCSP_H_INCLUDED_


#include <ngx_oof.h>

#include <openssl/x509.h>


/*
 * The revocation of callers' certificates by OCSP (RFC 6960).  No request ever
 * waits for a responder: it is judged by the last answer, which a zone has for
 * all workers, and the responder is asked in the background when that is old.
 */

#define NGX_OOF_OCSP_OFF   0
#define NGX_OOF_OCSP_SOFT  1      /* without an answer: served */
#define NGX_OOF_OCSP_HARD  2      /* without an answer: 503 */

#define NGX_OOF_OCSP_ID    128
#define NGX_OOF_OCSP_URL   256


/* what is asked of whom about a certificate; no pointer into it */

typedef struct {
    X509                    *issuer;     /* of "oof_issuing_ca", which lasts */
    size_t                   id_len;     /* 0: nothing can be asked */
    size_t                   url_len;    /* 0: it names no responder */
    u_char                   id[NGX_OOF_OCSP_ID];      /* CertID, DER */
    u_char                   url[NGX_OOF_OCSP_URL];
} ngx_oof_ocsp_name_t;


/* "oof_ocsp_cache" */

typedef struct {
    size_t                   size;
    time_t                   refresh;    /* s */
    ngx_msec_t               timeout;
    ngx_str_t                responder;
    ngx_str_t                addrs;      /* of the responder */
    ngx_str_t                ca;         /* PEM */
    ngx_shm_zone_t          *zone;
} ngx_oof_ocsp_t;


/* of a certificate whose issuer is known; what cannot be named stays empty */
void ngx_oof_ocsp_name(ngx_oof_ocsp_name_t *name, X509 *x509, X509 *issuer);

/*
 * Access phase: what is known of the certificate with this SHA-256, in "mode".
 * NGX_OK: it serves; NGX_DECLINED: it is revoked, or the responder has never
 * heard of it and the mode is hard; NGX_AGAIN: the mode is hard and there is no
 * valid answer yet.  Begins to ask when the last answer is old.
 */
ngx_int_t ngx_oof_ocsp_check(ngx_uint_t mode, u_char *thumbprint,
    ngx_oof_ocsp_name_t *name, ngx_log_t *log);

/* "oof_ocsp_cache SIZE [refresh=] [timeout=] [responder=] [ca=]" */
char *ngx_oof_ocsp_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* the zone, where some location uses it, and the life of a worker */
ngx_int_t ngx_oof_ocsp_init(ngx_conf_t *cf);
ngx_int_t ngx_oof_ocsp_init_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_OCSP_H_INCLUDED_ */
