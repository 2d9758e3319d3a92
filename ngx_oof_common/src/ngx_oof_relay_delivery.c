
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_relay_int.h>


/*
 * One event on its way to one consumer.
 *
 * Of a key only the first one that is not done, its holder, is sent; the others
 * are behind it, in order.  A delivery is in the list "order", by position, as
 * long as the cursor may not pass it; when it has failed it goes over to
 * "pending", with all behind it, and so do those of its key that come later:
 * each of these has a row, which is written by the same statement that moves
 * the cursor over them.  Their events are read again when their time comes.
 */

#define NGX_OOF_DELIVERY_FIRST   1000    /* ms after the first failure */
#define NGX_OOF_DELIVERY_REST    100     /* of a consumer */
#define NGX_OOF_DELIVERY_RESTS   5000


static ngx_oof_delivery_t *ngx_oof_delivery_new(
    ngx_oof_consumer_state_t *cs, int64_t position, u_char *id, u_char *key);
static ngx_uint_t ngx_oof_delivery_known(ngx_oof_delivery_t *holder,
    int64_t position);
static ngx_queue_t *ngx_oof_delivery_bucket(ngx_oof_consumer_state_t *cs,
    u_char *key);
static ngx_oof_delivery_t *ngx_oof_delivery_holder(
    ngx_oof_consumer_state_t *cs, u_char *key);
