
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_STATUS_WAIT      700     /* ms: who asks waits a second */
#define NGX_OOF_STATUS_ROWS      1000
#define NGX_OOF_STATUS_TEXT      2000    /* of an explanation */
#define NGX_OOF_STATUS_EXPECTED  NGX_OOF_HOUR

#define NGX_OOF_STATUS_DAYS      7       /* before today */
#define NGX_OOF_STATUS_SECONDS   86400


/* columns of status_read, outage_coming and meter_show */

typedef enum {
    NGX_OOF_STATUS_COL_KIND = 0,
    NGX_OOF_STATUS_COL_SINCE,
    NGX_OOF_STATUS_COL_UNTIL,
    NGX_OOF_STATUS_COL_CHANGED,
    NGX_OOF_STATUS_COL_EXPLANATION,
    NGX_OOF_STATUS_COL_ENDPOINTS
} ngx_oof_status_col_e;

typedef enum {
    NGX_OOF_COMING_COL_STARTS = 0,
    NGX_OOF_COMING_COL_ENDS,
    NGX_OOF_COMING_COL_EXPLANATION,
    NGX_OOF_COMING_COL_PARTIAL,
    NGX_OOF_COMING_COL_TOTAL
} ngx_oof_coming_col_e;

typedef enum {
    NGX_OOF_METER_COL_ENDPOINT = 0,
    NGX_OOF_METER_COL_DAY,
    NGX_OOF_METER_COL_CALLS,
    NGX_OOF_METER_COL_ERRORS,
    NGX_OOF_METER_COL_REJECTIONS,
    NGX_OOF_METER_COL_MILLIS,
    NGX_OOF_METER_COL_PEAK,
    NGX_OOF_METER_COL_DOWN,
    NGX_OOF_METER_COL_PLANNED
} ngx_oof_meter_col_e;


/* what a list of days tells of each */

typedef int64_t (*ngx_oof_status_value_pt)(ngx_oof_pg_unit_t *u,
    ngx_uint_t row, int64_t seconds);


/* an endpoint of meter_show, and the page that it is on */

typedef struct {
    ngx_oof_page_t           page;
    int32_t                  today;
    int32_t                  first;
    int64_t                  elapsed;    /* seconds of today */
    ngx_uint_t               all;        /* days before it, too */
    ngx_str_t                path;
} ngx_oof_status_metrics_t;


