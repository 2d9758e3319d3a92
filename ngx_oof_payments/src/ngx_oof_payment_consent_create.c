
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/* outcomes of payment_consent_create_outcome */

#define NGX_OOF_PAYMENT_CREATED   1
#define NGX_OOF_PAYMENT_SEEN      2
#define NGX_OOF_PAYMENT_REPEATED  3

/* its columns */

#define NGX_OOF_PAYMENT_CREATED_PRINT    1
#define NGX_OOF_PAYMENT_CREATED_CONSENT  2


/* a consent that is being made */

typedef struct {
    ngx_oof_payment_consent_t    consent;
    ngx_oof_payment_rules_t      rules;
    ngx_oof_payment_terms_t      terms;
    ngx_oof_payment_verdict_t    verdict;
    ngx_oof_idempotency_t        idem;
    ngx_oof_event_t              event;

    ngx_str_t                    sealed;
    ngx_str_t                    debtor;
    u_char                       cpf_hmac[NGX_OOF_LOOKUP_LEN];
    u_char                       cnpj_hmac[NGX_OOF_LOOKUP_LEN];
    u_char                       charge_hmac[NGX_OOF_LOOKUP_LEN];

    ngx_str_t                    answer;
    ngx_oof_payment_journey_t    core;       /* as the core is told of it */
    unsigned                     refused:1;
    unsigned                     approval:1;
} ngx_oof_payment_consent_new_t;


