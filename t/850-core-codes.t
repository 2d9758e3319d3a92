#!/usr/bin/perl

# Copyright (C) oof authors

# What the core says, in the regulation's words: the shipped table of codes,
# codes that a step has not, and cancellations that the core tells of (spec 2.9,
# 2.11 to 2.14).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my $table = "$FindBin::Bin/../conf/core-codes";


# --- the table has each code of the integration layer, and each once

sub codes_of {
    my ($node, $found) = @_;

    if (ref $node eq 'HASH') {
        my $enum = $node->{enum};

        $found->{$_} = 1
            for ref $enum eq 'ARRAY' && grep({ $_ eq 'NAO_INFORMADO' } @$enum)
                ? @$enum : ();
        codes_of($_, $found) for values %$node;

    } elsif (ref $node eq 'ARRAY') {
        codes_of($_, $found) for @$node;
    }

    return $found;
}

sub specified {
    my ($name) = @_;

    return codes_of(JSON::PP::decode_json(
        Test::Oof::slurp("$FindBin::Bin/schema/$name.json")), {});
}

my (%to, %seen);

for (split /\n/, Test::Oof::slurp($table)) {
    my ($code, $regulated) = /^(\w+)\s+(\w+)$/ or next;

    $to{$code} = $regulated;
    $seen{$code}++;
}

my $layer = specified('payment-integration');

cmp_ok(keys %$layer, '>', 20, 'codes of the integration layer');
is_deeply([ grep { !$to{$_} } sort keys %$layer ], [], 'none is left out');
is_deeply([ grep { $seen{$_} > 1 } sort keys %seen ], [], 'none is there twice');

my %regulated = (%{ specified('payments-v4') }, %{ specified('payments-v5') });

is_deeply([ grep { !$regulated{$_} } sort values %to ], [],
          'all are the regulation\'s');


# --- a configuration with it, and with a code that does not exist

my ($o, $core) = settlement(
    core => [ '--step', 20 ],
    core_conf => "timeout 1s; breaker off; codes $table;");

my $bad = "$Test::Oof::Dir/bad-codes";
Test::Oof::spew($bad, "SEM_SALDO SALDO_INSUFICIENCIA\n");

my $conf = Test::Oof::slurp("$o->{dir}/nginx.conf");
Test::Oof::spew("$o->{dir}/nginx.conf", $conf =~ s/\Q$table\E/$bad/r);
my ($fine, $said) = $o->test_config;
Test::Oof::spew("$o->{dir}/nginx.conf", $conf);

ok(!$fine, 'a code that does not exist');
like($said, qr/codes of core "main" name "SALDO_INSUFICIENCIA"/,
     'is told at start');


# --- a refusal that the customer's step has not is a refusal

sub decided {
    my ($code, %with) = @_;

    my $version = delete $with{version} // 5;

    $with{purpose} = undef if $version == 4;

    my $body = payment_consent(
        '+loggedUser' => { document => { rel => 'CPF',
            identification => $Test::Oof::Settle::Cpf } }, %with);
    my $r = pay($o, POST => '/consents', $body, version => $version);
    my $uuid = consent_uuid($r);

    $core->faults({ mode => 'refuse', path => '/payment-validation',
                    code => $code, times => 1 });
    $r = journey($o, POST => $uuid, json => { data => {
        decision => 'AUTHORISE', debtorAccount => $Test::Oof::Settle::Account,
        customer => { cpf => $Test::Oof::Settle::Cpf } } });
    $core->faults;

    return join ' ', $r->{status}, $r->{json}{data}{status} // '',
                     $r->{json}{data}{rejectionReason}{code} // '-';
}

is(decided($_), '200 REJECTED NAO_INFORMADO', "spec 2.12: the core says $_")
    for qw/ PAGAMENTO_DIVERGENTE_CONSENTIMENTO PARAMETRO_INVALIDO
            ERRO_IDEMPOTENCIA TEMPO_EXPIRADO_CONSUMO REJEITADO_USUARIO
            DETALHE_PAGAMENTO_INVALIDO PAGAMENTO_RECUSADO_SPI nada /;
is(decided('COBRANCA_INVALIDA'), '200 REJECTED QRCODE_INVALIDO',
   'spec 2.12: a charge is a QR code');
