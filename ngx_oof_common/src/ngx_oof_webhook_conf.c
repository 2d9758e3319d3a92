
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_block.h>
#include <ngx_oof_expiry.h>
#include <ngx_oof_webhook_int.h>


/* what the configuration says of webhooks */


/* ms */

#define NGX_OOF_WEBHOOK_TIMEOUT     15000
#define NGX_OOF_WEBHOOK_CONNECT     5000
#define NGX_OOF_WEBHOOK_RETRY_1     10000
#define NGX_OOF_WEBHOOK_RETRY_2     60000
#define NGX_OOF_WEBHOOK_QUEUE_TIME  (10 * 60 * 1000)

#define NGX_OOF_WEBHOOK_CALLS       256
#define NGX_OOF_WEBHOOK_HOST_CALLS  8

/* s */

#define NGX_OOF_WEBHOOK_KEEP        (90 * 24 * 60 * 60)
#define NGX_OOF_WEBHOOK_KEEP_MIN    (7 * 24 * 60 * 60)
#define NGX_OOF_WEBHOOK_NOTICE      (24 * 60 * 60)


static char *ngx_oof_webhooks_check(ngx_conf_t *cf,
    ngx_oof_webhooks_t *conf);

static char *ngx_oof_webhooks_certificate(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *data);
static char *ngx_oof_webhooks_allow(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *data);
static char *ngx_oof_webhooks_retry(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *data);
static char *ngx_oof_webhooks_expiry_notice(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *data);


static ngx_oof_block_line_t  ngx_oof_webhooks_lines[] = {

    { ngx_string("certificate"), 1, 1, ngx_oof_webhooks_certificate,
      offsetof(ngx_oof_webhooks_t, cert), 0, 0, NULL },

    { ngx_string("key"), 1, 1, ngx_oof_block_pem,
      offsetof(ngx_oof_webhooks_t, key), 0, 0, NULL },

    { ngx_string("ca"), 1, 1, ngx_oof_block_pem,
      offsetof(ngx_oof_webhooks_t, ca), 0, 0, NULL },

    { ngx_string("allow"), 1, 32, ngx_oof_webhooks_allow, 0, 0, 0, NULL },

    { ngx_string("timeout"), 1, 1, ngx_oof_block_msec,
      offsetof(ngx_oof_webhooks_t, timeout), 1, 60000,
      "must be a time of 1ms to 60s" },

    { ngx_string("connect_timeout"), 1, 1, ngx_oof_block_msec,
      offsetof(ngx_oof_webhooks_t, connect_timeout), 1, 60000,
      "must be a time of 1ms to 60s" },

    { ngx_string("retry"), 1, 2, ngx_oof_webhooks_retry, 0, 0, 0, NULL },

    { ngx_string("calls"), 1, 1, ngx_oof_block_number,
      offsetof(ngx_oof_webhooks_t, calls), 1, NGX_OOF_FETCH_THIRD_MAX,
      "must be a number of 1 to 1024" },

    { ngx_string("host_calls"), 1, 1, ngx_oof_block_number,
      offsetof(ngx_oof_webhooks_t, host_calls), 1, NGX_OOF_FETCH_THIRD_MAX,
      "must be a number of 1 to 1024" },

    { ngx_string("queue_time"), 1, 1, ngx_oof_block_msec,
      offsetof(ngx_oof_webhooks_t, queue_time), 1, 86400000,
      "must be a time of 1ms to 1d" },

    /* never shorter than events are kept: a replay finds what was sent */

    { ngx_string("keep"), 1, 1, ngx_oof_block_sec,
      offsetof(ngx_oof_webhooks_t, keep), NGX_OOF_WEBHOOK_KEEP_MIN,
      NGX_MAX_INT_T_VALUE, "must be a time of 7d at least" },

    { ngx_string("bank_url"), 1, 1, ngx_oof_block_url,
      offsetof(ngx_oof_webhooks_t, bank_url), 0, 0, NULL },

    { ngx_string("bank_ca"), 1, 1, ngx_oof_block_pem,
      offsetof(ngx_oof_webhooks_t, bank_ca), 0, 0, NULL },

    { ngx_string("expiry_notice"), 1, 1, ngx_oof_webhooks_expiry_notice,
      0, 0, 0, NULL },

    ngx_oof_block_end
};


char *
ngx_oof_webhooks_block(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_oof_main_conf_t *omcf = data;

    char                *rv;
    ngx_oof_webhooks_t  *conf;

    conf = ngx_oof_block_new(cf, cmd, &omcf->webhooks,
                             sizeof(ngx_oof_webhooks_t));
    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->retries = NGX_CONF_UNSET_UINT;
    conf->calls = NGX_CONF_UNSET_UINT;
    conf->host_calls = NGX_CONF_UNSET_UINT;
    conf->queue_time = NGX_CONF_UNSET_MSEC;
    conf->keep = NGX_CONF_UNSET;
    conf->expiry_notice = NGX_CONF_UNSET;

    rv = ngx_oof_block_read(cf, cmd, ngx_oof_webhooks_lines, conf);

    return (rv == NGX_CONF_OK) ? ngx_oof_webhooks_check(cf, conf) : rv;
}


