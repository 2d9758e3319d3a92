
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_schedule.h>


#define NGX_OOF_SCHEDULE_LEAST   2
#define NGX_OOF_SCHEDULE_MONTHS  24       /* payments of a monthly one */
#define NGX_OOF_SCHEDULE_YEARS   2
#define NGX_OOF_SCHEDULE_SINGLE_DAYS  730


typedef struct {
    ngx_str_t                    name;
    ngx_oof_payment_schedule_e   kind;
    json_int_t                   most;    /* payments */
    ngx_int_t                  (*expand)(json_t *of, ngx_uint_t n,
                                         ngx_oof_payment_schedule_t *schedule);
} ngx_oof_schedule_kind_t;


static ngx_oof_schedule_kind_t *ngx_oof_schedule_kind(json_t *schedule,
    json_t **of);
static json_int_t ngx_oof_schedule_number(ngx_oof_schedule_kind_t *kind,
    json_t *of);
static ngx_int_t ngx_oof_schedule_single(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule);
static ngx_int_t ngx_oof_schedule_daily(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule);
static ngx_int_t ngx_oof_schedule_weekly(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule);
static ngx_int_t ngx_oof_schedule_monthly(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule);
static ngx_int_t ngx_oof_schedule_custom(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule);
static int ngx_libc_cdecl ngx_oof_schedule_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_oof_schedule_day(json_t *value, int64_t *day);
static ngx_int_t ngx_oof_schedule_refuse(ngx_pool_t *pool,
    ngx_uint_t version, ngx_oof_payment_code_e code, const char *param,
    ngx_oof_payment_verdict_t *verdict);
static ngx_int_t ngx_oof_schedule_too_many(ngx_pool_t *pool,
    ngx_uint_t version, ngx_oof_payment_verdict_t *verdict);


static ngx_oof_schedule_kind_t  ngx_oof_schedule_kinds[] = {

    { ngx_string("single"), NGX_OOF_SCHEDULE_SINGLE, 1,
      ngx_oof_schedule_single },

    { ngx_string("daily"), NGX_OOF_SCHEDULE_DAILY, NGX_OOF_PAYMENT_MAX,
      ngx_oof_schedule_daily },

    { ngx_string("weekly"), NGX_OOF_SCHEDULE_WEEKLY, NGX_OOF_PAYMENT_MAX,
      ngx_oof_schedule_weekly },

    { ngx_string("monthly"), NGX_OOF_SCHEDULE_MONTHLY,
      NGX_OOF_SCHEDULE_MONTHS, ngx_oof_schedule_monthly },

    { ngx_string("custom"), NGX_OOF_SCHEDULE_CUSTOM, NGX_OOF_PAYMENT_MAX,
      ngx_oof_schedule_custom },

    { ngx_null_string, NGX_OOF_SCHEDULE_NONE, 0, NULL }
};


/* in the order of ngx_oof_payment_weekday() */

static const char  *ngx_oof_schedule_weekdays[] = {
    "SEGUNDA_FEIRA", "TERCA_FEIRA", "QUARTA_FEIRA", "QUINTA_FEIRA",
    "SEXTA_FEIRA", "SABADO", "DOMINGO"
};


ngx_int_t
ngx_oof_payment_schedule_expand(json_t *payment,
    ngx_oof_payment_schedule_t *schedule)
{
    json_t                   *date, *plan, *of;
    json_int_t                n;
    ngx_oof_schedule_kind_t  *kind;

    date = json_object_get(payment, "date");
    plan = json_object_get(payment, "schedule");

    if ((date == NULL) == (plan == NULL)) {
        return NGX_DECLINED;
    }

    if (date) {
        schedule->kind = NGX_OOF_SCHEDULE_NONE;
        schedule->n = 1;

        return ngx_oof_schedule_day(date, &schedule->days[0]);
    }

    kind = ngx_oof_schedule_kind(plan, &of);

    if (kind == NULL || of == NULL) {
        return NGX_DECLINED;
    }

    n = ngx_oof_schedule_number(kind, of);

    if (n < 1 || n > kind->most) {
        return NGX_DECLINED;
    }

    schedule->kind = kind->kind;
    schedule->n = n;

    return kind->expand(of, n, schedule);
}


/*
 * The kind of a schedule; NULL when there is none, and "of" is NULL too when
 * there are several.
 */