is(decided('LIMITE_PERIODO_VALOR_EXCEDIDO'), '200 REJECTED VALOR_ACIMA_LIMITE',
   'spec 2.12: by the table');
is(decided('PERMISSAO_INSUFICIENTE', version => 4),
   '200 REJECTED NAO_INFORMADO', 'spec 2.12: a reason of v5 in v4');


# --- the core tells of a cancellation

sub told {
    my ($id, $status) = @_;

    my ($row) = psql("SELECT core_id FROM oof_payment WHERE payment_id = '$id'");

    return notify($o, undef, {
        legacyId => JSON::PP::decode_json($row->[0]), paymentStatus => $status,
        paymentStatusUpdateDateTime => text_of(time) })->{status};
}

for my $version (4, 5) {
    my $c = authorised($o, amount => '12345.00', version => $version);
    my $r = pay_consent($o, $c);
    my ($id) = payment_ids($r);

    is(status_of($o, $id), 'PDNG', "v$version: held");
    is(told($id, 'CANC'), 204, "v$version: the core cancels it");

    my $got = pay($o, GET => "/pix/payments/$id", version => $version);
    my $cancelled = $got->{json}{data}{cancellation};

    is($got->{json}{data}{status}, 'CANC', "v$version: it is cancelled");
    is_deeply({ %$cancelled, cancelledAt => 'x' },
              { reason => 'CANCELADO_PENDENCIA', cancelledFrom => 'DETENTORA',
                cancelledAt => 'x', cancelledBy => { document => {
                    identification => $Test::Oof::Settle::Cpf,
                    rel => 'CPF' } } },
              "spec 2.11: v$version: why, where, by whom");
    is($cancelled->{cancelledAt}, $got->{json}{data}{statusUpdateDateTime},
       "spec 2.11: v$version: when");
    schema_ok("payments-v$version GET /pix/payments/{paymentId}", $got,
              "v$version: as specified");
    is(told($id, 'CANC'), 204, "v$version: told twice");
    is(history_of($id), 'RCVD PDNG CANC', "v$version: history");
}

# one that waits for its day

my $day = day_of(3);
my $c = authorised($o, amount => '17.00', date => undef,
    purpose => 'SINGLE_SCHEDULED', schedule => { single => { date => $day },
                                                 additionalInformation => 'x' });
my $item = pay_item($c, endToEndId => end_to_end($day =~ s/-//gr . '1500'));
my $r = pay_consent($o, $c, items => [ $item ]);

comes_to($o, $r, 'SCHD');
is(notify($o, undef, {
       legacyId => [ { key => 'endToEndId', value => $item->{endToEndId} } ],
       paymentStatus => 'CANC',
       paymentStatusUpdateDateTime => text_of(time) })->{status}, 204,
   'scheduled: the core cancels it');

my $got = comes_to($o, $r, 'CANC');

is(join(' ', $got->{json}{data}{status},
             @{ $got->{json}{data}{cancellation} }{qw/ reason cancelledFrom /}),
   'CANC CANCELADO_AGENDAMENTO DETENTORA', 'scheduled: why and where');
is(intent_of(payment_ids($r)), 'void', 'scheduled: its day does not come');


# --- the flow of the authorisation, as the initiator says, is told to the core

my $file = Test::Oof::slurp("$FindBin::Bin/schema/payment-integration.json");

like($file, qr/"authorisationFlow"/, 'the integration layer has it');

for my $flow (qw/ HYBRID_FLOW CIBA_FLOW FIDO_FLOW /) {
    my $c = authorised($o, amount => '18.00');
    my $item = pay_item($c, authorisationFlow => $flow,
                        $flow eq 'FIDO_FLOW' ? (consentId => $c->{urn}) : ());
    my $r = pay_consent($o, $c, items => [ $item ]);

    is("$r->{status} " . ($r->{json}{data}[0]{authorisationFlow} // '-'),
       "201 $flow", "$flow: told to the initiator");
    comes_to($o, $r, 'ACSC');
}

my $fido = authorised($o, amount => '18.00');

$r = pay_consent($o, $fido, items => [ pay_item($fido,
                                       authorisationFlow => 'FIDO_FLOW') ]);
is("$r->{status} " . errors_of($r), '422 PARAMETRO_NAO_INFORMADO',
   'FIDO_FLOW: without the consent');

done_testing();
