
/*
 * Copyright (C) oof authors
 */


#ifndef _PAYMENT_H_INCLUDED_
#define _PAYMENT_H_INCLUDED_


/* what the tests of the payments' rules share */


#include "tap.h"

#include <ngx_oof_payment_rules.h>


/* an instant, a day, from text */

TAP int64_t
instant(const char *text)
{
    int64_t    us;
    ngx_str_t  s;

    s = str(text);

    if (ngx_oof_clock_parse(&s, &us) != NGX_OK) {
        tap_bail(text);
    }

    return us;
}


TAP int64_t
day(const char *text)
{
    ngx_str_t       s;
    ngx_oof_date_t  d;

    s = str(text);

    if (ngx_oof_clock_parse_date(&s, &d) != NGX_OK) {
        tap_bail(text);
    }

    return ngx_oof_clock_day(&d);
}


/* a day as text; three at a time */

TAP ngx_str_t
date(int64_t n)
{
    static u_char      buf[3][16];
    static ngx_uint_t  next;

    u_char  *p;

    p = buf[next++ % 3];
    *ngx_oof_payment_day_format(p, n) = '\0';

    return str((char *) p);
}


TAP void
zone(void)
{
    FILE           *f;
    size_t          n;
    static u_char   buf[65536];

    f = fopen("/usr/share/zoneinfo/America/Sao_Paulo", "rb");
    if (f == NULL) {
        tap_bail("no tzdata");
    }

    n = fread(buf, 1, sizeof(buf), f);
    fclose(f);

    is_int(ngx_oof_clock_zone(buf, n), NGX_OK, "Brasilia's zone is read");
}


TAP json_t *
json(const char *text)
{
    json_t        *root;
    json_error_t   error;

    root = json_loads(text, JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        printf("# %s\n# %s\n", error.text, text);
        tap_bail("bad JSON in a test");
    }

    return root;
}


/*
 * Alters "root" by a list "path=JSON;path=;…": a member of dotted names and
 * indices gets a value, or is taken out where none is named.
 */

TAP void
edit(json_t *root, const char *changes)
{
    char    *copy, *change, *value, *name, *next, *save;
    json_t  *at;

    copy = strdup(changes);

    for (change = strtok_r(copy, ";", &save); change;
         change = strtok_r(NULL, ";", &save))
    {
        value = strchr(change, '=');

        if (value == NULL) {
            tap_bail(change);
        }

        *value++ = '\0';
        at = root;

        for (name = change; (next = strchr(name, '.')); name = next + 1) {
            *next = '\0';
            at = json_is_array(at) ? json_array_get(at, atoi(name))
                                   : json_object_get(at, name);
        }

        if (json_is_array(at)) {
            if (*value == '\0') {
                json_array_remove(at, atoi(name));

            } else if ((size_t) atoi(name) == json_array_size(at)) {
                json_array_append_new(at, json(value));

            } else {
                json_array_set_new(at, atoi(name), json(value));
            }

        } else if (*value == '\0') {
            if (json_object_del(at, name) != 0) {
                tap_bail(name);
            }

        } else if (json_object_set_new(at, name, json(value)) != 0) {
            tap_bail(name);
        }
    }

    free(copy);
}


/* "body" of a BR Code with its CRC */

TAP const char *
brcode(const char *body)
{
    u_char  *p;
    char    *s;
    size_t   n;

    n = strlen(body);
    s = ngx_pnalloc(tap_pool, n + 16);

    p = ngx_sprintf((u_char *) s, "%s6304", body);
    *ngx_sprintf(p, "%04Xi",
                 ngx_oof_payment_brcode_crc((u_char *) s, n + 4)) = '\0';

    return s;
}


/* a compact serialisation of "text" */

TAP const char *
jws(const char *text)
{
    char       *s;
    ngx_str_t   src, dst;

    src = str(text);
    dst.data = ngx_pnalloc(tap_pool, ngx_base64_encoded_length(src.len));
    ngx_encode_base64url(&dst, &src);

    s = ngx_pnalloc(tap_pool, dst.len + 100);
    *ngx_sprintf((u_char *) s, "eyJhbGciOiJQUzI1NiJ9.%V.c2lnbmF0dXJl", &dst)
        = '\0';

    return s;
}


