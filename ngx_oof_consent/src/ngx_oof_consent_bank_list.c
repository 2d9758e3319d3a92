
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/*
 * Lists of consents.  Which ones they are is found first, in the order of an
 * index; then what is told of those of the page.
 *
 * However many consents there are, a list costs little: it looks at so many of
 * each stream at most, and counts so many behind the page.  The link to the
 * next page tells where this one has ended, so a list may be followed to its
 * end; only pages far behind that are asked for by their number are refused.
 */

#define NGX_OOF_BANK_AHEAD    1000       /* counted behind a page */
#define NGX_OOF_BANK_EXAMINE  20000      /* of a stream, more than it tells */
#define NGX_OOF_BANK_OWNED    10000      /* consents of an owner */
#define NGX_OOF_BANK_ORGS     16         /* clients that a name may mean */


/* columns of bank_list */

typedef enum {
    NGX_OOF_BANK_LIST_RANK = 0,
    NGX_OOF_BANK_LIST_CREATION,
    NGX_OOF_BANK_LIST_ID,
    NGX_OOF_BANK_LIST_FITS,
    NGX_OOF_BANK_LIST_LAST
} ngx_oof_bank_list_col_e;


/* columns of bank_list_owner */

typedef enum {
    NGX_OOF_BANK_OWNER_TOTAL = 0,
    NGX_OOF_BANK_OWNER_CUT,
    NGX_OOF_BANK_OWNER_ID
} ngx_oof_bank_owner_col_e;


/* columns of bank_rows */

typedef enum {
    NGX_OOF_BANK_ROW_ID = 0,
    NGX_OOF_BANK_ROW_STANDING,
    NGX_OOF_BANK_ROW_CREATION,
    NGX_OOF_BANK_ROW_EXPIRATION,
    NGX_OOF_BANK_ROW_CLIENT,
    NGX_OOF_BANK_ROW_NAME,
    NGX_OOF_BANK_ROW_LOGO,
    NGX_OOF_BANK_ROW_LINKED,
    NGX_OOF_BANK_ROW_LINK_ID,
    NGX_OOF_BANK_ROW_PERSONAL
} ngx_oof_bank_row_col_e;


typedef struct {
    ngx_oof_bank_query_t     q;
    ngx_array_t              orgs;       /* ngx_str_t: ids of clients */
    ngx_oof_bank_mark_t      next;
    ngx_oof_json_t           ids;        /* of the page */
    int64_t                  wanted;     /* rows of bank_list */
} ngx_oof_bank_list_t;


static ngx_int_t ngx_oof_bank_list_start(ngx_oof_request_t *o,
    ngx_uint_t active);
