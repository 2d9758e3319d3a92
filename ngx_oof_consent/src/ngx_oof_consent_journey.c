
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


/*
 * What the bank's side reads: a consent to be shown, and whether tokens may be
 * issued for it.
 */


/* columns of journey_get */

typedef enum {
    NGX_OOF_JOURNEY_COL_CLIENT = 0,
    NGX_OOF_JOURNEY_COL_ORGANISATION,
    NGX_OOF_JOURNEY_COL_CREATION,
    NGX_OOF_JOURNEY_COL_STATUS,
    NGX_OOF_JOURNEY_COL_STATUS_UPDATE,
    NGX_OOF_JOURNEY_COL_PERMISSIONS,
    NGX_OOF_JOURNEY_COL_EXPIRATION,
    NGX_OOF_JOURNEY_COL_REJECTED_BY,
    NGX_OOF_JOURNEY_COL_REASON_CODE,
    NGX_OOF_JOURNEY_COL_REASON_INFO,
    NGX_OOF_JOURNEY_COL_LINKED,
    NGX_OOF_JOURNEY_COL_LINK_ID,
    NGX_OOF_JOURNEY_COL_AUTHORISE_UNTIL,
    NGX_OOF_JOURNEY_COL_MULTIPLE,
    NGX_OOF_JOURNEY_COL_READY,
    NGX_OOF_JOURNEY_COL_PERSONAL,
    NGX_OOF_JOURNEY_COL_CLIENT_NAME,
    NGX_OOF_JOURNEY_COL_CLIENT_LOGO,
    NGX_OOF_JOURNEY_COL_CLIENT_STATUS
} ngx_oof_consent_journey_col_e;


/* a GET of the screen, while it is made */

typedef struct {
    ngx_oof_request_t          *o;
    ngx_oof_consent_journey_t  *journey;
    ngx_oof_consent_job_t       job;
    ngx_str_t                   chosen;    /* JSON array, when decided */
} ngx_oof_consent_screen_t;


static ngx_int_t ngx_oof_consent_journey_unit(ngx_oof_request_t *o,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u));
static ngx_int_t ngx_oof_consent_journey_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_journey_find(ngx_oof_request_t *o,
    ngx_oof_consent_screen_t *screen);
static void ngx_oof_consent_journey_found(ngx_oof_consent_job_t *job);
static ngx_int_t ngx_oof_consent_journey_answer(ngx_oof_request_t *o,
    ngx_oof_consent_screen_t *screen);
static void ngx_oof_consent_journey_terms(ngx_oof_json_t *w,
    ngx_oof_consent_journey_t *journey);
static void ngx_oof_consent_journey_people(ngx_oof_json_t *w,
    ngx_oof_consent_journey_t *journey);
static void ngx_oof_consent_journey_document(ngx_oof_json_t *w,
    const char *member, ngx_str_t *identification, const char *rel);
static void ngx_oof_consent_journey_types(ngx_oof_json_t *w,
    ngx_uint_t mask);
static void ngx_oof_consent_journey_resources(ngx_oof_json_t *w,
    ngx_array_t *list);
static void ngx_oof_consent_journey_resource(ngx_oof_json_t *w,
    ngx_oof_consent_found_t *found);
static ngx_uint_t ngx_oof_consent_choice_same(ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row);
static void ngx_oof_consent_choice_one(ngx_oof_json_t *w, ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row);
static void ngx_oof_consent_choice_approver(ngx_oof_json_t *w,
    ngx_pool_t *pool, ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row);

static ngx_uint_t ngx_oof_consent_choice_person(ngx_oof_loc_conf_t *olcf,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, ngx_str_t *cpf, ngx_uint_t pending);

static ngx_int_t ngx_oof_consent_journey_terms_row(ngx_pool_t *pool,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s);
static ngx_int_t ngx_oof_consent_journey_strings(ngx_pool_t *pool,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s);
static ngx_int_t ngx_oof_consent_journey_personal(ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_consent_journey_t *journey,
    ngx_oof_pg_unit_t *u, ngx_uint_t s);
static void ngx_oof_consent_journey_identification(json_t *json,
    const char *member, ngx_str_t *value);
static ngx_int_t ngx_oof_consent_copy(ngx_pool_t *pool, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_uint_t row, ngx_uint_t col, ngx_str_t *value);
static ngx_int_t ngx_oof_consent_token_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static const char *ngx_oof_consent_token_reason(ngx_oof_request_t *o,
    ngx_oof_consent_journey_t *journey);


