#!/usr/bin/perl

# Copyright (C) oof authors

# The sandbox's core: every amount that provokes an outcome, and the shape of
# each answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Core;

my $api = 'payment-integration POST';
my $core = Test::Oof::Core->start(options => [ '--step', 30 ]);
my $rich = '10000011';


# --- the customer's approval

my %at_consent = (
    '999999999.99' => 'SALDO_INSUFICIENTE',
    '300.01' => 'CONTA_NAO_PERMITE_PAGAMENTO',
    '300.02' => 'CONTAS_ORIGEM_DESTINO_IGUAIS',
    '300.03' => 'VALOR_INVALIDO',
    '300.04' => 'QRCODE_INVALIDO',
    '300.05' => 'VALOR_ACIMA_LIMITE',
    '300.06' => 'FALHA_INFRAESTRUTURA',
    '300.07' => 'NAO_INFORMADO',
);

for my $amount (sort keys %at_consent) {
    my $r = $core->post('/payment-validation',
                        validation(amount => $amount));
    is($r->{status}, 422, "approval of $amount: status");
    is(join(' ', map { $_->{code} } @{ $r->{json}{errors} }),
       $at_consent{$amount}, "approval of $amount: code");
    schema_ok("$api /payment-validation", $r, "approval of $amount: shape");
}

for my $amount ('300.00', '300.08', '1333.00', '12345.00', '20201.01',
                '20422.00', '999999.98')
{
    my $r = $core->post('/payment-validation',
                        validation(amount => $amount));
    is($r->{status}, 200, "approval of $amount: fine");
    is_deeply($r->{json}, {}, "approval of $amount: empty");
    schema_ok("$api /payment-validation", $r, "approval of $amount: shape");
}


# --- refused at once

my @refused = qw/ SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE COBRANCA_INVALIDA
                  PAGAMENTO_RECUSADO_DETENTORA /;

for my $n (0 .. $#refused) {
    my $amount = "20422.0$n";
    my $r = $core->post('/payments', payment(amount => $amount));

    is($r->{status}, 422, "payment of $amount: refused");
    is(join(' ', map { $_->{code} } @{ $r->{json}{errors} }), $refused[$n],
       "payment of $amount: code");
    schema_ok("$api /payments", $r, "payment of $amount: shape");

    $r = $core->post('/payment-validation', validation(
        amount => $amount, stage => 'POST_PAYMENT'));
    is($r->{json}{errors}[0]{code}, $refused[$n],
       "validation of $amount at the payment: code");
}


# --- accepted; all at once, to wait once

my @rejected = qw/
    SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE VALOR_INVALIDO COBRANCA_INVALIDA
    NAO_INFORMADO DETALHE_PAGAMENTO_INVALIDO PAGAMENTO_RECUSADO_DETENTORA
    PAGAMENTO_RECUSADO_SPI FALHA_INFRAESTRUTURA_SPI FALHA_INFRAESTRUTURA_DICT
    FALHA_INFRAESTRUTURA_PSP_RECEBEDOR FALHA_INFRAESTRUTURA_DETENTORA /;

# amount => [ first status, the last one, debited, code ]

my %accepted = (
    '10.00' => [ 'RCVD', 'ACSC', 1 ],
    '1333.00' => [ 'RCVD', 'ACSC', 1 ],
    '1333.99' => [ 'RCVD', 'ACSC', 1 ],
    '1334.01' => [ 'RCVD', 'ACSC', 1 ],
    '999999.98' => [ 'RCVD', 'ACSC', 1 ],
    '1334.00' => [ 'RCVD', 'ACPD', 1 ],
    '1335.00' => [ 'RCVD', 'ACCP', 1 ],
    '12345.00' => [ 'PDNG', 'PDNG', 0 ],
    '12345.67' => [ 'PDNG', 'PDNG', 0 ],
    map { sprintf('20201.%02d', $_ + 1) => [ 'RCVD', 'RJCT', 0,
                                             $rejected[$_] ] }
        0 .. $#rejected,
);

my %answers;

