
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_payment_bank.h>
#include <ngx_oof_payments_sql.h>


/*
 * GET /v1/consents for consents to pay.  Which ones they are is found first, in
 * the order of an index, then what is told of those of the page: however many
 * there are, a list costs little, and is followed by its links to its end.
 */

#define NGX_OOF_PAYMENT_LIST_AHEAD    1000     /* counted behind a page */
#define NGX_OOF_PAYMENT_LIST_EXAMINE  20000    /* of a stream */
#define NGX_OOF_PAYMENT_LIST_OWNED    10000    /* consents of an owner */
#define NGX_OOF_PAYMENT_LIST_RANKS    4


/* columns of payment_bank_list */

typedef enum {
    NGX_OOF_PAYMENT_LIST_RANK = 0,
    NGX_OOF_PAYMENT_LIST_CREATION,
    NGX_OOF_PAYMENT_LIST_ID,
    NGX_OOF_PAYMENT_LIST_FITS,
    NGX_OOF_PAYMENT_LIST_LAST
} ngx_oof_payment_list_col_e;


/* columns of payment_bank_list_owner */

typedef enum {
    NGX_OOF_PAYMENT_OWNER_TOTAL = 0,
    NGX_OOF_PAYMENT_OWNER_CUT,
    NGX_OOF_PAYMENT_OWNER_ID
} ngx_oof_payment_owner_col_e;


/* columns of payment_bank_list_rows */

typedef enum {
    NGX_OOF_PAYMENT_ROW_ID = 0,
    NGX_OOF_PAYMENT_ROW_STANDING,
    NGX_OOF_PAYMENT_ROW_CREATION,
    NGX_OOF_PAYMENT_ROW_EXPIRATION,
    NGX_OOF_PAYMENT_ROW_CLIENT,
    NGX_OOF_PAYMENT_ROW_NAME,
    NGX_OOF_PAYMENT_ROW_LOGO,
    NGX_OOF_PAYMENT_ROW_AMOUNT,
    NGX_OOF_PAYMENT_ROW_FIRST_DAY,
    NGX_OOF_PAYMENT_ROW_PERSONAL
} ngx_oof_payment_row_col_e;


typedef struct {
    ngx_oof_bank_query_t     q;
    ngx_oof_bank_mark_t      next;
    ngx_oof_json_t           ids;        /* of the page */
} ngx_oof_payment_bank_list_t;


static ngx_int_t ngx_oof_payment_bank_list_find(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list);
static ngx_int_t ngx_oof_payment_bank_list_all(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list);
static void ngx_oof_payment_bank_list_streams(ngx_oof_bank_query_t *q,
    ngx_oof_json_t *w);
static void ngx_oof_payment_bank_list_range(ngx_oof_bank_query_t *q,
    ngx_oof_json_t *w, ngx_uint_t rank);
static ngx_uint_t ngx_oof_payment_bank_rank(ngx_oof_bank_query_t *q,
    ngx_uint_t standing);
