#!/usr/bin/perl

# Copyright (C) oof authors

# Payments are limited by the second alone (spec 2.1, 6.1): never 429 nor 423,
# and 529 is plain JSON.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Limits qw/ limited_total /;
use Test::Oof::Payments;

my $o = payments(workers => 2,
    http => 'oof_limits_zone 1m; oof_minute_limit 5; oof_month_limit 5;');
my $body = payment_consent();

for my $version (5, 4) {
    my (%got, $uuid);

    for (1 .. 20) {
        my $r = pay($o, POST => '/consents', $body, version => $version);

        $got{ $r->{status} }++;
        $uuid = consent_uuid($r);
    }

    is_deeply(\%got, { 201 => 20 }, "v$version: consents of payments");

    %got = ();

    $got{ pay($o, GET => "/consents/urn:bank:$uuid",
              version => $version)->{status} }++
        for 1 .. 60;

    is_deeply(\%got, { 200 => 60 }, "v$version: reads of one");
}

is(limited_total($o, $_), 0, "none refused: $_")
    for qw/ tps minute month full /;
is((psql('SELECT count(*) FROM oof_limit_month'))[0][0], 0,
   'and none counted');


# the second is of all that a host serves

$o->stop;

my $slow = payments(http => 'oof_limits_zone 1m;', five => 'oof_tps 1;');
my $r;

for (1 .. 50) {
    $r = pay($slow, GET => '/consents/urn:bank:' . new_uuid());
    last if $r->{status} != 404;
}

is_plain_error($r, 529, 'SITE_IS_OVERLOADED', 'the second');
is($r->{headers}{'retry-after'}, 1, 'the second: when to come again');
is($r->{headers}{'x-v'}, '5.0.0', 'the second: version');

done_testing();
