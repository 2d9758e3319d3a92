
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_MESSAGE_H_INCLUDED_
#define _NGX_OOF_MESSAGE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Signed messages (spec 2.2, 5.5): bodies of requests that are a JWS of the
 * caller's organisation, and answers that are one of the bank's.
 *
 * An API with NGX_OOF_API_JWT signs its answers 200, 201, 202 and 422, whose
 * handlers prepare them as JSON like any other; other errors are plain JSON.
 */

#define NGX_OOF_SIGNING_INLINE   1
#define NGX_OOF_SIGNING_THREADS  2

/* s, of the real clock, to both sides of "iat" (spec 2.2) */
#define NGX_OOF_MESSAGE_IAT      60


/* a key of the bank, "oof_signing_key KID FILE" */

typedef struct {
    ngx_str_t                kid;
    EVP_PKEY                *key;
    EVP_MD_CTX              *signer;
} ngx_oof_signing_key_t;


/* the message of a request, while it is judged and after */

struct ngx_oof_message_s {
    ngx_oof_jws_t            jws;
    ngx_oof_handler_pt       next;
    ngx_oof_jwks_t          *jwks;       /* that is waited for */
    u_char                   jti[NGX_OOF_UUID_LEN];
};


/*
 * The first thing that the handler of a route with NGX_OOF_MEDIA_JWT does:
 *
 *     return ngx_oof_message_read(o, next);
 *
 * "next" is called with the claims of a message that is the caller's in
 * o->json, and with o->message->jti, which nobody has looked up yet.  Else 400
 * BAD_SIGNATURE (form, algorithm, type, key, signature), 403 INVALID_CLIENT
 * (iss, aud, iat, jti), 503 (the keystore gives no keys) or 529 is prepared.
 */
ngx_int_t ngx_oof_message_read(ngx_oof_request_t *o, ngx_oof_handler_pt next);

/* prepares 403 for a jti that was used before; returns NGX_OK */
ngx_int_t ngx_oof_message_reused(ngx_oof_request_t *o);

/*
 * Signs what is prepared in "o", when it is to be signed: NGX_OK, also when
 * there is nothing to do; NGX_AGAIN, a thread does it and resumes the request;
 * NGX_ERROR.
 */
ngx_int_t ngx_oof_message_sign(ngx_oof_request_t *o);


/* "oof_signing_key KID FILE", "oof_signing inline|threads[=POOL]" */
char *ngx_oof_signing_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_signing(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* "oof_key_set": the handler of the bank's own key set, and its text */
ngx_int_t ngx_oof_key_set_handler(ngx_http_request_t *r);
ngx_int_t ngx_oof_key_set_text(ngx_conf_t *cf, ngx_array_t *keys,
    ngx_str_t *text);

ngx_int_t ngx_oof_message_preconf(ngx_conf_t *cf);   /* metrics */


#endif /* _NGX_OOF_MESSAGE_H_INCLUDED_ */
