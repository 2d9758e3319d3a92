
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_relay_int.h>

#include <sys/eventfd.h>


/* all in milliseconds */

#define NGX_OOF_RELAY_POLL_MIN   50       /* other hosts wake nobody here */
#define NGX_OOF_RELAY_POLL_MAX   250
#define NGX_OOF_RELAY_SPACE      10       /* between statements, under load */
#define NGX_OOF_RELAY_MORE       64       /* rows of which there may be more */
#define NGX_OOF_RELAY_WHOLE      1000
#define NGX_OOF_RELAY_LOOK       1000
#define NGX_OOF_RELAY_DROP       600000
#define NGX_OOF_RELAY_DROP_SOON  2000

/*
 * us, before the bound that oof_relay_next() proves: as long as a row may have
 * been made before its transaction got its number, and as the database's clock
 * may be set back.
 */
#define NGX_OOF_RELAY_LATE       (5 * NGX_OOF_SECOND)

#define NGX_OOF_RELAY_LOGS       2
#define NGX_OOF_RELAY_SEALED     10       /* column of relay_read_personal */


static ngx_oof_relay_t *ngx_oof_relay_of(ngx_conf_t *cf,
    ngx_oof_database_t *db);
static ngx_int_t ngx_oof_relay_metrics(ngx_conf_t *cf,
    ngx_oof_relay_t *relay);