static void ngx_oof_payment_bank_list_filter(ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q);
static ngx_int_t ngx_oof_payment_bank_list_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_payment_bank_list_mark(ngx_oof_bank_mark_t *mark,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_int_t ngx_oof_payment_bank_list_broad(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_payment_bank_owned(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list);
static ngx_int_t ngx_oof_payment_bank_lookups(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, const char *domain, ngx_str_t *value);
static ngx_int_t ngx_oof_payment_bank_keys(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_array_t *keys);
static ngx_int_t ngx_oof_payment_bank_ranks(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_query_t *q);
static ngx_int_t ngx_oof_payment_bank_owned_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_list_rows(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list);
static ngx_int_t ngx_oof_payment_bank_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_payment_bank_summary(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_int_t ngx_oof_payment_bank_terms(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t row);


ngx_int_t
ngx_oof_payment_bank_list(ngx_oof_request_t *o)
{
    ngx_int_t                     rc;
    ngx_oof_payment_bank_list_t  *list;

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_payment_bank_list_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_bank_query(o, &list->q);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    /* a list is of one kind: of data, unless payments are asked for */

    if ((list->q.kinds & NGX_OOF_BANK_DATA)
        || !(list->q.kinds & NGX_OOF_BANK_PAYMENT))
    {
        return ngx_oof_route_next(o);
    }

    if (ngx_oof_json_init(&list->ids, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&list->ids, '[');

    ngx_http_set_ctx(o->r, list, ngx_oof_payments_module);

    return ngx_oof_payment_bank_list_find(o, list);
}


/* consents to pay live for an hour, or until a day */

static ngx_int_t
ngx_oof_payment_bank_list_find(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list)
{
    ngx_oof_bank_query_t  *q;

    q = &list->q;

    if ((q->has_term && q->term != 0) || q->standings == 0) {
        return ngx_oof_payment_bank_list_rows(o, list);
    }

    if ((!q->mark.set || q->cpf.len || q->cnpj.len || q->keys.nelts)
        && q->page.number * q->page.size > NGX_OOF_BANK_REACH)
    {
        return ngx_oof_payment_bank_list_broad(o);
    }

    if (ngx_oof_bank_customer(o)) {

        if (!o->token->has_cpf
            || (q->cpf.len
                && ngx_memcmp(q->cpf.data, o->token->cpf, NGX_OOF_CPF_LEN)
                   != 0))
        {
            return ngx_oof_payment_bank_list_rows(o, list);
        }

        q->cpf.data = o->token->cpf;
        q->cpf.len = NGX_OOF_CPF_LEN;
    }

    return (q->cpf.len || q->cnpj.len || q->keys.nelts)
           ? ngx_oof_payment_bank_owned(o, list)
           : ngx_oof_payment_bank_list_all(o, list);
}


static ngx_int_t
ngx_oof_payment_bank_list_all(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list)
{
    int64_t                wanted;
    ngx_str_t              streams;
    ngx_oof_json_t         w;
    ngx_oof_pg_unit_t     *u;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_query_t  *q;

    q = &list->q;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_payment_bank_list_streams(q, &w);

    if (ngx_oof_json_text(&w, &streams) != NGX_OK) {
        return NGX_ERROR;
    }

    wanted = q->page.size + 1 + NGX_OOF_PAYMENT_LIST_AHEAD
             + (q->mark.set ? 0 : ngx_oof_page_offset(&q->page));

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, (q->order == NGX_OOF_BANK_ASC)
                            ? &ngx_oof_sql_payment_bank_list_asc
                            : &ngx_oof_sql_payment_bank_list);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &streams);
    ngx_oof_pg_int8(u, wanted);
    ngx_oof_pg_int8(u, wanted + NGX_OOF_PAYMENT_LIST_EXAMINE);
    ngx_oof_payment_bank_list_filter(u, q);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_list_found);
}


static void
ngx_oof_payment_bank_list_streams(ngx_oof_bank_query_t *q, ngx_oof_json_t *w)
{
    ngx_uint_t  rank, standing, mask;

    ngx_oof_json_begin(w, '[');

    rank = q->mark.set ? q->mark.rank : 0;

    for ( /* void */ ; rank < NGX_OOF_PAYMENT_LIST_RANKS; rank++) {

        mask = 0;

        for (standing = 1; standing < NGX_OOF_BANK_ALL_STANDINGS; standing++) {

            if ((q->standings & ngx_oof_bank_bit(standing))
                && ngx_oof_payment_bank_rank(q, standing) == rank)
            {
                mask |= ngx_oof_bank_bit(standing);
            }
        }

        if (mask == 0) {
            continue;
        }

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "k");
        ngx_oof_json_int(w, (int64_t) rank);
        ngx_oof_json_name(w, "w");
        ngx_oof_json_int(w, (int64_t) mask);
        ngx_oof_payment_bank_list_range(q, w, rank);
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_end(w, ']');
}


static void
ngx_oof_payment_bank_list_range(ngx_oof_bank_query_t *q, ngx_oof_json_t *w,
    ngx_uint_t rank)
{
    int64_t     from, to;
    ngx_uint_t  marked;
    u_char      id[NGX_OOF_UUID_LEN];

    from = q->from;
    to = q->to;

    marked = (q->mark.set && q->mark.rank == rank);

    if (marked && q->order == NGX_OOF_BANK_ASC) {
        from = ngx_max(from, q->mark.creation);

    } else if (marked) {
        to = ngx_min(to, q->mark.creation);
    }

    if (marked) {
        ngx_memcpy(id, q->mark.id, NGX_OOF_UUID_LEN);

    } else {
        ngx_memset(id, q->order == NGX_OOF_BANK_ASC ? 0 : 0xff,
                   NGX_OOF_UUID_LEN);
    }

    ngx_oof_json_name(w, "lo");
    ngx_oof_json_int(w, from);
    ngx_oof_json_name(w, "hi");
    ngx_oof_json_int(w, to);
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, id);
}


