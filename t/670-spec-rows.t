#!/usr/bin/perl

# Copyright (C) oof authors

# The regulation's digest row by row: each section from 1.1 to 1.11 and each of
# the rows 1 to 28 of section 7 has an assertion that begins with its number.
# Other files go deeper; t/005 looks for the numbers.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at extend_consent renewal /;
use Test::Oof::Gate qw/ bank gate_locations get seen /;
use Test::Oof::Journey qw/ journey new_consent decide show resources
                           token_check authorised pages_of $Ana $Bruno
                           @Bakery %Groups /;
use Time::Local qw/ timegm /;

my $bank = bank();

my $o = journey(
    server => 'oof_products accounts customers;',
    locations => Test::Oof::location_defaults()
        . gate_locations($bank, [ 'accounts', 'v2' ]) . <<'END');
        location /open-banking/resources/v3/ {
            oof_api resources v3;
        }
END

my $Consents = "$Test::Oof::Api/consents";
my $Accounts = '/open-banking/accounts/v2/accounts';
my $Resources = '/open-banking/resources/v3/resources';
my $Id = 'ABCDEF01-2345-4678-9abc-def012345678';
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
my $uuid4 = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
               -[0-9a-f]{12}/x;
my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json',
                           'Date' => 'Mon, 01 Jan 1990 00:00:00 GMT' });
my ($r, $id, @every);


# every answer that this file gets is kept, for the rows on all answers

sub ask {
    my ($method, $path, %args) = @_;

    my $r = $o->call($method, $path, %args);

    push @every, { %$r, asked => "$method $path" };

    return $r;
}

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub create {
    my (%data) = @_;

    return ask(POST => $Consents, json => Test::Oof::consent_body(
        loggedUser => user($Ana), %data));
}

sub user { { document => { identification => $_[0], rel => 'CPF' } } }

sub company { { document => { identification => $_[0], rel => 'CNPJ' } } }

sub id_of { $_[0]{json}{data}{consentId} }

