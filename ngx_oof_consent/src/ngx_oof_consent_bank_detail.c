
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_sql.h>


/* all that the bank's side is told of a consent, and of its renewals */


/* columns of bank_history */

typedef enum {
    NGX_OOF_BANK_HISTORY_AT = 0,
    NGX_OOF_BANK_HISTORY_STATUS,
    NGX_OOF_BANK_HISTORY_REASON,
    NGX_OOF_BANK_HISTORY_OPERATOR,
    NGX_OOF_BANK_HISTORY_AUTHORISED
} ngx_oof_bank_history_col_e;


/* columns of consent_extensions */

typedef enum {
    NGX_OOF_BANK_EXT_CLIENT = 0,
    NGX_OOF_BANK_EXT_TOTAL,
    NGX_OOF_BANK_EXT_EVENT,
    NGX_OOF_BANK_EXT_AT,
    NGX_OOF_BANK_EXT_EXPIRATION,
    NGX_OOF_BANK_EXT_PREVIOUS,
    NGX_OOF_BANK_EXT_PERSONAL
} ngx_oof_bank_ext_col_e;


/* statements of a detail */

#define NGX_OOF_BANK_S_CONSENT  0
#define NGX_OOF_BANK_S_CHOICE   1
#define NGX_OOF_BANK_S_MORE     2


/* somebody who must agree */

typedef struct {
    u_char                  *hmac;
    ngx_str_t                sealed;
    ngx_uint_t               pending;    /* resources that wait for him */
    ngx_uint_t               agreed;
} ngx_oof_bank_person_t;


typedef struct {
    ngx_array_t             *args;
    ngx_oof_page_t           page;
} ngx_oof_bank_renewals_t;


static ngx_int_t ngx_oof_bank_detailed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_bank_resources(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_bank_resource(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, u_char *id);
static ngx_int_t ngx_oof_bank_people(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_oof_consent_journey_t *journey);
static ngx_int_t ngx_oof_bank_people_find(ngx_array_t *people,
    ngx_oof_pg_unit_t *u);
static void ngx_oof_bank_person(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_bank_person_t *person, ngx_str_t *cpf);
static void ngx_oof_bank_requirer(ngx_oof_json_t *w,
    ngx_oof_consent_journey_t *journey);
static void ngx_oof_bank_permissions(ngx_oof_json_t *w, uint64_t permissions);
static ngx_uint_t ngx_oof_bank_history(ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_oof_consent_t *consent);
static void ngx_oof_bank_state(ngx_oof_json_t *w, ngx_uint_t standing,
    int64_t at, ngx_str_t *operator);
static ngx_uint_t ngx_oof_bank_judge(ngx_str_t *status, ngx_str_t *reason,
    ngx_uint_t authorised);
static ngx_uint_t ngx_oof_bank_equal(ngx_str_t *value, const char *literal);
static void ngx_oof_bank_ended(ngx_oof_json_t *w, ngx_oof_consent_t *consent,
    ngx_uint_t standing);
static ngx_int_t ngx_oof_bank_renewed(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_bank_renewal(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row);


ngx_int_t
ngx_oof_bank_detail(ngx_oof_request_t *o)
{
    ngx_int_t           rc;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_bank_read(o, &u);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_bank_history);
    ngx_oof_pg_uuid(u, u->key);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_detailed);
}


