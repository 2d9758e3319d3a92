
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_KEYSTORE_H_INCLUDED_
#define _NGX_OOF_KEYSTORE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The keystore of the directory: the keys by which organisations sign (spec
 * 2.2, 5.5).  The set of an organisation is at
 *
 *     URL/ORGANISATION/application.jwks
 *
 * Each worker fetches the sets that it needs when they are first needed, and
 * keeps them fresh; the one that was used longest ago makes room for another.
 * Their texts are in a zone, for who starts while the keystore is down.
 */

#define NGX_OOF_KEYSTORE_SETS  1000      /* a worker */
#define NGX_OOF_KEYSTORE_ZONE  (8 * 1024 * 1024)


struct ngx_oof_keystore_s {
    ngx_str_t                url;        /* without a slash at its end */
    ngx_str_t                addrs;
    ngx_str_t                ca;         /* PEM text */
    ngx_msec_t               refresh;
    size_t                   size;       /* of the zone */
    ngx_shm_zone_t          *zone;

    /* a worker's */
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;      /* the newest use first */
    ngx_uint_t               nsets;
};


/* "oof_keystore URL [refresh=TIME] [ca=FILE] [zone=SIZE]" */
char *ngx_oof_keystore(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * The key set of an organisation, which may not have been loaded yet (see
 * ngx_oof_jwks_wait()); NULL when there is no room or no memory.  It stays
 * until the end of the turn of the event loop, or while somebody waits for it.
 */
ngx_oof_jwks_t *ngx_oof_keystore_set(ngx_oof_keystore_t *keystore,
    ngx_str_t *organisation_id);

/* ms since the oldest of this worker's sets was fetched; NGX_DECLINED: none */
ngx_int_t ngx_oof_keystore_oldest(ngx_oof_keystore_t *keystore,
    ngx_msec_t *age);

ngx_int_t ngx_oof_keystore_init(ngx_conf_t *cf);    /* hosts, zones */
ngx_int_t ngx_oof_keystore_init_process(ngx_cycle_t *cycle);
void ngx_oof_keystore_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_KEYSTORE_H_INCLUDED_ */
