
/*
 * Copyright (C) oof authors
 */


/* compact JWS, and base64url */


#include "fuzz.h"


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_int_t       rc;
    ngx_str_t       dst, again;
    const char     *why;
    ngx_oof_jws_t   jws;

    rc = ngx_oof_jws_parse(pool, text, &jws, &why);

    must(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc == NGX_OK) {
        must(within(&jws.signing_input, text));
        must(jws.signing_input.len < text->len);
        must(jws.kid.len <= NGX_OOF_JWS_KID);
        must(jws.payload.len <= text->len);
        must(jws.signature.len <= text->len);
    }

    dst.data = ngx_pnalloc(pool, ngx_base64_decoded_length(text->len) + 1);
    must(dst.data != NULL);

    if (ngx_oof_base64url_decode(&dst, text) != NGX_OK) {
        return;
    }

    /* to the letter: each text is the only one of its bytes */

    again.data = ngx_pnalloc(pool, ngx_base64_encoded_length(dst.len) + 1);
    must(again.data != NULL);

    ngx_encode_base64url(&again, &dst);

    must(again.len == text->len
         && ngx_memcmp(again.data, text->data, text->len) == 0);
}