ngx_int_t
ngx_oof_bank_read(ngx_oof_request_t *o, ngx_oof_pg_unit_t **unit)
{
    u_char               id[NGX_OOF_UUID_LEN];
    ngx_int_t            rc;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_loc_conf_t  *olcf;

    rc = ngx_oof_consent_bank_id(o, &o->params[0], id);

    if (rc != NGX_OK) {
        return rc;
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

    *unit = u;

    return NGX_OK;
}


ngx_int_t
ngx_oof_bank_row(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_oof_consent_journey_t **journey)
{
    ngx_int_t            rc;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    rc = ngx_oof_consent_journey_row(o->r->pool, olcf, u,
                                     NGX_OOF_BANK_S_CONSENT, u->key, journey);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK
        || !ngx_oof_consent_journey_visible(o, *journey, u,
                                            NGX_OOF_BANK_S_CHOICE))
    {
        (void) ngx_oof_consent_bank_unknown(o);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_detailed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_str_t                   body, *name;
    ngx_uint_t                  standing;
    ngx_oof_json_t              w;
    ngx_oof_consent_t          *consent;
    ngx_oof_loc_conf_t         *olcf;
    ngx_oof_consent_journey_t  *journey;

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 8192) != NGX_OK) {
        return NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);
    consent = &journey->consent;

    /* a client that is not registered is called by its id */

    name = journey->client_name.len ? &journey->client_name
                                    : &consent->client_id;

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "brandId", &olcf->brand);
    ngx_oof_json_member(&w, "externalId", &consent->urn);
    ngx_oof_bank_documents(&w, &journey->cpf, &journey->cnpj);
    ngx_oof_json_member_time(&w, "createdOn", consent->creation);

    if (consent->expiration) {
        ngx_oof_json_member_time(&w, "expiredOn", consent->expiration);
    }

    ngx_oof_bank_resources(o, &w, u);

    if (ngx_oof_bank_people(o, &w, u, journey) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_bank_permissions(&w, consent->permissions);

    standing = ngx_oof_bank_history(&w, u, consent);

    ngx_oof_bank_ended(&w, consent, standing);

    ngx_oof_json_name(&w, "status");
    ngx_oof_json_literal(&w, ngx_oof_bank_standing(standing));
    ngx_oof_json_name(&w, "type");
    ngx_oof_json_literal(&w, "DATA_SHARING");
    ngx_oof_json_member(&w, "orgName", name);
    ngx_oof_json_member(&w, "tppName", name);

    if (consent->linked && consent->link_id.len) {
        ngx_oof_json_name(&w, "linkedConsents");
        ngx_oof_json_begin(&w, '[');
        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_member(&w, "externalId", &consent->link_id);
        ngx_oof_json_end(&w, '}');
        ngx_oof_json_end(&w, ']');
    }

    ngx_oof_json_end(&w, '}');
    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static void
ngx_oof_bank_resources(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u)
{
    ngx_str_t   id, last;
    ngx_uint_t  row;

    ngx_str_null(&last);

    ngx_oof_json_name(w, "resources");
    ngx_oof_json_begin(w, '[');

    for (row = 0; row < ngx_oof_pg_rows(u, NGX_OOF_BANK_S_CHOICE); row++) {

        ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row,
                           NGX_OOF_CHOICE_COL_ID, &id);

        /* a row for each person who must agree */

        if (last.len == 0
            || ngx_memcmp(id.data, last.data, NGX_OOF_UUID_LEN) != 0)
        {
            ngx_oof_bank_resource(o, w, u, row, id.data);
        }

        last = id;
    }

    ngx_oof_json_end(w, ']');
}


/* the file knows two of the statuses: what is not there is unavailable */

static void
ngx_oof_bank_resource(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row, u_char *id)
{
    ngx_str_t            value, legacy;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_json_begin(w, '{');
    ngx_oof_consent_member_uuid(w, "resourceId", id);

    ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row, NGX_OOF_CHOICE_COL_TYPE,
                       &value);
    ngx_oof_json_member(w, "type", &value);

    ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row,
                       NGX_OOF_CHOICE_COL_STATUS, &value);
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, ngx_oof_bank_equal(&value, "AVAILABLE")
                            ? "AVAILABLE" : "UNAVAILABLE");

    ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row,
                       NGX_OOF_CHOICE_COL_LEGACY, &value);

    if (value.len
        && ngx_oof_crypt_open(olcf->keys, o->r->pool, NGX_OOF_SEAL_LEGACY, id,
                              &value, &legacy)
           == NGX_OK)
    {
        ngx_oof_json_name(w, "legacyId");
        ngx_oof_json_raw(w, &legacy);
    }

    ngx_oof_json_end(w, '}');
}


/* the logged user, and everybody else who must agree, each once */

