
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_rotation.h>


/* times are in ms */

#define NGX_OOF_ROTATION_LOOK      1000    /* whether there is one */
#define NGX_OOF_ROTATION_AGAIN     2000    /* one that waits, a third pass */
#define NGX_OOF_ROTATION_RETRY     1000
#define NGX_OOF_ROTATION_BUSY      200
#define NGX_OOF_ROTATION_FULL      60000
#define NGX_OOF_ROTATION_DEADLINE  5000
#define NGX_OOF_ROTATION_TELL      60      /* s, between lines of progress */

#define NGX_OOF_ROTATION_ROWS_MAX  2000
#define NGX_OOF_ROTATION_NAME      256     /* of a row */


/* columns of rotation_look, rotation_tables */

#define NGX_OOF_LOOK_COL_BRAND     0
#define NGX_OOF_LOOK_COL_KEYS      1
#define NGX_OOF_LOOK_COL_TARGET    2
#define NGX_OOF_LOOK_COL_STATE     3
#define NGX_OOF_LOOK_COL_CHECKING  4
#define NGX_OOF_LOOK_COL_PASS      5

#define NGX_OOF_TABLE_COL_NAME      0
#define NGX_OOF_TABLE_COL_PASS      1
#define NGX_OOF_TABLE_COL_FINISHED  2
#define NGX_OOF_TABLE_COL_CURSOR    3
#define NGX_OOF_TABLE_COL_ROWS      4
#define NGX_OOF_TABLE_COL_CHANGED   5
#define NGX_OOF_TABLE_COL_LEFT      9


typedef struct {
    ngx_oof_rotation_table_t   *table;
    ngx_uint_t                  series;
    int64_t                     left;
    unsigned                    begun:1;
    unsigned                    finished:1;
} ngx_oof_rotation_place_t;


typedef void (*ngx_oof_rotation_pt)(ngx_oof_rotation_t *r);


struct ngx_oof_rotation_s {
    ngx_oof_rotation_t         *next;        /* of this configuration */
    ngx_oof_lease_t            *lease;
    ngx_array_t                 places;      /* ngx_oof_rotation_place_t */
    ngx_uint_t                  series[4];   /* of the result of a row */
    ngx_uint_t                  pass_series;
    ngx_uint_t                  rows;
    ngx_uint_t                  limit;       /* of the next batch */
    ngx_msec_t                  pause;

    ngx_event_t                 timer;
    ngx_oof_rotation_pt         step;        /* what the timer does */
    int64_t                     epoch;       /* that was asked for */

    /* the rotation that is gone on with */
    ngx_oof_keys_t             *keys;
    ngx_uint_t                  place;
    ngx_uint_t                  pass;
    ngx_str_t                   brand;
    u_char                      brand_data[NGX_OOF_NAME_MAX];

    /* the last row that is done, and what is being done */
    ngx_str_t                   cursor;      /* empty: none */
    u_char                      cursor_data[NGX_OOF_ROTATION_NAME];
    ngx_pool_t                 *pool;
    ngx_oof_rotation_batch_t    batch;
    ngx_uint_t                  written;

    time_t                      told;
    time_t                      complained;
    unsigned                    asking:1;
    unsigned                    checking:1;
    unsigned                    waiting:1;
    unsigned                    last:1;      /* the batch ends the table */
};


static ngx_int_t ngx_oof_rotation_metrics(ngx_conf_t *cf,
    ngx_oof_rotation_t *r);
static ngx_int_t ngx_oof_rotation_place(ngx_conf_t *cf, ngx_oof_rotation_t *r,
    ngx_oof_rotation_table_t *table);
static ngx_int_t ngx_oof_rotation_series(ngx_conf_t *cf,
    ngx_oof_metric_t *metric, ngx_oof_rotation_t *r, const char *label,
    ngx_str_t *value);
static void ngx_oof_rotation_timer(ngx_event_t *ev);
static void ngx_oof_rotation_go(ngx_oof_rotation_t *r,
    ngx_oof_rotation_pt step, ngx_msec_t wait);
