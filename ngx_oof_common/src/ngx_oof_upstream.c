
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_UPSTREAM_MAX     65536   /* the longest body of 13 errors */
#define NGX_OOF_UPSTREAM_ROOM    4096
#define NGX_OOF_UPSTREAM_ERRORS  13


static void ngx_oof_upstream_version(ngx_http_request_t *r);
static ngx_uint_t ngx_oof_upstream_guarded(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_upstream_append(ngx_oof_request_t *o, u_char *data,
    size_t len);
static ngx_int_t ngx_oof_upstream_regulated(ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_upstream_error(json_t *error);
static void ngx_oof_upstream_clear(ngx_http_request_t *r);


/*
 * What third parties may hear from behind a gate: statuses of the interface
 * files.  401 and 403 without a regulated body mean that the bank's system does
 * not know this nginx, which is not the caller's fault.
 */

static ngx_uint_t  ngx_oof_upstream_statuses[] = {
    400, 404, 406, 422, 423, 429, 500, 503, 504, 529, 0
};


ngx_uint_t
ngx_oof_upstream_holds(ngx_oof_request_t *o)
{
    ngx_http_request_t  *r;

    r = o->r;

    if (!ngx_oof_upstream_guarded(o)
        || r->upstream == NULL
        || r->upstream->cleanup == NULL)
    {
        return 0;
    }

    ngx_oof_upstream_version(r);

    if (r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE
        || r->headers_out.status == NGX_HTTP_NOT_MODIFIED)
    {
        return 0;
    }

    ngx_str_null(&o->answer);
    o->room = 0;

    o->upstream = (r->headers_out.content_encoding
                   && r->headers_out.content_encoding->value.len)
                  ? NGX_OOF_UPSTREAM_OTHER
                  : NGX_OOF_UPSTREAM_HELD;

    return 1;
}


/*
 * What does not begin as an answer of HTTP is taken by nginx for one of
 * HTTP/0.9, and would go to the caller without a header.
 */

static void
ngx_oof_upstream_version(ngx_http_request_t *r)
{
    if (r->http_version != NGX_HTTP_VERSION_9) {
        return;
    }

    r->http_version = NGX_HTTP_VERSION_11;

#if (NGX_HTTP_V2)
    if (r->stream) {
        r->http_version = NGX_HTTP_VERSION_20;
    }
#endif

    r->headers_out.status = NGX_HTTP_BAD_GATEWAY;
}


static ngx_uint_t
ngx_oof_upstream_guarded(ngx_oof_request_t *o)
{
    return o->api && (o->api->flags & NGX_OOF_API_GATE) && o->admitted;
}


ngx_int_t
ngx_oof_upstream_collect(ngx_oof_request_t *o, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    last = 0;

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (b->last_buf) {
            last = 1;
        }

        if (ngx_buf_in_memory(b)
            && ngx_oof_upstream_append(o, b->pos, b->last - b->pos) != NGX_OK)
        {
            return NGX_ERROR;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return last ? NGX_OK : NGX_AGAIN;
}


static ngx_int_t
ngx_oof_upstream_append(ngx_oof_request_t *o, u_char *data, size_t len)
{
    u_char  *p;
    size_t   room;

    if (len == 0 || o->upstream == NGX_OOF_UPSTREAM_OTHER) {
        return NGX_OK;
    }

    if (len > NGX_OOF_UPSTREAM_MAX - o->answer.len) {
        o->upstream = NGX_OOF_UPSTREAM_OTHER;
        return NGX_OK;
    }

    if (o->answer.len + len > o->room) {

        room = ngx_max(ngx_max(2 * o->room, o->answer.len + len),
                       NGX_OOF_UPSTREAM_ROOM);

        p = ngx_pnalloc(o->r->pool, room);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (o->answer.len) {
            ngx_memcpy(p, o->answer.data, o->answer.len);
        }

        o->answer.data = p;
        o->room = room;
    }

    ngx_memcpy(o->answer.data + o->answer.len, data, len);
    o->answer.len += len;

    return NGX_OK;
}


ngx_int_t
ngx_oof_upstream_judge(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_uint_t           status;
    ngx_http_request_t  *r;

    r = o->r;
    status = r->headers_out.status;

    rc = ngx_oof_upstream_regulated(o);

    o->upstream = 0;

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "upstream answered %ui without a regulated body", status);

    (void) ngx_oof_error_status(o, ngx_oof_upstream_status(o, status));

    ngx_oof_upstream_clear(r);

    r->headers_out.status = o->status;

    ngx_str_set(&r->headers_out.content_type,
                "application/json; charset=utf-8");
    r->headers_out.content_type_len = sizeof("application/json") - 1;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_oof_error_body(o, &o->answer) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_upstream_regulated(ngx_oof_request_t *o)
{
    size_t       i;
    json_t      *errors, *code;
    ngx_int_t    rc;
    json_t      *root;
    const char  *why;

    if (o->upstream == NGX_OOF_UPSTREAM_OTHER
        || o->r->headers_out.status < NGX_HTTP_BAD_REQUEST
        || o->answer.len == 0)
    {
        return NGX_DECLINED;
    }

    rc = ngx_oof_json_parse(o->r->pool, &o->answer, &root, &why);

    if (rc != NGX_OK) {
        return rc;
    }

    errors = json_object_get(root, "errors");

    if (json_array_size(errors) == 0
        || json_array_size(errors) > NGX_OOF_UPSTREAM_ERRORS)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < json_array_size(errors); i++) {
        if (!ngx_oof_upstream_error(json_array_get(errors, i))) {
            return NGX_DECLINED;
        }
    }

    /* for the log line; the tree lives as long as the request */

    code = json_object_get(json_array_get(errors, 0), "code");

    o->error_code.data = (u_char *) json_string_value(code);
    o->error_code.len = json_string_length(code);

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_upstream_error(json_t *error)
{
    return json_string_length(json_object_get(error, "code"))
           && json_string_length(json_object_get(error, "title"))
           && json_string_length(json_object_get(error, "detail"));
}


static void
ngx_oof_upstream_clear(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            h[i].hash = 0;
        }
    }

    r->headers_out.status_line.len = 0;
    r->headers_out.content_length = NULL;
    r->headers_out.content_encoding = NULL;
    r->headers_out.location = NULL;
    r->headers_out.refresh = NULL;
    r->headers_out.last_modified = NULL;
    r->headers_out.last_modified_time = -1;
    r->headers_out.accept_ranges = NULL;
    r->headers_out.www_authenticate = NULL;
    r->headers_out.expires = NULL;
    r->headers_out.etag = NULL;
    r->headers_out.cache_control = NULL;
    r->headers_out.link = NULL;

    r->allow_ranges = 0;
}


ngx_uint_t
ngx_oof_upstream_status(ngx_oof_request_t *o, ngx_uint_t status)
{
    ngx_uint_t  i;

    if (!ngx_oof_upstream_guarded(o) || o->r->upstream == NULL) {
        return status;
    }

    for (i = 0; ngx_oof_upstream_statuses[i]; i++) {
        if (ngx_oof_upstream_statuses[i] == status) {
            return status;
        }
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}
