
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_METRICS_BUCKETS   14

/* cells of a histogram's series: the buckets, what is above them, the sum */
#define NGX_OOF_METRICS_CELLS     (NGX_OOF_METRICS_BUCKETS + 2)

#define NGX_OOF_METRICS_BUF       16384

/* a sparse gauge that was not set */
#define NGX_OOF_METRICS_UNSET     ((ngx_atomic_uint_t) 1                      \
                                   << (sizeof(ngx_atomic_uint_t) * 8 - 1))


struct ngx_oof_family_s {
    ngx_oof_metric_t        *metric;
    ngx_str_t                name;
    ngx_str_t                help;
    ngx_uint_t               type;
    ngx_uint_t               first;
    ngx_array_t              labels;       /* of ngx_str_t */
};


/* what the zone's initialization needs and a configuration knows */

typedef struct {
    ngx_cycle_t             *cycle;
    ngx_oof_shared_t        *old;          /* with another layout */
    ngx_oof_main_conf_t     *omcf;
} ngx_oof_metrics_ctx_t;


/* the text that grows in a request */

typedef struct {
    ngx_pool_t              *pool;
    ngx_array_t              alive;        /* of ngx_oof_metrics_row_t * */
    ngx_chain_t             *out;
    ngx_chain_t            **last;
    ngx_buf_t               *buf;
    size_t                   size;
    unsigned                 failed:1;
} ngx_oof_metrics_text_t;


static ngx_oof_family_t *ngx_oof_metric_family(ngx_oof_main_conf_t *omcf,
    ngx_oof_metric_t *metric);
static uint64_t ngx_oof_metrics_layout(ngx_oof_main_conf_t *omcf);
static uint64_t ngx_oof_metrics_hash(uint64_t hash, ngx_str_t *value);
static ngx_oof_shared_t *ngx_oof_metrics_old(ngx_conf_t *cf, ngx_str_t *name,
    size_t size);
static ngx_int_t ngx_oof_metrics_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_oof_metrics_row_t *ngx_oof_metrics_new_row(
    ngx_oof_shared_t *shared);
static ngx_oof_metrics_row_t *ngx_oof_metrics_take_row(
    ngx_oof_shared_t *shared);
static ngx_uint_t ngx_oof_metrics_alive(ngx_oof_metrics_row_t *row);

static ngx_int_t ngx_oof_metrics_start(ngx_http_request_t *r,
    ngx_oof_metrics_text_t *t, ngx_oof_shared_t *shared);
static ngx_int_t ngx_oof_metrics_send(ngx_http_request_t *r,
    ngx_oof_metrics_text_t *t);
static void ngx_oof_metrics_family(ngx_oof_metrics_text_t *t,
    ngx_oof_shared_t *shared, ngx_oof_family_t *family);
static void ngx_oof_metrics_gauge(ngx_oof_metrics_text_t *t,
    ngx_oof_family_t *family, ngx_str_t *labels, ngx_uint_t cell);
static void ngx_oof_metrics_histogram(ngx_oof_metrics_text_t *t,
    ngx_oof_shared_t *shared, ngx_oof_family_t *family, ngx_str_t *labels,
    ngx_uint_t cell);
static ngx_atomic_uint_t ngx_oof_metrics_sum(ngx_oof_shared_t *shared,
    ngx_uint_t cell);
static void ngx_oof_metrics_line(ngx_oof_metrics_text_t *t,
    ngx_oof_family_t *family, const char *suffix, ngx_str_t *labels,
    const char *le, const char *fmt, uint64_t value);
static u_char *ngx_oof_metrics_room(ngx_oof_metrics_text_t *t, size_t size);


/* microseconds, and seconds as the text has them */

static uint64_t  ngx_oof_metrics_bounds[NGX_OOF_METRICS_BUCKETS] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 1500000, 2000000, 4000000, 15000000
};


static const char  *ngx_oof_metrics_le[NGX_OOF_METRICS_BUCKETS + 1] = {
    "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
    "1", "1.5", "2", "4", "15", "+Inf"
};


static const char  *ngx_oof_metrics_types[] = {
    "", "counter", "gauge", "histogram", "gauge", "gauge"
};


static ngx_oof_metrics_row_t  *ngx_oof_metrics_row;


