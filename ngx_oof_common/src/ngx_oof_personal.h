
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PERSONAL_H_INCLUDED_
#define _NGX_OOF_PERSONAL_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Documents and accounts in events, for consumers that ask for them ("personal
 * on").  The logs have none: they are read with the event from the rows of its
 * subject, where they are sealed, as they are then, and opened for that
 * consumer alone.  What is not there any more is not told.
 */

struct ngx_oof_personal_s {
    u_char                   consent_id[NGX_OOF_UUID_LEN];
    ngx_str_t                consent;    /* sealed, empty: none */
    ngx_str_t                debtor;
    ngx_str_t                payment;
};


/*
 * What a module tells of the subjects of its events: members of the object
 * "personal" into "w".  NGX_OK; NGX_DECLINED: there is nothing to be told;
 * NGX_ERROR: no memory.
 */
typedef ngx_int_t (*ngx_oof_personal_pt)(ngx_oof_relay_event_t *event,
    ngx_pool_t *pool, ngx_oof_json_t *w);

/* in preconfiguration; "prefix" of types, a literal: "oof.consent." */
ngx_int_t ngx_oof_personal_add(const char *prefix,
    ngx_oof_personal_pt handler);

/*
 * Opens a value that was sealed for row "id" of "table", by whichever keys are
 * configured.  NGX_DECLINED: none of them can, which is logged.
 */
ngx_int_t ngx_oof_personal_open(ngx_pool_t *pool, const char *table,
    u_char *id, ngx_str_t *sealed, ngx_str_t *plain);

/* the event as the consumer is to get it, one reference; NULL: no memory */
ngx_oof_relay_event_t *ngx_oof_personal_event(ngx_oof_consumer_t *c,
    ngx_oof_relay_event_t *event);


#endif /* _NGX_OOF_PERSONAL_H_INCLUDED_ */
