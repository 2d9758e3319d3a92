
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>


#define NGX_OOF_PAYMENT_DAY_MINUTES   1440
#define NGX_OOF_PAYMENT_BULK_MINUTES  (22 * 60)


u_char *
ngx_oof_payment_day_format(u_char *p, int64_t day)
{
    ngx_oof_date_t  date;

    ngx_oof_clock_date(day, &date);

    return ngx_sprintf(p, "%04i-%02i-%02i", date.year, date.month, date.day);
}


ngx_int_t
ngx_oof_payment_weekday(int64_t day)
{
    /* 1970-01-01 was a Thursday */

    return ((day + 3) % 7 + 7) % 7;
}


int64_t
ngx_oof_payment_years_later(int64_t day, ngx_int_t years)
{
    ngx_oof_date_t  date;

    ngx_oof_clock_date(day, &date);

    date.year += years;
    date.day = ngx_min(date.day,
                       ngx_oof_clock_month_days(date.year, date.month));

    return ngx_oof_clock_day(&date);
}


/*
 * Brasilia's clock has only ever been changed at midnight.  A day that begins
 * at 01:00 is an hour short at its front, and counting back from its end is
 * right; a day whose last hour comes twice is an hour long at its end, and
 * counting from its beginning is.  The earlier of the two is right on both.
 */

int64_t
ngx_oof_payment_wall(int64_t day, ngx_uint_t minutes)
{
    int64_t  from_start, from_end;

    from_start = ngx_oof_clock_day_start(day)
                 + (int64_t) minutes * NGX_OOF_MINUTE;

    from_end = ngx_oof_clock_day_start(day + 1)
               - (int64_t) (NGX_OOF_PAYMENT_DAY_MINUTES - minutes)
                 * NGX_OOF_MINUTE;

    return ngx_min(from_start, from_end);
}


int64_t
ngx_oof_payment_partial_until(int64_t created, int64_t first)
{
    int64_t  day;

    day = first ? first : ngx_oof_clock_today(created) + 1;

    return ngx_oof_clock_day_start(day);
}


ngx_uint_t
ngx_oof_payment_cancellable(int64_t now, int64_t day)
{
    return ngx_oof_clock_today(now) < day;
}


int64_t
ngx_oof_payment_bulk_first(ngx_uint_t version, int64_t now)
{
    int64_t  today;

    today = ngx_oof_clock_today(now);

    if (version < 5
        || now <= ngx_oof_payment_wall(today, NGX_OOF_PAYMENT_BULK_MINUTES))
    {
        return today + 1;
    }

    return today + 2;
}
