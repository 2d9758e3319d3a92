
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_BODY_ROOM  4096


typedef struct {
    ngx_uint_t               id;
    ngx_str_t                name;
} ngx_oof_header_t;


static void ngx_oof_request_mark(void *data);
static void ngx_oof_request_headers(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_request_id(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_request_watch(ngx_oof_request_t *o);
static void ngx_oof_request_gone(void *data);
static void ngx_oof_request_forget(ngx_oof_request_t *o);

static ngx_uint_t ngx_oof_access_decided(ngx_oof_request_t *o,
    ngx_oof_loc_conf_t *olcf);
static ngx_int_t ngx_oof_access_begin(ngx_oof_request_t *o,
    ngx_oof_loc_conf_t *olcf);
static ngx_int_t ngx_oof_content_start(ngx_oof_request_t *o);
static void ngx_oof_content_body(ngx_http_request_t *r);
static ngx_int_t ngx_oof_content_collect(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_content_sign(ngx_oof_request_t *o, ngx_int_t rc);
static ngx_int_t ngx_oof_content_end(ngx_oof_request_t *o, ngx_int_t rc);

static void ngx_oof_request_suspend(ngx_oof_request_t *o);
static void ngx_oof_request_continue(ngx_oof_request_t *o, ngx_int_t rc);
static void ngx_oof_request_deadline(ngx_event_t *ev);
static void ngx_oof_request_unit_done(ngx_oof_pg_unit_t *u);


static ngx_oof_header_t  ngx_oof_request_names[] = {
    { NGX_OOF_HEADER_ACCEPT, ngx_string("accept") },
    { NGX_OOF_HEADER_INTERACTION_ID, ngx_string("x-fapi-interaction-id") },
    { NGX_OOF_HEADER_AUTH_DATE, ngx_string("x-fapi-auth-date") },
    { NGX_OOF_HEADER_CUSTOMER_IP, ngx_string("x-fapi-customer-ip-address") },
    { NGX_OOF_HEADER_USER_AGENT, ngx_string("x-customer-user-agent") },
    { NGX_OOF_HEADER_IDEMPOTENCY_KEY, ngx_string("x-idempotency-key") },
    { 0, ngx_null_string }
};


ngx_oof_request_t *
ngx_oof_request_get(ngx_http_request_t *r)
{
    ngx_oof_request_t   *o;
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    o = ngx_http_get_module_ctx(r, ngx_oof_module);

    if (o) {
        return o;
    }

    /* an internal redirect has cleared the contexts of the modules */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_oof_request_mark) {
            o = cln->data;
            ngx_http_set_ctx(r, o, ngx_oof_module);
            return o;
        }
    }

    return NULL;
}


ngx_oof_request_t *
ngx_oof_request_make(ngx_http_request_t *r)
{
    ngx_oof_request_t   *o;
    ngx_pool_cleanup_t  *cln;

    o = ngx_oof_request_get(r);

    if (o) {
        return o;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_oof_request_t));
    if (cln == NULL) {
        return NULL;
    }

    o = cln->data;

    ngx_memzero(o, sizeof(ngx_oof_request_t));

    o->r = r;

    ngx_oof_request_headers(o);

    if (ngx_oof_request_id(o) != NGX_OK) {
        return NULL;
    }

    cln->handler = ngx_oof_request_mark;

    ngx_http_set_ctx(r, o, ngx_oof_module);

    return o;
}


/* only a mark, by which ngx_oof_request_get() knows the state */

static void
ngx_oof_request_mark(void *data)
{
}


static void
ngx_oof_request_headers(ngx_oof_request_t *o)
{
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h;
    ngx_oof_header_t  *name;

    part = &o->r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (name = ngx_oof_request_names; name->name.len; name++) {

            if (h[i].key.len != name->name.len
                || ngx_memcmp(h[i].lowcase_key, name->name.data,
                              name->name.len)
                   != 0)
            {
                continue;
            }

            if (o->headers[name->id]) {
                o->repeated |= 1 << name->id;

            } else {
                o->headers[name->id] = &h[i];
            }

            break;
        }
    }
}


/*
 * The caller's interaction id goes back as it came, in its case; a missing or
 * malformed one, or two of them, is replaced by an id of our own (spec 0.3).
 */

