
/*
 * Copyright (C) oof authors
 */


#include "tap.h"


static void  accepts(void);
static void  types(void);
static void  dates(void);
static void  garbage(void);


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    accepts();
    types();
    dates();
    garbage();

    return tap_done();
}


static void
accepts(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        ngx_uint_t   json;
        ngx_uint_t   jwt;
        const char  *value;
    } cases[] = {
        { 1, 1, "" },
        { 1, 1, "  " },
        { 1, 1, "*/*" },
        { 1, 1, "application/*" },
        { 1, 0, "application/json" },
        { 0, 1, "application/jwt" },
        { 1, 1, "application/jwt, application/json" },
        { 0, 1, "application/json;q=0, */*" },
        { 0, 1, "*/*, application/json;q=0.0" },
        { 1, 0, "application/*;q=0, application/json" },
        { 0, 0, "*/*;q=0" },
        { 1, 1, "*/*;q=1.000" },
        { 0, 0, "*/*;q=1.001" },
        { 0, 0, "*/*;q=0.0001" },
        { 0, 0, "*/*;q=.5" },
        { 0, 0, "*/*;q" },
        { 1, 1, "*/*;q=0.5;ext=1" },
        { 1, 1, "*/*;Q=1" },
        { 0, 0, "text/*" },
        { 0, 0, "*" },
        { 0, 0, ";" },
        { 0, 0, "," },
        { 1, 0, ",application/json," },
        { 0, 0, "*/json" },
        { 0, 0, "application/json/x" },
        { 1, 0, "application/json;charset=\"UTF-8\"" },
        { 0, 0, "application/json;charset=us-ascii" },
        { 1, 0, "application/json;charset=us-ascii, application/json" },
        { 0, 0, "application/json;charset=utf-8;q=0, application/json" },
        { 1, 0, "application/json ; q=0.1" },
        { 1, 0, "application/json;q=0, application/json;q=1" },
        { 0, 0, "\"application/json" },
        { 0, 0, NULL }
    };

    for (i = 0; cases[i].value; i++) {
        s.data = (u_char *) cases[i].value;
        s.len = ngx_strlen(s.data);

        is_int(ngx_oof_media_accepted(&s, "json"), cases[i].json,
               "json: \"%s\"", cases[i].value);
        is_int(ngx_oof_media_accepted(&s, "jwt"), cases[i].jwt,
               "jwt: \"%s\"", cases[i].value);
    }
}


static void
types(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        ngx_int_t    rc;
        const char  *value;
    } cases[] = {
        { NGX_OK, "application/json" },
        { NGX_OK, "APPLICATION/JSON" },
        { NGX_OK, " application/json ;charset=Utf-8" },
        { NGX_OK, "application/json;x=\"a;charset=latin1\"" },
        { 406, "application/json;charset=utf8" },
        { 406, "application/json;charset=\"\"" },
        { 415, "application/json x" },
        { 415, "application" },
        { 415, "application/" },
        { 415, "" },
        { 415, ";charset=utf-8" },
        { 415, "application/json;=x" },
        { 0, NULL }
    };

    for (i = 0; cases[i].value; i++) {
        s.data = (u_char *) cases[i].value;
        s.len = ngx_strlen(s.data);

        is_int(ngx_oof_media_check(&s, "json"), cases[i].rc, "type \"%s\"",
               cases[i].value);
    }
}


static void
dates(void)
{
    u_char      text[40];
    size_t      i;
    ngx_str_t   s;
    ngx_uint_t  good;

    static u_char  date[] = "Sat, 31 Dec 2026 23:59:59 GMT";

    s.data = date;
    s.len = sizeof(date) - 1;
    is_int(ngx_oof_media_date(&s), NGX_OK, "a date");

    s.len--;
    is_int(ngx_oof_media_date(&s), NGX_DECLINED, "its last letter is missing");

    /* a wrong character in each place */

    good = 1;

    for (i = 0; i < sizeof(date) - 1; i++) {
        ngx_memcpy(text, date, sizeof(date));
        text[i] = '~';

        s.data = text;
        s.len = sizeof(date) - 1;

        if (ngx_oof_media_date(&s) != NGX_DECLINED) {
            good = 0;
        }
    }

    ok(good, "each character counts");
}


/* nothing that comes is read beyond its end: a job for the sanitizers */

static void
garbage(void)
{
    u_char      *p;
    size_t       n;
    ngx_str_t    s;
    ngx_uint_t   i, j;

    static u_char  alphabet[] = "application/json;q=0.1,*\"\\ \tcharset=utf-8";

    srandom(1);

    for (i = 0; i < 200000; i++) {
        n = random() % 24;

        p = ngx_alloc(n ? n : 1, tap_log);

        for (j = 0; j < n; j++) {
            p[j] = alphabet[random() % (sizeof(alphabet) - 1)];
        }

        s.data = p;
        s.len = n;

        (void) ngx_oof_media_accepted(&s, "json");
        (void) ngx_oof_media_check(&s, "json");
        (void) ngx_oof_media_date(&s);

        ngx_free(p);
    }

    ok(1, "garbage does no harm");
}
