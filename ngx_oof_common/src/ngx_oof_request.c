
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_BODY_ROOM  4096

#define ngx_oof_is_space(c)  ((c) == ' ' || ((c) >= 0x09 && (c) <= 0x0d))


typedef struct {
    ngx_uint_t               apis;       /* NGX_OOF_API_...; 0: all */
    ngx_oof_handler_pt       handler;
} ngx_oof_step_t;


typedef struct {
    ngx_uint_t               id;
    ngx_str_t                name;
} ngx_oof_header_t;


static void ngx_oof_request_mark(void *data);
static void ngx_oof_request_headers(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_request_id(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_request_watch(ngx_oof_request_t *o);
static void ngx_oof_request_gone(void *data);
static void ngx_oof_request_forget(ngx_oof_request_t *o);

static ngx_uint_t ngx_oof_access_decided(ngx_oof_request_t *o,
    ngx_oof_loc_conf_t *olcf);
static ngx_int_t ngx_oof_access_begin(ngx_oof_request_t *o,
    ngx_oof_loc_conf_t *olcf);
static ngx_int_t ngx_oof_access_steps(ngx_oof_request_t *o, ngx_int_t rc);
static ngx_int_t ngx_oof_access_token(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_client(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_headers(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_header(ngx_oof_request_t *o, ngx_uint_t id);
static ngx_int_t ngx_oof_access_accept(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_join(ngx_oof_request_t *o, ngx_str_t *accept);
static ngx_int_t ngx_oof_access_media(ngx_oof_request_t *o);

static ngx_int_t ngx_oof_content_start(ngx_oof_request_t *o);
static void ngx_oof_content_body(ngx_http_request_t *r);
static ngx_int_t ngx_oof_content_collect(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_content_end(ngx_oof_request_t *o, ngx_int_t rc);

static void ngx_oof_request_suspend(ngx_oof_request_t *o);
static void ngx_oof_request_continue(ngx_oof_request_t *o, ngx_int_t rc);
static void ngx_oof_request_deadline(ngx_event_t *ev);
static void ngx_oof_request_unit_done(ngx_oof_pg_unit_t *u);

static ngx_uint_t ngx_oof_log_code(ngx_http_request_t *r);
static void ngx_oof_log_count(ngx_http_request_t *r, ngx_oof_request_t *o);
static ngx_int_t ngx_oof_log_series(ngx_conf_t *cf, ngx_oof_api_t *api,
    ngx_oof_route_t *route);
static ngx_int_t ngx_oof_log_label(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_str_t *labels);

static ngx_int_t ngx_oof_variable_interaction_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_oof_variable_api(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_oof_variable_string(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_oof_variable_db_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#define NGX_OOF_VARIABLE_OPERATION     1
#define NGX_OOF_VARIABLE_CLIENT        2
#define NGX_OOF_VARIABLE_ORGANISATION  3
#define NGX_OOF_VARIABLE_CONSENT       4
#define NGX_OOF_VARIABLE_ERROR         5


/* security comes before function (spec 5.4, 7) */

static ngx_oof_step_t  ngx_oof_access_table[] = {
    { 0, ngx_oof_route_match },
    { NGX_OOF_API_TPP, ngx_oof_cert_check },
    { NGX_OOF_API_TPP|NGX_OOF_API_BANK, ngx_oof_access_token },
    { NGX_OOF_API_TPP, ngx_oof_access_client },
    { NGX_OOF_API_TPP|NGX_OOF_API_PUBLIC, ngx_oof_access_headers },
    { 0, ngx_oof_access_accept },
    { 0, ngx_oof_access_media },
    { 0, NULL }
};


static ngx_oof_header_t  ngx_oof_request_names[] = {
    { NGX_OOF_HEADER_ACCEPT, ngx_string("accept") },
    { NGX_OOF_HEADER_INTERACTION_ID, ngx_string("x-fapi-interaction-id") },
    { NGX_OOF_HEADER_AUTH_DATE, ngx_string("x-fapi-auth-date") },
    { NGX_OOF_HEADER_CUSTOMER_IP, ngx_string("x-fapi-customer-ip-address") },
    { NGX_OOF_HEADER_USER_AGENT, ngx_string("x-customer-user-agent") },
    { NGX_OOF_HEADER_IDEMPOTENCY_KEY, ngx_string("x-idempotency-key") },
    { 0, ngx_null_string }
};


/* the label "code": what is not here is "other", so the series are bounded */

static ngx_uint_t  ngx_oof_log_codes[] = {
    200, 201, 202, 204, 301, 302, 304, 400, 401, 403, 404, 405, 406, 408, 409,
    413, 414, 415, 421, 422, 423, 429, 431, 499, 500, 501, 502, 503, 504, 505,
    529, 0
};

#define NGX_OOF_LOG_CODES                                                     \
    (sizeof(ngx_oof_log_codes) / sizeof(ngx_oof_log_codes[0]))


static ngx_oof_metric_t  ngx_oof_requests_total;
static ngx_oof_metric_t  ngx_oof_requests_seconds;


static ngx_http_variable_t  ngx_oof_request_variables[] = {

    { ngx_string("oof_interaction_id"), NULL,
      ngx_oof_variable_interaction_id, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_api"), NULL,
      ngx_oof_variable_api, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_operation"), NULL,
      ngx_oof_variable_string, NGX_OOF_VARIABLE_OPERATION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_client_id"), NULL,
      ngx_oof_variable_string, NGX_OOF_VARIABLE_CLIENT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_organisation_id"), NULL,
      ngx_oof_variable_string, NGX_OOF_VARIABLE_ORGANISATION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_consent_id"), NULL,
      ngx_oof_variable_string, NGX_OOF_VARIABLE_CONSENT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_error_code"), NULL,
      ngx_oof_variable_string, NGX_OOF_VARIABLE_ERROR,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_db_time"), NULL,
      ngx_oof_variable_db_time, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_oof_request_t *
ngx_oof_request_get(ngx_http_request_t *r)
{
    ngx_oof_request_t   *o;
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    o = ngx_http_get_module_ctx(r, ngx_oof_module);

    if (o) {
        return o;
    }

    /* an internal redirect has cleared the contexts of the modules */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_oof_request_mark) {
            o = cln->data;
            ngx_http_set_ctx(r, o, ngx_oof_module);
            return o;
        }
    }

    return NULL;
}


ngx_oof_request_t *
ngx_oof_request_make(ngx_http_request_t *r)
{
    ngx_oof_request_t   *o;
    ngx_pool_cleanup_t  *cln;

    o = ngx_oof_request_get(r);

    if (o) {
        return o;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_oof_request_t));
    if (cln == NULL) {
        return NULL;
    }

    o = cln->data;

    ngx_memzero(o, sizeof(ngx_oof_request_t));

    o->r = r;

    ngx_oof_request_headers(o);

    if (ngx_oof_request_id(o) != NGX_OK) {
        return NULL;
    }

    cln->handler = ngx_oof_request_mark;

    ngx_http_set_ctx(r, o, ngx_oof_module);

    return o;
}


/* only a mark, by which ngx_oof_request_get() knows the state */

static void
ngx_oof_request_mark(void *data)
{
}


static void
ngx_oof_request_headers(ngx_oof_request_t *o)
{
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h;
    ngx_oof_header_t  *name;

    part = &o->r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (name = ngx_oof_request_names; name->name.len; name++) {

            if (h[i].key.len != name->name.len
                || ngx_memcmp(h[i].lowcase_key, name->name.data,
                              name->name.len)
                   != 0)
            {
                continue;
            }

            if (o->headers[name->id]) {
                o->repeated |= 1 << name->id;

            } else {
                o->headers[name->id] = &h[i];
            }

            break;
        }
    }
}


/*
 * The caller's interaction id goes back as it came, in its case; a missing or
 * malformed one, or two of them, is replaced by an id of our own (spec 0.3).
 */

static ngx_int_t
ngx_oof_request_id(ngx_oof_request_t *o)
{
    u_char            id[NGX_OOF_UUID_LEN];
    ngx_table_elt_t  *h;

    h = o->headers[NGX_OOF_HEADER_INTERACTION_ID];

    if (h
        && !(o->repeated & (1 << NGX_OOF_HEADER_INTERACTION_ID))
        && ngx_oof_uuid_parse(&h->value, NULL) == NGX_OK)
    {
        ngx_memcpy(o->interaction_id, h->value.data, NGX_OOF_UUID_TEXT);
        return NGX_OK;
    }

    o->own_id = 1;

    if (ngx_oof_uuid4(id) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_oof_uuid_format(o->interaction_id, id);

    return NGX_OK;
}


/* whatever ends the request forgets what it waits for */

static ngx_int_t
ngx_oof_request_watch(ngx_oof_request_t *o)
{
    ngx_http_cleanup_t  *cln;

    if (o->watched) {
        return NGX_OK;
    }

    cln = ngx_http_cleanup_add(o->r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_oof_request_gone;
    cln->data = o;

    o->watched = 1;

    o->deadline.handler = ngx_oof_request_deadline;
    o->deadline.data = o;
    o->deadline.log = o->r->connection->log;

    return NGX_OK;
}


static void
ngx_oof_request_gone(void *data)
{
    ngx_oof_request_t *o = data;

    if (o->deadline.timer_set) {
        ngx_del_timer(&o->deadline);
    }

    ngx_oof_request_forget(o);
}


static void
ngx_oof_request_forget(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t   *u;
    void               (*forget)(ngx_oof_request_t *o);

    o->suspended = 0;

    if (o->unit) {
        u = o->unit;
        o->unit = NULL;

        /* a write runs to its end all the same */

        ngx_oof_pg_detach(u);
    }

    if (o->forget) {
        forget = o->forget;
        o->forget = NULL;

        forget(o);
    }
}


ngx_int_t
ngx_oof_access_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->api == NULL) {
        return NGX_DECLINED;
    }

    o = ngx_oof_request_make(r);

    if (o == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (o->suspended) {
        return NGX_AGAIN;
    }

    /* NGX_OK and not NGX_DECLINED: with "satisfy any" it is enough */

    if (ngx_oof_access_decided(o, olcf)) {
        return NGX_OK;
    }

    o->content = 0;

    rc = ngx_oof_access_begin(o, olcf);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_request_suspend(o);
        return NGX_AGAIN;
    }

    /* a refusal is final, whatever "satisfy" says */

    ngx_http_finalize_request(r, ngx_oof_content_end(o, rc));

    return NGX_DONE;
}


/*
 * After an internal redirect the access phase runs again.  What was decided
 * holds for what was asked: the same path and method of the same API.
 */

static ngx_uint_t
ngx_oof_access_decided(ngx_oof_request_t *o, ngx_oof_loc_conf_t *olcf)
{
    ngx_http_request_t  *r;

    r = o->r;

    return o->admitted
           && o->api == olcf->api
           && o->route->method == r->method
           && o->uri.len == r->uri.len
           && ngx_memcmp(o->uri.data, r->uri.data, r->uri.len) == 0;
}


static ngx_int_t
ngx_oof_access_begin(ngx_oof_request_t *o, ngx_oof_loc_conf_t *olcf)
{
    if (ngx_oof_request_watch(o) != NGX_OK) {
        return NGX_ERROR;
    }

    o->api = olcf->api;
    o->uri = o->r->uri;
    o->admitted = 0;
    o->step = 0;
    o->expires = ngx_current_msec + olcf->deadline;

    return ngx_oof_access_steps(o, NGX_DECLINED);
}


/* "rc" is what the last step has come to */

static ngx_int_t
ngx_oof_access_steps(ngx_oof_request_t *o, ngx_int_t rc)
{
    ngx_oof_step_t  *step;

    while (rc == NGX_DECLINED) {

        step = &ngx_oof_access_table[o->step];

        if (step->handler == NULL) {
            o->admitted = 1;
            break;
        }

        o->step++;

        if (step->apis == 0 || (step->apis & o->api->flags)) {
            rc = step->handler(o);
        }
    }

    return rc;
}


static ngx_int_t
ngx_oof_access_token(ngx_oof_request_t *o)
{
    if (o->route->grant == NGX_OOF_GRANT_NONE) {
        return NGX_DECLINED;
    }

    return ngx_oof_token_check(o);
}


static ngx_int_t
ngx_oof_access_client(ngx_oof_request_t *o)
{
    if (o->route->grant == NGX_OOF_GRANT_NONE) {
        return NGX_DECLINED;
    }

    return ngx_oof_client_check(o);
}


/* the request headers of spec 0.3, optional ones where they are sent */

static ngx_int_t
ngx_oof_access_headers(ngx_oof_request_t *o)
{
    ngx_uint_t  id;

    if (o->own_id) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Cabeçalho inválido",
                             "O cabeçalho x-fapi-interaction-id deve "
                             "conter um UUID.");
    }

    for (id = NGX_OOF_HEADER_AUTH_DATE;
         id <= NGX_OOF_HEADER_USER_AGENT;
         id++)
    {
        if (o->headers[id] == NULL || ngx_oof_access_header(o, id) == NGX_OK) {
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                      "client sent invalid header \"%V\"",
                      &o->headers[id]->key);

        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Cabeçalho inválido",
                             "O valor de um cabeçalho da requisição é "
                             "inválido.");
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_access_header(ngx_oof_request_t *o, ngx_uint_t id)
{
    size_t      max;
    ngx_str_t  *value;

    if (o->repeated & (1 << id)) {
        return NGX_DECLINED;
    }

    value = &o->headers[id]->value;

    if (id == NGX_OOF_HEADER_AUTH_DATE) {
        return ngx_oof_media_date(value);
    }

    max = (id == NGX_OOF_HEADER_CUSTOMER_IP) ? 100 : 255;

    if (value->len == 0 || value->len > max) {
        return NGX_DECLINED;
    }

    if (id == NGX_OOF_HEADER_USER_AGENT
        && (ngx_oof_is_space(value->data[0])
            || ngx_oof_is_space(value->data[value->len - 1])))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_access_accept(ngx_oof_request_t *o)
{
    ngx_str_t         accept;
    ngx_table_elt_t  *h;

    h = o->headers[NGX_OOF_HEADER_ACCEPT];

    if (h == NULL) {
        return NGX_DECLINED;
    }

    accept = h->value;

    if (o->repeated & (1 << NGX_OOF_HEADER_ACCEPT)) {
        if (ngx_oof_access_join(o, &accept) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* errors are JSON in every API */

    if (ngx_oof_media_accepted(&accept, "json")) {
        return NGX_DECLINED;
    }

    if ((o->api->flags & NGX_OOF_API_JWT)
        && ngx_oof_media_accepted(&accept, "jwt"))
    {
        return NGX_DECLINED;
    }

    return ngx_oof_error_status(o, NGX_OOF_HTTP_NOT_ACCEPTABLE);
}


/* several headers are one list (RFC 9110, 5.3) */

static ngx_int_t
ngx_oof_access_join(ngx_oof_request_t *o, ngx_str_t *accept)
{
    u_char           *p;
    ngx_uint_t        i, pass;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    p = NULL;
    accept->len = 0;

    for (pass = 0; pass < 2; pass++) {

        if (pass) {
            p = ngx_pnalloc(o->r->pool, accept->len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            accept->data = p;
        }

        for (part = &o->r->headers_in.headers.part; part; part = part->next) {
            h = part->elts;

            for (i = 0; i < part->nelts; i++) {

                if (h[i].key.len != 6
                    || ngx_memcmp(h[i].lowcase_key, "accept", 6) != 0)
                {
                    continue;
                }

                if (pass == 0) {
                    accept->len += h[i].value.len + 1;
                    continue;
                }

                p = ngx_cpymem(p, h[i].value.data, h[i].value.len);
                *p++ = ',';
            }
        }
    }

    accept->len--;

    return NGX_OK;
}


/* a Content-Type that comes without a body to read is ignored (spec 0.3) */

static ngx_int_t
ngx_oof_access_media(ngx_oof_request_t *o)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

    if (o->route->media == NGX_OOF_MEDIA_NONE) {
        return NGX_DECLINED;
    }

    h = o->r->headers_in.content_type;

    if (h == NULL) {
        return ngx_oof_error_status(o, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    rc = ngx_oof_media_check(&h->value,
                             o->route->media == NGX_OOF_MEDIA_JWT ? "jwt"
                                                                  : "json");

    return rc == NGX_OK ? NGX_DECLINED : ngx_oof_error_status(o, rc);
}


ngx_int_t
ngx_oof_content_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    if (r != r->main) {

        /* the access phase does not run for it, so nothing has been judged */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"oof_api\" does not serve subrequests");
        return NGX_HTTP_NOT_FOUND;
    }

    o = ngx_oof_request_make(r);

    if (o == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    o->content = 1;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (ngx_oof_access_decided(o, olcf)) {
        return ngx_oof_content_start(o);
    }

    /* "satisfy any" and another module have kept our access handler out */

    rc = ngx_oof_access_begin(o, olcf);

    if (rc == NGX_AGAIN) {
        r->main->count++;
        ngx_oof_request_suspend(o);
        return NGX_DONE;
    }

    if (rc == NGX_DECLINED) {
        return ngx_oof_content_start(o);
    }

    return ngx_oof_content_end(o, rc);
}


/* returns as a content handler does */

static ngx_int_t
ngx_oof_content_start(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;
    ngx_oof_loc_conf_t  *olcf;

    r = o->r;

    if (o->route->media == NGX_OOF_MEDIA_NONE) {

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        rc = o->route->handler(o);

        if (rc == NGX_AGAIN) {
            r->main->count++;
            ngx_oof_request_suspend(o);
            return NGX_DONE;
        }

        return ngx_oof_content_end(o, rc);
    }

    o->reading = 1;
    o->began = ngx_current_msec;

    rc = ngx_http_read_client_request_body(r, ngx_oof_content_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        o->reading = 0;
        return rc;
    }

    if (o->reading) {

        /* the caller's time, not ours: it is measured apart */

        olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

        ngx_add_timer(&o->deadline, olcf->deadline);
    }

    return NGX_DONE;
}


static void
ngx_oof_content_body(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_get(r);

    o->reading = 0;
    o->expires += ngx_current_msec - o->began;

    if (o->deadline.timer_set) {
        ngx_del_timer(&o->deadline);
    }

    rc = ngx_oof_content_collect(o);

    if (rc == NGX_DECLINED) {
        rc = o->route->handler(o);
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_request_suspend(o);
        return;
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_finalize_request(r, ngx_oof_content_end(o, rc));
}


/*
 * The body is in o->body by way of the filter, unless another module has read
 * it before.  NGX_DECLINED to go on.
 */

static ngx_int_t
ngx_oof_content_collect(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = o->r;

    for (cl = r->request_body ? r->request_body->bufs : NULL;
         cl;
         cl = cl->next)
    {
        b = cl->buf;

        if (b->in_file) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "another module has read the request body into "
                          "a file");
            return NGX_ERROR;
        }

        rc = ngx_oof_request_append(o, b->pos, b->last - b->pos);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (o->body.len == 0) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Corpo da requisição ausente",
                             "A requisição deve conter um corpo.");
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_request_append(ngx_oof_request_t *o, u_char *data, size_t len)
{
    u_char              *p;
    size_t               room, need;
    ngx_http_request_t  *r;
    ngx_oof_loc_conf_t  *olcf;

    if (len == 0) {
        return NGX_OK;
    }

    need = o->body.len + len;

    if (need > o->room) {

        r = o->r;
        olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

        if (need > olcf->body_size) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }

        if (!r->headers_in.chunked
            && r->headers_in.content_length_n >= (off_t) need)
        {
            room = (size_t) r->headers_in.content_length_n;

        } else {
            room = ngx_max(ngx_max(2 * o->room, need), NGX_OOF_BODY_ROOM);
        }

        p = ngx_palloc(r->pool, room);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (o->room) {
            ngx_memcpy(p, o->body.data, o->body.len);
            (void) ngx_pfree(r->pool, o->body.data);
        }

        o->body.data = p;
        o->room = room;
    }

    ngx_memcpy(o->body.data + o->body.len, data, len);
    o->body.len = need;

    return NGX_OK;
}


/* sends what is prepared, or a 500 */

static ngx_int_t
ngx_oof_content_end(ngx_oof_request_t *o, ngx_int_t rc)
{
    if (rc == NGX_OK && o->status == 0) {
        ngx_log_error(NGX_LOG_ALERT, o->r->connection->log, 0,
                      "no answer has been prepared");
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        (void) ngx_oof_error_status(o, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    return ngx_oof_send(o);
}


/*
 * From here on something is awaited.  The timer is not cancelable, so a worker
 * that quits waits for the answer.  A caller who goes away is noticed as long
 * as nothing has been written for him.
 */

static void
ngx_oof_request_suspend(ngx_oof_request_t *o)
{
    ngx_event_t         *rev;
    ngx_msec_int_t       timer;
    ngx_http_request_t  *r;

    r = o->r;

    o->suspended = 1;

    if (!o->deadline.timer_set) {
        timer = (ngx_msec_int_t) (o->expires - ngx_current_msec);
        ngx_add_timer(&o->deadline, timer > 0 ? (ngx_msec_t) timer : 1);
    }

    if (r->discard_body || (o->admitted && r->method != NGX_HTTP_GET)) {
        return;
    }

    r->read_event_handler = ngx_http_test_reading;

    rev = r->connection->read;

    if (!rev->ready) {
        (void) ngx_handle_read_event(rev, 0);

    } else if (rev->pending_eof) {

        /* he has gone already, and no other event will come */

        ngx_post_event(rev, &ngx_posted_events);
    }
}


void
ngx_oof_request_resume(ngx_oof_request_t *o, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (rc == NGX_AGAIN) {
        return;
    }

    r = o->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    o->suspended = 0;
    o->forget = NULL;

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_block_reading;
    }

    ngx_oof_request_continue(o, rc);

    ngx_http_run_posted_requests(c);
}


static void
ngx_oof_request_continue(ngx_oof_request_t *o, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = o->r;

    if (!o->admitted) {

        rc = ngx_oof_access_steps(o, rc);

        if (rc == NGX_AGAIN) {
            ngx_oof_request_suspend(o);
            return;
        }

        if (rc == NGX_DECLINED) {

            if (o->content) {
                ngx_http_finalize_request(r, ngx_oof_content_start(o));
                return;
            }

            /* the access handler is called again and finds it decided */

            r->write_event_handler = ngx_http_core_run_phases;
            ngx_http_core_run_phases(r);

            return;
        }
    }

    ngx_http_finalize_request(r, ngx_oof_content_end(o, rc));
}


static void
ngx_oof_request_deadline(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_oof_request_t   *o;
    ngx_http_request_t  *r;

    o = ev->data;
    r = o->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_oof_request_forget(o);

    if (o->reading) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out while sending the request body");

        o->reading = 0;
        c->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        ngx_http_run_posted_requests(c);

        return;
    }

    ngx_log_error(NGX_LOG_ERR, c->log, 0, "request deadline has passed");

    /* a step that is awaited no longer decides: the request ends here */

    (void) ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);

    ngx_oof_request_resume(o, NGX_OK);
}


ngx_int_t
ngx_oof_request_unit(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u))
{
    u->deadline = o->expires;
    u->handler = ngx_oof_request_unit_done;
    u->data = o;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    o->unit = u;
    o->result = result;

    return NGX_AGAIN;
}


static void
ngx_oof_request_unit_done(ngx_oof_pg_unit_t *u)
{
    ngx_int_t           rc;
    ngx_oof_request_t  *o;

    o = u->data;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    o->unit = NULL;
    o->db_time += ngx_current_msec - u->queued;

    if (u->rc == NGX_OOF_PG_OK) {
        rc = o->result(o, u);

    } else {
        rc = ngx_oof_error_unit(o, u->rc);
    }

    ngx_oof_request_resume(o, rc);
}


ngx_int_t
ngx_oof_request_json(ngx_oof_request_t *o)
{
    ngx_int_t    rc;
    const char  *why;

    rc = ngx_oof_json_parse(o->r->pool, &o->body, &o->json, &why);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client sent an invalid JSON body: %s", why);

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                         "Corpo da requisição inválido",
                         "O corpo da requisição não é um objeto JSON "
                         "válido.");

    return NGX_DECLINED;
}


ngx_table_elt_t *
ngx_oof_request_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_log_handler(ngx_http_request_t *r)
{
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    if (r != r->main) {
        return NGX_OK;
    }

    o = ngx_oof_request_get(r);

    if (o && o->counted) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->errors == NGX_OOF_ERRORS_JSON || (o && o->api)) {
        ngx_oof_log_count(r, o);
    }

    if (o) {
        o->counted = 1;
    }

    return NGX_OK;
}


static void
ngx_oof_log_count(ngx_http_request_t *r, ngx_oof_request_t *o)
{
    ngx_time_t      *tp;
    ngx_uint_t       series;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    series = (o && o->route) ? o->route->series : 0;

    ngx_oof_metric_inc(&ngx_oof_requests_total,
                       series * NGX_OOF_LOG_CODES + ngx_oof_log_code(r), 1);

    ngx_oof_metric_observe(&ngx_oof_requests_seconds, series,
                           (uint64_t) ngx_max(ms, 0) * 1000);
}


/* the status as $status has it, as an index */

static ngx_uint_t
ngx_oof_log_code(ngx_http_request_t *r)
{
    ngx_uint_t  i, status;

    status = r->err_status ? r->err_status : r->headers_out.status;

    for (i = 0; i < NGX_OOF_LOG_CODES - 1; i++) {
        if (ngx_oof_log_codes[i] == status) {
            break;
        }
    }

    return i;
}


ngx_int_t
ngx_oof_request_init(ngx_conf_t *cf)
{
    ngx_uint_t             i, series;
    ngx_oof_api_t        **apis;
    ngx_oof_route_t       *route;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    /* the first series are those of requests that match no route */

    if (ngx_oof_log_series(cf, NULL, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    series = 1;

    apis = omcf->apis.elts;

    for (i = 0; i < omcf->apis.nelts; i++) {
        for (route = apis[i]->routes; route->path.len; route++) {

            if (ngx_oof_log_series(cf, apis[i], route) != NGX_OK) {
                return NGX_ERROR;
            }

            route->series = series++;
        }
    }

    return NGX_OK;
}


/* a histogram, and a counter for each code, of one operation */

static ngx_int_t
ngx_oof_log_series(ngx_conf_t *cf, ngx_oof_api_t *api, ngx_oof_route_t *route)
{
    u_char      *p, *last, buf[256];
    ngx_str_t    labels;
    ngx_uint_t   i;

    labels.data = buf;
    last = buf + sizeof(buf);

    if (api) {
        p = ngx_slprintf(buf, last, "api=\"%V/%V\",operation=\"%V\"",
                         &api->name, &api->major, &route->operation);

    } else {
        p = ngx_slprintf(buf, last, "api=\"-\",operation=\"-\"");
    }

    labels.len = p - buf;

    if (ngx_oof_log_label(cf, &ngx_oof_requests_seconds, &labels) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_OOF_LOG_CODES; i++) {

        if (ngx_oof_log_codes[i]) {
            labels.len = ngx_slprintf(p, last, ",code=\"%ui\"",
                                      ngx_oof_log_codes[i])
                         - buf;

        } else {
            labels.len = ngx_slprintf(p, last, ",code=\"other\"") - buf;
        }

        if (ngx_oof_log_label(cf, &ngx_oof_requests_total, &labels)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the metrics keep the string */

static ngx_int_t
ngx_oof_log_label(ngx_conf_t *cf, ngx_oof_metric_t *metric, ngx_str_t *labels)
{
    ngx_str_t  s;

    s.len = labels->len;
    s.data = ngx_pstrdup(cf->pool, labels);

    if (s.data == NULL || ngx_oof_metric_series(cf, metric, &s) < 0) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_request_preconf(ngx_conf_t *cf)
{
    ngx_http_variable_t  *v, *var;

    for (v = ngx_oof_request_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    if (ngx_oof_metric_add(cf, &ngx_oof_requests_total,
                           "oof_http_requests_total",
                           "Requests by operation and status code.",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_metric_add(cf, &ngx_oof_requests_seconds,
                              "oof_http_request_duration_seconds",
                              "Time from the first byte of a request to the "
                              "last of its answer.",
                              NGX_OOF_METRIC_HISTOGRAM);
}


/* always a value, so that a log line always has the same members */

static ngx_int_t
ngx_oof_variable_interaction_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_oof_request_t  *o;

    o = ngx_oof_request_make(r);

    if (o == NULL) {
        return NGX_ERROR;
    }

    v->data = o->interaction_id;
    v->len = NGX_OOF_UUID_TEXT;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_variable_api(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char             *p;
    size_t              len;
    ngx_oof_request_t  *o;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    o = ngx_oof_request_get(r);

    if (o == NULL || o->api == NULL) {
        v->data = (u_char *) "-";
        v->len = 1;
        return NGX_OK;
    }

    len = o->api->name.len + 1 + o->api->major.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->len = ngx_sprintf(p, "%V/%V", &o->api->name, &o->api->major) - p;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_variable_string(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t          *s;
    ngx_oof_request_t  *o;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    s = NULL;

    o = ngx_oof_request_get(r);

    if (o) {
        switch (data) {

        case NGX_OOF_VARIABLE_OPERATION:
            s = o->route ? &o->route->operation : NULL;
            break;

        case NGX_OOF_VARIABLE_CLIENT:
            s = o->token ? &o->token->client_id : NULL;
            break;

        case NGX_OOF_VARIABLE_ORGANISATION:
            s = o->cert ? &o->cert->organisation_id : NULL;
            break;

        case NGX_OOF_VARIABLE_CONSENT:
            s = &o->consent_id;
            break;

        case NGX_OOF_VARIABLE_ERROR:
            s = &o->error_code;
            break;
        }
    }

    if (s == NULL || s->len == 0) {
        v->data = (u_char *) "-";
        v->len = 1;

    } else {
        v->data = s->data;
        v->len = s->len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_variable_db_time(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char             *p;
    ngx_msec_t          ms;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_get(r);
    ms = o ? o->db_time : 0;

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->len = ngx_sprintf(p, "%T.%03M", (time_t) ms / 1000, ms % 1000) - p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
