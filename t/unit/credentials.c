
/*
 * Copyright (C) oof authors
 */


/*
 * Credentials of the clouds: each source's calls, what is made of answers, when
 * new ones are fetched, what is refused.
 *
 * link: -Wl,--wrap=ngx_oof_fetch,--wrap=ngx_oof_fetch_cancel
 */

#include "tap.h"
#include <ngx_oof_aws_int.h>
#include <ngx_oof_aws_service.h>
#include <ngx_oof_google.h>


#define GRANT  75      /* characters before the assertion */


static char              prefix[] = "/tmp/oof-credentials-XXXXXX/";
static ngx_oof_fetch_t  *call;
static ngx_uint_t        calls;
static ngx_uint_t        full;


ngx_int_t
__wrap_ngx_oof_fetch(ngx_oof_fetch_t *f)
{
    if (full) {
        return NGX_ERROR;
    }

    call = f;
    calls++;

    return NGX_OK;
}


void
__wrap_ngx_oof_fetch_cancel(ngx_oof_fetch_t *f)
{
}


static void
put(const char *name, const char *text)
{
    char   path[256];
    FILE  *f;

    snprintf(path, sizeof(path), "%s%s", prefix, name);

    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        tap_bail(path);
    }
}


/* the key of a service account, as the console gives it */

static void
put_account(void)
{
    BIO        *bio;
    char       *pem;
    long        len, i;
    ngx_uint_t  n;
    EVP_PKEY   *key;
    char        text[8192];

    key = EVP_RSA_gen(2048);
    bio = BIO_new(BIO_s_mem());

    if (key == NULL || bio == NULL
        || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
           != 1)
    {
        tap_bail("no key");
    }

    len = BIO_get_mem_data(bio, &pem);
    n = snprintf(text, sizeof(text),
                 "{\"type\":\"service_account\",\"client_email\":\"a@b\","
                 "\"private_key_id\":\"k1\","
                 "\"token_uri\":\"http://127.0.0.1:7/token\","
                 "\"private_key\":\"");

    for (i = 0; i < len; i++) {
        if (pem[i] == '\n') {
            text[n++] = '\\';
            text[n++] = 'n';

        } else {
            text[n++] = pem[i];
        }
    }

    snprintf(text + n, sizeof(text) - n, "\"}");

    put("account.json", text);

    BIO_free(bio);
    EVP_PKEY_free(key);
}


static void
configure(void)
{
    char  path[256];

    prefix[sizeof(prefix) - 2] = '\0';

    if (mkdtemp(prefix) == NULL) {
        tap_bail("mkdtemp() failed");
    }

    prefix[sizeof(prefix) - 2] = '/';

    snprintf(path, sizeof(path), "%slogs", prefix);
    (void) mkdir(path, 0700);

    put("shared",
        "# of two\n[default]\naws_access_key_id = D1\n"
        "aws_secret_access_key = D2\n[ other ]\n  aws_access_key_id=O1\r\n"
        "aws_secret_access_key\t=\tO2=+/\n; a session\n"
        "aws_session_token = O3\nregion = x\n[profile third]\n"
        "aws_access_key_id = T1\n");
    put("web", "eyJ.web.token\n");
    put("pod", "pod-token\n");
    put_account();

    put("nginx.conf",
        "events { }\n"
        "http {\n"
        "    oof_database main { connect 'host=/nonexistent dbname=x'; }\n"
        "    oof_events sqs env { queue http://127.0.0.1:9/1/q; }\n"
        "    oof_events sqs web { queue http://127.0.0.1:9/1/q;\n"
        "        credentials web_identity; sts http://127.0.0.1:8/sts; }\n"
        "    oof_events sqs file { queue http://127.0.0.1:9/1/q;\n"
        "        credentials file; credentials_file shared;\n"
        "        profile other; }\n"
        "    oof_events sqs pod { queue http://127.0.0.1:9/1/q;\n"
        "        credentials container; }\n"
        "    oof_events sqs instance { queue http://127.0.0.1:9/1/q;\n"
        "        credentials instance; metadata http://127.0.0.1:6/; }\n"
        "    oof_events pubsub account { topic projects/p/topics/t;\n"
        "        endpoint http://127.0.0.1:5; credentials_file account.json; }\n"
        "    oof_events pubsub server { topic projects/p/topics/t;\n"
        "        endpoint http://127.0.0.1:5; credentials metadata;\n"
        "        metadata 127.0.0.1:4; }\n"
        "}\n");

    setenv("AWS_REGION", "sa-east-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "E1", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "E2", 1);
    setenv("AWS_SESSION_TOKEN", "E3", 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/oof", 1);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI",
           "http://169.254.170.23/v1/credentials", 1);

    snprintf(path, sizeof(path), "%sweb", prefix);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    snprintf(path, sizeof(path), "%spod", prefix);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);

    snprintf(path, sizeof(path), "%snginx.conf", prefix);

    if (tap_configure(prefix, path) == NULL) {
        tap_bail("no configuration");
    }

    if (ngx_event_timer_init(tap_log) != NGX_OK) {
        tap_bail("no timers");
    }
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


static ngx_oof_aws_t *
start(const char *name)
{
    ngx_oof_consumer_t     *c;
    ngx_oof_aws_service_t  *service;

    calls = 0;
    call = NULL;

    c = consumer(name);
    c->provider->start(c);

    service = c->conf;

    return service->aws;
}


static void
stop(const char *name)
{
    ngx_oof_consumer_t  *c;

    c = consumer(name);
    c->provider->stop(c);
}


/* lets timers of so many milliseconds run out */

static void
pass(ngx_msec_t ms)
{
    ngx_current_msec += ms;
    ngx_event_expire_timers();
}


static void
reply(ngx_uint_t status, const char *body)
{
    call->status = status;
    call->error = status ? NULL : "no route";
    call->response.len = strlen(body);
    call->response.data = ngx_pnalloc(call->pool, call->response.len);
    ngx_memcpy(call->response.data, body, call->response.len);

    call->handler(call);
}


static const char *
later(time_t seconds)
{
    static char  text[32];
    ngx_tm_t     tm;

    ngx_gmtime(ngx_time() + seconds, &tm);

    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
             tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
             tm.ngx_tm_min, tm.ngx_tm_sec);

    return text;
}


