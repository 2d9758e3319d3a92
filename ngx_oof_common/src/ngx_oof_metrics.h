
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_METRICS_H_INCLUDED_
#define _NGX_OOF_METRICS_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Counters, gauges and histograms in shared memory.  A family is declared at
 * configuration time with all its label sets (never an organisation, a consent
 * or a raw URI), which makes the number of series fixed.  Each worker process
 * has a row of its own, to which it adds without a lock; a scrape sums the
 * rows.  Counters and histograms survive a reload that declares the same
 * families and series, and start again at zero with any other.
 */

#define NGX_OOF_METRIC_COUNTER    1
#define NGX_OOF_METRIC_GAUGE      2      /* summed over living workers */
#define NGX_OOF_METRIC_HISTOGRAM  3      /* seconds, fixed buckets */
#define NGX_OOF_METRIC_SPARSE     4      /* a gauge that is left out of the
                                          * text while no worker has set it */
#define NGX_OOF_METRIC_MOST       5      /* the same, but the greatest of the
                                          * living workers' */


typedef struct ngx_oof_family_s  ngx_oof_family_t;


/*
 * A static variable of the room that declares the family; its content is
 * private.  What counts is set in the worker from the running configuration,
 * so that a reload which failed has changed nothing.
 */

typedef struct {
    ngx_oof_family_t        *family;   /* of the newest configuration */
    ngx_uint_t               type;     /* the rest: set in a worker */
    ngx_uint_t               first;
    ngx_uint_t               series;
} ngx_oof_metric_t;


/* a row of the shared zone: what one process has counted */

typedef struct ngx_oof_metrics_row_s  ngx_oof_metrics_row_t;

struct ngx_oof_metrics_row_s {
    ngx_oof_metrics_row_t   *next;
    ngx_atomic_t             pid;      /* 0: free, the counts stay */
    u_char                   pad[64 - 2 * sizeof(void *)];
    ngx_atomic_t             cells[1];
};


/* the root of the zone: shm_zone->data of omcf->zone */

typedef struct {
    ngx_slab_pool_t         *shpool;
    ngx_oof_clock_shared_t   clock;
    ngx_oof_key_pool_t      *keys;
    ngx_uint_t               slots;
    ngx_uint_t               nrows;
    ngx_oof_metrics_row_t   *rows;
} ngx_oof_shared_t;


/*
 * Declares a family of "type"; "name" and "help" are literals.  Declaring the
 * same variable twice in one configuration does nothing the second time.
 * Families and series may be declared from preconfiguration on, until the
 * postconfiguration of ngx_oof_module ends.
 */
ngx_int_t ngx_oof_metric_add(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    const char *name, const char *help, ngx_uint_t type);

/*
 * Adds a series; "labels" ('class="read",db="main"') is copied and is written
 * as it is.  Returns the index to count with, which is that of the series with
 * these labels when there is one, or NGX_ERROR.  A family without any has one
 * series, 0, without labels.
 */
ngx_int_t ngx_oof_metric_series(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_str_t *labels);

/* both, for a family of a list of labels that ends with an empty one */
ngx_int_t ngx_oof_metric_add_list(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    const char *name, const char *help, ngx_uint_t type, ngx_str_t *labels);

/*
 * In a worker; cheap, no lock.  A gauge may be set or moved by "n" to either
 * side; what a process has set ends with the process.  A duration is given in
 * microseconds.  Elsewhere, and for a series that does not exist, nothing is
 * counted.
 */
void ngx_oof_metric_inc(ngx_oof_metric_t *metric, ngx_uint_t series,
    ngx_int_t n);
void ngx_oof_metric_set(ngx_oof_metric_t *metric, ngx_uint_t series,
    ngx_int_t value);
void ngx_oof_metric_observe(ngx_oof_metric_t *metric, ngx_uint_t series,
    uint64_t us);

/* takes back what this process has set in a gauge of the last two kinds */
void ngx_oof_metric_unset(ngx_oof_metric_t *metric, ngx_uint_t series);

/* content handler of "oof_metrics": Prometheus text 0.0.4 */
ngx_int_t ngx_oof_metrics_handler(ngx_http_request_t *r);

ngx_int_t ngx_oof_metrics_preconf(ngx_conf_t *cf);   /* starts declaring */
ngx_int_t ngx_oof_metrics_init(ngx_conf_t *cf);      /* makes the zone */
ngx_int_t ngx_oof_metrics_init_process(ngx_cycle_t *cycle);
void ngx_oof_metrics_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_METRICS_H_INCLUDED_ */