static ngx_int_t
ngx_oof_bank_people(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_oof_consent_journey_t *journey)
{
    ngx_uint_t              i;
    ngx_array_t             people;
    ngx_oof_bank_person_t  *person;

    if (ngx_array_init(&people, o->r->pool, 4, sizeof(ngx_oof_bank_person_t))
        != NGX_OK
        || ngx_oof_bank_people_find(&people, u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_name(w, "authorizations");
    ngx_oof_json_begin(w, '[');

    ngx_oof_bank_requirer(w, journey);

    person = people.elts;

    for (i = 0; i < people.nelts; i++) {
        ngx_oof_bank_person(o, w, &person[i], &journey->cpf);
    }

    ngx_oof_json_end(w, ']');

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_people_find(ngx_array_t *people, ngx_oof_pg_unit_t *u)
{
    ngx_str_t               hmac, status;
    ngx_uint_t              i, row;
    ngx_oof_bank_person_t  *person;

    for (row = 0; row < ngx_oof_pg_rows(u, NGX_OOF_BANK_S_CHOICE); row++) {

        ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row,
                           NGX_OOF_CHOICE_COL_CPF, &hmac);

        if (hmac.len != NGX_OOF_LOOKUP_LEN) {
            continue;
        }

        person = people->elts;

        for (i = 0; i < people->nelts; i++) {
            if (ngx_memcmp(person[i].hmac, hmac.data, NGX_OOF_LOOKUP_LEN) == 0)
            {
                break;
            }
        }

        if (i == people->nelts) {

            if (i == NGX_OOF_CONSENT_APPROVERS) {
                continue;
            }

            person = ngx_array_push(people);
            if (person == NULL) {
                return NGX_ERROR;
            }

            ngx_memzero(person, sizeof(ngx_oof_bank_person_t));

            person->hmac = hmac.data;
            ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row,
                               NGX_OOF_CHOICE_COL_PERSONAL, &person->sealed);

        } else {
            person = &person[i];
        }

        ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_CHOICE, row,
                           NGX_OOF_CHOICE_COL_AGREED, &status);

        if (ngx_oof_bank_equal(&status, "PENDING")) {
            person->pending++;

        } else if (ngx_oof_bank_equal(&status, "AUTHORISED")) {
            person->agreed++;
        }
    }

    return NGX_OK;
}


/* who asked for it is told of already */

static void
ngx_oof_bank_person(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_bank_person_t *person, ngx_str_t *cpf)
{
    json_t              *json;
    ngx_str_t            plain, value;
    const char          *why;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, NGX_OOF_SEAL_APPROVER,
                           person->hmac, &person->sealed, &plain)
        != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &plain, &json, &why) != NGX_OK
        || ngx_oof_json_get_str(json, "cpf", &value) != NGX_OK
        || (value.len == cpf->len
            && ngx_memcmp(value.data, cpf->data, cpf->len) == 0))
    {
        return;
    }

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "personDocumentNumber", &value);

    if (ngx_oof_json_get_str(json, "name", &value) == NGX_OK) {
        ngx_oof_json_member(w, "personName", &value);
    }

    ngx_oof_json_name(w, "isRequirer");
    ngx_oof_json_bool(w, 0);
    ngx_oof_json_name(w, "status");
    ngx_oof_json_literal(w, person->pending ? "AWAITING_AUTHORISATION"
                            : person->agreed ? "AUTHORISED" : "REJECTED");
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_bank_requirer(ngx_oof_json_t *w, ngx_oof_consent_journey_t *journey)
{
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_member(w, "personDocumentNumber", &journey->cpf);
    ngx_oof_json_name(w, "isRequirer");
    ngx_oof_json_bool(w, 1);
    ngx_oof_json_member(w, "status", &journey->consent.status);
    ngx_oof_json_end(w, '}');
}


