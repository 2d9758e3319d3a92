
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>


#define NGX_OOF_OCSP_SIZE      (1024 * 1024)
#define NGX_OOF_OCSP_REFRESH   (10 * 60)
#define NGX_OOF_OCSP_TIMEOUT   5000

/* of an answer's body; the responder's certificate is in it */
#define NGX_OOF_OCSP_ANSWER    65536

/* after a failure, and how far the clocks of a responder may be off; s */
#define NGX_OOF_OCSP_PAUSE     30
#define NGX_OOF_OCSP_SKEW      300

/* calls at once in a worker, and places where a certificate may be kept */
#define NGX_OOF_OCSP_CALLS     16
#define NGX_OOF_OCSP_WAYS      4


#define NGX_OOF_OCSP_NONE      0
#define NGX_OOF_OCSP_GOOD      1
#define NGX_OOF_OCSP_REVOKED   2
#define NGX_OOF_OCSP_UNKNOWN   3
#define NGX_OOF_OCSP_ERROR     4


/*
 * What is known of a certificate.  Entries are of one size, in a table that
 * never moves: a process that dies while it writes one leaves that one wrong
 * at worst, and the sum of it tells.
 */

typedef struct {
    u_char                   thumbprint[32];
    time_t                   used;
    time_t                   until;      /* the answer's validity */
    time_t                   again;      /* not to be asked before */
    uint32_t                 status;
    uint32_t                 sum;
} ngx_oof_ocsp_entry_t;


typedef struct {
    ngx_uint_t               sets;
    ngx_oof_ocsp_entry_t     entries[1];
} ngx_oof_ocsp_table_t;


typedef struct {
    ngx_oof_fetch_t          fetch;
    ngx_oof_ocsp_name_t      name;
    u_char                   thumbprint[32];
} ngx_oof_ocsp_call_t;


static ngx_int_t ngx_oof_ocsp_parameter(ngx_conf_t *cf,
    ngx_oof_ocsp_t *ocsp, ngx_str_t *value);
static ngx_int_t ngx_oof_ocsp_zone_init(ngx_shm_zone_t *zone, void *data);

static ngx_oof_ocsp_entry_t *ngx_oof_ocsp_find(ngx_oof_ocsp_table_t *table,
    u_char *thumbprint);
static uint32_t ngx_oof_ocsp_sum(ngx_oof_ocsp_entry_t *entry);
static void ngx_oof_ocsp_write(u_char *thumbprint, ngx_uint_t status,
    time_t until, time_t again);

static ngx_int_t ngx_oof_ocsp_ask(u_char *thumbprint,
    ngx_oof_ocsp_name_t *name);
static ngx_int_t ngx_oof_ocsp_fill(ngx_oof_ocsp_call_t *call);
static ngx_int_t ngx_oof_ocsp_body(ngx_oof_ocsp_call_t *call);
static void ngx_oof_ocsp_answer(ngx_oof_fetch_t *f);
static const char *ngx_oof_ocsp_read(ngx_oof_ocsp_call_t *call,
    ngx_uint_t *status, time_t *until);
static const char *ngx_oof_ocsp_judge(ngx_oof_ocsp_call_t *call,
    OCSP_BASICRESP *basic, ngx_uint_t *status, time_t *until);
static ngx_int_t ngx_oof_ocsp_verify(OCSP_BASICRESP *basic, X509 *issuer);


static ngx_str_t  ngx_oof_ocsp_labels[] = {
    ngx_string("result=\"good\""),
    ngx_string("result=\"revoked\""),
    ngx_string("result=\"unknown\""),
    ngx_string("result=\"error\""),
    ngx_null_string
};


static ngx_str_t         ngx_oof_ocsp_zone_name = ngx_string("oof_ocsp");

static ngx_oof_metric_t  ngx_oof_ocsp_metric;
static ngx_oof_ocsp_t   *ngx_oof_ocsp;
static ngx_uint_t        ngx_oof_ocsp_calls;


