
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_STATUS_H_INCLUDED_
#define _NGX_OOF_STATUS_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The public endpoints of the regulation (spec 8.3), which ask nobody for
 * anything and depend on nothing but the database:
 *
 *     discovery v2    GET /status, GET /outages
 *     admin v2        GET /metrics
 *
 * While the database is away, /status says that nothing is available.
 */

ngx_int_t ngx_oof_status_preconf(ngx_conf_t *cf);   /* APIs */


/*
 * Of the API "management v1": outages that the bank plans, and failures, which
 * are opened and closed by what is seen (ngx_oof_meter.h) and told here.
 *
 *     GET, POST                /outages
 *     PATCH, DELETE            /outages/{outageId}
 *     GET                      /failures
 *     PATCH                    /failures/{failureId}
 */

ngx_int_t ngx_oof_outage_preconf(ngx_conf_t *cf);   /* routes */


#endif /* _NGX_OOF_STATUS_H_INCLUDED_ */
