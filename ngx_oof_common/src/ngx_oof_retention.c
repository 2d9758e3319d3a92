
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_retention.h>


#define NGX_OOF_RETENTION_PERIOD    86400      /* s, rule clock */
#define NGX_OOF_RETENTION_PAUSE     100        /* ms, between batches */
#define NGX_OOF_RETENTION_RETRY     10000
#define NGX_OOF_RETENTION_DEADLINE  5000
#define NGX_OOF_RETENTION_ROWS      500

#define NGX_OOF_RETENTION_COL_LAST     0
#define NGX_OOF_RETENTION_COL_DELETED  1


/* one walk through a table; several may be of one word of the directive */

typedef struct {
    ngx_str_t                name;         /* as oof_retain() calls it */
    ngx_uint_t               kind;         /* number of the word */
} ngx_oof_retention_walk_t;


struct ngx_oof_retention_s {
    ngx_oof_lease_t         *lease;
    time_t                  *keep;         /* of each word; 0: for ever */
    ngx_uint_t              *series;       /* of each walk */

    ngx_event_t              timer;
    ngx_uint_t               walk;
    int64_t                  next;         /* us, rule clock */
    int64_t                  epoch;        /* that was asked for */
    int64_t                  deleted;
    ngx_str_t                last;         /* empty: from the first */
    u_char                   last_data[NGX_OOF_UUID_TEXT];
    unsigned                 asking:1;
};


static ngx_int_t ngx_oof_retention_metrics(ngx_conf_t *cf,
    ngx_oof_retention_t *r);
static void ngx_oof_retention_timer(ngx_event_t *ev);
static void ngx_oof_retention_ask(ngx_oof_retention_t *r);
static void ngx_oof_retention_answer(ngx_oof_pg_unit_t *u);


static ngx_oof_metric_t  ngx_oof_retention_deleted;


static ngx_str_t  ngx_oof_retention_kinds[] = {
    ngx_string("consents"),
    ngx_string("payments"),
    ngx_string("history"),
    ngx_string("attempts"),
    ngx_null_string
};


/* what is longest kept comes last: its parts go before it */

static ngx_oof_retention_walk_t  ngx_oof_retention_walks[] = {
    { ngx_string("attempts"), 3 },
    { ngx_string("consent_history"), 2 },
    { ngx_string("payment_history"), 2 },
    { ngx_string("consents"), 0 },
    { ngx_string("payments"), 1 },
    { ngx_null_string, 0 }
};


char *
ngx_oof_retention_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    time_t      keep;
    ngx_str_t  *value, *kind;
    ngx_uint_t  i;

    value = cf->args->elts;

    for (i = 0; /* void */ ; i++) {
        kind = &ngx_oof_retention_kinds[i];

        if (kind->len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"oof_retention\" is of \"consents\", "
                               "\"payments\", \"history\" or \"attempts\", "
                               "not of \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        if (kind->len == value[1].len
            && ngx_memcmp(kind->data, value[1].data, kind->len) == 0)
        {
            break;
        }
    }

    if (omcf->retention[i]) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_retention %V\" is there twice", kind);
        return NGX_CONF_ERROR;
    }

    if (value[2].len == 3 && ngx_memcmp(value[2].data, "off", 3) == 0) {
        return NGX_CONF_OK;
    }

    keep = ngx_parse_time(&value[2], 1);

    if (keep == (time_t) NGX_ERROR || keep < NGX_OOF_RETENTION_LEAST) {
        return "needs a time of 30d at least, or off";
    }

    omcf->retention[i] = keep;

    return NGX_CONF_OK;
}


ngx_oof_retention_t *
ngx_oof_retention_create(ngx_conf_t *cf, ngx_oof_lease_t *lease)
{
    ngx_oof_retention_t  *r;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    r = ngx_pcalloc(cf->pool, sizeof(ngx_oof_retention_t));

    if (r == NULL) {
        return NULL;
    }

    r->lease = lease;
    r->keep = omcf->retention;
    r->last.data = r->last_data;

    r->timer.handler = ngx_oof_retention_timer;
    r->timer.data = r;
    r->timer.log = &cf->cycle->new_log;
    r->timer.cancelable = 1;

    return (ngx_oof_retention_metrics(cf, r) == NGX_OK) ? r : NULL;
}