ngx_int_t
ngx_oof_metrics_preconf(ngx_conf_t *cf)
{
    /*
     * The list of families belongs to the main configuration, which is new;
     * other modules may have declared some before this one.
     */

    return NGX_OK;
}


ngx_int_t
ngx_oof_metric_add(ngx_conf_t *cf, ngx_oof_metric_t *metric, const char *name,
    const char *help, ngx_uint_t type)
{
    ngx_oof_family_t     *family, **fp;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    if (ngx_oof_metric_family(omcf, metric)) {
        return NGX_OK;
    }

    if (omcf->zone) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "metric \"%s\" is declared too late", name);
        return NGX_ERROR;
    }

    family = ngx_pcalloc(cf->pool, sizeof(ngx_oof_family_t));
    if (family == NULL) {
        return NGX_ERROR;
    }

    family->metric = metric;
    family->name.data = (u_char *) name;
    family->name.len = ngx_strlen(name);
    family->help.data = (u_char *) help;
    family->help.len = ngx_strlen(help);
    family->type = type;

    if (ngx_array_init(&family->labels, cf->pool, 4, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    fp = ngx_array_push(&omcf->metrics);
    if (fp == NULL) {
        return NGX_ERROR;
    }

    *fp = family;
    metric->family = family;

    return NGX_OK;
}


/*
 * The family that this configuration has declared for the variable, whose own
 * pointer may be one of an older configuration.
 */

static ngx_oof_family_t *
ngx_oof_metric_family(ngx_oof_main_conf_t *omcf, ngx_oof_metric_t *metric)
{
    ngx_uint_t          i;
    ngx_oof_family_t  **families;

    families = omcf->metrics.elts;

    for (i = 0; i < omcf->metrics.nelts; i++) {
        if (families[i]->metric == metric) {
            return families[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_metric_series(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    ngx_str_t *labels)
{
    ngx_str_t            *label;
    ngx_uint_t            i;
    ngx_oof_family_t     *family;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    family = ngx_oof_metric_family(omcf, metric);

    if (family == NULL || omcf->zone) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "metric series \"%V\" is declared at a wrong time",
                           labels);
        return NGX_ERROR;
    }

    label = family->labels.elts;

    for (i = 0; i < family->labels.nelts; i++) {
        if (label[i].len == labels->len
            && ngx_memcmp(label[i].data, labels->data, labels->len) == 0)
        {
            return i;
        }
    }

    label = ngx_array_push(&family->labels);
    if (label == NULL) {
        return NGX_ERROR;
    }

    label->len = labels->len;
    label->data = ngx_pstrdup(cf->pool, labels);

    if (label->data == NULL) {
        return NGX_ERROR;
    }

    return family->labels.nelts - 1;
}


ngx_int_t
ngx_oof_metric_add_list(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    const char *name, const char *help, ngx_uint_t type, ngx_str_t *labels)
{
    if (ngx_oof_metric_add(cf, metric, name, help, type) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( /* void */ ; labels->len; labels++) {
        if (ngx_oof_metric_series(cf, metric, labels) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The zone is named after its layout, so that nginx keeps it over a reload
 * which has the same and makes a new one otherwise: workers of the older
 * configuration go on with the memory that they know.
 */

ngx_int_t
ngx_oof_metrics_init(ngx_conf_t *cf)
{
    uint64_t                layout;
    ngx_str_t               name;
    ngx_uint_t              i, n;
    ngx_oof_family_t      **families;
    ngx_oof_main_conf_t    *omcf;
    ngx_oof_metrics_ctx_t  *ctx;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    families = omcf->metrics.elts;
    omcf->slots = 0;

    for (i = 0; i < omcf->metrics.nelts; i++) {
        n = families[i]->labels.nelts ? families[i]->labels.nelts : 1;

        families[i]->first = omcf->slots;

        omcf->slots += families[i]->type == NGX_OOF_METRIC_HISTOGRAM
                       ? n * NGX_OOF_METRICS_CELLS : n;
    }

    layout = ngx_oof_metrics_layout(omcf);

    name.data = ngx_pnalloc(cf->pool, sizeof("oof_") - 1 + 16);
    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_oof_metrics_ctx_t));

    if (name.data == NULL || ctx == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "oof_%016xL", layout) - name.data;

    ctx->cycle = cf->cycle;
    ctx->old = ngx_oof_metrics_old(cf, &name, omcf->zone_size);
    ctx->omcf = omcf;

    omcf->zone = ngx_shared_memory_add(cf, &name, omcf->zone_size,
                                       &ngx_oof_module);
    if (omcf->zone == NULL) {
        return NGX_ERROR;
    }

    omcf->zone->init = ngx_oof_metrics_init_zone;
    omcf->zone->data = ctx;

    return NGX_OK;
}


static uint64_t
ngx_oof_metrics_layout(ngx_oof_main_conf_t *omcf)
{
    uint64_t            hash;
    ngx_str_t          *label, version = ngx_string(NGX_OOF_VERSION);
    ngx_uint_t          i, k;
    ngx_oof_family_t  **families;

    hash = ngx_oof_metrics_hash(0xcbf29ce484222325ULL, &version);
    families = omcf->metrics.elts;

    for (i = 0; i < omcf->metrics.nelts; i++) {
        hash = ngx_oof_metrics_hash(hash, &families[i]->name);
        hash ^= families[i]->type;

        label = families[i]->labels.elts;

        for (k = 0; k < families[i]->labels.nelts; k++) {
            hash = ngx_oof_metrics_hash(hash, &label[k]);
        }
    }

    return hash;
}


/* FNV-1a with a separator: the input is the operator's own */

static uint64_t
ngx_oof_metrics_hash(uint64_t hash, ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        hash = (hash ^ value->data[i]) * 0x100000001b3ULL;
    }

    return (hash ^ 0xff) * 0x100000001b3ULL;
}


/* the running configuration's zone when it has another layout or size */

static ngx_oof_shared_t *
ngx_oof_metrics_old(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_oof_main_conf_t  *omcf;

    if (cf->cycle->old_cycle == NULL
        || cf->cycle->old_cycle->conf_ctx == NULL)
    {
        return NULL;
    }

    omcf = ngx_oof_main_conf(cf->cycle->old_cycle);

    if (omcf == NULL || omcf->zone == NULL
        || (omcf->zone->shm.size == size
            && omcf->zone->shm.name.len == name->len
            && ngx_memcmp(omcf->zone->shm.name.data, name->data, name->len)
               == 0))
    {
        return NULL;
    }

    return omcf->zone->data;
}


static ngx_int_t
ngx_oof_metrics_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t              n;
    ngx_core_conf_t        *ccf;
    ngx_oof_shared_t       *shared;
    ngx_oof_metrics_ctx_t  *ctx;

    ctx = shm_zone->data;
    shared = data;

    if (shared == NULL) {
        shared = ngx_slab_calloc((ngx_slab_pool_t *) shm_zone->shm.addr,
                                 sizeof(ngx_oof_shared_t));

        if (shared == NULL) {
            goto failed;
        }

        shared->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
        shared->shpool->log_nomem = 0;
        shared->slots = ctx->omcf->slots;

        if (ctx->old) {
            shared->clock.offset = ctx->old->clock.offset;
            shared->clock.known = ctx->old->clock.known;
        }
    }

    if (ngx_oof_crypt_init_zone(&ctx->omcf->keys, shared->shpool,
                                &shared->keys,
                                ctx->old ? ctx->old->keys : NULL)
        != NGX_OK)
    {
        goto failed;
    }

    /* a reload has two generations of workers for a while */

    ccf = (ngx_core_conf_t *) ngx_get_conf(ctx->cycle->conf_ctx,
                                           ngx_core_module);

    ngx_shmtx_lock(&shared->shpool->mutex);

    for (n = shared->nrows; n < 2 * (ngx_uint_t) ccf->worker_processes; n++) {
        if (ngx_oof_metrics_new_row(shared) == NULL) {
            break;
        }
    }

    ngx_shmtx_unlock(&shared->shpool->mutex);

    if (n < 2 * (ngx_uint_t) ccf->worker_processes) {
        goto failed;
    }

    shm_zone->data = shared;

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "\"oof_zone %uzk\" is too small for %ui metrics of %i "
                  "workers: set a larger one in http{}",
                  shm_zone->shm.size / 1024, ctx->omcf->slots,
                  ((ngx_core_conf_t *) ngx_get_conf(ctx->cycle->conf_ctx,
                                       ngx_core_module))->worker_processes);

    return NGX_ERROR;
}


/* under the mutex; rows are never given back, their counts must stay */

static ngx_oof_metrics_row_t *
ngx_oof_metrics_new_row(ngx_oof_shared_t *shared)
{
    size_t                  size;
    ngx_oof_metrics_row_t  *row;

    size = offsetof(ngx_oof_metrics_row_t, cells)
           + shared->slots * sizeof(ngx_atomic_t);

    row = ngx_slab_calloc_locked(shared->shpool, ngx_align(size, 64));
    if (row == NULL) {
        return NULL;
    }

    row->next = shared->rows;

    ngx_memory_barrier();

    shared->rows = row;
    shared->nrows++;

    return row;
}


ngx_int_t
ngx_oof_metrics_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t              i, k, n;
    ngx_oof_family_t      **families, *family;
    ngx_oof_shared_t       *shared;
    ngx_oof_main_conf_t    *omcf;
    ngx_oof_metrics_row_t  *row;

    omcf = ngx_oof_main_conf(cycle);
    shared = omcf->zone->data;

    row = ngx_oof_metrics_take_row(shared);

    if (row == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "no room in \"oof_zone\" for another worker: it is "
                      "not counted in the metrics");
    }

    families = omcf->metrics.elts;

    for (i = 0; i < omcf->metrics.nelts; i++) {
        family = families[i];
        n = family->labels.nelts ? family->labels.nelts : 1;

        family->metric->family = family;
        family->metric->type = family->type;
        family->metric->first = family->first;
        family->metric->series = n;

        if (row == NULL) {
            continue;
        }

        /* what the row's last owner had set has ended with it */

        for (k = 0; k < n; k++) {

            if (family->type == NGX_OOF_METRIC_GAUGE) {
                row->cells[family->first + k] = 0;

            } else if (family->type >= NGX_OOF_METRIC_SPARSE) {
                row->cells[family->first + k] = NGX_OOF_METRICS_UNSET;
            }
        }
    }

    ngx_oof_metrics_row = row;

    return NGX_OK;
}


