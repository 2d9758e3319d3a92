
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/*
 * Events as lines of JSON, to a file, which nginx opens again on USR1, or to
 * the standard output of the process.
 *
 * What was written is acknowledged: it survives the process, not the host, for
 * the disk is not waited for.  Of a full disk what it has taken of the lines is
 * cut off again.  A pipe is not waited for either: it is opened anew, so that
 * it does not block here and does elsewhere as before, and what it has not
 * taken of a line is written before anything else.
 */

#define NGX_OOF_PROVIDER_LOG_BATCH  64


static char *ngx_oof_provider_log_create(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);
static char *ngx_oof_provider_log_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_provider_log_init(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);
static ngx_int_t ngx_oof_provider_log_start(ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_stop(ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static ngx_int_t ngx_oof_provider_log_lines(ngx_oof_consumer_t *c,
    struct iovec *iov, ngx_uint_t n);
static ngx_int_t ngx_oof_provider_log_line_out(ngx_oof_consumer_t *c,
    ngx_str_t *json);
static ngx_int_t ngx_oof_provider_log_rest(ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_failed(ngx_oof_consumer_t *c, ssize_t n);


typedef struct {
    ngx_open_file_t         *file;       /* NULL: standard output */
    ngx_uint_t               given;
    ngx_fd_t                 pipe;       /* of standard output; -1: no pipe */
    ngx_str_t                rest;       /* of a line that is in the pipe */
    u_char                  *line;       /* which is to be freed */
} ngx_oof_provider_log_t;


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

    log->pipe = NGX_INVALID_FILE;

    if (log->file || fstat(STDOUT_FILENO, &st) == -1 || S_ISREG(st.st_mode)) {
        return NGX_OK;
    }

    /* where that cannot be done, as for a socket, it is written as it is */

    log->pipe = open("/proc/self/fd/1", O_WRONLY|O_NONBLOCK|O_CLOEXEC);

    return NGX_OK;
}


static void
ngx_oof_provider_log_stop(ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    (void) ngx_oof_provider_log_rest(c);

    if (log->line) {
        ngx_free(log->line);
        log->line = NULL;
    }

    log->rest.len = 0;

    if (log->pipe != NGX_INVALID_FILE && close(log->pipe) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "close() of standard output failed");
    }

    log->pipe = NGX_INVALID_FILE;
}


static void
ngx_oof_provider_log_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_oof_provider_log_t *log = c->conf;

    ngx_int_t      rc;
    ngx_uint_t     i;
    struct iovec   iov[2 * NGX_OOF_PROVIDER_LOG_BATCH];

    if (log->pipe != NGX_INVALID_FILE) {

        rc = ngx_oof_provider_log_rest(c);

        for (i = 0; i < n; i++) {

            if (rc == NGX_OK) {
                rc = ngx_oof_provider_log_line_out(c,
                                                   &deliveries[i]->event->json);
            }

            ngx_oof_relay_done(deliveries[i], rc,
                               rc == NGX_OK ? NULL : "nobody reads the pipe");
        }

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


/* one line into the pipe, whole, or with a rest that is kept */

static ngx_int_t
ngx_oof_provider_log_line_out(ngx_oof_consumer_t *c, ngx_str_t *json)
{
    ngx_oof_provider_log_t *log = c->conf;

    ssize_t       n;
    struct iovec  iov[2];

    if (log->rest.len) {
        return NGX_BUSY;
    }

    iov[0].iov_base = json->data;
    iov[0].iov_len = json->len;
    iov[1].iov_base = "\n";
    iov[1].iov_len = 1;

    /* for what may be left of it, when nothing can be done about it any more */

    log->line = ngx_alloc(json->len + 1, ngx_cycle->log);
    if (log->line == NULL) {
        return NGX_BUSY;
    }

    n = writev(log->pipe, iov, 2);

    if (n > 0 && n < (ssize_t) json->len + 1) {
        ngx_memcpy(log->line, json->data, json->len);
        log->line[json->len] = '\n';
        log->rest.data = log->line + n;
        log->rest.len = json->len + 1 - n;
        return NGX_OK;
    }

    ngx_free(log->line);
    log->line = NULL;

    if (n > 0) {
        return NGX_OK;
    }

    if (ngx_errno != NGX_EAGAIN) {
        ngx_oof_provider_log_failed(c, n);
    }

    return NGX_BUSY;
}


static ngx_int_t
ngx_oof_provider_log_rest(ngx_oof_consumer_t *c)
{
    ngx_oof_provider_log_t *log = c->conf;

    ssize_t  n;

    if (log->rest.len == 0) {
        return NGX_OK;
    }

    n = write(log->pipe, log->rest.data, log->rest.len);

    if (n > 0) {
        log->rest.data += n;
        log->rest.len -= n;
    }

    if (log->rest.len) {
        return NGX_BUSY;
    }

    ngx_free(log->line);
    log->line = NULL;

    return NGX_OK;
}


static void
ngx_oof_provider_log_failed(ngx_oof_consumer_t *c, ssize_t n)
{
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, n == -1 ? ngx_errno : 0,
                  "consumer \"%V\": writev() has written %z bytes",
                  &c->name, n);
}
