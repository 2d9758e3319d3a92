
/*
 * Copyright (C) oof authors
 */


/* endToEndId */


#include "fuzz.h"


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char                   *p, buf[NGX_OOF_E2EID_LEN + 1];
    u_char                    key[NGX_OOF_E2EID_KEY];
    ngx_int_t                 v4, v5;
    ngx_str_t                 brand = ngx_string("cbanco");
    ngx_oof_date_t            date;
    ngx_oof_payment_e2eid_t   id;

    v4 = ngx_oof_payment_e2eid_parse(4, text, &id);
    v5 = ngx_oof_payment_e2eid_parse(5, text, &id);

    must(v5 == NGX_OK || v5 == NGX_DECLINED || v5 == NGX_ABORT);
    must(v4 == v5 || v4 == NGX_DECLINED);

    must(ngx_oof_payment_e2eid_key(&brand, text, key) == NGX_OK);

    if (v5 != NGX_OK) {
        return;
    }

    /* its parts make it again */

    ngx_oof_payment_date(id.day, &date);

    p = ngx_sprintf(buf, "E%V%04i%02i%02i%02ui%02ui%V", &id.ispb, date.year,
                    date.month, date.day, id.minutes / 60, id.minutes % 60,
                    &id.sequence);

    must(p - buf == NGX_OOF_E2EID_LEN);
    must(ngx_memcmp(buf, text->data, NGX_OOF_E2EID_LEN) == 0);

    must(ngx_oof_payment_e2eid_fixed(&id) == (id.minutes == 900));
    must(ngx_oof_payment_e2eid_timely(&id, id.day * NGX_OOF_DAY
                                           + (int64_t) id.minutes
                                             * NGX_OOF_MINUTE));
}
