
/*
 * Copyright (C) oof authors
 */


#include "tap.h"


/* spec 6.1: calls a minute of each class, "high" by active consents */

static struct {
    ngx_uint_t   class;
    uint64_t     consents;
    ngx_uint_t   limit;
} cases[] = {
    { NGX_OOF_LIMIT_NONE, 0, 0 },
    { NGX_OOF_LIMIT_LOW, 0, 1000 },
    { NGX_OOF_LIMIT_LOW, 9000000, 1000 },
    { NGX_OOF_LIMIT_MEDIUM, 9000000, 1500 },
    { NGX_OOF_LIMIT_MEDIUM_HIGH, 9000000, 2000 },
    { NGX_OOF_LIMIT_HIGH, 0, 2500 },
    { NGX_OOF_LIMIT_HIGH, 1000000, 2500 },
    { NGX_OOF_LIMIT_HIGH, 1000001, 5000 },
    { NGX_OOF_LIMIT_HIGH, 2000000, 5000 },
    { NGX_OOF_LIMIT_HIGH, 2000001, 8000 },
    { NGX_OOF_LIMIT_HIGH, 3000000, 8000 },
    { NGX_OOF_LIMIT_HIGH, 3000001, 10000 },
    { NGX_OOF_LIMIT_HIGH, 6000000, 10000 },
    { NGX_OOF_LIMIT_HIGH, 6000001, 12000 },
    { NGX_OOF_LIMIT_HIGH, 8000000, 12000 },
    { NGX_OOF_LIMIT_HIGH, 8000001, 14000 },
    { NGX_OOF_LIMIT_HIGH, 100000000, 104000 },
    { 99, 0, 0 }
};


int
main(int argc, char *const *argv)
{
    size_t  i;

    tap_start(argc, argv);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(ngx_oof_limit_of_class(cases[i].class, cases[i].consents),
               cases[i].limit, "class %d, %ld consents",
               (int) cases[i].class, (long) cases[i].consents);
    }

    return tap_done();
}
