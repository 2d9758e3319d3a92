
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


char *
ngx_oof_keys_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return NGX_CONF_OK;
}


ngx_oof_keys_t *
ngx_oof_keys_find(ngx_conf_t *cf, ngx_str_t *name)
{
    return NULL;
}


ngx_int_t
ngx_oof_keys_bind(ngx_conf_t *cf, ngx_oof_keys_t *keys, ngx_oof_database_t *db)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_crypt_seal(ngx_oof_keys_t *keys, ngx_oof_database_t *db, ngx_pool_t *pool, const char *table, u_char *id, ngx_str_t *plain, ngx_str_t *sealed)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_crypt_open(ngx_oof_keys_t *keys, ngx_pool_t *pool, const char *table, u_char *id, ngx_str_t *sealed, ngx_str_t *plain)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_crypt_lookup(ngx_oof_keys_t *keys, ngx_uint_t n, const char *domain, ngx_str_t *value, u_char *out)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_crypt_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_crypt_exit_process(ngx_cycle_t *cycle)
{
}

