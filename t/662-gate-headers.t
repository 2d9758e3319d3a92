#!/usr/bin/perl

# Copyright (C) oof authors

# What the bank's system is told in headers, and that nobody else can tell it
# (spec 1.11): one resource, lists, lists that do not fit, the customer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw/ sha256_hex /;
use Encode qw/ encode_utf8 /;
use Test::More;
use Test::Oof;
use Test::Oof::Gate;

my $bank = bank();
my $port = free_port();
my $management = server_defaults() =~ s/oof_issuer\s+main/oof_issuer bank/r;

my $o = Test::Oof->start(
    http => <<"END",
    underscores_in_headers on;

    oof_issuer bank {
        issuer   $Test::Oof::Issuer;
        audience $Test::Oof::BaseUrl;
        jwks     file:@{[ Test::Oof::jwks() ]};
        bound    off;
    }
END
    locations => gate_locations($bank, [ 'accounts', 'v2' ],
                     [ 'loans', 'v2', 'oof_customer document;' ],
                     [ 'variable-incomes', 'v1' ],
                     [ 'customers', 'v2', 'oof_customer document;' ],
                     [ 'exchanges', 'v1',
                       'proxy_set_header X-OOF-Customer "";'
                       . ' proxy_set_header Authorization "Basic YTpi";' ]),
    servers => <<"END");
    server {
        listen 127.0.0.1:$port;
$management
        location /oof/v1/ {
            oof_api management v1;
        }
    }
END

$o->{port}{bank} = $port;

my $Accounts = '/open-banking/accounts/v2/accounts';
my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });


sub told {
    my ($consent, $path, %args) = @_;

    my $r = get($o, $consent, $path, %args);

    is($r->{status}, 200, "$path: passed") or diag($r->{body});

    return seen($bank)->{headers};
}


# --- legacy ids: pairs, percent-encoded

my $consent = authorised(cpf => '48847377765');

my %legacy = (
    'account=10000011' => [ account => '10000011' ],
    'branch=1774;account=10000011;digit=7' =>
        [ branch => '1774', account => '10000011', digit => '7' ],
    'a%3Db=c%3Bd%2Ce%20f%25g%0D%0Ah' => [ 'a=b' => "c;d,e f%g\r\nh" ],
    'a=%C3%A7%E2%82%AC' => [ a => "\x{e7}\x{20ac}" ],
    'a-b.c_d~E=0' => [ 'a-b.c_d~E' => '0' ],
    'empty=' => [ empty => '' ],
    'k=' . 'v' x 255 => [ k => 'v' x 255 ],
);

for my $want (sort keys %legacy) {
    my $id = resource(legacy => $legacy{$want});
    my $path = "$Accounts/$id";

    share($consent, $id);
    $bank->answer($path, %answer);

    is(told($consent, $path)->{'x-oof-resource'}, $want,
       'legacy id ' . substr($want, 0, 40));
}


# --- lists: what is available, of the type

my $list = authorised();
my @accounts = sort map { resource(number => "A$_") } 1 .. 3;
my $loan = resource(type => 'LOAN', number => 'L1');
my %number = map { $accounts[$_] => 'A' . ($_ + 1) } 0 .. 2;

$bank->answer($_, %answer) for $Accounts, '/open-banking/loans/v2/contracts',
    '/open-banking/variable-incomes/v1/broker-notes/n1',
    '/open-banking/variable-incomes/v1/investments',
    '/open-banking/exchanges/v1/operations';

my $headers = told($list, $Accounts);

is($headers->{'x-oof-resources'}, '', 'nothing is shared: an empty list');
ok(!exists $headers->{'x-oof-resource'}, 'and no resource');

share($list, $_) for @accounts, $loan;

is(told($list, $Accounts)->{'x-oof-resources'},
   join(',', map { "$_;account=$number{$_}" } @accounts),
   'those of the type');

share($list, $accounts[0], status => 'PENDING_AUTHORISATION');
share($list, $accounts[1], status => 'TEMPORARILY_UNAVAILABLE');
is(told($list, $Accounts)->{'x-oof-resources'},
   "$accounts[2];account=$number{$accounts[2]}", 'those that are available');

share($list, $accounts[2], status => 'UNAVAILABLE');
is(told($list, $Accounts)->{'x-oof-resources'}, '', 'none is available');

$headers = told($list, '/open-banking/loans/v2/contracts');
is($headers->{'x-oof-resources'}, "$loan;account=L1", 'another type');
is($headers->{'x-oof-customer'}, '48847377765', 'the customer by document');

# a broker's note is no resource: the shares are told

my $share = resource(type => 'VARIABLE_INCOME', number => 'V1');

share($list, $share);
is(told($list, '/open-banking/variable-incomes/v1/broker-notes/n1')
       ->{'x-oof-resources'}, "$share;account=V1", 'of a broker\'s note');


# --- the customer

my $company = authorised(cpf => '11122233344', cnpj => '12345678000199');

share($company, $loan);