void
ngx_oof_metrics_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_oof_metrics_row) {
        ngx_oof_metrics_row->pid = 0;
        ngx_oof_metrics_row = NULL;
    }
}


static ngx_oof_metrics_row_t *
ngx_oof_metrics_take_row(ngx_oof_shared_t *shared)
{
    ngx_oof_metrics_row_t  *row;

    ngx_shmtx_lock(&shared->shpool->mutex);

    for (row = shared->rows; row; row = row->next) {
        if (!ngx_oof_metrics_alive(row)) {
            break;
        }
    }

    if (row == NULL) {
        row = ngx_oof_metrics_new_row(shared);
    }

    if (row) {
        row->pid = ngx_pid;
    }

    ngx_shmtx_unlock(&shared->shpool->mutex);

    return row;
}


static ngx_uint_t
ngx_oof_metrics_alive(ngx_oof_metrics_row_t *row)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) row->pid;

    return pid != 0 && (kill(pid, 0) == 0 || ngx_errno != ESRCH);
}


void
ngx_oof_metric_inc(ngx_oof_metric_t *metric, ngx_uint_t series, ngx_int_t n)
{
    if (ngx_oof_metrics_row == NULL || series >= metric->series
        || metric->type == NGX_OOF_METRIC_HISTOGRAM
        || metric->type >= NGX_OOF_METRIC_SPARSE)
    {
        return;
    }

    ngx_oof_metrics_row->cells[metric->first + series] += n;
}


