
/*
 * Copyright (C) oof authors
 */


/* bodies, what is written again of them, and their canonical form */


#include "fuzz.h"

#include <ngx_oof_json_read.h>


static void as_jansson(ngx_str_t *text);


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

    as_jansson(text);

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


/* the same documents are refused, and the others have the same tree */

static void
as_jansson(ngx_str_t *text)
{
    json_t        *one, *two;
    const char    *why;
    json_error_t   error;

    one = ngx_oof_json_read(text->data, text->len, &why);
    two = json_loadb((char *) text->data, text->len, JSON_REJECT_DUPLICATES,
                     &error);

    must((one == NULL) == (why != NULL));

    if (one == NULL) {
        must(two == NULL || ngx_strcmp(why, "nested too deep") == 0
             || ngx_strcmp(why, "a NUL character") == 0);

    } else {
        must(two && json_equal(one, two));
    }

    json_decref(one);
    json_decref(two);
}
