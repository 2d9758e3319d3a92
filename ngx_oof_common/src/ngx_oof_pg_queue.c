
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_pg_lane.h>

#include <openssl/rand.h>


#define NGX_OOF_PG_MAX_KEYS  16384     /* buckets, not keys */


static ngx_queue_t *ngx_oof_pg_bucket(ngx_oof_pg_unit_t *u);
static ngx_oof_pg_unit_t *ngx_oof_pg_holder(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_hold(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_yield(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_wait(ngx_oof_pg_unit_t *u, ngx_uint_t first);
static void ngx_oof_pg_done_handler(ngx_event_t *ev);
static void ngx_oof_pg_tick_handler(ngx_event_t *ev);
static void ngx_oof_pg_expire(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_watch(ngx_oof_database_t *db);
static void ngx_oof_pg_release(ngx_oof_pg_unit_t *u);


static u_char  ngx_oof_pg_no_key[NGX_OOF_UUID_LEN];


ngx_int_t
ngx_oof_pg_queue_init(ngx_cycle_t *cycle, ngx_oof_database_t *db)
{
    ngx_uint_t  i;

    ngx_queue_init(&db->units);
    ngx_queue_init(&db->ended);

    db->nkeys = 64;

    while (db->nkeys < db->queue && db->nkeys < NGX_OOF_PG_MAX_KEYS) {
        db->nkeys <<= 1;
    }

    db->keys = ngx_palloc(cycle->pool, db->nkeys * sizeof(ngx_queue_t));
    if (db->keys == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < db->nkeys; i++) {
        ngx_queue_init(&db->keys[i]);
    }

    /* keys come from callers: they must not know their buckets */

    if (RAND_bytes((u_char *) db->seed, sizeof(db->seed)) != 1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    db->done.handler = ngx_oof_pg_done_handler;
    db->done.data = db;
    db->done.log = cycle->log;

    db->tick.handler = ngx_oof_pg_tick_handler;
    db->tick.data = db;
    db->tick.log = cycle->log;
    db->tick.cancelable = 1;

    return NGX_OK;
}


void
ngx_oof_pg_enqueue(ngx_oof_pg_unit_t *u)
{
    ngx_oof_pg_unit_t  *holder;

    if (u->class != NGX_OOF_PG_READ
        && ngx_memcmp(u->key, ngx_oof_pg_no_key, NGX_OOF_UUID_LEN) != 0)
    {
        holder = ngx_oof_pg_holder(u);

        if (holder) {
            ngx_queue_insert_tail(&holder->behind, &u->queue);
            u->state = NGX_OOF_PG_UNIT_BEHIND;
            u->db->classes[u->lanes].nwaiting++;
            return;
        }

        ngx_queue_init(&u->behind);
        ngx_oof_pg_hold(u);
    }

    ngx_oof_pg_wait(u, 0);
}


static void
ngx_oof_pg_wait(ngx_oof_pg_unit_t *u, ngx_uint_t first)
{
    ngx_uint_t           i;
    ngx_oof_pg_class_t  *class;

    class = &u->db->classes[u->lanes];

    if (first) {
        ngx_queue_insert_head(&class->waiting, &u->queue);

    } else {
        ngx_queue_insert_tail(&class->waiting, &u->queue);
    }

    u->state = NGX_OOF_PG_UNIT_WAITING;
    class->nwaiting++;

    for (i = 0; u->db->working && i < class->nlanes; i++) {
        if (class->lanes[i].state == NGX_OOF_PG_LANE_CLOSED) {
            ngx_oof_pg_lane_open(&class->lanes[i]);
        }
    }

    ngx_post_event(&class->send, &ngx_posted_events);
}


/* takes a unit out of wherever it waits */

void
ngx_oof_pg_dequeue(ngx_oof_pg_unit_t *u)
{
    ngx_queue_remove(&u->queue);
    u->db->classes[u->lanes].nwaiting--;
}


void
ngx_oof_pg_again(ngx_queue_t *units)
{
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *u;

    while (!ngx_queue_empty(units)) {
        q = ngx_queue_last(units);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

        ngx_queue_remove(q);
        ngx_oof_pg_wait(u, 1);
    }
}


/* from the shared lane to the one that may wait for rows */

void
ngx_oof_pg_solo(ngx_oof_pg_unit_t *u)
{
    ngx_oof_database_t  *db;

    db = u->db;

    u->lanes = NGX_OOF_PG_SOLO;

    if (db->classes[NGX_OOF_PG_SOLO].nwaiting >= db->queue) {

        /* the unit has left nothing behind */

        ngx_oof_pg_end(u, NGX_OOF_PG_FULL);
        return;
    }

    if (ngx_oof_pg_down(&db->classes[NGX_OOF_PG_SOLO])) {
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
        return;
    }

    ngx_oof_pg_wait(u, 0);
}


/*
 * Keys.  At most one unit of a key is on its way or in a queue: it holds the
 * key until it has ended, on whatever lanes, and the others wait behind it.
 */

static ngx_queue_t *
ngx_oof_pg_bucket(ngx_oof_pg_unit_t *u)
{
    uint64_t             a, b;
    ngx_oof_database_t  *db;

    db = u->db;

    ngx_memcpy(&a, u->key, 8);
    ngx_memcpy(&b, u->key + 8, 8);

    a = (a ^ (a >> 32)) * (db->seed[0] | 1) + b * (db->seed[1] | 1);
    a ^= a >> 29;
    a *= db->seed[1] | 1;

    return &db->keys[(a >> 40) & (db->nkeys - 1)];
}


static ngx_oof_pg_unit_t *
ngx_oof_pg_holder(ngx_oof_pg_unit_t *u)
{
    ngx_queue_t        *q, *bucket;
    ngx_oof_pg_unit_t  *holder;

    bucket = ngx_oof_pg_bucket(u);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        holder = ngx_queue_data(q, ngx_oof_pg_unit_t, hash);

        if (ngx_memcmp(holder->key, u->key, NGX_OOF_UUID_LEN) == 0) {
            return holder;
        }
    }

    return NULL;
}


static void
ngx_oof_pg_hold(ngx_oof_pg_unit_t *u)
{
    ngx_queue_insert_tail(ngx_oof_pg_bucket(u), &u->hash);
    u->ordered = 1;
}


/* the next unit of this key takes its place, and its age */

static void
ngx_oof_pg_yield(ngx_oof_pg_unit_t *u)
{
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *next;

    ngx_queue_remove(&u->hash);
    u->ordered = 0;

    if (ngx_queue_empty(&u->behind)) {
        return;
    }

    q = ngx_queue_head(&u->behind);
    next = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

    ngx_oof_pg_dequeue(next);

    ngx_queue_init(&next->behind);

    if (!ngx_queue_empty(&u->behind)) {
        ngx_queue_add(&next->behind, &u->behind);
        ngx_queue_init(&u->behind);
    }

    ngx_oof_pg_hold(next);
    ngx_oof_pg_wait(next, 1);
}


/* ends */

void
ngx_oof_pg_end(ngx_oof_pg_unit_t *u, ngx_uint_t rc)
{
    ngx_oof_database_t  *db;

    db = u->db;

    ngx_log_debug6(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "oof pg unit %p end rc:%ui class:%ui lanes:%ui runs:%ui "
                   "sqlstate:%s",
                   u, rc, u->class, u->lanes, u->runs, u->sqlstate);

    u->rc = rc;
    u->state = NGX_OOF_PG_UNIT_ENDED;

    ngx_queue_insert_tail(&db->ended, &u->queue);

    if (u->ordered) {
        ngx_oof_pg_yield(u);
    }

    ngx_post_event(&db->done, &ngx_posted_events);
}


static void
ngx_oof_pg_done_handler(ngx_event_t *ev)
{
    ngx_uint_t              i;
    ngx_queue_t            *q;
    ngx_event_t            *send;
    ngx_oof_pg_unit_t      *u;
    ngx_oof_database_t     *db;
    ngx_oof_pg_handler_pt   handler;

    db = ev->data;

    /* the server works while the answers are made */

    for (i = 0; i < NGX_OOF_PG_CLASSES; i++) {
        send = &db->classes[i].send;

        if (send->posted) {
            ngx_delete_posted_event(send);
            send->handler(send);
        }
    }

    while (!ngx_queue_empty(&db->ended)) {
        q = ngx_queue_head(&db->ended);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

        ngx_queue_remove(q);

        handler = u->handler;
        u->handler = NULL;

        if (handler) {
            handler(u);
        }

        ngx_oof_pg_release(u);
    }
}


static void
ngx_oof_pg_release(ngx_oof_pg_unit_t *u)
{
    ngx_uint_t           n, rc;
    ngx_oof_database_t  *db;

    db = u->db;
    n = ngx_oof_pg_series(db, u->class);

    /* it may have written an event */

    if (u->rc == NGX_OOF_PG_OK && !u->calm
        && (u->class == NGX_OOF_PG_WRITE || u->class == NGX_OOF_PG_SOLO))
    {
        ngx_oof_relay_wake(db);
    }

    ngx_oof_metric_observe(&ngx_oof_pg_unit_seconds, n,
                           (uint64_t) (ngx_current_msec - u->queued) * 1000);

    rc = u->late ? NGX_OOF_PG_TIMEOUT : u->rc;
    ngx_oof_metric_inc(&ngx_oof_pg_units_total, n * NGX_OOF_PG_ENDS + rc, 1);

    ngx_queue_remove(&u->all);
    ngx_oof_pg_free(u);

    if (--db->nunits == 0) {

        /* now nothing of ours keeps a quitting worker */

        db->tick.cancelable = 1;
    }
}


/* is there no way to the server, as far as is known? */

ngx_uint_t
ngx_oof_pg_down(ngx_oof_pg_class_t *class)
{
    ngx_uint_t  i;

    for (i = 0; i < class->nlanes; i++) {
        if (class->lanes[i].state == NGX_OOF_PG_LANE_UP
            || class->lanes[i].state == NGX_OOF_PG_LANE_CLOSED
            || class->lanes[i].strikes < NGX_OOF_PG_MAX_STRIKES)
        {
            return 0;
        }
    }

    return 1;
}


/*
 * The class has gone down: units that have not run are told at once, those in
 * doubt wait for a lane within their deadlines.
 */

void
ngx_oof_pg_refuse(ngx_oof_pg_class_t *class)
{
    ngx_queue_t         *q, *next;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_database_t  *db;

    db = class->db;

    for (q = ngx_queue_head(&db->units);
         q != ngx_queue_sentinel(&db->units);
         q = next)
    {
        next = ngx_queue_next(q);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, all);

        if (u->lanes != class->class || u->doubt
            || (u->state != NGX_OOF_PG_UNIT_WAITING
                && u->state != NGX_OOF_PG_UNIT_BEHIND))
        {
            continue;
        }

        ngx_oof_pg_dequeue(u);
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
    }
}


/* "worker_shutdown_timeout": nobody waits any longer */

void
ngx_oof_pg_end_all(ngx_oof_database_t *db)
{
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *u;

    for (q = ngx_queue_head(&db->units);
         q != ngx_queue_sentinel(&db->units);
         q = ngx_queue_next(q))
    {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, all);

        if (u->state == NGX_OOF_PG_UNIT_WAITING
            || u->state == NGX_OOF_PG_UNIT_BEHIND)
        {
            ngx_oof_pg_dequeue(u);
            ngx_oof_pg_end(u, u->doubt ? NGX_OOF_PG_TIMEOUT : NGX_OOF_PG_DOWN);
        }
    }
}


/* the process ends: handlers are not called */

void
ngx_oof_pg_free_all(ngx_oof_database_t *db)
{
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *u;

    while (!ngx_queue_empty(&db->units)) {
        q = ngx_queue_head(&db->units);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, all);

        ngx_queue_remove(q);
        ngx_oof_pg_free(u);
    }

    ngx_queue_init(&db->ended);
    db->nunits = 0;
}


/* deadlines: one timer looks at all units, while there are any */

static void
ngx_oof_pg_tick_handler(ngx_event_t *ev)
{
    ngx_uint_t           i;
    ngx_queue_t         *q, *next;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_database_t  *db;

    db = ev->data;

    for (i = 0; i < NGX_OOF_PG_CLASSES; i++) {
        ngx_oof_metric_set(&ngx_oof_pg_queue_depth, ngx_oof_pg_series(db, i),
                           db->classes[i].nwaiting);
    }

    if (db->nunits == 0) {
        return;
    }

    /* none is freed here, and new ones come last */

    for (q = ngx_queue_head(&db->units);
         q != ngx_queue_sentinel(&db->units);
         q = next)
    {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, all);

        if ((ngx_msec_int_t) (u->deadline - ngx_current_msec) <= 0) {
            ngx_oof_pg_expire(u);
        }

        next = ngx_queue_next(q);
    }

    ngx_oof_pg_watch(db);

    ngx_add_timer(&db->tick, NGX_OOF_PG_TICK);
}


