
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_STREAM_H_INCLUDED_
#define _NGX_OOF_STREAM_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The logs of events and of calls as a stream of server-sent events, for banks
 * that have no queue.  Of the API "management v1":
 *
 *     GET /events?after=POSITION&type=oof.consent
 *
 * Events of the listener's brand come in the order of their positions, each
 * with its position as "id", so that whoever comes back with "Last-Event-ID"
 * goes on behind it; without one the stream begins with what is new.  What is
 * sent is read when what was sent before has gone, so a slow reader costs
 * nothing but its own time, and is closed when it takes nothing for a while.  A
 * worker that quits ends its streams, as does the end of the token.
 */

/* "oof_events_stream" */
char *ngx_oof_stream_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_oof_stream_merge(ngx_oof_loc_conf_t *prev,
    ngx_oof_loc_conf_t *conf);

ngx_int_t ngx_oof_stream_preconf(ngx_conf_t *cf);   /* route, metrics */


#endif /* _NGX_OOF_STREAM_H_INCLUDED_ */
