
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_sweep.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payment_show.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payment_dispatch.h>
#include <ngx_oof_payment_notice.h>
#include <ngx_oof_payment_webhook.h>
#include <ngx_oof_payment_bank.h>
#include <ngx_oof_payments_sql.h>


#define NGX_OOF_PAYMENTS_4     "4.0.1"
#define NGX_OOF_PAYMENTS_5     "5.0.0"
#define NGX_OOF_PAYMENTS_BODY  (256 * 1024)
#define NGX_OOF_PAYMENTS_WAIT  5000        /* ms */


static ngx_int_t ngx_oof_payments_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_oof_payments_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_oof_payments_codes(ngx_conf_t *cf, ngx_oof_core_t *core);
static void *ngx_oof_payments_create_main_conf(ngx_conf_t *cf);
static void *ngx_oof_payments_create_loc_conf(ngx_conf_t *cf);
static char *ngx_oof_payments_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


#define NGX_OOF_PAYMENTS_ANY_CONF                                             \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


/* what is named by both versions, and what by v5 alone */

static ngx_conf_bitmask_t  ngx_oof_payments_instruments[] = {
    { ngx_string("MANU"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_MANU) },
    { ngx_string("DICT"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_DICT) },
    { ngx_string("INIC"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_INIC) },
    { ngx_string("QRES"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_QRES) },
    { ngx_string("QRDN"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_QRDN) },
    { ngx_string("APES"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_APES) },
    { ngx_string("APDN"), ngx_oof_instrument_bit(NGX_OOF_INSTRUMENT_APDN) },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_oof_payments_commands[] = {

    { ngx_string("oof_payment_instruments"),
      NGX_OOF_PAYMENTS_ANY_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_payment_loc_conf_t, instruments),
      &ngx_oof_payments_instruments },

    { ngx_string("oof_payment_wait"),
      NGX_OOF_PAYMENTS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_payment_loc_conf_t, wait),
      NULL },

    { ngx_string("oof_payment_approval"),
      NGX_OOF_PAYMENTS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_oof_payment_loc_conf_t, approval),
      NULL },

    { ngx_string("oof_payment_alarm"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_oof_payment_main_conf_t, alarm),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_oof_payments_module_ctx = {
    ngx_oof_payments_preconfiguration,     /* preconfiguration */
    ngx_oof_payments_postconfiguration,    /* postconfiguration */

    ngx_oof_payments_create_main_conf,     /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_oof_payments_create_loc_conf,      /* create location configuration */
    ngx_oof_payments_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_oof_payments_module = {
    NGX_MODULE_V1,
    &ngx_oof_payments_module_ctx,          /* module context */
    ngx_oof_payments_commands,             /* module directives */
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


/* spec 2.1: a row for each that is served */

#define ngx_oof_payments_common_routes                                        \
                                                                              \
    { NGX_HTTP_POST,                                                          \
      ngx_string("/consents"),                                                \
      ngx_string("payment_consent_create"),                                   \
      NGX_OOF_GRANT_CLIENT,                                                   \
      ngx_string("payments"),                                                 \
      NGX_OOF_MEDIA_JWT,                                                      \
      ngx_oof_payment_consent_create,                                         \
      0 },                                                                    \
                                                                              \
    { NGX_HTTP_GET,                                                           \
      ngx_string("/consents/{consentId}"),                                    \
      ngx_string("payment_consent_get"),                                      \
      NGX_OOF_GRANT_CLIENT,                                                   \
      ngx_string("payments"),                                                 \
      NGX_OOF_MEDIA_NONE,                                                     \
      ngx_oof_payment_consent_get,                                            \
      0 },                                                                    \
                                                                              \
    { NGX_HTTP_POST,                                                          \
      ngx_string("/pix/payments"),                                            \
      ngx_string("payment_create"),                                           \
      NGX_OOF_GRANT_CODE,                                                     \
      ngx_string("payments"),                                                 \
      NGX_OOF_MEDIA_JWT,                                                      \
      ngx_oof_payment_create,                                                 \
      0 },                                                                    \
                                                                              \
    { NGX_HTTP_GET,                                                           \
      ngx_string("/pix/payments/{paymentId}"),                                \
      ngx_string("payment_get"),                                              \
      NGX_OOF_GRANT_CLIENT,                                                   \
      ngx_string("payments"),                                                 \
      NGX_OOF_MEDIA_NONE,                                                     \
      ngx_oof_payment_get,                                                    \
      0 }


static ngx_oof_route_t  ngx_oof_payments_4_routes[] = {
    ngx_oof_payments_common_routes,

    { NGX_HTTP_PATCH,
      ngx_string("/pix/payments/{paymentId}"),
      ngx_string("payment_cancel"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("payments"),
      NGX_OOF_MEDIA_JWT,
      ngx_oof_payment_cancel,
      0 },

    { NGX_HTTP_PATCH,
      ngx_string("/pix/payments/consents/{consentId}"),
      ngx_string("payment_cancel_all"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("payments"),
      NGX_OOF_MEDIA_JWT,
      ngx_oof_payment_cancel_all,
      0 },

      ngx_oof_route_end
};


static ngx_oof_route_t  ngx_oof_payments_5_routes[] = {
    ngx_oof_payments_common_routes,

    { NGX_HTTP_PATCH,
      ngx_string("/pix/payments/{paymentId}"),
      ngx_string("payment_cancel"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("payments"),
      NGX_OOF_MEDIA_JWT,
      ngx_oof_payment_cancel,
      0 },

    { NGX_HTTP_PATCH,
      ngx_string("/consents/{consentId}/pix/payments"),
      ngx_string("payment_cancel_all"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("payments"),
      NGX_OOF_MEDIA_JWT,
      ngx_oof_payment_cancel_all,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/consents/{consentId}/pix/payments"),
      ngx_string("payment_list"),
      NGX_OOF_GRANT_CLIENT,
      ngx_string("payments"),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_payment_list,
      0 },

      ngx_oof_route_end
};


static ngx_oof_api_t  ngx_oof_payments_4_api = {
    ngx_string("payments"),
    ngx_string("v4"),
    ngx_string(NGX_OOF_PAYMENTS_4),
    ngx_string("/open-banking/payments/v4"),
    NGX_OOF_API_TPP|NGX_OOF_API_JWT,
    NGX_OOF_PAYMENTS_BODY,
    ngx_oof_payments_4_routes
};


static ngx_oof_api_t  ngx_oof_payments_5_api = {
    ngx_string("payments"),
    ngx_string("v5"),
    ngx_string(NGX_OOF_PAYMENTS_5),
    ngx_string("/open-banking/payments/v5"),
    NGX_OOF_API_TPP|NGX_OOF_API_JWT,
    NGX_OOF_PAYMENTS_BODY,
    ngx_oof_payments_5_routes
};


/* of the API "management v1": ids that are none of ours go to its others */

static ngx_oof_route_t  ngx_oof_payments_bank_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/authorisations/{consentId}"),
      ngx_string("payment_authorisation_get"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_payment_journey_get,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/authorisations/{consentId}"),
      ngx_string("payment_authorisation_decide"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_payment_journey_decide,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/authorisations/{consentId}/token-check"),
      ngx_string("payment_authorisation_token_check"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_JOURNEY),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_payment_journey_token,
      0 },

      ngx_oof_route_end
};


static ngx_int_t
ngx_oof_payments_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_oof_sql_register(cf, ngx_oof_payments_sql) != NGX_OK
        || ngx_oof_init_register(cf, ngx_oof_payment_sweep_init) != NGX_OK
        || ngx_oof_init_register(cf, ngx_oof_payment_rotation_init) != NGX_OK
        || ngx_oof_payment_export_preconf(cf) != NGX_OK
        || ngx_oof_payment_order_preconf(cf) != NGX_OK
        || ngx_oof_payment_bank_preconf(cf) != NGX_OK
        || ngx_oof_payment_notice_preconf(cf) != NGX_OK
        || ngx_oof_payment_webhook_preconf(cf) != NGX_OK
        || ngx_oof_init_register(cf, ngx_oof_payment_dispatch_init) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_api_register(cf, &ngx_oof_payments_4_api) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_oof_api_register(cf, &ngx_oof_payments_5_api) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_management_add_first(cf, ngx_oof_payments_bank_routes);
}


static ngx_int_t
ngx_oof_payments_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_oof_loc_conf_t           **olcf;
    ngx_oof_payment_main_conf_t   *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_payments_module);

    olcf = pmcf->locations.elts;

    for (i = 0; i < pmcf->locations.nelts; i++) {

        if (olcf[i]->core && olcf[i]->core->codes
            && ngx_oof_payments_codes(cf, olcf[i]->core) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a code that does not exist would be told as another one, without a word */

static ngx_int_t
ngx_oof_payments_codes(ngx_conf_t *cf, ngx_oof_core_t *core)
{
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    kv = core->codes->elts;

    for (i = 0; i < core->codes->nelts; i++) {

        if (ngx_oof_payment_code(&kv[i].value) == NGX_OOF_CODE_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "codes of core \"%V\" name \"%V\", which is "
                               "no code of payments", &core->name,
                               &kv[i].value);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_oof_payments_create_main_conf(ngx_conf_t *cf)
{
    ngx_oof_payment_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_payment_main_conf_t));

    if (conf == NULL
        || ngx_array_init(&conf->locations, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    conf->alarm = NGX_CONF_UNSET_MSEC;

    return conf;
}


static void *
ngx_oof_payments_create_loc_conf(ngx_conf_t *cf)
{
    ngx_oof_payment_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_payment_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): conf->instruments = 0 */

    conf->wait = NGX_CONF_UNSET_MSEC;
    conf->approval = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_oof_payments_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_oof_payment_loc_conf_t *prev = parent;
    ngx_oof_payment_loc_conf_t *conf = child;

    ngx_oof_loc_conf_t  *olcf;

    ngx_conf_merge_bitmask_value(conf->instruments, prev->instruments,
                                 NGX_CONF_BITMASK_SET
                                 |NGX_OOF_INSTRUMENT_ALL);
    ngx_conf_merge_msec_value(conf->wait, prev->wait, NGX_OOF_PAYMENTS_WAIT);
    ngx_conf_merge_value(conf->approval, prev->approval, 0);

    olcf = ngx_http_conf_get_module_loc_conf(cf, ngx_oof_module);

    if ((olcf->api == &ngx_oof_payments_4_api
         || olcf->api == &ngx_oof_payments_5_api)
        && ngx_oof_payment_sweep_location(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
