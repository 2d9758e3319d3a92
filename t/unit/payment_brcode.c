
/*
 * Copyright (C) oof authors
 */


/* spec 2.4, 2.5, 7.36: BR Codes, and the charges of dynamic ones */


#include "tap.h"

#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_brcode.h>
#include <ngx_oof_payment_charge.h>


/* the end of every code below: category, currency, country, name, city */

#define END  "5204000053039865802BR5913Fulano de Tal6008BRASILIA"

#define STATIC   "26330014br.gov.bcb.pix0111" "12345678901"
#define DYNAMIC  "26450014br.gov.bcb.pix2523" "pix.example.com/v2/abcd"
#define TXID     "62130509" "TXID12345"


/* "body" with the CRC that it should have */

static ngx_str_t
seal(const char *body)
{
    u_char     *p;
    ngx_str_t   s;

    s.len = strlen(body) + 8;
    s.data = ngx_pnalloc(tap_pool, s.len + 1);

    p = ngx_sprintf(s.data, "%s6304", body);
    (void) ngx_sprintf(p, "%04Xi%Z",
                       ngx_oof_payment_brcode_crc(s.data, s.len - 4));

    return s;
}


static void
crc(void)
{
    is_int(ngx_oof_payment_brcode_crc((u_char *) "123456789", 9), 0x29b1,
           "the check value of the CRC");
    is_int(ngx_oof_payment_brcode_crc((u_char *) "", 0), 0xffff, "of nothing");
}


static void
amounts(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static struct {
        const char  *text;
        int64_t      amount;
    } cases[] = {
        { "0.00", 0 },
        { "1", 100 },
        { "1.", 100 },
        { "1.5", 150 },
        { "1.05", 105 },
        { "123.45", 12345 },
        { "0.01", 1 },
        { "00001.00", 100 },
        { "9999999999999999.99", 999999999999999999LL },
        { "99999999999999999.99", NGX_ERROR },
        { "1.005", NGX_ERROR },
        { ".5", NGX_ERROR },
        { "", NGX_ERROR },
        { ".", NGX_ERROR },
        { "1,00", NGX_ERROR },
        { "-1.00", NGX_ERROR },
        { "+1.00", NGX_ERROR },
        { "1.0x", NGX_ERROR },
        { "1e2", NGX_ERROR },
        { " 1", NGX_ERROR },
        { "1 ", NGX_ERROR }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);
        is_int(ngx_oof_payment_amount(&s), cases[i].amount, "\"%s\"",
               cases[i].text);
    }
}


static void
known(void)
{
    ngx_str_t                  s;
    const char                *why;
    ngx_oof_payment_brcode_t   c;

    /* of the Central Bank's manual */

    s = str("00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-42665544"
            "00005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***"
            "63041D3D");

    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK,
           "the manual's static code");
    is_str(&c.key, "123e4567-e12b-12d1-a456-426655440000", "its key");
    is_str(&c.name, "Fulano de Tal", "its name");
    is_str(&c.city, "BRASILIA", "its city");
    is_str(&c.mcc, "0000", "its category");
    is_str(&c.txid, "", "no identification");
    is_int(c.amount, 0, "no amount");
    ok(!c.dynamic && !c.once, "neither dynamic nor for once");

    /* of the interface files */

    s = str("00020104141234567890123426660014BR.GOV.BCB.PIX014466756C616E6F32"
            "303139406578616D706C652E636F6D27300012BR.COM.OUTRO01100123456789"
            "5204000053039865406123.455802BR5915NOMEDORECEBEDOR6008BRASILIA61"
            "087007490062530515RP12345678-201950300017BR.GOV.BCB.BRCODE01051."
            "0.080450014BR.GOV.BCB.PIX0123PADRAO.URL.PIX/0123ABCD81390012BR.C"
            "OM.OUTRO01190123.ABCD.3456.WXYZ6304EB76");

    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK,
           "the interface file's code");
    is_str(&c.key, "66756C616E6F32303139406578616D706C652E636F6D", "its key");
    is_int(c.amount, 12345, "its amount");
    is_str(&c.txid, "RP12345678-2019", "its identification");
    is_str(&c.postal, "70074900", "its postal code");

    s = seal("000201010212" DYNAMIC END "62070503***");

    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK,
           "a dynamic code");
    is_str(&c.url, "pix.example.com/v2/abcd", "its URL");
    ok(c.dynamic && c.once, "dynamic and for once");

    s = seal("000201" "26570014br.gov.bcb.pix0111" "12345678901"
             "0208" "gorjeta." "0308" "12345678" "54045.00" END TXID);

    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK,
           "a static withdrawal");
    is_str(&c.facilitator, "12345678", "its agent");
    is_str(&c.info, "gorjeta.", "its text");
    is_str(&c.txid, "TXID12345", "its identification");
    is_int(c.amount, 500, "its amount");
}


