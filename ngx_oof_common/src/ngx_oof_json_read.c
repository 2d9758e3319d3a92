
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_json_read.h>


#define NGX_OOF_JSON_DEPTH    16

#define NGX_OOF_JSON_DIGITS   18       /* that every integer may have */
#define NGX_OOF_JSON_SCRATCH  256      /* bytes of a text with escapes */


#define ngx_oof_json_digit(c)  ((u_char) ((c) - '0') <= 9)


typedef struct {
    u_char        *pos;
    u_char        *last;
    const char    *why;
    ngx_uint_t     depth;
} ngx_oof_json_reader_t;


/* a text, in the document or, when it has escapes, in the scratch */

typedef struct {
    u_char        *data;
    size_t         len;
    u_char        *allocated;
    u_char         scratch[NGX_OOF_JSON_SCRATCH];
} ngx_oof_json_string_t;


static json_t *ngx_oof_json_read_value(ngx_oof_json_reader_t *r);
static json_t *ngx_oof_json_read_object(ngx_oof_json_reader_t *r);
static ngx_int_t ngx_oof_json_read_member(ngx_oof_json_reader_t *r,
    json_t *object);
static json_t *ngx_oof_json_read_array(ngx_oof_json_reader_t *r);
static json_t *ngx_oof_json_read_number(ngx_oof_json_reader_t *r);
static json_t *ngx_oof_json_read_literal(ngx_oof_json_reader_t *r,
    const char *literal, size_t len, json_t *value);
static json_t *ngx_oof_json_read_text(ngx_oof_json_reader_t *r);
static ngx_int_t ngx_oof_json_read_string(ngx_oof_json_reader_t *r,
    ngx_oof_json_string_t *s);
static ngx_int_t ngx_oof_json_read_escapes(ngx_oof_json_reader_t *r,
    ngx_oof_json_string_t *s, u_char *end);
static u_char *ngx_oof_json_read_unicode(ngx_oof_json_reader_t *r,
    u_char *dst, u_char **src, u_char *end);
static ngx_int_t ngx_oof_json_read_hex(u_char *p, u_char *end);
static ngx_uint_t ngx_oof_json_read_next(ngx_oof_json_reader_t *r);
static json_t *ngx_oof_json_read_wrong(ngx_oof_json_reader_t *r,
    const char *why);


json_t *
ngx_oof_json_read(u_char *data, size_t len, const char **why)
{
    json_t                 *json;
    ngx_uint_t              c;
    ngx_oof_json_reader_t   r;

    *why = NULL;

    if (ngx_strlchr(data, data + len, '\0') != NULL) {
        *why = "a NUL character";
        return NULL;
    }

    r.pos = data;
    r.last = data + len;
    r.why = NULL;
    r.depth = 0;

    c = ngx_oof_json_read_next(&r);

    if (c == '{' || c == '[') {
        json = ngx_oof_json_read_value(&r);

    } else {
        json = ngx_oof_json_read_wrong(&r, "not JSON");
    }

    if (json && ngx_oof_json_read_next(&r)) {
        json_decref(json);
        json = ngx_oof_json_read_wrong(&r, "something follows the end");
    }

    *why = r.why;

    return json;
}


static json_t *
ngx_oof_json_read_value(ngx_oof_json_reader_t *r)
{
    ngx_uint_t  c;

    c = ngx_oof_json_read_next(r);

    switch (c) {

    case '{':
        return ngx_oof_json_read_object(r);

    case '[':
        return ngx_oof_json_read_array(r);

    case '"':
        return ngx_oof_json_read_text(r);

    case 't':
        return ngx_oof_json_read_literal(r, "true", 4, json_true());

    case 'f':
        return ngx_oof_json_read_literal(r, "false", 5, json_false());

    case 'n':
        return ngx_oof_json_read_literal(r, "null", 4, json_null());
    }

    if (c == '-' || ngx_oof_json_digit(c)) {
        return ngx_oof_json_read_number(r);
    }

    return ngx_oof_json_read_wrong(r, "not JSON");
}


static json_t *
ngx_oof_json_read_object(ngx_oof_json_reader_t *r)
{
    json_t      *object;
    ngx_uint_t   c;

    if (++r->depth > NGX_OOF_JSON_DEPTH) {
        return ngx_oof_json_read_wrong(r, "nested too deep");
    }

    object = json_object();
    if (object == NULL) {
        return NULL;
    }

    r->pos++;

    if (ngx_oof_json_read_next(r) != '}') {

        for ( ;; ) {

            if (ngx_oof_json_read_member(r, object) != NGX_OK) {
                json_decref(object);
                return NULL;
            }

            c = ngx_oof_json_read_next(r);

            if (c != ',') {
                break;
            }

            r->pos++;
        }

        if (c != '}') {
            json_decref(object);
            return ngx_oof_json_read_wrong(r, "not JSON");
        }
    }

    r->pos++;
    r->depth--;

    return object;
}


