
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_verdict.h>


/* versions and places of a text */

#define V4         1
#define V5         2
#define BOTH       (V4|V5)

/* what is put into a detail, which has at most 2048 characters */
#define NGX_OOF_PAYMENT_PARAM  1800

#define at(place)  (1 << NGX_OOF_AT_ ## place)
#define RJCT       (at(RJCT)|at(RJCT_GET))


/*
 * A text of a code.  What is in brackets in "detail" is replaced; "neutral"
 * stands for it where nothing more is known.
 */

typedef struct {
    ngx_oof_payment_code_e   code;
    ngx_uint_t               versions;
    ngx_uint_t               places;
    const char              *title;
    const char              *detail;
    const char              *neutral;
} ngx_oof_payment_text_t;


/* a code that stands for another one where that is not allowed */

typedef struct {
    ngx_oof_payment_code_e   code;
    ngx_oof_payment_code_e   instead;
} ngx_oof_payment_instead_t;


static ngx_oof_payment_text_t *ngx_oof_payment_text(ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code);
static ngx_int_t ngx_oof_payment_fill(ngx_pool_t *pool,
    ngx_oof_payment_text_t *text, ngx_str_t *param, ngx_str_t *detail);


#define c(name)  ngx_string(#name)

static ngx_str_t  ngx_oof_payment_code_names[] = {
    ngx_string(""),
    c(PARAMETRO_NAO_INFORMADO),
    c(PARAMETRO_INVALIDO),
    c(ERRO_IDEMPOTENCIA),
    c(FORMA_PAGAMENTO_INVALIDA),
    c(DATA_PAGAMENTO_INVALIDA),
    c(PROPOSITO_INVALIDO),
    c(DETALHE_PAGAMENTO_INVALIDO),
    c(NAO_INFORMADO),
    c(CONSENTIMENTO_INVALIDO),
    c(CONSENTIMENTO_PENDENTE_AUTORIZACAO),
    c(PAGAMENTO_DIVERGENTE_CONSENTIMENTO),
    c(SALDO_INSUFICIENTE),
    c(VALOR_ACIMA_LIMITE),
    c(VALOR_INVALIDO),
    c(COBRANCA_INVALIDA),
    c(PAGAMENTO_RECUSADO_DETENTORA),
    c(PAGAMENTO_RECUSADO_SPI),
    c(CONTA_NAO_PERMITE_PAGAMENTO),
    c(QRCODE_INVALIDO),
    c(PAGAMENTO_NAO_PERMITE_CANCELAMENTO),
    c(AUTENTICACAO_DIVERGENTE),
    c(CONTAS_ORIGEM_DESTINO_IGUAIS),
    c(FALHA_INFRAESTRUTURA),
    c(TEMPO_EXPIRADO_AUTORIZACAO),
    c(TEMPO_EXPIRADO_CONSUMO),
    c(REJEITADO_USUARIO),
    c(PERMISSAO_INSUFICIENTE),
    c(FALHA_INFRAESTRUTURA_SPI),
    c(FALHA_INFRAESTRUTURA_DICT),
    c(FALHA_INFRAESTRUTURA_ICP),
    c(FALHA_INFRAESTRUTURA_PSP_RECEBEDOR),
    c(FALHA_INFRAESTRUTURA_DETENTORA),
    c(FALHA_AGENDAMENTO_PAGAMENTOS),
    c(CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO)
};

#undef c
#define c(name)  NGX_OOF_CODE_ ## name


static const char  ngx_oof_payment_conflict[] =
    "Conteúdo da mensagem (claim data) diverge do conteúdo associado a "
    "esta chave de idempotência (x-idempotency-key).";

static const char  ngx_oof_payment_purpose_text[] =
    "O propósito informado é incompatível com os dados presentes na "
    "transação.";

static const char  ngx_oof_payment_pending_text[] =
    "Consentimento pendente autorização de múltiplas alçadas (status "
    "“PARTIALLY_ACCEPTED”).";

static const char  ngx_oof_payment_account_text[] =
    "A conta selecionada é do tipo [salario/investimento/liquidação/"
    "outros] e não permite realizar esse pagamento.";

