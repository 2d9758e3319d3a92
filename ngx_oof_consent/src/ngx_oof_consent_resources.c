
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


/* Resources API v3 (spec 1.11): what a consent shares, and how it stands */


/* how long a list may be in preparation after the decision */
#define NGX_OOF_RESOURCES_PREPARE  (5 * NGX_OOF_MINUTE)


typedef enum {
    NGX_OOF_RESOURCES_COL_CLIENT = 0,
    NGX_OOF_RESOURCES_COL_STATUS,
    NGX_OOF_RESOURCES_COL_STATUS_UPDATE,
    NGX_OOF_RESOURCES_COL_PERMISSIONS,
    NGX_OOF_RESOURCES_COL_READY,
    NGX_OOF_RESOURCES_COL_COUNT
} ngx_oof_consent_resources_col_e;


typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];
    ngx_oof_page_t           page;
    int64_t                  now;
} ngx_oof_consent_list_t;


static ngx_int_t ngx_oof_consent_resources_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_resources_dead(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_consent_resources_wait(ngx_oof_request_t *o,
    ngx_oof_consent_list_t *list, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_resources_answer(ngx_oof_request_t *o,
    ngx_oof_consent_list_t *list, ngx_oof_pg_unit_t *u);


ngx_int_t
ngx_oof_consent_resources(ngx_oof_request_t *o)
{
    ngx_int_t                rc;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_consent_list_t  *list;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_list_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_consent_token_id(o, list->id) != NGX_OK) {
        return ngx_oof_consent_resources_dead(o);
    }

    rc = ngx_oof_page_read(o, &list->page);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    list->now = ngx_oof_clock_rule();

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_consent);
    ngx_oof_pg_uuid(u, list->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, list->now);

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_list);
    ngx_oof_pg_uuid(u, list->id);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&list->page));
    ngx_oof_pg_int4(u, (int32_t) list->page.size);

    ngx_http_set_ctx(o->r, list, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_resources_got);
}


ngx_int_t
ngx_oof_consent_token_id(ngx_oof_request_t *o, u_char *id)
{
    ngx_str_t            text, *urn, *space;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    urn = &o->token->consent_id;
    space = &olcf->urn_namespace;

    if (urn->len != sizeof("urn::") - 1 + space->len + NGX_OOF_UUID_TEXT
        || ngx_memcmp(urn->data, "urn:", 4) != 0
        || ngx_memcmp(urn->data + 4, space->data, space->len) != 0
        || urn->data[4 + space->len] != ':')
    {
        return NGX_DECLINED;
    }

    text.len = NGX_OOF_UUID_TEXT;
    text.data = urn->data + urn->len - NGX_OOF_UUID_TEXT;

    if (ngx_oof_uuid_parse(&text, id) != NGX_OK) {
        return NGX_DECLINED;
    }

    o->consent_id = *urn;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_resources_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                client_id, status;
    ngx_oof_consent_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_consent_resources_dead(o);
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_RESOURCES_COL_CLIENT, &client_id);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_RESOURCES_COL_STATUS, &status);

    if (client_id.len != o->token->client_id.len
        || ngx_memcmp(client_id.data, o->token->client_id.data, client_id.len)
           != 0
        || status.len != sizeof("AUTHORISED") - 1
        || ngx_memcmp(status.data, "AUTHORISED", status.len) != 0)
    {
        return ngx_oof_consent_resources_dead(o);
    }

    if (!((uint64_t) ngx_oof_pg_get_int(u, 0, 0,
                                        NGX_OOF_RESOURCES_COL_PERMISSIONS)
          & ngx_oof_consent_bit(RESOURCES)))
    {
        return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                             "Acesso negado",
                             "O consentimento não tem a permissão "
                             "RESOURCES_READ.");
    }

    if (!ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_RESOURCES_COL_READY)) {
        return ngx_oof_consent_resources_wait(o, list, u);
    }

    return ngx_oof_consent_resources_answer(o, list, u);
}


static ngx_int_t
ngx_oof_consent_resources_dead(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED",
                         "Não autorizado",
                         "O token não é de um consentimento autorizado.");
}


/* 202 for five minutes, then 504 until the core has answered after all */

static ngx_int_t
ngx_oof_consent_resources_wait(ngx_oof_request_t *o,
    ngx_oof_consent_list_t *list, ngx_oof_pg_unit_t *u)
{
    int64_t                      since;
    ngx_oof_loc_conf_t          *olcf;
    ngx_oof_consent_loc_conf_t  *conf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    if (olcf->core) {
        ngx_oof_consent_prepare(olcf, conf->products, list->id);
    }

    since = ngx_oof_pg_get_time(u, 0, 0, NGX_OOF_RESOURCES_COL_STATUS_UPDATE);

    if (list->now - since > NGX_OOF_RESOURCES_PREPARE) {
        return ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);
    }

    return ngx_oof_answer(o, NGX_HTTP_ACCEPTED, NULL);
}


static ngx_int_t
ngx_oof_consent_resources_answer(ngx_oof_request_t *o,
    ngx_oof_consent_list_t *list, ngx_oof_pg_unit_t *u)
{
    ngx_int_t        rc;
    ngx_str_t        id, value, body;
    ngx_uint_t       row, rows;
    ngx_oof_json_t   w;

    rc = ngx_oof_page_count(o, &list->page,
                            ngx_oof_pg_get_int(u, 0, 0,
                                               NGX_OOF_RESOURCES_COL_COUNT));
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    rows = ngx_oof_pg_rows(u, 1);

    if (ngx_oof_json_init(&w, o->r->pool, 128 * rows + 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (row = 0; row < rows; row++) {
        ngx_oof_pg_get_str(u, 1, row, 0, &id);

        ngx_oof_json_begin(&w, '{');
        ngx_oof_consent_member_uuid(&w, "resourceId", id.data);
        ngx_oof_pg_get_str(u, 1, row, 1, &value);
        ngx_oof_json_member(&w, "type", &value);
        ngx_oof_pg_get_str(u, 1, row, 2, &value);
        ngx_oof_json_member(&w, "status", &value);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_page_end(o, &w, &list->page, &o->r->uri);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}
