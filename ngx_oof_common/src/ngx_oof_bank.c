
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/* what the operations of the bank's side share */


static ngx_int_t ngx_oof_bank_parameter(ngx_oof_request_t *o,
    const char *format, const char *one, const char *other);
static void ngx_oof_bank_link(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *name, ngx_array_t *args, ngx_oof_page_t *page,
    int64_t number, ngx_oof_bank_mark_t *mark);
static ngx_uint_t ngx_oof_bank_paging(ngx_str_t *name);


static ngx_str_t  ngx_oof_bank_scope_customer =
    ngx_string(NGX_OOF_SCOPE_CUSTOMER);


static const char  *ngx_oof_bank_standings[] = {
    NULL,
    "AWAITING_AUTHORISATION",
    "AUTHORISED",
    "REJECTED",
    "REVOKED",
    "EXPIRED",
    "TIMEOUT_AUTHORISATION",
    "CONSUMED",
    "PARTIALLY_ACCEPTED",
    "TIMEOUT_PAYMENT"
};


const char *
ngx_oof_bank_standing(ngx_uint_t standing)
{
    return ngx_oof_bank_standings[standing];
}


ngx_uint_t
ngx_oof_bank_customer(ngx_oof_request_t *o)
{
    return ngx_oof_token_has_scope(o->token, &ngx_oof_bank_scope_customer);
}


void
ngx_oof_bank_actor(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t  actor;

    if (ngx_oof_bank_customer(o)) {
        ngx_str_set(&actor, "customer");
        ngx_oof_pg_text(u, &actor);
        ngx_oof_pg_null(u);
        return;
    }

    ngx_str_set(&actor, "bank");
    ngx_oof_pg_text(u, &actor);
    ngx_oof_pg_text(u, o->token->sub.len ? &o->token->sub
                                         : &o->token->client_id);
}


ngx_int_t
ngx_oof_bank_staff(ngx_oof_request_t *o)
{
    if (!ngx_oof_bank_customer(o)) {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN", "Acesso negado",
                         "A operação não é permitida ao token de um "
                         "cliente.");

    return NGX_DECLINED;
}


ngx_int_t
ngx_oof_bank_invalid(ngx_oof_request_t *o, const char *name)
{
    return ngx_oof_bank_parameter(o, "O parâmetro %s não tem o formato "
                                     "exigido.%s", name, "");
}


ngx_int_t
ngx_oof_bank_combined(ngx_oof_request_t *o, const char *one,
    const char *other)
{
    return ngx_oof_bank_parameter(o, "Os parâmetros %s e %s não podem ser "
                                     "usados em conjunto.", one, other);
}


static ngx_int_t
ngx_oof_bank_parameter(ngx_oof_request_t *o, const char *format,
    const char *one, const char *other)
{
    size_t   len;
    u_char  *detail;

    len = ngx_strlen(format) + ngx_strlen(one) + ngx_strlen(other) + 1;

    detail = ngx_pnalloc(o->r->pool, len);
    if (detail == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(detail, format, one, other)[0] = '\0';

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido", (char *) detail);

    return NGX_DECLINED;
}


void
ngx_oof_bank_documents(ngx_oof_json_t *w, ngx_str_t *cpf, ngx_str_t *cnpj)
{
    ngx_oof_json_name(w, "personDocumentType");
    ngx_oof_json_literal(w, "CPF");
    ngx_oof_json_member(w, "personDocumentNumber", cpf);

    if (cnpj->len) {
        ngx_oof_json_name(w, "businessDocumentType");
        ngx_oof_json_literal(w, "CNPJ");
        ngx_oof_json_member(w, "businessDocumentNumber", cnpj);
    }
}


void
ngx_oof_bank_list_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_array_t *args, ngx_oof_page_t *page, ngx_oof_bank_mark_t *next)
{
    ngx_oof_json_name(w, "links");
    ngx_oof_json_begin(w, '{');

    ngx_oof_bank_link(o, w, "self", args, page, 0, NULL);

    if (page->number > 1) {
        ngx_oof_bank_link(o, w, "first", args, page, 1, NULL);

        /* by its number, where that is answered */

        if ((page->number - 1) * page->size <= NGX_OOF_BANK_REACH) {
            ngx_oof_bank_link(o, w, "prev", args, page, page->number - 1,
                              NULL);
        }
    }

    if (page->number < page->pages) {
        ngx_oof_bank_link(o, w, "next", args, page, page->number + 1, next);

        if (page->pages * page->size <= NGX_OOF_BANK_REACH) {
            ngx_oof_bank_link(o, w, "last", args, page, page->pages, NULL);
        }
    }

    ngx_oof_json_end(w, '}');

    ngx_oof_json_name(w, "meta");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "totalRecords");
    ngx_oof_json_int(w, page->total);
    ngx_oof_json_name(w, "totalPages");
    ngx_oof_json_int(w, page->pages);
    ngx_oof_json_member_time(w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');
}


