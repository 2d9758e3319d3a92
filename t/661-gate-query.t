#!/usr/bin/perl

# Copyright (C) oof authors

# Queries of the data APIs: pages, dates, seven days, pagination keys (spec
# 1.9; spec 7, 18, 19), and the path and query that the bank's system sees.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Gate;

my $bank = bank();

my $o = Test::Oof->start(
    locations => gate_locations($bank, [ 'accounts', 'v2' ],
                                [ 'credit-cards-accounts', 'v2' ],
                                [ 'funds', 'v1' ])
                 . "location /elsewhere/ { oof_permission ACCOUNTS_READ;"
                 . " proxy_pass http://127.0.0.1:$bank->{port}; }");

my $Accounts = '/open-banking/accounts/v2/accounts';
my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });

my $consent = authorised();
my $account = resource(number => '10000011');
my $card = resource(type => 'CREDIT_CARD_ACCOUNT');
my $fund = resource(type => 'FUND');

share($consent, $_) for $account, $card, $fund;

my $Account = "$Accounts/$account";
my $Card = "/open-banking/credit-cards-accounts/v2/accounts/$card";
my $Fund = "/open-banking/funds/v1/investments/$fund";

$bank->answer($_, %answer)
    for $Accounts, $Account, "$Account/transactions",
        "$Account/transactions-current", "$Account/balances",
        map { ("$_/transactions", "$_/transactions-current") } $Card, $Fund;


# the query that has come through, or the status of a refusal

sub through {
    my ($path, %args) = @_;

    my $r = get($o, $consent, $path, %args);

    return $r->{status} if $r->{status} != 200;

    return (seen($bank)->{path} =~ /\?(.*)/ ? $1 : '');
}


# --- pages (spec 7.18)

my @pages = (
    [ '', '' ],
    [ 'page=1', 'page=1' ],
    [ 'page=2147483647', 'page=2147483647' ],
    [ 'page-size=25', 'page-size=25' ],
    [ 'page-size=1000', 'page-size=1000' ],
    [ 'page-size=24', 'page-size=25' ],
    [ 'page-size=1', 'page-size=25' ],
    [ 'page-size=0', 'page-size=25' ],
    [ 'page-size=-7', 'page-size=25' ],
    [ 'page=2&page-size=5&x=1', 'page=2&page-size=25&x=1' ],
    [ 'page%2Dsize=5', 'page-size=25' ],
    [ 'page-size=%35', 'page-size=25' ],
    [ 'x=page-size&y', 'x=page-size&y' ],
    [ 'page-size=5&&page=1&', 'page-size=25&page=1' ],
    [ 'page-size=1001', 422 ],
    [ 'page-size=99999999999999999999999', 422 ],
    [ 'page%2Dsize=5000', 422 ],
    [ 'p%61ge-siz%65=5000', 422 ],
    [ 'page=0', 400 ], [ 'page=-1', 400 ], [ 'page=a', 400 ], [ 'page=', 400 ],
    [ 'page', 400 ], [ 'page=1.0', 400 ], [ 'page=+1', 400 ],
    [ 'page=2147483648', 400 ],
    [ 'page=99999999999999999999999', 400 ],
    [ 'page-size=', 400 ], [ 'page-size=a', 400 ], [ 'page-size=5a', 400 ],
    [ 'page-size=-', 400 ], [ 'page-size=%', 400 ], [ 'page-size=%zz', 400 ],
    [ 'page=1&page=2', 400 ], [ 'page-size=25&page-size=5000', 400 ],
    [ 'page-size=25&page%2dsize=5000', 400 ],
);

for (@pages) {
    my ($query, $want) = @$_;

    is(through($Accounts . ($query ne '' ? "?$query" : '')), $want,
       "list: \"$query\"");
    is(through("$Account/transactions" . ($query ne '' ? "?$query" : '')),
       $want, "transactions: \"$query\"");
}

is_error(get($o, $consent, "$Accounts?page-size=1001"), 422,
         'PARAMETRO_INVALIDO', 'a size that is too large');
