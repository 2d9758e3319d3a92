
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>

#include <openssl/evp.h>


#define NGX_OOF_PURGE_PERIOD    60000      /* ms */
#define NGX_OOF_PURGE_RETRY     5000
#define NGX_OOF_PURGE_DEADLINE  2000
#define NGX_OOF_PURGE_ROWS      1000       /* of each table in a call */


typedef struct {
    ngx_msec_t              *next;
    ngx_uint_t              *asking;
} ngx_oof_purge_t;


static ngx_int_t ngx_oof_idempotency_key(ngx_oof_request_t *o,
    ngx_str_t *key);
static ngx_int_t ngx_oof_idempotency_digest(ngx_oof_request_t *o,
    const char *kind, ngx_str_t *parts, ngx_uint_t n, u_char *digest);
static void ngx_oof_idempotency_purged(ngx_oof_pg_unit_t *u);


ngx_int_t
ngx_oof_idempotency_init(ngx_oof_request_t *o, ngx_oof_idempotency_t *idem,
    ngx_str_t *canonical, u_char *unit)
{
    ngx_str_t            key, parts[3];
    ngx_oof_loc_conf_t  *olcf;

    if (ngx_oof_idempotency_key(o, &key) != NGX_OK) {
        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Cabeçalho inválido",
                             "O cabeçalho x-idempotency-key é obrigatório e "
                             "deve ter de 1 a 40 caracteres.");
        return NGX_DECLINED;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    parts[0].data = o->message->jti;
    parts[0].len = NGX_OOF_UUID_LEN;

    if (ngx_oof_idempotency_digest(o, "jti", parts, 1, idem->jti) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the endpoint: its method, and its path with the ids in it */

    parts[0] = o->r->method_name;
    parts[1] = o->uri;
    parts[2] = key;

    if (ngx_oof_idempotency_digest(o, "key", parts, 3, idem->hash) != NGX_OK) {
        return NGX_ERROR;
    }

    idem->canonical = *canonical;

    if (ngx_oof_crypt_lookup(olcf->keys, 0, "idempotency", canonical,
                             idem->print)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(idem->unit, unit, NGX_OOF_UUID_LEN);

    idem->now = ngx_oof_clock_rule();
    idem->until = idem->now + olcf->idempotency_keep * NGX_OOF_SECOND;

    return NGX_OK;
}


/* ^(?!\s)(.*)(\S)$ of 1 to 40 characters, sent once (spec 0.3) */

static ngx_int_t
ngx_oof_idempotency_key(ngx_oof_request_t *o, ngx_str_t *key)
{
    u_char      c;
    ngx_uint_t  i;

    if (o->headers[NGX_OOF_HEADER_IDEMPOTENCY_KEY] == NULL
        || (o->repeated & (1 << NGX_OOF_HEADER_IDEMPOTENCY_KEY)))
    {
        return NGX_DECLINED;
    }

    *key = o->headers[NGX_OOF_HEADER_IDEMPOTENCY_KEY]->value;

    if (key->len == 0 || key->len > NGX_OOF_IDEMPOTENCY_MAX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < key->len; i++) {
        c = key->data[i];

        if (c < 0x20 || c == 0x7f
            || (c == ' ' && (i == 0 || i == key->len - 1)))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* of brand, client and parts, each with its length before it */

static ngx_int_t
ngx_oof_idempotency_digest(ngx_oof_request_t *o, const char *kind,
    ngx_str_t *parts, ngx_uint_t n, u_char *digest)
{
    int                  rc;
    uint32_t             len;
    ngx_str_t            own[3], *part;
    ngx_uint_t           i;
    EVP_MD_CTX          *ctx;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    own[0].data = (u_char *) kind;
    own[0].len = ngx_strlen(kind);
    own[1] = olcf->brand;
    own[2] = o->token->client_id;

    ctx = EVP_MD_CTX_new();
    rc = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    for (i = 0; rc && i < n + 3; i++) {
        part = (i < 3) ? &own[i] : &parts[i - 3];
        len = htonl((uint32_t) part->len);

        rc = EVP_DigestUpdate(ctx, &len, sizeof(uint32_t)) == 1
             && EVP_DigestUpdate(ctx, part->data, part->len) == 1;
    }

    rc = rc && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

    EVP_MD_CTX_free(ctx);

    return rc ? NGX_OK : NGX_ERROR;
}


void
ngx_oof_pg_idempotency(ngx_oof_pg_unit_t *u, ngx_oof_idempotency_t *idem)
{
    ngx_str_t  value;

    value.len = NGX_OOF_IDEMPOTENCY_LEN;

    value.data = idem->jti;
    ngx_oof_pg_bytea(u, &value);

    value.data = idem->hash;
    ngx_oof_pg_bytea(u, &value);

    value.data = idem->print;
    ngx_oof_pg_bytea(u, &value);

    ngx_oof_pg_uuid(u, idem->unit);
    ngx_oof_pg_time(u, idem->now);
    ngx_oof_pg_time(u, idem->until);
}


ngx_uint_t
ngx_oof_idempotency_same(ngx_oof_request_t *o, ngx_oof_idempotency_t *idem,
    ngx_str_t *print)
{
    u_char               own[NGX_OOF_IDEMPOTENCY_LEN];
    ngx_uint_t           n;
    ngx_oof_loc_conf_t  *olcf;

    if (print->len != NGX_OOF_IDEMPOTENCY_LEN) {
        return 0;
    }

    if (ngx_memcmp(print->data, idem->print, NGX_OOF_IDEMPOTENCY_LEN) == 0) {
        return 1;
    }

    /* it may have been made before a new look-up key came first */

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    for (n = 1; /* void */ ; n++) {

        if (ngx_oof_crypt_lookup(olcf->keys, n, "idempotency",
                                 &idem->canonical, own)
            != NGX_OK)
        {
            return 0;
        }

        if (ngx_memcmp(print->data, own, NGX_OOF_IDEMPOTENCY_LEN) == 0) {
            return 1;
        }
    }
}


void
ngx_oof_idempotency_purge(ngx_oof_lease_t *lease, ngx_msec_t *next,
    ngx_uint_t *asking)
{
    ngx_oof_purge_t    *purge;
    ngx_oof_pg_unit_t  *u;

    if (*asking || (ngx_msec_int_t) (*next - ngx_current_msec) > 0
        || !ngx_oof_lease_held(lease))
    {
        return;
    }

    *next = ngx_current_msec + NGX_OOF_PURGE_RETRY;

    u = ngx_oof_pg_unit(lease->db, NGX_OOF_PG_LEASE);
    if (u == NULL) {
        return;
    }

    purge = ngx_palloc(u->pool, sizeof(ngx_oof_purge_t));
    if (purge == NULL) {
        ngx_oof_pg_free(u);
        return;
    }

    purge->next = next;
    purge->asking = asking;

    u->handler = ngx_oof_idempotency_purged;
    u->data = purge;
    u->deadline = ngx_current_msec + NGX_OOF_PURGE_DEADLINE;

    ngx_oof_pg_statement(u, &ngx_oof_sql_idempotency_purge);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
    ngx_oof_pg_int4(u, NGX_OOF_PURGE_ROWS);
    ngx_oof_pg_int8(u, lease->epoch);

    if (ngx_oof_pg_send(u) == NGX_OK) {
        *asking = 1;
    }
}


static void
ngx_oof_idempotency_purged(ngx_oof_pg_unit_t *u)
{
    ngx_oof_purge_t *purge = u->data;

    *purge->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {
        return;
    }

    *purge->next = ngx_current_msec;

    if (ngx_oof_pg_get_int(u, 0, 0, 1) < NGX_OOF_PURGE_ROWS) {
        *purge->next += NGX_OOF_PURGE_PERIOD;
    }
}
