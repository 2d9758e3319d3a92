
/*
 * Copyright (C) oof authors
 */


/* spec 2.7: endToEndId */


#include "tap.h"

#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_e2eid.h>


#define v(a)  (sizeof(a) / sizeof(a[0]))


static void
parse(void)
{
    ngx_str_t                s;
    ngx_uint_t               i;
    ngx_oof_payment_e2eid_t  id;

    static struct {
        const char  *text;
        ngx_int_t    v4;
        ngx_int_t    v5;
    } cases[] = {
        { "E90400888202101280008001238731AZ", NGX_OK, NGX_OK },
        { "E9A400888202101280008001238731AZ", NGX_DECLINED, NGX_OK },
        { "E9a400888202101280008001238731AZ", NGX_DECLINED, NGX_DECLINED },
        { "e90400888202101280008001238731AZ", NGX_DECLINED, NGX_DECLINED },
        { "D90400888202101280008001238731AZ", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101280008001238731a", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101280008001238731abc", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101280008001238731a-", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101280008001238731a ", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202100280008001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202113280008001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101000008001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101320008001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101282408001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202101282360001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E9040088820210128236 001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E904008882021012x2330001238731az", NGX_DECLINED, NGX_DECLINED },
        { "E90400888202402311500001238731az", NGX_ABORT, NGX_ABORT },
        { "E90400888202302291500001238731az", NGX_ABORT, NGX_ABORT },
        { "E90400888202402291500001238731az", NGX_OK, NGX_OK },
        { "E90400888202404311500001238731az", NGX_ABORT, NGX_ABORT },
        { "E90400888202402311500001238731a_", NGX_DECLINED, NGX_DECLINED },
        { "", NGX_DECLINED, NGX_DECLINED }
    };

    for (i = 0; i < v(cases); i++) {
        s = str(cases[i].text);
        is_int(ngx_oof_payment_e2eid_parse(4, &s, &id), cases[i].v4,
               "v4 \"%s\"", cases[i].text);
        is_int(ngx_oof_payment_e2eid_parse(5, &s, &id), cases[i].v5,
               "v5 \"%s\"", cases[i].text);
    }

    s = str("E90400888202611241530abcDEF01234");
    is_int(ngx_oof_payment_e2eid_parse(4, &s, &id), NGX_OK, "one is read");
    is_str(&id.ispb, "90400888", "its ISPB");
    is_str(&id.sequence, "abcDEF01234", "its sequence");
    is_int(id.day, 20781, "its day");
    is_int(id.minutes, 15 * 60 + 30, "its minute");
}


static void
window(void)
{
    int64_t                  now;
    ngx_str_t                s;
    ngx_uint_t               i;
    ngx_oof_payment_e2eid_t  id;

    static struct {
        const char  *now;
        const char  *id;
        ngx_uint_t   timely;
        ngx_uint_t   fixed;
    } cases[] = {
        { "2026-11-24T15:00:00Z", "E90400888202611241500abcDEF01234", 1, 1 },
        { "2026-11-24T15:00:00Z", "E90400888202611240300abcDEF01234", 1, 0 },
        { "2026-11-24T15:00:01Z", "E90400888202611240300abcDEF01234", 0, 0 },
        { "2026-11-24T15:00:00Z", "E90400888202611240259abcDEF01234", 0, 0 },
        { "2026-11-24T15:00:00Z", "E90400888202611250300abcDEF01234", 1, 0 },
        { "2026-11-24T15:00:00Z", "E90400888202611250301abcDEF01234", 0, 0 },
        { "2026-11-24T15:00:00Z", "E90400888202611241501abcDEF01234", 1, 0 },

        /* 21:00 to 24:00 in Brasilia */
        { "2026-11-25T01:00:00Z", "E90400888202611250100abcDEF01234", 1, 0 },
        { "2026-11-25T01:00:00Z", "E90400888202611242330abcDEF01234", 1, 0 },

        /* over a new year, over a leap day */
        { "2027-01-01T02:00:00Z", "E90400888202612311500abcDEF01234", 1, 1 },
        { "2028-03-01T02:00:00Z", "E90400888202802291500abcDEF01234", 1, 1 },
        { "2027-03-01T02:00:00Z", "E90400888202702281500abcDEF01234", 1, 1 }
    };

    for (i = 0; i < v(cases); i++) {
        s = str(cases[i].now);

        if (ngx_oof_clock_parse(&s, &now) != NGX_OK) {
            tap_bail(cases[i].now);
        }

        s = str(cases[i].id);

        if (ngx_oof_payment_e2eid_parse(4, &s, &id) != NGX_OK) {
            tap_bail(cases[i].id);
        }

        is_int(ngx_oof_payment_e2eid_timely(&id, now), cases[i].timely,
               "%s at %s", cases[i].id, cases[i].now);
        is_int(ngx_oof_payment_e2eid_fixed(&id), cases[i].fixed,
               "%s, 15:00", cases[i].id);
    }
}


static void
key(void)
{
    u_char     one[NGX_OOF_E2EID_KEY], two[NGX_OOF_E2EID_KEY];
    ngx_str_t  brand, other, id;

    brand = str("cbanco");
    id = str("E90400888202611241530abcDEF01234");

    is_int(ngx_oof_payment_e2eid_key(&brand, &id, one), NGX_OK, "a key");
    (void) ngx_oof_payment_e2eid_key(&brand, &id, two);
    is_mem(one, two, NGX_OOF_E2EID_KEY, "is the same again");

    id = str("E90400888202611241530ABCDEF01234");
    (void) ngx_oof_payment_e2eid_key(&brand, &id, two);
    ok(ngx_memcmp(one, two, NGX_OOF_E2EID_KEY) != 0, "case matters");

    id = str("E90400888202611241530abcDEF01234");
    other = str("dbanco");
    (void) ngx_oof_payment_e2eid_key(&other, &id, two);
    ok(ngx_memcmp(one, two, NGX_OOF_E2EID_KEY) != 0, "each brand has its own");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    parse();
    window();
    key();

    return tap_done();
}
