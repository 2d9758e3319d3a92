
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_google.h>
#include <ngx_oof_publish.h>
#include <ngx_oof_renew.h>


#define NGX_OOF_GOOGLE_AUTO      0
#define NGX_OOF_GOOGLE_ACCOUNT   1
#define NGX_OOF_GOOGLE_METADATA  2
#define NGX_OOF_GOOGLE_NONE      3

#define NGX_OOF_GOOGLE_FILE      65536   /* bytes of a key's file */
#define NGX_OOF_GOOGLE_TERM      3600    /* s, of an assertion */

#define NGX_OOF_GOOGLE_HOST      "169.254.169.254"
#define NGX_OOF_GOOGLE_PATH                                                   \
    "/computeMetadata/v1/instance/service-accounts/default/token"
#define NGX_OOF_GOOGLE_URI       "https://oauth2.googleapis.com/token"
#define NGX_OOF_GOOGLE_SCOPE     "https://www.googleapis.com/auth/pubsub"
#define NGX_OOF_GOOGLE_GRANT                                                  \
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"        \
    "&assertion="


struct ngx_oof_google_s {
    ngx_uint_t               source;
    ngx_str_t                wanted;     /* its name, as it is configured */
    ngx_str_t                file;
    ngx_str_t                metadata;
    ngx_str_t                url;        /* whence tokens come */
    ngx_str_t                addrs;
    ngx_str_t                email;      /* of the service account */
    ngx_str_t                kid;
    EVP_PKEY                *key;

    /* of this process */
    ngx_oof_renew_t          renew;
    ngx_str_t                token;
};


static char *ngx_oof_google_source(ngx_oof_google_t *google);
static ngx_int_t ngx_oof_google_account(ngx_conf_t *cf,
    ngx_oof_google_t *google);
static ngx_int_t ngx_oof_google_read(ngx_conf_t *cf, ngx_oof_google_t *google,
    json_t *root);
static ngx_int_t ngx_oof_google_key(ngx_conf_t *cf, ngx_oof_google_t *google,
    ngx_str_t *pem);
static void ngx_oof_google_cleanup(void *data);
static ngx_int_t ngx_oof_google_server(ngx_conf_t *cf,
    ngx_oof_google_t *google);
static ngx_int_t ngx_oof_google_begin(ngx_oof_renew_t *renew,
    const char **why);
static ngx_int_t ngx_oof_google_assert(ngx_oof_google_t *google,
    const char **why);
static ngx_int_t ngx_oof_google_assertion(ngx_oof_google_t *google,
    ngx_str_t *text);
static ngx_int_t ngx_oof_google_sign(ngx_oof_google_t *google,
    ngx_str_t *header, ngx_str_t *claims, ngx_str_t *text);
static ngx_int_t ngx_oof_google_answer(ngx_oof_renew_t *renew,
    const char **why);
static void ngx_oof_google_drop(ngx_oof_renew_t *renew);


static ngx_str_t  ngx_oof_google_sources[] = {
    ngx_string("auto"),
    ngx_string("service_account"),
    ngx_string("metadata"),
    ngx_string("none"),
    ngx_null_string
};


ngx_oof_google_t *
ngx_oof_google_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_oof_google_t));
}


