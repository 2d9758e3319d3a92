
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_gate.h>


/*
 * The data APIs of the regulation, every route with its permission, resource,
 * query and limits (spec 1.3, 5.4, 6.4, and the interface files).
 */


#define p(name)  ngx_oof_consent_bit(name)

#define LIST      NGX_OOF_GATE_LIST
#define RESOURCE  NGX_OOF_GATE_RESOURCE
#define CUSTOMER  NGX_OOF_GATE_CUSTOMER

#define PAGED     NGX_OOF_GATE_PAGED
#define CURRENT   NGX_OOF_GATE_PAGED|NGX_OOF_GATE_CURRENT
#define FUTURE    NGX_OOF_GATE_PAGED|NGX_OOF_GATE_CURRENT|NGX_OOF_GATE_FUTURE

#define LOW          NGX_OOF_LIMIT_LOW
#define MEDIUM       NGX_OOF_LIMIT_MEDIUM
#define MEDIUM_HIGH  NGX_OOF_LIMIT_MEDIUM_HIGH
#define HIGH         NGX_OOF_LIMIT_HIGH

#define ngx_oof_gate_end                                                      \
    { ngx_null_string, ngx_null_string, 0, 0, 0, NULL, 0, 0 }

#define NGX_OOF_GATE_BODY    4096        /* of a request that has none */
#define NGX_OOF_GATE_ROUTES  128         /* with an end for each API */


