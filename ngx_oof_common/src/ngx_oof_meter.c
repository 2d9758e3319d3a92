
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_METER_SLOTS     512      /* endpoints and minutes, a power */
#define NGX_OOF_METER_TICK      500      /* ms */
#define NGX_OOF_METER_PERIOD    5000     /* ms that counts may wait */
#define NGX_OOF_METER_SOON      1000     /* when there are errors */
#define NGX_OOF_METER_DEADLINE  1500
#define NGX_OOF_METER_QUIT      450      /* ms of a process that quits */

/* of a slot's text: its numbers, of up to ten digits, and names */
#define NGX_OOF_METER_ROW       (66 * 11 + 64)

#define NGX_OOF_METER_JUDGE     5000     /* ms between looks for failures */
#define NGX_OOF_METER_DAYS      300000   /* ms between makings of days */
#define NGX_OOF_METER_KEPT      (2 * NGX_OOF_DAY)
#define NGX_OOF_METER_DAYS_KEPT 400
#define NGX_OOF_METER_PURGE     20000    /* rows of minutes at a time */


typedef struct {
    ngx_str_t               *base;       /* NULL: free */
    ngx_str_t               *path;
    int64_t                  minute;
    uint32_t                 calls;
    uint32_t                 good;
    uint32_t                 errors;
    uint32_t                 rejections;
    uint64_t                 millis;
    uint32_t                 seconds[60];
} ngx_oof_meter_slot_t;


struct ngx_oof_meters_s {
    ngx_oof_database_t      *db;
    ngx_str_t                brand;

    /* of this process */
    ngx_oof_meter_slot_t    *slots;
    ngx_uint_t               used;
    ngx_uint_t               hurry;      /* there are errors */
    ngx_msec_t               began;      /* the oldest count */
    u_char                   writer[NGX_OOF_UUID_LEN];
    int64_t                  batch;
    ngx_str_t                text;       /* on its way, or to go again */
    ngx_uint_t               sending;
};


typedef struct {
    ngx_oof_lease_t          lease;
    int64_t                  epoch;      /* that was asked for */
    ngx_msec_t               judge;
    ngx_msec_t               days;
    ngx_uint_t               step;       /* of the days */
    unsigned                 asking:1;
} ngx_oof_meter_lease_t;


static ngx_oof_meter_slot_t *ngx_oof_meter_slot(ngx_oof_meters_t *meters,
    ngx_oof_request_t *o, int64_t minute);
static ngx_uint_t ngx_oof_meter_same(ngx_str_t *one, ngx_str_t *other);
static void ngx_oof_meter_tick(ngx_event_t *ev);
static ngx_uint_t ngx_oof_meter_flush(ngx_oof_meters_t *meters);
static ngx_int_t ngx_oof_meter_text(ngx_oof_meters_t *meters);
static u_char *ngx_oof_meter_row(u_char *p, ngx_oof_meter_slot_t *slot);
static ngx_int_t ngx_oof_meter_send(ngx_oof_meters_t *meters);
static void ngx_oof_meter_sent(ngx_oof_pg_unit_t *u);
static ngx_oof_meters_t *ngx_oof_meter_find(ngx_conf_t *cf,
    ngx_oof_loc_conf_t *conf);

static ngx_int_t ngx_oof_meter_lease_add(ngx_conf_t *cf,
    ngx_oof_database_t *db);
static void ngx_oof_meter_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_meter_lease_tick(ngx_oof_lease_t *lease);
static ngx_oof_pg_unit_t *ngx_oof_meter_unit(ngx_oof_meter_lease_t *m,
    ngx_oof_pg_handler_pt handler);
static void ngx_oof_meter_judge(ngx_oof_meter_lease_t *m);
static void ngx_oof_meter_judged(ngx_oof_pg_unit_t *u);
static void ngx_oof_meter_days(ngx_oof_meter_lease_t *m);
static void ngx_oof_meter_made(ngx_oof_pg_unit_t *u);


static ngx_oof_metric_t  ngx_oof_meter_lost;
static ngx_oof_metric_t  ngx_oof_meter_failures;


