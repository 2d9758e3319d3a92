
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_rotation.h>


/* columns of rotation_get, rotation_tables, rotation_keys */

#define NGX_OOF_GET_COL_STATE     0
#define NGX_OOF_GET_COL_CHECKING  1
#define NGX_OOF_GET_COL_PASS      2
#define NGX_OOF_GET_COL_KEYS      3
#define NGX_OOF_GET_COL_ENCRYPT   4
#define NGX_OOF_GET_COL_LOOKUP    5
#define NGX_OOF_GET_COL_TARGET    6
#define NGX_OOF_GET_COL_STARTED   7
#define NGX_OOF_GET_COL_ENDED     8
#define NGX_OOF_GET_COL_UNTIL     9

#define NGX_OOF_TABLE_COL_NAME        0
#define NGX_OOF_TABLE_COL_FINISHED    2
#define NGX_OOF_TABLE_COL_ROWS        4
#define NGX_OOF_TABLE_COL_CHANGED     5
#define NGX_OOF_TABLE_COL_SKIPPED     6
#define NGX_OOF_TABLE_COL_UNREADABLE  7
#define NGX_OOF_TABLE_COL_UNKNOWN     8
#define NGX_OOF_TABLE_COL_LEFT        9

#define NGX_OOF_KEY_COL_NAME  0
#define NGX_OOF_KEY_COL_KIND  1
#define NGX_OOF_KEY_COL_ID    2
#define NGX_OOF_KEY_COL_N     3


static ngx_int_t ngx_oof_rotation_get_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_rotation_post_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_rotation_delete_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_rotation_show(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_rotation_result(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_rotation_head(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s);
static void ngx_oof_rotation_table(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row);
static void ngx_oof_rotation_kind(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_str_t *table, const char *kind);
static void ngx_oof_rotation_number(ngx_oof_json_t *w, const char *name,
    int64_t value);


static ngx_oof_route_t  ngx_oof_rotation_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/rotation"),
      ngx_string("rotation_get"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_rotation_get_handler,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/rotation"),
      ngx_string("rotation_start"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_rotation_post_handler,
      0 },

    { NGX_HTTP_DELETE,
      ngx_string("/rotation"),
      ngx_string("rotation_stop"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_rotation_delete_handler,
      0 },

    ngx_oof_route_end
};


ngx_int_t
ngx_oof_rotation_preconf(ngx_conf_t *cf)
{
    return ngx_oof_management_add(cf, ngx_oof_rotation_routes);
}


static ngx_int_t
ngx_oof_rotation_get_handler(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    return ngx_oof_rotation_show(o, u);
}


static ngx_int_t
ngx_oof_rotation_post_handler(ngx_oof_request_t *o)
{
    u_char              digits[NGX_OOF_KEYS_TARGET];
    json_t             *data, *check;
    ngx_int_t           rc;
    ngx_str_t           target;
    ngx_oof_keys_t     *keys;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    data = json_object_get(o->json, "data");
    check = json_object_get(data, "check");

    if (!json_is_object(data) || (check && !json_is_boolean(check))) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido.",
                             "data deve ser um objeto; data.check, quando há, "
                             "um valor lógico.");
    }

    keys = o->location->keys;

    if (keys == NULL) {
        return ngx_oof_error_status(o, NGX_HTTP_NOT_FOUND);
    }

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_keys_target(keys, digits);

    target.len = NGX_OOF_KEYS_TARGET;
    target.data = digits;

    ngx_oof_pg_statement(u, &ngx_oof_sql_rotation_start);
    ngx_oof_pg_text(u, &o->location->brand);
    ngx_oof_pg_text(u, ngx_oof_keys_name(keys));
    ngx_oof_pg_text(u, &target);
    ngx_oof_pg_text(u, ngx_oof_keys_id(keys, 0, 0));
    ngx_oof_pg_text(u, ngx_oof_keys_id(keys, 1, 0));
    ngx_oof_pg_bool(u, json_is_true(check));
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    return ngx_oof_rotation_show(o, u);
}


static ngx_int_t
ngx_oof_rotation_delete_handler(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_rotation_stop);
    ngx_oof_pg_text(u, &o->location->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    return ngx_oof_rotation_show(o, u);
}


/* every call is answered by what there is then */

static ngx_int_t
ngx_oof_rotation_show(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_pg_statement(u, &ngx_oof_sql_rotation_get);
    ngx_oof_pg_text(u, &o->location->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_rotation_tables);
    ngx_oof_pg_text(u, &o->location->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_rotation_keys);
    ngx_oof_pg_text(u, &o->location->brand);

    return ngx_oof_request_unit(o, u, ngx_oof_rotation_result);
}


static ngx_int_t
ngx_oof_rotation_result(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body;
    ngx_uint_t      i, s;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 2048) != NGX_OK) {
        return NGX_ERROR;
    }

    s = u->nstatements - 3;

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');

    if (ngx_oof_pg_rows(u, s)) {
        ngx_oof_rotation_head(&w, u, s);

    } else {
        ngx_oof_json_name(&w, "state");
        ngx_oof_json_literal(&w, "none");
    }

    ngx_oof_json_name(&w, "tables");
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < ngx_oof_pg_rows(u, s + 1); i++) {
        ngx_oof_rotation_table(&w, u, s, i);
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static void
ngx_oof_rotation_head(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_str_t  text;

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_GET_COL_STATE, &text);
    ngx_oof_json_member(w, "state", &text);

    ngx_oof_json_name(w, "check");
    ngx_oof_json_bool(w, ngx_oof_pg_get_int(u, s, 0, NGX_OOF_GET_COL_CHECKING)
                         != 0);

    ngx_oof_rotation_number(w, "pass",
                            ngx_oof_pg_get_int(u, s, 0,
                                               NGX_OOF_GET_COL_PASS));

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_GET_COL_KEYS, &text);
    ngx_oof_json_member(w, "keys", &text);

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_GET_COL_ENCRYPT, &text);
    ngx_oof_json_member(w, "encrypt", &text);

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_GET_COL_LOOKUP, &text);
    ngx_oof_json_member(w, "lookup", &text);

    ngx_oof_json_member_time(w, "started",
                             ngx_oof_pg_get_time(u, s, 0,
                                                 NGX_OOF_GET_COL_STARTED));

    if (!ngx_oof_pg_is_null(u, s, 0, NGX_OOF_GET_COL_UNTIL)) {
        ngx_oof_json_member_time(w, "until",
                                 ngx_oof_pg_get_time(u, s, 0,
                                                     NGX_OOF_GET_COL_UNTIL));
    }

    if (!ngx_oof_pg_is_null(u, s, 0, NGX_OOF_GET_COL_ENDED)) {
        ngx_oof_json_member_time(w, "ended",
                                 ngx_oof_pg_get_time(u, s, 0,
                                                     NGX_OOF_GET_COL_ENDED));
    }
}


