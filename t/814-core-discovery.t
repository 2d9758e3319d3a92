#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: what customers have, for payments and for data, and the
# accounts API behind the permission gate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Core;

my $api = 'payment-integration POST';
my $core = Test::Oof::Core->start(options => [ '--step', 20 ]);
my ($ana, $bruno, $carla, $davi) = qw/ 76109277673 52998224725 39053344705
                                       86413425750 /;
my @bakery = (cpf => '11144477735', cnpj => '45723174000110');
my $r;


# --- accounts that can pay

sub accounts {
    $r = $core->post('/account-discovery', discovery(@_));
    schema_ok("$api /account-discovery", $r, 'accounts: shape');

    return join ' ', map { $_->{debtorAccount}{number}
                           . ($_->{defaultSelected} ? '!' : '') }
                         @{ $r->{json}{data}{resources} };
}

is(accounts(cpf => $ana), '10000011 10000029', 'accounts of a person');
is_deeply($r->{json}{data}{resources}[0], {
    resourceName => [ { key => 'Agencia', value => '0001' },
                      { key => 'Conta', value => '10000011' } ],
    resourceLegacyId => [ { key => 'account', value => '10000011' } ],
    resourceBalanceCurrency => 'BRL', resourceBalanceAmount => '100000000.00',
    authorizers => [ { cpf => $ana, name => 'Ana Clara Souza' } ],
    defaultSelected => JSON::PP::false(), debtorAccount => account('10000011'),
    useOverdraftLimit => JSON::PP::true(),
}, 'accounts: all that is told');

is(accounts(cpf => $ana, debtor => '10000029'), '10000011 10000029!',
   'accounts: all of them, the consent\'s is selected');
is(accounts(cpf => $ana, debtor => '20000015'), '10000011 10000029',
   'accounts: that of another customer is not');
is(accounts(cpf => '00000000191'), '', 'accounts of a stranger: none');
is(accounts(@bakery), '30000019', 'accounts of a company');
is($r->{json}{data}{resources}[0]{authorizers}[0]{name}, 'Celia Prado',
   'accounts of a company: its representative');
is(accounts(cpf => $bakery[1]), '', 'the representative\'s own: none');
is(accounts(cpf => $bruno, cnpj => $bakery[3]), '',
   'a company\'s, asked by somebody else: none');

is(accounts(cpf => $carla), '40000013', 'a joint account');
is_deeply([ map { $_->{cpf} }
                @{ $r->{json}{data}{resources}[0]{authorizers} } ],
          [ $carla, $davi ], 'a joint account: who must agree');
is(accounts(cpf => $davi), '50000017 40000013',
   'a joint account is the other one\'s too');


# --- products whose data can be shared

sub products {
    my ($more, @who) = @_;

    $r = $core->post('/discovery', discovery(@who, more => $more));
    is($r->{status}, 200, 'products: status');

    return join ' ', map { $_->{type} } @{ $r->{json}{data}{resources} };
}

is(products({}, cpf => $ana),
   'ACCOUNT ACCOUNT CREDIT_CARD_ACCOUNT LOAN FINANCING'
   . ' UNARRANGED_ACCOUNT_OVERDRAFT INVOICE_FINANCING BANK_FIXED_INCOME'
   . ' CREDIT_FIXED_INCOME VARIABLE_INCOME TREASURE_TITLE FUND EXCHANGE',
   'products: one of each family');
is(products({}, @bakery), 'ACCOUNT CREDIT_CARD_ACCOUNT INVOICE_FINANCING'
                          . ' BANK_FIXED_INCOME', 'products of a company');
is(products({}, cpf => $bruno), 'ACCOUNT', 'products: only what there is');
is(products({ resourceTypes => [ 'LOAN', 'FUND' ] }, cpf => $ana), 'LOAN FUND',
   'products: only what was asked for');
is($core->post('/discovery', discovery(
       more => { resourceTypes => [ 'SHOES' ] }))->{status}, 400,
   'products: of no such type');

