#!/usr/bin/perl

# Copyright (C) oof authors

# Payments by QR codes, from the consent to the payment: static and dynamic
# ones, their keys, values and TxIds, charges in payloadJWS, withdrawal and
# change (spec 2.4, 2.5, 2.8, 2.13, 2.14; spec 7, 36).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::QrCode;
use Test::Oof::Settle;

my ($o, $core) = settlement(core => [ '--step', 20 ]);
my $cpf = $Test::Oof::Settle::Cpf;
my $pix = 'cliente-a00001@pix.bcb.gov.br';
my $plain = static_code(key => $pix);
my $ten = static_code(key => $pix, amount => '10.00');
my $named = static_code(key => $pix, amount => '10.00', txid => 'aBc123');
my $url = dynamic_code('pix.example.com/qr/v2/0123456789');
my $due_url = dynamic_code('pix.example.com/qr/v2/cobv/0123456789');
my $soon = { criacao => '2026-01-01T00:00:00Z', dataDeVencimento => day_of(5),
             validadeAposVencimento => 10 };


# --- consents: [ what, v5, v4, terms ], where a version's is a code of 422, the
# reason of a rejection at the authorisation, or what the consent becomes

sub consent {
    my ($version, %with) = @_;

    my $jws = delete $with{'-payloadJWS'};

    if ($version == 5) {
        $with{'-payloadJWS'} = $jws if defined $jws;

    } else {
        $with{purpose} = undef;
    }

    my $r = pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $cpf,
                                         rel => 'CPF' } },
        amount => '10.00', %with), version => $version);

    return $r->{json}{errors}[0]{code} if $r->{status} == 422;

    my $uuid = consent_uuid($r);

    journey($o, POST => $uuid, json => { data => {
        decision => 'AUTHORISE', customer => { cpf => $cpf },
        debtorAccount => $Test::Oof::Settle::Account } });

    my $d = pay($o, GET => "/consents/urn:bank:$uuid", version => $version)
                ->{json}{data};

    return $d->{rejectionReason}{code} // $d->{status};
}

my @dynamic = ('-localInstrument' => 'QRDN', '-qrCode' => $url);

