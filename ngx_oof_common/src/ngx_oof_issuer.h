
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_ISSUER_H_INCLUDED_
#define _NGX_OOF_ISSUER_H_INCLUDED_


#include <ngx_oof.h>


/* what token, issuer, introspection and the cache of tokens share */


/* how a check ended: series of oof_token_checks_total, in this order */

#define NGX_OOF_TOKEN_OK           0
#define NGX_OOF_TOKEN_MISSING      1     /* no bearer token in the request */
#define NGX_OOF_TOKEN_INVALID      2
#define NGX_OOF_TOKEN_EXPIRED      3
#define NGX_OOF_TOKEN_UNBOUND      4     /* another certificate's */
#define NGX_OOF_TOKEN_GRANT        5
#define NGX_OOF_TOKEN_SCOPE        6
#define NGX_OOF_TOKEN_UNAVAILABLE  7     /* no keys, no introspection */

#define NGX_OOF_TOKEN_DIGEST       32
#define NGX_OOF_TOKEN_X5T          43


typedef struct ngx_oof_token_entry_s  ngx_oof_token_entry_t;

/* a token that was found good, in one piece of memory with its strings */

struct ngx_oof_token_entry_s {
    ngx_queue_t              lru;
    ngx_oof_token_entry_t   *next;       /* of the same bucket */
    ngx_uint_t               refs;
    u_char                   digest[NGX_OOF_TOKEN_DIGEST];
    ngx_uint_t               generation; /* of the key; 0: introspected */
    int64_t                  until;      /* real clock, s */
    int64_t                  used;       /* the last time, s */
    u_char                   x5t[NGX_OOF_TOKEN_X5T];
    unsigned                 has_x5t:1;
    size_t                   size;       /* of the text */
    ngx_oof_token_t          token;
    u_char                   text[];
};


typedef struct {
    ngx_oof_token_entry_t  **buckets;
    ngx_uint_t               mask;
    ngx_uint_t               n;
    ngx_uint_t               max;
    ngx_queue_t              lru;        /* the newest first */
} ngx_oof_token_cache_t;


struct ngx_oof_issuer_s {
    ngx_str_t                name;
    ngx_str_t                issuer;
    ngx_array_t              audience;   /* of ngx_str_t */
    ngx_uint_t               algorithm;
    ngx_flag_t               bound;
    ngx_str_t                grant_claim;  /* NUL after it */
    time_t                   skew;
    ngx_int_t                cache_size;
    ngx_str_t                ca;         /* PEM text */

    ngx_str_t                jwks_url;
    ngx_msec_t               jwks_refresh;
    ngx_oof_jwks_t          *jwks;

    ngx_str_t                introspection;
    ngx_str_t                introspection_addrs;
    ngx_str_t                introspection_auth;   /* the header's line */
    time_t                   introspection_cache;

    /* a worker's */
    ngx_oof_token_cache_t    cache;
    ngx_queue_t              calls;      /* introspections that run */
};


/* postconfiguration and the worker's life */
ngx_int_t ngx_oof_issuer_init(ngx_conf_t *cf, ngx_oof_issuer_t *issuer);

/* of at most "max" tokens, 0: none; and its end */
ngx_int_t ngx_oof_token_cache_init(ngx_oof_token_cache_t *cache,
    ngx_uint_t max, ngx_log_t *log);
void ngx_oof_token_cache_done(ngx_oof_token_cache_t *cache);

/*
 * The entry of a digest, or NULL.  One that is past its time, or whose key is
 * not in "jwks" any more, is dropped.  "now" is in seconds.
 */
ngx_oof_token_entry_t *ngx_oof_token_cache_find(ngx_oof_token_cache_t *cache,
    u_char *digest, ngx_oof_jwks_t *jwks, int64_t now);

/* takes a reference of its own; the one least used makes room */
void ngx_oof_token_cache_add(ngx_oof_token_cache_t *cache,
    ngx_oof_token_entry_t *entry);

/* gives a reference back */
void ngx_oof_token_entry_free(ngx_oof_token_entry_t *entry);

/*
 * Judges claims of a JWT or of an introspection answer and makes an entry of
 * them, with one reference.  NULL with "result" and "why" when they are no
 * good.
 */
ngx_oof_token_entry_t *ngx_oof_token_claims(ngx_oof_issuer_t *issuer,
    json_t *claims, ngx_uint_t *result, const char **why);

/*
 * Ends the check with an entry, or refuses: counts, logs "why" (a literal) and
 * prepares the answer.  Return what ngx_oof_token_check() does.
 */
ngx_int_t ngx_oof_token_judge(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer,
    ngx_oof_token_entry_t *entry);
ngx_int_t ngx_oof_token_refuse(ngx_oof_request_t *o, ngx_uint_t result,
    const char *why);

/* RFC 7662; NGX_AGAIN, or as ngx_oof_token_refuse() */
ngx_int_t ngx_oof_introspect(ngx_oof_request_t *o, ngx_oof_issuer_t *issuer,
    ngx_str_t *token, u_char *digest);
ngx_int_t ngx_oof_introspect_init(ngx_conf_t *cf);
void ngx_oof_introspect_exit(ngx_oof_issuer_t *issuer);


#endif /* _NGX_OOF_ISSUER_H_INCLUDED_ */
