#!/usr/bin/perl

# Copyright (C) oof authors

# The gate to the data APIs: whose consent, which permission, which resource
# (spec 1.11, 5.4; spec 7, 13, 15, 16).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw/ decode_utf8 /;
use Test::More;
use Test::Oof;
use Test::Oof::Gate;

my $bank = bank();

my $o = Test::Oof->start(
    locations => gate_locations($bank, [ 'accounts', 'v2' ],
                                [ 'loans', 'v2' ], [ 'customers', 'v2' ]));

my $Accounts = '/open-banking/accounts/v2/accounts';
my $body = '{"data":[],"links":{},"meta":{}}';

my $consent = authorised();
my $account = resource(number => '10000011');
my $path = "$Accounts/$account";

share($consent, $account);

my %answer = (body => $body, headers => { 'Content-Type' =>
                                              'application/json' });

$bank->answer($_, %answer)
    for $Accounts, $path, "$path/balances", "$path/overdraft-limits";


# --- what passes, and what the bank's system sees

my $r = get($o, $consent, $path);

passed($r, 'an account');
is($r->{body}, $body, 'an account: the body as it came');
is($r->{headers}{'content-type'}, 'application/json',
   'an account: media type');
is($r->{headers}{'x-v'}, '2.5.1', 'an account: x-v');
like($r->{headers}{'x-fapi-interaction-id'}, qr/^[0-9a-f-]{36}$/,
     'an account: interaction id');

my $seen = seen($bank);
my $customer = Digest::SHA::sha256_hex('cpf 48847377765');

is($seen->{method}, 'GET', 'method');
is($seen->{path}, $path, 'path');
is($seen->{headers}{'x-oof-consent-id'}, $consent, 'X-OOF-Consent-Id');
is($seen->{headers}{'x-oof-client-id'}, 'client-one', 'X-OOF-Client-Id');
is($seen->{headers}{'x-oof-organisation-id'},
   $Test::Oof::Clients{one}{organisation_id}, 'X-OOF-Organisation-Id');
is($seen->{headers}{'x-oof-brand'}, 'bank', 'X-OOF-Brand');
is($seen->{headers}{'x-oof-customer'}, $customer, 'X-OOF-Customer');
is($seen->{headers}{'x-oof-resource'}, 'account=10000011',
   'X-OOF-Resource');
is($seen->{headers}{'x-fapi-interaction-id'},
   $r->{headers}{'x-fapi-interaction-id'}, 'the interaction id goes along');
ok(!exists $seen->{headers}{authorization}, 'the token does not go along');
ok(!exists $seen->{headers}{'x-ssl-client-cert'},
   'nor does the certificate');

