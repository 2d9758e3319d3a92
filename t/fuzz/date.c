
/*
 * Copyright (C) oof authors
 */


/* dates and times of the regulation, and what is reckoned with them */


#include "fuzz.h"


static void reckon(int64_t day);
static void zone(void);


static void
fuzz(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char           buf[64];
    int64_t          us, again;
    ngx_int_t        rc;
    ngx_str_t        s;
    ngx_oof_date_t   date, back;

    zone();

    us = 0;
    rc = ngx_oof_clock_parse(text, &us);

    must(rc == NGX_OK || rc == NGX_DECLINED || rc == NGX_ABORT);

    if (rc == NGX_OK) {
        must(us % NGX_OOF_SECOND == 0);

        s.data = buf;
        s.len = ngx_oof_clock_format(buf, us) - buf;

        must(s.len == NGX_OOF_TIME_LEN);
        must(ngx_oof_clock_parse(&s, &again) == NGX_OK && again == us);

        reckon(ngx_oof_payment_today(us));
    }

    rc = ngx_oof_clock_parse_date(text, &date);

    must(rc == NGX_OK || rc == NGX_DECLINED || rc == NGX_ABORT);

    if (rc == NGX_OK) {
        us = ngx_oof_payment_day(&date);

        ngx_oof_payment_date(us, &back);

        must(back.year == date.year && back.month == date.month
             && back.day == date.day);

        reckon(us);
    }
}


static void
reckon(int64_t day)
{
    int64_t    start, two;
    ngx_int_t  weekday;

    start = ngx_oof_payment_day_start(day);

    must(ngx_oof_payment_today(start) == day);
    must(ngx_oof_payment_today(start - 1) == day - 1);

    weekday = ngx_oof_payment_weekday(day);

    must(weekday >= NGX_OOF_PAYMENT_MONDAY
         && weekday <= NGX_OOF_PAYMENT_SUNDAY);

    two = ngx_oof_payment_years_later(day, 2);

    must(two >= day + 729 && two <= day + 731);
}


/* Brasilia's, once */

static void
zone(void)
{
    FILE               *f;
    size_t              n;
    static u_char       buf[65536];
    static ngx_uint_t   done;

    if (done) {
        return;
    }

    f = fopen("/usr/share/zoneinfo/America/Sao_Paulo", "rb");
    must(f != NULL);

    n = fread(buf, 1, sizeof(buf), f);
    fclose(f);

    must(ngx_oof_clock_zone(buf, n) == NGX_OK);

    done = 1;
}