char *
ngx_oof_ocsp_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    ssize_t          size;
    ngx_str_t       *value;
    ngx_uint_t       i;
    ngx_oof_ocsp_t  *ocsp;

    if (omcf->ocsp.size) {
        return "is duplicate";
    }

    ocsp = &omcf->ocsp;
    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        return "has an invalid size: at least 32k";
    }

    ocsp->size = size;
    ocsp->refresh = NGX_OOF_OCSP_REFRESH;
    ocsp->timeout = NGX_OOF_OCSP_TIMEOUT;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_oof_ocsp_parameter(cf, ocsp, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"oof_ocsp_cache\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_oof_ocsp_parameter(ngx_conf_t *cf, ngx_oof_ocsp_t *ocsp, ngx_str_t *value)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "refresh=", 8) == 0) {
        s.len = value->len - 8;
        s.data = value->data + 8;

        ocsp->refresh = ngx_parse_time(&s, 1);

        return (ocsp->refresh < 1) ? NGX_ERROR : NGX_OK;
    }

    if (ngx_strncmp(value->data, "timeout=", 8) == 0) {
        s.len = value->len - 8;
        s.data = value->data + 8;

        n = ngx_parse_time(&s, 0);

        if (n < 1 || n > 60000) {
            return NGX_ERROR;
        }

        ocsp->timeout = n;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "responder=", 10) == 0) {
        ocsp->responder.len = value->len - 10;
        ocsp->responder.data = value->data + 10;

        return (ocsp->responder.len && ocsp->responder.len < NGX_OOF_OCSP_URL)
               ? NGX_OK : NGX_ERROR;
    }

    if (ngx_strncmp(value->data, "ca=", 3) == 0) {
        s.len = value->len - 3;
        s.data = value->data + 3;

        return ngx_oof_fetch_pem(cf, &s, &ocsp->ca);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_oof_ocsp_init(ngx_conf_t *cf)
{
    ngx_oof_ocsp_t       *ocsp;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    ocsp = &omcf->ocsp;

    if (!omcf->ocsp_used) {
        return NGX_OK;
    }

    if (ocsp->size == 0) {
        ocsp->size = NGX_OOF_OCSP_SIZE;
        ocsp->refresh = NGX_OOF_OCSP_REFRESH;
        ocsp->timeout = NGX_OOF_OCSP_TIMEOUT;
    }

    if (ocsp->responder.len
        && ngx_oof_fetch_prepare(cf, &ocsp->responder, &ocsp->addrs) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ocsp->zone = ngx_shared_memory_add(cf, &ngx_oof_ocsp_zone_name,
                                       ocsp->size, &ngx_oof_module);
    if (ocsp->zone == NULL) {
        return NGX_ERROR;
    }

    ocsp->zone->init = ngx_oof_ocsp_zone_init;
    ocsp->zone->data = ocsp;

    return ngx_oof_metric_add_list(cf, &ngx_oof_ocsp_metric, "oof_ocsp_total",
                                   "Answers of OCSP responders",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_ocsp_labels);
}


/* a reload that keeps the size keeps what is known */

static ngx_int_t
ngx_oof_ocsp_zone_init(ngx_shm_zone_t *zone, void *data)
{
    size_t                 size;
    ngx_uint_t             sets;
    ngx_slab_pool_t       *pool;
    ngx_oof_ocsp_table_t  *table;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data) {
        return NGX_OK;
    }

    /* the pool keeps a page's record for each page, and its own beginning */

    size = zone->shm.size - zone->shm.size / 64 - 4 * ngx_pagesize;
    sets = size / (NGX_OOF_OCSP_WAYS * sizeof(ngx_oof_ocsp_entry_t));

    if (sets == 0) {
        return NGX_ERROR;
    }

    size = offsetof(ngx_oof_ocsp_table_t, entries)
           + sets * NGX_OOF_OCSP_WAYS * sizeof(ngx_oof_ocsp_entry_t);

    table = ngx_slab_calloc(pool, size);
    if (table == NULL) {
        return NGX_ERROR;
    }

    table->sets = sets;
    pool->data = table;

    return NGX_OK;
}


ngx_int_t
ngx_oof_ocsp_init_process(ngx_cycle_t *cycle)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_oof_main_conf(cycle);

    ngx_oof_ocsp = omcf->ocsp.zone ? &omcf->ocsp : NULL;
    ngx_oof_ocsp_calls = 0;

    return NGX_OK;
}


