#!/usr/bin/perl

# Copyright (C) oof authors

# The journey in the bank's app: what the consent screen is told, by whom a
# decision may be made, what a token check says.  Spec 1.3 (scopes), 1.5, 5.6,
# 8.2; spec 7, 25, 26, 38.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;

my $o = journey();
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
my ($id, $r, $d);

sub code { ($_[0]{json}{errors} || [])->[0]{code} // '' }

sub said { $_[0]{status} . ' ' . code($_[0]) }

sub status_of { $o->call(GET => "$Test::Oof::Api/consents/$_[0]")
                  ->{json}{data}{status} }


# --- the screen

$id = new_consent($o, groups => [ 'accounts', 'cards', 'credit' ],
                  more => { expirationDateTime => undef });
$r = show($o, $id);
is($r->{status}, 200, 'screen: status') or diag($r->{body});
is($r->{headers}{'content-type'}, 'application/json', 'screen: media type');
$d = $r->{json}{data};

is_deeply([ sort keys %$d ], [ sort qw/ consentId id type status
    creationDateTime statusUpdateDateTime authoriseUntilDateTime permissions
    multiple tpp loggedUser resourceTypes resources failingResources / ],
    'screen: members');
is($d->{consentId}, $id, 'screen: URN');
is("urn:bank:$d->{id}", $id, 'screen: id');
is($d->{type}, 'DATA_SHARING', 'screen: type');
is($d->{status}, 'AWAITING_AUTHORISATION', 'screen: status of the consent');
is_deeply($d->{loggedUser}, { document => { identification => $Ana,
    rel => 'CPF' } }, 'screen: logged user in clear');
is_deeply($d->{tpp}, { clientId => 'client-one', name => 'Client one',
    organisationId => $Test::Oof::Clients{one}{organisation_id},
    logoUri => 'https://one.oof.test/logo.svg' }, 'screen: third party');
is_deeply($d->{resourceTypes}, [ qw/ ACCOUNT CREDIT_CARD_ACCOUNT LOAN FINANCING
    UNARRANGED_ACCOUNT_OVERDRAFT INVOICE_FINANCING / ],
    'screen: types, the ones shared as a whole too');
is_deeply($d->{failingResources}, [], 'screen: nothing fails');
is(join(' ', map { "$_->{type} $_->{legacyId}[0]{value}" }
             @{ $d->{resources} }),
   'ACCOUNT 10000011 ACCOUNT 10000029 CREDIT_CARD_ACCOUNT 5100001',
   'screen: what is chosen one by one');
like($d->{resources}[0]{resourceId}, qr/^$uuid$/, 'screen: a resource\'s id');
isnt(substr($d->{resources}[0]{resourceId}, 14, 1), '7',
     'screen: which says no time');
is_deeply({ %{ $d->{resources}[0] }, resourceId => 'X' }, {
    resourceId => 'X', type => 'ACCOUNT', status => 'AVAILABLE',
    name => [ { key => 'Agencia', value => '0001' },
              { key => 'Conta', value => '10000011' } ],
    balance => { amount => '100000000.00', currency => 'BRL' },
    defaultSelected => JSON::PP::false(),
    legacyId => [ { key => 'account', value => '10000011' } ] },
    'screen: all that is told of an account');

my %ids = map { $_->{legacyId}[0]{value} => $_->{resourceId} }
          @{ $d->{resources} };

$r = show($o, $d->{id});
is($r->{json}{data}{consentId}, $id, 'screen: by UUID');
is_deeply({ map { $_->{legacyId}[0]{value} => $_->{resourceId} }
            @{ $r->{json}{data}{resources} } }, \%ids, 'screen: the same ids');
is_deeply({ map { $_->{legacyId}[0]{value} => $_->{resourceId} }
            @{ show($o, new_consent($o, client => 'two'))
               ->{json}{data}{resources} } },
          { map { $_ => $ids{$_} } qw/ 10000011 10000029 / },
          'screen: and for another consent of another client');

is(said(show($o, 'urn:bank:' . new_uuid())), '404 NOT_FOUND', 'unknown URN');
is(said(show($o, new_uuid())), '404 NOT_FOUND', 'unknown UUID');
is(said(show($o, $id =~ s/bank/tank/r)), '404 NOT_FOUND', 'another namespace');
is(said(show($o, 'x')), '400 PARAMETRO_INVALIDO', 'no id at all');
is(said(show($o, 'urn:bank:x%00')), '400 BAD_REQUEST', 'NUL in an id');

is(show($o, $id, token => undef)->{status}, 401, 'no token');
is(show($o, $id, scope => 'oof_admin')->{status}, 403, 'another scope');
is($o->call(GET => "$Authorise/$id", via => 'plain')->{status}, 404,
   'not on the listener of third parties');

# a company's

my $company = new_consent($o, @Bakery, groups => [ 'accounts', 'company' ]);
$d = show($o, $company)->{json}{data};
is_deeply($d->{businessEntity}, { document => {
    identification => $Bakery[3], rel => 'CNPJ' } }, 'a company: CNPJ');
is($d->{resources}[0]{legacyId}[0]{value}, '30000019', 'a company: account');

# the core

$o->{core}->faults({ mode => 'slow', ms => 300,
                     path => '/accounts/account-discovery' });
is(join(' ', map { $_->{type} } @{ show($o, $id)->{json}{data}{resources} }),
   'ACCOUNT ACCOUNT CREDIT_CARD_ACCOUNT',
   'in the same order, whichever product answers first');
$o->{core}->faults({ mode => 'error',
                     path => '/credit-cards-accounts/account-discovery' });
$d = show($o, $id)->{json}{data};
is_deeply($d->{failingResources}, [ 'CREDIT_CARD_ACCOUNT' ],
          'one product fails: told');
is(scalar @{ $d->{resources} }, 2, 'the other is shown');
$o->{core}->faults({ mode => 'preparing' });
is_deeply(show($o, $id)->{json}{data}{failingResources},
          [ qw/ ACCOUNT CREDIT_CARD_ACCOUNT / ], 'none is there yet: told');
$o->{core}->faults;


# --- who may see it

is(show($o, $id, customer => $Ana)->{status}, 200, 'the customer sees it');
is(said(show($o, $id, customer => $Bruno)), '404 NOT_FOUND',
   'another customer does not');
is(said(show($o, $id, scope => 'oof_journey oob_customer')), '404 NOT_FOUND',
   'nor does a token that names nobody');
is(show($o, $company, customer => $Bakery[1], cnpj => $Bakery[3])->{status},
   200, 'a company\'s: who acts for it');
is(said(show($o, $company, customer => $Bakery[1])), '404 NOT_FOUND',
   'a company\'s: not its representative in person');
is(said(token_check($o, $id, customer => $Bruno)), '404 NOT_FOUND',
   'the token check neither');
is(said(decide($o, $id, 'AUTHORISE', cpf => $Bruno,
               call => { customer => $Bruno })), '404 NOT_FOUND',
   'nor a decision');
is(said(decide($o, $id, 'AUTHORISE', cpf => $Bruno,
               call => { customer => $Ana })), '403 CPF_MISMATCH',
   'a customer\'s token decides for that customer alone');


# --- who may decide: spec 7, 38

sub mismatch {
    my ($consent, $code, $name, %data) = @_;

    is(said(decide($o, $consent, 'AUTHORISE', %data)), "403 $code", $name);
    is(status_of($consent), 'AWAITING_AUTHORISATION', "$name: still awaits");
}

mismatch($id, 'CPF_MISMATCH', 'another CPF', cpf => $Bruno);
mismatch($id, 'CNPJ_MISMATCH', 'a company where none is named', cpf => $Ana,
         cnpj => $Bakery[3]);
mismatch($company, 'CNPJ_MISMATCH', 'no company where one is named',
         cpf => $Bakery[1]);
mismatch($company, 'CNPJ_MISMATCH', 'another company', cpf => $Bakery[1],
         cnpj => '12ABC34501DE35');
is(said(decide($o, $id, 'REJECT', cpf => $Bruno)), '403 CPF_MISMATCH',
   'nor may another refuse it');
is((psql('SELECT count(*) FROM oof_consent_history WHERE version > 1'))[0][0],
   0, 'nothing of it is history');


# --- tokens: spec 7, 26

sub check {
    my ($r) = @_;

    my $d = $r->{json}{data};

    return join ' ', $r->{status}, (map { $d->{$_} ? $_ : "no-$_" }
                                    qw/ issue refresh /), $d->{status},
                     $d->{reason} // '-', "@{ $d->{scopes} }";
}

is(check(token_check($o, $id)),
   '200 no-issue no-refresh AWAITING_AUTHORISATION CONSENT_NOT_AUTHORISED ',
   'before: no token');

$r = decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
    { resourceId => $ids{10000011} }, { resourceId => $ids{5100001},
                                        type => 'CREDIT_CARD_ACCOUNT' } ]);