static const char  ngx_oof_payment_qr_text[] =
    "O QRCode utilizado para a iniciação de pagamento não é válido.";

static const char  ngx_oof_payment_value_text[] =
    "O valor enviado não é válido para o QR Code informado.";

static const char  ngx_oof_payment_balance_text[] =
    "A conta selecionada não possui saldo suficiente para realizar o "
    "pagamento.";

static const char  ngx_oof_payment_limit_text[] =
    "O valor ultrapassa o limite estabelecido [na instituição/no "
    "arranjo/outro] para permitir a realização de transações pelo cliente.";

static const char  ngx_oof_payment_field_text[] =
    "Parâmetro [nome_campo] não obedece às regras de negócio.";

static const char  ngx_oof_payment_unsaid_text[] =
    "Não reportado/identificado pela instituição detentora de conta.";

static const char  ngx_oof_payment_equal_text[] =
    "A conta selecionada é igual à conta destino e não permite realizar "
    "esse pagamento.";

static const char  ngx_oof_payment_refused_text[] =
    "Pagamento recusado pela detentora de conta.";


/* the first row of a code that has the place and the version is the one */

static ngx_oof_payment_text_t  ngx_oof_payment_texts[] = {

    /* refusals of POST /consents */

    { c(PARAMETRO_NAO_INFORMADO), BOTH, at(CONSENT),
      "Parâmetro não informado.",
      "Parâmetro [nome_campo] obrigatório não informado.", "data" },

    { c(PARAMETRO_INVALIDO), BOTH, at(CONSENT),
      "Parâmetro inválido.",
      "Parâmetro [nome_campo] não obedece as regras de formatação "
      "esperadas.", "data" },

    { c(ERRO_IDEMPOTENCIA), BOTH, at(CONSENT)|at(PAYMENT),
      "Erro idempotência.",
      ngx_oof_payment_conflict, NULL },

    { c(FORMA_PAGAMENTO_INVALIDA), BOTH, at(CONSENT),
      "Forma de pagamento inválida.",
      "Forma de pagamento [Modalidade] não suportada.", "informada" },

    { c(DATA_PAGAMENTO_INVALIDA), BOTH, at(CONSENT),
      "Data de pagamento inválida.",
      "Data de pagamento inválida para a forma de pagamento selecionada.",
      NULL },

    { c(PROPOSITO_INVALIDO), V5, at(CONSENT),
      ngx_oof_payment_purpose_text,
      ngx_oof_payment_purpose_text, NULL },

    { c(DETALHE_PAGAMENTO_INVALIDO), BOTH, at(CONSENT)|at(PAYMENT)|RJCT,
      "Detalhe do pagamento inválido.",
      ngx_oof_payment_field_text, "informado" },

    { c(NAO_INFORMADO), BOTH, at(CONSENT)|at(PAYMENT)|RJCT,
      "Não informado.",
      ngx_oof_payment_unsaid_text, NULL },

    /* refusals of POST /pix/payments */

    { c(PARAMETRO_NAO_INFORMADO), BOTH, at(PAYMENT),
      "Parâmetro obrigatório não informado.",
      "[endToEndId]", "data" },

    { c(PARAMETRO_INVALIDO), BOTH, at(PAYMENT),
      "Parâmetro com valor inválido.",
      "[endToEndId]", "data" },

    { c(CONSENTIMENTO_INVALIDO), BOTH, at(PAYMENT),
      "Consentimento inválido (em status final).",
      "Consentimento inválido (em status final).", NULL },

    { c(CONSENTIMENTO_PENDENTE_AUTORIZACAO), BOTH, at(PAYMENT),
      ngx_oof_payment_pending_text,
      ngx_oof_payment_pending_text, NULL },

    { c(PAGAMENTO_DIVERGENTE_CONSENTIMENTO), BOTH, at(PAYMENT)|RJCT,
      "Divergência entre pagamento e consentimento.",
      "Dados do pagamento divergentes dos dados do consentimento.", NULL },

    { c(SALDO_INSUFICIENTE), BOTH, at(PAYMENT)|at(REJECTED)|RJCT,
      "Saldo insuficiente.",
      ngx_oof_payment_balance_text, NULL },

    { c(VALOR_ACIMA_LIMITE), BOTH, at(PAYMENT),
      "Acima do limite estabelecido.",
      "O valor (ou quantidade de transações) ultrapassa a faixa de limite "
      "parametrizada na detentora para permitir a realização de "
      "transações pelo cliente.", NULL },

    { c(VALOR_INVALIDO), BOTH, at(PAYMENT)|RJCT,
      "Valor inválido.",
      ngx_oof_payment_value_text, NULL },

    { c(COBRANCA_INVALIDA), BOTH, at(PAYMENT)|RJCT,
      "Cobrança inválida.",
      "Validação de expiração, validação de vencimento ou Status "
      "Válido.", NULL },

    { c(PAGAMENTO_RECUSADO_DETENTORA), BOTH, at(PAYMENT)|RJCT,
      ngx_oof_payment_refused_text,
      "[descrição do motivo de recusa]",
      ngx_oof_payment_refused_text },

    { c(PAGAMENTO_RECUSADO_SPI), BOTH, at(PAYMENT)|RJCT,
      "Pagamento recusado no Sistema de Pagamentos Instantâneos (SPI).",
      "[código de erro conforme tabela de domínios reason PACS.002]",
      "Pagamento recusado no Sistema de Pagamentos Instantâneos (SPI)." },

    { c(CONTA_NAO_PERMITE_PAGAMENTO), V5, at(PAYMENT)|RJCT,
      ngx_oof_payment_account_text,
      ngx_oof_payment_account_text, "outros" },

    { c(QRCODE_INVALIDO), V5, at(PAYMENT)|RJCT,
      ngx_oof_payment_qr_text,
      ngx_oof_payment_qr_text, NULL },

    /* refusals of the PATCHes */

    { c(PAGAMENTO_NAO_PERMITE_CANCELAMENTO), BOTH, at(CANCEL),
      "Pagamento não permite cancelamento",
      "Pagamento não permite cancelamento", NULL },

    { c(ERRO_IDEMPOTENCIA), V5, at(CANCEL),
      ngx_oof_payment_conflict,
      ngx_oof_payment_conflict, NULL },

    /* reasons of rejected consents */

    { c(AUTENTICACAO_DIVERGENTE), V5, at(REJECTED), NULL,
      "Usuário autenticado no detentor diverge do usuário autenticado no "
      "iniciador", NULL },

    { c(VALOR_INVALIDO), BOTH, at(REJECTED), NULL,
      "O valor enviado não é válido para o QR Code informado", NULL },

    { c(NAO_INFORMADO), BOTH, at(REJECTED), NULL,
      "Não informada pela detentora de conta", NULL },

    { c(FALHA_INFRAESTRUTURA), BOTH, at(REJECTED), NULL,
      "[Descrição de qual falha na infraestrutura inviabilizou o "
      "processamento]",
      "Falha na infraestrutura da detentora de conta." },

    { c(TEMPO_EXPIRADO_AUTORIZACAO), BOTH, at(REJECTED), NULL,
      "Consentimento expirou antes que o usuário pudesse confirmá-lo.",
      NULL },

    { c(TEMPO_EXPIRADO_CONSUMO), BOTH, at(REJECTED), NULL,
      "O usuário não finalizou o fluxo de pagamento e o consentimento "
      "expirou", NULL },

    { c(REJEITADO_USUARIO), BOTH, at(REJECTED), NULL,
      "O usuário rejeitou a autorização do consentimento", NULL },

    { c(CONTAS_ORIGEM_DESTINO_IGUAIS), BOTH, at(REJECTED), NULL,
      ngx_oof_payment_equal_text, NULL },

    { c(CONTA_NAO_PERMITE_PAGAMENTO), BOTH, at(REJECTED), NULL,
      ngx_oof_payment_account_text, "outros" },

    { c(VALOR_ACIMA_LIMITE), BOTH, at(REJECTED)|RJCT, NULL,
      ngx_oof_payment_limit_text, "na instituição" },

    { c(QRCODE_INVALIDO), BOTH, at(REJECTED), NULL,
      ngx_oof_payment_qr_text, NULL },

    { c(PERMISSAO_INSUFICIENTE), V5, at(REJECTED), NULL,
      "A solicitação de Saque ou Troco foi realizada por um usuário sem "
      "plenos poderes de aprovação.", NULL },

    /* reasons of rejected payments */

    { c(CONTAS_ORIGEM_DESTINO_IGUAIS), V4, RJCT, NULL,
      "Indica uma tentativa de pagamento onde a conta origem e a conta de "
      "destino são iguais.", NULL },

    { c(FALHA_INFRAESTRUTURA_SPI), BOTH, RJCT, NULL,
      "Indica uma falha no Sistema de Pagamentos Instantâneos (SPI).",
      NULL },

    { c(FALHA_INFRAESTRUTURA_DICT), BOTH, RJCT, NULL,
      "Indica uma falha no Diretório de Identificadores de Contas "
      "Transacionais (DICT).", NULL },

    { c(FALHA_INFRAESTRUTURA_ICP), BOTH, RJCT, NULL,
      "Indica uma falha na Infraestrutura de Chaves Públicas (ICP).", NULL },

    { c(FALHA_INFRAESTRUTURA_PSP_RECEBEDOR), BOTH, RJCT, NULL,
      "Indica uma falha na infraestrutura do Prestador de Serviço de "
      "Pagamento (PSP) que recebe o pagamento.", NULL },

    { c(FALHA_INFRAESTRUTURA_DETENTORA), BOTH, RJCT, NULL,
      "Indica uma falha na infraestrutura da instituição detentora das "
      "informações ou recursos.", NULL },

    { c(FALHA_AGENDAMENTO_PAGAMENTOS), BOTH, at(RJCT_GET), NULL,
      "[causa]", "Falha ao agendar pagamentos." },

    { c(CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO), V5, RJCT, NULL,
      "Divergências entre dados das chaves Pix no agendamento e na "
      "liquidação", NULL },

    { c(NONE), 0, 0, NULL, NULL, NULL }
};