static ngx_int_t
ngx_oof_request_id(ngx_oof_request_t *o)
{
    u_char            id[NGX_OOF_UUID_LEN];
    ngx_table_elt_t  *h;

    h = o->headers[NGX_OOF_HEADER_INTERACTION_ID];

    if (h
        && !(o->repeated & (1 << NGX_OOF_HEADER_INTERACTION_ID))
        && ngx_oof_uuid_parse(&h->value, NULL) == NGX_OK)
    {
        ngx_memcpy(o->interaction_id, h->value.data, NGX_OOF_UUID_TEXT);
        return NGX_OK;
    }

    o->own_id = 1;

    if (ngx_oof_uuid4(id) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_oof_uuid_format(o->interaction_id, id);

    return NGX_OK;
}


/* whatever ends the request forgets what it waits for */

static ngx_int_t
ngx_oof_request_watch(ngx_oof_request_t *o)
{
    ngx_http_cleanup_t  *cln;

    if (o->watched) {
        return NGX_OK;
    }

    cln = ngx_http_cleanup_add(o->r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_oof_request_gone;
    cln->data = o;

    o->watched = 1;

    o->deadline.handler = ngx_oof_request_deadline;
    o->deadline.data = o;
    o->deadline.log = o->r->connection->log;

    return NGX_OK;
}


static void
ngx_oof_request_gone(void *data)
{
    ngx_oof_request_t *o = data;

    if (o->deadline.timer_set) {
        ngx_del_timer(&o->deadline);
    }

    ngx_oof_request_forget(o);
}


static void
ngx_oof_request_forget(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t   *u;
    void               (*forget)(ngx_oof_request_t *o);

    o->suspended = 0;

    if (o->unit) {
        u = o->unit;
        o->unit = NULL;

        /* a write runs to its end all the same */

        ngx_oof_pg_detach(u);
    }

    if (o->forget) {
        forget = o->forget;
        o->forget = NULL;

        forget(o);
    }
}


ngx_int_t
ngx_oof_access_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->api == NULL) {
        return NGX_DECLINED;
    }

    o = ngx_oof_request_make(r);

    if (o == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (o->suspended) {
        return NGX_AGAIN;
    }

    /* NGX_OK and not NGX_DECLINED: with "satisfy any" it is enough */

    if (ngx_oof_access_decided(o, olcf)) {
        return NGX_OK;
    }

    o->content = 0;

    rc = ngx_oof_access_begin(o, olcf);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_request_suspend(o);
        return NGX_AGAIN;
    }

    /* a refusal is final, whatever "satisfy" says */

    ngx_http_finalize_request(r, ngx_oof_content_end(o, rc));

    return NGX_DONE;
}


/*
 * After an internal redirect the access phase runs again.  What was decided
 * holds for what was asked: the same path and method of the same API.
 */

static ngx_uint_t
ngx_oof_access_decided(ngx_oof_request_t *o, ngx_oof_loc_conf_t *olcf)
{
    ngx_http_request_t  *r;

    r = o->r;

    return o->admitted
           && o->api == olcf->api
           && o->route->method == r->method
           && o->uri.len == r->uri.len
           && ngx_memcmp(o->uri.data, r->uri.data, r->uri.len) == 0;
}


static ngx_int_t
ngx_oof_access_begin(ngx_oof_request_t *o, ngx_oof_loc_conf_t *olcf)
{
    if (ngx_oof_request_watch(o) != NGX_OK) {
        return NGX_ERROR;
    }

    o->api = olcf->api;
    o->location = olcf;
    o->version = olcf->version.len ? olcf->version : o->api->version;
    o->uri = o->r->uri;
    o->limit_key = NULL;
    o->admitted = 0;
    o->step = 0;
    o->expires = ngx_current_msec + olcf->deadline;

    ngx_oof_clock_use();

    return ngx_oof_access_steps(o, NGX_DECLINED);
}


ngx_int_t
ngx_oof_content_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    if (r != r->main) {

        /* the access phase does not run for it, so nothing has been judged */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"oof_api\" does not serve subrequests");
        return NGX_HTTP_NOT_FOUND;
    }

    o = ngx_oof_request_make(r);

    if (o == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    o->content = 1;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (ngx_oof_access_decided(o, olcf)) {
        return ngx_oof_content_start(o);
    }

    /* "satisfy any" and another module have kept our access handler out */

    rc = ngx_oof_access_begin(o, olcf);

    if (rc == NGX_AGAIN) {
        r->main->count++;
        ngx_oof_request_suspend(o);
        return NGX_DONE;
    }

    if (rc == NGX_DECLINED) {
        return ngx_oof_content_start(o);
    }

    return ngx_oof_content_end(o, rc);
}


