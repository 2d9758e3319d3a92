
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


typedef struct ngx_oof_schema_path_s  ngx_oof_schema_path_t;

/* where the check stands: a chain of frames, outermost last */

struct ngx_oof_schema_path_s {
    ngx_oof_schema_path_t   *prev;
    ngx_str_t               *name;    /* NULL: an item of an array */
    size_t                   index;
};


typedef struct {
    ngx_pool_t              *pool;
    ngx_array_t             *failures;
    ngx_uint_t               max;
    ngx_uint_t               nfailures;
} ngx_oof_schema_ctx_t;


/* all of them return NGX_OK to go on, NGX_DONE when enough has failed */

static ngx_int_t ngx_oof_schema_members(ngx_oof_schema_ctx_t *ctx,
    ngx_oof_schema_t *schema, json_t *value, ngx_oof_schema_path_t *prev);
static ngx_int_t ngx_oof_schema_value(ngx_oof_schema_ctx_t *ctx,
    ngx_oof_schema_t *schema, json_t *value, ngx_oof_schema_path_t *path);
static ngx_int_t ngx_oof_schema_array(ngx_oof_schema_ctx_t *ctx,
    ngx_oof_schema_t *schema, json_t *value, ngx_oof_schema_path_t *prev);
static ngx_int_t ngx_oof_schema_unique(ngx_oof_schema_ctx_t *ctx,
    json_t *seen, json_t *item, ngx_oof_schema_path_t *path);
static ngx_uint_t ngx_oof_schema_string(ngx_oof_schema_t *schema,
    json_t *value);
static ngx_int_t ngx_oof_schema_fail(ngx_oof_schema_ctx_t *ctx,
    ngx_oof_schema_path_t *path, ngx_uint_t what);
static ngx_int_t ngx_oof_schema_path(ngx_pool_t *pool,
    ngx_oof_schema_path_t *path, ngx_str_t *text);
static ngx_int_t ngx_oof_scan_digits(ngx_str_t *value, size_t len);
static ngx_int_t ngx_oof_scan_capitals(ngx_str_t *value, size_t len);


#define ngx_oof_is_digit(c)    ((c) >= '0' && (c) <= '9')
#define ngx_oof_is_capital(c)  ((c) >= 'A' && (c) <= 'Z')
#define ngx_oof_is_letter(c)   (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')


