
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payment_rules_int.h>
#include <ngx_oof_payments_sql.h>


/* outcomes of payment_consent_decide_outcome, and its columns */

#define NGX_OOF_PAYMENT_DECIDED        1
#define NGX_OOF_PAYMENT_DECIDED_LATE   4
#define NGX_OOF_PAYMENT_DECIDED_OTHER  5    /* he need not agree */

#define NGX_OOF_PAYMENT_REASONS        10

#define NGX_OOF_PAYMENT_DECIDE_STATUS  1
#define NGX_OOF_PAYMENT_DECIDE_UPDATE  2
#define NGX_OOF_PAYMENT_DECIDE_EXPIRES 3
#define NGX_OOF_PAYMENT_DECIDE_CODE    4
#define NGX_OOF_PAYMENT_DECIDE_DETAIL  5


typedef struct {
    ngx_oof_payment_journey_t       *journey;
    ngx_str_t                        cpf;
    ngx_str_t                        cnpj;
    ngx_oof_payment_code_e           reason;
    ngx_str_t                        detail;
    json_t                          *account;   /* that pays, or NULL */
    uint64_t                         found;     /* reasons without the core */

    ngx_oof_payment_consent_state_e  from;
    ngx_oof_payment_consent_state_e  to;
    ngx_oof_event_t                  event;
    int64_t                          now;
    ngx_str_t                        debtor;    /* JSON text, or empty */
    ngx_str_t                        people;    /* who must agree, JSON */
    ngx_str_t                        lookups;   /* of "cpf", JSON */
    const char                      *mismatch;  /* to be told with 403 */

    ngx_int_t                      (*done)(ngx_oof_request_t *o,
                                           ngx_oof_payment_journey_t *j,
                                           ngx_int_t rc);

    unsigned                         reject:1;
    unsigned                         partial:1;
} ngx_oof_payment_decision_t;


