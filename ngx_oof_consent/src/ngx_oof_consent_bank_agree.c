
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/* the bank tells what all who must agree to what a consent shares decided */


/* outcomes of bank_agree_outcome */

#define NGX_OOF_BANK_AGREE_DONE     1
#define NGX_OOF_BANK_AGREE_UNKNOWN  2
#define NGX_OOF_BANK_AGREE_STATE    4

/* its place in the unit */
#define NGX_OOF_BANK_AGREE_S        2


static ngx_int_t ngx_oof_bank_agree_read(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_agree_done(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


static ngx_oof_schema_t  ngx_oof_bank_agree_data_schema[] = {
    { ngx_string("authorised"), NGX_OOF_SCHEMA_BOOLEAN,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_agree_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_agree_data_schema },

      ngx_oof_schema_end
};


ngx_int_t
ngx_oof_bank_agree(ngx_oof_request_t *o)
{
    ngx_int_t           rc;
    ngx_uint_t          no_such_day;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_bank_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_request_json(o);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_check(o, ngx_oof_bank_agree_schema,
                                   &no_such_day);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_read(o, &u);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_bank_agree_read);
}


static ngx_int_t
ngx_oof_bank_agree_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t                     now;
    ngx_int_t                   rc;
    ngx_str_t                   status;
    ngx_oof_event_t             event;
    ngx_oof_pg_unit_t          *write;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_consent_journey_t  *journey;

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_event_init(&event, NGX_OOF_EVENT_CONSENT_RESOURCES) != NGX_OK
        || ngx_oof_consent_event_data(o, &journey->consent, "AUTHORISED",
                                      &event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (json_is_true(json_object_get(json_object_get(o->json, "data"),
                                     "authorised")))
    {
        ngx_str_set(&status, "AUTHORISED");

    } else {
        ngx_str_set(&status, "REJECTED");
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    write = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (write == NULL) {
        return NGX_ERROR;
    }

    now = ngx_oof_consent_now();

    ngx_memcpy(write->key, journey->consent.id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(write, &ngx_oof_sql_consent_lock);
    ngx_oof_pg_uuid(write, journey->consent.id);
    ngx_oof_pg_text(write, &olcf->brand);

    ngx_oof_pg_statement(write, &ngx_oof_sql_bank_agree);
    ngx_oof_pg_uuid(write, journey->consent.id);
    ngx_oof_pg_text(write, &olcf->brand);
    ngx_oof_pg_time(write, now);
    ngx_oof_pg_time(write, ngx_oof_clock_real());
    ngx_oof_event_trace(&event, o);
    ngx_oof_pg_event(write, &event);
    ngx_oof_pg_text(write, &status);
    ngx_oof_bank_actor(o, write);

    ngx_oof_pg_statement(write, &ngx_oof_sql_bank_agree_outcome);
    ngx_oof_pg_uuid(write, journey->consent.id);
    ngx_oof_pg_text(write, &olcf->brand);
    ngx_oof_pg_time(write, now);
    ngx_oof_pg_uuid(write, event.id);

    return ngx_oof_request_unit(o, write, ngx_oof_bank_agree_done);
}


static ngx_int_t
ngx_oof_bank_agree_done(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    switch (ngx_oof_pg_get_int(u, NGX_OOF_BANK_AGREE_S, 0, 0)) {

    case NGX_OOF_BANK_AGREE_DONE:
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);

    case NGX_OOF_BANK_AGREE_UNKNOWN:
        return ngx_oof_consent_bank_unknown(o);

    case NGX_OOF_BANK_AGREE_STATE:
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "ESTADO_CONSENTIMENTO_INVALIDO",
                             "Estado inválido do consentimento",
                             "O consentimento não aguarda a autorização de "
                             "aprovadores.");
    }

    return NGX_ERROR;
}
