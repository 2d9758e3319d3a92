
/*
 * Copyright (C) oof authors
 */


/* the claims of a token, and the cache of good ones */


#include "tap.h"
#include <ngx_oof_issuer.h>


#define X5T  "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"


static ngx_oof_issuer_t  issuer;


/* good claims with some in place of others: "name":value, ... */

static json_t *
claims_of(const char *more)
{
    json_t        *good, *other;
    json_error_t   error;
    char           text[8192];

    snprintf(text, sizeof(text),
             "{\"iss\":\"https://as\",\"aud\":\"https://api\",\"exp\":%lld,"
             "\"iat\":%lld,\"client_id\":\"one\",\"sub\":\"s\","
             "\"scope\":\"consents\",\"cnf\":{\"x5t#S256\":\"" X5T "\"}}",
             (long long) ngx_time() + 900, (long long) ngx_time());

    good = json_loads(text, 0, &error);

    snprintf(text, sizeof(text), "{%s}", more);

    other = json_loads(text, 0, &error);

    if (good == NULL || other == NULL) {
        tap_bail(text);
    }

    json_object_update(good, other);
    json_decref(other);

    return good;
}


static ngx_oof_token_entry_t *
judge(const char *more, ngx_uint_t *result)
{
    json_t                 *claims;
    const char             *why;
    ngx_oof_token_entry_t  *entry;

    claims = claims_of(more);
    why = NULL;

    entry = ngx_oof_token_claims(&issuer, claims, result, &why);

    if (entry == NULL && why == NULL) {
        tap_bail("no entry and no reason");
    }

    json_decref(claims);

    return entry;
}


static void
good(const char *more, ngx_uint_t grant, const char *consent,
    const char *enrollment)
{
    ngx_uint_t              result;
    ngx_oof_token_entry_t  *entry;

    entry = judge(more, &result);

    ok(entry != NULL, "good: {%.70s}", more);

    if (entry == NULL) {
        return;
    }

    is_int(entry->token.grant, grant, "its grant");
    is_str(&entry->token.consent_id, consent, "its consent");
    is_str(&entry->token.enrollment_id, enrollment, "its enrollment");

    ngx_oof_token_entry_free(entry);
}


static void
bad(const char *more, ngx_uint_t want)
{
    ngx_uint_t              result;
    ngx_oof_token_entry_t  *entry;

    entry = judge(more, &result);

    ok(entry == NULL, "bad: {%.70s}", more);

    if (entry) {
        ngx_oof_token_entry_free(entry);
        return;
    }

    is_int(result, want, "for that reason");
}


static void
bad_time(const char *name, long offset, ngx_uint_t want)
{
    char  text[128];

    snprintf(text, sizeof(text), "\"%s\":%lld", name,
             (long long) ngx_time() + offset);
    bad(text, want);
}


static void
good_time(const char *name, long offset, const char *fraction)
{
    char  text[128];

    snprintf(text, sizeof(text), "\"%s\":%lld%s", name,
             (long long) ngx_time() + offset, fraction);
    good(text, NGX_OOF_GRANT_CLIENT, "", "");
}


