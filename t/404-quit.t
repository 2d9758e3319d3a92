#!/usr/bin/perl

# Copyright (C) oof authors

# Reload and the ends of workers: requests in progress are served, connections
# are given back, and nothing is left for nginx to complain of.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;
use Time::HiRes qw/ sleep time /;

my $o = Test::Oof::Lab->start(log_level => 'notice');


sub open_request {
    my ($query) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $o->plain);
    syswrite $s, "GET /lab?$query HTTP/1.0\r\n\r\n";

    return $s;
}


sub status {
    my ($s) = @_;

    local $/;
    return ((readline($s) // '') =~ m{^HTTP/1\.\d (\d+)})[0] // 'closed';
}


# the end of nginx, by its pid file: a zombie is no process

sub ends {
    my ($signal) = @_;

    my $start = time;
    kill $signal, $o->pid;
    wait_for(sub { !-e "$o->{dir}/nginx.pid" }, 10, 'the end of nginx');

    return time - $start;
}


sub backends { scalar(() = $o->backends) }


# --- reload under load

my $load = $o->load(16, sub {
    return rand() < 0.5 ? 'class=read&s=lab_get&u=' . new_uuid()
         : 'class=write&s=lab_new&u=' . new_uuid() . '&u=' . new_uuid()
           . '&t=x';
});

for (1 .. 8) {
    sleep 0.1;
    $o->reload(keep_old => 1);
}

my %seen = $o->load_end($load);

cmp_ok($seen{200} // 0, '>', 300, 'reload: requests');
is(join(' ', grep { $_ ne '200' } sort keys %seen), '',
   'reload: none has failed');
wait_for(sub { (() = $o->worker_pids) == 1 }, 5, 'old workers');

# three lanes, and perhaps the one of the lease holder

wait_for(sub { backends() <= 4 }, 10, 'old connections');
pass('reload: old workers and their connections have gone');


# --- an idle worker goes at once

cmp_ok(ends('QUIT'), '<', 0.8, 'quit: an idle worker goes at once');
wait_for(sub { backends() == 0 }, 2, 'connections');
pass('quit: no connection is left');


# --- a worker with something on its way waits for it

$o = Test::Oof::Lab->start(log_level => 'notice');
my $id = new_uuid();

my @s = (open_request('class=write&s=lab_sleep&i=500&s=lab_new&u='
                      . new_uuid() . "&u=$id&t=x"),
         open_request('class=read&s=lab_sleep&i=400'));
sleep 0.1;
my $time = ends('QUIT');
is(status($s[0]), 200, 'quit: a write is answered');
is(status($s[1]), 200, 'quit: a read is answered');
cmp_ok($time, '<', 1.5, 'quit: and then the worker goes');


# also when nobody awaits it any longer

$o = Test::Oof::Lab->start(log_level => 'notice');
my ($one, $two) = (new_uuid(), new_uuid());

@s = (open_request('class=write&s=lab_sleep&i=400&s=lab_new&u='
                   . new_uuid() . "&u=$one&t=x"));
sleep 0.1;
push @s, open_request('class=write&s=lab_new&u=' . new_uuid() . "&u=$two&t=x");
sleep 0.1;
close $_ for @s;
sleep 0.05;
$o->stop;
is_deeply([ psql("SELECT count(*) FROM lab WHERE id IN ('$one', '$two')") ],
          [ [ 2 ] ], 'quit: writes nobody awaits are done');


# a request that comes slowly finds lanes when it is there at last

$o = Test::Oof::Lab->start(log_level => 'notice');
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $o->plain);
syswrite $s, 'GET /lab?class=write&s=lab_new&u=' . new_uuid() . '&u='
             . new_uuid() . "&t=x HTTP/1.0\r\n";
sleep 0.1;
kill 'QUIT', $o->pid;
sleep 1.6;
is(backends(), 0, 'quit: unused lanes are closed after a while');
syswrite $s, "\r\n";
is(status($s), 200, 'quit: and opened when they are needed');
wait_for(sub { !-e "$o->{dir}/nginx.pid" }, 2, 'the end of nginx');
pass('quit: and then the worker goes');


# or when it comes in the very turn of the event loop in which they are closed

$o = Test::Oof::Lab->start(log_level => 'notice');
$s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $o->plain);
syswrite $s, 'GET /lab?class=write&deadline=3000&s=lab_new&u=' . new_uuid()
             . '&u=' . new_uuid() . "&t=x HTTP/1.0\r\n";
sleep 0.1;
my ($worker) = $o->worker_pids;
kill 'QUIT', $o->pid;
sleep 0.4;
kill 'STOP', $worker;
syswrite $s, "\r\n";
sleep 1;
kill 'CONT', $worker;
is(status($s), 200, 'quit: not closed under a unit that waits');
wait_for(sub { !-e "$o->{dir}/nginx.pid" }, 4, 'the end of nginx');


# --- worker_shutdown_timeout

$o = Test::Oof::Lab->start(log_level => 'notice',
                           main => 'worker_shutdown_timeout 300ms;');
@s = map { open_request('class=write&s=lab_sleep&i=1500') } 1 .. 3;
push @s, open_request('class=read&s=lab_sleep&i=1500');
sleep 0.1;
cmp_ok(ends('QUIT'), '<', 1.2, 'shutdown timeout: the worker goes');
is(join(' ', map { status($_) } @s), 'closed closed closed closed',
   'shutdown timeout: with its requests');


# --- fast

$o = Test::Oof::Lab->start(log_level => 'notice');
@s = (open_request('class=write&s=lab_sleep&i=1500'),
      open_request('class=write&s=lab_sleep&i=1500'),
      open_request('class=read&s=lab_sleep&i=1500'));
sleep 0.1;
cmp_ok(ends('TERM'), '<', 0.8, 'term: the worker goes');

wait_for(sub { backends() == 0 }, 4, 'connections');
pass('no connection is left');


# --- without a database

$o = Test::Oof::Lab->start(log_level => 'notice', wait => 0,
                           connect => 'host=/nowhere dbname=none');
sleep 0.5;
cmp_ok(ends('QUIT'), '<', 0.8, 'quit: attempts to connect keep nobody');

done_testing();
