
/*
 * Copyright (C) oof authors
 */


/* spec 2.3: claims are compared by value */


#include "tap.h"

#include <ngx_oof_payment_canonical.h>


static ngx_str_t
canonical(const char *json)
{
    json_t     *root;
    ngx_str_t   s;

    root = json_loads(json, JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);

    if (root == NULL
        || ngx_oof_payment_canonical(tap_pool, root, &s) != NGX_OK)
    {
        s = str("(none)");
    }

    json_decref(root);

    return s;
}


static void
texts(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        const char  *json;
        const char  *want;
    } cases[] = {
        { "{}", "{}" },
        { "[]", "[]" },
        { " { \"b\" : 1 , \"a\" : [ true , false , null ] } ",
          "{\"a\":[true,false,null],\"b\":1}" },
        { "{\"aa\":1,\"a\":2,\"B\":3}", "{\"B\":3,\"a\":2,\"aa\":1}" },
        { "[2,1]", "[2,1]" },
        { "[1.0,1e0,10E-1,1,0.1e1]", "[1,1,1,1,1]" },
        { "[-0,0,-0.0,0e5]", "[0,0,0,0]" },
        { "[0.1,1e-1,0.10]",
          "[0.10000000000000001,0.10000000000000001,0.10000000000000001]" },
        { "[1e18,1000000000000000000]",
          "[1000000000000000000,1000000000000000000]" },
        { "[9223372036854775807,-9223372036854775808]",
          "[9223372036854775807,-9223372036854775808]" },
        { "[1e19]", "[1e+19]" },
        { "[9007199254740993]", "[9007199254740993]" },
        { "\"\\u0041\\/\\u00e9\\n\\u000A\"", "\"A/\303\251\\n\\n\"" },
        { "\"\\\"\\\\\"", "\"\\\"\\\\\"" },
        { "\"\\ud83d\\ude00\"", "\"\360\237\230\200\"" },
        { "{\"\\u0061\\n\":{\"z\":{},\"y\":[]}}",
          "{\"a\\n\":{\"y\":[],\"z\":{}}}" },
        { "{\"a\":\"1\"}", "{\"a\":\"1\"}" },
        { "{\"a\":null}", "{\"a\":null}" },
        { "{\"\":0}", "{\"\":0}" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = canonical(cases[i].json);
        is_str(&s, cases[i].want, "%s", cases[i].json);
    }
}


static void
deep(void)
{
    char        buf[256];
    size_t      i, n;
    ngx_str_t   s;

    for (n = 32; n <= 33; n++) {
        for (i = 0; i < n; i++) {
            buf[i] = '[';
            buf[n + i] = ']';
        }

        buf[2 * n] = '\0';

        s = canonical(buf);
        is_str(&s, n == 32 ? buf : "(none)", "%lu levels", (unsigned long) n);
    }
}


/* a whole document in another spelling and another order */

static void
spelling(void)
{
    ngx_str_t  one, two, three;

    one = canonical("{\"loggedUser\":{\"document\":{\"identification\":"
                    "\"11111111111\",\"rel\":\"CPF\"}},\"payment\":"
                    "{\"amount\":\"1.00\",\"schedule\":{\"daily\":"
                    "{\"quantity\":3,\"startDate\":\"2027-01-01\"}}}}");
    two = canonical("{\"payment\":{\"schedule\":{\"daily\":{\"startDate\":"
                    "\"2027-01-\\u0030\\u0031\",\"quantity\":3.0}},"
                    "\"amount\":\"1.00\"},\n\"logged\\u0055ser\":{\"document\""
                    ":{\"rel\":\"CPF\",\"identification\":\"11111111111\"}}}");
    three = canonical("{\"loggedUser\":{\"document\":{\"identification\":"
                      "\"11111111111\",\"rel\":\"CPF\"}},\"payment\":"
                      "{\"amount\":\"1.0\",\"schedule\":{\"daily\":"
                      "{\"quantity\":3,\"startDate\":\"2027-01-01\"}}}}");

    ok(one.len == two.len && ngx_memcmp(one.data, two.data, one.len) == 0,
       "the same by value is the same");
    ok(one.len != three.len || ngx_memcmp(one.data, three.data, one.len) != 0,
       "an amount is text: 1.00 is not 1.0");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    texts();
    deep();
    spelling();

    return tap_done();
}
