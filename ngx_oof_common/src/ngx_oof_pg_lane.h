
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PG_LANE_H_INCLUDED_
#define _NGX_OOF_PG_LANE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What the files ngx_oof_pg*.c share; nobody else includes it.
 *
 *     pg          public interface, life of the process
 *     pg_conf     oof_database { }
 *     pg_check    what can be known of the server at the start
 *     pg_unit     parameters and results
 *     pg_queue    waiting units, keys, deadlines, ends
 *     pg_connect  a lane's way from a name to prepared statements
 *     pg_lane     a lane's life and its socket
 *     pg_segment  units on their way, and what becomes of them
 *
 * A unit's handler is called from two places only, the "done" and "tick"
 * events of its database, never from inside the lanes: so handlers may send
 * and detach units as they like, and nothing here is entered twice.
 */

#define NGX_OOF_PG_CLASSES       4

#define NGX_OOF_PG_MAX_RUNS      3
#define NGX_OOF_PG_MAX_LANES     2       /* read lanes */
#define NGX_OOF_PG_MAX_SEGMENTS  16      /* in flight on a lane */
#define NGX_OOF_PG_MAX_HOSTS     16      /* addresses tried by an attempt */

/* segments in flight on a read lane; what comes meanwhile makes longer ones */
#define NGX_OOF_PG_READ_AHEAD    4

/* segments on a write lane, when the queue fills another */
#define NGX_OOF_PG_WRITE_AHEAD   2

/*
 * A class is down when each of its lanes has got as many strikes in a row: two
 * servers that could not be reached, or more that let it in and went away.  A
 * backend that somebody has ended is none.
 */
#define NGX_OOF_PG_MAX_STRIKES   6
#define NGX_OOF_PG_STRIKE_OUT    3
#define NGX_OOF_PG_STRIKE_LOST   1
#define NGX_OOF_PG_STRIKE_ENDED  0

#define NGX_OOF_PG_DEADLINE      15000   /* of a unit that names none */
#define NGX_OOF_PG_TICK          100     /* deadlines are looked at */
#define NGX_OOF_PG_BACKOFF       50
#define NGX_OOF_PG_MAX_BACKOFF   1000
#define NGX_OOF_PG_STALL         1000    /* plus 3 statement_timeout */
#define NGX_OOF_PG_QUIT_LINGER   1000    /* unused lanes of a quitting worker */
#define NGX_OOF_PG_LEASE_LINGER  10000   /* unused lease lanes */
#define NGX_OOF_PG_CHECK         2000    /* at the start */


/* where a unit is, u->state */

#define NGX_OOF_PG_UNIT_NEW      0
#define NGX_OOF_PG_UNIT_WAITING  1       /* in its class's queue */
#define NGX_OOF_PG_UNIT_BEHIND   2       /* behind another one of its key */
#define NGX_OOF_PG_UNIT_SENT     3       /* in a segment */
#define NGX_OOF_PG_UNIT_ENDED    4       /* its handler is called next */


/* lane->state */

#define NGX_OOF_PG_LANE_CLOSED      0    /* opened when a unit comes */
#define NGX_OOF_PG_LANE_PAUSE       1    /* before the next attempt */
#define NGX_OOF_PG_LANE_RESOLVING   2
#define NGX_OOF_PG_LANE_CONNECTING  3
#define NGX_OOF_PG_LANE_PREPARING   4
#define NGX_OOF_PG_LANE_UP          5


/* u->rc in metrics, after NGX_OOF_PG_ERROR: a read that nobody awaits */

#define NGX_OOF_PG_LEFT          5
#define NGX_OOF_PG_ENDS          6


/* why units ran again */

#define NGX_OOF_PG_AGAIN_BUSY    0       /* a row was held */
#define NGX_OOF_PG_AGAIN_ERROR   1       /* their own error */
#define NGX_OOF_PG_AGAIN_SHARED  2       /* a neighbour's error */
#define NGX_OOF_PG_AGAIN_COMMIT  3
#define NGX_OOF_PG_AGAIN_LOST    4       /* the lane's end */
#define NGX_OOF_PG_AGAINS        5


#define NGX_OOF_PG_SIZES         6       /* of segments, in metrics */


typedef struct ngx_oof_pg_lane_s   ngx_oof_pg_lane_t;
typedef struct ngx_oof_pg_class_s  ngx_oof_pg_class_t;


/* empty strings where libpq has its defaults */

typedef struct {
    ngx_str_t                host;
    ngx_str_t                addr;
    ngx_str_t                port;
    unsigned                 name:1;     /* host is to be looked up */
} ngx_oof_pg_host_t;


/* what goes from one Sync to the next */

