
/*
 * Copyright (C) oof authors
 */


#include "tap.h"
#include <ngx_oof_consent_permission.h>


/* the rules by which permissions are accepted (spec 1.2, 1.3) */


#define NOW  (1764000000 * NGX_OOF_SECOND)

#define p(name)  ngx_oof_consent_bit(name)


typedef struct {
    const char                 *name;
    uint64_t                    asked;
    ngx_uint_t                  business;
    ngx_oof_consent_verdict_e   verdict;
} rule_t;


/* members of each group by name, as the regulation's table has them */

static const char  *groups[NGX_OOF_CONSENT_GROUPS] = {
    "CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ RESOURCES_READ",
    "CUSTOMERS_PERSONAL_ADITTIONALINFO_READ RESOURCES_READ",
    "CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ RESOURCES_READ",
    "CUSTOMERS_BUSINESS_ADITTIONALINFO_READ RESOURCES_READ",
    "ACCOUNTS_READ ACCOUNTS_BALANCES_READ RESOURCES_READ",
    "ACCOUNTS_READ ACCOUNTS_OVERDRAFT_LIMITS_READ RESOURCES_READ",
    "ACCOUNTS_READ ACCOUNTS_TRANSACTIONS_READ RESOURCES_READ",
    "CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_LIMITS_READ "
    "RESOURCES_READ",
    "CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ "
    "RESOURCES_READ",
    "CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_BILLS_READ "
    "CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ RESOURCES_READ",
    "LOANS_READ LOANS_WARRANTIES_READ LOANS_SCHEDULED_INSTALMENTS_READ "
    "LOANS_PAYMENTS_READ FINANCINGS_READ FINANCINGS_WARRANTIES_READ "
    "FINANCINGS_SCHEDULED_INSTALMENTS_READ FINANCINGS_PAYMENTS_READ "
    "UNARRANGED_ACCOUNTS_OVERDRAFT_READ "
    "UNARRANGED_ACCOUNTS_OVERDRAFT_WARRANTIES_READ "
    "UNARRANGED_ACCOUNTS_OVERDRAFT_SCHEDULED_INSTALMENTS_READ "
    "UNARRANGED_ACCOUNTS_OVERDRAFT_PAYMENTS_READ INVOICE_FINANCINGS_READ "
    "INVOICE_FINANCINGS_WARRANTIES_READ "
    "INVOICE_FINANCINGS_SCHEDULED_INSTALMENTS_READ "
    "INVOICE_FINANCINGS_PAYMENTS_READ RESOURCES_READ",
    "BANK_FIXED_INCOMES_READ CREDIT_FIXED_INCOMES_READ FUNDS_READ "
    "VARIABLE_INCOMES_READ TREASURE_TITLES_READ RESOURCES_READ",
    "EXCHANGES_READ RESOURCES_READ"
};