static void
refused(void)
{
    ngx_str_t                  s;
    ngx_uint_t                 i;
    const char                *why;
    ngx_oof_payment_brcode_t   c;

    static struct {
        const char  *body;
        const char  *why;
    } cases[] = {
        { "000201" STATIC END, NULL },
        { "000201" STATIC END TXID, NULL },
        { "000201010211" STATIC END, NULL },
        { "000201" "51330014BR.GOV.BCB.PIX0111" "12345678901" END, NULL },
        { "000201" "26160012BR.COM.OUTRO" "27330014br.gov.bcb.pix0111"
          "12345678901" END, NULL },
        { "000201" STATIC "54041.00" END "8003abc9901x", NULL },

        /* lengths in characters, where they are not the bytes' */
        { "000201" STATIC "5204000053039865802BR5904Jos\303\2516004"
          "\303\201\303\201\303\201\303\201", NULL },
        { "000201" STATIC "5204000053039865802BR5905Jos\303\2516008"
          "\303\201\303\201\303\201\303\201", NULL },

        { "000202" STATIC END,
          "no payload format 01 at the beginning" },
        { "010211" STATIC END,
          "no payload format 01 at the beginning" },
        { STATIC "000201" END,
          "no payload format 01 at the beginning" },
        { "", "no payload format 01 at the beginning" },
        { "000201" "000201" STATIC END,
          "an object is broken or is there twice" },
        { "000201" STATIC STATIC END,
          "an object is broken or is there twice" },
        { "000201" STATIC END "6208BRASILIA6208BRASILIA",
          "a broken object in the additional data" },
        { "000201010213" STATIC END, "bad initiation" },
        { "000201" END, "no Pix account" },
        { "000201" "26160012BR.COM.OUTRO" END, "no Pix account" },
        { "000201" STATIC "27330014br.gov.bcb.pix0111" "12345678901" END,
          "two Pix accounts" },
        { "000201" "26180014br.gov.bcb.pix" END,
          "not one of key and URL" },
        { "000201" "26600014br.gov.bcb.pix0111" "12345678901"
          "2523" "pix.example.com/v2/abcd" END,
          "not one of key and URL" },
        { "000201" "2605ab.cd" END, "an account that names no arrangement" },
        { "000201" "26150111" "12345678901" END,
          "an account that names no arrangement" },
        { "000201" "26330014br.gov.bcb.pix0112" "12345678901" END,
          "a broken object in the Pix account" },
        { "000201" "26340014br.gov.bcb.pix0111" "123456789010" END,
          "a broken object in the Pix account" },
        { "000201" "26990014br.gov.bcb.pix0111" "12345678901" END,
          "an object is broken or is there twice" },
        { "000201" STATIC END "62",
          "an object is broken or is there twice" },
        { "000201" STATIC END "62x1a",
          "an object is broken or is there twice" },
        { "000201" STATIC END "6200",
          "an object is broken or is there twice" },
        { "000201" STATIC END "6299a",
          "an object is broken or is there twice" },
        { "000201" STATIC END "6304AAAA", "a CRC before the end" },
        { "000201" STATIC "5405-1.00" END, "bad amount" },
        { "000201" STATIC "541400000000001.00" END, "bad amount" },
        { "000201" STATIC "52040000" "5303840" "5802BR5901a6001b",
          "another currency" },
        { "000201" STATIC "52040000" "5303986" "5802US5901a6001b",
          "another country" },
        { "000201" STATIC "520300" "05303986" "5802BR5901a6001b",
          "bad category" },
        { "000201" STATIC "52040000" "5303986" "5802BR5901a",
          "no category, currency, country, name or city" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = seal(cases[i].body);
        why = NULL;

        if (cases[i].why == NULL) {
            is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK,
                   "%s", cases[i].body);
            continue;
        }

        is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_DECLINED,
               "%s", cases[i].body);
        s = str(why ? why : "");
        is_str(&s, cases[i].why, "why");
    }
}


