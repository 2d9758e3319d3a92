
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_block.h>
#include <ngx_oof_issuer.h>


/* "oof_issuer NAME { … }" */


#define NGX_OOF_ISSUER_CACHE     10000
#define NGX_OOF_ISSUER_SECRET    4096    /* bytes of a secret's file */


static char *ngx_oof_issuer_check(ngx_conf_t *cf, ngx_oof_issuer_t *issuer);
static void ngx_oof_issuer_warn(ngx_conf_t *cf, ngx_str_t *url);

static char *ngx_oof_issuer_audience(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *conf);
static char *ngx_oof_issuer_algorithm(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *conf);
static char *ngx_oof_issuer_jwks(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);
static char *ngx_oof_issuer_client(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);


static ngx_oof_block_line_t  ngx_oof_issuer_lines[] = {

    { ngx_string("issuer"), 1, 1, ngx_oof_block_text,
      offsetof(ngx_oof_issuer_t, issuer), 0, 0, NULL },

    { ngx_string("audience"), 1, 100, ngx_oof_issuer_audience, 0, 0, 0, NULL },

    { ngx_string("algorithm"), 1, 1, ngx_oof_issuer_algorithm, 0, 0, 0, NULL },

    { ngx_string("jwks"), 1, 1, ngx_oof_issuer_jwks, 0, 0, 0, NULL },

    { ngx_string("jwks_refresh"), 1, 1, ngx_oof_block_msec,
      offsetof(ngx_oof_issuer_t, jwks_refresh), 1000, 86400000,
      "must be a time of 1s to 24h" },

    { ngx_string("bound"), 1, 1, ngx_oof_block_flag,
      offsetof(ngx_oof_issuer_t, bound), 0, 0, NULL },

    { ngx_string("introspection"), 1, 1, ngx_oof_block_url,
      offsetof(ngx_oof_issuer_t, introspection), 0, 0, NULL },

    { ngx_string("introspection_client"), 2, 2, ngx_oof_issuer_client,
      0, 0, 0, NULL },

    { ngx_string("introspection_cache"), 1, 1, ngx_oof_block_sec,
      offsetof(ngx_oof_issuer_t, introspection_cache), 0, 60,
      "must be a time of at most 60s: a token may be revoked" },

    { ngx_string("cache"), 1, 1, ngx_oof_block_number,
      offsetof(ngx_oof_issuer_t, cache_size), 0, 1000000,
      "must be a number of 0 to 1000000 tokens" },

    { ngx_string("skew"), 1, 1, ngx_oof_block_sec,
      offsetof(ngx_oof_issuer_t, skew), 0, 300,
      "must be a time of at most 5m" },

    { ngx_string("grant_claim"), 1, 1, ngx_oof_block_text,
      offsetof(ngx_oof_issuer_t, grant_claim), 0, 0, NULL },

    { ngx_string("ca"), 1, 1, ngx_oof_block_pem,
      offsetof(ngx_oof_issuer_t, ca), 0, 0, NULL },

    ngx_oof_block_end
};


char *
ngx_oof_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    char              *rv;
    ngx_oof_issuer_t  *issuer;

    issuer = ngx_oof_block_new(cf, cmd, &omcf->issuers,
                               sizeof(ngx_oof_issuer_t));

    if (issuer == NULL
        || ngx_array_init(&issuer->audience, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    issuer->bound = NGX_CONF_UNSET;
    issuer->skew = NGX_CONF_UNSET;
    issuer->cache_size = NGX_CONF_UNSET;
    issuer->jwks_refresh = NGX_CONF_UNSET_MSEC;
    issuer->introspection_cache = NGX_CONF_UNSET;

    rv = ngx_oof_block_read(cf, cmd, ngx_oof_issuer_lines, issuer);

    return (rv == NGX_CONF_OK) ? ngx_oof_issuer_check(cf, issuer) : rv;
}


static char *
ngx_oof_issuer_check(ngx_conf_t *cf, ngx_oof_issuer_t *issuer)
{
    char  *why;

    why = NULL;

    if (issuer->issuer.len == 0) {
        why = "needs \"issuer URL;\": tokens have it as \"iss\"";

    } else if (issuer->audience.nelts == 0) {
        why = "needs \"audience VALUE;\": tokens have it as \"aud\"";

    } else if (issuer->jwks_url.len == 0 && issuer->introspection.len == 0) {
        why = "needs \"jwks URL;\" or \"introspection URL;\"";

    } else if (issuer->jwks_url.len && issuer->introspection.len) {
        why = "has \"jwks\" and \"introspection\": keep the one by which "
              "tokens are to be judged";

    } else if (issuer->introspection.len
               && issuer->introspection_auth.len == 0)
    {
        why = "needs \"introspection_client ID FILE;\" with the secret that "
              "its issuer gave us";

    } else if (issuer->introspection.len == 0
               && (issuer->introspection_auth.len
                   || issuer->introspection_cache != NGX_CONF_UNSET))
    {
        why = "has options of \"introspection\" without it";

    } else if (issuer->jwks_url.len == 0
               && (issuer->algorithm
                   || issuer->jwks_refresh != NGX_CONF_UNSET_MSEC))
    {
        why = "has options of \"jwks\" without it";
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"oof_issuer %V\" %s",
                           &issuer->name, why);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(issuer->bound, 1);
    ngx_conf_init_value(issuer->skew, 5);
    ngx_conf_init_value(issuer->cache_size, NGX_OOF_ISSUER_CACHE);
    ngx_conf_init_value(issuer->introspection_cache, 60);
    ngx_conf_init_msec_value(issuer->jwks_refresh, 600000);

    if (issuer->algorithm == 0) {
        issuer->algorithm = NGX_OOF_ALG_PS256;
    }

    if (issuer->introspection.len) {
        ngx_oof_issuer_warn(cf, &issuer->introspection);
        return NGX_CONF_OK;
    }

    ngx_oof_issuer_warn(cf, &issuer->jwks_url);

    issuer->jwks = ngx_oof_jwks_add(cf, &issuer->jwks_url, &issuer->ca,
                                    issuer->jwks_refresh);

    return issuer->jwks ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static void
ngx_oof_issuer_warn(ngx_conf_t *cf, ngx_str_t *url)
{
    static ngx_str_t  local[] = {
        ngx_string("http://127."),
        ngx_string("http://localhost"),
        ngx_string("http://[::1]"),
        ngx_null_string
    };

    ngx_str_t  *prefix;

    if (ngx_strncmp(url->data, "http://", 7) != 0) {
        return;
    }

    for (prefix = local; prefix->len; prefix++) {
        if (ngx_strncmp(url->data, prefix->data, prefix->len) == 0) {
            return;
        }
    }

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"%V\" is not https: who is on the way can make "
                       "tokens of his own", url);
}


ngx_oof_issuer_t *
ngx_oof_issuer_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    return ngx_oof_block_find(&omcf->issuers, name);
}


