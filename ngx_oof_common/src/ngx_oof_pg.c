
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_pg_lane.h>


static ngx_int_t ngx_oof_pg_complete(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_send_handler(ngx_event_t *ev);
static ngx_int_t ngx_oof_pg_metrics_values(ngx_conf_t *cf,
    ngx_oof_metric_t *metric, ngx_oof_database_t *db, const char *label,
    const char **values);
static ngx_int_t ngx_oof_pg_metrics_label(ngx_conf_t *cf,
    ngx_oof_metric_t *metric, ngx_oof_database_t *db, const char *class,
    const char *label, const char *value);


ngx_oof_metric_t  ngx_oof_pg_units_total;
ngx_oof_metric_t  ngx_oof_pg_again_total;
ngx_oof_metric_t  ngx_oof_pg_segments_total;
ngx_oof_metric_t  ngx_oof_pg_reconnects_total;
ngx_oof_metric_t  ngx_oof_pg_lanes_up;
ngx_oof_metric_t  ngx_oof_pg_queue_depth;
ngx_oof_metric_t  ngx_oof_pg_wait_seconds;
ngx_oof_metric_t  ngx_oof_pg_unit_seconds;


static const char  *ngx_oof_pg_class_labels[] = {
    "read", "write", "solo", "lease", NULL
};


/* in the order of NGX_OOF_PG_OK ... NGX_OOF_PG_LEFT */

static const char  *ngx_oof_pg_result_labels[] = {
    "ok", "down", "full", "timeout", "error", "left", NULL
};


static const char  *ngx_oof_pg_again_labels[] = {
    "busy", "error", "shared", "commit", "lost", NULL
};


static const char  *ngx_oof_pg_size_labels[] = {
    "1", "8", "32", "64", "128", "more", NULL
};


ngx_int_t
ngx_oof_pg_send(ngx_oof_pg_unit_t *u)
{
    ngx_oof_database_t  *db;
    ngx_oof_pg_class_t  *class;

    if (ngx_oof_pg_complete(u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    db = u->db;
    class = &db->classes[u->class];

    if (!db->working && db->tick.handler == NULL) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    u->queued = ngx_current_msec;

    if (u->deadline == 0) {
        u->deadline = ngx_current_msec + NGX_OOF_PG_DEADLINE;
    }

    ngx_queue_insert_tail(&db->units, &u->all);

    if (db->nunits++ == 0) {

        /* a quitting worker waits for it */

        db->tick.cancelable = 0;

        if (!db->tick.timer_set) {
            ngx_add_timer(&db->tick, NGX_OOF_PG_TICK);
        }
    }

    if (!db->working
        || (u->class == NGX_OOF_PG_LEASE && !db->lease)
        || ngx_oof_pg_down(class))
    {
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
        return NGX_OK;
    }

    if (class->nwaiting >= db->queue) {
        ngx_oof_pg_end(u, NGX_OOF_PG_FULL);
        return NGX_OK;
    }

    ngx_oof_pg_enqueue(u);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pg_complete(ngx_oof_pg_unit_t *u)
{
    ngx_uint_t               i;
    ngx_oof_pg_statement_t  *s;

    if (u->nstatements == 0 && !u->failed) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "a unit has no statement");
        return NGX_ERROR;
    }

    for (i = 0; i < u->nstatements && !u->failed; i++) {
        s = &u->statements[i];

        if (s->nparams != s->sql->nparams) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "statement \"%s\" takes %ui parameters, %ui given",
                          s->sql->name, s->sql->nparams, s->nparams);
            return NGX_ERROR;
        }
    }

    return u->failed ? NGX_ERROR : NGX_OK;
}


/* at the end of a turn of the event loop: all that it has brought */

static void
ngx_oof_pg_send_handler(ngx_event_t *ev)
{
    ngx_uint_t           i;
    ngx_oof_pg_lane_t   *lane;
    ngx_oof_pg_class_t  *class;

    class = ev->data;

    /* the lane with the least to do comes first */

    lane = class->lanes;

    for (i = 1; i < class->nlanes; i++) {
        if (lane->state != NGX_OOF_PG_LANE_UP
            || class->lanes[i].nsegments < lane->nsegments)
        {
            lane = &class->lanes[i];
        }
    }

    ngx_oof_pg_segment_send(lane);

    for (i = 0; i < class->nlanes && !ngx_queue_empty(&class->waiting); i++) {
        ngx_oof_pg_segment_send(&class->lanes[i]);
    }
}


void
ngx_oof_pg_detach(ngx_oof_pg_unit_t *u)
{
    /* what has not been sent is dropped when its turn comes, if it reads */

    u->handler = NULL;
}


