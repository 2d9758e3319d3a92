
/*
 * Copyright (C) oof authors
 */


#include "tap.h"


static void  documents(void);
static void  bounds(void);
static void  scanners(void);
static void  urns(void);
static const char  *check(const char *text, ngx_uint_t max);


static ngx_str_t  colours[] = {
    ngx_string("RED"),
    ngx_string("GREEN"),
    ngx_null_string
};

static ngx_oof_schema_t  colour[] = {
    { ngx_null_string, NGX_OOF_SCHEMA_STRING, 0, 0, 0, NULL, colours, NULL }
};

static ngx_oof_schema_t  point[] = {
    { ngx_string("x"), NGX_OOF_SCHEMA_INTEGER, NGX_OOF_SCHEMA_REQUIRED,
      -5, 5, NULL, NULL, NULL },
    { ngx_string("y"), NGX_OOF_SCHEMA_INTEGER, 0, 0, 0, NULL, NULL, NULL },
    ngx_oof_schema_end
};

static ngx_oof_schema_t  points[] = {
    { ngx_null_string, NGX_OOF_SCHEMA_OBJECT, 0, 0, 0, NULL, NULL, point }
};

static ngx_oof_schema_t  data[] = {
    { ngx_string("name"), NGX_OOF_SCHEMA_STRING, NGX_OOF_SCHEMA_REQUIRED,
      2, 4, NULL, NULL, NULL },
    { ngx_string("cpf"), NGX_OOF_SCHEMA_STRING, 0, 0, 0,
      ngx_oof_scan_cpf, NULL, NULL },
    { ngx_string("when"), NGX_OOF_SCHEMA_STRING, 0, 0, 0,
      ngx_oof_scan_time, NULL, NULL },
    { ngx_string("colours"), NGX_OOF_SCHEMA_ARRAY, NGX_OOF_SCHEMA_UNIQUE,
      1, 0, NULL, NULL, colour },
    { ngx_string("points"), NGX_OOF_SCHEMA_ARRAY, 0, 0, 2, NULL, NULL,
      points },
    { ngx_string("flag"), NGX_OOF_SCHEMA_BOOLEAN, 0, 0, 0, NULL, NULL, NULL },
    ngx_oof_schema_end
};

static ngx_oof_schema_t  root[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT, NGX_OOF_SCHEMA_REQUIRED,
      0, 0, NULL, NULL, data },
    ngx_oof_schema_end
};


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    documents();
    bounds();
    scanners();
    urns();

    return tap_done();
}