static char *
ngx_oof_webhooks_check(ngx_conf_t *cf, ngx_oof_webhooks_t *conf)
{
    if (conf->cert.len == 0 || conf->key.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_webhooks %V\" needs \"certificate\" and "
                           "\"key\": the bank's transport certificate",
                           &conf->name);
        return NGX_CONF_ERROR;
    }

    if (conf->retries == NGX_CONF_UNSET_UINT) {
        conf->retries = NGX_OOF_WEBHOOK_RETRIES;
        conf->retry[0] = NGX_OOF_WEBHOOK_RETRY_1;
        conf->retry[1] = NGX_OOF_WEBHOOK_RETRY_2;
    }

    ngx_conf_init_msec_value(conf->timeout, NGX_OOF_WEBHOOK_TIMEOUT);
    ngx_conf_init_msec_value(conf->connect_timeout, NGX_OOF_WEBHOOK_CONNECT);
    ngx_conf_init_uint_value(conf->calls, NGX_OOF_WEBHOOK_CALLS);
    ngx_conf_init_uint_value(conf->host_calls, NGX_OOF_WEBHOOK_HOST_CALLS);
    ngx_conf_init_msec_value(conf->queue_time, NGX_OOF_WEBHOOK_QUEUE_TIME);
    ngx_conf_init_value(conf->keep, NGX_OOF_WEBHOOK_KEEP);
    ngx_conf_init_value(conf->expiry_notice, NGX_OOF_WEBHOOK_NOTICE);

    return NGX_CONF_OK;
}


ngx_oof_webhooks_t *
ngx_oof_webhooks_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    return ngx_oof_block_find(&omcf->webhooks, name);
}


char *
ngx_oof_webhooks_use(ngx_conf_t *cf, ngx_oof_loc_conf_t *olcf)
{
    ngx_uint_t               i;
    ngx_oof_main_conf_t     *omcf;
    ngx_oof_webhook_use_t   *use, **uses;

    if (olcf->webhooks == NULL || olcf->database == NULL
        || olcf->brand.len == 0)
    {
        return NGX_CONF_OK;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    uses = omcf->webhook_uses.elts;

    for (i = 0; i < omcf->webhook_uses.nelts; i++) {

        if (uses[i]->db != olcf->database
            || uses[i]->brand.len != olcf->brand.len
            || ngx_memcmp(uses[i]->brand.data, olcf->brand.data,
                          olcf->brand.len)
               != 0)
        {
            continue;
        }

        if (uses[i]->conf == olcf->webhooks) {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the brand \"%V\" has both \"oof_webhooks %V\" and "
                           "\"oof_webhooks %V\"", &olcf->brand,
                           &uses[i]->conf->name, &olcf->webhooks->name);
        return NGX_CONF_ERROR;
    }

    use = ngx_palloc(cf->pool, sizeof(ngx_oof_webhook_use_t));
    uses = ngx_array_push(&omcf->webhook_uses);

    if (use == NULL || uses == NULL) {
        return NGX_CONF_ERROR;
    }

    use->brand = olcf->brand;
    use->urn_namespace = olcf->urn_namespace;
    use->db = olcf->database;
    use->conf = olcf->webhooks;

    *uses = use;

    return NGX_CONF_OK;
}


static char *
ngx_oof_webhooks_certificate(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *data)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_oof_expiry_add(cf, "webhooks", &value[1],
                           NGX_OOF_EXPIRY_CERTIFICATE)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_oof_block_pem(cf, line, data);
}


static char *
ngx_oof_webhooks_allow(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *data)
{
    ngx_oof_webhooks_t *conf = data;

    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    if (conf->allowed == NULL) {
        conf->allowed = ngx_array_create(cf->pool, 2, sizeof(ngx_cidr_t));

        if (conf->allowed == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(conf->allowed);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_ptocidr(&value[i], cidr) == NGX_ERROR) {
            return "must name addresses, as in 10.1.0.0/16";
        }
    }

    return NGX_CONF_OK;
}


/* the regulation says 10 and 60 s (spec 4.2), and knows no fourth attempt */

static char *
ngx_oof_webhooks_retry(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *data)
{
    ngx_oof_webhooks_t *conf = data;

    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (conf->retries != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    conf->retries = 0;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        n = ngx_parse_time(&value[i], 0);

        if (n == NGX_ERROR || n < 1 || n > 3600000) {
            return "must be one or two times of 1ms to 1h, or \"off\"";
        }

        conf->retry[conf->retries++] = n;
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_webhooks_expiry_notice(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *data)
{
    ngx_oof_webhooks_t *conf = data;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (conf->expiry_notice != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        conf->expiry_notice = 0;
        return NGX_CONF_OK;
    }

    conf->expiry_notice = ngx_parse_time(&value[1], 1);

    if (conf->expiry_notice < 60
        || conf->expiry_notice > 30 * 24 * 60 * 60)
    {
        return "must be a time of 1m to 30d, or \"off\"";
    }

    return NGX_CONF_OK;
}
