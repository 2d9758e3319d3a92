
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_journey.h>


/* types of resources, and scopes of permissions: needs no request, no phase */


#define p(name)  ngx_oof_consent_bit(name)


typedef struct {
    const char              *scope;
    uint64_t                 permissions;    /* any of them */
} ngx_oof_consent_scope_t;


ngx_oof_consent_type_t  ngx_oof_consent_types[] = {

    { ngx_string("ACCOUNT"),
      "/accounts/account-discovery",
      NGX_OOF_PRODUCT_ACCOUNTS, p(ACCOUNTS), 1 },

    { ngx_string("CREDIT_CARD_ACCOUNT"),
      "/credit-cards-accounts/account-discovery",
      NGX_OOF_PRODUCT_CREDIT_CARDS, p(CARDS), 1 },

    { ngx_string("LOAN"),
      "/loans/discovery",
      NGX_OOF_PRODUCT_LOANS, p(LOANS), 0 },

    { ngx_string("FINANCING"),
      "/financings/discovery",
      NGX_OOF_PRODUCT_FINANCINGS, p(FINANCINGS), 0 },

    { ngx_string("UNARRANGED_ACCOUNT_OVERDRAFT"),
      "/unarranged-accounts-overdraft/discovery",
      NGX_OOF_PRODUCT_OVERDRAFT, p(OVERDRAFT), 0 },

    { ngx_string("INVOICE_FINANCING"),
      "/invoice-financings/discovery",
      NGX_OOF_PRODUCT_INVOICE_FINANCINGS, p(INVOICES), 0 },

    { ngx_string("BANK_FIXED_INCOME"),
      "/bank-fixed-incomes/discovery",
      NGX_OOF_PRODUCT_BANK_FIXED_INCOMES, p(BANK_FIXED_INCOMES), 0 },

    { ngx_string("CREDIT_FIXED_INCOME"),
      "/credit-fixed-incomes/discovery",
      NGX_OOF_PRODUCT_CREDIT_FIXED_INCOMES, p(CREDIT_FIXED_INCOMES), 0 },

    { ngx_string("VARIABLE_INCOME"),
      "/variable-incomes/discovery",
      NGX_OOF_PRODUCT_VARIABLE_INCOMES, p(VARIABLE_INCOMES), 0 },

    { ngx_string("TREASURE_TITLE"),
      "/treasure-titles/discovery",
      NGX_OOF_PRODUCT_TREASURE_TITLES, p(TREASURE_TITLES), 0 },

    { ngx_string("FUND"),
      "/funds/discovery",
      NGX_OOF_PRODUCT_FUNDS, p(FUNDS), 0 },

    { ngx_string("EXCHANGE"),
      "/exchanges/discovery",
      NGX_OOF_PRODUCT_EXCHANGES, p(EXCHANGES), 0 },

    { ngx_null_string, NULL, 0, 0, 0 }
};


static ngx_oof_consent_scope_t  ngx_oof_consent_scope_table[] = {

    { "customers",
      p(PERSONAL_IDENTIFICATIONS) | p(PERSONAL_ADDITIONAL)
      | p(BUSINESS_IDENTIFICATIONS) | p(BUSINESS_ADDITIONAL) },

    { "accounts", p(ACCOUNTS) },
    { "credit-cards-accounts", p(CARDS) },
    { "loans", p(LOANS) },
    { "financings", p(FINANCINGS) },
    { "unarranged-accounts-overdraft", p(OVERDRAFT) },
    { "invoice-financings", p(INVOICES) },
    { "bank-fixed-incomes", p(BANK_FIXED_INCOMES) },
    { "credit-fixed-incomes", p(CREDIT_FIXED_INCOMES) },
    { "variable-incomes", p(VARIABLE_INCOMES) },
    { "treasure-titles", p(TREASURE_TITLES) },
    { "funds", p(FUNDS) },
    { "exchanges", p(EXCHANGES) },
    { "resources", p(RESOURCES) },
    { NULL, 0 }
};


ngx_oof_consent_type_t *
ngx_oof_consent_type(ngx_str_t *name)
{
    ngx_oof_consent_type_t  *type;

    for (type = ngx_oof_consent_types; type->name.len; type++) {
        if (type->name.len == name->len
            && ngx_memcmp(type->name.data, name->data, name->len) == 0)
        {
            return type;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_oof_consent_type_mask(uint64_t permissions, ngx_uint_t products,
    ngx_uint_t selectable)
{
    ngx_uint_t               i, mask;
    ngx_oof_consent_type_t  *type;

    mask = 0;

    for (i = 0; i < NGX_OOF_CONSENT_TYPES; i++) {
        type = &ngx_oof_consent_types[i];

        if ((permissions & type->permission) && (products & type->product)
            && type->selectable == selectable)
        {
            mask |= (ngx_uint_t) 1 << i;
        }
    }

    return mask;
}


void
ngx_oof_consent_scopes(ngx_oof_json_t *w, ngx_str_t *urn,
    uint64_t permissions)
{
    u_char                    *last;
    ngx_str_t                  scope;
    ngx_oof_consent_scope_t   *s;
    u_char                     buf[NGX_MAX_ERROR_STR];

    last = ngx_slprintf(buf, buf + sizeof(buf), "consent:%V", urn);

    scope.data = buf;
    scope.len = last - buf;

    ngx_oof_json_begin(w, '[');
    ngx_oof_json_literal(w, "openid");
    ngx_oof_json_str(w, &scope);

    for (s = ngx_oof_consent_scope_table; s->scope; s++) {
        if (permissions & s->permissions) {
            ngx_oof_json_literal(w, s->scope);
        }
    }

    ngx_oof_json_end(w, ']');
}
