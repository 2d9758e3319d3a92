
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_SCHEMA_H_INCLUDED_
#define _NGX_OOF_SCHEMA_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Declarative validation of a JSON document against a table.  Unknown members
 * are ignored (spec 7, 10).  Tables are static and end with a null name.
 */

#define NGX_OOF_SCHEMA_OBJECT    1
#define NGX_OOF_SCHEMA_ARRAY     2
#define NGX_OOF_SCHEMA_STRING    3
#define NGX_OOF_SCHEMA_INTEGER   4
#define NGX_OOF_SCHEMA_BOOLEAN   5

#define NGX_OOF_SCHEMA_REQUIRED  0x01
#define NGX_OOF_SCHEMA_UNIQUE    0x02     /* items of an array differ */

/* what is wrong, in the order of the regulation's two parameter codes */
#define NGX_OOF_SCHEMA_MISSING   1
#define NGX_OOF_SCHEMA_TYPE      2
#define NGX_OOF_SCHEMA_LENGTH    3
#define NGX_OOF_SCHEMA_PATTERN   4
#define NGX_OOF_SCHEMA_ENUM      5
#define NGX_OOF_SCHEMA_RANGE     6
#define NGX_OOF_SCHEMA_DUPLICATE 7
#define NGX_OOF_SCHEMA_DATE      8        /* well formed, but no such day */


typedef struct ngx_oof_schema_s  ngx_oof_schema_t;

/* a scanner of a pattern: NGX_OK, NGX_DECLINED, NGX_ABORT (no such day) */
typedef ngx_int_t (*ngx_oof_schema_scan_pt)(ngx_str_t *value);

struct ngx_oof_schema_s {
    ngx_str_t                name;    /* member; null for items of an array */
    ngx_uint_t               type;
    ngx_uint_t               flags;
    int64_t                  min;     /* characters, items, or the value */
    int64_t                  max;     /* 0: no upper limit */
    ngx_oof_schema_scan_pt   scan;
    ngx_str_t               *values;  /* enumeration, ends with a null string */
    ngx_oof_schema_t        *children;  /* members, or the one item's schema */
};

#define ngx_oof_schema_end  { ngx_null_string, 0, 0, 0, 0, NULL, NULL, NULL }


typedef struct {
    ngx_str_t                path;    /* "data.permissions[3]" */
    ngx_uint_t               what;    /* NGX_OOF_SCHEMA_MISSING ... */
} ngx_oof_schema_failure_t;


/*
 * Checks "value" (an object) against the members of "schema"; appends at most
 * "max" ngx_oof_schema_failure_t to "failures", in order of the table.
 * Returns NGX_OK when there is none, NGX_DECLINED when there are, NGX_ERROR.
 */
ngx_int_t ngx_oof_schema_check(ngx_pool_t *pool, ngx_oof_schema_t *schema,
    json_t *value, ngx_array_t *failures, ngx_uint_t max);

/* scanners shared by the APIs (patterns of spec 0.3) */
ngx_int_t ngx_oof_scan_cpf(ngx_str_t *value);            /* ^\d{11}$ */
ngx_int_t ngx_oof_scan_cnpj(ngx_str_t *value);  /* ^[0-9A-Z]{12}[0-9]{2}$ */
ngx_int_t ngx_oof_scan_rel_cpf(ngx_str_t *value);        /* ^[A-Z]{3}$ */
ngx_int_t ngx_oof_scan_rel_cnpj(ngx_str_t *value);       /* ^[A-Z]{4}$ */
ngx_int_t ngx_oof_scan_time(ngx_str_t *value);
ngx_int_t ngx_oof_scan_date(ngx_str_t *value);
ngx_int_t ngx_oof_scan_amount(ngx_str_t *value);  /* ^\d{1,16}\.\d{2}$ */
ngx_int_t ngx_oof_scan_uuid(ngx_str_t *value);

/* ^urn:[a-zA-Z0-9][a-zA-Z0-9-]{0,31}:[a-zA-Z0-9()+,\-.:=@;$_!*'%\/?#]+$ */
ngx_int_t ngx_oof_scan_urn(ngx_str_t *value);


#endif /* _NGX_OOF_SCHEMA_H_INCLUDED_ */
