
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_oof_request_t *
ngx_oof_request_get(ngx_http_request_t *r)
{
    return NULL;
}


ngx_oof_request_t *
ngx_oof_request_make(ngx_http_request_t *r)
{
    return NULL;
}


ngx_int_t
ngx_oof_access_handler(ngx_http_request_t *r)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_content_handler(ngx_http_request_t *r)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_log_handler(ngx_http_request_t *r)
{
    return NGX_ERROR;
}


void
ngx_oof_request_resume(ngx_oof_request_t *o, ngx_int_t rc)
{
}


ngx_int_t
ngx_oof_request_unit(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u, ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u))
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_request_json(ngx_oof_request_t *o)
{
    return NGX_ERROR;
}


ngx_table_elt_t *
ngx_oof_request_header(ngx_http_request_t *r, const char *name, size_t len)
{
    return NULL;
}


ngx_int_t
ngx_oof_request_preconf(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_request_init(ngx_conf_t *cf)
{
    return NGX_OK;
}

