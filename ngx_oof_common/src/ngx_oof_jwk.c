
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>


/* the keys of a set: from JWK (RFC 7517, RFC 7518 section 6) to EVP_PKEY */


#define NGX_OOF_JWK_RSA_MIN   2048
#define NGX_OOF_JWK_RSA_MAX   8192
#define NGX_OOF_JWK_E_MAX     64      /* bits of a public exponent */

/* the longest member that is decoded: n */
#define NGX_OOF_JWK_BYTES     (NGX_OOF_JWK_RSA_MAX / 8 + 3)


typedef struct {
    u_char                   data[NGX_OOF_JWK_BYTES];
    size_t                   len;
} ngx_oof_jwk_bytes_t;


static ngx_int_t ngx_oof_jwk_add(ngx_oof_jwks_t *jwks, ngx_oof_jwk_t *key,
    ngx_uint_t n, json_t *jwk, ngx_log_t *log);
static ngx_uint_t ngx_oof_jwk_usable(json_t *jwk);
static ngx_uint_t ngx_oof_jwk_is(json_t *jwk, const char *name,
    const char *value);
static ngx_int_t ngx_oof_jwk_alg(json_t *jwk, ngx_uint_t *alg);
static ngx_int_t ngx_oof_jwk_print(json_t *jwk, u_char *print);
static EVP_PKEY *ngx_oof_jwk_rsa(json_t *jwk);
static EVP_PKEY *ngx_oof_jwk_ec(json_t *jwk);
static EVP_PKEY *ngx_oof_jwk_make(const char *type, OSSL_PARAM_BLD *bld);
static ngx_int_t ngx_oof_jwk_decode(json_t *jwk, const char *name,
    ngx_oof_jwk_bytes_t *bytes);
static ngx_uint_t ngx_oof_jwk_kind(EVP_PKEY *key, ngx_uint_t alg);
static void ngx_oof_jwk_free(ngx_oof_jwk_t *keys, ngx_uint_t n);


/* of this process; 0 names no key */

static ngx_uint_t  ngx_oof_jwk_generation;


ngx_int_t
ngx_oof_jwks_load(ngx_oof_jwks_t *jwks, ngx_str_t *text, ngx_log_t *log,
    const char **why)
{
    size_t          i;
    json_t         *set, *list, *jwk;
    ngx_uint_t      n;
    json_error_t    error;
    ngx_oof_jwk_t  *keys;

    set = json_loadb((char *) text->data, text->len, JSON_REJECT_DUPLICATES,
                     &error);

    list = json_object_get(set, "keys");

    if (!json_is_array(list)) {
        json_decref(set);
        *why = "it is not a JSON object with an array \"keys\"";
        return NGX_DECLINED;
    }

    keys = ngx_calloc(sizeof(ngx_oof_jwk_t) * NGX_OOF_JWKS_KEYS, log);

    if (keys == NULL) {
        json_decref(set);
        *why = "no memory";
        return NGX_DECLINED;
    }

    n = 0;

    json_array_foreach(list, i, jwk) {

        if (n == NGX_OOF_JWKS_KEYS) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "keys of \"%V\" beyond the first %d are ignored",
                          &jwks->url, NGX_OOF_JWKS_KEYS);
            break;
        }

        if (ngx_oof_jwk_add(jwks, keys, n, jwk, log) == NGX_OK) {
            n++;
        }
    }

    json_decref(set);

    if (n == 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "no key of \"%V\" can verify a signature", &jwks->url);
    }

    ngx_oof_jwk_free(jwks->keys, jwks->nkeys);

    jwks->keys = keys;
    jwks->nkeys = n;
    jwks->loaded = 1;

    return NGX_OK;
}


void
ngx_oof_jwks_unload(ngx_oof_jwks_t *jwks)
{
    ngx_oof_jwk_free(jwks->keys, jwks->nkeys);

    jwks->keys = NULL;
    jwks->nkeys = 0;
    jwks->loaded = 0;
}


