
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_BLOCK_H_INCLUDED_
#define _NGX_OOF_BLOCK_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Blocks "oof_x NAME { }" of http{}, whose lines a table tells.  What a block
 * comes to is a structure that begins with its name, an ngx_str_t.
 */

typedef struct ngx_oof_block_line_s  ngx_oof_block_line_t;

struct ngx_oof_block_line_s {
    ngx_str_t                name;
    ngx_uint_t               min;        /* arguments */
    ngx_uint_t               max;

    /* NGX_CONF_OK, NGX_CONF_ERROR, or how the line is wrong: "must be" */
    char                  *(*set)(ngx_conf_t *cf, ngx_oof_block_line_t *line,
                                  void *conf);
    size_t                   offset;     /* of what it sets */

    /* of the setters below */
    ngx_int_t                least;
    ngx_int_t                most;
    char                    *why;        /* it is not between these */
};

#define ngx_oof_block_end  { ngx_null_string, 0, 0, NULL, 0, 0, 0, NULL }


/*
 * Begins a block: a new structure of "size" bytes, zeroed but for its name,
 * which is pushed to "blocks"; NULL with a message when the name is wrong, or
 * there already.
 */
void *ngx_oof_block_new(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_array_t *blocks, size_t size);

/*
 * Reads the lines of the block of "cmd".  NGX_CONF_OK, or NGX_CONF_ERROR with
 * a message.
 */
char *ngx_oof_block_read(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_oof_block_line_t *lines, void *conf);

/* that of a name, or NULL */
void *ngx_oof_block_find(ngx_array_t *blocks, ngx_str_t *name);


/*
 * Setters of one value, which may be given once.  What is set must be unset
 * before: NGX_CONF_UNSET of its type, or an empty string.
 */
char *ngx_oof_block_flag(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* ngx_flag_t: "on", "off" */
char *ngx_oof_block_number(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* ngx_uint_t, ngx_int_t */
char *ngx_oof_block_msec(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* ngx_msec_t */
char *ngx_oof_block_sec(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* time_t */
char *ngx_oof_block_size(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* size_t */
char *ngx_oof_block_text(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* ngx_str_t: not empty */
char *ngx_oof_block_url(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* ngx_str_t: http or https */
char *ngx_oof_block_pem(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);                         /* ngx_str_t: the file's text */


#endif /* _NGX_OOF_BLOCK_H_INCLUDED_ */
