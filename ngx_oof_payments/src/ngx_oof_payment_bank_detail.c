
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_bank.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payments_sql.h>


/* all that the bank's side is told of a consent to pay */


/* columns of payment_bank_history */

typedef enum {
    NGX_OOF_PAYMENT_HISTORY_AT = 0,
    NGX_OOF_PAYMENT_HISTORY_STATUS,
    NGX_OOF_PAYMENT_HISTORY_REASON,
    NGX_OOF_PAYMENT_HISTORY_OPERATOR
} ngx_oof_payment_history_col_e;


/* statements of a detail */

#define NGX_OOF_PAYMENT_BANK_S_HISTORY   0
#define NGX_OOF_PAYMENT_BANK_S_PAYMENTS  1
#define NGX_OOF_PAYMENT_BANK_S_PEOPLE    2


/* columns of payment_bank_approvers */

typedef enum {
    NGX_OOF_PAYMENT_PEOPLE_CPF = 0,
    NGX_OOF_PAYMENT_PEOPLE_PERSONAL,
    NGX_OOF_PAYMENT_PEOPLE_AGREED
} ngx_oof_payment_people_col_e;


static ngx_int_t ngx_oof_payment_bank_told(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_bank_who(ngx_oof_json_t *w,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_data(ngx_oof_json_t *w,
    ngx_oof_payment_journey_t *j);
static void ngx_oof_payment_bank_schedule(json_t *payment,
    ngx_oof_payment_schedule_t *schedule);
static void ngx_oof_payment_bank_authorisations(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_oof_payment_journey_t *j,
    ngx_uint_t standing);
static void ngx_oof_payment_bank_approver(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_str_t *cpf,
    ngx_uint_t standing);
static ngx_uint_t ngx_oof_payment_bank_history(ngx_oof_json_t *w,
    ngx_oof_payment_journey_t *j, ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_bank_state(ngx_oof_json_t *w, ngx_uint_t standing,
    int64_t at, ngx_str_t *operator);
static ngx_uint_t ngx_oof_payment_bank_standing(ngx_str_t *status,
    ngx_str_t *reason);
static ngx_int_t ngx_oof_payment_bank_rejection(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_payment_consent_t *consent);
static void ngx_oof_payment_bank_ids(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u);


static ngx_str_t  ngx_oof_payment_bank_weekdays[][2] = {
    { ngx_string("SEGUNDA_FEIRA"), ngx_string("MONDAY") },
    { ngx_string("TERCA_FEIRA"), ngx_string("TUESDAY") },
    { ngx_string("QUARTA_FEIRA"), ngx_string("WEDNESDAY") },
    { ngx_string("QUINTA_FEIRA"), ngx_string("THURSDAY") },
    { ngx_string("SEXTA_FEIRA"), ngx_string("FRIDAY") },
    { ngx_string("SABADO"), ngx_string("SATURDAY") },
    { ngx_string("DOMINGO"), ngx_string("SUNDAY") },
    { ngx_null_string, ngx_null_string }
};


ngx_int_t
ngx_oof_payment_bank_detail(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_tell);
}


ngx_int_t
ngx_oof_payment_bank_tell(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_history);
    ngx_oof_pg_uuid(u, j->consent.id);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_rows);
    ngx_oof_pg_uuid(u, j->consent.id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_approvers);
    ngx_oof_pg_uuid(u, j->consent.id);

    ngx_http_set_ctx(o->r, j, ngx_oof_payments_module);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_told);
}