static ngx_oof_payment_instead_t  ngx_oof_payment_insteads[] = {

    /* of v5, in v4 */
    { c(PROPOSITO_INVALIDO), c(DETALHE_PAGAMENTO_INVALIDO) },
    { c(CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO),
      c(DETALHE_PAGAMENTO_INVALIDO) },
    { c(CONTA_NAO_PERMITE_PAGAMENTO), c(PAGAMENTO_RECUSADO_DETENTORA) },
    { c(QRCODE_INVALIDO), c(PAGAMENTO_RECUSADO_DETENTORA) },

    /* of v4, in v5 */
    { c(CONTAS_ORIGEM_DESTINO_IGUAIS), c(DETALHE_PAGAMENTO_INVALIDO) },
    { c(FALHA_INFRAESTRUTURA), c(FALHA_INFRAESTRUTURA_DETENTORA) },

    /* of GET, in the others */
    { c(FALHA_AGENDAMENTO_PAGAMENTOS), c(PAGAMENTO_RECUSADO_DETENTORA) },

    /* reasons, in refusals; of payments, in consents */
    { c(FALHA_INFRAESTRUTURA_SPI), c(PAGAMENTO_RECUSADO_DETENTORA) },
    { c(FALHA_INFRAESTRUTURA_DICT), c(PAGAMENTO_RECUSADO_DETENTORA) },
    { c(FALHA_INFRAESTRUTURA_ICP), c(PAGAMENTO_RECUSADO_DETENTORA) },
    { c(FALHA_INFRAESTRUTURA_PSP_RECEBEDOR), c(PAGAMENTO_RECUSADO_DETENTORA) },
    { c(FALHA_INFRAESTRUTURA_DETENTORA), c(PAGAMENTO_RECUSADO_DETENTORA) },
    { c(COBRANCA_INVALIDA), c(QRCODE_INVALIDO) },

    { c(NONE), c(NONE) }
};