static ngx_oof_schedule_kind_t *
ngx_oof_schedule_kind(json_t *schedule, json_t **of)
{
    json_t                   *value;
    ngx_oof_schedule_kind_t  *kind, *found;

    found = NULL;
    *of = NULL;

    for (kind = ngx_oof_schedule_kinds; kind->name.len; kind++) {

        value = json_object_get(schedule, (char *) kind->name.data);

        if (value == NULL) {
            continue;
        }

        if (found) {
            *of = NULL;
            return found;
        }

        found = kind;
        *of = value;
    }

    return found;
}


/* the number of payments, 0 when it is not there */

static json_int_t
ngx_oof_schedule_number(ngx_oof_schedule_kind_t *kind, json_t *of)
{
    if (kind->kind == NGX_OOF_SCHEDULE_SINGLE) {
        return 1;
    }

    if (kind->kind == NGX_OOF_SCHEDULE_CUSTOM) {
        return json_array_size(json_object_get(of, "dates"));
    }

    return json_integer_value(json_object_get(of, "quantity"));
}


static ngx_int_t
ngx_oof_schedule_single(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule)
{
    return ngx_oof_schedule_day(json_object_get(of, "date"),
                                &schedule->days[0]);
}


static ngx_int_t
ngx_oof_schedule_daily(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule)
{
    int64_t     start;
    ngx_uint_t  i;

    if (ngx_oof_schedule_day(json_object_get(of, "startDate"), &start)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        schedule->days[i] = start + (int64_t) i;
    }

    return NGX_OK;
}


/* the first such day of the week that is not before the start */

