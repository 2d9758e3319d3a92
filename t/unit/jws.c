
/*
 * Copyright (C) oof authors
 */


/* compact JWS and the keys of a set */


#include "tap.h"


#define RFC_N                                                                 \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw"     \
    "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3269"     \
    "0r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS"     \
    "-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG"     \
    "hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp"     \
    "oQ"

#define RFC_X  "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define RFC_Y  "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

#define RFC_PAYLOAD                                                           \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"     \
    "LmNvbS9pc19yb290Ijp0cnVlfQ"

/* RFC 7515, A.2 and A.3 */

#define RFC_RS256                                                             \
    "eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD "."                                   \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuH"     \
    "Im4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdi"     \
    "uB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN"     \
    "9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2"     \
    "w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77"     \
    "Rw"

#define RFC_ES256                                                             \
    "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD "."                                   \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQ"     \
    "xfKTUJqPP3-Kg6NU1Q"

/* made with another library: {"alg":"PS256","kid":"a","typ":"JWT"} */

#define PSS_N                                                                 \
    "sHtjBIW_PC1QYHwtiomAVrVZ86HLEOw-iKURD0wCB_VHEqhle7N9eOg7V3QY0jz7qM8S"     \
    "sADSWL93_5ZxjCm3ekccCLEoe4P2lAYVDTmZGGij1F9u1zeS1H96f9eTak9DunSdu_XP"     \
    "dPfB6u4D9k66euxrmgHrAy0jVxNlGv9v0XF6pLaQk-DJnuoWkn2pGWoyZXQjcEhywfwP"     \
    "LpyIZoobCNftM1fJa_uXVz4_CKUKefco2la1Wzqww3Qald4GV0Bq3PMQjKQ9QI5Krfnt"     \
    "Uk9ITHc9bp73txGcWhBSAY0jrqrEH0wdzDXLjIVpB6c6gWfundCrNc8RHYB_kQnzgvGB"     \
    "9w"

#define PSS_TOKEN                                                             \
    "eyJhbGciOiJQUzI1NiIsImtpZCI6ImEiLCJ0eXAiOiJKV1QifQ."                      \
    "eyJkYXRhIjp7IngiOjF9fQ."                                                  \
    "oam4HqhDLUi2kZ9PGNxKQvJoRq3-KW2etc-I0uzI041zGZRcra5IL0aNZCOeUK_hYQxS"     \
    "Iikti98la13dpznIJnAkwR7vX6XcvXQvacdkqNPJIoK2bHhxsUAKdRw_Fu6hREcpplwl"     \
    "Cf_dcekPyYn2Fr-osGfmlkx_E_VYbWKn7GmdR6vINoRF4HhHPwkaOaDZTMVDoAzTekZo"     \
    "Zoq2xqlqchB7T4YwvwRLqvs9FpDS_S65e1zSvTAJ6mAkf7b38vGMWEhpPuzvliCChbdT"     \
    "a3Okr1KgDJvLjTZuAa9_J5ChGxD6nFPgDrV651fD4RCjeOytZtelHEBXAKRAeGOs27vG"     \
    "iA"

#define SMALL_N                                                               \
    "0I4ShNe02yqs8Z_jPIlZfPzVKmmwy06MlcjgWRhj2fr0IplAvKOO_atz5OyGq-x8UGr1"     \
    "6u-reu-aqEzQ9kmQu_ARvPH_Gcggywi7WEJ_n-bMG642JaJqY8Iev-U4YWo_xy0naHeb"     \
    "rKZHPzKI993uKTvHKHwGgqow3WYryqZCKq8"

#define RSA(kid, n, more)                                                     \
    "{\"kty\":\"RSA\",\"kid\":\"" kid "\",\"n\":\"" n "\",\"e\":\"AQAB\""      \
    more "}"

#define EC(kid, x, y, more)                                                   \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"" kid "\",\"x\":\"" x         \
    "\",\"y\":\"" y "\"" more "}"

#define SET(keys)  "{\"keys\":[" keys "]}"


static ngx_oof_jwks_t  set;


