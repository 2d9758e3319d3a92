
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CLOCK_H_INCLUDED_
#define _NGX_OOF_CLOCK_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Two clocks.  The rule clock (timers of consents and payments, schedules,
 * dates, retention) is the system's plus an offset that exists only with
 * "oof_test_clock on"; the real clock judges tokens, certificates, leases and
 * deadlines.  Both are microseconds since the Unix epoch, taken from nginx's
 * cached time, so they stand still within one turn of the event loop.
 */

#define NGX_OOF_SECOND  1000000LL
#define NGX_OOF_MINUTE  (60 * NGX_OOF_SECOND)
#define NGX_OOF_HOUR    (60 * NGX_OOF_MINUTE)
#define NGX_OOF_DAY     (24 * NGX_OOF_HOUR)

/* "2026-11-24T12:00:00Z" */
#define NGX_OOF_TIME_LEN  20


/* the offset of the rule clock is kept within a hundred years */
#define NGX_OOF_CLOCK_OFFSET_MAX  (100 * 366 * 86400LL)


/* part of the shared zone, see ngx_oof_metrics.h */

typedef struct {
    ngx_atomic_t     offset;       /* seconds, signed */
    ngx_atomic_t     changes;      /* raised by each change of the offset */
    ngx_atomic_t     known;        /* the database has told the offset */
    ngx_atomic_t     used;         /* ngx_current_msec of the last request */
} ngx_oof_clock_shared_t;


typedef struct {
    ngx_int_t        year;
    ngx_int_t        month;        /* 1..12 */
    ngx_int_t        day;          /* 1..31 */
} ngx_oof_date_t;


/* now, by each of them */
int64_t ngx_oof_clock_rule(void);
int64_t ngx_oof_clock_real(void);

/* writes NGX_OOF_TIME_LEN characters, UTC, seconds, "Z" (spec 0.3) */
u_char *ngx_oof_clock_format(u_char *p, int64_t us);

/*
 * Takes a date-time of the regulation's pattern (spec 0.3: "Z", no fraction,
 * at most 20 characters, month and day of one or two digits).  Returns
 * NGX_DECLINED when the form is wrong, NGX_ABORT when the form is right but
 * no such day exists (30 February), NGX_OK with microseconds in "us".
 */
ngx_int_t ngx_oof_clock_parse(ngx_str_t *text, int64_t *us);

/* the same for a date, interpreted as a calendar day */
ngx_int_t ngx_oof_clock_parse_date(ngx_str_t *text, ngx_oof_date_t *date);

/*
 * Days since 1970-01-01 of the Gregorian calendar: of a date, which must exist,
 * and the way back; how many a month has.
 */
int64_t ngx_oof_clock_day(ngx_oof_date_t *date);
void ngx_oof_clock_date(int64_t day, ngx_oof_date_t *date);
ngx_int_t ngx_oof_clock_month_days(ngx_int_t year, ngx_int_t month);

/* Brasilia's wall clock: day of an instant, and first instant of a day */
void ngx_oof_clock_brasilia(int64_t us, ngx_oof_date_t *date);
int64_t ngx_oof_clock_brasilia_start(ngx_oof_date_t *date);

/* the same in days since 1970-01-01 */
int64_t ngx_oof_clock_today(int64_t us);
int64_t ngx_oof_clock_day_start(int64_t day);

/*
 * Reads a zone file (TZif, RFC 8536) in "data", which becomes Brasilia's
 * zone.  Returns NGX_DECLINED, with the zone unchanged, when it is not one.
 */
ngx_int_t ngx_oof_clock_zone(u_char *data, size_t len);

/*
 * Rooms' life cycle, called by the module.  At configuration the system's zone
 * file of America/Sao_Paulo is read; -03:00 serves, with a warning, where
 * there is none.
 */
ngx_int_t ngx_oof_clock_init(ngx_conf_t *cf);
ngx_int_t ngx_oof_clock_init_process(ngx_cycle_t *cycle);

/*
 * Sets the offset of the rule clock in seconds for all processes of this host
 * (shared memory); NGX_DECLINED without "oof_test_clock on" or with more than
 * NGX_OOF_CLOCK_OFFSET_MAX.  The caller has stored it in the database before
 * (oof_clock of ngx_oof_clock_database()), whence worker 0 of each host reads
 * it at start, ten times a second while there are requests, and then each
 * second.
 */
ngx_int_t ngx_oof_clock_set_offset(int64_t seconds);
int64_t ngx_oof_clock_offset(void);

/* a request comes, which wants the clock to be that of all hosts */
void ngx_oof_clock_use(void);

/* "oof_test_clock on" */
ngx_uint_t ngx_oof_clock_movable(void);

/* whether the offset is known, for readiness: a restart forgets it */
ngx_uint_t ngx_oof_clock_ready(void);

/* the one that keeps the offset: the first that is configured, or NULL */
ngx_oof_database_t *ngx_oof_clock_database(void);


#endif /* _NGX_OOF_CLOCK_H_INCLUDED_ */
