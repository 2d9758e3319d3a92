
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_sql.h>

#include <openssl/crypto.h>


/* columns of consent_parties after those of consent_get */

#define NGX_OOF_CONSENT_COL_CPF   NGX_OOF_CONSENT_COLS
#define NGX_OOF_CONSENT_COL_CNPJ  (NGX_OOF_CONSENT_COLS + 1)


/* outcomes of consent_extend_outcome */

typedef enum {
    NGX_OOF_CONSENT_RENEWED = 1,
    NGX_OOF_CONSENT_NO_CONSENT,
    NGX_OOF_CONSENT_NOT_YOURS,
    NGX_OOF_CONSENT_AWAITING,
    NGX_OOF_CONSENT_IS_OVER,
    NGX_OOF_CONSENT_MULTIPLE,
    NGX_OOF_CONSENT_NO_LATER
} ngx_oof_consent_renewed_e;


/* a renewal that is being made */

typedef struct {
    ngx_oof_consent_t       *consent;        /* as it will be */

    ngx_str_t                cpf;
    ngx_str_t                cpf_rel;
    ngx_str_t                cnpj;
    unsigned                 business:1;     /* a business entity is named */
    unsigned                 expires:1;
    unsigned                 wrong:1;        /* an end that cannot be */

    int64_t                  now;            /* rule clock */
    int64_t                  expiration;     /* when "expires" */
    ngx_str_t                sealed;
    ngx_oof_event_t          event;

    ngx_str_t                answer;
} ngx_oof_consent_renewal_t;