static ngx_oof_pg_unit_t *ngx_oof_rotation_unit(ngx_oof_rotation_t *r,
    ngx_oof_sql_t *sql, ngx_oof_pg_handler_pt handler);
static void ngx_oof_rotation_send(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_rotation_answer(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_drop(ngx_oof_rotation_t *r);

static void ngx_oof_rotation_look(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_looked(ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_rotation_mine(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_where(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_found(ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_found_table(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static void ngx_oof_rotation_begin(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_begun(ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_read(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_judge(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_rotation_keep(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u, ngx_oof_rotation_batch_t *batch);
static void ngx_oof_rotation_store(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_stored(ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_rotation_failed(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_mark(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_marked(ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_tell(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_end(ngx_oof_rotation_t *r);
static void ngx_oof_rotation_ended(ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_end_tell(ngx_oof_rotation_t *r,
    ngx_oof_pg_unit_t *u);


static ngx_oof_metric_t  ngx_oof_rotation_rows_total;
static ngx_oof_metric_t  ngx_oof_rotation_left;
static ngx_oof_metric_t  ngx_oof_rotation_pass;


static ngx_str_t  ngx_oof_rotation_results[] = {
    ngx_string("kept"),
    ngx_string("written"),
    ngx_string("held"),
    ngx_string("unreadable")
};


/* of the configuration that is being read */

static ngx_oof_rotation_t  *ngx_oof_rotations;


char *
ngx_oof_rotation_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value, s;
    ngx_uint_t  i;

    if (omcf->rotation_rows != NGX_CONF_UNSET_UINT
        || omcf->rotation_pause != NGX_CONF_UNSET_MSEC)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "rows=", 5) == 0
            && omcf->rotation_rows == NGX_CONF_UNSET_UINT)
        {
            n = ngx_atoi(value[i].data + 5, value[i].len - 5);

            if (n < 1 || n > NGX_OOF_ROTATION_ROWS_MAX) {
                return "has rows that are not 1 to 2000";
            }

            omcf->rotation_rows = n;
            continue;
        }

        if (ngx_strncmp(value[i].data, "pause=", 6) == 0
            && omcf->rotation_pause == NGX_CONF_UNSET_MSEC)
        {
            s.data = value[i].data + 6;
            s.len = value[i].len - 6;

            n = ngx_parse_time(&s, 0);

            if (n == NGX_ERROR || n > 60000) {
                return "has a pause that is not a time up to 60s";
            }

            omcf->rotation_pause = n;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_rotation\" takes \"rows=N\" and "
                           "\"pause=TIME\", not \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_oof_rotation_init(ngx_conf_t *cf)
{
    ngx_oof_rotations = NULL;
}


ngx_oof_rotation_t *
ngx_oof_rotation_create(ngx_conf_t *cf, ngx_oof_lease_t *lease)
{
    ngx_oof_rotation_t   *r;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    r = ngx_pcalloc(cf->pool, sizeof(ngx_oof_rotation_t));

    if (r == NULL
        || ngx_array_init(&r->places, cf->pool, 16,
                          sizeof(ngx_oof_rotation_place_t))
           != NGX_OK)
    {
        return NULL;
    }

    r->lease = lease;
    r->rows = omcf->rotation_rows;
    r->limit = r->rows;
    r->pause = omcf->rotation_pause;
    r->brand.data = r->brand_data;
    r->cursor.data = r->cursor_data;

    r->timer.handler = ngx_oof_rotation_timer;
    r->timer.data = r;
    r->timer.log = &cf->cycle->new_log;
    r->timer.cancelable = 1;

    if (ngx_oof_rotation_metrics(cf, r) != NGX_OK) {
        return NULL;
    }

    r->next = ngx_oof_rotations;
    ngx_oof_rotations = r;

    return r;
}


static ngx_int_t
ngx_oof_rotation_metrics(ngx_conf_t *cf, ngx_oof_rotation_t *r)
{
    ngx_int_t   series;
    ngx_uint_t  i;

    if (ngx_oof_metric_add(cf, &ngx_oof_rotation_rows_total,
                           "oof_rotation_rows_total",
                           "Rows with personal data that a rotation of keys "
                           "has looked at, by what became of them.",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_rotation_left,
                              "oof_rotation_rows_left",
                              "Rows that are left of this pass of a rotation "
                              "of keys.",
                              NGX_OOF_METRIC_SPARSE)
           != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_rotation_pass,
                              "oof_rotation_pass",
                              "Which pass a rotation of keys is in.",
                              NGX_OOF_METRIC_SPARSE)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < 4; i++) {
        series = ngx_oof_rotation_series(cf, &ngx_oof_rotation_rows_total, r,
                                         "result",
                                         &ngx_oof_rotation_results[i]);
        if (series == NGX_ERROR) {
            return NGX_ERROR;
        }

        r->series[i] = series;
    }

    series = ngx_oof_rotation_series(cf, &ngx_oof_rotation_pass, r, NULL,
                                     NULL);
    if (series == NGX_ERROR) {
        return NGX_ERROR;
    }

    r->pass_series = series;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_rotation_series(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_oof_rotation_t *r, const char *label, ngx_str_t *value)
{
    u_char     *p;
    ngx_str_t   labels, *name;

    name = ngx_oof_database_name(r->lease->db);

    labels.len = sizeof("database=\"\",=\"\"") - 1 + name->len
                 + (label ? ngx_strlen(label) + value->len : 0);
    labels.data = ngx_pnalloc(cf->pool, labels.len);

    if (labels.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(labels.data, "database=\"%V\"", name);

    if (label) {
        p = ngx_sprintf(p, ",%s=\"%V\"", label, value);
    }

    labels.len = p - labels.data;

    return ngx_oof_metric_series(cf, metric, &labels);
}


ngx_int_t
ngx_oof_rotation_tables(ngx_conf_t *cf, ngx_oof_rotation_table_t *tables)
{
    ngx_oof_rotation_t        *r;
    ngx_oof_rotation_table_t  *table;

    for (r = ngx_oof_rotations; r; r = r->next) {
        for (table = tables; table->name.len; table++) {
            if (ngx_oof_rotation_place(cf, r, table) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_rotation_place(ngx_conf_t *cf, ngx_oof_rotation_t *r,
    ngx_oof_rotation_table_t *table)
{
    ngx_int_t                  series;
    ngx_oof_rotation_place_t  *place;

    series = ngx_oof_rotation_series(cf, &ngx_oof_rotation_left, r, "table",
                                     &table->name);
    place = ngx_array_push(&r->places);

    if (series == NGX_ERROR || place == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(place, sizeof(ngx_oof_rotation_place_t));
    place->table = table;
    place->series = series;

    return NGX_OK;
}


void
ngx_oof_rotation_acquired(ngx_oof_rotation_t *r)
{
    r->told = ngx_time();

    if (!r->asking) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, 1);
    }
}


/* values that nobody keeps any more would only deceive */

void
ngx_oof_rotation_lost(ngx_oof_rotation_t *r)
{
    ngx_uint_t                 i;
    ngx_oof_rotation_place_t  *place;

    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    place = r->places.elts;

    for (i = 0; i < r->places.nelts; i++) {
        ngx_oof_metric_unset(&ngx_oof_rotation_left, place[i].series);
    }

    ngx_oof_metric_unset(&ngx_oof_rotation_pass, r->pass_series);
}


/* an answer that came too late has left nothing behind that would go on */

void
ngx_oof_rotation_tick(ngx_oof_rotation_t *r)
{
    if (!r->asking && !r->timer.timer_set) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, 1);
    }
}


static void
ngx_oof_rotation_timer(ngx_event_t *ev)
{
    ngx_oof_rotation_t *r = ev->data;

    if (r->asking || ngx_exiting || !ngx_oof_lease_held(r->lease)
        || !ngx_oof_clock_ready())
    {
        return;
    }

    r->step(r);

    if (!r->asking && !r->timer.timer_set) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, NGX_OOF_ROTATION_RETRY);
    }
}


static void
ngx_oof_rotation_go(ngx_oof_rotation_t *r, ngx_oof_rotation_pt step,
    ngx_msec_t wait)
{
    r->step = step;

    ngx_add_timer(&r->timer, wait ? wait : 1);
}


static ngx_oof_pg_unit_t *
ngx_oof_rotation_unit(ngx_oof_rotation_t *r, ngx_oof_sql_t *sql,
    ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(r->lease->db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return NULL;
    }

    u->handler = handler;
    u->data = r;
    u->deadline = ngx_current_msec + NGX_OOF_ROTATION_DEADLINE;

    if (sql) {
        ngx_oof_pg_statement(u, sql);
    }

    return u;
}


static void
ngx_oof_rotation_send(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u)
{
    r->epoch = r->lease->epoch;

    if (ngx_oof_pg_send(u) == NGX_OK) {
        r->asking = 1;
    }
}


/* 0: what was asked for is void, and it begins where the database says */

static ngx_uint_t
ngx_oof_rotation_answer(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u)
{
    r->asking = 0;

    if (ngx_exiting || r->lease->epoch == 0) {
        ngx_oof_rotation_drop(r);
        return 0;
    }

    if (u->rc != NGX_OOF_PG_OK || r->epoch != r->lease->epoch) {
        ngx_oof_rotation_drop(r);
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, NGX_OOF_ROTATION_RETRY);
        return 0;
    }

    return 1;
}


static void
ngx_oof_rotation_drop(ngx_oof_rotation_t *r)
{
    if (r->pool) {
        ngx_destroy_pool(r->pool);
        r->pool = NULL;
    }
}


static void
ngx_oof_rotation_look(ngx_oof_rotation_t *r)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_rotation_unit(r, &ngx_oof_sql_rotation_look,
                              ngx_oof_rotation_looked);
    if (u) {
        ngx_oof_rotation_send(r, u);
    }
}


static void
ngx_oof_rotation_looked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    ngx_str_t   brand, state;
    ngx_uint_t  pass;

    if (!ngx_oof_rotation_answer(r, u)) {
        return;
    }

    if (ngx_oof_pg_rows(u, 0) == 0) {
        ngx_oof_metric_unset(&ngx_oof_rotation_pass, r->pass_series);
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, NGX_OOF_ROTATION_LOOK);
        return;
    }

    if (!ngx_oof_rotation_mine(r, u)) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, NGX_OOF_ROTATION_AGAIN);
        return;
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_LOOK_COL_BRAND, &brand);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_LOOK_COL_STATE, &state);

    r->brand.len = ngx_min(brand.len, NGX_OOF_NAME_MAX);
    ngx_memcpy(r->brand.data, brand.data, r->brand.len);

    r->checking = ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_LOOK_COL_CHECKING) != 0;
    r->waiting = (state.data[0] == 'w');

    pass = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_LOOK_COL_PASS);

    r->pass = pass;
    ngx_oof_metric_set(&ngx_oof_rotation_pass, r->pass_series, pass);

    ngx_oof_rotation_go(r, r->waiting ? ngx_oof_rotation_end
                                      : ngx_oof_rotation_where, 0);
}


/* whether this process has the keys as the one had that was told to begin */

static ngx_uint_t
ngx_oof_rotation_mine(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u)
{
    u_char      own[NGX_OOF_KEYS_TARGET];
    ngx_str_t   brand, name, target;

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_LOOK_COL_BRAND, &brand);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_LOOK_COL_KEYS, &name);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_LOOK_COL_TARGET, &target);

    r->keys = ngx_oof_keys_named((ngx_cycle_t *) ngx_cycle, &name);

    if (r->keys) {
        ngx_oof_keys_target(r->keys, own);

        if (target.len == NGX_OOF_KEYS_TARGET
            && ngx_memcmp(target.data, own, NGX_OOF_KEYS_TARGET) == 0)
        {
            return 1;
        }
    }

    if (ngx_time() - r->complained >= NGX_OOF_ROTATION_TELL) {
        r->complained = ngx_time();

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "rotation of keys \"%V\" of brand \"%V\" waits: here "
                      "other keys come first", &name, &brand);
    }

    return 0;
}


static void
ngx_oof_rotation_where(ngx_oof_rotation_t *r)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_rotation_unit(r, &ngx_oof_sql_rotation_tables,
                              ngx_oof_rotation_found);
    if (u) {
        ngx_oof_pg_text(u, &r->brand);
        ngx_oof_rotation_send(r, u);
    }
}


/* first all tables are counted, then each is read */

static void
ngx_oof_rotation_found(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    ngx_uint_t                 i;
    ngx_oof_rotation_place_t  *place;

    if (!ngx_oof_rotation_answer(r, u)) {
        return;
    }

    place = r->places.elts;

    for (i = 0; i < r->places.nelts; i++) {
        place[i].begun = 0;
        place[i].finished = 0;
    }

    r->place = r->places.nelts;
    r->cursor.len = 0;

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        ngx_oof_rotation_found_table(r, u, i);
    }

    for (i = 0; i < r->places.nelts; i++) {

        if (!place[i].begun) {
            r->place = i;
            ngx_oof_rotation_go(r, ngx_oof_rotation_begin, 0);
            return;
        }
    }

    ngx_oof_rotation_go(r, r->place < r->places.nelts ? ngx_oof_rotation_read
                                                      : ngx_oof_rotation_end,
                        0);
}


static void
ngx_oof_rotation_found_table(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    ngx_str_t                  name, cursor;
    ngx_uint_t                 i;
    ngx_oof_rotation_place_t  *place;

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_TABLE_COL_NAME, &name);

    place = r->places.elts;

    for (i = 0; i < r->places.nelts; i++) {
        if (place[i].table->name.len == name.len
            && ngx_memcmp(place[i].table->name.data, name.data, name.len) == 0)
        {
            break;
        }
    }

    if (i == r->places.nelts
        || ngx_oof_pg_get_int(u, 0, row, NGX_OOF_TABLE_COL_PASS)
           != (int64_t) r->pass)
    {
        return;
    }

    place[i].begun = 1;
    place[i].finished = ngx_oof_pg_get_int(u, 0, row,
                                           NGX_OOF_TABLE_COL_FINISHED) != 0;
    place[i].left = ngx_oof_pg_get_int(u, 0, row, NGX_OOF_TABLE_COL_LEFT);

    ngx_oof_metric_set(&ngx_oof_rotation_left, place[i].series,
                       (ngx_int_t) place[i].left);

    /* the tables have an order: holders are known before resources are read */

    if (place[i].finished || i >= r->place) {
        return;
    }

    r->place = i;

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_TABLE_COL_CURSOR, &cursor);

    r->cursor.len = ngx_min(cursor.len, NGX_OOF_ROTATION_NAME);

    if (r->cursor.len) {
        ngx_memcpy(r->cursor.data, cursor.data, r->cursor.len);
    }
}


static void
ngx_oof_rotation_begin(ngx_oof_rotation_t *r)
{
    ngx_oof_pg_unit_t         *u;
    ngx_oof_rotation_place_t  *place;

    place = r->places.elts;
    place += r->place;

    u = ngx_oof_rotation_unit(r, &ngx_oof_sql_rotation_begin,
                              ngx_oof_rotation_begun);
    if (u) {
        ngx_oof_pg_text(u, &r->brand);
        ngx_oof_pg_text(u, &place->table->name);
        ngx_oof_pg_int4(u, (int32_t) r->pass);
        ngx_oof_pg_int8(u, r->lease->epoch);
        ngx_oof_rotation_send(r, u);
    }
}


static void
ngx_oof_rotation_begun(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    if (ngx_oof_rotation_answer(r, u)) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_where, 0);
    }
}