static ngx_int_t
ngx_oof_schedule_weekly(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule)
{
    int64_t     start;
    ngx_str_t   name;
    ngx_uint_t  i, weekday;

    if (ngx_oof_schedule_day(json_object_get(of, "startDate"), &start)
        != NGX_OK
        || ngx_oof_json_get_str(of, "dayOfWeek", &name) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (weekday = 0; weekday < 7; weekday++) {

        if (ngx_strcmp(name.data, ngx_oof_schedule_weekdays[weekday]) == 0) {
            break;
        }
    }

    if (weekday == 7) {
        return NGX_DECLINED;
    }

    start += ((ngx_int_t) weekday - ngx_oof_payment_weekday(start) + 7) % 7;

    for (i = 0; i < n; i++) {
        schedule->days[i] = start + 7 * (int64_t) i;
    }

    return NGX_OK;
}


/*
 * The first such day of a month that is not before the start, and then each
 * month.  Where a month lacks the day, the day after its last one is taken:
 * the 31st of February is the 1st of March.
 */

static ngx_int_t
ngx_oof_schedule_monthly(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule)
{
    int64_t         start;
    json_int_t      day;
    ngx_uint_t      i;
    ngx_oof_date_t  date;

    day = json_integer_value(json_object_get(of, "dayOfMonth"));

    if (ngx_oof_schedule_day(json_object_get(of, "startDate"), &start)
        != NGX_OK
        || day < 1 || day > 31)
    {
        return NGX_DECLINED;
    }

    ngx_oof_clock_date(start, &date);

    if (day < date.day) {
        date.month++;
    }

    for (i = 0; i < n; i++, date.month++) {

        if (date.month > 12) {
            date.month -= 12;
            date.year++;
        }

        date.day = ngx_min(day, ngx_oof_clock_month_days(date.year,
                                                         date.month));

        schedule->days[i] = ngx_oof_clock_day(&date)
                            + (date.day < day ? 1 : 0);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_schedule_custom(json_t *of, ngx_uint_t n,
    ngx_oof_payment_schedule_t *schedule)
{
    json_t      *dates;
    ngx_uint_t   i;

    dates = json_object_get(of, "dates");

    for (i = 0; i < n; i++) {

        if (ngx_oof_schedule_day(json_array_get(dates, i),
                                 &schedule->days[i])
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    ngx_qsort(schedule->days, n, sizeof(int64_t), ngx_oof_schedule_cmp);

    /* 2027-1-5 and 2027-01-05 are one day */

    for (i = 1; i < n; i++) {

        if (schedule->days[i] == schedule->days[i - 1]) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_oof_schedule_cmp(const void *one, const void *two)
{
    int64_t  a, b;

    a = *(const int64_t *) one;
    b = *(const int64_t *) two;

    return (a > b) - (a < b);
}


static ngx_int_t
ngx_oof_schedule_day(json_t *value, int64_t *day)
{
    ngx_str_t       s;
    ngx_oof_date_t  date;

    if (!json_is_string(value)) {
        return NGX_DECLINED;
    }

    s.data = (u_char *) json_string_value(value);
    s.len = json_string_length(value);

    if (ngx_oof_clock_parse_date(&s, &date) != NGX_OK) {
        return NGX_DECLINED;
    }

    *day = ngx_oof_clock_day(&date);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_schedule_form(ngx_pool_t *pool, ngx_uint_t version,
    json_t *payment, ngx_oof_payment_schedule_t *schedule,
    ngx_oof_payment_verdict_t *verdict)
{
    json_t                   *date, *plan, *of;
    json_int_t                n;
    ngx_oof_schedule_kind_t  *kind;

    date = json_object_get(payment, "date");
    plan = json_object_get(payment, "schedule");

    if (date == NULL && plan == NULL) {
        return ngx_oof_schedule_refuse(pool, version,
                                       NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                       "payment.date", verdict);
    }

    if (date && plan) {
        return ngx_oof_schedule_refuse(pool, version,
                                       NGX_OOF_CODE_DATA_PAGAMENTO_INVALIDA,
                                       NULL, verdict);
    }

    if (plan) {
        kind = ngx_oof_schedule_kind(plan, &of);

        if (kind == NULL) {
            return ngx_oof_schedule_refuse(pool, version,
                                        NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                        "payment.schedule", verdict);
        }

        if (version >= 5
            && json_object_get(plan, "additionalInformation") == NULL)
        {
            return ngx_oof_schedule_refuse(pool, version,
                                    NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                    "payment.schedule.additionalInformation",
                                    verdict);
        }

        if (of) {
            n = ngx_oof_schedule_number(kind, of);

            if (n > kind->most) {
                return ngx_oof_schedule_too_many(pool, version, verdict);
            }

            if (n < NGX_OOF_SCHEDULE_LEAST
                && kind->kind != NGX_OOF_SCHEDULE_SINGLE)
            {
                of = NULL;
            }
        }

        if (of == NULL) {
            return ngx_oof_schedule_refuse(pool, version,
                                           NGX_OOF_CODE_PARAMETRO_INVALIDO,
                                           "payment.schedule", verdict);
        }
    }

    if (ngx_oof_payment_schedule_expand(payment, schedule) != NGX_OK) {
        return ngx_oof_schedule_refuse(pool, version,
                                       NGX_OOF_CODE_PARAMETRO_INVALIDO,
                                       plan ? "payment.schedule"
                                            : "payment.date",
                                       verdict);
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_schedule_days(ngx_pool_t *pool, ngx_uint_t version,
    int64_t now, ngx_oof_payment_schedule_t *schedule,
    ngx_oof_payment_verdict_t *verdict)
{
    int64_t     today, first, last, limit;
    ngx_uint_t  good;

    today = ngx_oof_clock_today(now);
    first = schedule->days[0];
    last = schedule->days[schedule->n - 1];

    if (schedule->kind == NGX_OOF_SCHEDULE_NONE) {
        good = (first == today);

    } else {
        limit = (version < 5 && schedule->kind == NGX_OOF_SCHEDULE_SINGLE)
                ? today + NGX_OOF_SCHEDULE_SINGLE_DAYS
                : ngx_oof_payment_years_later(today, NGX_OOF_SCHEDULE_YEARS);

        good = (first > today && last <= limit);
    }

    if (good) {
        return NGX_OK;
    }

    return ngx_oof_schedule_refuse(pool, version,
                                   NGX_OOF_CODE_DATA_PAGAMENTO_INVALIDA, NULL,
                                   verdict);
}


static ngx_int_t
ngx_oof_schedule_refuse(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_code_e code, const char *param,
    ngx_oof_payment_verdict_t *verdict)
{
    ngx_str_t  s;

    s.data = (u_char *) param;
    s.len = param ? ngx_strlen(param) : 0;

    return ngx_oof_payment_refuse(pool, version, NGX_OOF_AT_CONSENT, code, &s,
                                  verdict);
}


/* the regulation has a detail of its own for this */

static ngx_int_t
ngx_oof_schedule_too_many(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_verdict_t *verdict)
{
    ngx_int_t  rc;

    rc = ngx_oof_schedule_refuse(pool, version,
                                 NGX_OOF_CODE_PARAMETRO_INVALIDO, NULL,
                                 verdict);

    ngx_str_set(&verdict->detail,
                "Quantidade permitida de pagamentos excedida");

    return rc;
}
