
/*
 * Copyright (C) oof authors
 */


/*
 * A module of the tests: an API that asks nobody for anything and is limited.
 * Whose call it is say the headers "x-organisation" and "x-customer".
 */


#include <ngx_oof.h>


static ngx_int_t ngx_oof_limited_minute(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_limited_month(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_limited_caller(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_limited_answer(ngx_oof_request_t *o,
    ngx_uint_t status);
static ngx_int_t ngx_oof_limited_preconf(ngx_conf_t *cf);


#define NGX_OOF_LIMITED(path, operation, handler)                             \
    { NGX_HTTP_GET, ngx_string(path), ngx_string(operation),                  \
      NGX_OOF_GRANT_NONE, ngx_null_string, NGX_OOF_MEDIA_NONE, handler, 0 }


static ngx_oof_route_t  ngx_oof_limited_routes[] = {

    NGX_OOF_LIMITED("/minute/{class}", "limited_minute",
                    ngx_oof_limited_minute),

    NGX_OOF_LIMITED("/other/{class}", "limited_other",
                    ngx_oof_limited_minute),

    NGX_OOF_LIMITED("/month/{minimum}/{resourceId}/{status}", "limited_month",
                    ngx_oof_limited_month),

    NGX_OOF_LIMITED("/months/{minimum}/{resourceId}/{status}",
                    "limited_months", ngx_oof_limited_month),

    ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_limited_v1 = {
    ngx_string("limited"),
    ngx_string("v1"),
    ngx_string("1.2.3"),
    ngx_string("/limited/v1"),
    NGX_OOF_API_PUBLIC,
    65536,
    ngx_oof_limited_routes
};


static ngx_http_module_t  ngx_oof_limited_module_ctx = {
    ngx_oof_limited_preconf,               /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_oof_limited_module = {
    NGX_MODULE_V1,
    &ngx_oof_limited_module_ctx,           /* module context */
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


/* "/minute/4": of class high */

static ngx_int_t
ngx_oof_limited_minute(ngx_oof_request_t *o)
{
    ngx_int_t  rc;

    if (ngx_oof_limited_caller(o) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_limit_minute(o, &o->route->operation,
                              ngx_atoi(o->params[0].data, o->params[0].len));

    return rc == NGX_DECLINED ? ngx_oof_limited_answer(o, 200) : rc;
}


/* "/month/8/UUID/200", and "?key" for a page of a call that was counted */

static ngx_int_t
ngx_oof_limited_month(ngx_oof_request_t *o)
{
    u_char                 customer[NGX_OOF_LOOKUP_LEN];
    u_char                 resource[NGX_OOF_UUID_LEN];
    ngx_int_t              rc;
    ngx_table_elt_t       *h;
    ngx_oof_limit_call_t   call;

    if (ngx_oof_limited_caller(o) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&call, sizeof(ngx_oof_limit_call_t));
    ngx_memzero(customer, NGX_OOF_LOOKUP_LEN);
    ngx_memzero(resource, NGX_OOF_UUID_LEN);

    h = ngx_oof_request_header(o->r, "x-customer", sizeof("x-customer") - 1);

    if (h) {
        ngx_memcpy(customer, h->value.data,
                   ngx_min(h->value.len, NGX_OOF_LOOKUP_LEN));
    }

    call.endpoint = o->route->operation;
    call.minimum = ngx_atoi(o->params[0].data, o->params[0].len);
    call.customer = customer;
    call.free = (o->r->args.len == 3);

    call.resource = resource;

    if (ngx_oof_uuid_parse(&o->params[1], resource) != NGX_OK) {
        call.object = o->params[1];
    }

    rc = ngx_oof_limit_month(o, &call);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_oof_limited_answer(o, ngx_atoi(o->params[2].data,
                                              o->params[2].len));
}


static ngx_int_t
ngx_oof_limited_caller(ngx_oof_request_t *o)
{
    ngx_table_elt_t  *h;

    h = ngx_oof_request_header(o->r, "x-organisation",
                               sizeof("x-organisation") - 1);

    o->cert = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_cert_t));

    if (o->cert == NULL || h == NULL) {
        return NGX_ERROR;
    }

    o->cert->organisation_id = h->value;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_limited_answer(ngx_oof_request_t *o, ngx_uint_t status)
{
    ngx_str_t  body = ngx_string("{\"data\":{}}");

    if (status >= NGX_HTTP_BAD_REQUEST) {
        return ngx_oof_error_status(o, status);
    }

    return ngx_oof_answer(o, status, &body);
}


static ngx_int_t
ngx_oof_limited_preconf(ngx_conf_t *cf)
{
    return ngx_oof_api_register(cf, &ngx_oof_limited_v1);
}
