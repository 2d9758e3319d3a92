#!/usr/bin/perl

# Copyright (C) oof authors

# POST /consents that is accepted: the answer, the rows, what is sealed, what
# is dropped and what is kept (spec 1.1, 1.2, 1.4; spec 7, 21, 22, 24).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::AuthEnc::GCM;
use Crypt::Mac::HMAC;
use JSON::PP;
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $o = Test::Oof->start();

my $cpf = '48847377765';
my $cnpj = '12ABC34501DE35';
my $one = $Test::Oof::Clients{one};

my %groups = (
    1 => [ qw/ CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ RESOURCES_READ / ],
    2 => [ qw/ CUSTOMERS_PERSONAL_ADITTIONALINFO_READ RESOURCES_READ / ],
    3 => [ qw/ CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ RESOURCES_READ / ],
    4 => [ qw/ CUSTOMERS_BUSINESS_ADITTIONALINFO_READ RESOURCES_READ / ],
    5 => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ RESOURCES_READ / ],
    6 => [ qw/ ACCOUNTS_READ ACCOUNTS_OVERDRAFT_LIMITS_READ
               RESOURCES_READ / ],
    7 => [ qw/ ACCOUNTS_READ ACCOUNTS_TRANSACTIONS_READ RESOURCES_READ / ],
    8 => [ qw/ CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_LIMITS_READ
               RESOURCES_READ / ],
    9 => [ qw/ CREDIT_CARDS_ACCOUNTS_READ
               CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ RESOURCES_READ / ],
    10 => [ qw/ CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_BILLS_READ
                CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ
                RESOURCES_READ / ],
    11 => [ (map { my $product = $_;
                   map { "${product}_$_" }
                       qw/ READ SCHEDULED_INSTALMENTS_READ PAYMENTS_READ
                           WARRANTIES_READ / }
                 qw/ FINANCINGS INVOICE_FINANCINGS LOANS
                     UNARRANGED_ACCOUNTS_OVERDRAFT /), 'RESOURCES_READ' ],
    12 => [ qw/ RESOURCES_READ BANK_FIXED_INCOMES_READ
                CREDIT_FIXED_INCOMES_READ FUNDS_READ VARIABLE_INCOMES_READ
                TREASURE_TITLES_READ / ],
    13 => [ qw/ RESOURCES_READ EXCHANGES_READ / ],
);


# --- the plain case, in full

my $end = at(86400 * 365);
my $r = post($o, consent_body(expirationDateTime => $end));
my $uuid = is_consent($r, 201, consent_ok($r, expiration => $end), 'a person');

my $creation = $r->{json}{data}{creationDateTime};
is($creation, (sort grep { $_ eq $creation } map { at($_) } -3 .. 1)[0],
   'created now');

my $row = row($uuid);
my @sealed = (delete $row->{personal}, delete $row->{cpf_hmac});
my $due = $row->{authorise_until};

is_deeply($row, {
    brand => 'bank', client_id => $one->{client_id},
    organisation_id => $one->{organisation_id},
    status => 'AWAITING_AUTHORISATION', permissions => 536870915,
    linked => undef, link_id => undef, rejected_by => undef,
    reason_code => undef, reason_info => undef, version => 1,
    creation => $creation, status_update => $creation, expiration => $end,
    authorise_until => $due, due => $due, cnpj_hmac => undef,
}, 'its row');

is((psql("SELECT authorise_until - creation FROM oof_consent"
         . " WHERE consent_id = '$uuid'"))[0][0], '01:00:00',
   'it waits for 60 minutes');

is_deeply([ history($uuid) ],
          [ [ 1, $creation, 'AWAITING_AUTHORISATION', undef, undef,
              'client' ] ],
          'its history');

my @events = events();
my $data = '{"consentId":"urn:bank:' . $uuid . '","clientId":"'
           . $one->{client_id} . '","organisationId":"'
           . $one->{organisation_id} . '","status":"AWAITING_AUTHORISATION",'
           . '"permissions":["ACCOUNTS_READ","ACCOUNTS_BALANCES_READ",'
           . '"RESOURCES_READ"],"expirationDateTime":"' . $end . '"}';

is(scalar @events, 1, 'one event');
is_deeply([ @{ $events[0] }{qw/ type brand key version /} ],
          [ 'oof.consent.created', 'bank', $uuid, 1 ], 'what it tells');
is((psql('SELECT data FROM oof_event'))[0][0], $data, 'its data');
is((psql('SELECT h.event_id = e.id FROM oof_event e, oof_consent_history h'))
       [0][0], 't', 'the history names it');
is((psql('SELECT c.stamp = e.stamp AND e."time" = c.creation'
         . ' FROM oof_event e, oof_consent c'))[0][0], 't',
   'its time and its stamp');


# --- who it is about is sealed

is(opened($sealed[0], $uuid), '{"loggedUser":{"document":{"identification":'
                              . qq("$cpf","rel":"CPF"}}}), 'the sealed value');
is($sealed[1], lookup('consent.cpf', $cpf), 'the look-up value');

