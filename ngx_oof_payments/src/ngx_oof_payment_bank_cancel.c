
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_bank.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/*
 * Cancellation of a payment in the bank's own channels (spec 2.9, 2.11): what
 * waits for its day, until the end of the day before; what the core holds, by
 * the core.  Or of all payments of a consent that wait.
 */


typedef struct {
    ngx_oof_request_t          *o;
    ngx_str_t                   by;        /* CPF */
    ngx_oof_payment_order_t    *order;
    u_char                      payment[NGX_OOF_UUID_LEN];
    u_char                     *consent;   /* all of it, or NULL */
    ngx_array_t                 wanted;    /* ids, of all */
} ngx_oof_payment_bank_cancel_t;


static ngx_int_t ngx_oof_payment_bank_cancel_every(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_cancel_rows(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_cancel_find(ngx_oof_request_t *o,
    ngx_oof_payment_bank_cancel_t *cancel);
static ngx_int_t ngx_oof_payment_bank_cancel_body(ngx_oof_request_t *o,
    ngx_str_t *by);
static ngx_int_t ngx_oof_payment_bank_cancel_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_cancel_start(ngx_oof_request_t *o,
    ngx_oof_payment_bank_cancel_t *cancel);
static ngx_uint_t ngx_oof_payment_bank_cancel_visible(ngx_oof_request_t *o,
    ngx_oof_payment_order_t *order);
static ngx_uint_t ngx_oof_payment_bank_cancel_is(ngx_str_t *status,
    ngx_oof_payment_state_e state);
static ngx_int_t ngx_oof_payment_bank_cancel_write(
    ngx_oof_payment_bank_cancel_t *cancel);
static void ngx_oof_payment_bank_cancel_leave(ngx_oof_request_t *o);
static void ngx_oof_payment_bank_cancel_cleanup(void *data);
static void ngx_oof_payment_bank_cancel_asked(ngx_oof_payment_order_t *order);
static void ngx_oof_payment_bank_cancel_done(ngx_oof_payment_order_t *order);
static ngx_oof_request_t *ngx_oof_payment_bank_cancel_end(
    ngx_oof_payment_order_t *order);
static ngx_int_t ngx_oof_payment_bank_cancel_look(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_bank_cancelled(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_cancelled_all(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_payment_bank_cancel_wanted(
    ngx_oof_payment_bank_cancel_t *cancel, u_char *id);
static ngx_int_t ngx_oof_payment_bank_cancel_refused(ngx_oof_request_t *o);


ngx_int_t
ngx_oof_payment_bank_cancel(ngx_oof_request_t *o)
{
    ngx_int_t                       rc;
    ngx_oof_payment_bank_cancel_t  *cancel;

    cancel = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_bank_cancel_t));
    if (cancel == NULL) {
        return NGX_ERROR;
    }

    cancel->o = o;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_param(o, cancel->payment);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_bank_cancel_body(o, &cancel->by);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_http_set_ctx(o->r, cancel, ngx_oof_payments_module);

    return ngx_oof_payment_bank_cancel_find(o, cancel);
}


ngx_int_t
ngx_oof_payment_bank_cancel_all(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_cancel_every);
}


static ngx_int_t
ngx_oof_payment_bank_cancel_every(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    ngx_int_t                       rc;
    ngx_oof_pg_unit_t              *u;
    ngx_oof_loc_conf_t             *olcf;
    ngx_oof_payment_bank_cancel_t  *cancel;

    if (!j->own) {
        return ngx_oof_payment_not_own(o);
    }

    cancel = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_bank_cancel_t));
    if (cancel == NULL) {
        return NGX_ERROR;
    }

    cancel->o = o;
    cancel->consent = j->consent.id;

    if (ngx_array_init(&cancel->wanted, o->r->pool, NGX_OOF_PAYMENT_MAX,
                       NGX_OOF_UUID_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_bank_cancel_body(o, &cancel->by);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_http_set_ctx(o->r, cancel, ngx_oof_payments_module);

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_rows);
    ngx_oof_pg_uuid(u, cancel->consent);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_cancel_rows);
}