static void
ngx_oof_rotation_read(ngx_oof_rotation_t *r)
{
    ngx_oof_pg_unit_t         *u;
    ngx_oof_rotation_place_t  *place;

    place = r->places.elts;
    place += r->place;

    u = ngx_oof_rotation_unit(r, place->table->read, ngx_oof_rotation_judge);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_text(u, &r->brand);

    ngx_oof_pg_some(u, &r->cursor);

    ngx_oof_pg_int8(u, (int64_t) r->limit);
    ngx_oof_rotation_send(r, u);
}


static void
ngx_oof_rotation_judge(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    ngx_int_t                  rc;
    ngx_oof_rotation_batch_t   batch;
    ngx_oof_rotation_place_t  *place;

    if (!ngx_oof_rotation_answer(r, u)) {
        return;
    }

    place = r->places.elts;
    place += r->place;

    rc = ngx_oof_rotation_rows(place->table, r->keys, &r->brand, r->checking,
                               u, &batch);

    if (rc == NGX_OK) {
        r->last = (ngx_oof_pg_rows(u, 0) < r->limit);
        rc = ngx_oof_rotation_keep(r, u, &batch);
    }

    if (rc != NGX_OK) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_read,
                            rc == NGX_BUSY ? NGX_OOF_ROTATION_BUSY
                            : rc == NGX_DECLINED ? NGX_OOF_ROTATION_FULL
                            : NGX_OOF_ROTATION_RETRY);
        return;
    }

    if (r->batch.json.len || r->batch.holders.len) {
        ngx_oof_rotation_store(r);

    } else {
        ngx_oof_rotation_mark(r);
    }
}


