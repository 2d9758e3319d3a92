
/*
 * Copyright (C) oof authors
 */


/* spec 2.4, 2.5, 2.6, 2.14, 7.36, 7.37: what POST /consents is judged by */


#include "payment.h"


static const char  v5_text[] =
    "{\"data\":{"
    "\"loggedUser\":{\"document\":{\"identification\":\"11111111111\","
    "\"rel\":\"CPF\"}},"
    "\"creditor\":{\"personType\":\"PESSOA_NATURAL\","
    "\"cpfCnpj\":\"22222222222\",\"name\":\"Jos\303\251 da Silva\"},"
    "\"payment\":{\"type\":\"PIX\",\"purpose\":\"IMMEDIATE\","
    "\"date\":\"2026-11-24\",\"currency\":\"BRL\",\"amount\":\"100.00\","
    "\"details\":{\"localInstrument\":\"DICT\",\"proxy\":\"12345678901\","
    "\"creditorAccount\":{\"ispb\":\"12345678\",\"issuer\":\"1774\","
    "\"number\":\"1234567890\",\"accountType\":\"CACC\"}}}}}";


/* a case alters the document, and says what becomes of it in each version */

typedef struct {
    const char  *changes;
    const char  *v4;           /* "": not asked; NULL: nothing is wrong */
    const char  *v5;
    const char  *detail;
} case_t;