static ngx_int_t ngx_oof_status_handler(ngx_oof_request_t *o);
static void ngx_oof_status_read(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_status_answer(ngx_oof_request_t *o,
    ngx_oof_page_t *page, ngx_oof_pg_unit_t *u);
static void ngx_oof_status_row(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static const char *ngx_oof_status_code(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_str_t *endpoint);
static ngx_uint_t ngx_oof_status_paths(ngx_oof_api_t *api);
static ngx_uint_t ngx_oof_status_failing(ngx_oof_pg_unit_t *u,
    ngx_str_t *base);
static ngx_uint_t ngx_oof_status_within(ngx_str_t *endpoint,
    ngx_str_t *base);
static void ngx_oof_status_endpoint(ngx_oof_json_t *w, ngx_pool_t *pool,
    ngx_str_t *base, u_char *data, size_t len);
static void ngx_oof_status_nothing(ngx_oof_json_t *w);
static void ngx_oof_status_fine(ngx_oof_json_t *w);

static ngx_int_t ngx_oof_status_outages_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_status_outages(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_status_duration(ngx_oof_json_t *w, int64_t us);

static ngx_int_t ngx_oof_status_metrics_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_status_period(ngx_oof_request_t *o,
    ngx_oof_status_metrics_t *m);
static ngx_int_t ngx_oof_status_metrics(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_status_span(ngx_oof_pg_unit_t *u, ngx_uint_t row);
static void ngx_oof_status_metric(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t span, ngx_uint_t general);
static void ngx_oof_status_availability(ngx_oof_json_t *w,
    ngx_oof_status_metrics_t *m, ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_uint_t span, ngx_uint_t general);
static int64_t ngx_oof_status_sum(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_uint_t span, ngx_uint_t col);
static void ngx_oof_status_rate(ngx_oof_json_t *w, const char *name,
    int64_t down, int64_t total);
static void ngx_oof_status_days(ngx_oof_json_t *w,
    ngx_oof_status_metrics_t *m, ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_uint_t span, const char *name, ngx_oof_status_value_pt value);
static int64_t ngx_oof_status_calls(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds);
static int64_t ngx_oof_status_average(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds);
static int64_t ngx_oof_status_tps(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds);
static int64_t ngx_oof_status_peak(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds);
static int64_t ngx_oof_status_errors(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds);
static int64_t ngx_oof_status_rejections(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds);


static ngx_oof_route_t  ngx_oof_status_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/status"),
      ngx_string("status_get"),
      NGX_OOF_GRANT_NONE,
      ngx_null_string,
      NGX_OOF_MEDIA_NONE,
      ngx_oof_status_handler,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/outages"),
      ngx_string("outages_get"),
      NGX_OOF_GRANT_NONE,
      ngx_null_string,
      NGX_OOF_MEDIA_NONE,
      ngx_oof_status_outages_handler,
      0 },

    ngx_oof_route_end
};


static ngx_oof_route_t  ngx_oof_status_admin_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/metrics"),
      ngx_string("metrics_get"),
      NGX_OOF_GRANT_NONE,
      ngx_null_string,
      NGX_OOF_MEDIA_NONE,
      ngx_oof_status_metrics_handler,
      0 },

    ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_status_api = {
    ngx_string("discovery"),
    ngx_string("v2"),
    ngx_string("2.0.1"),
    ngx_string("/open-banking/discovery/v2"),
    NGX_OOF_API_OPEN,
    4096,
    ngx_oof_status_routes
};


static ngx_oof_api_t  ngx_oof_status_admin_api = {
    ngx_string("admin"),
    ngx_string("v2"),
    ngx_string("2.0.1"),
    ngx_string("/open-banking/admin/v2"),
    NGX_OOF_API_OPEN,
    4096,
    ngx_oof_status_admin_routes
};


static ngx_str_t  ngx_oof_status_path =
    ngx_string("/open-banking/discovery/v2/status");
static ngx_str_t  ngx_oof_status_outages_path =
    ngx_string("/open-banking/discovery/v2/outages");


ngx_int_t
ngx_oof_status_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_api_register(cf, &ngx_oof_status_api) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_api_register(cf, &ngx_oof_status_admin_api);
}


/*
 * Whoever watches waits for a second: when the database has not answered before
 * that, nothing is available.
 */

static ngx_int_t
ngx_oof_status_handler(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_oof_page_t      *page;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    page = ngx_palloc(o->r->pool, sizeof(ngx_oof_page_t));
    if (page == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_page_read(o, page);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_status_read);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int4(u, NGX_OOF_STATUS_ROWS);

    u->deadline = ngx_current_msec + NGX_OOF_STATUS_WAIT;
    u->handler = ngx_oof_status_read;
    u->data = o;

    o->gate = page;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    o->unit = u;

    return NGX_AGAIN;
}


static void
ngx_oof_status_read(ngx_oof_pg_unit_t *u)
{
    ngx_oof_request_t  *o;

    o = u->data;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    o->unit = NULL;
    o->db_time += ngx_current_msec - u->queued;

    ngx_oof_request_resume(o, ngx_oof_status_answer(o, o->gate, u));
}


