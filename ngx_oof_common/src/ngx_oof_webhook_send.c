
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_webhook_int.h>
#include <ngx_oof_common_sql.h>


/* the calls: what is due is taken, made, and what it came to is written */


/* ms */

#define NGX_OOF_WEBHOOK_POLL      100
#define NGX_OOF_WEBHOOK_RETRY     1000
#define NGX_OOF_WEBHOOK_DEADLINE  5000
#define NGX_OOF_WEBHOOK_SLOW      2000    /* an answer that takes longer */
#define NGX_OOF_WEBHOOK_MARGIN    1000    /* a call has surely ended then */
#define NGX_OOF_WEBHOOK_GRACE     1000    /* for calls of a quitting worker */
#define NGX_OOF_WEBHOOK_PURGE     600000
#define NGX_OOF_WEBHOOK_FIND      60000

#define NGX_OOF_WEBHOOK_BATCH     64
#define NGX_OOF_WEBHOOK_OLD       500     /* purged at once */
#define NGX_OOF_WEBHOOK_SOON      1000    /* looked at, of what comes due */
#define NGX_OOF_WEBHOOK_ANSWER    16384   /* nobody reads it */
#define NGX_OOF_WEBHOOK_WHY       128


/* columns of webhook_take */

typedef enum {
    NGX_OOF_WEBHOOK_COL_DUE = 1,
    NGX_OOF_WEBHOOK_COL_EVENT,
    NGX_OOF_WEBHOOK_COL_TARGET,
    NGX_OOF_WEBHOOK_COL_ATTEMPT,
    NGX_OOF_WEBHOOK_COL_BRAND,
    NGX_OOF_WEBHOOK_COL_HOST,
    NGX_OOF_WEBHOOK_COL_URL,
    NGX_OOF_WEBHOOK_COL_BODY,
    NGX_OOF_WEBHOOK_COL_STAMP,
    NGX_OOF_WEBHOOK_COL_INTERACTION,
    NGX_OOF_WEBHOOK_COL_TRACE,
    NGX_OOF_WEBHOOK_COL_TYPE,
    NGX_OOF_WEBHOOK_COL_CONSENT,
    NGX_OOF_WEBHOOK_COL_ORGANISATION
} ngx_oof_webhook_col_e;


typedef struct {
    ngx_queue_t                queue;
    ngx_pool_t                *pool;
    ngx_oof_webhook_sender_t  *sender;
    ngx_oof_webhooks_t        *conf;
    ngx_oof_webhook_host_t    *host;
    ngx_oof_fetch_t            fetch;

    u_char                     id[NGX_OOF_UUID_LEN];
    ngx_int_t                  target;
    ngx_int_t                  attempt;
    int64_t                    stamp;
    int64_t                    began;      /* real clock */
    ngx_msec_t                 start;

    /* of its report, and of its trace */

    ngx_oof_webhook_use_t     *use;
    ngx_str_t                  type;
    ngx_str_t                  trace;      /* empty: none */
    u_char                     interaction[NGX_OOF_UUID_LEN];
    u_char                     consent[NGX_OOF_UUID_LEN];
    u_char                     organisation[NGX_OOF_UUID_LEN];
    unsigned                   known:1;    /* whose it is */

    /* what it came to */

    int64_t                    ended;
    int64_t                    due;        /* 0: there is no other */
    ngx_uint_t                 status;
    u_char                     why[NGX_OOF_WEBHOOK_WHY];
    unsigned                   delivered:1;
} ngx_oof_webhook_call_t;


static ngx_int_t ngx_oof_webhook_metrics(ngx_conf_t *cf,
    ngx_oof_webhook_sender_t *s);

static void ngx_oof_webhook_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_webhook_lease_lost(ngx_oof_lease_t *lease);
static void ngx_oof_webhook_timer(ngx_event_t *ev);
static void ngx_oof_webhook_arm(ngx_oof_webhook_sender_t *s, ngx_msec_t wait);
static void ngx_oof_webhook_next(ngx_oof_webhook_sender_t *s);
static ngx_oof_pg_unit_t *ngx_oof_webhook_unit(ngx_oof_webhook_sender_t *s,
    ngx_uint_t class, ngx_oof_pg_handler_pt handler);
static ngx_uint_t ngx_oof_webhook_sent(ngx_oof_webhook_sender_t *s,
    ngx_oof_pg_unit_t *u);

