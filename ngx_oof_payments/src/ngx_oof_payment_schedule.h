
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
 * The form of "date" and "schedule" of data.payment, which has passed the
 * schema of the consent: one of the two, one kind, numbers, dates that differ,
 * additionalInformation (v5); and the list in "schedule".  NGX_OK, or
 * NGX_DECLINED with PARAMETRO_NAO_INFORMADO, PARAMETRO_INVALIDO, or
 * DATA_PAGAMENTO_INVALIDA for both a date and a schedule, or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_schedule_form(ngx_pool_t *pool, ngx_uint_t version,
    json_t *payment, ngx_oof_payment_schedule_t *schedule,
    ngx_oof_payment_verdict_t *verdict);

/*
 * The days of a consent that is created at "now", Brasilia's time: an
 * immediate payment is of today, the first of the others is from tomorrow on
 * and the last within two years (v4, single: 730 days).  NGX_OK, or
 * NGX_DECLINED with DATA_PAGAMENTO_INVALIDA, or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_schedule_days(ngx_pool_t *pool, ngx_uint_t version,
    int64_t now, ngx_oof_payment_schedule_t *schedule,
    ngx_oof_payment_verdict_t *verdict);


#endif /* _NGX_OOF_PAYMENT_SCHEDULE_H_INCLUDED_ */
