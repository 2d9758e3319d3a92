
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_pg_lane.h>


#define NGX_OOF_PG_POOL_SIZE   1024
#define NGX_OOF_PG_BINARY      1

/* PostgreSQL counts from 2000-01-01 */
#define NGX_OOF_PG_EPOCH       (946684800 * NGX_OOF_SECOND)


static char *ngx_oof_pg_param(ngx_oof_pg_unit_t *u, size_t len);
static u_char *ngx_oof_pg_value(ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, ngx_uint_t col, size_t *len);
static void ngx_oof_pg_put32(char *p, uint32_t n);
static void ngx_oof_pg_put64(char *p, uint64_t n);


ngx_oof_pg_unit_t *
ngx_oof_pg_unit(ngx_oof_database_t *db, ngx_uint_t class)
{
    ngx_pool_t         *pool;
    ngx_oof_pg_unit_t  *u;

    pool = ngx_create_pool(NGX_OOF_PG_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    u = ngx_pcalloc(pool, sizeof(ngx_oof_pg_unit_t));
    if (u == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    u->db = db;
    u->pool = pool;
    u->class = class;
    u->lanes = class;

    return u;
}


void
ngx_oof_pg_free(ngx_oof_pg_unit_t *u)
{
    ngx_oof_pg_unit_clear(u);
    ngx_destroy_pool(u->pool);
}


void
ngx_oof_pg_statement(ngx_oof_pg_unit_t *u, ngx_oof_sql_t *sql)
{
    u_char                  *p;
    size_t                   size;
    ngx_uint_t               n;
    ngx_oof_pg_statement_t  *s;

    if (u->failed || u->nstatements == NGX_OOF_PG_MAX_STATEMENTS) {
        u->failed = 1;
        return;
    }

    s = &u->statements[u->nstatements++];
    s->sql = sql;

    n = sql->nparams;
    size = sizeof(char *) + 2 * sizeof(int);

    p = ngx_palloc(u->pool, n * size + 1);
    if (p == NULL) {
        u->failed = 1;
        return;
    }

    s->values = (const char **) p;
    s->lengths = (int *) (p + n * sizeof(char *));
    s->formats = s->lengths + n;

    u->size += ngx_strlen(sql->name) + n * 2 * sizeof(int);
}


void
ngx_oof_pg_null(ngx_oof_pg_unit_t *u)
{
    ngx_oof_pg_statement_t  *s;

    if (ngx_oof_pg_param(u, 0) == NULL) {
        return;
    }

    s = &u->statements[u->nstatements - 1];
    s->values[s->nparams - 1] = NULL;
}


void
ngx_oof_pg_uuid(ngx_oof_pg_unit_t *u, u_char *id)
{
    char  *p;

    p = ngx_oof_pg_param(u, NGX_OOF_UUID_LEN);

    if (p) {
        ngx_memcpy(p, id, NGX_OOF_UUID_LEN);
    }
}


void
ngx_oof_pg_text(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
    char  *p;

    /* binary text is its bytes; the server refuses those not of UTF-8 */

    p = ngx_oof_pg_param(u, value->len);

    if (p && value->len) {
        ngx_memcpy(p, value->data, value->len);
    }
}


void
ngx_oof_pg_bytea(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
    ngx_oof_pg_text(u, value);
}


void
ngx_oof_pg_some(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
    if (value->len) {
        ngx_oof_pg_text(u, value);

    } else {
        ngx_oof_pg_null(u);
    }
}


void
ngx_oof_pg_int4(ngx_oof_pg_unit_t *u, int32_t value)
{
    char  *p;

    p = ngx_oof_pg_param(u, 4);

    if (p) {
        ngx_oof_pg_put32(p, (uint32_t) value);
    }
}


void
ngx_oof_pg_int8(ngx_oof_pg_unit_t *u, int64_t value)
{
    char  *p;

    p = ngx_oof_pg_param(u, 8);

    if (p) {
        ngx_oof_pg_put64(p, (uint64_t) value);
    }
}


void
ngx_oof_pg_bool(ngx_oof_pg_unit_t *u, ngx_uint_t value)
{
    char  *p;

    p = ngx_oof_pg_param(u, 1);

    if (p) {
        *p = value ? 1 : 0;
    }
}


void
ngx_oof_pg_time(ngx_oof_pg_unit_t *u, int64_t us)
{
    ngx_oof_pg_int8(u, us - NGX_OOF_PG_EPOCH);
}


/* room for the next parameter of the last statement, never NULL for len 0 */

static char *
ngx_oof_pg_param(ngx_oof_pg_unit_t *u, size_t len)
{
    char                    *p;
    ngx_oof_pg_statement_t  *s;

    if (u->failed || u->nstatements == 0) {
        u->failed = 1;
        return NULL;
    }

    s = &u->statements[u->nstatements - 1];

    if (s->nparams == s->sql->nparams || len > NGX_MAX_INT32_VALUE) {
        u->failed = 1;
        return NULL;
    }

    p = ngx_pnalloc(u->pool, len ? len : 1);
    if (p == NULL) {
        u->failed = 1;
        return NULL;
    }

    s->values[s->nparams] = p;
    s->lengths[s->nparams] = (int) len;
    s->formats[s->nparams] = NGX_OOF_PG_BINARY;
    s->nparams++;

    u->size += len;

    return p;
}


ngx_uint_t
ngx_oof_pg_rows(ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    if (s >= u->nstatements || u->statements[s].result == NULL) {
        return 0;
    }

    return u->statements[s].sharers ? 1 : PQntuples(u->statements[s].result);
}


ngx_uint_t
ngx_oof_pg_is_null(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col)
{
    size_t  len;

    return ngx_oof_pg_value(u, s, row, col, &len) == NULL;
}


void
ngx_oof_pg_get_str(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col, ngx_str_t *value)
{
    value->data = ngx_oof_pg_value(u, s, row, col, &value->len);
}


int64_t
ngx_oof_pg_get_int(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col)
{
    u_char    *p;
    size_t     len, i;
    uint64_t   n;

    p = ngx_oof_pg_value(u, s, row, col, &len);

    switch (len) {

    case 1:                                                      /* bool */
        return p[0];

    case 2:
    case 4:
    case 8:
        n = (p[0] & 0x80) ? (uint64_t) -1 : 0;

        for (i = 0; i < len; i++) {
            n = n << 8 | p[i];
        }

        return (int64_t) n;

    default:
        return 0;
    }
}


int64_t
ngx_oof_pg_get_time(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col)
{
    int64_t  n;

    n = ngx_oof_pg_get_int(u, s, row, col);

    /* "infinity" stays the largest number, and would overflow */

    return (n > INT64_MAX - NGX_OOF_PG_EPOCH) ? INT64_MAX
                                              : n + NGX_OOF_PG_EPOCH;
}


/* NULL, and length 0, for what is null or is not there */

static u_char *
ngx_oof_pg_value(ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_uint_t row,
    ngx_uint_t col, size_t *len)
{
    PGresult  *res;

    *len = 0;

    if (row >= ngx_oof_pg_rows(u, s)) {
        return NULL;
    }

    res = u->statements[s].result;
    row += u->statements[s].row;

    if (col >= (ngx_uint_t) PQnfields(res)
        || PQgetisnull(res, (int) row, (int) col))
    {
        return NULL;
    }

    *len = PQgetlength(res, (int) row, (int) col);

    return (u_char *) PQgetvalue(res, (int) row, (int) col);
}


void
ngx_oof_pg_unit_clear(ngx_oof_pg_unit_t *u)
{
    ngx_uint_t               i;
    ngx_oof_pg_statement_t  *s;

    for (i = 0; i < u->nstatements; i++) {
        s = &u->statements[i];

        if (s->sharers == NULL) {
            PQclear(s->result);

        } else if (--*s->sharers == 0) {
            PQclear(s->result);
            ngx_free(s->sharers);
        }

        s->result = NULL;
        s->sharers = NULL;
        s->row = 0;
    }
}


static void
ngx_oof_pg_put32(char *p, uint32_t n)
{
    n = htonl(n);
    ngx_memcpy(p, &n, 4);
}


static void
ngx_oof_pg_put64(char *p, uint64_t n)
{
    ngx_oof_pg_put32(p, (uint32_t) (n >> 32));
    ngx_oof_pg_put32(p + 4, (uint32_t) n);
}
