
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_sql.h>


#define NGX_OOF_CONSENT_URN_MIN   6
#define NGX_OOF_CONSENT_URN_MAX   256


/* outcomes of consent_delete_outcome */

#define NGX_OOF_CONSENT_ENDED     1
#define NGX_OOF_CONSENT_UNKNOWN   2
#define NGX_OOF_CONSENT_FOREIGN   3
#define NGX_OOF_CONSENT_OVER      4


static ngx_int_t ngx_oof_consent_malformed_id(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_consent_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_col_str(ngx_oof_pg_unit_t *u, ngx_uint_t col,
    ngx_str_t *value);
static ngx_int_t ngx_oof_consent_end(ngx_oof_request_t *o,
    ngx_oof_consent_t *consent, ngx_oof_event_t *event,
    ngx_str_t *authorised);
static ngx_int_t ngx_oof_consent_ended(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


ngx_int_t
ngx_oof_consent_get(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_oof_consent_t   *consent;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_consent_param(o, &consent);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_get);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    ngx_http_set_ctx(o->r, consent, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_got);
}


/* one consent has one name: what differs from it in anything is unknown */

ngx_int_t
ngx_oof_consent_param(ngx_oof_request_t *o, ngx_oof_consent_t **consent)
{
    ngx_str_t           *urn, id;
    ngx_oof_consent_t   *c;

    urn = &o->params[0];

    if (urn->len < NGX_OOF_CONSENT_URN_MIN
        || urn->len > NGX_OOF_CONSENT_URN_MAX
        || ngx_oof_scan_urn(urn) != NGX_OK)
    {
        return ngx_oof_consent_malformed_id(o);
    }

    if (urn->len <= NGX_OOF_UUID_TEXT) {
        return ngx_oof_consent_unknown(o);
    }

    c = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    id.len = NGX_OOF_UUID_TEXT;
    id.data = urn->data + urn->len - NGX_OOF_UUID_TEXT;

    if (ngx_oof_uuid_parse(&id, c->id) != NGX_OK) {
        return ngx_oof_consent_unknown(o);
    }

    if (ngx_oof_consent_name(o, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (c->urn.len != urn->len
        || ngx_memcmp(c->urn.data, urn->data, urn->len) != 0)
    {
        ngx_str_null(&o->consent_id);
        return ngx_oof_consent_unknown(o);
    }

    *consent = c;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_malformed_id(ngx_oof_request_t *o)
{
    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido",
                         "O parâmetro consentId não tem o formato exigido.");

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_consent_unknown(ngx_oof_request_t *o)
{
    (void) ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Consentimento não encontrado",
                         "Não há consentimento com o consentId informado.");

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_consent_foreign(ngx_oof_request_t *o)
{
    (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                         "Acesso negado ao consentimento",
                         "O consentimento informado não foi criado por este "
                         "cliente.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t           body;
    ngx_oof_consent_t  *consent;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        (void) ngx_oof_consent_unknown(o);
        return NGX_OK;
    }

    if (!ngx_oof_consent_own(o, u)) {
        (void) ngx_oof_consent_foreign(o);
        return NGX_OK;
    }

    consent = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    ngx_oof_consent_row(u, consent);

    if (ngx_oof_consent_body(o, consent, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


ngx_uint_t
ngx_oof_consent_own(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t  *mine, client_id;

    mine = &o->token->client_id;

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_CONSENT_COL_CLIENT, &client_id);

    return client_id.len == mine->len
           && ngx_memcmp(client_id.data, mine->data, mine->len) == 0;
}


void
ngx_oof_consent_row(ngx_oof_pg_unit_t *u, ngx_oof_consent_t *consent)
{
    consent->creation = ngx_oof_pg_get_time(u, 0, 0,
                                            NGX_OOF_CONSENT_COL_CREATION);
    consent->status_update =
        ngx_oof_pg_get_time(u, 0, 0, NGX_OOF_CONSENT_COL_STATUS_UPDATE);

    if (!ngx_oof_pg_is_null(u, 0, 0, NGX_OOF_CONSENT_COL_EXPIRATION)) {
        consent->expiration =
            ngx_oof_pg_get_time(u, 0, 0, NGX_OOF_CONSENT_COL_EXPIRATION);
    }

    consent->permissions =
        (uint64_t) ngx_oof_pg_get_int(u, 0, 0,
                                      NGX_OOF_CONSENT_COL_PERMISSIONS);

    if (!ngx_oof_pg_is_null(u, 0, 0, NGX_OOF_CONSENT_COL_LINKED)) {
        consent->linked =
            ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_CONSENT_COL_LINKED) ? 1 : 0;
    }

    ngx_oof_consent_col_str(u, NGX_OOF_CONSENT_COL_STATUS, &consent->status);
    ngx_oof_consent_col_str(u, NGX_OOF_CONSENT_COL_REJECTED_BY,
                            &consent->rejected_by);
    ngx_oof_consent_col_str(u, NGX_OOF_CONSENT_COL_REASON_CODE,
                            &consent->reason_code);
    ngx_oof_consent_col_str(u, NGX_OOF_CONSENT_COL_REASON_INFO,
                            &consent->reason_info);
    ngx_oof_consent_col_str(u, NGX_OOF_CONSENT_COL_LINK_ID,
                            &consent->link_id);
}


static void
ngx_oof_consent_col_str(ngx_oof_pg_unit_t *u, ngx_uint_t col,
    ngx_str_t *value)
{
    if (ngx_oof_pg_is_null(u, 0, 0, col)) {
        ngx_str_null(value);
        return;
    }

    ngx_oof_pg_get_str(u, 0, 0, col, value);
}


/*
 * Revocation by the receiver (spec 1.6).  Its event's data depends on the
 * status that the statement finds under the row's lock: both are given.
 */

ngx_int_t
ngx_oof_consent_delete(ngx_oof_request_t *o)
{
    ngx_int_t           rc;
    ngx_str_t           authorised;
    ngx_oof_event_t     event;
    ngx_oof_consent_t  *consent;

    rc = ngx_oof_consent_param(o, &consent);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_event_init(&event, NGX_OOF_EVENT_CONSENT_REJECTED) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&consent->status, "REJECTED");
    ngx_str_set(&consent->rejected_by, "USER");

    ngx_str_set(&consent->reason_code, "CUSTOMER_MANUALLY_REJECTED");

    if (ngx_oof_consent_event_data(o, consent, "AWAITING_AUTHORISATION",
                                   &event.data)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&consent->reason_code, "CUSTOMER_MANUALLY_REVOKED");

    if (ngx_oof_consent_event_data(o, consent, "AUTHORISED", &authorised)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_consent_end(o, consent, &event, &authorised);
}


static ngx_int_t
ngx_oof_consent_end(ngx_oof_request_t *o, ngx_oof_consent_t *consent,
    ngx_oof_event_t *event, ngx_str_t *authorised)
{
    int64_t              now;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    now = ngx_oof_consent_now();

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, consent->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_delete);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_event_trace(event, o);
    ngx_oof_pg_event(u, event);
    ngx_oof_pg_text(u, authorised);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_delete_outcome);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_uuid(u, event->id);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_ended);
}


static ngx_int_t
ngx_oof_consent_ended(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    switch (ngx_oof_pg_get_int(u, 1, 0, 0)) {

    case NGX_OOF_CONSENT_ENDED:
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);

    case NGX_OOF_CONSENT_UNKNOWN:
        (void) ngx_oof_consent_unknown(o);
        return NGX_OK;

    case NGX_OOF_CONSENT_FOREIGN:
        (void) ngx_oof_consent_foreign(o);
        return NGX_OK;

    case NGX_OOF_CONSENT_OVER:
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "CONSENTIMENTO_EM_STATUS_REJEITADO",
                             "Consentimento em status rejeitado",
                             "O consentimento informado já está no status "
                             "REJECTED e não pode ser revogado.");
    }

    return NGX_ERROR;
}


