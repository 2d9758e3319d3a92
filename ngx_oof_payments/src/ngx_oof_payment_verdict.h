
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_VERDICT_H_INCLUDED_
#define _NGX_OOF_PAYMENT_VERDICT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The codes of the payments APIs, with their texts, and what the rules say of
 * a request.  A code is used in several places, with a text for each, and not
 * in all of them, nor in both versions: the table of ngx_oof_payment_verdict.c
 * is the one place that knows (spec 2.12 to 2.14).
 *
 * The enumeration has the wire names; sets of codes are masks of 64 bits.
 */

typedef enum {
    NGX_OOF_CODE_NONE = 0,

    NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
    NGX_OOF_CODE_PARAMETRO_INVALIDO,
    NGX_OOF_CODE_ERRO_IDEMPOTENCIA,
    NGX_OOF_CODE_FORMA_PAGAMENTO_INVALIDA,
    NGX_OOF_CODE_DATA_PAGAMENTO_INVALIDA,
    NGX_OOF_CODE_PROPOSITO_INVALIDO,
    NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO,
    NGX_OOF_CODE_NAO_INFORMADO,

    NGX_OOF_CODE_CONSENTIMENTO_INVALIDO,
    NGX_OOF_CODE_CONSENTIMENTO_PENDENTE_AUTORIZACAO,
    NGX_OOF_CODE_PAGAMENTO_DIVERGENTE_CONSENTIMENTO,
    NGX_OOF_CODE_SALDO_INSUFICIENTE,
    NGX_OOF_CODE_VALOR_ACIMA_LIMITE,
    NGX_OOF_CODE_VALOR_INVALIDO,
    NGX_OOF_CODE_COBRANCA_INVALIDA,
    NGX_OOF_CODE_PAGAMENTO_RECUSADO_DETENTORA,
    NGX_OOF_CODE_PAGAMENTO_RECUSADO_SPI,
    NGX_OOF_CODE_CONTA_NAO_PERMITE_PAGAMENTO,
    NGX_OOF_CODE_QRCODE_INVALIDO,
    NGX_OOF_CODE_PAGAMENTO_NAO_PERMITE_CANCELAMENTO,

    /* reasons only */
    NGX_OOF_CODE_AUTENTICACAO_DIVERGENTE,
    NGX_OOF_CODE_CONTAS_ORIGEM_DESTINO_IGUAIS,
    NGX_OOF_CODE_FALHA_INFRAESTRUTURA,
    NGX_OOF_CODE_TEMPO_EXPIRADO_AUTORIZACAO,
    NGX_OOF_CODE_TEMPO_EXPIRADO_CONSUMO,
    NGX_OOF_CODE_REJEITADO_USUARIO,
    NGX_OOF_CODE_PERMISSAO_INSUFICIENTE,
    NGX_OOF_CODE_FALHA_INFRAESTRUTURA_SPI,
    NGX_OOF_CODE_FALHA_INFRAESTRUTURA_DICT,
    NGX_OOF_CODE_FALHA_INFRAESTRUTURA_ICP,
    NGX_OOF_CODE_FALHA_INFRAESTRUTURA_PSP_RECEBEDOR,
    NGX_OOF_CODE_FALHA_INFRAESTRUTURA_DETENTORA,
    NGX_OOF_CODE_FALHA_AGENDAMENTO_PAGAMENTOS,
    NGX_OOF_CODE_CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO,

    NGX_OOF_CODES                            /* how many there are */
} ngx_oof_payment_code_e;

#define ngx_oof_payment_code_bit(code)  ((uint64_t) 1 << (code))


/* where a code is used */

typedef enum {
    NGX_OOF_AT_CONSENT = 0,    /* 422 of POST /consents */
    NGX_OOF_AT_PAYMENT,        /* 422 of POST /pix/payments */
    NGX_OOF_AT_CANCEL,         /* 422 of the PATCHes */
    NGX_OOF_AT_REJECTED,       /* rejectionReason of a consent */
    NGX_OOF_AT_RJCT,           /* rejectionReason of a payment, answers to
                                * POST and PATCH */
    NGX_OOF_AT_RJCT_GET        /* the same, answers to GET */
} ngx_oof_payment_at_e;


