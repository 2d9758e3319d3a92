
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_sql.h>


/* as many as an answer may tell (spec 0.3) */
#define NGX_OOF_CONSENT_MAX_ERRORS  13


typedef struct {
    const char              *code;
    const char              *title;
    const char              *detail;
} ngx_oof_consent_text_t;


/* a consent that is being made */

typedef struct {
    ngx_oof_consent_t        consent;
    ngx_oof_consent_wish_t   wish;

    ngx_str_t                cpf;
    ngx_str_t                cpf_rel;
    ngx_str_t                cnpj;
    ngx_str_t                cnpj_rel;
    unsigned                 linked_said:1;

    int64_t                  authorise_until;
    ngx_str_t                sealed;
    u_char                   cpf_hmac[NGX_OOF_LOOKUP_LEN];
    u_char                   cnpj_hmac[NGX_OOF_LOOKUP_LEN];
    ngx_oof_event_t          event;

    ngx_str_t                answer;
} ngx_oof_consent_new_t;


static ngx_int_t ngx_oof_consent_read(ngx_oof_request_t *o,
    ngx_oof_consent_new_t *new);
static ngx_int_t ngx_oof_consent_malformed(ngx_oof_request_t *o,
    ngx_array_t *failures);
static void ngx_oof_consent_failure(ngx_oof_json_t *w,
    ngx_oof_schema_failure_t *f);
static void ngx_oof_consent_read_rules(ngx_oof_request_t *o,
    ngx_oof_consent_new_t *new);
static void ngx_oof_consent_read_permissions(json_t *data,
    ngx_oof_consent_new_t *new);
static ngx_int_t ngx_oof_consent_read_expiration(json_t *data,
    ngx_oof_consent_new_t *new);
static ngx_int_t ngx_oof_consent_make(ngx_oof_request_t *o,
    ngx_oof_consent_new_t *new);
static ngx_int_t ngx_oof_consent_seal(ngx_oof_request_t *o,
    ngx_oof_consent_new_t *new);
static ngx_int_t ngx_oof_consent_personal(ngx_oof_request_t *o,
    ngx_oof_consent_new_t *new, ngx_str_t *text);
static ngx_int_t ngx_oof_consent_store(ngx_oof_request_t *o,
    ngx_oof_consent_new_t *new);
static void ngx_oof_consent_store_terms(ngx_oof_pg_unit_t *u,
    ngx_oof_consent_new_t *new);
static void ngx_oof_consent_store_personal(ngx_oof_pg_unit_t *u,
    ngx_oof_consent_new_t *new);
static ngx_int_t ngx_oof_consent_created(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);


/* the body of POST /consents (spec 1.2) */

