
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_webhook_int.h>


/* the relay's consumer that turns events into calls that are to be made */


#define NGX_OOF_WEBHOOK_EVENTS    128     /* in a unit */
#define NGX_OOF_WEBHOOK_UNITS     8       /* at once */
#define NGX_OOF_WEBHOOK_DEADLINE  5000    /* ms */


typedef struct {
    ngx_queue_t                queue;
    ngx_oof_webhook_sender_t  *sender;
    ngx_oof_pg_unit_t         *unit;
    ngx_uint_t                 n;
    ngx_oof_delivery_t        *deliveries[NGX_OOF_WEBHOOK_EVENTS];
} ngx_oof_webhook_batch_t;


static ngx_uint_t ngx_oof_webhook_wants(ngx_oof_consumer_t *c,
    ngx_oof_relay_event_t *event);
static void ngx_oof_webhook_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static ngx_int_t ngx_oof_webhook_batch(ngx_oof_webhook_batch_t *batch,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static void ngx_oof_webhook_batch_write(ngx_oof_webhook_batch_t *batch,
    ngx_pool_t *pool, ngx_oof_json_t *tpp, ngx_oof_json_t *bank);
static void ngx_oof_webhook_batch_done(ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_batch_end(ngx_oof_webhook_batch_t *batch,
    ngx_int_t rc, const char *why);
static void ngx_oof_webhook_stop(ngx_oof_consumer_t *c);


static ngx_oof_provider_t  ngx_oof_webhook_provider = {
    ngx_string("webhooks"),
    NGX_OOF_WEBHOOK_EVENTS,
    NGX_OOF_WEBHOOK_EVENTS * NGX_OOF_WEBHOOK_UNITS,
    NULL,                                  /* create */
    NULL,                                  /* line */
    NULL,                                  /* init */
    NULL,                                  /* start */
    ngx_oof_webhook_send,
    ngx_oof_webhook_stop,
    ngx_oof_webhook_wants
};


ngx_int_t
ngx_oof_webhook_consumer(ngx_conf_t *cf, ngx_oof_webhook_sender_t *s)
{
    ngx_oof_consumer_t  *c;

    c = ngx_oof_consumer_add(cf, s->lease.db, &ngx_oof_webhook_provider.name,
                             &ngx_oof_webhook_provider);
    if (c == NULL) {
        return NGX_ERROR;
    }

    /* its receiver is the database: what fails there is tried for ever */

    c->conf = s;
    c->attempts = 0;

    ngx_queue_init(&s->batches);

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_webhook_wants(ngx_oof_consumer_t *c, ngx_oof_relay_event_t *event)
{
    return ngx_oof_webhook_known(c->conf, &event->brand, &event->type);
}


static void
ngx_oof_webhook_send(ngx_oof_consumer_t *c, ngx_oof_delivery_t **deliveries,
    ngx_uint_t n)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_oof_webhook_batch_t  *batch;

    batch = ngx_calloc(sizeof(ngx_oof_webhook_batch_t), ngx_cycle->log);

    if (batch == NULL) {
        for (i = 0; i < n; i++) {
            ngx_oof_relay_done(deliveries[i], NGX_BUSY, "no memory");
        }

        return;
    }

    batch->sender = c->conf;

    ngx_queue_insert_tail(&batch->sender->batches, &batch->queue);

    rc = ngx_oof_webhook_batch(batch, deliveries, n);

    if (rc != NGX_OK) {
        ngx_oof_webhook_batch_end(batch, rc == NGX_DECLINED ? NGX_OK
                                                            : NGX_BUSY,
                                  "no memory");
    }
}


/* NGX_DECLINED: there is nothing to write */

static ngx_int_t
ngx_oof_webhook_batch(ngx_oof_webhook_batch_t *batch,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_int_t           rc;
    ngx_oof_json_t      tpp, bank;
    ngx_oof_pg_unit_t  *u;

    ngx_memcpy(batch->deliveries, deliveries, n * sizeof(void *));
    batch->n = n;

    u = ngx_oof_pg_unit(batch->sender->lease.db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    u->handler = ngx_oof_webhook_batch_done;
    u->data = batch;
    u->deadline = ngx_current_msec + NGX_OOF_WEBHOOK_DEADLINE;

    if (ngx_oof_json_init(&tpp, u->pool, 4096) != NGX_OK
        || ngx_oof_json_init(&bank, u->pool, 1024) != NGX_OK)
    {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    ngx_oof_webhook_batch_write(batch, u->pool, &tpp, &bank);

    rc = ngx_oof_webhook_statements(u, &tpp, &bank);

    if (rc != NGX_OK) {
        ngx_oof_pg_free(u);
        return rc;
    }

    batch->unit = u;

    return ngx_oof_pg_send(u);
}


/* what cannot be told will never be, and is put aside */

static void
ngx_oof_webhook_batch_write(ngx_oof_webhook_batch_t *batch, ngx_pool_t *pool,
    ngx_oof_json_t *tpp, ngx_oof_json_t *bank)
{
    ngx_uint_t           i, n;
    ngx_oof_delivery_t  *delivery;

    ngx_oof_json_begin(tpp, '[');
    ngx_oof_json_begin(bank, '[');

    n = 0;

    for (i = 0; i < batch->n; i++) {
        delivery = batch->deliveries[i];

        if (ngx_oof_webhook_event(batch->sender, pool, delivery->event, tpp,
                                  bank)
            == NGX_ERROR)
        {
            ngx_oof_relay_done(delivery, NGX_DECLINED,
                               "its data is not what it must be");
            continue;
        }

        batch->deliveries[n++] = delivery;
    }

    batch->n = n;

    ngx_oof_json_end(tpp, ']');
    ngx_oof_json_end(bank, ']');
}


static void
ngx_oof_webhook_batch_done(ngx_oof_pg_unit_t *u)
{
    ngx_oof_webhook_batch_t *batch = u->data;

    batch->unit = NULL;

    if (u->rc == NGX_OOF_PG_OK) {
        ngx_oof_webhook_wake(batch->sender);
        ngx_oof_webhook_batch_end(batch, NGX_OK, NULL);
        return;
    }

    ngx_oof_webhook_batch_end(batch, NGX_BUSY, "the database has not answered");
}


static void
ngx_oof_webhook_batch_end(ngx_oof_webhook_batch_t *batch, ngx_int_t rc,
    const char *why)
{
    ngx_uint_t  i;

    ngx_queue_remove(&batch->queue);

    for (i = 0; i < batch->n; i++) {
        ngx_oof_relay_done(batch->deliveries[i], rc,
                           rc == NGX_OK ? NULL : why);
    }

    ngx_free(batch);
}


/* what is under way may still be written: it is done once all the same */

static void
ngx_oof_webhook_stop(ngx_oof_consumer_t *c)
{
    ngx_queue_t               *q;
    ngx_oof_webhook_batch_t   *batch;
    ngx_oof_webhook_sender_t  *s;

    s = c->conf;

    while (!ngx_queue_empty(&s->batches)) {
        q = ngx_queue_head(&s->batches);
        batch = ngx_queue_data(q, ngx_oof_webhook_batch_t, queue);

        if (batch->unit) {
            ngx_oof_pg_detach(batch->unit);
        }

        ngx_queue_remove(q);
        ngx_free(batch);
    }
}