static void
ngx_oof_bank_permissions(ngx_oof_json_t *w, uint64_t permissions)
{
    ngx_uint_t  n;

    ngx_oof_json_name(w, "permissions");
    ngx_oof_json_begin(w, '[');

    for (n = 0; n < NGX_OOF_CONSENT_PERMISSIONS; n++) {

        if (!(permissions & (uint64_t) 1 << n)) {
            continue;
        }

        ngx_oof_json_begin(w, '{');
        ngx_oof_json_member(w, "name", &ngx_oof_consent_names[n]);
        ngx_oof_json_name(w, "title");
        ngx_oof_json_literal(w, ngx_oof_bank_title(n));
        ngx_oof_json_name(w, "description");
        ngx_oof_json_literal(w, ngx_oof_bank_description(n));
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_json_end(w, ']');
}


/*
 * Writes the history and returns where the consent stands.  What has come due
 * is its newest state, whether or not it is written yet.
 */

static ngx_uint_t
ngx_oof_bank_history(ngx_oof_json_t *w, ngx_oof_pg_unit_t *u,
    ngx_oof_consent_t *consent)
{
    int64_t     at;
    ngx_str_t   status, reason, operator;
    ngx_uint_t  row, authorised, standing, written;

    authorised = 0;
    written = 0;

    ngx_oof_json_name(w, "consentHistoryStatus");
    ngx_oof_json_begin(w, '[');

    for (row = 0; row < ngx_oof_pg_rows(u, NGX_OOF_BANK_S_MORE); row++) {

        at = ngx_oof_pg_get_time(u, NGX_OOF_BANK_S_MORE, row,
                                 NGX_OOF_BANK_HISTORY_AT);
        ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_MORE, row,
                           NGX_OOF_BANK_HISTORY_STATUS, &status);
        ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_MORE, row,
                           NGX_OOF_BANK_HISTORY_REASON, &reason);
        ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_MORE, row,
                           NGX_OOF_BANK_HISTORY_OPERATOR, &operator);
        authorised = (ngx_uint_t)
                     ngx_oof_pg_get_int(u, NGX_OOF_BANK_S_MORE, row,
                                        NGX_OOF_BANK_HISTORY_AUTHORISED);

        standing = ngx_oof_bank_judge(&status, &reason, authorised);
        written = ngx_oof_bank_equal(&status, "REJECTED");

        ngx_oof_bank_state(w, standing, at, &operator);
    }

    standing = ngx_oof_bank_judge(&consent->status, &consent->reason_code,
                                  authorised);

    if (!written && ngx_oof_consent_is(consent, "REJECTED")) {
        ngx_str_null(&operator);
        ngx_oof_bank_state(w, standing, consent->status_update, &operator);
    }

    ngx_oof_json_end(w, ']');

    return standing;
}


static void
ngx_oof_bank_state(ngx_oof_json_t *w, ngx_uint_t standing, int64_t at,
    ngx_str_t *operator)
{
    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "consentStatus");
    ngx_oof_json_literal(w, ngx_oof_bank_standing(standing));

    if (operator->len) {
        ngx_oof_json_member(w, "operatorUsername", operator);
    }

    ngx_oof_json_member_time(w, "updatedOn", at);
    ngx_oof_json_end(w, '}');
}


/* as oof_consent.standing */

static ngx_uint_t
ngx_oof_bank_judge(ngx_str_t *status, ngx_str_t *reason,
    ngx_uint_t authorised)
{
    if (ngx_oof_bank_equal(status, "AWAITING_AUTHORISATION")) {
        return NGX_OOF_BANK_AWAITING;
    }

    if (ngx_oof_bank_equal(status, "AUTHORISED")) {
        return NGX_OOF_BANK_AUTHORISED;
    }

    if (ngx_oof_bank_equal(reason, "CONSENT_MAX_DATE_REACHED")) {
        return NGX_OOF_BANK_EXPIRED;
    }

    if (ngx_oof_bank_equal(reason, "CONSENT_EXPIRED")) {
        return NGX_OOF_BANK_TIMEOUT;
    }

    if (authorised
        || ngx_oof_bank_equal(reason, "CUSTOMER_MANUALLY_REVOKED"))
    {
        return NGX_OOF_BANK_REVOKED;
    }

    return NGX_OOF_BANK_REJECTED;
}


static ngx_uint_t
ngx_oof_bank_equal(ngx_str_t *value, const char *literal)
{
    size_t  len;

    len = ngx_strlen(literal);

    return value->len == len && ngx_memcmp(value->data, literal, len) == 0;
}


/*
 * The regulation calls every end a rejection; the end of what was authorised is
 * told as a revocation too, whose few reasons are the file's.
 */

static void
ngx_oof_bank_ended(ngx_oof_json_t *w, ngx_oof_consent_t *consent,
    ngx_uint_t standing)
{
    if (consent->rejected_by.len == 0) {
        return;
    }

    if (standing == NGX_OOF_BANK_REVOKED) {
        ngx_oof_json_name(w, "revocation");
        ngx_oof_json_begin(w, '{');
        ngx_oof_json_member(w, "revokedBy", &consent->rejected_by);
        ngx_oof_json_name(w, "reason");
        ngx_oof_json_begin(w, '{');
        ngx_oof_json_name(w, "code");
        ngx_oof_json_literal(w, ngx_oof_bank_equal(&consent->reason_code,
                                                   "INTERNAL_SECURITY_REASON")
                                ? "FRAUD" : "OTHER");

        if (consent->reason_info.len) {
            ngx_oof_json_member(w, "additionalInformation",
                                &consent->reason_info);
        }

        ngx_oof_json_end(w, '}');
        ngx_oof_json_end(w, '}');
    }

    ngx_oof_consent_rejection(w, consent);
}