static void
documents(void)
{
    ngx_uint_t   i;
    const char  *got;

    static struct {
        const char  *text;
        const char  *failures;
    } cases[] = {
        { "{\"data\":{\"name\":\"ab\"}}", "" },
        { "{\"data\":{\"name\":\"abcd\",\"cpf\":\"12345678901\","
          "\"when\":\"2026-02-28T00:00:00Z\",\"colours\":[\"RED\",\"GREEN\"],"
          "\"points\":[{\"x\":-5},{\"x\":5,\"y\":0}],\"flag\":true}}", "" },
        { "{\"data\":{\"name\":\"ab\",\"other\":{\"x\":\"y\"}},\"more\":1}",
          "" },

        { "{}", "data=1" },
        { "{\"data\":null}", "data=2" },
        { "{\"data\":[]}", "data=2" },
        { "{\"data\":\"x\"}", "data=2" },
        { "{\"data\":{}}", "data.name=1" },

        /* length, in characters */

        { "{\"data\":{\"name\":\"\"}}", "data.name=3" },
        { "{\"data\":{\"name\":\"a\"}}", "data.name=3" },
        { "{\"data\":{\"name\":\"abcde\"}}", "data.name=3" },
        { "{\"data\":{\"name\":\"\\u00e7\\u20ac\\ud83d\\ude00x\"}}", "" },
        { "{\"data\":{\"name\":\"\\u00e7\"}}", "data.name=3" },

        { "{\"data\":{\"name\":1}}", "data.name=2" },
        { "{\"data\":{\"name\":null}}", "data.name=2" },
        { "{\"data\":{\"name\":true}}", "data.name=2" },
        { "{\"data\":{\"name\":{}}}", "data.name=2" },

        { "{\"data\":{\"name\":\"ab\",\"cpf\":\"1234567890\"}}",
          "data.cpf=4" },
        { "{\"data\":{\"name\":\"ab\",\"when\":\"2026-02-30T00:00:00Z\"}}",
          "data.when=8" },
        { "{\"data\":{\"name\":\"ab\",\"when\":\"2026-02-28T00:00:00\"}}",
          "data.when=4" },

        { "{\"data\":{\"name\":\"ab\",\"colours\":[]}}", "data.colours=3" },
        { "{\"data\":{\"name\":\"ab\",\"colours\":{}}}", "data.colours=2" },
        { "{\"data\":{\"name\":\"ab\",\"colours\":[\"RED\",\"BLUE\"]}}",
          "data.colours[1]=5" },
        { "{\"data\":{\"name\":\"ab\",\"colours\":[\"red\"]}}",
          "data.colours[0]=5" },
        { "{\"data\":{\"name\":\"ab\",\"colours\":[\"\"]}}",
          "data.colours[0]=5" },
        { "{\"data\":{\"name\":\"ab\",\"colours\":[\"RED\",1]}}",
          "data.colours[1]=2" },
        { "{\"data\":{\"name\":\"ab\",\"colours\":[\"RED\",\"GREEN\","
          "\"RED\"]}}", "data.colours[2]=7" },

        { "{\"data\":{\"name\":\"ab\",\"points\":[{\"x\":6}]}}",
          "data.points[0].x=6" },
        { "{\"data\":{\"name\":\"ab\",\"points\":[{\"x\":-6}]}}",
          "data.points[0].x=6" },
        { "{\"data\":{\"name\":\"ab\",\"points\":[{\"x\":1.0}]}}",
          "data.points[0].x=2" },
        { "{\"data\":{\"name\":\"ab\",\"points\":[{\"x\":\"1\"}]}}",
          "data.points[0].x=2" },
        { "{\"data\":{\"name\":\"ab\",\"points\":[{\"x\":1,\"y\":-1}]}}",
          "data.points[0].y=6" },
        { "{\"data\":{\"name\":\"ab\",\"points\":[{\"x\":1},{}]}}",
          "data.points[1].x=1" },
        { "{\"data\":{\"name\":\"ab\",\"points\":[{},{},{}]}}",
          "data.points=3" },

        { "{\"data\":{\"name\":\"ab\",\"flag\":\"true\"}}", "data.flag=2" },
        { "{\"data\":{\"name\":\"ab\",\"flag\":1}}", "data.flag=2" },

        /* in order of the table, each value once */

        { "{\"data\":{\"flag\":1,\"points\":[{\"y\":-1},{\"x\":9}],"
          "\"name\":\"\"}}",
          "data.name=3 data.points[0].x=1 data.points[0].y=6 "
          "data.points[1].x=6 data.flag=2" },
        { NULL, NULL }
    };

    for (i = 0; cases[i].text; i++) {
        got = check(cases[i].text, 13);

        ok(ngx_strcmp(got, cases[i].failures) == 0, "%s: \"%s\"",
           cases[i].text, got);
    }
}


static void
bounds(void)
{
    u_char      *p;
    ngx_uint_t   i;
    ngx_str_t    text;
    const char  *got;

    got = check("{\"data\":{\"flag\":1,\"points\":[{\"y\":-1},{\"x\":9}]}}",
                2);
    ok(ngx_strcmp(got, "data.name=1 data.points[0].x=1") == 0,
       "no more than asked for: %s", got);

    got = check("{\"data\":{\"flag\":1}}", 1);
    ok(ngx_strcmp(got, "data.name=1") == 0, "one: %s", got);

    /* many items are no work for hours */

    text.data = ngx_palloc(tap_pool, 700000);
    p = ngx_sprintf(text.data, "{\"data\":{\"name\":\"ab\",\"colours\":[");

    for (i = 0; i < 60000; i++) {
        p = ngx_sprintf(p, "\"%06uiX\",", i);
    }

    (void) ngx_sprintf(p - 1, "]}}%Z");

    got = check((char *) text.data, 3);
    ok(ngx_strcmp(got, "data.colours[0]=5 data.colours[1]=5 "
                       "data.colours[2]=5") == 0, "many items: %s", got);
}


