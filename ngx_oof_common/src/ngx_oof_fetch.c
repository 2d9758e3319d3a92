
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <curl/curl.h>


/*
 * The sockets are nginx's connections from their birth (the open-socket
 * callback) to their end (the close-socket callback), so it does not matter in
 * which order libcurl closes one and says that it wants no more events of it.
 * Events are level-triggered: libcurl reads as much as it likes.
 *
 * libcurl is entered only from ngx_oof_fetch_action(), ngx_oof_fetch() and
 * ngx_oof_fetch_cancel(), never from one of its own callbacks: a timer of zero
 * is an event posted for the next turn of the loop.
 */

#define NGX_OOF_FETCH_HOST_CONNS   32L     /* to one host at once */
#define NGX_OOF_FETCH_TOTAL_CONNS  128L
#define NGX_OOF_FETCH_KEPT_CONNS   16L     /* kept open without work */

#define NGX_OOF_FETCH_HEADERS      65536   /* of an answer, all together */
#define NGX_OOF_FETCH_FIRST        4096    /* first buffer of a body */
#define NGX_OOF_FETCH_PEM          (1024 * 1024)
#define NGX_OOF_FETCH_HOST         256


typedef struct {
    u_char                   host[NGX_OOF_FETCH_HOST];
    ngx_uint_t               port;
    unsigned                 numeric:1;
} ngx_oof_fetch_url_t;


typedef struct {
    ngx_queue_t              queue;
    ngx_oof_fetch_t         *fetch;
    CURL                    *easy;
    struct curl_slist       *headers;
    struct curl_slist       *addrs;
    ngx_resolver_ctx_t      *resolving;
    ngx_oof_fetch_url_t      url;
    ngx_event_t              failed;     /* posted: it has not begun */
    ngx_msec_t               start;
    u_char                  *buf;
    size_t                   len;
    size_t                   size;
    size_t                   header_len;
    char                     error[CURL_ERROR_SIZE];
    unsigned                 too_long:1;
} ngx_oof_fetch_call_t;


typedef struct {
    CURLM                   *multi;
    ngx_event_t              timer;
    ngx_event_t              soon;
    ngx_queue_t              calls;
    ngx_queue_t              sockets;
    ngx_uint_t               running;
    ngx_uint_t               awaited;    /* of them not in the background */
    ngx_resolver_t          *resolver;
    ngx_msec_t               resolver_timeout;
    unsigned                 off:1;
} ngx_oof_fetch_worker_t;


typedef struct {
    ngx_queue_t              queue;
    ngx_connection_t        *connection;
} ngx_oof_fetch_socket_t;


static ngx_int_t ngx_oof_fetch_parse(ngx_str_t *url, ngx_pool_t *pool,
    ngx_oof_fetch_url_t *parsed);
static ngx_int_t ngx_oof_fetch_parts(CURLU *u, ngx_oof_fetch_url_t *parsed);
static ngx_int_t ngx_oof_fetch_lookup(ngx_conf_t *cf,
    ngx_oof_fetch_url_t *parsed, ngx_str_t *url, ngx_str_t *addrs);
static ngx_resolver_t *ngx_oof_fetch_resolver(ngx_http_conf_ctx_t *ctx,
    ngx_msec_t *timeout);

