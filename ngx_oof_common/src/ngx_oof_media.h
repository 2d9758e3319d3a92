
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_MEDIA_H_INCLUDED_
#define _NGX_OOF_MEDIA_H_INCLUDED_


#include <ngx_oof.h>


/* header values of a request: pure functions, which allocate nothing */

/*
 * Is "application/SUBTYPE" in UTF-8 acceptable to "accept", the value of an
 * Accept header (RFC 9110, 12.5.1)?  The most specific range that matches
 * decides; what is malformed matches nothing; an empty value takes anything.
 */
ngx_uint_t ngx_oof_media_accepted(ngx_str_t *accept, const char *subtype);

/*
 * Judges a Content-Type against "application/SUBTYPE": NGX_OK, 415 for another
 * type, 406 for a charset other than UTF-8 (spec 0.3, 7).
 */
ngx_int_t ngx_oof_media_check(ngx_str_t *type, const char *subtype);

/*
 * x-fapi-auth-date, "Tue, 24 Nov 2026 12:00:00 GMT" or UTC (spec 0.3): the
 * form is checked, not the day.  NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_oof_media_date(ngx_str_t *value);


#endif /* _NGX_OOF_MEDIA_H_INCLUDED_ */