is(nowhere($cpf), '', 'the CPF is nowhere in clear');


# --- a company

$r = post($o, company(permissions => $groups{3}));
$uuid = is_consent($r, 201, consent_ok($r, permissions => $groups{3}),
                   'a company');
$row = row($uuid);
is(opened($row->{personal}, $uuid),
   qq({"loggedUser":{"document":{"identification":"$cpf","rel":"CPF"}},)
   . qq("businessEntity":{"document":{"identification":"$cnpj",)
   . qq("rel":"CNPJ"}}}), 'a company: the sealed value');
is($row->{cpf_hmac}, $sealed[1], 'a company: the same person');
is($row->{cnpj_hmac}, lookup('consent.cnpj', $cnpj),
   'a company: its look-up value');
is($row->{expiration}, undef, 'a company: an indefinite term');
is(nowhere($cnpj), '', 'the CNPJ is nowhere in clear');

isnt(row($uuid)->{personal}, row(uuid_of(post($o, company())))->{personal},
     'no two sealed values are alike');


# --- every group

for my $n (sort { $a <=> $b } keys %groups) {
    my $body = $n == 3 || $n == 4 ? company(permissions => $groups{$n})
                                  : person(permissions => $groups{$n});
    $r = post($o, $body);
    is_consent($r, 201, consent_ok($r, permissions => $groups{$n}),
               "group $n");
}

my @all = permissions(grep { $_ != 3 && $_ != 4 } keys %groups);
$r = post($o, person(permissions => [ reverse @all ]));
$uuid = is_consent($r, 201, consent_ok($r, permissions => \@all),
                   'all of a person, backwards');
is(row($uuid)->{permissions}, (1 << 36) - 1 - (3 << 11),
   'all of a person: the mask');

@all = permissions(grep { $_ > 2 } keys %groups);
$r = post($o, company(permissions => \@all));
is_consent($r, 201, consent_ok($r, permissions => \@all), 'all of a company');


# --- the optimised journey

for my $linked (1, 0) {
    my $value = $linked ? JSON::PP::true : JSON::PP::false;

    $r = post($o, person(isLinked => $value));
    $uuid = is_consent($r, 201, consent_ok($r), "isLinked $linked");
    is(row($uuid)->{linked}, $linked ? 't' : 'f', "isLinked $linked: stored");
}


# --- what is not in the schema is ignored, never echoed

$r = post($o, { data => { %{ person()->{data} }, status => 'AUTHORISED',
                          unknown => [ { a => 1 } ] },
                consentId => 'urn:bank:mine', meta => {} });
is_consent($r, 201, consent_ok($r), 'unknown members');

# one more consent of the same customer leaves the earlier ones alone

is((psql("SELECT count(*) FROM oof_consent WHERE status <>"
         . " 'AWAITING_AUTHORISATION'"))[0][0], 0, 'all of them live');

is((psql('SELECT count(*) FROM oof_consent c WHERE (SELECT count(*) FROM'
         . ' oof_consent_history h WHERE h.consent_id = c.consent_id) <> 1'
         . ' OR (SELECT count(*) FROM oof_event e WHERE e.key ='
         . ' c.consent_id) <> 1'))[0][0], 0,
   'each has a history row and an event');


# --- dates as the pattern allows them are told in one form

for my $date ([ '2099-1-2T03:04:05Z', '2099-01-02T03:04:05Z' ],
              [ '9999-12-31T23:59:59Z', '9999-12-31T23:59:59Z' ],
              [ '2096-02-29T00:00:00Z', '2096-02-29T00:00:00Z' ])
{
    $r = post($o, person(expirationDateTime => $date->[0]));
    $uuid = is_consent($r, 201, consent_ok($r, expiration => $date->[1]),
                       $date->[0]);
    is(row($uuid)->{expiration}, $date->[1], "$date->[0]: stored");
}


# --- what the institution offers

$o->stop;

my $p = Test::Oof->start(locations => <<"END");
    location $Test::Oof::Api/ {
        oof_api consents v3;
        oof_products accounts loans;
        oof_consent_max_term 30d;
        oof_consent_authorise_within 5m;
        oof_urn_namespace Other-Space;
    }
END

my %offered = (
    'cards are dropped' => [ [ 5, 8 ], [ 5 ] ],
    'customers are dropped' => [ [ 1, 2, 7 ], [ 7 ] ],
    'credit is kept' => [ [ 11 ], [ 11 ] ],
    'investments are kept' => [ [ 12, 9 ], [ 12 ] ],
    'exchange is kept' => [ [ 13, 6 ], [ 6, 13 ] ],
);

for my $name (sort keys %offered) {
    my ($asked, $granted) = map { [ permissions(@$_) ] } @{ $offered{$name} };

    $r = post($p, person(permissions => $asked));
    is($r->{status}, 201, "$name: status") or diag($r->{body});
    is_deeply($r->{json}{data}{permissions}, $granted, $name);
    schema_ok('consents-v3 POST /consents', $r);

    my ($n) = $r->{json}{data}{consentId} =~ /^urn:Other-Space:(.*)/;
    is((psql("SELECT data FROM oof_event WHERE key = '$n'"))[0][0]
           =~ /"permissions":\[(.*?)\]/ && $1,
       join(',', map { qq("$_") } @$granted), "$name: the event too");
}

