
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <limits.h>
#include <poll.h>


/*
 * Events as lines of JSON, to a file, which nginx opens again on USR1, or to
 * the standard output of the process.
 *
 * What was written is acknowledged: it survives the process, not the host, for
 * the disk is not waited for.  Of a full disk what it has taken of the lines is
 * cut off again, and a line that a crash has torn is ended.
 *
 * A standard output that is a pipe, a terminal or a socket is a stream, which
 * is not waited for either.  What it has not taken of a line is written before
 * anything else, and the event is acknowledged when the whole line is.  A line
 * of which a process before may have written a part is ended by an empty one.
 */

#define NGX_OOF_PROVIDER_LOG_BATCH  64
#define NGX_OOF_PROVIDER_LOG_RETRY  100     /* ms, of what a stream must take */

/* how a stream is written without waiting */

#define NGX_OOF_PROVIDER_LOG_OPENED  0       /* anew, for this process */
#define NGX_OOF_PROVIDER_LOG_SOCKET  1
#define NGX_OOF_PROVIDER_LOG_POLLED  2       /* not to be opened by us */


typedef struct {
    ngx_open_file_t         *file;       /* NULL: standard output */
    ngx_uint_t               given;

    ngx_fd_t                 stream;     /* -1: it is a file */
    ngx_uint_t               how;
    ngx_oof_delivery_t      *delivery;   /* of the line that is written */
    ngx_str_t                rest;       /* of that */
    u_char                  *line;
    ngx_event_t              timer;
    unsigned                 failed:1;   /* which was logged */
} ngx_oof_provider_log_t;


static char *ngx_oof_provider_log_create(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);
static char *ngx_oof_provider_log_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_provider_log_init(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);
static ngx_int_t ngx_oof_provider_log_start(ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_mend(ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_stop(ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static ngx_int_t ngx_oof_provider_log_lines(ngx_oof_consumer_t *c,
    struct iovec *iov, ngx_uint_t n);
static void ngx_oof_provider_log_stream(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static ngx_int_t ngx_oof_provider_log_begin(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t *d);
static ngx_int_t ngx_oof_provider_log_rest(ngx_oof_consumer_t *c);
static ssize_t ngx_oof_provider_log_write(ngx_oof_provider_log_t *log);
static void ngx_oof_provider_log_timer(ngx_event_t *ev);
static void ngx_oof_provider_log_failed(ngx_oof_consumer_t *c, ssize_t n);


ngx_oof_provider_t  ngx_oof_provider_log = {
    ngx_string("log"),
    NGX_OOF_PROVIDER_LOG_BATCH,
    4 * NGX_OOF_PROVIDER_LOG_BATCH,
    ngx_oof_provider_log_create,
    ngx_oof_provider_log_line,
    ngx_oof_provider_log_init,
    ngx_oof_provider_log_start,
    ngx_oof_provider_log_send,
    ngx_oof_provider_log_stop,
    NULL
};


static char *
ngx_oof_provider_log_create(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    c->conf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_provider_log_t));

    return c->conf ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_oof_provider_log_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_oof_provider_log_t *log = c->conf;

    if (ngx_strcmp(value[0].data, "path") != 0) {
        return NGX_OOF_EVENTS_UNKNOWN;
    }

    if (n != 2) {
        return "takes one value";
    }

    if (log->given) {
        return "is duplicate";
    }

    log->given = 1;

    if (ngx_strcmp(value[1].data, "stdout") == 0) {
        return NGX_CONF_OK;
    }

    log->file = ngx_conf_open_file(cf->cycle, &value[1]);

    return log->file ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_oof_provider_log_init(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    return log->given ? NGX_CONF_OK : "needs \"path\": a file, or \"stdout\"";
}


static ngx_int_t
ngx_oof_provider_log_start(ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    struct stat  st;

    log->stream = NGX_INVALID_FILE;

    if (log->file || fstat(STDOUT_FILENO, &st) == -1 || S_ISREG(st.st_mode)) {
        ngx_oof_provider_log_mend(c);
        return NGX_OK;
    }

    log->timer.handler = ngx_oof_provider_log_timer;
    log->timer.data = c;
    log->timer.log = ngx_cycle->log;
    log->timer.cancelable = 1;

    log->line = NULL;
    log->delivery = NULL;
    ngx_str_set(&log->rest, "\n");

    if (S_ISSOCK(st.st_mode)) {
        log->how = NGX_OOF_PROVIDER_LOG_SOCKET;
        log->stream = STDOUT_FILENO;
        return NGX_OK;
    }

    /* others that have it wait as before */

    log->how = NGX_OOF_PROVIDER_LOG_OPENED;
    log->stream = open("/proc/self/fd/1", O_WRONLY|O_NONBLOCK|O_CLOEXEC);

    if (log->stream == NGX_INVALID_FILE) {

        /* it is root's, and the worker is not */

        log->how = NGX_OOF_PROVIDER_LOG_POLLED;
        log->stream = STDOUT_FILENO;
    }

    return NGX_OK;
}


/* the last line of a file, when a crash has torn it */

static void
ngx_oof_provider_log_mend(ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    u_char    last;
    off_t     end;
    ngx_fd_t  fd;

    if (log->file == NULL) {
        return;
    }

    fd = ngx_open_file(log->file->name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                       0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, ngx_errno,
                      "consumer \"%V\": " ngx_open_file_n " \"%V\" failed: "
                      "its last line is not looked at", &c->name,
                      &log->file->name);
        return;
    }

    end = lseek(fd, 0, SEEK_END);

    if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n') {

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "consumer \"%V\": the last line of \"%V\" is not whole",
                      &c->name, &log->file->name);

        if (write(log->file->fd, "\n", 1) != 1) {
            ngx_oof_provider_log_failed(c, -1);
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &log->file->name);
    }
}


