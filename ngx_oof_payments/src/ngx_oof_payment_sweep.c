
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payment_sweep.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_PAYMENT_SWEEP_BATCH     500
#define NGX_OOF_PAYMENT_SWEEP_DEADLINE  5000     /* ms */


typedef struct {
    ngx_oof_lease_t          lease;
    ngx_uint_t               series;
    ngx_array_t              locations;    /* of ngx_oof_loc_conf_t * */
    ngx_str_t                namespaces;   /* of brands, JSON */
    unsigned                 asking:1;
} ngx_oof_payment_sweeper_t;


static ngx_oof_payment_sweeper_t *ngx_oof_payment_sweeper(ngx_conf_t *cf,
    ngx_array_t *sweepers, ngx_oof_database_t *db);
static ngx_int_t ngx_oof_payment_sweeper_add(ngx_conf_t *cf,
    ngx_oof_payment_sweeper_t *s);
static ngx_int_t ngx_oof_payment_sweep_names(ngx_conf_t *cf,
    ngx_oof_payment_sweeper_t *s);
static ngx_int_t ngx_oof_payment_sweep_metric(ngx_conf_t *cf,
    ngx_oof_payment_sweeper_t *s);
static void ngx_oof_payment_sweep_tick(ngx_oof_lease_t *lease);
static void ngx_oof_payment_swept(ngx_oof_pg_unit_t *u);


static ngx_oof_metric_t  ngx_oof_payment_sweep_total;


ngx_int_t
ngx_oof_payment_sweep_location(ngx_conf_t *cf)
{
    ngx_oof_loc_conf_t           **olcf;
    ngx_oof_payment_main_conf_t   *opmcf;

    opmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    olcf = ngx_array_push(&opmcf->locations);
    if (olcf == NULL) {
        return NGX_ERROR;
    }

    *olcf = ngx_http_conf_get_module_loc_conf(cf, ngx_oof_module);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_sweep_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_array_t                    sweepers;
    ngx_oof_loc_conf_t           **olcf, **known;
    ngx_oof_payment_sweeper_t     *s, **sp;
    ngx_oof_payment_main_conf_t   *opmcf;

    opmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    if (ngx_array_init(&sweepers, cf->temp_pool, 2, sizeof(void *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    olcf = opmcf->locations.elts;

    for (i = 0; i < opmcf->locations.nelts; i++) {

        if (!ngx_oof_database_leases(olcf[i]->database)) {
            continue;
        }

        s = ngx_oof_payment_sweeper(cf, &sweepers, olcf[i]->database);
        known = s ? ngx_array_push(&s->locations) : NULL;

        if (known == NULL) {
            return NGX_ERROR;
        }

        *known = olcf[i];
    }

    sp = sweepers.elts;

    for (i = 0; i < sweepers.nelts; i++) {
        if (ngx_oof_payment_sweeper_add(cf, sp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_oof_payment_sweeper_t *
ngx_oof_payment_sweeper(ngx_conf_t *cf, ngx_array_t *sweepers,
    ngx_oof_database_t *db)
{
    ngx_uint_t                   i;
    ngx_oof_payment_sweeper_t   *s, **sp;

    sp = sweepers->elts;

    for (i = 0; i < sweepers->nelts; i++) {
        if (sp[i]->lease.db == db) {
            return sp[i];
        }
    }

    s = ngx_pcalloc(cf->pool, sizeof(ngx_oof_payment_sweeper_t));
    sp = ngx_array_push(sweepers);

    if (s == NULL || sp == NULL
        || ngx_array_init(&s->locations, cf->temp_pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    s->lease.db = db;

    *sp = s;

    return s;
}


static ngx_int_t
ngx_oof_payment_sweeper_add(ngx_conf_t *cf, ngx_oof_payment_sweeper_t *s)
{
    if (ngx_oof_payment_sweep_names(cf, s) != NGX_OK
        || ngx_oof_payment_sweep_metric(cf, s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&s->lease.name, "payments");

    s->lease.acquired = ngx_oof_payment_sweep_tick;
    s->lease.tick = ngx_oof_payment_sweep_tick;
    s->lease.data = s;

    return ngx_oof_lease_add(cf, &s->lease);
}


/* rows tell their brand, events tell URNs */

static ngx_int_t
ngx_oof_payment_sweep_names(ngx_conf_t *cf, ngx_oof_payment_sweeper_t *s)
{
    ngx_uint_t            i;
    ngx_oof_json_t        w;
    ngx_oof_loc_conf_t  **olcf;

    if (ngx_oof_json_init(&w, cf->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = s->locations.elts;

    ngx_oof_json_begin(&w, '{');

    /* of a brand that is there twice the last one counts */

    for (i = 0; i < s->locations.nelts; i++) {
        ngx_oof_json_member(&w, (char *) olcf[i]->brand.data,
                            &olcf[i]->urn_namespace);
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, &s->namespaces);
}


static ngx_int_t
ngx_oof_payment_sweep_metric(ngx_conf_t *cf, ngx_oof_payment_sweeper_t *s)
{
    ngx_int_t   series;
    ngx_str_t   label, *name;

    name = ngx_oof_database_name(s->lease.db);

    label.len = sizeof("database=\"\"") - 1 + name->len;
    label.data = ngx_pnalloc(cf->pool, label.len);

    if (label.data == NULL
        || ngx_oof_metric_add(cf, &ngx_oof_payment_sweep_total,
                              "oof_payment_consents_swept_total",
                              "Consents to pay that time has ended, written "
                              "here.",
                              NGX_OOF_METRIC_COUNTER)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_sprintf(label.data, "database=\"%V\"", name);

    series = ngx_oof_metric_series(cf, &ngx_oof_payment_sweep_total, &label);

    if (series == NGX_ERROR) {
        return NGX_ERROR;
    }

    s->series = series;

    return NGX_OK;
}


/* the lane of the lease: requests wait for none of it, nor it for them */

static void
ngx_oof_payment_sweep_tick(ngx_oof_lease_t *lease)
{
    ngx_oof_payment_sweeper_t *s = lease->data;

    int64_t             real;
    ngx_str_t           type;
    ngx_oof_pg_unit_t  *u;

    if (s->asking || ngx_exiting || !ngx_oof_lease_held(lease)
        || !ngx_oof_clock_ready())
    {
        return;
    }

    u = ngx_oof_pg_unit(lease->db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return;
    }

    u->handler = ngx_oof_payment_swept;
    u->data = s;
    u->deadline = ngx_current_msec + NGX_OOF_PAYMENT_SWEEP_DEADLINE;

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

    if (ngx_oof_pg_send(u) == NGX_OK) {
        s->asking = 1;
    }
}


static void
ngx_oof_payment_swept(ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_sweeper_t *s = u->data;

    int64_t  swept;

    s->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        return;
    }

    swept = ngx_oof_pg_get_int(u, 0, 0, 1);

    ngx_oof_metric_inc(&ngx_oof_payment_sweep_total, s->series,
                       (ngx_int_t) swept);

    if (swept == NGX_OOF_PAYMENT_SWEEP_BATCH) {

        /* there are more */

        ngx_oof_payment_sweep_tick(&s->lease);
    }
}