static void ngx_oof_delivery_hold(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_release(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_ready(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_finish(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_fail(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d, ngx_int_t rc, const char *why);
static void ngx_oof_delivery_give_up(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_postpone(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_why(ngx_oof_delivery_t *d, const char *why);
static void ngx_oof_delivery_aside(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_change(ngx_oof_consumer_state_t *cs,
    ngx_oof_delivery_t *d);
static void ngx_oof_delivery_forget(ngx_oof_delivery_t *d);
static void ngx_oof_delivery_trim(ngx_oof_consumer_state_t *cs);
static void ngx_oof_delivery_free(ngx_oof_delivery_t *d);


ngx_int_t
ngx_oof_delivery_take(ngx_oof_consumer_state_t *cs,
    ngx_oof_relay_event_t *event)
{
    ngx_oof_delivery_t  *d, *holder;

    d = ngx_oof_delivery_new(cs, event->position, event->id, event->key);
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->event = ngx_oof_personal_event(cs->consumer, event);

    if (d->event == NULL) {
        ngx_free(d);
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&cs->order, &d->queue);
    cs->norder++;

    holder = ngx_oof_delivery_holder(cs, d->key);

    if (holder == NULL) {
        ngx_oof_delivery_hold(cs, d);
        ngx_oof_delivery_ready(cs, d);
        return NGX_OK;
    }

    d->state = NGX_OOF_DELIVERY_BEHIND;
    ngx_queue_insert_tail(&holder->behind, &d->link);

    if (holder->pending) {
        ngx_oof_delivery_aside(cs, d);
    }

    return NGX_OK;
}


/* a row of what was pending when the process began, or was dead until now */

ngx_int_t
ngx_oof_delivery_load(ngx_oof_consumer_state_t *cs, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    int64_t              position;
    ngx_str_t            id, key;
    ngx_oof_delivery_t  *d, *holder;

    position = ngx_oof_pg_get_int(u, 0, row, 1);
    ngx_oof_pg_get_str(u, 0, row, 2, &id);
    ngx_oof_pg_get_str(u, 0, row, 3, &key);

    holder = ngx_oof_delivery_holder(cs, key.data);

    if (holder && ngx_oof_delivery_known(holder, position)) {
        return NGX_OK;
    }

    d = ngx_oof_delivery_new(cs, position, id.data, key.data);
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->pending = 1;
    d->attempts = ngx_oof_pg_get_int(u, 0, row, 4);
    d->next = ngx_current_msec
              + (ngx_msec_t) ngx_oof_pg_get_int(u, 0, row, 5);

    ngx_queue_insert_tail(&cs->pending, &d->queue);
    cs->npending++;

    if (holder) {
        d->state = NGX_OOF_DELIVERY_BEHIND;
        ngx_queue_insert_tail(&holder->behind, &d->link);
        return NGX_OK;
    }

    ngx_oof_delivery_hold(cs, d);
    d->state = NGX_OOF_DELIVERY_WAITS;
    cs->due = 0;

    return NGX_OK;
}


/* is the event of this position its holder's, or one behind it */

static ngx_uint_t
ngx_oof_delivery_known(ngx_oof_delivery_t *holder, int64_t position)
{
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *d;

    if (holder->position == position) {
        return 1;
    }

    for (q = ngx_queue_head(&holder->behind);
         q != ngx_queue_sentinel(&holder->behind);
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_oof_delivery_t, link);

        if (d->position == position) {
            return 1;
        }
    }

    return 0;
}


static ngx_oof_delivery_t *
ngx_oof_delivery_new(ngx_oof_consumer_state_t *cs, int64_t position,
    u_char *id, u_char *key)
{
    ngx_oof_delivery_t  *d;

    d = ngx_calloc(sizeof(ngx_oof_delivery_t), ngx_cycle->log);
    if (d == NULL) {
        return NULL;
    }

    d->consumer = cs->consumer;
    d->position = position;
    ngx_memcpy(d->id, id, NGX_OOF_UUID_LEN);
    ngx_memcpy(d->key, key, NGX_OOF_UUID_LEN);
    ngx_queue_init(&d->behind);

    return d;
}


static ngx_queue_t *
ngx_oof_delivery_bucket(ngx_oof_consumer_state_t *cs, u_char *key)
{
    uint32_t  n;

    /* the end of a UUID is random, whoever made it here */

    ngx_memcpy(&n, key + NGX_OOF_UUID_LEN - sizeof(n), sizeof(n));

    return &cs->buckets[n % NGX_OOF_RELAY_BUCKETS];
}


static ngx_oof_delivery_t *
ngx_oof_delivery_holder(ngx_oof_consumer_state_t *cs, u_char *key)
{
    ngx_queue_t         *q, *bucket;
    ngx_oof_delivery_t  *d;

    bucket = ngx_oof_delivery_bucket(cs, key);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_oof_delivery_t, hash);

        if (ngx_memcmp(d->key, key, NGX_OOF_UUID_LEN) == 0) {
            return d;
        }
    }

    return NULL;
}


static void
ngx_oof_delivery_hold(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    d->holder = 1;
    ngx_queue_insert_head(ngx_oof_delivery_bucket(cs, d->key), &d->hash);
}


/* the next of its key is at the front now */

static void
ngx_oof_delivery_release(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *next;

    d->holder = 0;
    ngx_queue_remove(&d->hash);

    if (ngx_queue_empty(&d->behind)) {
        return;
    }

    q = ngx_queue_head(&d->behind);
    next = ngx_queue_data(q, ngx_oof_delivery_t, link);

    ngx_queue_remove(q);

    if (!ngx_queue_empty(&d->behind)) {
        ngx_queue_add(&next->behind, &d->behind);
        ngx_queue_init(&d->behind);
    }

    ngx_oof_delivery_hold(cs, next);

    if (next->event) {
        ngx_oof_delivery_ready(cs, next);
        return;
    }

    next->state = NGX_OOF_DELIVERY_DUE;
    cs->ndue++;
}


static void
ngx_oof_delivery_ready(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    d->state = NGX_OOF_DELIVERY_READY;
    ngx_queue_insert_tail(&cs->ready, &d->link);
}


void
ngx_oof_relay_done(ngx_oof_delivery_t *d, ngx_int_t rc, const char *why)
{
    ngx_oof_consumer_state_t  *cs;

    cs = d->consumer->state;

    cs->nsent--;
    d->ctx = NULL;

    switch (rc) {

    case NGX_OK:

        cs->rest = 0;
        ngx_oof_metric_inc(&ngx_oof_relay_delivered_total,
                           cs->consumer->series, 1);
        ngx_oof_delivery_finish(cs, d);
        break;

    case NGX_BUSY:

        d->state = NGX_OOF_DELIVERY_READY;
        ngx_queue_insert_head(&cs->ready, &d->link);

        if (!cs->resting) {
            cs->resting = 1;
            cs->rest = cs->rest ? ngx_min(2 * cs->rest, NGX_OOF_DELIVERY_RESTS)
                                : NGX_OOF_DELIVERY_REST;
            cs->rests = ngx_current_msec + cs->rest;

            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "consumer \"%V\" takes no events: %s",
                          &cs->consumer->name, why ? why : "no reason given");
        }

        break;

    default: /* NGX_AGAIN, NGX_DECLINED */

        ngx_oof_delivery_fail(cs, d, rc, why);
    }

    ngx_post_event(&cs->event, &ngx_posted_events);
}


static void
ngx_oof_delivery_finish(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    d->state = NGX_OOF_DELIVERY_DONE;

    ngx_oof_delivery_release(cs, d);
    ngx_oof_delivery_forget(d);

    if (d->pending) {
        ngx_oof_delivery_change(cs, d);
        return;
    }

    ngx_oof_delivery_trim(cs);
}


static void
ngx_oof_delivery_fail(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d,
    ngx_int_t rc, const char *why)
{
    ngx_oof_metric_inc(&ngx_oof_relay_failed_total, cs->consumer->series, 1);

    d->attempts++;

    ngx_oof_delivery_why(d, why);

    if (rc == NGX_DECLINED
        || (cs->consumer->attempts && d->attempts >= cs->consumer->attempts))
    {
        ngx_oof_delivery_give_up(cs, d);
        return;
    }

    ngx_oof_delivery_postpone(cs, d);
}


static void
ngx_oof_delivery_give_up(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    u_char  id[NGX_OOF_UUID_TEXT + 1];

    *ngx_oof_uuid_format(id, d->id) = '\0';

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "event %s at position %L is dead for consumer \"%V\" after "
                  "%ui attempts: %V", id, d->position, &cs->consumer->name,
                  d->attempts, &d->why);

    ngx_oof_metric_inc(&ngx_oof_relay_dead_total, cs->consumer->series, 1);

    d->dead = 1;
    d->state = NGX_OOF_DELIVERY_DONE;

    ngx_oof_delivery_release(cs, d);
    ngx_oof_delivery_forget(d);

    if (!d->pending) {
        ngx_oof_delivery_aside(cs, d);
        return;
    }

    ngx_oof_delivery_change(cs, d);
}


static void
ngx_oof_delivery_postpone(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    ngx_msec_t           wait;
    ngx_uint_t           i;
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *next;

    wait = NGX_OOF_DELIVERY_FIRST;

    for (i = 1; i < d->attempts && wait < cs->consumer->backoff; i++) {
        wait *= 2;
    }

    d->next = ngx_current_msec + ngx_min(wait, cs->consumer->backoff);
    d->state = NGX_OOF_DELIVERY_WAITS;
    cs->due = 0;

    ngx_oof_delivery_forget(d);

    if (d->pending) {
        ngx_oof_delivery_change(cs, d);
        return;
    }

    ngx_oof_delivery_aside(cs, d);

    for (q = ngx_queue_head(&d->behind);
         q != ngx_queue_sentinel(&d->behind);
         q = ngx_queue_next(q))
    {
        next = ngx_queue_data(q, ngx_oof_delivery_t, link);

        if (!next->pending) {
            ngx_oof_delivery_aside(cs, next);
        }
    }
}


/* what comes from outside may be no UTF-8 */

static void
ngx_oof_delivery_why(ngx_oof_delivery_t *d, const char *why)
{
    u_char      *text;
    size_t       len;
    ngx_uint_t   i;

    if (d->why.data) {
        ngx_free(d->why.data);
        ngx_str_null(&d->why);
    }

    len = why ? ngx_min(ngx_strlen(why), NGX_OOF_RELAY_WHY) : 0;

    if (len == 0) {
        return;
    }

    text = ngx_alloc(len, ngx_cycle->log);
    if (text == NULL) {
        return;
    }

    for (i = 0; i < len; i++) {
        text[i] = (why[i] >= 0x20 && why[i] < 0x7f) ? (u_char) why[i] : '?';
    }

    d->why.data = text;
    d->why.len = len;
}


/* out of the cursor's way, with a row of its own */

static void
ngx_oof_delivery_aside(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    d->pending = 1;

    ngx_queue_remove(&d->queue);
    cs->norder--;

    ngx_queue_insert_tail(&cs->pending, &d->queue);
    cs->npending++;

    ngx_oof_delivery_forget(d);
    ngx_oof_delivery_change(cs, d);
    ngx_oof_delivery_trim(cs);
}


static void
ngx_oof_delivery_change(ngx_oof_consumer_state_t *cs, ngx_oof_delivery_t *d)
{
    if (d->changed) {
        return;
    }

    d->changed = 1;

    /* what is being saved goes to the list again when that has ended */

    if (!d->saving) {
        ngx_queue_insert_tail(&cs->changes, &d->change);
    }
}


void
ngx_oof_delivery_saved(ngx_oof_consumer_state_t *cs, ngx_uint_t ok)
{
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *d;

    while (!ngx_queue_empty(&cs->saving)) {
        q = ngx_queue_head(&cs->saving);
        d = ngx_queue_data(q, ngx_oof_delivery_t, change);

        ngx_queue_remove(q);

        d->saving = 0;

        if (!ok || d->changed) {
            d->changed = 1;
            ngx_queue_insert_tail(&cs->changes, &d->change);
            continue;
        }

        if (d->state == NGX_OOF_DELIVERY_DONE) {
            ngx_queue_remove(&d->queue);
            cs->npending--;
            ngx_oof_delivery_free(d);
        }
    }
}


/* pending ones whose time has come; the timer is set for the next */

void
ngx_oof_delivery_due(ngx_oof_consumer_state_t *cs)
{
    ngx_queue_t         *q;
    ngx_msec_t           least;
    ngx_msec_int_t       wait;
    ngx_oof_delivery_t  *d;

    if (cs->npending == 0
        || (cs->due && (ngx_msec_int_t) (cs->due - ngx_current_msec) > 0
            && cs->timer.timer_set))
    {
        return;
    }

    least = NGX_OOF_DELIVERY_RESTS;

    for (q = ngx_queue_head(&cs->pending);
         q != ngx_queue_sentinel(&cs->pending);
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_oof_delivery_t, queue);

        if (d->state != NGX_OOF_DELIVERY_WAITS) {
            continue;
        }

        wait = (ngx_msec_int_t) (d->next - ngx_current_msec);

        if (wait > 0) {
            least = ngx_min(least, (ngx_msec_t) wait);
            continue;
        }

        d->state = NGX_OOF_DELIVERY_DUE;
        cs->ndue++;
    }

    /* of many that come one by one some are taken together */

    cs->due = ngx_current_msec + ngx_max(least, 50);
    ngx_oof_consumer_arm(cs, ngx_max(least, 50));
}


/*
 * The event of a pending one has come; position 0: it could not be asked for
 * now; -1: those that are left are in no log any more.
 */

void
ngx_oof_delivery_come(ngx_oof_consumer_state_t *cs, int64_t position,
    ngx_oof_relay_event_t *event)
{
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *d;

    for (q = ngx_queue_head(&cs->pending);
         q != ngx_queue_sentinel(&cs->pending);
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_oof_delivery_t, queue);

        if (d->state != NGX_OOF_DELIVERY_ASKED) {
            continue;
        }

        if (position == 0) {
            d->state = NGX_OOF_DELIVERY_DUE;
            cs->ndue++;
            continue;
        }

        if (position == -1) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "the event at position %L, which consumer \"%V\" has "
                          "not taken, is in no log any more", d->position,
                          &cs->consumer->name);
            ngx_oof_delivery_finish(cs, d);
            continue;
        }

        if (d->position == position) {
            d->event = ngx_oof_personal_event(cs->consumer, event);

            if (d->event == NULL) {
                d->state = NGX_OOF_DELIVERY_DUE;
                cs->ndue++;
                return;
            }

            ngx_oof_delivery_ready(cs, d);
            return;
        }
    }
}