static ngx_int_t
ngx_oof_status_answer(ngx_oof_request_t *o, ngx_oof_page_t *page,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body;
    ngx_uint_t      i, n, total;
    ngx_oof_json_t  w;

    n = (u->rc == NGX_OOF_PG_OK) ? ngx_oof_pg_rows(u, 0) : 0;
    total = n ? n : 1;

    if (ngx_oof_page_count(o, page, (int64_t) total) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "status");
    ngx_oof_json_begin(&w, '[');

    for (i = (ngx_uint_t) ngx_oof_page_offset(page);
         i < ngx_min(total, (ngx_uint_t) (page->number * page->size));
         i++)
    {
        if (n) {
            ngx_oof_status_row(o, &w, u, i);

        } else if (u->rc == NGX_OOF_PG_OK) {
            ngx_oof_status_fine(&w);

        } else {
            ngx_oof_status_nothing(&w);
        }
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');
    ngx_oof_page_end(o, &w, page, &ngx_oof_status_path);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static void
ngx_oof_status_row(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    size_t               i;
    json_t              *list, *item;
    int64_t              since, until, now;
    ngx_str_t            text, endpoint;
    ngx_uint_t           failure;
    const char          *code;
    json_error_t         error;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    failure = ngx_oof_pg_get_int(u, 0, row, NGX_OOF_STATUS_COL_KIND) != 0;
    since = ngx_oof_pg_get_time(u, 0, row, NGX_OOF_STATUS_COL_SINCE);
    now = ngx_oof_clock_rule();

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_STATUS_COL_ENDPOINTS, &text);

    list = json_loadb((char *) text.data, text.len, 0, &error);
    item = json_array_get(list, 0);

    endpoint.data = (u_char *) json_string_value(item);
    endpoint.len = item ? json_string_length(item) : 0;

    code = failure ? ngx_oof_status_code(u, row, &endpoint)
                   : "SCHEDULED_OUTAGE";

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "code");
    ngx_oof_json_literal(w, code);

    if (ngx_oof_pg_is_null(u, 0, row, NGX_OOF_STATUS_COL_EXPLANATION)) {
        ngx_oof_json_name(w, "explanation");
        ngx_oof_json_literal(w, "Erros nas respostas do endpoint; a "
                             "instituição trabalha na correção.");

    } else {
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_STATUS_COL_EXPLANATION, &text);
        ngx_oof_json_member(w, "explanation", &text);
    }

    ngx_oof_json_member_time(w, "detectionTime", since);

    /* required, and never in the past */

    until = ngx_oof_pg_is_null(u, 0, row, NGX_OOF_STATUS_COL_UNTIL)
            ? since + NGX_OOF_STATUS_EXPECTED
            : ngx_oof_pg_get_time(u, 0, row, NGX_OOF_STATUS_COL_UNTIL);

    if (until <= now) {
        until += ((now - until) / NGX_OOF_STATUS_EXPECTED + 1)
                 * NGX_OOF_STATUS_EXPECTED;
    }

    ngx_oof_json_member_time(w, "expectedResolutionTime", until);
    ngx_oof_json_member_time(w, "updateTime",
        ngx_oof_pg_get_time(u, 0, row, NGX_OOF_STATUS_COL_CHANGED));

    if (json_array_size(list)) {
        ngx_oof_json_name(w, "unavailableEndpoints");
        ngx_oof_json_begin(w, '[');

        json_array_foreach(list, i, item) {
            ngx_oof_status_endpoint(w, o->r->pool, &olcf->base_url,
                                    (u_char *) json_string_value(item),
                                    json_string_length(item));
        }

        ngx_oof_json_end(w, ']');
    }

    ngx_oof_json_end(w, '}');

    json_decref(list);
}


/*
 * Where every endpoint of an API fails, the API is unavailable; else an
 * endpoint is (spec 8.3).
 */

static const char *
ngx_oof_status_code(ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_str_t *endpoint)
{
    ngx_uint_t             i, paths;
    ngx_oof_api_t        **apis;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);

    apis = omcf->apis.elts;

    for (i = 0; i < omcf->apis.nelts; i++) {

        if (!(apis[i]->flags & NGX_OOF_API_TPP)
            || (apis[i]->flags & NGX_OOF_API_ANY)
            || !ngx_oof_status_within(endpoint, &apis[i]->base))
        {
            continue;
        }

        paths = ngx_oof_status_paths(apis[i]);

        return ngx_oof_status_failing(u, &apis[i]->base) >= paths
               ? "UNAVAILABLE" : "PARTIAL_FAILURE";
    }

    return "PARTIAL_FAILURE";
}