static const rule_t  rules[] = {

    /* step 2: both kinds of customer, whatever else is wrong */

    { "personal and business", p(PERSONAL_IDENTIFICATIONS)
      | p(BUSINESS_IDENTIFICATIONS) | p(RESOURCES), 0,
      NGX_OOF_CONSENT_BOTH_PERSONS },

    { "personal and business, with an entity", p(PERSONAL_ADDITIONAL)
      | p(BUSINESS_ADDITIONAL) | p(RESOURCES), 1,
      NGX_OOF_CONSENT_BOTH_PERSONS },

    { "personal and business without resources", p(PERSONAL_IDENTIFICATIONS)
      | p(BUSINESS_ADDITIONAL), 0, NGX_OOF_CONSENT_BOTH_PERSONS },

    /* step 3 */

    { "a person's registration for an entity", p(PERSONAL_IDENTIFICATIONS)
      | p(RESOURCES), 1, NGX_OOF_CONSENT_NOT_BUSINESS },

    { "a person's other data for an entity", p(PERSONAL_ADDITIONAL), 1,
      NGX_OOF_CONSENT_NOT_BUSINESS },

    /* step 4 */

    { "a company's registration without an entity",
      p(BUSINESS_IDENTIFICATIONS) | p(RESOURCES), 0,
      NGX_OOF_CONSENT_NO_BUSINESS },

    { "a company's other data without an entity", p(BUSINESS_ADDITIONAL), 0,
      NGX_OOF_CONSENT_NO_BUSINESS },

    /* step 5 */

    { "resources alone", p(RESOURCES), 0, NGX_OOF_CONSENT_INCOMPLETE },

    { "accounts without a second", p(ACCOUNTS) | p(RESOURCES), 0,
      NGX_OOF_CONSENT_INCOMPLETE },

    { "balances without accounts", p(ACCOUNTS_BALANCES) | p(RESOURCES), 0,
      NGX_OOF_CONSENT_INCOMPLETE },

    { "a group without resources", p(ACCOUNTS) | p(ACCOUNTS_BALANCES), 0,
      NGX_OOF_CONSENT_INCOMPLETE },

    { "bills without their transactions", p(CARDS) | p(CARDS_BILLS)
      | p(RESOURCES), 0, NGX_OOF_CONSENT_INCOMPLETE },

    { "some investments", p(FUNDS) | p(VARIABLE_INCOMES) | p(RESOURCES), 0,
      NGX_OOF_CONSENT_INCOMPLETE },

    { "loans without the other credit operations", p(LOANS)
      | p(LOANS_INSTALMENTS) | p(LOANS_PAYMENTS) | p(LOANS_WARRANTIES)
      | p(RESOURCES), 0, NGX_OOF_CONSENT_INCOMPLETE },

    { "a whole group and a stray permission", p(ACCOUNTS)
      | p(ACCOUNTS_BALANCES) | p(RESOURCES) | p(CARDS_BILLS), 0,
      NGX_OOF_CONSENT_INCOMPLETE },

    /* accepted */

    { "two groups that share", p(ACCOUNTS) | p(ACCOUNTS_BALANCES)
      | p(ACCOUNTS_TRANSACTIONS) | p(RESOURCES), 0,
      NGX_OOF_CONSENT_ACCEPTED },

    { "accounts for an entity", p(ACCOUNTS) | p(ACCOUNTS_BALANCES)
      | p(RESOURCES), 1, NGX_OOF_CONSENT_ACCEPTED },
};


static uint64_t
mask(const char *names)
{
    uint64_t     m;
    ngx_int_t    bit;
    ngx_str_t    name;
    const char  *end;

    for (m = 0; *names; names = end + (*end == ' ')) {
        end = strchr(names, ' ');

        if (end == NULL) {
            end = names + strlen(names);
        }

        name.data = (u_char *) names;
        name.len = end - names;

        bit = ngx_oof_consent_permission(&name);

        if (bit < 0) {
            printf("# no permission %.*s\n", (int) name.len, names);
            return 0;
        }

        m |= (uint64_t) 1 << bit;
    }

    return m;
}


static void
wish_init(ngx_oof_consent_wish_t *wish, uint64_t asked)
{
    ngx_memzero(wish, sizeof(ngx_oof_consent_wish_t));

    wish->permissions = asked;
    wish->products = NGX_OOF_PRODUCT_ALL;
    wish->now = NOW;

    if (asked & (p(BUSINESS_IDENTIFICATIONS) | p(BUSINESS_ADDITIONAL))) {
        wish->business = 1;
    }
}


static void
test_names(void)
{
    ngx_str_t   unknown = ngx_string("CUSTOMERS_PERSONAL_ADDITIONALINFO_READ");
    ngx_str_t   part = ngx_string("ACCOUNTS_REA");
    ngx_uint_t  i;

    for (i = 0; ngx_oof_consent_names[i].len; i++) {
        is_int(ngx_oof_consent_permission(&ngx_oof_consent_names[i]), i,
               "%s is bit %d", ngx_oof_consent_names[i].data, (int) i);
    }

    is_int(i, 36, "there are 36");
    is_int(i, NGX_OOF_CONSENT_PERMISSIONS, "the enumeration knows them all");

    is_int(ngx_oof_consent_permission(&unknown), NGX_DECLINED,
           "the right spelling is the wrong name");
    is_int(ngx_oof_consent_permission(&part), NGX_DECLINED,
           "a part of a name is no name");

    /* the places of some, told apart from the names */

    is_int(mask("ACCOUNTS_READ"), p(ACCOUNTS), "accounts");
    is_int(mask("CUSTOMERS_PERSONAL_ADITTIONALINFO_READ"),
           p(PERSONAL_ADDITIONAL), "a person's other data");
    is_int(mask("INVOICE_FINANCINGS_READ"), p(INVOICES), "invoices");
    is_int(mask("RESOURCES_READ"), (uint64_t) 1 << 29, "resources: bit 29");
    is_int(mask("EXCHANGES_READ"), (uint64_t) 1 << 35, "exchanges: bit 35");
}


