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



=== TEST 4: all of them, in http and server
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
