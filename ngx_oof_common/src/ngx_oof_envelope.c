
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/*
 * CloudEvents 1.0, structured JSON.  "sequence" is the version that the change
 * made of what "subject" is, so that a receiver sees a gap; "dataschema" is the
 * "$id" of a file of docs/events.
 */

#define NGX_OOF_ENVELOPE_FIXED  768

/* how the data of an event of a traced request end: ngx_oof_event_trace() */

#define NGX_OOF_ENVELOPE_TRACE  "\"traceparent\":\""


static void ngx_oof_envelope_trace(ngx_oof_json_t *w,
    ngx_oof_relay_event_t *event);


ngx_int_t
ngx_oof_relay_envelope(ngx_oof_relay_event_t *event, ngx_pool_t *pool)
{
    u_char          text[NGX_INT64_LEN];
    u_char          path[NGX_OOF_NAME_MAX + sizeof("/oof/")];
    u_char          urn[NGX_OOF_EVENT_TYPE_MAX + sizeof("urn:oof:event:")];
    ngx_str_t       value;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, pool,
                          NGX_OOF_ENVELOPE_FIXED + 2 * event->type.len
                          + event->brand.len + event->data.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "specversion");
    ngx_oof_json_literal(&w, "1.0");
    ngx_oof_json_name(&w, "id");
    ngx_oof_json_uuid(&w, event->id);

    value.data = path;
    value.len = ngx_snprintf(path, sizeof(path), "/oof/%V", &event->brand)
                - path;
    ngx_oof_json_member(&w, "source", &value);

    ngx_oof_json_member(&w, "type", &event->type);
    ngx_oof_json_name(&w, "subject");
    ngx_oof_json_uuid(&w, event->key);
    ngx_oof_json_member_time(&w, "time", event->time);
    ngx_oof_json_name(&w, "datacontenttype");
    ngx_oof_json_literal(&w, "application/json");

    value.data = urn;
    value.len = ngx_snprintf(urn, sizeof(urn), "urn:oof:event:%V",
                             &event->type)
                - urn;
    ngx_oof_json_member(&w, "dataschema", &value);

    ngx_oof_json_name(&w, "partitionkey");
    ngx_oof_json_uuid(&w, event->key);

    value.data = text;
    value.len = ngx_sprintf(text, "%i", event->version) - text;
    ngx_oof_json_member(&w, "sequence", &value);
    ngx_oof_json_name(&w, "sequencetype");
    ngx_oof_json_literal(&w, "Integer");

    value.len = ngx_sprintf(text, "%L", event->position) - text;
    ngx_oof_json_member(&w, "position", &value);

    ngx_oof_envelope_trace(&w, event);

    ngx_oof_json_name(&w, "data");
    ngx_oof_json_raw(&w, &event->data);
    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, &event->json);
}


/* the trace is an attribute too (extension Distributed Tracing) */

static void
ngx_oof_envelope_trace(ngx_oof_json_t *w, ngx_oof_relay_event_t *event)
{
    ngx_str_t  trace;

    ngx_oof_relay_trace(event, &trace);

    if (trace.len) {
        ngx_oof_json_member(w, "traceparent", &trace);
    }
}


void
ngx_oof_relay_trace(ngx_oof_relay_event_t *event, ngx_str_t *trace)
{
    size_t   len, n;
    u_char  *p;

    ngx_str_null(trace);

    len = sizeof(NGX_OOF_ENVELOPE_TRACE) - 1;
    n = len + NGX_OOF_TRACE_PARENT + sizeof("\"}") - 1;

    if (event->data.len <= n) {
        return;
    }

    p = event->data.data + event->data.len - n;

    if (ngx_strncmp(p, NGX_OOF_ENVELOPE_TRACE, len) == 0
        && (p[-1] == '{' || p[-1] == ','))
    {
        trace->data = p + len;
        trace->len = NGX_OOF_TRACE_PARENT;
    }
}
