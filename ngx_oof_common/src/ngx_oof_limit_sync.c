
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>
#include <ngx_oof_limit_int.h>
#include <ngx_oof_common_sql.h>


/*
 * The background of the limits.  A worker that has counted something sends
 * what is waiting in the zone, whoever counted it, half a second later; the
 * first worker of each host asks for what other hosts have counted; the holder
 * of the lease "limits" counts active consents and takes away what is over.
 */

#define NGX_OOF_LIMIT_PERIOD       1000     /* ms between questions */
#define NGX_OOF_LIMIT_WRITE        500      /* ms that counts may wait */
#define NGX_OOF_LIMIT_SOON         100
#define NGX_OOF_LIMIT_DEADLINE     4000
#define NGX_OOF_LIMIT_QUIT_TRIES   3        /* of a process that quits */

#define NGX_OOF_LIMIT_ROW          64       /* characters of a row */
#define NGX_OOF_LIMIT_PAGE         1000     /* rows that are asked for */
#define NGX_OOF_LIMIT_PAGES        8        /* in a second */
#define NGX_OOF_LIMIT_OVERLAP      (5 * NGX_OOF_SECOND)

#define NGX_OOF_LIMIT_MANY         1000000  /* consents that raise a limit */
#define NGX_OOF_LIMIT_LOOK         60000    /* ms between looks for them */
#define NGX_OOF_LIMIT_COUNT        NGX_OOF_HOUR
#define NGX_OOF_LIMIT_COUNT_PAGE   20000    /* consents, in a second */

#define NGX_OOF_LIMIT_PURGE        60000    /* ms */
#define NGX_OOF_LIMIT_PURGE_ROWS   1000
#define NGX_OOF_LIMIT_WRITER       (40 * NGX_OOF_DAY)


/* a batch that is under way */

typedef struct {
    int64_t                  batch;
    ngx_uint_t               n;
    ngx_oof_limit_row_t      rows[NGX_OOF_LIMIT_BATCH];
} ngx_oof_limit_batch_t;


/* the count of a database's active consents */

typedef struct {
    ngx_oof_lease_t          lease;
    int64_t                  epoch;       /* that was asked for */
    int64_t                  counted;     /* 0: never */
    ngx_msec_t               purge;
    unsigned                 known:1;     /* what "counted" says */
    unsigned                 running:1;
    unsigned                 asking:1;
} ngx_oof_limit_count_t;


/* what a database has told of organisations */

typedef struct {
    ngx_oof_database_t      *db;
    uint32_t                 id;
    ngx_msec_t               next;
    unsigned                 asking:1;
} ngx_oof_limit_look_t;


static void ngx_oof_limit_flush(ngx_event_t *ev);
static ngx_int_t ngx_oof_limit_send(ngx_oof_limit_batch_t *b);
static ngx_int_t ngx_oof_limit_text(ngx_pool_t *pool,
    ngx_oof_limit_batch_t *b, ngx_str_t *text);
