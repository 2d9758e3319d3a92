
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_bank_list.h>
#include <ngx_oof_payment_bank.h>
#include <ngx_oof_payments_sql.h>


/* consents to pay in the bank's lists */


/* columns of payment_bank_list_rows */

typedef enum {
    NGX_OOF_PAYMENT_ROW_ID = 0,
    NGX_OOF_PAYMENT_ROW_STANDING,
    NGX_OOF_PAYMENT_ROW_CREATION,
    NGX_OOF_PAYMENT_ROW_EXPIRATION,
    NGX_OOF_PAYMENT_ROW_CLIENT,
    NGX_OOF_PAYMENT_ROW_NAME,
    NGX_OOF_PAYMENT_ROW_LOGO,
    NGX_OOF_PAYMENT_ROW_AMOUNT,
    NGX_OOF_PAYMENT_ROW_FIRST_DAY,
    NGX_OOF_PAYMENT_ROW_PERSONAL
} ngx_oof_payment_row_col_e;


static ngx_uint_t ngx_oof_payment_bank_standings(ngx_oof_bank_query_t *q);
static void ngx_oof_payment_bank_filter(ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q);
static ngx_int_t ngx_oof_payment_bank_summary(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row);
static ngx_int_t ngx_oof_payment_bank_terms(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);


static ngx_oof_bank_listing_t  ngx_oof_payment_bank_listing = {
    NGX_OOF_BANK_PAYMENT,
    ngx_oof_payment_bank_standings,
    &ngx_oof_sql_payment_bank_list,
    &ngx_oof_sql_payment_bank_list_asc,
    &ngx_oof_sql_payment_bank_list_owner,
    &ngx_oof_sql_payment_bank_list_rows,
    ngx_oof_payment_bank_filter,
    ngx_oof_payment_bank_summary
};


ngx_int_t
ngx_oof_payment_bank_list_preconf(ngx_conf_t *cf)
{
    return ngx_oof_bank_listing_add(cf, &ngx_oof_payment_bank_listing);
}


/* they live for an hour, or until a day: their term is 0 months */

static ngx_uint_t
ngx_oof_payment_bank_standings(ngx_oof_bank_query_t *q)
{
    return (q->has_term && q->term != 0)
           ? 0 : q->standings & NGX_OOF_BANK_ANY_OF_ALL;
}


static void
ngx_oof_payment_bank_filter(ngx_oof_pg_unit_t *u, ngx_oof_bank_query_t *q)
{
    ngx_oof_pg_int4(u, (int32_t) q->modalities);
}


static ngx_int_t
ngx_oof_payment_bank_summary(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    ngx_str_t            value, client, logo;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_json_begin(w, '{');

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_ROW_ID, &value);
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, value.data);
    ngx_oof_json_name(w, "type");
    ngx_oof_json_literal(w, "PAYMENT");
    ngx_oof_json_name(w, "paymentType");
    ngx_oof_json_literal(w, "PIX");
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, ngx_oof_bank_standing((ngx_uint_t)
               ngx_oof_pg_get_int(u, s, row, NGX_OOF_PAYMENT_ROW_STANDING)));
    ngx_oof_json_member_time(w, "createdOn",
                ngx_oof_pg_get_time(u, s, row, NGX_OOF_PAYMENT_ROW_CREATION));
    ngx_oof_json_member_time(w, "expiresOn",
              ngx_oof_pg_get_time(u, s, row, NGX_OOF_PAYMENT_ROW_EXPIRATION));
    ngx_oof_json_member(w, "brandId", &olcf->brand);

    if (ngx_oof_payment_bank_terms(o, w, u, s, row) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_ROW_NAME, &value);
    ngx_oof_payment_col_str(u, s, row, NGX_OOF_PAYMENT_ROW_LOGO, &logo);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_ROW_CLIENT, &client);
    ngx_oof_bank_client(w, &value, &client, &logo);

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_bank_terms(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row)
{
    u_char               day[10], amount[NGX_INT64_LEN + 4];
    int64_t              n;
    json_t              *terms;
    ngx_str_t            id, sealed, plain, value;
    const char          *why;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_ROW_ID, &id);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_PAYMENT_ROW_PERSONAL, &sealed);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool,
                           NGX_OOF_PAYMENT_SEAL_CONSENT, id.data, &sealed,
                           &plain)
        != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &plain, &terms, &why) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_json_get_str(json_object_get(terms, "creditor"), "name",
                             &value)
        == NGX_OK)
    {
        ngx_oof_json_member(w, "creditorName", &value);
    }

    n = ngx_oof_pg_get_int(u, s, row, NGX_OOF_PAYMENT_ROW_AMOUNT);

    value.data = amount;
    value.len = ngx_sprintf(amount, "%L.%02L", n / 100, n % 100) - amount;
    ngx_oof_json_member(w, "amount", &value);

    n = ngx_oof_pg_get_int(u, s, row, NGX_OOF_PAYMENT_ROW_FIRST_DAY);

    ngx_oof_json_name(w, "modalityPayment");
    ngx_oof_json_literal(w, n ? "SCHEDULED" : "IMMEDIATE");

    if (n) {
        (void) ngx_oof_payment_day_format(day, n);
        value.data = day;
        value.len = sizeof(day);
        ngx_oof_json_member(w, "scheduleDate", &value);
    }

    return NGX_OK;
}
