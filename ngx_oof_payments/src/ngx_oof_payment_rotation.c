
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_rotation.h>
#include <ngx_oof_payment.h>
#include <ngx_oof_payment_journey.h>
#include <ngx_oof_payment_order.h>
#include <ngx_oof_payments_sql.h>


static ngx_int_t ngx_oof_payment_rotation_charge(ngx_pool_t *pool,
    ngx_str_t *plain, json_t *json, ngx_str_t *value);


static ngx_oof_rotation_table_t  ngx_oof_payment_rotation_list[] = {

    { ngx_string("oof_payment_consent"),
      &ngx_oof_sql_rotate_payment_consent,
      &ngx_oof_sql_rotate_payment_consent_write,
      { NGX_OOF_PAYMENT_SEAL_CONSENT, NGX_OOF_PAYMENT_SEAL_DEBTOR },
      { { NGX_OOF_PAYMENT_LOOKUP_CPF, 0, ngx_oof_rotation_person },
        { NGX_OOF_PAYMENT_LOOKUP_CNPJ, 0, ngx_oof_rotation_company },
        { NGX_OOF_PAYMENT_LOOKUP_CHARGE, 0, ngx_oof_payment_rotation_charge } },
      NULL,
      0 },

    { ngx_string("oof_payment"),
      &ngx_oof_sql_rotate_payment,
      &ngx_oof_sql_rotate_payment_write,
      { NGX_OOF_PAYMENT_SEAL_PAYMENT, NGX_OOF_PAYMENT_SEAL_CANCELLER },
      { { NULL, 0, NULL }, { NULL, 0, NULL } },
      NULL,
      0 },

    { ngx_string("oof_payment_approver"),
      &ngx_oof_sql_rotate_payment_approver,
      &ngx_oof_sql_rotate_payment_approver_write,
      { NGX_OOF_PAYMENT_SEAL_APPROVER, NULL },
      { { NGX_OOF_PAYMENT_LOOKUP_CPF, 0, ngx_oof_rotation_cpf },
        { NULL, 0, NULL } },
      NULL,
      1 },

    ngx_oof_rotation_table_end
};


ngx_int_t
ngx_oof_payment_rotation_init(ngx_conf_t *cf)
{
    return ngx_oof_rotation_tables(cf, ngx_oof_payment_rotation_list);
}


/* which charge a consent to pay is for: NGX_DECLINED when for none */

static ngx_int_t
ngx_oof_payment_rotation_charge(ngx_pool_t *pool, ngx_str_t *plain,
    json_t *json, ngx_str_t *value)
{
    json_t                     *details;
    ngx_int_t                   rc;
    ngx_str_t                   name, jws;
    const char                 *why;
    ngx_oof_payment_charge_t    charge;

    details = json_object_get(json_object_get(json, "payment"), "details");

    /* QRDN and APDN alone are of a charge */

    if (ngx_oof_json_get_str(details, "localInstrument", &name) != NGX_OK
        || name.len != 4 || ngx_memcmp(name.data + 2, "DN", 2) != 0
        || ngx_oof_json_get_str(details, "payloadJWS", &jws) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_oof_payment_charge_parse(pool, &jws, &charge, &why);

    return (rc == NGX_OK) ? ngx_oof_payment_charge_name(pool, &charge, value)
                          : rc;
}
