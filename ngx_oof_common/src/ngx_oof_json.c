
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_json_read.h>


/* NGX_OK when "size" more bytes have their place */

#define ngx_oof_json_room(w, size)                                            \
    ((size_t) ((w)->end - (w)->pos) >= (size_t) (size) && !(w)->failed        \
     ? NGX_OK : ngx_oof_json_grow(w, size))

/* the same byte eight times over */

#define ngx_oof_json_bytes(c)  (0x0101010101010101ULL * (c))

/* is there a byte below "c" (at most 0x80) in "x": it leaves its top bit set */

#define ngx_oof_json_below(x, c)  (((x) - ngx_oof_json_bytes(c)) & ~(x))

#define NGX_OOF_JSON_PLAIN  0
#define NGX_OOF_JSON_QUOTE  1
#define NGX_OOF_JSON_MULTI  2


static ngx_int_t ngx_oof_json_grow(ngx_oof_json_t *w, size_t size);
static void ngx_oof_json_value(ngx_oof_json_t *w, u_char *data, size_t len);
static u_char *ngx_oof_json_escape(ngx_oof_json_t *w, u_char c);
static void ngx_oof_json_cleanup(void *data);


/* what a byte of a string needs: nothing, an escape, a look at what follows */

static u_char  ngx_oof_json_class[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,      /* 0x00 */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,      /* 0x10 */
    0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* 0x20: " */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* 0x30 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* 0x40 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,      /* 0x50: \ */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* 0x60 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,      /* 0x70 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0x80 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0x90 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0xa0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0xb0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0xc0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0xd0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,      /* 0xe0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2       /* 0xf0 */
};


ngx_int_t
ngx_oof_json_init(ngx_oof_json_t *w, ngx_pool_t *pool, size_t size)
{
    w->pool = pool;
    w->comma = 0;
    w->failed = 0;

    w->start = ngx_pnalloc(pool, size);

    if (w->start == NULL) {
        w->pos = NULL;
        w->end = NULL;
        w->failed = 1;
        return NGX_ERROR;
    }

    w->pos = w->start;
    w->end = w->start + size;

    return NGX_OK;
}


void
ngx_oof_json_begin(ngx_oof_json_t *w, u_char bracket)
{
    if (ngx_oof_json_room(w, 2) != NGX_OK) {
        return;
    }

    if (w->comma) {
        *w->pos++ = ',';
    }

    *w->pos++ = bracket;
    w->comma = 0;
}


void
ngx_oof_json_end(ngx_oof_json_t *w, u_char bracket)
{
    if (ngx_oof_json_room(w, 1) != NGX_OK) {
        return;
    }

    *w->pos++ = bracket;
    w->comma = 1;
}


void
ngx_oof_json_name(ngx_oof_json_t *w, const char *name)
{
    size_t  len;

    len = ngx_strlen(name);

    if (ngx_oof_json_room(w, len + 4) != NGX_OK) {
        return;
    }

    if (w->comma) {
        *w->pos++ = ',';
    }

    *w->pos++ = '"';
    w->pos = ngx_cpymem(w->pos, name, len);
    *w->pos++ = '"';
    *w->pos++ = ':';

    w->comma = 0;
}


void
ngx_oof_json_str(ngx_oof_json_t *w, ngx_str_t *value)
{
    size_t   n;
    u_char  *p, *last, *run;

    if (ngx_oof_json_room(w, value->len + 3) != NGX_OK) {
        return;
    }

    if (w->comma) {
        *w->pos++ = ',';
    }

    *w->pos++ = '"';

    p = value->data;
    last = p + value->len;
    run = p;

    /* there is always room for what is left of the value and a quote */

    while (p < last) {

        if (ngx_oof_json_class[*p] == NGX_OOF_JSON_PLAIN) {
            p = ngx_oof_json_plain(p + 1, last);
            continue;
        }

        if (ngx_oof_json_class[*p] == NGX_OOF_JSON_MULTI) {
            n = ngx_oof_json_multi(p, last);

            if (n) {
                p += n;
                continue;
            }
        }

        w->pos = ngx_cpymem(w->pos, run, p - run);

        if (ngx_oof_json_room(w, 6 + (last - p) + 1) != NGX_OK) {
            return;
        }

        w->pos = ngx_oof_json_escape(w, *p++);
        run = p;
    }

    if (p != run) {
        w->pos = ngx_cpymem(w->pos, run, p - run);
    }

    *w->pos++ = '"';

    w->comma = 1;
}


