
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_RESPONSE_H_INCLUDED_
#define _NGX_OOF_RESPONSE_H_INCLUDED_


#include <ngx_oof.h>


/* prepares an answer; "body" is JSON unless o->media says otherwise */
ngx_int_t ngx_oof_answer(ngx_oof_request_t *o, ngx_uint_t status,
    ngx_str_t *body);

/*
 * Prepares an error of one item (spec 0.3).  Strings are literals or live in
 * the request's pool; "title" and "detail" are never empty.  Return NGX_OK, so
 * that a handler may say "return ngx_oof_error(…)".
 */
ngx_int_t ngx_oof_error(ngx_oof_request_t *o, ngx_uint_t status,
    const char *code, const char *title, const char *detail);

/* with the code and texts that fit the status */
ngx_int_t ngx_oof_error_status(ngx_oof_request_t *o, ngx_uint_t status);

/* 503, 504, 529, 500 for an end of a unit other than NGX_OOF_PG_OK */
ngx_int_t ngx_oof_error_unit(ngx_oof_request_t *o, ngx_uint_t rc);

/* writes {"errors":[…],"meta":{…}} for the error that is prepared in "o" */
ngx_int_t ngx_oof_error_body(ngx_oof_request_t *o, ngx_str_t *body);

/*
 * Begins and ends a success body: ngx_oof_body_begin() writes {"data":, the
 * caller one value, ngx_oof_body_end() links.self ("base_url" + "path"), meta
 * and the end.
 */
void ngx_oof_body_begin(ngx_oof_json_t *w);
void ngx_oof_body_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_str_t *path);

/*
 * Sends what is prepared: header and body through nginx's filters, the
 * request's body discarded.  Returns what ngx_http_finalize_request() takes.
 */
ngx_int_t ngx_oof_send(ngx_oof_request_t *o);

/* adds a header; both strings live as long as the request */
ngx_int_t ngx_oof_response_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);

/* adds Retry-After when o->retry_after says so */
ngx_int_t ngx_oof_response_retry_after(ngx_oof_request_t *o);


#endif /* _NGX_OOF_RESPONSE_H_INCLUDED_ */