static ngx_str_t  ngx_oof_scope_customer =
    ngx_string(NGX_OOF_SCOPE_CUSTOMER);


ngx_int_t
ngx_oof_consent_journey_get(ngx_oof_request_t *o)
{
    return ngx_oof_consent_journey_unit(o, ngx_oof_consent_journey_got);
}


static ngx_int_t
ngx_oof_consent_journey_unit(ngx_oof_request_t *o,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u))
{
    u_char               id[NGX_OOF_UUID_LEN];
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_consent_bank_id(o, &o->params[0], id);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    u = ngx_oof_pg_unit(olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(u->key, id, NGX_OOF_UUID_LEN);

    ngx_oof_consent_journey_read(u, olcf, id);

    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_choice);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);

    return ngx_oof_request_unit(o, u, result);
}


/* the bank's own key of a consent is its UUID; its URN serves too */

ngx_int_t
ngx_oof_consent_bank_id(ngx_oof_request_t *o, ngx_str_t *param, u_char *id)
{
    ngx_str_t           text;
    ngx_oof_consent_t   consent;

    text = *param;

    if (text.len > NGX_OOF_UUID_TEXT) {
        text.data += text.len - NGX_OOF_UUID_TEXT;
        text.len = NGX_OOF_UUID_TEXT;
    }

    if (ngx_oof_uuid_parse(&text, id) != NGX_OK) {

        if (param->len == NGX_OOF_UUID_TEXT
            || ngx_oof_scan_urn(param) == NGX_OK)
        {
            (void) ngx_oof_consent_bank_unknown(o);
            return NGX_DECLINED;
        }

        (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "PARAMETRO_INVALIDO",
                             "Parâmetro inválido",
                             "O parâmetro consentId não é um URN nem um "
                             "UUID.");
        return NGX_DECLINED;
    }

    ngx_memcpy(consent.id, id, NGX_OOF_UUID_LEN);

    if (ngx_oof_consent_name(o, &consent) != NGX_OK) {
        return NGX_ERROR;
    }

    if (param->len > NGX_OOF_UUID_TEXT
        && (param->len != consent.urn.len
            || ngx_memcmp(param->data, consent.urn.data, param->len) != 0))
    {
        ngx_str_null(&o->consent_id);
        (void) ngx_oof_consent_bank_unknown(o);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_consent_bank_unknown(ngx_oof_request_t *o)
{
    return ngx_oof_error(o, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
                         "Consentimento não encontrado",
                         "Não há consentimento com o consentId informado.");
}


/* 409 with the state that the consent has */

ngx_int_t
ngx_oof_consent_bank_state(ngx_oof_request_t *o, ngx_oof_consent_t *consent)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 512) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "errors");
    ngx_oof_json_begin(&w, '[');
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "code");
    ngx_oof_json_literal(&w, "ESTADO_CONSENTIMENTO_INVALIDO");
    ngx_oof_json_name(&w, "title");
    ngx_oof_json_literal(&w, "Estado inválido do consentimento");
    ngx_oof_json_name(&w, "detail");
    ngx_oof_json_literal(&w, "O estado do consentimento não permite esta "
                             "decisão.");
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, ']');

    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &o->consent_id);
    ngx_oof_json_member(&w, "status", &consent->status);
    ngx_oof_json_member_time(&w, "statusUpdateDateTime",
                             consent->status_update);

    if (consent->rejected_by.len) {
        ngx_oof_consent_rejection(&w, consent);
    }

    ngx_oof_json_end(&w, '}');

    ngx_oof_json_name(&w, "meta");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member_time(&w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&o->error_code, "ESTADO_CONSENTIMENTO_INVALIDO");

    return ngx_oof_answer(o, NGX_HTTP_CONFLICT, &body);
}


