
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_WEBHOOK_H_INCLUDED_
#define _NGX_OOF_PAYMENT_WEBHOOK_H_INCLUDED_


#include <ngx_oof.h>


/* tells the webhooks which events of payments they are of (spec 4.3) */
ngx_int_t ngx_oof_payment_webhook_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_PAYMENT_WEBHOOK_H_INCLUDED_ */