static void
broken(void)
{
    size_t                     i, n;
    ngx_str_t                  s, t;
    ngx_uint_t                 bad;
    const char                *why;
    u_char                     buf[NGX_OOF_BRCODE_MAX + 100];
    ngx_oof_payment_brcode_t   c;

    s = seal("000201" STATIC END TXID);

    /* cut off anywhere, and altered anywhere */

    bad = 0;

    for (n = 0; n < s.len; n++) {
        t.data = s.data;
        t.len = n;

        if (ngx_oof_payment_brcode_parse(&t, &c, &why) != NGX_DECLINED) {
            bad++;
        }
    }

    is_int(bad, 0, "a code that is cut off is none");

    for (n = 0; n < s.len; n++) {
        s.data[n] ^= 0x03;

        if (ngx_oof_payment_brcode_parse(&s, &c, &why) != NGX_DECLINED) {
            bad++;
        }

        s.data[n] ^= 0x03;
    }

    is_int(bad, 0, "a code that is altered is none");

    s.data[s.len - 4] |= 0x20;
    s.data[s.len - 3] |= 0x20;
    s.data[s.len - 2] |= 0x20;
    s.data[s.len - 1] |= 0x20;
    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK,
           "small letters in the CRC");

    /* 512 bytes and one more */

    n = ngx_sprintf(buf, "000201" STATIC END "8099") - buf;

    for (i = 0; i < 99; i++) {
        buf[n++] = 'x';
    }

    while (n + 4 + 99 < NGX_OOF_BRCODE_MAX - 8 - 103) {
        n = ngx_sprintf(buf + n, "%02ui99", (ngx_uint_t) (81 + n / 103))
            - buf;
        for (i = 0; i < 99; i++) {
            buf[n++] = 'x';
        }
    }

    i = NGX_OOF_BRCODE_MAX - 8 - n - 4;
    i = ngx_min(i, 99);
    n = ngx_sprintf(buf + n, "70%02ui", (ngx_uint_t) i) - buf;

    while (i--) {
        buf[n++] = 'x';
    }

    i = NGX_OOF_BRCODE_MAX - 8 - n;

    if (i >= 5) {
        n = ngx_sprintf(buf + n, "71%02ui", (ngx_uint_t) (i - 4)) - buf;

        for (i -= 4; i; i--) {
            buf[n++] = 'x';
        }
    }

    buf[n] = '\0';
    s = seal((char *) buf);
    is_int(s.len, NGX_OOF_BRCODE_MAX, "a code of 512 bytes");
    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_OK, "is read");

    s.len++;
    is_int(ngx_oof_payment_brcode_parse(&s, &c, &why), NGX_DECLINED,
           "one of 513 is not");
    is_int(strcmp(why, "too long"), 0, "for that");
}


/* a compact serialisation of "json" */

static ngx_str_t
jws(const char *json)
{
    u_char     *p;
    ngx_str_t   src, dst, s;

    src = str(json);
    dst.data = ngx_pnalloc(tap_pool, ngx_base64_encoded_length(src.len));
    ngx_encode_base64url(&dst, &src);

    s.data = ngx_pnalloc(tap_pool, dst.len + 100);
    p = ngx_sprintf(s.data, "eyJhbGciOiJQUzI1NiJ9.%V.c2lnbmF0dXJl", &dst);
    s.len = p - s.data;

    return s;
}


