
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payments_sql.h>


/* GET /consents/{consentId}/pix/payments, v5 */


#define NGX_OOF_PAYMENT_LIST_ROWS  1


typedef struct {
    ngx_oof_payment_consent_t  *consent;
    int64_t                     from;      /* days */
    int64_t                     to;
} ngx_oof_payment_list_t;


static ngx_int_t ngx_oof_payment_list_day(ngx_oof_request_t *o,
    const char *name, int64_t *day);
static ngx_int_t ngx_oof_payment_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


ngx_int_t
ngx_oof_payment_list(ngx_oof_request_t *o)
{
    ngx_int_t                rc;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_payment_list_t  *list;

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_list_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_payment_consent_param(o, &list->consent);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    list->to = INT64_MAX;

    if (ngx_oof_payment_list_day(o, "startDate", &list->from) != NGX_OK
        || ngx_oof_payment_list_day(o, "endDate", &list->to) != NGX_OK)
    {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "Os parâmetros startDate e endDate devem ser "
                             "datas.");
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_consent_get);
    ngx_oof_pg_uuid(u, list->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_rows);
    ngx_oof_pg_uuid(u, list->consent->id);
    ngx_oof_pg_text(u, &olcf->brand);

    ngx_http_set_ctx(o->r, list, ngx_oof_payments_module);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_listed);
}


/* a parameter that is absent leaves the day as it is */

static ngx_int_t
ngx_oof_payment_list_day(ngx_oof_request_t *o, const char *name, int64_t *day)
{
    ngx_str_t       value;
    ngx_oof_date_t  date;

    if (ngx_http_arg(o->r, (u_char *) name, ngx_strlen(name), &value)
        != NGX_OK)
    {
        return NGX_OK;
    }

    if (ngx_oof_clock_parse_date(&value, &date) != NGX_OK) {
        return NGX_DECLINED;
    }

    *day = ngx_oof_clock_day(&date);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t                     day;
    ngx_str_t                  *mine, body;
    ngx_uint_t                  i, n;
    ngx_oof_json_t              w;
    ngx_oof_payment_list_t     *list;
    ngx_oof_payment_consent_t   consent;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    mine = &o->token->client_id;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                             "Consentimento não encontrado",
                             "Não há consentimento com o consentId "
                             "informado.");
    }

    ngx_oof_payment_col_str(u, 0, 0, NGX_OOF_PAYMENT_CONSENT_COL_CLIENT,
                            &consent.client_id);

    if (consent.client_id.len != mine->len
        || ngx_memcmp(consent.client_id.data, mine->data, mine->len) != 0)
    {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Consentimento de outro cliente",
                             "O consentimento informado não foi criado por "
                             "este cliente.");
    }

    n = ngx_oof_pg_rows(u, NGX_OOF_PAYMENT_LIST_ROWS);

    if (ngx_oof_json_init(&w, o->r->pool, 256 + 1024 * n) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {
        day = ngx_oof_pg_get_int(u, NGX_OOF_PAYMENT_LIST_ROWS, i,
                                 NGX_OOF_PAYMENT_COL_DAY);

        if (day >= list->from && day <= list->to
            && ngx_oof_payment_show(o, &w, u, NGX_OOF_PAYMENT_LIST_ROWS, i,
                                    NGX_OOF_AT_RJCT_GET)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_body_end(o, &w, &o->uri);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}
