#!/usr/bin/perl

# Copyright (C) oof authors

# The gate as a whole: what a call that is wrong in many ways is told first
# (spec 5.4; spec 7, 1, 2, 13, 16), what each state of consent and resource does
# to lists and details (spec 1.5, 1.11; spec 7, 15, 26, 28), how long a
# pagination key lives (spec 1.9), reserved balances (spec 7, 19), and that all
# of it is one read.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw/ decode_base64url /;
use Test::More;
use Test::Oof;
use Test::Oof::Gate qw/ bank gate_locations get seen is_error passed
                        data_error /;
use Test::Oof::Journey qw/ journey new_consent decide show resources
                           token_check account_ids $Ana $Carla $Davi /;

my $bank = bank();

my $o = journey(locations => Test::Oof::location_defaults()
    . gate_locations($bank, [ 'accounts', 'v2' ], [ 'loans', 'v2' ]) . <<'END');
        location /open-banking/resources/v3/ {
            oof_api resources v3;
        }
END

my $Accounts = '/open-banking/accounts/v2/accounts';
my $Resources = '/open-banking/resources/v3/resources';
my $api = '/open-banking/accounts/v2';
my %answer = (body => '{"data":[]}',
              headers => { 'Content-Type' => 'application/json' });

$bank->answer($Accounts, %answer);


# --- one call after the other, each right where the last one was wrong

my $revoked = authorised_for($Ana);
my ($first, $second) = listed_ids($revoked);
my $path = "$Accounts/$first/balances";

is($o->call(DELETE => "$Test::Oof::Api/consents/$revoked")->{status}, 204,
   'one is revoked');

my $one = one_of($first);
my $bad = '?page-size=5000&fromBookingDate=x';
my $paged = "$Accounts/$first/transactions-current$bad";
my @all = (Accept => 'text/html');

