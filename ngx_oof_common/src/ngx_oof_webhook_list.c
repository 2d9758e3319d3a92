
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_webhook_int.h>
#include <ngx_oof_common_sql.h>


/* GET /oof/v1/webhooks/{consentId}: calls of a consent, and their attempts */


/* columns of webhook_list */

typedef enum {
    NGX_OOF_WEBHOOKS_COL_TOTAL = 0,
    NGX_OOF_WEBHOOKS_COL_EVENT,
    NGX_OOF_WEBHOOKS_COL_TARGET,
    NGX_OOF_WEBHOOKS_COL_LAST,
    NGX_OOF_WEBHOOKS_COL_TYPE,
    NGX_OOF_WEBHOOKS_COL_STATE,
    NGX_OOF_WEBHOOKS_COL_URL,
    NGX_OOF_WEBHOOKS_COL_TIME,
    NGX_OOF_WEBHOOKS_COL_DUE,
    NGX_OOF_WEBHOOKS_COL_NUMBER,
    NGX_OOF_WEBHOOKS_COL_INTERACTION,
    NGX_OOF_WEBHOOKS_COL_STARTED,
    NGX_OOF_WEBHOOKS_COL_ENDED,
    NGX_OOF_WEBHOOKS_COL_STATUS,
    NGX_OOF_WEBHOOKS_COL_ERROR
} ngx_oof_webhooks_col_e;


static ngx_int_t ngx_oof_webhook_list(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_webhook_list_param(ngx_oof_request_t *o,
    u_char *id);
static ngx_int_t ngx_oof_webhook_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_webhook_list_body(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_page_t *page, ngx_str_t *body);
static void ngx_oof_webhook_list_call(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row);
static void ngx_oof_webhook_list_attempt(ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_uint_t ngx_oof_webhook_list_same(ngx_oof_pg_unit_t *u,
    ngx_uint_t row);
static void ngx_oof_webhook_list_str(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row, ngx_uint_t col, const char *name);


static ngx_oof_route_t  ngx_oof_webhook_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/webhooks/{consentId}"),
      ngx_string("webhook_list"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_webhook_list,
      0 },

    ngx_oof_route_end
};


ngx_int_t
ngx_oof_webhook_list_preconf(ngx_conf_t *cf)
{
    return ngx_oof_management_add(cf, ngx_oof_webhook_routes);
}


static ngx_int_t
ngx_oof_webhook_list(ngx_oof_request_t *o)
{
    u_char               id[NGX_OOF_UUID_LEN];
    ngx_int_t            rc;
    ngx_oof_page_t       page;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    if (ngx_oof_webhook_list_param(o, id) != NGX_OK) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    rc = ngx_oof_page_read(o, &page);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_list);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&page));
    ngx_oof_pg_int8(u, page.size);

    return ngx_oof_request_unit(o, u, ngx_oof_webhook_listed);
}


/* the id as third parties know it, or as the bank's side does */

static ngx_int_t
ngx_oof_webhook_list_param(ngx_oof_request_t *o, u_char *id)
{
    ngx_str_t            text;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    text = o->params[0];

    if (text.len > NGX_OOF_UUID_TEXT) {

        if (text.len != sizeof("urn::") - 1 + olcf->urn_namespace.len
                        + NGX_OOF_UUID_TEXT
            || ngx_strncmp(text.data, "urn:", 4) != 0
            || ngx_memcmp(text.data + 4, olcf->urn_namespace.data,
                          olcf->urn_namespace.len)
               != 0
            || text.data[4 + olcf->urn_namespace.len] != ':')
        {
            return NGX_DECLINED;
        }

        text.data += text.len - NGX_OOF_UUID_TEXT;
        text.len = NGX_OOF_UUID_TEXT;
    }

    return ngx_oof_uuid_parse(&text, id);
}


