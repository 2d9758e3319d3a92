
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_METER_H_INCLUDED_
#define _NGX_OOF_METER_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Calls of each endpoint by the minute, for what the regulation's public
 * endpoints tell (spec 6.3, 8.3).  A worker counts in its own memory and adds
 * to the table oof_meter_minute each few seconds, sooner when it has seen
 * errors.
 * The holder of the lease "status" of each database opens and closes failures
 * by what the last two minutes have seen, and makes days of minutes.
 *
 * All by the rule clock.  Where "oof_meters off" says so, nothing is counted.
 */

#define NGX_OOF_METER_ERRORS  5          /* in two minutes: a failure */


/* of a brand in a database: private */
typedef struct ngx_oof_meters_s  ngx_oof_meters_t;


/* log phase, once for a request */
void ngx_oof_meter_log(ngx_oof_request_t *o);

/* what is merged */
char *ngx_oof_meter_merge(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);

ngx_int_t ngx_oof_meter_init(ngx_conf_t *cf);      /* leases, metrics */
ngx_int_t ngx_oof_meter_init_process(ngx_cycle_t *cycle);
void ngx_oof_meter_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_METER_H_INCLUDED_ */
