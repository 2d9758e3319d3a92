
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_BRCODE_H_INCLUDED_
#define _NGX_OOF_PAYMENT_BRCODE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * BR Code: the text of a Pix QR code (EMV QRCPS merchant presented mode 1.1,
 * Manual do BR Code).  It is a list of data objects, two digits of id, two of
 * length, the value; some values are such lists again.
 */

#define NGX_OOF_BRCODE_MAX  512       /* bytes, spec 2.4 */


typedef struct {
    ngx_str_t                key;          /* 26-51, 01: of a static code */
    ngx_str_t                info;         /* 02: text for the payer */
    ngx_str_t                facilitator;  /* 03: ISPB, static withdrawal */
    ngx_str_t                url;          /* 25: of a dynamic code, without
                                            * "https://" */
    ngx_str_t                mcc;          /* 52 */
    ngx_str_t                name;         /* 59 */
    ngx_str_t                city;         /* 60 */
    ngx_str_t                postal;       /* 61 */
    ngx_str_t                txid;         /* 62-05; empty for "***" */
    int64_t                  amount;       /* 54, centavos; 0: none */

    unsigned                 dynamic:1;    /* it has a URL and no key */
    unsigned                 once:1;       /* 01 is "12" */
} ngx_oof_payment_brcode_t;


/*
 * Parses "text", in UTF-8; lengths count bytes, or characters where that is
 * what fits.  Refused (NGX_DECLINED, with a literal for a log in "why"): more
 * than NGX_OOF_BRCODE_MAX bytes, a length that leaves its list, an id twice, a
 * first object other than 00 "01", a last one other than 63, a wrong CRC, no
 * Pix account or two, neither key nor URL or both, a currency other than 986,
 * a country other than BR, an amount that is none.  What is unknown is
 * skipped.  Results point into "text".  A dynamic code's amount is not for
 * comparison: its charge says what is to be paid.
 */
ngx_int_t ngx_oof_payment_brcode_parse(ngx_str_t *text,
    ngx_oof_payment_brcode_t *code, const char **why);

/* CRC-16/CCITT: polynomial 0x1021, from 0xffff, not reflected */
ngx_uint_t ngx_oof_payment_brcode_crc(u_char *p, size_t len);

/*
 * An amount in centavos, NGX_ERROR when it is none: digits, and a point with
 * at most two more.  At most 16 digits before the point.
 */
int64_t ngx_oof_payment_amount(ngx_str_t *text);


#endif /* _NGX_OOF_PAYMENT_BRCODE_H_INCLUDED_ */
