
/*
 * Copyright (C) oof authors
 */


/*
 * Providers that send batches by HTTP: what is written, and what is made of
 * each answer that the services document.  Neither the network nor the relay
 * is here.
 *
 * link: -Wl,--wrap=ngx_oof_fetch,--wrap=ngx_oof_fetch_cancel
 * link: -Wl,--wrap=ngx_oof_relay_done
 */

#include "tap.h"
#include <ngx_oof_aws.h>


#define EVENTS  24
#define CALLS   32


static char                   prefix[] = "/tmp/oof-queues-XXXXXX/";

static ngx_oof_fetch_t       *calls[CALLS];
static ngx_uint_t             ncalls;
static ngx_uint_t             cancelled;
static ngx_uint_t             full;          /* no call is begun */

static ngx_oof_relay_event_t  events[EVENTS];
static ngx_oof_delivery_t     deliveries[EVENTS];
static ngx_oof_delivery_t    *pointers[EVENTS];
static ngx_int_t              outcome[EVENTS];   /* NGX_DONE: none so far */
static char                   reason[EVENTS][128];
static ngx_uint_t             answered;


ngx_int_t
__wrap_ngx_oof_fetch(ngx_oof_fetch_t *f)
{
    if (full || ncalls == CALLS) {
        return NGX_ERROR;
    }

    calls[ncalls++] = f;

    return NGX_OK;
}


void
__wrap_ngx_oof_fetch_cancel(ngx_oof_fetch_t *f)
{
    cancelled++;
}


void
__wrap_ngx_oof_relay_done(ngx_oof_delivery_t *delivery, ngx_int_t rc,
    const char *why)
{
    ngx_uint_t  i;

    i = delivery - deliveries;

    if (i >= EVENTS || outcome[i] != NGX_DONE) {
        tap_bail("an answer for nothing");
    }

    outcome[i] = rc;
    snprintf(reason[i], sizeof(reason[i]), "%s", why ? why : "");
    answered++;
}


static ngx_oof_consumer_t *
consumer(const char *name)
{
    ngx_uint_t             i;
    ngx_oof_consumer_t   **c;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    c = omcf->consumers.elts;

    for (i = 0; i < omcf->consumers.nelts; i++) {
        if (c[i]->name.len == strlen(name)
            && ngx_strncmp(c[i]->name.data, name, c[i]->name.len) == 0)
        {
            return c[i];
        }
    }

    tap_bail(name);

    return NULL;
}


static void
configure(void)
{
    char   path[256];
    FILE  *f;

    prefix[sizeof(prefix) - 2] = '\0';

    if (mkdtemp(prefix) == NULL) {
        tap_bail("mkdtemp() failed");
    }

    prefix[sizeof(prefix) - 2] = '/';

    snprintf(path, sizeof(path), "%slogs", prefix);
    (void) mkdir(path, 0700);

    snprintf(path, sizeof(path), "%snginx.conf", prefix);

    f = fopen(path, "w");

    if (f == NULL
        || fputs("env AWS_SECRET_ACCESS_KEY=secret;\n"
                 "events { }\n"
                 "http {\n"
                 "    oof_database main {\n"
                 "        connect 'host=/nonexistent dbname=x';\n"
                 "    }\n"
                 "    oof_events sqs fifo {\n"
                 "        queue https://sqs.sa-east-1.amazonaws.com/1/q.fifo;\n"
                 "        endpoint http://127.0.0.1:80;\n"
                 "        timeout 3s;\n"
                 "    }\n"
                 "    oof_events sqs standard {\n"
                 "        queue http://127.0.0.1:9324/1/q;\n"
                 "        region us-east-1;\n"
                 "    }\n"
                 "    oof_events sns {\n"
                 "        topic arn:aws:sns:sa-east-1:123456789012:t.fifo;\n"
                 "        endpoint http://127.0.0.1:9911/sns;\n"
                 "    }\n"
                 "    oof_events pubsub {\n"
                 "        topic projects/bank/topics/events;\n"
                 "        endpoint http://127.0.0.1:8085/;\n"
                 "        credentials none;\n"
                 "    }\n"
                 "}\n", f) < 0
        || fclose(f) != 0)
    {
        tap_bail(path);
    }

    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("AWS_ENDPOINT_URL");

    if (tap_configure(prefix, path) == NULL) {
        tap_bail("no configuration");
    }
}