is($r->{status}, 200, 'authorised') or diag($r->{body});
is(status_of($id), 'AUTHORISED', 'the third party sees it');
is(check(token_check($o, $id)), '200 issue refresh AUTHORISED - '
   . "openid consent:$id accounts credit-cards-accounts loans financings "
   . 'unarranged-accounts-overdraft invoice-financings resources',
   'then: scopes of the groups');
is(check(token_check($o, $id, customer => $Ana)) =~ /^200 issue/ ? 1 : 0, 1,
   'by the customer\'s token');

my %scopes = (
    person => 'customers resources', exchange => 'exchanges resources',
    accounts => 'accounts resources', investments => 'bank-fixed-incomes'
    . ' credit-fixed-incomes variable-incomes treasure-titles funds resources',
);
for my $group (sort keys %scopes) {
    my $c = authorised($o, groups => [ $group ]);
    is(check(token_check($o, $c)), "200 issue refresh AUTHORISED - openid"
       . " consent:$c $scopes{$group}", "scopes of $group");
}

psql("UPDATE oof_client SET status = 'BLOCKED' WHERE client_id = 'client-one'");
is(check(token_check($o, $id)),
   '200 no-issue no-refresh AUTHORISED CLIENT_BLOCKED ',
   'a blocked client gets none');