is_error(get($o, $consent, "$Accounts?page=x"), 400, 'PARAMETRO_INVALIDO',
         'a page that is none');

# what has no pages has no parameters of theirs

is(through("$Account/balances?page-size=5000&page=x"), 'page-size=5000&page=x',
   'no pages: not looked at');

# security comes before: a dead consent, a resource of others

is(get($o, authorised(status => 'REJECTED'),
       "$Accounts?page-size=5000")->{status}, 401,
   'a dead consent comes first');
is(get($o, $consent, "$Accounts/abc/transactions?page-size=5000")->{status},
   403, 'a resource of others comes first');


# --- dates (spec 0.3)

my $from_to = 'fromBookingDate=2026-01-10&toBookingDate=2026-02-10';

is(through("$Account/transactions?$from_to"), $from_to, 'a period');
is(through("$Account/transactions?fromBookingDate=2026-01-10"),
   'fromBookingDate=2026-01-10', 'only its begin');
is(through("$Account/transactions?toBookingDate=2026-01-10"),
   'toBookingDate=2026-01-10', 'only its end');

for (qw/ 2026 2026-13-01 2026-00-10 20260110 2026-01-10T00:00:00Z 10-01-2026
         2026-01-32 x /, '') {
    is(through("$Account/transactions?fromBookingDate=$_"), 400,
       "\"$_\" is no date");
    is(through("$Account/transactions?toBookingDate=$_"), 400,
       "\"$_\" is no date, at the end");
}

is(through("$Account/transactions?fromBookingDate=2026-02-30"), 422,
   'there is no 30 February');
is(through("$Account/transactions?fromBookingDate=2026-02-10&"
           . 'toBookingDate=2026-02-09'), 422, 'it ends before it begins');
is(through("$Account/transactions?fromBookingDate=2026-02-10&"
           . 'fromBookingDate=2026-02-11'), 400, 'two begins');

# each API has its own name for them

is(through("$Card/transactions?fromTransactionDate=x"), 400, 'of a card');
is(through("$Card/transactions?fromBookingDate=x"), 'fromBookingDate=x',
   'another name is nothing to us');
is(through("$Fund/transactions?fromTransactionConversionDate=x"), 400,
   'of a fund');


# --- seven days, by the day of Brasilia and the rule clock (spec 7.19)

sub days { POSIX::strftime('%Y-%m-%d', gmtime(time - 3 * 3600
                                              + 86400 * $_[0])) }

my @apis = ([ 'account', "$Account/transactions-current", 'BookingDate', 1 ],
            [ 'card', "$Card/transactions-current", 'TransactionDate', 0 ],
            [ 'fund', "$Fund/transactions-current",
              'TransactionConversionDate', 0 ]);

for (@apis) {
    my ($name, $path, $dates, $future) = @$_;

    my $period = sub {
        my ($from, $to) = map { defined $_ ? days($_) : undef } @_;

        my $query = join '&', (defined $from ? "from$dates=$from" : ()),
                              (defined $to ? "to$dates=$to" : ());
        my $got = through($path . ($query ne '' ? "?$query" : ''));

        return $got eq $query ? 'ok' : $got;
    };

    my $today = days(0);

    is($period->(), 'ok', "$name: no period");
    is($period->(-6, 0), 'ok', "$name: seven days");
    is($period->(-6, undef), 'ok', "$name: six days ago");
    is($period->(undef, 0), 'ok', "$name: until today");
    is($period->(0, 0), 'ok', "$name: today");
    is($period->(-8, 0), 422, "$name: nine days");
    is($period->(-8, undef), 422, "$name: eight days ago");
    is($period->(-30, -20), 422, "$name: a month ago");
    is($period->(undef, -8), 422, "$name: until eight days ago");
    is($period->(-400, 0), 422, "$name: a year ago");
    is($period->(-2, 10), $future ? 'ok' : 422, "$name: into the future");
    is($period->(0, 360), $future ? 'ok' : 422, "$name: the next year");
    is($period->(-6, 400), 422, "$name: more than a year to come");

    # the day has not changed while we were asking

    is($period->(-7, 0), 422, "$name: eight days") if days(0) eq $today;

    is_error(get($o, $consent, "$path?from$dates=2020-01-01"), 422,
             'PARAMETRO_INVALIDO', "$name: years ago");
}