typedef struct {
    ngx_queue_t              units;
    ngx_uint_t               nunits;
    size_t                   size;

    /* whose result comes next; NULL: only the commit's */
    ngx_oof_pg_unit_t       *unit;
    ngx_uint_t               statement;

    ngx_oof_pg_unit_t       *culprit;
    ngx_uint_t               many;       /* units of the statement that failed;
                                          * 0: it was of one */
    char                     sqlstate[6];

    unsigned                 got:1;      /* this statement's result */
    unsigned                 error:1;
} ngx_oof_pg_segment_t;


struct ngx_oof_pg_lane_s {
    ngx_oof_pg_class_t      *class;
    ngx_uint_t               state;

    PGconn                  *conn;
    ngx_connection_t        *connection; /* owns a dup() of libpq's socket */

    /* end of an attempt, of a pause, or of an unused lane */
    ngx_event_t              timer;

    /* an attempt */
    ngx_pool_t              *pool;
    ngx_array_t             *hosts;      /* of ngx_oof_pg_host_t */
    ngx_uint_t               nhost;
    ngx_resolver_ctx_t      *resolve;
    ngx_uint_t               rotate;
    ngx_uint_t               prepared;
    ngx_uint_t               failures;   /* attempts in a row */
    ngx_uint_t               strikes;
    ngx_msec_t               up;         /* since */

    /* a ring */
    ngx_oof_pg_segment_t     segments[NGX_OOF_PG_MAX_SEGMENTS];
    ngx_uint_t               first;
    ngx_uint_t               nsegments;
    ngx_msec_t               heard;      /* or sent to */
    const char              *why;        /* it is left; NULL: libpq tells */

    unsigned                 got:1;      /* while preparing */
    unsigned                 refused:1;  /* a statement is */
    unsigned                 ended:1;    /* the server said so itself */
};


struct ngx_oof_pg_class_s {
    ngx_oof_database_t      *db;
    ngx_uint_t               class;

    ngx_oof_pg_lane_t       *lanes;
    ngx_uint_t               nlanes;

    ngx_queue_t              waiting;
    ngx_uint_t               nwaiting;   /* those behind another too */

    ngx_event_t              send;       /* posted, end of the turn */
};


struct ngx_oof_database_s {
    ngx_str_t                name;

    ngx_uint_t               read_lanes;
    ngx_uint_t               queue;
    ngx_uint_t               segment_units;
    size_t                   segment_size;
    ngx_msec_t               statement_timeout;
    ngx_msec_t               lock_timeout;
    ngx_msec_t               solo_lock_timeout;
    ngx_msec_t               connect_timeout;
    ngx_uint_t               lease;

    ngx_array_t              keywords;   /* of char *, without hosts */
    ngx_array_t              values;     /* of char * */
    ngx_array_t              hosts;      /* of ngx_oof_pg_host_t */
    ngx_resolver_t          *resolver;   /* NULL: no name to look up */
    ngx_array_t             *statements; /* of ngx_oof_sql_t * */
    ngx_uint_t               number;     /* its place among databases */

    /* in a worker */

    ngx_oof_pg_class_t       classes[NGX_OOF_PG_CLASSES];

    ngx_queue_t              units;      /* all, by time of sending */
    ngx_uint_t               nunits;
    ngx_queue_t              ended;

    ngx_event_t              done;       /* posted, for the ended */
    ngx_event_t              tick;       /* while there are units */

    ngx_queue_t             *keys;
    ngx_uint_t               nkeys;      /* a power of two */
    uint64_t                 seed[2];

    unsigned                 working:1;  /* has lanes */
};


/* pg */

extern ngx_oof_metric_t  ngx_oof_pg_units_total;
extern ngx_oof_metric_t  ngx_oof_pg_again_total;
extern ngx_oof_metric_t  ngx_oof_pg_segments_total;
extern ngx_oof_metric_t  ngx_oof_pg_reconnects_total;
extern ngx_oof_metric_t  ngx_oof_pg_lanes_up;
extern ngx_oof_metric_t  ngx_oof_pg_queue_depth;
extern ngx_oof_metric_t  ngx_oof_pg_wait_seconds;
extern ngx_oof_metric_t  ngx_oof_pg_unit_seconds;

#define ngx_oof_pg_series(db, class)                                          \
    ((db)->number * NGX_OOF_PG_CLASSES + (class))

/* declares the series of a new database */
ngx_int_t ngx_oof_pg_metrics(ngx_conf_t *cf, ngx_oof_database_t *db);


/* pg_conf: fills in resolver and addresses when http{} has been read */
ngx_int_t ngx_oof_pg_conf_hosts(ngx_conf_t *cf, ngx_oof_database_t *db);


/*
 * pg_check: of ngx_oof_database_t *, with their hosts.  NGX_ERROR when the
 * configuration cannot work, with a message.
 */
ngx_int_t ngx_oof_pg_check(ngx_conf_t *cf, ngx_array_t *databases);


