
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_sweep.h>
#include <ngx_oof_consent_sql.h>


/* times are in ms */

#define NGX_OOF_SWEEP_POLL       500       /* between looks */
#define NGX_OOF_SWEEP_POLL_DUE   1000      /* while there is work */
#define NGX_OOF_SWEEP_CLOCK      100       /* a clock that may be moved */
#define NGX_OOF_SWEEP_RETRY      1000
#define NGX_OOF_SWEEP_HELD       100       /* rows of other sessions */
#define NGX_OOF_SWEEP_DEADLINE   5000

/* rows of a batch, and how long one should last */

#define NGX_OOF_SWEEP_MIN        16
#define NGX_OOF_SWEEP_MAX        512
#define NGX_OOF_SWEEP_SHORT      8
#define NGX_OOF_SWEEP_LONG       16

/* consents that are due are counted up to here, and from here on are many */

#define NGX_OOF_SWEEP_COUNTED    10000
#define NGX_OOF_SWEEP_MANY       1000

#define NGX_OOF_SWEEP_NEVER      INT64_MAX


typedef struct {
    ngx_oof_leased_t         leased;
    ngx_str_t                namespaces;   /* of brands, JSON */

    ngx_event_t              timer;
    int64_t                  due;          /* the next one, rule clock */
    int64_t                  from;         /* nothing is due before */
    int64_t                  backlog;
    ngx_msec_t               look;         /* when to */
    ngx_msec_t               next;         /* not before: a batch */
    int64_t                  batch;
} ngx_oof_consent_sweeper_t;


static ngx_int_t ngx_oof_consent_sweeper_add(ngx_conf_t *cf,
    ngx_oof_leased_t *leased);

static void ngx_oof_consent_sweep_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_consent_sweep_lost(ngx_oof_lease_t *lease);
static void ngx_oof_consent_sweep_timer(ngx_event_t *ev);
static void ngx_oof_consent_sweep_wait(ngx_oof_consent_sweeper_t *s);
static ngx_oof_pg_unit_t *ngx_oof_consent_sweep_unit(
    ngx_oof_consent_sweeper_t *s, ngx_oof_sql_t *sql,
    ngx_oof_pg_handler_pt handler);
