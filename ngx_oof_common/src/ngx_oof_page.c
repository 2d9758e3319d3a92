
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_PAGE_MAX  2147483647         /* int32 */


static ngx_int_t ngx_oof_page_number(ngx_http_request_t *r, const char *name,
    int64_t *value);
static ngx_int_t ngx_oof_page_unescape(ngx_http_request_t *r,
    ngx_str_t *value);
static int64_t ngx_oof_page_digits(ngx_str_t *value);
static ngx_int_t ngx_oof_page_invalid(ngx_oof_request_t *o);
static void ngx_oof_page_link(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *name, ngx_str_t *path, ngx_oof_page_t *page, int64_t number);


ngx_int_t
ngx_oof_page_read(ngx_oof_request_t *o, ngx_oof_page_t *page)
{
    ngx_int_t  rc;

    page->number = 1;
    page->size = NGX_OOF_PAGE_SIZE;
    page->total = 0;
    page->pages = 0;

    rc = ngx_oof_page_number(o->r, "page", &page->number);

    if (rc == NGX_OK) {
        rc = ngx_oof_page_number(o->r, "page-size", &page->size);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED
        || page->number < 1
        || page->number > NGX_OOF_PAGE_MAX)
    {
        return ngx_oof_page_invalid(o);
    }

    if (page->size > NGX_OOF_PAGE_SIZE_MAX) {
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O parâmetro page-size deve ser no máximo "
                             "1000.");
        return NGX_DECLINED;
    }

    page->size = ngx_max(page->size, NGX_OOF_PAGE_SIZE);

    return NGX_OK;
}


/* a parameter that is absent leaves the value as it is */

static ngx_int_t
ngx_oof_page_number(ngx_http_request_t *r, const char *name, int64_t *value)
{
    int64_t     n;
    ngx_str_t   text;
    ngx_uint_t  below;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &text) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_page_unescape(r, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a size below zero is as small as any other */

    below = (text.len && text.data[0] == '-');

    if (below) {
        text.data++;
        text.len--;
    }

    n = ngx_oof_page_digits(&text);

    if (n < 0) {
        return NGX_DECLINED;
    }

    *value = below ? -n : n;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_page_unescape(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *dst, *src;

    if (ngx_strlchr(value->data, value->data + value->len, '%') == NULL) {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, value->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    src = value->data;
    value->data = dst;

    ngx_unescape_uri(&dst, &src, value->len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


/* what is too large for any purpose is cut, -1: no number */

static int64_t
ngx_oof_page_digits(ngx_str_t *value)
{
    size_t   i;
    int64_t  n;

    if (value->len == 0) {
        return -1;
    }

    for (n = 0, i = 0; i < value->len; i++) {

        if (value->data[i] < '0' || value->data[i] > '9') {
            return -1;
        }

        if (n <= NGX_OOF_PAGE_MAX) {
            n = n * 10 + (value->data[i] - '0');
        }
    }

    return n;
}


static ngx_int_t
ngx_oof_page_invalid(ngx_oof_request_t *o)
{
    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client asked for an invalid page");

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido",
                         "Os parâmetros page e page-size devem ser números "
                         "inteiros, e page a partir de 1.");

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_page_count(ngx_oof_request_t *o, ngx_oof_page_t *page, int64_t total)
{
    page->total = total;
    page->pages = (total + page->size - 1) / page->size;

    if (page->number > 1 && page->number > page->pages) {
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, "PAGE_NOT_FOUND",
                             "Página não encontrada",
                             "A página solicitada é posterior à última.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_oof_page_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_page_t *page, ngx_str_t *path)
{
    ngx_oof_json_name(w, "links");
    ngx_oof_json_begin(w, '{');

    ngx_oof_page_link(o, w, "self", path, page, page->number);

    if (page->number > 1) {
        ngx_oof_page_link(o, w, "first", path, page, 1);
        ngx_oof_page_link(o, w, "prev", path, page, page->number - 1);
    }

    if (page->number < page->pages) {
        ngx_oof_page_link(o, w, "next", path, page, page->number + 1);
        ngx_oof_page_link(o, w, "last", path, page, page->pages);
    }

    ngx_oof_json_end(w, '}');

    ngx_oof_json_name(w, "meta");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "totalRecords");
    ngx_oof_json_int(w, page->total);
    ngx_oof_json_name(w, "totalPages");
    ngx_oof_json_int(w, page->pages);
    ngx_oof_json_member_time(w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(w, '}');

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_page_link(ngx_oof_request_t *o, ngx_oof_json_t *w, const char *name,
    ngx_str_t *path, ngx_oof_page_t *page, int64_t number)
{
    u_char              *p;
    size_t               size;
    ngx_str_t            link;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    size = olcf->base_url.len + path->len
           + sizeof("?page=&page-size=") - 1 + 2 * NGX_INT64_LEN;

    link.data = ngx_pnalloc(o->r->pool, size);

    if (link.data == NULL) {
        w->failed = 1;
        return;
    }

    p = ngx_sprintf(link.data, "%V%V%cpage=%L&page-size=%L", &olcf->base_url,
                    path,
                    ngx_strlchr(path->data, path->data + path->len, '?')
                    ? '&' : '?',
                    number, page->size);

    link.len = p - link.data;

    ngx_oof_json_member(w, name, &link);
}