static case_t  cases[] = {

    { "", NULL, NULL, NULL },

    /* presence */

    { "data=", "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro data obrigatório não informado." },
    { "data=1", "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Parâmetro data não obedece as regras de formatação esperadas." },
    { "data.loggedUser=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO",
      "Parâmetro loggedUser obrigatório não informado." },
    { "data.loggedUser.document.rel=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO",
      "Parâmetro loggedUser.document.rel obrigatório não informado." },
    { "data.creditor=", "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro creditor obrigatório não informado." },
    { "data.payment.amount=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.amount obrigatório não informado." },
    { "data.payment.purpose=", NULL, "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.purpose obrigatório não informado." },
    { "data.payment.date=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.date obrigatório não informado." },
    { "data.payment.details.creditorAccount.issuer=",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.details.creditorAccount.issuer obrigatório não "
      "informado." },
    { "data.payment.details.creditorAccount.issuer=;"
      "data.payment.details.creditorAccount.accountType=\"SVGS\"",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.details.creditorAccount.issuer obrigatório não "
      "informado." },
    { "data.payment.details.creditorAccount.issuer=;"
      "data.payment.details.creditorAccount.accountType=\"TRAN\"",
      NULL, NULL, NULL },
    { "data.debtorAccount={\"ispb\":\"12345678\",\"number\":\"1\","
      "\"accountType\":\"CACC\"}",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro debtorAccount.issuer obrigatório não informado." },
    { "data.debtorAccount={\"ispb\":\"12345678\",\"number\":\"1\","
      "\"accountType\":\"TRAN\"}", NULL, NULL, NULL },
    { "data.businessEntity={}",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro businessEntity.document obrigatório não informado." },

    /* what is missing comes before what is malformed */

    { "data.payment.type=\"TED\";data.payment.details=",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.details obrigatório não informado." },

    /* form */

    { "data.loggedUser.document.identification=\"1111111111\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Parâmetro loggedUser.document.identification não obedece as regras "
      "de formatação esperadas." },
    { "data.loggedUser.document.rel=\"cpf\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.businessEntity={\"document\":{\"identification\":"
      "\"12345678000199\",\"rel\":\"CNPJ\"}}", NULL, NULL, NULL },
    { "data.businessEntity={\"document\":{\"identification\":"
      "\"12ABC345000199\",\"rel\":\"CNPJ\"}}",
      "PARAMETRO_INVALIDO", NULL, NULL },
    { "data.creditor.personType=\"PESSOA\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.creditor.cpfCnpj=\"222222222222\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.creditor.personType=\"PESSOA_JURIDICA\";"
      "data.creditor.cpfCnpj=\"12ABC345000199\"",
      "PARAMETRO_INVALIDO", NULL, NULL },
    { "data.creditor.name=\"\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.creditor.name=\"A~B\"", "PARAMETRO_INVALIDO", NULL, NULL },
    { "data.creditor.name=\"A\303\227B\"", "PARAMETRO_INVALIDO", NULL,
      NULL },
    { "data.creditor.name=\"A\302\241\"", "PARAMETRO_INVALIDO", NULL, NULL },
    { "data.creditor.name=\"A\302\240\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.creditor.name=\"A\\u0100\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.creditor.name=\"A\\tB\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.creditor.name=\"\303\200\303\277 a.@:&*+_<>()!?/\\\\$%'-,\"",
      NULL, NULL, NULL },
    { "data.payment.type=\"TED\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.purpose=\"FUN\"", NULL, "PARAMETRO_INVALIDO", NULL },
    { "data.payment.currency=\"USD\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Parâmetro payment.currency não obedece as regras de formatação "
      "esperadas." },
    { "data.payment.amount=\"100\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.amount=100.00",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.amount=\"0.00\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.amount=\"0.01\"", NULL, NULL, NULL },
    { "data.payment.date=\"2026-02-30\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.date=\"24/11/2026\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.ibgeTownCode=\"530010\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.ibgeTownCode=\"5300108\"", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"APDN\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_NAO_INFORMADO", NULL },
    { "data.payment.details.creditorAccount.ispb=\"1234567\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.details.creditorAccount.ispb=\"1234567A\"",
      "PARAMETRO_INVALIDO", NULL, NULL },
    { "data.payment.details.creditorAccount.issuer=\"17745\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.details.creditorAccount.number=\"12-3\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.details.creditorAccount.accountType=\"SLRY\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.details.proxy=\"\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },
    { "data.payment.details.payloadJWS=\"a.b\"",
      NULL, "PARAMETRO_INVALIDO", NULL },
    { "data.unknown=null;data.payment.unknown={}", NULL, NULL, NULL },

    /* dates */

    { "data.payment.date=\"2026-11-25\"",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA",
      "Data de pagamento inválida para a forma de pagamento selecionada." },
    { "data.payment.date=\"2026-11-23\"",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"},"
      "\"additionalInformation\":\"x\"}",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.date=;data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"},"
      "\"additionalInformation\":\"x\"}", NULL, NULL, NULL },
    { "data.payment.date=;data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-24\"},"
      "\"additionalInformation\":\"x\"}",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.date=;data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"}}",
      NULL, "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.schedule.additionalInformation obrigatório não "
      "informado." },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"custom\":{\"dates\":[\"2026-11-25\","
      "\"2026-11-26\"]},\"additionalInformation\":\"x\"}",
      "PARAMETRO_NAO_INFORMADO", NULL,
      "Parâmetro payment.schedule.custom.additionalInformation obrigatório "
      "não informado." },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"custom\":{\"dates\":[\"2026-11-25\","
      "\"2026-11-26\"],\"additionalInformation\":\"x\"}}",
      NULL, "PARAMETRO_NAO_INFORMADO", NULL },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":61},\"additionalInformation\":\"x\"}",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Quantidade permitida de pagamentos excedida" },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":\"3\"},\"additionalInformation\":\"x\"}",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Parâmetro payment.schedule.daily.quantity não obedece as regras de "
      "formatação esperadas." },

    /* purpose */

    { "data.payment.purpose=\"SINGLE_SCHEDULED\"",
      NULL, "PROPOSITO_INVALIDO",
      "O propósito informado é incompatível com os dados presentes na "
      "transação." },
    { "data.payment.purpose=\"RECURRENT_SCHEDULED\"",
      NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.purpose=\"WITHDRAW\"", NULL, "PROPOSITO_INVALIDO",
      NULL },
    { "data.payment.purpose=\"CHANGE\"", NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.date=;data.payment.schedule={\"single\":{\"date\":"
      "\"2026-11-25\"},\"additionalInformation\":\"x\"}",
      NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.date=;data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":3},\"additionalInformation\":\"x\"}",
      NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":3},\"additionalInformation\":\"x\"}",
      NULL, NULL, NULL },

    /* the matrix: MANU, DICT, INIC */

    { "data.payment.details.localInstrument=\"MANU\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro payment.details.proxy não obedece às regras de negócio." },
    { "data.payment.details.localInstrument=\"MANU\";"
      "data.payment.details.proxy=", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"MANU\";"
      "data.payment.details.proxy=;data.payment.details.qrCode=\"x\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro payment.details.qrCode não obedece às regras de negócio." },
    { "data.payment.details.localInstrument=\"MANU\";"
      "data.payment.details.proxy=;"
      "data.payment.details.payloadJWS=\"a.b.c\"",
      NULL, "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { "data.payment.details.proxy=",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.details.proxy obrigatório não informado." },
    { "data.payment.details.qrCode=\"x\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"INIC\"", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"INIC\";"
      "data.payment.details.proxy=",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO", NULL },
    { "data.payment.details.localInstrument=\"INIC\";"
      "data.payment.details.qrCode=\"x\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"INIC\";data.payment.date=;"
      "data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":3},\"additionalInformation\":\"x\"}",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.details.localInstrument=\"INIC\";data.payment.date=;"
      "data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"},"
      "\"additionalInformation\":\"x\"}", NULL, NULL, NULL },

    /* QR codes: what is missing */

    { "data.payment.details.localInstrument=\"QRES\"",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.details.qrCode obrigatório não informado." },
    { "data.payment.details.localInstrument=\"QRDN\"",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>",
      NULL, "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.details.payloadJWS obrigatório não informado." },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<STATIC>;data.payment.details.proxy=",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO", NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<513>",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL },

    /* static ones, which are accepted whatever is in them */

    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<STATIC>", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"APES\";"
      "data.payment.details.qrCode=<STATIC>", "PARAMETRO_INVALIDO", NULL,
      NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<VALUE>", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<VALUE>;data.payment.amount=\"100.01\"",
      "201 VALOR_INVALIDO", "201 VALOR_INVALIDO",
      "O valor enviado não é válido para o QR Code informado" },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<STATIC>;"
      "data.payment.details.proxy=\"98765432109\"",
      "201 QRCODE_INVALIDO", "201 QRCODE_INVALIDO",
      "O QRCode utilizado para a iniciação de pagamento não é válido." },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<VALUE>;data.payment.amount=\"1.00\";"
      "data.payment.details.proxy=\"98765432109\"",
      "201 VALOR_INVALIDO", "201 VALOR_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=\"garbage\"",
      "201 QRCODE_INVALIDO", "201 QRCODE_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<DYNAMIC>",
      "201 QRCODE_INVALIDO", "201 QRCODE_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRES\";data.payment.date=;"
      "data.payment.details.qrCode=<STATIC>;"
      "data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":3},\"additionalInformation\":\"x\"}",
      NULL, NULL, NULL },

    /* more than once: MANU, DICT and QRES alone */

    { "data.payment.details.localInstrument=\"APES\";data.payment.date=;"
      "data.payment.details.qrCode=<STATIC>;"
      "data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":3},\"additionalInformation\":\"x\"}",
      "PARAMETRO_INVALIDO", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.details.localInstrument=\"APES\";data.payment.date=;"
      "data.payment.details.qrCode=<STATIC>;"
      "data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"},"
      "\"additionalInformation\":\"x\"}",
      "PARAMETRO_INVALIDO", NULL, NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<AGENT>",
      NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=<AGENT>;"
      "data.payment.purpose=\"WITHDRAW\"", NULL, NULL, NULL },

    /* dynamic ones */

    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COB>", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"APDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COB>", "PARAMETRO_INVALIDO", NULL,
      NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<STATIC>;"
      "data.payment.details.payloadJWS=<COB>",
      "201 QRCODE_INVALIDO", "201 QRCODE_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COB>;data.payment.amount=\"99.00\"",
      NULL, "201 VALOR_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<FREE>;data.payment.amount=\"99.00\"",
      NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COB>;"
      "data.payment.details.proxy=\"98765432109\"",
      NULL, "201 QRCODE_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=\"a.b.c\"",
      NULL, "201 QRCODE_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COBV>",
      NULL, "PARAMETRO_NAO_INFORMADO",
      "Parâmetro payment.ibgeTownCode obrigatório não informado." },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.ibgeTownCode=\"5300108\";"
      "data.payment.details.payloadJWS=<COBV>", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<SAQUE>",
      NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.purpose=\"WITHDRAW\";"
      "data.payment.details.payloadJWS=<SAQUE>", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.purpose=\"WITHDRAW\";data.payment.date=\"2026-11-25\";"
      "data.payment.details.payloadJWS=<SAQUE>",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.purpose=\"WITHDRAW\";data.payment.amount=\"100.01\";"
      "data.payment.details.payloadJWS=<SAQUE>",
      NULL, "201 VALOR_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.purpose=\"CHANGE\";"
      "data.payment.details.payloadJWS=<SAQUE>",
      NULL, "PROPOSITO_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.purpose=\"CHANGE\";"
      "data.payment.details.payloadJWS=<TROCO>", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"QRDN\";data.payment.date=;"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COB>;"
      "data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","
      "\"quantity\":3},\"additionalInformation\":\"x\"}",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.details.localInstrument=\"QRDN\";data.payment.date=;"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<COB>;"
      "data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"},"
      "\"additionalInformation\":\"x\"}", NULL, NULL, NULL },
    { "data.payment.details.localInstrument=\"QRDN\";data.payment.date=;"
      "data.payment.details.qrCode=<DUE>;data.payment.ibgeTownCode="
      "\"5300108\";data.payment.details.payloadJWS=<COBV>;"
      "data.payment.purpose=\"SINGLE_SCHEDULED\";"
      "data.payment.schedule={\"single\":{\"date\":\"2026-11-25\"},"
      "\"additionalInformation\":\"x\"}",
      "DATA_PAGAMENTO_INVALIDA", NULL, NULL },

    /* what cannot be read is not what the purpose is judged by */

    { "data.payment.details.localInstrument=\"QRDN\";"
      "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.purpose=\"WITHDRAW\";"
      "data.payment.details.payloadJWS=\"a.b.c\"",
      NULL, "201 QRCODE_INVALIDO", NULL },
    { "data.payment.details.localInstrument=\"QRES\";"
      "data.payment.details.qrCode=\"garbage\";"
      "data.payment.purpose=\"WITHDRAW\"",
      "201 QRCODE_INVALIDO", "201 QRCODE_INVALIDO", NULL },

    /* persons */

    { "data.creditor.personType=\"PESSOA_JURIDICA\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro creditor.cpfCnpj não obedece às regras de negócio." },
    { "data.creditor.cpfCnpj=\"12345678000199\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },

    /* one code, by the order of the codes */

    { "data.payment.date=\"2026-11-25\";"
      "data.payment.details.qrCode=\"x\"",
      "DATA_PAGAMENTO_INVALIDA", "DATA_PAGAMENTO_INVALIDA", NULL },
    { "data.payment.date=\"2026-11-25\";data.payment.currency=\"USD\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", NULL }
};