static ngx_int_t
load(const char *json)
{
    ngx_str_t    text;
    const char  *why;

    text = str(json);
    set.url = str("test");
    why = NULL;

    return ngx_oof_jwks_load(&set, &text, tap_log, &why);
}


static EVP_PKEY *
find(const char *kid, ngx_uint_t alg, ngx_uint_t *generation)
{
    ngx_str_t   name;
    ngx_uint_t  unused;

    name = str(kid);

    return ngx_oof_jwks_find(&set, &name, alg,
                             generation ? generation : &unused);
}


static ngx_int_t
parse(const char *compact, ngx_oof_jws_t *jws)
{
    ngx_str_t    text;
    const char  *why;

    text = str(compact);
    why = NULL;

    return ngx_oof_jws_parse(tap_pool, &text, jws, &why);
}


/* header.payload.signature of three texts that are encoded here */

static ngx_int_t
parse_parts(const char *header, const char *payload, const char *signature)
{
    ngx_str_t      part, dst;
    ngx_oof_jws_t  jws;
    u_char         buf[8192];

    dst.data = buf;
    part = str(header);
    ngx_encode_base64url(&dst, &part);
    dst.data += dst.len;
    *dst.data++ = '.';

    part = str(payload);
    ngx_encode_base64url(&dst, &part);
    dst.data += dst.len;
    *dst.data++ = '.';

    part = str(signature);
    ngx_encode_base64url(&dst, &part);
    dst.data[dst.len] = '\0';

    return parse((char *) buf, &jws);
}


static void
test_base64url(void)
{
    u_char       buf[64];
    ngx_str_t    src, dst;
    ngx_uint_t   i;

    static struct {
        const char  *text;
        ngx_int_t    rc;
        const char  *value;
    } t[] = {
        { "", NGX_OK, "" },
        { "Zg", NGX_OK, "f" },
        { "Zm8", NGX_OK, "fo" },
        { "Zm9v", NGX_OK, "foo" },
        { "fn5-_w", NGX_OK, "~~~\xff" },
        { "Z", NGX_DECLINED, "" },
        { "Zg==", NGX_DECLINED, "" },
        { "Zh", NGX_DECLINED, "" },
        { "Zm9", NGX_DECLINED, "" },
        { "Zm 9", NGX_DECLINED, "" },
        { "Zm+v", NGX_DECLINED, "" },
        { "Zm/v", NGX_DECLINED, "" },
        { "Zm9v\n", NGX_DECLINED, "" }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        src = str(t[i].text);
        dst.data = buf;
        dst.len = 0;

        is_int(ngx_oof_base64url_decode(&dst, &src), t[i].rc,
               "base64url \"%s\"", t[i].text);

        if (t[i].rc == NGX_OK) {
            is_str(&dst, t[i].value, "its value");
        }
    }
}


