
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_RELAY_INT_H_INCLUDED_
#define _NGX_OOF_RELAY_INT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What the files ngx_oof_relay*.c share; nobody else includes it.
 *
 *     relay           the lease, positions, what was read of the logs last
 *     relay_conf      oof_events { }, consumers of modules
 *     relay_consumer  a consumer's way: its events, cursor and pending ones
 *     relay_delivery  what becomes of one event
 *     relay_admin     replay and dead events, by the management listener
 *     envelope        CloudEvents
 */

#define NGX_OOF_RELAY_ATTEMPTS   20
#define NGX_OOF_RELAY_BACKOFF    60000            /* ms */

#define NGX_OOF_RELAY_CONSUMERS  32               /* of a database */
#define NGX_OOF_RELAY_DEADLINE   5000             /* of its units, ms */
#define NGX_OOF_RELAY_RETRY      250

#define NGX_OOF_RELAY_WINDOW     4096             /* events that are shared */
#define NGX_OOF_RELAY_WINDOW_SIZE  (8 * 1024 * 1024)
#define NGX_OOF_RELAY_BATCH      1000             /* rows of a statement */
#define NGX_OOF_RELAY_BYTES      (1024 * 1024)    /* of their data */

#define NGX_OOF_RELAY_PENDING    10000            /* of a consumer */
#define NGX_OOF_RELAY_BUCKETS    1024
#define NGX_OOF_RELAY_WHY        255


/* a delivery's state */

#define NGX_OOF_DELIVERY_READY   0       /* to be sent */
#define NGX_OOF_DELIVERY_SENT    1       /* the provider has it */
#define NGX_OOF_DELIVERY_BEHIND  2       /* another one of its key */
#define NGX_OOF_DELIVERY_WAITS   3       /* pending, until its time comes */
#define NGX_OOF_DELIVERY_DUE     4       /* pending, its event is not here */
#define NGX_OOF_DELIVERY_ASKED   5       /* the same, and is asked for */
#define NGX_OOF_DELIVERY_DONE    6


/* a consumer's state */

#define NGX_OOF_CONSUMER_IDLE    0       /* the lease is not held */
#define NGX_OOF_CONSUMER_LOADS   1       /* its row and its pending events */
#define NGX_OOF_CONSUMER_STARTS  2       /* its provider */
#define NGX_OOF_CONSUMER_RUNS    3
#define NGX_OOF_CONSUMER_ENDS    4       /* a replay waits for what is sent */


/* of all processes of a cycle, each relay one */

typedef struct {
    ngx_atomic_t             head;
    ngx_atomic_t             asleep;
} ngx_oof_relay_shared_t;


struct ngx_oof_relay_s {
    ngx_oof_lease_t          lease;
    ngx_oof_database_t      *db;
    ngx_uint_t               series;
    ngx_array_t              consumers;  /* of ngx_oof_consumer_t * */
    time_t                   keep;

    ngx_oof_relay_shared_t  *shared;
    int                      fd;         /* eventfd, -1: none */
    ngx_connection_t        *connection;

    int64_t                  epoch;      /* that has begun; 0: none */
    ngx_uint_t               round;      /* of answers that still count */
    int64_t                  head;       /* the last position that was given */
    int64_t                  first;      /* of the window */
    int64_t                  last;
    size_t                   size;       /* of its data */
    int64_t                  mark;       /* transactions from before it */
    int64_t                  marked;     /* when; by the database's clock */
    int64_t                  bound;      /* older rows were all taken */

    ngx_event_t              timer;
    ngx_msec_t               pause;
    ngx_msec_t               asked;
    ngx_msec_t               whole;      /* next look at rows of any age */
    ngx_msec_t               drop;
    ngx_msec_t               look;

    unsigned                 asking:1;
    unsigned                 woken:1;
    unsigned                 begun:1;    /* its consumers are known */
    unsigned                 personal:1; /* some consumer asks for that */

    ngx_oof_relay_event_t   *window[NGX_OOF_RELAY_WINDOW];
};


struct ngx_oof_consumer_state_s {
    ngx_oof_consumer_t      *consumer;
    ngx_oof_relay_t         *relay;

    ngx_uint_t               state;
    ngx_uint_t               round;      /* of answers that still count */
    int64_t                  cursor;     /* as it was saved */
    int64_t                  read;       /* every event up to it was taken */
    int64_t                  settled;    /* the cursor when the lease ended */
    int64_t                  ended;      /* its epoch */
    int64_t                  generation;
    int64_t                  requeued;

