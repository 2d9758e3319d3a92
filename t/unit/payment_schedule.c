
/*
 * Copyright (C) oof authors
 */


/* spec 2.6, 7.34, 7.43: schedules and their days */


#include "payment.h"


static ngx_str_t
days(ngx_oof_payment_schedule_t *schedule)
{
    u_char      *p;
    ngx_str_t    s;
    ngx_uint_t   i;

    s.data = ngx_pnalloc(tap_pool, 16 * NGX_OOF_PAYMENT_MAX);
    p = s.data;

    for (i = 0; i < schedule->n; i++) {
        if (i) {
            *p++ = ' ';
        }

        p = ngx_oof_payment_day_format(p, schedule->days[i]);
    }

    s.len = p - s.data;

    return s;
}


static void
expand(void)
{
    json_t                      *payment;
    ngx_str_t                    s;
    ngx_uint_t                   i;
    ngx_oof_payment_schedule_t   schedule;

    static struct {
        const char                  *payment;
        ngx_oof_payment_schedule_e   kind;
        const char                  *days;
    } cases[] = {
        { "{\"date\":\"2026-11-24\"}", NGX_OOF_SCHEDULE_NONE, "2026-11-24" },

        { "{\"schedule\":{\"single\":{\"date\":\"2028-02-29\"}}}",
          NGX_OOF_SCHEDULE_SINGLE, "2028-02-29" },

        { "{\"schedule\":{\"daily\":{\"startDate\":\"2027-12-30\","
          "\"quantity\":4}}}", NGX_OOF_SCHEDULE_DAILY,
          "2027-12-30 2027-12-31 2028-01-01 2028-01-02" },
        { "{\"schedule\":{\"daily\":{\"startDate\":\"2028-02-28\","
          "\"quantity\":3}}}", NGX_OOF_SCHEDULE_DAILY,
          "2028-02-28 2028-02-29 2028-03-01" },
        { "{\"schedule\":{\"daily\":{\"startDate\":\"2027-02-28\","
          "\"quantity\":2}}}", NGX_OOF_SCHEDULE_DAILY,
          "2027-02-28 2027-03-01" },

        /* 2026-11-24 is a Tuesday */

        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"TERCA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":3}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-24 2026-12-01 2026-12-08" },
        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"SEGUNDA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-30 2026-12-07" },
        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"QUARTA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-25 2026-12-02" },
        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"QUINTA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-26 2026-12-03" },
        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"SEXTA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-27 2026-12-04" },
        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"SABADO\","
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-28 2026-12-05" },
        { "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"DOMINGO\","
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_WEEKLY, "2026-11-29 2026-12-06" },

        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":10,"
          "\"startDate\":\"2026-11-24\",\"quantity\":3}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2026-12-10 2027-01-10 2027-02-10" },
        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":24,"
          "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2026-11-24 2026-12-24" },

        /* a month that lacks the day has it on the 1st of the next */

        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":31,"
          "\"startDate\":\"2026-11-24\",\"quantity\":6}}}",
          NGX_OOF_SCHEDULE_MONTHLY,
          "2026-12-01 2026-12-31 2027-01-31 2027-03-01 2027-03-31 "
          "2027-05-01" },
        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":30,"
          "\"startDate\":\"2028-01-30\",\"quantity\":3}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2028-01-30 2028-03-01 2028-03-30" },
        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":29,"
          "\"startDate\":\"2028-01-30\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2028-02-29 2028-03-29" },
        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":29,"
          "\"startDate\":\"2027-01-30\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2027-03-01 2027-03-29" },
        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":31,"
          "\"startDate\":\"2027-03-01\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2027-03-31 2027-05-01" },
        { "{\"schedule\":{\"monthly\":{\"dayOfMonth\":1,"
          "\"startDate\":\"2027-12-02\",\"quantity\":2}}}",
          NGX_OOF_SCHEDULE_MONTHLY, "2028-01-01 2028-02-01" },

        { "{\"schedule\":{\"custom\":{\"dates\":[\"2027-03-01\","
          "\"2027-1-5\",\"2027-02-28\"]}}}", NGX_OOF_SCHEDULE_CUSTOM,
          "2027-01-05 2027-02-28 2027-03-01" }
    };

    static const char  *bad[] = {
        "{}",
        "{\"date\":\"2026-11-24\",\"schedule\":{\"single\":"
        "{\"date\":\"2026-11-25\"}}}",
        "{\"date\":\"2026-02-30\"}",
        "{\"date\":1}",
        "{\"schedule\":{}}",
        "{\"schedule\":1}",
        "{\"schedule\":{\"single\":{}}}",
        "{\"schedule\":{\"single\":{\"date\":\"2026-11-25\"},\"daily\":"
        "{\"startDate\":\"2026-11-25\",\"quantity\":2}}}",
        "{\"schedule\":{\"daily\":{\"startDate\":\"2026-11-25\"}}}",
        "{\"schedule\":{\"daily\":{\"quantity\":3}}}",
        "{\"schedule\":{\"daily\":{\"startDate\":\"2026-11-25\","
        "\"quantity\":61}}}",
        "{\"schedule\":{\"daily\":{\"startDate\":\"2026-11-25\","
        "\"quantity\":-9223372036854775808}}}",
        "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"FERIADO\","
        "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
        "{\"schedule\":{\"monthly\":{\"dayOfMonth\":0,"
        "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
        "{\"schedule\":{\"monthly\":{\"dayOfMonth\":32,"
        "\"startDate\":\"2026-11-24\",\"quantity\":2}}}",
        "{\"schedule\":{\"monthly\":{\"dayOfMonth\":1,"
        "\"startDate\":\"2026-11-24\",\"quantity\":25}}}",
        "{\"schedule\":{\"custom\":{}}}",
        "{\"schedule\":{\"custom\":{\"dates\":{}}}}",
        "{\"schedule\":{\"custom\":{\"dates\":[]}}}",
        "{\"schedule\":{\"custom\":{\"dates\":[\"2027-01-05\","
        "\"2027-1-5\"]}}}"
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        payment = json(cases[i].payment);

        is_int(ngx_oof_payment_schedule_expand(payment, &schedule), NGX_OK,
               "%s", cases[i].payment);
        is_int(schedule.kind, cases[i].kind, "its kind");
        s = days(&schedule);
        is_str(&s, cases[i].days, "its days");

        json_decref(payment);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        payment = json(bad[i]);
        is_int(ngx_oof_payment_schedule_expand(payment, &schedule),
               NGX_DECLINED, "%s", bad[i]);
        json_decref(payment);
    }
}


