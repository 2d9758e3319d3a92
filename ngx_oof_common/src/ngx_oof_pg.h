
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PG_H_INCLUDED_
#define _NGX_OOF_PG_H_INCLUDED_


#include <ngx_oof.h>


/*
 * PostgreSQL lanes (docs/architecture.md).  A unit is one statement, or a few,
 * that are one atomic step.  A lane that is free sends the units that have
 * queued as one segment with one Sync; a unit is finished when the Sync of its
 * own segment has arrived.
 */

#define NGX_OOF_PG_READ      0
#define NGX_OOF_PG_WRITE     1
#define NGX_OOF_PG_SOLO      2      /* one unit a segment, may wait for rows */
#define NGX_OOF_PG_LEASE     3      /* the lease holder's own connection */

#define NGX_OOF_PG_MAX_STATEMENTS  4

/*
 * The first column of the first row of a write unit's last statement is an
 * int4 named "outcome".  This value means that a row was held by another
 * session and nothing was written: the unit goes to the solo lane by itself.
 */
#define NGX_OOF_PG_BUSY_OUTCOME    (-1)


/* how a unit ended, u->rc */

#define NGX_OOF_PG_OK        0
#define NGX_OOF_PG_DOWN      1      /* no lane: 503 with Retry-After */
#define NGX_OOF_PG_FULL      2      /* queue is full: 529 with Retry-After */
#define NGX_OOF_PG_TIMEOUT   3      /* deadline, or a lock not got: 504 */
#define NGX_OOF_PG_ERROR     4      /* an SQL error: 500, logged with class */


typedef void (*ngx_oof_pg_handler_pt)(ngx_oof_pg_unit_t *u);


typedef struct {
    ngx_oof_sql_t           *sql;
    ngx_uint_t               nparams;
    const char             **values;
    int                     *lengths;
    int                     *formats;
    PGresult                *result;
    ngx_uint_t               row;         /* of a result for many units */
    ngx_uint_t              *sharers;     /* NULL: the result is its own */
} ngx_oof_pg_statement_t;


struct ngx_oof_pg_unit_s {
    ngx_oof_database_t      *db;
    ngx_pool_t              *pool;        /* dies with the unit */
    ngx_uint_t               class;

    ngx_uint_t               nstatements;
    ngx_oof_pg_statement_t   statements[NGX_OOF_PG_MAX_STATEMENTS];

    /*
     * 16 bytes (a consent's id): units of one key that are not reads keep
     * their order; all zero when order does not matter
     */
    u_char                   key[NGX_OOF_UUID_LEN];

    ngx_msec_t               deadline;    /* ngx_current_msec; 0: 15 s */

    ngx_uint_t               rc;          /* NGX_OOF_PG_OK ... */
    char                     sqlstate[6];

    ngx_oof_pg_handler_pt    handler;
    void                    *data;

    unsigned                 calm:1;      /* the relay need not be woken */

    ngx_uint_t               runs;        /* at most 3 */
    size_t                   size;        /* bytes of parameters */
    ngx_msec_t               queued;      /* when it was given */

    /* private to the lanes */

    ngx_queue_t              queue;       /* where it is now */
    ngx_queue_t              all;         /* of the database's units */
    ngx_queue_t              hash;        /* of the keys that are taken */
    ngx_queue_t              behind;      /* units that wait for its key */
    ngx_uint_t               lanes;       /* class of lanes it goes to */
    ngx_uint_t               aborts;      /* not run: a neighbour failed */
    ngx_uint_t               many;        /* units of the statement that it
                                           * begins; 0: not for many */

    unsigned                 state:3;
    unsigned                 failed:1;    /* memory ran short */
    unsigned                 ordered:1;   /* holds its key */
    unsigned                 doubt:1;     /* its lane was lost */
    unsigned                 late:1;      /* its owner was told so */
    unsigned                 alone:1;     /* shares no segment any more */
    unsigned                 cut:1;       /* the last one of its segment */
};


