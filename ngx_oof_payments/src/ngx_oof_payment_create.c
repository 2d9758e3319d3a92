
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/*
 * POST /pix/payments (spec 2.8).  What is asked for is written with its intents
 * in one unit: the one payment that nothing speaks against by a statement that
 * looks for nothing else, and joins those of others; the rest by one that tells
 * each outcome.  Then the core is asked, and the request waits, holding no
 * lane, until the answer of its key is decided: by what the core says, or by
 * the end of the wait, which makes it 201.  A repetition waits for the same.
 */


/* ms between looks while another process has asked the core */
#define NGX_OOF_PAYMENT_LOOK    100

/* ms of the request's deadline that are kept for the last unit */
#define NGX_OOF_PAYMENT_SPARE   1000

/* ms by which a call surely outlives its timeout */
#define NGX_OOF_PAYMENT_MARGIN  2000

/* statements of the unit that makes payments, and outcomes of the last */

#define NGX_OOF_PAYMENT_MAKE_ROWS     1
#define NGX_OOF_PAYMENT_MAKE_OUTCOME  2

#define NGX_OOF_PAYMENT_MADE          1
#define NGX_OOF_PAYMENT_SEEN          2
#define NGX_OOF_PAYMENT_REPEATED      3

#define NGX_OOF_PAYMENT_MAKE_PRINT    1
#define NGX_OOF_PAYMENT_MAKE_STATUS   2


/* a payment's row, as far as it is made here */

typedef struct {
    u_char                      id[NGX_OOF_UUID_LEN];
    u_char                      e2eid[NGX_OOF_E2EID_KEY];
    ngx_str_t                   personal;  /* sealed */
} ngx_oof_payment_row_t;


/* payments that are being made */

typedef struct {
    ngx_oof_request_t          *o;
    ngx_oof_payment_consent_t   consent;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_terms_t     terms;
    ngx_oof_payment_verdict_t   verdict;
    ngx_array_t                 items;     /* ngx_oof_payment_item_t */
    ngx_oof_payment_row_t      *rows;      /* of the items, or NULL */
    ngx_oof_idempotency_t       idem;
    u_char                      unit[NGX_OOF_UUID_LEN];
    ngx_str_t                   personal;  /* of the first */
    ngx_uint_t                  rank;      /* of the verdict, for the unit */

    ngx_oof_payment_order_t    *order;
    ngx_event_t                 timer;
    ngx_msec_t                  until;

    unsigned                    found:1;   /* the consent */
    unsigned                    sent:1;    /* the core is asked from here */
    unsigned                    asking:1;  /* the database */
} ngx_oof_payment_new_t;


