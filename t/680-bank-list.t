#!/usr/bin/perl

# Copyright (C) oof authors

# GET /v1/consents of the consent management API: what a summary tells, every
# filter and order, pages, and what is refused.  Spec 1.5.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at /;
use Test::Oof::Journey qw/ bank decide new_consent $Ana $Bruno $Carla $Davi
                           @Bakery /;
use Test::Oof::Bank;

my $o = bank_side();
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/;
my ($r, %c);

is(listed($o), '0', 'no consent yet');


# --- one of each state, the newest last

my @data = (expirationDateTime => at(86400 * 365));

$c{expired} = due_now(backdated(in_state($o, 'EXPIRED', more => {
    expirationDateTime => at(86400) }), 700), 600);
$c{timeout} = due_now(backdated(in_state($o, 'AWAITING_AUTHORISATION'), 650),
                      550);
$c{rejected} = backdated(in_state($o, 'REJECTED', cpf => $Bruno), 500);
$c{revoked} = backdated(in_state($o, 'REVOKED', client => 'two', more => {
    @data }), 400);
$c{company} = backdated(in_state($o, 'AWAITING_AUTHORISATION',
                                 groups => [ 'accounts', 'company' ], @Bakery,
                                 more => { @data }), 300);
$c{linked} = backdated(in_state($o, 'AUTHORISED', more => {
    isLinked => JSON::PP::true(), expirationDateTime => undef }), 200);
$c{active} = backdated(in_state($o, 'AUTHORISED', client => 'two', more => {
    @data }), 100);

my @order = qw/ active linked company revoked rejected timeout expired /;
my %name = map { $c{$_} => $_ } keys %c;