static ngx_int_t
ngx_oof_consent_journey_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    u_char                      id[NGX_OOF_UUID_LEN];
    ngx_int_t                   rc;
    ngx_oof_json_t              w;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_consent_screen_t   *screen;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    screen = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_screen_t));
    if (screen == NULL) {
        return NGX_ERROR;
    }

    screen->o = o;

    ngx_memcpy(id, u->key, NGX_OOF_UUID_LEN);

    rc = ngx_oof_consent_journey_row(o->r->pool, olcf, u, 0, id,
                                     &screen->journey);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK
        || !ngx_oof_consent_journey_visible(o, screen->journey, u, 1))
    {
        return ngx_oof_consent_bank_unknown(o);
    }

    if (!ngx_oof_consent_is(&screen->journey->consent,
                            "AWAITING_AUTHORISATION"))
    {
        /* it has been decided: what was chosen is shown */

        if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK
            || ngx_oof_consent_choice(&w, o->r->pool, olcf, u, 1) != NGX_OK
            || ngx_oof_json_text(&w, &screen->chosen) != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_oof_consent_journey_answer(o, screen);
    }

    return ngx_oof_consent_journey_find(o, screen);
}


static ngx_int_t
ngx_oof_consent_journey_find(ngx_oof_request_t *o,
    ngx_oof_consent_screen_t *screen)
{
    ngx_int_t                    rc;
    ngx_oof_consent_job_t       *job;
    ngx_oof_consent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    job = &screen->job;

    job->pool = o->r->pool;
    job->log = o->r->connection->log;
    job->olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    job->journey = screen->journey;
    job->deadline = o->expires;
    job->handler = ngx_oof_consent_journey_found;
    job->data = screen;

    ngx_memcpy(job->correlation, o->interaction_id, NGX_OOF_UUID_TEXT);
    ngx_oof_trace_copy(o, job->pool, &job->trace);

    rc = ngx_oof_consent_discover(job,
              ngx_oof_consent_type_mask(screen->journey->consent.permissions,
                                        conf->products, 1));
    if (rc == NGX_OK) {
        return ngx_oof_consent_journey_answer(o, screen);
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_consent_job_await(o, job);
        ngx_oof_request_asks(o);
    }

    return rc;
}


static void
ngx_oof_consent_journey_found(ngx_oof_consent_job_t *job)
{
    ngx_int_t                  rc;
    ngx_oof_request_t         *o;
    ngx_oof_consent_screen_t  *screen;

    screen = job->data;
    o = screen->o;

    ngx_oof_consent_job_awaited(o, job);

    rc = (job->rc == NGX_OOF_PG_OK)
         ? ngx_oof_consent_journey_answer(o, screen)
         : ngx_oof_error_unit(o, job->rc);

    ngx_oof_request_resume(o, rc);
}


static ngx_int_t
ngx_oof_consent_journey_answer(ngx_oof_request_t *o,
    ngx_oof_consent_screen_t *screen)
{
    ngx_str_t                    body;
    ngx_uint_t                   types;
    ngx_oof_json_t               w;
    ngx_oof_consent_journey_t   *journey;
    ngx_oof_consent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);
    journey = screen->journey;

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');

    ngx_oof_consent_journey_terms(&w, journey);
    ngx_oof_consent_journey_people(&w, journey);

    /* what is shared as a whole needs no choice, but is to be told of */

    types = ngx_oof_consent_type_mask(journey->consent.permissions,
                                      conf->products, 1)
            | ngx_oof_consent_type_mask(journey->consent.permissions,
                                        conf->products, 0);

    ngx_oof_json_name(&w, "resourceTypes");
    ngx_oof_consent_journey_types(&w, types);

    ngx_oof_json_name(&w, "resources");

    if (screen->chosen.len) {
        ngx_oof_json_raw(&w, &screen->chosen);

    } else {
        ngx_oof_consent_journey_resources(&w, &screen->job.found);
        ngx_oof_json_name(&w, "failingResources");
        ngx_oof_consent_journey_types(&w, screen->job.failing
                                          | screen->job.preparing);
    }

    ngx_oof_json_end(&w, '}');
    ngx_oof_json_name(&w, "meta");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member_time(&w, "requestDateTime", ngx_oof_clock_real());
    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static void
