
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_answer(ngx_oof_request_t *o, ngx_uint_t status, ngx_str_t *body)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_error(ngx_oof_request_t *o, ngx_uint_t status, const char *code, const char *title, const char *detail)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_error_status(ngx_oof_request_t *o, ngx_uint_t status)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_error_unit(ngx_oof_request_t *o, ngx_uint_t rc)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_error_body(ngx_oof_request_t *o, ngx_str_t *body)
{
    return NGX_ERROR;
}


void
ngx_oof_body_begin(ngx_oof_json_t *w)
{
}


void
ngx_oof_body_end(ngx_oof_request_t *o, ngx_oof_json_t *w, ngx_str_t *path)
{
}


ngx_int_t
ngx_oof_send(ngx_oof_request_t *o)
{
    return NGX_ERROR;
}

