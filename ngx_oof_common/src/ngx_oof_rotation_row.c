
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_rotation.h>


#define NGX_OOF_ROTATION_KEYS  8           /* of a kind */

#define NGX_OOF_ROTATION_COL_NAME   0
#define NGX_OOF_ROTATION_COL_FLAG   1
#define NGX_OOF_ROTATION_COL_FIRST  2


/* one row, and a batch that gathers what is to be written */

typedef struct {
    ngx_uint_t                 row;
    ngx_str_t                  name;
    ngx_uint_t                 nsealed;
    ngx_uint_t                 nlookups;

    ngx_str_t                  old[NGX_OOF_ROTATION_SEALED];
    ngx_str_t                  plain[NGX_OOF_ROTATION_SEALED];
    json_t                    *json[NGX_OOF_ROTATION_SEALED];
    ngx_uint_t                 key[NGX_OOF_ROTATION_SEALED];
    u_char                    *id[NGX_OOF_ROTATION_SEALED];

    ngx_uint_t                 present[NGX_OOF_ROTATION_LOOKUPS];
    u_char                     hmac[NGX_OOF_ROTATION_LOOKUPS]
                                   [NGX_OOF_LOOKUP_LEN];
    ngx_str_t                  text;       /* the last one */
    ngx_uint_t                 changed;
} ngx_oof_rotation_row_t;


typedef struct {
    ngx_oof_rotation_table_t  *table;
    ngx_oof_keys_t            *keys;
    ngx_str_t                 *brand;
    ngx_oof_pg_unit_t         *u;
    ngx_oof_rotation_batch_t  *batch;
    ngx_uint_t                 checking;
    ngx_uint_t                 nsealed;
    ngx_uint_t                 nlookups;
    ngx_uint_t                 writes;
    ngx_uint_t                 holders;
    ngx_uint_t                 counts[2][NGX_OOF_ROTATION_KEYS];
    ngx_oof_json_t             w;
    ngx_oof_json_t             h;
} ngx_oof_rotation_job_t;


static ngx_int_t ngx_oof_rotation_identification(json_t *json,
    const char *member, ngx_str_t *value);
static ngx_int_t ngx_oof_rotation_row(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row);
static ngx_int_t ngx_oof_rotation_open(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n);
static ngx_int_t ngx_oof_rotation_parse(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n);
static ngx_int_t ngx_oof_rotation_look_up(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n);
static ngx_int_t ngx_oof_rotation_write(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row);
static ngx_int_t ngx_oof_rotation_seal(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n, ngx_str_t *sealed);
static ngx_int_t ngx_oof_rotation_holder(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row);
static ngx_int_t ngx_oof_rotation_counts(ngx_oof_rotation_job_t *job);
static void ngx_oof_rotation_hex(ngx_oof_json_t *w, const char *name,
    ngx_uint_t n, u_char *data, size_t len);


ngx_int_t
ngx_oof_rotation_person(ngx_pool_t *pool, ngx_str_t *plain, json_t *json,
    ngx_str_t *value)
{
    return ngx_oof_rotation_identification(json, "loggedUser", value);
}


ngx_int_t
ngx_oof_rotation_company(ngx_pool_t *pool, ngx_str_t *plain, json_t *json,
    ngx_str_t *value)
{
    return ngx_oof_rotation_identification(json, "businessEntity", value);
}


static ngx_int_t
ngx_oof_rotation_identification(json_t *json, const char *member,
    ngx_str_t *value)
{
    json_t  *document;

    document = json_object_get(json_object_get(json, member), "document");

    return ngx_oof_json_get_str(document, "identification", value);
}


ngx_int_t
ngx_oof_rotation_cpf(ngx_pool_t *pool, ngx_str_t *plain, json_t *json,
    ngx_str_t *value)
{
    return ngx_oof_json_get_str(json, "cpf", value);
}


ngx_int_t
ngx_oof_rotation_whole(ngx_pool_t *pool, ngx_str_t *plain, json_t *json,
    ngx_str_t *value)
{
    *value = *plain;

    return NGX_OK;
}


