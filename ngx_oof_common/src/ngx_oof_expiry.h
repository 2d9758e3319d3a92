
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_EXPIRY_H_INCLUDED_
#define _NGX_OOF_EXPIRY_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What grows old: files with certificates, of which oof_certificate_expiry_days
 * tells when they end, and key sets, of which oof_key_set_age_seconds tells
 * when they were fetched last.
 */

#define NGX_OOF_EXPIRY_CERTIFICATE  1    /* with its chain: what ends first */
#define NGX_OOF_EXPIRY_CA           2    /* a list: what ends next */
#define NGX_OOF_EXPIRY_CRL          3    /* when the next one is due */


/*
 * A file of the configuration, for "use" ("core"); once a use and file.  One
 * that has nothing of its kind, or is not there, is left out without a word:
 * who needs it has said so.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_expiry_add(ngx_conf_t *cf, const char *use, ngx_str_t *file,
    ngx_uint_t kind);

/* those of the servers' TLS, and the metrics, when all is configured */
ngx_int_t ngx_oof_expiry_init(ngx_conf_t *cf);
ngx_int_t ngx_oof_expiry_init_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_EXPIRY_H_INCLUDED_ */