void
ngx_oof_ocsp_name(ngx_oof_ocsp_name_t *name, X509 *x509, X509 *issuer)
{
    int                        len;
    char                      *url;
    u_char                    *p;
    OCSP_CERTID               *id;
    STACK_OF(OPENSSL_STRING)  *urls;

    name->issuer = issuer;
    name->id_len = 0;
    name->url_len = 0;

    id = OCSP_cert_to_id(EVP_sha1(), x509, issuer);
    if (id == NULL) {
        return;
    }

    len = i2d_OCSP_CERTID(id, NULL);

    if (len > 0 && len <= NGX_OOF_OCSP_ID) {
        p = name->id;
        name->id_len = i2d_OCSP_CERTID(id, &p);
    }

    OCSP_CERTID_free(id);

    urls = X509_get1_ocsp(x509);

    if (urls && sk_OPENSSL_STRING_num(urls) > 0) {
        url = sk_OPENSSL_STRING_value(urls, 0);

        if (ngx_strlen(url) < NGX_OOF_OCSP_URL) {
            name->url_len = ngx_strlen(url);
            ngx_memcpy(name->url, url, name->url_len);
        }
    }

    X509_email_free(urls);
}


ngx_int_t
ngx_oof_ocsp_check(ngx_uint_t mode, u_char *thumbprint,
    ngx_oof_ocsp_name_t *name, ngx_log_t *log)
{
    time_t                 now, until;
    ngx_uint_t             status, due;
    ngx_slab_pool_t       *pool;
    ngx_oof_ocsp_entry_t  *entry;

    if (ngx_oof_ocsp == NULL) {
        return (mode == NGX_OOF_OCSP_HARD) ? NGX_AGAIN : NGX_OK;
    }

    /* a process that cannot ask leaves it to the next request, or to others */

    due = !ngx_exiting && ngx_oof_ocsp_calls < NGX_OOF_OCSP_CALLS;

    now = ngx_time();
    pool = (ngx_slab_pool_t *) ngx_oof_ocsp->zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    entry = ngx_oof_ocsp_find(pool->data, thumbprint);

    status = entry->status;
    until = entry->until;
    due = (due && entry->again <= now);

    entry->used = now;

    if (due) {

        /* who asks is one process; should it die, another one asks later */

        entry->again = now + NGX_OOF_OCSP_PAUSE;
    }

    entry->sum = ngx_oof_ocsp_sum(entry);

    ngx_shmtx_unlock(&pool->mutex);

    if (due && ngx_oof_ocsp_ask(thumbprint, name) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "no OCSP responder can be asked of a certificate");
    }

    /* a revocation counts until somebody has taken it back */

    if (status == NGX_OOF_OCSP_REVOKED) {
        return NGX_DECLINED;
    }

    if (mode == NGX_OOF_OCSP_SOFT) {
        return NGX_OK;
    }

    if (status == NGX_OOF_OCSP_NONE || until < now) {
        return NGX_AGAIN;
    }

    return (status == NGX_OOF_OCSP_GOOD) ? NGX_OK : NGX_DECLINED;
}


/*
 * The entry of a certificate; when it has none, that of its set which has not
 * been used for longest is made anew.
 */

static ngx_oof_ocsp_entry_t *
ngx_oof_ocsp_find(ngx_oof_ocsp_table_t *table, u_char *thumbprint)
{
    uint64_t               hash;
    ngx_uint_t             i;
    ngx_oof_ocsp_entry_t  *entry, *oldest;

    ngx_memcpy(&hash, thumbprint, sizeof(uint64_t));

    entry = &table->entries[hash % table->sets * NGX_OOF_OCSP_WAYS];
    oldest = entry;

    for (i = 0; i < NGX_OOF_OCSP_WAYS; i++) {

        if (entry[i].used && entry[i].sum != ngx_oof_ocsp_sum(&entry[i])) {
            ngx_memzero(&entry[i], sizeof(ngx_oof_ocsp_entry_t));
        }

        if (entry[i].used
            && ngx_memcmp(entry[i].thumbprint, thumbprint, 32) == 0)
        {
            return &entry[i];
        }

        if (entry[i].used < oldest->used) {
            oldest = &entry[i];
        }
    }

    ngx_memzero(oldest, sizeof(ngx_oof_ocsp_entry_t));
    ngx_memcpy(oldest->thumbprint, thumbprint, 32);

    return oldest;
}


static uint32_t
ngx_oof_ocsp_sum(ngx_oof_ocsp_entry_t *entry)
{
    return ngx_crc32_short((u_char *) entry,
                           offsetof(ngx_oof_ocsp_entry_t, sum));
}


