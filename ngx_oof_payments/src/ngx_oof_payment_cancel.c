
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/*
 * Cancellation by who initiated the payments (spec 2.11).  What waits for its
 * day is cancelled here, in one unit; what the core holds is cancelled there,
 * and the request waits for its word.  A core that gives none: 504, and the
 * same key asks it again.
 */


#define NGX_OOF_CANCEL_ROWS       1
#define NGX_OOF_CANCEL_OUTCOME    2

#define NGX_OOF_CANCEL_SEEN       2
#define NGX_OOF_CANCEL_REPEATED   3

#define NGX_OOF_CANCEL_PRINT      1
#define NGX_OOF_CANCEL_STATUS     2


typedef struct {
    ngx_oof_request_t          *o;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_verdict_t   verdict;
    ngx_oof_idempotency_t       idem;
    u_char                      unit[NGX_OOF_UUID_LEN];
    u_char                      payment[NGX_OOF_UUID_LEN];
    u_char                      consent[NGX_OOF_UUID_LEN];
    ngx_str_t                   urn;
    ngx_str_t                   by;        /* CPF */
    ngx_str_t                   person;    /* CPF that is looked for */
    ngx_str_t                   sealed;
    ngx_oof_payment_order_t    *order;
    unsigned                    all:1;
    unsigned                    approver:1;
    unsigned                    refused:1;
} ngx_oof_payment_cancel_t;