/* what is to be written outlives the unit that was read */

static ngx_int_t
ngx_oof_rotation_keep(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u,
    ngx_oof_rotation_batch_t *batch)
{
    ngx_uint_t   i;
    ngx_str_t   *from[4], *to[4];

    ngx_oof_rotation_drop(r);

    r->pool = ngx_create_pool(1024, ngx_cycle->log);
    if (r->pool == NULL) {
        return NGX_ERROR;
    }

    r->batch = *batch;
    r->written = 0;

    from[0] = &batch->json;
    from[1] = &batch->holders;
    from[2] = &batch->counts;
    from[3] = &batch->last;

    to[0] = &r->batch.json;
    to[1] = &r->batch.holders;
    to[2] = &r->batch.counts;
    to[3] = &r->batch.last;

    for (i = 0; i < 4; i++) {

        if (from[i]->len == 0) {
            continue;
        }

        to[i]->data = ngx_pstrdup(r->pool, from[i]);
        if (to[i]->data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_oof_rotation_store(ngx_oof_rotation_t *r)
{
    ngx_oof_pg_unit_t         *u;
    ngx_oof_rotation_place_t  *place;

    place = r->places.elts;
    place += r->place;

    u = ngx_oof_rotation_unit(r, NULL, ngx_oof_rotation_stored);

    if (u == NULL) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_read, NGX_OOF_ROTATION_RETRY);
        return;
    }

    if (r->batch.holders.len) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_rotation_holders);
        ngx_oof_pg_text(u, &r->brand);
        ngx_oof_pg_text(u, &r->batch.holders);
    }

    if (r->batch.json.len) {
        ngx_oof_pg_statement(u, place->table->write);
        ngx_oof_pg_text(u, &r->batch.json);
        ngx_oof_pg_int8(u, r->lease->epoch);
    }

    ngx_oof_rotation_send(r, u);

    if (!r->asking) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_read, NGX_OOF_ROTATION_RETRY);
    }
}


