
/*
 * Copyright (C) oof authors
 */


/*
 * For tests and measurements only: "oof_lab;" makes a location send a unit
 * that the query string describes and print how it ended and its rows.
 *
 *     class=read|write|solo|lease     the first word
 *     key=UUID deadline=MS
 *     s=NAME                          begins a statement, then its parameters:
 *     u=UUID t=TEXT i=INT4 l=INT8 b=0|1 n=
 */


#include <ngx_oof.h>
#include <ngx_oof_lab_sql.h>


#define NGX_OOF_LAB_BOOL   16
#define NGX_OOF_LAB_UUID   2950
#define NGX_OOF_LAB_TEXT   25


static ngx_int_t ngx_oof_lab_preconfiguration(ngx_conf_t *cf);
static char *ngx_oof_lab(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_oof_lab_handler(ngx_http_request_t *r);
static ngx_oof_pg_unit_t *ngx_oof_lab_unit(ngx_http_request_t *r);
static ngx_int_t ngx_oof_lab_word(ngx_oof_pg_unit_t *u, u_char *name,
    size_t len, ngx_str_t *value);
static void ngx_oof_lab_cleanup(void *data);
static void ngx_oof_lab_done(ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_lab_answer(ngx_http_request_t *r,
    ngx_oof_pg_unit_t *u);
static u_char *ngx_oof_lab_value(u_char *p, u_char *last,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row, ngx_uint_t col);


static ngx_command_t  ngx_oof_lab_commands[] = {

    { ngx_string("oof_lab"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_oof_lab,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_oof_lab_module_ctx = {
    ngx_oof_lab_preconfiguration,          /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_oof_lab_module = {
    NGX_MODULE_V1,
    &ngx_oof_lab_module_ctx,               /* module context */
    ngx_oof_lab_commands,                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_oof_lab_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_http_cleanup_t  *cln;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    u = ngx_oof_lab_unit(r);

    if (u == NULL) {
        return NGX_HTTP_BAD_REQUEST;
    }

    u->handler = ngx_oof_lab_done;
    u->data = r;

    if (ngx_oof_pg_send(u) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    cln->handler = ngx_oof_lab_cleanup;
    cln->data = u;

    ngx_http_set_ctx(r, cln, ngx_oof_lab_module);

    if (u->class == NGX_OOF_PG_READ) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->main->count++;

    return NGX_DONE;
}


static ngx_oof_pg_unit_t *
ngx_oof_lab_unit(ngx_http_request_t *r)
{
    u_char              *p, *end, *name, *src, *dst;
    size_t               len;
    ngx_str_t            value;
    ngx_uint_t           i;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    static char  *classes[] = { "read", "write", "solo", "lease" };

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->database == NULL) {
        return NULL;
    }

    u = NULL;
    p = r->args.data;
    end = p + r->args.len;

    for ( /* void */ ; p < end; p++) {

        name = p;
        p = ngx_strlchr(p, end, '=');

        if (p == NULL) {
            break;
        }

        len = p - name;
        src = ++p;

        p = ngx_strlchr(p, end, '&');

        if (p == NULL) {
            p = end;
        }

        value.data = ngx_pnalloc(r->pool, p - src + 1);
        if (value.data == NULL) {
            break;
        }

        dst = value.data;
        ngx_unescape_uri(&dst, &src, p - src, 0);
        value.len = dst - value.data;
        *dst = '\0';

        if (u) {
            if (ngx_oof_lab_word(u, name, len, &value) != NGX_OK) {
                ngx_oof_pg_free(u);
                return NULL;
            }

            continue;
        }

        for (i = 0; i < 4; i++) {
            if (ngx_strcmp(value.data, classes[i]) == 0) {
                u = ngx_oof_pg_unit(olcf->database, i);
            }
        }
    }

    return u;
}


static ngx_int_t
ngx_oof_lab_word(ngx_oof_pg_unit_t *u, u_char *name, size_t len,
    ngx_str_t *value)
{
    u_char          id[NGX_OOF_UUID_LEN];
    ngx_oof_sql_t **sql;

    if (len == 3) {
        return ngx_oof_uuid_parse(value, u->key);
    }

    if (len == 8) {
        u->deadline = ngx_current_msec + ngx_atoi(value->data, value->len);
        return NGX_OK;
    }

    switch (name[0]) {

    case 's':

        for (sql = ngx_oof_lab_sql; *sql; sql++) {
            if (ngx_strcmp((*sql)->name, value->data) == 0) {
                ngx_oof_pg_statement(u, *sql);
                return NGX_OK;
            }
        }

        return NGX_DECLINED;

    case 'u':

        if (ngx_oof_uuid_parse(value, id) != NGX_OK) {
            return NGX_DECLINED;
        }

        ngx_oof_pg_uuid(u, id);
        return NGX_OK;

    case 't':
        ngx_oof_pg_text(u, value);
        return NGX_OK;

    case 'i':
        ngx_oof_pg_int4(u, (int32_t) atoll((char *) value->data));
        return NGX_OK;

    case 'l':
        ngx_oof_pg_int8(u, atoll((char *) value->data));
        return NGX_OK;

    case 'b':
        ngx_oof_pg_bool(u, value->data[0] == '1');
        return NGX_OK;

    case 'n':
        ngx_oof_pg_null(u);
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static void
ngx_oof_lab_cleanup(void *data)
{
    ngx_oof_pg_unit_t *u = data;

    ngx_oof_pg_detach(u);
}


static void
ngx_oof_lab_done(ngx_oof_pg_unit_t *u)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;

    r = u->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    cln = ngx_http_get_module_ctx(r, ngx_oof_lab_module);
    cln->handler = NULL;

    rc = ngx_oof_lab_answer(r, u);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_oof_lab_answer(ngx_http_request_t *r, ngx_oof_pg_unit_t *u)
{
    size_t       size;
    u_char      *p, *last;
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_uint_t   s, row, col;
    ngx_chain_t  out;

    static ngx_uint_t  statuses[] = {
        NGX_HTTP_OK, NGX_HTTP_SERVICE_UNAVAILABLE, NGX_OOF_HTTP_OVERLOADED,
        NGX_HTTP_GATEWAY_TIME_OUT, NGX_HTTP_INTERNAL_SERVER_ERROR
    };

    size = 128;

    for (s = 0; s < u->nstatements; s++) {
        for (row = 0; row < ngx_oof_pg_rows(u, s); row++) {
            size += 64 + 64 * PQnfields(u->statements[s].result);

            for (col = 0; col < (ngx_uint_t)
                                PQnfields(u->statements[s].result); col++)
            {
                size += PQgetlength(u->statements[s].result, row, col);
            }
        }
    }

    b = ngx_create_temp_buf(r->pool, size);
    if (b == NULL) {
        return NGX_ERROR;
    }

    p = b->last;
    last = b->end;

    p = ngx_slprintf(p, last, "rc=%ui sqlstate=%s runs=%ui ms=%M\n", u->rc,
                     u->sqlstate, u->runs, ngx_current_msec - u->queued);

    for (s = 0; u->rc == NGX_OOF_PG_OK && s < u->nstatements; s++) {
        for (row = 0; row < ngx_oof_pg_rows(u, s); row++) {
            p = ngx_slprintf(p, last, "%ui", s);

            for (col = 0; col < (ngx_uint_t)
                                PQnfields(u->statements[s].result); col++)
            {
                p = ngx_oof_lab_value(p, last, u, s, row, col);
            }

            p = ngx_slprintf(p, last, "\n");
        }
    }

    b->last = p;
    b->last_buf = 1;
    b->last_in_chain = 1;

    r->headers_out.status = statuses[u->rc];
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "text/plain");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static u_char *
ngx_oof_lab_value(u_char *p, u_char *last, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, ngx_uint_t col)
{
    ngx_str_t  value;

    if (ngx_oof_pg_is_null(u, s, row, col)) {
        return ngx_slprintf(p, last, "\tnull");
    }

    switch (PQftype(u->statements[s].result, col)) {

    case NGX_OOF_LAB_UUID:
        ngx_oof_pg_get_str(u, s, row, col, &value);
        p = ngx_slprintf(p, last, "\t");
        return ngx_oof_uuid_format(p, value.data);

    case NGX_OOF_LAB_TEXT:
        ngx_oof_pg_get_str(u, s, row, col, &value);
        return ngx_slprintf(p, last, "\t%V", &value);

    default:
        return ngx_slprintf(p, last, "\t%L",
                            ngx_oof_pg_get_int(u, s, row, col));
    }
}


static ngx_int_t
ngx_oof_lab_preconfiguration(ngx_conf_t *cf)
{
    return ngx_oof_sql_register(cf, ngx_oof_lab_sql);
}


static char *
ngx_oof_lab(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_oof_lab_handler;

    return NGX_CONF_OK;
}