static ngx_int_t ngx_oof_consent_bound(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_consent_headers(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_consent_header(ngx_oof_request_t *o, ngx_uint_t id,
    const char *missing);
static ngx_int_t ngx_oof_consent_read_renewal(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn);
static ngx_int_t ngx_oof_consent_read_end(ngx_oof_request_t *o, json_t *data,
    ngx_oof_consent_renewal_t *rn);
static ngx_int_t ngx_oof_consent_look(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn);
static ngx_int_t ngx_oof_consent_looked(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_parties(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_same(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t col, const char *domain,
    ngx_str_t *value);
static ngx_int_t ngx_oof_consent_renew(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_seal_renewal(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn);
static ngx_int_t ngx_oof_consent_store_renewal(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn);
static void ngx_oof_consent_store_end(ngx_oof_pg_unit_t *u,
    ngx_oof_consent_renewal_t *rn);
static ngx_int_t ngx_oof_consent_renewed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_not_renewed(ngx_oof_request_t *o,
    ngx_int_t outcome);


/* the body of POST /consents/{consentId}/extends (spec 1.7) */

static ngx_oof_schema_t  ngx_oof_consent_renewal_data_schema[] = {
    { ngx_string("loggedUser"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_consent_user_schema },

    { ngx_string("businessEntity"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_consent_entity_schema },

    { ngx_string("expirationDateTime"), NGX_OOF_SCHEMA_STRING,
      0, 0, 20, ngx_oof_scan_time, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_consent_renewal_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_consent_renewal_data_schema },

      ngx_oof_schema_end
};


/*
 * Renewal without a redirect (spec 1.7).  Security is judged first: the token
 * is of this very consent, and who asks is who may.  What can change meanwhile
 * is judged again under the row's lock.
 */

ngx_int_t
ngx_oof_consent_extend(ngx_oof_request_t *o)
{
    ngx_int_t                   rc;
    ngx_oof_consent_renewal_t  *rn;

    rn = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_renewal_t));
    if (rn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_bound(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_param(o, &rn->consent);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_headers(o);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_request_json(o);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_read_renewal(o, rn);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_consent_look(o, rn);
}


/* NGX_DECLINED, here and below: an error is prepared */

static ngx_int_t
ngx_oof_consent_bound(ngx_oof_request_t *o)
{
    ngx_str_t  *id, *urn;

    id = &o->token->consent_id;
    urn = &o->params[0];

    if (id->len == urn->len && ngx_memcmp(id->data, urn->data, id->len) == 0) {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                         "Acesso negado ao consentimento",
                         "O token de acesso não é do consentimento "
                         "informado.");

    return NGX_DECLINED;
}


/* their form, where they are sent, was judged in the access phase */

static ngx_int_t
ngx_oof_consent_headers(ngx_oof_request_t *o)
{
    ngx_int_t  rc;

    rc = ngx_oof_consent_header(o, NGX_OOF_HEADER_CUSTOMER_IP,
                                "O cabeçalho x-fapi-customer-ip-address é "
                                "obrigatório e não foi informado.");

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_oof_consent_header(o, NGX_OOF_HEADER_USER_AGENT,
                                  "O cabeçalho x-customer-user-agent é "
                                  "obrigatório e não foi informado.");
}


static ngx_int_t
ngx_oof_consent_header(ngx_oof_request_t *o, ngx_uint_t id,
    const char *missing)
{
    ngx_str_t  *value;

    if (o->headers[id] == NULL) {
        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST,
                             "PARAMETRO_NAO_INFORMADO",
                             "Parâmetro não informado", missing);
        return NGX_DECLINED;
    }

    /* the list of renewals may not tell it with blanks around */

    value = &o->headers[id]->value;

    if (value->data[0] > ' ' && value->data[value->len - 1] > ' ') {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                         "Cabeçalho inválido",
                         "O valor de um cabeçalho da requisição é "
                         "inválido.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_read_renewal(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn)
{
    json_t      *data;
    ngx_int_t    rc;
    ngx_str_t    rel;
    ngx_uint_t   no_such_day;

    rc = ngx_oof_consent_check(o, ngx_oof_consent_renewal_schema,
                               &no_such_day);

    if (rc != NGX_OK) {
        return rc;
    }

    rn->wrong = no_such_day;

    data = json_object_get(o->json, "data");

    if (ngx_oof_consent_read_document(data, "loggedUser", &rn->cpf,
                                      &rn->cpf_rel)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (json_object_get(data, "businessEntity")) {

        if (ngx_oof_consent_read_document(data, "businessEntity", &rn->cnpj,
                                          &rel)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        rn->business = 1;
    }

    return ngx_oof_consent_read_end(o, data, rn);
}


/* what does not depend on the end that the consent has now */

static ngx_int_t
ngx_oof_consent_read_end(ngx_oof_request_t *o, json_t *data,
    ngx_oof_consent_renewal_t *rn)
{
    int64_t                      max_term;
    ngx_str_t                    text;
    ngx_oof_consent_loc_conf_t  *conf;

    rn->now = ngx_oof_consent_now();

    if (ngx_oof_json_get_str(data, "expirationDateTime", &text) != NGX_OK) {
        return NGX_OK;
    }

    rn->expires = 1;

    if (rn->wrong) {
        rn->expiration = rn->now;
        return NGX_OK;
    }

    if (ngx_oof_clock_parse(&text, &rn->expiration) != NGX_OK) {
        return NGX_ERROR;
    }

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    max_term = conf->max_term * NGX_OOF_SECOND;

    rn->wrong = rn->expiration <= rn->now
                || (max_term && rn->expiration - rn->now > max_term);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_look(ngx_oof_request_t *o, ngx_oof_consent_renewal_t *rn)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_parties);
    ngx_oof_pg_uuid(u, rn->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, rn->now);

    ngx_http_set_ctx(o->r, rn, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_looked);
}


static ngx_int_t
ngx_oof_consent_looked(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_oof_consent_renewal_t  *rn;

    rn = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    if (ngx_oof_pg_rows(u, 0) == 0) {
        rc = ngx_oof_consent_unknown(o);

    } else if (!ngx_oof_consent_own(o, u)) {
        rc = ngx_oof_consent_foreign(o);

    } else {
        rc = ngx_oof_consent_parties(o, rn, u);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_renew(o, rn, u);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_consent_store_renewal(o, rn);
}


/*
 * A person's consent is renewed by who gave it, a company's by whoever is
 * logged in for that very company.  All of it is immutable.
 */

static ngx_int_t
ngx_oof_consent_parties(ngx_oof_request_t *o, ngx_oof_consent_renewal_t *rn,
    ngx_oof_pg_unit_t *u)
{
    ngx_int_t  rc;

    if (ngx_oof_pg_is_null(u, 0, 0, NGX_OOF_CONSENT_COL_CNPJ)) {
        rc = rn->business
             ? NGX_DECLINED
             : ngx_oof_consent_same(o, u, NGX_OOF_CONSENT_COL_CPF,
                                    "consent.cpf", &rn->cpf);

    } else {
        rc = rn->business
             ? ngx_oof_consent_same(o, u, NGX_OOF_CONSENT_COL_CNPJ,
                                    "consent.cnpj", &rn->cnpj)
             : NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                             "Acesso negado ao consentimento",
                             "O usuário ou a empresa informados não podem "
                             "renovar o consentimento.");
    }

    return rc;
}


/*
 * Under each of the look-up keys, for the row may be older than the first; how
 * long it takes does not depend on the values.
 */

static ngx_int_t
ngx_oof_consent_same(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t col, const char *domain, ngx_str_t *value)
{
    ngx_int_t            rc;
    ngx_str_t            stored;
    ngx_uint_t           n, same;
    ngx_oof_loc_conf_t  *olcf;
    u_char               hmac[NGX_OOF_LOOKUP_LEN];

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, 0, col, &stored);

    if (stored.len != NGX_OOF_LOOKUP_LEN) {
        return NGX_ERROR;
    }

    same = 0;

    for (n = 0; /* void */ ; n++) {

        rc = ngx_oof_crypt_lookup(olcf->keys, n, domain, value, hmac);

        if (rc != NGX_OK) {
            break;
        }

        same |= (CRYPTO_memcmp(hmac, stored.data, NGX_OOF_LOOKUP_LEN) == 0);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return same ? NGX_OK : NGX_DECLINED;
}


/*
 * The state that was read may be older than the lock's: what it refuses for
 * good is refused here, and else everything that can fail is done, so that
 * nothing stands between the unit's commit and the 201.
 */

static ngx_int_t
ngx_oof_consent_renew(ngx_oof_request_t *o, ngx_oof_consent_renewal_t *rn,
    ngx_oof_pg_unit_t *u)
{
    ngx_int_t           rc;
    ngx_oof_consent_t  *consent;

    consent = rn->consent;

    ngx_oof_consent_row(u, consent);

    if (consent->rejected_by.len) {
        return ngx_oof_consent_not_renewed(o, NGX_OOF_CONSENT_IS_OVER);
    }

    if (consent->status.len != sizeof("AUTHORISED") - 1) {
        return ngx_oof_consent_not_renewed(o, NGX_OOF_CONSENT_AWAITING);
    }

    /* the unit's strings go with it */

    ngx_str_set(&consent->status, "AUTHORISED");
    ngx_str_null(&consent->reason_info);
    ngx_str_null(&consent->link_id);
    consent->expiration = rn->expires ? rn->expiration : 0;

    if (ngx_oof_event_init(&rn->event, NGX_OOF_EVENT_CONSENT_EXTENDED)
        != NGX_OK
        || ngx_oof_consent_event_data(o, consent, "AUTHORISED",
                                      &rn->event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_seal_renewal(o, rn);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_oof_consent_body(o, consent, &rn->answer);
}


/* written as the list of renewals has it, for it is only opened there */

static ngx_int_t
ngx_oof_consent_seal_renewal(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn)
{
    ngx_int_t            rc;
    ngx_str_t            text;
    ngx_oof_json_t       w;
    ngx_oof_loc_conf_t  *olcf;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_consent_document(&w, "loggedUser", &rn->cpf, &rn->cpf_rel);
    ngx_oof_json_member(&w, "xFapiCustomerIpAddress",
                        &o->headers[NGX_OOF_HEADER_CUSTOMER_IP]->value);
    ngx_oof_json_member(&w, "xCustomerUserAgent",
                        &o->headers[NGX_OOF_HEADER_USER_AGENT]->value);
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    rc = ngx_oof_crypt_seal(olcf->keys, olcf->database, o->r->pool,
                            "oof_consent_extension", rn->event.id, &text,
                            &rn->sealed);

    ngx_explicit_memzero(text.data, text.len);

    if (rc == NGX_BUSY) {
        (void) ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
        return NGX_DECLINED;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_consent_store_renewal(ngx_oof_request_t *o,
    ngx_oof_consent_renewal_t *rn)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, rn->consent->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_lock);
    ngx_oof_pg_uuid(u, rn->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_extend);
    ngx_oof_pg_uuid(u, rn->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_time(u, rn->now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_consent_store_end(u, rn);
    ngx_oof_pg_bytea(u, &rn->sealed);
    ngx_oof_event_trace(&rn->event, o);
    ngx_oof_pg_event(u, &rn->event);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_extend_outcome);
    ngx_oof_pg_uuid(u, rn->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_time(u, rn->now);
    ngx_oof_consent_store_end(u, rn);
    ngx_oof_pg_uuid(u, rn->event.id);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_renewed);
}


static void
ngx_oof_consent_store_end(ngx_oof_pg_unit_t *u, ngx_oof_consent_renewal_t *rn)
{
    if (rn->expires) {
        ngx_oof_pg_time(u, rn->expiration);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_bool(u, rn->wrong);
}


static ngx_int_t
ngx_oof_consent_renewed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc, outcome;
    ngx_oof_consent_renewal_t  *rn;

    outcome = ngx_oof_pg_get_int(u, 2, 0, 0);

    if (outcome == NGX_OOF_CONSENT_RENEWED) {
        rn = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

        return ngx_oof_answer(o, NGX_HTTP_CREATED, &rn->answer);
    }

    rc = ngx_oof_consent_not_renewed(o, outcome);

    return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
}


/* titles and details of 422 are the regulation's */

static ngx_int_t
ngx_oof_consent_not_renewed(ngx_oof_request_t *o, ngx_int_t outcome)
{
    switch (outcome) {

    case NGX_OOF_CONSENT_NO_CONSENT:
        return ngx_oof_consent_unknown(o);

    case NGX_OOF_CONSENT_NOT_YOURS:
        return ngx_oof_consent_foreign(o);

    case NGX_OOF_CONSENT_AWAITING:

        /* no such token can have been given out: spec 1.7, 5.4 */

        (void) ngx_oof_error_status(o, NGX_HTTP_UNAUTHORIZED);
        return NGX_DECLINED;

    case NGX_OOF_CONSENT_IS_OVER:
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "ESTADO_CONSENTIMENTO_INVALIDO",
                             "Estado inválido do consentimento.",
                             "O consentimento informado não pode ser renovado "
                             "sem redirecionamento porque está em um estado "
                             "que não permite a renovação.");
        return NGX_DECLINED;

    case NGX_OOF_CONSENT_MULTIPLE:
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "DEPENDE_MULTIPLA_ALCADA",
                             "Necessário aprovação de múltipla alçada.",
                             "O consentimento informado não pode ser renovado "
                             "sem redirecionamento porque depende de múltipla "
                             "alçada para aprovação.");
        return NGX_DECLINED;

    case NGX_OOF_CONSENT_NO_LATER:
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "DATA_EXPIRACAO_INVALIDA",
                             "Nova data para expiração do consentimento é "
                             "inválida.",
                             "O consentimento informado não pode ser renovado "
                             "pois a nova data de expiração não segue a "
                             "convenção do ecossistema.");
        return NGX_DECLINED;
    }

    return NGX_ERROR;
}
