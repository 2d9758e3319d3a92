#!/usr/bin/perl

# Copyright (C) oof authors

# POST /consents/{consentId}/extends: who may, when, and what is written (spec
# 1.7; 7, 16; 7, 17; 7, 24; 5.4).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $operation = 'POST /consents/{consentId}/extends';
my $one = $Test::Oof::Clients{one};
my $ip = '203.0.113.7';

my $o = Test::Oof->start(workers => 2, server => 'oof_consent_max_term 3650d;');

my @bound = (403, [ 'FORBIDDEN', 'Acesso negado ao consentimento',
                    'O token de acesso não é do consentimento informado.' ]);
my @party = (403, [ 'FORBIDDEN', 'Acesso negado ao consentimento',
                    'O usuário ou a empresa informados não podem renovar o '
                    . 'consentimento.' ]);
my @foreign = (403, [ 'FORBIDDEN', 'Acesso negado ao consentimento',
                      'O consentimento informado não foi criado por este '
                      . 'cliente.' ]);
my @unknown = (404, [ 'NOT_FOUND', 'Consentimento não encontrado',
                      'Não há consentimento com o consentId informado.' ]);
my @state = (422, [ 'ESTADO_CONSENTIMENTO_INVALIDO',
                    'Estado inválido do consentimento.',
                    'O consentimento informado não pode ser renovado sem '
                    . 'redirecionamento porque está em um estado que não '
                    . 'permite a renovação.' ]);
my @multiple = (422, [ 'DEPENDE_MULTIPLA_ALCADA',
                       'Necessário aprovação de múltipla alçada.',
                       'O consentimento informado não pode ser renovado sem '
                       . 'redirecionamento porque depende de múltipla alçada '
                       . 'para aprovação.' ]);
my @date = (422, [ 'DATA_EXPIRACAO_INVALIDA',
                   'Nova data para expiração do consentimento é inválida.',
                   'O consentimento informado não pode ser renovado pois a '
                   . 'nova data de expiração não segue a convenção do '
                   . 'ecossistema.' ]);
my @invalid = (400, [ 'BAD_REQUEST', 'Cabeçalho inválido',
                      'O valor de um cabeçalho da requisição é inválido.' ]);


# --- what it does: a later end, another, then none (spec 1.7)

my $first = at(86400 * 10);
my $uuid = authorised($o, expirationDateTime => $first);
my $created = row($uuid);
my $end = at(86400 * 20);

renewed('a later end', $uuid, renewal(expirationDateTime => $end), $end,
        $first);
my $later = at(86400 * 20 + 1);
renewed('one second later', $uuid, renewal(expirationDateTime => $later),
        $later, $end);
renewed('no end', $uuid, renewal(expirationDateTime => undef), undef, $later);
renewed('no end again', $uuid, renewal(expirationDateTime => undef), undef,
        undef);

# the answer and the GET say the same, and nothing is made up (spec 7, 24)

my $data = get_consent($o, "urn:bank:$uuid")->{json}{data};

is_deeply($data, { consentId => "urn:bank:$uuid",
                   creationDateTime => $created->{creation},
                   status => 'AUTHORISED',
                   statusUpdateDateTime => $created->{status_update},
                   permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                                        RESOURCES_READ / ] },
          'GET: the end has gone, all else is as it was');

is_deeply([ map { [ @$_[0, 2, 3, 5] ] } history($uuid) ],
          [ [ 1, 'AWAITING_AUTHORISATION', undef, 'client' ],
            map { [ $_, 'AUTHORISED', undef, 'client' ] } 3 .. 6 ],
          'the history');


# what is stored of who asked is sealed

