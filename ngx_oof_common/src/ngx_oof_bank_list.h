
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_BANK_LIST_H_INCLUDED_
#define _NGX_OOF_BANK_LIST_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Lists of consents of all kinds on the bank's side, GET /v1/consents and GET
 * /consents/v2/active: one order and one row of pages over all that is asked
 * for.  Which consents they are is found first, of each kind in the order of
 * an index; then what is told of those of the page.
 */

/* how the documents of all kinds are found, see ngx_oof_crypt_lookup() */
#define NGX_OOF_BANK_LOOKUP_CPF   "consent.cpf"
#define NGX_OOF_BANK_LOOKUP_CNPJ  "consent.cnpj"


/* the first columns of "find", "find_asc" and "owned" */

typedef enum {
    NGX_OOF_BANK_LIST_RANK = 0,
    NGX_OOF_BANK_LIST_CREATION,
    NGX_OOF_BANK_LIST_ID,
    NGX_OOF_BANK_LIST_COLS
} ngx_oof_bank_list_col_e;

/* the first column of "rows" is the consent's id too */


/*
 * A kind of consents that is listed.  The statements are bank_list, its twin
 * bank_list_asc, bank_list_owner and bank_rows of consents of data, or take
 * what those take, but for what "filter" adds behind.
 */

typedef struct {
    ngx_uint_t               kind;       /* NGX_OOF_BANK_DATA */

    /* which of the standings that are asked for this kind may have, a mask */
    ngx_uint_t             (*standings)(ngx_oof_bank_query_t *q);

    ngx_oof_sql_t           *find;
    ngx_oof_sql_t           *find_asc;
    ngx_oof_sql_t           *owned;
    ngx_oof_sql_t           *rows;

    /* adds the last parameters of "find", "find_asc" and "owned" */
    void                   (*filter)(ngx_oof_pg_unit_t *u,
                                     ngx_oof_bank_query_t *q);

    /* writes what a row of statement "s" tells; NGX_OK or NGX_ERROR */
    ngx_int_t              (*tell)(ngx_oof_request_t *o,
                                   ngx_oof_bank_query_t *q, ngx_oof_json_t *w,
                                   ngx_oof_pg_unit_t *u, ngx_uint_t s,
                                   ngx_uint_t row);
} ngx_oof_bank_listing_t;


/* registers a kind, which is static, in preconfiguration */
ngx_int_t ngx_oof_bank_listing_add(ngx_conf_t *cf,
    ngx_oof_bank_listing_t *listing);

/* the routes of the lists, in preconfiguration */
ngx_int_t ngx_oof_bank_list_preconf(ngx_conf_t *cf);

/*
 * Adds, as two texts, whose consents this caller may see: null twice for all
 * of the brand, else JSON arrays of look-up values of the customer's CPF and
 * of the CNPJ that he acts for.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_visible(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u);

/*
 * Writes {"t": way, "h": look-up value of "value"} for each look-up key;
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_bank_way(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *way, const char *domain, ngx_str_t *value);

/* writes the members that name a client: by its id when it has no name */
void ngx_oof_bank_client(ngx_oof_json_t *w, ngx_str_t *name,
    ngx_str_t *client_id, ngx_str_t *logo);


#endif /* _NGX_OOF_BANK_LIST_H_INCLUDED_ */
