
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
    ngx_str_null(&event->trace);

    return ngx_oof_uuid7(event->id);
}


void
ngx_oof_event_trace(ngx_oof_event_t *event, ngx_oof_request_t *o)
{
    if (ngx_oof_trace_sampled(o)) {
        event->trace = *ngx_oof_trace(o);
    }
}


void
ngx_oof_pg_event(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event)
{
    ngx_oof_pg_uuid(u, event->id);
    ngx_oof_pg_text(u, &event->type);
    ngx_oof_pg_event_data(u, event);
}


void
ngx_oof_pg_event_data(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event)
{
    u_char     *p;
    ngx_str_t   data;

    data = event->data;

    if (event->trace.len && data.len >= 2) {

        p = ngx_pnalloc(u->pool, data.len + sizeof(",\"traceparent\":\"\"")
                                 + event->trace.len);

        if (p) {

            /* the last member of the object */

            data.data = p;

            p = ngx_cpymem(p, event->data.data, event->data.len - 1);
            p = ngx_sprintf(p, "%s\"traceparent\":\"%V\"}",
                            data.len > 2 ? "," : "", &event->trace);

            data.len = p - data.data;
        }
    }

    ngx_oof_pg_text(u, &data);
}


void
ngx_oof_pg_event_trace(ngx_oof_pg_unit_t *u, ngx_oof_request_t *o)
{
    if (ngx_oof_trace_sampled(o)) {
        ngx_oof_pg_text(u, ngx_oof_trace(o));

    } else {
        ngx_oof_pg_null(u);
    }
}
