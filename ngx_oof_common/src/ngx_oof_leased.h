
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_LEASED_H_INCLUDED_
#define _NGX_OOF_LEASED_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What stands on the lease of a database: the holder's work for all locations
 * that the database serves, and what it counts.  Whoever has such work declares
 * it at configuration time, and looks after its handlers alone.
 */


/* the first member of what a room knows of its work in a database */

typedef struct {
    ngx_oof_lease_t          lease;
    ngx_array_t              locations;  /* of ngx_oof_loc_conf_t * */
    ngx_uint_t               series;     /* of its metrics */
    int64_t                  epoch;      /* that the last unit is of */
    unsigned                 asking:1;   /* a unit is under way */
} ngx_oof_leased_t;


/* a family of metrics with a series for each database; the last has no name */

typedef struct {
    ngx_oof_metric_t        *metric;
    const char              *name;
    const char              *help;
    ngx_uint_t               type;
} ngx_oof_leased_family_t;


typedef ngx_int_t (*ngx_oof_leased_pt)(ngx_conf_t *cf,
    ngx_oof_leased_t *leased);


/*
 * While locations are merged: remembers the one that is read now in
 * "locations", of ngx_oof_loc_conf_t *.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_leased_location(ngx_conf_t *cf, ngx_array_t *locations);

/*
 * When all locations are known: makes for each database with "lease on" that
 * some of them stand on a zeroed piece of "size" bytes, which begins with an
 * ngx_oof_leased_t and lives as long as the configuration.  Locations for which
 * "serves" says 0 are left out; it may be NULL.  "add" sets the lease's name
 * and handlers, whose lease->data is the piece; then the lease is declared.
 */
ngx_int_t ngx_oof_leased_init(ngx_conf_t *cf, ngx_array_t *locations,
    size_t size, ngx_uint_t (*serves)(ngx_oof_loc_conf_t *olcf),
    ngx_oof_leased_pt add);

/* the same for work that is the database's alone: calls "add" for each */
ngx_int_t ngx_oof_leased_databases(ngx_conf_t *cf,
    ngx_int_t (*add)(ngx_conf_t *cf, ngx_oof_database_t *db));

/*
 * The locations' brands with the namespaces of their URNs, as a JSON object:
 * rows tell their brand, events tell URNs.
 */
ngx_int_t ngx_oof_leased_namespaces(ngx_conf_t *cf, ngx_oof_leased_t *leased,
    ngx_str_t *text);

/*
 * Declares the families with a series of the database, whose number, the same
 * in all of them, goes to "series".  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_leased_metrics(ngx_conf_t *cf, ngx_oof_database_t *db,
    ngx_oof_leased_family_t *families, ngx_uint_t *series);

/*
 * In the holder: a unit on the lane of the lease, where requests wait for none
 * of it, nor it for them; u->data is "leased".  NULL: no memory.
 */
ngx_oof_pg_unit_t *ngx_oof_leased_unit(ngx_oof_leased_t *leased,
    ngx_msec_t deadline, ngx_oof_pg_handler_pt handler);

/* sends it, and sets leased->asking if it is under way */
void ngx_oof_leased_send(ngx_oof_leased_t *leased, ngx_oof_pg_unit_t *u);

/*
 * In its handler, first: NGX_OK: it has run, in the epoch that we are in;
 * NGX_DECLINED: it has not; NGX_ABORT: the lease is held no more.
 */
ngx_int_t ngx_oof_leased_answer(ngx_oof_leased_t *leased,
    ngx_oof_pg_unit_t *u);


#endif /* _NGX_OOF_LEASED_H_INCLUDED_ */
