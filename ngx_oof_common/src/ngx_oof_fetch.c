
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_fetch(ngx_oof_fetch_t *f)
{
    return NGX_ERROR;
}


void
ngx_oof_fetch_cancel(ngx_oof_fetch_t *f)
{
}


ngx_int_t
ngx_oof_fetch_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_fetch_exit_process(ngx_cycle_t *cycle)
{
}