static ngx_int_t ngx_oof_payment_consent_judged(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_consent_make(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new);
static ngx_int_t ngx_oof_payment_consent_people(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new);
static ngx_int_t ngx_oof_payment_consent_personal(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new);
static ngx_int_t ngx_oof_payment_consent_core(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new);
static ngx_int_t ngx_oof_payment_consent_ask(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new);
static ngx_int_t ngx_oof_payment_consent_asked(ngx_oof_request_t *o,
    ngx_oof_core_call_t *call);
static ngx_int_t ngx_oof_payment_consent_store(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new);
static void ngx_oof_payment_consent_store_terms(ngx_oof_pg_unit_t *u,
    ngx_oof_payment_consent_new_t *new);
static void ngx_oof_payment_consent_store_people(ngx_oof_pg_unit_t *u,
    ngx_oof_payment_consent_new_t *new);
static ngx_int_t ngx_oof_payment_consent_created(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_consent_repeated(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new, ngx_oof_pg_unit_t *u);


/* POST /consents (spec 2.4) */

ngx_int_t
ngx_oof_payment_consent_create(ngx_oof_request_t *o)
{
    return ngx_oof_message_read(o, ngx_oof_payment_consent_judged);
}


/*
 * What the rules say is a parameter of the unit: a message that was seen, and
 * a key that has an outcome, come before it.
 */

static ngx_int_t
ngx_oof_payment_consent_judged(ngx_oof_request_t *o)
{
    json_t                         *data;
    ngx_int_t                       rc;
    ngx_str_t                       canonical;
    ngx_oof_loc_conf_t             *olcf;
    ngx_oof_payment_loc_conf_t     *conf;
    ngx_oof_payment_consent_new_t  *new;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    new = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_consent_new_t));
    if (new == NULL) {
        return NGX_ERROR;
    }

    new->rules.pool = o->r->pool;
    new->rules.version = ngx_oof_payment_version(o);
    new->rules.now = ngx_oof_payment_now();
    new->rules.instruments = conf->instruments;

    rc = ngx_oof_payment_consent_judge(&new->rules, o->json, &new->terms,
                                       &new->verdict);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    new->refused = (rc != NGX_OK);
    new->approval = (conf->approval && olcf->core && !new->refused);

    data = json_object_get(o->json, "data");

    if (ngx_oof_payment_canonical(o->r->pool, data ? data : json_null(),
                                  &canonical)
        != NGX_OK
        || ngx_oof_event_init(&new->event,
                              NGX_OOF_EVENT_PAYMENT_CONSENT_CREATED)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_idempotency_init(o, &new->idem, &canonical, new->event.id);

    if (rc == NGX_OK && !new->refused) {
        rc = ngx_oof_payment_consent_make(o, new);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_http_set_ctx(o->r, new, ngx_oof_payments_module);

    if (new->approval) {
        return ngx_oof_payment_consent_ask(o, new);
    }

    return ngx_oof_payment_consent_store(o, new);
}


/*
 * Everything that can fail is done before the unit is sent, so that nothing
 * stands between its commit and the 201.  NGX_DECLINED: an error is prepared.
 */

static ngx_int_t
ngx_oof_payment_consent_make(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new)
{
    ngx_int_t                   rc;
    ngx_oof_payment_consent_t  *consent;

    consent = &new->consent;

    consent->api = new->rules.version;
    consent->client_id = o->token->client_id;
    consent->creation = new->rules.now;
    consent->status_update = new->rules.now;
    consent->expiration = new->rules.now + NGX_OOF_PAYMENT_AWAITING;
    consent->status =
        *ngx_oof_payment_consent_state_name(NGX_OOF_PAYMENT_CONSENT_AWAITING);

    if (ngx_oof_uuid7(consent->id) != NGX_OK
        || ngx_oof_payment_consent_name(o, consent) != NGX_OK
        || ngx_oof_payment_consent_people(o, new) != NGX_OK
        || ngx_oof_payment_consent_personal(o, new) != NGX_OK
        || ngx_oof_payment_consent_core(o, new) != NGX_OK
        || ngx_oof_payment_consent_event(o, consent,
                                         &o->cert->organisation_id, NULL,
                                         &new->event.data)
           != NGX_OK
        || ngx_oof_payment_consent_body(o, consent, &new->answer) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_payment_seal(o, NGX_OOF_PAYMENT_SEAL_CONSENT, consent->id,
                              &consent->personal, &new->sealed);

    if (rc != NGX_OK || consent->debtor.len == 0) {
        return rc;
    }

    return ngx_oof_payment_seal(o, NGX_OOF_PAYMENT_SEAL_DEBTOR, consent->id,
                                &consent->debtor, &new->debtor);
}


static ngx_int_t
ngx_oof_payment_consent_people(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new)
{
    ngx_str_t            name;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_lookup(olcf->keys, 0, "consent.cpf", &new->terms.cpf,
                             new->cpf_hmac)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (new->terms.cnpj.len
        && ngx_oof_crypt_lookup(olcf->keys, 0, "consent.cnpj",
                                &new->terms.cnpj, new->cnpj_hmac)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!new->terms.has_charge) {
        return NGX_OK;
    }

    if (ngx_oof_payment_charge_name(o->r->pool, &new->terms.charge, &name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_crypt_lookup(olcf->keys, 0, NGX_OOF_PAYMENT_LOOKUP_CHARGE,
                                &name, new->charge_hmac);
}


/* members of the schema, in its order; what else was sent is not kept */

static ngx_int_t
ngx_oof_payment_consent_personal(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new)
{
    json_t            *data, *account;
    ngx_oof_json_t     w;
    ngx_oof_schema_t  *schema;

    schema = ngx_oof_payment_consent_schema(new->rules.version)->children;
    data = json_object_get(o->json, "data");

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_payment_echo(&w, schema, data, "debtorAccount");

    if (ngx_oof_json_text(&w, &new->consent.personal) != NGX_OK) {
        return NGX_ERROR;
    }

    account = json_object_get(data, "debtorAccount");

    if (account == NULL) {
        return NGX_OK;
    }

    while (schema->name.len
           && ngx_strcmp(schema->name.data, "debtorAccount") != 0)
    {
        schema++;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_payment_echo(&w, schema->children, account, NULL);

    return ngx_oof_json_text(&w, &new->consent.debtor);
}


/* what the core is told of it, before it is sealed */

static ngx_int_t
ngx_oof_payment_consent_core(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new)
{
    json_t                     *account;
    const char                 *why;
    ngx_oof_payment_journey_t  *j;

    if (!new->approval) {
        return NGX_OK;
    }

    j = &new->core;

    j->o = o;
    j->consent = new->consent;

    if (o->client) {
        j->client_name = o->client->name;
    }

    if (ngx_oof_json_parse(o->r->pool, &j->consent.personal, &j->data, &why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (j->consent.debtor.len == 0) {
        return NGX_OK;
    }

    if (ngx_oof_json_parse(o->r->pool, &j->consent.debtor, &account, &why)
        != NGX_OK
        || json_object_set(j->data, "debtorAccount", account) != 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_consent_ask(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new)
{
    ngx_int_t  rc;

    rc = ngx_oof_payment_core(&new->core, "/consent-approval",
                              ngx_oof_payment_core_consent(&new->core),
                              ngx_oof_payment_consent_asked);

    return (rc == NGX_ERROR)
           ? ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT) : rc;
}


/*
 * A refusal is a verdict as those of the rules are: what a key has become
 * before stays.  Without a word of the core there is no consent.
 */

static ngx_int_t
ngx_oof_payment_consent_asked(ngx_oof_request_t *o, ngx_oof_core_call_t *call)
{
    json_t                         *error;
    ngx_str_t                       name;
    ngx_oof_payment_code_e          code;
    ngx_oof_payment_consent_new_t  *new;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (call->status == NGX_HTTP_OK) {
        return ngx_oof_payment_consent_store(o, new);
    }

    if (call->status != NGX_OOF_HTTP_UNPROCESSABLE) {
        return ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);
    }

    code = NGX_OOF_CODE_NAO_INFORMADO;
    error = json_array_get(json_object_get(call->json, "errors"), 0);

    if (ngx_oof_json_get_str(error, "code", &name) == NGX_OK) {
        code = ngx_oof_payment_core_code(call->core, &name);
    }

    if (ngx_oof_payment_refuse(o->r->pool, new->rules.version,
                               NGX_OOF_AT_CONSENT, code, NULL, &new->verdict)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    new->refused = 1;

    return ngx_oof_payment_consent_store(o, new);
}


static ngx_int_t
ngx_oof_payment_consent_store(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new)
{
    u_char               organisation[NGX_OOF_UUID_LEN];
    ngx_str_t            value;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_uuid_parse(&o->cert->organisation_id, organisation)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_create);
    ngx_oof_pg_idempotency(u, &new->idem);
    ngx_oof_pg_bool(u, new->refused);
    ngx_oof_pg_uuid(u, new->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_uuid(u, organisation);
    ngx_oof_payment_consent_store_terms(u, new);
    ngx_oof_payment_consent_store_people(u, new);
    ngx_oof_event_trace(&new->event, o);
    ngx_oof_pg_text(u, &new->event.type);
    ngx_oof_pg_event_data(u, &new->event);

    if (new->terms.has_charge && !new->refused) {
        value.data = new->charge_hmac;
        value.len = NGX_OOF_LOOKUP_LEN;
        ngx_oof_pg_bytea(u, &value);

    } else {
        ngx_oof_pg_null(u);
    }

    value.len = NGX_OOF_IDEMPOTENCY_LEN;

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_create_outcome);
    value.data = new->idem.jti;
    ngx_oof_pg_bytea(u, &value);
    value.data = new->idem.hash;
    ngx_oof_pg_bytea(u, &value);
    ngx_oof_pg_uuid(u, new->idem.unit);
    ngx_oof_pg_time(u, new->idem.now);
    ngx_oof_pg_bool(u, new->refused);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_consent_created);
}


static void
ngx_oof_payment_consent_store_terms(ngx_oof_pg_unit_t *u,
    ngx_oof_payment_consent_new_t *new)
{
    ngx_oof_payment_schedule_t  *schedule;

    schedule = &new->terms.schedule;

    ngx_oof_pg_int4(u, (int32_t) new->rules.version);
    ngx_oof_pg_time(u, new->consent.creation);
    ngx_oof_pg_time(u, new->consent.expiration);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_int8(u, new->terms.amount);
    ngx_oof_pg_int4(u, (int32_t) schedule->n);
    ngx_oof_pg_int4(u, schedule->kind == NGX_OOF_SCHEDULE_NONE
                       ? 0 : (int32_t) schedule->days[0]);
}


static void
ngx_oof_payment_consent_store_people(ngx_oof_pg_unit_t *u,
    ngx_oof_payment_consent_new_t *new)
{
    ngx_str_t  hmac;

    ngx_oof_pg_bytea(u, &new->sealed);

    ngx_oof_pg_some(u, &new->debtor);

    hmac.data = new->cpf_hmac;
    hmac.len = NGX_OOF_LOOKUP_LEN;
    ngx_oof_pg_bytea(u, &hmac);

    if (new->terms.cnpj.len) {
        hmac.data = new->cnpj_hmac;
        ngx_oof_pg_bytea(u, &hmac);

    } else {
        ngx_oof_pg_null(u);
    }
}


static ngx_int_t
ngx_oof_payment_consent_created(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_consent_new_t  *new;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_get_int(u, 1, 0, 0) == NGX_OOF_PAYMENT_CREATED) {
        return ngx_oof_answer(o, NGX_HTTP_CREATED, &new->answer);
    }

    ngx_str_null(&o->consent_id);

    switch (ngx_oof_pg_get_int(u, 1, 0, 0)) {

    case NGX_OOF_PAYMENT_SEEN:
        return ngx_oof_message_reused(o);

    case NGX_OOF_PAYMENT_REPEATED:
        return ngx_oof_payment_consent_repeated(o, new, u);

    default:
        return ngx_oof_payment_refused(o, &new->verdict);
    }
}


/* the same request again: its consent, as it is now (spec 2.3) */

static ngx_int_t
ngx_oof_payment_consent_repeated(ngx_oof_request_t *o,
    ngx_oof_payment_consent_new_t *new, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                   print, body;
    ngx_oof_payment_consent_t  *consent;

    ngx_oof_pg_get_str(u, 1, 0, NGX_OOF_PAYMENT_CREATED_PRINT, &print);

    if (!ngx_oof_idempotency_same(o, &new->idem, &print)) {
        return ngx_oof_payment_conflict(o, NGX_OOF_AT_CONSENT);
    }

    consent = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_consent_t));

    if (consent == NULL
        || ngx_oof_pg_is_null(u, 1, 0, NGX_OOF_PAYMENT_CREATED_CONSENT)
        || ngx_oof_payment_consent_row(o, u, 1,
                                       NGX_OOF_PAYMENT_CREATED_CONSENT,
                                       consent)
           != NGX_OK
        || ngx_oof_payment_consent_name(o, consent) != NGX_OK
        || ngx_oof_payment_consent_body(o, consent, &body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_CREATED, &body);
}
