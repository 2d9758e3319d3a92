
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/*
 * The bank's core has news of a product that customers share as a whole.  It is
 * asked for that product, once for each holder, and every consent that shares
 * it takes what has changed, one after the other.  The bank is told that this
 * is so when it is: what fails on the way it tells again.
 */


#define NGX_OOF_BANK_NOTIFIED    200     /* consents of a notification */
#define NGX_OOF_BANK_DIGEST_LEN  32


/* columns of bank_notified */

typedef enum {
    NGX_OOF_BANK_NOTIFIED_ID = 0,
    NGX_OOF_BANK_NOTIFIED_HOLDER,
    NGX_OOF_BANK_NOTIFIED_DIGEST
} ngx_oof_bank_notified_col_e;


/* outcomes of bank_refresh, its place in the unit */

#define NGX_OOF_BANK_REFRESH_S        1
#define NGX_OOF_BANK_REFRESH_DONE     1
#define NGX_OOF_BANK_REFRESH_UNKNOWN  2


typedef struct {
    u_char                      id[NGX_OOF_UUID_LEN];
    u_char                      holder[NGX_OOF_LOOKUP_LEN];
    u_char                      digest[NGX_OOF_BANK_DIGEST_LEN];
    unsigned                    shares:1;    /* there is a digest */
} ngx_oof_bank_sharer_t;


typedef struct {
    ngx_oof_request_t          *o;
    ngx_oof_consent_type_t     *type;
    ngx_str_t                   key;

    ngx_array_t                 sharers;     /* ngx_oof_bank_sharer_t */
    ngx_uint_t                  current;
    ngx_oof_consent_journey_t  *journey;     /* of the current one */

    ngx_oof_consent_job_t       job;
    ngx_str_t                   told;        /* JSON, of the holder */
    u_char                     *holder;      /* NULL: nobody was asked for */
} ngx_oof_bank_notice_t;


static ngx_int_t ngx_oof_bank_notify_read(ngx_oof_request_t *o,
    ngx_oof_bank_notice_t *notice);
static ngx_int_t ngx_oof_bank_notify_ways(ngx_oof_request_t *o,
    ngx_oof_bank_notice_t *notice, ngx_str_t *json);
static ngx_int_t ngx_oof_bank_notify_scan_key(ngx_str_t *value);
static ngx_int_t ngx_oof_bank_notify_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_notify_next(ngx_oof_request_t *o,
    ngx_oof_bank_notice_t *notice);
static ngx_int_t ngx_oof_bank_notify_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_notify_ask(ngx_oof_request_t *o,
    ngx_oof_bank_notice_t *notice);
static void ngx_oof_bank_notify_told(ngx_oof_consent_job_t *job);
static ngx_int_t ngx_oof_bank_notify_take(ngx_oof_bank_notice_t *notice);
static ngx_int_t ngx_oof_bank_notify_write(ngx_oof_request_t *o,
    ngx_oof_bank_notice_t *notice);
static ngx_int_t ngx_oof_bank_notify_done(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


static ngx_str_t  ngx_oof_bank_notify_types[] = {
    ngx_string("LOAN"),
    ngx_string("FINANCING"),
    ngx_string("UNARRANGED_ACCOUNT_OVERDRAFT"),
    ngx_string("INVOICE_FINANCING"),
    ngx_string("BANK_FIXED_INCOME"),
    ngx_string("CREDIT_FIXED_INCOME"),
    ngx_string("VARIABLE_INCOME"),
    ngx_string("TREASURE_TITLE"),
    ngx_string("FUND"),
    ngx_string("EXCHANGE"),
    ngx_null_string
};


static ngx_oof_schema_t  ngx_oof_bank_notify_data_schema[] = {
    { ngx_string("key"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, NGX_OOF_BANK_TEXT,
      ngx_oof_bank_notify_scan_key, NULL, NULL },

    { ngx_string("type"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_bank_notify_types, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_notify_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_notify_data_schema },

      ngx_oof_schema_end
};


ngx_int_t
ngx_oof_bank_notify(ngx_oof_request_t *o)
{
    ngx_int_t                    rc;
    ngx_str_t                    ways;
    ngx_oof_pg_unit_t           *u;
    ngx_oof_loc_conf_t          *olcf;
    ngx_oof_bank_notice_t       *notice;
    ngx_oof_consent_loc_conf_t  *conf;

    notice = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_bank_notice_t));
    if (notice == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_bank_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_notify_read(o, notice);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    if (!(notice->type->product & conf->products)) {
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);
    }

    if (ngx_oof_bank_notify_ways(o, notice, &ways) != NGX_OK) {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    notice->o = o;

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_notified);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &ways);
    ngx_oof_pg_int8(u, (int64_t) notice->type->permission);
    ngx_oof_pg_int8(u, NGX_OOF_BANK_NOTIFIED + 1);
    ngx_oof_pg_text(u, &notice->type->name);

    ngx_http_set_ctx(o->r, notice, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_notify_found);
}


/* NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_bank_notify_read(ngx_oof_request_t *o, ngx_oof_bank_notice_t *notice)
{
    json_t      *data;
    ngx_int_t    rc;
    ngx_str_t    type;
    ngx_uint_t   no_such_day;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_check(o, ngx_oof_bank_notify_schema,
                                   &no_such_day);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    data = json_object_get(o->json, "data");

    (void) ngx_oof_json_get_str(data, "key", &notice->key);
    (void) ngx_oof_json_get_str(data, "type", &type);

    notice->type = ngx_oof_consent_type(&type);

    return notice->type ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_bank_notify_scan_key(ngx_str_t *value)
{
    return ngx_oof_bank_is_key(value) ? NGX_OK : NGX_DECLINED;
}


/* a key is what it looks like, and may be a search key all the same */

static ngx_int_t
ngx_oof_bank_notify_ways(ngx_oof_request_t *o, ngx_oof_bank_notice_t *notice,
    ngx_str_t *json)
{
    ngx_int_t       rc;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    rc = ngx_oof_bank_way(o, &w, "key", NGX_OOF_LOOKUP_SEARCH, &notice->key);

    if (rc == NGX_OK && ngx_oof_scan_cpf(&notice->key) == NGX_OK) {
        rc = ngx_oof_bank_way(o, &w, "cpf", NGX_OOF_LOOKUP_CPF, &notice->key);
    }

    if (rc == NGX_OK && ngx_oof_scan_cnpj(&notice->key) == NGX_OK) {
        rc = ngx_oof_bank_way(o, &w, "cnpj", NGX_OOF_LOOKUP_CNPJ,
                              &notice->key);
    }

    ngx_oof_json_end(&w, ']');

    return (rc == NGX_OK) ? ngx_oof_json_text(&w, json) : NGX_ERROR;
}


static ngx_int_t
ngx_oof_bank_notify_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t               id, holder, digest;
    ngx_uint_t              row, rows;
    ngx_oof_bank_notice_t  *notice;
    ngx_oof_bank_sharer_t  *sharer;

    notice = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rows = ngx_oof_pg_rows(u, 0);

    if (rows > NGX_OOF_BANK_NOTIFIED) {
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, "CONSULTA_AMPLA",
                             "Consulta ampla demais",
                             "A chave informada é de consentimentos demais.");
    }

    if (ngx_array_init(&notice->sharers, o->r->pool, rows + 1,
                       sizeof(ngx_oof_bank_sharer_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (row = 0; row < rows; row++) {
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_NOTIFIED_ID, &id);
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_NOTIFIED_HOLDER, &holder);
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_NOTIFIED_DIGEST, &digest);

        sharer = ngx_array_push(&notice->sharers);

        if (sharer == NULL || holder.len != NGX_OOF_LOOKUP_LEN) {
            return NGX_ERROR;
        }

        ngx_memcpy(sharer->id, id.data, NGX_OOF_UUID_LEN);
        ngx_memcpy(sharer->holder, holder.data, NGX_OOF_LOOKUP_LEN);

        sharer->shares = (digest.len == NGX_OOF_BANK_DIGEST_LEN);

        if (sharer->shares) {
            ngx_memcpy(sharer->digest, digest.data, digest.len);
        }
    }

    return ngx_oof_bank_notify_next(o, notice);
}


static ngx_int_t
ngx_oof_bank_notify_next(ngx_oof_request_t *o, ngx_oof_bank_notice_t *notice)
{
    ngx_oof_pg_unit_t      *u;
    ngx_oof_loc_conf_t     *olcf;
    ngx_oof_bank_sharer_t  *sharer;

    if (notice->current == notice->sharers.nelts) {
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    sharer = notice->sharers.elts;

    ngx_oof_consent_journey_read(u, olcf, sharer[notice->current].id);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_notify_got);
}


/* a consent that has ended meanwhile shares nothing any more */

static ngx_int_t
ngx_oof_bank_notify_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t               rc;
    ngx_oof_loc_conf_t     *olcf;
    ngx_oof_bank_notice_t  *notice;
    ngx_oof_bank_sharer_t  *sharer;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    notice = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    sharer = notice->sharers.elts;
    sharer += notice->current;

    rc = ngx_oof_consent_journey_row(o->r->pool, olcf, u, 0, sharer->id,
                                     &notice->journey);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK
        || !ngx_oof_consent_is(&notice->journey->consent, "AUTHORISED"))
    {
        notice->current++;
        return ngx_oof_bank_notify_next(o, notice);
    }

    if (notice->holder
        && ngx_memcmp(notice->holder, sharer->holder, NGX_OOF_LOOKUP_LEN) == 0)
    {
        return ngx_oof_bank_notify_write(o, notice);
    }

    notice->holder = sharer->holder;

    return ngx_oof_bank_notify_ask(o, notice);
}