static ngx_int_t ngx_oof_fetch_easy(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_request(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_limits(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_callbacks(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_tls(ngx_oof_fetch_call_t *call);
static CURLcode ngx_oof_fetch_blob(CURL *easy, CURLoption option,
    ngx_str_t *pem);
static ngx_int_t ngx_oof_fetch_resolve(ngx_oof_fetch_call_t *call);
static void ngx_oof_fetch_resolved(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_oof_fetch_known(ngx_oof_fetch_call_t *call,
    ngx_str_t *addrs);
static ngx_int_t ngx_oof_fetch_begin(ngx_oof_fetch_call_t *call);
static void ngx_oof_fetch_fail(ngx_oof_fetch_call_t *call, const char *why);
static void ngx_oof_fetch_failed(ngx_event_t *ev);

static curl_socket_t ngx_oof_fetch_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);
static int ngx_oof_fetch_close(void *data, curl_socket_t fd);
static int ngx_oof_fetch_watch(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket);
static int ngx_oof_fetch_set_timer(CURLM *multi, long ms, void *data);
static int ngx_oof_fetch_no_lookup(void *state, void *reserved, void *data);
static size_t ngx_oof_fetch_header(char *p, size_t size, size_t n,
    void *data);
static size_t ngx_oof_fetch_write(char *p, size_t size, size_t n, void *data);
static void ngx_oof_fetch_cache_control(ngx_oof_fetch_t *f, u_char *p,
    u_char *last);

static void ngx_oof_fetch_event(ngx_event_t *ev);
static void ngx_oof_fetch_timeout(ngx_event_t *ev);
static void ngx_oof_fetch_action(curl_socket_t fd, int what);
static void ngx_oof_fetch_finish(ngx_oof_fetch_call_t *call, CURLcode rc);
static void ngx_oof_fetch_release(ngx_oof_fetch_call_t *call);
static void ngx_oof_fetch_count(void);


static ngx_oof_fetch_worker_t  ngx_oof_fetch_worker;

static ngx_oof_metric_t        ngx_oof_fetch_total;
static ngx_uint_t              ngx_oof_fetch_global;


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
    ngx_str_t  *result;

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

    if (ngx_oof_metric_add(cf, &ngx_oof_fetch_total, "oof_fetch_total",
                           "Outbound HTTP calls by outcome.",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (result = ngx_oof_fetch_results; result->len; result++) {
        if (ngx_oof_metric_series(cf, &ngx_oof_fetch_total, result)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_fetch_file(ngx_conf_t *cf, ngx_str_t *file, size_t max,
    ngx_str_t *text)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_str_t        name;
    ngx_file_info_t  fi;

    name = *file;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_ERROR;
    }

    text->data = NULL;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
        && (size_t) ngx_file_size(&fi) <= max)
    {
        text->len = ngx_file_size(&fi);
        text->data = ngx_pnalloc(cf->pool, text->len + 1);
    }

    n = text->data ? ngx_read_fd(fd, text->data, text->len) : -1;

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &name);
    }

    if (n < 0 || (size_t) n != text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot be read, or is longer than %uz bytes",
                           &name, max);
        return NGX_ERROR;
    }

    text->data[n] = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_oof_fetch_pem(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text)
{
    if (ngx_oof_fetch_file(cf, file, NGX_OOF_FETCH_PEM, text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_strstr(text->data, "-----BEGIN ") == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is nothing in PEM form in \"%V\"", file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_parse(ngx_str_t *url, ngx_pool_t *pool,
    ngx_oof_fetch_url_t *parsed)
{
    char       *text;
    CURLU      *u;
    ngx_int_t   rc;

    text = ngx_pnalloc(pool, url->len + 1);
    u = curl_url();

    if (text == NULL || u == NULL) {
        curl_url_cleanup(u);
        return NGX_ERROR;
    }

    ngx_memcpy(text, url->data, url->len);
    text[url->len] = '\0';

    rc = NGX_DECLINED;

    if (ngx_strlen(text) == url->len
        && curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER)
           == CURLUE_OK)
    {
        rc = ngx_oof_fetch_parts(u, parsed);
    }

    curl_url_cleanup(u);

    return rc;
}


static ngx_int_t
ngx_oof_fetch_parts(CURLU *u, ngx_oof_fetch_url_t *parsed)
{
    char       *scheme, *host, *port;
    size_t      len;
    ngx_int_t   rc, n;

    scheme = NULL;
    host = NULL;
    port = NULL;

    rc = NGX_DECLINED;

    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
        && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK
        && curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)
           == CURLUE_OK
        && (ngx_strcmp(scheme, "http") == 0
            || ngx_strcmp(scheme, "https") == 0))
    {
        len = ngx_strlen(host);
        n = ngx_atoi((u_char *) port, ngx_strlen(port));

        if (len && len < NGX_OOF_FETCH_HOST && n > 0 && n < 65536) {
            ngx_memcpy(parsed->host, host, len + 1);
            parsed->port = n;
            parsed->numeric = host[0] == '['
                              || ngx_inet_addr((u_char *) host, len)
                                 != INADDR_NONE;
            rc = NGX_OK;
        }
    }

    curl_free(scheme);
    curl_free(host);
    curl_free(port);

    return rc;
}


ngx_int_t
ngx_oof_fetch_prepare(ngx_conf_t *cf, ngx_str_t *url, ngx_str_t *addrs)
{
    ngx_int_t            rc;
    ngx_msec_t           timeout;
    ngx_oof_fetch_url_t  parsed;

    ngx_str_null(addrs);

    rc = ngx_oof_fetch_parse(url, cf->pool, &parsed);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\": it must begin with "
                           "\"http://\" or \"https://\" and a host, and have "
                           "no user in it", url);
        return NGX_ERROR;
    }

    if (rc != NGX_OK || parsed.numeric
        || ngx_oof_fetch_resolver(cf->ctx, &timeout) != NULL)
    {
        return rc;
    }

    return ngx_oof_fetch_lookup(cf, &parsed, url, addrs);
}


static ngx_int_t
ngx_oof_fetch_lookup(ngx_conf_t *cf, ngx_oof_fetch_url_t *parsed,
    ngx_str_t *url, ngx_str_t *addrs)
{
    u_char      *p;
    size_t       size;
    ngx_url_t    u;
    ngx_uint_t   i;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = parsed->host;
    u.url.len = ngx_strlen(parsed->host);
    u.default_port = (in_port_t) parsed->port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the host of \"%V\" cannot be resolved (%s): set "
                           "\"resolver\" in http{} to have it looked up when "
                           "it is needed", url, u.err ? u.err : "no address");
        return NGX_ERROR;
    }

    size = u.naddrs * (NGX_SOCKADDR_STRLEN + sizeof("[],") - 1);

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    addrs->data = p;

    for (i = 0; i < u.naddrs; i++) {
        if (i) {
            *p++ = ',';
        }

        if (u.addrs[i].sockaddr->sa_family == AF_INET6) {
            *p++ = '[';
        }

        p += ngx_sock_ntop(u.addrs[i].sockaddr, u.addrs[i].socklen, p,
                           NGX_SOCKADDR_STRLEN, 0);

        if (u.addrs[i].sockaddr->sa_family == AF_INET6) {
            *p++ = ']';
        }
    }

    addrs->len = p - addrs->data;

    return NGX_OK;
}