static void
test_malformed(void)
{
    ngx_uint_t      i;
    ngx_oof_jws_t   jws;
    char            big[6000];

    static const char  *compact[] = {
        "", ".", "..", "...", "a.b", "a.b.c.d", ".e30.AA",
        "e30.e30.AA", "eyJhbGciOiJQUzI1NiJ9..AA", "eyJhbGciOiJQUzI1NiJ9.e30.",
        "eyJhbGciOiJQUzI1NiJ9.e30.A", "eyJhbGciOiJQUzI1NiJ9.e3.AA",
        "eyJhbGciOiJQUzI1NiJ9=.e30.AA", "eyJhbGciOiJQUzI1NiJ9.e30=.AA",
        " eyJhbGciOiJQUzI1NiJ9.e30.AA", "eyJhbGciOiJQUzI1NiJ9.e30.AA\n",
        "W10.e30.AA", "MQ.e30.AA"
    };

    static const char  *headers[] = {
        "", "[]", "null", "\"PS256\"", "{", "{}", "{\"alg\":null}",
        "{\"alg\":[\"PS256\"]}", "{\"alg\":\"PS256\",\"alg\":\"none\"}",
        "{\"alg\":\"PS256\"} x", "{\"alg\":\"PS256\",\"kid\":1}",
        "{\"alg\":\"PS256\",\"typ\":{}}", "{\"alg\":\"PS256\",\"crit\":[]}",
        "{\"alg\":\"PS256\",\"b64\":true}", "{\"alg\":\"PS256\",\"jku\":\"\"}",
        "{\"alg\":\"PS256\",\"jwk\":{}}", "{\"alg\":\"PS256\",\"x5u\":\"\"}",
        "{\"alg\":\"PS256\",\"x5c\":[]}",
        "{\"alg\":\"PS256\",\"kid\":\"\xff\"}",
        "{\"alg\":\"PS256\",\"kid\":\"\\u0000\"}"
    };

    for (i = 0; i < sizeof(compact) / sizeof(compact[0]); i++) {
        is_int(parse(compact[i], &jws), NGX_DECLINED, "malformed \"%s\"",
               compact[i]);
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        is_int(parse_parts(headers[i], "{}", "s"), NGX_DECLINED,
               "header %s", headers[i]);
    }

    is_int(parse_parts("{\"alg\":\"PS256\"}", "{}", ""), NGX_DECLINED,
           "no signature");
    is_int(parse_parts("{\"alg\":\"PS256\"}", "{}", "s"), NGX_OK,
           "the least that is one");

    ngx_memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    ngx_memcpy(big + sizeof(big) - 8, ".e30.AA", 7);

    is_int(parse(big, &jws), NGX_DECLINED, "a header too long");

    ngx_memset(big, ' ', sizeof(big) - 1);
    ngx_memcpy(big, "{\"alg\":\"PS256\",\"kid\":\"", 22);
    ngx_memset(big + 22, 'k', 257);
    ngx_memcpy(big + 279, "\"}\0", 3);

    is_int(parse_parts(big, "{}", "s"), NGX_DECLINED, "a kid too long");

    ngx_memcpy(big + 278, "\"}\0", 3);

    is_int(parse_parts(big, "{}", "s"), NGX_OK, "a kid of 256");

    ngx_memset(big, '[', 1400);
    big[1400] = '\0';

    is_int(parse_parts(big, "{}", "s"), NGX_DECLINED, "a deep header");
}


static void
test_none(void)
{
    ngx_uint_t     i;
    ngx_oof_jws_t  jws;

    /* none, None, HS256, PS384, RS512, ps256 */

    static const char  *tokens[] = {
        "eyJhbGciOiJub25lIn0.e30.AA", "eyJhbGciOiJOb25lIn0.e30.AA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA", "eyJhbGciOiJQUzM4NCJ9.e30.AA",
        "eyJhbGciOiJSUzUxMiJ9.e30.AA", "eyJhbGciOiJwczI1NiJ9.e30.AA"
    };

    load(SET(RSA("a", PSS_N, "")));

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        is_int(parse(tokens[i], &jws), NGX_OK, "parsed: %s", tokens[i]);
        is_int(jws.alg, 0, "its algorithm is not ours");
        is_int(ngx_oof_jws_verify(&jws, find("a", NGX_OOF_ALG_PS256, NULL),
                                  NGX_OOF_ALG_PS256),
               NGX_DECLINED, "and verifies nothing");
        is_int(ngx_oof_jws_verify(&jws, find("a", NGX_OOF_ALG_PS256, NULL),
                                  0),
               NGX_DECLINED, "not even by its own");
    }
}


