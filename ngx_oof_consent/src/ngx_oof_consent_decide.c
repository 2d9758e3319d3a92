
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


/* what the customer, and others who must agree, decide */


/* outcomes of consent_decide_outcome and consent_approve_outcome */

#define NGX_OOF_DECISION_DONE     1
#define NGX_OOF_DECISION_UNKNOWN  2
#define NGX_OOF_DECISION_STATE    4


typedef enum {
    NGX_OOF_DECISION_COL_OUTCOME = 0,
    NGX_OOF_DECISION_COL_STATUS,
    NGX_OOF_DECISION_COL_STATUS_UPDATE,
    NGX_OOF_DECISION_COL_REJECTED_BY,
    NGX_OOF_DECISION_COL_REASON_CODE,
    NGX_OOF_DECISION_COL_REASON_INFO
} ngx_oof_consent_decision_col_e;


/* columns of resource_named */

typedef enum {
    NGX_OOF_NAMED_COL_NUMBER = 0,
    NGX_OOF_NAMED_COL_TYPE,
    NGX_OOF_NAMED_COL_STATUS,
    NGX_OOF_NAMED_COL_APPROVERS,
    NGX_OOF_NAMED_COL_LEGACY,
    NGX_OOF_NAMED_COL_HELD
} ngx_oof_consent_named_col_e;


/* a resource of the decision */

typedef struct {
    u_char                     id[NGX_OOF_UUID_LEN];
    ngx_oof_consent_type_t    *type;
    ngx_str_t                  status;       /* asked for, then what is
                                              * stored */
    json_t                    *authorisers;  /* of the decision, or kept */
    ngx_oof_consent_found_t    found;        /* with a legacy id */

    unsigned                   named:1;      /* by its id */
    unsigned                   legacy:1;
    unsigned                   known:1;
} ngx_oof_consent_chosen_t;


typedef struct {
    ngx_oof_request_t         *o;
    ngx_oof_loc_conf_t        *olcf;
    ngx_oof_consent_journey_t *journey;
    ngx_oof_consent_job_t      job;

    ngx_str_t                  cpf;
    ngx_str_t                  cnpj;
    ngx_str_t                  link_id;
    ngx_str_t                  reason_code;
    ngx_str_t                  reason_info;
    ngx_str_t                  rejected_by;

    ngx_array_t                chosen;   /* ngx_oof_consent_chosen_t */
    ngx_str_t                  lookups;  /* of the CPF of an approver */
    ngx_str_t                  ids;      /* JSON array, or empty */

    ngx_str_t                  shared;   /* parameters of the unit */
    ngx_str_t                  people;
    ngx_oof_event_t            event;
    u_char                     id[NGX_OOF_UUID_LEN];

    unsigned                   reject:1;
    unsigned                   partial:1;
    unsigned                   bank:1;   /* the institution rejects */
    unsigned                   ready:1;
    unsigned                   multiple:1;
} ngx_oof_consent_decision_t;