/* the resolver of http{}; NULL when there is none */

static ngx_resolver_t *
ngx_oof_fetch_resolver(ngx_http_conf_ctx_t *ctx, ngx_msec_t *timeout)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    /* nginx makes an empty one for those who would inherit it */

    if (clcf->resolver == NULL || clcf->resolver->connections.nelts == 0) {
        return NULL;
    }

    *timeout = clcf->resolver_timeout == NGX_CONF_UNSET_MSEC
               ? 30000 : clcf->resolver_timeout;

    return clcf->resolver;
}


ngx_int_t
ngx_oof_fetch_init_process(ngx_cycle_t *cycle)
{
    CURLM                   *multi;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;

    ngx_memzero(w, sizeof(ngx_oof_fetch_worker_t));

    ngx_queue_init(&w->calls);
    ngx_queue_init(&w->sockets);

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
        || curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                             ngx_oof_fetch_set_timer)
        || curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                             NGX_OOF_FETCH_HOST_CONNS)
        || curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                             NGX_OOF_FETCH_TOTAL_CONNS)
        || curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                             NGX_OOF_FETCH_KEPT_CONNS))
    {
        return NGX_ERROR;
    }

    ERR_clear_error();

    return NGX_OK;
}


void
ngx_oof_fetch_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t             *q;
    ngx_oof_fetch_socket_t  *s;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;

    if (w->multi == NULL) {
        return;
    }

    w->off = 1;

    while (!ngx_queue_empty(&w->calls)) {
        q = ngx_queue_head(&w->calls);
        ngx_oof_fetch_release(ngx_queue_data(q, ngx_oof_fetch_call_t, queue));
    }

    curl_multi_cleanup(w->multi);
    w->multi = NULL;

    ERR_clear_error();

    /* libcurl has closed them all; nginx would complain of one left */

    while (!ngx_queue_empty(&w->sockets)) {
        q = ngx_queue_head(&w->sockets);
        s = ngx_queue_data(q, ngx_oof_fetch_socket_t, queue);
        (void) ngx_oof_fetch_close(NULL, s->connection->fd);
    }

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->soon.posted) {
        ngx_delete_posted_event(&w->soon);
    }
}


