
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_gate.h>
#include <ngx_oof_consent_sql.h>


#define NGX_OOF_GATE_ID_MAX       100     /* of a resource (spec 0.3) */
#define NGX_OOF_GATE_HEADER_MAX   4096    /* of X-OOF-Resources */
#define NGX_OOF_GATE_ADDRESS      128     /* less the type */

/* an item is longer than an id and a comma */
#define NGX_OOF_GATE_ROWS                                                     \
    (NGX_OOF_GATE_HEADER_MAX / (NGX_OOF_UUID_TEXT + 1) + 1)


/* columns of gate_read and gate_list; the last two are of gate_read alone */

typedef enum {
    NGX_OOF_GATE_COL_CLIENT = 0,
    NGX_OOF_GATE_COL_STATUS,
    NGX_OOF_GATE_COL_PERMISSIONS,
    NGX_OOF_GATE_COL_CPF,
    NGX_OOF_GATE_COL_CNPJ,
    NGX_OOF_GATE_COL_PERSONAL,
    NGX_OOF_GATE_COL_RESOURCE,
    NGX_OOF_GATE_COL_LEGACY,
    NGX_OOF_GATE_COL_TYPE,
    NGX_OOF_GATE_COL_RESOURCE_STATUS
} ngx_oof_gate_col_e;


typedef struct {
    ngx_str_t                status;
    const char              *code;
    const char              *text;
} ngx_oof_gate_refusal_t;


