
/*
 * Copyright (C) oof authors
 */


/*
 * spec 2.5, 2.7, 2.8, 2.11, 2.14, 7.33, 7.36, 7.40, 7.43: what POST
 * /pix/payments and the PATCHes are judged by
 */


#include "payment.h"


static const char  consent_text[] =
    "{\"data\":{"
    "\"loggedUser\":{\"document\":{\"identification\":\"11111111111\","
    "\"rel\":\"CPF\"}},"
    "\"creditor\":{\"personType\":\"PESSOA_NATURAL\","
    "\"cpfCnpj\":\"22222222222\",\"name\":\"Maria\"},"
    "\"payment\":{\"type\":\"PIX\",\"purpose\":\"IMMEDIATE\","
    "\"date\":\"2026-11-24\",\"currency\":\"BRL\",\"amount\":\"100.00\","
    "\"details\":{\"localInstrument\":\"DICT\",\"proxy\":\"12345678901\","
    "\"creditorAccount\":{\"ispb\":\"12345678\",\"issuer\":\"1774\","
    "\"number\":\"1234567890\",\"accountType\":\"CACC\"}}}}}";

static const char  payment_text[] =
    "{\"data\":[{\"endToEndId\":\"E90400888202611241200abcDEF01234\","
    "\"localInstrument\":\"DICT\",\"payment\":{\"amount\":\"100.00\","
    "\"currency\":\"BRL\"},\"creditorAccount\":{\"ispb\":\"12345678\","
    "\"issuer\":\"1774\",\"number\":\"1234567890\",\"accountType\":\"CACC\"},"
    "\"cnpjInitiator\":\"50685362000135\",\"proxy\":\"12345678901\"}]}";


/* three days from tomorrow on, and a payment for each */

#define DAILY                                                                 \
    "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"        \
    "data.payment.schedule={\"daily\":{\"startDate\":\"2026-11-25\","         \
    "\"quantity\":3},\"additionalInformation\":\"x\"}"

#define FIRST   "data.0.endToEndId=\"E90400888202611251500abcDEF01234\";"
#define SECOND  "data.1=" ITEM ";"                                             \
                "data.1.endToEndId=\"E90400888202611261500abcDEF01234\";"
#define THIRD   "data.2=" ITEM ";"                                             \
                "data.2.endToEndId=\"E90400888202611271500abcDEF01234\";"

#define ITEM                                                                  \
    "{\"endToEndId\":\"E90400888202611241200abcDEF01234\","                   \
    "\"localInstrument\":\"DICT\",\"payment\":{\"amount\":\"100.00\","        \
    "\"currency\":\"BRL\"},\"creditorAccount\":{\"ispb\":\"12345678\","       \
    "\"issuer\":\"1774\",\"number\":\"1234567890\","                          \
    "\"accountType\":\"CACC\"},\"cnpjInitiator\":\"50685362000135\","         \
    "\"proxy\":\"12345678901\"}"

#define TXID25  "abcdefghijklmnopqrstuvwxy"
#define TXID26  "abcdefghijklmnopqrstuvwxyz"
#define TXID    "fc9a4366ff3d4964b5dbc6c91a8722d3"

#define INSTRUMENT(name)                                                      \
    "data.payment.details.localInstrument=\"" name "\";"
#define ITEM_INSTRUMENT(name)  "data.0.localInstrument=\"" name "\";"

#define QRES                                                                  \
    INSTRUMENT("QRES") "data.payment.details.qrCode=<STATIC>"
#define QRES_ITEM                                                             \
    ITEM_INSTRUMENT("QRES") "data.0.qrCode=<STATIC>;"
#define VALUE                                                                 \
    INSTRUMENT("QRES") "data.payment.details.qrCode=<VALUE>"
#define VALUE_ITEM                                                            \
    ITEM_INSTRUMENT("QRES") "data.0.qrCode=<VALUE>;"
#define QRDN                                                                  \
    INSTRUMENT("QRDN") "data.payment.details.qrCode=<DYNAMIC>;"               \
    "data.payment.details.payloadJWS=<COB>"
