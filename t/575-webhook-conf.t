#!/usr/bin/perl

# Copyright (C) oof authors

# The configuration of webhooks (spec 4.2): what it refuses, and why.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Hooks;

my $use = 'oof_webhooks main;';


sub tested {
    my ($http, $server, %args) = @_;

    return Test::Oof->start(hold => 1, http => $http, server => $server,
                            %args)->test_config;
}

sub refused {
    my ($why, $http, $server, $name) = @_;

    my ($good, $out) = tested($http, $server // $use);

    ok(!$good, $name // $why);
    like($out, qr/\Q$why\E/, 'it says why');
}

sub fine {
    my ($http, $name) = @_;

    my ($good, $out) = tested($http, $use);

    ok($good, $name) or diag($out);
}


fine(webhooks(), 'the least');
fine(webhooks(ca => undef, allow => '10.0.0.0/8 fd00::/8', timeout => '60s',
              connect_timeout => '1s', retry => '10s', calls => 1024,
              host_calls => 1, queue_time => '1d', keep => '7d',
              bank_url => 'https://127.0.0.1/hook', bank_ca => pki('root.pem'),
              expiry_notice => '30d'), 'all of it');
fine(webhooks(retry => 'off', expiry_notice => 'off'), 'nothing of it');

refused('needs "certificate" and "key"', webhooks(key => undef));
refused('needs "certificate" and "key"', webhooks(certificate => undef));
refused('nothing in PEM form', webhooks(certificate => $0 =~ s{^(?!/)}{$ENV{PWD}/}r));
refused('failed', webhooks(certificate => '/nowhere'));
refused('"allow" in "oof_webhooks main" must name addresses',
        webhooks(allow => 'inside'));
refused('"retry" in "oof_webhooks main" must be one or two times',
        webhooks(retry => 'never'));
refused('invalid number of arguments of "retry"',
        webhooks(retry => '1s 2s 3s'));
refused('"timeout" in "oof_webhooks main" must be a time',
        webhooks(timeout => '61s'));
refused('"connect_timeout" in "oof_webhooks main" must be a time',
        webhooks(connect_timeout => '0'));
refused('"queue_time" in "oof_webhooks main" must be a time',
        webhooks(queue_time => '25h'));
refused("\"$_\" in \"oof_webhooks main\" must be a number",
        webhooks($_ => 1025)) for qw/ calls host_calls /;
refused('"keep" in "oof_webhooks main" must be a time of 7d at least',
        webhooks(keep => '6d'));
refused('"bank_url" in "oof_webhooks main" must begin with',
        webhooks(bank_url => 'ftp://127.0.0.1/'));
refused('"expiry_notice" in "oof_webhooks main" must be a time',
        webhooks(expiry_notice => '31d'));
refused('unknown option "calls_at_once"', webhooks(calls_at_once => 1));
refused('is duplicate', webhooks(timeout => "1s;\ntimeout 2s"));
refused('of this name exists already', webhooks() . webhooks());
refused('there is no "oof_webhooks other { }" in http{}', webhooks(),
        'oof_webhooks other;');

my $other = webhooks() =~ s/oof_webhooks main/oof_webhooks other/r;

refused('the brand "bank" has both "oof_webhooks main" and'
        . ' "oof_webhooks other"', webhooks() . $other,
        "$use location /x/ { oof_webhooks other; return 200; }");

done_testing();
