
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_aws_service.h>


#define NGX_OOF_AWS_SERVICE_TIMEOUT  10000       /* ms */


static ngx_int_t ngx_oof_aws_service_url(ngx_conf_t *cf,
    ngx_oof_aws_service_t *service, const char *variable, ngx_str_t *url);
static ngx_int_t ngx_oof_aws_service_host(ngx_conf_t *cf,
    ngx_oof_aws_service_t *service);
static size_t ngx_oof_aws_service_size(ngx_oof_publish_t *publish,
    ngx_oof_relay_event_t *event);
static ngx_uint_t ngx_oof_aws_service_listed(const char **list,
    ngx_str_t *code);


/*
 * Codes of errors, as the services and "Common Errors" document them; what they
 * end with ("Exception", "Fault") is not said alike everywhere.
 */

/* the keys are not good, or not any more */

static const char  *ngx_oof_aws_service_keys[] = {
    "ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient",
    "InvalidSecurity", "InvalidAccessKeyId", "TokenRefreshRequired",
    "RequestExpired", NULL
};


/* something in the events is not as it must be */

static const char  *ngx_oof_aws_service_content[] = {
    "BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue",
    "ParameterValueInvalid", "InvalidParameter", "InvalidBatchEntryId",
    "InvalidAttributeValue", "Validation", "ValidationError",
    "MessageTooLong", NULL
};


/* something of the queue, of its keys, or of what is allowed */

static const char  *ngx_oof_aws_service_busy[] = {
    "RequestThrottled", "Throttling", "Throttled", "TooManyRequests",
    "RequestLimitExceeded", "OverLimit", "SlowDown",
    "KmsThrottled", "KMSThrottling", "KmsDisabled", "KMSDisabled",
    "KmsAccessDenied", "KMSAccessDenied", "KmsInvalidState",
    "KMSInvalidState", "KmsInvalidKeyUsage", "KmsNotFound", "KMSNotFound",
    "KmsOptInRequired", "KMSOptInRequired", "AccessDenied",
    "AuthorizationError", "NotAuthorized", "OptInRequired", "NotFound",
    "QueueDoesNotExist", "NonExistentQueue", "QueueDeletedRecently",
    "InternalError", "InternalFailure", "ServiceUnavailable",
    "UnsupportedOperation", "InvalidAddress", "SignatureDoesNotMatch",
    "InvalidSignature", "IncompleteSignature", "RequestTimeTooSkewed",
    "MissingAuthenticationToken", NULL
};


ngx_oof_aws_service_t *
ngx_oof_aws_service_create(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    const char *name)
{
    ngx_oof_aws_service_t  *service;

    service = ngx_pcalloc(cf->pool, sizeof(ngx_oof_aws_service_t));
    if (service == NULL) {
        return NULL;
    }

    service->aws = ngx_oof_aws_create(cf);
    if (service->aws == NULL) {
        return NULL;
    }

    service->name.data = (u_char *) name;
    service->name.len = ngx_strlen(name);

    service->publish.owner = service;
    service->publish.most = NGX_OOF_AWS_SIZE;
    service->publish.size = ngx_oof_aws_service_size;

    c->conf = service;

    return service;
}


char *
ngx_oof_aws_service_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n, const char *target)
{
    char                   *rv;
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    if (ngx_strcmp(value[0].data, target) == 0) {
        return ngx_oof_publish_value(&service->target, value, n);
    }

    if (ngx_strcmp(value[0].data, "endpoint") == 0) {
        return ngx_oof_publish_value(&service->endpoint, value, n);
    }

    if (ngx_oof_publish_line(cf, &service->publish, value, n, &rv) == NGX_OK
        || ngx_oof_aws_line(service->aws, value, n, &rv) == NGX_OK)
    {
        return rv;
    }

    return NGX_OOF_EVENTS_UNKNOWN;
}


