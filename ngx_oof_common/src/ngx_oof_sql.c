
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_sql_register(ngx_conf_t *cf, ngx_oof_sql_t **statements)
{
    return NGX_OK;
}