ngx_oof_consent_journey_terms(ngx_oof_json_t *w,
    ngx_oof_consent_journey_t *journey)
{
    ngx_oof_consent_t  *consent;

    consent = &journey->consent;

    ngx_oof_json_member(w, "consentId", &consent->urn);
    ngx_oof_consent_member_uuid(w, "id", consent->id);
    ngx_oof_json_name(w, "type");
    ngx_oof_json_literal(w, "DATA_SHARING");
    ngx_oof_json_member(w, "status", &consent->status);
    ngx_oof_json_member_time(w, "creationDateTime", consent->creation);
    ngx_oof_json_member_time(w, "statusUpdateDateTime",
                             consent->status_update);
    ngx_oof_json_member_time(w, "authoriseUntilDateTime",
                             journey->authorise_until);

    if (consent->expiration) {
        ngx_oof_json_member_time(w, "expirationDateTime",
                                 consent->expiration);
    }

    ngx_oof_json_name(w, "permissions");
    ngx_oof_consent_permissions(w, consent->permissions);

    if (consent->rejected_by.len) {
        ngx_oof_consent_rejection(w, consent);
    }

    if (consent->linked) {
        ngx_oof_json_name(w, "journey");
        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "isLinked");
        ngx_oof_json_bool(w, 1);

        if (consent->link_id.len) {
            ngx_oof_json_member(w, "linkId", &consent->link_id);
        }

        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_name(w, "multiple");
    ngx_oof_json_bool(w, journey->multiple);
}


static void
ngx_oof_consent_journey_people(ngx_oof_json_t *w,
    ngx_oof_consent_journey_t *journey)
{
    ngx_oof_json_name(w, "tpp");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "clientId", &journey->consent.client_id);
    ngx_oof_json_member(w, "organisationId",
                        &journey->consent.organisation_id);

    /* a client that is not registered is called by its id */

    ngx_oof_json_member(w, "name", journey->client_name.len
                                   ? &journey->client_name
                                   : &journey->consent.client_id);

    if (journey->client_logo.len) {
        ngx_oof_json_member(w, "logoUri", &journey->client_logo);
    }

    ngx_oof_json_end(w, '}');

    ngx_oof_consent_journey_document(w, "loggedUser", &journey->cpf, "CPF");

    if (journey->cnpj.len) {
        ngx_oof_consent_journey_document(w, "businessEntity", &journey->cnpj,
                                         "CNPJ");
    }
}


static void
ngx_oof_consent_journey_document(ngx_oof_json_t *w, const char *member,
    ngx_str_t *identification, const char *rel)
{
    ngx_oof_json_name(w, member);
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "document");
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "identification", identification);
    ngx_oof_json_name(w, "rel");
    ngx_oof_json_literal(w, rel);
    ngx_oof_json_end(w, '}');
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_consent_journey_types(ngx_oof_json_t *w, ngx_uint_t mask)
{
    ngx_uint_t  i;

    ngx_oof_json_begin(w, '[');

    for (i = 0; i < NGX_OOF_CONSENT_TYPES; i++) {
        if (mask & (ngx_uint_t) 1 << i) {
            ngx_oof_json_str(w, &ngx_oof_consent_types[i].name);
        }
    }

    ngx_oof_json_end(w, ']');
}


/* in the order of their types, whichever product has answered first */

static void
ngx_oof_consent_journey_resources(ngx_oof_json_t *w, ngx_array_t *list)
{
    ngx_uint_t                i;
    ngx_oof_consent_type_t   *type;
    ngx_oof_consent_found_t  *found;

    found = list->elts;

    ngx_oof_json_begin(w, '[');

    for (type = ngx_oof_consent_types; type->name.len; type++) {
        for (i = 0; i < list->nelts; i++) {
            if (found[i].type == type) {
                ngx_oof_consent_journey_resource(w, &found[i]);
            }
        }
    }

    ngx_oof_json_end(w, ']');
}


