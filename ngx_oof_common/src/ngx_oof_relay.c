
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_relay_int.h>


ngx_int_t
ngx_oof_relay_init(ngx_conf_t *cf)
{
    return ngx_oof_events_init(cf);
}


ngx_int_t
ngx_oof_relay_consumer(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    return NGX_OK;
}


void
ngx_oof_relay_done(ngx_oof_delivery_t *delivery, ngx_int_t rc,
    const char *why)
{
    /* void */
}


void
ngx_oof_relay_wake(ngx_oof_database_t *db)
{
    /* void */
}


int64_t
ngx_oof_relay_head(ngx_oof_database_t *db)
{
    return 0;
}


void
ngx_oof_relay_row(ngx_oof_relay_event_t *event, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_uint_t col)
{
    ngx_str_t  id;

    event->position = ngx_oof_pg_get_int(u, s, row, col);
    ngx_oof_pg_get_str(u, s, row, col + 1, &id);
    ngx_memcpy(event->id, id.data, NGX_OOF_UUID_LEN);
    ngx_oof_pg_get_str(u, s, row, col + 2, &event->type);
    ngx_oof_pg_get_str(u, s, row, col + 3, &event->brand);
    ngx_oof_pg_get_str(u, s, row, col + 4, &id);
    ngx_memcpy(event->key, id.data, NGX_OOF_UUID_LEN);
    event->version = ngx_oof_pg_get_int(u, s, row, col + 5);
    event->time = ngx_oof_pg_get_time(u, s, row, col + 6);
    event->stamp = ngx_oof_pg_get_time(u, s, row, col + 7);
    ngx_oof_pg_get_str(u, s, row, col + 8, &event->data);
}
