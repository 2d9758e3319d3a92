#!/usr/bin/perl

# Copyright (C) oof authors

# Payment consents of both versions: the whole answers, rows, history, events,
# what is sealed; every 422 of POST /consents by a message; GET, of others, of
# none; expiry (spec 2.4, 2.9, 2.10, 2.14; spec 7, 14, 15, 23, 30, 35, 37, 39).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::AuthEnc::GCM;
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;

my $o = payments(five => 'oof_payment_instruments MANU DICT QRES;');
my $cpf = '48847377765';
my $one = $Test::Oof::Clients{one};
my $json = JSON::PP->new->canonical->allow_nonref->utf8;

sub count { (psql("SELECT count(*) FROM $_[0]"))[0][0] }

# the plain text of a value that was sealed for a row of a table

sub opened {
    my ($hex, $table, $uuid) = @_;

    my ($sealed, $id, $secret) = map { pack 'H*', s/[\s-]//gr }
        $hex, $uuid, Test::Oof::slurp(Test::Oof::key_file('encrypt'));
    my ($version, $key, $rest) = unpack 'C C/a a*', $sealed;
    my ($nonce, $text, $tag) = $rest =~ /^(.{12})(.*)(.{16})$/s;

    return Crypt::AuthEnc::GCM::gcm_decrypt_verify(
        'AES', $secret, $nonce, "$table\0$id$key", $text, $tag);
}


# what a consent says of itself: the answer's data

sub data_of {
    my ($r, $body, %with) = @_;

    my $created = $r->{json}{data}{creationDateTime} // '';
    my $epoch = (psql("SELECT extract(epoch FROM '$created'::timestamptz)"))
                    [0][0];

    return {
        consentId => $r->{json}{data}{consentId},
        creationDateTime => $created,
        expirationDateTime => text_of($epoch + 300),
        statusUpdateDateTime => $created,
        status => 'AWAITING_AUTHORISATION', %{ $body->{data} }, %with,
    };
}


# --- both versions, in full

for my $version (5, 4) {
    my $base = $version == 5 ? $Pay5 : $Pay4;
    my $body = payment_consent(purpose => $version == 5 ? 'IMMEDIATE' : undef,
        '+debtorAccount' => { ispb => '87654321', issuer => '0001',
                              number => '94088392', accountType => 'CACC' });
    my $before = count('oof_event');

    my $r = pay($o, POST => '/consents', $body, version => $version);
    my $uuid = consent_uuid($r);

    like($uuid, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}
                   -[0-9a-f]{12}$/x, "v$version: id");
    is_signed($r, 201, data_of($r, $body), "v$version: made",
              operation => 'POST /consents',
              self => "$base/consents/urn:bank:$uuid");

    my $created = $r->{json}{data}{creationDateTime};
    ok((grep { $created eq text_of(time + $_) } -3 .. 1),
       "v$version: just now");

    my $row = payment_row($uuid);
    my ($personal, $debtor, $hmac) = map { delete $row->{$_} }
                                         qw/ personal debtor cpf_hmac /;

    is_deeply($row, {
        brand => 'bank', client_id => $one->{client_id},
        organisation_id => $one->{organisation_id}, api => $version,
        status => 'AWAITING_AUTHORISATION', amount => 133300, payments => 1,
        first_day => 0, reason_code => undef, reason_detail => undef,
        version => 1, creation => $created, status_update => $created,
        expiration => $r->{json}{data}{expirationDateTime},
        cnpj_hmac => undef,
    }, "v$version: its row");

    my %asked = %{ $body->{data} };
    delete $asked{debtorAccount};

    is_deeply($json->decode(opened($personal, 'oof_payment_consent', $uuid)),
              \%asked, "v$version: what is sealed");
    is_deeply($json->decode(opened($debtor, 'oof_payment_consent.debtor',
                                   $uuid)), $body->{data}{debtorAccount},
              "v$version: the account that pays");
    is_deeply([ payment_history($uuid) ],
              [ [ 1, $created, 'AWAITING_AUTHORISATION', undef, 'client' ] ],
              "v$version: its history");

    my ($event) = events("key = '$uuid'");

    is(count('oof_event'), $before + 1, "v$version: one event");
    is_deeply([ @{ $event }{qw/ type brand version data /} ],
              [ 'oof.payment_consent.created', 'bank', 1,
                { consentId => "urn:bank:$uuid",
                  clientId => $one->{client_id},
                  organisationId => $one->{organisation_id},
                  status => 'AWAITING_AUTHORISATION' } ],
              "v$version: what it tells");
    is((psql('SELECT h.event_id = e.id AND c.stamp = e.stamp AND e."time" ='
             . ' c.creation FROM oof_event e JOIN oof_payment_consent c ON'
             . ' e.key = c.consent_id JOIN oof_payment_consent_history h USING'
             . " (consent_id) WHERE consent_id = '$uuid'"))[0][0], 't',
       "v$version: its id, time and stamp");

    # the GET says the same, by either version

    is_signed(pay($o, GET => "/consents/urn:bank:$uuid",
                  version => $version), 200, $r->{json}{data},
              "v$version: read", operation => 'GET /consents/{consentId}');
}


