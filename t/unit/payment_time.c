
/*
 * Copyright (C) oof authors
 */


/* spec 0.3, 2.6, 2.9, 2.11, 7.34: days and windows in Brasilia's time */


#include "payment.h"


static void
civil(void)
{
    int64_t         n;
    ngx_str_t       s, want;
    ngx_uint_t      bad;
    ngx_oof_date_t  d;
    u_char          buf[32];

    is_int(day("1970-01-01"), 0, "the first day");
    is_int(day("2026-11-24"), 20781, "a day of today");
    is_int(day("1969-12-31"), -1, "the day before the first");

    bad = 0;

    for (n = day("0001-01-01"); n <= day("9999-12-31"); n += 13) {
        ngx_oof_clock_date(n, &d);

        /* the clock room knows the same calendar */

        (void) ngx_oof_clock_format(buf, n * NGX_OOF_DAY);
        want.data = buf;
        want.len = 10;
        s = date(n);

        if (ngx_oof_clock_day(&d) != n
            || ngx_memcmp(s.data, want.data, 10) != 0)
        {
            bad++;
        }
    }

    is_int(bad, 0, "days and dates, there and back");

    is_int(ngx_oof_clock_month_days(2028, 2), 29, "a leap year");
    is_int(ngx_oof_clock_month_days(2026, 2), 28, "none");
    is_int(ngx_oof_clock_month_days(2100, 2), 28, "a century");
    is_int(ngx_oof_clock_month_days(2000, 2), 29, "a fourth century");
    is_int(ngx_oof_clock_month_days(2026, 4), 30, "April");
    is_int(ngx_oof_clock_month_days(2026, 12), 31, "December");

    is_int(ngx_oof_payment_weekday(day("2026-11-23")), NGX_OOF_PAYMENT_MONDAY,
           "a Monday");
    is_int(ngx_oof_payment_weekday(day("2026-11-29")), NGX_OOF_PAYMENT_SUNDAY,
           "a Sunday");
    is_int(ngx_oof_payment_weekday(-4), NGX_OOF_PAYMENT_SUNDAY,
           "a Sunday before the first day");
}


static void
years(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        const char  *from;
        ngx_int_t    years;
        const char  *to;
    } cases[] = {
        { "2026-07-10", 2, "2028-07-10" },
        { "2026-02-28", 2, "2028-02-28" },
        { "2028-02-29", 2, "2030-02-28" },
        { "2028-02-29", 4, "2032-02-29" },
        { "2026-12-31", 2, "2028-12-31" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = date(ngx_oof_payment_years_later(day(cases[i].from),
                                             cases[i].years));
        is_str(&s, cases[i].to, "%s and %d years", cases[i].from,
               (int) cases[i].years);
    }
}


static void
today(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        const char  *utc;
        const char  *day;
    } cases[] = {
        { "2026-11-24T02:59:59Z", "2026-11-23" },
        { "2026-11-24T03:00:00Z", "2026-11-24" },
        { "2026-11-24T23:59:59Z", "2026-11-24" },

        /* 21:00 to 24:00 in Brasilia: in UTC it is the next day */
        { "2026-11-25T00:00:00Z", "2026-11-24" },
        { "2026-11-25T01:30:00Z", "2026-11-24" },
        { "2026-11-25T02:59:59Z", "2026-11-24" },
        { "2026-11-25T03:00:00Z", "2026-11-25" },

        { "2027-01-01T02:59:59Z", "2026-12-31" },
        { "2028-03-01T02:59:59Z", "2028-02-29" },
        { "2027-03-01T02:59:59Z", "2027-02-28" },

        /* a day without midnight, one with a last hour twice */
        { "2018-11-04T02:59:59Z", "2018-11-03" },
        { "2018-11-04T03:00:00Z", "2018-11-04" },
        { "2019-02-17T02:59:59Z", "2019-02-16" },
        { "2019-02-17T03:00:00Z", "2019-02-17" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = date(ngx_oof_clock_today(instant(cases[i].utc)));
        is_str(&s, cases[i].day, "%s in Brasilia", cases[i].utc);
    }

    is_int(ngx_oof_clock_day_start(day("2026-11-24")),
           instant("2026-11-24T03:00:00Z"), "a day begins at 03:00Z");
}


