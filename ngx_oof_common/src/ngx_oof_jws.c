
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>

#include <openssl/core_names.h>


/*
 * Headers that were found good before, and contexts that are ready to verify:
 * senders have few of either.  A context holds its key, so that no other one
 * can be at its address.
 */

#define NGX_OOF_JWS_KNOWN       64
#define NGX_OOF_JWS_KNOWN_SIZE  384


typedef struct {
    size_t                   len;        /* 0: none */
    ngx_uint_t               alg;
    size_t                   kid;        /* length; both follow the text */
    size_t                   typ;
    u_char                   text[NGX_OOF_JWS_KNOWN_SIZE];
} ngx_oof_jws_header_t;


typedef struct {
    EVP_PKEY                *key;
    EVP_MD_CTX              *ctx;
    ngx_uint_t               alg;
} ngx_oof_jws_verifier_t;


static ngx_int_t ngx_oof_jws_decode(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static ngx_int_t ngx_oof_jws_header(ngx_pool_t *pool, ngx_str_t *text,
    ngx_oof_jws_t *jws, const char **why);
static ngx_int_t ngx_oof_jws_known(ngx_pool_t *pool,
    ngx_oof_jws_header_t *known, ngx_oof_jws_t *jws);
static void ngx_oof_jws_know(ngx_oof_jws_header_t *known, ngx_str_t *text,
    ngx_oof_jws_t *jws);
static ngx_int_t ngx_oof_jws_members(ngx_pool_t *pool, json_t *header,
    ngx_oof_jws_t *jws, const char **why);
static ngx_int_t ngx_oof_jws_member(ngx_pool_t *pool, json_t *header,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_oof_jws_fits(EVP_PKEY *key, ngx_uint_t alg);
static EVP_MD_CTX *ngx_oof_jws_verifier(EVP_PKEY *key, ngx_uint_t alg);
static ngx_int_t ngx_oof_jws_pss(EVP_PKEY_CTX *pctx);
static u_char *ngx_oof_jws_der(ngx_str_t *signature, int *len);
static u_char *ngx_oof_jws_write_header(u_char *p, ngx_str_t *kid);


/* members that would let the sender say how it is to be verified */

static const char  *ngx_oof_jws_refused[] = {
    "crit", "b64", "x5u", "x5c", "jku", "jwk", NULL
};


/* values of the characters; XX: it is none */

#define XX  0x80

static u_char  ngx_oof_base64url[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, 62, XX, XX,
    52, 53, 54, 55, 56, 57, 58, 59,
    60, 61, XX, XX, XX, XX, XX, XX,
    XX,  0,  1,  2,  3,  4,  5,  6,
     7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, XX, XX, XX, XX, 63,
    XX, 26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX
};


static ngx_oof_jws_header_t    ngx_oof_jws_headers[NGX_OOF_JWS_KNOWN];
static ngx_oof_jws_verifier_t  ngx_oof_jws_verifiers[NGX_OOF_JWS_KNOWN];


ngx_uint_t
ngx_oof_jws_alg(ngx_str_t *name)
{
    if (name->len != 5) {
        return 0;
    }

    if (ngx_strncmp(name->data, "PS256", 5) == 0) {
        return NGX_OOF_ALG_PS256;
    }

    if (ngx_strncmp(name->data, "RS256", 5) == 0) {
        return NGX_OOF_ALG_RS256;
    }

    if (ngx_strncmp(name->data, "ES256", 5) == 0) {
        return NGX_OOF_ALG_ES256;
    }

    return 0;
}


/*
 * nginx's own decoder takes padding, and takes bits that nobody wrote: two
 * texts would then be one token.
 */

ngx_int_t
ngx_oof_base64url_decode(ngx_str_t *dst, ngx_str_t *src)
{
    size_t   len;
    u_char   a, b, c, d, *p, *q;

    p = src->data;
    q = dst->data;

    for (len = src->len; len >= 4; len -= 4) {
        a = ngx_oof_base64url[p[0]];
        b = ngx_oof_base64url[p[1]];
        c = ngx_oof_base64url[p[2]];
        d = ngx_oof_base64url[p[3]];

        if ((a | b | c | d) & XX) {
            return NGX_DECLINED;
        }

        *q++ = (u_char) (a << 2 | b >> 4);
        *q++ = (u_char) (b << 4 | c >> 2);
        *q++ = (u_char) (c << 6 | d);

        p += 4;
    }

    if (len == 1) {
        return NGX_DECLINED;
    }

    if (len) {
        a = ngx_oof_base64url[p[0]];
        b = ngx_oof_base64url[p[1]];
        c = (len == 3) ? ngx_oof_base64url[p[2]] : 0;

        /* and no bits are left over */

        if (((a | b | c) & XX) || (len == 3 ? c & 0x03 : b & 0x0f)) {
            return NGX_DECLINED;
        }

        *q++ = (u_char) (a << 2 | b >> 4);

        if (len == 3) {
            *q++ = (u_char) (b << 4 | c >> 2);
        }
    }

    dst->len = q - dst->data;

    return NGX_OK;
}


ngx_int_t
ngx_oof_jws_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_oof_jws_t *jws,
    const char **why)
{
    u_char     *first, *second, *last;
    ngx_int_t   rc;
    ngx_str_t   header, part;

    ngx_memzero(jws, sizeof(ngx_oof_jws_t));

    last = text->data + text->len;

    first = ngx_strlchr(text->data, last, '.');
    second = first ? ngx_strlchr(first + 1, last, '.') : NULL;

    if (second == NULL || ngx_strlchr(second + 1, last, '.') != NULL) {
        *why = "it has not three parts";
        return NGX_DECLINED;
    }

    jws->signing_input.data = text->data;
    jws->signing_input.len = second - text->data;

    header.data = text->data;
    header.len = first - text->data;

    if (header.len == 0
        || header.len > ngx_base64_encoded_length(NGX_OOF_JWS_HEADER))
    {
        *why = "its header is empty or too long";
        return NGX_DECLINED;
    }

    rc = ngx_oof_jws_header(pool, &header, jws, why);

    if (rc != NGX_OK) {
        return rc;
    }

    part.data = first + 1;
    part.len = second - part.data;

    rc = ngx_oof_jws_decode(pool, &jws->payload, &part);

    if (rc != NGX_OK) {
        *why = "its payload is not base64url";
        return rc;
    }

    part.data = second + 1;
    part.len = last - part.data;

    rc = ngx_oof_jws_decode(pool, &jws->signature, &part);

    if (rc != NGX_OK) {
        *why = "its signature is missing or not base64url";
        return rc;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_jws_decode(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    if (src->len == 0) {
        return NGX_DECLINED;
    }

    dst->data = ngx_pnalloc(pool, ngx_base64_decoded_length(src->len));
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_oof_base64url_decode(dst, src);
}


static ngx_int_t
ngx_oof_jws_header(ngx_pool_t *pool, ngx_str_t *text, ngx_oof_jws_t *jws,
    const char **why)
{
    json_t                *header;
    ngx_int_t              rc;
    ngx_str_t              json;
    json_error_t           error;
    ngx_oof_jws_header_t  *known;
    u_char                 buf[ngx_base64_decoded_length(
                               ngx_base64_encoded_length(NGX_OOF_JWS_HEADER))];

    known = &ngx_oof_jws_headers[ngx_murmur_hash2(text->data, text->len)
                                 % NGX_OOF_JWS_KNOWN];

    if (known->len == text->len
        && ngx_memcmp(known->text, text->data, text->len) == 0)
    {
        return ngx_oof_jws_known(pool, known, jws);
    }

    json.data = buf;

    if (ngx_oof_base64url_decode(&json, text) != NGX_OK) {
        *why = "its header is not base64url";
        return NGX_DECLINED;
    }

    header = json_loadb((char *) json.data, json.len, JSON_REJECT_DUPLICATES,
                        &error);

    if (!json_is_object(header)) {
        json_decref(header);
        *why = "its header is not a JSON object";
        return NGX_DECLINED;
    }

    rc = ngx_oof_jws_members(pool, header, jws, why);

    json_decref(header);

    if (rc == NGX_OK) {
        ngx_oof_jws_know(known, text, jws);
    }

    return rc;
}


static ngx_int_t
ngx_oof_jws_known(ngx_pool_t *pool, ngx_oof_jws_header_t *known,
    ngx_oof_jws_t *jws)
{
    u_char  *p;

    p = ngx_pnalloc(pool, known->kid + known->typ + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, known->text + known->len, known->kid + known->typ);

    jws->alg = known->alg;
    jws->kid.data = p;
    jws->kid.len = known->kid;
    jws->typ.data = p + known->kid;
    jws->typ.len = known->typ;

    return NGX_OK;
}


static void
ngx_oof_jws_know(ngx_oof_jws_header_t *known, ngx_str_t *text,
    ngx_oof_jws_t *jws)
{
    u_char  *p;

    if (text->len + jws->kid.len + jws->typ.len > NGX_OOF_JWS_KNOWN_SIZE) {
        return;
    }

    known->len = text->len;
    known->alg = jws->alg;
    known->kid = jws->kid.len;
    known->typ = jws->typ.len;

    p = ngx_cpymem(known->text, text->data, text->len);

    if (jws->kid.len) {
        p = ngx_cpymem(p, jws->kid.data, jws->kid.len);
    }

    if (jws->typ.len) {
        ngx_memcpy(p, jws->typ.data, jws->typ.len);
    }
}


static ngx_int_t
ngx_oof_jws_members(ngx_pool_t *pool, json_t *header, ngx_oof_jws_t *jws,
    const char **why)
{
    ngx_int_t    rc;
    ngx_str_t    alg;
    ngx_uint_t   i;
    json_t      *value;

    for (i = 0; ngx_oof_jws_refused[i]; i++) {
        if (json_object_get(header, ngx_oof_jws_refused[i]) != NULL) {
            *why = "its header has crit, b64, x5u, x5c, jku or jwk";
            return NGX_DECLINED;
        }
    }

    value = json_object_get(header, "alg");

    if (!json_is_string(value)) {
        *why = "its header has no alg";
        return NGX_DECLINED;
    }

    alg.data = (u_char *) json_string_value(value);
    alg.len = json_string_length(value);

    jws->alg = ngx_oof_jws_alg(&alg);

    rc = ngx_oof_jws_member(pool, header, "kid", &jws->kid);

    if (rc == NGX_OK) {
        rc = ngx_oof_jws_member(pool, header, "typ", &jws->typ);
    }

    if (rc == NGX_DECLINED) {
        *why = "kid or typ of its header is not a short string";
    }

    return rc;
}


static ngx_int_t
ngx_oof_jws_member(ngx_pool_t *pool, json_t *header, const char *name,
    ngx_str_t *value)
{
    json_t  *member;

    member = json_object_get(header, name);

    if (member == NULL) {
        return NGX_OK;
    }

    if (!json_is_string(member)
        || json_string_length(member) > NGX_OOF_JWS_KID)
    {
        return NGX_DECLINED;
    }

    value->len = json_string_length(member);
    value->data = ngx_pnalloc(pool, value->len + 1);

    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value->data, json_string_value(member), value->len);

    return NGX_OK;
}


ngx_int_t
ngx_oof_jws_verify(ngx_oof_jws_t *jws, EVP_PKEY *key, ngx_uint_t alg)
{
    int            len, rc;
    u_char        *der;
    EVP_MD_CTX    *ctx, *verifier;
    const u_char  *signature;

    if (jws->alg == 0 || jws->alg != alg
        || ngx_oof_jws_fits(key, alg) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    der = NULL;
    signature = jws->signature.data;
    len = jws->signature.len;

    if (alg == NGX_OOF_ALG_ES256) {
        der = ngx_oof_jws_der(&jws->signature, &len);

        if (der == NULL) {
            return NGX_DECLINED;
        }

        signature = der;
    }

    rc = 0;

    ctx = EVP_MD_CTX_new();
    verifier = ngx_oof_jws_verifier(key, alg);

    if (ctx && verifier && EVP_MD_CTX_copy_ex(ctx, verifier) == 1) {
        rc = EVP_DigestVerify(ctx, signature, len, jws->signing_input.data,
                              jws->signing_input.len);
    }

    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);

    /* nginx takes what is left in the queue for an error of a connection */

    ERR_clear_error();

    return rc == 1 ? NGX_OK : NGX_DECLINED;
}


/* to be copied: a context that has verified is used up */

static EVP_MD_CTX *
ngx_oof_jws_verifier(EVP_PKEY *key, ngx_uint_t alg)
{
    EVP_MD_CTX              *ctx;
    EVP_PKEY_CTX            *pctx;
    ngx_oof_jws_verifier_t  *v;

    v = &ngx_oof_jws_verifiers[((uintptr_t) key >> 4) % NGX_OOF_JWS_KNOWN];

    if (v->ctx && v->key == key && v->alg == alg) {
        return v->ctx;
    }

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, key) != 1
        || (alg == NGX_OOF_ALG_PS256 && ngx_oof_jws_pss(pctx) != NGX_OK))
    {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }

    EVP_MD_CTX_free(v->ctx);

    v->key = key;
    v->alg = alg;
    v->ctx = ctx;

    return ctx;
}