ngx_int_t
ngx_oof_fetch(ngx_oof_fetch_t *f)
{
    ngx_oof_fetch_call_t    *call;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;

    f->ctx = NULL;
    f->status = 0;
    f->error = NULL;
    f->max_age = -1;
    ngx_str_null(&f->content_type);
    ngx_str_null(&f->response);

    if (w->multi == NULL || w->off || w->running >= NGX_OOF_FETCH_MAX) {
        return NGX_ERROR;
    }

    call = ngx_pcalloc(f->pool, sizeof(ngx_oof_fetch_call_t));
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->fetch = f;
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
    ngx_oof_fetch_count();

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
ngx_oof_fetch_easy(ngx_oof_fetch_call_t *call)
{
    call->easy = curl_easy_init();

    if (call->easy == NULL
        || curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call) != CURLE_OK
        || ngx_oof_fetch_request(call) != NGX_OK
        || ngx_oof_fetch_limits(call) != NGX_OK
        || ngx_oof_fetch_callbacks(call) != NGX_OK
        || ngx_oof_fetch_tls(call) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_request(ngx_oof_fetch_call_t *call)
{
    CURL               *easy;
    u_char             *p;
    ngx_str_t          *header;
    ngx_uint_t          i;
    ngx_oof_fetch_t    *f;
    struct curl_slist  *list;

    f = call->fetch;
    easy = call->easy;

    p = ngx_pnalloc(f->pool, f->url.len + 1 + f->method.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "%V%Z%V%Z", &f->url, &f->method);

    if (curl_easy_setopt(easy, CURLOPT_URL, p)) {
        return NGX_ERROR;
    }

    p += f->url.len + 1;

    if (f->body.len || ngx_strcmp(p, "POST") == 0) {
        if (curl_easy_setopt(easy, CURLOPT_POST, 1L)
            || curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) f->body.len)
            || curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                f->body.len ? (char *) f->body.data : ""))
        {
            return NGX_ERROR;
        }
    }

    if (ngx_strcmp(p, "HEAD") == 0) {
        if (curl_easy_setopt(easy, CURLOPT_NOBODY, 1L)) {
            return NGX_ERROR;
        }

    } else if (curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, p)) {
        return NGX_ERROR;
    }

    /* no "100 Continue": an answer that does not come costs a second */

    call->headers = curl_slist_append(NULL, "Expect:");
    if (call->headers == NULL) {
        return NGX_ERROR;
    }

    header = f->headers.elts;

    for (i = 0; i < f->headers.nelts; i++) {
        p = ngx_pnalloc(f->pool, header[i].len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(p, "%V%Z", &header[i]);

        list = curl_slist_append(call->headers, (char *) p);
        if (list == NULL) {
            return NGX_ERROR;
        }
    }

    if (curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers)
        || curl_easy_setopt(easy, CURLOPT_USERAGENT, "oof/" NGX_OOF_VERSION))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_limits(ngx_oof_fetch_call_t *call)
{
    CURL             *easy;
    ngx_oof_fetch_t  *f;

    f = call->fetch;
    easy = call->easy;

    /* neither a proxy of the environment, nor another protocol or version */

    if (curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)
        || curl_easy_setopt(easy, CURLOPT_PROXY, "")
        || curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L)
        || curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        || curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1)
        || curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) f->connect_timeout)
        || curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                            (curl_off_t) f->max_size)
        || curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_callbacks(ngx_oof_fetch_call_t *call)
{
    CURL  *easy;

    easy = call->easy;

    if (curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, ngx_oof_fetch_open)
        || curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                            ngx_oof_fetch_close)
        || curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, ngx_oof_fetch_header)
        || curl_easy_setopt(easy, CURLOPT_HEADERDATA, call)
        || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ngx_oof_fetch_write)
        || curl_easy_setopt(easy, CURLOPT_WRITEDATA, call))
    {
        return NGX_ERROR;
    }

    /* libcurl's own lookup would start a thread */

    if (!call->url.numeric
        && curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION,
                            ngx_oof_fetch_no_lookup))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_fetch_tls(ngx_oof_fetch_call_t *call)
{
    CURL             *easy;
    ngx_oof_fetch_t  *f;

    f = call->fetch;
    easy = call->easy;

    /* libcurl would trust the system's folder beside our own file */

    if (f->ca.len && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)) {
        return NGX_ERROR;
    }

    if (curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L)
        || curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L)
        || curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2)
        || curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L)
        || ngx_oof_fetch_blob(easy, CURLOPT_CAINFO_BLOB, &f->ca)
        || ngx_oof_fetch_blob(easy, CURLOPT_SSLCERT_BLOB, &f->cert)
        || ngx_oof_fetch_blob(easy, CURLOPT_SSLKEY_BLOB, &f->key))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static CURLcode