static void
test_groups(void)
{
    uint64_t                    group, all;
    ngx_uint_t                  i, bit;
    ngx_oof_consent_wish_t      wish;
    ngx_oof_consent_verdict_e   verdict;

    for (all = 0, i = 0; i < NGX_OOF_CONSENT_GROUPS; i++) {
        group = mask(groups[i]);
        all |= group;

        is_int(ngx_oof_consent_groups[i], group, "members of group %d",
               (int) i + 1);

        wish_init(&wish, group);
        is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
               "group %d is accepted", (int) i + 1);
        is_int(wish.permissions, group, "group %d is granted as it is",
               (int) i + 1);

        /* a group that lacks any of its members is none */

        for (bit = 0; bit < NGX_OOF_CONSENT_PERMISSIONS; bit++) {

            if (!(group & (uint64_t) 1 << bit)) {
                continue;
            }

            wish_init(&wish, group & ~((uint64_t) 1 << bit));
            wish.business = (i == 2 || i == 3);
            verdict = ngx_oof_consent_judge(&wish);

            is_int(verdict, NGX_OOF_CONSENT_INCOMPLETE,
                   "group %d without %s is not", (int) i + 1,
                   ngx_oof_consent_names[bit].data);
        }
    }

    is_int(all, ((uint64_t) 1 << 36) - 1, "every permission is in a group");

    wish_init(&wish, all & ~(p(BUSINESS_IDENTIFICATIONS)
                             | p(BUSINESS_ADDITIONAL)));
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "all of a person's groups at once");

    wish_init(&wish, all & ~(p(PERSONAL_IDENTIFICATIONS)
                             | p(PERSONAL_ADDITIONAL)));
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "all of a company's groups at once");
}


static void
test_rules(void)
{
    ngx_uint_t              i;
    ngx_oof_consent_wish_t  wish;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        wish_init(&wish, rules[i].asked);
        wish.business = rules[i].business;

        is_int(ngx_oof_consent_judge(&wish), rules[i].verdict, "%s",
               rules[i].name);
    }
}


static void
test_expiration(void)
{
    int64_t                 day;
    ngx_oof_consent_wish_t  wish;

    day = NGX_OOF_DAY;

    wish_init(&wish, mask(groups[4]));
    wish.max_term = 365 * day;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "an indefinite term, cap or not");

    wish.expires = 1;
    wish.expiration = NOW + NGX_OOF_SECOND;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "a second from now");

    wish.expiration = NOW;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_BAD_EXPIRATION,
           "now");

    wish.expiration = NOW - day;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_BAD_EXPIRATION,
           "yesterday");

    wish.expiration = NOW + 365 * day;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "as late as the cap allows");

    wish.expiration = NOW + 365 * day + NGX_OOF_SECOND;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_BAD_EXPIRATION,
           "later than the cap");

    wish.max_term = 0;
    wish.expiration = NOW + 7000 * 365 * day;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "millennia, without a cap");

    wish.no_such_day = 1;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_BAD_EXPIRATION,
           "no such day");
}


static void
test_products(void)
{
    uint64_t                company, person;
    ngx_oof_consent_wish_t  wish;

    wish_init(&wish, mask(groups[4]) | mask(groups[9]));
    wish.products &= ~NGX_OOF_PRODUCT_CREDIT_CARDS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "cards are not offered");
    is_int(wish.permissions, mask(groups[4]), "and are dropped");

    wish_init(&wish, mask(groups[4]) | mask(groups[5]) | mask(groups[6])
                     | mask(groups[12]));
    wish.products &= ~NGX_OOF_PRODUCT_ACCOUNTS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "accounts are not offered");
    is_int(wish.permissions, mask(groups[12]), "and are dropped");

    person = mask(groups[0]) | mask(groups[1]);
    wish_init(&wish, person | mask(groups[7]));
    wish.products &= ~NGX_OOF_PRODUCT_CUSTOMERS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "customers are not offered");
    is_int(wish.permissions, mask(groups[7]), "a person is dropped");

    company = mask(groups[2]) | mask(groups[3]);
    wish_init(&wish, company | mask(groups[8]));
    wish.products &= ~NGX_OOF_PRODUCT_CUSTOMERS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "customers are not offered");
    is_int(wish.permissions, mask(groups[8]), "a company is dropped");

    wish_init(&wish, mask(groups[10]) | mask(groups[11]) | mask(groups[12]));
    wish.products = NGX_OOF_PRODUCT_ACCOUNTS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "credit, investments, exchange are not offered");
    is_int(wish.permissions, mask(groups[10]) | mask(groups[11])
                             | mask(groups[12]),
           "and are kept");

    wish_init(&wish, mask(groups[4]) | mask(groups[0]));
    wish.products = NGX_OOF_PRODUCT_CREDIT_CARDS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOTHING_LEFT,
           "nothing of what is asked for is offered");
    is_int(wish.permissions, mask(groups[4]) | mask(groups[0]),
           "a refusal changes nothing");
}


