
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_fetch_int.h>


/*
 * libcurl closes its sockets as it likes, some of them (7.88, while it
 * connects) without a word to the close-socket callback, and the number may
 * belong to another socket at once.  So nginx watches duplicates, which live
 * from the first interest in a socket to the last; events are level-triggered:
 * libcurl reads as much as it likes.
 *
 * libcurl is entered only from ngx_oof_fetch_action(), ngx_oof_fetch() and
 * ngx_oof_fetch_release(), never from one of its own callbacks: a timer of zero
 * is an event posted for the next turn of the loop.
 */


typedef struct {
    ngx_uint_t               max;        /* calls */
    long                     host;       /* connections to one at once */
    long                     total;      /* 0: as many as calls */
    long                     kept;       /* open without work */
} ngx_oof_fetch_pool_t;


typedef struct {
    ngx_queue_t              queue;
    ngx_oof_fetch_worker_t  *worker;
    curl_socket_t            fd;         /* libcurl's */
    ngx_connection_t        *connection; /* of the duplicate */
    unsigned                 in:1;
    unsigned                 out:1;
} ngx_oof_fetch_socket_t;


static ngx_int_t ngx_oof_fetch_pool(ngx_cycle_t *cycle,
    ngx_oof_fetch_worker_t *w, ngx_oof_fetch_pool_t *pool);
static void ngx_oof_fetch_close(ngx_oof_fetch_worker_t *w);
static ngx_uint_t ngx_oof_fetch_allowed(ngx_oof_fetch_t *f,
    struct sockaddr *sockaddr);
static int ngx_oof_fetch_watch(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket);
static ngx_oof_fetch_socket_t *ngx_oof_fetch_find(curl_socket_t fd);
static ngx_int_t ngx_oof_fetch_bind(ngx_oof_fetch_socket_t *s);
static void ngx_oof_fetch_unbind(ngx_oof_fetch_socket_t *s);
static void ngx_oof_fetch_interest(ngx_oof_fetch_socket_t *s);
static void ngx_oof_fetch_drop(ngx_oof_fetch_socket_t *s);
static int ngx_oof_fetch_set_timer(CURLM *multi, long ms, void *data);
static void ngx_oof_fetch_event(ngx_event_t *ev);
static void ngx_oof_fetch_timeout(ngx_event_t *ev);
static void ngx_oof_fetch_action(ngx_oof_fetch_worker_t *w, curl_socket_t fd,
    int what);


ngx_oof_fetch_worker_t  ngx_oof_fetch_workers[NGX_OOF_FETCH_POOLS];


static ngx_oof_fetch_pool_t  ngx_oof_fetch_pools[] = {
    { NGX_OOF_FETCH_MAX, 32, 128, 16 },
    { NGX_OOF_FETCH_THIRD_MAX, 0, 0, 256 }
};


ngx_int_t
ngx_oof_fetch_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_FETCH_POOLS; i++) {
        if (ngx_oof_fetch_pool(cycle, &ngx_oof_fetch_workers[i],
                               &ngx_oof_fetch_pools[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ERR_clear_error();

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_pool(ngx_cycle_t *cycle, ngx_oof_fetch_worker_t *w,
    ngx_oof_fetch_pool_t *pool)
{
    CURLM  *multi;

    ngx_memzero(w, sizeof(ngx_oof_fetch_worker_t));

    ngx_queue_init(&w->calls);
    ngx_queue_init(&w->sockets);

    w->max = pool->max;
    w->resolver = ngx_oof_fetch_resolver(
                            (ngx_http_conf_ctx_t *)
                            ngx_get_conf(cycle->conf_ctx, ngx_http_module),
                            &w->resolver_timeout);

    w->timer.handler = ngx_oof_fetch_timeout;
    w->timer.log = cycle->log;
    w->timer.data = w;
    w->timer.cancelable = 1;

    w->soon.handler = ngx_oof_fetch_timeout;
    w->soon.log = cycle->log;
    w->soon.data = w;

    multi = curl_multi_init();
    if (multi == NULL) {
        return NGX_ERROR;
    }

    w->multi = multi;

    if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, ngx_oof_fetch_watch)
        || curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, w)
        || curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                             ngx_oof_fetch_set_timer)
        || curl_multi_setopt(multi, CURLMOPT_TIMERDATA, w)
        || curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, pool->host)
        || curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                             pool->total)
        || curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, pool->kept))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_oof_fetch_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_FETCH_POOLS; i++) {
        if (ngx_oof_fetch_workers[i].multi) {
            ngx_oof_fetch_close(&ngx_oof_fetch_workers[i]);
        }
    }
}


