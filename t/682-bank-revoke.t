#!/usr/bin/perl

# Copyright (C) oof authors

# The bank's side ends a consent: PATCH /consents/v1/consents/{consentId} and
# the older PATCH /v1/consents/{consentId}.  What is written, who may, what is
# refused, and that it holds at once.  Spec 1.4, 1.5.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at history /;
use Test::Oof::Journey qw/ new_consent resources token_check decide bank $Ana
                           $Bruno $Carla $Davi @Bakery /;
use Test::Oof::Bank;

my $o = bank_side(workers => 2);
my $new = '/consents/v1/consents/{consentId}';
my $old = '/v1/consents/{consentId}';
my ($id, $r, $d);

sub reject {
    my ($uuid, $by, $code, %args) = @_;

    my $info = delete $args{info};
    my $more = delete $args{more} // {};

    return ask($o, 'PATCH', $new, id => $uuid, name => "reject $by $code",
               json => { data => { rejection => { rejectedBy => $by,
                   reason => { code => $code, defined $info
                       ? (additionalInformation => $info) : () },
                   %$more } } }, %args);
}

sub revoke {
    my ($uuid, $by, $code, %args) = @_;

    my $info = delete $args{info};

    return ask($o, 'PATCH', $old, id => $uuid, name => "revoke $by $code",
               json => { applicationName => 'backoffice', data => {
                   status => 'REVOKED', revocation => { revokedBy => $by,
                   reason => { code => $code, defined $info
                       ? (additionalInformation => $info) : () } } } },
               %args);
}

sub tpp { $o->call(GET => "$Test::Oof::Api/consents/urn:bank:$_[0]")
            ->{json}{data} }


# --- what becomes of it

$id = in_state($o, 'AUTHORISED');
is(resources($o, "urn:bank:$id")->{status}, 200, 'the third party reads');

$r = reject($id, 'USER', 'CUSTOMER_MANUALLY_REVOKED', info => 'pediu na loja',
            more => { loggedUser => { document => { identification => $Ana,
                                                    rel => 'CPF' } } });
is($r->{status}, 200, 'revoked: status') or diag($r->{body});
$d = $r->{json}{data};
is($d->{status}, 'REVOKED', 'revoked: the answer is its detail');
is_deeply($d->{rejection}, { rejectedBy => 'USER', reason => {
    code => 'CUSTOMER_MANUALLY_REVOKED',
    additionalInformation => 'pediu na loja' } }, 'revoked: why');
is_deeply($d->{revocation}, { revokedBy => 'USER', reason => {
    code => 'OTHER', additionalInformation => 'pediu na loja' } },
    'revoked: in the older words');
is_deeply([ map { $_->{operatorUsername} }
            @{ $d->{consentHistoryStatus} } ], [ undef, undef, 'client-one' ],
          'revoked: by whom');

is(resources($o, "urn:bank:$id")->{status}, 401,
   'at once: the third party does not read any more');
is(token_check($o, $id)->{json}{data}{issue}, JSON::PP::false(),
   'at once: no token');
is_deeply(tpp($id)->{rejection}, { rejectedBy => 'USER', reason => {
    code => 'CUSTOMER_MANUALLY_REVOKED',
    additionalInformation => 'pediu na loja' } }, 'the third party is told');

is_deeply([ map { [ @$_[2 .. 5] ] } history($id) ], [
    [ 'AWAITING_AUTHORISATION', undef, undef, 'client' ],
    [ 'AUTHORISED', undef, undef, 'customer' ],
    [ 'REJECTED', 'USER', 'CUSTOMER_MANUALLY_REVOKED', 'bank' ] ],
    'history');
is((psql("SELECT operator FROM oof_consent_history WHERE consent_id = '$id'"
         . ' AND version = 3'))[0][0], 'client-one', 'history: the operator');

my @events = events("key = '$id'");
is_deeply([ map { "$_->{version} $_->{type}" } @events ],
          [ '1 oof.consent.created', '2 oof.consent.authorised',
            '3 oof.consent.rejected' ], 'events');
