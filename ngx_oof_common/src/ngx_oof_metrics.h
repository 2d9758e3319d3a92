
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_METRICS_H_INCLUDED_
#define _NGX_OOF_METRICS_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Counters, gauges and histograms in shared memory.  A family is declared at
 * configuration time with all its label sets (never an organisation, a consent
 * or a raw URI), which makes the number of series fixed; a worker adds to its
 * own row without a lock, a scrape sums the rows.
 */

#define NGX_OOF_METRIC_COUNTER    1
#define NGX_OOF_METRIC_GAUGE      2      /* summed over workers */
#define NGX_OOF_METRIC_HISTOGRAM  3      /* seconds, fixed buckets */


typedef struct {
    ngx_str_t        name;         /* "oof_db_units_total" */
    ngx_str_t        help;
    ngx_uint_t       type;
    ngx_uint_t       first;        /* slot of the first series */
    ngx_array_t      labels;       /* of ngx_str_t: "class=\"read\"" */
} ngx_oof_metric_t;


/*
 * Declares a family; "metric" is a static variable of the room that is reset
 * at each configuration.  Series are added by ngx_oof_metric_series(), which
 * returns the index to count with (0 is the series with no labels when none
 * was added).
 */
ngx_int_t ngx_oof_metric_add(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    const char *name, const char *help, ngx_uint_t type);
ngx_int_t ngx_oof_metric_series(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_str_t *labels);

/* in a worker; cheap, no lock */
void ngx_oof_metric_inc(ngx_oof_metric_t *metric, ngx_uint_t series,
    ngx_int_t n);
void ngx_oof_metric_set(ngx_oof_metric_t *metric, ngx_uint_t series,
    ngx_int_t value);
void ngx_oof_metric_observe(ngx_oof_metric_t *metric, ngx_uint_t series,
    uint64_t us);

/* content handler of "oof_metrics": Prometheus text 0.0.4 */
ngx_int_t ngx_oof_metrics_handler(ngx_http_request_t *r);

ngx_int_t ngx_oof_metrics_preconf(ngx_conf_t *cf);   /* starts declaring */
ngx_int_t ngx_oof_metrics_init(ngx_conf_t *cf);      /* makes the zone */
ngx_int_t ngx_oof_metrics_init_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_METRICS_H_INCLUDED_ */