/*
 * What the rules say before any state is looked at (design: the verdict is a
 * parameter of the write unit).  "status" is
 *
 *     0     nothing is wrong;
 *     422   refused with code, title, detail;
 *     201   accepted, and then REJECTED (consent) or RJCT (all payments of the
 *           request) with code and detail as the rejectionReason.
 *
 * "rank" says how a refusal stands to the state of the consent, which is known
 * only under its row lock: a SYNTAX verdict comes before it, a RULE verdict
 * after CONSENTIMENTO_INVALIDO and CONSENTIMENTO_PENDENTE_AUTORIZACAO.
 */

#define NGX_OOF_VERDICT_SYNTAX  0
#define NGX_OOF_VERDICT_RULE    1

typedef struct {
    ngx_uint_t               status;
    ngx_uint_t               rank;
    ngx_oof_payment_code_e   id;
    ngx_str_t                code;
    ngx_str_t                title;      /* empty when "status" is 201 */
    ngx_str_t                detail;
} ngx_oof_payment_verdict_t;


/*
 * Fills "verdict" with the texts of "code" at "at" in "version" (4 or 5).
 * "param" replaces the bracketed word of the detail ("[nome_campo]"), or is
 * the detail where that is the reason in words; NULL takes a neutral one, and
 * what is too long is cut.  A code that is not of this place and version is
 * replaced as ngx_oof_payment_code_at() says.  Its rank is SYNTAX for
 * PARAMETRO_NAO_INFORMADO, PARAMETRO_INVALIDO and ERRO_IDEMPOTENCIA.  Always
 * returns NGX_DECLINED, or NGX_ERROR without memory, so that a rule may say
 * "return ngx_oof_payment_refuse(…)".
 */
ngx_int_t ngx_oof_payment_refuse(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, ngx_str_t *param,
    ngx_oof_payment_verdict_t *verdict);

/*
 * Fills "verdict" with "status" 201 and a rejectionReason; "at" is
 * NGX_OOF_AT_REJECTED or NGX_OOF_AT_RJCT_GET.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_reject(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, ngx_str_t *param,
    ngx_oof_payment_verdict_t *verdict);

/*
 * The code that is sent for "code" at "at" in "version": itself where it is
 * allowed, else the nearest one that is, e.g. a v5 reason in a v4 answer; the
 * detail that was stored with it stays.  At last NAO_INFORMADO, or in a PATCH
 * PAGAMENTO_NAO_PERMITE_CANCELAMENTO, which are always allowed.
 */
ngx_oof_payment_code_e ngx_oof_payment_code_at(ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code);

/*
 * The detail of a code at a place (a title at none), with "param" as above;
 * lives in "pool".  NGX_DECLINED when the code is not of this place.
 */
ngx_int_t ngx_oof_payment_detail(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, ngx_str_t *param,
    ngx_str_t *detail);

/* wire name of a code, and back; NGX_OOF_CODE_NONE for a name of no code */
ngx_str_t *ngx_oof_payment_code_name(ngx_oof_payment_code_e code);
ngx_oof_payment_code_e ngx_oof_payment_code(ngx_str_t *name);

/* all codes that are allowed at a place, as a mask */
uint64_t ngx_oof_payment_codes(ngx_uint_t version, ngx_oof_payment_at_e at);


/*
 * The funnel of a consent (spec 2.12): at each step a list of the reasons that
 * are looked for there, the first one that applies is the one to be told.
 */

typedef enum {
    NGX_OOF_FUNNEL_STARTED = 0,        /* authentication begins (FAPI) */
    NGX_OOF_FUNNEL_AUTHENTICATED,      /* authentication is over */
    NGX_OOF_FUNNEL_AUTHORISATION,      /* the customer decides */
    NGX_OOF_FUNNEL_ISSUED,             /* the code was issued */
    NGX_OOF_FUNNEL_JSR                 /* authorised without redirection */
} ngx_oof_payment_funnel_e;


/*
 * The first reason of "step" in "version" that is in the mask "found";
 * NGX_OOF_CODE_NONE when none of them belongs to the step.  "scheduled"
 * consents are never rejected for SALDO_INSUFICIENTE.
 */
ngx_oof_payment_code_e ngx_oof_payment_funnel(ngx_uint_t version,
    ngx_oof_payment_funnel_e step, uint64_t found, ngx_uint_t scheduled);


#endif /* _NGX_OOF_PAYMENT_VERDICT_H_INCLUDED_ */