    ngx_queue_t              order;      /* by position, without pending ones */
    ngx_uint_t               norder;
    ngx_queue_t              ready;
    ngx_queue_t              pending;
    ngx_uint_t               npending;
    ngx_queue_t              changes;    /* of pending ones, not saved */
    ngx_queue_t              saving;
    ngx_queue_t              buckets[NGX_OOF_RELAY_BUCKETS];

    ngx_uint_t               nsent;
    ngx_uint_t               ndue;
    ngx_msec_t               due;        /* next look for such */
    ngx_msec_t               rest;       /* how long the next one is */
    ngx_msec_t               rests;      /* until then */

    ngx_event_t              event;      /* posted: there may be work */
    ngx_event_t              timer;

    unsigned                 started:1;  /* its provider */
    unsigned                 resting:1;
    unsigned                 reading:1;
    unsigned                 fetching:1;
    unsigned                 loading:1;
    unsigned                 save:1;     /* is under way */
};


/* what a unit of a relay or a consumer is told about, in its pool */

typedef struct {
    void                    *data;
    ngx_uint_t               round;
    int64_t                  cursor;     /* that is to be saved */
} ngx_oof_relay_asked_t;


extern ngx_oof_metric_t  ngx_oof_relay_delivered_total;
extern ngx_oof_metric_t  ngx_oof_relay_failed_total;
extern ngx_oof_metric_t  ngx_oof_relay_dead_total;


/* adds a consumer whose database is known; the name must be new there */
ngx_int_t ngx_oof_relay_consumer(ngx_conf_t *cf, ngx_oof_consumer_t *c);

/* a unit on the lease's lane, whose data says what "round" it is of */
ngx_oof_pg_unit_t *ngx_oof_relay_unit(ngx_oof_database_t *db, void *data,
    ngx_uint_t round, ngx_oof_sql_t *sql, ngx_oof_pg_handler_pt handler);

/*
 * A copy of an event whose members are set, with its text, in a pool of its
 * own; one reference; NULL: no memory.
 */
ngx_oof_relay_event_t *ngx_oof_relay_event_make(ngx_oof_relay_event_t *tmp);

/* the same of a row of relay_read, or relay_rows, as the relay asks for them */
ngx_oof_relay_event_t *ngx_oof_relay_event(ngx_oof_relay_t *relay,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);
void ngx_oof_relay_event_free(ngx_oof_relay_event_t *event);

/* there may be room in the window, or nothing may be needed of it any more */
void ngx_oof_relay_more(ngx_oof_relay_t *relay);

/* life of a consumer in the process that holds the lease */
ngx_int_t ngx_oof_consumer_init_process(ngx_cycle_t *cycle,
    ngx_oof_relay_t *relay, ngx_oof_consumer_t *c);
void ngx_oof_consumer_begin(ngx_oof_consumer_state_t *cs, int64_t cursor,
    int64_t generation, int64_t requeued);
void ngx_oof_consumer_look(ngx_oof_consumer_state_t *cs, int64_t generation,
    int64_t requeued);
void ngx_oof_consumer_run(ngx_oof_consumer_state_t *cs);
void ngx_oof_consumer_end(ngx_oof_consumer_state_t *cs);

/* the consumer runs after so many ms, or sooner */
void ngx_oof_consumer_arm(ngx_oof_consumer_state_t *cs, ngx_msec_t timer);

/* how many events are not acknowledged, and since when (us; 0: none) */
int64_t ngx_oof_consumer_lag(ngx_oof_consumer_state_t *cs, int64_t *since);

/* deliveries: a new one of an event, of a pending row; due ones */
ngx_int_t ngx_oof_delivery_take(ngx_oof_consumer_state_t *cs,
    ngx_oof_relay_event_t *event);
ngx_int_t ngx_oof_delivery_load(ngx_oof_consumer_state_t *cs,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
void ngx_oof_delivery_due(ngx_oof_consumer_state_t *cs);
void ngx_oof_delivery_come(ngx_oof_consumer_state_t *cs, int64_t position,
    ngx_oof_relay_event_t *event);
void ngx_oof_delivery_saved(ngx_oof_consumer_state_t *cs, ngx_uint_t ok);
void ngx_oof_delivery_clear(ngx_oof_consumer_state_t *cs);


#endif /* _NGX_OOF_RELAY_INT_H_INCLUDED_ */