sub order {
    my ($name, $status, $code, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $id = exists $args{id} ? delete $args{id} : undef;
    my $r = $o->call($args{method} // 'GET', $args{path} // $paged,
        body => '{}', %args,
        headers => [ exists $args{no_id} ? ()
                         : ('x-fapi-interaction-id' => $id // 'x'),
                     @{ $args{headers} || \@all } ]);

    is_error($r, $status, $code, $name);
    is($r->{headers}{'x-v'}, '2.5.1', "$name: x-v")
        if ($args{path} // $paged) =~ m{^$Accounts(/|$)};
    is($r->{headers}{'x-fapi-interaction-id'}, $id,
       "$name: interaction id as it came") if defined $id;

    return $r;
}

sub token_of {
    my ($consent, %args) = @_;

    return (token => token(scope => "openid consent:$consent "
                               . (delete $args{scope} // 'accounts'),
                           %args));
}

my $Id = 'AbCdEf01-2345-4678-9abc-DEF012345678';
my %stranger = (claims => { client_id => 'stranger' });

$bank->forget_calls;

order('no such path', 404, 'NOT_FOUND', client => undef,
      path => "$api/nothing$bad");
order('no such method', 405, 'METHOD_NOT_ALLOWED', client => undef,
      method => 'POST');
order('no certificate', 401, 'INVALID_CLIENT', client => undef,
      cert => undef, token => undef);
order('a foreign certificate', 401, 'INVALID_CLIENT', cert => 'foreign',
      token => undef);
order('no token', 401, 'UNAUTHORIZED', token => undef);
order('a token that is none', 401, 'UNAUTHORIZED', token => 'x');
order('a token that has expired', 401, 'UNAUTHORIZED',
      token_of($revoked, scope => 'loans', ttl => -10, %stranger));
order('a token of another certificate', 401, 'UNAUTHORIZED',
      token_of($revoked, scope => 'loans', cert => 'two', %stranger));
order('a token of another grant', 401, 'UNAUTHORIZED',
      token => token(scope => 'loans', %stranger));
order('a token without the scope', 403, 'FORBIDDEN',
      token_of($revoked, scope => 'loans', %stranger));
order('a client that nobody knows', 401, 'INVALID_CLIENT',
      token_of($revoked, %stranger));
order('an interaction id that is none', 400, 'BAD_REQUEST',
      token_of($revoked));
order('nothing that is accepted', 406, 'NOT_ACCEPTABLE', id => $Id,
      token_of($revoked));
order('a dead consent', 401, 'UNAUTHORIZED', id => $Id, headers => [ 'x', 1 ],
      token_of($revoked));
order('no permission', 403, 'FORBIDDEN', id => $Id, headers => [ 'x', 1 ],
      token_of($one), path => "$Accounts/a_b/transactions-current$bad");

my $full = authorised_for($Ana, [ $first ], 'full');

order('an id that is none', 400, 'PARAMETRO_INVALIDO', id => $Id,
      headers => [ 'x', 1 ], token_of($full),
      path => "$Accounts/a_b/transactions-current$bad");
order('a resource that is not shared', 403, 'RESOURCE_FORBIDDEN', id => $Id,
      headers => [ 'x', 1 ], token_of($full),
      path => "$Accounts/$second/transactions-current$bad");
order('a body', 400, 'BAD_REQUEST', id => $Id, headers => [ 'x', 1 ],
      token_of($full));
order('a query: pages', 422, 'PARAMETRO_INVALIDO', id => $Id,
      headers => [ 'x', 1 ], token_of($full), body => undef);
order('a query: dates', 400, 'PARAMETRO_INVALIDO', id => $Id,
      headers => [ 'x', 1 ], token_of($full), body => undef,
      path => "$Accounts/$first/transactions-current?fromBookingDate=x");
is(scalar($bank->calls), 0, 'nobody of them has reached the bank');


# --- states of a consent: the list of resources, lists, details (spec 1.11)

sub access {
    my ($consent, $resource, $want, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $bank->answer("$Accounts/$resource", %answer);

    my $r = resources($o, $consent);
    my ($shown) = map { $_->{status} }
                  grep { $_->{resourceId} eq $resource }
                  @{ $r->{json}{data} || [] };
    my @got = $r->{status} . (defined $shown ? ":$shown" : '');

    $r = get($o, $consent, $Accounts);
    push @got, $r->{status};

    $got[-1] .= (seen($bank)->{headers}{'x-oof-resources'} =~ /$resource/
                 ? ':told' : ':hidden') if $r->{status} == 200;

    $r = get($o, $consent, "$Accounts/$resource");
    push @got, join ':', $r->{status},
                         map { $_->{code} } @{ $r->{json}{errors} || [] };

    is("@got", $want, $name);
}

my $dead = '401 401 401:UNAUTHORIZED';

access(new_consent($o), $first, $dead, 'consent: not authorised yet');
access($revoked, $first, $dead, 'consent: revoked');
access('urn:bank:01936000-0000-7000-8000-0000deadbeef', $first, $dead,
       'consent: there is none');

my $refused = new_consent($o);
decide($o, $refused, 'REJECT', cpf => $Ana,
       reason => { code => 'CUSTOMER_MANUALLY_REJECTED' });
access($refused, $first, $dead, 'consent: refused by the customer');

my $over = authorised_for($Ana);
access($over, $first, '200:AVAILABLE 200:told 200', 'consent: authorised');
psql("UPDATE oof_consent SET expiration = now() - interval '1 s' WHERE"
     . " consent_id = '" . short($over) . "'");
access($over, $first, $dead, 'consent: its time is over, nobody has written');


# --- states of a resource

my $shares = authorised_for($Ana, [ $first ]);
my $also = authorised_for($Ana, [ $first, $second ], 'full');
my $number = number_of($first);

access($shares, $first, '200:AVAILABLE 200:told 200', 'resource: available');
access($shares, $second, '200 200:hidden 403:RESOURCE_FORBIDDEN',
       'resource: outside the consent');
access($shares, '00000000-0000-4000-8000-000000000000',
       '200 200:hidden 403:RESOURCE_FORBIDDEN', 'resource: there is none');

for ([ 'TEMPORARILY_UNAVAILABLE', 'blocked' ], [ 'UNAVAILABLE', 'closed' ]) {
    my ($status, $name) = @$_;

    $o->{core}->control(resources => { type => 'ACCOUNT',
        number => $number, status => $status });
    show($o, new_consent($o));

    access($shares, $first, "200:$status 200:hidden"
           . " 403:STATUS_RESOURCE_$status", "resource: $name");
    access($also, $second, '200:AVAILABLE 200:told 200',
           "resource: $name, not another");
}

# several must agree; one of them refuses

my $joint = new_consent($o, cpf => $Carla);
my ($shared) = account_ids($o, $joint);

decide($o, $joint, 'AUTHORISE', cpf => $Carla, resources => [ $shared ]);
access($joint, $shared->{resourceId}, '200:PENDING_AUTHORISATION 200:hidden'
       . ' 403:STATUS_RESOURCE_PENDING_AUTHORISATION', 'resource: pending');
decide($o, $joint, 'AUTHORISE', cpf => $Davi);
access($joint, $shared->{resourceId}, '200:AVAILABLE 200:told 200',
       'resource: all have agreed');

$joint = new_consent($o, cpf => $Carla);
decide($o, $joint, 'AUTHORISE', cpf => $Carla, resources => [ $shared ]);
decide($o, $joint, 'REJECT', cpf => $Davi,
       reason => { code => 'CUSTOMER_MANUALLY_REJECTED' });
access($joint, $shared->{resourceId}, '200:UNAVAILABLE 200:hidden'
       . ' 403:STATUS_RESOURCE_UNAVAILABLE', 'resource: approval refused');


# --- consents do not know each other (spec 7, 28), tokens live as long as they
# do (spec 7, 26)

is($o->call(DELETE => "$Test::Oof::Api/consents/$shares")->{status}, 204,
   'one of two is revoked');
is(get($o, $shares, $Accounts)->{status}, 401, 'it is dead');
passed(get($o, $also, $Accounts), 'the other of the same customer');
is(token_check($o, $shares)->{json}{data}{$_}, JSON::PP::false(),
   "dead: $_") for qw/ issue refresh /;
is(token_check($o, $also)->{json}{data}{$_}, JSON::PP::true(),
   "the other: $_") for qw/ issue refresh /;


# --- a client that is blocked or deleted is refused here too, soon

sub client_is {
    my ($want, $name) = @_;

    my @paths = ($Accounts, "$Accounts/$second", $Resources);

    wait_for(sub {
        !grep { get($o, $also, $_, scope => "openid consent:$also accounts"
                    . ' resources')->{status} != $want } @paths;
    }, 10, "$name: $want");
    pass("$name: $want");
}

my $kept = (psql("SELECT row_to_json(c) FROM oof_client c WHERE client_id ="
                 . " 'client-one'"))[0][0];

client_is(200, 'a client that is registered');
psql("UPDATE oof_client SET status = 'BLOCKED', updated = now() WHERE"
     . " client_id = 'client-one'");
client_is(401, 'blocked');
is_error(get($o, $also, $Accounts), 401, 'INVALID_CLIENT', 'blocked');
psql("UPDATE oof_client SET status = 'ACTIVE', updated = now() WHERE"
     . " client_id = 'client-one'");
client_is(200, 'not blocked any more');
psql("DELETE FROM oof_client WHERE client_id = 'client-one'");
client_is(401, 'deleted');
psql("INSERT INTO oof_client SELECT * FROM json_populate_record("
     . "NULL::oof_client, '$kept')");
client_is(200, 'registered again');


# --- reserved balances: not offered, or none there are (spec 7, 19)

my $reserved = "$Accounts/$second/reserved-balances";

$bank->answer($reserved, status => 404, body => '<html>', headers => {
    'Content-Type' => 'text/html' });
is_error(get($o, $also, $reserved), 404, 'NOT_FOUND',
         'reserved balances: not offered');
$bank->answer($reserved, %answer);
my $r = get($o, $also, $reserved);
passed($r, 'reserved balances: none there are');
is($r->{body}, '{"data":[]}', 'reserved balances: an empty list');

# the page after the last is the bank's to tell (spec 7, 18)

my $body = data_error('PAGE_NOT_FOUND');

$bank->answer("$Accounts/$second/transactions", status => 422, body => $body,
              headers => { 'Content-Type' =>
                               'application/json; charset=utf-8' });
$r = get($o, $also, "$Accounts/$second/transactions?page=99");
is_error($r, 422, 'PAGE_NOT_FOUND', 'beyond the last page');
is($r->{body}, $body, 'beyond the last page: as the bank has said it');


# --- a key lives for an hour of the rule clock

sub key_of {
    my ($query) = @_;

    passed(get($o, $also, $Accounts . ($query // '')), 'a page');

    return seen($bank)->{headers}{'x-oof-pagination-key'};
}

sub second_of { unpack 'Q>', decode_base64url($_[0]) }

my $key = key_of();

cmp_ok(abs(second_of($key) - time), '<', 20, 'a key has its second');

for ([ 3500, 1 ], [ 3700, 0 ], [ -1000, 0 ]) {
    my ($offset, $valid) = @$_;

    $o->clock($offset);
    wait_for(sub { abs(second_of(key_of()) - time - $offset) < 20 }, 10,
             "the clock at $offset");

    my $now = key_of("?pagination-key=$key&page=2");

    if ($valid) {
        is($now, $key, "after $offset s: the same key");

    } else {
        isnt($now, $key, "after $offset s: a new one");
    }
}

$o->clock(0);


# --- one read a call, whatever it asks for: PostgreSQL has counted all when its
# sessions have ended

sub scans {
    my ($then) = @_;

    wait_for(sub { !(psql('SELECT count(*) FROM pg_stat_activity WHERE'
                          . ' datname = current_database() AND pid <>'
                          . " pg_backend_pid() AND backend_start < '$then'"
                          . " AND backend_type = 'client backend'"))[0][0] },
             20, 'the end of old sessions');

    return (psql("SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE"
                 . " relname = 'oof_consent'"))[0][0];
}

# whole tables that were read: none of them, however small they are

sub whole {
    return (psql("SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname"
                 . " IN ('oof_consent_resource', 'oof_resource')"))[0][0];
}

sub now { (psql('SELECT clock_timestamp()'))[0][0] }

$bank->answer("$Accounts/$second/balances", %answer);

my $now = now();
$o->reload;
my $before = scans($now);
my $whole = whole();
my ($fine, $calls) = (0, 0);

for ([ "$Accounts/$second/balances", 200 ], [ $Accounts, 200 ],
     [ "$Accounts/$first/balances", 403 ]) {
    my ($to, $want) = @$_;

    for (1 .. 50) {
        $calls++;
        $fine++ if get($o, $also, $to)->{status} == $want;
    }
}

is($fine, $calls, 'details, lists, refusals: all are answered');

$now = now();
$o->reload;
my $scans = scans($now) - $before;

ok($scans >= $calls && $scans < $calls * 1.5, 'and each is one read')
    or diag("$scans reads for $calls calls");
is(whole(), $whole, 'of no whole table');

done_testing();


sub short { $_[0] =~ s/^urn:bank://r }

# a consent of all accounts, or of some; "full" has transactions

sub authorised_for {
    my ($cpf, $ids, $full) = @_;

    my $id = new_consent($o, cpf => $cpf, $full ? (more => {
        permissions => [ qw/ ACCOUNTS_READ ACCOUNTS_BALANCES_READ
                             ACCOUNTS_TRANSACTIONS_READ RESOURCES_READ / ]
    }) : ());
    my @chosen = grep { my $r = $_->{resourceId};
                        !$ids || grep { $_ eq $r } @$ids }
                 account_ids($o, $id);

    my $r = decide($o, $id, 'AUTHORISE', cpf => $cpf,
                   resources => \@chosen);
    is($r->{status}, 200, 'authorised') or diag($r->{body});

    return $id;
}

sub one_of { return authorised_for($Ana, [ $_[0] ]) }

sub listed_ids {
    return sort map { $_->{resourceId} }
           @{ resources($o, $_[0])->{json}{data} };
}

sub number_of {
    my ($resource) = @_;

    $bank->answer("$Accounts/$resource", %answer);
    get($o, $also, "$Accounts/$resource");

    my ($number) = seen($bank)->{headers}{'x-oof-resource'} =~ /account=(\d+)/
        or die seen($bank)->{headers}{'x-oof-resource'};
    return $number;
}
