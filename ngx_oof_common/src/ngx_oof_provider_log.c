
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/*
 * Events as lines of JSON, to a file, which nginx opens again on USR1, or to
 * the standard output of the process.
 *
 * What was written is acknowledged: it survives the process, not the host, for
 * the disk is not waited for.
 */

#define NGX_OOF_PROVIDER_LOG_BATCH  64


static char *ngx_oof_provider_log_create(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);
static char *ngx_oof_provider_log_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_provider_log_init(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);
static void ngx_oof_provider_log_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static ngx_int_t ngx_oof_provider_log_write(ngx_oof_consumer_t *c,
    ngx_fd_t fd, struct iovec *iov, ngx_uint_t n);


typedef struct {
    ngx_open_file_t         *file;       /* NULL: standard output */
    ngx_uint_t               given;
    off_t                    torn;       /* a line of which a part is there */
} ngx_oof_provider_log_t;


ngx_oof_provider_t  ngx_oof_provider_log = {
    ngx_string("log"),
    NGX_OOF_PROVIDER_LOG_BATCH,
    4 * NGX_OOF_PROVIDER_LOG_BATCH,
    ngx_oof_provider_log_create,
    ngx_oof_provider_log_line,
    ngx_oof_provider_log_init,
    NULL,
    ngx_oof_provider_log_send,
    NULL,
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


static void
ngx_oof_provider_log_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_oof_provider_log_t *log = c->conf;

    ngx_fd_t       fd;
    ngx_int_t      rc;
    ngx_uint_t     i;
    struct iovec   iov[2 * NGX_OOF_PROVIDER_LOG_BATCH];

    for (i = 0; i < n; i++) {
        iov[2 * i].iov_base = deliveries[i]->event->json.data;
        iov[2 * i].iov_len = deliveries[i]->event->json.len;
        iov[2 * i + 1].iov_base = "\n";
        iov[2 * i + 1].iov_len = 1;
    }

    fd = log->file ? log->file->fd : STDOUT_FILENO;

    rc = ngx_oof_provider_log_write(c, fd, iov, 2 * n);

    for (i = 0; i < n; i++) {
        ngx_oof_relay_done(deliveries[i], rc,
                           rc == NGX_OK ? NULL : "it could not be written");
    }
}


/*
 * All lines or none: what a full disk has taken of them is cut off, where that
 * can be done, so that the next try begins a line.
 */

static ngx_int_t
ngx_oof_provider_log_write(ngx_oof_consumer_t *c, ngx_fd_t fd,
    struct iovec *iov, ngx_uint_t n)
{
    off_t       end;
    size_t      size;
    ssize_t     written;
    ngx_uint_t  i;

    size = 0;

    for (i = 0; i < n; i++) {
        size += iov[i].iov_len;
    }

    end = lseek(fd, 0, SEEK_END);

    written = writev(fd, iov, (int) n);

    if (written == (ssize_t) size) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log,
                  written == -1 ? ngx_errno : 0,
                  "consumer \"%V\": writev() has written %z of %uz bytes",
                  &c->name, written, size);

    if (written > 0 && end >= 0 && ftruncate(fd, end) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "consumer \"%V\": ftruncate() failed", &c->name);
    }

    return NGX_BUSY;
}
