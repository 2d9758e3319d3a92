
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_PAYMENT_ACCOUNTS  1000   /* of a customer, that are shown */


/* columns of payment_journey_get after those of payment_consent_get */

typedef enum {
    NGX_OOF_PAYMENT_JOURNEY_COL_ORGANISATION = NGX_OOF_PAYMENT_CONSENT_COLS,
    NGX_OOF_PAYMENT_JOURNEY_COL_PAYMENTS,
    NGX_OOF_PAYMENT_JOURNEY_COL_FIRST_DAY,
    NGX_OOF_PAYMENT_JOURNEY_COL_CLIENT_NAME,
    NGX_OOF_PAYMENT_JOURNEY_COL_CLIENT_LOGO,
    NGX_OOF_PAYMENT_JOURNEY_COL_CLIENT_STATUS
} ngx_oof_payment_journey_col_e;


typedef struct {
    ngx_oof_payment_journey_t   journey;
    ngx_int_t                 (*next)(ngx_oof_request_t *o,
                                      ngx_oof_payment_journey_t *j);
} ngx_oof_payment_reading_t;


static ngx_int_t ngx_oof_payment_journey_id(ngx_oof_request_t *o, u_char *id);
static ngx_int_t ngx_oof_payment_journey_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_journey_strings(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_copy(ngx_pool_t *pool, ngx_str_t *value);
static ngx_int_t ngx_oof_payment_journey_data(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);

static void ngx_oof_payment_core_forget(ngx_oof_request_t *o);
static void ngx_oof_payment_core_done(ngx_oof_core_call_t *call);
static json_t *ngx_oof_payment_core_time(int64_t us);
static json_t *ngx_oof_payment_core_str(ngx_str_t *value);

static ngx_int_t ngx_oof_payment_journey_find(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_journey_found(ngx_oof_request_t *o,
    ngx_oof_core_call_t *call);
static ngx_int_t ngx_oof_payment_journey_answer(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, json_t *resources, ngx_uint_t failing);
static void ngx_oof_payment_journey_terms(ngx_oof_json_t *w,
    ngx_oof_payment_journey_t *j);
static void ngx_oof_payment_journey_accounts(ngx_oof_json_t *w,
    json_t *resources);
static void ngx_oof_payment_journey_account(ngx_oof_json_t *w,
    json_t *resource);
static void ngx_oof_payment_shown(ngx_oof_json_t *w, const char *name,
    json_t *object, const char *member);

static ngx_int_t ngx_oof_payment_token_answer(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static const char *ngx_oof_payment_token_reason(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);


ngx_int_t
ngx_oof_payment_journey_read(ngx_oof_request_t *o,
    ngx_int_t (*next)(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j))
{
    u_char                      id[NGX_OOF_UUID_LEN];
    ngx_oof_pg_unit_t          *u;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_reading_t  *reading;

    if (ngx_oof_payment_journey_id(o, id) != NGX_OK) {
        return ngx_oof_route_next(o);
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    reading = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_reading_t));
    if (reading == NULL) {
        return NGX_ERROR;
    }

    reading->next = next;
    reading->journey.o = o;

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_journey_get);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    if (ngx_oof_payment_visible_read(o, u, id) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    ngx_http_set_ctx(o->r, reading, ngx_oof_payments_module);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_journey_got);
}


/* the URN of this brand, or the UUID alone; whatever else is another's */

static ngx_int_t
ngx_oof_payment_journey_id(ngx_oof_request_t *o, u_char *id)
{
    size_t               len;
    ngx_str_t           *param, text;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    param = &o->params[0];

    text.len = NGX_OOF_UUID_TEXT;

    if (param->len < text.len) {
        return NGX_DECLINED;
    }

    text.data = param->data + param->len - text.len;

    len = sizeof("urn::") - 1 + olcf->urn_namespace.len;

    if (param->len > text.len
        && (param->len != text.len + len
            || ngx_strncmp(param->data, "urn:", 4) != 0
            || ngx_memcmp(param->data + 4, olcf->urn_namespace.data,
                          olcf->urn_namespace.len)
               != 0
            || param->data[len - 1] != ':'))
    {
        return NGX_DECLINED;
    }

    return ngx_oof_uuid_parse(&text, id);
}


static ngx_int_t
ngx_oof_payment_journey_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_journey_t  *j;
    ngx_oof_payment_reading_t  *reading;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_route_next(o);
    }

    reading = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    j = &reading->journey;

    if (ngx_oof_payment_consent_row(o, u, 0, 0, &j->consent) != NGX_OK
        || ngx_oof_payment_consent_name(o, &j->consent) != NGX_OK
        || ngx_oof_payment_journey_strings(o, j, u) != NGX_OK
        || ngx_oof_payment_journey_data(o, j) != NGX_OK)
    {
        return NGX_ERROR;
    }

    j->own = ngx_oof_payment_own_data(o, j->data);

    if (!ngx_oof_payment_visible(o, u, 1, j->own)) {
        ngx_str_null(&o->consent_id);
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    return reading->next(o, j);
}


