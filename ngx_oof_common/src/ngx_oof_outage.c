
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_halt.h>


#define NGX_OOF_OUTAGE_SCOPE_CUSTOMER  "oob_customer"

#define NGX_OOF_OUTAGE_TEXT       2000
#define NGX_OOF_OUTAGE_ENDPOINTS  1000

/* outcomes of outage_put, outage_cancel and failure_change */
#define NGX_OOF_OUTAGE_DONE       0
#define NGX_OOF_OUTAGE_UNKNOWN    1
#define NGX_OOF_OUTAGE_OVER       2
#define NGX_OOF_OUTAGE_REVERSED   3
#define NGX_OOF_OUTAGE_NO_START   4      /* of ours */
#define NGX_OOF_OUTAGE_NO_API     5


/* columns of outage_put and, from its first on, of outage_list */

typedef enum {
    NGX_OOF_OUTAGE_COL_ID = 0,
    NGX_OOF_OUTAGE_COL_STARTS,
    NGX_OOF_OUTAGE_COL_ENDS,
    NGX_OOF_OUTAGE_COL_CHANGED,
    NGX_OOF_OUTAGE_COL_CANCELLED,
    NGX_OOF_OUTAGE_COL_EXPLANATION,
    NGX_OOF_OUTAGE_COL_ENDPOINTS,
    NGX_OOF_OUTAGE_COL_CLOSED,
    NGX_OOF_OUTAGE_COL_TOTAL
} ngx_oof_outage_col_e;

/* of failure_change and failure_list */

typedef enum {
    NGX_OOF_FAILURE_COL_ID = 0,
    NGX_OOF_FAILURE_COL_ENDPOINT,
    NGX_OOF_FAILURE_COL_DETECTED,
    NGX_OOF_FAILURE_COL_CHANGED,
    NGX_OOF_FAILURE_COL_EXPECTED,
    NGX_OOF_FAILURE_COL_ENDED,
    NGX_OOF_FAILURE_COL_EXPLANATION,
    NGX_OOF_FAILURE_COL_TOTAL
} ngx_oof_failure_col_e;


/* what there is a list of */

typedef struct {
    ngx_oof_sql_t           *sql;
    ngx_uint_t               total;      /* its column */
    void                   (*show)(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
                                   ngx_uint_t row, ngx_uint_t col);
    ngx_str_t               *path;
} ngx_oof_outage_list_t;


typedef struct {
    ngx_oof_page_t           page;
    ngx_oof_outage_list_t   *list;
} ngx_oof_outage_ask_t;