static ngx_int_t ngx_oof_gate_route(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate);
static ngx_str_t *ngx_oof_gate_endpoint(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate);
static ngx_int_t ngx_oof_gate_name(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_http_complex_value_t *value);
static ngx_int_t ngx_oof_gate_read(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate);
static ngx_int_t ngx_oof_gate_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_owner(ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_month(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate);
static ngx_int_t ngx_oof_gate_judge(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_judge_resource(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_dead(ngx_oof_request_t *o, const char *why);
static ngx_int_t ngx_oof_gate_forbidden(ngx_oof_request_t *o);
static ngx_uint_t ngx_oof_gate_is(ngx_str_t *value, ngx_str_t *other);

static ngx_int_t ngx_oof_gate_admit(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_customer(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_document(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u, ngx_str_t *value);
static ngx_int_t ngx_oof_gate_one(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_many(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_gate_address(ngx_oof_request_t *o,
    ngx_oof_gate_t *gate, ngx_str_t *value);


static ngx_str_t  ngx_oof_gate_authorised = ngx_string("AUTHORISED");
static ngx_str_t  ngx_oof_gate_available = ngx_string("AVAILABLE");


/* literal texts of spec 1.11 */

static ngx_oof_gate_refusal_t  ngx_oof_gate_refusals[] = {

    { ngx_string("PENDING_AUTHORISATION"),
      "STATUS_RESOURCE_PENDING_AUTHORISATION",
      "Aguardando autorização de múltiplas alçadas" },

    { ngx_string("TEMPORARILY_UNAVAILABLE"),
      "STATUS_RESOURCE_TEMPORARILY_UNAVAILABLE",
      "Recurso temporariamente indisponível" },

    /* and whatever else is not available */

    { ngx_null_string,
      "STATUS_RESOURCE_UNAVAILABLE",
      "Recurso indisponível" }
};


ngx_int_t
ngx_oof_gate_check(ngx_oof_request_t *o)
{
    ngx_int_t        rc;
    ngx_oof_gate_t  *gate;

    gate = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_gate_t));
    if (gate == NULL) {
        return NGX_ERROR;
    }

    o->gate = gate;

    if (ngx_oof_gate_route(o, gate) != NGX_OK) {
        return NGX_ERROR;
    }

    if (gate->scope.len && !ngx_oof_token_has_scope(o->token, &gate->scope)) {
        return ngx_oof_error_status(o, NGX_HTTP_FORBIDDEN);
    }

    if (ngx_oof_consent_token_id(o, gate->consent_id) != NGX_OK) {
        return ngx_oof_gate_dead(o, "its token names no consent of this brand");
    }

    rc = ngx_oof_limit_minute(o, ngx_oof_gate_endpoint(o, gate),
                              gate->rule->frequency);

    return (rc == NGX_DECLINED) ? ngx_oof_gate_read(o, gate) : rc;
}


/* what is asked for: by the table of the API, or by the location itself */

static ngx_int_t
ngx_oof_gate_route(ngx_oof_request_t *o, ngx_oof_gate_t *gate)
{
    ngx_oof_gate_api_t          *api;
    ngx_oof_gate_own_t          *own;
    ngx_oof_consent_loc_conf_t  *conf;

    if (!(o->api->flags & NGX_OOF_API_ANY)) {
        api = (ngx_oof_gate_api_t *) o->api;

        gate->rule = &api->rules[o->route - o->api->routes];
        gate->type = api->type;

        return ngx_oof_gate_name(o, gate, NULL);
    }

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);
    own = conf->gate;

    gate->rule = &own->rule;
    gate->scope = own->scope;
    gate->type = own->type;

    return ngx_oof_gate_name(o, gate, own->resource);
}


/* what limits call it; a route that no table knows is its location */

static ngx_str_t *
ngx_oof_gate_endpoint(ngx_oof_request_t *o, ngx_oof_gate_t *gate)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (!(o->api->flags & NGX_OOF_API_ANY)) {
        return &gate->rule->operation;
    }

    clcf = ngx_http_get_module_loc_conf(o->r, ngx_http_core_module);

    return &clcf->name;
}


/* an id that has the form but is no UUID is one that nobody has */

static ngx_int_t
ngx_oof_gate_name(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_http_complex_value_t *value)
{
    size_t      i;
    u_char      c;
    ngx_str_t  *id;

    if (gate->rule->about != NGX_OOF_GATE_RESOURCE) {
        return NGX_OK;
    }

    id = &gate->resource;

    if (value == NULL) {
        *id = o->params[0];

    } else if (ngx_http_complex_value(o->r, value, id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (id->len == 0 || id->len > NGX_OOF_GATE_ID_MAX || id->data[0] == '-') {
        gate->malformed = 1;
        return NGX_OK;
    }

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
              || c == '-'))
        {
            gate->malformed = 1;
            return NGX_OK;
        }
    }

    gate->known = (ngx_oof_uuid_parse(id, gate->resource_id) == NGX_OK);

    return NGX_OK;
}


/* the one read: the consent, and what it shares of what is asked for */

static ngx_int_t
ngx_oof_gate_read(ngx_oof_request_t *o, ngx_oof_gate_t *gate)
{
    ngx_uint_t                   list;
    ngx_oof_pg_unit_t           *u;
    ngx_oof_loc_conf_t          *olcf;
    ngx_oof_consent_loc_conf_t  *conf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    list = (gate->rule->about == NGX_OOF_GATE_LIST);

    ngx_oof_pg_statement(u, list ? &ngx_oof_sql_gate_list
                                 : &ngx_oof_sql_gate_read);
    ngx_oof_pg_uuid(u, gate->consent_id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());

    if (list) {
        ngx_oof_pg_text(u, &gate->type);

    } else if (gate->known) {
        ngx_oof_pg_uuid(u, gate->resource_id);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_bool(u, conf->customer == NGX_OOF_CUSTOMER_DOCUMENT);

    if (list) {
        ngx_oof_pg_int8(u, NGX_OOF_GATE_ROWS);
    }

    return ngx_oof_request_unit(o, u, ngx_oof_gate_got);
}


static ngx_int_t
ngx_oof_gate_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t            rc;
    ngx_oof_gate_t      *gate;
    ngx_http_request_t  *r;

    r = o->r;
    gate = o->gate;

    rc = ngx_oof_gate_judge(o, gate, u);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                             "Requisição inválida",
                             "Este recurso não admite corpo na requisição.");
    }

    rc = ngx_oof_gate_query(o, gate);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_gate_owner(gate, u) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_gate_month(o, gate);

    return (rc == NGX_DECLINED) ? ngx_oof_gate_admit(o, gate, u) : rc;
}


/* the company where the consent names one, else the person */

static ngx_int_t
ngx_oof_gate_owner(ngx_oof_gate_t *gate, ngx_oof_pg_unit_t *u)
{
    ngx_str_t   hmac;
    ngx_uint_t  col;

    col = NGX_OOF_GATE_COL_CNPJ;

    if (ngx_oof_pg_is_null(u, 0, 0, col)) {
        col = NGX_OOF_GATE_COL_CPF;
    }

    ngx_oof_pg_get_str(u, 0, 0, col, &hmac);

    if (hmac.len != NGX_OOF_LOOKUP_LEN) {
        return NGX_ERROR;
    }

    ngx_memcpy(gate->customer, hmac.data, NGX_OOF_LOOKUP_LEN);

    return NGX_OK;
}


/*
 * A month is of the smallest thing that is asked for (spec 6.1): a resource, or
 * what the path names within it; else the consent.
 */

static ngx_int_t
ngx_oof_gate_month(ngx_oof_request_t *o, ngx_oof_gate_t *gate)
{
    ngx_oof_limit_call_t  call;

    ngx_memzero(&call, sizeof(ngx_oof_limit_call_t));

    call.endpoint = *ngx_oof_gate_endpoint(o, gate);
    call.minimum = gate->rule->monthly;
    call.customer = gate->customer;
    call.free = gate->follows;

    if (gate->rule->about == NGX_OOF_GATE_RESOURCE) {
        call.resource = gate->resource_id;
        call.object = o->params[1];

    } else {
        call.resource = gate->consent_id;
        call.object = o->params[0];
    }

    return ngx_oof_limit_month(o, &call);
}


