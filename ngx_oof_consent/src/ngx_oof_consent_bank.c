
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/* the consent management API: its routes, and what they share */


#define NGX_OOF_BANK_CONSENT  "/consents/v1/consents/{consentId}"


static ngx_int_t ngx_oof_bank_kind_read(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_kind_row(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t own);
static ngx_int_t ngx_oof_bank_absent(ngx_oof_request_t *o);


#define ngx_oof_bank_route(method, path, name, scope, media, handler)         \
    { NGX_HTTP_ ## method,                                                    \
      ngx_string(path),                                                       \
      ngx_string(name),                                                       \
      NGX_OOF_GRANT_ANY,                                                      \
      ngx_string(NGX_OOF_SCOPE_BANK_ ## scope),                               \
      NGX_OOF_MEDIA_ ## media,                                                \
      handler,                                                                \
      0 }


static ngx_oof_route_t  ngx_oof_bank_routes[] = {

    ngx_oof_bank_route(GET, "/v1/consents/{consentId}", "bank_detail", READ,
                       NONE, ngx_oof_bank_detail),

    ngx_oof_bank_route(PATCH, "/v1/consents/{consentId}", "bank_revoke",
                       WRITE, JSON, ngx_oof_bank_revoke),

    ngx_oof_bank_route(PATCH, NGX_OOF_BANK_CONSENT, "bank_reject", WRITE,
                       JSON, ngx_oof_bank_reject),

    ngx_oof_bank_route(GET, "/v1/consents/{consentId}/extends",
                       "bank_extends", READ, NONE, ngx_oof_bank_extends),

    /* all who must agree have decided; payments may have no other way */

    ngx_oof_bank_route(POST, "/v1/payments/consents/{consentId}/authorisation",
                       "bank_agree", WRITE, JSON, ngx_oof_bank_agree),

    ngx_oof_bank_route(POST, "/v1/resources-notification", "bank_notify",
                       WRITE, JSON, ngx_oof_bank_notify),

    /* of enrollments and portabilities, which are not here */

    ngx_oof_bank_route(PATCH,
                       "/automatic-payments/v1/recurring-consents/{consentId}",
                       "bank_recurring_edit", WRITE, NONE,
                       ngx_oof_bank_absent),

    ngx_oof_bank_route(PATCH, "/enrollments/v1/enrollments/{enrollmentId}",
                       "bank_enrollment_cancel", WRITE, NONE,
                       ngx_oof_bank_absent),

    ngx_oof_bank_route(PATCH,
                       "/enrollments/v1/enrollments/{enrollmentId}/edit",
                       "bank_enrollment_edit", WRITE, NONE,
                       ngx_oof_bank_absent),

    ngx_oof_bank_route(PATCH, "/v1/portabilities/{portabilityId}/status",
                       "bank_portability_status", WRITE, NONE,
                       ngx_oof_bank_absent),

      ngx_oof_route_end
};


static ngx_oof_bank_kind_t  ngx_oof_bank_kind = {
    ngx_oof_bank_kind_read,
    ngx_oof_bank_kind_row,
    &ngx_oof_sql_bank_keys_add,
    &ngx_oof_sql_bank_keys_remove,
    &ngx_oof_sql_bank_metadata_put,
    &ngx_oof_sql_bank_webhook_put
};


ngx_int_t
ngx_oof_bank_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_bank_kind_add(cf, &ngx_oof_bank_kind) != NGX_OK
        || ngx_oof_consent_bank_list_preconf(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_bank_add(cf, ngx_oof_bank_routes);
}


static ngx_int_t
ngx_oof_bank_kind_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_consent_journey_read(u, olcf, u->key);

    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_choice);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &olcf->brand);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_kind_row(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t own)
{
    ngx_int_t                   rc;
    ngx_oof_consent_journey_t  *journey;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return NGX_DONE;
    }

    rc = ngx_oof_bank_row(o, u, &journey);

    return (rc == NGX_OK && own) ? ngx_oof_bank_own(o, journey) : rc;
}


static ngx_int_t
ngx_oof_bank_absent(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Recurso não encontrado",
                         "Esta instalação não tem o produto a que a "
                         "operação se refere.");
}


/* who must agree too sees it, but it is not his */

ngx_int_t
ngx_oof_bank_own(ngx_oof_request_t *o, ngx_oof_consent_journey_t *journey)
{
    ngx_oof_token_t  *token;

    token = o->token;

    if (!ngx_oof_bank_customer(o)) {
        return NGX_OK;
    }

    if (journey->cnpj.len
        ? token->has_cnpj
          && ngx_memcmp(token->cnpj, journey->cnpj.data, NGX_OOF_CNPJ_LEN)
             == 0
        : token->has_cpf
          && ngx_memcmp(token->cpf, journey->cpf.data, NGX_OOF_CPF_LEN) == 0)
    {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN", "Acesso negado",
                         "O consentimento não é do cliente do token.");

    return NGX_DECLINED;
}
