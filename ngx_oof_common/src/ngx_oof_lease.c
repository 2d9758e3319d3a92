
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_lease_add(ngx_conf_t *cf, ngx_oof_lease_t *lease)
{
    return NGX_OK;
}


ngx_uint_t
ngx_oof_lease_held(ngx_oof_lease_t *lease)
{
    return 0;
}


ngx_int_t
ngx_oof_lease_preconf(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_lease_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_lease_exit_process(ngx_cycle_t *cycle)
{
}