static void ngx_oof_limit_sent(ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_limit_rows(ngx_oof_pg_unit_t *u,
    ngx_oof_limit_row_t *rows, ngx_uint_t max, ngx_uint_t first);
static void ngx_oof_limit_later(ngx_msec_t timer);

static void ngx_oof_limit_poll(ngx_event_t *ev);
static ngx_int_t ngx_oof_limit_ask(void);
static void ngx_oof_limit_told(ngx_oof_pg_unit_t *u);
static void ngx_oof_limit_look(ngx_oof_limit_look_t *look);
static void ngx_oof_limit_seen(ngx_oof_pg_unit_t *u);

static ngx_int_t ngx_oof_limit_count_add(ngx_conf_t *cf,
    ngx_oof_database_t *db);
static void ngx_oof_limit_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_limit_tick(ngx_oof_lease_t *lease);
static ngx_oof_pg_unit_t *ngx_oof_limit_count_unit(ngx_oof_limit_count_t *c,
    ngx_oof_pg_handler_pt handler);
static void ngx_oof_limit_count_ask(ngx_oof_limit_count_t *c);
static void ngx_oof_limit_count_go(ngx_oof_limit_count_t *c);
static void ngx_oof_limit_count_end(ngx_oof_limit_count_t *c);
static void ngx_oof_limit_count_purge(ngx_oof_limit_count_t *c);
static ngx_oof_limit_count_t *ngx_oof_limit_count_got(ngx_oof_pg_unit_t *u);
static void ngx_oof_limit_count_known(ngx_oof_pg_unit_t *u);
static void ngx_oof_limit_count_paged(ngx_oof_pg_unit_t *u);
static void ngx_oof_limit_count_ended(ngx_oof_pg_unit_t *u);
static void ngx_oof_limit_purged(ngx_oof_pg_unit_t *u);


static ngx_oof_limit_zone_t   *ngx_oof_limit_zone;
static ngx_oof_database_t     *ngx_oof_limit_db;

static ngx_event_t             ngx_oof_limit_flush_timer;
static ngx_uint_t              ngx_oof_limit_flushing;   /* by us */
static ngx_uint_t              ngx_oof_limit_tries;
static ngx_oof_limit_batch_t   ngx_oof_limit_batch;

static ngx_event_t             ngx_oof_limit_poll_timer;
static uint32_t                ngx_oof_limit_month_asked;
static int64_t                 ngx_oof_limit_from;
static ngx_uint_t              ngx_oof_limit_pages;
static ngx_uint_t              ngx_oof_limit_heard;      /* at all */

static ngx_oof_limit_look_t   *ngx_oof_limit_looks;
static ngx_uint_t              ngx_oof_limit_nlooks;


void
ngx_oof_limit_wake(void)
{
    if (ngx_oof_limit_db && !ngx_oof_limit_flushing
        && !ngx_oof_limit_flush_timer.timer_set)
    {
        ngx_oof_limit_later(NGX_OOF_LIMIT_WRITE);
    }
}


/* not cancelable: a process that quits has it written what was counted */

static void
ngx_oof_limit_later(ngx_msec_t timer)
{
    ngx_add_timer(&ngx_oof_limit_flush_timer,
                  ngx_exiting ? NGX_OOF_LIMIT_SOON : timer);
}


static void
ngx_oof_limit_flush(ngx_event_t *ev)
{
    ngx_oof_limit_batch_t  *b;

    if (ngx_exiting && ngx_oof_limit_tries++ == NGX_OOF_LIMIT_QUIT_TRIES) {
        return;
    }

    b = &ngx_oof_limit_batch;

    b->n = ngx_oof_limit_zone_take(ngx_oof_limit_zone, b->rows, &b->batch);

    if (b->n) {

        if (ngx_oof_limit_send(b) == NGX_OK) {
            ngx_oof_limit_flushing = 1;
            return;
        }

        ngx_oof_limit_zone_done(ngx_oof_limit_zone, b->batch, NGX_ERROR, NULL,
                                0);
    }

    if (ngx_oof_limit_zone_dirty(ngx_oof_limit_zone)) {

        /* another worker is about it, or memory is short */

        ngx_oof_limit_later(NGX_OOF_LIMIT_PERIOD);
    }
}


static ngx_int_t
ngx_oof_limit_send(ngx_oof_limit_batch_t *b)
{
    ngx_str_t           text;
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(ngx_oof_limit_db, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_limit_text(u->pool, b, &text) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    u->handler = ngx_oof_limit_sent;
    u->data = b;
    u->deadline = ngx_current_msec + NGX_OOF_LIMIT_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_flush);
    ngx_oof_pg_uuid(u, ngx_oof_limit_zone->sh->writer);
    ngx_oof_pg_int8(u, b->batch);
    ngx_oof_pg_text(u, &text);
    ngx_oof_pg_time(u, ngx_oof_clock_real());

    return ngx_oof_pg_send(u);
}


static ngx_int_t
ngx_oof_limit_text(ngx_pool_t *pool, ngx_oof_limit_batch_t *b,
    ngx_str_t *text)
{
    u_char               *p;
    ngx_uint_t            i;
    ngx_oof_limit_row_t  *row;

    p = ngx_pnalloc(pool, b->n * NGX_OOF_LIMIT_ROW);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < b->n; i++) {
        row = &b->rows[i];

        p = ngx_sprintf(p, "%s%uD:", i ? "," : "", row->month);
        p = ngx_hex_dump(p, row->key, NGX_OOF_LIMIT_KEY_LEN);
        p = ngx_sprintf(p, ":%uD:%uD", row->count, row->limit);
    }

    text->len = p - text->data;

    return NGX_OK;
}