static ngx_int_t ngx_oof_bank_list_orgs(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_named(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_list_find(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_all(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static void ngx_oof_bank_before(ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q);
static ngx_uint_t ngx_oof_bank_list_streams(ngx_oof_bank_list_t *list,
    ngx_oof_json_t *w);
static ngx_uint_t ngx_oof_bank_list_stream(ngx_oof_bank_list_t *list,
    ngx_oof_json_t *w, ngx_uint_t standing, ngx_str_t *client);
static void ngx_oof_bank_list_range(ngx_oof_bank_query_t *q,
    ngx_oof_json_t *w, ngx_uint_t rank);
static ngx_uint_t ngx_oof_bank_rank(ngx_oof_bank_query_t *q,
    ngx_uint_t standing);
static ngx_int_t ngx_oof_bank_list_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_bank_list_mark(ngx_oof_bank_mark_t *mark,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_int_t ngx_oof_bank_list_broad(ngx_oof_request_t *o,
    const char *detail);

static ngx_int_t ngx_oof_bank_owned(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_owned_by(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list, ngx_str_t *json);
static ngx_int_t ngx_oof_bank_owned_customer(ngx_oof_request_t *o,
    ngx_oof_json_t *w);
static ngx_int_t ngx_oof_bank_owned_filter(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, const char *domain, ngx_str_t *value);
static ngx_int_t ngx_oof_bank_owned_orgs(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_owned_ranks(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_query_t *q);
static ngx_int_t ngx_oof_bank_owned_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);

static ngx_int_t ngx_oof_bank_list_rows(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_bank_summary(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_int_t ngx_oof_bank_stock(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);


ngx_int_t
ngx_oof_bank_list(ngx_oof_request_t *o)
{
    return ngx_oof_bank_list_start(o, 0);
}


ngx_int_t
ngx_oof_bank_active(ngx_oof_request_t *o)
{
    return ngx_oof_bank_list_start(o, 1);
}


static ngx_int_t
ngx_oof_bank_list_start(ngx_oof_request_t *o, ngx_uint_t active)
{
    ngx_int_t             rc;
    ngx_oof_bank_list_t  *list;

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_bank_list_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    list->q.active = active;

    rc = ngx_oof_bank_query(o, &list->q);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    list->q.standings &= (list->q.kinds & NGX_OOF_BANK_DATA)
                         ? NGX_OOF_BANK_ANY : 0;

    if (ngx_array_init(&list->orgs, o->r->pool, 1, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_oof_json_init(&list->ids, o->r->pool, 2048) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&list->ids, '[');

    ngx_http_set_ctx(o->r, list, ngx_oof_consent_module);

    return list->q.org.len ? ngx_oof_bank_list_orgs(o, list)
                           : ngx_oof_bank_list_find(o, list);
}


static ngx_int_t
ngx_oof_bank_list_orgs(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
{
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_orgs);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &list->q.org);
    ngx_oof_pg_int8(u, NGX_OOF_BANK_ORGS + 1);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_list_named);
}


static ngx_int_t
ngx_oof_bank_list_named(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t             id, *org;
    ngx_uint_t            row, rows;
    ngx_oof_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rows = ngx_oof_pg_rows(u, 0);

    if (rows > NGX_OOF_BANK_ORGS) {
        return ngx_oof_bank_list_broad(o, "O parâmetro orgName é comum a "
                                          "muitas organizações: informe mais "
                                          "caracteres.");
    }

    for (row = 0; row < rows; row++) {
        ngx_oof_pg_get_str(u, 0, row, 0, &id);

        org = ngx_array_push(&list->orgs);
        if (org == NULL) {
            return NGX_ERROR;
        }

        org->len = id.len;
        org->data = ngx_pstrdup(o->r->pool, &id);

        if (org->data == NULL) {
            return NGX_ERROR;
        }
    }

    if (rows == 0) {
        list->q.standings = 0;
    }

    return ngx_oof_bank_list_find(o, list);
}


static ngx_int_t
ngx_oof_bank_list_find(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
{
    if (list->q.standings == 0) {
        return ngx_oof_bank_list_rows(o, list);
    }

    if (list->q.cpf.len || list->q.cnpj.len || list->q.keys.nelts
        || ngx_oof_bank_customer(o))
    {
        return ngx_oof_bank_owned(o, list);
    }

    return ngx_oof_bank_list_all(o, list);
}


/* of the whole brand */

static ngx_int_t
ngx_oof_bank_list_all(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
{
    ngx_str_t              streams;
    ngx_uint_t             n;
    ngx_oof_json_t         w;
    ngx_oof_page_t        *page;
    ngx_oof_pg_unit_t     *u;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_query_t  *q;

    q = &list->q;
    page = &q->page;

    if (!q->mark.set && page->number * page->size > NGX_OOF_BANK_REACH) {
        return ngx_oof_bank_list_broad(o, "A página solicitada está distante "
                                          "demais: siga links.next ou "
                                          "restrinja a consulta.");
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_oof_bank_list_streams(list, &w);

    if (ngx_oof_json_text(&w, &streams) != NGX_OK) {
        return NGX_ERROR;
    }

    list->wanted = page->size + 1
                   + (q->mark.set ? 0 : ngx_oof_page_offset(page));

    if (n <= 2 * NGX_OOF_BANK_STANDINGS) {
        list->wanted += NGX_OOF_BANK_AHEAD;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, (q->order == NGX_OOF_BANK_ASC)
                            ? &ngx_oof_sql_bank_list_asc
                            : &ngx_oof_sql_bank_list);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &streams);
    ngx_oof_pg_int8(u, list->wanted);
    ngx_oof_pg_int8(u, list->wanted + NGX_OOF_BANK_EXAMINE);
    ngx_oof_bank_before(u, q);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_list_found);
}


static void
ngx_oof_bank_before(ngx_oof_pg_unit_t *u, ngx_oof_bank_query_t *q)
{
    if (q->before) {
        ngx_oof_pg_time(u, q->before);

    } else {
        ngx_oof_pg_null(u);
    }
}


/* returns how many there are */

static ngx_uint_t
ngx_oof_bank_list_streams(ngx_oof_bank_list_t *list, ngx_oof_json_t *w)
{
    ngx_str_t   *org;
    ngx_uint_t   i, n, standing;

    org = list->orgs.elts;
    n = 0;

    ngx_oof_json_begin(w, '[');

    for (standing = 1; standing < NGX_OOF_BANK_STANDINGS; standing++) {

        if (!(list->q.standings & ngx_oof_bank_bit(standing))) {
            continue;
        }

        if (list->orgs.nelts == 0) {
            n += ngx_oof_bank_list_stream(list, w, standing, NULL);
        }

        for (i = 0; i < list->orgs.nelts; i++) {
            n += ngx_oof_bank_list_stream(list, w, standing, &org[i]);
        }
    }

    ngx_oof_json_end(w, ']');

    return n;
}


static ngx_uint_t
ngx_oof_bank_list_stream(ngx_oof_bank_list_t *list, ngx_oof_json_t *w,
    ngx_uint_t standing, ngx_str_t *client)
{
    ngx_uint_t             due, n, rank;
    ngx_oof_bank_query_t  *q;

    q = &list->q;
    rank = ngx_oof_bank_rank(q, standing);

    if (q->mark.set && rank < q->mark.rank) {
        return 0;
    }

    for (n = 0, due = 0; due < 2; due++) {

        /* what has come due stands as what it was until that is written */

        if (due && standing == NGX_OOF_BANK_EXPIRED) {
            standing = NGX_OOF_BANK_AUTHORISED;

        } else if (due && standing == NGX_OOF_BANK_TIMEOUT) {
            standing = NGX_OOF_BANK_AWAITING;

        } else if (due) {
            break;
        }

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "k");
        ngx_oof_json_int(w, (int64_t) rank);
        ngx_oof_json_name(w, "s");
        ngx_oof_json_int(w, (int64_t) standing);

        if (client) {
            ngx_oof_json_member(w, "c", client);
        }

        if (q->has_term) {
            ngx_oof_json_name(w, "m");
            ngx_oof_json_int(w, q->term);
        }

        if (due) {
            ngx_oof_json_name(w, "d");
            ngx_oof_json_bool(w, 1);
        }

        ngx_oof_bank_list_range(q, w, rank);
        ngx_oof_json_end(w, '}');

        n++;
    }

    return n;
}


static void
ngx_oof_bank_list_range(ngx_oof_bank_query_t *q, ngx_oof_json_t *w,
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
    ngx_oof_consent_member_uuid(w, "id", id);
}


static ngx_uint_t
ngx_oof_bank_rank(ngx_oof_bank_query_t *q, ngx_uint_t standing)
{
    if (q->order != NGX_OOF_BANK_OPF) {
        return 0;
    }

    switch (standing) {

    case NGX_OOF_BANK_AUTHORISED:
        return 0;

    case NGX_OOF_BANK_AWAITING:
        return 1;

    case NGX_OOF_BANK_EXPIRED:
    case NGX_OOF_BANK_TIMEOUT:
        return 2;

    default:
        return 3;
    }
}


/* rows behind a "last" are not known to be complete */

static ngx_int_t
ngx_oof_bank_list_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t               n, first, end;
    ngx_str_t             id;
    ngx_uint_t            row, cut;
    ngx_oof_page_t       *page;
    ngx_oof_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);
    page = &list->q.page;

    first = list->q.mark.set ? 0 : ngx_oof_page_offset(page);
    end = first + page->size;
    cut = 0;

    for (n = 0, row = 0; row < ngx_oof_pg_rows(u, 0) && !cut; row++) {

        cut = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, row,
                                              NGX_OOF_BANK_LIST_LAST);

        if (!ngx_oof_pg_get_int(u, 0, row, NGX_OOF_BANK_LIST_FITS)) {

            if (cut && n < end) {
                ngx_oof_bank_list_mark(&list->next, u, row);
            }

            continue;
        }

        if (n >= first && n < end) {
            ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_LIST_ID, &id);
            ngx_oof_json_uuid(&list->ids, id.data);
            ngx_oof_bank_list_mark(&list->next, u, row);
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

    return ngx_oof_bank_list_rows(o, list);
}


static void
ngx_oof_bank_list_mark(ngx_oof_bank_mark_t *mark, ngx_oof_pg_unit_t *u,
    ngx_uint_t row)
{
    ngx_str_t  id;

    mark->set = 1;
    mark->rank = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, row,
                                                 NGX_OOF_BANK_LIST_RANK);
    mark->creation = ngx_oof_pg_get_time(u, 0, row,
                                         NGX_OOF_BANK_LIST_CREATION);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_LIST_ID, &id);
    ngx_memcpy(mark->id, id.data, NGX_OOF_UUID_LEN);
}


static ngx_int_t
ngx_oof_bank_list_broad(ngx_oof_request_t *o, const char *detail)
{
    return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, "CONSULTA_AMPLA",
                         "Consulta ampla demais", detail);
}


/* of somebody, or with a search key */

static ngx_int_t
ngx_oof_bank_owned(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
{
    ngx_str_t              by;
    ngx_oof_pg_unit_t     *u;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_query_t  *q;

    q = &list->q;

    if (q->page.number * q->page.size > NGX_OOF_BANK_REACH) {
        return ngx_oof_bank_list_broad(o, "A página solicitada está distante "
                                          "demais: restrinja a consulta.");
    }

    if (ngx_oof_bank_owned_by(o, list, &by) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_list_owner);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &by);
    ngx_oof_pg_time(u, q->from);
    ngx_oof_pg_time(u, q->to);
    ngx_oof_pg_int8(u, NGX_OOF_BANK_OWNED);

    if (ngx_oof_bank_owned_filter(o, u, NGX_OOF_LOOKUP_CPF, &q->cpf) != NGX_OK
        || ngx_oof_bank_owned_filter(o, u, NGX_OOF_LOOKUP_CNPJ, &q->cnpj)
           != NGX_OK
        || ngx_oof_bank_visible(o, u) != NGX_OK
        || ngx_oof_bank_owned_orgs(o, u, list) != NGX_OK
        || ngx_oof_bank_owned_ranks(o, u, q) != NGX_OK)
    {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    ngx_oof_pg_bool(u, q->order == NGX_OOF_BANK_ASC);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&q->page));
    ngx_oof_pg_int8(u, q->page.size);
    ngx_oof_bank_before(u, q);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_owned_found);
}


