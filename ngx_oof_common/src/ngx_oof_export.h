
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_EXPORT_H_INCLUDED_
#define _NGX_OOF_EXPORT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * All that is held of one customer (management listener, scope oof_admin):
 *
 *     POST /customer-data  {"data":{"cpf":"1","cnpj":"2","after":"3"}}
 *
 * answers a page of it, and "next" where there is more, which the next request
 * sends as "after".  Who else is named in the same rows is told as "***".
 */

#define NGX_OOF_EXPORT_SECTIONS  8
#define NGX_OOF_EXPORT_PAGE      20      /* consents */
#define NGX_OOF_EXPORT_ROWS      500     /* where no index is of the holder */


/*
 * A part of it.  "sql" takes brand, look-up values of the CPF and of the CNPJ
 * (JSON arrays; with "holder" the holder's alone), the last name that was told
 * (null: none) and how many; and gives of each row its name, its table (null:
 * it is not the customer's), its clear columns (JSON), then twice a member's
 * name, by which table and row it is sealed, and the sealed value.  Rows of
 * one name are all there.
 */

typedef struct {
    ngx_str_t                name;
    ngx_oof_sql_t           *sql;
    const char              *cpf;      /* domains of look-up values */
    const char              *cnpj;
    const char              *holder;   /* of either, or NULL */
} ngx_oof_export_section_t;

#define ngx_oof_export_end  { ngx_null_string, NULL, NULL, NULL, NULL }


/* the sections of a module, in preconfiguration; the table is static */
ngx_int_t ngx_oof_export_add(ngx_conf_t *cf,
    ngx_oof_export_section_t *sections);

ngx_int_t ngx_oof_export_preconf(ngx_conf_t *cf);    /* routes */


#endif /* _NGX_OOF_EXPORT_H_INCLUDED_ */