void
ngx_oof_json_key(ngx_oof_json_t *w, ngx_str_t *name)
{
    ngx_oof_json_str(w, name);

    if (ngx_oof_json_room(w, 1) == NGX_OK) {
        *w->pos++ = ':';
        w->comma = 0;
    }
}


void
ngx_oof_json_literal(ngx_oof_json_t *w, const char *value)
{
    ngx_str_t  s;

    s.len = ngx_strlen(value);
    s.data = (u_char *) value;

    ngx_oof_json_str(w, &s);
}


void
ngx_oof_json_int(ngx_oof_json_t *w, int64_t value)
{
    u_char    *last, buf[NGX_INT64_LEN + 1];
    uint64_t   size;

    /* nginx's "%L" negates the least number, which has no opposite */

    size = (value < 0) ? 0 - (uint64_t) value : (uint64_t) value;

    last = buf;

    if (value < 0) {
        *last++ = '-';
    }

    last = ngx_sprintf(last, "%uL", size);

    ngx_oof_json_value(w, buf, last - buf);
}


void
ngx_oof_json_bool(ngx_oof_json_t *w, ngx_uint_t value)
{
    if (value) {
        ngx_oof_json_value(w, (u_char *) "true", 4);

    } else {
        ngx_oof_json_value(w, (u_char *) "false", 5);
    }
}


void
ngx_oof_json_time(ngx_oof_json_t *w, int64_t us)
{
    u_char  buf[NGX_OOF_TIME_LEN + 2];

    buf[0] = '"';
    (void) ngx_oof_clock_format(buf + 1, us);
    buf[NGX_OOF_TIME_LEN + 1] = '"';

    ngx_oof_json_value(w, buf, sizeof(buf));
}


void
ngx_oof_json_uuid(ngx_oof_json_t *w, u_char *id)
{
    u_char  buf[NGX_OOF_UUID_TEXT + 2];

    buf[0] = '"';
    (void) ngx_oof_uuid_format(buf + 1, id);
    buf[NGX_OOF_UUID_TEXT + 1] = '"';

    ngx_oof_json_value(w, buf, sizeof(buf));
}


void
ngx_oof_json_raw(ngx_oof_json_t *w, ngx_str_t *json)
{
    ngx_oof_json_value(w, json->data, json->len);
}


void
ngx_oof_json_member(ngx_oof_json_t *w, const char *name, ngx_str_t *value)
{
    ngx_oof_json_name(w, name);
    ngx_oof_json_str(w, value);
}


void
ngx_oof_json_member_time(ngx_oof_json_t *w, const char *name, int64_t us)
{
    ngx_oof_json_name(w, name);
    ngx_oof_json_time(w, us);
}


void
ngx_oof_json_member_hex(ngx_oof_json_t *w, const char *name, u_char *data,
    size_t len)
{
    ngx_str_t  hex;

    hex.len = 2 * len;
    hex.data = ngx_pnalloc(w->pool, hex.len);

    if (hex.data == NULL) {
        w->failed = 1;
        return;
    }

    (void) ngx_hex_dump(hex.data, data, len);
    ngx_oof_json_member(w, name, &hex);
}


