#!/usr/bin/perl

# Copyright (C) oof authors

# Maintenance of an API, a part of one, or all: 503 with Retry-After in every
# worker within a second, at the gate too, from and until a time of the rule
# clock or a call's; over reload and restart; told by /status and /outages
# (spec 0.4, 6.3, 8.3).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ at /;
use Test::Oof::Gate ();
use Test::Oof::Journey ();
use Time::HiRes qw/ sleep time /;

my $discovery = '/open-banking/discovery/v2';
my $consents = "$Test::Oof::Api/consents";
my $gate = '/open-banking/accounts/v2/accounts';
my $behind = Test::Oof::Gate::bank();

my $o = Test::Oof::Journey::journey(core => undef, leases => 1, workers => 3,
    locations => Test::Oof::location_defaults() . <<"END"
        location /open-banking/resources/v3/ { oof_api resources v3; }
        location $discovery/ { oof_api discovery v2; }
END
    . Test::Oof::Gate::gate_locations($behind, [ 'accounts', 'v2' ]));

$behind->answer($gate, body => '{}',
                headers => { 'Content-Type' => 'application/json' });

my $token = token();
my $consent = Test::Oof::Gate::authorised();


sub admin {
    my ($method, $path, %args) = @_;

    return Test::Oof::Journey::bank($o, $method, "/oof/v1$path",
                                    scope => 'oof_admin', %args);
}

# plans one: its id

sub maintenance {
    my (%data) = @_;

    my $r = admin(POST => '/outages', json => { data => {
        end => at(3600), explanation => 'Troca do banco de dados',
        maintenance => JSON::PP::true, %data } });

    is($r->{status}, 201, 'a maintenance') or diag($r->{body});

    return $r->{json}{data};
}

# connections are new, so that every worker has some

sub statuses {
    my ($method, $path, %args) = @_;

    my %seen;

    $seen{ $o->call($method => $path, token => $token, %args)->{status} }++
        for 1 .. 12;

    return join ' ', sort keys %seen;
}

sub create { statuses(POST => $consents, json => consent_body()) }

sub shared {
    my %seen;

    $seen{ Test::Oof::Gate::get($o, $consent, $gate)->{status} }++ for 1 .. 12;

    return join ' ', sort keys %seen;
}

sub moved {
    my ($offset) = @_;

    $o->clock($offset);
    wait_for(sub { admin(GET => '/clock')->{json}{data}{offset} == $offset },
             10, 'the clock');
}

sub codes {
    my $r = $o->call(GET => "$discovery/status", client => undef,
                     headers => { 'x-fapi-interaction-id' => undef });

    return join ' ', map { $_->{code} } @{ $r->{json}{data}{status} };
}

sub planned {
    my $r = $o->call(GET => "$discovery/outages", client => undef,
                     headers => { 'x-fapi-interaction-id' => undef });

    return scalar @{ $r->{json}{data} };
}

# until no worker answers otherwise, which is within a second