for my $case (
    [ 'static', 'AUTHORISED', 'AUTHORISED', '-localInstrument' => 'QRES',
      '-qrCode' => $plain ],
    [ 'static, a value', 'AUTHORISED', 'AUTHORISED',
      '-localInstrument' => 'QRES', '-qrCode' => $ten ],
    [ 'static, another value', 'VALOR_INVALIDO', 'VALOR_INVALIDO',
      '-localInstrument' => 'QRES', '-qrCode' => $ten, amount => '10.01' ],
    [ 'static, another key', 'QRCODE_INVALIDO', 'QRCODE_INVALIDO',
      '-localInstrument' => 'QRES', '-qrCode' => $ten,
      '-proxy' => '+5561990010001' ],
    [ 'static, a wrong CRC', 'QRCODE_INVALIDO', 'QRCODE_INVALIDO',
      '-localInstrument' => 'QRES', '-qrCode' => $ten =~ s/.$/_/r ],
    [ 'a static one as dynamic', 'QRCODE_INVALIDO', 'QRCODE_INVALIDO',
      '-localInstrument' => 'QRDN', '-qrCode' => $ten,
      '-payloadJWS' => charge() ],
    [ 'a dynamic one as static', 'QRCODE_INVALIDO', 'QRCODE_INVALIDO',
      '-localInstrument' => 'QRES', '-qrCode' => $url ],
    [ 'no code', ('PARAMETRO_NAO_INFORMADO') x 2,
      '-localInstrument' => 'QRES' ],
    [ 'automatic, static', 'AUTHORISED', 'PARAMETRO_INVALIDO',
      '-localInstrument' => 'APES', '-qrCode' => $ten ],
    [ 'dynamic', 'AUTHORISED', 'AUTHORISED', @dynamic,
      '-payloadJWS' => charge() ],
    [ 'dynamic without its charge', 'PARAMETRO_NAO_INFORMADO', 'AUTHORISED',
      @dynamic ],
    [ 'a charge that is none', 'PARAMETRO_INVALIDO', 'AUTHORISED', @dynamic,
      '-payloadJWS' => 'x' ],
    [ 'a charge that says nothing', 'QRCODE_INVALIDO', 'AUTHORISED', @dynamic,
      '-payloadJWS' => 'x.e30.x' ],
    [ 'a charge of another key', 'QRCODE_INVALIDO', 'AUTHORISED', @dynamic,
      '-payloadJWS' => charge(chave => 'x@y.z') ],
    [ 'a charge of another value', 'VALOR_INVALIDO', 'AUTHORISED', @dynamic,
      '-payloadJWS' => charge(valor => { original => '9.99' }) ],
    [ 'a charge whose value may be altered', 'AUTHORISED', 'AUTHORISED',
      @dynamic, '-payloadJWS' => charge(valor => {
          original => '9.99', modalidadeAlteracao => 1 }) ],
    [ 'a charge of DICT', 'DETALHE_PAGAMENTO_INVALIDO', 'AUTHORISED',
      '-payloadJWS' => charge() ],
    [ 'due', 'AUTHORISED', 'AUTHORISED', '-localInstrument' => 'QRDN',
      '-qrCode' => $due_url, ibgeTownCode => '5300108',
      '-payloadJWS' => charge(calendario => $soon) ],
    [ 'due, without a town', 'PARAMETRO_NAO_INFORMADO', 'AUTHORISED',
      '-localInstrument' => 'QRDN', '-qrCode' => $due_url,
      '-payloadJWS' => charge(calendario => $soon) ],
    [ 'due, reckoned up', 'AUTHORISED', 'AUTHORISED',
      '-localInstrument' => 'QRDN', '-qrCode' => $due_url,
      ibgeTownCode => '5300108', '-payloadJWS' => charge(
          calendario => $soon, valor => { original => '11.00',
              abatimento => '1.00', desconto => '2.00', juros => '1.50',
              multa => '0.50' }) ],
    [ 'a withdrawal', 'AUTHORISED', 'AUTHORISED', @dynamic,
      purpose => 'WITHDRAW', '-payloadJWS' => charge(valor => {
          original => '0.00', retirada => { saque => {
              valor => '10.00' } } }) ],
    [ 'more than is handed out', 'VALOR_INVALIDO', 'AUTHORISED', @dynamic,
      purpose => 'WITHDRAW', '-payloadJWS' => charge(valor => {
          original => '0.00', retirada => { saque => {
              valor => '9.00', modalidadeAlteracao => 1 } } }) ],
    [ 'a withdrawal that is none', 'PROPOSITO_INVALIDO', 'AUTHORISED',
      @dynamic, purpose => 'WITHDRAW', '-payloadJWS' => charge() ],
    [ 'a withdrawal tomorrow', ('DATA_PAGAMENTO_INVALIDA') x 2, @dynamic,
      purpose => 'WITHDRAW', date => day_of(1), '-payloadJWS' => charge(
          valor => { original => '0.00', retirada => { saque => {
              valor => '10.00' } } }) ],
    [ 'change', 'AUTHORISED', 'AUTHORISED', @dynamic, purpose => 'CHANGE',
      '-payloadJWS' => charge(valor => { original => '7.00',
          retirada => { troco => { valor => '3.00' } } }) ],
    [ 'change that is none', 'PROPOSITO_INVALIDO', 'AUTHORISED', @dynamic,
      '-payloadJWS' => charge(valor => { original => '7.00',
          retirada => { troco => { valor => '3.00' } } }) ])
{
    my ($name, $five, $four, %with) = @$case;

    is(consent(5, %with), $five, "spec 2.5: v5: $name");
    is(consent(4, %with), $four, "spec 2.5: v4: $name");
}


# --- payments: [ what, what becomes of it, terms, changes of the item ]

sub payment {
    my ($terms, %item) = @_;

    my $c = authorised($o, amount => '10.00', %$terms);
    my $r = pay_consent($o, $c, items => [ pay_item($c, %item) ]);

    is(payment_row($c->{uuid})->{status}, 'CONSUMED', 'used up');

    return "422 $r->{json}{errors}[0]{code}" if $r->{status} == 422;

    my $d = $r->{json}{data}[0];

    return join ' ', $r->{status}, $d->{status} =~ /RJCT/ ? 'RJCT' : 'paid',
                     grep { defined } $d->{rejectionReason}{code};
}

my %static = ('-localInstrument' => 'QRES', '-qrCode' => $named);
my %charged = (@dynamic, '-payloadJWS' => charge());