ngx_int_t
ngx_oof_bank_extends(ngx_oof_request_t *o)
{
    ngx_int_t                 rc;
    ngx_oof_pg_unit_t        *u;
    ngx_oof_loc_conf_t       *olcf;
    ngx_oof_bank_renewals_t  *list;

    list = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_bank_renewals_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_oof_bank_args(o, &list->args);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_page(o, list->args, &list->page);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_read(o, &u);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_extensions);
    ngx_oof_pg_uuid(u, u->key);
    ngx_oof_pg_text(u, &olcf->brand);
    ngx_oof_pg_int8(u, ngx_oof_page_offset(&list->page));
    ngx_oof_pg_int8(u, list->page.size);

    ngx_http_set_ctx(o->r, list, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_bank_renewed);
}


static ngx_int_t
ngx_oof_bank_renewed(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                   rc;
    ngx_str_t                   body;
    ngx_uint_t                  row;
    ngx_oof_json_t              w;
    ngx_oof_bank_renewals_t    *list;
    ngx_oof_consent_journey_t  *journey;

    list = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rc = ngx_oof_bank_row(o, u, &journey);

    if (rc == NGX_OK) {
        rc = ngx_oof_page_count(o, &list->page,
                           ngx_oof_pg_get_int(u, NGX_OOF_BANK_S_MORE, 0,
                                              NGX_OOF_BANK_EXT_TOTAL));
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_oof_json_init(&w, o->r->pool, 4096) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_body_begin(&w);
    ngx_oof_json_begin(&w, '[');

    for (row = 0; row < ngx_oof_pg_rows(u, NGX_OOF_BANK_S_MORE); row++) {

        if (!ngx_oof_pg_is_null(u, NGX_OOF_BANK_S_MORE, row,
                                NGX_OOF_BANK_EXT_EVENT)
            && ngx_oof_bank_renewal(o, &w, u, row) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_oof_json_end(&w, ']');

    ngx_oof_bank_list_end(o, &w, list->args, &list->page, NULL);

    if (ngx_oof_json_text(&w, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_oof_answer(o, NGX_HTTP_OK, &body);
}


static ngx_int_t
ngx_oof_bank_renewal(ngx_oof_request_t *o, ngx_oof_json_t *w,
    ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    json_t              *json;
    ngx_str_t            id, sealed, plain, number, rel;
    const char          *why;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_MORE, row, NGX_OOF_BANK_EXT_EVENT,
                       &id);
    ngx_oof_pg_get_str(u, NGX_OOF_BANK_S_MORE, row, NGX_OOF_BANK_EXT_PERSONAL,
                       &sealed);

    if (ngx_oof_crypt_open(olcf->keys, o->r->pool, "oof_consent_extension",
                           id.data, &sealed, &plain)
        != NGX_OK
        || ngx_oof_json_parse(o->r->pool, &plain, &json, &why) != NGX_OK
        || ngx_oof_consent_read_document(json, "loggedUser", &number, &rel)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, o->r->connection->log, 0,
                      "a renewal of \"%V\" cannot be opened", &o->consent_id);
        return NGX_ERROR;
    }

    ngx_oof_json_begin(w, '{');

    if (!ngx_oof_pg_is_null(u, NGX_OOF_BANK_S_MORE, row,
                            NGX_OOF_BANK_EXT_EXPIRATION))
    {
        ngx_oof_json_member_time(w, "expirationDateTime",
            ngx_oof_pg_get_time(u, NGX_OOF_BANK_S_MORE, row,
                                NGX_OOF_BANK_EXT_EXPIRATION));
    }

    ngx_oof_consent_document(w, "loggedUser", &number, &rel);

    ngx_oof_json_member_time(w, "requestDateTime",
        ngx_oof_pg_get_time(u, NGX_OOF_BANK_S_MORE, row,
                            NGX_OOF_BANK_EXT_AT));
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}
