
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_brcode.h>


#define NGX_OOF_BRCODE_CRC      8          /* "6304" and four digits */
#define NGX_OOF_BRCODE_AMOUNT   13         /* characters, EMV */
#define NGX_OOF_BRCODE_WHOLE    16         /* digits before the point */

#define ngx_oof_brcode_digit(c)  ((c) >= '0' && (c) <= '9')


/* a list of data objects, and what has been seen of it */

typedef struct {
    u_char                  *pos;
    u_char                  *last;
    uint64_t                 seen[2];      /* ids 0 to 99 */
    unsigned                 chars:1;      /* lengths count characters */
} ngx_oof_brcode_list_t;


typedef struct {
    ngx_uint_t               id;
    ngx_str_t                value;
} ngx_oof_brcode_object_t;


static ngx_int_t ngx_oof_brcode_root(ngx_str_t *text, ngx_uint_t chars,
    ngx_oof_payment_brcode_t *code, const char **why);
static ngx_int_t ngx_oof_brcode_next(ngx_oof_brcode_list_t *list,
    ngx_oof_brcode_object_t *object);
static u_char *ngx_oof_brcode_skip(ngx_oof_brcode_list_t *list, u_char *p,
    ngx_uint_t n);
static const char *ngx_oof_brcode_take(ngx_oof_brcode_object_t *object,
    ngx_uint_t chars, ngx_oof_payment_brcode_t *code);
static const char *ngx_oof_brcode_account(ngx_str_t *value, ngx_uint_t chars,
    ngx_oof_payment_brcode_t *code);
static const char *ngx_oof_brcode_pix(ngx_oof_brcode_list_t *list,
    ngx_oof_payment_brcode_t *code);
static const char *ngx_oof_brcode_additional(ngx_str_t *value,
    ngx_uint_t chars, ngx_oof_payment_brcode_t *code);
static const char *ngx_oof_brcode_whole(ngx_oof_brcode_list_t *list,
    ngx_oof_payment_brcode_t *code);
static ngx_uint_t ngx_oof_brcode_is(ngx_str_t *value, const char *text);


static ngx_str_t  ngx_oof_brcode_gui = ngx_string("br.gov.bcb.pix");


