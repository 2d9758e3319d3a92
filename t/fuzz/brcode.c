
/*
 * Copyright (C) oof authors
 */


/* BR Codes: as they come, and with the CRC that lets them pass */


#include "fuzz.h"


static void code(ngx_str_t *text);


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char     *p;
    ngx_str_t   sealed;

    code(text);

    (void) ngx_oof_payment_amount(text);

    sealed.len = text->len + 8;
    sealed.data = ngx_pnalloc(pool, sealed.len + 1);
    must(sealed.data != NULL);

    p = ngx_cpymem(sealed.data, text->data, text->len);
    p = ngx_cpymem(p, "6304", 4);
    (void) ngx_sprintf(p, "%04Xi",
                       ngx_oof_payment_brcode_crc(sealed.data,
                                                  sealed.len - 4));

    code(&sealed);
}


static void
code(ngx_str_t *text)
{
    ngx_int_t                  rc;
    const char                *why;
    ngx_oof_payment_brcode_t   c;

    why = NULL;
    rc = ngx_oof_payment_brcode_parse(text, &c, &why);

    must(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc != NGX_OK) {
        must(why != NULL);
        return;
    }

    must(text->len <= NGX_OOF_BRCODE_MAX);
    must(c.dynamic == (c.url.len != 0));
    must(c.dynamic == (c.key.len == 0));
    must(c.amount >= 0);

    must(within(&c.key, text));
    must(within(&c.info, text));
    must(within(&c.facilitator, text));
    must(within(&c.url, text));
    must(within(&c.mcc, text));
    must(within(&c.name, text));
    must(within(&c.city, text));
    must(within(&c.postal, text));
    must(within(&c.txid, text));
}
