
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


char *
ngx_oof_database_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return NGX_CONF_OK;
}


ngx_oof_database_t *
ngx_oof_database_find(ngx_conf_t *cf, ngx_str_t *name)
{
    return NULL;
}


ngx_oof_pg_unit_t *
ngx_oof_pg_unit(ngx_oof_database_t *db, ngx_uint_t class)
{
    return NULL;
}


void
ngx_oof_pg_statement(ngx_oof_pg_unit_t *u, ngx_oof_sql_t *sql)
{
}


void
ngx_oof_pg_null(ngx_oof_pg_unit_t *u)
{
}


void
ngx_oof_pg_uuid(ngx_oof_pg_unit_t *u, u_char *id)
{
}


void
ngx_oof_pg_text(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
}


void
ngx_oof_pg_bytea(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
}


void
ngx_oof_pg_int4(ngx_oof_pg_unit_t *u, int32_t value)
{
}


void
ngx_oof_pg_int8(ngx_oof_pg_unit_t *u, int64_t value)
{
}


void
ngx_oof_pg_bool(ngx_oof_pg_unit_t *u, ngx_uint_t value)
{
}


void
ngx_oof_pg_time(ngx_oof_pg_unit_t *u, int64_t us)
{
}


ngx_int_t
ngx_oof_pg_send(ngx_oof_pg_unit_t *u)
{
    return NGX_ERROR;
}


void
ngx_oof_pg_detach(ngx_oof_pg_unit_t *u)
{
}


void
ngx_oof_pg_free(ngx_oof_pg_unit_t *u)
{
}


ngx_uint_t
ngx_oof_pg_rows(ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    return 0;
}


ngx_uint_t
ngx_oof_pg_is_null(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_uint_t col)
{
    return 0;
}


void
ngx_oof_pg_get_str(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_uint_t col, ngx_str_t *value)
{
}


int64_t
ngx_oof_pg_get_int(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_uint_t col)
{
    return 0;
}


int64_t
ngx_oof_pg_get_time(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_uint_t col)
{
    return 0;
}


ngx_uint_t
ngx_oof_pg_ready(ngx_oof_database_t *db)
{
    return 0;
}


ngx_int_t
ngx_oof_pg_preconf(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_pg_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_pg_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


void
ngx_oof_pg_exit_process(ngx_cycle_t *cycle)
{
}

