
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_fetch_int.h>


/* what the configuration says: files, URLs, hosts */


#define NGX_OOF_FETCH_PEM  (1024 * 1024)


static ngx_int_t ngx_oof_fetch_pem_read(ngx_str_t *text);
static ngx_int_t ngx_oof_fetch_parts(CURLU *u, ngx_oof_fetch_url_t *parsed);
static ngx_int_t ngx_oof_fetch_lookup(ngx_conf_t *cf,
    ngx_oof_fetch_url_t *parsed, ngx_str_t *url, ngx_str_t *addrs);


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

    if (ngx_oof_fetch_pem_read(text) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is damaged: something in it cannot be "
                           "read as PEM", file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* libcurl would find it at the first call, and at each */

static ngx_int_t
ngx_oof_fetch_pem_read(ngx_str_t *text)
{
    BIO            *bio;
    char           *name, *header;
    long            len;
    X509           *x509;
    u_char         *data;
    ngx_int_t       rc;
    const u_char   *p;
    unsigned long   error;

    bio = BIO_new_mem_buf(text->data, (int) text->len);
    if (bio == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && PEM_read_bio(bio, &name, &header, &data, &len)) {

        if (ngx_strcmp(name, PEM_STRING_X509) == 0) {
            p = data;
            x509 = d2i_X509(NULL, &p, len);

            rc = x509 ? NGX_OK : NGX_ERROR;
            X509_free(x509);
        }

        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }

    BIO_free(bio);

    error = ERR_peek_last_error();

    if (rc == NGX_OK && ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
        rc = NGX_ERROR;
    }

    ERR_clear_error();

    return rc;
}


ngx_int_t
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
        p = ngx_oof_fetch_write_addr(p, i, u.addrs[i].sockaddr,
                                     u.addrs[i].socklen);
    }

    addrs->len = p - addrs->data;

    return NGX_OK;
}


u_char *
ngx_oof_fetch_write_addr(u_char *p, ngx_uint_t n, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    if (n) {
        *p++ = ',';
    }

    if (sockaddr->sa_family == AF_INET6) {
        *p++ = '[';
    }

    p += ngx_sock_ntop(sockaddr, socklen, p, NGX_SOCKADDR_STRLEN, 0);

    if (sockaddr->sa_family == AF_INET6) {
        *p++ = ']';
    }

    return p;
}


/* the resolver of http{}; NULL when there is none */

ngx_resolver_t *
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