ngx_int_t
ngx_oof_rotation_rows(ngx_oof_rotation_table_t *table, ngx_oof_keys_t *keys,
    ngx_str_t *brand, ngx_uint_t checking, ngx_oof_pg_unit_t *u,
    ngx_oof_rotation_batch_t *batch)
{
    ngx_int_t               rc;
    ngx_uint_t              i, k;
    ngx_oof_rotation_job_t  job;
    ngx_oof_rotation_row_t  row;

    ngx_memzero(batch, sizeof(ngx_oof_rotation_batch_t));
    ngx_memzero(&job, sizeof(ngx_oof_rotation_job_t));

    job.table = table;
    job.keys = keys;
    job.brand = brand;
    job.u = u;
    job.batch = batch;
    job.checking = checking;

    while (job.nsealed < NGX_OOF_ROTATION_SEALED
           && table->sealed[job.nsealed])
    {
        job.nsealed++;
    }

    while (job.nlookups < NGX_OOF_ROTATION_LOOKUPS
           && table->lookups[job.nlookups].domain)
    {
        job.nlookups++;
    }

    if (ngx_oof_json_init(&job.w, u->pool, 4096) != NGX_OK
        || ngx_oof_json_init(&job.h, u->pool, 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&job.w, '[');
    ngx_oof_json_begin(&job.h, '[');

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {

        ngx_oof_pg_get_str(u, 0, i, NGX_OOF_ROTATION_COL_NAME, &batch->last);

        if (ngx_oof_pg_get_int(u, 0, i, NGX_OOF_ROTATION_COL_FLAG) < 0) {
            continue;
        }

        ngx_memzero(&row, sizeof(ngx_oof_rotation_row_t));
        row.row = i;
        row.name = batch->last;

        rc = ngx_oof_rotation_row(&job, &row);

        for (k = 0; k < job.nsealed; k++) {
            ngx_explicit_memzero(row.plain[k].data, row.plain[k].len);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_oof_json_end(&job.w, ']');
    ngx_oof_json_end(&job.h, ']');

    if ((job.writes && ngx_oof_json_text(&job.w, &batch->json) != NGX_OK)
        || (job.holders && ngx_oof_json_text(&job.h, &batch->holders)
                           != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_oof_rotation_counts(&job);
}


static ngx_int_t
ngx_oof_rotation_row(ngx_oof_rotation_job_t *job, ngx_oof_rotation_row_t *row)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_oof_rotation_batch_t  *batch;

    batch = job->batch;
    batch->rows++;

    row->changed = ngx_oof_pg_get_int(job->u, 0, row->row,
                                      NGX_OOF_ROTATION_COL_FLAG) > 0;

    for (i = 0; i < job->nsealed; i++) {
        rc = ngx_oof_rotation_open(job, row, i);

        if (rc == NGX_DECLINED) {
            batch->unreadable++;
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    for (i = 0; i < job->nlookups; i++) {
        rc = ngx_oof_rotation_look_up(job, row, i);

        if (rc == NGX_DECLINED) {

            /* a digest alone: nothing can be made of it */

            batch->unknown++;
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    for (i = 0; i < job->nsealed; i++) {
        if (row->old[i].len) {
            job->counts[0][row->key[i]]++;
        }
    }

    if (job->table->holder && row->text.len && !job->checking) {

        rc = ngx_oof_rotation_holder(job, row);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!row->changed) {
        return NGX_OK;
    }

    batch->changed++;

    return job->checking ? NGX_OK : ngx_oof_rotation_write(job, row);
}


static ngx_int_t
ngx_oof_rotation_open(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_str_t   id;
    ngx_uint_t  col;

    col = NGX_OOF_ROTATION_COL_FIRST + 2 * n;

    if (ngx_oof_pg_is_null(job->u, 0, row->row, col + 1)) {
        return NGX_OK;
    }

    ngx_oof_pg_get_str(job->u, 0, row->row, col, &id);
    ngx_oof_pg_get_str(job->u, 0, row->row, col + 1, &row->old[n]);

    if (id.len != NGX_OOF_UUID_LEN) {
        return NGX_DECLINED;
    }

    row->id[n] = id.data;

    rc = ngx_oof_crypt_sealed_with(job->keys, &row->old[n]);

    if (rc == NGX_DECLINED || rc >= NGX_OOF_ROTATION_KEYS) {
        return NGX_DECLINED;
    }

    row->key[n] = rc;

    if (rc) {
        row->changed = 1;
    }

    return ngx_oof_crypt_open(job->keys, job->u->pool, job->table->sealed[n],
                              row->id[n], &row->old[n], &row->plain[n]);
}


static ngx_int_t
ngx_oof_rotation_parse(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n)
{
    u_char      *p;
    ngx_str_t    text, *plain;
    const char  *why;

    plain = &row->plain[n];

    if (row->json[n] || plain->len == 0) {
        return NGX_OK;
    }

    if (plain->data[0] == '{') {
        text = *plain;

    } else if (plain->data[0] == '[') {

        /* the parser wants an object */

        text.len = sizeof("{\"a\":}") - 1 + plain->len;
        text.data = ngx_pnalloc(job->u->pool, text.len);

        if (text.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(text.data, "{\"a\":", sizeof("{\"a\":") - 1);
        p = ngx_cpymem(p, plain->data, plain->len);
        *p = '}';

    } else {
        return NGX_OK;
    }

    if (ngx_oof_json_parse(job->u->pool, &text, &row->json[n], &why)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* which key it was made with, and what it shall be */

static ngx_int_t
ngx_oof_rotation_look_up(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n)
{
    u_char                      hmac[NGX_OOF_LOOKUP_LEN];
    ngx_int_t                   rc;
    ngx_str_t                   text, stored;
    ngx_uint_t                  i, col;
    ngx_oof_rotation_lookup_t  *lookup;

    lookup = &job->table->lookups[n];
    col = NGX_OOF_ROTATION_COL_FIRST + 2 * job->nsealed + n;

    ngx_oof_pg_get_str(job->u, 0, row->row, col, &stored);

    if (row->old[lookup->sealed].len == 0) {
        return stored.len ? NGX_DECLINED : NGX_OK;
    }

    if (ngx_oof_rotation_parse(job, row, lookup->sealed) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = lookup->text(job->u->pool, &row->plain[lookup->sealed],
                      row->json[lookup->sealed], &text);

    if (rc == NGX_DECLINED) {
        return stored.len ? NGX_DECLINED : NGX_OK;
    }

    if (rc != NGX_OK
        || ngx_oof_crypt_lookup(job->keys, 0, lookup->domain, &text,
                                row->hmac[n])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    row->present[n] = 1;
    row->text = text;

    if (stored.len == NGX_OOF_LOOKUP_LEN
        && ngx_memcmp(stored.data, row->hmac[n], NGX_OOF_LOOKUP_LEN) == 0)
    {
        job->counts[1][0]++;
        return NGX_OK;
    }

    row->changed = 1;

    for (i = 1; i < NGX_OOF_ROTATION_KEYS; i++) {

        if (ngx_oof_crypt_lookup(job->keys, i, lookup->domain, &text, hmac)
            != NGX_OK)
        {
            break;
        }

        if (stored.len == NGX_OOF_LOOKUP_LEN
            && ngx_memcmp(stored.data, hmac, NGX_OOF_LOOKUP_LEN) == 0)
        {
            job->counts[1][i]++;
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_rotation_write(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row)
{
    ngx_int_t   rc;
    ngx_str_t   sealed;
    ngx_uint_t  i;

    job->writes++;

    ngx_oof_json_begin(&job->w, '{');
    ngx_oof_json_member(&job->w, "b", job->brand);
    ngx_oof_json_member(&job->w, "k", &row->name);

    for (i = 0; i < job->nsealed; i++) {

        if (row->old[i].len == 0) {
            continue;
        }

        rc = ngx_oof_rotation_seal(job, row, i, &sealed);
        if (rc != NGX_OK) {
            return rc;
        }

        ngx_oof_rotation_hex(&job->w, "o", i, row->old[i].data,
                             row->old[i].len);
        ngx_oof_rotation_hex(&job->w, "s", i, sealed.data, sealed.len);
    }

    for (i = 0; i < job->nlookups; i++) {
        if (row->present[i]) {
            ngx_oof_rotation_hex(&job->w, "h", i, row->hmac[i],
                                 NGX_OOF_LOOKUP_LEN);
        }
    }

    ngx_oof_json_end(&job->w, '}');

    return job->w.failed ? NGX_ERROR : NGX_OK;
}


/* what is under the first key, and stays bound to the same row, stays */

static ngx_int_t
ngx_oof_rotation_seal(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row, ngx_uint_t n, ngx_str_t *sealed)
{
    u_char     *id;

    id = job->table->bound ? row->hmac[0] : row->id[n];

    if (row->key[n] == 0
        && ngx_memcmp(id, row->id[n], NGX_OOF_UUID_LEN) == 0)
    {
        *sealed = row->old[n];
        return NGX_OK;
    }

    return ngx_oof_crypt_seal(job->keys, job->u->db, job->u->pool,
                              job->table->sealed[n], id, &row->plain[n],
                              sealed);
}


static ngx_int_t
ngx_oof_rotation_holder(ngx_oof_rotation_job_t *job,
    ngx_oof_rotation_row_t *row)
{
    u_char      new[NGX_OOF_LOOKUP_LEN], old[NGX_OOF_LOOKUP_LEN];
    ngx_uint_t  i;

    if (ngx_oof_crypt_lookup(job->keys, 0, job->table->holder, &row->text, new)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 1; i < NGX_OOF_ROTATION_KEYS; i++) {

        if (ngx_oof_crypt_lookup(job->keys, i, job->table->holder, &row->text,
                                 old)
            != NGX_OK)
        {
            break;
        }

        job->holders++;

        ngx_oof_json_begin(&job->h, '{');
        ngx_oof_rotation_hex(&job->h, "o", 0, old, NGX_OOF_LOOKUP_LEN);
        ngx_oof_rotation_hex(&job->h, "n", 0, new, NGX_OOF_LOOKUP_LEN);
        ngx_oof_json_end(&job->h, '}');
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_rotation_counts(ngx_oof_rotation_job_t *job)
{
    ngx_uint_t      i, kind;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, job->u->pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    for (kind = 0; kind < 2; kind++) {

        for (i = 0; i < NGX_OOF_ROTATION_KEYS; i++) {

            if (job->counts[kind][i] == 0) {
                continue;
            }

            ngx_oof_json_begin(&w, '{');
            ngx_oof_json_name(&w, "k");
            ngx_oof_json_literal(&w, kind ? "lookup" : "encrypt");
            ngx_oof_json_member(&w, "i",
                                ngx_oof_keys_id(job->keys, kind, i));
            ngx_oof_json_name(&w, "n");
            ngx_oof_json_int(&w, job->counts[kind][i]);
            ngx_oof_json_end(&w, '}');
        }
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, &job->batch->counts);
}


/* members are "o0", "o1", … */

static void
ngx_oof_rotation_hex(ngx_oof_json_t *w, const char *name, ngx_uint_t n,
    u_char *data, size_t len)
{
    char       member[3];
    ngx_str_t  hex;

    hex.len = 2 * len;
    hex.data = ngx_pnalloc(w->pool, hex.len);

    if (hex.data == NULL) {
        w->failed = 1;
        return;
    }

    (void) ngx_hex_dump(hex.data, data, len);

    member[0] = name[0];
    member[1] = (char) ('0' + n);
    member[2] = '\0';

    ngx_oof_json_member(w, member, &hex);
}
