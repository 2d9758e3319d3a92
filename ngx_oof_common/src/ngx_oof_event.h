
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_EVENT_H_INCLUDED_
#define _NGX_OOF_EVENT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The event log's rows (table oof_event) are written by the same statement as
 * the change they tell of.  This room makes what such a statement needs.
 */

typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];   /* UUIDv7: also the
                                                      * unit's id */
    ngx_str_t                type;       /* "oof.consent.created" */
    ngx_str_t                data;       /* JSON, no personal data */
} ngx_oof_event_t;


/* a new event of "type"; "data" is left to the caller */
ngx_int_t ngx_oof_event_init(ngx_oof_event_t *event, const char *type);

/* gives the event's id, type and data to the unit as uuid, text, text */
void ngx_oof_pg_event(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event);


#endif /* _NGX_OOF_EVENT_H_INCLUDED_ */
