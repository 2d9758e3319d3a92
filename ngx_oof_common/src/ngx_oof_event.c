
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_event_init(ngx_oof_event_t *event, const char *type)
{
    event->type.data = (u_char *) type;
    event->type.len = ngx_strlen(type);

    ngx_str_set(&event->data, "{}");

    return ngx_oof_uuid7(event->id);
}


void
ngx_oof_pg_event(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event)
{
    ngx_oof_pg_uuid(u, event->id);
    ngx_oof_pg_text(u, &event->type);
    ngx_oof_pg_text(u, &event->data);
}
