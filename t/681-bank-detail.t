#!/usr/bin/perl

# Copyright (C) oof authors

# GET /v1/consents/{consentId}, GET /v1/consents/{consentId}/extends and
# GET /consents/v2/active of the consent management API.  Spec 1.5, 1.8.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at renewal extend_consent history /;
use Test::Oof::Journey qw/ decide new_consent account_ids $Ana $Bruno $Carla
                           $Davi @Bakery %Groups /;
use Test::Oof::Bank;

my $o = bank_side();
my ($id, $r, $d);

sub detail { ask($o, 'GET', '/v1/consents/{consentId}', id => $_[0],
                 @_[1 .. $#_]) }

sub states { join ' ', map { $_->{consentStatus} . ($_->{operatorUsername}
                             ? "/$_->{operatorUsername}" : '') }
                       @{ $_[0]{json}{data}{consentHistoryStatus} } }


# --- all that is told of a consent

my $end = at(86400 * 365);

$id = new_consent($o, groups => [ 'accounts', 'cards' ],
                  more => { expirationDateTime => $end });
$id =~ s/^urn:bank://;

$d = detail($id)->{json}{data};
is_deeply([ sort keys %$d ], [ sort qw/ brandId externalId personDocumentType
    personDocumentNumber createdOn expiredOn resources authorizations
    permissions consentHistoryStatus status type orgName tppName / ],
    'before: members');
is_deeply($d->{resources}, [], 'before: nothing is shared yet');
is_deeply($d->{authorizations}, [ { personDocumentNumber => $Ana,
    isRequirer => JSON::PP::true(), status => 'AWAITING_AUTHORISATION' } ],
    'before: who asked for it');

my @chosen = account_ids($o, $id);
decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => \@chosen);

$r = detail($id);
is($r->{status}, 200, 'detail: status') or diag($r->{body});
is($r->{headers}{'content-type'}, 'application/json', 'detail: media type');
$d = $r->{json}{data};

is_deeply({ map { $_ => $d->{$_} } qw/ brandId externalId personDocumentType
    personDocumentNumber expiredOn status type orgName tppName / },
    { brandId => 'bank', externalId => "urn:bank:$id",
      personDocumentType => 'CPF', personDocumentNumber => $Ana,
      expiredOn => $end, status => 'AUTHORISED', type => 'DATA_SHARING',
      orgName => 'Client one', tppName => 'Client one' }, 'detail: terms');
is_deeply([ sort map { $_->{resourceId} } @{ $d->{resources} } ],
          [ sort map { $_->{resourceId} } @chosen ],
          'detail: what is shared');
is_deeply([ sort map { "$_->{type} $_->{status} $_->{legacyId}[0]{key}"
                       . " $_->{legacyId}[0]{value}" }
            @{ $d->{resources} } ],
          [ 'ACCOUNT AVAILABLE account 10000011',
            'ACCOUNT AVAILABLE account 10000029',
            'CREDIT_CARD_ACCOUNT AVAILABLE card 5100001' ],
          'detail: as the core calls it');
is(join(' ', map { $_->{name} } @{ $d->{permissions} }),
   'ACCOUNTS_READ ACCOUNTS_BALANCES_READ CREDIT_CARDS_ACCOUNTS_READ'
   . ' CREDIT_CARDS_ACCOUNTS_LIMITS_READ RESOURCES_READ',
   'detail: permissions');
is_deeply($d->{permissions}[1], { name => 'ACCOUNTS_BALANCES_READ',
    title => 'Saldos das contas',
    description => "Valores dispon\xedveis, bloqueados e investidos das"
                   . ' contas' }, 'detail: a permission in words');
is(states($r), 'AWAITING_AUTHORISATION AUTHORISED', 'detail: history');
ok(is_at($d->{consentHistoryStatus}[1]{updatedOn}), 'detail: with times');

is(detail("urn:bank:$id")->{json}{data}{externalId}, "urn:bank:$id",
   'detail: by URN');
is(detail(uc $id)->{json}{data}{externalId}, "urn:bank:$id",
   'detail: in capitals');

# every permission has words of its own

my @all = map { @{ $Groups{$_} } } qw/ accounts cards person credit investments
                                       exchange /;
psql("UPDATE oof_consent SET permissions = 68719476735 WHERE consent_id ="
     . " '$id'");
$d = detail($id)->{json}{data};
is(scalar @{ $d->{permissions} }, 36, 'all permissions');
is(scalar keys %{ { map { $_->{$_[0] // 'title'} => 1 }
                    @{ $d->{permissions} } } }, 36, 'each with its title');
is(scalar keys %{ { map { $_->{description} => 1 } @{ $d->{permissions} } } },
   36, 'each with its description');

# a company's

my $company = new_consent($o, @Bakery, groups => [ 'accounts', 'company' ]);
$d = detail($company =~ s/^urn:bank://r)->{json}{data};
is_deeply({ map { $_ => $d->{$_} } grep { /Document/ } keys %$d },
          { personDocumentType => 'CPF', personDocumentNumber => $Bakery[1],
            businessDocumentType => 'CNPJ',
            businessDocumentNumber => $Bakery[3] }, 'a company: documents');
ok(!exists $d->{consentHistoryStatus}[0]{operatorUsername},
   'a client is no operator');

# the optimised journey

my $linked = new_consent($o, more => { isLinked => JSON::PP::true(),
                                       expirationDateTime => undef });
ok(!exists detail($linked =~ s/^urn:bank://r)->{json}{data}{linkedConsents},
   'linked: not known to what yet');
decide($o, $linked, 'AUTHORISE', cpf => $Ana, journey => {
    linkId => 'urn:bank:recurring:1' });
$d = detail($linked =~ s/^urn:bank://r)->{json}{data};
is_deeply($d->{linkedConsents}, [ { externalId => 'urn:bank:recurring:1' } ],
          'linked: to what');
ok(!exists $d->{expiredOn}, 'an indefinite term has no end');


# --- several people

my $joint = in_state($o, 'AUTHORISED', cpf => $Carla);
$d = detail($joint)->{json}{data};
is_deeply($d->{authorizations}, [
    { personDocumentNumber => $Carla, isRequirer => JSON::PP::true(),
      status => 'AUTHORISED' },
    { personDocumentNumber => $Davi, personName => 'Davi Rocha',
      isRequirer => JSON::PP::false(), status => 'AWAITING_AUTHORISATION' } ],
    'several people: the other one has to agree');
is_deeply([ map { $_->{status} } @{ $d->{resources} } ], [ 'UNAVAILABLE' ],
          'several people: what waits is not available');
decide($o, $joint, 'AUTHORISE', cpf => $Davi);
$d = detail($joint)->{json}{data};
is($d->{authorizations}[1]{status}, 'AUTHORISED', 'several people: he has');
is_deeply([ map { $_->{status} } @{ $d->{resources} } ], [ 'AVAILABLE' ],
          'several people: then it is');
is(states(detail($joint)), 'AWAITING_AUTHORISATION AUTHORISED',
   'several people: no new state of the consent');

my $refused = in_state($o, 'AUTHORISED', cpf => $Carla);
decide($o, $refused, 'REJECT', cpf => $Davi);
is(detail($refused)->{json}{data}{authorizations}[1]{status}, 'REJECTED',
   'several people: he has refused');


# --- ends

sub ended {
    my ($uuid) = @_;

    my $r = detail($uuid);
    my $d = $r->{json}{data};
    my ($n, $v) = @$d{qw/ rejection revocation /};

    return join ' | ', $d->{status}, states($r),
        $n ? "$n->{rejectedBy} $n->{reason}{code}" : '-',
        $v ? "$v->{revokedBy} $v->{reason}{code}" : '-';
}

is(ended(in_state($o, 'REJECTED')), 'REJECTED | AWAITING_AUTHORISATION'
   . ' REJECTED | USER CUSTOMER_MANUALLY_REJECTED | -', 'refused');
is(ended(in_state($o, 'REVOKED')), 'REVOKED | AWAITING_AUTHORISATION AUTHORISED'
   . ' REVOKED | USER CUSTOMER_MANUALLY_REVOKED | USER OTHER', 'revoked');

my $timeout = due_now(in_state($o, 'AWAITING_AUTHORISATION'), 5);
is(ended($timeout), 'TIMEOUT_AUTHORISATION | AWAITING_AUTHORISATION'
   . ' TIMEOUT_AUTHORISATION | ASPSP CONSENT_EXPIRED | -',
   'not authorised in time');

my $expired = due_now(in_state($o, 'AUTHORISED'), 5);
is(ended($expired), 'EXPIRED | AWAITING_AUTHORISATION AUTHORISED EXPIRED'
   . ' | ASPSP CONSENT_MAX_DATE_REACHED | -', 'its date is reached');

my ($due) = psql("SELECT to_char(expiration AT TIME ZONE 'UTC',"
                 . " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM oof_consent WHERE"
                 . " consent_id = '$expired'");
is(detail($expired)->{json}{data}{consentHistoryStatus}[2]{updatedOn},
   $due->[0], 'its date is reached: at that instant');

# the same when it has been written

for ([ $timeout, 'CONSENT_EXPIRED' ],
     [ $expired, 'CONSENT_MAX_DATE_REACHED' ]) {
    my ($uuid, $reason) = @$_;
    my $before = ended($uuid);

    psql("UPDATE oof_consent SET status = 'REJECTED', rejected_by = 'ASPSP',"
         . " reason_code = '$reason', status_update = due, version = version"
         . " + 1 WHERE consent_id = '$uuid' AND status <> 'REJECTED'");
    psql('INSERT INTO oof_consent_history (consent_id, version, "at", status,'
         . ' rejected_by, reason_code, actor, event_id) SELECT consent_id,'
         . " version, status_update, status, rejected_by, reason_code, 'time',"
         . " gen_random_uuid() FROM oof_consent WHERE consent_id = '$uuid'"
         . ' ON CONFLICT DO NOTHING');
    is(ended($uuid), $before, "written: $reason");
}


# --- renewals

my $renewed = in_state($o, 'AUTHORISED', more => {
    expirationDateTime => at(86400) });
my $person = { document => { identification => $Ana, rel => 'CPF' } };

sub renewals { ask($o, 'GET', '/v1/consents/{consentId}/extends',
                   id => $renewed, @_) }

is_deeply(renewals()->{json}{data}, [], 'no renewal yet');

my @ends = map { at(86400 * $_) } 2 .. 4;
for my $at (@ends, undef) {
    is(extend_consent($o, "urn:bank:$renewed",
           renewal(expirationDateTime => $at, loggedUser => $person))
       ->{status}, 201, 'renewed');
}

$r = renewals();
is_deeply([ map { $_->{expirationDateTime} } @{ $r->{json}{data} } ],
          [ undef, reverse @ends ], 'renewals: the newest first');
is_deeply([ sort keys %{ $r->{json}{data}[1] } ],
          [ sort qw/ expirationDateTime loggedUser requestDateTime / ],
          'renewals: members');
is_deeply($r->{json}{data}[1]{loggedUser}, $person, 'renewals: by whom');
is(states(detail($renewed)), 'AWAITING_AUTHORISATION AUTHORISED',
   'a renewal is no new state');

my $base = "$Test::Oof::BaseUrl$Bank/v1/consents/$renewed/extends";
$r = renewals(query => 'page-size=2&page=2');
is(scalar @{ $r->{json}{data} }, 2, 'renewals: the second page');
delete $r->{json}{meta}{requestDateTime};
is_deeply($r->{json}{meta}, { totalRecords => 4, totalPages => 2 },
          'renewals: meta');
is_deeply($r->{json}{links}, { self => "$base?page-size=2&page=2",
    first => "$base?page=1&page-size=2", prev => "$base?page=1&page-size=2" },
    'renewals: links');
is(said(renewals(query => 'page=2')), '422 PAGE_NOT_FOUND',
   'renewals: behind the last page');
is(said(renewals(query => 'page=x')), '400 PARAMETRO_INVALIDO',
   'renewals: no page');
is(said(renewals(customer => $Bruno)), '404 NOT_FOUND',
   'renewals: another customer');


# --- the stock of active consents

sub stock {
    my ($query, %args) = @_;

    return ask($o, 'GET', '/consents/v2/active', query => $query, %args);
}

psql('DELETE FROM oof_consent');

my @active = map { backdated(in_state($o, 'AUTHORISED', more => {
    expirationDateTime => $_ ? at(86400 * $_) : undef }), 1000 - $_) }
    10, 20, 30, 0;
push @active, in_state($o, 'AUTHORISED', @Bakery,
                       groups => [ 'accounts', 'company' ],
                       more => { expirationDateTime => at(86400 * 40) });
in_state($o, $_) for qw/ REVOKED REJECTED AWAITING_AUTHORISATION /;
due_now(in_state($o, 'AUTHORISED'), 5);

$r = stock();
is(join(' ', map { $_->{externalId} } @{ $r->{json}{data} }),
   join(' ', map { "urn:bank:$active[$_]" } 4, 2, 1, 0, 3),
   'active: which they are');
is_deeply([ sort keys %{ $r->{json}{data}[0] } ], [ sort qw/ externalId
    personDocumentType personDocumentNumber businessDocumentType
    businessDocumentNumber creationDateTime status expirationDateTime / ],
    'active: members');
is_deeply({ map { $_ => $r->{json}{data}[0]{$_} } qw/ personDocumentNumber
    businessDocumentNumber status / }, { personDocumentNumber => $Bakery[1],
    businessDocumentNumber => $Bakery[3], status => 'AUTHORISED' },
    'active: a company\'s');
ok(!exists $r->{json}{data}[4]{expirationDateTime},
   'active: one that has no end');
is($r->{json}{meta}{totalRecords}, 5, 'active: how many');

sub which { join ' ', map { my $id = $_->{externalId} =~ s/^urn:bank://r;
                            grep { $active[$_] eq $id } 0 .. $#active }
                      @{ $_[0]{json}{data} } }

is(which(stock("startDate=$r->{json}{data}[2]{creationDateTime}")), '4 2',
   'active: created after');
is(which(stock('endDate=' . at(86400 * 25))), '1 0',
   'active: ends before, and has an end');
is(which(stock('endDate=' . at(86400 * 25) . '&startDate='
               . $r->{json}{data}[3]{creationDateTime})), '1',
   'active: both');
is(which(stock('page-size=2&page=2')), '1 0', 'active: a page');

my (@seen, $query) = ();
for ($query = 'page-size=2'; defined $query; ) {
    my $page = stock($query);
    push @seen, which($page);
    ($query) = ($page->{json}{links}{next} // '') =~ /\?(.*)/;
}
is("@seen", '4 2 1 0 3', 'active: by its links');

is(said(stock($_)), '400 PARAMETRO_INVALIDO', "active: $_")
    for 'startDate=x', 'startDate=2026-01-01', 'endDate=',
        'endDate=2026-02-30T00:00:00Z', 'page=0', 'pagination-key=x';
is(stock(undef, scope => $Write)->{status}, 403, 'active: another scope');
is(which(stock(undef, customer => $Bakery[1], cnpj => $Bakery[3])), '4',
   'active: a customer\'s token sees that customer\'s');
is(which(stock('endDate=' . at(86400 * 25), customer => $Ana)), '1 0',
   'active: a customer\'s that end before');


# --- which there are, and who may see them

my @unknown = (404, 'NOT_FOUND', 'Consentimento não encontrado',
               'Não há consentimento com o consentId informado.');

$id = $active[0];

for my $path ('/v1/consents/{consentId}', '/v1/consents/{consentId}/extends') {
    my $get = sub { ask($o, 'GET', $path, id => $_[0], @_[1 .. $#_]) };

    refused_as($get->(new_uuid()), @unknown, "$path: unknown");
    refused_as($get->('urn:other:' . new_uuid()), @unknown,
               "$path: another namespace");
    refused_as($get->('x' x 36), @unknown, "$path: no UUID");
    refused_as($get->('x'), 400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido',
               'O parâmetro consentId não é um URN nem um UUID.',
               "$path: no id");
    refused_as($get->($id, customer => $Bruno), @unknown,
               "$path: another customer");
    refused_as($get->($active[4], customer => $Bakery[1]), @unknown,
               "$path: a company's, in person");
    is($get->($active[4], customer => $Bakery[1], cnpj => $Bakery[3])
       ->{status}, 200, "$path: a company's, for it");
    is($get->($id, customer => $Ana)->{status}, 200, "$path: the customer");
    is(said($get->($id, scope => $Write)), '403 FORBIDDEN',
       "$path: another scope");
    is($get->($id, token => undef)->{status}, 401, "$path: no token");

    psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id = '$id'");
    refused_as($get->($id, headers => { 'X-Brand-ID' => 'second' }), @unknown,
               "$path: another brand's");
    psql("UPDATE oof_consent SET brand = 'bank' WHERE consent_id = '$id'");
}

unlike($o->log_text, qr/\b$_\b/, "no $_ in a log")
    for $Ana, $Carla, $Davi, @Bakery[1, 3];

done_testing();