#define BR_ACCOUNT  "26330014br.gov.bcb.pix0111" "12345678901"
#define BR_END      "5204000053039865802BR5913Fulano de Tal6008BRASILIA"

#define CHARGE_HEAD                                                           \
    "{\"txid\":\"fc9a4366ff3d4964b5dbc6c91a8722d3\",\"chave\":"               \
    "\"12345678901\",\"status\":\"ATIVA\",\"calendario\":"

#define CHARGE_SOON                                                           \
    "{\"criacao\":\"2026-11-24T12:00:00Z\",\"expiracao\":\"3600\"}"


/* a text with <NAME>s of QR codes and charges, as JSON strings, put in */

TAP const char *
fill(const char *text)
{
    char        *s, *p, long_code[600];
    size_t       n;
    ngx_uint_t   i;
    const char  *value;

    static struct {
        const char  *name;
        const char  *code;
        const char  *charge;
    } names[] = {
        { "<STATIC>", "000201" BR_ACCOUNT BR_END, NULL },
        { "<VALUE>", "000201" BR_ACCOUNT "5406100.00" BR_END
          "62130509TXID12345", NULL },
        { "<AGENT>", "000201" "26450014br.gov.bcb.pix0111" "12345678901"
          "0308" "12345678" BR_END, NULL },
        { "<DYNAMIC>", "000201" "26450014br.gov.bcb.pix2523"
          "pix.example.com/v2/abcd" BR_END "62070503***", NULL },
        { "<DUE>", "000201" "26500014br.gov.bcb.pix2528"
          "pix.example.com/v2/cobv/abcd" BR_END "62070503***", NULL },

        { "<COB>", NULL, CHARGE_HEAD CHARGE_SOON
          ",\"valor\":{\"original\":\"100.00\"}}" },
        { "<FREE>", NULL, CHARGE_HEAD CHARGE_SOON
          ",\"valor\":{\"original\":\"100.00\","
          "\"modalidadeAlteracao\":1}}" },
        { "<COBV>", NULL, CHARGE_HEAD "{\"dataDeVencimento\":"
          "\"2026-12-24\"},\"valor\":{\"original\":\"90.00\","
          "\"final\":\"100.00\"}}" },
        { "<SAQUE>", NULL, CHARGE_HEAD CHARGE_SOON
          ",\"valor\":{\"original\":\"0.00\",\"retirada\":{\"saque\":"
          "{\"valor\":\"100.00\",\"modalidadeAlteracao\":1}}}}" },
        { "<TROCO>", NULL, CHARGE_HEAD CHARGE_SOON
          ",\"valor\":{\"original\":\"60.00\",\"retirada\":{\"troco\":"
          "{\"valor\":\"40.00\"}}}}" },
        { "<DONE>", NULL, "{\"txid\":\"fc9a4366ff3d4964b5dbc6c91a8722d3\","
          "\"chave\":\"12345678901\",\"status\":\"CONCLUIDA\","
          "\"calendario\":" CHARGE_SOON ",\"valor\":{\"original\":"
          "\"100.00\"}}" },
        { "<513>", NULL, NULL }
    };

    s = ngx_pnalloc(tap_pool, 32768);
    strcpy(s, text);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        while ((p = strstr(s, names[i].name))) {

            if (names[i].code) {
                value = brcode(names[i].code);

            } else if (names[i].charge) {
                value = jws(names[i].charge);

            } else {
                ngx_memset(long_code, 'x', 513);
                long_code[513] = '\0';
                value = long_code;
            }

            n = strlen(names[i].name);
            memmove(p + strlen(value) + 2, p + n, strlen(p + n) + 1);
            *p++ = '"';
            p = (char *) ngx_cpymem(p, value, strlen(value));
            *p = '"';
        }
    }

    return s;
}


#endif /* _PAYMENT_H_INCLUDED_ */
