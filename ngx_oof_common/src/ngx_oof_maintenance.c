
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_leased.h>
#include <ngx_oof_retention.h>
#include <ngx_oof_rotation.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_PARTITION_DAYS   14
#define NGX_OOF_PARTITION_MOST   3         /* in a call: locks are brief */
#define NGX_OOF_PARTITION_LOW    3         /* days left that are an error */

#define NGX_OOF_MAINTENANCE_LOGS      2

#define NGX_OOF_MAINTENANCE_PERIOD    600000   /* ms */
#define NGX_OOF_MAINTENANCE_RETRY     10000
#define NGX_OOF_MAINTENANCE_DEADLINE  2000


typedef struct ngx_oof_maintenance_s  ngx_oof_maintenance_t;


/* a log whose partitions are days */

typedef struct {
    ngx_oof_maintenance_t   *m;
    ngx_uint_t               log;          /* which one */
    ngx_msec_t               next;
    int64_t                  epoch;        /* that was asked for */
    unsigned                 asking:1;
} ngx_oof_maintenance_log_t;


struct ngx_oof_maintenance_s {
    ngx_oof_lease_t            lease;
    ngx_uint_t                 series;
    ngx_msec_t                 purge;      /* of keys of requests: the next */
    ngx_uint_t                 purging;
    ngx_oof_rotation_t        *rotation;
    ngx_oof_retention_t       *retention;
    ngx_oof_maintenance_log_t  logs[NGX_OOF_MAINTENANCE_LOGS];
};


static ngx_int_t ngx_oof_maintenance_add(ngx_conf_t *cf,
    ngx_oof_database_t *db);
static void ngx_oof_maintenance_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_maintenance_lost(ngx_oof_lease_t *lease);
static void ngx_oof_maintenance_tick(ngx_oof_lease_t *lease);
static void ngx_oof_maintenance_ask(ngx_oof_maintenance_log_t *log);
static void ngx_oof_maintenance_partitions(ngx_oof_pg_unit_t *u);


static ngx_oof_metric_t
    ngx_oof_maintenance_days_left[NGX_OOF_MAINTENANCE_LOGS];
static ngx_oof_metric_t  ngx_oof_maintenance_astray[NGX_OOF_MAINTENANCE_LOGS];


static ngx_oof_leased_family_t  ngx_oof_maintenance_families[] = {

    { &ngx_oof_maintenance_days_left[0], "oof_event_partition_days_left",
      "Days after today that the event log has a partition for.",
      NGX_OOF_METRIC_SPARSE },

    { &ngx_oof_maintenance_astray[0], "oof_event_partition_astray",
      "Whether events are in the default partition.",
      NGX_OOF_METRIC_SPARSE },

    { &ngx_oof_maintenance_days_left[1], "oof_call_partition_days_left",
      "Days after today that the log of calls has a partition for.",
      NGX_OOF_METRIC_SPARSE },

    { &ngx_oof_maintenance_astray[1], "oof_call_partition_astray",
      "Whether reports of calls are in the default partition.",
      NGX_OOF_METRIC_SPARSE },

    { NULL, NULL, NULL, 0 }
};


static ngx_str_t  ngx_oof_maintenance_tables[] = {
    ngx_string("oof_event"),
    ngx_string("oof_call")
};


/* how the error log calls them */

static ngx_str_t  ngx_oof_maintenance_names[] = {
    ngx_string("event log"),
    ngx_string("log of calls")
};


ngx_int_t
ngx_oof_maintenance_init(ngx_conf_t *cf)
{
    ngx_oof_rotation_init(cf);

    return ngx_oof_leased_databases(cf, ngx_oof_maintenance_add);
}


static ngx_int_t
ngx_oof_maintenance_add(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    ngx_uint_t              i;
    ngx_oof_maintenance_t  *m;

    m = ngx_pcalloc(cf->pool, sizeof(ngx_oof_maintenance_t));

    if (m == NULL
        || ngx_oof_leased_metrics(cf, db, ngx_oof_maintenance_families,
                                  &m->series)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_OOF_MAINTENANCE_LOGS; i++) {
        m->logs[i].m = m;
        m->logs[i].log = i;
    }

    ngx_str_set(&m->lease.name, "maintenance");

    m->lease.db = db;
    m->lease.acquired = ngx_oof_maintenance_acquired;
    m->lease.lost = ngx_oof_maintenance_lost;
    m->lease.tick = ngx_oof_maintenance_tick;
    m->lease.data = m;

    m->rotation = ngx_oof_rotation_create(cf, &m->lease);
    m->retention = ngx_oof_retention_create(cf, &m->lease);

    if (m->rotation == NULL || m->retention == NULL) {
        return NGX_ERROR;
    }

    return ngx_oof_lease_add(cf, &m->lease);
}


