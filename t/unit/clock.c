
/*
 * Copyright (C) oof authors
 */


#include "tap.h"

#include <time.h>


static const char *
got(int64_t us)
{
    static char  buf[64];

    *ngx_oof_clock_format((u_char *) buf, us) = '\0';

    return buf;
}


static void
format(void)
{
    int64_t     us;
    time_t      sec;
    char        want[128];
    struct tm   tm;
    ngx_str_t   s;
    ngx_uint_t  i, bad;

    s = str(got(0));
    is_str(&s, "1970-01-01T00:00:00Z", "the epoch");

    s = str(got(-1));
    is_str(&s, "1969-12-31T23:59:59Z", "a microsecond before it");

    s = str(got(999999));
    is_str(&s, "1970-01-01T00:00:00Z", "a fraction is cut off");

    s = str(got(951782400 * NGX_OOF_SECOND));
    is_str(&s, "2000-02-29T00:00:00Z", "a leap day");

    s = str(got(INT64_MAX));
    is_str(&s, "9999-12-31T23:59:59Z", "never more than four digits");

    s = str(got(INT64_MIN));
    is_str(&s, "0000-01-01T00:00:00Z", "and never before year 0");

    bad = 0;

    for (i = 0; i < 200000; i++) {

        /* from year 1 to 9999, a prime step of about 18 days */

        us = (-62135596800LL + (int64_t) i * 1576801) * NGX_OOF_SECOND;

        if (us >= 253402300800LL * NGX_OOF_SECOND) {
            break;
        }

        sec = us / NGX_OOF_SECOND;
        gmtime_r(&sec, &tm);
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);

        s = str(got(us));

        if (strcmp((char *) s.data, want) != 0) {
            diag("%s instead of %s", s.data, want);
            bad++;
            continue;
        }

        if (ngx_oof_clock_parse(&s, &us) != NGX_OK
            || us != (int64_t) sec * NGX_OOF_SECOND)
        {
            diag("%s is not read back", s.data);
            bad++;
        }
    }

    is_int(bad, 0, "as gmtime_r() over %lu instants, and back",
           (unsigned long) i);
}


static void
parse(void)
{
    int64_t     us;
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        const char  *text;
        ngx_int_t    rc;
    } cases[] = {
        { "2026-11-24T12:00:00Z", NGX_OK },
        { "2026-1-2T00:00:00Z", NGX_OK },
        { "2026-01-2T23:59:59Z", NGX_OK },
        { "2024-02-29T00:00:00Z", NGX_OK },
        { "2000-2-29T00:00:00Z", NGX_OK },
        { "0000-01-01T00:00:00Z", NGX_OK },
        { "2023-02-29T00:00:00Z", NGX_ABORT },
        { "1900-02-29T00:00:00Z", NGX_ABORT },
        { "2026-02-30T00:00:00Z", NGX_ABORT },
        { "2026-4-31T00:00:00Z", NGX_ABORT },
        { "2026-02-30T24:00:00Z", NGX_DECLINED },
        { "2026-02-30T00:00:00z", NGX_DECLINED },
        { "", NGX_DECLINED },
        { "2026-11-24", NGX_DECLINED },
        { "2026-11-24T12:00:00", NGX_DECLINED },
        { "2026-11-24T12:00:00ZZ", NGX_DECLINED },
        { "2026-11-24T12:00:00z", NGX_DECLINED },
        { "2026-11-24t12:00:00Z", NGX_DECLINED },
        { "2026-11-24 12:00:00Z", NGX_DECLINED },
        { "2026-11-24T12:00:00.0Z", NGX_DECLINED },
        { "2026-1-4T12:00:00.00Z", NGX_DECLINED },
        { "2026-11-24T12:00:00+00:00", NGX_DECLINED },
        { "2026-11-24T24:00:00Z", NGX_DECLINED },
        { "2026-11-24T12:60:00Z", NGX_DECLINED },
        { "2026-11-24T12:00:60Z", NGX_DECLINED },
        { "2026-11-24T1:00:00Z", NGX_DECLINED },
        { "2026-1-4T1:00:00Z", NGX_DECLINED },
        { "2026-1-4T123:00:0Z", NGX_DECLINED },
        { "2026-00-24T12:00:00Z", NGX_DECLINED },
        { "2026-13-24T12:00:00Z", NGX_DECLINED },
        { "2026-11-00T12:00:00Z", NGX_DECLINED },
        { "2026-11-32T12:00:00Z", NGX_DECLINED },
        { "2026-0-1T12:00:00Z", NGX_DECLINED },
        { "2026-111-1T12:00:00Z", NGX_DECLINED },
        { "026-11-24T12:00:00Z", NGX_DECLINED },
        { "02026-1-24T12:00:00Z", NGX_DECLINED },
        { "-026-11-24T12:00:00Z", NGX_DECLINED },
        { "+026-11-24T12:00:00Z", NGX_DECLINED },
        { "2026--1-24T12:00:00Z", NGX_DECLINED },
        { " 2026-1-24T12:00:00Z", NGX_DECLINED },
        { "2026-1-24T12:00:00Z ", NGX_DECLINED },
        { "2026/11/24T12:00:00Z", NGX_DECLINED }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);
        is_int(ngx_oof_clock_parse(&s, &us), cases[i].rc, "\"%s\"",
               cases[i].text);
    }

    s = str("2026-11-24T12:00:00Z");
    (void) ngx_oof_clock_parse(&s, &us);
    is_int(us, 1795521600 * NGX_OOF_SECOND, "microseconds of the epoch");

    s.data = (u_char *) "2026-11-24T12:00:00Z\0";
    s.len = 21;
    is_int(ngx_oof_clock_parse(&s, &us), NGX_DECLINED, "a NUL at the end");
}


