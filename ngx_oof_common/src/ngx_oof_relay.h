
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_RELAY_H_INCLUDED_
#define _NGX_OOF_RELAY_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The relay takes what is new in the logs of events and of calls of a database,
 * gives each row the next position, and hands it to all consumers.  One process
 * of the installation does so, that which holds the lease "relay".
 *
 * A consumer has a name, a provider, which knows how to reach the receiver, and
 * in the database a cursor: every event at or before it was acknowledged or is
 * in the consumer's list of pending ones.  A consumer that is down holds up no
 * other.  Events of one key are handed out one after the other, the next when
 * the one before was acknowledged or was put aside for good; those of different
 * keys go side by side.  An event may come twice, after a crash: receivers know
 * it by its id.
 */

typedef struct ngx_oof_relay_s        ngx_oof_relay_t;
typedef struct ngx_oof_consumer_s     ngx_oof_consumer_t;
typedef struct ngx_oof_delivery_s     ngx_oof_delivery_t;
typedef struct ngx_oof_provider_s     ngx_oof_provider_t;
typedef struct ngx_oof_personal_s     ngx_oof_personal_t;

typedef struct ngx_oof_consumer_state_s  ngx_oof_consumer_state_t;


#define NGX_OOF_EVENTS_UNKNOWN  "is unknown"


/* of a row of the logs; what all consumers share, and nobody changes */

typedef struct {
    int64_t                  position;
    u_char                   id[NGX_OOF_UUID_LEN];
    u_char                   key[NGX_OOF_UUID_LEN];   /* of a consent ... */
    ngx_int_t                version;
    int64_t                  time;       /* when it happened, rule clock */
    int64_t                  stamp;
    ngx_str_t                brand;
    ngx_str_t                type;       /* "oof.consent.created" */
    ngx_str_t                data;       /* JSON object */
    ngx_str_t                json;       /* the whole, a CloudEvent 1.0 */
    ngx_oof_personal_t      *personal;   /* sealed; NULL: there is none, or
                                          * nobody asks for it */

    ngx_pool_t              *pool;       /* the rest: private */
    ngx_queue_t              queue;
    ngx_uint_t               references;
} ngx_oof_relay_event_t;


/* an event that a consumer is to take */

struct ngx_oof_delivery_s {
    ngx_oof_consumer_t      *consumer;
    ngx_oof_relay_event_t   *event;
    ngx_uint_t               attempts;   /* failed before this one */
    void                    *ctx;        /* the provider's, NULL at first */

    ngx_queue_t              queue;      /* the rest: private */
    ngx_queue_t              link;       /* ready, behind another */
    ngx_queue_t              hash;
    ngx_queue_t              behind;
    ngx_queue_t              change;
    int64_t                  position;
    u_char                   id[NGX_OOF_UUID_LEN];
    u_char                   key[NGX_OOF_UUID_LEN];
    ngx_msec_t               next;
    ngx_str_t                why;
    unsigned                 state:4;
    unsigned                 holder:1;   /* of its key */
    unsigned                 pending:1;  /* a row of the list of these */
    unsigned                 changed:1;  /* that row is not as it should be */
    unsigned                 saving:1;
    unsigned                 dead:1;
};


/*
 * A provider is one file and one row of the table in ngx_oof_provider.c, or
 * the provider of a consumer that a module adds by itself.  Any of its
 * functions but "send" may be NULL.
 *
 * At configuration time "create" is called when "oof_events PROVIDER NAME {"
 * begins and sets consumer->conf; "line" for each line of the block that is not
 * the relay's own ("value" has "n" words, which end with a zero byte); "init"
 * in postconfiguration, when a "resolver" is known.  They return NGX_CONF_OK,
 * NGX_CONF_ERROR when the reason was logged, or the reason, as in "takes one
 * value".
 *
 * In the process that holds the lease: "start" before the first event, which
 * may set consumer->ctx; for NGX_ERROR it is called again later.  "send" takes
 * 1 to "batch" deliveries, never blocks, and answers each of them once, later
 * or at once, in any order, by ngx_oof_relay_done().  They and their events
 * live until then.  "stop" when the lease or the process ends: it forgets all
 * deliveries it has, and frees what "start" made, within half a second.
 */

struct ngx_oof_provider_s {
    ngx_str_t                name;       /* "kafka" */
    ngx_uint_t               batch;      /* deliveries in a call of "send" */
    ngx_uint_t               most;       /* unanswered at a time */

