#!/usr/bin/perl

# Copyright (C) oof authors

# Every code of the 422 answers of the payments APIs is reached, in both
# versions: the lists are the enumerations of the interface's texts (t/schema),
# what was reached is what the answers said (spec 2.4 to 2.8, 2.11, 2.14; spec
# 7, 32, 33).

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my $offered = 'oof_payment_instruments MANU DICT QRES QRDN APES APDN;';
my $approval = 'oof_payment_approval on;';
my ($o, $core) = settlement(core => [ '--step', 20 ],
                            core_conf => 'breaker off;',
                            four => "$offered $approval",
                            five => "$offered $approval");

my $Conflict = 'Conteúdo da mensagem (claim data) diverge do conteúdo associado'
    . ' a esta chave de idempotência (x-idempotency-key).';
my $version;


sub asked {
    my (%with) = @_;

    $with{purpose} = undef if $version == 4;

    return pay($o, POST => '/consents', payment_consent(%with),
               version => $version);
}

sub good { authorised($o, version => $version, @_) }


# a consent that the core refuses with a code, or a payment

sub told {
    my ($path, $code, $call) = @_;

    $core->faults({ mode => 'refuse', code => $code, path => $path });
    my $r = $call->();
    $core->faults;

    return $r;
}


# --- POST /consents

my $day = sub { { single => { date => day_of($_[0]) },
                  $version == 5 ? (additionalInformation => 'x') : () } };

my %consents = (
    FORMA_PAGAMENTO_INVALIDA => [ 'Forma de pagamento inválida.',
        'Forma de pagamento localInstrument INIC não suportada.',
        sub { asked('-localInstrument' => 'INIC') } ],
    DATA_PAGAMENTO_INVALIDA => [ 'Data de pagamento inválida.',
        'Data de pagamento inválida para a forma de pagamento selecionada.',
        sub { asked(date => undef, schedule => $day->(0),
                    purpose => 'SINGLE_SCHEDULED') } ],
    DETALHE_PAGAMENTO_INVALIDO => [ 'Detalhe do pagamento inválido.',
        'Parâmetro payment.details.qrCode não obedece às regras de negócio.',
        sub { asked('-qrCode' => 'x') } ],
    PARAMETRO_NAO_INFORMADO => [ 'Parâmetro não informado.',
        'Parâmetro creditor obrigatório não informado.',
        sub { asked('+creditor' => undef) } ],
    PARAMETRO_INVALIDO => [ 'Parâmetro inválido.',
        'Parâmetro payment.amount não obedece as regras de formatação'
        . ' esperadas.',
        sub { asked(amount => '1') } ],
    ERRO_IDEMPOTENCIA => [ 'Erro idempotência.', $Conflict,
        sub {
            my $key = new_uuid();
            my @how = (version => $version, idempotency => $key);
            my @v4 = $version == 4 ? (purpose => undef) : ();

            pay($o, POST => '/consents', payment_consent(@v4), @how);
            return pay($o, POST => '/consents',
                       payment_consent(@v4, amount => '1.00'), @how);
        } ],
    NAO_INFORMADO => [ 'Não informado.',
        'Não reportado/identificado pela instituição detentora de conta.',
        sub { told('/consent-approval', 'NAO_INFORMADO', \&asked) } ],
    PROPOSITO_INVALIDO => [
        ('O propósito informado é incompatível com os dados presentes na'
         . ' transação.') x 2,
        sub { asked(purpose => 'SINGLE_SCHEDULED') } ],
);


# --- POST /pix/payments

my @core = map { my $code = $_;
                 $code => sub { told('/payments', $code,
                                     sub { pay_consent($o, good()) }) } }
    qw/ SALDO_INSUFICIENTE VALOR_ACIMA_LIMITE VALOR_INVALIDO COBRANCA_INVALIDA
        NAO_INFORMADO PAGAMENTO_RECUSADO_DETENTORA PAGAMENTO_RECUSADO_SPI
        CONTA_NAO_PERMITE_PAGAMENTO QRCODE_INVALIDO /;

sub state_is {
    my ($status) = @_;

    my $c = good();
    psql("UPDATE oof_payment_consent SET status = '$status' WHERE consent_id ="
         . " '$c->{uuid}'");

    return pay_consent($o, $c);
}

sub item {
    my (%with) = @_;

    my $c = good();

    return pay_consent($o, $c, items => [ pay_item($c, %with) ]);
}

