
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_publish.h>


#define NGX_OOF_PUBLISH_CONNECT  2000    /* ms */
#define NGX_OOF_PUBLISH_CODE     64      /* characters of a code, at most */


static void ngx_oof_publish_post(ngx_oof_publish_t *publish,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static ngx_int_t ngx_oof_publish_call(ngx_oof_post_t *post, const char **why);
static void ngx_oof_publish_fetched(ngx_oof_fetch_t *f);
static char *ngx_oof_publish_timeout(ngx_oof_publish_t *publish,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_publish_ca(ngx_conf_t *cf, ngx_oof_publish_t *publish,
    ngx_str_t *value, ngx_uint_t n);


void
ngx_oof_publish_start(ngx_oof_publish_t *publish)
{
    ngx_queue_init(&publish->posts);
}


void
ngx_oof_publish_stop(ngx_oof_publish_t *publish)
{
    ngx_queue_t     *q;
    ngx_oof_post_t  *post;

    while (!ngx_queue_empty(&publish->posts)) {
        q = ngx_queue_head(&publish->posts);
        post = ngx_queue_data(q, ngx_oof_post_t, queue);

        ngx_queue_remove(q);
        ngx_oof_fetch_cancel(&post->fetch);
        ngx_destroy_pool(post->pool);
    }
}


void
ngx_oof_publish_send(ngx_oof_publish_t *publish,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    size_t      size, sum;
    ngx_uint_t  i, first;

    first = 0;
    sum = 0;

    for (i = 0; i < n; i++) {
        size = publish->size(publish, deliveries[i]->event);

        if (i > first
            && (sum + size > publish->most
                || i - first == NGX_OOF_PUBLISH_BATCH))
        {
            ngx_oof_publish_post(publish, &deliveries[first], i - first);

            first = i;
            sum = 0;
        }

        if (size > publish->most) {
            ngx_oof_relay_done(deliveries[i], NGX_DECLINED,
                               "longer than the receiver takes");
            first = i + 1;
            continue;
        }

        sum += size;
    }

    if (first < n) {
        ngx_oof_publish_post(publish, &deliveries[first], n - first);
    }
}


static void
ngx_oof_publish_post(ngx_oof_publish_t *publish,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_int_t        rc;
    ngx_uint_t       i;
    ngx_pool_t      *pool;
    const char      *why;
    ngx_oof_post_t  *post;

    why = "no memory, or too many calls";
    post = NULL;

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool) {
        post = ngx_pcalloc(pool, sizeof(ngx_oof_post_t));
    }

    if (post) {
        post->deliveries = ngx_pnalloc(pool, n * sizeof(ngx_oof_delivery_t *));
    }

    if (post == NULL || post->deliveries == NULL) {

        for (i = 0; i < n; i++) {
            ngx_oof_relay_done(deliveries[i], NGX_BUSY, why);
        }

        if (pool) {
            ngx_destroy_pool(pool);
        }

        return;
    }

    post->pool = pool;
    post->publish = publish;
    post->n = n;

    ngx_memcpy(post->deliveries, deliveries, n * sizeof(ngx_oof_delivery_t *));

    rc = ngx_oof_publish_call(post, &why);

    if (rc != NGX_OK) {
        ngx_oof_publish_all(post, NGX_BUSY, why);
        ngx_destroy_pool(pool);
        return;
    }

    ngx_queue_insert_tail(&publish->posts, &post->queue);
}


static ngx_int_t
ngx_oof_publish_call(ngx_oof_post_t *post, const char **why)
{
    ngx_int_t           rc;
    ngx_oof_fetch_t    *f;
    ngx_oof_publish_t  *publish;

    f = &post->fetch;
    publish = post->publish;

    if (ngx_array_init(&f->headers, post->pool, 8, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    f->pool = post->pool;
    f->log = ngx_cycle->log;
    ngx_str_set(&f->method, "POST");
    f->url = publish->url;
    f->addrs = publish->addrs;
    f->ca = publish->ca;
    f->timeout = publish->timeout;
    f->connect_timeout = ngx_min(NGX_OOF_PUBLISH_CONNECT, publish->timeout);
    f->max_size = NGX_OOF_PUBLISH_ANSWER;
    f->handler = ngx_oof_publish_fetched;
    f->data = post;
    f->background = 1;

    rc = publish->write(publish, post, why);

    return rc == NGX_OK ? ngx_oof_fetch(f) : rc;
}


static void
ngx_oof_publish_fetched(ngx_oof_fetch_t *f)
{
    ngx_oof_post_t  *post;

    post = f->data;

    /* the answers may start other requests, or end all */

    ngx_queue_remove(&post->queue);

    if (f->status == 0) {
        ngx_oof_publish_all(post, NGX_BUSY, f->error);

    } else {
        post->publish->judge(post->publish, post);
        ngx_oof_publish_all(post, NGX_AGAIN, "the answer does not mention it");
    }

    ngx_destroy_pool(post->pool);
}


void
ngx_oof_publish_done(ngx_oof_post_t *post, ngx_uint_t i, ngx_int_t rc,
    const char *why)
{
    ngx_oof_delivery_t  *delivery;

    if (i >= post->n || post->deliveries[i] == NULL) {
        return;
    }

    delivery = post->deliveries[i];
    post->deliveries[i] = NULL;

    ngx_oof_relay_done(delivery, rc, why);
}


void
ngx_oof_publish_all(ngx_oof_post_t *post, ngx_int_t rc, const char *why)
{
    ngx_uint_t  i;

    for (i = 0; i < post->n; i++) {
        ngx_oof_publish_done(post, i, rc, why);
    }
}


void
ngx_oof_publish_apart(ngx_oof_post_t *post, const char *why)
{
    ngx_uint_t           i;
    ngx_oof_delivery_t  *delivery;

    if (post->n == 1) {
        ngx_oof_publish_done(post, 0, NGX_DECLINED, why);
        return;
    }

    for (i = 0; i < post->n; i++) {
        delivery = post->deliveries[i];
        post->deliveries[i] = NULL;

        if (delivery) {
            ngx_oof_publish_post(post->publish, &delivery, 1);
        }
    }
}


/* what others have written goes into no log, but for a word */

const char *
ngx_oof_publish_why(ngx_oof_post_t *post, ngx_str_t *code)
{
    u_char  *p;

    p = ngx_pnalloc(post->pool, sizeof("status , ") + NGX_INT_T_LEN
                                + NGX_OOF_PUBLISH_CODE);
    if (p == NULL) {
        return NULL;
    }

    if (ngx_oof_is_word(code, NGX_OOF_PUBLISH_CODE, "._-")) {
        ngx_sprintf(p, "status %ui, %V%Z", post->fetch.status, code);

    } else {
        ngx_sprintf(p, "status %ui%Z", post->fetch.status);
    }

    return (char *) p;
}


ngx_int_t
ngx_oof_publish_line(ngx_conf_t *cf, ngx_oof_publish_t *publish,
    ngx_str_t *value, ngx_uint_t n, char **rv)
{
    if (ngx_strcmp(value[0].data, "timeout") == 0) {
        *rv = ngx_oof_publish_timeout(publish, value, n);
        return NGX_OK;
    }

    if (ngx_strcmp(value[0].data, "ca") == 0) {
        *rv = ngx_oof_publish_ca(cf, publish, value, n);
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static char *
ngx_oof_publish_timeout(ngx_oof_publish_t *publish, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_int_t  ms;

    if (publish->timeout) {
        return "is duplicate";
    }

    ms = n == 2 ? ngx_parse_time(&value[1], 0) : NGX_ERROR;

    if (ms == NGX_ERROR || ms < 1 || ms > 60000) {
        return "must be a time of 1ms to 60s";
    }

    publish->timeout = ms;

    return NGX_CONF_OK;
}


static char *
ngx_oof_publish_ca(ngx_conf_t *cf, ngx_oof_publish_t *publish,
    ngx_str_t *value, ngx_uint_t n)
{
    if (publish->ca.len) {
        return "is duplicate";
    }

    if (n != 2) {
        return "must name a file";
    }

    if (ngx_oof_fetch_pem(cf, &value[1], &publish->ca) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_oof_publish_value(ngx_str_t *field, ngx_str_t *value, ngx_uint_t n)
{
    if (field->len) {
        return "is duplicate";
    }

    if (n != 2 || value[1].len == 0) {
        return "must have one value";
    }

    *field = value[1];

    return NGX_CONF_OK;
}
