
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_gate.h>


/* what the bank's system is told, and what it is not */


static ngx_uint_t ngx_oof_gate_withheld(ngx_table_elt_t *h);
static ngx_int_t ngx_oof_gate_escape(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *text);
static ngx_uint_t ngx_oof_gate_unreserved(u_char c);
static size_t ngx_oof_gate_pairs_len(json_t *pairs);
static u_char *ngx_oof_gate_part(u_char *p, const char *s, size_t len);
static size_t ngx_oof_gate_part_len(const char *s, size_t len);


/*
 * Others hold pointers into the list of headers, so the elements stay where
 * they are and a new list takes its place.
 */

ngx_int_t
ngx_oof_gate_headers(ngx_http_request_t *r)
{
    ngx_uint_t        i, total;
    ngx_list_t        old;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    old = r->headers_in.headers;
    total = 0;

    for (part = &old.part; part; part = part->next) {
        total += part->nelts;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool,
                      total + NGX_OOF_GATE_HEADERS, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &old.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_oof_gate_withheld(&h[i])) {
                continue;
            }

            copy = ngx_list_push(&r->headers_in.headers);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }
    }

    return NGX_OK;
}


/*
 * The token is for us, and names of ours are ours.  An underscore counts as a
 * hyphen, as it does for many who read headers ("underscores_in_headers").
 */

static ngx_uint_t
ngx_oof_gate_withheld(ngx_table_elt_t *h)
{
    u_char  *p;

    p = h->lowcase_key;

    if (h->key.len == sizeof("authorization") - 1
        && ngx_memcmp(p, "authorization", sizeof("authorization") - 1) == 0)
    {
        return 1;
    }

    /* the same, or one of ours, is added again */

    if (h->key.len == sizeof("traceparent") - 1
        && ngx_memcmp(p, "traceparent", sizeof("traceparent") - 1) == 0)
    {
        return 1;
    }

    return h->key.len >= sizeof("x-oof-") - 1
           && p[0] == 'x'
           && (p[1] == '-' || p[1] == '_')
           && p[2] == 'o' && p[3] == 'o' && p[4] == 'f'
           && (p[5] == '-' || p[5] == '_');
}


ngx_int_t
ngx_oof_gate_header(ngx_http_request_t *r, const char *name,
    const char *lowcase, ngx_str_t *value)
{
    ngx_str_t         text;
    ngx_table_elt_t  *h;

    if (ngx_oof_gate_escape(r->pool, value, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value = text;
    h->lowcase_key = (u_char *) lowcase;
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    h->next = NULL;

    return NGX_OK;
}


/* what is not visible ASCII cannot be in a header, whoever has signed it */

static ngx_int_t
ngx_oof_gate_escape(ngx_pool_t *pool, ngx_str_t *value, ngx_str_t *text)
{
    u_char      *p;
    size_t       i;
    ngx_uint_t   n;

    static u_char  hex[] = "0123456789ABCDEF";

    n = 0;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] >= 0x7f) {
            n++;
        }
    }

    *text = *value;

    if (n == 0) {
        return NGX_OK;
    }

    text->len = value->len + 2 * n;
    text->data = ngx_pnalloc(pool, text->len);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = text->data;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] > ' ' && value->data[i] < 0x7f) {
            *p++ = value->data[i];
            continue;
        }

        *p++ = '%';
        *p++ = hex[value->data[i] >> 4];
        *p++ = hex[value->data[i] & 0xf];
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_gate_legacy(ngx_oof_request_t *o, u_char *resource_id,
    ngx_str_t *sealed, ngx_str_t *text)
{
    u_char              *p;
    size_t               i;
    json_t              *pairs, *pair;
    ngx_str_t            plain;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, NGX_OOF_SEAL_LEGACY,
                           resource_id, sealed, &plain)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "a resource of \"%V\" cannot be opened", &o->consent_id);
        return NGX_ERROR;
    }

    pairs = json_loadb((char *) plain.data, plain.len, 0, NULL);

    text->data = ngx_pnalloc(o->r->pool, ngx_oof_gate_pairs_len(pairs) + 1);

    if (text->data == NULL) {
        json_decref(pairs);
        return NGX_ERROR;
    }

    p = text->data;

    json_array_foreach(pairs, i, pair) {

        if (i) {
            *p++ = ';';
        }

        p = ngx_oof_gate_part(p,
                              json_string_value(json_object_get(pair, "key")),
                              json_string_length(json_object_get(pair,
                                                                 "key")));
        *p++ = '=';

        p = ngx_oof_gate_part(p,
                              json_string_value(json_object_get(pair,
                                                                "value")),
                              json_string_length(json_object_get(pair,
                                                                 "value")));
    }

    text->len = p - text->data;

    json_decref(pairs);

    return NGX_OK;
}


static size_t
ngx_oof_gate_pairs_len(json_t *pairs)
{
    size_t   i, len;
    json_t  *pair, *key, *value;

    len = 0;

    json_array_foreach(pairs, i, pair) {
        key = json_object_get(pair, "key");
        value = json_object_get(pair, "value");

        len += ngx_oof_gate_part_len(json_string_value(key),
                                     json_string_length(key))
               + ngx_oof_gate_part_len(json_string_value(value),
                                       json_string_length(value))
               + 2;
    }

    return len;
}


static u_char *
ngx_oof_gate_part(u_char *p, const char *s, size_t len)
{
    size_t  i;
    u_char  c;

    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < len; i++) {
        c = (u_char) s[i];

        if (ngx_oof_gate_unreserved(c)) {
            *p++ = c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
    }

    return p;
}


static size_t
ngx_oof_gate_part_len(const char *s, size_t len)
{
    size_t  i, n;

    n = len;

    for (i = 0; i < len; i++) {
        if (!ngx_oof_gate_unreserved((u_char) s[i])) {
            n += 2;
        }
    }

    return n;
}


/* RFC 3986, 2.3 */

static ngx_uint_t
ngx_oof_gate_unreserved(u_char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
           || c == '-' || c == '.' || c == '_' || c == '~';
}
