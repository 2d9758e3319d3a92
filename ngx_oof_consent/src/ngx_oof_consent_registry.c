
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


/*
 * What registration (DCR) has told the bank of its clients.  Every worker
 * keeps a row for 5 s at most (ngx_oof_client.h), so a client that is deleted
 * or blocked here is refused everywhere within that.
 */

#define NGX_OOF_REGISTRY_ID      255

/* outcomes of client_put and client_delete */
#define NGX_OOF_REGISTRY_MADE    1
#define NGX_OOF_REGISTRY_GONE    1


typedef enum {
    NGX_OOF_REGISTRY_COL_ORGANISATION = 0,
    NGX_OOF_REGISTRY_COL_SOFTWARE,
    NGX_OOF_REGISTRY_COL_NAME,
    NGX_OOF_REGISTRY_COL_LOGO,
    NGX_OOF_REGISTRY_COL_WEBHOOKS,
    NGX_OOF_REGISTRY_COL_ROLES,
    NGX_OOF_REGISTRY_COL_STATUS,
    NGX_OOF_REGISTRY_COL_CREATED,
    NGX_OOF_REGISTRY_COL_UPDATED
} ngx_oof_consent_registry_col_e;


typedef struct {
    ngx_str_t                organisation_id;
    ngx_str_t                software_id;
    ngx_str_t                name;
    ngx_str_t                logo_uri;
    ngx_str_t                webhook_uris;   /* JSON arrays */
    ngx_str_t                roles;
    ngx_str_t                status;
} ngx_oof_consent_client_t;