/* days of a consent, as it is created at an instant */

static void
limits(void)
{
    json_t                      *payment;
    ngx_int_t                    rc;
    ngx_uint_t                   i, version;
    ngx_oof_payment_verdict_t    v;
    ngx_oof_payment_schedule_t   schedule;

    static struct {
        const char  *now;
        const char  *payment;
        ngx_uint_t   v4;
        ngx_uint_t   v5;
    } cases[] = {

        /* today is Brasilia's, also when it is tomorrow in UTC */

        { "2026-11-24T12:00:00Z", "{\"date\":\"2026-11-24\"}", 1, 1 },
        { "2026-11-24T12:00:00Z", "{\"date\":\"2026-11-25\"}", 0, 0 },
        { "2026-11-24T12:00:00Z", "{\"date\":\"2026-11-23\"}", 0, 0 },
        { "2026-11-25T00:00:00Z", "{\"date\":\"2026-11-24\"}", 1, 1 },
        { "2026-11-25T02:59:59Z", "{\"date\":\"2026-11-24\"}", 1, 1 },
        { "2026-11-25T02:59:59Z", "{\"date\":\"2026-11-25\"}", 0, 0 },
        { "2026-11-25T03:00:00Z", "{\"date\":\"2026-11-24\"}", 0, 0 },
        { "2026-11-25T03:00:00Z", "{\"date\":\"2026-11-25\"}", 1, 1 },
        { "2027-01-01T02:30:00Z", "{\"date\":\"2026-12-31\"}", 1, 1 },
        { "2028-03-01T01:30:00Z", "{\"date\":\"2028-02-29\"}", 1, 1 },
        { "2027-03-01T01:30:00Z", "{\"date\":\"2027-02-28\"}", 1, 1 },

        /* one day: tomorrow, to 730 days (v4) or two years (v5) */

        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2026-11-24\"}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2026-11-25\"}}}", 1, 1 },
        { "2026-11-25T02:59:59Z",
          "{\"schedule\":{\"single\":{\"date\":\"2026-11-25\"}}}", 1, 1 },
        { "2026-11-25T03:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2026-11-25\"}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2028-11-23\"}}}", 1, 1 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2028-11-24\"}}}", 0, 1 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2028-11-25\"}}}", 0, 0 },
        { "2025-11-24T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2027-11-24\"}}}", 1, 1 },
        { "2026-07-10T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2028-07-10\"}}}", 0, 1 },
        { "2028-02-29T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2030-02-28\"}}}", 1, 1 },
        { "2028-02-29T12:00:00Z",
          "{\"schedule\":{\"single\":{\"date\":\"2030-03-01\"}}}", 0, 0 },

        /* several: the last one within two years */

        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"monthly\":{\"dayOfMonth\":24,"
          "\"startDate\":\"2026-12-24\",\"quantity\":24}}}", 1, 1 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"monthly\":{\"dayOfMonth\":25,"
          "\"startDate\":\"2026-12-25\",\"quantity\":24}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"TERCA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":3}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"weekly\":{\"dayOfWeek\":\"SEGUNDA_FEIRA\","
          "\"startDate\":\"2026-11-24\",\"quantity\":60}}}", 1, 1 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"daily\":{\"startDate\":\"2026-11-25\","
          "\"quantity\":60}}}", 1, 1 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"daily\":{\"startDate\":\"2028-11-23\","
          "\"quantity\":2}}}", 1, 1 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"daily\":{\"startDate\":\"2028-11-23\","
          "\"quantity\":3}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"custom\":{\"dates\":[\"2028-11-25\","
          "\"2026-11-25\"]}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"custom\":{\"dates\":[\"2028-11-24\","
          "\"2026-11-24\"]}}}", 0, 0 },
        { "2026-11-24T12:00:00Z",
          "{\"schedule\":{\"custom\":{\"dates\":[\"2028-11-24\","
          "\"2026-11-25\"]}}}", 1, 1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        payment = json(cases[i].payment);

        if (ngx_oof_payment_schedule_expand(payment, &schedule) != NGX_OK) {
            tap_bail(cases[i].payment);
        }

        for (version = 4; version <= 5; version++) {
            rc = ngx_oof_payment_schedule_days(tap_pool, version,
                                               instant(cases[i].now),
                                               &schedule, &v);

            is_int(rc, (version == 4 ? cases[i].v4 : cases[i].v5)
                       ? NGX_OK : NGX_DECLINED,
                   "v%lu at %s: %s", (unsigned long) version, cases[i].now,
                   cases[i].payment);

            if (rc != NGX_OK) {
                is_str(&v.code, "DATA_PAGAMENTO_INVALIDA", "its code");
            }
        }

        json_decref(payment);
    }
}