static void
ngx_oof_limit_sent(ngx_oof_pg_unit_t *u)
{
    ngx_int_t               rc;
    ngx_uint_t              n;
    ngx_oof_limit_batch_t  *b;

    b = u->data;

    ngx_oof_limit_flushing = 0;

    rc = NGX_ERROR;
    n = 0;

    if (u->rc == NGX_OOF_PG_OK) {
        rc = NGX_OK;
        n = ngx_oof_limit_rows(u, b->rows, NGX_OOF_LIMIT_BATCH, 1);
    }

    ngx_oof_limit_zone_done(ngx_oof_limit_zone, b->batch, rc, b->rows, n);

    if (ngx_oof_limit_zone_dirty(ngx_oof_limit_zone)) {

        /* a full batch was not all that there was */

        ngx_oof_limit_later(b->n == NGX_OOF_LIMIT_BATCH && rc == NGX_OK
                            ? NGX_OOF_LIMIT_SOON : NGX_OOF_LIMIT_PERIOD);
    }
}


/* columns "first" and the next: a key, and what its month has come to */

static ngx_uint_t
ngx_oof_limit_rows(ngx_oof_pg_unit_t *u, ngx_oof_limit_row_t *rows,
    ngx_uint_t max, ngx_uint_t first)
{
    ngx_str_t   key;
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < ngx_oof_pg_rows(u, 0) && n < max; i++) {

        ngx_oof_pg_get_str(u, 0, i, first, &key);

        if (key.len != NGX_OOF_LIMIT_KEY_LEN) {
            continue;
        }

        ngx_memcpy(rows[n].key, key.data, NGX_OOF_LIMIT_KEY_LEN);
        rows[n].count = (uint32_t) ngx_oof_pg_get_int(u, 0, i, first + 1);
        n++;
    }

    return n;
}


static void
ngx_oof_limit_poll(ngx_event_t *ev)
{
    ngx_uint_t  i;

    if (ngx_exiting) {
        return;
    }

    for (i = 0; i < ngx_oof_limit_nlooks; i++) {
        ngx_oof_limit_look(&ngx_oof_limit_looks[i]);
    }

    if (ngx_oof_limit_zone_dirty(ngx_oof_limit_zone)) {

        /* whoever has counted may have died before it was sent */

        ngx_oof_limit_wake();
    }

    ngx_oof_limit_pages = 0;

    if (ngx_oof_limit_ask() != NGX_OK) {
        ngx_add_timer(ev, NGX_OOF_LIMIT_PERIOD);
    }
}


/*
 * From the newest that is known on, and some seconds before it, for what is
 * committed late; a month begins with all that have been spent in it.
 */

static ngx_int_t
ngx_oof_limit_ask(void)
{
    uint32_t            month;
    ngx_oof_pg_unit_t  *u;

    month = ngx_oof_limit_this_month();

    if (month != ngx_oof_limit_month_asked) {
        ngx_oof_limit_month_asked = month;
        ngx_oof_limit_from = 0;
    }

    u = ngx_oof_pg_unit(ngx_oof_limit_db, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    u->handler = ngx_oof_limit_told;
    u->deadline = ngx_current_msec + NGX_OOF_LIMIT_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_spent);
    ngx_oof_pg_int4(u, (int32_t) month);
    ngx_oof_pg_time(u, ngx_oof_limit_from);
    ngx_oof_pg_int4(u, NGX_OOF_LIMIT_PAGE);

    return ngx_oof_pg_send(u);
}


