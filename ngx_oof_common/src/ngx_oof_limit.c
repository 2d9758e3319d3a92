
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_limit_int.h>


#define NGX_OOF_LIMIT_MOST       100000000   /* calls that a number may say */
#define NGX_OOF_LIMIT_NAMES      512         /* of a brand and organisation */

/*
 * What a month's key is made of, less what the path names: one block of the
 * digest.  The first half of a look-up value is as good as the whole.
 */
#define NGX_OOF_LIMIT_CUSTOMER   (NGX_OOF_LOOKUP_LEN / 2)
#define NGX_OOF_LIMIT_PARTS                                                   \
    (NGX_OOF_LIMIT_KEY_LEN + sizeof(uint32_t)                                 \
     + NGX_OOF_LIMIT_CUSTOMER + NGX_OOF_UUID_LEN)

#define NGX_OOF_LIMIT_MILLION    1000000

#define NGX_OOF_LIMIT_KNOWN      128         /* keys that are remembered */
#define NGX_OOF_LIMIT_TEXT       192         /* bytes that they are made of */

/* kinds of the metric */

#define NGX_OOF_LIMIT_IS_TPS     0
#define NGX_OOF_LIMIT_IS_MINUTE  1
#define NGX_OOF_LIMIT_IS_MONTH   2
#define NGX_OOF_LIMIT_IS_FULL    3


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               class;
} ngx_oof_limit_class_t;


/* a key that was made already, where the hash of its text says */

typedef struct {
    size_t                   len;
    u_char                   text[NGX_OOF_LIMIT_TEXT];
    u_char                   key[NGX_OOF_LIMIT_KEY_LEN];
} ngx_oof_limit_known_t;


