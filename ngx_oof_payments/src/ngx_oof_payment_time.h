
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_TIME_H_INCLUDED_
#define _NGX_OOF_PAYMENT_TIME_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Days and windows of payments.  A day is a number, days since 1970-01-01 of
 * the Gregorian calendar, so that days are compared, added and stored as
 * integers; which day it is comes from Brasilia's wall clock (spec 0.3, 2.6).
 * Instants are microseconds of the rule clock, as in ngx_oof_clock.h.  Nothing
 * here needs a request, a phase or a clock: "now" is always a parameter.
 */

#define NGX_OOF_PAYMENT_MONDAY     0      /* ngx_oof_payment_weekday() */
#define NGX_OOF_PAYMENT_SUNDAY     6

/* lives of a consent (spec 2.9), and of a batch until it is scheduled (2.8) */
#define NGX_OOF_PAYMENT_AWAITING   (5 * NGX_OOF_MINUTE)
#define NGX_OOF_PAYMENT_UNUSED     (60 * NGX_OOF_MINUTE)
#define NGX_OOF_PAYMENT_SCHEDULING (60 * NGX_OOF_MINUTE)


/* writes "2026-11-24" (10 characters); the year has four digits */
u_char *ngx_oof_payment_day_format(u_char *p, int64_t day);

/* NGX_OOF_PAYMENT_MONDAY … NGX_OOF_PAYMENT_SUNDAY */
ngx_int_t ngx_oof_payment_weekday(int64_t day);

/*
 * The same day and month "years" later; 29 February becomes 28 February where
 * there is none, so that a term of years is never longer than it says.
 */
int64_t ngx_oof_payment_years_later(int64_t day, ngx_int_t years);

/*
 * The instant of a time of Brasilia's wall clock, "minutes" after midnight (0
 * to 1440), also on days on which the clock is put forward or back at
 * midnight.
 */
int64_t ngx_oof_payment_wall(int64_t day, ngx_uint_t minutes);

/*
 * The instant at which approvals are too late that turn PARTIALLY_ACCEPTED
 * into AUTHORISED (spec 2.9): the end of the day of the request when "first"
 * is 0 (immediate), else the end of the day before "first", the day of the
 * first settlement.  At that very instant it is REJECTED.
 */
int64_t ngx_oof_payment_partial_until(int64_t created, int64_t first);

/*
 * Whether a scheduled payment of day "day" may still be cancelled alone (spec
 * 2.11, both versions): through 23:59:59 of the day before.
 */
ngx_uint_t ngx_oof_payment_cancellable(int64_t now, int64_t day);

/*
 * The first day of settlement whose payments a bulk cancellation reaches: v4
 * tomorrow; v5 tomorrow until 22:00:00 sharp, the day after from then on.
 */
int64_t ngx_oof_payment_bulk_first(ngx_uint_t version, int64_t now);


#endif /* _NGX_OOF_PAYMENT_TIME_H_INCLUDED_ */
