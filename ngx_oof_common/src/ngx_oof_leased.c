
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>


static ngx_oof_leased_t *ngx_oof_leased_of(ngx_conf_t *cf, ngx_array_t *all,
    ngx_oof_database_t *db, size_t size);


ngx_int_t
ngx_oof_leased_location(ngx_conf_t *cf, ngx_array_t *locations)
{
    ngx_oof_loc_conf_t  **olcf;

    olcf = ngx_array_push(locations);
    if (olcf == NULL) {
        return NGX_ERROR;
    }

    *olcf = ngx_http_conf_get_module_loc_conf(cf, ngx_oof_module);

    return NGX_OK;
}


ngx_int_t
ngx_oof_leased_init(ngx_conf_t *cf, ngx_array_t *locations, size_t size,
    ngx_uint_t (*serves)(ngx_oof_loc_conf_t *olcf), ngx_oof_leased_pt add)
{
    ngx_uint_t            i;
    ngx_array_t           all;
    ngx_oof_leased_t     *leased, **lp;
    ngx_oof_loc_conf_t  **olcf, **known;

    if (ngx_array_init(&all, cf->temp_pool, 2, sizeof(void *)) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = locations->elts;

    for (i = 0; i < locations->nelts; i++) {

        if ((serves && !serves(olcf[i]))
            || !ngx_oof_database_leases(olcf[i]->database))
        {
            continue;
        }

        leased = ngx_oof_leased_of(cf, &all, olcf[i]->database, size);
        known = leased ? ngx_array_push(&leased->locations) : NULL;

        if (known == NULL) {
            return NGX_ERROR;
        }

        *known = olcf[i];
    }

    lp = all.elts;

    for (i = 0; i < all.nelts; i++) {
        if (add(cf, lp[i]) != NGX_OK
            || ngx_oof_lease_add(cf, &lp[i]->lease) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* found, or made */

static ngx_oof_leased_t *
ngx_oof_leased_of(ngx_conf_t *cf, ngx_array_t *all, ngx_oof_database_t *db,
    size_t size)
{
    ngx_uint_t          i;
    ngx_oof_leased_t   *leased, **lp;

    lp = all->elts;

    for (i = 0; i < all->nelts; i++) {
        if (lp[i]->lease.db == db) {
            return lp[i];
        }
    }

    leased = ngx_pcalloc(cf->pool, size);
    lp = ngx_array_push(all);

    if (leased == NULL || lp == NULL
        || ngx_array_init(&leased->locations, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    leased->lease.db = db;
    leased->lease.data = leased;

    *lp = leased;

    return leased;
}


ngx_int_t
ngx_oof_leased_databases(ngx_conf_t *cf,
    ngx_int_t (*add)(ngx_conf_t *cf, ngx_oof_database_t *db))
{
    ngx_uint_t             i;
    ngx_oof_database_t   **databases;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    databases = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {

        if (ngx_oof_database_leases(databases[i])
            && add(cf, databases[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_leased_namespaces(ngx_conf_t *cf, ngx_oof_leased_t *leased,
    ngx_str_t *text)
{
    ngx_uint_t            i;
    ngx_oof_json_t        w;
    ngx_oof_loc_conf_t  **olcf;

    if (ngx_oof_json_init(&w, cf->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = leased->locations.elts;

    ngx_oof_json_begin(&w, '{');

    /* of a brand that is there twice the last one counts */

    for (i = 0; i < leased->locations.nelts; i++) {
        ngx_oof_json_member(&w, (char *) olcf[i]->brand.data,
                            &olcf[i]->urn_namespace);
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, text);
}


ngx_int_t
ngx_oof_leased_metrics(ngx_conf_t *cf, ngx_oof_database_t *db,
    ngx_oof_leased_family_t *families, ngx_uint_t *series)
{
    ngx_int_t                 n;
    ngx_str_t                 label, *name;
    ngx_oof_leased_family_t  *f;

    name = ngx_oof_database_name(db);

    label.len = sizeof("database=\"\"") - 1 + name->len;
    label.data = ngx_pnalloc(cf->pool, label.len);

    if (label.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(label.data, "database=\"%V\"", name);

    for (f = families; f->name; f++) {

        if (ngx_oof_metric_add(cf, f->metric, f->name, f->help, f->type)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n = ngx_oof_metric_series(cf, f->metric, &label);

        if (n == NGX_ERROR || (f != families && (ngx_uint_t) n != *series)) {
            return NGX_ERROR;
        }

        *series = n;
    }

    return NGX_OK;
}


ngx_oof_pg_unit_t *
ngx_oof_leased_unit(ngx_oof_leased_t *leased, ngx_msec_t deadline,
    ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(leased->lease.db, NGX_OOF_PG_LEASE);

    if (u) {
        u->handler = handler;
        u->data = leased;
        u->deadline = ngx_current_msec + deadline;
    }

    return u;
}


void
ngx_oof_leased_send(ngx_oof_leased_t *leased, ngx_oof_pg_unit_t *u)
{
    leased->epoch = leased->lease.epoch;
    leased->asking = (ngx_oof_pg_send(u) == NGX_OK);
}


ngx_int_t
ngx_oof_leased_answer(ngx_oof_leased_t *leased, ngx_oof_pg_unit_t *u)
{
    leased->asking = 0;

    if (leased->lease.epoch == 0) {
        return NGX_ABORT;
    }

    return (u->rc == NGX_OOF_PG_OK && leased->epoch == leased->lease.epoch)
           ? NGX_OK : NGX_DECLINED;
}
