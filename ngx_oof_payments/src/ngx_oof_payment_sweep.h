
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAYMENT_SWEEP_H_INCLUDED_
#define _NGX_OOF_PAYMENT_SWEEP_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What time ends (spec 2.9): a consent to pay that was not authorised, or not
 * used, in time is REJECTED at that instant, and every answer says so from then
 * on; the sweeper writes it down, with history and event, which carry that
 * instant.  One process of the installation does, the holder of the lease
 * "payments" of the database, about each second.
 */

/* a location that serves a payments API: its brand and database */
ngx_int_t ngx_oof_payment_sweep_location(ngx_conf_t *cf);

/* declares the leases, when all locations are known */
ngx_int_t ngx_oof_payment_sweep_init(ngx_conf_t *cf);

/* the tables with personal data, see ngx_oof_rotation.h; likewise */
ngx_int_t ngx_oof_payment_rotation_init(ngx_conf_t *cf);

/* what is held of a customer, see ngx_oof_export.h; in preconfiguration */
ngx_int_t ngx_oof_payment_export_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_PAYMENT_SWEEP_H_INCLUDED_ */
