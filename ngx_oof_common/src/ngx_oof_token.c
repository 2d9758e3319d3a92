
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_issuer.h>
#include <ngx_oof_json_read.h>


/* the access step of spec 5.4, and the claims of a token */


#define NGX_OOF_TOKEN_MAX      2048     /* characters of a token (spec 0.3) */
#define NGX_OOF_TOKEN_NAME     256      /* of client_id, sub, a consent's id */
#define NGX_OOF_TOKEN_YEAR_10K 253402300800LL


/* of claims, before they are copied into an entry */

typedef struct {
    ngx_str_t                client_id;
    ngx_str_t                sub;
    ngx_str_t                scope;
    ngx_str_t                x5t;
    ngx_str_t                consent_id;
    ngx_str_t                enrollment_id;
    ngx_str_t                cpf;
    ngx_str_t                cnpj;
    ngx_uint_t               grant;
    int64_t                  expires;
} ngx_oof_token_claims_t;


typedef struct {
    ngx_uint_t               status;
    const char              *code;       /* NULL: as the status says */
    const char              *title;
    const char              *detail;
} ngx_oof_token_answer_t;


static ngx_int_t ngx_oof_token_run(ngx_oof_request_t *o,
    ngx_oof_issuer_t *issuer, ngx_uint_t waited);
static ngx_int_t ngx_oof_token_text(ngx_http_request_t *r, ngx_str_t *token);
static ngx_int_t ngx_oof_token_characters(ngx_str_t *token);
static ngx_int_t ngx_oof_token_digest(ngx_str_t *token, u_char *digest);
static ngx_int_t ngx_oof_token_verify(ngx_oof_request_t *o,
    ngx_oof_issuer_t *issuer, ngx_str_t *token, u_char *digest,
    ngx_uint_t waited);
static ngx_int_t ngx_oof_token_wait(ngx_oof_request_t *o,
    ngx_oof_issuer_t *issuer);
static void ngx_oof_token_forget(ngx_oof_request_t *o);
static void ngx_oof_token_woken(void *data);
static ngx_uint_t ngx_oof_token_typ(ngx_str_t *typ);

static const char *ngx_oof_token_issued(ngx_oof_issuer_t *issuer,
    json_t *claims);
static ngx_uint_t ngx_oof_token_for_us(ngx_oof_issuer_t *issuer, json_t *aud);
static ngx_uint_t ngx_oof_token_audience(ngx_oof_issuer_t *issuer,
    json_t *value);
static const char *ngx_oof_token_times(ngx_oof_issuer_t *issuer,
    json_t *claims, ngx_oof_token_claims_t *c, ngx_uint_t *result);
static ngx_int_t ngx_oof_token_date(json_t *claims, const char *name,
    int64_t *value);
static const char *ngx_oof_token_names(json_t *claims,
    ngx_oof_token_claims_t *c);
static const char *ngx_oof_token_cnf(json_t *claims,
    ngx_oof_token_claims_t *c);
static ngx_int_t ngx_oof_token_string(json_t *claims, const char *name,
    size_t max, ngx_str_t *value);
static const char *ngx_oof_token_scopes(ngx_oof_token_claims_t *c);
static const char *ngx_oof_token_dynamic(ngx_str_t *member,
    ngx_oof_token_claims_t *c, ngx_str_t *recurring);
static const char *ngx_oof_token_grant(ngx_oof_issuer_t *issuer,
    json_t *claims, ngx_oof_token_claims_t *c);
static ngx_oof_token_entry_t *ngx_oof_token_entry(ngx_oof_token_claims_t *c);
static u_char *ngx_oof_token_put(u_char *p, ngx_str_t *dst, ngx_str_t *src);

static ngx_uint_t ngx_oof_token_bound(ngx_oof_request_t *o,
    ngx_oof_token_entry_t *entry);
static ngx_oof_token_t *ngx_oof_token_copy(ngx_pool_t *pool,
    ngx_oof_token_entry_t *entry);


