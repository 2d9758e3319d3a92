
/*
 * Copyright (C) oof authors
 */


#include "tap.h"
#include <ngx_oof_consent_gate.h>


/* how often each route of a data API may be called, at least (spec 6.4) */


#define LOW          NGX_OOF_LIMIT_LOW
#define MEDIUM       NGX_OOF_LIMIT_MEDIUM
#define MEDIUM_HIGH  NGX_OOF_LIMIT_MEDIUM_HIGH
#define HIGH         NGX_OOF_LIMIT_HIGH


static struct {
    const char  *api;
    const char  *path;
    ngx_uint_t   class;
    ngx_uint_t   monthly;
} routes[] = {
    { "customers", "/personal/identifications", LOW, 8 },
    { "customers", "/personal/qualifications", LOW, 8 },
    { "customers", "/personal/financial-relations", LOW, 8 },
    { "customers", "/business/identifications", LOW, 8 },
    { "customers", "/business/qualifications", LOW, 8 },
    { "customers", "/business/financial-relations", LOW, 8 },

    { "accounts", "/accounts", LOW, 8 },
    { "accounts", "/accounts/{accountId}", LOW, 8 },
    { "accounts", "/accounts/{accountId}/transactions", LOW, 8 },
    { "accounts", "/accounts/{accountId}/transactions-current", HIGH, 240 },
    { "accounts", "/accounts/{accountId}/balances", HIGH, 420 },
    { "accounts", "/accounts/{accountId}/reserved-balances", HIGH, 420 },
    { "accounts", "/accounts/{accountId}/overdraft-limits", HIGH, 420 },

    { "credit-cards-accounts", "/accounts", LOW, 8 },
    { "credit-cards-accounts",
      "/accounts/{creditCardAccountId}/transactions",
      LOW, 8 },
    { "credit-cards-accounts",
      "/accounts/{creditCardAccountId}",
      MEDIUM_HIGH, 120 },
    { "credit-cards-accounts",
      "/accounts/{creditCardAccountId}/bills",
      MEDIUM, 30 },
    { "credit-cards-accounts",
      "/accounts/{creditCardAccountId}/bills/{billId}/transactions",
      MEDIUM, 30 },
    { "credit-cards-accounts",
      "/accounts/{creditCardAccountId}/limits",
      HIGH, 240 },
    { "credit-cards-accounts",
      "/accounts/{creditCardAccountId}/transactions-current",
      HIGH, 240 },

    { "loans", "/contracts", MEDIUM, 30 },
    { "loans", "/contracts/{contractId}", MEDIUM, 30 },
    { "loans", "/contracts/{contractId}/warranties", LOW, 8 },
    { "loans", "/contracts/{contractId}/scheduled-instalments", MEDIUM, 30 },
    { "loans", "/contracts/{contractId}/payments", MEDIUM_HIGH, 120 },

    { "financings", "/contracts", MEDIUM, 30 },
    { "financings", "/contracts/{contractId}", LOW, 8 },
    { "financings", "/contracts/{contractId}/warranties", LOW, 8 },
    { "financings",
      "/contracts/{contractId}/scheduled-instalments",
      MEDIUM, 30 },
    { "financings", "/contracts/{contractId}/payments", MEDIUM, 30 },

    { "unarranged-accounts-overdraft", "/contracts", MEDIUM, 30 },
    { "unarranged-accounts-overdraft", "/contracts/{contractId}", LOW, 8 },
    { "unarranged-accounts-overdraft",
      "/contracts/{contractId}/warranties",
      LOW, 8 },
    { "unarranged-accounts-overdraft",
      "/contracts/{contractId}/scheduled-instalments",
      MEDIUM, 30 },
    { "unarranged-accounts-overdraft",
      "/contracts/{contractId}/payments",
      MEDIUM, 30 },

    { "invoice-financings", "/contracts", MEDIUM, 30 },
    { "invoice-financings", "/contracts/{contractId}", LOW, 8 },
    { "invoice-financings", "/contracts/{contractId}/warranties", LOW, 8 },
    { "invoice-financings",
      "/contracts/{contractId}/scheduled-instalments",
      MEDIUM, 30 },
    { "invoice-financings", "/contracts/{contractId}/payments", MEDIUM, 30 },

    { "bank-fixed-incomes", "/investments", MEDIUM, 30 },
    { "bank-fixed-incomes", "/investments/{investmentId}", LOW, 8 },
    { "bank-fixed-incomes",
      "/investments/{investmentId}/balances",
      MEDIUM_HIGH, 120 },
    { "bank-fixed-incomes",
      "/investments/{investmentId}/transactions",
      LOW, 8 },
    { "bank-fixed-incomes",
      "/investments/{investmentId}/transactions-current",
      MEDIUM_HIGH, 120 },

    { "credit-fixed-incomes", "/investments", MEDIUM, 30 },
    { "credit-fixed-incomes", "/investments/{investmentId}", LOW, 8 },
    { "credit-fixed-incomes",
      "/investments/{investmentId}/balances",
      MEDIUM_HIGH, 120 },
    { "credit-fixed-incomes",
      "/investments/{investmentId}/transactions",
      LOW, 8 },
    { "credit-fixed-incomes",
      "/investments/{investmentId}/transactions-current",
      MEDIUM_HIGH, 120 },

    { "treasure-titles", "/investments", MEDIUM, 30 },
    { "treasure-titles", "/investments/{investmentId}", LOW, 8 },
    { "treasure-titles",
      "/investments/{investmentId}/balances",
      MEDIUM_HIGH, 120 },
    { "treasure-titles", "/investments/{investmentId}/transactions", LOW, 8 },
    { "treasure-titles",
      "/investments/{investmentId}/transactions-current",
      MEDIUM_HIGH, 120 },

    { "funds", "/investments", MEDIUM, 30 },
    { "funds", "/investments/{investmentId}", LOW, 8 },
    { "funds", "/investments/{investmentId}/balances", MEDIUM_HIGH, 120 },
    { "funds", "/investments/{investmentId}/transactions", LOW, 8 },
    { "funds",
      "/investments/{investmentId}/transactions-current",
      MEDIUM_HIGH, 120 },

    { "variable-incomes", "/investments", MEDIUM, 30 },
    { "variable-incomes", "/investments/{investmentId}", LOW, 8 },
    { "variable-incomes", "/investments/{investmentId}/balances", MEDIUM, 30 },
    { "variable-incomes", "/investments/{investmentId}/transactions", LOW, 8 },
    { "variable-incomes",
      "/investments/{investmentId}/transactions-current",
      MEDIUM, 30 },
    { "variable-incomes", "/broker-notes/{brokerNoteId}", MEDIUM, 30 },

    { "exchanges", "/operations", MEDIUM, 30 },
    { "exchanges", "/operations/{operationId}/events", MEDIUM, 30 },
    { "exchanges", "/operations/{operationId}", LOW, 8 }
};