int64_t
ngx_oof_consent_now(void)
{
    int64_t  now;

    now = ngx_oof_clock_rule();

    return now - now % NGX_OOF_SECOND;
}


ngx_int_t
ngx_oof_consent_name(ngx_oof_request_t *o, ngx_oof_consent_t *consent)
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
ngx_oof_consent_urn(ngx_pool_t *pool, ngx_str_t *space, u_char *id,
    ngx_str_t *urn)
{
    u_char  *p;

    urn->len = sizeof("urn::") - 1 + space->len + NGX_OOF_UUID_TEXT;

    p = ngx_pnalloc(pool, urn->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    urn->data = p;

    p = ngx_cpymem(p, "urn:", sizeof("urn:") - 1);
    p = ngx_cpymem(p, space->data, space->len);
    *p++ = ':';
    (void) ngx_oof_uuid_format(p, id);

    return NGX_OK;
}


ngx_int_t
ngx_oof_consent_body(ngx_oof_request_t *o, ngx_oof_consent_t *consent,
    ngx_str_t *body)
{
    ngx_oof_json_t  w;

    /* all permissions take 1200 bytes: the writer never grows */

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &consent->urn);
    ngx_oof_json_member_time(&w, "creationDateTime", consent->creation);
    ngx_oof_json_member(&w, "status", &consent->status);
    ngx_oof_json_member_time(&w, "statusUpdateDateTime",
                             consent->status_update);
    ngx_oof_json_name(&w, "permissions");
    ngx_oof_consent_permissions(&w, consent->permissions);

    if (consent->expiration) {
        ngx_oof_json_member_time(&w, "expirationDateTime",
                                 consent->expiration);
    }

    if (consent->rejected_by.len) {
        ngx_oof_consent_rejection(&w, consent);
    }

    /* of ResponseConsentRead only: a new consent has no journey yet */

    if (consent->linked && o->r->method == NGX_HTTP_GET) {
        ngx_oof_json_name(&w, "journey");
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "isLinked");
        ngx_oof_json_bool(&w, 1);

        if (consent->link_id.len) {
            ngx_oof_json_member(&w, "linkId", &consent->link_id);
        }

        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, '}');

    ngx_oof_body_end(o, &w, &consent->path);

    return ngx_oof_json_text(&w, body);
}


