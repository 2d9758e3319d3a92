
/*
 * Copyright (C) oof authors
 */


#include "tap.h"


static void
versions(void)
{
    u_char       id[NGX_OOF_UUID_LEN], old[NGX_OOF_UUID_LEN];
    uint64_t     ms;
    ngx_uint_t   i, k, bad, same;
    ngx_time_t  *tp;
    u_char       seen0[NGX_OOF_UUID_LEN], seen1[NGX_OOF_UUID_LEN];

    tp = ngx_timeofday();

    ngx_memzero(old, NGX_OOF_UUID_LEN);
    ngx_memzero(seen0, NGX_OOF_UUID_LEN);
    ngx_memzero(seen1, NGX_OOF_UUID_LEN);

    bad = 0;
    same = 0;

    for (i = 0; i < 1000; i++) {

        if (ngx_oof_uuid7(id) != NGX_OK) {
            bad++;
        }

        for (ms = 0, k = 0; k < 6; k++) {
            ms = ms << 8 | id[k];
        }

        if (ms != (uint64_t) tp->sec * 1000 + tp->msec
            || (id[6] & 0xf0) != 0x70 || (id[8] & 0xc0) != 0x80)
        {
            bad++;
        }

        if (ngx_memcmp(id, old, NGX_OOF_UUID_LEN) == 0) {
            same++;
        }

        for (k = 6; k < NGX_OOF_UUID_LEN; k++) {
            seen1[k] |= id[k];
            seen0[k] |= ~id[k];
        }

        ngx_memcpy(old, id, NGX_OOF_UUID_LEN);
    }

    is_int(bad, 0, "UUIDv7: time, version and variant");
    is_int(same, 0, "UUIDv7: no two are the same");

    bad = 0;

    for (k = 6; k < NGX_OOF_UUID_LEN; k++) {
        id[k] = (k == 6) ? 0x0f : (k == 8) ? 0x3f : 0xff;

        if ((seen0[k] & seen1[k] & id[k]) != id[k]) {
            bad++;
        }
    }

    is_int(bad, 0, "UUIDv7: all of the 74 other bits take both values");

    bad = 0;

    for (i = 0; i < 1000; i++) {

        if (ngx_oof_uuid4(id) != NGX_OK
            || (id[6] & 0xf0) != 0x40 || (id[8] & 0xc0) != 0x80
            || ngx_memcmp(id, old, NGX_OOF_UUID_LEN) == 0)
        {
            bad++;
        }

        ngx_memcpy(old, id, NGX_OOF_UUID_LEN);
    }

    is_int(bad, 0, "UUIDv4: version, variant, difference");
}


static void
text(void)
{
    u_char       id[NGX_OOF_UUID_LEN], buf[NGX_OOF_UUID_TEXT + 1];
    ngx_str_t    s;
    ngx_uint_t   i, k, bad;
    const char  *good = "00112233-4455-6677-8899-aabbccddeeff";

    static const char  *wrong[] = {
        "", "0", "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233445566778899aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}",
        "00112233-4455-6677-8899 aabbccddeeff",
        "001122334-455-6677-8899-aabbccddeeff",
        "0011223g-4455-6677-8899-aabbccddeeff",
        "+0112233-4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddee-f"
    };

    s = str(good);

    is_int(ngx_oof_uuid_parse(&s, id), NGX_OK, "a UUID is read");

    bad = 0;

    for (i = 0; i < NGX_OOF_UUID_LEN; i++) {
        bad += (id[i] != i * 0x11);
    }

    is_int(bad, 0, "and has the bytes it should");

    buf[NGX_OOF_UUID_TEXT] = 'x';
    s.data = buf;
    s.len = ngx_oof_uuid_format(buf, id) - buf;

    is_str(&s, good, "and is written as it was read");
    is_int(buf[NGX_OOF_UUID_TEXT], 'x', "and not a byte more");

    s = str("00112233-4455-6677-8899-AABBCCDDEEFF");
    is_int(ngx_oof_uuid_parse(&s, NULL), NGX_OK, "upper case is read too");

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        s = str(wrong[i]);
        is_int(ngx_oof_uuid_parse(&s, id), NGX_DECLINED, "\"%s\" is refused",
               wrong[i]);
    }

    /* every byte in every place: hex digits and hyphens only */

    bad = 0;
    s.data = buf;
    s.len = NGX_OOF_UUID_TEXT;

    for (i = 0; i < NGX_OOF_UUID_TEXT; i++) {
        for (k = 0; k < 256; k++) {
            ngx_memcpy(buf, good, NGX_OOF_UUID_TEXT);
            buf[i] = (u_char) k;

            if ((ngx_oof_uuid_parse(&s, NULL) == NGX_OK)
                != (good[i] == '-' ? k == '-' : isxdigit((int) k) != 0))
            {
                bad++;
            }
        }
    }

    is_int(bad, 0, "nothing but hex digits and hyphens in their places");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    versions();
    text();

    return tap_done();
}
