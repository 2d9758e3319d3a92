
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_PAYMENT_URN_MIN   6
#define NGX_OOF_PAYMENT_URN_MAX   256


static ngx_int_t ngx_oof_payment_consent_unknown(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_consent_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_open(ngx_oof_request_t *o,
    const char *table, u_char *id, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t col, ngx_str_t *text);
static ngx_int_t ngx_oof_payment_consent_other(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent);
static void ngx_oof_payment_told_purpose(json_t *payment);
static void ngx_oof_payment_told_information(json_t *schedule,
    ngx_uint_t version);
static ngx_uint_t ngx_oof_payment_consent_rejected(
    ngx_oof_payment_consent_t *consent);
static ngx_int_t ngx_oof_payment_consent_reason(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_payment_consent_t *consent);
static void ngx_oof_payment_echo_value(ngx_oof_json_t *w,
    ngx_oof_schema_t *schema, json_t *value);


ngx_uint_t
ngx_oof_payment_version(ngx_oof_request_t *o)
{
    return o->api->major.data[1] - '0';
}


int64_t
ngx_oof_payment_now(void)
{
    int64_t  now;

    now = ngx_oof_clock_rule();

    return now - now % NGX_OOF_SECOND;
}


ngx_int_t
ngx_oof_payment_consent_get(ngx_oof_request_t *o)
{
    ngx_int_t                   rc;
    ngx_oof_pg_unit_t          *u;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_consent_t  *consent;

    rc = ngx_oof_payment_consent_param(o, &consent);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_get);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    ngx_http_set_ctx(o->r, consent, ngx_oof_payments_module);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_consent_got);
}


/* one consent has one name: what differs from it in anything is unknown */

