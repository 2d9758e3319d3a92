
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_ZONE_FILE       "/usr/share/zoneinfo/America/Sao_Paulo"
#define NGX_OOF_ZONE_FILE_MAX   65536
#define NGX_OOF_ZONE_FALLBACK   (-3 * 3600)
#define NGX_OOF_ZONE_MAX        1024       /* changes of the offset */
#define NGX_OOF_ZONE_TYPES      256
#define NGX_OOF_ZONE_HEADER     44

#define NGX_OOF_CLOCK_POLL      1000       /* ms */
#define NGX_OOF_CLOCK_OFTEN     90         /* while there are requests */
#define NGX_OOF_CLOCK_USED      5000       /* so long after the last one */
#define NGX_OOF_CLOCK_HURRY     50         /* until it was read once */

#define NGX_OOF_TIME_MIN        (-62167219200LL)  /* 0000-01-01T00:00:00Z */
#define NGX_OOF_TIME_MAX        253402300799LL    /* 9999-12-31T23:59:59Z */


/* a day of a year on which daylight saving time begins or ends */

typedef struct {
    u_char               kind;             /* 'M', 'J' or 'n' */
    ngx_int_t            month;
    ngx_int_t            week;
    ngx_int_t            day;
    int64_t              time;             /* seconds of the wall clock */
} ngx_oof_zone_rule_t;


typedef struct {
    ngx_uint_t           n;
    int64_t              at[NGX_OOF_ZONE_MAX];
    int32_t              offset[NGX_OOF_ZONE_MAX];
    int32_t              first;            /* before the first change */

    /* after the last one: the footer */
    int32_t              standard;
    int32_t              daylight;
    ngx_oof_zone_rule_t  begin;
    ngx_oof_zone_rule_t  end;
    unsigned             footer:1;
    unsigned             saving:1;
} ngx_oof_zone_t;


typedef struct {
    u_char              *pos;
    u_char              *last;
} ngx_oof_zone_reader_t;


static int64_t ngx_oof_days(int64_t year, ngx_int_t month, ngx_int_t day);
static ngx_int_t ngx_oof_clock_number(u_char **pos, u_char *last,
    ngx_uint_t min, ngx_uint_t max);
static ngx_int_t ngx_oof_clock_parse_day(u_char **pos, u_char *last,
    ngx_oof_date_t *date);

static ngx_int_t ngx_oof_zone_block(ngx_oof_zone_reader_t *rd, size_t width,
    ngx_oof_zone_t *zone);
static ngx_int_t ngx_oof_zone_types(u_char *p, size_t width,
    uint32_t *counts, ngx_oof_zone_t *zone);
static ngx_int_t ngx_oof_zone_footer(ngx_oof_zone_reader_t *rd,
    ngx_oof_zone_t *zone);
static ngx_int_t ngx_oof_zone_name(ngx_oof_zone_reader_t *rd);
static ngx_int_t ngx_oof_zone_time(ngx_oof_zone_reader_t *rd, int64_t *time);
static ngx_int_t ngx_oof_zone_rule(ngx_oof_zone_reader_t *rd,
    ngx_oof_zone_rule_t *rule);
static ngx_int_t ngx_oof_zone_int(ngx_oof_zone_reader_t *rd, ngx_int_t min,
    ngx_int_t max);
static int64_t ngx_oof_zone_rule_at(ngx_oof_zone_rule_t *rule, int64_t year);
static int32_t ngx_oof_zone_offset(int64_t sec, int64_t *next);
static int32_t ngx_oof_zone_footer_offset(int64_t sec, int64_t *next);
static ngx_int_t ngx_oof_zone_read(ngx_conf_t *cf, u_char *buf, size_t *len);

static void ngx_oof_clock_poll(ngx_event_t *ev);
static void ngx_oof_clock_polled(ngx_oof_pg_unit_t *u);
static ngx_msec_t ngx_oof_clock_interval(void);


static ngx_oof_zone_t           ngx_oof_zone;
static ngx_oof_clock_shared_t  *ngx_oof_clock;
static ngx_uint_t               ngx_oof_clock_test;
static ngx_oof_database_t      *ngx_oof_clock_db;
static ngx_event_t              ngx_oof_clock_timer;
static ngx_atomic_uint_t        ngx_oof_clock_seen;