static ngx_int_t
ngx_oof_webhook_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t        rc;
    ngx_str_t        body;
    ngx_oof_page_t   page;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    rc = ngx_oof_page_read(o, &page);

    if (rc == NGX_OK) {
        rc = ngx_oof_page_count(o, &page,
                                ngx_oof_pg_get_int(u, 0, 0,
                                                 NGX_OOF_WEBHOOKS_COL_TOTAL));
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_webhook_list_body(o, u, &page, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_webhook_list_body(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_page_t *page, ngx_str_t *body)
{
    ngx_str_t       path;
    ngx_uint_t      i, n;
    ngx_oof_json_t  w;

    n = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_json_init(&w, o->r->pool, 1024 + n * 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {

        if (ngx_oof_pg_is_null(u, 0, i, NGX_OOF_WEBHOOKS_COL_EVENT)) {
            break;
        }

        if (!ngx_oof_webhook_list_same(u, i)) {
            ngx_oof_webhook_list_call(&w, u, i);
        }

        if (!ngx_oof_pg_is_null(u, 0, i, NGX_OOF_WEBHOOKS_COL_NUMBER)) {
            ngx_oof_webhook_list_attempt(&w, u, i);
        }

        if (i + 1 == n || !ngx_oof_webhook_list_same(u, i + 1)) {
            ngx_oof_json_end(&w, ']');
            ngx_oof_json_end(&w, '}');
        }
    }

    ngx_oof_json_end(&w, ']');

    path = o->r->uri;
    ngx_oof_page_end(o, &w, page, &path);

    return ngx_oof_json_text(&w, body);
}


/* whether a row is of the same call as the one before it */

static ngx_uint_t
ngx_oof_webhook_list_same(ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t  a, b;

    if (row == 0) {
        return 0;
    }

    ngx_oof_pg_get_str(u, 0, row - 1, NGX_OOF_WEBHOOKS_COL_EVENT, &a);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_WEBHOOKS_COL_EVENT, &b);

    return ngx_memcmp(a.data, b.data, NGX_OOF_UUID_LEN) == 0
           && ngx_oof_pg_get_int(u, 0, row - 1, NGX_OOF_WEBHOOKS_COL_TARGET)
              == ngx_oof_pg_get_int(u, 0, row, NGX_OOF_WEBHOOKS_COL_TARGET);
}


/* begins an object and its list of attempts */

static void
ngx_oof_webhook_list_call(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    u_char     *p, state[16];
    ngx_str_t   text;

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_WEBHOOKS_COL_EVENT, &text);

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "eventId");
    ngx_oof_json_uuid(w, text.data);

    ngx_oof_webhook_list_str(w, u, row, NGX_OOF_WEBHOOKS_COL_TYPE,
                             "eventType");

    ngx_oof_json_member_time(w, "timestamp",
                             ngx_oof_pg_get_time(u, 0, row,
                                                 NGX_OOF_WEBHOOKS_COL_TIME));

    ngx_oof_json_name(w, "receiver");
    ngx_oof_json_literal(w, ngx_oof_pg_get_int(u, 0, row,
                                               NGX_OOF_WEBHOOKS_COL_TARGET)
                            ? "TPP" : "BANK");

    ngx_oof_webhook_list_str(w, u, row, NGX_OOF_WEBHOOKS_COL_URL, "url");

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_WEBHOOKS_COL_STATE, &text);

    for (p = state; p < state + ngx_min(text.len, sizeof(state)); p++) {
        *p = ngx_toupper(text.data[p - state]);
    }

    text.data = state;
    text.len = p - state;

    ngx_oof_json_member(w, "status", &text);

    if (ngx_strncmp(state, "WAITING", 7) == 0) {
        ngx_oof_json_member_time(w, "nextAttemptDateTime",
                                 ngx_oof_pg_get_time(u, 0, row,
                                                  NGX_OOF_WEBHOOKS_COL_DUE));
    }

    ngx_oof_json_name(w, "attempts");
    ngx_oof_json_begin(w, '[');
}


static void
ngx_oof_webhook_list_attempt(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    int64_t    started;
    ngx_str_t  id;

    started = ngx_oof_pg_get_time(u, 0, row, NGX_OOF_WEBHOOKS_COL_STARTED);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_WEBHOOKS_COL_INTERACTION, &id);

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "number");
    ngx_oof_json_int(w, ngx_oof_pg_get_int(u, 0, row,
                                           NGX_OOF_WEBHOOKS_COL_NUMBER));
    ngx_oof_json_name(w, "interactionId");
    ngx_oof_json_uuid(w, id.data);
    ngx_oof_json_member_time(w, "startDateTime", started);

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_WEBHOOKS_COL_ENDED)) {
        ngx_oof_json_name(w, "milliseconds");
        ngx_oof_json_int(w, (ngx_oof_pg_get_time(u, 0, row,
                                                 NGX_OOF_WEBHOOKS_COL_ENDED)
                             - started) / 1000);
    }

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_WEBHOOKS_COL_STATUS)) {
        ngx_oof_json_name(w, "httpStatus");
        ngx_oof_json_int(w, ngx_oof_pg_get_int(u, 0, row,
                                               NGX_OOF_WEBHOOKS_COL_STATUS));
    }

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_WEBHOOKS_COL_ERROR)) {
        ngx_oof_webhook_list_str(w, u, row, NGX_OOF_WEBHOOKS_COL_ERROR,
                                 "error");
    }

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_webhook_list_str(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row, ngx_uint_t col, const char *name)
{
    ngx_str_t  text;

    ngx_oof_pg_get_str(u, 0, row, col, &text);
    ngx_oof_json_member(w, name, &text);
}
