
/*
 * Copyright (C) oof authors
 */


/* bodies, what is written again of them, and their canonical form */


#include "fuzz.h"


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    json_t          *root, *twin;
    ngx_int_t        rc;
    ngx_str_t        one, two, value;
    const char      *why;
    ngx_oof_json_t   w;

    /* any bytes become a string that can be read */

    must(ngx_oof_json_init(&w, pool, 16) == NGX_OK);

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "text", text);
    ngx_oof_json_end(&w, '}');

    must(ngx_oof_json_text(&w, &value) == NGX_OK);

    if (ngx_strlchr(text->data, text->data + text->len, '\0') == NULL) {
        must(ngx_oof_json_parse(pool, &value, &root, &why) == NGX_OK);
    }

    rc = ngx_oof_json_parse(pool, text, &root, &why);

    must(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc != NGX_OK) {
        return;
    }

    must(json_is_object(root));

    /* the canonical form is the same value, and its own canonical form */

    must(ngx_oof_payment_canonical(pool, root, &one) == NGX_OK);
    must(ngx_oof_json_parse(pool, &one, &twin, &why) == NGX_OK);
    must(ngx_oof_payment_canonical(pool, twin, &two) == NGX_OK);

    must(one.len == two.len && ngx_memcmp(one.data, two.data, one.len) == 0);
}
