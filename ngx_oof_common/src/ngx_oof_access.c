
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_halt.h>


#define ngx_oof_is_space(c)  ((c) == ' ' || ((c) >= 0x09 && (c) <= 0x0d))


typedef struct {
    ngx_uint_t               apis;       /* NGX_OOF_API_...; 0: all */
    ngx_oof_handler_pt       handler;
} ngx_oof_step_t;


static ngx_int_t ngx_oof_access_token(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_client(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_headers(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_header(ngx_oof_request_t *o, ngx_uint_t id);
static ngx_int_t ngx_oof_access_accept(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_join(ngx_oof_request_t *o, ngx_str_t *accept);
static ngx_int_t ngx_oof_access_media(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_keys(ngx_oof_request_t *o);
static void ngx_oof_access_keys_there(void *data);
static void ngx_oof_access_keys_forget(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_access_gate(ngx_oof_request_t *o);


/*
 * Security comes before function (spec 5.4, 7), but for what is closed for
 * everybody.
 */

static ngx_oof_step_t  ngx_oof_access_table[] = {
    { 0, ngx_oof_route_match },
    { NGX_OOF_API_TPP, ngx_oof_halt_check },
    { NGX_OOF_API_TPP, ngx_oof_cert_check },
    { NGX_OOF_API_TPP|NGX_OOF_API_BANK, ngx_oof_access_token },
    { NGX_OOF_API_TPP, ngx_oof_access_client },
    { NGX_OOF_API_TPP|NGX_OOF_API_PUBLIC, ngx_oof_access_headers },
    { 0, ngx_oof_access_accept },
    { 0, ngx_oof_access_media },
    { 0, ngx_oof_access_keys },
    { NGX_OOF_API_GATE, ngx_oof_access_gate },
    { 0, NULL }
};


ngx_int_t
ngx_oof_access_steps(ngx_oof_request_t *o, ngx_int_t rc)
{
    ngx_oof_step_t  *step;

    while (rc == NGX_DECLINED) {

        step = &ngx_oof_access_table[o->step];

        if (step->handler == NULL) {
            o->admitted = 1;
            break;
        }

        o->step++;

        if (step->apis == 0 || (step->apis & o->api->flags)) {
            rc = step->handler(o);
        }
    }

    return rc;
}


static ngx_int_t
ngx_oof_access_token(ngx_oof_request_t *o)
{
    if (o->route->grant == NGX_OOF_GRANT_NONE) {
        return NGX_DECLINED;
    }

    return ngx_oof_token_check(o);
}


static ngx_int_t
ngx_oof_access_client(ngx_oof_request_t *o)
{
    if (o->route->grant == NGX_OOF_GRANT_NONE) {
        return NGX_DECLINED;
    }

    return ngx_oof_client_check(o);
}


/* the request headers of spec 0.3, optional ones where they are sent */

static ngx_int_t
ngx_oof_access_headers(ngx_oof_request_t *o)
{
    ngx_uint_t  id;

    if (o->own_id) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Cabeçalho inválido",
                             "O cabeçalho x-fapi-interaction-id deve "
                             "conter um UUID.");
    }

    for (id = NGX_OOF_HEADER_AUTH_DATE;
         id <= NGX_OOF_HEADER_USER_AGENT;
         id++)
    {
        if (o->headers[id] == NULL || ngx_oof_access_header(o, id) == NGX_OK) {
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                      "client sent invalid header \"%V\"",
                      &o->headers[id]->key);

        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Cabeçalho inválido",
                             "O valor de um cabeçalho da requisição é "
                             "inválido.");
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_access_header(ngx_oof_request_t *o, ngx_uint_t id)
{
    size_t      max;
    ngx_str_t  *value;

    if (o->repeated & (1 << id)) {
        return NGX_DECLINED;
    }

    value = &o->headers[id]->value;

    if (id == NGX_OOF_HEADER_AUTH_DATE) {
        return ngx_oof_media_date(value);
    }

    max = (id == NGX_OOF_HEADER_CUSTOMER_IP) ? 100 : 255;

    if (value->len == 0 || value->len > max) {
        return NGX_DECLINED;
    }

    if (id == NGX_OOF_HEADER_USER_AGENT
        && (ngx_oof_is_space(value->data[0])
            || ngx_oof_is_space(value->data[value->len - 1])))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_access_accept(ngx_oof_request_t *o)
{
    ngx_str_t         accept;
    ngx_table_elt_t  *h;

    h = o->headers[NGX_OOF_HEADER_ACCEPT];

    if (h == NULL) {
        return NGX_DECLINED;
    }

    accept = h->value;

    if (o->repeated & (1 << NGX_OOF_HEADER_ACCEPT)) {
        if (ngx_oof_access_join(o, &accept) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* errors are JSON in every API */

    if (ngx_oof_media_accepted(&accept, "json")) {
        return NGX_DECLINED;
    }

    if ((o->api->flags & NGX_OOF_API_JWT)
        && ngx_oof_media_accepted(&accept, "jwt"))
    {
        return NGX_DECLINED;
    }

    return ngx_oof_error_status(o, NGX_OOF_HTTP_NOT_ACCEPTABLE);
}


/* several headers are one list (RFC 9110, 5.3) */

static ngx_int_t
ngx_oof_access_join(ngx_oof_request_t *o, ngx_str_t *accept)
{
    u_char           *p;
    ngx_uint_t        i, pass;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    p = NULL;
    accept->len = 0;

    for (pass = 0; pass < 2; pass++) {

        if (pass) {
            p = ngx_pnalloc(o->r->pool, accept->len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            accept->data = p;
        }

        for (part = &o->r->headers_in.headers.part; part; part = part->next) {
            h = part->elts;

            for (i = 0; i < part->nelts; i++) {

                if (h[i].key.len != 6
                    || ngx_memcmp(h[i].lowcase_key, "accept", 6) != 0)
                {
                    continue;
                }

                if (pass == 0) {
                    accept->len += h[i].value.len + 1;
                    continue;
                }

                p = ngx_cpymem(p, h[i].value.data, h[i].value.len);
                *p++ = ',';
            }
        }
    }

    accept->len--;

    return NGX_OK;
}


/* a Content-Type that comes without a body to read is ignored (spec 0.3) */

static ngx_int_t
ngx_oof_access_media(ngx_oof_request_t *o)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

    if (o->route->media == NGX_OOF_MEDIA_NONE) {
        return NGX_DECLINED;
    }

    h = o->r->headers_in.content_type;

    if (h == NULL) {
        return ngx_oof_error_status(o, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE);
    }

    rc = ngx_oof_media_check(&h->value,
                             o->route->media == NGX_OOF_MEDIA_JWT ? "jwt"
                                                                  : "json");

    return rc == NGX_OK ? NGX_DECLINED : ngx_oof_error_status(o, rc);
}


/*
 * What is written may have to be sealed.  A process that has just begun waits
 * for its portion of the key as it does for lanes and key sets, rather than to
 * tell the client that it is not there.
 */

static ngx_int_t
ngx_oof_access_keys(ngx_oof_request_t *o)
{
    ngx_int_t              rc;
    ngx_oof_crypt_wait_t  *wait;

    if (o->location->keys == NULL
        || o->location->database == NULL
        || !(o->r->method & (NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_PATCH)))
    {
        return NGX_DECLINED;
    }

    wait = ngx_palloc(o->r->pool, sizeof(ngx_oof_crypt_wait_t));
    if (wait == NULL) {
        return NGX_ERROR;
    }

    wait->handler = ngx_oof_access_keys_there;
    wait->data = o;

    rc = ngx_oof_crypt_wait(o->location->keys, o->location->database, wait);

    if (rc != NGX_AGAIN) {
        return NGX_DECLINED;
    }

    o->forget = ngx_oof_access_keys_forget;
    o->waiting = wait;

    return NGX_AGAIN;
}


static void
ngx_oof_access_keys_there(void *data)
{
    ngx_oof_request_t *o = data;

    o->waiting = NULL;

    ngx_oof_request_resume(o, NGX_DECLINED);
}


static void
ngx_oof_access_keys_forget(ngx_oof_request_t *o)
{
    ngx_oof_crypt_wait_t *wait = o->waiting;

    o->waiting = NULL;

    ngx_queue_remove(&wait->queue);
}


/* what the route asks for beyond the token: the content is another's */

static ngx_int_t
ngx_oof_access_gate(ngx_oof_request_t *o)
{
    return o->route->handler(o);
}
