
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_json_init(ngx_oof_json_t *w, ngx_pool_t *pool, size_t size)
{
    return NGX_OK;
}


void
ngx_oof_json_begin(ngx_oof_json_t *w, u_char bracket)
{
}


void
ngx_oof_json_end(ngx_oof_json_t *w, u_char bracket)
{
}


void
ngx_oof_json_name(ngx_oof_json_t *w, const char *name)
{
}


void
ngx_oof_json_str(ngx_oof_json_t *w, ngx_str_t *value)
{
}


void
ngx_oof_json_literal(ngx_oof_json_t *w, const char *value)
{
}


void
ngx_oof_json_int(ngx_oof_json_t *w, int64_t value)
{
}


void
ngx_oof_json_bool(ngx_oof_json_t *w, ngx_uint_t value)
{
}


void
ngx_oof_json_time(ngx_oof_json_t *w, int64_t us)
{
}


void
ngx_oof_json_uuid(ngx_oof_json_t *w, u_char *id)
{
}


void
ngx_oof_json_raw(ngx_oof_json_t *w, ngx_str_t *json)
{
}


void
ngx_oof_json_member(ngx_oof_json_t *w, const char *name, ngx_str_t *value)
{
}


void
ngx_oof_json_member_time(ngx_oof_json_t *w, const char *name, int64_t us)
{
}


ngx_int_t
ngx_oof_json_text(ngx_oof_json_t *w, ngx_str_t *text)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_json_parse(ngx_pool_t *pool, ngx_str_t *text, json_t **root, const char **why)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_json_get_str(json_t *object, const char *name, ngx_str_t *value)
{
    return NGX_ERROR;
}