#define CHARGE(calendar, value)                                               \
    "{\"txid\":\"fc9a4366ff3d4964b5dbc6c91a8722d3\",\"chave\":"               \
    "\"12345678901\",\"status\":\"ATIVA\",\"calendario\":{" calendar          \
    "},\"valor\":{" value "},\"revisao\":3}"

#define SOON  "\"criacao\":\"2026-11-24T12:00:00.013Z\",\"expiracao\":\"3600\""


static void
charges(void)
{
    ngx_str_t                  s;
    ngx_uint_t                 i;
    const char                *why;
    ngx_oof_payment_charge_t   c;

    static struct {
        const char                *json;
        ngx_oof_payment_charge_e   kind;
        int64_t                    amount;
        int64_t                    least;
        int64_t                    most;
    } cases[] = {
        { CHARGE(SOON, "\"original\":\"500.00\""),
          NGX_OOF_CHARGE_IMMEDIATE, 50000, 50000, 50000 },
        { CHARGE(SOON, "\"original\":\"500.00\",\"modalidadeAlteracao\":1"),
          NGX_OOF_CHARGE_IMMEDIATE, 50000, 1, 0 },
        { CHARGE(SOON, "\"original\":\"500.00\","
                 "\"modalidadeAlteracao\":\"0\""),
          NGX_OOF_CHARGE_IMMEDIATE, 50000, 50000, 50000 },
        { CHARGE(SOON, "\"original\":\"0.00\",\"retirada\":{\"saque\":"
                 "{\"valor\":\"20.00\"}}"),
          NGX_OOF_CHARGE_WITHDRAWAL, 2000, 2000, 2000 },
        { CHARGE(SOON, "\"original\":\"0.00\",\"retirada\":{\"saque\":"
                 "{\"valor\":\"20.00\",\"modalidadeAlteracao\":1}}"),
          NGX_OOF_CHARGE_WITHDRAWAL, 2000, 1, 2000 },
        { CHARGE(SOON, "\"original\":\"10.00\",\"retirada\":{\"troco\":"
                 "{\"valor\":\"20.00\"}}"),
          NGX_OOF_CHARGE_CHANGE, 3000, 3000, 3000 },
        { CHARGE(SOON, "\"original\":\"10.00\",\"retirada\":{\"troco\":"
                 "{\"valor\":\"20.00\",\"modalidadeAlteracao\":1}}"),
          NGX_OOF_CHARGE_CHANGE, 3000, 1000, 3000 },
        { CHARGE("\"dataDeVencimento\":\"2026-12-24\"",
                 "\"original\":\"100.00\",\"final\":\"98.50\""),
          NGX_OOF_CHARGE_DUE, 9850, 9850, 9850 },
        { CHARGE("\"dataDeVencimento\":\"2026-12-24\"",
                 "\"original\":\"100.00\",\"abatimento\":\"5.00\","
                 "\"desconto\":\"1.00\",\"juros\":\"2.00\","
                 "\"multa\":\"0.50\",\"modalidadeAlteracao\":1"),
          NGX_OOF_CHARGE_DUE, 9650, 9650, 9650 }
    };

    static const char  *bad[] = {
        "{}",
        CHARGE("", ""),
        CHARGE(SOON, "\"original\":500"),
        CHARGE(SOON, "\"original\":\"500.000\""),
        CHARGE("\"dataDeVencimento\":\"2026-02-30\"",
               "\"original\":\"1.00\""),
        CHARGE("\"dataDeVencimento\":\"2026-12-24\","
               "\"validadeAposVencimento\":-1", "\"original\":\"1.00\""),
        CHARGE("\"dataDeVencimento\":\"2026-12-24\"",
               "\"original\":\"1.00\",\"desconto\":\"2.00\""),
        CHARGE("\"expiracao\":3600", "\"original\":\"1.00\""),
        CHARGE("\"expiracao\":\"soon\"", "\"original\":\"1.00\""),
        CHARGE("\"expiracao\":9000000000000000000", "\"original\":\"1.00\""),
        CHARGE("\"expiracao\":3600,\"criacao\":\"2026-11-24T12:00:00\"",
               "\"original\":\"1.00\""),
        CHARGE("\"expiracao\":3600,\"criacao\":\"2026-11-24T12:00:00.0+1Z\"",
               "\"original\":\"1.00\""),
        CHARGE(SOON, "\"original\":\"1.00\",\"retirada\":{}"),
        CHARGE(SOON, "\"original\":\"1.00\",\"retirada\":{\"saque\":{}}"),
        CHARGE(SOON, "\"original\":\"1.00\",\"retirada\":{\"saque\":"
               "{\"valor\":\"1.00\"},\"troco\":{\"valor\":\"1.00\"}}"),
        "[1]", "", "{\"txid\":1}"
    };

    static const char  *parts[] = {
        "", ".", "..", "a.b", "a.b.", ".b.c", "a..c", "a.b!.c", "a.e30.c.d",
        "a.e30=.c"
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = jws(cases[i].json);
        why = NULL;

        is_int(ngx_oof_payment_charge_parse(tap_pool, &s, &c, &why), NGX_OK,
               "charge %lu", (unsigned long) i);

        if (why) {
            diag("%s", why);
        }

        is_int(c.kind, cases[i].kind, "its kind");
        is_int(c.amount, cases[i].amount, "its amount");
        is_int(c.least, cases[i].least, "its least amount");
        is_int(c.most, cases[i].most, "its greatest amount");
        ok(ngx_oof_payment_charge_pays(&c, c.amount), "which pays it");
        is_int(ngx_oof_payment_charge_pays(&c, c.amount + 1),
               c.most == 0, "a centavo more");
        is_int(ngx_oof_payment_charge_pays(&c, c.amount - 1),
               c.least < c.amount, "a centavo less");
    }

    is_str(&c.txid, "fc9a4366ff3d4964b5dbc6c91a8722d3", "its txid");
    is_str(&c.key, "12345678901", "its key");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = jws(bad[i]);
        is_int(ngx_oof_payment_charge_parse(tap_pool, &s, &c, &why),
               NGX_DECLINED, "no charge: %s", bad[i]);
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        s = str(parts[i]);
        is_int(ngx_oof_payment_charge_parse(tap_pool, &s, &c, &why),
               NGX_DECLINED, "no JWS: \"%s\"", parts[i]);
    }
}


