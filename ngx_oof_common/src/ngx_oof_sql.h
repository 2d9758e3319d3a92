
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
 *
 * A file NAME_many.sql beside NAME.sql does for many units at once what that
 * does for one: its parameters are arrays of the same types in the same order,
 * its rows are the units' results in their order.  It is for units that have
 * not run before, so it need not look for an earlier run.
 */

struct ngx_oof_sql_s {
    const char      *name;
    const char      *text;
    const char      *solo_name;    /* NULL: the same statement serves */
    const char      *solo_text;
    ngx_oof_sql_t   *many;         /* NULL: each goes by itself */
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