# --- a company, a schedule, all members; what is not in the schema is dropped

my $company = { document => { identification => '12ABC34501DE35',
                              rel => 'CNPJ' } };
my $body = payment_consent(date => undef, purpose => 'RECURRENT_SCHEDULED',
    schedule => { daily => { startDate => day_of(2), quantity => 3 },
                  additionalInformation => "tr\x{ea}s dias \"seguidos\"" },
    ibgeTownCode => '5300108', '+businessEntity' => $company);
my $r = pay($o, POST => '/consents', {
    data => { %{ $body->{data} }, status => 'AUTHORISED', more => [ {} ] },
    meta => {}, links => 'x' });
my $uuid = consent_uuid($r);

is_signed($r, 201, data_of($r, $body), 'a company',
          operation => 'POST /consents',
          self => "$Pay5/consents/urn:bank:$uuid");
is(payment_row($uuid)->{payments}, 3, 'three payments');
is(payment_row($uuid)->{first_day},
   (psql("SELECT '@{[ day_of(2) ]}'::date - '1970-01-01'::date"))[0][0],
   'the first day');
isnt(payment_row($uuid)->{cnpj_hmac}, undef, 'found by the CNPJ');


# --- 422: one message for each code (the rules have tests of their own)

my %texts = (
    PARAMETRO_NAO_INFORMADO => [ 'Parâmetro não informado.',
        'Parâmetro %s obrigatório não informado.' ],
    PARAMETRO_INVALIDO => [ 'Parâmetro inválido.',
        'Parâmetro %s não obedece as regras de formatação esperadas.' ],
    DATA_PAGAMENTO_INVALIDA => [ 'Data de pagamento inválida.',
        'Data de pagamento inválida para a forma de pagamento selecionada.' ],
    DETALHE_PAGAMENTO_INVALIDO => [ 'Detalhe do pagamento inválido.',
        'Parâmetro %s não obedece às regras de negócio.' ],
    FORMA_PAGAMENTO_INVALIDA => [ 'Forma de pagamento inválida.',
        'Forma de pagamento localInstrument %s não suportada.' ],
    PROPOSITO_INVALIDO => [ ('O propósito informado é incompatível com os'
        . ' dados presentes na transação.') x 2 ],
);

my @made = map { count($_) } qw/ oof_payment_consent oof_event /;

for my $case (
    [ 'PARAMETRO_NAO_INFORMADO', 'payment.amount', { amount => undef } ],
    [ 'PARAMETRO_NAO_INFORMADO', 'creditor', { '+creditor' => undef } ],
    [ 'PARAMETRO_NAO_INFORMADO', 'payment.date', { date => undef } ],
    [ 'PARAMETRO_INVALIDO', 'payment.amount', { amount => '1333' } ],
    [ 'PARAMETRO_INVALIDO', 'loggedUser', { '+loggedUser' => 1 } ],
    [ 'DATA_PAGAMENTO_INVALIDA', '', { date => day_of(-1) } ],
    [ 'DETALHE_PAGAMENTO_INVALIDO', 'payment.details.proxy',
      { '-localInstrument' => 'MANU' } ],
    [ 'FORMA_PAGAMENTO_INVALIDA', 'INIC',
      { '-localInstrument' => 'INIC' } ],
    [ 'PROPOSITO_INVALIDO', '', { purpose => 'SINGLE_SCHEDULED' } ])
{
    my ($code, $param, $with) = @$case;
    my $name = "$code, @{[ keys %$with ]}";

    $r = pay($o, POST => '/consents', payment_consent(%$with));

    my ($title, $detail) = @{ $texts{$code} };
    my $want = $param ? sprintf $detail, $param : $detail;

    is_signed_error($r, [ $code, $title, $want ], $name,
                    operation => 'POST /consents');
}

is_deeply([ map { count($_) } qw/ oof_payment_consent oof_event / ], \@made,
          'none of them is stored');

# a refusal of nothing at all

for my $body ({}, { data => undef }, { data => [] }, { data => {} },
              { data => 'x' })
{
    $r = pay($o, POST => '/consents', $body);
    is($r->{status}, 422, 'no data: ' . $json->encode($body));
    ok($r->{verified}, 'is signed');
}


# --- GET: unknown 404, malformed and of another client 400 (spec 2.10)

$uuid = consent_uuid(pay($o, POST => '/consents', payment_consent()));

is_plain_error(pay($o, GET => '/consents/urn:bank:' . new_uuid()), 404,
               'NOT_FOUND', 'unknown');
is_plain_error(pay($o, GET => "/consents/urn:other:$uuid"), 404, 'NOT_FOUND',
               'another name');
