
/*
 * Copyright (C) oof authors
 */


/* spec 2.12, 2.13, 2.14: which code is where, its texts and its rank */


#include "tap.h"

#include <ngx_oof_payment_verdict.h>


#define c(name)  NGX_OOF_CODE_ ## name


static const char  *places[] = {
    "POST /consents", "POST /pix/payments", "PATCH", "REJECTED", "RJCT",
    "RJCT in GET"
};


/* the enumerations of the interface files, in their words */

static struct {
    ngx_oof_payment_at_e   at;
    const char            *both;
    const char            *v4;
    const char            *v5;
} lists[] = {

    { NGX_OOF_AT_CONSENT,
      "FORMA_PAGAMENTO_INVALIDA DATA_PAGAMENTO_INVALIDA "
      "DETALHE_PAGAMENTO_INVALIDO PARAMETRO_NAO_INFORMADO "
      "PARAMETRO_INVALIDO ERRO_IDEMPOTENCIA NAO_INFORMADO",
      "", "PROPOSITO_INVALIDO" },

    { NGX_OOF_AT_PAYMENT,
      "SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE VALOR_INVALIDO "
      "COBRANCA_INVALIDA CONSENTIMENTO_INVALIDO PARAMETRO_NAO_INFORMADO "
      "PARAMETRO_INVALIDO NAO_INFORMADO PAGAMENTO_DIVERGENTE_CONSENTIMENTO "
      "DETALHE_PAGAMENTO_INVALIDO PAGAMENTO_RECUSADO_DETENTORA "
      "PAGAMENTO_RECUSADO_SPI ERRO_IDEMPOTENCIA "
      "CONSENTIMENTO_PENDENTE_AUTORIZACAO",
      "", "CONTA_NAO_PERMITE_PAGAMENTO QRCODE_INVALIDO" },

    { NGX_OOF_AT_CANCEL,
      "PAGAMENTO_NAO_PERMITE_CANCELAMENTO", "", "ERRO_IDEMPOTENCIA" },

    { NGX_OOF_AT_REJECTED,
      "VALOR_INVALIDO NAO_INFORMADO FALHA_INFRAESTRUTURA "
      "TEMPO_EXPIRADO_AUTORIZACAO TEMPO_EXPIRADO_CONSUMO REJEITADO_USUARIO "
      "CONTAS_ORIGEM_DESTINO_IGUAIS CONTA_NAO_PERMITE_PAGAMENTO "
      "SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE QRCODE_INVALIDO",
      "", "AUTENTICACAO_DIVERGENTE PERMISSAO_INSUFICIENTE" },

    /* without FALHA_INFRAESTRUTURA, which is in the files and not in use */

    { NGX_OOF_AT_RJCT,
      "SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE VALOR_INVALIDO "
      "COBRANCA_INVALIDA NAO_INFORMADO PAGAMENTO_DIVERGENTE_CONSENTIMENTO "
      "DETALHE_PAGAMENTO_INVALIDO PAGAMENTO_RECUSADO_DETENTORA "
      "PAGAMENTO_RECUSADO_SPI FALHA_INFRAESTRUTURA_SPI "
      "FALHA_INFRAESTRUTURA_DICT FALHA_INFRAESTRUTURA_ICP "
      "FALHA_INFRAESTRUTURA_PSP_RECEBEDOR FALHA_INFRAESTRUTURA_DETENTORA",
      "CONTAS_ORIGEM_DESTINO_IGUAIS",
      "CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO "
      "CONTA_NAO_PERMITE_PAGAMENTO QRCODE_INVALIDO" },

    { NGX_OOF_AT_RJCT_GET,
      "SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE VALOR_INVALIDO "
      "COBRANCA_INVALIDA NAO_INFORMADO PAGAMENTO_DIVERGENTE_CONSENTIMENTO "
      "DETALHE_PAGAMENTO_INVALIDO PAGAMENTO_RECUSADO_DETENTORA "
      "PAGAMENTO_RECUSADO_SPI FALHA_INFRAESTRUTURA_SPI "
      "FALHA_INFRAESTRUTURA_DICT FALHA_INFRAESTRUTURA_ICP "
      "FALHA_INFRAESTRUTURA_PSP_RECEBEDOR FALHA_INFRAESTRUTURA_DETENTORA "
      "FALHA_AGENDAMENTO_PAGAMENTOS",
      "CONTAS_ORIGEM_DESTINO_IGUAIS",
      "CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO "
      "CONTA_NAO_PERMITE_PAGAMENTO QRCODE_INVALIDO" }
};


