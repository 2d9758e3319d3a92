
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_renew.h>


#define NGX_OOF_RENEW_TIMEOUT  5000      /* ms, of a call */
#define NGX_OOF_RENEW_CONNECT  1000
#define NGX_OOF_RENEW_LEAD     300       /* s before the end, or half of it */
#define NGX_OOF_RENEW_MARGIN   5         /* s that a call may take */
#define NGX_OOF_RENEW_FLOOR    5000      /* ms between what is refused */
#define NGX_OOF_RENEW_RETRY    60000     /* the longest wait for a retry */
#define NGX_OOF_RENEW_LONGEST  86400     /* s */


static void ngx_oof_renew_timer(ngx_event_t *ev);
static void ngx_oof_renew_fetched(ngx_oof_fetch_t *f);
static ngx_int_t ngx_oof_renew_answer(ngx_oof_renew_t *renew,
    const char **why);
static void ngx_oof_renew_came(ngx_oof_renew_t *renew);
static void ngx_oof_renew_failed(ngx_oof_renew_t *renew, const char *why);
static void ngx_oof_renew_end(ngx_oof_renew_t *renew);
static void ngx_oof_renew_drop(ngx_oof_renew_t *renew);


ngx_int_t
ngx_oof_env(ngx_conf_t *cf, const char *name, ngx_str_t *value)
{
    size_t            len;
    u_char           *p;
    ngx_str_t        *var;
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);
    len = ngx_strlen(name);
    var = ccf->env.elts;

    for (i = 0; i < ccf->env.nelts; i++) {

        if (var[i].len != len || ngx_strncmp(var[i].data, name, len) != 0) {
            continue;
        }

        /* "env NAME=VALUE;" */

        if (var[i].data[len] == '=') {
            value->data = var[i].data + len + 1;
            value->len = ngx_strlen(value->data);
            return NGX_OK;
        }

        break;
    }

    if (i == ccf->env.nelts) {
        var = ngx_array_push(&ccf->env);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->data = (u_char *) name;
        var->len = len;
    }

    ngx_str_null(value);

    p = (u_char *) getenv(name);

    if (p) {
        value->len = ngx_strlen(p);
        value->data = ngx_pnalloc(cf->pool, value->len + 1);

        if (value->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(value->data, p, value->len + 1);
    }

    return NGX_OK;
}


void
ngx_oof_renew_start(ngx_oof_renew_t *renew)
{
    renew->timer.handler = ngx_oof_renew_timer;
    renew->timer.data = renew;
    renew->timer.log = ngx_cycle->log;
    renew->timer.cancelable = 1;

    renew->failures = 0;

    ngx_add_timer(&renew->timer, 1);
}


void
ngx_oof_renew_stop(ngx_oof_renew_t *renew)
{
    if (renew->timer.timer_set) {
        ngx_del_timer(&renew->timer);
    }

    ngx_oof_renew_end(renew);
    ngx_oof_renew_drop(renew);
}


ngx_uint_t
ngx_oof_renew_good(ngx_oof_renew_t *renew)
{
    return renew->pool != NULL
           && ngx_time() < renew->expires - NGX_OOF_RENEW_MARGIN;
}


void
ngx_oof_renew_refused(ngx_oof_renew_t *renew)
{
    ngx_msec_t  since;

    ngx_oof_renew_drop(renew);

    if (renew->work || renew->failures) {
        return;
    }

    /* who refuses them all is not asked for new ones without a pause */

    since = ngx_current_msec - renew->begun;

    ngx_add_timer(&renew->timer, since < NGX_OOF_RENEW_FLOOR
                                 ? NGX_OOF_RENEW_FLOOR - since : 1);
}


static void
ngx_oof_renew_timer(ngx_event_t *ev)
{
    const char       *why;
    ngx_oof_renew_t  *renew;

    renew = ev->data;

    if (ngx_exiting) {
        return;
    }

    why = "no memory, or too many calls";

    renew->begun = ngx_current_msec;
    renew->work = ngx_create_pool(4096, ngx_cycle->log);

    if (renew->work == NULL || renew->begin(renew, &why) != NGX_OK) {
        ngx_oof_renew_failed(renew, why);
    }
}


