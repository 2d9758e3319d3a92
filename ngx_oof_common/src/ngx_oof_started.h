
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_STARTED_H_INCLUDED_
#define _NGX_OOF_STARTED_H_INCLUDED_


#include <ngx_oof.h>


/*
 * When a request came to the bank, in milliseconds of the real clock: when its
 * first byte was here or, where a gateway is in front, when that says in the
 * header of "oof_request_start_header".  It is believed from addresses of
 * "oof_client_certificate_from" alone, once, and when it is at most a minute
 * before.  Seconds, milliseconds and microseconds since 1970 are told apart by
 * their size; decimals are fine.
 */
int64_t ngx_oof_started(ngx_http_request_t *r);


#endif /* _NGX_OOF_STARTED_H_INCLUDED_ */
