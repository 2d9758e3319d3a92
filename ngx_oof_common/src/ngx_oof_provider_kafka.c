
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>


/*
 * Apache Kafka by librdkafka.  Its threads live in the process that holds the
 * lease and nowhere else, for they do not survive a fork.  All that it has to
 * say, reports of deliveries, errors and its log, comes in rd_kafka_poll(),
 * called when an eventfd tells that there is something.
 */

#define NGX_OOF_KAFKA_MOST       500      /* messages without an answer */
#define NGX_OOF_KAFKA_BATCH      500
#define NGX_OOF_KAFKA_DRAIN      500      /* reports in a turn of the loop */
#define NGX_OOF_KAFKA_SAFETY     1000     /* ms: a look without an event */
#define NGX_OOF_KAFKA_FLUSH      250      /* ms: of a process that quits */
#define NGX_OOF_KAFKA_PURGE      100
#define NGX_OOF_KAFKA_DESTROY    150
#define NGX_OOF_KAFKA_ERROR      512
#define NGX_OOF_KAFKA_TOPIC      249
#define NGX_OOF_KAFKA_VALUE      65536    /* of a file */

/* else it waits for threads that look up hosts */

#define NGX_OOF_KAFKA_PURGE_ALL  (RD_KAFKA_PURGE_F_QUEUE                      \
                                  |RD_KAFKA_PURGE_F_INFLIGHT                  \
                                  |RD_KAFKA_PURGE_F_NON_BLOCKING)

#define NGX_OOF_KAFKA_FAMILY     0        /* "oof.consent" */
#define NGX_OOF_KAFKA_TYPE       1        /* "oof.consent.created" */
#define NGX_OOF_KAFKA_ONE        2


typedef struct {
    char                    *name;
    char                    *value;
} ngx_oof_kafka_property_t;


typedef struct {
    ngx_array_t              properties; /* of ngx_oof_kafka_property_t */
    ngx_str_t                prefix;
    ngx_uint_t               topics;
    unsigned                 given:2;    /* prefix, topics */
    unsigned                 servers:1;
} ngx_oof_kafka_conf_t;


typedef struct {
    ngx_oof_consumer_t      *consumer;
    rd_kafka_t              *rk;         /* NULL: to be made again */
    ngx_connection_t        *connection;
    ngx_event_t              event;      /* posted: there is more */
    ngx_event_t              timer;
    unsigned                 stopping:1;
    unsigned                 fatal:1;
    unsigned                 purged:1;
    unsigned                 down:1;     /* which was logged */
} ngx_oof_kafka_t;


/* of a producer that ends: both sides have it, the last one frees it */

typedef struct {
    pthread_mutex_t          mutex;
    pthread_cond_t           cond;
    rd_kafka_t              *rk;
    unsigned                 done:1;
    unsigned                 left:1;     /* nobody waits for it any more */
} ngx_oof_kafka_end_t;


