
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_BANK_H_INCLUDED_
#define _NGX_OOF_CONSENT_BANK_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_bank_list.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_journey.h>


/*
 * The consent management API: what the bank's channels, back office and core
 * ask of consents ("consent-management v1", on the management listener).  The
 * brand is the server's; X-Brand-ID of the caller is not looked at.
 */

/*
 * Whether this caller may change what belongs to the consent: a customer's
 * token only where the consent is that customer's.  NGX_OK, or NGX_DECLINED
 * with a 403 prepared.
 */
ngx_int_t ngx_oof_bank_own(ngx_oof_request_t *o,
    ngx_oof_consent_journey_t *journey);

/* title and description of permission "n" */
const char *ngx_oof_bank_title(ngx_uint_t n);
const char *ngx_oof_bank_description(ngx_uint_t n);

/*
 * Reads the consent that the path names, as a detail tells it, and answers it:
 * returns as a handler does.
 */
ngx_int_t ngx_oof_bank_detail(ngx_oof_request_t *o);

/*
 * A unit with the statements that read the consent of the path, journey_get
 * and journey_choice; NGX_OK, NGX_DECLINED with an answer prepared, NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t **unit);

/* takes their rows: the same returns */
ngx_int_t ngx_oof_bank_row(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_consent_journey_t **journey);


/* handlers of routes */
ngx_int_t ngx_oof_bank_extends(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_revoke(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_reject(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_agree(ngx_oof_request_t *o);
ngx_int_t ngx_oof_bank_notify(ngx_oof_request_t *o);

/* what the bank's own webhook is told of */
ngx_int_t ngx_oof_consent_webhook_preconf(ngx_conf_t *cf);

/* consents of data in lists, in preconfiguration */
ngx_int_t ngx_oof_consent_bank_list_preconf(ngx_conf_t *cf);

/* adds the routes, in preconfiguration */
ngx_int_t ngx_oof_bank_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_CONSENT_BANK_H_INCLUDED_ */