char *
ngx_oof_aws_service_init(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *region, const char *variable, ngx_str_t *url)
{
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    /* FIFO queues and topics must be named so */

    service->fifo = service->target.len > 5
                    && ngx_strcmp(service->target.data + service->target.len
                                  - 5, ".fifo")
                       == 0;

    if (service->publish.timeout == 0) {
        service->publish.timeout = NGX_OOF_AWS_SERVICE_TIMEOUT;
    }

    if (ngx_oof_aws_init(cf, service->aws, region) != NGX_OK
        || ngx_oof_aws_service_url(cf, service, variable, url) != NGX_OK
        || ngx_oof_fetch_prepare(cf, &service->publish.url,
                                 &service->publish.addrs)
           != NGX_OK
        || ngx_oof_aws_service_host(cf, service) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_oof_aws_service_url(ngx_conf_t *cf, ngx_oof_aws_service_t *service,
    const char *variable, ngx_str_t *url)
{
    u_char      *p;
    ngx_str_t   *to, *region;
    const char  *end;

    to = &service->publish.url;
    *to = service->endpoint;

    if (to->len == 0 && ngx_oof_env(cf, variable, to) != NGX_OK) {
        return NGX_ERROR;
    }

    if (to->len == 0 && ngx_oof_env(cf, "AWS_ENDPOINT_URL", to) != NGX_OK) {
        return NGX_ERROR;
    }

    if (to->len == 0) {
        *to = *url;
    }

    if (to->len) {
        return NGX_OK;
    }

    region = ngx_oof_aws_region(service->aws);
    end = ngx_strncmp(region->data, "cn-", 3) == 0 ? ".amazonaws.com.cn/"
                                                   : ".amazonaws.com/";

    p = ngx_pnalloc(cf->pool, sizeof("https://..amazonaws.com.cn/")
                              + service->name.len + region->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    to->data = p;
    to->len = ngx_sprintf(p, "https://%V.%V%s%Z", &service->name, region, end)
              - p - 1;

    return NGX_OK;
}


/* what libcurl will send as "Host", and the path that follows */

static ngx_int_t
ngx_oof_aws_service_host(ngx_conf_t *cf, ngx_oof_aws_service_t *service)
{
    u_char      *p, *last;
    ngx_str_t   *url, *host, *path, port;

    url = &service->publish.url;
    host = &service->host;
    path = &service->path;

    last = url->data + url->len;
    p = ngx_strnstr(url->data, "://", url->len) + 3;

    host->data = p;

    while (p < last && *p != '/' && *p != '?' && *p != '#') {
        p++;
    }

    host->len = p - host->data;

    path->data = p;
    path->len = last - p;

    if (path->len == 0) {
        ngx_str_set(path, "/");
    }

    if (ngx_strlchr(path->data, path->data + path->len, '?')
        || path->data[0] != '/')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the endpoint \"%V\" must have no arguments", url);
        return NGX_ERROR;
    }

    ngx_strlow(host->data, host->data, host->len);

    if (ngx_strncmp(url->data, "https", 5) == 0) {
        ngx_str_set(&port, ":443");

    } else {
        ngx_str_set(&port, ":80");
    }

    if (host->len > port.len
        && ngx_strncmp(host->data + host->len - port.len, port.data, port.len)
           == 0)
    {
        host->len -= port.len;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_aws_service_start(ngx_oof_consumer_t *c)
{
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    ngx_oof_publish_start(&service->publish);
    ngx_oof_aws_start(service->aws);

    return NGX_OK;
}


void
ngx_oof_aws_service_stop(ngx_oof_consumer_t *c)
{
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    ngx_oof_publish_stop(&service->publish);
    ngx_oof_aws_stop(service->aws);
}


void
ngx_oof_aws_service_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n)
{
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    ngx_oof_publish_send(&service->publish, deliveries, n);
}


/* the text, and two attributes: their names, types and values */

static size_t
ngx_oof_aws_service_size(ngx_oof_publish_t *publish,
    ngx_oof_relay_event_t *event)
{
    return event->json.len + event->type.len + event->brand.len
           + sizeof("type" "String" "brand" "String") - 1;
}


ngx_int_t
ngx_oof_aws_service_sign(ngx_oof_aws_service_t *service, ngx_oof_post_t *post,
    const char **why)
{
    ngx_oof_aws_call_t   call;
    ngx_oof_aws_keys_t  *keys;

    keys = ngx_oof_aws_keys(service->aws);

    if (keys == NULL) {
        *why = "there are no credentials of AWS";
        return NGX_BUSY;
    }

    call.method = post->fetch.method;
    call.host = service->host;
    call.path = service->path;
    ngx_str_null(&call.query);
    call.body = post->fetch.body;
    call.region = *ngx_oof_aws_region(service->aws);
    call.service = service->name;
    call.time = ngx_time();

    return ngx_oof_aws_sign(post->pool, &call, keys, &post->fetch.headers);
}


void
ngx_oof_aws_service_refused(ngx_oof_aws_service_t *service,
    ngx_oof_post_t *post, ngx_str_t *code)
{
    const char  *why;

    why = ngx_oof_publish_why(post, code);

    if (ngx_oof_aws_service_listed(ngx_oof_aws_service_keys, code)) {
        ngx_oof_aws_refused(service->aws);
        ngx_oof_publish_all(post, NGX_BUSY, why);

    } else if (ngx_oof_aws_service_listed(ngx_oof_aws_service_content, code)
               || post->fetch.status == 413)
    {
        ngx_oof_publish_apart(post, why);

    } else if (ngx_oof_aws_service_listed(ngx_oof_aws_service_busy, code)
               || post->fetch.status >= 500 || post->fetch.status == 429
               || post->fetch.status == 403)
    {
        ngx_oof_publish_all(post, NGX_BUSY, why);

    } else {
        ngx_oof_publish_all(post, NGX_AGAIN, why);
    }
}


void
ngx_oof_aws_service_failed(ngx_oof_post_t *post, ngx_str_t *id,
    ngx_str_t *code, ngx_uint_t sender)
{
    ngx_int_t    i, rc;
    const char  *why;

    i = ngx_atoi(id->data, id->len);

    if (i == NGX_ERROR) {
        return;
    }

    why = ngx_oof_publish_why(post, code);

    if (ngx_oof_aws_service_listed(ngx_oof_aws_service_busy, code)
        || ngx_oof_aws_service_listed(ngx_oof_aws_service_keys, code))
    {
        rc = NGX_BUSY;

    } else if (sender) {
        rc = NGX_DECLINED;

    } else {
        rc = NGX_AGAIN;
    }

    ngx_oof_publish_done(post, i, rc, why);
}


void
ngx_oof_aws_service_taken(ngx_oof_post_t *post, ngx_str_t *id)
{
    ngx_int_t  i;

    i = ngx_atoi(id->data, id->len);

    if (i != NGX_ERROR) {
        ngx_oof_publish_done(post, i, NGX_OK, NULL);
    }
}


/*
 * "AWS.SimpleQueueService.NonExistentQueue" and "ThrottlingException" are known
 * by their last word without what it ends with.
 */

static ngx_uint_t
ngx_oof_aws_service_listed(const char **list, ngx_str_t *code)
{
    size_t      len;
    u_char     *p, *last;
    ngx_uint_t  i;

    last = code->data + code->len;

    for (p = last; p > code->data && p[-1] != '.'; p--) { /* void */ }

    for (i = 0; list[i]; i++) {
        len = ngx_strlen(list[i]);

        if ((size_t) (last - p) < len || ngx_strncmp(p, list[i], len) != 0) {
            continue;
        }

        if ((size_t) (last - p) == len
            || (last - p == (ssize_t) len + 9
                && ngx_strncmp(p + len, "Exception", 9) == 0))
        {
            return 1;
        }
    }

    return 0;
}
