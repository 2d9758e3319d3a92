
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_issuer.h>


/* tokens that were found good, a worker and issuer: hash table and LRU */


static ngx_oof_token_entry_t **ngx_oof_token_cache_slot(
    ngx_oof_token_cache_t *cache, u_char *digest);
static void ngx_oof_token_cache_drop(ngx_oof_token_cache_t *cache,
    ngx_oof_token_entry_t **slot);


ngx_int_t
ngx_oof_token_cache_init(ngx_oof_token_cache_t *cache, ngx_uint_t max,
    ngx_log_t *log)
{
    ngx_uint_t  size;

    ngx_memzero(cache, sizeof(ngx_oof_token_cache_t));
    ngx_queue_init(&cache->lru);

    if (max == 0) {
        return NGX_OK;
    }

    for (size = 16; size < max; size *= 2) { /* void */ }

    cache->buckets = ngx_calloc(size * sizeof(ngx_oof_token_entry_t *), log);
    if (cache->buckets == NULL) {
        return NGX_ERROR;
    }

    cache->mask = size - 1;
    cache->max = max;

    return NGX_OK;
}


void
ngx_oof_token_cache_done(ngx_oof_token_cache_t *cache)
{
    ngx_queue_t            *q;
    ngx_oof_token_entry_t  *entry;

    if (cache->buckets == NULL) {
        return;
    }

    while (!ngx_queue_empty(&cache->lru)) {
        q = ngx_queue_head(&cache->lru);
        ngx_queue_remove(q);

        entry = ngx_queue_data(q, ngx_oof_token_entry_t, lru);
        ngx_oof_token_entry_free(entry);
    }

    ngx_free(cache->buckets);
    cache->buckets = NULL;
    cache->n = 0;
}


ngx_oof_token_entry_t *
ngx_oof_token_cache_find(ngx_oof_token_cache_t *cache, u_char *digest,
    ngx_oof_jwks_t *jwks, int64_t now)
{
    ngx_oof_token_entry_t  *entry, **slot;

    if (cache->buckets == NULL) {
        return NULL;
    }

    slot = ngx_oof_token_cache_slot(cache, digest);
    entry = *slot;

    if (entry == NULL) {
        return NULL;
    }

    if (entry->until <= now
        || (jwks && !ngx_oof_jwks_current(jwks, entry->generation)))
    {
        ngx_oof_token_cache_drop(cache, slot);
        return NULL;
    }

    /* once a second is enough, and leaves its neighbours' memory alone */

    if (entry->used != now) {
        entry->used = now;

        ngx_queue_remove(&entry->lru);
        ngx_queue_insert_head(&cache->lru, &entry->lru);
    }

    return entry;
}


void
ngx_oof_token_cache_add(ngx_oof_token_cache_t *cache,
    ngx_oof_token_entry_t *entry)
{
    ngx_queue_t            *q;
    ngx_oof_token_entry_t  *last, **slot;

    if (cache->buckets == NULL) {
        return;
    }

    slot = ngx_oof_token_cache_slot(cache, entry->digest);

    if (*slot) {
        ngx_oof_token_cache_drop(cache, slot);
    }

    if (cache->n == cache->max) {
        q = ngx_queue_last(&cache->lru);
        last = ngx_queue_data(q, ngx_oof_token_entry_t, lru);
        ngx_oof_token_cache_drop(cache,
                               ngx_oof_token_cache_slot(cache, last->digest));
    }

    slot = ngx_oof_token_cache_slot(cache, entry->digest);

    entry->refs++;
    entry->next = NULL;
    *slot = entry;

    ngx_queue_insert_head(&cache->lru, &entry->lru);
    cache->n++;
}


/* where the entry of the digest hangs, or would */

static ngx_oof_token_entry_t **
ngx_oof_token_cache_slot(ngx_oof_token_cache_t *cache, u_char *digest)
{
    uint32_t                 key;
    ngx_oof_token_entry_t  **slot;

    ngx_memcpy(&key, digest, sizeof(uint32_t));

    slot = &cache->buckets[key & cache->mask];

    while (*slot
           && ngx_memcmp((*slot)->digest, digest, NGX_OOF_TOKEN_DIGEST) != 0)
    {
        slot = &(*slot)->next;
    }

    return slot;
}


static void
ngx_oof_token_cache_drop(ngx_oof_token_cache_t *cache,
    ngx_oof_token_entry_t **slot)
{
    ngx_oof_token_entry_t  *entry;

    entry = *slot;

    *slot = entry->next;
    ngx_queue_remove(&entry->lru);
    cache->n--;

    ngx_oof_token_entry_free(entry);
}


void
ngx_oof_token_entry_free(ngx_oof_token_entry_t *entry)
{
    if (--entry->refs == 0) {
        ngx_free(entry);
    }
}
