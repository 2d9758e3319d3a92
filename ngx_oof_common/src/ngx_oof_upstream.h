
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_UPSTREAM_H_INCLUDED_
#define _NGX_OOF_UPSTREAM_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Answers of what is behind a gate (NGX_OOF_API_GATE).  Data pass as they are.
 * An error passes unchanged when its body is one of the regulation: JSON with
 * one to thirteen "errors", each with code, title and detail (spec 0.3).  Any
 * other, a redirect too, is answered with a regulated body of the status that
 * fits; what the bank's system has said goes nowhere.
 */

/* o->upstream */

#define NGX_OOF_UPSTREAM_HELD    1
#define NGX_OOF_UPSTREAM_OTHER   2    /* too long, or compressed */


/* header filter: whether the answer is held until its body has been seen */
ngx_uint_t ngx_oof_upstream_holds(ngx_oof_request_t *o);

/*
 * Takes what has come of the body into o->answer.  NGX_AGAIN until its last
 * part is there, then NGX_OK; NGX_ERROR.
 */
ngx_int_t ngx_oof_upstream_collect(ngx_oof_request_t *o, ngx_chain_t *in);

/*
 * NGX_OK: the body in o->answer is to be sent as it is.  NGX_DECLINED: an error
 * of ours is in its place, with all headers of the upstream taken away.
 */
ngx_int_t ngx_oof_upstream_judge(ngx_oof_request_t *o);

/*
 * The status that third parties see for one of the bank's systems, or of
 * nginx's when it could not reach them; another's is returned as it is.
 */
ngx_uint_t ngx_oof_upstream_status(ngx_oof_request_t *o, ngx_uint_t status);


#endif /* _NGX_OOF_UPSTREAM_H_INCLUDED_ */
