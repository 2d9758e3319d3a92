
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_SQL_H_INCLUDED_
#define _NGX_OOF_SQL_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Statements live in *.sql files and are compiled in by sql2c: one file is
 * one statement, prepared under the file's name.  A comment line
 *
 *     -- $1 uuid: the consent's id
 *
 * for each parameter gives its type.  Where the text says
 * "FOR UPDATE SKIP LOCKED", a second statement NAME.solo without "SKIP LOCKED"
 * is made for the solo lane.  The C name of file consent_get.sql is
 * ngx_oof_sql_consent_get.
 */

struct ngx_oof_sql_s {
    const char      *name;
    const char      *text;
    const char      *solo_name;    /* NULL: the same statement serves */
    const char      *solo_text;
    ngx_uint_t       nparams;
    const Oid       *types;
};


/*
 * A module gives its table (made by sql2c, ends with NULL) in preconfiguration;
 * every lane prepares them all when it connects.
 */
ngx_int_t ngx_oof_sql_register(ngx_conf_t *cf, ngx_oof_sql_t **statements);


extern ngx_oof_sql_t  *ngx_oof_common_sql[];


#endif /* _NGX_OOF_SQL_H_INCLUDED_ */
