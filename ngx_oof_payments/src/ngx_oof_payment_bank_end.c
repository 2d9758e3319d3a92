
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_bank.h>


/*
 * The bank ends a consent to pay that was not used yet, or tells what all who
 * must agree to it have decided.  What is paid already is cancelled payment by
 * payment.
 */


#define NGX_OOF_PAYMENT_BANK_DETAIL  2048


/* a word of the platform, and the regulation's */

typedef struct {
    const char              *name;
    ngx_oof_payment_code_e   code;       /* NONE: only time has that reason */
} ngx_oof_payment_bank_word_t;


/* one of the forms in which a consent is ended */

typedef struct {
    const char                   *member;    /* "rejection" */
    const char                   *path;      /* of the reason's code */
    const char                   *by;        /* who, or NULL */
    ngx_oof_payment_bank_word_t  *words;     /* NULL: the regulation's */
} ngx_oof_payment_bank_form_t;


typedef struct {
    ngx_oof_payment_code_e   code;
    ngx_str_t                detail;
} ngx_oof_payment_bank_reason_t;


static ngx_int_t ngx_oof_payment_bank_revoked(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_rejected(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_ended(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_by(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_payment_bank_form_t *form);
static ngx_int_t ngx_oof_payment_bank_read(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_payment_bank_form_t *form,
    ngx_oof_payment_bank_reason_t *reason);
static ngx_int_t ngx_oof_payment_bank_code(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_payment_bank_form_t *form,
    json_t *data, ngx_oof_payment_code_e *code);
static ngx_oof_payment_code_e ngx_oof_payment_bank_regulated(
    ngx_oof_payment_journey_t *j, ngx_str_t *name);
static ngx_int_t ngx_oof_payment_bank_may(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_oof_payment_code_e code);
static ngx_int_t ngx_oof_payment_bank_over(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_bank_end_done(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_int_t rc);
static ngx_int_t ngx_oof_payment_bank_agreed(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);
static ngx_int_t ngx_oof_payment_bank_agree_done(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_int_t rc);
static ngx_int_t ngx_oof_payment_bank_not_waiting(ngx_oof_request_t *o);


#define c(name)  NGX_OOF_CODE_ ## name


static ngx_oof_payment_bank_word_t  ngx_oof_payment_bank_revoke_words[] = {
    { "FRAUD", c(NAO_INFORMADO) },
    { "ACCOUNT_CLOSURE", c(CONTA_NAO_PERMITE_PAGAMENTO) },
    { "OTHER", c(NAO_INFORMADO) },
    { NULL, c(NONE) }
};


static ngx_oof_payment_bank_word_t  ngx_oof_payment_bank_reject_words[] = {
    { "CONSENT_EXPIRED", c(NONE) },
    { "CONSENT_MAX_DATE_REACHED", c(NONE) },
    { "CUSTOMER_MANUALLY_REJECTED", c(REJEITADO_USUARIO) },
    { "CUSTOMER_MANUALLY_REVOKED", c(REJEITADO_USUARIO) },
    { "CONSENT_TECHNICAL_ISSUE", c(FALHA_INFRAESTRUTURA) },
    { "INTERNAL_SECURITY_REASON", c(NAO_INFORMADO) },
    { NULL, c(NONE) }
};


static ngx_oof_payment_bank_word_t  ngx_oof_payment_bank_revocations[] = {
    { "NAO_INFORMADO", c(NAO_INFORMADO) },
    { "REVOGADO_USUARIO", c(REJEITADO_USUARIO) },
    { "REVOGADO_RECEBEDOR", c(NAO_INFORMADO) },
    { NULL, c(NONE) }
};


/* PATCH /v1/consents/{consentId}, the older form */

static ngx_oof_payment_bank_form_t  ngx_oof_payment_bank_revoke_form = {
    "revocation", "data.revocation.reason.code", "revokedBy",
    ngx_oof_payment_bank_revoke_words
};

/* PATCH /consents/v1/consents/{consentId} */

static ngx_oof_payment_bank_form_t  ngx_oof_payment_bank_reject_form = {
    "rejection", "data.rejection.reason.code", NULL,
    ngx_oof_payment_bank_reject_words
};

/* PATCH /payments/v1/consents/{consentId}, either of them */

static ngx_oof_payment_bank_form_t  ngx_oof_payment_bank_rejection_form = {
    "rejection", "data.rejection.reason.code", NULL, NULL
};

static ngx_oof_payment_bank_form_t  ngx_oof_payment_bank_revocation_form = {
    "revocation", "data.revocation.reason.code", NULL,
    ngx_oof_payment_bank_revocations
};


ngx_int_t
ngx_oof_payment_bank_revoke(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_revoked);
}


ngx_int_t
ngx_oof_payment_bank_reject(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_rejected);
}


ngx_int_t
ngx_oof_payment_bank_end(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_ended);
}


ngx_int_t
ngx_oof_payment_bank_agree(ngx_oof_request_t *o)
{
    return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_agreed);
}