static ngx_int_t
ngx_oof_payment_bank_told(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                   body, *name;
    ngx_uint_t                  standing;
    ngx_oof_json_t              w;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_journey_t  *j;

    j = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_json_init(&w, o->r->pool, 8192) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a client that is not registered is called by its id */

    name = j->client_name.len ? &j->client_name : &j->consent.client_id;

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "brandId", &olcf->brand);
    ngx_oof_json_member(&w, "externalId", &j->consent.urn);
    ngx_oof_payment_bank_who(&w, j);
    ngx_oof_json_member_time(&w, "createdOn", j->consent.creation);
    ngx_oof_json_member_time(&w, "expiredOn", j->consent.expiration);

    if (ngx_oof_payment_bank_data(&w, j) != NGX_OK) {
        return NGX_ERROR;
    }

    standing = ngx_oof_payment_bank_history(&w, j, u);

    ngx_oof_payment_bank_authorisations(o, &w, u, j, standing);

    if (ngx_oof_payment_bank_rejection(o, &w, &j->consent) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_name(&w, "modalityPayment");
    ngx_oof_json_literal(&w, j->first_day ? "SCHEDULED" : "IMMEDIATE");
    ngx_oof_json_name(&w, "status");
    ngx_oof_json_literal(&w, ngx_oof_bank_standing(standing));
    ngx_oof_json_name(&w, "type");
    ngx_oof_json_literal(&w, "PAYMENT");

    ngx_oof_payment_bank_ids(&w, u);

    ngx_oof_json_member(&w, "orgName", name);
    ngx_oof_json_member(&w, "tppName", name);
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static void
ngx_oof_payment_bank_who(ngx_oof_json_t *w, ngx_oof_payment_journey_t *j)
{
    ngx_oof_bank_documents(w, &j->terms.cpf, &j->terms.cnpj);
}


/* in the platform's words, which knows neither v5's instruments nor purposes */

static ngx_int_t
ngx_oof_payment_bank_data(ngx_oof_json_t *w, ngx_oof_payment_journey_t *j)
{
    json_t     *payment, *details, *account;
    ngx_int_t   rc;

    payment = ngx_oof_payment_core_terms(j);
    if (payment == NULL) {
        return NGX_ERROR;
    }

    details = json_object_get(payment, "details");

    (void) json_object_del(payment, "purpose");
    (void) json_object_del(details, "payloadJWS");
    ngx_oof_payment_told_4(details);

    ngx_oof_payment_bank_schedule(payment, &j->terms.schedule);

    account = json_object_get(j->data, "debtorAccount");

    ngx_oof_json_name(w, "paymentData");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "creditor");
    rc = ngx_oof_payment_show_json(j->o, w,
                                   json_object_get(j->data, "creditor"), 0);

    if (rc == NGX_OK) {
        ngx_oof_json_name(w, "payment");
        rc = ngx_oof_payment_show_json(j->o, w, payment, 0);
    }

    json_decref(payment);

    if (rc == NGX_OK && account) {
        ngx_oof_json_name(w, "debtorAccount");
        rc = ngx_oof_payment_show_json(j->o, w, account, 0);
    }

    ngx_oof_json_end(w, '}');

    return rc;
}


/* its weekday in the platform's words, and its days one by one */

static void
ngx_oof_payment_bank_schedule(json_t *payment,
    ngx_oof_payment_schedule_t *schedule)
{
    u_char       day[10];
    json_t      *kind, *days, *info, *all;
    ngx_str_t    name;
    ngx_uint_t   i;

    static const char  *kinds[] = { "daily", "weekly", "monthly", "custom" };

    all = json_object_get(payment, "schedule");

    /* v5 has it beside the kind */

    info = json_object_get(all, "additionalInformation");

    if (info) {
        (void) json_object_set(json_object_get(all, "custom"),
                               "additionalInformation", info);
        (void) json_object_del(all, "additionalInformation");
    }

    for (kind = NULL, i = 0; kind == NULL && i < 4; i++) {
        kind = json_object_get(all, kinds[i]);
    }

    if (kind == NULL) {
        return;
    }

    days = json_array();

    for (i = 0; i < schedule->n; i++) {
        (void) ngx_oof_payment_day_format(day, schedule->days[i]);
        (void) json_array_append_new(days, json_stringn((char *) day,
                                                        sizeof(day)));
    }

    (void) json_object_set_new(kind, "scheduleDates", days);

    if (ngx_oof_json_get_str(kind, "dayOfWeek", &name) != NGX_OK) {
        return;
    }

    for (i = 0; ngx_oof_payment_bank_weekdays[i][0].len; i++) {

        if (ngx_oof_payment_bank_weekdays[i][0].len == name.len
            && ngx_memcmp(ngx_oof_payment_bank_weekdays[i][0].data, name.data,
                          name.len)
               == 0)
        {
            (void) json_object_set_new(kind, "dayOfWeek",
                  json_string((char *)
                              ngx_oof_payment_bank_weekdays[i][1].data));
            return;
        }
    }
}


