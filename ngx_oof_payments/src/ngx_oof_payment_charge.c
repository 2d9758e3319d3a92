
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_time.h>
#include <ngx_oof_payment_brcode.h>
#include <ngx_oof_payment_charge.h>


#define NGX_OOF_CHARGE_MAX        16384   /* characters, spec 2.4 */

/* seconds and days that an institution may set, so that nothing overflows */
#define NGX_OOF_CHARGE_LIFE_MAX   (100 * 366 * 86400LL)
#define NGX_OOF_CHARGE_AFTER_MAX  36600

/* days after the due date where the charge does not say */
#define NGX_OOF_CHARGE_AFTER      30

/*
 * A charge whose last day is no bank's day may be paid on the next one.  Which
 * days those are depends on the town: the core knows.  No row of them is
 * longer than this, in days.
 */
#define NGX_OOF_CHARGE_GRACE      7


static ngx_int_t ngx_oof_charge_payload(ngx_pool_t *pool, ngx_str_t *jws,
    ngx_str_t *payload);
static const char *ngx_oof_charge_read(json_t *root,
    ngx_oof_payment_charge_t *charge);
static const char *ngx_oof_charge_value(json_t *value,
    ngx_oof_payment_charge_t *charge);
static const char *ngx_oof_charge_withdrawal(json_t *withdrawal,
    ngx_oof_payment_charge_t *charge);
static const char *ngx_oof_charge_due(json_t *value,
    ngx_oof_payment_charge_t *charge);
static const char *ngx_oof_charge_calendar(json_t *calendar,
    ngx_oof_payment_charge_t *charge);
static ngx_int_t ngx_oof_charge_instant(ngx_str_t *text, int64_t *us);
static int64_t ngx_oof_charge_amount(json_t *object, const char *name,
    int64_t none);
static int64_t ngx_oof_charge_int(json_t *object, const char *name,
    int64_t none);


ngx_int_t
ngx_oof_payment_charge_parse(ngx_pool_t *pool, ngx_str_t *jws,
    ngx_oof_payment_charge_t *charge, const char **why)
{
    json_t     *root;
    ngx_int_t   rc;
    ngx_str_t   payload;

    ngx_memzero(charge, sizeof(ngx_oof_payment_charge_t));

    rc = ngx_oof_charge_payload(pool, jws, &payload);

    if (rc != NGX_OK) {
        *why = "no compact serialisation";
        return rc;
    }

    rc = ngx_oof_json_parse(pool, &payload, &root, why);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = ngx_oof_charge_read(root, charge);

    return *why ? NGX_DECLINED : NGX_OK;
}


/* what stands between the two points */