static void
wall(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;
    char        buf[32];

    static struct {
        const char  *day;
        ngx_uint_t   minutes;
        const char  *utc;
    } cases[] = {
        { "2026-11-24", 0, "2026-11-24T03:00:00Z" },
        { "2026-11-24", 22 * 60, "2026-11-25T01:00:00Z" },
        { "2026-11-24", 1440, "2026-11-25T03:00:00Z" },
        { "2026-12-31", 23 * 60 + 59, "2027-01-01T02:59:00Z" },

        /* the clock is put forward at midnight, then -02:00 */
        { "2018-11-04", 22 * 60, "2018-11-05T00:00:00Z" },

        /* put back at midnight: 22:00 is before it, at -02:00 */
        { "2019-02-16", 22 * 60, "2019-02-17T00:00:00Z" },
        { "2019-02-17", 22 * 60, "2019-02-18T01:00:00Z" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        *ngx_oof_clock_format((u_char *) buf,
                              ngx_oof_payment_wall(day(cases[i].day),
                                                   cases[i].minutes)) = '\0';
        s = str(buf);
        is_str(&s, cases[i].utc, "%s, %lu minutes", cases[i].day,
               (unsigned long) cases[i].minutes);
    }
}


static void
windows(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        const char  *now;
        const char  *day;
        ngx_uint_t   may;
    } single[] = {
        { "2026-11-24T12:00:00Z", "2026-11-25", 1 },
        { "2026-11-25T02:59:59Z", "2026-11-25", 1 },
        { "2026-11-25T03:00:00Z", "2026-11-25", 0 },
        { "2026-11-25T12:00:00Z", "2026-11-25", 0 },
        { "2026-11-25T01:00:00Z", "2026-11-24", 0 },
        { "2027-01-01T02:59:59Z", "2027-01-01", 1 },
        { "2027-01-01T03:00:00Z", "2027-01-01", 0 }
    };

    static struct {
        ngx_uint_t   version;
        const char  *now;
        const char  *first;
    } bulk[] = {
        { 4, "2026-11-24T12:00:00Z", "2026-11-25" },
        { 4, "2026-11-25T02:59:59Z", "2026-11-25" },
        { 4, "2026-11-25T03:00:00Z", "2026-11-26" },
        { 5, "2026-11-24T12:00:00Z", "2026-11-25" },
        { 5, "2026-11-25T00:59:59Z", "2026-11-25" },
        { 5, "2026-11-25T01:00:00Z", "2026-11-25" },
        { 5, "2026-11-25T01:00:01Z", "2026-11-26" },
        { 5, "2026-11-25T02:59:59Z", "2026-11-26" },
        { 5, "2026-11-25T03:00:00Z", "2026-11-26" },
        { 5, "2028-02-29T00:30:00Z", "2028-02-29" },
        { 5, "2028-02-29T01:30:00Z", "2028-03-01" }
    };

    static struct {
        const char  *created;
        const char  *first;
        const char  *until;
    } partial[] = {
        { "2026-11-24T12:00:00Z", NULL, "2026-11-25T03:00:00Z" },
        { "2026-11-25T02:59:59Z", NULL, "2026-11-25T03:00:00Z" },
        { "2026-11-25T03:00:00Z", NULL, "2026-11-26T03:00:00Z" },
        { "2026-11-24T12:00:00Z", "2026-11-25", "2026-11-25T03:00:00Z" },
        { "2026-11-24T12:00:00Z", "2026-12-25", "2026-12-25T03:00:00Z" }
    };

    for (i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        is_int(ngx_oof_payment_cancellable(instant(single[i].now),
                                           day(single[i].day)),
               single[i].may, "at %s, due %s", single[i].now, single[i].day);
    }

    for (i = 0; i < sizeof(bulk) / sizeof(bulk[0]); i++) {
        s = date(ngx_oof_payment_bulk_first(bulk[i].version,
                                            instant(bulk[i].now)));
        is_str(&s, bulk[i].first, "v%lu, all of a consent, at %s",
               (unsigned long) bulk[i].version, bulk[i].now);
    }

    for (i = 0; i < sizeof(partial) / sizeof(partial[0]); i++) {
        is_int(ngx_oof_payment_partial_until(instant(partial[i].created),
                                             partial[i].first
                                             ? day(partial[i].first) : 0),
               instant(partial[i].until), "approvals, created %s, first %s",
               partial[i].created,
               partial[i].first ? partial[i].first : "at once");
    }
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    zone();
    civil();
    years();
    today();
    wall();
    windows();

    return tap_done();
}
