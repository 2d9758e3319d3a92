
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_export.h>


#define NGX_OOF_EXPORT_LOOKUPS  8
#define NGX_OOF_EXPORT_LABEL    64
#define NGX_OOF_EXPORT_DEPTH    32

#define NGX_OOF_EXPORT_COL_NAME   0
#define NGX_OOF_EXPORT_COL_TABLE  1
#define NGX_OOF_EXPORT_COL_CLEAR  2
#define NGX_OOF_EXPORT_COL_FIRST  3
#define NGX_OOF_EXPORT_COLS       4        /* of each of the two values */


typedef struct {
    ngx_str_t                  cpf;
    ngx_str_t                  cnpj;       /* or empty */
    ngx_uint_t                 section;
    ngx_str_t                  after;      /* or empty */
} ngx_oof_export_t;


static ngx_int_t ngx_oof_export_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_export_asked(ngx_oof_request_t *o,
    ngx_oof_export_t *e);
static ngx_int_t ngx_oof_export_after(ngx_oof_export_t *e, ngx_str_t *text);
static ngx_int_t ngx_oof_export_wrong(ngx_oof_request_t *o,
    const char *detail);
static ngx_int_t ngx_oof_export_read(ngx_oof_request_t *o,
    ngx_oof_export_t *e);
