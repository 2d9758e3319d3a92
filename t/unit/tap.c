
/*
 * Copyright (C) oof authors
 */


#include "tap.h"


/* the harness itself */


int
main(int argc, char *const *argv)
{
    ngx_str_t  s;

    tap_start(argc, argv);

    s = str("oof");

    ok(tap_pool != NULL, "there is a pool");
    is_str(&s, "oof", "strings are compared");
    is_int(ngx_atoi((u_char *) "12", 2), 12, "nginx's functions are linked");
    is_int(NGX_OOF_UUID_TEXT, 36, "our headers are seen");
    is_mem("ab", "abc", 2, "bytes are compared");
    ok(ngx_time() > 1700000000, "the clock is set");

    return tap_done();
}
