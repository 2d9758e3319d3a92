
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_RETENTION_H_INCLUDED_
#define _NGX_OOF_RETENTION_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What is over and old is deleted where "oof_retention" says so, by the holder
 * of the lease "maintenance": each day of the rule clock it goes through the
 * tables in order of their keys, so many rows at a time.  What may be deleted
 * at all is the word of the database's function oof_retain().
 */

#define NGX_OOF_RETENTION_LEAST  (30 * 86400)       /* s */


typedef struct ngx_oof_retention_s  ngx_oof_retention_t;

/* "oof_retention WHAT TIME|off" */
char *ngx_oof_retention_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* for a database whose lease "maintenance" may be held; NULL: an error */
ngx_oof_retention_t *ngx_oof_retention_create(ngx_conf_t *cf,
    ngx_oof_lease_t *lease);

/* the lease was acquired, lost, and about each second */
void ngx_oof_retention_acquired(ngx_oof_retention_t *r);
void ngx_oof_retention_lost(ngx_oof_retention_t *r);
void ngx_oof_retention_tick(ngx_oof_retention_t *r);


#endif /* _NGX_OOF_RETENTION_H_INCLUDED_ */