static ngx_oof_schema_t  ngx_oof_consent_cpf_schema[] = {
    { ngx_string("identification"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 11, ngx_oof_scan_cpf, NULL, NULL },

    { ngx_string("rel"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 3, ngx_oof_scan_rel_cpf, NULL, NULL },

      ngx_oof_schema_end
};


ngx_oof_schema_t  ngx_oof_consent_user_schema[] = {
    { ngx_string("document"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_consent_cpf_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_consent_cnpj_schema[] = {
    { ngx_string("identification"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 14, ngx_oof_scan_cnpj, NULL, NULL },

    { ngx_string("rel"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 4, ngx_oof_scan_rel_cnpj, NULL, NULL },

      ngx_oof_schema_end
};


ngx_oof_schema_t  ngx_oof_consent_entity_schema[] = {
    { ngx_string("document"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_consent_cnpj_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_consent_permission_schema = {
    ngx_null_string, NGX_OOF_SCHEMA_STRING,
    0, 0, 0, NULL, ngx_oof_consent_names, NULL
};


static ngx_oof_schema_t  ngx_oof_consent_data_schema[] = {
    { ngx_string("loggedUser"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_consent_user_schema },

    { ngx_string("businessEntity"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_consent_entity_schema },

    { ngx_string("permissions"), NGX_OOF_SCHEMA_ARRAY,
      NGX_OOF_SCHEMA_REQUIRED|NGX_OOF_SCHEMA_UNIQUE,
      1, NGX_OOF_CONSENT_PERMISSIONS, NULL, NULL,
      &ngx_oof_consent_permission_schema },

    { ngx_string("expirationDateTime"), NGX_OOF_SCHEMA_STRING,
      0, 0, 20, ngx_oof_scan_time, NULL, NULL },

    { ngx_string("isLinked"), NGX_OOF_SCHEMA_BOOLEAN,
      0, 0, 0, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_consent_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL, ngx_oof_consent_data_schema },

      ngx_oof_schema_end
};


/* by verdict; titles and details are free text in this API */

static ngx_oof_consent_text_t  ngx_oof_consent_refusals[] = {

    { NULL, NULL, NULL },

    { "PERMISSAO_PF_PJ_EM_CONJUNTO",
      "Permissões de pessoa natural e de pessoa jurídica em conjunto",
      "O pedido reúne permissões de dados cadastrais de pessoa natural e de "
      "pessoa jurídica, que não podem constar do mesmo consentimento." },

    { "PERMISSOES_PJ_INCORRETAS",
      "Permissões incorretas para pessoa jurídica",
      "O pedido identifica uma pessoa jurídica em businessEntity e inclui "
      "permissões de dados cadastrais de pessoa natural." },

    { "INFORMACOES_PJ_NAO_INFORMADAS",
      "Informações da pessoa jurídica não informadas",
      "O pedido inclui permissões de dados cadastrais de pessoa jurídica e "
      "não informa businessEntity." },

    { "COMBINACAO_PERMISSOES_INCORRETA",
      "Combinação de permissões incorreta",
      "Cada permissão deve vir com todas as permissões de ao menos um dos "
      "agrupamentos a que pertence." },

    { "DATA_EXPIRACAO_INVALIDA",
      "Data de expiração inválida",
      "expirationDateTime deve ser uma data existente, posterior ao momento "
      "do pedido e dentro do prazo aceito pela instituição." },

    { "SEM_PERMISSOES_FUNCIONAIS_RESTANTES",
      "Sem permissões funcionais restantes",
      "A instituição não oferece nenhum dos produtos a que se referem as "
      "permissões solicitadas." },

    { "COMBINACAO_PERMISSOES_INCORRETA",
      "Combinação de permissões incorreta",
      "Um consentimento iniciado na Jornada Otimizada (isLinked) só pode ter "
      "as permissões do agrupamento de saldos de contas." }
};


/* by what is wrong with a member; the detail names it */

static ngx_oof_consent_text_t  ngx_oof_consent_failures[] = {

    { NULL, NULL, NULL },

    { "PARAMETRO_NAO_INFORMADO", "Parâmetro não informado",
      "O campo %V é obrigatório e não foi informado." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V não tem o tipo esperado." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V não tem o tamanho permitido." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V não tem o formato exigido." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V não tem um dos valores permitidos." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V está fora do intervalo permitido." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V repete um valor já informado." },

    { "PARAMETRO_INVALIDO", "Parâmetro inválido",
      "O campo %V não é uma data existente." }
};


ngx_int_t
ngx_oof_consent_create(ngx_oof_request_t *o)
{
    ngx_int_t                   rc;
    ngx_oof_consent_new_t      *new;
    ngx_oof_consent_text_t     *text;
    ngx_oof_consent_verdict_e   verdict;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    new = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_new_t));
    if (new == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_read(o, new);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    verdict = ngx_oof_consent_judge(&new->wish);

    if (verdict != NGX_OOF_CONSENT_ACCEPTED) {
        text = &ngx_oof_consent_refusals[verdict];

        return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE, text->code,
                             text->title, text->detail);
    }

    rc = ngx_oof_consent_make(o, new);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    return ngx_oof_consent_store(o, new);
}


/* NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_consent_read(ngx_oof_request_t *o, ngx_oof_consent_new_t *new)
{
    json_t      *data, *value;
    ngx_int_t    rc;
    ngx_uint_t   no_such_day;

    rc = ngx_oof_consent_check(o, ngx_oof_consent_schema, &no_such_day);

    if (rc != NGX_OK) {
        return rc;
    }

    new->wish.no_such_day = no_such_day;

    ngx_oof_consent_read_rules(o, new);

    data = json_object_get(o->json, "data");

    ngx_oof_consent_read_permissions(data, new);

    if (ngx_oof_consent_read_document(data, "loggedUser", &new->cpf,
                                      &new->cpf_rel)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (json_object_get(data, "businessEntity")) {

        if (ngx_oof_consent_read_document(data, "businessEntity", &new->cnpj,
                                          &new->cnpj_rel)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        new->wish.business = 1;
    }

    value = json_object_get(data, "isLinked");

    new->linked_said = (value != NULL);
    new->wish.linked = json_is_true(value);
    new->consent.linked = new->wish.linked;

    return ngx_oof_consent_read_expiration(data, new);
}


ngx_int_t
ngx_oof_consent_check(ngx_oof_request_t *o, ngx_oof_schema_t *schema,
    ngx_uint_t *no_such_day)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i, n;
    ngx_array_t                failures;
    ngx_oof_schema_failure_t  *f;

    if (ngx_array_init(&failures, o->r->pool, 4,
                       sizeof(ngx_oof_schema_failure_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *no_such_day = 0;

    rc = ngx_oof_schema_check(o->r->pool, schema, o->json, &failures,
                              NGX_OOF_CONSENT_MAX_ERRORS);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    f = failures.elts;

    for (n = 0, i = 0; i < failures.nelts; i++) {

        if (f[i].what == NGX_OOF_SCHEMA_DATE) {
            *no_such_day = 1;
            continue;
        }

        f[n++] = f[i];
    }

    failures.nelts = n;

    if (n == 0) {
        return NGX_OK;
    }

    return ngx_oof_consent_malformed(o, &failures);
}


static ngx_int_t
ngx_oof_consent_malformed(ngx_oof_request_t *o, ngx_array_t *failures)
{
    ngx_str_t                  body;
    ngx_uint_t                 i;
    ngx_oof_json_t             w;
    ngx_oof_consent_text_t    *text;
    ngx_oof_schema_failure_t  *f;

    if (ngx_oof_json_init(&w, o->r->pool, 256 * (failures->nelts + 1))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    f = failures->elts;

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "errors");
    ngx_oof_json_begin(&w, '[');

    for (i = 0; i < failures->nelts; i++) {
        ngx_oof_consent_failure(&w, &f[i]);

        ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                      "client sent a consent with invalid \"%V\"",
                      &f[i].path);
    }

    ngx_oof_json_end(&w, ']');
    ngx_oof_json_name(&w, "meta");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member_time(&w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    text = &ngx_oof_consent_failures[f[0].what];

    o->error_code.data = (u_char *) text->code;
    o->error_code.len = ngx_strlen(text->code);

    if (ngx_oof_answer(o, NGX_HTTP_BAD_REQUEST, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


static void
ngx_oof_consent_failure(ngx_oof_json_t *w, ngx_oof_schema_failure_t *f)
{
    u_char                  *last;
    ngx_str_t                detail;
    ngx_oof_consent_text_t  *text;
    u_char                   buf[NGX_MAX_ERROR_STR];

    text = &ngx_oof_consent_failures[f->what];

    last = ngx_slprintf(buf, buf + sizeof(buf), text->detail, &f->path);

    detail.data = buf;
    detail.len = last - buf;

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "code");
    ngx_oof_json_literal(w, text->code);
    ngx_oof_json_name(w, "title");
    ngx_oof_json_literal(w, text->title);
    ngx_oof_json_member(w, "detail", &detail);
    ngx_oof_json_end(w, '}');
}


/* when it is asked, and what the institution offers */

static void
ngx_oof_consent_read_rules(ngx_oof_request_t *o, ngx_oof_consent_new_t *new)
{
    int64_t                      now;
    ngx_oof_consent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    now = ngx_oof_consent_now();

    new->wish.now = now;
    new->wish.products = conf->products;
    new->wish.max_term = conf->max_term * NGX_OOF_SECOND;

    new->consent.creation = now;
    new->consent.status_update = now;
    new->authorise_until = now + conf->authorise_within * NGX_OOF_SECOND;
}


static void
ngx_oof_consent_read_permissions(json_t *data, ngx_oof_consent_new_t *new)
{
    size_t      i;
    json_t     *list, *item;
    ngx_int_t   bit;
    ngx_str_t   name;

    list = json_object_get(data, "permissions");

    json_array_foreach(list, i, item) {
        name.data = (u_char *) json_string_value(item);
        name.len = json_string_length(item);

        bit = ngx_oof_consent_permission(&name);

        if (bit >= 0) {
            new->wish.permissions |= (uint64_t) 1 << bit;
        }
    }
}


ngx_int_t
ngx_oof_consent_read_document(json_t *data, const char *member,
    ngx_str_t *identification, ngx_str_t *rel)
{
    json_t  *document;

    document = json_object_get(json_object_get(data, member), "document");

    if (ngx_oof_json_get_str(document, "identification", identification)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_json_get_str(document, "rel", rel);
}


static ngx_int_t
ngx_oof_consent_read_expiration(json_t *data, ngx_oof_consent_new_t *new)
{
    ngx_str_t  text;

    if (ngx_oof_json_get_str(data, "expirationDateTime", &text) != NGX_OK) {
        return NGX_OK;
    }

    new->wish.expires = 1;

    if (new->wish.no_such_day) {
        return NGX_OK;
    }

    if (ngx_oof_clock_parse(&text, &new->wish.expiration) != NGX_OK) {
        return NGX_ERROR;
    }

    new->consent.expiration = new->wish.expiration;

    return NGX_OK;
}


/*
 * Everything that can fail is done before the unit is sent, so that nothing
 * stands between its commit and the 201.  NGX_DECLINED: an error is prepared.
 */

static ngx_int_t
ngx_oof_consent_make(ngx_oof_request_t *o, ngx_oof_consent_new_t *new)
{
    ngx_int_t           rc;
    ngx_oof_consent_t  *consent;

    consent = &new->consent;

    consent->permissions = new->wish.permissions;
    ngx_str_set(&consent->status, "AWAITING_AUTHORISATION");

    if (ngx_oof_uuid7(consent->id) != NGX_OK
        || ngx_oof_consent_name(o, consent) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_oof_consent_seal(o, new);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_oof_event_init(&new->event, NGX_OOF_EVENT_CONSENT_CREATED)
        != NGX_OK
        || ngx_oof_consent_event_data(o, consent, NULL, &new->event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_consent_body(o, consent, &new->answer);
}


static ngx_int_t
ngx_oof_consent_seal(ngx_oof_request_t *o, ngx_oof_consent_new_t *new)
{
    ngx_int_t            rc;
    ngx_str_t            text;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_lookup(olcf->keys, 0, "consent.cpf", &new->cpf,
                             new->cpf_hmac)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (new->wish.business
        && ngx_oof_crypt_lookup(olcf->keys, 0, "consent.cnpj", &new->cnpj,
                                new->cnpj_hmac)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_consent_personal(o, new, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_crypt_seal(olcf->keys, olcf->database, o->r->pool,
                            "oof_consent", new->consent.id, &text,
                            &new->sealed);

    ngx_explicit_memzero(text.data, text.len);

    if (rc == NGX_BUSY) {
        (void) ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
        return NGX_DECLINED;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* the one document of a consent that is personal data, to be sealed */

static ngx_int_t
ngx_oof_consent_personal(ngx_oof_request_t *o, ngx_oof_consent_new_t *new,
    ngx_str_t *text)
{
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 256) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_consent_document(&w, "loggedUser", &new->cpf, &new->cpf_rel);

    if (new->wish.business) {
        ngx_oof_consent_document(&w, "businessEntity", &new->cnpj,
                                 &new->cnpj_rel);
    }

    ngx_oof_json_end(&w, '}');

    return ngx_oof_json_text(&w, text);
}


void
ngx_oof_consent_document(ngx_oof_json_t *w, const char *member,
    ngx_str_t *identification, ngx_str_t *rel)
{
    ngx_oof_json_name(w, member);
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "document");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "identification", identification);
    ngx_oof_json_member(w, "rel", rel);
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');
}


static ngx_int_t
ngx_oof_consent_store(ngx_oof_request_t *o, ngx_oof_consent_new_t *new)
{
    u_char               organisation[NGX_OOF_UUID_LEN];
    ngx_oof_consent_t   *consent;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    consent = &new->consent;

    if (ngx_oof_uuid_parse(&o->cert->organisation_id, organisation)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, consent->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_create);
    ngx_oof_pg_uuid(u, consent->id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_text(u, &o->token->client_id);
    ngx_oof_pg_uuid(u, organisation);
    ngx_oof_consent_store_terms(u, new);
    ngx_oof_consent_store_personal(u, new);
    ngx_oof_event_trace(&new->event, o);
    ngx_oof_pg_event(u, &new->event);

    ngx_http_set_ctx(o->r, new, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_created);
}


static void
ngx_oof_consent_store_terms(ngx_oof_pg_unit_t *u, ngx_oof_consent_new_t *new)
{
    ngx_oof_pg_time(u, new->consent.creation);

    if (new->wish.expires) {
        ngx_oof_pg_time(u, new->consent.expiration);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_int8(u, (int64_t) new->consent.permissions);

    if (new->linked_said) {
        ngx_oof_pg_bool(u, new->consent.linked);

    } else {
        ngx_oof_pg_null(u);
    }

    ngx_oof_pg_time(u, new->authorise_until);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
}


static void
ngx_oof_consent_store_personal(ngx_oof_pg_unit_t *u,
    ngx_oof_consent_new_t *new)
{
    ngx_str_t  hmac;

    ngx_oof_pg_bytea(u, &new->sealed);

    hmac.data = new->cpf_hmac;
    hmac.len = NGX_OOF_LOOKUP_LEN;
    ngx_oof_pg_bytea(u, &hmac);

    if (new->wish.business) {
        hmac.data = new->cnpj_hmac;
        ngx_oof_pg_bytea(u, &hmac);

    } else {
        ngx_oof_pg_null(u);
    }
}


static ngx_int_t
ngx_oof_consent_created(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_oof_consent_new_t  *new;

    new = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    return ngx_oof_answer(o, NGX_HTTP_CREATED, &new->answer);
}
