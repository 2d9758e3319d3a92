
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_NOTICE_H_INCLUDED_
#define _NGX_OOF_PAYMENT_NOTICE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What the bank tells of payments, on the listener that is never reachable from
 * outside:
 *
 *     POST /open-banking/oob-consents/v1/payment-status-notification
 *
 * of the API "payment-management v1", by the core: a payment, by the core's id,
 * has a new state.  204; 404 when it is not known (yet): it is found by asking.
 *
 *     POST /oof/v1/payments/{paymentId}/resolve
 *
 * of "management v1", by an operator: {"data":{"outcome":"SETTLED"|"NOT_MADE"|
 * "REPEAT","reason":{"code":"…"}}} of a payment that was sent to the core and
 * that nothing is known of.  204; 409 when something is.
 */

/* registers the API and adds the route, in preconfiguration */
ngx_int_t ngx_oof_payment_notice_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_PAYMENT_NOTICE_H_INCLUDED_ */