ngx_int_t
ngx_oof_payment_consent_param(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t **consent)
{
    ngx_str_t                  *urn, id;
    ngx_oof_payment_consent_t  *c;

    urn = &o->params[0];

    if (urn->len < NGX_OOF_PAYMENT_URN_MIN
        || urn->len > NGX_OOF_PAYMENT_URN_MAX
        || ngx_oof_scan_urn(urn) != NGX_OK)
    {
        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O parâmetro consentId não tem o formato "
                             "exigido.");
        return NGX_DECLINED;
    }

    if (urn->len <= NGX_OOF_UUID_TEXT) {
        return ngx_oof_payment_consent_unknown(o);
    }

    c = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_consent_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    id.len = NGX_OOF_UUID_TEXT;
    id.data = urn->data + urn->len - NGX_OOF_UUID_TEXT;

    if (ngx_oof_uuid_parse(&id, c->id) != NGX_OK) {
        return ngx_oof_payment_consent_unknown(o);
    }

    if (ngx_oof_payment_consent_name(o, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->urn.len != urn->len
        || ngx_memcmp(c->urn.data, urn->data, urn->len) != 0)
    {
        ngx_str_null(&o->consent_id);
        return ngx_oof_payment_consent_unknown(o);
    }

    *consent = c;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_consent_unknown(ngx_oof_request_t *o)
{
    (void) ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Consentimento não encontrado",
                         "Não há consentimento com o consentId informado.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_payment_consent_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                  *mine, body;
    ngx_oof_payment_consent_t  *consent;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        (void) ngx_oof_payment_consent_unknown(o);
        return NGX_OK;
    }

    consent = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_payment_consent_row(o, u, 0, 0, consent) != NGX_OK) {
        return NGX_ERROR;
    }

    mine = &o->token->client_id;

    if (consent->client_id.len != mine->len
        || ngx_memcmp(consent->client_id.data, mine->data, mine->len) != 0)
    {
        /* 400 in this API, not 403 (spec 2.10) */

        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Consentimento de outro cliente",
                             "O consentimento informado não foi criado por "
                             "este cliente.");
    }

    if (ngx_oof_payment_consent_body(o, consent, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_oof_payment_consent_name(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent)
{
    u_char              *p;
    ngx_str_t           *base, *space;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    base = &o->api->base;
    space = &olcf->urn_namespace;

    consent->urn.len = sizeof("urn::") - 1 + space->len + NGX_OOF_UUID_TEXT;
    consent->path.len = base->len + sizeof("/consents/") - 1
                        + consent->urn.len;

    p = ngx_pnalloc(o->r->pool, consent->path.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    consent->path.data = p;

    p = ngx_cpymem(p, base->data, base->len);
    p = ngx_cpymem(p, "/consents/", sizeof("/consents/") - 1);

    consent->urn.data = p;

    p = ngx_cpymem(p, "urn:", sizeof("urn:") - 1);
    p = ngx_cpymem(p, space->data, space->len);
    *p++ = ':';
    (void) ngx_oof_uuid_format(p, consent->id);

    o->consent_id = consent->urn;

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_consent_row(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t base, ngx_oof_payment_consent_t *consent)
{
    ngx_str_t  id;

    ngx_oof_pg_get_str(u, s, 0, base + NGX_OOF_PAYMENT_CONSENT_COL_ID, &id);
    ngx_memcpy(consent->id, id.data, NGX_OOF_UUID_LEN);

    ngx_oof_payment_col_str(u, s, 0, base + NGX_OOF_PAYMENT_CONSENT_COL_CLIENT,
                            &consent->client_id);
    ngx_oof_payment_col_str(u, s, 0, base + NGX_OOF_PAYMENT_CONSENT_COL_STATUS,
                            &consent->status);
    ngx_oof_payment_col_str(u, s, 0,
                            base + NGX_OOF_PAYMENT_CONSENT_COL_REASON_CODE,
                            &consent->reason_code);
    ngx_oof_payment_col_str(u, s, 0,
                            base + NGX_OOF_PAYMENT_CONSENT_COL_REASON_DETAIL,
                            &consent->reason_detail);

    consent->api = (ngx_uint_t)
        ngx_oof_pg_get_int(u, s, 0, base + NGX_OOF_PAYMENT_CONSENT_COL_API);
    consent->creation =
        ngx_oof_pg_get_time(u, s, 0,
                            base + NGX_OOF_PAYMENT_CONSENT_COL_CREATION);
    consent->expiration =
        ngx_oof_pg_get_time(u, s, 0,
                            base + NGX_OOF_PAYMENT_CONSENT_COL_EXPIRATION);
    consent->status_update =
        ngx_oof_pg_get_time(u, s, 0,
                            base + NGX_OOF_PAYMENT_CONSENT_COL_STATUS_UPDATE);

    if (ngx_oof_payment_open(o, NGX_OOF_PAYMENT_SEAL_CONSENT, consent->id, u,
                             s, base + NGX_OOF_PAYMENT_CONSENT_COL_PERSONAL,
                             &consent->personal)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_payment_open(o, NGX_OOF_PAYMENT_SEAL_DEBTOR, consent->id, u,
                                s, base + NGX_OOF_PAYMENT_CONSENT_COL_DEBTOR,
                                &consent->debtor);
}


void
ngx_oof_payment_col_str(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col, ngx_str_t *value)
{
    if (ngx_oof_pg_is_null(u, s, row, col)) {
        ngx_str_null(value);
        return;
    }

    ngx_oof_pg_get_str(u, s, row, col, value);
}


static ngx_int_t
ngx_oof_payment_open(ngx_oof_request_t *o, const char *table, u_char *id,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t col, ngx_str_t *text)
{
    ngx_str_t            sealed;
    ngx_oof_loc_conf_t  *olcf;

    ngx_oof_payment_col_str(u, s, 0, col, &sealed);

    if (sealed.len == 0) {
        ngx_str_null(text);
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, table, id, &sealed, text)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "personal data of consent \"%V\" cannot be opened",
                      &o->consent_id);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_seal(ngx_oof_request_t *o, const char *table, u_char *id,
    ngx_str_t *text, ngx_str_t *sealed)
{
    ngx_int_t            rc;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    rc = ngx_oof_crypt_seal(olcf->keys, olcf->database, o->r->pool, table, id,
                            text, sealed);

    ngx_explicit_memzero(text->data, text->len);

    if (rc == NGX_BUSY) {
        (void) ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
        return NGX_DECLINED;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_oof_payment_charge_name(ngx_pool_t *pool,
    ngx_oof_payment_charge_t *charge, ngx_str_t *name)
{
    u_char  *p;

    name->len = charge->key.len + 1 + charge->txid.len;
    name->data = ngx_pnalloc(pool, name->len);

    if (name->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name->data, charge->key.data, charge->key.len);
    *p++ = ' ';
    ngx_memcpy(p, charge->txid.data, charge->txid.len);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_charge_used(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    u_char *id, ngx_oof_payment_charge_t *charge)
{
    ngx_str_t            name, json;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_payment_charge_name(o->r->pool, charge, &name) != NGX_OK
        || ngx_oof_bank_lookups(o, NGX_OOF_PAYMENT_LOOKUP_CHARGE, &name,
                                &json)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_charge_used);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &json);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_consent_body(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent, ngx_str_t *body)
{
    ngx_str_t       members;
    ngx_oof_json_t  w;

    if (consent->api != ngx_oof_payment_version(o)
        && ngx_oof_payment_consent_other(o, consent) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024 + consent->personal.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &consent->urn);
    ngx_oof_json_member_time(&w, "creationDateTime", consent->creation);
    ngx_oof_json_member_time(&w, "expirationDateTime", consent->expiration);
    ngx_oof_json_member_time(&w, "statusUpdateDateTime",
                             consent->status_update);
    ngx_oof_json_member(&w, "status", &consent->status);

    /* what was asked for, as it was: an object's members without its braces */

    members.data = consent->personal.data + 1;
    members.len = consent->personal.len - 2;
    ngx_oof_json_raw(&w, &members);

    if (consent->debtor.len) {
        ngx_oof_json_name(&w, "debtorAccount");
        ngx_oof_json_raw(&w, &consent->debtor);
    }

    if ((consent->reason_code.len || ngx_oof_payment_consent_rejected(consent))
        && ngx_oof_payment_consent_reason(o, &w, consent) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_end(&w, '}');

    ngx_oof_body_end(o, &w, &consent->path);

    return ngx_oof_json_text(&w, body);
}


/* one of a version as the other would have it */

static ngx_int_t
ngx_oof_payment_consent_other(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent)
{
    json_t            *data, *payment;
    const char        *why;
    ngx_uint_t         version;
    ngx_oof_json_t     w;
    ngx_oof_schema_t  *schema;

    if (ngx_oof_json_parse(o->r->pool, &consent->personal, &data, &why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    version = ngx_oof_payment_version(o);
    payment = json_object_get(data, "payment");

    if (version == 4) {
        ngx_oof_payment_told_4(json_object_get(payment, "details"));

    } else {
        ngx_oof_payment_told_purpose(payment);
    }

    ngx_oof_payment_told_information(json_object_get(payment, "schedule"),
                                     version);

    schema = ngx_oof_payment_consent_schema(version)->children;

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_payment_echo(&w, schema, data, NULL);

    return ngx_oof_json_text(&w, &consent->personal);
}


/* v4 has no purpose, but what is asked for has only one there */

static void
ngx_oof_payment_told_purpose(json_t *payment)
{
    json_t      *schedule;
    const char  *purpose;

    schedule = json_object_get(payment, "schedule");

    if (schedule == NULL) {
        purpose = "IMMEDIATE";

    } else {
        purpose = json_object_get(schedule, "single") ? "SINGLE_SCHEDULED"
                                                      : "RECURRENT_SCHEDULED";
    }

    (void) json_object_set_new(payment, "purpose", json_string(purpose));
}


/*
 * v5 has it beside the kind, and must have it; v4 in the one kind that has it.
 * Where nothing was said v5 is told no more than what it is.
 */

static void
ngx_oof_payment_told_information(json_t *schedule, ngx_uint_t version)
{
    json_t  *custom, *from, *to, *info;

    if (schedule == NULL) {
        return;
    }

    custom = json_object_get(schedule, "custom");

    from = (version == 4) ? schedule : custom;
    to = (version == 4) ? custom : schedule;

    info = json_object_get(from, "additionalInformation");

    if (info) {
        (void) json_object_set(to, "additionalInformation", info);

    } else if (version == 5) {
        (void) json_object_set_new(to, "additionalInformation",
                               json_string("Pagamento agendado pela versão "
                                           "4 da API"));
    }
}


void
ngx_oof_payment_told_4(json_t *object)
{
    ngx_str_t  name;

    if (ngx_oof_json_get_str(object, "localInstrument", &name) != NGX_OK
        || name.len != 4 || ngx_memcmp(name.data, "AP", 2) != 0)
    {
        return;
    }

    (void) json_object_set_new(object, "localInstrument",
                               json_string(name.data[2] == 'D' ? "QRDN"
                                                               : "QRES"));
}


static ngx_uint_t
ngx_oof_payment_consent_rejected(ngx_oof_payment_consent_t *consent)
{
    return ngx_oof_payment_consent_state(&consent->status)
           == NGX_OOF_PAYMENT_CONSENT_REJECTED;
}


/*
 * A reason that the caller's version has not is told by its nearest; one that
 * was rejected where there were no reasons yet has a text of its own.
 */

static ngx_int_t
ngx_oof_payment_consent_reason(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_payment_consent_t *consent)
{
    ngx_str_t               detail;
    ngx_uint_t              version;
    ngx_oof_payment_code_e  code;

    version = ngx_oof_payment_version(o);

    code = ngx_oof_payment_code_at(version, NGX_OOF_AT_REJECTED,
                                   ngx_oof_payment_code(&consent->reason_code));

    if (code == NGX_OOF_CODE_NONE) {
        code = NGX_OOF_CODE_NAO_INFORMADO;
    }

    detail = consent->reason_detail;

    if (consent->reason_code.len == 0) {
        ngx_str_set(&detail, "Motivo de rejeição inexistente em versões "
                             "anteriores.");
    }

    if (detail.len == 0
        && ngx_oof_payment_detail(o->r->pool, version, NGX_OOF_AT_REJECTED,
                                  code, NULL, &detail)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "rejectionReason");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "code", ngx_oof_payment_code_name(code));
    ngx_oof_json_member(w, "detail", &detail);
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


void
ngx_oof_payment_echo(ngx_oof_json_t *w, ngx_oof_schema_t *schema,
    json_t *object, const char *but)
{
    json_t  *value;

    ngx_oof_json_begin(w, '{');

    for ( /* void */ ; schema->name.len; schema++) {

        if (but && ngx_strcmp(schema->name.data, but) == 0) {
            continue;
        }

        value = json_object_get(object, (char *) schema->name.data);

        /* what says nothing is told to nobody (spec 0.3) */

        if (value && !(json_is_string(value)
                       && json_string_length(value) == 0))
        {
            ngx_oof_json_name(w, (char *) schema->name.data);
            ngx_oof_payment_echo_value(w, schema, value);
        }
    }

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_payment_echo_value(ngx_oof_json_t *w, ngx_oof_schema_t *schema,
    json_t *value)
{
    size_t      i;
    json_t     *item;
    ngx_str_t   text;

    switch (json_typeof(value)) {

    case JSON_OBJECT:
        ngx_oof_payment_echo(w, schema->children, value, NULL);
        return;

    case JSON_ARRAY:
        ngx_oof_json_begin(w, '[');

        json_array_foreach(value, i, item) {
            ngx_oof_payment_echo_value(w, schema->children, item);
        }

        ngx_oof_json_end(w, ']');
        return;

    case JSON_INTEGER:
        ngx_oof_json_int(w, json_integer_value(value));
        return;

    case JSON_STRING:
        text.data = (u_char *) json_string_value(value);
        text.len = json_string_length(value);
        ngx_oof_json_str(w, &text);
        return;

    default:
        ngx_oof_json_bool(w, json_is_true(value));
    }
}


ngx_int_t
ngx_oof_payment_consent_event(ngx_oof_request_t *o,
    ngx_oof_payment_consent_t *consent, ngx_str_t *organisation_id,
    const char *previous, ngx_str_t *data)
{
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &consent->urn);
    ngx_oof_json_member(&w, "clientId", &consent->client_id);
    ngx_oof_json_member(&w, "organisationId", organisation_id);
    ngx_oof_json_member(&w, "status", &consent->status);

    if (previous) {
        ngx_oof_json_name(&w, "previousStatus");
        ngx_oof_json_literal(&w, previous);
    }

    if (consent->reason_code.len) {
        ngx_oof_json_name(&w, "rejectionReason");
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "code", &consent->reason_code);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, data);
}


ngx_int_t
ngx_oof_payment_refused(ngx_oof_request_t *o,
    ngx_oof_payment_verdict_t *verdict)
{
    (void) ngx_oof_error_status(o, NGX_OOF_HTTP_UNPROCESSABLE);

    o->error_code = verdict->code;
    o->error_title = verdict->title;
    o->error_detail = verdict->detail;

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_conflict(ngx_oof_request_t *o, ngx_oof_payment_at_e at)
{
    ngx_oof_payment_verdict_t  verdict;

    if (ngx_oof_payment_refuse(o->r->pool, ngx_oof_payment_version(o), at,
                               NGX_OOF_CODE_ERRO_IDEMPOTENCIA, NULL, &verdict)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return ngx_oof_payment_refused(o, &verdict);
}
