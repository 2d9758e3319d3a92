
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_export.h>
#include <ngx_oof_consent.h>
#include <ngx_oof_consent_journey.h>
#include <ngx_oof_consent_sweep.h>
#include <ngx_oof_consent_sql.h>


static ngx_oof_export_section_t  ngx_oof_consent_export_list[] = {

    { ngx_string("consents"),
      &ngx_oof_sql_export_consents,
      NGX_OOF_LOOKUP_CPF,
      NGX_OOF_LOOKUP_CNPJ,
      NULL },

    { ngx_string("resources"),
      &ngx_oof_sql_export_resources,
      NULL,
      NULL,
      NGX_OOF_LOOKUP_HOLDER },

    ngx_oof_export_end
};


ngx_int_t
ngx_oof_consent_export_preconf(ngx_conf_t *cf)
{
    return ngx_oof_export_add(cf, ngx_oof_consent_export_list);
}