psql("UPDATE oof_client SET status = 'ACTIVE' WHERE client_id = 'client-one'");

$o->call(DELETE => "$Test::Oof::Api/consents/$id");
is(check(token_check($o, $id)),
   '200 no-issue no-refresh REJECTED CUSTOMER_MANUALLY_REVOKED ',
   'revoked: no token, no refresh');


# --- the optimised journey: spec 8.2

my $linked = new_consent($o, more => { isLinked => JSON::PP::true() });
is_deeply(show($o, $linked)->{json}{data}{journey},
          { isLinked => JSON::PP::true() }, 'linked: no id yet');
is(decide($o, $linked, 'AUTHORISE', cpf => $Ana, journey => {
       linkId => 'urn:bank:recurring:1' })->{status}, 200, 'linked: decided');
is_deeply(show($o, $linked)->{json}{data}{journey},
          { isLinked => JSON::PP::true(), linkId => 'urn:bank:recurring:1' },
          'linked: the id is kept');
is_deeply($o->call(GET => "$Test::Oof::Api/consents/$linked")
            ->{json}{data}{journey},
          { isLinked => JSON::PP::true(), linkId => 'urn:bank:recurring:1' },
          'linked: and shown to the third party');

# once the customer has authorised or rejected (spec 1.4), and as long as it is
# there

$o->call(DELETE => "$Test::Oof::Api/consents/$linked");
my $unlinked = new_consent($o, more => { isLinked => JSON::PP::true() });
is(decide($o, $unlinked, 'REJECT', cpf => $Ana, journey => {
       linkId => 'urn:bank:recurring:2' })->{status}, 200, 'linked: refused');

for ([ $linked, 1, 'revoked' ], [ $unlinked, 2, 'refused' ]) {
    my ($consent, $n, $name) = @$_;

    my $d = $o->call(GET => "$Test::Oof::Api/consents/$consent")
              ->{json}{data};
    is($d->{status}, 'REJECTED', "linked, $name: status");
    is_deeply($d->{journey}, { isLinked => JSON::PP::true(),
        linkId => "urn:bank:recurring:$n" }, "linked, $name: the id");
}


# --- nothing personal where it has no business

my $log = $o->log_text . $o->access_text;
my $rows = join ' ', map { join ' ', map { $_ // '' } @$_ }
           psql('SELECT data FROM oof_event'),
           psql("SELECT encode(legacy, 'escape') || type FROM oof_resource");

for ($Ana, $Bruno, @Bakery[1, 3], '10000011', '5100001') {
    unlike($log, qr/\b$_\b/, "no $_ in a log");
    unlike($rows, qr/$_/, "no $_ in an event or a resource");
}

done_testing();
