
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_HALT_H_INCLUDED_
#define _NGX_OOF_HALT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Maintenance: outages that the bank has planned with "maintenance" (see
 * ngx_oof_outage.c), in which what they name is answered 503.  Each worker
 * reads them from the database, again before a second has passed, and judges
 * by the rule clock; while the database is away what was read last holds.  A
 * worker that has read nothing yet reads them with its first request.
 */

/*
 * A step of the access phase, after the route is known.  NGX_DECLINED to go on,
 * NGX_OK with the 503 prepared (Retry-After is what is left of it), NGX_AGAIN,
 * NGX_ERROR.
 */
ngx_int_t ngx_oof_halt_check(ngx_oof_request_t *o);

/* Does "endpoint" name an API, a part of one or some of them? */
ngx_uint_t ngx_oof_halt_known(ngx_str_t *endpoint);

ngx_int_t ngx_oof_halt_init(ngx_conf_t *cf);        /* metrics */
ngx_int_t ngx_oof_halt_init_process(ngx_cycle_t *cycle);
void ngx_oof_halt_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_HALT_H_INCLUDED_ */
