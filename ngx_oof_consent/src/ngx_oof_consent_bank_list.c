
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/* consents of data in the bank's lists */


/* columns of bank_rows */

typedef enum {
    NGX_OOF_BANK_ROW_ID = 0,
    NGX_OOF_BANK_ROW_STANDING,
    NGX_OOF_BANK_ROW_CREATION,
    NGX_OOF_BANK_ROW_EXPIRATION,
    NGX_OOF_BANK_ROW_CLIENT,
    NGX_OOF_BANK_ROW_NAME,
    NGX_OOF_BANK_ROW_LOGO,
    NGX_OOF_BANK_ROW_LINKED,
    NGX_OOF_BANK_ROW_LINK_ID,
    NGX_OOF_BANK_ROW_PERSONAL
} ngx_oof_bank_row_col_e;


static ngx_uint_t ngx_oof_bank_list_standings(ngx_oof_bank_query_t *q);
static void ngx_oof_bank_list_filter(ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q);
static ngx_int_t ngx_oof_bank_list_tell(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row);
static void ngx_oof_bank_summary(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);
static void ngx_oof_bank_journey(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, const char *standing);
static ngx_int_t ngx_oof_bank_stock(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);


static ngx_oof_bank_listing_t  ngx_oof_bank_listing = {
    NGX_OOF_BANK_DATA,
    ngx_oof_bank_list_standings,
    &ngx_oof_sql_bank_list,
    &ngx_oof_sql_bank_list_asc,
    &ngx_oof_sql_bank_list_owner,
    &ngx_oof_sql_bank_rows,
    ngx_oof_bank_list_filter,
    ngx_oof_bank_list_tell
};


ngx_int_t
ngx_oof_consent_bank_list_preconf(ngx_conf_t *cf)
{
    return ngx_oof_bank_listing_add(cf, &ngx_oof_bank_listing);
}


static ngx_uint_t
ngx_oof_bank_list_standings(ngx_oof_bank_query_t *q)
{
    return q->standings & NGX_OOF_BANK_ANY;
}


static void
ngx_oof_bank_list_filter(ngx_oof_pg_unit_t *u, ngx_oof_bank_query_t *q)
{
    if (q->before) {
        ngx_oof_pg_time(u, q->before);

    } else {
        ngx_oof_pg_null(u);
    }

    if (q->has_term) {
        ngx_oof_pg_int4(u, (int32_t) q->term);

    } else {
        ngx_oof_pg_null(u);
    }
}


static ngx_int_t
ngx_oof_bank_list_tell(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    if (q->active) {
        return ngx_oof_bank_stock(o, w, u, s, row);
    }

    ngx_oof_bank_summary(o, w, u, s, row);

    return NGX_OK;
}


static void
ngx_oof_bank_summary(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    ngx_str_t            value, client, logo;
    const char          *standing;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    standing = ngx_oof_bank_standing((ngx_uint_t)
                    ngx_oof_pg_get_int(u, s, row, NGX_OOF_BANK_ROW_STANDING));

    ngx_oof_json_begin(w, '{');

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_ID, &value);
    ngx_oof_consent_member_uuid(w, "id", value.data);

    ngx_oof_json_name(w, "type");
    ngx_oof_json_literal(w, "DATA_SHARING");
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, standing);
    ngx_oof_json_member_time(w, "createdOn",
                    ngx_oof_pg_get_time(u, s, row, NGX_OOF_BANK_ROW_CREATION));

    if (!ngx_oof_pg_is_null(u, s, row, NGX_OOF_BANK_ROW_EXPIRATION)) {
        ngx_oof_json_member_time(w, "expiresOn",
                  ngx_oof_pg_get_time(u, s, row, NGX_OOF_BANK_ROW_EXPIRATION));
    }

    ngx_oof_json_member(w, "brandId", &olcf->brand);

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_NAME, &value);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_CLIENT, &client);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_LOGO, &logo);
    ngx_oof_bank_client(w, &value, &client, &logo);

    ngx_oof_bank_journey(w, u, s, row, standing);

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_bank_journey(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, const char *standing)
{
    ngx_str_t  value;

    if (ngx_oof_pg_is_null(u, s, row, NGX_OOF_BANK_ROW_LINKED)
        || !ngx_oof_pg_get_int(u, s, row, NGX_OOF_BANK_ROW_LINKED))
    {
        return;
    }

    ngx_oof_json_name(w, "journey");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "isLinked");
    ngx_oof_json_bool(w, 1);

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_LINK_ID, &value);

    if (value.len) {
        ngx_oof_json_member(w, "linkId", &value);
    }

    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, standing);
    ngx_oof_json_end(w, '}');
}


/* a consent that is authorised, with whom it is of */

static ngx_int_t
ngx_oof_bank_stock(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    ngx_str_t            id, sealed, cpf, cnpj, urn;
    ngx_oof_loc_conf_t  *olcf;

    /* it has ended since it was found */

    if (ngx_oof_pg_get_int(u, s, row, NGX_OOF_BANK_ROW_STANDING)
        != NGX_OOF_BANK_AUTHORISED)
    {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_ID, &id);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_BANK_ROW_PERSONAL, &sealed);

    if (ngx_oof_consent_urn(o->r->pool, &olcf->urn_namespace, id.data, &urn)
        != NGX_OK
        || ngx_oof_consent_open(o->r->pool, olcf, id.data, &sealed, &cpf,
                                &cnpj)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "externalId", &urn);
    ngx_oof_bank_documents(w, &cpf, &cnpj);
    ngx_oof_json_member_time(w, "creationDateTime",
                    ngx_oof_pg_get_time(u, s, row, NGX_OOF_BANK_ROW_CREATION));
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, "AUTHORISED");

    if (!ngx_oof_pg_is_null(u, s, row, NGX_OOF_BANK_ROW_EXPIRATION)) {
        ngx_oof_json_member_time(w, "expirationDateTime",
                  ngx_oof_pg_get_time(u, s, row, NGX_OOF_BANK_ROW_EXPIRATION));
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}
