
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_bank_list.h>
#include <ngx_oof_common_sql.h>


/*
 * However many consents there are, a list costs little: it looks at so many of
 * each stream at most, and counts so many behind the page.  The link to the
 * next page tells where this one has ended, so a list may be followed to its
 * end; only pages far behind that are asked for by their number are refused.
 */

#define NGX_OOF_BANK_AHEAD     1000      /* counted behind a page */
#define NGX_OOF_BANK_EXAMINE   20000     /* of a stream, more than it tells */
#define NGX_OOF_BANK_OWNED     10000     /* consents of an owner */
#define NGX_OOF_BANK_ORGS      16        /* clients that a name may mean */
#define NGX_OOF_BANK_RANKS     4
#define NGX_OOF_BANK_LISTINGS  4


/* columns of bank_list after those that all have */

#define NGX_OOF_BANK_LIST_FITS    NGX_OOF_BANK_LIST_COLS
#define NGX_OOF_BANK_LIST_LAST    (NGX_OOF_BANK_LIST_COLS + 1)

/* and of bank_list_owner */

#define NGX_OOF_BANK_OWNER_TOTAL  NGX_OOF_BANK_LIST_COLS
#define NGX_OOF_BANK_OWNER_CUT    (NGX_OOF_BANK_LIST_COLS + 1)


/* the rows of a kind, and the one that is next */

typedef struct {
    ngx_oof_bank_listing_t  *listing;
    ngx_uint_t               s;          /* its statement */
    ngx_uint_t               row;
    ngx_oof_bank_mark_t      mark;       /* of the row; not set: no more */
} ngx_oof_bank_head_t;


/* a consent of the page */

typedef struct {
    ngx_oof_bank_listing_t  *listing;
    u_char                   id[NGX_OOF_UUID_LEN];
} ngx_oof_bank_found_t;


typedef struct {
    ngx_oof_bank_query_t     q;
    ngx_array_t              orgs;       /* ngx_str_t: ids of clients */
    ngx_array_t              found;      /* ngx_oof_bank_found_t */
    ngx_oof_bank_mark_t      next;
    int64_t                  wanted;     /* rows of bank_list */
    ngx_uint_t               nheads;
    ngx_oof_bank_head_t      heads[NGX_OOF_BANK_LISTINGS];
} ngx_oof_bank_list_t;