static ngx_int_t ngx_oof_payment_cancel_read(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_cancel_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_cancel_all_read(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_cancel_all_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_oof_payment_cancel_t *ngx_oof_payment_cancel_new(
    ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_cancel_person(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_cancel_judge(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_str_t *terms);
static ngx_int_t ngx_oof_payment_cancel_key(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_cancel_store(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel);
static ngx_int_t ngx_oof_payment_cancelled(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_cancel_answer(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_oof_pg_unit_t *u, ngx_uint_t rows,
    ngx_int_t status);
static ngx_int_t ngx_oof_payment_cancel_list(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_str_t *body);
static ngx_int_t ngx_oof_payment_cancel_ask(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel);
static ngx_int_t ngx_oof_payment_cancel_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_cancel_leave(ngx_oof_request_t *o);
static void ngx_oof_payment_cancel_cleanup(void *data);
static void ngx_oof_payment_cancel_ordered(ngx_oof_payment_order_t *order);
static ngx_int_t ngx_oof_payment_cancel_tell(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_uint_t done);
static ngx_int_t ngx_oof_payment_cancel_told(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_cancel_looked(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


/* PATCH /pix/payments/{paymentId} */

ngx_int_t
ngx_oof_payment_cancel(ngx_oof_request_t *o)
{
    return ngx_oof_message_read(o, ngx_oof_payment_cancel_read);
}


/* PATCH /consents/{consentId}/pix/payments, in v4 by another path */

ngx_int_t
ngx_oof_payment_cancel_all(ngx_oof_request_t *o)
{
    return ngx_oof_message_read(o, ngx_oof_payment_cancel_all_read);
}


static ngx_int_t
ngx_oof_payment_cancel_read(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t         *u;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_payment_cancel_t  *cancel;

    cancel = ngx_oof_payment_cancel_new(o);
    if (cancel == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_payment_param(o, cancel->payment) != NGX_OK) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_get);
    ngx_oof_pg_uuid(u, cancel->payment);
    ngx_oof_pg_text(u, &olcf->brand);

    if (ngx_oof_payment_cancel_person(o, cancel, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_payment_cancel_got);
}


static ngx_int_t
ngx_oof_payment_cancel_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                   id, terms;
    ngx_oof_payment_consent_t   consent;
    ngx_oof_payment_cancel_t   *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_payment_unknown(o);
    }

    if (!ngx_oof_payment_own(o, u, 0)) {
        return NGX_OK;
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_PAYMENT_COL_CONSENT, &id);
    ngx_memcpy(cancel->consent, id.data, NGX_OOF_UUID_LEN);
    ngx_memcpy(consent.id, id.data, NGX_OOF_UUID_LEN);

    if (ngx_oof_payment_consent_name(o, &consent) != NGX_OK
        || ngx_oof_payment_sealed(o, u, 0, 0, NGX_OOF_PAYMENT_COL_TERMS,
                                  NGX_OOF_PAYMENT_SEAL_CONSENT,
                                  cancel->consent, &terms)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cancel->urn = consent.urn;
    cancel->approver = (cancel->person.len && ngx_oof_pg_rows(u, 1));

    return ngx_oof_payment_cancel_judge(o, cancel, &terms);
}


static ngx_int_t
ngx_oof_payment_cancel_all_read(ngx_oof_request_t *o)
{
    ngx_int_t                   rc;
    ngx_oof_pg_unit_t          *u;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_cancel_t   *cancel;
    ngx_oof_payment_consent_t  *consent;

    cancel = ngx_oof_payment_cancel_new(o);
    if (cancel == NULL) {
        return NGX_ERROR;
    }

    cancel->all = 1;

    rc = ngx_oof_payment_consent_param(o, &consent);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_memcpy(cancel->consent, consent->id, NGX_OOF_UUID_LEN);
    cancel->urn = consent->urn;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_get);
    ngx_oof_pg_uuid(u, cancel->consent);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    if (ngx_oof_payment_cancel_person(o, cancel, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_payment_cancel_all_got);
}


static ngx_int_t
ngx_oof_payment_cancel_all_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                  *mine;
    ngx_oof_payment_cancel_t   *cancel;
    ngx_oof_payment_consent_t   consent;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                             "Consentimento não encontrado",
                             "Não há consentimento com o consentId "
                             "informado.");
    }

    ngx_memzero(&consent, sizeof(ngx_oof_payment_consent_t));

    if (ngx_oof_payment_consent_row(o, u, 0, 0, &consent) != NGX_OK) {
        return NGX_ERROR;
    }

    mine = &o->token->client_id;

    if (consent.client_id.len != mine->len
        || ngx_memcmp(consent.client_id.data, mine->data, mine->len) != 0)
    {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Consentimento de outro cliente",
                             "O consentimento informado não foi criado por "
                             "este cliente.");
    }

    cancel->approver = (cancel->person.len && ngx_oof_pg_rows(u, 1));

    return ngx_oof_payment_cancel_judge(o, cancel, &consent.personal);
}


static ngx_oof_payment_cancel_t *
ngx_oof_payment_cancel_new(ngx_oof_request_t *o)
{
    ngx_oof_payment_cancel_t  *cancel;

    cancel = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_cancel_t));
    if (cancel == NULL) {
        return NULL;
    }

    cancel->o = o;
    cancel->rules.pool = o->r->pool;
    cancel->rules.version = ngx_oof_payment_version(o);
    cancel->rules.now = ngx_oof_payment_now();

    ngx_http_set_ctx(o->r, cancel, ngx_oof_payments_module);

    return cancel;
}


/*
 * Whose wish it is, as far as that can be read yet: is he one of those who
 * have agreed to it (spec 2.11: whoever has to do with the account)
 */

static ngx_int_t
ngx_oof_payment_cancel_person(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_oof_pg_unit_t *u)
{
    json_t  *document;

    document = json_object_get(json_object_get(o->json, "data"),
                               "cancellation");
    document = json_object_get(json_object_get(document, "cancelledBy"),
                               "document");

    if (ngx_oof_json_get_str(document, "identification", &cancel->person)
        != NGX_OK
        || ngx_oof_scan_cpf(&cancel->person) != NGX_OK)
    {
        ngx_str_null(&cancel->person);
        return NGX_OK;
    }

    return ngx_oof_payment_approves(o, u, cancel->all ? cancel->consent : NULL,
                                    cancel->payment, &cancel->person);
}


/* who may cancel is the customer who has asked for it, or one who agreed */

static ngx_int_t
ngx_oof_payment_cancel_judge(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_str_t *terms)
{
    json_t                    *data, *claims;
    ngx_int_t                  rc;
    ngx_str_t                  canonical, by, cpfs[2];
    const char                *why;
    ngx_oof_payment_rules_t    rules;
    ngx_oof_payment_terms_t    t;

    ngx_memzero(&t, sizeof(ngx_oof_payment_terms_t));

    /* whichever version the consent is of */

    rules = cancel->rules;
    rules.version = 5;

    if (ngx_oof_json_parse(o->r->pool, terms, &data, &why) != NGX_OK
        || ngx_oof_payment_terms(&rules, data, &t) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cpfs[0] = t.cpf;
    cpfs[1] = cancel->person;

    rc = ngx_oof_payment_cancel_body(&cancel->rules, o->json, cpfs,
                                     cancel->approver ? 2 : 1, &cancel->by,
                                     &cancel->verdict);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    cancel->refused = (rc == NGX_DECLINED);

    claims = json_object_get(o->json, "data");

    if (ngx_oof_payment_canonical(o->r->pool, claims ? claims : json_null(),
                                  &canonical)
        != NGX_OK
        || ngx_oof_uuid7(cancel->unit) != NGX_OK
        || ngx_oof_payment_cancel_key(o) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_idempotency_init(o, &cancel->idem, &canonical, cancel->unit);

    if (rc == NGX_OK && !cancel->refused) {
        by.len = cancel->by.len;
        by.data = ngx_pstrdup(o->r->pool, &cancel->by);

        if (by.data == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_oof_payment_seal(o, NGX_OOF_PAYMENT_SEAL_CANCELLER,
                                  cancel->consent, &by, &cancel->sealed);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_payment_cancel_store(o, cancel);
}


/* v4 has no key for one payment: each of its messages is its own */

static ngx_int_t
ngx_oof_payment_cancel_key(ngx_oof_request_t *o)
{
    ngx_table_elt_t  *h;

    if (o->headers[NGX_OOF_HEADER_IDEMPOTENCY_KEY]
        || ngx_oof_payment_version(o) != 4)
    {
        return NGX_OK;
    }

    h = ngx_pcalloc(o->r->pool, sizeof(ngx_table_elt_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "x-idempotency-key");

    h->value.len = NGX_OOF_UUID_TEXT;
    h->value.data = ngx_pnalloc(o->r->pool, NGX_OOF_UUID_TEXT);

    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_oof_uuid_format(h->value.data, o->message->jti);

    o->headers[NGX_OOF_HEADER_IDEMPOTENCY_KEY] = h;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_cancel_store(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel)
{
    int64_t              day, real;
    ngx_str_t            value;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    real = ngx_oof_clock_real();

    /* alone: through the end of the day before */

    day = cancel->all ? ngx_oof_payment_bulk_first(cancel->rules.version,
                                                   cancel->rules.now)
                      : ngx_oof_clock_today(cancel->rules.now) + 1;

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, cancel->consent, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, cancel->all ? &ngx_oof_sql_payment_cancel_all
                                        : &ngx_oof_sql_payment_cancel);
    ngx_oof_pg_idempotency(u, &cancel->idem);
    ngx_oof_pg_uuid(u, cancel->all ? cancel->consent : cancel->payment);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_bool(u, cancel->refused);
    ngx_oof_pg_int4(u, (int32_t) day);
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int8(u, real / 1000);

    if (cancel->refused) {
        ngx_oof_pg_null(u);

    } else {
        ngx_oof_pg_bytea(u, &cancel->sealed);
    }

    ngx_oof_pg_text(u, &cancel->urn);

    ngx_oof_pg_int4(u, cancel->all && cancel->rules.version != 4
                       ? NGX_HTTP_ACCEPTED : NGX_HTTP_OK);
    ngx_oof_pg_event_trace(u, o);

    ngx_oof_pg_statement(u, cancel->all ? &ngx_oof_sql_payment_rows
                                        : &ngx_oof_sql_payment_get);
    ngx_oof_pg_uuid(u, cancel->all ? cancel->consent : cancel->payment);
    ngx_oof_pg_text(u, &olcf->brand);

    value.len = NGX_OOF_IDEMPOTENCY_LEN;

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_create_outcome);
    value.data = cancel->idem.jti;
    ngx_oof_pg_bytea(u, &value);
    value.data = cancel->idem.hash;
    ngx_oof_pg_bytea(u, &value);
    ngx_oof_pg_uuid(u, cancel->unit);
    ngx_oof_pg_time(u, cancel->idem.now);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_cancelled);
}


static ngx_int_t
ngx_oof_payment_cancelled(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                  outcome;
    ngx_str_t                  print;
    ngx_oof_payment_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    outcome = (ngx_int_t) ngx_oof_pg_get_int(u, NGX_OOF_CANCEL_OUTCOME, 0, 0);

    if (outcome == NGX_OOF_CANCEL_SEEN) {
        return ngx_oof_message_reused(o);
    }

    if (outcome == NGX_OOF_CANCEL_REPEATED) {

        ngx_oof_pg_get_str(u, NGX_OOF_CANCEL_OUTCOME, 0, NGX_OOF_CANCEL_PRINT,
                           &print);

        if (!ngx_oof_idempotency_same(o, &cancel->idem, &print)) {
            return ngx_oof_payment_conflict(o, NGX_OOF_AT_CANCEL);
        }
    }

    if (ngx_oof_pg_is_null(u, NGX_OOF_CANCEL_OUTCOME, 0,
                           NGX_OOF_CANCEL_STATUS))
    {
        return ngx_oof_payment_cancel_ask(o, cancel);
    }

    return ngx_oof_payment_cancel_answer(o, cancel, u, NGX_OOF_CANCEL_ROWS,
                  (ngx_int_t) ngx_oof_pg_get_int(u, NGX_OOF_CANCEL_OUTCOME, 0,
                                                 NGX_OOF_CANCEL_STATUS));
}


static ngx_int_t
ngx_oof_payment_cancel_answer(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_oof_pg_unit_t *u, ngx_uint_t rows,
    ngx_int_t status)
{
    ngx_str_t  body;

    if (status == NGX_OOF_HTTP_UNPROCESSABLE) {

        if (ngx_oof_payment_refuse(o->r->pool, cancel->rules.version,
                            NGX_OOF_AT_CANCEL,
                            NGX_OOF_CODE_PAGAMENTO_NAO_PERMITE_CANCELAMENTO,
                            NULL, &cancel->verdict)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        return ngx_oof_payment_refused(o, &cancel->verdict);
    }

    if (status == NGX_HTTP_ACCEPTED) {

        /* there is nothing to sign */

        o->sealed = 1;

        return ngx_oof_answer(o, NGX_HTTP_ACCEPTED, NULL);
    }

    if ((cancel->all ? ngx_oof_payment_cancel_list(o, u, rows, &body)
                     : ngx_oof_payment_show_one(o, u, rows, NGX_OOF_AT_RJCT,
                                                &body))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* v4: those that this request has cancelled, which is the last that could */

static ngx_int_t
ngx_oof_payment_cancel_list(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_str_t *body)
{
    int64_t         at, last;
    ngx_str_t       id;
    ngx_uint_t      i, n;
    ngx_oof_json_t  w;

    n = ngx_oof_pg_rows(u, s);
    last = 0;

    for (i = 0; i < n; i++) {
        if (!ngx_oof_pg_is_null(u, s, i, NGX_OOF_PAYMENT_COL_CANCELLED_AT)) {
            at = ngx_oof_pg_get_time(u, s, i,
                                     NGX_OOF_PAYMENT_COL_CANCELLED_AT);
            last = ngx_max(last, at);
        }
    }

    if (ngx_oof_json_init(&w, o->r->pool, 256 + 128 * n) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {

        if (ngx_oof_pg_is_null(u, s, i, NGX_OOF_PAYMENT_COL_CANCELLED_AT)
            || ngx_oof_pg_get_time(u, s, i, NGX_OOF_PAYMENT_COL_CANCELLED_AT)
               != last)
        {
            continue;
        }

        ngx_oof_pg_get_str(u, s, i, NGX_OOF_PAYMENT_COL_ID, &id);

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "paymentId");
        ngx_oof_json_uuid(&w, id.data);
        ngx_oof_json_member_time(&w, "statusUpdateDateTime",
                     ngx_oof_pg_get_time(u, s, i,
                                         NGX_OOF_PAYMENT_COL_STATUS_UPDATE));
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_body_end(o, &w, &o->uri);

    return ngx_oof_json_text(&w, body);
}


/* it is held by the core */

static ngx_int_t
ngx_oof_payment_cancel_ask(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel)
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

    return ngx_oof_request_unit(o, u, ngx_oof_payment_cancel_found);
}


static ngx_int_t
ngx_oof_payment_cancel_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                 *key;
    ngx_oof_loc_conf_t        *olcf;
    ngx_pool_cleanup_t        *cln;
    ngx_oof_payment_order_t   *order;
    ngx_oof_payment_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return NGX_ERROR;
    }

    /* whatever ends the request, the order does not come back to it */

    cln = ngx_pool_cleanup_add(o->r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_oof_payment_cancel_cleanup;
    cln->data = cancel;

    order = ngx_oof_payment_order(olcf, ngx_cycle->log);
    if (order == NULL) {
        return NGX_ERROR;
    }

    order->kind = NGX_OOF_ORDER_CANCEL;
    order->handler = ngx_oof_payment_cancel_ordered;
    order->data = cancel;

    ngx_oof_payment_order_trace(order, o);

    key = &o->headers[NGX_OOF_HEADER_IDEMPOTENCY_KEY]->value;

    order->by.len = cancel->by.len;
    order->by.data = ngx_pstrdup(order->pool, &cancel->by);
    order->key.len = key->len;
    order->key.data = ngx_pstrdup(order->pool, key);

    if (order->by.data == NULL || order->key.data == NULL
        || ngx_oof_payment_order_row(order, u, 0) != NGX_OK)
    {
        ngx_oof_payment_order_free(order);
        return NGX_ERROR;
    }

    if (ngx_oof_payment_order_send(order) != NGX_OK) {
        ngx_oof_payment_order_free(order);
        return ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);
    }

    cancel->order = order;

    o->forget = ngx_oof_payment_cancel_leave;
    o->waiting = cancel;
    ngx_oof_request_asks(o);

    return NGX_AGAIN;
}


static void
ngx_oof_payment_cancel_leave(ngx_oof_request_t *o)
{
    o->forget = NULL;

    ngx_oof_payment_cancel_cleanup(o->waiting);
}


static void
ngx_oof_payment_cancel_cleanup(void *data)
{
    ngx_oof_payment_cancel_t *cancel = data;

    if (cancel->order) {
        cancel->order->data = NULL;
        cancel->order = NULL;
    }
}


static void
ngx_oof_payment_cancel_ordered(ngx_oof_payment_order_t *order)
{
    ngx_oof_payment_cancel_t *cancel = order->data;

    ngx_int_t           rc;
    ngx_uint_t          result, done;
    ngx_oof_request_t  *o;

    result = order->result;
    done = (order->to.len == 4
            && ngx_memcmp(order->to.data, "CANC", 4) == 0);

    ngx_oof_payment_order_free(order);

    if (cancel == NULL) {
        return;
    }

    cancel->order = NULL;
    o = cancel->o;

    if (o->forget != ngx_oof_payment_cancel_leave) {
        return;
    }

    o->forget = NULL;

    if (result == NGX_OOF_ORDER_SILENT
        || (result == NGX_OOF_ORDER_ANSWERED && !done))
    {
        rc = ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);

    } else {
        rc = ngx_oof_payment_cancel_tell(o, cancel, done);
    }

    ngx_oof_request_resume(o, rc);
}


static ngx_int_t
ngx_oof_payment_cancel_tell(ngx_oof_request_t *o,
    ngx_oof_payment_cancel_t *cancel, ngx_uint_t done)
{
    int64_t              real;
    ngx_str_t            value;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    real = ngx_oof_clock_real();

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, cancel->consent, NGX_OOF_UUID_LEN);

    value.data = cancel->idem.hash;
    value.len = NGX_OOF_IDEMPOTENCY_LEN;

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_cancel_told);
    ngx_oof_pg_bytea(u, &value);
    ngx_oof_pg_uuid(u, cancel->payment);
    ngx_oof_pg_bool(u, done);
    ngx_oof_pg_time(u, ngx_oof_payment_now());
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int8(u, real / 1000);
    ngx_oof_pg_bytea(u, &cancel->sealed);
    ngx_oof_pg_text(u, &cancel->urn);
    ngx_oof_pg_event_trace(u, o);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_cancel_told);
}


static ngx_int_t
ngx_oof_payment_cancel_told(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                  hash;
    ngx_oof_pg_unit_t         *look;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_payment_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    look = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (look == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(look, &ngx_oof_sql_payment_get);
    ngx_oof_pg_uuid(look, cancel->payment);
    ngx_oof_pg_text(look, &olcf->brand);

    hash.data = cancel->idem.hash;
    hash.len = NGX_OOF_IDEMPOTENCY_LEN;

    ngx_oof_pg_statement(look, &ngx_oof_sql_payment_answer);
    ngx_oof_pg_bytea(look, &hash);

    return ngx_oof_request_unit(o, look, ngx_oof_payment_cancel_looked);
}


static ngx_int_t
ngx_oof_payment_cancel_looked(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_cancel_t  *cancel;

    cancel = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_rows(u, 0) != 1 || ngx_oof_pg_is_null(u, 1, 0, 1)) {
        return NGX_ERROR;
    }

    return ngx_oof_payment_cancel_answer(o, cancel, u, 0,
                                (ngx_int_t) ngx_oof_pg_get_int(u, 1, 0, 1));
}