static char *ngx_oof_kafka_create(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static char *ngx_oof_kafka_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_kafka_own(ngx_oof_kafka_conf_t *kcf, ngx_str_t *value);
static char *ngx_oof_kafka_property(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value);
static char *ngx_oof_kafka_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value);
static char *ngx_oof_kafka_init(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static ngx_int_t ngx_oof_kafka_start(ngx_oof_consumer_t *c);
static ngx_int_t ngx_oof_kafka_open(ngx_oof_kafka_t *k);
static rd_kafka_conf_t *ngx_oof_kafka_conf(ngx_oof_kafka_t *k);
static ngx_int_t ngx_oof_kafka_listen(ngx_oof_kafka_t *k);
static void ngx_oof_kafka_close(ngx_oof_kafka_t *k);
static void ngx_oof_kafka_destroy(ngx_oof_kafka_t *k);
static ngx_int_t ngx_oof_kafka_thread(ngx_oof_kafka_end_t *end);
static ngx_uint_t ngx_oof_kafka_wait(ngx_oof_kafka_end_t *end);
static void *ngx_oof_kafka_end(void *data);
static void ngx_oof_kafka_stop(ngx_oof_consumer_t *c);
static void ngx_oof_kafka_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static rd_kafka_resp_err_t ngx_oof_kafka_produce(ngx_oof_kafka_t *k,
    ngx_oof_delivery_t *d);
static void ngx_oof_kafka_topic(ngx_oof_kafka_conf_t *kcf,
    ngx_oof_relay_event_t *event, u_char *topic);
static void ngx_oof_kafka_read_handler(ngx_event_t *ev);
static void ngx_oof_kafka_handler(ngx_event_t *ev);
static void ngx_oof_kafka_drain(ngx_oof_kafka_t *k);
static void ngx_oof_kafka_report(rd_kafka_t *rk,
    const rd_kafka_message_t *message, void *opaque);
static ngx_int_t ngx_oof_kafka_result(rd_kafka_resp_err_t err);
static void ngx_oof_kafka_error(rd_kafka_t *rk, int err, const char *reason,
    void *opaque);
static void ngx_oof_kafka_log(const rd_kafka_t *rk, int level,
    const char *facility, const char *text);


/* what a bank may say otherwise, and what it may not */

static char  *ngx_oof_kafka_defaults[][2] = {
    { "client.id", "oof" },
    { "linger.ms", "1" },
    { "message.timeout.ms", "30000" },
    { "queue.buffering.max.messages", "10000" },
    { "queue.buffering.max.kbytes", "65536" },
    { "compression.type", "lz4" },
    { "partitioner", "murmur2_random" },
    { "socket.keepalive.enable", "true" },
    { "reconnect.backoff.max.ms", "1000" },
    { NULL, NULL }
};


static char  *ngx_oof_kafka_fixed[][2] = {
    { "enable.idempotence", "true" },
    { "acks", "all" },
    { "log.queue", "true" },
    { NULL, NULL }
};


ngx_oof_provider_t  ngx_oof_provider_kafka = {
    ngx_string("kafka"),
    NGX_OOF_KAFKA_BATCH,
    NGX_OOF_KAFKA_MOST,
    ngx_oof_kafka_create,
    ngx_oof_kafka_line,
    ngx_oof_kafka_init,
    ngx_oof_kafka_start,
    ngx_oof_kafka_send,
    ngx_oof_kafka_stop,
    NULL
};


static char *
ngx_oof_kafka_create(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_kafka_conf_t  *kcf;

    kcf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_kafka_conf_t));

    if (kcf == NULL
        || ngx_array_init(&kcf->properties, cf->pool, 8,
                          sizeof(ngx_oof_kafka_property_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    c->conf = kcf;

    return NGX_CONF_OK;
}


static char *
ngx_oof_kafka_line(ngx_conf_t *cf, ngx_oof_consumer_t *c, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_oof_kafka_conf_t *kcf = c->conf;

    ngx_uint_t  i;

    if (n != 2) {
        return "takes one value";
    }

    /* librdkafka has names that begin with "topic.", too */

    if (ngx_strcmp(value[0].data, "topic_prefix") == 0
        || ngx_strcmp(value[0].data, "topics") == 0)
    {
        return ngx_oof_kafka_own(kcf, value);
    }

    for (i = 0; ngx_oof_kafka_fixed[i][0]; i++) {
        if (ngx_strcmp(value[0].data, ngx_oof_kafka_fixed[i][0]) == 0) {
            return "is not to be changed: no event may be lost";
        }
    }

    return ngx_oof_kafka_property(cf, c, value);
}


static char *
ngx_oof_kafka_own(ngx_oof_kafka_conf_t *kcf, ngx_str_t *value)
{
    if (ngx_strcmp(value[0].data, "topic_prefix") == 0) {

        if (kcf->given & 1) {
            return "is duplicate";
        }

        if (value[1].len > NGX_OOF_KAFKA_TOPIC - NGX_OOF_EVENT_TYPE_MAX) {
            return "is too long";
        }

        kcf->given |= 1;
        kcf->prefix = value[1];
        return NGX_CONF_OK;
    }

    if (kcf->given & 2) {
        return "is duplicate";
    }

    kcf->given |= 2;

    if (ngx_strcmp(value[1].data, "family") == 0) {
        kcf->topics = NGX_OOF_KAFKA_FAMILY;

    } else if (ngx_strcmp(value[1].data, "type") == 0) {
        kcf->topics = NGX_OOF_KAFKA_TYPE;

    } else if (ngx_strcmp(value[1].data, "one") == 0) {
        kcf->topics = NGX_OOF_KAFKA_ONE;

    } else {
        return "must be \"family\", \"type\" or \"one\"";
    }

    return NGX_CONF_OK;
}


/* any property of librdkafka's; NAME_file reads what is secret from a file */

static char *
ngx_oof_kafka_property(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value)
{
    ngx_oof_kafka_conf_t *kcf = c->conf;

    char                      *rv, error[NGX_OOF_KAFKA_ERROR];
    ngx_str_t                  name, v;
    rd_kafka_conf_t           *conf;
    rd_kafka_conf_res_t        rc;
    ngx_oof_kafka_property_t  *p;

    name = value[0];
    v = value[1];

    if (name.len > 5 && ngx_strcmp(name.data + name.len - 5, "_file") == 0) {
        rv = ngx_oof_kafka_file(cf, &name, &v);

        if (rv != NGX_CONF_OK) {
            return rv;
        }

    } else if (ngx_strcmp(name.data, "sasl.password") == 0
               || ngx_strcmp(name.data, "ssl.key.password") == 0)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" of \"oof_events kafka %V { }\" is in the "
                           "configuration: better use \"%V_file\"",
                           &name, &c->name, &name);
    }

    conf = rd_kafka_conf_new();

    rc = rd_kafka_conf_set(conf, (char *) name.data, (char *) v.data, error,
                           sizeof(error));

    rd_kafka_conf_destroy(conf);

    if (rc == RD_KAFKA_CONF_UNKNOWN) {
        return "is no property that librdkafka knows";
    }

    if (rc != RD_KAFKA_CONF_OK) {

        /* its own words may have the value, which may be a secret */

        return "has a value that librdkafka does not take";
    }

    p = ngx_array_push(&kcf->properties);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    p->name = (char *) name.data;
    p->value = (char *) v.data;

    if (ngx_strcmp(name.data, "bootstrap.servers") == 0
        || ngx_strcmp(name.data, "metadata.broker.list") == 0
        || ngx_strcmp(name.data, "test.mock.num.brokers") == 0)
    {
        kcf->servers = 1;
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_kafka_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value)
{
    char       *rv;
    u_char     *p;
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_str_t   file;

    file = *value;

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, name->len);
    value->data = ngx_pnalloc(cf->pool, NGX_OOF_KAFKA_VALUE + 1);

    if (p == NULL || value->data == NULL) {
        return NGX_CONF_ERROR;
    }

    name->len -= 5;
    ngx_memcpy(p, name->data, name->len);
    p[name->len] = '\0';
    name->data = p;

    fd = ngx_open_file(file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &file);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_OK;
    n = ngx_read_fd(fd, value->data, NGX_OOF_KAFKA_VALUE);

    if (n <= 0) {
        rv = "names a file that cannot be read or is empty";
        n = 0;
    }

    while (n && (value->data[n - 1] == '\n' || value->data[n - 1] == '\r')) {
        n--;
    }

    value->data[n] = '\0';
    value->len = n;

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &file);
    }

    return rv;
}


