
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <openssl/err.h>
#include <openssl/rand.h>


/* bytes that are taken from the generator at once */
#define NGX_OOF_UUID_RANDOM  512


static ngx_int_t ngx_oof_uuid_random(u_char *p, size_t len);


ngx_int_t
ngx_oof_uuid7(u_char *id)
{
    uint64_t     ms;
    ngx_uint_t   i;
    ngx_time_t  *tp;

    if (ngx_oof_uuid_random(id + 6, NGX_OOF_UUID_LEN - 6) != NGX_OK) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    ms = (uint64_t) tp->sec * 1000 + tp->msec;

    for (i = 0; i < 6; i++) {
        id[i] = (u_char) (ms >> (40 - 8 * i));
    }

    id[6] = (id[6] & 0x0f) | 0x70;
    id[8] = (id[8] & 0x3f) | 0x80;

    return NGX_OK;
}


ngx_int_t
ngx_oof_uuid4(u_char *id)
{
    if (ngx_oof_uuid_random(id, NGX_OOF_UUID_LEN) != NGX_OK) {
        return NGX_ERROR;
    }

    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;

    return NGX_OK;
}


u_char *
ngx_oof_uuid_format(u_char *p, u_char *id)
{
    static u_char  hex[] = "0123456789abcdef";

    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_UUID_LEN; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[id[i] >> 4];
        *p++ = hex[id[i] & 0x0f];
    }

    return p;
}


ngx_int_t
ngx_oof_uuid_parse(ngx_str_t *text, u_char *id)
{
    u_char      *p, *last;
    ngx_int_t    n;
    ngx_uint_t   i;

    if (text->len != NGX_OOF_UUID_TEXT) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + NGX_OOF_UUID_TEXT;

    for (i = 0; p < last; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*p++ != '-') {
                return NGX_DECLINED;
            }
        }

        n = ngx_hextoi(p, 2);

        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        if (id) {
            id[i] = (u_char) n;
        }

        p += 2;
    }

    return NGX_OK;
}


/*
 * A call of the generator costs far more than the bytes it gives.  Each byte is
 * used once and forgotten, and none by another process: a child begins anew.
 */

static ngx_int_t
ngx_oof_uuid_random(u_char *p, size_t len)
{
    static u_char     bytes[NGX_OOF_UUID_RANDOM];
    static size_t     left;
    static ngx_pid_t  owner;

    if (left < len || owner != ngx_pid) {

        left = 0;

        if (RAND_bytes(bytes, NGX_OOF_UUID_RANDOM) != 1) {
            ngx_ssl_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "RAND_bytes() failed");
            return NGX_ERROR;
        }

        left = NGX_OOF_UUID_RANDOM;
        owner = ngx_pid;
    }

    left -= len;

    ngx_memcpy(p, bytes + left, len);
    ngx_explicit_memzero(bytes + left, len);

    return NGX_OK;
}
