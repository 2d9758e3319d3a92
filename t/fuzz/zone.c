
/*
 * Copyright (C) oof authors
 */


/* zone files: days of whatever zone there is */


#include "fuzz.h"


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    int64_t          us;
    ngx_uint_t       i;
    ngx_oof_date_t   date;

    if (ngx_oof_clock_zone(text->data, text->len) != NGX_OK) {
        return;
    }

    for (i = 0; i < 64; i++) {
        us = (-62135596800LL + (int64_t) i * 4929000000LL) * NGX_OOF_SECOND;

        ngx_oof_clock_brasilia(us, &date);
        must(date.month >= 1 && date.month <= 12);
        must(date.day >= 1 && date.day <= 31);

        (void) ngx_oof_clock_brasilia_start(&date);
    }
}