static ngx_int_t ngx_oof_relay_label(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static ngx_oof_relay_t *ngx_oof_relay_find(ngx_oof_main_conf_t *omcf,
    ngx_oof_database_t *db);
static void ngx_oof_relay_unmap(void *data);
static void ngx_oof_relay_acquired(ngx_oof_lease_t *lease);
static void ngx_oof_relay_lost(ngx_oof_lease_t *lease);
static void ngx_oof_relay_tick(ngx_oof_lease_t *lease);
static void ngx_oof_relay_begin(ngx_oof_relay_t *relay);
static void ngx_oof_relay_begun(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_relay_names(ngx_oof_relay_t *relay,
    ngx_pool_t *pool, ngx_str_t *names);
static ngx_oof_consumer_state_t *ngx_oof_relay_named(ngx_oof_relay_t *relay,
    ngx_str_t *name);
static ngx_int_t ngx_oof_relay_listen(ngx_oof_relay_t *relay);
static void ngx_oof_relay_deaf(ngx_oof_relay_t *relay);
static void ngx_oof_relay_event_handler(ngx_event_t *ev);
static void ngx_oof_relay_timer(ngx_event_t *ev);
static void ngx_oof_relay_later(ngx_oof_relay_t *relay, ngx_msec_t timer);
static void ngx_oof_relay_ask(ngx_oof_relay_t *relay);
static void ngx_oof_relay_answer(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_relay_sealed(ngx_oof_relay_event_t *event,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);
static void ngx_oof_relay_advance(ngx_oof_relay_t *relay,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_relay_keep_rows(ngx_oof_relay_t *relay,
    ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_relay_room(ngx_oof_relay_t *relay);
static void ngx_oof_relay_pop(ngx_oof_relay_t *relay);
static void ngx_oof_relay_look_at(ngx_oof_relay_t *relay);
static void ngx_oof_relay_looked(ngx_oof_pg_unit_t *u);
static void ngx_oof_relay_drop_days(ngx_oof_relay_t *relay);
static void ngx_oof_relay_dropped(ngx_oof_pg_unit_t *u);


ngx_oof_metric_t  ngx_oof_relay_delivered_total;
ngx_oof_metric_t  ngx_oof_relay_failed_total;
ngx_oof_metric_t  ngx_oof_relay_dead_total;

static ngx_oof_metric_t  ngx_oof_relay_position;
static ngx_oof_metric_t  ngx_oof_relay_lag;
static ngx_oof_metric_t  ngx_oof_relay_age;
static ngx_oof_metric_t  ngx_oof_relay_dead;


static ngx_str_t  ngx_oof_relay_logs[] = {
    ngx_string("oof_event"),
    ngx_string("oof_call")
};


/* of the running cycle */

static ngx_oof_main_conf_t  *ngx_oof_relay_conf;


ngx_int_t
ngx_oof_relay_init(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_oof_relay_t      **relays;
    ngx_oof_database_t   **databases;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    /* positions are given for readers of the logs too, who are no consumers */

    databases = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {
        if (ngx_oof_database_leases(databases[i])
            && ngx_oof_relay_of(cf, databases[i]) == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_oof_events_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    relays = omcf->relays.elts;

    for (i = 0; i < omcf->relays.nelts; i++) {
        relays[i]->keep = omcf->events_keep;

        if (ngx_oof_relay_metrics(cf, relays[i]) != NGX_OK
            || ngx_oof_lease_add(cf, &relays[i]->lease) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_oof_relay_t *
ngx_oof_relay_of(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    ngx_oof_relay_t      *relay, **rp;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    relay = ngx_oof_relay_find(omcf, db);

    if (relay) {
        return relay;
    }

    relay = ngx_pcalloc(cf->pool, sizeof(ngx_oof_relay_t));
    rp = ngx_array_push(&omcf->relays);

    if (relay == NULL || rp == NULL
        || ngx_array_init(&relay->consumers, cf->pool, 4,
                          sizeof(ngx_oof_consumer_t *))
           != NGX_OK)
    {
        return NULL;
    }

    *rp = relay;

    relay->db = db;
    relay->fd = -1;

    ngx_str_set(&relay->lease.name, "relay");

    relay->lease.db = db;
    relay->lease.acquired = ngx_oof_relay_acquired;
    relay->lease.lost = ngx_oof_relay_lost;
    relay->lease.tick = ngx_oof_relay_tick;
    relay->lease.data = relay;

    return relay;
}


static ngx_oof_relay_t *
ngx_oof_relay_find(ngx_oof_main_conf_t *omcf, ngx_oof_database_t *db)
{
    ngx_uint_t         i;
    ngx_oof_relay_t  **relays;

    relays = omcf->relays.elts;

    for (i = 0; i < omcf->relays.nelts; i++) {
        if (relays[i]->db == db) {
            return relays[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_relay_consumer(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_uint_t            i;
    ngx_oof_relay_t      *relay;
    ngx_oof_consumer_t  **cp;

    if (!ngx_oof_database_leases(c->db)) {
        return NGX_OK;
    }

    relay = ngx_oof_relay_of(cf, c->db);
    if (relay == NULL) {
        return NGX_ERROR;
    }

    cp = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {
        if (cp[i]->name.len == c->name.len
            && ngx_strncmp(cp[i]->name.data, c->name.data, c->name.len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there are two consumers \"%V\" of the events "
                               "of database \"%V\": give one another name",
                               &c->name, ngx_oof_database_name(c->db));
            return NGX_ERROR;
        }
    }

    if (relay->consumers.nelts == NGX_OOF_RELAY_CONSUMERS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "database \"%V\" has more than %d consumers of "
                           "events", ngx_oof_database_name(c->db),
                           NGX_OOF_RELAY_CONSUMERS);
        return NGX_ERROR;
    }

    cp = ngx_array_push(&relay->consumers);
    if (cp == NULL) {
        return NGX_ERROR;
    }

    *cp = c;
    c->relay = relay;
    relay->personal |= c->personal;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_relay_metrics(ngx_conf_t *cf, ngx_oof_relay_t *relay)
{
    ngx_int_t             series;
    ngx_str_t             label, *name;
    ngx_uint_t            i;
    ngx_oof_consumer_t  **c;

    if (ngx_oof_metric_add(cf, &ngx_oof_relay_position,
                           "oof_relay_position",
                           "Last position that was given to an event.",
                           NGX_OOF_METRIC_SPARSE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = ngx_oof_database_name(relay->db);

    label.len = sizeof("database=\"\"") - 1 + name->len;
    label.data = ngx_pnalloc(cf->pool, label.len);

    if (label.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(label.data, "database=\"%V\"", name);

    series = ngx_oof_metric_series(cf, &ngx_oof_relay_position, &label);

    if (series == NGX_ERROR) {
        return NGX_ERROR;
    }

    relay->series = series;

    c = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {
        if (ngx_oof_relay_label(cf, c[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_relay_label(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_int_t   series;
    ngx_str_t   label, *name;
    ngx_uint_t  i;

    static struct {
        ngx_oof_metric_t  *metric;
        const char        *name;
        const char        *help;
        ngx_uint_t         type;
    } metrics[] = {
        { &ngx_oof_relay_lag, "oof_relay_lag",
          "Events that the consumer has not acknowledged.",
          NGX_OOF_METRIC_SPARSE },
        { &ngx_oof_relay_age, "oof_relay_oldest_age_seconds",
          "Age of the oldest event that the consumer has not acknowledged.",
          NGX_OOF_METRIC_SPARSE },
        { &ngx_oof_relay_dead, "oof_relay_dead",
          "Dead events of the consumer.", NGX_OOF_METRIC_SPARSE },
        { &ngx_oof_relay_delivered_total, "oof_relay_delivered_total",
          "Events that the consumer has acknowledged.",
          NGX_OOF_METRIC_COUNTER },
        { &ngx_oof_relay_failed_total, "oof_relay_failed_total",
          "Attempts that have failed.", NGX_OOF_METRIC_COUNTER },
        { &ngx_oof_relay_dead_total, "oof_relay_dead_total",
          "Events that were given up.", NGX_OOF_METRIC_COUNTER },
        { NULL, NULL, NULL, 0 }
    };

    name = ngx_oof_database_name(c->db);

    label.len = sizeof("consumer=\"\",database=\"\"") - 1 + c->name.len
                + name->len;
    label.data = ngx_pnalloc(cf->pool, label.len);

    if (label.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(label.data, "consumer=\"%V\",database=\"%V\"", &c->name, name);

    for (i = 0; metrics[i].metric; i++) {

        if (ngx_oof_metric_add(cf, metrics[i].metric, metrics[i].name,
                               metrics[i].help, metrics[i].type)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        series = ngx_oof_metric_series(cf, metrics[i].metric, &label);

        if (series == NGX_ERROR || (i && (ngx_uint_t) series != c->series)) {
            return NGX_ERROR;
        }

        c->series = series;
    }

    return NGX_OK;
}


/* before workers are made: what they share is theirs as long as their cycle */

ngx_int_t
ngx_oof_relay_init_module(ngx_cycle_t *cycle)
{
    size_t                   size;
    ngx_uint_t               i;
    ngx_oof_relay_t        **relays;
    ngx_pool_cleanup_t      *cln;
    ngx_oof_main_conf_t     *omcf;
    ngx_oof_relay_shared_t  *shared;

    omcf = ngx_oof_main_conf(cycle);

    if (omcf == NULL || omcf->relays.nelts == 0 || ngx_test_config) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    size = omcf->relays.nelts * sizeof(ngx_oof_relay_shared_t);

    shared = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);

    if (shared == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "mmap(MAP_ANON|MAP_SHARED, %uz) failed", size);
        return NGX_ERROR;
    }

    relays = omcf->relays.elts;

    for (i = 0; i < omcf->relays.nelts; i++) {
        relays[i]->shared = &shared[i];
    }

    cln->handler = ngx_oof_relay_unmap;
    cln->data = omcf;

    for (i = 0; i < omcf->relays.nelts; i++) {
        relays[i]->fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (relays[i]->fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "eventfd() failed");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_oof_relay_unmap(void *data)
{
    ngx_oof_main_conf_t *omcf = data;

    ngx_uint_t         i;
    ngx_oof_relay_t  **relays;

    relays = omcf->relays.elts;

    for (i = 0; i < omcf->relays.nelts; i++) {
        if (relays[i]->fd != -1 && close(relays[i]->fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "close() of an eventfd failed");
        }
    }

    if (munmap(relays[0]->shared,
               omcf->relays.nelts * sizeof(ngx_oof_relay_shared_t))
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "munmap() failed");
    }
}


ngx_int_t
ngx_oof_relay_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t            i, n;
    ngx_oof_relay_t     **relays, *relay;
    ngx_oof_consumer_t  **c;

    ngx_oof_relay_conf = ngx_oof_main_conf(cycle);

    if (ngx_worker != 0) {
        return NGX_OK;
    }

    relays = ngx_oof_relay_conf->relays.elts;

    for (i = 0; i < ngx_oof_relay_conf->relays.nelts; i++) {
        relay = relays[i];

        relay->timer.handler = ngx_oof_relay_timer;
        relay->timer.data = relay;
        relay->timer.log = cycle->log;
        relay->timer.cancelable = 1;

        c = relay->consumers.elts;

        for (n = 0; n < relay->consumers.nelts; n++) {
            if (ngx_oof_consumer_init_process(cycle, relay, c[n]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


void
ngx_oof_relay_wake(ngx_oof_database_t *db)
{
    uint64_t          one;
    ngx_oof_relay_t  *relay;

    if (ngx_oof_relay_conf == NULL) {
        return;
    }

    relay = ngx_oof_relay_find(ngx_oof_relay_conf, db);

    if (relay == NULL || relay->shared == NULL || !relay->shared->asleep
        || !ngx_atomic_cmp_set(&relay->shared->asleep, 1, 0))
    {
        return;
    }

    one = 1;

    if (write(relay->fd, &one, sizeof(one)) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "write() to an eventfd failed");
    }
}


int64_t
ngx_oof_relay_head(ngx_oof_database_t *db)
{
    ngx_oof_relay_t  *relay;

    relay = ngx_oof_relay_find(ngx_oof_relay_conf, db);

    return (relay && relay->shared) ? (int64_t) relay->shared->head : 0;
}


ngx_oof_pg_unit_t *
ngx_oof_relay_unit(ngx_oof_database_t *db, void *data, ngx_uint_t round,
    ngx_oof_sql_t *sql, ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t      *u;
    ngx_oof_relay_asked_t  *asked;

    u = ngx_oof_pg_unit(db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return NULL;
    }

    asked = ngx_palloc(u->pool, sizeof(ngx_oof_relay_asked_t));
    if (asked == NULL) {
        ngx_oof_pg_free(u);
        return NULL;
    }

    asked->data = data;
    asked->round = round;

    u->handler = handler;
    u->data = asked;
    u->deadline = ngx_current_msec + NGX_OOF_RELAY_DEADLINE;

    ngx_oof_pg_statement(u, sql);

    return u;
}


static void
ngx_oof_relay_acquired(ngx_oof_lease_t *lease)
{
    ngx_oof_relay_t *relay = lease->data;

    relay->epoch = lease->epoch;
    relay->round++;
    relay->head = 0;
    relay->first = 1;
    relay->last = 0;
    relay->size = 0;
    relay->mark = 0;
    relay->bound = 0;
    relay->begun = 0;
    relay->asking = 0;
    relay->woken = 0;
    relay->pause = NGX_OOF_RELAY_POLL_MIN;
    relay->whole = ngx_current_msec;
    relay->look = ngx_current_msec;
    relay->drop = ngx_current_msec + NGX_OOF_RELAY_DROP_SOON;

    if (ngx_oof_relay_listen(relay) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "the relay of database \"%V\" is woken by nobody",
                      ngx_oof_database_name(relay->db));
    }

    ngx_oof_relay_begin(relay);
}


static ngx_int_t
ngx_oof_relay_listen(ngx_oof_relay_t *relay)
{
    int                fd;
    ngx_connection_t  *c;

    /* one of its own: an end of the connection leaves the other */

    fd = fcntl(relay->fd, F_DUPFD_CLOEXEC, 0);

    if (fd == -1) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = relay;
    c->idle = 1;
    c->read->handler = ngx_oof_relay_event_handler;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->log = ngx_cycle->log;

    relay->connection = c;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_close_connection(c);
        relay->connection = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a copy that is closed leaves epoll's set only with the last one */

static void
ngx_oof_relay_deaf(ngx_oof_relay_t *relay)
{
    ngx_connection_t  *c;

    c = relay->connection;

    if (c == NULL) {
        return;
    }

    relay->connection = NULL;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    ngx_close_connection(c);
}


static void
ngx_oof_relay_event_handler(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;
    ngx_oof_relay_t   *relay;

    c = ev->data;
    relay = c->data;

    if (c->close) {

        /* the process quits; its lease is given back by itself */

        ngx_oof_relay_deaf(relay);
        return;
    }

    while (read(c->fd, &n, sizeof(n)) > 0) { /* void */ }

    relay->woken = 1;

    ngx_oof_relay_later(relay, 0);
}


static void
ngx_oof_relay_lost(ngx_oof_lease_t *lease)
{
    ngx_oof_relay_t *relay = lease->data;

    ngx_uint_t            i;
    ngx_oof_consumer_t  **c;

    c = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {
        ngx_oof_consumer_end(c[i]->state);

        ngx_oof_metric_unset(&ngx_oof_relay_lag, c[i]->series);
        ngx_oof_metric_unset(&ngx_oof_relay_age, c[i]->series);
        ngx_oof_metric_unset(&ngx_oof_relay_dead, c[i]->series);
    }

    relay->epoch = 0;
    relay->round++;

    while (relay->first <= relay->last) {
        ngx_oof_relay_pop(relay);
    }

    ngx_oof_metric_unset(&ngx_oof_relay_position, relay->series);

    if (relay->timer.timer_set) {
        ngx_del_timer(&relay->timer);
    }

    ngx_oof_relay_deaf(relay);
}


static void
ngx_oof_relay_tick(ngx_oof_lease_t *lease)
{
    ngx_oof_relay_t *relay = lease->data;

    int64_t               lag, since;
    ngx_uint_t            i;
    ngx_oof_consumer_t  **c;

    if (!relay->begun) {
        return;
    }

    c = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {
        lag = ngx_oof_consumer_lag(c[i]->state, &since);

        ngx_oof_metric_set(&ngx_oof_relay_lag, c[i]->series, lag);
        ngx_oof_metric_set(&ngx_oof_relay_age, c[i]->series,
                           since ? ngx_max((ngx_oof_clock_real() - since)
                                           / NGX_OOF_SECOND, 0)
                                 : 0);
    }

    ngx_oof_relay_look_at(relay);
    ngx_oof_relay_drop_days(relay);
}


/* who had the lease before can write nothing after this */

static void
ngx_oof_relay_begin(ngx_oof_relay_t *relay)
{
    ngx_str_t           names;
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_relay_unit(relay->db, relay, relay->round,
                           &ngx_oof_sql_relay_begin, ngx_oof_relay_begun);
    if (u == NULL) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    if (ngx_oof_relay_names(relay, u->pool, &names) != NGX_OK) {
        ngx_oof_pg_free(u);
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    ngx_oof_pg_int8(u, relay->epoch);

    ngx_oof_pg_statement(u, &ngx_oof_sql_relay_consumers);
    ngx_oof_pg_int8(u, relay->epoch);
    ngx_oof_pg_text(u, &names);

    if (ngx_oof_pg_send(u) != NGX_OK) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    relay->asking = 1;
}


static ngx_int_t
ngx_oof_relay_names(ngx_oof_relay_t *relay, ngx_pool_t *pool,
    ngx_str_t *names)
{
    u_char               *p;
    ngx_uint_t            i;
    ngx_oof_consumer_t  **c;

    names->len = 0;
    names->data = ngx_pnalloc(pool, relay->consumers.nelts
                                    * (NGX_OOF_NAME_MAX + 1) + 1);

    if (names->data == NULL) {
        return NGX_ERROR;
    }

    p = names->data;
    c = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, c[i]->name.data,
                       ngx_min(c[i]->name.len, NGX_OOF_NAME_MAX));
    }

    names->len = p - names->data;

    return NGX_OK;
}


static void
ngx_oof_relay_begun(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_str_t                  name;
    ngx_uint_t                 i;
    ngx_oof_relay_t           *relay;
    ngx_oof_consumer_state_t  *cs;

    relay = asked->data;

    if (asked->round != relay->round) {
        return;
    }

    relay->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    relay->head = ngx_oof_pg_get_int(u, 0, 0, 1);

    /* what is new is read into the window, what is older by who needs it */

    relay->last = relay->head;
    relay->first = relay->head + 1;
    relay->begun = 1;
    relay->shared->head = (ngx_atomic_uint_t) relay->head;

    for (i = 0; i < ngx_oof_pg_rows(u, 1); i++) {
        ngx_oof_pg_get_str(u, 1, i, 1, &name);
        cs = ngx_oof_relay_named(relay, &name);

        if (cs) {
            ngx_oof_consumer_begin(cs, ngx_oof_pg_get_int(u, 1, i, 2),
                                   ngx_oof_pg_get_int(u, 1, i, 3),
                                   ngx_oof_pg_get_int(u, 1, i, 4));
        }
    }

    ngx_oof_relay_ask(relay);
}


static ngx_oof_consumer_state_t *
ngx_oof_relay_named(ngx_oof_relay_t *relay, ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_oof_consumer_t  **c;

    c = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {
        if (c[i]->name.len == name->len
            && ngx_strncmp(c[i]->name.data, name->data, name->len) == 0)
        {
            return c[i]->state;
        }
    }

    return NULL;
}


static void
ngx_oof_relay_timer(ngx_event_t *ev)
{
    ngx_oof_relay_t *relay = ev->data;

    if (relay->epoch == 0 || relay->asking) {
        return;
    }

    if (!relay->begun) {
        ngx_oof_relay_begin(relay);
        return;
    }

    ngx_oof_relay_ask(relay);
}


/* the sooner of this and what is set; under load statements have some work */

static void
ngx_oof_relay_later(ngx_oof_relay_t *relay, ngx_msec_t timer)
{
    ngx_msec_t  since;

    if (relay->asking || relay->epoch == 0) {
        return;
    }

    since = ngx_current_msec - relay->asked;

    if (since < NGX_OOF_RELAY_SPACE && timer < NGX_OOF_RELAY_SPACE - since) {
        timer = NGX_OOF_RELAY_SPACE - since;
    }

    if (relay->timer.timer_set) {

        if ((ngx_msec_int_t) (relay->timer.timer.key - ngx_current_msec
                              - timer)
            <= 0)
        {
            return;
        }

        ngx_del_timer(&relay->timer);
    }

    if (timer == 0) {
        ngx_oof_relay_timer(&relay->timer);
        return;
    }

    ngx_add_timer(&relay->timer, timer);
}


void
ngx_oof_relay_more(ngx_oof_relay_t *relay)
{
    if (relay->begun && relay->last < relay->head
        && ngx_oof_relay_room(relay))
    {
        ngx_oof_relay_later(relay, 0);
    }
}


static void
ngx_oof_relay_ask(ngx_oof_relay_t *relay)
{
    ngx_oof_pg_unit_t  *u;

    if (!ngx_oof_lease_held(&relay->lease)) {

        /* lost() will be called, or it is renewed */

        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    u = ngx_oof_relay_unit(relay->db, relay, relay->round,
                           &ngx_oof_sql_relay_take, ngx_oof_relay_answer);
    if (u == NULL) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    ngx_oof_pg_int8(u, relay->epoch);

    if (relay->bound == 0
        || (ngx_msec_int_t) (relay->whole - ngx_current_msec) <= 0)
    {
        ngx_oof_pg_null(u);
        relay->whole = ngx_current_msec + NGX_OOF_RELAY_WHOLE;

    } else {
        ngx_oof_pg_time(u, relay->bound - NGX_OOF_RELAY_LATE);
    }

    ngx_oof_pg_int4(u, NGX_OOF_RELAY_BATCH);

    if (relay->mark) {
        ngx_oof_pg_int8(u, relay->mark);

    } else {
        ngx_oof_pg_null(u);
    }

    if (relay->consumers.nelts && ngx_oof_relay_room(relay)) {
        ngx_oof_pg_statement(u, relay->personal
                                ? &ngx_oof_sql_relay_read_personal
                                : &ngx_oof_sql_relay_read);
        ngx_oof_pg_int8(u, relay->last);
        ngx_oof_pg_int4(u, NGX_OOF_RELAY_BATCH);
        ngx_oof_pg_int8(u, NGX_OOF_RELAY_BYTES);
    }

    /* who commits later than this is sent wakes us */

    relay->woken = 0;
    relay->shared->asleep = 1;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    relay->asking = 1;
    relay->asked = ngx_current_msec;
}


static void
ngx_oof_relay_answer(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    int64_t               taken;
    ngx_uint_t            i;
    ngx_oof_relay_t      *relay;
    ngx_oof_consumer_t  **c;

    relay = asked->data;

    if (asked->round != relay->round) {
        return;
    }

    relay->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    taken = ngx_oof_pg_get_int(u, 0, 0, 1);

    if (taken == -1) {
        ngx_oof_relay_later(relay, NGX_OOF_RELAY_RETRY);
        return;
    }

    relay->head = ngx_oof_pg_get_int(u, 0, 0, 2);
    relay->shared->head = (ngx_atomic_uint_t) relay->head;

    ngx_oof_metric_set(&ngx_oof_relay_position, relay->series, relay->head);

    ngx_oof_relay_advance(relay, u);

    if (taken) {
        relay->pause = NGX_OOF_RELAY_POLL_MIN;

    } else {
        relay->pause = ngx_min(2 * relay->pause, NGX_OOF_RELAY_POLL_MAX);
    }

    ngx_oof_relay_keep_rows(relay, u);

    c = relay->consumers.elts;

    for (i = 0; i < relay->consumers.nelts; i++) {
        ngx_oof_consumer_run(c[i]->state);
    }

    /* who adds a row after a look wakes us, or is found by the next one */

    ngx_oof_relay_later(relay, (taken >= NGX_OOF_RELAY_MORE || relay->woken)
                               ? 0 : relay->pause);

    ngx_oof_relay_more(relay);
}


/* whatever was added before the bound has a position */

static void
ngx_oof_relay_advance(ngx_oof_relay_t *relay, ngx_oof_pg_unit_t *u)
{
    int64_t  next;

    next = ngx_oof_pg_get_int(u, 0, 0, 4);

    if (next == 0) {

        /* there was nothing, so it has no number: the mark stays */

        if (relay->mark && ngx_oof_pg_get_int(u, 0, 0, 3)) {
            relay->bound = relay->marked;
        }

        return;
    }

    if (next < relay->mark) {

        /* it is another server, which counts its own */

        relay->bound = 0;

    } else if (relay->mark) {

        if (ngx_oof_pg_get_int(u, 0, 0, 3) == 0) {
            return;
        }

        relay->bound = relay->marked;
    }

    relay->mark = next;
    relay->marked = ngx_oof_pg_get_time(u, 0, 0, 5);
}


static void
ngx_oof_relay_keep_rows(ngx_oof_relay_t *relay, ngx_oof_pg_unit_t *u)
{
    int64_t                 last;
    ngx_uint_t              i;
    ngx_oof_relay_event_t  *event;

    if (u->nstatements < 2) {
        if (relay->consumers.nelts == 0) {
            relay->last = relay->head;
            relay->first = relay->head + 1;
        }

        return;
    }

    for (i = 0; i < ngx_oof_pg_rows(u, 1); i++) {
        event = ngx_oof_relay_event(relay, u, 1, i);

        if (event == NULL) {
            return;
        }

        last = event->position;

        if (relay->first > relay->last) {
            relay->first = last;
        }

        while (last - relay->first >= NGX_OOF_RELAY_WINDOW) {
            ngx_oof_relay_pop(relay);
        }

        /* positions have gaps only where days were dropped */

        relay->last = last;
        relay->window[last % NGX_OOF_RELAY_WINDOW] = event;
        relay->size += event->data.len;
    }
}


/*
 * Is there room for another batch?  What is in the way is let go, if a consumer
 * has taken all there is: those that are slower read for themselves.
 */

static ngx_uint_t
ngx_oof_relay_room(ngx_oof_relay_t *relay)
{
    int64_t               least, most;
    ngx_uint_t            i;
    ngx_oof_consumer_t  **c;

    c = relay->consumers.elts;
    least = relay->last;
    most = -1;

    for (i = 0; i < relay->consumers.nelts; i++) {

        /* one that is far behind reads for itself until it is here */

        if (c[i]->state->state != NGX_OOF_CONSUMER_RUNS
            || c[i]->state->read < relay->first - 1)
        {
            continue;
        }

        least = ngx_min(least, c[i]->state->read);
        most = ngx_max(most, c[i]->state->read);
    }

    while (relay->first <= least) {
        ngx_oof_relay_pop(relay);
    }

    if (most == -1) {
        return 0;
    }

    if (relay->last - relay->first + 1
        <= NGX_OOF_RELAY_WINDOW - NGX_OOF_RELAY_BATCH
        && relay->size < NGX_OOF_RELAY_WINDOW_SIZE)
    {
        return 1;
    }

    if (most < relay->last) {
        return 0;
    }

    while (relay->first <= relay->last
           && (relay->last - relay->first + 1 > NGX_OOF_RELAY_WINDOW / 2
               || relay->size > NGX_OOF_RELAY_WINDOW_SIZE / 2))
    {
        ngx_oof_relay_pop(relay);
    }

    return 1;
}


static void
ngx_oof_relay_pop(ngx_oof_relay_t *relay)
{
    ngx_oof_relay_event_t  **event;

    event = &relay->window[relay->first % NGX_OOF_RELAY_WINDOW];

    if (*event && (*event)->position == relay->first) {
        relay->size -= (*event)->data.len;
        ngx_oof_relay_event_free(*event);
        *event = NULL;
    }

    relay->first++;
}


ngx_oof_relay_event_t *
ngx_oof_relay_event(ngx_oof_relay_t *relay, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row)
{
    ngx_oof_relay_event_t   tmp, *event;

    ngx_memzero(&tmp, sizeof(ngx_oof_relay_event_t));

    ngx_oof_relay_row(&tmp, u, s, row, 1);

    event = ngx_oof_relay_event_make(&tmp);

    if (event && relay->personal
        && ngx_oof_relay_sealed(event, u, s, row) != NGX_OK)
    {
        ngx_oof_relay_event_free(event);
        return NULL;
    }

    return event;
}


/* what follows the columns of a row, where the relay asks for it */

static ngx_int_t
ngx_oof_relay_sealed(ngx_oof_relay_event_t *event, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row)
{
    ngx_str_t            id, *value[3];
    ngx_uint_t           i;
    ngx_oof_personal_t  *personal;

    if (ngx_oof_pg_is_null(u, s, row, NGX_OOF_RELAY_SEALED)) {
        return NGX_OK;
    }

    personal = ngx_pcalloc(event->pool, sizeof(ngx_oof_personal_t));
    if (personal == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_RELAY_SEALED, &id);
    ngx_memcpy(personal->consent_id, id.data, NGX_OOF_UUID_LEN);

    value[0] = &personal->consent;
    value[1] = &personal->debtor;
    value[2] = &personal->payment;

    for (i = 0; i < 3; i++) {

        if (ngx_oof_pg_is_null(u, s, row, NGX_OOF_RELAY_SEALED + 1 + i)) {
            continue;
        }

        ngx_oof_pg_get_str(u, s, row, NGX_OOF_RELAY_SEALED + 1 + i, &id);

        value[i]->len = id.len;
        value[i]->data = ngx_pstrdup(event->pool, &id);

        if (value[i]->data == NULL) {
            return NGX_ERROR;
        }
    }

    event->personal = personal;

    return NGX_OK;
}


ngx_oof_relay_event_t *
ngx_oof_relay_event_make(ngx_oof_relay_event_t *tmp)
{
    ngx_pool_t             *pool;
    ngx_oof_relay_event_t  *event;

    pool = ngx_create_pool(sizeof(ngx_pool_t) + sizeof(ngx_oof_relay_event_t)
                           + 64, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    event = ngx_palloc(pool, sizeof(ngx_oof_relay_event_t));

    if (event == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    *event = *tmp;
    event->pool = pool;
    event->references = 1;

    if (ngx_oof_relay_envelope(event, pool) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    /* the row goes: these are in the text, which has nothing to escape here */

    event->data.data = event->json.data + event->json.len - 1
                       - event->data.len;
    event->brand.data = ngx_pstrdup(pool, &event->brand);
    event->type.data = ngx_pstrdup(pool, &event->type);

    if (event->brand.data == NULL || event->type.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    return event;
}


void
ngx_oof_relay_event_free(ngx_oof_relay_event_t *event)
{
    if (--event->references == 0) {
        ngx_destroy_pool(event->pool);
    }
}


void
ngx_oof_relay_row(ngx_oof_relay_event_t *event, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_uint_t col)
{
    ngx_str_t  id;

    event->position = ngx_oof_pg_get_int(u, s, row, col);
    ngx_oof_pg_get_str(u, s, row, col + 1, &id);
    ngx_memcpy(event->id, id.data, NGX_OOF_UUID_LEN);
    ngx_oof_pg_get_str(u, s, row, col + 2, &event->type);
    ngx_oof_pg_get_str(u, s, row, col + 3, &event->brand);
    ngx_oof_pg_get_str(u, s, row, col + 4, &id);
    ngx_memcpy(event->key, id.data, NGX_OOF_UUID_LEN);
    event->version = ngx_oof_pg_get_int(u, s, row, col + 5);
    event->time = ngx_oof_pg_get_time(u, s, row, col + 6);
    event->stamp = ngx_oof_pg_get_time(u, s, row, col + 7);
    ngx_oof_pg_get_str(u, s, row, col + 8, &event->data);
}


static void
ngx_oof_relay_look_at(ngx_oof_relay_t *relay)
{
    ngx_oof_pg_unit_t  *u;

    if (relay->consumers.nelts == 0
        || (ngx_msec_int_t) (relay->look - ngx_current_msec) > 0)
    {
        return;
    }

    u = ngx_oof_relay_unit(relay->db, relay, relay->round,
                           &ngx_oof_sql_relay_look, ngx_oof_relay_looked);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_int8(u, relay->epoch);

    if (ngx_oof_pg_send(u) == NGX_OK) {
        relay->look = ngx_current_msec + NGX_OOF_RELAY_DEADLINE;
    }
}


static void
ngx_oof_relay_looked(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    ngx_str_t                  name;
    ngx_uint_t                 i;
    ngx_oof_relay_t           *relay;
    ngx_oof_consumer_state_t  *cs;

    relay = asked->data;

    if (asked->round != relay->round) {
        return;
    }

    relay->look = ngx_current_msec + NGX_OOF_RELAY_LOOK / 2;

    if (u->rc != NGX_OOF_PG_OK) {
        return;
    }

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        ngx_oof_pg_get_str(u, 0, i, 1, &name);
        cs = ngx_oof_relay_named(relay, &name);

        if (cs == NULL) {
            continue;
        }

        ngx_oof_metric_set(&ngx_oof_relay_dead, cs->consumer->series,
                           ngx_oof_pg_get_int(u, 0, i, 4));

        ngx_oof_consumer_look(cs, ngx_oof_pg_get_int(u, 0, i, 2),
                              ngx_oof_pg_get_int(u, 0, i, 3));
    }
}


static void
ngx_oof_relay_drop_days(ngx_oof_relay_t *relay)
{
    int64_t             keep;
    ngx_uint_t          i;
    ngx_oof_pg_unit_t  *u;

    if ((ngx_msec_int_t) (relay->drop - ngx_current_msec) > 0) {
        return;
    }

    relay->drop = ngx_current_msec + NGX_OOF_RELAY_DROP_SOON;

    keep = (int64_t) relay->keep * 1000;

    u = ngx_oof_relay_unit(relay->db, relay, relay->round,
                           &ngx_oof_sql_relay_forget, ngx_oof_relay_dropped);
    if (u == NULL) {
        return;
    }

    ngx_oof_pg_int8(u, relay->epoch);
    ngx_oof_pg_int8(u, keep);

    for (i = 0; i < NGX_OOF_RELAY_LOGS; i++) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_relay_drop);
        ngx_oof_pg_text(u, &ngx_oof_relay_logs[i]);
        ngx_oof_pg_int8(u, keep);
        ngx_oof_pg_int4(u, 1);
    }

    (void) ngx_oof_pg_send(u);
}


static void
ngx_oof_relay_dropped(ngx_oof_pg_unit_t *u)
{
    ngx_oof_relay_asked_t *asked = u->data;

    int64_t           n;
    ngx_str_t         text;
    ngx_uint_t        i, again;
    ngx_oof_relay_t  *relay;

    relay = asked->data;

    if (u->rc != NGX_OOF_PG_OK || asked->round != relay->round
        || ngx_oof_pg_rows(u, 0) != 1)
    {
        return;
    }

    again = 0;

    if (!ngx_oof_pg_is_null(u, 0, 0, 1)) {
        ngx_oof_pg_get_str(u, 0, 0, 1, &text);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "consumers of events \"%V\" are forgotten: they were not "
                      "configured for as long as events are kept", &text);
    }

    n = ngx_oof_pg_get_int(u, 0, 0, 2);

    if (n) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%L dead events are forgotten: they are in no log any "
                      "more", n);
    }

    for (i = 0; i < NGX_OOF_RELAY_LOGS; i++) {

        if (ngx_oof_pg_rows(u, i + 1) != 1) {
            continue;
        }

        if (ngx_oof_pg_get_int(u, i + 1, 0, 1)) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "a day of %V was dropped from database \"%V\"",
                          &ngx_oof_relay_logs[i],
                          ngx_oof_database_name(relay->db));
            again = 1;
        }

        ngx_oof_pg_get_str(u, i + 1, 0, 2, &text);

        if (text.len) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "days of %V that are old enough to be dropped are "
                          "kept for consumer \"%V\", which has not taken them",
                          &ngx_oof_relay_logs[i], &text);
        }
    }

    if (!again) {
        relay->drop = ngx_current_msec + NGX_OOF_RELAY_DROP;
    }
}