/* pg_unit */

void ngx_oof_pg_unit_clear(ngx_oof_pg_unit_t *u);   /* results */


/*
 * pg_queue.  ngx_oof_pg_again() puts units back before all others in their
 * order; ngx_oof_pg_end() takes one that is in no queue.
 */

/* in a worker, before its lanes open */
ngx_int_t ngx_oof_pg_queue_init(ngx_cycle_t *cycle, ngx_oof_database_t *db);

/* behind the units of its key, or last of its class; and out of there */
void ngx_oof_pg_enqueue(ngx_oof_pg_unit_t *u);
void ngx_oof_pg_dequeue(ngx_oof_pg_unit_t *u);

/* units of a list, and one that may wait for rows from now on */
void ngx_oof_pg_again(ngx_queue_t *units);
void ngx_oof_pg_solo(ngx_oof_pg_unit_t *u);

/* its handler is called in the "done" event, with "rc" */
void ngx_oof_pg_end(ngx_oof_pg_unit_t *u, ngx_uint_t rc);

/* no lane of the class can be had; then those that wait are told so */
ngx_uint_t ngx_oof_pg_down(ngx_oof_pg_class_t *class);
void ngx_oof_pg_refuse(ngx_oof_pg_class_t *class);

/* all that wait end; all are freed, and nobody is told */
void ngx_oof_pg_end_all(ngx_oof_database_t *db);
void ngx_oof_pg_free_all(ngx_oof_database_t *db);


/* pg_connect */

/* begins an attempt, ends what is its own, goes on with it */
void ngx_oof_pg_connect(ngx_oof_pg_lane_t *lane);
void ngx_oof_pg_connect_abort(ngx_oof_pg_lane_t *lane);
void ngx_oof_pg_connect_event(ngx_oof_pg_lane_t *lane);
void ngx_oof_pg_prepare_event(ngx_oof_pg_lane_t *lane);

/* a connection to "hosts", starting with number "first" of them */
PGconn *ngx_oof_pg_connect_start(ngx_oof_database_t *db, ngx_array_t *hosts,
    ngx_uint_t first, ngx_pool_t *pool);

/* enters pipeline mode; sends settings, all statements, and a Sync */
ngx_int_t ngx_oof_pg_prepare_send(PGconn *conn, ngx_oof_database_t *db,
    ngx_uint_t class);

/* the name of the statement that is the n-th to be prepared */
const char *ngx_oof_pg_prepare_name(ngx_oof_database_t *db, ngx_uint_t n);


/* pg_lane */

/* a lane that is closed; and one that is wanted */
void ngx_oof_pg_lane_init(ngx_oof_pg_class_t *class, ngx_oof_pg_lane_t *lane);
void ngx_oof_pg_lane_open(ngx_oof_pg_lane_t *lane);

/* an attempt has ended: it is up, or not, for a reason, which counts so much */
void ngx_oof_pg_lane_ready(ngx_oof_pg_lane_t *lane);
void ngx_oof_pg_lane_failed(ngx_oof_pg_lane_t *lane, const char *why,
    ngx_uint_t strikes);

/* one that was up has ended; one is not needed; one has nothing to do */
void ngx_oof_pg_lane_lost(ngx_oof_pg_lane_t *lane, const char *why);
void ngx_oof_pg_lane_close(ngx_oof_pg_lane_t *lane);
void ngx_oof_pg_lane_idle(ngx_oof_pg_lane_t *lane);

/*
 * Watches libpq's socket, for reading or writing, or no more; writes what libpq
 * has kept.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_pg_lane_attach(ngx_oof_pg_lane_t *lane, ngx_uint_t write);
void ngx_oof_pg_lane_detach(ngx_oof_pg_lane_t *lane);
ngx_int_t ngx_oof_pg_lane_flush(ngx_oof_pg_lane_t *lane);

/* the first line of libpq's message about a connection, for the log */
ngx_str_t *ngx_oof_pg_message(const char *message);


/* pg_segment */

/* sends what may be sent; a failure ends the lane */
void ngx_oof_pg_segment_send(ngx_oof_pg_lane_t *lane);

/* NGX_OK, or NGX_ERROR: the lane is of no more use */
ngx_int_t ngx_oof_pg_segment_results(ngx_oof_pg_lane_t *lane);

/* the lane has ended: its units run again, or end */
void ngx_oof_pg_segment_lost(ngx_oof_pg_lane_t *lane);

/* an error after which nothing comes */
ngx_uint_t ngx_oof_pg_is_fatal(PGresult *res);

/* writes an SQL error to the log, without data */
void ngx_oof_pg_log_error(ngx_uint_t level, ngx_oof_database_t *db,
    const char *statement, PGresult *res);


#endif /* _NGX_OOF_PG_LANE_H_INCLUDED_ */