/* the way that finds the fewest; the others are conditions */

static ngx_int_t
ngx_oof_bank_owned_by(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
    ngx_str_t *json)
{
    ngx_int_t              rc;
    ngx_str_t             *key;
    ngx_uint_t             i;
    ngx_oof_json_t         w;
    ngx_oof_bank_query_t  *q;

    q = &list->q;

    if (ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    rc = NGX_OK;

    if (q->keys.nelts) {
        key = q->keys.elts;

        for (i = 0; i < q->keys.nelts && rc == NGX_OK; i++) {
            rc = ngx_oof_bank_way(o, &w, "key", NGX_OOF_LOOKUP_SEARCH, &key[i]);
        }

    } else if (q->cpf.len) {
        rc = ngx_oof_bank_way(o, &w, "cpf", NGX_OOF_LOOKUP_CPF, &q->cpf);

    } else if (q->cnpj.len) {
        rc = ngx_oof_bank_way(o, &w, "cnpj", NGX_OOF_LOOKUP_CNPJ, &q->cnpj);

    } else if (o->token->has_cpf) {
        rc = ngx_oof_bank_owned_customer(o, &w);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, json);
}


/* all that a customer's token sees */

static ngx_int_t
ngx_oof_bank_owned_customer(ngx_oof_request_t *o, ngx_oof_json_t *w)
{
    ngx_str_t  cpf, cnpj;

    cpf.data = o->token->cpf;
    cpf.len = NGX_OOF_CPF_LEN;

    cnpj.data = o->token->cnpj;
    cnpj.len = NGX_OOF_CNPJ_LEN;

    if (ngx_oof_bank_way(o, w, "cpf", NGX_OOF_LOOKUP_CPF, &cpf) != NGX_OK
        || ngx_oof_bank_way(o, w, "approver", NGX_OOF_LOOKUP_CPF, &cpf)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return o->token->has_cnpj
           ? ngx_oof_bank_way(o, w, "cnpj", NGX_OOF_LOOKUP_CNPJ, &cnpj)
           : NGX_OK;
}


static ngx_int_t
ngx_oof_bank_owned_filter(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    const char *domain, ngx_str_t *value)
{
    ngx_str_t            json;
    ngx_oof_loc_conf_t  *olcf;

    if (value->len == 0) {
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_consent_lookups(o->r->pool, olcf->keys, domain, value, &json)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_pg_text(u, &json);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_owned_orgs(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_list_t *list)
{
    ngx_str_t       json, *org;
    ngx_uint_t      i;
    ngx_oof_json_t  w;

    if (list->orgs.nelts == 0) {
        ngx_oof_pg_null(u);

    } else {
        if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
            return NGX_ERROR;
        }

        org = list->orgs.elts;

        ngx_oof_json_begin(&w, '[');

        for (i = 0; i < list->orgs.nelts; i++) {
            ngx_oof_json_str(&w, &org[i]);
        }

        ngx_oof_json_end(&w, ']');

        if (ngx_oof_json_text(&w, &json) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_oof_pg_text(u, &json);
    }

    if (list->q.has_term) {
        ngx_oof_pg_int4(u, (int32_t) list->q.term);

    } else {
        ngx_oof_pg_null(u);
    }

    return NGX_OK;
}


/* {"1":0,"2":0,...} for the standings that are asked for */

static ngx_int_t
ngx_oof_bank_owned_ranks(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
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

    for (standing = 1; standing < NGX_OOF_BANK_STANDINGS; standing++) {

        if (q->standings & ngx_oof_bank_bit(standing)) {
            name[0] = (char) ('0' + standing);

            ngx_oof_json_name(&w, name);
            ngx_oof_json_int(&w, (int64_t) ngx_oof_bank_rank(q, standing));
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
ngx_oof_bank_owned_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t             id;
    ngx_uint_t            row;
    ngx_oof_page_t       *page;
    ngx_oof_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);
    page = &list->q.page;

    if (ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_BANK_OWNER_CUT)) {
        return ngx_oof_bank_list_broad(o, "O titular ou a chave de busca tem "
                                          "consentimentos demais: restrinja "
                                          "o período de criação.");
    }

    if (ngx_oof_page_count(o, page,
                           ngx_oof_pg_get_int(u, 0, 0,
                                              NGX_OOF_BANK_OWNER_TOTAL))
        != NGX_OK)
    {
        return NGX_OK;
    }

    for (row = 0; row < ngx_oof_pg_rows(u, 0); row++) {

        if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_BANK_OWNER_ID)) {
            ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_OWNER_ID, &id);
            ngx_oof_json_uuid(&list->ids, id.data);
        }
    }

    return ngx_oof_bank_list_rows(o, list);
}


static ngx_int_t
ngx_oof_bank_list_rows(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
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

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_rows);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &ids);
    ngx_oof_pg_bool(u, list->q.active);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_listed);
}