/* a consent outlives the unit that has read it */

static ngx_int_t
ngx_oof_payment_journey_strings(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t   i;
    ngx_str_t   *strings[8];

    ngx_oof_payment_col_str(u, 0, 0, NGX_OOF_PAYMENT_JOURNEY_COL_ORGANISATION,
                            &j->organisation_id);
    ngx_oof_payment_col_str(u, 0, 0, NGX_OOF_PAYMENT_JOURNEY_COL_CLIENT_NAME,
                            &j->client_name);
    ngx_oof_payment_col_str(u, 0, 0, NGX_OOF_PAYMENT_JOURNEY_COL_CLIENT_LOGO,
                            &j->client_logo);
    ngx_oof_payment_col_str(u, 0, 0, NGX_OOF_PAYMENT_JOURNEY_COL_CLIENT_STATUS,
                            &j->client_status);

    j->first_day =
        ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_PAYMENT_JOURNEY_COL_FIRST_DAY);

    strings[0] = &j->organisation_id;
    strings[1] = &j->client_name;
    strings[2] = &j->client_logo;
    strings[3] = &j->client_status;
    strings[4] = &j->consent.client_id;
    strings[5] = &j->consent.status;
    strings[6] = &j->consent.reason_code;
    strings[7] = &j->consent.reason_detail;

    for (i = 0; i < 8; i++) {
        if (ngx_oof_payment_copy(o->r->pool, strings[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_copy(ngx_pool_t *pool, ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    value->data = ngx_pstrdup(pool, value);

    return value->data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_payment_journey_data(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    json_t                   *account;
    const char               *why;
    ngx_oof_payment_rules_t   rules;

    if (ngx_oof_json_parse(o->r->pool, &j->consent.personal, &j->data, &why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (j->consent.debtor.len) {

        if (ngx_oof_json_parse(o->r->pool, &j->consent.debtor, &account, &why)
            != NGX_OK
            || json_object_set(j->data, "debtorAccount", account) != 0)
        {
            return NGX_ERROR;
        }
    }

    ngx_memzero(&rules, sizeof(ngx_oof_payment_rules_t));

    rules.pool = o->r->pool;
    rules.version = j->consent.api;
    rules.now = ngx_oof_payment_now();
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;

    return ngx_oof_payment_terms(&rules, j->data, &j->terms);
}


ngx_int_t
ngx_oof_payment_visible_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    u_char *id)
{
    ngx_str_t  cpf;

    if (!ngx_oof_bank_customer(o) || !o->token->has_cpf) {
        return NGX_OK;
    }

    cpf.data = o->token->cpf;
    cpf.len = NGX_OOF_CPF_LEN;

    return ngx_oof_payment_approves(o, u, id, NULL, &cpf);
}


ngx_int_t
ngx_oof_payment_approves(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    u_char *consent, u_char *payment, ngx_str_t *cpf)
{
    ngx_str_t  json;

    if (ngx_oof_bank_lookups(o, NGX_OOF_PAYMENT_LOOKUP_CPF, cpf, &json)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_approves);

    if (consent) {
        ngx_oof_pg_uuid(u, consent);
        ngx_oof_pg_null(u);

    } else {
        ngx_oof_pg_null(u);
        ngx_oof_pg_uuid(u, payment);
    }

    ngx_oof_pg_text(u, &json);

    return NGX_OK;
}


ngx_uint_t
ngx_oof_payment_visible(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t own)
{
    return own || (o->token->has_cpf && ngx_oof_pg_rows(u, s) != 0);
}


/* "data" is what a consent was asked for with */

ngx_uint_t
ngx_oof_payment_own_data(ngx_oof_request_t *o, json_t *data)
{
    json_t           *person, *company;
    ngx_str_t         value;
    ngx_oof_token_t  *token;

    token = o->token;

    if (!ngx_oof_bank_customer(o)) {
        return 1;
    }

    person = json_object_get(json_object_get(data, "loggedUser"), "document");
    company = json_object_get(json_object_get(data, "businessEntity"),
                              "document");

    if (token->has_cpf
        && ngx_oof_json_get_str(person, "identification", &value) == NGX_OK
        && value.len == NGX_OOF_CPF_LEN
        && ngx_memcmp(value.data, token->cpf, NGX_OOF_CPF_LEN) == 0)
    {
        return 1;
    }

    return token->has_cpf && token->has_cnpj
           && ngx_oof_json_get_str(company, "identification", &value)
              == NGX_OK
           && value.len == NGX_OOF_CNPJ_LEN
           && ngx_memcmp(value.data, token->cnpj, NGX_OOF_CNPJ_LEN) == 0;
}


ngx_int_t
ngx_oof_payment_not_own(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN", "Acesso negado",
                         "O consentimento não é do cliente do token.");
}


ngx_uint_t
ngx_oof_payment_consent_is(ngx_oof_payment_consent_t *consent,
    ngx_oof_payment_consent_state_e state)
{
    ngx_str_t  *name;

    name = ngx_oof_payment_consent_state_name(state);

    return consent->status.len == name->len
           && ngx_memcmp(consent->status.data, name->data, name->len) == 0;
}


ngx_int_t
ngx_oof_payment_core(ngx_oof_payment_journey_t *j, const char *path,
    json_t *body, ngx_int_t (*called)(ngx_oof_request_t *o,
    ngx_oof_core_call_t *call))
{
    char                *text;
    size_t               len;
    u_char              *p;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    o = j->o;
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);

    if (text == NULL) {
        return NGX_ERROR;
    }

    len = ngx_strlen(text);
    p = ngx_pnalloc(o->r->pool, len);

    if (p) {
        ngx_memcpy(p, text, len);
    }

    ngx_explicit_memzero(text, len);
    free(text);

    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&j->call, sizeof(ngx_oof_core_call_t));

    j->called = called;
    j->call.core = olcf->core;
    j->call.pool = o->r->pool;
    j->call.log = o->r->connection->log;
    j->call.path = path;
    j->call.body.data = p;
    j->call.body.len = len;
    j->call.handler = ngx_oof_payment_core_done;
    j->call.data = j;

    ngx_oof_trace_copy(o, o->r->pool, &j->call.trace);

    if (ngx_oof_core_post(&j->call) != NGX_OK) {
        return NGX_ERROR;
    }

    o->forget = ngx_oof_payment_core_forget;
    o->waiting = j;
    ngx_oof_request_asks(o);

    return NGX_AGAIN;
}


static void
ngx_oof_payment_core_forget(ngx_oof_request_t *o)
{
    ngx_oof_payment_journey_t *j = o->waiting;

    o->forget = NULL;
    o->waiting = NULL;

    ngx_oof_core_cancel(&j->call);
}


static void
ngx_oof_payment_core_done(ngx_oof_core_call_t *call)
{
    ngx_oof_payment_journey_t *j = call->data;

    ngx_oof_request_t  *o;

    o = j->o;

    o->forget = NULL;
    o->waiting = NULL;

    ngx_http_set_log_request(o->r->connection->log, o->r);

    ngx_oof_request_resume(o, j->called(o, call));
}


json_t *
ngx_oof_payment_core_begin(ngx_oof_payment_journey_t *j)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(j->o->r, ngx_oof_module);

    return json_pack("{s: {s: s#, s: s#}, s: s}",
                     "requestMeta",
                     "correlationId", (char *) j->o->interaction_id,
                     (int) NGX_OOF_UUID_TEXT,
                     "brandId", (char *) olcf->brand.data,
                     (int) olcf->brand.len,
                     "paymentType", "PAYMENT_CONSENT");
}


json_t *
ngx_oof_payment_core_terms(ngx_oof_payment_journey_t *j)
{
    return json_deep_copy(json_object_get(j->data, "payment"));
}


json_t *
ngx_oof_payment_core_consent(ngx_oof_payment_journey_t *j)
{
    json_t              *body, *consent, *value;
    ngx_str_t           *name;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(j->o->r, ngx_oof_module);

    name = j->client_name.len ? &j->client_name : &j->consent.client_id;

    body = ngx_oof_payment_core_begin(j);

    consent = json_pack("{s: s#, s: o, s: o, s: {s: o}, s: o, s: O, s: O,"
                        " s: o, s: s}",
                        "brandId", (char *) olcf->brand.data,
                        (int) olcf->brand.len,
                        "creationDateTime",
                        ngx_oof_payment_core_time(j->consent.creation),
                        "expirationDateTime",
                        ngx_oof_payment_core_time(j->consent.expiration),
                        "tpp", "name", ngx_oof_payment_core_str(name),
                        "externalId",
                        ngx_oof_payment_core_str(&j->consent.urn),
                        "loggedUser", json_object_get(j->data, "loggedUser"),
                        "creditor", json_object_get(j->data, "creditor"),
                        "payment", ngx_oof_payment_core_terms(j),
                        "version", j->consent.api == 4 ? "V4" : "V5");

    if (body == NULL || json_object_set_new(body, "consent", consent) != 0) {
        json_decref(body);
        return NULL;
    }

    value = json_object_get(j->data, "businessEntity");

    if (value) {
        (void) json_object_set(consent, "businessDocumentType", value);
    }

    value = json_object_get(j->data, "debtorAccount");

    if (value) {
        (void) json_object_set(consent, "debtorAccount", value);
    }

    return body;
}


static json_t *
ngx_oof_payment_core_time(int64_t us)
{
    u_char  text[NGX_OOF_TIME_LEN];

    (void) ngx_oof_clock_format(text, us);

    return json_stringn((char *) text, NGX_OOF_TIME_LEN);
}


static json_t *
ngx_oof_payment_core_str(ngx_str_t *value)
{
    return json_stringn((char *) value->data, value->len);
}


ngx_int_t
ngx_oof_payment_journey_get(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_journey_find);
}


/* the accounts that can pay are asked for as long as one is to be chosen */

static ngx_int_t
ngx_oof_payment_journey_find(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (olcf->core == NULL
        || !ngx_oof_payment_consent_is(&j->consent,
                                       NGX_OOF_PAYMENT_CONSENT_AWAITING))
    {
        return ngx_oof_payment_journey_answer(o, j, NULL, 0);
    }

    return ngx_oof_payment_core(j, "/account-discovery",
                                ngx_oof_payment_core_consent(j),
                                ngx_oof_payment_journey_found);
}


static ngx_int_t
ngx_oof_payment_journey_found(ngx_oof_request_t *o, ngx_oof_core_call_t *call)
{
    json_t                     *resources;
    ngx_oof_payment_journey_t  *j;

    j = call->data;

    resources = (call->status == NGX_HTTP_OK)
                ? json_object_get(json_object_get(call->json, "data"),
                                  "resources")
                : NULL;

    return ngx_oof_payment_journey_answer(o, j, resources,
                                          !json_is_array(resources));
}


static ngx_int_t
ngx_oof_payment_journey_answer(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, json_t *resources, ngx_uint_t failing)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');

    ngx_oof_payment_journey_terms(&w, j);

    ngx_oof_json_name(&w, "debtorAccounts");
    ngx_oof_payment_journey_accounts(&w, resources);
    ngx_oof_json_name(&w, "failing");
    ngx_oof_json_bool(&w, failing);

    ngx_oof_json_end(&w, '}');
    ngx_oof_json_name(&w, "meta");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member_time(&w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static void
ngx_oof_payment_journey_terms(ngx_oof_json_t *w, ngx_oof_payment_journey_t *j)
{
    ngx_str_t                   members;
    ngx_oof_payment_consent_t  *consent;

    consent = &j->consent;

    ngx_oof_json_member(w, "consentId", &consent->urn);
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, consent->id);
    ngx_oof_json_name(w, "type");
    ngx_oof_json_literal(w, "PAYMENT");
    ngx_oof_json_name(w, "version");
    ngx_oof_json_int(w, consent->api);
    ngx_oof_json_member_time(w, "creationDateTime", consent->creation);
    ngx_oof_payment_journey_state(w, consent);

    members.data = consent->personal.data + 1;
    members.len = consent->personal.len - 2;
    ngx_oof_json_raw(w, &members);

    if (consent->debtor.len) {
        ngx_oof_json_name(w, "debtorAccount");
        ngx_oof_json_raw(w, &consent->debtor);
    }

    ngx_oof_json_name(w, "tpp");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "clientId", &consent->client_id);
    ngx_oof_json_member(w, "organisationId", &j->organisation_id);
    ngx_oof_json_member(w, "name", j->client_name.len ? &j->client_name
                                                      : &consent->client_id);

    if (j->client_logo.len) {
        ngx_oof_json_member(w, "logoUri", &j->client_logo);
    }

    ngx_oof_json_end(w, '}');
}