sub becomes {
    my ($what, $want, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    wait_for(sub { $what->() eq $want }, 10, $name);
    is($what->(), $want, $name);
}


# --- an API, at once

is(create(), '201', 'open');
is(shared(), '200', 'the gate is open');
is($o->metric('oof_maintenance', api => 'consents v3'), 0, 'the metric says so');

my $plan = maintenance(endpoints => [ $Test::Oof::Api ]);
ok($plan->{maintenance}, 'it is one');
is($plan->{status}, 'ACTIVE', 'which begins at once');

becomes(\&create, '503', 'closed, in every worker');
my $r = $o->call(POST => $consents, token => $token, json => consent_body());
is($r->{json}{errors}[0]{code}, 'SERVICE_UNAVAILABLE', 'the regulated error');
schema_ok('consents-v3 POST /consents', $r, 'as specified');
cmp_ok($r->{headers}{'retry-after'}, '>', 3500, 'Retry-After is what is left');
cmp_ok($r->{headers}{'retry-after'}, '<=', 3600, 'and no more');
is($r->{headers}{'cache-control'}, 'no-store', 'headers as always');
like($r->{headers}{'x-fapi-interaction-id'}, qr/^[0-9a-f-]{36}$/,
     'the interaction id');
is($o->call(GET => "$consents/urn:bank:x", token => undef, cert => undef)
       ->{status}, 503, 'whoever asks');
is($o->call(PUT => $consents, token => $token)->{status}, 405,
   'but for what is nothing of the API');
is(shared(), '200', 'other APIs are open');
is(statuses(GET => '/open-banking/resources/v3/resources'), '401',
   'all of them');
is(codes(), 'SCHEDULED_OUTAGE', '/status tells of it');
is(planned(), 1, 'so does /outages');
wait_for(sub { $o->metric('oof_maintenance', api => 'consents v3') == 1 }, 5,
         'metric');
is($o->metric('oof_maintenance', api => 'consents v3'), 1, 'the metric');
is($o->metric('oof_maintenance', api => 'accounts v2'), 0, 'of it alone');
cmp_ok($o->metric('oof_maintenance_refused_total', api => 'consents v3'), '>=',
       12, 'refusals are counted');
like($o->log_text, qr/"consents v3" is closed for maintenance/, 'the log');


# --- over a reload and a restart

$o->reload;
is(create(), '503', 'after a reload: the first request knows');
$o->stop;
$o->launch;
is(create(), '503', 'after a restart, too');

# also one that comes before the worker has read anything

my $lock = Test::Oof::Postgres::session(database_dsn());
$o->stop;
$lock->run('BEGIN; LOCK TABLE oof_outage');
{
    local $o->{wait} = 0;
    $o->launch;
}

my $pid = fork // die $!;

if (!$pid) {
    $r = $o->call(POST => $consents, token => $token, json => consent_body());
    POSIX::_exit($r->{status} == 503 && $r->{headers}{'retry-after'} > 60
                 ? 0 : 1);
}

sleep 0.3;
$lock->run('COMMIT');
$lock->close;
waitpid $pid, 0;
is($?, 0, 'the very first request waits until it is known');
$o->ready;

# --- ended by a call

is(admin(DELETE => "/outages/$plan->{outageId}")->{status}, 204, 'ended');
becomes(\&create, '201', 'open again, in every worker');
sleep 6;
is(codes(), 'OK', 'and the status: its refusals are no failure');
is($o->metric('oof_failures_total') // 0, 0, 'nor were they');
like($o->log_text, qr/"consents v3" is open again after maintenance/,
     'the log tells that');


# --- an endpoint alone, the gate, all

$plan = maintenance(endpoints => [ "$consents/{consentId}" ]);
becomes(sub { statuses(GET => "$consents/urn:bank:" . new_uuid()) }, '503',
        'an endpoint');
is(create(), '201', 'and no other');
admin(DELETE => "/outages/$plan->{outageId}");

$plan = maintenance(endpoints => [ '/open-banking/accounts/v2' ]);
becomes(\&shared, '503', 'a gate');
$r = Test::Oof::Gate::get($o, $consent, $gate);
is($r->{json}{errors}[0]{code}, 'SERVICE_UNAVAILABLE', 'a gate: the error');
my $calls = scalar $behind->calls;
Test::Oof::Gate::get($o, $consent, $gate);
is(scalar $behind->calls, $calls, 'a gate: nothing goes through');
admin(DELETE => "/outages/$plan->{outageId}");

$plan = maintenance();
becomes(sub { create() . ' ' . shared() }, '503 503', 'everything');
is(codes(), 'SCHEDULED_OUTAGE', 'but the public endpoints');
is(admin(GET => '/outages')->{status}, 200, "and the bank's own side");
is(admin(DELETE => "/outages/$plan->{outageId}")->{status}, 204,
   'by which it ends');
becomes(sub { create() . ' ' . shared() }, '201 200', 'all is open');


# --- planned: it begins and ends by the rule clock

$plan = maintenance(start => at(3600), end => at(7200),
                    endpoints => [ $Test::Oof::Api ]);
is($plan->{status}, 'PLANNED', 'a planned one');
is(planned(), 1, 'is announced');
sleep 1;
is(create(), '201', 'and not in force');
moved(5400);
becomes(\&create, '503', 'when its time has come');
is(admin(PATCH => "/outages/$plan->{outageId}",
         json => { data => { end => at(9000) } })->{status}, 200, 'longer');
moved(7400);
becomes(\&create, '503', 'it is');
is(admin(PATCH => "/outages/$plan->{outageId}", json => { data => {
             maintenance => JSON::PP::false } })->{status}, 200, 'told alone');
becomes(\&create, '201', 'nobody is refused');
is(codes(), 'SCHEDULED_OUTAGE', 'but it is still told');
is(admin(PATCH => "/outages/$plan->{outageId}", json => { data => {
             maintenance => JSON::PP::true } })->{status}, 200, 'closed again');
becomes(\&create, '503', 'it is closed');
moved(9100);
becomes(\&create, '201', 'and open when its time is over');
moved(0);


# --- what is refused

for ([ { endpoints => [ '/open-banking/consent/v3' ] }, 'no API' ],
     [ { endpoints => [ '/open-banking/consents/v' ] }, 'a part of a name' ],
     [ { end => at(-60) }, 'the end is over' ],
     [ { end => undef }, 'no end' ],
     [ { maintenance => 'yes' }, 'no boolean' ],
     [ { maintenance => JSON::PP::false }, 'an outage without a start' ])
{
    my ($data, $name) = @$_;
    my %data = (end => at(60), explanation => 'x',
                maintenance => JSON::PP::true, %$data);

    delete $data{$_} for grep { !defined $data{$_} } keys %data;
    $r = admin(POST => '/outages', json => { data => \%data });
    is("$r->{status} $r->{json}{errors}[0]{code}", '400 PARAMETRO_INVALIDO',
       $name);
}

is(Test::Oof::Journey::bank($o, POST => '/oof/v1/outages', json => { data => {
       end => at(60), explanation => 'x', maintenance => JSON::PP::true } })
       ->{status}, 403, 'another scope');
is(create(), '201', 'nothing of that has closed anything');

done_testing();
