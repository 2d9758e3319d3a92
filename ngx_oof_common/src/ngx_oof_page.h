
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAGE_H_INCLUDED_
#define _NGX_OOF_PAGE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Pages of a list (spec 1.9): "page" from 1, "page-size" 25 to 1000, 25 when it
 * is not told or smaller.  All counts are made with the size that is in effect,
 * which the links show.
 */

#define NGX_OOF_PAGE_SIZE      25
#define NGX_OOF_PAGE_SIZE_MAX  1000


typedef struct {
    int64_t                  number;         /* from 1 */
    int64_t                  size;           /* in effect */
    int64_t                  total;          /* records */
    int64_t                  pages;          /* 0: there is no record */
} ngx_oof_page_t;


/*
 * Reads the page that the request's query asks for, "total" and "pages" are 0
 * yet.  Returns NGX_OK; NGX_DECLINED with an error prepared: 400 for what is no
 * number, or no page's, 422 for a size over the maximum; or NGX_ERROR.
 */
ngx_int_t ngx_oof_page_read(ngx_oof_request_t *o, ngx_oof_page_t *page);

/* records before the page */
#define ngx_oof_page_offset(page)  (((page)->number - 1) * (page)->size)

/*
 * Tells how many records the list has.  Returns NGX_OK, or NGX_DECLINED with
 * 422 PAGE_NOT_FOUND prepared when the page is after the last; the first one is
 * always there.
 */
ngx_int_t ngx_oof_page_count(ngx_oof_request_t *o, ngx_oof_page_t *page,
    int64_t total);

/*
 * Ends a success body that ngx_oof_body_begin() has begun: links (self; first
 * and prev but on the first page, next and last but on the last) and meta.
 * "path" is the list's, and may have a query of its own.
 */
void ngx_oof_page_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_page_t *page, ngx_str_t *path);


#endif /* _NGX_OOF_PAGE_H_INCLUDED_ */