static const char *
check(const char *text, ngx_uint_t max)
{
    u_char                    *p;
    json_t                    *json;
    ngx_int_t                  rc;
    ngx_str_t                  s;
    ngx_uint_t                 i;
    const char                *why;
    ngx_array_t                failures;
    ngx_oof_schema_failure_t  *f;

    static u_char  buf[4096];

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    if (ngx_oof_json_parse(tap_pool, &s, &json, &why) != NGX_OK) {
        return why;
    }

    ngx_array_init(&failures, tap_pool, 1, sizeof(ngx_oof_schema_failure_t));

    rc = ngx_oof_schema_check(tap_pool, root, json, &failures, max);

    if (rc != (failures.nelts ? NGX_DECLINED : NGX_OK)) {
        return "wrong return code";
    }

    p = buf;
    f = failures.elts;

    for (i = 0; i < failures.nelts; i++) {
        p = ngx_sprintf(p, "%s%V=%ui", i ? " " : "", &f[i].path, f[i].what);
    }

    *p = '\0';

    return (char *) buf;
}


static void
scanners(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        ngx_oof_schema_scan_pt  scan;
        const char             *name;
        ngx_int_t               rc;
        const char             *value;
    } cases[] = {
        { ngx_oof_scan_cpf, "cpf", NGX_OK, "00000000000" },
        { ngx_oof_scan_cpf, "cpf", NGX_DECLINED, "" },
        { ngx_oof_scan_cpf, "cpf", NGX_DECLINED, "0000000000" },
        { ngx_oof_scan_cpf, "cpf", NGX_DECLINED, "000000000000" },
        { ngx_oof_scan_cpf, "cpf", NGX_DECLINED, "0000000000a" },
        { ngx_oof_scan_cpf, "cpf", NGX_DECLINED, "00000000000\n" },
        { ngx_oof_scan_cpf, "cpf", NGX_DECLINED, "123.456.789" },

        { ngx_oof_scan_cnpj, "cnpj", NGX_OK, "12345678901234" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_OK, "ABCDEFGHIJKL00" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_OK, "1A2B3C4D5E6F99" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_DECLINED, "ABCDEFGHIJKLM0" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_DECLINED, "ABCDEFGHIJKL0A" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_DECLINED, "aBCDEFGHIJKL00" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_DECLINED, "1234567890123" },
        { ngx_oof_scan_cnpj, "cnpj", NGX_DECLINED, "123456789012345" },

        { ngx_oof_scan_rel_cpf, "rel", NGX_OK, "CPF" },
        { ngx_oof_scan_rel_cpf, "rel", NGX_OK, "XYZ" },
        { ngx_oof_scan_rel_cpf, "rel", NGX_DECLINED, "cpf" },
        { ngx_oof_scan_rel_cpf, "rel", NGX_DECLINED, "CPFX" },
        { ngx_oof_scan_rel_cpf, "rel", NGX_DECLINED, "CP" },
        { ngx_oof_scan_rel_cpf, "rel", NGX_DECLINED, "CP1" },
        { ngx_oof_scan_rel_cnpj, "rel", NGX_OK, "CNPJ" },
        { ngx_oof_scan_rel_cnpj, "rel", NGX_DECLINED, "CPF" },

        { ngx_oof_scan_amount, "amount", NGX_OK, "0.00" },
        { ngx_oof_scan_amount, "amount", NGX_OK, "1.10" },
        { ngx_oof_scan_amount, "amount", NGX_OK, "1234567890123456.99" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED,
          "12345678901234567.99" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, ".00" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "1.0" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "1.000" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "1" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "1,00" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "-1.00" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "+1.00" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, " 1.00" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "1e2.00" },
        { ngx_oof_scan_amount, "amount", NGX_DECLINED, "1.0.00" },

        { ngx_oof_scan_uuid, "uuid", NGX_OK,
          "8F2b1a90-4e61-4b8c-9f3a-2b8e1c7d5a10" },
        { ngx_oof_scan_uuid, "uuid", NGX_DECLINED,
          "8f2b1a904e614b8c9f3a2b8e1c7d5a10" },
        { ngx_oof_scan_uuid, "uuid", NGX_DECLINED, "" },

        { ngx_oof_scan_time, "time", NGX_OK, "2026-11-24T23:59:59Z" },
        { ngx_oof_scan_time, "time", NGX_OK, "2026-1-4T00:00:00Z" },
        { ngx_oof_scan_time, "time", NGX_OK, "2028-02-29T00:00:00Z" },
        { ngx_oof_scan_time, "time", NGX_ABORT, "2026-02-29T00:00:00Z" },
        { ngx_oof_scan_time, "time", NGX_ABORT, "2026-04-31T00:00:00Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-24T24:00:00Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-24T23:60:00Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-24T23:59:60Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED,
          "2026-11-24T23:59:59.0Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED,
          "2026-11-24T23:59:59+00:00" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-24T23:59:59z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-13-24T23:59:59Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-00-24T23:59:59Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-32T23:59:59Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-00T23:59:59Z" },
        { ngx_oof_scan_time, "time", NGX_DECLINED, "2026-11-24" },

        { ngx_oof_scan_date, "date", NGX_OK, "2026-11-24" },
        { ngx_oof_scan_date, "date", NGX_ABORT, "2026-02-30" },
        { ngx_oof_scan_date, "date", NGX_DECLINED, "24/11/2026" },
        { ngx_oof_scan_date, "date", NGX_DECLINED, "2026-11-24Z" },

        { NULL, NULL, 0, NULL }
    };

    for (i = 0; cases[i].scan; i++) {
        s.data = (u_char *) cases[i].value;
        s.len = ngx_strlen(s.data);

        is_int(cases[i].scan(&s), cases[i].rc, "%s \"%s\"", cases[i].name,
               cases[i].value);
    }
}


