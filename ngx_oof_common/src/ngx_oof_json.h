
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_JSON_H_INCLUDED_
#define _NGX_OOF_JSON_H_INCLUDED_


#include <ngx_oof.h>


/*
 * A small append-only JSON writer: it grows in a pool, escapes what must be
 * escaped, places the commas itself, and never holds a tree.
 */

typedef struct {
    ngx_pool_t      *pool;
    u_char          *start;
    u_char          *pos;
    u_char          *end;
    unsigned         comma:1;      /* a value stands before: write a comma */
    unsigned         failed:1;     /* no memory: all later calls do nothing */
} ngx_oof_json_t;


/* "size" is a first guess of the whole */
ngx_int_t ngx_oof_json_init(ngx_oof_json_t *w, ngx_pool_t *pool, size_t size);

void ngx_oof_json_begin(ngx_oof_json_t *w, u_char bracket);   /* '{' '[' */
void ngx_oof_json_end(ngx_oof_json_t *w, u_char bracket);     /* '}' ']' */

/* "name" is written as it is: a literal without characters to escape */
void ngx_oof_json_name(ngx_oof_json_t *w, const char *name);

/* a name that may be any text */
void ngx_oof_json_key(ngx_oof_json_t *w, ngx_str_t *name);

/* values: texts are escaped, literals are not; times are of the Unix epoch */
void ngx_oof_json_str(ngx_oof_json_t *w, ngx_str_t *value);
void ngx_oof_json_literal(ngx_oof_json_t *w, const char *value);
void ngx_oof_json_int(ngx_oof_json_t *w, int64_t value);
void ngx_oof_json_bool(ngx_oof_json_t *w, ngx_uint_t value);
void ngx_oof_json_time(ngx_oof_json_t *w, int64_t us);
void ngx_oof_json_uuid(ngx_oof_json_t *w, u_char *id);

/* bytes that are JSON already */
void ngx_oof_json_raw(ngx_oof_json_t *w, ngx_str_t *json);

/* members with a string, a time, and bytes as hexadecimal digits */
void ngx_oof_json_member(ngx_oof_json_t *w, const char *name,
    ngx_str_t *value);
void ngx_oof_json_member_time(ngx_oof_json_t *w, const char *name,
    int64_t us);
void ngx_oof_json_member_hex(ngx_oof_json_t *w, const char *name,
    u_char *data, size_t len);

/* the text so far; NGX_ERROR when memory was short on the way */
ngx_int_t ngx_oof_json_text(ngx_oof_json_t *w, ngx_str_t *text);


/*
 * Parses a body that came from outside with jansson: UTF-8 checked,
 * duplicate members, NUL and trailing bytes refused, a nesting of more than 16
 * refused before it is parsed.  The top must be an object.  The tree is freed
 * with the pool.  Returns NGX_OK, NGX_DECLINED with a reason in "why" (a
 * literal, fit for a log), or NGX_ERROR.
 */
ngx_int_t ngx_oof_json_parse(ngx_pool_t *pool, ngx_str_t *text,
    json_t **root, const char **why);

/* is it text in UTF-8, without control characters (RFC 3629) */
ngx_uint_t ngx_oof_json_is_text(ngx_str_t *value);

/* a member that is a string: NGX_OK, or NGX_DECLINED when absent or other */
ngx_int_t ngx_oof_json_get_str(json_t *object, const char *name,
    ngx_str_t *value);


#endif /* _NGX_OOF_JSON_H_INCLUDED_ */