static void
open_until(void)
{
    int64_t                    now, today;
    ngx_str_t                  s;
    const char                *why;
    ngx_oof_payment_charge_t   c;

    now = 1795521600 * NGX_OOF_SECOND;             /* 2026-11-24T12:00:00Z */
    today = ngx_oof_clock_today(now);

    s = jws(CHARGE(SOON, "\"original\":\"1.00\""));
    (void) ngx_oof_payment_charge_parse(tap_pool, &s, &c, &why);

    ok(ngx_oof_payment_charge_open(&c, now, today), "a charge is open");
    ok(ngx_oof_payment_charge_open(&c, now + 3599 * NGX_OOF_SECOND, today),
       "for an hour");
    ok(!ngx_oof_payment_charge_open(&c, now + 3600 * NGX_OOF_SECOND, today),
       "and no longer");
    ok(!ngx_oof_payment_charge_open(&c, now, today + 1), "nor tomorrow");

    c.status = str("CONCLUIDA");
    ok(!ngx_oof_payment_charge_open(&c, now, today), "one that was paid");

    s = jws(CHARGE("\"dataDeVencimento\":\"2026-11-24\","
                   "\"validadeAposVencimento\":10", "\"original\":\"1.00\""));
    (void) ngx_oof_payment_charge_parse(tap_pool, &s, &c, &why);

    is_int(c.due, today, "a charge that is due");
    is_int(c.last, today + 10, "and ten days after");
    ok(ngx_oof_payment_charge_open(&c, now, today + 10), "is open that long");
    ok(ngx_oof_payment_charge_open(&c, now, today + 17),
       "and on the bank's day after it");
    ok(!ngx_oof_payment_charge_open(&c, now, today + 18), "and no longer");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    crc();
    amounts();
    known();
    refused();
    broken();
    charges();
    open_until();

    return tap_done();
}