static void
ngx_oof_rotation_stored(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    ngx_uint_t  s;

    if (ngx_oof_rotation_failed(r, u) || !ngx_oof_rotation_answer(r, u)) {
        return;
    }

    s = u->nstatements - 1;

    if (r->batch.json.len && ngx_oof_pg_rows(u, s) == 1) {
        r->written = (ngx_uint_t) ngx_oof_pg_get_int(u, s, 0, 1);
    }

    ngx_oof_rotation_mark(r);
}


/*
 * One row that cannot be written must not hold up the others: batches become
 * smaller until it is alone, then it is counted and left.
 */

static ngx_uint_t
ngx_oof_rotation_failed(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_place_t  *place;

    if ((u->rc != NGX_OOF_PG_ERROR && u->rc != NGX_OOF_PG_TIMEOUT)
        || ngx_exiting || r->lease->epoch == 0
        || r->epoch != r->lease->epoch)
    {
        return 0;
    }

    if (r->limit > 1) {
        r->asking = 0;
        r->limit = ngx_max(r->limit / 4, 1);

        ngx_oof_rotation_drop(r);
        ngx_oof_rotation_go(r, ngx_oof_rotation_read, NGX_OOF_ROTATION_BUSY);
        return 1;
    }

    if (u->rc == NGX_OOF_PG_TIMEOUT) {
        return 0;
    }

    place = r->places.elts;
    place += r->place;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "a row of \"%V\" of brand \"%V\" cannot be written: it "
                  "stays under the key that it is under",
                  &place->table->name, &r->brand);

    r->asking = 0;
    r->batch.unreadable += r->batch.changed;
    r->batch.changed = 0;

    ngx_oof_rotation_mark(r);

    return 1;
}


