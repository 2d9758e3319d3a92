
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_LIMIT_INT_H_INCLUDED_
#define _NGX_OOF_LIMIT_INT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The zone of the limits, for the files of this room.  It has no pointers:
 * slots are named by their numbers, 1 and up, 0 is none.  Everything but the
 * word of the second is under the mutex of the zone's slab pool, which is held
 * for a few slots at a time.  A process that dies inside leaves "inside" set,
 * and whoever comes next starts with an empty zone.
 */

#define NGX_OOF_LIMIT_KEY_LEN    16
#define NGX_OOF_LIMIT_CONSENTS   256     /* organisations of many consents */
#define NGX_OOF_LIMIT_BATCH      500     /* slots that are sent at once */

/* what a slot is */

#define NGX_OOF_LIMIT_FREE       0
#define NGX_OOF_LIMIT_MINUTE     1
#define NGX_OOF_LIMIT_MONTH      2


typedef struct {
    u_char                   key[NGX_OOF_LIMIT_KEY_LEN];
    uint32_t                 next;       /* in its bucket */
    uint32_t                 newer;
    uint32_t                 older;
    uint32_t                 queued;     /* the next one in a queue */
    uint32_t                 period;     /* minute or month */
    uint32_t                 count;      /* of a month: as the database told */
    uint32_t                 added;      /* here, and not sent yet */
    uint32_t                 sent;       /* in the batch under way */
    uint32_t                 limit;
    uint32_t                 kind:2;
    uint32_t                 waits:1;    /* is in the queue */
    uint32_t                 goes:1;     /* is in the batch */
    uint32_t                 known:1;    /* the database has told */
} ngx_oof_limit_slot_t;


typedef struct {
    u_char                   key[NGX_OOF_LIMIT_KEY_LEN];
    uint32_t                 database;
    uint64_t                 consents;
} ngx_oof_limit_consents_t;


typedef struct {
    uint32_t                 first;
    uint32_t                 last;
} ngx_oof_limit_queue_t;


/* the zone's root; buckets and slots follow it */

typedef struct {
    ngx_atomic_t             second;     /* in the upper half, calls below */
    ngx_atomic_t             inside;

    u_char                   writer[NGX_OOF_UUID_LEN];
    int64_t                  batch;      /* its number, for the database */
    time_t                   until;      /* somebody is sending it */

    uint32_t                 nslots;
    uint32_t                 nbuckets;   /* a power of two */
    uint32_t                 used;       /* slots that were ever used */
    uint32_t                 newest;
    uint32_t                 oldest;

    ngx_oof_limit_queue_t    waiting;    /* to be sent */
    ngx_oof_limit_queue_t    going;      /* the batch under way */

    uint32_t                 nconsents;
    ngx_oof_limit_consents_t consents[NGX_OOF_LIMIT_CONSENTS];
} ngx_oof_limit_shared_t;


/* a process's view of the zone: shm_zone->data */

struct ngx_oof_limit_zone_s {
    ngx_slab_pool_t         *shpool;
    ngx_oof_limit_shared_t  *sh;
    uint32_t                *buckets;
    ngx_oof_limit_slot_t    *slots;      /* slots[0] is never used */
};


/* a row that goes to the database or comes from there */

struct ngx_oof_limit_row_s {
    u_char                   key[NGX_OOF_LIMIT_KEY_LEN];
    uint32_t                 month;
    uint32_t                 count;
    uint32_t                 limit;
};


/* as nginx calls it; what was counted outlives a reload */
ngx_int_t ngx_oof_limit_init_zone(ngx_shm_zone_t *shm_zone, void *data);

/*
 * A call in this second (of the real clock): NGX_OK, or NGX_BUSY when there
 * were "limit" of them.
 */
ngx_int_t ngx_oof_limit_zone_second(ngx_oof_limit_zone_t *zone,
    ngx_uint_t limit);

/*
 * Counts a call in the minute: NGX_OK, or NGX_BUSY when there were "limit" of
 * them, or NGX_DECLINED when the zone has no slot for it.
 */
ngx_int_t ngx_oof_limit_zone_minute(ngx_oof_limit_zone_t *zone, u_char *key,
    uint32_t minute, ngx_uint_t limit);

/*
 * The same of a month, but counts nothing; a key that is new here is asked for
 * in the database by the next batch.
 */
ngx_int_t ngx_oof_limit_zone_month(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_row_t *row);

/* counts a call in its month: NGX_OK or NGX_DECLINED */
ngx_int_t ngx_oof_limit_zone_add(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_row_t *row);

/*
 * Rows for the database, at most NGX_OOF_LIMIT_BATCH.  A batch that was not
 * acknowledged comes again under its number.  Returns how many; 0 when there
 * are none, or when somebody else is sending.
 */
ngx_uint_t ngx_oof_limit_zone_take(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_row_t *rows, int64_t *batch);

/*
 * The batch is in the database (NGX_OK, with what the months came to there) or
 * not known to be (NGX_ERROR: it will be taken again).
 */
void ngx_oof_limit_zone_done(ngx_oof_limit_zone_t *zone, int64_t batch,
    ngx_int_t rc, ngx_oof_limit_row_t *rows, ngx_uint_t n);

/* something is to be sent */
ngx_uint_t ngx_oof_limit_zone_dirty(ngx_oof_limit_zone_t *zone);

/* what other hosts have counted */
void ngx_oof_limit_zone_learn(ngx_oof_limit_zone_t *zone,
    ngx_oof_limit_row_t *rows, ngx_uint_t n);

/* replaces what was told of a database's organisations */
void ngx_oof_limit_zone_set_consents(ngx_oof_limit_zone_t *zone,
    uint32_t database, ngx_oof_limit_consents_t *consents, ngx_uint_t n);

/* how many an organisation has, by ngx_oof_limit_consents_key(); 0: few */
uint64_t ngx_oof_limit_zone_consents(ngx_oof_limit_zone_t *zone, u_char *key);

/* 202611: the month in Brasilia, by the rule clock */
uint32_t ngx_oof_limit_this_month(void);

/* the key of an organisation's consents with a brand */
ngx_int_t ngx_oof_limit_consents_key(u_char *key, ngx_str_t *brand,
    ngx_str_t *organisation);

/* the background's part */
void ngx_oof_limit_wake(void);             /* something has been counted */
ngx_int_t ngx_oof_limit_sync_init(ngx_conf_t *cf);
ngx_int_t ngx_oof_limit_sync_init_process(ngx_cycle_t *cycle,
    ngx_oof_limit_zone_t *zone);
void ngx_oof_limit_sync_exit_process(void);


#endif /* _NGX_OOF_LIMIT_INT_H_INCLUDED_ */
