
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_canonical.h>


#define NGX_OOF_CANONICAL_DEPTH  32

/* integers that a double holds as they are, to the edge of int64_t */
#define NGX_OOF_CANONICAL_WHOLE  9223372036854775808.0


typedef struct {
    ngx_str_t                name;
    json_t                  *value;
} ngx_oof_canonical_member_t;


static ngx_int_t ngx_oof_canonical_value(ngx_oof_json_t *w, json_t *value,
    ngx_uint_t depth);
static ngx_int_t ngx_oof_canonical_object(ngx_oof_json_t *w, json_t *value,
    ngx_uint_t depth);
static int ngx_libc_cdecl ngx_oof_canonical_cmp(const void *one,
    const void *two);
static void ngx_oof_canonical_name(ngx_oof_json_t *w, ngx_str_t *name);
static void ngx_oof_canonical_string(ngx_oof_json_t *w, json_t *value);
static void ngx_oof_canonical_real(ngx_oof_json_t *w, double value);


ngx_int_t
ngx_oof_payment_canonical(ngx_pool_t *pool, json_t *value, ngx_str_t *text)
{
    ngx_int_t       rc;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_canonical_value(&w, value, 1);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_oof_json_text(&w, text);
}


static ngx_int_t
ngx_oof_canonical_value(ngx_oof_json_t *w, json_t *value, ngx_uint_t depth)
{
    size_t     i;
    json_t    *item;
    ngx_int_t  rc;
    ngx_str_t  null = ngx_string("null");

    if (depth > NGX_OOF_CANONICAL_DEPTH) {
        return NGX_DECLINED;
    }

    switch (json_typeof(value)) {

    case JSON_OBJECT:
        return ngx_oof_canonical_object(w, value, depth);

    case JSON_ARRAY:
        ngx_oof_json_begin(w, '[');

        json_array_foreach(value, i, item) {
            rc = ngx_oof_canonical_value(w, item, depth + 1);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        ngx_oof_json_end(w, ']');
        break;

    case JSON_STRING:
        ngx_oof_canonical_string(w, value);
        break;

    case JSON_INTEGER:
        ngx_oof_json_int(w, json_integer_value(value));
        break;

    case JSON_REAL:
        ngx_oof_canonical_real(w, json_real_value(value));
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        ngx_oof_json_bool(w, json_is_true(value));
        break;

    default: /* JSON_NULL */
        ngx_oof_json_raw(w, &null);
        break;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_canonical_object(ngx_oof_json_t *w, json_t *value, ngx_uint_t depth)
{
    json_t                      *item;
    size_t                       i, n;
    ngx_int_t                    rc;
    const char                  *name;
    ngx_oof_canonical_member_t  *members;

    n = json_object_size(value);

    members = ngx_palloc(w->pool,
                         ngx_max(n, 1) * sizeof(ngx_oof_canonical_member_t));
    if (members == NULL) {
        return NGX_ERROR;
    }

    i = 0;

    json_object_foreach(value, name, item) {
        members[i].name.data = (u_char *) name;
        members[i].name.len = ngx_strlen(name);
        members[i].value = item;
        i++;
    }

    ngx_qsort(members, n, sizeof(ngx_oof_canonical_member_t),
              ngx_oof_canonical_cmp);

    ngx_oof_json_begin(w, '{');

    for (i = 0; i < n; i++) {

        ngx_oof_canonical_name(w, &members[i].name);

        rc = ngx_oof_canonical_value(w, members[i].value, depth + 1);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_oof_json_end(w, '}');

    (void) ngx_pfree(w->pool, members);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_oof_canonical_cmp(const void *one, const void *two)
{
    const ngx_oof_canonical_member_t  *a, *b;

    a = one;
    b = two;

    return (int) ngx_memn2cmp(a->name.data, b->name.data, a->name.len,
                              b->name.len);
}


/* a name that came from outside is escaped as any string */

static void
ngx_oof_canonical_name(ngx_oof_json_t *w, ngx_str_t *name)
{
    ngx_str_t  colon = ngx_string(":");

    ngx_oof_json_str(w, name);

    w->comma = 0;
    ngx_oof_json_raw(w, &colon);
    w->comma = 0;
}


static void
ngx_oof_canonical_string(ngx_oof_json_t *w, json_t *value)
{
    ngx_str_t  s;

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    ngx_oof_json_str(w, &s);
}


/*
 * A whole number is written as an integer of the same value would be; of the
 * others 17 digits tell each from its neighbours.
 */

static void
ngx_oof_canonical_real(ngx_oof_json_t *w, double value)
{
    char       buf[64];
    ngx_str_t  s;

    if (value >= -NGX_OOF_CANONICAL_WHOLE && value < NGX_OOF_CANONICAL_WHOLE
        && value == (double) (int64_t) value)
    {
        ngx_oof_json_int(w, (int64_t) value);
        return;
    }

    s.data = (u_char *) buf;
    s.len = snprintf(buf, sizeof(buf), "%.17g", value);

    ngx_oof_json_raw(w, &s);
}