my ($n) = $r->{json}{data}{consentId} =~ /^urn:Other-Space:(.*)/;
ok($n, 'a namespace of its own');
is($r->{json}{links}{self}, "$Test::Oof::BaseUrl$Consents/"
                            . $r->{json}{data}{consentId}, 'in links, too');
is((psql("SELECT authorise_until - creation FROM oof_consent"
         . " WHERE consent_id = '$n'"))[0][0], '00:05:00',
   'the time to authorise');

$end = at(86400 * 30 - 60);
$r = post($p, person(expirationDateTime => $end));
is($r->{status}, 201, 'a term below the cap');

$r = post($p, person());
is($r->{status}, 201, 'an indefinite term, cap or not');

is_refused(post($p, person(expirationDateTime => at(86400 * 30 + 60))), 422,
           [ 'DATA_EXPIRACAO_INVALIDA', 'Data de expiração inválida',
             'expirationDateTime deve ser uma data existente, posterior ao '
             . 'momento do pedido e dentro do prazo aceito pela instituição.' ],
           'a term above the cap', 'POST /consents');

is_refused(post($p, person(permissions => [ permissions(1, 8) ])), 422,
           [ 'SEM_PERMISSOES_FUNCIONAIS_RESTANTES',
             'Sem permissões funcionais restantes',
             'A instituição não oferece nenhum dos produtos a que se referem '
             . 'as permissões solicitadas.' ],
           'nothing is left', 'POST /consents');

done_testing();


sub person { consent_body(expirationDateTime => undef, @_) }


sub company {
    return person(businessEntity => { document => { identification => $cnpj,
                                                    rel => 'CNPJ' } }, @_);
}


# A sealed value, opened: version, the key's id with its length, nonce, text,
# tag; additional data is the table, a zero, the row's id and the key's id.

sub opened {
    my ($hex, $uuid) = @_;

    my ($sealed, $id) = map { join '', map { chr hex } /[0-9a-f]{2}/g }
                            $hex, $uuid =~ s/-//gr;
    my ($version, $key, $rest) = unpack 'C C/a a*', $sealed;

    return "version $version, key $key" if $version != 1 || $key ne 'k1';

    my ($nonce, $text, $tag) = $rest =~ /^(.{12})(.*)(.{16})$/s;

    return Crypt::AuthEnc::GCM::gcm_decrypt_verify(
        'AES', key('encrypt'), $nonce, "oof_consent\0$id$key", $text, $tag);
}


sub lookup {
    my ($domain, $value) = @_;

    return Crypt::Mac::HMAC::hmac_hex('SHA256', key('lookup'),
                                      "$domain\0$value");
}


sub key {
    my ($hex) = Test::Oof::slurp(Test::Oof::key_file($_[0])) =~ /(\w+)/;

    return pack 'H*', $hex;
}


# where a text stands, of all that is kept

sub nowhere {
    my ($text) = @_;

    my @found = grep { (psql("SELECT count(*) FROM $_ t WHERE t::text LIKE"
                             . " '%$text%' OR t::text LIKE '%"
                             . unpack('H*', $text) . "%'"))[0][0] }
                     qw/ oof_consent oof_consent_history oof_event /;

    push @found, 'the log' if ($o->log_text . $o->access_text) =~ /$text/;

    return "@found";
}


# the permissions of groups, in the order of the regulation's list

sub permissions {
    my (@groups) = @_;

    my @order = qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
        ACCOUNTS_TRANSACTIONS_READ ACCOUNTS_OVERDRAFT_LIMITS_READ
        CREDIT_CARDS_ACCOUNTS_READ CREDIT_CARDS_ACCOUNTS_BILLS_READ
        CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ
        CREDIT_CARDS_ACCOUNTS_LIMITS_READ
        CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ
        CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ
        CUSTOMERS_PERSONAL_ADITTIONALINFO_READ
        CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ
        CUSTOMERS_BUSINESS_ADITTIONALINFO_READ /;

    push @order, map { my $p = $_;
                       map { "${p}_$_" } qw/ READ SCHEDULED_INSTALMENTS_READ
                                             PAYMENTS_READ WARRANTIES_READ / }
                     qw/ FINANCINGS INVOICE_FINANCINGS LOANS
                         UNARRANGED_ACCOUNTS_OVERDRAFT /;

    push @order, qw/ RESOURCES_READ BANK_FIXED_INCOMES_READ
        CREDIT_FIXED_INCOMES_READ FUNDS_READ VARIABLE_INCOMES_READ
        TREASURE_TITLES_READ EXCHANGES_READ /;

    my %want = map { $_ => 1 } map { @{ $groups{$_} } } @groups;

    return grep { $want{$_} } @order;
}