static void
test_vectors(void)
{
    EVP_PKEY       *rsa, *pss, *ec;
    ngx_oof_jws_t   jws;
    char            bad[2048];

    is_int(load(SET(RSA("r", RFC_N, "") "," EC("e", RFC_X, RFC_Y, "") ","
                    RSA("a", PSS_N, ",\"use\":\"sig\",\"alg\":\"PS256\""))),
           NGX_OK, "a set of three keys");
    is_int(set.nkeys, 3, "three are there");

    rsa = find("r", NGX_OOF_ALG_RS256, NULL);
    ec = find("e", NGX_OOF_ALG_ES256, NULL);
    pss = find("a", NGX_OOF_ALG_PS256, NULL);

    ok(rsa && ec && pss, "all are found");
    ok(find("a", NGX_OOF_ALG_RS256, NULL) == NULL, "alg says the only use");
    ok(find("e", NGX_OOF_ALG_PS256, NULL) == NULL, "EC is not for PS256");
    ok(find("r", NGX_OOF_ALG_ES256, NULL) == NULL, "RSA is not for ES256");
    ok(find("x", NGX_OOF_ALG_PS256, NULL) == NULL, "an unknown kid");
    ok(find("", NGX_OOF_ALG_PS256, NULL) == NULL, "an empty kid");

    is_int(parse(RFC_RS256, &jws), NGX_OK, "RFC 7515, A.2");
    is_str(&jws.payload, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
           "\"http://example.com/is_root\":true}", "its payload");
    is_int(jws.kid.len, 0, "it has no kid");
    is_int(ngx_oof_jws_verify(&jws, rsa, NGX_OOF_ALG_RS256), NGX_OK,
           "RS256 verifies");
    is_int(ngx_oof_jws_verify(&jws, rsa, NGX_OOF_ALG_PS256), NGX_DECLINED,
           "not when PS256 is wanted");
    is_int(ngx_oof_jws_verify(&jws, pss, NGX_OOF_ALG_RS256), NGX_DECLINED,
           "not with another key");
    is_int(ngx_oof_jws_verify(&jws, ec, NGX_OOF_ALG_RS256), NGX_DECLINED,
           "not with a key of another kind");

    is_int(parse(RFC_ES256, &jws), NGX_OK, "RFC 7515, A.3");
    is_int(ngx_oof_jws_verify(&jws, ec, NGX_OOF_ALG_ES256), NGX_OK,
           "ES256 verifies");
    is_int(ngx_oof_jws_verify(&jws, rsa, NGX_OOF_ALG_ES256), NGX_DECLINED,
           "not with an RSA key");
    jws.signature.data[63] ^= 1;
    is_int(ngx_oof_jws_verify(&jws, ec, NGX_OOF_ALG_ES256), NGX_DECLINED,
           "not when a bit of s differs");
    ngx_memzero(jws.signature.data, 64);
    is_int(ngx_oof_jws_verify(&jws, ec, NGX_OOF_ALG_ES256), NGX_DECLINED,
           "not with r and s of zero");
    jws.signature.len = 63;
    is_int(ngx_oof_jws_verify(&jws, ec, NGX_OOF_ALG_ES256), NGX_DECLINED,
           "not with a short signature");

    is_int(parse(PSS_TOKEN, &jws), NGX_OK, "PS256 of another library");
    is_str(&jws.kid, "a", "its kid");
    is_str(&jws.typ, "JWT", "its typ");
    is_int(jws.alg, NGX_OOF_ALG_PS256, "its alg");
    is_int(ngx_oof_jws_verify(&jws, pss, NGX_OOF_ALG_PS256), NGX_OK,
           "PS256 verifies");
    is_int(ngx_oof_jws_verify(&jws, rsa, NGX_OOF_ALG_PS256), NGX_DECLINED,
           "not with another key");
    is_int(ngx_oof_jws_verify(&jws, pss, NGX_OOF_ALG_RS256), NGX_DECLINED,
           "not when RS256 is wanted");

    ngx_memcpy(bad, PSS_TOKEN, sizeof(PSS_TOKEN));
    bad[60] ^= 1;
    is_int(parse(bad, &jws), NGX_OK, "another payload");
    is_int(ngx_oof_jws_verify(&jws, pss, NGX_OOF_ALG_PS256), NGX_DECLINED,
           "does not verify");

    is_int(ERR_peek_error(), 0, "the error queue is clean");
}


/* a signature of "text" with a salt of that many bytes, MGF1 with "mgf" */

static void
sign(EVP_PKEY *key, ngx_str_t *text, int salt, const EVP_MD *mgf,
    ngx_str_t *signature)
{
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    signature->data = ngx_pnalloc(tap_pool, 512);
    signature->len = 512;

    ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key);
    EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt);
    EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, mgf);
    EVP_DigestSign(ctx, signature->data, &signature->len, text->data,
                   text->len);
    EVP_MD_CTX_free(ctx);
}


