
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payment_sweep.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_PAYMENT_SWEEP_BATCH     500
#define NGX_OOF_PAYMENT_SWEEP_DEADLINE  5000     /* ms */


typedef struct {
    ngx_oof_leased_t         leased;
    ngx_str_t                namespaces;   /* of brands, JSON */
} ngx_oof_payment_sweeper_t;


static ngx_int_t ngx_oof_payment_sweeper_add(ngx_conf_t *cf,
    ngx_oof_leased_t *leased);
static void ngx_oof_payment_sweep_tick(ngx_oof_lease_t *lease);
static void ngx_oof_payment_swept(ngx_oof_pg_unit_t *u);


static ngx_oof_metric_t  ngx_oof_payment_sweep_total;


static ngx_oof_leased_family_t  ngx_oof_payment_sweep_families[] = {

    { &ngx_oof_payment_sweep_total, "oof_payment_consents_swept_total",
      "Consents to pay that time has ended, written here.",
      NGX_OOF_METRIC_COUNTER },

    { NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_oof_payment_sweep_location(ngx_conf_t *cf)
{
    ngx_oof_payment_main_conf_t  *opmcf;

    opmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    return ngx_oof_leased_location(cf, &opmcf->locations);
}


ngx_int_t
ngx_oof_payment_sweep_init(ngx_conf_t *cf)
{
    ngx_oof_payment_main_conf_t  *opmcf;

    opmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    return ngx_oof_leased_init(cf, &opmcf->locations,
                               sizeof(ngx_oof_payment_sweeper_t), NULL,
                               ngx_oof_payment_sweeper_add);
}


static ngx_int_t
ngx_oof_payment_sweeper_add(ngx_conf_t *cf, ngx_oof_leased_t *leased)
{
    ngx_oof_payment_sweeper_t *s = (ngx_oof_payment_sweeper_t *) leased;

    if (ngx_oof_leased_namespaces(cf, leased, &s->namespaces) != NGX_OK
        || ngx_oof_leased_metrics(cf, leased->lease.db,
                                  ngx_oof_payment_sweep_families,
                                  &leased->series)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&leased->lease.name, "payments");

    leased->lease.acquired = ngx_oof_payment_sweep_tick;
    leased->lease.tick = ngx_oof_payment_sweep_tick;

    return NGX_OK;
}


static void
ngx_oof_payment_sweep_tick(ngx_oof_lease_t *lease)
{
    ngx_oof_payment_sweeper_t *s = lease->data;

    int64_t             real;
    ngx_str_t           type;
    ngx_oof_pg_unit_t  *u;

    if (s->leased.asking || ngx_exiting || !ngx_oof_lease_held(lease)
        || !ngx_oof_clock_ready())
    {
        return;
    }

    u = ngx_oof_leased_unit(&s->leased, NGX_OOF_PAYMENT_SWEEP_DEADLINE,
                            ngx_oof_payment_swept);
    if (u == NULL) {
        return;
    }

    real = ngx_oof_clock_real();
    ngx_str_set(&type, NGX_OOF_EVENT_PAYMENT_CONSENT_REJECTED);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_sweep);
    ngx_oof_pg_text(u, &lease->name);
    ngx_oof_pg_int8(u, lease->epoch);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int8(u, NGX_OOF_PAYMENT_SWEEP_BATCH);
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int8(u, real / 1000);
    ngx_oof_pg_text(u, &type);
    ngx_oof_pg_text(u, &s->namespaces);

    ngx_oof_leased_send(&s->leased, u);
}


static void
ngx_oof_payment_swept(ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_sweeper_t *s = u->data;

    int64_t  swept;

    if (ngx_oof_leased_answer(&s->leased, u) != NGX_OK
        || ngx_oof_pg_rows(u, 0) != 1)
    {
        return;
    }

    swept = ngx_oof_pg_get_int(u, 0, 0, 1);

    ngx_oof_metric_inc(&ngx_oof_payment_sweep_total, s->leased.series,
                       (ngx_int_t) swept);

    if (swept == NGX_OOF_PAYMENT_SWEEP_BATCH) {

        /* there are more */

        ngx_oof_payment_sweep_tick(&s->leased.lease);
    }
}