int64_t
ngx_oof_clock_real(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * NGX_OOF_SECOND + (int64_t) tp->msec * 1000;
}


int64_t
ngx_oof_clock_rule(void)
{
    return ngx_oof_clock_real() + ngx_oof_clock_offset() * NGX_OOF_SECOND;
}


int64_t
ngx_oof_clock_offset(void)
{
    if (!ngx_oof_clock_test || ngx_oof_clock == NULL) {
        return 0;
    }

    return (int64_t) (ngx_atomic_int_t) ngx_oof_clock->offset;
}


void
ngx_oof_clock_use(void)
{
    if (ngx_oof_clock_test) {
        ngx_oof_clock->used = ngx_current_msec;
    }
}


ngx_uint_t
ngx_oof_clock_movable(void)
{
    return ngx_oof_clock_test;
}


ngx_uint_t
ngx_oof_clock_ready(void)
{
    return !ngx_oof_clock_test || ngx_oof_clock_db == NULL
           || ngx_oof_clock->known;
}


ngx_oof_database_t *
ngx_oof_clock_database(void)
{
    return ngx_oof_clock_db;
}


ngx_int_t
ngx_oof_clock_set_offset(int64_t seconds)
{
    if (!ngx_oof_clock_test || ngx_oof_clock == NULL
        || seconds > NGX_OOF_CLOCK_OFFSET_MAX
        || seconds < -NGX_OOF_CLOCK_OFFSET_MAX)
    {
        return NGX_DECLINED;
    }

    ngx_oof_clock->offset = (ngx_atomic_uint_t) seconds;

    (void) ngx_atomic_fetch_add(&ngx_oof_clock->changes, 1);

    return NGX_OK;
}


u_char *
ngx_oof_clock_format(u_char *p, int64_t us)
{
    int64_t         sec, days;
    ngx_uint_t      rest;
    ngx_oof_date_t  date;

    sec = us / NGX_OOF_SECOND;

    if (us % NGX_OOF_SECOND < 0) {
        sec--;
    }

    /* what has no four-digit year is nothing that the regulation knows */

    sec = ngx_min(ngx_max(sec, NGX_OOF_TIME_MIN), NGX_OOF_TIME_MAX);

    days = sec / 86400;

    if (sec % 86400 < 0) {
        days--;
    }

    rest = (ngx_uint_t) (sec - days * 86400);

    ngx_oof_clock_date(days, &date);

    return ngx_sprintf(p, "%04i-%02i-%02iT%02ui:%02ui:%02uiZ", date.year,
                       date.month, date.day, rest / 3600, rest / 60 % 60,
                       rest % 60);
}


ngx_int_t
ngx_oof_clock_parse(ngx_str_t *text, int64_t *us)
{
    u_char          *p, *last;
    ngx_int_t        rc, hour, min, sec;
    ngx_oof_date_t   date;

    if (text->len > NGX_OOF_TIME_LEN) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + text->len;

    rc = ngx_oof_clock_parse_day(&p, last, &date);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (last - p != sizeof("T00:00:00Z") - 1
        || p[0] != 'T' || p[3] != ':' || p[6] != ':' || p[9] != 'Z')
    {
        return NGX_DECLINED;
    }

    p++;
    hour = ngx_oof_clock_number(&p, last, 2, 2);
    p++;
    min = ngx_oof_clock_number(&p, last, 2, 2);
    p++;
    sec = ngx_oof_clock_number(&p, last, 2, 2);

    if (hour < 0 || hour > 23 || min < 0 || min > 59 || sec < 0 || sec > 59) {
        return NGX_DECLINED;
    }

    if (rc == NGX_ABORT) {
        return NGX_ABORT;
    }

    *us = ngx_oof_days(date.year, date.month, date.day) * NGX_OOF_DAY
          + (hour * 3600 + min * 60 + sec) * NGX_OOF_SECOND;

    return NGX_OK;
}


