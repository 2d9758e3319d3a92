
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_rules.h>


#define NGX_OOF_PAYMENT_NEED  NGX_OOF_SCHEMA_REQUIRED


/* rows of the tables below */

#define str(name, flags, max, scan)                                           \
    { ngx_string(name), NGX_OOF_SCHEMA_STRING, flags, 0, max, scan, NULL,     \
      NULL }

#define enumeration(name, flags, values)                                      \
    { ngx_string(name), NGX_OOF_SCHEMA_STRING, flags, 0, 0, NULL, values,     \
      NULL }

#define object(name, flags, members)                                          \
    { ngx_string(name), NGX_OOF_SCHEMA_OBJECT, flags, 0, 0, NULL, NULL,       \
      members }

#define integer(name, flags, min, max)                                        \
    { ngx_string(name), NGX_OOF_SCHEMA_INTEGER, flags, min, max, NULL, NULL,  \
      NULL }

#define array(name, flags, item)                                              \
    { ngx_string(name), NGX_OOF_SCHEMA_ARRAY, flags, 0, 0, NULL, NULL, item }


#define is_digit(c)    ((c) >= '0' && (c) <= '9')
#define is_capital(c)  ((c) >= 'A' && (c) <= 'Z')
#define is_letter(c)   (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')


static ngx_int_t ngx_oof_payment_digits(ngx_str_t *value, size_t min,
    size_t max);
