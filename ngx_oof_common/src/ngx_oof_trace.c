
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_TRACE_SPAN   16
#define NGX_OOF_TRACE_AT     3           /* of the trace's id */
#define NGX_OOF_TRACE_SPAN_AT   (NGX_OOF_TRACE_AT + NGX_OOF_TRACE_ID + 1)
#define NGX_OOF_TRACE_FLAGS_AT  (NGX_OOF_TRACE_SPAN_AT + NGX_OOF_TRACE_SPAN + 1)

#define NGX_OOF_TRACE_SAMPLED  0x01


static u_char *ngx_oof_trace_span(u_char *p, u_char *id);
static ngx_int_t ngx_oof_trace_make(ngx_oof_request_t *o);
static ngx_table_elt_t *ngx_oof_trace_header(ngx_http_request_t *r);
static ngx_int_t ngx_oof_trace_valid(ngx_str_t *value, ngx_uint_t *flags);
static ngx_int_t ngx_oof_trace_hex(u_char *p, size_t len);


ngx_str_t *
ngx_oof_trace(ngx_oof_request_t *o)
{
    if (o->trace.len == 0 && ngx_oof_trace_make(o) != NGX_OK) {
        return NULL;
    }

    return &o->trace;
}


void
ngx_oof_trace_copy(ngx_oof_request_t *o, ngx_pool_t *pool, ngx_str_t *trace)
{
    ngx_str_null(trace);

    if (ngx_oof_trace(o) == NULL) {
        return;
    }

    trace->data = ngx_pstrdup(pool, &o->trace);
    trace->len = trace->data ? o->trace.len : 0;
}


ngx_int_t
ngx_oof_trace_child(ngx_str_t *trace, u_char *child)
{
    u_char      span[NGX_OOF_UUID_LEN];
    ngx_uint_t  flags;

    if (ngx_oof_trace_valid(trace, &flags) != NGX_OK
        || ngx_oof_uuid4(span) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(child, trace->data, NGX_OOF_TRACE_PARENT);
    (void) ngx_oof_trace_span(child + NGX_OOF_TRACE_SPAN_AT, span);

    return NGX_OK;
}


ngx_uint_t
ngx_oof_trace_sampled(ngx_oof_request_t *o)
{
    return ngx_oof_trace(o) != NULL && o->sampled;
}


static ngx_int_t
ngx_oof_trace_make(ngx_oof_request_t *o)
{
    u_char            *p, trace[NGX_OOF_UUID_LEN], span[NGX_OOF_UUID_LEN];
    ngx_uint_t         flags;
    ngx_table_elt_t   *h;

    p = o->trace_text;

    h = ngx_oof_trace_header(o->r);

    if (h && ngx_oof_trace_valid(&h->value, &flags) == NGX_OK) {

        /* no span is recorded here, so the caller's goes on as it is */

        ngx_memcpy(p, h->value.data, NGX_OOF_TRACE_PARENT);
        o->sampled = (flags & NGX_OOF_TRACE_SAMPLED) != 0;

        p[0] = '0';
        p[1] = '0';

    } else {

        if (ngx_oof_uuid4(trace) != NGX_OK || ngx_oof_uuid4(span) != NGX_OK) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(p, "00-", 3);
        p = ngx_hex_dump(p, trace, NGX_OOF_UUID_LEN);
        *p++ = '-';

        p = ngx_oof_trace_span(p, span);
        (void) ngx_cpymem(p, "-01", 3);
    }

    o->trace.data = o->trace_text;
    o->trace.len = NGX_OOF_TRACE_PARENT;

    return NGX_OK;
}


/* bytes of an id that are never all zero: the variant is among them */

static u_char *
ngx_oof_trace_span(u_char *p, u_char *id)
{
    return ngx_hex_dump(p, id + NGX_OOF_UUID_LEN - NGX_OOF_TRACE_SPAN / 2,
                        NGX_OOF_TRACE_SPAN / 2);
}


/* one that comes twice is none */

static ngx_table_elt_t *
ngx_oof_trace_header(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *found;

    found = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != sizeof("traceparent") - 1
                || ngx_strncasecmp(h[i].key.data, (u_char *) "traceparent",
                                   sizeof("traceparent") - 1)
                   != 0)
            {
                continue;
            }

            if (found) {
                return NULL;
            }

            found = &h[i];
        }
    }

    return found;
}


/* a later version begins as this one, and may go on after a "-" */

static ngx_int_t
ngx_oof_trace_valid(ngx_str_t *value, ngx_uint_t *flags)
{
    u_char     *p;
    ngx_int_t   version;

    p = value->data;

    if (value->len < NGX_OOF_TRACE_PARENT
        || p[NGX_OOF_TRACE_AT - 1] != '-'
        || p[NGX_OOF_TRACE_SPAN_AT - 1] != '-'
        || p[NGX_OOF_TRACE_FLAGS_AT - 1] != '-'
        || ngx_oof_trace_hex(p, 2) == NGX_ERROR
        || ngx_oof_trace_hex(p + NGX_OOF_TRACE_AT, NGX_OOF_TRACE_ID) != 1
        || ngx_oof_trace_hex(p + NGX_OOF_TRACE_SPAN_AT, NGX_OOF_TRACE_SPAN)
           != 1
        || ngx_oof_trace_hex(p + NGX_OOF_TRACE_FLAGS_AT, 2) == NGX_ERROR)
    {
        return NGX_DECLINED;
    }

    version = ngx_hextoi(p, 2);

    if (version == 0xff
        || (value->len > NGX_OOF_TRACE_PARENT
            && (version == 0 || p[NGX_OOF_TRACE_PARENT] != '-')))
    {
        return NGX_DECLINED;
    }

    *flags = (ngx_uint_t) ngx_hextoi(p + NGX_OOF_TRACE_FLAGS_AT, 2);

    return NGX_OK;
}


/* lower-case digits: 1, 0 when all of them are zero, or NGX_ERROR */

static ngx_int_t
ngx_oof_trace_hex(u_char *p, size_t len)
{
    size_t      i;
    ngx_int_t   some;

    some = 0;

    for (i = 0; i < len; i++) {

        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) {
            return NGX_ERROR;
        }

        if (p[i] != '0') {
            some = 1;
        }
    }

    return some;
}