static void
ngx_oof_limit_told(ngx_oof_pg_unit_t *u)
{
    int64_t               spent;
    ngx_uint_t            i, n;
    ngx_oof_limit_row_t  *rows;

    n = 0;

    if (u->rc == NGX_OOF_PG_OK) {
        ngx_oof_limit_heard = 1;
        n = ngx_oof_pg_rows(u, 0);
    }

    rows = n ? ngx_palloc(u->pool, n * sizeof(ngx_oof_limit_row_t)) : NULL;

    if (rows) {
        spent = ngx_oof_pg_get_time(u, 0, n - 1, 2);

        n = ngx_oof_limit_rows(u, rows, n, 0);

        for (i = 0; i < n; i++) {
            rows[i].month = ngx_oof_limit_month_asked;
        }

        ngx_oof_limit_zone_learn(ngx_oof_limit_zone, rows, n);

        if (ngx_oof_pg_rows(u, 0) == NGX_OOF_LIMIT_PAGE) {

            ngx_oof_limit_from = spent;

            if (++ngx_oof_limit_pages < NGX_OOF_LIMIT_PAGES && !ngx_exiting
                && ngx_oof_limit_ask() == NGX_OK)
            {
                return;
            }

        } else {
            ngx_oof_limit_from = spent - NGX_OOF_LIMIT_OVERLAP;
        }
    }

    if (!ngx_exiting) {
        ngx_add_timer(&ngx_oof_limit_poll_timer,
                      ngx_oof_limit_heard ? NGX_OOF_LIMIT_PERIOD
                                          : NGX_OOF_LIMIT_SOON);
    }
}


static void
ngx_oof_limit_look(ngx_oof_limit_look_t *look)
{
    ngx_oof_pg_unit_t  *u;

    if (look->asking || (ngx_msec_int_t) (look->next - ngx_current_msec) > 0) {
        return;
    }

    u = ngx_oof_pg_unit(look->db, NGX_OOF_PG_READ);
    if (u == NULL) {
        return;
    }

    u->handler = ngx_oof_limit_seen;
    u->data = look;
    u->deadline = ngx_current_msec + NGX_OOF_LIMIT_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_consents);
    ngx_oof_pg_int8(u, NGX_OOF_LIMIT_MANY);
    ngx_oof_pg_int4(u, NGX_OOF_LIMIT_CONSENTS);

    if (ngx_oof_pg_send(u) == NGX_OK) {
        look->asking = 1;
    }
}


static void
ngx_oof_limit_seen(ngx_oof_pg_unit_t *u)
{
    u_char                     text[NGX_OOF_UUID_TEXT];
    ngx_str_t                  brand, id, organisation;
    ngx_uint_t                 i, n;
    ngx_oof_limit_look_t      *look;
    ngx_oof_limit_consents_t  *consents;

    look = u->data;
    look->asking = 0;

    if (u->rc != NGX_OOF_PG_OK) {
        return;
    }

    consents = ngx_palloc(u->pool, NGX_OOF_LIMIT_CONSENTS
                                   * sizeof(ngx_oof_limit_consents_t));
    if (consents == NULL) {
        return;
    }

    organisation.data = text;
    organisation.len = NGX_OOF_UUID_TEXT;

    n = 0;

    for (i = 0;
         i < ngx_oof_pg_rows(u, 0) && n < NGX_OOF_LIMIT_CONSENTS;
         i++)
    {
        ngx_oof_pg_get_str(u, 0, i, 0, &brand);
        ngx_oof_pg_get_str(u, 0, i, 1, &id);

        if (id.len != NGX_OOF_UUID_LEN) {
            continue;
        }

        (void) ngx_oof_uuid_format(text, id.data);

        if (ngx_oof_limit_consents_key(consents[n].key, &brand, &organisation)
            != NGX_OK)
        {
            return;
        }

        consents[n++].consents = (uint64_t) ngx_oof_pg_get_int(u, 0, i, 2);
    }

    ngx_oof_limit_zone_set_consents(ngx_oof_limit_zone, look->id, consents, n);

    look->next = ngx_current_msec + NGX_OOF_LIMIT_LOOK;
}