static void
ngx_oof_fetch_close(ngx_oof_fetch_worker_t *w)
{
    ngx_queue_t  *q;

    w->off = 1;

    while (!ngx_queue_empty(&w->calls)) {
        q = ngx_queue_head(&w->calls);
        ngx_oof_fetch_release(ngx_queue_data(q, ngx_oof_fetch_call_t, queue));
    }

    curl_multi_cleanup(w->multi);
    w->multi = NULL;

    ERR_clear_error();

    while (!ngx_queue_empty(&w->sockets)) {
        q = ngx_queue_head(&w->sockets);
        ngx_oof_fetch_drop(ngx_queue_data(q, ngx_oof_fetch_socket_t, queue));
    }

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->soon.posted) {
        ngx_delete_posted_event(&w->soon);
    }
}


curl_socket_t
ngx_oof_fetch_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_oof_fetch_call_t *call = data;

    ngx_socket_t             fd;
    ngx_oof_fetch_socket_t  *s;

    if (!ngx_oof_fetch_allowed(call->fetch, &address->addr)) {
        call->fetch->refused = 1;
        return CURL_SOCKET_BAD;
    }

    fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                address->protocol);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return CURL_SOCKET_BAD;
    }

    /*
     * A number that is watched still: its socket has been closed, and when
     * the interest in this one is the same we shall not be told of it.
     */

    s = ngx_oof_fetch_find(fd);

    if (s) {
        s->worker = call->worker;
        ngx_oof_fetch_unbind(s);

        if (ngx_oof_fetch_bind(s) == NGX_OK) {
            ngx_oof_fetch_interest(s);
        }
    }

    return fd;
}


static ngx_uint_t
ngx_oof_fetch_allowed(ngx_oof_fetch_t *f, struct sockaddr *sockaddr)
{
    if (!f->public || ngx_oof_fetch_public(sockaddr)) {
        return 1;
    }

    return f->allowed && ngx_cidr_match(sockaddr, f->allowed) == NGX_OK;
}


static int
ngx_oof_fetch_watch(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket)
{
    ngx_oof_fetch_worker_t *w = data;

    ngx_oof_fetch_socket_t  *s;

    s = ngx_oof_fetch_find(fd);

    if (what == CURL_POLL_REMOVE) {
        /* the number may be of the other pool by now */

        if (s && s->worker == w) {
            ngx_oof_fetch_drop(s);
        }

        return 0;
    }

    if (s == NULL) {
        s = ngx_calloc(sizeof(ngx_oof_fetch_socket_t), ngx_cycle->log);

        /* an error would end all use of libcurl; the call's time-out will do */

        if (s == NULL) {
            return 0;
        }

        s->fd = fd;
        ngx_queue_insert_tail(&w->sockets, &s->queue);
    }

    s->worker = w;

    if (s->connection == NULL && ngx_oof_fetch_bind(s) != NGX_OK) {
        return 0;
    }

    s->in = (what == CURL_POLL_IN || what == CURL_POLL_INOUT);
    s->out = (what == CURL_POLL_OUT || what == CURL_POLL_INOUT);

    ngx_oof_fetch_interest(s);

    return 0;
}


/* there are some hundreds at most; a number is of one pool at a time */

static ngx_oof_fetch_socket_t *
ngx_oof_fetch_find(curl_socket_t fd)
{
    ngx_uint_t               i;
    ngx_queue_t             *q;
    ngx_oof_fetch_socket_t  *s;
    ngx_oof_fetch_worker_t  *w;

    for (i = 0; i < NGX_OOF_FETCH_POOLS; i++) {

        w = &ngx_oof_fetch_workers[i];

        for (q = ngx_queue_head(&w->sockets);
             q != ngx_queue_sentinel(&w->sockets);
             q = ngx_queue_next(q))
        {
            s = ngx_queue_data(q, ngx_oof_fetch_socket_t, queue);

            if (s->fd == fd) {
                return s;
            }
        }
    }

    return NULL;
}


