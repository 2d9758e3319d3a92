#!/usr/bin/perl

# Copyright (C) oof authors

# Webhooks and processes that end (spec 4.2): an attempt is written before it is
# made, so that no end, however rude, makes a fourth; what an end in order has
# not finished is written as such; what was answered is not sent again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Hooks;
use Time::HiRes qw/ sleep time /;

my $tpp = receiver();
my %lines = (retry => '100ms 100ms', timeout => '300ms');
my $o = use_webhooks(lines => \%lines);

$o->allow(qr/exited on signal 9/);


sub called { scalar(() = $tpp->calls($_[0])) }


# --- what was under way when a process was killed

# (an attempt is known to be lost 1 s after its time-out)

my $late = queued($tpp->url('/late'), state => 'sent', attempt => 2,
                  due => -1);
my $last = queued($tpp->url('/last'), state => 'sent', attempt => 3,
                  due => -1);

came_to($late, 'delivered');
came_to($last, 'failed');
is(called('/late'), 1, 'after two attempts there is one more');
is(called('/last'), 0, 'after three there is none');

my @attempts = attempts_of($late);
is(scalar @attempts, 3, 'the third is written');
is($attempts[1]{error}, 'the outcome is not known', 'the lost one too');
is($attempts[1]{status}, undef, 'it has no status');
is((attempts_of($last))[2]{error}, 'the outcome is not known',
   'the last one is lost');
is($o->metric('oof_webhook_attempts_total', result => 'lost'), 2,
   'they are counted');


# --- kill -9 in the midst of each attempt

$tpp->answer('/kill', hang => 1);

my $event = queued($tpp->url('/kill'));

for my $n (1 .. 3) {
    wait_for(sub { called('/kill') == $n }, 20, "attempt $n");
    is((psql('SELECT count(*) FROM oof_webhook_attempt'
             . " WHERE event_id = '$event'"))[0][0], $n,
       "attempt $n was written before it was made");
    kill 'KILL', $o->worker_pids;
}

came_to($event, 'failed', 20);
sleep 0.5;
is(called('/kill'), 3, 'three calls in all');
is(scalar(() = attempts_of($event)), 3, 'as is written');


# --- an end in order: what is answered within a second is written

$tpp->answer('/slow', status => 202, delay => 0.6);
$tpp->answer('/never', hang => 1);
$o->stop;
$o->configure(http => webhooks(%lines, timeout => '10s'));
$o->launch;

my $slow = queued($tpp->url('/slow'));
my $never = queued($tpp->url('/never'));

wait_for(sub { called('/slow') && called('/never') }, 10, 'both calls');

my $start = time;
$o->stop;
cmp_ok(time - $start, '<', 5, 'nginx ends');

is(state_of($slow), 'delivered', 'the answer that came was written');
is(state_of($never), 'waiting', 'what was interrupted waits');
is((attempts_of($never))[0]{error}, 'interrupted', 'it says so');

$tpp->answer('/never', status => 202);
$o->launch;
came_to($never, 'delivered');
is(called('/slow'), 1, 'what was delivered is not repeated');
is(called('/never'), 2, 'the other is');


# --- a reload hands them over

$tpp->answer('/reload', status => 202, delay => 0.5);
$event = queued($tpp->url('/reload'));
wait_for(sub { called('/reload') }, 10, 'the call');
$o->reload;
came_to($event, 'delivered');
sleep 0.5;
is(called('/reload'), 1, 'one call');


# --- the database is away while an answer comes

$tpp->answer('/away', status => 202, delay => 0.5);
$event = queued($tpp->url('/away'));
wait_for(sub { called('/away') }, 10, 'the call');
psql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
     . " WHERE usename = 'oof' AND datname = current_database()");
came_to($event, 'delivered');
sleep 0.5;
is(called('/away'), 1, 'one call');

$o->stop;

done_testing();