static void
ngx_oof_provider_log_stop(ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    if (log->stream == NGX_INVALID_FILE) {
        return;
    }

    /* a line that is not whole now comes again, by who is next */

    if (log->line) {
        ngx_free(log->line);
        log->line = NULL;
    }

    log->delivery = NULL;

    if (log->timer.timer_set) {
        ngx_del_timer(&log->timer);
    }

    if (log->how == NGX_OOF_PROVIDER_LOG_OPENED && close(log->stream) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "close() of standard output failed");
    }

    log->stream = NGX_INVALID_FILE;
}


static void
ngx_oof_provider_log_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_oof_provider_log_t *log = c->conf;

    ngx_int_t      rc;
    ngx_uint_t     i;
    struct iovec   iov[2 * NGX_OOF_PROVIDER_LOG_BATCH];

    if (log->stream != NGX_INVALID_FILE) {
        ngx_oof_provider_log_stream(c, deliveries, n);
        return;
    }

    for (i = 0; i < n; i++) {
        iov[2 * i].iov_base = deliveries[i]->event->json.data;
        iov[2 * i].iov_len = deliveries[i]->event->json.len;
        iov[2 * i + 1].iov_base = "\n";
        iov[2 * i + 1].iov_len = 1;
    }

    rc = ngx_oof_provider_log_lines(c, iov, 2 * n);

    for (i = 0; i < n; i++) {
        ngx_oof_relay_done(deliveries[i], rc,
                           rc == NGX_OK ? NULL : "it could not be written");
    }
}


/* all lines or none */

static ngx_int_t
ngx_oof_provider_log_lines(ngx_oof_consumer_t *c, struct iovec *iov,
    ngx_uint_t n)
{
    ngx_oof_provider_log_t *log = c->conf;

    off_t       end;
    size_t      size;
    ssize_t     written;
    ngx_fd_t    fd;
    ngx_uint_t  i;

    fd = log->file ? log->file->fd : STDOUT_FILENO;
    size = 0;

    for (i = 0; i < n; i++) {
        size += iov[i].iov_len;
    }

    end = lseek(fd, 0, SEEK_END);

    written = writev(fd, iov, (int) n);

    if (written == (ssize_t) size) {
        return NGX_OK;
    }

    ngx_oof_provider_log_failed(c, written);

    if (written > 0 && end >= 0 && ftruncate(fd, end) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "consumer \"%V\": ftruncate() failed", &c->name);
    }

    return NGX_BUSY;
}


