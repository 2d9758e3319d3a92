
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_expiry.h>

#include <openssl/core_names.h>


/* the claims that an answer begins with, without its strings */
#define NGX_OOF_MESSAGE_CLAIMS                                                \
    (sizeof("{\"aud\":\"\",\"iss\":\"\",\"jti\":\"\",\"iat\":,") - 1           \
     + NGX_OOF_UUID_TEXT + NGX_INT64_LEN)


#define NGX_OOF_MESSAGE_OK         0
#define NGX_OOF_MESSAGE_SIGNATURE  1
#define NGX_OOF_MESSAGE_CLAIM      2
#define NGX_OOF_MESSAGE_JTI        3
#define NGX_OOF_MESSAGE_KEYS       4


/* an answer that is being signed by a thread, which may outlive its request */

typedef struct {
    ngx_oof_request_t       *o;          /* NULL: it has gone */
    ngx_pool_t              *pool;
    ngx_oof_signing_key_t    key;
    ngx_str_t                payload;
    ngx_str_t                text;
    ngx_int_t                rc;
    uint64_t                 took;       /* us */
} ngx_oof_message_task_t;


static ngx_int_t ngx_oof_message_key(ngx_oof_request_t *o, ngx_uint_t waited);
static ngx_int_t ngx_oof_message_wait(ngx_oof_request_t *o,
    ngx_oof_jwks_t *jwks, ngx_uint_t waited);
static void ngx_oof_message_woken(void *data);
static void ngx_oof_message_forget(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_message_verified(ngx_oof_request_t *o);
static const char *ngx_oof_message_claims(ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_message_aud(ngx_oof_request_t *o, json_t *aud);
static ngx_uint_t ngx_oof_message_url(ngx_oof_request_t *o, json_t *value);
static ngx_uint_t ngx_oof_message_rest(ngx_str_t *rest, ngx_str_t *path);
static ngx_uint_t ngx_oof_message_times(json_t *claims);
static ngx_int_t ngx_oof_message_bad(ngx_oof_request_t *o, const char *why);

static uint64_t ngx_oof_message_clock(void);
static ngx_uint_t ngx_oof_message_signs(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_message_payload(ngx_oof_request_t *o,
    ngx_pool_t *pool, ngx_str_t *payload);
static void ngx_oof_message_signed(ngx_oof_request_t *o, ngx_str_t *text);
static EVP_PKEY *ngx_oof_signing_load(ngx_conf_t *cf, ngx_str_t *file);
static void ngx_oof_signing_free(void *data);
static void ngx_oof_signing_free_signer(void *data);
static ngx_int_t ngx_oof_key_set_number(ngx_conf_t *cf, ngx_oof_json_t *w,
    EVP_PKEY *key, const char *member, const char *param);

#if (NGX_THREADS)
static ngx_int_t ngx_oof_message_post(ngx_oof_request_t *o,
    ngx_oof_loc_conf_t *olcf, ngx_oof_signing_key_t *key);
static void ngx_oof_message_thread(void *data, ngx_log_t *log);
static void ngx_oof_message_done(ngx_event_t *ev);
static void ngx_oof_message_leave(ngx_oof_request_t *o);
#endif


static ngx_oof_metric_t  ngx_oof_message_total;

static ngx_str_t  ngx_oof_message_results[] = {
    ngx_string("result=\"ok\""),
    ngx_string("result=\"signature\""),
    ngx_string("result=\"claims\""),
    ngx_string("result=\"jti\""),
    ngx_string("result=\"keys\""),         /* the keystore gives none */
    ngx_null_string
};


ngx_int_t
ngx_oof_message_preconf(ngx_conf_t *cf)
{
    return ngx_oof_metric_add_list(cf, &ngx_oof_message_total,
                                   "oof_messages_total",
                                   "Signed requests by outcome.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_message_results);
}


ngx_int_t
ngx_oof_message_read(ngx_oof_request_t *o, ngx_oof_handler_pt next)
{
    ngx_int_t           rc;
    const char         *why;
    ngx_oof_message_t  *message;

    message = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_message_t));
    if (message == NULL) {
        return NGX_ERROR;
    }

    o->message = message;
    message->next = next;

    rc = ngx_oof_jws_parse(o->r->pool, &o->body, &message->jws, &why);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_oof_message_bad(o, why);
    }

    if (message->jws.typ.len != 3
        || ngx_strncasecmp(message->jws.typ.data, (u_char *) "JWT", 3) != 0)
    {
        return ngx_oof_message_bad(o, "its type is not JWT");
    }

    if (message->jws.kid.len == 0) {
        return ngx_oof_message_bad(o, "it names no key");
    }

    if (message->jws.alg != NGX_OOF_ALG_PS256) {
        return ngx_oof_message_bad(o, "its algorithm is not PS256");
    }

    return ngx_oof_message_key(o, 0);
}


/* the key is looked for in the set of the certificate's organisation alone */

static ngx_int_t
ngx_oof_message_key(ngx_oof_request_t *o, ngx_uint_t waited)
{
    EVP_PKEY            *key;
    ngx_uint_t           generation;
    ngx_oof_jwks_t      *jwks;
    ngx_oof_message_t   *message;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    message = o->message;

    jwks = ngx_oof_keystore_set(olcf->keystore, &o->cert->organisation_id);

    if (jwks == NULL) {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "no room for the keys of another organisation");
        return ngx_oof_error_status(o, NGX_OOF_HTTP_OVERLOADED);
    }

    key = ngx_oof_jwks_find(jwks, &message->jws.kid, NGX_OOF_ALG_PS256,
                            &generation);
    if (key == NULL) {
        return ngx_oof_message_wait(o, jwks, waited);
    }

    if (ngx_oof_jws_verify(&message->jws, key, NGX_OOF_ALG_PS256) != NGX_OK) {
        return ngx_oof_message_bad(o, "its signature is wrong");
    }

    return ngx_oof_message_verified(o);
}