ngx_uint_t
ngx_oof_pg_ready(ngx_oof_database_t *db)
{
    ngx_uint_t           i, j;
    ngx_oof_pg_class_t  *class;

    if (!db->working) {
        return 0;
    }

    for (i = 0; i < NGX_OOF_PG_LEASE; i++) {
        class = &db->classes[i];

        for (j = 0; j < class->nlanes; j++) {
            if (class->lanes[j].state == NGX_OOF_PG_LANE_UP) {
                break;
            }
        }

        if (j == class->nlanes) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_oof_pg_preconf(ngx_conf_t *cf)
{
    ngx_uint_t  i;

    static struct {
        ngx_oof_metric_t  *metric;
        const char        *name;
        const char        *help;
        ngx_uint_t         type;
    } m[] = {

        { &ngx_oof_pg_units_total, "oof_db_units_total",
          "Units by the class they were given to and how they ended.",
          NGX_OOF_METRIC_COUNTER },

        { &ngx_oof_pg_again_total, "oof_db_reruns_total",
          "Times a unit was put back to run again, and why.",
          NGX_OOF_METRIC_COUNTER },

        { &ngx_oof_pg_segments_total, "oof_db_segments_total",
          "Segments sent, by the most units they may have.",
          NGX_OOF_METRIC_COUNTER },

        { &ngx_oof_pg_reconnects_total, "oof_db_reconnects_total",
          "Lanes that were up and were lost.",
          NGX_OOF_METRIC_COUNTER },

        { &ngx_oof_pg_lanes_up, "oof_db_lanes_up",
          "Lanes that are up, all workers together.",
          NGX_OOF_METRIC_GAUGE },

        { &ngx_oof_pg_queue_depth, "oof_db_queue_depth",
          "Units that wait for a lane, all workers together.",
          NGX_OOF_METRIC_GAUGE },

        { &ngx_oof_pg_wait_seconds, "oof_db_unit_wait_seconds",
          "Time from a unit's queueing to its first run.",
          NGX_OOF_METRIC_HISTOGRAM },

        { &ngx_oof_pg_unit_seconds, "oof_db_unit_seconds",
          "Time from a unit's queueing to its end.",
          NGX_OOF_METRIC_HISTOGRAM }
    };

    for (i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
        if (ngx_oof_metric_add(cf, m[i].metric, m[i].name, m[i].help,
                               m[i].type)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_pg_metrics(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    static const char  *none[] = { NULL, NULL };

    if (ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_units_total, db, "result",
                                  ngx_oof_pg_result_labels)
        != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_again_total, db, "why",
                                     ngx_oof_pg_again_labels)
           != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_segments_total, db,
                                     "units", ngx_oof_pg_size_labels)
           != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_reconnects_total, db,
                                     NULL, none)
           != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_lanes_up, db, NULL, none)
           != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_queue_depth, db, NULL,
                                     none)
           != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_wait_seconds, db, NULL,
                                     none)
           != NGX_OK
        || ngx_oof_pg_metrics_values(cf, &ngx_oof_pg_unit_seconds, db, NULL,
                                     none)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* one series for each class, or for each class and value */

static ngx_int_t
ngx_oof_pg_metrics_values(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_oof_database_t *db, const char *label, const char **values)
{
    ngx_uint_t   i;
    const char **v;

    for (i = 0; i < NGX_OOF_PG_CLASSES; i++) {

        v = values;

        do {
            if (ngx_oof_pg_metrics_label(cf, metric, db,
                                         ngx_oof_pg_class_labels[i], label,
                                         *v)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

        } while (*v && *++v);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pg_metrics_label(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_oof_database_t *db, const char *class, const char *label,
    const char *value)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *labels;

    len = sizeof("database=\"\",class=\"\",=\"\"") + db->name.len
          + ngx_strlen(class);

    if (label) {
        len += ngx_strlen(label) + ngx_strlen(value);
    }

    labels = ngx_palloc(cf->pool, sizeof(ngx_str_t));
    p = ngx_pnalloc(cf->pool, len);

    if (labels == NULL || p == NULL) {
        return NGX_ERROR;
    }

    labels->data = p;

    p = ngx_sprintf(p, "database=\"%V\",class=\"%s\"", &db->name, class);

    if (label) {
        p = ngx_sprintf(p, ",%s=\"%s\"", label, value);
    }

    labels->len = p - labels->data;

    return ngx_oof_metric_series(cf, metric, labels) == NGX_ERROR ? NGX_ERROR
                                                                  : NGX_OK;
}


ngx_int_t
ngx_oof_pg_init(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_oof_database_t  **dbs;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    dbs = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {
        if (ngx_oof_pg_conf_hosts(cf, dbs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_oof_pg_check(cf, &omcf->databases);
}


ngx_int_t
ngx_oof_pg_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t            i, j, k, n;
    ngx_oof_pg_class_t   *class;
    ngx_oof_database_t   *db, **dbs;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_oof_main_conf(cycle);
    dbs = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {
        db = dbs[i];

        if (ngx_oof_pg_queue_init(cycle, db) != NGX_OK) {
            return NGX_ERROR;
        }

        for (j = 0; j < NGX_OOF_PG_CLASSES; j++) {
            class = &db->classes[j];
            n = (j == NGX_OOF_PG_READ) ? db->read_lanes : 1;

            class->db = db;
            class->class = j;
            class->nlanes = n;
            class->lanes = ngx_pcalloc(cycle->pool,
                                       n * sizeof(ngx_oof_pg_lane_t));
            if (class->lanes == NULL) {
                return NGX_ERROR;
            }

            ngx_queue_init(&class->waiting);

            class->send.handler = ngx_oof_pg_send_handler;
            class->send.data = class;
            class->send.log = cycle->log;

            for (k = 0; k < n; k++) {
                ngx_oof_pg_lane_init(class, &class->lanes[k]);
            }
        }

        db->working = 1;

        for (j = 0; j < NGX_OOF_PG_LEASE; j++) {
            class = &db->classes[j];

            for (k = 0; k < class->nlanes; k++) {
                ngx_oof_pg_lane_open(&class->lanes[k]);
            }
        }
    }

    return NGX_OK;
}


void
ngx_oof_pg_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t            i, j, k;
    ngx_oof_pg_class_t   *class;
    ngx_oof_database_t   *db, **dbs;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_oof_main_conf(cycle);
    dbs = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {
        db = dbs[i];

        if (db->tick.handler == NULL) {
            continue;
        }

        db->working = 0;

        for (j = 0; j < NGX_OOF_PG_CLASSES; j++) {
            class = &db->classes[j];

            for (k = 0; k < class->nlanes; k++) {
                ngx_oof_pg_lane_close(&class->lanes[k]);
            }
        }

        ngx_oof_pg_free_all(db);
    }
}
