
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_ERROR_SIZE  512


typedef struct {
    ngx_uint_t               status;
    ngx_str_t                code;
    ngx_str_t                title;
    ngx_str_t                detail;
} ngx_oof_status_t;


static ngx_oof_status_t *ngx_oof_status(ngx_uint_t status);
static void ngx_oof_body_meta(ngx_oof_json_t *w);
static ngx_int_t ngx_oof_send_headers(ngx_oof_request_t *o);
static ngx_int_t ngx_oof_send_allow(ngx_oof_request_t *o);


/*
 * What an error says when nothing more exact is known.  Codes are the
 * regulation's where it has one (spec 2.2, 1.3), else the status's name.
 */

static ngx_oof_status_t  ngx_oof_statuses[] = {

    { 400, ngx_string("BAD_REQUEST"),
      ngx_string("Requisição inválida"),
      ngx_string("A requisição está malformada.") },

    { 401, ngx_string("UNAUTHORIZED"),
      ngx_string("Não autorizado"),
      ngx_string("As credenciais estão ausentes ou são inválidas.") },

    { 403, ngx_string("FORBIDDEN"),
      ngx_string("Acesso negado"),
      ngx_string("O solicitante não tem permissão para esta operação.") },

    { 404, ngx_string("NOT_FOUND"),
      ngx_string("Recurso não encontrado"),
      ngx_string("O recurso solicitado não existe.") },

    { 405, ngx_string("METHOD_NOT_ALLOWED"),
      ngx_string("Método não permitido"),
      ngx_string("O método HTTP não é suportado por este recurso.") },

    { 406, ngx_string("NOT_ACCEPTABLE"),
      ngx_string("Formato não suportado"),
      ngx_string("O formato ou a codificação de caracteres não é "
                 "suportado.") },

    { 408, ngx_string("REQUEST_TIMEOUT"),
      ngx_string("Tempo de requisição esgotado"),
      ngx_string("A requisição não foi recebida no tempo esperado.") },

    { 409, ngx_string("CONFLICT"),
      ngx_string("Conflito"),
      ngx_string("O estado do recurso não permite esta operação.") },

    { 413, ngx_string("PAYLOAD_TOO_LARGE"),
      ngx_string("Corpo da requisição muito grande"),
      ngx_string("O corpo da requisição excede o tamanho permitido.") },

    { 414, ngx_string("URI_TOO_LONG"),
      ngx_string("URI muito longa"),
      ngx_string("A URI da requisição excede o tamanho permitido.") },

    { 415, ngx_string("UNSUPPORTED_MEDIA_TYPE"),
      ngx_string("Tipo de conteúdo não suportado"),
      ngx_string("O Content-Type da requisição não é suportado.") },

    { 421, ngx_string("MISDIRECTED_REQUEST"),
      ngx_string("Requisição mal direcionada"),
      ngx_string("O servidor não atende este nome nesta conexão.") },

    { 422, ngx_string("ERRO_NAO_MAPEADO"),
      ngx_string("Requisição não processável"),
      ngx_string("A requisição não pôde ser processada.") },

    { 423, ngx_string("LOCKED"),
      ngx_string("Recurso bloqueado"),
      ngx_string("O limite operacional de requisições foi atingido.") },

    { 429, ngx_string("TOO_MANY_REQUESTS"),
      ngx_string("Muitas requisições"),
      ngx_string("O limite de requisições por minuto foi atingido.") },

    { 431, ngx_string("REQUEST_HEADER_FIELDS_TOO_LARGE"),
      ngx_string("Cabeçalhos muito grandes"),
      ngx_string("Os cabeçalhos da requisição excedem o tamanho "
                 "permitido.") },

    { 500, ngx_string("INTERNAL_SERVER_ERROR"),
      ngx_string("Erro interno"),
      ngx_string("Ocorreu um erro inesperado no servidor.") },

    { 501, ngx_string("NOT_IMPLEMENTED"),
      ngx_string("Não implementado"),
      ngx_string("O servidor não suporta esta requisição.") },

    { 502, ngx_string("BAD_GATEWAY"),
      ngx_string("Falha de comunicação"),
      ngx_string("Um sistema interno não respondeu corretamente.") },

    { 503, ngx_string("SERVICE_UNAVAILABLE"),
      ngx_string("Serviço indisponível"),
      ngx_string("O serviço está temporariamente indisponível.") },

    { 504, ngx_string("GATEWAY_TIMEOUT"),
      ngx_string("Tempo de resposta esgotado"),
      ngx_string("A requisição não foi concluída no tempo esperado.") },

    { 505, ngx_string("HTTP_VERSION_NOT_SUPPORTED"),
      ngx_string("Versão HTTP não suportada"),
      ngx_string("O servidor não suporta a versão HTTP da requisição.") },

    { 529, ngx_string("SITE_IS_OVERLOADED"),
      ngx_string("Serviço sobrecarregado"),
      ngx_string("O limite de requisições simultâneas foi atingido.") },

    { 0, ngx_null_string, ngx_null_string, ngx_null_string }
};