my %path = (
    'loans' => 'LOAN', 'financings' => 'FINANCING',
    'unarranged-accounts-overdraft' => 'UNARRANGED_ACCOUNT_OVERDRAFT',
    'invoice-financings' => 'INVOICE_FINANCING',
    'bank-fixed-incomes' => 'BANK_FIXED_INCOME',
    'credit-fixed-incomes' => 'CREDIT_FIXED_INCOME',
    'variable-incomes' => 'VARIABLE_INCOME',
    'treasure-titles' => 'TREASURE_TITLE', 'funds' => 'FUND',
    'exchanges' => 'EXCHANGE',
);

for my $name (sort keys %path) {
    $r = $core->post("/$name/discovery", discovery(cpf => $ana));
    my $got = $r->{json}{data}{resources}[0];
    like($got->{resourceLegacyId}[0]{value}, qr/^\d{7}$/, "$name: legacy id");
    is($got->{status}, 'AVAILABLE', "$name: status");
    like($got->{validUntil}, qr/^\d{4}-\d\d-\d\d$/, "$name: validUntil");
    is($core->post("/$name/account-discovery", discovery(cpf => $ana))
            ->{status}, 400, "$name: nothing is chosen there");
}

for my $name (qw/ accounts credit-cards-accounts /) {
    $r = $core->post("/$name/account-discovery", discovery(cpf => $ana));
    my $got = $r->{json}{data}{resources}[0];
    ok($got->{authorizers}[0]{cpf} && $got->{resourceName}, "$name: members");
    ok(!exists $got->{debtorAccount}, "$name: no debtorAccount");
    is($core->post("/$name/discovery", discovery(cpf => $ana))->{status}, 400,
       "$name: chosen only");
}

$core->control(resources => { type => 'LOAN', number => '6100001',
                              status => 'TEMPORARILY_UNAVAILABLE' });
$core->post('/loans/discovery', discovery(cpf => $ana));
products({ resourceTypes => [ 'LOAN' ] }, cpf => $ana);
is($r->{json}{data}{resources}[0]{status}, 'TEMPORARILY_UNAVAILABLE',
   'a product is blocked');
$core->control(resources => { type => 'ACCOUNT', number => '10000011',
                              status => 'UNAVAILABLE' });
products({ resourceTypes => [ 'ACCOUNT' ] }, cpf => $ana);
is($r->{json}{data}{resources}[0]{status}, 'UNAVAILABLE',
   'an account is closed');


# --- the accounts API

my $base = '/open-banking/accounts/v2/accounts';
my @gate = ([ 'X-OOF-Consent-Id' => 'urn:sandbox:1' ]);
my @account = (@gate, [ 'X-OOF-Resource' => 'account=10000011' ]);
my $instant = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

is($core->get($base)->{status}, 401, 'without the gate: nothing');
is($core->get("$base/x", @gate)->{status}, 403, 'without a resource');
is($core->get("$base/x", @gate, [ 'X-OOF-Resource' => 'account=1' ])
        ->{json}{errors}[0]{code}, 'RESOURCE_FORBIDDEN', 'no such account');
is($core->get("$base/x/shoes", @account)->{status}, 404, 'no such path');
is($core->get('/open-banking/accounts/v2x/accounts', @gate)->{status}, 404,
   'no such version');

$r = $core->get($base, @gate, [ 'X-OOF-Resources' =>
    'id-a;account=10000011, id-b;account=10000029, id-c;account=1' ]);
is($r->{status}, 200, 'list: status');
is($r->{headers}{'content-type'}, 'application/json', 'list: type');
is_deeply($r->{json}{data}, [ map { {
    brandName => 'Banco Sandbox SA', companyCnpj => '42000111000177',
    compeCode => '987', branchCode => '0001', number => $_->[1],
    checkDigit => $_->[2], type => 'CONTA_DEPOSITO_A_VISTA',
    accountId => $_->[0] } } [ 'id-a', '01000001', '1' ],
                             [ 'id-b', '01000002', '9' ] ], 'list: data');
is_deeply($r->{json}{links}, { self => "$Test::Oof::Core::ApiUrl$base"
                                       . '?page=1&page-size=25' },
          'list: links');