static ngx_int_t ngx_oof_consent_client_id(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_consent_client_read(ngx_oof_request_t *o,
    ngx_oof_consent_client_t *client);
static ngx_int_t ngx_oof_consent_client_list(ngx_pool_t *pool, json_t *list,
    ngx_str_t *text);
static ngx_int_t ngx_oof_consent_client_names(json_t *data);
static ngx_int_t ngx_oof_consent_client_stored(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_consent_client_begin(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_oof_consent_client_t *client);
static ngx_int_t ngx_oof_consent_client_end(ngx_oof_request_t *o,
    ngx_oof_json_t *w, int64_t created, int64_t updated, ngx_uint_t status);
static ngx_int_t ngx_oof_consent_client_shown(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_client_uuid(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, ngx_uint_t col, ngx_str_t *value);
static ngx_int_t ngx_oof_consent_client_deleted(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_client_unknown(ngx_oof_request_t *o);

static ngx_int_t ngx_oof_consent_scan_uri(ngx_str_t *value);
static ngx_int_t ngx_oof_consent_scan_https(ngx_str_t *value);
static ngx_int_t ngx_oof_consent_scan_line(ngx_str_t *value);


static ngx_str_t  ngx_oof_consent_client_statuses[] = {
    ngx_string("ACTIVE"),
    ngx_string("BLOCKED"),
    ngx_null_string
};


static ngx_oof_schema_t  ngx_oof_consent_client_webhook = {
    ngx_null_string, NGX_OOF_SCHEMA_STRING,
    0, 1, 1024, ngx_oof_consent_scan_https, NULL, NULL
};


static ngx_oof_schema_t  ngx_oof_consent_client_role = {
    ngx_null_string, NGX_OOF_SCHEMA_STRING,
    0, 1, 64, ngx_oof_consent_scan_line, NULL, NULL
};


static ngx_oof_schema_t  ngx_oof_consent_client_data_schema[] = {
    { ngx_string("organisationId"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, NGX_OOF_UUID_TEXT, ngx_oof_scan_uuid, NULL,
      NULL },

    { ngx_string("softwareId"), NGX_OOF_SCHEMA_STRING,
      0, 0, NGX_OOF_UUID_TEXT, ngx_oof_scan_uuid, NULL, NULL },

    { ngx_string("name"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, 255, ngx_oof_consent_scan_line, NULL,
      NULL },

    { ngx_string("logoUri"), NGX_OOF_SCHEMA_STRING,
      0, 1, 2048, ngx_oof_consent_scan_uri, NULL, NULL },

    { ngx_string("webhookUris"), NGX_OOF_SCHEMA_ARRAY,
      NGX_OOF_SCHEMA_UNIQUE, 0, 16, NULL, NULL,
      &ngx_oof_consent_client_webhook },

    { ngx_string("roles"), NGX_OOF_SCHEMA_ARRAY,
      NGX_OOF_SCHEMA_UNIQUE, 0, 16, NULL, NULL,
      &ngx_oof_consent_client_role },

    { ngx_string("status"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, NULL, ngx_oof_consent_client_statuses, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_consent_client_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_consent_client_data_schema },

      ngx_oof_schema_end
};


/* members as registration itself calls them (RFC 7591 and the directory) */

static struct {
    const char              *from;
    const char              *to;
} ngx_oof_consent_client_aliases[] = {
    { "organisation_id", "organisationId" },
    { "software_id", "softwareId" },
    { "client_name", "name" },
    { "logo_uri", "logoUri" },
    { "webhook_uris", "webhookUris" },
    { NULL, NULL }
};


ngx_int_t
ngx_oof_consent_client_put(ngx_oof_request_t *o)
{
    u_char                     id[NGX_OOF_UUID_LEN];
    ngx_int_t                  rc;
    ngx_oof_pg_unit_t         *u;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_consent_client_t  *client;

    client = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_client_t));
    if (client == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_client_id(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_client_read(o, client);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    /* it may wait for another one that writes the same row */

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_client_put);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->params[0]);
    (void) ngx_oof_uuid_parse(&client->organisation_id, id);
    ngx_oof_pg_uuid(u, id);

    if (client->software_id.len) {
        (void) ngx_oof_uuid_parse(&client->software_id, id);
        ngx_oof_pg_uuid(u, id);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_text(u, &client->name);

    ngx_oof_pg_some(u, &client->logo_uri);

    ngx_oof_pg_text(u, &client->webhook_uris);
    ngx_oof_pg_text(u, &client->roles);

    ngx_oof_pg_some(u, &client->status);

    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_event_trace(u, o);

    ngx_http_set_ctx(o->r, client, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_client_stored);
}


/* one that no token could name is refused, and whoever is a customer */

static ngx_int_t
ngx_oof_consent_client_id(ngx_oof_request_t *o)
{
    ngx_uint_t   i;
    ngx_str_t   *id;

    if (ngx_oof_bank_staff(o) != NGX_OK) {
        return NGX_DECLINED;
    }

    id = &o->params[0];

    for (i = 0; i < id->len; i++) {
        if (id->data[i] <= ' ' || id->data[i] > '~') {
            break;
        }
    }

    if (i == id->len && id->len <= NGX_OOF_REGISTRY_ID) {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido",
                         "O parâmetro clientId não tem o formato exigido.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_client_read(ngx_oof_request_t *o,
    ngx_oof_consent_client_t *client)
{
    json_t      *data;
    ngx_int_t    rc;
    ngx_pool_t  *pool;
    ngx_uint_t   no_such_day;

    pool = o->r->pool;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_oof_consent_client_names(json_object_get(o->json, "data"))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_check(o, ngx_oof_consent_client_schema,
                               &no_such_day);

    if (rc != NGX_OK) {
        return rc;
    }

    data = json_object_get(o->json, "data");

    (void) ngx_oof_json_get_str(data, "organisationId",
                                &client->organisation_id);
    (void) ngx_oof_json_get_str(data, "name", &client->name);
    (void) ngx_oof_json_get_str(data, "softwareId", &client->software_id);
    (void) ngx_oof_json_get_str(data, "logoUri", &client->logo_uri);

    (void) ngx_oof_json_get_str(data, "status", &client->status);

    if (ngx_oof_consent_client_list(pool, json_object_get(data,
                                                          "webhookUris"),
                                    &client->webhook_uris)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_consent_client_list(pool, json_object_get(data, "roles"),
                                       &client->roles);
}


static ngx_int_t
ngx_oof_consent_client_list(ngx_pool_t *pool, json_t *list, ngx_str_t *text)
{
    size_t          i;
    json_t         *item;
    ngx_str_t       value;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    json_array_foreach(list, i, item) {
        value.data = (u_char *) json_string_value(item);
        value.len = json_string_length(item);

        ngx_oof_json_str(&w, &value);
    }

    ngx_oof_json_end(&w, ']');

    return ngx_oof_json_text(&w, text);
}


static ngx_int_t
ngx_oof_consent_client_names(json_t *data)
{
    json_t      *value;
    ngx_uint_t   i;

    for (i = 0; ngx_oof_consent_client_aliases[i].from; i++) {

        value = json_object_get(data, ngx_oof_consent_client_aliases[i].from);

        if (value == NULL
            || json_object_get(data, ngx_oof_consent_client_aliases[i].to))
        {
            continue;
        }

        if (json_object_set(data, ngx_oof_consent_client_aliases[i].to, value)
            != 0)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_client_stored(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t                 status;
    ngx_oof_json_t             w;
    ngx_oof_consent_client_t  *client;

    client = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    status = (ngx_oof_pg_get_int(u, 0, 0, 0) == NGX_OOF_REGISTRY_MADE)
             ? NGX_HTTP_CREATED : NGX_HTTP_OK;

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_strlow(client->organisation_id.data, client->organisation_id.data,
               client->organisation_id.len);
    ngx_strlow(client->software_id.data, client->software_id.data,
               client->software_id.len);

    ngx_oof_pg_get_str(u, 0, 0, 3, &client->status);

    ngx_oof_consent_client_begin(o, &w, client);

    return ngx_oof_consent_client_end(o, &w, ngx_oof_pg_get_time(u, 0, 0, 1),
                                      ngx_oof_pg_get_time(u, 0, 0, 2),
                                      status);
}


static void
ngx_oof_consent_client_begin(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_consent_client_t *client)
{
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "data");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "clientId", &o->params[0]);
    ngx_oof_json_member(w, "organisationId", &client->organisation_id);

    if (client->software_id.len) {
        ngx_oof_json_member(w, "softwareId", &client->software_id);
    }

    ngx_oof_json_member(w, "name", &client->name);

    if (client->logo_uri.len) {
        ngx_oof_json_member(w, "logoUri", &client->logo_uri);
    }

    ngx_oof_json_name(w, "webhookUris");
    ngx_oof_json_raw(w, &client->webhook_uris);
    ngx_oof_json_name(w, "roles");
    ngx_oof_json_raw(w, &client->roles);
    ngx_oof_json_member(w, "status", &client->status);
}


static ngx_int_t
ngx_oof_consent_client_end(ngx_oof_request_t *o, ngx_oof_json_t *w,
    int64_t created, int64_t updated, ngx_uint_t status)
{
    ngx_str_t  body;

    ngx_oof_json_member_time(w, "creationDateTime", created);
    ngx_oof_json_member_time(w, "updateDateTime", updated);
    ngx_oof_json_end(w, '}');

    ngx_oof_json_name(w, "meta");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member_time(w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');

    if (ngx_oof_json_text(w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, status, &body);
}


ngx_int_t
ngx_oof_consent_client_get(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_consent_client_id(o);

    if (rc != NGX_OK) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_client_show);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->params[0]);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_client_shown);
}


static ngx_int_t
ngx_oof_consent_client_shown(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_json_t             w;
    ngx_oof_consent_client_t   client;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_consent_client_unknown(o);
    }

    if (ngx_oof_consent_client_uuid(o, u, NGX_OOF_REGISTRY_COL_ORGANISATION,
                                    &client.organisation_id)
        != NGX_OK
        || ngx_oof_consent_client_uuid(o, u, NGX_OOF_REGISTRY_COL_SOFTWARE,
                                       &client.software_id)
           != NGX_OK
        || ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_REGISTRY_COL_NAME, &client.name);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_REGISTRY_COL_LOGO, &client.logo_uri);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_REGISTRY_COL_WEBHOOKS,
                       &client.webhook_uris);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_REGISTRY_COL_ROLES, &client.roles);
    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_REGISTRY_COL_STATUS, &client.status);

    ngx_oof_consent_client_begin(o, &w, &client);

    return ngx_oof_consent_client_end(o, &w,
                  ngx_oof_pg_get_time(u, 0, 0, NGX_OOF_REGISTRY_COL_CREATED),
                  ngx_oof_pg_get_time(u, 0, 0, NGX_OOF_REGISTRY_COL_UPDATED),
                  NGX_HTTP_OK);
}


static ngx_int_t
ngx_oof_consent_client_uuid(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_uint_t col, ngx_str_t *value)
{
    ngx_str_t  id;

    ngx_str_null(value);

    ngx_oof_pg_get_str(u, 0, 0, col, &id);

    if (id.len != NGX_OOF_UUID_LEN) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(o->r->pool, NGX_OOF_UUID_TEXT);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_oof_uuid_format(value->data, id.data) - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_oof_consent_client_delete(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_consent_client_id(o);

    if (rc != NGX_OK) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_client_delete);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->params[0]);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_pg_event_trace(u, o);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_client_deleted);
}


