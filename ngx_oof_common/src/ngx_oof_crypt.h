
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CRYPT_H_INCLUDED_
#define _NGX_OOF_CRYPT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Personal data at rest.  A sealed value is
 *
 *     1 byte version | 1 byte length of key id | key id | 12 bytes nonce |
 *     ciphertext | 16 bytes tag
 *
 * AES-256-GCM with a random nonce (NIST SP 800-38D, 8.2.2); additional data =
 * table, row id and key id, so that values cannot be swapped between rows or
 * tables.  A key encrypts at most 2^31 values, half of what the standard
 * allows.  The count is kept in the database (oof_key_usage), reserved there
 * in portions, so that all processes of the installation share it; a portion
 * lies in the shared zone, where the workers of a host use it up together and
 * a reload finds it.  What is lost with a host was counted: only waste.
 */

#define NGX_OOF_KEY_LEN          32
#define NGX_OOF_KEY_ID_MAX       16
#define NGX_OOF_KEY_FINGERPRINT  32      /* hexadecimal digits */
#define NGX_OOF_LOOKUP_LEN       32

/* what a sealed value has more than its plain text, at most */
#define NGX_OOF_SEAL_OVERHEAD    (2 + NGX_OOF_KEY_ID_MAX + 12 + 16)


/* in the shared zone: what is left of the portions of a key in a database */

typedef struct ngx_oof_key_pool_s  ngx_oof_key_pool_t;

struct ngx_oof_key_pool_s {
    ngx_oof_key_pool_t      *next;
    ngx_atomic_t             left;       /* signed: may pass zero for an
                                          * instant */
    ngx_atomic_t             portion;    /* what is asked for next */
    ngx_atomic_t             asked;      /* ngx_current_msec + 1, or 0 */
    ngx_atomic_t             full;       /* the limit: no more to be had */
    u_char                   fingerprint[NGX_OOF_KEY_FINGERPRINT];
    u_char                   database[64];
};


/*
 * "oof_keys NAME { encrypt ID FILE; … lookup ID FILE; … }": a file has 64
 * hexadecimal digits, an id 1 to 16 letters and digits.  The first of each kind
 * serves new rows.
 */
char *ngx_oof_keys_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_oof_keys_t *ngx_oof_keys_find(ngx_conf_t *cf, ngx_str_t *name);

/*
 * Declares at configuration time that "keys" seal values which "db" stores,
 * so that a portion of their use is reserved there before the first.
 */
ngx_int_t ngx_oof_keys_bind(ngx_conf_t *cf, ngx_oof_keys_t *keys,
    ngx_oof_database_t *db);

/*
 * Seals "plain" for row "id" (16 bytes) of "table" under the first key.
 * NGX_OK with the value in "sealed" (in the pool); NGX_BUSY when the portion
 * reserved in "db" is used up and the next is not there yet (503);
 * NGX_DECLINED when the key has reached its limit, which is logged (500: a new
 * first key is needed); NGX_ERROR.
 */
ngx_int_t ngx_oof_crypt_seal(ngx_oof_keys_t *keys, ngx_oof_database_t *db,
    ngx_pool_t *pool, const char *table, u_char *id, ngx_str_t *plain,
    ngx_str_t *sealed);

/*
 * For who is going to seal: NGX_OK, nothing is in the way, or NGX_AGAIN: no
 * portion is there, as in the first moments of a process without another's
 * zone.  The handler is called when one is there, or was asked for in vain;
 * ngx_queue_remove(&wait->queue) forgets it.  Memory is the caller's.
 */
typedef struct {
    ngx_queue_t              queue;
    void                   (*handler)(void *data);
    void                    *data;
} ngx_oof_crypt_wait_t;

ngx_int_t ngx_oof_crypt_wait(ngx_oof_keys_t *keys, ngx_oof_database_t *db,
    ngx_oof_crypt_wait_t *wait);

/* NGX_DECLINED: unknown key or a value that was altered or swapped */
ngx_int_t ngx_oof_crypt_open(ngx_oof_keys_t *keys, ngx_pool_t *pool,
    const char *table, u_char *id, ngx_str_t *sealed, ngx_str_t *plain);

/*
 * HMAC-SHA-256 of a look-up value (a CPF) under look-up key "n" (0 is the one
 * for new rows), separated by "domain" ("consent.cpf"); 32 bytes in "out".
 * NGX_DECLINED when there is no key "n".
 */
ngx_int_t ngx_oof_crypt_lookup(ngx_oof_keys_t *keys, ngx_uint_t n,
    const char *domain, ngx_str_t *value, u_char *out);

/*
 * For the rotation of keys: how many keys of a kind ("lookup": 1, else 0) a
 * block has, and their ids; the block of a name in a running configuration, or
 * NULL; fingerprints of both first keys (NGX_OOF_KEYS_TARGET digits); the
 * number of the key that a value is sealed with, or NGX_DECLINED.
 */

#define NGX_OOF_KEYS_TARGET      (2 * NGX_OOF_KEY_FINGERPRINT)

ngx_uint_t ngx_oof_keys_count(ngx_oof_keys_t *keys, ngx_uint_t lookup);
ngx_str_t *ngx_oof_keys_id(ngx_oof_keys_t *keys, ngx_uint_t lookup,
    ngx_uint_t n);
ngx_str_t *ngx_oof_keys_name(ngx_oof_keys_t *keys);
ngx_oof_keys_t *ngx_oof_keys_named(ngx_cycle_t *cycle, ngx_str_t *name);
void ngx_oof_keys_target(ngx_oof_keys_t *keys, u_char *target);
ngx_int_t ngx_oof_crypt_sealed_with(ngx_oof_keys_t *keys, ngx_str_t *sealed);

/*
 * For readiness: a value could be sealed now for each database that "keys" are
 * bound to.  A key at its limit is no matter of waiting and counts as ready.
 */
ngx_uint_t ngx_oof_keys_ready(ngx_oof_keys_t *keys);

/*
 * Called while the zone is made or found again, by one process: makes the
 * pools of the bound "keys" (of ngx_oof_keys_t *) that are not in "*pools".
 * Those of "old", a zone that is being replaced, give half of what is left.
 */
ngx_int_t ngx_oof_crypt_init_zone(ngx_array_t *keys, ngx_slab_pool_t *shpool,
    ngx_oof_key_pool_t **pools, ngx_oof_key_pool_t *old);

ngx_int_t ngx_oof_crypt_init(ngx_conf_t *cf);        /* metrics */
ngx_int_t ngx_oof_crypt_init_process(ngx_cycle_t *cycle);
void ngx_oof_crypt_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_CRYPT_H_INCLUDED_ */
