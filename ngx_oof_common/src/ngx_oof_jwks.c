
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_jwks_zone.h>


/* where the keys come from: the source, the shared text, the refresh */


#define NGX_OOF_JWKS_ZONE      (256 * 1024)

#define NGX_OOF_JWKS_TIMEOUT   5000     /* ms, of a fetch */
#define NGX_OOF_JWKS_CONNECT   2000
#define NGX_OOF_JWKS_FLOOR     30000    /* of what Cache-Control may say */
#define NGX_OOF_JWKS_ASK       5000     /* between fetches for a kid */
#define NGX_OOF_JWKS_START     200      /* spread of the first fetches */
#define NGX_OOF_JWKS_RETRY     30000    /* the longest wait for a retry, */
#define NGX_OOF_JWKS_FIRST     1000     /* and before the first success */


typedef struct {
    ngx_queue_t              queue;
    ngx_oof_jwks_pt          handler;
    void                    *data;
} ngx_oof_jwks_waiter_t;


static ngx_int_t ngx_oof_jwks_read(ngx_conf_t *cf, ngx_oof_jwks_t *jwks);
static void ngx_oof_jwks_start(ngx_oof_jwks_t *jwks, ngx_log_t *log);
static void ngx_oof_jwks_stop(ngx_oof_jwks_t *jwks);
static void ngx_oof_jwks_timer(ngx_event_t *ev);
static void ngx_oof_jwks_fetch(ngx_oof_jwks_t *jwks);
static ngx_oof_fetch_t *ngx_oof_jwks_call(ngx_oof_jwks_t *jwks);
static void ngx_oof_jwks_fetched(ngx_oof_fetch_t *f);
static void ngx_oof_jwks_succeeded(ngx_oof_jwks_t *jwks, ngx_oof_fetch_t *f);
static void ngx_oof_jwks_failed(ngx_oof_jwks_t *jwks, const char *why);
static void ngx_oof_jwks_wake(ngx_oof_jwks_t *jwks);
static ngx_uint_t ngx_oof_jwks_adopt(ngx_oof_jwks_t *jwks);
static void ngx_oof_jwks_share(ngx_oof_jwks_t *jwks, ngx_str_t *text,
    ngx_msec_t due);
static ngx_uint_t ngx_oof_jwks_remove(ngx_queue_t *queue, void *data);


static ngx_oof_metric_t  ngx_oof_jwks_refresh_total;

#define NGX_OOF_JWKS_OK       0
#define NGX_OOF_JWKS_SHARED   1
#define NGX_OOF_JWKS_ERROR    2

static ngx_str_t  ngx_oof_jwks_results[] = {
    ngx_string("result=\"ok\""),
    ngx_string("result=\"shared\""),       /* another worker's answer */
    ngx_string("result=\"error\""),
    ngx_null_string
};


ngx_int_t
ngx_oof_jwks_preconf(ngx_conf_t *cf)
{
    return ngx_oof_metric_add_list(cf, &ngx_oof_jwks_refresh_total,
                                   "oof_jwks_refresh_total",
                                   "Refreshes of key sets by outcome.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_jwks_results);
}


ngx_oof_jwks_t *
ngx_oof_jwks_add(ngx_conf_t *cf, ngx_str_t *url, ngx_str_t *ca,
    ngx_msec_t refresh)
{
    ngx_uint_t             i;
    ngx_oof_jwks_t        *jwks, **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    all = omcf->jwks.elts;

    for (i = 0; i < omcf->jwks.nelts; i++) {
        if (all[i]->url.len != url->len
            || ngx_memcmp(all[i]->url.data, url->data, url->len) != 0)
        {
            continue;
        }

        if (all[i]->ca.len != ca->len
            || ngx_memcmp(all[i]->ca.data, ca->data, ca->len) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "key set \"%V\" is used with two \"ca\" files: "
                               "give it the same one everywhere", url);
            return NULL;
        }

        all[i]->refresh = ngx_min(all[i]->refresh, refresh);

        return all[i];
    }

    all = ngx_array_push(&omcf->jwks);
    jwks = ngx_pcalloc(cf->pool, sizeof(ngx_oof_jwks_t));

    if (all == NULL || jwks == NULL) {
        return NULL;
    }

    *all = jwks;

    jwks->url = *url;
    jwks->ca = *ca;
    jwks->refresh = refresh;

    if (ngx_strncmp(url->data, "file:", 5) == 0) {
        jwks->file = 1;

        if (ngx_oof_jwks_read(cf, jwks) != NGX_OK) {
            return NULL;
        }
    }

    return jwks;
}


/* the master only looks whether it is good; workers make the keys */