static ngx_str_t  ngx_oof_json_type = ngx_string("application/json");
static ngx_str_t  ngx_oof_error_type =
    ngx_string("application/json; charset=utf-8");

static ngx_str_t  ngx_oof_cache_control = ngx_string("Cache-Control");
static ngx_str_t  ngx_oof_no_store = ngx_string("no-store");
static ngx_str_t  ngx_oof_retry_after = ngx_string("Retry-After");
static ngx_str_t  ngx_oof_authenticate = ngx_string("WWW-Authenticate");
static ngx_str_t  ngx_oof_bearer = ngx_string("Bearer");
static ngx_str_t  ngx_oof_allow = ngx_string("Allow");

static ngx_str_t  ngx_oof_unauthorized = ngx_string("UNAUTHORIZED");


/* methods as "Allow" has them */

static struct {
    ngx_uint_t               method;
    ngx_str_t                name;
} ngx_oof_methods[] = {
    { NGX_HTTP_GET, ngx_string("GET") },
    { NGX_HTTP_POST, ngx_string("POST") },
    { NGX_HTTP_PUT, ngx_string("PUT") },
    { NGX_HTTP_PATCH, ngx_string("PATCH") },
    { NGX_HTTP_DELETE, ngx_string("DELETE") },
    { 0, ngx_null_string }
};


ngx_int_t
ngx_oof_answer(ngx_oof_request_t *o, ngx_uint_t status, ngx_str_t *body)
{
    o->status = status;

    if (body) {
        o->answer = *body;

    } else {
        ngx_str_null(&o->answer);
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_error(ngx_oof_request_t *o, ngx_uint_t status, const char *code,
    const char *title, const char *detail)
{
    ngx_oof_loc_conf_t  *olcf;

    o->status = status;

    ngx_str_null(&o->answer);
    ngx_str_null(&o->media);

    o->error_code.data = (u_char *) code;
    o->error_code.len = ngx_strlen(code);
    o->error_title.data = (u_char *) title;
    o->error_title.len = ngx_strlen(title);
    o->error_detail.data = (u_char *) detail;
    o->error_detail.len = ngx_strlen(detail);

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE
        || status == NGX_HTTP_TOO_MANY_REQUESTS
        || status == NGX_OOF_HTTP_OVERLOADED)
    {
        if (o->retry_after == 0) {
            olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
            o->retry_after = (ngx_uint_t) olcf->retry_after;
        }

    } else {
        o->retry_after = 0;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_error_status(ngx_oof_request_t *o, ngx_uint_t status)
{
    ngx_oof_status_t  *s;

    s = ngx_oof_status(status);

    return ngx_oof_error(o, status, (char *) s->code.data,
                         (char *) s->title.data, (char *) s->detail.data);
}


/* a status of no text of its own says what its class says */

static ngx_oof_status_t *
ngx_oof_status(ngx_uint_t status)
{
    ngx_oof_status_t  *s;

    for (s = ngx_oof_statuses; s->status; s++) {
        if (s->status == status) {
            return s;
        }
    }

    return ngx_oof_status(status < 500 ? 400 : 500);
}


ngx_int_t
ngx_oof_error_unit(ngx_oof_request_t *o, ngx_uint_t rc)
{
    switch (rc) {

    case NGX_OOF_PG_DOWN:
        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);

    case NGX_OOF_PG_FULL:
        return ngx_oof_error_status(o, NGX_OOF_HTTP_OVERLOADED);

    case NGX_OOF_PG_TIMEOUT:
        return ngx_oof_error_status(o, NGX_HTTP_GATEWAY_TIME_OUT);

    default:
        return ngx_oof_error_status(o, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


ngx_int_t
ngx_oof_error_body(ngx_oof_request_t *o, ngx_str_t *body)
{
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, NGX_OOF_ERROR_SIZE) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');

    ngx_oof_json_name(&w, "errors");
    ngx_oof_json_begin(&w, '[');
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "code", &o->error_code);
    ngx_oof_json_member(&w, "title", &o->error_title);
    ngx_oof_json_member(&w, "detail", &o->error_detail);
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, ']');

    if (o->api && (o->api->flags & NGX_OOF_API_OPEN)) {

        /* the interface files of these want numbers of records, too */

        ngx_oof_json_name(&w, "meta");
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, "totalRecords");
        ngx_oof_json_int(&w, 1);
        ngx_oof_json_name(&w, "totalPages");
        ngx_oof_json_int(&w, 1);
        ngx_oof_json_member_time(&w, "requestDateTime", ngx_oof_clock_real());
        ngx_oof_json_end(&w, '}');

    } else {
        ngx_oof_body_meta(&w);
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, body);
}


void
ngx_oof_body_begin(ngx_oof_json_t *w)
{
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "data");
}