static ngx_int_t ngx_oof_payment_decide_read(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_decide_form(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_members(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, json_t *data);
static ngx_int_t ngx_oof_payment_decide_reasons(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, json_t *data);
static ngx_oof_payment_code_e ngx_oof_payment_decide_told(
    ngx_oof_payment_decision_t *d, json_t *reason);
static ngx_oof_payment_funnel_e ngx_oof_payment_decide_step(json_t *step);
static ngx_int_t ngx_oof_payment_decide_bad(ngx_oof_request_t *o,
    ngx_oof_schema_failure_t *f);
static ngx_int_t ngx_oof_payment_decide_token(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_state(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static const char *ngx_oof_payment_decide_mismatch(
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_judge(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_charge(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_decide_go(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static uint64_t ngx_oof_payment_decide_own(ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_ask(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_asked(ngx_oof_request_t *o,
    ngx_oof_core_call_t *call);
static ngx_oof_payment_code_e ngx_oof_payment_decide_code(
    ngx_oof_payment_decision_t *d, ngx_oof_payment_code_e code);
static ngx_int_t ngx_oof_payment_decide_end(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, uint64_t found);
static ngx_int_t ngx_oof_payment_decide_people(ngx_oof_request_t *o,
    ngx_oof_core_call_t *call);
static ngx_uint_t ngx_oof_payment_decide_chosen(ngx_oof_payment_decision_t *d,
    json_t *resource);
static void ngx_oof_payment_decide_debtor(ngx_oof_payment_decision_t *d,
    ngx_oof_payment_account_t *account);
static ngx_int_t ngx_oof_payment_decide_named(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, json_t *list);
static ngx_int_t ngx_oof_payment_decide_person(ngx_oof_request_t *o,
    ngx_oof_json_t *w, json_t *person, ngx_str_t *cpf, ngx_uint_t agreed);
static ngx_int_t ngx_oof_payment_decide_agree(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_write(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d);
static ngx_int_t ngx_oof_payment_decide_make(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, ngx_str_t *sealed);
static void ngx_oof_payment_decide_store(ngx_oof_pg_unit_t *u,
    ngx_oof_payment_decision_t *d, ngx_str_t *sealed);
static void ngx_oof_payment_decide_actor(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_payment_decision_t *d);
static void ngx_oof_payment_decide_text(ngx_oof_pg_unit_t *u,
    ngx_str_t *value);
static ngx_int_t ngx_oof_payment_decided(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_decide_refused(ngx_oof_request_t *o,
    const char *code);
static ngx_int_t ngx_oof_payment_decide_answer(ngx_oof_request_t *o,
    ngx_uint_t status, ngx_oof_payment_consent_t *consent,
    ngx_str_t *debtor);


static ngx_str_t  ngx_oof_payment_decisions[] = {
    ngx_string("AUTHORISE"),
    ngx_string("PARTIAL"),
    ngx_string("REJECT"),
    ngx_null_string
};


/* in the order of ngx_oof_payment_funnel_e */

static ngx_str_t  ngx_oof_payment_decide_steps[] = {
    ngx_string("STARTED"),
    ngx_string("AUTHENTICATED"),
    ngx_string("AUTHORISATION"),
    ngx_null_string
};


static ngx_str_t  ngx_oof_payment_account_types[] = {
    ngx_string("CACC"),
    ngx_string("SVGS"),
    ngx_string("TRAN"),
    ngx_null_string
};


static ngx_oof_schema_t  ngx_oof_payment_decide_customer[] = {
    { ngx_string("cpf"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 11, ngx_oof_scan_cpf, NULL, NULL },

    { ngx_string("cnpj"), NGX_OOF_SCHEMA_STRING,
      0, 0, 14, ngx_oof_scan_cnpj, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_payment_decide_account[] = {
    { ngx_string("ispb"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 8, 8, NULL, NULL, NULL },

    { ngx_string("issuer"), NGX_OOF_SCHEMA_STRING,
      0, 1, 4, NULL, NULL, NULL },

    { ngx_string("number"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, 20, NULL, NULL, NULL },

    { ngx_string("accountType"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_payment_account_types,
      NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_payment_decide_reason[] = {
    { ngx_string("code"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, 255, NULL, NULL, NULL },

    { ngx_string("detail"), NGX_OOF_SCHEMA_STRING,
      0, 1, 2048, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_payment_decide_item = {
    ngx_null_string, NGX_OOF_SCHEMA_OBJECT, 0, 0, 0, NULL, NULL,
    ngx_oof_payment_decide_reason
};


static ngx_oof_schema_t  ngx_oof_payment_decide_data[] = {
    { ngx_string("decision"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_payment_decisions, NULL },

    { ngx_string("customer"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_payment_decide_customer },

    { ngx_string("debtorAccount"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_payment_decide_account },

    { ngx_string("reason"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_payment_decide_reason },

    { ngx_string("reasons"), NGX_OOF_SCHEMA_ARRAY,
      0, 1, NGX_OOF_PAYMENT_REASONS, NULL, NULL,
      &ngx_oof_payment_decide_item },

    { ngx_string("step"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, NULL, ngx_oof_payment_decide_steps, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_payment_decide_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_payment_decide_data },

      ngx_oof_schema_end
};


ngx_int_t
ngx_oof_payment_journey_decide(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_decide_read);
}


static ngx_int_t
ngx_oof_payment_decide_read(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    ngx_int_t                    rc;
    ngx_oof_payment_decision_t  *d;

    d = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_decision_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->journey = j;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_decide_form(o, d);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_decide_token(o, d);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_http_set_ctx(o->r, d, ngx_oof_payments_module);

    return ngx_oof_payment_decide_state(o, d);
}


ngx_int_t
ngx_oof_payment_decide_bank(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_payment_consent_state_e to,
    ngx_oof_payment_code_e reason, ngx_str_t *detail,
    ngx_int_t (*done)(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j,
    ngx_int_t rc))
{
    ngx_oof_payment_decision_t  *d;

    d = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_decision_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->journey = j;
    d->from = ngx_oof_payment_consent_state(&j->consent.status);
    d->to = to;
    d->reason = reason;
    d->detail = *detail;
    d->done = done;

    ngx_http_set_ctx(o->r, d, ngx_oof_payments_module);

    return ngx_oof_payment_decide_write(o, d);
}


/* NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_payment_decide_form(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    ngx_int_t    rc;
    ngx_array_t  failures;

    if (ngx_array_init(&failures, o->r->pool, 1,
                       sizeof(ngx_oof_schema_failure_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_schema_check(o->r->pool, ngx_oof_payment_decide_schema,
                              o->json, &failures, 1);

    if (rc == NGX_DECLINED) {
        return ngx_oof_payment_decide_bad(o, failures.elts);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_oof_payment_decide_members(o, d,
                                          json_object_get(o->json, "data"));
}


static ngx_int_t
ngx_oof_payment_decide_members(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, json_t *data)
{
    json_t     *customer;
    ngx_str_t   decision;

    customer = json_object_get(data, "customer");

    (void) ngx_oof_json_get_str(data, "decision", &decision);

    d->reject = (decision.data[0] == 'R');
    d->partial = (decision.data[0] == 'P');
    d->account = json_object_get(data, "debtorAccount");

    if (customer) {
        (void) ngx_oof_json_get_str(customer, "cpf", &d->cpf);
        (void) ngx_oof_json_get_str(customer, "cnpj", &d->cnpj);

    } else if (!d->reject) {
        return ngx_oof_payment_bad_path(o, "data.customer", 1);
    }

    if (!d->reject) {
        return (json_object_get(data, "reason")
                || json_object_get(data, "reasons"))
               ? ngx_oof_payment_bad_path(o, "data.reason", 0) : NGX_OK;
    }

    return ngx_oof_payment_decide_reasons(o, d, data);
}


/*
 * Of several reasons the first is told, as the step of the funnel has them, by
 * default that of the customer's decision (spec 2.12); with a step one that it
 * has not is none.  NGX_DECLINED: a 400 is prepared.
 */

static ngx_int_t
ngx_oof_payment_decide_reasons(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, json_t *data)
{
    size_t                   i, n;
    json_t                  *list, *reason, *step;
    uint64_t                 found;
    ngx_uint_t               scheduled;
    ngx_oof_payment_code_e   codes[NGX_OOF_PAYMENT_REASONS];

    list = json_object_get(data, "reasons");
    reason = json_object_get(data, "reason");
    step = json_object_get(data, "step");

    if (list && reason) {
        return ngx_oof_payment_bad_path(o, "data.reasons", 0);
    }

    codes[0] = NGX_OOF_CODE_REJEITADO_USUARIO;
    n = list ? json_array_size(list) : 1;
    found = 0;

    for (i = 0; i < n; i++) {

        if (list) {
            reason = json_array_get(list, i);
        }

        if (reason) {
            codes[i] = ngx_oof_payment_decide_told(d, reason);
        }

        if (codes[i] == NGX_OOF_CODE_NONE) {
            return ngx_oof_payment_bad_path(o, "data.reason.code", 0);
        }

        found |= ngx_oof_payment_code_bit(codes[i]);
    }

    d->reason = codes[0];

    if (list || step) {
        scheduled = (d->journey->terms.schedule.kind
                     != NGX_OOF_SCHEDULE_NONE);

        d->reason = ngx_oof_payment_funnel(d->journey->consent.api,
                                           ngx_oof_payment_decide_step(step),
                                           found, scheduled);
    }

    if (d->reason == NGX_OOF_CODE_NONE) {
        return ngx_oof_payment_bad_path(o, "data.step", 0);
    }

    /* the words of the one that is told */

    for (i = 0; i < n; i++) {

        if (codes[i] == d->reason && (list || reason)) {
            (void) ngx_oof_json_get_str(list ? json_array_get(list, i)
                                             : reason,
                                        "detail", &d->detail);
            break;
        }
    }

    return NGX_OK;
}


/* NONE: it is no reason of a consent of this version */

static ngx_oof_payment_code_e
ngx_oof_payment_decide_told(ngx_oof_payment_decision_t *d, json_t *reason)
{
    ngx_str_t               name;
    ngx_oof_payment_code_e  code;

    (void) ngx_oof_json_get_str(reason, "code", &name);

    code = ngx_oof_payment_code(&name);

    return (ngx_oof_payment_codes(d->journey->consent.api,
                                  NGX_OOF_AT_REJECTED)
            & ngx_oof_payment_code_bit(code))
           ? code : NGX_OOF_CODE_NONE;
}


static ngx_oof_payment_funnel_e
ngx_oof_payment_decide_step(json_t *step)
{
    ngx_uint_t   i;
    const char  *name;

    name = json_string_value(step);

    for (i = 0; name && i < NGX_OOF_FUNNEL_AUTHORISATION; i++) {

        if (ngx_strcmp(name, ngx_oof_payment_decide_steps[i].data) == 0) {
            return i;
        }
    }

    return NGX_OOF_FUNNEL_AUTHORISATION;
}


static ngx_int_t
ngx_oof_payment_decide_bad(ngx_oof_request_t *o, ngx_oof_schema_failure_t *f)
{
    u_char  *path;

    path = ngx_pnalloc(o->r->pool, f->path.len + 1);
    if (path == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(path, f->path.data, f->path.len + 1);

    return ngx_oof_payment_bad_path(o, (char *) path,
                                           f->what == NGX_OOF_SCHEMA_MISSING);
}


ngx_int_t
ngx_oof_payment_bad_path(ngx_oof_request_t *o, const char *path,
    ngx_uint_t missing)
{
    u_char  *detail;
    size_t   len;

    len = ngx_strlen(path) + sizeof("O campo  é obrigatório.")
          + sizeof("O campo  é inválido.");

    detail = ngx_pnalloc(o->r->pool, len);
    if (detail == NULL) {
        return NGX_ERROR;
    }

    *ngx_snprintf(detail, len - 1, missing ? "O campo %s é obrigatório."
                                           : "O campo %s é inválido.", path) =
        '\0';

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST,
                         missing ? "PARAMETRO_NAO_INFORMADO"
                                 : "PARAMETRO_INVALIDO",
                         missing ? "Parâmetro não informado"
                                 : "Parâmetro inválido",
                         (char *) detail);

    return NGX_DECLINED;
}


/* the token of a customer decides for nobody else */

static ngx_int_t
ngx_oof_payment_decide_token(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    if (!ngx_oof_bank_customer(o)) {
        return NGX_OK;
    }

    if (d->cpf.len == 0) {
        d->cpf.data = o->token->cpf;
        d->cpf.len = NGX_OOF_CPF_LEN;
    }

    if (ngx_memcmp(d->cpf.data, o->token->cpf, NGX_OOF_CPF_LEN) == 0) {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "CPF_MISMATCH",
                         "Cliente divergente",
                         "O CPF informado não é o do cliente do token.");

    return NGX_DECLINED;
}


/* whoever is logged in must be whom the consent names (spec 5.6, 7, 38) */

static ngx_int_t
ngx_oof_payment_decide_state(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    ngx_oof_payment_consent_t  *consent;

    consent = &d->journey->consent;

    if (ngx_oof_payment_consent_is(consent, NGX_OOF_PAYMENT_CONSENT_PARTIAL)
        && !d->partial)
    {
        /* others who must agree have a CPF of their own */

        d->from = NGX_OOF_PAYMENT_CONSENT_PARTIAL;

        return ngx_oof_payment_decide_judge(o, d);
    }

    if (!ngx_oof_payment_consent_is(consent, NGX_OOF_PAYMENT_CONSENT_AWAITING))
    {
        return ngx_oof_payment_decide_answer(o, NGX_HTTP_CONFLICT, consent,
                                             NULL);
    }

    d->from = NGX_OOF_PAYMENT_CONSENT_AWAITING;
    d->mismatch = d->cpf.len ? ngx_oof_payment_decide_mismatch(d) : NULL;

    if (d->mismatch == NULL) {
        return ngx_oof_payment_decide_judge(o, d);
    }

    if (consent->api < 5) {
        return ngx_oof_payment_decide_refused(o, d->mismatch);
    }

    /* in v5 it is over */

    ngx_str_null(&d->detail);

    return ngx_oof_payment_decide_end(o, d,
               ngx_oof_payment_code_bit(NGX_OOF_CODE_AUTENTICACAO_DIVERGENTE));
}


static const char *
ngx_oof_payment_decide_mismatch(ngx_oof_payment_decision_t *d)
{
    ngx_oof_payment_terms_t  *terms;

    terms = &d->journey->terms;

    if (d->cpf.len != terms->cpf.len
        || ngx_memcmp(d->cpf.data, terms->cpf.data, d->cpf.len) != 0)
    {
        return "CPF_MISMATCH";
    }

    if (d->cnpj.len != terms->cnpj.len
        || (d->cnpj.len
            && ngx_memcmp(d->cnpj.data, terms->cnpj.data, d->cnpj.len) != 0))
    {
        return "CNPJ_MISMATCH";
    }

    return NULL;
}


static ngx_int_t
ngx_oof_payment_decide_judge(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    if (d->reject) {
        d->to = NGX_OOF_PAYMENT_CONSENT_REJECTED;
        return ngx_oof_payment_decide_write(o, d);
    }

    if (d->account == NULL && d->journey->consent.debtor.len == 0) {
        (void) ngx_oof_payment_bad_path(o, "data.debtorAccount", 1);
        return NGX_OK;
    }

    if (d->from == NGX_OOF_PAYMENT_CONSENT_PARTIAL) {

        /* the account was chosen, and judged, by the first who agreed */

        d->account = NULL;
        return ngx_oof_payment_decide_agree(o, d);
    }

    d->found = ngx_oof_payment_decide_own(d);

    if (!d->journey->terms.has_charge) {
        return ngx_oof_payment_decide_go(o, d);
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_payment_charge_used(o, u, d->journey->consent.id,
                                    &d->journey->terms.charge)
        != NGX_OK)
    {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_payment_decide_charge);
}


/* a charge is paid once (spec 2.5) */

static ngx_int_t
ngx_oof_payment_decide_charge(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_payment_decision_t  *d;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_rows(u, 0)) {
        d->found |= ngx_oof_payment_code_bit(NGX_OOF_CODE_QRCODE_INVALIDO);
    }

    return ngx_oof_payment_decide_go(o, d);
}


static ngx_int_t
ngx_oof_payment_decide_go(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (olcf->core == NULL) {
        return ngx_oof_payment_decide_end(o, d, d->found);
    }

    /* the core may know of a reason that comes before those */

    return ngx_oof_payment_decide_ask(o, d);
}


/* reasons against it that need nobody's word */

static uint64_t
ngx_oof_payment_decide_own(ngx_oof_payment_decision_t *d)
{
    uint64_t                    found;
    ngx_oof_payment_terms_t    *terms;
    ngx_oof_payment_account_t   debtor;

    terms = &d->journey->terms;

    found = ngx_oof_payment_code_reasons(terms);

    ngx_oof_payment_decide_debtor(d, &debtor);

    if (ngx_oof_payment_same_account(&debtor, &terms->creditor)) {
        found |= ngx_oof_payment_code_bit(
                     NGX_OOF_CODE_CONTAS_ORIGEM_DESTINO_IGUAIS);
    }

    if (d->partial && (terms->purpose == NGX_OOF_PURPOSE_WITHDRAW
                       || terms->purpose == NGX_OOF_PURPOSE_CHANGE))
    {
        /* one person with full powers (spec 2.5) */

        found |= ngx_oof_payment_code_bit(NGX_OOF_CODE_PERMISSAO_INSUFICIENTE);
    }

    return found;
}


static ngx_int_t
ngx_oof_payment_decide_ask(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    json_t                     *body, *data, *business, *account;
    ngx_str_t                  *name;
    ngx_oof_payment_journey_t  *j;

    j = d->journey;

    name = j->client_name.len ? &j->client_name : &j->consent.client_id;
    business = json_object_get(j->data, "businessEntity");
    account = d->account ? d->account
                         : json_object_get(j->data, "debtorAccount");

    body = ngx_oof_payment_core_begin(j);

    data = json_pack("{s: {s: s#}, s: O, s: O, s: o, s: O, s: s#, s: s}",
                     "tpp", "name", (char *) name->data, (int) name->len,
                     "loggedUser", json_object_get(j->data, "loggedUser"),
                     "creditor", json_object_get(j->data, "creditor"),
                     "payment", ngx_oof_payment_core_terms(j),
                     "debtorAccount", account,
                     "externalId", (char *) j->consent.urn.data,
                     (int) j->consent.urn.len,
                     "validationStage", "POST_CONSENT");

    if (business) {
        (void) json_object_set(data, "businessEntity", business);
    }

    /* the kind is told with the data, not beside it */

    if (body == NULL || data == NULL
        || json_object_del(body, "paymentType") != 0
        || json_object_set_new(body, "requestBody",
                               json_pack("{s: o, s: s}", "data", data,
                                         "paymentType", "PAYMENT_CONSENT"))
           != 0)
    {
        json_decref(body);
        return NGX_ERROR;
    }

    return ngx_oof_payment_core(j, "/payment-validation", body,
                                ngx_oof_payment_decide_asked);
}


/*
 * 422 has the core's reasons; without a word of it nothing is decided, and the
 * customer may try again as long as the consent waits.
 */

static ngx_int_t
ngx_oof_payment_decide_asked(ngx_oof_request_t *o, ngx_oof_core_call_t *call)
{
    size_t                       i;
    json_t                      *item;
    uint64_t                     found;
    ngx_str_t                    name;
    ngx_oof_payment_code_e       code;
    ngx_oof_payment_decision_t  *d;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (call->status >= NGX_HTTP_OK
        && call->status < NGX_HTTP_SPECIAL_RESPONSE)
    {
        return ngx_oof_payment_decide_end(o, d, d->found);
    }

    if (call->status != NGX_OOF_HTTP_UNPROCESSABLE) {
        return d->found ? ngx_oof_payment_decide_end(o, d, d->found)
                        : ngx_oof_error_status(o,
                                              NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    found = 0;

    json_array_foreach(json_object_get(call->json, "errors"), i, item) {

        code = NGX_OOF_CODE_NAO_INFORMADO;

        if (ngx_oof_json_get_str(item, "code", &name) == NGX_OK) {
            code = ngx_oof_payment_core_code(call->core, &name);
        }

        code = ngx_oof_payment_decide_code(d, code);
        found |= ngx_oof_payment_code_bit(code);
    }

    if (found == 0) {
        found = ngx_oof_payment_code_bit(NGX_OOF_CODE_NAO_INFORMADO);
    }

    return ngx_oof_payment_decide_end(o, d, found | d->found);
}


/* a code that the step has not is no reason to agree */

static ngx_oof_payment_code_e
ngx_oof_payment_decide_code(ngx_oof_payment_decision_t *d,
    ngx_oof_payment_code_e code)
{
    ngx_uint_t  version;

    version = d->journey->consent.api;

    code = ngx_oof_payment_code_at(version, NGX_OOF_AT_REJECTED, code);

    if (ngx_oof_payment_funnel(version, NGX_OOF_FUNNEL_AUTHORISATION,
                               ngx_oof_payment_code_bit(code), 0)
        == NGX_OOF_CODE_NONE)
    {
        return NGX_OOF_CODE_NAO_INFORMADO;
    }

    return code;
}


/* of all that was found the funnel names one (spec 2.12) */

static ngx_int_t
ngx_oof_payment_decide_end(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, uint64_t found)
{
    ngx_uint_t                  scheduled;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_consent_t  *consent;

    consent = &d->journey->consent;
    scheduled = (d->journey->terms.schedule.kind != NGX_OOF_SCHEDULE_NONE);

    d->reason = ngx_oof_payment_funnel(consent->api,
                                       NGX_OOF_FUNNEL_AUTHORISATION, found,
                                       scheduled);

    if (d->reason != NGX_OOF_CODE_NONE) {
        d->to = NGX_OOF_PAYMENT_CONSENT_REJECTED;

    } else if (d->partial
               && ngx_oof_payment_partial_until(consent->creation,
                                                d->journey->first_day)
                  <= ngx_oof_payment_now())
    {
        /* the day in which others could have agreed is over */

        d->to = NGX_OOF_PAYMENT_CONSENT_REJECTED;
        d->reason = NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO;

    } else if (d->partial) {
        d->to = NGX_OOF_PAYMENT_CONSENT_PARTIAL;

    } else {
        d->to = NGX_OOF_PAYMENT_CONSENT_AUTHORISED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (d->to == NGX_OOF_PAYMENT_CONSENT_PARTIAL && olcf->core) {
        return ngx_oof_payment_core(d->journey, "/account-discovery",
                                    ngx_oof_payment_core_consent(d->journey),
                                    ngx_oof_payment_decide_people);
    }

    return ngx_oof_payment_decide_write(o, d);
}


/* the core knows who must agree to what is done with the account */

static ngx_int_t
ngx_oof_payment_decide_people(ngx_oof_request_t *o, ngx_oof_core_call_t *call)
{
    size_t                       i;
    json_t                      *list, *resource;
    ngx_oof_payment_decision_t  *d;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    list = json_object_get(json_object_get(call->json, "data"), "resources");

    if (call->status != NGX_HTTP_OK || !json_is_array(list)) {
        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    json_array_foreach(list, i, resource) {

        if (ngx_oof_payment_decide_chosen(d, resource)) {
            if (ngx_oof_payment_decide_named(o, d, json_object_get(resource,
                                                             "authorizers"))
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            break;
        }
    }

    return ngx_oof_payment_decide_write(o, d);
}


static ngx_uint_t
ngx_oof_payment_decide_chosen(ngx_oof_payment_decision_t *d, json_t *resource)
{
    ngx_oof_payment_account_t  mine, other;

    ngx_oof_payment_decide_debtor(d, &mine);
    ngx_oof_payment_account(resource, "debtorAccount", &other);

    return ngx_oof_payment_same_account(&mine, &other);
}


/* the account that pays: as it is chosen, else as the initiator named it */

static void
ngx_oof_payment_decide_debtor(ngx_oof_payment_decision_t *d,
    ngx_oof_payment_account_t *account)
{
    json_t  *data;

    data = d->account ? json_object_get(d->journey->o->json, "data")
                      : d->journey->data;

    ngx_oof_payment_account(data, "debtorAccount", account);
}


/*
 * Makes the list of them, when somebody else is among them: whose word it is
 * has agreed.
 */

static ngx_int_t
ngx_oof_payment_decide_named(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, json_t *list)
{
    size_t           i;
    json_t          *person;
    ngx_str_t        cpf;
    ngx_uint_t       mine, others;
    ngx_oof_json_t   w;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    others = 0;

    ngx_oof_json_begin(&w, '[');

    json_array_foreach(list, i, person) {

        if (i == NGX_OOF_PAYMENT_APPROVERS
            || ngx_oof_json_get_str(person, "cpf", &cpf) != NGX_OK
            || ngx_oof_scan_cpf(&cpf) != NGX_OK)
        {
            continue;
        }

        mine = (cpf.len == d->cpf.len
                && ngx_memcmp(cpf.data, d->cpf.data, cpf.len) == 0);
        others += !mine;

        if (ngx_oof_payment_decide_person(o, &w, person, &cpf, mine)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');

    return others ? ngx_oof_json_text(&w, &d->people) : NGX_OK;
}


static ngx_int_t
ngx_oof_payment_decide_person(ngx_oof_request_t *o, ngx_oof_json_t *w,
    json_t *person, ngx_str_t *cpf, ngx_uint_t agreed)
{
    ngx_str_t            text, sealed, name;
    ngx_oof_json_t       p;
    ngx_oof_loc_conf_t  *olcf;
    u_char               hmac[NGX_OOF_LOOKUP_LEN];

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_lookup(olcf->keys, 0, NGX_OOF_PAYMENT_LOOKUP_CPF, cpf,
                             hmac)
        != NGX_OK
        || ngx_oof_json_init(&p, o->r->pool, 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&p, '{');
    ngx_oof_json_member(&p, "cpf", cpf);

    if (ngx_oof_json_get_str(person, "name", &name) == NGX_OK) {
        ngx_oof_json_member(&p, "name", &name);
    }

    ngx_oof_json_end(&p, '}');

    if (ngx_oof_json_text(&p, &text) != NGX_OK
        || ngx_oof_crypt_seal(olcf->keys, olcf->database, o->r->pool,
                              NGX_OOF_PAYMENT_SEAL_APPROVER, hmac, &text,
                              &sealed)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member_hex(w, "h", hmac, NGX_OOF_LOOKUP_LEN);
    ngx_oof_json_member_hex(w, "p", sealed.data, sealed.len);
    ngx_oof_json_name(w, "a");
    ngx_oof_json_bool(w, agreed);
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


/* one of several agrees: what the consent becomes depends on the others */

static ngx_int_t
ngx_oof_payment_decide_agree(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    ngx_int_t                   rc;
    ngx_str_t                   sealed;
    ngx_oof_event_t             some;
    ngx_oof_pg_unit_t          *u;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_consent_t  *consent, before;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    consent = &d->journey->consent;
    before = *consent;

    if (ngx_oof_bank_lookups(o, NGX_OOF_PAYMENT_LOOKUP_CPF, &d->cpf,
                             &d->lookups)
        != NGX_OK
        || ngx_oof_event_init(&some, NGX_OOF_EVENT_PAYMENT_CONSENT_PARTIAL)
           != NGX_OK
        || ngx_oof_payment_consent_event(o, &before,
                         &d->journey->organisation_id,
                         (char *) ngx_oof_payment_consent_state_name(
                                                             d->from)->data,
                         &some.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    d->to = NGX_OOF_PAYMENT_CONSENT_AUTHORISED;

    rc = ngx_oof_payment_decide_make(o, d, &sealed);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, consent->id, NGX_OOF_UUID_LEN);
    ngx_memcpy(some.id, d->event.id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_agree);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, d->now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_event(u, &some);
    ngx_oof_pg_text(u, &d->event.type);
    ngx_oof_pg_event_data(u, &d->event);
    ngx_oof_pg_text(u, &d->lookups);
    ngx_oof_pg_time(u, consent->expiration);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_agree_outcome);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, d->now);
    ngx_oof_pg_uuid(u, d->event.id);
    ngx_oof_pg_text(u, &d->lookups);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_decided);
}


static ngx_int_t
ngx_oof_payment_decide_write(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d)
{
    ngx_int_t                   rc;
    ngx_str_t                   sealed;
    ngx_oof_pg_unit_t          *u;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_payment_consent_t  *consent;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    consent = &d->journey->consent;

    rc = ngx_oof_payment_decide_make(o, d, &sealed);

    /* who refuses for himself must be one of those who must agree */

    if (rc == NGX_OK && d->from == NGX_OOF_PAYMENT_CONSENT_PARTIAL
        && d->cpf.len)
    {
        rc = ngx_oof_bank_lookups(o, NGX_OOF_PAYMENT_LOOKUP_CPF, &d->cpf,
                                  &d->lookups);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, consent->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_decide);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_payment_decide_store(u, d, &sealed);
    ngx_oof_payment_decide_actor(o, u, d);
    ngx_oof_payment_decide_text(u, &d->people);
    ngx_oof_payment_decide_text(u, &d->lookups);

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_decide_outcome);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, d->now);
    ngx_oof_pg_uuid(u, d->event.id);
    ngx_oof_pg_text(u, ngx_oof_payment_consent_state_name(d->from));
    ngx_oof_payment_decide_text(u, &d->lookups);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_decided);
}


/* the consent becomes what it will be; NGX_DECLINED: an error is prepared */

static ngx_int_t
ngx_oof_payment_decide_make(ngx_oof_request_t *o,
    ngx_oof_payment_decision_t *d, ngx_str_t *sealed)
{
    const char                 *type;
    ngx_str_t                   copy;
    ngx_oof_json_t              w;
    ngx_oof_payment_consent_t  *consent;

    consent = &d->journey->consent;

    /* another host's clock may have been ahead */

    d->now = ngx_max(ngx_oof_payment_now(), consent->status_update);

    consent->status = *ngx_oof_payment_consent_state_name(d->to);
    consent->status_update = d->now;

    ngx_str_null(sealed);

    if (d->to == NGX_OOF_PAYMENT_CONSENT_REJECTED) {
        type = NGX_OOF_EVENT_PAYMENT_CONSENT_REJECTED;
        consent->reason_code = *ngx_oof_payment_code_name(d->reason);

    } else if (d->to == NGX_OOF_PAYMENT_CONSENT_PARTIAL) {
        type = NGX_OOF_EVENT_PAYMENT_CONSENT_PARTIAL;
        consent->expiration =
            ngx_oof_payment_partial_until(consent->creation,
                                          d->journey->first_day);
    } else {
        type = NGX_OOF_EVENT_PAYMENT_CONSENT_AUTHORISED;
        consent->expiration = d->now + NGX_OOF_PAYMENT_UNUSED;
    }

    if (ngx_oof_event_init(&d->event, type) != NGX_OK
        || ngx_oof_payment_consent_event(o, consent,
                  &d->journey->organisation_id,
                  (char *) ngx_oof_payment_consent_state_name(d->from)->data,
                  &d->event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_event_trace(&d->event, o);

    if (d->account == NULL) {
        d->debtor = consent->debtor;
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_payment_echo(&w, ngx_oof_payment_decide_account, d->account, NULL);

    if (ngx_oof_json_text(&w, &d->debtor) != NGX_OK) {
        return NGX_ERROR;
    }

    copy.len = d->debtor.len;
    copy.data = ngx_pstrdup(o->r->pool, &d->debtor);

    if (copy.data == NULL) {
        return NGX_ERROR;
    }

    return ngx_oof_payment_seal(o, NGX_OOF_PAYMENT_SEAL_DEBTOR, consent->id,
                                &copy, sealed);
}


static void
ngx_oof_payment_decide_store(ngx_oof_pg_unit_t *u,
    ngx_oof_payment_decision_t *d, ngx_str_t *sealed)
{
    ngx_oof_payment_consent_t  *consent;

    consent = &d->journey->consent;

    ngx_oof_pg_time(u, d->now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_event(u, &d->event);
    ngx_oof_pg_text(u, ngx_oof_payment_consent_state_name(d->from));
    ngx_oof_pg_text(u, ngx_oof_payment_consent_state_name(d->to));

    if (d->to == NGX_OOF_PAYMENT_CONSENT_REJECTED) {
        ngx_oof_pg_text(u, &consent->reason_code);

        if (d->detail.len) {
            ngx_oof_pg_text(u, &d->detail);

        } else {
            ngx_oof_pg_null(u);
        }

        ngx_oof_pg_null(u);

    } else {
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
        ngx_oof_pg_time(u, consent->expiration);
    }

    ngx_oof_pg_some(u, sealed);

}


static void
ngx_oof_payment_decide_actor(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_payment_decision_t *d)
{
    ngx_str_t  actor;

    if (d->done) {
        ngx_oof_bank_actor(o, u);
        return;
    }

    if (d->to == NGX_OOF_PAYMENT_CONSENT_REJECTED
        && d->reason != NGX_OOF_CODE_REJEITADO_USUARIO)
    {
        ngx_str_set(&actor, "bank");

    } else {
        ngx_str_set(&actor, "customer");
    }

    ngx_oof_pg_text(u, &actor);
    ngx_oof_pg_null(u);
}


/* empty: null */

static void
ngx_oof_payment_decide_text(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
    ngx_oof_pg_some(u, value);
}


static ngx_int_t
ngx_oof_payment_decided(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                    outcome;
    ngx_uint_t                   status;
    ngx_oof_payment_consent_t   *consent;
    ngx_oof_payment_decision_t  *d;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    consent = &d->journey->consent;

    outcome = (ngx_int_t) ngx_oof_pg_get_int(u, 1, 0, 0);

    if (d->done) {
        return d->done(o, d->journey,
                       (outcome == NGX_OOF_PAYMENT_DECIDED) ? NGX_OK
                       : (outcome == NGX_OOF_PAYMENT_DECIDED_LATE)
                         ? NGX_DECLINED : NGX_ABORT);
    }

    status = NGX_HTTP_OK;

    switch (outcome) {

    case NGX_OOF_PAYMENT_DECIDED:

        if (d->mismatch) {
            return ngx_oof_payment_decide_refused(o, d->mismatch);
        }

        break;

    case NGX_OOF_PAYMENT_DECIDED_LATE:
        status = NGX_HTTP_CONFLICT;
        break;

    case NGX_OOF_PAYMENT_DECIDED_OTHER:
        return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "CPF_MISMATCH",
                             "Cliente divergente",
                             "O CPF do usuário autenticado não é o de um "
                             "aprovador da conta.");

    default:
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    ngx_oof_payment_col_str(u, 1, 0, NGX_OOF_PAYMENT_DECIDE_STATUS,
                            &consent->status);
    ngx_oof_payment_col_str(u, 1, 0, NGX_OOF_PAYMENT_DECIDE_CODE,
                            &consent->reason_code);
    ngx_oof_payment_col_str(u, 1, 0, NGX_OOF_PAYMENT_DECIDE_DETAIL,
                            &consent->reason_detail);

    consent->status_update = ngx_oof_pg_get_time(u, 1, 0,
                                               NGX_OOF_PAYMENT_DECIDE_UPDATE);
    consent->expiration = ngx_oof_pg_get_time(u, 1, 0,
                                              NGX_OOF_PAYMENT_DECIDE_EXPIRES);

    return ngx_oof_payment_decide_answer(o, status, consent,
                                         status == NGX_HTTP_OK ? &d->debtor
                                                               : NULL);
}


static ngx_int_t
ngx_oof_payment_decide_refused(ngx_oof_request_t *o, const char *code)
{
    return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, code, "Cliente divergente",
                         code[1] == 'P'
                         ? "O CPF do usuário autenticado não é o do "
                           "consentimento."
                         : "O CNPJ da conta não é o do consentimento.");
}


/* the new state, or 409 with the one that the consent has */

static ngx_int_t
ngx_oof_payment_decide_answer(ngx_oof_request_t *o, ngx_uint_t status,
    ngx_oof_payment_consent_t *consent, ngx_str_t *debtor)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');

    if (status == NGX_HTTP_CONFLICT) {
        ngx_str_set(&o->error_code, "ESTADO_CONSENTIMENTO_INVALIDO");

        ngx_oof_json_name(&w, "errors");
        ngx_oof_json_begin(&w, '[');
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "code", &o->error_code);
        ngx_oof_json_name(&w, "title");
        ngx_oof_json_literal(&w, "Estado inválido do consentimento");
        ngx_oof_json_name(&w, "detail");
        ngx_oof_json_literal(&w, "O estado do consentimento não permite esta "
                                 "decisão.");
        ngx_oof_json_end(&w, '}');
        ngx_oof_json_end(&w, ']');
    }

    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &consent->urn);
    ngx_oof_payment_journey_state(&w, consent);

    if (debtor && debtor->len) {
        ngx_oof_json_name(&w, "debtorAccount");
        ngx_oof_json_raw(&w, debtor);
    }

    ngx_oof_json_end(&w, '}');

    ngx_oof_json_name(&w, "meta");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member_time(&w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, status, &body);
}