static void ngx_oof_webhook_look(ngx_oof_webhook_sender_t *s);
static void ngx_oof_webhook_looked(ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_find(ngx_oof_webhook_sender_t *s);
static ngx_int_t ngx_oof_webhook_find_brands(ngx_oof_webhook_sender_t *s,
    ngx_pool_t *pool, ngx_str_t *text);
static void ngx_oof_webhook_found(ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_purge(ngx_oof_webhook_sender_t *s);
static void ngx_oof_webhook_purged(ngx_oof_pg_unit_t *u);

static void ngx_oof_webhook_step(ngx_oof_webhook_sender_t *s);
static ngx_int_t ngx_oof_webhook_step_lost(ngx_oof_webhook_sender_t *s,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_webhook_step_take(ngx_oof_webhook_sender_t *s,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_stepped(ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_slow(ngx_oof_webhook_sender_t *s);

static void ngx_oof_webhook_begin(ngx_oof_webhook_sender_t *s,
    ngx_oof_pg_unit_t *u, ngx_uint_t n, ngx_uint_t row);
static ngx_oof_webhook_call_t *ngx_oof_webhook_call(
    ngx_oof_webhook_sender_t *s, ngx_oof_pg_unit_t *u, ngx_uint_t n,
    ngx_uint_t row);
static ngx_int_t ngx_oof_webhook_copy(ngx_pool_t *pool, ngx_oof_pg_unit_t *u,
    ngx_uint_t n, ngx_uint_t row, ngx_uint_t col, ngx_str_t *value);
static ngx_int_t ngx_oof_webhook_request(ngx_oof_webhook_call_t *call);
static ngx_int_t ngx_oof_webhook_trace(ngx_oof_webhook_call_t *call,
    ngx_oof_fetch_t *f);
static void ngx_oof_webhook_done(ngx_oof_fetch_t *f);
static void ngx_oof_webhook_report(ngx_oof_webhook_call_t *call);
static void ngx_oof_webhook_result(ngx_oof_webhook_call_t *call,
    ngx_uint_t series, const char *why);
static void ngx_oof_webhook_why(ngx_oof_webhook_call_t *call,
    const char *why);

static ngx_int_t ngx_oof_webhook_write_results(ngx_oof_webhook_sender_t *s,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_write_result(ngx_oof_json_t *w,
    ngx_oof_webhook_call_t *call);
static void ngx_oof_webhook_written(ngx_oof_webhook_sender_t *s,
    ngx_uint_t good);
static void ngx_oof_webhook_settle(ngx_oof_webhook_sender_t *s);
static void ngx_oof_webhook_settled(ngx_oof_pg_unit_t *u);
static void ngx_oof_webhook_quit(ngx_event_t *ev);
static void ngx_oof_webhook_over(ngx_oof_webhook_sender_t *s);


static ngx_oof_metric_t  ngx_oof_webhook_total;
static ngx_oof_metric_t  ngx_oof_webhook_start;
static ngx_oof_metric_t  ngx_oof_webhook_waiting;
static ngx_oof_metric_t  ngx_oof_webhook_oldest;
static ngx_oof_metric_t  ngx_oof_webhook_given_up;


/* the series of oof_webhook_attempts_total, in this order */

#define NGX_OOF_WEBHOOK_OK           0
#define NGX_OOF_WEBHOOK_STATUS       1
#define NGX_OOF_WEBHOOK_ERROR        2
#define NGX_OOF_WEBHOOK_REFUSED      3
#define NGX_OOF_WEBHOOK_INTERRUPTED  4
#define NGX_OOF_WEBHOOK_LOST         5

static ngx_str_t  ngx_oof_webhook_results[] = {
    ngx_string("result=\"ok\""),           /* 2xx */
    ngx_string("result=\"status\""),       /* another status */
    ngx_string("result=\"error\""),        /* no whole answer */
    ngx_string("result=\"refused\""),      /* its address is not public */
    ngx_string("result=\"interrupted\""),  /* the process has ended */
    ngx_string("result=\"lost\""),         /* nobody knows */
    ngx_null_string
};


ngx_int_t
ngx_oof_webhook_send_init(ngx_conf_t *cf, ngx_oof_webhook_sender_t *s)
{
    if (ngx_oof_webhook_metrics(cf, s) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_queue_init(&s->calls);
    ngx_queue_init(&s->results);
    ngx_queue_init(&s->writing);

    ngx_str_set(&s->lease.name, "webhooks");

    s->lease.acquired = ngx_oof_webhook_acquired;
    s->lease.lost = ngx_oof_webhook_lease_lost;
    s->lease.data = s;

    s->timer.handler = ngx_oof_webhook_timer;
    s->timer.data = s;
    s->timer.log = &cf->cycle->new_log;
    s->timer.cancelable = 1;

    s->quit.handler = ngx_oof_webhook_quit;
    s->quit.data = s;
    s->quit.log = &cf->cycle->new_log;

    return ngx_oof_lease_add(cf, &s->lease);
}


static ngx_int_t
ngx_oof_webhook_metrics(ngx_conf_t *cf, ngx_oof_webhook_sender_t *s)
{
    ngx_int_t          series;
    ngx_str_t          label, *name;
    ngx_uint_t         i;
    ngx_oof_metric_t  *families[3];

    if (ngx_oof_metric_add_list(cf, &ngx_oof_webhook_total,
                                "oof_webhook_attempts_total",
                                "Attempts to call webhooks by result.",
                                NGX_OOF_METRIC_COUNTER,
                                ngx_oof_webhook_results)
        != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_webhook_start,
                              "oof_webhook_start_seconds",
                              "From an event to the first attempt to call a "
                              "webhook.",
                              NGX_OOF_METRIC_HISTOGRAM)
           != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_webhook_given_up,
                              "oof_webhooks_given_up_total",
                              "Calls of webhooks that waited for their host "
                              "for longer than queue_time says.",
                              NGX_OOF_METRIC_COUNTER)
           != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_webhook_waiting,
                              "oof_webhooks_waiting",
                              "Calls of webhooks that are to be made, counted "
                              "up to 10000.",
                              NGX_OOF_METRIC_SPARSE)
           != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_webhook_oldest,
                              "oof_webhooks_oldest_seconds",
                              "For how long the oldest of them could have been "
                              "made.",
                              NGX_OOF_METRIC_SPARSE)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = ngx_oof_database_name(s->lease.db);

    label.len = sizeof("database=\"\"") - 1 + name->len;
    label.data = ngx_pnalloc(cf->pool, label.len);

    if (label.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(label.data, "database=\"%V\"", name);

    /* the families have the same series */

    families[0] = &ngx_oof_webhook_given_up;
    families[1] = &ngx_oof_webhook_waiting;
    families[2] = &ngx_oof_webhook_oldest;

    for (i = 0; i < 3; i++) {
        series = ngx_oof_metric_series(cf, families[i], &label);

        if (series == NGX_ERROR) {
            return NGX_ERROR;
        }

        s->series = series;
    }

    return NGX_OK;
}


void
ngx_oof_webhook_wake(ngx_oof_webhook_sender_t *s)
{
    s->woken = 1;

    if (s->lease.epoch && !s->asking) {
        ngx_oof_webhook_arm(s, 1);
    }
}


static void
ngx_oof_webhook_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_webhook_sender_t *s = lease->data;

    s->since = ngx_current_msec;
    s->look = ngx_current_msec + NGX_OOF_WEBHOOK_RETRY;
    s->found = 0;
    s->purge = ngx_current_msec + NGX_OOF_WEBHOOK_RETRY;
    s->woken = 1;

    if (!s->asking) {
        ngx_oof_webhook_arm(s, 1);
    }
}


/*
 * What is under way goes on: what it comes to is true, whoever writes it.  A
 * worker that quits gives it a second.
 */

static void
ngx_oof_webhook_lease_lost(ngx_oof_lease_t *lease)
{
    ngx_oof_webhook_sender_t *s = lease->data;

    ngx_oof_metric_unset(&ngx_oof_webhook_waiting, s->series);
    ngx_oof_metric_unset(&ngx_oof_webhook_oldest, s->series);

    if (ngx_exiting && (!ngx_queue_empty(&s->calls)
                        || !ngx_queue_empty(&s->results)))
    {
        ngx_add_timer(&s->quit, NGX_OOF_WEBHOOK_GRACE);
        ngx_oof_webhook_settle(s);
    }
}


static void
ngx_oof_webhook_timer(ngx_event_t *ev)
{
    ngx_oof_webhook_sender_t *s = ev->data;

    int64_t  now;

    if (s->asking) {
        return;
    }

    ngx_oof_webhook_slow(s);

    if (s->lease.epoch == 0) {
        ngx_oof_webhook_settle(s);
        return;
    }

    if (!ngx_oof_lease_held(&s->lease)) {
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_POLL);
        return;
    }

    now = ngx_oof_clock_real();

    if (s->woken || !ngx_queue_empty(&s->results)
        || (s->due && s->due <= now))
    {
        ngx_oof_webhook_step(s);

    } else if ((ngx_msec_int_t) (s->purge - ngx_current_msec) <= 0) {
        ngx_oof_webhook_purge(s);

    } else if (s->find && s->finds && ngx_oof_clock_ready()
               && (ngx_msec_int_t) (s->look - ngx_current_msec) <= 0)
    {
        ngx_oof_webhook_find(s);

    } else {
        ngx_oof_webhook_look(s);
    }

    if (!s->asking) {
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_POLL);
    }
}


static void
ngx_oof_webhook_arm(ngx_oof_webhook_sender_t *s, ngx_msec_t wait)
{
    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ngx_add_timer(&s->timer, wait);
}


/* when something is to be done again */

static void
ngx_oof_webhook_next(ngx_oof_webhook_sender_t *s)
{
    int64_t     ms;
    ngx_msec_t  wait;

    wait = NGX_OOF_WEBHOOK_POLL;

    if (s->woken || !ngx_queue_empty(&s->results)) {
        wait = 1;

    } else if (s->due) {
        ms = (s->due - ngx_oof_clock_real()) / 1000 + 1;

        if (ms < (int64_t) wait) {
            wait = (ms > 1) ? (ngx_msec_t) ms : 1;
        }
    }

    ngx_oof_webhook_arm(s, wait);
}


static ngx_oof_pg_unit_t *
ngx_oof_webhook_unit(ngx_oof_webhook_sender_t *s, ngx_uint_t class,
    ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(s->lease.db, class);
    if (u == NULL) {
        return NULL;
    }

    u->handler = handler;
    u->data = s;
    u->deadline = ngx_current_msec + NGX_OOF_WEBHOOK_DEADLINE;

    return u;
}


static ngx_uint_t
ngx_oof_webhook_sent(ngx_oof_webhook_sender_t *s, ngx_oof_pg_unit_t *u)
{
    s->epoch = s->lease.epoch;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return 0;
    }

    s->asking = 1;

    return 1;
}


static void
ngx_oof_webhook_look(ngx_oof_webhook_sender_t *s)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_webhook_unit(s, NGX_OOF_PG_READ, ngx_oof_webhook_looked);

    if (u) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_look);
        (void) ngx_oof_webhook_sent(s, u);
    }
}


