#!/usr/bin/perl

# Copyright (C) oof authors

# The directives of consents.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Oof;
use Test::Nginx::Socket 'no_plan';

oof_blocks();
run_tests();

__DATA__

=== TEST 1: a product that there is not
--- must_die
--- config
location /open-banking/consents/v3/ {
    oof_api consents v3;
    oof_products accounts pensions;
}
--- error_log
invalid value "pensions"



=== TEST 2: no time at all to authorise
--- must_die
--- config
oof_consent_authorise_within 0;
--- error_log
"oof_consent_authorise_within" directive must be at least one second



=== TEST 3: a term that is no time
--- must_die
--- config
oof_consent_max_term soon;
--- error_log
"oof_consent_max_term" directive invalid value



=== TEST 4: a term beyond all times
--- must_die
--- config
oof_consent_max_term 36501d;
--- error_log
"oof_consent_max_term" directive must be at most 36500d



=== TEST 5: as long to authorise
--- must_die
--- config
oof_consent_authorise_within 101y;
--- error_log
"oof_consent_authorise_within" directive must be at most 36500d



=== TEST 6: a brand that cannot stand in a URN
--- must_die
--- bare
--- http_config eval: Test::Oof::http_defaults()
--- config eval
Test::Oof::server_defaults() =~ s/oof_brand\s+\w+/oof_brand my_bank/r
. Test::Oof::location_defaults()
--- error_log
the brand "my_bank" cannot be the namespace of URNs



=== TEST 7: a namespace that cannot
--- must_die
--- config
oof_urn_namespace my_bank;
--- error_log
"oof_urn_namespace" directive must have 1 to 32 letters, digits and "-"



=== TEST 8: all of them, in http and server
--- http_config
oof_products accounts credit-cards customers loans financings
             invoice-financings unarranged-accounts-overdraft
             bank-fixed-incomes credit-fixed-incomes funds variable-incomes
             treasure-titles exchanges;
oof_consent_max_term 1y;
--- config
oof_products accounts;
oof_consent_authorise_within 90m;
location = /t {
    return 200 "fine\n";
}
location /open-banking/consents/v3/ {
    oof_api consents v3;
    oof_consent_max_term 0;
}
--- request
GET /t
--- response_body
fine
