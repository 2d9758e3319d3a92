
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
 * than 3 s by CLOCK_BOOTTIME, which a suspended host cannot stop.  Worker 0 of
 * each nginx tries, and takes at once what the one before it in the same nginx
 * held when it died; every write of a holder names its epoch, which is raised
 * by one whenever the lease is acquired.
 */

typedef void (*ngx_oof_lease_pt)(ngx_oof_lease_t *lease);

typedef struct ngx_oof_lease_state_s  ngx_oof_lease_state_t;

struct ngx_oof_lease_s {
    ngx_str_t                name;       /* 1 to 64 characters */
    ngx_oof_database_t      *db;

    ngx_oof_lease_pt         acquired;
    ngx_oof_lease_pt         lost;       /* also when it is given back */
    ngx_oof_lease_pt         tick;       /* about each second while held */

    int64_t                  epoch;      /* 0: not held */
    void                    *data;

    ngx_uint_t               series;     /* private */
    ngx_oof_lease_state_t   *state;      /* private */
};


/*
 * Declares a lease at configuration time: name, db, data and the handlers, of
 * which any may be NULL, are set; "lease" lives in the configuration's pool.
 * Nothing happens where the database says "lease off".
 */
ngx_int_t ngx_oof_lease_add(ngx_conf_t *cf, ngx_oof_lease_t *lease);

/*
 * Held, and renewed less than 3 s ago: to be asked at each step of the work,
 * and again when an answer has come.
 */
ngx_uint_t ngx_oof_lease_held(ngx_oof_lease_t *lease);

/*
 * Metrics, the id that all workers of a cycle know, and the life of a worker:
 * what it holds is given back when it quits.
 */
ngx_int_t ngx_oof_lease_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_lease_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_oof_lease_init_process(ngx_cycle_t *cycle);
void ngx_oof_lease_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_LEASE_H_INCLUDED_ */
