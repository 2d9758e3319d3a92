
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_jws_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_oof_jws_t *jws, const char **why)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_jws_verify(ngx_oof_jws_t *jws, EVP_PKEY *key, ngx_uint_t alg)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_jws_sign(ngx_pool_t *pool, EVP_PKEY *key, ngx_str_t *kid, ngx_str_t *payload, ngx_str_t *text)
{
    return NGX_ERROR;
}

