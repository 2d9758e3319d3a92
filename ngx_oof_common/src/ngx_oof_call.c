
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_CALL_BLOCK     65536     /* bytes of a row */
#define NGX_OOF_CALL_RECORDS   500
#define NGX_OOF_CALL_PERIOD    1000      /* ms that a record may wait */
#define NGX_OOF_CALL_TICK      100
#define NGX_OOF_CALL_DEADLINE  1500
#define NGX_OOF_CALL_AGAIN     1000      /* ms until a block goes again */
#define NGX_OOF_CALL_TRIES     8         /* of one that the server refuses */
#define NGX_OOF_CALL_QUIT      450       /* ms of a process that quits */

#define NGX_OOF_CALL_ALL       10000     /* a share, of ten thousand */

#define NGX_OOF_CALL_HEAD      "{\"calls\":["
#define NGX_OOF_CALL_TAIL      "]}"

/* of a record: names and values of limited length, and what has its own */

#define NGX_OOF_CALL_FIXED     512
#define NGX_OOF_CALL_TEXT      128       /* of each of the others, escaped */


/* how a record ends, oof_call_reports_total */

#define NGX_OOF_CALL_WRITTEN   0
#define NGX_OOF_CALL_DROPPED   1
#define NGX_OOF_CALL_UNTAKEN   2


typedef struct {
    ngx_queue_t              queue;
    u_char                   id[NGX_OOF_UUID_LEN];
    int64_t                  time;         /* of its first record */
    ngx_msec_t               began;        /* the same, ngx_current_msec */
    ngx_uint_t               records;
    ngx_uint_t               tries;        /* that the server has refused */
    u_char                  *last;
    u_char                   data[NGX_OOF_CALL_BLOCK];
} ngx_oof_call_block_t;


struct ngx_oof_calls_s {
    ngx_oof_database_t      *db;
    ngx_str_t                brand;
    ngx_str_t                organisation_id;
    ngx_uint_t               share;        /* of calls of ours */

    ngx_oof_call_block_t    *block;        /* that is being filled */
    ngx_queue_t              full;         /* the oldest first */
    ngx_msec_t               again;        /* not before */
    unsigned                 sending:1;
};


static ngx_oof_call_block_t *ngx_oof_call_take(ngx_oof_calls_t *calls,
    u_char *id, ngx_uint_t share, size_t size);
static u_char *ngx_oof_call_begin(u_char *p, u_char *id, const char *role,
    int64_t start);
static u_char *ngx_oof_call_answer(u_char *p, ngx_str_t *method,
    ngx_uint_t status, ngx_msec_t time);
static size_t ngx_oof_call_size(ngx_oof_request_t *o);
static u_char *ngx_oof_call_record(u_char *p, ngx_oof_request_t *o,
    ngx_oof_calls_t *calls, ngx_uint_t status);
static u_char *ngx_oof_call_member(u_char *p, const char *name,
    ngx_str_t *value);
static u_char *ngx_oof_call_copy(u_char *p, const char *text);
static ngx_oof_call_block_t *ngx_oof_call_room(ngx_oof_calls_t *calls,
    size_t size);
static ngx_oof_call_block_t *ngx_oof_call_block(ngx_oof_calls_t *calls);
static void ngx_oof_call_free(ngx_oof_call_block_t *block);
static void ngx_oof_call_tick(ngx_event_t *ev);
static ngx_uint_t ngx_oof_call_flush(ngx_oof_calls_t *calls);
static void ngx_oof_call_close(ngx_oof_calls_t *calls);
static void ngx_oof_call_send(ngx_oof_calls_t *calls);
static ngx_int_t ngx_oof_call_unit(ngx_oof_calls_t *calls,
    ngx_oof_call_block_t *block);
static void ngx_oof_call_sent(ngx_oof_pg_unit_t *u);
static void ngx_oof_call_drop(ngx_oof_calls_t *calls,
    ngx_oof_call_block_t *block, const char *why);
static ngx_oof_calls_t *ngx_oof_call_find(ngx_conf_t *cf,
    ngx_oof_loc_conf_t *conf);