static ngx_int_t ngx_oof_payment_scan_cnpj4(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_person4(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_person5(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_name4(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_name5(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_ispb4(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_ispb5(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_issuer(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_number(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_town(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_amount(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_qr(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_text(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_jws(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_txid(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_e2eid4(ngx_str_t *value);
static ngx_int_t ngx_oof_payment_scan_e2eid5(ngx_str_t *value);


/* enumerations */

static ngx_str_t  ngx_oof_payment_types[] = {
    ngx_string("PIX"), ngx_null_string
};

static ngx_str_t  ngx_oof_payment_persons[] = {
    ngx_string("PESSOA_NATURAL"), ngx_string("PESSOA_JURIDICA"),
    ngx_null_string
};

static ngx_str_t  ngx_oof_payment_accounts[] = {
    ngx_string("CACC"), ngx_string("SVGS"), ngx_string("TRAN"),
    ngx_null_string
};

static ngx_str_t  ngx_oof_payment_instruments4[] = {
    ngx_string("MANU"), ngx_string("DICT"), ngx_string("INIC"),
    ngx_string("QRES"), ngx_string("QRDN"), ngx_null_string
};

static ngx_str_t  ngx_oof_payment_instruments5[] = {
    ngx_string("MANU"), ngx_string("DICT"), ngx_string("INIC"),
    ngx_string("QRES"), ngx_string("QRDN"), ngx_string("APES"),
    ngx_string("APDN"), ngx_null_string
};

static ngx_str_t  ngx_oof_payment_purposes[] = {
    ngx_string("IMMEDIATE"), ngx_string("SINGLE_SCHEDULED"),
    ngx_string("RECURRENT_SCHEDULED"), ngx_string("WITHDRAW"),
    ngx_string("CHANGE"), ngx_null_string
};

static ngx_str_t  ngx_oof_payment_weekdays[] = {
    ngx_string("SEGUNDA_FEIRA"), ngx_string("TERCA_FEIRA"),
    ngx_string("QUARTA_FEIRA"), ngx_string("QUINTA_FEIRA"),
    ngx_string("SEXTA_FEIRA"), ngx_string("SABADO"), ngx_string("DOMINGO"),
    ngx_null_string
};

static ngx_str_t  ngx_oof_payment_flows[] = {
    ngx_string("HYBRID_FLOW"), ngx_string("CIBA_FLOW"),
    ngx_string("FIDO_FLOW"), ngx_null_string
};

static ngx_str_t  ngx_oof_payment_cancelled[] = {
    ngx_string("CANC"), ngx_null_string
};


/* who: the same members in both versions, other patterns */

static ngx_oof_schema_t  ngx_oof_payment_cpf_schema[] = {
    str("identification", NGX_OOF_PAYMENT_NEED, 11, ngx_oof_scan_cpf),
    str("rel", NGX_OOF_PAYMENT_NEED, 3, ngx_oof_scan_rel_cpf),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_user_schema[] = {
    object("document", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_cpf_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_cnpj4_schema[] = {
    str("identification", NGX_OOF_PAYMENT_NEED, 14,
        ngx_oof_payment_scan_cnpj4),
    str("rel", NGX_OOF_PAYMENT_NEED, 4, ngx_oof_scan_rel_cnpj),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_cnpj5_schema[] = {
    str("identification", NGX_OOF_PAYMENT_NEED, 14, ngx_oof_scan_cnpj),
    str("rel", NGX_OOF_PAYMENT_NEED, 4, ngx_oof_scan_rel_cnpj),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_entity4_schema[] = {
    object("document", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_cnpj4_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_entity5_schema[] = {
    object("document", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_cnpj5_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_creditor4_schema[] = {
    enumeration("personType", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_persons),
    str("cpfCnpj", NGX_OOF_PAYMENT_NEED, 14, ngx_oof_payment_scan_person4),
    str("name", NGX_OOF_PAYMENT_NEED, 150, ngx_oof_payment_scan_name4),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_creditor5_schema[] = {
    enumeration("personType", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_persons),
    str("cpfCnpj", NGX_OOF_PAYMENT_NEED, 14, ngx_oof_payment_scan_person5),
    str("name", NGX_OOF_PAYMENT_NEED, 150, ngx_oof_payment_scan_name5),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_account4_schema[] = {
    str("ispb", NGX_OOF_PAYMENT_NEED, 8, ngx_oof_payment_scan_ispb4),
    str("issuer", 0, 4, ngx_oof_payment_scan_issuer),
    str("number", NGX_OOF_PAYMENT_NEED, 20, ngx_oof_payment_scan_number),
    enumeration("accountType", NGX_OOF_PAYMENT_NEED,
                ngx_oof_payment_accounts),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_account5_schema[] = {
    str("ispb", NGX_OOF_PAYMENT_NEED, 8, ngx_oof_payment_scan_ispb5),
    str("issuer", 0, 4, ngx_oof_payment_scan_issuer),
    str("number", NGX_OOF_PAYMENT_NEED, 20, ngx_oof_payment_scan_number),
    enumeration("accountType", NGX_OOF_PAYMENT_NEED,
                ngx_oof_payment_accounts),
    ngx_oof_schema_end
};


/*
 * When: numbers of payments are judged with the schedule, which has a text of
 * its own for too many.
 */

static ngx_oof_schema_t  ngx_oof_payment_single_schema[] = {
    str("date", NGX_OOF_PAYMENT_NEED, 10, ngx_oof_scan_date),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_daily_schema[] = {
    str("startDate", NGX_OOF_PAYMENT_NEED, 10, ngx_oof_scan_date),
    integer("quantity", NGX_OOF_PAYMENT_NEED, 0, 0),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_weekly_schema[] = {
    enumeration("dayOfWeek", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_weekdays),
    str("startDate", NGX_OOF_PAYMENT_NEED, 10, ngx_oof_scan_date),
    integer("quantity", NGX_OOF_PAYMENT_NEED, 0, 0),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_monthly_schema[] = {
    integer("dayOfMonth", NGX_OOF_PAYMENT_NEED, 1, 31),
    str("startDate", NGX_OOF_PAYMENT_NEED, 10, ngx_oof_scan_date),
    integer("quantity", NGX_OOF_PAYMENT_NEED, 0, 0),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_date_schema = {
    ngx_null_string, NGX_OOF_SCHEMA_STRING, 0, 0, 10, ngx_oof_scan_date,
    NULL, NULL
};

static ngx_oof_schema_t  ngx_oof_payment_custom4_schema[] = {
    array("dates", NGX_OOF_PAYMENT_NEED, &ngx_oof_payment_date_schema),
    str("additionalInformation", NGX_OOF_PAYMENT_NEED, 255,
        ngx_oof_payment_scan_text),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_custom5_schema[] = {
    array("dates", NGX_OOF_PAYMENT_NEED, &ngx_oof_payment_date_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_schedule4_schema[] = {
    object("single", 0, ngx_oof_payment_single_schema),
    object("daily", 0, ngx_oof_payment_daily_schema),
    object("weekly", 0, ngx_oof_payment_weekly_schema),
    object("monthly", 0, ngx_oof_payment_monthly_schema),
    object("custom", 0, ngx_oof_payment_custom4_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_schedule5_schema[] = {
    object("single", 0, ngx_oof_payment_single_schema),
    object("daily", 0, ngx_oof_payment_daily_schema),
    object("weekly", 0, ngx_oof_payment_weekly_schema),
    object("monthly", 0, ngx_oof_payment_monthly_schema),
    object("custom", 0, ngx_oof_payment_custom5_schema),
    str("additionalInformation", NGX_OOF_PAYMENT_NEED, 255,
        ngx_oof_payment_scan_text),
    ngx_oof_schema_end
};


/* POST /consents */

static ngx_oof_schema_t  ngx_oof_payment_details4_schema[] = {
    enumeration("localInstrument", NGX_OOF_PAYMENT_NEED,
                ngx_oof_payment_instruments4),
    str("qrCode", 0, 0, ngx_oof_payment_scan_qr),
    str("proxy", 0, 77, ngx_oof_payment_scan_text),
    object("creditorAccount", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_account4_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_details5_schema[] = {
    str("payloadJWS", 0, 16384, ngx_oof_payment_scan_jws),
    enumeration("localInstrument", NGX_OOF_PAYMENT_NEED,
                ngx_oof_payment_instruments5),
    str("qrCode", 0, 0, ngx_oof_payment_scan_qr),
    str("proxy", 0, 77, ngx_oof_payment_scan_text),
    object("creditorAccount", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_account5_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_payment4_schema[] = {
    enumeration("type", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_types),
    object("schedule", 0, ngx_oof_payment_schedule4_schema),
    str("date", 0, 10, ngx_oof_scan_date),
    str("currency", NGX_OOF_PAYMENT_NEED, 3, ngx_oof_scan_rel_cpf),
    str("amount", NGX_OOF_PAYMENT_NEED, 19, ngx_oof_payment_scan_amount),
    str("ibgeTownCode", 0, 7, ngx_oof_payment_scan_town),
    object("details", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_details4_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_payment5_schema[] = {
    enumeration("type", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_types),
    enumeration("purpose", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_purposes),
    object("schedule", 0, ngx_oof_payment_schedule5_schema),
    str("date", 0, 10, ngx_oof_scan_date),
    str("currency", NGX_OOF_PAYMENT_NEED, 3, ngx_oof_scan_rel_cpf),
    str("amount", NGX_OOF_PAYMENT_NEED, 19, ngx_oof_payment_scan_amount),
    str("ibgeTownCode", 0, 7, ngx_oof_payment_scan_town),
    object("details", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_details5_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_data4_schema[] = {
    object("loggedUser", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_user_schema),
    object("businessEntity", 0, ngx_oof_payment_entity4_schema),
    object("creditor", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_creditor4_schema),
    object("payment", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_payment4_schema),
    object("debtorAccount", 0, ngx_oof_payment_account4_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_data5_schema[] = {
    object("loggedUser", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_user_schema),
    object("businessEntity", 0, ngx_oof_payment_entity5_schema),
    object("creditor", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_creditor5_schema),
    object("payment", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_payment5_schema),
    object("debtorAccount", 0, ngx_oof_payment_account5_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_consent4_schema[] = {
    object("data", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_data4_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_consent5_schema[] = {
    object("data", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_data5_schema),
    ngx_oof_schema_end
};


/* POST /pix/payments */

static ngx_oof_schema_t  ngx_oof_payment_value_schema[] = {
    str("amount", NGX_OOF_PAYMENT_NEED, 19, ngx_oof_payment_scan_amount),
    str("currency", NGX_OOF_PAYMENT_NEED, 3, ngx_oof_scan_rel_cpf),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_pix4_schema[] = {
    str("endToEndId", NGX_OOF_PAYMENT_NEED, 0, ngx_oof_payment_scan_e2eid4),
    enumeration("localInstrument", NGX_OOF_PAYMENT_NEED,
                ngx_oof_payment_instruments4),
    object("payment", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_value_schema),
    object("creditorAccount", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_account4_schema),
    str("remittanceInformation", 0, 140, NULL),
    str("qrCode", 0, 0, ngx_oof_payment_scan_qr),
    str("proxy", 0, 77, ngx_oof_payment_scan_text),
    str("cnpjInitiator", NGX_OOF_PAYMENT_NEED, 14,
        ngx_oof_payment_scan_cnpj4),
    str("transactionIdentification", 0, 35, ngx_oof_payment_scan_txid),
    str("ibgeTownCode", 0, 7, ngx_oof_payment_scan_town),
    enumeration("authorisationFlow", 0, ngx_oof_payment_flows),
    str("consentId", 0, 256, ngx_oof_scan_urn),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_pix5_schema[] = {
    str("endToEndId", NGX_OOF_PAYMENT_NEED, 0, ngx_oof_payment_scan_e2eid5),
    enumeration("localInstrument", NGX_OOF_PAYMENT_NEED,
                ngx_oof_payment_instruments5),
    object("payment", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_value_schema),
    object("creditorAccount", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_account5_schema),
    str("remittanceInformation", 0, 140, NULL),
    str("qrCode", 0, 0, ngx_oof_payment_scan_qr),
    str("proxy", 0, 77, ngx_oof_payment_scan_text),
    str("cnpjInitiator", NGX_OOF_PAYMENT_NEED, 14, ngx_oof_scan_cnpj),
    str("transactionIdentification", 0, 35, ngx_oof_payment_scan_txid),
    enumeration("authorisationFlow", 0, ngx_oof_payment_flows),
    str("consentId", 0, 256, ngx_oof_scan_urn),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_pix4_item = {
    ngx_null_string, NGX_OOF_SCHEMA_OBJECT, 0, 0, 0, NULL, NULL,
    ngx_oof_payment_pix4_schema
};

static ngx_oof_schema_t  ngx_oof_payment_pix5_item = {
    ngx_null_string, NGX_OOF_SCHEMA_OBJECT, 0, 0, 0, NULL, NULL,
    ngx_oof_payment_pix5_schema
};

static ngx_oof_schema_t  ngx_oof_payment_items4_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_ARRAY, NGX_OOF_PAYMENT_NEED, 1,
      NGX_OOF_PAYMENT_MAX, NULL, NULL, &ngx_oof_payment_pix4_item },
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_items5_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_ARRAY, NGX_OOF_PAYMENT_NEED, 1,
      NGX_OOF_PAYMENT_MAX, NULL, NULL, &ngx_oof_payment_pix5_item },
    ngx_oof_schema_end
};


/* the PATCHes */

static ngx_oof_schema_t  ngx_oof_payment_cancellation_schema[] = {
    object("cancelledBy", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_user_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_cancel_data_schema[] = {
    enumeration("status", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_cancelled),
    object("cancellation", NGX_OOF_PAYMENT_NEED,
           ngx_oof_payment_cancellation_schema),
    ngx_oof_schema_end
};

static ngx_oof_schema_t  ngx_oof_payment_cancel_top_schema[] = {
    object("data", NGX_OOF_PAYMENT_NEED, ngx_oof_payment_cancel_data_schema),
    ngx_oof_schema_end
};


ngx_oof_schema_t *
ngx_oof_payment_consent_schema(ngx_uint_t version)
{
    return (version < 5) ? ngx_oof_payment_consent4_schema
                         : ngx_oof_payment_consent5_schema;
}


ngx_oof_schema_t *
ngx_oof_payment_item_schema(ngx_uint_t version)
{
    return (version < 5) ? ngx_oof_payment_items4_schema
                         : ngx_oof_payment_items5_schema;
}


ngx_oof_schema_t *
ngx_oof_payment_cancel_schema(ngx_uint_t version)
{
    return ngx_oof_payment_cancel_top_schema;
}


static ngx_int_t
ngx_oof_payment_digits(ngx_str_t *value, size_t min, size_t max)
{
    size_t  i;

    if (value->len < min || value->len > max) {
        return NGX_DECLINED;
    }

    for (i = 0; i < value->len; i++) {
        if (!is_digit(value->data[i])) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_scan_cnpj4(ngx_str_t *value)
{
    return ngx_oof_payment_digits(value, 14, 14);
}


static ngx_int_t
ngx_oof_payment_scan_person4(ngx_str_t *value)
{
    return (value->len == 11) ? ngx_oof_payment_digits(value, 11, 11)
                              : ngx_oof_payment_digits(value, 14, 14);
}


static ngx_int_t
ngx_oof_payment_scan_person5(ngx_str_t *value)
{
    return (value->len == 11) ? ngx_oof_payment_digits(value, 11, 11)
                              : ngx_oof_scan_cnpj(value);
}


/* ^([A-Za-zÀ-ÖØ-öø-ÿ,.@:&*+_<>()!?/\\$%\d' -]+)$ */

static ngx_int_t
ngx_oof_payment_scan_name4(ngx_str_t *value)
{
    u_char  *p, *last, c;

    if (value->len == 0) {
        return NGX_DECLINED;
    }

    p = value->data;
    last = p + value->len;

    while (p < last) {
        c = *p++;

        if (is_letter(c) || is_digit(c)) {
            continue;
        }

        if (c < 0x80) {

            if (c == 0 || ngx_strchr(",.@:&*+_<>()!?/\\$%' -", c) == NULL) {
                return NGX_DECLINED;
            }

            continue;
        }

        /* U+00C0 to U+00FF are 0xc3 0x80 to 0xc3 0xbf in UTF-8 */

        if (c != 0xc3 || p == last || *p == 0x97 || *p == 0xb7) {
            return NGX_DECLINED;
        }

        p++;
    }

    return NGX_OK;
}


/* ^[\u0020-\u007E\u00A1-\u00FF]+$ */

static ngx_int_t
ngx_oof_payment_scan_name5(ngx_str_t *value)
{
    u_char  *p, *last, c;

    if (value->len == 0) {
        return NGX_DECLINED;
    }

    p = value->data;
    last = p + value->len;

    while (p < last) {
        c = *p++;

        if (c >= 0x20 && c <= 0x7e) {
            continue;
        }

        if (p == last || (c != 0xc2 && c != 0xc3)
            || (c == 0xc2 && *p < 0xa1))
        {
            return NGX_DECLINED;
        }

        p++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_scan_ispb4(ngx_str_t *value)
{
    return ngx_oof_payment_digits(value, 8, 8);
}


static ngx_int_t
ngx_oof_payment_scan_ispb5(ngx_str_t *value)
{
    size_t  i;

    if (value->len != 8) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 8; i++) {
        if (!is_digit(value->data[i]) && !is_capital(value->data[i])) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_scan_issuer(ngx_str_t *value)
{
    return ngx_oof_payment_digits(value, 1, 4);
}


static ngx_int_t
ngx_oof_payment_scan_number(ngx_str_t *value)
{
    return ngx_oof_payment_digits(value, 1, 20);
}


static ngx_int_t
ngx_oof_payment_scan_town(ngx_str_t *value)
{
    return ngx_oof_payment_digits(value, 7, 7);
}


/* the pattern allows zero, which pays nothing */

static ngx_int_t
ngx_oof_payment_scan_amount(ngx_str_t *value)
{
    if (ngx_oof_scan_amount(value) != NGX_OK
        || ngx_oof_payment_amount(value) <= 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* the limit of a QR code counts bytes */

static ngx_int_t
ngx_oof_payment_scan_qr(ngx_str_t *value)
{
    return (value->len && value->len <= NGX_OOF_BRCODE_MAX) ? NGX_OK
                                                            : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_payment_scan_text(ngx_str_t *value)
{
    return value->len ? NGX_OK : NGX_DECLINED;
}


/* ^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$ */

static ngx_int_t
ngx_oof_payment_scan_jws(ngx_str_t *value)
{
    u_char      *p, *last, *part;
    ngx_uint_t   points;

    p = value->data;
    last = p + value->len;
    part = p;
    points = 0;

    for ( /* void */ ; p < last; p++) {

        if (*p == '.') {

            if (p == part || ++points > 2) {
                return NGX_DECLINED;
            }

            part = p + 1;

        } else if (!is_letter(*p) && !is_digit(*p)
                   && *p != '_' && *p != '-')
        {
            return NGX_DECLINED;
        }
    }

    return (points == 2 && p > part) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_payment_scan_txid(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (!is_letter(value->data[i]) && !is_digit(value->data[i])) {
            return NGX_DECLINED;
        }
    }

    return value->len ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_payment_scan_e2eid4(ngx_str_t *value)
{
    ngx_oof_payment_e2eid_t  id;

    return ngx_oof_payment_e2eid_parse(4, value, &id);
}


static ngx_int_t
ngx_oof_payment_scan_e2eid5(ngx_str_t *value)
{
    ngx_oof_payment_e2eid_t  id;

    return ngx_oof_payment_e2eid_parse(5, value, &id);
}