static ngx_int_t ngx_oof_limit_handler(ngx_http_request_t *r);
static ngx_oof_limit_zone_t *ngx_oof_limit_zone(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_limit_minute_judge(ngx_oof_request_t *o,
    ngx_oof_limit_zone_t *zone, ngx_uint_t class, ngx_uint_t limit);
static ngx_int_t ngx_oof_limit_key(ngx_oof_request_t *o,
    ngx_str_t *endpoint);
static ngx_int_t ngx_oof_limit_remembered(u_char *key, u_char *text,
    size_t len);
static ngx_int_t ngx_oof_limit_month_key(ngx_oof_request_t *o,
    ngx_oof_limit_row_t *row, ngx_oof_limit_call_t *call);
static ngx_int_t ngx_oof_limit_digest(u_char *key, u_char *data, size_t len,
    ngx_str_t *rest);
static void ngx_oof_limit_full(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_limit_number(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_uint_t *number);


static ngx_oof_limit_class_t  ngx_oof_limit_classes[] = {
    { ngx_string("low"), NGX_OOF_LIMIT_LOW },
    { ngx_string("medium"), NGX_OOF_LIMIT_MEDIUM },
    { ngx_string("medium-high"), NGX_OOF_LIMIT_MEDIUM_HIGH },
    { ngx_string("high"), NGX_OOF_LIMIT_HIGH },
    { ngx_null_string, 0 }
};


static ngx_str_t  ngx_oof_limit_labels[] = {
    ngx_string("kind=\"tps\""),
    ngx_string("kind=\"minute\""),
    ngx_string("kind=\"month\""),
    ngx_string("kind=\"full\""),
    ngx_null_string
};


static ngx_str_t  ngx_oof_limit_zone_name = ngx_string("oof_limits");

static ngx_oof_metric_t  ngx_oof_limit_metric;

static EVP_MD             *ngx_oof_limit_sha256;
static EVP_MD_CTX         *ngx_oof_limit_ctx;

static ngx_oof_limit_known_t  ngx_oof_limit_known[NGX_OOF_LIMIT_KNOWN];


/*
 * Calls a second.  A location is known here, so that the answer says its API's
 * version, and no "return" of the location has been looked at yet.
 */

static ngx_int_t
ngx_oof_limit_handler(ngx_http_request_t *r)
{
    ngx_oof_request_t     *o;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_limit_zone_t  *zone;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->tps == 0) {
        return NGX_DECLINED;
    }

    o = ngx_oof_request_make(r);

    if (o == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (o->paced) {

        /* an internal redirect */

        return NGX_DECLINED;
    }

    o->paced = 1;

    zone = ngx_oof_limit_zone(o);

    if (ngx_oof_limit_zone_second(zone, olcf->tps) == NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_oof_metric_inc(&ngx_oof_limit_metric, NGX_OOF_LIMIT_IS_TPS, 1);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "limit of %ui calls a second was reached", olcf->tps);

    o->retry_after = 1;

    (void) ngx_oof_error(o, NGX_OOF_HTTP_OVERLOADED, "SITE_IS_OVERLOADED",
                         "Serviço sobrecarregado",
                         "O limite de requisições por segundo foi atingido.");

    ngx_http_finalize_request(r, ngx_oof_send(o));

    return NGX_DONE;
}


static ngx_oof_limit_zone_t *
ngx_oof_limit_zone(ngx_oof_request_t *o)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_get_module_main_conf(o->r, ngx_oof_module);

    return omcf->limits ? omcf->limits->data : NULL;
}


ngx_int_t
ngx_oof_limit_minute(ngx_oof_request_t *o, ngx_str_t *endpoint,
    ngx_uint_t class)
{
    ngx_uint_t             limit;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_limit_zone_t  *zone;

    zone = ngx_oof_limit_zone(o);

    if (zone == NULL || o->cert == NULL) {
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (olcf->minute_limit == 0) {
        return NGX_DECLINED;
    }

    if (olcf->minute_class) {
        class = ngx_max(class, olcf->minute_class);
    }

    limit = ngx_oof_limit_of_class(class, 0);

    if (olcf->minute_limit != NGX_OOF_LIMIT_BY_ROUTE) {
        limit = ngx_max(limit, olcf->minute_limit);
    }

    if (limit == 0) {
        return NGX_DECLINED;
    }

    if (ngx_oof_limit_key(o, endpoint) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_limit_minute_judge(o, zone, class, limit);
}


/*
 * How many consents there are is looked up only for who has come to the limit
 * of those that have few.
 */

static ngx_int_t
ngx_oof_limit_minute_judge(ngx_oof_request_t *o, ngx_oof_limit_zone_t *zone,
    ngx_uint_t class, ngx_uint_t limit)
{
    u_char               consents[NGX_OOF_LIMIT_KEY_LEN];
    int64_t              now, left;
    uint32_t             minute;
    ngx_int_t            rc;
    ngx_uint_t           high;
    ngx_oof_loc_conf_t  *olcf;

    now = ngx_oof_clock_rule();
    minute = (uint32_t) (now / NGX_OOF_MINUTE);

    rc = ngx_oof_limit_zone_minute(zone, o->limit_key, minute, limit);

    if (rc == NGX_BUSY && class == NGX_OOF_LIMIT_HIGH) {

        olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

        if (ngx_oof_limit_consents_key(consents, &olcf->brand,
                                       &o->cert->organisation_id)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        high = ngx_oof_limit_of_class(class,
                                      ngx_oof_limit_zone_consents(zone,
                                                                  consents));

        if (high > limit) {
            rc = ngx_oof_limit_zone_minute(zone, o->limit_key, minute, high);
        }
    }

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        ngx_oof_limit_full(o);
        return NGX_DECLINED;
    }

    ngx_oof_metric_inc(&ngx_oof_limit_metric, NGX_OOF_LIMIT_IS_MINUTE, 1);

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "limit of calls a minute was reached by organisation \"%V\"",
                  &o->cert->organisation_id);

    left = NGX_OOF_MINUTE - now % NGX_OOF_MINUTE;

    o->retry_after = (ngx_uint_t) ((left + NGX_OOF_SECOND - 1)
                                   / NGX_OOF_SECOND);

    return ngx_oof_error_status(o, NGX_HTTP_TOO_MANY_REQUESTS);
}


ngx_int_t
ngx_oof_limit_month(ngx_oof_request_t *o, ngx_oof_limit_call_t *call)
{
    ngx_int_t              rc;
    ngx_uint_t             limit;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_limit_row_t   *row;
    ngx_oof_limit_zone_t  *zone;

    zone = ngx_oof_limit_zone(o);

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (zone == NULL || o->cert == NULL || olcf->month_limit == 0
        || call->free)
    {
        return NGX_DECLINED;
    }

    limit = call->minimum;

    if (olcf->month_limit != NGX_OOF_LIMIT_BY_ROUTE) {
        limit = ngx_max(limit, olcf->month_limit);
    }

    if (limit == 0) {
        return NGX_DECLINED;
    }

    row = ngx_palloc(o->r->pool, sizeof(ngx_oof_limit_row_t));
    if (row == NULL) {
        return NGX_ERROR;
    }

    row->month = ngx_oof_limit_this_month();
    row->count = 0;
    row->limit = (uint32_t) limit;

    if (ngx_oof_limit_key(o, &call->endpoint) != NGX_OK
        || ngx_oof_limit_month_key(o, row, call) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_limit_zone_month(zone, row);

    if (rc == NGX_DECLINED) {
        ngx_oof_limit_full(o);
        return NGX_DECLINED;
    }

    ngx_oof_limit_wake();

    if (rc == NGX_OK) {
        o->month = row;
        return NGX_DECLINED;
    }

    ngx_oof_metric_inc(&ngx_oof_limit_metric, NGX_OOF_LIMIT_IS_MONTH, 1);

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "limit of calls a month was reached by organisation \"%V\"",
                  &o->cert->organisation_id);

    return ngx_oof_error_status(o, NGX_OOF_HTTP_LOCKED);
}


void
ngx_oof_limit_log(ngx_oof_request_t *o)
{
    ngx_uint_t             status;
    ngx_oof_limit_row_t   *row;
    ngx_oof_limit_zone_t  *zone;

    row = o->month;

    if (row == NULL) {
        return;
    }

    o->month = NULL;

    status = o->r->err_status ? o->r->err_status : o->r->headers_out.status;

    if (status < NGX_HTTP_OK || status >= NGX_HTTP_SPECIAL_RESPONSE) {
        return;
    }

    zone = ngx_oof_limit_zone(o);

    if (ngx_oof_limit_zone_add(zone, row) != NGX_OK) {
        ngx_oof_limit_full(o);
        return;
    }

    ngx_oof_limit_wake();
}


/*
 * Of its endpoint and organisation.  What stands before the endpoint has no
 * spaces; the name of a location may have any.
 */

static ngx_int_t
ngx_oof_limit_key(ngx_oof_request_t *o, ngx_str_t *endpoint)
{
    size_t               len;
    u_char              *p, *key, *text;
    ngx_str_t           *organisation;
    ngx_oof_loc_conf_t  *olcf;

    if (o->limit_key) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    organisation = &o->cert->organisation_id;

    len = olcf->brand.len + organisation->len + o->api->name.len
          + o->api->major.len + endpoint->len + 4;

    key = ngx_pnalloc(o->r->pool, NGX_OOF_LIMIT_KEY_LEN + len);
    if (key == NULL) {
        return NGX_ERROR;
    }

    text = key + NGX_OOF_LIMIT_KEY_LEN;

    p = ngx_cpymem(text, olcf->brand.data, olcf->brand.len);
    *p++ = ' ';
    p = ngx_cpymem(p, organisation->data, organisation->len);
    *p++ = ' ';
    p = ngx_cpymem(p, o->api->name.data, o->api->name.len);
    *p++ = ' ';
    p = ngx_cpymem(p, o->api->major.data, o->api->major.len);
    *p++ = ' ';
    ngx_memcpy(p, endpoint->data, endpoint->len);

    if (ngx_oof_limit_remembered(key, text, len) != NGX_OK) {
        return NGX_ERROR;
    }

    o->limit_key = key;

    return NGX_OK;
}


/* a few organisations call a few endpoints again and again */

static ngx_int_t
ngx_oof_limit_remembered(u_char *key, u_char *text, size_t len)
{
    ngx_oof_limit_known_t  *known;

    if (len > NGX_OOF_LIMIT_TEXT) {
        return ngx_oof_limit_digest(key, text, len, NULL);
    }

    known = &ngx_oof_limit_known[ngx_murmur_hash2(text, len)
                                 % NGX_OOF_LIMIT_KNOWN];

    if (known->len == len && ngx_memcmp(known->text, text, len) == 0) {
        ngx_memcpy(key, known->key, NGX_OOF_LIMIT_KEY_LEN);
        return NGX_OK;
    }

    if (ngx_oof_limit_digest(key, text, len, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    known->len = len;
    ngx_memcpy(known->text, text, len);
    ngx_memcpy(known->key, key, NGX_OOF_LIMIT_KEY_LEN);

    return NGX_OK;
}


/* and of a month all that it is about; what the path names may be long */

static ngx_int_t
ngx_oof_limit_month_key(ngx_oof_request_t *o, ngx_oof_limit_row_t *row,
    ngx_oof_limit_call_t *call)
{
    u_char  *p, parts[NGX_OOF_LIMIT_PARTS];

    p = ngx_cpymem(parts, o->limit_key, NGX_OOF_LIMIT_KEY_LEN);

    *p++ = (u_char) (row->month >> 24);
    *p++ = (u_char) (row->month >> 16);
    *p++ = (u_char) (row->month >> 8);
    *p++ = (u_char) row->month;

    p = ngx_cpymem(p, call->customer, NGX_OOF_LIMIT_CUSTOMER);
    ngx_memcpy(p, call->resource, NGX_OOF_UUID_LEN);

    return ngx_oof_limit_digest(row->key, parts, NGX_OOF_LIMIT_PARTS,
                                &call->object);
}


ngx_int_t
ngx_oof_limit_consents_key(u_char *key, ngx_str_t *brand,
    ngx_str_t *organisation)
{
    u_char  *p, buf[NGX_OOF_LIMIT_NAMES];

    p = ngx_slprintf(buf, buf + NGX_OOF_LIMIT_NAMES, "%V %V", brand,
                     organisation);

    return ngx_oof_limit_digest(key, buf, p - buf, NULL);
}


static ngx_int_t
ngx_oof_limit_digest(u_char *key, u_char *data, size_t len, ngx_str_t *rest)
{
    u_char  digest[EVP_MAX_MD_SIZE];

    if (!EVP_DigestInit_ex2(ngx_oof_limit_ctx, ngx_oof_limit_sha256, NULL)
        || !EVP_DigestUpdate(ngx_oof_limit_ctx, data, len)
        || (rest && !EVP_DigestUpdate(ngx_oof_limit_ctx, rest->data,
                                      rest->len))
        || !EVP_DigestFinal_ex(ngx_oof_limit_ctx, digest, NULL))
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    ngx_memcpy(key, digest, NGX_OOF_LIMIT_KEY_LEN);

    return NGX_OK;
}


uint32_t
ngx_oof_limit_this_month(void)
{
    ngx_oof_date_t  date;

    ngx_oof_clock_brasilia(ngx_oof_clock_rule(), &date);

    return (uint32_t) (date.year * 100 + date.month);
}


static void
ngx_oof_limit_full(ngx_oof_request_t *o)
{
    ngx_oof_metric_inc(&ngx_oof_limit_metric, NGX_OOF_LIMIT_IS_FULL, 1);

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "no room in \"oof_limits_zone\": a call is not counted");
}


ngx_uint_t
ngx_oof_limit_of_class(ngx_uint_t class, uint64_t consents)
{
    uint64_t  more;

    switch (class) {

    case NGX_OOF_LIMIT_LOW:
        return 1000;

    case NGX_OOF_LIMIT_MEDIUM:
        return 1500;

    case NGX_OOF_LIMIT_MEDIUM_HIGH:
        return 2000;

    case NGX_OOF_LIMIT_HIGH:
        break;

    default:
        return 0;
    }

    if (consents <= 1 * NGX_OOF_LIMIT_MILLION) {
        return 2500;
    }

    if (consents <= 2 * NGX_OOF_LIMIT_MILLION) {
        return 5000;
    }

    if (consents <= 3 * NGX_OOF_LIMIT_MILLION) {
        return 8000;
    }

    if (consents <= 6 * NGX_OOF_LIMIT_MILLION) {
        return 10000;
    }

    /* 2,000 for each two millions that have begun */

    more = consents - 6 * NGX_OOF_LIMIT_MILLION;

    return (ngx_uint_t) (10000
                         + 2000 * ((more + 2 * NGX_OOF_LIMIT_MILLION - 1)
                                   / (2 * NGX_OOF_LIMIT_MILLION)));
}


ngx_int_t
ngx_oof_limit_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_oof_main_conf_t        *omcf;
    ngx_http_core_main_conf_t  *cmcf;

    if (ngx_oof_metric_add_list(cf, &ngx_oof_limit_metric, "oof_limits_total",
                                "Calls refused by a limit; full: let pass, "
                                "for there was no room to count them.",
                                NGX_OOF_METRIC_COUNTER, ngx_oof_limit_labels)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    if (omcf->limits_size == 0) {
        return NGX_OK;
    }

    omcf->limits = ngx_shared_memory_add(cf, &ngx_oof_limit_zone_name,
                                         omcf->limits_size, &ngx_oof_module);
    if (omcf->limits == NULL) {
        return NGX_ERROR;
    }

    omcf->limits->init = ngx_oof_limit_init_zone;
    omcf->limits->data = ngx_pcalloc(cf->pool, sizeof(ngx_oof_limit_zone_t));

    if (omcf->limits->data == NULL) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_oof_limit_handler;

    return ngx_oof_limit_sync_init(cf);
}


ngx_int_t
ngx_oof_limit_init_process(ngx_cycle_t *cycle)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_oof_main_conf(cycle);

    if (omcf->limits == NULL) {
        return NGX_OK;
    }

    /* fetched once: OpenSSL 3 would look for it at each digest */

    ngx_oof_limit_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    ngx_oof_limit_ctx = EVP_MD_CTX_new();

    if (ngx_oof_limit_sha256 == NULL || ngx_oof_limit_ctx == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cycle->log, 0,
                      "EVP_MD_fetch(\"SHA256\") failed");
        return NGX_ERROR;
    }

    return ngx_oof_limit_sync_init_process(cycle, omcf->limits->data);
}


void
ngx_oof_limit_exit_process(ngx_cycle_t *cycle)
{
    ngx_oof_limit_sync_exit_process();

    EVP_MD_CTX_free(ngx_oof_limit_ctx);
    EVP_MD_free(ngx_oof_limit_sha256);
}


/* "off" is 0 */

static ngx_int_t
ngx_oof_limit_number(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *value,
    ngx_uint_t *number)
{
    ngx_int_t  n;

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        *number = 0;
        return NGX_OK;
    }

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_OOF_LIMIT_MOST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\"", value,
                           &cmd->name);
        return NGX_ERROR;
    }

    *number = (ngx_uint_t) n;

    return NGX_OK;
}