is_deeply($events[2]{data}, { consentId => "urn:bank:$id",
    clientId => 'client-one',
    organisationId => $Test::Oof::Clients{one}{organisation_id},
    status => 'REJECTED', previousStatus => 'AUTHORISED',
    permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                         RESOURCES_READ / ],
    expirationDateTime => $events[0]{data}{expirationDateTime},
    rejection => { rejectedBy => 'USER', reason => {
        code => 'CUSTOMER_MANUALLY_REVOKED' } } },
    'the event, with nothing of whom it is, nor what was written');

refused_as(reject($id, 'USER', 'CUSTOMER_MANUALLY_REVOKED'), 422,
           'CONSENTIMENTO_EM_STATUS_REJEITADO',
           'Consentimento em status rejeitado', 'O consentimento informado'
           . ' já foi encerrado e não pode ser revogado.', 'twice');
is(scalar(history($id)), 3, 'twice: nothing is written');


# --- by whom and why, before and after it is authorised

sub outcome {
    my ($r) = @_;

    my $d = $r->{json}{data} // return said($r);
    return join ' ', $d->{status}, $d->{rejection}{rejectedBy},
                     $d->{rejection}{reason}{code},
                     $d->{revocation} ? $d->{revocation}{reason}{code} : '-';
}

my @manual = ('CUSTOMER_MANUALLY_REJECTED', 'CUSTOMER_MANUALLY_REVOKED');

for my $case ((map { [ reject => 'USER', $_, @manual, 'OTHER' ],
                     [ reject => 'TPP', $_, @manual, 'OTHER' ] } @manual),
              [ reject => 'ASPSP', ('INTERNAL_SECURITY_REASON') x 3, 'FRAUD' ],
              [ reject => 'TPP', ('INTERNAL_SECURITY_REASON') x 3, 'FRAUD' ],
              [ reject => 'ASPSP', ('CONSENT_TECHNICAL_ISSUE') x 3, 'OTHER' ],
              [ revoke => 'USER', 'OTHER', @manual, 'OTHER' ],
              [ revoke => 'TPP', 'OTHER', @manual, 'OTHER' ],
              [ revoke => 'ASPSP', 'OTHER', ('CONSENT_TECHNICAL_ISSUE') x 2,
                'OTHER' ],
              [ revoke => 'ASPSP', 'FRAUD', ('INTERNAL_SECURITY_REASON') x 2,
                'FRAUD' ],
              [ revoke => 'USER', 'FRAUD', ('INTERNAL_SECURITY_REASON') x 2,
                'FRAUD' ],
              [ revoke => 'ASPSP', 'ACCOUNT_CLOSURE',
                ('CONSENT_TECHNICAL_ISSUE') x 2, 'OTHER' ]) {
    my ($way, $by, $code, $before, $after, $older) = @$case;
    my $call = $way eq 'reject' ? \&reject : \&revoke;

    is(outcome($call->(in_state($o, 'AWAITING_AUTHORISATION'), $by, $code)),
       "REJECTED $by $before -", "$way by $by, $code: before");

    my $uuid = in_state($o, 'AUTHORISED');
    is(outcome($call->($uuid, $by, $code)), "REVOKED $by $after $older",
       "$way by $by, $code: after");
    is(listed($o, 'status=REVOKED&page-size=1') =~ /\b$uuid\b/ ? 1 : 0, 1,
       "$way by $by, $code: is listed so");
}

is(outcome(reject("urn:bank:" . in_state($o, 'AUTHORISED'), 'USER',
                  $manual[1])), "REVOKED USER $manual[1] OTHER", 'by URN');


# --- what time has ended

for (due_now(in_state($o, 'AUTHORISED'), 3),
     due_now(in_state($o, 'AWAITING_AUTHORISATION'), 3)) {
    is(said(reject($_, 'USER', $manual[1])),
       '422 CONSENTIMENTO_EM_STATUS_REJEITADO', 'its time has come: over');
    is(said(revoke($_, 'USER', 'OTHER')),
       '422 CONSENTIMENTO_EM_STATUS_REJEITADO', 'the older call: over');
}