/* an unknown key is asked for once, which the set limits */

static ngx_int_t
ngx_oof_message_wait(ngx_oof_request_t *o, ngx_oof_jwks_t *jwks,
    ngx_uint_t waited)
{
    ngx_int_t  rc;

    rc = waited ? NGX_BUSY
                : ngx_oof_jwks_wait(jwks, ngx_oof_message_woken, o);

    switch (rc) {

    case NGX_OK:
        return ngx_oof_message_key(o, 1);

    case NGX_AGAIN:
        o->message->jwks = jwks;
        o->forget = ngx_oof_message_forget;

        return NGX_AGAIN;

    case NGX_BUSY:
        if (ngx_oof_jwks_ready(jwks)) {
            return ngx_oof_message_bad(o, "its key is not its organisation's");
        }

        ngx_oof_metric_inc(&ngx_oof_message_total, NGX_OOF_MESSAGE_KEYS, 1);

        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "no keys of organisation \"%V\" are at hand",
                      &o->cert->organisation_id);

        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);

    default:
        return ngx_oof_error_status(o, NGX_OOF_HTTP_OVERLOADED);
    }
}


static void
ngx_oof_message_woken(void *data)
{
    ngx_oof_request_t *o = data;

    o->forget = NULL;
    o->message->jwks = NULL;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    ngx_oof_request_resume(o, ngx_oof_message_key(o, 1));
}


static void
ngx_oof_message_forget(ngx_oof_request_t *o)
{
    o->forget = NULL;

    ngx_oof_jwks_forget(o->message->jwks, o);
}


static ngx_int_t
ngx_oof_message_verified(ngx_oof_request_t *o)
{
    ngx_int_t    rc;
    const char  *why;

    rc = ngx_oof_json_parse(o->r->pool, &o->message->jws.payload, &o->json,
                            &why);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_oof_message_bad(o, why);
    }

    why = ngx_oof_message_claims(o);

    if (why) {
        ngx_oof_metric_inc(&ngx_oof_message_total, NGX_OOF_MESSAGE_CLAIM, 1);

        ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                      "client sent a message with a wrong \"%s\"", why);

        return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "INVALID_CLIENT",
                             "Cliente inválido",
                             "Os atributos iss, aud, iat ou jti da mensagem "
                             "assinada são inválidos.");
    }

    ngx_oof_metric_inc(&ngx_oof_message_total, NGX_OOF_MESSAGE_OK, 1);

    return o->message->next(o);
}


