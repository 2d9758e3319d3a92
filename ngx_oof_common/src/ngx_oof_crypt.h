
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
 * AES-256-GCM, additional data = table, row id and key id, so that values
 * cannot be swapped between rows or tables.  A key encrypts at most 2^31
 * values; the count is kept in the database (oof_key_usage), reserved in
 * portions, so that all processes of the installation share it.
 */

#define NGX_OOF_LOOKUP_LEN   32


/* "oof_keys NAME { … }" */
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
 * NGX_DECLINED when the key has reached its limit; NGX_ERROR.
 */
ngx_int_t ngx_oof_crypt_seal(ngx_oof_keys_t *keys, ngx_oof_database_t *db,
    ngx_pool_t *pool, const char *table, u_char *id, ngx_str_t *plain,
    ngx_str_t *sealed);

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

ngx_int_t ngx_oof_crypt_init_process(ngx_cycle_t *cycle);
void ngx_oof_crypt_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_CRYPT_H_INCLUDED_ */
