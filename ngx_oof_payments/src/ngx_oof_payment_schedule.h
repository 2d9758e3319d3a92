
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_SCHEDULE_H_INCLUDED_
#define _NGX_OOF_PAYMENT_SCHEDULE_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment_verdict.h>


/* when the payments of a consent are made (spec 2.6) */

#define NGX_OOF_PAYMENT_MAX  60        /* payments of one consent */


typedef enum {
    NGX_OOF_SCHEDULE_NONE = 0,           /* immediate: "date" */
    NGX_OOF_SCHEDULE_SINGLE,
    NGX_OOF_SCHEDULE_DAILY,
    NGX_OOF_SCHEDULE_WEEKLY,
    NGX_OOF_SCHEDULE_MONTHLY,
    NGX_OOF_SCHEDULE_CUSTOM
} ngx_oof_payment_schedule_e;


typedef struct {
    ngx_oof_payment_schedule_e  kind;
    ngx_uint_t                  n;       /* 1 to NGX_OOF_PAYMENT_MAX */

    /* days of settlement (ngx_oof_payment_time.h), ascending, all different */
    int64_t                     days[NGX_OOF_PAYMENT_MAX];
} ngx_oof_payment_schedule_t;


/*
 * Expands "date" or "schedule" of data.payment, which has passed the schema of
 * the consent, to the list of days.  A month that lacks the day has it on the
 * 1st of the next one.  It is a function of the data alone, so that the list
 * of a stored consent is always the same.  NGX_DECLINED when there is neither
 * or both, several kinds, a day that does not exist, or too many.
 */
ngx_int_t ngx_oof_payment_schedule_expand(json_t *payment,
    ngx_oof_payment_schedule_t *schedule);

/*
 * Judges data.payment of a consent that is created at "now": presence of one
 * of date and schedule and of one kind, numbers, additionalInformation (v5),
 * dates that differ, the first from tomorrow on (today for "date"), the last
 * within two years (v4, single: 730 days).  NGX_OK, and the list in
 * "schedule", or NGX_DECLINED and "verdict".
 */
ngx_int_t ngx_oof_payment_schedule_judge(ngx_uint_t version, int64_t now,
    json_t *payment, ngx_oof_payment_schedule_t *schedule,
    ngx_oof_payment_verdict_t *verdict);


#endif /* _NGX_OOF_PAYMENT_SCHEDULE_H_INCLUDED_ */
