
/*
 * Copyright (C) oof authors
 */


#include "tap.h"

#include <ngx_oof_json_read.h>


static void  writer(void);
static void  growth(void);
static void  strings(void);
static void  places(void);
static void  every_byte(void);
static void  parser(void);
static void  as_jansson(void);
static void  members(void);


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    writer();
    growth();
    strings();
    places();
    every_byte();
    parser();
    as_jansson();
    members();

    return tap_done();
}


static void
writer(void)
{
    u_char          id[NGX_OOF_UUID_LEN];
    ngx_str_t       text, s;
    ngx_uint_t      i;
    ngx_oof_json_t  w;

    for (i = 0; i < NGX_OOF_UUID_LEN; i++) {
        id[i] = (u_char) (i * 17);
    }

    is_int(ngx_oof_json_init(&w, tap_pool, 1), NGX_OK, "a writer");

    ngx_oof_json_begin(&w, '{');

    ngx_oof_json_name(&w, "empty");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_end(&w, '}');

    ngx_oof_json_name(&w, "list");
    ngx_oof_json_begin(&w, '[');
    ngx_oof_json_int(&w, 0);
    ngx_oof_json_int(&w, -1);
    ngx_oof_json_int(&w, INT64_MAX);
    ngx_oof_json_int(&w, INT64_MIN);
    ngx_oof_json_bool(&w, 1);
    ngx_oof_json_bool(&w, 0);
    ngx_oof_json_literal(&w, "a\"b");
    ngx_oof_json_begin(&w, '[');
    ngx_oof_json_end(&w, ']');
    ngx_oof_json_begin(&w, '{');
    ngx_str_set(&s, "v");
    ngx_oof_json_member(&w, "x", &s);
    ngx_oof_json_member(&w, "y", &s);
    ngx_oof_json_end(&w, '}');
    ngx_str_set(&s, "{\"raw\":1}");
    ngx_oof_json_raw(&w, &s);
    ngx_oof_json_end(&w, ']');

    ngx_oof_json_member_time(&w, "time", 1795521600LL * NGX_OOF_SECOND);
    ngx_oof_json_name(&w, "id");
    ngx_oof_json_uuid(&w, id);

    ngx_oof_json_end(&w, '}');

    is_int(ngx_oof_json_text(&w, &text), NGX_OK, "the text");
    is_str(&text,
           "{\"empty\":{},\"list\":[0,-1,9223372036854775807,"
           "-9223372036854775808,true,false,\"a\\\"b\",[],"
           "{\"x\":\"v\",\"y\":\"v\"},{\"raw\":1}],"
           "\"time\":\"2026-11-24T12:00:00Z\","
           "\"id\":\"00112233-4455-6677-8899-aabbccddeeff\"}",
           "every kind of value, commas in their places");
}


/* from every first size to the same text */

static void
growth(void)
{
    u_char          data[3000];
    size_t          size;
    ngx_str_t       text, s, first;
    ngx_uint_t      i, same;
    ngx_oof_json_t  w;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (i % 7) ? (u_char) ('a' + i % 26) : (i % 14 ? '"' : 0xff);
    }

    same = 1;
    ngx_str_null(&first);

    for (size = 1; size < 400; size++) {

        ngx_oof_json_init(&w, tap_pool, size);
        ngx_oof_json_begin(&w, '[');

        for (i = 0; i < 30; i++) {
            s.data = data + i;
            s.len = (i * i * 3) % 2900;
            ngx_oof_json_str(&w, &s);
            ngx_oof_json_int(&w, i);
        }

        ngx_oof_json_end(&w, ']');

        if (ngx_oof_json_text(&w, &text) != NGX_OK) {
            same = 0;
            break;
        }

        if (first.data == NULL) {
            first = text;

        } else if (first.len != text.len
                   || ngx_memcmp(first.data, text.data, text.len) != 0)
        {
            same = 0;
        }
    }

    ok(same, "a buffer that grows loses nothing");
}