EVP_PKEY *
ngx_oof_jwks_find(ngx_oof_jwks_t *jwks, ngx_str_t *kid, ngx_uint_t alg,
    ngx_uint_t *generation)
{
    ngx_uint_t      i;
    ngx_oof_jwk_t  *key;

    for (i = 0; i < jwks->nkeys; i++) {
        key = &jwks->keys[i];

        if (key->kid.len == kid->len
            && ngx_memcmp(key->kid.data, kid->data, kid->len) == 0
            && (key->alg == 0 || key->alg == alg)
            && ngx_oof_jwk_kind(key->key, alg))
        {
            *generation = key->generation;
            return key->key;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_oof_jwks_current(ngx_oof_jwks_t *jwks, ngx_uint_t generation)
{
    ngx_uint_t  i;

    for (i = 0; i < jwks->nkeys; i++) {
        if (jwks->keys[i].generation == generation) {
            return 1;
        }
    }

    return 0;
}


/* adds "jwk" as the n-th key; NGX_DECLINED when it is not for us */

static ngx_int_t
ngx_oof_jwk_add(ngx_oof_jwks_t *jwks, ngx_oof_jwk_t *keys, ngx_uint_t n,
    json_t *jwk, ngx_log_t *log)
{
    json_t         *kid;
    ngx_str_t       name;
    ngx_uint_t      i;
    ngx_oof_jwk_t  *key;

    key = &keys[n];
    ngx_memzero(key, sizeof(ngx_oof_jwk_t));

    if (!ngx_oof_jwk_usable(jwk)
        || ngx_oof_jwk_alg(jwk, &key->alg) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    kid = json_object_get(jwk, "kid");

    name.data = (u_char *) json_string_value(kid);
    name.len = json_string_length(kid);

    for (i = 0; i < n; i++) {
        if (keys[i].kid.len == name.len
            && ngx_memcmp(keys[i].kid.data, name.data, name.len) == 0
            && keys[i].alg == key->alg)
        {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "a second key \"%V\" of \"%V\" is ignored",
                          &name, &jwks->url);
            return NGX_DECLINED;
        }
    }

    if (ngx_oof_jwk_print(jwk, key->print) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (i = 0; i < jwks->nkeys; i++) {
        if (ngx_memcmp(jwks->keys[i].print, key->print, 32) == 0) {
            key->key = jwks->keys[i].key;
            key->generation = jwks->keys[i].generation;
            EVP_PKEY_up_ref(key->key);
            break;
        }
    }

    if (key->key == NULL) {
        key->key = ngx_oof_jwk_is(jwk, "kty", "RSA") ? ngx_oof_jwk_rsa(jwk)
                                                     : ngx_oof_jwk_ec(jwk);
        ERR_clear_error();
    }

    if (key->key == NULL) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "key \"%V\" of \"%V\" is ignored: it must be RSA of %d "
                      "to %d bits or a point of P-256",
                      &name, &jwks->url, NGX_OOF_JWK_RSA_MIN,
                      NGX_OOF_JWK_RSA_MAX);
        return NGX_DECLINED;
    }

    key->kid.data = ngx_alloc(name.len + 1, log);

    if (key->kid.data == NULL) {
        EVP_PKEY_free(key->key);
        key->key = NULL;
        return NGX_ERROR;
    }

    ngx_memcpy(key->kid.data, name.data, name.len);
    key->kid.len = name.len;

    if (key->generation == 0) {
        key->generation = ++ngx_oof_jwk_generation;
    }

    return NGX_OK;
}


/* a public key for signatures that has a name */

static ngx_uint_t
ngx_oof_jwk_usable(json_t *jwk)
{
    size_t   i;
    json_t  *kid, *ops, *op;

    kid = json_object_get(jwk, "kid");

    if (!json_is_string(kid) || json_string_length(kid) == 0
        || json_string_length(kid) > NGX_OOF_JWS_KID)
    {
        return 0;
    }

    if (!ngx_oof_jwk_is(jwk, "kty", "RSA")
        && !ngx_oof_jwk_is(jwk, "kty", "EC"))
    {
        return 0;
    }

    if (json_object_get(jwk, "use") != NULL
        && !ngx_oof_jwk_is(jwk, "use", "sig"))
    {
        return 0;
    }

    /* who publishes the private half too has no secret any more */

    if (json_object_get(jwk, "d") != NULL) {
        return 0;
    }

    ops = json_object_get(jwk, "key_ops");

    if (ops == NULL) {
        return 1;
    }

    json_array_foreach(ops, i, op) {
        if (json_is_string(op)
            && ngx_strcmp(json_string_value(op), "verify") == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_oof_jwk_is(json_t *jwk, const char *name, const char *value)
{
    json_t  *member;

    member = json_object_get(jwk, name);

    return json_is_string(member)
           && ngx_strcmp(json_string_value(member), value) == 0;
}


static ngx_int_t
ngx_oof_jwk_alg(json_t *jwk, ngx_uint_t *alg)
{
    json_t     *member;
    ngx_str_t   name;

    *alg = 0;

    member = json_object_get(jwk, "alg");

    if (member == NULL) {
        return NGX_OK;
    }

    if (!json_is_string(member)) {
        return NGX_DECLINED;
    }

    name.data = (u_char *) json_string_value(member);
    name.len = json_string_length(member);

    *alg = ngx_oof_jws_alg(&name);

    return *alg ? NGX_OK : NGX_DECLINED;
}


/* two keys of one print are the same key for the same use */

static ngx_int_t
ngx_oof_jwk_print(json_t *jwk, u_char *print)
{
    int                  rc;
    json_t              *member;
    EVP_MD_CTX          *ctx;
    unsigned int         len;
    const char         **name;
    static const char   *names[] = { "kty", "kid", "alg", "n", "e", "crv",
                                     "x", "y", NULL };

    ctx = EVP_MD_CTX_new();
    rc = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    for (name = names; rc && *name; name++) {
        member = json_object_get(jwk, *name);

        rc = EVP_DigestUpdate(ctx, *name, ngx_strlen(*name) + 1) == 1;

        if (rc && json_is_string(member)) {
            rc = EVP_DigestUpdate(ctx, json_string_value(member),
                                  json_string_length(member) + 1) == 1;
        }
    }

    rc = rc && EVP_DigestFinal_ex(ctx, print, &len) == 1;

    EVP_MD_CTX_free(ctx);

    return rc ? NGX_OK : NGX_ERROR;
}


static EVP_PKEY *
ngx_oof_jwk_rsa(json_t *jwk)
{
    BIGNUM               *n, *e;
    EVP_PKEY             *key;
    OSSL_PARAM_BLD       *bld;
    ngx_oof_jwk_bytes_t   modulus, exponent;

    if (ngx_oof_jwk_decode(jwk, "n", &modulus) != NGX_OK
        || ngx_oof_jwk_decode(jwk, "e", &exponent) != NGX_OK)
    {
        return NULL;
    }

    key = NULL;

    n = BN_bin2bn(modulus.data, modulus.len, NULL);
    e = BN_bin2bn(exponent.data, exponent.len, NULL);
    bld = OSSL_PARAM_BLD_new();

    if (n && e && bld
        && BN_num_bits(n) >= NGX_OOF_JWK_RSA_MIN
        && BN_num_bits(n) <= NGX_OOF_JWK_RSA_MAX && BN_is_odd(n)
        && BN_num_bits(e) >= 2 && BN_num_bits(e) <= NGX_OOF_JWK_E_MAX
        && BN_is_odd(e)
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    {
        key = ngx_oof_jwk_make("RSA", bld);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);

    return key;
}


static EVP_PKEY *
ngx_oof_jwk_ec(json_t *jwk)
{
    u_char                point[65];
    EVP_PKEY             *key;
    OSSL_PARAM_BLD       *bld;
    ngx_oof_jwk_bytes_t   x, y;

    if (!ngx_oof_jwk_is(jwk, "crv", "P-256")
        || ngx_oof_jwk_decode(jwk, "x", &x) != NGX_OK || x.len != 32
        || ngx_oof_jwk_decode(jwk, "y", &y) != NGX_OK || y.len != 32)
    {
        return NULL;
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    ngx_memcpy(point + 1, x.data, 32);
    ngx_memcpy(point + 33, y.data, 32);

    key = NULL;

    bld = OSSL_PARAM_BLD_new();

    if (bld
        && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           "prime256v1", 0) == 1
        && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, sizeof(point)) == 1)
    {
        /* a point that is not on the curve is refused here */

        key = ngx_oof_jwk_make("EC", bld);
    }

    OSSL_PARAM_BLD_free(bld);

    return key;
}


static EVP_PKEY *
ngx_oof_jwk_make(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY      *key;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    key = NULL;

    params = OSSL_PARAM_BLD_to_param(bld);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        key = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return key;
}


static ngx_int_t
ngx_oof_jwk_decode(json_t *jwk, const char *name, ngx_oof_jwk_bytes_t *bytes)
{
    json_t     *member;
    ngx_str_t   src, dst;

    member = json_object_get(jwk, name);

    if (!json_is_string(member)) {
        return NGX_DECLINED;
    }

    src.data = (u_char *) json_string_value(member);
    src.len = json_string_length(member);

    if (src.len == 0
        || ngx_base64_decoded_length(src.len) > NGX_OOF_JWK_BYTES)
    {
        return NGX_DECLINED;
    }

    dst.data = bytes->data;

    if (ngx_oof_base64url_decode(&dst, &src) != NGX_OK) {
        return NGX_DECLINED;
    }

    bytes->len = dst.len;

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_jwk_kind(EVP_PKEY *key, ngx_uint_t alg)
{
    int  type;

    type = EVP_PKEY_get_base_id(key);

    return alg == NGX_OOF_ALG_ES256 ? type == EVP_PKEY_EC
                                    : type == EVP_PKEY_RSA;
}


static void
ngx_oof_jwk_free(ngx_oof_jwk_t *keys, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_free(keys[i].kid.data);
        EVP_PKEY_free(keys[i].key);
    }

    if (keys) {
        ngx_free(keys);
    }
}