static ngx_int_t
ngx_oof_jws_fits(EVP_PKEY *key, ngx_uint_t alg)
{
    int  type;

    type = EVP_PKEY_get_base_id(key);

    if (alg == NGX_OOF_ALG_ES256) {
        return type == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256
               ? NGX_OK : NGX_DECLINED;
    }

    return type == EVP_PKEY_RSA ? NGX_OK : NGX_DECLINED;
}


/*
 * RFC 7518, 3.5: MGF1 with the same digest (OpenSSL's default) and a salt of
 * the digest's size, which a verifier must ask for: left alone it takes any.
 */

static ngx_int_t
ngx_oof_jws_pss(EVP_PKEY_CTX *pctx)
{
    if (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
        || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* JWS has r and s in 32 bytes each (RFC 7518, 3.4), OpenSSL wants DER */

static u_char *
ngx_oof_jws_der(ngx_str_t *signature, int *len)
{
    u_char     *der;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    if (signature->len != 64) {
        return NULL;
    }

    der = NULL;

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(signature->data, 32, NULL);
    s = BN_bin2bn(signature->data + 32, 32, NULL);

    if (sig == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);

    } else {
        *len = i2d_ECDSA_SIG(sig, &der);

        if (*len <= 0) {
            der = NULL;
        }
    }

    ECDSA_SIG_free(sig);

    return der;
}


EVP_MD_CTX *
ngx_oof_jws_signer(EVP_PKEY *key)
{
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    if (ngx_oof_jws_fits(key, NGX_OOF_ALG_RS256) != NGX_OK) {
        return NULL;
    }

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key) != 1
        || ngx_oof_jws_pss(pctx) != NGX_OK)
    {
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return NULL;
    }

    return ctx;
}