static void ngx_oof_export_lookups(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *domain, ngx_str_t *value);
static ngx_int_t ngx_oof_export_result(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_export_next(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_str_t *last, ngx_uint_t n);
static ngx_int_t ngx_oof_export_row(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_int_t ngx_oof_export_sealed(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_export_t *e, ngx_oof_pg_unit_t *u,
    ngx_uint_t row, ngx_uint_t col);
static ngx_int_t ngx_oof_export_plain(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_str_t *plain);
static ngx_uint_t ngx_oof_export_mask(ngx_oof_export_t *e, json_t *value,
    ngx_uint_t depth, ngx_uint_t *masked);
static ngx_uint_t ngx_oof_export_other(ngx_oof_export_t *e, json_t *value);
static void ngx_oof_export_hide(json_t *object, const char *name,
    ngx_uint_t *masked);


static ngx_oof_export_section_t
    *ngx_oof_export_sections[NGX_OOF_EXPORT_SECTIONS];
static ngx_uint_t  ngx_oof_export_n;


static ngx_str_t  ngx_oof_export_stars = ngx_string("***");


static ngx_oof_route_t  ngx_oof_export_routes[] = {

    { NGX_HTTP_POST,
      ngx_string("/customer-data"),
      ngx_string("customer_data"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_export_handler,
      0 },

    ngx_oof_route_end
};


ngx_int_t
ngx_oof_export_preconf(ngx_conf_t *cf)
{
    return ngx_oof_management_add(cf, ngx_oof_export_routes);
}


/* the same in every configuration, so that they may stay */

ngx_int_t
ngx_oof_export_add(ngx_conf_t *cf, ngx_oof_export_section_t *sections)
{
    ngx_uint_t  i;

    for ( /* void */ ; sections->name.len; sections++) {

        for (i = 0; i < ngx_oof_export_n; i++) {
            if (ngx_oof_export_sections[i] == sections) {
                break;
            }
        }

        if (i == NGX_OOF_EXPORT_SECTIONS) {
            return NGX_ERROR;
        }

        if (i == ngx_oof_export_n) {
            ngx_oof_export_sections[ngx_oof_export_n++] = sections;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_export_handler(ngx_oof_request_t *o)
{
    ngx_int_t          rc;
    ngx_oof_export_t  *e;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    if (o->location->keys == NULL || ngx_oof_export_n == 0) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    e = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_export_t));
    if (e == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_export_asked(o, e);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (e->section == 0 && e->after.len == 0) {
        ngx_log_error(NGX_LOG_NOTICE, o->r->connection->log, 0,
                      "all that is held of a customer is told to \"%V\"",
                      &o->token->sub);
    }

    o->kept = e;

    return ngx_oof_export_read(o, e);
}


static ngx_int_t
ngx_oof_export_asked(ngx_oof_request_t *o, ngx_oof_export_t *e)
{
    json_t     *data;
    ngx_str_t   after;

    data = json_object_get(o->json, "data");

    if (ngx_oof_json_get_str(data, "cpf", &e->cpf) != NGX_OK
        || ngx_oof_scan_cpf(&e->cpf) != NGX_OK)
    {
        return ngx_oof_export_wrong(o, "data.cpf deve ter 11 algarismos.");
    }

    if (json_object_get(data, "cnpj")
        && (ngx_oof_json_get_str(data, "cnpj", &e->cnpj) != NGX_OK
            || ngx_oof_scan_cnpj(&e->cnpj) != NGX_OK))
    {
        return ngx_oof_export_wrong(o, "data.cnpj deve ter 14 caracteres.");
    }

    if (json_object_get(data, "after")
        && (ngx_oof_json_get_str(data, "after", &after) != NGX_OK
            || ngx_oof_export_after(e, &after) != NGX_OK))
    {
        return ngx_oof_export_wrong(o, "data.after deve ser o next da "
                                       "resposta anterior.");
    }

    return NGX_OK;
}


/* "consents:01a2…", or "consents:" */

static ngx_int_t
ngx_oof_export_after(ngx_oof_export_t *e, ngx_str_t *text)
{
    ngx_str_t  *name;

    for (e->section = 0; e->section < ngx_oof_export_n; e->section++) {

        name = &ngx_oof_export_sections[e->section]->name;

        if (text->len <= name->len || text->data[name->len] != ':'
            || ngx_memcmp(text->data, name->data, name->len) != 0)
        {
            continue;
        }

        e->after.data = text->data + name->len + 1;
        e->after.len = text->len - name->len - 1;

        return e->after.len ? ngx_oof_scan_uuid(&e->after) : NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_export_wrong(ngx_oof_request_t *o, const char *detail)
{
    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido.", detail);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_export_read(ngx_oof_request_t *o, ngx_oof_export_t *e)
{
    ngx_str_t                  cpf, cnpj;
    ngx_oof_json_t             p, j;
    ngx_oof_pg_unit_t         *u;
    ngx_oof_export_section_t  *section;

    section = ngx_oof_export_sections[e->section];

    if (ngx_oof_json_init(&p, o->r->pool, 256) != NGX_OK
        || ngx_oof_json_init(&j, o->r->pool, 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&p, '[');
    ngx_oof_json_begin(&j, '[');

    ngx_oof_export_lookups(o, &p, section->holder ? section->holder
                                                  : section->cpf, &e->cpf);
    if (e->cnpj.len) {
        ngx_oof_export_lookups(o, section->holder ? &p : &j,
                               section->holder ? section->holder
                                               : section->cnpj, &e->cnpj);
    }

    ngx_oof_json_end(&p, ']');
    ngx_oof_json_end(&j, ']');

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_READ);

    if (u == NULL) {
        return NGX_ERROR;
    }

    if (ngx_oof_json_text(&p, &cpf) != NGX_OK
        || ngx_oof_json_text(&j, &cnpj) != NGX_OK)
    {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, section->sql);
    ngx_oof_pg_text(u, &o->location->brand);
    ngx_oof_pg_text(u, &cpf);

    if (section->holder == NULL) {
        ngx_oof_pg_text(u, &cnpj);
    }

    ngx_oof_pg_some(u, &e->after);

    ngx_oof_pg_int8(u, section->holder ? NGX_OOF_EXPORT_ROWS
                                       : NGX_OOF_EXPORT_PAGE);

    return ngx_oof_request_unit(o, u, ngx_oof_export_result);
}


/* under every key that there is */

static void
ngx_oof_export_lookups(ngx_oof_request_t *o, ngx_oof_json_t *w,
    const char *domain, ngx_str_t *value)
{
    ngx_str_t   hex;
    ngx_uint_t  n;
    u_char      hmac[NGX_OOF_LOOKUP_LEN];
    u_char      text[2 * NGX_OOF_LOOKUP_LEN];

    hex.data = text;
    hex.len = sizeof(text);

    for (n = 0; n < NGX_OOF_EXPORT_LOOKUPS; n++) {

        if (ngx_oof_crypt_lookup(o->location->keys, n, domain, value, hmac)
            != NGX_OK)
        {
            return;
        }

        (void) ngx_hex_dump(text, hmac, NGX_OOF_LOOKUP_LEN);
        ngx_oof_json_str(w, &hex);
    }
}


static ngx_int_t
ngx_oof_export_result(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t          body, name, last;
    ngx_uint_t         i, n;
    ngx_oof_json_t     w;
    ngx_oof_export_t  *e;

    e = o->kept;

    if (ngx_oof_json_init(&w, o->r->pool, 16384) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "records");
    ngx_oof_json_begin(&w, '[');

    n = 0;
    ngx_str_null(&last);

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        ngx_oof_pg_get_str(u, 0, i, NGX_OOF_EXPORT_COL_NAME, &name);

        if (name.len != last.len
            || ngx_memcmp(name.data, last.data, name.len) != 0)
        {
            last = name;
            n++;
        }

        if (!ngx_oof_pg_is_null(u, 0, i, NGX_OOF_EXPORT_COL_TABLE)
            && ngx_oof_export_row(o, &w, e, u, i) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_export_next(o, &w, e, &last, n);
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* a full page is gone on behind, another one with the next section */

static void
ngx_oof_export_next(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_str_t *last, ngx_uint_t n)
{
    ngx_str_t                  text;
    ngx_uint_t                 full;
    ngx_oof_export_section_t  *section;

    section = ngx_oof_export_sections[e->section];

    full = (n == (section->holder ? NGX_OOF_EXPORT_ROWS
                                  : NGX_OOF_EXPORT_PAGE));

    if (!full) {

        if (e->section + 1 == ngx_oof_export_n) {
            return;
        }

        section = ngx_oof_export_sections[e->section + 1];
        last->len = 0;
    }

    text.len = section->name.len + 1 + last->len;
    text.data = ngx_pnalloc(o->r->pool, text.len);

    if (text.data == NULL) {
        w->failed = 1;
        return;
    }

    ngx_sprintf(text.data, "%V:%V", &section->name, last);
    ngx_oof_json_member(w, "next", &text);
}


static ngx_int_t
ngx_oof_export_row(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t   text;
    ngx_uint_t  i;

    ngx_oof_json_begin(w, '{');

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_EXPORT_COL_TABLE, &text);
    ngx_oof_json_member(w, "table", &text);

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_EXPORT_COL_CLEAR, &text);
    ngx_oof_json_name(w, "data");
    ngx_oof_json_raw(w, &text);

    for (i = 0; i < 2; i++) {
        if (ngx_oof_export_sealed(o, w, e, u, row, NGX_OOF_EXPORT_COL_FIRST
                                                   + i * NGX_OOF_EXPORT_COLS)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_oof_export_sealed(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_uint_t col)
{
    char       member[NGX_OOF_EXPORT_LABEL], table[NGX_OOF_EXPORT_LABEL];
    ngx_str_t  text, id, sealed, plain;

    if (ngx_oof_pg_is_null(u, 0, row, col + 3)) {
        return NGX_OK;
    }

    ngx_oof_pg_get_str(u, 0, row, col, &text);
    ngx_cpystrn((u_char *) member, text.data,
                ngx_min(text.len + 1, NGX_OOF_EXPORT_LABEL));

    ngx_oof_pg_get_str(u, 0, row, col + 1, &text);
    ngx_cpystrn((u_char *) table, text.data,
                ngx_min(text.len + 1, NGX_OOF_EXPORT_LABEL));

    ngx_oof_pg_get_str(u, 0, row, col + 2, &id);
    ngx_oof_pg_get_str(u, 0, row, col + 3, &sealed);

    ngx_oof_json_name(w, member);

    if (id.len != NGX_OOF_UUID_LEN
        || ngx_oof_crypt_open(o->location->keys, o->r->pool, table, id.data,
                              &sealed, &plain)
           != NGX_OK)
    {
        /* it is held, though nobody can read it */

        ngx_oof_json_literal(w, "unreadable");
        return NGX_OK;
    }

    return ngx_oof_export_plain(o, w, e, &plain);
}


static ngx_int_t
ngx_oof_export_plain(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_export_t *e, ngx_str_t *plain)
{
    size_t       size;
    json_t      *json;
    ngx_str_t    text;
    ngx_uint_t   masked;

    json = NULL;

    if (plain->len && (plain->data[0] == '{' || plain->data[0] == '[')) {
        json = json_loadb((char *) plain->data, plain->len, 0, NULL);
    }

    if (json == NULL) {

        if (ngx_oof_scan_cpf(plain) == NGX_OK
            && (plain->len != e->cpf.len
                || ngx_memcmp(plain->data, e->cpf.data, plain->len) != 0))
        {
            plain = &ngx_oof_export_stars;
        }

        ngx_oof_json_str(w, plain);
        return NGX_OK;
    }

    masked = 0;
    (void) ngx_oof_export_mask(e, json, 0, &masked);

    if (!masked) {
        json_decref(json);
        ngx_oof_json_raw(w, plain);
        return NGX_OK;
    }

    size = json_dumpb(json, NULL, 0, JSON_COMPACT);

    text.len = size;
    text.data = ngx_pnalloc(o->r->pool, size + 1);

    if (size == 0 || text.data == NULL
        || json_dumpb(json, (char *) text.data, size, JSON_COMPACT) != size)
    {
        json_decref(json);
        return NGX_ERROR;
    }

    json_decref(json);
    ngx_oof_json_raw(w, &text);

    return NGX_OK;
}


/*
 * Who is not the customer is not told of: the document, the name beside it, and
 * from where that person has called.  A company is no person.  Returns whether
 * "value" is somebody else.
 */

static ngx_uint_t
ngx_oof_export_mask(ngx_oof_export_t *e, json_t *value, ngx_uint_t depth,
    ngx_uint_t *masked)
{
    size_t       i;
    json_t      *item;
    ngx_uint_t   other;
    const char  *name;

    if (depth == NGX_OOF_EXPORT_DEPTH) {
        return 0;
    }

    if (json_is_array(value)) {
        json_array_foreach(value, i, item) {
            (void) ngx_oof_export_mask(e, item, depth + 1, masked);
        }

        return 0;
    }

    other = 0;

    json_object_foreach(value, name, item) {

        if (ngx_oof_export_mask(e, item, depth + 1, masked)) {
            other = 1;
        }
    }

    if (ngx_oof_export_other(e, json_object_get(value, "cpf"))
        || ngx_oof_export_other(e, json_object_get(value, "identification")))
    {
        other = 1;
        ngx_oof_export_hide(value, "cpf", masked);
        ngx_oof_export_hide(value, "identification", masked);
        ngx_oof_export_hide(value, "name", masked);
    }

    if (other) {
        ngx_oof_export_hide(value, "xFapiCustomerIpAddress", masked);
        ngx_oof_export_hide(value, "xCustomerUserAgent", masked);
    }

    return other;
}


static ngx_uint_t
ngx_oof_export_other(ngx_oof_export_t *e, json_t *value)
{
    ngx_str_t  text;

    if (!json_is_string(value)) {
        return 0;
    }

    text.data = (u_char *) json_string_value(value);
    text.len = json_string_length(value);

    return ngx_oof_scan_cpf(&text) == NGX_OK
           && (text.len != e->cpf.len
               || ngx_memcmp(text.data, e->cpf.data, text.len) != 0);
}


static void
ngx_oof_export_hide(json_t *object, const char *name, ngx_uint_t *masked)
{
    if (json_object_get(object, name)
        && json_object_set_new(object, name, json_string("***")) == 0)
    {
        *masked = 1;
    }
}
