
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_jwks_zone.h>


/* the name and, behind it, the text are in the same piece of memory */

typedef struct {
    ngx_str_node_t           sn;
    ngx_queue_t              queue;
    ngx_uint_t               version;
    ngx_msec_t               put;
    ngx_msec_t               due;
    ngx_str_t                text;
} ngx_oof_jwks_text_t;


typedef struct {
    ngx_uint_t               inside;     /* a process */
    ngx_uint_t               version;    /* the last */
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;      /* the newest use first */
} ngx_oof_jwks_texts_t;


static ngx_int_t ngx_oof_jwks_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_oof_jwks_texts_t *ngx_oof_jwks_zone_texts(ngx_slab_pool_t *pool,
    ngx_uint_t version);
static ngx_oof_jwks_texts_t *ngx_oof_jwks_zone_lock(ngx_shm_zone_t *zone);
static void ngx_oof_jwks_zone_unlock(ngx_shm_zone_t *zone,
    ngx_oof_jwks_texts_t *texts);
static ngx_oof_jwks_text_t *ngx_oof_jwks_zone_find(ngx_oof_jwks_texts_t *texts,
    ngx_str_t *name);
static ngx_oof_jwks_text_t *ngx_oof_jwks_zone_alloc(ngx_slab_pool_t *pool,
    ngx_oof_jwks_texts_t *texts, size_t size);
static void ngx_oof_jwks_zone_remove(ngx_slab_pool_t *pool,
    ngx_oof_jwks_texts_t *texts, ngx_oof_jwks_text_t *t);


ngx_shm_zone_t *
ngx_oof_jwks_zone(ngx_conf_t *cf, const char *prefix, ngx_str_t *url,
    size_t size)
{
    ngx_str_t        name;
    ngx_shm_zone_t  *zone;

    name.len = ngx_strlen(prefix) + 1 + url->len;
    name.data = ngx_pnalloc(cf->pool, name.len);

    if (name.data == NULL) {
        return NULL;
    }

    ngx_sprintf(name.data, "%s:%V", prefix, url);

    zone = ngx_shared_memory_add(cf, &name, size, &ngx_oof_module);

    if (zone) {
        zone->init = ngx_oof_jwks_zone_init;
        zone->data = zone;
    }

    return zone;
}


static ngx_int_t
ngx_oof_jwks_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data) {
        return NGX_OK;
    }

    return ngx_oof_jwks_zone_texts(pool, 0) ? NGX_OK : NGX_ERROR;
}


static ngx_oof_jwks_texts_t *
ngx_oof_jwks_zone_texts(ngx_slab_pool_t *pool, ngx_uint_t version)
{
    ngx_oof_jwks_texts_t  *texts;

    texts = ngx_slab_calloc_locked(pool, sizeof(ngx_oof_jwks_texts_t));
    if (texts == NULL) {
        return NULL;
    }

    /* a set that does not fit is not shared, which is no alarm */

    pool->log_nomem = 0;

    texts->version = version;

    ngx_rbtree_init(&texts->tree, &texts->sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&texts->queue);

    pool->data = texts;

    return texts;
}


/*
 * When a process has died inside, nothing of the zone is believed any more but
 * its last version: it starts anew.  Without memory for that there is none.
 */

static ngx_oof_jwks_texts_t *
ngx_oof_jwks_zone_lock(ngx_shm_zone_t *zone)
{
    ngx_uint_t             version;
    ngx_slab_pool_t       *pool;
    ngx_oof_jwks_texts_t  *texts;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    texts = pool->data;

    if (texts->inside) {
        version = texts->version;

        ngx_slab_init(pool);

        texts = ngx_oof_jwks_zone_texts(pool, version);

        if (texts == NULL) {
            ngx_shmtx_unlock(&pool->mutex);
            return NULL;
        }
    }

    texts->inside = 1;

    ngx_memory_barrier();

    return texts;
}


static void
ngx_oof_jwks_zone_unlock(ngx_shm_zone_t *zone, ngx_oof_jwks_texts_t *texts)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_memory_barrier();

    texts->inside = 0;

    ngx_shmtx_unlock(&pool->mutex);
}