static char *
ngx_oof_kafka_init(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_kafka_conf_t *kcf = c->conf;

    if (!kcf->servers) {
        return "needs \"bootstrap.servers\"";
    }

    if (kcf->topics == NGX_OOF_KAFKA_ONE && kcf->prefix.len == 0) {
        return "needs \"topic_prefix\", the name of its one topic";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_oof_kafka_start(ngx_oof_consumer_t *c)
{
    ngx_oof_kafka_t  *k;

    k = ngx_calloc(sizeof(ngx_oof_kafka_t), ngx_cycle->log);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->consumer = c;

    k->event.handler = ngx_oof_kafka_handler;
    k->event.data = k;
    k->event.log = ngx_cycle->log;

    k->timer.handler = ngx_oof_kafka_handler;
    k->timer.data = k;
    k->timer.log = ngx_cycle->log;
    k->timer.cancelable = 1;

    if (ngx_oof_kafka_open(k) != NGX_OK) {
        ngx_oof_kafka_close(k);
        ngx_free(k);
        return NGX_ERROR;
    }

    c->ctx = k;

    ngx_add_timer(&k->timer, NGX_OOF_KAFKA_SAFETY);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_kafka_open(ngx_oof_kafka_t *k)
{
    char              error[NGX_OOF_KAFKA_ERROR];
    rd_kafka_conf_t  *conf;

    conf = ngx_oof_kafka_conf(k);
    if (conf == NULL) {
        return NGX_ERROR;
    }

    k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));

    if (k->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "consumer \"%V\": rd_kafka_new() failed: %s",
                      &k->consumer->name, error);
        return NGX_ERROR;
    }

    k->fatal = 0;
    k->purged = 0;

    /* else the log is written by threads that are not nginx's */

    if (rd_kafka_set_log_queue(k->rk, NULL) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NGX_ERROR;
    }

    return ngx_oof_kafka_listen(k);
}


