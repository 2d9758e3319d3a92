#!/usr/bin/perl

# Copyright (C) oof authors

# 423: successful calls of an endpoint, resource, customer and organisation in
# a calendar month of Brasilia; all hosts agree by way of the database (spec
# 6.1, 6.4, 1.9).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Limits;
use Time::HiRes qw/ sleep time /;
use Time::Local qw/ timegm /;

my $o = limited(workers => 2);

# the middle of a month that is to come

my (undef, undef, undef, undef, $mon, $year) = gmtime(time + 40 * 86400);
my $first = timegm(0, 0, 3, 1, $mon, $year);
my $this = sprintf '%04d%02d', $year + 1900, $mon + 1;

at_minute($first + 14 * 86400);


# what counts

is(hits($o, 12, month(8), connections => 4), '200 8 423 4',
   'as many as are allowed, in both workers together');

my $id = '8F2b1A90-4e61-4b8c-9F3a-2b8e1c7d5a10';
refused_with(hit($o, month(8), id => $id), 423, 'LOCKED',
             'the answer is regulated', id => $id, retry => undef);
is(limited_total($o, 'month'), 5, 'they are counted');

is(hits($o, 3, month(8, free => 1)), '200 3',
   'the next pages of a call that was counted are free');
is(hits($o, 9, month(8, resource => new_uuid())), '200 8 423 1',
   'another resource has its own');
is(hits($o, 9, month(8), customer => 'two'), '200 8 423 1',
   'another customer');
is(hits($o, 9, month(8), organisation => $B), '200 8 423 1',
   'another organisation');
is(hits($o, 9, month(8, endpoint => 'months')), '200 8 423 1',
   'another endpoint');
is(hits($o, 9, month(8, resource => 'bill')), '200 8 423 1',
   'something within a resource');
is(hits($o, 20, month(0), customer => 'many'), '200 20', 'no minimum: none');

is(hits($o, 10, month(3, status => 404), customer => 'bad'), '404 10',
   'what is not 2xx');
is(hits($o, 10, month(3, status => 500), customer => 'bad'), '500 10',
   'does not count');
is(hits($o, 10, month(3, free => 1), customer => 'bad'), '200 10',
   'nor does a page that follows');
is(hits($o, 4, month(3, status => 201), customer => 'bad'), '201 3 423 1',
   'a 201 does');

counted(8 * 6 + 3);
is_deeply([ calls_of() ], [ "$this 3", ("$this 8") x 6 ],
          'the database has them all, each once');
is_deeply([ psql('SELECT DISTINCT length(key), spent IS NOT NULL'
                 . ' FROM oof_limit_month') ], [ [ 16, 't' ] ],
          'under digests, and they are spent');


# two hosts

my $other = limited(workers => 1);

sleep 1.5;
is(hit($other, month(8))->{status}, 423,
   'another host knows what was spent before it started');

my @mine = (month(8), customer => 'shared');

is(hit($_, @mine)->{status}, 200, 'a call') for $other, $o;
is(hits($o, 6, @mine), '200 6', 'six more');

my $start = time;
my $shared = 8;

while (time - $start < 5 && hit($other, @mine)->{status} == 200) {
    $shared++;
    sleep 0.1;
}

is(hit($other, @mine)->{status}, 423, 'the other host knows');
cmp_ok(time - $start, '<', 2, 'within two seconds');

# both at once: as many as the two could not know of, and none less

my @both = (month(8), customer => 'both');
my %got;

for (1 .. 40) {
    $got{ hit($_, @both)->{status} }++ for $o, $other;
    sleep 0.1;
}

cmp_ok($got{200}, '>=', 8, 'no less than the minimum');
cmp_ok($got{200}, '<=', 16 + 24, 'and not all');
is(hit($_, @both)->{status}, 423, 'in the end both refuse') for $o, $other;

counted(8 * 6 + 3 + $got{200} + $shared);


# a restart keeps the month

my @kept = (month(8), customer => 'kept');
is(hits($o, 5, @kept), '200 5', 'five calls');
$o->stop;
is((psql('SELECT calls FROM oof_limit_month ORDER BY calls LIMIT 2'))[1][0], 5,
   'who stops has what it counted written');
$o->launch;
is(hit($o, @kept)->{status}, 200, 'the sixth');
sleep 2.2;
is(hits($o, 5, @kept), '200 2 423 3', 'two are left after a restart');
sleep 1.3;
my @workers = $o->worker_pids;
$o->stop('KILL');
kill 'KILL', @workers;
sleep 0.5;
$o->launch;
sleep 1.5;
is(hit($o, @kept)->{status}, 423, 'and what was spent is known after a kill');


# a reload forgets nothing

my @reload = (month(8), customer => 'reload');
is(hits($o, 5, @reload), '200 5', 'five calls');
$o->reload;
is(hits($o, 5, @reload), '200 3 423 2', 'three are left after a reload');


# the next month, which begins when it does in Brasilia

my $next = timegm(0, 0, 3, 1, ($mon + 1) % 12, $year + ($mon == 11));
my @edge = (month(8), customer => 'edge');

at_minute($next - 60);
is(hits($o, 9, @edge), '200 8 423 1', 'the last minute of the month');
at_minute($next - 4);
is(hit($o, @edge)->{status}, 423, 'though it is tomorrow in UTC');
sleep 3;
is(hits($o, 9, @edge), '200 8 423 1', 'the first second of the next');


# months that are over are taken away

psql("INSERT INTO oof_limit_month (month, calls, most, key)"
     . " VALUES (200001, 1, 8, '\\x00')");
$_->stop for $o, $other;
$o->launch;
wait_for(sub { !psql('SELECT 1 FROM oof_limit_month WHERE month = 200001') },
         8, 'an old month to go');
pass('months that are over are taken away');
isnt(scalar psql("SELECT 1 FROM oof_limit_month WHERE month = $this"), 0,
     'the last one stays');

done_testing();
