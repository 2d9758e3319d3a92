#!/usr/bin/perl

# Copyright (C) oof authors

# While events are sent: a receiver that is not there, that refuses all, that
# refuses one; reload, quit, an upgrade of the binary, kill -9.  Nothing is lost,
# nothing of a key is out of order, the old processes are gone soon, and the
# environment of a cloud is still there after an upgrade.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::More;
use Test::Oof;
use Test::Oof::Queues;
use Time::HiRes qw/ sleep time /;

my $keys = 40;
my $google = pubsub(own => 1);
my $topic = $google->topic('events');

diag("Pub/Sub is $google->{kind}");

$ENV{PUBSUB_EMULATOR_HOST} = "127.0.0.1:$google->{port}";

my $o = Test::Oof->start(leases => 1, workers => 2, log_level => 'notice',
                         http => <<"END");
    oof_events pubsub {
        topic   $topic;
        timeout 2s;
        backoff 1s;
    }
    oof_events pubsub nobody {
        topic       $topic;
        endpoint    http://127.0.0.1:@{[ free_port() ]};
        credentials none;
    }
END

my @keys = map { new_uuid() } 1 .. $keys;
my (@events, @got, $version);

sub rounds {
    for (1 .. $_[0]) {
        $version++;
        push @events, log_events(of => \@keys, version => $version);
        sleep 0.02;
    }
}

sub alive { Test::Oof::slurp("/proc/$_[0]/stat", 1) =~ /^\d+ \(.*\) [^ZX]/ }

sub arrived {
    my ($name) = @_;

    push @got, gather(scalar @events, sub { $google->pull('events') }, 25,
                      \@got);
    delivered_ok(\@events, \@got, $name, repeated => 1);
}


rounds(3);
arrived('events come');


# --- the receiver

$google->google('/_control', { fail => { status => 503, code => 'UNAVAILABLE',
                                         times => 4 } });
rounds(2);
arrived('a receiver that was down gets all of it');
is($o->metric('oof_relay_dead_total', consumer => 'pubsub') // 0, 0,
   'no event is blamed for that');
like($o->log_text, qr/"pubsub" takes no events: status 503, UNAVAILABLE/,
     'and the log has the reason');

my $poison = $keys[0];

$google->google('/_control', { fail => { status => 400,
                                         code => 'INVALID_ARGUMENT',
                                         data => 'poison' } });
my ($bad) = log_events(of => [ $poison ], version => ++$version,
                       data => '{"x":"poison"}');
push @events, log_events(of => [ @keys[1 .. 9] ], version => $version);
push @events, log_events(of => [ $poison ], version => $version + 1);

wait_for(sub { ($o->metric('oof_relay_dead_total', consumer => 'pubsub')
                // 0) == 1 }, 10, 'a dead event');
push @got, gather(scalar @events, sub { $google->pull('events') }, 25, \@got);

is((grep { $_->{event}{id} eq $bad->{id} } @got), 0,
   'one that it never takes is dead');
is((grep { $_->{event}{data}{x} } @got), 0, 'and nothing of it came');
like($o->log_text, qr/event $bad->{id} .* is dead for consumer "pubsub"/,
     'the log tells which');

$google->google('/_control', { fail => undef });

# what is counted anew

@events = ();
@got = ();
@keys = map { new_uuid() } 1 .. $keys;
$version = 0;


# --- reload

rounds(3);
my @old = $o->worker_pids;
my $at = time;
$o->reload(keep_old => 1);
rounds(3);
wait_for(sub { !grep { alive($_) } @old }, 10, 'the old workers to go');
arrived('nothing is lost over a reload');
diag(sprintf 'old workers were gone after %.1f s', time - $at);


# --- the binary is upgraded

my $master = $o->pid;
my $owner = $$;

# if it fails half way, the old one is nobody's

END { kill 'TERM', $master if $master && $$ == $owner && alive($master) }

rounds(2);
kill USR2 => $master;
wait_for(sub {
    my @new = $o->worker_pids;
    ($o->pid // $master) != $master && @new == 2;
}, 10, 'a new master');
$at = time;
kill QUIT => $master;
rounds(3);
wait_for(sub { !alive($master) }, 10, 'the old master to go');
diag(sprintf 'the old binary was gone after %.1f s', time - $at);
arrived('nothing is lost over an upgrade of the binary');


# --- kill -9, of all workers

$o->allow(qr/exited on signal 9/);
rounds(2);
kill KILL => $o->worker_pids;
rounds(3);
arrived('nothing is lost over kill -9 of the workers');


# --- quit, and a new start

rounds(2);
$at = time;
$o->stop;
cmp_ok(time - $at, '<', 10, 'it quits');
rounds(2);
$o->launch;
arrived('nothing is lost over a new start');

my %times;
$times{ $_->{event}{id} }++ for @got;
diag(sprintf '%d events, of which %d came more than once', scalar @events,
     scalar grep { $_ > 1 } values %times);

done_testing();
