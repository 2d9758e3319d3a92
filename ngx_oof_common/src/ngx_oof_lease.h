
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_LEASE_H_INCLUDED_
#define _NGX_OOF_LEASE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What only one process of the installation may do is guarded by a row of
 * oof_lease (name, holder, epoch, until): the database's clock, 5 s, renewed
 * each second, given back on quit.  Work stops when the last renewal is older
 * than 3 s by CLOCK_BOOTTIME.  Worker 0 of each nginx tries; every write of a
 * holder names its epoch.
 */

typedef void (*ngx_oof_lease_pt)(ngx_oof_lease_t *lease);

struct ngx_oof_lease_s {
    ngx_str_t                name;
    ngx_oof_database_t      *db;

    ngx_oof_lease_pt         acquired;
    ngx_oof_lease_pt         lost;
    ngx_oof_lease_pt         tick;       /* about each second while held */

    int64_t                  epoch;      /* 0: not held */
    void                    *data;
};


/* declares a lease on "db" at configuration time */
ngx_int_t ngx_oof_lease_add(ngx_conf_t *cf, ngx_oof_lease_t *lease);

/* held, and renewed less than 3 s ago */
ngx_uint_t ngx_oof_lease_held(ngx_oof_lease_t *lease);

ngx_int_t ngx_oof_lease_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_lease_init_process(ngx_cycle_t *cycle);
void ngx_oof_lease_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_LEASE_H_INCLUDED_ */
