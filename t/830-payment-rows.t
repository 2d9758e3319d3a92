#!/usr/bin/perl

# Copyright (C) oof authors

# The payments' part of the regulation's digest row by row: each section from
# 2.1 to 2.14 and each of the rows 29 to 43 of section 7 has an assertion that
# begins with its number.  Other files go deeper; t/006 looks for the numbers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::QrCode;
use Test::Oof::Settle;

my ($o, $core) = settlement(
    core => [ '--step', 20 ], workers => 2,
    core_conf => 'timeout 1500ms; breaker off;');

my $cpf = $Test::Oof::Settle::Cpf;
my $pix = 'cliente-a00001@pix.bcb.gov.br';
my $uuid4 = qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
               -[0-9a-f]{12}$/x;
my ($r, $c, $id, @every);

$o->allow(qr/core "main" failed at/);


# --- short hands

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub detail { $_[0]{json}{errors}[0]{detail} // '' }

# every answer that this file gets is kept, for the rows on all answers

sub ask {
    my ($method, $path, @rest) = @_;

    my $r = pay($o, $method, $path, @rest);
    push @every, { %$r, asked => "$method $path" };

    return $r;
}

sub consent {
    my (%with) = @_;

    my $version = delete $with{version} // 5;
    my $args = delete $with{args} || [];

    $with{purpose} = undef if $version == 4;

    return ask(POST => '/consents', payment_consent(
        '+loggedUser' => user($cpf), %with), version => $version, @$args);
}

sub user { { document => { identification => $_[0], rel => 'CPF' } } }

sub shown { ask(GET => "/consents/urn:bank:$_[0]", version => $_[1] // 5) }

sub paid {
    my ($c, %args) = @_;

    my $items = delete $args{items} // [ pay_item($c) ];

    return ask(POST => '/pix/payments', { data => $items },
               version => $c->{version}, token => token_of($c), %args);
}

sub cancel_body {
    my (%with) = @_;

    return { data => { status => 'CANC', cancellation => { cancelledBy => {
        document => { identification => $cpf, rel => 'CPF', %with } } } } };
}

sub cancel {
    my ($id, %args) = @_;

    return ask(PATCH => "/pix/payments/$id", $args{body_of} // cancel_body(),
               %args);
}

sub all_of { $_[0]{version} == 5 ? "/consents/$_[0]{urn}/pix/payments"
                                 : "/pix/payments/consents/$_[0]{urn}" }

sub cancel_all {
    my ($c, %args) = @_;

    return ask(PATCH => all_of($c), cancel_body(), version => $c->{version},
               %args);
}

sub terms {
    my ($version, %schedule) = @_;

    $schedule{additionalInformation} = 'x' if $version == 5;

    return (date => undef, schedule => \%schedule, purpose =>
            $schedule{single} ? 'SINGLE_SCHEDULED' : 'RECURRENT_SCHEDULED');
}

# a scheduled consent for some days from now on, and its items

sub planned {
    my ($version, @days) = @_;

    my $c = authorised($o, version => $version, amount => '3.00',
        terms($version, @days == 1
            ? (single => { date => day_of($days[0]) })
            : (custom => { dates => [ map { day_of($_) } @days ],
                           additionalInformation => 'x' })));

    return ($c, [ map { pay_item($c, endToEndId => fixed(day_of($_))) }
                      @days ]);
}

sub fixed { end_to_end($_[0] =~ s/-//gr . '1500') }

sub status_is { payment_row($_[0]{uuid})->{status} }

sub decide {
    my ($uuid, %data) = @_;

    my $full = { decision => 'AUTHORISE', customer => { cpf => $cpf },
                 debtorAccount => $Test::Oof::Settle::Account, %data };
    delete $full->{$_} for grep { !defined $full->{$_} } keys %$full;

    return journey($o, POST => $uuid, json => { data => $full });
}

sub rejected {
    my ($uuid, $version) = @_;

    my $d = shown($uuid, $version)->{json}{data};

    return join ' ', $d->{status}, grep { defined } $d->{rejectionReason}{code};
}


# --- 2.1: the endpoints

my $seen = consent();
my $urn = $seen->{json}{data}{consentId};
my ($one, $items) = planned(5, 2);

$r = paid($one, items => $items);
my ($pid) = payment_ids($r);
my ($four, $items4) = planned(4, 2);
my ($pid4) = payment_ids(paid($four, items => $items4));

for my $case (
    [ 5, 201, POST => '/consents', payment_consent() ],
    [ 5, 200, GET => "/consents/$urn" ],
    [ 5, 200, GET => "/pix/payments/$pid" ],
    [ 5, 200, GET => "/consents/$one->{urn}/pix/payments" ],
    [ 4, 201, POST => '/consents', payment_consent(purpose => undef) ],
    [ 4, 200, GET => "/pix/payments/$pid4" ])
{
    my ($version, $status, @how) = @$case;

    is(ask(@how, version => $version)->{status}, $status,
       "spec 2.1: v$version $how[0] $how[1], $status");

    my $own = "openid consent:$urn payments";

    is(said(ask(@how, version => $version, scope => $own)), '401 UNAUTHORIZED',
       "spec 2.1: v$version $how[0] $how[1], a customer's token");
    is(said(ask(@how, version => $version, scope => 'consents')),
       '403 FORBIDDEN', "spec 2.1: v$version $how[0] $how[1], no scope");
}

for my $case (
    [ 4, 404, PATCH => "/consents/$four->{urn}/pix/payments", cancel_body() ],
    [ 4, 404, GET => "/consents/$four->{urn}/pix/payments" ],
    [ 5, 404, PATCH => "/pix/payments/consents/$one->{urn}", cancel_body() ],
    [ 5, 405, PATCH => "/consents/$urn", cancel_body() ],
    [ 5, 405, DELETE => "/consents/$urn", {} ],
    [ 5, 405, PUT => "/consents/$urn", {} ],
    [ 5, 405, DELETE => "/pix/payments/$pid", {} ],
    [ 5, 405, GET => '/pix/payments' ],
    [ 5, 405, GET => '/consents' ],
    [ 5, 404, GET => '/pix' ],
    [ 5, 404, GET => '/' ])
{
    my ($version, $status, @how) = @$case;

    is(ask(@how, version => $version)->{status}, $status,
       "spec 2.1: v$version $how[0] $how[1], $status");
}

is(said(ask(PATCH => $_, cancel_body(),
            scope => "openid consent:$one->{urn} payments")),
   '401 UNAUTHORIZED', "spec 2.1: PATCH $_, a customer's token")
    for "/pix/payments/$pid", all_of($one);
is(said(ask(POST => '/pix/payments', { data => [ $items->[0] ] })),
   '401 UNAUTHORIZED', "spec 2.1: POST /pix/payments, a client's token");
is(said(paid($one, token => Test::Oof::token(
       scope => "openid consent:$one->{urn}"))), '403 FORBIDDEN',
   'spec 2.1: POST /pix/payments, no scope');
is(cancel($pid4, version => 4, idempotency => undef)->{status}, 200,
   'spec 2.1: v4 PATCH of one needs no key');
is(cancel($pid, idempotency => undef)->{status}, 400,
   'spec 2.1: v5 PATCH of one does');


# --- 2.2: the envelope, and the order of what is looked at

my $url = "$Test::Oof::BaseUrl$Pay5";
my $org = $Test::Oof::Clients{one}{organisation_id};

is_deeply($seen->{jose}, { alg => 'PS256', typ => 'JWT', kid => 'bank-1' },
          'spec 2.2: JOSE header of an answer');
is(join(' ', sort keys %{ $seen->{json} }), 'aud data iat iss jti links meta',
   'spec 2.2: claims of an answer: neither exp nor nbf');
is("$seen->{json}{iss} $seen->{json}{aud}", "$Test::Oof::Organisation $org",
   'spec 2.2: iss and aud of an answer');
like($seen->{json}{jti}, $uuid4, 'spec 2.2: jti of an answer');
is($seen->{headers}{'content-type'}, 'application/jwt',
   'spec 2.2: media type of an answer');

# each of these is wrong in all that follows it, too

my @order = (
    [ 'certificate', '401 INVALID_CLIENT', cert => undef ],
    [ 'token', '401 UNAUTHORIZED', token => 'x' ],
    [ 'scope', '403 FORBIDDEN', scope => 'accounts' ],
    [ 'interaction id', '400 BAD_REQUEST',
      headers => { 'x-fapi-interaction-id' => 'x' } ],
    [ 'Accept', '406 NOT_ACCEPTABLE', headers => { Accept => 'text/html' } ],
    [ 'media type', '415 UNSUPPORTED_MEDIA_TYPE',
      headers => { 'Content-Type' => 'application/json' } ],
    [ 'signature', '400 BAD_SIGNATURE', key => 'two' ],
    [ 'claims', '403 INVALID_CLIENT', claims => { iss => 'x' } ],
    [ 'key', '422 ERRO_IDEMPOTENCIA' ],
);

my $key = new_uuid();
my $bad = payment_consent(amount => 'x', date => day_of(-1));

is(said(consent(args => [ idempotency => $key ])), '201', 'a key');

for my $i (0 .. $#order) {
    my %args = (idempotency => $key);

    for my $j (reverse $i .. $#order) {
        my ($name, $want, %more) = @{ $order[$j] };
        my %headers = (%{ $args{headers} || {} },
                       %{ delete $more{headers} || {} });

        %args = (%args, %more, headers => \%headers);
    }

    # what comes before is in order

    delete $args{token} if $order[$i][0] eq 'scope';

    my $r = ask(POST => '/consents', $bad, %args);

    is(said($r), $order[$i][1], "spec 2.2: order: $order[$i][0]");
    is($r->{headers}{'content-type'}, $r->{status} == 422 ? 'application/jwt'
       : 'application/json; charset=utf-8',
       "spec 2.2: $order[$i][0]: signed or not");
}

is(said(ask(POST => '/consents', $bad)), '422 PARAMETRO_INVALIDO',
   'spec 2.2: order: syntax, then what it means');

for my $case ([ 'aud in a list', aud => [ 'x', "$url/consents" ] ],
              [ 'no exp', exp => undef ], [ 'exp', exp => time + 60 ])
{
    my ($name, @claims) = @$case;

    is(consent(args => [ claims => { @claims } ])->{status}, 201,
       "spec 2.2: $name");
}

for my $name (qw/ aud iss jti iat /) {
    is(said(consent(args => [ claims => { $name => undef } ])),
       '403 INVALID_CLIENT', "spec 2.2: no $name");
}


# --- 2.3: keys

my $first = consent(args => [ idempotency => $key = new_uuid() ]);
my $again = consent(args => [ idempotency => $key ]);

is_deeply($again->{json}{data}, $first->{json}{data},
          'spec 2.3: the same again');
isnt($again->{json}{jti}, $first->{json}{jti},
     'spec 2.3: a message of its own');
is(said(consent(amount => '1.00', args => [ idempotency => $key ])),
   '422 ERRO_IDEMPOTENCIA', 'spec 2.3: other data');
is_deeply(shown(consent_uuid($first))->{json}{data}, $first->{json}{data},
          'spec 2.3: nothing has changed');

# what is no outcome is no outcome of the key, and does not use the consent

$c = authorised($o, amount => '4.00');
my @item = (items => [ pay_item($c) ]);
$key = new_uuid();

for my $case ([ 400, key => 'two' ], [ 403, claims => { iss => 'x' } ],
              [ 401, token => 'x' ],
              [ 415, headers => { 'Content-Type' => 'text/plain' } ],
              [ 406, headers => { Accept => 'text/html' } ],
              [ 400, headers => { 'x-fapi-interaction-id' => undef } ])
{
    my ($status, @args) = @$case;

    is(paid($c, @item, idempotency => $key, @args)->{status}, $status,
       "spec 2.8: $status");
    is(status_is($c), 'AUTHORISED', "spec 2.8: $status: not used");
}

is(paid($c, @item, idempotency => $key)->{status}, 201,
   'spec 2.3: no outcome, no answer kept');


# --- 2.4: POST /consents

$r = consent('+businessEntity' => { document => { rel => 'CNPJ',
                 identification => '12ABC34501DE35' } },
             '+debtorAccount' => $Test::Oof::Settle::Account);
my $d = $r->{json}{data};
is(join(' ', sort keys %$d), 'businessEntity consentId creationDateTime'
   . ' creditor debtorAccount expirationDateTime loggedUser payment status'
   . ' statusUpdateDateTime', 'spec 2.4: members');
is($d->{status}, 'AWAITING_AUTHORISATION', 'spec 2.4: it waits');
is_deeply($d->{loggedUser}, user($cpf), 'spec 2.4: for whom it is');

for my $case (
    [ 'data.loggedUser', '+loggedUser' => undef ],
    [ 'creditor.cpfCnpj', '+creditor' => { personType => 'PESSOA_NATURAL',
                                           name => 'x' } ],
    [ 'payment.purpose', purpose => undef ],
    [ 'payment.type', type => undef ],
    [ 'payment.details.creditorAccount', '-creditorAccount' => undef ],
    [ 'payment.details.creditorAccount.issuer', '-creditorAccount' => {
        ispb => '12345678', number => '1', accountType => 'CACC' } ],
    [ 'payment.details.qrCode', '-localInstrument' => 'QRES' ],
    [ 'payment.details.payloadJWS', '-localInstrument' => 'QRDN',
      '-qrCode' => dynamic_code('pix.example.com/qr/v2/1') ])
{
    my ($name, @with) = @$case;

    $r = consent(@with);
    is(said($r), '422 PARAMETRO_NAO_INFORMADO', "spec 2.4: no $name");
    like(detail($r), qr/ \Q@{[ $name =~ s{^data.}{}r ]}\E /,
         "spec 2.4: no $name, named");
}

for my $case (
    [ 'amount', amount => '1.5' ], [ 'amount', amount => '0.00' ],
    [ 'amount', amount => '-1.00' ], [ 'amount', amount => '9' x 17 . '.00' ],
    [ 'currency', currency => 'USD' ], [ 'type', type => 'TED' ],
    [ 'ibgeTownCode', ibgeTownCode => '530010' ],
    [ 'localInstrument', '-localInstrument' => 'TED' ],
    [ 'accountType', '-creditorAccount' => { ispb => '12345678',
        issuer => '1', number => '1', accountType => 'SLRY' } ],
    [ 'name', '+creditor' => { personType => 'PESSOA_NATURAL',
        cpfCnpj => $cpf, name => 'x' x 151 } ],
    [ 'proxy', '-proxy' => 'x' x 78 ])
{
    my ($name, @with) = @$case;

    is(said(consent(@with)), '422 PARAMETRO_INVALIDO',
       "spec 2.4: a bad $name, $with[-1]");
}


# --- 2.5: instruments

my $static = static_code(key => $pix);
my $value = static_code(key => $pix, amount => '10.00');

for my $case (
    [ 'MANU with a key', 'DETALHE_PAGAMENTO_INVALIDO',
      '-localInstrument' => 'MANU' ],
    [ 'DICT with a code', 'DETALHE_PAGAMENTO_INVALIDO', '-qrCode' => $static ],
    [ 'DICT without a key', 'PARAMETRO_NAO_INFORMADO', '-proxy' => undef ],
    [ 'INIC that recurs', 'DATA_PAGAMENTO_INVALIDA',
      '-localInstrument' => 'INIC',
      terms(5, daily => { startDate => day_of(1), quantity => 2 }) ],
    [ 'withdrawal by a key', 'PROPOSITO_INVALIDO', purpose => 'WITHDRAW' ],
    [ 'COBV without a town', 'PARAMETRO_NAO_INFORMADO',
      '-localInstrument' => 'QRDN',
      '-qrCode' => dynamic_code('pix.example.com/qr/v2/cobv/1'),
      '-payloadJWS' => charge(calendario => {
          criacao => '2026-01-01T00:00:00Z',
          dataDeVencimento => day_of(5) }) ])
{
    my ($name, $code, @with) = @$case;

    is(said(consent(@with)), "422 $code", "spec 2.5: $name");
}

for my $case ([ 'VALOR_INVALIDO', 'another value', '-qrCode' => $value ],
              [ 'QRCODE_INVALIDO', 'another key', '-qrCode' => $static,
                '-proxy' => 'x@y.z' ],
              [ 'QRCODE_INVALIDO', 'no code', '-qrCode' => 'x' ])
{
    my ($code, $name, @with) = @$case;

    $r = consent('-localInstrument' => 'QRES', @with);
    is($r->{status}, 201, "spec 2.5: $name: made") or diag($r->{text});
    decide(consent_uuid($r));
    is(rejected(consent_uuid($r)), "REJECTED $code",
       "spec 2.5: $name: rejected");
}


# --- 2.6: schedules (t/unit/payment_schedule has their days)

for my $case (
    [ 'DATA_PAGAMENTO_INVALIDA', 'tomorrow, at once', date => day_of(1) ],
    [ 'DATA_PAGAMENTO_INVALIDA', 'yesterday', date => day_of(-1) ],
    [ 'DATA_PAGAMENTO_INVALIDA', 'both', date => day_of(0), schedule => {
        single => { date => day_of(1) }, additionalInformation => 'x' } ],
    [ 'PARAMETRO_NAO_INFORMADO', 'neither', date => undef ],
    [ 'DATA_PAGAMENTO_INVALIDA', 'from today on',
      terms(5, daily => { startDate => day_of(0), quantity => 2 }) ],
    [ 'DATA_PAGAMENTO_INVALIDA', 'beyond two years',
      terms(5, single => { date => day_of(740) }) ],
    [ 'PARAMETRO_INVALIDO', 'sixty-one',
      terms(5, daily => { startDate => day_of(1), quantity => 61 }) ],
    [ 'PARAMETRO_INVALIDO', 'one of a custom one',
      terms(5, custom => { dates => [ day_of(1) ] }) ],
    [ 'PARAMETRO_INVALIDO', 'a day twice',
      terms(5, custom => { dates => [ (day_of(1)) x 2 ] }) ],
    [ 'PARAMETRO_NAO_INFORMADO', 'no additionalInformation', date => undef,
      purpose => 'SINGLE_SCHEDULED',
      schedule => { single => { date => day_of(1) } } ],
    [ 'PROPOSITO_INVALIDO', 'another purpose',
      terms(5, single => { date => day_of(1) }), purpose => 'IMMEDIATE' ])
{
    my ($code, $name, @with) = @$case;

    $r = consent(@with);
    is(said($r), "422 $code", "spec 2.6: $name");
    is(detail($r), 'Quantidade permitida de pagamentos excedida',
       "spec 2.6: $name: in words") if $name eq 'sixty-one';
}


# --- 2.7: endToEndId

for my $case (
    [ 'PARAMETRO_NAO_INFORMADO', 'none', undef ],
    [ 'PARAMETRO_INVALIDO', 'short', 'E1122233320261124' ],
    [ 'PARAMETRO_INVALIDO', 'of a month that is none',
      'E1122233320261324120000000000001' ],
    [ 'PARAMETRO_INVALIDO', 'of another day',
      end_to_end(day_of(-2) =~ s/-//gr . '1200') ])
{
    my ($code, $name, $value) = @$case;

    $c = authorised($o, amount => '5.00');
    $r = paid($c, items => [ pay_item($c, endToEndId => $value) ]);
    is(said($r), "422 $code", "spec 2.7: $name");
    is(detail($r), 'endToEndId', "spec 2.7: $name: named");
    is(status_is($c), 'CONSUMED', "spec 2.7: $name: used up");
}

($c, $items) = planned(5, 2);
$items->[0]{endToEndId} =~ s/^(E.{8}.{8})1500/${1}1200/;
is(said(paid($c, items => $items)), '422 PARAMETRO_INVALIDO',
   'spec 2.7: a scheduled one of noon');

($c, $items) = planned(5, 2);
$items->[0]{endToEndId} = 'E1122233320240231150000000000001';
$r = paid($c, items => $items);
is(said($r), '422 PARAMETRO_INVALIDO', 'spec 2.7: the 31st of February');
is(detail($r), "Data de liquida\xe7\xe3o inv\xe1lida",
   'spec 2.7: the 31st of February: in words');

($c, $items) = planned(5, 3);
$items->[0]{endToEndId} = fixed(day_of(2));
is(said(paid($c, items => $items)), '422 PAGAMENTO_DIVERGENTE_CONSENTIMENTO',
   'spec 2.7: of a day that is none of the consent\'s');
is(status_is($c), 'CONSUMED', 'spec 2.7: and the consent is used up');


# --- 2.8: what differs at once, and what is told later

for my $case (
    [ 422, 'localInstrument', localInstrument => 'MANU', proxy => undef ],
    [ 422, 'proxy', proxy => 'x@y.z' ],
    [ 422, 'creditorAccount', creditorAccount => { ispb => '12345678',
        issuer => '1774', number => '1', accountType => 'CACC' } ],
    [ 422, 'consentId', consentId => 'urn:bank:x' ],
    [ 201, 'amount', payment => { amount => '6.01', currency => 'BRL' } ],
    [ 201, 'currency', payment => { amount => '6.00', currency => 'USD' } ])
{
    my ($status, $name, @with) = @$case;

    $c = authorised($o, amount => '6.00');
    $r = paid($c, items => [ pay_item($c, @with) ]);
    is($r->{status}, $status, "spec 2.8: another $name");
    is($status == 422 ? $r->{json}{errors}[0]{code}
                      : $r->{json}{data}[0]{rejectionReason}{code},
       'PAGAMENTO_DIVERGENTE_CONSENTIMENTO', "spec 2.8: another $name: code");
    is(status_is($c), 'CONSUMED', "spec 2.8: another $name: used up");
}

($c, $items) = planned(5, 2, 3);
is(said(paid($c, items => [ $items->[0] ])),
   '422 PAGAMENTO_DIVERGENTE_CONSENTIMENTO', 'spec 2.8: one too few');
($c, $items) = planned(5, 2, 3);
is(said(paid($c, items => [ @$items, pay_item($c) ])),
   '422 PAGAMENTO_DIVERGENTE_CONSENTIMENTO', 'spec 2.8: one too many');
($c, $items) = planned(5, 2, 3);
$items->[1]{payment}{amount} = '9.99';
$r = paid($c, items => $items);
is(join(' ', map { "$_->{status} $_->{rejectionReason}{code}" }
                 @{ $r->{json}{data} }),
   join(' ', ('RJCT PAGAMENTO_DIVERGENTE_CONSENTIMENTO') x 2),
   'spec 2.8: one wrong amount rejects all');

$c = authorised($o, amount => '10.00', '-localInstrument' => 'QRES',
                '-qrCode' => $value);
$r = paid($c, items => [ pay_item($c, transactionIdentification => 'abc') ]);
is("$r->{status} $r->{json}{data}[0]{rejectionReason}{code}",
   '201 DETALHE_PAGAMENTO_INVALIDO', 'spec 2.5: a TxId that the code has not');


# --- 2.9 and 2.12: what becomes of consents

my $uuid = consent_uuid(consent());
$d = shown($uuid)->{json}{data};
is((psql("SELECT '$d->{expirationDateTime}'::timestamptz -"
         . " '$d->{creationDateTime}'::timestamptz"))[0][0], '00:05:00',
   'spec 2.9: five minutes');
decide($uuid);
$d = shown($uuid)->{json}{data};
is((psql("SELECT '$d->{expirationDateTime}'::timestamptz -"
         . " '$d->{statusUpdateDateTime}'::timestamptz"))[0][0], '01:00:00',
   'spec 2.9: then an hour');

$uuid = consent_uuid(consent());
decide($uuid, decision => 'REJECT', customer => undef, debtorAccount => undef);
$d = shown($uuid)->{json}{data};
is($d->{rejectionReason}{detail},
   "O usu\xe1rio rejeitou a autoriza\xe7\xe3o do consentimento",
   'spec 2.12: in the words of the text');
is(decide($uuid)->{status}, 409, 'spec 2.9: what is rejected stays so');


# --- 2.10: whose it is

$c = authorised($o, amount => '7.00');
($id) = payment_ids(paid($c));

for my $path ("/pix/payments/$id", "/consents/$c->{urn}",
              "/consents/$c->{urn}/pix/payments")
{
    is(said(ask(GET => $path, client => 'two')), '400 BAD_REQUEST',
       "spec 2.10: another client's, GET $path");
    is(said(ask(GET => $path =~ s/[0-9a-f]{12}(?=$|\/)/0123456789ab/r)),
       '404 NOT_FOUND', "spec 2.10: unknown, GET $path");
}

is(said(ask(PATCH => $_, cancel_body(), client => 'two')), '400 BAD_REQUEST',
   "spec 2.10: another client's, PATCH $_") for "/pix/payments/$id",
                                                all_of($c);
is(said(cancel_all({ %$c, urn => 'urn:bank:' . new_uuid() })),
   '404 NOT_FOUND', 'spec 2.10: all of an unknown consent');
is(said(cancel(new_uuid())), '404 NOT_FOUND', 'spec 2.10: an unknown payment');


# --- 2.11: cancellation

for my $version (5, 4) {
    my ($c, $items) = planned($version, 2, 3, 4);
    my @ids = payment_ids(paid($c, items => $items));
    my $r = cancel($ids[0], version => $version);

    $d = $r->{json}{data};
    is("$r->{status} $d->{status} $d->{cancellation}{reason}"
       . " $d->{cancellation}{cancelledFrom}",
       '200 CANC CANCELADO_AGENDAMENTO INICIADORA',
       "spec 2.11: v$version, one");
    is($r->{json}{links}{self}, $Test::Oof::BaseUrl
       . ($version == 5 ? $Pay5 : $Pay4) . "/pix/payments/$ids[0]",
       "spec 2.11: v$version, links");
    is(said(cancel($ids[0], version => $version)),
       '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
       "spec 2.11: v$version, not twice");
    is(said(cancel($ids[1], version => $version,
                   body_of => cancel_body(@$_))),
       '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
       "spec 2.11: v$version, by @$_")
        for [ rel => 'RGE' ], [ identification => '11144477735' ],
            [ identification => 'x' ];

    $r = cancel_all($c);
    is($r->{status}, $version == 5 ? 202 : 200, "spec 2.11: v$version, all");
    is(join(' ', map { status_of($o, $_) } @ids), 'CANC CANC CANC',
       "spec 2.11: v$version, all are");
    is(said(cancel_all($c)), '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO',
       "spec 2.11: v$version, none is left");

    # v4 cancels what is held, too, v5 does not

    $c = authorised($o, version => $version, amount => '12345.00');
    $r = paid($c);
    is($r->{json}{data}[0]{status}, 'PDNG', "v$version: held");
}


# --- 2.13 and 2.14: codes (t/831 and t/833 have them all)

$c = authorised($o, amount => '20201.07');
$r = comes_to($o, paid($c), 'RJCT');
is($r->{json}{data}{rejectionReason}{code}, 'PAGAMENTO_RECUSADO_DETENTORA',
   'spec 2.13: rejected later');
$c = authorised($o, amount => '20422.00');
$r = paid($c);
is(said($r), '422 SALDO_INSUFICIENTE', 'spec 2.14: refused at once');
is(scalar @{ $r->{json}{errors} }, 1, 'spec 2.14: one error');


# --- section 7

$key = new_uuid();
my $jti = new_uuid();

is(consent(args => [ idempotency => $key, claims => { jti => $jti } ])
       ->{status}, 201, 'a message');
is(said(consent(args => [ idempotency => $key, claims => { jti => $jti } ])),
   '403 INVALID_CLIENT', 'spec 7, 29: a message again, though its key matches');
is(consent(args => [ idempotency => $key ])->{status}, 201,
   'spec 7, 29: a retry has a new one');

$r = consent(amount => 'x');
is("$r->{status} $r->{headers}{'content-type'}", '422 application/jwt',
   'spec 7, 30: 422 is signed');
ok($r->{verified}, 'spec 7, 30: by the bank');
is("$r->{json}{iss} $r->{json}{aud}", "$Test::Oof::Organisation $org",
   'spec 7, 30: iss and aud');

my $set = $o->call(GET => '/bank.jwks', client => undef)->{json}{keys};
ok((grep { $_->{kid} eq $r->{jose}{kid} } @{ $set || [] }),
   'spec 7, 30: its key is in the bank\'s set');

is(said(consent(args => [ claims => { aud => $_ } ])), '403 INVALID_CLIENT',
   "spec 7, 31: aud $_")
    for "$url/pix/payments", $url, "$Test::Oof::BaseUrl$Pay4/consents";
is(said(consent(args => [ claims => { iss =>
       $Test::Oof::Clients{two}{organisation_id} } ])), '403 INVALID_CLIENT',
   'spec 7, 31: iss of another');

# one key on every endpoint

$key = new_uuid();
($c, $items) = planned(5, 2);
is(consent(args => [ idempotency => $key ])->{status}, 201,
   'spec 7, 32: a key');
$r = paid($c, items => $items, idempotency => $key);
is($r->{status}, 201, 'spec 7, 32: the key elsewhere');
($id) = payment_ids($r);
is(cancel($id, idempotency => $key)->{status}, 200,
   'spec 7, 32: and with another method');
is(said(paid($c, idempotency => $key)), '422 ERRO_IDEMPOTENCIA',
   'spec 7, 32: other payments');
is(said(cancel($id, idempotency => $key,
               body_of => cancel_body(identification => '11144477735'))),
   '422 ERRO_IDEMPOTENCIA', 'spec 7, 32: another cancellation');

$c = authorised($o, amount => '8.00');
is(said(paid($c, items => [ pay_item($c, qrCode => $static) ])),
   '422 DETALHE_PAGAMENTO_INVALIDO', 'refused');
is(said(paid($c)), '422 CONSENTIMENTO_INVALIDO', 'spec 7, 33: once is all');

# 35

$c = authorised($o, amount => '8.00');
$d = ask(GET => "/consents/$c->{urn}")->{json}{data};
is_deeply($d->{debtorAccount}, $Test::Oof::Settle::Account,
          'spec 7, 35: the account of an authorised consent');
$r = paid($c);
is_deeply($r->{json}{data}[0]{debtorAccount}, $Test::Oof::Settle::Account,
          'spec 7, 35: and of its payments');

for my $r (@every) {
    my $data = $r->{json}{data};

    for my $d (ref $data eq 'ARRAY' ? @$data : $data || ()) {
        push @{ $r->{strange} }, 'reason'
            if $d->{rejectionReason} xor ($d->{status} // '')
                                         =~ /^(?:REJECTED|RJCT)$/;
        push @{ $r->{strange} }, 'cancellation'
            if $d->{cancellation} xor ($d->{status} // '') eq 'CANC'
                                      && exists $d->{debtorAccount};
        push @{ $r->{strange} }, 'account'
            if $d->{paymentId} && $d->{endToEndId} && !$d->{debtorAccount};
    }
}

is(join(' ', map { "$_->{asked}: @{ $_->{strange} }" }
             grep { $_->{strange} } @every), '',
   'spec 7, 35: reasons and cancellations where they belong');

# 36: bytes, not characters

my $wide = "\x{e1}";
is(said(consent('-localInstrument' => 'QRES', '-qrCode' => $wide x 256)),
   '201', 'spec 7, 36: 512 bytes');
is(said(consent('-localInstrument' => 'QRES', '-qrCode' => $wide x 257)),
   '422 PARAMETRO_INVALIDO', 'spec 7, 36: 514 bytes');

my $txid = static_code(key => $pix, amount => '10.00', txid => 'aBc123');
$c = authorised($o, amount => '10.00', '-localInstrument' => 'QRES',
                '-qrCode' => $txid);
$r = paid($c, items => [ pay_item($c,
         transactionIdentification => 'aBc123') ]);
is($r->{json}{data}[0]{transactionIdentification}, 'aBc123',
   'spec 7, 36: the TxId as it was sent');
$c = authorised($o, amount => '10.00', '-localInstrument' => 'QRES',
                '-qrCode' => $value);
is(paid($c)->{json}{data}[0]{status}, 'RCVD', 'spec 7, 36: *** is none');

# 37: what is not known yet

for my $case ([ 'nobody\'s', '+loggedUser' => user('52998224725') ],
              [ 'too much', amount => '999999999.99' ],
              [ 'an unknown key', '-proxy' => 'nobody@nowhere.example' ],
              [ 'of an account that is not there', '+debtorAccount' => {
                  ispb => '87654321', issuer => '0001', number => '99999999',
                  accountType => 'CACC' } ])
{
    my ($name, @with) = @$case;

    is(consent(@with)->{status}, 201, "spec 7, 37: $name: 201");
}

$uuid = consent_uuid(consent());
is(decide($uuid, customer => { cpf => '11144477735' })->{status}, 403,
   'spec 7, 38: another person');
is(rejected($uuid), 'REJECTED AUTENTICACAO_DIVERGENTE',
   'spec 7, 38: is the end of it in v5');

# 40

($c, $items) = planned(5, 3, 2, 4);
$r = paid($c, items => [ reverse @$items ]);
is_deeply([ map { $_->{endToEndId} } @{ $r->{json}{data} } ],
          [ map { $_->{endToEndId} } reverse @$items ],
          'spec 7, 40: in the order of the request');
is($r->{json}{links}{self}, "$url/pix/payments/" . (payment_ids($r))[0],
   'spec 7, 40: links of the first');

# 41

$r = cancel_all($c);
is("$r->{status}:$r->{body}", '202:', 'spec 7, 41: v5: 202 without a body');
ok(!exists $r->{headers}{'content-type'}, 'spec 7, 41: nor a type');
($c, $items) = planned(4, 2, 3);
$r = paid($c, items => $items);
my @ids = payment_ids($r);
$r = cancel_all($c);
is(join(' ', map { $_->{paymentId} } @{ $r->{json}{data} }), "@ids",
   'spec 7, 41: v4: 200 and a list');
is(join(' ', sort keys %{ $r->{json}{data}[0] }),
   'paymentId statusUpdateDateTime', 'spec 7, 41: v4: of what');

is(said(ask(GET => "/pix/payments/$ids[0]", version => 4,
            token => token_of($c))), '401 UNAUTHORIZED',
   'spec 7, 42: GET by a customer\'s token');
is(said(ask(POST => '/pix/payments', { data => $items }, version => 4)),
   '401 UNAUTHORIZED', 'spec 7, 42: POST by a client\'s');

# 43

is(said(consent(terms(5, custom => { dates => [ day_of(0), day_of(1) ] }))),
   '422 DATA_PAGAMENTO_INVALIDA', 'spec 7, 43: today is no day of a schedule');
$c = authorised($o, amount => '1.00');
is(detail(paid($c, items => [ map { pay_item($c) } 1 .. 61 ])),
   'Quantidade permitida de pagamentos excedida', 'spec 7, 43: sixty-one');

$core->faults({ mode => 'refuse', path => '/payment-validation',
                code => 'VALOR_ACIMA_LIMITE' });
($c, $items) = planned(5, 2, 3, 4);
is(said(paid($c, items => $items)), '422 VALOR_ACIMA_LIMITE',
   'spec 7, 43: one refusal');
$core->faults;
is((psql("SELECT count(*) FROM oof_payment WHERE consent_id = '$c->{uuid}'"
         . " AND status <> 'RJCT'"))[0][0], 0, 'spec 7, 43: none is scheduled');


# --- of every answer

my (@undated, @linked, @versioned);
my $tld = qr{^https://[-a-zA-Z0-9\@:%._+~\#=]{2,256}\.[a-z]{2,6}\b
             [-a-zA-Z0-9\@:%_+.~\#?&/=]*$}x;

for my $r (@every) {
    my $asked = "$r->{asked} $r->{status}";

    push @versioned, $asked
        if ($r->{headers}{'x-v'} // '') ne $Test::Oof::Payments::Versions{
            $r->{api} } && $r->{asked} !~ m{ /(?:pix)?$};

    next if $r->{body} eq '';

    push @undated, $asked if ($r->{json}{meta}{requestDateTime} // '')
                             !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
    push @linked, $asked if $r->{json}{data}
                            && $r->{json}{links}{self} !~ $tld;
}

cmp_ok(scalar @every, '>', 150, 'answers');
is("@undated", '', 'spec 7, 8: requestDateTime in every body');
is("@linked", '', 'spec 7, 11: links as they must be');
is("@versioned", '', 'spec 7, 2: x-v');

done_testing();
