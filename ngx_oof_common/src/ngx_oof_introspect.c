
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_issuer.h>


/*
 * Introspection (RFC 7662).  Requests with the same token share one call; its
 * answer is kept for "introspection_cache", never past the token's "exp".
 * Only good tokens are kept: who sends bad ones can send a new one each time.
 */

#define NGX_OOF_INTROSPECT_TIMEOUT  5000    /* ms */
#define NGX_OOF_INTROSPECT_CONNECT  2000
#define NGX_OOF_INTROSPECT_SIZE     65536
#define NGX_OOF_INTROSPECT_WAITERS  1024    /* of one call */


typedef struct {
    ngx_queue_t              queue;      /* of the issuer's calls */
    ngx_queue_t              waiters;
    ngx_uint_t               nwaiters;
    ngx_oof_issuer_t        *issuer;
    u_char                   digest[NGX_OOF_TOKEN_DIGEST];
    ngx_oof_fetch_t          fetch;
} ngx_oof_introspect_call_t;


typedef struct {
    ngx_queue_t                 queue;
    ngx_oof_request_t          *request;
    ngx_oof_introspect_call_t  *call;
} ngx_oof_introspect_waiter_t;


static ngx_oof_introspect_call_t *ngx_oof_introspect_find(
    ngx_oof_issuer_t *issuer, u_char *digest);
static ngx_oof_introspect_call_t *ngx_oof_introspect_call(
    ngx_oof_issuer_t *issuer, ngx_str_t *token, u_char *digest);
static ngx_int_t ngx_oof_introspect_request(ngx_oof_introspect_call_t *call,
    ngx_pool_t *pool, ngx_str_t *token);
static void ngx_oof_introspect_forget(ngx_oof_request_t *o);
static void ngx_oof_introspect_done(ngx_oof_fetch_t *f);
static ngx_oof_token_entry_t *ngx_oof_introspect_answer(
    ngx_oof_introspect_call_t *call, ngx_uint_t *result, const char **why);


static ngx_oof_metric_t  ngx_oof_introspect_total;

#define NGX_OOF_INTROSPECT_ACTIVE    0
#define NGX_OOF_INTROSPECT_INACTIVE  1
#define NGX_OOF_INTROSPECT_ERROR     2

static ngx_str_t  ngx_oof_introspect_results[] = {
    ngx_string("result=\"active\""),
    ngx_string("result=\"inactive\""),     /* or of claims that are no good */
    ngx_string("result=\"error\""),
    ngx_null_string
};


ngx_int_t
ngx_oof_introspect_init(ngx_conf_t *cf)
{
    return ngx_oof_metric_add_list(cf, &ngx_oof_introspect_total,
                                   "oof_introspection_total",
                                   "Calls of token introspection by outcome.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_introspect_results);
}


/* requests are gone when this is called */

void
ngx_oof_introspect_exit(ngx_oof_issuer_t *issuer)
{
    ngx_queue_t                *q;
    ngx_oof_introspect_call_t  *call;

    while (!ngx_queue_empty(&issuer->calls)) {
        q = ngx_queue_head(&issuer->calls);
        ngx_queue_remove(q);

        call = ngx_queue_data(q, ngx_oof_introspect_call_t, queue);

        ngx_oof_fetch_cancel(&call->fetch);
        ngx_destroy_pool(call->fetch.pool);
    }
}


ngx_int_t
ngx_oof_introspect(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer,
    ngx_str_t *token, u_char *digest)
{
    ngx_oof_introspect_call_t    *call;
    ngx_oof_introspect_waiter_t  *waiter;

    waiter = ngx_palloc(o->r->pool, sizeof(ngx_oof_introspect_waiter_t));
    if (waiter == NULL) {
        return NGX_ERROR;
    }

    call = ngx_oof_introspect_find(issuer, digest);

    if (call == NULL) {
        call = ngx_oof_introspect_call(issuer, token, digest);
    }

    if (call == NULL || call->nwaiters >= NGX_OOF_INTROSPECT_WAITERS) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_UNAVAILABLE,
                                    "too many introspections are running");
    }

    waiter->request = o;
    waiter->call = call;

    ngx_queue_insert_tail(&call->waiters, &waiter->queue);
    call->nwaiters++;

    o->forget = ngx_oof_introspect_forget;
    o->waiting = waiter;

    return NGX_AGAIN;
}


