
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>

#include <time.h>


/* all in milliseconds */

#define NGX_OOF_LEASE_TERM      5000       /* by the database's clock */
#define NGX_OOF_LEASE_TRUST     3000       /* since the last renewal */
#define NGX_OOF_LEASE_RENEW     1000
#define NGX_OOF_LEASE_RETRY     500
#define NGX_OOF_LEASE_TICK      1000
#define NGX_OOF_LEASE_BEAT      250        /* of a holder's timer */
#define NGX_OOF_LEASE_POLL      500        /* of all others */
#define NGX_OOF_LEASE_DEADLINE  2000
#define NGX_OOF_LEASE_RETURN    400        /* a quitting process waits */

#define NGX_OOF_LEASE_HOLDER    255


struct ngx_oof_lease_state_s {
    ngx_oof_lease_t         *lease;

    ngx_str_t                holder;
    u_char                   holder_text[NGX_OOF_LEASE_HOLDER];

    ngx_event_t              timer;
    uint64_t                 renewed;      /* when what succeeded was sent */
    uint64_t                 sent;
    uint64_t                 ticked;
    int64_t                  epoch;        /* that was asked for */

    unsigned                 asking:1;
    unsigned                 returning:1;
};


static ngx_int_t ngx_oof_lease_start(ngx_cycle_t *cycle,
    ngx_oof_lease_t *lease);
static void ngx_oof_lease_holder(ngx_cycle_t *cycle,
    ngx_oof_lease_state_t *state);
static uint64_t ngx_oof_lease_now(void);
static void ngx_oof_lease_arm(ngx_oof_lease_state_t *state, ngx_msec_t timer);
static void ngx_oof_lease_timer(ngx_event_t *ev);
static void ngx_oof_lease_hold(ngx_oof_lease_state_t *state);

static ngx_oof_pg_unit_t *ngx_oof_lease_unit(ngx_oof_lease_state_t *state,
    ngx_uint_t class, ngx_oof_sql_t *sql, ngx_oof_pg_handler_pt handler);