static ngx_int_t ngx_oof_bank_list(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_active(ngx_oof_request_t *o);

static ngx_int_t ngx_oof_bank_list_start(ngx_oof_request_t *o,
    ngx_uint_t active);
static ngx_int_t ngx_oof_bank_list_orgs(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_named(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_list_find(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_unit(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list,
    ngx_int_t (*add)(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
                     ngx_oof_pg_unit_t *u, ngx_oof_bank_listing_t *listing),
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u));

static ngx_int_t ngx_oof_bank_list_all(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_listing_t *listing);
static ngx_int_t ngx_oof_bank_list_streams(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_oof_bank_listing_t *listing,
    ngx_str_t *json);
static ngx_uint_t ngx_oof_bank_list_ranked(ngx_oof_bank_query_t *q,
    ngx_uint_t standings, ngx_uint_t rank);
static void ngx_oof_bank_list_range(ngx_oof_bank_query_t *q,
    ngx_oof_json_t *w, ngx_uint_t rank);
static ngx_uint_t ngx_oof_bank_rank(ngx_oof_bank_query_t *q,
    ngx_uint_t standing);
static ngx_int_t ngx_oof_bank_list_clients(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_list_push(ngx_oof_bank_list_t *list,
    ngx_oof_bank_head_t *head);

static void ngx_oof_bank_list_heads(ngx_oof_bank_list_t *list,
    ngx_oof_pg_unit_t *u);
static ngx_oof_bank_head_t *ngx_oof_bank_list_first(
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_cmp(ngx_oof_bank_query_t *q,
    ngx_oof_bank_mark_t *one, ngx_oof_bank_mark_t *two);
static void ngx_oof_bank_list_mark(ngx_oof_bank_head_t *head,
    ngx_oof_pg_unit_t *u);

static ngx_int_t ngx_oof_bank_owned(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_listing_t *listing);
static ngx_int_t ngx_oof_bank_owned_by(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *json);
static ngx_int_t ngx_oof_bank_owned_customer(ngx_oof_request_t *o,
    ngx_oof_json_t *w);
static ngx_int_t ngx_oof_bank_owned_filter(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, const char *domain, ngx_str_t *value);
static ngx_int_t ngx_oof_bank_owned_ranks(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_query_t *q, ngx_uint_t standings);
static ngx_int_t ngx_oof_bank_owned_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);

static ngx_int_t ngx_oof_bank_list_rows(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list);
static ngx_int_t ngx_oof_bank_list_ids(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_listing_t *listing);
static ngx_int_t ngx_oof_bank_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_list_tell(ngx_oof_request_t *o,
    ngx_oof_bank_list_t *list, ngx_oof_pg_unit_t *u, ngx_oof_json_t *w);
static ngx_int_t ngx_oof_bank_list_broad(ngx_oof_request_t *o,
    const char *detail);


static ngx_oof_route_t  ngx_oof_bank_list_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/v1/consents"),
      ngx_string("bank_list"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_BANK_READ),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_bank_list,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/consents/v2/active"),
      ngx_string("bank_active"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_BANK_READ),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_bank_active,
      0 },

      ngx_oof_route_end
};


static ngx_oof_bank_listing_t
    *ngx_oof_bank_listings[NGX_OOF_BANK_LISTINGS + 1];


ngx_int_t
ngx_oof_bank_list_preconf(ngx_conf_t *cf)
{
    return ngx_oof_bank_add(cf, ngx_oof_bank_list_routes);
}


ngx_int_t
ngx_oof_bank_listing_add(ngx_conf_t *cf, ngx_oof_bank_listing_t *listing)
{
    ngx_uint_t  i;

    /* static, and the same in each configuration */

    for (i = 0; ngx_oof_bank_listings[i]; i++) {
        if (ngx_oof_bank_listings[i] == listing) {
            return NGX_OK;
        }
    }

    if (i == NGX_OOF_BANK_LISTINGS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there are too many kinds of consents in lists");
        return NGX_ERROR;
    }

    ngx_oof_bank_listings[i] = listing;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_list(ngx_oof_request_t *o)
{
    return ngx_oof_bank_list_start(o, 0);
}


static ngx_int_t
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

    o->kept = list;
    list->q.active = active;

    rc = ngx_oof_bank_query(o, &list->q);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_array_init(&list->orgs, o->r->pool, 1, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&list->found, o->r->pool, NGX_OOF_PAGE_SIZE,
                          sizeof(ngx_oof_bank_found_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

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

    list = o->kept;

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
        list->q.kinds = 0;
    }

    return ngx_oof_bank_list_find(o, list);
}


static ngx_int_t
ngx_oof_bank_list_find(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
{
    ngx_uint_t             owned;
    ngx_oof_page_t        *page;
    ngx_oof_bank_query_t  *q;

    q = &list->q;
    page = &q->page;

    owned = (q->cpf.len || q->cnpj.len || q->keys.nelts
             || ngx_oof_bank_customer(o));

    if (page->number * page->size > NGX_OOF_BANK_REACH
        && (owned || !q->mark.set))
    {
        return ngx_oof_bank_list_broad(o, owned
                       ? "A página solicitada está distante demais: "
                         "restrinja a consulta."
                       : "A página solicitada está distante demais: siga "
                         "links.next ou restrinja a consulta.");
    }

    if (owned) {
        return ngx_oof_bank_list_unit(o, list, ngx_oof_bank_owned,
                                      ngx_oof_bank_owned_found);
    }

    list->wanted = page->size + 1
                   + (q->mark.set ? 0 : ngx_oof_page_offset(page));

    /* of each organisation as many are read */

    if (list->orgs.nelts <= 1) {
        list->wanted += NGX_OOF_BANK_AHEAD;
    }

    return ngx_oof_bank_list_unit(o, list, ngx_oof_bank_list_all,
                                  ngx_oof_bank_list_found);
}


/* a statement for each kind that may be in the list */

static ngx_int_t
ngx_oof_bank_list_unit(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
    ngx_int_t (*add)(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
                     ngx_oof_pg_unit_t *u, ngx_oof_bank_listing_t *listing),
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u))
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_bank_head_t     *head;
    ngx_oof_bank_listing_t  *listing;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    list->nheads = 0;

    for (i = 0; ngx_oof_bank_listings[i]; i++) {

        listing = ngx_oof_bank_listings[i];

        if (!(list->q.kinds & listing->kind)
            || listing->standings(&list->q) == 0)
        {
            continue;
        }

        rc = add(o, list, u, listing);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc != NGX_OK) {
            ngx_oof_pg_free(u);
            return NGX_ERROR;
        }

        head = &list->heads[list->nheads];

        head->listing = listing;
        head->s = list->nheads++;
    }

    if (list->nheads == 0) {
        ngx_oof_pg_free(u);
        return result(o, NULL);
    }

    return ngx_oof_request_unit(o, u, result);
}


/* of the whole brand */

static ngx_int_t
ngx_oof_bank_list_all(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_listing_t *listing)
{
    ngx_str_t              streams;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_query_t  *q;

    q = &list->q;

    if (ngx_oof_bank_list_streams(o, q, listing, &streams) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, (q->order == NGX_OOF_BANK_ASC)
                            ? listing->find_asc : listing->find);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &streams);
    ngx_oof_pg_int8(u, list->wanted);
    ngx_oof_pg_int8(u, list->wanted + NGX_OOF_BANK_EXAMINE);

    if (ngx_oof_bank_list_clients(o, u, list) != NGX_OK) {
        return NGX_ERROR;
    }

    listing->filter(u, q);

    return NGX_OK;
}


