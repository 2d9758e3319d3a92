
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_BANK_H_INCLUDED_
#define _NGX_OOF_PAYMENT_BANK_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment_journey.h>


/*
 * What the bank's channels and back office ask of consents to pay and of
 * payments: routes of "consent-management v1", whose ids that are none of a
 * consent to pay are left to consents of data, and "payment-management v2",
 *
 *     PATCH /open-banking/oob-payments/v2/pix/payments/{paymentId}
 *     PATCH /open-banking/oob-payments/v2/consents/{consentId}/pix/payments
 *
 * by which a payment is cancelled that waits or is held, or all of a consent
 * that wait.
 */


/* answers with all that is known of the consent; returns as a handler does */
ngx_int_t ngx_oof_payment_bank_tell(ngx_oof_request_t *o,
    ngx_oof_payment_journey_t *j);

/*
 * Writes a payment as it is in a row of payment_bank_rows; NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_oof_payment_bank_item(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row);

/* what the core calls the payment of such a row, a member; or nothing */
void ngx_oof_payment_bank_legacy_id(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row);

/* handlers of routes */
ngx_int_t ngx_oof_payment_bank_detail(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_payments(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_legacy(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_revoke(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_reject(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_end(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_agree(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_cancel(ngx_oof_request_t *o);
ngx_int_t ngx_oof_payment_bank_cancel_all(ngx_oof_request_t *o);

/* consents to pay in lists, in preconfiguration */
ngx_int_t ngx_oof_payment_bank_list_preconf(ngx_conf_t *cf);

/* registers all of them, in preconfiguration */
ngx_int_t ngx_oof_payment_bank_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_PAYMENT_BANK_H_INCLUDED_ */
