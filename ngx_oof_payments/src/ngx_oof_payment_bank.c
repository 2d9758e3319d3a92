
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_bank.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/* payments as the bank's side sees them: its routes, and lists of payments */


#define NGX_OOF_PAYMENT_BANK_CONSENT  "/consents/v1/consents/{consentId}"

#define NGX_OOF_PAYMENT_BANK_LEGACY   10000      /* ids of an answer */

#define NGX_OOF_PAYMENT_BANK_COL_CORE  NGX_OOF_PAYMENT_COL_TERMS


typedef struct {
    ngx_oof_payment_journey_t   *journey;
    ngx_array_t                 *args;
    ngx_oof_page_t               page;
} ngx_oof_payment_bank_page_t;


static ngx_int_t ngx_oof_payment_bank_kind_read(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_kind_row(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t own);
static ngx_int_t ngx_oof_payment_bank_page(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_paged(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_members(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    json_t *root);
static ngx_int_t ngx_oof_payment_bank_day(ngx_oof_request_t *o,
    ngx_array_t *args, const char *name, int64_t *day);
static void ngx_oof_payment_bank_first_id(u_char *id, int64_t us);
static ngx_int_t ngx_oof_payment_bank_legacies(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


#define ngx_oof_payment_bank_route(method, path, name, scope, media, handler) \
    { NGX_HTTP_ ## method,                                                    \
      ngx_string(path),                                                       \
      ngx_string(name),                                                       \
      NGX_OOF_GRANT_ANY,                                                      \
      ngx_string(NGX_OOF_SCOPE_BANK_ ## scope),                               \
      NGX_OOF_MEDIA_ ## media,                                                \
      handler,                                                                \
      0 }


static ngx_oof_route_t  ngx_oof_payment_bank_routes[] = {

    ngx_oof_payment_bank_route(GET, "/v1/consents/{consentId}",
                               "bank_payment_detail", READ, NONE,
                               ngx_oof_payment_bank_detail),

    ngx_oof_payment_bank_route(PATCH, "/v1/consents/{consentId}",
                               "bank_payment_revoke", WRITE, JSON,
                               ngx_oof_payment_bank_revoke),

    ngx_oof_payment_bank_route(PATCH, NGX_OOF_PAYMENT_BANK_CONSENT,
                               "bank_payment_reject", WRITE, JSON,
                               ngx_oof_payment_bank_reject),

    ngx_oof_payment_bank_route(PATCH, "/payments/v1/consents/{consentId}",
                               "bank_payment_end", WRITE, JSON,
                               ngx_oof_payment_bank_end),

    ngx_oof_payment_bank_route(GET, NGX_OOF_PAYMENT_BANK_CONSENT "/payments",
                               "bank_payments", READ, NONE,
                               ngx_oof_payment_bank_payments),

    ngx_oof_payment_bank_route(GET, "/v1/tpps/payment-legacy-ids",
                               "bank_payment_legacy_ids", READ, NONE,
                               ngx_oof_payment_bank_legacy),

    ngx_oof_payment_bank_route(POST,
                               "/v1/payments/consents/{consentId}/"
                               "authorisation", "bank_payment_agree", WRITE,
                               JSON, ngx_oof_payment_bank_agree),

      ngx_oof_route_end
};


static ngx_oof_route_t  ngx_oof_payment_bank_cancel_routes[] = {

    ngx_oof_payment_bank_route(PATCH, "/pix/payments/{paymentId}",
                               "bank_payment_cancel", PUSH, JSON,
                               ngx_oof_payment_bank_cancel),

    ngx_oof_payment_bank_route(PATCH, "/consents/{consentId}/pix/payments",
                               "bank_payment_cancel_all", PUSH, JSON,
                               ngx_oof_payment_bank_cancel_all),

      ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_payment_bank_api = {
    ngx_string("payment-management"),
    ngx_string("v2"),
    ngx_string("2.0.0"),
    ngx_string("/open-banking/oob-payments/v2"),
    NGX_OOF_API_BANK,
    64 * 1024,
    ngx_oof_payment_bank_cancel_routes
};


static ngx_oof_bank_kind_t  ngx_oof_payment_bank_kind = {
    ngx_oof_payment_bank_kind_read,
    ngx_oof_payment_bank_kind_row,
    &ngx_oof_sql_payment_bank_keys_add,
    &ngx_oof_sql_payment_bank_keys_remove,
    &ngx_oof_sql_payment_bank_metadata_put,
    &ngx_oof_sql_payment_bank_webhook_put
};


ngx_int_t
ngx_oof_payment_bank_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_api_register(cf, &ngx_oof_payment_bank_api) != NGX_OK
        || ngx_oof_bank_kind_add(cf, &ngx_oof_payment_bank_kind) != NGX_OK
        || ngx_oof_payment_bank_list_preconf(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_bank_add_first(cf, ngx_oof_payment_bank_routes);
}


static ngx_int_t
ngx_oof_payment_bank_kind_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_get);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    return ngx_oof_payment_visible_read(o, u, u->key);
}


/* who must agree too sees it, but it is not his */

static ngx_int_t
ngx_oof_payment_bank_kind_row(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t own)
{
    json_t                     *data;
    ngx_uint_t                  mine;
    const char                 *why;
    ngx_oof_payment_consent_t   consent;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return NGX_DONE;
    }

    ngx_memzero(&consent, sizeof(ngx_oof_payment_consent_t));

    if (ngx_oof_payment_consent_row(o, u, 0, 0, &consent) != NGX_OK
        || ngx_oof_payment_consent_name(o, &consent) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_json_parse(o->r->pool, &consent.personal, &data, &why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    mine = ngx_oof_payment_own_data(o, data);

    if (!ngx_oof_payment_visible(o, u, 1, mine)) {
        ngx_str_null(&o->consent_id);
        (void) ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);

        return NGX_DECLINED;
    }

    if (own && !mine) {
        (void) ngx_oof_payment_not_own(o);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* GET /consents/v1/consents/{consentId}/payments */

ngx_int_t
ngx_oof_payment_bank_payments(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_page);
}


static ngx_int_t
ngx_oof_payment_bank_page(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j)
{
    ngx_int_t                     rc;
    ngx_oof_pg_unit_t            *u;
    ngx_oof_loc_conf_t           *olcf;
    ngx_oof_payment_bank_page_t  *page;

    page = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_bank_page_t));
    if (page == NULL) {
        return NGX_ERROR;
    }

    page->journey = j;

    rc = ngx_oof_bank_args(o, &page->args);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_page(o, page->args, &page->page);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_rows);
    ngx_oof_pg_uuid(u, j->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_http_set_ctx(o->r, page, ngx_oof_payments_module);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_paged);
}


static ngx_int_t
ngx_oof_payment_bank_paged(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t                       row, last;
    ngx_str_t                     body;
    ngx_oof_json_t                w;
    ngx_oof_payment_bank_page_t  *page;

    page = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_page_count(o, &page->page, ngx_oof_pg_rows(u, 0)) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    row = ngx_oof_page_offset(&page->page);
    last = ngx_min(row + page->page.size, page->page.total);

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for ( /* void */ ; row < last; row++) {

        if (ngx_oof_payment_bank_item(o, &w, u, 0, (ngx_uint_t) row)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_bank_list_end(o, &w, page->args, &page->page, NULL);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_oof_payment_bank_item(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    json_t      *root;
    ngx_str_t    id, personal;
    const char  *why;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_ID, &id);

    if (ngx_oof_payment_sealed(o, u, s, row, NGX_OOF_PAYMENT_COL_PERSONAL,
                               NGX_OOF_PAYMENT_SEAL_PAYMENT, id.data,
                               &personal)
        != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &personal, &root, &why) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');

    ngx_oof_payment_bank_legacy_id(w, u, s, row);

    ngx_oof_json_name(w, "paymentId");
    ngx_oof_json_uuid(w, id.data);

    if (ngx_oof_payment_bank_members(o, w, u, s, row, root) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


void
ngx_oof_payment_bank_legacy_id(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row)
{
    ngx_str_t  value;

    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_BANK_COL_CORE, &value);

    if (value.len) {
        ngx_oof_json_name(w, "legacyIds");
        ngx_oof_json_raw(w, &value);
    }
}


/* instruments that the platform has no word for are told by the nearest */

static ngx_int_t
ngx_oof_payment_bank_members(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, json_t *root)
{
    u_char      day[10];
    json_t     *item;
    ngx_str_t   urn, value;

    item = json_object_get(root, "item");

    if (ngx_oof_payment_show_urn(o, u, s, row, &urn) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_member(w, "consentId", &urn);

    value.data = day;
    value.len = sizeof(day);
    (void) ngx_oof_payment_day_format(day, ngx_oof_pg_get_int(u, s, row,
                                                   NGX_OOF_PAYMENT_COL_DAY));
    ngx_oof_json_member(w, "date", &value);

    ngx_oof_json_member_time(w, "creationDateTime",
               ngx_oof_pg_get_time(u, s, row, NGX_OOF_PAYMENT_COL_CREATION));
    ngx_oof_json_member_time(w, "statusUpdateDateTime",
               ngx_oof_pg_get_time(u, s, row,
                                   NGX_OOF_PAYMENT_COL_STATUS_UPDATE));

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_STATUS, &value);
    ngx_oof_json_member(w, "status", &value);

    (void) json_object_del(item, "consentId");
    (void) json_object_del(item, "qrCode");
    (void) json_object_del(item, "proxy");

    ngx_oof_payment_told_4(item);

    if (ngx_oof_payment_show_reason(o, w, u, s, row,
                                    (ngx_uint_t) ngx_oof_pg_get_int(u, s, row,
                                                    NGX_OOF_PAYMENT_COL_API),
                                    NGX_OOF_AT_RJCT_GET)
        != NGX_OK
        || ngx_oof_payment_show_json(o, w, item, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "debtorAccount");

    if (ngx_oof_payment_show_json(o, w, json_object_get(root, "debtor"), 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_payment_show_cancelled(o, w, u, s, row);
}


/* GET /v1/tpps/payment-legacy-ids */

ngx_int_t
ngx_oof_payment_bank_legacy(ngx_oof_request_t *o)
{
    u_char               id[NGX_OOF_UUID_LEN];
    int64_t              from, to;
    ngx_int_t            rc;
    ngx_array_t         *args;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_bank_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_args(o, &args);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_bank_day(o, args, "startDate", &from);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_bank_day(o, args, "endDate", &to);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_legacy);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_oof_payment_bank_first_id(id, ngx_oof_clock_day_start(from));
    ngx_oof_pg_uuid(u, id);

    ngx_oof_payment_bank_first_id(id, ngx_oof_clock_day_start(to + 1));
    ngx_oof_pg_uuid(u, id);

    ngx_oof_pg_int8(u, NGX_OOF_PAYMENT_BANK_LEGACY + 1);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_legacies);
}


/* both are inclusive, and days of Brasilia; today's where it is not told */

static ngx_int_t
ngx_oof_payment_bank_day(ngx_oof_request_t *o, ngx_array_t *args,
    const char *name, int64_t *day)
{
    ngx_oof_date_t       date;
    ngx_oof_bank_arg_t  *arg;

    *day = ngx_oof_clock_today(ngx_oof_clock_real());

    arg = ngx_oof_bank_arg(args, name);

    if (arg == NULL) {
        return NGX_OK;
    }

    if (ngx_oof_clock_parse_date(&arg->value, &date) != NGX_OK) {
        return ngx_oof_bank_invalid(o, name);
    }

    *day = ngx_oof_clock_day(&date);

    return NGX_OK;
}


/* no id of a UUIDv7 of that time is less */

static void
ngx_oof_payment_bank_first_id(u_char *id, int64_t us)
{
    int64_t     ms;
    ngx_uint_t  i;

    ngx_memzero(id, NGX_OOF_UUID_LEN);

    ms = ngx_max(us / 1000, 0);

    for (i = 6; i > 0; i--) {
        id[i - 1] = (u_char) (ms & 0xff);
        ms >>= 8;
    }
}


static ngx_int_t
ngx_oof_payment_bank_legacies(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body, name, last, value;
    ngx_uint_t      row, rows;
    ngx_oof_json_t  w;

    rows = ngx_oof_pg_rows(u, 0);

    if (rows > NGX_OOF_PAYMENT_BANK_LEGACY) {
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, "CONSULTA_AMPLA",
                             "Consulta ampla demais",
                             "O período tem pagamentos demais: informe um "
                             "menor.");
    }

    if (ngx_oof_json_init(&w, o->r->pool, 256 + 64 * rows) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&last);

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "itpLegacyIds");
    ngx_oof_json_begin(&w, '[');

    for (row = 0; row < rows; row++) {

        ngx_oof_pg_get_str(u, 0, row, 0, &name);
        ngx_oof_payment_col_str(u, 0, row, 1, &value);

        if (row == 0 || name.len != last.len
            || ngx_memcmp(name.data, last.data, name.len) != 0)
        {
            if (row) {
                ngx_oof_json_end(&w, ']');
                ngx_oof_json_end(&w, '}');
            }

            ngx_oof_json_begin(&w, '{');
            ngx_oof_json_member(&w, "orgName", &name);
            ngx_oof_json_name(&w, "legacyIds");
            ngx_oof_json_begin(&w, '[');

            last = name;
        }

        ngx_oof_json_str(&w, &value);
    }

    if (rows) {
        ngx_oof_json_end(&w, ']');
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}
