
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_schema_check(ngx_pool_t *pool, ngx_oof_schema_t *schema, json_t *value, ngx_array_t *failures, ngx_uint_t max)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_cpf(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_cnpj(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_rel_cpf(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_rel_cnpj(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_time(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_date(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_amount(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_uuid(ngx_str_t *value)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_scan_urn(ngx_str_t *value)
{
    return NGX_ERROR;
}