/* one for each rank that is not over */

static ngx_int_t
ngx_oof_bank_list_streams(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_oof_bank_listing_t *listing, ngx_str_t *json)
{
    ngx_uint_t      rank, mask;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    rank = q->mark.set ? q->mark.rank : 0;

    for ( /* void */ ; rank < NGX_OOF_BANK_RANKS; rank++) {

        mask = ngx_oof_bank_list_ranked(q, listing->standings(q), rank);

        if (mask == 0) {
            continue;
        }

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "k");
        ngx_oof_json_int(&w, (int64_t) rank);
        ngx_oof_json_name(&w, "w");
        ngx_oof_json_int(&w, (int64_t) mask);
        ngx_oof_bank_list_range(q, &w, rank);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, json);
}


/* those of a rank */

static ngx_uint_t
ngx_oof_bank_list_ranked(ngx_oof_bank_query_t *q, ngx_uint_t standings,
    ngx_uint_t rank)
{
    ngx_uint_t  mask, standing;

    mask = 0;

    for (standing = 1; standing < NGX_OOF_BANK_ALL_STANDINGS; standing++) {

        if ((standings & ngx_oof_bank_bit(standing))
            && ngx_oof_bank_rank(q, standing) == rank)
        {
            mask |= ngx_oof_bank_bit(standing);
        }
    }

    return mask;
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
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, id);
}


/* active, pending, expired, closed; without that order all are one */

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
    case NGX_OOF_BANK_PARTIAL:
        return 1;

    case NGX_OOF_BANK_EXPIRED:
    case NGX_OOF_BANK_TIMEOUT:
    case NGX_OOF_BANK_UNUSED:
        return 2;

    default:
        return 3;
    }
}