static void
ngx_oof_webhook_looked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_webhook_sender_t *s = u->data;

    int64_t  now, oldest, sent;

    s->asking = 0;

    if (s->lease.epoch == 0) {
        ngx_oof_webhook_settle(s);
        return;
    }

    if (u->rc != NGX_OOF_PG_OK || s->epoch != s->lease.epoch) {
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_RETRY);
        return;
    }

    now = ngx_oof_clock_real();

    oldest = ngx_oof_pg_is_null(u, 0, 0, 1) ? 0
                                            : ngx_oof_pg_get_time(u, 0, 0, 1);
    sent = ngx_oof_pg_is_null(u, 0, 0, 2) ? 0
                                          : ngx_oof_pg_get_time(u, 0, 0, 2);

    ngx_oof_metric_set(&ngx_oof_webhook_waiting, s->series,
                       (ngx_int_t) ngx_oof_pg_get_int(u, 0, 0, 0));
    ngx_oof_metric_set(&ngx_oof_webhook_oldest, s->series,
                       (oldest && oldest < now)
                       ? (ngx_int_t) ((now - oldest) / 1000000) : 0);

    s->due = (oldest && (sent == 0 || oldest < sent)) ? oldest : sent;

    /* hosts that have no room are looked at again when there is some */

    if (s->due && s->due <= now
        && s->hosts.running < s->hosts.max)
    {
        s->woken = 1;
    }

    ngx_oof_webhook_next(s);
}