static void
form(void)
{
    json_t                      *payment;
    ngx_int_t                    rc;
    ngx_uint_t                   i, version;
    const char                  *want;
    ngx_oof_payment_verdict_t    v;
    ngx_oof_payment_schedule_t   schedule;

    static struct {
        const char  *payment;
        const char  *v4;
        const char  *v5;
        const char  *detail;
    } cases[] = {
        { "{\"date\":\"2026-11-24\"}", NULL, NULL, NULL },

        { "{}", "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
          "Parâmetro payment.date obrigatório não informado." },

        { "{\"date\":\"2026-11-24\",\"schedule\":{\"single\":{\"date\":"
          "\"2026-11-25\"},\"additionalInformation\":\"x\"}}",
          "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA",
          "Data de pagamento inválida para a forma de pagamento "
          "selecionada." },

        { "{\"schedule\":{\"single\":{\"date\":\"2026-11-25\"}}}",
          NULL, "PARAMETRO_NAO_INFORMADO",
          "Parâmetro payment.schedule.additionalInformation obrigatório não "
          "informado." },

        { "{\"schedule\":{\"additionalInformation\":\"x\"}}",
          "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
          "Parâmetro payment.schedule obrigatório não informado." },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"daily\":"
          "{\"startDate\":\"2026-11-25\",\"quantity\":1}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Parâmetro payment.schedule não obedece as regras de formatação "
          "esperadas." },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"daily\":"
          "{\"startDate\":\"2026-11-25\",\"quantity\":61}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Quantidade permitida de pagamentos excedida" },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"weekly\":"
          "{\"startDate\":\"2026-11-25\",\"quantity\":61,"
          "\"dayOfWeek\":\"DOMINGO\"}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Quantidade permitida de pagamentos excedida" },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"monthly\":"
          "{\"startDate\":\"2026-11-25\",\"quantity\":25,"
          "\"dayOfMonth\":1}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Quantidade permitida de pagamentos excedida" },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"custom\":"
          "{\"dates\":[\"2027-01-01\"]}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Parâmetro payment.schedule não obedece as regras de formatação "
          "esperadas." },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"custom\":"
          "{\"dates\":[\"2027-01-01\",\"2027-01-01\"]}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Parâmetro payment.schedule não obedece as regras de formatação "
          "esperadas." },

        { "{\"schedule\":{\"additionalInformation\":\"x\",\"single\":"
          "{\"date\":\"2027-01-01\"},\"custom\":"
          "{\"dates\":[\"2027-01-01\",\"2027-01-02\"]}}}",
          "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
          "Parâmetro payment.schedule não obedece as regras de formatação "
          "esperadas." }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        payment = json(cases[i].payment);

        for (version = 4; version <= 5; version++) {
            want = (version == 4) ? cases[i].v4 : cases[i].v5;

            rc = ngx_oof_payment_schedule_form(tap_pool, version, payment,
                                               &schedule, &v);

            is_int(rc, want ? NGX_DECLINED : NGX_OK, "v%lu: %s",
                   (unsigned long) version, cases[i].payment);

            if (want) {
                is_str(&v.code, want, "its code");
                is_str(&v.detail, cases[i].detail, "its detail");
            }
        }

        json_decref(payment);
    }

    /* sixty dates, and one more */

    payment = json("{\"schedule\":{\"additionalInformation\":\"x\",\"custom\":"
                   "{\"dates\":[]}}}");

    for (i = 0; i < 61; i++) {
        ngx_str_t  s;
        char       buf[64];

        s = date(day("2027-01-01") + 3 * (int64_t) i);
        snprintf(buf, sizeof(buf), "schedule.custom.dates.%lu=\"%s\"",
                 (unsigned long) i, s.data);
        edit(payment, buf);

        if (i == 59) {
            is_int(ngx_oof_payment_schedule_form(tap_pool, 5, payment,
                                                 &schedule, &v),
                   NGX_OK, "sixty dates");
            is_int(schedule.n, 60, "are sixty payments");
        }
    }

    is_int(ngx_oof_payment_schedule_form(tap_pool, 5, payment, &schedule, &v),
           NGX_DECLINED, "sixty-one are too many");
    is_str(&v.detail, "Quantidade permitida de pagamentos excedida",
           "and told so");

    json_decref(payment);
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    zone();
    expand();
    limits();
    form();

    return tap_done();
}