static uint64_t
mask(const char *names)
{
    uint64_t                 m;
    ngx_str_t                s;
    ngx_oof_payment_code_e   code;

    for (m = 0; *names; names += s.len + (names[s.len] == ' ')) {
        s.data = (u_char *) names;
        s.len = strcspn(names, " ");

        code = ngx_oof_payment_code(&s);

        if (code == NGX_OOF_CODE_NONE) {
            diag("no code %s", names);
        }

        m |= ngx_oof_payment_code_bit(code);
    }

    return m;
}


static void
enumerations(void)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {

        ok(ngx_oof_payment_codes(4, lists[i].at)
           == (mask(lists[i].both) | mask(lists[i].v4)),
           "v4, %s: as the interface file", places[lists[i].at]);

        ok(ngx_oof_payment_codes(5, lists[i].at)
           == (mask(lists[i].both) | mask(lists[i].v5)),
           "v5, %s: as the interface file", places[lists[i].at]);
    }
}


/* whatever code is sent anywhere, one that is allowed there is */

static void
everywhere(void)
{
    uint64_t                    allowed;
    ngx_int_t                   rc;
    ngx_uint_t                  version, at, code, bad, texts;
    ngx_oof_payment_verdict_t   v;

    bad = 0;
    texts = 0;

    for (version = 4; version <= 5; version++) {
        for (at = 0; at <= NGX_OOF_AT_RJCT_GET; at++) {
            allowed = ngx_oof_payment_codes(version, at);

            for (code = 1; code < NGX_OOF_CODES; code++) {

                rc = (at <= NGX_OOF_AT_CANCEL)
                     ? ngx_oof_payment_refuse(tap_pool, version, at, code,
                                              NULL, &v)
                     : ngx_oof_payment_reject(tap_pool, version, at, code,
                                              NULL, &v);

                if (rc != (at <= NGX_OOF_AT_CANCEL ? NGX_DECLINED : NGX_OK)
                    || !(allowed & ngx_oof_payment_code_bit(v.id))
                    || ((allowed & ngx_oof_payment_code_bit(code))
                        && v.id != code)
                    || ngx_oof_payment_code(&v.code) != v.id
                    || v.detail.len == 0 || v.detail.len > 2048
                    || v.status != (at <= NGX_OOF_AT_CANCEL ? 422 : 201)
                    || (at <= NGX_OOF_AT_CANCEL && v.title.len == 0))
                {
                    bad++;
                    diag("v%lu %s %lu: %.*s", (unsigned long) version,
                         places[at], (unsigned long) code, (int) v.code.len,
                         v.code.data);
                }

                if (memchr(v.detail.data, '[', v.detail.len)) {
                    texts++;
                    diag("%.*s", (int) v.detail.len, v.detail.data);
                }
            }
        }
    }

    is_int(bad, 0, "all codes, all places, both versions");
    is_int(texts, 0, "no bracket is left");
}