ngx_int_t
ngx_oof_schema_check(ngx_pool_t *pool, ngx_oof_schema_t *schema,
    json_t *value, ngx_array_t *failures, ngx_uint_t max)
{
    ngx_oof_schema_ctx_t  ctx;

    ctx.pool = pool;
    ctx.failures = failures;
    ctx.max = max;
    ctx.nfailures = 0;

    if (ngx_oof_schema_members(&ctx, schema, value, NULL) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ctx.nfailures ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_oof_schema_members(ngx_oof_schema_ctx_t *ctx, ngx_oof_schema_t *schema,
    json_t *value, ngx_oof_schema_path_t *prev)
{
    json_t                 *member;
    ngx_int_t               rc;
    ngx_oof_schema_path_t   path;

    path.prev = prev;
    path.index = 0;

    for ( /* void */ ; schema->name.len; schema++) {

        path.name = &schema->name;

        member = json_object_get(value, (char *) schema->name.data);

        if (member == NULL) {

            if (!(schema->flags & NGX_OOF_SCHEMA_REQUIRED)) {
                continue;
            }

            rc = ngx_oof_schema_fail(ctx, &path, NGX_OOF_SCHEMA_MISSING);

        } else {
            rc = ngx_oof_schema_value(ctx, schema, member, &path);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_schema_value(ngx_oof_schema_ctx_t *ctx, ngx_oof_schema_t *schema,
    json_t *value, ngx_oof_schema_path_t *path)
{
    json_int_t  n;
    ngx_uint_t  what;

    what = 0;

    switch (schema->type) {

    case NGX_OOF_SCHEMA_OBJECT:
        if (json_is_object(value)) {
            return ngx_oof_schema_members(ctx, schema->children, value, path);
        }

        what = NGX_OOF_SCHEMA_TYPE;
        break;

    case NGX_OOF_SCHEMA_ARRAY:
        if (json_is_array(value)) {
            return ngx_oof_schema_array(ctx, schema, value, path);
        }

        what = NGX_OOF_SCHEMA_TYPE;
        break;

    case NGX_OOF_SCHEMA_STRING:
        what = ngx_oof_schema_string(schema, value);
        break;

    case NGX_OOF_SCHEMA_INTEGER:
        if (!json_is_integer(value)) {
            what = NGX_OOF_SCHEMA_TYPE;
            break;
        }

        n = json_integer_value(value);

        if (n < schema->min || (schema->max && n > schema->max)) {
            what = NGX_OOF_SCHEMA_RANGE;
        }

        break;

    case NGX_OOF_SCHEMA_BOOLEAN:
        if (!json_is_boolean(value)) {
            what = NGX_OOF_SCHEMA_TYPE;
        }

        break;
    }

    return what ? ngx_oof_schema_fail(ctx, path, what) : NGX_OK;
}


static ngx_int_t
ngx_oof_schema_array(ngx_oof_schema_ctx_t *ctx, ngx_oof_schema_t *schema,
    json_t *value, ngx_oof_schema_path_t *prev)
{
    size_t                  n;
    json_t                 *item, *seen;
    ngx_int_t               rc;
    ngx_oof_schema_path_t   path;

    n = json_array_size(value);

    if ((int64_t) n < schema->min || (schema->max && (int64_t) n > schema->max))
    {
        return ngx_oof_schema_fail(ctx, prev, NGX_OOF_SCHEMA_LENGTH);
    }

    seen = NULL;

    /* a set, for the number of items is the caller's choice */

    if (schema->flags & NGX_OOF_SCHEMA_UNIQUE) {
        seen = json_object();

        if (seen == NULL) {
            return NGX_ERROR;
        }
    }

    path.prev = prev;
    path.name = NULL;

    rc = NGX_OK;

    for (path.index = 0; path.index < n; path.index++) {

        item = json_array_get(value, path.index);

        rc = ngx_oof_schema_value(ctx, schema->children, item, &path);

        if (rc == NGX_OK && seen && json_is_string(item)) {
            rc = ngx_oof_schema_unique(ctx, seen, item, &path);
        }

        if (rc != NGX_OK) {
            break;
        }
    }

    json_decref(seen);

    return rc;
}


static ngx_int_t
ngx_oof_schema_unique(ngx_oof_schema_ctx_t *ctx, json_t *seen, json_t *item,
    ngx_oof_schema_path_t *path)
{
    const char  *key;

    key = json_string_value(item);

    if (json_object_get(seen, key)) {
        return ngx_oof_schema_fail(ctx, path, NGX_OOF_SCHEMA_DUPLICATE);
    }

    if (json_object_set_new(seen, key, json_true()) != 0) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* returns what is wrong, or 0 */

static ngx_uint_t
ngx_oof_schema_string(ngx_oof_schema_t *schema, json_t *value)
{
    int64_t     n;
    size_t      i;
    ngx_int_t   rc;
    ngx_str_t   s, *v;

    if (!json_is_string(value)) {
        return NGX_OOF_SCHEMA_TYPE;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    /* characters, not bytes: it is UTF-8 for sure */

    n = 0;

    for (i = 0; i < s.len; i++) {
        if ((s.data[i] & 0xc0) != 0x80) {
            n++;
        }
    }

    if (n < schema->min || (schema->max && n > schema->max)) {
        return NGX_OOF_SCHEMA_LENGTH;
    }

    if (schema->scan) {
        rc = schema->scan(&s);

        if (rc == NGX_ABORT) {
            return NGX_OOF_SCHEMA_DATE;
        }

        if (rc != NGX_OK) {
            return NGX_OOF_SCHEMA_PATTERN;
        }
    }

    if (schema->values == NULL) {
        return 0;
    }

    for (v = schema->values; v->len; v++) {
        if (v->len == s.len && ngx_memcmp(v->data, s.data, s.len) == 0) {
            return 0;
        }
    }

    return NGX_OOF_SCHEMA_ENUM;
}


static ngx_int_t
ngx_oof_schema_fail(ngx_oof_schema_ctx_t *ctx, ngx_oof_schema_path_t *path,
    ngx_uint_t what)
{
    ngx_oof_schema_failure_t  *f;

    f = ngx_array_push(ctx->failures);
    if (f == NULL) {
        return NGX_ERROR;
    }

    f->what = what;

    if (ngx_oof_schema_path(ctx->pool, path, &f->path) != NGX_OK) {
        return NGX_ERROR;
    }

    return (++ctx->nfailures >= ctx->max) ? NGX_DONE : NGX_OK;
}


/* "data.permissions[3]", written from its end */

static ngx_int_t
ngx_oof_schema_path(ngx_pool_t *pool, ngx_oof_schema_path_t *path,
    ngx_str_t *text)
{
    u_char                 *p, buf[NGX_SIZE_T_LEN + 2];
    size_t                  len, n;
    ngx_oof_schema_path_t  *f;

    len = 0;

    for (f = path; f; f = f->prev) {
        len += f->name ? f->name->len + 1 : NGX_SIZE_T_LEN + 2;
    }

    text->data = ngx_pnalloc(pool, len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = text->data + len;

    for (f = path; f; f = f->prev) {

        if (f->name == NULL) {
            n = ngx_sprintf(buf, "[%uz]", f->index) - buf;
            p -= n;
            ngx_memcpy(p, buf, n);
            continue;
        }

        p -= f->name->len;
        ngx_memcpy(p, f->name->data, f->name->len);

        if (f->prev) {
            *--p = '.';
        }
    }

    text->len = text->data + len - p;
    text->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_oof_scan_cpf(ngx_str_t *value)
{
    return ngx_oof_scan_digits(value, 11);
}


ngx_int_t
ngx_oof_scan_cnpj(ngx_str_t *value)
{
    u_char      c;
    ngx_uint_t  i;

    if (value->len != 14) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 14; i++) {
        c = value->data[i];

        if (ngx_oof_is_digit(c) || (i < 12 && ngx_oof_is_capital(c))) {
            continue;
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_scan_rel_cpf(ngx_str_t *value)
{
    return ngx_oof_scan_capitals(value, 3);
}


ngx_int_t
ngx_oof_scan_rel_cnpj(ngx_str_t *value)
{
    return ngx_oof_scan_capitals(value, 4);
}


ngx_int_t
ngx_oof_scan_time(ngx_str_t *value)
{
    int64_t  us;

    return ngx_oof_clock_parse(value, &us);
}


ngx_int_t
ngx_oof_scan_date(ngx_str_t *value)
{
    ngx_oof_date_t  date;

    return ngx_oof_clock_parse_date(value, &date);
}


ngx_int_t
ngx_oof_scan_amount(ngx_str_t *value)
{
    size_t     n;
    ngx_str_t  part;

    if (value->len < 4 || value->len > 19) {
        return NGX_DECLINED;
    }

    n = value->len - 3;

    if (value->data[n] != '.') {
        return NGX_DECLINED;
    }

    part.data = value->data + n + 1;
    part.len = 2;

    if (ngx_oof_scan_digits(&part, 2) != NGX_OK) {
        return NGX_DECLINED;
    }

    part.data = value->data;
    part.len = n;

    return ngx_oof_scan_digits(&part, n);
}


ngx_int_t
ngx_oof_scan_uuid(ngx_str_t *value)
{
    return ngx_oof_uuid_parse(value, NULL);
}


ngx_int_t
ngx_oof_scan_urn(ngx_str_t *value)
{
    u_char  c, *p, *last, *nid;

    p = value->data;
    last = p + value->len;

    if (value->len < 6 || ngx_strncmp(p, "urn:", 4) != 0) {
        return NGX_DECLINED;
    }

    p += 4;
    nid = p;

    for ( /* void */ ; p < last && *p != ':'; p++) {
        c = *p;

        if (ngx_oof_is_letter(c) || ngx_oof_is_digit(c)
            || (c == '-' && p != nid))
        {
            continue;
        }

        return NGX_DECLINED;
    }

    if (p == nid || p - nid > 32 || last - p < 2) {
        return NGX_DECLINED;
    }

    for (p++; p < last; p++) {
        c = *p;

        if (ngx_oof_is_letter(c) || ngx_oof_is_digit(c)
            || (c && ngx_strchr("()+,-.:=@;$_!*'%/?#", c)))
        {
            continue;
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_scan_digits(ngx_str_t *value, size_t len)
{
    size_t  i;

    if (value->len != len) {
        return NGX_DECLINED;
    }

    for (i = 0; i < len; i++) {
        if (!ngx_oof_is_digit(value->data[i])) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_scan_capitals(ngx_str_t *value, size_t len)
{
    size_t  i;

    if (value->len != len) {
        return NGX_DECLINED;
    }

    for (i = 0; i < len; i++) {
        if (!ngx_oof_is_capital(value->data[i])) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