/* an error leaves what was known, and is not followed by another at once */

static void
ngx_oof_ocsp_write(u_char *thumbprint, ngx_uint_t status, time_t until,
    time_t again)
{
    ngx_slab_pool_t       *pool;
    ngx_oof_ocsp_entry_t  *entry;

    pool = (ngx_slab_pool_t *) ngx_oof_ocsp->zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    entry = ngx_oof_ocsp_find(pool->data, thumbprint);

    if (status != NGX_OOF_OCSP_ERROR) {
        entry->status = status;
        entry->until = until;
    }

    entry->used = ngx_time();
    entry->again = again;
    entry->sum = ngx_oof_ocsp_sum(entry);

    ngx_shmtx_unlock(&pool->mutex);
}


static ngx_int_t
ngx_oof_ocsp_ask(u_char *thumbprint, ngx_oof_ocsp_name_t *name)
{
    ngx_pool_t           *pool;
    ngx_oof_ocsp_call_t  *call;

    if (name->id_len == 0
        || (name->url_len == 0 && ngx_oof_ocsp->responder.len == 0))
    {
        return NGX_DECLINED;
    }

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_oof_ocsp_call_t));

    if (call == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    call->name = *name;
    call->fetch.pool = pool;

    ngx_memcpy(call->thumbprint, thumbprint, 32);

    if (ngx_oof_ocsp_fill(call) != NGX_OK
        || ngx_oof_fetch(&call->fetch) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    ngx_oof_ocsp_calls++;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_ocsp_fill(ngx_oof_ocsp_call_t *call)
{
    ngx_str_t        *header;
    ngx_oof_fetch_t  *f;

    f = &call->fetch;

    f->log = ngx_cycle->log;
    ngx_str_set(&f->method, "POST");

    if (ngx_oof_ocsp->responder.len) {
        f->url = ngx_oof_ocsp->responder;
        f->addrs = ngx_oof_ocsp->addrs;

    } else {
        f->url.len = call->name.url_len;
        f->url.data = call->name.url;
    }

    if (ngx_array_init(&f->headers, f->pool, 2, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    header = ngx_array_push_n(&f->headers, 2);
    if (header == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&header[0], "Content-Type: application/ocsp-request");
    ngx_str_set(&header[1], "Accept: application/ocsp-response");

    f->ca = ngx_oof_ocsp->ca;
    f->timeout = ngx_oof_ocsp->timeout;
    f->connect_timeout = ngx_oof_ocsp->timeout;
    f->max_size = NGX_OOF_OCSP_ANSWER;
    f->handler = ngx_oof_ocsp_answer;
    f->data = call;
    f->background = 1;

    return ngx_oof_ocsp_body(call);
}


/* without a nonce: responders keep their answers, and so does the zone */

static ngx_int_t
ngx_oof_ocsp_body(ngx_oof_ocsp_call_t *call)
{
    int            len;
    u_char        *p;
    ngx_str_t     *body;
    OCSP_CERTID   *id;
    OCSP_REQUEST  *req;
    const u_char  *der;

    der = call->name.id;
    body = &call->fetch.body;

    req = OCSP_REQUEST_new();
    id = d2i_OCSP_CERTID(NULL, &der, call->name.id_len);

    if (req == NULL || id == NULL || OCSP_request_add0_id(req, id) == NULL) {
        OCSP_CERTID_free(id);
        OCSP_REQUEST_free(req);
        return NGX_ERROR;
    }

    len = i2d_OCSP_REQUEST(req, NULL);

    if (len > 0) {
        body->data = ngx_pnalloc(call->fetch.pool, len);

        if (body->data) {
            p = body->data;
            body->len = i2d_OCSP_REQUEST(req, &p);
        }
    }

    OCSP_REQUEST_free(req);

    return body->len ? NGX_OK : NGX_ERROR;
}


static void
ngx_oof_ocsp_answer(ngx_oof_fetch_t *f)
{
    ngx_oof_ocsp_call_t *call = f->data;

    time_t       now, until, again;
    ngx_uint_t   status;
    const char  *why;

    ngx_oof_ocsp_calls--;

    now = ngx_time();
    until = 0;
    status = NGX_OOF_OCSP_ERROR;

    if (f->status == 0) {
        why = f->error;

    } else if (f->status != NGX_HTTP_OK) {
        why = "its status is not 200";

    } else {
        why = ngx_oof_ocsp_read(call, &status, &until);
        ERR_clear_error();
    }

    again = now + NGX_OOF_OCSP_PAUSE;

    if (why) {
        status = NGX_OOF_OCSP_ERROR;

        ngx_log_error(NGX_LOG_WARN, f->log, 0,
                      "OCSP responder \"%V\" gave no answer: %s",
                      &f->url, why);

    } else if (until > now) {

        /* half of what is left, so that no answer ends before the next comes */

        again = now + ngx_min(ngx_oof_ocsp->refresh, (until - now) / 2 + 1);
    }

    ngx_oof_metric_inc(&ngx_oof_ocsp_metric, status - NGX_OOF_OCSP_GOOD, 1);

    ngx_oof_ocsp_write(call->thumbprint, status, until, again);

    ngx_destroy_pool(f->pool);
}


/* NULL, or why it is no answer */

static const char *
ngx_oof_ocsp_read(ngx_oof_ocsp_call_t *call, ngx_uint_t *status, time_t *until)
{
    const char      *why;
    const u_char    *der;
    OCSP_RESPONSE   *response;
    OCSP_BASICRESP  *basic;

    der = call->fetch.response.data;

    response = d2i_OCSP_RESPONSE(NULL, &der, call->fetch.response.len);
    if (response == NULL) {
        return "it cannot be read";
    }

    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        OCSP_RESPONSE_free(response);
        return "it is an error";
    }

    basic = OCSP_response_get1_basic(response);

    OCSP_RESPONSE_free(response);

    if (basic == NULL) {
        return "it is of an unknown kind";
    }

    why = ngx_oof_ocsp_judge(call, basic, status, until);

    OCSP_BASICRESP_free(basic);

    return why;
}


static const char *
ngx_oof_ocsp_judge(ngx_oof_ocsp_call_t *call, OCSP_BASICRESP *basic,
    ngx_uint_t *status, time_t *until)
{
    int                    found, rc, days, seconds;
    OCSP_CERTID           *id;
    const u_char          *der;
    ASN1_GENERALIZEDTIME  *this, *next;

    if (ngx_oof_ocsp_verify(basic, call->name.issuer) != NGX_OK) {
        return "its signature is none of the issuer's";
    }

    der = call->name.id;

    id = d2i_OCSP_CERTID(NULL, &der, call->name.id_len);
    if (id == NULL) {
        return "no memory";
    }

    rc = OCSP_resp_find_status(basic, id, &found, NULL, NULL, &this, &next);

    OCSP_CERTID_free(id);

    if (rc != 1) {
        return "it is about another certificate";
    }

    if (!OCSP_check_validity(this, next, NGX_OOF_OCSP_SKEW, -1)) {
        return "it is out of date";
    }

    switch (found) {

    case V_OCSP_CERTSTATUS_GOOD:
        *status = NGX_OOF_OCSP_GOOD;
        break;

    case V_OCSP_CERTSTATUS_REVOKED:
        *status = NGX_OOF_OCSP_REVOKED;
        break;

    default:
        *status = NGX_OOF_OCSP_UNKNOWN;
    }

    /* without a next update the responder always has news */

    *until = ngx_time() + 2 * ngx_oof_ocsp->refresh;

    if (next && ASN1_TIME_diff(&days, &seconds, NULL, next)) {
        *until = ngx_time() + (time_t) days * 86400 + seconds;
    }

    return NULL;
}


/* by the issuer itself, or by whom it has given OCSPSigning */

static ngx_int_t
ngx_oof_ocsp_verify(OCSP_BASICRESP *basic, X509 *issuer)
{
    int              rc;
    X509_STORE      *store;
    STACK_OF(X509)  *chain;

    rc = 0;

    store = X509_STORE_new();
    chain = sk_X509_new_null();

    if (store && chain
        && X509_STORE_add_cert(store, issuer)
        && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN)
        && sk_X509_push(chain, issuer))
    {
        rc = OCSP_basic_verify(basic, chain, store, 0);
    }

    sk_X509_free(chain);
    X509_STORE_free(store);

    return (rc == 1) ? NGX_OK : NGX_DECLINED;
}