/* who has asked for it, and everybody else who must agree */

static void
ngx_oof_payment_bank_authorisations(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_oof_payment_journey_t *j, ngx_uint_t standing)
{
    ngx_uint_t  row;

    ngx_oof_json_name(w, "authorizations");
    ngx_oof_json_begin(w, '[');
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "personDocumentNumber", &j->terms.cpf);
    ngx_oof_json_name(w, "isRequirer");
    ngx_oof_json_bool(w, 1);
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, ngx_oof_bank_standing(standing));
    ngx_oof_json_end(w, '}');

    for (row = 0;
         row < ngx_oof_pg_rows(u, NGX_OOF_PAYMENT_BANK_S_PEOPLE);
         row++)
    {
        ngx_oof_payment_bank_approver(o, w, u, row, &j->terms.cpf, standing);
    }

    ngx_oof_json_end(w, ']');
}


static void
ngx_oof_payment_bank_approver(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_str_t *cpf, ngx_uint_t standing)
{
    json_t              *json;
    ngx_str_t            hmac, sealed, plain, value;
    const char          *why;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, NGX_OOF_PAYMENT_BANK_S_PEOPLE, row,
                       NGX_OOF_PAYMENT_PEOPLE_CPF, &hmac);
    ngx_oof_pg_get_str(u, NGX_OOF_PAYMENT_BANK_S_PEOPLE, row,
                       NGX_OOF_PAYMENT_PEOPLE_PERSONAL, &sealed);

    if (hmac.len != NGX_OOF_LOOKUP_LEN
        || ngx_oof_crypt_open(olcf->keys, o->r->pool,
                              NGX_OOF_PAYMENT_SEAL_APPROVER, hmac.data,
                              &sealed, &plain)
           != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &plain, &json, &why) != NGX_OK
        || ngx_oof_json_get_str(json, "cpf", &value) != NGX_OK
        || (value.len == cpf->len
            && ngx_memcmp(value.data, cpf->data, cpf->len) == 0))
    {
        return;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "personDocumentNumber", &value);

    if (ngx_oof_json_get_str(json, "name", &value) == NGX_OK) {
        ngx_oof_json_member(w, "personName", &value);
    }

    ngx_oof_json_name(w, "isRequirer");
    ngx_oof_json_bool(w, 0);
    ngx_oof_json_name(w, "status");

    if (ngx_oof_pg_get_int(u, NGX_OOF_PAYMENT_BANK_S_PEOPLE, row,
                           NGX_OOF_PAYMENT_PEOPLE_AGREED))
    {
        ngx_oof_json_literal(w, "AUTHORISED");

    } else if (standing == NGX_OOF_BANK_PARTIAL) {
        ngx_oof_json_literal(w, "AWAITING_AUTHORISATION");

    } else {
        ngx_oof_json_literal(w, ngx_oof_bank_standing(standing));
    }

    ngx_oof_json_end(w, '}');
}


/*
 * Writes the history and returns where the consent stands.  What has come due
 * is its newest state, whether or not it is written yet.
 */

static ngx_uint_t
ngx_oof_payment_bank_history(ngx_oof_json_t *w, ngx_oof_payment_journey_t *j,
    ngx_oof_pg_unit_t *u)
{
    int64_t     at;
    ngx_str_t   status, reason, operator;
    ngx_uint_t  row, standing, last;

    last = 0;

    ngx_oof_json_name(w, "consentHistoryStatus");
    ngx_oof_json_begin(w, '[');

    for (row = 0;
         row < ngx_oof_pg_rows(u, NGX_OOF_PAYMENT_BANK_S_HISTORY);
         row++)
    {
        at = ngx_oof_pg_get_time(u, NGX_OOF_PAYMENT_BANK_S_HISTORY, row,
                                 NGX_OOF_PAYMENT_HISTORY_AT);
        ngx_oof_pg_get_str(u, NGX_OOF_PAYMENT_BANK_S_HISTORY, row,
                           NGX_OOF_PAYMENT_HISTORY_STATUS, &status);
        ngx_oof_payment_col_str(u, NGX_OOF_PAYMENT_BANK_S_HISTORY, row,
                                NGX_OOF_PAYMENT_HISTORY_REASON, &reason);
        ngx_oof_payment_col_str(u, NGX_OOF_PAYMENT_BANK_S_HISTORY, row,
                                NGX_OOF_PAYMENT_HISTORY_OPERATOR, &operator);

        last = ngx_oof_payment_bank_standing(&status, &reason);

        ngx_oof_payment_bank_state(w, last, at, &operator);
    }

    standing = ngx_oof_payment_bank_standing(&j->consent.status,
                                             &j->consent.reason_code);

    if (standing != last) {
        ngx_str_null(&operator);
        ngx_oof_payment_bank_state(w, standing, j->consent.status_update,
                                   &operator);
    }

    ngx_oof_json_end(w, ']');

    return standing;
}