static ngx_int_t
ngx_oof_payment_bank_revoked(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    return ngx_oof_payment_bank_by(o, j, &ngx_oof_payment_bank_revoke_form);
}


static ngx_int_t
ngx_oof_payment_bank_rejected(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    return ngx_oof_payment_bank_by(o, j, &ngx_oof_payment_bank_reject_form);
}


static ngx_int_t
ngx_oof_payment_bank_ended(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j)
{
    return ngx_oof_payment_bank_by(o, j, NULL);
}


/* no form: what the body has */

static ngx_int_t
ngx_oof_payment_bank_by(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j,
    ngx_oof_payment_bank_form_t *form)
{
    ngx_int_t                       rc;
    ngx_oof_payment_bank_reason_t   reason;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK && form == NULL) {
        form = json_object_get(json_object_get(o->json, "data"), "revocation")
               ? &ngx_oof_payment_bank_revocation_form
               : &ngx_oof_payment_bank_rejection_form;
    }

    if (rc == NGX_OK) {
        ngx_memzero(&reason, sizeof(ngx_oof_payment_bank_reason_t));
        rc = ngx_oof_payment_bank_read(o, j, form, &reason);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_payment_bank_may(o, j, reason.code);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_payment_decide_bank(o, j, NGX_OOF_PAYMENT_CONSENT_REJECTED,
                                       reason.code, &reason.detail,
                                       ngx_oof_payment_bank_end_done);
}


/* its words are told to third parties where they are the reason's detail */

