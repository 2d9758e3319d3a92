
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_event_init(ngx_oof_event_t *event, const char *type)
{
    return NGX_OK;
}


void
ngx_oof_pg_event(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event)
{
}

