#!/usr/bin/perl

# Copyright (C) oof authors

# Owners and accounts: v5 holds nothing between accounts of one owner (spec
# 2.9); accounts are the same by their agency too, and of all reasons against a
# consent, ours, the core's and the channel's, the first of the funnel is told
# (spec 2.12); whoever has agreed may cancel (spec 2.11); consents of one version
# read by the other, and what the core is told of v5 (spec 2.4, 2.6).

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::QrCode;
use Test::Oof::Settle;

my ($Carla, $Davi, $Bruno) = qw/ 39053344705 86413425750 52998224725 /;
my $mine = $Test::Oof::Settle::Account;
my $joint = { %$mine, number => '40000013' };
my $Firm = '11222333000181';
my $pix = 'cliente-a00001@pix.bcb.gov.br';

my ($o, $core) = settlement(
    core => [ '--step', 20 ],
    core_conf => 'timeout 1s; breaker off;');

$o->allow(qr/holds a payment of consent .* between accounts of one owner/);

sub of {
    my ($cpf, %with) = @_;

    return ('+loggedUser' => { document => { identification => $cpf,
                                             rel => 'CPF' } }, %with);
}

sub new_one {
    my (%with) = @_;

    my $version = delete $with{version} // 5;
    $with{purpose} = undef if $version == 4;

    my $body = payment_consent(of($Test::Oof::Settle::Cpf), %with);
    my $r = pay($o, POST => '/consents', $body, version => $version);
    my $uuid = consent_uuid($r) or diag($r->{text} // $r->{body});

    return { uuid => $uuid, urn => "urn:bank:$uuid", body => $body,
             version => $version };
}

sub decide {
    my ($c, %data) = @_;

    my $r = journey($o, POST => $c->{uuid}, json => { data => {
        decision => 'AUTHORISE', debtorAccount => $mine,
        customer => { cpf => $Test::Oof::Settle::Cpf }, %data } });

    return join ' ', $r->{status}, $r->{json}{data}{status} // '',
                     $r->{json}{data}{rejectionReason}{code} // ();
}


# --- one owner: nothing is held

my %creditor = (
    person => { personType => 'PESSOA_NATURAL', name => 'Ana',
                cpfCnpj => $Test::Oof::Settle::Cpf },
    company => { personType => 'PESSOA_JURIDICA', name => 'Ana SA',
                 cpfCnpj => $Firm },
);
my @company = ('+businessEntity' => { document => {
    identification => $Firm, rel => 'CNPJ' } });

for my $case (
    # what, version, of whom, for whom: where it stands
    [ 'v5: to herself', 5, [], 'person', 'RCVD' ],
    [ 'v5: of a company to itself', 5, \@company, 'company', 'RCVD' ],
    [ 'v5: of a company to its agent', 5, \@company, 'person', 'PDNG' ],
    [ 'v5: of a person to a company', 5, [], 'company', 'PDNG' ],
    [ 'v4: to herself', 4, [], 'person', 'PDNG' ])
{
    my ($name, $version, $who, $whom, $state) = @$case;

    my $c = authorised($o, @$who, '+creditor' => $creditor{$whom},
                       version => $version, amount => '12345.00');
    my $r = pay_consent($o, $c);

    is($r->{status}, 201, "spec 2.9: $name: made") or diag($r->{text});
    is(status_of($o, $r), $state, "spec 2.9: $name: $state");
    is(join(' ', history_of(payment_ids($r))) =~ /PDNG/ ? 'PDNG' : 'RCVD',
       $state, "spec 2.9: $name: history");
}


# --- accounts: the agency counts, and not where one has none

for my $case ([ {}, 'REJECTED CONTAS_ORIGEM_DESTINO_IGUAIS', 'the same' ],
              [ { issuer => '0002' }, 'AUTHORISED', 'of another agency' ],
              [ { number => '10000012' }, 'AUTHORISED', 'another' ],
              [ { accountType => 'SVGS' }, 'AUTHORISED', 'another kind' ])
{
    my ($other, $end, $name) = @$case;
    my $c = new_one('-creditorAccount' => { %$mine, %$other });

    is(decide($c), "200 $end", "spec 2.12: account: $name");
}


# --- of all reasons the first: ours is of the QR code, the core's another

for my $case ([ '300.01', 'CONTA_NAO_PERMITE_PAGAMENTO' ],
              [ '300.02', 'CONTAS_ORIGEM_DESTINO_IGUAIS' ],
              [ '300.05', 'VALOR_INVALIDO' ],
              [ '300.00', 'VALOR_INVALIDO' ])
{
    my ($amount, $code) = @$case;
    my $c = new_one(amount => $amount, '-localInstrument' => 'QRES',
                    '-proxy' => $pix,
                    '-qrCode' => static_code(key => $pix, amount => '7.00'));

    is(decide($c), "200 REJECTED $code", "spec 2.12: $amount: $code first");
}

# the bank's channel tells of several, and of the step that they are of

for my $case (
    [ 'AUTHORISATION', 'SALDO_INSUFICIENTE', 'SALDO_INSUFICIENTE' ],
    [ undef, 'SALDO_INSUFICIENTE CONTA_NAO_PERMITE_PAGAMENTO NAO_INFORMADO',
      'CONTA_NAO_PERMITE_PAGAMENTO' ],
    [ 'STARTED', 'NAO_INFORMADO FALHA_INFRAESTRUTURA', 'FALHA_INFRAESTRUTURA' ],
    [ 'STARTED', 'SALDO_INSUFICIENTE' ],
    [ 'STARTED', 'REJEITADO_USUARIO' ],
    [ 'AUTHENTICATED', 'FALHA_INFRAESTRUTURA REJEITADO_USUARIO',
      'REJEITADO_USUARIO' ],
    [ 'AUTHENTICATED', 'QRCODE_INVALIDO' ],
    [ undef, 'COBRANCA_INVALIDA NAO_INFORMADO' ])
{
    my ($step, $codes, $code) = @$case;
    my $c = new_one();
    my @reasons = map { { code => $_, detail => "of $_" } } split ' ', $codes;
    my $r = journey($o, POST => $c->{uuid}, json => { data => {
        decision => 'REJECT', reasons => \@reasons,
        $step ? (step => $step) : () } });
    my $name = 'spec 2.12: ' . ($step // 'no step') . ": $codes";

    is(join(' ', $r->{status}, $r->{json}{data}{rejectionReason}{code} // ()),
       $code ? "200 $code" : '400', $name);
    is(pay($o, GET => "/consents/$c->{urn}")->{json}{data}{rejectionReason}
           {detail}, $code ? "of $code" : undef, "$name: its words");
}

my $both = { code => 'NAO_INFORMADO' };
is(journey($o, POST => new_one()->{uuid}, json => { data => {
       decision => 'REJECT', reason => $both, reasons => [ $both ] } })
       ->{status}, 400, 'one reason or several');

# without a word of the core what is known here is enough

my $c = new_one('-localInstrument' => 'QRES', amount => '8.00',
                '-proxy' => $pix,
                '-qrCode' => static_code(key => $pix, amount => '7.00'));
$core->stop;
$o->allow(qr/core "main" failed at/);
is(decide($c), '200 REJECTED VALOR_INVALIDO', 'the core is away: rejected');
is(decide(new_one()), '503 ', 'the core is away: it waits');
$core->restart;


# --- who has agreed may cancel

sub cancelled {
    my ($id, $cpf) = @_;

    return pay($o, PATCH => "/pix/payments/$id", { data => { status => 'CANC',
        cancellation => { cancelledBy => { document => {
            identification => $cpf, rel => 'CPF' } } } } });
}

sub planned {
    my ($days, %with) = @_;

    my @days = map { day_of(9 + $_) } 1 .. $days;
    my $c = authorised($o, of($Carla), date => undef,
        purpose => $days == 1 ? 'SINGLE_SCHEDULED' : 'RECURRENT_SCHEDULED',
        schedule => { $days == 1 ? (single => { date => $days[0] })
                                 : (custom => { dates => \@days }),
                      additionalInformation => 'x' }, %with);

    # as if Davi, and Carla, had agreed to it by the journey

    psql('INSERT INTO oof_payment_approver (consent_id, agreed, cpf_hmac,'
         . " personal) SELECT '$c->{uuid}', now(), cpf_hmac, '\\x00'"
         . " FROM oof_payment_consent WHERE consent_id = '$_'")
        for $c->{uuid}, consent_uuid(pay($o, POST => '/consents',
                                         payment_consent(of($Davi))));

    my $r = pay_consent($o, $c, items => [ map { pay_item($c, endToEndId =>
        end_to_end($_ =~ s/-//gr . '1500')) } @days ]);
    comes_to($o, $r, 'SCHD');

    return ($c, payment_ids($r));
}

my $id;
($c, $id) = planned(1);
is(cancelled($id, $Bruno)->{status}, 422,
   'spec 2.11: who has nothing to do with it does not cancel');
my $r = cancelled($id, $Davi);
is($r->{status}, 200, 'spec 2.11: who has agreed cancels') or diag($r->{text});
is($r->{json}{data}{cancellation}{cancelledBy}{document}{identification},
   $Davi, 'spec 2.11: who it was');

($c) = planned(2);
for my $case ([ $Bruno, 422 ], [ $Davi, 202 ]) {
    my ($cpf, $status) = @$case;

    is(pay($o, PATCH => "/consents/$c->{urn}/pix/payments", { data => {
           status => 'CANC', cancellation => { cancelledBy => { document => {
               identification => $cpf, rel => 'CPF' } } } } })->{status},
       $status, "spec 2.11: all of them: $status");
}


# --- a schedule of one version read by the other

my @days = map { day_of($_) } 3, 5;

my $five = new_one(date => undef, purpose => 'RECURRENT_SCHEDULED',
    schedule => { custom => { dates => \@days },
                  additionalInformation => 'the rent' });
my $told = pay($o, GET => "/consents/$five->{urn}", version => 4);

is_deeply($told->{json}{data}{payment}{schedule},
          { custom => { dates => \@days,
                        additionalInformation => 'the rent' } },
          'spec 2.6: of v5, read by v4');
schema_ok('payments-v4 GET /consents/{consentId}', $told, 'as v4 says');

my $four = new_one(version => 4, date => undef, schedule => {
    custom => { dates => \@days, additionalInformation => 'the rent' } });
$told = pay($o, GET => "/consents/$four->{urn}", version => 5);

is_deeply($told->{json}{data}{payment}{schedule},
          { custom => { dates => \@days },
            additionalInformation => 'the rent' },
          'spec 2.6: of v4, read by v5');
is($told->{json}{data}{payment}{purpose}, 'RECURRENT_SCHEDULED',
   'spec 2.4: of v4, its purpose in v5');
schema_ok('payments-v5 GET /consents/{consentId}', $told, 'as v5 says');

for my $case ([ IMMEDIATE => {} ],
              [ SINGLE_SCHEDULED => { date => undef, schedule => {
                    single => { date => day_of(4) } } } ])
{
    my ($purpose, $with) = @$case;

    $told = pay($o, GET => '/consents/' . new_one(version => 4, %$with)->{urn},
                version => 5);
    is($told->{json}{data}{payment}{purpose}, $purpose, "v4 by v5: $purpose");
    schema_ok('payments-v5 GET /consents/{consentId}', $told,
              "v4 by v5: $purpose: as v5 says");
}


# --- one that was rejected when there were no reasons yet

my $old = new_one();
psql("UPDATE oof_payment_consent SET status = 'REJECTED', reason_code = NULL"
     . " WHERE consent_id = '$old->{uuid}'");

for my $version (4, 5) {
    $told = pay($o, GET => "/consents/$old->{urn}", version => $version);
    is_deeply($told->{json}{data}{rejectionReason},
              { code => 'NAO_INFORMADO', detail => 'Motivo de rejeição'
                . ' inexistente em versões anteriores.' },
              "spec 2.12: v$version: without a reason");
}


# --- what the core is told of v5: the text of the integration layer takes the
# purpose and near field from it

my $near = new_one(amount => '7.00', '-localInstrument' => 'APES',
                   '-proxy' => $pix,
                   '-qrCode' => static_code(key => $pix, amount => '7.00'));

is(decide($near), '200 AUTHORISED', 'near the field: authorised');

my $asked = $core->last_call('/payment-validation');

is(join(' ', sort keys %$asked), 'requestBody requestMeta',
   'validation: members');
is($asked->{requestBody}{paymentType}, 'PAYMENT_CONSENT', 'validation: kind');
is($asked->{requestBody}{data}{payment}{purpose}, 'IMMEDIATE',
   'validation: purpose');
is($asked->{requestBody}{data}{payment}{details}{localInstrument}, 'APES',
   'validation: instrument');

comes_to($o, pay_consent($o, $near), 'ACSC');
$asked = $core->last_call('/payments');
is($asked->{requestMeta}{nfcHeader}, 'true', 'payment: near the field');
is($asked->{requestBody}{data}{localInstrument}, 'APES',
   'payment: instrument');
is($asked->{consent}{payment}{purpose}, 'IMMEDIATE', 'payment: purpose');
is($asked->{consent}{version}, 'V5', 'payment: version');

comes_to($o, pay_consent($o, authorised($o, amount => '8.00')), 'ACSC');
ok(!exists $core->last_call('/payments')->{requestMeta}{nfcHeader},
   'payment: not near the field');

$o->stop;
done_testing();