static void
test_sign(void)
{
    EVP_PKEY       *key, *ec;
    ngx_str_t       kid, payload, text;
    EVP_MD_CTX     *signer;
    const char     *why;
    ngx_oof_jws_t   jws;

    key = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    signer = ngx_oof_jws_signer(key);

    kid = str("a \"kid\"");
    payload = str("{\"data\":{\"x\":1}}");

    is_int(ngx_oof_jws_sign(tap_pool, signer, &kid, &payload, &text), NGX_OK,
           "signed");
    is_int(ngx_oof_jws_parse(tap_pool, &text, &jws, &why), NGX_OK,
           "parsed again");
    is_str(&jws.kid, "a \"kid\"", "kid is escaped");
    is_str(&jws.typ, "JWT", "typ");
    is_str(&jws.payload, "{\"data\":{\"x\":1}}", "payload");
    is_int(jws.alg, NGX_OOF_ALG_PS256, "PS256");
    is_int(ngx_oof_jws_verify(&jws, key, NGX_OOF_ALG_PS256), NGX_OK,
           "verified");
    is_int(ngx_oof_jws_verify(&jws, key, NGX_OOF_ALG_PS256), NGX_OK,
           "and again");

    /* what is remembered of a header is the same */

    is_int(ngx_oof_jws_parse(tap_pool, &text, &jws, &why), NGX_OK,
           "the same header");
    is_str(&jws.kid, "a \"kid\"", "the same kid");
    is_str(&jws.typ, "JWT", "the same typ");
    is_int(jws.alg, NGX_OOF_ALG_PS256, "the same algorithm");

    sign(key, &jws.signing_input, 32, EVP_sha256(), &jws.signature);
    is_int(ngx_oof_jws_verify(&jws, key, NGX_OOF_ALG_PS256), NGX_OK,
           "a salt of 32");

    sign(key, &jws.signing_input, 20, EVP_sha256(), &jws.signature);
    is_int(ngx_oof_jws_verify(&jws, key, NGX_OOF_ALG_PS256), NGX_DECLINED,
           "a salt of 20 is refused");

    sign(key, &jws.signing_input, 0, EVP_sha256(), &jws.signature);
    is_int(ngx_oof_jws_verify(&jws, key, NGX_OOF_ALG_PS256), NGX_DECLINED,
           "no salt is refused");

    sign(key, &jws.signing_input, 32, EVP_sha1(), &jws.signature);
    is_int(ngx_oof_jws_verify(&jws, key, NGX_OOF_ALG_PS256), NGX_DECLINED,
           "MGF1 with SHA-1 is refused");

    ok(ngx_oof_jws_signer(ec) == NULL, "an EC key does not sign PS256");
    is_int(ngx_oof_jws_sign(tap_pool, NULL, &kid, &payload, &text), NGX_ERROR,
           "nor does what is not there");

    payload.len = 0;
    is_int(ngx_oof_jws_sign(tap_pool, signer, &kid, &payload, &text), NGX_OK,
           "an empty payload is signed");

    EVP_MD_CTX_free(signer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ec);
}