/* those that may still be cancelled, by any one of which they are found */

static ngx_int_t
ngx_oof_payment_bank_cancel_rows(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    u_char                         *wanted;
    int64_t                         day;
    ngx_str_t                       id, status;
    ngx_uint_t                      row;
    ngx_oof_payment_bank_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    for (row = 0; row < ngx_oof_pg_rows(u, 0); row++) {

        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_COL_STATUS, &status);
        day = ngx_oof_pg_get_int(u, 0, row, NGX_OOF_PAYMENT_COL_DAY);

        if ((!ngx_oof_payment_bank_cancel_is(&status, NGX_OOF_PAYMENT_SCHD)
             && !ngx_oof_payment_bank_cancel_is(&status, NGX_OOF_PAYMENT_PDNG))
            || !ngx_oof_payment_cancellable(ngx_oof_payment_now(), day))
        {
            continue;
        }

        wanted = ngx_array_push(&cancel->wanted);
        if (wanted == NULL) {
            return NGX_ERROR;
        }

        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_COL_ID, &id);
        ngx_memcpy(wanted, id.data, NGX_OOF_UUID_LEN);
        ngx_memcpy(cancel->payment, id.data, NGX_OOF_UUID_LEN);
    }

    if (cancel->wanted.nelts == 0) {
        return ngx_oof_payment_bank_cancel_refused(o);
    }

    return ngx_oof_payment_bank_cancel_find(o, cancel);
}


static ngx_int_t
ngx_oof_payment_bank_cancel_find(ngx_oof_request_t *o,
    ngx_oof_payment_bank_cancel_t *cancel)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_find);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_uuid(u, cancel->payment);
    ngx_oof_pg_null(u);
    ngx_oof_pg_null(u);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_cancel_found);
}


/* NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_payment_bank_cancel_body(ngx_oof_request_t *o, ngx_str_t *by)
{
    json_t     *data, *document;
    ngx_str_t   value;

    data = json_object_get(o->json, "data");

    if (ngx_oof_json_get_str(data, "status", &value) != NGX_OK
        || ngx_strcmp(value.data, "CANC") != 0)
    {
        return ngx_oof_payment_bad_path(o, "data.status", 0);
    }

    document = json_object_get(json_object_get(json_object_get(data,
                                               "cancellation"), "cancelledBy"),
                               "document");

    if (ngx_oof_json_get_str(document, "rel", &value) != NGX_OK
        || ngx_strcmp(value.data, "CPF") != 0
        || ngx_oof_json_get_str(document, "identification", by) != NGX_OK
        || ngx_oof_scan_cpf(by) != NGX_OK)
    {
        return ngx_oof_payment_bad_path(o, "data.cancellation.cancelledBy", 0);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_bank_cancel_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                       rc;
    ngx_oof_loc_conf_t             *olcf;
    ngx_pool_cleanup_t             *cln;
    ngx_oof_payment_order_t        *order;
    ngx_oof_payment_bank_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return ngx_oof_payment_unknown(o);
    }

    /* whatever ends the request, the order does not come back to it */

    cln = ngx_pool_cleanup_add(o->r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_oof_payment_bank_cancel_cleanup;
    cln->data = cancel;

    order = ngx_oof_payment_order(olcf, ngx_cycle->log);
    if (order == NULL) {
        return NGX_ERROR;
    }

    order->kind = NGX_OOF_ORDER_CANCEL;
    order->data = cancel;
    cancel->order = order;

    ngx_oof_payment_order_trace(order, o);

    rc = ngx_oof_payment_order_row(order, u, 0);

    order->by.len = cancel->by.len;
    order->by.data = ngx_pstrdup(order->pool, &cancel->by);

    if (order->by.data == NULL) {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_order_operator(order, o);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_bank_cancel_start(o, cancel);
    }

    if (rc == NGX_AGAIN) {
        o->forget = ngx_oof_payment_bank_cancel_leave;
        o->waiting = cancel;

        return NGX_AGAIN;
    }

    cancel->order = NULL;
    ngx_oof_payment_order_free(order);

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* NGX_AGAIN: the order goes on */

static ngx_int_t
ngx_oof_payment_bank_cancel_start(ngx_oof_request_t *o,
    ngx_oof_payment_bank_cancel_t *cancel)
{
    u_char                   *key;
    ngx_oof_payment_order_t  *order;

    order = cancel->order;

    if (!ngx_oof_payment_bank_cancel_visible(o, order)) {
        return ngx_oof_payment_unknown(o);
    }

    if (cancel->consent) {
        order->all = 1;
        order->waiting = 1;
        order->from = ngx_oof_clock_today(ngx_oof_payment_now()) + 1;

        return ngx_oof_payment_bank_cancel_write(cancel);
    }

    if (ngx_oof_payment_bank_cancel_is(&order->status, NGX_OOF_PAYMENT_SCHD)
        && ngx_oof_payment_cancellable(ngx_oof_payment_now(), order->day))
    {
        order->waiting = 1;
        return ngx_oof_payment_bank_cancel_write(cancel);
    }

    if (!ngx_oof_payment_bank_cancel_is(&order->status, NGX_OOF_PAYMENT_PDNG)
        || order->core_id.len == 0)
    {
        return ngx_oof_payment_bank_cancel_refused(o);
    }

    /* the same request has the same key */

    key = ngx_pnalloc(order->pool, NGX_OOF_UUID_TEXT);
    if (key == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_oof_uuid_format(key, order->payment);

    order->key.data = key;
    order->key.len = NGX_OOF_UUID_TEXT;
    order->handler = ngx_oof_payment_bank_cancel_asked;

    if (ngx_oof_payment_order_send(order) != NGX_OK) {
        return ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);
    }

    return NGX_AGAIN;
}


/* a customer's token is for payments of consents that are his own */

static ngx_uint_t
ngx_oof_payment_bank_cancel_visible(ngx_oof_request_t *o,
    ngx_oof_payment_order_t *order)
{
    json_t      *terms;
    const char  *why;

    return ngx_oof_json_parse(order->pool, &order->terms, &terms, &why)
           == NGX_OK
           && ngx_oof_payment_own_data(o, terms);
}


static ngx_uint_t
ngx_oof_payment_bank_cancel_is(ngx_str_t *status,
    ngx_oof_payment_state_e state)
{
    return ngx_oof_payment_state(status) == (ngx_int_t) state;
}


static ngx_int_t
ngx_oof_payment_bank_cancel_write(ngx_oof_payment_bank_cancel_t *cancel)
{
    ngx_oof_payment_order_t  *order;

    order = cancel->order;

    order->to = *ngx_oof_payment_state_name(NGX_OOF_PAYMENT_CANC);
    order->handler = ngx_oof_payment_bank_cancel_done;

    return (ngx_oof_payment_order_write(order,
                     ngx_oof_bank_customer(cancel->o) ? "customer" : "bank")
            == NGX_OK)
           ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_oof_payment_bank_cancel_leave(ngx_oof_request_t *o)
{
    o->forget = NULL;

    ngx_oof_payment_bank_cancel_cleanup(o->waiting);
}


static void
ngx_oof_payment_bank_cancel_cleanup(void *data)
{
    ngx_oof_payment_bank_cancel_t *cancel = data;

    if (cancel->order) {
        cancel->order->data = NULL;
        cancel->order = NULL;
    }
}


/* the core has said whether it is cancelled */

static void
ngx_oof_payment_bank_cancel_asked(ngx_oof_payment_order_t *order)
{
    ngx_uint_t          refused;
    ngx_oof_request_t  *o;

    if (order->result == NGX_OOF_ORDER_ANSWERED
        && ngx_oof_payment_bank_cancel_is(&order->to, NGX_OOF_PAYMENT_CANC))
    {
        /* whoever asked may have gone: it is written all the same */

        order->handler = ngx_oof_payment_bank_cancel_done;

        if (ngx_oof_payment_order_write(order, "bank") == NGX_OK) {
            return;
        }
    }

    refused = (order->result == NGX_OOF_ORDER_REFUSED);

    o = ngx_oof_payment_bank_cancel_end(order);

    if (o == NULL) {
        return;
    }

    ngx_oof_request_resume(o, refused
                              ? ngx_oof_payment_bank_cancel_refused(o)
                              : ngx_oof_error_status(o,
                                                NGX_HTTP_GATEWAY_TIME_OUT));
}


static void
ngx_oof_payment_bank_cancel_done(ngx_oof_payment_order_t *order)
{
    ngx_uint_t          silent;
    ngx_oof_request_t  *o;

    silent = (order->result == NGX_OOF_ORDER_SILENT);

    o = ngx_oof_payment_bank_cancel_end(order);

    if (o == NULL) {
        return;
    }

    ngx_oof_request_resume(o, silent
                              ? ngx_oof_error_status(o,
                                              NGX_HTTP_SERVICE_UNAVAILABLE)
                              : ngx_oof_payment_bank_cancel_look(o));
}


/* the request that waits for it, or NULL */

static ngx_oof_request_t *
ngx_oof_payment_bank_cancel_end(ngx_oof_payment_order_t *order)
{
    ngx_oof_payment_bank_cancel_t *cancel = order->data;

    ngx_oof_payment_order_free(order);

    if (cancel == NULL) {
        return NULL;
    }

    cancel->order = NULL;

    if (cancel->o->forget != ngx_oof_payment_bank_cancel_leave) {
        return NULL;
    }

    cancel->o->forget = NULL;

    return cancel->o;
}


static ngx_int_t
ngx_oof_payment_bank_cancel_look(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t              *u;
    ngx_oof_loc_conf_t             *olcf;
    ngx_oof_payment_bank_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, cancel->consent ? &ngx_oof_sql_payment_bank_rows
                                            : &ngx_oof_sql_payment_bank_row);
    ngx_oof_pg_uuid(u, cancel->consent ? cancel->consent : cancel->payment);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, cancel->consent
                                      ? ngx_oof_payment_bank_cancelled_all
                                      : ngx_oof_payment_bank_cancelled);
}