static void
ngx_oof_rotation_mark(ngx_oof_rotation_t *r)
{
    ngx_uint_t                 changed;
    ngx_oof_pg_unit_t         *u;
    ngx_oof_rotation_batch_t  *b;
    ngx_oof_rotation_place_t  *place;

    b = &r->batch;

    place = r->places.elts;
    place += r->place;

    u = ngx_oof_rotation_unit(r, &ngx_oof_sql_rotation_step,
                              ngx_oof_rotation_marked);

    if (u == NULL) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_read, NGX_OOF_ROTATION_RETRY);
        return;
    }

    changed = r->checking ? b->changed : r->written;

    ngx_oof_pg_text(u, &r->brand);
    ngx_oof_pg_text(u, &place->table->name);
    ngx_oof_pg_int4(u, (int32_t) r->pass);

    ngx_oof_pg_some(u, &r->cursor);

    ngx_oof_pg_some(u, &b->last);

    ngx_oof_pg_bool(u, r->last);
    ngx_oof_pg_int8(u, (int64_t) b->rows);
    ngx_oof_pg_int8(u, (int64_t) changed);
    ngx_oof_pg_int8(u, (int64_t) (b->changed - changed));
    ngx_oof_pg_int8(u, (int64_t) b->unreadable);
    ngx_oof_pg_int8(u, (int64_t) b->unknown);
    ngx_oof_pg_text(u, &b->counts);
    ngx_oof_pg_int8(u, r->lease->epoch);

    ngx_oof_rotation_send(r, u);

    if (!r->asking) {
        ngx_oof_rotation_go(r, ngx_oof_rotation_read, NGX_OOF_ROTATION_RETRY);
    }
}


