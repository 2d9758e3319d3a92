
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PAGE_H_INCLUDED_
#define _NGX_OOF_PAGE_H_INCLUDED_


#include <ngx_oof.h>


/* pages of a list (spec 1.9) */

#define NGX_OOF_PAGE_SIZE_MIN  25
#define NGX_OOF_PAGE_SIZE_MAX  1000


typedef struct {
    int64_t                  number;     /* from 1 */
    int64_t                  size;       /* effective */
    int64_t                  records;    /* by ngx_oof_page_count() */
    int64_t                  pages;
} ngx_oof_page_t;


/*
 * Takes "page" and "page-size" of the request's arguments.  A size below 25 is
 * 25.  NGX_OK; NGX_DECLINED with an answer prepared: 400 for what is no number
 * of that kind, or stands there twice, 422 for a size above 1000; NGX_ERROR.
 */
ngx_int_t ngx_oof_page_read(ngx_oof_request_t *o, ngx_oof_page_t *page);

/* records to pass over, never more than fit an int8 */
int64_t ngx_oof_page_offset(ngx_oof_page_t *page);

/*
 * Sets the counts of all records.  NGX_OK; NGX_DECLINED with 422
 * PAGE_NOT_FOUND prepared when there is no such page (the first always is).
 */
ngx_int_t ngx_oof_page_count(ngx_oof_request_t *o, ngx_oof_page_t *page,
    int64_t records);

/*
 * Ends a success body as ngx_oof_body_end() does, with links to other pages
 * (the other arguments are kept as they came) and the counts.
 */
void ngx_oof_page_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_page_t *page);


#endif /* _NGX_OOF_PAGE_H_INCLUDED_ */
