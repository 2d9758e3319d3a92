
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>


#define NGX_OOF_CLIENT_KNOWN      5000    /* ms that a row is good for */
#define NGX_OOF_CLIENT_UNKNOWN    1000    /* ms that its absence is */

#define NGX_OOF_CLIENT_CACHE      10000   /* rows a worker */
#define NGX_OOF_CLIENT_ID_LEN     256     /* longer ones are unknown */


/* why a client does not serve */

#define NGX_OOF_CLIENT_IS_UNKNOWN  0
#define NGX_OOF_CLIENT_IS_BLOCKED  1
#define NGX_OOF_CLIENT_IS_OTHER    2

/* where a row came from */

#define NGX_OOF_CLIENT_HIT         0
#define NGX_OOF_CLIENT_READ        1
#define NGX_OOF_CLIENT_SHARED      2


typedef struct {
    ngx_rbtree_node_t        node;       /* key: hash of brand and client_id */
    ngx_queue_t              queue;      /* the last used one is the first */
    ngx_queue_t              waiters;    /* of ngx_oof_client_waiter_t */

    ngx_oof_database_t      *db;
    ngx_str_t                brand;
    ngx_str_t                client_id;

    ngx_oof_pg_unit_t       *unit;       /* the read that is under way */
    ngx_uint_t               users;      /* calls that look at the row now */

    ngx_msec_t               until;
    ngx_oof_client_t         client;
    unsigned                 valid:1;    /* was read at all */
    unsigned                 known:1;
    u_char                   organisation[NGX_OOF_UUID_TEXT];
    u_char                   software[NGX_OOF_UUID_TEXT];
} ngx_oof_client_entry_t;


typedef struct {
    ngx_queue_t              queue;
    ngx_oof_request_t       *o;
    ngx_msec_t               start;
} ngx_oof_client_waiter_t;


typedef struct {
    ngx_rbtree_t             rbtree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;
    ngx_uint_t               count;
    ngx_uint_t               ready;
} ngx_oof_client_cache_t;


static ngx_int_t ngx_oof_client_judge(ngx_oof_request_t *o,
    ngx_oof_client_entry_t *entry);
static ngx_int_t ngx_oof_client_refuse(ngx_oof_request_t *o,
    ngx_uint_t reason);
static ngx_oof_client_t *ngx_oof_client_copy(ngx_oof_request_t *o,
    ngx_oof_client_entry_t *entry);
static u_char *ngx_oof_client_copy_str(u_char *p, ngx_str_t *str);
static ngx_oof_client_t *ngx_oof_client_unregistered(ngx_oof_request_t *o);

static ngx_int_t ngx_oof_client_wait(ngx_oof_request_t *o,
    ngx_oof_client_entry_t *entry);