/* at most NGX_OOF_FETCH_MAX of them */

static ngx_oof_introspect_call_t *
ngx_oof_introspect_find(ngx_oof_issuer_t *issuer, u_char *digest)
{
    ngx_queue_t                *q;
    ngx_oof_introspect_call_t  *call;

    for (q = ngx_queue_head(&issuer->calls);
         q != ngx_queue_sentinel(&issuer->calls);
         q = ngx_queue_next(q))
    {
        call = ngx_queue_data(q, ngx_oof_introspect_call_t, queue);

        if (ngx_memcmp(call->digest, digest, NGX_OOF_TOKEN_DIGEST) == 0) {
            return call;
        }
    }

    return NULL;
}


static ngx_oof_introspect_call_t *
ngx_oof_introspect_call(ngx_oof_issuer_t *issuer, ngx_str_t *token,
    u_char *digest)
{
    ngx_pool_t                 *pool;
    ngx_oof_introspect_call_t  *call;

    pool = ngx_create_pool(8192, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_oof_introspect_call_t));

    if (call) {
        call->issuer = issuer;
        ngx_memcpy(call->digest, digest, NGX_OOF_TOKEN_DIGEST);
        ngx_queue_init(&call->waiters);
    }

    if (call == NULL
        || ngx_oof_introspect_request(call, pool, token) != NGX_OK
        || ngx_oof_fetch(&call->fetch) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_queue_insert_tail(&issuer->calls, &call->queue);

    return call;
}