static ngx_int_t
ngx_oof_jwks_read(ngx_conf_t *cf, ngx_oof_jwks_t *jwks)
{
    ngx_str_t    file;
    ngx_int_t    rc;
    const char  *why;

    file.data = jwks->url.data + 5;
    file.len = jwks->url.len - 5;

    if (ngx_oof_fetch_file(cf, &file, NGX_OOF_JWKS_SIZE, &jwks->text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_jwks_load(jwks, &jwks->text, cf->log, &why);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a key set: %s", &file, why);
    }

    ngx_oof_jwks_unload(jwks);

    return rc;
}


ngx_int_t
ngx_oof_jwks_init(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_oof_jwks_t        *jwks, **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    all = omcf->jwks.elts;

    for (i = 0; i < omcf->jwks.nelts; i++) {
        jwks = all[i];

        if (jwks->file) {
            continue;
        }

        if (ngx_oof_fetch_prepare(cf, &jwks->url, &jwks->addrs) != NGX_OK) {
            return NGX_ERROR;
        }

        jwks->zone = ngx_oof_jwks_zone(cf, "oof_jwks", &jwks->url,
                                       NGX_OOF_JWKS_ZONE);
        if (jwks->zone == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_jwks_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    const char            *why;
    ngx_oof_jwks_t        *jwks, **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    all = omcf->jwks.elts;

    for (i = 0; i < omcf->jwks.nelts; i++) {
        jwks = all[i];

        ngx_queue_init(&jwks->waiters);
        ngx_queue_init(&jwks->woken);

        if (jwks->file) {
            if (ngx_oof_jwks_load(jwks, &jwks->text, cycle->log, &why)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        ngx_oof_jwks_start(jwks, cycle->log);
    }

    return NGX_OK;
}


ngx_oof_jwks_t *
ngx_oof_jwks_open(ngx_str_t *url, ngx_str_t *addrs, ngx_str_t *ca,
    ngx_msec_t refresh, ngx_shm_zone_t *zone)
{
    ngx_oof_jwks_t  *jwks;

    jwks = ngx_calloc(sizeof(ngx_oof_jwks_t), ngx_cycle->log);
    if (jwks == NULL) {
        return NULL;
    }

    jwks->url = *url;
    jwks->addrs = *addrs;
    jwks->ca = *ca;
    jwks->refresh = refresh;
    jwks->zone = zone;

    ngx_queue_init(&jwks->waiters);
    ngx_queue_init(&jwks->woken);

    ngx_oof_jwks_start(jwks, ngx_cycle->log);

    return jwks;
}


void
ngx_oof_jwks_close(ngx_oof_jwks_t *jwks)
{
    ngx_oof_jwks_stop(jwks);
    ngx_free(jwks);
}


static void
ngx_oof_jwks_start(ngx_oof_jwks_t *jwks, ngx_log_t *log)
{
    ngx_msec_t  delay;

    jwks->fetched = ngx_current_msec;

    jwks->timer.handler = ngx_oof_jwks_timer;
    jwks->timer.log = log;
    jwks->timer.data = jwks;
    jwks->timer.cancelable = 1;

    /*
     * Who starts with the keys of another looks soon whether they are still
     * the source's: a reload is how an operator asks for that.
     */

    delay = 1;

    if (ngx_oof_jwks_adopt(jwks)) {
        delay += ngx_random() % NGX_OOF_JWKS_START;
    }

    ngx_add_timer(&jwks->timer, delay);
}


void
ngx_oof_jwks_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_jwks_t       **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    all = omcf->jwks.elts;

    for (i = 0; i < omcf->jwks.nelts; i++) {
        ngx_oof_jwks_stop(all[i]);
    }
}


static void
ngx_oof_jwks_stop(ngx_oof_jwks_t *jwks)
{
    ngx_queue_t  *q;

    if (jwks->fetch) {
        ngx_oof_fetch_cancel(jwks->fetch);
        ngx_destroy_pool(jwks->fetch->pool);
        jwks->fetch = NULL;
    }

    if (jwks->timer.timer_set) {
        ngx_del_timer(&jwks->timer);
    }

    while (!ngx_queue_empty(&jwks->waiters)) {
        q = ngx_queue_head(&jwks->waiters);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_oof_jwks_waiter_t, queue));
    }

    ngx_oof_jwks_unload(jwks);
}


ngx_uint_t
ngx_oof_jwks_ready(ngx_oof_jwks_t *jwks)
{
    return jwks->loaded;
}


ngx_int_t
ngx_oof_jwks_wait(ngx_oof_jwks_t *jwks, ngx_oof_jwks_pt handler, void *data)
{
    ngx_oof_jwks_waiter_t  *waiter;

    if (jwks->file) {
        return NGX_BUSY;
    }

    if (ngx_oof_jwks_adopt(jwks)) {
        return NGX_OK;
    }

    if (jwks->nwaiters >= NGX_OOF_JWKS_WAITERS) {
        return NGX_ERROR;
    }

    if (jwks->fetch == NULL) {

        if (!jwks->loaded && jwks->failures) {
            return NGX_BUSY;
        }

        if (jwks->loaded && jwks->once_asked
            && ngx_current_msec - jwks->asked < NGX_OOF_JWKS_ASK)
        {
            return NGX_BUSY;
        }
    }

    waiter = ngx_alloc(sizeof(ngx_oof_jwks_waiter_t), ngx_cycle->log);
    if (waiter == NULL) {
        return NGX_ERROR;
    }

    waiter->handler = handler;
    waiter->data = data;

    if (jwks->fetch == NULL) {
        jwks->asked = ngx_current_msec;
        jwks->once_asked = jwks->loaded;

        ngx_oof_jwks_fetch(jwks);
    }

    if (jwks->fetch == NULL) {
        ngx_free(waiter);
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&jwks->waiters, &waiter->queue);
    jwks->nwaiters++;

    return NGX_AGAIN;
}


void
ngx_oof_jwks_forget(ngx_oof_jwks_t *jwks, void *data)
{
    if (ngx_oof_jwks_remove(&jwks->waiters, data)
        || ngx_oof_jwks_remove(&jwks->woken, data))
    {
        jwks->nwaiters--;
    }
}


static ngx_uint_t
ngx_oof_jwks_remove(ngx_queue_t *queue, void *data)
{
    ngx_queue_t            *q;
    ngx_oof_jwks_waiter_t  *waiter;

    for (q = ngx_queue_head(queue);
         q != ngx_queue_sentinel(queue);
         q = ngx_queue_next(q))
    {
        waiter = ngx_queue_data(q, ngx_oof_jwks_waiter_t, queue);

        if (waiter->data == data) {
            ngx_queue_remove(q);
            ngx_free(waiter);
            return 1;
        }
    }

    return 0;
}


static void
ngx_oof_jwks_timer(ngx_event_t *ev)
{
    ngx_oof_jwks_t  *jwks;

    jwks = ev->data;

    if (ngx_exiting || jwks->fetch) {
        return;
    }

    /* adopting sets the timer for the next time */

    if (!ngx_oof_jwks_adopt(jwks)) {
        ngx_oof_jwks_fetch(jwks);
    }
}


static void
ngx_oof_jwks_fetch(ngx_oof_jwks_t *jwks)
{
    ngx_oof_fetch_t  *f;

    f = ngx_oof_jwks_call(jwks);

    if (f == NULL) {
        ngx_oof_jwks_failed(jwks, "no memory");
        return;
    }

    if (ngx_oof_fetch(f) != NGX_OK) {
        ngx_destroy_pool(f->pool);
        ngx_oof_jwks_failed(jwks, "too many outbound calls are running");
        return;
    }

    jwks->fetch = f;

    if (jwks->timer.timer_set) {
        ngx_del_timer(&jwks->timer);
    }
}


static ngx_oof_fetch_t *
ngx_oof_jwks_call(ngx_oof_jwks_t *jwks)
{
    ngx_str_t        *header;
    ngx_pool_t       *pool;
    ngx_oof_fetch_t  *f;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    f = ngx_pcalloc(pool, sizeof(ngx_oof_fetch_t));

    if (f == NULL
        || ngx_array_init(&f->headers, pool, 1, sizeof(ngx_str_t)) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    header = ngx_array_push(&f->headers);
    ngx_str_set(header, "Accept: application/jwk-set+json, application/json");

    f->pool = pool;
    f->log = ngx_cycle->log;
    ngx_str_set(&f->method, "GET");
    f->url = jwks->url;
    f->addrs = jwks->addrs;
    f->ca = jwks->ca;
    f->timeout = NGX_OOF_JWKS_TIMEOUT;
    f->connect_timeout = NGX_OOF_JWKS_CONNECT;
    f->max_size = NGX_OOF_JWKS_SIZE;
    f->handler = ngx_oof_jwks_fetched;
    f->data = jwks;
    f->background = 1;

    return f;
}


static void
ngx_oof_jwks_fetched(ngx_oof_fetch_t *f)
{
    const char      *why;
    ngx_oof_jwks_t  *jwks;

    jwks = f->data;
    jwks->fetch = NULL;

    if (f->status == 0) {
        ngx_oof_jwks_failed(jwks, f->error);

    } else if (f->status != NGX_HTTP_OK) {
        ngx_oof_jwks_failed(jwks, "the answer is not a 200");

    } else if (ngx_oof_jwks_load(jwks, &f->response, ngx_cycle->log, &why)
               != NGX_OK)
    {
        ngx_oof_jwks_failed(jwks, why);

    } else {
        ngx_oof_jwks_succeeded(jwks, f);
    }

    ngx_destroy_pool(f->pool);

    ngx_oof_jwks_wake(jwks);
}


static void
ngx_oof_jwks_succeeded(ngx_oof_jwks_t *jwks, ngx_oof_fetch_t *f)
{
    int64_t     age;
    ngx_msec_t  interval;

    ngx_oof_metric_inc(&ngx_oof_jwks_refresh_total, NGX_OOF_JWKS_OK, 1);

    if (jwks->failures) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "keys of \"%V\" are fetched again", &jwks->url);
    }

    jwks->failures = 0;
    jwks->fetched = ngx_current_msec;

    interval = jwks->refresh;

    if (f->max_age >= 0) {
        age = ngx_min(f->max_age, 86400) * 1000;
        age = ngx_max(age, NGX_OOF_JWKS_FLOOR);
        interval = ngx_min(interval, (ngx_msec_t) age);
    }

    /* before it expires, and not all workers at once */

    interval -= interval / 10 + ngx_random() % (interval / 10 + 1);

    ngx_oof_jwks_share(jwks, &f->response, ngx_current_msec + interval);

    ngx_add_timer(&jwks->timer, interval);
}


static void
ngx_oof_jwks_failed(ngx_oof_jwks_t *jwks, const char *why)
{
    ngx_uint_t  level;
    ngx_msec_t  delay;

    ngx_oof_metric_inc(&ngx_oof_jwks_refresh_total, NGX_OOF_JWKS_ERROR, 1);

    /* once an outage, not once a retry */

    level = jwks->failures ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "keys of \"%V\" cannot be fetched: %s", &jwks->url, why);

    if (jwks->loaded) {
        delay = 1000 << ngx_min(jwks->failures, 5);
        delay = ngx_min(delay, NGX_OOF_JWKS_RETRY);

    } else {
        delay = 200 << ngx_min(jwks->failures, 3);
        delay = ngx_min(delay, NGX_OOF_JWKS_FIRST);
    }

    jwks->failures++;

    delay -= ngx_random() % (delay / 4);

    ngx_add_timer(&jwks->timer, delay);
}


