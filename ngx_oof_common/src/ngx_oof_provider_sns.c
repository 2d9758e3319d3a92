
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_aws_service.h>


/*
 * Amazon SNS: PublishBatch by the query protocol, the only one it has: a form
 * goes, XML comes.  A FIFO topic has groups and ids as a FIFO queue has them.
 */


#define NGX_OOF_SNS_ENTRY  "&PublishBatchRequestEntries.member."


typedef struct {
    u_char                  *pos;
    ngx_uint_t               entry;      /* from 1 */
} ngx_oof_sns_form_t;


static char *ngx_oof_sns_create(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static char *ngx_oof_sns_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_sns_init(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static ngx_int_t ngx_oof_sns_region(ngx_str_t *arn, ngx_str_t *region);
static ngx_int_t ngx_oof_sns_write(ngx_oof_publish_t *publish,
    ngx_oof_post_t *post, const char **why);
static void ngx_oof_sns_entry(ngx_oof_aws_service_t *service,
    ngx_oof_sns_form_t *form, ngx_oof_relay_event_t *event);
static void ngx_oof_sns_field(ngx_oof_sns_form_t *form, const char *name,
    u_char *value, size_t len);
static void ngx_oof_sns_attribute(ngx_oof_sns_form_t *form, ngx_uint_t n,
    const char *name, ngx_str_t *value);
static void ngx_oof_sns_judge(ngx_oof_publish_t *publish,
    ngx_oof_post_t *post);
static void ngx_oof_sns_failed(ngx_oof_post_t *post, ngx_str_t member);


ngx_oof_provider_t  ngx_oof_provider_sns = {
    ngx_string("sns"),
    NGX_OOF_AWS_BATCH,
    NGX_OOF_AWS_MOST,
    ngx_oof_sns_create,
    ngx_oof_sns_line,
    ngx_oof_sns_init,
    ngx_oof_aws_service_start,
    ngx_oof_aws_service_send,
    ngx_oof_aws_service_stop,
    NULL
};


static char *
ngx_oof_sns_create(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_aws_service_t  *service;

    service = ngx_oof_aws_service_create(cf, c, "sns");
    if (service == NULL) {
        return NGX_CONF_ERROR;
    }

    service->publish.write = ngx_oof_sns_write;
    service->publish.judge = ngx_oof_sns_judge;

    return NGX_CONF_OK;
}


static char *
ngx_oof_sns_line(ngx_conf_t *cf, ngx_oof_consumer_t *c, ngx_str_t *value,
    ngx_uint_t n)
{
    return ngx_oof_aws_service_line(cf, c, value, n, "topic");
}


static char *
ngx_oof_sns_init(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_str_t               region, url;
    ngx_oof_aws_service_t  *service;

    service = c->conf;

    if (ngx_oof_sns_region(&service->target, &region) != NGX_OK) {
        return "needs \"topic arn:aws:sns:REGION:ACCOUNT:NAME;\"";
    }

    ngx_str_null(&url);

    return ngx_oof_aws_service_init(cf, c, &region, "AWS_ENDPOINT_URL_SNS",
                                    &url);
}


/* the fourth part of six: "arn:aws:sns:sa-east-1:123456789012:oof.fifo" */

static ngx_int_t
ngx_oof_sns_region(ngx_str_t *arn, ngx_str_t *region)
{
    u_char      *p, *last, *start;
    ngx_uint_t   n;

    p = arn->data;
    last = p + arn->len;
    start = p;
    n = 0;

    ngx_str_null(region);

    for ( /* void */ ; p < last; p++) {

        if (*p != ':') {
            continue;
        }

        n++;

        if (n == 4) {
            region->data = start;
            region->len = p - start;
        }

        start = p + 1;
    }

    return n == 5 && start < last && region->len
           && ngx_strncmp(arn->data, "arn:", 4) == 0
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_sns_write(ngx_oof_publish_t *publish, ngx_oof_post_t *post,
    const char **why)
{
    u_char                 *p;
    size_t                  size;
    ngx_str_t              *header;
    ngx_uint_t              i;
    ngx_oof_sns_form_t      form;
    ngx_oof_relay_event_t  *event;
    ngx_oof_aws_service_t  *service;

    service = publish->owner;

    /* nine fields of an entry, each with its name */

    size = sizeof("Action=PublishBatch&Version=2010-03-31&TopicArn=")
           + 3 * service->target.len;

    for (i = 0; i < post->n; i++) {
        event = post->deliveries[i]->event;
        size += 9 * (sizeof(NGX_OOF_SNS_ENTRY) + NGX_INT_T_LEN
                     + sizeof("MessageAttributes.entry.1.Value.StringValue="))
                + 3 * (event->json.len + event->type.len + event->brand.len)
                + 256;
    }

    p = ngx_pnalloc(post->pool, size);
    header = ngx_array_push(&post->fetch.headers);

    if (p == NULL || header == NULL) {
        return NGX_ERROR;
    }

    post->fetch.body.data = p;

    p = ngx_sprintf(p, "Action=PublishBatch&Version=2010-03-31&TopicArn=");
    p = (u_char *) ngx_escape_uri(p, service->target.data, service->target.len,
                                  NGX_ESCAPE_URI_COMPONENT);
    form.pos = p;

    for (i = 0; i < post->n; i++) {
        form.entry = i + 1;
        ngx_oof_sns_entry(service, &form, post->deliveries[i]->event);
    }

    post->fetch.body.len = form.pos - post->fetch.body.data;

    ngx_str_set(header, "Content-Type: application/x-www-form-urlencoded");

    return ngx_oof_aws_service_sign(service, post, why);
}


static void
ngx_oof_sns_entry(ngx_oof_aws_service_t *service, ngx_oof_sns_form_t *form,
    ngx_oof_relay_event_t *event)
{
    u_char  buf[NGX_OOF_UUID_TEXT];

    ngx_oof_sns_field(form, "Id", buf,
                      ngx_sprintf(buf, "%ui", form->entry - 1) - buf);
    ngx_oof_sns_field(form, "Message", event->json.data, event->json.len);

    if (service->fifo) {
        ngx_oof_uuid_format(buf, event->key);
        ngx_oof_sns_field(form, "MessageGroupId", buf, NGX_OOF_UUID_TEXT);

        ngx_oof_uuid_format(buf, event->id);
        ngx_oof_sns_field(form, "MessageDeduplicationId", buf,
                          NGX_OOF_UUID_TEXT);
    }

    ngx_oof_sns_attribute(form, 1, "type", &event->type);
    ngx_oof_sns_attribute(form, 2, "brand", &event->brand);
}


static void
ngx_oof_sns_field(ngx_oof_sns_form_t *form, const char *name, u_char *value,
    size_t len)
{
    form->pos = ngx_sprintf(form->pos, NGX_OOF_SNS_ENTRY "%ui.%s=",
                            form->entry, name);
    form->pos = (u_char *) ngx_escape_uri(form->pos, value, len,
                                          NGX_ESCAPE_URI_COMPONENT);
}


static void
ngx_oof_sns_attribute(ngx_oof_sns_form_t *form, ngx_uint_t n,
    const char *name, ngx_str_t *value)
{
    form->pos = ngx_sprintf(form->pos,
                            NGX_OOF_SNS_ENTRY "%ui.MessageAttributes.entry."
                            "%ui.Name=%s"
                            NGX_OOF_SNS_ENTRY "%ui.MessageAttributes.entry."
                            "%ui.Value.DataType=String"
                            NGX_OOF_SNS_ENTRY "%ui.MessageAttributes.entry."
                            "%ui.Value.StringValue=",
                            form->entry, n, name, form->entry, n,
                            form->entry, n);
    form->pos = (u_char *) ngx_escape_uri(form->pos, value->data, value->len,
                                          NGX_ESCAPE_URI_COMPONENT);
}


static void
ngx_oof_sns_judge(ngx_oof_publish_t *publish, ngx_oof_post_t *post)
{
    ngx_str_t               xml, list, member, id, code;
    ngx_oof_aws_service_t  *service;

    service = publish->owner;

    if (post->fetch.status != 200) {
        xml = post->fetch.response;

        (void) ngx_oof_aws_xml(&xml, "Code", &code);

        ngx_oof_aws_service_refused(service, post, &code);
        return;
    }

    xml = post->fetch.response;

    if (ngx_oof_aws_xml(&xml, "Successful", &list) == NGX_OK) {

        while (ngx_oof_aws_xml(&list, "member", &member) == NGX_OK) {
            if (ngx_oof_aws_xml(&member, "Id", &id) == NGX_OK) {
                ngx_oof_aws_service_taken(post, &id);
            }
        }
    }

    xml = post->fetch.response;

    if (ngx_oof_aws_xml(&xml, "Failed", &list) == NGX_OK) {

        while (ngx_oof_aws_xml(&list, "member", &member) == NGX_OK) {
            ngx_oof_sns_failed(post, member);
        }
    }
}


static void
ngx_oof_sns_failed(ngx_oof_post_t *post, ngx_str_t member)
{
    ngx_str_t  rest, id, code, sender;

    rest = member;

    if (ngx_oof_aws_xml(&rest, "Id", &id) != NGX_OK) {
        return;
    }

    rest = member;
    (void) ngx_oof_aws_xml(&rest, "Code", &code);

    rest = member;
    (void) ngx_oof_aws_xml(&rest, "SenderFault", &sender);

    ngx_oof_aws_service_failed(post, &id, &code,
                               sender.len == 4
                               && ngx_strncmp(sender.data, "true", 4) == 0);
}