/* "oof_database NAME { … }" and what server{} says by name */
char *ngx_oof_database_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_oof_database_t *ngx_oof_database_find(ngx_conf_t *cf, ngx_str_t *name);

/* NAME of its block, for logs and metrics */
ngx_str_t *ngx_oof_database_name(ngx_oof_database_t *db);

/* "lease on": this nginx takes leases there */
ngx_uint_t ngx_oof_database_leases(ngx_oof_database_t *db);

/*
 * A unit with its own pool.  Parameters are copied and are given in order
 * after ngx_oof_pg_statement() for the statement they belong to; memory that
 * runs short on the way is remembered, and ngx_oof_pg_send() then fails.
 * Write statements find their own earlier run by the id of their event, so a
 * unit in doubt may run again unchanged.
 */
ngx_oof_pg_unit_t *ngx_oof_pg_unit(ngx_oof_database_t *db, ngx_uint_t class);
void ngx_oof_pg_statement(ngx_oof_pg_unit_t *u, ngx_oof_sql_t *sql);
void ngx_oof_pg_null(ngx_oof_pg_unit_t *u);
void ngx_oof_pg_uuid(ngx_oof_pg_unit_t *u, u_char *id);
void ngx_oof_pg_text(ngx_oof_pg_unit_t *u, ngx_str_t *value);  /* len 0: "" */
void ngx_oof_pg_bytea(ngx_oof_pg_unit_t *u, ngx_str_t *value);
void ngx_oof_pg_some(ngx_oof_pg_unit_t *u, ngx_str_t *value);  /* len 0: null */
void ngx_oof_pg_int4(ngx_oof_pg_unit_t *u, int32_t value);
void ngx_oof_pg_int8(ngx_oof_pg_unit_t *u, int64_t value);
void ngx_oof_pg_bool(ngx_oof_pg_unit_t *u, ngx_uint_t value);
void ngx_oof_pg_time(ngx_oof_pg_unit_t *u, int64_t us);   /* timestamptz */

/*
 * Queues the unit.  Its handler is called once, never from inside this call,
 * with u->rc set; after the handler the unit and its results are gone.  For
 * NGX_OOF_PG_FULL and NGX_OOF_PG_DOWN too the handler is called (posted).
 * Returns NGX_OK, or NGX_ERROR (no memory; the unit is freed, no handler).
 */
ngx_int_t ngx_oof_pg_send(ngx_oof_pg_unit_t *u);

/*
 * What a unit that is awaited comes to when its deadline has passed:
 * NGX_OOF_PG_TIMEOUT, or NGX_OOF_PG_DOWN while there is no lane for it.
 */
ngx_uint_t ngx_oof_pg_late(ngx_oof_pg_unit_t *u);

/* the request has gone: let the unit finish, call nobody */
void ngx_oof_pg_detach(ngx_oof_pg_unit_t *u);

/* a unit that was never sent */
void ngx_oof_pg_free(ngx_oof_pg_unit_t *u);

/*
 * Results, which are binary and live as long as the unit: "s" is the
 * statement's number.  Strings point into the result.  Times are microseconds
 * of the Unix epoch.  ngx_oof_pg_is_null() first where a column may be null.
 */
ngx_uint_t ngx_oof_pg_rows(ngx_oof_pg_unit_t *u, ngx_uint_t s);
ngx_uint_t ngx_oof_pg_is_null(ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, ngx_uint_t col);
void ngx_oof_pg_get_str(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col, ngx_str_t *value);
int64_t ngx_oof_pg_get_int(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col);             /* int2, int4, int8, bool */
int64_t ngx_oof_pg_get_time(ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, ngx_uint_t col);

/* a lane of each kind is up, for readiness */
ngx_uint_t ngx_oof_pg_ready(ngx_oof_database_t *db);

ngx_int_t ngx_oof_pg_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_pg_init(ngx_conf_t *cf);           /* checks at the end */
ngx_int_t ngx_oof_pg_init_process(ngx_cycle_t *cycle);
void ngx_oof_pg_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_PG_H_INCLUDED_ */