is($r->{json}{meta}{$_->[0]}, $_->[1], "list: $_->[0]")
    for [ totalRecords => 2 ], [ totalPages => 1 ];
like($r->{json}{meta}{requestDateTime}, $instant, 'list: requestDateTime');

$r = $core->get($base, @gate);
is_deeply($r->{json}{data}, [], 'list: nothing was shared');
is($r->{json}{meta}{totalPages}, 0, 'list: no page');
is($core->get("$base?accountType=CONTA_POUPANCA", @gate, [ 'X-OOF-Resources' =>
       'id-a;account=10000011' ])->{json}{meta}{totalRecords}, 0,
   'list: of another type');
is($core->get($base, @gate, [ 'X-OOF-Customer' => $bruno ],
              [ 'X-OOF-Resources' => 'id-a;account=10000011' ])
        ->{json}{meta}{totalRecords}, 0, 'list: of another customer');
is($core->get("$base/x", @account, [ 'X-OOF-Customer' => $bruno ])->{status},
   403, 'detail: of another customer');
is($core->get("$base/x", @account, [ 'X-OOF-Customer' => 'a1b2' ])->{status},
   200, 'detail: the customer is a pseudonym');

my $many = join ',', map { "id-$_;account=10000011" } 1 .. 60;
my @many = (@gate, [ 'X-OOF-Resources' => $many ]);

for ([ '', 25, 'next last' ], [ '?page=2', 25, 'first last next prev' ],
     [ '?page=3', 10, 'first prev' ], [ '?page-size=100', 60, '' ],
     [ '?page-size=5', 25, 'next last' ])
{
    my ($query, $count, $links) = @$_;
    $r = $core->get("$base$query", @many);
    is(scalar @{ $r->{json}{data} }, $count, "list$query: records");
    is(join(' ', grep { $_ ne 'self' } sort keys %{ $r->{json}{links} }),
       join(' ', sort split / /, $links), "list$query: links");
}
like($core->get("$base?page=2&pagination-key=k", @many)->{json}{links}{next},
     qr/pagination-key=k/, 'list: the pagination key is carried on');
is($core->get("$base?page=4", @many)->{json}{errors}[0]{code},
   'PAGE_NOT_FOUND', 'list: no such page');
is($core->get("$base?page=x", @many)->{status}, 400, 'list: no number');
is($core->get("$base?%", @many)->{status}, 400, 'list: no query');


# detail

$r = $core->get("$base/id-a", @account);
is_deeply($r->{json}{data}, {
    compeCode => '987', branchCode => '0001', number => '01000001',
    checkDigit => '1', type => 'CONTA_DEPOSITO_A_VISTA',
    subtype => 'INDIVIDUAL', currency => 'BRL' }, 'detail: data');
is_deeply($r->{json}{links}, { self => "$Test::Oof::Core::ApiUrl$base/id-a" },
          'detail: links');
is($core->get("$base/j", @gate, [ 'X-OOF-Resource' => 'account=40000013' ])
        ->{json}{data}{subtype}, 'CONJUNTA_SIMPLES', 'detail: a joint account');

$r = $core->get("$base/id-a/balances", @account);
is_deeply($r->{json}{data}{$_->[0]},
          { amount => $_->[1], currency => 'BRL' }, "balances: $_->[0]")
    for [ availableAmount => '100000000.00' ], [ blockedAmount => '0.00' ],
        [ automaticallyInvestedAmount => '0.00' ];
like($r->{json}{data}{updateDateTime}, $instant, 'balances: updateDateTime');

$r = $core->get("$base/id-a/overdraft-limits", @account);
is_deeply([ sort keys %{ $r->{json}{data} } ],
          [ qw/ overdraftContractedLimit overdraftUsedLimit
                unarrangedOverdraftAmount / ], 'overdraft-limits: data');


# transactions

my $paid = $core->post('/payments', payment(amount => '123.45'));
$core->comes_to($paid, 'ACSC');
$core->post('/payments', payment(
    amount => '9.99', schedule => { single => { date => day_after(10) } }));

