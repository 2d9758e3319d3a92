
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_RELAY_INT_H_INCLUDED_
#define _NGX_OOF_RELAY_INT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What the files ngx_oof_relay*.c share; nobody else includes it.
 *
 *     relay           the lease, positions, what was read of the logs last
 *     relay_conf      oof_events { }, consumers of modules, metrics
 *     relay_consumer  deliveries of a consumer, its cursor and pending ones
 *     relay_admin     replay and dead events, by the management listener
 *     envelope        CloudEvents
 */

#define NGX_OOF_RELAY_ATTEMPTS   20
#define NGX_OOF_RELAY_BACKOFF    60000
#define NGX_OOF_RELAY_KEEP       (7 * 86400)      /* s */

#define NGX_OOF_CONSUMER_MAX     32               /* of a database */


struct ngx_oof_relay_s {
    ngx_oof_lease_t          lease;
    ngx_uint_t               number;     /* of the database */
    ngx_uint_t               series;
    ngx_array_t              consumers;  /* of ngx_oof_consumer_t * */
};


/* adds a consumer whose database is known; the name must be new there */
ngx_int_t ngx_oof_relay_consumer(ngx_conf_t *cf, ngx_oof_consumer_t *c);


#endif /* _NGX_OOF_RELAY_INT_H_INCLUDED_ */
