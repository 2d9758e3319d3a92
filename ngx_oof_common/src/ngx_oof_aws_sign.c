
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_aws.h>


/* Signature Version 4 of AWS, with the signature in a header */


#define NGX_OOF_AWS_HASH     32      /* SHA-256 */
#define NGX_OOF_AWS_DATE     16      /* "20150830T123600Z" */
#define NGX_OOF_AWS_SECRET   256     /* the longest secret */
#define NGX_OOF_AWS_HEADERS  16      /* of a call, at most */

#define NGX_OOF_AWS_SCHEME   "AWS4-HMAC-SHA256"
#define NGX_OOF_AWS_END      "aws4_request"


/* a header as it is signed; its name is in lower case */

typedef struct {
    ngx_str_t                name;
    ngx_str_t                value;
} ngx_oof_aws_header_t;


typedef struct {
    ngx_pool_t              *pool;
    ngx_oof_aws_call_t      *call;
    ngx_oof_aws_header_t     headers[NGX_OOF_AWS_HEADERS];
    ngx_uint_t               n;
    size_t                   size;       /* of names and values */
    ngx_str_t                names;      /* "host;x-amz-date" */
    ngx_str_t                scope;
    u_char                   date[NGX_OOF_AWS_DATE];
} ngx_oof_aws_signing_t;


static ngx_int_t ngx_oof_aws_add(ngx_pool_t *pool, ngx_array_t *headers,
    const char *name, u_char *value, size_t len);
static ngx_int_t ngx_oof_aws_collect(ngx_oof_aws_signing_t *s,
    ngx_array_t *headers);
