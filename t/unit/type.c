
/*
 * Copyright (C) oof authors
 */


#include "tap.h"
#include <ngx_oof_consent_journey.h>


/* types of resources, and the scopes of permissions (spec 1.3, 1.11) */


#define p(name)  ngx_oof_consent_bit(name)


static void
scopes(uint64_t permissions, const char *want)
{
    char             all[512];
    ngx_str_t        urn, text;
    ngx_oof_json_t   w;

    urn = str("urn:bank:x");

    snprintf(all, sizeof(all), "[\"openid\",\"consent:urn:bank:x\"%s]", want);

    ngx_oof_json_init(&w, tap_pool, 64);
    ngx_oof_consent_scopes(&w, &urn, permissions);
    ok(ngx_oof_json_text(&w, &text) == NGX_OK, "scopes are written");
    is_str(&text, all, "which they are");
}


static void
test_scopes(void)
{
    ngx_uint_t  i;

    /* by group, as the regulation's table has them */

    static const char  *want[NGX_OOF_CONSENT_GROUPS] = {
        ",\"customers\",\"resources\"",
        ",\"customers\",\"resources\"",
        ",\"customers\",\"resources\"",
        ",\"customers\",\"resources\"",
        ",\"accounts\",\"resources\"",
        ",\"accounts\",\"resources\"",
        ",\"accounts\",\"resources\"",
        ",\"credit-cards-accounts\",\"resources\"",
        ",\"credit-cards-accounts\",\"resources\"",
        ",\"credit-cards-accounts\",\"resources\"",
        ",\"loans\",\"financings\",\"unarranged-accounts-overdraft\""
        ",\"invoice-financings\",\"resources\"",
        ",\"bank-fixed-incomes\",\"credit-fixed-incomes\""
        ",\"variable-incomes\",\"treasure-titles\",\"funds\",\"resources\"",
        ",\"exchanges\",\"resources\""
    };

    for (i = 0; i < NGX_OOF_CONSENT_GROUPS; i++) {
        scopes(ngx_oof_consent_groups[i], want[i]);
    }

    scopes(0, "");
}


static void
test_types(void)
{
    ngx_str_t    name;
    ngx_uint_t   i, mask;

    for (i = 0; i < NGX_OOF_CONSENT_TYPES; i++) {
        name = ngx_oof_consent_types[i].name;
        ok(ngx_oof_consent_type(&name) == &ngx_oof_consent_types[i],
           "a type by its name");

        mask = ngx_oof_consent_type_mask(ngx_oof_consent_types[i].permission,
                                         NGX_OOF_PRODUCT_ALL,
                                         ngx_oof_consent_types[i].selectable);
        is_int(mask, (ngx_uint_t) 1 << i, "its permission asks for it alone");

        is_int(ngx_oof_consent_type_mask(ngx_oof_consent_types[i].permission,
                                         NGX_OOF_PRODUCT_ALL,
                                        !ngx_oof_consent_types[i].selectable),
               0, "as what it is");

        is_int(ngx_oof_consent_type_mask(ngx_oof_consent_types[i].permission,
                                         NGX_OOF_PRODUCT_ALL
                                         & ~ngx_oof_consent_types[i].product,
                                         ngx_oof_consent_types[i].selectable),
               0, "not where it is not offered");
    }

    ok(ngx_oof_consent_types[NGX_OOF_CONSENT_TYPES].name.len == 0,
       "the table has an end");

    name = str("account");
    ok(ngx_oof_consent_type(&name) == NULL, "names have their case");
    name = str("ACCOUN");
    ok(ngx_oof_consent_type(&name) == NULL, "and are whole");

    is_int(ngx_oof_consent_type_mask(p(ACCOUNTS) | p(CARDS) | p(LOANS)
                                     | p(ACCOUNTS_BALANCES),
                                     NGX_OOF_PRODUCT_ALL, 1),
           3, "what is chosen one by one");
    is_int(ngx_oof_consent_type_mask(p(ACCOUNTS) | p(CARDS) | p(LOANS),
                                     NGX_OOF_PRODUCT_ALL, 0),
           4, "and what is shared as a whole");
}


int
main(int argc, char *const *argv)
{
    tap_start(argc, argv);

    test_scopes();
    test_types();

    return tap_done();
}
