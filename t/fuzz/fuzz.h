
/*
 * Copyright (C) oof authors
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


/*
 * A fuzz target is a file of this folder with a function fuzz(), which is
 * called with bytes that somebody else has thought of, and a pool that is gone
 * after it.  It returns in whatever way it likes, but never finds what is
 * demanded with must() untrue, reads or writes what is not its own, or takes
 * long.  See build/fuzz.sh.
 */


#include "../unit/tap.h"

#include <ngx_oof_payment_rules.h>
#include <ngx_oof_payment_canonical.h>


/* what holds for any input */

#define must(cond)                                                            \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);    \
        abort();                                                              \
    }


static void fuzz(ngx_pool_t *pool, ngx_str_t *text);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    tap_start(*argc, *argv);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char      *copy;
    ngx_str_t    text;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(4096, tap_log);
    if (pool == NULL) {
        abort();
    }

    /* bytes of its own, so that a step beyond them is seen */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        abort();
    }

    ngx_memcpy(copy, data, size);

    text.data = copy;
    text.len = size;

    fuzz(pool, &text);

    free(copy);
    ngx_destroy_pool(pool);

    return 0;
}


/* whether "part" lies in "whole" */

TAP ngx_uint_t
within(ngx_str_t *part, ngx_str_t *whole)
{
    return part->len == 0
           || (part->data >= whole->data
               && part->data + part->len <= whole->data + whole->len);
}


#endif /* _FUZZ_H_INCLUDED_ */
