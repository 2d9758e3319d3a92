
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_halt.h>


#define NGX_OOF_HALT_POLL  700     /* ms */
#define NGX_OOF_HALT_WAIT  700     /* for the database, of a request */


/* columns of halt_list */

typedef enum {
    NGX_OOF_HALT_COL_BRAND = 0,
    NGX_OOF_HALT_COL_STARTS,
    NGX_OOF_HALT_COL_ENDS,
    NGX_OOF_HALT_COL_ENDPOINTS
} ngx_oof_halt_col_e;


typedef struct {
    ngx_str_t                brand;
    int64_t                  starts;
    int64_t                  ends;
    ngx_str_t               *endpoints;
    ngx_uint_t               n;          /* 0: everything */
} ngx_oof_halt_t;


/* a worker's, of a database */

typedef struct {
    ngx_oof_database_t      *db;
    ngx_event_t              timer;
    ngx_pool_t              *pool;       /* of what was read last */
    ngx_oof_halt_t          *halts;
    ngx_uint_t               n;
    unsigned                 known:1;
} ngx_oof_halts_t;


static ngx_oof_halts_t *ngx_oof_halts_of(ngx_oof_database_t *db);
static ngx_int_t ngx_oof_halt_ask(ngx_oof_request_t *o, ngx_oof_halts_t *h);
static void ngx_oof_halt_asked(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_halt_judge(ngx_oof_request_t *o,
    ngx_oof_halts_t *h);
static ngx_uint_t ngx_oof_halt_covers(ngx_oof_halt_t *halt,
    ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_halt_within(ngx_str_t *endpoint, ngx_str_t *one,
    ngx_str_t *other);
static ngx_uint_t ngx_oof_halt_series(ngx_oof_api_t *api);

static void ngx_oof_halt_poll(ngx_event_t *ev);
static void ngx_oof_halt_polled(ngx_oof_pg_unit_t *u);
static void ngx_oof_halt_read(ngx_oof_halts_t *h, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_halt_row(ngx_pool_t *pool, ngx_oof_halt_t *halt,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_int_t ngx_oof_halt_endpoints(ngx_pool_t *pool,
    ngx_oof_halt_t *halt, json_t *list);
static void ngx_oof_halt_show(void);
static ngx_uint_t ngx_oof_halt_now(ngx_oof_api_t *api);


static ngx_oof_metric_t  ngx_oof_halt_closed;
static ngx_oof_metric_t  ngx_oof_halt_refused;

static ngx_oof_halts_t  *ngx_oof_halts;
static ngx_uint_t        ngx_oof_nhalts;

static ngx_str_t         ngx_oof_halt_none = ngx_null_string;


ngx_int_t
ngx_oof_halt_check(ngx_oof_request_t *o)
{
    ngx_oof_halts_t  *h;

    h = ngx_oof_halts_of(o->location->database);

    if (h == NULL) {
        return NGX_DECLINED;
    }

    return h->known ? ngx_oof_halt_judge(o, h) : ngx_oof_halt_ask(o, h);
}


static ngx_oof_halts_t *
ngx_oof_halts_of(ngx_oof_database_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_oof_nhalts; i++) {
        if (ngx_oof_halts[i].db == db) {
            return &ngx_oof_halts[i];
        }
    }

    return NULL;
}


/* where the database does not answer the request goes on, and will find out */

static ngx_int_t
ngx_oof_halt_ask(ngx_oof_request_t *o, ngx_oof_halts_t *h)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(h->db, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_halt_list);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    u->deadline = ngx_current_msec + NGX_OOF_HALT_WAIT;
    u->handler = ngx_oof_halt_asked;
    u->data = o;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    o->unit = u;

    return NGX_AGAIN;
}


static void
ngx_oof_halt_asked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_halts_t    *h;
    ngx_oof_request_t  *o;

    o = u->data;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    o->unit = NULL;
    o->db_time += ngx_current_msec - u->queued;

    h = ngx_oof_halts_of(o->location->database);

    ngx_oof_halt_read(h, u);

    ngx_oof_request_resume(o, h->known ? ngx_oof_halt_judge(o, h)
                                       : NGX_DECLINED);
}


static ngx_int_t
ngx_oof_halt_judge(ngx_oof_request_t *o, ngx_oof_halts_t *h)
{
    int64_t          now, left;
    ngx_str_t       *brand;
    ngx_uint_t       i;
    ngx_oof_halt_t  *halt;

    if (h->n == 0) {
        return NGX_DECLINED;
    }

    now = ngx_oof_clock_rule();
    brand = &o->location->brand;
    left = 0;

    for (i = 0; i < h->n; i++) {
        halt = &h->halts[i];

        if (halt->starts <= now && now < halt->ends
            && halt->brand.len == brand->len
            && ngx_memcmp(halt->brand.data, brand->data, brand->len) == 0
            && ngx_oof_halt_covers(halt, o))
        {
            left = ngx_max(left, halt->ends - now);
        }
    }

    if (left == 0) {
        return NGX_DECLINED;
    }

    ngx_oof_metric_inc(&ngx_oof_halt_refused, ngx_oof_halt_series(o->api), 1);

    o->retry_after = (ngx_uint_t) ((left + NGX_OOF_SECOND - 1)
                                   / NGX_OOF_SECOND);

    return ngx_oof_error(o, NGX_HTTP_SERVICE_UNAVAILABLE,
                         "SERVICE_UNAVAILABLE", "Serviço indisponível",
                         "O serviço está em manutenção programada.");
}


/* of what has no paths of its own, the request's is looked at */

static ngx_uint_t
ngx_oof_halt_covers(ngx_oof_halt_t *halt, ngx_oof_request_t *o)
{
    ngx_str_t   *one, *other;
    ngx_uint_t   i;

    if (o->api->flags & NGX_OOF_API_ANY) {
        one = &o->uri;
        other = &ngx_oof_halt_none;

    } else {
        one = &o->api->base;
        other = &o->route->path;
    }

    for (i = 0; i < halt->n; i++) {
        if (ngx_oof_halt_within(&halt->endpoints[i], one, other)) {
            return 1;
        }
    }

    return halt->n == 0;
}


/* is the path "one" + "other" that of the endpoint, or below it? */

static ngx_uint_t
ngx_oof_halt_within(ngx_str_t *endpoint, ngx_str_t *one, ngx_str_t *other)
{
    u_char  next;
    size_t  len, n;

    len = endpoint->len;

    if (len && endpoint->data[len - 1] == '/') {
        len--;
    }

    if (len > one->len + other->len) {
        return 0;
    }

    n = ngx_min(len, one->len);

    if (ngx_memcmp(endpoint->data, one->data, n) != 0
        || (len > n
            && ngx_memcmp(endpoint->data + n, other->data, len - n) != 0))
    {
        return 0;
    }

    if (len == one->len + other->len) {
        return 1;
    }

    next = (len < one->len) ? one->data[len] : other->data[len - one->len];

    return next == '/';
}


static ngx_uint_t
ngx_oof_halt_series(ngx_oof_api_t *api)
{
    ngx_uint_t             i;
    ngx_oof_used_t       **used;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {
        if (used[i]->api == api) {
            return used[i]->halt;
        }
    }

    return (ngx_uint_t) -1;
}


ngx_uint_t
ngx_oof_halt_known(ngx_str_t *endpoint)
{
    ngx_uint_t             i;
    ngx_oof_used_t       **used;
    ngx_oof_route_t       *route;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {

        if (!(used[i]->api->flags & NGX_OOF_API_TPP)) {
            continue;
        }

        if (used[i]->api->flags & NGX_OOF_API_ANY) {
            return 1;
        }

        for (route = used[i]->api->routes; route->path.len; route++) {
            if (ngx_oof_halt_within(endpoint, &used[i]->api->base,
                                    &route->path))
            {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_oof_halt_init(ngx_conf_t *cf)
{
    ngx_int_t              series;
    ngx_str_t              label, *name, *major;
    ngx_uint_t             i;
    ngx_oof_used_t       **used;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {

        if (!(used[i]->api->flags & NGX_OOF_API_TPP)) {
            continue;
        }

        if (ngx_oof_metric_add(cf, &ngx_oof_halt_closed, "oof_maintenance",
                               "Whether an API, or a part of it, is closed "
                               "for maintenance.",
                               NGX_OOF_METRIC_MOST)
            != NGX_OK
            || ngx_oof_metric_add(cf, &ngx_oof_halt_refused,
                                  "oof_maintenance_refused_total",
                                  "Requests that were refused for "
                                  "maintenance.",
                                  NGX_OOF_METRIC_COUNTER)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        name = &used[i]->api->name;
        major = &used[i]->api->major;

        label.data = ngx_pnalloc(cf->pool, sizeof("api=\" \"") - 1
                                           + name->len + major->len);
        if (label.data == NULL) {
            return NGX_ERROR;
        }

        label.len = ngx_sprintf(label.data, "api=\"%V %V\"", name, major)
                    - label.data;

        series = ngx_oof_metric_series(cf, &ngx_oof_halt_closed, &label);

        if (series == NGX_ERROR
            || ngx_oof_metric_series(cf, &ngx_oof_halt_refused, &label)
               != series)
        {
            return NGX_ERROR;
        }

        used[i]->halt = series;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_halt_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_database_t   **databases;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    databases = omcf->databases.elts;

    ngx_oof_halts = ngx_pcalloc(cycle->pool, (omcf->databases.nelts + 1)
                                             * sizeof(ngx_oof_halts_t));
    if (ngx_oof_halts == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_nhalts = omcf->databases.nelts;

    for (i = 0; i < ngx_oof_nhalts; i++) {
        ngx_oof_halts[i].db = databases[i];

        ngx_oof_halts[i].timer.handler = ngx_oof_halt_poll;
        ngx_oof_halts[i].timer.data = &ngx_oof_halts[i];
        ngx_oof_halts[i].timer.log = cycle->log;
        ngx_oof_halts[i].timer.cancelable = 1;

        ngx_add_timer(&ngx_oof_halts[i].timer, 1);
    }

    return NGX_OK;
}


void
ngx_oof_halt_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_oof_nhalts; i++) {

        if (ngx_oof_halts[i].timer.timer_set) {
            ngx_del_timer(&ngx_oof_halts[i].timer);
        }

        if (ngx_oof_halts[i].pool) {
            ngx_destroy_pool(ngx_oof_halts[i].pool);
        }
    }

    ngx_oof_nhalts = 0;
}


static void
ngx_oof_halt_poll(ngx_event_t *ev)
{
    ngx_oof_halts_t *h = ev->data;

    ngx_oof_pg_unit_t  *u;

    if (ngx_exiting) {
        return;
    }

    /* also what the clock brings is to be seen while the database is away */

    ngx_oof_halt_show();

    u = ngx_oof_pg_unit(h->db, NGX_OOF_PG_READ);

    if (u) {
        u->handler = ngx_oof_halt_polled;
        u->data = h;

        ngx_oof_pg_statement(u, &ngx_oof_sql_halt_list);
        ngx_oof_pg_time(u, ngx_oof_clock_rule());

        if (ngx_oof_pg_send(u) == NGX_OK) {
            return;
        }
    }

    ngx_add_timer(ev, NGX_OOF_HALT_POLL);
}


static void
ngx_oof_halt_polled(ngx_oof_pg_unit_t *u)
{
    ngx_oof_halts_t *h = u->data;

    ngx_oof_halt_read(h, u);

    if (!ngx_exiting) {
        ngx_add_timer(&h->timer, NGX_OOF_HALT_POLL);
    }
}


/* all of the answer, or it stays as it was */

static void
ngx_oof_halt_read(ngx_oof_halts_t *h, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t       i, n;
    ngx_pool_t      *pool;
    ngx_oof_halt_t  *halts;

    if (u->rc != NGX_OOF_PG_OK) {
        return;
    }

    n = ngx_oof_pg_rows(u, 0);
    pool = NULL;
    halts = NULL;

    if (n) {
        pool = ngx_create_pool(1024, ngx_cycle->log);
        if (pool == NULL) {
            return;
        }

        halts = ngx_pcalloc(pool, n * sizeof(ngx_oof_halt_t));

        for (i = 0; halts && i < n; i++) {
            if (ngx_oof_halt_row(pool, &halts[i], u, i) != NGX_OK) {
                halts = NULL;
            }
        }

        if (halts == NULL) {
            ngx_destroy_pool(pool);
            return;
        }
    }

    if (h->pool) {
        ngx_destroy_pool(h->pool);
    }

    h->pool = pool;
    h->halts = halts;
    h->n = n;
    h->known = 1;

    ngx_oof_halt_show();
}


static ngx_int_t
ngx_oof_halt_row(ngx_pool_t *pool, ngx_oof_halt_t *halt, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    json_t       *list;
    ngx_int_t     rc;
    ngx_str_t     text;
    json_error_t  error;

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_HALT_COL_BRAND, &text);

    halt->brand.len = text.len;
    halt->brand.data = ngx_pstrdup(pool, &text);

    if (halt->brand.data == NULL) {
        return NGX_ERROR;
    }

    halt->starts = ngx_oof_pg_get_time(u, 0, row, NGX_OOF_HALT_COL_STARTS);
    halt->ends = ngx_oof_pg_get_time(u, 0, row, NGX_OOF_HALT_COL_ENDS);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_HALT_COL_ENDPOINTS, &text);

    list = json_loadb((char *) text.data, text.len, 0, &error);
    if (list == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_halt_endpoints(pool, halt, list);

    json_decref(list);

    return rc;
}


static ngx_int_t
ngx_oof_halt_endpoints(ngx_pool_t *pool, ngx_oof_halt_t *halt, json_t *list)
{
    size_t      i;
    json_t     *item;
    ngx_str_t   text;

    halt->n = json_array_size(list);

    if (halt->n == 0) {
        return NGX_OK;
    }

    halt->endpoints = ngx_pcalloc(pool, halt->n * sizeof(ngx_str_t));
    if (halt->endpoints == NULL) {
        return NGX_ERROR;
    }

    json_array_foreach(list, i, item) {
        text.data = (u_char *) json_string_value(item);
        text.len = json_string_length(item);

        halt->endpoints[i].len = text.len;
        halt->endpoints[i].data = ngx_pstrdup(pool, &text);

        if (halt->endpoints[i].data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* one worker of a host tells of it */

static void
ngx_oof_halt_show(void)
{
    ngx_uint_t             i, closed;
    ngx_oof_api_t         *api;
    ngx_oof_used_t       **used;
    ngx_oof_main_conf_t   *omcf;

    static uint64_t  before;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    used = omcf->used.elts;

    for (i = 0; i < omcf->used.nelts; i++) {
        api = used[i]->api;

        if (!(api->flags & NGX_OOF_API_TPP)) {
            continue;
        }

        closed = ngx_oof_halt_now(api);

        ngx_oof_metric_set(&ngx_oof_halt_closed, used[i]->halt, closed);

        if (ngx_worker != 0 || used[i]->halt >= 64
            || closed == (before >> used[i]->halt & 1))
        {
            continue;
        }

        before ^= (uint64_t) 1 << used[i]->halt;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      closed ? "\"%V %V\" is closed for maintenance"
                             : "\"%V %V\" is open again after maintenance",
                      &api->name, &api->major);
    }
}


/* an API, or a part of it, of any brand */

static ngx_uint_t
ngx_oof_halt_now(ngx_oof_api_t *api)
{
    int64_t           now;
    ngx_uint_t        i, k, j;
    ngx_oof_halt_t   *halt;
    ngx_oof_route_t  *route;

    now = ngx_oof_clock_rule();

    for (i = 0; i < ngx_oof_nhalts; i++) {

        for (k = 0; k < ngx_oof_halts[i].n; k++) {
            halt = &ngx_oof_halts[i].halts[k];

            if (halt->starts > now || now >= halt->ends) {
                continue;
            }

            if (halt->n == 0) {
                return 1;
            }

            for (j = 0; j < halt->n; j++) {
                for (route = api->routes; route->path.len; route++) {
                    if (ngx_oof_halt_within(&halt->endpoints[j], &api->base,
                                            &route->path))
                    {
                        return 1;
                    }
                }
            }
        }
    }

    return 0;
}
