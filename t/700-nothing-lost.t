#!/usr/bin/perl

# Copyright (C) oof authors

# Workers, PostgreSQL and the whole nginx are killed under load: every consent
# that was answered 201 is there afterwards, with its history and one event.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;
use Test::Oof::Load;
use Time::HiRes qw/ sleep time /;

my $cluster = Test::Oof::Lab::cluster();
my $o = Test::Oof->start(log_level => 'notice', workers => 2);

Test::Oof->allow(qr/exited on signal 9/);


# --- a worker

my $load = Test::Oof::Load->start($o, 6);

for (1 .. 6) {
    sleep 0.4;
    my @workers = $o->worker_pids;
    kill 'KILL', $workers[rand @workers];
}

sleep 0.5;
$load->stop->whole('worker');
ok(!grep({ /^answer \S+ 5/ } keys %{ $load->{seen} }),
   'worker: the others answered no error')
    or diag(explain($load->{seen}));


# --- PostgreSQL

$load = Test::Oof::Load->start($o, 6);

for (1 .. 2) {
    sleep 0.7;
    $cluster->kill;
    sleep 0.3;
    $cluster->start;

    my $start = time;
    $o->ready;
    cmp_ok(time - $start, '<', 2, 'postgres: served again within 2 s');
}

sleep 0.5;
$load->stop->whole('postgres');
is_deeply([ grep { !/^answer \S+ (?:503|504)$/ } keys %{ $load->{seen} } ],
          [], 'postgres: 503 or 504 at most');


# --- nginx, master and workers

$load = Test::Oof::Load->start($o, 6);

for (1 .. 2) {
    sleep 0.7;
    kill 'KILL', $o->pid, $o->worker_pids;
    sleep 0.1;
    unlink "$o->{dir}/nginx.pid";
    $o->launch;
}

sleep 0.5;
$load->stop->whole('nginx');
ok(!grep({ /^answer \S+ [45]/ && !/ 503$/ || /^wrong/ } keys %{ $load->{seen} }),
   'nginx: never a wrong answer, 503 at most until it is ready')
    or diag(explain($load->{seen}));


# --- an outage is told at once, and with when to come again

$cluster->stop('immediate');

for my $method (qw/ POST GET DELETE /) {
    my $path = "$Test::Oof::Api/consents"
               . ($method eq 'POST' ? ''
                                    : '/urn:bank:' . $load->{made}[0]);
    my $start = time;
    my $r = $o->call($method, $path, client => 'one',
                     $method eq 'POST' ? (json => consent_body()) : ());

    is($r->{status}, 503, "down: $method: 503");
    cmp_ok(time - $start, '<', 0.5, "down: $method: at once");
    is($r->{headers}{'retry-after'}, 5, "down: $method: Retry-After");
    is($r->{headers}{'content-type'}, 'application/json; charset=utf-8',
       "down: $method: type");
    ok($r->{json}{errors}[0]{code}, "down: $method: a regulated body");
}

$cluster->start;


done_testing();
