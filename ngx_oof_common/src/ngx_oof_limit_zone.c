
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_limit_int.h>


#define NGX_OOF_LIMIT_TRIES     8        /* slots that are looked at for one */
#define NGX_OOF_LIMIT_PATIENCE  5        /* s, with who sends a batch */
#define NGX_OOF_LIMIT_LEARN     64       /* rows under one lock */

/* a second, and the calls in it, in one word */

#define NGX_OOF_LIMIT_HALF      (sizeof(ngx_atomic_uint_t) * 8 / 2)
#define NGX_OOF_LIMIT_LOWER                                                   \
    (((ngx_atomic_uint_t) 1 << NGX_OOF_LIMIT_HALF) - 1)


static void ngx_oof_limit_lock(ngx_oof_limit_zone_t *zone);
static void ngx_oof_limit_unlock(ngx_oof_limit_zone_t *zone);
static void ngx_oof_limit_clear(ngx_oof_limit_zone_t *zone);

static ngx_oof_limit_slot_t *ngx_oof_limit_slot(ngx_oof_limit_zone_t *zone,
    ngx_uint_t kind, u_char *key, uint32_t period);
static uint32_t ngx_oof_limit_find(ngx_oof_limit_zone_t *zone, u_char *key,
    ngx_uint_t kind);
static uint32_t ngx_oof_limit_room(ngx_oof_limit_zone_t *zone);
static ngx_uint_t ngx_oof_limit_is_over(ngx_oof_limit_slot_t *slot);
static uint32_t *ngx_oof_limit_bucket(ngx_oof_limit_zone_t *zone, u_char *key);
static void ngx_oof_limit_detach(ngx_oof_limit_zone_t *zone, uint32_t n);
static void ngx_oof_limit_attach(ngx_oof_limit_zone_t *zone, uint32_t n);
static void ngx_oof_limit_forget(ngx_oof_limit_zone_t *zone, uint32_t n);
static void ngx_oof_limit_push(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_queue_t *queue, uint32_t n);
static uint32_t ngx_oof_limit_pop(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_queue_t *queue);
static void ngx_oof_limit_wait(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_slot_t *slot);
static void ngx_oof_limit_fill(ngx_oof_limit_zone_t *zone);
static void ngx_oof_limit_learned(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_row_t *row);


/*
 * A zone of the same size is kept over a reload, with all that was counted.
 * The arrays take what is left of it.
 */

ngx_int_t
ngx_oof_limit_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                   size;
    ngx_uint_t               n;
    ngx_slab_pool_t         *shpool;
    ngx_oof_limit_zone_t    *zone;
    ngx_oof_limit_shared_t  *sh;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shpool->data == NULL) {

        shpool->log_nomem = 0;

        size = shpool->pfree * ngx_pagesize;

        sh = ngx_slab_alloc(shpool, size);

        if (sh == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(sh, size);

        if (ngx_oof_uuid4(sh->writer) != NGX_OK) {
            return NGX_ERROR;
        }

        size -= sizeof(ngx_oof_limit_shared_t);

        n = size / (sizeof(ngx_oof_limit_slot_t) + 2 * sizeof(uint32_t)) - 1;

        for (sh->nbuckets = 1; 2 * sh->nbuckets <= n; sh->nbuckets *= 2) {
            /* void */
        }

        sh->nslots = n;
        shpool->data = sh;
    }

    sh = shpool->data;

    zone->shpool = shpool;
    zone->sh = sh;
    zone->slots = (ngx_oof_limit_slot_t *) &sh[1];
    zone->buckets = (uint32_t *) &zone->slots[sh->nslots + 1];

    return NGX_OK;
}


static void
ngx_oof_limit_lock(ngx_oof_limit_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    if (zone->sh->inside) {
        ngx_oof_limit_clear(zone);
    }

    zone->sh->inside = 1;
}


