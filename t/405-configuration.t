#!/usr/bin/perl

# Copyright (C) oof authors

# oof_database { }: what "nginx -t" says of mistakes, and of the server.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;

my $dsn = database_dsn();
Test::Oof::Lab::schema();

my $o = Test::Oof->start(defaults => 0, hold => 1, locations => '');


sub said {
    my ($block, %args) = @_;

    my $http = $block =~ /\{/ ? $block : "oof_database main {\n$block\n}";
    $o->configure(http => $http, workers => 1, main => '', %args);

    my ($fine, $text) = $o->test_config;
    $text =~ s/^nginx: //mg;

    return ($fine, $text);
}


sub refused {
    my ($block, $message, $name, %args) = @_;

    my ($fine, $text) = said($block, %args);

    ok(!$fine, "$name: refused");
    like($text, qr/\[emerg\] .*$message/, "$name: and why");
}


sub taken {
    my ($block, $name, %args) = @_;

    my ($fine, $text) = said($block, %args);

    ok($fine, "$name: taken") or diag($text);

    return $text;
}


# --- the block

refused('', 'needs "connect"', 'nothing');
refused("connect \"$dsn\"; connect \"$dsn\";", '"connect" is duplicate',
        'twice the same');
refused("oof_database a { connect \"$dsn\"; }\n"
        . "oof_database a { connect \"$dsn\"; }",
        'two "oof_database a \{ \}"', 'two blocks of one name');
refused("connect \"$dsn\"; lanes 3;", 'unknown directive "lanes"',
        'an unknown one');
refused("connect \"$dsn\" x;", '"connect" .* takes one value', 'two values');
refused("connect \"$dsn\"; read_lanes 3;", '"read_lanes 3": give it 1 to 2',
        'too many lanes');
refused("connect \"$dsn\"; queue 0;", '"queue 0": give it 1 to', 'no queue');
refused("connect \"$dsn\"; queue many;", '"queue many": give it', 'no number');
refused("connect \"$dsn\"; segment_size 1k;", 'give it 4096 to .* bytes',
        'a small segment');
refused("connect \"$dsn\"; lock_timeout 0;", '"lock_timeout 0": give it 1 to',
        'waiting for ever');
refused("connect \"$dsn\"; statement_timeout 500ms;",
        'must be longer than "lock_timeout"', 'time-outs the wrong way round');
refused("connect \"$dsn\"; lease maybe;", '"on" or "off"', 'no flag');
refused("connect \"$dsn\"; password_file /nowhere;", 'open\(\) "/nowhere"',
        'an unreadable file');

Test::Oof::spew("$o->{dir}/empty", "\n");
refused("connect \"$dsn\"; password_file $o->{dir}/empty;",
        'must have the password', 'an empty file');

taken("connect \"$dsn\"; read_lanes 2; queue 100; segment_units 64;"
      . ' segment_size 64k; statement_timeout 3s; lock_timeout 30ms;'
      . ' solo_lock_timeout 2s; connect_timeout 1s; lease off;', 'all of it');


# --- the connection string

refused('connect "host=/tmp nonsense=1";',
        'bad "connect" .*invalid connection option "nonsense"', 'an option');
refused('connect "host";', 'bad "connect" .*missing "="', 'no value');
refused('connect "host=/tmp sslmode=perhaps";',
        'bad "connect" .*invalid sslmode', 'an sslmode');
refused('connect "host=/tmp port=70000";', 'bad "connect" .*invalid port',
        'a port');
refused('connect "host=/a,/b,/c port=1,2";', '3 hosts, 0 addresses and 2 ports',
        'hosts and ports');
refused('connect "host=no.such.host.invalid";',
        'host "no.such.host.invalid" .*host not found.*set "resolver"',
        'a host that is not found');

my $text = taken('connect "host=/tmp password=secret";', 'a password in sight');
like($text, qr/\[warn\] .*better use "password_file"/, 'a password: a warning');
unlike($text, qr/secret/, 'a password: not repeated');

$text = taken('connect "host=/nowhere";', 'a server that is not there');
like($text, qr/\[warn\] .*cannot be reached now/, 'no server: a warning');

$text = taken("connect \"$dsn connect_timeout=3\";", 'connect_timeout inside');
like($text, qr/\[warn\] .*does nothing/, 'connect_timeout: a warning');

taken("resolver 127.0.0.1:9;\noof_database main { connect"
      . ' "host=no.such.host.invalid"; }', 'a name for the resolver');


# --- the server's limits

my ($max) = psql("SELECT current_setting('max_connections')::int"
                 . " - current_setting('superuser_reserved_connections')::int");
my $workers = int(($max->[0] - 1) / 3);

refused("connect \"$dsn\";", 'workers need \d+ connections to database "main",'
        . ' but PostgreSQL allows \d+: lower', 'too many workers',
        workers => $workers + 1);

$text = taken("connect \"$dsn\";", 'many workers', workers => $workers);
like($text, qr/\[warn\] .*twice as many while nginx is reloaded/,
     'many workers: a warning');

my $quiet = taken("connect \"$dsn\";", 'a worker');
unlike($quiet, qr/\[(?:warn|emerg)\]/, 'a worker: nothing to say');

# databases of one server share what it allows

my $half = int($workers / 2) + 1;
my ($first, $second) = map { "oof_database $_ { connect \"$dsn\"; }" } 1, 2;

taken($first, 'half of the workers', workers => $half);
refused("$first\n$second", 'connections to database "1", "2", but PostgreSQL'
        . ' allows \d+', 'two databases', workers => $half);

my $role = "oof_limited_$$";
psql("CREATE ROLE $role LOGIN CONNECTION LIMIT 5");
refused("connect \"$dsn user=$role\";", '7 connections .* allows 5',
        "the role's limit", workers => 2);

taken("connect \"$dsn user=$role\";", "the role's limit, a worker");
refused("oof_database 1 { connect \"$dsn user=$role\"; }\n"
        . "oof_database 2 { connect \"$dsn\"; }\n"
        . "oof_database 3 { connect \"$dsn user=$role\"; }",
        '8 connections to database "1", "3", .* allows 5',
        "the role's limit, two of three databases");
psql("DROP ROLE $role");


# --- a schema that does not fit

my $empty = Test::Oof::Postgres::database('empty', empty => 1);
$text = taken("connect \"$empty\";", 'a database without schema');
like($text, qr/\[warn\] .*does not fit the schema of database "main", migrate/,
     'no schema: a warning');

Test::Oof->allow(qr/\[emerg\]/);

done_testing();