static void
ngx_oof_rotation_marked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    ngx_uint_t                 n[4], i;
    ngx_oof_rotation_batch_t  *b;
    ngx_oof_rotation_place_t  *place;

    if (!ngx_oof_rotation_answer(r, u)) {
        return;
    }

    b = &r->batch;

    if (ngx_oof_pg_rows(u, 0) != 1 || ngx_oof_pg_get_int(u, 0, 0, 1) == 0) {

        /* stopped, begun anew, or somebody else has done it */

        ngx_oof_rotation_drop(r);
        ngx_oof_rotation_go(r, ngx_oof_rotation_look, 0);
        return;
    }

    place = r->places.elts;
    place += r->place;

    n[0] = b->rows - b->changed - b->unreadable;
    n[1] = r->written;
    n[2] = r->checking ? 0 : b->changed - r->written;
    n[3] = b->unreadable;

    for (i = 0; i < 4; i++) {
        ngx_oof_metric_inc(&ngx_oof_rotation_rows_total, r->series[i], n[i]);
    }

    r->limit = ngx_min(2 * r->limit, r->rows);

    place->left = ngx_max(place->left - (int64_t) b->rows, 1);

    if (b->last.len) {
        r->cursor.len = ngx_min(b->last.len, NGX_OOF_ROTATION_NAME);
        ngx_memcpy(r->cursor.data, b->last.data, r->cursor.len);
    }

    ngx_oof_rotation_drop(r);

    if (r->last) {
        place->left = 0;
    }

    ngx_oof_metric_set(&ngx_oof_rotation_left, place->series,
                       (ngx_int_t) place->left);

    ngx_oof_rotation_tell(r);

    ngx_oof_rotation_go(r, r->last ? ngx_oof_rotation_where
                                   : ngx_oof_rotation_read, r->pause);
}