#define QRDN_ITEM                                                             \
    ITEM_INSTRUMENT("QRDN") "data.0.qrCode=<DYNAMIC>;"


static struct {
    const char  *consent;      /* changes of each */
    const char  *payment;
    const char  *v4;           /* NULL: nothing is wrong */
    const char  *v5;
    const char  *detail;
} cases[] = {

    { "", "", NULL, NULL, NULL },

    /* presence and form */

    { "", "data=", "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO",
      "data" },
    { "", "data={}", "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", "data" },
    { "", "data=[]", "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", "data" },
    { "", "data=[1]", "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO", "data[0]" },
    { "", "data.0.endToEndId=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO", "endToEndId" },
    { "", "data.0.endToEndId=\"E1\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "endToEndId" },
    { "", "data.0.endToEndId=\"E9040088A202611241200abcDEF01234\"",
      "PARAMETRO_INVALIDO", NULL, "endToEndId" },
    { "", "data.0.endToEndId=\"E90400888202402311500abcDEF01234\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Data de liquidação inválida" },
    { "", "data.0.payment.amount=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO", "payment.amount" },
    { "", "data.0.payment.amount=\"1\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "payment.amount" },
    { "", "data.0.payment.currency=\"real\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "payment.currency" },
    { "", "data.0.cnpjInitiator=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO", "cnpjInitiator" },
    { "", "data.0.cnpjInitiator=\"506853620001AB\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "cnpjInitiator" },
    { "", "data.0.cnpjInitiator=\"50ABC362000135\"", "PARAMETRO_INVALIDO",
      NULL, "cnpjInitiator" },
    { "", "data.0.creditorAccount.accountType=\"SLRY\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "creditorAccount.accountType" },
    { "", "data.0.creditorAccount.issuer=", "PARAMETRO_NAO_INFORMADO",
      "PARAMETRO_NAO_INFORMADO", "creditorAccount.issuer" },
    { "", "data.0.localInstrument=\"XXXX\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "localInstrument" },
    { "", "data.0.authorisationFlow=\"NONE\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "authorisationFlow" },
    { "", "data.0.authorisationFlow=\"HYBRID_FLOW\"", NULL, NULL, NULL },
    { "", "data.0.authorisationFlow=\"FIDO_FLOW\"",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO", "consentId" },
    { "", "data.0.authorisationFlow=\"FIDO_FLOW\";"
      "data.0.consentId=\"urn:bank:1\"", NULL, NULL, NULL },
    { "", "data.0.transactionIdentification=\"a-b\"", "PARAMETRO_INVALIDO",
      "PARAMETRO_INVALIDO", "transactionIdentification" },

    /* refused at once: instrument, account, key, consent, town */

    { "", "data.0.consentId=\"urn:bank:2\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "Dados do pagamento divergentes dos dados do consentimento." },
    { "", "data.0.localInstrument=\"MANU\";data.0.proxy=",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.localInstrument=\"MANU\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { QRES, ITEM_INSTRUMENT("APES") "data.0.qrCode=<STATIC>",
      "PARAMETRO_INVALIDO", "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { QRDN, ITEM_INSTRUMENT("APDN") "data.0.qrCode=<DYNAMIC>;"
      "data.0.transactionIdentification=\"" TXID "\"",
      "PARAMETRO_INVALIDO", "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.creditorAccount.ispb=\"12345679\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.creditorAccount.issuer=\"1775\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.creditorAccount.number=\"1\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.creditorAccount.accountType=\"SVGS\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.proxy=\"98765432109\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "", "data.0.ibgeTownCode=\"5300108\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL, NULL },
    { "data.payment.ibgeTownCode=\"5300108\"", "",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL, NULL },

    /* number and days of payments */

    { "", "data.1=" ITEM, "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD, NULL, NULL, NULL },
    { DAILY, FIRST SECOND, "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD "data.3=" ITEM,
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD
      "data.2.endToEndId=\"E90400888202611281500abcDEF01234\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD
      "data.2.endToEndId=\"E90400888202611261500abcDEF01235\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD
      "data.0.endToEndId=\"E90400888202611241500abcDEF01234\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },

    /* any order of days */

    { DAILY, FIRST SECOND THIRD
      "data.0.endToEndId=\"E90400888202611271500abcDEF01234\";"
      "data.2.endToEndId=\"E90400888202611251500abcDEF01234\"",
      NULL, NULL, NULL },

    /* 31 February is 1 March: not the 28th, nor a day that is none */

    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"monthly\":{\"dayOfMonth\":31,\"startDate\":"
      "\"2027-01-31\",\"quantity\":2},\"additionalInformation\":\"x\"}",
      "data.0.endToEndId=\"E90400888202701311500abcDEF01234\";"
      "data.1=" ITEM ";"
      "data.1.endToEndId=\"E90400888202703011500abcDEF01234\"",
      NULL, NULL, NULL },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"monthly\":{\"dayOfMonth\":31,\"startDate\":"
      "\"2027-01-31\",\"quantity\":2},\"additionalInformation\":\"x\"}",
      "data.0.endToEndId=\"E90400888202701311500abcDEF01234\";"
      "data.1=" ITEM ";"
      "data.1.endToEndId=\"E90400888202702281500abcDEF01234\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { "data.payment.date=;data.payment.purpose=\"RECURRENT_SCHEDULED\";"
      "data.payment.schedule={\"monthly\":{\"dayOfMonth\":31,\"startDate\":"
      "\"2027-01-31\",\"quantity\":2},\"additionalInformation\":\"x\"}",
      "data.0.endToEndId=\"E90400888202701311500abcDEF01234\";"
      "data.1=" ITEM ";"
      "data.1.endToEndId=\"E90400888202702311500abcDEF01234\"",
      "PARAMETRO_INVALIDO", "PARAMETRO_INVALIDO",
      "Data de liquidação inválida" },

    /* times: 15:00 of a scheduled one, twelve hours of the others */

    { DAILY, FIRST SECOND THIRD
      "data.1.endToEndId=\"E90400888202611261501abcDEF01234\"",
      "RULE PARAMETRO_INVALIDO", "RULE PARAMETRO_INVALIDO", "endToEndId" },
    { "", "data.0.endToEndId=\"E90400888202611240000abcDEF01234\"",
      NULL, NULL, NULL },
    { "", "data.0.endToEndId=\"E90400888202611232359abcDEF01234\"",
      "RULE PARAMETRO_INVALIDO", "RULE PARAMETRO_INVALIDO", "endToEndId" },
    { "", "data.0.endToEndId=\"E90400888202611250000abcDEF01234\"",
      NULL, NULL, NULL },
    { "", "data.0.endToEndId=\"E90400888202611250001abcDEF01234\"",
      "RULE PARAMETRO_INVALIDO", "RULE PARAMETRO_INVALIDO", "endToEndId" },

    /* the matrix */

    { INSTRUMENT("MANU") "data.payment.details.proxy=",
      ITEM_INSTRUMENT("MANU") "data.0.proxy=", NULL, NULL, NULL },
    { INSTRUMENT("MANU") "data.payment.details.proxy=",
      ITEM_INSTRUMENT("MANU"), "DETALHE_PAGAMENTO_INVALIDO",
      "DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro proxy não obedece às regras de negócio." },
    { INSTRUMENT("MANU") "data.payment.details.proxy=",
      ITEM_INSTRUMENT("MANU") "data.0.proxy=;data.0.qrCode=\"x\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro qrCode não obedece às regras de negócio." },
    { INSTRUMENT("MANU") "data.payment.details.proxy=",
      ITEM_INSTRUMENT("MANU") "data.0.proxy=;"
      "data.0.transactionIdentification=\"a\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro transactionIdentification não obedece às regras de "
      "negócio." },
    { "", "data.0.proxy=", "DETALHE_PAGAMENTO_INVALIDO",
      "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { "", "data.0.qrCode=\"x\"", "DETALHE_PAGAMENTO_INVALIDO",
      "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { "", "data.0.transactionIdentification=\"a\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { INSTRUMENT("INIC"), ITEM_INSTRUMENT("INIC"),
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { INSTRUMENT("INIC"), ITEM_INSTRUMENT("INIC")
      "data.0.transactionIdentification=\"" TXID25 "\"", NULL, NULL, NULL },
    { INSTRUMENT("INIC"), ITEM_INSTRUMENT("INIC")
      "data.0.transactionIdentification=\"" TXID26 "\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },

    /* static codes */

    { QRES, QRES_ITEM, NULL, NULL, NULL },
    { QRES, ITEM_INSTRUMENT("QRES"), "DETALHE_PAGAMENTO_INVALIDO",
      "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { QRES, QRES_ITEM "data.0.proxy=", "DETALHE_PAGAMENTO_INVALIDO",
      "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { QRES, QRES_ITEM "data.0.qrCode=<VALUE>",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { QRES, QRES_ITEM "data.0.transactionIdentification=\"TXID12345\"",
      "201 DETALHE_PAGAMENTO_INVALIDO", "201 DETALHE_PAGAMENTO_INVALIDO",
      "Parâmetro transactionIdentification não obedece às regras de "
      "negócio." },
    { VALUE, VALUE_ITEM "data.0.transactionIdentification=\"TXID12345\"",
      NULL, NULL, NULL },
    { VALUE, VALUE_ITEM, "201 DETALHE_PAGAMENTO_INVALIDO",
      "201 DETALHE_PAGAMENTO_INVALIDO", NULL },
    { VALUE, VALUE_ITEM "data.0.transactionIdentification=\"TXID12346\"",
      "201 DETALHE_PAGAMENTO_INVALIDO", "201 DETALHE_PAGAMENTO_INVALIDO",
      NULL },
    { VALUE, VALUE_ITEM "data.0.transactionIdentification=\"" TXID26 "\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },

    /* dynamic codes */

    { QRDN, QRDN_ITEM "data.0.transactionIdentification=\"" TXID "\"",
      NULL, NULL, NULL },
    { QRDN, QRDN_ITEM, "DETALHE_PAGAMENTO_INVALIDO",
      "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { QRDN, QRDN_ITEM "data.0.transactionIdentification=\"" TXID25 "\"",
      "DETALHE_PAGAMENTO_INVALIDO", "DETALHE_PAGAMENTO_INVALIDO", NULL },
    { QRDN, QRDN_ITEM "data.0.transactionIdentification=\"" TXID26 "\"",
      NULL, "201 DETALHE_PAGAMENTO_INVALIDO", NULL },
    { INSTRUMENT("QRDN") "data.payment.details.qrCode=<DYNAMIC>;"
      "data.payment.details.payloadJWS=<DONE>",
      QRDN_ITEM "data.0.transactionIdentification=\"" TXID "\"",
      NULL, "COBRANCA_INVALIDA",
      "Validação de expiração, validação de vencimento ou Status Válido." },

    /* codes that a consent should not have been authorised with */

    { VALUE ";data.payment.amount=\"99.00\"",
      VALUE_ITEM "data.0.transactionIdentification=\"TXID12345\";"
      "data.0.payment.amount=\"99.00\"",
      "VALOR_INVALIDO", "VALOR_INVALIDO",
      "O valor enviado não é válido para o QR Code informado." },
    { INSTRUMENT("QRES") "data.payment.details.qrCode=\"x\"",
      ITEM_INSTRUMENT("QRES") "data.0.qrCode=\"x\"",
      "PAGAMENTO_RECUSADO_DETENTORA", "QRCODE_INVALIDO", NULL },

    /* accepted, and then rejected */

    { "", "data.0.payment.amount=\"100.01\"",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "Dados do pagamento divergentes dos dados do consentimento." },
    { "", "data.0.payment.currency=\"USD\"",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD "data.1.payment.amount=\"1.00\"",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "201 PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },

    /* what is refused at once comes first, and what is missing before all */

    { DAILY, FIRST SECOND THIRD "data.1.payment.amount=\"1.00\";"
      "data.2.endToEndId=\"E90400888202611281500abcDEF01234\"",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO",
      "PAGAMENTO_DIVERGENTE_CONSENTIMENTO", NULL },
    { DAILY, FIRST SECOND THIRD
      "data.0.localInstrument=\"MANU\";data.2.endToEndId=",
      "PARAMETRO_NAO_INFORMADO", "PARAMETRO_NAO_INFORMADO", "endToEndId" }
};


static void
judge(void)
{
    json_t                     *consent, *claims, *first;
    ngx_int_t                   rc;
    ngx_str_t                   id;
    ngx_uint_t                  i, j, version, status, rank;
    const char                 *want;
    ngx_array_t                 items;
    ngx_oof_payment_item_t     *item;
    ngx_oof_payment_terms_t     terms;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_verdict_t   v;

    rules.pool = tap_pool;
    rules.now = instant("2026-11-24T12:00:00Z");
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;
    id = str("urn:bank:1");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        for (version = 4; version <= 5; version++) {
            rules.version = version;
            want = (version == 4) ? cases[i].v4 : cases[i].v5;

            consent = json(consent_text);
            edit(consent, fill(cases[i].consent));
            first = json_object_get(consent, "data");

            if (ngx_oof_payment_terms(&rules, first, &terms) != NGX_OK) {
                tap_bail(cases[i].consent);
            }

            claims = json(payment_text);
            edit(claims, fill(cases[i].payment));

            ngx_array_init(&items, tap_pool, 4,
                           sizeof(ngx_oof_payment_item_t));

            rc = ngx_oof_payment_judge(&rules, claims, &id, &terms, &items,
                                       &v);

            status = want == NULL ? 0
                     : ngx_strncmp(want, "201 ", 4) == 0 ? 201 : 422;
            rank = NGX_OOF_VERDICT_RULE;

            is_int(v.status, status, "v%lu \"%s\" \"%s\"",
                   (unsigned long) version, cases[i].consent,
                   cases[i].payment);
            is_int(rc, status == 422 ? NGX_DECLINED : NGX_OK, "its verdict");

            if (want) {
                if (ngx_strncmp(want, "PARAMETRO_", 10) == 0) {
                    rank = NGX_OOF_VERDICT_SYNTAX;
                }

                is_str(&v.code, strchr(want, ' ') ? strchr(want, ' ') + 1
                                                  : want, "its code");
                is_int(v.rank, rank, "its rank");

                if (cases[i].detail) {
                    is_str(&v.detail, cases[i].detail, "its detail");
                }
            }

            if (status != 422) {
                item = items.elts;

                is_int(items.nelts, terms.schedule.n, "its payments");

                for (j = 0; j < items.nelts; j++) {
                    is_int(item[j].scheduled,
                           terms.schedule.kind != NGX_OOF_SCHEDULE_NONE,
                           "scheduled");
                    ok(item[j].data
                       == json_array_get(json_object_get(claims, "data"), j),
                       "in the order of the request");
                    is_int(item[j].day, item[j].scheduled
                                        ? item[j].day : day("2026-11-24"),
                           "its day");
                }
            }

            json_decref(claims);
            json_decref(consent);
        }
    }
}


/* sixty payments, and one more */

static void
sixty(void)
{
    char                        buf[64];
    json_t                     *consent, *claims, *item;
    ngx_str_t                   id;
    ngx_uint_t                  i;
    ngx_array_t                 items;
    ngx_oof_payment_item_t     *it;
    ngx_oof_payment_terms_t     terms;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_verdict_t   v;

    rules.pool = tap_pool;
    rules.now = instant("2026-11-24T12:00:00Z");
    rules.version = 5;
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;
    id = str("urn:bank:1");

    consent = json(consent_text);
    edit(consent, DAILY ";data.payment.schedule.daily.quantity=60");

    if (ngx_oof_payment_terms(&rules, json_object_get(consent, "data"),
                              &terms)
        != NGX_OK)
    {
        tap_bail("terms");
    }

    claims = json("{\"data\":[]}");

    for (i = 0; i < 60; i++) {
        ngx_oof_date_t  d;

        ngx_oof_clock_date(day("2026-11-25") + (int64_t) i, &d);

        item = json(ITEM);
        snprintf(buf, sizeof(buf), "E90400888%04d%02d%02d1500abcDEF01234",
                 (int) d.year, (int) d.month, (int) d.day);
        json_object_set_new(item, "endToEndId", json_string(buf));
        json_array_append_new(json_object_get(claims, "data"), item);
    }

    ngx_array_init(&items, tap_pool, 4, sizeof(ngx_oof_payment_item_t));

    is_int(ngx_oof_payment_judge(&rules, claims, &id, &terms, &items, &v),
           NGX_OK, "sixty payments");
    is_int(v.status, 0, "are accepted");
    is_int(items.nelts, 60, "all of them");

    it = items.elts;
    is_int(it[59].day, day("2027-01-23"), "the last one's day");

    json_array_append_new(json_object_get(claims, "data"), json(ITEM));

    is_int(ngx_oof_payment_judge(&rules, claims, &id, &terms, &items, &v),
           NGX_DECLINED, "sixty-one");
    is_str(&v.code, "PARAMETRO_INVALIDO", "their code");
    is_str(&v.detail, "Quantidade permitida de pagamentos excedida",
           "their detail");

    json_decref(claims);
    json_decref(consent);
}


static void
cancel(void)
{
    json_t                     *claims;
    ngx_str_t                   cpfs[2], by;
    ngx_int_t                   rc;
    ngx_uint_t                  i, version;
    ngx_oof_payment_rules_t     rules;
    ngx_oof_payment_verdict_t   v;

    static struct {
        const char  *changes;
        ngx_uint_t   good;
    } bodies[] = {
        { "", 1 },
        { "data.cancellation.cancelledBy.document.identification="
          "\"33333333333\"", 1 },
        { "data.cancellation.cancelledBy.document.identification="
          "\"22222222222\"", 0 },
        { "data.cancellation.cancelledBy.document.identification=\"1\"", 0 },
        { "data.cancellation.cancelledBy.document.rel=\"CNH\"", 0 },
        { "data.cancellation.cancelledBy.document=", 0 },
        { "data.cancellation=", 0 },
        { "data.status=\"RJCT\"", 0 },
        { "data.status=", 0 },
        { "data=", 0 },
        { "data=[]", 0 }
    };

    cpfs[0] = str("11111111111");
    cpfs[1] = str("33333333333");

    rules.pool = tap_pool;
    rules.instruments = NGX_OOF_INSTRUMENT_ALL;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {

        for (version = 4; version <= 5; version++) {
            rules.version = version;
            rules.now = 0;

            claims = json("{\"data\":{\"status\":\"CANC\",\"cancellation\":"
                          "{\"cancelledBy\":{\"document\":{"
                          "\"identification\":\"11111111111\","
                          "\"rel\":\"CPF\"}}}}}");
            edit(claims, bodies[i].changes);

            rc = ngx_oof_payment_cancel_body(&rules, claims, cpfs, 2, &by,
                                             &v);

            is_int(rc, bodies[i].good ? NGX_OK : NGX_DECLINED, "v%lu \"%s\"",
                   (unsigned long) version, bodies[i].changes);

            if (rc != NGX_OK) {
                is_int(v.status, 422, "its status");
                is_str(&v.code, "PAGAMENTO_NAO_PERMITE_CANCELAMENTO",
                       "its code");
                is_str(&v.detail, "Pagamento não permite cancelamento",
                       "its detail");

            } else {
                is_int(by.len, 11, "who cancels");
            }

            json_decref(claims);
        }
    }
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    zone();
    judge();
    sixty();
    cancel();

    return tap_done();
}
