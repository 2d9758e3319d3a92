
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_ORDER_POOL      8192

/* ms: an answer that cannot be written is kept, and written again */
#define NGX_OOF_ORDER_RETRY     500
#define NGX_OOF_ORDER_DEADLINE  5000
#define NGX_OOF_ORDER_WRITES    20       /* where the core repeats it */

/* ms: until the core is asked again what has become of a payment */
#define NGX_OOF_ORDER_POLL      1000
#define NGX_OOF_ORDER_POLL_MAX  60000


static ngx_int_t ngx_oof_payment_order_open(ngx_oof_payment_order_t *order,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col, const char *table,
    u_char *id, ngx_str_t *text);
static ngx_int_t ngx_oof_payment_order_urn(ngx_oof_payment_order_t *order);
static ngx_int_t ngx_oof_payment_order_body(ngx_oof_payment_order_t *order);
static json_t *ngx_oof_payment_order_json(ngx_oof_payment_order_t *order,
    json_t *terms, json_t *debtor, json_t *personal);
static json_t *ngx_oof_payment_order_meta(ngx_oof_payment_order_t *order);
static json_t *ngx_oof_payment_order_consent(ngx_oof_payment_order_t *order,
    json_t *terms, json_t *debtor, json_t *personal);
static json_t *ngx_oof_payment_order_pay(ngx_oof_payment_order_t *order,
    json_t *consent, json_t *personal);
static json_t *ngx_oof_payment_order_check(ngx_oof_payment_order_t *order,
    json_t *terms, json_t *debtor, json_t *personal);
static json_t *ngx_oof_payment_order_find(ngx_oof_payment_order_t *order,
    json_t *consent);
static json_t *ngx_oof_payment_order_time(int64_t us);
static void ngx_oof_payment_ordered(ngx_oof_core_call_t *call);
static void ngx_oof_payment_order_answer(ngx_oof_payment_order_t *order);
static ngx_uint_t ngx_oof_payment_order_ours(ngx_oof_payment_order_t *order,
    json_t *data);
static ngx_uint_t ngx_oof_payment_order_own(ngx_oof_payment_order_t *order);
static void ngx_oof_payment_order_refused(ngx_oof_payment_order_t *order);
static ngx_int_t ngx_oof_payment_order_move(ngx_oof_payment_order_t *order,
    const char *actor);
static void ngx_oof_payment_order_reason(ngx_oof_payment_order_t *order,
    ngx_oof_pg_unit_t *u, ngx_oof_payment_at_e at);
static ngx_int_t ngx_oof_payment_order_canceller(
    ngx_oof_payment_order_t *order);