static rd_kafka_conf_t *
ngx_oof_kafka_conf(ngx_oof_kafka_t *k)
{
    char                       error[NGX_OOF_KAFKA_ERROR];
    ngx_uint_t                 i, n, wrong;
    rd_kafka_conf_t           *conf;
    ngx_oof_kafka_conf_t      *kcf;
    ngx_oof_kafka_property_t  *p;

    kcf = k->consumer->conf;
    conf = rd_kafka_conf_new();
    wrong = 0;

    for (i = 0; ngx_oof_kafka_defaults[i][0]; i++) {
        wrong |= rd_kafka_conf_set(conf, ngx_oof_kafka_defaults[i][0],
                                   ngx_oof_kafka_defaults[i][1], error,
                                   sizeof(error))
                 != RD_KAFKA_CONF_OK;
    }

    p = kcf->properties.elts;

    for (n = 0; n < kcf->properties.nelts; n++) {
        wrong |= rd_kafka_conf_set(conf, p[n].name, p[n].value, error,
                                   sizeof(error))
                 != RD_KAFKA_CONF_OK;
    }

    for (i = 0; ngx_oof_kafka_fixed[i][0]; i++) {
        wrong |= rd_kafka_conf_set(conf, ngx_oof_kafka_fixed[i][0],
                                   ngx_oof_kafka_fixed[i][1], error,
                                   sizeof(error))
                 != RD_KAFKA_CONF_OK;
    }

    if (wrong) {
        rd_kafka_conf_destroy(conf);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "consumer \"%V\": librdkafka does not take its "
                      "properties any more", &k->consumer->name);
        return NULL;
    }

    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_dr_msg_cb(conf, ngx_oof_kafka_report);
    rd_kafka_conf_set_error_cb(conf, ngx_oof_kafka_error);
    rd_kafka_conf_set_log_cb(conf, ngx_oof_kafka_log);

    return conf;
}


static ngx_int_t
ngx_oof_kafka_listen(ngx_oof_kafka_t *k)
{
    int                fd;
    ngx_connection_t  *c;
    rd_kafka_queue_t  *queue;

    static uint64_t    one = 1;

    fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = k;
    c->read->handler = ngx_oof_kafka_read_handler;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->log = ngx_cycle->log;

    k->connection = c;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        return NGX_ERROR;
    }

    queue = rd_kafka_queue_get_main(k->rk);
    rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
    rd_kafka_queue_destroy(queue);

    /* it tells only of a queue that was empty */

    ngx_post_event(&k->event, &ngx_posted_events);

    return NGX_OK;
}