ngx_int_t
ngx_oof_jws_sign(ngx_pool_t *pool, EVP_MD_CTX *signer, ngx_str_t *kid,
    ngx_str_t *payload, ngx_str_t *text)
{
    int          rc;
    size_t       size, len;
    u_char      *header, *signature;
    ngx_str_t    src, dst;
    EVP_MD_CTX  *ctx;

    if (signer == NULL) {
        return NGX_ERROR;
    }

    len = EVP_PKEY_get_size(EVP_PKEY_CTX_get0_pkey(
                                EVP_MD_CTX_get_pkey_ctx(signer)));

    header = ngx_pnalloc(pool, sizeof("{'alg':'PS256','kid':'','typ':'JWT'}")
                               + kid->len
                               + ngx_escape_json(NULL, kid->data, kid->len)
                               + len);
    if (header == NULL) {
        return NGX_ERROR;
    }

    src.data = header;
    src.len = ngx_oof_jws_write_header(header, kid) - header;

    signature = header + src.len;

    size = ngx_base64_encoded_length(src.len) + 1
           + ngx_base64_encoded_length(payload->len) + 1
           + ngx_base64_encoded_length(len);

    text->data = ngx_pnalloc(pool, size);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    dst.data = text->data;
    ngx_encode_base64url(&dst, &src);
    dst.data[dst.len++] = '.';
    text->len = dst.len;

    dst.data = text->data + text->len;
    ngx_encode_base64url(&dst, payload);
    text->len += dst.len;

    rc = 0;

    ctx = EVP_MD_CTX_new();

    if (ctx && EVP_MD_CTX_copy_ex(ctx, signer) == 1) {
        rc = EVP_DigestSign(ctx, signature, &len, text->data, text->len);
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    if (rc != 1) {
        return NGX_ERROR;
    }

    src.data = signature;
    src.len = len;

    text->data[text->len++] = '.';

    dst.data = text->data + text->len;
    ngx_encode_base64url(&dst, &src);
    text->len += dst.len;

    return NGX_OK;
}


static u_char *
ngx_oof_jws_write_header(u_char *p, ngx_str_t *kid)
{
    p = ngx_cpymem(p, "{\"alg\":\"PS256\",\"kid\":\"",
                   sizeof("{\"alg\":\"PS256\",\"kid\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, kid->data, kid->len);

    return ngx_cpymem(p, "\",\"typ\":\"JWT\"}",
                      sizeof("\",\"typ\":\"JWT\"}") - 1);
}