static const char *
answer(time_t seconds)
{
    static char  text[512];

    snprintf(text, sizeof(text),
             "{\"Code\":\"Success\",\"AccessKeyId\":\"K1\","
             "\"SecretAccessKey\":\"K2\",\"Token\":\"K3\","
             "\"Expiration\":\"%s\"}", later(seconds));

    return text;
}


static void
keys_are(ngx_oof_aws_t *aws, const char *id, const char *secret,
    const char *token)
{
    ngx_oof_aws_keys_t  *keys;

    keys = ngx_oof_aws_keys(aws);

    if (keys == NULL) {
        ok(0, "there are keys");
        return;
    }

    is_str(&keys->id, id, "the key's id");
    is_str(&keys->secret, secret, "its secret");
    is_str(&keys->token, token, "its session");
}


static ngx_str_t *
header(void)
{
    return call->headers.nelts ? call->headers.elts : NULL;
}


static void
fixed(void)
{
    ngx_oof_aws_t  *aws;

    aws = start("env");
    keys_are(aws, "E1", "E2", "E3");
    pass(10);
    is_int(calls, 0, "nothing is fetched");
    ngx_oof_aws_refused(aws);
    keys_are(aws, "E1", "E2", "E3");

    aws = start("file");
    keys_are(aws, "O1", "O2=+/", "O3");
}


static void
web(void)
{
    char            text[1024];
    ngx_oof_aws_t  *aws;

    aws = start("web");
    ok(ngx_oof_aws_keys(aws) == NULL, "a web identity has none at first");
    pass(1);

    is_int(calls, 1, "they are asked for");
    is_str(&call->url, "http://127.0.0.1:8/sts", "of the token service");
    is_str(&call->method, "POST", "it posts");
    ok(call->background, "nobody who quits waits for it");
    is_str(header(), "Content-Type: application/x-www-form-urlencoded",
           "a form");
    is_str(&call->body,
           "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
           "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Foof&RoleSessionName=oof"
           "&WebIdentityToken=eyJ.web.token", "with the token of the file");

    snprintf(text, sizeof(text),
             "<R><AssumeRoleWithWebIdentityResult><Credentials>"
             "<SessionToken>W3</SessionToken><SecretAccessKey>W2"
             "</SecretAccessKey><Expiration>%s</Expiration>"
             "<AccessKeyId>W1</AccessKeyId></Credentials>"
             "</AssumeRoleWithWebIdentityResult></R>", later(3600));
    reply(200, text);

    keys_are(aws, "W1", "W2", "W3");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 3300 * 1000,
           "new ones are fetched five minutes before they end");

    /* the token is read again */

    put("web", "eyJ.next\n");
    pass(3300 * 1000);
    is_int(calls, 2, "in time");
    ok(ngx_strnstr(call->body.data, "WebIdentityToken=eyJ.next",
                   call->body.len) != NULL, "with the token as it is then");
    keys_are(aws, "W1", "W2", "W3");

    reply(400, "<ErrorResponse><Error><Code>ExpiredTokenException</Code>");
    keys_are(aws, "W1", "W2", "W3");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 1000,
           "again in a second");

    put("web", "two lines\nof text\n");
    pass(1000);
    is_int(calls, 2, "no token, no call");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 2000,
           "again in two seconds");

    put("web", "eyJ.last");
    pass(2000);
    is_int(calls, 3, "when it is good it is sent");
    reply(200, "<R><Credentials><AccessKeyId>X</AccessKeyId></Credentials>");
    keys_are(aws, "W1", "W2", "W3");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 4000,
           "half an answer is none");

    aws->renew.expires = ngx_time() + 4;
    ok(ngx_oof_aws_keys(aws) == NULL, "they are not used until the end");

    stop("web");
}