static void ngx_oof_client_forget(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_client_read(ngx_oof_client_entry_t *entry);
static void ngx_oof_client_done(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_client_store(ngx_oof_client_entry_t *entry,
    ngx_oof_pg_unit_t *u);

static ngx_oof_client_entry_t *ngx_oof_client_entry(ngx_oof_database_t *db,
    ngx_str_t *brand, ngx_str_t *client_id);
static ngx_rbtree_key_t ngx_oof_client_key(ngx_str_t *brand,
    ngx_str_t *client_id);
static ngx_oof_client_entry_t *ngx_oof_client_lookup(ngx_rbtree_key_t key,
    ngx_oof_database_t *db, ngx_str_t *brand, ngx_str_t *client_id);
static ngx_int_t ngx_oof_client_compare(ngx_oof_client_entry_t *entry,
    ngx_oof_database_t *db, ngx_str_t *brand, ngx_str_t *client_id);
static void ngx_oof_client_rbtree_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_oof_client_make_room(void);
static void ngx_oof_client_evict(ngx_oof_client_entry_t *entry);


static ngx_str_t  ngx_oof_client_refused_labels[] = {
    ngx_string("reason=\"unknown\""),
    ngx_string("reason=\"blocked\""),
    ngx_string("reason=\"organisation\""),
    ngx_null_string
};


static ngx_str_t  ngx_oof_client_lookup_labels[] = {
    ngx_string("from=\"cache\""),
    ngx_string("from=\"database\""),
    ngx_string("from=\"shared\""),
    ngx_null_string
};


static ngx_oof_metric_t        ngx_oof_client_refused_metric;
static ngx_oof_metric_t        ngx_oof_client_lookup_metric;
static ngx_oof_client_cache_t  ngx_oof_client_cache;


ngx_int_t
ngx_oof_client_check(ngx_oof_request_t *o)
{
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_client_entry_t  *entry;

    if (o->token == NULL) {
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (o->token->client_id.len > NGX_OOF_CLIENT_ID_LEN) {
        return ngx_oof_client_judge(o, NULL);
    }

    entry = ngx_oof_client_entry(olcf->database, &olcf->brand,
                                 &o->token->client_id);
    if (entry == NULL) {
        return ngx_oof_error_unit(o, NGX_OOF_PG_FULL);
    }

    if (entry->valid && (ngx_msec_int_t) (entry->until - ngx_current_msec) > 0)
    {
        ngx_oof_metric_inc(&ngx_oof_client_lookup_metric, NGX_OOF_CLIENT_HIT,
                           1);
        return ngx_oof_client_judge(o, entry);
    }

    return ngx_oof_client_wait(o, entry);
}


/* "entry" may be NULL for a client that cannot be known */

static ngx_int_t
ngx_oof_client_judge(ngx_oof_request_t *o, ngx_oof_client_entry_t *entry)
{
    ngx_str_t           *organisation;
    ngx_oof_client_t    *client;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (entry == NULL || !entry->known) {

        if (olcf->clients != NGX_OOF_CLIENTS_OPTIONAL) {
            return ngx_oof_client_refuse(o, NGX_OOF_CLIENT_IS_UNKNOWN);
        }

        o->client = ngx_oof_client_unregistered(o);

        return o->client ? NGX_DECLINED : NGX_ERROR;
    }

    client = &entry->client;

    if (client->blocked) {
        return ngx_oof_client_refuse(o, NGX_OOF_CLIENT_IS_BLOCKED);
    }

    if (o->cert) {
        organisation = &o->cert->organisation_id;

        if (organisation->len != client->organisation_id.len
            || ngx_strncasecmp(organisation->data,
                               client->organisation_id.data,
                               organisation->len)
               != 0)
        {
            return ngx_oof_client_refuse(o, NGX_OOF_CLIENT_IS_OTHER);
        }
    }

    o->client = ngx_oof_client_copy(o, entry);

    return o->client ? NGX_DECLINED : NGX_ERROR;
}


static ngx_int_t
ngx_oof_client_refuse(ngx_oof_request_t *o, ngx_uint_t reason)
{
    ngx_oof_metric_inc(&ngx_oof_client_refused_metric, reason, 1);

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client \"%V\" refused, %V", &o->token->client_id,
                  &ngx_oof_client_refused_labels[reason]);

    return ngx_oof_error(o, NGX_HTTP_UNAUTHORIZED, "INVALID_CLIENT",
                         "Cliente não autenticado",
                         reason == NGX_OOF_CLIENT_IS_OTHER
                         ? "O certificado é de outra organização."
                         : "Cliente não registrado ou bloqueado.");
}


/* the entry may have to go while the request waits for something */

static ngx_oof_client_t *
ngx_oof_client_copy(ngx_oof_request_t *o, ngx_oof_client_entry_t *entry)
{
    u_char            *p;
    ngx_oof_client_t  *client, *row;

    row = &entry->client;

    client = ngx_palloc(o->r->pool, sizeof(ngx_oof_client_t)
                                    + row->client_id.len
                                    + row->organisation_id.len
                                    + row->software_id.len + row->name.len);
    if (client == NULL) {
        return NULL;
    }

    *client = *row;

    p = (u_char *) client + sizeof(ngx_oof_client_t);

    p = ngx_oof_client_copy_str(p, &client->client_id);
    p = ngx_oof_client_copy_str(p, &client->organisation_id);
    p = ngx_oof_client_copy_str(p, &client->software_id);
    (void) ngx_oof_client_copy_str(p, &client->name);

    return client;
}


/* moves what "str" says to "p"; a string without data stays empty */

static u_char *
ngx_oof_client_copy_str(u_char *p, ngx_str_t *str)
{
    u_char  *data;

    data = str->data;
    str->data = p;

    return str->len ? ngx_cpymem(p, data, str->len) : p;
}


/* "oof_clients optional": what the certificate says, named as the token does */

static ngx_oof_client_t *
ngx_oof_client_unregistered(ngx_oof_request_t *o)
{
    ngx_oof_client_t  *client;

    client = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_client_t));
    if (client == NULL) {
        return NULL;
    }

    client->client_id = o->token->client_id;
    client->name = o->token->client_id;

    if (o->cert) {
        client->organisation_id = o->cert->organisation_id;
        client->software_id = o->cert->software_id;
    }

    return client;
}


