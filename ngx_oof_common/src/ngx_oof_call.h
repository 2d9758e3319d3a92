
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CALL_H_INCLUDED_
#define _NGX_OOF_CALL_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Reports of calls, for the regulator's platform of metrics (PCM): each call
 * of a third party whose certificate has told its organisation is a record of
 * endpoint, method, status, duration, both organisations, interaction id and
 * error code.  Records are gathered in the worker's memory, a block for each
 * database, brand and organisation of the bank, and written as one row of the
 * table oof_call (an event "oof.api.calls") of up to 500 records a second
 * after the first, or when the block is full, without waiting for the disk.
 *
 * So is each call of a third party's webhook that was answered, with the role
 * CLIENT: the server is the third party, which reports it as well.
 *
 * A block that cannot be written is kept and sent again, with the same id, so
 * that it is one row.  What has no room then is counted and dropped; a worker
 * that quits writes what it has within half a second.
 */

#define NGX_OOF_EVENT_API_CALLS  "oof.api.calls"


/* what one row of oof_call is of: private */

typedef struct ngx_oof_calls_s  ngx_oof_calls_t;


/* a call of ours: ids are texts of a UUID */

typedef struct {
    u_char                   interaction_id[NGX_OOF_UUID_TEXT];
    u_char                   server[NGX_OOF_UUID_TEXT];   /* organisation */
    int64_t                  start;      /* real clock, us */
    ngx_msec_t               time;       /* that it took */
    ngx_uint_t               status;
    ngx_str_t                method;
    ngx_str_t                endpoint;
    ngx_str_t                consent_id;   /* URN */
} ngx_oof_call_made_t;


/* it was answered; reported where calls of third parties of the brand are */
void ngx_oof_call_made(ngx_oof_database_t *db, ngx_str_t *brand,
    ngx_oof_call_made_t *made);

/* log phase, once for a request */
void ngx_oof_call_log(ngx_oof_request_t *o);

/* "oof_call_reports", and what is merged of it */
char *ngx_oof_call_reports(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_oof_call_merge(ngx_conf_t *cf, ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);

ngx_int_t ngx_oof_call_init(ngx_conf_t *cf);       /* metrics */
ngx_int_t ngx_oof_call_init_process(ngx_cycle_t *cycle);
void ngx_oof_call_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_CALL_H_INCLUDED_ */