static void
test_claims(void)
{
    ngx_uint_t              i, result;
    const char             *why;
    ngx_oof_token_entry_t  *entry;
    char                    text[4096];

    static const char  *wrong[] = {
        "\"iss\":null", "\"iss\":\"https://as/\"", "\"iss\":\"\"",
        "\"iss\":[\"https://as\"]", "\"iss\":\"https://a\"",
        "\"aud\":null", "\"aud\":\"\"", "\"aud\":\"https://apii\"",
        "\"aud\":[]", "\"aud\":[\"x\",1]", "\"aud\":{\"https://api\":1}",
        "\"aud\":[[\"https://api\"]]",
        "\"exp\":null", "\"exp\":\"1\"", "\"exp\":true", "\"exp\":-1",
        "\"exp\":9223372036854775807", "\"exp\":1e300",
        "\"iat\":null", "\"iat\":\"1\"", "\"iat\":-5",
        "\"nbf\":null", "\"nbf\":\"1\"", "\"nbf\":9999999999",
        "\"client_id\":null", "\"client_id\":\"\"", "\"client_id\":1",
        "\"sub\":1", "\"sub\":{}", "\"scope\":[\"consents\"]",
        "\"scope\":1", "\"cnf\":1", "\"cnf\":{\"x5t#S256\":1}",
        "\"cnf\":{\"x5t#S256\":\"abc\"}",
        "\"cnf\":{\"x5t#S256\":\"" X5T "=\"}",
        "\"scope\":\"consent:\"", "\"scope\":\"a consent: b\"",
        "\"scope\":\"enrollment:\"", "\"scope\":\"recurring-consent:\"",
        "\"scope\":\"consent:urn:a:b consent:urn:a:c\"",
        "\"scope\":\"consent:urn:a:b accounts consent:urn:a:b\"",
        "\"scope\":\"enrollment:a enrollment:b\"",
        "\"scope\":\"recurring-consent:a recurring-consent:b\""
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bad(wrong[i], NGX_OOF_TOKEN_INVALID);
    }

    bad_time("exp", -1, NGX_OOF_TOKEN_EXPIRED);
    bad_time("exp", 0, NGX_OOF_TOKEN_EXPIRED);
    bad_time("exp", -86400, NGX_OOF_TOKEN_EXPIRED);
    bad_time("iat", 6, NGX_OOF_TOKEN_INVALID);
    bad_time("nbf", 6, NGX_OOF_TOKEN_INVALID);

    good_time("exp", 1, "");
    good_time("exp", 1, ".5");
    good_time("iat", 5, "");
    good_time("nbf", 5, "");
    good_time("nbf", -5, "");

    good("", NGX_OOF_GRANT_CLIENT, "", "");
    good("\"aud\":[\"x\",\"https://api\"]", NGX_OOF_GRANT_CLIENT, "", "");
    good("\"aud\":\"https://other\"", NGX_OOF_GRANT_CLIENT, "", "");
    good("\"scope\":\"\"", NGX_OOF_GRANT_CLIENT, "", "");
    good("\"scope\":\"  consents  payments \"", NGX_OOF_GRANT_CLIENT, "", "");
    good("\"scope\":\"consents consenting: xconsent:urn:a:b\"",
         NGX_OOF_GRANT_CLIENT, "", "");
    good("\"scope\":\"openid consent:urn:bank:a:b accounts\"",
         NGX_OOF_GRANT_CODE, "urn:bank:a:b", "");
    good("\"scope\":\"consent:urn:bank:a\"",
         NGX_OOF_GRANT_CODE, "urn:bank:a", "");
    good("\"scope\":\"recurring-consent:urn:r:1 recurring-payments\"",
         NGX_OOF_GRANT_CODE, "urn:r:1", "");
    good("\"scope\":\"recurring-consent:urn:r:1 consent:urn:c:2\"",
         NGX_OOF_GRANT_CODE, "urn:c:2", "");
    good("\"scope\":\"openid enrollment:urn:e:1 payments\"",
         NGX_OOF_GRANT_CODE, "", "urn:e:1");

    ngx_memset(text, 'a', sizeof(text));
    ngx_memcpy(text, "\"scope\":\"consent:", 17);
    ngx_memcpy(text + 17 + 256, "\"", 2);
    entry = judge(text, &result);
    ok(entry != NULL, "a consent's id of 256 characters");
    ngx_oof_token_entry_free(entry);

    ngx_memset(text + 17 + 256, 'a', 2);
    ngx_memcpy(text + 17 + 257, "\"", 2);
    bad(text, NGX_OOF_TOKEN_INVALID);

    ok(ngx_oof_token_claims(&issuer, NULL, &result, &why) == NULL,
       "no claims at all");
    is_int(result, NGX_OOF_TOKEN_INVALID, "are invalid");
}