static ngx_int_t ngx_oof_payment_create_read(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_create_consent(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_create_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_create_charge(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_create_go(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_create_asked(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_str_t *asked);
static ngx_int_t ngx_oof_payment_create_judge(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_create_rows(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_create_row(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_oof_payment_item_t *item,
    ngx_oof_payment_row_t *row);
static ngx_int_t ngx_oof_payment_create_personal(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_oof_payment_item_t *item,
    ngx_str_t *personal);
static ngx_int_t ngx_oof_payment_make(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_make_events(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_made(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_made_body(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_str_t *body);
static ngx_int_t ngx_oof_payment_create_list(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_str_t *list);
static void ngx_oof_payment_create_base64(ngx_oof_request_t *o,
    ngx_oof_json_t *w, const char *name, ngx_str_t *value);
static ngx_int_t ngx_oof_payment_create_store(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static void ngx_oof_payment_create_plan(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_create_intent(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_created(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_create_ask(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_create_order(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_wait(ngx_oof_payment_new_t *new);
static void ngx_oof_payment_wait_timer(ngx_event_t *ev);
static void ngx_oof_payment_wait_leave(ngx_oof_request_t *o);
static void ngx_oof_payment_wait_cleanup(void *data);
static void ngx_oof_payment_wait_ordered(ngx_oof_payment_order_t *order);
static ngx_int_t ngx_oof_payment_wait_look(ngx_oof_payment_new_t *new);
static ngx_int_t ngx_oof_payment_looked(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_decided(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t rows, ngx_uint_t s, ngx_uint_t col);
static ngx_int_t ngx_oof_payment_create_refused(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t col);
static ngx_int_t ngx_oof_payment_create_body(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_str_t *body);


ngx_int_t
ngx_oof_payment_create(ngx_oof_request_t *o)
{
    return ngx_oof_message_read(o, ngx_oof_payment_create_read);
}


/* what the payments are compared with is read first */

static ngx_int_t
ngx_oof_payment_create_read(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t           *u;
    ngx_oof_loc_conf_t          *olcf;
    ngx_oof_payment_new_t       *new;
    ngx_oof_payment_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    new = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_new_t));
    if (new == NULL) {
        return NGX_ERROR;
    }

    new->o = o;
    new->rules.pool = o->r->pool;
    new->rules.version = ngx_oof_payment_version(o);
    new->rules.now = ngx_oof_payment_now();
    new->rules.instruments = conf->instruments;

    new->timer.handler = ngx_oof_payment_wait_timer;
    new->timer.data = new;
    new->timer.log = o->r->connection->log;

    new->until = ngx_current_msec + conf->wait;

    ngx_http_set_ctx(o->r, new, ngx_oof_payments_module);

    if (ngx_array_init(&new->items, o->r->pool, 4,
                       sizeof(ngx_oof_payment_item_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_payment_create_consent(o, new) != NGX_OK) {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_get);
    ngx_oof_pg_uuid(u, new->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    return ngx_oof_request_unit(o, u, ngx_oof_payment_create_got);
}


/* the token's; an id that is none of ours is that of no consent */

static ngx_int_t
ngx_oof_payment_create_consent(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new)
{
    ngx_str_t  *urn, id;

    urn = &o->token->consent_id;

    if (urn->len > NGX_OOF_UUID_TEXT) {
        id.len = NGX_OOF_UUID_TEXT;
        id.data = urn->data + urn->len - NGX_OOF_UUID_TEXT;

        if (ngx_oof_uuid_parse(&id, new->consent.id) != NGX_OK) {
            ngx_memzero(new->consent.id, NGX_OOF_UUID_LEN);
        }
    }

    if (ngx_oof_payment_consent_name(o, &new->consent) != NGX_OK) {
        return NGX_ERROR;
    }

    if (new->consent.urn.len != urn->len
        || ngx_memcmp(new->consent.urn.data, urn->data, urn->len) != 0)
    {
        ngx_memzero(new->consent.id, NGX_OOF_UUID_LEN);
        ngx_str_null(&o->consent_id);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_create_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_pg_unit_t      *look;
    ngx_oof_loc_conf_t     *olcf;
    ngx_oof_payment_new_t  *new;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_rows(u, 0) == 1) {

        if (ngx_oof_payment_consent_row(o, u, 0, 0, &new->consent) != NGX_OK) {
            return NGX_ERROR;
        }

        new->found = (new->consent.client_id.len == o->token->client_id.len
                      && ngx_memcmp(new->consent.client_id.data,
                                    o->token->client_id.data,
                                    o->token->client_id.len)
                         == 0);
    }

    if (new->found && ngx_oof_payment_create_judge(o, new) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!new->found || new->rank || !new->terms.has_charge) {
        return ngx_oof_payment_create_go(o, new);
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    look = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (look == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_payment_charge_used(o, look, new->consent.id,
                                    &new->terms.charge)
        != NGX_OK)
    {
        ngx_oof_pg_free(look);
        return NGX_ERROR;
    }

    return ngx_oof_request_unit(o, look, ngx_oof_payment_create_charge);
}


/* two consents for one charge may be authorised, and one pays it */

static ngx_int_t
ngx_oof_payment_create_charge(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t               name = ngx_string("qrCode");
    ngx_oof_payment_new_t  *new;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_rows(u, 0)) {

        if (ngx_oof_payment_refuse(o->r->pool, new->rules.version,
                                   NGX_OOF_AT_PAYMENT,
                                   NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO,
                                   &name, &new->verdict)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        new->rank = 2;
    }

    return ngx_oof_payment_create_go(o, new);
}


static ngx_int_t
ngx_oof_payment_create_go(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    ngx_int_t  rc;
    ngx_str_t  asked;

    if (ngx_oof_payment_create_asked(o, new, &asked) != NGX_OK
        || ngx_oof_uuid7(new->unit) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_idempotency_init(o, &new->idem, &asked, new->unit);

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_create_rows(o, new);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (new->rows && new->items.nelts == 1
        && new->verdict.status != NGX_HTTP_CREATED)
    {
        return ngx_oof_payment_make(o, new);
    }

    return ngx_oof_payment_create_store(o, new);
}


/* what a key is good for: the data, of the consent that the token names */

static ngx_int_t
ngx_oof_payment_create_asked(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_str_t *asked)
{
    u_char     *p;
    json_t     *data;
    ngx_str_t   canonical;

    data = json_object_get(o->json, "data");

    if (ngx_oof_payment_canonical(o->r->pool, data ? data : json_null(),
                                  &canonical)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    asked->len = NGX_OOF_UUID_LEN + canonical.len;
    asked->data = ngx_pnalloc(o->r->pool, asked->len);

    if (asked->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(asked->data, new->consent.id, NGX_OOF_UUID_LEN);
    ngx_memcpy(p, canonical.data, canonical.len);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_create_judge(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    json_t                   *data;
    ngx_int_t                 rc;
    const char               *why;
    ngx_oof_payment_rules_t   rules;

    /* the consent is judged by its own version, the request by the other */

    rules = new->rules;
    rules.version = new->consent.api;

    if (ngx_oof_json_parse(o->r->pool, &new->consent.personal, &data, &why)
        != NGX_OK
        || ngx_oof_payment_terms(&rules, data, &new->terms) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "consent \"%V\" cannot be read", &o->consent_id);
        return NGX_ERROR;
    }

    rc = ngx_oof_payment_judge(&new->rules, o->json, &new->consent.urn,
                               &new->terms, &new->items, &new->verdict);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        new->rank = (new->verdict.rank == NGX_OOF_VERDICT_SYNTAX) ? 1 : 2;
    }

    return NGX_OK;
}


/*
 * Everything that can fail is done before the unit is sent.  NGX_DECLINED: an
 * error is prepared.
 */

static ngx_int_t
ngx_oof_payment_create_rows(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_oof_payment_row_t   *row;
    ngx_oof_payment_item_t  *item;

    /* without an account no customer has agreed, and none is paid */

    if (!new->found || new->rank || new->consent.debtor.len == 0
        || new->items.nelts == 0)
    {
        return NGX_OK;
    }

    row = ngx_palloc(o->r->pool,
                     new->items.nelts * sizeof(ngx_oof_payment_row_t));
    if (row == NULL) {
        return NGX_ERROR;
    }

    item = new->items.elts;

    for (i = 0; i < new->items.nelts; i++) {
        rc = ngx_oof_payment_create_row(o, new, &item[i], &row[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    new->rows = row;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_create_row(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_oof_payment_item_t *item, ngx_oof_payment_row_t *row)
{
    ngx_str_t            personal;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_uuid7(row->id) != NGX_OK
        || ngx_oof_payment_e2eid_key(&olcf->brand, &item->e2eid, row->e2eid)
           != NGX_OK
        || ngx_oof_payment_create_personal(o, new, item, &personal) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (new->personal.data == NULL) {
        new->personal.len = personal.len;
        new->personal.data = ngx_pstrdup(o->r->pool, &personal);

        if (new->personal.data == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_oof_payment_seal(o, NGX_OOF_PAYMENT_SEAL_PAYMENT, row->id,
                                &personal, &row->personal);
}


static ngx_int_t
ngx_oof_payment_create_personal(ngx_oof_request_t *o,
    ngx_oof_payment_new_t *new, ngx_oof_payment_item_t *item,
    ngx_str_t *personal)
{
    ngx_oof_json_t     w;
    ngx_oof_schema_t  *schema;

    /* of "data", of its items, of their members */

    schema = ngx_oof_payment_item_schema(new->rules.version);
    schema = schema->children->children;

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "item");
    ngx_oof_payment_echo(&w, schema, item->data, NULL);
    ngx_oof_json_name(&w, "debtor");
    ngx_oof_json_raw(&w, &new->consent.debtor);
    ngx_oof_json_member(&w, "tpp", o->client && o->client->name.len
                                   ? &o->client->name : &o->token->client_id);
    ngx_oof_json_member(&w, "key",
                        &o->headers[NGX_OOF_HEADER_IDEMPOTENCY_KEY]->value);
    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, personal);
}


static ngx_int_t
ngx_oof_payment_make(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    u_char                   organisation[NGX_OOF_UUID_LEN];
    ngx_str_t                value;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_payment_item_t  *item;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    item = new->items.elts;

    if (ngx_oof_uuid_parse(&o->cert->organisation_id, organisation)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, new->consent.id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_make);
    ngx_oof_pg_idempotency(u, &new->idem);
    ngx_oof_pg_uuid(u, new->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_uuid(u, organisation);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_payment_create_intent(o, new, u);
    ngx_oof_pg_uuid(u, new->rows->id);
    ngx_oof_pg_int4(u, (int32_t) item->day);
    ngx_oof_pg_bool(u, item->scheduled);

    value.data = new->rows->e2eid;
    value.len = NGX_OOF_E2EID_KEY;

    ngx_oof_pg_bytea(u, &value);
    ngx_oof_pg_bytea(u, &new->rows->personal);

    if (ngx_oof_payment_make_events(o, new, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_payment_made);
}


/* id and data, of the payment's event and of the consent's */

static ngx_int_t
ngx_oof_payment_make_events(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_oof_pg_unit_t *u)
{
    u_char                     id[NGX_OOF_UUID_LEN], used[NGX_OOF_UUID_LEN];
    ngx_oof_json_t             w;
    ngx_oof_event_t            event;
    ngx_oof_payment_consent_t  consent;

    ngx_str_null(&event.trace);
    ngx_oof_event_trace(&event, o);

    if (ngx_oof_uuid7(id) != NGX_OK || ngx_oof_uuid7(used) != NGX_OK
        || ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "paymentId");
    ngx_oof_json_uuid(&w, new->rows->id);
    ngx_oof_json_member(&w, "consentId", &new->consent.urn);
    ngx_oof_json_member(&w, "clientId", &o->token->client_id);
    ngx_oof_json_member(&w, "organisationId", &o->cert->organisation_id);
    ngx_oof_json_member(&w, "status",
                        ngx_oof_payment_state_name(NGX_OOF_PAYMENT_RCVD));
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &event.data) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_event_data(u, &event);

    ngx_memzero(&consent, sizeof(ngx_oof_payment_consent_t));

    consent.urn = new->consent.urn;
    consent.client_id = o->token->client_id;
    ngx_str_set(&consent.status, "CONSUMED");

    if (ngx_oof_payment_consent_event(o, &consent, &o->cert->organisation_id,
                                      "AUTHORISED", &event.data)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_pg_uuid(u, used);
    ngx_oof_pg_event_data(u, &event);

    return NGX_OK;
}


/* what it does not make may still be a repetition, or is refused */

static ngx_int_t
ngx_oof_payment_made(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                    body;
    ngx_oof_payment_new_t       *new;
    ngx_oof_payment_loc_conf_t  *conf;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_get_int(u, 0, 0, 0) != NGX_OOF_PAYMENT_MADE) {
        return ngx_oof_payment_create_store(o, new);
    }

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_payments_module);

    if (conf->wait) {
        return ngx_oof_payment_create_ask(o, new);
    }

    if (ngx_oof_payment_made_body(o, new, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_CREATED, &body);
}


static ngx_int_t
ngx_oof_payment_made_body(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_str_t *body)
{
    ngx_str_t                path;
    ngx_oof_json_t           w;
    ngx_oof_payment_shown_t  shown;

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK
        || ngx_oof_payment_path(o, new->rows->id, &path) != NGX_OK)
    {
        return NGX_ERROR;
    }

    shown.id = new->rows->id;
    shown.consent = new->consent.id;
    shown.creation = new->idem.now;
    shown.status_update = new->idem.now;
    shown.status = *ngx_oof_payment_state_name(NGX_OOF_PAYMENT_RCVD);
    shown.personal = new->personal;

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    if (ngx_oof_payment_show_new(o, &w, &shown) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_body_end(o, &w, &path);

    return ngx_oof_json_text(&w, body);
}


static ngx_int_t
ngx_oof_payment_create_list(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_str_t *list)
{
    ngx_str_t                value;
    ngx_uint_t               i;
    ngx_oof_json_t           w;
    ngx_oof_payment_row_t   *row;
    ngx_oof_payment_item_t  *item;

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    row = new->rows;
    item = new->items.elts;

    for (i = 0; row && i < new->items.nelts; i++) {
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "id");
        ngx_oof_json_uuid(&w, row[i].id);
        ngx_oof_json_name(&w, "position");
        ngx_oof_json_int(&w, (int64_t) i + 1);
        ngx_oof_json_name(&w, "day");
        ngx_oof_json_int(&w, item[i].day);
        ngx_oof_json_name(&w, "scheduled");
        ngx_oof_json_bool(&w, item[i].scheduled);
        ngx_oof_payment_create_base64(o, &w, "personal", &row[i].personal);

        value.data = row[i].e2eid;
        value.len = NGX_OOF_E2EID_KEY;
        ngx_oof_payment_create_base64(o, &w, "endToEnd", &value);

        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, list);
}


static void
ngx_oof_payment_create_base64(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *name, ngx_str_t *value)
{
    ngx_str_t  text;

    text.data = ngx_pnalloc(o->r->pool, ngx_base64_encoded_length(value->len));

    if (text.data == NULL) {
        w->failed = 1;
        return;
    }

    ngx_encode_base64(&text, value);
    ngx_oof_json_member(w, name, &text);
}


static ngx_int_t
ngx_oof_payment_create_store(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    int64_t              real;
    ngx_str_t            value, list;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    real = ngx_oof_clock_real();

    if (ngx_oof_payment_create_list(o, new, &list) != NGX_OK) {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, new->consent.id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_create);
    ngx_oof_pg_idempotency(u, &new->idem);
    ngx_oof_pg_int4(u, (int32_t) new->rank);

    if (new->rank) {
        ngx_oof_pg_text(u, &new->verdict.code);
        ngx_oof_pg_text(u, &new->verdict.detail);

    } else {
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_uuid(u, new->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_time(u, real);
    ngx_oof_pg_int8(u, real / 1000);
    ngx_oof_payment_create_plan(o, new, u);
    ngx_oof_pg_text(u, &list);
    ngx_oof_pg_text(u, &new->consent.urn);
    ngx_oof_pg_event_trace(u, o);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_rows);
    ngx_oof_pg_uuid(u, new->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);

    value.len = NGX_OOF_IDEMPOTENCY_LEN;

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_create_outcome);
    value.data = new->idem.jti;
    ngx_oof_pg_bytea(u, &value);
    value.data = new->idem.hash;
    ngx_oof_pg_bytea(u, &value);
    ngx_oof_pg_uuid(u, new->unit);
    ngx_oof_pg_time(u, new->idem.now);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_created);
}


/*
 * The status of the payments and its reason; the answer, if it is decided now;
 * what the core is asked, whether it is asked from here, and when again.
 */

static void
ngx_oof_payment_create_plan(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_oof_pg_unit_t *u)
{
    if (new->rank == 0 && new->verdict.status == NGX_HTTP_CREATED) {

        /* accepted, and rejected */

        ngx_oof_pg_text(u, ngx_oof_payment_state_name(NGX_OOF_PAYMENT_RJCT));
        ngx_oof_pg_text(u, &new->verdict.code);
        ngx_oof_pg_text(u, &new->verdict.detail);
        ngx_oof_pg_int4(u, NGX_HTTP_CREATED);
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
        return;
    }

    ngx_oof_pg_text(u, ngx_oof_payment_state_name(NGX_OOF_PAYMENT_RCVD));
    ngx_oof_pg_null(u);
    ngx_oof_pg_null(u);
    ngx_oof_payment_create_intent(o, new, u);
}


static void
ngx_oof_payment_create_intent(ngx_oof_request_t *o, ngx_oof_payment_new_t *new,
    ngx_oof_pg_unit_t *u)
{
    int64_t                       due;
    ngx_str_t                     text;
    ngx_oof_core_t               *core;
    ngx_oof_loc_conf_t           *olcf;
    ngx_oof_payment_item_t       *item;
    ngx_oof_payment_loc_conf_t   *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    core = olcf->core;
    item = new->items.elts;

    due = ngx_oof_clock_real();

    if (conf->wait == 0) {
        ngx_oof_pg_int4(u, NGX_HTTP_CREATED);

    } else {
        ngx_oof_pg_null(u);

        new->sent = (core && ngx_oof_core_ready(core));
    }

    if (new->items.nelts && item[0].scheduled) {
        ngx_str_set(&text, "check");

    } else {
        ngx_str_set(&text, "pay");
    }

    ngx_oof_pg_text(u, &text);

    if (!new->sent) {
        ngx_str_set(&text, "stored");
        ngx_oof_pg_text(u, &text);
        ngx_oof_pg_time(u, due);
        return;
    }

    due += (int64_t) (core->timeout + NGX_OOF_PAYMENT_MARGIN) * 1000;

    ngx_str_set(&text, "sent");
    ngx_oof_pg_text(u, &text);

    if (core->idempotent || item == NULL || item[0].scheduled) {
        ngx_oof_pg_time(u, due);

    } else {
        ngx_oof_pg_null(u);
    }
}


static ngx_int_t
ngx_oof_payment_created(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t               outcome;
    ngx_str_t               print;
    ngx_oof_payment_new_t  *new;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    outcome = (ngx_int_t) ngx_oof_pg_get_int(u, NGX_OOF_PAYMENT_MAKE_OUTCOME,
                                             0, 0);

    if (outcome == NGX_OOF_PAYMENT_SEEN) {
        return ngx_oof_message_reused(o);
    }

    if (outcome == NGX_OOF_PAYMENT_REPEATED) {

        ngx_oof_pg_get_str(u, NGX_OOF_PAYMENT_MAKE_OUTCOME, 0,
                           NGX_OOF_PAYMENT_MAKE_PRINT, &print);

        if (!ngx_oof_idempotency_same(o, &new->idem, &print)) {
            return ngx_oof_payment_conflict(o, NGX_OOF_AT_PAYMENT);
        }
    }

    if (!ngx_oof_pg_is_null(u, NGX_OOF_PAYMENT_MAKE_OUTCOME, 0,
                            NGX_OOF_PAYMENT_MAKE_STATUS))
    {
        return ngx_oof_payment_decided(o, u, NGX_OOF_PAYMENT_MAKE_ROWS,
                                       NGX_OOF_PAYMENT_MAKE_OUTCOME,
                                       NGX_OOF_PAYMENT_MAKE_STATUS);
    }

    if (outcome == NGX_OOF_PAYMENT_MADE) {
        return ngx_oof_payment_create_ask(o, new);
    }

    return ngx_oof_payment_wait(new);
}


static ngx_int_t
ngx_oof_payment_create_ask(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    if (new->sent && ngx_oof_payment_create_order(o, new) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "core is not asked for a payment of consent \"%V\" now",
                      &o->consent_id);
    }

    return ngx_oof_payment_wait(new);
}


static ngx_int_t
ngx_oof_payment_create_order(ngx_oof_request_t *o, ngx_oof_payment_new_t *new)
{
    ngx_oof_loc_conf_t       *olcf;
    ngx_pool_cleanup_t       *cln;
    ngx_oof_payment_item_t   *item;
    ngx_oof_payment_order_t  *order;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    item = new->items.elts;

    /* whatever ends the request, the order does not come back to it */

    cln = ngx_pool_cleanup_add(o->r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_oof_payment_wait_cleanup;
    cln->data = new;

    order = ngx_oof_payment_order(olcf, ngx_cycle->log);
    if (order == NULL) {
        return NGX_ERROR;
    }

    order->kind = item[0].scheduled ? NGX_OOF_ORDER_CHECK
                                    : NGX_OOF_ORDER_PAY;
    order->scheduled = item[0].scheduled;
    order->day = item[0].day;
    order->api = new->consent.api;
    order->attempt = 1;
    order->creation = new->idem.now;
    order->consent_creation = new->consent.creation;
    order->expiration = new->consent.expiration;

    ngx_memcpy(order->payment, new->rows->id, NGX_OOF_UUID_LEN);
    ngx_memcpy(order->consent, new->consent.id, NGX_OOF_UUID_LEN);

    order->terms.len = new->consent.personal.len;
    order->terms.data = ngx_pstrdup(order->pool, &new->consent.personal);
    order->debtor.len = new->consent.debtor.len;
    order->debtor.data = ngx_pstrdup(order->pool, &new->consent.debtor);
    order->personal.len = new->personal.len;
    order->personal.data = ngx_pstrdup(order->pool, &new->personal);

    order->handler = ngx_oof_payment_wait_ordered;
    order->data = new;

    ngx_oof_payment_order_trace(order, o);

    if (order->terms.data == NULL || order->debtor.data == NULL
        || order->personal.data == NULL
        || ngx_oof_payment_order_send(order) != NGX_OK)
    {
        ngx_oof_payment_order_free(order);
        return NGX_ERROR;
    }

    new->order = order;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_wait(ngx_oof_payment_new_t *new)
{
    ngx_msec_int_t      wait;
    ngx_oof_request_t  *o;

    o = new->o;

    new->asking = 0;

    o->forget = ngx_oof_payment_wait_leave;
    o->waiting = new;
    ngx_oof_request_asks(o);

    if ((ngx_msec_int_t) (o->expires - NGX_OOF_PAYMENT_SPARE - new->until) < 0)
    {
        new->until = o->expires - NGX_OOF_PAYMENT_SPARE;
    }

    wait = (ngx_msec_int_t) (new->until - ngx_current_msec);

    if (new->order == NULL) {
        wait = ngx_min(wait, NGX_OOF_PAYMENT_LOOK);
    }

    ngx_add_timer(&new->timer, (ngx_msec_t) ngx_max(wait, 1));

    return NGX_AGAIN;
}


static void
ngx_oof_payment_wait_timer(ngx_event_t *ev)
{
    ngx_oof_payment_new_t *new = ev->data;

    ngx_oof_request_resume(new->o, ngx_oof_payment_wait_look(new));
}


/* the request ends; the order goes on */

static void
ngx_oof_payment_wait_leave(ngx_oof_request_t *o)
{
    o->forget = NULL;

    ngx_oof_payment_wait_cleanup(o->waiting);
}


static void
ngx_oof_payment_wait_cleanup(void *data)
{
    ngx_oof_payment_new_t *new = data;

    if (new->timer.timer_set) {
        ngx_del_timer(&new->timer);
    }

    if (new->order) {
        new->order->data = NULL;
        new->order = NULL;
    }
}


static void
ngx_oof_payment_wait_ordered(ngx_oof_payment_order_t *order)
{
    ngx_oof_payment_new_t *new = order->data;

    ngx_oof_payment_order_free(order);

    if (new == NULL) {
        return;
    }

    new->order = NULL;

    if (new->asking || new->o->forget != ngx_oof_payment_wait_leave) {
        return;
    }

    if (new->timer.timer_set) {
        ngx_del_timer(&new->timer);
    }

    ngx_oof_request_resume(new->o, ngx_oof_payment_wait_look(new));
}


/* looks, or at the end of the wait decides */

static ngx_int_t
ngx_oof_payment_wait_look(ngx_oof_payment_new_t *new)
{
    ngx_str_t            hash;
    ngx_uint_t           late;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(new->o->r, ngx_oof_module);

    late = (ngx_msec_int_t) (new->until - ngx_current_msec) <= 0;

    u = ngx_oof_pg_unit(olcf->database,
                        late ? NGX_OOF_PG_WRITE : NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    hash.data = new->idem.hash;
    hash.len = NGX_OOF_IDEMPOTENCY_LEN;

    if (late) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_payment_receive);
        ngx_oof_pg_bytea(u, &hash);
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_rows);
    ngx_oof_pg_uuid(u, new->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_answer);
    ngx_oof_pg_bytea(u, &hash);

    new->asking = 1;

    return ngx_oof_request_unit(new->o, u, ngx_oof_payment_looked);
}


static ngx_int_t
ngx_oof_payment_looked(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t              last;
    ngx_oof_payment_new_t  *new;

    last = u->nstatements - 1;

    if (ngx_oof_pg_is_null(u, last, 0, 1)) {
        new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

        return ngx_oof_payment_wait(new);
    }

    return ngx_oof_payment_decided(o, u, last - 1, last, 1);
}


/* "col" of statement "s": the status, the code and the detail of the answer */

static ngx_int_t
ngx_oof_payment_decided(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t rows, ngx_uint_t s, ngx_uint_t col)
{
    ngx_str_t  body;

    if (o->forget) {
        ngx_oof_payment_wait_leave(o);
    }

    if (ngx_oof_pg_get_int(u, s, 0, col) != NGX_HTTP_CREATED) {
        return ngx_oof_payment_create_refused(o, u, s, col);
    }

    if (ngx_oof_payment_create_body(o, u, rows, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_CREATED, &body);
}


static ngx_int_t
ngx_oof_payment_create_refused(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t col)
{
    ngx_str_t                   name, detail;
    ngx_oof_payment_code_e      code;
    ngx_oof_payment_verdict_t   verdict;

    ngx_oof_payment_col_str(u, s, 0, col + 1, &name);
    ngx_oof_payment_col_str(u, s, 0, col + 2, &detail);

    code = ngx_oof_payment_code(&name);

    if (ngx_oof_payment_refuse(o->r->pool, ngx_oof_payment_version(o),
                               NGX_OOF_AT_PAYMENT,
                               code == NGX_OOF_CODE_NONE
                               ? NGX_OOF_CODE_NAO_INFORMADO : code,
                               NULL, &verdict)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (detail.len) {
        verdict.detail.len = detail.len;
        verdict.detail.data = ngx_pstrdup(o->r->pool, &detail);

        if (verdict.detail.data == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_oof_payment_refused(o, &verdict);
}


static ngx_int_t
ngx_oof_payment_create_body(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_str_t *body)
{
    ngx_str_t       id, path;
    ngx_uint_t      i, n;
    ngx_oof_json_t  w;

    n = ngx_oof_pg_rows(u, s);

    if (n == 0) {
        ngx_log_error(NGX_LOG_ALERT, o->r->connection->log, 0,
                      "no payment of consent \"%V\" is there",
                      &o->consent_id);
        return NGX_ERROR;
    }

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_PAYMENT_COL_ID, &id);

    if (ngx_oof_json_init(&w, o->r->pool, 1024 * n) != NGX_OK
        || ngx_oof_payment_path(o, id.data, &path) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {
        if (ngx_oof_payment_show(o, &w, u, s, i, NGX_OOF_AT_RJCT) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_body_end(o, &w, &path);

    return ngx_oof_json_text(&w, body);
}