static void
ngx_oof_limit_unlock(ngx_oof_limit_zone_t *zone)
{
    ngx_memory_barrier();

    zone->sh->inside = 0;

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/* a process has died in the middle: what is linked with what is not known */

static void
ngx_oof_limit_clear(ngx_oof_limit_zone_t *zone)
{
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;

    ngx_memzero(zone->buckets, sh->nbuckets * sizeof(uint32_t));

    sh->used = 0;
    sh->newest = 0;
    sh->oldest = 0;

    ngx_memzero(&sh->waiting, sizeof(ngx_oof_limit_queue_t));
    ngx_memzero(&sh->going, sizeof(ngx_oof_limit_queue_t));

    sh->until = 0;
    sh->batch++;
    sh->nconsents = 0;
}


/*
 * Workers' cached times differ a little: one that is a second behind counts in
 * the second that has begun.
 */

ngx_int_t
ngx_oof_limit_zone_second(ngx_oof_limit_zone_t *zone, ngx_uint_t limit)
{
    ngx_atomic_t       *word;
    ngx_atomic_uint_t   old, new, now, then, calls;

    word = &zone->sh->second;

    now = (ngx_atomic_uint_t) ngx_time() & NGX_OOF_LIMIT_LOWER;

    for ( ;; ) {
        old = *word;

        then = old >> NGX_OOF_LIMIT_HALF;
        calls = old & NGX_OOF_LIMIT_LOWER;

        if (then == now || then == now + 1) {

            if (calls >= limit) {
                return NGX_BUSY;
            }

            new = old + 1;

        } else {
            new = (now << NGX_OOF_LIMIT_HALF) | 1;
        }

        if (ngx_atomic_cmp_set(word, old, new)) {
            return NGX_OK;
        }
    }
}


ngx_int_t
ngx_oof_limit_zone_minute(ngx_oof_limit_zone_t *zone, u_char *key,
    uint32_t minute, ngx_uint_t limit)
{
    ngx_int_t              rc;
    ngx_oof_limit_slot_t  *slot;

    rc = NGX_OK;

    ngx_oof_limit_lock(zone);

    slot = ngx_oof_limit_slot(zone, NGX_OOF_LIMIT_MINUTE, key, minute);

    if (slot == NULL) {
        rc = NGX_DECLINED;
        goto done;
    }

    /* another worker's time may be a little ahead */

    if (slot->period != minute && slot->period != minute + 1) {
        slot->period = minute;
        slot->count = 0;
    }

    if (slot->count >= limit) {
        rc = NGX_BUSY;

    } else {
        slot->count++;
    }

done:

    ngx_oof_limit_unlock(zone);

    return rc;
}


ngx_int_t
ngx_oof_limit_zone_month(ngx_oof_limit_zone_t *zone, ngx_oof_limit_row_t *row)
{
    uint64_t               count;
    ngx_int_t              rc;
    ngx_oof_limit_slot_t  *slot;

    ngx_oof_limit_lock(zone);

    slot = ngx_oof_limit_slot(zone, NGX_OOF_LIMIT_MONTH, row->key,
                              row->month);

    if (slot) {
        slot->limit = row->limit;

        if (!slot->known) {

            /* what other hosts have counted */

            ngx_oof_limit_wait(zone, slot);
        }

        count = (uint64_t) slot->count + slot->sent + slot->added;
        rc = (count < row->limit) ? NGX_OK : NGX_BUSY;

    } else {
        rc = NGX_DECLINED;
    }

    ngx_oof_limit_unlock(zone);

    return rc;
}


ngx_int_t
ngx_oof_limit_zone_add(ngx_oof_limit_zone_t *zone, ngx_oof_limit_row_t *row)
{
    ngx_oof_limit_slot_t  *slot;

    ngx_oof_limit_lock(zone);

    slot = ngx_oof_limit_slot(zone, NGX_OOF_LIMIT_MONTH, row->key,
                              row->month);

    if (slot) {
        slot->limit = row->limit;
        slot->added++;

        ngx_oof_limit_wait(zone, slot);
    }

    ngx_oof_limit_unlock(zone);

    return slot ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_oof_limit_zone_take(ngx_oof_limit_zone_t *zone, ngx_oof_limit_row_t *rows,
    int64_t *batch)
{
    uint32_t                 i;
    ngx_uint_t               n;
    ngx_oof_limit_slot_t    *slot;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;
    n = 0;

    ngx_oof_limit_lock(zone);

    if (sh->going.first && ngx_time() < sh->until
        && sh->until <= ngx_time() + NGX_OOF_LIMIT_PATIENCE)
    {
        goto done;
    }

    if (sh->going.first == 0) {
        ngx_oof_limit_fill(zone);
    }

    for (i = sh->going.first; i; i = slot->queued) {
        slot = &zone->slots[i];

        ngx_memcpy(rows[n].key, slot->key, NGX_OOF_LIMIT_KEY_LEN);
        rows[n].month = slot->period;
        rows[n].count = slot->sent;
        rows[n].limit = slot->limit;
        n++;
    }

    *batch = sh->batch;
    sh->until = ngx_time() + NGX_OOF_LIMIT_PATIENCE;

done:

    ngx_oof_limit_unlock(zone);

    return n;
}


static void
ngx_oof_limit_fill(ngx_oof_limit_zone_t *zone)
{
    uint32_t                 i, n;
    ngx_oof_limit_slot_t    *slot;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;

    for (n = 0; n < NGX_OOF_LIMIT_BATCH; n++) {
        i = ngx_oof_limit_pop(zone, &sh->waiting);

        if (i == 0) {
            break;
        }

        slot = &zone->slots[i];

        slot->waits = 0;
        slot->goes = 1;
        slot->sent = slot->added;
        slot->added = 0;

        ngx_oof_limit_push(zone, &sh->going, i);
    }

    if (n) {
        sh->batch++;
    }
}


void
ngx_oof_limit_zone_done(ngx_oof_limit_zone_t *zone, int64_t batch,
    ngx_int_t rc, ngx_oof_limit_row_t *rows, ngx_uint_t n)
{
    uint32_t                 i;
    ngx_oof_limit_slot_t    *slot;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;

    ngx_oof_limit_lock(zone);

    if (sh->batch != batch || sh->going.first == 0) {

        /* another process has done it in the meantime */

        goto done;
    }

    sh->until = 0;

    if (rc != NGX_OK) {
        goto done;
    }

    while (n--) {
        i = ngx_oof_limit_find(zone, rows[n].key, NGX_OOF_LIMIT_MONTH);

        if (i && zone->slots[i].goes) {
            zone->slots[i].count = rows[n].count;
        }
    }

    for ( ;; ) {
        i = ngx_oof_limit_pop(zone, &sh->going);

        if (i == 0) {
            break;
        }

        slot = &zone->slots[i];

        slot->goes = 0;
        slot->known = 1;
        slot->sent = 0;

        if (slot->added) {
            ngx_oof_limit_wait(zone, slot);
        }
    }

done:

    ngx_oof_limit_unlock(zone);
}


ngx_uint_t
ngx_oof_limit_zone_dirty(ngx_oof_limit_zone_t *zone)
{
    ngx_uint_t  dirty;

    ngx_oof_limit_lock(zone);

    dirty = (zone->sh->waiting.first || zone->sh->going.first);

    ngx_oof_limit_unlock(zone);

    return dirty;
}


void
ngx_oof_limit_zone_learn(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_row_t *rows, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (i % NGX_OOF_LIMIT_LEARN == 0) {
            ngx_oof_limit_lock(zone);
        }

        ngx_oof_limit_learned(zone, &rows[i]);

        if (i % NGX_OOF_LIMIT_LEARN == NGX_OOF_LIMIT_LEARN - 1 || i == n - 1) {
            ngx_oof_limit_unlock(zone);
        }
    }
}


static void
ngx_oof_limit_learned(ngx_oof_limit_zone_t *zone, ngx_oof_limit_row_t *row)
{
    ngx_oof_limit_slot_t  *slot;

    slot = ngx_oof_limit_slot(zone, NGX_OOF_LIMIT_MONTH, row->key,
                              row->month);

    /*
     * What is under way from here may be in the row or not: its
     * acknowledgement will tell.  An older row comes again and is not believed.
     */

    if (slot && !slot->goes) {
        slot->known = 1;
        slot->count = ngx_max(slot->count, row->count);
    }
}


void
ngx_oof_limit_zone_set_consents(ngx_oof_limit_zone_t *zone,
    uint32_t database, ngx_oof_limit_consents_t *consents, ngx_uint_t n)
{
    ngx_uint_t               i, k;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;

    ngx_oof_limit_lock(zone);

    for (i = 0, k = 0; i < sh->nconsents; i++) {
        if (sh->consents[i].database != database) {
            sh->consents[k++] = sh->consents[i];
        }
    }

    for (i = 0; i < n && k < NGX_OOF_LIMIT_CONSENTS; i++) {
        sh->consents[k] = consents[i];
        sh->consents[k++].database = database;
    }

    sh->nconsents = k;

    ngx_oof_limit_unlock(zone);
}


uint64_t
ngx_oof_limit_zone_consents(ngx_oof_limit_zone_t *zone, u_char *key)
{
    uint64_t                 consents;
    ngx_uint_t               i;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;
    consents = 0;

    ngx_oof_limit_lock(zone);

    for (i = 0; i < sh->nconsents; i++) {
        if (ngx_memcmp(sh->consents[i].key, key, NGX_OOF_LIMIT_KEY_LEN) == 0) {
            consents = sh->consents[i].consents;
            break;
        }
    }

    ngx_oof_limit_unlock(zone);

    return consents;
}


/* the slot of a key, or a new one, or NULL when there is no room */

static ngx_oof_limit_slot_t *
ngx_oof_limit_slot(ngx_oof_limit_zone_t *zone, ngx_uint_t kind, u_char *key,
    uint32_t period)
{
    uint32_t               i, *bucket;
    ngx_oof_limit_slot_t  *slot;

    i = ngx_oof_limit_find(zone, key, kind);

    if (i) {
        ngx_oof_limit_detach(zone, i);
        ngx_oof_limit_attach(zone, i);

        return &zone->slots[i];
    }

    i = ngx_oof_limit_room(zone);

    if (i == 0) {
        return NULL;
    }

    slot = &zone->slots[i];

    ngx_memzero(slot, sizeof(ngx_oof_limit_slot_t));

    ngx_memcpy(slot->key, key, NGX_OOF_LIMIT_KEY_LEN);
    slot->kind = kind;
    slot->period = period;

    bucket = ngx_oof_limit_bucket(zone, key);
    slot->next = *bucket;
    *bucket = i;

    ngx_oof_limit_attach(zone, i);

    return slot;
}


static uint32_t
ngx_oof_limit_find(ngx_oof_limit_zone_t *zone, u_char *key, ngx_uint_t kind)
{
    uint32_t               i;
    ngx_oof_limit_slot_t  *slot;

    for (i = *ngx_oof_limit_bucket(zone, key); i; i = slot->next) {
        slot = &zone->slots[i];

        if (slot->kind == kind
            && ngx_memcmp(slot->key, key, NGX_OOF_LIMIT_KEY_LEN) == 0)
        {
            return i;
        }
    }

    return 0;
}


/*
 * One that was never used, or the one that was not used for the longest time:
 * of a minute that is over, or of a month that the database knows.  Those that
 * must stay are put aside, so that the next call looks at others.
 */

static uint32_t
ngx_oof_limit_room(ngx_oof_limit_zone_t *zone)
{
    uint32_t                 i;
    ngx_uint_t               tries;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;

    if (sh->used < sh->nslots) {
        return ++sh->used;
    }

    for (tries = 0; tries < NGX_OOF_LIMIT_TRIES; tries++) {
        i = sh->oldest;

        ngx_oof_limit_detach(zone, i);

        if (ngx_oof_limit_is_over(&zone->slots[i])) {
            ngx_oof_limit_forget(zone, i);
            return i;
        }

        ngx_oof_limit_attach(zone, i);
    }

    return 0;
}


static ngx_uint_t
ngx_oof_limit_is_over(ngx_oof_limit_slot_t *slot)
{
    uint32_t  minute;

    if (slot->kind == NGX_OOF_LIMIT_MONTH) {
        return !slot->waits && !slot->goes && slot->added == 0;
    }

    minute = (uint32_t) (ngx_oof_clock_rule() / NGX_OOF_MINUTE);

    return slot->period != minute && slot->period != minute + 1;
}


/* keys are digests */

static uint32_t *
ngx_oof_limit_bucket(ngx_oof_limit_zone_t *zone, u_char *key)
{
    uint32_t  hash;

    ngx_memcpy(&hash, key, sizeof(uint32_t));

    return &zone->buckets[hash & (zone->sh->nbuckets - 1)];
}


static void
ngx_oof_limit_forget(ngx_oof_limit_zone_t *zone, uint32_t n)
{
    uint32_t  *link;

    link = ngx_oof_limit_bucket(zone, zone->slots[n].key);

    while (*link && *link != n) {
        link = &zone->slots[*link].next;
    }

    if (*link) {
        *link = zone->slots[n].next;
    }
}


/* the order of use */

static void
ngx_oof_limit_detach(ngx_oof_limit_zone_t *zone, uint32_t n)
{
    ngx_oof_limit_slot_t    *slot;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;
    slot = &zone->slots[n];

    if (slot->newer) {
        zone->slots[slot->newer].older = slot->older;

    } else {
        sh->newest = slot->older;
    }

    if (slot->older) {
        zone->slots[slot->older].newer = slot->newer;

    } else {
        sh->oldest = slot->newer;
    }
}


static void
ngx_oof_limit_attach(ngx_oof_limit_zone_t *zone, uint32_t n)
{
    ngx_oof_limit_slot_t    *slot;
    ngx_oof_limit_shared_t  *sh;

    sh = zone->sh;
    slot = &zone->slots[n];

    slot->newer = 0;
    slot->older = sh->newest;

    if (sh->newest) {
        zone->slots[sh->newest].newer = n;

    } else {
        sh->oldest = n;
    }

    sh->newest = n;
}


/* what is to be sent */

static void
ngx_oof_limit_wait(ngx_oof_limit_zone_t *zone, ngx_oof_limit_slot_t *slot)
{
    if (slot->waits || slot->goes) {
        return;
    }

    slot->waits = 1;

    ngx_oof_limit_push(zone, &zone->sh->waiting, slot - zone->slots);
}


static void
ngx_oof_limit_push(ngx_oof_limit_zone_t *zone, ngx_oof_limit_queue_t *queue,
    uint32_t n)
{
    zone->slots[n].queued = 0;

    if (queue->last) {
        zone->slots[queue->last].queued = n;

    } else {
        queue->first = n;
    }

    queue->last = n;
}


static uint32_t
ngx_oof_limit_pop(ngx_oof_limit_zone_t *zone, ngx_oof_limit_queue_t *queue)
{
    uint32_t  n;

    n = queue->first;

    if (n) {
        queue->first = zone->slots[n].queued;

        if (queue->first == 0) {
            queue->last = 0;
        }
    }

    return n;
}