ngx_uint_t
ngx_oof_issuer_ready(ngx_oof_issuer_t *issuer)
{
    return issuer->jwks == NULL || ngx_oof_jwks_ready(issuer->jwks);
}


ngx_uint_t
ngx_oof_issuer_binds(ngx_oof_issuer_t *issuer)
{
    return issuer->bound;
}


ngx_int_t
ngx_oof_issuer_init(ngx_conf_t *cf, ngx_oof_issuer_t *issuer)
{
    if (issuer->introspection.len == 0) {
        return NGX_OK;
    }

    return ngx_oof_fetch_prepare(cf, &issuer->introspection,
                                 &issuer->introspection_addrs);
}


static char *
ngx_oof_issuer_audience(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_issuer_t *issuer = conf;

    ngx_str_t   *value, *audience;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (value[i].len == 0) {
            return "must not be empty";
        }

        audience = ngx_array_push(&issuer->audience);
        if (audience == NULL) {
            return NGX_CONF_ERROR;
        }

        *audience = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_issuer_algorithm(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_issuer_t *issuer = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (issuer->algorithm) {
        return "is duplicate";
    }

    issuer->algorithm = ngx_oof_jws_alg(&value[1]);

    if (issuer->algorithm == 0) {
        return "must be PS256, RS256 or ES256";
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_issuer_jwks(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_issuer_t *issuer = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (issuer->jwks_url.len) {
        return "is duplicate";
    }

    if (ngx_strncmp(value[1].data, "https://", 8) != 0
        && ngx_strncmp(value[1].data, "http://", 7) != 0
        && (ngx_strncmp(value[1].data, "file:", 5) != 0 || value[1].len == 5))
    {
        return "must begin with \"https://\", \"http://\" or \"file:\"";
    }

    issuer->jwks_url = value[1];

    return NGX_CONF_OK;
}


/* RFC 6749, 2.3.1: both are form-encoded, then joined, then base64 */

static char *
ngx_oof_issuer_client(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_issuer_t *issuer = conf;

    u_char     *p;
    ngx_str_t   pair, secret, encoded, *value;

    value = cf->args->elts;

    if (issuer->introspection_auth.len) {
        return "is duplicate";
    }

    if (ngx_oof_fetch_file(cf, &value[2], NGX_OOF_ISSUER_SECRET, &secret)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    while (secret.len && secret.data[secret.len - 1] <= ' ') {
        secret.len--;
    }

    if (value[1].len == 0 || secret.len == 0) {
        return "must name a client, and a file with its secret";
    }

    pair.data = ngx_pnalloc(cf->pool, (value[1].len + secret.len) * 3 + 1);
    if (pair.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = (u_char *) ngx_escape_uri(pair.data, value[1].data, value[1].len,
                                  NGX_ESCAPE_URI_COMPONENT);
    *p++ = ':';
    p = (u_char *) ngx_escape_uri(p, secret.data, secret.len,
                                  NGX_ESCAPE_URI_COMPONENT);
    pair.len = p - pair.data;

    p = ngx_pnalloc(cf->pool, sizeof("Authorization: Basic ") - 1
                              + ngx_base64_encoded_length(pair.len));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer->introspection_auth.data = p;

    encoded.data = ngx_cpymem(p, "Authorization: Basic ",
                              sizeof("Authorization: Basic ") - 1);
    ngx_encode_base64(&encoded, &pair);

    issuer->introspection_auth.len = encoded.data + encoded.len - p;

    ngx_explicit_memzero(secret.data, secret.len);
    ngx_explicit_memzero(pair.data, pair.len);

    return NGX_CONF_OK;
}