/* returns as a content handler does */

static ngx_int_t
ngx_oof_content_start(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;
    ngx_oof_loc_conf_t  *olcf;

    r = o->r;

    if (o->route->media == NGX_OOF_MEDIA_NONE) {

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        rc = ngx_oof_content_sign(o, o->route->handler(o));

        if (rc == NGX_AGAIN) {
            r->main->count++;
            ngx_oof_request_suspend(o);
            return NGX_DONE;
        }

        return ngx_oof_content_end(o, rc);
    }

    o->reading = 1;
    o->began = ngx_current_msec;

    rc = ngx_http_read_client_request_body(r, ngx_oof_content_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        o->reading = 0;
        return rc;
    }

    if (o->reading) {

        /* the caller's time, not ours: it is measured apart */

        olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

        ngx_add_timer(&o->deadline, olcf->deadline);
    }

    return NGX_DONE;
}


static void
ngx_oof_content_body(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_oof_request_t  *o;

    o = ngx_oof_request_get(r);

    o->reading = 0;
    o->expires += ngx_current_msec - o->began;

    if (o->deadline.timer_set) {
        ngx_del_timer(&o->deadline);
    }

    rc = ngx_oof_content_collect(o);

    if (rc == NGX_DECLINED) {
        rc = ngx_oof_content_sign(o, o->route->handler(o));
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_request_suspend(o);
        return;
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_finalize_request(r, ngx_oof_content_end(o, rc));
}


/*
 * The body is in o->body by way of the filter, unless another module has read
 * it before.  NGX_DECLINED to go on.
 */

static ngx_int_t
ngx_oof_content_collect(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = o->r;

    for (cl = r->request_body ? r->request_body->bufs : NULL;
         cl;
         cl = cl->next)
    {
        b = cl->buf;

        if (b->in_file) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "another module has read the request body into "
                          "a file");
            return NGX_ERROR;
        }

        rc = ngx_oof_request_append(o, b->pos, b->last - b->pos);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (o->body.len == 0) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Corpo da requisição ausente",
                             "A requisição deve conter um corpo.");
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_request_append(ngx_oof_request_t *o, u_char *data, size_t len)
{
    u_char              *p;
    size_t               room, need;
    ngx_http_request_t  *r;
    ngx_oof_loc_conf_t  *olcf;

    if (len == 0) {
        return NGX_OK;
    }

    need = o->body.len + len;

    if (need > o->room) {

        r = o->r;
        olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

        if (need > olcf->body_size) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }

        if (!r->headers_in.chunked
            && r->headers_in.content_length_n >= (off_t) need)
        {
            room = (size_t) r->headers_in.content_length_n;

        } else {
            room = ngx_max(ngx_max(2 * o->room, need), NGX_OOF_BODY_ROOM);
        }

        p = ngx_palloc(r->pool, room);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (o->room) {
            ngx_memcpy(p, o->body.data, o->body.len);
            (void) ngx_pfree(r->pool, o->body.data);
        }

        o->body.data = p;
        o->room = room;
    }

    ngx_memcpy(o->body.data + o->body.len, data, len);
    o->body.len = need;

    return NGX_OK;
}


/* an answer that is to be signed is, perhaps by a thread: NGX_AGAIN */

static ngx_int_t
ngx_oof_content_sign(ngx_oof_request_t *o, ngx_int_t rc)
{
    return rc == NGX_OK ? ngx_oof_message_sign(o) : rc;
}


/* sends what is prepared, or a 500 */