static void
ngx_oof_payment_bank_state(ngx_oof_json_t *w, ngx_uint_t standing, int64_t at,
    ngx_str_t *operator)
{
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "consentStatus");
    ngx_oof_json_literal(w, ngx_oof_bank_standing(standing));

    if (operator->len) {
        ngx_oof_json_member(w, "operatorUsername", operator);
    }

    ngx_oof_json_member_time(w, "updatedOn", at);
    ngx_oof_json_end(w, '}');
}


/* as oof_payment_consent_standing() */

static ngx_uint_t
ngx_oof_payment_bank_standing(ngx_str_t *status, ngx_str_t *reason)
{
    switch (ngx_oof_payment_consent_state(status)) {

    case NGX_OOF_PAYMENT_CONSENT_AWAITING:
        return NGX_OOF_BANK_AWAITING;

    case NGX_OOF_PAYMENT_CONSENT_PARTIAL:
        return NGX_OOF_BANK_PARTIAL;

    case NGX_OOF_PAYMENT_CONSENT_AUTHORISED:
        return NGX_OOF_BANK_AUTHORISED;

    case NGX_OOF_PAYMENT_CONSENT_CONSUMED:
        return NGX_OOF_BANK_CONSUMED;
    }

    switch (ngx_oof_payment_code(reason)) {

    case NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO:
        return NGX_OOF_BANK_TIMEOUT;

    case NGX_OOF_CODE_TEMPO_EXPIRADO_CONSUMO:
        return NGX_OOF_BANK_UNUSED;

    default:
        return NGX_OOF_BANK_REJECTED;
    }
}


static ngx_int_t
ngx_oof_payment_bank_rejection(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_payment_consent_t *consent)
{
    ngx_str_t               detail;
    ngx_oof_payment_code_e  code;

    if (consent->reason_code.len == 0) {
        return NGX_OK;
    }

    code = ngx_oof_payment_code(&consent->reason_code);
    detail = consent->reason_detail;

    if (detail.len == 0
        && ngx_oof_payment_detail(o->r->pool, consent->api,
                                  NGX_OOF_AT_REJECTED, code, NULL, &detail)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "rejection");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "rejectedFrom");
    ngx_oof_json_literal(w, "DETENTORA");
    ngx_oof_json_name(w, "reason");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "code", &consent->reason_code);
    ngx_oof_json_member(w, "detail", &detail);
    ngx_oof_json_end(w, '}');
    ngx_oof_json_member_time(w, "rejectedAt", consent->status_update);
    ngx_oof_json_name(w, "rejectedBy");
    ngx_oof_json_literal(w, (code == NGX_OOF_CODE_REJEITADO_USUARIO)
                            ? "USUARIO" : "DETENTORA");
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


static void
ngx_oof_payment_bank_ids(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u)
{
    ngx_str_t   id;
    ngx_uint_t  row;

    ngx_oof_json_name(w, "paymentIds");
    ngx_oof_json_begin(w, '[');

    for (row = 0;
         row < ngx_oof_pg_rows(u, NGX_OOF_PAYMENT_BANK_S_PAYMENTS);
         row++)
    {
        ngx_oof_pg_get_str(u, NGX_OOF_PAYMENT_BANK_S_PAYMENTS, row,
                           NGX_OOF_PAYMENT_COL_ID, &id);

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "externalId");
        ngx_oof_json_uuid(w, id.data);
        ngx_oof_payment_bank_legacy_id(w, u, NGX_OOF_PAYMENT_BANK_S_PAYMENTS,
                                       row);
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_end(w, ']');
}
