
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>


/*
 * What the bank keeps with a consent for its own use: search keys, of which
 * only look-up values are stored, metadata, and whether it wants to be
 * notified.  The consent itself does not change by any of them.
 */


#define NGX_OOF_BANK_KEYS_MAX   1000     /* search keys of a consent */
#define NGX_OOF_BANK_TRIES      5        /* of a change of metadata */
#define NGX_OOF_BANK_METADATA   65536    /* bytes of a consent's */

/* the statement behind those that read the consent */
#define ngx_oof_bank_s_kept(u)  ((u)->nstatements - 1)

#define NGX_OOF_BANK_KINDS      4


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
    ngx_uint_t               kind;       /* that is asked for the consent */

    /* what is read with the consent, or NULL, and what is done then */
    ngx_oof_sql_t           *look;
    ngx_int_t              (*result)(ngx_oof_request_t *o,
                                     ngx_oof_pg_unit_t *u);

    /* puts the statement that writes into the unit: NGX_OK, NGX_DECLINED with
     * an answer prepared, NGX_ERROR */
    ngx_int_t              (*write)(ngx_oof_request_t *o,
                                    ngx_oof_bank_keep_t *keep,
                                    ngx_oof_pg_unit_t *u, u_char *id);

    unsigned                 one:1;      /* the key is of the path */
    unsigned                 remove:1;   /* of keys */
    unsigned                 active:1;
};


/* how an operation goes */

typedef struct {

    /* what the request tells: NGX_OK, NGX_DECLINED with a 400 prepared,
     * NGX_ERROR; or NULL */
    ngx_int_t              (*read)(ngx_oof_request_t *o,
                                   ngx_oof_bank_keep_t *keep);

    /* what is read with the consent, and what is done then; NULL: it is
     * written at once */
    ngx_oof_sql_t           *look;
    ngx_int_t              (*result)(ngx_oof_request_t *o,
                                     ngx_oof_pg_unit_t *u);

    ngx_int_t              (*write)(ngx_oof_request_t *o,
                                    ngx_oof_bank_keep_t *keep,
                                    ngx_oof_pg_unit_t *u, u_char *id);

    unsigned                 one:1;
    unsigned                 remove:1;
    unsigned                 whole:1;    /* the metadata takes its place */
} ngx_oof_bank_keep_way_t;