my $dump = join '', map { join '|', map { $_ // '' } @$_ }
    psql("SELECT x::text, encode(personal, 'escape') FROM"
         . " oof_consent_extension x WHERE consent_id = '$uuid'"),
    psql("SELECT e::text FROM oof_event e WHERE key = '$uuid'");

unlike($dump, qr/48847377765|203\.0\.113|Receiver/,
       'nothing personal is stored or told in clear');
unlike($o->log_text . $o->access_text, qr/48847377765|Receiver\/1/,
       'nor logged');


# --- a company: whoever is logged in, for that very company

my $company = { document => { identification => '12345678000195',
                              rel => 'CNPJ' } };
my $other = { document => { identification => '12345678000196',
                            rel => 'CNPJ' } };
my $person = { document => { identification => '11111111111', rel => 'CPF' } };

my $business = authorised($o, businessEntity => $company,
                          expirationDateTime => $first);

renewed('a company, by another user', $business,
        renewal(loggedUser => $person, businessEntity => $company,
                expirationDateTime => $end), $end, $first);


# --- security errors, which come before all others and leave no trace

my $theirs = authorised($o, expirationDateTime => $first);
my $urn = "urn:bank:$theirs";
my $good = renewal(expirationDateTime => $end);

my $awaiting = uuid_of(post($o, consent_body()));
my $expired = insert_consent(authorise_until => '2026-01-01T10:00:00Z');
my $gone = authorised($o, expirationDateTime => $first);
is(end_consent($o, "urn:bank:$gone")->{status}, 204, 'one is revoked');
my $several = authorised($o, expirationDateTime => $first);
psql("UPDATE oof_consent SET multiple = true WHERE consent_id = '$several'");
my $brand = insert_consent(brand => 'second', status => 'AUTHORISED');
my $endless = authorised($o, expirationDateTime => undef);

# of whom they are; the rows that are made by hand have no documents

psql('UPDATE oof_consent SET cpf_hmac = (SELECT cpf_hmac FROM oof_consent'
     . " WHERE consent_id = '$theirs') WHERE consent_id IN"
     . " ('$expired', '$brand')");

my @before = state_of();

my $r = extend_consent($o, $urn, $good, scope => 'consents');
is($r->{status}, 401, 'a client credentials token: 401');
is($r->{json}{errors}[0]{code}, 'UNAUTHORIZED', 'and its code');

$r = extend_consent($o, $urn, $good, scope => "accounts consent:$urn");
is($r->{status}, 403, 'without scope openid: 403');

$r = extend_consent($o, $urn, $good, token => undef);
is($r->{status}, 401, 'no token: 401');

refused('a token of another consent', $theirs, $good, @bound,
        scope => "openid consent:urn:bank:$uuid");
refused('a token of another consent, and nothing else is right', $theirs,
        '{', @bound, scope => "openid consent:urn:bank:$uuid",
        headers => { 'x-customer-user-agent' => undef });
refused('a malformed path', "$theirs%20", $good, @bound, scope =>
        "openid consent:$urn");
refused('another user', $theirs,
        renewal(loggedUser => $person, expirationDateTime => $end), @party);
refused('another user, and an end that is no later', $theirs,
        renewal(loggedUser => $person, expirationDateTime => $first), @party);
refused('a company for a person', $theirs,
        renewal(businessEntity => $company, expirationDateTime => $end),
        @party);
refused('another company', $business,
        renewal(businessEntity => $other, expirationDateTime => $later),
        @party);
refused('no company for a company', $business,
        renewal(expirationDateTime => $later), @party);
refused("another client's", $theirs, $good, @foreign, client => 'two');
refused("another brand's", $brand, $good, @unknown);
refused('unknown', '01936000-0000-7000-8000-ffffffffffff', $good, @unknown);

$r = extend_consent($o, "urn:bank:$awaiting", $good);
is($r->{status}, 401, 'not authorised yet: 401');
schema_ok("consents-v3 $operation", $r);


# --- headers that must be there (spec 7, 17)

for my $name (qw/ x-fapi-customer-ip-address x-customer-user-agent /) {
    refused("no $name", $theirs, $good,
            400, [ 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado',
                   "O cabeçalho $name é obrigatório e não foi informado." ],
            headers => { $name => undef });
    refused("empty $name", $theirs, $good, @invalid,
            headers => { $name => '' });
    refused("blanks in $name", $theirs, $good, @invalid,
            headers => { $name => "\tx" });
}

refused('an address that is too long', $theirs, $good, @invalid,
        headers => { 'x-fapi-customer-ip-address' => '1' x 101 });
refused('an agent that is too long', $theirs, $good, @invalid,
        headers => { 'x-customer-user-agent' => 'x' x 256 });


# --- bodies

my $invalid = sub { my ($what, $how) = @_;
    (400, [ 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
            "O campo $what $how" ]) };
my $missing = sub {
    (400, [ 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado',
            "O campo $_[0] é obrigatório e não foi informado." ]) };

refused('no user', $theirs, renewal(loggedUser => undef),
        $missing->('data.loggedUser'));
refused('no data', $theirs, {}, $missing->('data'));
refused('a CPF of letters', $theirs,
        renewal(loggedUser => { document => { identification => 'x' x 11,
                                              rel => 'CPF' } }),
        $invalid->('data.loggedUser.document.identification',
                   'não tem o formato exigido.'));
refused('a CNPJ of lower case', $theirs,
        renewal(businessEntity => { document =>
                    { identification => '1234567800019x', rel => 'CNPJ' } }),
        $invalid->('data.businessEntity.document.identification',
                   'não tem o formato exigido.'));
refused('an end with a fraction', $theirs,
        renewal(expirationDateTime => '2099-01-01T00:00:00.0Z'),
        $invalid->('data.expirationDateTime', 'não tem o tamanho permitido.'));
refused('an end with an offset', $theirs,
        renewal(expirationDateTime => '2099-01-01T00:00:00-'),
        $invalid->('data.expirationDateTime', 'não tem o formato exigido.'));
refused('an end that is no text', $theirs, renewal(expirationDateTime => 1),
        $invalid->('data.expirationDateTime', 'não tem o tipo esperado.'));

$r = extend_consent($o, $urn, '{"data":');
is($r->{status}, 400, 'a body that is cut off: 400');
$r = extend_consent($o, $urn, $good,
                    headers => { 'Content-Type' => 'application/jwt' });
is($r->{status}, 415, 'another media type: 415');
$r = extend_consent($o, $urn, $good, headers => { 'Accept' => 'text/html' });
is($r->{status}, 406, 'another answer is wanted: 406');
is($o->call('GET', "$Consents/$urn/extends")->{status}, 405, 'GET: 405');


# --- rules (spec 7, 17: shortening or an equal date)

refused('the same end', $theirs, renewal(expirationDateTime => $first), @date);
refused('an earlier end', $theirs,
        renewal(expirationDateTime => at(86400 * 9)), @date);
refused('a past end', $theirs,
        renewal(expirationDateTime => '2026-01-01T00:00:00Z'), @date);
refused('a day that there is not', $theirs,
        renewal(expirationDateTime => '2099-02-30T00:00:00Z'), @date);
refused('a longer term than the institution takes', $theirs,
        renewal(expirationDateTime => at(86400 * 3651)), @date);
refused('an end for what has none', $endless,
        renewal(expirationDateTime => $end), @date);
refused('a revoked one', $gone, $good, @state);
refused('one that was not authorised in time', $expired, $good, @state);
refused('one that several must agree to', $several, $good, @multiple);
refused('several, and an end that is no later', $several,
        renewal(expirationDateTime => $first), @multiple);
refused('a revoked one, and an end that is no later', $gone,
        renewal(expirationDateTime => $first), @state);

is_deeply([ state_of() ], \@before, 'nothing is written of all that');


# --- time ends it first: at its due instant it is over (spec 1.5)

$o->clock(86400 * 10 + 5);
wait_for(sub { get_consent($o, $urn)->{json}{data}{status} eq 'REJECTED' }, 5,
         'the clock');
sleep 1;
refused('past its end', $theirs, renewal(expirationDateTime => $later), @state);
is_deeply([ state_of() ], \@before, 'nor then');

done_testing();


sub refused {
    my ($name, $consent, $body, $status, $error, %args) = @_;

    my $r = extend_consent($o, "urn:bank:$consent", $body, %args);

    is_refused($r, $status, $error, $name, $operation);
}


sub state_of {
    return psql('SELECT consent_id, version, expiration, xmin FROM oof_consent'
                . ' ORDER BY 1'),
           psql('SELECT count(*) FROM oof_consent_history'),
           psql('SELECT count(*) FROM oof_consent_extension'),
           psql('SELECT count(*) FROM oof_event');
}


# extends and looks at everything that was written

sub renewed {
    my ($name, $consent, $body, $end, $previous) = @_;

    my $before = row($consent);
    my $r = extend_consent($o, "urn:bank:$consent", $body);

    is_consent($r, 201, qq("creationDateTime":"$before->{creation}",)
               . '"status":"AUTHORISED",'
               . qq("statusUpdateDateTime":"$before->{status_update}",)
               . '"permissions":["ACCOUNTS_READ","ACCOUNTS_BALANCES_READ",'
               . '"RESOURCES_READ"]'
               . ($end ? qq(,"expirationDateTime":"$end") : ''),
               $name, $operation);

    my $now = row($consent);

    is_deeply($now, { %$before, expiration => $end, due => $end,
                      version => $before->{version} + 1 },
              "$name: only the end has changed");

    my $where = "c.consent_id = '$consent' AND c.version = $now->{version}";
    my ($x, @more) = psql('SELECT x.event_id, x.version, h.status, h.actor,'
                          . ' x."at" = h."at", x."at" = e."time",'
                          . ' e.stamp = c.stamp, x.event_id = h.event_id,'
                          . ' e.version = x.version, x."at" BETWEEN now() -'
                          . " interval '4s' AND now(), "
                          . iso('x.expiration') . ', ' . iso('x.previous')
                          . ' FROM oof_consent c JOIN'
                          . ' oof_consent_history h USING (consent_id, version)'
                          . ' JOIN oof_consent_extension x'
                          . ' USING (consent_id, version)'
                          . ' JOIN oof_event e ON e.id = x.event_id'
                          . " WHERE $where");

    is_deeply(\@more, [], "$name: one row of each");

    my $event = shift @$x;

    is_deeply($x, [ $now->{version}, 'AUTHORISED', 'client', ('t') x 6, $end,
                    $previous ], "$name: which agree");

    my ($e) = events("id = '$event'");

    is_deeply([ @$e{qw/ type brand key data /} ],
              [ 'oof.consent.extended', 'bank', $consent,
                { consentId => "urn:bank:$consent",
                  clientId => $one->{client_id},
                  organisationId => $one->{organisation_id},
                  status => 'AUTHORISED', previousStatus => 'AUTHORISED',
                  permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                                       RESOURCES_READ / ],
                  $end ? (expirationDateTime => $end) : () } ],
              "$name: the event");
}


sub iso { Test::Oof::Consents::iso($_[0]) }