static void
judge(void)
{
    json_t                     *claims;
    ngx_int_t                   rc;
    ngx_str_t                   s;
    ngx_uint_t                  i, version, status;
    const char                 *want, *changes;
    ngx_oof_payment_terms_t     terms, again;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_verdict_t   v;

    rules.pool = tap_pool;
    rules.now = instant("2026-11-24T12:00:00Z");
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        changes = fill(cases[i].changes);

        for (version = 4; version <= 5; version++) {
            rules.version = version;
            want = (version == 4) ? cases[i].v4 : cases[i].v5;

            claims = json(v5_text);
            edit(claims, changes);

            rc = ngx_oof_payment_consent_judge(&rules, claims, &terms, &v);

            status = want == NULL ? 0
                     : ngx_strncmp(want, "201 ", 4) == 0 ? 201 : 422;

            is_int(v.status, status, "v%lu \"%s\"", (unsigned long) version,
                   cases[i].changes);
            is_int(rc, status == 422 ? NGX_DECLINED : NGX_OK, "its verdict");

            if (want) {
                is_str(&v.code, want + (status == 201 ? 4 : 0), "its code");

                if (cases[i].detail) {
                    is_str(&v.detail, cases[i].detail, "its detail");
                }
            }

            if (status == 422 && rc == NGX_DECLINED) {
                s = str("PARAMETRO_");
                is_int(v.rank,
                       ngx_strncmp(v.code.data, s.data, s.len) == 0
                       ? NGX_OOF_VERDICT_SYNTAX : NGX_OOF_VERDICT_RULE,
                       "its rank");

            } else {

                /* what was accepted is read again as it was */

                is_int(ngx_oof_payment_terms(&rules,
                                             json_object_get(claims, "data"),
                                             &again),
                       NGX_OK, "its terms");
                is_int(again.amount, terms.amount, "their amount");
                is_int(again.schedule.n, terms.schedule.n, "their number");
            }

            json_decref(claims);
        }
    }
}