ngx_int_t
ngx_oof_payment_brcode_parse(ngx_str_t *text, ngx_oof_payment_brcode_t *code,
    const char **why)
{
    u_char      *p, *last;
    ngx_int_t    crc;

    if (text->len > NGX_OOF_BRCODE_MAX) {
        *why = "too long";
        return NGX_DECLINED;
    }

    if (text->len < NGX_OOF_BRCODE_CRC) {
        *why = "too short";
        return NGX_DECLINED;
    }

    last = text->data + text->len;
    p = last - NGX_OOF_BRCODE_CRC;

    crc = ngx_hextoi(last - 4, 4);

    if (ngx_memcmp(p, "6304", 4) != 0 || crc == NGX_ERROR) {
        *why = "no CRC at the end";
        return NGX_DECLINED;
    }

    if ((ngx_uint_t) crc
        != ngx_oof_payment_brcode_crc(text->data, text->len - 4))
    {
        *why = "wrong CRC";
        return NGX_DECLINED;
    }

    if (ngx_oof_brcode_root(text, 0, code, why) == NGX_OK) {
        return NGX_OK;
    }

    /*
     * The standard counts characters, most who make codes count bytes: it is
     * the same where there are no accents.
     */

    for (p = text->data; p < last; p++) {

        if (*p >= 0x80) {
            return ngx_oof_brcode_root(text, 1, code, why);
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_brcode_root(ngx_str_t *text, ngx_uint_t chars,
    ngx_oof_payment_brcode_t *code, const char **why)
{
    ngx_int_t                rc;
    ngx_oof_brcode_list_t    list;
    ngx_oof_brcode_object_t  object;

    ngx_memzero(code, sizeof(ngx_oof_payment_brcode_t));
    ngx_memzero(&list, sizeof(ngx_oof_brcode_list_t));

    /* the CRC is known to be the last object */

    list.pos = text->data;
    list.last = text->data + text->len - NGX_OOF_BRCODE_CRC;
    list.chars = chars;

    if (ngx_oof_brcode_next(&list, &object) != NGX_OK || object.id != 0
        || !ngx_oof_brcode_is(&object.value, "01"))
    {
        *why = "no payload format 01 at the beginning";
        return NGX_DECLINED;
    }

    for ( ;; ) {
        rc = ngx_oof_brcode_next(&list, &object);

        if (rc == NGX_DONE) {
            break;
        }

        if (rc != NGX_OK) {
            *why = "an object is broken or is there twice";
            return NGX_DECLINED;
        }

        *why = ngx_oof_brcode_take(&object, chars, code);

        if (*why) {
            return NGX_DECLINED;
        }
    }

    *why = ngx_oof_brcode_whole(&list, code);

    return *why ? NGX_DECLINED : NGX_OK;
}


/* the next object of a list: NGX_OK, NGX_DONE at its end, NGX_DECLINED */

static ngx_int_t
ngx_oof_brcode_next(ngx_oof_brcode_list_t *list,
    ngx_oof_brcode_object_t *object)
{
    u_char      *p;
    uint64_t     bit;
    ngx_uint_t   i, len;

    p = list->pos;

    if (p == list->last) {
        return NGX_DONE;
    }

    if (list->last - p < 4) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 4; i++) {
        if (!ngx_oof_brcode_digit(p[i])) {
            return NGX_DECLINED;
        }
    }

    object->id = (p[0] - '0') * 10 + (p[1] - '0');
    len = (p[2] - '0') * 10 + (p[3] - '0');

    bit = (uint64_t) 1 << (object->id % 64);

    if (len == 0 || (list->seen[object->id / 64] & bit)) {
        return NGX_DECLINED;
    }

    list->seen[object->id / 64] |= bit;

    object->value.data = p + 4;

    p = ngx_oof_brcode_skip(list, p + 4, len);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    object->value.len = p - object->value.data;
    list->pos = p;

    return NGX_OK;
}


static u_char *
ngx_oof_brcode_skip(ngx_oof_brcode_list_t *list, u_char *p, ngx_uint_t n)
{
    if (!list->chars) {
        return (size_t) (list->last - p) < n ? NULL : p + n;
    }

    while (n--) {

        if (p == list->last) {
            return NULL;
        }

        p++;

        while (p < list->last && (*p & 0xc0) == 0x80) {
            p++;
        }
    }

    return p;
}


/* one object of the root; returns what is wrong with it */

static const char *
ngx_oof_brcode_take(ngx_oof_brcode_object_t *object, ngx_uint_t chars,
    ngx_oof_payment_brcode_t *code)
{
    ngx_str_t  *value;

    value = &object->value;

    if (object->id >= 26 && object->id <= 51) {
        return ngx_oof_brcode_account(value, chars, code);
    }

    switch (object->id) {

    case 1:
        if (ngx_oof_brcode_is(value, "12")) {
            code->once = 1;
            return NULL;
        }

        return ngx_oof_brcode_is(value, "11") ? NULL : "bad initiation";

    case 52:
        code->mcc = *value;
        return (value->len == 4) ? NULL : "bad category";

    case 53:
        return ngx_oof_brcode_is(value, "986") ? NULL : "another currency";

    case 54:
        code->amount = ngx_oof_payment_amount(value);

        return (value->len <= NGX_OOF_BRCODE_AMOUNT && code->amount >= 0)
               ? NULL : "bad amount";

    case 58:
        return ngx_oof_brcode_is(value, "BR") ? NULL : "another country";

    case 59:
        code->name = *value;
        return NULL;

    case 60:
        code->city = *value;
        return NULL;

    case 61:
        code->postal = *value;
        return NULL;

    case 62:
        return ngx_oof_brcode_additional(value, chars, code);

    case 63:
        return "a CRC before the end";

    default:
        return NULL;
    }
}


/* an account of some arrangement, which its first object names */

static const char *
ngx_oof_brcode_account(ngx_str_t *value, ngx_uint_t chars,
    ngx_oof_payment_brcode_t *code)
{
    ngx_oof_brcode_list_t    list;
    ngx_oof_brcode_object_t  object;

    ngx_memzero(&list, sizeof(ngx_oof_brcode_list_t));

    list.pos = value->data;
    list.last = value->data + value->len;
    list.chars = chars;

    if (ngx_oof_brcode_next(&list, &object) != NGX_OK || object.id != 0) {
        return "an account that names no arrangement";
    }

    if (object.value.len != ngx_oof_brcode_gui.len
        || ngx_strncasecmp(object.value.data, ngx_oof_brcode_gui.data,
                           object.value.len)
           != 0)
    {
        return NULL;
    }

    if (code->key.len || code->url.len) {
        return "two Pix accounts";
    }

    return ngx_oof_brcode_pix(&list, code);
}


static const char *
ngx_oof_brcode_pix(ngx_oof_brcode_list_t *list,
    ngx_oof_payment_brcode_t *code)
{
    ngx_int_t                rc;
    ngx_oof_brcode_object_t  object;

    for ( ;; ) {
        rc = ngx_oof_brcode_next(list, &object);

        if (rc == NGX_DONE) {
            break;
        }

        if (rc != NGX_OK) {
            return "a broken object in the Pix account";
        }

        switch (object.id) {

        case 1:
            code->key = object.value;
            break;

        case 2:
            code->info = object.value;
            break;

        case 3:
            code->facilitator = object.value;
            break;

        case 25:
            code->url = object.value;
            break;

        default:
            break;
        }
    }

    if ((code->key.len == 0) == (code->url.len == 0)) {
        return "not one of key and URL";
    }

    code->dynamic = (code->url.len != 0);

    return NULL;
}


static const char *
ngx_oof_brcode_additional(ngx_str_t *value, ngx_uint_t chars,
    ngx_oof_payment_brcode_t *code)
{
    ngx_int_t                rc;
    ngx_oof_brcode_list_t    list;
    ngx_oof_brcode_object_t  object;

    ngx_memzero(&list, sizeof(ngx_oof_brcode_list_t));

    list.pos = value->data;
    list.last = value->data + value->len;
    list.chars = chars;

    for ( ;; ) {
        rc = ngx_oof_brcode_next(&list, &object);

        if (rc == NGX_DONE) {
            return NULL;
        }

        if (rc != NGX_OK) {
            return "a broken object in the additional data";
        }

        /* "***" says that there is no identification */

        if (object.id == 5 && !ngx_oof_brcode_is(&object.value, "***")) {
            code->txid = object.value;
        }
    }
}


/* whether all is there that must be */

static const char *
ngx_oof_brcode_whole(ngx_oof_brcode_list_t *list,
    ngx_oof_payment_brcode_t *code)
{
    ngx_uint_t  *id;

    static ngx_uint_t  ids[] = { 52, 53, 58, 59, 60, 0 };

    if (code->key.len == 0 && code->url.len == 0) {
        return "no Pix account";
    }

    for (id = ids; *id; id++) {

        if (!(list->seen[*id / 64] & ((uint64_t) 1 << (*id % 64)))) {
            return "no category, currency, country, name or city";
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_oof_brcode_is(ngx_str_t *value, const char *text)
{
    return value->len == ngx_strlen(text)
           && ngx_memcmp(value->data, text, value->len) == 0;
}


ngx_uint_t
ngx_oof_payment_brcode_crc(u_char *p, size_t len)
{
    ngx_uint_t  crc, bit;

    crc = 0xffff;

    while (len--) {
        crc ^= (ngx_uint_t) *p++ << 8;

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        }

        crc &= 0xffff;
    }

    return crc;
}


int64_t
ngx_oof_payment_amount(ngx_str_t *text)
{
    u_char      *p, *last;
    int64_t      amount;
    ngx_uint_t   n;

    p = text->data;
    last = p + text->len;
    amount = 0;

    for (n = 0; p < last && ngx_oof_brcode_digit(*p); n++) {

        if (n == NGX_OOF_BRCODE_WHOLE) {
            return NGX_ERROR;
        }

        amount = amount * 10 + (*p++ - '0');
    }

    if (n == 0 || (p < last && *p++ != '.')) {
        return NGX_ERROR;
    }

    for (n = 0; n < 2; n++) {
        amount *= 10;

        if (p < last) {

            if (!ngx_oof_brcode_digit(*p)) {
                return NGX_ERROR;
            }

            amount += *p++ - '0';
        }
    }

    return (p == last) ? amount : NGX_ERROR;
}