void
ngx_oof_body_end(ngx_oof_request_t *o, ngx_oof_json_t *w, ngx_str_t *path)
{
    ngx_str_t            self;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    self.len = olcf->base_url.len + path->len;
    self.data = ngx_pnalloc(o->r->pool, self.len);

    if (self.data == NULL) {
        w->failed = 1;
        return;
    }

    ngx_memcpy(ngx_cpymem(self.data, olcf->base_url.data, olcf->base_url.len),
               path->data, path->len);

    ngx_oof_json_name(w, "links");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "self", &self);
    ngx_oof_json_end(w, '}');

    ngx_oof_body_meta(w);

    ngx_oof_json_end(w, '}');
}


/* requestDateTime is real time, and is written once a second */

static void
ngx_oof_body_meta(ngx_oof_json_t *w)
{
    int64_t    now;
    ngx_str_t  json;

    static u_char   meta[] = "{\"requestDateTime\":\"0000-00-00T00:00:00Z\"}";
    static int64_t  second = -1;

    now = ngx_oof_clock_real();

    if (now / NGX_OOF_SECOND != second) {
        second = now / NGX_OOF_SECOND;
        (void) ngx_oof_clock_format(meta + sizeof("{\"requestDateTime\":\"")
                                    - 1,
                                    now);
    }

    json.data = meta;
    json.len = sizeof(meta) - 1;

    ngx_oof_json_name(w, "meta");
    ngx_oof_json_raw(w, &json);
}


ngx_int_t
ngx_oof_send(ngx_oof_request_t *o)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = o->r;

    o->answered = 1;

    if (o->status >= NGX_HTTP_BAD_REQUEST && o->answer.len == 0
        && o->error_code.len)
    {
        if (ngx_oof_error_body(o, &o->answer) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (r->request_body == NULL) {

        /* nobody is asked to send what will not be read */

        r->expect_tested = 1;

        if (ngx_http_discard_request_body(r) != NGX_OK) {
            r->keepalive = 0;
        }
    }

    if (ngx_oof_send_headers(o) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = o->answer.data;
    b->last = o->answer.data + o->answer.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* x-v and x-fapi-interaction-id come from the filter, for they are on all */

static ngx_int_t
ngx_oof_send_headers(ngx_oof_request_t *o)
{
    ngx_http_request_t  *r;

    r = o->r;

    r->headers_out.status = o->status;

    /* no API has validators: If-Match and its like are ignored (spec 7, 7) */

    r->disable_not_modified = 1;

    if (o->answer.len == 0) {

        /* an empty buffer must not be sent */

        r->header_only = 1;

        if (o->status != NGX_HTTP_NO_CONTENT) {
            r->headers_out.content_length_n = 0;
        }

    } else {
        r->headers_out.content_length_n = o->answer.len;

        if (o->media.len) {
            r->headers_out.content_type = o->media;
            r->headers_out.content_type_len = o->media.len;

        } else {
            r->headers_out.content_type =
                o->status < NGX_HTTP_BAD_REQUEST ? ngx_oof_json_type
                                                 : ngx_oof_error_type;
            r->headers_out.content_type_len = ngx_oof_json_type.len;
        }

        r->headers_out.content_type_lowcase = NULL;
    }

    if (ngx_oof_response_header(r, &ngx_oof_cache_control, &ngx_oof_no_store)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_response_retry_after(o) != NGX_OK) {
        return NGX_ERROR;
    }

    /* RFC 6750, 3: only where a token is what is missing */

    if (o->status == NGX_HTTP_UNAUTHORIZED
        && o->error_code.len == ngx_oof_unauthorized.len
        && ngx_memcmp(o->error_code.data, ngx_oof_unauthorized.data,
                      ngx_oof_unauthorized.len)
           == 0
        && ngx_oof_response_header(r, &ngx_oof_authenticate, &ngx_oof_bearer)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return o->status == NGX_HTTP_NOT_ALLOWED ? ngx_oof_send_allow(o) : NGX_OK;
}


static ngx_int_t
ngx_oof_send_allow(ngx_oof_request_t *o)
{
    u_char      *p;
    ngx_str_t    value;
    ngx_uint_t   i;

    value.data = ngx_pnalloc(o->r->pool,
                             sizeof("GET, POST, PUT, PATCH, DELETE"));
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = value.data;

    for (i = 0; ngx_oof_methods[i].method; i++) {

        if (o->allow & ngx_oof_methods[i].method) {
            p = ngx_sprintf(p, "%s%V", p == value.data ? "" : ", ",
                            &ngx_oof_methods[i].name);
        }
    }

    value.len = p - value.data;

    return ngx_oof_response_header(o->r, &ngx_oof_allow, &value);
}


ngx_int_t
ngx_oof_response_retry_after(ngx_oof_request_t *o)
{
    u_char     *p;
    ngx_str_t   value;

    if (o->retry_after == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(o->r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%ui", o->retry_after) - p;

    return ngx_oof_response_header(o->r, &ngx_oof_retry_after, &value);
}


ngx_int_t
ngx_oof_response_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->next = NULL;
    h->key = *name;
    h->value = *value;

    return NGX_OK;
}