ngx_uint_t
ngx_oof_consent_is(ngx_oof_consent_t *consent, const char *status)
{
    size_t  len;

    len = ngx_strlen(status);

    return consent->status.len == len
           && ngx_memcmp(consent->status.data, status, len) == 0;
}


void
ngx_oof_consent_rejection(ngx_oof_json_t *w, ngx_oof_consent_t *consent)
{
    ngx_oof_json_name(w, "rejection");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "rejectedBy", &consent->rejected_by);
    ngx_oof_json_name(w, "reason");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "code", &consent->reason_code);

    if (consent->reason_info.len) {
        ngx_oof_json_member(w, "additionalInformation",
                            &consent->reason_info);
    }

    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');
}


ngx_int_t
ngx_oof_consent_event_data(ngx_oof_request_t *o, ngx_oof_consent_t *consent,
    const char *previous, ngx_str_t *data)
{
    ngx_oof_json_t     w;
    ngx_oof_consent_t  nameless;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &consent->urn);
    ngx_oof_json_member(&w, "clientId", consent->client_id.len
                                        ? &consent->client_id
                                        : &o->token->client_id);
    ngx_oof_json_member(&w, "organisationId", consent->organisation_id.len
                                              ? &consent->organisation_id
                                              : &o->cert->organisation_id);
    ngx_oof_json_member(&w, "status", &consent->status);

    if (previous) {
        ngx_oof_json_name(&w, "previousStatus");
        ngx_oof_json_literal(&w, previous);
    }

    if (consent->permissions) {
        ngx_oof_json_name(&w, "permissions");
        ngx_oof_consent_permissions(&w, consent->permissions);
    }

    if (consent->expiration) {
        ngx_oof_json_member_time(&w, "expirationDateTime",
                                 consent->expiration);
    }

    if (consent->rejected_by.len) {

        /* what somebody wrote in his own words may name a person */

        nameless = *consent;
        ngx_str_null(&nameless.reason_info);

        ngx_oof_consent_rejection(&w, &nameless);
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, data);
}