ngx_int_t
ngx_oof_json_text(ngx_oof_json_t *w, ngx_str_t *text)
{
    if (w->failed) {
        ngx_str_null(text);
        return NGX_ERROR;
    }

    text->data = w->start;
    text->len = w->pos - w->start;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_json_grow(ngx_oof_json_t *w, size_t size)
{
    u_char  *p;
    size_t   len, room;

    if (w->failed) {
        return NGX_ERROR;
    }

    len = w->pos - w->start;
    room = ngx_max(2 * (size_t) (w->end - w->start), len + size);

    p = ngx_pnalloc(w->pool, room);

    if (p == NULL) {
        w->failed = 1;
        return NGX_ERROR;
    }

    w->pos = ngx_cpymem(p, w->start, len);
    w->end = p + room;

    (void) ngx_pfree(w->pool, w->start);
    w->start = p;

    return NGX_OK;
}


/* eight bytes at a time where it can */

u_char *
ngx_oof_json_plain(u_char *p, u_char *last)
{
    uint64_t  x, odd;

    while (last - p >= 8) {

        ngx_memcpy(&x, p, 8);

        odd = x
              | ngx_oof_json_below(x, 0x20)
              | ngx_oof_json_below(x ^ ngx_oof_json_bytes('"'), 1)
              | ngx_oof_json_below(x ^ ngx_oof_json_bytes('\\'), 1);

        if (odd & ngx_oof_json_bytes(0x80)) {
            break;
        }

        p += 8;
    }

    while (p < last && ngx_oof_json_class[*p] == NGX_OOF_JSON_PLAIN) {
        p++;
    }

    return p;
}


static void
ngx_oof_json_value(ngx_oof_json_t *w, u_char *data, size_t len)
{
    if (ngx_oof_json_room(w, len + 1) != NGX_OK) {
        return;
    }

    if (w->comma) {
        *w->pos++ = ',';
    }

    w->pos = ngx_cpymem(w->pos, data, len);
    w->comma = 1;
}


/* writes what stands for a byte that cannot stand for itself */

static u_char *
ngx_oof_json_escape(ngx_oof_json_t *w, u_char c)
{
    u_char  *p;

    static u_char  hex[] = "0123456789abcdef";

    p = w->pos;

    if (c >= 0x80) {

        /* not UTF-8: U+FFFD, the replacement character */

        *p++ = 0xef;
        *p++ = 0xbf;
        *p++ = 0xbd;

        return p;
    }

    *p++ = '\\';

    switch (c) {

    case '"':
    case '\\':
        *p++ = c;
        break;

    case '\n':
        *p++ = 'n';
        break;

    case '\r':
        *p++ = 'r';
        break;

    case '\t':
        *p++ = 't';
        break;

    default:
        *p++ = 'u';
        *p++ = '0';
        *p++ = '0';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
        break;
    }

    return p;
}


size_t
ngx_oof_json_multi(u_char *p, u_char *last)
{
    u_char  c, low, high;
    size_t  i, n;

    c = *p;
    low = 0x80;
    high = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        n = 2;

    } else if ((c & 0xf0) == 0xe0) {
        n = 3;

        if (c == 0xe0) {
            low = 0xa0;

        } else if (c == 0xed) {
            high = 0x9f;
        }

    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 4;

        if (c == 0xf0) {
            low = 0x90;

        } else if (c == 0xf4) {
            high = 0x8f;
        }

    } else {
        return 0;
    }

    if ((size_t) (last - p) < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


ngx_uint_t
ngx_oof_json_is_text(ngx_str_t *value)
{
    size_t   n;
    u_char  *p, *last;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        if (*p < 0x80) {
            n = (*p < ' ' || *p == 0x7f) ? 0 : 1;

        } else {
            n = ngx_oof_json_multi(p, last);
        }

        if (n == 0) {
            return 0;
        }

        p += n;
    }

    return 1;
}


ngx_int_t
ngx_oof_json_parse(ngx_pool_t *pool, ngx_str_t *text, json_t **root,
    const char **why)
{
    json_t              *json;
    ngx_pool_cleanup_t  *cln;

    *root = NULL;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    /* jansson seeds its hash from the system, at the first object it makes */

    json = ngx_oof_json_read(text->data, text->len, why);

    if (json == NULL) {
        return *why ? NGX_DECLINED : NGX_ERROR;
    }

    if (!json_is_object(json)) {
        json_decref(json);
        *why = "the top is not an object";
        return NGX_DECLINED;
    }

    cln->handler = ngx_oof_json_cleanup;
    cln->data = json;

    *root = json;

    return NGX_OK;
}


ngx_int_t
ngx_oof_json_get_str(json_t *object, const char *name, ngx_str_t *value)
{
    json_t  *member;

    member = json_object_get(object, name);

    if (!json_is_string(member)) {
        ngx_str_null(value);
        return NGX_DECLINED;
    }

    value->data = (u_char *) json_string_value(member);
    value->len = json_string_length(member);

    return NGX_OK;
}


static void
ngx_oof_json_cleanup(void *data)
{
    json_decref(data);
}