ngx_int_t
ngx_oof_google_line(ngx_oof_google_t *google, ngx_str_t *value, ngx_uint_t n,
    char **rv)
{
    if (ngx_strcmp(value[0].data, "credentials") == 0) {
        *rv = ngx_oof_publish_value(&google->wanted, value, n);

        if (*rv == NGX_CONF_OK) {
            *rv = ngx_oof_google_source(google);
        }

        return NGX_OK;
    }

    if (ngx_strcmp(value[0].data, "credentials_file") == 0) {
        *rv = ngx_oof_publish_value(&google->file, value, n);
        return NGX_OK;
    }

    if (ngx_strcmp(value[0].data, "metadata") == 0) {
        *rv = ngx_oof_publish_value(&google->metadata, value, n);
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static char *
ngx_oof_google_source(ngx_oof_google_t *google)
{
    ngx_uint_t  i;

    for (i = 0; ngx_oof_google_sources[i].len; i++) {

        if (ngx_oof_google_sources[i].len == google->wanted.len
            && ngx_strcmp(ngx_oof_google_sources[i].data, google->wanted.data)
               == 0)
        {
            google->source = i;
            return NGX_CONF_OK;
        }
    }

    return "must be \"auto\", \"service_account\", \"metadata\" or \"none\"";
}


void
ngx_oof_google_none(ngx_oof_google_t *google)
{
    google->source = NGX_OOF_GOOGLE_NONE;
}


ngx_int_t
ngx_oof_google_init(ngx_conf_t *cf, ngx_oof_google_t *google)
{
    if (google->source == NGX_OOF_GOOGLE_NONE) {
        return NGX_OK;
    }

    if (google->source != NGX_OOF_GOOGLE_METADATA && google->file.len == 0
        && ngx_oof_env(cf, "GOOGLE_APPLICATION_CREDENTIALS", &google->file)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (google->source == NGX_OOF_GOOGLE_AUTO) {
        google->source = google->file.len ? NGX_OOF_GOOGLE_ACCOUNT
                                          : NGX_OOF_GOOGLE_METADATA;
    }

    if (google->source == NGX_OOF_GOOGLE_METADATA) {
        return ngx_oof_google_server(cf, google);
    }

    if (google->file.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"credentials service_account\" needs "
                           "\"credentials_file\", or "
                           "GOOGLE_APPLICATION_CREDENTIALS in the environment");
        return NGX_ERROR;
    }

    return ngx_oof_google_account(cf, google);
}


static ngx_int_t
ngx_oof_google_account(ngx_conf_t *cf, ngx_oof_google_t *google)
{
    json_t       *root;
    ngx_int_t     rc;
    ngx_str_t     text;
    ngx_pool_t   *pool;
    const char   *why;

    if (ngx_oof_fetch_file(cf, &google->file, NGX_OOF_GOOGLE_FILE, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what is read out of the file must not stay with the configuration */

    pool = ngx_create_pool(4096, cf->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_json_parse(pool, &text, &root, &why);

    OPENSSL_cleanse(text.data, text.len);

    if (rc == NGX_OK) {
        rc = ngx_oof_google_read(cf, google, root);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot be read: %s", &google->file, why);
        rc = NGX_ERROR;
    }

    ngx_destroy_pool(pool);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_fetch_prepare(cf, &google->url, &google->addrs);
}


static ngx_int_t
ngx_oof_google_read(ngx_conf_t *cf, ngx_oof_google_t *google, json_t *root)
{
    ngx_str_t  type, email, pem, kid, uri;

    if (ngx_oof_json_get_str(root, "type", &type) != NGX_OK
        || type.len != sizeof("service_account") - 1
        || ngx_strncmp(type.data, "service_account", type.len) != 0
        || ngx_oof_json_get_str(root, "client_email", &email) != NGX_OK
        || ngx_oof_json_get_str(root, "private_key", &pem) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not the key of a service account: it "
                           "needs \"type\", \"client_email\" and "
                           "\"private_key\"", &google->file);
        return NGX_ERROR;
    }

    if (ngx_oof_json_get_str(root, "private_key_id", &kid) != NGX_OK) {
        ngx_str_set(&kid, "");
    }

    if (ngx_oof_json_get_str(root, "token_uri", &uri) != NGX_OK) {
        ngx_str_set(&uri, NGX_OOF_GOOGLE_URI);
    }

    google->email.len = email.len;
    google->email.data = ngx_pstrdup(cf->pool, &email);
    google->kid.len = kid.len;
    google->kid.data = ngx_pstrdup(cf->pool, &kid);
    google->url.len = uri.len;
    google->url.data = ngx_pstrdup(cf->pool, &uri);

    if (google->email.data == NULL || google->kid.data == NULL
        || google->url.data == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_oof_google_key(cf, google, &pem);
}


static ngx_int_t
ngx_oof_google_key(ngx_conf_t *cf, ngx_oof_google_t *google, ngx_str_t *pem)
{
    BIO                 *bio;
    ngx_pool_cleanup_t  *cln;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (bio == NULL || cln == NULL) {
        BIO_free(bio);
        return NGX_ERROR;
    }

    google->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");

    BIO_free(bio);
    ERR_clear_error();

    cln->handler = ngx_oof_google_cleanup;
    cln->data = google;

    if (google->key == NULL
        || EVP_PKEY_get_base_id(google->key) != EVP_PKEY_RSA
        || EVP_PKEY_get_bits(google->key) < 2048)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"private_key\" in \"%V\" is no RSA key of 2048 "
                           "bits or more", &google->file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_oof_google_cleanup(void *data)
{
    ngx_oof_google_t *google = data;

    EVP_PKEY_free(google->key);
}


static ngx_int_t
ngx_oof_google_server(ngx_conf_t *cf, ngx_oof_google_t *google)
{
    u_char     *p;
    ngx_str_t   host;

    host = google->metadata;

    if (host.len == 0
        && ngx_oof_env(cf, "GCE_METADATA_HOST", &host) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (host.len == 0) {
        ngx_str_set(&host, NGX_OOF_GOOGLE_HOST);
    }

    p = ngx_pnalloc(cf->pool, sizeof("http://" NGX_OOF_GOOGLE_PATH)
                              + host.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    google->url.data = p;
    google->url.len = ngx_sprintf(p, "http://%V" NGX_OOF_GOOGLE_PATH, &host)
                      - p;

    return ngx_oof_fetch_prepare(cf, &google->url, &google->addrs);
}


void
ngx_oof_google_start(ngx_oof_google_t *google)
{
    ngx_oof_renew_t  *renew;

    if (google->source == NGX_OOF_GOOGLE_NONE) {
        return;
    }

    renew = &google->renew;

    renew->name = "tokens of Google";
    renew->owner = google;
    renew->begin = ngx_oof_google_begin;
    renew->answer = ngx_oof_google_answer;
    renew->drop = ngx_oof_google_drop;
    renew->addrs = google->addrs;

    ngx_oof_renew_start(renew);
}


void
ngx_oof_google_stop(ngx_oof_google_t *google)
{
    if (google->source != NGX_OOF_GOOGLE_NONE) {
        ngx_oof_renew_stop(&google->renew);
    }
}


ngx_int_t
ngx_oof_google_authorise(ngx_oof_google_t *google, ngx_pool_t *pool,
    ngx_array_t *headers)
{
    u_char     *p;
    ngx_str_t  *header;

    if (google->source == NGX_OOF_GOOGLE_NONE) {
        return NGX_OK;
    }

    if (!ngx_oof_renew_good(&google->renew)) {
        return NGX_DECLINED;
    }

    header = ngx_array_push(headers);
    p = ngx_pnalloc(pool, sizeof("Authorization: Bearer ")
                          + google->token.len);

    if (header == NULL || p == NULL) {
        return NGX_ERROR;
    }

    header->data = p;
    header->len = ngx_sprintf(p, "Authorization: Bearer %V", &google->token)
                  - p;

    return NGX_OK;
}


void
ngx_oof_google_refused(ngx_oof_google_t *google)
{
    if (google->source != NGX_OOF_GOOGLE_NONE) {
        ngx_oof_renew_refused(&google->renew);
    }
}


static ngx_int_t
ngx_oof_google_begin(ngx_oof_renew_t *renew, const char **why)
{
    ngx_str_t          flavour;
    ngx_oof_google_t  *google;

    google = renew->owner;

    if (google->source == NGX_OOF_GOOGLE_ACCOUNT) {
        return ngx_oof_google_assert(google, why);
    }

    ngx_str_set(&flavour, "Google");

    if (ngx_oof_renew_header(renew, "Metadata-Flavor: ", &flavour) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_renew_call(renew, "GET", &google->url, NULL);
}


static ngx_int_t
ngx_oof_google_assert(ngx_oof_google_t *google, const char **why)
{
    u_char           *p;
    ngx_str_t         type, body, text;
    ngx_oof_renew_t  *renew;

    renew = &google->renew;

    if (ngx_oof_google_assertion(google, &text) != NGX_OK) {
        *why = "an assertion cannot be signed";
        return NGX_ERROR;
    }

    p = ngx_pnalloc(renew->work, sizeof(NGX_OOF_GOOGLE_GRANT) + text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body.data = p;

    p = ngx_cpymem(p, NGX_OOF_GOOGLE_GRANT, sizeof(NGX_OOF_GOOGLE_GRANT) - 1);
    p = ngx_cpymem(p, text.data, text.len);

    body.len = p - body.data;

    ngx_str_set(&type, "application/x-www-form-urlencoded");

    if (ngx_oof_renew_header(renew, "Content-Type: ", &type) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_renew_call(renew, "POST", &google->url, &body);
}


static ngx_int_t
ngx_oof_google_assertion(ngx_oof_google_t *google, ngx_str_t *text)
{
    time_t           now;
    ngx_str_t        header, claims;
    ngx_pool_t      *pool;
    ngx_oof_json_t   w;

    pool = google->renew.work;
    now = ngx_time();

    if (ngx_oof_json_init(&w, pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "alg");
    ngx_oof_json_literal(&w, "RS256");
    ngx_oof_json_name(&w, "typ");
    ngx_oof_json_literal(&w, "JWT");

    if (google->kid.len) {
        ngx_oof_json_member(&w, "kid", &google->kid);
    }

    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &header) != NGX_OK
        || ngx_oof_json_init(&w, pool, 512) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "iss", &google->email);
    ngx_oof_json_name(&w, "scope");
    ngx_oof_json_literal(&w, NGX_OOF_GOOGLE_SCOPE);
    ngx_oof_json_member(&w, "aud", &google->url);
    ngx_oof_json_name(&w, "iat");
    ngx_oof_json_int(&w, now);
    ngx_oof_json_name(&w, "exp");
    ngx_oof_json_int(&w, now + NGX_OOF_GOOGLE_TERM);
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &claims) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_google_sign(google, &header, &claims, text);
}


static ngx_int_t
ngx_oof_google_sign(ngx_oof_google_t *google, ngx_str_t *header,
    ngx_str_t *claims, ngx_str_t *text)
{
    int          rc;
    size_t       len;
    u_char      *p;
    ngx_str_t    dst, signature;
    ngx_pool_t  *pool;
    EVP_MD_CTX  *ctx;

    pool = google->renew.work;
    len = EVP_PKEY_get_size(google->key);

    p = ngx_pnalloc(pool, ngx_base64_encoded_length(header->len) + 1
                          + ngx_base64_encoded_length(claims->len) + 1
                          + ngx_base64_encoded_length(len));
    signature.data = ngx_pnalloc(pool, len);

    if (p == NULL || signature.data == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    dst.data = p;
    ngx_encode_base64url(&dst, header);
    p += dst.len;
    *p++ = '.';

    dst.data = p;
    ngx_encode_base64url(&dst, claims);
    p += dst.len;

    rc = 0;
    ctx = EVP_MD_CTX_new();

    if (ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, google->key)
               == 1)
    {
        rc = EVP_DigestSign(ctx, signature.data, &len, text->data,
                            p - text->data);
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    if (rc != 1) {
        return NGX_ERROR;
    }

    signature.len = len;
    *p++ = '.';

    dst.data = p;
    ngx_encode_base64url(&dst, &signature);

    text->len = dst.data + dst.len - text->data;

    return NGX_OK;
}


/* both sources answer alike (RFC 6749, 5.1) */

static ngx_int_t
ngx_oof_google_answer(ngx_oof_renew_t *renew, const char **why)
{
    json_t            *root, *seconds;
    ngx_str_t          token;
    ngx_oof_google_t  *google;

    google = renew->owner;

    if (ngx_oof_json_parse(renew->work, &renew->fetch.response, &root, why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    seconds = json_object_get(root, "expires_in");

    if (!json_is_integer(seconds)
        || ngx_oof_json_get_str(root, "access_token", &token) != NGX_OK
        || !ngx_oof_renew_printable(&token))
    {
        *why = "there is no token in the answer";
        return NGX_ERROR;
    }

    renew->left = ngx_max(ngx_min(json_integer_value(seconds), 86400), 0);

    return ngx_oof_renew_keep(renew, &google->token, &token);
}


static void
ngx_oof_google_drop(ngx_oof_renew_t *renew)
{
    ngx_oof_google_t  *google;

    google = renew->owner;

    if (google->token.len) {
        OPENSSL_cleanse(google->token.data, google->token.len);
    }

    ngx_str_null(&google->token);
}
