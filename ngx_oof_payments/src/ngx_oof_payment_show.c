
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


/* is it this literal */

#define ngx_oof_payment_is(s, text)                                           \
    ((s)->len == sizeof(text) - 1                                             \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


static ngx_int_t ngx_oof_payment_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_show_name(ngx_oof_request_t *o,
    u_char *consent, ngx_str_t *urn);
static ngx_int_t ngx_oof_payment_show_begin(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_payment_shown_t *shown);
static ngx_int_t ngx_oof_payment_show_item(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_str_t *personal);
static ngx_uint_t ngx_oof_payment_show_hidden(ngx_oof_request_t *o,
    ngx_str_t *name, ngx_str_t *value);
static void ngx_oof_payment_show_told_4(ngx_oof_json_t *w, ngx_str_t *value);
static ngx_int_t ngx_oof_payment_show_member(u_char **pos, u_char *last,
    ngx_str_t *name, ngx_str_t *value);
static u_char *ngx_oof_payment_show_string(u_char *p, u_char *last);
static u_char *ngx_oof_payment_show_value(u_char *p, u_char *last);


/* GET /pix/payments/{paymentId} */

ngx_int_t
ngx_oof_payment_get(ngx_oof_request_t *o)
{
    u_char               id[NGX_OOF_UUID_LEN];
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    if (ngx_oof_payment_param(o, id) != NGX_OK) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_show);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_got);
}


static ngx_int_t
ngx_oof_payment_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t  body;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_payment_unknown(o);
    }

    if (!ngx_oof_payment_own(o, u, 0)) {
        return NGX_OK;
    }

    if (ngx_oof_payment_show_one(o, u, 0, NGX_OOF_AT_RJCT_GET, &body)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_oof_payment_param(ngx_oof_request_t *o, u_char *id)
{
    u_char  text[NGX_OOF_UUID_TEXT];

    /* one payment has one name */

    if (ngx_oof_uuid_parse(&o->params[0], id) != NGX_OK
        || ngx_oof_uuid_format(text, id) != text + NGX_OOF_UUID_TEXT
        || ngx_memcmp(text, o->params[0].data, NGX_OOF_UUID_TEXT) != 0)
    {
        (void) ngx_oof_payment_unknown(o);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_unknown(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Pagamento não encontrado",
                         "Não há pagamento com o paymentId informado.");
}


ngx_uint_t
ngx_oof_payment_own(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_str_t  client, *mine;

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_PAYMENT_COL_CLIENT, &client);

    mine = &o->token->client_id;

    if (client.len == mine->len
        && ngx_memcmp(client.data, mine->data, mine->len) == 0)
    {
        return 1;
    }

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                         "Pagamento de outro cliente",
                         "O pagamento informado não foi criado por este "
                         "cliente.");

    return 0;
}


ngx_int_t
ngx_oof_payment_path(ngx_oof_request_t *o, u_char *id, ngx_str_t *path)
{
    u_char     *p;
    ngx_str_t  *base;

    base = &o->api->base;

    path->len = base->len + sizeof("/pix/payments/") - 1 + NGX_OOF_UUID_TEXT;
    path->data = ngx_pnalloc(o->r->pool, path->len);

    if (path->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(path->data, "%V/pix/payments/", base);
    (void) ngx_oof_uuid_format(p, id);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_sealed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_uint_t col, const char *table,
    u_char *id, ngx_str_t *text)
{
    ngx_str_t            sealed;
    ngx_oof_loc_conf_t  *olcf;

    ngx_str_null(text);

    ngx_oof_payment_col_str(u, s, row, col, &sealed);

    if (sealed.len == 0) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, table, id, &sealed, text)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "personal data of a payment cannot be opened");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_show_one(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_oof_payment_at_e at, ngx_str_t *body)
{
    ngx_str_t       id, path;
    ngx_oof_json_t  w;

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_PAYMENT_COL_ID, &id);

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK
        || ngx_oof_payment_path(o, id.data, &path) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);

    if (ngx_oof_payment_show(o, &w, u, s, 0, at) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_end(o, &w, &path);

    return ngx_oof_json_text(&w, body);
}