static ngx_int_t ngx_oof_aws_insert(ngx_oof_aws_signing_t *s,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_oof_aws_canonical(ngx_oof_aws_signing_t *s,
    u_char *hash);
static ngx_int_t ngx_oof_aws_signature(ngx_oof_aws_signing_t *s,
    ngx_oof_aws_keys_t *keys, u_char *canonical, u_char *signature);
static ngx_int_t ngx_oof_aws_hash(ngx_str_t *text, u_char *hash);
static ngx_int_t ngx_oof_aws_hmac(u_char *key, size_t size, u_char *data,
    size_t len, u_char *out);


ngx_int_t
ngx_oof_aws_sign(ngx_pool_t *pool, ngx_oof_aws_call_t *call,
    ngx_oof_aws_keys_t *keys, ngx_array_t *headers)
{
    u_char                 *p, *last;
    ngx_tm_t                tm;
    ngx_oof_aws_signing_t   s;
    u_char                  canonical[NGX_OOF_AWS_HASH];
    u_char                  signature[NGX_OOF_AWS_HASH];

    ngx_memzero(&s, sizeof(ngx_oof_aws_signing_t));

    s.pool = pool;
    s.call = call;

    ngx_gmtime(call->time, &tm);

    ngx_sprintf(s.date, "%4d%02d%02dT%02d%02d%02dZ", tm.ngx_tm_year,
                tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour, tm.ngx_tm_min,
                tm.ngx_tm_sec);

    if (ngx_oof_aws_add(pool, headers, "X-Amz-Date", s.date,
                        NGX_OOF_AWS_DATE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (keys->token.len
        && ngx_oof_aws_add(pool, headers, "X-Amz-Security-Token",
                           keys->token.data, keys->token.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_aws_collect(&s, headers) != NGX_OK
        || ngx_oof_aws_canonical(&s, canonical) != NGX_OK
        || ngx_oof_aws_signature(&s, keys, canonical, signature) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, sizeof(NGX_OOF_AWS_SCHEME " Credential=/, "
                                 "SignedHeaders=, Signature=") - 1
                          + keys->id.len + s.scope.len + s.names.len
                          + NGX_OOF_AWS_HASH * 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(p, NGX_OOF_AWS_SCHEME " Credential=%V/%V, "
                       "SignedHeaders=%V, Signature=",
                       &keys->id, &s.scope, &s.names);
    last = ngx_hex_dump(last, signature, NGX_OOF_AWS_HASH);

    return ngx_oof_aws_add(pool, headers, "Authorization", p, last - p);
}


static ngx_int_t
ngx_oof_aws_add(ngx_pool_t *pool, ngx_array_t *headers, const char *name,
    u_char *value, size_t len)
{
    u_char     *p;
    ngx_str_t  *header;

    header = ngx_array_push(headers);
    if (header == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, ngx_strlen(name) + 2 + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    header->data = p;

    p = ngx_sprintf(p, "%s: ", name);
    p = ngx_cpymem(p, value, len);

    header->len = p - header->data;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_aws_collect(ngx_oof_aws_signing_t *s, ngx_array_t *headers)
{
    u_char      *colon, *last, *p;
    ngx_str_t    name, value, *header;
    ngx_uint_t   i;

    ngx_str_set(&name, "host");

    if (ngx_oof_aws_insert(s, &name, &s->call->host) != NGX_OK) {
        return NGX_ERROR;
    }

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        last = header[i].data + header[i].len;
        colon = ngx_strlchr(header[i].data, last, ':');

        if (colon == NULL) {
            return NGX_ERROR;
        }

        name.len = colon - header[i].data;
        name.data = ngx_pnalloc(s->pool, name.len);

        if (name.data == NULL) {
            return NGX_ERROR;
        }

        ngx_strlow(name.data, header[i].data, name.len);

        for (p = colon + 1; p < last && *p == ' '; p++) { /* void */ }

        value.data = p;
        value.len = last - p;

        if (ngx_oof_aws_insert(s, &name, &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    p = ngx_pnalloc(s->pool, s->size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->names.data = p;

    for (i = 0; i < s->n; i++) {
        p = ngx_sprintf(p, "%s%V", i ? ";" : "", &s->headers[i].name);
    }

    s->names.len = p - s->names.data;

    return NGX_OK;
}


/* by name */

static ngx_int_t
ngx_oof_aws_insert(ngx_oof_aws_signing_t *s, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t             i;
    ngx_oof_aws_header_t  *h;

    if (s->n == NGX_OOF_AWS_HEADERS) {
        return NGX_ERROR;
    }

    h = s->headers;

    for (i = s->n; i; i--) {

        if (ngx_memn2cmp(h[i - 1].name.data, name->data, h[i - 1].name.len,
                         name->len)
            < 0)
        {
            break;
        }

        h[i] = h[i - 1];
    }

    h[i].name = *name;
    h[i].value = *value;

    s->n++;
    s->size += name->len + value->len + sizeof(":\n") - 1;

    return NGX_OK;
}


/* the hash of the canonical request */

static ngx_int_t
ngx_oof_aws_canonical(ngx_oof_aws_signing_t *s, u_char *hash)
{
    u_char              *p;
    ngx_str_t            text;
    ngx_uint_t           i;
    ngx_oof_aws_call_t  *call;

    call = s->call;

    if (ngx_oof_aws_hash(&call->body, hash) != NGX_OK) {
        return NGX_ERROR;
    }

    text.data = ngx_pnalloc(s->pool, call->method.len + call->path.len
                                     + call->query.len + s->size
                                     + s->names.len + sizeof("\n\n\n\n\n") - 1
                                     + NGX_OOF_AWS_HASH * 2);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text.data, "%V\n%V\n%V\n", &call->method, &call->path,
                    &call->query);

    for (i = 0; i < s->n; i++) {
        p = ngx_sprintf(p, "%V:%V\n", &s->headers[i].name,
                        &s->headers[i].value);
    }

    p = ngx_sprintf(p, "\n%V\n", &s->names);
    p = ngx_hex_dump(p, hash, NGX_OOF_AWS_HASH);

    text.len = p - text.data;

    return ngx_oof_aws_hash(&text, hash);
}


static ngx_int_t
ngx_oof_aws_signature(ngx_oof_aws_signing_t *s, ngx_oof_aws_keys_t *keys,
    u_char *canonical, u_char *signature)
{
    u_char     *p, *text;
    size_t      len;
    ngx_int_t   rc;
    ngx_str_t  *region, *service;
    u_char      secret[sizeof("AWS4") - 1 + NGX_OOF_AWS_SECRET];
    u_char      key[NGX_OOF_AWS_HASH];

    region = &s->call->region;
    service = &s->call->service;

    if (keys->secret.len > NGX_OOF_AWS_SECRET) {
        return NGX_ERROR;
    }

    len = sizeof(NGX_OOF_AWS_SCHEME "\n\n20150830///" NGX_OOF_AWS_END "\n") - 1
          + NGX_OOF_AWS_DATE + region->len + service->len
          + NGX_OOF_AWS_HASH * 2;

    text = ngx_pnalloc(s->pool, len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text, NGX_OOF_AWS_SCHEME "\n",
                   sizeof(NGX_OOF_AWS_SCHEME "\n") - 1);
    p = ngx_cpymem(p, s->date, NGX_OOF_AWS_DATE);
    *p++ = '\n';

    s->scope.data = p;

    p = ngx_cpymem(p, s->date, 8);
    p = ngx_sprintf(p, "/%V/%V/" NGX_OOF_AWS_END, region, service);

    s->scope.len = p - s->scope.data;

    *p++ = '\n';
    p = ngx_hex_dump(p, canonical, NGX_OOF_AWS_HASH);

    p = ngx_cpymem(secret, "AWS4", 4);
    ngx_memcpy(p, keys->secret.data, keys->secret.len);

    rc = NGX_ERROR;

    if (ngx_oof_aws_hmac(secret, 4 + keys->secret.len, s->date, 8, key)
        == NGX_OK
        && ngx_oof_aws_hmac(key, sizeof(key), region->data, region->len, key)
           == NGX_OK
        && ngx_oof_aws_hmac(key, sizeof(key), service->data, service->len, key)
           == NGX_OK
        && ngx_oof_aws_hmac(key, sizeof(key), (u_char *) NGX_OOF_AWS_END,
                            sizeof(NGX_OOF_AWS_END) - 1, key)
           == NGX_OK)
    {
        rc = ngx_oof_aws_hmac(key, sizeof(key), text,
                              s->scope.data + s->scope.len + 1
                              + NGX_OOF_AWS_HASH * 2 - text, signature);
    }

    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(key, sizeof(key));

    return rc;
}


static ngx_int_t
ngx_oof_aws_hash(ngx_str_t *text, u_char *hash)
{
    if (EVP_Digest(text->data, text->len, hash, NULL, EVP_sha256(), NULL)
        != 1)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* "out" may be "key" */

static ngx_int_t
ngx_oof_aws_hmac(u_char *key, size_t size, u_char *data, size_t len,
    u_char *out)
{
    size_t  n;
    u_char  mac[NGX_OOF_AWS_HASH];

    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, size, data, len,
                  mac, sizeof(mac), &n)
        == NULL)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    ngx_memcpy(out, mac, sizeof(mac));
    OPENSSL_cleanse(mac, sizeof(mac));

    return NGX_OK;
}