ngx_oof_fetch_blob(CURL *easy, CURLoption option, ngx_str_t *pem)
{
    struct curl_blob  blob;

    if (pem->len == 0) {
        return CURLE_OK;
    }

    /* a configuration's text may outlive the call, but not a kept connection */

    blob.data = pem->data;
    blob.len = pem->len;
    blob.flags = CURL_BLOB_COPY;

    return curl_easy_setopt(easy, option, &blob);
}


static ngx_int_t
ngx_oof_fetch_resolve(ngx_oof_fetch_call_t *call)
{
    ngx_oof_fetch_t         *f;
    ngx_resolver_ctx_t      *ctx;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;
    f = call->fetch;

    if (call->url.numeric) {
        return ngx_oof_fetch_begin(call);
    }

    if (f->addrs.len) {
        if (ngx_oof_fetch_known(call, &f->addrs) != NGX_OK) {
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
    ngx_str_t              addrs;
    ngx_int_t              state;
    ngx_uint_t             i;
    ngx_oof_fetch_call_t  *call;

    call = ctx->data;
    state = ctx->state;

    ngx_str_null(&addrs);

    size = ctx->naddrs * (NGX_SOCKADDR_STRLEN + sizeof("[],") - 1);
    p = size ? ngx_pnalloc(call->fetch->pool, size) : NULL;
    addrs.data = p;

    for (i = 0; p && i < ctx->naddrs; i++) {
        if (i) {
            *p++ = ',';
        }

        if (ctx->addrs[i].sockaddr->sa_family == AF_INET6) {
            *p++ = '[';
        }

        p += ngx_sock_ntop(ctx->addrs[i].sockaddr, ctx->addrs[i].socklen, p,
                           NGX_SOCKADDR_STRLEN, 0);

        if (ctx->addrs[i].sockaddr->sa_family == AF_INET6) {
            *p++ = ']';
        }
    }

    addrs.len = p ? p - addrs.data : 0;

    ngx_resolve_name_done(ctx);
    call->resolving = NULL;

    if (state) {
        ngx_oof_fetch_fail(call, ngx_resolver_strerror(state));
        return;
    }

    if (addrs.len == 0 || ngx_oof_fetch_known(call, &addrs) != NGX_OK
        || ngx_oof_fetch_begin(call) != NGX_OK)
    {
        ngx_oof_fetch_fail(call, "no memory");
    }
}


/* "+": the entry may grow old, so that a new address takes its place */

static ngx_int_t
ngx_oof_fetch_known(ngx_oof_fetch_call_t *call, ngx_str_t *addrs)
{
    u_char  *text;

    text = ngx_pnalloc(call->fetch->pool, sizeof("+:65535:")
                       + ngx_strlen(call->url.host) + addrs->len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(text, "+%s:%ui:%V%Z", call->url.host, call->url.port, addrs);

    call->addrs = curl_slist_append(NULL, (char *) text);

    if (call->addrs == NULL
        || curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->addrs))
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

    rc = curl_multi_add_handle(ngx_oof_fetch_worker.multi, call->easy);

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


static curl_socket_t
ngx_oof_fetch_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_log_t               *log;
    ngx_socket_t             fd;
    ngx_connection_t        *c;
    ngx_oof_fetch_socket_t  *s;

    log = ngx_cycle->log;

    fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                address->protocol);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return CURL_SOCKET_BAD;
    }

    s = ngx_alloc(sizeof(ngx_oof_fetch_socket_t), log);
    c = s ? ngx_get_connection(fd, log) : NULL;

    if (c == NULL) {
        ngx_free(s);

        if (ngx_close_socket(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                          ngx_close_socket_n " failed");
        }

        return CURL_SOCKET_BAD;
    }

    c->data = s;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_oof_fetch_event;
    c->write->handler = ngx_oof_fetch_event;

    s->connection = c;
    ngx_queue_insert_tail(&ngx_oof_fetch_worker.sockets, &s->queue);

    return fd;
}