static ngx_int_t
ngx_oof_bank_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t             body;
    ngx_uint_t            row, rows;
    ngx_oof_json_t        w;
    ngx_oof_bank_list_t  *list;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rows = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_json_init(&w, o->r->pool, 1024 + 512 * rows) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (row = 0; row < rows; row++) {

        if (!list->q.active) {
            ngx_oof_bank_summary(o, &w, u, row);

        } else if (ngx_oof_bank_stock(o, &w, u, row) != NGX_OK) {
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


static void
ngx_oof_bank_summary(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t            value;
    const char          *standing;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    standing = ngx_oof_bank_standing((ngx_uint_t)
                    ngx_oof_pg_get_int(u, 0, row, NGX_OOF_BANK_ROW_STANDING));

    ngx_oof_json_begin(w, '{');

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_ID, &value);
    ngx_oof_consent_member_uuid(w, "id", value.data);

    ngx_oof_json_name(w, "type");
    ngx_oof_json_literal(w, "DATA_SHARING");
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, standing);
    ngx_oof_json_member_time(w, "createdOn",
                    ngx_oof_pg_get_time(u, 0, row, NGX_OOF_BANK_ROW_CREATION));

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_BANK_ROW_EXPIRATION)) {
        ngx_oof_json_member_time(w, "expiresOn",
                  ngx_oof_pg_get_time(u, 0, row, NGX_OOF_BANK_ROW_EXPIRATION));
    }

    ngx_oof_json_member(w, "brandId", &olcf->brand);

    /* a client that is not registered is called by its id */

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_NAME, &value);

    if (value.len == 0) {
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_CLIENT, &value);
    }

    ngx_oof_json_member(w, "orgName", &value);
    ngx_oof_json_member(w, "tppName", &value);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_LOGO, &value);

    if (value.len) {
        ngx_oof_json_member(w, "tppLogo", &value);
    }

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_BANK_ROW_LINKED)
        && ngx_oof_pg_get_int(u, 0, row, NGX_OOF_BANK_ROW_LINKED))
    {
        ngx_oof_json_name(w, "journey");
        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "isLinked");
        ngx_oof_json_bool(w, 1);

        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_LINK_ID, &value);

        if (value.len) {
            ngx_oof_json_member(w, "linkId", &value);
        }

        ngx_oof_json_name(w, "status");
        ngx_oof_json_literal(w, standing);
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_end(w, '}');
}