is_plain_error(pay($o, GET => "/consents/urn:bank:\U$uuid"), 404, 'NOT_FOUND',
               'in capitals');
is_plain_error(pay($o, GET => "/consents/$uuid"), 400, 'PARAMETRO_INVALIDO',
               'no URN');
is_plain_error(pay($o, GET => "/consents/urn:bank:$uuid", client => 'two'),
               400, 'BAD_REQUEST', 'of another client');
is_plain_error(pay($o, GET => "/consents/urn:bank:$uuid",
                   scope => "openid consent:urn:bank:$uuid payments"), 401,
               'UNAUTHORIZED', 'by a token of a customer');
is_plain_error(pay($o, DELETE => "/consents/urn:bank:$uuid", {}), 405,
               'METHOD_NOT_ALLOWED', 'there is no end by the client');
is(pay($o, GET => "/consents/urn:bank:$uuid",
       headers => { 'Content-Type' => 'text/plain' })->{status}, 200,
   'a Content-Type is ignored');

psql("UPDATE oof_payment_consent SET brand = 'other' WHERE consent_id ="
     . " '$uuid'");
is(pay($o, GET => "/consents/urn:bank:$uuid")->{status}, 404,
   'of another brand');


# --- time ends it at the instant that is due, and reading writes nothing

my %reasons = (
    AWAITING_AUTHORISATION => [ 'TEMPO_EXPIRADO_AUTORIZACAO',
        'Consentimento expirou antes que o usuário pudesse confirmá-lo.' ],
    PARTIALLY_ACCEPTED => [ 'TEMPO_EXPIRADO_AUTORIZACAO',
        'Consentimento expirou antes que o usuário pudesse confirmá-lo.' ],
    AUTHORISED => [ 'TEMPO_EXPIRADO_CONSUMO',
        'O usuário não finalizou o fluxo de pagamento e o consentimento'
        . ' expirou' ],
);

for my $status (sort keys %reasons) {
    $body = payment_consent();
    $r = pay($o, POST => '/consents', $body);
    $uuid = consent_uuid($r);

    psql("UPDATE oof_payment_consent SET status = '$status', expiration ="
         . " now() + interval '1 hour' WHERE consent_id = '$uuid'");
    is(pay($o, GET => "/consents/urn:bank:$uuid")->{json}{data}{status},
       $status, "$status: alive");

    psql("UPDATE oof_payment_consent SET expiration ="
         . " date_trunc('second', now()) - interval '1 second'"
         . " WHERE consent_id = '$uuid'");

    my $due = payment_row($uuid)->{expiration};
    my ($code, $detail) = @{ $reasons{$status} };
    utf8::decode($detail);

    is_signed(pay($o, GET => "/consents/urn:bank:$uuid"), 200,
              data_of($r, $body, status => 'REJECTED',
                      statusUpdateDateTime => $due,
                      expirationDateTime => $due,
                      rejectionReason => { code => $code,
                                           detail => $detail }),
              "$status: over", operation => 'GET /consents/{consentId}');
    is(payment_row($uuid)->{version}, 1, "$status: nothing is written");
}

for my $status (qw/ REJECTED CONSUMED /) {
    psql("UPDATE oof_payment_consent SET status = '$status', reason_code ="
         . " @{[ $status eq 'REJECTED' ? q('REJEITADO_USUARIO') : 'NULL' ]}"
         . " WHERE consent_id = '$uuid'");
    is(pay($o, GET => "/consents/urn:bank:$uuid")->{json}{data}{status},
       $status, "$status stays");
}

# a reason that v4 has not is told by one that it has

psql("UPDATE oof_payment_consent SET status = 'REJECTED', reason_code ="
     . " 'AUTENTICACAO_DIVERGENTE' WHERE consent_id = '$uuid'");
is(pay($o, GET => "/consents/urn:bank:$uuid")
       ->{json}{data}{rejectionReason}{code}, 'AUTENTICACAO_DIVERGENTE',
   'a reason of v5');
$r = pay($o, GET => "/consents/urn:bank:$uuid", version => 4);
isnt($r->{json}{data}{rejectionReason}{code}, 'AUTENTICACAO_DIVERGENTE',
     'in v4: another');
Test::Oof::schema_ok('payments-v4 GET /consents/{consentId}', $r,
                     'in v4: as specified');


# --- nothing of persons is in clear

is((psql("SELECT string_agg(t::text, '') FROM oof_payment_consent t"))[0][0]
       =~ /$cpf|Marco|pix\.bcb|94088392/ ? 1 : 0, 0,
   'no person in the rows');
is((psql("SELECT string_agg(data, '') FROM oof_event"))[0][0]
       =~ /$cpf|Marco|pix\.bcb|94088392/ ? 1 : 0, 0,
   'nor in the events');
unlike($o->log_text . $o->access_text, qr/$cpf|Marco|pix\.bcb|94088392/,
       'nor in the logs');

done_testing();