static ngx_oof_metric_t  ngx_oof_call_total;


static ngx_str_t  ngx_oof_call_results[] = {
    ngx_string("result=\"written\""),
    ngx_string("result=\"dropped\""),
    ngx_string("result=\"untaken\""),
    ngx_null_string
};


static ngx_event_t             ngx_oof_call_timer;
static ngx_oof_call_block_t   *ngx_oof_call_spare;
static ngx_uint_t              ngx_oof_call_blocks;
static ngx_uint_t              ngx_oof_call_blocks_max;
static ngx_msec_t              ngx_oof_call_quit;
static ngx_uint_t              ngx_oof_call_quitting;
static ngx_uint_t              ngx_oof_call_dropping;


void
ngx_oof_call_log(ngx_oof_request_t *o)
{
    ngx_uint_t             status;
    ngx_oof_calls_t       *calls;
    ngx_http_request_t    *r;
    ngx_oof_call_block_t  *block;

    r = o->r;
    calls = o->location ? o->location->calls : NULL;

    /* who called, and what, is known */

    if (calls == NULL || o->route == NULL || o->cert == NULL) {
        return;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == 0) {
        return;
    }

    block = ngx_oof_call_take(calls, o->interaction_id,
                              o->location->call_share, ngx_oof_call_size(o));

    if (block) {
        block->last = ngx_oof_call_record(block->last, o, calls, status);
    }
}


void
ngx_oof_call_made(ngx_oof_database_t *db, ngx_str_t *brand,
    ngx_oof_call_made_t *made)
{
    u_char                *p;
    ngx_uint_t             i;
    ngx_oof_calls_t      **calls;
    ngx_oof_main_conf_t   *omcf;
    ngx_oof_call_block_t  *block;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);

    calls = omcf->calls.elts;

    for (i = 0; i < omcf->calls.nelts; i++) {
        if (calls[i]->db == db && calls[i]->brand.len == brand->len
            && ngx_strncmp(calls[i]->brand.data, brand->data, brand->len) == 0)
        {
            break;
        }
    }

    if (i == omcf->calls.nelts) {
        return;
    }

    block = ngx_oof_call_take(calls[i], made->interaction_id, calls[i]->share,
                              NGX_OOF_CALL_FIXED + made->endpoint.len
                              + 6 * NGX_OOF_CALL_TEXT);
    if (block == NULL) {
        return;
    }

    p = ngx_oof_call_begin(block->last, made->interaction_id, "CLIENT",
                           made->start / 1000);
    p = ngx_cpymem(p, made->endpoint.data, made->endpoint.len);
    p = ngx_oof_call_answer(p, &made->method, made->status, made->time);
    p = ngx_cpymem(p, made->server, NGX_OOF_UUID_TEXT);
    p = ngx_oof_call_copy(p, "\",\"clientOrgId\":\"");
    p = ngx_cpymem(p, calls[i]->organisation_id.data,
                   calls[i]->organisation_id.len);
    p = ngx_oof_call_copy(p, "\",\"additionalInfo\":{");
    p = ngx_oof_call_member(p, "consentId", &made->consent_id);
    block->last = ngx_oof_call_copy(p, "}}");
}


/* where the next record goes, or NULL */

static ngx_oof_call_block_t *
ngx_oof_call_take(ngx_oof_calls_t *calls, u_char *id, ngx_uint_t share,
    size_t size)
{
    ngx_oof_call_block_t  *block;

    /* by the id, so that both sides of a call could take the same ones */

    if (share < NGX_OOF_CALL_ALL
        && ngx_crc32_short(id, NGX_OOF_UUID_TEXT) % NGX_OOF_CALL_ALL >= share)
    {
        ngx_oof_metric_inc(&ngx_oof_call_total, NGX_OOF_CALL_UNTAKEN, 1);
        return NULL;
    }

    block = ngx_oof_call_room(calls, size);

    if (block == NULL) {
        ngx_oof_metric_inc(&ngx_oof_call_total, NGX_OOF_CALL_DROPPED, 1);
        return NULL;
    }

    if (block->records++) {
        *block->last++ = ',';
    }

    if (!ngx_oof_call_timer.timer_set) {
        ngx_add_timer(&ngx_oof_call_timer, NGX_OOF_CALL_TICK);
    }

    return block;
}


