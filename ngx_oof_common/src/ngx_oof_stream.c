
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_STREAM_CLIENTS    16       /* of a worker */
#define NGX_OOF_STREAM_BUFFER     262144
#define NGX_OOF_STREAM_HEARTBEAT  15000    /* ms */
#define NGX_OOF_STREAM_TIMEOUT    30000    /* that a reader may take nothing */

#define NGX_OOF_STREAM_TICK       100      /* ms */
#define NGX_OOF_STREAM_POLL       1000     /* when this host knows no news */
#define NGX_OOF_STREAM_AGAIN      1000     /* after a failure */
#define NGX_OOF_STREAM_DEADLINE   5000
#define NGX_OOF_STREAM_ROWS       200      /* of a read */
#define NGX_OOF_STREAM_FIXED      64       /* of an event, beside its JSON */

#define NGX_OOF_STREAM_POSITIONS  999999999999999999LL


typedef struct {
    ngx_oof_request_t       *o;
    ngx_oof_loc_conf_t      *olcf;
    ngx_event_t              timer;
    ngx_oof_pg_unit_t       *unit;
    ngx_pool_t              *pool;        /* of what is being sent */
    ngx_buf_t                buf;
    ngx_chain_t              out;

    ngx_str_t                type;        /* empty: all */
    int64_t                  position;    /* read so far */

    ngx_msec_t               next;        /* read: not before */
    ngx_msec_t               sent;        /* anything, the last time */
    ngx_msec_t               moved;       /* the reader took something */
    off_t                    bytes;       /* that had gone then */

    unsigned                 begun:1;     /* the header has been sent */
    unsigned                 more:1;      /* the last read was full */
} ngx_oof_stream_t;


static ngx_int_t ngx_oof_stream_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_stream_begin(ngx_oof_request_t *o,
    ngx_oof_stream_t *s);
static ngx_int_t ngx_oof_stream_position(ngx_oof_request_t *o,
    int64_t *position);
static ngx_int_t ngx_oof_stream_read(ngx_oof_stream_t *s,
    ngx_oof_sql_t *sql, ngx_oof_pg_handler_pt handler);
static void ngx_oof_stream_first(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_stream_header(ngx_oof_stream_t *s);
static void ngx_oof_stream_tick(ngx_event_t *ev);
static void ngx_oof_stream_step(ngx_oof_stream_t *s);
static ngx_uint_t ngx_oof_stream_due(ngx_oof_stream_t *s);
static void ngx_oof_stream_rows(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_stream_write(ngx_oof_stream_t *s,
    ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_stream_wants(ngx_oof_stream_t *s,
    ngx_oof_relay_event_t *event);
static u_char *ngx_oof_stream_event(u_char *p, ngx_oof_relay_event_t *event);
static ngx_int_t ngx_oof_stream_text(ngx_oof_stream_t *s, ngx_str_t *text);
static ngx_int_t ngx_oof_stream_output(ngx_oof_stream_t *s);
static void ngx_oof_stream_flush(ngx_http_request_t *r);
static ngx_uint_t ngx_oof_stream_busy(ngx_oof_stream_t *s);
static void ngx_oof_stream_end(ngx_oof_stream_t *s, ngx_int_t rc);
static void ngx_oof_stream_cleanup(void *data);


static ngx_oof_route_t  ngx_oof_stream_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/events"),
      ngx_string("events_stream"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_stream_handler,
      0 },

    ngx_oof_route_end
};


static ngx_oof_metric_t  ngx_oof_stream_readers;
static ngx_oof_metric_t  ngx_oof_stream_events;

static ngx_uint_t  ngx_oof_stream_count;      /* of this process */

static ngx_str_t   ngx_oof_stream_cache = ngx_string("Cache-Control");
static ngx_str_t   ngx_oof_stream_no_store = ngx_string("no-store");
static ngx_str_t   ngx_oof_stream_buffering = ngx_string("X-Accel-Buffering");
static ngx_str_t   ngx_oof_stream_no = ngx_string("no");


ngx_int_t
ngx_oof_stream_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_metric_add(cf, &ngx_oof_stream_readers,
                           "oof_stream_readers",
                           "Readers of the stream of events.",
                           NGX_OOF_METRIC_GAUGE)
        != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_stream_events,
                              "oof_stream_events_total",
                              "Events that were sent to readers of the "
                              "stream.",
                              NGX_OOF_METRIC_COUNTER)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_management_add(cf, ngx_oof_stream_routes);
}


