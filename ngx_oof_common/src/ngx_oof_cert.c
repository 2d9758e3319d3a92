
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_cert_check(ngx_oof_request_t *o)
{
    return NGX_ERROR;
}


ngx_array_t *
ngx_oof_cert_load(ngx_conf_t *cf, ngx_str_t *file)
{
    return NULL;
}


ngx_int_t
ngx_oof_cert_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_cert_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_cert_exit_process(ngx_cycle_t *cycle)
{
}

