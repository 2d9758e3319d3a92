
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_rules.h>
#include <ngx_oof_payment_rules_int.h>


/* failures of a schema that are looked through for a missing member */
#define NGX_OOF_PAYMENT_FAILURES  64

#define NO    NGX_OOF_PAYMENT_FORBIDDEN
#define MAY   NGX_OOF_PAYMENT_ANY
#define MUST  NGX_OOF_PAYMENT_REQUIRED


static void ngx_oof_payment_path(ngx_str_t *path);
static void ngx_oof_payment_codes_read(ngx_oof_payment_rules_t *rules,
    ngx_oof_payment_terms_t *terms);
static ngx_uint_t ngx_oof_payment_same_key(ngx_str_t *one, ngx_str_t *two);


/*
 *   proxy, qrCode, payloadJWS, transactionIdentification and its length;
 *   by a QR code, a dynamic one, more than one payment, v5 only
 */

ngx_oof_payment_matrix_t  ngx_oof_payment_matrix[] = {

    { ngx_string("MANU"), NO,   NO,   NO,   NO,   0,  0,  0, 0, 1, 0 },
    { ngx_string("DICT"), MUST, NO,   NO,   NO,   0,  0,  0, 0, 1, 0 },
    { ngx_string("INIC"), MUST, NO,   NO,   MUST, 1,  25, 0, 0, 0, 0 },
    { ngx_string("QRES"), MUST, MUST, MAY,  MAY,  1,  25, 1, 0, 1, 0 },
    { ngx_string("QRDN"), MUST, MUST, MUST, MUST, 26, 35, 1, 1, 0, 0 },
    { ngx_string("APES"), MUST, MUST, MAY,  MAY,  1,  25, 1, 0, 0, 1 },
    { ngx_string("APDN"), MUST, MUST, MUST, MUST, 26, 35, 1, 1, 0, 1 }
};


/* by ngx_oof_payment_purpose_e */

static ngx_str_t  ngx_oof_payment_purpose_names[] = {
    ngx_string(""),
    ngx_string("IMMEDIATE"),
    ngx_string("SINGLE_SCHEDULED"),
    ngx_string("RECURRENT_SCHEDULED"),
    ngx_string("WITHDRAW"),
    ngx_string("CHANGE")
};