static ngx_int_t ngx_oof_bank_key_add(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_key_get(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_key_remove(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_keys_add(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_keys_get(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_keys_remove(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_metadata_put(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_metadata_change(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_metadata_delete(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_metadata_get(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_webhook_toggle(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_webhook_status(ngx_oof_request_t *o);

static ngx_int_t ngx_oof_bank_keep_do(ngx_oof_request_t *o,
    ngx_oof_bank_keep_way_t *way);
static ngx_oof_bank_keep_t *ngx_oof_bank_keep(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_keep_read(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keep_id(ngx_oof_request_t *o, u_char *id);
static ngx_int_t ngx_oof_bank_keep_no_id(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_bank_keep_unknown(ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_bank_keep_row(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_oof_pg_unit_t *u, ngx_uint_t own,
    ngx_int_t *rc);
static ngx_int_t ngx_oof_bank_keep_body(ngx_oof_request_t *o,
    ngx_oof_schema_t *schema);
static ngx_int_t ngx_oof_bank_keep_start(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_keep_checked(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_keep_done(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_keep_answer(ngx_oof_request_t *o,
    ngx_oof_json_t *w);

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
static ngx_int_t ngx_oof_bank_keys_seal(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_str_t *json);
static ngx_int_t ngx_oof_bank_keys_write(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_oof_pg_unit_t *u, u_char *id);
static ngx_int_t ngx_oof_bank_keys_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);

static ngx_int_t ngx_oof_bank_metadata_body(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
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

static ngx_int_t ngx_oof_bank_webhook_body(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep);
static ngx_int_t ngx_oof_bank_webhook_write(ngx_oof_request_t *o,
    ngx_oof_bank_keep_t *keep, ngx_oof_pg_unit_t *u, u_char *id);
static ngx_int_t ngx_oof_bank_webhook_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


#define ngx_oof_bank_route(method, path, name, scope, media, handler)         \
    { NGX_HTTP_ ## method,                                                    \
      ngx_string(path),                                                       \
      ngx_string(name),                                                       \
      NGX_OOF_GRANT_ANY,                                                      \
      ngx_string(NGX_OOF_SCOPE_BANK_ ## scope),                               \
      NGX_OOF_MEDIA_ ## media,                                                \
      handler,                                                                \
      0 }


#define NGX_OOF_BANK_CONSENT  "/consents/v1/consents/{consentId}"


static ngx_oof_route_t  ngx_oof_bank_keep_routes[] = {

    ngx_oof_bank_route(POST, NGX_OOF_BANK_CONSENT "/search-key/{searchKey}",
                       "bank_key_add", WRITE, NONE, ngx_oof_bank_key_add),

    ngx_oof_bank_route(GET, NGX_OOF_BANK_CONSENT "/search-key/{searchKey}",
                       "bank_key_get", READ, NONE, ngx_oof_bank_key_get),

    ngx_oof_bank_route(DELETE, NGX_OOF_BANK_CONSENT "/search-key/{searchKey}",
                       "bank_key_remove", WRITE, NONE,
                       ngx_oof_bank_key_remove),

    ngx_oof_bank_route(POST, NGX_OOF_BANK_CONSENT "/search-keys",
                       "bank_keys_add", WRITE, JSON, ngx_oof_bank_keys_add),

    ngx_oof_bank_route(GET, NGX_OOF_BANK_CONSENT "/search-keys",
                       "bank_keys_get", READ, NONE, ngx_oof_bank_keys_get),

    ngx_oof_bank_route(DELETE, NGX_OOF_BANK_CONSENT "/search-keys",
                       "bank_keys_remove", WRITE, NONE,
                       ngx_oof_bank_keys_remove),

    ngx_oof_bank_route(PUT, NGX_OOF_BANK_CONSENT "/meta-data",
                       "bank_metadata_put", WRITE, JSON,
                       ngx_oof_bank_metadata_put),

    ngx_oof_bank_route(PATCH, NGX_OOF_BANK_CONSENT "/meta-data",
                       "bank_metadata_change", WRITE, JSON,
                       ngx_oof_bank_metadata_change),

    ngx_oof_bank_route(DELETE, NGX_OOF_BANK_CONSENT "/meta-data",
                       "bank_metadata_delete", WRITE, NONE,
                       ngx_oof_bank_metadata_delete),

    ngx_oof_bank_route(GET, NGX_OOF_BANK_CONSENT "/meta-data",
                       "bank_metadata_get", READ, NONE,
                       ngx_oof_bank_metadata_get),

    ngx_oof_bank_route(PATCH, "/v1/webhook/toggle/{consentId}",
                       "bank_webhook_toggle", WRITE, JSON,
                       ngx_oof_bank_webhook_toggle),

    ngx_oof_bank_route(GET, "/v1/webhook/status/{consentId}",
                       "bank_webhook_status", READ, NONE,
                       ngx_oof_bank_webhook_status),

      ngx_oof_route_end
};


static ngx_oof_bank_kind_t  *ngx_oof_bank_kinds[NGX_OOF_BANK_KINDS + 1];


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


static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_key_add = {
    ngx_oof_bank_keys_path, NULL, NULL, ngx_oof_bank_keys_write, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_key_get = {
    ngx_oof_bank_keys_path, &ngx_oof_sql_bank_keys, ngx_oof_bank_keys_found,
    NULL, 1, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_key_remove = {
    ngx_oof_bank_keys_path, NULL, NULL, ngx_oof_bank_keys_write, 0, 1, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_keys_add = {
    ngx_oof_bank_keys_body, NULL, NULL, ngx_oof_bank_keys_write, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_keys_get = {
    ngx_oof_bank_keys_query, &ngx_oof_sql_bank_keys, ngx_oof_bank_keys_found,
    NULL, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_keys_remove = {
    ngx_oof_bank_keys_query, NULL, NULL, ngx_oof_bank_keys_write, 0, 1, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_metadata_put = {
    ngx_oof_bank_metadata_body, NULL, NULL, ngx_oof_bank_metadata_write,
    0, 0, 1
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_metadata_change = {
    ngx_oof_bank_metadata_body, &ngx_oof_sql_bank_metadata,
    ngx_oof_bank_metadata_merge, ngx_oof_bank_metadata_write, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_metadata_delete = {
    NULL, NULL, NULL, ngx_oof_bank_metadata_write, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_metadata_get = {
    NULL, &ngx_oof_sql_bank_metadata, ngx_oof_bank_metadata_got, NULL, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_webhook_toggle = {
    ngx_oof_bank_webhook_body, NULL, NULL, ngx_oof_bank_webhook_write, 0, 0, 0
};

static ngx_oof_bank_keep_way_t  ngx_oof_bank_way_webhook_status = {
    NULL, &ngx_oof_sql_bank_webhook, ngx_oof_bank_webhook_got, NULL, 0, 0, 0
};


static ngx_int_t
ngx_oof_bank_key_add(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_key_add);
}


static ngx_int_t
ngx_oof_bank_key_get(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_key_get);
}


static ngx_int_t
ngx_oof_bank_key_remove(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_key_remove);
}


static ngx_int_t
ngx_oof_bank_keys_add(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_keys_add);
}


static ngx_int_t
ngx_oof_bank_keys_get(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_keys_get);
}


static ngx_int_t
ngx_oof_bank_keys_remove(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_keys_remove);
}


static ngx_int_t
ngx_oof_bank_metadata_get(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_metadata_get);
}


static ngx_int_t
ngx_oof_bank_metadata_put(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_metadata_put);
}


static ngx_int_t
ngx_oof_bank_metadata_change(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_metadata_change);
}


static ngx_int_t
ngx_oof_bank_metadata_delete(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_metadata_delete);
}


static ngx_int_t
ngx_oof_bank_webhook_toggle(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_webhook_toggle);
}


static ngx_int_t
ngx_oof_bank_webhook_status(ngx_oof_request_t *o)
{
    return ngx_oof_bank_keep_do(o, &ngx_oof_bank_way_webhook_status);
}


/* what the request tells, then the consent, then what is written */

static ngx_int_t
ngx_oof_bank_keep_do(ngx_oof_request_t *o, ngx_oof_bank_keep_way_t *way)
{
    ngx_int_t             rc;
    ngx_oof_bank_keep_t  *keep;

    keep = ngx_oof_bank_keep(o);
    if (keep == NULL) {
        return NGX_ERROR;
    }

    keep->one = way->one;
    keep->remove = way->remove;
    keep->write = way->write;

    rc = way->read ? way->read(o, keep) : NGX_OK;

    if (rc == NGX_OK && keep->keys.nelts) {
        rc = ngx_oof_bank_keys_hash(o, keep);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (way->whole) {
        keep->patch = NULL;
    }

    if (way->look == NULL) {
        return ngx_oof_bank_keep_start(o, keep);
    }

    keep->look = way->look;
    keep->result = way->result;

    return ngx_oof_bank_keep_read(o, keep);
}


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

    o->kept = keep;

    return keep;
}


ngx_int_t
ngx_oof_bank_keep_preconf(ngx_conf_t *cf)
{
    return ngx_oof_bank_add(cf, ngx_oof_bank_keep_routes);
}


ngx_int_t
ngx_oof_bank_kind_add(ngx_conf_t *cf, ngx_oof_bank_kind_t *kind)
{
    ngx_uint_t  i;

    /* static, and the same in each configuration */

    for (i = 0; ngx_oof_bank_kinds[i]; i++) {
        if (ngx_oof_bank_kinds[i] == kind) {
            return NGX_OK;
        }
    }

    if (i == NGX_OOF_BANK_KINDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there are too many kinds of consents");
        return NGX_ERROR;
    }

    ngx_oof_bank_kinds[i] = kind;

    return NGX_OK;
}


/* reads the consent of the path, then writes what is kept with it */

static ngx_int_t
ngx_oof_bank_keep_start(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    keep->look = NULL;
    keep->result = ngx_oof_bank_keep_checked;

    return ngx_oof_bank_keep_read(o, keep);
}


/* each kind is asked whether the consent is one of its own */

static ngx_int_t
ngx_oof_bank_keep_read(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    u_char                id[NGX_OOF_UUID_LEN];
    ngx_int_t             rc;
    ngx_oof_pg_unit_t    *u;
    ngx_oof_loc_conf_t   *olcf;
    ngx_oof_bank_kind_t  *kind;

    kind = ngx_oof_bank_kinds[keep->kind];

    rc = ngx_oof_bank_keep_id(o, id);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (kind == NULL) {
        return ngx_oof_bank_keep_unknown(o);
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, id, NGX_OOF_UUID_LEN);

    if (kind->read(o, u) != NGX_OK) {
        ngx_oof_pg_free(u);
        return NGX_ERROR;
    }

    if (keep->look) {
        ngx_oof_pg_statement(u, keep->look);
        ngx_oof_pg_uuid(u, id);
        ngx_oof_pg_text(u, keep->hashes.len ? &keep->hashes : &olcf->brand);
    }

    return ngx_oof_request_unit(o, u, keep->result);
}


/* this brand's URN, or the UUID alone; NGX_DECLINED: an error is prepared */

static ngx_int_t
ngx_oof_bank_keep_id(ngx_oof_request_t *o, u_char *id)
{
    u_char              *p;
    ngx_str_t           *param, text, urn;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    param = &o->params[0];
    text = *param;

    if (text.len > NGX_OOF_UUID_TEXT) {
        text.data += text.len - NGX_OOF_UUID_TEXT;
        text.len = NGX_OOF_UUID_TEXT;
    }

    if (ngx_oof_uuid_parse(&text, id) != NGX_OK) {

        if (param->len == NGX_OOF_UUID_TEXT
            || ngx_oof_scan_urn(param) == NGX_OK)
        {
            (void) ngx_oof_bank_keep_unknown(o);
            return NGX_DECLINED;
        }

        return ngx_oof_bank_keep_no_id(o);
    }

    urn.len = sizeof("urn::") - 1 + olcf->urn_namespace.len
              + NGX_OOF_UUID_TEXT;
    urn.data = ngx_pnalloc(o->r->pool, urn.len);

    if (urn.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(urn.data, "urn:%V:", &olcf->urn_namespace);
    (void) ngx_oof_uuid_format(p, id);

    if (param->len > NGX_OOF_UUID_TEXT
        && (param->len != urn.len
            || ngx_memcmp(param->data, urn.data, urn.len) != 0))
    {
        (void) ngx_oof_bank_keep_unknown(o);
        return NGX_DECLINED;
    }

    o->consent_id = urn;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_keep_no_id(ngx_oof_request_t *o)
{
    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido",
                         "O parâmetro consentId não é um URN nem um UUID.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_bank_keep_unknown(ngx_oof_request_t *o)
{
    ngx_str_null(&o->consent_id);

    return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Consentimento não encontrado",
                         "Não há consentimento com o consentId informado.");
}


/*
 * Whether the consent was found.  When it was not, "rc" is what the handler
 * returns: the next kind is asked, or an answer is prepared.
 */

static ngx_uint_t
ngx_oof_bank_keep_row(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_oof_pg_unit_t *u, ngx_uint_t own, ngx_int_t *rc)
{
    *rc = ngx_oof_bank_kinds[keep->kind]->row(o, u, own);

    if (*rc == NGX_OK) {
        return 1;
    }

    if (*rc == NGX_DECLINED) {
        *rc = NGX_OK;

    } else if (*rc == NGX_DONE) {
        keep->kind++;
        *rc = ngx_oof_bank_keep_read(o, keep);
    }

    return 0;
}


static ngx_int_t
ngx_oof_bank_keep_checked(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t             rc;
    ngx_oof_pg_unit_t    *write;
    ngx_oof_loc_conf_t   *olcf;
    ngx_oof_bank_keep_t  *keep;

    keep = o->kept;

    if (!ngx_oof_bank_keep_row(o, keep, u, 1, &rc)) {
        return rc;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    write = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (write == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(write->key, u->key, NGX_OOF_UUID_LEN);

    rc = keep->write(o, keep, write, u->key);

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

    keep = o->kept;

    switch (ngx_oof_pg_get_int(u, 0, 0, 0)) {

    case NGX_OOF_BANK_KEPT:
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);

    case NGX_OOF_BANK_KEPT_UNKNOWN:
        return ngx_oof_bank_keep_unknown(o);

    case NGX_OOF_BANK_KEPT_CHANGED:

        if (keep->patch == NULL) {
            return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                 "LIMITE_EXCEDIDO", "Limite excedido",
                                 "O consentimento teria chaves de busca "
                                 "demais.");
        }

        /* another change came between: what it has left is changed anew */

        if (++keep->tries < NGX_OOF_BANK_TRIES) {
            return ngx_oof_bank_keep_read(o, keep);
        }

        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return NGX_ERROR;
}


/* a body of one member; NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_bank_keep_body(ngx_oof_request_t *o, ngx_oof_schema_t *schema)
{
    u_char                    *detail;
    ngx_int_t                  rc;
    ngx_uint_t                 missing;
    ngx_array_t                failures;
    ngx_oof_schema_failure_t  *f;

    if (ngx_array_init(&failures, o->r->pool, 1,
                       sizeof(ngx_oof_schema_failure_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_schema_check(o->r->pool, schema, o->json, &failures, 1);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    f = failures.elts;
    missing = (f->what == NGX_OOF_SCHEMA_MISSING);

    detail = ngx_pcalloc(o->r->pool, f->path.len
                         + sizeof("O campo  é obrigatório e não foi "
                                  "informado."));
    if (detail == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(detail, missing
                        ? "O campo %V é obrigatório e não foi informado."
                        : "O campo %V não tem o tipo esperado.", &f->path);

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST,
                         missing ? "PARAMETRO_NAO_INFORMADO"
                                 : "PARAMETRO_INVALIDO",
                         missing ? "Parâmetro não informado"
                                 : "Parâmetro inválido", (char *) detail);

    return NGX_DECLINED;
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
    ngx_str_t       *key, json;
    ngx_uint_t       i;
    ngx_oof_json_t   w;

    if (ngx_oof_json_init(&w, o->r->pool, 128 * keep->keys.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key = keep->keys.elts;

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < keep->keys.nelts; i++) {

        if (ngx_oof_bank_lookups(o, NGX_OOF_LOOKUP_SEARCH, &key[i], &json)
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
    ngx_int_t             rc;
    ngx_str_t             sealed;
    ngx_oof_loc_conf_t   *olcf;
    ngx_oof_bank_kind_t  *kind;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    kind = ngx_oof_bank_kinds[keep->kind];

    if (!keep->remove) {

        rc = ngx_oof_bank_keys_seal(o, keep, &sealed);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_oof_pg_statement(u, keep->remove ? kind->keys_remove : kind->keys_add);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &keep->hashes);

    if (!keep->remove) {
        ngx_oof_pg_int8(u, NGX_OOF_BANK_KEYS_MAX);
        ngx_oof_pg_text(u, &sealed);
    }

    return NGX_OK;
}


/* the keys themselves, of which new look-up values can be made one day */

static ngx_int_t
ngx_oof_bank_keys_seal(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_str_t *json)
{
    ngx_int_t            rc;
    ngx_str_t           *key, sealed, hex;
    ngx_uint_t           i;
    ngx_oof_json_t       w;
    ngx_oof_loc_conf_t  *olcf;
    u_char               hmac[NGX_OOF_LOOKUP_LEN];

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    key = keep->keys.elts;

    if (ngx_oof_json_init(&w, o->r->pool, 256 * keep->keys.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < keep->keys.nelts; i++) {

        if (ngx_oof_crypt_lookup(olcf->keys, 0, NGX_OOF_LOOKUP_SEARCH, &key[i],
                                 hmac)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        rc = ngx_oof_crypt_seal(olcf->keys, olcf->database, o->r->pool,
                                NGX_OOF_SEAL_SEARCH, hmac, &key[i], &sealed);

        if (rc == NGX_BUSY) {
            (void) ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
            return NGX_DECLINED;
        }

        hex.len = 2 * sealed.len;
        hex.data = (rc == NGX_OK) ? ngx_pnalloc(o->r->pool, hex.len) : NULL;

        if (hex.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_hex_dump(hex.data, sealed.data, sealed.len);
        ngx_oof_json_str(&w, &hex);
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, json);
}


static ngx_int_t
ngx_oof_bank_keys_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t             rc;
    ngx_str_t            *key;
    ngx_uint_t            i;
    ngx_oof_json_t        w;
    ngx_oof_bank_keep_t  *keep;

    keep = o->kept;

    if (!ngx_oof_bank_keep_row(o, keep, u, 0, &rc)) {
        return rc;
    }

    if (ngx_oof_pg_rows(u, ngx_oof_bank_s_kept(u)) != keep->keys.nelts
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
        ngx_oof_json_bool(&w, ngx_oof_pg_get_int(u, ngx_oof_bank_s_kept(u), i,
                                                 0)
                              ? 1 : 0);
        ngx_oof_json_end(&w, '}');
    }

    if (!keep->one) {
        ngx_oof_json_end(&w, ']');
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_bank_keep_answer(o, &w);
}


/* text that is a JSON object; NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_bank_metadata_body(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_int_t    rc;
    const char  *why;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_keep_body(o, ngx_oof_bank_metadata_schema);
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


/* NGX_DECLINED: there is none */

static ngx_int_t
ngx_oof_bank_metadata_open(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_str_t *data)
{
    ngx_str_t            sealed;
    ngx_oof_loc_conf_t  *olcf;

    if (ngx_oof_pg_rows(u, ngx_oof_bank_s_kept(u)) == 0) {
        return NGX_DECLINED;
    }

    ngx_oof_pg_get_str(u, ngx_oof_bank_s_kept(u), 0,
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
    ngx_int_t             rc;
    ngx_str_t             data;
    ngx_oof_json_t        w;
    ngx_oof_bank_keep_t  *keep;

    keep = o->kept;

    if (!ngx_oof_bank_keep_row(o, keep, u, 0, &rc)) {
        return rc;
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

    keep = o->kept;

    if (!ngx_oof_bank_keep_row(o, keep, u, 1, &rc)) {
        return rc;
    }

    keep->version = 0;

    if (ngx_oof_pg_rows(u, ngx_oof_bank_s_kept(u))) {
        keep->version = (ngx_int_t)
                        ngx_oof_pg_get_int(u, ngx_oof_bank_s_kept(u), 0,
                                           NGX_OOF_BANK_METADATA_VERSION);
    }

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

    ngx_oof_pg_statement(u, ngx_oof_bank_kinds[keep->kind]->metadata_put);
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


static ngx_int_t
ngx_oof_bank_webhook_body(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep)
{
    ngx_int_t  rc;

    rc = ngx_oof_request_json(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_keep_body(o, ngx_oof_bank_toggle_schema);
    }

    keep->active = json_is_true(json_object_get(o->json, "active"));

    return rc;
}


static ngx_int_t
ngx_oof_bank_webhook_write(ngx_oof_request_t *o, ngx_oof_bank_keep_t *keep,
    ngx_oof_pg_unit_t *u, u_char *id)
{
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, ngx_oof_bank_kinds[keep->kind]->webhook_put);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_bool(u, keep->active);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_webhook_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t             rc;
    ngx_uint_t            active;
    ngx_oof_json_t        w;
    ngx_oof_bank_keep_t  *keep;

    keep = o->kept;

    if (!ngx_oof_bank_keep_row(o, keep, u, 0, &rc)) {
        return rc;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 64) != NGX_OK) {
        return NGX_ERROR;
    }

    active = ngx_oof_pg_rows(u, ngx_oof_bank_s_kept(u))
             && ngx_oof_pg_get_int(u, ngx_oof_bank_s_kept(u), 0, 0);

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "active");
    ngx_oof_json_bool(&w, active);
    ngx_oof_json_end(&w, '}');

    return ngx_oof_bank_keep_answer(o, &w);
}
