
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_fetch_int.h>


/* the life of a call */


static ngx_int_t ngx_oof_fetch_resolve(ngx_oof_fetch_call_t *call);
static void ngx_oof_fetch_resolved(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_oof_fetch_next(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_begin(ngx_oof_fetch_call_t *call);
static void ngx_oof_fetch_fail(ngx_oof_fetch_call_t *call, const char *why);
static void ngx_oof_fetch_failed(ngx_event_t *ev);
static ngx_uint_t ngx_oof_fetch_again(ngx_oof_fetch_call_t *call,
    CURLcode rc);
static void ngx_oof_fetch_count(ngx_oof_fetch_worker_t *w);


static ngx_oof_metric_t  ngx_oof_fetch_total;
static ngx_uint_t        ngx_oof_fetch_global;


/* the series of oof_fetch_total, in this order */

#define NGX_OOF_FETCH_OK      0
#define NGX_OOF_FETCH_STATUS  1
#define NGX_OOF_FETCH_ERROR   2

static ngx_str_t  ngx_oof_fetch_results[] = {
    ngx_string("result=\"ok\""),           /* 2xx */
    ngx_string("result=\"status\""),       /* another status */
    ngx_string("result=\"error\""),        /* no whole answer */
    ngx_null_string
};


ngx_int_t
ngx_oof_fetch_preconf(ngx_conf_t *cf)
{
    /* once a process, before workers are forked, as libcurl demands */

    if (!ngx_oof_fetch_global) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "curl_global_init() failed");
            return NGX_ERROR;
        }

        ERR_clear_error();
        ngx_oof_fetch_global = 1;
    }

    return ngx_oof_metric_add_list(cf, &ngx_oof_fetch_total, "oof_fetch_total",
                                   "Outbound HTTP calls by outcome.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_fetch_results);
}


