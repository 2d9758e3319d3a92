
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_sql.h>


/* columns of consent_extensions */

typedef enum {
    NGX_OOF_CONSENT_EXT_CLIENT = NGX_OOF_CONSENT_COL_CLIENT,
    NGX_OOF_CONSENT_EXT_TOTAL,
    NGX_OOF_CONSENT_EXT_EVENT,
    NGX_OOF_CONSENT_EXT_AT,
    NGX_OOF_CONSENT_EXT_EXPIRATION,
    NGX_OOF_CONSENT_EXT_PREVIOUS,
    NGX_OOF_CONSENT_EXT_PERSONAL
} ngx_oof_consent_ext_e;


typedef struct {
    ngx_oof_consent_t       *consent;
    ngx_oof_page_t           page;
} ngx_oof_consent_list_t;


static ngx_int_t ngx_oof_consent_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_list(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_str_t *body);
static ngx_int_t ngx_oof_consent_list_item(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_oof_json_t *w);
static ngx_int_t ngx_oof_consent_list_path(ngx_oof_request_t *o,
    ngx_oof_consent_t *consent, ngx_str_t *path);


/* GET /consents/{consentId}/extensions (spec 1.8) */

ngx_int_t
ngx_oof_consent_extensions(ngx_oof_request_t *o)
{
    ngx_int_t                rc;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_consent_list_t  *list;

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_list_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_param(o, &list->consent);

    if (rc == NGX_OK) {
        rc = ngx_oof_page_read(o, &list->page);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_extensions);
    ngx_oof_pg_uuid(u, list->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&list->page));
    ngx_oof_pg_int8(u, list->page.size);

    ngx_http_set_ctx(o->r, list, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_listed);
}


static ngx_int_t
ngx_oof_consent_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                rc;
    ngx_str_t                body;
    ngx_oof_consent_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    if (ngx_oof_pg_rows(u, 0) == 0) {
        rc = ngx_oof_consent_unknown(o);

    } else if (!ngx_oof_consent_own(o, u)) {
        rc = ngx_oof_consent_foreign(o);

    } else {
        rc = ngx_oof_page_count(o, &list->page,
                                ngx_oof_pg_get_int(u, 0, 0,
                                                  NGX_OOF_CONSENT_EXT_TOTAL));
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_consent_list(o, u, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_consent_list(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_str_t *body)
{
    ngx_str_t                path;
    ngx_uint_t               i, n;
    ngx_oof_json_t           w;
    ngx_oof_consent_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    n = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_consent_list_path(o, list->consent, &path) != NGX_OK
        || ngx_oof_json_init(&w, o->r->pool, 1024 + n * 384) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {

        if (ngx_oof_pg_is_null(u, 0, i, NGX_OOF_CONSENT_EXT_EVENT)) {
            break;
        }

        if (ngx_oof_consent_list_item(o, u, i, &w) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_page_end(o, &w, &list->page, &path);

    return ngx_oof_json_text(&w, body);
}


static ngx_int_t
ngx_oof_consent_list_item(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t row, ngx_oof_json_t *w)
{
    ngx_str_t            id, sealed, members;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_CONSENT_EXT_EVENT, &id);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_CONSENT_EXT_PERSONAL, &sealed);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, "oof_consent_extension",
                           id.data, &sealed, &members)
        != NGX_OK
        || members.len < 2)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "a renewal of \"%V\" cannot be opened", &o->consent_id);
        return NGX_ERROR;
    }

    /* an object, of which the braces are left out */

    members.data++;
    members.len -= 2;

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_raw(w, &members);
    ngx_oof_json_member_time(w, "requestDateTime",
                             ngx_oof_pg_get_time(u, 0, row,
                                                 NGX_OOF_CONSENT_EXT_AT));

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_CONSENT_EXT_EXPIRATION)) {
        ngx_oof_json_member_time(w, "expirationDateTime",
            ngx_oof_pg_get_time(u, 0, row, NGX_OOF_CONSENT_EXT_EXPIRATION));
    }

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_CONSENT_EXT_PREVIOUS)) {
        ngx_oof_json_member_time(w, "previousExpirationDateTime",
            ngx_oof_pg_get_time(u, 0, row, NGX_OOF_CONSENT_EXT_PREVIOUS));
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_list_path(ngx_oof_request_t *o, ngx_oof_consent_t *consent,
    ngx_str_t *path)
{
    path->len = consent->path.len + sizeof("/extensions") - 1;
    path->data = ngx_pnalloc(o->r->pool, path->len);

    if (path->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(path->data, "%V/extensions", &consent->path);

    return NGX_OK;
}
