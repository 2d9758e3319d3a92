
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_JWS_H_INCLUDED_
#define _NGX_OOF_JWS_H_INCLUDED_


#include <ngx_oof.h>


/* compact JWS (RFC 7515), as FAPI-BR uses it: PS256, RS256 and ES256 only */

#define NGX_OOF_ALG_PS256   1
#define NGX_OOF_ALG_RS256   2
#define NGX_OOF_ALG_ES256   3

/* the longest header, decoded, and the longest kid */
#define NGX_OOF_JWS_HEADER  2048
#define NGX_OOF_JWS_KID     256


typedef struct {
    ngx_str_t                kid;        /* empty when there is none */
    ngx_str_t                typ;
    ngx_uint_t               alg;        /* 0: one that is not ours */
    ngx_str_t                payload;    /* decoded bytes, not verified yet */
    ngx_str_t                signing_input;
    ngx_str_t                signature;  /* decoded */
} ngx_oof_jws_t;


/*
 * Takes a compact serialisation apart; the header must be an object with alg,
 * no crit, no b64; x5u, x5c, jku and jwk are refused.  NGX_DECLINED with a
 * literal reason in "why" when it is not one, NGX_ERROR without memory.  The
 * results live in "pool", signing_input points into "text".
 */
ngx_int_t ngx_oof_jws_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_oof_jws_t *jws, const char **why);

/*
 * Verifies with "key" by "alg", which comes from the configuration and never
 * from the header; the header's must be the same, and the key of its kind.
 * NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_oof_jws_verify(ngx_oof_jws_t *jws, EVP_PKEY *key,
    ngx_uint_t alg);

/*
 * What signs with "key", which is RSA, by PS256: made once for a key, used by
 * any thread, freed by EVP_MD_CTX_free().  NULL when the key is another one.
 */
EVP_MD_CTX *ngx_oof_jws_signer(EVP_PKEY *key);

/*
 * Compact serialisation of "payload" signed with PS256, typ "JWT" (spec 2.2).
 * "kid" is text.
 */
ngx_int_t ngx_oof_jws_sign(ngx_pool_t *pool, EVP_MD_CTX *signer,
    ngx_str_t *kid, ngx_str_t *payload, ngx_str_t *text);

/* one of NGX_OOF_ALG_..., 0 when the name is not ours */
ngx_uint_t ngx_oof_jws_alg(ngx_str_t *name);

/*
 * Base64url of RFC 7515 to the letter: no padding, no other characters, no
 * stray bits.  "dst->data" has room for ngx_base64_decoded_length(src->len);
 * NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_oof_base64url_decode(ngx_str_t *dst, ngx_str_t *src);


#endif /* _NGX_OOF_JWS_H_INCLUDED_ */
