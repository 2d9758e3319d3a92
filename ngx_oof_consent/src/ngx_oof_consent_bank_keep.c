
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/*
 * What the bank keeps with a consent for its own use: search keys, of which
 * only look-up values are stored, metadata, and whether it wants to be
 * notified.  The consent itself does not change by any of them.
 */


#define NGX_OOF_BANK_KEYS_MAX   1000     /* search keys of a consent */
#define NGX_OOF_BANK_TRIES      5        /* of a change of metadata */
#define NGX_OOF_BANK_METADATA   65536    /* bytes of a consent's */

/* the statement behind those of ngx_oof_bank_read() */
#define NGX_OOF_BANK_S_KEPT     2


/* outcomes of the statements that write */

#define NGX_OOF_BANK_KEPT          1
#define NGX_OOF_BANK_KEPT_UNKNOWN  2
#define NGX_OOF_BANK_KEPT_CHANGED  3     /* of keys: too many */


/* columns of bank_metadata */

typedef enum {
    NGX_OOF_BANK_METADATA_VERSION = 0,
    NGX_OOF_BANK_METADATA_PERSONAL
} ngx_oof_bank_metadata_col_e;


typedef struct ngx_oof_bank_keep_s  ngx_oof_bank_keep_t;

struct ngx_oof_bank_keep_s {
    ngx_array_t              keys;       /* ngx_str_t */
    ngx_str_t                hashes;     /* JSON, of the keys */
    ngx_str_t                data;       /* metadata, a JSON object */
    json_t                  *patch;      /* of metadata */
    ngx_int_t                version;    /* of what was read; -1: any */
    ngx_uint_t               tries;
    ngx_oof_sql_t           *sql;        /* of keys, that writes */

    /* puts the statement that writes into the unit: NGX_OK, NGX_DECLINED with
     * an answer prepared, NGX_ERROR */
    ngx_int_t              (*write)(ngx_oof_request_t *o,
                                    ngx_oof_bank_keep_t *keep,
                                    ngx_oof_pg_unit_t *u, u_char *id);

    unsigned                 one:1;      /* the key is of the path */
    unsigned                 active:1;
};


