
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_gate.h>
#include <ngx_oof_consent_sql.h>


/*
 * GET /oof/v1/consents/{consentId}/resources?type=: what a consent shares and
 * how the core calls it, for lists that do not fit in a header.
 */


typedef enum {
    NGX_OOF_GATE_LIST_COUNT = 0,
    NGX_OOF_GATE_LIST_RESOURCE,
    NGX_OOF_GATE_LIST_TYPE,
    NGX_OOF_GATE_LIST_STATUS,
    NGX_OOF_GATE_LIST_LEGACY
} ngx_oof_gate_list_col_e;


typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];
    ngx_str_t                type;
    ngx_oof_page_t           page;
} ngx_oof_gate_list_t;


static ngx_int_t ngx_oof_gate_list_type(ngx_oof_request_t *o,
    ngx_oof_gate_list_t *list);
static ngx_int_t ngx_oof_gate_list_read(ngx_oof_request_t *o,
    ngx_oof_gate_list_t *list);
static ngx_int_t ngx_oof_gate_list_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_list_answer(ngx_oof_request_t *o,
    ngx_oof_gate_list_t *list, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_list_path(ngx_oof_request_t *o,
    ngx_oof_gate_list_t *list, ngx_str_t *path);
static ngx_int_t ngx_oof_gate_list_item(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t row);


ngx_int_t
ngx_oof_gate_resources(ngx_oof_request_t *o)
{
    ngx_int_t             rc;
    ngx_oof_gate_list_t  *list;

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_gate_list_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    /* it tells how the core calls accounts: the bank's systems alone ask */

    rc = ngx_oof_bank_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_bank_id(o, &o->params[0], list->id);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_page_read(o, &list->page);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_gate_list_type(o, list);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_gate_list_read(o, list);
}


static ngx_int_t
ngx_oof_gate_list_type(ngx_oof_request_t *o, ngx_oof_gate_list_t *list)
{
    if (ngx_http_arg(o->r, (u_char *) "type", 4, &list->type) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_consent_type(&list->type) == NULL) {
        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O parâmetro type não é um tipo de recurso.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_gate_list_read(ngx_oof_request_t *o, ngx_oof_gate_list_t *list)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_gate_resources);
    ngx_oof_pg_uuid(u, list->id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_oof_pg_some(u, &list->type);

    ngx_oof_pg_int8(u, ngx_oof_page_offset(&list->page));
    ngx_oof_pg_int8(u, list->page.size);

    ngx_http_set_ctx(o->r, list, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_gate_list_got);
}


static ngx_int_t
ngx_oof_gate_list_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t             rc;
    ngx_oof_gate_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_consent_bank_unknown(o);
    }

    rc = ngx_oof_page_count(o, &list->page,
                            ngx_oof_pg_get_int(u, 0, 0,
                                               NGX_OOF_GATE_LIST_COUNT));
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_gate_list_answer(o, list, u);
}


static ngx_int_t
ngx_oof_gate_list_answer(ngx_oof_request_t *o, ngx_oof_gate_list_t *list,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body, path;
    ngx_uint_t      row, rows;
    ngx_oof_json_t  w;

    rows = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_gate_list_path(o, list, &path) != NGX_OK
        || ngx_oof_json_init(&w, o->r->pool, 256 * rows + 1024) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (row = 0; row < rows; row++) {

        if (ngx_oof_pg_is_null(u, 0, row, NGX_OOF_GATE_LIST_RESOURCE)) {
            break;
        }

        if (ngx_oof_gate_list_item(o, &w, u, row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_page_end(o, &w, &list->page, &path);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_gate_list_path(ngx_oof_request_t *o, ngx_oof_gate_list_t *list,
    ngx_str_t *path)
{
    u_char     *p;
    ngx_str_t  *uri;

    uri = &o->r->uri;
    *path = *uri;

    if (list->type.len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(o->r->pool,
                    uri->len + sizeof("?type=") - 1 + list->type.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    path->data = p;
    path->len = ngx_sprintf(p, "%V?type=%V", uri, &list->type) - p;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_gate_list_item(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t            id, value, legacy;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_GATE_LIST_RESOURCE, &id);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_GATE_LIST_LEGACY, &value);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, NGX_OOF_SEAL_LEGACY,
                           id.data, &value, &legacy)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "a resource of \"%V\" cannot be opened", &o->consent_id);
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_consent_member_uuid(w, "resourceId", id.data);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_GATE_LIST_TYPE, &value);
    ngx_oof_json_member(w, "type", &value);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_GATE_LIST_STATUS, &value);
    ngx_oof_json_member(w, "status", &value);
    ngx_oof_json_name(w, "legacyId");
    ngx_oof_json_raw(w, &legacy);
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}