static ngx_str_t    ngx_oof_meter_nowhere = ngx_null_string;

static ngx_event_t  ngx_oof_meter_timer;
static ngx_msec_t   ngx_oof_meter_quit;
static ngx_uint_t   ngx_oof_meter_quitting;


void
ngx_oof_meter_log(ngx_oof_request_t *o)
{
    int64_t                now;
    ngx_time_t            *tp;
    ngx_uint_t             status;
    ngx_msec_int_t         ms;
    ngx_oof_meters_t      *meters;
    ngx_http_request_t    *r;
    ngx_oof_meter_slot_t  *slot;

    r = o->r;
    meters = o->location ? o->location->meters : NULL;

    if (meters == NULL || o->route == NULL) {
        return;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;
    now = ngx_oof_clock_rule();

    slot = ngx_oof_meter_slot(meters, o, now / NGX_OOF_MINUTE);

    if (slot == NULL) {
        ngx_oof_metric_inc(&ngx_oof_meter_lost, 0, 1);
        return;
    }

    slot->calls++;
    slot->seconds[now / NGX_OOF_SECOND % 60]++;

    if (status / 100 == 2 || status == NGX_OOF_HTTP_UNPROCESSABLE) {
        slot->good++;

    } else if (status / 100 == 5 || status == NGX_HTTP_REQUEST_TIME_OUT) {
        slot->errors++;
        meters->hurry = 1;
    }

    if (status == NGX_OOF_HTTP_LOCKED || status == NGX_HTTP_TOO_MANY_REQUESTS
        || status == NGX_OOF_HTTP_OVERLOADED)
    {
        slot->rejections++;

    } else {
        tp = ngx_timeofday();

        ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                               + (tp->msec - r->start_msec));
        slot->millis += ngx_max(ms, 0);
    }

    if (!ngx_oof_meter_timer.timer_set) {
        ngx_add_timer(&ngx_oof_meter_timer, NGX_OOF_METER_TICK);
    }
}


/* minutes that were not sent yet stand side by side */

static ngx_oof_meter_slot_t *
ngx_oof_meter_slot(ngx_oof_meters_t *meters, ngx_oof_request_t *o,
    int64_t minute)
{
    ngx_str_t             *base, *path;
    ngx_uint_t             i, n;
    ngx_oof_meter_slot_t  *slot;

    if (meters->slots == NULL) {
        meters->slots = ngx_calloc(NGX_OOF_METER_SLOTS
                                   * sizeof(ngx_oof_meter_slot_t),
                                   ngx_cycle->log);
        if (meters->slots == NULL) {
            return NULL;
        }
    }

    base = &o->api->base;
    path = &o->route->path;

    if (o->api->flags & NGX_OOF_API_ANY) {
        base = &ngx_oof_meter_nowhere;
        path = &o->location->place;
    }

    /* several routes may have a path, and several locations a name */

    n = ngx_hash_key(base->data, base->len)
        + ngx_hash_key(path->data, path->len) + (ngx_uint_t) minute;

    for (i = 0; i < NGX_OOF_METER_SLOTS; i++) {

        slot = &meters->slots[(n + i) % NGX_OOF_METER_SLOTS];

        if (slot->base == NULL) {
            break;
        }

        if (slot->minute == minute
            && ngx_oof_meter_same(slot->base, base)
            && ngx_oof_meter_same(slot->path, path))
        {
            return slot;
        }
    }

    if (i == NGX_OOF_METER_SLOTS) {
        return NULL;
    }

    slot->base = base;
    slot->path = path;
    slot->minute = minute;

    if (meters->used++ == 0) {
        meters->began = ngx_current_msec;
    }

    return slot;
}


static ngx_uint_t
ngx_oof_meter_same(ngx_str_t *one, ngx_str_t *other)
{
    return one->len == other->len
           && (one->len == 0
               || ngx_memcmp(one->data, other->data, one->len) == 0);
}


/* not cancelable: a process that quits has written what it counted */

