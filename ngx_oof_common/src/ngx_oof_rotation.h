
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_ROTATION_H_INCLUDED_
#define _NGX_OOF_ROTATION_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Rotation of the keys of personal data: every value that is sealed is sealed
 * anew with the first key of its block, and every look-up value made anew.
 * The holder of the lease "maintenance" does so for a brand that an operator
 * has named (management listener, scope oof_admin):
 *
 *     POST   /rotation    begins; {"data":{"check":true}} only counts
 *     GET    /rotation    how far it is, and what is under which key
 *     DELETE /rotation    stops
 *
 * Tables are read in order of their keys, so many rows at a time
 * ("oof_rotation"), and what was done is kept in oof_rotation_table, so that
 * whoever comes next goes on there.  All of them are read again until nothing
 * under another key is found.
 */

#define NGX_OOF_ROTATION_SEALED   2
#define NGX_OOF_ROTATION_LOOKUPS  3

#define NGX_OOF_ROTATION_ROWS     200
#define NGX_OOF_ROTATION_PAUSE    50       /* ms */


/*
 * The text in a sealed value whose look-up value is kept: NGX_OK, NGX_DECLINED
 * when there is none, NGX_ERROR.  "json" is the sealed text when it is JSON (an
 * array as member "a"), or NULL.
 */
typedef ngx_int_t (*ngx_oof_rotation_text_pt)(ngx_pool_t *pool,
    ngx_str_t *plain, json_t *json, ngx_str_t *value);


typedef struct {
    const char                *domain;   /* see ngx_oof_crypt_lookup() */
    ngx_uint_t                 sealed;   /* number of the value it is in */
    ngx_oof_rotation_text_pt   text;
} ngx_oof_rotation_lookup_t;


/*
 * A table with such values.
 *
 * "read" takes brand, the last row's name (null: none) and how many rows, and
 * gives of each its name, by which it goes on behind it, a flag (-1: another
 * brand's; 1: write it whatever is in it), then for each sealed value the id
 * of its row (16 bytes) and the value, then the look-up values.
 *
 * "write" takes a JSON array of {"b": brand, "k": name, "o0": the sealed value
 * that was read, "s0": the new one, "h0": look-up value, …} (hexadecimal,
 * or null) and the epoch of the lease, and gives how many of them were written
 * in its second column: rows that others hold or have changed are not.
 */

typedef struct {
    ngx_str_t                  name;
    ngx_oof_sql_t             *read;
    ngx_oof_sql_t             *write;
    const char                *sealed[NGX_OOF_ROTATION_SEALED];
    ngx_oof_rotation_lookup_t  lookups[NGX_OOF_ROTATION_LOOKUPS];
    const char                *holder;   /* domain of the look-up value that
                                          * arrays of another table have of the
                                          * last text of a row, or NULL */
    unsigned                   bound:1;  /* the value is sealed for the first
                                          * 16 bytes of the look-up value */
} ngx_oof_rotation_table_t;

#define ngx_oof_rotation_table_end                                            \
    { ngx_null_string, NULL, NULL, { NULL, NULL },                            \
      { { NULL, 0, NULL }, { NULL, 0, NULL } }, NULL, 0 }


/* what a batch has come to */

typedef struct {
    ngx_str_t                  json;     /* for "write"; empty: nothing */
    ngx_str_t                  holders;  /* for rotation_holders, likewise */
    ngx_str_t                  counts;   /* for rotation_step */
    ngx_str_t                  last;     /* name of the last row, or empty */
    ngx_uint_t                 rows;
    ngx_uint_t                 changed;
    ngx_uint_t                 unreadable;
    ngx_uint_t                 unknown;
} ngx_oof_rotation_batch_t;


/* texts of consents of all kinds: whose they are */
ngx_int_t ngx_oof_rotation_person(ngx_pool_t *pool, ngx_str_t *plain,
    json_t *json, ngx_str_t *value);
ngx_int_t ngx_oof_rotation_company(ngx_pool_t *pool, ngx_str_t *plain,
    json_t *json, ngx_str_t *value);

/* member "cpf" of an object */
ngx_int_t ngx_oof_rotation_cpf(ngx_pool_t *pool, ngx_str_t *plain,
    json_t *json, ngx_str_t *value);

/* the whole text */
ngx_int_t ngx_oof_rotation_whole(ngx_pool_t *pool, ngx_str_t *plain,
    json_t *json, ngx_str_t *value);

/*
 * Judges the rows of the first statement of "u"; everything is in its pool.
 * NGX_OK, NGX_BUSY or NGX_DECLINED as ngx_oof_crypt_seal() says, NGX_ERROR.
 */
ngx_int_t ngx_oof_rotation_rows(ngx_oof_rotation_table_t *table,
    ngx_oof_keys_t *keys, ngx_str_t *brand, ngx_uint_t checking,
    ngx_oof_pg_unit_t *u, ngx_oof_rotation_batch_t *batch);


typedef struct ngx_oof_rotation_s  ngx_oof_rotation_t;

/* "oof_rotation rows=N pause=TIME" */
char *ngx_oof_rotation_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * At the end of configuration, in this order: forgets the last configuration;
 * one for each database whose lease "maintenance" may be held; then, from
 * ngx_oof_init_register(), the tables of a module (ends with an empty name).
 */
void ngx_oof_rotation_init(ngx_conf_t *cf);
ngx_oof_rotation_t *ngx_oof_rotation_create(ngx_conf_t *cf,
    ngx_oof_lease_t *lease);
ngx_int_t ngx_oof_rotation_tables(ngx_conf_t *cf,
    ngx_oof_rotation_table_t *tables);

/* the lease was acquired, lost, and about each second */
void ngx_oof_rotation_acquired(ngx_oof_rotation_t *r);
void ngx_oof_rotation_lost(ngx_oof_rotation_t *r);
void ngx_oof_rotation_tick(ngx_oof_rotation_t *r);

ngx_int_t ngx_oof_rotation_preconf(ngx_conf_t *cf);  /* routes */


#endif /* _NGX_OOF_ROTATION_H_INCLUDED_ */