static ngx_int_t
ngx_oof_client_wait(ngx_oof_request_t *o, ngx_oof_client_entry_t *entry)
{
    ngx_uint_t                from;
    ngx_oof_client_waiter_t  *w;

    w = ngx_palloc(o->r->pool, sizeof(ngx_oof_client_waiter_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    from = NGX_OOF_CLIENT_SHARED;

    if (entry->unit == NULL) {
        from = NGX_OOF_CLIENT_READ;

        if (ngx_oof_client_read(entry) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_metric_inc(&ngx_oof_client_lookup_metric, from, 1);

    w->o = o;
    w->start = ngx_current_msec;
    ngx_queue_insert_tail(&entry->waiters, &w->queue);

    o->waiting = w;
    o->forget = ngx_oof_client_forget;

    return NGX_AGAIN;
}


/* the request has gone; others may wait for the read still */

static void
ngx_oof_client_forget(ngx_oof_request_t *o)
{
    ngx_oof_client_waiter_t *w = o->waiting;

    ngx_queue_remove(&w->queue);

    o->waiting = NULL;
    o->forget = NULL;
}


static ngx_int_t
ngx_oof_client_read(ngx_oof_client_entry_t *entry)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(entry->db, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_client_get);
    ngx_oof_pg_text(u, &entry->brand);
    ngx_oof_pg_text(u, &entry->client_id);

    u->handler = ngx_oof_client_done;
    u->data = entry;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_ERROR;
    }

    entry->unit = u;

    return NGX_OK;
}


static void
ngx_oof_client_done(ngx_oof_pg_unit_t *u)
{
    ngx_int_t                 rc;
    ngx_uint_t                ended;
    ngx_queue_t               waiters, *q;
    ngx_oof_request_t        *o;
    ngx_oof_client_entry_t   *entry;
    ngx_oof_client_waiter_t  *w;

    entry = u->data;
    entry->unit = NULL;

    ended = u->rc;

    if (ended == NGX_OOF_PG_OK && ngx_oof_client_store(entry, u) != NGX_OK) {
        ended = NGX_OOF_PG_ERROR;
    }

    /*
     * A request that goes on may end, and the next one of its connection may
     * come here and wait for this entry anew.
     */

    ngx_queue_init(&waiters);

    if (!ngx_queue_empty(&entry->waiters)) {
        ngx_queue_add(&waiters, &entry->waiters);
        ngx_queue_init(&entry->waiters);
    }

    entry->users++;

    while (!ngx_queue_empty(&waiters)) {
        q = ngx_queue_head(&waiters);
        ngx_queue_remove(q);

        w = ngx_queue_data(q, ngx_oof_client_waiter_t, queue);
        o = w->o;

        o->waiting = NULL;
        o->forget = NULL;
        o->db_time += ngx_current_msec - w->start;

        rc = (ended == NGX_OOF_PG_OK) ? ngx_oof_client_judge(o, entry)
                                      : ngx_oof_error_unit(o, ended);

        ngx_oof_request_resume(o, rc);
    }

    entry->users--;
}


static ngx_int_t
ngx_oof_client_store(ngx_oof_client_entry_t *entry, ngx_oof_pg_unit_t *u)
{
    u_char            *p;
    ngx_str_t          value;
    ngx_oof_client_t  *row;

    row = &entry->client;

    if (row->name.data) {
        ngx_free(row->name.data);
    }

    ngx_memzero(row, sizeof(ngx_oof_client_t));

    entry->valid = 0;
    entry->known = 0;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        entry->valid = 1;
        entry->until = ngx_current_msec + NGX_OOF_CLIENT_UNKNOWN;
        return NGX_OK;
    }

    row->client_id = entry->client_id;

    ngx_oof_pg_get_str(u, 0, 0, 0, &value);

    if (value.len != NGX_OOF_UUID_LEN) {
        return NGX_ERROR;
    }

    ngx_oof_uuid_format(entry->organisation, value.data);
    row->organisation_id.len = NGX_OOF_UUID_TEXT;
    row->organisation_id.data = entry->organisation;

    if (!ngx_oof_pg_is_null(u, 0, 0, 1)) {
        ngx_oof_pg_get_str(u, 0, 0, 1, &value);

        if (value.len != NGX_OOF_UUID_LEN) {
            return NGX_ERROR;
        }

        ngx_oof_uuid_format(entry->software, value.data);
        row->software_id.len = NGX_OOF_UUID_TEXT;
        row->software_id.data = entry->software;
    }

    if (!ngx_oof_pg_is_null(u, 0, 0, 2)) {
        ngx_oof_pg_get_str(u, 0, 0, 2, &value);

        if (value.len) {
            p = ngx_alloc(value.len, ngx_cycle->log);
            if (p == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(p, value.data, value.len);
            row->name.len = value.len;
            row->name.data = p;
        }
    }

    ngx_oof_pg_get_str(u, 0, 0, 3, &value);

    row->blocked = (value.len != sizeof("ACTIVE") - 1
                    || ngx_strncmp(value.data, "ACTIVE", value.len) != 0);

    entry->valid = 1;
    entry->known = 1;
    entry->until = ngx_current_msec + NGX_OOF_CLIENT_KNOWN;

    return NGX_OK;
}


/* found, or made; NULL when memory is short or every row is in use */

static ngx_oof_client_entry_t *
ngx_oof_client_entry(ngx_oof_database_t *db, ngx_str_t *brand,
    ngx_str_t *client_id)
{
    u_char                  *p;
    ngx_rbtree_key_t         key;
    ngx_oof_client_cache_t  *cache;
    ngx_oof_client_entry_t  *entry;

    cache = &ngx_oof_client_cache;
    key = ngx_oof_client_key(brand, client_id);

    entry = ngx_oof_client_lookup(key, db, brand, client_id);

    if (entry) {
        ngx_queue_remove(&entry->queue);
        ngx_queue_insert_head(&cache->queue, &entry->queue);
        return entry;
    }

    if (ngx_oof_client_make_room() != NGX_OK) {
        return NULL;
    }

    entry = ngx_calloc(sizeof(ngx_oof_client_entry_t) + brand->len
                       + client_id->len, ngx_cycle->log);
    if (entry == NULL) {
        return NULL;
    }

    p = (u_char *) entry + sizeof(ngx_oof_client_entry_t);

    entry->db = db;

    entry->brand.len = brand->len;
    entry->brand.data = p;
    p = ngx_cpymem(p, brand->data, brand->len);

    entry->client_id.len = client_id->len;
    entry->client_id.data = p;
    ngx_memcpy(p, client_id->data, client_id->len);

    ngx_queue_init(&entry->waiters);

    entry->node.key = key;
    ngx_rbtree_insert(&cache->rbtree, &entry->node);
    ngx_queue_insert_head(&cache->queue, &entry->queue);
    cache->count++;

    return entry;
}


static ngx_rbtree_key_t
ngx_oof_client_key(ngx_str_t *brand, ngx_str_t *client_id)
{
    uint32_t  hash;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, brand->data, brand->len);
    ngx_crc32_update(&hash, client_id->data, client_id->len);
    ngx_crc32_final(hash);

    return hash;
}


static ngx_oof_client_entry_t *
ngx_oof_client_lookup(ngx_rbtree_key_t key, ngx_oof_database_t *db,
    ngx_str_t *brand, ngx_str_t *client_id)
{
    ngx_int_t                rc;
    ngx_rbtree_node_t       *node, *sentinel;
    ngx_oof_client_entry_t  *entry;

    node = ngx_oof_client_cache.rbtree.root;
    sentinel = ngx_oof_client_cache.rbtree.sentinel;

    while (node != sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        entry = (ngx_oof_client_entry_t *) node;

        rc = ngx_oof_client_compare(entry, db, brand, client_id);

        if (rc == 0) {
            return entry;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* an order of entries that have the same key */

static ngx_int_t
ngx_oof_client_compare(ngx_oof_client_entry_t *entry, ngx_oof_database_t *db,
    ngx_str_t *brand, ngx_str_t *client_id)
{
    ngx_int_t  rc;

    if (db != entry->db) {
        return (db < entry->db) ? -1 : 1;
    }

    rc = ngx_memn2cmp(client_id->data, entry->client_id.data, client_id->len,
                      entry->client_id.len);

    if (rc != 0) {
        return rc;
    }

    return ngx_memn2cmp(brand->data, entry->brand.data, brand->len,
                        entry->brand.len);
}


static void
ngx_oof_client_rbtree_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_int_t                rc;
    ngx_rbtree_node_t      **p;
    ngx_oof_client_entry_t  *entry;

    entry = (ngx_oof_client_entry_t *) node;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            rc = ngx_oof_client_compare((ngx_oof_client_entry_t *) temp,
                                        entry->db, &entry->brand,
                                        &entry->client_id);
            p = (rc < 0) ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_int_t
ngx_oof_client_make_room(void)
{
    ngx_queue_t             *q;
    ngx_oof_client_cache_t  *cache;
    ngx_oof_client_entry_t  *entry;

    cache = &ngx_oof_client_cache;

    if (cache->count < NGX_OOF_CLIENT_CACHE) {
        return NGX_OK;
    }

    for (q = ngx_queue_last(&cache->queue);
         q != ngx_queue_sentinel(&cache->queue);
         q = ngx_queue_prev(q))
    {
        entry = ngx_queue_data(q, ngx_oof_client_entry_t, queue);

        if (entry->unit == NULL && entry->users == 0) {
            ngx_oof_client_evict(entry);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static void
ngx_oof_client_evict(ngx_oof_client_entry_t *entry)
{
    ngx_rbtree_delete(&ngx_oof_client_cache.rbtree, &entry->node);
    ngx_queue_remove(&entry->queue);
    ngx_oof_client_cache.count--;

    if (entry->client.name.data) {
        ngx_free(entry->client.name.data);
    }

    ngx_free(entry);
}


ngx_int_t
ngx_oof_client_init(ngx_conf_t *cf)
{
    if (ngx_oof_metric_add_list(cf, &ngx_oof_client_refused_metric,
                                "oof_clients_refused_total",
                                "Requests refused for their registered client",
                                NGX_OOF_METRIC_COUNTER,
                                ngx_oof_client_refused_labels)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_metric_add_list(cf, &ngx_oof_client_lookup_metric,
                                   "oof_client_lookups_total",
                                   "Look-ups of registered clients",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_client_lookup_labels);
}


ngx_int_t
ngx_oof_client_init_process(ngx_cycle_t *cycle)
{
    ngx_rbtree_init(&ngx_oof_client_cache.rbtree,
                    &ngx_oof_client_cache.sentinel,
                    ngx_oof_client_rbtree_insert);

    ngx_queue_init(&ngx_oof_client_cache.queue);

    ngx_oof_client_cache.count = 0;
    ngx_oof_client_cache.ready = 1;

    return NGX_OK;
}


void
ngx_oof_client_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t             *q;
    ngx_oof_client_entry_t  *entry;

    if (!ngx_oof_client_cache.ready) {
        return;
    }

    while (!ngx_queue_empty(&ngx_oof_client_cache.queue)) {
        q = ngx_queue_last(&ngx_oof_client_cache.queue);
        entry = ngx_queue_data(q, ngx_oof_client_entry_t, queue);

        if (entry->unit) {
            ngx_oof_pg_detach(entry->unit);
        }

        ngx_oof_client_evict(entry);
    }

    ngx_oof_client_cache.ready = 0;
}
