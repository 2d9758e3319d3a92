#!/usr/bin/perl

# Copyright (C) oof authors

# Resources v3: who may list, what is listed, 202 and 504 while products are
# asked for, pages, statuses and how they change.  Spec 1.9, 1.11, 5.4; spec 7,
# 2, 4, 6, 11, 16, 18, 27.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;

my $o = journey();
my $self = "$Test::Oof::BaseUrl/open-banking/resources/v3/resources";
my ($id, $r);

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub short { $_[0] =~ s/^urn:bank://r }

sub listed {
    my ($r) = @_;

    return join ' ', $r->{status}, sort map { "$_->{type}=$_->{status}" }
                                        @{ $r->{json}{data} || [] };
}

# the list once it is there

sub listed_soon {
    my ($consent) = @_;

    my $r;
    wait_for(sub { ($r = resources($o, $consent))->{status} != 202 }, 5,
             'the list');
    return $r;
}


# --- a list

$id = authorised($o);
$r = resources($o, $id);
is($r->{status}, 200, 'list: status') or diag($r->{body});
is($r->{headers}{'content-type'}, 'application/json', 'list: media type');
is($r->{headers}{'x-v'}, '3.1.0', 'list: x-v');
ok(defined $r->{headers}{'x-fapi-interaction-id'}, 'list: interaction id');
is($r->{headers}{'cache-control'}, 'no-store', 'list: not to be stored');
schema_ok('resources-v3 GET /resources', $r, 'list: as specified');
is(listed($r), '200 ACCOUNT=AVAILABLE ACCOUNT=AVAILABLE', 'list: items');
is(pages_of($r), '200 2 1 2 self=page=1&page-size=25', 'list: one page');
is($r->{json}{links}{self}, "$self?page=1&page-size=25", 'list: self');
is_deeply([ sort keys %{ $r->{json}{data}[0] } ],
          [ qw/ resourceId status type / ], 'list: nothing else of an item');
is_deeply([ map { $_->{resourceId} } @{ $r->{json}{data} } ],
          [ sort map { $_->{resourceId} }
            @{ show($o, $id)->{json}{data}{resources} } ],
          'list: the ids that were chosen');

# spec 7, 27: customers' data is no resource

my $person = authorised($o, groups => [ 'person' ]);
$r = resources($o, $person);
is(pages_of($r), '200 0 0 0 self=page=1&page-size=25', 'customer data only');
like($r->{body}, qr/"data":\[\]/, 'customer data only: an empty array');
schema_ok('resources-v3 GET /resources', $r, 'customer data only: specified');


# --- who may: spec 5.4; spec 7, 16

is(said(resources($o, $id, undef, scope => 'resources')),
   '401 UNAUTHORIZED', 'a token of client credentials');
is(said(resources($o, $id, undef, scope => "openid consent:$id accounts")),
   '403 FORBIDDEN', 'no scope');
is(said(resources($o, 'urn:bank:' . new_uuid())), '401 UNAUTHORIZED',
   'a consent that there is not');
is(said(resources($o, 'urn:tank:' . short($id))), '401 UNAUTHORIZED',
   'a consent of another namespace');
is(said(resources($o, $id, undef, scope => 'openid enrollment:urn:e:1'
                                           . ' resources')),
   '401 UNAUTHORIZED', 'no consent at all');
is(said(resources($o, $id, undef, client => 'two')), '401 UNAUTHORIZED',
   'a consent of another client');
is(said(resources($o, $id, undef, cert => 'two',
                  token => token(scope => "openid consent:$id resources"))),
   '401 UNAUTHORIZED', 'a token of another certificate');
is(said(resources($o, new_consent($o))), '401 UNAUTHORIZED',
   'a consent that awaits');
is(resources($o, $id, undef, headers => { 'x-fapi-interaction-id' => undef })
   ->{status}, 400, 'no interaction id');
is(said($o->call(POST => '/open-banking/resources/v3/resources',
                 scope => "openid consent:$id resources", json => {})),
   '405 METHOD_NOT_ALLOWED', 'POST');
is(resources($o, $id, undef, headers => { Accept => 'text/plain' })->{status},
   406, 'another format');

my $bare = authorised($o);
psql("UPDATE oof_consent SET permissions = permissions & ~(1::bigint << 29)"
     . " WHERE consent_id = '" . short($bare) . "'");
$r = resources($o, $bare);
is(said($r), '403 FORBIDDEN', 'without RESOURCES_READ');
schema_ok('resources-v3 GET /resources', $r, 'without it: as specified');

my $dead = authorised($o);
$o->call(DELETE => "$Test::Oof::Api/consents/$dead");
$r = resources($o, $dead);
is(said($r), '401 UNAUTHORIZED', 'a revoked consent');
schema_ok('resources-v3 GET /resources', $r, 'revoked: as specified');

my $over = authorised($o);
psql("UPDATE oof_consent SET expiration = now() - interval '1 s' WHERE"
     . " consent_id = '" . short($over) . "'");
is(said(resources($o, $over)), '401 UNAUTHORIZED', 'one whose time is over');


# --- products that are shared as a whole

my $all = authorised($o, groups => [ qw/ accounts credit investments
                                         exchange / ]);
$r = listed_soon($all);
is(listed($r), '200 ' . join(' ', map { "$_=AVAILABLE" } qw/ ACCOUNT ACCOUNT
   BANK_FIXED_INCOME CREDIT_FIXED_INCOME EXCHANGE FINANCING FUND
   INVOICE_FINANCING LOAN TREASURE_TITLE UNARRANGED_ACCOUNT_OVERDRAFT
   VARIABLE_INCOME /), 'everything: nothing was chosen but accounts');
my %once = map { $_->{type} => $_->{resourceId} } @{ $r->{json}{data} };

$r = listed_soon(authorised($o, groups => [ 'credit' ]));
is_deeply({ map { $_->{type} => $_->{resourceId} } @{ $r->{json}{data} } },
          { map { $_ => $once{$_} } qw/ LOAN FINANCING INVOICE_FINANCING
            UNARRANGED_ACCOUNT_OVERDRAFT / }, 'another consent: the same ids');

# spec 7, 6: while the core prepares

$o->{core}->faults({ mode => 'preparing', path => '/loans/discovery' });
my $slow = authorised($o, groups => [ 'credit' ]);
$r = resources($o, $slow);
is($r->{status}, 202, 'preparing: 202');
is($r->{body}, '', 'preparing: no body');
is($r->{headers}{'content-type'}, undef, 'preparing: of no type');
is($r->{headers}{'x-v'}, '3.1.0', 'preparing: x-v');
schema_ok('resources-v3 GET /resources', $r, 'preparing: as specified');
is((psql("SELECT count(*) FROM oof_consent_resource WHERE consent_id = '"
         . short($slow) . "'"))[0][0], 0, 'preparing: nothing is half there');

sub authorised_ago {
    my ($seconds) = @_;

    psql("UPDATE oof_consent SET status_update = now() - interval"
         . " '$seconds s' WHERE consent_id = '" . short($slow) . "'");
}

authorised_ago(298);
is(resources($o, $slow)->{status}, 202, 'just before five minutes: 202');
authorised_ago(302);
$r = resources($o, $slow);
is(said($r), '504 GATEWAY_TIMEOUT', 'after five minutes: 504');
schema_ok('resources-v3 GET /resources', $r, 'after it: as specified');

$o->{core}->faults({ mode => 'error', path => '/loans/discovery' });
resources($o, $slow);
$o->{core}->faults;
wait_for(sub { resources($o, $slow)->{status} == 200 }, 5, 'the list at last');
like(listed(resources($o, $slow)), qr/^200 .*LOAN=AVAILABLE/,
     'late, but it comes');

# the decision itself waits for nobody

$o->{core}->faults({ mode => 'slow', ms => 1500, path => '/loans/discovery' });
$id = new_consent($o, groups => [ 'credit' ]);
my $from = Time::HiRes::time();
is(decide($o, $id, 'AUTHORISE', cpf => $Ana)->{status}, 200, 'a slow core');
cmp_ok(Time::HiRes::time() - $from, '<', 1, 'the decision waits for nobody');
is(resources($o, $id)->{status}, 202, 'the list does');
is(listed_soon($id)->{status}, 200, 'and is there');
$o->{core}->faults;


# --- pages: spec 1.9; spec 7, 18

my $many = authorised($o);
psql("INSERT INTO oof_consent_resource SELECT '" . short($many) . "',"
     . " gen_random_uuid(), now(), 'FUND', 'AVAILABLE' FROM"
     . " generate_series(1, 58)");

sub page { pages_of(resources($o, $many, $_[0])) }

is(page(undef), '200 60 3 25 last=page=3&page-size=25 next=page=2&page-size=25'
   . ' self=page=1&page-size=25', 'first page');
is(page('page=2'), '200 60 3 25 first=page=1&page-size=25'
   . ' last=page=3&page-size=25 next=page=3&page-size=25'
   . ' prev=page=1&page-size=25 self=page=2&page-size=25', 'in the middle');
is(page('page=3'), '200 60 3 10 first=page=1&page-size=25'
   . ' prev=page=2&page-size=25 self=page=3&page-size=25', 'last page');
is(page('page-size=50&page=2'), '200 60 2 10 first=page=1&page-size=50'
   . ' prev=page=1&page-size=50 self=page=2&page-size=50', 'larger pages');
is(page('page-size=1000'), '200 60 1 60 self=page=1&page-size=1000',
   'the largest');
is(page("page-size=$_"), '200 60 3 25 last=page=3&page-size=25'
   . ' next=page=2&page-size=25 self=page=1&page-size=25',
   "page-size $_ is 25") for qw/ 0 1 24 25 -1 /;

my %seen;
for my $n (1 .. 3) {
    $seen{$_->{resourceId}}++
        for @{ resources($o, $many, "page=$n")->{json}{data} };
}
is(scalar keys %seen, 60, 'each is on one page');

sub refused {
    my ($query, $want, $name) = @_;

    my $r = resources($o, $many, $query);
    is(said($r), $want, $name);
    schema_ok('resources-v3 GET /resources', $r, "$name: as specified");
}

refused('page=4', '422 PAGE_NOT_FOUND', 'beyond the last');
refused('page=2147483647&page-size=1000', '422 PAGE_NOT_FOUND', 'far beyond');
refused('page-size=1001', '422 PARAMETRO_INVALIDO', 'more than 1000');
refused("page=$_", '400 PARAMETRO_INVALIDO', "page \"$_\"")
    for qw/ 0 -1 x 1x 2147483648 99999999999999999999 /, '', '1.5';
refused("page-size=$_", '400 PARAMETRO_INVALIDO', "page-size \"$_\"")
    for qw/ x 25x /, '';
is(pages_of(resources($o, $person, 'page=1')),
   '200 0 0 0 self=page=1&page-size=25', 'the first page is always there');
is(said(resources($o, $person, 'page=2')), '422 PAGE_NOT_FOUND',
   'the second of nothing is not');


# --- statuses: spec 1.11

my @numbers = ([ LOAN => '6100001' ], [ FUND => '7500001' ],
               [ VARIABLE_INCOME => '7300001' ], [ ACCOUNT => '10000029' ]);

# what the bank says is told by the next discovery

sub told {
    my ($status) = @_;

    $o->{core}->control(resources => { type => $_->[0], number => $_->[1],
                                       status => $status }) for @numbers;
    show($o, new_consent($o));
    listed_soon(authorised($o, groups => [ qw/ credit investments / ]));
}

sub now_are {
    my %of = map { $_->{type} => $_->{status} }
             @{ resources($o, $all)->{json}{data} };

    return join ' ', map { $of{$_} // '' } qw/ LOAN FUND VARIABLE_INCOME /;
}

told('TEMPORARILY_UNAVAILABLE');
is(now_are(), join(' ', ('TEMPORARILY_UNAVAILABLE') x 3),
   'blocked: shown in the consents that are there');
like(listed(resources($o, $all)), qr/ACCOUNT=TEMPORARILY_UNAVAILABLE/,
     'blocked: an account too');
told('AVAILABLE');
is(now_are(), join(' ', ('AVAILABLE') x 3), 'and back');
told('UNAVAILABLE');
is(now_are(), join(' ', ('UNAVAILABLE') x 3), 'closed');
told('AVAILABLE');
is(now_are(), 'UNAVAILABLE AVAILABLE AVAILABLE',
   'for good, but for funds and shares');
told('TEMPORARILY_UNAVAILABLE');
is(now_are(), 'UNAVAILABLE TEMPORARILY_UNAVAILABLE TEMPORARILY_UNAVAILABLE',
   'what is closed is not blocked either');

done_testing();