static ngx_int_t
ngx_oof_consent_client_deleted(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    if (ngx_oof_pg_get_int(u, 0, 0, 0) == NGX_OOF_REGISTRY_GONE) {
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);
    }

    return ngx_oof_consent_client_unknown(o);
}


static ngx_int_t
ngx_oof_consent_client_unknown(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Cliente não encontrado",
                         "Não há cliente registrado com o clientId "
                         "informado.");
}


static ngx_int_t
ngx_oof_consent_scan_uri(ngx_str_t *value)
{
    ngx_uint_t  i;

    if ((value->len < 8 || ngx_strncmp(value->data, "http://", 7) != 0)
        && (value->len < 9 || ngx_strncmp(value->data, "https://", 8) != 0))
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] > '~') {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* what will be called with news of its consents is called by TLS */

static ngx_int_t
ngx_oof_consent_scan_https(ngx_str_t *value)
{
    if (value->len < 9 || ngx_strncmp(value->data, "https://", 8) != 0) {
        return NGX_DECLINED;
    }

    return ngx_oof_consent_scan_uri(value);
}


static ngx_int_t
ngx_oof_consent_scan_line(ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < ' ' || value->data[i] == 0x7f) {
            return NGX_DECLINED;
        }
    }

    return value->len ? NGX_OK : NGX_DECLINED;
}