static void
ngx_oof_consent_journey_resource(ngx_oof_json_t *w,
    ngx_oof_consent_found_t *found)
{
    size_t      i;
    json_t     *item;
    ngx_str_t   value, amount;

    ngx_oof_json_begin(w, '{');
    ngx_oof_consent_member_uuid(w, "resourceId", found->id);
    ngx_oof_json_member(w, "type", &found->type->name);
    ngx_oof_json_member(w, "status", &found->status);

    ngx_oof_json_name(w, "name");
    ngx_oof_json_begin(w, '[');

    json_array_foreach(json_object_get(found->json, "resourceName"), i, item) {

        if (ngx_oof_json_get_str(item, "key", &value) != NGX_OK) {
            continue;
        }

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_member(w, "key", &value);

        if (ngx_oof_json_get_str(item, "value", &value) == NGX_OK) {
            ngx_oof_json_member(w, "value", &value);
        }

        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_end(w, ']');

    if (ngx_oof_json_get_str(found->json, "resourceBalanceAmount", &amount)
        == NGX_OK
        && ngx_oof_json_get_str(found->json, "resourceBalanceCurrency",
                                &value)
           == NGX_OK)
    {
        ngx_oof_json_name(w, "balance");
        ngx_oof_json_begin(w, '{');
        ngx_oof_json_member(w, "amount", &amount);
        ngx_oof_json_member(w, "currency", &value);
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_name(w, "defaultSelected");
    ngx_oof_json_bool(w, json_is_true(json_object_get(found->json,
                                                      "defaultSelected")));

    ngx_oof_json_name(w, "legacyId");
    ngx_oof_json_raw(w, &found->legacy);

    if (found->approvers.len) {
        ngx_oof_json_name(w, "authorisers");
        ngx_oof_json_raw(w, &found->approvers);
    }

    ngx_oof_json_end(w, '}');
}


ngx_int_t
ngx_oof_consent_choice(ngx_oof_json_t *w, ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_uint_t  row, rows;

    rows = ngx_oof_pg_rows(u, s);

    ngx_oof_json_begin(w, '[');

    for (row = 0; row < rows; row++) {

        if (row == 0 || !ngx_oof_consent_choice_same(u, s, row)) {
            ngx_oof_consent_choice_one(w, pool, olcf, u, s, row);
        }
    }

    ngx_oof_json_end(w, ']');

    return w->failed ? NGX_ERROR : NGX_OK;
}


/* of the resource of the row before */

static ngx_uint_t
ngx_oof_consent_choice_same(ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row)
{
    ngx_str_t  id, last;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_ID, &id);
    ngx_oof_pg_get_str(u, s, row - 1, NGX_OOF_CHOICE_COL_ID, &last);

    return id.len == last.len && ngx_memcmp(id.data, last.data, id.len) == 0;
}


static void
ngx_oof_consent_choice_one(ngx_oof_json_t *w, ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row)
{
    ngx_str_t   id, value, legacy;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_ID, &id);

    ngx_oof_json_begin(w, '{');
    ngx_oof_consent_member_uuid(w, "resourceId", id.data);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_TYPE, &value);
    ngx_oof_json_member(w, "type", &value);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_STATUS, &value);
    ngx_oof_json_member(w, "status", &value);
    ngx_oof_json_member_time(w, "statusUpdateDateTime",
                             ngx_oof_pg_get_time(u, s, row,
                                          NGX_OOF_CHOICE_COL_STATUS_UPDATE));

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_LEGACY, &value);

    if (value.len
        && ngx_oof_crypt_open(olcf->keys, pool, NGX_OOF_SEAL_LEGACY, id.data,
                              &value, &legacy)
           == NGX_OK)
    {
        ngx_oof_json_name(w, "legacyId");
        ngx_oof_json_raw(w, &legacy);
    }

    if (!ngx_oof_pg_is_null(u, s, row, NGX_OOF_CHOICE_COL_CPF)) {
        ngx_oof_json_name(w, "authorisers");
        ngx_oof_json_begin(w, '[');

        do {
            ngx_oof_consent_choice_approver(w, pool, olcf, u, s, row);
            row++;
        } while (row < ngx_oof_pg_rows(u, s)
                 && ngx_oof_consent_choice_same(u, s, row));

        ngx_oof_json_end(w, ']');
    }

    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_consent_choice_approver(ngx_oof_json_t *w, ngx_pool_t *pool,
    ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row)
{
    json_t      *json;
    ngx_str_t    hmac, sealed, plain, value;
    const char  *why;

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_CPF, &hmac);
    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_PERSONAL, &sealed);

    ngx_oof_json_begin(w, '{');

    if (hmac.len == NGX_OOF_LOOKUP_LEN
        && ngx_oof_crypt_open(olcf->keys, pool, NGX_OOF_SEAL_APPROVER,
                              hmac.data, &sealed, &plain)
           == NGX_OK
        && ngx_oof_json_parse(pool, &plain, &json, &why) == NGX_OK)
    {
        if (ngx_oof_json_get_str(json, "cpf", &value) == NGX_OK) {
            ngx_oof_json_member(w, "cpf", &value);
        }

        if (ngx_oof_json_get_str(json, "name", &value) == NGX_OK) {
            ngx_oof_json_member(w, "name", &value);
        }
    }

    ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_AGREED, &value);
    ngx_oof_json_member(w, "status", &value);
    ngx_oof_json_end(w, '}');
}