sub names { join ' ', map { $name{$_} // $_ } split / /, $_[0] }

sub list_is {
    my ($query, $want, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(names(listed($o, $query, %args)), scalar(split / /, $want)
       . ($want ? " $want" : ''), 'list: ' . ($query // 'all'));
}


# --- what a summary tells

$r = ask($o, 'GET', '/v1/consents');
is($r->{status}, 200, 'all: status') or diag($r->{body});
is($r->{headers}{'content-type'}, 'application/json', 'all: media type');

my %data = map { $name{ $_->{id} } => $_ } @{ $r->{json}{data} };

is_deeply([ sort keys %{ $data{active} } ], [ sort qw/ id type status createdOn
    expiresOn brandId orgName tppName tppLogo / ], 'members of a summary');
is_deeply({ map { $_ => $data{active}{$_} } qw/ type status brandId orgName
                                                tppName tppLogo expiresOn / },
          { type => 'DATA_SHARING', status => 'AUTHORISED', brandId => 'bank',
            orgName => 'Client two', tppName => 'Client two',
            tppLogo => 'https://two.oof.test/logo.svg',
            expiresOn => $data[1] }, 'a summary');
ok(is_at($data{active}{createdOn}), 'createdOn is a time');
ok(!exists $data{linked}{expiresOn}, 'an indefinite term has no expiresOn');
is_deeply($data{linked}{journey}, { isLinked => JSON::PP::true(),
    status => 'AUTHORISED' }, 'the optimised journey');
is(join(' ', map { "$_=$data{$_}{status}" } @order),
   'active=AUTHORISED linked=AUTHORISED company=AWAITING_AUTHORISATION'
   . ' revoked=REVOKED rejected=REJECTED timeout=TIMEOUT_AUTHORISATION'
   . ' expired=EXPIRED', 'states as the bank\'s side names them');

psql("DELETE FROM oof_client WHERE client_id = 'client-one'");
$r = ask($o, 'GET', '/v1/consents', query => 'page-size=2');
is($r->{json}{data}[1]{orgName}, 'client-one',
   'a client that is not registered is called by its id');
Test::Oof::psql("INSERT INTO oof_client SELECT brand, 'client-one',"
    . " '$Test::Oof::Clients{one}{organisation_id}', software_id,"
    . " 'Client one', logo_uri, webhook_uris, roles, status, created, updated"
    . " FROM oof_client WHERE client_id = 'client-two'");


# --- orders

list_is(undef, "@order");
list_is('orderType=DESC', "@order");
list_is('orderType=ASC', join ' ', reverse @order);
list_is('orderType=OPF',
        'active linked company timeout expired revoked rejected');
list_is("orderType=OPF&cpf=$Ana", 'active linked timeout expired revoked');
list_is("orderType=ASC&cpf=$Ana", 'expired timeout revoked linked active');


# --- status

list_is("status=$_->[0]", $_->[1])
    for [ 'AUTHORISED', 'active linked' ],
        [ 'AWAITING_AUTHORISATION', 'company' ], [ 'REJECTED', 'rejected' ],
        [ 'REVOKED', 'revoked' ], [ 'EXPIRED', 'expired' ],
        [ 'TIMEOUT_AUTHORISATION', 'timeout' ],
        map { [ $_, '' ] } qw/ CONSUMED TIMEOUT_PAYMENT AWAITING_RISK_SIGNALS
            AWAITING_ACCOUNT_HOLDER_VALIDATION AWAITING_ENROLLMENT
            PARTIALLY_ACCEPTED /;
list_is('statusList=EXPIRED,REVOKED', 'revoked expired');
list_is('statusList=EXPIRED%2CCONSUMED&orderType=ASC', 'expired');
list_is("statusList=EXPIRED,REVOKED&cpf=$Ana&orderType=ASC",
        'expired revoked');


# --- type, and what only payments have

list_is('type=DATA_SHARING', "@order");
list_is('type=PAYMENT', '');
list_is('type=ENROLLMENT', '');
list_is('typeList=DATA_SHARING,PAYMENT,ENROLLMENT', "@order");
list_is('typeList=PAYMENT,ENROLLMENT', '');
list_is("modalityType=$_", '') for qw/ IMMEDIATE SCHEDULED SWEEPING /;
list_is('modalityTypeList=IMMEDIATE,SCHEDULED,VRP,SWEEPING,AUTOMATIC', '');
list_is('paymentType=PIX', '');
list_is('type=PAYMENT&paymentType=PIX', '');


# --- whose they are

list_is("cpf=$Bruno", 'rejected');
list_is("cpf=$Bakery[1]", 'company');
list_is("cnpj=$Bakery[3]", 'company');
list_is("cpf=$Bakery[1]&cnpj=$Bakery[3]", 'company');
list_is("cpf=$Ana&cnpj=$Bakery[3]", '');
list_is('cpf=00000000000', '');
list_is('consentOwner=' . enc(qq([{"key":"cpf","value":"$Bruno"}])),
        'rejected');
list_is('consentOwner=' . enc(qq([{"key":"CPF","value":"$Bakery[1]"},)
        . qq({"key":"cnpj","value":"$Bakery[3]"}])), 'company');
list_is('consentOwner=' . enc('[{"key":"agencia","value":"1"}]'), '');


# --- when they were made: both bounds are inclusive

my ($at) = $data{rejected}{createdOn};
my ($later) = $data{company}{createdOn};

list_is("createdOnBegin=$at&createdOnEnd=$later", 'company revoked rejected');
list_is("createdOnBegin=$at&createdOnEnd=$later&orderType=ASC",
        'rejected revoked company');
list_is("createdOnEnd=$at", 'rejected timeout expired');
list_is("createdOnBegin=$later", 'active linked company');
list_is("createdOnBegin=$later&createdOnEnd=$at", '');
list_is("cpf=$Ana&createdOnEnd=$at", 'timeout expired');
list_is("cpf=$Ana&createdOnBegin=$later", 'active linked');


# a time as RFC 3339 has it: with a fraction, with an offset

sub same {
    my ($text, $fraction, $offset) = @_;

    my ($h, $m) = $offset =~ /[+-](\d\d):(\d\d)/;
    my $shift = defined $h ? ($h * 60 + $m) * ($offset =~ /^-/ ? -1 : 1) : 0;
    my ($there) = psql("SELECT to_char('$text'::timestamptz AT TIME ZONE 'UTC'"
                       . " + interval '$shift min',"
                       . " 'YYYY-MM-DD\"T\"HH24:MI:SS')");
    return enc("$there->[0]$fraction$offset");
}

for my $offset (qw/ Z +00:00 -03:00 +05:30 -00:00 /) {
    for my $case ([ '', 'rejected', 'rejected' ],
                  [ '.000', 'rejected', 'rejected' ],
                  [ '.0000000', 'rejected', 'rejected' ],
                  [ '.001', '', 'rejected' ]) {
        my ($fraction, $from, $to) = @$case;
        my $time = same($at, $fraction, $offset);

        list_is("createdOnBegin=$time&createdOnEnd=$at", $from);
        list_is("createdOnBegin=$at&createdOnEnd=$time", $to);
    }
}

list_is('createdOnBegin=' . same($at, '', '+05:30') =~ s/%2B/+/r
        . "&createdOnEnd=$at", 'rejected');


# --- term in months

list_is('consentTermPeriod=-1', 'linked');
list_is('consentTermPeriod=12', 'active company revoked');
list_is('consentTermPeriod=12&status=REVOKED', 'revoked');
list_is("consentTermPeriod=12&cpf=$Ana", 'active revoked');
list_is('consentTermPeriod=7', '');


# --- by the name of the organisation

list_is('orgName=two', 'active revoked');
list_is('orgName=CLIENT%20T', 'active revoked');
list_is('orgName=client+two', 'active revoked');
list_is('orgName=client', "@order");
list_is('orgName=client&orderType=ASC', join ' ', reverse @order);
list_is('orgName=nobody', '');
list_is("orgName=two&status=REVOKED", 'revoked');
list_is("orgName=two&cpf=$Ana&consentTermPeriod=12", 'active revoked');
list_is('orgName=one&consentTermPeriod=12', 'company');
list_is('orgName=one&status=EXPIRED', 'expired');
list_is('orgName=' . enc('%_\\'), '');


# --- unknown parameters are no matter; another brand is another world

list_is('other=1', "@order");
psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id ="
     . " '$c{rejected}'");
list_is("cpf=$Bruno", '');
list_is('status=REJECTED', '');
psql("UPDATE oof_consent SET brand = 'bank' WHERE consent_id ="
     . " '$c{rejected}'");
is(names(listed($o, "cpf=$Bruno", headers => { 'X-Brand-ID' => 'second' })),
   '1 rejected', 'X-Brand-ID of the caller is not looked at');


# --- a customer's token sees that customer's

list_is(undef, 'rejected', customer => $Bruno);
list_is('status=REJECTED&orderType=OPF', 'rejected', customer => $Bruno);
list_is("cpf=$Ana", '', customer => $Bruno);
list_is("cnpj=$Bakery[3]", '', customer => $Bakery[1]);
list_is(undef, '', customer => $Bakery[1]);
list_is(undef, 'company', customer => $Bakery[1], cnpj => $Bakery[3]);
list_is(undef, '', scope => 'oob_consents:read oob_customer');

my $joint = in_state($o, 'AUTHORISED', cpf => $Carla);
$name{$joint} = 'joint';
list_is(undef, 'joint', customer => $Davi);
list_is('status=AWAITING_AUTHORISATION', '', customer => $Davi);
list_is("cpf=$Carla", 'joint', customer => $Davi);
psql("DELETE FROM oof_consent WHERE consent_id = '$joint'");


# --- pages

sub page {
    my ($query) = @_;

    my $r = ask($o, 'GET', '/v1/consents', query => $query);
    my $j = $r->{json};

    return said($r) if $r->{status} != 200;
    return names(join ' ', $j->{meta}{totalRecords}, $j->{meta}{totalPages},
                           map { $_->{id} } @{ $j->{data} })
           . ' | ' . join ' ', map { my ($q) = $j->{links}{$_} =~ /\?(.*)/;
                                     "$_=" . ($q // '')
                                     =~ s/pagination-key=\d-\d+-$uuid/KEY/r }
                               sort keys %{ $j->{links} };
}

is(page('page-size=3'), '7 3 active linked company | last=page=3&page-size=3'
   . ' next=page=2&page-size=3&KEY self=page-size=3', 'the first page');
is(page('page-size=3&page=2'), '7 3 revoked rejected timeout |'
   . ' first=page=1&page-size=3 last=page=3&page-size=3'
   . ' next=page=3&page-size=3&KEY prev=page=1&page-size=3'
   . ' self=page-size=3&page=2', 'by its number');
is(page('page-size=3&page=3'), '7 3 expired | first=page=1&page-size=3'
   . ' prev=page=2&page-size=3 self=page-size=3&page=3', 'the last page');
is(page('page-size=3&page=4'), '422 PAGE_NOT_FOUND', 'behind the last');
is(page("cpf=$Ana&page-size=2&page=2"), '5 3 revoked timeout | first='
   . "cpf=$Ana&page=1&page-size=2 last=cpf=$Ana&page=3&page-size=2 next="
   . "cpf=$Ana&page=3&page-size=2 prev=cpf=$Ana&page=1&page-size=2 self="
   . "cpf=$Ana&page-size=2&page=2", 'of somebody');
is(page("cpf=$Ana&page-size=2&page=4"), '422 PAGE_NOT_FOUND',
   'of somebody: behind the last');
is(page('cpf=00000000000&page=2'), '422 PAGE_NOT_FOUND',
   'a second page of nothing');
is(page('page=500&page-size=25'), '422 CONSULTA_AMPLA', 'too far by number');
is(page("cpf=$Ana&page=11&page-size=1000"), '422 CONSULTA_AMPLA',
   'of somebody: too far');

# links.next leads through all of it, in every order

for my $order (qw/ DESC ASC OPF /) {
    for my $more ('', '&orgName=client', '&statusList=REVOKED,EXPIRED,'
                  . 'AUTHORISED,TIMEOUT_AUTHORISATION') {
        my (@seen, $pages);
        my $query = "page-size=2&orderType=$order$more";
        my $all = listed($o, "orderType=$order$more");

        while (defined $query && ++$pages < 9) {
            my $r = ask($o, 'GET', '/v1/consents', query => $query);
            push @seen, map { $_->{id} } @{ $r->{json}{data} };
            ($query) = ($r->{json}{links}{next} // '') =~ /\?(.*)/;
        }

        is(names("@seen"), names($all =~ s/^\d+ //r),
           "by its links, $order$more");
    }
}


# --- what is refused

my @bad = (400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido');

for my $case (
    (map { [ "$_=$Ana" . '0', $_ ], [ "$_=", $_ ], [ "$_=x", $_ ] }
         qw/ cpf cnpj /),
    (map { my $p = $_; map { [ "$p=$_", $p ] }
           '', 'x', '2026-02-30T00:00:00Z', '2026-01-01',
           '2026-13-01T00:00:00Z', 'T00:00:00Z', '2026-01-01T00:00:00',
           map { "2026-01-01T00:00:00$_" } qw/ .Z .5 %2B3:00 %2B24:00 -00:60
               ZZ -03 .-03:00 -03:00Z +-03:00 / }
         qw/ createdOnBegin createdOnEnd /),
    (map { [ "consentTermPeriod=$_", 'consentTermPeriod' ] }
         '', 'x', '-2', '1.5', '1201', '9' x 30),
    (map { [ "orderType=$_", 'orderType' ] } '', 'asc', 'ASC,DESC', 'X'),
    (map { [ "status=$_", 'status' ] } '', 'X', 'REVOKED,EXPIRED'),
    (map { [ "statusList=$_", 'statusList' ] } '', 'X', 'REVOKED,', ',',
         'REVOKED,%20EXPIRED'),
    [ 'type=X', 'type' ], [ 'typeList=PAYMENT,X', 'typeList' ],
    [ 'modalityType=X', 'modalityType' ],
    [ 'modalityTypeList=X', 'modalityTypeList' ],
    [ 'type=DATA_SHARING&modalityType=IMMEDIATE', 'modalityType' ],
    [ 'paymentType=TED', 'paymentType' ],
    [ 'orgName=ab', 'orgName' ], [ 'orgName=', 'orgName' ],
    [ 'orgName=' . 'x' x 256, 'orgName' ], [ 'orgName=%C3%A9a', 'orgName' ],
    [ 'searchKey=', 'searchKey' ], [ 'searchKey=a,b', 'searchKey' ],
    [ 'searchKey=' . 'x' x 256, 'searchKey' ],
    [ 'searchKeys=a,,b', 'searchKeys' ],
    [ 'searchKeys=' . join(',', 1 .. 101), 'searchKeys' ],
    (map { [ "page=$_", 'page' ] } '', 0, -1, 'x', '1.0', '2147483648',
         '9' x 30),
    (map { [ "page-size=$_", 'page-size' ] } '', 0, -1, 'x', 1001, '9' x 30),
    (map { [ "pagination-key=$_", 'pagination-key' ] } '', 'x',
         "0-1-$c{active}x", "4-1-$c{active}", "0--1-$c{active}",
         "0-1_$c{active}", "0-999999999999999999-$c{active}",
         '0-1-' . 'x' x 36),
    (map { [ 'consentOwner=' . enc($_), 'consentOwner' ] }
         '', 'x', '{}', '[]', '[{}]', '["x"]', '[{"key":"cpf"}]',
         '[{"key":"cpf","value":"1"}]', '[{"key":"","value":"1"}]',
         '[{"key":"a","value":1}]', '[{"key":"a","value":"1,2"}]',
         qq([{"key":"cpf","value":"$Ana"},{"key":"cpf","value":"$Ana"}]),
         '[]},"b":[{"key":"a","value":"b"}', '[' x 50,
         '[' . join(',', map { qq({"key":"k$_","value":"v"}) } 1 .. 11)
         . ']'),
) {
    my ($query, $parameter) = @$case;

    refused_as(ask($o, 'GET', '/v1/consents', query => $query), @bad,
               "O parâmetro $parameter não tem o formato exigido.",
               length $query > 60 ? substr($query, 0, 60) : $query);
}

for my $case ([ "consentOwner=x&cpf=$Ana", 'consentOwner', 'cpf' ],
              [ 'consentOwner=x&searchKey=a', 'consentOwner', 'searchKey' ],
              [ 'consentTermPeriod=1&createdOnBegin=x', 'consentTermPeriod',
                'createdOnBegin' ],
              [ "createdOnEnd=$at&consentTermPeriod=1", 'consentTermPeriod',
                'createdOnEnd' ],
              [ 'status=REVOKED&statusList=REVOKED', 'status', 'statusList' ],
              [ 'type=PAYMENT&typeList=PAYMENT', 'type', 'typeList' ],
              [ 'modalityType=SWEEPING&modalityTypeList=VRP', 'modalityType',
                'modalityTypeList' ],
              [ 'searchKey=a&searchKeys=b', 'searchKey', 'searchKeys' ]) {
    my ($query, $one, $other) = @$case;

    refused_as(ask($o, 'GET', '/v1/consents', query => $query), @bad,
               "Os parâmetros $one e $other não podem ser usados em"
               . ' conjunto.', $query);
}

refused_as(ask($o, 'GET', '/v1/consents', query => $_), 400, 'BAD_REQUEST',
           'Requisição inválida',
           'Os parâmetros da requisição estão malformados.',
           substr $_, 0, 40)
    for 'a=%', 'a=%4', 'a=%zz', 'a=%00', 'orgName=%ff%fe%fd', 'a=%0a',
        'orgName=%ed%a0%80abc', 'a=%C3', join '&', map { "p$_=1" } 1 .. 65;

is(said(ask($o, 'GET', '/v1/consents', scope => $_)), '403 FORBIDDEN',
   "scope $_") for 'oob_consents:write', 'oof_journey', 'oof_admin';
is(ask($o, 'GET', '/v1/consents', token => undef)->{status}, 401, 'no token');
is(ask($o, 'GET', '/v1/consents', scope => 'oob_consents:read',
       headers => { Accept => 'text/html' })->{status}, 406, 'Accept');
is(bank($o, 'POST', "$Bank/v1/consents", scope => $Write, json => {})
   ->{status}, 405, 'POST');
is($o->call(GET => "$Bank/v1/consents", via => 'plain')->{status}, 404,
   'not on the listener of third parties');

for my $id ('x' x 129, "caf\xe9") {
    ok(!exists ask($o, 'GET', '/v1/consents', query => 'page-size=1',
                   headers => { 'X-Correlation-ID' => $id })
            ->{headers}{'x-correlation-id'},
       'an odd correlation id is not echoed');
}

# the tests' own access log has queries, the product's has not

my $log = $o->log_text;
unlike($log, qr/\b$_\b/, "no $_ in a log") for $Ana, $Bruno, @Bakery[1, 3];

done_testing();
