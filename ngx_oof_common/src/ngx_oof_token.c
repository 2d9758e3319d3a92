
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


char *
ngx_oof_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return NGX_CONF_OK;
}


ngx_oof_issuer_t *
ngx_oof_issuer_find(ngx_conf_t *cf, ngx_str_t *name)
{
    return NULL;
}


ngx_int_t
ngx_oof_token_check(ngx_oof_request_t *o)
{
    return NGX_ERROR;
}


ngx_uint_t
ngx_oof_token_has_scope(ngx_oof_token_t *token, ngx_str_t *scope)
{
    return 0;
}


ngx_uint_t
ngx_oof_issuer_ready(ngx_oof_issuer_t *issuer)
{
    return 0;
}


ngx_int_t
ngx_oof_token_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_token_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_token_exit_process(ngx_cycle_t *cycle)
{
}