ngx_int_t
ngx_oof_limit_sync_init(ngx_conf_t *cf)
{
    return ngx_oof_leased_databases(cf, ngx_oof_limit_count_add);
}


static ngx_int_t
ngx_oof_limit_count_add(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    ngx_oof_limit_count_t  *c;

    c = ngx_pcalloc(cf->pool, sizeof(ngx_oof_limit_count_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&c->lease.name, "limits");

    c->lease.db = db;
    c->lease.acquired = ngx_oof_limit_acquired;
    c->lease.tick = ngx_oof_limit_tick;
    c->lease.data = c;

    return ngx_oof_lease_add(cf, &c->lease);
}


static void
ngx_oof_limit_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_limit_count_t *c = lease->data;

    c->known = 0;
    c->purge = ngx_current_msec;

    ngx_oof_limit_tick(lease);
}


/* one thing a second */

static void
ngx_oof_limit_tick(ngx_oof_lease_t *lease)
{
    ngx_oof_limit_count_t *c = lease->data;

    int64_t  now;

    if (c->asking || !ngx_oof_lease_held(lease)) {
        return;
    }

    if (!c->known) {
        ngx_oof_limit_count_ask(c);
        return;
    }

    now = ngx_oof_clock_rule();

    /* a clock that was moved back has counted in the future */

    if (c->running || c->counted > now
        || now - c->counted >= NGX_OOF_LIMIT_COUNT)
    {
        ngx_oof_limit_count_go(c);
        return;
    }

    if ((ngx_msec_int_t) (c->purge - ngx_current_msec) <= 0) {
        ngx_oof_limit_count_purge(c);
    }
}


static ngx_oof_pg_unit_t *
ngx_oof_limit_count_unit(ngx_oof_limit_count_t *c,
    ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(c->lease.db, NGX_OOF_PG_SOLO);

    if (u) {
        u->handler = handler;
        u->data = c;
        u->deadline = ngx_current_msec + NGX_OOF_LIMIT_DEADLINE;

        c->epoch = c->lease.epoch;
    }

    return u;
}


static void
ngx_oof_limit_count_ask(ngx_oof_limit_count_t *c)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_limit_count_unit(c, ngx_oof_limit_count_known);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_counted);

    c->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