    char                  *(*create)(ngx_conf_t *cf, ngx_oof_consumer_t *c);
    char                  *(*line)(ngx_conf_t *cf, ngx_oof_consumer_t *c,
                                   ngx_str_t *value, ngx_uint_t n);
    char                  *(*init)(ngx_conf_t *cf, ngx_oof_consumer_t *c);

    ngx_int_t              (*start)(ngx_oof_consumer_t *c);
    void                   (*send)(ngx_oof_consumer_t *c,
                                   ngx_oof_delivery_t **deliveries,
                                   ngx_uint_t n);
    void                   (*stop)(ngx_oof_consumer_t *c);

    /* whether the event is for it at all; called once for each */
    ngx_uint_t             (*wants)(ngx_oof_consumer_t *c,
                                    ngx_oof_relay_event_t *event);
};


struct ngx_oof_consumer_s {
    ngx_str_t                name;       /* 1 to 64 characters, of a database
                                          * once */
    ngx_oof_database_t      *db;
    ngx_oof_provider_t      *provider;
    void                    *conf;       /* the provider's */
    void                    *ctx;        /* the provider's */

    ngx_uint_t               attempts;   /* until an event is dead; 0: never */
    ngx_msec_t               backoff;    /* the longest */
    ngx_array_t             *types;      /* of ngx_str_t; NULL: all */
    ngx_uint_t               personal;   /* documents and accounts too */

    ngx_str_t                database;   /* the rest: private */
    ngx_uint_t               series;
    ngx_oof_relay_t         *relay;
    ngx_oof_consumer_state_t  *state;
};


/*
 * What became of a delivery, which is gone with the call:
 *
 *     NGX_OK         the receiver has acknowledged it
 *     NGX_AGAIN      it has failed: an attempt is counted, and it is sent again
 *                    after a while, which grows from 1 s to "backoff"; it is
 *                    dead after "attempts" of them
 *     NGX_DECLINED   the receiver will never take it: it is dead at once
 *     NGX_BUSY       the receiver cannot be reached or takes nothing now, which
 *                    says nothing of the event: no attempt is counted, and the
 *                    consumer rests a while, from 100 ms to 5 s
 *
 * "why" is for the log and for who looks at dead events: a literal or a text
 * that need not outlive the call, without secrets, at most 255 bytes of it are
 * kept; it may be NULL.
 */
void ngx_oof_relay_done(ngx_oof_delivery_t *delivery, ngx_int_t rc,
    const char *why);

/*
 * Adds a consumer that no block declares: at configuration time, until
 * postconfiguration ends (see ngx_oof_init_register()).  Does nothing but
 * return it where the database says "lease off".  NULL: no memory, or the name
 * is taken, which is logged.
 */
ngx_oof_consumer_t *ngx_oof_consumer_add(ngx_conf_t *cf,
    ngx_oof_database_t *db, ngx_str_t *name, ngx_oof_provider_t *provider);

/*
 * Writes the CloudEvent of "event", whose other members are set, to
 * event->json, in "pool"; NGX_OK or NGX_ERROR.  For readers of the logs that
 * are no consumers.
 */
ngx_int_t ngx_oof_relay_envelope(ngx_oof_relay_event_t *event,
    ngx_pool_t *pool);

/* what the event has as traceparent, in its data; empty: none */
void ngx_oof_relay_trace(ngx_oof_relay_event_t *event, ngx_str_t *trace);

/*
 * A row of the view oof_log as a statement gives it in the columns from "col":
 * position, id, type, brand, key, version, "time", stamp, data.  Texts point
 * into the result.
 */
void ngx_oof_relay_row(ngx_oof_relay_event_t *event, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_uint_t col);

/* the highest position that is known on this host, 0 for none */
int64_t ngx_oof_relay_head(ngx_oof_database_t *db);

/* something was written to a log of "db": called by any process, cheap */
void ngx_oof_relay_wake(ngx_oof_database_t *db);

/* "oof_events PROVIDER [NAME] { ... }" */
char *ngx_oof_events_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* checks and completes what these blocks say: all databases are configured */
ngx_int_t ngx_oof_events_init(ngx_conf_t *cf);

/* the row of the table of this name, or NULL */
ngx_oof_provider_t *ngx_oof_provider_find(ngx_str_t *name);

ngx_int_t ngx_oof_relay_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_relay_init(ngx_conf_t *cf);      /* leases and metrics */
ngx_int_t ngx_oof_relay_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_oof_relay_init_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_RELAY_H_INCLUDED_ */
