
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_STARTED_BEFORE  60000          /* ms */

/* above it a number is no more of seconds, of milliseconds */
#define NGX_OOF_STARTED_SEC     100000000000LL
#define NGX_OOF_STARTED_MSEC    100000000000000LL
#define NGX_OOF_STARTED_USEC    100000000000000000LL


static ngx_str_t *ngx_oof_started_header(ngx_http_request_t *r,
    ngx_str_t *name);
static int64_t ngx_oof_started_parse(ngx_str_t *value);


int64_t
ngx_oof_started(ngx_http_request_t *r)
{
    int64_t              here, there;
    ngx_str_t           *value;
    ngx_oof_loc_conf_t  *olcf;

    here = (int64_t) r->start_sec * 1000 + r->start_msec;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->start_header.len == 0
        || !ngx_oof_cert_trusted(r->connection, olcf->cert_from))
    {
        return here;
    }

    value = ngx_oof_started_header(r, &olcf->start_header);

    if (value == NULL) {
        return here;
    }

    there = ngx_oof_started_parse(value);

    if (there > here || there < here - NGX_OOF_STARTED_BEFORE) {
        return here;
    }

    return there;
}


/* NULL also when there are two */

static ngx_str_t *
ngx_oof_started_header(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_str_t        *found;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    found = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != name->len
                || ngx_strncmp(h[i].lowcase_key, name->data, name->len) != 0)
            {
                continue;
            }

            if (found) {
                return NULL;
            }

            found = &h[i].value;
        }
    }

    return found;
}


/* milliseconds, or -1 */

static int64_t
ngx_oof_started_parse(ngx_str_t *value)
{
    u_char      *p, *last;
    int64_t      n, ms;
    ngx_uint_t   i, digits;

    p = value->data;
    last = p + value->len;
    n = 0;

    for (digits = 0; p < last && *p >= '0' && *p <= '9'; p++, digits++) {
        if (digits == 17) {
            return -1;
        }

        n = n * 10 + (*p - '0');
    }

    if (digits == 0 || n >= NGX_OOF_STARTED_USEC) {
        return -1;
    }

    ms = 0;

    if (p < last && *p == '.') {
        p++;

        for (i = 0; p < last && *p >= '0' && *p <= '9'; p++, i++) {
            if (i < 3) {
                ms = ms * 10 + (*p - '0');
            }
        }

        for ( /* void */ ; i < 3; i++) {
            ms *= 10;
        }
    }

    if (p != last) {
        return -1;
    }

    if (n < NGX_OOF_STARTED_SEC) {
        return n * 1000 + ms;
    }

    return (n < NGX_OOF_STARTED_MSEC) ? n : n / 1000;
}