/* a waiter may end other waiters, and may begin to wait again */

static void
ngx_oof_jwks_wake(ngx_oof_jwks_t *jwks)
{
    void                   *data;
    ngx_queue_t            *q;
    ngx_oof_jwks_pt         handler;
    ngx_oof_jwks_waiter_t  *waiter;

    if (!ngx_queue_empty(&jwks->waiters)) {
        ngx_queue_add(&jwks->woken, &jwks->waiters);
        ngx_queue_init(&jwks->waiters);
    }

    /* the keystore closes none that is waited for, and this one is in use */

    jwks->nwaiters++;

    while (!ngx_queue_empty(&jwks->woken)) {
        q = ngx_queue_head(&jwks->woken);
        ngx_queue_remove(q);
        jwks->nwaiters--;

        waiter = ngx_queue_data(q, ngx_oof_jwks_waiter_t, queue);
        handler = waiter->handler;
        data = waiter->data;
        ngx_free(waiter);

        handler(data);
    }

    jwks->nwaiters--;
}


/* takes what another worker has fetched since we looked last */

static ngx_uint_t
ngx_oof_jwks_adopt(ngx_oof_jwks_t *jwks)
{
    ngx_str_t    text;
    ngx_int_t    rc;
    ngx_msec_t   put, due;
    const char  *why;

    if (jwks->zone == NULL
        || ngx_oof_jwks_zone_get(jwks->zone, &jwks->url, &jwks->version,
                                 &text, &put, &due)
           != NGX_OK)
    {
        return 0;
    }

    rc = ngx_oof_jwks_load(jwks, &text, ngx_cycle->log, &why);

    ngx_free(text.data);

    if (rc != NGX_OK) {
        return 0;
    }

    ngx_oof_metric_inc(&ngx_oof_jwks_refresh_total, NGX_OOF_JWKS_SHARED, 1);

    jwks->failures = 0;
    jwks->fetched = put;

    if (jwks->fetch == NULL) {
        due -= ngx_current_msec;

        if ((ngx_msec_int_t) due < 1) {
            due = 1;
        }

        /* it may be the due time of an earlier configuration */

        due = ngx_min(due, jwks->refresh);

        /* a little after the one that fetched, which will go first again */

        due += NGX_OOF_JWKS_START + ngx_random() % (due / 20 + 1);

        ngx_add_timer(&jwks->timer, due);
    }

    return 1;
}


static void
ngx_oof_jwks_share(ngx_oof_jwks_t *jwks, ngx_str_t *text, ngx_msec_t due)
{
    if (jwks->zone) {
        jwks->version = ngx_oof_jwks_zone_put(jwks->zone, &jwks->url, text,
                                              due);
    }
}