static ngx_int_t
ngx_oof_introspect_request(ngx_oof_introspect_call_t *call, ngx_pool_t *pool,
    ngx_str_t *token)
{
    u_char            *p;
    ngx_str_t         *header;
    ngx_oof_fetch_t   *f;
    ngx_oof_issuer_t  *issuer;

    f = &call->fetch;
    issuer = call->issuer;

    f->pool = pool;
    f->log = ngx_cycle->log;
    ngx_str_set(&f->method, "POST");
    f->url = issuer->introspection;
    f->addrs = issuer->introspection_addrs;
    f->ca = issuer->ca;
    f->timeout = NGX_OOF_INTROSPECT_TIMEOUT;
    f->connect_timeout = NGX_OOF_INTROSPECT_CONNECT;
    f->max_size = NGX_OOF_INTROSPECT_SIZE;
    f->handler = ngx_oof_introspect_done;
    f->data = call;

    /* a worker that quits waits for its requests, which have deadlines */

    f->background = 1;

    if (ngx_array_init(&f->headers, pool, 3, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    header = ngx_array_push_n(&f->headers, 3);

    ngx_str_set(&header[0], "Accept: application/json");
    ngx_str_set(&header[1], "Content-Type: application/x-www-form-urlencoded");
    header[2] = issuer->introspection_auth;

    p = ngx_pnalloc(pool, sizeof("token=&token_type_hint=access_token") - 1
                          + token->len * 3);
    if (p == NULL) {
        return NGX_ERROR;
    }

    f->body.data = p;

    p = ngx_cpymem(p, "token=", sizeof("token=") - 1);
    p = (u_char *) ngx_escape_uri(p, token->data, token->len,
                                  NGX_ESCAPE_URI_COMPONENT);
    p = ngx_cpymem(p, "&token_type_hint=access_token",
                   sizeof("&token_type_hint=access_token") - 1);

    f->body.len = p - f->body.data;

    return NGX_OK;
}


/* the request is going; the call goes on, its answer will be kept */

static void
ngx_oof_introspect_forget(ngx_oof_request_t *o)
{
    ngx_oof_introspect_waiter_t  *waiter;

    waiter = o->waiting;

    o->forget = NULL;
    o->waiting = NULL;

    ngx_queue_remove(&waiter->queue);
    waiter->call->nwaiters--;
}


static void
ngx_oof_introspect_done(ngx_oof_fetch_t *f)
{
    ngx_int_t                     rc;
    ngx_queue_t                  *q;
    const char                   *why;
    ngx_uint_t                    result;
    ngx_oof_issuer_t             *issuer;
    ngx_oof_request_t            *o;
    ngx_oof_token_entry_t        *entry;
    ngx_oof_introspect_call_t    *call;
    ngx_oof_introspect_waiter_t  *waiter;

    call = f->data;
    issuer = call->issuer;

    /* who comes from now on finds the cache, or asks again */

    ngx_queue_remove(&call->queue);

    entry = ngx_oof_introspect_answer(call, &result, &why);

    /* a request that goes on may end others of the queue */

    while (!ngx_queue_empty(&call->waiters)) {
        q = ngx_queue_head(&call->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_oof_introspect_waiter_t, queue);
        o = waiter->request;

        o->forget = NULL;
        o->waiting = NULL;

        ngx_http_set_log_request(o->r->connection->log, o->r);

        rc = entry ? ngx_oof_token_judge(o, issuer, entry)
                   : ngx_oof_token_refuse(o, result, why);

        ngx_oof_request_resume(o, rc);
    }

    if (entry) {
        ngx_oof_token_entry_free(entry);
    }

    ngx_destroy_pool(f->pool);
}


/* the entry of a good token, cached; otherwise NULL with result and reason */

static ngx_oof_token_entry_t *
ngx_oof_introspect_answer(ngx_oof_introspect_call_t *call, ngx_uint_t *result,
    const char **why)
{
    json_t                 *json;
    int64_t                 now;
    ngx_uint_t              series;
    json_error_t            error;
    ngx_oof_fetch_t        *f;
    ngx_oof_issuer_t       *issuer;
    ngx_oof_token_entry_t  *entry;

    f = &call->fetch;
    issuer = call->issuer;
    entry = NULL;
    json = NULL;

    *result = NGX_OOF_TOKEN_UNAVAILABLE;
    series = NGX_OOF_INTROSPECT_ERROR;

    if (f->status != NGX_HTTP_OK) {
        *why = f->status ? "introspection did not answer 200"
                         : "introspection did not answer";

    } else {
        json = json_loadb((char *) f->response.data, f->response.len,
                          JSON_REJECT_DUPLICATES, &error);

        if (!json_is_boolean(json_object_get(json, "active"))) {
            *why = "introspection answered without \"active\"";

        } else if (json_is_false(json_object_get(json, "active"))) {
            *result = NGX_OOF_TOKEN_INVALID;
            *why = "introspection says that it is not active";
            series = NGX_OOF_INTROSPECT_INACTIVE;

        } else {
            entry = ngx_oof_token_claims(issuer, json, result, why);
            series = entry ? NGX_OOF_INTROSPECT_ACTIVE
                           : NGX_OOF_INTROSPECT_INACTIVE;
        }
    }

    if (series == NGX_OOF_INTROSPECT_ERROR) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "introspection at \"%V\" failed: status %ui, %s",
                      &issuer->introspection, f->status,
                      f->error ? f->error : *why);
    }

    ngx_oof_metric_inc(&ngx_oof_introspect_total, series, 1);

    json_decref(json);

    if (entry) {
        now = ngx_oof_clock_real() / NGX_OOF_SECOND;

        ngx_memcpy(entry->digest, call->digest, NGX_OOF_TOKEN_DIGEST);
        entry->until = ngx_min(entry->token.expires,
                               now + issuer->introspection_cache);

        if (entry->until > now) {
            ngx_oof_token_cache_add(&issuer->cache, entry);
        }
    }

    return entry;
}