for my $case (
    [ 'its TxId', '201 paid', \%static, transactionIdentification => 'aBc123' ],
    [ 'another TxId', '201 RJCT DETALHE_PAGAMENTO_INVALIDO', \%static,
      transactionIdentification => 'abc123' ],
    [ 'no TxId', '201 RJCT DETALHE_PAGAMENTO_INVALIDO', \%static ],
    [ 'a TxId of none', '201 RJCT DETALHE_PAGAMENTO_INVALIDO',
      { %static, '-qrCode' => $ten }, transactionIdentification => 'x' ],
    [ '***', '201 paid', { %static, '-qrCode' => $ten } ],
    [ 'no code', '422 DETALHE_PAGAMENTO_INVALIDO', \%static, qrCode => undef ],
    [ 'no key', '422 DETALHE_PAGAMENTO_INVALIDO', \%static, proxy => undef ],
    [ 'another code', '201 RJCT PAGAMENTO_DIVERGENTE_CONSENTIMENTO', \%static,
      qrCode => $ten, transactionIdentification => 'aBc123' ],
    [ 'none of the charge', '422 DETALHE_PAGAMENTO_INVALIDO', \%charged ],
    [ 'a short one', '422 DETALHE_PAGAMENTO_INVALIDO', \%charged,
      transactionIdentification => 'x' x 25 ],
    [ 'another one', '201 RJCT DETALHE_PAGAMENTO_INVALIDO', \%charged,
      transactionIdentification => 'x' x 26 ],
    [ 'automatic, a short one', '422 DETALHE_PAGAMENTO_INVALIDO',
      { %charged, '-localInstrument' => 'APDN' },
      transactionIdentification => 'x' x 25 ],
    [ 'dynamic for automatic', '422 PAGAMENTO_DIVERGENTE_CONSENTIMENTO',
      { %charged, '-localInstrument' => 'APDN' },
      localInstrument => 'QRDN', transactionIdentification => $Txid ],
    [ 'a charge that is paid', '422 COBRANCA_INVALIDA', { %charged,
      '-payloadJWS' => charge(status => 'CONCLUIDA') },
      transactionIdentification => $Txid ],
    [ 'a charge that has expired', '422 COBRANCA_INVALIDA', { %charged,
      '-payloadJWS' => charge(calendario => {
          criacao => '2026-01-01T00:00:00Z', expiracao => 60 }) },
      transactionIdentification => $Txid ],
    [ 'a charge that is overdue', '422 COBRANCA_INVALIDA', { %charged,
      ibgeTownCode => '5300108', '-payloadJWS' => charge(calendario => {
          dataDeVencimento => day_of(-30), validadeAposVencimento => 2 }) },
      transactionIdentification => $Txid ],
    [ 'a value that may not be altered', '422 VALOR_INVALIDO', { %charged,
      '-payloadJWS' => charge(valor => { original => '9.00' }) },
      transactionIdentification => $Txid ],
    [ 'a code that is none', '422 QRCODE_INVALIDO', { %static,
      '-qrCode' => 'x' } ],
    [ 'the charge\'s TxId', '201 paid', \%charged,
      transactionIdentification => $Txid ],
    [ 'the same charge again', '422 DETALHE_PAGAMENTO_INVALIDO', \%charged,
      transactionIdentification => $Txid ],
    [ 'the same charge, v4, whose core knows', '201 paid', { @dynamic,
      version => 4 }, transactionIdentification => $Txid ],
    [ 'another charge', '201 paid', { %charged,
      '-payloadJWS' => charge(txid => 'x' x 30) },
      transactionIdentification => 'x' x 30 ],
    [ 'a charge of somebody else with that TxId', '201 paid', { %charged,
      '-proxy' => '+5561990010001',
      '-payloadJWS' => charge(chave => '+5561990010001') },
      transactionIdentification => $Txid ])
{
    my ($name, $want, $terms, %item) = @$case;

    is(payment($terms, %item), $want, "spec 2.8: $name");
}


# --- a charge is paid once: the same code in another consent

is(consent(5, %charged), 'QRCODE_INVALIDO', 'spec 2.5: a code that was used');
is(consent(5, %charged, '-payloadJWS' => charge(txid => 'y' x 30)),
   'AUTHORISED', 'spec 2.5: another code');
is(consent(4, @dynamic), 'AUTHORISED', 'spec 2.5: v4 has no charge to know');

psql("UPDATE oof_payment SET status = 'RJCT' WHERE consent_id IN (SELECT"
     . ' consent_id FROM oof_payment_consent WHERE charge IS NOT NULL)');
is(consent(5, %charged), 'AUTHORISED',
   'spec 2.5: a code whose payment was rejected may be used again');

done_testing();