/* no report comes after this */

static void
ngx_oof_kafka_close(ngx_oof_kafka_t *k)
{
    if (k->rk) {
        if (rd_kafka_outq_len(k->rk)) {
            (void) rd_kafka_purge(k->rk, NGX_OOF_KAFKA_PURGE_ALL);
            (void) rd_kafka_flush(k->rk, NGX_OOF_KAFKA_PURGE);
        }

        ngx_oof_kafka_destroy(k);
    }

    if (k->connection) {
        ngx_close_connection(k->connection);
        k->connection = NULL;
    }

    if (k->event.posted) {
        ngx_delete_posted_event(&k->event);
    }
}


/*
 * rd_kafka_destroy() waits for all threads, and one that looks up a host by a
 * name server that is silent comes back after half a minute.  So it is called
 * by a thread of its own, and is waited for as long as it may last.  Nothing
 * comes from it here any more: its queues are served by nobody.
 */

static void
ngx_oof_kafka_destroy(ngx_oof_kafka_t *k)
{
    rd_kafka_queue_t     *queue;
    ngx_oof_kafka_end_t  *end;

    /* the descriptor is closed, and its number may be another one's then */

    queue = rd_kafka_queue_get_main(k->rk);
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
    rd_kafka_queue_destroy(queue);

    end = ngx_calloc(sizeof(ngx_oof_kafka_end_t), ngx_cycle->log);

    if (end) {
        end->rk = k->rk;

        if (ngx_oof_kafka_thread(end) != NGX_OK) {
            ngx_free(end);
            end = NULL;
        }
    }

    if (end == NULL) {
        rd_kafka_destroy(k->rk);

    } else if (!ngx_oof_kafka_wait(end)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "consumer \"%V\": librdkafka ends later by itself: it "
                      "is still looking up a host", &k->consumer->name);
    }

    k->rk = NULL;
}


static ngx_int_t
ngx_oof_kafka_thread(ngx_oof_kafka_end_t *end)
{
    int                 err;
    sigset_t            set, old;
    pthread_t           tid;
    pthread_condattr_t  attr;

    if (pthread_condattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    /* a signal is nginx's main thread's */

    sigfillset(&set);

    err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);

    if (err == 0) {
        err = pthread_cond_init(&end->cond, &attr);
    }

    pthread_condattr_destroy(&attr);

    if (err) {
        return NGX_ERROR;
    }

    (void) pthread_mutex_init(&end->mutex, NULL);
    (void) pthread_sigmask(SIG_SETMASK, &set, &old);

    err = pthread_create(&tid, NULL, ngx_oof_kafka_end, end);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "pthread_create() failed");
        (void) pthread_cond_destroy(&end->cond);
        (void) pthread_mutex_destroy(&end->mutex);
        return NGX_ERROR;
    }

    (void) pthread_detach(tid);

    return NGX_OK;
}


/* is it over */

static ngx_uint_t
ngx_oof_kafka_wait(ngx_oof_kafka_end_t *end)
{
    int              err;
    ngx_uint_t       done;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    ts.tv_nsec += NGX_OOF_KAFKA_DESTROY * 1000000L;

    if (ts.tv_nsec >= 1000000000L) {
        ts.tv_nsec -= 1000000000L;
        ts.tv_sec++;
    }

    (void) pthread_mutex_lock(&end->mutex);

    err = 0;

    while (!end->done && err == 0) {
        err = pthread_cond_timedwait(&end->cond, &end->mutex, &ts);
    }

    done = end->done;
    end->left = 1;

    (void) pthread_mutex_unlock(&end->mutex);

    if (done) {
        (void) pthread_cond_destroy(&end->cond);
        (void) pthread_mutex_destroy(&end->mutex);
        ngx_free(end);
    }

    return done;
}


