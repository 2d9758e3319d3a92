
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_google.h>
#include <ngx_oof_publish.h>
#include <ngx_oof_renew.h>


/*
 * Google Cloud Pub/Sub: projects.topics.publish by REST.  The key is the
 * ordering key.  A message is a CloudEvent in structured mode, as the protocol
 * binding for Pub/Sub has it.
 */


#define NGX_OOF_PUBSUB_TIMEOUT  10000        /* ms */
#define NGX_OOF_PUBSUB_MOST     1600         /* events under way */
#define NGX_OOF_PUBSUB_SIZE     9000000      /* of the 10 MB of a request */
#define NGX_OOF_PUBSUB_API      "https://pubsub.googleapis.com"


typedef struct {
    ngx_oof_publish_t        publish;
    ngx_oof_google_t        *google;
    ngx_str_t                topic;
    ngx_str_t                endpoint;
} ngx_oof_pubsub_t;


static char *ngx_oof_pubsub_create(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static char *ngx_oof_pubsub_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_oof_pubsub_init(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static ngx_uint_t ngx_oof_pubsub_topic(ngx_str_t *topic);
static ngx_int_t ngx_oof_pubsub_url(ngx_conf_t *cf, ngx_oof_pubsub_t *pubsub);
static ngx_int_t ngx_oof_pubsub_start(ngx_oof_consumer_t *c);
static void ngx_oof_pubsub_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
static void ngx_oof_pubsub_stop(ngx_oof_consumer_t *c);
static size_t ngx_oof_pubsub_size(ngx_oof_publish_t *publish,
    ngx_oof_relay_event_t *event);
static ngx_int_t ngx_oof_pubsub_write(ngx_oof_publish_t *publish,
    ngx_oof_post_t *post, const char **why);
static ngx_int_t ngx_oof_pubsub_message(ngx_oof_json_t *w,
    ngx_oof_relay_event_t *event);
static void ngx_oof_pubsub_judge(ngx_oof_publish_t *publish,
    ngx_oof_post_t *post);
static void ngx_oof_pubsub_refused(ngx_oof_pubsub_t *pubsub,
    ngx_oof_post_t *post, json_t *root);


ngx_oof_provider_t  ngx_oof_provider_pubsub = {
    ngx_string("pubsub"),
    NGX_OOF_PUBLISH_BATCH,
    NGX_OOF_PUBSUB_MOST,
    ngx_oof_pubsub_create,
    ngx_oof_pubsub_line,
    ngx_oof_pubsub_init,
    ngx_oof_pubsub_start,
    ngx_oof_pubsub_send,
    ngx_oof_pubsub_stop,
    NULL
};


static char *
ngx_oof_pubsub_create(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_pubsub_t  *pubsub;

    pubsub = ngx_pcalloc(cf->pool, sizeof(ngx_oof_pubsub_t));
    if (pubsub == NULL) {
        return NGX_CONF_ERROR;
    }

    pubsub->google = ngx_oof_google_create(cf);
    if (pubsub->google == NULL) {
        return NGX_CONF_ERROR;
    }

    pubsub->publish.owner = pubsub;
    pubsub->publish.most = NGX_OOF_PUBSUB_SIZE;
    pubsub->publish.size = ngx_oof_pubsub_size;
    pubsub->publish.write = ngx_oof_pubsub_write;
    pubsub->publish.judge = ngx_oof_pubsub_judge;

    c->conf = pubsub;

    return NGX_CONF_OK;
}


static char *
ngx_oof_pubsub_line(ngx_conf_t *cf, ngx_oof_consumer_t *c, ngx_str_t *value,
    ngx_uint_t n)
{
    char              *rv;
    ngx_oof_pubsub_t  *pubsub;

    pubsub = c->conf;

    if (ngx_strcmp(value[0].data, "topic") == 0) {
        return ngx_oof_publish_value(&pubsub->topic, value, n);
    }

    if (ngx_strcmp(value[0].data, "endpoint") == 0) {
        return ngx_oof_publish_value(&pubsub->endpoint, value, n);
    }

    if (ngx_oof_publish_line(cf, &pubsub->publish, value, n, &rv) == NGX_OK
        || ngx_oof_google_line(pubsub->google, value, n, &rv) == NGX_OK)
    {
        return rv;
    }

    return NGX_OOF_EVENTS_UNKNOWN;
}


static char *
ngx_oof_pubsub_init(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_oof_pubsub_t  *pubsub;

    pubsub = c->conf;

    if (!ngx_oof_pubsub_topic(&pubsub->topic)) {
        return "needs \"topic projects/PROJECT/topics/TOPIC;\"";
    }

    if (pubsub->publish.timeout == 0) {
        pubsub->publish.timeout = NGX_OOF_PUBSUB_TIMEOUT;
    }

    if (ngx_oof_pubsub_url(cf, pubsub) != NGX_OK
        || ngx_oof_fetch_prepare(cf, &pubsub->publish.url,
                                 &pubsub->publish.addrs)
           != NGX_OK
        || ngx_oof_google_init(cf, pubsub->google) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* it goes into a URL as it is */

static ngx_uint_t
ngx_oof_pubsub_topic(ngx_str_t *topic)
{
    u_char      *p, *last;
    ngx_uint_t   slashes;

    if (topic->len < 10 || ngx_strncmp(topic->data, "projects/", 9) != 0) {
        return 0;
    }

    slashes = 0;
    last = topic->data + topic->len;

    for (p = topic->data; p < last; p++) {

        if (*p == '/') {
            slashes++;

            if (slashes == 2 && ngx_strncmp(p, "/topics/", 8) != 0) {
                return 0;
            }

        } else if (!((*p >= '0' && *p <= '9')
                     || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')
                     || ngx_strchr("-_.~+%:", *p)))
        {
            return 0;
        }
    }

    return slashes == 3 && last[-1] != '/';
}


static ngx_int_t
ngx_oof_pubsub_url(ngx_conf_t *cf, ngx_oof_pubsub_t *pubsub)
{
    u_char      *p;
    ngx_str_t    base, *url;
    const char  *scheme;

    base = pubsub->endpoint;
    scheme = "";

    if (base.len == 0) {

        if (ngx_oof_env(cf, "PUBSUB_EMULATOR_HOST", &base) != NGX_OK) {
            return NGX_ERROR;
        }

        if (base.len) {
            ngx_oof_google_none(pubsub->google);
            scheme = "http://";

        } else {
            ngx_str_set(&base, NGX_OOF_PUBSUB_API);
        }
    }

    while (base.len && base.data[base.len - 1] == '/') {
        base.len--;
    }

    url = &pubsub->publish.url;

    p = ngx_pnalloc(cf->pool, sizeof("http:///v1/:publish") + base.len
                              + pubsub->topic.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    url->len = ngx_sprintf(p, "%s%V/v1/%V:publish", scheme, &base,
                           &pubsub->topic)
               - p;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pubsub_start(ngx_oof_consumer_t *c)
{
    ngx_oof_pubsub_t  *pubsub;

    pubsub = c->conf;

    ngx_oof_publish_start(&pubsub->publish);
    ngx_oof_google_start(pubsub->google);

    return NGX_OK;
}


static void
ngx_oof_pubsub_send(ngx_oof_consumer_t *c, ngx_oof_delivery_t **deliveries,
    ngx_uint_t n)
{
    ngx_oof_pubsub_t  *pubsub;

    pubsub = c->conf;

    ngx_oof_publish_send(&pubsub->publish, deliveries, n);
}


static void
ngx_oof_pubsub_stop(ngx_oof_consumer_t *c)
{
    ngx_oof_pubsub_t  *pubsub;

    pubsub = c->conf;

    ngx_oof_publish_stop(&pubsub->publish);
    ngx_oof_google_stop(pubsub->google);
}


static size_t
ngx_oof_pubsub_size(ngx_oof_publish_t *publish, ngx_oof_relay_event_t *event)
{
    return ngx_base64_encoded_length(event->json.len) + event->type.len
           + event->brand.len + 512;
}


static ngx_int_t
ngx_oof_pubsub_write(ngx_oof_publish_t *publish, ngx_oof_post_t *post,
    const char **why)
{
    size_t             size;
    ngx_int_t          rc;
    ngx_str_t         *header;
    ngx_uint_t         i;
    ngx_oof_json_t     w;
    ngx_oof_pubsub_t  *pubsub;

    pubsub = publish->owner;
    size = 64;

    for (i = 0; i < post->n; i++) {
        size += ngx_oof_pubsub_size(publish, post->deliveries[i]->event);
    }

    if (ngx_oof_json_init(&w, post->pool, size) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "messages");
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < post->n; i++) {
        if (ngx_oof_pubsub_message(&w, post->deliveries[i]->event) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');

    header = ngx_array_push(&post->fetch.headers);

    if (header == NULL
        || ngx_oof_json_text(&w, &post->fetch.body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(header, "Content-Type: application/json");

    rc = ngx_oof_google_authorise(pubsub->google, post->pool,
                                  &post->fetch.headers);

    if (rc == NGX_DECLINED) {
        *why = "there is no token of Google";
        return NGX_BUSY;
    }

    return rc;
}


static ngx_int_t
ngx_oof_pubsub_message(ngx_oof_json_t *w, ngx_oof_relay_event_t *event)
{
    ngx_str_t  data;

    data.data = ngx_pnalloc(w->pool,
                            ngx_base64_encoded_length(event->json.len));
    if (data.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&data, &event->json);

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "data", &data);
    ngx_oof_json_name(w, "orderingKey");
    ngx_oof_json_uuid(w, event->key);

    ngx_oof_json_name(w, "attributes");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "content-type");
    ngx_oof_json_literal(w, "application/cloudevents+json; charset=utf-8");
    ngx_oof_json_name(w, "ce-id");
    ngx_oof_json_uuid(w, event->id);
    ngx_oof_json_member(w, "ce-type", &event->type);
    ngx_oof_json_member(w, "ce-brand", &event->brand);
    ngx_oof_json_end(w, '}');

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


/* a request is taken whole, or not at all */

static void
ngx_oof_pubsub_judge(ngx_oof_publish_t *publish, ngx_oof_post_t *post)
{
    json_t            *root;
    const char        *why;
    ngx_oof_pubsub_t  *pubsub;

    pubsub = publish->owner;

    if (ngx_oof_json_parse(post->pool, &post->fetch.response, &root, &why)
        != NGX_OK)
    {
        root = NULL;
    }

    if (post->fetch.status != 200) {
        ngx_oof_pubsub_refused(pubsub, post, root);
        return;
    }

    if (json_array_size(json_object_get(root, "messageIds")) == post->n) {
        ngx_oof_publish_all(post, NGX_OK, NULL);
    }
}


/* as the documentation's error codes have it; the client's action is in (..) */

static void
ngx_oof_pubsub_refused(ngx_oof_pubsub_t *pubsub, ngx_oof_post_t *post,
    json_t *root)
{
    ngx_str_t    code;
    const char  *why;

    if (root == NULL
        || ngx_oof_json_get_str(json_object_get(root, "error"), "status",
                                &code)
           != NGX_OK)
    {
        ngx_str_null(&code);
    }

    why = ngx_oof_publish_why(post, &code);

    switch (post->fetch.status) {

    case 400:

        /* something must be done about the system */

        if (code.len == sizeof("FAILED_PRECONDITION") - 1
            && ngx_strncmp(code.data, "FAILED_PRECONDITION", code.len) == 0)
        {
            ngx_oof_publish_all(post, NGX_BUSY, why);
            return;
        }

        /* fall through */

    case 413:
        ngx_oof_publish_apart(post, why);
        return;

    case 401:
        ngx_oof_google_refused(pubsub->google);
        ngx_oof_publish_all(post, NGX_BUSY, why);
        return;

    case 403:
    case 404:
    case 429:
    case 499:
        ngx_oof_publish_all(post, NGX_BUSY, why);
        return;

    default:
        ngx_oof_publish_all(post, post->fetch.status >= 500 ? NGX_BUSY
                                                            : NGX_AGAIN,
                            why);
    }
}