static size_t
ngx_oof_call_size(ngx_oof_request_t *o)
{
    /* an escaped character has six */

    return NGX_OOF_CALL_FIXED + o->api->base.len + o->route->path.len
           + 6 * (o->location->place.len + 3 * NGX_OOF_CALL_TEXT);
}


static u_char *
ngx_oof_call_record(u_char *p, ngx_oof_request_t *o, ngx_oof_calls_t *calls,
    ngx_uint_t status)
{
    int64_t              start;
    ngx_time_t          *tp;
    ngx_msec_int_t       ms;
    ngx_http_request_t  *r;

    r = o->r;
    tp = ngx_timeofday();

    start = ngx_oof_started(r);
    ms = (ngx_msec_int_t) ((int64_t) tp->sec * 1000 + tp->msec - start);

    p = ngx_oof_call_begin(p, o->interaction_id, "SERVER", start);

    if (o->api->flags & NGX_OOF_API_ANY) {
        p = (u_char *) ngx_escape_json(p, o->location->place.data,
                                       o->location->place.len);

    } else {
        p = ngx_cpymem(p, o->api->base.data, o->api->base.len);
        p = ngx_cpymem(p, o->route->path.data, o->route->path.len);
    }

    p = ngx_oof_call_answer(p, &r->method_name, status,
                            (ngx_msec_t) ngx_max(ms, 0));
    p = ngx_cpymem(p, calls->organisation_id.data,
                   calls->organisation_id.len);

    p = ngx_oof_call_copy(p, "\",\"clientOrgId\":\"");
    p = ngx_cpymem(p, o->cert->organisation_id.data,
                   o->cert->organisation_id.len);
    *p++ = '"';

    if (o->error_code.len) {
        *p++ = ',';
        p = ngx_oof_call_member(p, "errorCode", &o->error_code);
    }

    p = ngx_oof_call_copy(p, ",\"additionalInfo\":{");
    p = ngx_oof_call_member(p, "clientIp", &r->connection->addr_text);

    if (o->consent_id.len) {
        *p++ = ',';
        p = ngx_oof_call_member(p, "consentId", &o->consent_id);
    }

    *p++ = '}';
    *p++ = '}';

    return p;
}


/* up to the endpoint; "start" in ms */

static u_char *
ngx_oof_call_begin(u_char *p, u_char *id, const char *role, int64_t start)
{
    p = ngx_oof_call_copy(p, "{\"fapiInteractionId\":\"");
    p = ngx_cpymem(p, id, NGX_OOF_UUID_TEXT);

    p = ngx_oof_call_copy(p, "\",\"role\":\"");
    p = ngx_oof_call_copy(p, role);
    p = ngx_oof_call_copy(p, "\",\"timestamp\":\"");
    p = ngx_oof_clock_format(p, start / 1000 * NGX_OOF_SECOND) - 1;
    p = ngx_sprintf(p, ".%03MZ", (ngx_msec_t) (start % 1000));

    return ngx_oof_call_copy(p, "\",\"endpoint\":\"");
}


/* from there up to who served */

static u_char *
ngx_oof_call_answer(u_char *p, ngx_str_t *method, ngx_uint_t status,
    ngx_msec_t time)
{
    p = ngx_oof_call_copy(p, "\",\"httpMethod\":\"");
    p = ngx_cpymem(p, method->data, ngx_min(method->len, NGX_OOF_CALL_TEXT));

    return ngx_sprintf(p, "\",\"statusCode\":%ui,\"processTimespan\":%M,"
                       "\"serverOrgId\":\"", status, time);
}


/* no value of these is longer, unless it is none */

static u_char *
ngx_oof_call_member(u_char *p, const char *name, ngx_str_t *value)
{
    *p++ = '"';
    p = ngx_oof_call_copy(p, name);
    *p++ = '"';
    *p++ = ':';
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, value->data,
                                   ngx_min(value->len, NGX_OOF_CALL_TEXT));
    *p++ = '"';

    return p;
}


