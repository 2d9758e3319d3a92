
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_PAGE_LAST  2147483647


static ngx_int_t ngx_oof_page_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
static ngx_int_t ngx_oof_page_number(ngx_str_t *value, int64_t *number);
static ngx_int_t ngx_oof_page_bad(ngx_oof_request_t *o, const char *detail);
static void ngx_oof_page_link(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *name, ngx_oof_page_t *page, int64_t number);
static u_char *ngx_oof_page_others(u_char *p, ngx_str_t *args);
static ngx_uint_t ngx_oof_page_plain(u_char *p, u_char *last);


ngx_int_t
ngx_oof_page_read(ngx_oof_request_t *o, ngx_oof_page_t *page)
{
    ngx_int_t   rc;
    ngx_str_t   value;

    ngx_memzero(page, sizeof(ngx_oof_page_t));

    page->number = 1;
    page->size = NGX_OOF_PAGE_SIZE_MIN;

    rc = ngx_oof_page_arg(o->r, "page", &value);

    if (rc == NGX_ERROR
        || (rc == NGX_OK
            && (ngx_oof_page_number(&value, &page->number) != NGX_OK
                || page->number < 1)))
    {
        return ngx_oof_page_bad(o, "O parâmetro page deve ser um número "
                                   "inteiro a partir de 1.");
    }

    rc = ngx_oof_page_arg(o->r, "page-size", &value);

    if (rc == NGX_ERROR
        || (rc == NGX_OK
            && ngx_oof_page_number(&value, &page->size) != NGX_OK))
    {
        return ngx_oof_page_bad(o, "O parâmetro page-size deve ser um número "
                                   "inteiro.");
    }

    if (page->size > NGX_OOF_PAGE_SIZE_MAX) {
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "PARAMETRO_INVALIDO", "Parâmetro inválido",
                             "O parâmetro page-size deve ser no máximo "
                             "1000.");
        return NGX_DECLINED;
    }

    if (page->size < NGX_OOF_PAGE_SIZE_MIN) {
        page->size = NGX_OOF_PAGE_SIZE_MIN;
    }

    return NGX_OK;
}


/* NGX_DECLINED when it is not there, NGX_ERROR when it is there twice */

static ngx_int_t
ngx_oof_page_arg(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    u_char      *p, *end, *last;
    size_t       len;
    ngx_uint_t   n;

    len = ngx_strlen(name);
    n = 0;

    p = r->args.data;
    last = p + r->args.len;

    while (p < last) {

        for (end = p; end < last && *end != '&'; end++) { /* void */ }

        if ((size_t) (end - p) >= len && ngx_memcmp(p, name, len) == 0
            && (p + len == end || p[len] == '='))
        {
            value->data = (p + len == end) ? end : p + len + 1;
            value->len = end - value->data;
            n++;
        }

        p = end + 1;
    }

    return (n == 1) ? NGX_OK : n ? NGX_ERROR : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_page_number(ngx_str_t *value, int64_t *number)
{
    u_char      *p;
    size_t       len;
    int64_t      n;
    ngx_uint_t   minus;

    p = value->data;
    len = value->len;

    minus = (len && *p == '-');
    p += minus;
    len -= minus;

    if (len == 0 || len > 10) {
        return NGX_DECLINED;
    }

    for (n = 0; len; len--, p++) {

        if (*p < '0' || *p > '9') {
            return NGX_DECLINED;
        }

        n = n * 10 + (*p - '0');
    }

    if (n > NGX_OOF_PAGE_LAST) {
        return NGX_DECLINED;
    }

    *number = minus ? -n : n;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_page_bad(ngx_oof_request_t *o, const char *detail)
{
    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido", detail);

    return NGX_DECLINED;
}


int64_t
ngx_oof_page_offset(ngx_oof_page_t *page)
{
    return (page->number - 1) * page->size;
}


ngx_int_t
ngx_oof_page_count(ngx_oof_request_t *o, ngx_oof_page_t *page,
    int64_t records)
{
    page->records = records;
    page->pages = (records + page->size - 1) / page->size;

    if (page->number > 1 && page->number > page->pages) {
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, "PAGE_NOT_FOUND",
                             "Página não encontrada",
                             "A lista não tem a página informada.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_oof_page_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_page_t *page)
{
    ngx_oof_json_name(w, "links");
    ngx_oof_json_begin(w, '{');

    ngx_oof_page_link(o, w, "self", page, page->number);

    if (page->number > 1) {
        ngx_oof_page_link(o, w, "first", page, 1);
        ngx_oof_page_link(o, w, "prev", page, page->number - 1);
    }

    if (page->number < page->pages) {
        ngx_oof_page_link(o, w, "next", page, page->number + 1);
        ngx_oof_page_link(o, w, "last", page, page->pages);
    }

    ngx_oof_json_end(w, '}');

    ngx_oof_json_name(w, "meta");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "totalRecords");
    ngx_oof_json_int(w, page->records);
    ngx_oof_json_name(w, "totalPages");
    ngx_oof_json_int(w, page->pages);
    ngx_oof_json_member_time(w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(w, '}');

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_page_link(ngx_oof_request_t *o, ngx_oof_json_t *w, const char *name,
    ngx_oof_page_t *page, int64_t number)
{
    u_char              *p;
    ngx_str_t            link;
    ngx_http_request_t  *r;
    ngx_oof_loc_conf_t  *olcf;

    r = o->r;
    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    link.data = ngx_pnalloc(r->pool, olcf->base_url.len + r->uri.len
                                     + r->args.len + 2
                                     + sizeof("page=&page-size=") - 1
                                     + 2 * NGX_INT64_LEN);
    if (link.data == NULL) {
        w->failed = 1;
        return;
    }

    p = ngx_cpymem(link.data, olcf->base_url.data, olcf->base_url.len);
    p = ngx_cpymem(p, r->uri.data, r->uri.len);
    *p++ = '?';
    p = ngx_oof_page_others(p, &r->args);
    p = ngx_sprintf(p, "page=%L&page-size=%L", number, page->size);

    link.len = p - link.data;

    ngx_oof_json_member(w, name, &link);
}


/* what was asked for beside the page, with a "&" after each */

static u_char *
ngx_oof_page_others(u_char *p, ngx_str_t *args)
{
    u_char  *from, *end, *last;

    from = args->data;
    last = from + args->len;

    while (from < last) {

        for (end = from; end < last && *end != '&'; end++) { /* void */ }

        if (end > from && ngx_oof_page_plain(from, end)
            && !((size_t) (end - from) >= 5
                 && ngx_strncmp(from, "page=", 5) == 0)
            && !((size_t) (end - from) >= 10
                 && ngx_strncmp(from, "page-size=", 10) == 0))
        {
            p = ngx_cpymem(p, from, end - from);
            *p++ = '&';
        }

        from = end + 1;
    }

    return p;
}


/* what no URL may hold is not told again */

static ngx_uint_t
ngx_oof_page_plain(u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {
        if (*p <= ' ' || *p > '~' || *p == '"' || *p == '<' || *p == '>') {
            return 0;
        }
    }

    return 1;
}
