
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_rules.h>
#include <ngx_oof_payment_rules_int.h>


/* a payment as it is compared with the consent */

typedef struct {
    json_t                      *data;
    ngx_str_t                    e2eid;
    ngx_str_t                    instrument;
    ngx_str_t                    amount;
    ngx_str_t                    currency;
    ngx_str_t                    qr_code;
    ngx_str_t                    proxy;
    ngx_str_t                    town;
    ngx_str_t                    txid;
    ngx_str_t                    flow;
    ngx_str_t                    consent_id;
    ngx_oof_payment_account_t    creditor;
    ngx_oof_payment_e2eid_t      id;
} ngx_oof_payment_wish_t;


typedef struct {
    ngx_oof_payment_rules_t     *rules;
    ngx_str_t                   *consent_id;
    ngx_oof_payment_terms_t     *terms;
    ngx_oof_payment_matrix_t    *matrix;
    ngx_oof_payment_wish_t      *wishes;
    ngx_uint_t                   n;
    ngx_oof_payment_verdict_t   *verdict;
} ngx_oof_payment_batch_t;

/* rules of a batch, and of each of its payments: as those of a consent */

typedef ngx_int_t (*ngx_oof_payment_batch_pt)(ngx_oof_payment_batch_t *b);
typedef ngx_int_t (*ngx_oof_payment_wish_pt)(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);


static ngx_int_t ngx_oof_payment_wishes(ngx_oof_payment_batch_t *b,
    json_t *data);
static ngx_int_t ngx_oof_payment_each(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_pt rule);