static void
ngx_oof_meter_tick(ngx_event_t *ev)
{
    ngx_uint_t             i, left;
    ngx_oof_meters_t     **meters;
    ngx_oof_main_conf_t   *omcf;

    if (ngx_exiting && !ngx_oof_meter_quitting) {
        ngx_oof_meter_quitting = 1;
        ngx_oof_meter_quit = ngx_current_msec;
    }

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);

    meters = omcf->meters.elts;
    left = 0;

    for (i = 0; i < omcf->meters.nelts; i++) {
        left += ngx_oof_meter_flush(meters[i]);
    }

    if (left) {
        ngx_add_timer(ev, ngx_exiting ? NGX_OOF_METER_TICK / 5
                                      : NGX_OOF_METER_TICK);
    }
}


/* is there more to be done */

static ngx_uint_t
ngx_oof_meter_flush(ngx_oof_meters_t *meters)
{
    ngx_msec_t  wait;

    if (meters->sending) {
        return 1;
    }

    if (ngx_exiting
        && ngx_current_msec - ngx_oof_meter_quit > NGX_OOF_METER_QUIT
        && ngx_current_msec - meters->began > NGX_OOF_METER_QUIT)
    {
        return 0;
    }

    wait = meters->hurry ? NGX_OOF_METER_SOON : NGX_OOF_METER_PERIOD;

    if (meters->text.len == 0
        && meters->used
        && (ngx_exiting || ngx_current_msec - meters->began >= wait)
        && ngx_oof_meter_text(meters) != NGX_OK)
    {
        return 1;
    }

    if (meters->text.len && ngx_oof_meter_send(meters) == NGX_OK) {
        meters->sending = 1;
    }

    return meters->text.len || meters->used;
}


/* the slots as one text, after which they are free */

