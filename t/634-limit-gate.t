#!/usr/bin/perl

# Copyright (C) oof authors

# Limits of the data APIs behind the gate: the month's of the route's table, by
# resource or consent; pages with a key; the minute's; consents and resources
# beside them without any (spec 6.1, 6.4, 1.9).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Gate;
use Test::Oof::Limits qw/ counted limited_total at_minute refused_with /;
use Time::HiRes qw/ sleep time /;

my $bank = bank();
my $port = $bank->{port};

my $o = Test::Oof->start(
    workers => 2,
    http => 'oof_limits_zone 1m;',
    locations => Test::Oof::location_defaults()
        . 'location /open-banking/resources/v3/ { oof_api resources v3; }'
        . gate_locations($bank, [ 'accounts', 'v2' ],
                         [ 'credit-cards-accounts', 'v2' ],
                         [ 'customers', 'v2', 'oof_month_limit 10;' ],
                         [ 'loans', 'v2', 'oof_month_limit off;' ],
                         [ 'funds', 'v1', 'oof_month_limit 7;' ])
        . <<"END");
        location /own/ {
            oof_permission   ACCOUNTS_READ;
            oof_minute_limit 5;
            oof_month_limit  3;
            proxy_pass       http://127.0.0.1:$port;
        }
        location /free/ {
            oof_permission ACCOUNTS_READ;
            proxy_pass     http://127.0.0.1:$port;
        }
        location /ill/ {
            oof_permission   ACCOUNTS_READ;
            oof_minute_limit 5;
            proxy_pass       http://127.0.0.1:$port;
            proxy_intercept_errors on;
            error_page       500 = /spare/a;
        }
        location /spare/ {
            oof_permission   ACCOUNTS_READ;
            oof_minute_limit 5;
            proxy_pass       http://127.0.0.1:$port;
        }
END

my $Accounts = '/open-banking/accounts/v2/accounts';
my $Cards = '/open-banking/credit-cards-accounts/v2/accounts';
my $Customers = '/open-banking/customers/v2/personal';
my $Loans = '/open-banking/loans/v2/contracts';
my $Funds = '/open-banking/funds/v1/investments';

my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });

my ($consent, $second) = map { authorised() } 1 .. 2;
my $company = authorised(cnpj => '12345678000195');
my ($account, $other) = map { resource(number => "1000$_") } 1 .. 2;
my $card = resource(type => 'CREDIT_CARD_ACCOUNT');

share($_, $account) for $consent, $second, $company;
share($consent, $_) for $other, $card;

$bank->answer($_, %answer)
    for $Accounts, (map { ("$_", "$_/balances", "$_/transactions") }
                    "$Accounts/$account", "$Accounts/$other"),
        (map { "$Cards/$card/bills/$_/transactions" } 1 .. 2),
        "$Customers/identifications", $Loans, $Funds, '/own/a', '/own/b',
        '/free/a', '/spare/a';
$bank->answer('/ill/a', %answer, status => 500);

# a day far ahead and the middle of a month, whenever this runs

my $day = 86400 * 31 * (int(time / 86400 / 31) + 3);
at_minute($day + 12 * 3600);


# so many calls, with one token on one connection: how many got each status