static void
terms(void)
{
    json_t                     *claims;
    ngx_str_t                   s;
    ngx_uint_t                  i;
    ngx_oof_payment_terms_t     t;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_verdict_t   v;

    static const char  *bad[] = {
        "{}", "[]", "{\"payment\":{}}"
    };

    rules.pool = tap_pool;
    rules.version = 5;
    rules.now = instant("2026-11-25T02:30:00Z");
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;

    claims = json(v5_text);
    edit(claims, "data.businessEntity={\"document\":{\"identification\":"
                 "\"12345678000199\",\"rel\":\"CNPJ\"}};"
                 "data.debtorAccount={\"ispb\":\"87654321\",\"number\":\"9\","
                 "\"accountType\":\"TRAN\"};"
                 "data.payment.ibgeTownCode=\"5300108\"");

    is_int(ngx_oof_payment_consent_judge(&rules, claims, &t, &v), NGX_OK,
           "a consent of today, at half past eleven in Brasilia");
    is_int(v.status, 0, "nothing is wrong");
    is_int(t.instrument, NGX_OOF_INSTRUMENT_DICT, "its instrument");
    is_int(t.purpose, NGX_OOF_PURPOSE_IMMEDIATE, "its purpose");
    is_int(t.schedule.kind, NGX_OOF_SCHEDULE_NONE, "at once");
    s = date(t.schedule.days[0]);
    is_str(&s, "2026-11-24", "today");
    is_int(t.amount, 10000, "its amount");
    is_str(&t.currency, "BRL", "its currency");
    is_str(&t.cpf, "11111111111", "who is logged in");
    is_str(&t.cnpj, "12345678000199", "for whom");
    is_str(&t.town, "5300108", "the town");
    is_str(&t.proxy, "12345678901", "the key");
    is_str(&t.creditor.ispb, "12345678", "the payee's bank");
    is_str(&t.creditor.issuer, "1774", "agency");
    is_str(&t.creditor.number, "1234567890", "account");
    is_str(&t.creditor.type, "CACC", "and its type");
    is_str(&t.debtor.ispb, "87654321", "the payer's bank");
    is_str(&t.debtor.issuer, "", "no agency");

    rules.instruments &= ~ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_DICT);

    is_int(ngx_oof_payment_consent_judge(&rules, claims, &t, &v),
           NGX_DECLINED, "an instrument that is not offered");
    is_str(&v.code, "FORMA_PAGAMENTO_INVALIDA", "its code");
    is_str(&v.title, "Forma de pagamento inválida.", "its title");
    is_str(&v.detail,
           "Forma de pagamento localInstrument DICT não suportada.",
           "its detail");

    json_decref(claims);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        claims = json(bad[i]);
        is_int(ngx_oof_payment_terms(&rules, claims, &t), NGX_DECLINED,
               "no terms: %s", bad[i]);
        json_decref(claims);
    }

    s = str("APES");
    is_int(ngx_oof_payment_instrument(5, &s), NGX_OOF_INSTRUMENT_APES,
           "an instrument of v5");
    is_int(ngx_oof_payment_instrument(4, &s), NGX_ERROR, "is none of v4");
    s = str("WITHDRAW");
    is_int(ngx_oof_payment_purpose(&s), NGX_OOF_PURPOSE_WITHDRAW, "a purpose");
    s = str("");
    is_int(ngx_oof_payment_purpose(&s), NGX_ERROR, "no purpose");
}


static void
accounts(void)
{
    ngx_oof_payment_account_t  a, b;

    a.ispb = str("12345678");
    a.issuer = str("1774");
    a.number = str("1234567890");
    a.type = str("CACC");
    b = a;

    ok(ngx_oof_payment_same_account(&a, &b), "an account and itself");

    b.issuer = str("");
    ok(ngx_oof_payment_same_account(&a, &b), "without its agency");

    b.issuer = str("1775");
    ok(!ngx_oof_payment_same_account(&a, &b), "of another agency");

    b = a;
    b.number = str("1234567891");
    ok(!ngx_oof_payment_same_account(&a, &b), "of another number");

    b = a;
    b.type = str("SVGS");
    ok(!ngx_oof_payment_same_account(&a, &b), "of another type");

    b = a;
    b.ispb = str("87654321");
    ok(!ngx_oof_payment_same_account(&a, &b), "of another bank");

    ngx_memzero(&a, sizeof(a));
    ngx_memzero(&b, sizeof(b));
    ok(!ngx_oof_payment_same_account(&a, &b), "none and none");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    zone();
    judge();
    terms();
    accounts();

    return tap_done();
}
