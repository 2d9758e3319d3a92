
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>
#include <ngx_oof_payment_dispatch.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/* ms */

#define NGX_OOF_DISPATCH_POLL      100
#define NGX_OOF_DISPATCH_CALM      300    /* while there is nothing */
#define NGX_OOF_DISPATCH_RETRY     1000
#define NGX_OOF_DISPATCH_DEADLINE  5000
#define NGX_OOF_DISPATCH_LOOK      1000
#define NGX_OOF_DISPATCH_MARGIN    2000

#define NGX_OOF_DISPATCH_DAY       500    /* payments of a day, in a batch */
#define NGX_OOF_DISPATCH_BATCH     32
#define NGX_OOF_DISPATCH_MAX       64     /* calls at once */


typedef struct {
    ngx_oof_leased_t         leased;
    ngx_msec_t               timeout;     /* the longest of their cores */
    ngx_msec_t               silent;      /* from here on it is an alarm */

    ngx_event_t              timer;
    ngx_msec_t               look;        /* when to */
    ngx_msec_t               pause;       /* between two times */
    ngx_uint_t               running;     /* orders */
    ngx_uint_t               asked;       /* rows, of the last unit */
} ngx_oof_dispatcher_t;


static ngx_uint_t ngx_oof_dispatch_serves(ngx_oof_loc_conf_t *olcf);
static ngx_int_t ngx_oof_dispatcher_add(ngx_conf_t *cf,
    ngx_oof_leased_t *leased);

