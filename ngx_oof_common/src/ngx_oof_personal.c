
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_relay_int.h>


#define NGX_OOF_PERSONAL_MAX   8
#define NGX_OOF_PERSONAL_SIZE  512


typedef struct {
    const char              *prefix;
    ngx_oof_personal_pt      handler;
} ngx_oof_personal_rule_t;


static ngx_oof_personal_pt ngx_oof_personal_find(ngx_str_t *type);
static ngx_int_t ngx_oof_personal_data(ngx_oof_relay_event_t *event,
    ngx_pool_t *pool, ngx_str_t *data);
static ngx_int_t ngx_oof_personal_wrap(ngx_oof_relay_event_t *event,
    ngx_pool_t *pool, ngx_str_t *members, ngx_str_t *data);


/* of the binary: what modules there are is the same for all configurations */

static ngx_oof_personal_rule_t  ngx_oof_personal_rules[NGX_OOF_PERSONAL_MAX];


ngx_int_t
ngx_oof_personal_add(const char *prefix, ngx_oof_personal_pt handler)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_PERSONAL_MAX; i++) {

        if (ngx_oof_personal_rules[i].prefix == NULL
            || ngx_strcmp(ngx_oof_personal_rules[i].prefix, prefix) == 0)
        {
            ngx_oof_personal_rules[i].prefix = prefix;
            ngx_oof_personal_rules[i].handler = handler;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_oof_personal_pt
ngx_oof_personal_find(ngx_str_t *type)
{
    size_t      len;
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_PERSONAL_MAX && ngx_oof_personal_rules[i].prefix;
         i++)
    {
        len = ngx_strlen(ngx_oof_personal_rules[i].prefix);

        if (type->len >= len
            && ngx_strncmp(type->data, ngx_oof_personal_rules[i].prefix, len)
               == 0)
        {
            return ngx_oof_personal_rules[i].handler;
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_personal_open(ngx_pool_t *pool, const char *table, u_char *id,
    ngx_str_t *sealed, ngx_str_t *plain)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_oof_keys_t       **keys;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);

    keys = omcf->keys.elts;

    for (i = 0; i < omcf->keys.nelts; i++) {
        rc = ngx_oof_crypt_open(keys[i], pool, table, id, sealed, plain);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "personal data of an event cannot be opened: a value of %s",
                  table);

    return NGX_DECLINED;
}


ngx_oof_relay_event_t *
ngx_oof_personal_event(ngx_oof_consumer_t *c, ngx_oof_relay_event_t *event)
{
    ngx_int_t               rc;
    ngx_str_t               data;
    ngx_pool_t             *pool;
    ngx_oof_relay_event_t   copy, *own;

    if (!c->personal || event->personal == NULL) {
        event->references++;
        return event;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    own = NULL;
    rc = ngx_oof_personal_data(event, pool, &data);

    if (rc == NGX_OK) {
        copy = *event;
        copy.data = data;
        copy.personal = NULL;

        own = ngx_oof_relay_event_make(&copy);

        ngx_explicit_memzero(data.data, data.len);

    } else if (rc == NGX_DECLINED) {
        event->references++;
        own = event;
    }

    ngx_destroy_pool(pool);

    return own;
}


static ngx_int_t
ngx_oof_personal_data(ngx_oof_relay_event_t *event, ngx_pool_t *pool,
    ngx_str_t *data)
{
    ngx_int_t            rc;
    ngx_str_t            members;
    ngx_oof_json_t       w;
    ngx_oof_personal_pt  handler;

    handler = ngx_oof_personal_find(&event->type);

    if (handler == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_oof_json_init(&w, pool, NGX_OOF_PERSONAL_SIZE) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');

    rc = handler(event, pool, &w);

    ngx_oof_json_end(&w, '}');

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_oof_json_text(&w, &members) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_personal_wrap(event, pool, &members, data);

    ngx_explicit_memzero(members.data, members.len);

    return rc;
}


/* the first member of data: a trace is the last */

static ngx_int_t
ngx_oof_personal_wrap(ngx_oof_relay_event_t *event, ngx_pool_t *pool,
    ngx_str_t *members, ngx_str_t *data)
{
    u_char  *p;

    p = ngx_pnalloc(pool, event->data.len + members->len
                          + sizeof("\"personal\":,"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    data->data = p;

    p = ngx_sprintf(p, "{\"personal\":%V%s", members,
                    event->data.len > 2 ? "," : "");
    p = ngx_cpymem(p, event->data.data + 1, event->data.len - 1);

    data->len = p - data->data;

    return NGX_OK;
}