static void
texts(void)
{
    ngx_str_t                  s, p;
    ngx_uint_t                 i;
    ngx_oof_payment_verdict_t  v;

    static struct {
        ngx_uint_t               version;
        ngx_oof_payment_at_e     at;
        ngx_oof_payment_code_e   code;
        const char              *param;
        const char              *name;
        const char              *title;
        const char              *detail;
        ngx_uint_t               rank;
    } cases[] = {
        { 5, NGX_OOF_AT_CONSENT, c(PARAMETRO_NAO_INFORMADO), "payment.date",
          "PARAMETRO_NAO_INFORMADO", "Parâmetro não informado.",
          "Parâmetro payment.date obrigatório não informado.",
          NGX_OOF_VERDICT_SYNTAX },
        { 4, NGX_OOF_AT_CONSENT, c(PARAMETRO_INVALIDO), "payment.amount",
          "PARAMETRO_INVALIDO", "Parâmetro inválido.",
          "Parâmetro payment.amount não obedece as regras de formatação "
          "esperadas.", NGX_OOF_VERDICT_SYNTAX },
        { 5, NGX_OOF_AT_PAYMENT, c(PARAMETRO_NAO_INFORMADO), "endToEndId",
          "PARAMETRO_NAO_INFORMADO", "Parâmetro obrigatório não informado.",
          "endToEndId", NGX_OOF_VERDICT_SYNTAX },
        { 5, NGX_OOF_AT_CONSENT, c(FORMA_PAGAMENTO_INVALIDA),
          "localInstrument QRES", "FORMA_PAGAMENTO_INVALIDA",
          "Forma de pagamento inválida.",
          "Forma de pagamento localInstrument QRES não suportada.",
          NGX_OOF_VERDICT_RULE },
        { 5, NGX_OOF_AT_CONSENT, c(PROPOSITO_INVALIDO), NULL,
          "PROPOSITO_INVALIDO",
          "O propósito informado é incompatível com os dados presentes na "
          "transação.",
          "O propósito informado é incompatível com os dados presentes na "
          "transação.", NGX_OOF_VERDICT_RULE },
        { 4, NGX_OOF_AT_CONSENT, c(PROPOSITO_INVALIDO), "payment",
          "DETALHE_PAGAMENTO_INVALIDO", "Detalhe do pagamento inválido.",
          "Parâmetro payment não obedece às regras de negócio.",
          NGX_OOF_VERDICT_RULE },
        { 5, NGX_OOF_AT_PAYMENT, c(PAGAMENTO_RECUSADO_SPI), "AB03",
          "PAGAMENTO_RECUSADO_SPI",
          "Pagamento recusado no Sistema de Pagamentos Instantâneos (SPI).",
          "AB03", NGX_OOF_VERDICT_RULE },
        { 5, NGX_OOF_AT_CANCEL, c(VALOR_INVALIDO), NULL,
          "PAGAMENTO_NAO_PERMITE_CANCELAMENTO",
          "Pagamento não permite cancelamento",
          "Pagamento não permite cancelamento", NGX_OOF_VERDICT_RULE },
        { 5, NGX_OOF_AT_CONSENT, c(ERRO_IDEMPOTENCIA), NULL,
          "ERRO_IDEMPOTENCIA", "Erro idempotência.",
          "Conteúdo da mensagem (claim data) diverge do conteúdo associado a "
          "esta chave de idempotência (x-idempotency-key).",
          NGX_OOF_VERDICT_SYNTAX },
        { 5, NGX_OOF_AT_PAYMENT, c(CONTA_NAO_PERMITE_PAGAMENTO), "salario",
          "CONTA_NAO_PERMITE_PAGAMENTO",
          "A conta selecionada é do tipo salario e não permite realizar esse "
          "pagamento.",
          "A conta selecionada é do tipo salario e não permite realizar esse "
          "pagamento.", NGX_OOF_VERDICT_RULE }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = str(cases[i].param ? cases[i].param : "");

        is_int(ngx_oof_payment_refuse(tap_pool, cases[i].version,
                                      cases[i].at, cases[i].code,
                                      cases[i].param ? &p : NULL, &v),
               NGX_DECLINED, "%s", cases[i].name);
        is_str(&v.code, cases[i].name, "its code");
        is_str(&v.title, cases[i].title, "its title");
        is_str(&v.detail, cases[i].detail, "its detail");
        is_int(v.rank, cases[i].rank, "its rank");
    }

    p.len = 4001;
    p.data = ngx_palloc(tap_pool, p.len);

    for (i = 0; i < 4000; i += 2) {
        ngx_memcpy(p.data + 1 + i, "\303\251", 2);
    }

    p.data[0] = 'x';

    (void) ngx_oof_payment_refuse(tap_pool, 5, NGX_OOF_AT_PAYMENT,
                                  c(PAGAMENTO_RECUSADO_DETENTORA), &p, &v);
    is_int(v.detail.len, 1799, "a long reason is cut between characters");

    s = str("VALOR_INVALIDO");
    is_int(ngx_oof_payment_detail(tap_pool, 5, NGX_OOF_AT_REJECTED,
                                  ngx_oof_payment_code(&s), NULL, &p),
           NGX_OK, "a detail");
    is_str(&p, "O valor enviado não é válido para o QR Code informado",
           "as the regulation has it");
    is_int(ngx_oof_payment_detail(tap_pool, 5, NGX_OOF_AT_CANCEL,
                                  c(VALOR_INVALIDO), NULL, &p),
           NGX_DECLINED, "none where the code is not");

    s = str("VALOR_INVALID");
    is_int(ngx_oof_payment_code(&s), NGX_OOF_CODE_NONE, "no such code");
}


