
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_gate.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sweep.h>
#include <ngx_oof_consent_sql.h>


#define NGX_OOF_CONSENT_VERSION   "3.3.1"
#define NGX_OOF_RESOURCES_VERSION "3.1.0"

/* s: sums of these and any time of the regulation fit in microseconds */
#define NGX_OOF_CONSENT_MAX_TERM  (100 * 365 * 24 * 60 * 60LL)


static ngx_int_t ngx_oof_consent_preconfiguration(ngx_conf_t *cf);
static void *ngx_oof_consent_create_main_conf(ngx_conf_t *cf);
static void *ngx_oof_consent_create_loc_conf(ngx_conf_t *cf);
static char *ngx_oof_consent_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

static char *ngx_oof_consent_term(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_consent_within(ngx_conf_t *cf, void *post, void *data);


#define NGX_OOF_CONSENT_ANY_CONF                                              \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


static ngx_conf_post_handler_pt  ngx_oof_consent_term_p =
    ngx_oof_consent_term;
static ngx_conf_post_handler_pt  ngx_oof_consent_within_p =
    ngx_oof_consent_within;


static ngx_conf_bitmask_t  ngx_oof_consent_products_mask[] = {
    { ngx_string("accounts"), NGX_OOF_PRODUCT_ACCOUNTS },
    { ngx_string("credit-cards"), NGX_OOF_PRODUCT_CREDIT_CARDS },
    { ngx_string("customers"), NGX_OOF_PRODUCT_CUSTOMERS },
    { ngx_string("loans"), NGX_OOF_PRODUCT_LOANS },
    { ngx_string("financings"), NGX_OOF_PRODUCT_FINANCINGS },
    { ngx_string("invoice-financings"), NGX_OOF_PRODUCT_INVOICE_FINANCINGS },
    { ngx_string("unarranged-accounts-overdraft"), NGX_OOF_PRODUCT_OVERDRAFT },
    { ngx_string("bank-fixed-incomes"), NGX_OOF_PRODUCT_BANK_FIXED_INCOMES },
    { ngx_string("credit-fixed-incomes"),
      NGX_OOF_PRODUCT_CREDIT_FIXED_INCOMES },
    { ngx_string("funds"), NGX_OOF_PRODUCT_FUNDS },
    { ngx_string("variable-incomes"), NGX_OOF_PRODUCT_VARIABLE_INCOMES },
    { ngx_string("treasure-titles"), NGX_OOF_PRODUCT_TREASURE_TITLES },
    { ngx_string("exchanges"), NGX_OOF_PRODUCT_EXCHANGES },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_oof_customer_modes[] = {
    { ngx_string("hmac"), NGX_OOF_CUSTOMER_HMAC },
    { ngx_string("document"), NGX_OOF_CUSTOMER_DOCUMENT },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_oof_consent_commands[] = {

    { ngx_string("oof_products"),
      NGX_OOF_CONSENT_ANY_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_consent_loc_conf_t, products),
      &ngx_oof_consent_products_mask },

    { ngx_string("oof_consent_max_term"),
      NGX_OOF_CONSENT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_consent_loc_conf_t, max_term),
      &ngx_oof_consent_term_p },

    { ngx_string("oof_consent_authorise_within"),
      NGX_OOF_CONSENT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_consent_loc_conf_t, authorise_within),
      &ngx_oof_consent_within_p },

    { ngx_string("oof_permission"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_oof_gate_permission,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_resource"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_oof_gate_resource,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_resources"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_oof_gate_list,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_scope"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_oof_gate_scope,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_customer"),
      NGX_OOF_CONSENT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_consent_loc_conf_t, customer),
      &ngx_oof_customer_modes },

      ngx_null_command
};


