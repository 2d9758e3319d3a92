#!/usr/bin/perl

# Copyright (C) oof authors

# Requests of initiators that do strange things: a version's consent used by the
# other, a key for two consents, odd spellings of what is good, empty members,
# queries; none of it is an error of ours (spec 0.3, 2.2 to 2.4, 2.8, 2.10; spec
# 7, 4, 5, 9, 10).

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

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub consent { pay($o, POST => '/consents', payment_consent(), @_) }

my $body = { data => { status => 'CANC', cancellation => { cancelledBy => {
    document => { identification => $cpf, rel => 'CPF' } } } } };


# --- v5's instruments by v4

my @scheduled = (date => undef, purpose => 'SINGLE_SCHEDULED', amount => '3.00',
    schedule => { single => { date => day_of(2) },
                  additionalInformation => 'x' },
    '-localInstrument' => 'APES', '-qrCode' => static_code(key => $pix));
my $c = authorised($o, @scheduled);
my $item = pay_item($c, endToEndId => end_to_end(day_of(2) =~ s/-//gr
                                                 . '1500'));

is(said(pay_consent($o, $c, items => [ $item ], version => 4)),
   '422 PARAMETRO_INVALIDO', 'APES, paid by v4');
is(payment_row($c->{uuid})->{status}, 'CONSUMED', 'APES, paid by v4: used up');

$c = authorised($o, @scheduled);
my $r = pay_consent($o, $c, items => [ $item ]);
is(said($r), '201', 'APES') or diag($r->{text});
my ($id) = payment_ids($r);
is(said(pay($o, PATCH => "/pix/payments/$id", $body, version => 4)), '200',
   'APES, cancelled by v4');

is(pay($o, GET => "/pix/payments/$id", version => 4)
       ->{json}{data}{localInstrument}, 'QRES', 'APES, read by v4');
is(pay($o, GET => "/pix/payments/$id")->{json}{data}{localInstrument}, 'APES',
   'APES, read by v5');

my $details = pay($o, GET => "/consents/$c->{urn}", version => 4)
                  ->{json}{data}{payment};