void
ngx_oof_payment_journey_state(ngx_oof_json_t *w,
    ngx_oof_payment_consent_t *consent)
{
    ngx_oof_json_member(w, "status", &consent->status);
    ngx_oof_json_member_time(w, "statusUpdateDateTime",
                             consent->status_update);
    ngx_oof_json_member_time(w, "expirationDateTime", consent->expiration);

    if (consent->reason_code.len) {
        ngx_oof_json_name(w, "rejectionReason");
        ngx_oof_json_begin(w, '{');
        ngx_oof_json_member(w, "code", &consent->reason_code);

        if (consent->reason_detail.len) {
            ngx_oof_json_member(w, "detail", &consent->reason_detail);
        }

        ngx_oof_json_end(w, '}');
    }
}


static void
ngx_oof_payment_journey_accounts(ngx_oof_json_t *w, json_t *resources)
{
    size_t   i;
    json_t  *resource;

    ngx_oof_json_begin(w, '[');

    json_array_foreach(resources, i, resource) {

        if (i == NGX_OOF_PAYMENT_ACCOUNTS) {
            break;
        }

        if (json_is_object(json_object_get(resource, "debtorAccount"))) {
            ngx_oof_payment_journey_account(w, resource);
        }
    }

    ngx_oof_json_end(w, ']');
}