static void
ngx_oof_limit_count_go(ngx_oof_limit_count_t *c)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_limit_count_unit(c, ngx_oof_limit_count_paged);
    if (u == NULL) {
        return;
    }

    c->running = 1;

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_count);
    ngx_oof_pg_int8(u, c->lease.epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int4(u, NGX_OOF_LIMIT_COUNT_PAGE);

    c->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


static void
ngx_oof_limit_count_end(ngx_oof_limit_count_t *c)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_limit_count_unit(c, ngx_oof_limit_count_ended);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_count_end);
    ngx_oof_pg_int8(u, c->lease.epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    c->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


/* the last month stays, for who wants to look at it */

static void
ngx_oof_limit_count_purge(ngx_oof_limit_count_t *c)
{
    uint32_t            month;
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_limit_count_unit(c, ngx_oof_limit_purged);
    if (u == NULL) {
        return;
    }

    month = ngx_oof_limit_this_month();
    month = (month % 100 == 1) ? month - 89 : month - 1;

    ngx_oof_pg_statement(u, &ngx_oof_sql_limit_purge);
    ngx_oof_pg_int4(u, (int32_t) month);
    ngx_oof_pg_time(u, ngx_oof_clock_real() - NGX_OOF_LIMIT_WRITER);
    ngx_oof_pg_int4(u, NGX_OOF_LIMIT_PURGE_ROWS);

    c->purge = ngx_current_msec + NGX_OOF_LIMIT_PURGE;
    c->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


/* NULL when there is nothing to go by */

static ngx_oof_limit_count_t *
ngx_oof_limit_count_got(ngx_oof_pg_unit_t *u)
{
    ngx_oof_limit_count_t  *c;

    c = u->data;
    c->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1
        || c->epoch != c->lease.epoch)
    {
        return NULL;
    }

    return c;
}


static void
ngx_oof_limit_count_known(ngx_oof_pg_unit_t *u)
{
    ngx_oof_limit_count_t  *c;

    c = ngx_oof_limit_count_got(u);

    if (c) {
        c->known = 1;
        c->counted = ngx_oof_pg_is_null(u, 0, 0, 1)
                     ? 0 : ngx_oof_pg_get_time(u, 0, 0, 1);
        c->running = ngx_oof_pg_get_int(u, 0, 0, 2) != 0;

        ngx_oof_limit_tick(&c->lease);
    }
}


static void
ngx_oof_limit_count_paged(ngx_oof_pg_unit_t *u)
{
    ngx_oof_limit_count_t  *c;

    c = ngx_oof_limit_count_got(u);

    if (c && ngx_oof_pg_get_int(u, 0, 0, 1) < NGX_OOF_LIMIT_COUNT_PAGE
        && ngx_oof_lease_held(&c->lease))
    {
        ngx_oof_limit_count_end(c);
    }
}


static void
ngx_oof_limit_count_ended(ngx_oof_pg_unit_t *u)
{
    ngx_oof_limit_count_t  *c;

    c = ngx_oof_limit_count_got(u);

    if (c) {
        c->running = 0;
        c->counted = ngx_oof_clock_rule();
    }
}


static void
ngx_oof_limit_purged(ngx_oof_pg_unit_t *u)
{
    ngx_oof_limit_count_t  *c;

    c = ngx_oof_limit_count_got(u);

    if (c && ngx_oof_pg_get_int(u, 0, 0, 1) == NGX_OOF_LIMIT_PURGE_ROWS) {

        /* there are more */

        c->purge = ngx_current_msec;
    }
}


ngx_int_t
ngx_oof_limit_sync_init_process(ngx_cycle_t *cycle,
    ngx_oof_limit_zone_t *zone)
{
    ngx_str_t             *name;
    ngx_uint_t             i, n;
    ngx_oof_database_t   **databases;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);

    n = omcf->databases.nelts;
    databases = omcf->databases.elts;

    ngx_oof_limit_zone = zone;
    ngx_oof_limit_db = n ? databases[0] : NULL;

    ngx_oof_limit_flush_timer.handler = ngx_oof_limit_flush;
    ngx_oof_limit_flush_timer.log = cycle->log;
    ngx_oof_limit_flush_timer.data = cycle;

    if (ngx_oof_limit_db == NULL || ngx_worker != 0) {
        return NGX_OK;
    }

    ngx_oof_limit_looks = ngx_pcalloc(cycle->pool,
                                      n * sizeof(ngx_oof_limit_look_t));
    if (ngx_oof_limit_looks == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        name = ngx_oof_database_name(databases[i]);

        ngx_oof_limit_looks[i].db = databases[i];
        ngx_oof_limit_looks[i].id = ngx_crc32_long(name->data, name->len);
        ngx_oof_limit_looks[i].next = ngx_current_msec;
    }

    ngx_oof_limit_nlooks = n;

    ngx_oof_limit_poll_timer.handler = ngx_oof_limit_poll;
    ngx_oof_limit_poll_timer.log = cycle->log;
    ngx_oof_limit_poll_timer.data = cycle;
    ngx_oof_limit_poll_timer.cancelable = 1;

    ngx_add_timer(&ngx_oof_limit_poll_timer, 1);

    return NGX_OK;
}


void
ngx_oof_limit_sync_exit_process(void)
{
    /* units end with their lanes, and call nobody */

    ngx_oof_limit_db = NULL;
}