is("$details->{details}{localInstrument}@{[ $details->{purpose} // '' ]}"
   . ($details->{schedule}{additionalInformation} // ''), 'QRES',
   'APES, its consent read by v4');

$c = authorised($o, @scheduled);
is(said(pay_consent($o, $c, items => [ { %$item,
       endToEndId => end_to_end(day_of(2) =~ s/-//gr . '1500') } ])), '201',
   'APES, one more');
is(said(pay($o, PATCH => "/pix/payments/consents/$c->{urn}", $body,
            version => 4)), '200', 'APES, all cancelled by v4');


# --- a key, and the same data, for another consent

my ($one, $two) = map { authorised($o, amount => '2.00') } 1, 2;
my $key = new_uuid();

$item = pay_item($one);
is(said(pay_consent($o, $one, items => [ $item ], idempotency => $key)), '201',
   'a payment');
$r = pay_consent($o, $two, items => [ $item ], idempotency => $key);
is(said($r), '422 ERRO_IDEMPOTENCIA', 'its key and data for another consent');
is(payment_row($two->{uuid})->{status}, 'AUTHORISED', 'which is not used');
is(debits_of($core, $item), 1, 'nothing is paid twice');


# --- what is good in another spelling

for my $type ('application/jwt; charset=utf-8', 'Application/JWT',
              'application/jwt;charset=UTF-8')
{
    is(consent(headers => { 'Content-Type' => $type })->{status}, 201, $type);
}

is(consent(headers => { 'Content-Type' => 'application/jwt; charset=latin1' })
       ->{status}, 406, 'spec 7, 4: another charset');

for my $accept ('application/jwt', '*/*', 'application/*', 'application/json',
                'text/html, application/jwt;q=0.1', undef)
{
    $r = consent(headers => { Accept => $accept });
    is("$r->{status} $r->{headers}{'content-type'}", '201 application/jwt',
       'spec 7, 5: Accept ' . ($accept // 'none'));
}

is(consent(claims => { iat => time - 1.5 })->{status}, 201,
   'spec 2.2: iat with a fraction');
is(consent(header => { cty => 'JWT' })->{status}, 201, 'spec 2.2: cty');
is(pay($o, POST => '/consents?a=b', payment_consent())->{status}, 201,
   'spec 2.2: a query');
is(said(consent(header => { $_ => 'https://one.oof.test/x' })),
   '400 BAD_SIGNATURE', "spec 2.2: $_") for qw/ x5u jku /;
is(said(consent(header => { x5c => [ 'x' ] })), '400 BAD_SIGNATURE',
   'spec 2.2: x5c');


# --- members that are null, empty, unknown

for my $name (qw/ qrCode remittanceInformation transactionIdentification
                  authorisationFlow consentId /)
{
    $c = authorised($o, amount => '2.00');
    is(said(pay($o, POST => '/pix/payments', { data => [ {
           %{ pay_item($c) }, $name => undef } ] }, token => token_of($c))),
       '422 PARAMETRO_INVALIDO', "$name is null");
}

$c = authorised($o, amount => '2.00');
$r = pay_consent($o, $c, items => [ pay_item($c,
    remittanceInformation => '', unknown => { a => [ undef ] }) ]);
is(said($r), '201', 'an empty text') or diag($r->{text});
unlike($r->{text}, qr/:""|null|unknown/, 'spec 7, 9: is not told');
unlike(pay($o, GET => '/pix/payments/' . (payment_ids($r))[0])->{text},
       qr/:""|null|unknown/, 'spec 7, 9: nor later');

$r = pay($o, POST => '/consents', payment_consent(date => undef,
    purpose => 'SINGLE_SCHEDULED', schedule => {
        single => { date => day_of(2) }, additionalInformation => '' }));
is(said($r), '422 PARAMETRO_INVALIDO',
   'a text that is required is not empty');

for my $strange (undef, [], 'x', 1, [ undef ], [ 'x' ], [ [] ], { a => 1 }) {
    my $c = authorised($o, amount => '2.00');
    my $r = pay($o, POST => '/pix/payments', { data => $strange },
                token => token_of($c));

    like(said($r), qr/^422 PARAMETRO_/, 'data: ' . Test::Oof::json($strange));

    like(said(pay($o, POST => '/consents', { data => $strange })),
         qr/^422 PARAMETRO_/, 'data of a consent: '
         . Test::Oof::json($strange));
    is(said(pay($o, PATCH => "/pix/payments/$id", { data => $strange })),
       '422 PAGAMENTO_NAO_PERMITE_CANCELAMENTO', 'data of a PATCH: '
       . Test::Oof::json($strange));
}


# --- queries of the list, and paths

my $list = "/consents/$one->{urn}/pix/payments";

for my $case ([ 200, '' ], [ 200, '?x=y' ], [ 200, '?startDate=2026-1-5' ],
              [ 200, '?startDate=2030-01-01&endDate=2026-01-01' ],
              [ 400, '?startDate=' ], [ 400, '?endDate=x' ],
              [ 400, '?startDate=2026-02-29' ],
              [ 400, '?startDate=2026-01-01T00:00:00Z' ])
{
    my ($status, $query) = @$case;

    is(pay($o, GET => "$list$query")->{status}, $status, "list$query");
}

$r = pay($o, GET => "$list?startDate=2030-01-01");
is_deeply($r->{json}{data}, [],
   'spec 0.3: an empty list');
is($r->{json}{links}{self}, "$Test::Oof::BaseUrl$Pay5$list",
   'spec 0.3: links of the list');

is(pay($o, GET => "/consents/$one->{urn}$_")->{status}, 404,
   "a path with \"$_\"") for '/', '/x', 'x';
is(pay($o, GET => '/consents/' . $one->{urn} =~ s/:/%3A/gr)->{status}, 200,
   'an escaped URN');
is(pay($o, GET => "/pix/payments/$_")->{status}, 404, "payment $_")
    for 'x', 'a' x 300;
is(pay($o, GET => "/consents/$_")->{status}, 400, "consent $_")
    for 'x', 'urn:', 'urn:bank:' . 'a' x 300;


done_testing();