void
ngx_oof_metric_set(ngx_oof_metric_t *metric, ngx_uint_t series,
    ngx_int_t value)
{
    if (ngx_oof_metrics_row == NULL || series >= metric->series
        || (metric->type != NGX_OOF_METRIC_GAUGE
            && metric->type < NGX_OOF_METRIC_SPARSE))
    {
        return;
    }

    ngx_oof_metrics_row->cells[metric->first + series] = value;
}


void
ngx_oof_metric_unset(ngx_oof_metric_t *metric, ngx_uint_t series)
{
    if (ngx_oof_metrics_row == NULL || series >= metric->series
        || metric->type < NGX_OOF_METRIC_SPARSE)
    {
        return;
    }

    ngx_oof_metrics_row->cells[metric->first + series] = NGX_OOF_METRICS_UNSET;
}


void
ngx_oof_metric_observe(ngx_oof_metric_t *metric, ngx_uint_t series,
    uint64_t us)
{
    ngx_uint_t     i;
    ngx_atomic_t  *cells;

    if (ngx_oof_metrics_row == NULL || series >= metric->series
        || metric->type != NGX_OOF_METRIC_HISTOGRAM)
    {
        return;
    }

    cells = ngx_oof_metrics_row->cells + metric->first
            + series * NGX_OOF_METRICS_CELLS;

    for (i = 0; i < NGX_OOF_METRICS_BUCKETS; i++) {
        if (us <= ngx_oof_metrics_bounds[i]) {
            break;
        }
    }

    cells[i]++;
    cells[NGX_OOF_METRICS_CELLS - 1] += us;
}