static void
pod(void)
{
    ngx_uint_t      i;
    ngx_oof_aws_t  *aws;

    aws = start("pod");
    pass(1);
    is_str(&call->url, "http://169.254.170.23/v1/credentials",
           "a pod asks the agent");
    is_str(&call->method, "GET", "it gets");
    is_str(header(), "Authorization: pod-token", "with the token of the file");
    reply(200, answer(600));
    keys_are(aws, "K1", "K2", "K3");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 300 * 1000,
           "what is short is renewed at its half");

    /* refused by the service, soon after */

    ngx_oof_aws_refused(aws);
    ok(ngx_oof_aws_keys(aws) == NULL, "what is refused is not used again");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 5000,
           "new ones are not asked for at once");
    ngx_oof_aws_refused(aws);
    pass(5000);
    is_int(calls, 2, "but once, a while later");
    reply(200, answer(600));
    keys_are(aws, "K1", "K2", "K3");

    pass(60000);
    ngx_oof_aws_refused(aws);
    pass(1);
    is_int(calls, 3, "or at once when that is long ago");
    reply(200, answer(3));
    ok(ngx_oof_aws_keys(aws) == NULL, "keys that have ended are none");

    pass(1000);
    reply(200, "{\"AccessKeyId\":\"a\\nb\",\"SecretAccessKey\":\"s\","
               "\"Token\":\"t\",\"Expiration\":\"2999-01-01T00:00:00Z\"}");
    ok(ngx_oof_aws_keys(aws) == NULL, "nor are those that no header can have");

    pass(2000);
    reply(200, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"s\","
               "\"Token\":\"t\",\"Expiration\":\"soon\"}");
    ok(ngx_oof_aws_keys(aws) == NULL, "nor those without an end");

    for (i = 0; i < 5; i++) {
        pass(60000);
        reply(i & 1 ? 0 : 500, "");
    }

    is_int(aws->renew.timer.timer.key - ngx_current_msec, 60000,
           "the longest pause is a minute");
    full = 1;
    pass(60000);
    full = 0;
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 60000,
           "also when no call can be made");
    pass(60000);
    reply(200, "{\"AccessKeyId\":\"N1\",\"SecretAccessKey\":\"N2\","
               "\"Token\":\"N3\",\"Expiration\":\"2999-01-01T00:00:00.12Z\"}");
    keys_are(aws, "N1", "N2", "N3");
    is_int(aws->renew.timer.timer.key - ngx_current_msec, 86100 * 1000,
           "nothing is kept for more than a day");

    stop("pod");
}


static void
instance(void)
{
    ngx_oof_aws_t  *aws;

    aws = start("instance");
    pass(1);
    is_str(&call->url, "http://127.0.0.1:6/latest/api/token",
           "an instance begins a session");
    is_str(&call->method, "PUT", "by PUT, which no forged link can");
    is_str(header(), "X-aws-ec2-metadata-token-ttl-seconds: 300", "its term");

    reply(200, "session\n");
    is_str(&call->url,
           "http://127.0.0.1:6/latest/meta-data/iam/security-credentials/",
           "asks for its role");
    is_str(header(), "X-aws-ec2-metadata-token: session", "in the session");

    reply(200, "role/x\nanother\n");
    is_str(&call->url,
           "http://127.0.0.1:6/latest/meta-data/iam/security-credentials/"
           "role%2Fx", "and for its keys");
    is_str(header(), "X-aws-ec2-metadata-token: session", "in the session");

    reply(200, answer(3600));
    keys_are(aws, "K1", "K2", "K3");
    is_int(calls, 3, "three calls");

    pass(3300 * 1000);
    is_int(calls, 4, "it begins anew");
    reply(200, "");
    is_int(calls, 4, "no session, no keys");

    stop("instance");
    ok(!aws->renew.timer.timer_set && ngx_oof_aws_keys(aws) == NULL,
       "nothing is left of it after a stop");

    (void) start("instance");
    pass(1);
    reply(404, "");
    stop("instance");
}