/* active, pending, expired, closed; without that order all are one */

static ngx_uint_t
ngx_oof_payment_bank_rank(ngx_oof_bank_query_t *q, ngx_uint_t standing)
{
    if (q->order != NGX_OOF_BANK_OPF) {
        return 0;
    }

    switch (standing) {

    case NGX_OOF_BANK_AUTHORISED:
        return 0;

    case NGX_OOF_BANK_AWAITING:
    case NGX_OOF_BANK_PARTIAL:
        return 1;

    case NGX_OOF_BANK_TIMEOUT:
    case NGX_OOF_BANK_UNUSED:
        return 2;

    default:
        return 3;
    }
}


static void
ngx_oof_payment_bank_list_filter(ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q)
{
    ngx_oof_pg_int4(u, (int32_t) q->modalities);

    if (q->org.len) {
        ngx_oof_pg_text(u, &q->org);

    } else {
        ngx_oof_pg_null(u);
    }
}


/* rows behind a "last" are not known to be complete */

static ngx_int_t
ngx_oof_payment_bank_list_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t                       n, first, end;
    ngx_str_t                     id;
    ngx_uint_t                    row, cut;
    ngx_oof_page_t               *page;
    ngx_oof_payment_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);
    page = &list->q.page;

    first = list->q.mark.set ? 0 : ngx_oof_page_offset(page);
    end = first + page->size;
    cut = 0;

    for (n = 0, row = 0; row < ngx_oof_pg_rows(u, 0) && !cut; row++) {

        cut = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, row,
                                              NGX_OOF_PAYMENT_LIST_LAST);

        if (!ngx_oof_pg_get_int(u, 0, row, NGX_OOF_PAYMENT_LIST_FITS)) {

            if (cut && n < end) {
                ngx_oof_payment_bank_list_mark(&list->next, u, row);
            }

            continue;
        }

        if (n >= first && n < end) {
            ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_LIST_ID, &id);
            ngx_oof_json_uuid(&list->ids, id.data);
            ngx_oof_payment_bank_list_mark(&list->next, u, row);
        }

        n++;
    }

    /* the list ends here, or goes on behind the mark */

    if (n <= end && !cut) {
        list->next.set = 0;
    }

    n += ngx_oof_page_offset(page) - first;

    if (cut) {
        n = ngx_max(n, page->number * page->size + 1);
    }

    if (ngx_oof_page_count(o, page, n) != NGX_OK) {
        return NGX_OK;
    }

    return ngx_oof_payment_bank_list_rows(o, list);
}


static void
ngx_oof_payment_bank_list_mark(ngx_oof_bank_mark_t *mark,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t  id;

    mark->set = 1;
    mark->rank = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, row,
                                                 NGX_OOF_PAYMENT_LIST_RANK);
    mark->creation = ngx_oof_pg_get_time(u, 0, row,
                                         NGX_OOF_PAYMENT_LIST_CREATION);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_LIST_ID, &id);
    ngx_memcpy(mark->id, id.data, NGX_OOF_UUID_LEN);
}


