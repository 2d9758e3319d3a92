
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/* o->page: the answer is one of nginx's own error pages */

#define NGX_OOF_PAGE_NONE      0
#define NGX_OOF_PAGE_PROBABLE  1    /* the header waits for the body */
#define NGX_OOF_PAGE_CERTAIN   2

#define NGX_OOF_CORRELATION_MAX  128


static ngx_int_t ngx_oof_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_oof_header_add(ngx_http_request_t *r,
    ngx_oof_request_t *o, ngx_oof_api_t *api);
static ngx_int_t ngx_oof_header_correlation(ngx_http_request_t *r);
static void ngx_oof_header_drop(ngx_http_request_t *r, ngx_str_t *name);
static ngx_uint_t ngx_oof_page(ngx_http_request_t *r);
static ngx_uint_t ngx_oof_page_is(ngx_chain_t *in);
static void ngx_oof_page_status(ngx_http_request_t *r, ngx_oof_request_t *o);
#if (NGX_HTTP_SSL)
static ngx_uint_t ngx_oof_page_no_cert(ngx_http_request_t *r);
#endif
static ngx_int_t ngx_oof_page_error(ngx_http_request_t *r,
    ngx_oof_request_t *o);
static ngx_int_t ngx_oof_page_send(ngx_http_request_t *r,
    ngx_oof_request_t *o, ngx_chain_t *in);
static ngx_int_t ngx_oof_body_upstream(ngx_http_request_t *r,
    ngx_oof_request_t *o, ngx_chain_t *in);
static ngx_int_t ngx_oof_body_filter(ngx_http_request_t *r, ngx_chain_t *in);
static ngx_int_t ngx_oof_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_oof_filter_init(ngx_conf_t *cf);


static ngx_str_t  ngx_oof_interaction_id = ngx_string("x-fapi-interaction-id");
static ngx_str_t  ngx_oof_x_v = ngx_string("x-v");
static ngx_str_t  ngx_oof_correlation_id = ngx_string("X-Correlation-ID");


