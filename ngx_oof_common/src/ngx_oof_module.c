
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_expiry.h>
#include <ngx_oof_halt.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_export.h>
#include <ngx_oof_retention.h>
#include <ngx_oof_rotation.h>


static void *ngx_oof_create_main_conf(ngx_conf_t *cf);
static char *ngx_oof_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_oof_create_loc_conf(ngx_conf_t *cf);
static char *ngx_oof_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static void ngx_oof_merge_unnamed(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);
static char *ngx_oof_merge_names(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);
static char *ngx_oof_merge_api(ngx_conf_t *cf, ngx_oof_loc_conf_t *conf);
static const char *ngx_oof_merge_missing(ngx_oof_loc_conf_t *conf);
static void ngx_oof_merge_sessions(ngx_conf_t *cf);
static char *ngx_oof_merge_gate(ngx_conf_t *cf, ngx_oof_loc_conf_t *conf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_oof_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_oof_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_oof_inits(ngx_conf_t *cf);
static ngx_int_t ngx_oof_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_oof_init_process(ngx_cycle_t *cycle);
static void ngx_oof_exit_process(ngx_cycle_t *cycle);

static char *ngx_oof_brand(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_urn_namespace(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_not_zero(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_uuid_value(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_base_url(ngx_conf_t *cf, void *post, void *data);
static ngx_uint_t ngx_oof_begins(ngx_str_t *value, const char *text);
static char *ngx_oof_header_name(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_keep(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_version(ngx_conf_t *cf, void *post, void *data);
static char *ngx_oof_cert_from(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_oof_merge_signing(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);
static char *ngx_oof_closed_from(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_oof_key_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_oof_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_oof_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_oof_health_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_oof_ready(ngx_oof_main_conf_t *omcf);


#define NGX_OOF_ANY_CONF                                                      \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF

#define NGX_OOF_INNER_CONF  NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF

#define ngx_oof_loc(field)  offsetof(ngx_oof_loc_conf_t, field)
#define ngx_oof_main(field)  offsetof(ngx_oof_main_conf_t, field)


static ngx_conf_post_handler_pt  ngx_oof_brand_p = ngx_oof_brand;
static ngx_conf_post_handler_pt  ngx_oof_urn_namespace_p =
    ngx_oof_urn_namespace;
static ngx_conf_post_handler_pt  ngx_oof_not_zero_p = ngx_oof_not_zero;
static ngx_conf_post_handler_pt  ngx_oof_uuid_p = ngx_oof_uuid_value;
static ngx_conf_post_handler_pt  ngx_oof_base_url_p = ngx_oof_base_url;
static ngx_conf_post_handler_pt  ngx_oof_header_name_p = ngx_oof_header_name;
static ngx_conf_post_handler_pt  ngx_oof_version_p = ngx_oof_version;
static ngx_conf_post_handler_pt  ngx_oof_keep_p = ngx_oof_keep;


static ngx_conf_enum_t  ngx_oof_clients_modes[] = {
    { ngx_string("required"), NGX_OOF_CLIENTS_REQUIRED },
    { ngx_string("optional"), NGX_OOF_CLIENTS_OPTIONAL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_oof_errors_modes[] = {
    { ngx_string("off"), NGX_OOF_ERRORS_OFF },
    { ngx_string("json"), NGX_OOF_ERRORS_JSON },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_oof_ocsp_modes[] = {
    { ngx_string("off"), NGX_OOF_OCSP_OFF },
    { ngx_string("soft"), NGX_OOF_OCSP_SOFT },
    { ngx_string("hard"), NGX_OOF_OCSP_HARD },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_oof_commands[] = {

    { ngx_string("oof_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_oof_main(zone_size),
      NULL },

    { ngx_string("oof_limits_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_oof_main(limits_size),
      NULL },

    { ngx_string("oof_call_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_oof_main(call_buffer),
      NULL },

    { ngx_string("oof_test_clock"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_oof_main(test_clock),
      NULL },

    /*
     * The named blocks and the use of their names share a directive: nginx
     * tells them apart by the context.
     */

    { ngx_string("oof_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_oof_database_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_database"),
      NGX_OOF_INNER_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(database_name),
      NULL },

    { ngx_string("oof_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_oof_keys_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_keys"),
      NGX_OOF_INNER_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(keys_name),
      NULL },

    { ngx_string("oof_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_oof_issuer_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_issuer"),
      NGX_OOF_INNER_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(issuer_name),
      NULL },

    { ngx_string("oof_core"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_oof_core_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_core"),
      NGX_OOF_INNER_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(core_name),
      NULL },

    { ngx_string("oof_events_keep"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_oof_main(events_keep),
      &ngx_oof_not_zero_p },

    { ngx_string("oof_retention"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_oof_retention_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_rotation"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_oof_rotation_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_events"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE12,
      ngx_oof_events_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_webhooks"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_oof_webhooks_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_webhooks"),
      NGX_OOF_INNER_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(webhooks_name),
      NULL },

    { ngx_string("oof_brand"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(brand),
      &ngx_oof_brand_p },

    { ngx_string("oof_organisation_id"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(organisation_id),
      &ngx_oof_uuid_p },

    { ngx_string("oof_base_url"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(base_url),
      &ngx_oof_base_url_p },

    { ngx_string("oof_urn_namespace"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(urn_namespace),
      &ngx_oof_urn_namespace_p },

    { ngx_string("oof_clients"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(clients),
      &ngx_oof_clients_modes },

    { ngx_string("oof_issuing_ca"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(issuing_ca_file),
      NULL },

    { ngx_string("oof_client_certificate_header"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(cert_header),
      &ngx_oof_header_name_p },

    { ngx_string("oof_request_start_header"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(start_header),
      &ngx_oof_header_name_p },

    { ngx_string("oof_client_certificate_from"),
      NGX_OOF_ANY_CONF|NGX_CONF_1MORE,
      ngx_oof_cert_from,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_certificate_cache"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(cert_cache),
      NULL },

    { ngx_string("oof_ocsp"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(ocsp),
      &ngx_oof_ocsp_modes },

    { ngx_string("oof_ocsp_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1234|NGX_CONF_TAKE5,
      ngx_oof_ocsp_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_errors"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(errors),
      &ngx_oof_errors_modes },

    { ngx_string("oof_deadline"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(deadline),
      &ngx_oof_not_zero_p },

    { ngx_string("oof_retry_after"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(retry_after),
      &ngx_oof_not_zero_p },

    { ngx_string("oof_body_size"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(body_size),
      &ngx_oof_not_zero_p },

    { ngx_string("oof_tps"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_oof_limit_tps,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_minute_limit"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_oof_limit_minutes,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_month_limit"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_oof_limit_months,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_call_reports"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_oof_call_reports,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_events_stream"),
      NGX_OOF_ANY_CONF|NGX_CONF_1MORE,
      ngx_oof_stream_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_meters"),
      NGX_OOF_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(metered),
      NULL },

    { ngx_string("oof_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_oof_api_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_api_closed_from"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_oof_closed_from,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_keystore"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1234,
      ngx_oof_keystore,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_idempotency_keep"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(idempotency_keep),
      &ngx_oof_keep_p },

    { ngx_string("oof_signing_key"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE2,
      ngx_oof_signing_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_signing"),
      NGX_OOF_ANY_CONF|NGX_CONF_TAKE1,
      ngx_oof_signing,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_key_set"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_oof_key_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_version"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_oof_loc(version),
      &ngx_oof_version_p },

    { ngx_string("oof_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_oof_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("oof_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_oof_health,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_oof_module_ctx = {
    ngx_oof_preconfiguration,              /* preconfiguration */
    ngx_oof_postconfiguration,             /* postconfiguration */

    ngx_oof_create_main_conf,              /* create main configuration */
    ngx_oof_init_main_conf,                /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_oof_create_loc_conf,               /* create location configuration */
    ngx_oof_merge_loc_conf                 /* merge location configuration */
};


ngx_module_t  ngx_oof_module = {
    NGX_MODULE_V1,
    &ngx_oof_module_ctx,                   /* module context */
    ngx_oof_commands,                      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_oof_init_module,                   /* init module */
    ngx_oof_init_process,                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_oof_exit_process,                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_oof_main_conf_t *
ngx_oof_main_conf(ngx_cycle_t *cycle)
{
    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    return ngx_http_cycle_get_module_main_conf(cycle, ngx_oof_module);
}


static ngx_int_t
ngx_oof_init_module(ngx_cycle_t *cycle)
{
    if (ngx_oof_lease_init_module(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_relay_init_module(cycle);
}


static ngx_int_t
ngx_oof_init_process(ngx_cycle_t *cycle)
{
    /* cache manager and loader come here too */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    if (ngx_oof_main_conf(cycle) == NULL) {
        return NGX_OK;
    }

    if (ngx_oof_metrics_init_process(cycle) != NGX_OK
        || ngx_oof_clock_init_process(cycle) != NGX_OK
        || ngx_oof_fetch_init_process(cycle) != NGX_OK
        || ngx_oof_pg_init_process(cycle) != NGX_OK
        || ngx_oof_crypt_init_process(cycle) != NGX_OK
        || ngx_oof_jwks_init_process(cycle) != NGX_OK
        || ngx_oof_keystore_init_process(cycle) != NGX_OK
        || ngx_oof_cert_init_process(cycle) != NGX_OK
        || ngx_oof_ocsp_init_process(cycle) != NGX_OK
        || ngx_oof_token_init_process(cycle) != NGX_OK
        || ngx_oof_client_init_process(cycle) != NGX_OK
        || ngx_oof_limit_init_process(cycle) != NGX_OK
        || ngx_oof_call_init_process(cycle) != NGX_OK
        || ngx_oof_relay_init_process(cycle) != NGX_OK
        || ngx_oof_meter_init_process(cycle) != NGX_OK
        || ngx_oof_expiry_init_process(cycle) != NGX_OK
        || ngx_oof_halt_init_process(cycle) != NGX_OK
        || ngx_oof_lease_init_process(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_oof_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    if (ngx_oof_main_conf(cycle) == NULL) {
        return;
    }

    ngx_oof_lease_exit_process(cycle);
    ngx_oof_halt_exit_process(cycle);
    ngx_oof_meter_exit_process(cycle);
    ngx_oof_call_exit_process(cycle);
    ngx_oof_limit_exit_process(cycle);
    ngx_oof_client_exit_process(cycle);
    ngx_oof_token_exit_process(cycle);
    ngx_oof_cert_exit_process(cycle);
    ngx_oof_keystore_exit_process(cycle);
    ngx_oof_jwks_exit_process(cycle);
    ngx_oof_crypt_exit_process(cycle);
    ngx_oof_pg_exit_process(cycle);
    ngx_oof_webhook_exit_process(cycle);
    ngx_oof_fetch_exit_process(cycle);
    ngx_oof_metrics_exit_process(cycle);
}


static ngx_int_t
ngx_oof_health_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_str_t             text;
    ngx_uint_t            status;
    ngx_chain_t           out;
    ngx_oof_loc_conf_t   *olcf;
    ngx_oof_main_conf_t  *omcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);
    omcf = ngx_http_get_module_main_conf(r, ngx_oof_module);

    status = (olcf->health == NGX_OOF_HEALTH_READY && !ngx_oof_ready(omcf))
             ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_OK;

    if (status == NGX_HTTP_OK) {
        ngx_str_set(&text, "ok\n");

    } else {
        ngx_str_set(&text, "not ready\n");
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = text.len;
    ngx_str_set(&r->headers_out.content_type, "text/plain");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = text.data;
    b->last = text.data + text.len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_uint_t
ngx_oof_ready(ngx_oof_main_conf_t *omcf)
{
    ngx_uint_t            i;
    ngx_oof_keys_t      **keys;
    ngx_oof_issuer_t    **issuers;
    ngx_oof_database_t  **databases;

    if (ngx_exiting || ngx_terminate || !ngx_oof_clock_ready()) {
        return 0;
    }

    databases = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {
        if (!ngx_oof_pg_ready(databases[i])) {
            return 0;
        }
    }

    keys = omcf->keys.elts;

    for (i = 0; i < omcf->keys.nelts; i++) {
        if (!ngx_oof_keys_ready(keys[i])) {
            return 0;
        }
    }

    issuers = omcf->issuers.elts;

    for (i = 0; i < omcf->issuers.nelts; i++) {
        if (!ngx_oof_issuer_ready(issuers[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_oof_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_oof_sql_register(cf, ngx_oof_common_sql) != NGX_OK
        || ngx_oof_metrics_preconf(cf) != NGX_OK
        || ngx_oof_pg_preconf(cf) != NGX_OK
        || ngx_oof_fetch_preconf(cf) != NGX_OK
        || ngx_oof_core_preconf(cf) != NGX_OK
        || ngx_oof_jwks_preconf(cf) != NGX_OK
        || ngx_oof_message_preconf(cf) != NGX_OK
        || ngx_oof_lease_preconf(cf) != NGX_OK
        || ngx_oof_management_preconf(cf) != NGX_OK
        || ngx_oof_webhook_preconf(cf) != NGX_OK
        || ngx_oof_relay_preconf(cf) != NGX_OK
        || ngx_oof_rotation_preconf(cf) != NGX_OK
        || ngx_oof_export_preconf(cf) != NGX_OK
        || ngx_oof_status_preconf(cf) != NGX_OK
        || ngx_oof_outage_preconf(cf) != NGX_OK
        || ngx_oof_stream_preconf(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_request_preconf(cf);
}


static ngx_int_t
ngx_oof_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_oof_log_server_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_oof_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_oof_log_handler;

    if (ngx_oof_clock_init(cf) != NGX_OK
        || ngx_oof_crypt_init(cf) != NGX_OK
        || ngx_oof_maintenance_init(cf) != NGX_OK
        || ngx_oof_limit_init(cf) != NGX_OK
        || ngx_oof_call_init(cf) != NGX_OK
        || ngx_oof_meter_init(cf) != NGX_OK
        || ngx_oof_cert_init(cf) != NGX_OK
        || ngx_oof_ocsp_init(cf) != NGX_OK
        || ngx_oof_client_init(cf) != NGX_OK
        || ngx_oof_jwks_init(cf) != NGX_OK
        || ngx_oof_keystore_init(cf) != NGX_OK
        || ngx_oof_token_init(cf) != NGX_OK
        || ngx_oof_core_init(cf) != NGX_OK
        || ngx_oof_request_init(cf) != NGX_OK
        || ngx_oof_webhook_init(cf) != NGX_OK
        || ngx_oof_expiry_init(cf) != NGX_OK
        || ngx_oof_halt_init(cf) != NGX_OK
        || ngx_oof_inits(cf) != NGX_OK
        || ngx_oof_relay_init(cf) != NGX_OK
        || ngx_oof_pg_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the last one: all families have been declared */

    return ngx_oof_metrics_init(cf);
}


ngx_int_t
ngx_oof_init_register(ngx_conf_t *cf, ngx_oof_init_pt init)
{
    ngx_oof_init_pt      *p;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    p = ngx_array_push(&omcf->inits);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = init;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_inits(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_oof_init_pt      *init;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    init = omcf->inits.elts;

    for (i = 0; i < omcf->inits.nelts; i++) {
        if (init[i](cf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_oof_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_array_t          *arrays[22];
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_main_conf_t));
    if (omcf == NULL) {
        return NULL;
    }

    arrays[0] = &omcf->databases;
    arrays[1] = &omcf->keys;
    arrays[2] = &omcf->issuers;
    arrays[3] = &omcf->jwks;
    arrays[4] = &omcf->leases;
    arrays[5] = &omcf->apis;
    arrays[6] = &omcf->statements;
    arrays[7] = &omcf->metrics;
    arrays[8] = &omcf->cores;
    arrays[9] = &omcf->used;
    arrays[10] = &omcf->inits;
    arrays[11] = &omcf->keystores;
    arrays[12] = &omcf->calls;
    arrays[13] = &omcf->consumers;
    arrays[14] = &omcf->relays;
    arrays[15] = &omcf->webhooks;
    arrays[16] = &omcf->webhook_uses;
    arrays[17] = &omcf->webhook_senders;
    arrays[18] = &omcf->webhook_rules;
    arrays[19] = &omcf->webhook_notices;
    arrays[20] = &omcf->meters;
    arrays[21] = &omcf->expiries;

    for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        if (ngx_array_init(arrays[i], cf->pool, 4, sizeof(void *)) != NGX_OK) {
            return NULL;
        }
    }

    omcf->zone_size = NGX_CONF_UNSET_SIZE;
    omcf->limits_size = NGX_CONF_UNSET_SIZE;
    omcf->call_buffer = NGX_CONF_UNSET_SIZE;
    omcf->events_keep = NGX_CONF_UNSET;
    omcf->rotation_rows = NGX_CONF_UNSET_UINT;
    omcf->rotation_pause = NGX_CONF_UNSET_MSEC;
    omcf->test_clock = NGX_CONF_UNSET;

    return omcf;
}


static char *
ngx_oof_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    ngx_conf_init_size_value(omcf->zone_size, 8 * 1024 * 1024);
    ngx_conf_init_value(omcf->events_keep, 7 * 86400);
    ngx_conf_init_uint_value(omcf->rotation_rows, NGX_OOF_ROTATION_ROWS);
    ngx_conf_init_msec_value(omcf->rotation_pause, NGX_OOF_ROTATION_PAUSE);
    ngx_conf_init_value(omcf->test_clock, 0);

    if (omcf->zone_size < (size_t) 8 * ngx_pagesize) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_zone\" is too small: give it at least %uz",
                           (size_t) 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_size_value(omcf->limits_size, 0);

    if (omcf->limits_size && omcf->limits_size < (size_t) 8 * ngx_pagesize) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_limits_zone\" is too small: give it at "
                           "least %uz", (size_t) 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_size_value(omcf->call_buffer, 1024 * 1024);

    if (omcf->call_buffer < 128 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_call_buffer\" is too small: give it at "
                           "least 128k");
        return NGX_CONF_ERROR;
    }

    if (omcf->test_clock) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"oof_test_clock\" is on: the rule clock can be "
                           "moved, never use this in production");
    }

    return NGX_CONF_OK;
}


static void *
ngx_oof_create_loc_conf(ngx_conf_t *cf)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_pcalloc(cf->pool, sizeof(ngx_oof_loc_conf_t));
    if (olcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     all strings and named blocks
     *     olcf->api = NULL;
     *     olcf->keystore, signing_keys, signing_pool, key_set_text = NULL;
     *     olcf->closed_from = { 0 };
     *     olcf->health = 0;
     *     olcf->calls, meters = NULL;
     *     olcf->minute_class = NGX_OOF_LIMIT_NONE;
     */

    olcf->clients = NGX_CONF_UNSET_UINT;
    olcf->cert_from = NGX_CONF_UNSET_PTR;
    olcf->cert_cache = NGX_CONF_UNSET_UINT;
    olcf->ocsp = NGX_CONF_UNSET_UINT;
    olcf->errors = NGX_CONF_UNSET_UINT;
    olcf->deadline = NGX_CONF_UNSET_MSEC;
    olcf->retry_after = NGX_CONF_UNSET;
    olcf->body_size = NGX_CONF_UNSET_SIZE;
    olcf->tps = NGX_CONF_UNSET_UINT;
    olcf->minute_limit = NGX_CONF_UNSET_UINT;
    olcf->month_limit = NGX_CONF_UNSET_UINT;
    olcf->idempotency_keep = NGX_CONF_UNSET;
    olcf->signing = NGX_CONF_UNSET_UINT;
    olcf->call_share = NGX_CONF_UNSET_UINT;
    olcf->metered = NGX_CONF_UNSET;
    olcf->stream_clients = NGX_CONF_UNSET_UINT;
    olcf->stream_buffer = NGX_CONF_UNSET_SIZE;
    olcf->stream_heartbeat = NGX_CONF_UNSET_MSEC;
    olcf->stream_timeout = NGX_CONF_UNSET_MSEC;

    return olcf;
}


static char *
ngx_oof_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_oof_loc_conf_t *prev = parent;
    ngx_oof_loc_conf_t *conf = child;

    ngx_oof_main_conf_t  *omcf;

    ngx_conf_merge_str_value(conf->brand, prev->brand, "");
    ngx_conf_merge_str_value(conf->organisation_id, prev->organisation_id, "");
    ngx_conf_merge_str_value(conf->base_url, prev->base_url, "");
    ngx_conf_merge_str_value(conf->urn_namespace, prev->urn_namespace, "");
    ngx_conf_merge_str_value(conf->cert_header, prev->cert_header, "");
    ngx_conf_merge_str_value(conf->start_header, prev->start_header, "");
    ngx_conf_merge_uint_value(conf->clients, prev->clients,
                              NGX_OOF_CLIENTS_REQUIRED);
    ngx_conf_merge_ptr_value(conf->cert_from, prev->cert_from, NULL);
    ngx_conf_merge_uint_value(conf->cert_cache, prev->cert_cache, 1000);
    ngx_conf_merge_uint_value(conf->ocsp, prev->ocsp, NGX_OOF_OCSP_OFF);

    if (conf->ocsp != NGX_OOF_OCSP_OFF) {
        omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
        omcf->ocsp_used = 1;
    }
    ngx_conf_merge_msec_value(conf->deadline, prev->deadline, 15000);
    ngx_conf_merge_value(conf->retry_after, prev->retry_after, 5);
    ngx_conf_merge_size_value(conf->body_size, prev->body_size, 0);
    ngx_conf_merge_sec_value(conf->idempotency_keep, prev->idempotency_keep,
                             NGX_OOF_IDEMPOTENCY_KEEP);

    ngx_conf_merge_uint_value(conf->errors, prev->errors, NGX_OOF_ERRORS_AUTO);

    if (conf->errors == NGX_OOF_ERRORS_AUTO && conf->brand.len) {
        conf->errors = NGX_OOF_ERRORS_JSON;
    }

    if (conf->issuing_ca_file.len == 0) {
        conf->issuing_ca_file = prev->issuing_ca_file;
        conf->issuing_ca = prev->issuing_ca;
    }

    if (conf->issuing_ca_file.len && conf->issuing_ca == NULL) {
        conf->issuing_ca = ngx_oof_cert_load(cf, &conf->issuing_ca_file);

        if (conf->issuing_ca == NULL
            || ngx_oof_expiry_add(cf, "issuing_ca", &conf->issuing_ca_file,
                                  NGX_OOF_EXPIRY_CA)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_oof_merge_names(cf, prev, conf) != NGX_CONF_OK
        || ngx_oof_limit_merge(cf, prev, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_oof_merge_signing(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_oof_merge_unnamed(cf, prev, conf);

    /* what is inside a guarded location is guarded as it is */

    if (conf->api == NULL && prev->api
        && (prev->api->flags & NGX_OOF_API_GATE))
    {
        conf->api = prev->api;
    }

    if (conf->version.len == 0 && conf->api == prev->api) {
        conf->version = prev->version;
    }

    if (conf->api && ngx_oof_merge_api(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_oof_stream_merge(prev, conf);

    if (ngx_oof_meter_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_oof_call_merge(cf, prev, conf);
}


static char *
ngx_oof_merge_signing(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf)
{
    if (conf->keystore == NULL) {
        conf->keystore = prev->keystore;
    }

    if (conf->signing_keys == NULL) {
        conf->signing_keys = prev->signing_keys;
    }

#if (NGX_THREADS)
    if (conf->signing == NGX_CONF_UNSET_UINT) {
        conf->signing_pool = prev->signing_pool;
    }
#endif

    ngx_conf_merge_uint_value(conf->signing, prev->signing,
                              NGX_OOF_SIGNING_INLINE);

    if (conf->key_set_text == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->signing_keys == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_key_set\" needs \"oof_signing_key\"");
        return NGX_CONF_ERROR;
    }

    return ngx_oof_key_set_text(cf, conf->signing_keys, conf->key_set_text)
           == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* what "if" and "limit_except" make is the same location still */

static void
ngx_oof_merge_unnamed(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!clcf->noname) {
        conf->place = clcf->name;
        return;
    }

    conf->place = prev->place;

    /* one that has a handler of its own is guarded as the API is */

    if (conf->api == NULL && prev->api) {
        conf->api = prev->api;

        if (clcf->handler == NULL && !(conf->api->flags & NGX_OOF_API_GATE)) {
            clcf->handler = ngx_oof_content_handler;
        }
    }

    if (conf->closed_from.year == 0) {
        conf->closed_from = prev->closed_from;
    }

    if (conf->health == 0 && clcf->handler == NULL && prev->health) {
        conf->health = prev->health;
        clcf->handler = ngx_oof_health_handler;
    }
}


static char *
ngx_oof_merge_names(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf)
{
    ngx_conf_merge_str_value(conf->database_name, prev->database_name, "");
    ngx_conf_merge_str_value(conf->keys_name, prev->keys_name, "");
    ngx_conf_merge_str_value(conf->issuer_name, prev->issuer_name, "");
    ngx_conf_merge_str_value(conf->core_name, prev->core_name, "");
    ngx_conf_merge_str_value(conf->webhooks_name, prev->webhooks_name, "");

    if (conf->database_name.len) {
        conf->database = ngx_oof_database_find(cf, &conf->database_name);

        if (conf->database == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no \"oof_database %V { }\" in http{}",
                               &conf->database_name);
            return NGX_CONF_ERROR;
        }
    }

    if (conf->keys_name.len) {
        conf->keys = ngx_oof_keys_find(cf, &conf->keys_name);

        if (conf->keys == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no \"oof_keys %V { }\" in http{}",
                               &conf->keys_name);
            return NGX_CONF_ERROR;
        }
    }

    if (conf->issuer_name.len) {
        conf->issuer = ngx_oof_issuer_find(cf, &conf->issuer_name);

        if (conf->issuer == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no \"oof_issuer %V { }\" in http{}",
                               &conf->issuer_name);
            return NGX_CONF_ERROR;
        }
    }

    if (conf->core_name.len) {
        conf->core = ngx_oof_core_find(cf, &conf->core_name);

        if (conf->core == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no \"oof_core %V { }\" in http{}",
                               &conf->core_name);
            return NGX_CONF_ERROR;
        }
    }

    if (conf->webhooks_name.len) {
        conf->webhooks = ngx_oof_webhooks_find(cf, &conf->webhooks_name);

        if (conf->webhooks == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no \"oof_webhooks %V { }\" in http{}",
                               &conf->webhooks_name);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_oof_webhooks_use(cf, conf);
}


/* an API says at the start what it lacks, not at the first request */

static char *
ngx_oof_merge_api(ngx_conf_t *cf, ngx_oof_loc_conf_t *conf)
{
    const char                *missing;
    ngx_http_core_loc_conf_t  *clcf;

    missing = ngx_oof_merge_missing(conf);

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_api %V %V\" needs \"%s\": set it in the "
                           "location, its server{} or http{}",
                           &conf->api->name, &conf->api->major, missing);
        return NGX_CONF_ERROR;
    }

    if ((conf->api->flags & NGX_OOF_API_TPP)
        && !ngx_oof_begins(&conf->base_url, "https://"))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_api %V %V\" needs an \"oof_base_url\" "
                           "that begins with \"https://\"",
                           &conf->api->name, &conf->api->major);
        return NGX_CONF_ERROR;
    }

    if (conf->api->flags & NGX_OOF_API_TPP) {
        ngx_oof_merge_sessions(cf);

    } else if ((conf->api->flags & NGX_OOF_API_BANK)
               && ngx_oof_issuer_binds(conf->issuer))
    {

        /* there no certificate is asked for, to which a token could be bound */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_api %V %V\" refuses every token of "
                           "\"oof_issuer %V { }\", for its callers show no "
                           "certificate: set \"bound off\" there, or use "
                           "another issuer",
                           &conf->api->name, &conf->api->major,
                           &conf->issuer_name);
        return NGX_CONF_ERROR;
    }

    if (conf->urn_namespace.len == 0) {

        if (!ngx_oof_is_word(&conf->brand, NGX_OOF_NAMESPACE_MAX, "-")) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the brand \"%V\" cannot be the namespace of "
                               "URNs: set \"oof_urn_namespace\"",
                               &conf->brand);
            return NGX_CONF_ERROR;
        }

        conf->urn_namespace.len = conf->brand.len;
        conf->urn_namespace.data = ngx_pnalloc(cf->pool, conf->brand.len);

        if (conf->urn_namespace.data == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(conf->urn_namespace.data, conf->brand.data,
                   conf->brand.len);
    }

    if (conf->body_size == 0) {
        conf->body_size = conf->api->body_size;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->api->flags & NGX_OOF_API_GATE) {
        return ngx_oof_merge_gate(cf, conf, clcf);
    }

    /* nginx itself answers 413, and a body never goes to a file */

    clcf->client_max_body_size = conf->body_size;
    clcf->client_body_buffer_size = conf->body_size;
    clcf->client_body_in_single_buffer = 1;
    clcf->client_body_in_file_only = 0;

    if (conf->keys
        && ngx_oof_keys_bind(cf, conf->keys, conf->database) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the first directive that a location of its API lacks; NULL: none */

static const char *
ngx_oof_merge_missing(ngx_oof_loc_conf_t *conf)
{
    ngx_uint_t  flags;

    flags = conf->api->flags;

    if (conf->brand.len == 0) {
        return "oof_brand";
    }

    /* what is public asks nobody; what is open has something to tell */

    if ((flags & NGX_OOF_API_PUBLIC)
        || ((flags & NGX_OOF_API_OPEN)
            && conf->database && conf->base_url.len))
    {
        return NULL;
    }

    if (conf->database == NULL) {
        return "oof_database";
    }

    if (conf->issuer == NULL) {
        return "oof_issuer";
    }

    if (conf->keys == NULL) {
        return "oof_keys";
    }

    if (!(flags & NGX_OOF_API_TPP)) {
        return NULL;
    }

    if (conf->base_url.len == 0) {
        return "oof_base_url";
    }

    if (conf->organisation_id.len == 0) {
        return "oof_organisation_id";
    }

    if (conf->issuing_ca == NULL) {
        return "oof_issuing_ca";
    }

    if (!(flags & NGX_OOF_API_JWT)) {
        return NULL;
    }

    if (conf->keystore == NULL) {
        return "oof_keystore";
    }

    return conf->signing_keys ? NULL : "oof_signing_key";
}


/*
 * A resumed session has no chain to judge (and the regulation forbids it, spec
 * 5.2): its requests will be refused.  Told once a server.
 */

static void
ngx_oof_merge_sessions(ngx_conf_t *cf)
{
    char                     *what;
    ngx_oof_main_conf_t      *omcf;
    ngx_http_ssl_srv_conf_t  *sscf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (sscf == NULL || sscf->ssl.ctx == NULL || sscf == omcf->judged) {
        return;
    }

    omcf->judged = sscf;

    if (sscf->session_tickets) {
        what = "ssl_session_tickets off";

    } else if (sscf->builtin_session_cache != NGX_SSL_NO_SCACHE
               && sscf->builtin_session_cache != NGX_SSL_NONE_SCACHE)
    {
        what = "ssl_session_cache off";

    } else {
        return;
    }

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "TLS sessions can be resumed in a server with "
                       "\"oof_api\", and requests of resumed sessions are "
                       "refused: set \"%s\"", what);
}


/* a gate is no gate when there is a way round it, or nothing behind it */

static char *
ngx_oof_merge_gate(ngx_conf_t *cf, ngx_oof_loc_conf_t *conf,
    ngx_http_core_loc_conf_t *clcf)
{
    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "location \"%V\" is guarded by the API \"%V %V\" "
                           "and must not have \"satisfy any\"", &clcf->name,
                           &conf->api->name, &conf->api->major);
        return NGX_CONF_ERROR;
    }

    if (clcf->handler == NULL && !clcf->noname) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "location \"%V\" is guarded by the API \"%V %V\" "
                           "and serves nothing: set \"proxy_pass\"",
                           &clcf->name, &conf->api->name, &conf->api->major);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_brand(ngx_conf_t *cf, void *post, void *data)
{
    if (!ngx_oof_is_word(data, NGX_OOF_NAME_MAX, "-_")) {
        return "must have 1 to 64 letters, digits, \"-\" and \"_\", "
               "which are not the first";
    }

    return NGX_CONF_OK;
}


/* what the regulation's pattern of a consent's id allows (spec 0.3) */

static char *
ngx_oof_urn_namespace(ngx_conf_t *cf, void *post, void *data)
{
    if (!ngx_oof_is_word(data, NGX_OOF_NAMESPACE_MAX, "-")) {
        return "must have 1 to 32 letters, digits and \"-\", "
               "which is not the first";
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_oof_is_word(ngx_str_t *value, size_t max, const char *more)
{
    u_char      c;
    ngx_uint_t  i;

    if (value->len == 0 || value->len > max) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            || (i && c && ngx_strchr(more, c)))
        {
            continue;
        }

        return 0;
    }

    return 1;
}


char *
ngx_oof_block_name(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (!ngx_oof_is_word(&value[1], NGX_OOF_NAME_MAX, "-_.")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name in \"%V NAME { }\" must have 1 to 64 "
                           "letters, digits, \"-\", \"_\" and \".\", which "
                           "are not the first: \"%V\"", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_not_zero(ngx_conf_t *cf, void *post, void *data)
{
    ngx_uint_t *value = data;

    return *value ? NGX_CONF_OK : "must not be 0";
}


static char *
ngx_oof_uuid_value(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *value = data;

    if (ngx_oof_uuid_parse(value, NULL) != NGX_OK) {
        return "must be a UUID";
    }

    ngx_strlow(value->data, value->data, value->len);

    return NGX_CONF_OK;
}


static char *
ngx_oof_base_url(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *value = data;

    /* whether the plain one is enough depends on who calls */

    if (!ngx_oof_begins(value, "https://")
        && !ngx_oof_begins(value, "http://"))
    {
        return "must begin with \"https://\" or \"http://\"";
    }

    if (value->data[value->len - 1] == '/') {
        return "must not end with \"/\"";
    }

    return NGX_CONF_OK;
}


/* and something follows */

static ngx_uint_t
ngx_oof_begins(ngx_str_t *value, const char *text)
{
    size_t  len;

    len = ngx_strlen(text);

    return value->len > len && ngx_strncmp(value->data, text, len) == 0;
}


static char *
ngx_oof_header_name(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *value = data;

    if (value->len == 0) {
        return "must not be empty";
    }

    ngx_strlow(value->data, value->data, value->len);

    return NGX_CONF_OK;
}


/* 24 hours are the regulation's (spec 2.2, 2.3): more may be kept */

static char *
ngx_oof_keep(ngx_conf_t *cf, void *post, void *data)
{
    time_t *value = data;

    if (*value < NGX_OOF_IDEMPOTENCY_KEEP || *value > 366 * 24 * 60 * 60) {
        return "must be 24 hours to 366 days";
    }

    return NGX_CONF_OK;
}


/* three numbers, as x-v is specified (spec 0.3) */

static char *
ngx_oof_version(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *value = data;

    size_t      i;
    ngx_uint_t  dots, digits;

    dots = 0;
    digits = 0;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] >= '0' && value->data[i] <= '9') {
            digits++;
            continue;
        }

        if (value->data[i] != '.' || digits == 0) {
            break;
        }

        dots++;
        digits = 0;
    }

    if (i < value->len || dots != 2 || digits == 0) {
        return "must be three numbers, as in 2.5.1";
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_cert_from(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    if (olcf->cert_from == NGX_CONF_UNSET_PTR) {
        olcf->cert_from = ngx_array_create(cf->pool, 2, sizeof(ngx_cidr_t));

        if (olcf->cert_from == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(olcf->cert_from);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_strcmp(value[i].data, "unix:") == 0) {
            ngx_memzero(cidr, sizeof(ngx_cidr_t));
            cidr->family = AF_UNIX;
            continue;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"%V\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_closed_from(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t  *value;

    if (olcf->closed_from.year) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_oof_clock_parse_date(&value[1], &olcf->closed_from) != NGX_OK) {
        return "must be a date, as in 2027-03-01";
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_key_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    olcf->key_set_text = ngx_pcalloc(cf->pool, sizeof(ngx_str_t));
    if (olcf->key_set_text == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_oof_key_set_handler;

    return NGX_CONF_OK;
}


static char *
ngx_oof_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_oof_metrics_handler;

    return NGX_CONF_OK;
}


static char *
ngx_oof_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "live") == 0) {
        olcf->health = NGX_OOF_HEALTH_LIVE;

    } else if (ngx_strcmp(value[1].data, "ready") == 0) {
        olcf->health = NGX_OOF_HEALTH_READY;

    } else {
        return "must be \"live\" or \"ready\"";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_oof_health_handler;

    return NGX_CONF_OK;
}
