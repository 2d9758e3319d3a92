#!/usr/bin/perl

# Copyright (C) oof authors

# Full queues, deadlines, and clients that do not wait.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;
use Time::HiRes qw/ sleep time /;

my $o = Test::Oof::Lab->start(log_level => 'notice', database => 'queue 8;');


sub add {
    my ($words, $id) = @_;

    return "class=write$words&s=lab_new&u=" . new_uuid() . '&u='
           . ($id // new_uuid()) . '&t=x';
}


sub count {
    my ($status, @r) = @_;

    return scalar grep { $_->{status} == $status } @r;
}


sub there {
    my ($id) = @_;

    return (psql("SELECT count(*) FROM lab WHERE id = '$id'"))[0][0];
}


# --- queues have an end

my @r = $o->together('write', map { add('') } 1 .. 20);

is(count(200, @r), 8, 'queue: as many as may wait are served');
is(count(529, @r), 12, 'queue: the others are told so');
is((grep { $_->{rc} == 2 } @r)[0]{ms}, 0, 'queue: at once');
is($o->metric('oof_db_units_total', class => 'write', result => 'full'), 12,
   'queue: counted');

my $key = new_uuid();
@r = $o->together('write', map { add("&key=$key") } 1 .. 20);
is(count(200, @r), 8, 'queue: units of one key count too');
is(count(529, @r), 12, 'queue: and the others are told so');

# four segments are on their way, eight units wait

@r = $o->together('read', map { 'class=read&s=lab_sleep&i=50' } 1 .. 60);
cmp_ok(count(529, @r), '>', 0, 'queue: reads');
is(count(200, @r) + count(529, @r), 60, 'queue: reads: nothing else');

is($o->lab(add(''))->{status}, 200, 'queue: all is well afterwards');


# --- deadlines

my ($late, $started) = (new_uuid(), new_uuid());

@r = $o->many([ 'class=write&s=lab_sleep&i=500', add('&deadline=150', $late) ],
              pause => 0.05);
is($r[0]{status}, 200, 'deadline: the one before');
is($r[1]{status}, 504, 'deadline: 504 while waiting');
cmp_ok($r[1]{ms}, '>=', 150, 'deadline: not before');
cmp_ok($r[1]{ms}, '<', 400, 'deadline: nor long after');
sleep 0.1;
is(there($late), 0, 'deadline: a unit that was late never ran');

@r = $o->many([ 'class=write&deadline=150&s=lab_sleep&i=500&'
                . add('', $started) =~ s/^class=write&//r ]);
is($r[0]{status}, 504, 'deadline: 504 while it runs');
cmp_ok($r[0]{ms}, '<', 400, 'deadline: in time');
wait_for(sub { there($started) }, 2, 'the unit that goes on');
pass('deadline: a unit that runs is not cancelled');

is($o->metric('oof_db_units_total', class => 'write', result => 'timeout'), 2,
   'deadline: counted');


# --- clients that go away

my ($gone, $queued) = (new_uuid(), new_uuid());
my @s = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                    PeerPort => $o->plain) } 0 .. 1;

syswrite $s[0], 'GET /lab?class=write&s=lab_sleep&i=300&'
                . add('', $gone) =~ s/^class=write&//r . " HTTP/1.0\r\n\r\n";
sleep 0.05;
syswrite $s[1], 'GET /lab?' . add('', $queued) . " HTTP/1.0\r\n\r\n";
sleep 0.05;
close $_ for @s;

wait_for(sub { there($gone) && there($queued) }, 2, 'writes nobody awaits');
pass('gone: writes run to their end');

# reads that wait behind four segments are dropped

@s = map {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $o->plain);
    syswrite $s, "GET /lab?class=read&s=lab_sleep&i=300 HTTP/1.0\r\n\r\n";
    sleep 0.01;
    $s;
} 1 .. 10;

sleep 0.05;
close $_ for @s;
wait_for(sub { $o->metric('oof_db_units_total', class => 'read',
                          result => 'left') >= 4 }, 2, 'reads nobody awaits');
pass('gone: reads that wait are dropped');

is($o->lab(add(''))->{status}, 200, 'gone: all is well afterwards');


# --- memory: the same after much as after some

sub rss {
    my ($rss) = Test::Oof::slurp('/proc/' . ($o->worker_pids)[0] . '/status')
                =~ /VmRSS:\s+(\d+)/;
    return $rss;
}


sub some {
    my ($seconds) = @_;

    my $load = $o->load(6, sub {
        my $r = rand;
        return $r < 0.4 ? 'class=read&s=lab_get&u=' . new_uuid()
             : $r < 0.8 ? add('') . ('y' x int rand 2000)
             : $r < 0.9 ? 'class=write&s=lab_raise&t=23514'
             : 'class=read&s=lab_raise&t=22012';
    });

    sleep $seconds;
    my %seen = $o->load_end($load);
    return %seen;
}

some(1);
my $before = rss();
my %seen = some(3);
my $after = rss();

cmp_ok($seen{200} // 0, '>', 500, 'memory: requests');
cmp_ok($seen{500} // 0, '>', 100, 'memory: some failed');

SKIP: {
    skip 'sanitizers keep memory', 1
        if grep { Test::Oof::slurp($_, 1) =~ /-fsanitize/ }
                ($ENV{TEST_NGINX_BINARY} =~ s/nginx$/Makefile/r);

    # what the allocator keeps for later moves by a megabyte or so

    cmp_ok($after - $before, '<', 2048, "memory: $before and $after KB");
}

done_testing();