ngx_int_t
ngx_oof_jwks_zone_get(ngx_shm_zone_t *zone, ngx_str_t *name,
    ngx_uint_t *version, ngx_str_t *text, ngx_msec_t *put, ngx_msec_t *due)
{
    ngx_oof_jwks_text_t   *t;
    ngx_oof_jwks_texts_t  *texts;

    texts = ngx_oof_jwks_zone_lock(zone);
    if (texts == NULL) {
        return NGX_DECLINED;
    }

    text->data = NULL;

    t = ngx_oof_jwks_zone_find(texts, name);

    if (t && t->version != *version) {
        text->len = t->text.len;
        text->data = ngx_alloc(t->text.len, ngx_cycle->log);

        if (text->data) {
            ngx_memcpy(text->data, t->text.data, t->text.len);
        }

        *version = t->version;
        *put = t->put;
        *due = t->due;
    }

    ngx_oof_jwks_zone_unlock(zone, texts);

    return text->data ? NGX_OK : NGX_DECLINED;
}


static ngx_oof_jwks_text_t *
ngx_oof_jwks_zone_find(ngx_oof_jwks_texts_t *texts, ngx_str_t *name)
{
    ngx_oof_jwks_text_t  *t;

    t = (ngx_oof_jwks_text_t *)
            ngx_str_rbtree_lookup(&texts->tree, name,
                                  ngx_crc32_short(name->data, name->len));

    if (t) {
        ngx_queue_remove(&t->queue);
        ngx_queue_insert_head(&texts->queue, &t->queue);
    }

    return t;
}


ngx_uint_t
ngx_oof_jwks_zone_put(ngx_shm_zone_t *zone, ngx_str_t *name, ngx_str_t *text,
    ngx_msec_t due)
{
    u_char                *p;
    ngx_uint_t             version;
    ngx_slab_pool_t       *pool;
    ngx_oof_jwks_text_t   *t;
    ngx_oof_jwks_texts_t  *texts;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    texts = ngx_oof_jwks_zone_lock(zone);
    if (texts == NULL) {
        return 0;
    }

    version = 0;

    /* what does not fit must not leave an older set behind */

    t = ngx_oof_jwks_zone_find(texts, name);

    if (t) {
        ngx_oof_jwks_zone_remove(pool, texts, t);
    }

    t = ngx_oof_jwks_zone_alloc(pool, texts, sizeof(ngx_oof_jwks_text_t)
                                             + name->len + text->len);

    if (t) {
        version = ++texts->version;

        p = (u_char *) &t[1];

        t->sn.node.key = ngx_crc32_short(name->data, name->len);
        t->sn.str.len = name->len;
        t->sn.str.data = p;
        p = ngx_cpymem(p, name->data, name->len);

        t->text.len = text->len;
        t->text.data = p;
        ngx_memcpy(p, text->data, text->len);

        t->version = version;
        t->put = ngx_current_msec;
        t->due = due;

        ngx_rbtree_insert(&texts->tree, &t->sn.node);
        ngx_queue_insert_head(&texts->queue, &t->queue);
    }

    ngx_oof_jwks_zone_unlock(zone, texts);

    return version;
}


static ngx_oof_jwks_text_t *
ngx_oof_jwks_zone_alloc(ngx_slab_pool_t *pool, ngx_oof_jwks_texts_t *texts,
    size_t size)
{
    ngx_queue_t          *q;
    ngx_oof_jwks_text_t  *t;

    if (size > (size_t) (pool->last - pool->pages) * ngx_pagesize) {
        return NULL;
    }

    for ( ;; ) {
        t = ngx_slab_alloc_locked(pool, size);

        if (t || ngx_queue_empty(&texts->queue)) {
            return t;
        }

        q = ngx_queue_last(&texts->queue);

        ngx_oof_jwks_zone_remove(pool, texts,
                                 ngx_queue_data(q, ngx_oof_jwks_text_t,
                                                queue));
    }
}


static void
ngx_oof_jwks_zone_remove(ngx_slab_pool_t *pool, ngx_oof_jwks_texts_t *texts,
    ngx_oof_jwks_text_t *t)
{
    ngx_rbtree_delete(&texts->tree, &t->sn.node);
    ngx_queue_remove(&t->queue);

    ngx_slab_free_locked(pool, t);
}