static ngx_int_t
ngx_oof_retention_metrics(ngx_conf_t *cf, ngx_oof_retention_t *r)
{
    ngx_int_t                  series;
    ngx_str_t                  label, *name;
    ngx_uint_t                 i, n;
    ngx_oof_retention_walk_t  *walk;

    n = sizeof(ngx_oof_retention_walks) / sizeof(ngx_oof_retention_walk_t) - 1;

    r->series = ngx_palloc(cf->pool, n * sizeof(ngx_uint_t));

    if (r->series == NULL
        || ngx_oof_metric_add(cf, &ngx_oof_retention_deleted,
                              "oof_retention_deleted_total",
                              "What was over and old, and was deleted.",
                              NGX_OOF_METRIC_COUNTER)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = ngx_oof_database_name(r->lease->db);
    walk = ngx_oof_retention_walks;

    for (i = 0; i < n; i++) {
        label.len = sizeof("database=\"\",what=\"\"") - 1 + name->len
                    + walk[i].name.len;
        label.data = ngx_pnalloc(cf->pool, label.len);

        if (label.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(label.data, "database=\"%V\",what=\"%V\"", name,
                    &walk[i].name);

        series = ngx_oof_metric_series(cf, &ngx_oof_retention_deleted, &label);

        if (series == NGX_ERROR) {
            return NGX_ERROR;
        }

        r->series[i] = series;
    }

    return NGX_OK;
}


void
ngx_oof_retention_acquired(ngx_oof_retention_t *r)
{
    r->walk = 0;
    r->next = 0;
    r->deleted = 0;
    r->last.len = 0;
}


void
ngx_oof_retention_lost(ngx_oof_retention_t *r)
{
    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }
}


void
ngx_oof_retention_tick(ngx_oof_retention_t *r)
{
    if (!r->asking && !r->timer.timer_set) {
        ngx_oof_retention_timer(&r->timer);
    }
}


static void
ngx_oof_retention_timer(ngx_event_t *ev)
{
    ngx_oof_retention_t *r = ev->data;

    int64_t                    now;
    ngx_oof_retention_walk_t  *walk;

    if (r->asking || ngx_exiting || !ngx_oof_lease_held(r->lease)
        || !ngx_oof_clock_ready())
    {
        return;
    }

    now = ngx_oof_clock_rule();

    if (now < r->next) {
        return;
    }

    walk = ngx_oof_retention_walks;

    while (walk[r->walk].name.len && r->keep[walk[r->walk].kind] == 0) {
        r->walk++;
    }

    if (walk[r->walk].name.len == 0) {
        r->walk = 0;
        r->next = now + NGX_OOF_RETENTION_PERIOD * NGX_OOF_SECOND;
        return;
    }

    ngx_oof_retention_ask(r);

    if (!r->asking) {
        ngx_add_timer(&r->timer, NGX_OOF_RETENTION_RETRY);
    }
}


static void
ngx_oof_retention_ask(ngx_oof_retention_t *r)
{
    ngx_oof_pg_unit_t         *u;
    ngx_oof_retention_walk_t  *walk;

    walk = &ngx_oof_retention_walks[r->walk];

    u = ngx_oof_pg_unit(r->lease->db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return;
    }

    u->handler = ngx_oof_retention_answer;
    u->data = r;
    u->deadline = ngx_current_msec + NGX_OOF_RETENTION_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_retain);
    ngx_oof_pg_text(u, &walk->name);
    ngx_oof_pg_time(u, ngx_oof_clock_rule()
                       - (int64_t) r->keep[walk->kind] * NGX_OOF_SECOND);

    ngx_oof_pg_some(u, &r->last);

    ngx_oof_pg_int4(u, NGX_OOF_RETENTION_ROWS);
    ngx_oof_pg_int8(u, r->lease->epoch);

    r->epoch = r->lease->epoch;

    if (ngx_oof_pg_send(u) == NGX_OK) {
        r->asking = 1;
    }
}


static void
ngx_oof_retention_answer(ngx_oof_pg_unit_t *u)
{
    ngx_oof_retention_t *r = u->data;

    int64_t                    deleted;
    ngx_str_t                  last;
    ngx_oof_retention_walk_t  *walk;

    r->asking = 0;

    if (ngx_exiting || r->epoch != r->lease->epoch) {
        return;
    }

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        ngx_add_timer(&r->timer, NGX_OOF_RETENTION_RETRY);
        return;
    }

    walk = &ngx_oof_retention_walks[r->walk];

    deleted = ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_RETENTION_COL_DELETED);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_RETENTION_COL_LAST, &last);

    r->deleted += deleted;

    ngx_oof_metric_inc(&ngx_oof_retention_deleted, r->series[r->walk],
                       (ngx_int_t) deleted);

    if (last.len == NGX_OOF_UUID_TEXT) {
        ngx_memcpy(r->last.data, last.data, last.len);
        r->last.len = last.len;

    } else {

        if (r->deleted) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "%L rows of \"%V\" that were over and older than "
                          "%T days were deleted in database \"%V\"",
                          r->deleted, &walk->name,
                          r->keep[walk->kind] / 86400,
                          ngx_oof_database_name(r->lease->db));
        }

        r->walk++;
        r->deleted = 0;
        r->last.len = 0;
    }

    ngx_add_timer(&r->timer, NGX_OOF_RETENTION_PAUSE);
}