/* routes of different methods share a path */

static ngx_uint_t
ngx_oof_status_paths(ngx_oof_api_t *api)
{
    ngx_uint_t        n;
    ngx_oof_route_t  *route, *before;

    n = 0;

    for (route = api->routes; route->path.len; route++) {

        for (before = api->routes; before < route; before++) {
            if (before->path.len == route->path.len
                && ngx_memcmp(before->path.data, route->path.data,
                              route->path.len)
                   == 0)
            {
                break;
            }
        }

        if (before == route) {
            n++;
        }
    }

    return n;
}


/* failures have one endpoint each, as ["PATH"] */

static ngx_uint_t
ngx_oof_status_failing(ngx_oof_pg_unit_t *u, ngx_str_t *base)
{
    ngx_str_t   text;
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {

        if (ngx_oof_pg_get_int(u, 0, i, NGX_OOF_STATUS_COL_KIND) == 0) {
            continue;
        }

        ngx_oof_pg_get_str(u, 0, i, NGX_OOF_STATUS_COL_ENDPOINTS, &text);

        if (text.len > 4) {
            text.data += 2;
            text.len -= 4;

            n += ngx_oof_status_within(&text, base);
        }
    }

    return n;
}


static ngx_uint_t
ngx_oof_status_within(ngx_str_t *endpoint, ngx_str_t *base)
{
    return endpoint->len > base->len
           && ngx_memcmp(endpoint->data, base->data, base->len) == 0
           && endpoint->data[base->len] == '/';
}


static void
ngx_oof_status_endpoint(ngx_oof_json_t *w, ngx_pool_t *pool, ngx_str_t *base,
    u_char *data, size_t len)
{
    ngx_str_t  url;

    url.len = ngx_min(base->len + len, NGX_OOF_STATUS_TEXT);
    url.data = ngx_pnalloc(pool, base->len + len);

    if (url.data == NULL) {
        w->failed = 1;
        return;
    }

    ngx_memcpy(ngx_cpymem(url.data, base->data, base->len), data, len);

    ngx_oof_json_str(w, &url);
}


static void
ngx_oof_status_fine(ngx_oof_json_t *w)
{
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "code");
    ngx_oof_json_literal(w, "OK");
    ngx_oof_json_name(w, "explanation");
    ngx_oof_json_literal(w, "Retorno com Sucesso");
    ngx_oof_json_member_time(w, "updateTime", ngx_oof_clock_rule());
    ngx_oof_json_end(w, '}');
}


/* the database is away: nothing is known of since when */

static void
ngx_oof_status_nothing(ngx_oof_json_t *w)
{
    int64_t  now;

    now = ngx_oof_clock_rule();

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "code");
    ngx_oof_json_literal(w, "UNAVAILABLE");
    ngx_oof_json_name(w, "explanation");
    ngx_oof_json_literal(w, "As APIs estão indisponíveis; a instituição "
                         "trabalha na correção.");
    ngx_oof_json_member_time(w, "detectionTime", now);
    ngx_oof_json_member_time(w, "expectedResolutionTime",
                             now + NGX_OOF_STATUS_EXPECTED);
    ngx_oof_json_member_time(w, "updateTime", now);
    ngx_oof_json_end(w, '}');
}


static ngx_int_t
ngx_oof_status_outages_handler(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_oof_page_t      *page;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    page = ngx_palloc(o->r->pool, sizeof(ngx_oof_page_t));
    if (page == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_page_read(o, page);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_outage_coming);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int8(u, ngx_oof_page_offset(page));
    ngx_oof_pg_int8(u, page->size);

    o->gate = page;

    return ngx_oof_request_unit(o, u, ngx_oof_status_outages);
}