ngx_uint_t
ngx_oof_consent_journey_visible(ngx_oof_request_t *o,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_str_t            cpf;
    ngx_oof_token_t     *token;
    ngx_oof_loc_conf_t  *olcf;

    token = o->token;

    if (!ngx_oof_token_has_scope(token, &ngx_oof_scope_customer)) {
        return 1;
    }

    if (!token->has_cpf) {
        return 0;
    }

    /* a company's are seen by who acts for it, a person's by himself */

    if (journey->cnpj.len
        ? token->has_cnpj
          && ngx_memcmp(token->cnpj, journey->cnpj.data, NGX_OOF_CNPJ_LEN)
             == 0
        : ngx_memcmp(token->cpf, journey->cpf.data, NGX_OOF_CPF_LEN) == 0)
    {
        return 1;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    cpf.data = token->cpf;
    cpf.len = NGX_OOF_CPF_LEN;

    return ngx_oof_consent_choice_person(olcf, u, s, &cpf, 0);
}


ngx_uint_t
ngx_oof_consent_choice_pending(ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_str_t *cpf)
{
    return ngx_oof_consent_choice_person(olcf, u, s, cpf, 1);
}


/* is that person among those who must agree, or must he still */

static ngx_uint_t
ngx_oof_consent_choice_person(ngx_oof_loc_conf_t *olcf, ngx_oof_pg_unit_t *u,
    ngx_uint_t s, ngx_str_t *cpf, ngx_uint_t pending)
{
    u_char      hmac[NGX_OOF_LOOKUP_LEN];
    ngx_str_t   value, status;
    ngx_uint_t  n, row;

    for (n = 0;
         ngx_oof_crypt_lookup(olcf->keys, n, NGX_OOF_LOOKUP_CPF, cpf, hmac)
         == NGX_OK;
         n++)
    {
        for (row = 0; row < ngx_oof_pg_rows(u, s); row++) {
            ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_CPF, &value);
            ngx_oof_pg_get_str(u, s, row, NGX_OOF_CHOICE_COL_AGREED, &status);

            if (value.len == NGX_OOF_LOOKUP_LEN
                && ngx_memcmp(value.data, hmac, value.len) == 0
                && (!pending || status.data[0] == 'P'))
            {
                return 1;
            }
        }
    }

    return 0;
}


void
ngx_oof_consent_journey_read(ngx_oof_pg_unit_t *u, ngx_oof_loc_conf_t *olcf,
    u_char *id)
{
    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_get);
    ngx_oof_pg_uuid(u, id);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_time(u, ngx_oof_clock_rule());
}


