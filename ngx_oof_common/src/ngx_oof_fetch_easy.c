
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_fetch_int.h>


/* a call as libcurl sees it: options and callbacks */


#define NGX_OOF_FETCH_HEADERS  65536   /* of an answer, all together */
#define NGX_OOF_FETCH_FIRST    4096    /* first buffer of a body */


static ngx_int_t ngx_oof_fetch_request(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_limits(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_callbacks(ngx_oof_fetch_call_t *call);
static ngx_int_t ngx_oof_fetch_tls(ngx_oof_fetch_call_t *call);
static CURLcode ngx_oof_fetch_blob(CURL *easy, CURLoption option,
    ngx_str_t *pem);
static int ngx_oof_fetch_no_lookup(void *state, void *reserved, void *data);
static size_t ngx_oof_fetch_header(char *p, size_t size, size_t n,
    void *data);
static size_t ngx_oof_fetch_write(char *p, size_t size, size_t n, void *data);
static void ngx_oof_fetch_cache_control(ngx_oof_fetch_t *f, u_char *p,
    u_char *last);


ngx_int_t
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

    /* libcurl repeats by itself what it has sent on a kept connection alone */

    if (f->once && curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L)) {
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
        || curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call)
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
    CURL                    *easy;
    ngx_oof_fetch_t         *f;
    curl_version_info_data  *info;

    f = call->fetch;
    easy = call->easy;
    info = curl_version_info(CURLVERSION_NOW);

    /*
     * libcurl would trust the system's folder beside our own file; and with a
     * folder it reads the system's file anew for each connection, which keeps
     * the worker for 20 ms, where it would read it once a day.
     */

    if ((f->ca.len || info->cainfo)
        && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL))
    {
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