static ngx_int_t ngx_oof_outage_staff(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_outage_list_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_failure_list_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_outage_list(ngx_oof_request_t *o,
    ngx_oof_outage_list_t *list);
static ngx_int_t ngx_oof_outage_listed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_outage_post_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_outage_patch_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_outage_put(ngx_oof_request_t *o, u_char *id,
    ngx_uint_t new);
static ngx_int_t ngx_oof_outage_judge(json_t *data, ngx_uint_t new);
static ngx_int_t ngx_oof_outage_body(ngx_oof_request_t *o,
    ngx_oof_schema_t *schema);
static ngx_int_t ngx_oof_outage_id(ngx_oof_request_t *o, u_char *id);
static ngx_int_t ngx_oof_outage_endpoints(ngx_oof_request_t *o,
    ngx_str_t *text);
static void ngx_oof_outage_time(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    const char *name);
static ngx_int_t ngx_oof_outage_stored(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_outage_delete_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_outage_deleted(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_failure_patch_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_failure_stored(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_outage_refused(ngx_oof_request_t *o,
    ngx_int_t outcome);
static void ngx_oof_outage_show(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row, ngx_uint_t col);
static void ngx_oof_failure_show(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t row, ngx_uint_t col);
static void ngx_oof_outage_show_id(ngx_oof_json_t *w, const char *name,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col);
static void ngx_oof_outage_show_time(ngx_oof_json_t *w, const char *name,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col);
static void ngx_oof_outage_show_text(ngx_oof_json_t *w, const char *name,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col);
static ngx_int_t ngx_oof_outage_answer(ngx_oof_request_t *o,
    ngx_oof_json_t *w, ngx_uint_t status);

static ngx_int_t ngx_oof_scan_words(ngx_str_t *value);
static ngx_int_t ngx_oof_scan_endpoint(ngx_str_t *value);


static ngx_oof_route_t  ngx_oof_outage_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/outages"),
      ngx_string("outage_list"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_outage_list_handler,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/outages"),
      ngx_string("outage_plan"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_outage_post_handler,
      0 },

    { NGX_HTTP_PATCH,
      ngx_string("/outages/{outageId}"),
      ngx_string("outage_change"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_outage_patch_handler,
      0 },

    { NGX_HTTP_DELETE,
      ngx_string("/outages/{outageId}"),
      ngx_string("outage_cancel"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_outage_delete_handler,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/failures"),
      ngx_string("failure_list"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_failure_list_handler,
      0 },

    { NGX_HTTP_PATCH,
      ngx_string("/failures/{failureId}"),
      ngx_string("failure_tell"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_failure_patch_handler,
      0 },

    ngx_oof_route_end
};


static ngx_oof_schema_t  ngx_oof_outage_endpoint = {
    ngx_null_string, NGX_OOF_SCHEMA_STRING,
    0, 1, NGX_OOF_OUTAGE_TEXT, ngx_oof_scan_endpoint, NULL, NULL
};


static ngx_oof_schema_t  ngx_oof_outage_new[] = {
    { ngx_string("start"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, ngx_oof_scan_time, NULL, NULL },

    { ngx_string("end"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, ngx_oof_scan_time, NULL, NULL },

    { ngx_string("explanation"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, NGX_OOF_OUTAGE_TEXT, ngx_oof_scan_words,
      NULL, NULL },

    { ngx_string("endpoints"), NGX_OOF_SCHEMA_ARRAY,
      NGX_OOF_SCHEMA_UNIQUE, 0, NGX_OOF_OUTAGE_ENDPOINTS, NULL, NULL,
      &ngx_oof_outage_endpoint },

    { ngx_string("maintenance"), NGX_OOF_SCHEMA_BOOLEAN,
      0, 0, 0, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_outage_new_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_outage_new },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_outage_change[] = {
    { ngx_string("start"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, ngx_oof_scan_time, NULL, NULL },

    { ngx_string("end"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, ngx_oof_scan_time, NULL, NULL },

    { ngx_string("explanation"), NGX_OOF_SCHEMA_STRING,
      0, 1, NGX_OOF_OUTAGE_TEXT, ngx_oof_scan_words, NULL, NULL },

    { ngx_string("endpoints"), NGX_OOF_SCHEMA_ARRAY,
      NGX_OOF_SCHEMA_UNIQUE, 0, NGX_OOF_OUTAGE_ENDPOINTS, NULL, NULL,
      &ngx_oof_outage_endpoint },

    { ngx_string("maintenance"), NGX_OOF_SCHEMA_BOOLEAN,
      0, 0, 0, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_outage_change_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_outage_change },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_failure_change[] = {
    { ngx_string("explanation"), NGX_OOF_SCHEMA_STRING,
      0, 1, NGX_OOF_OUTAGE_TEXT, ngx_oof_scan_words, NULL, NULL },

    { ngx_string("expectedEnd"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, ngx_oof_scan_time, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_failure_change_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_failure_change },

      ngx_oof_schema_end
};


static ngx_str_t  ngx_oof_outage_path = ngx_string("/oof/v1/outages");
static ngx_str_t  ngx_oof_failure_path = ngx_string("/oof/v1/failures");


static ngx_oof_outage_list_t  ngx_oof_outage_all = {
    &ngx_oof_sql_outage_list, NGX_OOF_OUTAGE_COL_TOTAL,
    ngx_oof_outage_show, &ngx_oof_outage_path
};


static ngx_oof_outage_list_t  ngx_oof_failure_all = {
    &ngx_oof_sql_failure_list, NGX_OOF_FAILURE_COL_TOTAL,
    ngx_oof_failure_show, &ngx_oof_failure_path
};


ngx_int_t
ngx_oof_outage_preconf(ngx_conf_t *cf)
{
    return ngx_oof_management_add(cf, ngx_oof_outage_routes);
}


/* NGX_DECLINED: a customer's token is none of the bank's systems */

static ngx_int_t
ngx_oof_outage_staff(ngx_oof_request_t *o)
{
    ngx_str_t  scope = ngx_string(NGX_OOF_OUTAGE_SCOPE_CUSTOMER);

    if (!ngx_oof_token_has_scope(o->token, &scope)) {
        return NGX_OK;
    }

    (void) ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN", "Acesso negado",
                         "A operação não é permitida ao token de um "
                         "cliente.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_outage_list_handler(ngx_oof_request_t *o)
{
    return ngx_oof_outage_list(o, &ngx_oof_outage_all);
}


static ngx_int_t
ngx_oof_failure_list_handler(ngx_oof_request_t *o)
{
    return ngx_oof_outage_list(o, &ngx_oof_failure_all);
}


static ngx_int_t
ngx_oof_outage_list(ngx_oof_request_t *o, ngx_oof_outage_list_t *list)
{
    ngx_int_t              rc;
    ngx_oof_pg_unit_t     *u;
    ngx_oof_loc_conf_t    *olcf;
    ngx_oof_outage_ask_t  *ask;

    ask = ngx_palloc(o->r->pool, sizeof(ngx_oof_outage_ask_t));
    if (ask == NULL) {
        return NGX_ERROR;
    }

    ask->list = list;

    rc = ngx_oof_outage_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_page_read(o, &ask->page);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, list->sql);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&ask->page));
    ngx_oof_pg_int8(u, ask->page.size);

    o->gate = ask;

    return ngx_oof_request_unit(o, u, ngx_oof_outage_listed);
}


static ngx_int_t
ngx_oof_outage_listed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t              i, n;
    ngx_oof_json_t          w;
    ngx_oof_outage_ask_t   *ask;
    ngx_oof_outage_list_t  *list;

    ask = o->gate;
    list = ask->list;
    n = ngx_oof_pg_rows(u, 0);

    if (ngx_oof_page_count(o, &ask->page,
                           n ? ngx_oof_pg_get_int(u, 0, 0, list->total) : 0)
        != NGX_OK)
    {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < n; i++) {
        list->show(&w, u, i, 0);
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_page_end(o, &w, &ask->page, list->path);

    return ngx_oof_outage_answer(o, &w, NGX_HTTP_OK);
}


static ngx_int_t
ngx_oof_outage_post_handler(ngx_oof_request_t *o)
{
    u_char     id[NGX_OOF_UUID_LEN];
    ngx_int_t  rc;

    rc = ngx_oof_outage_body(o, ngx_oof_outage_new_schema);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_uuid4(id) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_outage_put(o, id, 1);
}


static ngx_int_t
ngx_oof_outage_patch_handler(ngx_oof_request_t *o)
{
    u_char     id[NGX_OOF_UUID_LEN];
    ngx_int_t  rc;

    rc = ngx_oof_outage_body(o, ngx_oof_outage_change_schema);

    if (rc == NGX_OK) {
        rc = ngx_oof_outage_id(o, id);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_outage_put(o, id, 0);
}


static ngx_int_t
ngx_oof_outage_put(ngx_oof_request_t *o, u_char *id, ngx_uint_t new)
{
    json_t              *data;
    ngx_int_t            rc;
    ngx_str_t            text, value;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    data = json_object_get(o->json, "data");

    rc = ngx_oof_outage_judge(data, new);

    if (rc != NGX_OOF_OUTAGE_DONE) {
        return ngx_oof_outage_refused(o, rc);
    }

    if (ngx_oof_outage_endpoints(o, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    /* it may wait for another one that changes the same row */

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_outage_put);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_bool(u, new);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    if (new && json_object_get(data, "start") == NULL) {
        ngx_oof_pg_time(u, ngx_oof_clock_rule());

    } else {
        ngx_oof_outage_time(o, u, "start");
    }

    ngx_oof_outage_time(o, u, "end");

    if (ngx_oof_json_get_str(data, "explanation", &value) == NGX_OK) {
        ngx_oof_pg_text(u, &value);

    } else {
        ngx_oof_pg_null(u);
    }

    if (text.len) {
        ngx_oof_pg_text(u, &text);

    } else if (new) {
        ngx_str_set(&text, "[]");
        ngx_oof_pg_text(u, &text);

    } else {
        ngx_oof_pg_null(u);
    }

    if (new || json_object_get(data, "maintenance")) {
        ngx_oof_pg_bool(u, json_is_true(json_object_get(data,
                                                        "maintenance")));

    } else {
        ngx_oof_pg_null(u);
    }

    o->gate = new ? o : NULL;

    return ngx_oof_request_unit(o, u, ngx_oof_outage_stored);
}


/*
 * Maintenance may begin at once; that it names nothing would be found out by
 * the requests that still come.
 */

static ngx_int_t
ngx_oof_outage_judge(json_t *data, ngx_uint_t new)
{
    size_t      i;
    json_t     *item;
    int64_t     starts, ends;
    ngx_str_t   value;
    ngx_uint_t  maintenance;

    maintenance = json_is_true(json_object_get(data, "maintenance"));
    starts = INT64_MIN;
    ends = INT64_MAX;

    if (ngx_oof_json_get_str(data, "start", &value) == NGX_OK) {
        (void) ngx_oof_clock_parse(&value, &starts);

    } else if (new && !maintenance) {
        return NGX_OOF_OUTAGE_NO_START;

    } else if (new) {
        starts = ngx_oof_clock_rule();
    }

    if (ngx_oof_json_get_str(data, "end", &value) == NGX_OK) {
        (void) ngx_oof_clock_parse(&value, &ends);
    }

    if (starts >= ends) {
        return NGX_OOF_OUTAGE_REVERSED;
    }

    json_array_foreach(json_object_get(data, "endpoints"), i, item) {
        value.data = (u_char *) json_string_value(item);
        value.len = json_string_length(item);

        if (maintenance && !ngx_oof_halt_known(&value)) {
            return NGX_OOF_OUTAGE_NO_API;
        }
    }

    return NGX_OOF_OUTAGE_DONE;
}


/* NGX_DECLINED: an error is prepared */

static ngx_int_t
ngx_oof_outage_body(ngx_oof_request_t *o, ngx_oof_schema_t *schema)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_str_t                  detail;
    ngx_array_t                failures;
    ngx_oof_schema_failure_t  *f;

    rc = ngx_oof_outage_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_request_json(o);
    }

    if (rc != NGX_OK) {
        return rc;
    }

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

    detail.len = f->path.len
                 + sizeof("O campo  está ausente ou não tem o formato "
                          "exigido.");
    detail.data = ngx_pnalloc(o->r->pool, detail.len);

    if (detail.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(detail.data, "O campo %V está ausente ou não tem o "
                    "formato exigido.", &f->path);
    *p = '\0';

    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido", (char *) detail.data);

    return NGX_DECLINED;
}


/* what is no id is none that there is */

static ngx_int_t
ngx_oof_outage_id(ngx_oof_request_t *o, u_char *id)
{
    if (ngx_oof_uuid_parse(&o->params[0], id) == NGX_OK) {
        return NGX_OK;
    }

    (void) ngx_oof_outage_refused(o, NGX_OOF_OUTAGE_UNKNOWN);

    return NGX_DECLINED;
}


/* a JSON array; empty: not told */

static ngx_int_t
ngx_oof_outage_endpoints(ngx_oof_request_t *o, ngx_str_t *text)
{
    size_t          i;
    json_t         *list, *item;
    ngx_str_t       value;
    ngx_oof_json_t  w;

    ngx_str_null(text);

    list = json_object_get(json_object_get(o->json, "data"), "endpoints");

    if (list == NULL) {
        return NGX_OK;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK) {
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


static void
ngx_oof_outage_time(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    const char *name)
{
    int64_t    us;
    ngx_str_t  value;

    if (ngx_oof_json_get_str(json_object_get(o->json, "data"), name, &value)
        == NGX_OK
        && ngx_oof_clock_parse(&value, &us) == NGX_OK)
    {
        ngx_oof_pg_time(u, us);

    } else {
        ngx_oof_pg_null(u);
    }
}


static ngx_int_t
ngx_oof_outage_stored(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t         outcome;
    ngx_oof_json_t  w;

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return NGX_ERROR;
    }

    outcome = ngx_oof_pg_get_int(u, 0, 0, 0);

    if (outcome != NGX_OOF_OUTAGE_DONE) {
        return ngx_oof_outage_refused(o, (ngx_int_t) outcome);
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_outage_show(&w, u, 0, 1);
    ngx_oof_body_end(o, &w, &ngx_oof_outage_path);

    return ngx_oof_outage_answer(o, &w, o->gate ? NGX_HTTP_CREATED
                                                : NGX_HTTP_OK);
}


static ngx_int_t
ngx_oof_outage_delete_handler(ngx_oof_request_t *o)
{
    u_char               id[NGX_OOF_UUID_LEN];
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_outage_staff(o);

    if (rc == NGX_OK) {
        rc = ngx_oof_outage_id(o, id);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_outage_cancel);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    return ngx_oof_request_unit(o, u, ngx_oof_outage_deleted);
}


static ngx_int_t
ngx_oof_outage_deleted(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t  outcome;

    outcome = ngx_oof_pg_get_int(u, 0, 0, 0);

    if (outcome == NGX_OOF_OUTAGE_DONE) {
        return ngx_oof_answer(o, NGX_HTTP_NO_CONTENT, NULL);
    }

    return ngx_oof_outage_refused(o, (ngx_int_t) outcome);
}


static ngx_int_t
ngx_oof_failure_patch_handler(ngx_oof_request_t *o)
{
    u_char               id[NGX_OOF_UUID_LEN];
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_outage_body(o, ngx_oof_failure_change_schema);

    if (rc == NGX_OK) {
        rc = ngx_oof_outage_id(o, id);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_failure_change);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    if (ngx_oof_json_get_str(json_object_get(o->json, "data"), "explanation",
                             &value)
        == NGX_OK)
    {
        ngx_oof_pg_text(u, &value);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_outage_time(o, u, "expectedEnd");

    return ngx_oof_request_unit(o, u, ngx_oof_failure_stored);
}


static ngx_int_t
ngx_oof_failure_stored(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    int64_t         outcome;
    ngx_oof_json_t  w;

    if (ngx_oof_pg_rows(u, 0) != 1) {
        return NGX_ERROR;
    }

    outcome = ngx_oof_pg_get_int(u, 0, 0, 0);

    if (outcome != NGX_OOF_OUTAGE_DONE) {
        return ngx_oof_outage_refused(o, (ngx_int_t) outcome);
    }

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_failure_show(&w, u, 0, 1);
    ngx_oof_body_end(o, &w, &ngx_oof_failure_path);

    return ngx_oof_outage_answer(o, &w, NGX_HTTP_OK);
}


static ngx_int_t
ngx_oof_outage_refused(ngx_oof_request_t *o, ngx_int_t outcome)
{
    switch (outcome) {

    case NGX_OOF_OUTAGE_UNKNOWN:
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);

    case NGX_OOF_OUTAGE_OVER:
        return ngx_oof_error(o, NGX_HTTP_CONFLICT, "ESTADO_INVALIDO",
                             "Estado inválido",
                             "A indisponibilidade já terminou ou foi "
                             "cancelada.");

    case NGX_OOF_OUTAGE_NO_START:
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O campo start está ausente; só uma "
                             "manutenção começa sem ele.");

    case NGX_OOF_OUTAGE_NO_API:
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "Um dos endpoints não é de nenhuma API que é "
                             "servida.");

    default: /* NGX_OOF_OUTAGE_REVERSED */
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O fim deve ser posterior ao início.");
    }
}


static void
ngx_oof_outage_show(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_uint_t col)
{
    int64_t      now;
    ngx_str_t    text;
    const char  *status;

    now = ngx_oof_clock_rule();

    if (!ngx_oof_pg_is_null(u, 0, row, col + NGX_OOF_OUTAGE_COL_CANCELLED)) {
        status = "CANCELLED";

    } else if (ngx_oof_pg_get_time(u, 0, row, col + NGX_OOF_OUTAGE_COL_ENDS)
               <= now)
    {
        status = "ENDED";

    } else if (ngx_oof_pg_get_time(u, 0, row, col + NGX_OOF_OUTAGE_COL_STARTS)
               <= now)
    {
        status = "ACTIVE";

    } else {
        status = "PLANNED";
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_outage_show_id(w, "outageId", u, row, col + NGX_OOF_OUTAGE_COL_ID);
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, status);
    ngx_oof_outage_show_time(w, "start", u, row,
                             col + NGX_OOF_OUTAGE_COL_STARTS);
    ngx_oof_outage_show_time(w, "end", u, row, col + NGX_OOF_OUTAGE_COL_ENDS);
    ngx_oof_outage_show_text(w, "explanation", u, row,
                             col + NGX_OOF_OUTAGE_COL_EXPLANATION);

    ngx_oof_pg_get_str(u, 0, row, col + NGX_OOF_OUTAGE_COL_ENDPOINTS, &text);

    ngx_oof_json_name(w, "partial");
    ngx_oof_json_bool(w, text.len > 2);
    ngx_oof_json_name(w, "endpoints");
    ngx_oof_json_raw(w, &text);
    ngx_oof_json_name(w, "maintenance");
    ngx_oof_json_bool(w, ngx_oof_pg_get_int(u, 0, row,
                                            col + NGX_OOF_OUTAGE_COL_CLOSED)
                         != 0);

    ngx_oof_outage_show_time(w, "updated", u, row,
                             col + NGX_OOF_OUTAGE_COL_CHANGED);
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_failure_show(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t row,
    ngx_uint_t col)
{
    ngx_uint_t  open;

    open = ngx_oof_pg_is_null(u, 0, row, col + NGX_OOF_FAILURE_COL_ENDED);

    ngx_oof_json_begin(w, '{');
    ngx_oof_outage_show_id(w, "failureId", u, row,
                           col + NGX_OOF_FAILURE_COL_ID);
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, open ? "OPEN" : "CLOSED");
    ngx_oof_outage_show_text(w, "endpoint", u, row,
                             col + NGX_OOF_FAILURE_COL_ENDPOINT);
    ngx_oof_outage_show_time(w, "detected", u, row,
                             col + NGX_OOF_FAILURE_COL_DETECTED);
    ngx_oof_outage_show_time(w, "expectedEnd", u, row,
                             col + NGX_OOF_FAILURE_COL_EXPECTED);
    ngx_oof_outage_show_time(w, "ended", u, row,
                             col + NGX_OOF_FAILURE_COL_ENDED);
    ngx_oof_outage_show_text(w, "explanation", u, row,
                             col + NGX_OOF_FAILURE_COL_EXPLANATION);
    ngx_oof_outage_show_time(w, "updated", u, row,
                             col + NGX_OOF_FAILURE_COL_CHANGED);
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_outage_show_id(ngx_oof_json_t *w, const char *name,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col)
{
    ngx_str_t  id;

    ngx_oof_pg_get_str(u, 0, row, col, &id);

    if (id.len == NGX_OOF_UUID_LEN) {
        ngx_oof_json_name(w, name);
        ngx_oof_json_uuid(w, id.data);
    }
}


/* nothing for null */

static void
ngx_oof_outage_show_time(ngx_oof_json_t *w, const char *name,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col)
{
    if (!ngx_oof_pg_is_null(u, 0, row, col)) {
        ngx_oof_json_member_time(w, name,
                                 ngx_oof_pg_get_time(u, 0, row, col));
    }
}


static void
ngx_oof_outage_show_text(ngx_oof_json_t *w, const char *name,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, ngx_uint_t col)
{
    ngx_str_t  text;

    if (!ngx_oof_pg_is_null(u, 0, row, col)) {
        ngx_oof_pg_get_str(u, 0, row, col, &text);
        ngx_oof_json_member(w, name, &text);
    }
}


static ngx_int_t
ngx_oof_outage_answer(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_uint_t status)
{
    ngx_str_t  body;

    if (ngx_oof_json_text(w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, status, &body);
}


/* the regulation's pattern: no white space at either end */

static ngx_int_t
ngx_oof_scan_words(ngx_str_t *value)
{
    u_char  *p;

    p = value->data;

    return value->len && p[0] > ' ' && p[value->len - 1] > ' '
           && ngx_oof_json_is_text(value)
           ? NGX_OK : NGX_DECLINED;
}


/* a path, as "/open-banking/consents/v3/consents" */

static ngx_int_t
ngx_oof_scan_endpoint(ngx_str_t *value)
{
    size_t  i;

    if (value->len == 0 || value->data[0] != '/') {
        return NGX_DECLINED;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] > '~'
            || value->data[i] == '"')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
