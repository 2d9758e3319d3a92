#!/usr/bin/perl

# Copyright (C) oof authors

# The way to the bank's core: what is asked, as whom, and what becomes of a
# screen when the core is slow, wrong or gone; what "nginx -t" says of an
# oof_core block; that the statements of the journey use indexes.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Http;
use Test::Oof::Journey;
use Time::HiRes qw/ time /;

my $dir = $Test::Oof::Dir;
my $path = '/accounts/account-discovery';
my $cards = '/credit-cards-accounts/account-discovery';

Test::Oof::spew("$dir/token", "t0k-en.value\n");

my $http = Test::Oof::Http->start;
my $o = journey(core => { port => $http->{port} },
                url => $http->url('/layer/'), core_options =>
                "timeout 400ms; connect_timeout 300ms; max_answer 4k;"
                . " token_file $dir/token;");

# what the parser of a core may make of it: spelled out at each

sub answer {
    my ($body, %more) = @_;

    $http->answer("/layer$path", headers => {
        'Content-Type' => 'application/json' },
        body => ref $body ? json($body) : $body, %more);
}

sub account {
    my ($number, %more) = @_;

    return { resourceLegacyId => [ { key => 'account', value => $number } ],
             resourceName => [ { key => 'Conta', value => $number } ],
             authorizers => [ { cpf => $Ana, name => 'Ana' } ], %more };
}

sub found {
    my $r = show($o, $_[0]);

    return "$r->{status} $r->{body}" if $r->{status} != 200;

    my $d = $r->{json}{data};
    return join ' ', (map { $_->{legacyId}[0]{value} . ":$_->{status}" }
                      @{ $d->{resources} }),
                     map { "!$_" } @{ $d->{failingResources} };
}

my $id = new_consent($o, @Bakery, groups => [ 'accounts', 'company' ]);


# --- what is asked

answer({ data => { resources => [ account('1') ] } });
is(found($id), '1:AVAILABLE', 'found');

my ($call) = $http->calls("/layer$path");
is($call->{method}, 'POST', 'asked: by POST');
my %headers = map { lc $_ => $call->{headers}{$_} } keys %{ $call->{headers} };
is($headers{'content-type'}, 'application/json', 'asked: JSON');
is($headers{authorization}, 'Bearer t0k-en.value', 'asked: with its token');
my $body = decoded($call->{body});
like($body->{requestMeta}{correlationId}, qr/^[0-9a-f-]{36}$/,
     'asked: correlation');
is($body->{requestMeta}{brandId}, 'bank', 'asked: brand');
is_deeply($body->{consent}{loggedUser}, { document => {
    identification => $Bakery[1], rel => 'CPF' } }, 'asked: whose');
is_deeply($body->{consent}{businessDocumentType}, { document => {
    identification => $Bakery[3], rel => 'CNPJ' } }, 'asked: which company\'s');
is($body->{consent}{externalId}, $id, 'asked: for which consent');
is_deeply([ sort @{ $body->{consent}{permissions} } ],
          [ sort qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ RESOURCES_READ
                     CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ / ],
          'asked: permissions');


# --- what is answered

$id = new_consent($o);

for ([ 'no JSON', 'x' ], [ 'an array', '[]' ], [ 'nothing', '' ],
     [ 'no data', {} ], [ 'no resources', { data => {} } ],
     [ 'resources that are none', { data => { resources => 'x' } } ],
     [ 'a member twice', '{"data":{},"data":{}}' ],
     [ 'more than max_answer', { data => { resources => [],
                                           more => 'x' x 5000 } } ])
{
    my ($name, $body) = @$_;
    answer($body);
    is(found($id), '!ACCOUNT', "answer: $name");
}

for (400, 401, 404, 422, 500, 503, 302) {
    answer({ errors => [] }, status => $_);
    is(found($id), '!ACCOUNT', "answer: $_");
}

answer({ data => { resources => [] } });
is(found($id), '', 'answer: nothing found');

answer({ data => { resources => [ 'x', {}, account(undef), account('2'),
    account('2'), account('3', status => 'OPEN'), account('4', status => 1),
    account('5', resourceLegacyId => []),
    account('6', resourceLegacyId => [ map { { key => "k$_" } } 1 .. 11 ]),
    account('7', resourceLegacyId => [ { key => '' } ]),
    account('8', resourceLegacyId => [ { key => 'k', value => 'x' x 256 } ]),
    account('9', authorizers => [ { cpf => 'x' } ]),
    account('10', authorizers => 'x'),
    account('11', status => 'UNAVAILABLE'),
    account('12', resourceName => 'x', resourceBalanceAmount => 1) ] } });
is(found($id), '2:AVAILABLE 11:UNAVAILABLE 12:AVAILABLE',
   'answer: what is malformed or repeated is left out');

my $log = $o->log_text;
like($log, qr/core told of 12 resources of type ACCOUNT that are malformed/,
     'answer: which is logged');
unlike($log, qr/t0k-en/, 'the token is not');

answer({ data => { resources => [ account('77') ] } }, cut => 200);
is(found($id), '!ACCOUNT', 'an answer that is cut');

answer({ data => { resources => [ account('77') ] } }, delay => 3);
my $from = time;
is(found($id), '!ACCOUNT', 'a slow core');
cmp_ok(time - $from, '<', 2, 'a slow core: "timeout" ends it');

answer({ data => { resources => [ account('2') ] } });
$http->answer("/layer$cards", hang => 1);
is(found(new_consent($o, groups => [ 'accounts', 'cards' ])),
   '2:AVAILABLE !CREDIT_CARD_ACCOUNT', 'one product hangs, the other is there');

# a caller that goes away