static ngx_int_t
ngx_oof_fetch_bind(ngx_oof_fetch_socket_t *s)
{
    ngx_log_t         *log;
    ngx_socket_t       fd;
    ngx_connection_t  *c;

    log = ngx_cycle->log;

    fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "fcntl(F_DUPFD_CLOEXEC) failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, log);

    if (c == NULL) {
        if (ngx_close_socket(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                          ngx_close_socket_n " failed");
        }

        return NGX_ERROR;
    }

    c->data = s;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_oof_fetch_event;
    c->write->handler = ngx_oof_fetch_event;

    s->connection = c;

    return NGX_OK;
}


/*
 * The duplicate's end is not the socket's: what is watched must be taken out
 * of epoll, which would go on with it otherwise.
 */

static void
ngx_oof_fetch_unbind(ngx_oof_fetch_socket_t *s)
{
    ngx_connection_t  *c;

    c = s->connection;

    if (c == NULL) {
        return;
    }

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    ngx_close_connection(c);
    s->connection = NULL;
}


static void
ngx_oof_fetch_interest(ngx_oof_fetch_socket_t *s)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = s->connection;
    rc = NGX_OK;

    if (s->in && !c->read->active) {
        rc = ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);

    } else if (!s->in && c->read->active) {
        rc = ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (rc == NGX_OK && s->out && !c->write->active) {
        rc = ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);

    } else if (rc == NGX_OK && !s->out && c->write->active) {
        rc = ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "events of an outbound connection cannot be watched");
    }
}


static void
ngx_oof_fetch_drop(ngx_oof_fetch_socket_t *s)
{
    ngx_oof_fetch_unbind(s);
    ngx_queue_remove(&s->queue);
    ngx_free(s);
}


static int
ngx_oof_fetch_set_timer(CURLM *multi, long ms, void *data)
{
    ngx_oof_fetch_worker_t *w = data;

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (ms > 0) {
        ngx_add_timer(&w->timer, (ngx_msec_t) ms);

    } else if (ms == 0) {
        ngx_post_event(&w->soon, &ngx_posted_next_events);
    }

    return 0;
}


static void
ngx_oof_fetch_event(ngx_event_t *ev)
{
    curl_socket_t            fd;
    ngx_connection_t        *c;
    ngx_oof_fetch_socket_t  *s;

    c = ev->data;
    s = c->data;
    fd = s->fd;

    /* one that libcurl has forgotten would be reported for ever */

    if (curl_multi_assign(s->worker->multi, fd, NULL) == CURLM_BAD_SOCKET)
    {
        ngx_oof_fetch_drop(s);
        return;
    }

    ngx_oof_fetch_action(s->worker, fd,
                         ev->write ? CURL_CSELECT_OUT : CURL_CSELECT_IN);
}


static void
ngx_oof_fetch_timeout(ngx_event_t *ev)
{
    ngx_oof_fetch_action(ev->data, CURL_SOCKET_TIMEOUT, 0);
}


static void
ngx_oof_fetch_action(ngx_oof_fetch_worker_t *w, curl_socket_t fd, int what)
{
    int                    n;
    CURLcode               rc;
    CURLMsg               *msg;
    ngx_oof_fetch_call_t  *call;

    if (w->multi == NULL) {
        return;
    }

    ERR_clear_error();

    (void) curl_multi_socket_action(w->multi, fd, what, &n);

    ERR_clear_error();

    /* a handler may start and cancel calls */

    for ( ;; ) {
        msg = curl_multi_info_read(w->multi, &n);

        if (msg == NULL) {
            return;
        }

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        rc = msg->data.result;

        if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
                              (char **) &call)
            == CURLE_OK)
        {
            ngx_oof_fetch_finish(call, rc);
        }
    }
}
