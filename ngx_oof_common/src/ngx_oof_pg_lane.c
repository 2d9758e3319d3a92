
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_pg_lane.h>

#include <openssl/err.h>


static void ngx_oof_pg_lane_read_handler(ngx_event_t *ev);
static void ngx_oof_pg_lane_write_handler(ngx_event_t *ev);
static void ngx_oof_pg_lane_timer_handler(ngx_event_t *ev);
static void ngx_oof_pg_lane_io(ngx_oof_pg_lane_t *lane);
static void ngx_oof_pg_lane_quit(ngx_oof_pg_lane_t *lane);
static void ngx_oof_pg_lane_drop(ngx_oof_pg_lane_t *lane);
static void ngx_oof_pg_lane_pause(ngx_oof_pg_lane_t *lane, ngx_msec_t most);
static ngx_uint_t ngx_oof_pg_lane_wanted(ngx_oof_pg_lane_t *lane);
static void ngx_oof_pg_lane_count(ngx_oof_pg_class_t *class);


static char  *ngx_oof_pg_classes[] = { "read", "write", "solo", "lease" };


void
ngx_oof_pg_lane_init(ngx_oof_pg_class_t *class, ngx_oof_pg_lane_t *lane)
{
    ngx_uint_t  i;

    lane->class = class;

    lane->timer.handler = ngx_oof_pg_lane_timer_handler;
    lane->timer.data = lane;
    lane->timer.log = ngx_cycle->log;
    lane->timer.cancelable = 1;

    for (i = 0; i < NGX_OOF_PG_MAX_SEGMENTS; i++) {
        ngx_queue_init(&lane->segments[i].units);
    }
}


/* begins an attempt to connect */

void
ngx_oof_pg_lane_open(ngx_oof_pg_lane_t *lane)
{
    if (lane->timer.timer_set) {
        ngx_del_timer(&lane->timer);
    }

    ngx_oof_pg_connect(lane);
}


/* all statements are prepared */

void
ngx_oof_pg_lane_ready(ngx_oof_pg_lane_t *lane)
{
    ngx_uint_t           level;
    ngx_oof_pg_class_t  *class;

    class = lane->class;

    ngx_del_timer(&lane->timer);

    level = lane->failures ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "%s lane of database \"%V\" is up",
                  ngx_oof_pg_classes[class->class], &class->db->name);

    lane->state = NGX_OOF_PG_LANE_UP;
    lane->ended = 0;
    lane->why = NULL;
    lane->failures = 0;
    lane->strikes = 0;
    lane->up = ngx_current_msec;

    ngx_oof_pg_lane_count(class);
    ngx_oof_pg_lane_idle(lane);

    ngx_oof_pg_segment_send(lane);
}


/* an attempt has come to nothing */

void
ngx_oof_pg_lane_failed(ngx_oof_pg_lane_t *lane, const char *why,
    ngx_uint_t strikes)
{
    ngx_uint_t           level;
    ngx_msec_t           most;
    ngx_oof_pg_class_t  *class;

    class = lane->class;

    /* said once, not at each attempt */

    level = lane->failures ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "%s lane of database \"%V\" cannot be opened: %V",
                  ngx_oof_pg_classes[class->class], &class->db->name,
                  ngx_oof_pg_message(why));

    ngx_oof_pg_lane_drop(lane);

    lane->failures++;
    lane->strikes += strikes;

    most = NGX_OOF_PG_BACKOFF;
    most <<= ngx_min(lane->failures - 1, 8);

    ngx_oof_pg_lane_pause(lane, ngx_min(most, NGX_OOF_PG_MAX_BACKOFF));

    if (ngx_oof_pg_down(class)) {
        ngx_oof_pg_refuse(class);
    }
}


/* a lane that was up has ended: its units run again on the next one */

void
ngx_oof_pg_lane_lost(ngx_oof_pg_lane_t *lane, const char *why)
{
    ngx_oof_pg_class_t  *class;

    class = lane->class;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "%s lane of database \"%V\" is lost: %V",
                  ngx_oof_pg_classes[class->class], &class->db->name,
                  ngx_oof_pg_message(why));

    ngx_oof_metric_inc(&ngx_oof_pg_reconnects_total,
                       ngx_oof_pg_series(class->db, class->class), 1);

    ngx_oof_pg_lane_drop(lane);

    /* not closed: the units that come back must not open it */

    lane->state = NGX_OOF_PG_LANE_PAUSE;

    ngx_oof_pg_segment_lost(lane);
    ngx_oof_pg_lane_count(class);

    if (!ngx_oof_pg_lane_wanted(lane)) {
        lane->state = NGX_OOF_PG_LANE_CLOSED;
        return;
    }

    /* at once, unless it comes and goes */

    if (ngx_current_msec - lane->up < NGX_OOF_PG_MAX_BACKOFF) {
        ngx_oof_pg_lane_pause(lane, NGX_OOF_PG_BACKOFF);
        return;
    }

    ngx_oof_pg_lane_open(lane);
}


/* without a word: an unused lane, or the end of the process */

