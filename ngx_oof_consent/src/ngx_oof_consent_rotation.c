
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_rotation.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_bank.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sql.h>


static ngx_int_t ngx_oof_consent_rotation_legacy(ngx_pool_t *pool,
    ngx_str_t *plain, json_t *json, ngx_str_t *value);


/* consents come before resources, whose holders are known by theirs */

static ngx_oof_rotation_table_t  ngx_oof_consent_rotation_list[] = {

    { ngx_string("oof_consent"),
      &ngx_oof_sql_rotate_consent,
      &ngx_oof_sql_rotate_consent_write,
      { "oof_consent", NULL },
      { { NGX_OOF_LOOKUP_CPF, 0, ngx_oof_rotation_person },
        { NGX_OOF_LOOKUP_CNPJ, 0, ngx_oof_rotation_company } },
      NGX_OOF_LOOKUP_HOLDER,
      0 },

    { ngx_string("oof_consent_extension"),
      &ngx_oof_sql_rotate_extension,
      &ngx_oof_sql_rotate_extension_write,
      { "oof_consent_extension", NULL },
      { { NULL, 0, NULL }, { NULL, 0, NULL } },
      NULL,
      0 },

    { ngx_string("oof_consent_approver"),
      &ngx_oof_sql_rotate_approver,
      &ngx_oof_sql_rotate_approver_write,
      { NGX_OOF_SEAL_APPROVER, NULL },
      { { NGX_OOF_LOOKUP_CPF, 0, ngx_oof_rotation_cpf }, { NULL, 0, NULL } },
      NULL,
      1 },

    { ngx_string("oof_consent_metadata"),
      &ngx_oof_sql_rotate_metadata,
      &ngx_oof_sql_rotate_metadata_write,
      { NGX_OOF_SEAL_METADATA, NULL },
      { { NULL, 0, NULL }, { NULL, 0, NULL } },
      NULL,
      0 },

    { ngx_string("oof_consent_search_key"),
      &ngx_oof_sql_rotate_search_key,
      &ngx_oof_sql_rotate_search_key_write,
      { NGX_OOF_SEAL_SEARCH, NULL },
      { { NGX_OOF_LOOKUP_SEARCH, 0, ngx_oof_rotation_whole },
        { NULL, 0, NULL } },
      NULL,
      1 },

    { ngx_string("oof_resource"),
      &ngx_oof_sql_rotate_resource,
      &ngx_oof_sql_rotate_resource_write,
      { NGX_OOF_SEAL_LEGACY, NGX_OOF_SEAL_APPROVERS },
      { { NGX_OOF_LOOKUP_LEGACY, 0, ngx_oof_consent_rotation_legacy },
        { NGX_OOF_LOOKUP_APPROVERS, 1, ngx_oof_rotation_whole } },
      NULL,
      0 },

    ngx_oof_rotation_table_end
};


ngx_int_t
ngx_oof_consent_rotation_init(ngx_conf_t *cf)
{
    return ngx_oof_rotation_tables(cf, ngx_oof_consent_rotation_list);
}


static ngx_int_t
ngx_oof_consent_rotation_legacy(ngx_pool_t *pool, ngx_str_t *plain,
    json_t *json, ngx_str_t *value)
{
    ngx_int_t                rc;
    ngx_oof_consent_found_t  found;

    ngx_memzero(&found, sizeof(ngx_oof_consent_found_t));

    rc = ngx_oof_consent_found_legacy(pool, &found,
                                      json_object_get(json, "a"));
    *value = found.canonical;

    return rc;
}