static ngx_int_t
ngx_oof_meter_text(ngx_oof_meters_t *meters)
{
    u_char                *p;
    size_t                 size;
    ngx_uint_t             i;
    ngx_oof_meter_slot_t  *slot;

    size = sizeof("[]");

    for (i = 0; i < NGX_OOF_METER_SLOTS; i++) {
        slot = &meters->slots[i];

        if (slot->base) {
            size += NGX_OOF_METER_ROW + slot->base->len + 6 * slot->path->len;
        }
    }

    p = ngx_alloc(size, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    meters->text.data = p;

    *p++ = '[';

    for (i = 0; i < NGX_OOF_METER_SLOTS; i++) {
        slot = &meters->slots[i];

        if (slot->base) {

            if (p != meters->text.data + 1) {
                *p++ = ',';
            }

            p = ngx_oof_meter_row(p, slot);
        }
    }

    *p++ = ']';

    meters->text.len = p - meters->text.data;
    meters->batch++;

    ngx_memzero(meters->slots,
                NGX_OOF_METER_SLOTS * sizeof(ngx_oof_meter_slot_t));

    meters->used = 0;
    meters->hurry = 0;

    return NGX_OK;
}


static u_char *
ngx_oof_meter_row(u_char *p, ngx_oof_meter_slot_t *slot)
{
    ngx_uint_t  i;

    p = ngx_sprintf(p, "{\"e\":\"%V", slot->base);
    p = (u_char *) ngx_escape_json(p, slot->path->data, slot->path->len);
    p = ngx_sprintf(p, "\",\"m\":%L,\"c\":%uD,\"g\":%uD,\"x\":%uD,\"r\":%uD,"
                    "\"t\":%uL,\"s\":[",
                    slot->minute, slot->calls, slot->good, slot->errors,
                    slot->rejections, slot->millis);

    for (i = 0; i < 60; i++) {
        p = ngx_sprintf(p, "%s%uD", i ? "," : "", slot->seconds[i]);
    }

    *p++ = ']';
    *p++ = '}';

    return p;
}


static ngx_int_t
ngx_oof_meter_send(ngx_oof_meters_t *meters)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(meters->db, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    u->handler = ngx_oof_meter_sent;
    u->data = meters;
    u->deadline = ngx_current_msec + (ngx_exiting ? NGX_OOF_METER_QUIT
                                                  : NGX_OOF_METER_DEADLINE);

    ngx_oof_pg_statement(u, &ngx_oof_sql_meter_add);
    ngx_oof_pg_uuid(u, meters->writer);
    ngx_oof_pg_int8(u, meters->batch);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_text(u, &meters->brand);
    ngx_oof_pg_text(u, &meters->text);

    return ngx_oof_pg_send(u);
}


/* one that was not acknowledged goes again, with the same number */

static void
ngx_oof_meter_sent(ngx_oof_pg_unit_t *u)
{
    ngx_oof_meters_t *meters = u->data;

    meters->sending = 0;

    if (u->rc == NGX_OOF_PG_OK || u->rc == NGX_OOF_PG_ERROR) {
        ngx_free(meters->text.data);
        ngx_str_null(&meters->text);
    }
}


char *
ngx_oof_meter_merge(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf)
{
    ngx_conf_merge_value(conf->metered, prev->metered, 1);

    if (!conf->metered || conf->api == NULL || conf->database == NULL
        || !(conf->api->flags & (NGX_OOF_API_TPP|NGX_OOF_API_OPEN)))
    {
        return NGX_CONF_OK;
    }

    conf->meters = ngx_oof_meter_find(cf, conf);

    return conf->meters ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_oof_meters_t *
ngx_oof_meter_find(ngx_conf_t *cf, ngx_oof_loc_conf_t *conf)
{
    ngx_uint_t             i;
    ngx_oof_meters_t      *meters, **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    all = omcf->meters.elts;

    for (i = 0; i < omcf->meters.nelts; i++) {
        meters = all[i];

        if (meters->db == conf->database
            && meters->brand.len == conf->brand.len
            && ngx_strncmp(meters->brand.data, conf->brand.data,
                           conf->brand.len)
               == 0)
        {
            return meters;
        }
    }

    meters = ngx_pcalloc(cf->pool, sizeof(ngx_oof_meters_t));
    all = ngx_array_push(&omcf->meters);

    if (meters == NULL || all == NULL) {
        return NULL;
    }

    *all = meters;

    meters->db = conf->database;
    meters->brand = conf->brand;

    return meters;
}


ngx_int_t
ngx_oof_meter_init(ngx_conf_t *cf)
{
    if (ngx_oof_metric_add(cf, &ngx_oof_meter_lost, "oof_meter_lost_total",
                           "Calls that the public metrics lack, as the "
                           "database was away for long.",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_meter_failures,
                              "oof_failures_total",
                              "Failures of endpoints that were opened.",
                              NGX_OOF_METRIC_COUNTER)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_leased_databases(cf, ngx_oof_meter_lease_add);
}


static ngx_int_t
ngx_oof_meter_lease_add(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    ngx_oof_meter_lease_t  *m;

    m = ngx_pcalloc(cf->pool, sizeof(ngx_oof_meter_lease_t));
    if (m == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&m->lease.name, "status");

    m->lease.db = db;
    m->lease.acquired = ngx_oof_meter_acquired;
    m->lease.tick = ngx_oof_meter_lease_tick;
    m->lease.data = m;

    return ngx_oof_lease_add(cf, &m->lease);
}


static void
ngx_oof_meter_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_meter_lease_t *m = lease->data;

    m->judge = ngx_current_msec;
    m->days = ngx_current_msec;
    m->step = 0;

    ngx_oof_meter_lease_tick(lease);
}


/* one thing a second */

static void
ngx_oof_meter_lease_tick(ngx_oof_lease_t *lease)
{
    ngx_oof_meter_lease_t *m = lease->data;

    if (m->asking || !ngx_oof_lease_held(lease)) {
        return;
    }

    if ((ngx_msec_int_t) (m->judge - ngx_current_msec) <= 0) {
        ngx_oof_meter_judge(m);
        return;
    }

    if ((ngx_msec_int_t) (m->days - ngx_current_msec) <= 0) {
        ngx_oof_meter_days(m);
    }
}


static ngx_oof_pg_unit_t *
ngx_oof_meter_unit(ngx_oof_meter_lease_t *m, ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(m->lease.db, NGX_OOF_PG_SOLO);

    if (u) {
        u->handler = handler;
        u->data = m;
        u->deadline = ngx_current_msec + 2 * NGX_OOF_METER_DEADLINE;

        m->epoch = m->lease.epoch;
    }

    return u;
}


static void
ngx_oof_meter_judge(ngx_oof_meter_lease_t *m)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_meter_unit(m, ngx_oof_meter_judged);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_meter_judge);
    ngx_oof_pg_int8(u, m->lease.epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int4(u, NGX_OOF_METER_ERRORS);

    m->judge = ngx_current_msec + NGX_OOF_METER_JUDGE;
    m->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


static void
ngx_oof_meter_judged(ngx_oof_pg_unit_t *u)
{
    ngx_oof_meter_lease_t *m = u->data;

    int64_t  opened, closed;

    m->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        return;
    }

    opened = ngx_oof_pg_get_int(u, 0, 0, 1);
    closed = ngx_oof_pg_get_int(u, 0, 0, 2);

    if (opened) {
        ngx_oof_metric_inc(&ngx_oof_meter_failures, 0, (ngx_int_t) opened);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%L endpoints of database \"%V\" fail", opened,
                      ngx_oof_database_name(m->lease.db));
    }

    if (closed) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%L endpoints of database \"%V\" fail no more", closed,
                      ngx_oof_database_name(m->lease.db));
    }
}