static void
ngx_oof_maintenance_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_maintenance_t *m = lease->data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_MAINTENANCE_LOGS; i++) {
        m->logs[i].next = ngx_current_msec;
    }

    m->purge = ngx_current_msec;

    ngx_oof_rotation_acquired(m->rotation);
    ngx_oof_retention_acquired(m->retention);
    ngx_oof_maintenance_tick(lease);
}


/* a value that nobody keeps any more would only deceive */

static void
ngx_oof_maintenance_lost(ngx_oof_lease_t *lease)
{
    ngx_oof_maintenance_t *m = lease->data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_MAINTENANCE_LOGS; i++) {
        ngx_oof_metric_unset(&ngx_oof_maintenance_days_left[i], m->series);
        ngx_oof_metric_unset(&ngx_oof_maintenance_astray[i], m->series);
    }

    ngx_oof_rotation_lost(m->rotation);
    ngx_oof_retention_lost(m->retention);
}


static void
ngx_oof_maintenance_tick(ngx_oof_lease_t *lease)
{
    ngx_oof_maintenance_t *m = lease->data;

    ngx_uint_t  i;

    ngx_oof_idempotency_purge(lease, &m->purge, &m->purging);
    ngx_oof_rotation_tick(m->rotation);
    ngx_oof_retention_tick(m->retention);

    for (i = 0; i < NGX_OOF_MAINTENANCE_LOGS; i++) {
        ngx_oof_maintenance_ask(&m->logs[i]);
    }
}


static void
ngx_oof_maintenance_ask(ngx_oof_maintenance_log_t *log)
{
    ngx_oof_lease_t    *lease;
    ngx_oof_pg_unit_t  *u;

    lease = &log->m->lease;

    if (log->asking || (ngx_msec_int_t) (log->next - ngx_current_msec) > 0
        || !ngx_oof_lease_held(lease))
    {
        return;
    }

    log->next = ngx_current_msec + NGX_OOF_MAINTENANCE_RETRY;

    /* it may wait for a lock: on the lane where only renewals wait behind it */

    u = ngx_oof_pg_unit(lease->db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return;
    }

    u->handler = ngx_oof_maintenance_partitions;
    u->data = log;
    u->deadline = ngx_current_msec + NGX_OOF_MAINTENANCE_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_log_partitions);
    ngx_oof_pg_text(u, &ngx_oof_maintenance_tables[log->log]);
    ngx_oof_pg_int4(u, NGX_OOF_PARTITION_DAYS);
    ngx_oof_pg_int4(u, NGX_OOF_PARTITION_MOST);

    log->epoch = lease->epoch;

    if (ngx_oof_pg_send(u) == NGX_OK) {
        log->asking = 1;
    }
}


static void
ngx_oof_maintenance_partitions(ngx_oof_pg_unit_t *u)
{
    ngx_oof_maintenance_log_t *log = u->data;

    int64_t                 left, made;
    ngx_str_t              *name, *which;
    ngx_uint_t              astray;
    ngx_oof_maintenance_t  *m;

    m = log->m;
    which = &ngx_oof_maintenance_names[log->log];

    log->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1
        || log->epoch != m->lease.epoch)
    {
        return;
    }

    left = ngx_oof_pg_get_int(u, 0, 0, 1);
    made = ngx_oof_pg_get_int(u, 0, 0, 2);

    /* null: not known, the default partition is locked */

    astray = !ngx_oof_pg_is_null(u, 0, 0, 3)
             && ngx_oof_pg_get_int(u, 0, 0, 3);

    ngx_oof_metric_set(&ngx_oof_maintenance_days_left[log->log], m->series,
                       left);
    ngx_oof_metric_set(&ngx_oof_maintenance_astray[log->log], m->series,
                       astray);

    name = ngx_oof_database_name(m->lease.db);

    if (made) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%L partitions of the %V were made in database "
                      "\"%V\", %L days are left", made, which, name, left);
    }

    if (astray) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "%s are in the default partition of database "
                      "\"%V\": no partition was there for their day, and none "
                      "can be made before they are moved",
                      log->log ? "calls" : "events", name);
    }

    if (left < NGX_OOF_PARTITION_LOW && made == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "the %V of database \"%V\" has partitions for "
                      "%L days only", which, name, left);
    }

    if (made == NGX_OOF_PARTITION_MOST) {
        log->next = ngx_current_msec;

    } else if (left == NGX_OOF_PARTITION_DAYS) {
        log->next = ngx_current_msec + NGX_OOF_MAINTENANCE_PERIOD;
    }
}
