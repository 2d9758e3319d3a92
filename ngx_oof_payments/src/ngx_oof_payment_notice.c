
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_notice.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_NOTICE_PAIRS      10

/* attempts that are as good as made: who tells, need not be asked so often */
#define NGX_OOF_NOTICE_ATTEMPT    6

/* outcomes of payment_retry */
#define NGX_OOF_NOTICE_REPEATED   1
#define NGX_OOF_NOTICE_UNKNOWN    2


typedef struct {
    ngx_oof_request_t        *o;
    ngx_oof_payment_order_t  *order;
    json_t                   *data;
    const char               *actor;
    u_char                    id[NGX_OOF_UUID_LEN];
    unsigned                  operator:1;
} ngx_oof_payment_notice_t;


static ngx_int_t ngx_oof_payment_notify(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_resolve(ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_payment_notice_staff(ngx_oof_request_t *o);
static ngx_oof_payment_notice_t *ngx_oof_payment_notice(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_notice_bad(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_notice_find(ngx_oof_request_t *o,
    ngx_oof_payment_notice_t *notice, u_char *core, u_char *e2eid);
static ngx_int_t ngx_oof_payment_notice_e2eid(ngx_oof_request_t *o,
    json_t *pairs, u_char *key);
static ngx_int_t ngx_oof_payment_notice_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_notice_take(ngx_oof_payment_notice_t *notice,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_resolve_take(ngx_oof_payment_notice_t *notice,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_notice_leave(ngx_oof_request_t *o);
static void ngx_oof_payment_noticed(ngx_oof_payment_order_t *order);
static ngx_int_t ngx_oof_payment_resolve_repeat(ngx_oof_request_t *o,
    u_char *id);
static ngx_int_t ngx_oof_payment_resolve_repeated(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_notice_known(ngx_oof_request_t *o);


static ngx_oof_route_t  ngx_oof_payment_notice_routes[] = {

    { NGX_HTTP_POST,
      ngx_string("/v1/payment-status-notification"),
      ngx_string("payment_status"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_BANK_PUSH),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_payment_notify,
      0 },

      ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_payment_notice_api = {
    ngx_string("payment-management"),
    ngx_string("v1"),
    ngx_string("1.0.0"),
    ngx_string("/open-banking/oob-consents"),
    NGX_OOF_API_BANK,
    64 * 1024,
    ngx_oof_payment_notice_routes
};


static ngx_oof_route_t  ngx_oof_payment_resolve_routes[] = {

    { NGX_HTTP_POST,
      ngx_string("/payments/{paymentId}/resolve"),
      ngx_string("payment_resolve"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_payment_resolve,
      0 },

      ngx_oof_route_end
};


ngx_int_t
ngx_oof_payment_notice_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_api_register(cf, &ngx_oof_payment_notice_api) != NGX_OK
        || ngx_oof_bank_add_first(cf, ngx_oof_payment_notice_routes) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_management_add(cf, ngx_oof_payment_resolve_routes);
}


static ngx_int_t
ngx_oof_payment_notify(ngx_oof_request_t *o)
{
    u_char                     core[NGX_OOF_E2EID_KEY];
    u_char                     e2eid[NGX_OOF_E2EID_KEY];
    json_t                    *pairs;
    ngx_int_t                  rc;
    ngx_str_t                  name;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_payment_notice_t  *notice;

    if (!ngx_oof_payment_notice_staff(o)) {
        return NGX_OK;
    }

    rc = ngx_oof_request_json(o);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    notice = ngx_oof_payment_notice(o);
    if (notice == NULL) {
        return NGX_ERROR;
    }

    notice->actor = "core";

    pairs = json_object_get(notice->data, "legacyId");

    if (json_array_size(pairs) == 0
        || json_array_size(pairs) > NGX_OOF_NOTICE_PAIRS
        || ngx_oof_json_get_str(notice->data, "paymentStatus", &name) != NGX_OK
        || ngx_oof_payment_state(&name) == NGX_ERROR)
    {
        return ngx_oof_payment_notice_bad(o);
    }

    rc = ngx_oof_payment_order_hash(o->r->pool, &olcf->brand, pairs, core);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? ngx_oof_payment_notice_bad(o)
                                    : NGX_ERROR;
    }

    /* it may tell before it has answered */

    rc = ngx_oof_payment_notice_e2eid(o, pairs, e2eid);

    return ngx_oof_payment_notice_find(o, notice, core,
                                       rc == NGX_OK ? e2eid : NULL);
}


static ngx_int_t
ngx_oof_payment_resolve(ngx_oof_request_t *o)
{
    ngx_int_t                  rc;
    ngx_str_t                  outcome;
    ngx_oof_payment_notice_t  *notice;

    if (!ngx_oof_payment_notice_staff(o)) {
        return NGX_OK;
    }

    rc = ngx_oof_request_json(o);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    notice = ngx_oof_payment_notice(o);
    if (notice == NULL) {
        return NGX_ERROR;
    }

    notice->actor = "operator";
    notice->operator = 1;

    if (ngx_oof_payment_param(o, notice->id) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_oof_json_get_str(notice->data, "outcome", &outcome) != NGX_OK) {
        return ngx_oof_payment_notice_bad(o);
    }

    if (ngx_strcmp(outcome.data, "REPEAT") == 0) {
        return ngx_oof_payment_resolve_repeat(o, notice->id);
    }

    if (ngx_strcmp(outcome.data, "SETTLED") != 0
        && ngx_strcmp(outcome.data, "NOT_MADE") != 0)
    {
        return ngx_oof_payment_notice_bad(o);
    }

    return ngx_oof_payment_notice_find(o, notice, NULL, NULL);
}


/* a customer's token, whatever else it may, is none of the bank's systems */

static ngx_uint_t
ngx_oof_payment_notice_staff(ngx_oof_request_t *o)
{
    static ngx_str_t  customer = ngx_string(NGX_OOF_SCOPE_CUSTOMER);

    if (!ngx_oof_token_has_scope(o->token, &customer)) {
        return 1;
    }

    (void) ngx_oof_error_status(o, NGX_HTTP_FORBIDDEN);

    return 0;
}


static ngx_oof_payment_notice_t *
ngx_oof_payment_notice(ngx_oof_request_t *o)
{
    ngx_oof_payment_notice_t  *notice;

    notice = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_notice_t));
    if (notice == NULL) {
        return NULL;
    }

    notice->o = o;
    notice->data = json_object_get(o->json, "data");

    ngx_http_set_ctx(o->r, notice, ngx_oof_payments_module);

    return notice;
}


static ngx_int_t
ngx_oof_payment_notice_bad(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                         "Corpo inválido",
                         "O corpo da requisição não tem a forma exigida.");
}


static ngx_int_t
ngx_oof_payment_notice_e2eid(ngx_oof_request_t *o, json_t *pairs, u_char *key)
{
    size_t               i;
    json_t              *pair;
    ngx_str_t            name, value;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    json_array_foreach(pairs, i, pair) {

        if (ngx_oof_json_get_str(pair, "key", &name) == NGX_OK
            && ngx_oof_json_get_str(pair, "value", &value) == NGX_OK
            && name.len == sizeof("endToEndId") - 1
            && ngx_memcmp(name.data, "endToEndId", name.len) == 0)
        {
            return ngx_oof_payment_e2eid_key(&olcf->brand, &value, key);
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_payment_notice_find(ngx_oof_request_t *o,
    ngx_oof_payment_notice_t *notice, u_char *core, u_char *e2eid)
{
    ngx_str_t            value;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_find);
    ngx_oof_pg_text(u, &olcf->brand);

    if (notice->operator) {
        ngx_oof_pg_uuid(u, notice->id);

    } else {
        ngx_oof_pg_null(u);
    }

    value.len = NGX_OOF_E2EID_KEY;

    value.data = core;

    if (core) {
        ngx_oof_pg_bytea(u, &value);

    } else {
        ngx_oof_pg_null(u);
    }

    value.data = e2eid;

    if (e2eid) {
        ngx_oof_pg_bytea(u, &value);

    } else {
        ngx_oof_pg_null(u);
    }

    return ngx_oof_request_unit(o, u, ngx_oof_payment_notice_found);
}


static ngx_int_t
ngx_oof_payment_notice_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                  rc;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_payment_order_t   *order;
    ngx_oof_payment_notice_t  *notice;

    notice = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return ngx_oof_payment_unknown(o);
    }

    order = ngx_oof_payment_order(olcf, ngx_cycle->log);
    if (order == NULL) {
        return NGX_ERROR;
    }

    notice->order = order;

    order->kind = NGX_OOF_ORDER_FIND;
    order->handler = ngx_oof_payment_noticed;
    order->data = notice;

    ngx_oof_payment_order_trace(order, o);

    rc = ngx_oof_payment_order_row(order, u, 0);

    if (rc == NGX_OK) {
        rc = notice->operator ? ngx_oof_payment_resolve_take(notice, u)
                              : ngx_oof_payment_notice_take(notice, u);
    }

    if (rc == NGX_OK && notice->operator) {
        rc = ngx_oof_payment_order_operator(order, o);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_order_write(order, notice->actor);
    }

    if (rc != NGX_OK) {
        ngx_oof_payment_order_free(order);
        notice->order = NULL;

        return (rc == NGX_BUSY) ? ngx_oof_payment_notice_known(o) : NGX_ERROR;
    }

    o->forget = ngx_oof_payment_notice_leave;
    o->waiting = notice;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_oof_payment_notice_take(ngx_oof_payment_notice_t *notice,
    ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_order_t  *order;

    order = notice->order;

    order->attempt = NGX_OOF_NOTICE_ATTEMPT;

    ngx_oof_payment_order_id(order, json_object_get(notice->data, "legacyId"));

    return ngx_oof_payment_order_told(order, notice->data, "paymentStatus");
}


static ngx_int_t
ngx_oof_payment_resolve_take(ngx_oof_payment_notice_t *notice,
    ngx_oof_pg_unit_t *u)
{
    json_t                   *reason;
    ngx_str_t                 outcome, code, state;
    ngx_oof_payment_order_t  *order;

    order = notice->order;

    ngx_oof_payment_col_str(u, 0, 0, NGX_OOF_ORDER_COL_STATE, &state);

    if (state.len != sizeof("sent") - 1) {
        return NGX_BUSY;
    }

    order->open = 1;

    (void) ngx_oof_json_get_str(notice->data, "outcome", &outcome);

    if (outcome.data[0] == 'S') {
        order->to = *ngx_oof_payment_state_name(NGX_OOF_PAYMENT_ACSC);
        return NGX_OK;
    }

    order->to = *ngx_oof_payment_state_name(NGX_OOF_PAYMENT_RJCT);
    order->code = NGX_OOF_CODE_FALHA_INFRAESTRUTURA_DETENTORA;

    reason = json_object_get(notice->data, "reason");

    if (ngx_oof_json_get_str(reason, "code", &code) == NGX_OK) {
        order->code = ngx_oof_payment_core_code(order->olcf->core, &code);
    }

    return NGX_OK;
}


static void
ngx_oof_payment_notice_leave(ngx_oof_request_t *o)
{
    ngx_oof_payment_notice_t *notice = o->waiting;

    o->forget = NULL;

    if (notice->order) {
        notice->order->data = NULL;
        notice->order = NULL;
    }
}


static void
ngx_oof_payment_noticed(ngx_oof_payment_order_t *order)
{
    ngx_oof_payment_notice_t *notice = order->data;

    ngx_int_t           rc;
    ngx_uint_t          moved, silent;
    ngx_oof_request_t  *o;

    moved = order->moved;
    silent = (order->result == NGX_OOF_ORDER_SILENT);

    ngx_oof_payment_order_free(order);

    if (notice == NULL) {
        return;
    }

    notice->order = NULL;
    o = notice->o;

    if (silent) {
        rc = ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);

    } else if (moved) {
        rc = ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);

    } else {
        rc = ngx_oof_payment_notice_known(o);
    }

    ngx_oof_request_resume(o, rc);
}


static ngx_int_t
ngx_oof_payment_resolve_repeat(ngx_oof_request_t *o, u_char *id)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_retry);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_real());

    return ngx_oof_request_unit(o, u, ngx_oof_payment_resolve_repeated);
}


static ngx_int_t
ngx_oof_payment_resolve_repeated(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    switch (ngx_oof_pg_get_int(u, 0, 0, 0)) {

    case NGX_OOF_NOTICE_REPEATED:
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);

    case NGX_OOF_NOTICE_UNKNOWN:
        return ngx_oof_payment_unknown(o);

    default:
        return ngx_oof_payment_notice_known(o);
    }
}


static ngx_int_t
ngx_oof_payment_notice_known(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_CONFLICT, "CONFLICT",
                         "Estado do pagamento",
                         "Não há dúvida sobre o que foi feito do "
                         "pagamento.");
}
