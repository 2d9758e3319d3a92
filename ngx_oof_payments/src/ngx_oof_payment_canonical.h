
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_CANONICAL_H_INCLUDED_
#define _NGX_OOF_PAYMENT_CANONICAL_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The canonical form of a JSON value: two values have the same text if and
 * only if they are equal by value, however they were spelled: members in the
 * order of their names' bytes, strings as UTF-8 with the fewest escapes,
 * numbers in their shortest decimal form (1, 1.0 and 1e0 are one), no white
 * space.  The order of an array counts, and null is not the same as absent.
 *
 * It is what an HMAC is made of that tells a repeated request from another one
 * under the same idempotency key (spec 2.3); the text itself is personal data
 * and never stored.
 *
 * "value" nests at most 32 levels (ngx_oof_json_parse() allows 16), else
 * NGX_DECLINED; the text lives in "pool"; NGX_ERROR without memory.
 */
ngx_int_t ngx_oof_payment_canonical(ngx_pool_t *pool, json_t *value,
    ngx_str_t *text);


#endif /* _NGX_OOF_PAYMENT_CANONICAL_H_INCLUDED_ */