ngx_int_t
ngx_oof_payment_instrument(ngx_uint_t version, ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_oof_payment_matrix_t  *m;

    for (i = 0; i < NGX_OOF_INSTRUMENTS; i++) {
        m = &ngx_oof_payment_matrix[i];

        if (ngx_oof_payment_same(&m->name, name)) {
            return (m->v5 && version < 5) ? NGX_ERROR : (ngx_int_t) i;
        }
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_oof_payment_purpose(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = NGX_OOF_PURPOSE_IMMEDIATE; i <= NGX_OOF_PURPOSE_CHANGE; i++) {

        if (ngx_oof_payment_same(&ngx_oof_payment_purpose_names[i], name)) {
            return i;
        }
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_oof_payment_syntax(ngx_oof_payment_rules_t *rules,
    ngx_oof_payment_at_e at, ngx_oof_schema_t *schema, json_t *claims,
    ngx_oof_payment_verdict_t *verdict)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_array_t                failures;
    ngx_oof_schema_failure_t  *f;

    if (ngx_array_init(&failures, rules->pool, 4,
                       sizeof(ngx_oof_schema_failure_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_schema_check(rules->pool, schema, claims, &failures,
                              NGX_OOF_PAYMENT_FAILURES);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    f = failures.elts;

    for (i = 0; i < failures.nelts; i++) {

        if (f[i].what == NGX_OOF_SCHEMA_MISSING) {
            ngx_oof_payment_path(&f[i].path);

            return ngx_oof_payment_refuse(rules->pool, rules->version, at,
                                          NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                          &f[i].path, verdict);
        }
    }

    ngx_oof_payment_path(&f[0].path);

    rc = ngx_oof_payment_refuse(rules->pool, rules->version, at,
                                NGX_OOF_CODE_PARAMETRO_INVALIDO, &f[0].path,
                                verdict);

    /* an endToEndId of a day that does not exist has a text of its own */

    if (at == NGX_OOF_AT_PAYMENT && f[0].what == NGX_OOF_SCHEMA_DATE) {
        ngx_str_set(&verdict->detail, "Data de liquidação inválida");
    }

    return rc;
}


/* "data.payment.amount", "data[3].payment.amount": the name begins after it */

static void
ngx_oof_payment_path(ngx_str_t *path)
{
    u_char  *p, *last;

    last = path->data + path->len;
    p = ngx_strlchr(path->data, last, '.');

    if (p) {
        path->data = p + 1;
        path->len = last - path->data;
    }
}


ngx_int_t
ngx_oof_payment_refuse_for(ngx_oof_payment_rules_t *rules,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, const char *param,
    ngx_oof_payment_verdict_t *verdict)
{
    ngx_str_t  s;

    s.data = (u_char *) param;
    s.len = param ? ngx_strlen(param) : 0;

    return ngx_oof_payment_refuse(rules->pool, rules->version, at, code, &s,
                                  verdict);
}


void
ngx_oof_payment_member(json_t *object, const char *name, ngx_str_t *value)
{
    if (ngx_oof_json_get_str(object, name, value) != NGX_OK) {
        ngx_str_set(value, "");
    }
}


void
ngx_oof_payment_account(json_t *object, const char *name,
    ngx_oof_payment_account_t *account)
{
    json_t  *value;

    value = json_object_get(object, name);

    ngx_oof_payment_member(value, "ispb", &account->ispb);
    ngx_oof_payment_member(value, "issuer", &account->issuer);
    ngx_oof_payment_member(value, "number", &account->number);
    ngx_oof_payment_member(value, "accountType", &account->type);
}


ngx_uint_t
ngx_oof_payment_no_issuer(ngx_oof_payment_account_t *account)
{
    ngx_str_t  cacc = ngx_string("CACC");
    ngx_str_t  svgs = ngx_string("SVGS");

    return account->issuer.len == 0
           && (ngx_oof_payment_same(&account->type, &cacc)
               || ngx_oof_payment_same(&account->type, &svgs));
}


ngx_uint_t
ngx_oof_payment_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && (one->len == 0
               || ngx_memcmp(one->data, two->data, one->len) == 0);
}


ngx_uint_t
ngx_oof_payment_same_account(ngx_oof_payment_account_t *debtor,
    ngx_oof_payment_account_t *creditor)
{
    if (debtor->issuer.len && creditor->issuer.len
        && !ngx_oof_payment_same(&debtor->issuer, &creditor->issuer))
    {
        return 0;
    }

    return debtor->type.len
           && ngx_oof_payment_same(&debtor->ispb, &creditor->ispb)
           && ngx_oof_payment_same(&debtor->number, &creditor->number)
           && ngx_oof_payment_same(&debtor->type, &creditor->type);
}


ngx_int_t
ngx_oof_payment_terms(ngx_oof_payment_rules_t *rules, json_t *data,
    ngx_oof_payment_terms_t *terms)
{
    json_t     *payment, *details;
    ngx_int_t   instrument, purpose;
    ngx_str_t   s;

    ngx_memzero(terms, sizeof(ngx_oof_payment_terms_t));

    payment = json_object_get(data, "payment");
    details = json_object_get(payment, "details");

    ngx_oof_payment_member(json_object_get(json_object_get(data,
                                                           "loggedUser"),
                                           "document"),
                           "identification", &terms->cpf);

    ngx_oof_payment_member(json_object_get(json_object_get(data,
                                                           "businessEntity"),
                                           "document"),
                           "identification", &terms->cnpj);

    ngx_oof_payment_member(details, "localInstrument", &s);
    instrument = ngx_oof_payment_instrument(rules->version, &s);

    ngx_oof_payment_member(payment, "amount", &s);
    terms->amount = ngx_oof_payment_amount(&s);

    if (instrument == NGX_ERROR || terms->amount <= 0) {
        return NGX_DECLINED;
    }

    terms->instrument = instrument;

    ngx_oof_payment_member(payment, "purpose", &s);
    purpose = ngx_oof_payment_purpose(&s);

    if (rules->version >= 5 && purpose != NGX_ERROR) {
        terms->purpose = purpose;
    }

    ngx_oof_payment_member(payment, "currency", &terms->currency);
    ngx_oof_payment_member(payment, "ibgeTownCode", &terms->town);
    ngx_oof_payment_member(details, "proxy", &terms->proxy);
    ngx_oof_payment_member(details, "qrCode", &terms->qr_code);

    if (rules->version >= 5) {
        ngx_oof_payment_member(details, "payloadJWS", &terms->payload_jws);
    }

    ngx_oof_payment_account(details, "creditorAccount", &terms->creditor);
    ngx_oof_payment_account(data, "debtorAccount", &terms->debtor);

    ngx_oof_payment_codes_read(rules, terms);

    return ngx_oof_payment_schedule_expand(payment, &terms->schedule);
}


/* what cannot be read is told by ngx_oof_payment_code_reasons() */

static void
ngx_oof_payment_codes_read(ngx_oof_payment_rules_t *rules,
    ngx_oof_payment_terms_t *terms)
{
    const char                *why;
    ngx_oof_payment_matrix_t  *m;

    m = &ngx_oof_payment_matrix[terms->instrument];

    if (!m->qr) {
        return;
    }

    if (ngx_oof_payment_brcode_parse(&terms->qr_code, &terms->brcode, &why)
        == NGX_OK)
    {
        terms->has_brcode = 1;

    } else {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, rules->pool->log, 0,
                       "oof payment: no BR Code: %s", why);
    }

    if (!m->dynamic || terms->payload_jws.len == 0) {
        return;
    }

    if (ngx_oof_payment_charge_parse(rules->pool, &terms->payload_jws,
                                     &terms->charge, &why)
        == NGX_OK)
    {
        terms->has_charge = 1;

    } else {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, rules->pool->log, 0,
                       "oof payment: no charge: %s", why);
    }
}


uint64_t
ngx_oof_payment_code_reasons(ngx_oof_payment_terms_t *terms)
{
    uint64_t                   reasons;
    ngx_oof_payment_matrix_t  *m;

    m = &ngx_oof_payment_matrix[terms->instrument];

    if (!m->qr) {
        return 0;
    }

    if (!terms->has_brcode || terms->brcode.dynamic != m->dynamic) {
        return ngx_oof_payment_code_bit(NGX_OOF_CODE_QRCODE_INVALIDO);
    }

    reasons = 0;

    if (!m->dynamic) {

        if (!ngx_oof_payment_same_key(&terms->brcode.key, &terms->proxy)) {
            reasons |= ngx_oof_payment_code_bit(NGX_OOF_CODE_QRCODE_INVALIDO);
        }

        if (terms->brcode.amount && terms->brcode.amount != terms->amount) {
            reasons |= ngx_oof_payment_code_bit(NGX_OOF_CODE_VALOR_INVALIDO);
        }

        return reasons;
    }

    /* in v4 the charge is the core's to fetch */

    if (terms->payload_jws.len == 0) {
        return 0;
    }

    if (!terms->has_charge) {
        return ngx_oof_payment_code_bit(NGX_OOF_CODE_QRCODE_INVALIDO);
    }

    if (!ngx_oof_payment_same_key(&terms->charge.key, &terms->proxy)) {
        reasons |= ngx_oof_payment_code_bit(NGX_OOF_CODE_QRCODE_INVALIDO);
    }

    if (!ngx_oof_payment_charge_pays(&terms->charge, terms->amount)) {
        reasons |= ngx_oof_payment_code_bit(NGX_OOF_CODE_VALOR_INVALIDO);
    }

    return reasons;
}


/* random keys and e-mail addresses are the same in letters of either case */

static ngx_uint_t
ngx_oof_payment_same_key(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_strncasecmp(one->data, two->data, one->len) == 0;
}