ngx_int_t
ngx_oof_clock_parse_date(ngx_str_t *text, ngx_oof_date_t *date)
{
    u_char          *p, *last;
    ngx_int_t        rc;
    ngx_oof_date_t   day;

    p = text->data;
    last = p + text->len;

    rc = ngx_oof_clock_parse_day(&p, last, &day);

    if (rc == NGX_DECLINED || p != last) {
        return NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        *date = day;
    }

    return rc;
}


/* the date at "*pos": ^\d{4}-(1[0-2]|0?[1-9])-(3[01]|[12][0-9]|0?[1-9]) */

static ngx_int_t
ngx_oof_clock_parse_day(u_char **pos, u_char *last, ngx_oof_date_t *date)
{
    date->year = ngx_oof_clock_number(pos, last, 4, 4);

    if (date->year < 0 || *pos == last || *(*pos)++ != '-') {
        return NGX_DECLINED;
    }

    date->month = ngx_oof_clock_number(pos, last, 1, 2);

    if (date->month < 1 || date->month > 12
        || *pos == last || *(*pos)++ != '-')
    {
        return NGX_DECLINED;
    }

    date->day = ngx_oof_clock_number(pos, last, 1, 2);

    if (date->day < 1 || date->day > 31) {
        return NGX_DECLINED;
    }

    if (date->day > ngx_oof_clock_month_days(date->year, date->month)) {
        return NGX_ABORT;
    }

    return NGX_OK;
}


/* "min" to "max" digits at "*pos", or NGX_ERROR */

static ngx_int_t
ngx_oof_clock_number(u_char **pos, u_char *last, ngx_uint_t min,
    ngx_uint_t max)
{
    u_char      *p;
    ngx_int_t    n;
    ngx_uint_t   i;

    p = *pos;
    n = 0;

    for (i = 0; i < max && p < last && *p >= '0' && *p <= '9'; i++) {
        n = n * 10 + (*p++ - '0');
    }

    if (i < min) {
        return NGX_ERROR;
    }

    *pos = p;

    return n;
}


ngx_int_t
ngx_oof_clock_month_days(ngx_int_t year, ngx_int_t month)
{
    static u_char  days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    if (month == 2
        && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
    {
        return 29;
    }

    return days[month - 1];
}


/*
 * Days since 1970-01-01 of the Gregorian calendar, which is carried back
 * before its beginning as ISO 8601 says, and the way back.  Years begin with
 * March here, so that a leap day is the last one.
 */

static int64_t
ngx_oof_days(int64_t year, ngx_int_t month, ngx_int_t day)
{
    int64_t  era, yoe, doy;

    if (month <= 2) {
        year--;
        month += 12;
    }

    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month - 3) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}


int64_t
ngx_oof_clock_day(ngx_oof_date_t *date)
{
    return ngx_oof_days(date->year, date->month, date->day);
}


void
ngx_oof_clock_date(int64_t days, ngx_oof_date_t *date)
{
    int64_t  era, doe, yoe, doy, mp;

    days += 719468;

    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;

    date->day = doy - (153 * mp + 2) / 5 + 1;
    date->month = mp < 10 ? mp + 3 : mp - 9;
    date->year = yoe + era * 400 + (date->month <= 2);
}


void
ngx_oof_clock_brasilia(int64_t us, ngx_oof_date_t *date)
{
    int64_t  sec, days;

    sec = us / NGX_OOF_SECOND;

    if (us % NGX_OOF_SECOND < 0) {
        sec--;
    }

    sec += ngx_oof_zone_offset(sec, NULL);

    days = sec / 86400;

    if (sec % 86400 < 0) {
        days--;
    }

    ngx_oof_clock_date(days, date);
}


/*
 * A day begins at midnight, except where the wall clock jumps over it: then
 * with the jump, as on the days when Brazil's daylight saving time began.
 * Where midnight comes twice the first one counts.
 */

int64_t
ngx_oof_clock_brasilia_start(ngx_oof_date_t *date)
{
    int64_t  wall, change, before, after;

    wall = ngx_oof_days(date->year, date->month, date->day) * 86400;

    before = wall - ngx_oof_zone_offset(wall - 86400, &change);

    if (before < change) {
        return before * NGX_OOF_SECOND;
    }

    after = wall - ngx_oof_zone_offset(change, NULL);

    return ngx_max(after, change) * NGX_OOF_SECOND;
}