static ngx_oof_metric_t  ngx_oof_token_checks;
static ngx_oof_metric_t  ngx_oof_token_cached;

/* fetched once: it halves the cost of a digest */

static EVP_MD           *ngx_oof_token_md;
static EVP_MD_CTX       *ngx_oof_token_md_ctx;


static ngx_str_t  ngx_oof_token_results[] = {
    ngx_string("result=\"ok\""),
    ngx_string("result=\"missing\""),
    ngx_string("result=\"invalid\""),
    ngx_string("result=\"expired\""),
    ngx_string("result=\"unbound\""),
    ngx_string("result=\"grant\""),
    ngx_string("result=\"scope\""),
    ngx_string("result=\"unavailable\""),
    ngx_null_string
};


#define NGX_OOF_TOKEN_HIT   0
#define NGX_OOF_TOKEN_MISS  1

static ngx_str_t  ngx_oof_token_cache_results[] = {
    ngx_string("result=\"hit\""),
    ngx_string("result=\"miss\""),
    ngx_null_string
};


/* by result */

static ngx_oof_token_answer_t  ngx_oof_token_answers[] = {

    { 0, NULL, NULL, NULL },               /* no refusal */

    { NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED", "Não autorizado",
      "A requisição não traz um token de acesso." },

    { NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED", "Não autorizado",
      "O token de acesso é inválido." },

    { NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED", "Não autorizado",
      "O token de acesso expirou." },

    { NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED", "Não autorizado",
      "O token de acesso não está vinculado ao certificado apresentado." },

    { NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED", "Não autorizado",
      "O token de acesso não é do tipo que este recurso exige." },

    { NGX_HTTP_FORBIDDEN, "FORBIDDEN", "Acesso negado",
      "O token de acesso não tem o escopo exigido por este recurso." },

    { NGX_HTTP_SERVICE_UNAVAILABLE, NULL, NULL, NULL }
};