sub consent { ask(GET => "$Consents/$_[0]", @_[1 .. $#_]) }

sub state_of {
    my $d = consent($_[0])->{json}{data};
    my $why = $d->{rejection} || {};

    return join ' ', $d->{status}, grep { defined } $why->{rejectedBy},
                                                    $why->{reason}{code};
}

sub bound { (scope => "openid consent:$_[0] " . ($_[1] // 'accounts')) }

sub short { $_[0] =~ s/^urn:bank://r }


# --- section 1

my $full = authorised($o);
my ($account) = map { $_->{resourceId} }
                @{ resources($o, $full)->{json}{data} };

$bank->answer($_, %answer) for $Accounts, "$Accounts/$account",
    "$Accounts/$account/balances";

$r = create();
$id = id_of($r);
my $one = $r->{json}{data};

is($r->{status}, 201, 'spec 1.1: POST /consents, 201');
is(consent($id)->{status}, 200, 'spec 1.1: GET, 200');
is(ask(GET => "$Consents/$full/extensions")->{status}, 200,
   'spec 1.1: GET extensions, 200');
is(extend_consent($o, $full, renewal(loggedUser => user($Ana),
       expirationDateTime => at(86400 * 360)))->{status}, 201,
   'spec 1.1: POST extends, 201');
is(ask(DELETE => "$Consents/$id")->{status}, 204, 'spec 1.1: DELETE, 204');

for ([ POST => $Consents ], [ GET => "$Consents/$full" ],
     [ DELETE => "$Consents/$full" ], [ GET => "$Consents/$full/extensions" ])
{
    my ($method, $path) = @$_;

    is(said(ask($method, $path, bound($full), $method eq 'POST'
                ? (json => Test::Oof::consent_body()) : ())),
       '401 UNAUTHORIZED', "spec 1.1: $method $path wants a client's token");
}

is(said(create(permissions => [ 'NOTHING_READ' ])), '400 PARAMETRO_INVALIDO',
   'spec 1.2: no such permission');
is(said(create(permissions => [])), '400 PARAMETRO_INVALIDO',
   'spec 1.2: no permission');
is(said(create(permissions => [ ('RESOURCES_READ') x 2, 'ACCOUNTS_READ' ])),
   '400 PARAMETRO_INVALIDO', 'spec 1.2: one twice');
is_deeply([ sort @{ $one->{permissions} } ],
          [ qw/ ACCOUNTS_BALANCES_READ ACCOUNTS_READ RESOURCES_READ / ],
          'spec 1.2: what was asked for');

is(said(create(permissions => [ qw/ ACCOUNTS_READ RESOURCES_READ / ])),
   '422 COMBINACAO_PERMISSOES_INCORRETA', 'spec 1.3: part of a group');
is(said(create(permissions => [ map { "CUSTOMERS_${_}_IDENTIFICATIONS_READ" }
        qw/ PERSONAL BUSINESS / ])),
   '422 PERMISSAO_PF_PJ_EM_CONJUNTO', 'spec 1.3: of a person and a company');
is(said(create(permissions => [ @{ $Groups{person} }, 'RESOURCES_READ' ],
               businessEntity => company('45723174000110'))),
   '422 PERMISSOES_PJ_INCORRETAS', 'spec 1.3: of a person, for a company');
is(said(create(permissions => [ @{ $Groups{company} }, 'RESOURCES_READ' ])),
   '422 INFORMACOES_PJ_NAO_INFORMADAS', 'spec 1.3: of a company that is none');
is(said(create(expirationDateTime => at(-60))),
   '422 DATA_EXPIRACAO_INVALIDA', 'spec 1.3: a term that is over');

is(join(' ', sort keys %$one), 'consentId creationDateTime expirationDateTime'
   . ' permissions status statusUpdateDateTime', 'spec 1.4: members');
is($one->{status}, 'AWAITING_AUTHORISATION', 'spec 1.4: a new one waits');
is_deeply([ sort keys %{ $r = consent($id)->{json}{data}{rejection} } ],
          [ qw/ reason rejectedBy / ], 'spec 1.4: a dead one says why');

is(state_of($id), 'REJECTED USER CUSTOMER_MANUALLY_REJECTED',
   'spec 1.5: deleted before it was authorised');
$id = id_of(create());
is(decide($o, $id, 'REJECT', cpf => $Ana, reason => {
       code => 'CUSTOMER_MANUALLY_REJECTED' })->{status}, 200, 'refused');
is(state_of($id), 'REJECTED USER CUSTOMER_MANUALLY_REJECTED',
   'spec 1.5: refused by the customer');
is(state_of($full), 'AUTHORISED', 'spec 1.5: authorised');
$id = authorised($o);
ask(DELETE => "$Consents/$id");
is(state_of($id), 'REJECTED USER CUSTOMER_MANUALLY_REVOKED',
   'spec 1.5: deleted after it');

is(said(ask(DELETE => "$Consents/$id")),
   '422 CONSENTIMENTO_EM_STATUS_REJEITADO', 'spec 1.6: not twice');

is($full, id_of(extend_consent($o, $full, renewal(loggedUser => user($Ana),
       expirationDateTime => undef))), 'spec 1.7: renewed without an end');
is(said(extend_consent($o, $full, renewal(loggedUser => user($Ana),
       expirationDateTime => at(86400)))), '422 DATA_EXPIRACAO_INVALIDA',
   'spec 1.7: never shorter');

$r = ask(GET => "$Consents/$full/extensions");
is(pages_of($r), '200 2 1 2 self=page=1&page-size=25', 'spec 1.8: renewals');
cmp_ok($r->{json}{data}[0]{requestDateTime}, 'ge',
       $r->{json}{data}[1]{requestDateTime}, 'spec 1.8: the last one first');

is(said(ask(GET => "$Consents/$full/extensions?page=2")),
   '422 PAGE_NOT_FOUND', 'spec 1.9: no such page');

is(said(consent('urn:bank:01936000-0000-7000-8000-0000deadbeef')),
   '404 NOT_FOUND', 'spec 1.10: unknown');
is(said(consent($full, client => 'two')), '403 FORBIDDEN',
   "spec 1.10: another client's");

is(pages_of(resources($o, $full)), '200 2 1 2 self=page=1&page-size=25',
   'spec 1.11: what is shared');


# --- section 7: the envelope

for ([ 'no', undef ], [ 'a malformed', 'x' ], [ 'a long', $Id . '0' ]) {
    my ($name, $value) = @$_;

    $r = consent($full, headers => { 'x-fapi-interaction-id' => $value });
    is($r->{status}, 400, "spec 7, 1: $name interaction id");
    like($r->{headers}{'x-fapi-interaction-id'}, qr/^$uuid4$/,
         "spec 7, 1: $name interaction id, a new one");
}

my %how = (headers => { 'x-fapi-interaction-id' => $Id });

for ([ 200, GET => "$Consents/$full" ],
     [ 200, GET => "$Accounts/$account", bound($full) ],
     [ 401, GET => "$Consents/$full", token => undef ],
     [ 401, GET => "$Consents/$full", via => 'tls', cert => undef ],
     [ 401, GET => $Resources, bound($id, 'resources') ],
     [ 403, GET => "$Consents/$full", client => 'two' ],
     [ 403, GET => "$Accounts/$account/transactions", bound($full) ],
     [ 404, GET => "$Consents/urn:bank:01936000-0000-7000-8000-0000deadbeef" ],
     [ 404, GET => "$Test::Oof::Api/nothing", client => undef ],
     [ 405, PUT => "$Consents/$full" ],
     [ 406, GET => "$Consents/$full", headers => {
           Accept => 'text/html', 'x-fapi-interaction-id' => $Id } ],
     [ 415, POST => $Consents, body => '{}', headers => {
           'Content-Type' => 'text/plain',
           'x-fapi-interaction-id' => $Id } ],
     [ 422, DELETE => "$Consents/$id" ],
     [ 204, DELETE => "$Consents/" . id_of(create()) ])
{
    my ($status, $method, $path, @more) = @$_;

    $r = ask($method, $path, %how, @more);
    is("$r->{status} $r->{headers}{'x-fapi-interaction-id'}", "$status $Id",
       "spec 7, 1: $method, $status: the id as it came");
}

my %version = ($Consents => '3.3.1', $Resources => '3.1.0',
               $Accounts => '2.5.1');

for my $path (sort keys %version) {
    $r = $path eq $Consents ? consent($full)
                            : ask(GET => $path, bound($full,
                                      'accounts resources'));
    is($r->{status}, 200, "$path: status") or diag($r->{body});
    is($r->{headers}{'x-v'}, $version{$path}, "spec 7, 2: x-v of $path");
    is(ask(GET => $path, token => undef)->{headers}{'x-v'}, $version{$path},
       "spec 7, 2: x-v of $path, refused");
}

for my $path ("$Consents/$full", "$Accounts/$account") {
    $r = ask(GET => $path, $path =~ /consents/ ? () : bound($full));
    cmp_ok(abs(instant($r->{headers}{date}) - time), '<', 300,
           "spec 7, 3: Date of $path");
}

is(consent($full)->{headers}{'content-type'}, 'application/json',
   'spec 7, 4: type of an answer');
is(consent($id, client => 'two')->{headers}{'content-type'},
   'application/json; charset=utf-8', 'spec 7, 4: type of an error');
is(ask(POST => $Consents, json => Test::Oof::consent_body(), headers => {
       'Content-Type' => 'application/json; charset=iso-8859-1' })->{status},
   406, 'spec 7, 4: another charset');

is(consent($full, headers => $_)->{status}, 200, 'spec 7, 5: '
   . join ' ', map { $_ // 'none' } %$_)
    for { Accept => '*/*' }, { Accept => undef },
        { Accept => 'application/json' }, { 'Content-Type' => 'text/plain' };

$r = ask(DELETE => "$Consents/" . id_of(create()));
is("$r->{status}:$r->{body}", '204:', 'spec 7, 6: 204 has no body');
is($r->{headers}{'content-type'}, undef, 'spec 7, 6: 204 has no type');
$o->{core}->faults({ mode => 'preparing', path => '/loans/discovery' });
$r = resources($o, authorised($o, groups => [ 'credit' ]));
is("$r->{status}:$r->{body}", '202:', 'spec 7, 6: 202 has no body');
$o->{core}->faults;

my $token = token(scope => 'consents');

is(consent($full, token => undef, headers => {
       Authorization => "$_ $token" })->{status}, 200, "spec 7, 7: $_")
    for qw/ Bearer bearer BEARER bEaReR /;
is(consent($full, headers => { 'x-anything' => '1', 'x-v' => '9',
       'x-fapi-auth-date' => 'Sun, 10 Sep 2017 19:43:31 GMT' })->{status},
   200, 'spec 7, 7: other headers');

is(said(create(expirationDateTime => $_)), '400 PARAMETRO_INVALIDO',
   "spec 7, 8: \"$_\"")
    for at(86400) =~ s/Z/.000Z/r, at(86400) =~ s/Z/+00:00/r,
        at(86400) =~ s/Z//r, at(86400) =~ s/T/ /r;

$r = create(strange => 'x', loggedUser => { %{ user($Ana) }, more => [] });
is($r->{status}, 201, 'spec 7, 10: unknown members');
unlike($r->{body}, qr/strange|more/, 'spec 7, 10: are not told again');

is($r->{json}{links}{self}, "$Test::Oof::BaseUrl$Consents/" . id_of($r),
   'spec 7, 11: self of what was created');
is(consent($full)->{json}{links}{self},
   "$Test::Oof::BaseUrl$Consents/$full", 'spec 7, 11: self of a GET');
is(ask(GET => "$Resources?page-size=3", bound($full, 'resources'))
       ->{json}{links}{self},
   "$Test::Oof::BaseUrl$Resources?page=1&page-size=25",
   'spec 7, 11: self has the size in effect');

is(join(' ', sort keys %{ consent($full)->{json}{meta} }), 'requestDateTime',
   'spec 7, 12: no totals of one');
is(join(' ', sort keys %{ ask(GET => $_, $_ eq $Resources
       ? bound($full, 'resources') : ())->{json}{meta} }),
   'requestDateTime totalPages totalRecords', "spec 7, 12: totals of $_")
    for $Resources, "$Consents/$full/extensions";

is(said(ask(GET => $_, client => undef)), '404 NOT_FOUND',
   "spec 7, 13: nobody, $_")
    for '/open-banking/consents/v3/nothing', '/open-banking/loans/v2/contracts';
is(said(ask(PATCH => $_, client => undef)), '405 METHOD_NOT_ALLOWED',
   "spec 7, 13: another method, $_") for $Consents, $Accounts;


# --- section 7: choice of the status

is(said(create(loggedUser => { document => { identification => '1',
                                             rel => 'CPF' } })),
   '400 PARAMETRO_INVALIDO', 'spec 7, 14: syntax');
is(said(create(permissions => [ 'RESOURCES_READ' ])),
   '422 COMBINACAO_PERMISSOES_INCORRETA', 'spec 7, 14: business');

is(said(ask($_ => "$Consents/$full", client => 'two')), '403 FORBIDDEN',
   "spec 7, 15: $_ of another client's") for qw/ GET DELETE /;
is(said(ask(GET => "$Accounts/00000000-0000-4000-8000-000000000000",
            bound($full))), '403 RESOURCE_FORBIDDEN',
   'spec 7, 15: a resource outside the consent');

is(said(ask(GET => $Accounts, scope => 'accounts')), '401 UNAUTHORIZED',
   'spec 7, 16: another grant');
is(said(ask(GET => $Accounts, bound($full, 'loans'))), '403 FORBIDDEN',
   'spec 7, 16: no scope');
is(said(ask(GET => $Accounts, bound($id))), '401 UNAUTHORIZED',
   'spec 7, 16: a dead consent');
is(said(ask(GET => "$Accounts/$account/transactions", bound($full))),
   '403 FORBIDDEN', 'spec 7, 16: no permission');

my $end = at(86400 * 30);
my $ending = authorised($o, more => { expirationDateTime => $end });
my $longer = renewal(loggedUser => user($Ana),
                     expirationDateTime => at(86400 * 60));

is(extend_consent($o, $ending, $longer, scope => 'consents')->{status}, 401,
   'spec 7, 17: extends by a client');
is(extend_consent($o, $ending, $longer, headers => { $_ => undef })
       ->{status}, 400, "spec 7, 17: extends without $_")
    for qw/ x-customer-user-agent x-fapi-customer-ip-address /;
is(extend_consent($o, $ending, renewal(loggedUser => user($Bruno)))
       ->{status}, 403, 'spec 7, 17: extends for another user');
is(said(extend_consent($o, $ending, renewal(loggedUser => user($Ana),
       expirationDateTime => $_))), '422 DATA_EXPIRACAO_INVALIDA',
   "spec 7, 17: extends to $_") for $end, at(86400 * 29);

for ([ 'page-size=1001', 422 ], [ 'page-size=24', 200 ], [ 'page=2', 422 ],
     [ 'page=1', 200 ])
{
    my ($query, $status) = @$_;

    is(ask(GET => "$Resources?$query", bound($full, 'resources'))->{status},
       $status, "spec 7, 18: $query");
}

is(ask(GET => "$Accounts?page-size=1001", bound($full))->{status}, 422,
   'spec 7, 18: page-size=1001 behind the gate');
ask(GET => "$Accounts?page-size=24", bound($full));
like(seen($bank)->{path}, qr/\?page-size=25$/,
     'spec 7, 18: page-size=24 behind the gate');

my $history = id_of(create(permissions => [ qw/ ACCOUNTS_READ
    ACCOUNTS_TRANSACTIONS_READ ACCOUNTS_BALANCES_READ RESOURCES_READ / ]));
decide($o, $history, 'AUTHORISE', cpf => $Ana,
       resources => [ { resourceId => $account, type => 'ACCOUNT' } ]);
is(said(ask(GET => "$Accounts/$account/transactions-current"
            . '?fromBookingDate=2020-01-01', bound($history))),
   '422 PARAMETRO_INVALIDO', 'spec 7, 19: more than seven days');
$bank->answer("$Accounts/$account/reserved-balances", status => 404,
              body => '');
is(said(ask(GET => "$Accounts/$account/reserved-balances", bound($history))),
   '404 NOT_FOUND', 'spec 7, 19: reserved balances are not offered');
$bank->answer("$Accounts/$account/reserved-balances", %answer);
is(ask(GET => "$Accounts/$account/reserved-balances", bound($history))
       ->{status}, 200, 'spec 7, 19: there are no reserved balances');

is(said(ask(DELETE => "$Consents/$id")),
   '422 CONSENTIMENTO_EM_STATUS_REJEITADO', 'spec 7, 20: DELETE of a dead one');


# --- section 7: consents

my $shop = new_consent($o, @Bakery);
unlike(consent($_)->{body}, qr/loggedUser|businessEntity|document/,
       'spec 7, 21: whose it is is not told') for $full, $shop;

$r = create(permissions => [ (map { @{ $Groups{$_} } } qw/ accounts cards
    credit investments exchange /), 'RESOURCES_READ' ]);
is_deeply([ sort @{ $r->{json}{data}{permissions} } ],
          [ sort 'RESOURCES_READ', map { @{ $Groups{$_} } } qw/ accounts
            credit investments exchange / ],
          'spec 7, 22: what is not offered is left out, but for G11 to G13');
is(said(create(permissions => [ @{ $Groups{cards} }, 'RESOURCES_READ' ])),
   '422 SEM_PERMISSOES_FUNCIONAIS_RESTANTES', 'spec 7, 22: nothing is left');

my $late = id_of(create());
my $over = authorised($o);
psql("UPDATE oof_consent SET authorise_until = now() - interval '1 s' WHERE"
     . " consent_id = '" . short($late) . "'");
psql("UPDATE oof_consent SET expiration = now() - interval '1 s' WHERE"
     . " consent_id = '" . short($over) . "'");
is(state_of($late), 'REJECTED ASPSP CONSENT_EXPIRED',
   'spec 7, 23: not authorised in time');
is(state_of($over), 'REJECTED ASPSP CONSENT_MAX_DATE_REACHED',
   'spec 7, 23: past its term');

$r = create(expirationDateTime => undef);
ok(!exists $r->{json}{data}{expirationDateTime}, 'spec 7, 24: no end, POST');
ok(!exists consent(id_of($r))->{json}{data}{expirationDateTime},
   'spec 7, 24: no end, GET');

$id = id_of(create());
my @chosen = map { { resourceId => $_->{resourceId}, type => $_->{type} } }
             @{ show($o, $id)->{json}{data}{resources} };
is(decide($o, $id, 'AUTHORISE', cpf => $Bruno, resources => \@chosen)
       ->{status}, 403, 'another customer');
is(state_of($id), 'AWAITING_AUTHORISATION',
   'spec 7, 25: a journey that fails leaves it waiting');
is(decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => \@chosen)
       ->{status}, 200, 'spec 7, 25: and it can be tried again');

is(token_check($o, $id)->{json}{data}{refresh}, JSON::PP::true(),
   'spec 7, 26: a token may be refreshed');
ask(DELETE => "$Consents/$id");
is(token_check($o, $id)->{json}{data}{refresh}, JSON::PP::false(),
   'spec 7, 26: not when it is dead');

$r = resources($o, authorised($o, groups => [ 'person' ]));
is(pages_of($r), '200 0 0 0 self=page=1&page-size=25',
   'spec 7, 27: data of the customer are no resource');
like($r->{body}, qr/"data":\[\]/, 'spec 7, 27: an empty array');

is(state_of($full), 'AUTHORISED', 'spec 7, 28: the first is alive');
is(get($o, $_, $Accounts)->{status}, 200, 'spec 7, 28: both are served')
    for $full, $history;


# --- of every answer that was got

my (@dates, @empty, @undated);

for my $r (@every) {
    # what has come from the bank's system is the bank's

    next if !$r->{json}
            || $r->{asked} =~ /\Q$Accounts\E/ && $r->{status} == 200;

    push @undated, $r->{asked}
        if ($r->{json}{meta}{requestDateTime} // '') !~ /^$time$/;
    look($r->{json}, $r->{asked}, '');
}

cmp_ok(scalar @every, '>', 100, 'answers');
is("@undated", '', 'spec 7, 8: requestDateTime in every body');
is("@dates", '', 'spec 7, 8: seconds and Z');
is("@empty", '', 'spec 7, 9: nothing is null or empty');

done_testing();


sub look {
    my ($v, $asked, $name) = @_;

    if (ref $v eq 'HASH') {
        push @empty, "$asked $name" if !%$v;
        look($v->{$_}, $asked, $_) for keys %$v;

    } elsif (ref $v eq 'ARRAY') {
        push @empty, "$asked $name" if !@$v && $name ne 'data';
        look($_, $asked, $name) for @$v;

    } elsif (!ref $v) {
        push @empty, "$asked $name" if !defined $v || $v eq '';
        push @dates, "$asked $name" if $name =~ /DateTime$/ && defined $v
                                       && $v !~ /^$time$/;
    }
}


# of "Tue, 24 Nov 2026 17:00:00 GMT"

sub instant {
    my ($text) = @_;

    my ($day, $month, $year, $hour, $minute, $second) = $text
        =~ /^\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
        or return 0;

    return timegm($second, $minute, $hour, $day,
                  index('JanFebMarAprMayJunJulAugSepOctNovDec', $month) / 3,
                  $year);
}
