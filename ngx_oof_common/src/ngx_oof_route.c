
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_api_register(ngx_conf_t *cf, ngx_oof_api_t *api)
{
    return NGX_OK;
}


ngx_oof_api_t *
ngx_oof_api_find(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *major)
{
    return NULL;
}


char *
ngx_oof_api_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return NGX_CONF_OK;
}


ngx_int_t
ngx_oof_route_match(ngx_oof_request_t *o)
{
    return NGX_ERROR;
}