static int
ngx_oof_fetch_close(void *data, curl_socket_t fd)
{
    ngx_queue_t             *q;
    ngx_oof_fetch_socket_t  *s;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;

    for (q = ngx_queue_head(&w->sockets);
         q != ngx_queue_sentinel(&w->sockets);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_oof_fetch_socket_t, queue);

        if (s->connection->fd == fd) {
            ngx_queue_remove(q);
            ngx_close_connection(s->connection);
            ngx_free(s);
            return 0;
        }
    }

    return ngx_close_socket(fd);
}


static int
ngx_oof_fetch_watch(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket)
{
    ngx_int_t                rc;
    ngx_uint_t               in, out;
    ngx_queue_t             *q;
    ngx_connection_t        *c;
    ngx_oof_fetch_socket_t  *s;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;
    c = NULL;

    for (q = ngx_queue_head(&w->sockets);
         q != ngx_queue_sentinel(&w->sockets);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_oof_fetch_socket_t, queue);

        if (s->connection->fd == fd) {
            c = s->connection;
            break;
        }
    }

    if (c == NULL) {
        return 0;
    }

    in = (what == CURL_POLL_IN || what == CURL_POLL_INOUT);
    out = (what == CURL_POLL_OUT || what == CURL_POLL_INOUT);

    rc = NGX_OK;

    if (in && !c->read->active) {
        rc = ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);

    } else if (!in && c->read->active) {
        rc = ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (rc == NGX_OK && out && !c->write->active) {
        rc = ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);

    } else if (rc == NGX_OK && !out && c->write->active) {
        rc = ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    /* an error here would end the use of libcurl; the call's time-out does */

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "events of an outbound connection cannot be watched");
    }

    return 0;
}


static int
ngx_oof_fetch_set_timer(CURLM *multi, long ms, void *data)
{
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;

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


static int
ngx_oof_fetch_no_lookup(void *state, void *reserved, void *data)
{
    return 1;
}


static size_t
ngx_oof_fetch_header(char *p, size_t size, size_t n, void *data)
{
    u_char                *start, *last;
    size_t                 len;
    ngx_oof_fetch_t       *f;
    ngx_oof_fetch_call_t  *call;

    call = data;
    f = call->fetch;
    len = size * n;

    call->header_len += len;

    if (call->header_len > NGX_OOF_FETCH_HEADERS) {
        return 0;
    }

    start = (u_char *) p;
    last = start + len;

    while (last > start && last[-1] <= ' ') {
        last--;
    }

    if (last - start > 5 && ngx_strncmp(start, "HTTP/", 5) == 0) {

        /* the head of a 1xx came before */

        f->max_age = -1;
        ngx_str_null(&f->content_type);

        return len;
    }

    if (last - start > 14
        && ngx_strncasecmp(start, (u_char *) "Cache-Control:", 14) == 0)
    {
        ngx_oof_fetch_cache_control(f, start + 14, last);
        return len;
    }

    if (last - start > 13
        && ngx_strncasecmp(start, (u_char *) "Content-Type:", 13) == 0)
    {
        for (start += 13; start < last && *start == ' '; start++) {
            /* void */
        }

        f->content_type.len = last - start;
        f->content_type.data = ngx_pnalloc(f->pool, last - start + 1);

        if (f->content_type.data == NULL) {
            return 0;
        }

        ngx_memcpy(f->content_type.data, start, last - start);
    }

    return len;
}


static void
ngx_oof_fetch_cache_control(ngx_oof_fetch_t *f, u_char *p, u_char *last)
{
    time_t   age;
    u_char  *end;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == ',')) {
            p++;
        }

        for (end = p; end < last && *end != ',' && *end != ' '; end++) {
            /* void */
        }

        if ((end - p == 8 && ngx_strncasecmp(p, (u_char *) "no-store", 8) == 0)
            || (end - p == 8
                && ngx_strncasecmp(p, (u_char *) "no-cache", 8) == 0))
        {
            f->max_age = 0;
            return;
        }

        if (end - p > 8 && ngx_strncasecmp(p, (u_char *) "max-age=", 8) == 0) {
            age = ngx_atotm(p + 8, end - p - 8);

            if (age != (time_t) NGX_ERROR) {
                f->max_age = age;
            }
        }

        p = end;
    }
}


