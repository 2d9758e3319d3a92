
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_permission.h>


/* a short hand for the masks below */

#define p(name)  ngx_oof_consent_bit(name)

#define NGX_OOF_CONSENT_PERSONAL                                              \
    (p(PERSONAL_IDENTIFICATIONS) | p(PERSONAL_ADDITIONAL))

#define NGX_OOF_CONSENT_BUSINESS                                              \
    (p(BUSINESS_IDENTIFICATIONS) | p(BUSINESS_ADDITIONAL))

/* what a consent of the optimised journey may ask for: accounts, balances */
#define NGX_OOF_CONSENT_LINKABLE                                              \
    (p(ACCOUNTS) | p(ACCOUNTS_BALANCES) | p(RESOURCES))


typedef struct {
    ngx_uint_t               product;
    uint64_t                 permissions;
} ngx_oof_consent_product_t;


static uint64_t ngx_oof_consent_covered(uint64_t permissions);
static ngx_uint_t ngx_oof_consent_expiration_ok(ngx_oof_consent_wish_t *wish);
static uint64_t ngx_oof_consent_offered(ngx_oof_consent_wish_t *wish);


ngx_str_t  ngx_oof_consent_names[] = {
    ngx_string("ACCOUNTS_READ"),
    ngx_string("ACCOUNTS_BALANCES_READ"),
    ngx_string("ACCOUNTS_TRANSACTIONS_READ"),
    ngx_string("ACCOUNTS_OVERDRAFT_LIMITS_READ"),
    ngx_string("CREDIT_CARDS_ACCOUNTS_READ"),
    ngx_string("CREDIT_CARDS_ACCOUNTS_BILLS_READ"),
    ngx_string("CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ"),
    ngx_string("CREDIT_CARDS_ACCOUNTS_LIMITS_READ"),
    ngx_string("CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ"),
    ngx_string("CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ"),
    ngx_string("CUSTOMERS_PERSONAL_ADITTIONALINFO_READ"),
    ngx_string("CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ"),
    ngx_string("CUSTOMERS_BUSINESS_ADITTIONALINFO_READ"),
    ngx_string("FINANCINGS_READ"),
    ngx_string("FINANCINGS_SCHEDULED_INSTALMENTS_READ"),
    ngx_string("FINANCINGS_PAYMENTS_READ"),
    ngx_string("FINANCINGS_WARRANTIES_READ"),
    ngx_string("INVOICE_FINANCINGS_READ"),
    ngx_string("INVOICE_FINANCINGS_SCHEDULED_INSTALMENTS_READ"),
    ngx_string("INVOICE_FINANCINGS_PAYMENTS_READ"),
    ngx_string("INVOICE_FINANCINGS_WARRANTIES_READ"),
    ngx_string("LOANS_READ"),
    ngx_string("LOANS_SCHEDULED_INSTALMENTS_READ"),
    ngx_string("LOANS_PAYMENTS_READ"),
    ngx_string("LOANS_WARRANTIES_READ"),
    ngx_string("UNARRANGED_ACCOUNTS_OVERDRAFT_READ"),
    ngx_string("UNARRANGED_ACCOUNTS_OVERDRAFT_SCHEDULED_INSTALMENTS_READ"),
    ngx_string("UNARRANGED_ACCOUNTS_OVERDRAFT_PAYMENTS_READ"),
    ngx_string("UNARRANGED_ACCOUNTS_OVERDRAFT_WARRANTIES_READ"),
    ngx_string("RESOURCES_READ"),
    ngx_string("BANK_FIXED_INCOMES_READ"),
    ngx_string("CREDIT_FIXED_INCOMES_READ"),
    ngx_string("FUNDS_READ"),
    ngx_string("VARIABLE_INCOMES_READ"),
    ngx_string("TREASURE_TITLES_READ"),
    ngx_string("EXCHANGES_READ"),
    ngx_null_string
};


uint64_t  ngx_oof_consent_groups[NGX_OOF_CONSENT_GROUPS] = {

    /* 1, 2: a person's registration, and what completes it */
    p(PERSONAL_IDENTIFICATIONS) | p(RESOURCES),
    p(PERSONAL_ADDITIONAL) | p(RESOURCES),

    /* 3, 4: a company's */
    p(BUSINESS_IDENTIFICATIONS) | p(RESOURCES),
    p(BUSINESS_ADDITIONAL) | p(RESOURCES),

    /* 5, 6, 7: accounts with balances, limits, transactions */
    p(ACCOUNTS) | p(ACCOUNTS_BALANCES) | p(RESOURCES),
    p(ACCOUNTS) | p(ACCOUNTS_OVERDRAFT_LIMITS) | p(RESOURCES),
    p(ACCOUNTS) | p(ACCOUNTS_TRANSACTIONS) | p(RESOURCES),

    /* 8, 9, 10: credit cards with limits, transactions, bills */
    p(CARDS) | p(CARDS_LIMITS) | p(RESOURCES),
    p(CARDS) | p(CARDS_TRANSACTIONS) | p(RESOURCES),
    p(CARDS) | p(CARDS_BILLS) | p(CARDS_BILLS_TRANSACTIONS) | p(RESOURCES),

    /* 11: credit operations, all or none */
    p(LOANS) | p(LOANS_WARRANTIES)
    | p(LOANS_INSTALMENTS) | p(LOANS_PAYMENTS)
    | p(FINANCINGS) | p(FINANCINGS_WARRANTIES)
    | p(FINANCINGS_INSTALMENTS) | p(FINANCINGS_PAYMENTS)
    | p(OVERDRAFT) | p(OVERDRAFT_WARRANTIES)
    | p(OVERDRAFT_INSTALMENTS) | p(OVERDRAFT_PAYMENTS)
    | p(INVOICES) | p(INVOICES_WARRANTIES)
    | p(INVOICES_INSTALMENTS) | p(INVOICES_PAYMENTS)
    | p(RESOURCES),

    /* 12: investments */
    p(BANK_FIXED_INCOMES) | p(CREDIT_FIXED_INCOMES) | p(FUNDS)
    | p(VARIABLE_INCOMES) | p(TREASURE_TITLES) | p(RESOURCES),

    /* 13: exchange */
    p(EXCHANGES) | p(RESOURCES)
};


