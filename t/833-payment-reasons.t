#!/usr/bin/perl

# Copyright (C) oof authors

# Every state, every reason of a rejection and of a cancellation that the
# interface's texts list (t/schema) is told by an answer of each operation that
# lists it, in both versions; what can never be told is named here (spec 2.4,
# 2.8, 2.9, 2.11 to 2.13; spec 7, 35).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::QrCode;
use Test::Oof::Settle;

my ($o, $core) = settlement(
    core => [ '--step', 20 ], core_conf => 'timeout 1s; breaker off;',
    four => 'oof_payment_wait 0;', five => 'oof_payment_wait 0;');

$o->allow(qr/core "main" failed at/);

my $version;
my $key_of_pix = 'cliente-a00001@pix.bcb.gov.br';


# --- consents: what the customer, the core and the time decide

sub decide {
    my ($uuid, %data) = @_;

    return journey($o, POST => $uuid, json => { data => {
        decision => 'AUTHORISE', debtorAccount => $Test::Oof::Settle::Account,
        customer => { cpf => $Test::Oof::Settle::Cpf }, %data } });
}

# made, something done to it, read, and asked for again by its key

sub consent {
    my ($does, %with) = @_;

    my $body = payment_consent(
        '+loggedUser' => { document => { rel => 'CPF',
            identification => $Test::Oof::Settle::Cpf } },
        purpose => 'IMMEDIATE', %with);
    my @how = (version => $version, idempotency => new_uuid());

    delete $body->{data}{payment}{purpose} if $version == 4;

    my $r = pay($o, POST => '/consents', $body, @how);
    my $uuid = consent_uuid($r);
    is($r->{status}, 201, "v$version: a consent") or diag($r->{text});

    $does->($uuid);
    $r = pay($o, GET => "/consents/urn:bank:$uuid", version => $version);
    pay($o, POST => '/consents', $body, @how);

    return $r->{json}{data};
}

sub due {
    my ($uuid) = @_;

    psql("UPDATE oof_payment_consent SET expiration = now() - interval '1 s'"
         . " WHERE consent_id = '$uuid'");
}

my %by_core = ('300.01' => 'CONTA_NAO_PERMITE_PAGAMENTO',
               '300.02' => 'CONTAS_ORIGEM_DESTINO_IGUAIS',
               '300.03' => 'VALOR_INVALIDO', '300.04' => 'QRCODE_INVALIDO',
               '300.05' => 'VALOR_ACIMA_LIMITE',
               '300.06' => 'FALHA_INFRAESTRUTURA',
               '300.07' => 'NAO_INFORMADO',
               '999999999.99' => 'SALDO_INSUFICIENTE');