ngx_int_t
ngx_oof_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_oof_family_t       **families;
    ngx_oof_main_conf_t     *omcf;
    ngx_oof_metrics_text_t   t;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    omcf = ngx_http_get_module_main_conf(r, ngx_oof_module);

    if (ngx_oof_metrics_start(r, &t, omcf->zone->data) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    families = omcf->metrics.elts;

    for (i = 0; i < omcf->metrics.nelts; i++) {
        ngx_oof_metrics_family(&t, omcf->zone->data, families[i]);
    }

    if (t.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_oof_metrics_send(r, &t);
}


static ngx_int_t
ngx_oof_metrics_start(ngx_http_request_t *r, ngx_oof_metrics_text_t *t,
    ngx_oof_shared_t *shared)
{
    u_char                  *p;
    ngx_oof_metrics_row_t   *row, **rp;

    ngx_memzero(t, sizeof(ngx_oof_metrics_text_t));

    t->pool = r->pool;
    t->last = &t->out;

    /* asked once, not for each gauge */

    if (ngx_array_init(&t->alive, r->pool, 16, sizeof(void *)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (row = shared->rows; row; row = row->next) {

        if (!ngx_oof_metrics_alive(row)) {
            continue;
        }

        rp = ngx_array_push(&t->alive);
        if (rp == NULL) {
            return NGX_ERROR;
        }

        *rp = row;
    }

    p = ngx_oof_metrics_room(t, 256);
    if (p == NULL) {
        return NGX_ERROR;
    }

    t->buf->last = ngx_sprintf(p,
          "# HELP oof_build_info What runs here.\n"
          "# TYPE oof_build_info gauge\n"
          "oof_build_info{version=\"" NGX_OOF_VERSION "\",nginx=\""
          NGINX_VERSION "\"} 1\n");

    return NGX_OK;
}


static ngx_int_t
ngx_oof_metrics_send(ngx_http_request_t *r, ngx_oof_metrics_text_t *t)
{
    off_t         size;
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    size = 0;

    for (cl = t->out; cl; cl = cl->next) {
        size += cl->buf->last - cl->buf->pos;
    }

    t->buf->last_buf = (r == r->main) ? 1 : 0;
    t->buf->last_in_chain = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = size;
    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4");
    r->headers_out.content_type_len = sizeof("text/plain") - 1;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, t->out);
}


static void
ngx_oof_metrics_family(ngx_oof_metrics_text_t *t, ngx_oof_shared_t *shared,
    ngx_oof_family_t *family)
{
    u_char      *p;
    ngx_str_t   *labels, none = ngx_null_string;
    ngx_uint_t   i, n;

    p = ngx_oof_metrics_room(t, 2 * family->name.len + family->help.len
                                + sizeof("# HELP  \n# TYPE  histogram\n"));
    if (p == NULL) {
        return;
    }

    t->buf->last = ngx_sprintf(p, "# HELP %V %V\n# TYPE %V %s\n",
                               &family->name, &family->help, &family->name,
                               ngx_oof_metrics_types[family->type]);

    labels = family->labels.elts;
    n = family->labels.nelts;

    if (n == 0) {
        labels = &none;
        n = 1;
    }

    for (i = 0; i < n; i++) {

        switch (family->type) {

        case NGX_OOF_METRIC_COUNTER:
            ngx_oof_metrics_line(t, family, "", &labels[i], NULL, "%uL\n",
                         ngx_oof_metrics_sum(shared, family->first + i));
            break;

        case NGX_OOF_METRIC_HISTOGRAM:
            ngx_oof_metrics_histogram(t, shared, family, &labels[i],
                            family->first + i * NGX_OOF_METRICS_CELLS);
            break;

        default: /* NGX_OOF_METRIC_GAUGE, _SPARSE, _MOST */
            ngx_oof_metrics_gauge(t, family, &labels[i], family->first + i);
        }
    }
}


static void
ngx_oof_metrics_gauge(ngx_oof_metrics_text_t *t, ngx_oof_family_t *family,
    ngx_str_t *labels, ngx_uint_t cell)
{
    int64_t                  value, n;
    ngx_uint_t               i, set;
    ngx_oof_metrics_row_t  **rows;

    value = 0;
    set = (family->type == NGX_OOF_METRIC_GAUGE);

    rows = t->alive.elts;

    for (i = 0; i < t->alive.nelts; i++) {

        if (family->type >= NGX_OOF_METRIC_SPARSE
            && rows[i]->cells[cell] == NGX_OOF_METRICS_UNSET)
        {
            continue;
        }

        n = (ngx_atomic_int_t) rows[i]->cells[cell];

        if (family->type != NGX_OOF_METRIC_MOST) {
            value += n;

        } else if (!set || n > value) {
            value = n;
        }

        set = 1;
    }

    if (set) {
        ngx_oof_metrics_line(t, family, "", labels, NULL, "%L\n",
                             (uint64_t) value);
    }
}


static void
ngx_oof_metrics_histogram(ngx_oof_metrics_text_t *t, ngx_oof_shared_t *shared,
    ngx_oof_family_t *family, ngx_str_t *labels, ngx_uint_t cell)
{
    uint64_t    n, sum;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i <= NGX_OOF_METRICS_BUCKETS; i++) {
        n += ngx_oof_metrics_sum(shared, cell + i);

        ngx_oof_metrics_line(t, family, "_bucket", labels,
                             ngx_oof_metrics_le[i], "%uL\n", n);
    }

    sum = ngx_oof_metrics_sum(shared, cell + NGX_OOF_METRICS_CELLS - 1);

    ngx_oof_metrics_line(t, family, "_sum", labels, NULL, NULL, sum);
    ngx_oof_metrics_line(t, family, "_count", labels, NULL, "%uL\n", n);
}


static ngx_atomic_uint_t
ngx_oof_metrics_sum(ngx_oof_shared_t *shared, ngx_uint_t cell)
{
    ngx_atomic_uint_t       sum;
    ngx_oof_metrics_row_t  *row;

    sum = 0;

    for (row = shared->rows; row; row = row->next) {
        sum += row->cells[cell];
    }

    return sum;
}


/* without a format: microseconds, written as seconds */

static void
ngx_oof_metrics_line(ngx_oof_metrics_text_t *t, ngx_oof_family_t *family,
    const char *suffix, ngx_str_t *labels, const char *le, const char *fmt,
    uint64_t value)
{
    u_char  *p;

    p = ngx_oof_metrics_room(t, family->name.len + labels->len + 64
                                + NGX_INT64_LEN);
    if (p == NULL) {
        return;
    }

    p = ngx_sprintf(p, "%V%s", &family->name, suffix);

    if (labels->len || le) {
        p = ngx_sprintf(p, "{%V", labels);

        if (le) {
            p = ngx_sprintf(p, "%sle=\"%s\"", labels->len ? "," : "", le);
        }

        *p++ = '}';
    }

    *p++ = ' ';

    if (fmt) {
        t->buf->last = ngx_sprintf(p, fmt, value);

    } else {
        t->buf->last = ngx_sprintf(p, "%uL.%06uL\n", value / 1000000,
                                   value % 1000000);
    }
}


/* where "size" bytes may be written, or NULL */

static u_char *
ngx_oof_metrics_room(ngx_oof_metrics_text_t *t, size_t size)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (t->failed) {
        return NULL;
    }

    b = t->buf;

    if (b == NULL || (size_t) (b->end - b->last) < size) {

        b = ngx_create_temp_buf(t->pool, ngx_max(size, NGX_OOF_METRICS_BUF));
        cl = ngx_alloc_chain_link(t->pool);

        if (b == NULL || cl == NULL) {
            t->failed = 1;
            return NULL;
        }

        cl->buf = b;
        cl->next = NULL;

        *t->last = cl;
        t->last = &cl->next;
        t->buf = b;
    }

    return b->last;
}