for my $amount (sort keys %accepted) {
    my $body = payment(amount => $amount);
    my $r = $answers{$amount} = $core->post('/payments', $body);
    my $data = $r->{json}{data};

    is($r->{status}, 201, "payment of $amount: accepted");
    is($data->{status}, $accepted{$amount}[0], "payment of $amount: status");
    schema_ok("$api /payments", $r, "payment of $amount: shape");

    is($data->{creationDateTime}, $data->{statusUpdateDateTime},
       "payment of $amount: both times");
    is_deeply($data->{$_}, $body->{requestBody}{data}{$_},
              "payment of $amount: $_")
        for qw/ endToEndId localInstrument payment creditorAccount
                cnpjInitiator remittanceInformation /;
    is_deeply($data->{debtorAccount}, account($rich),
              "payment of $amount: debtorAccount");
}

for my $amount (sort keys %accepted) {
    my (undef, $last, $debited, $code) = @{ $accepted{$amount} };
    my $data = $core->comes_to($answers{$amount}, $last);

    is($data->{rejectionReason}{code}, $code, "payment of $amount: reason")
        if defined $code;
    ok(!exists $data->{rejectionReason}, "payment of $amount: no reason")
        if !defined $code;
    is(scalar $core->debits($data->{endToEndId}), $debited,
       "payment of $amount: debits");
}

# what stays, stays

select undef, undef, undef, 0.3;
is($core->status($answers{$_}), $accepted{$_}[1], "payment of $_: stays")
    for '1334.00', '1335.00', '12345.00';

for my $amount (qw/ 10.00 20201.03 12345.00 /) {
    my $r = $core->post('/find', find($answers{$amount}));
    is($r->{status}, 200, "look-up of $amount");
    schema_ok("$api /find", $r, "look-up of $amount: shape");
}


# --- held: released by somebody, or by its time

is($core->control(release => { paymentId => legacy_id($answers{'12345.00'}) })
        ->{released}, JSON::PP::true(), 'held: released');
$core->comes_to($answers{'12345.00'}, 'ACSC');
is(scalar $core->debits($answers{'12345.00'}{json}{data}{endToEndId}), 1,
   'held: debited when it was released');
is($core->control(release => { paymentId => legacy_id($answers{'12345.00'}) })
        ->{released}, JSON::PP::false(), 'held: not twice');


# --- the balance

my $r = $core->post('/payments', payment(
    cpf => '52998224725', debtor => '20000015', amount => '25000.01'));
is($r->{status}, 422, 'more than the balance: refused');
is($r->{json}{errors}[0]{code}, 'SALDO_INSUFICIENTE',
   'more than the balance: code');

$r = $core->post('/payment-validation', validation(
    cpf => '52998224725', debtor => '20000015', amount => '25000.01'));
is($r->{json}{errors}[0]{code}, 'SALDO_INSUFICIENTE',
   'more than the balance: at the approval');

$r = $core->post('/payment-validation', validation(
    cpf => '52998224725', debtor => '20000015', amount => '25000.01',
    schedule => { single => { date => day_after(3) } }));
is($r->{status}, 200, 'more than the balance: later is another day');

$r = $core->post('/payments', payment(
    cpf => '52998224725', debtor => '20000015', amount => '25000.00'));
is($r->{status}, 201, 'all of the balance: accepted');
is($core->balance('20000015'), '0.00', 'all of the balance: gone');

my ($sum, $ledger) = (0, $core->ledger);
$sum += $_->{amount} * 100
    for grep { $_->{account} eq $rich } @{ $ledger->{debits} };
is($ledger->{balances}{$rich} * 100 + $sum, 10_000_000_000,
   'balance and debits are what there was');
like($ledger->{debits}[0]{at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
     'the ledger says when');


# 12345.67 goes on by itself 20 seconds after it was held

$core->comes_to($answers{'12345.67'}, 'ACSC', 25);
is(scalar $core->debits($answers{'12345.67'}{json}{data}{endToEndId}), 1,
   'held for 20 s: debited then');

done_testing();
