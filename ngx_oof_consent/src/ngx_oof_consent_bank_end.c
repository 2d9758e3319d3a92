
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/* the end of a consent by the bank's side, at its customer's wish or its own */


/* outcomes of bank_end_outcome */

#define NGX_OOF_BANK_END_DONE     1
#define NGX_OOF_BANK_END_UNKNOWN  2
#define NGX_OOF_BANK_END_OVER     4


typedef struct {
    ngx_str_t                by;         /* USER, ASPSP, TPP */
    ngx_str_t                before;     /* codes, by the state it is in */
    ngx_str_t                after;
    ngx_str_t                info;       /* or empty */
} ngx_oof_bank_end_t;


static ngx_int_t ngx_oof_bank_end_body(ngx_oof_request_t *o,
    ngx_oof_schema_t *schema, const char *member, ngx_oof_bank_end_t **end,
    json_t **reason);
static ngx_uint_t ngx_oof_bank_end_is(ngx_str_t *value, const char *literal);
static void ngx_oof_bank_end_manual(ngx_oof_bank_end_t *end);
static ngx_int_t ngx_oof_bank_end_start(ngx_oof_request_t *o,
    ngx_oof_bank_end_t *end);
static ngx_int_t ngx_oof_bank_end_read(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_end_event(ngx_oof_request_t *o,
    ngx_oof_bank_end_t *end, ngx_oof_consent_t *consent,
    ngx_oof_event_t *event, ngx_str_t *authorised);
static ngx_int_t ngx_oof_bank_end_write(ngx_oof_request_t *o,
    ngx_oof_bank_end_t *end, u_char *id, ngx_oof_event_t *event,
    ngx_str_t *authorised);
static ngx_int_t ngx_oof_bank_end_done(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


static ngx_str_t  ngx_oof_bank_end_who[] = {
    ngx_string("USER"),
    ngx_string("ASPSP"),
    ngx_string("TPP"),
    ngx_null_string
};


static ngx_str_t  ngx_oof_bank_revoke_codes[] = {
    ngx_string("FRAUD"),
    ngx_string("ACCOUNT_CLOSURE"),
    ngx_string("OTHER"),
    ngx_null_string
};


static ngx_str_t  ngx_oof_bank_revoke_status[] = {
    ngx_string("REVOKED"),
    ngx_null_string
};


static ngx_str_t  ngx_oof_bank_reject_codes[] = {
    ngx_string("CONSENT_EXPIRED"),
    ngx_string("CUSTOMER_MANUALLY_REJECTED"),
    ngx_string("CUSTOMER_MANUALLY_REVOKED"),
    ngx_string("CONSENT_MAX_DATE_REACHED"),
    ngx_string("CONSENT_TECHNICAL_ISSUE"),
    ngx_string("INTERNAL_SECURITY_REASON"),
    ngx_null_string
};


static ngx_oof_schema_t  ngx_oof_bank_document_schema[] = {
    { ngx_string("identification"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, NGX_OOF_BANK_TEXT, NULL, NULL, NULL },

    { ngx_string("rel"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, NGX_OOF_BANK_TEXT, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_user_schema[] = {
    { ngx_string("document"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_document_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_revoke_reason_schema[] = {
    { ngx_string("code"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_bank_revoke_codes, NULL },

    { ngx_string("additionalInformation"), NGX_OOF_SCHEMA_STRING,
      0, 1, 140, ngx_oof_consent_scan_info, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_revocation_schema[] = {
    { ngx_string("loggedUser"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_bank_user_schema },

    { ngx_string("revokedBy"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_bank_end_who, NULL },

    { ngx_string("reason"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_revoke_reason_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_revoke_data_schema[] = {
    { ngx_string("revocation"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_revocation_schema },

    { ngx_string("status"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_bank_revoke_status, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_revoke_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_revoke_data_schema },

    { ngx_string("applicationName"), NGX_OOF_SCHEMA_STRING,
      0, 0, NGX_OOF_BANK_TEXT, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_reject_reason_schema[] = {
    { ngx_string("code"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_bank_reject_codes, NULL },

    { ngx_string("additionalInformation"), NGX_OOF_SCHEMA_STRING,
      0, 1, 140, ngx_oof_consent_scan_info, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_rejection_schema[] = {
    { ngx_string("loggedUser"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_bank_user_schema },

    { ngx_string("rejectedBy"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_bank_end_who, NULL },

    { ngx_string("reason"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_reject_reason_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_reject_data_schema[] = {
    { ngx_string("rejection"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_rejection_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_reject_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_bank_reject_data_schema },

    { ngx_string("applicationName"), NGX_OOF_SCHEMA_STRING,
      0, 0, NGX_OOF_BANK_TEXT, NULL, NULL, NULL },

      ngx_oof_schema_end
};


/* PATCH /v1/consents/{consentId}: reasons of its own, told as regulated ones */

ngx_int_t
ngx_oof_bank_revoke(ngx_oof_request_t *o)
{
    json_t              *reason;
    ngx_int_t            rc;
    ngx_str_t            code;
    ngx_oof_bank_end_t  *end;

    rc = ngx_oof_bank_end_body(o, ngx_oof_bank_revoke_schema, "revocation",
                               &end, &reason);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    (void) ngx_oof_json_get_str(reason, "code", &code);

    if (ngx_oof_bank_end_is(&code, "FRAUD")) {
        ngx_str_set(&end->before, "INTERNAL_SECURITY_REASON");
        end->after = end->before;

    } else if (ngx_oof_bank_end_is(&code, "OTHER")
               && !ngx_oof_bank_end_is(&end->by, "ASPSP"))
    {
        ngx_oof_bank_end_manual(end);

    } else {
        ngx_str_set(&end->before, "CONSENT_TECHNICAL_ISSUE");
        end->after = end->before;
    }

    return ngx_oof_bank_end_start(o, end);
}


/* PATCH /consents/v1/consents/{consentId} */

ngx_int_t
ngx_oof_bank_reject(ngx_oof_request_t *o)
{
    json_t              *reason;
    ngx_int_t            rc;
    ngx_str_t            code;
    ngx_oof_bank_end_t  *end;

    rc = ngx_oof_bank_end_body(o, ngx_oof_bank_reject_schema, "rejection",
                               &end, &reason);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    (void) ngx_oof_json_get_str(reason, "code", &code);

    if (ngx_oof_bank_end_is(&code, "CONSENT_EXPIRED")
        || ngx_oof_bank_end_is(&code, "CONSENT_MAX_DATE_REACHED"))
    {
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "MOTIVO_NAO_PERMITIDO", "Motivo não permitido",
                             "Só o tempo encerra um consentimento com o "
                             "motivo informado.");
    }

    if (ngx_oof_bank_end_is(&code, "CUSTOMER_MANUALLY_REJECTED")
        || ngx_oof_bank_end_is(&code, "CUSTOMER_MANUALLY_REVOKED"))
    {
        ngx_oof_bank_end_manual(end);

    } else {
        end->before = code;
        end->after = code;
    }

    return ngx_oof_bank_end_start(o, end);
}


/* NGX_DECLINED: an error is prepared */

static ngx_int_t
ngx_oof_bank_end_body(ngx_oof_request_t *o, ngx_oof_schema_t *schema,
    const char *member, ngx_oof_bank_end_t **end, json_t **reason)
{
    json_t              *data;
    ngx_int_t            rc;
    ngx_uint_t           no_such_day;
    ngx_oof_bank_end_t  *e;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_check(o, schema, &no_such_day);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    e = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_bank_end_t));
    if (e == NULL) {
        return NGX_ERROR;
    }

    data = json_object_get(json_object_get(o->json, "data"), member);
    *reason = json_object_get(data, "reason");

    (void) ngx_oof_json_get_str(data, member[2] == 'v' ? "revokedBy"
                                                       : "rejectedBy",
                                &e->by);
    (void) ngx_oof_json_get_str(*reason, "additionalInformation", &e->info);

    *end = e;

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_bank_end_is(ngx_str_t *value, const char *literal)
{
    size_t  len;

    len = ngx_strlen(literal);

    return value->len == len && ngx_memcmp(value->data, literal, len) == 0;
}


/* what the customer does is called by the state that he ends */

static void
ngx_oof_bank_end_manual(ngx_oof_bank_end_t *end)
{
    ngx_str_set(&end->before, "CUSTOMER_MANUALLY_REJECTED");
    ngx_str_set(&end->after, "CUSTOMER_MANUALLY_REVOKED");
}


static ngx_int_t
ngx_oof_bank_end_start(ngx_oof_request_t *o, ngx_oof_bank_end_t *end)
{
    ngx_int_t           rc;
    ngx_oof_pg_unit_t  *u;

    /* a customer's token acts for that customer alone */

    if (ngx_oof_bank_customer(o)
        && (!ngx_oof_bank_end_is(&end->by, "USER")
            || ngx_oof_bank_end_is(&end->before, (char *) end->after.data)))
    {
        return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                             "Acesso negado",
                             "O token de um cliente só encerra o "
                             "consentimento por vontade do cliente.");
    }

    rc = ngx_oof_bank_read(o, &u);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_http_set_ctx(o->r, end, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_end_read);
}


static ngx_int_t
ngx_oof_bank_end_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_str_t                   authorised;
    ngx_oof_event_t             event;
    ngx_oof_bank_end_t         *end;
    ngx_oof_consent_journey_t  *journey;

    end = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_own(o, journey);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_bank_end_event(o, end, &journey->consent, &event, &authorised)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_bank_end_write(o, end, journey->consent.id, &event,
                                  &authorised);
}


/* its data depends on the state that is found under the row's lock */

static ngx_int_t
ngx_oof_bank_end_event(ngx_oof_request_t *o, ngx_oof_bank_end_t *end,
    ngx_oof_consent_t *consent, ngx_oof_event_t *event,
    ngx_str_t *authorised)
{
    ngx_oof_consent_t  after;

    after = *consent;

    ngx_str_set(&after.status, "REJECTED");
    after.rejected_by = end->by;
    after.reason_info = end->info;
    after.reason_code = end->before;

    if (ngx_oof_event_init(event, NGX_OOF_EVENT_CONSENT_REJECTED) != NGX_OK
        || ngx_oof_consent_event_data(o, &after, "AWAITING_AUTHORISATION",
                                      &event->data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    after.reason_code = end->after;

    return ngx_oof_consent_event_data(o, &after, "AUTHORISED", authorised);
}


static ngx_int_t
ngx_oof_bank_end_write(ngx_oof_request_t *o, ngx_oof_bank_end_t *end,
    u_char *id, ngx_oof_event_t *event, ngx_str_t *authorised)
{
    int64_t              now;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    now = ngx_oof_consent_now();

    ngx_memcpy(u->key, id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_end);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_event_trace(event, o);
    ngx_oof_pg_event(u, event);
    ngx_oof_pg_text(u, authorised);
    ngx_oof_pg_text(u, &end->by);
    ngx_oof_pg_text(u, &end->before);
    ngx_oof_pg_text(u, &end->after);

    ngx_oof_pg_some(u, &end->info);

    ngx_oof_bank_actor(o, u);

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_end_outcome);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_uuid(u, event->id);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_end_done);
}


static ngx_int_t
ngx_oof_bank_end_done(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    switch (ngx_oof_pg_get_int(u, 1, 0, 0)) {

    case NGX_OOF_BANK_END_DONE:
        return ngx_oof_bank_detail(o);

    case NGX_OOF_BANK_END_UNKNOWN:
        return ngx_oof_consent_bank_unknown(o);

    case NGX_OOF_BANK_END_OVER:
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "CONSENTIMENTO_EM_STATUS_REJEITADO",
                             "Consentimento em status rejeitado",
                             "O consentimento informado já foi encerrado e "
                             "não pode ser revogado.");
    }

    return NGX_ERROR;
}