/* in the order of spec 5.4; NGX_DECLINED to go on */

static ngx_int_t
ngx_oof_gate_judge(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u)
{
    uint64_t   permissions;
    ngx_str_t  value;

    if (ngx_oof_pg_rows(u, 0) == 0) {
        return ngx_oof_gate_dead(o, "there is no such consent");
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_GATE_COL_CLIENT, &value);

    if (!ngx_oof_gate_is(&value, &o->token->client_id)) {
        return ngx_oof_gate_dead(o, "the consent is another client's");
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_GATE_COL_STATUS, &value);

    if (!ngx_oof_gate_is(&value, &ngx_oof_gate_authorised)) {
        return ngx_oof_gate_dead(o, "the consent is not authorised");
    }

    permissions = (uint64_t)
                  ngx_oof_pg_get_int(u, 0, 0, NGX_OOF_GATE_COL_PERMISSIONS);

    if ((permissions & gate->rule->permissions) != gate->rule->permissions) {
        ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                      "consent \"%V\" lacks the permission", &o->consent_id);

        return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "FORBIDDEN",
                             "Acesso negado",
                             "O consentimento não tem a permissão exigida "
                             "por este recurso.");
    }

    if (gate->rule->about != NGX_OOF_GATE_RESOURCE) {
        return NGX_DECLINED;
    }

    return ngx_oof_gate_judge_resource(o, gate, u);
}


static ngx_int_t
ngx_oof_gate_judge_resource(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t                type, status;
    ngx_oof_gate_refusal_t  *refusal;

    if (gate->malformed) {
        return ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O identificador do recurso não tem o formato "
                             "exigido.");
    }

    if (ngx_oof_pg_is_null(u, 0, 0, NGX_OOF_GATE_COL_RESOURCE)
        || ngx_oof_pg_is_null(u, 0, 0, NGX_OOF_GATE_COL_LEGACY))
    {
        return ngx_oof_gate_forbidden(o);
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_GATE_COL_TYPE, &type);

    if (gate->type.len && !ngx_oof_gate_is(&type, &gate->type)) {
        return ngx_oof_gate_forbidden(o);
    }

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_GATE_COL_RESOURCE_STATUS, &status);

    if (ngx_oof_gate_is(&status, &ngx_oof_gate_available)) {
        return NGX_DECLINED;
    }

    refusal = ngx_oof_gate_refusals;

    while (refusal->status.len && !ngx_oof_gate_is(&status, &refusal->status))
    {
        refusal++;
    }

    return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, refusal->code, refusal->text,
                         refusal->text);
}


static ngx_int_t
ngx_oof_gate_dead(ngx_oof_request_t *o, const char *why)
{
    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "access to data refused: %s", why);

    return ngx_oof_error(o, NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED",
                         "Não autorizado",
                         "O consentimento do token de acesso não existe ou "
                         "não está autorizado.");
}


/* one answer for what is not there and for what is another's (spec 7, 15) */

static ngx_int_t
ngx_oof_gate_forbidden(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, "RESOURCE_FORBIDDEN",
                         "Acesso ao recurso negado",
                         "O consentimento não dá acesso ao recurso "
                         "informado.");
}


static ngx_uint_t
ngx_oof_gate_is(ngx_str_t *value, ngx_str_t *other)
{
    return value->len == other->len
           && ngx_memcmp(value->data, other->data, other->len) == 0;
}


/*
 * The bank's system is told all that has been judged.  It sees the path that
 * was judged, too, not another spelling of it.
 */