/* today, yesterday (what came late), and what is too old, a second each */

static void
ngx_oof_meter_days(ngx_oof_meter_lease_t *m)
{
    int64_t             day;
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_meter_unit(m, ngx_oof_meter_made);
    if (u == NULL) {
        return;
    }

    day = ngx_oof_clock_today(ngx_oof_clock_rule());

    if (m->step < 2) {
        day -= (int64_t) m->step;

        ngx_oof_pg_statement(u, &ngx_oof_sql_meter_day);
        ngx_oof_pg_int8(u, m->lease.epoch);
        ngx_oof_pg_int4(u, (int32_t) day);
        ngx_oof_pg_time(u, ngx_oof_clock_day_start(day));
        ngx_oof_pg_time(u, ngx_oof_clock_day_start(day + 1));

    } else {
        ngx_oof_pg_statement(u, &ngx_oof_sql_meter_purge);
        ngx_oof_pg_int8(u, m->lease.epoch);
        ngx_oof_pg_time(u, ngx_oof_clock_rule() - NGX_OOF_METER_KEPT);
        ngx_oof_pg_int4(u, (int32_t) (day - NGX_OOF_METER_DAYS_KEPT));
        ngx_oof_pg_int4(u, NGX_OOF_METER_PURGE);
    }

    m->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


static void
ngx_oof_meter_made(ngx_oof_pg_unit_t *u)
{
    ngx_oof_meter_lease_t *m = u->data;

    m->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ++m->step == 3) {
        m->step = 0;
        m->days = ngx_current_msec + NGX_OOF_METER_DAYS;
    }
}


ngx_int_t
ngx_oof_meter_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_meters_t     **meters;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);

    meters = omcf->meters.elts;

    for (i = 0; i < omcf->meters.nelts; i++) {
        if (ngx_oof_uuid7(meters[i]->writer) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_meter_timer.handler = ngx_oof_meter_tick;
    ngx_oof_meter_timer.log = cycle->log;
    ngx_oof_meter_timer.data = cycle;

    return NGX_OK;
}


void
ngx_oof_meter_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_meters_t     **meters;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);

    meters = omcf->meters.elts;

    for (i = 0; i < omcf->meters.nelts; i++) {

        if (meters[i]->slots) {
            ngx_free(meters[i]->slots);
            meters[i]->slots = NULL;
        }

        if (meters[i]->text.len) {
            ngx_free(meters[i]->text.data);
            ngx_str_null(&meters[i]->text);
        }
    }
}