static u_char *
ngx_oof_call_copy(u_char *p, const char *text)
{
    return ngx_cpymem(p, text, ngx_strlen(text));
}


/* the block that takes a record of "size" bytes, and the end of the text */

static ngx_oof_call_block_t *
ngx_oof_call_room(ngx_oof_calls_t *calls, size_t size)
{
    u_char                *end;
    ngx_oof_call_block_t  *block;

    block = calls->block;

    if (block) {
        end = block->data + NGX_OOF_CALL_BLOCK - sizeof(NGX_OOF_CALL_TAIL);

        if (block->records < NGX_OOF_CALL_RECORDS
            && (size_t) (end - block->last) > size)
        {
            return block;
        }

        ngx_oof_call_close(calls);
        ngx_oof_call_send(calls);
    }

    block = ngx_oof_call_block(calls);

    if (block == NULL && !ngx_oof_call_dropping) {
        ngx_oof_call_dropping = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "reports of calls are dropped: \"oof_call_buffer\" is "
                      "full of what database \"%V\" has not taken",
                      ngx_oof_database_name(calls->db));
    }

    return block;
}


static ngx_oof_call_block_t *
ngx_oof_call_block(ngx_oof_calls_t *calls)
{
    ngx_oof_call_block_t  *block;

    block = ngx_oof_call_spare;
    ngx_oof_call_spare = NULL;

    if (block == NULL) {

        if (ngx_oof_call_blocks == ngx_oof_call_blocks_max) {
            return NULL;
        }

        block = ngx_alloc(sizeof(ngx_oof_call_block_t), ngx_cycle->log);
        if (block == NULL) {
            return NULL;
        }

        ngx_oof_call_blocks++;
    }

    if (ngx_oof_uuid7(block->id) != NGX_OK) {
        ngx_oof_call_free(block);
        return NULL;
    }

    block->time = ngx_oof_clock_real();
    block->began = ngx_current_msec;
    block->records = 0;
    block->tries = 0;
    block->last = ngx_oof_call_copy(block->data, NGX_OOF_CALL_HEAD);

    calls->block = block;

    return block;
}


/* one is kept: under load the next is needed at once */

static void
ngx_oof_call_free(ngx_oof_call_block_t *block)
{
    if (ngx_oof_call_spare == NULL) {
        ngx_oof_call_spare = block;
        return;
    }

    ngx_free(block);
    ngx_oof_call_blocks--;
}


/* not cancelable: a process that quits has written what it gathered */

static void
ngx_oof_call_tick(ngx_event_t *ev)
{
    ngx_uint_t             i, left;
    ngx_oof_calls_t      **calls;
    ngx_oof_main_conf_t   *omcf;

    if (ngx_exiting && !ngx_oof_call_quitting) {
        ngx_oof_call_quitting = 1;
        ngx_oof_call_quit = ngx_current_msec;
    }

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);

    calls = omcf->calls.elts;
    left = 0;

    for (i = 0; i < omcf->calls.nelts; i++) {
        left += ngx_oof_call_flush(calls[i]);
    }

    if (left) {
        ngx_add_timer(ev, NGX_OOF_CALL_TICK);
    }
}


/* is there more to be done */

static ngx_uint_t
ngx_oof_call_flush(ngx_oof_calls_t *calls)
{
    ngx_msec_t             since;
    ngx_queue_t           *q;
    ngx_oof_call_block_t  *block;

    block = calls->block;

    if (block && (ngx_exiting
                  || ngx_current_msec - block->began >= NGX_OOF_CALL_PERIOD))
    {
        ngx_oof_call_close(calls);
    }

    ngx_oof_call_send(calls);

    if (!ngx_exiting) {
        return calls->block != NULL || !ngx_queue_empty(&calls->full);
    }

    while (!ngx_queue_empty(&calls->full)) {

        q = ngx_queue_head(&calls->full);
        block = ngx_queue_data(q, ngx_oof_call_block_t, queue);

        /* its request may have ended long after the process began to quit */

        since = ngx_max((ngx_msec_int_t) (ngx_current_msec - block->began),
                        0);
        since = ngx_min(since, ngx_current_msec - ngx_oof_call_quit);

        if (since < NGX_OOF_CALL_QUIT || calls->sending) {
            return 1;
        }

        ngx_queue_remove(q);
        ngx_oof_call_drop(calls, block, "the process quits");
    }

    return 0;
}