static void
test_linked(void)
{
    ngx_oof_consent_wish_t  wish;

    wish_init(&wish, mask(groups[4]));
    wish.linked = 1;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "balances in the optimised journey");

    wish_init(&wish, mask(groups[4]) | mask(groups[6]));
    wish.linked = 1;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOT_LINKABLE,
           "transactions in the optimised journey");

    wish_init(&wish, mask(groups[12]));
    wish.linked = 1;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOT_LINKABLE,
           "exchange in the optimised journey");

    /* what is asked for counts, not what is left of it */

    wish_init(&wish, mask(groups[4]) | mask(groups[7]));
    wish.linked = 1;
    wish.products = NGX_OOF_PRODUCT_ACCOUNTS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOT_LINKABLE,
           "cards that would be dropped, in the optimised journey");
}


/* a request that breaks all rules, mended one after the other */

static void
test_order(void)
{
    ngx_oof_consent_wish_t  wish;

    wish_init(&wish, p(PERSONAL_IDENTIFICATIONS) | p(BUSINESS_ADDITIONAL)
                     | p(CARDS) | p(RESOURCES));
    wish.business = 1;
    wish.expires = 1;
    wish.no_such_day = 1;
    wish.linked = 1;
    wish.products = NGX_OOF_PRODUCT_ACCOUNTS;

    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_BOTH_PERSONS,
           "order: both kinds of customer");

    wish.permissions &= ~p(BUSINESS_ADDITIONAL);
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOT_BUSINESS,
           "order: a person's for an entity");

    wish.permissions = p(BUSINESS_ADDITIONAL) | p(CARDS) | p(RESOURCES);
    wish.business = 0;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NO_BUSINESS,
           "order: a company's without an entity");

    wish.business = 1;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_INCOMPLETE,
           "order: an incomplete group");

    wish.permissions |= p(CARDS_LIMITS);
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_BAD_EXPIRATION,
           "order: the expiration");

    wish.expires = 0;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOTHING_LEFT,
           "order: nothing is left");

    wish.products = NGX_OOF_PRODUCT_CREDIT_CARDS;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_NOT_LINKABLE,
           "order: the optimised journey");

    wish.linked = 0;
    is_int(ngx_oof_consent_judge(&wish), NGX_OOF_CONSENT_ACCEPTED,
           "order: accepted");
}


static void
test_json(void)
{
    ngx_str_t       text;
    ngx_oof_json_t  w;

    ngx_oof_json_init(&w, tap_pool, 16);
    ngx_oof_consent_permissions(&w, mask(groups[4]));
    ngx_oof_json_text(&w, &text);
    is_str(&text, "[\"ACCOUNTS_READ\",\"ACCOUNTS_BALANCES_READ\","
                  "\"RESOURCES_READ\"]",
           "permissions as JSON");

    ngx_oof_json_init(&w, tap_pool, 16);
    ngx_oof_consent_permissions(&w, p(EXCHANGES));
    ngx_oof_json_text(&w, &text);
    is_str(&text, "[\"EXCHANGES_READ\"]", "one permission as JSON");

    /* all at once fit, and bits that have no name are not shown */

    ngx_oof_json_init(&w, tap_pool, 16);
    ngx_oof_consent_permissions(&w, ~(uint64_t) 0);
    ngx_oof_json_text(&w, &text);
    ok(text.len > 1000 && text.len < 2048
       && ngx_strncmp(text.data, "[\"ACCOUNTS_READ\",", 17) == 0
       && ngx_strncmp(text.data + text.len - 18, ",\"EXCHANGES_READ\"]", 18)
          == 0,
       "all permissions as JSON");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    test_names();
    test_groups();
    test_rules();
    test_expiration();
    test_products();
    test_linked();
    test_order();
    test_json();

    return tap_done();
}