static ngx_int_t ngx_oof_payment_batch_required(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_instrument(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_members(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_consent(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_days(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_times(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_payee(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_code(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_batch_later(ngx_oof_payment_batch_t *b);

static ngx_int_t ngx_oof_payment_wish_required(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_int_t ngx_oof_payment_wish_instrument(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_int_t ngx_oof_payment_wish_members(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_int_t ngx_oof_payment_wish_consent(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_int_t ngx_oof_payment_wish_time(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_int_t ngx_oof_payment_wish_payee(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);

static ngx_uint_t ngx_oof_payment_presence_bad(
    ngx_oof_payment_presence_e presence, ngx_str_t *value);
static ngx_uint_t ngx_oof_payment_differs(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_uint_t ngx_oof_payment_txid_differs(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w);
static ngx_int_t ngx_oof_payment_batch_refuse(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_code_e code, const char *param);
static ngx_int_t ngx_oof_payment_divergent(ngx_oof_payment_batch_t *b);
static ngx_int_t ngx_oof_payment_items(ngx_oof_payment_batch_t *b,
    ngx_array_t *items);


/* what is refused at once comes before what is rejected later */

static ngx_oof_payment_batch_pt  ngx_oof_payment_batch_rules[] = {
    ngx_oof_payment_batch_required,
    ngx_oof_payment_batch_instrument,
    ngx_oof_payment_batch_members,
    ngx_oof_payment_batch_consent,
    ngx_oof_payment_batch_days,
    ngx_oof_payment_batch_times,
    ngx_oof_payment_batch_payee,
    ngx_oof_payment_batch_code,
    ngx_oof_payment_batch_later,
    NULL
};


ngx_int_t
ngx_oof_payment_judge(ngx_oof_payment_rules_t *rules, json_t *claims,
    ngx_str_t *consent_id, ngx_oof_payment_terms_t *terms,
    ngx_array_t *items, ngx_oof_payment_verdict_t *verdict)
{
    json_t                    *data;
    ngx_int_t                  rc;
    ngx_oof_payment_batch_t    b;
    ngx_oof_payment_batch_pt  *rule;

    ngx_memzero(verdict, sizeof(ngx_oof_payment_verdict_t));

    b.rules = rules;
    b.consent_id = consent_id;
    b.terms = terms;
    b.matrix = &ngx_oof_payment_matrix[terms->instrument];
    b.verdict = verdict;

    data = json_object_get(claims, "data");

    if (json_array_size(data) > NGX_OOF_PAYMENT_MAX) {
        rc = ngx_oof_payment_batch_refuse(&b, NGX_OOF_CODE_PARAMETRO_INVALIDO,
                                          "data");

        ngx_str_set(&verdict->detail,
                    "Quantidade permitida de pagamentos excedida");

        return rc;
    }

    rc = ngx_oof_payment_syntax(rules, NGX_OOF_AT_PAYMENT,
                                ngx_oof_payment_item_schema(rules->version),
                                claims, verdict);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_oof_payment_wishes(&b, data) != NGX_OK) {
        return NGX_ERROR;
    }

    for (rule = ngx_oof_payment_batch_rules; *rule; rule++) {
        rc = (*rule)(&b);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_oof_payment_items(&b, items);
}


static ngx_int_t
ngx_oof_payment_wishes(ngx_oof_payment_batch_t *b, json_t *data)
{
    json_t                  *item, *value;
    ngx_uint_t               i;
    ngx_oof_payment_wish_t  *w;

    b->n = json_array_size(data);

    b->wishes = ngx_pcalloc(b->rules->pool,
                            b->n * sizeof(ngx_oof_payment_wish_t));
    if (b->wishes == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < b->n; i++) {
        item = json_array_get(data, i);
        value = json_object_get(item, "payment");
        w = &b->wishes[i];

        w->data = item;

        ngx_oof_payment_member(item, "endToEndId", &w->e2eid);
        ngx_oof_payment_member(item, "localInstrument", &w->instrument);
        ngx_oof_payment_member(value, "amount", &w->amount);
        ngx_oof_payment_member(value, "currency", &w->currency);
        ngx_oof_payment_member(item, "qrCode", &w->qr_code);
        ngx_oof_payment_member(item, "proxy", &w->proxy);
        ngx_oof_payment_member(item, "ibgeTownCode", &w->town);
        ngx_oof_payment_member(item, "transactionIdentification", &w->txid);
        ngx_oof_payment_member(item, "authorisationFlow", &w->flow);
        ngx_oof_payment_member(item, "consentId", &w->consent_id);
        ngx_oof_payment_account(item, "creditorAccount", &w->creditor);

        if (ngx_oof_payment_e2eid_parse(b->rules->version, &w->e2eid, &w->id)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_each(ngx_oof_payment_batch_t *b, ngx_oof_payment_wish_pt rule)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < b->n; i++) {
        rc = rule(b, &b->wishes[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* what another member makes necessary */

static ngx_int_t
ngx_oof_payment_batch_required(ngx_oof_payment_batch_t *b)
{
    return ngx_oof_payment_each(b, ngx_oof_payment_wish_required);
}


static ngx_int_t
ngx_oof_payment_wish_required(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    ngx_str_t  fido = ngx_string("FIDO_FLOW");

    if (ngx_oof_payment_no_issuer(&w->creditor)) {
        return ngx_oof_payment_batch_refuse(b,
                                        NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                        "creditorAccount.issuer");
    }

    if (ngx_oof_payment_same(&w->flow, &fido) && w->consent_id.len == 0) {
        return ngx_oof_payment_batch_refuse(b,
                                        NGX_OOF_CODE_PARAMETRO_NAO_INFORMADO,
                                        "consentId");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_batch_instrument(ngx_oof_payment_batch_t *b)
{
    return ngx_oof_payment_each(b, ngx_oof_payment_wish_instrument);
}


static ngx_int_t
ngx_oof_payment_wish_instrument(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    return ngx_oof_payment_same(&w->instrument, &b->matrix->name)
           ? NGX_OK : ngx_oof_payment_divergent(b);
}


/* what the instrument needs and forbids (spec 2.5) */

static ngx_int_t
ngx_oof_payment_batch_members(ngx_oof_payment_batch_t *b)
{
    return ngx_oof_payment_each(b, ngx_oof_payment_wish_members);
}


static ngx_int_t
ngx_oof_payment_wish_members(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    const char                *bad;
    ngx_oof_payment_matrix_t  *m;

    m = b->matrix;
    bad = NULL;

    if (ngx_oof_payment_presence_bad(m->proxy, &w->proxy)) {
        bad = "proxy";

    } else if (ngx_oof_payment_presence_bad(m->qr_code, &w->qr_code)) {
        bad = "qrCode";

    } else if (ngx_oof_payment_presence_bad(m->txid, &w->txid)
               || (w->txid.len && (w->txid.len < m->txid_min
                                   || w->txid.len > m->txid_max)))
    {
        bad = "transactionIdentification";
    }

    if (bad == NULL) {
        return NGX_OK;
    }

    return ngx_oof_payment_batch_refuse(b,
                                        NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO,
                                        bad);
}


static ngx_uint_t
ngx_oof_payment_presence_bad(ngx_oof_payment_presence_e presence,
    ngx_str_t *value)
{
    return (presence == NGX_OOF_PAYMENT_REQUIRED && value->len == 0)
           || (presence == NGX_OOF_PAYMENT_FORBIDDEN && value->len != 0);
}


/* each names this consent, if any, and there is one for each day of it */

static ngx_int_t
ngx_oof_payment_batch_consent(ngx_oof_payment_batch_t *b)
{
    if (b->n != b->terms->schedule.n) {
        return ngx_oof_payment_divergent(b);
    }

    return ngx_oof_payment_each(b, ngx_oof_payment_wish_consent);
}


static ngx_int_t
ngx_oof_payment_wish_consent(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    return (w->consent_id.len == 0
            || ngx_oof_payment_same(&w->consent_id, b->consent_id))
           ? NGX_OK : ngx_oof_payment_divergent(b);
}


/*
 * Each scheduled payment's endToEndId has a day of the schedule, and none the
 * same.  15:00 UTC, which they must have, is of the same day in Brasilia.
 */

static ngx_int_t
ngx_oof_payment_batch_days(ngx_oof_payment_batch_t *b)
{
    uint64_t                     taken, bit;
    ngx_uint_t                   i, j;
    ngx_oof_payment_schedule_t  *schedule;

    schedule = &b->terms->schedule;

    if (schedule->kind == NGX_OOF_SCHEDULE_NONE) {
        return NGX_OK;
    }

    taken = 0;

    for (i = 0; i < b->n; i++) {

        for (j = 0; j < schedule->n; j++) {
            if (schedule->days[j] == b->wishes[i].id.day) {
                break;
            }
        }

        bit = (uint64_t) 1 << j;

        if (j == schedule->n || (taken & bit)) {
            return ngx_oof_payment_divergent(b);
        }

        taken |= bit;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_batch_times(ngx_oof_payment_batch_t *b)
{
    return ngx_oof_payment_each(b, ngx_oof_payment_wish_time);
}


static ngx_int_t
ngx_oof_payment_wish_time(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    ngx_int_t   rc;
    ngx_uint_t  good;

    good = (b->terms->schedule.kind == NGX_OOF_SCHEDULE_NONE)
           ? ngx_oof_payment_e2eid_timely(&w->id, b->rules->now)
           : ngx_oof_payment_e2eid_fixed(&w->id);

    if (good) {
        return NGX_OK;
    }

    rc = ngx_oof_payment_batch_refuse(b, NGX_OOF_CODE_PARAMETRO_INVALIDO,
                                      "endToEndId");

    /* its form is right: a consent that was used is told first */

    b->verdict->rank = NGX_OOF_VERDICT_RULE;

    return rc;
}


static ngx_int_t
ngx_oof_payment_batch_payee(ngx_oof_payment_batch_t *b)
{
    return ngx_oof_payment_each(b, ngx_oof_payment_wish_payee);
}


static ngx_int_t
ngx_oof_payment_wish_payee(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    ngx_oof_payment_account_t  *one, *two;

    one = &w->creditor;
    two = &b->terms->creditor;

    if (!ngx_oof_payment_same(&one->ispb, &two->ispb)
        || !ngx_oof_payment_same(&one->issuer, &two->issuer)
        || !ngx_oof_payment_same(&one->number, &two->number)
        || !ngx_oof_payment_same(&one->type, &two->type)
        || !ngx_oof_payment_same(&w->proxy, &b->terms->proxy))
    {
        return ngx_oof_payment_divergent(b);
    }

    /* payments of v5 have no town */

    if (b->rules->version < 5
        && !ngx_oof_payment_same(&w->town, &b->terms->town))
    {
        return ngx_oof_payment_divergent(b);
    }

    return NGX_OK;
}


/*
 * The QR code that the consent has: it was judged at the authorisation, where
 * there was one (not in the journey without redirection), but for the state of
 * the charge.
 */

static ngx_int_t
ngx_oof_payment_batch_code(ngx_oof_payment_batch_t *b)
{
    int64_t                   day;
    uint64_t                  found;
    ngx_oof_payment_code_e    code;
    ngx_oof_payment_terms_t  *terms;

    terms = b->terms;
    found = ngx_oof_payment_code_reasons(terms);

    if (found) {
        code = ngx_oof_payment_funnel(b->rules->version,
                                      NGX_OOF_FUNNEL_AUTHORISATION, found, 0);

        return ngx_oof_payment_batch_refuse(b, code, NULL);
    }

    if (!terms->has_charge) {
        return NGX_OK;
    }

    day = (terms->schedule.kind == NGX_OOF_SCHEDULE_NONE)
          ? ngx_oof_clock_today(b->rules->now) : terms->schedule.days[0];

    if (ngx_oof_payment_charge_open(&terms->charge, b->rules->now, day)) {
        return NGX_OK;
    }

    return ngx_oof_payment_batch_refuse(b, NGX_OOF_CODE_COBRANCA_INVALIDA,
                                        NULL);
}


/* what is accepted first and rejected then: one wrong payment rejects all */

static ngx_int_t
ngx_oof_payment_batch_later(ngx_oof_payment_batch_t *b)
{
    ngx_str_t               txid = ngx_string("transactionIdentification");
    ngx_uint_t              i;
    ngx_oof_payment_code_e  code;

    code = NGX_OOF_CODE_NONE;

    for (i = 0; i < b->n; i++) {

        if (ngx_oof_payment_differs(b, &b->wishes[i])) {
            code = NGX_OOF_CODE_PAGAMENTO_DIVERGENTE_CONSENTIMENTO;
            break;
        }

        if (ngx_oof_payment_txid_differs(b, &b->wishes[i])) {
            code = NGX_OOF_CODE_DETALHE_PAGAMENTO_INVALIDO;
        }
    }

    if (code == NGX_OOF_CODE_NONE) {
        return NGX_OK;
    }

    return ngx_oof_payment_reject(b->rules->pool, b->rules->version,
                                  NGX_OOF_AT_RJCT_GET, code, &txid,
                                  b->verdict);
}


static ngx_uint_t
ngx_oof_payment_differs(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    return ngx_oof_payment_amount(&w->amount) != b->terms->amount
           || !ngx_oof_payment_same(&w->currency, &b->terms->currency)
           || !ngx_oof_payment_same(&w->qr_code, &b->terms->qr_code);
}


/* a static code has one or none, a dynamic code's is in its charge */

static ngx_uint_t
ngx_oof_payment_txid_differs(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_wish_t *w)
{
    if (!b->matrix->qr) {
        return 0;
    }

    if (!b->matrix->dynamic) {
        return !ngx_oof_payment_same(&w->txid, &b->terms->brcode.txid);
    }

    return b->terms->has_charge
           && !ngx_oof_payment_same(&w->txid, &b->terms->charge.txid);
}


static ngx_int_t
ngx_oof_payment_divergent(ngx_oof_payment_batch_t *b)
{
    return ngx_oof_payment_batch_refuse(b,
                              NGX_OOF_CODE_PAGAMENTO_DIVERGENTE_CONSENTIMENTO,
                              NULL);
}


static ngx_int_t
ngx_oof_payment_batch_refuse(ngx_oof_payment_batch_t *b,
    ngx_oof_payment_code_e code, const char *param)
{
    return ngx_oof_payment_refuse_for(b->rules, NGX_OOF_AT_PAYMENT, code,
                                      param, b->verdict);
}


static ngx_int_t
ngx_oof_payment_items(ngx_oof_payment_batch_t *b, ngx_array_t *items)
{
    ngx_uint_t               i;
    ngx_oof_payment_item_t  *item;

    for (i = 0; i < b->n; i++) {

        item = ngx_array_push(items);
        if (item == NULL) {
            return NGX_ERROR;
        }

        item->data = b->wishes[i].data;
        item->e2eid = b->wishes[i].e2eid;

        item->scheduled = (b->terms->schedule.kind != NGX_OOF_SCHEDULE_NONE);

        item->day = item->scheduled ? b->wishes[i].id.day
                                    : ngx_oof_clock_today(b->rules->now);
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_cancel_body(ngx_oof_payment_rules_t *rules, json_t *claims,
    ngx_str_t *cpfs, ngx_uint_t n, ngx_str_t *by,
    ngx_oof_payment_verdict_t *verdict)
{
    json_t     *document;
    ngx_int_t   rc;
    ngx_str_t   rel;
    ngx_str_t   cpf = ngx_string("CPF");
    ngx_uint_t  i;

    ngx_memzero(verdict, sizeof(ngx_oof_payment_verdict_t));

    /* at this place every code is the one there is */

    rc = ngx_oof_payment_syntax(rules, NGX_OOF_AT_CANCEL,
                                ngx_oof_payment_cancel_schema(rules->version),
                                claims, verdict);
    if (rc != NGX_OK) {
        return rc;
    }

    document = json_object_get(claims, "data");
    document = json_object_get(document, "cancellation");
    document = json_object_get(document, "cancelledBy");
    document = json_object_get(document, "document");

    ngx_oof_payment_member(document, "rel", &rel);
    ngx_oof_payment_member(document, "identification", by);

    if (ngx_oof_payment_same(&rel, &cpf)) {

        for (i = 0; i < n; i++) {
            if (ngx_oof_payment_same(by, &cpfs[i])) {
                return NGX_OK;
            }
        }
    }

    return ngx_oof_payment_refuse_for(rules, NGX_OOF_AT_CANCEL,
                              NGX_OOF_CODE_PAGAMENTO_NAO_PERMITE_CANCELAMENTO,
                              NULL, verdict);
}