static ngx_uint_t ngx_oof_consent_sweep_answer(ngx_oof_consent_sweeper_t *s,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_sweep_look(ngx_oof_consent_sweeper_t *s);
static void ngx_oof_consent_sweep_looked(ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_sweep_batch(ngx_oof_consent_sweeper_t *s);
static void ngx_oof_consent_swept(ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_sweep_adapt(ngx_oof_consent_sweeper_t *s,
    int64_t swept, ngx_msec_t took);


static ngx_oof_metric_t  ngx_oof_consent_sweep_due;
static ngx_oof_metric_t  ngx_oof_consent_sweep_age;
static ngx_oof_metric_t  ngx_oof_consent_sweep_total;
static ngx_oof_metric_t  ngx_oof_consent_sweep_seconds;


static ngx_oof_leased_family_t  ngx_oof_consent_sweep_families[] = {

    { &ngx_oof_consent_sweep_due, "oof_consents_due",
      "Consents whose time has come and which are not ended yet, counted up to "
      "10000.",
      NGX_OOF_METRIC_SPARSE },

    { &ngx_oof_consent_sweep_age, "oof_consents_due_age_seconds",
      "Seconds since the oldest of them was due.",
      NGX_OOF_METRIC_SPARSE },

    { &ngx_oof_consent_sweep_total, "oof_consents_swept_total",
      "Consents that time has ended, written here.",
      NGX_OOF_METRIC_COUNTER },

    { &ngx_oof_consent_sweep_seconds, "oof_consent_sweep_seconds",
      "How long a batch of them took, and its rows were locked at most.",
      NGX_OOF_METRIC_HISTOGRAM },

    { NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_oof_consent_sweep_location(ngx_conf_t *cf)
{
    ngx_oof_consent_main_conf_t  *ocmcf;

    ocmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_consent_module);

    return ngx_oof_leased_location(cf, &ocmcf->locations);
}


ngx_int_t
ngx_oof_consent_sweep_init(ngx_conf_t *cf)
{
    ngx_oof_consent_main_conf_t  *ocmcf;

    ocmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_consent_module);

    return ngx_oof_leased_init(cf, &ocmcf->locations,
                               sizeof(ngx_oof_consent_sweeper_t), NULL,
                               ngx_oof_consent_sweeper_add);
}


static ngx_int_t
ngx_oof_consent_sweeper_add(ngx_conf_t *cf, ngx_oof_leased_t *leased)
{
    ngx_oof_consent_sweeper_t *s = (ngx_oof_consent_sweeper_t *) leased;

    if (ngx_oof_leased_namespaces(cf, leased, &s->namespaces) != NGX_OK
        || ngx_oof_leased_metrics(cf, leased->lease.db,
                                  ngx_oof_consent_sweep_families,
                                  &leased->series)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&leased->lease.name, "sweeper");

    leased->lease.acquired = ngx_oof_consent_sweep_acquired;
    leased->lease.lost = ngx_oof_consent_sweep_lost;

    s->timer.handler = ngx_oof_consent_sweep_timer;
    s->timer.data = s;
    s->timer.log = &cf->cycle->new_log;
    s->timer.cancelable = 1;

    return NGX_OK;
}


static void
ngx_oof_consent_sweep_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_consent_sweeper_t *s = lease->data;

    s->due = NGX_OOF_SWEEP_NEVER;
    s->batch = NGX_OOF_SWEEP_MIN;
    s->look = ngx_current_msec;

    ngx_oof_consent_sweep_timer(&s->timer);
}


/* values that nobody keeps any more would only deceive */

static void
ngx_oof_consent_sweep_lost(ngx_oof_lease_t *lease)
{
    ngx_oof_consent_sweeper_t *s = lease->data;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ngx_oof_metric_unset(&ngx_oof_consent_sweep_due, s->leased.series);
    ngx_oof_metric_unset(&ngx_oof_consent_sweep_age, s->leased.series);
}


static void
ngx_oof_consent_sweep_timer(ngx_event_t *ev)
{
    ngx_oof_consent_sweeper_t *s = ev->data;

    if (s->leased.asking || s->leased.lease.epoch == 0 || ngx_exiting) {
        return;
    }

    if (!ngx_oof_lease_held(&s->leased.lease) || !ngx_oof_clock_ready()) {
        ngx_add_timer(&s->timer, NGX_OOF_SWEEP_CLOCK);
        return;
    }

    if ((ngx_msec_int_t) (ngx_current_msec - s->look) >= 0) {
        ngx_oof_consent_sweep_look(s);

    } else if (s->due <= ngx_oof_clock_rule()
               && (ngx_msec_int_t) (ngx_current_msec - s->next) >= 0)
    {
        ngx_oof_consent_sweep_batch(s);
    }

    if (!s->leased.asking) {
        ngx_oof_consent_sweep_wait(s);
    }
}


/* until the next look, the next batch, or what is due first */

static void
ngx_oof_consent_sweep_wait(ngx_oof_consent_sweeper_t *s)
{
    int64_t         now;
    ngx_msec_int_t  wait, batch;

    wait = (ngx_msec_int_t) (s->look - ngx_current_msec);

    if (s->due != NGX_OOF_SWEEP_NEVER) {
        now = ngx_oof_clock_rule();

        batch = (s->due > now)
                ? (ngx_msec_int_t) ngx_min((s->due - now) / 1000 + 1,
                                           NGX_OOF_SWEEP_POLL)
                : (ngx_msec_int_t) (s->next - ngx_current_msec);

        wait = ngx_min(wait, batch);
    }

    /* a clock that is moved tells nobody */

    if (ngx_oof_clock_movable()) {
        wait = ngx_min(wait, NGX_OOF_SWEEP_CLOCK);
    }

    ngx_add_timer(&s->timer, (ngx_msec_t) ngx_max(wait, 1));
}


static ngx_oof_pg_unit_t *
ngx_oof_consent_sweep_unit(ngx_oof_consent_sweeper_t *s, ngx_oof_sql_t *sql,
    ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_leased_unit(&s->leased, NGX_OOF_SWEEP_DEADLINE, handler);

    if (u) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_consent_sweep_plan);
        ngx_oof_pg_statement(u, sql);
    }

    return u;
}


/* whether there is one, and it is of the epoch that we are in */

static ngx_uint_t
ngx_oof_consent_sweep_answer(ngx_oof_consent_sweeper_t *s,
    ngx_oof_pg_unit_t *u)
{
    ngx_int_t  rc;

    rc = ngx_oof_leased_answer(&s->leased, u);

    if (rc == NGX_ABORT) {
        return 0;
    }

    if (rc == NGX_OK && ngx_oof_pg_rows(u, 1) == 1) {
        return 1;
    }

    s->due = NGX_OOF_SWEEP_NEVER;
    s->batch = NGX_OOF_SWEEP_MIN;
    s->look = ngx_current_msec + NGX_OOF_SWEEP_RETRY;

    ngx_oof_consent_sweep_wait(s);

    return 0;
}


static void
ngx_oof_consent_sweep_look(ngx_oof_consent_sweeper_t *s)
{
    ngx_oof_pg_unit_t  *u;

    s->look = ngx_current_msec + NGX_OOF_SWEEP_RETRY;

    u = ngx_oof_consent_sweep_unit(s, &ngx_oof_sql_consent_sweep_look,
                                   ngx_oof_consent_sweep_looked);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int8(u, NGX_OOF_SWEEP_COUNTED);

    ngx_oof_leased_send(&s->leased, u);
}