static void *
ngx_oof_kafka_end(void *data)
{
    ngx_oof_kafka_end_t *end = data;

    ngx_uint_t  left;

    rd_kafka_destroy(end->rk);

    (void) pthread_mutex_lock(&end->mutex);

    end->done = 1;
    left = end->left;

    (void) pthread_cond_signal(&end->cond);
    (void) pthread_mutex_unlock(&end->mutex);

    if (left) {
        (void) pthread_cond_destroy(&end->cond);
        (void) pthread_mutex_destroy(&end->mutex);
        free(end);
    }

    return NULL;
}


static void
ngx_oof_kafka_stop(ngx_oof_consumer_t *c)
{
    ngx_oof_kafka_t  *k;

    k = c->ctx;
    c->ctx = NULL;

    /* those that have arrived need not go out again */

    if (k->rk && !k->down) {
        (void) rd_kafka_flush(k->rk, NGX_OOF_KAFKA_FLUSH);
    }

    k->stopping = 1;

    ngx_oof_kafka_close(k);

    if (k->timer.timer_set) {
        ngx_del_timer(&k->timer);
    }

    ngx_free(k);
}


static void
ngx_oof_kafka_send(ngx_oof_consumer_t *c, ngx_oof_delivery_t **deliveries,
    ngx_uint_t n)
{
    ngx_oof_kafka_t *k = c->ctx;

    ngx_uint_t           i;
    rd_kafka_resp_err_t  err;

    for (i = 0; i < n; i++) {

        if (k->rk == NULL || k->fatal) {
            ngx_oof_relay_done(deliveries[i], NGX_BUSY,
                               "the producer is being made anew");
            continue;
        }

        err = ngx_oof_kafka_produce(k, deliveries[i]);

        if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            ngx_oof_relay_done(deliveries[i], ngx_oof_kafka_result(err),
                               rd_kafka_err2str(err));
        }
    }
}


static rd_kafka_resp_err_t
ngx_oof_kafka_produce(ngx_oof_kafka_t *k, ngx_oof_delivery_t *d)
{
    u_char                  key[NGX_OOF_UUID_TEXT];
    u_char                  topic[NGX_OOF_KAFKA_TOPIC + 1];
    ngx_oof_relay_event_t  *event;

    static char             content[] =
                            "application/cloudevents+json; charset=UTF-8";

    event = d->event;

    (void) ngx_oof_uuid_format(key, event->key);
    ngx_oof_kafka_topic(k->consumer->conf, event, topic);

    /* the event may be freed while the message waits: it was purged */

    return rd_kafka_producev(k->rk,
                             RD_KAFKA_V_TOPIC((char *) topic),
                             RD_KAFKA_V_KEY(key, sizeof(key)),
                             RD_KAFKA_V_VALUE(event->json.data,
                                              event->json.len),
                             RD_KAFKA_V_HEADER("content-type", content,
                                               sizeof(content) - 1),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_OPAQUE(d),
                             RD_KAFKA_V_END);
}


static void
ngx_oof_kafka_topic(ngx_oof_kafka_conf_t *kcf, ngx_oof_relay_event_t *event,
    u_char *topic)
{
    u_char     *p;
    ngx_str_t   type;

    type = event->type;

    switch (kcf->topics) {

    case NGX_OOF_KAFKA_ONE:
        type.len = 0;
        break;

    case NGX_OOF_KAFKA_FAMILY:

        /* all of a consent in one topic: only there they have an order */

        while (type.len && type.data[type.len - 1] != '.') {
            type.len--;
        }

        if (type.len) {
            type.len--;
        }
    }

    p = ngx_snprintf(topic, NGX_OOF_KAFKA_TOPIC, "%V%V", &kcf->prefix, &type);
    *p = '\0';
}