static ngx_int_t
ngx_oof_payment_bank_list_broad(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, "CONSULTA_AMPLA",
                         "Consulta ampla demais",
                         "A consulta é ampla demais: restrinja o período de "
                         "criação ou siga links.next.");
}


static ngx_int_t
ngx_oof_payment_bank_owned(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list)
{
    ngx_oof_pg_unit_t     *u;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_query_t  *q;

    q = &list->q;
    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_list_owner);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    if (ngx_oof_payment_bank_lookups(o, u, NGX_OOF_PAYMENT_LOOKUP_CPF, &q->cpf)
        != NGX_OK
        || ngx_oof_payment_bank_lookups(o, u, NGX_OOF_PAYMENT_LOOKUP_CNPJ,
                                        &q->cnpj)
           != NGX_OK)
    {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    ngx_oof_pg_time(u, q->from);
    ngx_oof_pg_time(u, q->to);
    ngx_oof_pg_int8(u, NGX_OOF_PAYMENT_LIST_OWNED);

    if (ngx_oof_payment_bank_ranks(o, u, q) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    ngx_oof_payment_bank_list_filter(u, q);
    ngx_oof_pg_bool(u, q->order == NGX_OOF_BANK_ASC);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&q->page));
    ngx_oof_pg_int8(u, q->page.size);

    if (ngx_oof_payment_bank_keys(o, u, &q->keys) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_owned_found);
}


/* by whatever key they were made; null when nothing is asked for */

static ngx_int_t
ngx_oof_payment_bank_lookups(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    const char *domain, ngx_str_t *value)
{
    ngx_str_t  json;

    if (value->len == 0) {
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

    if (ngx_oof_bank_lookups(o, domain, value, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_pg_text(u, &json);

    return NGX_OK;
}


/* all of them in one array */

static ngx_int_t
ngx_oof_payment_bank_keys(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_array_t *keys)
{
    ngx_str_t       *key, json;
    ngx_uint_t       i;
    ngx_oof_json_t   w;

    if (keys->nelts == 0) {
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 128 * keys->nelts + 16) != NGX_OK) {
        return NGX_ERROR;
    }

    key = keys->elts;

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < keys->nelts; i++) {

        if (ngx_oof_bank_lookups(o, NGX_OOF_LOOKUP_SEARCH, &key[i], &json)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* without its brackets */

        json.data++;
        json.len -= 2;

        ngx_oof_json_raw(&w, &json);
    }

    ngx_oof_json_end(&w, ']');

    if (ngx_oof_json_text(&w, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_pg_text(u, &json);

    return NGX_OK;
}


/* {"1":0,"2":0,...} for the standings that are asked for */

static ngx_int_t
ngx_oof_payment_bank_ranks(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q)
{
    char            name[2];
    ngx_str_t       json;
    ngx_uint_t      standing;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    name[1] = '\0';

    ngx_oof_json_begin(&w, '{');

    for (standing = 1; standing < NGX_OOF_BANK_ALL_STANDINGS; standing++) {

        if (q->standings & ngx_oof_bank_bit(standing)) {
            name[0] = (char) ('0' + standing);

            ngx_oof_json_name(&w, name);
            ngx_oof_json_int(&w, (int64_t) ngx_oof_payment_bank_rank(q,
                                                                  standing));
        }
    }

    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_pg_text(u, &json);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_bank_owned_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                     id;
    ngx_uint_t                    row;
    ngx_oof_payment_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    if (ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_PAYMENT_OWNER_CUT)) {
        return ngx_oof_payment_bank_list_broad(o);
    }

    if (ngx_oof_page_count(o, &list->q.page,
                           ngx_oof_pg_get_int(u, 0, 0,
                                              NGX_OOF_PAYMENT_OWNER_TOTAL))
        != NGX_OK)
    {
        return NGX_OK;
    }

    for (row = 0; row < ngx_oof_pg_rows(u, 0); row++) {

        if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_PAYMENT_OWNER_ID)) {
            ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_OWNER_ID, &id);
            ngx_oof_json_uuid(&list->ids, id.data);
        }
    }

    return ngx_oof_payment_bank_list_rows(o, list);
}