/* what the bank is told of before it happens */

static void
ngx_oof_webhook_find(ngx_oof_webhook_sender_t *s)
{
    int64_t             now;
    ngx_str_t           brands;
    ngx_oof_pg_unit_t  *u;

    s->look = ngx_current_msec + NGX_OOF_WEBHOOK_FIND;

    u = ngx_oof_webhook_unit(s, NGX_OOF_PG_LEASE, ngx_oof_webhook_found);
    if (u == NULL) {
        return;
    }

    if (ngx_oof_webhook_find_brands(s, u->pool, &brands) != NGX_OK) {
        ngx_oof_pg_free(u);
        return;
    }

    now = ngx_oof_clock_rule();

    if (s->found < now) {
        s->found = now;
        ngx_memzero(s->found_id, NGX_OOF_UUID_LEN);
    }

    ngx_oof_pg_statement(u, s->find);
    ngx_oof_pg_text(u, &s->lease.name);
    ngx_oof_pg_int8(u, s->lease.epoch);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_text(u, &brands);
    ngx_oof_pg_time(u, s->found);
    ngx_oof_pg_uuid(u, s->found_id);
    ngx_oof_pg_int4(u, NGX_OOF_WEBHOOK_SOON);

    (void) ngx_oof_webhook_sent(s, u);
}


static ngx_int_t
ngx_oof_webhook_find_brands(ngx_oof_webhook_sender_t *s, ngx_pool_t *pool,
    ngx_str_t *text)
{
    ngx_uint_t               i;
    ngx_oof_json_t           w;
    ngx_oof_webhook_use_t  **use;

    if (ngx_oof_json_init(&w, pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    use = s->uses.elts;

    for (i = 0; i < s->uses.nelts; i++) {

        if (use[i]->conf->bank_url.len == 0
            || use[i]->conf->expiry_notice == 0)
        {
            continue;
        }

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "brand", &use[i]->brand);
        ngx_oof_json_member(&w, "url", &use[i]->conf->bank_url);
        ngx_oof_json_name(&w, "seconds");
        ngx_oof_json_int(&w, use[i]->conf->expiry_notice);
        ngx_oof_json_member(&w, "namespace", &use[i]->urn_namespace);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, text);
}


static void
ngx_oof_webhook_found(ngx_oof_pg_unit_t *u)
{
    ngx_oof_webhook_sender_t *s = u->data;

    ngx_str_t  id;

    s->asking = 0;

    if (s->lease.epoch == 0) {
        ngx_oof_webhook_settle(s);
        return;
    }

    s->found = 0;

    if (u->rc == NGX_OOF_PG_OK
        && ngx_oof_pg_get_int(u, 0, 0, 1) == NGX_OOF_WEBHOOK_SOON)
    {
        s->look = ngx_current_msec + NGX_OOF_WEBHOOK_POLL;
        s->found = ngx_oof_pg_get_time(u, 0, 0, 3);

        ngx_oof_pg_get_str(u, 0, 0, 4, &id);
        ngx_memcpy(s->found_id, id.data, NGX_OOF_UUID_LEN);
    }

    ngx_oof_webhook_next(s);
}


static void
ngx_oof_webhook_purge(ngx_oof_webhook_sender_t *s)
{
    ngx_oof_pg_unit_t  *u;

    s->purge = ngx_current_msec + NGX_OOF_WEBHOOK_PURGE;

    u = ngx_oof_webhook_unit(s, NGX_OOF_PG_LEASE, ngx_oof_webhook_purged);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_purge);
    ngx_oof_pg_text(u, &s->lease.name);
    ngx_oof_pg_int8(u, s->lease.epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_real()
                       - (int64_t) s->keep * NGX_OOF_SECOND);
    ngx_oof_pg_int4(u, NGX_OOF_WEBHOOK_OLD);

    (void) ngx_oof_webhook_sent(s, u);
}


static void
ngx_oof_webhook_purged(ngx_oof_pg_unit_t *u)
{
    ngx_oof_webhook_sender_t *s = u->data;

    s->asking = 0;

    if (s->lease.epoch == 0) {
        ngx_oof_webhook_settle(s);
        return;
    }

    if (u->rc == NGX_OOF_PG_OK
        && ngx_oof_pg_get_int(u, 0, 0, 1) == NGX_OOF_WEBHOOK_OLD)
    {
        s->purge = ngx_current_msec + NGX_OOF_WEBHOOK_RETRY;
    }

    ngx_oof_webhook_next(s);
}


/*
 * One unit: what calls have come to, what is lost, what is due.  So nothing is
 * taken while the outcome of something is not written.
 */

static void
ngx_oof_webhook_step(ngx_oof_webhook_sender_t *s)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_webhook_unit(s, NGX_OOF_PG_LEASE, ngx_oof_webhook_stepped);
    if (u == NULL) {
        return;
    }

    if (ngx_oof_webhook_write_results(s, u) != NGX_OK
        || ngx_oof_webhook_step_lost(s, u) != NGX_OK
        || ngx_oof_webhook_step_take(s, u) != NGX_OK)
    {
        ngx_oof_webhook_written(s, 0);
        ngx_oof_pg_free(u);
        return;
    }

    s->woken = 0;

    if (!ngx_oof_webhook_sent(s, u)) {
        ngx_oof_webhook_written(s, 0);
    }
}


