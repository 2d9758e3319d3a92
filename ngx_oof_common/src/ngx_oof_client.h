
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CLIENT_H_INCLUDED_
#define _NGX_OOF_CLIENT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Registered clients: rows of oof_client, cached by database, brand and
 * client_id in each worker for 5 s (unknown: 1 s), bounded, read on a read
 * lane.  Requests that ask for the same row at once share one read.  A row that
 * is too old is never served: when the database is down the answer is 503.
 */

struct ngx_oof_client_s {
    ngx_str_t                client_id;
    ngx_str_t                organisation_id;   /* lower case */
    ngx_str_t                software_id;       /* lower case, or empty */
    ngx_str_t                name;
    unsigned                 blocked:1;
};


/*
 * Access phase, after certificate and token: the registered client must be
 * known (unless "oof_clients optional"), not blocked, and agree with the
 * certificate's organisation, else 401.  Sets o->client, which lives as long
 * as the request.  Returns as ngx_oof_token_check().
 */
ngx_int_t ngx_oof_client_check(ngx_oof_request_t *o);

ngx_int_t ngx_oof_client_init(ngx_conf_t *cf);     /* metrics */
ngx_int_t ngx_oof_client_init_process(ngx_cycle_t *cycle);
void ngx_oof_client_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_CLIENT_H_INCLUDED_ */
