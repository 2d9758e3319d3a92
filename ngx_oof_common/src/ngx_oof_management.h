
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_MANAGEMENT_H_INCLUDED_
#define _NGX_OOF_MANAGEMENT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The API "management v1" of the bank's side ("/oof/v1", on a listener that is
 * never reachable from outside).  Its routes come from several modules; here
 * are those of the rule clock:
 *
 *     GET  /clock    {"data":{"offset":0,"ruleTime":"2026-11-24T12:00:00Z"}}
 *     POST /clock    {"data":{"offset":21600}}, which answers the same
 *
 * Both are 404 without "oof_test_clock on".
 */

#define NGX_OOF_MANAGEMENT_ROUTES  64

#define NGX_OOF_SCOPE_ADMIN  "oof_admin"


/*
 * Adds a table of routes (ends with a null path) to the API, in
 * preconfiguration, once in a configuration; the table is copied.
 */
ngx_int_t ngx_oof_management_add(ngx_conf_t *cf, ngx_oof_route_t *routes);

/*
 * The same, before all routes that are there or come: for paths that several
 * modules serve, each for ids of its own (see ngx_oof_route_next()).
 */
ngx_int_t ngx_oof_management_add_first(ngx_conf_t *cf,
    ngx_oof_route_t *routes);

/*
 * The same for the API "consent-management v1": what the bank's channels, back
 * office and core ask of consents and payments, on the same listener.
 */

#define NGX_OOF_BANK_BASE         "/open-banking/oob-consents"

#define NGX_OOF_SCOPE_BANK_READ   "oob_consents:read"
#define NGX_OOF_SCOPE_BANK_WRITE  "oob_consents:write"
#define NGX_OOF_SCOPE_BANK_PUSH   "oob_payments:write"

/* as ngx_oof_management_add() and ngx_oof_management_add_first() */
ngx_int_t ngx_oof_bank_add(ngx_conf_t *cf, ngx_oof_route_t *routes);
ngx_int_t ngx_oof_bank_add_first(ngx_conf_t *cf, ngx_oof_route_t *routes);

/* both APIs, with the routes of the rule clock */
ngx_int_t ngx_oof_management_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_MANAGEMENT_H_INCLUDED_ */