static size_t
ngx_oof_fetch_write(char *p, size_t size, size_t n, void *data)
{
    size_t                 len, want;
    u_char                *buf;
    ngx_oof_fetch_t       *f;
    ngx_oof_fetch_call_t  *call;

    call = data;
    f = call->fetch;
    len = size * n;

    if (len > f->max_size - call->len) {
        call->too_long = 1;
        return 0;
    }

    if (call->len + len > call->size) {

        want = ngx_max(call->size * 2, call->len + len);
        want = ngx_min(ngx_max(want, NGX_OOF_FETCH_FIRST), f->max_size);

        buf = ngx_alloc(want, f->log);
        if (buf == NULL) {
            return 0;
        }

        if (call->len) {
            ngx_memcpy(buf, call->buf, call->len);
        }

        ngx_free(call->buf);

        call->buf = buf;
        call->size = want;
    }

    ngx_memcpy(call->buf + call->len, p, len);
    call->len += len;

    return len;
}


static void
ngx_oof_fetch_event(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_oof_fetch_action(c->fd, ev->write ? CURL_CSELECT_OUT
                                          : CURL_CSELECT_IN);
}


static void
ngx_oof_fetch_timeout(ngx_event_t *ev)
{
    ngx_oof_fetch_action(CURL_SOCKET_TIMEOUT, 0);
}


static void
ngx_oof_fetch_action(curl_socket_t fd, int what)
{
    int                      n;
    CURLcode                 rc;
    CURLMsg                 *msg;
    ngx_oof_fetch_call_t    *call;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;

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


static void
ngx_oof_fetch_finish(ngx_oof_fetch_call_t *call, CURLcode rc)
{
    long              status;
    ngx_uint_t        result;
    ngx_oof_fetch_t  *f;

    f = call->fetch;
    status = 0;

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

        if (call->too_long || rc == CURLE_FILESIZE_EXCEEDED) {
            f->error = "the answer is too long";

        } else {
            f->error = call->error[0] ? call->error : curl_easy_strerror(rc);
        }
    }

    ngx_oof_metric_inc(&ngx_oof_fetch_total, result, 1);

    ngx_oof_fetch_release(call);

    f->handler(f);
}


static void
ngx_oof_fetch_release(ngx_oof_fetch_call_t *call)
{
    ngx_oof_fetch_t         *f;
    ngx_oof_fetch_worker_t  *w;

    w = &ngx_oof_fetch_worker;
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
    curl_slist_free_all(call->addrs);
    ngx_free(call->buf);

    call->headers = NULL;
    call->addrs = NULL;
    call->buf = NULL;

    ngx_queue_remove(&call->queue);
    w->running--;
    w->awaited -= !f->background;
    ngx_oof_fetch_count();
}


/* a worker that is quitting waits for the calls that somebody awaits */

static void
ngx_oof_fetch_count(void)
{
    ngx_oof_fetch_worker.timer.cancelable =
                                       ngx_oof_fetch_worker.awaited ? 0 : 1;
}
