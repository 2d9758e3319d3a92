
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_oof_jwks_t *
ngx_oof_jwks_add(ngx_conf_t *cf, ngx_str_t *url, ngx_str_t *ca, ngx_msec_t refresh)
{
    return NULL;
}


EVP_PKEY *
ngx_oof_jwks_find(ngx_oof_jwks_t *jwks, ngx_str_t *kid, ngx_uint_t *generation)
{
    return NULL;
}


ngx_uint_t
ngx_oof_jwks_current(ngx_oof_jwks_t *jwks, ngx_uint_t generation)
{
    return 0;
}


ngx_int_t
ngx_oof_jwks_wait(ngx_oof_jwks_t *jwks, ngx_oof_jwks_pt handler, void *data)
{
    return NGX_ERROR;
}


void
ngx_oof_jwks_forget(ngx_oof_jwks_t *jwks, void *data)
{
}


ngx_uint_t
ngx_oof_jwks_ready(ngx_oof_jwks_t *jwks)
{
    return 0;
}


ngx_int_t
ngx_oof_jwks_preconf(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_jwks_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_jwks_exit_process(ngx_cycle_t *cycle)
{
}