ngx_int_t
ngx_oof_payment_show(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_oof_payment_at_e at)
{
    ngx_str_t                id, consent;
    ngx_oof_payment_shown_t  shown;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_ID, &id);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_CONSENT, &consent);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_STATUS, &shown.status);

    shown.id = id.data;
    shown.consent = consent.data;
    shown.creation = ngx_oof_pg_get_time(u, s, row,
                                         NGX_OOF_PAYMENT_COL_CREATION);
    shown.status_update = ngx_oof_pg_get_time(u, s, row,
                                         NGX_OOF_PAYMENT_COL_STATUS_UPDATE);

    if (ngx_oof_payment_sealed(o, u, s, row, NGX_OOF_PAYMENT_COL_PERSONAL,
                               NGX_OOF_PAYMENT_SEAL_PAYMENT, shown.id,
                               &shown.personal)
        != NGX_OK
        || ngx_oof_payment_show_begin(o, w, &shown) != NGX_OK
        || ngx_oof_payment_show_reason(o, w, u, s, row,
                                       ngx_oof_payment_version(o), at)
           != NGX_OK
        || ngx_oof_payment_show_item(o, w, &shown.personal) != NGX_OK
        || ngx_oof_payment_show_cancelled(o, w, u, s, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_show_new(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_payment_shown_t *shown)
{
    if (ngx_oof_payment_show_begin(o, w, shown) != NGX_OK
        || ngx_oof_payment_show_item(o, w, &shown->personal) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_show_begin(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_payment_shown_t *shown)
{
    ngx_str_t  urn;

    if (ngx_oof_payment_show_name(o, shown->consent, &urn) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');

    ngx_oof_json_name(w, "paymentId");
    ngx_oof_json_uuid(w, shown->id);
    ngx_oof_json_member(w, "consentId", &urn);
    ngx_oof_json_member_time(w, "creationDateTime", shown->creation);
    ngx_oof_json_member_time(w, "statusUpdateDateTime", shown->status_update);
    ngx_oof_json_member(w, "status", &shown->status);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_show_urn(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_str_t *urn)
{
    ngx_str_t  id;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_CONSENT, &id);

    return ngx_oof_payment_show_name(o, id.data, urn);
}


static ngx_int_t
ngx_oof_payment_show_name(ngx_oof_request_t *o, u_char *consent,
    ngx_str_t *urn)
{
    u_char              *p;
    ngx_str_t           *space;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    space = &olcf->urn_namespace;

    urn->len = sizeof("urn::") - 1 + space->len + NGX_OOF_UUID_TEXT;
    urn->data = ngx_pnalloc(o->r->pool, urn->len);

    if (urn->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(urn->data, "urn:", sizeof("urn:") - 1);
    p = ngx_cpymem(p, space->data, space->len);
    *p++ = ':';
    (void) ngx_oof_uuid_format(p, consent);

    o->consent_id = *urn;

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_show_reason(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_uint_t version,
    ngx_oof_payment_at_e at)
{
    ngx_str_t                name, detail;
    ngx_oof_payment_code_e   code;

    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_COL_REASON_CODE, &name);

    if (name.len == 0) {
        return NGX_OK;
    }

    code = ngx_oof_payment_code_at(version, at, ngx_oof_payment_code(&name));

    if (code == NGX_OOF_CODE_NONE) {
        code = NGX_OOF_CODE_NAO_INFORMADO;
    }

    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_COL_REASON_DETAIL,
                            &detail);

    if (detail.len == 0
        && ngx_oof_payment_detail(o->r->pool, version, at, code, NULL, &detail)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "rejectionReason");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "code", ngx_oof_payment_code_name(code));
    ngx_oof_json_member(w, "detail", &detail);
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


/*
 * What was asked for, as far as the answer of the version has it.  It is text
 * of ours, which is copied as it is: a tree of it would cost more than all the
 * rest of an answer.
 */

static ngx_int_t
ngx_oof_payment_show_item(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_str_t *personal)
{
    u_char     *p, *last, *start, *end;
    ngx_int_t   rc;
    ngx_str_t   name, value, item, debtor, member;

    ngx_str_null(&item);
    ngx_str_null(&debtor);

    p = personal->data;
    last = p + personal->len;

    while ((rc = ngx_oof_payment_show_member(&p, last, &name, &value))
           == NGX_OK)
    {
        if (name.len == 4 && ngx_strncmp(name.data, "item", 4) == 0) {
            item = value;

        } else if (name.len == 6 && ngx_strncmp(name.data, "debtor", 6) == 0) {
            debtor = value;
        }
    }

    if (rc == NGX_ERROR || item.len == 0 || debtor.len == 0) {
        goto failed;
    }

    start = NULL;
    end = NULL;

    p = item.data;
    last = p + item.len;

    /* members that stand side by side go together */

    for ( ;; ) {
        rc = ngx_oof_payment_show_member(&p, last, &name, &value);

        if (rc == NGX_ERROR) {
            goto failed;
        }

        if (rc == NGX_OK && !ngx_oof_payment_show_hidden(o, &name, &value)) {

            if (start == NULL) {
                start = name.data - 1;
            }

            end = value.data + value.len;
            continue;
        }

        if (start) {
            member.data = start;
            member.len = end - start;
            ngx_oof_json_raw(w, &member);
            start = NULL;
        }

        if (rc == NGX_DONE) {
            break;
        }

        if (ngx_oof_payment_is(&name, "localInstrument")) {
            ngx_oof_payment_show_told_4(w, &value);
        }
    }

    ngx_oof_json_name(w, "debtorAccount");
    ngx_oof_json_raw(w, &debtor);

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_ALERT, o->r->connection->log, 0,
                  "a payment of consent \"%V\" cannot be read",
                  &o->consent_id);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_oof_payment_show_hidden(ngx_oof_request_t *o, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t  version;

    version = ngx_oof_payment_version(o);

    if (ngx_oof_payment_is(name, "consentId")) {
        return 1;
    }

    if (ngx_oof_payment_is(name, "ibgeTownCode")) {
        return version == 5;
    }

    if (ngx_oof_payment_is(name, "localInstrument")) {
        return version == 4 && (ngx_oof_payment_is(value, "\"APDN\"")
                                || ngx_oof_payment_is(value, "\"APES\""));
    }

    return ngx_oof_payment_is(name, "qrCode")
           && (version == 4 || o->r->method != NGX_HTTP_POST);
}


/* what v4 has not is told by what it stems from, as by ..._told_4() */

static void
ngx_oof_payment_show_told_4(ngx_oof_json_t *w, ngx_str_t *value)
{
    ngx_oof_json_name(w, "localInstrument");
    ngx_oof_json_literal(w, ngx_oof_payment_is(value, "\"APDN\"") ? "QRDN"
                                                                   : "QRES");
}


/*
 * The next member of an object at "*pos", without spaces, as ngx_oof_json_t
 * writes it: NGX_OK; NGX_DONE behind the last; NGX_ERROR when it is none.
 */

static ngx_int_t
ngx_oof_payment_show_member(u_char **pos, u_char *last, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *p;

    p = *pos;

    if (p == last) {
        return NGX_ERROR;
    }

    if (*p == '}') {
        return NGX_DONE;
    }

    if (*p != '{' && *p != ',') {
        return NGX_ERROR;
    }

    p++;

    if (p < last && *p == '}' && p[-1] == '{') {
        return NGX_DONE;
    }

    name->data = p + 1;

    p = ngx_oof_payment_show_string(p, last);

    if (p == NULL || p == last || *p != ':') {
        return NGX_ERROR;
    }

    name->len = p - 1 - name->data;
    value->data = p + 1;

    p = ngx_oof_payment_show_value(p + 1, last);

    if (p == NULL) {
        return NGX_ERROR;
    }

    value->len = p - value->data;
    *pos = p;

    return value->len ? NGX_OK : NGX_ERROR;
}


/* behind the string that begins here, or NULL */

static u_char *
ngx_oof_payment_show_string(u_char *p, u_char *last)
{
    u_char  *end, *escape;

    if (p == last || *p++ != '"') {
        return NULL;
    }

    while (p < last) {
        end = memchr(p, '"', last - p);

        if (end == NULL) {
            return NULL;
        }

        escape = memchr(p, '\\', end - p);

        if (escape == NULL) {
            return end + 1;
        }

        p = escape + 2;
    }

    return NULL;
}


/* at the comma or the bracket behind the value that begins here, or NULL */

static u_char *
ngx_oof_payment_show_value(u_char *p, u_char *last)
{
    ngx_uint_t  depth;

    depth = 0;

    while (p < last) {

        switch (*p) {

        case '"':
            p = ngx_oof_payment_show_string(p, last);

            if (p == NULL) {
                return NULL;
            }

            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (depth == 0) {
                return p;
            }

            depth--;
            break;

        case ',':
            if (depth == 0) {
                return p;
            }

            break;

        default:
            break;
        }

        p++;
    }

    return NULL;
}


ngx_int_t
ngx_oof_payment_show_json(ngx_oof_request_t *o, ngx_oof_json_t *w,
    json_t *object, ngx_uint_t bare)
{
    char       *text;
    ngx_str_t   s;

    text = json_dumps(object, JSON_COMPACT);
    if (text == NULL) {
        return NGX_ERROR;
    }

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    if (bare) {
        s.data++;
        s.len -= 2;
    }

    ngx_oof_json_raw(w, &s);

    ngx_explicit_memzero(text, ngx_strlen(text));
    free(text);

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_show_cancelled(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    ngx_str_t  reason, from, cpf, consent;

    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_COL_CANCEL_REASON,
                            &reason);

    if (reason.len == 0) {
        return NGX_OK;
    }

    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_COL_CANCELLED_FROM,
                            &from);

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_CONSENT, &consent);

    if (ngx_oof_payment_sealed(o, u, s, row, NGX_OOF_PAYMENT_COL_CANCELLER,
                               NGX_OOF_PAYMENT_SEAL_CANCELLER, consent.data,
                               &cpf)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "cancellation");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "reason", &reason);
    ngx_oof_json_member(w, "cancelledFrom", &from);
    ngx_oof_json_member_time(w, "cancelledAt",
              ngx_oof_pg_get_time(u, s, row,
                                  NGX_OOF_PAYMENT_COL_CANCELLED_AT));
    ngx_oof_json_name(w, "cancelledBy");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "document");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "identification", &cpf);
    ngx_oof_json_name(w, "rel");
    ngx_oof_json_literal(w, "CPF");
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}
