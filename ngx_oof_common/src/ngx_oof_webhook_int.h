
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_WEBHOOK_INT_H_INCLUDED_
#define _NGX_OOF_WEBHOOK_INT_H_INCLUDED_


#include <ngx_oof.h>


/* what the parts of the webhooks share */


/*
 * Hosts that are called, and how many calls at once each may have: one until it
 * has answered in good time, one more after each such answer, and one again
 * after any other.  While calls of hosts that have not answered so the last
 * time, or let us wait now, are half of all, no other call of such a host
 * begins: any number of dead ones leaves the other half.
 */

#define NGX_OOF_WEBHOOK_HOSTS  4096     /* that are remembered */

typedef struct {
    ngx_str_node_t           sn;
    ngx_queue_t              queue;      /* the one used last comes first */
    ngx_uint_t               running;
    ngx_uint_t               may;        /* calls at once */
    unsigned                 bad:1;
} ngx_oof_webhook_host_t;

typedef struct {
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;
    ngx_uint_t               n;
    ngx_uint_t               running;
    ngx_uint_t               doubtful;   /* of them to bad hosts */
    ngx_uint_t               max;
    ngx_uint_t               host_max;
} ngx_oof_webhook_hosts_t;


/* at most "max" calls at once, and "host_max" of one host */
void ngx_oof_webhook_hosts_init(ngx_oof_webhook_hosts_t *hosts,
    ngx_uint_t max, ngx_uint_t host_max);

/* a call begins; NULL: no memory */
ngx_oof_webhook_host_t *ngx_oof_webhook_host_begin(
    ngx_oof_webhook_hosts_t *hosts, ngx_str_t *name, ngx_log_t *log);

/* it is slow, which is not good */
void ngx_oof_webhook_host_slow(ngx_oof_webhook_hosts_t *hosts,
    ngx_oof_webhook_host_t *host);

/* it has ended; the host may be gone then */
void ngx_oof_webhook_host_end(ngx_oof_webhook_hosts_t *hosts,
    ngx_oof_webhook_host_t *host, ngx_uint_t good);

/*
 * A JSON object of hosts that are known: how many calls more each may have, -1
 * for one of a bad host.  A host that is not in it may have one.
 */
void ngx_oof_webhook_hosts_write(ngx_oof_webhook_hosts_t *hosts,
    ngx_oof_json_t *w);

/* how many calls more bad hosts may have together */
ngx_uint_t ngx_oof_webhook_hosts_doubtful(ngx_oof_webhook_hosts_t *hosts);


/* forgets all of them */
void ngx_oof_webhook_hosts_free(ngx_oof_webhook_hosts_t *hosts);


/* a brand, and how its webhooks are called */

typedef struct {
    ngx_str_t                brand;
    ngx_str_t                urn_namespace;  /* empty: the brand's */
    ngx_oof_database_t      *db;
    ngx_oof_webhooks_t      *conf;
} ngx_oof_webhook_use_t;


/* who makes the calls: one for each database */

typedef struct {
    ngx_oof_lease_t          lease;
    ngx_array_t              uses;       /* of ngx_oof_webhook_use_t * */
    ngx_uint_t               series;
    time_t                   keep;
    ngx_msec_t               queue_time;

    ngx_oof_webhook_hosts_t  hosts;
    ngx_queue_t              batches;    /* of events, that are written */
    ngx_queue_t              calls;      /* under way */
    ngx_queue_t              results;    /* to be written */
    ngx_queue_t              writing;    /* and those that are */

    ngx_event_t              timer;
    ngx_event_t              quit;
    u_char                   unit[NGX_OOF_UUID_LEN];
    int64_t                  epoch;      /* that was asked for */
    int64_t                  due;        /* the first, real clock; 0: none */
    ngx_msec_t               since;      /* the lease was taken */
    ngx_msec_t               purge;      /* when to */
    ngx_uint_t               taken;      /* rows, of the last unit */

    ngx_oof_sql_t           *find;       /* what comes due, NULL: nothing */
    ngx_msec_t               look;       /* when to */
    int64_t                  found;      /* up to here, 0: from the start */
    u_char                   found_id[NGX_OOF_UUID_LEN];

    unsigned                 asking:1;
    unsigned                 woken:1;
    unsigned                 known:1;    /* unit: may have been done */
    unsigned                 finds:1;    /* some bank wants to be told */
} ngx_oof_webhook_sender_t;


/* whether anybody is told of events of a type, of a brand */
ngx_uint_t ngx_oof_webhook_known(ngx_oof_webhook_sender_t *s,
    ngx_str_t *brand, ngx_str_t *type);

/*
 * Writes what third parties, and the bank, are to be told of an event into the
 * arrays that webhook_add and webhook_add_bank take.  NGX_DECLINED: nothing;
 * NGX_ERROR: no memory, or its data is not what it must be.
 */
ngx_int_t ngx_oof_webhook_event(ngx_oof_webhook_sender_t *s, ngx_pool_t *pool,
    ngx_oof_relay_event_t *ev, ngx_oof_json_t *tpp, ngx_oof_json_t *bank);

/*
 * "/open-banking/webhook/v1/payments/v4/consents/{consentId}" of the URL of a
 * call for an event of this type; NGX_DECLINED: it is no such URL
 */
ngx_int_t ngx_oof_webhook_endpoint(ngx_pool_t *pool, ngx_str_t *type,
    ngx_str_t *url, ngx_str_t *endpoint);

/* the statements of both arrays; NGX_DECLINED: both are empty */
ngx_int_t ngx_oof_webhook_statements(ngx_oof_pg_unit_t *u,
    ngx_oof_json_t *tpp, ngx_oof_json_t *bank);


/* how a brand of that database is called, NULL: it is not */
ngx_oof_webhook_use_t *ngx_oof_webhook_brand(ngx_oof_webhook_sender_t *s,
    ngx_str_t *brand);

/* there are new rows */
void ngx_oof_webhook_wake(ngx_oof_webhook_sender_t *s);

/* the lease of a database's sender, and the end of the worker */
ngx_int_t ngx_oof_webhook_send_init(ngx_conf_t *cf,
    ngx_oof_webhook_sender_t *s);
void ngx_oof_webhook_send_exit(ngx_oof_webhook_sender_t *s);
/* the relay's consumer that fills the queue */
ngx_int_t ngx_oof_webhook_consumer(ngx_conf_t *cf,
    ngx_oof_webhook_sender_t *s);
/* routes of the bank's side: lists, and calls that are made again */
ngx_int_t ngx_oof_webhook_list_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_WEBHOOK_INT_H_INCLUDED_ */
