
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_E2EID_H_INCLUDED_
#define _NGX_OOF_PAYMENT_E2EID_H_INCLUDED_


#include <ngx_oof.h>


/* endToEndId (spec 2.7): E, ISPB, yyyyMMddHHmm in UTC, 11 of a sequence */

#define NGX_OOF_E2EID_LEN     32
#define NGX_OOF_E2EID_KEY     32
#define NGX_OOF_E2EID_WINDOW  (12 * NGX_OOF_HOUR)


typedef struct {
    ngx_str_t                ispb;         /* of who made the id; points into
                                            * the text, as "sequence" */
    ngx_str_t                sequence;
    int64_t                  day;          /* UTC, see ngx_oof_payment_time.h;
                                            * not set when it does not exist */
    ngx_uint_t               minutes;      /* after 00:00 UTC */
} ngx_oof_payment_e2eid_t;


/*
 * Takes an endToEndId apart by the pattern of "version" (4: ISPB of digits,
 * 5: also capitals); case matters.  Returns NGX_OK; NGX_DECLINED when the form
 * is wrong; NGX_ABORT when the form is right and there is no such day (31
 * February), for which the regulation has a text of its own.
 */
ngx_int_t ngx_oof_payment_e2eid_parse(ngx_uint_t version, ngx_str_t *text,
    ngx_oof_payment_e2eid_t *id);

/* an immediate payment: within 12 hours of "now", before and after */
ngx_uint_t ngx_oof_payment_e2eid_timely(ngx_oof_payment_e2eid_t *id,
    int64_t now);

/* a scheduled payment: the fixed time 15:00 UTC of its day */
ngx_uint_t ngx_oof_payment_e2eid_fixed(ngx_oof_payment_e2eid_t *id);

/*
 * What makes an endToEndId the same one: SHA-256 of brand and text,
 * NGX_OOF_E2EID_KEY bytes in "key".  There is no day in it, so that an id used
 * on both sides of a midnight is still one.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_e2eid_key(ngx_str_t *brand, ngx_str_t *text,
    u_char *key);


#endif /* _NGX_OOF_PAYMENT_E2EID_H_INCLUDED_ */