static void ngx_oof_lease_send(ngx_oof_lease_state_t *state,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_lease_look(ngx_oof_lease_state_t *state);
static void ngx_oof_lease_looked(ngx_oof_pg_unit_t *u);
static void ngx_oof_lease_take(ngx_oof_lease_state_t *state);
static void ngx_oof_lease_taken(ngx_oof_pg_unit_t *u);
static void ngx_oof_lease_renew(ngx_oof_lease_state_t *state);
static void ngx_oof_lease_renewed(ngx_oof_pg_unit_t *u);
static void ngx_oof_lease_return(ngx_oof_lease_state_t *state);
static void ngx_oof_lease_returned(ngx_oof_pg_unit_t *u);
static void ngx_oof_lease_lost(ngx_oof_lease_state_t *state, const char *why);


/* of worker 0 of this cycle, whichever process that is */

static u_char            ngx_oof_lease_id[NGX_OOF_UUID_LEN];

static ngx_oof_metric_t  ngx_oof_lease_gauge;
static ngx_oof_metric_t  ngx_oof_lease_acquired_total;


ngx_int_t
ngx_oof_lease_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_metric_add(cf, &ngx_oof_lease_gauge, "oof_lease_held",
                           "Leases that are held here.",
                           NGX_OOF_METRIC_GAUGE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_metric_add(cf, &ngx_oof_lease_acquired_total,
                              "oof_lease_acquired_total",
                              "Times that a lease was acquired here.",
                              NGX_OOF_METRIC_COUNTER);
}


ngx_int_t
ngx_oof_lease_add(ngx_conf_t *cf, ngx_oof_lease_t *lease)
{
    ngx_int_t             series;
    ngx_str_t             label, *db;
    ngx_oof_lease_t     **lp;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    lp = ngx_array_push(&omcf->leases);
    if (lp == NULL) {
        return NGX_ERROR;
    }

    *lp = lease;

    lease->epoch = 0;
    lease->state = NULL;

    db = ngx_oof_database_name(lease->db);

    label.len = sizeof("lease=\"\",database=\"\"") - 1 + lease->name.len
                + db->len;
    label.data = ngx_pnalloc(cf->pool, label.len);

    if (label.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(label.data, "lease=\"%V\",database=\"%V\"", &lease->name, db);

    series = ngx_oof_metric_series(cf, &ngx_oof_lease_gauge, &label);

    if (series == NGX_ERROR
        || ngx_oof_metric_series(cf, &ngx_oof_lease_acquired_total, &label)
           != series)
    {
        return NGX_ERROR;
    }

    lease->series = series;

    return NGX_OK;
}


ngx_int_t
ngx_oof_lease_init_module(ngx_cycle_t *cycle)
{
    return ngx_oof_uuid4(ngx_oof_lease_id);
}


ngx_uint_t
ngx_oof_lease_held(ngx_oof_lease_t *lease)
{
    return lease->epoch != 0
           && ngx_oof_lease_now() - lease->state->renewed
              < NGX_OOF_LEASE_TRUST;
}


ngx_int_t
ngx_oof_lease_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_lease_t      **leases;
    ngx_oof_main_conf_t   *omcf;

    if (ngx_worker != 0) {
        return NGX_OK;
    }

    omcf = ngx_oof_main_conf(cycle);
    leases = omcf->leases.elts;

    for (i = 0; i < omcf->leases.nelts; i++) {

        if (!ngx_oof_database_leases(leases[i]->db)) {
            continue;
        }

        if (ngx_oof_lease_start(cycle, leases[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_lease_start(ngx_cycle_t *cycle, ngx_oof_lease_t *lease)
{
    ngx_oof_lease_state_t  *state;

    state = ngx_pcalloc(cycle->pool, sizeof(ngx_oof_lease_state_t));
    if (state == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_lease_holder(cycle, state);

    state->lease = lease;
    lease->state = state;

    state->timer.handler = ngx_oof_lease_timer;
    state->timer.data = state;
    state->timer.log = cycle->log;

    /* hosts that start together, or leases of one, need not ask together */

    ngx_oof_lease_arm(state, 1 + ngx_random() % 100);

    return NGX_OK;
}


/*
 * The process is known by all of it.  By its id alone, which was made before
 * the first worker was, it is known to be worker 0 of this cycle: there is one
 * at a time, so that one which follows another that has died need not wait for
 * the end of its leases' term.
 */

static void
ngx_oof_lease_holder(ngx_cycle_t *cycle, ngx_oof_lease_state_t *state)
{
    u_char  *p;

    p = ngx_oof_uuid_format(state->holder_text, ngx_oof_lease_id);
    p = ngx_snprintf(p, NGX_OOF_LEASE_HOLDER - NGX_OOF_UUID_TEXT, " %V:%P",
                     &cycle->hostname, ngx_pid);

    state->holder.data = state->holder_text;
    state->holder.len = p - state->holder_text;
}


static uint64_t
ngx_oof_lease_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_BOOTTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/*
 * A process that quits stays until a lease that it holds has been given back,
 * and does not stay to get one.
 */

static void
ngx_oof_lease_arm(ngx_oof_lease_state_t *state, ngx_msec_t timer)
{
    state->timer.cancelable = (state->lease->epoch == 0 && !state->returning);

    ngx_add_timer(&state->timer, timer);
}


static void
ngx_oof_lease_timer(ngx_event_t *ev)
{
    ngx_oof_lease_state_t *state = ev->data;

    if (state->lease->epoch) {
        ngx_oof_lease_hold(state);
        return;
    }

    if (ngx_exiting) {
        return;
    }

    if (!state->asking) {
        ngx_oof_lease_look(state);
    }

    ngx_oof_lease_arm(state, NGX_OOF_LEASE_POLL);
}


static void
ngx_oof_lease_hold(ngx_oof_lease_state_t *state)
{
    uint64_t          now;
    ngx_oof_lease_t  *lease;

    lease = state->lease;

    if (ngx_exiting) {
        ngx_oof_lease_return(state);
        return;
    }

    now = ngx_oof_lease_now();

    if (now - state->renewed >= NGX_OOF_LEASE_TRUST) {
        ngx_oof_lease_lost(state, "was not renewed in time");
        ngx_oof_lease_arm(state, NGX_OOF_LEASE_BEAT);
        return;
    }

    if (!state->asking
        && now - state->renewed >= NGX_OOF_LEASE_RENEW
        && now - state->sent >= NGX_OOF_LEASE_RETRY)
    {
        ngx_oof_lease_renew(state);
    }

    ngx_oof_lease_arm(state, NGX_OOF_LEASE_BEAT);

    if (lease->tick && now - state->ticked >= NGX_OOF_LEASE_TICK) {
        state->ticked = now;
        lease->tick(lease);
    }
}


static ngx_oof_pg_unit_t *
ngx_oof_lease_unit(ngx_oof_lease_state_t *state, ngx_uint_t class,
    ngx_oof_sql_t *sql, ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(state->lease->db, class);
    if (u == NULL) {
        return NULL;
    }

    u->handler = handler;
    u->data = state;
    u->deadline = ngx_current_msec + NGX_OOF_LEASE_DEADLINE;

    ngx_oof_pg_statement(u, sql);
    ngx_oof_pg_text(u, &state->lease->name);
    ngx_oof_pg_text(u, &state->holder);

    return u;
}


static void
ngx_oof_lease_send(ngx_oof_lease_state_t *state, ngx_oof_pg_unit_t *u)
{
    state->sent = ngx_oof_lease_now();
    state->epoch = state->lease->epoch;

    if (ngx_oof_pg_send(u) == NGX_OK) {
        state->asking = 1;
    }
}


/* a plain read, so that those who only wait write nothing and lock nothing */

static void
ngx_oof_lease_look(ngx_oof_lease_state_t *state)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_lease_unit(state, NGX_OOF_PG_READ, &ngx_oof_sql_lease_look,
                           ngx_oof_lease_looked);

    if (u) {
        ngx_oof_lease_send(state, u);
    }
}


static void
ngx_oof_lease_looked(ngx_oof_pg_unit_t *u)
{
    int64_t                 wait;
    ngx_oof_lease_state_t  *state;

    state = u->data;
    state->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_exiting) {
        return;
    }

    wait = ngx_oof_pg_rows(u, 0) ? ngx_oof_pg_get_int(u, 0, 0, 0) : 0;

    if (wait == 0) {
        ngx_oof_lease_take(state);
        return;
    }

    /* who does not renew it is gone: there at once when it ends */

    if (wait < NGX_OOF_LEASE_POLL) {
        ngx_oof_lease_arm(state, (ngx_msec_t) wait + 10);
    }
}


static void
ngx_oof_lease_take(ngx_oof_lease_state_t *state)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_lease_unit(state, NGX_OOF_PG_SOLO, &ngx_oof_sql_lease_take,
                           ngx_oof_lease_taken);

    if (u) {
        ngx_oof_pg_int8(u, NGX_OOF_LEASE_TERM);
        ngx_oof_lease_send(state, u);
    }
}


static void
ngx_oof_lease_taken(ngx_oof_pg_unit_t *u)
{
    ngx_oof_lease_t        *lease;
    ngx_oof_lease_state_t  *state;

    state = u->data;
    lease = state->lease;
    state->asking = 0;

    if (u->rc != NGX_OOF_PG_OK
        || ngx_oof_pg_rows(u, 0) != 1
        || ngx_oof_pg_get_int(u, 0, 0, 1) == 0)
    {
        return;
    }

    lease->epoch = ngx_oof_pg_get_int(u, 0, 0, 1);

    state->renewed = state->sent;
    state->ticked = ngx_oof_lease_now();

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "lease \"%V\" is held here, epoch %L",
                  &lease->name, lease->epoch);

    ngx_oof_metric_set(&ngx_oof_lease_gauge, lease->series, 1);
    ngx_oof_metric_inc(&ngx_oof_lease_acquired_total, lease->series, 1);

    ngx_oof_lease_arm(state, NGX_OOF_LEASE_BEAT);

    if (lease->acquired) {
        lease->acquired(lease);
    }
}


static void
ngx_oof_lease_renew(ngx_oof_lease_state_t *state)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_lease_unit(state, NGX_OOF_PG_LEASE, &ngx_oof_sql_lease_renew,
                           ngx_oof_lease_renewed);

    if (u) {
        ngx_oof_pg_int8(u, state->lease->epoch);
        ngx_oof_pg_int8(u, NGX_OOF_LEASE_TERM);
        ngx_oof_lease_send(state, u);
    }
}


static void
ngx_oof_lease_renewed(ngx_oof_pg_unit_t *u)
{
    ngx_oof_lease_t        *lease;
    ngx_oof_lease_state_t  *state;

    state = u->data;
    lease = state->lease;
    state->asking = 0;

    if (lease->epoch == 0 || lease->epoch != state->epoch
        || u->rc != NGX_OOF_PG_OK)
    {
        return;
    }

    if (ngx_oof_pg_rows(u, 0) == 1 && ngx_oof_pg_get_int(u, 0, 0, 1)) {
        state->renewed = state->sent;
        return;
    }

    ngx_oof_lease_lost(state, "was taken by another process");
    ngx_oof_lease_arm(state, NGX_OOF_LEASE_POLL);
}


static void
ngx_oof_lease_lost(ngx_oof_lease_state_t *state, const char *why)
{
    ngx_oof_lease_t  *lease;

    lease = state->lease;

    if (why) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "lease \"%V\" of epoch %L %s", &lease->name,
                      lease->epoch, why);
    }

    lease->epoch = 0;

    ngx_oof_metric_set(&ngx_oof_lease_gauge, lease->series, 0);

    if (lease->lost) {
        lease->lost(lease);
    }
}