static void
dates(void)
{
    ngx_str_t       s;
    ngx_uint_t      i;
    ngx_oof_date_t  d;

    static struct {
        const char  *text;
        ngx_int_t    rc;
    } cases[] = {
        { "2026-11-24", NGX_OK },
        { "2026-1-4", NGX_OK },
        { "2024-02-29", NGX_OK },
        { "2026-02-29", NGX_ABORT },
        { "2026-02-29x", NGX_DECLINED },
        { "2026-11-24T12:00:00Z", NGX_DECLINED },
        { "2026-11", NGX_DECLINED },
        { "2026-11-", NGX_DECLINED },
        { "", NGX_DECLINED },
        { "26-11-24", NGX_DECLINED },
        { "2026-11-032", NGX_DECLINED },
        { "2026-11-001", NGX_DECLINED }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);
        is_int(ngx_oof_clock_parse_date(&s, &d), cases[i].rc, "date \"%s\"",
               cases[i].text);
    }

    s = str("2026-11-4");
    (void) ngx_oof_clock_parse_date(&s, &d);
    ok(d.year == 2026 && d.month == 11 && d.day == 4, "year, month and day");
}


static ngx_str_t
zone_file(const char *name)
{
    FILE          *f;
    ngx_str_t      s;
    static u_char  buf[65536];

    s.data = buf;
    s.len = 0;

    f = fopen(name, "rb");

    if (f) {
        s.len = fread(buf, 1, sizeof(buf), f);
        fclose(f);
    }

    return s;
}


/* each hour of "years" against the C library's zone of that name */

static void
against_libc(const char *zone, ngx_int_t from, ngx_int_t to)
{
    char            path[128];
    time_t          sec, end, t;
    struct tm       tm, start;
    int64_t         us;
    ngx_str_t       s;
    ngx_int_t       day;
    ngx_uint_t      bad, bad_start;
    ngx_oof_date_t  d;

    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
    s = zone_file(path);

    is_int(ngx_oof_clock_zone(s.data, s.len), NGX_OK, "%s is read", zone);

    setenv("TZ", zone, 1);
    tzset();

    sec = (from - 1970) * 31556952LL / 1800 * 1800;
    end = (to - 1970) * 31556952LL;
    bad = 0;
    bad_start = 0;
    day = 0;

    for ( /* void */ ; sec < end; sec += 1800) {
        localtime_r(&sec, &tm);
        ngx_oof_clock_brasilia((int64_t) sec * NGX_OOF_SECOND, &d);

        if (d.year != tm.tm_year + 1900 || d.month != tm.tm_mon + 1
            || d.day != tm.tm_mday)
        {
            if (bad++ < 5) {
                diag("%s at %ld: %d-%d-%d", zone, (long) sec, (int) d.year,
                     (int) d.month, (int) d.day);
            }
        }

        if (tm.tm_mday == day) {
            continue;
        }

        /*
         * a new day, at a half hour; where the clock is put back over
         * midnight the old one comes again, which begins no day
         */

        us = ngx_oof_clock_brasilia_start(&d);
        t = us / NGX_OOF_SECOND;
        localtime_r(&t, &start);

        if (day != 0 && start.tm_mday == tm.tm_mday && t != sec
            && !(t < sec && sec - t <= 86400))
        {
            if (bad_start++ < 5) {
                diag("%s: %d-%d-%d begins at %ld, not %ld", zone,
                     (int) d.year, (int) d.month, (int) d.day, (long) t,
                     (long) sec);
            }
        }

        t--;
        localtime_r(&t, &tm);

        if (tm.tm_mday == start.tm_mday || start.tm_mday != d.day) {
            if (bad_start++ < 5) {
                diag("%s: %d-%d-%d does not begin at %ld", zone,
                     (int) d.year, (int) d.month, (int) d.day, (long) t + 1);
            }
        }

        day = d.day;
    }

    is_int(bad, 0, "%s: days as localtime_r(), %d to %d", zone, (int) from,
           (int) to);
    is_int(bad_start, 0, "%s: days begin when they begin", zone);
}