ngx_int_t
ngx_oof_consent_journey_row(ngx_pool_t *pool, ngx_oof_loc_conf_t *olcf,
    ngx_oof_pg_unit_t *u, ngx_uint_t s, u_char *id,
    ngx_oof_consent_journey_t **journey)
{
    ngx_oof_consent_journey_t  *j;

    if (ngx_oof_pg_rows(u, s) == 0) {
        return NGX_DECLINED;
    }

    j = ngx_pcalloc(pool, sizeof(ngx_oof_consent_journey_t));
    if (j == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(j->consent.id, id, NGX_OOF_UUID_LEN);

    if (ngx_oof_consent_urn(pool, &olcf->urn_namespace, id, &j->consent.urn)
        != NGX_OK
        || ngx_oof_consent_journey_terms_row(pool, j, u, s) != NGX_OK
        || ngx_oof_consent_journey_strings(pool, j, u, s) != NGX_OK
        || ngx_oof_consent_journey_personal(pool, olcf, j, u, s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *journey = j;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_journey_terms_row(ngx_pool_t *pool,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_str_t           organisation;
    ngx_oof_consent_t  *consent;

    consent = &journey->consent;

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_JOURNEY_COL_ORGANISATION,
                       &organisation);

    consent->organisation_id.len = NGX_OOF_UUID_TEXT;
    consent->organisation_id.data = ngx_pnalloc(pool, NGX_OOF_UUID_TEXT);

    if (organisation.len != NGX_OOF_UUID_LEN
        || consent->organisation_id.data == NULL)
    {
        return NGX_ERROR;
    }

    (void) ngx_oof_uuid_format(consent->organisation_id.data,
                               organisation.data);

    consent->creation = ngx_oof_pg_get_time(u, s, 0,
                                            NGX_OOF_JOURNEY_COL_CREATION);
    consent->status_update =
        ngx_oof_pg_get_time(u, s, 0, NGX_OOF_JOURNEY_COL_STATUS_UPDATE);
    journey->authorise_until =
        ngx_oof_pg_get_time(u, s, 0, NGX_OOF_JOURNEY_COL_AUTHORISE_UNTIL);

    if (!ngx_oof_pg_is_null(u, s, 0, NGX_OOF_JOURNEY_COL_EXPIRATION)) {
        consent->expiration =
            ngx_oof_pg_get_time(u, s, 0, NGX_OOF_JOURNEY_COL_EXPIRATION);
    }

    consent->permissions = (uint64_t)
        ngx_oof_pg_get_int(u, s, 0, NGX_OOF_JOURNEY_COL_PERMISSIONS);

    consent->linked =
        ngx_oof_pg_get_int(u, s, 0, NGX_OOF_JOURNEY_COL_LINKED) ? 1 : 0;
    journey->multiple =
        ngx_oof_pg_get_int(u, s, 0, NGX_OOF_JOURNEY_COL_MULTIPLE) ? 1 : 0;
    journey->ready =
        ngx_oof_pg_get_int(u, s, 0, NGX_OOF_JOURNEY_COL_READY) ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_journey_strings(ngx_pool_t *pool,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_uint_t          i;
    ngx_oof_consent_t  *consent;

    consent = &journey->consent;

    struct {
        ngx_uint_t   col;
        ngx_str_t   *value;
    } strings[] = {
        { NGX_OOF_JOURNEY_COL_CLIENT, &consent->client_id },
        { NGX_OOF_JOURNEY_COL_STATUS, &consent->status },
        { NGX_OOF_JOURNEY_COL_REJECTED_BY, &consent->rejected_by },
        { NGX_OOF_JOURNEY_COL_REASON_CODE, &consent->reason_code },
        { NGX_OOF_JOURNEY_COL_REASON_INFO, &consent->reason_info },
        { NGX_OOF_JOURNEY_COL_LINK_ID, &consent->link_id },
        { NGX_OOF_JOURNEY_COL_CLIENT_NAME, &journey->client_name },
        { NGX_OOF_JOURNEY_COL_CLIENT_LOGO, &journey->client_logo },
        { NGX_OOF_JOURNEY_COL_CLIENT_STATUS, &journey->client_status },
        { 0, NULL }
    };

    for (i = 0; strings[i].value; i++) {
        if (ngx_oof_consent_copy(pool, u, s, 0, strings[i].col,
                                 strings[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_journey_personal(ngx_pool_t *pool, ngx_oof_loc_conf_t *olcf,
    ngx_oof_consent_journey_t *journey, ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_str_t  sealed;

    ngx_oof_pg_get_str(u, s, 0, NGX_OOF_JOURNEY_COL_PERSONAL, &sealed);

    return ngx_oof_consent_open(pool, olcf, journey->consent.id, &sealed,
                                &journey->cpf, &journey->cnpj);
}


ngx_int_t
ngx_oof_consent_open(ngx_pool_t *pool, ngx_oof_loc_conf_t *olcf, u_char *id,
    ngx_str_t *sealed, ngx_str_t *cpf, ngx_str_t *cnpj)
{
    json_t      *json;
    u_char       text[NGX_OOF_UUID_TEXT];
    ngx_str_t    plain;
    const char  *why;

    if (ngx_oof_crypt_open(olcf->keys, pool, "oof_consent", id, sealed,
                           &plain)
        != NGX_OK
        || ngx_oof_json_parse(pool, &plain, &json, &why) != NGX_OK)
    {
        (void) ngx_oof_uuid_format(text, id);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "personal data of consent \"%*s\" cannot be opened",
                      (size_t) NGX_OOF_UUID_TEXT, text);
        return NGX_ERROR;
    }

    ngx_oof_consent_journey_identification(json, "loggedUser", cpf);
    ngx_oof_consent_journey_identification(json, "businessEntity", cnpj);

    return (cpf->len == NGX_OOF_CPF_LEN
            && (cnpj->len == 0 || cnpj->len == NGX_OOF_CNPJ_LEN))
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_oof_consent_journey_identification(json_t *json, const char *member,
    ngx_str_t *value)
{
    json_t  *document;

    document = json_object_get(json_object_get(json, member), "document");

    if (ngx_oof_json_get_str(document, "identification", value) != NGX_OK) {
        ngx_str_null(value);
    }
}


/* results go with their unit */

static ngx_int_t
ngx_oof_consent_copy(ngx_pool_t *pool, ngx_oof_pg_unit_t *u, ngx_uint_t s,
    ngx_uint_t row, ngx_uint_t col, ngx_str_t *value)
{
    ngx_str_t  text;

    ngx_str_null(value);

    ngx_oof_pg_get_str(u, s, row, col, &text);

    if (text.len == 0) {
        return NGX_OK;
    }

    value->data = ngx_pstrdup(pool, &text);
    value->len = text.len;

    return value->data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_oof_consent_lookups(ngx_pool_t *pool, ngx_oof_keys_t *keys,
    const char *domain, ngx_str_t *value, ngx_str_t *json)
{
    ngx_str_t        hex;
    ngx_uint_t       n;
    ngx_oof_json_t   w;
    u_char           hmac[NGX_OOF_LOOKUP_LEN];
    u_char           text[2 * NGX_OOF_LOOKUP_LEN];

    hex.data = text;
    hex.len = sizeof(text);

    if (ngx_oof_json_init(&w, pool, 128) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '[');

    for (n = 0; n < NGX_OOF_CONSENT_LOOKUPS; n++) {

        if (ngx_oof_crypt_lookup(keys, n, domain, value, hmac) != NGX_OK) {
            break;
        }

        (void) ngx_hex_dump(text, hmac, NGX_OOF_LOOKUP_LEN);
        ngx_oof_json_str(&w, &hex);
    }

    ngx_oof_json_end(&w, ']');

    return n ? ngx_oof_json_text(&w, json) : NGX_ERROR;
}


void
ngx_oof_consent_member_uuid(ngx_oof_json_t *w, const char *name, u_char *id)
{
    ngx_oof_json_name(w, name);
    ngx_oof_json_uuid(w, id);
}


/*
 * May tokens be issued, and refreshed, for this consent (spec 5.6): while it
 * is authorised, to a client that the bank still has.
 */

ngx_int_t
ngx_oof_consent_journey_token(ngx_oof_request_t *o)
{
    return ngx_oof_consent_journey_unit(o, ngx_oof_consent_token_got);
}


static ngx_int_t
ngx_oof_consent_token_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    u_char                      id[NGX_OOF_UUID_LEN];
    ngx_int_t                   rc;
    ngx_str_t                   body;
    const char                 *reason;
    ngx_oof_json_t              w;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_consent_journey_t  *journey;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_memcpy(id, u->key, NGX_OOF_UUID_LEN);

    rc = ngx_oof_consent_journey_row(o->r->pool, olcf, u, 0, id, &journey);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || !ngx_oof_consent_journey_visible(o, journey, u, 1)) {
        return ngx_oof_consent_bank_unknown(o);
    }

    reason = ngx_oof_consent_token_reason(o, journey);

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "issue");
    ngx_oof_json_bool(&w, reason == NULL);
    ngx_oof_json_name(&w, "refresh");
    ngx_oof_json_bool(&w, reason == NULL);
    ngx_oof_json_name(&w, "scopes");

    if (reason) {
        ngx_oof_json_begin(&w, '[');
        ngx_oof_json_end(&w, ']');

    } else {
        ngx_oof_consent_scopes(&w, &journey->consent.urn,
                               journey->consent.permissions);
    }

    ngx_oof_json_member(&w, "status", &journey->consent.status);

    if (reason) {
        ngx_oof_json_name(&w, "reason");
        ngx_oof_json_literal(&w, reason);
    }

    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


/* why no token is issued, or NULL */

static const char *
ngx_oof_consent_token_reason(ngx_oof_request_t *o,
    ngx_oof_consent_journey_t *journey)
{
    u_char              *reason;
    ngx_str_t           *code;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    code = &journey->consent.reason_code;

    if (!ngx_oof_consent_is(&journey->consent, "AUTHORISED")) {

        if (code->len == 0) {
            return "CONSENT_NOT_AUTHORISED";
        }

        reason = ngx_pnalloc(o->r->pool, code->len + 1);
        if (reason == NULL) {
            return "CONSENT_NOT_AUTHORISED";
        }

        (void) ngx_cpystrn(reason, code->data, code->len + 1);

        return (char *) reason;
    }

    if (journey->client_status.len == 0) {
        return (olcf->clients == NGX_OOF_CLIENTS_REQUIRED) ? "CLIENT_UNKNOWN"
                                                           : NULL;
    }

    if (journey->client_status.len != sizeof("ACTIVE") - 1) {
        return "CLIENT_BLOCKED";
    }

    return NULL;
}