static ngx_int_t
ngx_oof_content_end(ngx_oof_request_t *o, ngx_int_t rc)
{
    if (rc == NGX_OK && o->status == 0) {
        ngx_log_error(NGX_LOG_ALERT, o->r->connection->log, 0,
                      "no answer has been prepared");
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        (void) ngx_oof_error_status(o, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    return ngx_oof_send(o);
}


/*
 * From here on something is awaited.  The timer is not cancelable, so a worker
 * that quits waits for the answer.  A caller who goes away is noticed as long
 * as nothing has been written for him.
 */

static void
ngx_oof_request_suspend(ngx_oof_request_t *o)
{
    ngx_event_t         *rev;
    ngx_msec_int_t       timer;
    ngx_http_request_t  *r;

    r = o->r;

    o->suspended = 1;

    if (!o->deadline.timer_set) {
        timer = (ngx_msec_int_t) (o->expires - ngx_current_msec);
        ngx_add_timer(&o->deadline, timer > 0 ? (ngx_msec_t) timer : 1);
    }

    if (r->discard_body || (o->admitted && r->method != NGX_HTTP_GET)) {
        return;
    }

    r->read_event_handler = ngx_http_test_reading;

    rev = r->connection->read;

    if (!rev->ready) {
        (void) ngx_handle_read_event(rev, 0);

    } else if (rev->pending_eof) {

        /* he has gone already, and no other event will come */

        ngx_post_event(rev, &ngx_posted_events);
    }
}


void
ngx_oof_request_resume(ngx_oof_request_t *o, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (rc == NGX_AGAIN) {
        return;
    }

    r = o->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    o->suspended = 0;
    o->forget = NULL;

    if (o->asked) {
        o->core_time += ngx_max((ngx_msec_int_t) (ngx_current_msec - o->asked),
                                0);
        o->asked = 0;
    }

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_block_reading;
    }

    ngx_oof_request_continue(o, rc);

    ngx_http_run_posted_requests(c);
}


static void
ngx_oof_request_continue(ngx_oof_request_t *o, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = o->r;

    if (!o->admitted) {

        rc = ngx_oof_access_steps(o, rc);

        if (rc == NGX_AGAIN) {
            ngx_oof_request_suspend(o);
            return;
        }

        if (rc == NGX_DECLINED) {

            if (o->content) {
                ngx_http_finalize_request(r, ngx_oof_content_start(o));
                return;
            }

            /* the access handler is called again and finds it decided */

            r->write_event_handler = ngx_http_core_run_phases;
            ngx_http_core_run_phases(r);

            return;
        }
    }

    rc = ngx_oof_content_sign(o, rc);

    if (rc == NGX_AGAIN) {
        ngx_oof_request_suspend(o);
        return;
    }

    ngx_http_finalize_request(r, ngx_oof_content_end(o, rc));
}


static void
ngx_oof_request_deadline(ngx_event_t *ev)
{
    ngx_uint_t           rc;
    ngx_connection_t    *c;
    ngx_oof_request_t   *o;
    ngx_http_request_t  *r;

    o = ev->data;
    r = o->r;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (!o->suspended && !o->reading
        && (r->upstream == NULL || r->upstream->cleanup == NULL))
    {
        /* it is with another module, behind a gate, which has times too */

        return;
    }

    rc = o->unit ? ngx_oof_pg_late(o->unit) : NGX_OOF_PG_TIMEOUT;

    ngx_oof_request_forget(o);

    if (o->reading) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out while sending the request body");

        o->reading = 0;
        c->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        ngx_http_run_posted_requests(c);

        return;
    }

    ngx_log_error(NGX_LOG_ERR, c->log, 0, "request deadline has passed");

    if (r->upstream && r->upstream->cleanup) {

        /* what is behind a gate has not answered: its connection is closed */

        r->main->count++;
        (*r->upstream->cleanup)(r);
    }

    /* a step that is awaited no longer decides: the request ends here */

    (void) ngx_oof_error_unit(o, rc);

    ngx_oof_request_resume(o, NGX_OK);
}


ngx_int_t
ngx_oof_request_unit(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u))
{
    u->deadline = o->expires;
    u->handler = ngx_oof_request_unit_done;
    u->data = o;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    o->unit = u;
    o->result = result;

    return NGX_AGAIN;
}


static void
ngx_oof_request_unit_done(ngx_oof_pg_unit_t *u)
{
    ngx_int_t           rc;
    ngx_oof_request_t  *o;

    o = u->data;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    o->unit = NULL;
    o->db_time += ngx_current_msec - u->queued;

    if (u->rc == NGX_OOF_PG_OK) {
        rc = o->result(o, u);

    } else {
        rc = ngx_oof_error_unit(o, u->rc);
    }

    ngx_oof_request_resume(o, rc);
}


ngx_int_t
ngx_oof_request_json(ngx_oof_request_t *o)
{
    ngx_int_t    rc;
    const char  *why;

    rc = ngx_oof_json_parse(o->r->pool, &o->body, &o->json, &why);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client sent an invalid JSON body: %s", why);

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                         "Corpo da requisição inválido",
                         "O corpo da requisição não é um objeto JSON "
                         "válido.");

    return NGX_DECLINED;
}


ngx_table_elt_t *
ngx_oof_request_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}
