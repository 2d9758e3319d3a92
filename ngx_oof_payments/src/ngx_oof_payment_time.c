
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>


#define NGX_OOF_PAYMENT_DAY_MINUTES   1440
#define NGX_OOF_PAYMENT_BULK_MINUTES  (22 * 60)


/*
 * Days of the Gregorian calendar, with years that begin in March, so that a
 * leap day is the last one of its year.
 */

int64_t
ngx_oof_payment_day(ngx_oof_date_t *date)
{
    int64_t  year, month, era, yoe, doy;

    year = date->year;
    month = date->month;

    if (month <= 2) {
        year--;
        month += 12;
    }

    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month - 3) + 2) / 5 + date->day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}


void
ngx_oof_payment_date(int64_t day, ngx_oof_date_t *date)
{
    int64_t  era, doe, yoe, doy, mp;

    day += 719468;

    era = (day >= 0 ? day : day - 146096) / 146097;
    doe = day - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;

    date->day = doy - (153 * mp + 2) / 5 + 1;
    date->month = mp < 10 ? mp + 3 : mp - 9;
    date->year = yoe + era * 400 + (date->month <= 2);
}


u_char *
ngx_oof_payment_day_format(u_char *p, int64_t day)
{
    ngx_oof_date_t  date;

    ngx_oof_payment_date(day, &date);

    return ngx_sprintf(p, "%04i-%02i-%02i", date.year, date.month, date.day);
}


ngx_int_t
ngx_oof_payment_month_days(ngx_int_t year, ngx_int_t month)
{
    static u_char  days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    if (month == 2
        && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
    {
        return 29;
    }

    return days[month - 1];
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

    ngx_oof_payment_date(day, &date);

    date.year += years;
    date.day = ngx_min(date.day,
                       ngx_oof_payment_month_days(date.year, date.month));

    return ngx_oof_payment_day(&date);
}


int64_t
ngx_oof_payment_today(int64_t us)
{
    ngx_oof_date_t  date;

    ngx_oof_clock_brasilia(us, &date);

    return ngx_oof_payment_day(&date);
}


int64_t
ngx_oof_payment_day_start(int64_t day)
{
    ngx_oof_date_t  date;

    ngx_oof_payment_date(day, &date);

    return ngx_oof_clock_brasilia_start(&date);
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

    from_start = ngx_oof_payment_day_start(day)
                 + (int64_t) minutes * NGX_OOF_MINUTE;

    from_end = ngx_oof_payment_day_start(day + 1)
               - (int64_t) (NGX_OOF_PAYMENT_DAY_MINUTES - minutes)
                 * NGX_OOF_MINUTE;

    return ngx_min(from_start, from_end);
}


int64_t
ngx_oof_payment_partial_until(int64_t created, int64_t first)
{
    int64_t  day;

    day = first ? first : ngx_oof_payment_today(created) + 1;

    return ngx_oof_payment_day_start(day);
}


ngx_uint_t
ngx_oof_payment_cancellable(int64_t now, int64_t day)
{
    return ngx_oof_payment_today(now) < day;
}


int64_t
ngx_oof_payment_bulk_first(ngx_uint_t version, int64_t now)
{
    int64_t  today;

    today = ngx_oof_payment_today(now);

    if (version < 5
        || now <= ngx_oof_payment_wall(today, NGX_OOF_PAYMENT_BULK_MINUTES))
    {
        return today + 1;
    }

    return today + 2;
}