void
ngx_oof_pg_lane_close(ngx_oof_pg_lane_t *lane)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "oof pg lane %p class:%ui close", lane,
                   lane->class->class);

    ngx_oof_pg_lane_drop(lane);

    lane->failures = 0;
    lane->strikes = 0;

    ngx_oof_pg_lane_count(lane->class);
}


static void
ngx_oof_pg_lane_drop(ngx_oof_pg_lane_t *lane)
{
    if (lane->timer.timer_set) {
        ngx_del_timer(&lane->timer);
    }

    ngx_oof_pg_connect_abort(lane);
    ngx_oof_pg_lane_detach(lane);

    if (lane->conn) {
        PQfinish(lane->conn);
        lane->conn = NULL;
        ERR_clear_error();
    }

    lane->state = NGX_OOF_PG_LANE_CLOSED;
}


/* from half of "most" to all of it */

static void
ngx_oof_pg_lane_pause(ngx_oof_pg_lane_t *lane, ngx_msec_t most)
{
    if (!ngx_oof_pg_lane_wanted(lane)) {
        return;
    }

    lane->state = NGX_OOF_PG_LANE_PAUSE;

    ngx_add_timer(&lane->timer,
                  most / 2 + (ngx_msec_t) ngx_random() % (most / 2 + 1));
}


/* a lane that is not is opened by the unit that needs it */

static ngx_uint_t
ngx_oof_pg_lane_wanted(ngx_oof_pg_lane_t *lane)
{
    ngx_oof_pg_class_t  *class;

    class = lane->class;

    if (!class->db->working) {
        return 0;
    }

    return class->nwaiting
           || (class->class != NGX_OOF_PG_LEASE && !ngx_exiting);
}


/* nothing is on its way: may the process do without the lane? */

void
ngx_oof_pg_lane_idle(ngx_oof_pg_lane_t *lane)
{
    lane->connection->idle = 1;

    if (ngx_exiting) {
        ngx_add_timer(&lane->timer, NGX_OOF_PG_QUIT_LINGER);

    } else if (lane->class->class == NGX_OOF_PG_LEASE) {
        ngx_add_timer(&lane->timer, NGX_OOF_PG_LEASE_LINGER);
    }
}


static void
ngx_oof_pg_lane_timer_handler(ngx_event_t *ev)
{
    ngx_oof_pg_lane_t  *lane;

    lane = ev->data;

    switch (lane->state) {

    case NGX_OOF_PG_LANE_UP:

        /* units that came in this turn of the event loop are sent at its end */

        if (ngx_oof_pg_lane_wanted(lane)) {
            ngx_oof_pg_lane_idle(lane);
            return;
        }

        ngx_oof_pg_lane_close(lane);
        return;

    case NGX_OOF_PG_LANE_PAUSE:

        if (!ngx_oof_pg_lane_wanted(lane)) {
            lane->state = NGX_OOF_PG_LANE_CLOSED;
            return;
        }

        ngx_oof_pg_lane_open(lane);
        return;

    case NGX_OOF_PG_LANE_RESOLVING:
    case NGX_OOF_PG_LANE_CONNECTING:
    case NGX_OOF_PG_LANE_PREPARING:

        /* a host that is silent must not hide the next one */

        lane->rotate++;
        ngx_oof_pg_lane_failed(lane, "timed out", NGX_OOF_PG_STRIKE_OUT);
    }
}


/*
 * nginx watches a dup() of libpq's socket, which libpq closes and replaces as
 * it likes, by level, as libpq leaves bytes in the socket.
 */