static void ngx_oof_dispatch_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_dispatch_lost(ngx_oof_lease_t *lease);
static void ngx_oof_dispatch_timer(ngx_event_t *ev);
static void ngx_oof_dispatch_wait(ngx_oof_dispatcher_t *d, ngx_msec_t wait);
static ngx_uint_t ngx_oof_dispatch_answer(ngx_oof_dispatcher_t *d,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_dispatch_look(ngx_oof_dispatcher_t *d);
static void ngx_oof_dispatch_looked(ngx_oof_pg_unit_t *u);
static ngx_oof_payment_order_t *ngx_oof_dispatch_row(ngx_oof_dispatcher_t *d,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static void ngx_oof_dispatch_late(ngx_oof_dispatcher_t *d,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static void ngx_oof_dispatch_take(ngx_oof_dispatcher_t *d);
static ngx_uint_t ngx_oof_dispatch_brands(ngx_oof_dispatcher_t *d,
    ngx_oof_pg_unit_t *u, ngx_uint_t all, ngx_str_t *text);
static void ngx_oof_dispatch_taken(ngx_oof_pg_unit_t *u);
static void ngx_oof_dispatch_order(ngx_oof_dispatcher_t *d,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_oof_loc_conf_t *ngx_oof_dispatch_brand(ngx_oof_dispatcher_t *d,
    ngx_str_t *brand);
static void ngx_oof_dispatch_unsent(ngx_oof_payment_order_t *order);
static void ngx_oof_dispatch_forgotten(ngx_oof_pg_unit_t *u);
static void ngx_oof_dispatch_ordered(ngx_oof_payment_order_t *order);


static ngx_oof_metric_t  ngx_oof_dispatch_due;
static ngx_oof_metric_t  ngx_oof_dispatch_silent;


static ngx_oof_leased_family_t  ngx_oof_dispatch_families[] = {

    { &ngx_oof_dispatch_due, "oof_payments_due",
      "Payments for which the core is to be asked now, counted up to 10000.",
      NGX_OOF_METRIC_SPARSE },

    { &ngx_oof_dispatch_silent, "oof_payments_silent",
      "Payments that were sent to the core and not answered for longer than "
      "oof_payment_alarm says.",
      NGX_OOF_METRIC_SPARSE },

    { NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_oof_payment_dispatch_init(ngx_conf_t *cf)
{
    ngx_oof_payment_main_conf_t  *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    ngx_conf_init_msec_value(pmcf->alarm, NGX_OOF_PAYMENT_ALARM);

    return ngx_oof_leased_init(cf, &pmcf->locations,
                               sizeof(ngx_oof_dispatcher_t),
                               ngx_oof_dispatch_serves,
                               ngx_oof_dispatcher_add);
}


static ngx_uint_t
ngx_oof_dispatch_serves(ngx_oof_loc_conf_t *olcf)
{
    return olcf->core != NULL;
}


static ngx_int_t
ngx_oof_dispatcher_add(ngx_conf_t *cf, ngx_oof_leased_t *leased)
{
    ngx_oof_dispatcher_t *d = (ngx_oof_dispatcher_t *) leased;

    ngx_uint_t                     i;
    ngx_oof_loc_conf_t           **olcf;
    ngx_oof_payment_main_conf_t   *pmcf;

    if (ngx_oof_leased_metrics(cf, leased->lease.db, ngx_oof_dispatch_families,
                               &leased->series)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    d->silent = pmcf->alarm;

    olcf = leased->locations.elts;

    for (i = 0; i < leased->locations.nelts; i++) {
        d->timeout = ngx_max(d->timeout, olcf[i]->core->timeout);
    }

    ngx_str_set(&leased->lease.name, "settlement");

    leased->lease.acquired = ngx_oof_dispatch_acquired;
    leased->lease.lost = ngx_oof_dispatch_lost;

    d->timer.handler = ngx_oof_dispatch_timer;
    d->timer.data = d;
    d->timer.log = &cf->cycle->new_log;
    d->timer.cancelable = 1;

    return NGX_OK;
}


static void
ngx_oof_dispatch_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_dispatcher_t *d = lease->data;

    d->look = ngx_current_msec;
    d->pause = NGX_OOF_DISPATCH_POLL;

    ngx_oof_dispatch_timer(&d->timer);
}


/* what is under way ends by itself: its answer is true, whoever writes it */

static void
ngx_oof_dispatch_lost(ngx_oof_lease_t *lease)
{
    ngx_oof_dispatcher_t *d = lease->data;

    if (d->timer.timer_set) {
        ngx_del_timer(&d->timer);
    }

    ngx_oof_metric_unset(&ngx_oof_dispatch_due, d->leased.series);
    ngx_oof_metric_unset(&ngx_oof_dispatch_silent, d->leased.series);
}


static void
ngx_oof_dispatch_timer(ngx_event_t *ev)
{
    ngx_oof_dispatcher_t *d = ev->data;

    if (d->leased.asking || d->leased.lease.epoch == 0 || ngx_exiting) {
        return;
    }

    if (ngx_oof_lease_held(&d->leased.lease) && ngx_oof_clock_ready()) {

        if ((ngx_msec_int_t) (ngx_current_msec - d->look) >= 0) {
            ngx_oof_dispatch_look(d);

        } else if (d->running < NGX_OOF_DISPATCH_MAX) {
            ngx_oof_dispatch_take(d);
        }
    }

    if (!d->leased.asking) {
        ngx_oof_dispatch_wait(d, NGX_OOF_DISPATCH_POLL);
    }
}


static void
ngx_oof_dispatch_wait(ngx_oof_dispatcher_t *d, ngx_msec_t wait)
{
    ngx_add_timer(&d->timer, wait);
}


/* whether there is one, and it is of the epoch that we are in */

static ngx_uint_t
ngx_oof_dispatch_answer(ngx_oof_dispatcher_t *d, ngx_oof_pg_unit_t *u)
{
    ngx_int_t  rc;

    rc = ngx_oof_leased_answer(&d->leased, u);

    if (rc == NGX_DECLINED) {
        ngx_oof_dispatch_wait(d, NGX_OOF_DISPATCH_RETRY);
    }

    return rc == NGX_OK;
}


static void
ngx_oof_dispatch_look(ngx_oof_dispatcher_t *d)
{
    int64_t             real;
    ngx_str_t           brands;
    ngx_oof_pg_unit_t  *u;

    d->look = ngx_current_msec + NGX_OOF_DISPATCH_LOOK;

    u = ngx_oof_leased_unit(&d->leased, NGX_OOF_DISPATCH_DEADLINE,
                            ngx_oof_dispatch_looked);
    if (u == NULL) {
        return;
    }

    if (!ngx_oof_dispatch_brands(d, u, 1, &brands)) {
        ngx_oof_pg_free(u);
        return;
    }

    real = ngx_oof_clock_real();

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_look);
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_time(u, real - (int64_t) d->silent * 1000);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_late);
    ngx_oof_pg_time(u, ngx_oof_clock_rule() - NGX_OOF_PAYMENT_SCHEDULING);
    ngx_oof_pg_int4(u, NGX_OOF_DISPATCH_BATCH);
    ngx_oof_pg_text(u, &brands);

    ngx_oof_leased_send(&d->leased, u);
}


static void
ngx_oof_dispatch_looked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_dispatcher_t *d = u->data;

    ngx_uint_t  i, n;

    if (!ngx_oof_dispatch_answer(d, u)) {
        return;
    }

    ngx_oof_metric_set(&ngx_oof_dispatch_due, d->leased.series,
                       (ngx_int_t) ngx_oof_pg_get_int(u, 0, 0, 1));
    ngx_oof_metric_set(&ngx_oof_dispatch_silent, d->leased.series,
                       (ngx_int_t) ngx_oof_pg_get_int(u, 0, 0, 2));

    n = ngx_oof_pg_rows(u, 1);

    for (i = 0; i < n && d->running < NGX_OOF_DISPATCH_MAX; i++) {
        ngx_oof_dispatch_late(d, u, i);
    }

    ngx_oof_dispatch_wait(d, 1);
}


/*
 * They are rejected whether or not the core may be called: a call that is under
 * way does not count any more.
 */

static void
ngx_oof_dispatch_late(ngx_oof_dispatcher_t *d, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    ngx_oof_payment_order_t  *order;

    order = ngx_oof_dispatch_row(d, u, row);

    if (order == NULL) {
        return;
    }

    if (ngx_oof_payment_order_late(order) != NGX_OK) {
        ngx_oof_payment_order_free(order);
        return;
    }

    d->running++;
}


static void
ngx_oof_dispatch_take(ngx_oof_dispatcher_t *d)
{
    int64_t             real;
    ngx_str_t           brands;
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_leased_unit(&d->leased, NGX_OOF_DISPATCH_DEADLINE,
                            ngx_oof_dispatch_taken);
    if (u == NULL) {
        return;
    }

    d->asked = ngx_min(NGX_OOF_DISPATCH_BATCH,
                       NGX_OOF_DISPATCH_MAX - d->running);

    if (!ngx_oof_dispatch_brands(d, u, 0, &brands)) {
        ngx_oof_pg_free(u);
        return;
    }

    real = ngx_oof_clock_real();

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_day);
    ngx_oof_pg_text(u, &d->leased.lease.name);
    ngx_oof_pg_int8(u, d->leased.lease.epoch);
    ngx_oof_pg_int4(u, (int32_t) ngx_oof_clock_today(ngx_oof_clock_rule()));
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int4(u, NGX_OOF_DISPATCH_DAY);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_take);
    ngx_oof_pg_text(u, &d->leased.lease.name);
    ngx_oof_pg_int8(u, d->leased.lease.epoch);
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_time(u, real + (int64_t) (d->timeout + NGX_OOF_DISPATCH_MARGIN)
                              * 1000);
    ngx_oof_pg_int4(u, (int32_t) d->asked);
    ngx_oof_pg_text(u, &brands);

    ngx_oof_leased_send(&d->leased, u);
}


/*
 * All brands, or those whose cores may be called, and whether these know
 * repetitions; 0 when there is none.  A core that may be back is asked once.
 */

static ngx_uint_t
ngx_oof_dispatch_brands(ngx_oof_dispatcher_t *d, ngx_oof_pg_unit_t *u,
    ngx_uint_t all, ngx_str_t *text)
{
    ngx_uint_t            i, n;
    ngx_oof_json_t        w;
    ngx_oof_loc_conf_t  **olcf;

    if (ngx_oof_json_init(&w, u->pool, 256) != NGX_OK) {
        return 0;
    }

    n = 0;
    olcf = d->leased.locations.elts;

    ngx_oof_json_begin(&w, '{');

    for (i = 0; i < d->leased.locations.nelts; i++) {

        if (!all && !ngx_oof_core_ready(olcf[i]->core)) {
            continue;
        }

        if (!all && olcf[i]->core->open_until) {
            d->asked = 1;
        }

        ngx_oof_json_name(&w, (char *) olcf[i]->brand.data);
        ngx_oof_json_bool(&w, olcf[i]->core->idempotent);
        n++;
    }

    ngx_oof_json_end(&w, '}');

    return n && ngx_oof_json_text(&w, text) == NGX_OK;
}


static void
ngx_oof_dispatch_taken(ngx_oof_pg_unit_t *u)
{
    ngx_oof_dispatcher_t *d = u->data;

    ngx_uint_t  i, n, ours;

    ours = ngx_oof_dispatch_answer(d, u);
    n = 0;

    if (u->rc == NGX_OOF_PG_OK) {

        /* they are written as sent: whoever holds the lease now, they are */

        n = ngx_oof_pg_rows(u, 1);

        for (i = 0; i < n; i++) {
            ngx_oof_dispatch_order(d, u, i);
        }
    }

    d->pause = n ? NGX_OOF_DISPATCH_POLL
                 : ngx_min(d->pause + NGX_OOF_DISPATCH_POLL,
                           NGX_OOF_DISPATCH_CALM);

    if (ours) {
        ngx_oof_dispatch_wait(d, n == d->asked ? 1 : d->pause);
    }
}


static void
ngx_oof_dispatch_order(ngx_oof_dispatcher_t *d, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    ngx_oof_payment_order_t  *order;

    order = ngx_oof_dispatch_row(d, u, row);

    if (order == NULL) {
        return;
    }

    if (ngx_oof_payment_order_send(order) != NGX_OK) {
        ngx_oof_dispatch_unsent(order);
        return;
    }

    d->running++;
}


/* NULL: a brand that is not served, no memory, or what cannot be opened */

static ngx_oof_payment_order_t *
ngx_oof_dispatch_row(ngx_oof_dispatcher_t *d, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    ngx_str_t                 brand, kind, state;
    ngx_oof_loc_conf_t       *olcf;
    ngx_oof_payment_order_t  *order;

    ngx_oof_pg_get_str(u, 1, row, NGX_OOF_ORDER_COL_BRAND, &brand);
    ngx_oof_pg_get_str(u, 1, row, NGX_OOF_ORDER_COL_KIND, &kind);
    ngx_oof_pg_get_str(u, 1, row, NGX_OOF_ORDER_COL_STATE, &state);

    olcf = ngx_oof_dispatch_brand(d, &brand);

    if (olcf == NULL) {
        return NULL;
    }

    order = ngx_oof_payment_order(olcf, ngx_cycle->log);

    if (order == NULL) {
        return NULL;
    }

    order->handler = ngx_oof_dispatch_ordered;
    order->data = d;

    if (kind.data[0] == 'c') {
        order->kind = NGX_OOF_ORDER_CHECK;

    } else if (state.len == sizeof("answered") - 1) {
        order->kind = NGX_OOF_ORDER_FIND;

    } else {
        order->kind = NGX_OOF_ORDER_PAY;
    }

    if (ngx_oof_payment_order_row(order, u, row) != NGX_OK) {
        ngx_oof_dispatch_unsent(order);
        return NULL;
    }

    return order;
}


static ngx_oof_loc_conf_t *
ngx_oof_dispatch_brand(ngx_oof_dispatcher_t *d, ngx_str_t *brand)
{
    ngx_uint_t            i;
    ngx_oof_loc_conf_t  **olcf;

    olcf = d->leased.locations.elts;

    for (i = 0; i < d->leased.locations.nelts; i++) {

        if (olcf[i]->brand.len == brand->len
            && ngx_memcmp(olcf[i]->brand.data, brand->data, brand->len) == 0)
        {
            return olcf[i];
        }
    }

    return NULL;
}


/*
 * Nothing has left: a payment of a core that does not know repetitions is to be
 * asked for again; the others are due again by themselves.
 */

static void
ngx_oof_dispatch_unsent(ngx_oof_payment_order_t *order)
{
    ngx_oof_pg_unit_t  *u;

    if (order->olcf->core->idempotent || order->kind != NGX_OOF_ORDER_PAY) {
        ngx_oof_payment_order_free(order);
        return;
    }

    u = ngx_oof_pg_unit(order->olcf->database, NGX_OOF_PG_WRITE);

    if (u) {
        u->handler = ngx_oof_dispatch_forgotten;
        u->deadline = ngx_current_msec + NGX_OOF_DISPATCH_DEADLINE;

        ngx_oof_pg_statement(u, &ngx_oof_sql_payment_retry);
        ngx_oof_pg_uuid(u, order->payment);
        ngx_oof_pg_text(u, &order->olcf->brand);
        ngx_oof_pg_time(u, ngx_oof_clock_real()
                           + NGX_OOF_DISPATCH_RETRY * 1000);

        (void) ngx_oof_pg_send(u);
    }

    ngx_oof_payment_order_free(order);
}


static void
ngx_oof_dispatch_forgotten(ngx_oof_pg_unit_t *u)
{
    /* when it failed an operator sees it: oof_payments_silent */
}


static void
ngx_oof_dispatch_ordered(ngx_oof_payment_order_t *order)
{
    ngx_oof_dispatcher_t *d = order->data;

    d->running--;

    ngx_oof_payment_order_free(order);
}
