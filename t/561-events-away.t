#!/usr/bin/perl

# Copyright (C) oof authors

# Brokers are away for a minute under load: requests are answered as fast as
# before, nothing is lost, the other consumer has every event at once, and the
# backlog is gone soon after.  Then reload, an upgrade of the binary and quit,
# each under load.  Only with "build.sh test --long"; brokers as in t/560.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Client;
use Test::Oof::Kafka;
use Test::Oof::Load;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};
plan(skip_all => 'the binary, or this machine, has no librdkafka')
    if !Test::Oof::Kafka::built();

my $seconds = $ENV{OOF_AWAY_SECONDS} // 60;
my ($broker, $why) = Test::Oof::Kafka->broker;

diag($broker ? 'brokers: Apache Kafka'
             : "brokers: librdkafka's mock cluster, as there is $why");

my $k = Test::Oof::Kafka->start(topics => [ 'oof.consent' ], partitions => 2,
                                brokers => $broker ? 0 : 1,
                                $broker ? (servers => $broker->{servers})
                                        : ());
my $file = "$Test::Oof::Dir/events.jsonl";

wait_for(sub { $broker->answers }, 120, 'the broker') if $broker;

my $o = Test::Oof->start(leases => 1, log_level => 'notice', workers => 2,
                         http => <<"END");
    keepalive_requests 1000000;
    oof_events kafka {
        bootstrap.servers @{[ $k->servers ]};
        @{[ $broker ? '' : 'max.in.flight.requests.per.connection 1;' ]}
    }
    oof_events log { path $file; }
END


sub away { $broker ? $broker->kill : $k->command('down 1') }

sub back { $broker ? $broker->run : $k->command('up 1') }

sub lag {
    my ($name) = @_;

    return (psql('SELECT r.position - c.cursor + (SELECT count(*) FROM'
                 . ' oof_event WHERE position IS NULL) FROM oof_consumer c,'
                 . " oof_relay r WHERE c.name = '$name'"))[0][0];
}


# the 99th of a hundred of POST at 100/s, from when each was to begin

my ($headers) = $o->request_parts('plain', client => 'one',
                                  json => consent_body());
my $body = Test::Oof::json(consent_body());

sub p99 {
    my ($time) = @_;

    my $client = Test::Oof::Client->new($o->plain);
    my $start = time;
    my @took;

    for my $n (0 .. 100 * $time - 1) {
        my $at = $start + $n / 100;
        my $left = $at - time;

        sleep $left if $left > 0;

        my $r = $client->request(POST => "$Test::Oof::Api/consents", $headers,
                                 $body);
        die "answer $r->{status}" if $r->{status} != 201;

        push @took, time - $at;
    }

    @took = sort { $a <=> $b } @took;

    return 1000 * $took[0.99 * @took];
}


p99(3);
my $with = p99(20);

away();
my $without = p99($seconds);

cmp_ok($without, '<', 1.2 * $with + 1,
       sprintf 'p99 %.1f ms, and %.1f ms without brokers', $with, $without);
wait_for(sub { lag('log') == 0 }, 10, 'the other consumer');
pass('the other consumer has all');
cmp_ok(lag('kafka'), '>', 50 * $seconds, 'this one has none of it');

back();
wait_for(sub { $broker->answers }, 120, 'the broker') if $broker;

my $back = time;
wait_for(sub { lag('kafka') == 0 }, 60, 'the backlog');
diag(sprintf 'backlog of %d s gone %.1f s after the broker was back', $seconds,
     time - $back);


# --- reload, upgrade, quit: the old one goes, the new one serves

sub gone { !kill 0, $_[0] }

my $load = Test::Oof::Load->start($o, 3);
sleep 1;

my @old = $o->worker_pids;
my $at = time;
kill 'HUP', $o->pid;
wait_for(sub { !grep { !gone($_) } @old }, 15, 'old workers');
cmp_ok(time - $at, '<', 6, sprintf 'reload: old workers gone after %.1f s',
       time - $at);

my $master = $o->pid;
@old = $o->worker_pids;
$at = time;
kill 'USR2', $master;
wait_for(sub { -s "$o->{dir}/nginx.pid.oldbin"
               && -s "$o->{dir}/nginx.pid" && $o->pid != $master }, 15,
         'the new master');
kill 'QUIT', $master;
wait_for(sub { gone($master) }, 15, 'the old master');
cmp_ok(time - $at, '<', 10, sprintf 'upgrade: the old one gone after %.1f s',
       time - $at);

sleep 2;
$load->stop->whole('reload and upgrade');
$load->clean('reload and upgrade');

wait_for(sub { lag('kafka') == 0 && lag('log') == 0 }, 30, 'all events');

my $all = (psql('SELECT count(*) FROM oof_event'))[0][0];
wait_for(sub { (eval { scalar $k->messages } // 0) >= $all }, 60, 'messages');

my %seen;
$seen{$_->{event}{id}}++ for $k->messages;
is(scalar keys %seen, $all, "all of $all events");

my $twice = 0;
$twice += $_ - 1 for values %seen;
cmp_ok($twice, '<', $all / 100, "$twice came twice");

make_sure_it_quits();

$k->stop;
$broker->stop if $broker;

done_testing();


# with brokers away, and something to send

sub make_sure_it_quits {
    away();
    $o->call(POST => "$Test::Oof::Api/consents", json => consent_body());

    my $at = time;
    $o->stop;
    cmp_ok(time - $at, '<', 4, 'it quits with brokers away');
}