/* work has stopped before anybody else can begin */

static void
ngx_oof_lease_return(ngx_oof_lease_state_t *state)
{
    int64_t             epoch;
    ngx_oof_pg_unit_t  *u;

    epoch = state->lease->epoch;

    ngx_oof_lease_lost(state, NULL);

    u = ngx_oof_lease_unit(state, NGX_OOF_PG_LEASE, &ngx_oof_sql_lease_return,
                           ngx_oof_lease_returned);
    if (u == NULL) {
        return;
    }

    u->deadline = ngx_current_msec + NGX_OOF_LEASE_RETURN;

    ngx_oof_pg_int8(u, epoch);

    if (ngx_oof_pg_send(u) == NGX_OK) {
        state->returning = 1;
        ngx_oof_lease_arm(state, NGX_OOF_LEASE_RETURN + 100);
    }
}


static void
ngx_oof_lease_returned(ngx_oof_pg_unit_t *u)
{
    ngx_oof_lease_state_t  *state;

    state = u->data;

    state->returning = 0;

    if (state->timer.timer_set) {
        ngx_del_timer(&state->timer);
    }

    if (u->rc == NGX_OOF_PG_OK) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "lease \"%V\" was given back", &state->lease->name);
    }
}


/*
 * After a fast end nothing is waited for: what has been written to a socket
 * that is then closed in good order still reaches the server.
 */

void
ngx_oof_lease_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i, n;
    ngx_oof_lease_t      **leases;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    leases = omcf->leases.elts;
    n = 0;

    for (i = 0; i < omcf->leases.nelts; i++) {
        if (leases[i]->epoch) {
            ngx_oof_lease_return(leases[i]->state);
            n++;
        }
    }

    if (n) {
        ngx_event_process_posted(cycle, &ngx_posted_events);
    }
}