static ngx_int_t
ngx_oof_bank_list_clients(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_list_t *list)
{
    ngx_str_t       json, *org;
    ngx_uint_t      i;
    ngx_oof_json_t  w;

    if (list->orgs.nelts == 0) {
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

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

    return NGX_OK;
}


/*
 * Each kind has told as many as are wanted of all, so as many of all are
 * known; but rows behind a "last" are not known to be complete.
 */

static ngx_int_t
ngx_oof_bank_list_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t               n, told, first, end;
    ngx_uint_t            cut, fits;
    ngx_oof_page_t       *page;
    ngx_oof_bank_list_t  *list;
    ngx_oof_bank_head_t  *head;

    list = o->kept;
    page = &list->q.page;

    first = list->q.mark.set ? 0 : ngx_oof_page_offset(page);
    end = first + page->size;
    cut = 0;

    ngx_oof_bank_list_heads(list, u);

    for (n = 0, told = 0; told < list->wanted && !cut; told++) {

        head = ngx_oof_bank_list_first(list);

        if (head == NULL) {
            break;
        }

        fits = (ngx_uint_t) ngx_oof_pg_get_int(u, head->s, head->row,
                                               NGX_OOF_BANK_LIST_FITS);
        cut = (ngx_uint_t) ngx_oof_pg_get_int(u, head->s, head->row,
                                              NGX_OOF_BANK_LIST_LAST);

        if ((cut || fits) && n < end) {
            list->next = head->mark;
        }

        if (fits && n >= first && n < end
            && ngx_oof_bank_list_push(list, head) != NGX_OK)
        {
            return NGX_ERROR;
        }

        n += fits;

        head->row++;
        ngx_oof_bank_list_mark(head, u);
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


static ngx_int_t
ngx_oof_bank_list_push(ngx_oof_bank_list_t *list, ngx_oof_bank_head_t *head)
{
    ngx_oof_bank_found_t  *found;

    found = ngx_array_push(&list->found);
    if (found == NULL) {
        return NGX_ERROR;
    }

    found->listing = head->listing;
    ngx_memcpy(found->id, head->mark.id, NGX_OOF_UUID_LEN);

    return NGX_OK;
}


static void
ngx_oof_bank_list_heads(ngx_oof_bank_list_t *list, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t  i;

    for (i = 0; i < list->nheads; i++) {
        list->heads[i].row = 0;
        ngx_oof_bank_list_mark(&list->heads[i], u);
    }
}


/* whose row is the next one of all */

static ngx_oof_bank_head_t *
ngx_oof_bank_list_first(ngx_oof_bank_list_t *list)
{
    ngx_uint_t            i;
    ngx_oof_bank_head_t  *head, *first;

    for (first = NULL, i = 0; i < list->nheads; i++) {

        head = &list->heads[i];

        if (head->mark.set
            && (first == NULL
                || ngx_oof_bank_list_cmp(&list->q, &head->mark, &first->mark)
                   < 0))
        {
            first = head;
        }
    }

    return first;
}


static ngx_int_t
ngx_oof_bank_list_cmp(ngx_oof_bank_query_t *q, ngx_oof_bank_mark_t *one,
    ngx_oof_bank_mark_t *two)
{
    ngx_int_t  rc;

    if (one->rank != two->rank) {
        return (one->rank < two->rank) ? -1 : 1;
    }

    if (one->creation != two->creation) {
        rc = (one->creation < two->creation) ? -1 : 1;

    } else {
        rc = ngx_memcmp(one->id, two->id, NGX_OOF_UUID_LEN);
    }

    return (q->order == NGX_OOF_BANK_ASC) ? rc : -rc;
}


/* an owner who has nothing has one row without an id */

static void
ngx_oof_bank_list_mark(ngx_oof_bank_head_t *head, ngx_oof_pg_unit_t *u)
{
    ngx_str_t             id;
    ngx_oof_bank_mark_t  *mark;

    mark = &head->mark;
    mark->set = 0;

    if (head->row >= ngx_oof_pg_rows(u, head->s)
        || ngx_oof_pg_is_null(u, head->s, head->row, NGX_OOF_BANK_LIST_ID))
    {
        return;
    }

    mark->set = 1;
    mark->rank = (ngx_uint_t) ngx_oof_pg_get_int(u, head->s, head->row,
                                                 NGX_OOF_BANK_LIST_RANK);
    mark->creation = ngx_oof_pg_get_time(u, head->s, head->row,
                                         NGX_OOF_BANK_LIST_CREATION);

    ngx_oof_pg_get_str(u, head->s, head->row, NGX_OOF_BANK_LIST_ID, &id);
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
ngx_oof_bank_owned(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_listing_t *listing)
{
    ngx_str_t              by;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_query_t  *q;

    q = &list->q;

    if (ngx_oof_bank_owned_by(o, q, &by) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, listing->owned);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &by);
    ngx_oof_pg_time(u, q->from);
    ngx_oof_pg_time(u, q->to);
    ngx_oof_pg_int8(u, NGX_OOF_BANK_OWNED);

    if (ngx_oof_bank_owned_filter(o, u, NGX_OOF_BANK_LOOKUP_CPF, &q->cpf)
        != NGX_OK
        || ngx_oof_bank_owned_filter(o, u, NGX_OOF_BANK_LOOKUP_CNPJ, &q->cnpj)
           != NGX_OK
        || ngx_oof_bank_visible(o, u) != NGX_OK
        || ngx_oof_bank_list_clients(o, u, list) != NGX_OK
        || ngx_oof_bank_owned_ranks(o, u, q, listing->standings(q))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_pg_bool(u, q->order == NGX_OOF_BANK_ASC);

    /* the page may be of one kind alone */

    ngx_oof_pg_int8(u, q->page.number * q->page.size);

    listing->filter(u, q);

    return NGX_OK;
}


/* the way that finds the fewest; the others are conditions */

static ngx_int_t
ngx_oof_bank_owned_by(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *json)
{
    ngx_int_t        rc;
    ngx_str_t       *key;
    ngx_uint_t       i;
    ngx_oof_json_t   w;

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
        rc = ngx_oof_bank_way(o, &w, "cpf", NGX_OOF_BANK_LOOKUP_CPF, &q->cpf);

    } else if (q->cnpj.len) {
        rc = ngx_oof_bank_way(o, &w, "cnpj", NGX_OOF_BANK_LOOKUP_CNPJ,
                              &q->cnpj);

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

    if (ngx_oof_bank_way(o, w, "cpf", NGX_OOF_BANK_LOOKUP_CPF, &cpf) != NGX_OK
        || ngx_oof_bank_way(o, w, "approver", NGX_OOF_BANK_LOOKUP_CPF, &cpf)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return o->token->has_cnpj
           ? ngx_oof_bank_way(o, w, "cnpj", NGX_OOF_BANK_LOOKUP_CNPJ, &cnpj)
           : NGX_OK;
}


static ngx_int_t
ngx_oof_bank_owned_filter(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
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


/* {"1":0,"2":0,...} for the standings that are asked for */

static ngx_int_t
ngx_oof_bank_owned_ranks(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_bank_query_t *q, ngx_uint_t standings)
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

        if (standings & ngx_oof_bank_bit(standing)) {
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
    int64_t               n, total;
    ngx_uint_t            i;
    ngx_oof_page_t       *page;
    ngx_oof_bank_list_t  *list;
    ngx_oof_bank_head_t  *head;

    list = o->kept;
    page = &list->q.page;

    for (total = 0, i = 0; i < list->nheads; i++) {

        head = &list->heads[i];

        if (ngx_oof_pg_get_int(u, head->s, 0, NGX_OOF_BANK_OWNER_CUT)) {
            return ngx_oof_bank_list_broad(o, "O titular ou a chave de busca "
                                              "tem consentimentos demais: "
                                              "restrinja o período de "
                                              "criação.");
        }

        total += ngx_oof_pg_get_int(u, head->s, 0, NGX_OOF_BANK_OWNER_TOTAL);
    }

    if (ngx_oof_page_count(o, page, total) != NGX_OK) {
        return NGX_OK;
    }

    ngx_oof_bank_list_heads(list, u);

    for (n = 0; n < page->number * page->size; n++) {

        head = ngx_oof_bank_list_first(list);

        if (head == NULL) {
            break;
        }

        if (n >= ngx_oof_page_offset(page)
            && ngx_oof_bank_list_push(list, head) != NGX_OK)
        {
            return NGX_ERROR;
        }

        head->row++;
        ngx_oof_bank_list_mark(head, u);
    }

    return ngx_oof_bank_list_rows(o, list);
}


static ngx_int_t
ngx_oof_bank_list_rows(ngx_oof_request_t *o, ngx_oof_bank_list_t *list)
{
    return ngx_oof_bank_list_unit(o, list, ngx_oof_bank_list_ids,
                                  ngx_oof_bank_listed);
}


/* NGX_DECLINED: the page has none of the kind */

static ngx_int_t
ngx_oof_bank_list_ids(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
    ngx_oof_pg_unit_t *u, ngx_oof_bank_listing_t *listing)
{
    ngx_str_t              ids;
    ngx_uint_t             i, n;
    ngx_oof_json_t         w;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_bank_found_t  *found;

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    found = list->found.elts;

    ngx_oof_json_begin(&w, '[');

    for (n = 0, i = 0; i < list->found.nelts; i++) {

        if (found[i].listing == listing) {
            ngx_oof_json_uuid(&w, found[i].id);
            n++;
        }
    }

    ngx_oof_json_end(&w, ']');

    if (n == 0) {
        return NGX_DECLINED;
    }

    if (ngx_oof_json_text(&w, &ids) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, listing->rows);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_text(u, &ids);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t             body;
    ngx_oof_json_t        w;
    ngx_oof_bank_list_t  *list;

    list = o->kept;

    if (ngx_oof_json_init(&w, o->r->pool, 1024 + 512 * list->found.nelts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    if (ngx_oof_bank_list_tell(o, list, u, &w) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_bank_list_end(o, &w, list->q.args, &list->q.page, &list->next);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* the rows of a kind are in the order of the page */

static ngx_int_t
ngx_oof_bank_list_tell(ngx_oof_request_t *o, ngx_oof_bank_list_t *list,
    ngx_oof_pg_unit_t *u, ngx_oof_json_t *w)
{
    ngx_str_t              id;
    ngx_uint_t             i, n;
    ngx_oof_bank_head_t   *head;
    ngx_oof_bank_found_t  *found;

    found = list->found.elts;

    for (i = 0; i < list->nheads; i++) {
        list->heads[i].row = 0;
    }

    for (n = 0; n < list->found.nelts; n++) {

        for (head = list->heads;
             head->listing != found[n].listing;
             head++)
        {
            /* void */
        }

        if (head->row >= ngx_oof_pg_rows(u, head->s)) {
            continue;
        }

        /* one that is there no more is passed over */

        ngx_oof_pg_get_str(u, head->s, head->row, 0, &id);

        if (ngx_memcmp(id.data, found[n].id, NGX_OOF_UUID_LEN) != 0) {
            continue;
        }

        if (head->listing->tell(o, &list->q, w, u, head->s, head->row)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        head->row++;
    }

    return NGX_OK;
}


/* a token that says it is a customer's, but not whose, sees nothing */

ngx_int_t
ngx_oof_bank_visible(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t  value, cpf, cnpj;

    if (!ngx_oof_bank_customer(o)) {
        ngx_oof_pg_null(u);
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

    ngx_str_set(&cpf, "[]");
    ngx_str_set(&cnpj, "[]");

    if (o->token->has_cpf) {
        value.data = o->token->cpf;
        value.len = NGX_OOF_CPF_LEN;

        if (ngx_oof_bank_lookups(o, NGX_OOF_BANK_LOOKUP_CPF, &value, &cpf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (o->token->has_cpf && o->token->has_cnpj) {
        value.data = o->token->cnpj;
        value.len = NGX_OOF_CNPJ_LEN;

        if (ngx_oof_bank_lookups(o, NGX_OOF_BANK_LOOKUP_CNPJ, &value, &cnpj)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_pg_text(u, &cpf);
    ngx_oof_pg_text(u, &cnpj);

    return NGX_OK;
}


ngx_int_t
ngx_oof_bank_way(ngx_oof_request_t *o, ngx_oof_json_t *w, const char *way,
    const char *domain, ngx_str_t *value)
{
    ngx_uint_t           n;
    ngx_oof_loc_conf_t  *olcf;
    u_char               hmac[NGX_OOF_LOOKUP_LEN];

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    for (n = 0; n < NGX_OOF_BANK_LOOKUPS; n++) {

        if (ngx_oof_crypt_lookup(olcf->keys, n, domain, value, hmac)
            != NGX_OK)
        {
            break;
        }

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "t");
        ngx_oof_json_literal(w, way);
        ngx_oof_json_member_hex(w, "h", hmac, NGX_OOF_LOOKUP_LEN);
        ngx_oof_json_end(w, '}');
    }

    return n ? NGX_OK : NGX_ERROR;
}


void
ngx_oof_bank_client(ngx_oof_json_t *w, ngx_str_t *name, ngx_str_t *client_id,
    ngx_str_t *logo)
{
    if (name->len == 0) {
        name = client_id;
    }

    ngx_oof_json_member(w, "orgName", name);
    ngx_oof_json_member(w, "tppName", name);

    if (logo->len) {
        ngx_oof_json_member(w, "tppLogo", logo);
    }
}