static void
ngx_oof_kafka_read_handler(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;

    while (read(c->fd, &n, sizeof(n)) > 0) { /* void */ }

    ngx_oof_kafka_drain(c->data);
}


static void
ngx_oof_kafka_handler(ngx_event_t *ev)
{
    ngx_oof_kafka_t *k = ev->data;

    if (!k->timer.timer_set) {
        ngx_add_timer(&k->timer, NGX_OOF_KAFKA_SAFETY);
    }

    if (k->rk == NULL && ngx_oof_kafka_open(k) != NGX_OK) {
        ngx_oof_kafka_close(k);
        return;
    }

    ngx_oof_kafka_drain(k);
}


/* until there is nothing more, for nothing else would tell of the rest */

static void
ngx_oof_kafka_drain(ngx_oof_kafka_t *k)
{
    int         n;
    ngx_uint_t  all;

    all = 0;

    if (k->fatal && !k->purged) {

        /* nothing goes out by this one any more: its messages come back */

        (void) rd_kafka_purge(k->rk, NGX_OOF_KAFKA_PURGE_ALL);
        k->purged = 1;
    }

    do {
        n = rd_kafka_poll(k->rk, 0);
        all += n;
    } while (n > 0 && all < NGX_OOF_KAFKA_DRAIN);

    if (n > 0 || (k->fatal && !k->purged)) {
        ngx_post_event(&k->event, &ngx_posted_next_events);
    }

    if (k->fatal && k->purged && rd_kafka_outq_len(k->rk) == 0) {

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "consumer \"%V\": the producer is made anew",
                      &k->consumer->name);

        ngx_oof_kafka_close(k);

        if (ngx_oof_kafka_open(k) != NGX_OK) {
            ngx_oof_kafka_close(k);
        }
    }
}


static void
ngx_oof_kafka_report(rd_kafka_t *rk, const rd_kafka_message_t *message,
    void *opaque)
{
    ngx_oof_kafka_t *k = opaque;

    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {

        if (k->down) {
            k->down = 0;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "consumer \"%V\": brokers take messages again",
                          &k->consumer->name);
        }

        ngx_oof_relay_done(message->_private, NGX_OK, NULL);
        return;
    }

    if (k->stopping) {

        /* the relay has forgotten it */

        return;
    }

    ngx_oof_relay_done(message->_private, ngx_oof_kafka_result(message->err),
                       rd_kafka_err2str(message->err));
}


static ngx_int_t
ngx_oof_kafka_result(rd_kafka_resp_err_t err)
{
    switch (err) {

    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        return NGX_DECLINED;

    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_UNKNOWN:
        return NGX_AGAIN;

    default:

        /* brokers that are not there, a topic that is not made, no rights */

        return NGX_BUSY;
    }
}


static void
ngx_oof_kafka_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    ngx_oof_kafka_t *k = opaque;

    char        text[NGX_OOF_KAFKA_ERROR];
    ngx_uint_t  level;

    level = NGX_LOG_WARN;

    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        (void) rd_kafka_fatal_error(rk, text, sizeof(text));
        reason = text;
        level = NGX_LOG_ERR;
        k->fatal = 1;

    } else if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {

        if (k->down) {
            return;
        }

        k->down = 1;
        level = NGX_LOG_ERR;
    }

    ngx_log_error(level, ngx_cycle->log, 0, "consumer \"%V\": %s: %s",
                  &k->consumer->name, rd_kafka_err2name(err), reason);
}


static void
ngx_oof_kafka_log(const rd_kafka_t *rk, int level, const char *facility,
    const char *text)
{
    ngx_uint_t        severity;
    ngx_oof_kafka_t  *k;

    k = rd_kafka_opaque(rk);

    /* syslog's levels; what matters comes as an error too */

    severity = (level <= 3) ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(severity, ngx_cycle->log, 0,
                  "consumer \"%V\": librdkafka: %s: %s", &k->consumer->name,
                  facility, text);
}