/* each step of the funnel, the first comes first */

static ngx_oof_payment_code_e  ngx_oof_payment_started[] = {
    c(TEMPO_EXPIRADO_AUTORIZACAO), c(FALHA_INFRAESTRUTURA), c(NAO_INFORMADO),
    c(NONE)
};

static ngx_oof_payment_code_e  ngx_oof_payment_authenticated[] = {
    c(TEMPO_EXPIRADO_AUTORIZACAO), c(REJEITADO_USUARIO),
    c(FALHA_INFRAESTRUTURA), c(NAO_INFORMADO), c(NONE)
};

/* PERMISSAO_INSUFICIENTE has no place in the regulation's list */

static ngx_oof_payment_code_e  ngx_oof_payment_authorisation[] = {
    c(AUTENTICACAO_DIVERGENTE), c(CONTA_NAO_PERMITE_PAGAMENTO),
    c(CONTAS_ORIGEM_DESTINO_IGUAIS), c(VALOR_INVALIDO), c(QRCODE_INVALIDO),
    c(VALOR_ACIMA_LIMITE), c(SALDO_INSUFICIENTE), c(PERMISSAO_INSUFICIENTE),
    c(FALHA_INFRAESTRUTURA), c(NAO_INFORMADO), c(NONE)
};

static ngx_oof_payment_code_e  ngx_oof_payment_issued[] = {
    c(FALHA_INFRAESTRUTURA), c(NAO_INFORMADO), c(TEMPO_EXPIRADO_CONSUMO),
    c(NONE)
};