/* each pair of reasons: the first of the regulation's list is told */

static void
funnel(void)
{
    ngx_uint_t              i, j, step, version, bad;
    uint64_t                found;
    ngx_oof_payment_code_e  got;

    static ngx_oof_payment_code_e  lists[][10] = {
        { c(TEMPO_EXPIRADO_AUTORIZACAO), c(FALHA_INFRAESTRUTURA),
          c(NAO_INFORMADO) },
        { c(TEMPO_EXPIRADO_AUTORIZACAO), c(REJEITADO_USUARIO),
          c(FALHA_INFRAESTRUTURA), c(NAO_INFORMADO) },
        { c(CONTA_NAO_PERMITE_PAGAMENTO), c(CONTAS_ORIGEM_DESTINO_IGUAIS),
          c(VALOR_INVALIDO), c(QRCODE_INVALIDO), c(VALOR_ACIMA_LIMITE),
          c(SALDO_INSUFICIENTE), c(FALHA_INFRAESTRUTURA),
          c(NAO_INFORMADO) },
        { c(FALHA_INFRAESTRUTURA), c(NAO_INFORMADO),
          c(TEMPO_EXPIRADO_CONSUMO) },
        { c(TEMPO_EXPIRADO_AUTORIZACAO), c(TEMPO_EXPIRADO_CONSUMO),
          c(FALHA_INFRAESTRUTURA) }
    };

    bad = 0;

    for (version = 4; version <= 5; version++) {
        for (step = 0; step <= NGX_OOF_FUNNEL_JSR; step++) {
            for (i = 0; lists[step][i]; i++) {
                for (j = i; lists[step][j]; j++) {
                    found = ngx_oof_payment_code_bit(lists[step][i])
                            | ngx_oof_payment_code_bit(lists[step][j]);

                    got = ngx_oof_payment_funnel(version, step, found, 0);

                    if (got != lists[step][i]) {
                        bad++;
                    }
                }
            }
        }
    }

    is_int(bad, 0, "all pairs of reasons, all steps");

    found = ngx_oof_payment_code_bit(c(AUTENTICACAO_DIVERGENTE))
            | ngx_oof_payment_code_bit(c(CONTA_NAO_PERMITE_PAGAMENTO));

    is_int(ngx_oof_payment_funnel(5, NGX_OOF_FUNNEL_AUTHORISATION, found, 0),
           c(AUTENTICACAO_DIVERGENTE), "v5: another user comes first");
    is_int(ngx_oof_payment_funnel(4, NGX_OOF_FUNNEL_AUTHORISATION, found, 0),
           c(NAO_INFORMADO), "which v4 has no code for");

    found = ngx_oof_payment_code_bit(c(SALDO_INSUFICIENTE));

    is_int(ngx_oof_payment_funnel(5, NGX_OOF_FUNNEL_AUTHORISATION, found, 1),
           NGX_OOF_CODE_NONE, "a scheduled one is not asked for its balance");
    is_int(ngx_oof_payment_funnel(5, NGX_OOF_FUNNEL_STARTED, found, 0),
           NGX_OOF_CODE_NONE, "and none before the customer decides");
    is_int(ngx_oof_payment_funnel(5, NGX_OOF_FUNNEL_AUTHORISATION,
                                  ngx_oof_payment_code_bit(
                                      c(PERMISSAO_INSUFICIENTE)), 0),
           c(PERMISSAO_INSUFICIENTE), "v5: withdrawal without full powers");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    enumerations();
    everywhere();
    texts();
    funnel();

    return tap_done();
}