static void
test_customer(void)
{
    ngx_uint_t              i, result;
    ngx_oof_token_entry_t  *entry;

    static struct {
        const char  *claims;
        ngx_uint_t   cpf;
        ngx_uint_t   cnpj;
    } t[] = {
        { "", 0, 0 },
        { "\"cpf\":\"76109277673\"", 1, 0 },
        { "\"cpf\":\"76109277673\",\"cnpj\":\"45723174000110\"", 1, 1 },
        { "\"cnpj\":\"12ABC34501DE35\"", 0, 1 },
        { "\"cpf\":\"7610927767\",\"cnpj\":\"4572317400011\"", 0, 0 },
        { "\"cpf\":\"761092776733\"", 0, 0 },
        { "\"cpf\":\"761.092.776-73\"", 0, 0 },
        { "\"cpf\":76109277673,\"cnpj\":null", 0, 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        entry = judge(t[i].claims, &result);

        ok(entry != NULL, "a customer: {%.70s}", t[i].claims);
        is_int(entry->token.has_cpf, t[i].cpf, "its cpf");
        is_int(entry->token.has_cnpj, t[i].cnpj, "its cnpj");

        if (entry->token.has_cpf) {
            ok(ngx_memcmp(entry->token.cpf, "76109277673", 11) == 0,
               "as it is");
        }

        ngx_oof_token_entry_free(entry);
    }
}


static void
test_grant_claim(void)
{
    issuer.grant_claim = str("gty");

    bad("", NGX_OOF_TOKEN_INVALID);
    bad("\"gty\":1", NGX_OOF_TOKEN_INVALID);
    bad("\"gty\":\"\"", NGX_OOF_TOKEN_INVALID);
    bad("\"gty\":\"password\"", NGX_OOF_TOKEN_INVALID);
    good("\"gty\":\"client_credentials\",\"scope\":\"consent:a\"",
         NGX_OOF_GRANT_CLIENT, "a", "");
    good("\"gty\":\"authorization_code\"", NGX_OOF_GRANT_CODE, "", "");
    good("\"gty\":\"refresh_token\"", NGX_OOF_GRANT_CODE, "", "");

    ngx_str_null(&issuer.grant_claim);
}


static void
test_scope(void)
{
    ngx_uint_t        i;
    ngx_str_t         scope;
    ngx_oof_token_t   token;

    static struct {
        const char  *scope;
        const char  *want;
        ngx_uint_t   has;
    } t[] = {
        { "consents", "consents", 1 },
        { "openid consents payments", "consents", 1 },
        { "openid  consents", "consents", 1 },
        { "", "consents", 0 },
        { " ", "consents", 0 },
        { "consent", "consents", 0 },
        { "consentss", "consents", 0 },
        { "xconsents consents:", "consents", 0 },
        { "Consents", "consents", 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        token.scope = str(t[i].scope);
        scope = str(t[i].want);
        is_int(ngx_oof_token_has_scope(&token, &scope), t[i].has,
               "\"%s\" has \"%s\"", t[i].scope, t[i].want);
    }
}


static void
digest_of(ngx_uint_t n, u_char *digest)
{
    EVP_Digest(&n, sizeof(n), digest, NULL, EVP_sha256(), NULL);
}


static void
add(ngx_oof_token_cache_t *cache, ngx_uint_t n, int64_t until)
{
    ngx_uint_t              result;
    ngx_oof_token_entry_t  *entry;

    entry = judge("", &result);
    digest_of(n, entry->digest);
    entry->until = until;
    entry->generation = n;

    ngx_oof_token_cache_add(cache, entry);
    ngx_oof_token_entry_free(entry);
}


static ngx_oof_token_entry_t *
find(ngx_oof_token_cache_t *cache, ngx_uint_t n, ngx_oof_jwks_t *jwks,
    int64_t now)
{
    u_char  digest[NGX_OOF_TOKEN_DIGEST];

    digest_of(n, digest);

    return ngx_oof_token_cache_find(cache, digest, jwks, now);
}


static void
test_cache(void)
{
    ngx_uint_t              i, there;
    ngx_oof_jwk_t           key;
    ngx_oof_jwks_t          jwks;
    ngx_oof_token_cache_t   cache;
    ngx_oof_token_entry_t  *entry;

    ngx_oof_token_cache_init(&cache, 100, tap_log);

    for (i = 0; i < 1000; i++) {
        add(&cache, i, 1000);
    }

    is_int(cache.n, 100, "the cache is bounded");

    for (i = 0, there = 0; i < 1000; i++) {
        there += find(&cache, i, NULL, 0) != NULL;
    }

    is_int(there, 100, "as many are found");
    ok(find(&cache, 999, NULL, 0) != NULL, "the last one");
    ok(find(&cache, 900, NULL, 1) != NULL, "the oldest of them, now used");

    for (i = 0; i < 99; i++) {
        add(&cache, 2000 + i, 1000);
    }

    ok(find(&cache, 900, NULL, 0) != NULL, "what was used last stays longest");
    ok(find(&cache, 999, NULL, 0) == NULL, "the others made room");

    add(&cache, 1, 50);
    add(&cache, 1, 60);
    is_int(cache.n, 100, "the same token twice is there once");
    ok(find(&cache, 1, NULL, 59) != NULL, "before its end");
    ok(find(&cache, 1, NULL, 60) == NULL, "not at its end");
    ok(find(&cache, 1, NULL, 0) == NULL, "and gone for good");

    ngx_memzero(&jwks, sizeof(ngx_oof_jwks_t));
    ngx_memzero(&key, sizeof(ngx_oof_jwk_t));
    jwks.keys = &key;
    jwks.nkeys = 1;
    key.generation = 7;

    add(&cache, 7, 1000);
    add(&cache, 8, 1000);
    ok(find(&cache, 7, &jwks, 0) != NULL, "its key is in the set");
    ok(find(&cache, 8, &jwks, 0) == NULL, "its key is not");
    key.generation = 8;
    ok(find(&cache, 8, &jwks, 0) == NULL, "nor when it comes back");

    add(&cache, 9, 1000);
    entry = find(&cache, 9, NULL, 0);
    entry->refs++;
    ngx_oof_token_cache_done(&cache);
    is_str(&entry->token.client_id, "one", "an entry that is held outlives it");
    ngx_oof_token_entry_free(entry);

    ngx_oof_token_cache_init(&cache, 1, tap_log);
    add(&cache, 1, 10);
    add(&cache, 2, 10);
    is_int(cache.n, 1, "a cache of one");
    ok(find(&cache, 2, NULL, 0) != NULL, "has the last one");
    ngx_oof_token_cache_done(&cache);

    ngx_oof_token_cache_init(&cache, 0, tap_log);
    add(&cache, 1, 10);
    ok(find(&cache, 1, NULL, 0) == NULL, "a cache of none has none");
    ngx_oof_token_cache_done(&cache);
}


int
main(int argc, char *const *argv)
{
    ngx_str_t  *audience;

    tap_start(argc, argv);

    issuer.issuer = str("https://as");
    issuer.skew = 5;

    ngx_array_init(&issuer.audience, tap_pool, 2, sizeof(ngx_str_t));
    audience = ngx_array_push(&issuer.audience);
    *audience = str("https://api");
    audience = ngx_array_push(&issuer.audience);
    *audience = str("https://other");

    test_claims();
    test_customer();
    test_grant_claim();
    test_scope();
    test_cache();

    return tap_done();
}
