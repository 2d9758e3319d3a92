
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_gate.h>


/* the query of a data API: pages, dates, the pagination key */


#define NGX_OOF_GATE_PARAM_PAGE  0
#define NGX_OOF_GATE_PARAM_SIZE  1
#define NGX_OOF_GATE_PARAM_KEY   2
#define NGX_OOF_GATE_PARAM_FROM  3
#define NGX_OOF_GATE_PARAM_TO    4
#define NGX_OOF_GATE_PARAMS      5

#define NGX_OOF_GATE_PAGE_MAX    2147483647         /* int32 */
#define NGX_OOF_GATE_DAYS        6       /* before today (D-6) */
#define NGX_OOF_GATE_NAME_MAX    64      /* of a date's parameter */
#define NGX_OOF_GATE_KEY_MAX     2048    /* of a pagination key (spec 1.9) */

/* a key: seconds of the rule clock, and the first half of an HMAC */
#define NGX_OOF_GATE_KEY_TIME    8
#define NGX_OOF_GATE_KEY_MAC     16
#define NGX_OOF_GATE_KEY_LEN     (NGX_OOF_GATE_KEY_TIME + NGX_OOF_GATE_KEY_MAC)

#define NGX_OOF_GATE_KEY_DOMAIN  "gate.pagination"


typedef struct {
    ngx_str_t                values[NGX_OOF_GATE_PARAMS];
    ngx_uint_t               seen;        /* bits of those that have come */
    ngx_uint_t               small;       /* the size is below the least */
} ngx_oof_gate_query_t;


static ngx_int_t ngx_oof_gate_parse(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_gate_query_t *q);
static ngx_int_t ngx_oof_gate_param(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, u_char *p, u_char *last, ngx_str_t *value);
static ngx_int_t ngx_oof_gate_param_id(ngx_oof_gate_rule_t *rule,
    ngx_str_t *name);
static ngx_int_t ngx_oof_gate_decode(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_str_t *text);
static ngx_int_t ngx_oof_gate_pages(ngx_oof_request_t *o,
    ngx_oof_gate_query_t *q);
static ngx_int_t ngx_oof_gate_number(ngx_str_t *text);
static ngx_int_t ngx_oof_gate_dates(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_gate_query_t *q);
static ngx_int_t ngx_oof_gate_window(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_date_t *from, ngx_oof_date_t *to);
static ngx_int_t ngx_oof_gate_day(ngx_oof_date_t *date);
static ngx_int_t ngx_oof_gate_invalid(ngx_oof_request_t *o,
    ngx_uint_t status, const char *detail);

static ngx_int_t ngx_oof_gate_key(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_str_t *key);
static ngx_int_t ngx_oof_gate_key_valid(ngx_oof_request_t *o,
    ngx_str_t *text, ngx_str_t *key);
static ngx_int_t ngx_oof_gate_key_text(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_str_t *text);
static ngx_int_t ngx_oof_gate_args(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_gate_query_t *q);


