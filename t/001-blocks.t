#!/usr/bin/perl

# Copyright (C) oof authors

# Test::Nginx blocks in this house.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Oof;
use Test::Nginx::Socket 'no_plan';

oof_blocks();
run_tests();

__DATA__

=== TEST 1: a block without our defaults
--- bare
--- config
location /t {
    return 200 "fine\n";
}
--- request
GET /t
--- response_body
fine



=== TEST 2: a configuration that must not start is no alarm
--- bare
--- must_die
--- config
location /t {
    oof_health maybe;
}
--- error_log
must be "live" or "ready"