static ngx_int_t
ngx_oof_payment_bank_read(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j,
    ngx_oof_payment_bank_form_t *form, ngx_oof_payment_bank_reason_t *reason)
{
    json_t     *data, *detail;
    ngx_int_t   rc;

    data = json_object_get(json_object_get(o->json, "data"), form->member);

    rc = ngx_oof_payment_bank_code(o, j, form, data, &reason->code);

    if (rc != NGX_OK) {
        return rc;
    }

    detail = json_object_get(json_object_get(data, "reason"), "detail");

    if (detail == NULL) {
        return (form == &ngx_oof_payment_bank_rejection_form)
               ? ngx_oof_payment_bad_path(o, "data.rejection.reason.detail", 1)
               : NGX_OK;
    }

    if (ngx_oof_json_get_str(json_object_get(data, "reason"), "detail",
                             &reason->detail)
        != NGX_OK
        || reason->detail.len == 0
        || reason->detail.len > NGX_OOF_PAYMENT_BANK_DETAIL
        || !ngx_oof_json_is_text(&reason->detail))
    {
        return ngx_oof_payment_bad_path(o, "data.reason.detail", 0);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_bank_code(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j,
    ngx_oof_payment_bank_form_t *form, json_t *data,
    ngx_oof_payment_code_e *code)
{
    ngx_str_t                     name, by;
    ngx_oof_payment_bank_word_t  *word;

    if (ngx_oof_json_get_str(json_object_get(data, "reason"), "code", &name)
        != NGX_OK)
    {
        return ngx_oof_payment_bad_path(o, form->path, 1);
    }

    if (form->words == NULL) {
        *code = ngx_oof_payment_bank_regulated(j, &name);

        return (*code == NGX_OOF_CODE_NONE)
               ? ngx_oof_payment_bad_path(o, form->path, 0) : NGX_OK;
    }

    for (word = form->words; word->name; word++) {

        if (ngx_strcmp(name.data, word->name) == 0) {
            break;
        }
    }

    if (word->name == NULL) {
        return ngx_oof_payment_bad_path(o, form->path, 0);
    }

    /* "other" of the customer is his wish */

    *code = word->code;

    if (form->by && *code == NGX_OOF_CODE_NAO_INFORMADO && name.data[0] == 'O'
        && ngx_oof_json_get_str(data, form->by, &by) == NGX_OK
        && ngx_strcmp(by.data, "USER") == 0)
    {
        *code = NGX_OOF_CODE_REJEITADO_USUARIO;
    }

    return NGX_OK;
}


/* NONE: it is no reason of a consent of this version */

static ngx_oof_payment_code_e
ngx_oof_payment_bank_regulated(ngx_oof_payment_journey_t *j, ngx_str_t *name)
{
    ngx_oof_payment_code_e  code;

    if (ngx_strcmp(name->data, "CONTA_DIVERGENTE_DA_SOLICITADA") == 0) {
        return NGX_OOF_CODE_CONTA_NAO_PERMITE_PAGAMENTO;
    }

    code = ngx_oof_payment_code(name);

    return (ngx_oof_payment_codes(j->consent.api, NGX_OOF_AT_REJECTED)
            & ngx_oof_payment_code_bit(code))
           ? code : NGX_OOF_CODE_NONE;
}


static ngx_int_t
ngx_oof_payment_bank_may(ngx_oof_request_t *o, ngx_oof_payment_journey_t *j,
    ngx_oof_payment_code_e code)
{
    if (code == NGX_OOF_CODE_NONE
        || code == NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO
        || code == NGX_OOF_CODE_TEMPO_EXPIRADO_CONSUMO)
    {
        (void) ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "MOTIVO_NAO_PERMITIDO", "Motivo não permitido",
                             "Só o tempo encerra um consentimento com o "
                             "motivo informado.");
        return NGX_DECLINED;
    }

    if (!j->own) {
        (void) ngx_oof_payment_not_own(o);
        return NGX_DECLINED;
    }

    /* a customer's token acts for that customer alone */

    if (ngx_oof_bank_customer(o) && code != NGX_OOF_CODE_REJEITADO_USUARIO) {
        (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                             "Acesso negado",
                             "O token de um cliente só encerra o "
                             "consentimento por vontade do cliente.");
        return NGX_DECLINED;
    }

    if (ngx_oof_payment_consent_is(&j->consent,
                                   NGX_OOF_PAYMENT_CONSENT_CONSUMED)
        || ngx_oof_payment_consent_is(&j->consent,
                                      NGX_OOF_PAYMENT_CONSENT_REJECTED))
    {
        (void) ngx_oof_payment_bank_over(o);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_bank_over(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                         "CONSENTIMENTO_EM_STATUS_REJEITADO",
                         "Consentimento em status final",
                         "O consentimento informado já foi encerrado ou "
                         "consumido; pagamentos são cancelados um a um.");
}


static ngx_int_t
ngx_oof_payment_bank_end_done(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        return ngx_oof_payment_journey_read(o, ngx_oof_payment_bank_tell);
    }

    return (rc == NGX_DECLINED) ? ngx_oof_payment_bank_over(o)
                                : ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
}


static ngx_int_t
ngx_oof_payment_bank_agreed(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j)
{
    json_t     *authorised;
    ngx_int_t   rc;
    ngx_str_t   detail;

    rc = ngx_oof_bank_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_request_json(o);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    authorised = json_object_get(json_object_get(o->json, "data"),
                                 "authorised");

    if (!json_is_boolean(authorised)) {
        rc = ngx_oof_payment_bad_path(o, "data.authorised",
                                      authorised == NULL);
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (!ngx_oof_payment_consent_is(&j->consent,
                                    NGX_OOF_PAYMENT_CONSENT_PARTIAL))
    {
        return ngx_oof_payment_bank_not_waiting(o);
    }

    ngx_str_null(&detail);

    return ngx_oof_payment_decide_bank(o, j,
                                       json_is_true(authorised)
                                       ? NGX_OOF_PAYMENT_CONSENT_AUTHORISED
                                       : NGX_OOF_PAYMENT_CONSENT_REJECTED,
                                       json_is_true(authorised)
                                       ? NGX_OOF_CODE_NONE
                                       : NGX_OOF_CODE_REJEITADO_USUARIO,
                                       &detail,
                                       ngx_oof_payment_bank_agree_done);
}


static ngx_int_t
ngx_oof_payment_bank_agree_done(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);
    }

    return (rc == NGX_DECLINED) ? ngx_oof_payment_bank_not_waiting(o)
                                : ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
}


static ngx_int_t
ngx_oof_payment_bank_not_waiting(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                         "ESTADO_CONSENTIMENTO_INVALIDO",
                         "Estado inválido do consentimento",
                         "O consentimento não aguarda a autorização de "
                         "aprovadores.");
}