/* the name of the claim that is wrong, or NULL */

static const char *
ngx_oof_message_claims(ngx_oof_request_t *o)
{
    ngx_str_t  value;

    if (ngx_oof_json_get_str(o->json, "iss", &value) != NGX_OK
        || value.len != o->cert->organisation_id.len
        || ngx_strncasecmp(value.data, o->cert->organisation_id.data,
                           value.len)
           != 0)
    {
        return "iss";
    }

    if (!ngx_oof_message_aud(o, json_object_get(o->json, "aud"))) {
        return "aud";
    }

    if (ngx_oof_json_get_str(o->json, "jti", &value) != NGX_OK
        || ngx_oof_uuid_parse(&value, o->message->jti) != NGX_OK)
    {
        return "jti";
    }

    return ngx_oof_message_times(o->json) ? NULL : "iat";
}


/* a string, or an array that has it (RFC 7519, 4.1.3) */

static ngx_uint_t
ngx_oof_message_aud(ngx_oof_request_t *o, json_t *aud)
{
    size_t   i;
    json_t  *value;

    if (!json_is_array(aud)) {
        return ngx_oof_message_url(o, aud);
    }

    json_array_foreach(aud, i, value) {
        if (ngx_oof_message_url(o, value)) {
            return 1;
        }
    }

    return 0;
}


/* the public URL that was called, as it was sent or decoded */

static ngx_uint_t
ngx_oof_message_url(ngx_oof_request_t *o, json_t *value)
{
    ngx_str_t            url, sent;
    ngx_oof_loc_conf_t  *olcf;

    if (!json_is_string(value)) {
        return 0;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    url.data = (u_char *) json_string_value(value);
    url.len = json_string_length(value);

    if (url.len <= olcf->base_url.len
        || ngx_memcmp(url.data, olcf->base_url.data, olcf->base_url.len) != 0)
    {
        return 0;
    }

    url.data += olcf->base_url.len;
    url.len -= olcf->base_url.len;

    if (ngx_oof_message_rest(&url, &o->uri)) {
        return 1;
    }

    sent = o->r->unparsed_uri;

    if (o->r->args.len) {
        sent.len -= ngx_min(sent.len, o->r->args.len + 1);
    }

    return ngx_oof_message_rest(&url, &sent);
}


/* "rest" is the path, perhaps with a query */

static ngx_uint_t
ngx_oof_message_rest(ngx_str_t *rest, ngx_str_t *path)
{
    return rest->len >= path->len
           && ngx_memcmp(rest->data, path->data, path->len) == 0
           && (rest->len == path->len || rest->data[path->len] == '?');
}


/*
 * exp and nbf are not asked for, and hold where they are sent.  A NumericDate
 * may have a fraction (RFC 7519, section 2).
 */

static ngx_uint_t
ngx_oof_message_times(json_t *claims)
{
    double   early, late;
    json_t  *iat, *exp, *nbf;

    early = ngx_oof_clock_real() / NGX_OOF_SECOND - NGX_OOF_MESSAGE_IAT;
    late = early + 2 * NGX_OOF_MESSAGE_IAT;

    iat = json_object_get(claims, "iat");
    exp = json_object_get(claims, "exp");
    nbf = json_object_get(claims, "nbf");

    if (!json_is_number(iat)
        || json_number_value(iat) < early || json_number_value(iat) > late)
    {
        return 0;
    }

    if (exp && (!json_is_number(exp) || json_number_value(exp) < early)) {
        return 0;
    }

    return nbf == NULL
           || (json_is_number(nbf) && json_number_value(nbf) <= late);
}


static ngx_int_t
ngx_oof_message_bad(ngx_oof_request_t *o, const char *why)
{
    ngx_oof_metric_inc(&ngx_oof_message_total, NGX_OOF_MESSAGE_SIGNATURE, 1);

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client sent a message that cannot be verified: %s", why);

    return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_SIGNATURE",
                         "Assinatura inválida",
                         "A assinatura da mensagem é inválida ou não foi "
                         "possível verificá-la.");
}


