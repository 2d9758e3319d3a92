
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_DISPATCH_H_INCLUDED_
#define _NGX_OOF_PAYMENT_DISPATCH_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_payment.h>


/*
 * Settlement, done by the holder of the lease "settlement" of each database:
 * what is stored is sent to the core; what was sent and not answered is sent
 * again, with the same key and body; what was answered and is not final is
 * asked for; scheduled payments are sent on their day.  Nothing is ever given
 * up because the core was silent; oof_payments_silent tells of it.
 */

/* when everything is configured */
ngx_int_t ngx_oof_payment_dispatch_init(ngx_conf_t *cf);


#endif /* _NGX_OOF_PAYMENT_DISPATCH_H_INCLUDED_ */
