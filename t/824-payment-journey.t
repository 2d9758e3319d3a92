#!/usr/bin/perl

# Copyright (C) oof authors

# The journey of payment consents in the bank's app: what is shown, the
# decision, what the bank's core refuses, times, token checks (spec 2.5, 2.9,
# 2.12, 5.6; spec 7, 35, 37 to 39).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Core ();
use Test::Oof::Payments;
use Time::HiRes qw/ sleep time /;

my $core = Test::Oof::Core->start;
my $o = payments(
    http => "    oof_core main { url http://127.0.0.1:$core->{port};"
            . " timeout 2s; }\n",
    management_server => 'oof_core main;');

my $cpf = '48847377765';
my $one = $Test::Oof::Clients{one};
my ($owner, @accounts);

# who has accounts in the sandbox's core

my @people = qw/ 76109277673 /;
$owner = $people[0];

sub consent {
    my (%with) = @_;

    my $version = delete $with{version} // 5;

    $with{purpose} = undef if $version == 4;

    my $r = pay($o, POST => '/consents', payment_consent(
        '+loggedUser' => { document => { identification => $owner,
                                         rel => 'CPF' } }, %with),
        version => $version);
    is($r->{status}, 201, 'a consent') or diag($r->{text} // $r->{body});

    return consent_uuid($r);
}

sub decide {
    my ($uuid, %data) = @_;

    my $args = delete $data{args} || {};

    $data{decision} //= 'AUTHORISE';
    $data{customer} = { cpf => $owner } if !exists $data{customer};
    $data{debtorAccount} = $accounts[0]
        if $data{decision} ne 'REJECT' && !exists $data{debtorAccount};
    delete $data{$_} for grep { !defined $data{$_} } keys %data;

    return journey($o, POST => $uuid, json => { data => \%data }, %$args);
}

sub shown { pay($o, GET => "/consents/urn:bank:$_[0]", version => $_[1] // 5) }

sub versions { (psql("SELECT count(*) FROM oof_payment_consent_history"
                     . " WHERE consent_id = '$_[0]'"))[0][0] }


# --- what is shown

my $uuid = consent();
my $r = journey($o, GET => "urn:bank:$uuid");
is($r->{status}, 200, 'shown') or diag($r->{body});

my $data = $r->{json}{data};
@accounts = map { my %a = %$_; delete @a{qw/ balance selected authorisers /};
                  \%a } @{ $data->{debtorAccounts} };
ok(@accounts >= 2, 'the accounts of the customer');

my $asked = payment_consent('+loggedUser' => { document => {
    identification => $owner, rel => 'CPF' } })->{data};
my $answer = shown($uuid)->{json}{data};

is_deeply({ map { $_ => $data->{$_} } grep { $_ ne 'debtorAccounts' }
            keys %$data },
          { consentId => "urn:bank:$uuid", id => $uuid, type => 'PAYMENT',
            version => 5, status => 'AWAITING_AUTHORISATION', failing =>
            JSON::PP::false, %$asked,
            (map { $_ => $answer->{$_} } qw/ creationDateTime
                 statusUpdateDateTime expirationDateTime /),
            tpp => { clientId => $one->{client_id}, name => 'Client one',
                     organisationId => $one->{organisation_id},
                     logoUri => 'https://one.oof.test/logo.svg' } },
          'everything of it') or diag($r->{body});

is_deeply(journey($o, GET => $uuid)->{json}{data}, $data, 'by its UUID too');
is(journey($o, GET => new_uuid())->{status}, 404, 'unknown');
is(journey($o, GET => 'x')->{status}, 400, 'no id');
is(journey($o, GET => "urn:other:$uuid")->{status}, 404, 'another name');
is(journey($o, GET => $uuid, scope => 'oof_admin')->{status}, 403,
   'another scope');
is(journey($o, GET => $uuid, scope => 'oof_journey oob_customer',
           claims => { cpf => $cpf })->{status}, 404, 'of another customer');
is(journey($o, GET => $uuid, scope => 'oof_journey oob_customer',
           claims => { cpf => $owner })->{status}, 200, 'its customer');

# a consent of data sharing has the same path, and is its own API's

my $other = $o->call(POST => "$Test::Oof::Api/consents",
                     json => consent_body())->{json}{data}{consentId};
is(journey($o, GET => $other)->{json}{data}{type}, 'DATA_SHARING',
   'consents of data are shown as ever');
is(journey($o, GET => "$other/token-check")->{json}{data}{reason},
   'CONSENT_NOT_AUTHORISED', 'and checked');
is(journey($o, POST => $other, json => { data => { decision => 'REJECT',
       customer => { cpf => $cpf } } })->{json}{data}{status}, 'REJECTED',
   'and decided');


# --- no token before the decision

is_deeply(journey($o, GET => "$uuid/token-check")->{json}{data},
          { issue => JSON::PP::false, refresh => JSON::PP::false, scopes => [],
            status => 'AWAITING_AUTHORISATION',
            reason => 'CONSENT_NOT_AUTHORISED' }, 'no token yet');


# --- authorised, with the account that was chosen

my $before = (psql('SELECT count(*) FROM oof_event'))[0][0];
$r = decide($uuid, debtorAccount => $accounts[1]);
is($r->{status}, 200, 'authorised') or diag($r->{body});

my $state = $r->{json}{data};
my $at = $state->{statusUpdateDateTime};
my ($hour) = (psql("SELECT to_char(('$at'::timestamptz + interval '1 hour')"
    . " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"))[0][0];

is_deeply($state, { consentId => "urn:bank:$uuid", status => 'AUTHORISED',
                    statusUpdateDateTime => $at, expirationDateTime => $hour,
                    debtorAccount => $accounts[1] }, 'its state, for an hour');

is_signed(shown($uuid), 200,
          { %$answer, status => 'AUTHORISED', statusUpdateDateTime => $at,
            expirationDateTime => $hour, debtorAccount => $accounts[1] },
          'what the initiator sees', operation => 'GET /consents/{consentId}');
is_deeply([ (payment_history($uuid))[1] ],
          [ [ 2, $at, 'AUTHORISED', undef, 'customer' ] ], 'its history');

my ($event) = events("key = '$uuid' AND version = 2");
is((psql('SELECT count(*) FROM oof_event'))[0][0], $before + 1, 'one event');
is_deeply([ @{ $event }{qw/ type data /} ],
          [ 'oof.payment_consent.authorised',
            { consentId => "urn:bank:$uuid", clientId => $one->{client_id},
              organisationId => $one->{organisation_id},
              status => 'AUTHORISED',
              previousStatus => 'AWAITING_AUTHORISATION' } ],
          'what it tells');
is_deeply(journey($o, GET => "$uuid/token-check")->{json}{data},
          { issue => JSON::PP::true, refresh => JSON::PP::true,
            scopes => [ 'openid', "consent:urn:bank:$uuid", 'payments' ],
            status => 'AUTHORISED' }, 'tokens may be issued');

$r = journey($o, GET => $uuid);
is_deeply($r->{json}{data}{debtorAccounts}, [], 'nothing is to be chosen');
is_deeply($r->{json}{data}{debtorAccount}, $accounts[1], 'it was');


# --- decided once: 409 with the state

for my $again ({}, { decision => 'REJECT' }, { decision => 'PARTIAL' }) {
    $r = decide($uuid, %$again);
    is($r->{status}, 409, 'again: ' . ($again->{decision} // 'AUTHORISE'));
    is($r->{json}{errors}[0]{code}, 'ESTADO_CONSENTIMENTO_INVALIDO',
       'again: code');
    is($r->{json}{data}{status}, 'AUTHORISED', 'again: its state');
}

is(versions($uuid), 2, 'nothing more is written');


# --- the one that the initiator has named will do

$uuid = consent('+debtorAccount' => $accounts[0]);
$r = decide($uuid, debtorAccount => undef);
is($r->{json}{data}{status}, 'AUTHORISED', 'an account that was named');
is_deeply(shown($uuid)->{json}{data}{debtorAccount}, $accounts[0],
          'and is shown');


# --- the customer refuses, or the bank does

for my $case ([ undef, 'REJEITADO_USUARIO', 'customer',
                'O usuário rejeitou a autorização do consentimento' ],
              [ { code => 'REJEITADO_USUARIO' }, 'REJEITADO_USUARIO',
                'customer',
                'O usuário rejeitou a autorização do consentimento' ],
              [ { code => 'FALHA_INFRAESTRUTURA', detail => 'Sem sistema' },
                'FALHA_INFRAESTRUTURA', 'bank', 'Sem sistema' ])
{
    my ($reason, $code, $actor, $detail) = @$case;

    utf8::decode($detail);
    $uuid = consent();
    $r = decide($uuid, decision => 'REJECT', reason => $reason,
                customer => undef);
    is($r->{status}, 200, "$code: recorded");
    is($r->{json}{data}{status}, 'REJECTED', "$code: its state");

    $r = shown($uuid);
    is_deeply($r->{json}{data}{rejectionReason},
              { code => $code, detail => $detail }, "$code: its reason");
    Test::Oof::schema_ok('payments-v5 GET /consents/{consentId}', $r,
                         "$code: as specified");
    is_deeply([ @{ (payment_history($uuid))[1] }[2 .. 4] ],
              [ 'REJECTED', $code, $actor ], "$code: its history");
    is(journey($o, GET => "$uuid/token-check")->{json}{data}{reason}, $code,
       "$code: no token");
}


# --- another person: 403, and in v5 that is the end (spec 7, 38)

for my $version (5, 4) {
    for my $case ([ CPF => { cpf => '11144477735' } ],
                  [ CNPJ => { cpf => $owner, cnpj => '12ABC34501DE35' } ])
    {
        my ($what, $customer) = @$case;

        $uuid = consent(version => $version);
        $r = decide($uuid, customer => $customer);
        is($r->{status}, 403, "v$version: another $what");
        is($r->{json}{errors}[0]{code}, "${what}_MISMATCH",
           "v$version: another $what, code");

        my $data = shown($uuid, $version)->{json}{data};
        is($data->{status}, $version == 5 ? 'REJECTED'
                                          : 'AWAITING_AUTHORISATION',
           "v$version: another $what, the state");
        is($data->{rejectionReason}{code},
           $version == 5 ? 'AUTENTICACAO_DIVERGENTE' : undef,
           "v$version: another $what, the reason");
    }
}

is(decide($uuid)->{json}{data}{status}, 'AUTHORISED',
   'in v4 the right one may still decide');


# --- what the core finds is the reason, by the funnel's order

my %refused = (
    '300.01' => 'CONTA_NAO_PERMITE_PAGAMENTO',
    '300.02' => 'CONTAS_ORIGEM_DESTINO_IGUAIS', '300.03' => 'VALOR_INVALIDO',
    '300.04' => 'QRCODE_INVALIDO', '300.05' => 'VALOR_ACIMA_LIMITE',
    '300.06' => 'FALHA_INFRAESTRUTURA', '300.07' => 'NAO_INFORMADO',
    '999999999.99' => 'SALDO_INSUFICIENTE',
);

for my $amount (sort keys %refused) {
    for my $version (5, 4) {
        $uuid = consent(amount => $amount, version => $version);
        $r = decide($uuid);
        is($r->{status}, 200, "v$version $amount: recorded");
        is($r->{json}{data}{status}, 'REJECTED', "v$version $amount: state");
        $r = shown($uuid, $version);
        is($r->{json}{data}{rejectionReason}{code}, $refused{$amount},
           "v$version $amount: $refused{$amount}");
        Test::Oof::schema_ok("payments-v$version GET /consents/{consentId}",
                             $r, "v$version $amount: as specified");
    }
}

# a balance is no matter of a scheduled payment

$uuid = consent(amount => '999999999.99', date => undef,
                purpose => 'SINGLE_SCHEDULED',
                schedule => { single => { date => day_of(3) },
                              additionalInformation => 'x' });
is(decide($uuid)->{json}{data}{status}, 'AUTHORISED',
   'scheduled: the balance of today does not count');

# the account that is paid does not pay

$uuid = consent('-creditorAccount' => $accounts[0]);
is(decide($uuid)->{json}{data}{rejectionReason}{code},
   'CONTAS_ORIGEM_DESTINO_IGUAIS', 'from an account to itself');


# --- several who must agree

$uuid = consent();
$r = decide($uuid, decision => 'PARTIAL');
is($r->{json}{data}{status}, 'PARTIALLY_ACCEPTED', 'one has agreed')
    or diag($r->{body});
is((psql("SELECT expiration = (date_trunc('day', creation AT TIME ZONE"
         . " 'America/Sao_Paulo') + interval '1 day') AT TIME ZONE"
         . " 'America/Sao_Paulo' FROM oof_payment_consent WHERE consent_id ="
         . " '$uuid'"))[0][0], 't', 'until the end of the day in Brasilia');
is_deeply([ @{ journey($o, GET => "$uuid/token-check")->{json}{data} }
                {qw/ issue refresh status /} ],
          [ JSON::PP::true, JSON::PP::false, 'PARTIALLY_ACCEPTED' ],
          'issue alone');
Test::Oof::schema_ok('payments-v5 GET /consents/{consentId}', shown($uuid),
                     'as specified');
is(decide($uuid, decision => 'PARTIAL')->{status}, 409, 'only once');

$r = decide($uuid, customer => { cpf => '11144477735' });
is($r->{json}{data}{status}, 'AUTHORISED', 'then another');
is_deeply(shown($uuid)->{json}{data}{debtorAccount}, $accounts[0],
          'the account is the first one\'s');

$uuid = consent(date => undef, purpose => 'SINGLE_SCHEDULED',
                schedule => { single => { date => day_of(3) },
                              additionalInformation => 'x' });
decide($uuid, decision => 'PARTIAL');
is((psql("SELECT expiration = '@{[ day_of(3) ]}'::timestamp AT TIME ZONE"
         . " 'America/Sao_Paulo' FROM oof_payment_consent WHERE consent_id ="
         . " '$uuid'"))[0][0], 't', 'scheduled: until the day before');
is(decide($uuid, decision => 'REJECT', customer => undef)
       ->{json}{data}{status}, 'REJECTED', 'one may refuse');


# one that was made just before midnight waits for nobody after it

$uuid = consent();
psql("UPDATE oof_payment_consent SET creation = creation - interval '1 day'"
     . " WHERE consent_id = '$uuid'");
$r = decide($uuid, decision => 'PARTIAL');
is($r->{json}{data}{status}, 'REJECTED', 'after its day: over');
is($r->{json}{data}{rejectionReason}{code}, 'TEMPO_EXPIRADO_AUTORIZACAO',
   'after its day: why');


# --- too late

$uuid = consent();
psql("UPDATE oof_payment_consent SET expiration = now() - interval '1 second'"
     . " WHERE consent_id = '$uuid'");
$r = decide($uuid);
is($r->{status}, 409, 'late');
is($r->{json}{data}{status}, 'REJECTED', 'late: its state');
is($r->{json}{data}{rejectionReason}{code}, 'TEMPO_EXPIRADO_AUTORIZACAO',
   'late: the reason');
is(versions($uuid), 1, 'late: nothing is written');


# --- bodies

$uuid = consent();

for my $case (
    [ 'PARAMETRO_NAO_INFORMADO', 'data.decision', {} ],
    [ 'PARAMETRO_INVALIDO', 'data.decision', { decision => 'x' } ],
    [ 'PARAMETRO_NAO_INFORMADO', 'data.customer',
      { decision => 'AUTHORISE' } ],
    [ 'PARAMETRO_INVALIDO', 'data.customer.cpf',
      { decision => 'AUTHORISE', customer => { cpf => '1' } } ],
    [ 'PARAMETRO_NAO_INFORMADO', 'data.debtorAccount',
      { decision => 'AUTHORISE', customer => { cpf => $owner } } ],
    [ 'PARAMETRO_NAO_INFORMADO', 'data.debtorAccount.number',
      { decision => 'AUTHORISE', customer => { cpf => $owner },
        debtorAccount => { ispb => '12345678', accountType => 'CACC' } } ],
    [ 'PARAMETRO_INVALIDO', 'data.debtorAccount.accountType',
      { decision => 'AUTHORISE', customer => { cpf => $owner },
        debtorAccount => { ispb => '12345678', number => '1',
                           accountType => 'SLRY' } } ],
    [ 'PARAMETRO_INVALIDO', 'data.reason',
      { decision => 'AUTHORISE', customer => { cpf => $owner },
        reason => { code => 'NAO_INFORMADO' } } ],
    [ 'PARAMETRO_INVALIDO', 'data.reason.code',
      { decision => 'REJECT', reason => { code => 'CUSTOMER' } } ],
    [ 'PARAMETRO_INVALIDO', 'data.reason.code',
      { decision => 'REJECT', reason => { code => 'COBRANCA_INVALIDA' } } ])
{
    my ($code, $path, $data) = @$case;

    $r = journey($o, POST => $uuid, json => { data => $data });
    is($r->{status}, 400, "$path: status") or diag($r->{body});
    is($r->{json}{errors}[0]{code}, $code, "$path: $code");
    like($r->{json}{errors}[0]{detail}, qr/ \Q$path\E /, "$path: named");
}

is(journey($o, POST => $uuid, body => '{')->{status}, 400, 'no JSON');
is(versions($uuid), 1, 'nothing is written');


# --- a core that is slow or away decides nothing: 503, and to be tried again

for my $fault ({ mode => 'error' }, { mode => 'slow', ms => 4000 }) {
    $core->faults($fault);
    $r = decide($uuid);
    is($r->{status}, 503, "core: $fault->{mode}");
    is(shown($uuid)->{json}{data}{status}, 'AWAITING_AUTHORISATION',
       "core: $fault->{mode}, it waits");
    is(journey($o, GET => $uuid)->{json}{data}{failing}, JSON::PP::true,
       "core: $fault->{mode}, no accounts");
}

$core->faults;
is(decide($uuid)->{json}{data}{status}, 'AUTHORISED', 'once it is back');


# --- two at once: one decides

$uuid = consent();
my @pids;
pipe my $in, my $out;

for my $n (1 .. 6) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        srand $$;
        my $r = $n % 2 ? decide($uuid) : decide($uuid, decision => 'REJECT');
        syswrite $out, "$r->{status} $r->{json}{data}{status}\n";
        POSIX::_exit(0);
    }

    push @pids, $pid;
}

close $out;
my @got = sort <$in>;
waitpid $_, 0 for @pids;

is(scalar(grep { /^200/ } @got), 1, 'six at once: one is recorded')
    or diag("@got");
is(scalar(grep { /^409/ } @got), 5, 'the others are told');
is(versions($uuid), 2, 'one change');


# --- nothing of persons in events and logs

is((psql("SELECT string_agg(data, '') FROM oof_event"))[0][0]
       =~ /$owner|11144477735|Marco|pix\.bcb|$accounts[0]{number}/ ? 1 : 0, 0,
   'events tell of nobody');
unlike($o->log_text . $o->access_text,
       qr/$owner|11144477735|Marco|pix\.bcb|$accounts[0]{number}/,
       'nor do logs');

done_testing();
