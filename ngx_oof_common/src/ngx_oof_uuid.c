
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_uuid7(u_char *id)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_uuid4(u_char *id)
{
    return NGX_ERROR;
}


u_char *
ngx_oof_uuid_format(u_char *p, u_char *id)
{
    return NULL;
}


ngx_int_t
ngx_oof_uuid_parse(ngx_str_t *text, u_char *id)
{
    return NGX_ERROR;
}