for my $code (qw/ CONSENT_EXPIRED CONSENT_MAX_DATE_REACHED /) {
    my $uuid = in_state($o, 'AUTHORISED');

    refused_as(reject($uuid, 'ASPSP', $code), 422, 'MOTIVO_NAO_PERMITIDO',
               'Motivo não permitido', 'Só o tempo encerra um consentimento'
               . ' com o motivo informado.', $code);
    is(tpp($uuid)->{status}, 'AUTHORISED', "$code: lives on");
}


# --- a customer's token

my %ana = (customer => $Ana);
my $actor;

$id = in_state($o, 'AUTHORISED');
is(outcome(reject($id, 'USER', $manual[1], %ana)),
   "REVOKED USER $manual[1] OTHER", 'a customer ends his own');
($actor) = psql('SELECT actor, operator FROM oof_consent_history WHERE'
                . " consent_id = '$id' AND version = 3");
is_deeply($actor, [ 'customer', undef ], 'and is no operator');
is(outcome(revoke(in_state($o, 'AUTHORISED'), 'USER', 'OTHER', %ana)),
   "REVOKED USER $manual[1] OTHER", 'by the older call');

$id = in_state($o, 'AUTHORISED');
is(said(reject($id, 'USER', $manual[1], customer => $Bruno)),
   '404 NOT_FOUND', 'another customer');
is(said(reject($id, 'ASPSP', $manual[1], %ana)), '403 FORBIDDEN',
   'not as the bank');
is(said(reject($id, 'USER', 'INTERNAL_SECURITY_REASON', %ana)),
   '403 FORBIDDEN', 'not for the bank\'s reasons');
is(said(revoke($id, 'USER', 'FRAUD', %ana)), '403 FORBIDDEN',
   'nor by the older call');
is(tpp($id)->{status}, 'AUTHORISED', 'nothing of it has ended it');

my $joint = in_state($o, 'AUTHORISED', cpf => $Carla);
is(said(reject($joint, 'USER', $manual[1], customer => $Davi)),
   '403 FORBIDDEN', 'who must agree does not end it');

my $company = in_state($o, 'AUTHORISED', @Bakery,
                       groups => [ 'accounts', 'company' ]);
is(said(reject($company, 'USER', $manual[1], customer => $Bakery[1])),
   '404 NOT_FOUND', 'a company\'s, in person');
is(outcome(reject($company, 'USER', $manual[1], customer => $Bakery[1],
                  cnpj => $Bakery[3])), "REVOKED USER $manual[1] OTHER",
   'a company\'s, for it');


# --- what is refused