/*
 * The products that a customer chooses one by one: what is not offered is
 * dropped.  The others are chosen as a group and are always kept.
 */

static ngx_oof_consent_product_t  ngx_oof_consent_products[] = {

    { NGX_OOF_PRODUCT_ACCOUNTS,
      p(ACCOUNTS) | p(ACCOUNTS_BALANCES) | p(ACCOUNTS_TRANSACTIONS)
      | p(ACCOUNTS_OVERDRAFT_LIMITS) },

    { NGX_OOF_PRODUCT_CREDIT_CARDS,
      p(CARDS) | p(CARDS_BILLS) | p(CARDS_BILLS_TRANSACTIONS)
      | p(CARDS_LIMITS) | p(CARDS_TRANSACTIONS) },

    { NGX_OOF_PRODUCT_CUSTOMERS,
      NGX_OOF_CONSENT_PERSONAL | NGX_OOF_CONSENT_BUSINESS },

    { 0, 0 }
};


ngx_oof_consent_verdict_e
ngx_oof_consent_judge(ngx_oof_consent_wish_t *wish)
{
    uint64_t  asked, granted;

    asked = wish->permissions;

    if ((asked & NGX_OOF_CONSENT_PERSONAL)
        && (asked & NGX_OOF_CONSENT_BUSINESS))
    {
        return NGX_OOF_CONSENT_BOTH_PERSONS;
    }

    if (wish->business && (asked & NGX_OOF_CONSENT_PERSONAL)) {
        return NGX_OOF_CONSENT_NOT_BUSINESS;
    }

    if (!wish->business && (asked & NGX_OOF_CONSENT_BUSINESS)) {
        return NGX_OOF_CONSENT_NO_BUSINESS;
    }

    if (asked & ~ngx_oof_consent_covered(asked)) {
        return NGX_OOF_CONSENT_INCOMPLETE;
    }

    if (!ngx_oof_consent_expiration_ok(wish)) {
        return NGX_OOF_CONSENT_BAD_EXPIRATION;
    }

    granted = ngx_oof_consent_offered(wish);

    if ((granted & ~p(RESOURCES)) == 0) {
        return NGX_OOF_CONSENT_NOTHING_LEFT;
    }

    if (wish->linked && (asked & ~NGX_OOF_CONSENT_LINKABLE)) {
        return NGX_OOF_CONSENT_NOT_LINKABLE;
    }

    wish->permissions = granted;

    return NGX_OOF_CONSENT_ACCEPTED;
}


/* all that belongs to a group which is asked for as a whole */

static uint64_t
ngx_oof_consent_covered(uint64_t permissions)
{
    uint64_t    covered, group;
    ngx_uint_t  i;

    covered = 0;

    for (i = 0; i < NGX_OOF_CONSENT_GROUPS; i++) {
        group = ngx_oof_consent_groups[i];

        if ((group & permissions) == group) {
            covered |= group;
        }
    }

    return covered;
}


static ngx_uint_t
ngx_oof_consent_expiration_ok(ngx_oof_consent_wish_t *wish)
{
    if (!wish->expires) {
        return 1;
    }

    if (wish->no_such_day || wish->expiration <= wish->now) {
        return 0;
    }

    return wish->max_term == 0
           || wish->expiration - wish->now <= wish->max_term;
}


static uint64_t
ngx_oof_consent_offered(ngx_oof_consent_wish_t *wish)
{
    uint64_t                    permissions;
    ngx_oof_consent_product_t  *product;

    permissions = wish->permissions;

    for (product = ngx_oof_consent_products; product->product; product++) {

        if (!(wish->products & product->product)) {
            permissions &= ~product->permissions;
        }
    }

    return permissions;
}


ngx_int_t
ngx_oof_consent_permission(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_CONSENT_PERMISSIONS; i++) {

        if (name->len == ngx_oof_consent_names[i].len
            && ngx_memcmp(name->data, ngx_oof_consent_names[i].data,
                          name->len)
               == 0)
        {
            return i;
        }
    }

    return NGX_DECLINED;
}


void
ngx_oof_consent_permissions(ngx_oof_json_t *w, uint64_t permissions)
{
    u_char     *last;
    ngx_str_t   text, *name;
    u_char      buf[NGX_OOF_CONSENT_PERMISSIONS * 64];

    /* the longest name has 56 characters: quotes and a comma fit too */

    last = buf;
    *last++ = '[';

    for (name = ngx_oof_consent_names; name->len; name++, permissions >>= 1) {

        if (permissions & 1) {
            *last++ = '"';
            last = ngx_cpymem(last, name->data, name->len);
            *last++ = '"';
            *last++ = ',';
        }
    }

    if (last[-1] == ',') {
        last--;
    }

    *last++ = ']';

    text.data = buf;
    text.len = last - buf;

    ngx_oof_json_raw(w, &text);
}