static ngx_int_t
authorised(const char *name, const char *want)
{
    ngx_int_t            rc;
    ngx_str_t           *h;
    ngx_array_t          headers;
    ngx_oof_consumer_t  *c;
    ngx_oof_google_t   **google;

    c = consumer(name);

    /* behind what all publishers have */

    google = (ngx_oof_google_t **) ((ngx_oof_publish_t *) c->conf + 1);

    ngx_array_init(&headers, tap_pool, 1, sizeof(ngx_str_t));

    rc = ngx_oof_google_authorise(*google, tap_pool, &headers);

    if (rc == NGX_OK && want) {
        h = headers.elts;
        is_str(h, want, "the token is sent");
    }

    return rc;
}


static void
google(void)
{
    char             *dot, *end;
    ngx_str_t         claims, decoded;
    ngx_oof_jws_t     jws;
    const char       *why;

    (void) start("server");
    is_int(authorised("server", NULL), NGX_DECLINED, "no token at first");
    pass(1);
    is_str(&call->url, "http://127.0.0.1:4/computeMetadata/v1/instance/"
           "service-accounts/default/token", "the metadata server is asked");
    is_str(header(), "Metadata-Flavor: Google", "as it demands");
    reply(200, "{\"access_token\":\"ya29.x\",\"expires_in\":3599,"
               "\"token_type\":\"Bearer\"}");
    is_int(authorised("server", "Authorization: Bearer ya29.x"), NGX_OK,
           "there is one");
    pass(3299 * 1000);
    is_int(calls, 2, "it is renewed in time");
    reply(200, "{\"access_token\":\"a b\",\"expires_in\":3599}");
    is_int(authorised("server", "Authorization: Bearer ya29.x"), NGX_OK,
           "what cannot be a token is none");
    stop("server");

    (void) start("account");
    pass(1);
    is_str(&call->url, "http://127.0.0.1:7/token", "the token endpoint");
    ok(ngx_strncmp(call->body.data, "grant_type=urn%3Aietf%3Aparams%3Aoauth"
                   "%3Agrant-type%3Ajwt-bearer&assertion=", GRANT) == 0,
       "an assertion is its grant");

    claims.data = call->body.data + GRANT;
    claims.len = call->body.len - GRANT;
    is_int(ngx_oof_jws_parse(tap_pool, &claims, &jws, &why), NGX_OK,
           "it is a JWS");
    is_int(jws.alg, NGX_OOF_ALG_RS256, "by RS256");
    is_str(&jws.kid, "k1", "its key is named");
    is_str(&jws.typ, "JWT", "its type");

    decoded = jws.payload;
    dot = (char *) ngx_strnstr(decoded.data, "\"iat\":", decoded.len);
    ok(dot && strtol(dot + 6, &end, 10) == ngx_time(), "of now");
    ok(dot && strncmp(end, ",\"exp\":", 7) == 0
       && strtol(end + 7, NULL, 10) == ngx_time() + 3600, "for an hour");
    decoded.len = dot ? (size_t) ((u_char *) dot - decoded.data) : 0;
    is_str(&decoded, "{\"iss\":\"a@b\",\"scope\":"
           "\"https://www.googleapis.com/auth/pubsub\","
           "\"aud\":\"http://127.0.0.1:7/token\",", "its claims");

    reply(200, "{\"access_token\":\"ya29.y\",\"expires_in\":3600}");
    is_int(authorised("account", "Authorization: Bearer ya29.y"), NGX_OK,
           "a token has come");
    stop("account");
}


int
main(int argc, char *const *argv)
{
    char  command[256];

    tap_start(argc, argv);

    configure();

    fixed();
    web();
    pod();
    instance();
    google();

    snprintf(command, sizeof(command), "rm -r %s", prefix);
    ok(system(command) == 0, "cleaned up");

    return tap_done();
}