is(through("$Account/transactions?fromBookingDate=" . days(-300)),
   'fromBookingDate=' . days(-300), 'transactions: longer ago');


# --- pagination keys (spec 1.9)

sub key_of {
    my ($path, %args) = @_;

    my $r = get($o, $args{consent} // $consent, $path);

    return $r->{status} if $r->{status} != 200;

    return seen($bank)->{headers}{'x-oof-pagination-key'};
}

my $key = key_of($Accounts);

like($key, qr/^[A-Za-z0-9_-]{32}$/, 'a key is given with the first page');

is(key_of("$Accounts?pagination-key=$key&page=2"), $key,
   'with it, the next page has the same');
is(through("$Accounts?pagination-key=$key&page=2"), 'page=2',
   'and the bank does not see it');
is(through("$Accounts?page=2&pagination-key=$key"), 'page=2',
   'wherever it stands');
is(through("$Accounts?pagination-key=$key"), '', 'and nothing else');

# a key tells its second: in the same one it would be made again alike

select undef, undef, undef, 1.1;

for ([ 'another path', "$Account/transactions?pagination-key=$key" ],
     [ 'one that was altered', "$Accounts?pagination-key="
                               . ($key =~ s/^(.)/$1 eq 'B' ? 'C' : 'B'/er) ],
     [ 'one that is none', "$Accounts?pagination-key=abc" ],
     [ 'an empty one', "$Accounts?pagination-key=" ],
     [ 'a long one', "$Accounts?pagination-key=" . 'a' x 1800 ],
     [ 'what is no base64', "$Accounts?pagination-key=" . '%00' x 32 ]) {
    my ($name, $path) = @$_;

    my $new = key_of($path);

    like($new, qr/^[A-Za-z0-9_-]{32}$/, "$name: 200, and a new one");
    isnt($new, $key, "$name: not the old one");
}

# another consent, another period

my $second = authorised();
isnt(key_of("$Accounts?pagination-key=$key", consent => $second), $key,
     'the key of another consent');

my $T = "$Account/transactions";
my $of_period = key_of("$T?$from_to");

is(key_of("$T?page=2&$from_to&pagination-key=$of_period"), $of_period,
   'the same period');
isnt(key_of("$T?page=2&pagination-key=$of_period"), $of_period,
     'no period any more');
isnt(key_of("$T?pagination-key=$of_period&"
            . 'fromBookingDate=2026-01-11&toBookingDate=2026-02-10'),
     $of_period, 'another period');

is(get($o, $consent, "$Accounts?pagination-key=a&pagination-key=b")->{status},
   400, 'two keys');

ok(!exists seen($bank)->{headers}{'x-oof-nothing'}, 'no other headers');
get($o, $consent, "$Account/balances");
ok(!exists seen($bank)->{headers}{'x-oof-pagination-key'},
   'what has no pages has no key');


# --- the path that was judged is the path that is served

my @paths = (
    [ "/open-banking//accounts/v2/./accounts/$account", $Account ],
    [ "/open-banking/x/../accounts/v2/accounts/$account", $Account ],
    [ "/open-banking/accounts/v2/acc%6funts/$account", $Account ],
    [ "/open-banking/accounts/v2/accounts/$account%2fbalances",
      "$Account/balances" ],
    [ "$Account/balances?x=%2F..%2F", "$Account/balances?x=%2F..%2F" ],
);

for (@paths) {
    my ($path, $want) = @$_;

    my $r = get($o, $consent, $path, scope => "consent:$consent accounts");

    is($r->{status}, 200, "$path: passed");
    is(seen($bank)->{path}, $want, "$path: as it was judged");
}

done_testing();