my $why = { code => $manual[1] };
my @unset = (400, 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado');
my @bad = (400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido');

sub rejection { { data => { rejection => { rejectedBy => 'USER',
                                           reason => $why, @_ } } } }

for my $case (
    [ {}, @unset, 'O campo data é obrigatório e não foi informado.' ],
    [ { data => {} }, @unset,
      'O campo data.rejection é obrigatório e não foi informado.' ],
    [ { data => [] }, @bad, 'O campo data não tem o tipo esperado.' ],
    [ rejection(rejectedBy => 'X'), @bad, 'O campo data.rejection.rejectedBy'
      . ' não tem um dos valores permitidos.' ],
    [ rejection(reason => { code => 'X' }), @bad,
      'O campo data.rejection.reason.code não tem um dos valores'
      . ' permitidos.' ],
    [ rejection(reason => {}), @unset, 'O campo data.rejection.reason.code'
      . ' é obrigatório e não foi informado.' ],
    (map { [ rejection(reason => { %$why, additionalInformation => $_->[0] }),
             @bad, 'O campo data.rejection.reason.additionalInformation não'
             . " tem o $_->[1]." ] }
         [ 'x' x 141, 'tamanho permitido' ], [ '', 'tamanho permitido' ],
         [ ' x', 'formato exigido' ], [ "a\nb", 'formato exigido' ],
         [ 1, 'tipo esperado' ]),
    [ rejection(loggedUser => {}), @unset, 'O campo data.rejection.loggedUser'
      . '.document é obrigatório e não foi informado.' ],
    [ { %{ rejection() }, applicationName => 'x' x 256 }, @bad,
      'O campo applicationName não tem o tamanho permitido.' ],
) {
    my ($body, @want) = @$case;

    refused_as(ask($o, 'PATCH', $new, id => $id, json => $body,
                   name => $want[3]), @want, $want[3]);
}

for my $case (
    [ { data => { revocation => { revokedBy => 'USER', reason => {
        code => 'OTHER' } } } }, @unset,
      'O campo data.status é obrigatório e não foi informado.' ],
    [ { data => { status => 'AUTHORISED', revocation => { revokedBy => 'USER',
        reason => { code => 'OTHER' } } } }, @bad,
      'O campo data.status não tem um dos valores permitidos.' ],
    [ { data => { status => 'REVOKED' } }, @unset,
      'O campo data.revocation é obrigatório e não foi informado.' ],
    [ { data => { status => 'REVOKED', revocation => { revokedBy => 'BANK',
        reason => { code => 'OTHER' } } } }, @bad, 'O campo data.revocation'
      . '.revokedBy não tem um dos valores permitidos.' ],
) {
    my ($body, @want) = @$case;

    refused_as(ask($o, 'PATCH', $old, id => $id, json => $body,
                   name => $want[3]), @want, $want[3]);
}

my @unknown = (404, 'NOT_FOUND', 'Consentimento não encontrado',
               'Não há consentimento com o consentId informado.');

for my $call (\&reject, \&revoke) {
    my @why = $call == \&reject ? ('USER', $manual[1]) : ('USER', 'OTHER');
    my $pattern = $call == \&reject ? $new : $old;

    refused_as($call->(new_uuid(), @why), @unknown, 'unknown');
    is(said($call->('x', @why)), '400 PARAMETRO_INVALIDO', 'no id');
    is(said($call->($id, @why, scope => 'oob_consents:read')),
       '403 FORBIDDEN', 'the scope of reading');
    is($call->($id, @why, token => undef)->{status}, 401, 'no token');

    for my $body ('', '{', '[]', '{"data":{}} x', "{\"a\":\"\0\"}") {
        is(said(ask($o, 'PATCH', $pattern, id => $id, body => $body,
                    name => 'bad JSON', headers => {
                        'Content-Type' => 'application/json' })),
           '400 BAD_REQUEST', 'bad JSON');
    }

    is(ask($o, 'PATCH', $pattern, id => $id, body => 'x', name => 'type',
           headers => { 'Content-Type' => 'text/plain' })->{status}, 415,
       'another media type');
    is(ask($o, 'PATCH', $pattern, id => $id, name => 'large',
           body => '{"a":"' . 'x' x 70000 . '"}',
           headers => { 'Content-Type' => 'application/json' })->{status},
       413, 'too large');
}

psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id = '$id'");
refused_as(reject($id, 'USER', $manual[1],
                  headers => { 'X-Brand-ID' => 'second' }), @unknown,
           'another brand\'s');
psql("UPDATE oof_consent SET brand = 'bank' WHERE consent_id = '$id'");
is(tpp($id)->{status}, 'AUTHORISED', 'nothing of it has ended it');


# --- another session holds the row

my $lock = Test::Oof::Postgres::session(database_dsn());
$lock->run("BEGIN; SELECT 1 FROM oof_consent WHERE consent_id = '$id'"
           . ' FOR UPDATE');
$lock->send('SELECT pg_sleep(0.3); COMMIT');
is(outcome(reject($id, 'USER', $manual[1])), "REVOKED USER $manual[1] OTHER",
   'a held row is waited for');
is(scalar(history($id)), 3, 'and ended once');

unlike($o->log_text . join(' ', map { $_->[0] }
                           psql('SELECT data FROM oof_event')),
       qr/\b(?:$Ana|$Carla|$Bakery[1]|$Bakery[3])\b/,
       'nothing personal in logs and events');

done_testing();