like($o->access_text // '', qr/./, 'there is an access log');


# --- consents that are none, or dead: 401 (spec 1.11, 7.16)

my %dead = (
    'awaiting' => authorised(status => 'AWAITING_AUTHORISATION'),
    'not authorised in time' =>
        authorised(status => 'AWAITING_AUTHORISATION',
                   authorise_until => '2026-01-01T10:00:00Z'),
    'rejected' => authorised(status => 'REJECTED', rejected_by => 'USER',
                             reason_code => 'CUSTOMER_MANUALLY_REVOKED'),
    'past its term' => authorised(expiration => '2026-03-01T10:00:00Z'),
    'unknown' => 'urn:bank:01936000-0000-7000-8000-0000deadbeef',
    'of another namespace' => $consent =~ s/bank/other/r,
    'no URN' => 'nonsense',
    'in capitals' => $consent =~ s/(\d{4})-(\d{12})/uc("a$1")/er,
    "of another client" =>
        authorised(client_id => $Test::Oof::Clients{two}{client_id}),
    'of another brand' => authorised(brand => 'other'),
);

$bank->forget_calls;

for my $name (sort keys %dead) {
    my $urn = $dead{$name};

    share($urn, $account) if $urn =~ /^urn:bank:[0-9a-f-]{36}$/;

    is_error(get($o, $urn, $path), 401, 'UNAUTHORIZED', "consent $name");
    is_error(get($o, $urn, $Accounts), 401, 'UNAUTHORIZED',
             "consent $name, list");
}

# a token of a client's own, and none at all

is_error(get($o, $consent, $path, scope => 'accounts'), 401, 'UNAUTHORIZED',
         'token of client credentials');
is_error(get($o, $consent, $path, token => undef), 401, 'UNAUTHORIZED',
         'no token');
is_error(get($o, $consent, $path, token => token(ttl => -10,
             scope => "openid consent:$consent accounts")),
         401, 'UNAUTHORIZED', 'token that has expired');
is_error(get($o, $consent, $path, cert => 'two', token => token(
             scope => "openid consent:$consent accounts")),
         401, 'UNAUTHORIZED', 'token bound to another certificate');


# --- scope and permission: 403 (spec 1.11, 7.16)

is_error(get($o, $consent, $path, scope => "openid consent:$consent loans"),
         403, 'FORBIDDEN', 'another scope');

my $less = authorised(permissions => [ qw/ ACCOUNTS_READ RESOURCES_READ / ]);

share($less, $account);

passed(get($o, $less, $path), 'the permission that it has');
passed(get($o, $less, $Accounts), 'the permission that it has, list');
is_error(get($o, $less, "$path/$_"), 403, 'FORBIDDEN', "no permission for $_")
    for qw/ balances overdraft-limits transactions transactions-current
            reserved-balances /;

# a dead consent is 401 whatever it lacks

is_error(get($o, authorised(status => 'REJECTED', permissions => []), $path),
         401, 'UNAUTHORIZED', 'dead, and without permission');


# --- resources (spec 1.11, 7.15): never 404

my $other = resource();
my $loan = resource(type => 'LOAN');
my $foreign = resource(brand => 'other');

share($consent, $loan);
share($consent, $foreign);

is_error(get($o, $consent, "$Accounts/$_->[0]"), 403, 'RESOURCE_FORBIDDEN',
         $_->[1])
    for [ $other, "not in the consent" ], [ $loan, 'of another type' ],
        [ $foreign, 'of another brand' ],
        [ '00000000-0000-4000-8000-000000000000', 'not there' ],
        [ 'abc', 'no UUID' ], [ 'a' x 100, 'of 100 characters' ];

is_error(get($o, $consent, "$Accounts/$_->[0]"), 400, 'PARAMETRO_INVALIDO',
         $_->[1])
    for [ 'a' x 101, 'of 101 characters' ], [ '-abc', 'with a bad start' ],
        [ 'a%20b', 'with a space' ], [ 'a_b', 'with an underscore' ],
        [ "$account;x", 'with a semicolon' ];

# a permission that is missing comes before

is_error(get($o, $less, "$Accounts/a_b/balances"), 403, 'FORBIDDEN',
         'no permission, and a bad id');

my @statuses = (
    [ 'PENDING_AUTHORISATION', 'STATUS_RESOURCE_PENDING_AUTHORISATION',
      'Aguardando autorização de múltiplas alçadas' ],
    [ 'TEMPORARILY_UNAVAILABLE', 'STATUS_RESOURCE_TEMPORARILY_UNAVAILABLE',
      'Recurso temporariamente indisponível' ],
    [ 'UNAVAILABLE', 'STATUS_RESOURCE_UNAVAILABLE', 'Recurso indisponível' ],
);

for (@statuses) {
    my ($status, $code, $text) = @$_;

    share($consent, $account, status => $status);

    is_error(get($o, $consent, "$path$_"), 403, $code, "$status$_",
             title => decode_utf8($text), detail => decode_utf8($text))
        for '', '/balances', '/transactions';
}

share($consent, $account);
passed(get($o, $consent, $path), 'available again');


# --- none of that has reached the bank

is(scalar(grep { $_->{path} !~ m{^$Accounts(/$account)?$} } $bank->calls), 0,
   'no call that was refused has reached the bank');


# --- paths and methods that the API has not (spec 7.13)

is_error(get($o, $consent, $_), 404, 'NOT_FOUND', "path $_")
    for "$path/nothing", "$path/balances/x", "$Accounts/",
        '/open-banking/accounts/v2/contracts';

for (qw/ POST PUT PATCH DELETE /) {
    my $r = get($o, $consent, $path, method => $_);

    is_error($r, 405, 'METHOD_NOT_ALLOWED', $_);
    is($r->{headers}{allow}, 'GET', "$_: Allow");
}

is(get($o, $consent, $path, method => 'HEAD')->{status}, 405, 'HEAD');

is_error(get($o, $consent, $path, headers => { Accept => 'text/html' }),
         406, 'NOT_ACCEPTABLE', 'Accept');
is_error(get($o, $consent, $path, headers => [ 'x-fapi-interaction-id' =>
                                                   undef ]),
         400, 'BAD_REQUEST', 'no interaction id');
is_error(get($o, $consent, $path, body => '{}'), 400, 'BAD_REQUEST',
         'a body');
passed(get($o, $consent, $path,
           headers => { 'Content-Type' => 'text/plain' }),
       'a Content-Type without a body');


# --- data of the customer are no resource

$bank->answer('/open-banking/customers/v2/personal/identifications', %answer);

passed(get($o, $consent, '/open-banking/customers/v2/personal/identifications'),
       'a customer');
$seen = seen($bank);
is($seen->{headers}{'x-oof-customer'}, $customer, 'customer: whose');
ok(!exists $seen->{headers}{"x-oof-$_"}, "customer: no X-OOF-$_")
    for qw/ resource resources /;

# --- over TLS, HTTP/2

passed(get($o, $consent, $path, via => 'tls'), 'over TLS');
passed(get($o, $consent, $path, via => 'tls', http2 => 1), 'over HTTP/2');

done_testing();
