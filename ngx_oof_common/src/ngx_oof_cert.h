
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CERT_H_INCLUDED_
#define _NGX_OOF_CERT_H_INCLUDED_


#include <ngx_oof.h>


/* the caller's certificate (spec 5.1) */

struct ngx_oof_cert_s {
    u_char                   thumbprint[32];   /* SHA-256 of the DER */
    u_char                   x5t[43];          /* base64url of it */
    ngx_str_t                organisation_id;  /* lower case, no OFBBR- */
    ngx_str_t                software_id;      /* UID */
    time_t                   not_before;
    time_t                   not_after;
};


/*
 * Access phase: finds the certificate (of the TLS connection, read once a
 * connection; or of the trusted header, read once a request through a bounded
 * cache), and judges it: dates now, clientAuth, strength, an organisation, and
 * that its issuer, in the chain that was verified, is one of "oof_issuing_ca".
 * Sets o->cert, which lives as long as the request.  Returns NGX_DECLINED to
 * go on, NGX_OK with a 401 INVALID_CLIENT prepared (spec 2.2, 5.4), NGX_ERROR.
 *
 * The trusted header is believed from an address of
 * "oof_client_certificate_from" (the peer of the TCP connection, before realip)
 * and never over TLS; it is taken out of the request in the preaccess phase, so
 * that nothing passes it on, and waits in o->cert_header.  Revocation is then
 * the affair of who set it.
 */
ngx_int_t ngx_oof_cert_check(ngx_oof_request_t *o);

/*
 * Is the other end of the TCP connection, before realip, one of "from", which
 * is that of "oof_client_certificate_from" and may be NULL?
 */
ngx_uint_t ngx_oof_cert_trusted(ngx_connection_t *c, ngx_array_t *from);

/*
 * "oof_issuing_ca", read at configuration time: an array of X509 *, freed with
 * cf->pool.  NULL when the file cannot be read, with the reason logged.
 */
ngx_array_t *ngx_oof_cert_load(ngx_conf_t *cf, ngx_str_t *file);

/* configuration, and the life of a worker */
ngx_int_t ngx_oof_cert_init(ngx_conf_t *cf);
ngx_int_t ngx_oof_cert_init_process(ngx_cycle_t *cycle);
void ngx_oof_cert_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_CERT_H_INCLUDED_ */