static ngx_int_t
ngx_oof_webhook_step_lost(ngx_oof_webhook_sender_t *s, ngx_oof_pg_unit_t *u)
{
    int64_t                  now;
    ngx_str_t                text;
    ngx_uint_t               i, k;
    ngx_oof_json_t           w;
    ngx_oof_webhook_use_t  **use;

    if (ngx_oof_json_init(&w, u->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');

    use = s->uses.elts;

    for (i = 0; i < s->uses.nelts; i++) {
        ngx_oof_json_key(&w, &use[i]->brand);
        ngx_oof_json_begin(&w, '[');

        for (k = 0; k < use[i]->conf->retries; k++) {
            ngx_oof_json_int(&w, use[i]->conf->retry[k]);
        }

        ngx_oof_json_end(&w, ']');
    }

    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    now = ngx_oof_clock_real();

    ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_lost);
    ngx_oof_pg_text(u, &s->lease.name);
    ngx_oof_pg_int8(u, s->lease.epoch);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_text(u, &text);

    /* the time in which nobody could send does not count */

    if (ngx_current_msec - s->since > s->queue_time) {
        ngx_oof_pg_time(u, now - (int64_t) s->queue_time * 1000);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_int4(u, NGX_OOF_WEBHOOK_OLD);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_webhook_step_take(ngx_oof_webhook_sender_t *s, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                hosts, brands;
    ngx_uint_t               i;
    ngx_oof_json_t           w;
    ngx_oof_webhook_use_t  **use;

    if (ngx_oof_json_init(&w, u->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_webhook_hosts_write(&s->hosts, &w);

    if (ngx_oof_json_text(&w, &hosts) != NGX_OK
        || ngx_oof_json_init(&w, u->pool, 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');

    use = s->uses.elts;

    for (i = 0; i < s->uses.nelts; i++) {
        ngx_oof_json_key(&w, &use[i]->brand);
        ngx_oof_json_int(&w, use[i]->conf->timeout + NGX_OOF_WEBHOOK_MARGIN);
    }

    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &brands) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a unit that may have been done is asked for again by its id */

    if (!s->known && ngx_oof_uuid7(s->unit) != NGX_OK) {
        return NGX_ERROR;
    }

    s->known = 1;
    s->taken = ngx_min(NGX_OOF_WEBHOOK_BATCH,
                       s->hosts.max - s->hosts.running);

    ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_take);
    ngx_oof_pg_text(u, &s->lease.name);
    ngx_oof_pg_int8(u, s->lease.epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_text(u, &hosts);
    ngx_oof_pg_int4(u, 1);
    ngx_oof_pg_int4(u, (int32_t) ngx_oof_webhook_hosts_doubtful(&s->hosts));
    ngx_oof_pg_int4(u, (int32_t) s->taken);
    ngx_oof_pg_int4(u, NGX_OOF_WEBHOOK_ATTEMPTS);
    ngx_oof_pg_text(u, &brands);
    ngx_oof_pg_uuid(u, s->unit);

    return NGX_OK;
}


static void
ngx_oof_webhook_stepped(ngx_oof_pg_unit_t *u)
{
    ngx_oof_webhook_sender_t *s = u->data;

    ngx_uint_t  i, n, rows, count;

    s->asking = 0;

    ngx_oof_webhook_written(s, u->rc == NGX_OOF_PG_OK);

    if (u->rc != NGX_OOF_PG_OK) {
        s->woken = 1;

        if (s->lease.epoch == 0) {
            ngx_oof_webhook_settle(s);

        } else {
            ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_RETRY);
        }

        return;
    }

    s->known = 0;

    n = u->nstatements - 1;
    rows = ngx_oof_pg_rows(u, n);
    count = 0;

    ngx_oof_metric_inc(&ngx_oof_webhook_total, NGX_OOF_WEBHOOK_LOST,
                       (ngx_int_t) ngx_oof_pg_get_int(u, n - 1, 0, 1));
    ngx_oof_metric_inc(&ngx_oof_webhook_given_up, s->series,
                       (ngx_int_t) ngx_oof_pg_get_int(u, n - 1, 0, 2));

    /* they are written as attempts, whoever holds the lease now */

    for (i = 0; i < rows; i++) {
        if (!ngx_oof_pg_is_null(u, n, i, NGX_OOF_WEBHOOK_COL_EVENT)) {
            ngx_oof_webhook_begin(s, u, n, i);
            count++;
        }
    }

    s->due = 0;

    if (rows && !ngx_oof_pg_is_null(u, n, 0, NGX_OOF_WEBHOOK_COL_DUE)) {
        s->due = ngx_oof_pg_get_time(u, n, 0, NGX_OOF_WEBHOOK_COL_DUE);
    }

    if (s->lease.epoch == 0) {
        ngx_oof_webhook_settle(s);
        return;
    }

    if (count && count == s->taken) {
        s->woken = 1;
    }

    ngx_oof_webhook_next(s);
}


/* a call that lasts tells of its host before it has ended */

static void
ngx_oof_webhook_slow(ngx_oof_webhook_sender_t *s)
{
    ngx_queue_t             *q;
    ngx_oof_webhook_call_t  *call;

    for (q = ngx_queue_head(&s->calls);
         q != ngx_queue_sentinel(&s->calls);
         q = ngx_queue_next(q))
    {
        call = ngx_queue_data(q, ngx_oof_webhook_call_t, queue);

        /* the oldest come first */

        if (ngx_current_msec - call->start < NGX_OOF_WEBHOOK_SLOW) {
            return;
        }

        ngx_oof_webhook_host_slow(&s->hosts, call->host);
    }
}


static void
ngx_oof_webhook_begin(ngx_oof_webhook_sender_t *s, ngx_oof_pg_unit_t *u,
    ngx_uint_t n, ngx_uint_t row)
{
    ngx_str_t                host, interaction;
    ngx_oof_webhook_call_t  *call;

    /* without memory it is lost, and found by its time */

    call = ngx_oof_webhook_call(s, u, n, row);
    if (call == NULL) {
        return;
    }

    ngx_oof_pg_get_str(u, n, row, NGX_OOF_WEBHOOK_COL_HOST, &host);
    ngx_oof_pg_get_str(u, n, row, NGX_OOF_WEBHOOK_COL_INTERACTION,
                       &interaction);
    ngx_memcpy(call->interaction, interaction.data, NGX_OOF_UUID_LEN);

    call->host = ngx_oof_webhook_host_begin(&s->hosts, &host,
                                            ngx_cycle->log);
    if (call->host == NULL) {
        ngx_destroy_pool(call->pool);
        return;
    }

    ngx_queue_insert_tail(&s->calls, &call->queue);

    if (ngx_exiting) {
        ngx_oof_webhook_result(call, NGX_OOF_WEBHOOK_INTERRUPTED,
                               "interrupted");
        return;
    }

    if (ngx_oof_webhook_request(call) != NGX_OK) {
        ngx_oof_webhook_result(call, NGX_OOF_WEBHOOK_ERROR,
                               "it could not be called");
        return;
    }

    if (call->attempt == 1) {
        ngx_oof_metric_observe(&ngx_oof_webhook_start, 0,
                               (uint64_t) ngx_max(ngx_oof_clock_real()
                                                  - call->stamp, 0));
    }
}


static ngx_oof_webhook_call_t *
ngx_oof_webhook_call(ngx_oof_webhook_sender_t *s, ngx_oof_pg_unit_t *u,
    ngx_uint_t n, ngx_uint_t row)
{
    ngx_str_t                brand, id, consent, organisation;
    ngx_pool_t              *pool;
    ngx_oof_webhook_use_t   *use;
    ngx_oof_webhook_call_t  *call;

    ngx_oof_pg_get_str(u, n, row, NGX_OOF_WEBHOOK_COL_BRAND, &brand);
    ngx_oof_pg_get_str(u, n, row, NGX_OOF_WEBHOOK_COL_EVENT, &id);

    use = ngx_oof_webhook_brand(s, &brand);
    if (use == NULL) {
        return NULL;
    }

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_oof_webhook_call_t));

    if (call == NULL
        || ngx_oof_webhook_copy(pool, u, n, row, NGX_OOF_WEBHOOK_COL_URL,
                                &call->fetch.url)
           != NGX_OK
        || ngx_oof_webhook_copy(pool, u, n, row, NGX_OOF_WEBHOOK_COL_BODY,
                                &call->fetch.body)
           != NGX_OK
        || ngx_oof_webhook_copy(pool, u, n, row, NGX_OOF_WEBHOOK_COL_TYPE,
                                &call->type)
           != NGX_OK
        || ngx_oof_webhook_copy(pool, u, n, row, NGX_OOF_WEBHOOK_COL_TRACE,
                                &call->trace)
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->sender = s;
    call->conf = use->conf;
    call->use = use;
    call->start = ngx_current_msec;
    call->began = ngx_oof_clock_real();

    if (!ngx_oof_pg_is_null(u, n, row, NGX_OOF_WEBHOOK_COL_ORGANISATION)) {
        ngx_oof_pg_get_str(u, n, row, NGX_OOF_WEBHOOK_COL_ORGANISATION,
                           &organisation);
        ngx_memcpy(call->organisation, organisation.data, NGX_OOF_UUID_LEN);

        ngx_oof_pg_get_str(u, n, row, NGX_OOF_WEBHOOK_COL_CONSENT, &consent);
        ngx_memcpy(call->consent, consent.data, NGX_OOF_UUID_LEN);

        call->known = 1;
    }

    ngx_memcpy(call->id, id.data, NGX_OOF_UUID_LEN);
    call->target = (ngx_int_t) ngx_oof_pg_get_int(u, n, row,
                                                  NGX_OOF_WEBHOOK_COL_TARGET);
    call->attempt = (ngx_int_t) ngx_oof_pg_get_int(u, n, row,
                                                 NGX_OOF_WEBHOOK_COL_ATTEMPT);
    call->stamp = ngx_oof_pg_get_time(u, n, row, NGX_OOF_WEBHOOK_COL_STAMP);

    return call;
}


static ngx_int_t
ngx_oof_webhook_copy(ngx_pool_t *pool, ngx_oof_pg_unit_t *u, ngx_uint_t n,
    ngx_uint_t row, ngx_uint_t col, ngx_str_t *value)
{
    ngx_str_t  text;

    ngx_oof_pg_get_str(u, n, row, col, &text);

    value->len = text.len;
    value->data = ngx_pstrdup(pool, &text);

    return value->data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_webhook_request(ngx_oof_webhook_call_t *call)
{
    u_char              *p;
    ngx_str_t           *header;
    ngx_oof_fetch_t     *f;
    ngx_oof_webhooks_t  *conf;

    f = &call->fetch;
    conf = call->conf;

    f->pool = call->pool;
    f->log = ngx_cycle->log;
    ngx_str_set(&f->method, "POST");
    f->timeout = conf->timeout;
    f->connect_timeout = ngx_min(conf->connect_timeout, conf->timeout);
    f->max_size = NGX_OOF_WEBHOOK_ANSWER;
    f->background = 1;
    f->handler = ngx_oof_webhook_done;
    f->data = call;

    if (call->target == 0) {
        f->connections = NGX_OOF_FETCH_OWN;
        f->addrs = conf->bank_addrs;
        f->ca = conf->bank_ca;

    } else {
        f->connections = NGX_OOF_FETCH_THIRD;
        f->public = 1;
        f->allowed = conf->allowed;
        f->ca = conf->ca;
        f->cert = conf->cert;
        f->key = conf->key;
    }

    p = ngx_pnalloc(call->pool, sizeof("x-webhook-interaction-id: ")
                                + NGX_OOF_UUID_TEXT);

    if (p == NULL
        || ngx_array_init(&f->headers, call->pool, 3, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    header = ngx_array_push_n(&f->headers, 2);
    if (header == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&header[0], "Content-Type: application/json");

    header[1].data = p;
    p = ngx_cpymem(p, "x-webhook-interaction-id: ",
                   sizeof("x-webhook-interaction-id: ") - 1);
    p = ngx_oof_uuid_format(p, call->interaction);
    header[1].len = p - header[1].data;

    if (call->trace.len && ngx_oof_webhook_trace(call, f) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_fetch(f);
}


/* each attempt is a span of the trace of its event */

static ngx_int_t
ngx_oof_webhook_trace(ngx_oof_webhook_call_t *call, ngx_oof_fetch_t *f)
{
    u_char     *p;
    ngx_str_t  *header;

    p = ngx_pnalloc(call->pool, sizeof("traceparent: ") - 1
                                + NGX_OOF_TRACE_PARENT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_trace_child(&call->trace, p + sizeof("traceparent: ") - 1)
        != NGX_OK)
    {
        return NGX_OK;
    }

    header = ngx_array_push(&f->headers);
    if (header == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, "traceparent: ", sizeof("traceparent: ") - 1);

    header->data = p;
    header->len = sizeof("traceparent: ") - 1 + NGX_OOF_TRACE_PARENT;

    return NGX_OK;
}


static void
ngx_oof_webhook_done(ngx_oof_fetch_t *f)
{
    ngx_oof_webhook_call_t *call = f->data;

    ngx_uint_t                 series;
    ngx_oof_webhook_sender_t  *s;

    s = call->sender;

    call->status = f->status;
    call->delivered = (f->status / 100 == 2);

    if (call->delivered) {
        series = NGX_OOF_WEBHOOK_OK;

    } else if (f->status) {
        series = NGX_OOF_WEBHOOK_STATUS;

    } else {
        series = f->refused ? NGX_OOF_WEBHOOK_REFUSED : NGX_OOF_WEBHOOK_ERROR;
    }

    if (f->status && call->known) {
        ngx_oof_webhook_report(call);
    }

    ngx_oof_webhook_result(call, series, f->status ? NULL : f->error);

    if (ngx_exiting && s->lease.epoch == 0) {
        ngx_oof_webhook_settle(s);

    } else if (!s->asking) {
        ngx_oof_webhook_arm(s, 1);
    }
}


/* what a third party has answered, it reports as well: as the server */

static void
ngx_oof_webhook_report(ngx_oof_webhook_call_t *call)
{
    u_char              *p;
    ngx_str_t           *space;
    ngx_oof_call_made_t  made;

    if (ngx_oof_webhook_endpoint(call->pool, &call->type, &call->fetch.url,
                                 &made.endpoint)
        != NGX_OK)
    {
        return;
    }

    ngx_oof_uuid_format(made.interaction_id, call->interaction);
    ngx_oof_uuid_format(made.server, call->organisation);

    made.start = call->began;
    made.time = ngx_current_msec - call->start;
    made.status = call->status;
    ngx_str_set(&made.method, "POST");

    space = call->use->urn_namespace.len ? &call->use->urn_namespace
                                         : &call->use->brand;

    p = ngx_pnalloc(call->pool, sizeof("urn::") + space->len
                                + NGX_OOF_UUID_TEXT);
    if (p == NULL) {
        return;
    }

    made.consent_id.data = p;
    p = ngx_sprintf(p, "urn:%V:", space);
    ngx_strlow(made.consent_id.data, made.consent_id.data,
               p - made.consent_id.data);
    p = ngx_oof_uuid_format(p, call->consent);
    made.consent_id.len = p - made.consent_id.data;

    ngx_oof_call_made(call->sender->lease.db, &call->use->brand, &made);
}


static void
ngx_oof_webhook_result(ngx_oof_webhook_call_t *call, ngx_uint_t series,
    const char *why)
{
    u_char                     id[NGX_OOF_UUID_TEXT];
    ngx_oof_webhook_sender_t  *s;

    s = call->sender;

    ngx_oof_metric_inc(&ngx_oof_webhook_total, series, 1);

    ngx_oof_webhook_host_end(&s->hosts, call->host,
                             call->status
                             && ngx_current_msec - call->start
                                < NGX_OOF_WEBHOOK_SLOW);
    call->host = NULL;

    ngx_oof_webhook_why(call, why ? why : "");

    call->ended = ngx_oof_clock_real();

    if (!call->delivered) {

        if (call->attempt <= (ngx_int_t) call->conf->retries) {
            call->due = call->ended
                        + (int64_t) call->conf->retry[call->attempt - 1]
                          * 1000;
        }

        ngx_oof_uuid_format(id, call->id);

        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "attempt %i of the webhook of event %*s failed: "
                      "status %ui %s", call->attempt, sizeof(id), id,
                      call->status, call->why);
    }

    ngx_queue_remove(&call->queue);
    ngx_queue_insert_tail(&s->results, &call->queue);
}


/* what libcurl says may have been said by the other side */

static void
ngx_oof_webhook_why(ngx_oof_webhook_call_t *call, const char *why)
{
    u_char  *p;

    ngx_cpystrn(call->why, (u_char *) why, NGX_OOF_WEBHOOK_WHY);

    for (p = call->why; *p; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }
}


static ngx_int_t
ngx_oof_webhook_write_results(ngx_oof_webhook_sender_t *s,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t        text;
    ngx_queue_t     *q;
    ngx_oof_json_t   w;

    if (ngx_queue_empty(&s->results)) {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, u->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    for (q = ngx_queue_head(&s->results);
         q != ngx_queue_sentinel(&s->results);
         q = ngx_queue_next(q))
    {
        ngx_oof_webhook_write_result(&w, ngx_queue_data(q,
                                             ngx_oof_webhook_call_t, queue));
    }

    ngx_oof_json_end(&w, ']');

    if (ngx_oof_json_text(&w, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_done);
    ngx_oof_pg_text(u, &text);

    ngx_queue_add(&s->writing, &s->results);
    ngx_queue_init(&s->results);

    return NGX_OK;
}


static void
ngx_oof_webhook_write_result(ngx_oof_json_t *w, ngx_oof_webhook_call_t *call)
{
    ngx_str_t  why;

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, call->id);
    ngx_oof_json_name(w, "target");
    ngx_oof_json_int(w, call->target);
    ngx_oof_json_name(w, "attempt");
    ngx_oof_json_int(w, call->attempt);
    ngx_oof_json_name(w, "ended");
    ngx_oof_json_int(w, call->ended);
    ngx_oof_json_name(w, "state");
    ngx_oof_json_literal(w, call->delivered ? "delivered"
                            : call->due ? "waiting" : "failed");

    if (call->due) {
        ngx_oof_json_name(w, "due");
        ngx_oof_json_int(w, call->due);
    }

    if (call->status) {
        ngx_oof_json_name(w, "status");
        ngx_oof_json_int(w, call->status);
    }

    why.data = call->why;
    why.len = ngx_strlen(call->why);

    if (why.len) {
        ngx_oof_json_member(w, "error", &why);
    }

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_webhook_written(ngx_oof_webhook_sender_t *s, ngx_uint_t good)
{
    ngx_queue_t             *q;
    ngx_oof_webhook_call_t  *call;

    while (!ngx_queue_empty(&s->writing)) {
        q = ngx_queue_last(&s->writing);
        call = ngx_queue_data(q, ngx_oof_webhook_call_t, queue);

        ngx_queue_remove(q);

        if (good) {
            ngx_destroy_pool(call->pool);

        } else {
            ngx_queue_insert_head(&s->results, q);
        }
    }
}


/* without the lease outcomes alone are written */

static void
ngx_oof_webhook_settle(ngx_oof_webhook_sender_t *s)
{
    ngx_oof_pg_unit_t  *u;

    if (s->asking) {
        return;
    }

    if (ngx_queue_empty(&s->results)) {
        ngx_oof_webhook_over(s);
        return;
    }

    u = ngx_oof_webhook_unit(s, NGX_OOF_PG_SOLO, ngx_oof_webhook_settled);

    if (u == NULL) {
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_RETRY);
        return;
    }

    if (ngx_oof_webhook_write_results(s, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_RETRY);
        return;
    }

    if (!ngx_oof_webhook_sent(s, u)) {
        ngx_oof_webhook_written(s, 0);
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_RETRY);
    }
}


static void
ngx_oof_webhook_settled(ngx_oof_pg_unit_t *u)
{
    ngx_oof_webhook_sender_t *s = u->data;

    s->asking = 0;

    ngx_oof_webhook_written(s, u->rc == NGX_OOF_PG_OK);

    if (u->rc != NGX_OOF_PG_OK) {
        ngx_oof_webhook_arm(s, NGX_OOF_WEBHOOK_RETRY);
        return;
    }

    if (s->lease.epoch) {
        ngx_oof_webhook_next(s);
        return;
    }

    ngx_oof_webhook_settle(s);
}


/* a quitting worker has waited long enough */

static void
ngx_oof_webhook_quit(ngx_event_t *ev)
{
    ngx_oof_webhook_sender_t *s = ev->data;

    ngx_queue_t             *q;
    ngx_oof_webhook_call_t  *call;

    while (!ngx_queue_empty(&s->calls)) {
        q = ngx_queue_head(&s->calls);
        call = ngx_queue_data(q, ngx_oof_webhook_call_t, queue);

        ngx_oof_fetch_cancel(&call->fetch);
        ngx_oof_webhook_result(call, NGX_OOF_WEBHOOK_INTERRUPTED,
                               "interrupted");
    }

    ngx_oof_webhook_settle(s);
}


/* what is under way is lost, and found by its time */

void
ngx_oof_webhook_send_exit(ngx_oof_webhook_sender_t *s)
{
    ngx_queue_t             *q;
    ngx_oof_webhook_call_t  *call;

    ngx_oof_webhook_written(s, 0);

    ngx_queue_add(&s->results, &s->calls);
    ngx_queue_init(&s->calls);

    while (!ngx_queue_empty(&s->results)) {
        q = ngx_queue_head(&s->results);
        call = ngx_queue_data(q, ngx_oof_webhook_call_t, queue);

        ngx_queue_remove(q);
        ngx_oof_fetch_cancel(&call->fetch);
        ngx_destroy_pool(call->pool);
    }

    ngx_oof_webhook_hosts_free(&s->hosts);
}


/* nothing keeps a quitting worker any more */

static void
ngx_oof_webhook_over(ngx_oof_webhook_sender_t *s)
{
    if (s->quit.timer_set && ngx_queue_empty(&s->calls)) {
        ngx_del_timer(&s->quit);
    }
}