static void
ngx_oof_payment_journey_account(ngx_oof_json_t *w, json_t *resource)
{
    size_t   i;
    json_t  *account, *list, *person;

    account = json_object_get(resource, "debtorAccount");

    ngx_oof_json_begin(w, '{');

    ngx_oof_payment_shown(w, "ispb", account, "ispb");
    ngx_oof_payment_shown(w, "issuer", account, "issuer");
    ngx_oof_payment_shown(w, "number", account, "number");
    ngx_oof_payment_shown(w, "accountType", account, "accountType");
    ngx_oof_payment_shown(w, "balance", resource, "resourceBalanceAmount");

    ngx_oof_json_name(w, "selected");
    ngx_oof_json_bool(w, json_is_true(json_object_get(resource,
                                                      "defaultSelected")));

    list = json_object_get(resource, "authorizers");

    ngx_oof_json_name(w, "authorisers");
    ngx_oof_json_begin(w, '[');

    json_array_foreach(list, i, person) {
        ngx_oof_json_begin(w, '{');
        ngx_oof_payment_shown(w, "cpf", person, "cpf");
        ngx_oof_payment_shown(w, "name", person, "name");
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_end(w, ']');
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_payment_shown(ngx_oof_json_t *w, const char *name, json_t *object,
    const char *member)
{
    ngx_str_t  value;

    if (ngx_oof_json_get_str(object, member, &value) == NGX_OK) {
        ngx_oof_json_member(w, name, &value);
    }
}


/*
 * May tokens be issued, and refreshed, for this consent (spec 5.6): while it
 * is authorised, and issued alone while others must agree.
 */

ngx_int_t
ngx_oof_payment_journey_token(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_token_answer);
}


static ngx_int_t
ngx_oof_payment_token_answer(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    u_char          *p;
    ngx_str_t        body, scope;
    const char      *reason;
    ngx_oof_json_t   w;

    reason = ngx_oof_payment_token_reason(o, j);

    scope.len = sizeof("consent:") - 1 + j->consent.urn.len;
    scope.data = ngx_pnalloc(o->r->pool, scope.len);

    if (scope.data == NULL
        || ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_cpymem(scope.data, "consent:", sizeof("consent:") - 1);
    ngx_memcpy(p, j->consent.urn.data, j->consent.urn.len);

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "issue");
    ngx_oof_json_bool(&w, reason == NULL);
    ngx_oof_json_name(&w, "refresh");
    ngx_oof_json_bool(&w,
                      reason == NULL
                      && ngx_oof_payment_consent_is(&j->consent,
                                         NGX_OOF_PAYMENT_CONSENT_AUTHORISED));
    ngx_oof_json_name(&w, "scopes");
    ngx_oof_json_begin(&w, '[');

    if (reason == NULL) {
        ngx_oof_json_literal(&w, "openid");
        ngx_oof_json_str(&w, &scope);
        ngx_oof_json_literal(&w, "payments");
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_member(&w, "status", &j->consent.status);

    if (reason) {
        ngx_oof_json_name(&w, "reason");
        ngx_oof_json_literal(&w, reason);
    }

    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* why no token is issued, or NULL */

static const char *
ngx_oof_payment_token_reason(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_payment_code_e   code;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (!ngx_oof_payment_consent_is(&j->consent,
                                    NGX_OOF_PAYMENT_CONSENT_AUTHORISED)
        && !ngx_oof_payment_consent_is(&j->consent,
                                       NGX_OOF_PAYMENT_CONSENT_PARTIAL))
    {
        code = ngx_oof_payment_code(&j->consent.reason_code);

        return (code == NGX_OOF_CODE_NONE)
               ? "CONSENT_NOT_AUTHORISED"
               : (char *) ngx_oof_payment_code_name(code)->data;
    }

    if (j->client_status.len == 0) {
        return (olcf->clients == NGX_OOF_CLIENTS_REQUIRED) ? "CLIENT_UNKNOWN"
                                                           : NULL;
    }

    return (j->client_status.len == sizeof("ACTIVE") - 1) ? NULL
                                                          : "CLIENT_BLOCKED";
}
