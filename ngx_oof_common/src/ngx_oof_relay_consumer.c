
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_relay_int.h>


#define NGX_OOF_CONSUMER_RESTART 1000     /* ms, of a provider */

#define NGX_OOF_CONSUMER_AHEAD   2        /* times provider->most are taken */
#define NGX_OOF_CONSUMER_ROWS    500      /* that it reads for itself */
#define NGX_OOF_CONSUMER_DUE     100      /* pending ones, likewise */


static void ngx_oof_consumer_load(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_load_later(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_loaded(ngx_oof_pg_unit_t *u);
static void ngx_oof_consumer_start(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_again(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_renewed(ngx_oof_pg_unit_t *u);
static void ngx_oof_consumer_handler(ngx_event_t *ev);
static void ngx_oof_consumer_timer(ngx_event_t *ev);
static void ngx_oof_consumer_take(ngx_oof_consumer_state_t *cs);
static ngx_uint_t ngx_oof_consumer_wants(ngx_oof_consumer_t *c,
    ngx_oof_relay_event_t *event);
static ngx_uint_t ngx_oof_consumer_room(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_read(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_got(ngx_oof_pg_unit_t *u);
static void ngx_oof_consumer_fetch(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_fetched(ngx_oof_pg_unit_t *u);
static void ngx_oof_consumer_send(ngx_oof_consumer_state_t *cs);
static int64_t ngx_oof_consumer_cursor(ngx_oof_consumer_state_t *cs);
static void ngx_oof_consumer_save(ngx_oof_consumer_state_t *cs,
    ngx_uint_t last);
static ngx_oof_pg_unit_t *ngx_oof_consumer_save_unit(
    ngx_oof_consumer_state_t *cs, int64_t cursor);
static ngx_int_t ngx_oof_consumer_changes(ngx_oof_consumer_state_t *cs,
    ngx_pool_t *pool, ngx_str_t *rows, ngx_str_t *gone);
static void ngx_oof_consumer_row(ngx_oof_json_t *w, ngx_oof_delivery_t *d);
static void ngx_oof_consumer_saved(ngx_oof_pg_unit_t *u);
static int64_t ngx_oof_consumer_since(u_char *id);


ngx_int_t
ngx_oof_consumer_init_process(ngx_cycle_t *cycle, ngx_oof_relay_t *relay,
    ngx_oof_consumer_t *c)
{
    ngx_uint_t                 i;
    ngx_oof_consumer_state_t  *cs;

    cs = ngx_pcalloc(cycle->pool, sizeof(ngx_oof_consumer_state_t));
    if (cs == NULL) {
        return NGX_ERROR;
    }

    c->state = cs;

    cs->consumer = c;
    cs->relay = relay;

    ngx_queue_init(&cs->order);
    ngx_queue_init(&cs->ready);
    ngx_queue_init(&cs->pending);
    ngx_queue_init(&cs->changes);
    ngx_queue_init(&cs->saving);

    for (i = 0; i < NGX_OOF_RELAY_BUCKETS; i++) {
        ngx_queue_init(&cs->buckets[i]);
    }

    cs->event.handler = ngx_oof_consumer_handler;
    cs->event.data = cs;
    cs->event.log = cycle->log;

    cs->timer.handler = ngx_oof_consumer_timer;
    cs->timer.data = cs;
    cs->timer.log = cycle->log;
    cs->timer.cancelable = 1;

    return NGX_OK;
}


void
ngx_oof_consumer_begin(ngx_oof_consumer_state_t *cs, int64_t cursor,
    int64_t generation, int64_t requeued)
{
    /*
     * If nobody had the lease since it was ours, what was acknowledged then and
     * could not be saved, as the database was away, is not sent again.
     */

    cs->round++;
    cs->cursor = cursor;
    cs->read = (cs->relay->epoch == cs->ended + 1
                && cs->generation == generation)
               ? ngx_max(cursor, cs->settled) : cursor;
    cs->generation = generation;
    cs->requeued = requeued;
    cs->nsent = 0;
    cs->rest = 0;
    cs->resting = 0;
    cs->reading = 0;
    cs->fetching = 0;
    cs->loading = 0;
    cs->save = 0;
    cs->state = NGX_OOF_CONSUMER_LOADS;

    ngx_oof_consumer_load(cs);
}


static void
ngx_oof_consumer_load(ngx_oof_consumer_state_t *cs)
{
    ngx_oof_pg_unit_t  *u;

    if (cs->loading) {
        return;
    }

    u = ngx_oof_relay_unit(cs->relay->db, cs, cs->round,
                           &ngx_oof_sql_relay_pending,
                           ngx_oof_consumer_loaded);
    if (u == NULL) {
        ngx_oof_consumer_load_later(cs);
        return;
    }

    ngx_oof_pg_text(u, &cs->consumer->name);
    ngx_oof_pg_int4(u, 2 * NGX_OOF_RELAY_PENDING);

    if (ngx_oof_pg_send(u) != NGX_OK) {
        ngx_oof_consumer_load_later(cs);
        return;
    }

    cs->loading = 1;
}


/* while it runs it is the next look that finds requeued ones again */

static void
ngx_oof_consumer_load_later(ngx_oof_consumer_state_t *cs)
{
    cs->requeued = -1;

    ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
}


/* also when dead ones were requeued: what is here already is not taken twice */

static void
ngx_oof_consumer_loaded(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_uint_t                 i;
    ngx_oof_consumer_state_t  *cs;

    cs = asked->data;

    if (asked->round != cs->round) {
        return;
    }

    cs->loading = 0;

    if (u->rc != NGX_OOF_PG_OK) {
        ngx_oof_consumer_load_later(cs);
        return;
    }

    if (cs->state == NGX_OOF_CONSUMER_LOADS) {
        ngx_oof_delivery_clear(cs);
    }

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        if (ngx_oof_delivery_load(cs, u, i) != NGX_OK) {
            ngx_oof_consumer_load_later(cs);
            return;
        }
    }

    if (cs->state == NGX_OOF_CONSUMER_LOADS) {
        cs->state = NGX_OOF_CONSUMER_STARTS;
    }

    ngx_oof_consumer_run(cs);
}


static void
ngx_oof_consumer_start(ngx_oof_consumer_state_t *cs)
{
    ngx_oof_consumer_t  *c;

    c = cs->consumer;

    if (!cs->started && c->provider->start
        && c->provider->start(c) != NGX_OK)
    {
        ngx_oof_consumer_arm(cs, NGX_OOF_CONSUMER_RESTART);
        return;
    }

    cs->started = 1;
    cs->state = NGX_OOF_CONSUMER_RUNS;
}


void
ngx_oof_consumer_look(ngx_oof_consumer_state_t *cs, int64_t generation,
    int64_t requeued)
{
    if (cs->state != NGX_OOF_CONSUMER_RUNS) {
        return;
    }

    if (generation != cs->generation) {
        cs->state = NGX_OOF_CONSUMER_ENDS;
        ngx_oof_consumer_run(cs);
        return;
    }

    if (requeued != cs->requeued) {
        cs->requeued = requeued;
        ngx_oof_consumer_load(cs);
    }
}


/* somebody has moved the cursor: nothing that is known here counts any more */

static void
ngx_oof_consumer_again(ngx_oof_consumer_state_t *cs)
{
    ngx_oof_pg_unit_t  *u;

    if (cs->nsent || cs->loading) {
        return;
    }

    ngx_oof_delivery_clear(cs);
    cs->round++;

    u = ngx_oof_relay_unit(cs->relay->db, cs, cs->round,
                           &ngx_oof_sql_relay_consumers,
                           ngx_oof_consumer_renewed);
    if (u == NULL) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    ngx_oof_pg_int8(u, cs->relay->epoch);
    ngx_oof_pg_text(u, &cs->consumer->name);

    if (ngx_oof_pg_send(u) != NGX_OK) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    cs->loading = 1;
}


static void
ngx_oof_consumer_renewed(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_oof_consumer_state_t  *cs;

    cs = asked->data;

    if (asked->round != cs->round) {
        return;
    }

    cs->loading = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "consumer \"%V\" goes on after position %L, where it was set",
                  &cs->consumer->name, ngx_oof_pg_get_int(u, 0, 0, 2));

    ngx_oof_consumer_begin(cs, ngx_oof_pg_get_int(u, 0, 0, 2),
                           ngx_oof_pg_get_int(u, 0, 0, 3),
                           ngx_oof_pg_get_int(u, 0, 0, 4));
}


static void
ngx_oof_consumer_handler(ngx_event_t *ev)
{
    ngx_oof_consumer_run(ev->data);
}


static void
ngx_oof_consumer_timer(ngx_event_t *ev)
{
    ngx_oof_consumer_run(ev->data);
}


void
ngx_oof_consumer_arm(ngx_oof_consumer_state_t *cs, ngx_msec_t timer)
{
    if (cs->timer.timer_set) {

        if ((ngx_msec_int_t) (cs->timer.timer.key - ngx_current_msec - timer)
            <= 0)
        {
            return;
        }

        ngx_del_timer(&cs->timer);
    }

    ngx_add_timer(&cs->timer, timer);
}


/* whatever there is to do: called when anything has changed */

void
ngx_oof_consumer_run(ngx_oof_consumer_state_t *cs)
{
    if (cs->state == NGX_OOF_CONSUMER_IDLE
        || !ngx_oof_lease_held(&cs->relay->lease))
    {
        return;
    }

    switch (cs->state) {

    case NGX_OOF_CONSUMER_LOADS:
        ngx_oof_consumer_load(cs);
        return;

    case NGX_OOF_CONSUMER_ENDS:
        ngx_oof_consumer_again(cs);
        return;

    case NGX_OOF_CONSUMER_STARTS:
        ngx_oof_consumer_start(cs);
    }

    if (cs->state != NGX_OOF_CONSUMER_RUNS) {
        return;
    }

    ngx_oof_delivery_due(cs);
    ngx_oof_consumer_fetch(cs);
    ngx_oof_consumer_take(cs);
    ngx_oof_consumer_send(cs);
    ngx_oof_consumer_save(cs, 0);
}


static ngx_uint_t
ngx_oof_consumer_room(ngx_oof_consumer_state_t *cs)
{
    return cs->npending < NGX_OOF_RELAY_PENDING
           && cs->norder < NGX_OOF_CONSUMER_AHEAD
                           * cs->consumer->provider->most;
}


static void
ngx_oof_consumer_take(ngx_oof_consumer_state_t *cs)
{
    int64_t                 position;
    ngx_oof_relay_t        *relay;
    ngx_oof_relay_event_t  *event;

    relay = cs->relay;

    if (cs->read < relay->first - 1) {
        ngx_oof_consumer_read(cs);
        return;
    }

    while (cs->read < relay->last && ngx_oof_consumer_room(cs)) {
        position = cs->read + 1;
        event = relay->window[position % NGX_OOF_RELAY_WINDOW];

        if (event && event->position == position
            && ngx_oof_consumer_wants(cs->consumer, event)
            && ngx_oof_delivery_take(cs, event) != NGX_OK)
        {
            ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
            return;
        }

        cs->read = position;
    }

    ngx_oof_relay_more(relay);
}


static ngx_uint_t
ngx_oof_consumer_wants(ngx_oof_consumer_t *c, ngx_oof_relay_event_t *event)
{
    size_t       len;
    ngx_str_t   *type;
    ngx_uint_t   i;

    if (c->types == NULL) {
        return c->provider->wants ? c->provider->wants(c, event) : 1;
    }

    type = c->types->elts;

    for (i = 0; i < c->types->nelts; i++) {
        len = type[i].len;

        if (type[i].data[len - 1] == '*') {
            len--;

            if (event->type.len < len) {
                continue;
            }

        } else if (event->type.len != len) {
            continue;
        }

        if (ngx_strncmp(event->type.data, type[i].data, len) == 0) {
            return c->provider->wants ? c->provider->wants(c, event) : 1;
        }
    }

    return 0;
}


/* it is too far behind for what all share */

static void
ngx_oof_consumer_read(ngx_oof_consumer_state_t *cs)
{
    ngx_oof_pg_unit_t  *u;

    if (cs->reading || !ngx_oof_consumer_room(cs)) {
        return;
    }

    u = ngx_oof_relay_unit(cs->relay->db, cs, cs->round,
                           cs->relay->personal
                           ? &ngx_oof_sql_relay_read_personal
                           : &ngx_oof_sql_relay_read, ngx_oof_consumer_got);
    if (u == NULL) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    ngx_oof_pg_int8(u, cs->read);
    ngx_oof_pg_int4(u, NGX_OOF_CONSUMER_ROWS);
    ngx_oof_pg_int8(u, NGX_OOF_RELAY_BYTES);

    if (ngx_oof_pg_send(u) != NGX_OK) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    cs->reading = 1;
}


static void
ngx_oof_consumer_got(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_oof_relay_event_t     *event;
    ngx_oof_consumer_state_t  *cs;

    cs = asked->data;

    if (asked->round != cs->round) {
        return;
    }

    cs->reading = 0;

    if (u->rc != NGX_OOF_PG_OK) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    if (ngx_oof_pg_rows(u, 0) == 0) {

        /* days were dropped: what comes next is where the window begins */

        cs->read = ngx_max(cs->read, cs->relay->first - 1);
    }

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        event = ngx_oof_relay_event(cs->relay, u, 0, i);

        if (event == NULL) {
            break;
        }

        rc = NGX_OK;

        if (ngx_oof_consumer_wants(cs->consumer, event)) {
            rc = ngx_oof_delivery_take(cs, event);
        }

        if (rc == NGX_OK) {
            cs->read = event->position;
        }

        ngx_oof_relay_event_free(event);

        if (rc != NGX_OK) {
            break;
        }
    }

    ngx_oof_consumer_run(cs);
}


static void
ngx_oof_consumer_fetch(ngx_oof_consumer_state_t *cs)
{
    u_char              *p;
    ngx_str_t            text;
    ngx_uint_t           n;
    ngx_queue_t         *q;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_delivery_t  *d;

    if (cs->fetching || cs->ndue == 0 || cs->resting) {
        return;
    }

    u = ngx_oof_relay_unit(cs->relay->db, cs, cs->round,
                           cs->relay->personal
                           ? &ngx_oof_sql_relay_rows_personal
                           : &ngx_oof_sql_relay_rows,
                           ngx_oof_consumer_fetched);
    if (u == NULL) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    text.data = ngx_pnalloc(u->pool, NGX_OOF_CONSUMER_DUE * NGX_INT64_LEN);

    if (text.data == NULL) {
        ngx_oof_pg_free(u);
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    p = text.data;
    n = 0;

    for (q = ngx_queue_head(&cs->pending);
         q != ngx_queue_sentinel(&cs->pending) && n < NGX_OOF_CONSUMER_DUE - 1;
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_oof_delivery_t, queue);

        if (d->state == NGX_OOF_DELIVERY_DUE) {
            d->state = NGX_OOF_DELIVERY_ASKED;
            cs->ndue--;
            p = ngx_sprintf(p, n++ ? ",%L" : "%L", d->position);
        }
    }

    text.len = p - text.data;

    ngx_oof_pg_text(u, &text);

    cs->fetching = 1;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        cs->fetching = 0;
        ngx_oof_delivery_come(cs, 0, NULL);
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
    }
}


static void
ngx_oof_consumer_fetched(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_uint_t                 i;
    ngx_oof_relay_event_t     *event;
    ngx_oof_consumer_state_t  *cs;

    cs = asked->data;

    if (asked->round != cs->round) {
        return;
    }

    cs->fetching = 0;

    if (u->rc != NGX_OOF_PG_OK) {
        ngx_oof_delivery_come(cs, 0, NULL);
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        event = ngx_oof_relay_event(cs->relay, u, 0, i);

        if (event == NULL) {
            ngx_oof_delivery_come(cs, 0, NULL);
            ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
            return;
        }

        ngx_oof_delivery_come(cs, event->position, event);
        ngx_oof_relay_event_free(event);
    }

    /* those that were asked for and did not come are in no log any more */

    ngx_oof_delivery_come(cs, -1, NULL);

    ngx_oof_consumer_run(cs);
}


static void
ngx_oof_consumer_send(ngx_oof_consumer_state_t *cs)
{
    ngx_uint_t            n, most;
    ngx_queue_t          *q;
    ngx_oof_provider_t   *provider;
    ngx_oof_delivery_t   *d, *batch[NGX_OOF_RELAY_BATCH];

    provider = cs->consumer->provider;
    most = ngx_min(provider->batch, NGX_OOF_RELAY_BATCH);

    if (cs->resting) {

        if ((ngx_msec_int_t) (cs->rests - ngx_current_msec) > 0) {
            ngx_oof_consumer_arm(cs, cs->rests - ngx_current_msec);
            return;
        }

        cs->resting = 0;
    }

    while (!ngx_queue_empty(&cs->ready) && !cs->resting
           && cs->nsent < provider->most)
    {
        n = 0;

        while (n < most && cs->nsent < provider->most
               && !ngx_queue_empty(&cs->ready))
        {
            q = ngx_queue_head(&cs->ready);
            d = ngx_queue_data(q, ngx_oof_delivery_t, link);

            ngx_queue_remove(q);

            d->state = NGX_OOF_DELIVERY_SENT;
            batch[n++] = d;
            cs->nsent++;
        }

        provider->send(cs->consumer, batch, n);
    }
}


/* where a process that comes next goes on: all before it is settled */

static int64_t
ngx_oof_consumer_cursor(ngx_oof_consumer_state_t *cs)
{
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *d;

    if (ngx_queue_empty(&cs->order)) {
        return cs->read;
    }

    q = ngx_queue_head(&cs->order);
    d = ngx_queue_data(q, ngx_oof_delivery_t, queue);

    return d->position - 1;
}


static void
ngx_oof_consumer_save(ngx_oof_consumer_state_t *cs, ngx_uint_t last)
{
    int64_t             cursor;
    ngx_oof_pg_unit_t  *u;

    cursor = ngx_oof_consumer_cursor(cs);

    if ((cs->save && !last)
        || (cursor == cs->cursor && ngx_queue_empty(&cs->changes)))
    {
        return;
    }

    u = ngx_oof_consumer_save_unit(cs, cursor);

    if (u == NULL || ngx_oof_pg_send(u) != NGX_OK) {
        ngx_oof_delivery_saved(cs, 0);
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    cs->save = 1;
}


static ngx_oof_pg_unit_t *
ngx_oof_consumer_save_unit(ngx_oof_consumer_state_t *cs, int64_t cursor)
{
    ngx_str_t               rows, gone;
    ngx_oof_pg_unit_t      *u;
    ngx_oof_relay_asked_t  *asked;

    u = ngx_oof_relay_unit(cs->relay->db, cs, cs->round,
                           &ngx_oof_sql_relay_save, ngx_oof_consumer_saved);
    if (u == NULL) {
        return NULL;
    }

    asked = u->data;
    asked->cursor = cursor;

    if (ngx_oof_consumer_changes(cs, u->pool, &rows, &gone) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NULL;
    }

    ngx_oof_pg_text(u, &cs->consumer->name);
    ngx_oof_pg_int8(u, cs->relay->epoch);
    ngx_oof_pg_int8(u, cs->generation);
    ngx_oof_pg_int8(u, cursor);
    ngx_oof_pg_text(u, &rows);
    ngx_oof_pg_text(u, &gone);

    return u;
}


/* pending events that are not in the database as they are here */

static ngx_int_t
ngx_oof_consumer_changes(ngx_oof_consumer_state_t *cs, ngx_pool_t *pool,
    ngx_str_t *rows, ngx_str_t *gone)
{
    u_char              *p;
    ngx_uint_t           n;
    ngx_queue_t         *q;
    ngx_oof_json_t       w;
    ngx_oof_delivery_t  *d;

    n = 0;

    for (q = ngx_queue_head(&cs->changes);
         q != ngx_queue_sentinel(&cs->changes);
         q = ngx_queue_next(q))
    {
        n++;
    }

    gone->data = ngx_pnalloc(pool, n * NGX_INT64_LEN + 1);

    if (gone->data == NULL
        || ngx_oof_json_init(&w, pool, 64 + n * 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = gone->data;

    ngx_oof_json_begin(&w, '[');

    while (!ngx_queue_empty(&cs->changes)) {
        q = ngx_queue_head(&cs->changes);
        d = ngx_queue_data(q, ngx_oof_delivery_t, change);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&cs->saving, q);

        d->changed = 0;
        d->saving = 1;

        if (d->state == NGX_OOF_DELIVERY_DONE && !d->dead) {
            p = ngx_sprintf(p, p == gone->data ? "%L" : ",%L", d->position);

        } else {
            ngx_oof_consumer_row(&w, d);
        }
    }

    ngx_oof_json_end(&w, ']');

    gone->len = p - gone->data;

    return ngx_oof_json_text(&w, rows);
}


static void
ngx_oof_consumer_row(ngx_oof_json_t *w, ngx_oof_delivery_t *d)
{
    ngx_msec_int_t  wait;

    wait = (ngx_msec_int_t) (d->next - ngx_current_msec);

    if (d->state != NGX_OOF_DELIVERY_WAITS || wait < 0) {
        wait = 0;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "position");
    ngx_oof_json_int(w, d->position);
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, d->id);
    ngx_oof_json_name(w, "key");
    ngx_oof_json_uuid(w, d->key);
    ngx_oof_json_name(w, "attempts");
    ngx_oof_json_int(w, d->attempts);
    ngx_oof_json_name(w, "wait");
    ngx_oof_json_int(w, wait);
    ngx_oof_json_name(w, "dead");
    ngx_oof_json_bool(w, d->dead);
    ngx_oof_json_member(w, "error", &d->why);
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_consumer_saved(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_uint_t                 ok;
    ngx_oof_consumer_state_t  *cs;

    cs = asked->data;

    if (asked->round != cs->round) {
        return;
    }

    ok = (u->rc == NGX_OOF_PG_OK && ngx_oof_pg_rows(u, 0) == 1);

    cs->save = 0;

    ngx_oof_delivery_saved(cs, ok);

    if (!ok) {
        ngx_oof_consumer_arm(cs, NGX_OOF_RELAY_RETRY);
        return;
    }

    if (ngx_oof_pg_get_int(u, 0, 0, 1) == 0) {

        /* a replay, or another process has the lease: that comes out soon */

        cs->state = NGX_OOF_CONSUMER_ENDS;

    } else {
        cs->cursor = asked->cursor;
    }

    ngx_post_event(&cs->event, &ngx_posted_events);
}


/*
 * The lease is given back, or lost: what receivers have acknowledged until now
 * is saved yet, which the epoch of the next holder prevents when it comes too
 * late.
 */

void
ngx_oof_consumer_end(ngx_oof_consumer_state_t *cs)
{
    ngx_oof_consumer_t  *c;

    c = cs->consumer;

    if (cs->state == NGX_OOF_CONSUMER_IDLE) {
        return;
    }

    if (cs->started && c->provider->stop) {
        c->provider->stop(c);
    }

    cs->ended = cs->relay->epoch;
    cs->settled = cs->cursor;

    if (cs->state == NGX_OOF_CONSUMER_RUNS) {

        /* those that were set aside stand behind the cursor with it alone */

        if (ngx_queue_empty(&cs->changes) && ngx_queue_empty(&cs->saving)) {
            cs->settled = ngx_oof_consumer_cursor(cs);
        }

        ngx_oof_consumer_save(cs, 1);
    }

    cs->state = NGX_OOF_CONSUMER_IDLE;
    cs->started = 0;
    cs->round++;

    ngx_oof_delivery_clear(cs);

    if (cs->event.posted) {
        ngx_delete_posted_event(&cs->event);
    }

    if (cs->timer.timer_set) {
        ngx_del_timer(&cs->timer);
    }
}


int64_t
ngx_oof_consumer_lag(ngx_oof_consumer_state_t *cs, int64_t *since)
{
    int64_t              first;
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *d;

    *since = 0;

    if (!ngx_queue_empty(&cs->order)) {
        q = ngx_queue_head(&cs->order);
        d = ngx_queue_data(q, ngx_oof_delivery_t, queue);
        *since = ngx_oof_consumer_since(d->id);
    }

    if (!ngx_queue_empty(&cs->pending)) {
        q = ngx_queue_head(&cs->pending);
        d = ngx_queue_data(q, ngx_oof_delivery_t, queue);
        first = ngx_oof_consumer_since(d->id);

        *since = *since ? ngx_min(*since, first) : first;
    }

    return cs->relay->head - ngx_oof_consumer_cursor(cs) + cs->npending;
}


/* an id tells when it was made */

static int64_t
ngx_oof_consumer_since(u_char *id)
{
    int64_t     ms;
    ngx_uint_t  i;

    ms = 0;

    for (i = 0; i < 6; i++) {
        ms = ms << 8 | id[i];
    }

    return ms * 1000;
}