for (1 .. 20) {
    my $c = $o->connect('management');
    $c->write("GET $Authorise/$id HTTP/1.1\r\nHost: bank\r\n"
              . 'Authorization: Bearer '
              . token(scope => 'oof_journey', claims => { cnf => undef })
              . "\r\nx-fapi-interaction-id: " . new_uuid() . "\r\n\r\n");
    select undef, undef, undef, 0.002 * $_;
    $c->close;
}
is(found($id), '2:AVAILABLE', 'callers that went away: nothing is left');

$http->stop;
is(found($id), '!ACCOUNT', 'a core that is gone');
is(decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
       { type => 'ACCOUNT', legacyId => [ { key => 'account',
                                            value => '2' } ] } ])->{status},
   200, 'a decision does not need it');
$http->start_again;

cmp_ok($o->metric('oof_core_calls_total', core => 'main', result => 'error'),
       '>', 5, 'errors are counted');
cmp_ok($o->metric('oof_core_calls_total', core => 'main', result => 'ok'),
       '>', 2, 'and successes');


# --- never a whole table: statements as the lanes have prepared them

sub scans {
    return { map { @$_ } psql('SELECT relname, seq_scan FROM'
                              . ' pg_stat_user_tables WHERE relname IN'
                              . " ('oof_consent', 'oof_resource',"
                              . " 'oof_consent_resource',"
                              . " 'oof_consent_approver',"
                              . " 'oof_consent_history')") };
}

psql('INSERT INTO oof_resource (resource_id, status_update, brand, type,'
     . ' status, legacy_hmac, legacy) SELECT gen_random_uuid(), now(),'
     . " 'bank', 'LOAN', 'AVAILABLE', uuid_send(gen_random_uuid()), ''"
     . ' FROM generate_series(1, 3000)');
psql('INSERT INTO oof_consent_resource SELECT gen_random_uuid(), resource_id,'
     . " now(), type, 'AVAILABLE' FROM oof_resource");
psql('INSERT INTO oof_consent_approver SELECT consent_id, resource_id, now(),'
     . " 'PENDING', '\\x00', '\\x00' FROM oof_consent_resource");
psql('ANALYZE');
select undef, undef, undef, 1.2;

my $before = scans();

for (1 .. 8) {
    answer({ data => { resources => [ account("1$_"), account("2$_",
        authorizers => [ { cpf => $Ana }, { cpf => $Davi } ],
        status => $_ % 2 ? 'AVAILABLE' : 'TEMPORARILY_UNAVAILABLE') ] } });
    my $c = authorised($o);
    decide($o, $c, 'AUTHORISE', cpf => $Davi);
    resources($o, $c);
    token_check($o, $c);
}

select undef, undef, undef, 1.2;
token_check($o, $id);
resources($o, $id);
decide($o, $id, 'AUTHORISE', cpf => $Ana);
select undef, undef, undef, 1.2;
is_deeply(scans(), $before, 'no table is read as a whole');


# --- the block

my $t = Test::Oof->start(defaults => 0, hold => 1);
$t->allow(qr/\[emerg\]/);
Test::Oof::spew("$dir/two", "a b\n");
Test::Oof::spew("$dir/pem", 'x');

sub refused {
    my ($name, $text, $why) = @_;

    $t->configure(http => $text);
    my ($good, $said) = $t->test_config;
    ok(!$good, "$name: refused");
    like($said, $why, "$name: the reason");
}

sub fine {
    my ($name, $text) = @_;

    $t->configure(http => $text);
    my ($good, $said) = $t->test_config;
    ok($good, "$name: fine") or diag($said);
}

my $url = 'url http://127.0.0.1:1;';

fine('the least', "oof_core a { $url }");
fine('all of it', "oof_core a { $url timeout 5s; connect_timeout 1s;"
     . " max_answer 1m; token_file $dir/token; ca @{[ pki('root.pem') ]};"
     . " certificate @{[ pki('leaf-one.pem') ]};"
     . " key @{[ pki('leaf-one.key') ]}; }");
refused('no URL', 'oof_core a { }', qr/"oof_core a" needs "url URL;"/);
refused('no URL of that kind', 'oof_core a { url ftp://x; }',
        qr/"url" in "oof_core a" must begin with "https/);
refused('a host that there is not', 'oof_core a { url http://no.invalid; }',
        qr/cannot be resolved/);
refused('twice', "oof_core a { $url $url }", qr/"url" .* is duplicate/);
refused('two of a name', "oof_core a { $url } oof_core a { $url }",
        qr/of this name exists already/);
refused('a name that cannot', "oof_core 'a b' { $url }",
        qr/name in "oof_core NAME \{ \}" must have 1 to 64 letters/);
refused('an option that there is not', "oof_core a { $url x 1; }",
        qr/unknown option "x" in "oof_core a"/);
refused('no value', "oof_core a { url; }",
        qr/invalid number of arguments of "url"/);
refused('no time', "oof_core a { $url timeout x; }",
        qr/must be a time of 1ms to 60s/);
refused('too long a time', "oof_core a { $url timeout 61s; }",
        qr/must be a time of 1ms to 60s/);
refused('no size', "oof_core a { $url max_answer 65m; }",
        qr/must be a size of 1k to 64m/);
refused('half a pair', "oof_core a { $url certificate"
        . " @{[ pki('leaf-one.pem') ]}; }",
        qr/needs "certificate" and "key" together/);
refused('no certificate', "oof_core a { $url ca $dir/pem; }",
        qr/nothing in PEM form/);
refused('a token of two words', "oof_core a { $url token_file $dir/two; }",
        qr/a bearer token on one line/);
refused('no such file', "oof_core a { $url token_file $dir/none; }",
        qr/failed/);
refused('a name that is not there', 'server { oof_core b; }',
        qr/there is no "oof_core b \{ \}" in http\{\}/);

done_testing();
