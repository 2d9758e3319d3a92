
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_bank_list.h>
#include <ngx_oof_common_sql.h>


/* an API whose routes come from several modules */

typedef struct {
    ngx_oof_api_t           *api;
    ngx_uint_t               n;
    ngx_oof_route_t         *routes;
} ngx_oof_management_table_t;


static ngx_int_t ngx_oof_management_insert(ngx_conf_t *cf,
    ngx_oof_management_table_t *table, ngx_oof_route_t *routes,
    ngx_uint_t first);
static ngx_int_t ngx_oof_clock_get_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_clock_post_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_clock_post_offset(ngx_oof_request_t *o,
    int64_t *offset);
static ngx_int_t ngx_oof_clock_stored(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_clock_answer(ngx_oof_request_t *o);


static ngx_oof_route_t  ngx_oof_management_own[] = {

    { NGX_HTTP_GET,
      ngx_string("/clock"),
      ngx_string("clock_get"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_clock_get_handler,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/clock"),
      ngx_string("clock_set"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_clock_post_handler,
      0 },

    ngx_oof_route_end
};


/* static, as a worker of an older configuration may be made at any time */

static ngx_oof_route_t  ngx_oof_management_routes[
                                              NGX_OOF_MANAGEMENT_ROUTES + 1];
static ngx_oof_route_t  ngx_oof_bank_routes[NGX_OOF_MANAGEMENT_ROUTES + 1];


static ngx_oof_api_t  ngx_oof_management_api = {
    ngx_string("management"),
    ngx_string("v1"),
    ngx_string("1.0.0"),
    ngx_string("/oof/v1"),
    NGX_OOF_API_BANK,
    65536,
    ngx_oof_management_routes
};


static ngx_oof_api_t  ngx_oof_bank_api = {
    ngx_string("consent-management"),
    ngx_string("v1"),
    ngx_string("1.0.0"),
    ngx_string(NGX_OOF_BANK_BASE),
    NGX_OOF_API_BANK,
    65536,
    ngx_oof_bank_routes
};


static ngx_oof_management_table_t  ngx_oof_management_table = {
    &ngx_oof_management_api, 0, ngx_oof_management_routes
};

static ngx_oof_management_table_t  ngx_oof_bank_table = {
    &ngx_oof_bank_api, 0, ngx_oof_bank_routes
};


ngx_int_t
ngx_oof_management_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_management_add(cf, ngx_oof_management_own) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_oof_bank_keep_preconf(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_bank_list_preconf(cf);
}


ngx_int_t
ngx_oof_management_add(ngx_conf_t *cf, ngx_oof_route_t *routes)
{
    return ngx_oof_management_insert(cf, &ngx_oof_management_table, routes, 0);
}


ngx_int_t
ngx_oof_management_add_first(ngx_conf_t *cf, ngx_oof_route_t *routes)
{
    return ngx_oof_management_insert(cf, &ngx_oof_management_table, routes, 1);
}


ngx_int_t
ngx_oof_bank_add(ngx_conf_t *cf, ngx_oof_route_t *routes)
{
    return ngx_oof_management_insert(cf, &ngx_oof_bank_table, routes, 0);
}


ngx_int_t
ngx_oof_bank_add_first(ngx_conf_t *cf, ngx_oof_route_t *routes)
{
    return ngx_oof_management_insert(cf, &ngx_oof_bank_table, routes, 1);
}


static ngx_int_t
ngx_oof_management_insert(ngx_conf_t *cf, ngx_oof_management_table_t *table,
    ngx_oof_route_t *routes, ngx_uint_t first)
{
    ngx_uint_t       n, at;
    ngx_oof_route_t  end = ngx_oof_route_end;

    /* modules are not called in the order of who stands on whom */

    if (ngx_oof_api_find(cf, &table->api->name, &table->api->major) == NULL) {
        table->n = 0;

        if (ngx_oof_api_register(cf, table->api) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    n = table->n;
    at = 0;

    for ( /* void */ ; routes->path.len; routes++) {

        if (n == NGX_OOF_MANAGEMENT_ROUTES) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the API \"%V\" has too many routes",
                               &table->api->name);
            return NGX_ERROR;
        }

        if (first) {
            ngx_memmove(&table->routes[at + 1], &table->routes[at],
                        (n - at) * sizeof(ngx_oof_route_t));
            table->routes[at++] = *routes;
            n++;

        } else {
            table->routes[n++] = *routes;
        }
    }

    table->routes[n] = end;
    table->n = n;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_clock_get_handler(ngx_oof_request_t *o)
{
    if (!ngx_oof_clock_movable()) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    return ngx_oof_clock_answer(o);
}


static ngx_int_t
ngx_oof_clock_post_handler(ngx_oof_request_t *o)
{
    int64_t             offset;
    ngx_int_t           rc;
    ngx_oof_pg_unit_t  *u;

    if (!ngx_oof_clock_movable()) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    rc = ngx_oof_request_json(o);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_clock_post_offset(o, &offset) != NGX_OK) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido.",
                             "data.offset deve ser um número inteiro de "
                             "segundos, no máximo cem anos para cada lado.");
    }

    u = ngx_oof_pg_unit(ngx_oof_clock_database(), NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_clock_set);
    ngx_oof_pg_int8(u, offset);
    ngx_oof_pg_time(u, ngx_oof_clock_real());

    return ngx_oof_request_unit(o, u, ngx_oof_clock_stored);
}


static ngx_int_t
ngx_oof_clock_post_offset(ngx_oof_request_t *o, int64_t *offset)
{
    json_t  *value;

    value = json_object_get(json_object_get(o->json, "data"), "offset");

    if (!json_is_integer(value)) {
        return NGX_DECLINED;
    }

    *offset = json_integer_value(value);

    if (*offset > NGX_OOF_CLOCK_OFFSET_MAX
        || *offset < -NGX_OOF_CLOCK_OFFSET_MAX)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_clock_stored(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t  offset;

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return NGX_ERROR;
    }

    offset = ngx_oof_pg_get_int(u, 0, 0, 1);

    if (ngx_oof_clock_set_offset(offset) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, o->r->connection->log, 0,
                  "rule clock was moved to an offset of %L s", offset);

    return ngx_oof_clock_answer(o);
}


static ngx_int_t
ngx_oof_clock_answer(ngx_oof_request_t *o)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "offset");
    ngx_oof_json_int(&w, ngx_oof_clock_offset());
    ngx_oof_json_name(&w, "ruleTime");
    ngx_oof_json_time(&w, ngx_oof_clock_rule());
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}