my %texts = (
    SALDO_INSUFICIENTE => [ 'Saldo insuficiente.', 'A conta selecionada não'
        . ' possui saldo suficiente para realizar o pagamento.' ],
    VALOR_ACIMA_LIMITE => [ 'Acima do limite estabelecido.' ],
    VALOR_INVALIDO => [ 'Valor inválido.',
        'O valor enviado não é válido para o QR Code informado.' ],
    COBRANCA_INVALIDA => [ 'Cobrança inválida.', 'Validação de expiração,'
        . ' validação de vencimento ou Status Válido.' ],
    CONSENTIMENTO_INVALIDO =>
        [ ('Consentimento inválido (em status final).') x 2 ],
    PARAMETRO_NAO_INFORMADO =>
        [ 'Parâmetro obrigatório não informado.', 'endToEndId' ],
    PARAMETRO_INVALIDO => [ 'Parâmetro com valor inválido.', 'endToEndId' ],
    NAO_INFORMADO => [ 'Não informado.',
        'Não reportado/identificado pela instituição detentora de conta.' ],
    PAGAMENTO_DIVERGENTE_CONSENTIMENTO =>
        [ 'Divergência entre pagamento e consentimento.',
          'Dados do pagamento divergentes dos dados do consentimento.' ],
    DETALHE_PAGAMENTO_INVALIDO => [ 'Detalhe do pagamento inválido.',
        'Parâmetro qrCode não obedece às regras de negócio.' ],
    PAGAMENTO_RECUSADO_DETENTORA =>
        [ 'Pagamento recusado pela detentora de conta.' ],
    PAGAMENTO_RECUSADO_SPI => [
        'Pagamento recusado no Sistema de Pagamentos Instantâneos (SPI).' ],
    ERRO_IDEMPOTENCIA => [ 'Erro idempotência.', $Conflict ],
    CONSENTIMENTO_PENDENTE_AUTORIZACAO =>
        [ ('Consentimento pendente autorização de múltiplas alçadas (status'
           . ' “PARTIALLY_ACCEPTED”).') x 2 ],
    CONTA_NAO_PERMITE_PAGAMENTO => [ ('A conta selecionada é do tipo outros e'
        . ' não permite realizar esse pagamento.') x 2 ],
    QRCODE_INVALIDO => [ ('O QRCode utilizado para a iniciação de pagamento'
        . ' não é válido.') x 2 ],
);

my %payments = (
    @core,
    CONSENTIMENTO_INVALIDO => sub { state_is('REJECTED') },
    CONSENTIMENTO_PENDENTE_AUTORIZACAO =>
        sub { state_is('PARTIALLY_ACCEPTED') },
    PARAMETRO_NAO_INFORMADO => sub { item(endToEndId => undef) },
    PARAMETRO_INVALIDO => sub { item(endToEndId => 'E1') },
    PAGAMENTO_DIVERGENTE_CONSENTIMENTO =>
        sub { item(localInstrument => 'MANU', proxy => undef) },
    DETALHE_PAGAMENTO_INVALIDO => sub { item(qrCode => 'x') },
    ERRO_IDEMPOTENCIA => sub {
        my $c = good();
        my $key = new_uuid();

        pay_consent($o, $c, idempotency => $key);
        return pay_consent($o, $c, idempotency => $key);
    },
);


# --- the PATCHes

sub cancel {
    my ($path, %args) = @_;

    return pay($o, PATCH => $path, { data => {
        status => 'CANC', cancellation => { cancelledBy => { document => {
            identification => $args{cpf} // $Test::Oof::Settle::Cpf,
            rel => 'CPF' } } } } }, version => $version, %args);
}

sub all_of {
    my ($c) = @_;

    return $version == 5 ? "/consents/$c->{urn}/pix/payments"
                         : "/pix/payments/consents/$c->{urn}";
}

sub scheduled {
    my $c = good(date => undef, schedule => $day->(2),
                 purpose => 'SINGLE_SCHEDULED');
    my $r = pay_consent($o, $c, items => [ pay_item($c,
        endToEndId => end_to_end(day_of(2) =~ s/-//gr . '1500')) ]);

    is($r->{json}{data}[0]{status}, 'SCHD', "v$version: scheduled")
        or diag($r->{text} // $r->{body});

    return ($c, payment_ids($r));
}

my @Refused = ('PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
               ('Pagamento não permite cancelamento') x 2);


# --- all of them, in both

for (5, 4) {
    $version = $_;

    for my $code (sort keys %consents) {
        my ($title, $detail, $how) = @{ $consents{$code} };

        next if $version == 4 && $code eq 'PROPOSITO_INVALIDO';

        said($how->(), $code, $title, $detail, "POST /consents");
    }

    for my $code (sort keys %payments) {
        next if $version == 4
                && $code =~ /^(?:CONTA_NAO_PERMITE|QRCODE_INVALIDO)/;

        said($payments{$code}->(), $code, @{ $texts{$code} }[0, 1],
             'POST /pix/payments');
    }

    my ($c, $id) = scheduled();

    for my $path ("/pix/payments/$id", all_of($c)) {
        my $name = 'PATCH ' . $path =~ s/[^\/]{30,}/{id}/r;
        my $key = new_uuid();

        said(cancel($path, cpf => '1' x 11, idempotency => $key), @Refused,
             $name);

        # v4 has one code for whatever it may be

        my $r = cancel($path, cpf => '2' x 11, idempotency => $key);

        said($r, $version == 5 ? ('ERRO_IDEMPOTENCIA', ($Conflict) x 2)
                               : @Refused, "$name, the key again");
    }

    is_deeply([ unreached($version, 'errors.code') ], [],
              "v$version: every code was said");
}

done_testing();


sub said {
    my ($r, $code, $title, $detail, $name) = @_;

    my @error = map { utf8::encode(my $s = $_); $s }
        $code, $title, $detail // $r->{json}{errors}[0]{detail} // '';

    is_signed_error($r, \@error, "spec 2.14: v$version $name, $code");
}