/* no record comes into the block any more */

static void
ngx_oof_call_close(ngx_oof_calls_t *calls)
{
    ngx_oof_call_block_t  *block;

    block = calls->block;
    calls->block = NULL;

    block->last = ngx_oof_call_copy(block->last, NGX_OOF_CALL_TAIL);

    ngx_queue_insert_tail(&calls->full, &block->queue);
}


static void
ngx_oof_call_send(ngx_oof_calls_t *calls)
{
    ngx_queue_t           *q;
    ngx_oof_call_block_t  *block;

    if (calls->sending || ngx_queue_empty(&calls->full)
        || (ngx_msec_int_t) (calls->again - ngx_current_msec) > 0)
    {
        return;
    }

    q = ngx_queue_head(&calls->full);
    block = ngx_queue_data(q, ngx_oof_call_block_t, queue);

    if (ngx_oof_call_unit(calls, block) != NGX_OK) {
        calls->again = ngx_current_msec + NGX_OOF_CALL_AGAIN;
        return;
    }

    calls->sending = 1;
}


static ngx_int_t
ngx_oof_call_unit(ngx_oof_calls_t *calls, ngx_oof_call_block_t *block)
{
    ngx_str_t           text;
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(calls->db, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    text.data = block->data;
    text.len = block->last - block->data;

    u->handler = ngx_oof_call_sent;
    u->data = calls;

    /* a report that waited for a second may wait until the relay looks */

    u->calm = 1;

    u->deadline = ngx_current_msec + (ngx_exiting ? NGX_OOF_CALL_QUIT
                                                  : NGX_OOF_CALL_DEADLINE);

    ngx_oof_pg_statement(u, &ngx_oof_sql_call_add);
    ngx_oof_pg_uuid(u, block->id);
    ngx_oof_pg_time(u, block->time);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_text(u, &calls->brand);
    ngx_oof_pg_text(u, &text);

    return ngx_oof_pg_send(u);
}


static void
ngx_oof_call_sent(ngx_oof_pg_unit_t *u)
{
    ngx_queue_t           *q;
    ngx_oof_calls_t       *calls;
    ngx_oof_call_block_t  *block;

    calls = u->data;
    calls->sending = 0;

    q = ngx_queue_head(&calls->full);
    block = ngx_queue_data(q, ngx_oof_call_block_t, queue);

    if (u->rc == NGX_OOF_PG_OK) {
        ngx_oof_metric_inc(&ngx_oof_call_total, NGX_OOF_CALL_WRITTEN,
                           block->records);

        ngx_queue_remove(q);
        ngx_oof_call_free(block);

        ngx_oof_call_dropping = 0;
        ngx_oof_call_send(calls);

        return;
    }

    /* with the same id, should it be there already */

    calls->again = ngx_current_msec
                   + (ngx_exiting ? NGX_OOF_CALL_TICK : NGX_OOF_CALL_AGAIN);

    if (u->rc == NGX_OOF_PG_ERROR && ++block->tries == NGX_OOF_CALL_TRIES) {
        ngx_queue_remove(q);
        ngx_oof_call_drop(calls, block, "the database refuses them");

        /* what comes behind it may be fine */

        calls->again = ngx_current_msec;
    }
}


static void
ngx_oof_call_drop(ngx_oof_calls_t *calls, ngx_oof_call_block_t *block,
    const char *why)
{
    ngx_oof_metric_inc(&ngx_oof_call_total, NGX_OOF_CALL_DROPPED,
                       block->records);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "%ui reports of calls for database \"%V\" are dropped: %s",
                  block->records, ngx_oof_database_name(calls->db), why);

    ngx_oof_call_free(block);
}


/* "on", "off", or a share as in "12.5%" */