/* "oof_tps N | off" */

char *
ngx_oof_limit_tps(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t  *value;

    if (olcf->tps != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return (ngx_oof_limit_number(cf, cmd, &value[1], &olcf->tps) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* "oof_minute_limit on | off | CLASS | N" */

char *
ngx_oof_limit_minutes(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t              *value;
    ngx_oof_limit_class_t  *class;

    if (olcf->minute_limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    olcf->minute_limit = NGX_OOF_LIMIT_BY_ROUTE;
    olcf->minute_class = NGX_OOF_LIMIT_NONE;

    if (value[1].len == 2 && ngx_strncmp(value[1].data, "on", 2) == 0) {
        return NGX_CONF_OK;
    }

    for (class = ngx_oof_limit_classes; class->name.len; class++) {

        if (value[1].len == class->name.len
            && ngx_strncmp(value[1].data, class->name.data, value[1].len) == 0)
        {
            olcf->minute_class = class->class;
            return NGX_CONF_OK;
        }
    }

    return (ngx_oof_limit_number(cf, cmd, &value[1], &olcf->minute_limit)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* "oof_month_limit on | off | N" */

char *
ngx_oof_limit_months(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t  *value;

    if (olcf->month_limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 2 && ngx_strncmp(value[1].data, "on", 2) == 0) {
        olcf->month_limit = NGX_OOF_LIMIT_BY_ROUTE;
        return NGX_CONF_OK;
    }

    return (ngx_oof_limit_number(cf, cmd, &value[1], &olcf->month_limit)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_oof_limit_merge(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf)
{
    ngx_oof_main_conf_t  *omcf;

    if (conf->minute_limit == NGX_CONF_UNSET_UINT) {
        conf->minute_class = prev->minute_class;
    }

    ngx_conf_merge_uint_value(conf->tps, prev->tps, 0);
    ngx_conf_merge_uint_value(conf->minute_limit, prev->minute_limit,
                              NGX_OOF_LIMIT_BY_ROUTE);
    ngx_conf_merge_uint_value(conf->month_limit, prev->month_limit,
                              NGX_OOF_LIMIT_BY_ROUTE);

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    if (omcf->limits_size) {
        return NGX_CONF_OK;
    }

    if (conf->tps
        || conf->minute_class
        || (conf->minute_limit && conf->minute_limit != NGX_OOF_LIMIT_BY_ROUTE)
        || (conf->month_limit && conf->month_limit != NGX_OOF_LIMIT_BY_ROUTE))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "limits need \"oof_limits_zone\" in http{}");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