static ngx_int_t
ngx_oof_json_read_member(ngx_oof_json_reader_t *r, json_t *object)
{
    int                     rc;
    size_t                  n;
    json_t                 *value;
    ngx_oof_json_string_t   name;

    if (ngx_oof_json_read_next(r) != '"') {
        (void) ngx_oof_json_read_wrong(r, "not JSON");
        return NGX_ERROR;
    }

    if (ngx_oof_json_read_string(r, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    value = NULL;

    if (ngx_oof_json_read_next(r) == ':') {
        r->pos++;
        value = ngx_oof_json_read_value(r);

    } else {
        (void) ngx_oof_json_read_wrong(r, "not JSON");
    }

    n = json_object_size(object);

    rc = value ? json_object_setn_new_nocheck(object, (char *) name.data,
                                              name.len, value)
               : -1;

    free(name.allocated);

    if (rc != 0) {
        return NGX_ERROR;
    }

    if (json_object_size(object) == n) {
        (void) ngx_oof_json_read_wrong(r, "a member occurs twice");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static json_t *
ngx_oof_json_read_array(ngx_oof_json_reader_t *r)
{
    json_t      *array, *value;
    ngx_uint_t   c;

    if (++r->depth > NGX_OOF_JSON_DEPTH) {
        return ngx_oof_json_read_wrong(r, "nested too deep");
    }

    array = json_array();
    if (array == NULL) {
        return NULL;
    }

    r->pos++;

    if (ngx_oof_json_read_next(r) != ']') {

        for ( ;; ) {
            value = ngx_oof_json_read_value(r);

            if (value == NULL || json_array_append_new(array, value) != 0) {
                json_decref(array);
                return NULL;
            }

            c = ngx_oof_json_read_next(r);

            if (c != ',') {
                break;
            }

            r->pos++;
        }

        if (c != ']') {
            json_decref(array);
            return ngx_oof_json_read_wrong(r, "not JSON");
        }
    }

    r->pos++;
    r->depth--;

    return array;
}


/* what is not a short integer is rare, and left to who knows it all */

static json_t *
ngx_oof_json_read_number(ngx_oof_json_reader_t *r)
{
    u_char        *p, *last, *digits;
    json_t        *json;
    json_int_t     n;
    json_error_t   error;

    p = r->pos;
    last = r->last;

    if (*p == '-') {
        p++;
    }

    digits = p;
    n = 0;

    while (p < last && ngx_oof_json_digit(*p)) {

        if (p - digits < NGX_OOF_JSON_DIGITS) {
            n = n * 10 + (*p - '0');
        }

        p++;
    }

    if (p == digits || (*digits == '0' && p - digits > 1)) {
        r->pos = digits;
        return ngx_oof_json_read_wrong(r, "not JSON");
    }

    if (p - digits <= NGX_OOF_JSON_DIGITS
        && (p == last || (*p != '.' && *p != 'e' && *p != 'E')))
    {
        json = json_integer(*r->pos == '-' ? -n : n);
        r->pos = p;

        return json;
    }

    while (p < last
           && (ngx_oof_json_digit(*p) || *p == '.' || *p == 'e' || *p == 'E'
               || *p == '+' || *p == '-'))
    {
        p++;
    }

    json = json_loadb((char *) r->pos, p - r->pos, JSON_DECODE_ANY, &error);

    if (json == NULL
        && json_error_code(&error) != json_error_out_of_memory)
    {
        return ngx_oof_json_read_wrong(r, json_error_code(&error)
                                          == json_error_numeric_overflow
                                          ? "a number is out of range"
                                          : "not JSON");
    }

    r->pos = p;

    return json;
}


static json_t *
ngx_oof_json_read_literal(ngx_oof_json_reader_t *r, const char *literal,
    size_t len, json_t *value)
{
    if ((size_t) (r->last - r->pos) < len
        || ngx_memcmp(r->pos, literal, len) != 0)
    {
        return ngx_oof_json_read_wrong(r, "not JSON");
    }

    r->pos += len;

    return value;
}


static json_t *
ngx_oof_json_read_text(ngx_oof_json_reader_t *r)
{
    json_t                 *json;
    ngx_oof_json_string_t   s;

    if (ngx_oof_json_read_string(r, &s) != NGX_OK) {
        return NULL;
    }

    json = json_stringn_nocheck((char *) s.data, s.len);

    free(s.allocated);

    return json;
}


static ngx_int_t
ngx_oof_json_read_string(ngx_oof_json_reader_t *r, ngx_oof_json_string_t *s)
{
    size_t       n;
    u_char      *p, *last;
    ngx_uint_t   escaped;

    p = r->pos + 1;
    last = r->last;
    escaped = 0;

    s->data = p;
    s->allocated = NULL;

    for ( ;; ) {
        p = ngx_oof_json_plain(p, last);

        if (p == last) {
            r->pos = p;
            (void) ngx_oof_json_read_wrong(r, "not JSON");
            return NGX_ERROR;
        }

        if (*p == '"') {
            break;
        }

        if (*p == '\\' && last - p > 1) {
            escaped = 1;
            p += 2;
            continue;
        }

        n = (*p & 0x80) ? ngx_oof_json_multi(p, last) : 0;

        if (n == 0) {
            r->pos = p;
            (void) ngx_oof_json_read_wrong(r, "not JSON");
            return NGX_ERROR;
        }

        p += n;
    }

    s->len = p - s->data;
    r->pos = p + 1;

    return escaped ? ngx_oof_json_read_escapes(r, s, p) : NGX_OK;
}


/* a text is never longer than what it is written by */

static ngx_int_t
ngx_oof_json_read_escapes(ngx_oof_json_reader_t *r, ngx_oof_json_string_t *s,
    u_char *end)
{
    u_char  c, *src, *dst;

    src = s->data;
    dst = s->scratch;

    if (s->len > NGX_OOF_JSON_SCRATCH) {
        dst = malloc(s->len);
        s->allocated = dst;
    }

    s->data = dst;

    while (dst && src < end) {
        c = *src++;

        if (c != '\\') {
            *dst++ = c;
            continue;
        }

        c = *src++;

        switch (c) {

        case '"':
        case '\\':
        case '/':
            *dst++ = c;
            break;

        case 'b':
            *dst++ = '\b';
            break;

        case 'f':
            *dst++ = '\f';
            break;

        case 'n':
            *dst++ = '\n';
            break;

        case 'r':
            *dst++ = '\r';
            break;

        case 't':
            *dst++ = '\t';
            break;

        case 'u':
            dst = ngx_oof_json_read_unicode(r, dst, &src, end);
            break;

        default:
            dst = NULL;
            r->why = "not JSON";
        }
    }

    if (dst == NULL) {
        free(s->allocated);
        return NGX_ERROR;
    }

    s->len = dst - s->data;

    return NGX_OK;
}


/* four digits, or twice as many of a pair of surrogates */

static u_char *
ngx_oof_json_read_unicode(ngx_oof_json_reader_t *r, u_char *dst,
    u_char **src, u_char *end)
{
    u_char     *p;
    ngx_int_t   c, low;

    p = *src;

    c = ngx_oof_json_read_hex(p, end);
    p += 4;

    if (c == 0) {
        r->why = "a NUL character";
        return NULL;
    }

    if (c >= 0xd800 && c <= 0xdbff) {
        low = -1;

        if (end - p > 2 && p[0] == '\\' && p[1] == 'u') {
            low = ngx_oof_json_read_hex(p + 2, end);
            p += 6;
        }

        c = (low >= 0xdc00 && low <= 0xdfff)
            ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : -1;

    } else if (c >= 0xdc00 && c <= 0xdfff) {
        c = -1;
    }

    if (c < 0) {
        r->why = "not JSON";
        return NULL;
    }

    *src = p;

    if (c < 0x80) {
        *dst++ = (u_char) c;
        return dst;
    }

    if (c < 0x800) {
        *dst++ = (u_char) (0xc0 | c >> 6);

    } else {

        if (c < 0x10000) {
            *dst++ = (u_char) (0xe0 | c >> 12);

        } else {
            *dst++ = (u_char) (0xf0 | c >> 18);
            *dst++ = (u_char) (0x80 | (c >> 12 & 0x3f));
        }

        *dst++ = (u_char) (0x80 | (c >> 6 & 0x3f));
    }

    *dst++ = (u_char) (0x80 | (c & 0x3f));

    return dst;
}


static ngx_int_t
ngx_oof_json_read_hex(u_char *p, u_char *end)
{
    return end - p < 4 ? -1 : ngx_hextoi(p, 4);
}


/* the byte that the next token begins with; 0 is the end */

static ngx_uint_t
ngx_oof_json_read_next(ngx_oof_json_reader_t *r)
{
    u_char  c;

    while (r->pos < r->last) {
        c = *r->pos;

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return c;
        }

        r->pos++;
    }

    return 0;
}


/* why it is wrong where it is, and not before */

static json_t *
ngx_oof_json_read_wrong(ngx_oof_json_reader_t *r, const char *why)
{
    if (r->why) {
        return NULL;
    }

    r->why = why;

    if (r->pos == r->last) {
        r->why = "the end is missing";

    } else if ((*r->pos & 0x80) && ngx_oof_json_multi(r->pos, r->last) == 0) {
        r->why = "not UTF-8";
    }

    return NULL;
}