static ngx_int_t
ngx_oof_stream_handler(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_str_t            customer = ngx_string("oob_customer");
    ngx_oof_stream_t    *s;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_token_has_scope(o->token, &customer)) {
        return ngx_oof_error_status(o, NGX_HTTP_FORBIDDEN);
    }

    if (ngx_exiting || ngx_oof_stream_count >= olcf->stream_clients) {
        o->retry_after = olcf->retry_after;
        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    s = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_stream_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->o = o;
    s->olcf = olcf;
    s->position = -1;

    rc = ngx_oof_stream_position(o, &s->position);

    if (rc != NGX_OK) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "after e Last-Event-ID devem ser uma posição.");
    }

    (void) ngx_http_arg(o->r, (u_char *) "type", sizeof("type") - 1, &s->type);

    return ngx_oof_stream_begin(o, s);
}


static ngx_int_t
ngx_oof_stream_begin(ngx_oof_request_t *o, ngx_oof_stream_t *s)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(o->r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_oof_stream_cleanup;
    cln->data = s;

    s->timer.handler = ngx_oof_stream_tick;
    s->timer.data = s;
    s->timer.log = o->r->connection->log;

    ngx_oof_stream_count++;
    ngx_oof_metric_inc(&ngx_oof_stream_readers, 0, 1);

    o->gate = s;

    /* what has been written so far is where new things begin */

    return ngx_oof_stream_read(s, &ngx_oof_sql_stream_head,
                               ngx_oof_stream_first)
           == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


/* the header is of who comes back, and knows better than his first request */

static ngx_int_t
ngx_oof_stream_position(ngx_oof_request_t *o, int64_t *position)
{
    off_t             n;
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    h = ngx_oof_request_header(o->r, "last-event-id",
                               sizeof("last-event-id") - 1);

    if (h && h->value.len) {
        value = h->value;

    } else if (ngx_http_arg(o->r, (u_char *) "after", sizeof("after") - 1,
                            &value)
               != NGX_OK)
    {
        return NGX_OK;
    }

    n = ngx_atoof(value.data, value.len);

    if (n == (off_t) NGX_ERROR || n > (off_t) NGX_OOF_STREAM_POSITIONS) {
        return NGX_DECLINED;
    }

    *position = n;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_stream_read(ngx_oof_stream_t *s, ngx_oof_sql_t *sql,
    ngx_oof_pg_handler_pt handler)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(s->olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    u->handler = handler;
    u->data = s;
    u->deadline = ngx_current_msec + NGX_OOF_STREAM_DEADLINE;

    ngx_oof_pg_statement(u, sql);

    if (sql == &ngx_oof_sql_relay_read) {
        ngx_oof_pg_int8(u, s->position);
        ngx_oof_pg_int4(u, NGX_OOF_STREAM_ROWS);
        ngx_oof_pg_int8(u, (int64_t) s->olcf->stream_buffer);
    }

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    s->unit = u;

    return NGX_OK;
}


/* the database has answered for the first time: a stream, or an error */

static void
ngx_oof_stream_first(ngx_oof_pg_unit_t *u)
{
    ngx_oof_stream_t *s = u->data;

    int64_t              head;
    ngx_connection_t    *c;
    ngx_oof_request_t   *o;
    ngx_http_request_t  *r;

    o = s->o;
    r = o->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    s->unit = NULL;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        ngx_oof_request_resume(o, ngx_oof_error_unit(o,
            u->rc == NGX_OOF_PG_OK ? NGX_OOF_PG_ERROR : u->rc));
        return;
    }

    head = ngx_oof_pg_get_int(u, 0, 0, 0);

    if (s->position == -1) {
        s->position = head;
    }

    /* from here on the request is the stream's own */

    if (o->deadline.timer_set) {
        ngx_del_timer(&o->deadline);
    }

    o->suspended = 0;

    if (ngx_oof_stream_header(s) != NGX_OK) {
        ngx_oof_stream_end(s, NGX_ERROR);

    } else {
        s->next = ngx_current_msec;
        ngx_add_timer(&s->timer, NGX_OOF_STREAM_TICK);
        ngx_oof_stream_step(s);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_oof_stream_header(ngx_oof_stream_t *s)
{
    ngx_int_t            rc;
    ngx_str_t            text = ngx_string("retry: 1000\n\n");
    ngx_http_request_t  *r;

    r = s->o->r;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (ngx_oof_response_header(r, &ngx_oof_stream_cache,
                                &ngx_oof_stream_no_store)
        != NGX_OK
        || ngx_oof_response_header(r, &ngx_oof_stream_buffering,
                                   &ngx_oof_stream_no)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->o->status = NGX_HTTP_OK;
    s->o->answered = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }

    s->begun = 1;

    r->write_event_handler = ngx_oof_stream_flush;

    s->moved = ngx_current_msec;

    return ngx_oof_stream_text(s, &text);
}


static void
ngx_oof_stream_tick(ngx_event_t *ev)
{
    ngx_oof_stream_t *s = ev->data;

    ngx_connection_t  *c;

    c = s->o->r->connection;

    ngx_http_set_log_request(c->log, s->o->r);

    ngx_add_timer(ev, NGX_OOF_STREAM_TICK);

    ngx_oof_stream_step(s);

    ngx_http_run_posted_requests(c);
}


/* what is to be done next; the stream may be gone when it returns */

static void
ngx_oof_stream_step(ngx_oof_stream_t *s)
{
    u_char               buf[sizeof("id: \n\n") + NGX_INT64_LEN];
    ngx_str_t            text;
    ngx_connection_t    *c;

    c = s->o->r->connection;

    if (c->sent != s->bytes) {
        s->bytes = c->sent;
        s->moved = ngx_current_msec;
    }

    if (ngx_oof_stream_busy(s)) {

        if (ngx_current_msec - s->moved >= s->olcf->stream_timeout) {
            ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                          "a reader of the stream of events takes nothing");
            c->timedout = 1;
            ngx_oof_stream_end(s, NGX_HTTP_REQUEST_TIME_OUT);

        } else if (ngx_exiting) {

            /* what it has not taken it asks for again */

            ngx_oof_stream_end(s, NGX_ERROR);
        }

        return;
    }

    s->moved = ngx_current_msec;

    if (s->pool) {
        ngx_destroy_pool(s->pool);
        s->pool = NULL;
    }

    if (ngx_exiting
        || ngx_oof_clock_real() / NGX_OOF_SECOND >= s->o->token->expires)
    {
        ngx_oof_stream_end(s, NGX_OK);
        return;
    }

    if (s->unit) {
        return;
    }

    if (ngx_oof_stream_due(s)) {

        if (ngx_oof_stream_read(s, &ngx_oof_sql_relay_read,
                                ngx_oof_stream_rows)
            != NGX_OK)
        {
            s->next = ngx_current_msec + NGX_OOF_STREAM_AGAIN;
        }

        return;
    }

    if (ngx_current_msec - s->sent >= s->olcf->stream_heartbeat) {

        /* what was left out counts as read, too */

        text.data = buf;
        text.len = ngx_sprintf(buf, "id: %L\n\n", s->position) - buf;

        if (ngx_oof_stream_text(s, &text) != NGX_OK) {
            ngx_oof_stream_end(s, NGX_ERROR);
        }
    }
}


/* the relay may be another host's, which this one knows nothing of */

static ngx_uint_t
ngx_oof_stream_due(ngx_oof_stream_t *s)
{
    return s->more
           || ngx_oof_relay_head(s->olcf->database) > s->position
           || (ngx_msec_int_t) (s->next - ngx_current_msec) <= 0;
}


static void
ngx_oof_stream_rows(ngx_oof_pg_unit_t *u)
{
    ngx_oof_stream_t *s = u->data;

    ngx_connection_t  *c;

    c = s->o->r->connection;

    ngx_http_set_log_request(c->log, s->o->r);

    s->unit = NULL;
    s->more = 0;
    s->next = ngx_current_msec + NGX_OOF_STREAM_POLL;

    if (u->rc == NGX_OOF_PG_OK && ngx_oof_pg_rows(u, 0)
        && ngx_oof_stream_write(s, u) != NGX_OK)
    {
        ngx_oof_stream_end(s, NGX_ERROR);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_oof_stream_write(ngx_oof_stream_t *s, ngx_oof_pg_unit_t *u)
{
    u_char                 *p;
    size_t                  size;
    ngx_uint_t              i, n, rows;
    ngx_oof_relay_event_t  *events;

    s->pool = ngx_create_pool(16384, s->o->r->connection->log);
    if (s->pool == NULL) {
        return NGX_ERROR;
    }

    rows = ngx_oof_pg_rows(u, 0);
    n = 0;
    size = 0;

    events = ngx_pcalloc(s->pool, rows * sizeof(ngx_oof_relay_event_t));
    if (events == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < rows; i++) {
        ngx_oof_relay_row(&events[n], u, 0, i, 1);

        s->position = events[n].position;

        if (!ngx_oof_stream_wants(s, &events[n])) {
            continue;
        }

        if (ngx_oof_relay_envelope(&events[n], s->pool) != NGX_OK) {
            return NGX_ERROR;
        }

        size += NGX_OOF_STREAM_FIXED + events[n].type.len
                + events[n].json.len;
        n++;
    }

    s->more = 1;

    if (n == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(s->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&s->buf, sizeof(ngx_buf_t));

    s->buf.pos = p;

    for (i = 0; i < n; i++) {
        p = ngx_oof_stream_event(p, &events[i]);
    }

    s->buf.last = p;

    ngx_oof_metric_inc(&ngx_oof_stream_events, 0, (ngx_int_t) n);

    return ngx_oof_stream_output(s);
}


/* of the listener's brand; a type is one, or the beginning of several */

static ngx_uint_t
ngx_oof_stream_wants(ngx_oof_stream_t *s, ngx_oof_relay_event_t *event)
{
    ngx_str_t  *brand;

    brand = &s->olcf->brand;

    if (event->brand.len != brand->len
        || ngx_memcmp(event->brand.data, brand->data, brand->len) != 0)
    {
        return 0;
    }

    return s->type.len == 0
           || (event->type.len >= s->type.len
               && ngx_memcmp(event->type.data, s->type.data, s->type.len) == 0
               && (event->type.len == s->type.len
                   || event->type.data[s->type.len] == '.'));
}


/* a line feed within the JSON is white space between its tokens */

static u_char *
ngx_oof_stream_event(u_char *p, ngx_oof_relay_event_t *event)
{
    size_t  i;

    p = ngx_sprintf(p, "id: %L\nevent: %V\ndata: ", event->position,
                    &event->type);

    for (i = 0; i < event->json.len; i++) {
        *p++ = (event->json.data[i] == '\n' || event->json.data[i] == '\r')
               ? ' ' : event->json.data[i];
    }

    *p++ = '\n';
    *p++ = '\n';

    return p;
}


static ngx_int_t
ngx_oof_stream_text(ngx_oof_stream_t *s, ngx_str_t *text)
{
    s->pool = ngx_create_pool(256, s->o->r->connection->log);
    if (s->pool == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&s->buf, sizeof(ngx_buf_t));

    s->buf.pos = ngx_pstrdup(s->pool, text);
    if (s->buf.pos == NULL) {
        return NGX_ERROR;
    }

    s->buf.last = s->buf.pos + text->len;

    return ngx_oof_stream_output(s);
}


static ngx_int_t
ngx_oof_stream_output(ngx_oof_stream_t *s)
{
    s->buf.temporary = 1;
    s->buf.flush = 1;
    s->buf.start = s->buf.pos;
    s->buf.end = s->buf.last;

    s->out.buf = &s->buf;
    s->out.next = NULL;

    s->sent = ngx_current_msec;

    if (ngx_http_output_filter(s->o->r, &s->out) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_handle_write_event(s->o->r->connection->write, 0);
}


/* the socket takes more of what is under way */

static void
ngx_oof_stream_flush(ngx_http_request_t *r)
{
    ngx_oof_stream_t   *s;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_get(r);
    s = o->gate;

    if (ngx_http_output_filter(r, NULL) == NGX_ERROR
        || ngx_handle_write_event(r->connection->write, 0) != NGX_OK)
    {
        ngx_oof_stream_end(s, NGX_ERROR);
        return;
    }

    if (!ngx_oof_stream_busy(s)) {
        ngx_oof_stream_step(s);
    }
}


static ngx_uint_t
ngx_oof_stream_busy(ngx_oof_stream_t *s)
{
    ngx_http_request_t  *r;

    r = s->o->r;

    return r->out != NULL || r->buffered || r->connection->buffered;
}


static void
ngx_oof_stream_end(ngx_oof_stream_t *s, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = s->o->r;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    r->keepalive = 0;

    ngx_http_finalize_request(r, rc == NGX_OK
                                 ? ngx_http_send_special(r, NGX_HTTP_LAST)
                                 : rc);
}


static void
ngx_oof_stream_cleanup(void *data)
{
    ngx_oof_stream_t *s = data;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    if (s->unit) {
        ngx_oof_pg_detach(s->unit);
        s->unit = NULL;
    }

    if (s->pool) {
        ngx_destroy_pool(s->pool);
        s->pool = NULL;
    }

    ngx_oof_stream_count--;
    ngx_oof_metric_inc(&ngx_oof_stream_readers, 0, -1);
}


char *
ngx_oof_stream_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "clients=", 8) == 0) {
            n = ngx_atoi(value[i].data + 8, value[i].len - 8);

            if (n < 1 || n > 1000) {
                return "has \"clients\" that is no number of 1 to 1000";
            }

            olcf->stream_clients = n;
            continue;
        }

        s.data = (u_char *) ngx_strchr(value[i].data, '=');

        if (s.data == NULL) {
            return "has a word without \"=\"";
        }

        s.data++;
        s.len = value[i].data + value[i].len - s.data;

        if (ngx_strncmp(value[i].data, "buffer=", 7) == 0) {
            n = ngx_parse_size(&s);

            if (n < 4096 || n > 16 * 1024 * 1024) {
                return "has a \"buffer\" that is no size of 4k to 16m";
            }

            olcf->stream_buffer = n;

        } else if (ngx_strncmp(value[i].data, "heartbeat=", 10) == 0) {
            n = ngx_parse_time(&s, 0);

            if (n < 100 || n > 600000) {
                return "has a \"heartbeat\" that is no time of 100ms to 10m";
            }

            olcf->stream_heartbeat = n;

        } else if (ngx_strncmp(value[i].data, "timeout=", 8) == 0) {
            n = ngx_parse_time(&s, 0);

            if (n < 100 || n > 600000) {
                return "has a \"timeout\" that is no time of 100ms to 10m";
            }

            olcf->stream_timeout = n;

        } else {
            return "has an unknown word";
        }
    }

    return NGX_CONF_OK;
}


void
ngx_oof_stream_merge(ngx_oof_loc_conf_t *prev, ngx_oof_loc_conf_t *conf)
{
    ngx_conf_merge_uint_value(conf->stream_clients, prev->stream_clients,
                              NGX_OOF_STREAM_CLIENTS);
    ngx_conf_merge_size_value(conf->stream_buffer, prev->stream_buffer,
                              NGX_OOF_STREAM_BUFFER);
    ngx_conf_merge_msec_value(conf->stream_heartbeat, prev->stream_heartbeat,
                              NGX_OOF_STREAM_HEARTBEAT);
    ngx_conf_merge_msec_value(conf->stream_timeout, prev->stream_timeout,
                              NGX_OOF_STREAM_TIMEOUT);
}
