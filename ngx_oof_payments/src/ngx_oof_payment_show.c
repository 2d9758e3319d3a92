
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


static ngx_int_t ngx_oof_payment_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_show_item(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_str_t *personal, ngx_oof_payment_at_e at);


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

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_get);
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
    ngx_str_t  id, urn, status, personal;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_ID, &id);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_STATUS, &status);

    if (ngx_oof_payment_show_urn(o, u, s, row, &urn) != NGX_OK
        || ngx_oof_payment_sealed(o, u, s, row, NGX_OOF_PAYMENT_COL_PERSONAL,
                                  NGX_OOF_PAYMENT_SEAL_PAYMENT, id.data,
                                  &personal)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');

    ngx_oof_json_name(w, "paymentId");
    ngx_oof_json_uuid(w, id.data);
    ngx_oof_json_member(w, "consentId", &urn);
    ngx_oof_json_member_time(w, "creationDateTime",
               ngx_oof_pg_get_time(u, s, row, NGX_OOF_PAYMENT_COL_CREATION));
    ngx_oof_json_member_time(w, "statusUpdateDateTime",
               ngx_oof_pg_get_time(u, s, row,
                                   NGX_OOF_PAYMENT_COL_STATUS_UPDATE));
    ngx_oof_json_member(w, "status", &status);

    if (ngx_oof_payment_show_reason(o, w, u, s, row,
                                    ngx_oof_payment_version(o), at)
        != NGX_OK
        || ngx_oof_payment_show_item(o, w, &personal, at) != NGX_OK
        || ngx_oof_payment_show_cancelled(o, w, u, s, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


ngx_int_t
ngx_oof_payment_show_urn(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_str_t *urn)
{
    u_char              *p;
    ngx_str_t            id;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_COL_CONSENT, &id);

    urn->len = sizeof("urn::") - 1 + olcf->urn_namespace.len
               + NGX_OOF_UUID_TEXT;
    urn->data = ngx_pnalloc(o->r->pool, urn->len);

    if (urn->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(urn->data, "urn:%V:", &olcf->urn_namespace);
    (void) ngx_oof_uuid_format(p, id.data);

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


/* what was asked for, as far as the answer of the version has it */

static ngx_int_t
ngx_oof_payment_show_item(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_str_t *personal, ngx_oof_payment_at_e at)
{
    json_t      *root, *item, *debtor;
    const char  *why;

    if (ngx_oof_json_parse(o->r->pool, personal, &root, &why) != NGX_OK) {
        return NGX_ERROR;
    }

    item = json_object_get(root, "item");
    debtor = json_object_get(root, "debtor");

    (void) json_object_del(item, "consentId");

    if (ngx_oof_payment_version(o) == 5) {
        (void) json_object_del(item, "ibgeTownCode");

    } else {
        ngx_oof_payment_told_4(item);
    }

    if (ngx_oof_payment_version(o) == 4 || o->r->method != NGX_HTTP_POST) {
        (void) json_object_del(item, "qrCode");
    }

    if (ngx_oof_payment_show_json(o, w, item, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "debtorAccount");

    return ngx_oof_payment_show_json(o, w, debtor, 0);
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