static ngx_int_t ngx_oof_consent_decision_read(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static ngx_int_t ngx_oof_consent_decision_reason(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, json_t *data);
static ngx_int_t ngx_oof_consent_decision_resources(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, json_t *list);
static ngx_int_t ngx_oof_consent_decision_resource(
    ngx_oof_consent_decision_t *d, ngx_oof_consent_chosen_t *c, json_t *item);
static ngx_int_t ngx_oof_consent_decision_bad(ngx_oof_request_t *o,
    const char *code, const char *detail);

static ngx_int_t ngx_oof_consent_decision_got(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_decision_customer(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static ngx_int_t ngx_oof_consent_decision_mismatch(ngx_oof_request_t *o,
    const char *code);
static ngx_uint_t ngx_oof_consent_decision_token(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);

static ngx_int_t ngx_oof_consent_decision_named(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static ngx_int_t ngx_oof_consent_decision_ids(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, const char *number, ngx_str_t *json);
static ngx_int_t ngx_oof_consent_decision_found(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_decision_row(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_oof_pg_unit_t *u, ngx_uint_t row);
static ngx_uint_t ngx_oof_consent_decision_vouched(
    ngx_oof_consent_decision_t *d, ngx_oof_consent_chosen_t *c,
    ngx_str_t *legacy_hmac);
static ngx_int_t ngx_oof_consent_decision_kept_approvers(
    ngx_oof_consent_decision_t *d, ngx_oof_consent_chosen_t *c,
    ngx_str_t *sealed);
static ngx_int_t ngx_oof_consent_decision_legacy(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static void ngx_oof_consent_decision_kept(ngx_oof_consent_job_t *job);
static ngx_int_t ngx_oof_consent_decision_judge(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);

static ngx_int_t ngx_oof_consent_decision_write(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static ngx_int_t ngx_oof_consent_decision_make(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static ngx_int_t ngx_oof_consent_decision_one(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_oof_json_t *people);
static ngx_int_t ngx_oof_consent_decision_person(
    ngx_oof_consent_decision_t *d, ngx_oof_consent_chosen_t *c,
    ngx_oof_json_t *people, json_t *item, ngx_uint_t self);
static void ngx_oof_consent_decision_text(ngx_oof_pg_unit_t *u,
    ngx_str_t *value);
static ngx_int_t ngx_oof_consent_decision_approve(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d);
static ngx_int_t ngx_oof_consent_decision_done(ngx_oof_request_t *o,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_consent_decision_answer(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, ngx_oof_consent_t *consent,
    ngx_oof_pg_unit_t *u, ngx_uint_t s);



static ngx_str_t  ngx_oof_decision_values[] = {
    ngx_string("AUTHORISE"),
    ngx_string("PARTIAL"),
    ngx_string("REJECT"),
    ngx_null_string
};


static ngx_str_t  ngx_oof_decision_statuses[] = {
    ngx_string("AVAILABLE"),
    ngx_string("UNAVAILABLE"),
    ngx_string("TEMPORARILY_UNAVAILABLE"),
    ngx_string("PENDING_AUTHORISATION"),
    ngx_null_string
};


static ngx_str_t  ngx_oof_decision_types[] = {
    ngx_string("ACCOUNT"),
    ngx_string("CREDIT_CARD_ACCOUNT"),
    ngx_string("LOAN"),
    ngx_string("FINANCING"),
    ngx_string("UNARRANGED_ACCOUNT_OVERDRAFT"),
    ngx_string("INVOICE_FINANCING"),
    ngx_string("BANK_FIXED_INCOME"),
    ngx_string("CREDIT_FIXED_INCOME"),
    ngx_string("VARIABLE_INCOME"),
    ngx_string("TREASURE_TITLE"),
    ngx_string("FUND"),
    ngx_string("EXCHANGE"),
    ngx_null_string
};


/* why a consent that was never authorised may be rejected (spec 1.4) */

static ngx_str_t  ngx_oof_decision_reasons[] = {
    ngx_string("CUSTOMER_MANUALLY_REJECTED"),
    ngx_string("INTERNAL_SECURITY_REASON"),
    ngx_string("CONSENT_TECHNICAL_ISSUE"),
    ngx_null_string
};


static ngx_oof_schema_t  ngx_oof_decision_customer_schema[] = {
    { ngx_string("cpf"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 11, ngx_oof_scan_cpf, NULL, NULL },

    { ngx_string("cnpj"), NGX_OOF_SCHEMA_STRING,
      0, 0, 14, ngx_oof_scan_cnpj, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_pair_schema[] = {
    { ngx_string("key"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 1, NGX_OOF_CONSENT_TEXT, NULL, NULL, NULL },

    { ngx_string("value"), NGX_OOF_SCHEMA_STRING,
      0, 0, NGX_OOF_CONSENT_TEXT, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_pair = {
    ngx_null_string, NGX_OOF_SCHEMA_OBJECT,
    0, 0, 0, NULL, NULL, ngx_oof_decision_pair_schema
};


static ngx_oof_schema_t  ngx_oof_decision_person_schema[] = {
    { ngx_string("cpf"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 11, ngx_oof_scan_cpf, NULL, NULL },

    { ngx_string("name"), NGX_OOF_SCHEMA_STRING,
      0, 1, NGX_OOF_CONSENT_TEXT, NULL, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_person_item = {
    ngx_null_string, NGX_OOF_SCHEMA_OBJECT,
    0, 0, 0, NULL, NULL, ngx_oof_decision_person_schema
};


static ngx_oof_schema_t  ngx_oof_decision_resource_schema[] = {
    { ngx_string("resourceId"), NGX_OOF_SCHEMA_STRING,
      0, 0, NGX_OOF_UUID_TEXT, ngx_oof_scan_uuid, NULL, NULL },

    { ngx_string("type"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, NULL, ngx_oof_decision_types, NULL },

    { ngx_string("status"), NGX_OOF_SCHEMA_STRING,
      0, 0, 0, NULL, ngx_oof_decision_statuses, NULL },

    { ngx_string("legacyId"), NGX_OOF_SCHEMA_ARRAY,
      0, 1, NGX_OOF_CONSENT_PAIRS, NULL, NULL, &ngx_oof_decision_pair },

    { ngx_string("authorisers"), NGX_OOF_SCHEMA_ARRAY,
      0, 0, NGX_OOF_CONSENT_APPROVERS, NULL, NULL,
      &ngx_oof_decision_person_item },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_resource = {
    ngx_null_string, NGX_OOF_SCHEMA_OBJECT,
    0, 0, 0, NULL, NULL, ngx_oof_decision_resource_schema
};


static ngx_oof_schema_t  ngx_oof_decision_journey_schema[] = {
    { ngx_string("linkId"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 256, ngx_oof_scan_urn, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_reason_schema[] = {
    { ngx_string("code"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_decision_reasons, NULL },

    { ngx_string("detail"), NGX_OOF_SCHEMA_STRING,
      0, 1, 140, ngx_oof_consent_scan_info, NULL, NULL },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_data_schema[] = {
    { ngx_string("decision"), NGX_OOF_SCHEMA_STRING,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, ngx_oof_decision_values, NULL },

    { ngx_string("customer"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_decision_customer_schema },

    { ngx_string("resources"), NGX_OOF_SCHEMA_ARRAY,
      0, 0, NGX_OOF_CONSENT_FOUND, NULL, NULL, &ngx_oof_decision_resource },

    { ngx_string("journey"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_decision_journey_schema },

    { ngx_string("reason"), NGX_OOF_SCHEMA_OBJECT,
      0, 0, 0, NULL, NULL, ngx_oof_decision_reason_schema },

      ngx_oof_schema_end
};


static ngx_oof_schema_t  ngx_oof_decision_schema[] = {
    { ngx_string("data"), NGX_OOF_SCHEMA_OBJECT,
      NGX_OOF_SCHEMA_REQUIRED, 0, 0, NULL, NULL,
      ngx_oof_decision_data_schema },

      ngx_oof_schema_end
};


static ngx_str_t  ngx_oof_decision_scope_customer =
    ngx_string(NGX_OOF_SCOPE_CUSTOMER);


ngx_int_t
ngx_oof_consent_journey_decide(ngx_oof_request_t *o)
{
    ngx_int_t                    rc;
    ngx_oof_pg_unit_t           *u;
    ngx_oof_consent_decision_t  *d;

    d = ngx_pcalloc(o->r->pool, sizeof(ngx_oof_consent_decision_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->o = o;
    d->olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    rc = ngx_oof_consent_bank_id(o, &o->params[0], d->id);

    if (rc == NGX_OK) {
        rc = ngx_oof_consent_decision_read(o, d);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    u = ngx_oof_pg_unit(d->olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_consent_journey_read(u, d->olcf, d->id);

    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_choice);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);

    ngx_http_set_ctx(o->r, d, ngx_oof_consent_module);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_decision_got);
}


/* NGX_DECLINED: a 400 is prepared */

static ngx_int_t
ngx_oof_consent_decision_read(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    json_t      *data, *customer;
    ngx_int_t    rc;
    ngx_str_t    decision;
    ngx_uint_t   no_such_day;

    rc = ngx_oof_request_json(o);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_oof_consent_check(o, ngx_oof_decision_schema, &no_such_day);

    if (rc != NGX_OK) {
        return rc;
    }

    data = json_object_get(o->json, "data");
    customer = json_object_get(data, "customer");

    (void) ngx_oof_json_get_str(data, "decision", &decision);

    d->reject = (decision.data[0] == 'R');
    d->partial = (decision.data[0] == 'P');

    if (customer) {
        (void) ngx_oof_json_get_str(customer, "cpf", &d->cpf);

        if (ngx_oof_json_get_str(customer, "cnpj", &d->cnpj) != NGX_OK) {
            ngx_str_null(&d->cnpj);
        }

    } else if (!d->reject) {
        return ngx_oof_consent_decision_bad(o, "PARAMETRO_NAO_INFORMADO",
                          "O campo data.customer é obrigatório e não foi "
                          "informado.");
    }

    if (ngx_oof_json_get_str(json_object_get(data, "journey"), "linkId",
                             &d->link_id)
        != NGX_OK)
    {
        ngx_str_null(&d->link_id);
    }

    rc = ngx_oof_consent_decision_reason(o, d, data);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_oof_consent_decision_resources(o, d,
                                        json_object_get(data, "resources"));
}


static ngx_int_t
ngx_oof_consent_decision_reason(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, json_t *data)
{
    json_t  *reason;

    reason = json_object_get(data, "reason");

    if (!d->reject) {

        if (reason) {
            return ngx_oof_consent_decision_bad(o, "PARAMETRO_INVALIDO",
                          "O campo data.reason só acompanha uma recusa.");
        }

        return NGX_OK;
    }

    if (ngx_oof_json_get_str(reason, "code", &d->reason_code) != NGX_OK) {
        d->reason_code = ngx_oof_decision_reasons[0];
    }

    if (ngx_oof_json_get_str(reason, "detail", &d->reason_info) != NGX_OK) {
        ngx_str_null(&d->reason_info);
    }

    /* what is not the customer's is the institution's */

    if (d->reason_code.len == ngx_oof_decision_reasons[0].len
        && ngx_memcmp(d->reason_code.data, ngx_oof_decision_reasons[0].data,
                      d->reason_code.len)
           == 0)
    {
        ngx_str_set(&d->rejected_by, "USER");

    } else {
        ngx_str_set(&d->rejected_by, "ASPSP");
        d->bank = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_decision_resources(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, json_t *list)
{
    size_t                     i;
    json_t                    *item;
    ngx_int_t                  rc;
    ngx_oof_consent_chosen_t  *c;

    if (ngx_array_init(&d->chosen, o->r->pool, json_array_size(list) + 1,
                       sizeof(ngx_oof_consent_chosen_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    json_array_foreach(list, i, item) {

        c = ngx_array_push(&d->chosen);
        if (c == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(c, sizeof(ngx_oof_consent_chosen_t));

        rc = ngx_oof_consent_decision_resource(d, c, item);

        if (rc == NGX_DECLINED) {
            return ngx_oof_consent_decision_bad(o, "PARAMETRO_NAO_INFORMADO",
                          "Cada item de data.resources deve ter resourceId, "
                          "ou type e legacyId.");
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_decision_resource(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, json_t *item)
{
    json_t      *legacy;
    ngx_str_t    text;
    ngx_pool_t  *pool;

    pool = d->o->r->pool;

    if (ngx_oof_json_get_str(item, "resourceId", &text) == NGX_OK) {
        c->named = 1;
        (void) ngx_oof_uuid_parse(&text, c->id);
    }

    if (ngx_oof_json_get_str(item, "type", &text) == NGX_OK) {
        c->type = ngx_oof_consent_type(&text);
    }

    (void) ngx_oof_json_get_str(item, "status", &c->status);

    c->authorisers = json_object_get(item, "authorisers");

    legacy = json_object_get(item, "legacyId");

    if (legacy) {
        c->legacy = 1;
        c->found.type = c->type;
        c->found.status = c->status.len ? c->status
                                        : ngx_oof_decision_statuses[0];

        if (ngx_oof_consent_found_legacy(pool, &c->found, legacy)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return (c->named || (c->legacy && c->type)) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_decision_bad(ngx_oof_request_t *o, const char *code,
    const char *detail)
{
    (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, code,
                         code[10] == 'N' ? "Parâmetro não informado"
                                         : "Parâmetro inválido",
                         detail);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_decision_got(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_int_t                    rc;
    ngx_oof_consent_decision_t  *d;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    rc = ngx_oof_consent_journey_row(o->r->pool, d->olcf, u, 0, d->id,
                                     &d->journey);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || !ngx_oof_consent_journey_visible(o, d->journey, u, 1))
    {
        return ngx_oof_consent_bank_unknown(o);
    }

    if (!ngx_oof_consent_decision_token(o, d)) {
        return ngx_oof_consent_decision_mismatch(o, "CPF_MISMATCH");
    }

    if (ngx_oof_consent_is(&d->journey->consent, "AWAITING_AUTHORISATION")) {

        rc = ngx_oof_consent_decision_customer(o, d);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        return d->reject ? ngx_oof_consent_decision_write(o, d)
                         : ngx_oof_consent_decision_named(o, d);
    }

    if (ngx_oof_consent_is(&d->journey->consent, "AUTHORISED")
        && d->cpf.len && !d->bank
        && ngx_oof_consent_choice_pending(d->olcf, u, 1, &d->cpf))
    {
        return ngx_oof_consent_decision_approve(o, d);
    }

    return ngx_oof_consent_bank_state(o, &d->journey->consent);
}


/* a customer's own token decides for that customer alone */

static ngx_uint_t
ngx_oof_consent_decision_token(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    if (!ngx_oof_token_has_scope(o->token, &ngx_oof_decision_scope_customer)
        || d->cpf.len == 0)
    {
        return 1;
    }

    return o->token->has_cpf
           && ngx_memcmp(o->token->cpf, d->cpf.data, NGX_OOF_CPF_LEN) == 0;
}


/*
 * Whoever is logged in must be whom the consent names (spec 1.5, 5.6); the
 * consent goes on waiting.  NGX_DECLINED to go on.
 */

static ngx_int_t
ngx_oof_consent_decision_customer(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    ngx_oof_consent_journey_t  *journey;

    journey = d->journey;

    if (d->cpf.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_memcmp(d->cpf.data, journey->cpf.data, NGX_OOF_CPF_LEN) != 0) {
        return ngx_oof_consent_decision_mismatch(o, "CPF_MISMATCH");
    }

    if (d->cnpj.len != journey->cnpj.len
        || (d->cnpj.len
            && ngx_memcmp(d->cnpj.data, journey->cnpj.data, NGX_OOF_CNPJ_LEN)
               != 0))
    {
        return ngx_oof_consent_decision_mismatch(o, "CNPJ_MISMATCH");
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_decision_mismatch(ngx_oof_request_t *o, const char *code)
{
    return ngx_oof_error(o, NGX_HTTP_FORBIDDEN, code, "Cliente divergente",
                         code[1] == 'P'
                         ? "O CPF do usuário autenticado não é o do "
                           "consentimento."
                         : "O CNPJ da conta não é o do consentimento.");
}


static ngx_int_t
ngx_oof_consent_decision_named(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    ngx_int_t                    rc;
    ngx_str_t                    list, holders, *holder;
    ngx_oof_pg_unit_t           *u;

    rc = ngx_oof_consent_decision_ids(o, d, "n", &list);

    if (rc == NGX_DECLINED) {
        return ngx_oof_consent_decision_legacy(o, d);
    }

    holder = d->journey->cnpj.len ? &d->journey->cnpj : &d->journey->cpf;

    if (rc != NGX_OK
        || ngx_oof_consent_lookups(o->r->pool, d->olcf->keys,
                                   NGX_OOF_LOOKUP_HOLDER, holder, &holders)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(d->olcf->database, NGX_OOF_PG_READ);
    if (u == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_pg_statement(u, &ngx_oof_sql_resource_named);
    ngx_oof_pg_text(u, &d->olcf->brand);
    ngx_oof_pg_text(u, &list);
    ngx_oof_pg_text(u, &holders);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_decision_found);
}


/*
 * The ids of the decision, with their numbers or alone; NGX_DECLINED when
 * there is none.
 */

static ngx_int_t
ngx_oof_consent_decision_ids(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, const char *number, ngx_str_t *json)
{
    ngx_uint_t                 i, n;
    ngx_oof_json_t             w;
    ngx_oof_consent_chosen_t  *c;

    if (ngx_oof_json_init(&w, o->r->pool, 64 * d->chosen.nelts + 16)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    c = d->chosen.elts;

    ngx_oof_json_begin(&w, '[');

    for (n = 0, i = 0; i < d->chosen.nelts; i++) {

        if (!c[i].named) {
            continue;
        }

        n++;

        if (number == NULL) {
            ngx_oof_json_uuid(&w, c[i].id);
            continue;
        }

        ngx_oof_json_begin(&w, '{');
        ngx_oof_json_name(&w, number);
        ngx_oof_json_int(&w, (int64_t) i);
        ngx_oof_consent_member_uuid(&w, "r", c[i].id);
        ngx_oof_json_end(&w, '}');
    }

    ngx_oof_json_end(&w, ']');

    if (ngx_oof_json_text(&w, json) != NGX_OK) {
        return NGX_ERROR;
    }

    return n ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_consent_decision_found(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t                   row, n;
    ngx_oof_consent_chosen_t    *c;
    ngx_oof_consent_decision_t  *d;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);

    c = d->chosen.elts;

    for (row = 0; row < ngx_oof_pg_rows(u, 0); row++) {
        n = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, row,
                                            NGX_OOF_NAMED_COL_NUMBER);

        if (n < d->chosen.nelts
            && ngx_oof_consent_decision_row(d, &c[n], u, row) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_oof_consent_decision_legacy(o, d);
}


/* what does not fit the row stays unknown */

static ngx_int_t
ngx_oof_consent_decision_row(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_oof_pg_unit_t *u, ngx_uint_t row)
{
    ngx_str_t                value, hmac;
    ngx_uint_t               held, vouched;
    ngx_oof_consent_type_t  *type;

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_NAMED_COL_TYPE, &value);
    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_NAMED_COL_LEGACY, &hmac);

    type = ngx_oof_consent_type(&value);

    if (type == NULL || (c->type && c->type != type)) {
        return NGX_OK;
    }

    held = (ngx_uint_t) ngx_oof_pg_get_int(u, 0, row, NGX_OOF_NAMED_COL_HELD);
    vouched = ngx_oof_consent_decision_vouched(d, c, &hmac);

    /* of another customer, unless the bank names it by its own key */

    if ((c->legacy && !vouched) || (!held && !vouched)) {
        return NGX_OK;
    }

    c->known = 1;
    c->type = type;

    if (c->status.len == 0) {
        ngx_oof_pg_get_str(u, 0, row, NGX_OOF_NAMED_COL_STATUS, &value);

        c->status.len = value.len;
        c->status.data = ngx_pstrdup(d->o->r->pool, &value);

        if (c->status.data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_oof_pg_get_str(u, 0, row, NGX_OOF_NAMED_COL_APPROVERS, &value);

    if (value.len && c->authorisers == NULL) {
        return ngx_oof_consent_decision_kept_approvers(d, c, &value);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_consent_decision_vouched(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_str_t *legacy_hmac)
{
    ngx_uint_t  n;
    u_char      hmac[NGX_OOF_LOOKUP_LEN];

    if (!c->legacy || legacy_hmac->len != NGX_OOF_LOOKUP_LEN) {
        return 0;
    }

    for (n = 0;
         ngx_oof_crypt_lookup(d->olcf->keys, n, NGX_OOF_LOOKUP_LEGACY,
                              &c->found.canonical, hmac)
         == NGX_OK;
         n++)
    {
        if (ngx_memcmp(hmac, legacy_hmac->data, NGX_OOF_LOOKUP_LEN) == 0) {
            return 1;
        }
    }

    return 0;
}


/* who must agree, as the core told when the resource was found */

static ngx_int_t
ngx_oof_consent_decision_kept_approvers(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_str_t *sealed)
{
    u_char       *p;
    json_t       *json;
    ngx_str_t     plain, text;
    ngx_pool_t   *pool;
    const char   *why;

    pool = d->o->r->pool;

    if (ngx_oof_crypt_open(d->olcf->keys, pool, NGX_OOF_SEAL_APPROVERS, c->id,
                           sealed, &plain)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the parser wants an object */

    text.len = sizeof("{\"a\":}") - 1 + plain.len;
    text.data = ngx_pnalloc(pool, text.len);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text.data, "{\"a\":", sizeof("{\"a\":") - 1);
    p = ngx_cpymem(p, plain.data, plain.len);
    *p = '}';

    if (ngx_oof_json_parse(pool, &text, &json, &why) != NGX_OK) {
        return NGX_ERROR;
    }

    c->authorisers = json_object_get(json, "a");

    return NGX_OK;
}


/* resources that the channel names by the core's key get their id */

static ngx_int_t
ngx_oof_consent_decision_legacy(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_oof_consent_job_t     *job;
    ngx_oof_consent_found_t   *found;
    ngx_oof_consent_chosen_t  *c;

    job = &d->job;

    job->pool = o->r->pool;
    job->log = o->r->connection->log;
    job->olcf = d->olcf;
    job->journey = d->journey;
    job->deadline = o->expires;
    job->handler = ngx_oof_consent_decision_kept;
    job->data = d;

    if (ngx_array_init(&job->found, o->r->pool, 4,
                       sizeof(ngx_oof_consent_found_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    c = d->chosen.elts;

    for (i = 0; i < d->chosen.nelts; i++) {

        if (c[i].named) {
            continue;
        }

        rc = ngx_oof_consent_found_approvers(o->r->pool, &c[i].found,
                                             c[i].authorisers,
                                             &d->journey->cpf);
        found = ngx_array_push(&job->found);

        if (rc != NGX_OK || found == NULL) {
            return NGX_ERROR;
        }

        *found = c[i].found;
    }

    if (ngx_oof_consent_found_repeated(&job->found)) {
        (void) ngx_oof_consent_decision_bad(o, "PARAMETRO_INVALIDO",
                          "O campo data.resources repete um recurso.");
        return NGX_OK;
    }

    rc = ngx_oof_consent_keep(job);

    if (rc == NGX_OK) {
        return ngx_oof_consent_decision_judge(o, d);
    }

    if (rc == NGX_AGAIN) {
        ngx_oof_consent_job_await(o, job);
    }

    return rc;
}


static void
ngx_oof_consent_decision_kept(ngx_oof_consent_job_t *job)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_oof_request_t           *o;
    ngx_oof_consent_found_t     *found;
    ngx_oof_consent_chosen_t    *c;
    ngx_oof_consent_decision_t  *d;

    d = job->data;
    o = d->o;

    ngx_oof_consent_job_awaited(o, job);

    if (job->rc != NGX_OOF_PG_OK) {
        ngx_oof_request_resume(o, ngx_oof_error_unit(o, job->rc));
        return;
    }

    found = job->found.elts;
    c = d->chosen.elts;

    for (i = 0; i < d->chosen.nelts; i++) {

        if (c[i].named) {
            continue;
        }

        c[i].known = 1;
        ngx_memcpy(c[i].id, found->id, NGX_OOF_UUID_LEN);

        if (c[i].status.len == 0) {
            c[i].status = found->status;
        }

        found++;
    }

    rc = ngx_oof_consent_decision_judge(o, d);

    ngx_oof_request_resume(o, rc);
}


/* all resources are known, permitted, and named once */

static ngx_int_t
ngx_oof_consent_decision_judge(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    ngx_uint_t                 i, n;
    ngx_oof_consent_chosen_t  *c;

    c = d->chosen.elts;

    for (i = 0; i < d->chosen.nelts; i++) {

        if (!c[i].known) {
            return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                 "RECURSO_DESCONHECIDO",
                                 "Recurso desconhecido",
                                 "Um dos recursos informados não existe ou "
                                 "não é do cliente do consentimento.");
        }

        if (!(c[i].type->permission & d->journey->consent.permissions)) {
            return ngx_oof_error(o, NGX_OOF_HTTP_UNPROCESSABLE,
                                 "RECURSO_NAO_PERMITIDO",
                                 "Recurso não permitido",
                                 "Um dos recursos informados é de um tipo "
                                 "que o consentimento não abrange.");
        }

        for (n = 0; n < i; n++) {
            if (ngx_memcmp(c[n].id, c[i].id, NGX_OOF_UUID_LEN) == 0) {
                (void) ngx_oof_consent_decision_bad(o, "PARAMETRO_INVALIDO",
                          "O campo data.resources repete um recurso.");
                return NGX_OK;
            }
        }
    }

    return ngx_oof_consent_decision_write(o, d);
}


static ngx_int_t
ngx_oof_consent_decision_write(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    int64_t             now;
    ngx_int_t           rc;
    ngx_str_t           status, actor;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_consent_decision_make(o, d);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    u = ngx_oof_pg_unit(d->olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    now = ngx_oof_consent_now();

    if (d->reject) {
        ngx_str_set(&status, "REJECTED");

    } else {
        ngx_str_set(&status, "AUTHORISED");
    }

    if (d->bank) {
        ngx_str_set(&actor, "bank");

    } else {
        ngx_str_set(&actor, "customer");
    }

    ngx_memcpy(u->key, d->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_decide);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_event_trace(&d->event, o);
    ngx_oof_pg_event(u, &d->event);
    ngx_oof_pg_text(u, &status);
    ngx_oof_consent_decision_text(u, &d->rejected_by);
    ngx_oof_consent_decision_text(u, &d->reason_code);
    ngx_oof_consent_decision_text(u, &d->reason_info);
    ngx_oof_consent_decision_text(u, &d->link_id);
    ngx_oof_pg_bool(u, d->ready);
    ngx_oof_pg_bool(u, d->multiple);
    ngx_oof_pg_text(u, &d->shared);
    ngx_oof_pg_text(u, &d->people);
    ngx_oof_pg_text(u, &actor);

    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_choice);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_decide_outcome);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_uuid(u, d->event.id);

    return ngx_oof_request_unit(o, u, ngx_oof_consent_decision_done);
}


static void
ngx_oof_consent_decision_text(ngx_oof_pg_unit_t *u, ngx_str_t *value)
{
    ngx_oof_pg_some(u, value);
}


/* everything that can fail stands before the unit; NGX_DECLINED: 503 */

static ngx_int_t
ngx_oof_consent_decision_make(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_oof_json_t               shared, people;
    ngx_oof_consent_t            after;
    ngx_oof_consent_chosen_t    *c;
    ngx_oof_consent_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    if (ngx_oof_json_init(&shared, o->r->pool, 1024) != NGX_OK
        || ngx_oof_json_init(&people, o->r->pool, 256) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&shared, '[');
    ngx_oof_json_begin(&people, '[');

    c = d->chosen.elts;

    for (i = 0; i < d->chosen.nelts && !d->reject; i++) {

        rc = ngx_oof_consent_decision_one(d, &c[i], &people);

        if (rc == NGX_BUSY) {
            (void) ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
            return NGX_DECLINED;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_oof_json_begin(&shared, '{');
        ngx_oof_consent_member_uuid(&shared, "r", c[i].id);
        ngx_oof_json_member(&shared, "t", &c[i].type->name);
        ngx_oof_json_member(&shared, "s", &c[i].status);
        ngx_oof_json_end(&shared, '}');
    }

    ngx_oof_json_end(&shared, ']');
    ngx_oof_json_end(&people, ']');

    after = d->journey->consent;

    if (d->reject) {
        ngx_str_set(&after.status, "REJECTED");
        after.rejected_by = d->rejected_by;
        after.reason_code = d->reason_code;
        after.reason_info = d->reason_info;
        d->ready = 1;

    } else {
        ngx_str_set(&after.status, "AUTHORISED");
        d->ready = d->olcf->core == NULL
                   || ngx_oof_consent_type_mask(after.permissions,
                                                conf->products, 0)
                      == 0;
    }

    if (ngx_oof_json_text(&shared, &d->shared) != NGX_OK
        || ngx_oof_json_text(&people, &d->people) != NGX_OK
        || ngx_oof_event_init(&d->event, d->reject
                                         ? NGX_OOF_EVENT_CONSENT_REJECTED
                                         : NGX_OOF_EVENT_CONSENT_AUTHORISED)
           != NGX_OK
        || ngx_oof_consent_event_data(o, &after, "AWAITING_AUTHORISATION",
                                      &d->event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The status that a resource begins with.  It waits when somebody else must
 * agree, or when the decision is partial: then the bank tells the end of it.
 */

static ngx_int_t
ngx_oof_consent_decision_one(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_oof_json_t *people)
{
    size_t      i;
    json_t     *item;
    ngx_int_t   rc;
    ngx_str_t   cpf;
    ngx_uint_t  others;

    if (c->status.data[0] == 'U') {
        return NGX_OK;
    }

    others = 0;

    json_array_foreach(c->authorisers, i, item) {
        (void) ngx_oof_json_get_str(item, "cpf", &cpf);

        if (ngx_memcmp(cpf.data, d->journey->cpf.data, NGX_OOF_CPF_LEN) != 0) {
            others++;
        }
    }

    if (others) {
        json_array_foreach(c->authorisers, i, item) {
            (void) ngx_oof_json_get_str(item, "cpf", &cpf);

            rc = ngx_oof_consent_decision_person(d, c, people, item,
                          ngx_memcmp(cpf.data, d->journey->cpf.data,
                                     NGX_OOF_CPF_LEN)
                          == 0);
            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    if (others || d->partial) {
        c->status = ngx_oof_decision_statuses[3];
    }

    if (c->status.data[0] == 'P') {
        d->multiple = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_consent_decision_person(ngx_oof_consent_decision_t *d,
    ngx_oof_consent_chosen_t *c, ngx_oof_json_t *people, json_t *item,
    ngx_uint_t self)
{
    ngx_int_t        rc;
    ngx_str_t        cpf, name, plain, sealed;
    ngx_pool_t      *pool;
    ngx_oof_json_t   w;
    u_char           hmac[NGX_OOF_LOOKUP_LEN];

    pool = d->o->r->pool;

    (void) ngx_oof_json_get_str(item, "cpf", &cpf);

    if (ngx_oof_json_init(&w, pool, 128) != NGX_OK
        || ngx_oof_crypt_lookup(d->olcf->keys, 0, NGX_OOF_LOOKUP_CPF, &cpf,
                                hmac)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "cpf", &cpf);

    if (ngx_oof_json_get_str(item, "name", &name) == NGX_OK) {
        ngx_oof_json_member(&w, "name", &name);
    }

    ngx_oof_json_end(&w, '}');

    if (ngx_oof_json_text(&w, &plain) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_crypt_seal(d->olcf->keys, d->olcf->database, pool,
                            NGX_OOF_SEAL_APPROVER, hmac, &plain, &sealed);

    if (rc != NGX_OK) {
        return (rc == NGX_BUSY) ? NGX_BUSY : NGX_ERROR;
    }

    ngx_oof_json_begin(people, '{');
    ngx_oof_consent_member_uuid(people, "r", c->id);
    ngx_oof_json_member_hex(people, "h", hmac, NGX_OOF_LOOKUP_LEN);
    ngx_oof_json_member_hex(people, "p", sealed.data, sealed.len);
    ngx_oof_json_name(people, "s");
    ngx_oof_json_literal(people, self ? "AUTHORISED" : "PENDING");
    ngx_oof_json_end(people, '}');

    return NGX_OK;
}


/* one of several people; the resources named, or all that wait for him */

static ngx_int_t
ngx_oof_consent_decision_approve(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d)
{
    int64_t             now;
    ngx_int_t           rc;
    ngx_str_t           status;
    ngx_oof_pg_unit_t  *u;

    rc = ngx_oof_consent_decision_ids(o, d, NULL, &d->ids);

    if (rc == NGX_DECLINED) {
        ngx_str_null(&d->ids);
    }

    if (rc == NGX_ERROR
        || ngx_oof_consent_lookups(o->r->pool, d->olcf->keys,
                                   NGX_OOF_LOOKUP_CPF, &d->cpf, &d->lookups)
           != NGX_OK
        || ngx_oof_event_init(&d->event, NGX_OOF_EVENT_CONSENT_RESOURCES)
           != NGX_OK
        || ngx_oof_consent_event_data(o, &d->journey->consent, "AUTHORISED",
                                      &d->event.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    u = ngx_oof_pg_unit(d->olcf->database, NGX_OOF_PG_WRITE);
    if (u == NULL) {
        return NGX_ERROR;
    }

    now = ngx_oof_consent_now();

    if (d->reject) {
        ngx_str_set(&status, "REJECTED");

    } else {
        ngx_str_set(&status, "AUTHORISED");
    }

    ngx_memcpy(u->key, d->id, NGX_OOF_UUID_LEN);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_lock);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_approve);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_time(u, ngx_oof_clock_real());
    ngx_oof_event_trace(&d->event, o);
    ngx_oof_pg_event(u, &d->event);
    ngx_oof_pg_text(u, &d->lookups);
    ngx_oof_consent_decision_text(u, &d->ids);
    ngx_oof_pg_text(u, &status);

    ngx_oof_pg_statement(u, &ngx_oof_sql_journey_choice);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);

    ngx_oof_pg_statement(u, &ngx_oof_sql_consent_approve_outcome);
    ngx_oof_pg_uuid(u, d->id);
    ngx_oof_pg_text(u, &d->olcf->brand);
    ngx_oof_pg_time(u, now);
    ngx_oof_pg_uuid(u, d->event.id);
    ngx_oof_pg_text(u, &d->lookups);
    ngx_oof_consent_decision_text(u, &d->ids);

    d->ready = 1;

    return ngx_oof_request_unit(o, u, ngx_oof_consent_decision_done);
}


static ngx_int_t
ngx_oof_consent_decision_done(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u)
{
    ngx_uint_t                   last;
    ngx_oof_consent_t            consent;
    ngx_oof_consent_decision_t  *d;
    ngx_oof_consent_loc_conf_t  *conf;

    d = ngx_http_get_module_ctx(o->r, ngx_oof_consent_module);
    conf = ngx_http_get_module_loc_conf(o->r, ngx_oof_consent_module);

    last = u->nstatements - 1;

    consent = d->journey->consent;

    ngx_oof_pg_get_str(u, last, 0, NGX_OOF_DECISION_COL_STATUS,
                       &consent.status);
    ngx_oof_pg_get_str(u, last, 0, NGX_OOF_DECISION_COL_REJECTED_BY,
                       &consent.rejected_by);
    ngx_oof_pg_get_str(u, last, 0, NGX_OOF_DECISION_COL_REASON_CODE,
                       &consent.reason_code);
    ngx_oof_pg_get_str(u, last, 0, NGX_OOF_DECISION_COL_REASON_INFO,
                       &consent.reason_info);

    consent.status_update =
        ngx_oof_pg_get_time(u, last, 0, NGX_OOF_DECISION_COL_STATUS_UPDATE);

    switch (ngx_oof_pg_get_int(u, last, 0, NGX_OOF_DECISION_COL_OUTCOME)) {

    case NGX_OOF_DECISION_DONE:

        if (!d->ready) {
            ngx_oof_consent_prepare(d->olcf, conf->products, d->id);
        }

        return ngx_oof_consent_decision_answer(o, d, &consent, u, last - 1);

    case NGX_OOF_DECISION_UNKNOWN:
        return ngx_oof_consent_bank_unknown(o);

    case NGX_OOF_DECISION_STATE:
        return ngx_oof_consent_bank_state(o, &consent);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_oof_consent_decision_answer(ngx_oof_request_t *o,
    ngx_oof_consent_decision_t *d, ngx_oof_consent_t *consent,
    ngx_oof_pg_unit_t *u, ngx_uint_t s)
{
    ngx_str_t       body;
    ngx_oof_json_t  w;

    if (ngx_oof_json_init(&w, o->r->pool, 1024) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_name(&w, "data");
    ngx_oof_json_begin(&w, '{');
    ngx_oof_json_member(&w, "consentId", &consent->urn);
    ngx_oof_consent_member_uuid(&w, "id", consent->id);
    ngx_oof_json_member(&w, "status", &consent->status);
    ngx_oof_json_member_time(&w, "statusUpdateDateTime",
                             consent->status_update);

    if (consent->rejected_by.len) {
        ngx_oof_consent_rejection(&w, consent);
    }

    ngx_oof_json_name(&w, "resources");

    if (ngx_oof_consent_choice(&w, o->r->pool, d->olcf, u, s) != NGX_OK) {
        return NGX_ERROR;
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


ngx_int_t
ngx_oof_consent_scan_info(ngx_str_t *value)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c < ' ' || (c == ' ' && (i == 0 || i == value->len - 1))) {
            return NGX_DECLINED;
        }
    }

    return value->len ? NGX_OK : NGX_DECLINED;
}
