
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


static ngx_uint_t ngx_oof_route_closed(ngx_http_request_t *r);
static ngx_int_t ngx_oof_route_any(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_route_path(ngx_str_t *pattern, u_char *p,
    u_char *last, ngx_str_t *params);
static char *ngx_oof_api_unknown(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *major);


ngx_int_t
ngx_oof_api_register(ngx_conf_t *cf, ngx_oof_api_t *api)
{
    ngx_oof_api_t        **p;
    ngx_oof_main_conf_t   *omcf;

    if (ngx_oof_api_find(cf, &api->name, &api->major)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the API \"%V %V\" is there twice",
                           &api->name, &api->major);
        return NGX_ERROR;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    p = ngx_array_push(&omcf->apis);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = api;

    return NGX_OK;
}


ngx_oof_api_t *
ngx_oof_api_find(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *major)
{
    ngx_uint_t             i;
    ngx_oof_api_t        **apis;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    apis = omcf->apis.elts;

    for (i = 0; i < omcf->apis.nelts; i++) {

        if (apis[i]->name.len == name->len
            && apis[i]->major.len == major->len
            && ngx_memcmp(apis[i]->name.data, name->data, name->len) == 0
            && ngx_memcmp(apis[i]->major.data, major->data, major->len) == 0)
        {
            return apis[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_route_match(ngx_oof_request_t *o)
{
    u_char              *p, *last;
    ngx_str_t           *base;
    ngx_uint_t           allow;
    ngx_oof_route_t     *route;
    ngx_http_request_t  *r;

    r = o->r;
    base = &o->api->base;

    o->route = NULL;

    if (o->api->flags & NGX_OOF_API_BANK) {
        r->log_handler = ngx_oof_log_error_handler;
    }

    if (ngx_oof_route_closed(r)) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    if (o->api->flags & NGX_OOF_API_ANY) {
        return ngx_oof_route_any(o);
    }

    if (r->uri.len <= base->len
        || ngx_memcmp(r->uri.data, base->data, base->len) != 0)
    {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    p = r->uri.data + base->len;
    last = r->uri.data + r->uri.len;

    allow = 0;

    for (route = o->api->routes; route->path.len; route++) {

        if (ngx_oof_route_path(&route->path, p, last, o->params) != NGX_OK) {
            continue;
        }

        if (route->method == r->method) {
            o->route = route;
            return NGX_DECLINED;
        }

        allow |= route->method;
    }

    if (allow) {
        o->allow = allow;
        return ngx_oof_error_status(o, NGX_HTTP_NOT_ALLOWED);
    }

    return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
}


/* "oof_api_closed_from": from the first instant of that day in Brasilia on */

static ngx_uint_t
ngx_oof_route_closed(ngx_http_request_t *r)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    return olcf->closed_from.year
           && ngx_oof_clock_rule()
              >= ngx_oof_clock_brasilia_start(&olcf->closed_from);
}


static ngx_int_t
ngx_oof_route_any(ngx_oof_request_t *o)
{
    ngx_oof_route_t  *route;

    route = o->api->routes;

    if (route->method != o->r->method) {
        o->allow = route->method;
        return ngx_oof_error_status(o, NGX_HTTP_NOT_ALLOWED);
    }

    o->route = route;

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_route_next(ngx_oof_request_t *o)
{
    ngx_oof_route_t  *route;

    for (route = o->route + 1; route->path.len; route++) {

        if (route->method == o->route->method
            && route->path.len == o->route->path.len
            && ngx_memcmp(route->path.data, o->route->path.data,
                          route->path.len)
               == 0)
        {
            o->route = route;
            return route->handler(o);
        }
    }

    return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
}


/*
 * A "{name}" takes one segment, which is not empty; nginx has decoded the path
 * and merged its slashes.
 */

static ngx_int_t
ngx_oof_route_path(ngx_str_t *pattern, u_char *p, u_char *last,
    ngx_str_t *params)
{
    u_char      *q, *end, *start;
    ngx_uint_t   n;

    n = 0;

    q = pattern->data;
    end = q + pattern->len;

    while (q < end) {

        if (*q != '{') {

            if (p == last || *p++ != *q++) {
                return NGX_DECLINED;
            }

            continue;
        }

        while (*q++ != '}') { /* void */ }

        start = p;

        while (p < last && *p != '/') {
            p++;
        }

        if (p == start) {
            return NGX_DECLINED;
        }

        if (n < NGX_OOF_MAX_PARAMS) {
            params[n].data = start;
            params[n++].len = p - start;
        }
    }

    return p == last ? NGX_OK : NGX_DECLINED;
}


char *
ngx_oof_api_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t      *value;
    ngx_oof_api_t  *api;

    if (olcf->api) {
        return "is duplicate";
    }

    value = cf->args->elts;

    api = ngx_oof_api_find(cf, &value[1], &value[2]);

    if (api == NULL) {
        return ngx_oof_api_unknown(cf, &value[1], &value[2]);
    }

    return (ngx_oof_api_set(cf, api) == NGX_OK) ? NGX_CONF_OK
                                                : NGX_CONF_ERROR;
}


ngx_int_t
ngx_oof_api_set(ngx_conf_t *cf, ngx_oof_api_t *api)
{
    ngx_uint_t                  i;
    ngx_oof_used_t            **used;
    ngx_oof_loc_conf_t         *olcf, *server;
    ngx_oof_main_conf_t        *omcf;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_loc_conf_t   *clcf;

    olcf = ngx_http_conf_get_module_loc_conf(cf, ngx_oof_module);
    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    olcf->api = api;

    if (api->flags & NGX_OOF_API_BANK) {
        cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
        server = cscf->ctx->loc_conf[ngx_oof_module.ctx_index];

        server->bank = 1;
    }

    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {
        if (used[i]->api == api) {
            break;
        }
    }

    if (i == omcf->used.nelts) {
        used = ngx_array_push(&omcf->used);
        if (used == NULL) {
            return NGX_ERROR;
        }

        *used = ngx_pcalloc(cf->pool, sizeof(ngx_oof_used_t));
        if (*used == NULL) {
            return NGX_ERROR;
        }

        (*used)->api = api;
    }

    if (!(api->flags & NGX_OOF_API_GATE)) {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
        clcf->handler = ngx_oof_content_handler;
    }

    return NGX_OK;
}


static char *
ngx_oof_api_unknown(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *major)
{
    u_char                *p, *last, known[NGX_MAX_CONF_ERRSTR / 2];
    ngx_uint_t             i;
    ngx_oof_api_t        **apis;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    apis = omcf->apis.elts;

    p = known;
    last = known + sizeof(known);

    for (i = 0; i < omcf->apis.nelts; i++) {
        p = ngx_slprintf(p, last, "%s\"%V %V\"", i ? ", " : "",
                         &apis[i]->name, &apis[i]->major);
    }

    if (i == 0) {
        p = ngx_slprintf(p, last, "none");
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown API \"%V %V\", this nginx has: %*s",
                       name, major, p - known, known);

    return NGX_CONF_ERROR;
}