static ngx_int_t
ngx_oof_bank_notify_ask(ngx_oof_request_t *o, ngx_oof_bank_notice_t *notice)
{
    ngx_int_t               rc;
    ngx_oof_consent_job_t  *job;

    job = &notice->job;

    ngx_memzero(job, sizeof(ngx_oof_consent_job_t));

    job->pool = o->r->pool;
    job->log = o->r->connection->log;
    job->olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    job->journey = notice->journey;
    job->deadline = o->expires;
    job->handler = ngx_oof_bank_notify_told;
    job->data = notice;

    ngx_memcpy(job->correlation, o->interaction_id, NGX_OOF_UUID_TEXT);
    ngx_oof_trace_copy(o, job->pool, &job->trace);

    rc = ngx_oof_consent_discover(job, (ngx_uint_t) 1
                                       << (notice->type
                                           - ngx_oof_consent_types));
    if (rc == NGX_OK) {
        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_consent_job_await(o, job);
        ngx_oof_request_asks(o);
    }

    return rc;
}


static void
ngx_oof_bank_notify_told(ngx_oof_consent_job_t *job)
{
    ngx_int_t               rc;
    ngx_oof_request_t      *o;
    ngx_oof_bank_notice_t  *notice;

    notice = job->data;
    o = notice->o;

    ngx_oof_consent_job_awaited(o, job);

    if (job->rc != NGX_OOF_PG_OK) {
        rc = ngx_oof_error_unit(o, job->rc);

    } else if (job->failing || job->preparing) {
        rc = ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);

    } else if (ngx_oof_bank_notify_take(notice) != NGX_OK) {
        rc = NGX_ERROR;

    } else {
        rc = ngx_oof_bank_notify_write(o, notice);
    }

    ngx_oof_request_resume(o, rc);
}


static ngx_int_t
ngx_oof_bank_notify_take(ngx_oof_bank_notice_t *notice)
{
    ngx_uint_t                i;
    ngx_oof_json_t            w;
    ngx_oof_consent_job_t    *job;
    ngx_oof_consent_found_t  *found;

    job = &notice->job;

    if (ngx_oof_json_init(&w, job->pool, 96 * job->found.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    found = job->found.elts;

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < job->found.nelts; i++) {
        ngx_oof_json_begin(&w, '{');
        ngx_oof_consent_member_uuid(&w, "r", found[i].id);
        ngx_oof_json_member(&w, "s", &found[i].status);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, &notice->told);
}


static ngx_int_t
ngx_oof_bank_notify_write(ngx_oof_request_t *o, ngx_oof_bank_notice_t *notice)
{
    ngx_str_t               digest;
    ngx_oof_event_t         event;
    ngx_oof_consent_t      *consent;
    ngx_oof_pg_unit_t      *u;
    ngx_oof_loc_conf_t     *olcf;
    ngx_oof_bank_sharer_t  *sharer;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    sharer = notice->sharers.elts;
    sharer += notice->current;
    consent = &notice->journey->consent;

    if (ngx_oof_event_init(&event, NGX_OOF_EVENT_CONSENT_RESOURCES) != NGX_OK
        || ngx_oof_consent_event_data(o, consent, "AUTHORISED", &event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, consent->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_lock);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_refresh);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_consent_now());
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_event_trace(&event, o);
    ngx_oof_pg_event(u, &event);
    ngx_oof_pg_text(u, &notice->type->name);
    ngx_oof_pg_text(u, &notice->told);

    if (sharer->shares) {
        digest.data = sharer->digest;
        digest.len = NGX_OOF_BANK_DIGEST_LEN;
        ngx_oof_pg_bytea(u, &digest);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_bank_actor(o, u);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_notify_done);
}


static ngx_int_t
ngx_oof_bank_notify_done(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_bank_notice_t  *notice;

    switch (ngx_oof_pg_get_int(u, NGX_OOF_BANK_REFRESH_S, 0, 0)) {

    case NGX_OOF_BANK_REFRESH_DONE:
    case NGX_OOF_BANK_REFRESH_UNKNOWN:
        break;

    default:
        return NGX_ERROR;
    }

    notice = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    notice->current++;

    return ngx_oof_bank_notify_next(o, notice);
}