static void
ngx_oof_rotation_tell(ngx_oof_rotation_t *r)
{
    int64_t                    left;
    ngx_uint_t                 i;
    ngx_oof_rotation_place_t  *place;

    if (ngx_time() - r->told < NGX_OOF_ROTATION_TELL) {
        return;
    }

    r->told = ngx_time();

    left = 0;
    place = r->places.elts;

    for (i = 0; i < r->places.nelts; i++) {
        left += place[i].left;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "rotation of keys \"%V\" of brand \"%V\": pass %ui, about "
                  "%L rows are left of it", ngx_oof_keys_name(r->keys),
                  &r->brand, r->pass, left);
}


static void
ngx_oof_rotation_end(ngx_oof_rotation_t *r)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_rotation_unit(r, &ngx_oof_sql_rotation_end,
                              ngx_oof_rotation_ended);
    if (u) {
        ngx_oof_pg_text(u, &r->brand);
        ngx_oof_pg_int4(u, (int32_t) r->pass);
        ngx_oof_pg_bool(u, ngx_oof_keys_count(r->keys, 1) > 1);
        ngx_oof_pg_time(u, ngx_oof_clock_rule());
        ngx_oof_pg_int8(u, r->lease->epoch);
        ngx_oof_rotation_send(r, u);
    }
}


static void
ngx_oof_rotation_ended(ngx_oof_pg_unit_t *u)
{
    ngx_oof_rotation_t *r = u->data;

    ngx_str_t  state;

    if (!ngx_oof_rotation_answer(r, u)) {
        return;
    }

    if (ngx_oof_pg_rows(u, 0) == 1) {
        ngx_oof_pg_get_str(u, 0, 0, 0, &state);

        if (state.data[0] == 'd' || (state.data[0] == 'w' && !r->waiting)) {
            ngx_oof_rotation_end_tell(r, u);
        }

        if (state.data[0] == 'w' || r->pass > 2) {
            ngx_oof_rotation_go(r, ngx_oof_rotation_look,
                                NGX_OOF_ROTATION_AGAIN);
            return;
        }
    }

    ngx_oof_rotation_go(r, ngx_oof_rotation_look, NGX_OOF_ROTATION_BUSY);
}


static void
ngx_oof_rotation_end_tell(ngx_oof_rotation_t *r, ngx_oof_pg_unit_t *u)
{
    int64_t      unreadable, unknown;
    ngx_str_t    state, *name;
    const char  *what;

    name = ngx_oof_keys_name(r->keys);

    ngx_oof_pg_get_str(u, 0, 0, 0, &state);

    unreadable = ngx_oof_pg_get_int(u, 0, 0, 3);
    unknown = ngx_oof_pg_get_int(u, 0, 0, 4);

    if (unreadable) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%L rows of brand \"%V\" are under no key of \"%V\", or "
                      "were altered", unreadable, &r->brand, name);
    }

    if (unknown) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "of %L look-up values of brand \"%V\" only the digest "
                      "is known: they are found with the key that they were "
                      "made with", unknown, &r->brand);
    }

    if (r->checking) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "all values of brand \"%V\" under keys \"%V\" have been "
                      "counted", &r->brand, name);
        return;
    }

    what = (state.data[0] == 'w')
           ? "the old keys to look up are needed for records of requests "
             "alone, which are waited for"
           : "other keys are no longer used and may be taken out";

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "rotation of keys \"%V\" of brand \"%V\": all values are "
                  "under \"encrypt %V\" and \"lookup %V\", %s", name, &r->brand,
                  ngx_oof_keys_id(r->keys, 0, 0),
                  ngx_oof_keys_id(r->keys, 1, 0), what);
}