static void
test_unusable(void)
{
    ngx_uint_t  i;

    static const char  *texts[] = {
        "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":1}", "x",
        "{\"keys\":[],\"keys\":[]}", "{\"keys\":[]} x"
    };

    static const char  *keys[] = {
        "1", "[]", "{}", "null",
        "{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AAAA\"}",
        RSA("", RFC_N, ""),
        RSA("a", SMALL_N, ""),
        RSA("a", "", ""),
        RSA("a", "!", ""),
        RSA("a", RFC_N "AA", ""),
        RSA("a", RFC_N, ",\"use\":\"enc\""),
        RSA("a", RFC_N, ",\"use\":1"),
        RSA("a", RFC_N, ",\"key_ops\":[\"sign\"]"),
        RSA("a", RFC_N, ",\"key_ops\":\"verify\""),
        RSA("a", RFC_N, ",\"alg\":\"RSA-OAEP\""),
        RSA("a", RFC_N, ",\"alg\":\"PS512\""),
        RSA("a", RFC_N, ",\"alg\":null"),
        RSA("a", RFC_N, ",\"d\":\"AQ\""),
        "{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"" RFC_N "\",\"e\":\"AQ\"}",
        "{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"" RFC_N "\",\"e\":\"BA\"}",
        "{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"" RFC_N "\"}",
        "{\"kty\":\"RSA\",\"kid\":1,\"n\":\"" RFC_N "\",\"e\":\"AQAB\"}",
        EC("a", RFC_Y, RFC_X, ""),
        EC("a", RFC_X, "", ""),
        EC("a", RFC_X, "AA" RFC_Y, ""),
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"a\",\"x\":\"" RFC_X
        "\",\"y\":\"" RFC_Y "\"}"
    };

    load(SET(RSA("old", RFC_N, "")));

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        is_int(load(texts[i]), NGX_DECLINED, "not a set: %s", texts[i]);
    }

    is_int(set.nkeys, 1, "the old keys are kept");

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char  json[2048];

        snprintf(json, sizeof(json), "{\"keys\":[%s,%s]}", keys[i],
                 RSA("good", PSS_N, ",\"key_ops\":[\"verify\",\"sign\"]"));

        is_int(load(json), NGX_OK, "a set with %.60s", keys[i]);
        is_int(set.nkeys, 1, "that key is left out, its neighbour is there");
    }

    is_int(load(SET("")), NGX_OK, "an empty set is a set");
    is_int(set.nkeys, 0, "without keys");
    is_int(ngx_oof_jwks_ready(&set), 1, "but loaded");

    is_int(ERR_peek_error(), 0, "the error queue is clean");
}


static void
test_generations(void)
{
    u_char      *p;
    EVP_PKEY    *old;
    ngx_uint_t   i, r, e, again;
    static char  json[65536];

    load(SET(RSA("r", RFC_N, "") "," EC("e", RFC_X, RFC_Y, "")));

    old = find("r", NGX_OOF_ALG_PS256, &r);
    find("e", NGX_OOF_ALG_ES256, &e);

    ok(r != e && r != 0 && e != 0, "each key has its generation");
    ok(ngx_oof_jwks_current(&set, r), "and is current");
    ok(!ngx_oof_jwks_current(&set, 0), "0 is none");

    load(SET(RSA("n", PSS_N, "") "," RSA("r", RFC_N, "")));

    ok(find("r", NGX_OOF_ALG_PS256, &again) == old,
       "a key that stays is not parsed again");
    is_int(again, r, "it keeps its generation");
    ok(!ngx_oof_jwks_current(&set, e), "the one that went is not current");

    load(SET(EC("e", RFC_X, RFC_Y, "")));
    find("e", NGX_OOF_ALG_ES256, &again);
    ok(again != e, "one that comes back is another");

    load(SET(RSA("e", RFC_N, "")));
    ok(!ngx_oof_jwks_current(&set, again), "nor does a name make a key");

    load(SET(RSA("r", RFC_N, "") "," RSA("r", PSS_N, "")));
    is_int(set.nkeys, 1, "the second of a name is left out");

    load(SET(RSA("r", RFC_N, ",\"alg\":\"PS256\"") ","
             RSA("r", PSS_N, ",\"alg\":\"RS256\"")));
    is_int(set.nkeys, 2, "unless it has another use");
    ok(find("r", NGX_OOF_ALG_PS256, NULL) != find("r", NGX_OOF_ALG_RS256,
                                                  NULL),
       "by which it is found");

    p = (u_char *) json;
    p += sprintf((char *) p, "{\"keys\":[");

    for (i = 0; i < 110; i++) {
        p += sprintf((char *) p, "%s{\"kty\":\"RSA\",\"kid\":\"k%d\","
                     "\"n\":\"%s\",\"e\":\"AQAB\"}", i ? "," : "", (int) i,
                     RFC_N);
    }

    sprintf((char *) p, "]}");

    is_int(load(json), NGX_OK, "a set of 110 keys");
    is_int(set.nkeys, NGX_OOF_JWKS_KEYS, "is cut");

    ngx_oof_jwks_unload(&set);
    is_int(ngx_oof_jwks_ready(&set), 0, "unloaded");
    ok(find("k1", NGX_OOF_ALG_PS256, NULL) == NULL, "without keys");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    test_base64url();
    test_malformed();
    test_none();
    test_vectors();
    test_sign();
    test_unusable();
    test_generations();

    return tap_done();
}