static ngx_int_t
ngx_oof_payment_bank_list_rows(ngx_oof_request_t *o,
    ngx_oof_payment_bank_list_t *list)
{
    ngx_str_t            ids;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    ngx_oof_json_end(&list->ids, ']');

    if (ngx_oof_json_text(&list->ids, &ids) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_payment_bank_list_rows);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &ids);

    return ngx_oof_request_unit(o, u, ngx_oof_payment_bank_listed);
}


static ngx_int_t
ngx_oof_payment_bank_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t                     body;
    ngx_uint_t                    row, rows;
    ngx_oof_json_t                w;
    ngx_oof_payment_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_payments_module);

    rows = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_json_init(&w, o->r->pool, 1024 + 512 * rows) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (row = 0; row < rows; row++) {

        if (ngx_oof_payment_bank_summary(o, &w, u, row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_bank_list_end(o, &w, list->q.args, &list->q.page, &list->next);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_payment_bank_summary(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t            value;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_json_begin(w, '{');

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_ROW_ID, &value);
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, value.data);
    ngx_oof_json_name(w, "type");
    ngx_oof_json_literal(w, "PAYMENT");
    ngx_oof_json_name(w, "paymentType");
    ngx_oof_json_literal(w, "PIX");
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, ngx_oof_bank_standing((ngx_uint_t)
               ngx_oof_pg_get_int(u, 0, row, NGX_OOF_PAYMENT_ROW_STANDING)));
    ngx_oof_json_member_time(w, "createdOn",
                ngx_oof_pg_get_time(u, 0, row, NGX_OOF_PAYMENT_ROW_CREATION));
    ngx_oof_json_member_time(w, "expiresOn",
              ngx_oof_pg_get_time(u, 0, row, NGX_OOF_PAYMENT_ROW_EXPIRATION));
    ngx_oof_json_member(w, "brandId", &olcf->brand);

    if (ngx_oof_payment_bank_terms(o, w, u, row) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a client that is not registered is called by its id */

    ngx_oof_payment_col_str(u, 0, row, NGX_OOF_PAYMENT_ROW_NAME, &value);

    if (value.len == 0) {
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_ROW_CLIENT, &value);
    }

    ngx_oof_json_member(w, "orgName", &value);
    ngx_oof_json_member(w, "tppName", &value);

    ngx_oof_payment_col_str(u, 0, row, NGX_OOF_PAYMENT_ROW_LOGO, &value);

    if (value.len) {
        ngx_oof_json_member(w, "tppLogo", &value);
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_oof_payment_bank_terms(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    u_char               day[10], amount[NGX_INT64_LEN + 4];
    int64_t              n;
    json_t              *terms;
    ngx_str_t            id, sealed, plain, value;
    const char          *why;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_ROW_ID, &id);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_PAYMENT_ROW_PERSONAL, &sealed);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool,
                           NGX_OOF_PAYMENT_SEAL_CONSENT, id.data, &sealed,
                           &plain)
        != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &plain, &terms, &why) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_json_get_str(json_object_get(terms, "creditor"), "name",
                             &value)
        == NGX_OK)
    {
        ngx_oof_json_member(w, "creditorName", &value);
    }

    n = ngx_oof_pg_get_int(u, 0, row, NGX_OOF_PAYMENT_ROW_AMOUNT);

    value.data = amount;
    value.len = ngx_sprintf(amount, "%L.%02L", n / 100, n % 100) - amount;
    ngx_oof_json_member(w, "amount", &value);

    n = ngx_oof_pg_get_int(u, 0, row, NGX_OOF_PAYMENT_ROW_FIRST_DAY);

    ngx_oof_json_name(w, "modalityPayment");
    ngx_oof_json_literal(w, n ? "SCHEDULED" : "IMMEDIATE");

    if (n) {
        (void) ngx_oof_payment_day_format(day, n);
        value.data = day;
        value.len = sizeof(day);
        ngx_oof_json_member(w, "scheduleDate", &value);
    }

    return NGX_OK;
}
