
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_VARIABLE_OPERATION     1
#define NGX_OOF_VARIABLE_CLIENT        2
#define NGX_OOF_VARIABLE_ORGANISATION  3
#define NGX_OOF_VARIABLE_CONSENT       4
#define NGX_OOF_VARIABLE_ERROR         5

#define NGX_OOF_VARIABLE_DB_TIME       1
#define NGX_OOF_VARIABLE_CORE_TIME     2
#define NGX_OOF_VARIABLE_SIGN_TIME     3
#define NGX_OOF_VARIABLE_UPSTREAM_TIME 4


static u_char *ngx_oof_log_interaction_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);
static u_char *ngx_oof_log_ids(ngx_http_request_t *r, u_char *buf, size_t len);
static ngx_oof_api_t *ngx_oof_log_api(ngx_http_request_t *r,
    ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_log_route(ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_log_code(ngx_http_request_t *r);
static void ngx_oof_log_count(ngx_http_request_t *r, ngx_oof_request_t *o);
static ngx_int_t ngx_oof_log_gates(ngx_conf_t *cf,
    ngx_oof_main_conf_t *omcf, ngx_uint_t series);
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
static ngx_int_t ngx_oof_variable_path(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_oof_variable_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_msec_t ngx_oof_log_upstream(ngx_http_request_t *r);
static ngx_int_t ngx_oof_variable_started(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_oof_variable_trace(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


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

static ngx_http_log_handler_pt  ngx_oof_log_next;


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

    { ngx_string("oof_path"), NULL,
      ngx_oof_variable_path, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_db_time"), NULL,
      ngx_oof_variable_time, NGX_OOF_VARIABLE_DB_TIME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_core_time"), NULL,
      ngx_oof_variable_time, NGX_OOF_VARIABLE_CORE_TIME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_sign_time"), NULL,
      ngx_oof_variable_time, NGX_OOF_VARIABLE_SIGN_TIME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_upstream_time"), NULL,
      ngx_oof_variable_time, NGX_OOF_VARIABLE_UPSTREAM_TIME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_started"), NULL,
      ngx_oof_variable_started, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_trace_id"), NULL,
      ngx_oof_variable_trace, 1, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("oof_traceparent"), NULL,
      ngx_oof_variable_trace, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


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
        ngx_oof_limit_log(o);
        ngx_oof_call_log(o);
        ngx_oof_meter_log(o);
        o->counted = 1;
    }

    return NGX_OK;
}


/*
 * Where a server has the bank's side, its requests name nobody in the error log
 * from here on: nginx refuses some before their API is known.  Those of third
 * parties are named by their interaction id too.
 */

ngx_int_t
ngx_oof_log_server_handler(ngx_http_request_t *r)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->bank) {
        (void) ngx_oof_request_make(r);
        r->log_handler = ngx_oof_log_error_handler;

    } else if (olcf->errors == NGX_OOF_ERRORS_JSON
               && r->log_handler != ngx_oof_log_interaction_handler)
    {
        (void) ngx_oof_request_make(r);
        ngx_oof_log_next = r->log_handler;
        r->log_handler = ngx_oof_log_interaction_handler;
    }

    return NGX_DECLINED;
}


/* the ids, then nginx's own words: a line is cut where it is too long */

static u_char *
ngx_oof_log_interaction_handler(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char  *p;

    p = ngx_oof_log_ids(r, buf, len);

    return ngx_oof_log_next(r, sr, p, len - (p - buf));
}


static u_char *
ngx_oof_log_ids(ngx_http_request_t *r, u_char *buf, size_t len)
{
    u_char             *p;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_get(r);

    if (o == NULL) {
        return buf;
    }

    p = ngx_snprintf(buf, len, ", interaction: \"%*s\"",
                     (size_t) NGX_OOF_UUID_TEXT, o->interaction_id);

    if (o->trace.len) {
        p = ngx_snprintf(p, len - (p - buf), ", trace: \"%*s\"",
                         (size_t) NGX_OOF_TRACE_ID,
                         ngx_oof_trace_id(&o->trace));
    }

    return p;
}


u_char *
ngx_oof_log_error_handler(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_oof_api_t             *api;
    ngx_oof_request_t         *o;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_oof_log_ids(r, buf, len);
    len -= p - buf;
    buf = p;

    p = ngx_snprintf(buf, len, ", server: %V", &cscf->server_name);
    len -= p - buf;
    buf = p;

    o = ngx_oof_request_get(r);
    api = ngx_oof_log_api(r, o);

    if (api == NULL) {
        return buf;
    }

    p = ngx_snprintf(buf, len, ", request: \"%V %V", &r->method_name,
                     &api->base);
    len -= p - buf;
    buf = p;

    if (o && o->route) {
        p = ngx_snprintf(buf, len, "%V", &o->route->path);
        len -= p - buf;
        buf = p;
    }

    p = ngx_snprintf(buf, len, "\"");
    len -= p - buf;
    buf = p;

    if (o && o->consent_id.len) {
        buf = ngx_snprintf(buf, len, ", consent: \"%V\"", &o->consent_id);
    }

    return buf;
}


/* of a request that did not get to its API, that of the location */

static ngx_oof_api_t *
ngx_oof_log_api(ngx_http_request_t *r, ngx_oof_request_t *o)
{
    ngx_oof_loc_conf_t  *olcf;

    if (o && o->api) {
        return o->api;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    return olcf->api;
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

    series = (o && o->route) ? ngx_oof_log_route(o) : 0;

    ngx_oof_metric_inc(&ngx_oof_requests_total,
                       series * NGX_OOF_LOG_CODES + ngx_oof_log_code(r), 1);

    ngx_oof_metric_observe(&ngx_oof_requests_seconds, series,
                           (uint64_t) ngx_max(ms, 0) * 1000);
}


static ngx_uint_t
ngx_oof_log_route(ngx_oof_request_t *o)
{
    ngx_uint_t             i;
    ngx_oof_used_t       **used;
    ngx_oof_main_conf_t   *omcf;

    if (!(o->api->flags & NGX_OOF_API_GATE)) {
        return o->route->series;
    }

    omcf = ngx_http_get_module_main_conf(o->r, ngx_oof_module);

    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {
        if (used[i]->api == o->api) {
            return used[i]->series + (o->route - o->api->routes);
        }
    }

    return 0;
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

        if (apis[i]->flags & NGX_OOF_API_GATE) {
            continue;
        }

        for (route = apis[i]->routes; route->path.len; route++) {

            if (ngx_oof_log_series(cf, apis[i], route) != NGX_OK) {
                return NGX_ERROR;
            }

            route->series = series++;
        }
    }

    return ngx_oof_log_gates(cf, omcf, series);
}


/*
 * Of the many data APIs only those that a location has: what their series are
 * is told by the configuration, so that one which fails changes nothing.
 */

static ngx_int_t
ngx_oof_log_gates(ngx_conf_t *cf, ngx_oof_main_conf_t *omcf,
    ngx_uint_t series)
{
    ngx_uint_t         i;
    ngx_oof_used_t   **used;
    ngx_oof_route_t   *route;

    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {

        used[i]->series = series;

        for (route = used[i]->api->routes; route->path.len; route++) {

            if (ngx_oof_log_series(cf, used[i]->api, route) != NGX_OK) {
                return NGX_ERROR;
            }

            series++;
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
        p = ngx_slprintf(buf, last, "api=\"%V %V\",operation=\"%V\"",
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
    v->len = ngx_sprintf(p, "%V %V", &o->api->name, &o->api->major) - p;

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


/* paths of the bank's side may name a person: what they are of is told */

static ngx_int_t
ngx_oof_variable_path(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char             *p;
    ngx_str_t          *base, *path;
    ngx_oof_api_t      *api;
    ngx_oof_request_t  *o;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    o = ngx_oof_request_get(r);
    api = ngx_oof_log_api(r, o);

    if (api == NULL || !(api->flags & NGX_OOF_API_BANK)) {
        v->data = r->uri.data;
        v->len = r->uri.len;
        return NGX_OK;
    }

    base = &api->base;
    path = (o && o->route) ? &o->route->path : NULL;

    v->len = base->len + (path ? path->len : 0);

    p = ngx_pnalloc(r->pool, v->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    p = ngx_cpymem(p, base->data, base->len);

    if (path) {
        ngx_memcpy(p, path->data, path->len);
    }

    return NGX_OK;
}


/* seconds, with microseconds where nginx's clock does not measure */

static ngx_int_t
ngx_oof_variable_time(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char             *p;
    uint64_t            us;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_get(r);

    if (data == NGX_OOF_VARIABLE_UPSTREAM_TIME) {
        us = (uint64_t) ngx_oof_log_upstream(r) * 1000;

    } else if (o == NULL) {
        us = 0;

    } else if (data == NGX_OOF_VARIABLE_DB_TIME) {
        us = (uint64_t) o->db_time * 1000;

    } else if (data == NGX_OOF_VARIABLE_CORE_TIME) {
        us = (uint64_t) o->core_time * 1000;

    } else {
        us = o->sign_time;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 7);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    if (data == NGX_OOF_VARIABLE_SIGN_TIME) {
        p = ngx_sprintf(p, "%uL.%06uL", us / 1000000, us % 1000000);

    } else {
        p = ngx_sprintf(p, "%uL.%03uL", us / 1000000, us / 1000 % 1000);
    }

    v->len = p - v->data;

    return NGX_OK;
}


/* ms, of all that were asked */

static ngx_msec_t
ngx_oof_log_upstream(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_msec_t                  ms;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL) {
        return 0;
    }

    ms = 0;
    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer && state[i].response_time != (ngx_msec_t) -1) {
            ms += state[i].response_time;
        }
    }

    return ms;
}


/* when the request came, as RFC 3339 has it */

static ngx_int_t
ngx_oof_variable_started(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char   *p;
    int64_t   ms;

    p = ngx_pnalloc(r->pool, NGX_OOF_TIME_LEN + sizeof(".000") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    ms = ngx_oof_started(r);

    p = ngx_oof_clock_format(p, ms / 1000 * NGX_OOF_SECOND);
    p = ngx_sprintf(p - 1, ".%03MZ", (ngx_msec_t) (ms % 1000));

    v->len = p - v->data;

    return NGX_OK;
}


/* traceparent of what the request causes, or the trace's id within it */

static ngx_int_t
ngx_oof_variable_trace(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t          *trace;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_make(r);

    trace = o ? ngx_oof_trace(o) : NULL;

    if (trace == NULL) {
        return NGX_ERROR;
    }

    if (data) {
        v->data = ngx_oof_trace_id(trace);
        v->len = NGX_OOF_TRACE_ID;

    } else {
        v->data = trace->data;
        v->len = trace->len;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
