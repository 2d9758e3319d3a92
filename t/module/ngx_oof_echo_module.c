
/*
 * Copyright (C) oof authors
 */


/*
 * A module of the tests: two APIs that ask nobody for anything, so that the
 * way of a request can be looked at by itself; the answers of "echo v2" may be
 * signed.  With "satisfy any", a request with the header "x-echo-access" is let
 * in by this module, before anybody else is asked.
 */


#include <ngx_oof.h>


static ngx_int_t ngx_oof_echo_item(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_create(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_document(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_delete(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_status(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_empty(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_broken(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_slow(ngx_oof_request_t *o);
static void ngx_oof_echo_wake(ngx_event_t *ev);
static void ngx_oof_echo_forget(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_big(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_number(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_echo_access(ngx_http_request_t *r);
static ngx_int_t ngx_oof_echo_preconf(ngx_conf_t *cf);
static ngx_int_t ngx_oof_echo_init(ngx_conf_t *cf);


#define NGX_OOF_ECHO(method, path, operation, media, handler)                 \
    { method, ngx_string(path), ngx_string(operation),                        \
      NGX_OOF_GRANT_NONE, ngx_null_string, media, handler, 0 }


static ngx_oof_route_t  ngx_oof_echo_routes[] = {

    NGX_OOF_ECHO(NGX_HTTP_GET, "/items/{itemId}", "echo_item",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_item),

    NGX_OOF_ECHO(NGX_HTTP_DELETE, "/items/{itemId}", "echo_delete",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_delete),

    NGX_OOF_ECHO(NGX_HTTP_GET, "/items/{itemId}/parts/{partId}", "echo_part",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_item),

    NGX_OOF_ECHO(NGX_HTTP_POST, "/items", "echo_create",
                 NGX_OOF_MEDIA_JSON, ngx_oof_echo_create),

    NGX_OOF_ECHO(NGX_HTTP_POST, "/signed", "echo_signed",
                 NGX_OOF_MEDIA_JWT, ngx_oof_echo_create),

    NGX_OOF_ECHO(NGX_HTTP_POST, "/documents", "echo_document",
                 NGX_OOF_MEDIA_JSON, ngx_oof_echo_document),

    NGX_OOF_ECHO(NGX_HTTP_GET, "/status/{code}", "echo_status",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_status),

    NGX_OOF_ECHO(NGX_HTTP_GET, "/empty/{code}", "echo_empty",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_empty),

    NGX_OOF_ECHO(NGX_HTTP_GET, "/broken/{how}", "echo_broken",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_broken),

    NGX_OOF_ECHO(NGX_HTTP_GET, "/slow/{ms}", "echo_slow",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_slow),

    NGX_OOF_ECHO(NGX_HTTP_POST, "/slow/{ms}", "echo_slow_create",
                 NGX_OOF_MEDIA_JSON, ngx_oof_echo_slow),

    NGX_OOF_ECHO(NGX_HTTP_GET, "/big/{bytes}", "echo_big",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_big),

    ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_echo_v1 = {
    ngx_string("echo"),
    ngx_string("v1"),
    ngx_string("1.2.3"),
    ngx_string("/echo/v1"),
    NGX_OOF_API_PUBLIC,
    65536,
    ngx_oof_echo_routes
};


static ngx_oof_route_t  ngx_oof_echo_v2_routes[] = {

    NGX_OOF_ECHO(NGX_HTTP_GET, "/items/{itemId}", "echo_item",
                 NGX_OOF_MEDIA_NONE, ngx_oof_echo_item),

    ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_echo_v2 = {
    ngx_string("echo"),
    ngx_string("v2"),
    ngx_string("2.0.0"),
    ngx_string("/echo/v2"),
    NGX_OOF_API_PUBLIC|NGX_OOF_API_JWT,
    65536,
    ngx_oof_echo_v2_routes
};


static ngx_http_module_t  ngx_oof_echo_module_ctx = {
    ngx_oof_echo_preconf,                  /* preconfiguration */
    ngx_oof_echo_init,                     /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_oof_echo_module = {
    NGX_MODULE_V1,
    &ngx_oof_echo_module_ctx,              /* module context */
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


static ngx_int_t
ngx_oof_echo_item(ngx_oof_request_t *o)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    o->consent_id = o->params[0];

    if (ngx_oof_json_init(&w, o->r->pool, 64) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "itemId", &o->params[0]);

    if (o->params[1].len) {
        ngx_oof_json_member(&w, "partId", &o->params[1]);
    }

    ngx_oof_json_end(&w, '}');
    ngx_oof_body_end(o, &w, &o->r->uri);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_echo_create(ngx_oof_request_t *o)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 64) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "length");
    ngx_oof_json_int(&w, o->body.len);
    ngx_oof_json_member(&w, "body", &o->body);
    ngx_oof_json_end(&w, '}');
    ngx_oof_body_end(o, &w, &o->r->uri);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_CREATED, &body);
}


static ngx_int_t
ngx_oof_echo_document(ngx_oof_request_t *o)
{
    ngx_int_t  rc;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_echo_create(o);
}


static ngx_int_t
ngx_oof_echo_delete(ngx_oof_request_t *o)
{
    return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);
}


static ngx_int_t
ngx_oof_echo_status(ngx_oof_request_t *o)
{
    return ngx_oof_error_status(o, ngx_oof_echo_number(o));
}


static ngx_int_t
ngx_oof_echo_empty(ngx_oof_request_t *o)
{
    return ngx_oof_answer(o, ngx_oof_echo_number(o), NULL);
}


static ngx_int_t
ngx_oof_echo_broken(ngx_oof_request_t *o)
{
    return o->params[0].data[0] == 'e' ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_oof_echo_slow(ngx_oof_request_t *o)
{
    ngx_event_t  *ev;

    ev = ngx_pcalloc(o->r->pool, sizeof(ngx_event_t));
    if (ev == NULL) {
        return NGX_ERROR;
    }

    ev->handler = ngx_oof_echo_wake;
    ev->data = o;
    ev->log = o->r->connection->log;

    ngx_add_timer(ev, ngx_oof_echo_number(o));

    o->waiting = ev;
    o->forget = ngx_oof_echo_forget;

    return NGX_AGAIN;
}


static void
ngx_oof_echo_wake(ngx_event_t *ev)
{
    ngx_int_t           rc;
    ngx_oof_request_t  *o;

    o = ev->data;

    rc = o->body.len ? ngx_oof_echo_create(o) : ngx_oof_echo_item(o);

    ngx_oof_request_resume(o, rc);
}


static void
ngx_oof_echo_forget(ngx_oof_request_t *o)
{
    ngx_event_t  *ev;

    ev = o->waiting;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_log_error(NGX_LOG_NOTICE, o->r->connection->log, 0, "echo forgotten");
}


static ngx_int_t
ngx_oof_echo_big(ngx_oof_request_t *o)
{
    ngx_str_t  body;

    body.len = ngx_oof_echo_number(o) + 2;
    body.data = ngx_pnalloc(o->r->pool, body.len);

    if (body.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memset(body.data, 'x', body.len);
    body.data[0] = '"';
    body.data[body.len - 1] = '"';

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_echo_number(ngx_oof_request_t *o)
{
    ngx_int_t  n;

    n = ngx_atoi(o->params[0].data, o->params[0].len);

    return n == NGX_ERROR ? 500 : n;
}


static ngx_int_t
ngx_oof_echo_access(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_oof_request_header(r, "x-echo-access",
                               sizeof("x-echo-access") - 1);

    return h ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_echo_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_api_register(cf, &ngx_oof_echo_v1) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_api_register(cf, &ngx_oof_echo_v2);
}


/* a module that is loaded is the last to add its handler, and is asked first */

static ngx_int_t
ngx_oof_echo_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_oof_echo_access;

    return NGX_OK;
}