sub consents {
    for my $amount (sort keys %by_core) {
        my $data = consent(\&decide, amount => $amount);
        is("$data->{status} $data->{rejectionReason}{code}",
           "REJECTED $by_core{$amount}", "spec 2.12: v$version $amount");
    }

    my %others = (
        REJEITADO_USUARIO => [ sub { decide($_[0], decision => 'REJECT') } ],
        TEMPO_EXPIRADO_AUTORIZACAO => [ \&due ],
        TEMPO_EXPIRADO_CONSUMO => [ sub { decide($_[0]); due($_[0]) } ],
        $version == 4 ? () : (
            AUTENTICACAO_DIVERGENTE => [
                sub { decide($_[0], customer => { cpf => '11144477735' }) } ],
            PERMISSAO_INSUFICIENTE => [
                sub { decide($_[0], decision => 'PARTIAL') },
                purpose => 'WITHDRAW', amount => '10.00',
                '-localInstrument' => 'QRES',
                '-qrCode' => static_code(key => $key_of_pix,
                                         agent => '12345678') ]),
    );

    for my $code (sort keys %others) {
        my $data = consent(@{ $others{$code} });
        is("$data->{status} " . ($data->{rejectionReason}{code} // ''),
           "REJECTED $code", "spec 2.12: v$version $code");
    }

    is(consent(sub { decide($_[0], decision => 'PARTIAL') })->{status},
       'PARTIALLY_ACCEPTED', "spec 2.9: v$version one of several");
    is(consent(sub { decide($_[0]) })->{status}, 'AUTHORISED',
       "spec 2.9: v$version authorised");
    is(consent(sub { })->{status}, 'AWAITING_AUTHORISATION',
       "spec 2.9: v$version waits");
    is(consent(sub {
        my ($uuid) = @_;

        decide($uuid);
        pay_consent($o, { urn => "urn:bank:$uuid", version => $version,
                          body => payment_consent() });
    })->{status}, 'CONSUMED', "spec 2.9: v$version used");
}


# --- payments: the core, which says nothing itself, tells of each

sub told {
    my ($item, $status, $code) = @_;

    my $r = notify($o, undef, {
        legacyId => [ { key => 'endToEndId', value => $item->{endToEndId} } ],
        paymentStatus => $status,
        paymentStatusUpdateDateTime => text_of(time),
        defined $code ? (rejectionReason => { code => $code,
                                              detail => 'x' }) : () });

    is($r->{status}, 204, "v$version: told, " . ($code // $status));
}


# made, something done to it, read in every way, and asked for by its key

sub payment {
    my ($does, %with) = @_;

    my $c = authorised($o, version => $version, %with);
    my $item = pay_item($c, $with{schedule}
        ? (endToEndId => end_to_end(day_of(2) =~ s/-//gr . '1500')) : ());
    my @how = (items => [ $item ], idempotency => new_uuid());
    my $r = pay_consent($o, $c, @how);
    my ($id) = payment_ids($r);

    is($r->{json}{data}[0]{status}, 'RCVD', "v$version: received")
        or diag($r->{text} // $r->{body});

    $does->($item, $id);
    pay_consent($o, $c, @how);
    pay($o, GET => "/consents/$c->{urn}/pix/payments") if $version == 5;

    return pay($o, GET => "/pix/payments/$id", version => $version)
               ->{json}{data};
}

sub cancel {
    my ($id) = @_;

    my $r = pay($o, PATCH => "/pix/payments/$id", { data => {
        status => 'CANC', cancellation => { cancelledBy => { document => {
            identification => $Test::Oof::Settle::Cpf, rel => 'CPF' } } } } },
        version => $version);

    is($r->{status}, 200, "v$version: cancelled") or diag($r->{text});

    return $r;
}

sub payments_of {
    my @reasons = map { /(\w+)$/ } grep { / GET \/pix\/payments\/\{/ }
                  unreached($version, 'data.rejectionReason.code');

    for my $code (@reasons) {
        my $data = payment(sub { told($_[0], 'RJCT', $code) });

        is("$data->{status} $data->{rejectionReason}{code}", "RJCT $code",
           "spec 2.13: v$version $code") if $code ne 'FALHA_INFRAESTRUTURA'
            && ($version == 4 || $code ne 'CONTAS_ORIGEM_DESTINO_IGUAIS');
    }

    for my $status (qw/ RCVD PDNG ACCP ACPD ACSC /) {
        my $data = payment(sub { told($_[0], $status) });
        is("$data->{status}@{[ %{ $data->{rejectionReason} || {} } ]}",
           $status, "spec 2.9: v$version $status");
        is($data->{cancellation}, undef, "v$version: $status, no cancellation");
    }

    # what is held is cancelled by the core, what is scheduled is ours

    $core->faults;
    my $data = payment(sub {
        my ($item, $id) = @_;

        wait_for(sub { status_of($o, $id) eq 'PDNG' }, 10, 'it is held');
        cancel($id);
    }, amount => '12345.00');
    is("$data->{status} $data->{cancellation}{reason}",
       'CANC CANCELADO_PENDENCIA', "spec 2.11: v$version held");

    my %plan = (date => undef, purpose => 'SINGLE_SCHEDULED', schedule => {
        single => { date => day_of(2) },
        $version == 5 ? (additionalInformation => 'x') : () });
    my $scheduled = sub {
        my (undef, $id) = @_;

        wait_for(sub { status_of($o, $id) eq 'SCHD' }, 10, 'scheduled');
    };

    $data = payment($scheduled, %plan);
    is($data->{status}, 'SCHD', "spec 2.9: v$version scheduled");
    $data = payment(sub { $scheduled->(@_); cancel($_[1]) }, %plan);
    is("$data->{status} $data->{cancellation}{reason}",
       'CANC CANCELADO_AGENDAMENTO', "spec 2.11: v$version scheduled");
}


# --- what is never told

my @never = (
    qr/ CANCELADO_MULTIPLAS_ALCADAS$/,      # consents wait for several, now
    qr/ \d+ data.rejectionReason.code FALHA_INFRAESTRUTURA$/,
    qr/^v5 \S+ \S*pix.* CONTAS_ORIGEM_DESTINO_IGUAIS$/,     # no longer in use

    # of what is cancelled
    qr/^v\d PATCH .* data.rejectionReason/,
    qr/^v\d PATCH .* data.status (?!CANC)/,

    # these are of GET alone
    qr/^v\d POST .* data.cancellation/,
);

for (5, 4) {
    $version = $_;

    consents();
    $core->faults({ mode => 'error' });
    payments_of();

    for my $place (qw/ data.status data.rejectionReason.code
                       data.cancellation.reason /)
    {
        my @left = grep { my $what = $_;
                          $what =~ /pix/ ? !grep { $what =~ $_ } @never : 1 }
                   unreached($version, $place);

        is_deeply(\@left, [], "v$version: every $place was told");
    }
}

done_testing();