/* the same query for another page; number 0: as it came */

static void
ngx_oof_bank_link(ngx_oof_request_t *o, ngx_oof_json_t *w, const char *name,
    ngx_array_t *args, ngx_oof_page_t *page, int64_t number,
    ngx_oof_bank_mark_t *mark)
{
    u_char              *p, *last;
    ngx_str_t            link;
    ngx_uint_t           i, n;
    ngx_oof_loc_conf_t  *olcf;
    ngx_oof_bank_arg_t  *arg;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    link.len = olcf->base_url.len + o->r->uri.len + o->r->args.len + 128
               + NGX_OOF_UUID_TEXT;
    link.data = ngx_pnalloc(o->r->pool, link.len);

    if (link.data == NULL) {
        w->failed = 1;
        return;
    }

    last = link.data + link.len;
    p = ngx_slprintf(link.data, last, "%V%V", &olcf->base_url, &o->r->uri);

    arg = args->elts;

    for (n = 0, i = 0; i < args->nelts; i++) {

        if (number && ngx_oof_bank_paging(&arg[i].name)) {
            continue;
        }

        p = ngx_slprintf(p, last, "%c%V", n++ ? '&' : '?', &arg[i].raw);
    }

    if (number) {
        p = ngx_slprintf(p, last, "%cpage=%L&page-size=%L", n ? '&' : '?',
                         number, page->size);
    }

    if (mark && mark->set) {
        p = ngx_slprintf(p, last, "&pagination-key=%ui-%L-", mark->rank,
                         mark->creation);
        p = ngx_oof_uuid_format(p, mark->id);
    }

    link.len = p - link.data;

    ngx_oof_json_member(w, name, &link);
}


static ngx_uint_t
ngx_oof_bank_paging(ngx_str_t *name)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("page"),
        ngx_string("page-size"),
        ngx_string("pagination-key"),
        ngx_null_string
    };

    for (i = 0; names[i].len; i++) {
        if (names[i].len == name->len
            && ngx_memcmp(names[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_oof_bank_lookups(ngx_oof_request_t *o, const char *domain,
    ngx_str_t *value, ngx_str_t *json)
{
    ngx_str_t            hex;
    ngx_uint_t           n;
    ngx_oof_json_t       w;
    ngx_oof_loc_conf_t  *olcf;
    u_char               hmac[NGX_OOF_LOOKUP_LEN];
    u_char               text[2 * NGX_OOF_LOOKUP_LEN];

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    hex.data = text;
    hex.len = sizeof(text);

    if (ngx_oof_json_init(&w, o->r->pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    for (n = 0; n < NGX_OOF_BANK_LOOKUPS; n++) {

        if (ngx_oof_crypt_lookup(olcf->keys, n, domain, value, hmac)
            != NGX_OK)
        {
            break;
        }

        (void) ngx_hex_dump(text, hmac, NGX_OOF_LOOKUP_LEN);
        ngx_oof_json_str(&w, &hex);
    }

    ngx_oof_json_end(&w, ']');

    return n ? ngx_oof_json_text(&w, json) : NGX_ERROR;
}