static void
init(void)
{
    ngx_uint_t   i;
    static char  text[EVENTS][64];

    for (i = 0; i < EVENTS; i++) {
        snprintf(text[i], sizeof(text[i]), "{\"n\":%d,\"t\":\"a&b\"}",
                 (int) i);

        memset(events[i].id, i, NGX_OOF_UUID_LEN);
        memset(events[i].key, 0xf0 + i, NGX_OOF_UUID_LEN);
        events[i].type = str("oof.consent.created");
        events[i].brand = str("bank");
        events[i].json = str(text[i]);

        deliveries[i].event = &events[i];
        pointers[i] = &deliveries[i];
    }
}


/* sends the first "n" events anew */

static void
give(const char *name, ngx_uint_t n)
{
    ngx_uint_t           i;
    ngx_oof_consumer_t  *c;

    for (i = 0; i < EVENTS; i++) {
        outcome[i] = NGX_DONE;
        reason[i][0] = '\0';
    }

    ncalls = 0;
    answered = 0;
    cancelled = 0;

    c = consumer(name);
    c->provider->send(c, pointers, n);
}


static void
reply(ngx_uint_t n, ngx_uint_t status, const char *body)
{
    ngx_oof_fetch_t  *f;

    f = calls[n];

    f->status = status;
    f->error = status ? NULL : "no route";
    f->response.len = strlen(body);
    f->response.data = ngx_pnalloc(f->pool, f->response.len);
    ngx_memcpy(f->response.data, body, f->response.len);

    f->handler(f);
}


static ngx_str_t *
header(ngx_oof_fetch_t *f, const char *name)
{
    ngx_str_t   *h;
    ngx_uint_t   i;

    h = f->headers.elts;

    for (i = 0; i < f->headers.nelts; i++) {
        if (ngx_strncmp(h[i].data, name, strlen(name)) == 0
            && h[i].data[strlen(name)] == ':')
        {
            return &h[i];
        }
    }

    return NULL;
}