static ngx_int_t
ngx_oof_payment_bank_cancelled(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body, status;
    ngx_oof_json_t  w;

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return NGX_ERROR;
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_PAYMENT_COL_STATUS, &status);

    /* something else was first */

    if (!ngx_oof_payment_bank_cancel_is(&status, NGX_OOF_PAYMENT_CANC)) {
        return ngx_oof_payment_bank_cancel_refused(o);
    }

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);

    if (ngx_oof_payment_bank_item(o, &w, u, 0, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_end(o, &w, &o->uri);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* those of the request that are cancelled now, the last day first */

static ngx_int_t
ngx_oof_payment_bank_cancelled_all(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                       body, id, status;
    ngx_uint_t                      row, n;
    ngx_oof_json_t                  w;
    ngx_oof_payment_bank_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (n = 0, row = 0; row < ngx_oof_pg_rows(u, 0); row++) {

        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_COL_ID, &id);
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_COL_STATUS, &status);

        if (!ngx_oof_payment_bank_cancel_wanted(cancel, id.data)
            || !ngx_oof_payment_bank_cancel_is(&status, NGX_OOF_PAYMENT_CANC))
        {
            continue;
        }

        if (ngx_oof_payment_bank_item(o, &w, u, 0, row) != NGX_OK) {
            return NGX_ERROR;
        }

        n++;
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_body_end(o, &w, &o->uri);

    if (n == 0) {
        return ngx_oof_payment_bank_cancel_refused(o);
    }

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_uint_t
ngx_oof_payment_bank_cancel_wanted(ngx_oof_payment_bank_cancel_t *cancel,
    u_char *id)
{
    u_char      *wanted;
    ngx_uint_t   i;

    wanted = cancel->wanted.elts;

    for (i = 0; i < cancel->wanted.nelts; i++) {

        if (ngx_memcmp(&wanted[i * NGX_OOF_UUID_LEN], id, NGX_OOF_UUID_LEN)
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_oof_payment_bank_cancel_refused(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                         "PAGAMENTO_NAO_PERMITE_CANCELAMENTO",
                         "Pagamento não permite cancelamento",
                         "Pagamento não permite cancelamento");
}