static ngx_http_module_t  ngx_oof_consent_module_ctx = {
    ngx_oof_consent_preconfiguration,      /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_oof_consent_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_oof_consent_create_loc_conf,       /* create location configuration */
    ngx_oof_consent_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_oof_consent_module = {
    NGX_MODULE_V1,
    &ngx_oof_consent_module_ctx,           /* module context */
    ngx_oof_consent_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_oof_route_t  ngx_oof_consent_routes[] = {

    { NGX_HTTP_POST,
      ngx_string("/consents"),
      ngx_string("consent_create"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("consents"),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_consent_create,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/consents/{consentId}"),
      ngx_string("consent_get"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("consents"),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_get,
      0 },

    { NGX_HTTP_DELETE,
      ngx_string("/consents/{consentId}"),
      ngx_string("consent_delete"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("consents"),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_delete,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/consents/{consentId}/extends"),
      ngx_string("consent_extend"),
      NGX_OOF_GRANT_CODE,
      ngx_string("openid"),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_consent_extend,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/consents/{consentId}/extensions"),
      ngx_string("consent_extensions"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("consents"),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_extensions,
      0 },

      ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_consent_api = {
    ngx_string("consents"),
    ngx_string("v3"),
    ngx_string(NGX_OOF_CONSENT_VERSION),
    ngx_string("/open-banking/consents/v3"),
    NGX_OOF_API_TPP,
    64 * 1024,
    ngx_oof_consent_routes
};


static ngx_oof_route_t  ngx_oof_resources_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/resources"),
      ngx_string("resources_list"),
      NGX_OOF_GRANT_CODE,
      ngx_string("resources"),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_resources,
      0 },

      ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_resources_api = {
    ngx_string("resources"),
    ngx_string("v3"),
    ngx_string(NGX_OOF_RESOURCES_VERSION),
    ngx_string("/open-banking/resources/v3"),
    NGX_OOF_API_TPP,
    64 * 1024,
    ngx_oof_resources_routes
};


/* of the API "management v1": what the bank's own systems call */

static ngx_oof_route_t  ngx_oof_consent_bank_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/authorisations/{consentId}"),
      ngx_string("authorisation_get"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_journey_get,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/authorisations/{consentId}"),
      ngx_string("authorisation_decide"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_consent_journey_decide,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/authorisations/{consentId}/token-check"),
      ngx_string("authorisation_token_check"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_journey_token,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/consents/{consentId}/resources"),
      ngx_string("consent_resources"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_gate_resources,
      0 },

    { NGX_HTTP_PUT,
      ngx_string("/clients/{clientId}"),
      ngx_string("client_put"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_consent_client_put,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/clients/{clientId}"),
      ngx_string("client_get"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_client_get,
      0 },

    { NGX_HTTP_DELETE,
      ngx_string("/clients/{clientId}"),
      ngx_string("client_delete"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_consent_client_delete,
      0 },

      ngx_oof_route_end
};


static ngx_int_t
ngx_oof_consent_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_oof_sql_register(cf, ngx_oof_consent_sql) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_oof_api_register(cf, &ngx_oof_consent_api) != NGX_OK
        || ngx_oof_api_register(cf, &ngx_oof_resources_api) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_init_register(cf, ngx_oof_consent_sweep_init) != NGX_OK
        || ngx_oof_init_register(cf, ngx_oof_consent_rotation_init) != NGX_OK
        || ngx_oof_consent_export_preconf(cf) != NGX_OK
        || ngx_oof_gate_preconf(cf) != NGX_OK
        || ngx_oof_bank_preconf(cf) != NGX_OK
        || ngx_oof_consent_webhook_preconf(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_management_add(cf, ngx_oof_consent_bank_routes);
}


static void *
ngx_oof_consent_create_main_conf(ngx_conf_t *cf)
{
    ngx_oof_consent_main_conf_t  *ocmcf;

    ocmcf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_consent_main_conf_t));
    if (ocmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&ocmcf->locations, cf->pool, 4, sizeof(void *))
        != NGX_OK)
    {
        return NULL;
    }

    return ocmcf;
}


static void *
ngx_oof_consent_create_loc_conf(ngx_conf_t *cf)
{
    ngx_oof_consent_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_consent_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->products = 0;
     *     conf->gate = NULL;
     */

    conf->max_term = NGX_CONF_UNSET;
    conf->authorise_within = NGX_CONF_UNSET;
    conf->customer = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_oof_consent_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_oof_consent_loc_conf_t *prev = parent;
    ngx_oof_consent_loc_conf_t *conf = child;

    ngx_oof_loc_conf_t  *olcf;

    ngx_conf_merge_bitmask_value(conf->products, prev->products,
                                 NGX_CONF_BITMASK_SET
                                 |NGX_OOF_PRODUCT_ALL);

    ngx_conf_merge_sec_value(conf->max_term, prev->max_term, 0);
    ngx_conf_merge_sec_value(conf->authorise_within, prev->authorise_within,
                             60 * 60);
    ngx_conf_merge_uint_value(conf->customer, prev->customer,
                              NGX_OOF_CUSTOMER_HMAC);

    olcf = ngx_http_conf_get_module_loc_conf(cf, ngx_oof_module);

    if (olcf->api == &ngx_oof_consent_api
        && ngx_oof_consent_sweep_location(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_oof_gate_merge(cf, prev, conf);
}


static char *
ngx_oof_consent_term(ngx_conf_t *cf, void *post, void *data)
{
    time_t *value = data;

    if (*value > NGX_OOF_CONSENT_MAX_TERM) {
        return "must be at most 36500d";
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_consent_within(ngx_conf_t *cf, void *post, void *data)
{
    time_t *value = data;

    if (*value == 0) {
        return "must be at least one second";
    }

    return ngx_oof_consent_term(cf, post, data);
}
