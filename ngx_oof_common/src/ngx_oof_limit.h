
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_LIMIT_H_INCLUDED_
#define _NGX_OOF_LIMIT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The limits of the regulation (spec 6.1).  Counters are in a zone of their
 * own, "oof_limits_zone SIZE", shared by all workers of the host; without it
 * there are no limits.  Minutes and months are those of the rule clock.
 *
 *     529  calls a second, of the whole host: every answer, by the module
 *     429  calls a clock minute of one endpoint and organisation
 *     423  successful calls a calendar month of Brasilia of one endpoint,
 *          resource, customer and organisation; counted in the database too,
 *          so that all hosts agree
 *
 * Only a route that asks is limited by the minute and the month: consents,
 * resources and payments never do.  A limit may let more pass than the
 * regulation's minimum, never less: what cannot be counted is let pass, and the
 * metric oof_limits_total{kind="full"} tells so.
 */

/* how often an endpoint may be called (spec 6.4) */

#define NGX_OOF_LIMIT_NONE         0
#define NGX_OOF_LIMIT_LOW          1
#define NGX_OOF_LIMIT_MEDIUM       2
#define NGX_OOF_LIMIT_MEDIUM_HIGH  3
#define NGX_OOF_LIMIT_HIGH         4      /* by its active consents */

/* a directive that says "on" */

#define NGX_OOF_LIMIT_BY_ROUTE     ((ngx_uint_t) -2)


/* whose call it is, what it is about, and how often that is allowed */

typedef struct {
    ngx_str_t                endpoint;    /* unique within its API */
    ngx_uint_t               minimum;     /* of a month; 0: no limit */
    u_char                  *customer;    /* NGX_OOF_LOOKUP_LEN bytes */
    u_char                  *resource;    /* NGX_OOF_UUID_LEN bytes */
    ngx_str_t                object;      /* within it, or empty */
    unsigned                 free:1;      /* a page of a call that has been
                                           * counted (spec 1.9) */
} ngx_oof_limit_call_t;


typedef struct ngx_oof_limit_zone_s  ngx_oof_limit_zone_t;


/*
 * Access phase, after the certificate: counts the call in its minute.
 * "class" is what the route's table says; "oof_minute_limit" may say
 * otherwise.  NGX_DECLINED to go on; NGX_OK with a 429 prepared; NGX_ERROR.
 */
ngx_int_t ngx_oof_limit_minute(ngx_oof_request_t *o, ngx_str_t *endpoint,
    ngx_uint_t class);

/*
 * Access phase, the last step: judges the month, and remembers the call, which
 * is counted in the log phase if it was answered with 2xx.  "oof_month_limit"
 * may allow more than call->minimum.  What "call" points to is not needed
 * afterwards.  NGX_DECLINED to go on; NGX_OK with a 423 prepared; NGX_ERROR.
 */
ngx_int_t ngx_oof_limit_month(ngx_oof_request_t *o,
    ngx_oof_limit_call_t *call);

/* log phase, once for a request */
void ngx_oof_limit_log(ngx_oof_request_t *o);

/* calls a minute of a class, for so many active consents (spec 6.1) */
ngx_uint_t ngx_oof_limit_of_class(ngx_uint_t class, uint64_t consents);

/* directives; what is merged */
char *ngx_oof_limit_tps(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_limit_minutes(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_limit_months(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_limit_merge(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);

ngx_int_t ngx_oof_limit_init(ngx_conf_t *cf);      /* zone, phase, metrics */
ngx_int_t ngx_oof_limit_init_process(ngx_cycle_t *cycle);
void ngx_oof_limit_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_LIMIT_H_INCLUDED_ */