static void
ngx_oof_delivery_forget(ngx_oof_delivery_t *d)
{
    if (d->event) {
        ngx_oof_relay_event_free(d->event);
        d->event = NULL;
    }
}


/* done ones at the begin of the list are what the cursor passes */

static void
ngx_oof_delivery_trim(ngx_oof_consumer_state_t *cs)
{
    ngx_queue_t         *q;
    ngx_oof_delivery_t  *d;

    while (!ngx_queue_empty(&cs->order)) {
        q = ngx_queue_head(&cs->order);
        d = ngx_queue_data(q, ngx_oof_delivery_t, queue);

        if (d->state != NGX_OOF_DELIVERY_DONE) {
            return;
        }

        ngx_queue_remove(q);
        cs->norder--;
        ngx_oof_delivery_free(d);
    }
}


static void
ngx_oof_delivery_free(ngx_oof_delivery_t *d)
{
    ngx_oof_delivery_forget(d);

    if (d->why.data) {
        ngx_free(d->why.data);
    }

    ngx_free(d);
}


void
ngx_oof_delivery_clear(ngx_oof_consumer_state_t *cs)
{
    ngx_uint_t           i;
    ngx_queue_t         *q, *lists[2];
    ngx_oof_delivery_t  *d;

    lists[0] = &cs->order;
    lists[1] = &cs->pending;

    for (i = 0; i < 2; i++) {
        while (!ngx_queue_empty(lists[i])) {
            q = ngx_queue_head(lists[i]);
            d = ngx_queue_data(q, ngx_oof_delivery_t, queue);

            ngx_queue_remove(q);
            ngx_oof_delivery_free(d);
        }
    }

    for (i = 0; i < NGX_OOF_RELAY_BUCKETS; i++) {
        ngx_queue_init(&cs->buckets[i]);
    }

    ngx_queue_init(&cs->ready);
    ngx_queue_init(&cs->changes);
    ngx_queue_init(&cs->saving);

    cs->norder = 0;
    cs->npending = 0;
    cs->nsent = 0;
    cs->ndue = 0;
    cs->due = 0;
}