#define ROUTES  (sizeof(routes) / sizeof(routes[0]))


static ngx_uint_t
is(ngx_str_t *name, const char *text)
{
    return name->len == strlen(text)
           && memcmp(name->data, text, name->len) == 0;
}


static void
limits(ngx_oof_gate_api_t *api, ngx_oof_gate_rule_t *rule)
{
    size_t  i;

    for (i = 0; i < ROUTES; i++) {

        if (is(&api->api.name, routes[i].api)
            && is(&rule->path, routes[i].path))
        {
            is_int(rule->frequency, routes[i].class, "%s%s: class",
                   routes[i].api, routes[i].path);
            is_int(rule->monthly, routes[i].monthly, "calls a month");
            return;
        }
    }

    ok(0, "%.*s is in the regulation's table", (int) rule->path.len,
       rule->path.data);
}


int
main(int argc, char *const *argv)
{
    size_t                i, n;
    ngx_uint_t            bit;
    ngx_oof_gate_api_t   *api, *seen[64];
    ngx_oof_gate_rule_t  *rule;

    tap_start(argc, argv);

    n = 0;

    /* an API is found by any permission of its routes */

    for (bit = 0; bit < 64; bit++) {

        api = ngx_oof_gate_api((uint64_t) 1 << bit);

        for (i = 0; i < bit && seen[i] != api; i++) { /* void */ }

        seen[bit] = api;

        if (api == NULL || i < bit) {
            continue;
        }

        for (rule = api->rules; rule->path.len; rule++) {
            limits(api, rule);
            n++;
        }
    }

    is_int(n, ROUTES, "every route of the regulation is there");

    return tap_done();
}