char *
ngx_oof_call_reports(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_int_t   share;
    ngx_str_t  *value;

    if (olcf->call_share != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        olcf->call_share = NGX_OOF_CALL_ALL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        olcf->call_share = 0;
        return NGX_CONF_OK;
    }

    if (value[1].len < 2 || value[1].data[value[1].len - 1] != '%') {
        return "must be \"on\", \"off\" or a share, as in \"12.5%\"";
    }

    share = ngx_atofp(value[1].data, value[1].len - 1, 2);

    if (share <= 0 || share > NGX_OOF_CALL_ALL) {
        return "must be a share of 0.01% to 100%";
    }

    olcf->call_share = (ngx_uint_t) share;

    return NGX_CONF_OK;
}


char *
ngx_oof_call_merge(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf)
{
    ngx_conf_merge_uint_value(conf->call_share, prev->call_share, 0);

    if (conf->call_share == 0 || conf->api == NULL
        || !(conf->api->flags & NGX_OOF_API_TPP))
    {
        return NGX_CONF_OK;
    }

    conf->calls = ngx_oof_call_find(cf, conf);

    return conf->calls ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_oof_calls_t *
ngx_oof_call_find(ngx_conf_t *cf, ngx_oof_loc_conf_t *conf)
{
    ngx_uint_t             i;
    ngx_oof_calls_t       *calls, **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    all = omcf->calls.elts;

    for (i = 0; i < omcf->calls.nelts; i++) {
        calls = all[i];

        if (calls->db == conf->database
            && calls->brand.len == conf->brand.len
            && ngx_strncmp(calls->brand.data, conf->brand.data,
                           conf->brand.len)
               == 0
            && calls->organisation_id.len == conf->organisation_id.len
            && ngx_strncmp(calls->organisation_id.data,
                           conf->organisation_id.data,
                           conf->organisation_id.len)
               == 0)
        {
            calls->share = ngx_max(calls->share, conf->call_share);
            return calls;
        }
    }

    calls = ngx_pcalloc(cf->pool, sizeof(ngx_oof_calls_t));
    all = ngx_array_push(&omcf->calls);

    if (calls == NULL || all == NULL) {
        return NULL;
    }

    *all = calls;

    calls->db = conf->database;
    calls->brand = conf->brand;
    calls->organisation_id = conf->organisation_id;
    calls->share = conf->call_share;

    return calls;
}


ngx_int_t
ngx_oof_call_init(ngx_conf_t *cf)
{
    return ngx_oof_metric_add_list(cf, &ngx_oof_call_total,
                                   "oof_call_reports_total",
                                   "Reports of calls, and what became of "
                                   "them.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_call_results);
}


ngx_int_t
ngx_oof_call_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_calls_t      **calls;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);

    calls = omcf->calls.elts;

    for (i = 0; i < omcf->calls.nelts; i++) {
        ngx_queue_init(&calls[i]->full);
        calls[i]->again = ngx_current_msec;
    }

    ngx_oof_call_blocks_max = omcf->call_buffer / NGX_OOF_CALL_BLOCK;

    ngx_oof_call_timer.handler = ngx_oof_call_tick;
    ngx_oof_call_timer.log = cycle->log;
    ngx_oof_call_timer.data = cycle;

    return NGX_OK;
}


/* what is left is lost: TERM, or a process that had no time to quit */

void
ngx_oof_call_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i, records;
    ngx_queue_t           *q;
    ngx_oof_calls_t      **calls;
    ngx_oof_main_conf_t   *omcf;
    ngx_oof_call_block_t  *block;

    omcf = ngx_oof_main_conf(cycle);

    calls = omcf->calls.elts;

    for (i = 0; i < omcf->calls.nelts; i++) {

        records = calls[i]->block ? calls[i]->block->records : 0;

        for (q = ngx_queue_head(&calls[i]->full);
             q != ngx_queue_sentinel(&calls[i]->full);
             q = ngx_queue_next(q))
        {
            block = ngx_queue_data(q, ngx_oof_call_block_t, queue);
            records += block->records;
        }

        if (records) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "%ui reports of calls for database \"%V\" are "
                          "lost: the process ends at once", records,
                          ngx_oof_database_name(calls[i]->db));
        }
    }
}