ngx_int_t
ngx_oof_gate_query(ngx_oof_request_t *o, ngx_oof_gate_t *gate)
{
    ngx_int_t             rc;
    ngx_oof_gate_query_t  q;

    ngx_memzero(&q, sizeof(ngx_oof_gate_query_t));

    gate->args = o->r->args;

    rc = ngx_oof_gate_parse(o, gate, &q);

    if (rc == NGX_OK) {
        rc = ngx_oof_gate_pages(o, &q);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_gate_dates(o, gate, &q);
    }

    if (rc != NGX_OK || !(gate->rule->flags & NGX_OOF_GATE_PAGED)) {
        return rc;
    }

    if (ngx_oof_gate_key(o, gate, &q.values[NGX_OOF_GATE_PARAM_KEY]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_gate_args(o, gate, &q);
}


/*
 * Names are compared as who reads them behind us will see them; one that is
 * there twice would be judged by one of its values and obeyed by the other.
 */

static ngx_int_t
ngx_oof_gate_parse(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_gate_query_t *q)
{
    u_char     *p, *last, *end;
    ngx_int_t   id;
    ngx_str_t   value;

    p = o->r->args.data;
    end = p + o->r->args.len;

    for ( /* void */ ; p < end; p = last + 1) {

        last = ngx_strlchr(p, end, '&');

        if (last == NULL) {
            last = end;
        }

        id = ngx_oof_gate_param(o, gate, p, last, &value);

        if (id == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (id == NGX_DECLINED) {
            continue;
        }

        if (q->seen & (1 << id)) {
            return ngx_oof_gate_invalid(o, NGX_HTTP_BAD_REQUEST,
                                        "Um parâmetro foi informado mais de "
                                        "uma vez.");
        }

        q->seen |= 1 << id;
        q->values[id] = value;
    }

    return NGX_OK;
}


/* one "name=value": its number, or NGX_DECLINED when it is none of ours */

static ngx_int_t
ngx_oof_gate_param(ngx_oof_request_t *o, ngx_oof_gate_t *gate, u_char *p,
    u_char *last, ngx_str_t *value)
{
    u_char     *sign;
    ngx_int_t   id;
    ngx_str_t   name;

    sign = ngx_strlchr(p, last, '=');

    if (ngx_oof_gate_decode(o->r->pool, p, sign ? sign : last, &name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    id = ngx_oof_gate_param_id(gate->rule, &name);

    if (id == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (ngx_oof_gate_decode(o->r->pool, sign ? sign + 1 : last, last, value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return id;
}


static ngx_int_t
ngx_oof_gate_param_id(ngx_oof_gate_rule_t *rule, ngx_str_t *name)
{
    size_t       len;
    ngx_uint_t   i;
    ngx_str_t   *known;

    static ngx_str_t  names[] = {
        ngx_string("page"),
        ngx_string("page-size"),
        ngx_string("pagination-key"),
        ngx_null_string
    };

    if (rule->flags & NGX_OOF_GATE_PAGED) {

        for (i = 0; names[i].len; i++) {
            known = &names[i];

            if (name->len == known->len
                && ngx_memcmp(name->data, known->data, known->len) == 0)
            {
                return i;
            }
        }
    }

    if (rule->dates == NULL) {
        return NGX_DECLINED;
    }

    len = ngx_strlen(rule->dates);

    if (name->len == len + 4
        && ngx_memcmp(name->data, "from", 4) == 0
        && ngx_memcmp(name->data + 4, rule->dates, len) == 0)
    {
        return NGX_OOF_GATE_PARAM_FROM;
    }

    if (name->len == len + 2
        && ngx_memcmp(name->data, "to", 2) == 0
        && ngx_memcmp(name->data + 2, rule->dates, len) == 0)
    {
        return NGX_OOF_GATE_PARAM_TO;
    }

    return NGX_DECLINED;
}


/* as forms are decoded; what is malformed stays as it is, and fits nothing */

static ngx_int_t
ngx_oof_gate_decode(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *text)
{
    u_char     *dst;
    ngx_int_t   c;

    text->data = p;
    text->len = last - p;

    if (ngx_strlchr(p, last, '%') == NULL && ngx_strlchr(p, last, '+') == NULL)
    {
        return NGX_OK;
    }

    dst = ngx_pnalloc(pool, last - p);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    text->data = dst;

    while (p < last) {

        if (*p == '+') {
            *dst++ = ' ';
            p++;
            continue;
        }

        if (*p == '%' && last - p > 2) {
            c = ngx_hextoi(p + 1, 2);

            if (c != NGX_ERROR) {
                *dst++ = (u_char) c;
                p += 3;
                continue;
            }
        }

        *dst++ = *p++;
    }

    text->len = dst - text->data;

    return NGX_OK;
}


/* spec 1.9: a size that is too small is read as the least one */

static ngx_int_t
ngx_oof_gate_pages(ngx_oof_request_t *o, ngx_oof_gate_query_t *q)
{
    u_char     *p;
    ngx_int_t   n;
    ngx_str_t   size;

    if (q->seen & (1 << NGX_OOF_GATE_PARAM_PAGE)) {

        n = ngx_oof_gate_number(&q->values[NGX_OOF_GATE_PARAM_PAGE]);

        if (n < 1 || n > NGX_OOF_GATE_PAGE_MAX) {
            return ngx_oof_gate_invalid(o, NGX_HTTP_BAD_REQUEST,
                                        "O parâmetro page deve ser um número "
                                        "inteiro, a partir de 1.");
        }
    }

    if (!(q->seen & (1 << NGX_OOF_GATE_PARAM_SIZE))) {
        return NGX_OK;
    }

    /* below zero is small, too */

    size = q->values[NGX_OOF_GATE_PARAM_SIZE];
    p = size.data;

    if (size.len > 1 && *p == '-') {
        size.data++;
        size.len--;
    }

    n = ngx_oof_gate_number(&size);

    if (n == NGX_ERROR) {
        return ngx_oof_gate_invalid(o, NGX_HTTP_BAD_REQUEST,
                                    "O parâmetro page-size deve ser um "
                                    "número inteiro.");
    }

    if (size.data != p) {
        n = 0;
    }

    if (n > NGX_OOF_PAGE_SIZE_MAX) {
        return ngx_oof_gate_invalid(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                    "O parâmetro page-size deve ser no "
                                    "máximo 1000.");
    }

    q->small = (n < NGX_OOF_PAGE_SIZE);

    return NGX_OK;
}


/* NGX_ERROR: no number; what has more than 32 bits is cut to more than that */

static ngx_int_t
ngx_oof_gate_number(ngx_str_t *text)
{
    size_t     i;
    ngx_int_t  n;

    if (text->len == 0) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return NGX_ERROR;
        }

        if (n <= NGX_OOF_GATE_PAGE_MAX) {
            n = n * 10 + (text->data[i] - '0');
        }
    }

    return n;
}


static ngx_int_t
ngx_oof_gate_dates(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_gate_query_t *q)
{
    ngx_int_t        rc;
    ngx_uint_t       i;
    ngx_oof_date_t   dates[2];

    for (i = 0; i < 2; i++) {

        dates[i].year = 0;

        if (!(q->seen & (1 << (NGX_OOF_GATE_PARAM_FROM + i)))) {
            continue;
        }

        rc = ngx_oof_clock_parse_date(
                                 &q->values[NGX_OOF_GATE_PARAM_FROM + i],
                                 &dates[i]);

        if (rc == NGX_DECLINED) {
            return ngx_oof_gate_invalid(o, NGX_HTTP_BAD_REQUEST,
                                        "Uma data não tem o formato "
                                        "AAAA-MM-DD.");
        }

        if (rc != NGX_OK) {
            return ngx_oof_gate_invalid(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                        "Uma data não existe.");
        }
    }

    gate->from = q->values[NGX_OOF_GATE_PARAM_FROM];
    gate->to = q->values[NGX_OOF_GATE_PARAM_TO];

    if (dates[0].year && dates[1].year
        && ngx_oof_gate_day(&dates[0]) > ngx_oof_gate_day(&dates[1]))
    {
        return ngx_oof_gate_invalid(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                    "A data inicial é posterior à data "
                                    "final.");
    }

    if (gate->rule->flags & NGX_OOF_GATE_CURRENT) {
        return ngx_oof_gate_window(o, gate, &dates[0], &dates[1]);
    }

    return NGX_OK;
}


/*
 * Recent transactions: from six days before today in Brasilia (D-6), and for
 * accounts up to twelve months ahead, else at most seven days in all.
 */

static ngx_int_t
ngx_oof_gate_window(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_date_t *from, ngx_oof_date_t *to)
{
    int64_t         now;
    ngx_int_t       first, last;
    ngx_oof_date_t  date;

    now = ngx_oof_clock_rule();

    ngx_oof_clock_brasilia(now - NGX_OOF_GATE_DAYS * NGX_OOF_DAY, &date);
    first = ngx_oof_gate_day(&date);

    if (gate->rule->flags & NGX_OOF_GATE_FUTURE) {
        ngx_oof_clock_brasilia(now, &date);
        date.year++;

    } else {
        ngx_oof_clock_brasilia(from->year ? ngx_oof_clock_brasilia_start(from)
                                          : now,
                               &date);
        ngx_oof_clock_brasilia(ngx_oof_clock_brasilia_start(&date)
                               + NGX_OOF_GATE_DAYS * NGX_OOF_DAY, &date);
    }

    last = ngx_oof_gate_day(&date);

    if ((from->year && ngx_oof_gate_day(from) < first)
        || (to->year && ngx_oof_gate_day(to) > last)
        || (to->year && ngx_oof_gate_day(to) < first))
    {
        return ngx_oof_gate_invalid(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                    "O período informado excede os 7 dias "
                                    "permitidos.");
    }

    return NGX_OK;
}


/* a number by which days compare */

static ngx_int_t
ngx_oof_gate_day(ngx_oof_date_t *date)
{
    return date->year * 10000 + date->month * 100 + date->day;
}


static ngx_int_t
ngx_oof_gate_invalid(ngx_oof_request_t *o, ngx_uint_t status,
    const char *detail)
{
    (void) ngx_oof_error(o, status, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido", detail);

    return NGX_DECLINED;
}


/*
 * The pages that follow a call do not count as calls when they carry the key
 * that was given with it (spec 1.9).  A key is of one consent, path and period
 * and lives for an hour; with any other the call is counted, and a new one is
 * given.
 */

static ngx_int_t
ngx_oof_gate_key(ngx_oof_request_t *o, ngx_oof_gate_t *gate, ngx_str_t *key)
{
    int64_t              now;
    ngx_int_t            rc;
    ngx_str_t            text, raw;
    ngx_uint_t           i;
    ngx_oof_loc_conf_t  *olcf;
    u_char               bytes[NGX_OOF_GATE_KEY_TIME + NGX_OOF_LOOKUP_LEN];

    if (ngx_oof_gate_key_text(o, gate, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (key->len && key->len <= NGX_OOF_GATE_KEY_MAX) {

        rc = ngx_oof_gate_key_valid(o, &text, key);

        if (rc == NGX_OK) {
            gate->follows = 1;
            gate->key = *key;
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    now = ngx_oof_clock_rule() / NGX_OOF_SECOND;

    for (i = 0; i < NGX_OOF_GATE_KEY_TIME; i++) {
        bytes[i] = (u_char) (now >> (8 * (NGX_OOF_GATE_KEY_TIME - 1 - i)));
    }

    ngx_memcpy(text.data, bytes, NGX_OOF_GATE_KEY_TIME);

    if (ngx_oof_crypt_lookup(olcf->keys, 0, NGX_OOF_GATE_KEY_DOMAIN, &text,
                             bytes + NGX_OOF_GATE_KEY_TIME)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    raw.data = bytes;
    raw.len = NGX_OOF_GATE_KEY_LEN;

    gate->key.data = ngx_pnalloc(o->r->pool,
                                 ngx_base64_encoded_length(raw.len));
    if (gate->key.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64url(&gate->key, &raw);

    return NGX_OK;
}


/* the time, which is still to be set, and what a key is for */

static ngx_int_t
ngx_oof_gate_key_text(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_str_t *text)
{
    u_char     *p;
    ngx_str_t  *uri;

    uri = &o->r->uri;

    text->len = NGX_OOF_GATE_KEY_TIME + NGX_OOF_UUID_LEN + uri->len
                + gate->from.len + gate->to.len + 2;

    p = ngx_pnalloc(o->r->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    p += NGX_OOF_GATE_KEY_TIME;
    p = ngx_cpymem(p, gate->consent_id, NGX_OOF_UUID_LEN);
    p = ngx_cpymem(p, uri->data, uri->len);
    *p++ = '\n';

    /* both have the form of a date: nothing runs into its neighbour */

    if (gate->from.len) {
        p = ngx_cpymem(p, gate->from.data, gate->from.len);
    }

    *p++ = '\n';

    if (gate->to.len) {
        ngx_memcpy(p, gate->to.data, gate->to.len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_gate_key_valid(ngx_oof_request_t *o, ngx_str_t *text, ngx_str_t *key)
{
    int64_t              age;
    uint64_t             at;
    ngx_int_t            rc;
    ngx_str_t            raw;
    ngx_uint_t           i;
    ngx_oof_loc_conf_t  *olcf;
    u_char               bytes[NGX_OOF_GATE_KEY_LEN], mac[NGX_OOF_LOOKUP_LEN];

    if (key->len != (NGX_OOF_GATE_KEY_LEN * 8 + 5) / 6) {
        return NGX_DECLINED;
    }

    raw.data = bytes;

    if (ngx_decode_base64url(&raw, key) != NGX_OK
        || raw.len != NGX_OOF_GATE_KEY_LEN)
    {
        return NGX_DECLINED;
    }

    at = 0;

    for (i = 0; i < NGX_OOF_GATE_KEY_TIME; i++) {
        at = (at << 8) | bytes[i];
    }

    age = ngx_oof_clock_rule() / NGX_OOF_SECOND - (int64_t) at;

    if (age < 0 || age > NGX_OOF_GATE_KEY_VALID) {
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_memcpy(text->data, bytes, NGX_OOF_GATE_KEY_TIME);

    for (i = 0; /* void */ ; i++) {

        rc = ngx_oof_crypt_lookup(olcf->keys, i, NGX_OOF_GATE_KEY_DOMAIN,
                                  text, mac);
        if (rc != NGX_OK) {
            return rc;
        }

        if (CRYPTO_memcmp(mac, bytes + NGX_OOF_GATE_KEY_TIME,
                          NGX_OOF_GATE_KEY_MAC)
            == 0)
        {
            return NGX_OK;
        }
    }
}


/*
 * The query as the bank's system gets it: without the key, which is between the
 * caller and us, and with the page size that is in effect.
 */

static ngx_int_t
ngx_oof_gate_args(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_gate_query_t *q)
{
    u_char     *p, *last, *end, *dst;
    ngx_int_t   id;
    ngx_str_t   value;

    if (!q->small && !(q->seen & (1 << NGX_OOF_GATE_PARAM_KEY))) {
        return NGX_OK;
    }

    p = o->r->args.data;
    end = p + o->r->args.len;

    dst = ngx_pnalloc(o->r->pool,
                      o->r->args.len + sizeof("page-size=25&") - 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    gate->args.data = dst;

    for ( /* void */ ; p < end; p = last + 1) {

        last = ngx_strlchr(p, end, '&');

        if (last == NULL) {
            last = end;
        }

        id = ngx_oof_gate_param(o, gate, p, last, &value);

        if (id == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (id == NGX_OOF_GATE_PARAM_KEY || last == p) {
            continue;
        }

        if (dst != gate->args.data) {
            *dst++ = '&';
        }

        if (id == NGX_OOF_GATE_PARAM_SIZE && q->small) {
            dst = ngx_cpymem(dst, "page-size=25", sizeof("page-size=25") - 1);

        } else {
            dst = ngx_cpymem(dst, p, last - p);
        }
    }

    gate->args.len = dst - gate->args.data;

    return NGX_OK;
}