static ngx_uint_t
all_are(ngx_int_t rc, ngx_uint_t first, ngx_uint_t end)
{
    ngx_uint_t  i;

    for (i = first; i < end; i++) {
        if (outcome[i] != rc) {
            diag("event %d is %d", (int) i, (int) outcome[i]);
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
has(ngx_str_t *text, const char *part)
{
    return ngx_strnstr(text->data, (char *) part, text->len) != NULL;
}


/* --- SQS */

static void
sqs_request(void)
{
    ngx_oof_fetch_t  *f;

    give("fifo", 2);
    is_int(ncalls, 1, "two events are one request");

    f = calls[0];

    is_str(&f->url, "http://127.0.0.1:80", "to the endpoint");
    is_str(&f->method, "POST", "it posts");
    is_int(f->timeout, 3000, "within the time that is configured");
    ok(f->background, "nobody waits for it who quits");

    is_str(header(f, "Content-Type"),
           "Content-Type: application/x-amz-json-1.0", "AWS JSON 1.0");
    is_str(header(f, "X-Amz-Target"),
           "X-Amz-Target: AmazonSQS.SendMessageBatch", "of a batch");
    ok(has(header(f, "Authorization"),
           "/sa-east-1/sqs/aws4_request, SignedHeaders=content-type;host;"
           "x-amz-date;x-amz-target, "),
       "signed for the region that the queue's name has");
    ok(header(f, "X-Amz-Security-Token") == NULL, "no session");

    is_str(&f->body,
           "{\"QueueUrl\":\"https://sqs.sa-east-1.amazonaws.com/1/q.fifo\","
           "\"Entries\":["
           "{\"Id\":\"0\",\"MessageBody\":\"{\\\"n\\\":0,\\\"t\\\":"
           "\\\"a&b\\\"}\","
           "\"MessageGroupId\":\"f0f0f0f0-f0f0-f0f0-f0f0-f0f0f0f0f0f0\","
           "\"MessageDeduplicationId\":"
           "\"00000000-0000-0000-0000-000000000000\","
           "\"MessageAttributes\":{"
           "\"type\":{\"DataType\":\"String\","
           "\"StringValue\":\"oof.consent.created\"},"
           "\"brand\":{\"DataType\":\"String\",\"StringValue\":\"bank\"}}},"
           "{\"Id\":\"1\",\"MessageBody\":\"{\\\"n\\\":1,\\\"t\\\":"
           "\\\"a&b\\\"}\","
           "\"MessageGroupId\":\"f1f1f1f1-f1f1-f1f1-f1f1-f1f1f1f1f1f1\","
           "\"MessageDeduplicationId\":"
           "\"01010101-0101-0101-0101-010101010101\","
           "\"MessageAttributes\":{"
           "\"type\":{\"DataType\":\"String\","
           "\"StringValue\":\"oof.consent.created\"},"
           "\"brand\":{\"DataType\":\"String\",\"StringValue\":\"bank\"}}}]}",
           "the whole body");

    reply(0, 200, "{\"Successful\":[{\"Id\":\"1\"},{\"Id\":\"0\"}]}");
    ok(all_are(NGX_OK, 0, 2) && answered == 2, "both are taken");

    give("standard", 1);
    is_str(&calls[0]->url, "http://127.0.0.1:9324/", "the queue's own host");
    ok(!has(&calls[0]->body, "MessageGroupId")
       && !has(&calls[0]->body, "MessageDeduplicationId"),
       "no group in a queue that is not FIFO");
    reply(0, 200, "{\"Successful\":[{\"Id\":\"0\"}]}");
}


static void
sqs_partial(void)
{
    give("fifo", 8);
    reply(0, 200,
          "{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"7\"},{\"Id\":\"77\"}],"
          "\"Failed\":["
          "{\"Id\":\"1\",\"SenderFault\":true,"
          "\"Code\":\"InvalidMessageContents\"},"
          "{\"Id\":\"2\",\"SenderFault\":false,\"Code\":\"Unknown.Thing\"},"
          "{\"Id\":\"3\",\"SenderFault\":true,\"Code\":\"RequestThrottled\"},"
          "{\"Id\":\"4\",\"SenderFault\":false,\"Code\":\"InternalError\"},"
          "{\"Id\":\"5\",\"SenderFault\":true,"
          "\"Code\":\"a \\n forged line\"},"
          "{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"Late\"},"
          "{\"Id\":\"x\",\"SenderFault\":true,\"Code\":\"Whose\"}]}");

    is_int(answered, 8, "each has one outcome");
    is_int(outcome[0], NGX_OK, "one is taken, whatever is said later");
    is_int(outcome[7], NGX_OK, "the last one, too");
    is_int(outcome[1], NGX_DECLINED, "the sender's fault: never");
    ok(strcmp(reason[1], "status 200, InvalidMessageContents") == 0,
       "for this reason");
    is_int(outcome[2], NGX_AGAIN, "the receiver's fault: again");
    is_int(outcome[3], NGX_BUSY, "throttled: no fault of the event");
    is_int(outcome[4], NGX_BUSY, "an error inside: no fault of the event");
    is_int(outcome[5], NGX_DECLINED, "a code that is none");
    ok(strcmp(reason[5], "status 200") == 0, "goes into no reason");
    is_int(outcome[6], NGX_AGAIN, "one that is not mentioned: again");
}


static struct {
    const char   *name;
    const char   *body;
    ngx_uint_t    status;
    ngx_int_t     rc;
    ngx_uint_t    apart;
} refusals[] = {
    { "fifo", "{\"__type\":\"com.amazonaws.sqs#RequestThrottled\"}", 400,
      NGX_BUSY, 0 },
    { "fifo", "{\"__type\":\"com.amazon.coral.service#ThrottlingException\"}",
      400, NGX_BUSY, 0 },
    { "fifo", "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}", 400,
      NGX_BUSY, 0 },
    { "fifo", "{\"__type\":\"com.amazonaws.sqs#KmsThrottled\"}", 400,
      NGX_BUSY, 0 },
    { "fifo", "{\"__type\":\"com.amazon.coral.service#AccessDeniedException\"}",
      400, NGX_BUSY, 0 },
    { "fifo", "{\"__type\":\"com.amazon.coral.service#ExpiredTokenException\"}",
      403, NGX_BUSY, 0 },
    { "fifo",
      "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\"}",
      400, NGX_BUSY, 0 },
    { "fifo", "{\"__type\":\"com.amazonaws.sqs#BatchRequestTooLong\"}", 400,
      NGX_DECLINED, 1 },
    { "fifo", "{\"__type\":\"com.amazonaws.sqs#InvalidMessageContents\"}", 400,
      NGX_DECLINED, 1 },
    { "fifo", "{\"__type\":\"com.amazonaws.sqs#Strange\"}", 400,
      NGX_AGAIN, 0 },
    { "fifo", "<html>", 503, NGX_BUSY, 0 },
    { "fifo", "[1]", 400, NGX_AGAIN, 0 },
    { "fifo", "", 0, NGX_BUSY, 0 },
    { "fifo", "", 200, NGX_AGAIN, 0 },

    { "sns", "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>"
      "</Error></ErrorResponse>", 400, NGX_BUSY, 0 },
    { "sns", "<ErrorResponse><Error><Code>NotFound</Code></Error>"
      "</ErrorResponse>", 404, NGX_BUSY, 0 },
    { "sns", "<ErrorResponse><Error><Code>AuthorizationError</Code></Error>"
      "</ErrorResponse>", 403, NGX_BUSY, 0 },
    { "sns", "<ErrorResponse><Error><Code>ExpiredToken</Code></Error>"
      "</ErrorResponse>", 403, NGX_BUSY, 0 },
    { "sns", "<ErrorResponse><Error><Code>BatchRequestTooLong</Code></Error>"
      "</ErrorResponse>", 400, NGX_DECLINED, 1 },
    { "sns", "<ErrorResponse><Error><Code>InvalidParameter</Code></Error>"
      "</ErrorResponse>", 400, NGX_DECLINED, 1 },
    { "sns", "", 500, NGX_BUSY, 0 },
    { "sns", "<Cut", 200, NGX_AGAIN, 0 },

    { "pubsub", "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}",
      400, NGX_DECLINED, 1 },
    { "pubsub", "{\"error\":{\"status\":\"FAILED_PRECONDITION\"}}", 400,
      NGX_BUSY, 0 },
    { "pubsub", "{\"error\":{\"status\":\"UNAUTHENTICATED\"}}", 401,
      NGX_BUSY, 0 },
    { "pubsub", "{\"error\":{\"status\":\"PERMISSION_DENIED\"}}", 403,
      NGX_BUSY, 0 },
    { "pubsub", "{\"error\":{\"status\":\"NOT_FOUND\"}}", 404, NGX_BUSY, 0 },
    { "pubsub", "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", 429,
      NGX_BUSY, 0 },
    { "pubsub", "{\"error\":\"text\"}", 500, NGX_BUSY, 0 },
    { "pubsub", "", 503, NGX_BUSY, 0 },
    { "pubsub", "", 302, NGX_AGAIN, 0 },
    { "pubsub", "{\"messageIds\":[\"1\"]}", 200, NGX_AGAIN, 0 },

    { NULL, NULL, 0, 0, 0 }
};


/* what is refused as a whole: all events, or each by itself */

static void
refused(ngx_uint_t n)
{
    ngx_uint_t   i;
    const char  *name, *body;

    name = refusals[n].name;
    body = refusals[n].body;

    give(name, 3);
    reply(0, refusals[n].status, body);

    if (!refusals[n].apart) {
        ok(all_are(refusals[n].rc, 0, 3) && ncalls == 1,
           "%s %d %s: all of them", name, (int) refusals[n].status, body);
        return;
    }

    is_int(answered, 0, "%s %d %s: none has an outcome", name,
           (int) refusals[n].status, body);
    is_int(ncalls, 4, "each is sent by itself");

    for (i = 1; i < ncalls; i++) {
        reply(i, refusals[n].status, body);
    }

    ok(all_are(refusals[n].rc, 0, 3) && ncalls == 4, "and is refused for good");
}


/* --- SNS */

static void
sns(void)
{
    ngx_oof_fetch_t  *f;

    give("sns", 2);

    f = calls[0];

    is_str(&f->url, "http://127.0.0.1:9911/sns", "to the endpoint");
    is_str(header(f, "Content-Type"),
           "Content-Type: application/x-www-form-urlencoded", "a form");
    ok(has(header(f, "Authorization"), "/sa-east-1/sns/aws4_request, "),
       "signed for the topic's region");

#define E1  "&PublishBatchRequestEntries.member.1."
#define E2  "&PublishBatchRequestEntries.member.2."
#define A(e, n, name, value)                                                  \
    e "MessageAttributes.entry." n ".Name=" name                              \
    e "MessageAttributes.entry." n ".Value.DataType=String"                   \
    e "MessageAttributes.entry." n ".Value.StringValue=" value

    is_str(&f->body,
           "Action=PublishBatch&Version=2010-03-31"
           "&TopicArn=arn%3Aaws%3Asns%3Asa-east-1%3A123456789012%3At.fifo"
           E1 "Id=0"
           E1 "Message=%7B%22n%22%3A0%2C%22t%22%3A%22a%26b%22%7D"
           E1 "MessageGroupId=f0f0f0f0-f0f0-f0f0-f0f0-f0f0f0f0f0f0"
           E1 "MessageDeduplicationId=00000000-0000-0000-0000-000000000000"
           A(E1, "1", "type", "oof.consent.created")
           A(E1, "2", "brand", "bank")
           E2 "Id=1"
           E2 "Message=%7B%22n%22%3A1%2C%22t%22%3A%22a%26b%22%7D"
           E2 "MessageGroupId=f1f1f1f1-f1f1-f1f1-f1f1-f1f1f1f1f1f1"
           E2 "MessageDeduplicationId=01010101-0101-0101-0101-010101010101"
           A(E2, "1", "type", "oof.consent.created")
           A(E2, "2", "brand", "bank"),
           "the whole body");

    reply(0, 200,
          "<PublishBatchResponse><PublishBatchResult><Successful>"
          "<member><MessageId>x</MessageId><Id>0</Id></member></Successful>"
          "<Failed><member><Id>1</Id><Code>InternalError</Code>"
          "<SenderFault>false</SenderFault></member></Failed>"
          "</PublishBatchResult></PublishBatchResponse>");
    is_int(outcome[0], NGX_OK, "one is taken");
    is_int(outcome[1], NGX_BUSY, "the other is not, for now");

    give("sns", 2);
    reply(0, 200,
          "<R><Successful/><Failed><member><Id>0</Id><Code>Bad</Code>"
          "<SenderFault>true</SenderFault></member><member><Id>1</Id></member>"
          "</Failed></R>");
    is_int(outcome[0], NGX_DECLINED, "the sender's fault: never");
    is_int(outcome[1], NGX_AGAIN, "nobody's fault: again");
}


/* --- Pub/Sub */

static void
pubsub(void)
{
    give("pubsub", 2);

    is_str(&calls[0]->url,
           "http://127.0.0.1:8085/v1/projects/bank/topics/events:publish",
           "to the topic");
    ok(header(calls[0], "Authorization") == NULL, "without a token");
    is_str(&calls[0]->body,
           "{\"messages\":["
           "{\"data\":\"eyJuIjowLCJ0IjoiYSZiIn0=\","
           "\"orderingKey\":\"f0f0f0f0-f0f0-f0f0-f0f0-f0f0f0f0f0f0\","
           "\"attributes\":{"
           "\"content-type\":\"application/cloudevents+json; charset=utf-8\","
           "\"ce-id\":\"00000000-0000-0000-0000-000000000000\","
           "\"ce-type\":\"oof.consent.created\",\"ce-brand\":\"bank\"}},"
           "{\"data\":\"eyJuIjoxLCJ0IjoiYSZiIn0=\","
           "\"orderingKey\":\"f1f1f1f1-f1f1-f1f1-f1f1-f1f1f1f1f1f1\","
           "\"attributes\":{"
           "\"content-type\":\"application/cloudevents+json; charset=utf-8\","
           "\"ce-id\":\"01010101-0101-0101-0101-010101010101\","
           "\"ce-type\":\"oof.consent.created\",\"ce-brand\":\"bank\"}}]}",
           "the whole body");

    reply(0, 200, "{\"messageIds\":[\"1\",\"2\"]}");
    ok(all_are(NGX_OK, 0, 2), "both are taken");
}


/* --- sizes, ends */

static void
sizes(void)
{
    size_t      most;
    ngx_str_t   save[4];
    ngx_uint_t  i;

    /* the text, two attributes, the service's limit */

    most = 256 * 1024 - (sizeof("type" "String" "oof.consent.created"
                                "brand" "String" "bank") - 1);

    for (i = 0; i < 4; i++) {
        save[i] = events[i].json;
        events[i].json.data = ngx_palloc(tap_pool, most + 1);
        memset(events[i].json.data, 'x', most + 1);
    }

    events[0].json.len = most;
    events[1].json.len = most + 1;
    events[2].json.len = most / 2;
    events[3].json.len = most / 2 - 100;

    give("fifo", 4);

    is_int(ncalls, 2, "what is too long together is sent apart");
    is_int(outcome[1], NGX_DECLINED, "what is too long alone is not sent");
    ok(has(&calls[1]->body, "\"Id\":\"1\""), "others go together");
    ok(!has(&calls[0]->body, "\"Id\":\"1\""), "but for the longest");

    reply(1, 200, "{\"Successful\":[{\"Id\":\"1\"}]}");
    is_int(outcome[2], NGX_AGAIN, "an Id is of its request");
    is_int(outcome[3], NGX_OK, "and not of another");

    reply(0, 200, "{\"Successful\":[{\"Id\":\"0\"}]}");
    is_int(outcome[0], NGX_OK, "the longest that goes");

    for (i = 0; i < 4; i++) {
        events[i].json = save[i];
    }
}


static void
ends(void)
{
    ngx_oof_consumer_t  *c;

    full = 1;
    give("fifo", 3);
    ok(all_are(NGX_BUSY, 0, 3), "no call can be begun: later");
    full = 0;

    give("fifo", 3);
    c = consumer("fifo");
    c->provider->stop(c);
    ok(answered == 0 && cancelled == 1, "a stop forgets what is under way");

    c->provider->start(c);
    give("fifo", 1);
    reply(0, 200, "{\"Successful\":[{\"Id\":\"0\"}]}");
    is_int(outcome[0], NGX_OK, "and it can be started again");
}


int
main(int argc, char *const *argv)
{
    char                 command[256];
    ngx_uint_t           i;
    ngx_oof_consumer_t  *c;

    static const char  *names[] = { "fifo", "standard", "sns", "pubsub" };

    tap_start(argc, argv);

    configure();
    init();

    for (i = 0; i < 4; i++) {
        c = consumer(names[i]);
        ok(c->provider->start(c) == NGX_OK, "%s starts", names[i]);
    }

    sqs_request();
    sqs_partial();

    for (i = 0; refusals[i].name; i++) {
        refused(i);
    }

    sns();
    pubsub();
    sizes();
    ends();

    snprintf(command, sizeof(command), "rm -r %s", prefix);
    ok(system(command) == 0, "cleaned up");

    return tap_done();
}