static void
brasilia(void)
{
    u_char          save;
    int64_t         us;
    ngx_str_t       s;
    ngx_uint_t      i, n;
    ngx_oof_date_t  d;

    /* footers with rules, both hemispheres, half hours, odd times of change */

    against_libc("America/New_York", 2035, 2050);
    against_libc("Australia/Lord_Howe", 2000, 2045);
    against_libc("Asia/Kolkata", 2020, 2040);
    against_libc("Europe/Dublin", 2030, 2045);
    against_libc("America/Santiago", 2010, 2045);
    against_libc("America/Sao_Paulo", 1925, 2060);

    d.year = 2026;
    d.month = 11;
    d.day = 24;
    us = ngx_oof_clock_brasilia_start(&d);
    s = str(got(us));
    is_str(&s, "2026-11-24T03:00:00Z", "a day of today begins at 03:00Z");

    ngx_oof_clock_brasilia(us - 1, &d);
    ok(d.month == 11 && d.day == 23, "and is the day before until then");

    d.year = 2018;
    d.month = 11;
    d.day = 4;
    s = str(got(ngx_oof_clock_brasilia_start(&d)));
    is_str(&s, "2018-11-04T03:00:00Z", "a day without a midnight");

    d.year = 2019;
    d.month = 2;
    d.day = 16;
    s = str(got(ngx_oof_clock_brasilia_start(&d)));
    is_str(&s, "2019-02-16T02:00:00Z", "the last day of the last summer time");

    d.day = 17;
    s = str(got(ngx_oof_clock_brasilia_start(&d)));
    is_str(&s, "2019-02-17T03:00:00Z", "and the day after it");

    /* what is no zone file changes nothing and harms nobody */

    s = zone_file("/usr/share/zoneinfo/America/Sao_Paulo");
    n = 0;

    for (i = 0; i < s.len; i++) {
        if (ngx_oof_clock_zone(s.data, i) != NGX_DECLINED) {
            n++;
        }
    }

    is_int(n, 0, "a file that was cut off anywhere is refused");

    for (i = 0; i < s.len; i++) {
        save = s.data[i];
        s.data[i] = 0xff;
        (void) ngx_oof_clock_zone(s.data, s.len);
        s.data[i] = 0;
        (void) ngx_oof_clock_zone(s.data, s.len);
        s.data[i] = save;
    }

    is_int(ngx_oof_clock_zone(s.data, s.len), NGX_OK,
           "altered files were survived");

    d.year = 2026;
    d.month = 1;
    d.day = 1;
    s = str(got(ngx_oof_clock_brasilia_start(&d)));
    is_str(&s, "2026-01-01T03:00:00Z", "and the zone is the right one again");
}


static void
offset(void)
{
    int64_t  real;

    real = ngx_oof_clock_real();

    ok(real / NGX_OOF_SECOND == ngx_time(), "the real clock is nginx's");
    is_int(ngx_oof_clock_rule(), real, "the rule clock is the real one");
    is_int(ngx_oof_clock_set_offset(3600), NGX_DECLINED,
           "and cannot be moved without \"oof_test_clock on\"");
    is_int(ngx_oof_clock_rule(), real, "and was not");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    format();
    parse();
    dates();
    brasilia();
    offset();

    return tap_done();
}