static ngx_int_t
ngx_oof_status_outages(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t          starts;
    ngx_str_t        text, body;
    ngx_uint_t       i, n;
    ngx_oof_page_t  *page;
    ngx_oof_json_t   w;

    page = o->gate;
    n = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_page_count(o, page, n ? ngx_oof_pg_get_int(u, 0, 0,
                                            NGX_OOF_COMING_COL_TOTAL) : 0)
        != NGX_OK)
    {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {

        starts = ngx_oof_pg_get_time(u, 0, i, NGX_OOF_COMING_COL_STARTS);

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member_time(&w, "outageTime", starts);
        ngx_oof_json_name(&w, "duration");
        ngx_oof_status_duration(&w,
            ngx_oof_pg_get_time(u, 0, i, NGX_OOF_COMING_COL_ENDS) - starts);
        ngx_oof_json_name(&w, "isPartial");
        ngx_oof_json_bool(&w, ngx_oof_pg_get_int(u, 0, i,
                                                 NGX_OOF_COMING_COL_PARTIAL)
                              != 0);
        ngx_oof_pg_get_str(u, 0, i, NGX_OOF_COMING_COL_EXPLANATION, &text);
        ngx_oof_json_member(&w, "explanation", &text);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_page_end(o, &w, page, &ngx_oof_status_outages_path);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* as in PT2H30M (ISO 8601) */

static void
ngx_oof_status_duration(ngx_oof_json_t *w, int64_t us)
{
    u_char     *p, buf[sizeof("PTHMS") + 3 * NGX_INT64_LEN];
    int64_t     s;
    ngx_str_t   text;

    s = us / NGX_OOF_SECOND;

    p = ngx_cpymem(buf, "PT", 2);

    if (s >= 3600) {
        p = ngx_sprintf(p, "%LH", s / 3600);
    }

    if (s / 60 % 60) {
        p = ngx_sprintf(p, "%LM", s / 60 % 60);
    }

    if (s % 60 || p == buf + 2) {
        p = ngx_sprintf(p, "%LS", s % 60);
    }

    text.data = buf;
    text.len = p - buf;

    ngx_oof_json_str(w, &text);
}


static ngx_int_t
ngx_oof_status_metrics_handler(ngx_oof_request_t *o)
{
    int64_t                    now;
    ngx_int_t                  rc;
    ngx_oof_pg_unit_t         *u;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_status_metrics_t  *m;

    m = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_status_metrics_t));
    if (m == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_page_read(o, &m->page);

    if (rc == NGX_OK) {
        rc = ngx_oof_status_period(o, m);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    now = ngx_oof_clock_rule();

    m->today = (int32_t) ngx_oof_clock_today(now);
    m->first = m->all ? m->today - NGX_OOF_STATUS_DAYS : m->today;
    m->elapsed = (now - ngx_oof_clock_day_start(m->today)) / NGX_OOF_SECOND;
    m->elapsed = ngx_max(m->elapsed, 1);

    ngx_oof_pg_statement(u, &ngx_oof_sql_meter_show);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_int4(u, m->first);
    ngx_oof_pg_int4(u, m->today);

    o->gate = m;

    return ngx_oof_request_unit(o, u, ngx_oof_status_metrics);
}


/* without it: the current day (the interface file has no default) */

static ngx_int_t
ngx_oof_status_period(ngx_oof_request_t *o, ngx_oof_status_metrics_t *m)
{
    ngx_str_t  value;

    if (ngx_http_arg(o->r, (u_char *) "period", sizeof("period") - 1, &value)
        != NGX_OK)
    {
        ngx_str_set(&m->path, "/open-banking/admin/v2/metrics");
        return NGX_OK;
    }

    if (value.len == sizeof("ALL") - 1
        && ngx_memcmp(value.data, "ALL", sizeof("ALL") - 1) == 0)
    {
        m->all = 1;
        ngx_str_set(&m->path, "/open-banking/admin/v2/metrics?period=ALL");
        return NGX_OK;
    }

    if (value.len == sizeof("CURRENT") - 1
        && ngx_memcmp(value.data, "CURRENT", sizeof("CURRENT") - 1) == 0)
    {
        ngx_str_set(&m->path, "/open-banking/admin/v2/metrics?period=CURRENT");
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido",
                         "O parâmetro period deve ser CURRENT ou ALL.");

    return NGX_DECLINED;
}


/* rows of an endpoint stand together; the first ones are the brand's */

static ngx_int_t
ngx_oof_status_metrics(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t                    n;
    ngx_str_t                  body;
    ngx_uint_t                 row, rows, span, general;
    ngx_oof_json_t             w;
    ngx_oof_status_metrics_t  *m;

    m = o->gate;
    rows = ngx_oof_pg_rows(u, 0);
    general = rows ? ngx_oof_status_span(u, 0) : 0;

    n = 0;

    for (row = general; row < rows; row += ngx_oof_status_span(u, row)) {
        n++;
    }

    if (ngx_oof_page_count(o, &m->page, n) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    n = 0;

    for (row = general; row < rows; row += span, n++) {

        span = ngx_oof_status_span(u, row);

        if (n >= ngx_oof_page_offset(&m->page)
            && n < m->page.number * m->page.size)
        {
            ngx_oof_status_metric(o, &w, u, row, span, general);
        }
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_page_end(o, &w, &m->page, &m->path);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* rows of the same endpoint from this one on */

static ngx_uint_t
ngx_oof_status_span(ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t   one, other;
    ngx_uint_t  n;

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_METER_COL_ENDPOINT, &one);

    for (n = 1; row + n < ngx_oof_pg_rows(u, 0); n++) {

        ngx_oof_pg_get_str(u, 0, row + n, NGX_OOF_METER_COL_ENDPOINT, &other);

        if (one.len != other.len
            || ngx_memcmp(one.data, other.data, one.len) != 0)
        {
            break;
        }
    }

    return n;
}


static void
ngx_oof_status_metric(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t span, ngx_uint_t general)
{
    ngx_str_t                  endpoint;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_status_metrics_t  *m;

    m = o->gate;
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_METER_COL_ENDPOINT, &endpoint);

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "endpoint");
    ngx_oof_status_endpoint(w, o->r->pool, &olcf->base_url, endpoint.data,
                            endpoint.len);
    ngx_oof_json_member_time(w, "requestTime", ngx_oof_clock_rule());

    ngx_oof_status_availability(w, m, u, row, span, general);

    ngx_oof_status_days(w, m, u, row, span, "invocations",
                        ngx_oof_status_calls);
    ngx_oof_status_days(w, m, u, row, span, "averageResponse",
                        ngx_oof_status_average);
    ngx_oof_status_days(w, m, u, row, span, "averageTps",
                        ngx_oof_status_tps);
    ngx_oof_status_days(w, m, u, row, span, "peakTps", ngx_oof_status_peak);
    ngx_oof_status_days(w, m, u, row, span, "errors", ngx_oof_status_errors);
    ngx_oof_status_days(w, m, u, row, span, "rejections",
                        ngx_oof_status_rejections);

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_status_availability(ngx_oof_json_t *w, ngx_oof_status_metrics_t *m,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t span, ngx_uint_t general)
{
    int64_t  down, all, planned, total;

    /* down is in minutes */

    down = 60 * ngx_oof_status_sum(u, row, span, NGX_OOF_METER_COL_DOWN);
    all = 60 * ngx_oof_status_sum(u, 0, general, NGX_OOF_METER_COL_DOWN);
    planned = ngx_oof_status_sum(u, 0, general, NGX_OOF_METER_COL_PLANNED);

    total = m->elapsed
            + (int64_t) (m->today - m->first) * NGX_OOF_STATUS_SECONDS;

    ngx_oof_json_name(w, "availability");
    ngx_oof_json_begin(w, '{');

    ngx_oof_json_name(w, "uptime");
    ngx_oof_json_begin(w, '{');
    ngx_oof_status_rate(w, "generalUptimeRate", all, total);
    ngx_oof_status_rate(w, "uptimeRate", down, total);
    ngx_oof_json_end(w, '}');

    ngx_oof_json_name(w, "downtime");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "generalDowntime");
    ngx_oof_json_int(w, all);
    ngx_oof_json_name(w, "scheduledOutage");
    ngx_oof_json_int(w, planned);
    ngx_oof_json_name(w, "partialDowntime");
    ngx_oof_json_int(w, down);
    ngx_oof_json_end(w, '}');

    ngx_oof_json_end(w, '}');
}


static int64_t
ngx_oof_status_sum(ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t span,
    ngx_uint_t col)
{
    int64_t     sum;
    ngx_uint_t  i;

    sum = 0;

    for (i = 0; i < span; i++) {
        sum += ngx_oof_pg_get_int(u, 0, row + i, col);
    }

    return sum;
}


/* "0.999306": a digit, a dot and six digits */

static void
ngx_oof_status_rate(ngx_oof_json_t *w, const char *name, int64_t down,
    int64_t total)
{
    u_char      buf[sizeof("1.000000")];
    int64_t     rate;
    ngx_str_t   text;

    rate = 1000000 * (total - ngx_min(down, total)) / total;

    text.data = buf;
    text.len = ngx_sprintf(buf, "%L.%06L", rate / 1000000, rate % 1000000)
               - buf;

    ngx_oof_json_member(w, name, &text);
}


/* the current day, and those before it, of which the first is yesterday */

static void
ngx_oof_status_days(ngx_oof_json_t *w, ngx_oof_status_metrics_t *m,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t span, const char *name,
    ngx_oof_status_value_pt value)
{
    int32_t     day;
    int64_t     today;
    ngx_uint_t  i;

    i = 0;
    today = 0;

    if (ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_DAY) == m->today) {
        today = value(u, row, m->elapsed);
        i++;
    }

    ngx_oof_json_name(w, name);
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "currentDay");
    ngx_oof_json_int(w, today);
    ngx_oof_json_name(w, "previousDays");
    ngx_oof_json_begin(w, '[');

    /* a day without a row had no calls, unless no day before has one */

    for (day = m->today - 1; i < span; day--) {

        if (ngx_oof_pg_get_int(u, 0, row + i, NGX_OOF_METER_COL_DAY) == day) {
            ngx_oof_json_int(w, value(u, row + i, NGX_OOF_STATUS_SECONDS));
            i++;

        } else {
            ngx_oof_json_int(w, 0);
        }
    }

    ngx_oof_json_end(w, ']');
    ngx_oof_json_end(w, '}');
}