static void
ngx_oof_consent_sweep_looked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_consent_sweeper_t *s = u->data;

    int64_t     age;
    ngx_msec_t  wait;

    if (!ngx_oof_consent_sweep_answer(s, u)) {
        return;
    }

    s->due = ngx_oof_pg_is_null(u, 1, 0, 0)
             ? NGX_OOF_SWEEP_NEVER : ngx_oof_pg_get_time(u, 1, 0, 0);
    s->from = s->due;
    s->backlog = ngx_oof_pg_get_int(u, 1, 0, 1);
    s->next = ngx_current_msec;

    /* what makes looking dear, makes it rare */

    wait = s->backlog ? NGX_OOF_SWEEP_POLL_DUE : NGX_OOF_SWEEP_POLL;

    s->look = ngx_current_msec + wait + 10 * (ngx_current_msec - u->queued);

    age = s->backlog ? (ngx_oof_clock_rule() - s->due) / NGX_OOF_SECOND : 0;

    ngx_oof_metric_set(&ngx_oof_consent_sweep_due, s->leased.series,
                       (ngx_int_t) s->backlog);
    ngx_oof_metric_set(&ngx_oof_consent_sweep_age, s->leased.series,
                       (ngx_int_t) ngx_max(age, 0));

    ngx_oof_consent_sweep_timer(&s->timer);
}


static void
ngx_oof_consent_sweep_batch(ngx_oof_consent_sweeper_t *s)
{
    int64_t             real;
    ngx_str_t           type;
    ngx_oof_pg_unit_t  *u;

    s->next = ngx_current_msec + NGX_OOF_SWEEP_RETRY;

    u = ngx_oof_consent_sweep_unit(s, &ngx_oof_sql_consent_sweep,
                                   ngx_oof_consent_swept);
    if (u == NULL) {
        return;
    }

    real = ngx_oof_clock_real();
    ngx_str_set(&type, NGX_OOF_EVENT_CONSENT_REJECTED);

    ngx_oof_pg_text(u, &s->leased.lease.name);
    ngx_oof_pg_int8(u, s->leased.lease.epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_time(u, s->from);
    ngx_oof_pg_int8(u, s->batch);
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int8(u, real / 1000);
    ngx_oof_pg_text(u, &type);
    ngx_oof_pg_text(u, &s->namespaces);

    ngx_oof_leased_send(&s->leased, u);
}


static void
ngx_oof_consent_swept(ngx_oof_pg_unit_t *u)
{
    ngx_oof_consent_sweeper_t *s = u->data;

    int64_t     swept;
    ngx_msec_t  took;

    if (!ngx_oof_consent_sweep_answer(s, u)) {
        return;
    }

    swept = ngx_oof_pg_get_int(u, 1, 0, 2);
    took = ngx_current_msec - u->queued;

    if (swept == 0) {

        /* other sessions hold them, or another process holds the lease */

        s->due = NGX_OOF_SWEEP_NEVER;
        s->look = ngx_current_msec
                  + (ngx_oof_pg_get_int(u, 1, 0, 1) ? NGX_OOF_SWEEP_HELD
                                                    : NGX_OOF_SWEEP_RETRY);

        ngx_oof_consent_sweep_wait(s);
        return;
    }

    ngx_oof_metric_inc(&ngx_oof_consent_sweep_total, s->leased.series,
                       (ngx_int_t) swept);
    ngx_oof_metric_observe(&ngx_oof_consent_sweep_seconds, s->leased.series,
                           (uint64_t) took * 1000);

    if (swept < s->batch) {

        /* all that was known to be due */

        s->due = NGX_OOF_SWEEP_NEVER;
        s->look = ngx_current_msec;

    } else {
        s->from = ngx_oof_pg_get_time(u, 1, 0, 3);
        s->backlog -= swept;
    }

    ngx_oof_consent_sweep_adapt(s, swept, took);

    ngx_oof_consent_sweep_timer(&s->timer);
}


/*
 * A few are ended at once.  Of many, requests get at least every other moment.
 */

static void
ngx_oof_consent_sweep_adapt(ngx_oof_consent_sweeper_t *s, int64_t swept,
    ngx_msec_t took)
{
    s->next = ngx_current_msec;

    if (s->backlog > NGX_OOF_SWEEP_MANY) {
        s->next += took;
    }

    if (took > NGX_OOF_SWEEP_LONG) {
        s->batch = ngx_max(s->batch / 2, NGX_OOF_SWEEP_MIN);

    } else if (took < NGX_OOF_SWEEP_SHORT && swept == s->batch) {
        s->batch = ngx_min(s->batch * 2, NGX_OOF_SWEEP_MAX);
    }
}