ngx_int_t
ngx_oof_fetch(ngx_oof_fetch_t *f)
{
    ngx_oof_fetch_call_t    *call;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_workers[f->connections];

    f->ctx = NULL;
    f->status = 0;
    f->refused = 0;
    f->error = NULL;
    f->max_age = -1;
    ngx_str_null(&f->content_type);
    ngx_str_null(&f->response);

    if (w->multi == NULL || w->off || w->running >= w->max) {
        return NGX_ERROR;
    }

    call = ngx_pcalloc(f->pool, sizeof(ngx_oof_fetch_call_t));
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->fetch = f;
    call->worker = w;
    call->start = ngx_current_msec;

    if (ngx_oof_fetch_parse(&f->url, f->pool, &call->url) != NGX_OK) {
        return NGX_ERROR;
    }

    call->failed.handler = ngx_oof_fetch_failed;
    call->failed.log = f->log;
    call->failed.data = call;

    f->ctx = call;

    ngx_queue_insert_tail(&w->calls, &call->queue);
    w->running++;
    w->awaited += !f->background;
    ngx_oof_fetch_count(w);

    if (ngx_oof_fetch_easy(call) != NGX_OK
        || ngx_oof_fetch_resolve(call) != NGX_OK)
    {
        ngx_oof_fetch_release(call);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_oof_fetch_cancel(ngx_oof_fetch_t *f)
{
    if (f->ctx) {
        ngx_oof_fetch_release(f->ctx);
    }
}


static ngx_int_t
ngx_oof_fetch_resolve(ngx_oof_fetch_call_t *call)
{
    ngx_oof_fetch_t         *f;
    ngx_resolver_ctx_t      *ctx;
    ngx_oof_fetch_worker_t  *w;

    w = call->worker;
    f = call->fetch;

    if (call->url.numeric) {
        return ngx_oof_fetch_begin(call);
    }

    if (f->addrs.len) {
        call->addrs = f->addrs;

        if (ngx_oof_fetch_next(call) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_oof_fetch_begin(call);
    }

    if (w->resolver == NULL) {
        ngx_oof_fetch_fail(call, "no \"resolver\" in http{} to find its host");
        return NGX_OK;
    }

    ctx = ngx_resolve_start(w->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_ERROR;
    }

    ctx->name.data = call->url.host;
    ctx->name.len = ngx_strlen(call->url.host);
    ctx->handler = ngx_oof_fetch_resolved;
    ctx->data = call;
    ctx->timeout = ngx_min(w->resolver_timeout, f->timeout);
    ctx->cancelable = f->background;

    call->resolving = ctx;

    /* the handler may be called at once; it takes its context back always */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        call->resolving = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_oof_fetch_resolved(ngx_resolver_ctx_t *ctx)
{
    u_char                *p;
    size_t                 size;
    ngx_int_t              state;
    ngx_uint_t             i;
    ngx_oof_fetch_call_t  *call;

    call = ctx->data;
    state = ctx->state;

    size = ctx->naddrs * (NGX_SOCKADDR_STRLEN + sizeof("[],") - 1);
    p = size ? ngx_pnalloc(call->fetch->pool, size) : NULL;

    call->addrs.data = p;

    for (i = 0; p && i < ctx->naddrs; i++) {
        p = ngx_oof_fetch_write_addr(p, i, ctx->addrs[i].sockaddr,
                                     ctx->addrs[i].socklen);
    }

    call->addrs.len = p ? p - call->addrs.data : 0;

    ngx_resolve_name_done(ctx);
    call->resolving = NULL;

    if (state) {
        ngx_oof_fetch_fail(call, ngx_resolver_strerror(state));
        return;
    }

    if (ngx_oof_fetch_next(call) != NGX_OK
        || ngx_oof_fetch_begin(call) != NGX_OK)
    {
        ngx_oof_fetch_fail(call, "no memory");
    }
}


/*
 * The next address, one at a time: with several libcurl 7.88 does not watch
 * the second one when the first was silent.  "+": the entry may grow old.
 */

static ngx_int_t
ngx_oof_fetch_next(ngx_oof_fetch_call_t *call)
{
    u_char     *text, *last, *comma;
    ngx_str_t   addr;

    if (call->addrs.len == 0) {
        return NGX_DECLINED;
    }

    addr = call->addrs;
    last = addr.data + addr.len;
    comma = ngx_strlchr(addr.data, last, ',');

    if (comma) {
        addr.len = comma - addr.data;
        call->addrs.data = comma + 1;
        call->addrs.len = last - comma - 1;

    } else {
        call->addrs.len = 0;
    }

    text = ngx_pnalloc(call->fetch->pool, sizeof("+:65535:")
                       + ngx_strlen(call->url.host) + addr.len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(text, "+%s:%ui:%V%Z", call->url.host, call->url.port, &addr);

    curl_slist_free_all(call->addr);
    call->addr = curl_slist_append(NULL, (char *) text);

    if (call->addr == NULL
        || curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->addr))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_begin(ngx_oof_fetch_call_t *call)
{
    CURLMcode         rc;
    ngx_msec_t        spent;
    ngx_oof_fetch_t  *f;

    f = call->fetch;

    spent = ngx_current_msec - call->start;

    if (spent >= f->timeout) {
        ngx_oof_fetch_fail(call, "timed out");
        return NGX_OK;
    }

    if (curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS,
                         (long) (f->timeout - spent)))
    {
        return NGX_ERROR;
    }

    rc = curl_multi_add_handle(call->worker->multi, call->easy);

    ERR_clear_error();

    return rc == CURLM_OK ? NGX_OK : NGX_ERROR;
}


/* the handler is never called from inside ngx_oof_fetch() */

static void
ngx_oof_fetch_fail(ngx_oof_fetch_call_t *call, const char *why)
{
    ngx_cpystrn((u_char *) call->error, (u_char *) why, CURL_ERROR_SIZE);
    ngx_post_event(&call->failed, &ngx_posted_events);
}


static void
ngx_oof_fetch_failed(ngx_event_t *ev)
{
    ngx_oof_fetch_finish(ev->data, CURLE_COULDNT_RESOLVE_HOST);
}


/* no connection was made, so nothing has been sent: another address may do */

static ngx_uint_t
ngx_oof_fetch_again(ngx_oof_fetch_call_t *call, CURLcode rc)
{
    curl_off_t  connected;

    if (call->addrs.len == 0) {
        return 0;
    }

    if (rc != CURLE_COULDNT_CONNECT
        && (rc != CURLE_OPERATION_TIMEDOUT
            || curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T,
                                 &connected)
               != CURLE_OK
            || connected > 0))
    {
        return 0;
    }

    if (curl_multi_remove_handle(call->worker->multi, call->easy)
        != CURLM_OK)
    {
        return 0;
    }

    call->error[0] = '\0';
    call->fetch->refused = 0;

    return ngx_oof_fetch_next(call) == NGX_OK
           && ngx_oof_fetch_begin(call) == NGX_OK;
}


void
ngx_oof_fetch_finish(ngx_oof_fetch_call_t *call, CURLcode rc)
{
    long              status;
    ngx_uint_t        result;
    ngx_oof_fetch_t  *f;

    f = call->fetch;
    status = 0;

    if (ngx_oof_fetch_again(call, rc)) {
        return;
    }

    if (rc == CURLE_OK) {
        (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    }

    if (status > 0 && call->len) {
        f->response.data = ngx_pnalloc(f->pool, call->len);

        if (f->response.data == NULL) {
            status = 0;

        } else {
            f->response.len = call->len;
            ngx_memcpy(f->response.data, call->buf, call->len);
        }
    }

    if (status > 0) {
        f->status = status;
        result = status / 100 == 2 ? NGX_OOF_FETCH_OK : NGX_OOF_FETCH_STATUS;

    } else {
        result = NGX_OOF_FETCH_ERROR;

        if (f->refused && rc == CURLE_COULDNT_CONNECT) {
            f->error = "its address is not a public one";

        } else if (call->too_long || rc == CURLE_FILESIZE_EXCEEDED) {
            f->error = "the answer is too long";

        } else {
            f->error = call->error[0] ? call->error : curl_easy_strerror(rc);
        }
    }

    ngx_oof_metric_inc(&ngx_oof_fetch_total, result, 1);

    ngx_oof_fetch_release(call);

    f->handler(f);
}


void
ngx_oof_fetch_release(ngx_oof_fetch_call_t *call)
{
    ngx_oof_fetch_t         *f;
    ngx_oof_fetch_worker_t  *w;

    w = call->worker;
    f = call->fetch;

    f->ctx = NULL;

    if (call->resolving) {
        ngx_resolve_name_done(call->resolving);
        call->resolving = NULL;
    }

    if (call->failed.posted) {
        ngx_delete_posted_event(&call->failed);
    }

    if (call->easy) {
        (void) curl_multi_remove_handle(w->multi, call->easy);
        curl_easy_cleanup(call->easy);
        call->easy = NULL;
        ERR_clear_error();
    }

    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->addr);
    ngx_free(call->buf);

    call->headers = NULL;
    call->addr = NULL;
    call->buf = NULL;

    ngx_queue_remove(&call->queue);
    w->running--;
    w->awaited -= !f->background;
    ngx_oof_fetch_count(w);
}


/* a worker that is quitting waits for the calls that somebody awaits */

static void
ngx_oof_fetch_count(ngx_oof_fetch_worker_t *w)
{
    w->timer.cancelable = w->awaited ? 0 : 1;
}