static void
strings(void)
{
    ngx_str_t       text, s;
    ngx_uint_t      i;
    ngx_oof_json_t  w;

    static struct {
        const char  *in;
        const char  *out;
    } cases[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "\"\\/", "\"\\\"\\\\/\"" },
        { "\n\r\t", "\"\\n\\r\\t\"" },
        { "\b\f\x01\x1f\x7f", "\"\\u0008\\u000c\\u0001\\u001f\x7f\"" },
        { "\xc3\xa7", "\"\xc3\xa7\"" },
        { "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
        { "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
        { "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
        { "\xee\x80\x80", "\"\xee\x80\x80\"" },
        { "\xed\x9f\xbf", "\"\xed\x9f\xbf\"" },

        /* what is not UTF-8: a replacement for each byte */

        { "\x80", "\"\xef\xbf\xbd\"" },
        { "\xff", "\"\xef\xbf\xbd\"" },
        { "a\xc3", "\"a\xef\xbf\xbd\"" },
        { "\xc3\x28", "\"\xef\xbf\xbd(\"" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc1\xbf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe0\x9f\xbf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe2\x82x", "\"\xef\xbf\xbd\xef\xbf\xbdx\"" },
        { "\xf0\x8f\xbf\xbf",
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf4\x90\x80\x80",
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf5\x80\x80\x80",
          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { NULL, NULL }
    };

    for (i = 0; cases[i].in; i++) {
        s.data = (u_char *) cases[i].in;
        s.len = ngx_strlen(s.data);

        ngx_oof_json_init(&w, tap_pool, 8);
        ngx_oof_json_str(&w, &s);
        ngx_oof_json_text(&w, &text);

        is_str(&text, cases[i].out, "string %lu", (unsigned long) i);
    }
}


/* one odd byte in each place of a text, whatever stands around it */

static void
places(void)
{
    u_char          data[40], want[64], *p;
    size_t          len, at;
    ngx_str_t       text, s;
    ngx_uint_t      i, good;
    ngx_oof_json_t  w;

    static u_char  around[] = { ' ', 'a', '!', '#', '[', ']', 0x7f, '0' };

    good = 1;

    for (len = 1; len < sizeof(data); len++) {
        for (at = 0; at < len; at++) {
            for (i = 0; i < sizeof(around); i++) {

                ngx_memset(data, around[i], len);
                data[at] = (i & 1) ? '"' : '\\';

                p = want;
                *p++ = '"';
                p = ngx_cpymem(p, data, at);
                *p++ = '\\';
                p = ngx_cpymem(p, data + at, len - at);
                *p++ = '"';

                s.data = data;
                s.len = len;

                ngx_oof_json_init(&w, tap_pool, 64);
                ngx_oof_json_str(&w, &s);
                ngx_oof_json_text(&w, &text);

                if (text.len != (size_t) (p - want)
                    || ngx_memcmp(text.data, want, text.len) != 0)
                {
                    good = 0;
                }
            }
        }
    }

    ok(good, "an odd byte is seen wherever it stands");
}


/* whatever goes in, a parser takes what comes out */

static void
every_byte(void)
{
    u_char          data[12];
    json_t         *json;
    ngx_str_t       text, s;
    ngx_uint_t      i, j, good;
    ngx_oof_json_t  w;

    good = 1;

    for (i = 0; i < 256; i++) {
        for (j = 0; j < 256; j++) {

            data[0] = (u_char) i;
            data[1] = (u_char) j;
            data[2] = (u_char) (i * 7 + j);
            data[3] = (u_char) (j * 13 + i);
            ngx_memset(data + 4, (u_char) (i ^ j), 8);

            s.data = data;
            s.len = (i + j) % 13;

            ngx_oof_json_init(&w, tap_pool, 64);
            ngx_oof_json_begin(&w, '[');
            ngx_oof_json_str(&w, &s);
            ngx_oof_json_end(&w, ']');
            ngx_oof_json_text(&w, &text);

            json = json_loadb((char *) text.data, text.len, JSON_ALLOW_NUL,
                              NULL);

            if (json == NULL) {
                good = 0;
            }

            json_decref(json);
        }
    }

    ok(good, "65536 strings are JSON when they are written");
}


static void
parser(void)
{
    json_t      *json;
    ngx_str_t    s;
    ngx_uint_t   i;
    const char  *why;

    static struct {
        const char  *text;
        size_t       len;
        const char  *why;
    } cases[] = {

#define TEXT(s)  s, sizeof(s) - 1

        { TEXT("{}"), NULL },
        { TEXT(" {\"a\":[1,2,{\"b\":null}]} "), NULL },
        { TEXT("{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[\"}"), NULL },
        { TEXT("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"), NULL },
        { TEXT("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"),
          "nested too deep" },
        { TEXT("{\"a\":1,\"a\":1}"), "a member occurs twice" },
        { TEXT("{\"a\":\"\0\"}"), "a NUL character" },
        { TEXT("{\"a\":\"\\u0000\"}"), "a NUL character" },
        { TEXT("{\"a\":\"\\\0\"}"), "a NUL character" },
        { TEXT("{} "), NULL },
        { TEXT("{} x"), "something follows the end" },
        { TEXT("{\"a\":1"), "the end is missing" },
        { TEXT("{\"a\":\""), "the end is missing" },
        { TEXT("{\"a\":\"\\"), "not JSON" },
        { TEXT(""), "the end is missing" },
        { TEXT("{\"a\":\"\xff\"}"), "not UTF-8" },
        { TEXT("{\"a\":1e999}"), "a number is out of range" },
        { TEXT("{\"a\":9223372036854775808}"), "a number is out of range" },
        { TEXT("[]"), "the top is not an object" },
        { TEXT("\"a\""), "not JSON" },
        { TEXT("x"), "not JSON" },
        { NULL, 0, NULL }
    };

    for (i = 0; cases[i].text; i++) {
        s.data = (u_char *) cases[i].text;
        s.len = cases[i].len;

        if (cases[i].why == NULL) {
            is_int(ngx_oof_json_parse(tap_pool, &s, &json, &why), NGX_OK,
                   "document %lu is parsed", (unsigned long) i);
            ok(json_is_object(json), "and is an object");
            continue;
        }

        is_int(ngx_oof_json_parse(tap_pool, &s, &json, &why), NGX_DECLINED,
               "document %lu is refused", (unsigned long) i);
        ok(json == NULL && ngx_strcmp(why, cases[i].why) == 0,
           "because of: %s (%s)", cases[i].why, why);
    }
}


/* every change of one byte, and every beginning, is read as jansson does */

static void
as_jansson(void)
{
    u_char         data[1024];
    json_t        *one, *two;
    size_t         i, n, len;
    const char    *why;
    ngx_uint_t     c, same, good;
    json_error_t   error;

    static const char  text[] =
        "{\"a\":[1, -0,0.5e-3, 12345678901234567890,123456789012345678,\t"
        "-9223372036854775808,1E5,true,false, null,[ ],{ }],\r\n"
        "\"\\u00e9\\ud83d\\ude00\\/\\\\\\\"\\b\\f\\n\\r\\t\" : \"\xc3\xa9"
        "\xe2\x82\xac\xf0\x9f\x98\x80 \\u20AC\\u0041\",\"\":\"\","
        "\"b\":{\"a\":\"abcdefghijklmnopq\",\"b\":{\"a\":-1}}}";

    static const char  good_text[] =
        "{\"a\":[1, -0,0.5e-3,123456789012345678,\t"
        "-9223372036854775808,9223372036854775807,1E5,true,false, null,[ ],"
        "{ }],\r\n"
        "\"\\u00e9\\ud83d\\ude00\\/\\\\\\\"\\b\\f\\n\\r\\t\" : \"\xc3\xa9"
        "\xe2\x82\xac\xf0\x9f\x98\x80 \\u20AC\\u0041\",\"\":\"\","
        "\"b\":{\"a\":\"abcdefghijklmnopq\",\"b\":{\"a\":-1}}}";

    for (n = 0; n < 2; n++) {
        len = n ? sizeof(good_text) - 1 : sizeof(text) - 1;
        same = 1;
        good = 0;

        for (i = 0; i <= len; i++) {

            /* jansson takes a NUL after some numbers */

            for (c = 1; c < 257; c++) {
                ngx_memcpy(data, n ? good_text : text, len);

                if (c < 256 && i < len) {
                    data[i] = (u_char) c;
                }

                one = ngx_oof_json_read(data, c < 256 ? len : i, &why);
                two = json_loadb((char *) data, c < 256 ? len : i,
                                 JSON_REJECT_DUPLICATES, &error);

                if ((one == NULL) != (two == NULL)
                    || (one == NULL) != (why != NULL)
                    || (one && !json_equal(one, two)))
                {
                    same = 0;
                }

                good += one != NULL;

                json_decref(one);
                json_decref(two);
            }
        }

        ok(same, "as jansson reads it");
        ok(n ? good > 4000 : good < 1000, "%lu of them are good",
           (unsigned long) good);
    }
}


static void
members(void)
{
    json_t      *json;
    ngx_str_t    s, value;
    const char  *why;

    ngx_str_set(&s, "{\"a\":\"\\u00e7x\",\"b\":1,\"c\":null,\"d\":\"\"}");

    ngx_oof_json_parse(tap_pool, &s, &json, &why);

    is_int(ngx_oof_json_get_str(json, "a", &value), NGX_OK, "a string");
    is_str(&value, "\xc3\xa7x", "its value");
    is_int(ngx_oof_json_get_str(json, "d", &value), NGX_OK,
           "an empty string");
    is_int(value.len, 0, "its length");
    is_int(ngx_oof_json_get_str(json, "b", &value), NGX_DECLINED, "a number");
    is_int(ngx_oof_json_get_str(json, "c", &value), NGX_DECLINED, "null");
    is_int(ngx_oof_json_get_str(json, "e", &value), NGX_DECLINED, "nothing");
    ok(value.len == 0 && value.data == NULL, "and no value");
}
