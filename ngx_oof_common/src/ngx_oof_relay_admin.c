
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_relay_int.h>


/*
 * What operators may do (management listener, scope oof_admin):
 *
 *     GET  /events/consumers        how far each has come
 *     POST /events/replay           {"data":{"consumer":"c","position":1}},
 *                                   or "time": it gets all from there again
 *     GET  /events/dead?consumer=c  what was given up, by 100
 *     POST /events/dead/requeue     {"data":{"consumer":"c","positions":[1]}},
 *                                   or without positions: all of them
 *
 * Any process of any host may be asked: the one that holds the lease looks at
 * what was written each second.
 */

#define NGX_OOF_RELAY_PAGE     100
#define NGX_OOF_RELAY_REQUEUE  5000
#define NGX_OOF_RELAY_CHOSEN   1000     /* positions of a request */


static ngx_int_t ngx_oof_relay_consumers_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_relay_consumers_result(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_relay_replay_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_relay_replay_result(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_relay_dead_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_relay_dead_result(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_relay_requeue_handler(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_relay_positions(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u, json_t *list);
static ngx_int_t ngx_oof_relay_requeue_result(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_relay_data(ngx_oof_request_t *o, json_t **data,
    ngx_str_t *consumer);
static ngx_int_t ngx_oof_relay_wrong(ngx_oof_request_t *o,
    const char *detail);
static ngx_int_t ngx_oof_relay_unknown(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_relay_number(ngx_oof_request_t *o, const char *name,
    int64_t value);


static ngx_oof_route_t  ngx_oof_relay_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/events/consumers"),
      ngx_string("event_consumers"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_relay_consumers_handler,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/events/replay"),
      ngx_string("event_replay"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_relay_replay_handler,
      0 },

    { NGX_HTTP_GET,
      ngx_string("/events/dead"),
      ngx_string("event_dead"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_NONE,
      ngx_oof_relay_dead_handler,
      0 },

    { NGX_HTTP_POST,
      ngx_string("/events/dead/requeue"),
      ngx_string("event_requeue"),
      NGX_OOF_GRANT_ANY,
      ngx_string(NGX_OOF_SCOPE_ADMIN),
      NGX_OOF_MEDIA_JSON,
      ngx_oof_relay_requeue_handler,
      0 },

    ngx_oof_route_end
};


ngx_int_t
ngx_oof_relay_preconf(ngx_conf_t *cf)
{
    return ngx_oof_management_add(cf, ngx_oof_relay_routes);
}


static ngx_int_t
ngx_oof_relay_consumers_handler(ngx_oof_request_t *o)
{
    ngx_oof_pg_unit_t  *u;

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_relay_list);

    return ngx_oof_request_unit(o, u, ngx_oof_relay_consumers_result);
}


static ngx_int_t
ngx_oof_relay_consumers_result(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body, name;
    ngx_uint_t      i;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        ngx_oof_pg_get_str(u, 0, i, 0, &name);

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "consumer", &name);
        ngx_oof_json_name(&w, "position");
        ngx_oof_json_int(&w, ngx_oof_pg_get_int(u, 0, i, 1));
        ngx_oof_json_name(&w, "behind");
        ngx_oof_json_int(&w, ngx_oof_pg_get_int(u, 0, i, 2));
        ngx_oof_json_name(&w, "pending");
        ngx_oof_json_int(&w, ngx_oof_pg_get_int(u, 0, i, 4));
        ngx_oof_json_name(&w, "dead");
        ngx_oof_json_int(&w, ngx_oof_pg_get_int(u, 0, i, 5));
        ngx_oof_json_member_time(&w, "configured",
                                 ngx_oof_pg_get_time(u, 0, i, 3));
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_relay_replay_handler(ngx_oof_request_t *o)
{
    json_t             *data, *position;
    int64_t             time;
    ngx_int_t           rc;
    ngx_str_t           consumer, text;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_relay_data(o, &data, &consumer);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    position = json_object_get(data, "position");

    rc = ngx_oof_json_get_str(data, "time", &text);

    if (rc == NGX_OK) {
        rc = ngx_oof_clock_parse(&text, &time);
    }

    if ((position != NULL) == (rc == NGX_OK)
        || (position && (!json_is_integer(position)
                         || json_integer_value(position) < 1)))
    {
        return ngx_oof_relay_wrong(o, "data deve ter position, um número "
                                      "inteiro positivo, ou time, uma data e "
                                      "hora.");
    }

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_relay_replay);
    ngx_oof_pg_text(u, &consumer);

    if (position) {
        ngx_oof_pg_int8(u, json_integer_value(position));
        ngx_oof_pg_null(u);

    } else {
        ngx_oof_pg_null(u);
        ngx_oof_pg_time(u, time);
    }

    return ngx_oof_request_unit(o, u, ngx_oof_relay_replay_result);
}


static ngx_int_t
ngx_oof_relay_replay_result(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    if (ngx_oof_pg_rows(u, 0) != 1) {
        return ngx_oof_relay_unknown(o);
    }

    return ngx_oof_relay_number(o, "position",
                                ngx_oof_pg_get_int(u, 0, 0, 1));
}


static ngx_int_t
ngx_oof_relay_dead_handler(ngx_oof_request_t *o)
{
    off_t               after;
    ngx_str_t           consumer, text;
    ngx_oof_pg_unit_t  *u;

    if (ngx_http_arg(o->r, (u_char *) "consumer", 8, &consumer) != NGX_OK
        || !ngx_oof_is_word(&consumer, NGX_OOF_NAME_MAX, "-_."))
    {
        return ngx_oof_relay_wrong(o, "consumer deve ser o nome de um "
                                      "consumidor.");
    }

    after = 0;

    if (ngx_http_arg(o->r, (u_char *) "after", 5, &text) == NGX_OK) {
        after = ngx_atoof(text.data, text.len);

        if (after == NGX_ERROR) {
            return ngx_oof_relay_wrong(o, "after deve ser uma posição.");
        }
    }

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_relay_dead);
    ngx_oof_pg_text(u, &consumer);
    ngx_oof_pg_int8(u, after);
    ngx_oof_pg_int4(u, NGX_OOF_RELAY_PAGE);

    return ngx_oof_request_unit(o, u, ngx_oof_relay_dead_result);
}


static ngx_int_t
ngx_oof_relay_dead_result(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_str_t       body, text;
    ngx_uint_t      i;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < ngx_oof_pg_rows(u, 0); i++) {
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "position");
        ngx_oof_json_int(&w, ngx_oof_pg_get_int(u, 0, i, 0));

        ngx_oof_pg_get_str(u, 0, i, 1, &text);
        ngx_oof_json_name(&w, "id");
        ngx_oof_json_uuid(&w, text.data);

        ngx_oof_pg_get_str(u, 0, i, 2, &text);
        ngx_oof_json_name(&w, "subject");
        ngx_oof_json_uuid(&w, text.data);

        ngx_oof_json_name(&w, "attempts");
        ngx_oof_json_int(&w, ngx_oof_pg_get_int(u, 0, i, 3));
        ngx_oof_json_member_time(&w, "time", ngx_oof_pg_get_time(u, 0, i, 4));

        ngx_oof_pg_get_str(u, 0, i, 5, &text);
        ngx_oof_json_member(&w, "error", &text);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_relay_requeue_handler(ngx_oof_request_t *o)
{
    json_t             *data, *list;
    ngx_int_t           rc;
    ngx_str_t           consumer;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_relay_data(o, &data, &consumer);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    u = ngx_oof_pg_unit(o->location->database, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_relay_requeue);
    ngx_oof_pg_text(u, &consumer);

    list = json_object_get(data, "positions");

    if (list == NULL) {
        ngx_oof_pg_null(u);

    } else if (ngx_oof_relay_positions(o, u, list) != NGX_OK) {
        ngx_oof_pg_free(u);
        return ngx_oof_relay_wrong(o, "data.positions deve ser uma lista de "
                                      "até 1000 posições.");
    }

    ngx_oof_pg_int4(u, NGX_OOF_RELAY_REQUEUE);

    return ngx_oof_request_unit(o, u, ngx_oof_relay_requeue_result);
}


static ngx_int_t
ngx_oof_relay_positions(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    json_t *list)
{
    size_t      i, n;
    u_char     *p;
    json_t     *item;
    ngx_str_t   text;

    n = json_array_size(list);

    if (!json_is_array(list) || n == 0 || n > NGX_OOF_RELAY_CHOSEN) {
        return NGX_DECLINED;
    }

    text.data = ngx_pnalloc(u->pool, n * (NGX_INT64_LEN + 1));
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = text.data;

    for (i = 0; i < n; i++) {
        item = json_array_get(list, i);

        if (!json_is_integer(item)) {
            return NGX_DECLINED;
        }

        p = ngx_sprintf(p, i ? ",%L" : "%L", json_integer_value(item));
    }

    text.len = p - text.data;

    ngx_oof_pg_text(u, &text);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_relay_requeue_result(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    if (ngx_oof_pg_rows(u, 0) != 1) {
        return ngx_oof_relay_unknown(o);
    }

    return ngx_oof_relay_number(o, "requeued",
                                ngx_oof_pg_get_int(u, 0, 0, 1));
}


/* NGX_OK; NGX_DECLINED: an answer is prepared; NGX_ERROR */

static ngx_int_t
ngx_oof_relay_data(ngx_oof_request_t *o, json_t **data, ngx_str_t *consumer)
{
    ngx_int_t  rc;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
    }

    *data = json_object_get(o->json, "data");

    if (ngx_oof_json_get_str(*data, "consumer", consumer) != NGX_OK
        || !ngx_oof_is_word(consumer, NGX_OOF_NAME_MAX, "-_."))
    {
        (void) ngx_oof_relay_wrong(o, "data.consumer deve ser o nome de um "
                                      "consumidor.");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_relay_wrong(ngx_oof_request_t *o, const char *detail)
{
    return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                         "Parâmetro inválido.", detail);
}


static ngx_int_t
ngx_oof_relay_unknown(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Recurso não encontrado",
                         "Não há consumidor de eventos com este nome.");
}


static ngx_int_t
ngx_oof_relay_number(ngx_oof_request_t *o, const char *name, int64_t value)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, name);
    ngx_oof_json_int(&w, value);
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}