ngx_int_t
ngx_oof_message_reused(ngx_oof_request_t *o)
{
    ngx_oof_metric_inc(&ngx_oof_message_total, NGX_OOF_MESSAGE_JTI, 1);

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client sent a message with a jti that was used before");

    return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "INVALID_CLIENT",
                         "Cliente inválido",
                         "O atributo jti da mensagem assinada já foi "
                         "utilizado.");
}


ngx_int_t
ngx_oof_message_sign(ngx_oof_request_t *o)
{
    uint64_t                start;
    ngx_str_t               payload, text;
    ngx_oof_loc_conf_t     *olcf;
    ngx_oof_signing_key_t  *key;

    if (!ngx_oof_message_signs(o)) {
        return NGX_OK;
    }

    if (o->answer.len == 0
        && ngx_oof_error_body(o, &o->answer) != NGX_OK)
    {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    key = olcf->signing_keys->elts;

#if (NGX_THREADS)
    if (olcf->signing == NGX_OOF_SIGNING_THREADS) {
        return ngx_oof_message_post(o, olcf, key);
    }
#endif

    start = ngx_oof_message_clock();

    if (ngx_oof_message_payload(o, o->r->pool, &payload) != NGX_OK
        || ngx_oof_jws_sign(o->r->pool, key->signer, &key->kid, &payload, &text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    o->sign_time += ngx_oof_message_clock() - start;

    ngx_oof_message_signed(o, &text);

    return NGX_OK;
}


/* us; nginx's own clock stands still meanwhile */

static uint64_t
ngx_oof_message_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static ngx_uint_t
ngx_oof_message_signs(ngx_oof_request_t *o)
{
    if (o->sealed || o->api == NULL || !(o->api->flags & NGX_OOF_API_JWT)
        || !(o->api->flags & NGX_OOF_API_TPP))
    {
        return 0;
    }

    return o->status == NGX_HTTP_OK || o->status == NGX_HTTP_CREATED
           || o->status == NGX_HTTP_ACCEPTED
           || o->status == NGX_OOF_HTTP_UNPROCESSABLE;
}


/* the claims come first, then the members that the handler has prepared */

static ngx_int_t
ngx_oof_message_payload(ngx_oof_request_t *o, ngx_pool_t *pool,
    ngx_str_t *payload)
{
    u_char              *p;
    u_char               jti[NGX_OOF_UUID_LEN];
    ngx_str_t           *iss, *aud;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    iss = &olcf->organisation_id;
    aud = &o->cert->organisation_id;

    p = ngx_pnalloc(pool, NGX_OOF_MESSAGE_CLAIMS + iss->len + aud->len
                          + o->answer.len);

    if (p == NULL || ngx_oof_uuid4(jti) != NGX_OK) {
        return NGX_ERROR;
    }

    payload->data = p;

    p = ngx_sprintf(p, "{\"aud\":\"%V\",\"iss\":\"%V\",\"jti\":\"", aud, iss);
    p = ngx_oof_uuid_format(p, jti);
    p = ngx_sprintf(p, "\",\"iat\":%L,",
                    (int64_t) (ngx_oof_clock_real() / NGX_OOF_SECOND));
    p = ngx_cpymem(p, o->answer.data + 1, o->answer.len - 1);

    payload->len = p - payload->data;

    return NGX_OK;
}


static void
ngx_oof_message_signed(ngx_oof_request_t *o, ngx_str_t *text)
{
    o->answer = *text;
    o->sealed = 1;
    ngx_str_set(&o->media, "application/jwt");
}


#if (NGX_THREADS)

/* what a thread works on is its own, and freed when it has ended */

static ngx_int_t
ngx_oof_message_post(ngx_oof_request_t *o, ngx_oof_loc_conf_t *olcf,
    ngx_oof_signing_key_t *key)
{
    ngx_pool_t              *pool;
    ngx_thread_task_t       *task;
    ngx_oof_message_task_t  *t;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    task = ngx_thread_task_alloc(pool, sizeof(ngx_oof_message_task_t));

    if (task == NULL) {
        goto failed;
    }

    t = task->ctx;

    t->o = o;
    t->pool = pool;
    t->key = *key;

    if (ngx_oof_message_payload(o, pool, &t->payload) != NGX_OK) {
        goto failed;
    }

    task->handler = ngx_oof_message_thread;
    task->event.handler = ngx_oof_message_done;
    task->event.data = t;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(olcf->signing_pool, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        return ngx_oof_error_status(o, NGX_OOF_HTTP_OVERLOADED);
    }

    o->forget = ngx_oof_message_leave;
    o->waiting = t;

    return NGX_AGAIN;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


/* in a thread: touches nothing but its task */

static void
ngx_oof_message_thread(void *data, ngx_log_t *log)
{
    ngx_oof_message_task_t *t = data;

    uint64_t  start;

    start = ngx_oof_message_clock();

    t->rc = ngx_oof_jws_sign(t->pool, t->key.signer, &t->key.kid, &t->payload,
                             &t->text);

    t->took = ngx_oof_message_clock() - start;
}


static void
ngx_oof_message_done(ngx_event_t *ev)
{
    ngx_oof_message_task_t *t = ev->data;

    u_char             *p;
    ngx_int_t           rc;
    ngx_str_t           text;
    ngx_oof_request_t  *o;

    o = t->o;

    if (o == NULL) {
        ngx_destroy_pool(t->pool);
        return;
    }

    o->forget = NULL;
    o->waiting = NULL;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    rc = t->rc;
    p = (rc == NGX_OK) ? ngx_pnalloc(o->r->pool, t->text.len) : NULL;

    if (p) {
        ngx_memcpy(p, t->text.data, t->text.len);

        text.data = p;
        text.len = t->text.len;
        ngx_oof_message_signed(o, &text);
        o->sign_time += t->took;
    }

    ngx_destroy_pool(t->pool);

    ngx_oof_request_resume(o, p ? NGX_OK : NGX_ERROR);
}


static void
ngx_oof_message_leave(ngx_oof_request_t *o)
{
    ngx_oof_message_task_t *t = o->waiting;

    o->forget = NULL;
    o->waiting = NULL;

    t->o = NULL;
}

#endif


char *
ngx_oof_signing_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    EVP_PKEY               *pkey;
    EVP_MD_CTX             *signer;
    ngx_pool_cleanup_t     *cln;
    ngx_oof_signing_key_t  *key;

    value = cf->args->elts;

    if (olcf->signing_keys == NULL) {
        olcf->signing_keys = ngx_array_create(cf->pool, 2,
                                              sizeof(ngx_oof_signing_key_t));
        if (olcf->signing_keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (value[1].len == 0 || value[1].len > NGX_OOF_JWS_KID) {
        return "needs a key id of 1 to 256 characters";
    }

    key = olcf->signing_keys->elts;

    for (i = 0; i < olcf->signing_keys->nelts; i++) {
        if (key[i].kid.len == value[1].len
            && ngx_memcmp(key[i].kid.data, value[1].data, value[1].len) == 0)
        {
            return "has a key id that is there already";
        }
    }

    pkey = ngx_oof_signing_load(cf, &value[2]);
    if (pkey == NULL) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    signer = ngx_oof_jws_signer(pkey);
    if (signer == NULL) {
        return "has a key that cannot sign";
    }

    cln->handler = ngx_oof_signing_free_signer;
    cln->data = signer;

    key = ngx_array_push(olcf->signing_keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    key->kid = value[1];
    key->key = pkey;
    key->signer = signer;

    return NGX_CONF_OK;
}


static EVP_PKEY *
ngx_oof_signing_load(ngx_conf_t *cf, ngx_str_t *file)
{
    BIO                 *bio;
    EVP_PKEY            *key;
    ngx_str_t            text;
    ngx_pool_cleanup_t  *cln;

    /* the file may have the key's certificate, too */

    if (ngx_oof_expiry_add(cf, "signing", file, NGX_OOF_EXPIRY_CERTIFICATE)
        != NGX_OK
        || ngx_oof_fetch_pem(cf, file, &text) != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    bio = BIO_new_mem_buf(text.data, (int) text.len);

    if (cln == NULL || bio == NULL) {
        BIO_free(bio);
        return NULL;
    }

    /* no question for a pass phrase on the terminal */

    key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");

    BIO_free(bio);
    ngx_explicit_memzero(text.data, text.len);
    ERR_clear_error();

    if (key == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no private key could be read from \"%V\"", file);
        return NULL;
    }

    cln->handler = ngx_oof_signing_free;
    cln->data = key;

    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA
        || EVP_PKEY_get_bits(key) < 2048)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the key in \"%V\" is not RSA of at least 2048 bits",
                           file);
        return NULL;
    }

    return key;
}


static void
ngx_oof_signing_free(void *data)
{
    EVP_PKEY_free(data);
}


static void
ngx_oof_signing_free_signer(void *data)
{
    EVP_MD_CTX_free(data);
}


char *
ngx_oof_signing(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t  *value;

    if (olcf->signing != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "inline") == 0) {
        olcf->signing = NGX_OOF_SIGNING_INLINE;
        return NGX_CONF_OK;
    }

#if (NGX_THREADS)

    if (ngx_strcmp(value[1].data, "threads") == 0) {
        olcf->signing = NGX_OOF_SIGNING_THREADS;
        olcf->signing_pool = ngx_thread_pool_add(cf, NULL);

        return olcf->signing_pool ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strncmp(value[1].data, "threads=", 8) == 0 && value[1].len > 8) {
        value[1].data += 8;
        value[1].len -= 8;

        olcf->signing = NGX_OOF_SIGNING_THREADS;
        olcf->signing_pool = ngx_thread_pool_add(cf, &value[1]);

        return olcf->signing_pool ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

#endif

    return "must be \"inline\", \"threads\" or \"threads=POOL\"";
}


/* the public halves of the bank's keys (RFC 7517) */

ngx_int_t
ngx_oof_key_set_text(ngx_conf_t *cf, ngx_array_t *keys, ngx_str_t *text)
{
    ngx_uint_t              i;
    ngx_oof_json_t          w;
    ngx_oof_signing_key_t  *key;

    if (ngx_oof_json_init(&w, cf->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "keys");
    ngx_oof_json_begin(&w, '[');

    key = keys->elts;

    for (i = 0; i < keys->nelts; i++) {

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "kty");
        ngx_oof_json_literal(&w, "RSA");
        ngx_oof_json_name(&w, "use");
        ngx_oof_json_literal(&w, "sig");
        ngx_oof_json_name(&w, "alg");
        ngx_oof_json_literal(&w, "PS256");
        ngx_oof_json_member(&w, "kid", &key[i].kid);

        if (ngx_oof_key_set_number(cf, &w, key[i].key, "e",
                                   OSSL_PKEY_PARAM_RSA_E)
            != NGX_OK
            || ngx_oof_key_set_number(cf, &w, key[i].key, "n",
                                      OSSL_PKEY_PARAM_RSA_N)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, text);
}


static ngx_int_t
ngx_oof_key_set_number(ngx_conf_t *cf, ngx_oof_json_t *w, EVP_PKEY *key,
    const char *member, const char *param)
{
    size_t      len;
    BIGNUM     *number;
    ngx_str_t   src, dst;

    number = NULL;

    if (EVP_PKEY_get_bn_param(key, param, &number) != 1) {
        return NGX_ERROR;
    }

    len = BN_num_bytes(number);

    src.data = ngx_pnalloc(cf->pool, len + ngx_base64_encoded_length(len));

    if (src.data == NULL) {
        BN_free(number);
        return NGX_ERROR;
    }

    src.len = BN_bn2bin(number, src.data);
    dst.data = src.data + len;

    BN_free(number);

    ngx_encode_base64url(&dst, &src);
    ngx_oof_json_member(w, member, &dst);

    return NGX_OK;
}


ngx_int_t
ngx_oof_key_set_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_oof_loc_conf_t        *olcf;
    ngx_http_complex_value_t   cv;

    static ngx_str_t  type = ngx_string("application/jwk-set+json");

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = *olcf->key_set_text;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}