int64_t
ngx_oof_clock_today(int64_t us)
{
    ngx_oof_date_t  date;

    ngx_oof_clock_brasilia(us, &date);

    return ngx_oof_clock_day(&date);
}


int64_t
ngx_oof_clock_day_start(int64_t day)
{
    ngx_oof_date_t  date;

    ngx_oof_clock_date(day, &date);

    return ngx_oof_clock_brasilia_start(&date);
}


/* the offset at an instant, and the instant when the next one begins */

static int32_t
ngx_oof_zone_offset(int64_t sec, int64_t *next)
{
    ngx_uint_t       lo, hi, mid;
    ngx_oof_zone_t  *zone;

    zone = &ngx_oof_zone;

    if (zone->footer && (zone->n == 0 || sec >= zone->at[zone->n - 1])) {
        return ngx_oof_zone_footer_offset(sec, next);
    }

    lo = 0;
    hi = zone->n;

    while (lo < hi) {
        mid = (lo + hi) / 2;

        if (zone->at[mid] <= sec) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    if (next) {
        *next = lo < zone->n ? zone->at[lo] : INT64_MAX;
    }

    return lo ? zone->offset[lo - 1] : zone->first;
}


static int32_t
ngx_oof_zone_footer_offset(int64_t sec, int64_t *next)
{
    int32_t          offset;
    int64_t          change, coming, days, last, year;
    ngx_uint_t       i;
    ngx_oof_date_t   date;
    ngx_oof_zone_t  *zone;

    zone = &ngx_oof_zone;

    if (next) {
        *next = INT64_MAX;
    }

    if (!zone->saving) {
        return zone->standard;
    }

    days = (sec + zone->standard) / 86400;

    if ((sec + zone->standard) % 86400 < 0) {
        days--;
    }

    ngx_oof_clock_date(days, &date);

    /*
     * The changes from the year before to the year after, of which the last
     * one that has come tells the offset.  They need no order: the two of a
     * year are half a year apart.
     */

    last = INT64_MIN;
    coming = INT64_MAX;
    offset = zone->standard;

    for (i = 0; i < 6; i++) {
        year = date.year - 1 + (int64_t) (i / 2);

        change = (i % 2 == 0)
                 ? ngx_oof_zone_rule_at(&zone->begin, year) - zone->standard
                 : ngx_oof_zone_rule_at(&zone->end, year) - zone->daylight;

        if (change <= sec && change > last) {
            last = change;
            offset = (i % 2 == 0) ? zone->daylight : zone->standard;
        }

        if (change > sec && change < coming) {
            coming = change;
        }
    }

    if (next) {
        *next = coming;
    }

    return offset;
}


/* the instant of a change in a year, by a wall clock without an offset */

static int64_t
ngx_oof_zone_rule_at(ngx_oof_zone_rule_t *rule, int64_t year)
{
    int64_t    days;
    ngx_int_t  len, weekday;

    days = ngx_oof_days(year, 1, 1);

    if (rule->kind == 'n') {
        return (days + rule->day) * 86400 + rule->time;
    }

    if (rule->kind == 'J') {

        /* 1..365: 29 February has no number */

        days += rule->day - 1;

        if (rule->day > 59 && ngx_oof_clock_month_days(year, 2) == 29) {
            days++;
        }

        return days * 86400 + rule->time;
    }

    /* 'M': the first such weekday of the month; 1970-01-01 was a Thursday */

    days = ngx_oof_days(year, rule->month, 1);
    len = ngx_oof_clock_month_days(year, rule->month);

    weekday = (days % 7 + 7 + 4) % 7;
    weekday = (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;

    if (weekday >= len) {
        weekday -= 7;
    }

    return (days + weekday) * 86400 + rule->time;
}


ngx_int_t
ngx_oof_clock_zone(u_char *data, size_t len)
{
    size_t                   width;
    ngx_oof_zone_reader_t    rd;
    static ngx_oof_zone_t    zone;

    rd.pos = data;
    rd.last = data + len;

    ngx_memzero(&zone, sizeof(ngx_oof_zone_t));

    if (len < NGX_OOF_ZONE_HEADER) {
        return NGX_DECLINED;
    }

    /* a file of version 2 has two blocks, of which the second is the one */

    width = 4;

    if (data[4] >= '2') {
        if (ngx_oof_zone_block(&rd, 4, NULL) != NGX_OK) {
            return NGX_DECLINED;
        }

        width = 8;
    }

    if (ngx_oof_zone_block(&rd, width, &zone) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (width == 8 && ngx_oof_zone_footer(&rd, &zone) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_oof_zone = zone;

    return NGX_OK;
}


/* a header and what it tells the length of; "zone" may be NULL: to skip it */

static ngx_int_t
ngx_oof_zone_block(ngx_oof_zone_reader_t *rd, size_t width,
    ngx_oof_zone_t *zone)
{
    u_char      *p;
    size_t       size;
    uint32_t     counts[6];    /* utc, standard, leap, time, type, char */
    ngx_uint_t   i;

    p = rd->pos;

    if (rd->last - p < NGX_OOF_ZONE_HEADER || ngx_memcmp(p, "TZif", 4) != 0) {
        return NGX_DECLINED;
    }

    p += 20;

    for (i = 0; i < 6; i++) {
        counts[i] = (uint32_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];

        if (counts[i] > NGX_OOF_ZONE_MAX) {
            return NGX_DECLINED;
        }

        p += 4;
    }

    size = counts[3] * (width + 1) + counts[4] * 6 + counts[5]
           + counts[2] * (width + 4) + counts[1] + counts[0];

    if ((size_t) (rd->last - p) < size) {
        return NGX_DECLINED;
    }

    rd->pos = p + size;

    if (zone == NULL) {
        return NGX_OK;
    }

    /* a zone that counts leap seconds is not that of a Unix clock */

    if (counts[2] || counts[4] == 0 || counts[4] > NGX_OOF_ZONE_TYPES) {
        return NGX_DECLINED;
    }

    return ngx_oof_zone_types(p, width, counts, zone);
}


static ngx_int_t
ngx_oof_zone_types(u_char *p, size_t width, uint32_t *counts,
    ngx_oof_zone_t *zone)
{
    u_char      *index, *type;
    int32_t      offset, offsets[NGX_OOF_ZONE_TYPES];
    uint64_t     at;
    ngx_uint_t   i, k;

    index = p + counts[3] * width;
    type = index + counts[3];

    for (i = 0; i < counts[4]; i++) {
        offset = (int32_t) ((uint32_t) type[0] << 24 | type[1] << 16
                            | type[2] << 8 | type[3]);

        if (offset <= -86400 || offset >= 86400) {
            return NGX_DECLINED;
        }

        offsets[i] = offset;
        type += 6;
    }

    zone->first = offsets[0];
    zone->n = counts[3];

    for (i = 0; i < zone->n; i++) {

        at = (width == 4 && (p[0] & 0x80)) ? UINT64_MAX : 0;

        for (k = 0; k < width; k++) {
            at = at << 8 | *p++;
        }

        zone->at[i] = (int64_t) at;

        if (index[i] >= counts[4]
            || (i && zone->at[i] <= zone->at[i - 1]))
        {
            return NGX_DECLINED;
        }

        zone->offset[i] = offsets[index[i]];
    }

    return NGX_OK;
}


/*
 * The rule for the time after the last change, in the form of the environment
 * variable TZ between two line feeds; an empty one says nothing.
 */

static ngx_int_t
ngx_oof_zone_footer(ngx_oof_zone_reader_t *rd, ngx_oof_zone_t *zone)
{
    u_char   *p;
    int64_t   time;

    if (rd->pos == rd->last || *rd->pos++ != '\n') {
        return NGX_DECLINED;
    }

    p = ngx_strlchr(rd->pos, rd->last, '\n');

    if (p == NULL) {
        return NGX_DECLINED;
    }

    rd->last = p;

    if (rd->pos == rd->last) {
        return NGX_OK;
    }

    if (ngx_oof_zone_name(rd) != NGX_OK
        || ngx_oof_zone_time(rd, &time) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* west of Greenwich is positive there */

    zone->footer = 1;
    zone->standard = (int32_t) -time;

    if (rd->pos == rd->last) {
        return NGX_OK;
    }

    zone->saving = 1;
    zone->daylight = zone->standard + 3600;

    if (ngx_oof_zone_name(rd) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (rd->pos < rd->last && *rd->pos != ',') {
        if (ngx_oof_zone_time(rd, &time) != NGX_OK) {
            return NGX_DECLINED;
        }

        zone->daylight = (int32_t) -time;
    }

    if (ngx_oof_zone_rule(rd, &zone->begin) != NGX_OK
        || ngx_oof_zone_rule(rd, &zone->end) != NGX_OK
        || rd->pos != rd->last)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* "BRT" or "<-03>" */

static ngx_int_t
ngx_oof_zone_name(ngx_oof_zone_reader_t *rd)
{
    u_char  *p;

    p = rd->pos;

    if (p < rd->last && *p == '<') {
        p = ngx_strlchr(p, rd->last, '>');

        if (p == NULL) {
            return NGX_DECLINED;
        }

        rd->pos = p + 1;

        return NGX_OK;
    }

    while (p < rd->last && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') {
        p++;
    }

    if (p - rd->pos < 3) {
        return NGX_DECLINED;
    }

    rd->pos = p;

    return NGX_OK;
}


/* [+-]hh[:mm[:ss]], to 167 hours as RFC 8536 extends it */

static ngx_int_t
ngx_oof_zone_time(ngx_oof_zone_reader_t *rd, int64_t *time)
{
    ngx_int_t   n, sign;
    ngx_uint_t  i, unit;

    sign = 1;

    if (rd->pos < rd->last && (*rd->pos == '-' || *rd->pos == '+')) {
        sign = (*rd->pos++ == '-') ? -1 : 1;
    }

    *time = 0;

    for (i = 0, unit = 3600; i < 3; i++, unit /= 60) {

        n = ngx_oof_zone_int(rd, 0, i ? 59 : 167);

        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        *time += n * (ngx_int_t) unit;

        if (rd->pos == rd->last || *rd->pos != ':') {
            break;
        }

        rd->pos++;
    }

    *time *= sign;

    return NGX_OK;
}


/* ",M10.3.0/0", ",J60" or ",59", each with an optional time */

static ngx_int_t
ngx_oof_zone_rule(ngx_oof_zone_reader_t *rd, ngx_oof_zone_rule_t *rule)
{
    if (rd->last - rd->pos < 2 || *rd->pos++ != ',') {
        return NGX_DECLINED;
    }

    if (*rd->pos == 'M') {
        rd->pos++;
        rule->kind = 'M';
        rule->month = ngx_oof_zone_int(rd, 1, 12);

        if (rd->pos == rd->last || *rd->pos++ != '.') {
            return NGX_DECLINED;
        }

        rule->week = ngx_oof_zone_int(rd, 1, 5);

        if (rd->pos == rd->last || *rd->pos++ != '.') {
            return NGX_DECLINED;
        }

        rule->day = ngx_oof_zone_int(rd, 0, 6);

    } else if (*rd->pos == 'J') {
        rd->pos++;
        rule->kind = 'J';
        rule->day = ngx_oof_zone_int(rd, 1, 365);

    } else {
        rule->kind = 'n';
        rule->day = ngx_oof_zone_int(rd, 0, 365);
    }

    if (rule->month < 0 || rule->week < 0 || rule->day < 0) {
        return NGX_DECLINED;
    }

    rule->time = 7200;

    if (rd->pos < rd->last && *rd->pos == '/') {
        rd->pos++;
        return ngx_oof_zone_time(rd, &rule->time);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_zone_int(ngx_oof_zone_reader_t *rd, ngx_int_t min, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_oof_clock_number(&rd->pos, rd->last, 1, 3);

    return (n < min || n > max) ? NGX_ERROR : n;
}


ngx_int_t
ngx_oof_clock_init(ngx_conf_t *cf)
{
    size_t   len;
    u_char  *buf;

    buf = ngx_alloc(NGX_OOF_ZONE_FILE_MAX, cf->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_zone_read(cf, buf, &len) != NGX_OK
        || ngx_oof_clock_zone(buf, len) != NGX_OK)
    {
        ngx_memzero(&ngx_oof_zone, sizeof(ngx_oof_zone_t));
        ngx_oof_zone.first = NGX_OOF_ZONE_FALLBACK;

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no zone in \"" NGX_OOF_ZONE_FILE "\": Brasilia "
                           "is taken to be at -03:00 always (install tzdata)");
    }

    ngx_free(buf);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_zone_read(ngx_conf_t *cf, u_char *buf, size_t *len)
{
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_str_t  name = ngx_string(NGX_OOF_ZONE_FILE);

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, buf, NGX_OOF_ZONE_FILE_MAX);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", &name);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &name);
    }

    if (n == -1) {
        return NGX_ERROR;
    }

    *len = n;

    return NGX_OK;
}


ngx_int_t
ngx_oof_clock_init_process(ngx_cycle_t *cycle)
{
    ngx_oof_shared_t      *shared;
    ngx_oof_main_conf_t   *omcf;
    ngx_oof_database_t   **databases;

    omcf = ngx_oof_main_conf(cycle);

    shared = omcf->zone->data;

    ngx_oof_clock = &shared->clock;
    ngx_oof_clock_test = omcf->test_clock;

    databases = omcf->databases.elts;
    ngx_oof_clock_db = omcf->databases.nelts ? databases[0] : NULL;

    if (!ngx_oof_clock_test || ngx_oof_clock_db == NULL || ngx_worker != 0) {
        return NGX_OK;
    }

    ngx_oof_clock_timer.handler = ngx_oof_clock_poll;
    ngx_oof_clock_timer.log = cycle->log;
    ngx_oof_clock_timer.data = cycle;
    ngx_oof_clock_timer.cancelable = 1;

    ngx_add_timer(&ngx_oof_clock_timer, 1);

    return NGX_OK;
}


static void
ngx_oof_clock_poll(ngx_event_t *ev)
{
    ngx_oof_pg_unit_t  *u;

    if (ngx_exiting) {
        return;
    }

    ngx_oof_clock_seen = ngx_oof_clock->changes;

    u = ngx_oof_pg_unit(ngx_oof_clock_db, NGX_OOF_PG_READ);

    if (u != NULL) {
        u->handler = ngx_oof_clock_polled;

        ngx_oof_pg_statement(u, &ngx_oof_sql_clock_get);

        if (ngx_oof_pg_send(u) == NGX_OK) {
            return;
        }
    }

    ngx_add_timer(ev, NGX_OOF_CLOCK_POLL);
}


static void
ngx_oof_clock_polled(ngx_oof_pg_unit_t *u)
{
    int64_t  seconds;

    /*
     * What another worker has set since the question was asked is newer than
     * the answer.
     */

    if (u->rc == NGX_OOF_PG_OK && ngx_oof_pg_rows(u, 0) == 1) {

        seconds = ngx_oof_pg_get_int(u, 0, 0, 0);

        if (ngx_oof_clock_seen == ngx_oof_clock->changes
            && seconds != ngx_oof_clock_offset()
            && ngx_oof_clock_set_offset(seconds) == NGX_OK)
        {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "rule clock is at an offset of %L s", seconds);
        }

        ngx_oof_clock->known = 1;
    }

    if (!ngx_exiting) {
        ngx_add_timer(&ngx_oof_clock_timer, ngx_oof_clock_interval());
    }
}


/* an idle host costs no more than it must */

static ngx_msec_t
ngx_oof_clock_interval(void)
{
    ngx_msec_t  idle;

    if (!ngx_oof_clock->known) {
        return NGX_OOF_CLOCK_HURRY;
    }

    idle = ngx_current_msec - (ngx_msec_t) ngx_oof_clock->used;

    return idle < NGX_OOF_CLOCK_USED ? NGX_OOF_CLOCK_OFTEN
                                     : NGX_OOF_CLOCK_POLL;
}
