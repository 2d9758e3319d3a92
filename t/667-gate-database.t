#!/usr/bin/perl

# Copyright (C) oof authors

# The gate while PostgreSQL is away: nothing passes that has not been judged,
# and it is told at once (spec 0.3; spec 7, 1, 2).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Gate;

# the lanes go through a socket of ours, which can be taken away

my $dsn = database_dsn();
my ($real) = $dsn =~ /host=(\S+)/;
my ($port) = $dsn =~ /port=(\d+)/;
my $link = "$Test::Oof::Dir/pg";

$port ||= 5432;
mkdir $link or die $!;
plug();

my $http = Test::Oof::http_defaults();
$http =~ s/host=\S+/host=$link/;

my $bank = bank();

my $o = Test::Oof->start(
    defaults => 0,
    tls_replace => Test::Oof::tls_defaults(),
    http => $http,
    server => Test::Oof::server_defaults() . Test::Oof::header_defaults(),
    locations => Test::Oof::location_defaults()
                 . gate_locations($bank, [ 'accounts', 'v2' ]));

$o->ready;

my $consent = authorised();
my $account = resource(number => '10000011');
my $list = '/open-banking/accounts/v2/accounts';
my $path = "$list/$account";

share($consent, $account);
$bank->answer($_, body => '{"data":[]}', headers => {
    'Content-Type' => 'application/json' }) for $list, $path;

passed(get($o, $consent, $path), 'before');

unplug();
wait_for(sub { get($o, $consent, $path)->{status} == 503 }, 5, 'the loss');
$bank->forget_calls;

for my $to ($path, $list) {
    my $r = get($o, $consent, $to);

    is_error($r, 503, 'SERVICE_UNAVAILABLE', "away: $to");
    is($r->{headers}{'retry-after'}, 5, "away: $to: when to come again");
    is($r->{headers}{'x-v'}, '2.5.1', "away: $to: x-v");
}

is(get($o, $consent, $path, token => undef)->{status}, 401,
   'away: who has no token is told so');
is(scalar($bank->calls), 0, 'away: nothing has reached the bank');

plug();
wait_for(sub { get($o, $consent, $path)->{status} == 200 }, 10, 'the return');
passed(get($o, $consent, $list), 'back again');
is(seen($bank)->{headers}{'x-oof-consent-id'}, $consent,
   'back again: judged as before');

done_testing();


sub plug { symlink "$real/.s.PGSQL.$port", "$link/.s.PGSQL.$port" or die $! }

sub unplug {
    unlink "$link/.s.PGSQL.$port" or die $!;
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
         . ' WHERE datname = current_database() AND pid <> pg_backend_pid()');
}
