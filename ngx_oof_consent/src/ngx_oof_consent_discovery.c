
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


/* what a customer has: asked of the core, kept under ids of our own */


/* columns of resource_find */

typedef enum {
    NGX_OOF_FIND_COL_NUMBER = 0,
    NGX_OOF_FIND_COL_ID,
    NGX_OOF_FIND_COL_STATUS,
    NGX_OOF_FIND_COL_APPROVERS,
    NGX_OOF_FIND_COL_HELD
} ngx_oof_consent_find_col_e;


static ngx_int_t ngx_oof_consent_discover_body(ngx_oof_consent_job_t *job,
    ngx_str_t *body);
static void ngx_oof_consent_discover_document(ngx_oof_json_t *w,
    const char *member, ngx_str_t *identification, const char *rel);
static void ngx_oof_consent_discovered(ngx_oof_core_call_t *call);
static ngx_int_t ngx_oof_consent_discover_take(ngx_oof_consent_job_t *job,
    ngx_uint_t i, json_t *json);
static ngx_int_t ngx_oof_consent_discover_one(ngx_oof_consent_job_t *job,
    ngx_oof_consent_found_t *found, json_t *json);
static ngx_uint_t ngx_oof_consent_discover_twice(ngx_array_t *list,
    ngx_oof_consent_found_t *found);
static json_t **ngx_oof_consent_sorted(ngx_pool_t *pool, json_t *list,
    const char *member);
static void ngx_oof_consent_write_sorted(ngx_oof_json_t *w, json_t **items,
    size_t n, const char *first, const char *second);