static ngx_oof_gate_rule_t  ngx_oof_gate_accounts[] = {

    { ngx_string("/accounts"),
      ngx_string("account_list"),
      p(ACCOUNTS), LIST, PAGED, NULL, LOW, 8 },

    { ngx_string("/accounts/{accountId}"),
      ngx_string("account_get"),
      p(ACCOUNTS), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/accounts/{accountId}/balances"),
      ngx_string("account_balances"),
      p(ACCOUNTS_BALANCES), RESOURCE, 0, NULL, HIGH, 420 },

    { ngx_string("/accounts/{accountId}/reserved-balances"),
      ngx_string("account_reserved_balances"),
      p(ACCOUNTS_BALANCES), RESOURCE, PAGED, NULL, HIGH, 420 },

    { ngx_string("/accounts/{accountId}/transactions"),
      ngx_string("account_transactions"),
      p(ACCOUNTS_TRANSACTIONS), RESOURCE, PAGED, "BookingDate", LOW, 8 },

    { ngx_string("/accounts/{accountId}/transactions-current"),
      ngx_string("account_transactions_current"),
      p(ACCOUNTS_TRANSACTIONS), RESOURCE, FUTURE, "BookingDate", HIGH, 240 },

    { ngx_string("/accounts/{accountId}/overdraft-limits"),
      ngx_string("account_overdraft_limits"),
      p(ACCOUNTS_OVERDRAFT_LIMITS), RESOURCE, 0, NULL, HIGH, 420 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_credit_cards_accounts[] = {

    { ngx_string("/accounts"),
      ngx_string("card_list"),
      p(CARDS), LIST, PAGED, NULL, LOW, 8 },

    { ngx_string("/accounts/{creditCardAccountId}"),
      ngx_string("card_get"),
      p(CARDS), RESOURCE, 0, NULL, MEDIUM_HIGH, 120 },

    { ngx_string("/accounts/{creditCardAccountId}/bills"),
      ngx_string("card_bills"),
      p(CARDS_BILLS), RESOURCE, PAGED, "DueDate", MEDIUM, 30 },

    { ngx_string("/accounts/{creditCardAccountId}/bills/{billId}/transactions"),
      ngx_string("card_bill_transactions"),
      p(CARDS_BILLS_TRANSACTIONS), RESOURCE,
      PAGED, "TransactionDate", MEDIUM, 30 },

    { ngx_string("/accounts/{creditCardAccountId}/limits"),
      ngx_string("card_limits"),
      p(CARDS_LIMITS), RESOURCE, 0, NULL, HIGH, 240 },

    { ngx_string("/accounts/{creditCardAccountId}/transactions"),
      ngx_string("card_transactions"),
      p(CARDS_TRANSACTIONS), RESOURCE, PAGED, "TransactionDate", LOW, 8 },

    { ngx_string("/accounts/{creditCardAccountId}/transactions-current"),
      ngx_string("card_transactions_current"),
      p(CARDS_TRANSACTIONS), RESOURCE, CURRENT, "TransactionDate", HIGH, 240 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_customers[] = {

    { ngx_string("/personal/identifications"),
      ngx_string("personal_identifications"),
      p(PERSONAL_IDENTIFICATIONS), CUSTOMER, PAGED, NULL, LOW, 8 },

    { ngx_string("/personal/qualifications"),
      ngx_string("personal_qualifications"),
      p(PERSONAL_ADDITIONAL), CUSTOMER, 0, NULL, LOW, 8 },

    { ngx_string("/personal/financial-relations"),
      ngx_string("personal_financial_relations"),
      p(PERSONAL_ADDITIONAL), CUSTOMER, 0, NULL, LOW, 8 },

    { ngx_string("/business/identifications"),
      ngx_string("business_identifications"),
      p(BUSINESS_IDENTIFICATIONS), CUSTOMER, PAGED, NULL, LOW, 8 },

    { ngx_string("/business/qualifications"),
      ngx_string("business_qualifications"),
      p(BUSINESS_ADDITIONAL), CUSTOMER, 0, NULL, LOW, 8 },

    { ngx_string("/business/financial-relations"),
      ngx_string("business_financial_relations"),
      p(BUSINESS_ADDITIONAL), CUSTOMER, 0, NULL, LOW, 8 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_loans[] = {

    { ngx_string("/contracts"),
      ngx_string("loan_list"),
      p(LOANS), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}"),
      ngx_string("loan_get"),
      p(LOANS), RESOURCE, 0, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}/warranties"),
      ngx_string("loan_warranties"),
      p(LOANS_WARRANTIES), RESOURCE, PAGED, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/scheduled-instalments"),
      ngx_string("loan_scheduled_instalments"),
      p(LOANS_INSTALMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}/payments"),
      ngx_string("loan_payments"),
      p(LOANS_PAYMENTS), RESOURCE, 0, NULL, MEDIUM_HIGH, 120 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_financings[] = {

    { ngx_string("/contracts"),
      ngx_string("financing_list"),
      p(FINANCINGS), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}"),
      ngx_string("financing_get"),
      p(FINANCINGS), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/warranties"),
      ngx_string("financing_warranties"),
      p(FINANCINGS_WARRANTIES), RESOURCE, PAGED, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/scheduled-instalments"),
      ngx_string("financing_scheduled_instalments"),
      p(FINANCINGS_INSTALMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}/payments"),
      ngx_string("financing_payments"),
      p(FINANCINGS_PAYMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_invoice_financings[] = {

    { ngx_string("/contracts"),
      ngx_string("invoice_financing_list"),
      p(INVOICES), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}"),
      ngx_string("invoice_financing_get"),
      p(INVOICES), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/warranties"),
      ngx_string("invoice_financing_warranties"),
      p(INVOICES_WARRANTIES), RESOURCE, PAGED, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/scheduled-instalments"),
      ngx_string("invoice_financing_scheduled_instalments"),
      p(INVOICES_INSTALMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}/payments"),
      ngx_string("invoice_financing_payments"),
      p(INVOICES_PAYMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_unarranged_accounts_overdraft[] = {

    { ngx_string("/contracts"),
      ngx_string("overdraft_list"),
      p(OVERDRAFT), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}"),
      ngx_string("overdraft_get"),
      p(OVERDRAFT), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/warranties"),
      ngx_string("overdraft_warranties"),
      p(OVERDRAFT_WARRANTIES), RESOURCE, PAGED, NULL, LOW, 8 },

    { ngx_string("/contracts/{contractId}/scheduled-instalments"),
      ngx_string("overdraft_scheduled_instalments"),
      p(OVERDRAFT_INSTALMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    { ngx_string("/contracts/{contractId}/payments"),
      ngx_string("overdraft_payments"),
      p(OVERDRAFT_PAYMENTS), RESOURCE, 0, NULL, MEDIUM, 30 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_bank_fixed_incomes[] = {

    { ngx_string("/investments"),
      ngx_string("bank_fixed_income_list"),
      p(BANK_FIXED_INCOMES), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/investments/{investmentId}"),
      ngx_string("bank_fixed_income_get"),
      p(BANK_FIXED_INCOMES), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/investments/{investmentId}/balances"),
      ngx_string("bank_fixed_income_balances"),
      p(BANK_FIXED_INCOMES), RESOURCE, 0, NULL, MEDIUM_HIGH, 120 },

    { ngx_string("/investments/{investmentId}/transactions"),
      ngx_string("bank_fixed_income_transactions"),
      p(BANK_FIXED_INCOMES), RESOURCE, PAGED, "TransactionDate", LOW, 8 },

    { ngx_string("/investments/{investmentId}/transactions-current"),
      ngx_string("bank_fixed_income_transactions_current"),
      p(BANK_FIXED_INCOMES), RESOURCE,
      CURRENT, "TransactionDate", MEDIUM_HIGH, 120 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_credit_fixed_incomes[] = {

    { ngx_string("/investments"),
      ngx_string("credit_fixed_income_list"),
      p(CREDIT_FIXED_INCOMES), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/investments/{investmentId}"),
      ngx_string("credit_fixed_income_get"),
      p(CREDIT_FIXED_INCOMES), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/investments/{investmentId}/balances"),
      ngx_string("credit_fixed_income_balances"),
      p(CREDIT_FIXED_INCOMES), RESOURCE, 0, NULL, MEDIUM_HIGH, 120 },

    { ngx_string("/investments/{investmentId}/transactions"),
      ngx_string("credit_fixed_income_transactions"),
      p(CREDIT_FIXED_INCOMES), RESOURCE, PAGED, "TransactionDate", LOW, 8 },

    { ngx_string("/investments/{investmentId}/transactions-current"),
      ngx_string("credit_fixed_income_transactions_current"),
      p(CREDIT_FIXED_INCOMES), RESOURCE,
      CURRENT, "TransactionDate", MEDIUM_HIGH, 120 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_variable_incomes[] = {

    { ngx_string("/investments"),
      ngx_string("variable_income_list"),
      p(VARIABLE_INCOMES), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/investments/{investmentId}"),
      ngx_string("variable_income_get"),
      p(VARIABLE_INCOMES), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/investments/{investmentId}/balances"),
      ngx_string("variable_income_balances"),
      p(VARIABLE_INCOMES), RESOURCE, 0, NULL, MEDIUM, 30 },

    { ngx_string("/investments/{investmentId}/transactions"),
      ngx_string("variable_income_transactions"),
      p(VARIABLE_INCOMES), RESOURCE, PAGED, "TransactionDate", LOW, 8 },

    { ngx_string("/investments/{investmentId}/transactions-current"),
      ngx_string("variable_income_transactions_current"),
      p(VARIABLE_INCOMES), RESOURCE, CURRENT, "TransactionDate", MEDIUM, 30 },

    { ngx_string("/broker-notes/{brokerNoteId}"),
      ngx_string("variable_income_broker_note"),
      p(VARIABLE_INCOMES), LIST, 0, NULL, MEDIUM, 30 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_treasure_titles[] = {

    { ngx_string("/investments"),
      ngx_string("treasure_title_list"),
      p(TREASURE_TITLES), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/investments/{investmentId}"),
      ngx_string("treasure_title_get"),
      p(TREASURE_TITLES), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/investments/{investmentId}/balances"),
      ngx_string("treasure_title_balances"),
      p(TREASURE_TITLES), RESOURCE, 0, NULL, MEDIUM_HIGH, 120 },

    { ngx_string("/investments/{investmentId}/transactions"),
      ngx_string("treasure_title_transactions"),
      p(TREASURE_TITLES), RESOURCE, PAGED, "TransactionDate", LOW, 8 },

    { ngx_string("/investments/{investmentId}/transactions-current"),
      ngx_string("treasure_title_transactions_current"),
      p(TREASURE_TITLES), RESOURCE,
      CURRENT, "TransactionDate", MEDIUM_HIGH, 120 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_funds[] = {

    { ngx_string("/investments"),
      ngx_string("fund_list"),
      p(FUNDS), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/investments/{investmentId}"),
      ngx_string("fund_get"),
      p(FUNDS), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/investments/{investmentId}/balances"),
      ngx_string("fund_balances"),
      p(FUNDS), RESOURCE, 0, NULL, MEDIUM_HIGH, 120 },

    { ngx_string("/investments/{investmentId}/transactions"),
      ngx_string("fund_transactions"),
      p(FUNDS), RESOURCE, PAGED, "TransactionConversionDate", LOW, 8 },

    { ngx_string("/investments/{investmentId}/transactions-current"),
      ngx_string("fund_transactions_current"),
      p(FUNDS), RESOURCE,
      CURRENT, "TransactionConversionDate", MEDIUM_HIGH, 120 },

    ngx_oof_gate_end
};


static ngx_oof_gate_rule_t  ngx_oof_gate_exchanges[] = {

    { ngx_string("/operations"),
      ngx_string("exchange_list"),
      p(EXCHANGES), LIST, PAGED, NULL, MEDIUM, 30 },

    { ngx_string("/operations/{operationId}"),
      ngx_string("exchange_get"),
      p(EXCHANGES), RESOURCE, 0, NULL, LOW, 8 },

    { ngx_string("/operations/{operationId}/events"),
      ngx_string("exchange_events"),
      p(EXCHANGES), RESOURCE, PAGED, NULL, MEDIUM, 30 },

    ngx_oof_gate_end
};


static ngx_oof_gate_api_t  ngx_oof_gate_apis[] = {

    { { ngx_string("accounts"),
        ngx_string("v2"),
        ngx_string("2.5.1"),
        ngx_string("/open-banking/accounts/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("accounts"),
      ngx_string("ACCOUNT"),
      ngx_oof_gate_accounts },

    { { ngx_string("credit-cards-accounts"),
        ngx_string("v2"),
        ngx_string("2.4.0"),
        ngx_string("/open-banking/credit-cards-accounts/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("credit-cards-accounts"),
      ngx_string("CREDIT_CARD_ACCOUNT"),
      ngx_oof_gate_credit_cards_accounts },

    { { ngx_string("customers"),
        ngx_string("v2"),
        ngx_string("2.3.0"),
        ngx_string("/open-banking/customers/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("customers"),
      ngx_null_string,
      ngx_oof_gate_customers },

    { { ngx_string("loans"),
        ngx_string("v2"),
        ngx_string("2.6.0"),
        ngx_string("/open-banking/loans/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("loans"),
      ngx_string("LOAN"),
      ngx_oof_gate_loans },

    { { ngx_string("financings"),
        ngx_string("v2"),
        ngx_string("2.4.0"),
        ngx_string("/open-banking/financings/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("financings"),
      ngx_string("FINANCING"),
      ngx_oof_gate_financings },

    { { ngx_string("invoice-financings"),
        ngx_string("v2"),
        ngx_string("2.4.0"),
        ngx_string("/open-banking/invoice-financings/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("invoice-financings"),
      ngx_string("INVOICE_FINANCING"),
      ngx_oof_gate_invoice_financings },

    { { ngx_string("unarranged-accounts-overdraft"),
        ngx_string("v2"),
        ngx_string("2.5.0"),
        ngx_string("/open-banking/unarranged-accounts-overdraft/v2"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("unarranged-accounts-overdraft"),
      ngx_string("UNARRANGED_ACCOUNT_OVERDRAFT"),
      ngx_oof_gate_unarranged_accounts_overdraft },

    { { ngx_string("bank-fixed-incomes"),
        ngx_string("v1"),
        ngx_string("1.1.0"),
        ngx_string("/open-banking/bank-fixed-incomes/v1"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("bank-fixed-incomes"),
      ngx_string("BANK_FIXED_INCOME"),
      ngx_oof_gate_bank_fixed_incomes },

    { { ngx_string("credit-fixed-incomes"),
        ngx_string("v1"),
        ngx_string("1.1.0"),
        ngx_string("/open-banking/credit-fixed-incomes/v1"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("credit-fixed-incomes"),
      ngx_string("CREDIT_FIXED_INCOME"),
      ngx_oof_gate_credit_fixed_incomes },

    { { ngx_string("variable-incomes"),
        ngx_string("v1"),
        ngx_string("1.3.0"),
        ngx_string("/open-banking/variable-incomes/v1"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("variable-incomes"),
      ngx_string("VARIABLE_INCOME"),
      ngx_oof_gate_variable_incomes },

    { { ngx_string("treasure-titles"),
        ngx_string("v1"),
        ngx_string("1.1.0"),
        ngx_string("/open-banking/treasure-titles/v1"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("treasure-titles"),
      ngx_string("TREASURE_TITLE"),
      ngx_oof_gate_treasure_titles },

    { { ngx_string("funds"),
        ngx_string("v1"),
        ngx_string("1.1.0"),
        ngx_string("/open-banking/funds/v1"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("funds"),
      ngx_string("FUND"),
      ngx_oof_gate_funds },

    { { ngx_string("exchanges"),
        ngx_string("v1"),
        ngx_string("1.1.0"),
        ngx_string("/open-banking/exchanges/v1"),
        NGX_OOF_API_TPP|NGX_OOF_API_GATE,
        NGX_OOF_GATE_BODY,
        NULL },
      ngx_string("exchanges"),
      ngx_string("EXCHANGE"),
      ngx_oof_gate_exchanges },

    { { ngx_null_string, ngx_null_string, ngx_null_string, ngx_null_string,
        0, 0, NULL },
      ngx_null_string, ngx_null_string, NULL }
};


/* what a location says itself; no "oof_api" finds it */

static ngx_oof_route_t  ngx_oof_gate_own_routes[] = {

    { NGX_HTTP_GET,
      ngx_string("/"),
      ngx_string("gate"),
      NGX_OOF_GRANT_CODE,
      ngx_null_string,
      NGX_OOF_MEDIA_NONE,
      ngx_oof_gate_check,
      0 },

      ngx_oof_route_end
};


ngx_oof_api_t  ngx_oof_gate_own_api = {
    ngx_string("gate"),
    ngx_string("v1"),
    ngx_null_string,
    ngx_null_string,
    NGX_OOF_API_TPP|NGX_OOF_API_GATE|NGX_OOF_API_ANY,
    NGX_OOF_GATE_BODY,
    ngx_oof_gate_own_routes
};


/* static, as a worker of an older configuration may be made at any time */

static ngx_oof_route_t  ngx_oof_gate_routes[NGX_OOF_GATE_ROUTES];


static ngx_oof_route_t *ngx_oof_gate_fill(ngx_oof_gate_api_t *api,
    ngx_oof_route_t *route);


ngx_int_t
ngx_oof_gate_preconf(ngx_conf_t *cf)
{
    ngx_oof_route_t     *route;
    ngx_oof_gate_api_t  *api;

    route = ngx_oof_gate_routes;

    for (api = ngx_oof_gate_apis; api->rules; api++) {

        route = ngx_oof_gate_fill(api, route);

        if (route == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the data APIs have too many routes");
            return NGX_ERROR;
        }

        if (ngx_oof_api_register(cf, &api->api) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the same in each configuration; NULL: there is no room */

static ngx_oof_route_t *
ngx_oof_gate_fill(ngx_oof_gate_api_t *api, ngx_oof_route_t *route)
{
    ngx_oof_route_t       end = ngx_oof_route_end;
    ngx_oof_gate_rule_t  *rule;

    api->api.routes = route;

    for (rule = api->rules; /* void */ ; rule++) {

        if (route == ngx_oof_gate_routes + NGX_OOF_GATE_ROUTES) {
            return NULL;
        }

        *route = end;

        if (rule->path.len == 0) {
            return route + 1;
        }

        route->method = NGX_HTTP_GET;
        route->path = rule->path;
        route->operation = rule->operation;
        route->grant = NGX_OOF_GRANT_CODE;
        route->scope = api->scope;
        route->media = NGX_OOF_MEDIA_NONE;
        route->handler = ngx_oof_gate_check;

        route++;
    }
}


ngx_oof_gate_api_t *
ngx_oof_gate_api(uint64_t permissions)
{
    ngx_oof_gate_api_t   *api;
    ngx_oof_gate_rule_t  *rule;

    for (api = ngx_oof_gate_apis; api->rules; api++) {
        for (rule = api->rules; rule->path.len; rule++) {
            if (rule->permissions & permissions) {
                return api;
            }
        }
    }

    return NULL;
}
