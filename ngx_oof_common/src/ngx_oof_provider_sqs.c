
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_aws_service.h>


/*
 * Amazon SQS: SendMessageBatch by AWS JSON 1.0.  In a FIFO queue the key is the
 * group, which keeps its order, and the event's id tells duplicates.
 */


static char *ngx_oof_sqs_create(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static char *ngx_oof_sqs_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_sqs_init(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static void ngx_oof_sqs_region(ngx_str_t *url, ngx_str_t *region);
static ngx_int_t ngx_oof_sqs_base(ngx_conf_t *cf, ngx_str_t *queue,
    ngx_str_t *url);
static ngx_int_t ngx_oof_sqs_write(ngx_oof_publish_t *publish,
    ngx_oof_post_t *post, const char **why);
static void ngx_oof_sqs_entry(ngx_oof_aws_service_t *service,
    ngx_oof_json_t *w, ngx_oof_relay_event_t *event, ngx_uint_t i);
static void ngx_oof_sqs_attribute(ngx_oof_json_t *w, const char *name,
    ngx_str_t *value);
static void ngx_oof_sqs_judge(ngx_oof_publish_t *publish,
    ngx_oof_post_t *post);
static void ngx_oof_sqs_refused(ngx_oof_aws_service_t *service,
    ngx_oof_post_t *post, json_t *root);


ngx_oof_provider_t  ngx_oof_provider_sqs = {
    ngx_string("sqs"),
    NGX_OOF_AWS_BATCH,
    NGX_OOF_AWS_MOST,
    ngx_oof_sqs_create,
    ngx_oof_sqs_line,
    ngx_oof_sqs_init,
    ngx_oof_aws_service_start,
    ngx_oof_aws_service_send,
    ngx_oof_aws_service_stop,
    NULL
};


static char *
ngx_oof_sqs_create(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_aws_service_t  *service;

    service = ngx_oof_aws_service_create(cf, c, "sqs");
    if (service == NULL) {
        return NGX_CONF_ERROR;
    }

    service->publish.write = ngx_oof_sqs_write;
    service->publish.judge = ngx_oof_sqs_judge;

    return NGX_CONF_OK;
}


static char *
ngx_oof_sqs_line(ngx_conf_t *cf, ngx_oof_consumer_t *c, ngx_str_t *value,
    ngx_uint_t n)
{
    return ngx_oof_aws_service_line(cf, c, value, n, "queue");
}


static char *
ngx_oof_sqs_init(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_str_t               region, url;
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    if (service->target.len == 0
        || (ngx_strncmp(service->target.data, "https://", 8) != 0
            && ngx_strncmp(service->target.data, "http://", 7) != 0))
    {
        return "needs \"queue URL;\"";
    }

    ngx_oof_sqs_region(&service->target, &region);

    if (ngx_oof_sqs_base(cf, &service->target, &url) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_oof_aws_service_init(cf, c, &region, "AWS_ENDPOINT_URL_SQS",
                                    &url);
}


/* "https://sqs.sa-east-1.amazonaws.com/...", also behind an endpoint's name */

static void
ngx_oof_sqs_region(ngx_str_t *url, ngx_str_t *region)
{
    u_char  *p, *last, *end;

    ngx_str_null(region);

    p = ngx_strnstr(url->data, "://", url->len) + 3;
    last = url->data + url->len;

    for (end = p; end < last && *end != '/'; end++) { /* void */ }

    if (ngx_strnstr(p, ".amazonaws.com", end - p) == NULL
        && ngx_strnstr(p, ".vpce.amazonaws.com", end - p) == NULL)
    {
        return;
    }

    for ( /* void */ ; p < end; p++) {

        if (end - p > 4 && ngx_strncmp(p, "sqs.", 4) == 0) {
            p += 4;

            for (last = p; last < end && *last != '.'; last++) { /* void */ }

            region->data = p;
            region->len = last - p;
            return;
        }
    }
}


/* the queue's own host */

static ngx_int_t
ngx_oof_sqs_base(ngx_conf_t *cf, ngx_str_t *queue, ngx_str_t *url)
{
    u_char  *p, *last;

    p = ngx_strnstr(queue->data, "://", queue->len) + 3;
    last = queue->data + queue->len;

    while (p < last && *p != '/') {
        p++;
    }

    url->len = p - queue->data + 1;
    url->data = ngx_pnalloc(cf->pool, url->len + 1);

    if (url->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(url->data, queue->data, url->len - 1);
    url->data[url->len - 1] = '/';
    url->data[url->len] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_oof_sqs_write(ngx_oof_publish_t *publish, ngx_oof_post_t *post,
    const char **why)
{
    size_t                  size;
    ngx_str_t              *header;
    ngx_uint_t              i;
    ngx_oof_json_t          w;
    ngx_oof_aws_service_t  *service;

    service = publish->owner;
    size = 512 + service->target.len;

    for (i = 0; i < post->n; i++) {
        size += 512 + post->deliveries[i]->event->json.len * 5 / 4;
    }

    if (ngx_oof_json_init(&w, post->pool, size) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "QueueUrl", &service->target);
    ngx_oof_json_name(&w, "Entries");
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < post->n; i++) {
        ngx_oof_sqs_entry(service, &w, post->deliveries[i]->event, i);
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');

    header = ngx_array_push_n(&post->fetch.headers, 2);

    if (header == NULL
        || ngx_oof_json_text(&w, &post->fetch.body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&header[0], "Content-Type: application/x-amz-json-1.0");
    ngx_str_set(&header[1], "X-Amz-Target: AmazonSQS.SendMessageBatch");

    return ngx_oof_aws_service_sign(service, post, why);
}


static void
ngx_oof_sqs_entry(ngx_oof_aws_service_t *service, ngx_oof_json_t *w,
    ngx_oof_relay_event_t *event, ngx_uint_t i)
{
    ngx_str_t  id;
    u_char     buf[NGX_INT_T_LEN];

    id.data = buf;
    id.len = ngx_sprintf(buf, "%ui", i) - buf;

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "Id", &id);
    ngx_oof_json_member(w, "MessageBody", &event->json);

    if (service->fifo) {
        ngx_oof_json_name(w, "MessageGroupId");
        ngx_oof_json_uuid(w, event->key);
        ngx_oof_json_name(w, "MessageDeduplicationId");
        ngx_oof_json_uuid(w, event->id);
    }

    ngx_oof_json_name(w, "MessageAttributes");
    ngx_oof_json_begin(w, '{');
    ngx_oof_sqs_attribute(w, "type", &event->type);
    ngx_oof_sqs_attribute(w, "brand", &event->brand);
    ngx_oof_json_end(w, '}');

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_sqs_attribute(ngx_oof_json_t *w, const char *name, ngx_str_t *value)
{
    ngx_oof_json_name(w, name);
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "DataType");
    ngx_oof_json_literal(w, "String");
    ngx_oof_json_member(w, "StringValue", value);
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_sqs_judge(ngx_oof_publish_t *publish, ngx_oof_post_t *post)
{
    size_t                  i;
    json_t                 *root, *list, *entry;
    ngx_str_t               id, code;
    const char             *why;
    ngx_oof_aws_service_t  *service;

    service = publish->owner;

    if (ngx_oof_json_parse(post->pool, &post->fetch.response, &root, &why)
        != NGX_OK)
    {
        root = NULL;
    }

    if (post->fetch.status != 200) {
        ngx_oof_sqs_refused(service, post, root);
        return;
    }

    list = json_object_get(root, "Successful");

    json_array_foreach(list, i, entry) {
        if (ngx_oof_json_get_str(entry, "Id", &id) == NGX_OK) {
            ngx_oof_aws_service_taken(post, &id);
        }
    }

    list = json_object_get(root, "Failed");

    json_array_foreach(list, i, entry) {

        if (ngx_oof_json_get_str(entry, "Id", &id) != NGX_OK) {
            continue;
        }

        if (ngx_oof_json_get_str(entry, "Code", &code) != NGX_OK) {
            ngx_str_null(&code);
        }

        ngx_oof_aws_service_failed(post, &id, &code,
                          json_is_true(json_object_get(entry, "SenderFault")));
    }
}


/* "com.amazonaws.sqs#QueueDoesNotExist" */

static void
ngx_oof_sqs_refused(ngx_oof_aws_service_t *service, ngx_oof_post_t *post,
    json_t *root)
{
    u_char     *hash;
    ngx_str_t   code;

    if (root == NULL || ngx_oof_json_get_str(root, "__type", &code) != NGX_OK) {
        ngx_str_null(&code);
    }

    hash = ngx_strlchr(code.data, code.data + code.len, '#');

    if (hash) {
        code.len -= hash + 1 - code.data;
        code.data = hash + 1;
    }

    ngx_oof_aws_service_refused(service, post, &code);
}