static ngx_int_t ngx_oof_consent_keep_find(ngx_oof_consent_job_t *job,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_keep_found(ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_keep_rows(ngx_oof_consent_job_t *job,
    ngx_oof_pg_unit_t *u, ngx_uint_t s);
static ngx_int_t ngx_oof_consent_keep_write(ngx_oof_consent_job_t *job);
static ngx_int_t ngx_oof_consent_keep_new(ngx_oof_consent_job_t *job,
    ngx_oof_json_t *w, ngx_oof_consent_found_t *found);
static ngx_int_t ngx_oof_consent_keep_changed(ngx_oof_consent_job_t *job,
    ngx_oof_json_t *w, ngx_oof_consent_found_t *found);
static ngx_int_t ngx_oof_consent_keep_approvers(ngx_oof_consent_job_t *job,
    ngx_oof_json_t *w, ngx_oof_consent_found_t *found);
static ngx_int_t ngx_oof_consent_keep_seal(ngx_oof_consent_job_t *job,
    ngx_oof_json_t *w, const char *member, const char *table, u_char *id,
    ngx_str_t *plain);
static void ngx_oof_consent_kept(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_job_send(ngx_oof_consent_job_t *job,
    ngx_oof_pg_unit_t *u, ngx_oof_pg_handler_pt handler);
static void ngx_oof_consent_job_cancel(ngx_oof_consent_job_t *job);
static void ngx_oof_consent_job_forget(ngx_oof_request_t *o);


static ngx_str_t  ngx_oof_consent_statuses[] = {
    ngx_string("AVAILABLE"),
    ngx_string("UNAVAILABLE"),
    ngx_string("TEMPORARILY_UNAVAILABLE"),
    ngx_string("PENDING_AUTHORISATION"),
    ngx_null_string
};


ngx_int_t
ngx_oof_consent_discover(ngx_oof_consent_job_t *job, ngx_uint_t types)
{
    ngx_str_t             body;
    ngx_uint_t            i;
    ngx_oof_core_call_t  *call;

    if (ngx_array_init(&job->found, job->pool, 8,
                       sizeof(ngx_oof_consent_found_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    job->rc = NGX_OOF_PG_OK;
    job->told = 1;

    if (types == 0 || job->olcf->core == NULL) {
        job->failing = types;
        return NGX_OK;
    }

    job->calls = ngx_pcalloc(job->pool, NGX_OOF_CONSENT_TYPES
                                        * sizeof(ngx_oof_core_call_t));
    if (job->calls == NULL
        || ngx_oof_consent_discover_body(job, &body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_OOF_CONSENT_TYPES; i++) {

        if (!(types & (ngx_uint_t) 1 << i)) {
            continue;
        }

        call = &job->calls[i];

        call->core = job->olcf->core;
        call->pool = job->pool;
        call->log = job->log;
        call->path = ngx_oof_consent_types[i].path;
        call->body = body;
        call->trace = job->trace;
        call->handler = ngx_oof_consent_discovered;
        call->data = job;
        call->background = job->background;

        if (ngx_oof_core_post(call) != NGX_OK) {
            job->failing |= (ngx_uint_t) 1 << i;
            continue;
        }

        job->running |= (ngx_uint_t) 1 << i;
    }

    return job->running ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_oof_consent_discover_body(ngx_oof_consent_job_t *job, ngx_str_t *body)
{
    ngx_str_t                   correlation;
    ngx_oof_json_t              w;
    ngx_oof_consent_t          *consent;
    ngx_oof_consent_journey_t  *journey;

    journey = job->journey;
    consent = &journey->consent;

    correlation.data = job->correlation;
    correlation.len = NGX_OOF_UUID_TEXT;

    if (ngx_oof_json_init(&w, job->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');

    ngx_oof_json_name(&w, "requestMeta");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "correlationId", &correlation);
    ngx_oof_json_member(&w, "brandId", &job->olcf->brand);
    ngx_oof_json_end(&w, '}');

    ngx_oof_json_name(&w, "consent");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "brandId", &job->olcf->brand);
    ngx_oof_json_member_time(&w, "creationDateTime", consent->creation);

    if (consent->expiration) {
        ngx_oof_json_member_time(&w, "expirationDateTime",
                                 consent->expiration);
    }

    if (journey->client_name.len) {
        ngx_oof_json_name(&w, "tpp");
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "name", &journey->client_name);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_member(&w, "externalId", &consent->urn);
    ngx_oof_json_name(&w, "version");
    ngx_oof_json_literal(&w, "V3");

    ngx_oof_consent_discover_document(&w, "loggedUser", &journey->cpf, "CPF");

    if (journey->cnpj.len) {
        ngx_oof_consent_discover_document(&w, "businessDocumentType",
                                          &journey->cnpj, "CNPJ");
    }

    ngx_oof_json_name(&w, "permissions");
    ngx_oof_consent_permissions(&w, consent->permissions);

    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, body);
}


static void
ngx_oof_consent_discover_document(ngx_oof_json_t *w, const char *member,
    ngx_str_t *identification, const char *rel)
{
    ngx_oof_json_name(w, member);
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "document");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "identification", identification);
    ngx_oof_json_name(w, "rel");
    ngx_oof_json_literal(w, rel);
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_consent_discovered(ngx_oof_core_call_t *call)
{
    ngx_int_t               rc;
    ngx_uint_t              i, bit;
    ngx_oof_consent_job_t  *job;

    job = call->data;

    i = call - job->calls;
    bit = (ngx_uint_t) 1 << i;

    job->running &= ~bit;

    if (call->status == NGX_HTTP_ACCEPTED) {
        job->preparing |= bit;

    } else if (call->status == NGX_HTTP_OK && call->json) {
        rc = ngx_oof_consent_discover_take(job, i, call->json);

        if (rc == NGX_DECLINED) {
            job->failing |= bit;

        } else if (rc != NGX_OK) {
            job->rc = NGX_OOF_PG_ERROR;
        }

    } else {
        job->failing |= bit;
    }

    if (job->running) {
        return;
    }

    if (job->rc == NGX_OOF_PG_OK) {
        rc = ngx_oof_consent_keep(job);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_OK) {
            job->rc = NGX_OOF_PG_ERROR;
        }
    }

    job->handler(job);
}


/* one product's answer; what is malformed in it is left out, and logged */

static ngx_int_t
ngx_oof_consent_discover_take(ngx_oof_consent_job_t *job, ngx_uint_t i,
    json_t *json)
{
    size_t                    n, bad;
    json_t                   *list, *item;
    ngx_int_t                 rc;
    ngx_oof_consent_found_t   found, *f;

    list = json_object_get(json_object_get(json, "data"), "resources");

    if (!json_is_array(list)) {
        ngx_log_error(NGX_LOG_ERR, job->log, 0,
                      "core answered a discovery of %V without resources",
                      &ngx_oof_consent_types[i].name);
        return NGX_DECLINED;
    }

    bad = 0;

    json_array_foreach(list, n, item) {

        if (n == NGX_OOF_CONSENT_FOUND) {
            ngx_log_error(NGX_LOG_ERR, job->log, 0,
                          "core told of more than %d resources of type %V, "
                          "the rest is left out", NGX_OOF_CONSENT_FOUND,
                          &ngx_oof_consent_types[i].name);
            break;
        }

        ngx_memzero(&found, sizeof(ngx_oof_consent_found_t));
        found.type = &ngx_oof_consent_types[i];

        rc = ngx_oof_consent_discover_one(job, &found, item);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED
            || ngx_oof_consent_discover_twice(&job->found, &found))
        {
            bad++;
            continue;
        }

        f = ngx_array_push(&job->found);
        if (f == NULL) {
            return NGX_ERROR;
        }

        *f = found;
    }

    if (bad) {
        ngx_log_error(NGX_LOG_ERR, job->log, 0,
                      "core told of %uz resources of type %V that are "
                      "malformed or repeated", bad,
                      &ngx_oof_consent_types[i].name);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_discover_one(ngx_oof_consent_job_t *job,
    ngx_oof_consent_found_t *found, json_t *json)
{
    ngx_int_t   rc;
    ngx_str_t   status, *s;

    found->json = json;
    found->status = ngx_oof_consent_statuses[0];

    if (json_object_get(json, "status")) {

        if (ngx_oof_json_get_str(json, "status", &status) != NGX_OK) {
            return NGX_DECLINED;
        }

        for (s = ngx_oof_consent_statuses; s->len; s++) {
            if (s->len == status.len
                && ngx_memcmp(s->data, status.data, s->len) == 0)
            {
                break;
            }
        }

        if (s->len == 0) {
            return NGX_DECLINED;
        }

        found->status = *s;
    }

    rc = ngx_oof_consent_found_legacy(job->pool, found,
                                   json_object_get(json, "resourceLegacyId"));
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_oof_consent_found_approvers(job->pool, found,
                                         json_object_get(json, "authorizers"),
                                         &job->journey->cpf);
}


static ngx_uint_t
ngx_oof_consent_discover_twice(ngx_array_t *list,
    ngx_oof_consent_found_t *found)
{
    ngx_uint_t                i;
    ngx_oof_consent_found_t  *f;

    f = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (f[i].type == found->type
            && f[i].canonical.len == found->canonical.len
            && ngx_memcmp(f[i].canonical.data, found->canonical.data,
                          found->canonical.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_oof_consent_found_repeated(ngx_array_t *list)
{
    ngx_uint_t                i;
    ngx_array_t               before;
    ngx_oof_consent_found_t  *found;

    before = *list;
    found = list->elts;

    for (i = 0; i < list->nelts; i++) {
        before.nelts = i;

        if (ngx_oof_consent_discover_twice(&before, &found[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_oof_consent_found_legacy(ngx_pool_t *pool, ngx_oof_consent_found_t *found,
    json_t *legacy)
{
    size_t           i, n;
    json_t          *pair, *key, *value, **sorted;
    ngx_oof_json_t   w;

    n = json_array_size(legacy);

    if (n == 0 || n > NGX_OOF_CONSENT_PAIRS) {
        return NGX_DECLINED;
    }

    if (ngx_oof_json_init(&w, pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    json_array_foreach(legacy, i, pair) {
        key = json_object_get(pair, "key");
        value = json_object_get(pair, "value");

        if (!json_is_string(key) || json_string_length(key) == 0
            || json_string_length(key) > NGX_OOF_CONSENT_TEXT
            || (value && (!json_is_string(value)
                          || json_string_length(value)
                             > NGX_OOF_CONSENT_TEXT)))
        {
            return NGX_DECLINED;
        }

        ngx_oof_consent_write_sorted(&w, &pair, 1, "key", "value");
    }

    ngx_oof_json_end(&w, ']');

    if (ngx_oof_json_text(&w, &found->legacy) != NGX_OK) {
        return NGX_ERROR;
    }

    sorted = ngx_oof_consent_sorted(pool, legacy, "key");

    if (sorted == NULL || ngx_oof_json_init(&w, pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');
    ngx_oof_consent_write_sorted(&w, sorted, n, "key", "value");
    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, &found->canonical);
}


/*
 * The order in which they are told means nothing, so it is made the same.  One
 * who alone may decide and is the logged user needs no mention.
 */

ngx_int_t
ngx_oof_consent_found_approvers(ngx_pool_t *pool,
    ngx_oof_consent_found_t *found, json_t *approvers, ngx_str_t *cpf)
{
    size_t           i, n;
    json_t          *item, *name, **sorted;
    ngx_str_t        text;
    ngx_oof_json_t   w;

    ngx_str_null(&found->approvers);

    if (approvers == NULL) {
        return NGX_OK;
    }

    n = json_array_size(approvers);

    if (!json_is_array(approvers) || n > NGX_OOF_CONSENT_APPROVERS) {
        return NGX_DECLINED;
    }

    ngx_str_null(&text);

    json_array_foreach(approvers, i, item) {
        name = json_object_get(item, "name");

        if (ngx_oof_json_get_str(item, "cpf", &text) != NGX_OK
            || ngx_oof_scan_cpf(&text) != NGX_OK
            || (name && (!json_is_string(name)
                         || json_string_length(name)
                            > NGX_OOF_CONSENT_TEXT)))
        {
            return NGX_DECLINED;
        }
    }

    if (n == 0
        || (n == 1 && text.len == cpf->len
            && ngx_memcmp(text.data, cpf->data, cpf->len) == 0))
    {
        return NGX_OK;
    }

    sorted = ngx_oof_consent_sorted(pool, approvers, "cpf");

    if (sorted == NULL || ngx_oof_json_init(&w, pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');
    ngx_oof_consent_write_sorted(&w, sorted, n, "cpf", "name");
    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, &found->approvers);
}


/* items of a list, which are few, in the order of a member */

static json_t **
ngx_oof_consent_sorted(ngx_pool_t *pool, json_t *list, const char *member)
{
    size_t        i, n, at;
    json_t       *item, **sorted;
    const char   *text;

    sorted = ngx_palloc(pool, json_array_size(list) * sizeof(json_t *));
    if (sorted == NULL) {
        return NULL;
    }

    n = 0;

    json_array_foreach(list, i, item) {
        text = json_string_value(json_object_get(item, member));

        for (at = n;
             at && ngx_strcmp(json_string_value(
                                  json_object_get(sorted[at - 1], member)),
                              text)
                   > 0;
             at--)
        {
            sorted[at] = sorted[at - 1];
        }

        sorted[at] = item;
        n++;
    }

    return sorted;
}


static void
ngx_oof_consent_write_sorted(ngx_oof_json_t *w, json_t **items, size_t n,
    const char *first, const char *second)
{
    size_t     i;
    ngx_str_t  text;

    for (i = 0; i < n; i++) {
        ngx_oof_json_begin(w, '{');

        if (ngx_oof_json_get_str(items[i], first, &text) == NGX_OK) {
            ngx_oof_json_member(w, first, &text);
        }

        if (ngx_oof_json_get_str(items[i], second, &text) == NGX_OK) {
            ngx_oof_json_member(w, second, &text);
        }

        ngx_oof_json_end(w, '}');
    }
}


ngx_int_t
ngx_oof_consent_keep(ngx_oof_consent_job_t *job)
{
    ngx_str_t           *holder;
    ngx_oof_pg_unit_t   *u;

    job->rc = NGX_OOF_PG_OK;

    if (job->found.nelts == 0) {
        return NGX_OK;
    }

    holder = job->journey->cnpj.len ? &job->journey->cnpj
                                    : &job->journey->cpf;

    if (ngx_oof_consent_lookups(job->pool, job->olcf->keys,
                                NGX_OOF_LOOKUP_HOLDER, holder, &job->holder)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the first of the array: ["0123…", … */

    job->holder_new.data = job->holder.data + 2;
    job->holder_new.len = 2 * NGX_OOF_LOOKUP_LEN;

    u = ngx_oof_pg_unit(job->olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_consent_keep_find(job, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_consent_job_send(job, u, ngx_oof_consent_keep_found);
}


static ngx_int_t
ngx_oof_consent_keep_find(ngx_oof_consent_job_t *job, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                 text, lookups;
    ngx_uint_t                i;
    ngx_oof_json_t            w;
    ngx_oof_consent_found_t  *found;

    if (ngx_oof_json_init(&w, job->pool, 128 * job->found.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    found = job->found.elts;

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < job->found.nelts; i++) {

        if (ngx_oof_consent_lookups(job->pool, job->olcf->keys,
                                    NGX_OOF_LOOKUP_LEGACY,
                                    &found[i].canonical, &lookups)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "n");
        ngx_oof_json_int(&w, (int64_t) i);
        ngx_oof_json_member(&w, "t", &found[i].type->name);
        ngx_oof_json_name(&w, "h");
        ngx_oof_json_raw(&w, &lookups);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    if (ngx_oof_json_text(&w, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_find);
    ngx_oof_pg_text(u, &job->olcf->brand);
    ngx_oof_pg_text(u, &text);
    ngx_oof_pg_text(u, &job->holder);

    return NGX_OK;
}


static void
ngx_oof_consent_keep_found(ngx_oof_pg_unit_t *u)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_oof_consent_job_t    *job;
    ngx_oof_consent_found_t  *found;

    job = u->data;
    job->unit = NULL;
    job->db_time += ngx_current_msec - u->queued;
    job->rc = u->rc;

    if (u->rc != NGX_OOF_PG_OK) {
        job->handler(job);
        return;
    }

    ngx_oof_consent_keep_rows(job, u, 0);

    found = job->found.elts;

    for (i = 0; i < job->found.nelts; i++) {
        if (!found[i].known
            || (job->told && (found[i].changed || found[i].foreign)))
        {
            rc = ngx_oof_consent_keep_write(job);

            if (rc == NGX_AGAIN) {
                return;
            }

            job->rc = (rc == NGX_BUSY) ? NGX_OOF_PG_DOWN : NGX_OOF_PG_ERROR;
            break;
        }
    }

    job->handler(job);
}


/* the first row of a number counts: look-up keys may have found two */

static void
ngx_oof_consent_keep_rows(ngx_oof_consent_job_t *job, ngx_oof_pg_unit_t *u,
    ngx_uint_t s)
{
    ngx_str_t                 id, status, hmac, *known;
    ngx_uint_t                row, n;
    ngx_oof_consent_found_t  *found, *f;

    found = job->found.elts;

    for (row = 0; row < ngx_oof_pg_rows(u, s); row++) {

        n = (ngx_uint_t) ngx_oof_pg_get_int(u, s, row,
                                            NGX_OOF_FIND_COL_NUMBER);

        if (n >= job->found.nelts || found[n].known) {
            continue;
        }

        f = &found[n];

        ngx_oof_pg_get_str(u, s, row, NGX_OOF_FIND_COL_ID, &id);

        if (id.len != NGX_OOF_UUID_LEN) {
            continue;
        }

        f->known = 1;
        ngx_memcpy(f->id, id.data, NGX_OOF_UUID_LEN);

        f->foreign = !ngx_oof_pg_get_int(u, s, row, NGX_OOF_FIND_COL_HELD);

        ngx_oof_pg_get_str(u, s, row, NGX_OOF_FIND_COL_STATUS, &status);

        if (!job->told) {

            for (known = ngx_oof_consent_statuses; known->len; known++) {
                if (known->len == status.len
                    && ngx_memcmp(known->data, status.data, status.len) == 0)
                {
                    f->status = *known;
                }
            }

            continue;
        }

        ngx_oof_pg_get_str(u, s, row, NGX_OOF_FIND_COL_APPROVERS, &hmac);

        f->moved = (status.len != f->status.len
                    || ngx_memcmp(status.data, f->status.data, status.len)
                       != 0);

        f->changed = f->moved;

        if (f->approvers.len) {

            if (ngx_oof_crypt_lookup(job->olcf->keys, 0,
                                     NGX_OOF_LOOKUP_APPROVERS, &f->approvers,
                                     f->approvers_hmac)
                != NGX_OK
                || hmac.len != NGX_OOF_LOOKUP_LEN
                || ngx_memcmp(hmac.data, f->approvers_hmac, hmac.len) != 0)
            {
                f->changed = 1;
            }

        } else if (hmac.len) {
            f->changed = 1;
        }
    }
}


/*
 * One unit, rare: it may wait for rows, so it goes to the solo lane.  NGX_BUSY
 * when values cannot be sealed just now.
 */

static ngx_int_t
ngx_oof_consent_keep_write(ngx_oof_consent_job_t *job)
{
    ngx_int_t                 rc;
    ngx_str_t                 add, change, moved;
    ngx_uint_t                i;
    ngx_oof_json_t            a, c, m;
    ngx_oof_pg_unit_t        *u;
    ngx_oof_consent_found_t  *found;

    if (ngx_oof_json_init(&a, job->pool, 1024) != NGX_OK
        || ngx_oof_json_init(&c, job->pool, 256) != NGX_OK
        || ngx_oof_json_init(&m, job->pool, 64) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&a, '[');
    ngx_oof_json_begin(&c, '[');
    ngx_oof_json_begin(&m, '[');

    found = job->found.elts;

    for (i = 0; i < job->found.nelts; i++) {

        rc = NGX_OK;

        if (!found[i].known) {
            rc = ngx_oof_consent_keep_new(job, &a, &found[i]);

        } else if (job->told && (found[i].changed || found[i].foreign)) {
            rc = ngx_oof_consent_keep_changed(job, &c, &found[i]);

            if (found[i].moved) {
                ngx_oof_json_uuid(&m, found[i].id);
            }
        }

        if (rc != NGX_OK) {
            return rc;
        }

        found[i].known = 0;
    }

    ngx_oof_json_end(&a, ']');
    ngx_oof_json_end(&c, ']');
    ngx_oof_json_end(&m, ']');

    if (ngx_oof_json_text(&a, &add) != NGX_OK
        || ngx_oof_json_text(&c, &change) != NGX_OK
        || ngx_oof_json_text(&m, &moved) != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(job->olcf->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_keep);
    ngx_oof_pg_text(u, &job->olcf->brand);
    ngx_oof_pg_text(u, &add);
    ngx_oof_pg_text(u, &job->holder_new);
    ngx_oof_pg_time(u, ngx_oof_consent_now());

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_change);
    ngx_oof_pg_text(u, &job->olcf->brand);
    ngx_oof_pg_text(u, &change);
    ngx_oof_pg_time(u, ngx_oof_consent_now());

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_spread);
    ngx_oof_pg_text(u, &job->olcf->brand);
    ngx_oof_pg_text(u, &moved);
    ngx_oof_pg_time(u, ngx_oof_consent_now());

    if (ngx_oof_consent_keep_find(job, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_consent_job_send(job, u, ngx_oof_consent_kept);
}


static ngx_int_t
ngx_oof_consent_keep_new(ngx_oof_consent_job_t *job, ngx_oof_json_t *w,
    ngx_oof_consent_found_t *found)
{
    ngx_int_t  rc;
    u_char     hmac[NGX_OOF_LOOKUP_LEN];

    if (ngx_oof_uuid4(found->id) != NGX_OK
        || ngx_oof_crypt_lookup(job->olcf->keys, 0, NGX_OOF_LOOKUP_LEGACY,
                                &found->canonical, hmac)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_consent_member_uuid(w, "r", found->id);
    ngx_oof_json_member(w, "t", &found->type->name);
    ngx_oof_json_member_hex(w, "h", hmac, NGX_OOF_LOOKUP_LEN);
    ngx_oof_json_member(w, "s", &found->status);

    rc = ngx_oof_consent_keep_seal(job, w, "l", NGX_OOF_SEAL_LEGACY,
                                   found->id, &found->legacy);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_oof_consent_keep_approvers(job, w, found);

    ngx_oof_json_end(w, '}');

    return rc;
}


static ngx_int_t
ngx_oof_consent_keep_changed(ngx_oof_consent_job_t *job, ngx_oof_json_t *w,
    ngx_oof_consent_found_t *found)
{
    ngx_int_t  rc;

    ngx_oof_json_begin(w, '{');
    ngx_oof_consent_member_uuid(w, "r", found->id);
    ngx_oof_json_member(w, "s", &found->status);

    if (found->foreign) {
        ngx_oof_json_member(w, "o", &job->holder_new);
    }

    rc = ngx_oof_consent_keep_approvers(job, w, found);

    ngx_oof_json_end(w, '}');

    return rc;
}


static ngx_int_t
ngx_oof_consent_keep_approvers(ngx_oof_consent_job_t *job, ngx_oof_json_t *w,
    ngx_oof_consent_found_t *found)
{
    if (found->approvers.len == 0) {
        return NGX_OK;
    }

    if (ngx_oof_crypt_lookup(job->olcf->keys, 0, NGX_OOF_LOOKUP_APPROVERS,
                             &found->approvers, found->approvers_hmac)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_member_hex(w, "d", found->approvers_hmac,
                            NGX_OOF_LOOKUP_LEN);

    return ngx_oof_consent_keep_seal(job, w, "a", NGX_OOF_SEAL_APPROVERS,
                                     found->id, &found->approvers);
}


static ngx_int_t
ngx_oof_consent_keep_seal(ngx_oof_consent_job_t *job, ngx_oof_json_t *w,
    const char *member, const char *table, u_char *id, ngx_str_t *plain)
{
    ngx_int_t  rc;
    ngx_str_t  sealed;

    rc = ngx_oof_crypt_seal(job->olcf->keys, job->olcf->database, job->pool,
                            table, id, plain, &sealed);

    if (rc != NGX_OK) {
        return (rc == NGX_BUSY) ? NGX_BUSY : NGX_ERROR;
    }

    ngx_oof_json_member_hex(w, member, sealed.data, sealed.len);

    return NGX_OK;
}


static void
ngx_oof_consent_kept(ngx_oof_pg_unit_t *u)
{
    ngx_uint_t                i;
    ngx_oof_consent_job_t    *job;
    ngx_oof_consent_found_t  *found;

    job = u->data;
    job->unit = NULL;
    job->db_time += ngx_current_msec - u->queued;
    job->rc = u->rc;

    if (u->rc == NGX_OOF_PG_OK) {
        ngx_oof_consent_keep_rows(job, u, 3);

        found = job->found.elts;

        for (i = 0; i < job->found.nelts; i++) {
            if (!found[i].known) {
                job->rc = NGX_OOF_PG_ERROR;
            }
        }
    }

    job->handler(job);
}


static ngx_int_t
ngx_oof_consent_job_send(ngx_oof_consent_job_t *job, ngx_oof_pg_unit_t *u,
    ngx_oof_pg_handler_pt handler)
{
    u->deadline = job->deadline;
    u->handler = handler;
    u->data = job;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    job->unit = u;

    return NGX_AGAIN;
}


/* ends a job without its handler; what is being written is written */

static void
ngx_oof_consent_job_cancel(ngx_oof_consent_job_t *job)
{
    ngx_uint_t          i;
    ngx_oof_pg_unit_t  *u;

    for (i = 0; i < NGX_OOF_CONSENT_TYPES; i++) {
        if (job->running & (ngx_uint_t) 1 << i) {
            ngx_oof_core_cancel(&job->calls[i]);
        }
    }

    job->running = 0;

    if (job->unit) {
        u = job->unit;
        job->unit = NULL;

        ngx_oof_pg_detach(u);
    }
}


void
ngx_oof_consent_job_await(ngx_oof_request_t *o, ngx_oof_consent_job_t *job)
{
    o->forget = ngx_oof_consent_job_forget;
    o->waiting = job;
}


void
ngx_oof_consent_job_awaited(ngx_oof_request_t *o, ngx_oof_consent_job_t *job)
{
    o->forget = NULL;
    o->waiting = NULL;
    o->db_time += job->db_time;

    ngx_http_set_log_request(o->r->connection->log, o->r);
}


static void
ngx_oof_consent_job_forget(ngx_oof_request_t *o)
{
    ngx_oof_consent_job_t *job = o->waiting;

    o->forget = NULL;
    o->waiting = NULL;

    ngx_oof_consent_job_cancel(job);
}
