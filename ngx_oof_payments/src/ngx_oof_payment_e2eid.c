
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_e2eid.h>

#include <openssl/evp.h>


#define NGX_OOF_E2EID_FIXED  (15 * 60)       /* 15:00 UTC, in minutes */


#define ngx_oof_e2eid_digit(c)    ((c) >= '0' && (c) <= '9')
#define ngx_oof_e2eid_capital(c)  ((c) >= 'A' && (c) <= 'Z')
#define ngx_oof_e2eid_small(c)    ((c) >= 'a' && (c) <= 'z')


static ngx_int_t ngx_oof_payment_e2eid_number(u_char *p, ngx_uint_t n);


ngx_int_t
ngx_oof_payment_e2eid_parse(ngx_uint_t version, ngx_str_t *text,
    ngx_oof_payment_e2eid_t *id)
{
    u_char          *p, c;
    ngx_int_t        hour, minute;
    ngx_uint_t       i;
    ngx_oof_date_t   date;

    if (text->len != NGX_OOF_E2EID_LEN || text->data[0] != 'E') {
        return NGX_DECLINED;
    }

    p = text->data + 1;

    for (i = 0; i < 8; i++) {
        c = p[i];

        if (!ngx_oof_e2eid_digit(c)
            && (version < 5 || !ngx_oof_e2eid_capital(c)))
        {
            return NGX_DECLINED;
        }
    }

    id->ispb.data = p;
    id->ispb.len = 8;

    date.year = ngx_oof_payment_e2eid_number(p + 8, 4);
    date.month = ngx_oof_payment_e2eid_number(p + 12, 2);
    date.day = ngx_oof_payment_e2eid_number(p + 14, 2);
    hour = ngx_oof_payment_e2eid_number(p + 16, 2);
    minute = ngx_oof_payment_e2eid_number(p + 18, 2);

    if (date.year < 0 || date.month < 1 || date.month > 12
        || date.day < 1 || date.day > 31
        || hour < 0 || hour > 23 || minute < 0 || minute > 59)
    {
        return NGX_DECLINED;
    }

    p += 20;

    for (i = 0; i < 11; i++) {
        c = p[i];

        if (!ngx_oof_e2eid_digit(c) && !ngx_oof_e2eid_capital(c)
            && !ngx_oof_e2eid_small(c))
        {
            return NGX_DECLINED;
        }
    }

    id->sequence.data = p;
    id->sequence.len = 11;
    id->minutes = hour * 60 + minute;

    if (date.day > ngx_oof_clock_month_days(date.year, date.month)) {
        return NGX_ABORT;
    }

    id->day = ngx_oof_clock_day(&date);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_e2eid_number(u_char *p, ngx_uint_t n)
{
    ngx_int_t  value;

    value = 0;

    while (n--) {
        if (!ngx_oof_e2eid_digit(*p)) {
            return NGX_ERROR;
        }

        value = value * 10 + (*p++ - '0');
    }

    return value;
}


ngx_uint_t
ngx_oof_payment_e2eid_timely(ngx_oof_payment_e2eid_t *id, int64_t now)
{
    int64_t  us;

    us = id->day * NGX_OOF_DAY + (int64_t) id->minutes * NGX_OOF_MINUTE;

    return us >= now - NGX_OOF_E2EID_WINDOW
           && us <= now + NGX_OOF_E2EID_WINDOW;
}


ngx_uint_t
ngx_oof_payment_e2eid_fixed(ngx_oof_payment_e2eid_t *id)
{
    return id->minutes == NGX_OOF_E2EID_FIXED;
}


ngx_int_t
ngx_oof_payment_e2eid_key(ngx_str_t *brand, ngx_str_t *text, u_char *key)
{
    ngx_int_t    rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* a NUL ends the brand, which has none: two pairs never read the same */

    rc = NGX_ERROR;

    if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
        && EVP_DigestUpdate(ctx, "endToEndId", sizeof("endToEndId")) == 1
        && EVP_DigestUpdate(ctx, brand->data, brand->len) == 1
        && EVP_DigestUpdate(ctx, "", 1) == 1
        && EVP_DigestUpdate(ctx, text->data, text->len) == 1
        && EVP_DigestFinal_ex(ctx, key, NULL) == 1)
    {
        rc = NGX_OK;

    } else {
        ERR_clear_error();
    }

    EVP_MD_CTX_free(ctx);

    return rc;
}
