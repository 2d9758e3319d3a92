
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/* the consent management API: its routes, and what they share */


#define NGX_OOF_BANK_CONSENT  "/consents/v1/consents/{consentId}"


static void ngx_oof_bank_kind_read(ngx_oof_request_t *o,
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

    ngx_oof_bank_route(GET, "/v1/consents", "bank_list", READ, NONE,
                       ngx_oof_bank_list),

    ngx_oof_bank_route(GET, "/v1/consents/{consentId}", "bank_detail", READ,
                       NONE, ngx_oof_bank_detail),

    ngx_oof_bank_route(PATCH, "/v1/consents/{consentId}", "bank_revoke",
                       WRITE, JSON, ngx_oof_bank_revoke),

    ngx_oof_bank_route(PATCH, NGX_OOF_BANK_CONSENT, "bank_reject", WRITE,
                       JSON, ngx_oof_bank_reject),

    ngx_oof_bank_route(GET, "/consents/v2/active", "bank_active", READ, NONE,
                       ngx_oof_bank_active),

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
    if (ngx_oof_bank_kind_add(cf, &ngx_oof_bank_kind) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_bank_add(cf, ngx_oof_bank_routes);
}


static void
ngx_oof_bank_kind_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_consent_journey_read(u, olcf, u->key);

    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_choice);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &olcf->brand);
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


/* a token that says it is a customer's, but not whose, sees nothing */

ngx_int_t
ngx_oof_bank_visible(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t            value, cpf, cnpj;
    ngx_oof_loc_conf_t  *olcf;

    if (!ngx_oof_bank_customer(o)) {
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_str_set(&cpf, "[]");
    ngx_str_set(&cnpj, "[]");

    if (o->token->has_cpf) {
        value.data = o->token->cpf;
        value.len = NGX_OOF_CPF_LEN;

        if (ngx_oof_consent_lookups(o->r->pool, olcf->keys,
                                    NGX_OOF_LOOKUP_CPF, &value, &cpf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (o->token->has_cpf && o->token->has_cnpj) {
        value.data = o->token->cnpj;
        value.len = NGX_OOF_CNPJ_LEN;

        if (ngx_oof_consent_lookups(o->r->pool, olcf->keys,
                                    NGX_OOF_LOOKUP_CNPJ, &value, &cnpj)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_pg_text(u, &cpf);
    ngx_oof_pg_text(u, &cnpj);

    return NGX_OK;
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


ngx_int_t
ngx_oof_bank_way(ngx_oof_request_t *o, ngx_oof_json_t *w, const char *way,
    const char *domain, ngx_str_t *value)
{
    ngx_uint_t           n;
    ngx_oof_loc_conf_t  *olcf;
    u_char               hmac[NGX_OOF_LOOKUP_LEN];

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    for (n = 0; n < NGX_OOF_CONSENT_LOOKUPS; n++) {

        if (ngx_oof_crypt_lookup(olcf->keys, n, domain, value, hmac)
            != NGX_OK)
        {
            break;
        }

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "t");
        ngx_oof_json_literal(w, way);
        ngx_oof_json_member_hex(w, "h", hmac, NGX_OOF_LOOKUP_LEN);
        ngx_oof_json_end(w, '}');
    }

    return n ? NGX_OK : NGX_ERROR;
}
