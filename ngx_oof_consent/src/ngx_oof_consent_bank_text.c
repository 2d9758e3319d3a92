
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>


/* what permissions are called on the bank's screens */

static struct {
    const char              *title;
    const char              *description;
} ngx_oof_bank_texts[NGX_OOF_CONSENT_PERMISSIONS] = {

    { "Contas",
      "Dados das contas: agência, número e tipo" },

    { "Saldos das contas",
      "Valores disponíveis, bloqueados e investidos das contas" },

    { "Transações das contas",
      "Lançamentos realizados e futuros das contas" },

    { "Limites das contas",
      "Limites de cheque especial e de adiantamento, contratados e usados" },

    { "Cartões de crédito",
      "Dados dos cartões de crédito: tipo, bandeira e números finais" },

    { "Faturas dos cartões de crédito",
      "Valores, vencimentos e pagamentos das faturas" },

    { "Transações das faturas dos cartões",
      "Lançamentos que compõem as faturas dos cartões de crédito" },

    { "Limites dos cartões de crédito",
      "Limites totais, usados e disponíveis dos cartões de crédito" },

    { "Transações dos cartões de crédito",
      "Lançamentos realizados com os cartões de crédito" },

    { "Dados cadastrais de pessoa natural",
      "Nome, documentos, filiação, endereços e contatos" },

    { "Dados complementares de pessoa natural",
      "Qualificação, renda e relacionamento com a instituição" },

    { "Dados cadastrais de pessoa jurídica",
      "Razão social, documentos, sócios, endereços e contatos" },

    { "Dados complementares de pessoa jurídica",
      "Qualificação, faturamento e relacionamento com a instituição" },

    { "Financiamentos",
      "Dados dos contratos de financiamento: taxas, tarifas e prazos" },

    { "Parcelas dos financiamentos",
      "Parcelas pagas e a vencer dos financiamentos" },

    { "Pagamentos dos financiamentos",
      "Pagamentos realizados e saldo devedor dos financiamentos" },

    { "Garantias dos financiamentos",
      "Garantias que respaldam os financiamentos" },

    { "Antecipações de recebíveis",
      "Dados dos contratos de direitos creditórios descontados" },

    { "Parcelas das antecipações de recebíveis",
      "Parcelas pagas e a vencer das antecipações de recebíveis" },

    { "Pagamentos das antecipações de recebíveis",
      "Pagamentos realizados e saldo devedor das antecipações" },

    { "Garantias das antecipações de recebíveis",
      "Garantias que respaldam as antecipações de recebíveis" },

    { "Empréstimos",
      "Dados dos contratos de empréstimo: taxas, tarifas e prazos" },

    { "Parcelas dos empréstimos",
      "Parcelas pagas e a vencer dos empréstimos" },

    { "Pagamentos dos empréstimos",
      "Pagamentos realizados e saldo devedor dos empréstimos" },

    { "Garantias dos empréstimos",
      "Garantias que respaldam os empréstimos" },

    { "Adiantamentos a depositantes",
      "Dados dos contratos de adiantamento a depositantes" },

    { "Parcelas dos adiantamentos a depositantes",
      "Parcelas pagas e a vencer dos adiantamentos a depositantes" },

    { "Pagamentos dos adiantamentos a depositantes",
      "Pagamentos realizados e saldo devedor dos adiantamentos" },

    { "Garantias dos adiantamentos a depositantes",
      "Garantias que respaldam os adiantamentos a depositantes" },

    { "Recursos",
      "Lista dos produtos compartilhados e a situação de cada um" },

    { "Renda fixa bancária",
      "Posição, movimentações e dados de CDB, RDB, LCI e LCA" },

    { "Renda fixa de crédito",
      "Posição, movimentações e dados de debêntures, CRI e CRA" },

    { "Fundos de investimento",
      "Posição, movimentações e dados das cotas de fundos" },

    { "Renda variável",
      "Posição, movimentações e dados de ações e de cotas em bolsa" },

    { "Títulos do Tesouro Direto",
      "Posição, movimentações e dados dos títulos públicos" },

    { "Operações de câmbio",
      "Dados e eventos das operações de câmbio" },
};


const char *
ngx_oof_bank_title(ngx_uint_t n)
{
    return ngx_oof_bank_texts[n].title;
}


const char *
ngx_oof_bank_description(ngx_uint_t n)
{
    return ngx_oof_bank_texts[n].description;
}