sub calls {
    my ($n, $urn, $path, %args) = @_;

    my ($api) = $path =~ m{^/open-banking/([^/]+)/};
    my $scope = "openid consent:$urn " . ($api // 'accounts');
    my ($headers) = $o->request_parts('plain', client => 'one',
                                      scope => $scope, %args);
    my $c = $o->connect('plain');
    my %got;

    for (1 .. $n) {
        my $r = $c->request('GET', $path, $headers);
        $got{ $r->{status} }++;
        $c = $o->connect('plain')
            if lc($r->{headers}{connection} // '') eq 'close';
    }

    return join ' ', map { "$_ $got{$_}" } sort keys %got;
}


# the month, by resource

is(calls(9, $consent, "$Accounts/$account"), '200 8 423 1', 'an account');
refused_with(get($o, $consent, "$Accounts/$account"), 423, 'LOCKED',
             'the answer is regulated', version => '2.5.1', retry => undef);
is(calls(9, $consent, "$Accounts/$other"), '200 8 423 1', 'another account');
is(calls(2, $second, "$Accounts/$account"), '423 2',
   'the account by another consent of the same customer');
is(calls(9, $company, "$Accounts/$account"), '200 8 423 1',
   'for another customer');
is(calls(421, $consent, "$Accounts/$account/balances"), '200 420 423 1',
   'its balances');
is(calls(31, $consent, "$Cards/$card/bills/1/transactions"),
   '200 30 423 1', 'transactions of a bill');
is(calls(31, $consent, "$Cards/$card/bills/2/transactions"),
   '200 30 423 1', 'of another bill of the same card');
is(calls(1, $consent, "$Accounts/" . uc $other), '423 1',
   'an id in other letters is the same');


# the month, by consent

is(calls(9, $consent, $Accounts), '200 8 423 1', 'a list');
is(calls(9, $second, $Accounts), '200 8 423 1', 'by another consent');
is(calls(11, $consent, "$Customers/identifications"), '200 10 423 1',
   'more than the minimum, where the bank says so');
is(calls(31, $consent, $Funds), '200 30 423 1', 'never less');
is(calls(100, $consent, $Loans), '200 100', 'off');


# what does not count

$bank->answer("$Accounts/$other/transactions", %answer, status => 500);
is(calls(20, $consent, "$Accounts/$other/transactions"), '500 20',
   'errors of the bank\'s system');
$bank->answer("$Accounts/$other/transactions", %answer);
is(calls(20, $consent, "$Accounts/$other/transactions?page=x"), '400 20',
   'queries that are refused');

my $r = get($o, $consent, "$Accounts/$other/transactions");
is($r->{status}, 200, 'the first page');
my $key = seen($bank)->{headers}{'x-oof-pagination-key'};
like($key // '', qr/./, 'a key for the next ones');

is(calls(50, $consent, "$Accounts/$other/transactions?page=1"
                       . "&pagination-key=$key"), '200 50',
   'pages with the key are free');
is(calls(8, $consent, "$Accounts/$other/transactions"), '200 7 423 1',
   'seven are left');
is(calls(5, $consent, "$Accounts/$other/transactions?page=1"
                      . "&pagination-key=$key"), '200 5',
   'the pages of what was counted are free to the end');
is(calls(2, $consent, "$Accounts/$other/transactions?pagination-key=none"),
   '423 2', 'a key that is none counts');


# the minute

$_ = limited_total($o, 'minute');
is($_, 0, 'no minute was full');

is(calls(7, $consent, '/own/a'), '200 3 423 2 429 2',
   'a location of the bank\'s own: minute and month');
is(calls(2, $second, '/own/b'), '429 2',
   'the minute is the organisation\'s, whatever the consent');
is(calls(100, $consent, '/free/a'), '200 100', 'one without limits');
is(calls(6, $consent, '/ill/a'), '200 5 429 1',
   'one that is stood in for: each has counted its own calls');

wait_for(sub { ((psql('SELECT sum(rejections) FROM oof_meter_minute'
                      . " WHERE endpoint = '/own/'"))[0][0] // 0) == 6 },
         15, 'the meter');
pass('the public metrics tell 423 and 429 as rejections');

at_minute($day + 13 * 3600);
my $n = calls(1005, $second, "$Accounts/$account/transactions");
is($n, '200 8 423 992 429 5', 'class low: 1,000, also those that are refused');
$r = get($o, $second, "$Accounts/$account/transactions");
refused_with($r, 429, 'TOO_MANY_REQUESTS', 'the answer is regulated',
             version => '2.5.1', retry => qr/^[1-5]?\d$/);
is(get($o, $second, "$Accounts/$account/transactions",
       scope => "openid consent:$second loans")->{status}, 403,
   'security comes before');


# consents and resources never

is(calls(1200, $consent, '/open-banking/resources/v3/resources'),
   '200 1200', 'resources');
is(calls(1200, $consent, "$Test::Oof::Api/consents/$consent",
         scope => 'consents'), '200 1200', 'consents');

done_testing();