ngx_int_t
ngx_oof_token_init(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_oof_issuer_t     **issuers;
    ngx_oof_main_conf_t   *omcf;

    if (ngx_oof_metric_add_list(cf, &ngx_oof_token_checks,
                                "oof_token_checks_total",
                                "Checks of bearer tokens by outcome.",
                                NGX_OOF_METRIC_COUNTER,
                                ngx_oof_token_results)
        != NGX_OK
        || ngx_oof_metric_add_list(cf, &ngx_oof_token_cached,
                                   "oof_token_cache_total",
                                   "Look-ups of tokens that were checked "
                                   "before.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_token_cache_results)
           != NGX_OK
        || ngx_oof_introspect_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    issuers = omcf->issuers.elts;

    for (i = 0; i < omcf->issuers.nelts; i++) {
        if (ngx_oof_issuer_init(cf, issuers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_token_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_issuer_t     **issuers;
    ngx_oof_main_conf_t   *omcf;

    ngx_oof_token_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    ngx_oof_token_md_ctx = EVP_MD_CTX_new();

    if (ngx_oof_token_md == NULL || ngx_oof_token_md_ctx == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "OpenSSL has no SHA-256 here");
        return NGX_ERROR;
    }

    omcf = ngx_oof_main_conf(cycle);
    issuers = omcf->issuers.elts;

    for (i = 0; i < omcf->issuers.nelts; i++) {
        ngx_queue_init(&issuers[i]->calls);

        if (ngx_oof_token_cache_init(&issuers[i]->cache,
                                     issuers[i]->cache_size, cycle->log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_oof_token_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_issuer_t     **issuers;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    issuers = omcf->issuers.elts;

    for (i = 0; i < omcf->issuers.nelts; i++) {
        ngx_oof_introspect_exit(issuers[i]);
        ngx_oof_token_cache_done(&issuers[i]->cache);
    }

    EVP_MD_CTX_free(ngx_oof_token_md_ctx);
    EVP_MD_free(ngx_oof_token_md);

    ngx_oof_token_md_ctx = NULL;
    ngx_oof_token_md = NULL;
}


ngx_int_t
ngx_oof_token_check(ngx_oof_request_t *o)
{
    ngx_oof_loc_conf_t  *olcf;

    if (o->route->grant == NGX_OOF_GRANT_NONE) {
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    return ngx_oof_token_run(o, olcf->issuer, 0);
}


static ngx_int_t
ngx_oof_token_run(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer,
    ngx_uint_t waited)
{
    int64_t                 now;
    ngx_str_t               token;
    ngx_oof_token_entry_t  *entry;
    u_char                  digest[NGX_OOF_TOKEN_DIGEST];

    if (ngx_oof_token_text(o->r, &token) != NGX_OK) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_MISSING,
                                    "there is no bearer token");
    }

    if (ngx_oof_token_digest(&token, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    now = ngx_oof_clock_real() / NGX_OOF_SECOND;

    entry = ngx_oof_token_cache_find(&issuer->cache, digest, issuer->jwks,
                                     now);
    if (entry) {
        ngx_oof_metric_inc(&ngx_oof_token_cached, NGX_OOF_TOKEN_HIT, 1);
        return ngx_oof_token_judge(o, issuer, entry);
    }

    if (ngx_oof_token_characters(&token) != NGX_OK) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_MISSING,
                                    "it has characters that no token has");
    }

    if (!waited) {
        ngx_oof_metric_inc(&ngx_oof_token_cached, NGX_OOF_TOKEN_MISS, 1);
    }

    if (issuer->jwks == NULL) {
        return ngx_oof_introspect(o, issuer, &token, digest);
    }

    return ngx_oof_token_verify(o, issuer, &token, digest, waited);
}


/*
 * RFC 6750, 2.1; nginx has refused a second Authorization header already.  The
 * scheme's name is case-insensitive.
 */

static ngx_int_t
ngx_oof_token_text(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char     *p, *last;
    ngx_str_t  *value;

    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    value = &r->headers_in.authorization->value;

    if (value->len < sizeof("Bearer ") - 1
        || ngx_strncasecmp(value->data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    p = value->data + sizeof("Bearer ") - 1;
    last = value->data + value->len;

    while (p < last && *p == ' ') {
        p++;
    }

    token->data = p;
    token->len = last - p;

    if (token->len == 0 || token->len > NGX_OOF_TOKEN_MAX) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* b64token of RFC 6750; what was found good before is not looked at again */

static ngx_int_t
ngx_oof_token_characters(ngx_str_t *token)
{
    u_char  c, *p, *last;

    p = token->data;
    last = p + token->len;

    while (p < last) {
        c = *p++;

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            || c == '-' || c == '.' || c == '_' || c == '~' || c == '+'
            || c == '/' || c == '=')
        {
            continue;
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_token_digest(ngx_str_t *token, u_char *digest)
{
    unsigned int  len;

    if (EVP_DigestInit_ex(ngx_oof_token_md_ctx, ngx_oof_token_md, NULL) != 1
        || EVP_DigestUpdate(ngx_oof_token_md_ctx, token->data, token->len)
           != 1
        || EVP_DigestFinal_ex(ngx_oof_token_md_ctx, digest, &len) != 1)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_token_verify(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer,
    ngx_str_t *token, u_char *digest, ngx_uint_t waited)
{
    json_t                 *claims;
    EVP_PKEY               *key;
    ngx_int_t               rc;
    const char             *why;
    ngx_uint_t              generation, result;
    ngx_oof_jws_t           jws;
    ngx_oof_token_entry_t  *entry;

    rc = ngx_oof_jws_parse(o->r->pool, token, &jws, &why);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && jws.alg != issuer->algorithm) {
        rc = NGX_DECLINED;
        why = "its algorithm is not the issuer's";
    }

    if (rc == NGX_OK && !ngx_oof_token_typ(&jws.typ)) {
        rc = NGX_DECLINED;
        why = "its typ is not \"at+jwt\"";
    }

    if (rc == NGX_OK && jws.kid.len == 0) {
        rc = NGX_DECLINED;
        why = "it has no kid";
    }

    if (rc != NGX_OK) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_INVALID, why);
    }

    key = ngx_oof_jwks_find(issuer->jwks, &jws.kid, issuer->algorithm,
                            &generation);

    if (key == NULL) {
        if (!waited) {
            return ngx_oof_token_wait(o, issuer);
        }

        if (!ngx_oof_jwks_ready(issuer->jwks)) {
            return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_UNAVAILABLE,
                                        "no keys have been loaded so far");
        }

        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_INVALID,
                                    "its kid is not in the key set");
    }

    if (ngx_oof_jws_verify(&jws, key, issuer->algorithm) != NGX_OK) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_INVALID,
                                    "its signature is wrong");
    }

    claims = ngx_oof_json_read(jws.payload.data, jws.payload.len, &why);

    entry = ngx_oof_token_claims(issuer, claims, &result, &why);

    json_decref(claims);

    if (entry == NULL) {
        return ngx_oof_token_refuse(o, result, why);
    }

    ngx_memcpy(entry->digest, digest, NGX_OOF_TOKEN_DIGEST);
    entry->generation = generation;
    entry->until = entry->token.expires;

    ngx_oof_token_cache_add(&issuer->cache, entry);

    rc = ngx_oof_token_judge(o, issuer, entry);

    ngx_oof_token_entry_free(entry);

    return rc;
}


/* its key is unknown: it may be newer than our set, or there is no set yet */

static ngx_int_t
ngx_oof_token_wait(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer)
{
    ngx_int_t  rc;

    rc = ngx_oof_jwks_wait(issuer->jwks, ngx_oof_token_woken, o);

    if (rc == NGX_AGAIN) {
        o->forget = ngx_oof_token_forget;
        o->waiting = issuer;
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_UNAVAILABLE,
                                    "too many requests wait for keys");
    }

    /* NGX_OK: other keys are there; NGX_BUSY: what is there has to do */

    return ngx_oof_token_run(o, issuer, 1);
}


static void
ngx_oof_token_forget(ngx_oof_request_t *o)
{
    ngx_oof_issuer_t  *issuer;

    issuer = o->waiting;

    o->forget = NULL;
    o->waiting = NULL;

    ngx_oof_jwks_forget(issuer->jwks, o);
}


static void
ngx_oof_token_woken(void *data)
{
    ngx_oof_request_t *o = data;

    ngx_int_t          rc;
    ngx_oof_issuer_t  *issuer;

    issuer = o->waiting;

    o->forget = NULL;
    o->waiting = NULL;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    rc = ngx_oof_token_run(o, issuer, 1);

    ngx_oof_request_resume(o, rc);
}


/* RFC 9068, 4: an ID token or another JWT of the issuer is no access token */

static ngx_uint_t
ngx_oof_token_typ(ngx_str_t *typ)
{
    if (typ->len == sizeof("at+jwt") - 1) {
        return ngx_strncasecmp(typ->data, (u_char *) "at+jwt", typ->len) == 0;
    }

    if (typ->len == sizeof("application/at+jwt") - 1) {
        return ngx_strncasecmp(typ->data, (u_char *) "application/at+jwt",
                               typ->len)
               == 0;
    }

    return 0;
}


ngx_oof_token_entry_t *
ngx_oof_token_claims(ngx_oof_issuer_t *issuer, json_t *claims,
    ngx_uint_t *result, const char **why)
{
    ngx_oof_token_entry_t   *entry;
    ngx_oof_token_claims_t   c;

    ngx_memzero(&c, sizeof(ngx_oof_token_claims_t));

    *result = NGX_OOF_TOKEN_INVALID;

    if (!json_is_object(claims)) {
        *why = "its claims are not a JSON object";
        return NULL;
    }

    *why = ngx_oof_token_issued(issuer, claims);

    if (*why == NULL) {
        *why = ngx_oof_token_times(issuer, claims, &c, result);
    }

    if (*why == NULL) {
        *why = ngx_oof_token_names(claims, &c);
    }

    if (*why == NULL) {
        *why = ngx_oof_token_scopes(&c);
    }

    if (*why == NULL) {
        *why = ngx_oof_token_grant(issuer, claims, &c);
    }

    if (*why) {
        return NULL;
    }

    entry = ngx_oof_token_entry(&c);

    if (entry == NULL) {
        *result = NGX_OOF_TOKEN_UNAVAILABLE;
        *why = "no memory";
    }

    return entry;
}


static const char *
ngx_oof_token_issued(ngx_oof_issuer_t *issuer, json_t *claims)
{
    json_t  *iss;

    iss = json_object_get(claims, "iss");

    if (!json_is_string(iss)
        || json_string_length(iss) != issuer->issuer.len
        || ngx_memcmp(json_string_value(iss), issuer->issuer.data,
                      issuer->issuer.len)
           != 0)
    {
        return "its iss is not the issuer";
    }

    if (!ngx_oof_token_for_us(issuer, json_object_get(claims, "aud"))) {
        return "its aud is not ours";
    }

    return NULL;
}


static ngx_uint_t
ngx_oof_token_for_us(ngx_oof_issuer_t *issuer, json_t *aud)
{
    size_t   i;
    json_t  *value;

    if (!json_is_array(aud)) {
        return ngx_oof_token_audience(issuer, aud);
    }

    json_array_foreach(aud, i, value) {
        if (ngx_oof_token_audience(issuer, value)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_oof_token_audience(ngx_oof_issuer_t *issuer, json_t *value)
{
    ngx_str_t   *audience;
    ngx_uint_t   i;

    if (!json_is_string(value)) {
        return 0;
    }

    audience = issuer->audience.elts;

    for (i = 0; i < issuer->audience.nelts; i++) {
        if (audience[i].len == json_string_length(value)
            && ngx_memcmp(audience[i].data, json_string_value(value),
                          audience[i].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* no grace past "exp": the token's end is the issuer's word */

static const char *
ngx_oof_token_times(ngx_oof_issuer_t *issuer, json_t *claims,
    ngx_oof_token_claims_t *c, ngx_uint_t *result)
{
    int64_t    now, time;
    ngx_int_t  rc;

    now = ngx_oof_clock_real() / NGX_OOF_SECOND;

    if (ngx_oof_token_date(claims, "exp", &c->expires) != NGX_OK) {
        return "it has no exp, or a wrong one";
    }

    if (c->expires <= now) {
        *result = NGX_OOF_TOKEN_EXPIRED;
        return "it has expired";
    }

    rc = ngx_oof_token_date(claims, "iat", &time);

    if (rc == NGX_ERROR || (rc == NGX_OK && time > now + issuer->skew)) {
        return "its iat is wrong or in the future";
    }

    rc = ngx_oof_token_date(claims, "nbf", &time);

    if (rc == NGX_ERROR || (rc == NGX_OK && time > now + issuer->skew)) {
        return "its nbf is wrong or in the future";
    }

    return NULL;
}


/* NumericDate (RFC 7519, 2); NGX_DECLINED when absent, NGX_ERROR when wrong */

static ngx_int_t
ngx_oof_token_date(json_t *claims, const char *name, int64_t *value)
{
    double    real;
    json_t   *member;

    member = json_object_get(claims, name);

    if (member == NULL) {
        return NGX_DECLINED;
    }

    if (json_is_integer(member)) {
        *value = json_integer_value(member);

    } else if (json_is_real(member)) {
        real = json_real_value(member);

        if (!(real >= 0 && real < (double) NGX_OOF_TOKEN_YEAR_10K)) {
            return NGX_ERROR;
        }

        *value = (int64_t) real;

    } else {
        return NGX_ERROR;
    }

    if (*value < 0 || *value >= NGX_OOF_TOKEN_YEAR_10K) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static const char *
ngx_oof_token_names(json_t *claims, ngx_oof_token_claims_t *c)
{
    if (ngx_oof_token_string(claims, "client_id", NGX_OOF_TOKEN_NAME,
                             &c->client_id)
        != NGX_OK || c->client_id.len == 0)
    {
        return "it has no client_id, or a wrong one";
    }

    if (ngx_oof_token_string(claims, "sub", NGX_OOF_TOKEN_NAME, &c->sub)
        == NGX_ERROR)
    {
        return "its sub is not a short string";
    }

    if (ngx_oof_token_string(claims, "scope", NGX_OOF_TOKEN_MAX, &c->scope)
        == NGX_ERROR)
    {
        return "its scope is not a short string";
    }

    /* whoever is not told in the form of the regulation is not told */

    if (ngx_oof_token_string(claims, "cpf", NGX_OOF_CPF_LEN, &c->cpf)
        != NGX_OK || ngx_oof_scan_cpf(&c->cpf) != NGX_OK)
    {
        c->cpf.len = 0;
    }

    if (ngx_oof_token_string(claims, "cnpj", NGX_OOF_CNPJ_LEN, &c->cnpj)
        != NGX_OK || ngx_oof_scan_cnpj(&c->cnpj) != NGX_OK)
    {
        c->cnpj.len = 0;
    }

    return ngx_oof_token_cnf(claims, c);
}


static const char *
ngx_oof_token_cnf(json_t *claims, ngx_oof_token_claims_t *c)
{
    json_t     *cnf;
    ngx_int_t   rc;

    cnf = json_object_get(claims, "cnf");

    if (cnf == NULL) {
        return NULL;
    }

    rc = json_is_object(cnf)
         ? ngx_oof_token_string(cnf, "x5t#S256", NGX_OOF_TOKEN_X5T, &c->x5t)
         : NGX_ERROR;

    if (rc == NGX_ERROR || (rc == NGX_OK && c->x5t.len != NGX_OOF_TOKEN_X5T)) {
        return "its cnf is wrong";
    }

    return NULL;
}


static ngx_int_t
ngx_oof_token_string(json_t *claims, const char *name, size_t max,
    ngx_str_t *value)
{
    json_t  *member;

    member = json_object_get(claims, name);

    if (member == NULL) {
        return NGX_DECLINED;
    }

    if (!json_is_string(member) || json_string_length(member) > max) {
        return NGX_ERROR;
    }

    value->data = (u_char *) json_string_value(member);
    value->len = json_string_length(member);

    return NGX_OK;
}


/*
 * Dynamic scopes (spec 5.4): at most one of each kind.  With two kinds (the
 * optimised journey) the consent is that of "consent:".
 */

static const char *
ngx_oof_token_scopes(ngx_oof_token_claims_t *c)
{
    u_char      *p, *last;
    ngx_str_t    member, recurring;
    const char  *why;

    ngx_str_null(&recurring);

    p = c->scope.data;
    last = p + c->scope.len;

    while (p < last) {

        member.data = p;

        while (p < last && *p != ' ') {
            p++;
        }

        member.len = p - member.data;
        p++;

        why = ngx_oof_token_dynamic(&member, c, &recurring);

        if (why) {
            return why;
        }
    }

    if (c->consent_id.len == 0) {
        c->consent_id = recurring;
    }

    return NULL;
}


/* the id has colons of its own: only the first one parts it from the kind */

static const char *
ngx_oof_token_dynamic(ngx_str_t *member, ngx_oof_token_claims_t *c,
    ngx_str_t *recurring)
{
    size_t      len;
    u_char     *colon;
    ngx_str_t  *id;

    colon = ngx_strlchr(member->data, member->data + member->len, ':');

    if (colon == NULL) {
        return NULL;
    }

    len = colon - member->data;

    if (len == 7 && ngx_strncmp(member->data, "consent", 7) == 0) {
        id = &c->consent_id;

    } else if (len == 17
               && ngx_strncmp(member->data, "recurring-consent", 17) == 0)
    {
        id = recurring;

    } else if (len == 10 && ngx_strncmp(member->data, "enrollment", 10) == 0) {
        id = &c->enrollment_id;

    } else {
        return NULL;
    }

    if (id->len) {
        return "its scope has two consents or enrollments";
    }

    id->data = colon + 1;
    id->len = member->len - len - 1;

    if (id->len == 0 || id->len > NGX_OOF_TOKEN_NAME) {
        return "its scope has a consent or enrollment without a proper id";
    }

    return NULL;
}


static const char *
ngx_oof_token_grant(ngx_oof_issuer_t *issuer, json_t *claims,
    ngx_oof_token_claims_t *c)
{
    ngx_str_t  value;

    if (issuer->grant_claim.len == 0) {
        c->grant = c->consent_id.len || c->enrollment_id.len
                   ? NGX_OOF_GRANT_CODE : NGX_OOF_GRANT_CLIENT;
        return NULL;
    }

    if (ngx_oof_token_string(claims, (char *) issuer->grant_claim.data,
                             NGX_OOF_TOKEN_NAME, &value)
        == NGX_OK)
    {
        if ((value.len == 18
             && ngx_strncmp(value.data, "authorization_code", 18) == 0)
            || (value.len == 13
                && ngx_strncmp(value.data, "refresh_token", 13) == 0))
        {
            c->grant = NGX_OOF_GRANT_CODE;
            return NULL;
        }

        if (value.len == 18
            && ngx_strncmp(value.data, "client_credentials", 18) == 0)
        {
            c->grant = NGX_OOF_GRANT_CLIENT;
            return NULL;
        }
    }

    return "its grant claim is missing or unknown";
}


static ngx_oof_token_entry_t *
ngx_oof_token_entry(ngx_oof_token_claims_t *c)
{
    size_t                  size;
    u_char                 *p;
    ngx_oof_token_t        *token;
    ngx_oof_token_entry_t  *entry;

    size = c->client_id.len + c->sub.len + c->scope.len;

    entry = ngx_alloc(sizeof(ngx_oof_token_entry_t) + size, ngx_cycle->log);
    if (entry == NULL) {
        return NULL;
    }

    ngx_memzero(entry, sizeof(ngx_oof_token_entry_t));

    entry->refs = 1;
    entry->size = size;

    if (c->x5t.len) {
        entry->has_x5t = 1;
        ngx_memcpy(entry->x5t, c->x5t.data, NGX_OOF_TOKEN_X5T);
    }

    token = &entry->token;
    p = entry->text;

    if (c->cpf.len) {
        token->has_cpf = 1;
        ngx_memcpy(token->cpf, c->cpf.data, NGX_OOF_CPF_LEN);
    }

    if (c->cnpj.len) {
        token->has_cnpj = 1;
        ngx_memcpy(token->cnpj, c->cnpj.data, NGX_OOF_CNPJ_LEN);
    }

    p = ngx_oof_token_put(p, &token->client_id, &c->client_id);
    p = ngx_oof_token_put(p, &token->sub, &c->sub);
    (void) ngx_oof_token_put(p, &token->scope, &c->scope);

    /* ids lie inside the scope */

    if (c->consent_id.len) {
        token->consent_id.len = c->consent_id.len;
        token->consent_id.data = p + (c->consent_id.data - c->scope.data);
    }

    if (c->enrollment_id.len) {
        token->enrollment_id.len = c->enrollment_id.len;
        token->enrollment_id.data = p
                                  + (c->enrollment_id.data - c->scope.data);
    }

    token->grant = c->grant;
    token->expires = c->expires;

    return entry;
}


static u_char *
ngx_oof_token_put(u_char *p, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;
    dst->data = p;

    return src->len ? ngx_cpymem(p, src->data, src->len) : p;
}


ngx_int_t
ngx_oof_token_judge(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer,
    ngx_oof_token_entry_t *entry)
{
    ngx_oof_token_t  *token;

    token = &entry->token;

    if (issuer->bound && !ngx_oof_token_bound(o, entry)) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_UNBOUND,
                                    "it is not bound to the certificate");
    }

    if (!(token->grant & o->route->grant)) {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_GRANT,
                                    "its grant does not fit the endpoint");
    }

    if (o->route->scope.len
        && !ngx_oof_token_has_scope(token, &o->route->scope))
    {
        return ngx_oof_token_refuse(o, NGX_OOF_TOKEN_SCOPE,
                                    "it lacks the endpoint's scope");
    }

    /* the cache may let the entry go while the request lives */

    o->token = ngx_oof_token_copy(o->r->pool, entry);

    if (o->token == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_metric_inc(&ngx_oof_token_checks, NGX_OOF_TOKEN_OK, 1);

    return NGX_DECLINED;
}


/* RFC 8705, 3: the token's thumbprint is that of the certificate */

static ngx_uint_t
ngx_oof_token_bound(ngx_oof_request_t *o, ngx_oof_token_entry_t *entry)
{
    return o->cert != NULL && entry->has_x5t
           && CRYPTO_memcmp(o->cert->x5t, entry->x5t, NGX_OOF_TOKEN_X5T) == 0;
}


static ngx_oof_token_t *
ngx_oof_token_copy(ngx_pool_t *pool, ngx_oof_token_entry_t *entry)
{
    u_char           *text;
    ngx_oof_token_t  *token, *from;

    token = ngx_palloc(pool, sizeof(ngx_oof_token_t) + entry->size);
    if (token == NULL) {
        return NULL;
    }

    from = &entry->token;
    *token = *from;

    text = (u_char *) token + sizeof(ngx_oof_token_t);
    ngx_memcpy(text, entry->text, entry->size);

    token->client_id.data = text;
    token->sub.data = text + (from->sub.data - entry->text);
    token->scope.data = text + (from->scope.data - entry->text);

    if (from->consent_id.len) {
        token->consent_id.data = text + (from->consent_id.data - entry->text);
    }

    if (from->enrollment_id.len) {
        token->enrollment_id.data = text
                                  + (from->enrollment_id.data - entry->text);
    }

    return token;
}


ngx_uint_t
ngx_oof_token_has_scope(ngx_oof_token_t *token, ngx_str_t *scope)
{
    u_char  *p, *last, *end;

    p = token->scope.data;
    last = p + token->scope.len;

    while (p < last) {

        for (end = p; end < last && *end != ' '; end++) { /* void */ }

        if ((size_t) (end - p) == scope->len
            && ngx_memcmp(p, scope->data, scope->len) == 0)
        {
            return 1;
        }

        p = end + 1;
    }

    return 0;
}


ngx_int_t
ngx_oof_token_refuse(ngx_oof_request_t *o, ngx_uint_t result, const char *why)
{
    ngx_uint_t               level;
    ngx_oof_token_answer_t  *answer;

    answer = &ngx_oof_token_answers[result];

    ngx_oof_metric_inc(&ngx_oof_token_checks, result, 1);

    level = result == NGX_OOF_TOKEN_UNAVAILABLE ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_log_error(level, o->r->connection->log, 0,
                  "access token refused: %s", why);

    if (answer->code == NULL) {
        return ngx_oof_error_status(o, answer->status);
    }

    return ngx_oof_error(o, answer->status, answer->code, answer->title,
                         answer->detail);
}