static void
urns(void)
{
    u_char      c, text[128];
    ngx_int_t   want;
    ngx_str_t   s;
    ngx_uint_t  i, good;

    static struct {
        ngx_int_t    rc;
        const char  *value;
    } cases[] = {
        { NGX_OK, "urn:a:b" },
        { NGX_OK, "urn:bank:0192f0c1-7b1e-7c3d-8f3a-2b8e1c7d5a10" },
        { NGX_OK, "urn:raidiambank:x:y:z" },
        { NGX_OK, "urn:a1-b:()+,-.:=@;$_!*'%/?#" },
        { NGX_OK, "urn:12345678901234567890123456789012:x" },
        { NGX_OK, "urn:a::" },
        { NGX_DECLINED, "urn:123456789012345678901234567890123:x" },
        { NGX_DECLINED, "urn:-a:b" },
        { NGX_DECLINED, "urn::b" },
        { NGX_DECLINED, "urn:a:" },
        { NGX_DECLINED, "urn:a" },
        { NGX_DECLINED, "urn:" },
        { NGX_DECLINED, "" },
        { NGX_DECLINED, "URN:a:b" },
        { NGX_DECLINED, "urn:a_b:c" },
        { NGX_DECLINED, "urn:a:b c" },
        { NGX_DECLINED, "urn:a:b\n" },
        { NGX_DECLINED, "urn:a:\xc3\xa7" },
        { NGX_DECLINED, " urn:a:b" },
        { NGX_DECLINED, "xurn:a:b" },
        { NGX_OK, NULL }
    };

    for (i = 0; cases[i].value; i++) {
        s.data = (u_char *) cases[i].value;
        s.len = ngx_strlen(s.data);

        is_int(ngx_oof_scan_urn(&s), cases[i].rc, "urn \"%s\"",
               cases[i].value);
    }

    /* each byte in the last part */

    good = 1;

    for (i = 0; i < 256; i++) {
        c = (u_char) i;

        want = (i && (isalnum(c) || strchr("()+,-.:=@;$_!*'%/?#", c)))
               ? NGX_OK : NGX_DECLINED;

        s.data = text;
        s.len = ngx_sprintf(text, "urn:a:x%cy", c) - text;

        if (ngx_oof_scan_urn(&s) != want) {
            good = 0;
        }
    }

    ok(good, "urn: each byte is judged as the pattern does");
}