ngx_int_t
ngx_oof_renew_header(ngx_oof_renew_t *renew, const char *name,
    ngx_str_t *value)
{
    u_char     *p;
    ngx_str_t  *header;

    ngx_memzero(&renew->fetch, sizeof(ngx_oof_fetch_t));

    if (ngx_array_init(&renew->fetch.headers, renew->work, 2,
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (value->len == 0) {
        return NGX_OK;
    }

    header = ngx_array_push(&renew->fetch.headers);
    p = ngx_pnalloc(renew->work, ngx_strlen(name) + value->len);

    if (header == NULL || p == NULL) {
        return NGX_ERROR;
    }

    header->data = p;
    header->len = ngx_sprintf(p, "%s%V", name, value) - p;

    return NGX_OK;
}


ngx_int_t
ngx_oof_renew_call(ngx_oof_renew_t *renew, const char *method, ngx_str_t *url,
    ngx_str_t *body)
{
    ngx_oof_fetch_t  *f;

    f = &renew->fetch;

    f->pool = renew->work;
    f->log = ngx_cycle->log;
    f->method.data = (u_char *) method;
    f->method.len = ngx_strlen(method);
    f->url = *url;
    f->addrs = renew->addrs;
    f->ca = renew->ca;
    f->timeout = NGX_OOF_RENEW_TIMEOUT;
    f->connect_timeout = NGX_OOF_RENEW_CONNECT;
    f->max_size = NGX_OOF_RENEW_TEXT;
    f->handler = ngx_oof_renew_fetched;
    f->data = renew;
    f->background = 1;

    if (body) {
        f->body = *body;
    }

    return ngx_oof_fetch(f);
}


ngx_int_t
ngx_oof_renew_read(ngx_oof_renew_t *renew, ngx_str_t *file, ngx_str_t *text,
    const char **why)
{
    ssize_t   n;
    ngx_fd_t  fd;

    *why = "the token's file cannot be read";

    text->data = ngx_pnalloc(renew->work, NGX_OOF_RENEW_TEXT);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    /* a pipe would block */

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text->data, NGX_OOF_RENEW_TEXT);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", file);
    }

    if (n == NGX_OOF_RENEW_TEXT) {
        return NGX_ERROR;
    }

    while (n > 0 && text->data[n - 1] <= ' ') {
        n--;
    }

    text->len = n > 0 ? n : 0;

    if (!ngx_oof_renew_printable(text)) {
        *why = "the token's file has something else in it than a token";
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_oof_renew_printable(ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] > '~') {
            return 0;
        }
    }

    return text->len != 0;
}


ngx_int_t
ngx_oof_renew_keep(ngx_oof_renew_t *renew, ngx_str_t *to, ngx_str_t *from)
{
    /* the drop takes what is kept and not used so far, too */

    if (renew->expires) {
        ngx_oof_renew_drop(renew);
    }

    if (renew->pool == NULL) {
        renew->pool = ngx_create_pool(4096, ngx_cycle->log);

        if (renew->pool == NULL) {
            return NGX_ERROR;
        }
    }

    to->data = ngx_pnalloc(renew->pool, from->len);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    to->len = from->len;
    ngx_memcpy(to->data, from->data, from->len);

    return NGX_OK;
}


static void
ngx_oof_renew_fetched(ngx_oof_fetch_t *f)
{
    ngx_int_t         rc;
    const char       *why;
    ngx_oof_renew_t  *renew;

    renew = f->data;
    why = f->error ? f->error : "no memory, or too many calls";

    rc = f->status ? ngx_oof_renew_answer(renew, &why) : NGX_ERROR;

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_oof_renew_came(renew);

    } else {
        ngx_oof_renew_failed(renew, why);
    }
}


static ngx_int_t
ngx_oof_renew_answer(ngx_oof_renew_t *renew, const char **why)
{
    ngx_int_t         rc;
    ngx_oof_fetch_t  *f;

    f = &renew->fetch;

    if (f->status != 200) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "\"%V\" answers %ui when asked for %s", &f->url,
                      f->status, renew->name);
        *why = "refused";
        return NGX_ERROR;
    }

    rc = renew->answer(renew, why);

    if (rc == NGX_OK && renew->left <= NGX_OOF_RENEW_MARGIN) {
        *why = "what was given has ended";
        return NGX_ERROR;
    }

    return rc;
}


static void
ngx_oof_renew_came(ngx_oof_renew_t *renew)
{
    time_t  left;

    ngx_oof_renew_end(renew);

    left = ngx_min(renew->left, NGX_OOF_RENEW_LONGEST);

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "%s are good for %T seconds", renew->name, left);

    renew->failures = 0;
    renew->expires = ngx_time() + left;

    left -= ngx_min(NGX_OOF_RENEW_LEAD, left / 2);

    ngx_add_timer(&renew->timer, (ngx_msec_t) left * 1000);
}


static void
ngx_oof_renew_failed(ngx_oof_renew_t *renew, const char *why)
{
    ngx_msec_t  delay;

    /* "why" may be in the pool that goes */

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "%s cannot be had: %s",
                  renew->name, why);

    ngx_oof_renew_end(renew);

    /* some of an answer may have been kept before the rest was refused */

    if (!ngx_oof_renew_good(renew)) {
        ngx_oof_renew_drop(renew);
    }

    delay = NGX_OOF_RENEW_RETRY;

    if (renew->failures < 6) {
        delay = 1000 << renew->failures;
    }

    renew->failures++;

    ngx_add_timer(&renew->timer, delay);
}


static void
ngx_oof_renew_end(ngx_oof_renew_t *renew)
{
    if (renew->work == NULL) {
        return;
    }

    ngx_oof_fetch_cancel(&renew->fetch);

    if (renew->fetch.response.len) {
        OPENSSL_cleanse(renew->fetch.response.data,
                        renew->fetch.response.len);
    }

    ngx_destroy_pool(renew->work);
    renew->work = NULL;

    ngx_memzero(&renew->fetch, sizeof(ngx_oof_fetch_t));
}


static void
ngx_oof_renew_drop(ngx_oof_renew_t *renew)
{
    renew->expires = 0;

    if (renew->pool == NULL) {
        return;
    }

    renew->drop(renew);

    ngx_destroy_pool(renew->pool);
    renew->pool = NULL;
}