static void
ngx_oof_pg_expire(ngx_oof_pg_unit_t *u)
{
    ngx_uint_t              rc;
    ngx_oof_pg_handler_pt   handler;

    rc = ngx_oof_pg_late(u);

    switch (u->state) {

    case NGX_OOF_PG_UNIT_WAITING:
    case NGX_OOF_PG_UNIT_BEHIND:

        ngx_oof_pg_dequeue(u);
        ngx_oof_pg_end(u, rc);
        return;

    case NGX_OOF_PG_UNIT_SENT:

        /* it goes on without its owner: nothing is ever cancelled */

        handler = u->handler;
        u->handler = NULL;

        if (handler) {
            u->rc = rc;
            u->late = 1;
            handler(u);
        }
    }
}


ngx_uint_t
ngx_oof_pg_late(ngx_oof_pg_unit_t *u)
{
    if ((u->state == NGX_OOF_PG_UNIT_WAITING
         || u->state == NGX_OOF_PG_UNIT_BEHIND)
        && ngx_oof_pg_down(&u->db->classes[u->lanes]))
    {
        return NGX_OOF_PG_DOWN;
    }

    return NGX_OOF_PG_TIMEOUT;
}


/* a server that has taken a segment and is silent for long is no server */

static void
ngx_oof_pg_watch(ngx_oof_database_t *db)
{
    ngx_uint_t           i, j;
    ngx_msec_t           limit;
    ngx_oof_pg_lane_t   *lane;
    ngx_oof_pg_class_t  *class;

    limit = NGX_OOF_PG_STALL + 3 * db->statement_timeout;

    for (i = 0; i < NGX_OOF_PG_CLASSES; i++) {
        class = &db->classes[i];

        for (j = 0; j < class->nlanes; j++) {
            lane = &class->lanes[j];

            if (lane->state == NGX_OOF_PG_LANE_UP
                && lane->nsegments
                && ngx_current_msec - lane->heard > limit)
            {
                ngx_oof_pg_lane_lost(lane, "server is silent");
            }
        }
    }
}
