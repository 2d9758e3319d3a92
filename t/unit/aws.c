
/*
 * Copyright (C) oof authors
 */


/*
 * Signature Version 4 against the vectors that AWS has published, and answers
 * of the query protocol.
 */

#include "tap.h"
#include <ngx_oof_aws.h>


#define TOKEN                                                                 \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKW"\
    "HGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4"\
    "IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE"\
    "8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yj"\
    "c8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="


static struct {
    const char  *name;
    const char  *method;
    const char  *query;
    const char  *header[2];
    const char  *body;
    const char  *token;
    const char  *names;
    const char  *signature;
} vectors[] = {
    { "get-vanilla", "GET", "", { NULL, NULL }, "", "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "get-vanilla-query", "GET", "Param1=value1", { NULL, NULL }, "", "",
      "host;x-amz-date",
      "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },

    { "post-vanilla", "POST", "", { NULL, NULL }, "", "", "host;x-amz-date",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },

    { "post-x-www-form-urlencoded", "POST", "",
      { "Content-Type: application/x-www-form-urlencoded", NULL },
      "Param1=value1", "", "content-type;host;x-amz-date",
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },

    { "post-sts-header-before", "POST", "", { NULL, NULL }, "", TOKEN,
      "host;x-amz-date;x-amz-security-token",
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },

    { NULL, NULL, NULL, { NULL, NULL }, NULL, NULL, NULL, NULL }
};


static void
vector(ngx_uint_t n)
{
    char                 want[1024];
    ngx_str_t           *header;
    ngx_uint_t           i;
    ngx_array_t          headers;
    ngx_oof_aws_call_t   call;
    ngx_oof_aws_keys_t   keys;

    keys.id = str("AKIDEXAMPLE");
    keys.secret = str("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    keys.token = str(vectors[n].token);

    call.method = str(vectors[n].method);
    call.host = str("example.amazonaws.com");
    call.path = str("/");
    call.query = str(vectors[n].query);
    call.body = str(vectors[n].body);
    call.region = str("us-east-1");
    call.service = str("service");
    call.time = 1440938160;

    ngx_array_init(&headers, tap_pool, 4, sizeof(ngx_str_t));

    for (i = 0; vectors[n].header[i]; i++) {
        header = ngx_array_push(&headers);
        *header = str(vectors[n].header[i]);
    }

    is_int(ngx_oof_aws_sign(tap_pool, &call, &keys, &headers), NGX_OK,
           "%s is signed", vectors[n].name);

    header = headers.elts;

    is_str(&header[i], "X-Amz-Date: 20150830T123600Z", "its date");

    if (keys.token.len) {
        snprintf(want, sizeof(want), "X-Amz-Security-Token: %s",
                 vectors[n].token);
        is_str(&header[i + 1], want, "its session's token");
    }

    snprintf(want, sizeof(want),
             "Authorization: AWS4-HMAC-SHA256 Credential="
             "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
             "SignedHeaders=%s, Signature=%s", vectors[n].names,
             vectors[n].signature);

    is_str(&header[headers.nelts - 1], want, "its signature");
}


/* a call as ours are: headers in any order of their names' letters */

static void
ours(void)
{
    ngx_str_t           *header;
    ngx_array_t          headers;
    ngx_oof_aws_call_t   call;
    ngx_oof_aws_keys_t   keys;

    keys.id = str("AKIDEXAMPLE");
    keys.secret = str("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    keys.token = str(TOKEN);

    call.method = str("POST");
    call.host = str("localhost:5000");
    call.path = str("/");
    call.query = str("");
    call.body = str("{}");
    call.region = str("us-east-1");
    call.service = str("sqs");
    call.time = 1440938160;

    ngx_array_init(&headers, tap_pool, 1, sizeof(ngx_str_t));

    header = ngx_array_push_n(&headers, 2);
    header[0] = str("X-Amz-Target: AmazonSQS.SendMessageBatch");
    header[1] = str("Content-Type: application/x-amz-json-1.0");

    is_int(ngx_oof_aws_sign(tap_pool, &call, &keys, &headers), NGX_OK,
           "a call of SQS is signed");

    header = headers.elts;

    is_str(&header[headers.nelts - 1],
           "Authorization: AWS4-HMAC-SHA256 Credential="
           "AKIDEXAMPLE/20150830/us-east-1/sqs/aws4_request, "
           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
           "x-amz-target, Signature="
           "fc7e7db97dedb7f25b42f1334d7098b0cd332415bf70bafa271682c2151c9038",
           "as the SDK for Python signs it");

    keys.secret.data = ngx_pcalloc(tap_pool, 257);
    keys.secret.len = 257;
    headers.nelts = 2;

    is_int(ngx_oof_aws_sign(tap_pool, &call, &keys, &headers), NGX_ERROR,
           "a secret that is none is not signed with");
}


static void
xml(void)
{
    ngx_str_t  doc, text, inner;

    doc = str("<R><Failed><member><Id>1</Id><Code>A.B</Code></member>"
              "<member><Id>22</Id><Code/></member></Failed></R>");

    is_int(ngx_oof_aws_xml(&doc, "member", &text), NGX_OK, "an element");
    is_str(&text, "<Id>1</Id><Code>A.B</Code>", "its text");

    inner = text;
    is_int(ngx_oof_aws_xml(&inner, "Code", &text), NGX_OK, "one inside it");
    is_str(&text, "A.B", "its text");

    is_int(ngx_oof_aws_xml(&doc, "member", &text), NGX_OK, "the next one");

    inner = text;
    is_int(ngx_oof_aws_xml(&inner, "Id", &text), NGX_OK, "its id");
    is_str(&text, "22", "is its own");
    is_int(ngx_oof_aws_xml(&inner, "Code", &text), NGX_DECLINED,
           "an element without text is none");
    is_int(ngx_oof_aws_xml(&doc, "member", &text), NGX_DECLINED, "no more");

    doc = str("<Id>1</I");
    is_int(ngx_oof_aws_xml(&doc, "Id", &text), NGX_DECLINED, "a cut one");

    doc = str("<Id");
    is_int(ngx_oof_aws_xml(&doc, "Id", &text), NGX_DECLINED, "a shorter one");

    doc = str("");
    is_int(ngx_oof_aws_xml(&doc, "Id", &text), NGX_DECLINED, "nothing");
}


int
main(int argc, char *const *argv)
{
    ngx_uint_t  n;

    tap_start(argc, argv);

    for (n = 0; vectors[n].name; n++) {
        vector(n);
    }

    ours();
    xml();

    return tap_done();
}
