
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_H_INCLUDED_
#define _NGX_OOF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include <jansson.h>
#include <libpq-fe.h>


#define NGX_OOF_VERSION        "0.1.0"


/* statuses that nginx has no name for */

#define NGX_OOF_HTTP_NOT_ACCEPTABLE  406
#define NGX_OOF_HTTP_UNPROCESSABLE   422
#define NGX_OOF_HTTP_LOCKED          423
#define NGX_OOF_HTTP_HEADERS         431
#define NGX_OOF_HTTP_OVERLOADED      529


typedef struct ngx_oof_request_s    ngx_oof_request_t;
typedef struct ngx_oof_route_s      ngx_oof_route_t;
typedef struct ngx_oof_api_s        ngx_oof_api_t;
typedef struct ngx_oof_database_s   ngx_oof_database_t;
typedef struct ngx_oof_pg_unit_s    ngx_oof_pg_unit_t;
typedef struct ngx_oof_keys_s       ngx_oof_keys_t;
typedef struct ngx_oof_issuer_s     ngx_oof_issuer_t;
typedef struct ngx_oof_cert_s       ngx_oof_cert_t;
typedef struct ngx_oof_token_s      ngx_oof_token_t;
typedef struct ngx_oof_client_s     ngx_oof_client_t;
typedef struct ngx_oof_jwks_s       ngx_oof_jwks_t;
typedef struct ngx_oof_fetch_s      ngx_oof_fetch_t;
typedef struct ngx_oof_lease_s      ngx_oof_lease_t;
typedef struct ngx_oof_sql_s        ngx_oof_sql_t;
typedef struct ngx_oof_core_s       ngx_oof_core_t;
typedef struct ngx_oof_limit_row_s  ngx_oof_limit_row_t;
typedef struct ngx_oof_message_s    ngx_oof_message_t;
typedef struct ngx_oof_keystore_s   ngx_oof_keystore_t;
typedef struct ngx_oof_loc_conf_s   ngx_oof_loc_conf_t;
typedef struct ngx_oof_webhooks_s   ngx_oof_webhooks_t;


#include <ngx_oof_uuid.h>
#include <ngx_oof_clock.h>
#include <ngx_oof_json.h>
#include <ngx_oof_schema.h>
#include <ngx_oof_crypt.h>
#include <ngx_oof_metrics.h>
#include <ngx_oof_sql.h>
#include <ngx_oof_pg.h>
#include <ngx_oof_lease.h>
#include <ngx_oof_fetch.h>
#include <ngx_oof_core.h>
#include <ngx_oof_jws.h>
#include <ngx_oof_jwks.h>
#include <ngx_oof_keystore.h>
#include <ngx_oof_ocsp.h>
#include <ngx_oof_cert.h>
#include <ngx_oof_token.h>
#include <ngx_oof_client.h>
#include <ngx_oof_route.h>
#include <ngx_oof_media.h>
#include <ngx_oof_message.h>
#include <ngx_oof_trace.h>
#include <ngx_oof_started.h>
#include <ngx_oof_request.h>
#include <ngx_oof_idempotency.h>
#include <ngx_oof_response.h>
#include <ngx_oof_page.h>
#include <ngx_oof_upstream.h>
#include <ngx_oof_event.h>
#include <ngx_oof_webhook.h>
#include <ngx_oof_call.h>
#include <ngx_oof_meter.h>
#include <ngx_oof_status.h>
#include <ngx_oof_stream.h>
#include <ngx_oof_relay.h>
#include <ngx_oof_personal.h>
#include <ngx_oof_maintenance.h>
#include <ngx_oof_management.h>
#include <ngx_oof_bank.h>
#include <ngx_oof_module.h>
#include <ngx_oof_limit.h>


#endif /* _NGX_OOF_H_INCLUDED_ */
