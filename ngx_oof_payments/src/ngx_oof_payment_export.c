
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_export.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_sweep.h>
#include <ngx_oof_payments_sql.h>


static ngx_oof_export_section_t  ngx_oof_payment_export_list[] = {

    { ngx_string("payments"),
      &ngx_oof_sql_export_payments,
      NGX_OOF_PAYMENT_LOOKUP_CPF,
      NGX_OOF_PAYMENT_LOOKUP_CNPJ,
      NULL },

    ngx_oof_export_end
};


ngx_int_t
ngx_oof_payment_export_preconf(ngx_conf_t *cf)
{
    return ngx_oof_export_add(cf, ngx_oof_payment_export_list);
}