static int64_t
ngx_oof_status_calls(ngx_oof_pg_unit_t *u, ngx_uint_t row, int64_t seconds)
{
    return ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_CALLS);
}


static int64_t
ngx_oof_status_average(ngx_oof_pg_unit_t *u, ngx_uint_t row, int64_t seconds)
{
    int64_t  calls;

    /* what a limit refused says nothing of it (spec 6.2) */

    calls = ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_CALLS)
            - ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_REJECTIONS);

    return calls > 0 ? ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_MILLIS)
                       / calls
                     : 0;
}


static int64_t
ngx_oof_status_tps(ngx_oof_pg_unit_t *u, ngx_uint_t row, int64_t seconds)
{
    return ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_CALLS) / seconds;
}


static int64_t
ngx_oof_status_peak(ngx_oof_pg_unit_t *u, ngx_uint_t row, int64_t seconds)
{
    return ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_PEAK);
}


static int64_t
ngx_oof_status_errors(ngx_oof_pg_unit_t *u, ngx_uint_t row, int64_t seconds)
{
    return ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_ERRORS);
}


static int64_t
ngx_oof_status_rejections(ngx_oof_pg_unit_t *u, ngx_uint_t row,
    int64_t seconds)
{
    return ngx_oof_pg_get_int(u, 0, row, NGX_OOF_METER_COL_REJECTIONS);
}