/* as many lines as it takes; one may be left that is answered later */

static void
ngx_oof_provider_log_stream(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = ngx_oof_provider_log_rest(c);

    for (i = 0; i < n; i++) {

        if (rc == NGX_OK) {
            rc = ngx_oof_provider_log_begin(c, deliveries[i]);

            if (rc == NGX_AGAIN) {
                rc = NGX_BUSY;
                continue;
            }
        }

        ngx_oof_relay_done(deliveries[i], rc,
                           rc == NGX_OK ? NULL : "nobody reads it");
    }
}


/* NGX_OK: the line is written, NGX_AGAIN: a part; NGX_BUSY: nothing of it */

static ngx_int_t
ngx_oof_provider_log_begin(ngx_oof_consumer_t *c, ngx_oof_delivery_t *d)
{
    ngx_oof_provider_log_t *log = c->conf;

    size_t      len;
    ngx_str_t  *json;

    json = &d->event->json;
    len = json->len + 1;

    log->line = ngx_alloc(len, ngx_cycle->log);
    if (log->line == NULL) {
        return NGX_BUSY;
    }

    ngx_memcpy(log->line, json->data, json->len);
    log->line[json->len] = '\n';

    log->rest.data = log->line;
    log->rest.len = len;

    if (ngx_oof_provider_log_rest(c) == NGX_OK) {
        return NGX_OK;
    }

    if (log->rest.len == len) {
        ngx_free(log->line);
        log->line = NULL;
        log->rest.len = 0;
        return NGX_BUSY;
    }

    log->delivery = d;

    ngx_add_timer(&log->timer, NGX_OOF_PROVIDER_LOG_RETRY);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_oof_provider_log_rest(ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    ssize_t              n;
    ngx_oof_delivery_t  *d;

    while (log->rest.len) {
        n = ngx_oof_provider_log_write(log);

        if (n <= 0) {

            if (n == -1 && ngx_errno != NGX_EAGAIN && ngx_errno != NGX_EINTR
                && !log->failed)
            {
                ngx_oof_provider_log_failed(c, n);
                log->failed = 1;
            }

            return NGX_BUSY;
        }

        log->rest.data += n;
        log->rest.len -= n;
        log->failed = 0;
    }

    if (log->line) {
        ngx_free(log->line);
        log->line = NULL;
    }

    if (log->timer.timer_set) {
        ngx_del_timer(&log->timer);
    }

    d = log->delivery;
    log->delivery = NULL;

    if (d) {
        ngx_oof_relay_done(d, NGX_OK, NULL);
    }

    return NGX_OK;
}


static ssize_t
ngx_oof_provider_log_write(ngx_oof_provider_log_t *log)
{
    struct pollfd  pfd;

    switch (log->how) {

    case NGX_OOF_PROVIDER_LOG_SOCKET:
        return send(log->stream, log->rest.data, log->rest.len,
                    MSG_DONTWAIT|MSG_NOSIGNAL);

    case NGX_OOF_PROVIDER_LOG_POLLED:

        /* a pipe that is writable takes so much at once */

        pfd.fd = log->stream;
        pfd.events = POLLOUT;

        if (poll(&pfd, 1, 0) != 1) {
            ngx_set_errno(NGX_EAGAIN);
            return -1;
        }

        return write(log->stream, log->rest.data,
                     ngx_min(log->rest.len, PIPE_BUF));

    default: /* NGX_OOF_PROVIDER_LOG_OPENED */
        return write(log->stream, log->rest.data, log->rest.len);
    }
}


static void
ngx_oof_provider_log_timer(ngx_event_t *ev)
{
    ngx_oof_consumer_t *c = ev->data;

    if (ngx_oof_provider_log_rest(c) != NGX_OK) {
        ngx_add_timer(ev, NGX_OOF_PROVIDER_LOG_RETRY);
    }
}


static void
ngx_oof_provider_log_failed(ngx_oof_consumer_t *c, ssize_t n)
{
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, n == -1 ? ngx_errno : 0,
                  "consumer \"%V\": writing has failed after %z bytes",
                  &c->name, n);
}