static ngx_http_module_t  ngx_oof_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_oof_filter_init,                   /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_oof_filter_module = {
    NGX_MODULE_V1,
    &ngx_oof_filter_module_ctx,            /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;
static ngx_http_request_body_filter_pt   ngx_http_next_request_body_filter;


static ngx_int_t
ngx_oof_header_filter(ngx_http_request_t *r)
{
    ngx_oof_api_t       *api;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    o = ngx_oof_request_get(r);

    if (o && o->deadline.timer_set) {
        ngx_del_timer(&o->deadline);
    }

    api = (o && o->api) ? o->api : olcf->api;

    if (olcf->errors != NGX_OOF_ERRORS_JSON && api == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (o == NULL) {
        o = ngx_oof_request_make(r);

        if (o == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_oof_header_add(r, o, api) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_oof_upstream_holds(o)) {

        /* its header waits for the body, which is looked at */

        ngx_http_set_ctx(r, o, ngx_oof_filter_module);
        r->filter_need_in_memory = 1;

        return NGX_OK;
    }

    if (olcf->errors != NGX_OOF_ERRORS_JSON) {
        return ngx_http_next_header_filter(r);
    }

    o->page = ngx_oof_page(r);

    if (o->page == NGX_OOF_PAGE_NONE) {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_set_ctx(r, o, ngx_oof_filter_module);

    if (o->page == NGX_OOF_PAGE_PROBABLE) {
        return NGX_OK;
    }

    if (ngx_oof_page_error(r, o) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* an upstream may have headers of these names: ours take their place */

static ngx_int_t
ngx_oof_header_add(ngx_http_request_t *r, ngx_oof_request_t *o,
    ngx_oof_api_t *api)
{
    ngx_str_t  id, *version;

    if (r->upstream) {
        ngx_oof_header_drop(r, &ngx_oof_interaction_id);
    }

    id.data = o->interaction_id;
    id.len = NGX_OOF_UUID_TEXT;

    if (ngx_oof_response_header(r, &ngx_oof_interaction_id, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (api == NULL) {
        return NGX_OK;
    }

    if ((api->flags & NGX_OOF_API_BANK)
        && ngx_oof_header_correlation(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->upstream) {
        ngx_oof_header_drop(r, &ngx_oof_x_v);
    }

    version = o->api ? &o->version : &api->version;

    return version->len ? ngx_oof_response_header(r, &ngx_oof_x_v, version)
                        : NGX_OK;
}


/* the bank's callers have ids of their own, which go back as they came */

static ngx_int_t
ngx_oof_header_correlation(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    h = ngx_oof_request_header(r, "x-correlation-id",
                               sizeof("x-correlation-id") - 1);

    if (h == NULL || h->value.len == 0
        || h->value.len > NGX_OOF_CORRELATION_MAX)
    {
        return NGX_OK;
    }

    for (i = 0; i < h->value.len; i++) {
        if (h->value.data[i] < ' ' || h->value.data[i] > '~') {
            return NGX_OK;
        }
    }

    return ngx_oof_response_header(r, &ngx_oof_correlation_id, &h->value);
}


static void
ngx_oof_header_drop(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                h[i].hash = 0;
            }
        }
    }
}


/*
 * r->err_status is set by ngx_http_special_response_handler() alone, but stays
 * when it hands over to an "error_page": the answer is then a file, a proxied
 * one, or a "return" with a text.  A page of nginx's own is text/html of a
 * known length that is no file and comes from no upstream; the text of a
 * "return" looks alike, so its header waits until the body is seen.  A status
 * that nginx has no page for has neither type nor length.
 */

static ngx_uint_t
ngx_oof_page(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    if (r->err_status < NGX_HTTP_BAD_REQUEST || r->header_only) {
        return NGX_OOF_PAGE_NONE;
    }

    /* an upstream that is being read has not been finalized */

    if (r->upstream && r->upstream->cleanup) {
        return NGX_OOF_PAGE_NONE;
    }

    type = &r->headers_out.content_type;

    if (type->len == 0) {
        return r->headers_out.content_length_n == 0 ? NGX_OOF_PAGE_CERTAIN
                                                    : NGX_OOF_PAGE_NONE;
    }

    if (type->len == sizeof("text/html") - 1
        && ngx_memcmp(type->data, "text/html", sizeof("text/html") - 1) == 0
        && r->headers_out.content_length_n > 0
        && r->headers_out.last_modified_time == -1)
    {
        return NGX_OOF_PAGE_PROBABLE;
    }

    return NGX_OOF_PAGE_NONE;
}


static ngx_uint_t
ngx_oof_page_is(ngx_chain_t *in)
{
    ngx_buf_t  *b;

    static u_char  head[] = "<html>" CRLF "<head><title>";

    b = in->buf;

    return ngx_buf_in_memory(b)
           && (size_t) (b->last - b->pos) >= sizeof(head) - 1
           && ngx_memcmp(b->pos, head, sizeof(head) - 1) == 0;
}


/*
 * Which error it is: nginx makes one status of several, which are told apart
 * here by the state that it is in.
 */

static void
ngx_oof_page_status(ngx_http_request_t *r, ngx_oof_request_t *o)
{
    ngx_uint_t  status;

    status = ngx_oof_upstream_status(o, r->err_status);

    if (status == NGX_HTTP_BAD_REQUEST
        && r->http_state == NGX_HTTP_READING_REQUEST_STATE
        && r->lingering_close)
    {
        /* 494: nothing else lingers before the header has been read */

        status = NGX_OOF_HTTP_HEADERS;
    }

    (void) ngx_oof_error_status(o, status);

#if (NGX_HTTP_SSL)

    if (status != NGX_HTTP_BAD_REQUEST || !r->http_connection->ssl) {
        return;
    }

    if (r->connection->ssl == NULL) {

        /* 497 */

        (void) ngx_oof_error(o, status, "BAD_REQUEST", "Requisição inválida",
                             "A conexão deve usar TLS.");

    } else if (ngx_oof_page_no_cert(r)) {

        /* 495, 496 */

        (void) ngx_oof_error(o, NGX_HTTP_UNAUTHORIZED, "INVALID_CLIENT",
                             "Cliente não autenticado",
                             "O certificado de cliente está ausente ou é "
                             "inválido.");
    }

#endif
}


#if (NGX_HTTP_SSL)

/* the conditions of ngx_http_process_request(), before any phase has run */

static ngx_uint_t
ngx_oof_page_no_cert(ngx_http_request_t *r)
{
    long                      rc;
    X509                     *cert;
    const char               *s;
    ngx_connection_t         *c;
    ngx_http_ssl_srv_conf_t  *sscf;

    if (r->http_state != NGX_HTTP_PROCESS_REQUEST_STATE
        || r->write_event_handler)
    {
        return 0;
    }

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_ssl_module);

    if (!sscf->verify) {
        return 0;
    }

    c = r->connection;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK
        && (sscf->verify != 3 || !ngx_ssl_verify_error_optional(rc)))
    {
        return 1;
    }

    if (sscf->verify == 1) {
        cert = SSL_get_peer_certificate(c->ssl->connection);

        if (cert == NULL) {
            return 1;
        }

        X509_free(cert);
    }

    return ngx_ssl_ocsp_get_status(c, &s) != NGX_OK;
}

#endif


/* the regulated error takes the place of the page */

static ngx_int_t
ngx_oof_page_error(ngx_http_request_t *r, ngx_oof_request_t *o)
{
    ngx_oof_page_status(r, o);

    if (ngx_oof_error_body(o, &o->answer) != NGX_OK
        || ngx_oof_response_retry_after(o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->err_status = o->status;

    r->headers_out.status = o->status;
    r->headers_out.status_line.len = 0;

    ngx_str_set(&r->headers_out.content_type,
                "application/json; charset=utf-8");
    r->headers_out.content_type_len = sizeof("application/json") - 1;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.content_length_n = o->answer.len;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t           rc;
    ngx_oof_request_t  *o;

    o = ngx_http_get_module_ctx(r, ngx_oof_filter_module);

    if (o == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    if (o->upstream) {
        return ngx_oof_body_upstream(r, o, in);
    }

    ngx_http_set_ctx(r, NULL, ngx_oof_filter_module);

    if (o->page == NGX_OOF_PAGE_CERTAIN) {
        return ngx_oof_page_send(r, o, in);
    }

    if (ngx_oof_page_is(in)) {

        if (ngx_oof_page_error(r, o) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_next_header_filter(r);

        if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
            return rc;
        }

        return ngx_oof_page_send(r, o, in);
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_next_body_filter(r, in);
}


/*
 * An error of what is behind a gate: as it came when it has the regulation's
 * form, else ours in its place, with none of its headers.
 */

static ngx_int_t
ngx_oof_body_upstream(ngx_http_request_t *r, ngx_oof_request_t *o,
    ngx_chain_t *in)
{
    ngx_int_t  rc;

    rc = ngx_oof_upstream_collect(o, in);

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_OK : NGX_ERROR;
    }

    ngx_http_set_ctx(r, NULL, ngx_oof_filter_module);

    rc = ngx_oof_upstream_judge(o);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = o->answer.len;

    if (rc == NGX_DECLINED
        && (ngx_oof_header_add(r, o, o->api) != NGX_OK
            || ngx_oof_response_retry_after(o) != NGX_OK))
    {
        return NGX_ERROR;
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_oof_page_send(r, o, in);
}


/* the page is left unsent, and the prepared error goes in its place */

static ngx_int_t
ngx_oof_page_send(ngx_http_request_t *r, ngx_oof_request_t *o,
    ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t   out, *cl;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = o->answer.data;
    b->last = o->answer.data + o->answer.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/*
 * The body of a request to one of our APIs is put together here, in memory and
 * in one piece.  nginx itself would write it to a file when it comes in many
 * small chunks, whatever the size of its buffer.
 */

static ngx_int_t
ngx_oof_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t           rc;
    ngx_buf_t          *b;
    ngx_chain_t         last, *cl;
    ngx_oof_request_t  *o;

    o = ngx_http_get_module_ctx(r, ngx_oof_module);

    if (o == NULL || !o->reading) {
        return ngx_http_next_request_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        rc = ngx_oof_request_append(o, b->pos, b->last - b->pos);

        if (rc != NGX_OK) {
            return rc;
        }

        b->pos = b->last;

        if (b->last_buf) {
            last.buf = b;
            last.next = NULL;

            return ngx_http_next_request_body_filter(r, &last);
        }
    }

    return ngx_http_next_request_body_filter(r, NULL);
}


static ngx_int_t
ngx_oof_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_oof_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_oof_body_filter;

    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_oof_request_body_filter;

    return NGX_OK;
}