static ngx_int_t
ngx_oof_gate_admit(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t           *trace;
    ngx_http_request_t  *r;
    ngx_oof_loc_conf_t  *olcf;

    r = o->r;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    trace = ngx_oof_trace(o);

    if (trace == NULL
        || ngx_oof_gate_headers(r) != NGX_OK
        || ngx_oof_gate_header(r, "traceparent", "traceparent", trace)
           != NGX_OK
        || ngx_oof_gate_header(r, "X-OOF-Consent-Id", "x-oof-consent-id",
                               &o->consent_id)
           != NGX_OK
        || ngx_oof_gate_header(r, "X-OOF-Client-Id", "x-oof-client-id",
                               &o->token->client_id)
           != NGX_OK
        || ngx_oof_gate_header(r, "X-OOF-Organisation-Id",
                               "x-oof-organisation-id",
                               &o->cert->organisation_id)
           != NGX_OK
        || ngx_oof_gate_header(r, "X-OOF-Brand", "x-oof-brand", &olcf->brand)
           != NGX_OK
        || ngx_oof_gate_customer(o, gate, u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gate->rule->about == NGX_OOF_GATE_RESOURCE
        && ngx_oof_gate_one(o, gate, u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gate->rule->about == NGX_OOF_GATE_LIST
        && ngx_oof_gate_many(o, gate, u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gate->key.len
        && ngx_oof_gate_header(r, "X-OOF-Pagination-Key",
                               "x-oof-pagination-key", &gate->key)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->args = gate->args;
    r->valid_unparsed_uri = 0;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_gate_customer(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t                    value;
    ngx_oof_consent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    if (conf->customer == NGX_OOF_CUSTOMER_DOCUMENT) {

        if (ngx_oof_gate_document(o, gate, u, &value) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        value.len = 2 * NGX_OOF_LOOKUP_LEN;
        value.data = ngx_pnalloc(o->r->pool, value.len);

        if (value.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_hex_dump(value.data, gate->customer, NGX_OOF_LOOKUP_LEN);
    }

    return ngx_oof_gate_header(o->r, "X-OOF-Customer", "x-oof-customer",
                               &value);
}


/* the company's CNPJ where the consent names one, else the person's CPF */

static ngx_int_t
ngx_oof_gate_document(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
    json_t              *root, *party;
    ngx_str_t            sealed, plain;
    const char          *why;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_GATE_COL_PERSONAL, &sealed);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, "oof_consent",
                           gate->consent_id, &sealed, &plain)
        != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &plain, &root, &why) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "personal data of \"%V\" cannot be opened",
                      &o->consent_id);
        return NGX_ERROR;
    }

    party = json_object_get(root, "businessEntity");

    if (party == NULL) {
        party = json_object_get(root, "loggedUser");
    }

    return ngx_oof_json_get_str(json_object_get(party, "document"),
                                "identification", value);
}


static ngx_int_t
ngx_oof_gate_one(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t  sealed, value;

    ngx_oof_pg_get_str(u, 0, 0, NGX_OOF_GATE_COL_LEGACY, &sealed);

    if (ngx_oof_gate_legacy(o, gate->resource_id, &sealed, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_gate_header(o->r, "X-OOF-Resource", "x-oof-resource",
                               &value);
}


static ngx_int_t
ngx_oof_gate_many(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_oof_pg_unit_t *u)
{
    u_char      *p, *last;
    ngx_str_t    id, sealed, legacy, value;
    ngx_uint_t   i, n;

    n = ngx_oof_pg_rows(u, 0);

    if (n == NGX_OOF_GATE_ROWS) {
        goto address;
    }

    value.data = ngx_pnalloc(o->r->pool, NGX_OOF_GATE_HEADER_MAX);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = value.data;
    last = p + NGX_OOF_GATE_HEADER_MAX;

    for (i = 0; i < n; i++) {

        if (ngx_oof_pg_is_null(u, 0, i, NGX_OOF_GATE_COL_RESOURCE)) {
            break;
        }

        ngx_oof_pg_get_str(u, 0, i, NGX_OOF_GATE_COL_RESOURCE, &id);
        ngx_oof_pg_get_str(u, 0, i, NGX_OOF_GATE_COL_LEGACY, &sealed);

        if (ngx_oof_gate_legacy(o, id.data, &sealed, &legacy) != NGX_OK) {
            return NGX_ERROR;
        }

        if ((size_t) (last - p) < NGX_OOF_UUID_TEXT + 2 + legacy.len) {
            goto address;
        }

        if (i) {
            *p++ = ',';
        }

        p = ngx_oof_uuid_format(p, id.data);
        *p++ = ';';
        p = ngx_cpymem(p, legacy.data, legacy.len);
    }

    value.len = p - value.data;

    return ngx_oof_gate_header(o->r, "X-OOF-Resources", "x-oof-resources",
                               &value);

address:

    if (ngx_oof_gate_address(o, gate, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_gate_header(o->r, "X-OOF-Resources", "x-oof-resources",
                               &value);
}


/* too many for a header: where the management listener tells them */

static ngx_int_t
ngx_oof_gate_address(ngx_oof_request_t *o, ngx_oof_gate_t *gate,
    ngx_str_t *value)
{
    u_char  *p;

    p = ngx_pnalloc(o->r->pool, NGX_OOF_GATE_ADDRESS + gate->type.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    p = ngx_cpymem(p, "/oof/v1/consents/", sizeof("/oof/v1/consents/") - 1);
    p = ngx_oof_uuid_format(p, gate->consent_id);

    value->len = ngx_sprintf(p, "/resources?type=%V&page-size=%d",
                             &gate->type, NGX_OOF_PAGE_SIZE_MAX)
                 - value->data;

    return NGX_OK;
}