static ngx_oof_bank_keep_t *ngx_oof_bank_keep(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_keep_start(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keep_checked(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_keep_done(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_keep_answer(ngx_oof_request_t *o,
    ngx_oof_json_t *w);

static ngx_int_t ngx_oof_bank_keys_change(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_int_t rc);
static ngx_int_t ngx_oof_bank_keys_look(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_int_t rc);
static ngx_int_t ngx_oof_bank_keys_path(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keys_query(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keys_body(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keys_push(ngx_oof_bank_keep_t *keep,
    ngx_str_t *key);
static ngx_int_t ngx_oof_bank_keys_bad(ngx_oof_request_t *o,
    const char *detail);
static ngx_int_t ngx_oof_bank_keys_hash(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keys_write(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_oof_pg_unit_t *u, u_char *id);
static ngx_int_t ngx_oof_bank_keys_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);

static ngx_int_t ngx_oof_bank_metadata_body(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_metadata_read(ngx_oof_request_t *o,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u));
static ngx_int_t ngx_oof_bank_metadata_open(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_str_t *data);
static ngx_int_t ngx_oof_bank_metadata_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_metadata_merge(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_metadata_patch(json_t *target, json_t *patch);
static ngx_int_t ngx_oof_bank_metadata_dump(ngx_oof_request_t *o, json_t *json,
    ngx_str_t *text);
static ngx_int_t ngx_oof_bank_metadata_write(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_oof_pg_unit_t *u, u_char *id);

static ngx_int_t ngx_oof_bank_webhook_write(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_oof_pg_unit_t *u, u_char *id);
static ngx_int_t ngx_oof_bank_webhook_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


static ngx_oof_schema_t  ngx_oof_bank_metadata_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_bank_toggle_schema[] = {
    { ngx_string("active"), NGX_OOF_SCHEMA_BOOLEAN,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_bank_keep_t *
ngx_oof_bank_keep(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_bank_keep_t));

    if (keep == NULL
        || ngx_array_init(&keep->keys, o->r->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    keep->version = -1;

    ngx_http_set_ctx(o->r, keep, ngx_oof_consent_module);

    return keep;
}


/* reads the consent of the path, then writes what is kept with it */

static ngx_int_t
ngx_oof_bank_keep_start(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_int_t           rc;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_bank_read(o, &u);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_request_unit(o, u, ngx_oof_bank_keep_checked);
}


static ngx_int_t
ngx_oof_bank_keep_checked(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    u_char                      id[NGX_OOF_UUID_LEN];
    ngx_int_t                   rc;
    ngx_oof_pg_unit_t          *write;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_bank_keep_t        *keep;
    ngx_oof_consent_journey_t  *journey;

    keep = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_own(o, journey);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    write = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (write == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(id, journey->consent.id, NGX_OOF_UUID_LEN);
    ngx_memcpy(write->key, id, NGX_OOF_UUID_LEN);

    rc = keep->write(o, keep, write, id);

    if (rc != NGX_OK) {
        ngx_oof_pg_free(write);
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_request_unit(o, write, ngx_oof_bank_keep_done);
}


static ngx_int_t
ngx_oof_bank_keep_done(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    switch (ngx_oof_pg_get_int(u, 0, 0, 0)) {

    case NGX_OOF_BANK_KEPT:
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);

    case NGX_OOF_BANK_KEPT_UNKNOWN:
        return ngx_oof_consent_bank_unknown(o);

    case NGX_OOF_BANK_KEPT_CHANGED:

        if (keep->patch == NULL) {
            return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                 "LIMITE_EXCEDIDO", "Limite excedido",
                                 "O consentimento teria chaves de busca "
                                 "demais.");
        }

        /* another change came between: what it has left is changed anew */

        if (++keep->tries < NGX_OOF_BANK_TRIES) {
            return ngx_oof_bank_metadata_read(o, ngx_oof_bank_metadata_merge);
        }

        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_oof_bank_keep_answer(ngx_oof_request_t *o, ngx_oof_json_t *w)
{
    ngx_str_t  body;

    if (ngx_oof_json_text(w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


ngx_int_t
ngx_oof_bank_key_add(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->sql = &ngx_oof_sql_bank_keys_add;

    return ngx_oof_bank_keys_change(o, keep, ngx_oof_bank_keys_path(o, keep));
}


ngx_int_t
ngx_oof_bank_key_get(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->one = 1;

    return ngx_oof_bank_keys_look(o, keep, ngx_oof_bank_keys_path(o, keep));
}


ngx_int_t
ngx_oof_bank_key_remove(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->sql = &ngx_oof_sql_bank_keys_remove;

    return ngx_oof_bank_keys_change(o, keep, ngx_oof_bank_keys_path(o, keep));
}


ngx_int_t
ngx_oof_bank_keys_add(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->sql = &ngx_oof_sql_bank_keys_add;

    return ngx_oof_bank_keys_change(o, keep, ngx_oof_bank_keys_body(o, keep));
}


ngx_int_t
ngx_oof_bank_keys_get(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    return ngx_oof_bank_keys_look(o, keep, ngx_oof_bank_keys_query(o, keep));
}


ngx_int_t
ngx_oof_bank_keys_remove(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->sql = &ngx_oof_sql_bank_keys_remove;

    return ngx_oof_bank_keys_change(o, keep, ngx_oof_bank_keys_query(o, keep));
}


/* "rc" is what the reading of the keys has come to */

static ngx_int_t
ngx_oof_bank_keys_change(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_int_t rc)
{
    if (rc == NGX_OK) {
        rc = ngx_oof_bank_keys_hash(o, keep);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    keep->write = ngx_oof_bank_keys_write;

    return ngx_oof_bank_keep_start(o, keep);
}


static ngx_int_t
ngx_oof_bank_keys_look(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_int_t rc)
{
    ngx_oof_pg_unit_t  *u;

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_keys_hash(o, keep);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_read(o, &u);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_keys);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &keep->hashes);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_keys_found);
}


/* keys that were read: NGX_OK, NGX_DECLINED with a 400 prepared, NGX_ERROR */

static ngx_int_t
ngx_oof_bank_keys_path(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_int_t  rc;

    rc = ngx_oof_bank_keys_push(keep, &o->params[1]);

    return (rc == NGX_DECLINED) ? ngx_oof_bank_invalid(o, "searchKey") : rc;
}


/* "searchKeys=a&searchKeys=b", or with commas */

static ngx_int_t
ngx_oof_bank_keys_query(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_array_t         *args;
    ngx_oof_bank_arg_t  *arg;

    rc = ngx_oof_bank_args(o, &args);

    if (rc != NGX_OK) {
        return rc;
    }

    arg = args->elts;

    for (i = 0; i < args->nelts; i++) {

        if (arg[i].name.len != sizeof("searchKeys") - 1
            || ngx_memcmp(arg[i].name.data, "searchKeys", arg[i].name.len)
               != 0)
        {
            continue;
        }

        rc = ngx_oof_bank_keys(&keep->keys, &arg[i].value);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? ngx_oof_bank_invalid(o, "searchKeys")
                                        : NGX_ERROR;
        }
    }

    if (keep->keys.nelts == 0) {
        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST,
                             "PARAMETRO_NAO_INFORMADO",
                             "Parâmetro não informado",
                             "O parâmetro searchKeys é obrigatório e "
                             "não foi informado.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_keys_body(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    u_char      *p;
    size_t       i;
    json_t      *root, *list, *item;
    ngx_int_t    rc;
    ngx_str_t    text, key;
    const char  *why;

    /* the parser wants an object */

    text.len = sizeof("{\"keys\":}") - 1 + o->body.len;
    text.data = ngx_pnalloc(o->r->pool, text.len);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text.data, "{\"keys\":", sizeof("{\"keys\":") - 1);
    p = ngx_cpymem(p, o->body.data, o->body.len);
    *p = '}';

    rc = ngx_oof_json_parse(o->r->pool, &text, &root, &why);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    list = (rc == NGX_OK) ? json_object_get(root, "keys") : NULL;

    if (list == NULL || json_object_size(root) != 1 || !json_is_array(list)) {
        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Corpo da requisição inválido",
                             "O corpo da requisição não é um array JSON "
                             "válido.");
        return NGX_DECLINED;
    }

    if (json_array_size(list) == 0
        || json_array_size(list) > NGX_OOF_BANK_KEYS)
    {
        return ngx_oof_bank_keys_bad(o, "O corpo da requisição não tem o "
                                        "tamanho permitido.");
    }

    json_array_foreach(list, i, item) {

        if (!json_is_string(item)) {
            return ngx_oof_bank_keys_bad(o, "Uma chave de busca não tem o "
                                            "tipo esperado.");
        }

        key.data = (u_char *) json_string_value(item);
        key.len = json_string_length(item);

        rc = ngx_oof_bank_keys_push(keep, &key);

        if (rc == NGX_DECLINED) {
            return ngx_oof_bank_keys_bad(o, "Uma chave de busca não tem o "
                                            "formato exigido.");
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_keys_push(ngx_oof_bank_keep_t *keep, ngx_str_t *key)
{
    ngx_str_t  *k;

    if (!ngx_oof_bank_is_key(key)) {
        return NGX_DECLINED;
    }

    k = ngx_array_push(&keep->keys);
    if (k == NULL) {
        return NGX_ERROR;
    }

    *k = *key;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_keys_bad(ngx_oof_request_t *o, const char *detail)
{
    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido", detail);

    return NGX_DECLINED;
}


/* look-up values of each key under all look-up keys: arrays in an array */

static ngx_int_t
ngx_oof_bank_keys_hash(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_str_t           *key, json;
    ngx_uint_t           i;
    ngx_oof_json_t       w;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_json_init(&w, o->r->pool, 128 * keep->keys.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key = keep->keys.elts;

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < keep->keys.nelts; i++) {

        if (ngx_oof_consent_lookups(o->r->pool, olcf->keys,
                                    NGX_OOF_LOOKUP_SEARCH, &key[i], &json)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_oof_json_raw(&w, &json);
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, &keep->hashes);
}


static ngx_int_t
ngx_oof_bank_keys_write(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_oof_pg_unit_t *u, u_char *id)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, keep->sql);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &keep->hashes);

    if (keep->sql == &ngx_oof_sql_bank_keys_add) {
        ngx_oof_pg_int8(u, NGX_OOF_BANK_KEYS_MAX);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_keys_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_str_t                  *key;
    ngx_uint_t                  i;
    ngx_oof_json_t              w;
    ngx_oof_bank_keep_t        *keep;
    ngx_oof_consent_journey_t  *journey;

    keep = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_pg_rows(u, NGX_OOF_BANK_S_KEPT) != keep->keys.nelts
        || ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    key = keep->keys.elts;

    ngx_oof_body_begin(&w);

    if (!keep->one) {
        ngx_oof_json_begin(&w, '[');
    }

    for (i = 0; i < keep->keys.nelts; i++) {
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "searchKey", &key[i]);
        ngx_oof_json_name(&w, "exists");
        ngx_oof_json_bool(&w, ngx_oof_pg_get_int(u, NGX_OOF_BANK_S_KEPT, i, 0)
                              ? 1 : 0);
        ngx_oof_json_end(&w, '}');
    }

    if (!keep->one) {
        ngx_oof_json_end(&w, ']');
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_bank_keep_answer(o, &w);
}


ngx_int_t
ngx_oof_bank_metadata_get(ngx_oof_request_t *o)
{
    return ngx_oof_bank_metadata_read(o, ngx_oof_bank_metadata_got);
}


ngx_int_t
ngx_oof_bank_metadata_put(ngx_oof_request_t *o)
{
    ngx_int_t             rc;
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_bank_metadata_body(o, keep);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    keep->patch = NULL;
    keep->write = ngx_oof_bank_metadata_write;

    return ngx_oof_bank_keep_start(o, keep);
}


ngx_int_t
ngx_oof_bank_metadata_change(ngx_oof_request_t *o)
{
    ngx_int_t             rc;
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_bank_metadata_body(o, keep);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    keep->write = ngx_oof_bank_metadata_write;

    return ngx_oof_bank_metadata_read(o, ngx_oof_bank_metadata_merge);
}


ngx_int_t
ngx_oof_bank_metadata_delete(ngx_oof_request_t *o)
{
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->write = ngx_oof_bank_metadata_write;

    return ngx_oof_bank_keep_start(o, keep);
}


/* text that is a JSON object; NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_bank_metadata_body(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_int_t    rc;
    ngx_uint_t   no_such_day;
    const char  *why;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_check(o, ngx_oof_bank_metadata_schema,
                                   &no_such_day);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    (void) ngx_oof_json_get_str(o->json, "data", &keep->data);

    rc = ngx_oof_json_parse(o->r->pool, &keep->data, &keep->patch, &why);

    if (rc == NGX_DECLINED) {
        return ngx_oof_bank_keys_bad(o, "O campo data não é um objeto JSON "
                                        "em texto.");
    }

    return rc;
}


static ngx_int_t
ngx_oof_bank_metadata_read(ngx_oof_request_t *o,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u))
{
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_bank_read(o, &u);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_metadata);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, result);
}


/* NGX_DECLINED: there is none */

static ngx_int_t
ngx_oof_bank_metadata_open(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_str_t *data)
{
    ngx_str_t            sealed;
    ngx_oof_loc_conf_t  *olcf;

    if (ngx_oof_pg_rows(u, NGX_OOF_BANK_S_KEPT) == 0) {
        return NGX_DECLINED;
    }

    ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_KEPT, 0,
                       NGX_OOF_BANK_METADATA_PERSONAL, &sealed);

    if (sealed.len == 0) {
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, NGX_OOF_SEAL_METADATA,
                           u->key, &sealed, data)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "metadata of \"%V\" cannot be opened", &o->consent_id);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_metadata_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_str_t                   data;
    ngx_oof_json_t              w;
    ngx_oof_consent_journey_t  *journey;

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    rc = ngx_oof_bank_metadata_open(o, u, &data);

    if (rc == NGX_DECLINED) {
        return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                             "Metadados não encontrados",
                             "O consentimento não tem metadados.");
    }

    if (rc != NGX_OK
        || ngx_oof_json_init(&w, o->r->pool, data.len + 64) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "data", &data);
    ngx_oof_json_end(&w, '}');

    return ngx_oof_bank_keep_answer(o, &w);
}


static ngx_int_t
ngx_oof_bank_metadata_merge(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    json_t               *json;
    ngx_int_t             rc;
    ngx_str_t             data;
    const char           *why;
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    keep->version = ngx_oof_pg_rows(u, NGX_OOF_BANK_S_KEPT)
                    ? (ngx_int_t) ngx_oof_pg_get_int(u, NGX_OOF_BANK_S_KEPT, 0,
                                                NGX_OOF_BANK_METADATA_VERSION)
                    : 0;

    rc = ngx_oof_bank_metadata_open(o, u, &data);

    if (rc == NGX_DECLINED) {
        ngx_str_set(&data, "{}");
        rc = NGX_OK;
    }

    if (rc != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &data, &json, &why) != NGX_OK
        || ngx_oof_bank_metadata_patch(json, keep->patch) != NGX_OK
        || ngx_oof_bank_metadata_dump(o, json, &keep->data) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (keep->data.len > NGX_OOF_BANK_METADATA) {
        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                             "LIMITE_EXCEDIDO", "Limite excedido",
                             "O consentimento teria metadados demais.");
    }

    return ngx_oof_bank_keep_checked(o, u);
}


/* RFC 7396: null takes a member away, objects are merged, others replace */

static ngx_int_t
ngx_oof_bank_metadata_patch(json_t *target, json_t *patch)
{
    json_t      *value, *old, *made;
    const char  *name;

    json_object_foreach(patch, name, value) {

        if (json_is_null(value)) {
            (void) json_object_del(target, name);
            continue;
        }

        if (!json_is_object(value)) {

            if (json_object_set(target, name, value) != 0) {
                return NGX_ERROR;
            }

            continue;
        }

        old = json_object_get(target, name);

        if (!json_is_object(old)) {
            made = json_object();

            if (json_object_set_new(target, name, made) != 0) {
                return NGX_ERROR;
            }

            old = made;
        }

        if (ngx_oof_bank_metadata_patch(old, value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* numbers as short as they may be: 1.1 is 1.1, and is the same again */

static ngx_int_t
ngx_oof_bank_metadata_dump(ngx_oof_request_t *o, json_t *json,
    ngx_str_t *text)
{
    size_t      size;
    json_t     *same;
    ngx_int_t   rc;
    ngx_uint_t  precision;

    rc = NGX_DECLINED;

    for (precision = 15; precision <= 17 && rc == NGX_DECLINED; precision++) {

        size = json_dumpb(json, NULL, 0,
                          JSON_COMPACT | JSON_REAL_PRECISION(precision));

        text->len = size;
        text->data = ngx_pnalloc(o->r->pool, size + 1);

        if (size == 0 || text->data == NULL
            || json_dumpb(json, (char *) text->data, size,
                          JSON_COMPACT | JSON_REAL_PRECISION(precision))
               != size)
        {
            return NGX_ERROR;
        }

        same = json_loadb((char *) text->data, size, 0, NULL);

        rc = (same && json_equal(same, json)) ? NGX_OK : NGX_DECLINED;

        json_decref(same);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_bank_metadata_write(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_oof_pg_unit_t *u, u_char *id)
{
    ngx_int_t            rc;
    ngx_str_t            sealed;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_str_set(&sealed, "");

    if (keep->data.len) {

        rc = ngx_oof_crypt_seal(olcf->keys, olcf->database, o->r->pool,
                                NGX_OOF_SEAL_METADATA, id, &keep->data,
                                &sealed);
        if (rc == NGX_BUSY) {
            (void) ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
            return NGX_DECLINED;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_metadata_put);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_bytea(u, &sealed);

    if (keep->version < 0) {
        ngx_oof_pg_null(u);

    } else {
        ngx_oof_pg_int4(u, (int32_t) keep->version);
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_bank_webhook_toggle(ngx_oof_request_t *o)
{
    ngx_int_t             rc;
    ngx_uint_t            no_such_day;
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_check(o, ngx_oof_bank_toggle_schema,
                                   &no_such_day);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    keep->active = json_is_true(json_object_get(o->json, "active"));
    keep->write = ngx_oof_bank_webhook_write;

    return ngx_oof_bank_keep_start(o, keep);
}


static ngx_int_t
ngx_oof_bank_webhook_write(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_oof_pg_unit_t *u, u_char *id)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_webhook_put);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_bool(u, keep->active);

    return NGX_OK;
}


ngx_int_t
ngx_oof_bank_webhook_status(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_bank_read(o, &u);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_webhook);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_webhook_got);
}


static ngx_int_t
ngx_oof_bank_webhook_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_uint_t                  active;
    ngx_oof_json_t              w;
    ngx_oof_consent_journey_t  *journey;

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 64) != NGX_OK) {
        return NGX_ERROR;
    }

    active = ngx_oof_pg_rows(u, NGX_OOF_BANK_S_KEPT)
             && ngx_oof_pg_get_int(u, NGX_OOF_BANK_S_KEPT, 0, 0);

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "active");
    ngx_oof_json_bool(&w, active);
    ngx_oof_json_end(&w, '}');

    return ngx_oof_bank_keep_answer(o, &w);
}
