
/*
 * Copyright (C) oof authors
 */


/* the charges of dynamic QR codes: as a JWS, and as its payload */


#include "fuzz.h"


static void charge(ngx_pool_t *pool, ngx_str_t *jws);


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char     *p;
    ngx_str_t   jws, part;

    charge(pool, text);

    part.data = ngx_pnalloc(pool, ngx_base64_encoded_length(text->len) + 1);
    must(part.data != NULL);

    ngx_encode_base64url(&part, text);

    jws.data = ngx_pnalloc(pool, part.len + 4);
    must(jws.data != NULL);

    p = ngx_cpymem(jws.data, "h.", 2);
    p = ngx_cpymem(p, part.data, part.len);
    p = ngx_cpymem(p, ".s", 2);
    jws.len = p - jws.data;

    charge(pool, &jws);
}


static void
charge(ngx_pool_t *pool, ngx_str_t *jws)
{
    ngx_int_t                  rc;
    const char                *why;
    ngx_oof_payment_charge_t   c;

    why = NULL;
    rc = ngx_oof_payment_charge_parse(pool, jws, &c, &why);

    must(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc != NGX_OK) {
        must(why != NULL);
        return;
    }

    must(c.amount >= 0 && c.original >= 0);
    must(c.most == 0 || c.least <= c.most);
    must(c.last == 0 || c.last >= c.due);

    (void) ngx_oof_payment_charge_open(&c, 0, 0);
    (void) ngx_oof_payment_charge_open(&c, 0, c.last);

    must(ngx_oof_payment_charge_pays(&c, c.amount) || c.amount == 0);
}