static void ngx_oof_payment_order_moved(ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_order_again(ngx_event_t *ev);
static void ngx_oof_payment_order_end(ngx_oof_payment_order_t *order);


static const char *ngx_oof_payment_order_paths[] = {
    "/payment-validation",
    "/payments",
    "/find",
    "/cancellation"
};


/* what becomes of calls, by ngx_oof_payment_order_s.result */

static ngx_str_t  ngx_oof_payment_order_results[] = {
    ngx_string("result=\"answered\""),
    ngx_string("result=\"refused\""),
    ngx_string("result=\"silent\""),
    ngx_null_string
};


static ngx_oof_metric_t  ngx_oof_payment_orders_total;


ngx_int_t
ngx_oof_payment_order_preconf(ngx_conf_t *cf)
{
    return ngx_oof_metric_add_list(cf, &ngx_oof_payment_orders_total,
                                   "oof_payment_orders_total",
                                   "What the core was asked for payments, by "
                                   "what it answered.",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_payment_order_results);
}


ngx_oof_payment_order_t *
ngx_oof_payment_order(ngx_oof_loc_conf_t *olcf, ngx_log_t *log)
{
    ngx_pool_t               *pool;
    ngx_oof_payment_order_t  *order;

    pool = ngx_create_pool(NGX_OOF_ORDER_POOL, log);
    if (pool == NULL) {
        return NULL;
    }

    order = ngx_pcalloc(pool, sizeof(ngx_oof_payment_order_t));
    if (order == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    order->pool = pool;
    order->log = log;
    order->olcf = olcf;

    order->retry.handler = ngx_oof_payment_order_again;
    order->retry.data = order;
    order->retry.log = log;

    return order;
}


void
ngx_oof_payment_order_trace(ngx_oof_payment_order_t *order,
    ngx_oof_request_t *o)
{
    ngx_oof_trace_copy(o, order->pool, &order->call.trace);

    order->traced = order->call.trace.len && ngx_oof_trace_sampled(o);
}


void
ngx_oof_payment_order_free(ngx_oof_payment_order_t *order)
{
    if (order->retry.timer_set) {
        ngx_del_timer(&order->retry);
    }

    ngx_destroy_pool(order->pool);
}


ngx_int_t
ngx_oof_payment_order_row(ngx_oof_payment_order_t *order, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    ngx_str_t  value;

    ngx_oof_pg_get_str(u, u->nstatements - 1, row, NGX_OOF_ORDER_COL_PAYMENT,
                       &value);
    ngx_memcpy(order->payment, value.data, NGX_OOF_UUID_LEN);

    ngx_oof_pg_get_str(u, u->nstatements - 1, row, NGX_OOF_ORDER_COL_CONSENT,
                       &value);
    ngx_memcpy(order->consent, value.data, NGX_OOF_UUID_LEN);

#define ngx_oof_order_int(col)                                                \
    ngx_oof_pg_get_int(u, u->nstatements - 1, row, NGX_OOF_ORDER_COL_ ## col)
#define ngx_oof_order_time(col)                                               \
    ngx_oof_pg_get_time(u, u->nstatements - 1, row, NGX_OOF_ORDER_COL_ ## col)

    order->api = (ngx_uint_t) ngx_oof_order_int(API);
    order->scheduled = (ngx_oof_order_int(SCHEDULED) != 0);
    order->day = ngx_oof_order_int(DAY);
    order->creation = ngx_oof_order_time(CREATION);
    order->consent_creation = ngx_oof_order_time(CONSENT_CREATION);
    order->expiration = ngx_oof_order_time(EXPIRATION);

    if (!ngx_oof_pg_is_null(u, u->nstatements - 1, row,
                            NGX_OOF_ORDER_COL_ATTEMPT))
    {
        order->attempt = (ngx_uint_t) ngx_oof_order_int(ATTEMPT);
    }

    ngx_oof_payment_col_str(u, u->nstatements - 1, row,
                            NGX_OOF_ORDER_COL_STATUS, &value);
    order->status.len = value.len;
    order->status.data = ngx_pstrdup(order->pool, &value);

    ngx_oof_payment_col_str(u, u->nstatements - 1, row,
                            NGX_OOF_ORDER_COL_CORE_ID, &value);

    if (value.len) {
        order->core_id.len = value.len;
        order->core_id.data = ngx_pstrdup(order->pool, &value);
    }

    if (order->status.data == NULL
        || (value.len && order->core_id.data == NULL))
    {
        return NGX_ERROR;
    }

    if (ngx_oof_payment_order_urn(order) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_oof_payment_order_open(order, u, row, NGX_OOF_ORDER_COL_PERSONAL,
                                   NGX_OOF_PAYMENT_SEAL_PAYMENT,
                                   order->payment, &order->personal)
        != NGX_OK
        || ngx_oof_payment_order_open(order, u, row, NGX_OOF_ORDER_COL_TERMS,
                                      NGX_OOF_PAYMENT_SEAL_CONSENT,
                                      order->consent, &order->terms)
           != NGX_OK
        || ngx_oof_payment_order_open(order, u, row, NGX_OOF_ORDER_COL_DEBTOR,
                                      NGX_OOF_PAYMENT_SEAL_DEBTOR,
                                      order->consent, &order->debtor)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_order_open(ngx_oof_payment_order_t *order,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col, const char *table,
    u_char *id, ngx_str_t *text)
{
    ngx_str_t  sealed;

    ngx_oof_payment_col_str(u, u->nstatements - 1, row, col, &sealed);

    if (sealed.len == 0
        || ngx_oof_crypt_open(order->olcf->keys, order->pool, table, id,
                              &sealed, text)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, order->log, 0,
                      "personal data of a payment of consent \"%V\" cannot be "
                      "opened", &order->urn);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_order_urn(ngx_oof_payment_order_t *order)
{
    u_char     *p;
    ngx_str_t  *space;

    space = &order->olcf->urn_namespace;

    order->urn.len = sizeof("urn::") - 1 + space->len + NGX_OOF_UUID_TEXT;
    order->urn.data = ngx_pnalloc(order->pool, order->urn.len);

    if (order->urn.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(order->urn.data, "urn:%V:", space);
    (void) ngx_oof_uuid_format(p, order->consent);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_order_send(ngx_oof_payment_order_t *order)
{
    ngx_oof_core_call_t  *call;

    if (order->urn.len == 0 && ngx_oof_payment_order_urn(order) != NGX_OK) {
        return NGX_ERROR;
    }

    if (order->olcf->core == NULL
        || ngx_oof_payment_order_body(order) != NGX_OK)
    {
        return NGX_ERROR;
    }

    call = &order->call;

    call->core = order->olcf->core;
    call->pool = order->pool;
    call->log = order->log;
    call->path = ngx_oof_payment_order_paths[order->kind];
    call->once = (order->kind == NGX_OOF_ORDER_PAY && !call->core->idempotent);
    call->handler = ngx_oof_payment_ordered;
    call->data = order;

    return ngx_oof_core_post(call);
}


/*
 * The body is the same, byte for byte, however often and by whomever it is
 * sent: it is made of rows that do not change after the payment was accepted.
 */

static ngx_int_t
ngx_oof_payment_order_body(ngx_oof_payment_order_t *order)
{
    char        *text;
    json_t      *terms, *debtor, *personal, *body;
    ngx_str_t    s;
    const char  *why;

    if (ngx_oof_json_parse(order->pool, &order->terms, &terms, &why) != NGX_OK
        || ngx_oof_json_parse(order->pool, &order->debtor, &debtor, &why)
           != NGX_OK
        || ngx_oof_json_parse(order->pool, &order->personal, &personal, &why)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, order->log, 0,
                      "a payment of consent \"%V\" cannot be read",
                      &order->urn);
        return NGX_ERROR;
    }

    body = ngx_oof_payment_order_json(order, terms, debtor, personal);
    if (body == NULL) {
        return NGX_ERROR;
    }

    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);

    if (text == NULL) {
        return NGX_ERROR;
    }

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    order->call.body.len = s.len;
    order->call.body.data = ngx_pstrdup(order->pool, &s);

    ngx_explicit_memzero(text, s.len);
    free(text);

    return order->call.body.data ? NGX_OK : NGX_ERROR;
}


static json_t *
ngx_oof_payment_order_json(ngx_oof_payment_order_t *order, json_t *terms,
    json_t *debtor, json_t *personal)
{
    json_t  *consent;

    if (order->kind == NGX_OOF_ORDER_CHECK) {
        return ngx_oof_payment_order_check(order, terms, debtor, personal);
    }

    consent = ngx_oof_payment_order_consent(order, terms, debtor, personal);

    if (consent == NULL) {
        return NULL;
    }

    if (order->kind == NGX_OOF_ORDER_PAY) {
        return ngx_oof_payment_order_pay(order, consent, personal);
    }

    return ngx_oof_payment_order_find(order, consent);
}


static json_t *
ngx_oof_payment_order_meta(ngx_oof_payment_order_t *order)
{
    u_char  id[NGX_OOF_UUID_TEXT];

    /* of a payment all calls have one correlation */

    (void) ngx_oof_uuid_format(id, order->payment);

    return json_pack("{s:s%, s:s%}",
                     "correlationId", id, (size_t) NGX_OOF_UUID_TEXT,
                     "brandId", order->olcf->brand.data,
                     order->olcf->brand.len);
}


static json_t *
ngx_oof_payment_order_time(int64_t us)
{
    u_char  text[NGX_OOF_TIME_LEN];

    (void) ngx_oof_clock_format(text, us);

    return json_stringn((char *) text, NGX_OOF_TIME_LEN);
}


static json_t *
ngx_oof_payment_order_consent(ngx_oof_payment_order_t *order, json_t *terms,
    json_t *debtor, json_t *personal)
{
    json_t  *consent;

    consent = json_pack("{s:s%, s:o, s:o, s:{s:O}, s:s%, s:O, s:s, s:O, s:O, "
                        "s:O}",
                        "brandId", order->olcf->brand.data,
                        order->olcf->brand.len,
                        "creationDateTime",
                        ngx_oof_payment_order_time(order->consent_creation),
                        "expirationDateTime",
                        ngx_oof_payment_order_time(order->expiration),
                        "tpp", "name", json_object_get(personal, "tpp"),
                        "externalId", order->urn.data, order->urn.len,
                        "loggedUser", json_object_get(terms, "loggedUser"),
                        "version", order->api == 4 ? "V4" : "V5",
                        "creditor", json_object_get(terms, "creditor"),
                        "payment", json_object_get(terms, "payment"),
                        "debtorAccount", debtor);

    if (consent && json_object_get(terms, "businessEntity")
        && json_object_set(consent, "businessDocumentType",
                           json_object_get(terms, "businessEntity"))
           != 0)
    {
        json_decref(consent);
        return NULL;
    }

    return consent;
}


static json_t *
ngx_oof_payment_order_pay(ngx_oof_payment_order_t *order, json_t *consent,
    json_t *personal)
{
    u_char      key[NGX_OOF_UUID_TEXT], day[10];
    json_t     *data, *meta;
    ngx_str_t   instrument;

    data = json_copy(json_object_get(personal, "item"));

    if (data == NULL) {
        json_decref(consent);
        return NULL;
    }

    (void) json_object_del(data, "consentId");

    if (order->scheduled) {
        (void) ngx_oof_payment_day_format(day, order->day);
        (void) json_object_set_new(data, "date",
                                   json_stringn((char *) day, sizeof(day)));
    }

    (void) ngx_oof_uuid_format(key, order->payment);

    meta = ngx_oof_payment_order_meta(order);

    /* begun near the field (spec 2.4: APES, APDN) */

    if (ngx_oof_json_get_str(data, "localInstrument", &instrument) == NGX_OK
        && ngx_strncmp(instrument.data, "AP", 2) == 0)
    {
        (void) json_object_set_new(meta, "nfcHeader", json_string("true"));
    }

    return json_pack("{s:o, s:o, s:O, s:s%, s:s, s:{s:o}}",
                     "requestMeta", meta,
                     "consent", consent,
                     "idempotencyKey", json_object_get(personal, "key"),
                     "internalIdempotencyKey", key,
                     (size_t) NGX_OOF_UUID_TEXT,
                     "paymentType", "PAYMENT_CONSENT",
                     "requestBody", "data", data);
}


static json_t *
ngx_oof_payment_order_check(ngx_oof_payment_order_t *order, json_t *terms,
    json_t *debtor, json_t *personal)
{
    json_t      *payment, *item, *data, *value;
    const char **name;

    static const char  *names[] = {
        "endToEndId", "remittanceInformation", "cnpjInitiator",
        "transactionIdentification", NULL
    };

    item = json_object_get(personal, "item");
    payment = json_copy(json_object_get(terms, "payment"));

    if (payment == NULL) {
        return NULL;
    }

    value = json_object_get(payment, "schedule");
    order->several = (json_object_get(value, "single") == NULL);

    for (name = names; *name; name++) {
        value = json_object_get(item, *name);

        if (value) {
            (void) json_object_set(payment, *name, value);
        }
    }

    data = json_pack("{s:{s:O}, s:O, s:O, s:o, s:O, s:s%, s:s}",
                     "tpp", "name", json_object_get(personal, "tpp"),
                     "loggedUser", json_object_get(terms, "loggedUser"),
                     "creditor", json_object_get(terms, "creditor"),
                     "payment", payment,
                     "debtorAccount", debtor,
                     "externalId", order->urn.data, order->urn.len,
                     "validationStage", "POST_PAYMENT");

    if (data == NULL) {
        return NULL;
    }

    if (json_object_get(terms, "businessEntity")) {
        (void) json_object_set(data, "businessEntity",
                               json_object_get(terms, "businessEntity"));
    }

    return json_pack("{s:o, s:{s:o, s:s}}",
                     "requestMeta", ngx_oof_payment_order_meta(order),
                     "requestBody", "data", data,
                     "paymentType", "PAYMENT_CONSENT");
}


static json_t *
ngx_oof_payment_order_find(ngx_oof_payment_order_t *order, json_t *consent)
{
    json_t        *pairs, *body;
    json_error_t   error;

    pairs = json_loadb((char *) order->core_id.data, order->core_id.len, 0,
                       &error);

    if (pairs == NULL) {
        json_decref(consent);
        return NULL;
    }

    body = json_pack("{s:o, s:o, s:o, s:s}",
                     "requestMeta", ngx_oof_payment_order_meta(order),
                     "paymentId", pairs,
                     "consent", consent,
                     "paymentType", "PAYMENT_CONSENT");

    if (body == NULL || order->kind == NGX_OOF_ORDER_FIND) {
        return body;
    }

    (void) json_object_set_new(body, "idempotencyKey",
                               json_stringn((char *) order->key.data,
                                            order->key.len));
    (void) json_object_set_new(body, "requestBody",
                               json_pack("{s:{s:s, s:{s:{s:{s:s%, s:s}}}}}",
                                         "data", "status", "CANC",
                                         "cancellation", "cancelledBy",
                                         "document", "identification",
                                         order->by.data, order->by.len,
                                         "rel", "CPF"));

    return body;
}


static void
ngx_oof_payment_ordered(ngx_oof_core_call_t *call)
{
    ngx_oof_payment_order_t  *order;

    order = call->data;

    ngx_explicit_memzero(call->body.data, call->body.len);

    order->result = NGX_OOF_ORDER_SILENT;

    if (call->json && (call->status == NGX_HTTP_OK
                       || call->status == NGX_HTTP_CREATED))
    {
        ngx_oof_payment_order_answer(order);

    } else if (call->json && call->status == NGX_OOF_HTTP_UNPROCESSABLE) {
        ngx_oof_payment_order_refused(order);
    }

    ngx_oof_metric_inc(&ngx_oof_payment_orders_total, order->result, 1);

    if (order->result == NGX_OOF_ORDER_SILENT
        || order->kind == NGX_OOF_ORDER_CANCEL
        || ngx_oof_payment_order_move(order, "core") != NGX_OK)
    {
        ngx_oof_payment_order_end(order);
    }
}


static void
ngx_oof_payment_order_answer(ngx_oof_payment_order_t *order)
{
    json_t  *data;

    if (order->kind == NGX_OOF_ORDER_CHECK) {
        order->result = NGX_OOF_ORDER_ANSWERED;
        order->all = 1;
        ngx_str_set(&order->to, "SCHD");
        return;
    }

    data = json_object_get(order->call.json, "data");

    if (!ngx_oof_payment_order_ours(order, data)) {
        ngx_log_error(NGX_LOG_ALERT, order->log, 0,
                      "core \"%V\" answered a payment of consent \"%V\" "
                      "with another one", &order->olcf->core->name,
                      &order->urn);
        return;
    }

    if (ngx_oof_payment_order_told(order, data, "status") != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, order->log, 0,
                      "core \"%V\" answered a payment of consent \"%V\" "
                      "without a state", &order->olcf->core->name,
                      &order->urn);
        return;
    }

    order->result = NGX_OOF_ORDER_ANSWERED;

    ngx_oof_payment_order_id(order, json_object_get(data, "paymentId"));
}


/* an answer that names no payment is taken for ours */

static ngx_uint_t
ngx_oof_payment_order_ours(ngx_oof_payment_order_t *order, json_t *data)
{
    json_t      *personal;
    ngx_str_t    told, ours;
    const char  *why;

    if (ngx_oof_json_get_str(data, "endToEndId", &told) != NGX_OK
        || ngx_oof_json_parse(order->pool, &order->personal, &personal, &why)
           != NGX_OK
        || ngx_oof_json_get_str(json_object_get(personal, "item"),
                                "endToEndId", &ours)
           != NGX_OK)
    {
        return 1;
    }

    return told.len == ours.len
           && ngx_memcmp(told.data, ours.data, ours.len) == 0;
}


ngx_int_t
ngx_oof_payment_order_told(ngx_oof_payment_order_t *order, json_t *data,
    const char *status)
{
    json_t     *reason;
    ngx_int_t   state;
    ngx_str_t   name, code, words;

    if (ngx_oof_json_get_str(data, status, &name) != NGX_OK) {
        return NGX_DECLINED;
    }

    state = ngx_oof_payment_state(&name);

    if (state == NGX_ERROR) {
        return NGX_DECLINED;
    }

    /* nothing comes to RCVD: its state stays, and the core is asked again */

    if (state == NGX_OOF_PAYMENT_PDNG && order->api >= 5
        && ngx_oof_payment_order_own(order))
    {
        ngx_log_error(NGX_LOG_ERR, order->log, 0,
                      "core \"%V\" holds a payment of consent \"%V\" "
                      "between accounts of one owner",
                      &order->olcf->core->name, &order->urn);
        state = NGX_OOF_PAYMENT_RCVD;
    }

    order->to = *ngx_oof_payment_state_name(state);

    if (state != NGX_OOF_PAYMENT_RJCT) {
        return NGX_OK;
    }

    reason = json_object_get(data, "rejectionReason");

    order->code = NGX_OOF_CODE_NAO_INFORMADO;

    if (ngx_oof_json_get_str(reason, "code", &code) == NGX_OK) {
        order->code = ngx_oof_payment_core_code(order->olcf->core, &code);
    }

    if (ngx_oof_json_get_str(reason, "detail", &words) == NGX_OK) {
        order->words = words;
    }

    return NGX_OK;
}


/* who pays is who is paid (spec 2.9, v5): the company, where there is one */

static ngx_uint_t
ngx_oof_payment_order_own(ngx_oof_payment_order_t *order)
{
    json_t      *terms, *payer;
    ngx_str_t    pays, paid;
    const char  *why;

    if (ngx_oof_json_parse(order->pool, &order->terms, &terms, &why)
        != NGX_OK)
    {
        return 0;
    }

    payer = json_object_get(terms, "businessEntity");

    if (payer == NULL) {
        payer = json_object_get(terms, "loggedUser");
    }

    return ngx_oof_json_get_str(json_object_get(payer, "document"),
                                "identification", &pays)
           == NGX_OK
           && ngx_oof_json_get_str(json_object_get(terms, "creditor"),
                                   "cpfCnpj", &paid)
              == NGX_OK
           && pays.len == paid.len
           && ngx_memcmp(pays.data, paid.data, pays.len) == 0;
}


static void
ngx_oof_payment_order_refused(ngx_oof_payment_order_t *order)
{
    json_t     *error;
    ngx_str_t   code, words;

    error = json_array_get(json_object_get(order->call.json, "errors"), 0);

    if (ngx_oof_json_get_str(error, "code", &code) != NGX_OK) {
        return;
    }

    if (order->kind == NGX_OOF_ORDER_FIND) {

        /* it was known there: a matter for people, not for the payment */

        ngx_log_error(NGX_LOG_ERR, order->log, 0,
                      "core \"%V\" does not find a payment of consent \"%V\"",
                      &order->olcf->core->name, &order->urn);
        return;
    }

    order->code = ngx_oof_payment_core_code(order->olcf->core, &code);

    if (order->code == NGX_OOF_CODE_ERRO_IDEMPOTENCIA) {

        /* it knows the key, so it may have been made */

        ngx_log_error(NGX_LOG_ALERT, order->log, 0,
                      "core \"%V\" takes a payment of consent \"%V\" for "
                      "another one", &order->olcf->core->name, &order->urn);
        return;
    }

    order->result = NGX_OOF_ORDER_REFUSED;
    order->all = (order->kind == NGX_OOF_ORDER_CHECK);
    order->failed = (order->all && order->several);
    ngx_str_set(&order->to, "RJCT");

    if (ngx_oof_json_get_str(error, "detail", &words) == NGX_OK) {
        order->words = words;
    }

    /* the key was in order when it was scheduled (spec 2.8, v5) */

    if (order->scheduled && order->kind == NGX_OOF_ORDER_PAY
        && order->code == NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO)
    {
        order->code =
                  NGX_OOF_CODE_CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO;
        ngx_str_null(&order->words);
    }
}


ngx_oof_payment_code_e
ngx_oof_payment_core_code(ngx_oof_core_t *core, ngx_str_t *name)
{
    ngx_uint_t               i;
    ngx_keyval_t            *kv;
    ngx_oof_payment_code_e   code;

    if (core && core->codes) {
        kv = core->codes->elts;

        for (i = 0; i < core->codes->nelts; i++) {

            if (kv[i].key.len == name->len
                && ngx_memcmp(kv[i].key.data, name->data, name->len) == 0)
            {
                name = &kv[i].value;
                break;
            }
        }
    }

    code = ngx_oof_payment_code(name);

    return (code == NGX_OOF_CODE_NONE) ? NGX_OOF_CODE_NAO_INFORMADO : code;
}


void
ngx_oof_payment_order_id(ngx_oof_payment_order_t *order, json_t *pairs)
{
    char       *text;
    ngx_str_t   s;

    if (order->core_id.len || json_array_size(pairs) == 0
        || ngx_oof_payment_order_hash(order->pool, &order->olcf->brand, pairs,
                                      order->hash)
           != NGX_OK)
    {
        return;
    }

    text = json_dumps(pairs, JSON_COMPACT);
    if (text == NULL) {
        return;
    }

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    order->found.len = s.len;
    order->found.data = ngx_pstrdup(order->pool, &s);
    order->keyed = (order->found.data != NULL);

    free(text);
}


ngx_int_t
ngx_oof_payment_order_hash(ngx_pool_t *pool, ngx_str_t *brand, json_t *pairs,
    u_char *hash)
{
    size_t      i;
    json_t     *pair, *set;
    ngx_int_t   rc;
    ngx_str_t   text;

    set = json_object();
    if (set == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    json_array_foreach(pairs, i, pair) {

        if (!json_is_string(json_object_get(pair, "key"))
            || json_object_set(set,
                       json_string_value(json_object_get(pair, "key")),
                       json_object_get(pair, "value"))
               != 0)
        {
            rc = NGX_DECLINED;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_canonical(pool, set, &text);
    }

    json_decref(set);

    if (rc != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_oof_payment_e2eid_key(brand, &text, hash);
}


ngx_int_t
ngx_oof_payment_order_operator(ngx_oof_payment_order_t *order,
    ngx_oof_request_t *o)
{
    ngx_str_t  *name;

    if (ngx_oof_bank_customer(o)) {
        return NGX_OK;
    }

    name = o->token->sub.len ? &o->token->sub : &o->token->client_id;

    order->operator.len = name->len;
    order->operator.data = ngx_pstrdup(order->pool, name);

    return order->operator.data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_oof_payment_order_write(ngx_oof_payment_order_t *order, const char *actor)
{
    if (order->urn.len == 0 && ngx_oof_payment_order_urn(order) != NGX_OK) {
        return NGX_ERROR;
    }

    order->result = NGX_OOF_ORDER_ANSWERED;

    return ngx_oof_payment_order_move(order, actor);
}


ngx_int_t
ngx_oof_payment_order_late(ngx_oof_payment_order_t *order)
{
    order->all = 1;
    order->failed = 1;
    order->code = NGX_OOF_CODE_FALHA_INFRAESTRUTURA_DETENTORA;
    ngx_str_set(&order->to, "RJCT");

    return ngx_oof_payment_order_write(order, "time");
}


static ngx_int_t
ngx_oof_payment_order_move(ngx_oof_payment_order_t *order, const char *actor)
{
    int64_t             real, next;
    ngx_str_t           value;
    ngx_oof_pg_unit_t  *u;

    if (ngx_oof_payment_order_canceller(order) != NGX_OK) {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(order->olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    real = ngx_oof_clock_real();
    next = ngx_min(NGX_OOF_ORDER_POLL << ngx_min(order->attempt, 6),
                   NGX_OOF_ORDER_POLL_MAX);

    ngx_memcpy(u->key, order->consent, NGX_OOF_UUID_LEN);

    u->handler = ngx_oof_payment_order_moved;
    u->data = order;
    u->deadline = ngx_current_msec + NGX_OOF_ORDER_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_move);
    ngx_oof_pg_uuid(u, order->consent);

    if (order->all) {
        ngx_oof_pg_null(u);

    } else {
        ngx_oof_pg_uuid(u, order->payment);
    }

    ngx_oof_pg_text(u, &order->to);
    ngx_oof_payment_order_reason(order, u, NGX_OOF_AT_RJCT_GET);
    ngx_oof_pg_bool(u, order->result == NGX_OOF_ORDER_REFUSED);
    ngx_oof_payment_order_reason(order, u, NGX_OOF_AT_PAYMENT);

    if (order->keyed) {
        ngx_oof_pg_text(u, &order->found);
        value.data = order->hash;
        value.len = NGX_OOF_E2EID_KEY;
        ngx_oof_pg_bytea(u, &value);

    } else {
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_time(u, ngx_oof_payment_now());
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int8(u, real / 1000);

    if (order->waiting) {
        ngx_oof_pg_null(u);

    } else {
        ngx_str_set(&value, "pay");

        if (order->kind == NGX_OOF_ORDER_CHECK) {
            ngx_str_set(&value, "check");
        }

        ngx_oof_pg_text(u, &value);
    }

    ngx_oof_pg_time(u, real + next * 1000);

    value.data = (u_char *) actor;
    value.len = ngx_strlen(actor);
    ngx_oof_pg_text(u, &value);
    ngx_oof_pg_text(u, &order->urn);
    ngx_oof_pg_bool(u, order->waiting);
    ngx_oof_pg_bool(u, order->open);

    ngx_oof_pg_some(u, &order->canceller);

    if (order->traced) {
        ngx_oof_pg_text(u, &order->call.trace);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_some(u, &order->operator);

    if (order->from) {
        ngx_oof_pg_int4(u, (int32_t) order->from);

    } else {
        ngx_oof_pg_null(u);
    }

    return ngx_oof_pg_send(u);
}


/*
 * Whose wish the cancellation is that somebody tells of: the customer's who
 * has asked for the payment, unless another's is known (spec 2.11).
 */

static ngx_int_t
ngx_oof_payment_order_canceller(ngx_oof_payment_order_t *order)
{
    json_t      *terms;
    ngx_int_t    rc;
    ngx_str_t    cpf;
    const char  *why;

    if (order->canceller.len
        || order->to.len != 4 || ngx_memcmp(order->to.data, "CANC", 4) != 0)
    {
        return NGX_OK;
    }

    cpf = order->by;

    if (cpf.len == 0
        && (ngx_oof_json_parse(order->pool, &order->terms, &terms, &why)
            != NGX_OK
            || ngx_oof_json_get_str(json_object_get(json_object_get(terms,
                                                    "loggedUser"),
                                                    "document"),
                                    "identification", &cpf)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_crypt_seal(order->olcf->keys, order->olcf->database,
                            order->pool, NGX_OOF_PAYMENT_SEAL_CANCELLER,
                            order->consent, &cpf, &order->canceller);

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/*
 * The code that is allowed at a place, and the core's words where they are the
 * reason; nothing when there is no reason.  Of payments that cannot be
 * scheduled the detail tells the cause (spec 2.8).
 */

static void
ngx_oof_payment_order_reason(ngx_oof_payment_order_t *order,
    ngx_oof_pg_unit_t *u, ngx_oof_payment_at_e at)
{
    ngx_str_t               *words, detail;
    ngx_oof_payment_code_e   code, failed;

    if (order->code == NGX_OOF_CODE_NONE) {
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
        return;
    }

    code = ngx_oof_payment_code_at(order->api, at, order->code);
    words = NULL;

    if (order->words.len
        && (code == NGX_OOF_CODE_PAGAMENTO_RECUSADO_DETENTORA
            || code == NGX_OOF_CODE_PAGAMENTO_RECUSADO_SPI))
    {
        words = &order->words;
    }

    failed = NGX_OOF_CODE_FALHA_AGENDAMENTO_PAGAMENTOS;

    ngx_oof_pg_text(u, ngx_oof_payment_code_name(
                            order->failed && at == NGX_OOF_AT_RJCT_GET
                            ? failed : code));

    if (ngx_oof_payment_detail(order->pool, order->api, at, code, words,
                               &detail)
        != NGX_OK)
    {
        ngx_oof_pg_null(u);
        return;
    }

    ngx_oof_pg_text(u, &detail);
}


static void
ngx_oof_payment_order_moved(ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_order_t *order = u->data;

    if (u->rc != NGX_OOF_PG_OK) {

        /* what the core has said once it may not say again */

        if (++order->writes == NGX_OOF_ORDER_WRITES
            && order->olcf->core->idempotent)
        {
            order->result = NGX_OOF_ORDER_SILENT;
            ngx_oof_payment_order_end(order);
            return;
        }

        ngx_add_timer(&order->retry, NGX_OOF_ORDER_RETRY);
        return;
    }

    if (!order->waiting) {
        order->moved = (ngx_oof_pg_get_int(u, 0, 0, 0) == 1);
    }

    if (order->code == NGX_OOF_CODE_CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO
        && !order->waiting)
    {
        order->waiting = 1;
        order->all = 1;
        order->keyed = 0;

        if (ngx_oof_payment_order_move(order, "core") == NGX_OK) {
            return;
        }
    }

    ngx_oof_payment_order_end(order);
}


static void
ngx_oof_payment_order_again(ngx_event_t *ev)
{
    ngx_oof_payment_order_t *order = ev->data;

    if (ngx_oof_payment_order_move(order, "core") != NGX_OK) {
        ngx_add_timer(&order->retry, NGX_OOF_ORDER_RETRY);
    }
}


static void
ngx_oof_payment_order_end(ngx_oof_payment_order_t *order)
{
    if (order->handler) {
        order->handler(order);
        return;
    }

    ngx_oof_payment_order_free(order);
}
