
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_JSON_READ_H_INCLUDED_
#define _NGX_OOF_JSON_READ_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Makes jansson's tree of an object or an array (RFC 8259), as json_loadb()
 * does with JSON_REJECT_DUPLICATES, in a quarter of its time, for it reads
 * from memory and not by a function for each byte.  UTF-8 is checked, NUL and a
 * nesting of more than 16 are refused.  The caller frees the tree.  Returns
 * NULL with a reason in "why" (a literal, fit for a log), or without one when
 * memory is short.
 */
json_t *ngx_oof_json_read(u_char *data, size_t len, const char **why);

/* skips bytes of a string that need neither an escape nor a look at others */
u_char *ngx_oof_json_plain(u_char *p, u_char *last);

/*
 * Length of the UTF-8 sequence of several bytes at "p" (RFC 3629: no overlong
 * forms, no surrogates, nothing above U+10FFFF), or 0 when there is none.
 */
size_t ngx_oof_json_multi(u_char *p, u_char *last);


#endif /* _NGX_OOF_JSON_READ_H_INCLUDED_ */