static void
ngx_oof_rotation_table(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row)
{
    ngx_uint_t  i;
    ngx_str_t   name;

    static struct {
        const char  *name;
        ngx_uint_t   col;
    } numbers[] = {
        { "rows", NGX_OOF_TABLE_COL_ROWS },
        { "left", NGX_OOF_TABLE_COL_LEFT },
        { "written", NGX_OOF_TABLE_COL_CHANGED },
        { "held", NGX_OOF_TABLE_COL_SKIPPED },
        { "unreadable", NGX_OOF_TABLE_COL_UNREADABLE },
        { "unknown", NGX_OOF_TABLE_COL_UNKNOWN }
    };

    ngx_oof_pg_get_str(u, s + 1, row, NGX_OOF_TABLE_COL_NAME, &name);

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "table", &name);

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ngx_oof_rotation_number(w, numbers[i].name,
                                ngx_oof_pg_get_int(u, s + 1, row,
                                                   numbers[i].col));
    }

    ngx_oof_rotation_kind(w, u, s + 2, &name, "encrypt");
    ngx_oof_rotation_kind(w, u, s + 2, &name, "lookup");
    ngx_oof_json_end(w, '}');
}


/* what this pass found under each key, before it wrote anything */

static void
ngx_oof_rotation_kind(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_str_t *table, const char *kind)
{
    ngx_str_t   name, text, id;
    ngx_uint_t  i;

    ngx_oof_json_name(w, kind);
    ngx_oof_json_begin(w, '{');

    for (i = 0; i < ngx_oof_pg_rows(u, s); i++) {
        ngx_oof_pg_get_str(u, s, i, NGX_OOF_KEY_COL_NAME, &name);
        ngx_oof_pg_get_str(u, s, i, NGX_OOF_KEY_COL_KIND, &text);

        if (name.len != table->len
            || ngx_memcmp(name.data, table->data, name.len) != 0
            || text.data[0] != (u_char) kind[0])
        {
            continue;
        }

        ngx_oof_pg_get_str(u, s, i, NGX_OOF_KEY_COL_ID, &id);
        ngx_oof_json_key(w, &id);
        ngx_oof_json_int(w, ngx_oof_pg_get_int(u, s, i, NGX_OOF_KEY_COL_N));
    }

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_rotation_number(ngx_oof_json_t *w, const char *name, int64_t value)
{
    ngx_oof_json_name(w, name);
    ngx_oof_json_int(w, value);
}
