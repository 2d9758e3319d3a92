
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_rules.h>
#include <ngx_oof_payment_rules_int.h>


/*
 * A rule of POST /consents: NGX_OK to go on, NGX_DECLINED with the verdict, or
 * NGX_ERROR.
 */

typedef struct {
    ngx_oof_payment_rules_t    *rules;
    json_t                     *data;
    json_t                     *payment;
    ngx_oof_payment_terms_t    *terms;
    ngx_oof_payment_matrix_t   *matrix;
    ngx_oof_payment_verdict_t  *verdict;
} ngx_oof_payment_case_t;

typedef ngx_int_t (*ngx_oof_payment_rule_pt)(ngx_oof_payment_case_t *c);


static ngx_int_t ngx_oof_payment_rule_required(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_schedule(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_terms(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_town(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_currency(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_offered(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_purpose(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_days(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_planned(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_forbidden(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_person(ngx_oof_payment_case_t *c);
static ngx_int_t ngx_oof_payment_rule_code(ngx_oof_payment_case_t *c);

static ngx_int_t ngx_oof_payment_case_refuse(ngx_oof_payment_case_t *c,
    ngx_oof_payment_code_e code, const char *param);
static ngx_uint_t ngx_oof_payment_purpose_fits(
    ngx_oof_payment_terms_t *terms);
static ngx_uint_t ngx_oof_payment_url_due(ngx_str_t *url);


/* the order is that of the codes: presence, form, then what they mean */

static ngx_oof_payment_rule_pt  ngx_oof_payment_consent_rules[] = {
    ngx_oof_payment_rule_required,
    ngx_oof_payment_rule_schedule,
    ngx_oof_payment_rule_terms,
    ngx_oof_payment_rule_town,
    ngx_oof_payment_rule_currency,
    ngx_oof_payment_rule_offered,
    ngx_oof_payment_rule_purpose,
    ngx_oof_payment_rule_days,
    ngx_oof_payment_rule_planned,
    ngx_oof_payment_rule_forbidden,
    ngx_oof_payment_rule_person,
    ngx_oof_payment_rule_code,
    NULL
};


ngx_int_t
ngx_oof_payment_consent_judge(ngx_oof_payment_rules_t *rules, json_t *claims,
    ngx_oof_payment_terms_t *terms, ngx_oof_payment_verdict_t *verdict)
{
    ngx_int_t                 rc, instrument;
    ngx_str_t                 s;
    ngx_oof_payment_case_t    c;
    ngx_oof_payment_rule_pt  *rule;

    ngx_memzero(verdict, sizeof(ngx_oof_payment_verdict_t));
    ngx_memzero(terms, sizeof(ngx_oof_payment_terms_t));

    rc = ngx_oof_payment_syntax(rules, NGX_OOF_AT_CONSENT,
                               ngx_oof_payment_consent_schema(rules->version),
                               claims, verdict);
    if (rc != NGX_OK) {
        return rc;
    }

    c.rules = rules;
    c.data = json_object_get(claims, "data");
    c.payment = json_object_get(c.data, "payment");
    c.terms = terms;
    c.verdict = verdict;

    ngx_oof_payment_member(json_object_get(c.payment, "details"),
                           "localInstrument", &s);

    instrument = ngx_oof_payment_instrument(rules->version, &s);

    if (instrument == NGX_ERROR) {
        return NGX_ERROR;
    }

    c.matrix = &ngx_oof_payment_matrix[instrument];

    for (rule = ngx_oof_payment_consent_rules; *rule; rule++) {
        rc = (*rule)(&c);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* what another member makes necessary */

static ngx_int_t
ngx_oof_payment_rule_required(ngx_oof_payment_case_t *c)
{
    json_t                     *details;
    const char                 *missing;
    ngx_oof_payment_account_t   creditor, debtor;

    details = json_object_get(c->payment, "details");

    ngx_oof_payment_account(details, "creditorAccount", &creditor);
    ngx_oof_payment_account(c->data, "debtorAccount", &debtor);

    missing = NULL;

    if (c->matrix->proxy == NGX_OOF_PAYMENT_REQUIRED
        && json_object_get(details, "proxy") == NULL)
    {
        missing = "payment.details.proxy";

    } else if (c->matrix->qr_code == NGX_OOF_PAYMENT_REQUIRED
               && json_object_get(details, "qrCode") == NULL)
    {
        missing = "payment.details.qrCode";

    } else if (c->rules->version >= 5
               && c->matrix->payload_jws == NGX_OOF_PAYMENT_REQUIRED
               && json_object_get(details, "payloadJWS") == NULL)
    {
        missing = "payment.details.payloadJWS";

    } else if (ngx_oof_payment_no_issuer(&creditor)) {
        missing = "payment.details.creditorAccount.issuer";

    } else if (ngx_oof_payment_no_issuer(&debtor)) {
        missing = "debtorAccount.issuer";
    }

    if (missing == NULL) {
        return NGX_OK;
    }

    return ngx_oof_payment_case_refuse(c,
                                       NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                       missing);
}


static ngx_int_t
ngx_oof_payment_rule_schedule(ngx_oof_payment_case_t *c)
{
    return ngx_oof_payment_schedule_form(c->rules->pool, c->rules->version,
                                         c->payment, &c->terms->schedule,
                                         c->verdict);
}


/* the document is good enough to be read */

static ngx_int_t
ngx_oof_payment_rule_terms(ngx_oof_payment_case_t *c)
{
    return (ngx_oof_payment_terms(c->rules, c->data, c->terms) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* a charge with a due date is asked for with the payer's town (v5) */

static ngx_int_t
ngx_oof_payment_rule_town(ngx_oof_payment_case_t *c)
{
    if (c->terms->has_charge && c->terms->charge.kind == NGX_OOF_CHARGE_DUE
        && c->terms->town.len == 0)
    {
        return ngx_oof_payment_case_refuse(c,
                                         NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                         "payment.ibgeTownCode");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_rule_currency(ngx_oof_payment_case_t *c)
{
    ngx_str_t  real = ngx_string("BRL");

    if (ngx_oof_payment_same(&c->terms->currency, &real)) {
        return NGX_OK;
    }

    return ngx_oof_payment_case_refuse(c, NGX_OOF_CODE_PARAMETRO_INVALIDO,
                                       "payment.currency");
}


static ngx_int_t
ngx_oof_payment_rule_offered(ngx_oof_payment_case_t *c)
{
    u_char     buf[64];
    ngx_str_t  s;

    if (c->rules->instruments & ngx_oof_instrument_bit(c->terms->instrument))
    {
        return NGX_OK;
    }

    s.data = buf;
    s.len = ngx_sprintf(buf, "localInstrument %V", &c->matrix->name) - buf;

    return ngx_oof_payment_refuse(c->rules->pool, c->rules->version,
                                  NGX_OOF_AT_CONSENT,
                                  NGX_OOF_CODE_FORMA_PAGAMENTO_INVALIDA, &s,
                                  c->verdict);
}


static ngx_int_t
ngx_oof_payment_rule_purpose(ngx_oof_payment_case_t *c)
{
    if (c->rules->version < 5 || ngx_oof_payment_purpose_fits(c->terms)) {
        return NGX_OK;
    }

    return ngx_oof_payment_case_refuse(c, NGX_OOF_CODE_PROPOSITO_INVALIDO,
                                       NULL);
}


/*
 * A purpose has its kind of schedule, and withdrawal and change are what the
 * charge, or a static code that names an agent, says they are.  What cannot be
 * read says nothing.
 */

static ngx_uint_t
ngx_oof_payment_purpose_fits(ngx_oof_payment_terms_t *terms)
{
    ngx_uint_t  withdraw, change, unread;

    switch (terms->schedule.kind) {

    case NGX_OOF_SCHEDULE_NONE:
        if (terms->purpose == NGX_OOF_PURPOSE_SINGLE
            || terms->purpose == NGX_OOF_PURPOSE_RECURRENT)
        {
            return 0;
        }

        break;

    case NGX_OOF_SCHEDULE_SINGLE:
        if (terms->purpose != NGX_OOF_PURPOSE_SINGLE) {
            return 0;
        }

        break;

    default:
        if (terms->purpose != NGX_OOF_PURPOSE_RECURRENT) {
            return 0;
        }

        break;
    }

    unread = ngx_oof_payment_matrix[terms->instrument].qr
             && (!terms->has_brcode
                 || (terms->payload_jws.len && !terms->has_charge));

    if (unread) {
        return 1;
    }

    withdraw = (terms->has_charge
                && terms->charge.kind == NGX_OOF_CHARGE_WITHDRAWAL)
               || (terms->has_brcode && terms->brcode.facilitator.len);

    change = terms->has_charge && terms->charge.kind == NGX_OOF_CHARGE_CHANGE;

    return (terms->purpose == NGX_OOF_PURPOSE_WITHDRAW) == withdraw
           && (terms->purpose == NGX_OOF_PURPOSE_CHANGE) == change;
}


static ngx_int_t
ngx_oof_payment_rule_days(ngx_oof_payment_case_t *c)
{
    return ngx_oof_payment_schedule_days(c->rules->pool, c->rules->version,
                                         c->rules->now, &c->terms->schedule,
                                         c->verdict);
}


/*
 * Instruments that cannot be planned for: an initiator's own charge and a
 * dynamic code are paid once; in v4 a dynamic code with a due date not even on
 * one other day.
 */

static ngx_int_t
ngx_oof_payment_rule_planned(ngx_oof_payment_case_t *c)
{
    ngx_uint_t                   good;
    ngx_oof_payment_schedule_e   kind;

    kind = c->terms->schedule.kind;
    good = 1;

    if (kind == NGX_OOF_SCHEDULE_SINGLE) {
        good = !(c->rules->version < 5 && c->matrix->dynamic
                 && ngx_oof_payment_url_due(&c->terms->brcode.url));

    } else if (kind != NGX_OOF_SCHEDULE_NONE) {
        good = c->matrix->recurrent;
    }

    if (good) {
        return NGX_OK;
    }

    return ngx_oof_payment_case_refuse(c,
                                       NGX_OOF_CODE_DATA_PAGAMENTO_INVALIDA,
                                       NULL);
}


/* ".../cobv/...", as the Central Bank's manual makes them */

static ngx_uint_t
ngx_oof_payment_url_due(ngx_str_t *url)
{
    return url->len
           && ngx_strlcasestrn(url->data, url->data + url->len,
                               (u_char *) "/cobv/", 6 - 1)
              != NULL;
}


static ngx_int_t
ngx_oof_payment_rule_forbidden(ngx_oof_payment_case_t *c)
{
    const char  *forbidden;

    forbidden = NULL;

    if (c->matrix->proxy == NGX_OOF_PAYMENT_FORBIDDEN && c->terms->proxy.len) {
        forbidden = "payment.details.proxy";

    } else if (c->matrix->qr_code == NGX_OOF_PAYMENT_FORBIDDEN
               && c->terms->qr_code.len)
    {
        forbidden = "payment.details.qrCode";

    } else if (c->matrix->payload_jws == NGX_OOF_PAYMENT_FORBIDDEN
               && c->terms->payload_jws.len)
    {
        forbidden = "payment.details.payloadJWS";
    }

    if (forbidden == NULL) {
        return NGX_OK;
    }

    return ngx_oof_payment_case_refuse(c,
                                       NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO,
                                       forbidden);
}


/* a person has a CPF, a company a CNPJ */

static ngx_int_t
ngx_oof_payment_rule_person(ngx_oof_payment_case_t *c)
{
    json_t     *creditor;
    ngx_str_t   type, document;
    ngx_str_t   person = ngx_string("PESSOA_NATURAL");

    creditor = json_object_get(c->data, "creditor");

    ngx_oof_payment_member(creditor, "personType", &type);
    ngx_oof_payment_member(creditor, "cpfCnpj", &document);

    if (ngx_oof_payment_same(&type, &person) == (document.len == 11)) {
        return NGX_OK;
    }

    return ngx_oof_payment_case_refuse(c,
                                       NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO,
                                       "creditor.cpfCnpj");
}


/* a QR code that is wrong refuses nothing here, and is told later */

static ngx_int_t
ngx_oof_payment_rule_code(ngx_oof_payment_case_t *c)
{
    uint64_t                 found;
    ngx_oof_payment_code_e   code;

    found = ngx_oof_payment_code_reasons(c->terms);

    if (found == 0) {
        return NGX_OK;
    }

    code = ngx_oof_payment_funnel(c->rules->version,
                                  NGX_OOF_FUNNEL_AUTHORISATION, found, 0);

    return ngx_oof_payment_reject(c->rules->pool, c->rules->version,
                                  NGX_OOF_AT_REJECTED, code, NULL,
                                  c->verdict);
}


static ngx_int_t
ngx_oof_payment_case_refuse(ngx_oof_payment_case_t *c,
    ngx_oof_payment_code_e code, const char *param)
{
    return ngx_oof_payment_refuse_for(c->rules, NGX_OOF_AT_CONSENT, code,
                                      param, c->verdict);
}