is(told($company, $Accounts)->{'x-oof-customer'},
   sha256_hex('cnpj 12345678000199'), 'a company, by its look-up value');
is(told($company, '/open-banking/loans/v2/contracts')->{'x-oof-customer'},
   '12345678000199', 'a company, by document');

unlike($o->log_text, qr/12345678000199|48847377765/,
       'documents are in no log');


# --- what the caller may not say

my @forged = map { ($_ => 'forged') }
    'X-OOF-Consent-Id', 'x-oof-client-id', 'X-Oof-Organisation-Id',
    'X-OOF-BRAND', 'X-OOF-Customer', 'X-OOF-Resource', 'X-OOF-Resources',
    'X-OOF-Pagination-Key', 'X-OOF-Anything', 'X_OOF_Customer',
    'X-OOF_Resource', 'x_oof-brand';

$headers = told($list, '/open-banking/variable-incomes/v1/investments',
                headers => [ @forged, 'X-OO' => 'kept', 'X-OOFs' => 'kept' ]);

is(join(' ', grep { $headers->{$_} eq 'forged' } sort keys %$headers), '',
   'nothing forged goes along');
is($headers->{'x-oof-brand'}, 'bank', 'ours does');
is($headers->{$_}, 'kept', "others do: $_") for qw/ x-oo x-oofs /;
ok(!exists $headers->{'x-oof-resource'}, 'nor what is not told here');

# the location has the last word

$headers = told($list, '/open-banking/exchanges/v1/operations');
ok(!exists $headers->{'x-oof-customer'}, 'a header that the location drops');
is($headers->{authorization}, 'Basic YTpi', 'a token of the bank\'s own');

# more headers than fit in one piece of nginx's list

$headers = told($list, $Accounts, headers => [ map { ("X-More-$_" => $_) }
                                                   1 .. 60 ]);
is(scalar(grep { /^x-more-/ } keys %$headers), 60, 'all other headers');


# --- lists that do not fit in 4 KB: an address on the bank's side

my $many = authorised();
my $uuid = $many =~ s/.*://r;

sub of_bank {
    my ($path, %args) = @_;

    return $o->call('GET', $path, via => 'bank', scope => 'oof_journey',
                    %args);
}

my @many = map { resource(number => sprintf '%08d', $_) } 1 .. 73;

share($many, $_) for @many;

my $text = told($many, $Accounts)->{'x-oof-resources'};

is(scalar(my @list = split(/,/, $text)), 73, '73 resources fit');
cmp_ok(length $text, '<=', 4096, 'in 4 KB');

push @many, map { resource(number => sprintf '%08d', $_) } 74 .. 120;
share($many, $_) for @many[73 .. 119];
share($many, $many[0], status => 'UNAVAILABLE');

my $address = told($many, $Accounts)->{'x-oof-resources'};

is($address, "/oof/v1/consents/$uuid/resources?type=ACCOUNT&page-size=1000",
   '119 do not: an address');

my $r = of_bank($address);

is($r->{status}, 200, 'the address: status') or diag($r->{body});
is(scalar @{ $r->{json}{data} }, 120, 'the address: all of them');
is_deeply($r->{json}{data}[1],
          { resourceId => $many[1], type => 'ACCOUNT', status => 'AVAILABLE',
            legacyId => [ { key => 'account', value => '00000002' } ] },
          'the address: an item');
is($r->{json}{data}[0]{status}, 'UNAVAILABLE', 'the address: the status');
is($r->{json}{meta}{totalRecords}, 120, 'the address: how many');

# its pages, its filter, by URN too

$r = of_bank("/oof/v1/consents/$many/resources?page=5&type=ACCOUNT");
is(scalar @{ $r->{json}{data} }, 20, 'the last page');
is($r->{json}{links}{prev}, "$Test::Oof::BaseUrl/oof/v1/consents/$many/"
   . 'resources?type=ACCOUNT&page=4&page-size=25', 'the page before');

is(of_bank("/oof/v1/consents/$many/resources?page=6")->{status}, 422,
   'after the last page');
is(scalar @{ of_bank("/oof/v1/consents/$uuid/resources?type=LOAN")
                 ->{json}{data} }, 0, 'none of a type');
is(of_bank("/oof/v1/consents/$uuid/resources?type=X")->{status}, 400,
   'no type');
is(of_bank("/oof/v1/consents/$uuid/resources?page-size=x")->{status}, 400,
   'no size');
is(of_bank('/oof/v1/consents/01936000-0000-7000-8000-0000deadbeef/resources')
       ->{status}, 404, 'no consent');
is(of_bank('/oof/v1/consents/x/resources')->{status}, 400, 'no id');
is(of_bank($address, scope => 'consents')->{status}, 403, 'without the scope');
is(of_bank($address, scope => 'oof_journey oob_customer')->{status}, 403,
   "a customer's token");

my $other = authorised(brand => 'other');
is(of_bank('/oof/v1/consents/' . ($other =~ s/.*://r) . '/resources')
       ->{status}, 404, 'of another brand');

done_testing();