static ngx_int_t
ngx_oof_charge_payload(ngx_pool_t *pool, ngx_str_t *jws, ngx_str_t *payload)
{
    u_char     *first, *second, *last;
    ngx_str_t   part;

    if (jws->len > NGX_OOF_CHARGE_MAX) {
        return NGX_DECLINED;
    }

    last = jws->data + jws->len;
    first = ngx_strlchr(jws->data, last, '.');

    if (first == NULL || first == jws->data) {
        return NGX_DECLINED;
    }

    second = ngx_strlchr(first + 1, last, '.');

    if (second == NULL || second == first + 1 || second + 1 == last) {
        return NGX_DECLINED;
    }

    part.data = first + 1;
    part.len = second - part.data;

    payload->data = ngx_pnalloc(pool, ngx_base64_decoded_length(part.len));
    if (payload->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_oof_base64url_decode(payload, &part);
}


static const char *
ngx_oof_charge_read(json_t *root,
    ngx_oof_payment_charge_t *charge)
{
    json_t      *value;
    const char  *why;

    if (ngx_oof_json_get_str(root, "txid", &charge->txid) != NGX_OK
        || ngx_oof_json_get_str(root, "chave", &charge->key) != NGX_OK
        || ngx_oof_json_get_str(root, "status", &charge->status) != NGX_OK)
    {
        return "no txid, key or status";
    }

    value = json_object_get(root, "valor");

    if (!json_is_object(value)) {
        return "no value";
    }

    /* the kind of the charge is in its calendar, so that comes first */

    why = ngx_oof_charge_calendar(json_object_get(root, "calendario"),
                                  charge);
    if (why) {
        return why;
    }

    return ngx_oof_charge_value(value, charge);
}


static const char *
ngx_oof_charge_value(json_t *value, ngx_oof_payment_charge_t *charge)
{
    json_t  *withdrawal;

    charge->original = ngx_oof_charge_amount(value, "original", NGX_ERROR);

    if (charge->original < 0) {
        return "no original value";
    }

    withdrawal = json_object_get(value, "retirada");

    if (json_is_object(withdrawal)) {
        return ngx_oof_charge_withdrawal(withdrawal, charge);
    }

    if (charge->kind == NGX_OOF_CHARGE_DUE) {
        return ngx_oof_charge_due(value, charge);
    }

    charge->amount = charge->original;
    charge->least = charge->amount;
    charge->most = charge->amount;

    if (ngx_oof_charge_int(value, "modalidadeAlteracao", 0) == 1) {
        charge->least = 1;
        charge->most = 0;
    }

    return NULL;
}


/*
 * A withdrawal is all of the amount, change comes on top of a purchase.  Where
 * it may be altered the customer may take less, and never more than the agent
 * has said.
 */

static const char *
ngx_oof_charge_withdrawal(json_t *withdrawal,
    ngx_oof_payment_charge_t *charge)
{
    json_t   *saque, *troco, *part;
    int64_t   amount;

    saque = json_object_get(withdrawal, "saque");
    troco = json_object_get(withdrawal, "troco");

    if (json_is_object(saque) == json_is_object(troco)) {
        return "not one of withdrawal and change";
    }

    part = json_is_object(saque) ? saque : troco;
    amount = ngx_oof_charge_amount(part, "valor", NGX_ERROR);

    if (amount < 0) {
        return "no value of the withdrawal";
    }

    charge->amount = amount;

    if (part == saque) {
        charge->kind = NGX_OOF_CHARGE_WITHDRAWAL;

    } else {
        charge->kind = NGX_OOF_CHARGE_CHANGE;
        charge->amount += charge->original;
    }

    charge->least = charge->amount;
    charge->most = charge->amount;

    if (ngx_oof_charge_int(part, "modalidadeAlteracao", 0) == 1) {
        charge->least = (part == saque) ? 1 : ngx_max(charge->original, 1);
    }

    return NULL;
}


/* a charge with a due date is never altered: it has been reckoned up */

static const char *
ngx_oof_charge_due(json_t *value, ngx_oof_payment_charge_t *charge)
{
    int64_t  less, discount, interest, fine;

    charge->amount = ngx_oof_charge_amount(value, "final", -2);

    if (charge->amount == -2) {
        less = ngx_oof_charge_amount(value, "abatimento", 0);
        discount = ngx_oof_charge_amount(value, "desconto", 0);
        interest = ngx_oof_charge_amount(value, "juros", 0);
        fine = ngx_oof_charge_amount(value, "multa", 0);

        if (less < 0 || discount < 0 || interest < 0 || fine < 0) {
            return "bad parts of the value";
        }

        charge->amount = charge->original - less - discount + interest + fine;
    }

    if (charge->amount < 0) {
        return "bad final value";
    }

    charge->least = charge->amount;
    charge->most = charge->amount;

    return NULL;
}


static const char *
ngx_oof_charge_calendar(json_t *calendar, ngx_oof_payment_charge_t *charge)
{
    int64_t         created, seconds, days;
    ngx_str_t       s;
    ngx_oof_date_t  date;

    if (!json_is_object(calendar)) {
        return "no calendar";
    }

    if (ngx_oof_json_get_str(calendar, "dataDeVencimento", &s) == NGX_OK) {

        if (ngx_oof_clock_parse_date(&s, &date) != NGX_OK) {
            return "bad due date";
        }

        days = ngx_oof_charge_int(calendar, "validadeAposVencimento",
                                  NGX_OOF_CHARGE_AFTER);

        if (days < 0 || days > NGX_OOF_CHARGE_AFTER_MAX) {
            return "bad number of days after the due date";
        }

        charge->kind = NGX_OOF_CHARGE_DUE;
        charge->due = ngx_oof_clock_day(&date);
        charge->last = charge->due + days;

        return NULL;
    }

    seconds = ngx_oof_charge_int(calendar, "expiracao", 0);

    if (seconds < 0 || seconds > NGX_OOF_CHARGE_LIFE_MAX) {
        return "bad expiry";
    }

    if (seconds == 0) {
        return NULL;
    }

    if (ngx_oof_json_get_str(calendar, "criacao", &s) != NGX_OK
        || ngx_oof_charge_instant(&s, &created) != NGX_OK)
    {
        return "no instant of creation";
    }

    charge->expires = created + seconds * NGX_OOF_SECOND;

    return NULL;
}


/* RFC 3339 in UTC, with or without a fraction of the second */

static ngx_int_t
ngx_oof_charge_instant(ngx_str_t *text, int64_t *us)
{
    size_t     i;
    u_char     buf[NGX_OOF_TIME_LEN];
    ngx_str_t  s;

    if (text->len < NGX_OOF_TIME_LEN || text->data[text->len - 1] != 'Z') {
        return NGX_DECLINED;
    }

    for (i = NGX_OOF_TIME_LEN - 1; i < text->len - 1; i++) {

        if (i == NGX_OOF_TIME_LEN - 1) {

            if (text->data[i] != '.') {
                return NGX_DECLINED;
            }

        } else if (text->data[i] < '0' || text->data[i] > '9') {
            return NGX_DECLINED;
        }
    }

    ngx_memcpy(buf, text->data, NGX_OOF_TIME_LEN - 1);
    buf[NGX_OOF_TIME_LEN - 1] = 'Z';

    s.data = buf;
    s.len = NGX_OOF_TIME_LEN;

    return ngx_oof_clock_parse(&s, us);
}


/* a member in centavos, "none" when it is absent, NGX_ERROR when it is none */

static int64_t
ngx_oof_charge_amount(json_t *object, const char *name, int64_t none)
{
    ngx_str_t  s;

    if (json_object_get(object, name) == NULL) {
        return none;
    }

    if (ngx_oof_json_get_str(object, name, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_payment_amount(&s);
}


/* a whole number, which is a number or a string of digits */

static int64_t
ngx_oof_charge_int(json_t *object, const char *name, int64_t none)
{
    json_t     *value;
    ngx_str_t   s;

    value = json_object_get(object, name);

    if (value == NULL) {
        return none;
    }

    if (json_is_integer(value)) {
        return json_integer_value(value);
    }

    if (ngx_oof_json_get_str(object, name, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_atoi(s.data, s.len);
}


ngx_uint_t
ngx_oof_payment_charge_pays(ngx_oof_payment_charge_t *charge, int64_t amount)
{
    return amount >= charge->least
           && (charge->most == 0 || amount <= charge->most);
}


ngx_uint_t
ngx_oof_payment_charge_open(ngx_oof_payment_charge_t *charge, int64_t now,
    int64_t day)
{
    int64_t  at;

    if (charge->status.len != sizeof("ATIVA") - 1
        || ngx_memcmp(charge->status.data, "ATIVA", charge->status.len) != 0)
    {
        return 0;
    }

    if (charge->last && day > charge->last + NGX_OOF_CHARGE_GRACE) {
        return 0;
    }

    if (charge->expires) {
        at = ngx_max(now, ngx_oof_clock_day_start(day));

        return at < charge->expires;
    }

    return 1;
}
