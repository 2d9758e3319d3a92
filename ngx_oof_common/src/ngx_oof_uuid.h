
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_UUID_H_INCLUDED_
#define _NGX_OOF_UUID_H_INCLUDED_


#include <ngx_oof.h>


#define NGX_OOF_UUID_LEN   16
#define NGX_OOF_UUID_TEXT  36


/*
 * UUIDv7 (RFC 9562, 5.7) of the real clock: 48 bits of milliseconds and 74
 * random bits.  An id says its time and nothing else; order never comes from
 * it.  "id" takes 16 bytes.  Returns NGX_ERROR when there is no randomness.
 */
ngx_int_t ngx_oof_uuid7(u_char *id);

/* UUIDv4 (RFC 9562, 5.4), as x-fapi-interaction-id and jti must be */
ngx_int_t ngx_oof_uuid4(u_char *id);

/* writes 36 characters in lower case without a terminator; returns the end */
u_char *ngx_oof_uuid_format(u_char *p, u_char *id);

/*
 * Takes exactly 36 characters of either case; NGX_DECLINED for anything else,
 * NGX_OK with 16 bytes in "id" (which may be NULL: a check of the form only).
 */
ngx_int_t ngx_oof_uuid_parse(ngx_str_t *text, u_char *id);


#endif /* _NGX_OOF_UUID_H_INCLUDED_ */