sub transactions {
    my ($query, $path) = @_;

    $r = $core->get("$base/id-a/" . ($path // 'transactions') . $query,
                    @account);
    return @{ $r->{json}{data} || [] };
}

my $from = '?fromBookingDate=' . day_after(-20);
my @all = transactions("$from&toBookingDate=" . day_after(20)
                       . '&page-size=1000');

cmp_ok(scalar @all, '>=', 22, 'transactions: there are some');
is_deeply([ sort keys %{ $r->{json}{meta} } ], [ 'requestDateTime' ],
          'transactions: no totals');

my %form = (
    transactionId => qr/^[a-zA-Z0-9][a-zA-Z0-9-]{0,99}$/,
    completedAuthorisedPaymentType =>
        qr/^(?:TRANSACAO_EFETIVADA|LANCAMENTO_FUTURO)$/,
    creditDebitType => qr/^(?:CREDITO|DEBITO)$/,
    transactionName => qr/^.{1,200}$/,
    type => qr/^(?:CARTAO|PIX|BOLETO|TED|TARIFA_SERVICOS_AVULSOS
               |FOLHA_PAGAMENTO)$/x,
    transactionDateTime => qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
);

for my $name (sort keys %form) {
    is_deeply([ grep { $_->{$name} !~ $form{$name} } @all ], [],
              "transactions: $name");
}
is_deeply([ grep { $_->{transactionAmount}{amount} !~ /^\d{1,15}\.\d\d$/ }
                 @all ], [], 'transactions: amount');

my %seen;
is_deeply([ grep { $seen{$_->{transactionId}}++ } @all ], [],
          'transactions: ids are unique');
is_deeply([ map { $_->{transactionDateTime} } @all ],
          [ reverse sort map { $_->{transactionDateTime} } @all ],
          'transactions: the newest comes first');

is(scalar(grep { $_->{transactionAmount}{amount} eq '123.45'
                 && $_->{transactionName} eq 'Pix enviado' } @all), 1,
   'transactions: the payment that was made');
is($all[0]{completedAuthorisedPaymentType}, 'LANCAMENTO_FUTURO',
   'transactions: what is scheduled is to come');
is($all[0]{transactionAmount}{amount}, '9.99', 'transactions: its amount');

is_deeply([ transactions("$from&toBookingDate=" . day_after(20)
                         . '&page-size=1000') ], \@all,
          'transactions: the same when asked again');
is(scalar(grep { $_->{creditDebitType} ne 'CREDITO' }
               transactions("$from&toBookingDate=" . day_after(0)
                            . '&creditDebitIndicator=CREDITO')), 0,
   'transactions: credits only');

my $days = join ' ', map { substr $_->{transactionDateTime}, 0, 10 }
                         transactions('?fromBookingDate=' . day_after(-3)
                                      . '&toBookingDate=' . day_after(-3));
like($days, qr/^(?:@{[ day_after(-3) ]} ?)+$/, 'transactions: of one day');
cmp_ok(scalar(transactions('')), '>=', 1, 'transactions: of today');
is(scalar(transactions("?fromBookingDate=" . day_after(-3) . '&toBookingDate='
                       . day_after(-3), 'transactions-current')),
   scalar(split / /, $days), 'transactions-current: the same');

transactions('?fromBookingDate=' . day_after(1) . '&toBookingDate='
             . day_after(0));
is($r->{status}, 422, 'transactions: from after to');
transactions('?fromBookingDate=2026-02-30');
is($r->{status}, 400, 'transactions: no day');

@all = transactions('?fromBookingDate=1900-01-01&toBookingDate=2999-12-31');
is(scalar @all, 25, 'transactions: a page of a year');
is_deeply([ sort keys %{ $r->{json}{links} } ], [ 'next', 'self' ],
          'transactions: no link to a last page');
like($r->{headers}{'content-type'}, qr{^application/json}, 'transactions');

$core->faults({ mode => 'error' });
is($core->get("$base/id-a", @account)->{status}, 500, 'a fault hits this too');

unlike($core->log_text, qr/Traceback/, 'nothing went wrong inside');

done_testing();