/* a consent that is authorised, with whom it is of */

static ngx_int_t
ngx_oof_bank_stock(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t            id, sealed, cpf, cnpj, urn;
    ngx_oof_loc_conf_t  *olcf;

    /* it has ended since it was found */

    if (ngx_oof_pg_get_int(u, 0, row, NGX_OOF_BANK_ROW_STANDING)
        != NGX_OOF_BANK_AUTHORISED)
    {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_ID, &id);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_BANK_ROW_PERSONAL, &sealed);

    if (ngx_oof_consent_urn(o->r->pool, &olcf->urn_namespace, id.data, &urn)
        != NGX_OK
        || ngx_oof_consent_open(o->r->pool, olcf, id.data, &sealed, &cpf,
                                &cnpj)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "externalId", &urn);
    ngx_oof_bank_documents(w, &cpf, &cnpj);
    ngx_oof_json_member_time(w, "creationDateTime",
                    ngx_oof_pg_get_time(u, 0, row, NGX_OOF_BANK_ROW_CREATION));
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, "AUTHORISED");

    if (!ngx_oof_pg_is_null(u, 0, row, NGX_OOF_BANK_ROW_EXPIRATION)) {
        ngx_oof_json_member_time(w, "expirationDateTime",
                  ngx_oof_pg_get_time(u, 0, row, NGX_OOF_BANK_ROW_EXPIRATION));
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}