ngx_int_t
ngx_oof_pg_lane_attach(ngx_oof_pg_lane_t *lane, ngx_uint_t write)
{
    ngx_socket_t       fd;
    ngx_event_t       *ev;
    ngx_connection_t  *c;

    fd = fcntl(PQsocket(lane->conn), F_DUPFD_CLOEXEC, 0);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      "fcntl(F_DUPFD_CLOEXEC) failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        if (ngx_close_socket(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                          ngx_close_socket_n " failed");
        }

        return NGX_ERROR;
    }

    c->data = lane;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->log_error = NGX_ERROR_INFO;

    c->read->log = ngx_cycle->log;
    c->read->handler = ngx_oof_pg_lane_read_handler;
    c->write->log = ngx_cycle->log;
    c->write->handler = ngx_oof_pg_lane_write_handler;

    lane->connection = c;

    ev = write ? c->write : c->read;

    if (ngx_add_event(ev, write ? NGX_WRITE_EVENT : NGX_READ_EVENT,
                      NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_oof_pg_lane_detach(lane);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_oof_pg_lane_detach(ngx_oof_pg_lane_t *lane)
{
    ngx_connection_t  *c;

    c = lane->connection;

    if (c == NULL) {
        return;
    }

    lane->connection = NULL;

    /*
     * libpq has the same socket open, so epoll would not forget it when this
     * descriptor is closed
     */

    if (c->read->active) {
        ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (c->write->active) {
        ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    ngx_close_connection(c);
}


static void
ngx_oof_pg_lane_read_handler(ngx_event_t *ev)
{
    ngx_connection_t   *c;
    ngx_oof_pg_lane_t  *lane;

    c = ev->data;
    lane = c->data;

    if (c->close) {
        ngx_oof_pg_lane_quit(lane);
        return;
    }

    ngx_oof_pg_lane_io(lane);
}


static void
ngx_oof_pg_lane_write_handler(ngx_event_t *ev)
{
    ngx_connection_t   *c;
    ngx_oof_pg_lane_t  *lane;

    c = ev->data;
    lane = c->data;

    if (lane->state == NGX_OOF_PG_LANE_CONNECTING) {
        ngx_oof_pg_lane_io(lane);
        return;
    }

    if (ngx_oof_pg_lane_flush(lane) == NGX_OK) {
        return;
    }

    if (lane->state == NGX_OOF_PG_LANE_UP) {
        ngx_oof_pg_lane_lost(lane, PQerrorMessage(lane->conn));

    } else {
        ngx_oof_pg_lane_failed(lane, PQerrorMessage(lane->conn),
                               NGX_OOF_PG_STRIKE_LOST);
    }
}


static void
ngx_oof_pg_lane_io(ngx_oof_pg_lane_t *lane)
{
    ngx_int_t    rc;
    ngx_uint_t   lost;

    if (lane->state == NGX_OOF_PG_LANE_CONNECTING) {
        ngx_oof_pg_connect_event(lane);
        ERR_clear_error();
        return;
    }

    /* what came before the end of a connection counts */

    lost = !PQconsumeInput(lane->conn);

    ERR_clear_error();

    lane->heard = ngx_current_msec;

    if (lane->state == NGX_OOF_PG_LANE_PREPARING) {
        ngx_oof_pg_prepare_event(lane);
        return;
    }

    rc = ngx_oof_pg_segment_results(lane);

    if (rc != NGX_OK || lost || PQstatus(lane->conn) == CONNECTION_BAD) {
        ngx_oof_pg_lane_lost(lane, lane->why ? lane->why
                                             : PQerrorMessage(lane->conn));
        return;
    }

    /* a flush that could not end may go on now */

    if (ngx_oof_pg_lane_flush(lane) != NGX_OK) {
        ngx_oof_pg_lane_lost(lane, PQerrorMessage(lane->conn));
        return;
    }

    ngx_oof_pg_segment_send(lane);
}


/* the write event is there only while libpq has unsent bytes */

ngx_int_t
ngx_oof_pg_lane_flush(ngx_oof_pg_lane_t *lane)
{
    int           rc;
    ngx_event_t  *wev;

    rc = PQflush(lane->conn);

    ERR_clear_error();

    wev = lane->connection->write;

    if (rc < 0) {
        return NGX_ERROR;
    }

    if (rc == 0 && wev->active) {
        return ngx_del_event(wev, NGX_WRITE_EVENT, 0);
    }

    if (rc == 1 && !wev->active) {
        return ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }

    return NGX_OK;
}


/*
 * A graceful end calls idle connections, and "worker_shutdown_timeout" all of
 * them, with an error.  The first leaves lanes for a while, as requests that
 * are being read will need them.
 */

static void
ngx_oof_pg_lane_quit(ngx_oof_pg_lane_t *lane)
{
    ngx_uint_t           i, j;
    ngx_connection_t    *c;
    ngx_oof_pg_class_t  *class;
    ngx_oof_database_t  *db;

    c = lane->connection;

    if (!c->error) {
        c->close = 0;
        ngx_oof_pg_lane_idle(lane);
        return;
    }

    db = lane->class->db;
    db->working = 0;

    for (i = 0; i < NGX_OOF_PG_CLASSES; i++) {
        class = &db->classes[i];

        for (j = 0; j < class->nlanes; j++) {
            ngx_oof_pg_lane_close(&class->lanes[j]);
            ngx_oof_pg_segment_lost(&class->lanes[j]);
        }
    }

    ngx_oof_pg_end_all(db);
}


static void
ngx_oof_pg_lane_count(ngx_oof_pg_class_t *class)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < class->nlanes; i++) {
        n += (class->lanes[i].state == NGX_OOF_PG_LANE_UP);
    }

    ngx_oof_metric_set(&ngx_oof_pg_lanes_up,
                       ngx_oof_pg_series(class->db, class->class), n);
}


/*
 * libpq's messages have lines: those that begin with a tab are hints and
 * "LOCATION:" is the server's source; there is one for each host that was
 * tried.
 */

ngx_str_t *
ngx_oof_pg_message(const char *message)
{
    u_char        *p, *end;
    ngx_uint_t     hint;

    static u_char     text[512];
    static ngx_str_t  line;

    p = text;
    end = text + sizeof(text) - 2;
    hint = 0;

    for ( /* void */ ; message && *message && p < end; message++) {

        if (*message == '\n') {
            hint = (message[1] == '\t'
                    || ngx_strncmp(message + 1, "LOCATION:", 9) == 0);

            if (!hint && message[1]) {
                *p++ = ';';
                *p++ = ' ';
            }

            continue;
        }

        if (!hint) {
            *p++ = ((u_char) *message < ' ') ? ' ' : (u_char) *message;
        }
    }

    line.data = text;
    line.len = p - text;

    return &line;
}
