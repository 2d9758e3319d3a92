
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


/*
 * Products that a consent shares as a whole are asked for in the background,
 * after the customer's decision and whenever the list of resources is asked
 * for and is not ready.  A job that is lost with its worker is begun anew by
 * that, so nothing has to be remembered.
 */

#define NGX_OOF_PREPARE_MAX   64         /* jobs in a worker */
#define NGX_OOF_PREPARE_POOL  4096


typedef struct {
    ngx_queue_t                queue;
    ngx_pool_t                *pool;
    ngx_oof_loc_conf_t        *olcf;
    ngx_uint_t                 products;
    ngx_oof_consent_job_t      job;
    u_char                     id[NGX_OOF_UUID_LEN];
} ngx_oof_consent_prepare_t;


static ngx_oof_consent_prepare_t *ngx_oof_consent_prepare_find(
    ngx_oof_loc_conf_t *olcf, u_char *id);
static ngx_int_t ngx_oof_consent_prepare_read(
    ngx_oof_consent_prepare_t *prepare);
static void ngx_oof_consent_prepare_got(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_prepare_ask(
    ngx_oof_consent_prepare_t *prepare);
static void ngx_oof_consent_prepare_told(ngx_oof_consent_job_t *job);
static ngx_int_t ngx_oof_consent_prepare_write(
    ngx_oof_consent_prepare_t *prepare);
static void ngx_oof_consent_prepare_written(ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_prepare_end(ngx_oof_consent_prepare_t *prepare);


/* of this worker; what runs at its end goes with it */

static ngx_queue_t  ngx_oof_consent_prepares;
static ngx_uint_t   ngx_oof_consent_nprepares;


void
ngx_oof_consent_prepare(ngx_oof_loc_conf_t *olcf, ngx_uint_t products,
    u_char *id)
{
    ngx_pool_t                 *pool;
    ngx_oof_consent_prepare_t  *prepare;

    if (ngx_oof_consent_prepares.next == NULL) {
        ngx_queue_init(&ngx_oof_consent_prepares);
    }

    if (ngx_exiting || ngx_oof_consent_nprepares >= NGX_OOF_PREPARE_MAX
        || ngx_oof_consent_prepare_find(olcf, id) != NULL)
    {
        return;
    }

    pool = ngx_create_pool(NGX_OOF_PREPARE_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    prepare = ngx_pcalloc(pool, sizeof(ngx_oof_consent_prepare_t));
    if (prepare == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    prepare->pool = pool;
    prepare->olcf = olcf;
    prepare->products = products;
    ngx_memcpy(prepare->id, id, NGX_OOF_UUID_LEN);

    if (ngx_oof_consent_prepare_read(prepare) != NGX_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_queue_insert_tail(&ngx_oof_consent_prepares, &prepare->queue);
    ngx_oof_consent_nprepares++;
}


/* one of a few */

static ngx_oof_consent_prepare_t *
ngx_oof_consent_prepare_find(ngx_oof_loc_conf_t *olcf, u_char *id)
{
    ngx_queue_t                *q;
    ngx_oof_consent_prepare_t  *prepare;

    for (q = ngx_queue_head(&ngx_oof_consent_prepares);
         q != ngx_queue_sentinel(&ngx_oof_consent_prepares);
         q = ngx_queue_next(q))
    {
        prepare = ngx_queue_data(q, ngx_oof_consent_prepare_t, queue);

        if (prepare->olcf->database == olcf->database
            && ngx_memcmp(prepare->id, id, NGX_OOF_UUID_LEN) == 0)
        {
            return prepare;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_oof_consent_prepare_read(ngx_oof_consent_prepare_t *prepare)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(prepare->olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_consent_journey_read(u, prepare->olcf, prepare->id);

    u->handler = ngx_oof_consent_prepare_got;
    u->data = prepare;

    return ngx_oof_pg_send(u);
}


static void
ngx_oof_consent_prepare_got(ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_oof_consent_job_t      *job;
    ngx_oof_consent_prepare_t  *prepare;

    prepare = u->data;
    job = &prepare->job;

    rc = NGX_ERROR;

    if (u->rc == NGX_OOF_PG_OK
        && ngx_oof_consent_journey_row(prepare->pool, prepare->olcf, u, 0,
                                       prepare->id, &job->journey)
           == NGX_OK
        && ngx_oof_consent_is(&job->journey->consent, "AUTHORISED")
        && !job->journey->ready)
    {
        rc = ngx_oof_consent_prepare_ask(prepare);
    }

    if (rc != NGX_OK) {
        ngx_oof_consent_prepare_end(prepare);
    }
}


static ngx_int_t
ngx_oof_consent_prepare_ask(ngx_oof_consent_prepare_t *prepare)
{
    u_char                  id[NGX_OOF_UUID_LEN];
    ngx_int_t               rc;
    ngx_oof_consent_job_t  *job;

    job = &prepare->job;

    job->pool = prepare->pool;
    job->log = ngx_cycle->log;
    job->olcf = prepare->olcf;
    job->background = 1;
    job->handler = ngx_oof_consent_prepare_told;
    job->data = prepare;

    if (ngx_oof_uuid4(id) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_oof_uuid_format(job->correlation, id);

    rc = ngx_oof_consent_discover(job,
             ngx_oof_consent_type_mask(job->journey->consent.permissions,
                                       prepare->products, 0));
    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    if (rc == NGX_OK && job->failing == 0) {
        return ngx_oof_consent_prepare_write(prepare);
    }

    return NGX_ERROR;
}


/* all or nothing: a list that lacks a product is not ready */

static void
ngx_oof_consent_prepare_told(ngx_oof_consent_job_t *job)
{
    ngx_oof_consent_prepare_t  *prepare;

    prepare = job->data;

    if (job->rc != NGX_OOF_PG_OK || job->failing || job->preparing
        || ngx_oof_consent_prepare_write(prepare) != NGX_OK)
    {
        ngx_oof_consent_prepare_end(prepare);
    }
}


static ngx_int_t
ngx_oof_consent_prepare_write(ngx_oof_consent_prepare_t *prepare)
{
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_oof_json_t            w;
    ngx_oof_pg_unit_t        *u;
    ngx_oof_consent_job_t    *job;
    ngx_oof_consent_found_t  *found;

    job = &prepare->job;

    if (ngx_oof_json_init(&w, prepare->pool, 128 * job->found.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    found = job->found.elts;

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < job->found.nelts; i++) {
        ngx_oof_json_begin(&w, '{');
        ngx_oof_consent_member_uuid(&w, "r", found[i].id);
        ngx_oof_json_member(&w, "t", &found[i].type->name);
        ngx_oof_json_member(&w, "s", &found[i].status);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    if (ngx_oof_json_text(&w, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(prepare->olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, prepare->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_ready);
    ngx_oof_pg_uuid(u, prepare->id);
    ngx_oof_pg_text(u, &prepare->olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_consent_now());
    ngx_oof_pg_text(u, &text);

    u->handler = ngx_oof_consent_prepare_written;
    u->data = prepare;

    return ngx_oof_pg_send(u);
}


static void
ngx_oof_consent_prepare_written(ngx_oof_pg_unit_t *u)
{
    ngx_oof_consent_prepare_end(u->data);
}


static void
ngx_oof_consent_prepare_end(ngx_oof_consent_prepare_t *prepare)
{
    ngx_queue_remove(&prepare->queue);
    ngx_oof_consent_nprepares--;

    ngx_destroy_pool(prepare->pool);
}
