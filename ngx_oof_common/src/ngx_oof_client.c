
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_client_check(ngx_oof_request_t *o)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_client_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_client_exit_process(ngx_cycle_t *cycle)
{
}