static ngx_oof_payment_code_e  ngx_oof_payment_jsr[] = {
    c(TEMPO_EXPIRADO_AUTORIZACAO), c(TEMPO_EXPIRADO_CONSUMO),
    c(FALHA_INFRAESTRUTURA), c(NONE)
};

static ngx_oof_payment_code_e  *ngx_oof_payment_funnels[] = {
    ngx_oof_payment_started,
    ngx_oof_payment_authenticated,
    ngx_oof_payment_authorisation,
    ngx_oof_payment_issued,
    ngx_oof_payment_jsr
};


ngx_int_t
ngx_oof_payment_refuse(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, ngx_str_t *param,
    ngx_oof_payment_verdict_t *verdict)
{
    ngx_oof_payment_text_t  *text;

    code = ngx_oof_payment_code_at(version, at, code);
    text = ngx_oof_payment_text(version, at, code);

    verdict->status = NGX_OOF_HTTP_UNPROCESSABLE;
    verdict->id = code;
    verdict->code = *ngx_oof_payment_code_name(code);
    verdict->rank = (code == c(PARAMETRO_NAO_INFORMADO)
                     || code == c(PARAMETRO_INVALIDO)
                     || code == c(ERRO_IDEMPOTENCIA))
                    ? NGX_OOF_VERDICT_SYNTAX : NGX_OOF_VERDICT_RULE;

    if (ngx_oof_payment_fill(pool, text, param, &verdict->detail) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text->title == text->detail) {
        verdict->title = verdict->detail;
        return NGX_DECLINED;
    }

    verdict->title.data = (u_char *) text->title;
    verdict->title.len = ngx_strlen(text->title);

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_payment_reject(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, ngx_str_t *param,
    ngx_oof_payment_verdict_t *verdict)
{
    code = ngx_oof_payment_code_at(version, at, code);

    verdict->status = NGX_HTTP_CREATED;
    verdict->rank = NGX_OOF_VERDICT_RULE;
    verdict->id = code;
    verdict->code = *ngx_oof_payment_code_name(code);
    ngx_str_null(&verdict->title);

    return ngx_oof_payment_fill(pool,
                                ngx_oof_payment_text(version, at, code),
                                param, &verdict->detail);
}


ngx_oof_payment_code_e
ngx_oof_payment_code_at(ngx_uint_t version, ngx_oof_payment_at_e at,
    ngx_oof_payment_code_e code)
{
    ngx_oof_payment_instead_t  *i;

    /* the table has no circle: each step leads to a code of another kind */

    while (ngx_oof_payment_text(version, at, code) == NULL) {

        for (i = ngx_oof_payment_insteads; i->code != code; i++) {

            if (i->code == c(NONE)) {
                break;
            }
        }

        if (i->code == c(NONE)) {
            return (at == NGX_OOF_AT_CANCEL)
                   ? c(PAGAMENTO_NAO_PERMITE_CANCELAMENTO) : c(NAO_INFORMADO);
        }

        code = i->instead;
    }

    return code;
}


ngx_int_t
ngx_oof_payment_detail(ngx_pool_t *pool, ngx_uint_t version,
    ngx_oof_payment_at_e at, ngx_oof_payment_code_e code, ngx_str_t *param,
    ngx_str_t *detail)
{
    ngx_oof_payment_text_t  *text;

    text = ngx_oof_payment_text(version, at, code);

    if (text == NULL) {
        return NGX_DECLINED;
    }

    return ngx_oof_payment_fill(pool, text, param, detail);
}


ngx_str_t *
ngx_oof_payment_code_name(ngx_oof_payment_code_e code)
{
    return &ngx_oof_payment_code_names[code];
}


ngx_oof_payment_code_e
ngx_oof_payment_code(ngx_str_t *name)
{
    ngx_uint_t   i;
    ngx_str_t   *known;

    for (i = NGX_OOF_CODE_NONE + 1; i < NGX_OOF_CODES; i++) {
        known = &ngx_oof_payment_code_names[i];

        if (name->len == known->len
            && ngx_memcmp(name->data, known->data, known->len) == 0)
        {
            return i;
        }
    }

    return NGX_OOF_CODE_NONE;
}


uint64_t
ngx_oof_payment_codes(ngx_uint_t version, ngx_oof_payment_at_e at)
{
    uint64_t    codes;
    ngx_uint_t  i;

    codes = 0;

    for (i = NGX_OOF_CODE_NONE + 1; i < NGX_OOF_CODES; i++) {

        if (ngx_oof_payment_text(version, at, i)) {
            codes |= ngx_oof_payment_code_bit(i);
        }
    }

    return codes;
}


ngx_oof_payment_code_e
ngx_oof_payment_funnel(ngx_uint_t version, ngx_oof_payment_funnel_e step,
    uint64_t found, ngx_uint_t scheduled)
{
    ngx_oof_payment_code_e  *code;

    if (scheduled) {
        found &= ~ngx_oof_payment_code_bit(c(SALDO_INSUFICIENTE));
    }

    for (code = ngx_oof_payment_funnels[step]; *code; code++) {

        if (found & ngx_oof_payment_code_bit(*code)) {
            return ngx_oof_payment_code_at(version, NGX_OOF_AT_REJECTED,
                                           *code);
        }
    }

    return NGX_OOF_CODE_NONE;
}


static ngx_oof_payment_text_t *
ngx_oof_payment_text(ngx_uint_t version, ngx_oof_payment_at_e at,
    ngx_oof_payment_code_e code)
{
    ngx_uint_t               bit;
    ngx_oof_payment_text_t  *text;

    bit = (version < 5) ? V4 : V5;

    for (text = ngx_oof_payment_texts; text->code; text++) {

        if (text->code == code && (text->versions & bit)
            && (text->places & (1 << at)))
        {
            return text;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_oof_payment_fill(ngx_pool_t *pool, ngx_oof_payment_text_t *text,
    ngx_str_t *param, ngx_str_t *detail)
{
    u_char      *p;
    size_t       head, tail;
    ngx_str_t    value;
    const char  *open, *close;

    open = ngx_strchr(text->detail, '[');

    if (open == NULL) {
        detail->data = (u_char *) text->detail;
        detail->len = ngx_strlen(text->detail);
        return NGX_OK;
    }

    close = ngx_strchr(open, ']') + 1;

    if (param && param->len) {
        value = *param;

        if (value.len > NGX_OOF_PAYMENT_PARAM) {
            value.len = NGX_OOF_PAYMENT_PARAM;

            /* not within a character */

            while (value.len && (value.data[value.len] & 0xc0) == 0x80) {
                value.len--;
            }
        }

    } else {
        value.data = (u_char *) text->neutral;
        value.len = ngx_strlen(text->neutral);
    }

    head = open - text->detail;
    tail = ngx_strlen(close);

    p = ngx_pnalloc(pool, head + value.len + tail);
    if (p == NULL) {
        return NGX_ERROR;
    }

    detail->data = p;

    p = ngx_cpymem(p, text->detail, head);
    p = ngx_cpymem(p, value.data, value.len);
    p = ngx_cpymem(p, close, tail);

    detail->len = p - detail->data;

    return NGX_OK;
}
