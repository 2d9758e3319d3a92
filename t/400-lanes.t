#!/usr/bin/perl

# Copyright (C) oof authors

# Units, parameters and results, and the few connections that carry them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;

my $o = Test::Oof::Lab->start(workers => 2);
my $id = new_uuid();


# parameters and results of every type

my $r = $o->lab("class=read&s=lab_echo&b=1&i=-7&l=-8000000000&t=caf%C3%A9"
                . "&u=$id");
is($r->{status}, 200, 'echo: answered');
is($r->{body}, "rc=0 sqlstate= runs=1 ms=$r->{ms}\n"
               . "0\t1\t-7\t-8000000000\tcaf\xc3\xa9\t$id\t-2\n",
   'echo: all types come back');

$r = $o->lab('class=read&s=lab_echo&n=&n=&n=&n=&n=');
is_deeply($r->{rows}, [ [ 0, ('null') x 5, -2 ] ], 'echo: nulls');

$r = $o->lab("class=read&s=lab_echo&b=0&i=0&l=0&t=&u=$id");
is_deeply($r->{rows}, [ [ 0, 0, 0, 0, '', $id, -2 ] ], 'echo: an empty text');

$r = $o->lab("class=read&s=lab_get&u=$id");
is_deeply($r->{rows}, [], 'no rows');


# what is wrong is not sent

for (['s=lab_get', 'a parameter too few'],
     ["s=lab_get&u=$id&u=$id", 'a parameter too many'],
     ['', 'no statement'],
     [join('&', ('s=lab_sleep&i=0') x 5), 'more statements than a unit has'])
{
    is($o->lab("class=read&$_->[0]")->{status}, 400, $_->[1]);
}

Test::Oof->allow(qr/takes \d parameters, \d given/, qr/has no statement/);


# several statements are one unit

my $event = new_uuid();
$r = $o->lab("class=write&s=lab_new&u=$event&u=$id&t=first&s=lab_get&u=$id");
is_deeply($r->{rows}, [ [ 0, 1 ], [ 1, 0, 'first' ] ], 'two statements');

$r = $o->lab('class=write&s=lab_new&u=' . new_uuid() . '&u=' . new_uuid()
             . '&t=gone&s=lab_raise&t=XX001');
is($r->{rc}, 4, 'one of them fails: an error');
is($r->{status}, 500, 'one of them fails: 500');
is($r->{sqlstate}, 'XX001', 'one of them fails: its SQLSTATE');
is_deeply([ psql("SELECT count(*) FROM lab WHERE note = 'gone'") ], [ [ 0 ] ],
          'one of them fails: nothing is left');


# a unit that runs again finds its trace

$r = $o->lab("class=write&s=lab_add&u=$event&u=$id");
is($r->{outcome}, 1, 'the event that is there already decides');
is_deeply([ psql("SELECT n FROM lab WHERE id = '$id'") ], [ [ 0 ] ],
          'the row is as it was');


# every class has its lane

for my $class (qw/ read write solo lease /) {
    $r = $o->lab("class=$class&s=lab_echo&b=1&i=1&l=1&t=$class&u=$id");
    is($r->{rows}[0][4], $class, "lane: $class");
}


# connections: a read lane, a write lane and a solo lane a worker, whatever the
# load, and the lease lanes that were asked for

my @r = $o->many([ map { "class=read&s=lab_get&u=$id" } 1 .. 512 ]);
is(scalar(grep { $_->{status} == 200 && $_->{rows}[0][2] eq 'first' } @r), 512,
   'load: 512 reads at once');

my $backends = $o->backends;
cmp_ok($backends, '>=', 6, "load: connections: $backends");
cmp_ok($backends, '<=', 8, 'load: no more than 3 a worker and leases');

for my $key (new_uuid()) {
    @r = $o->many([ map { "class=write&s=lab_new&u=" . new_uuid() . '&u='
                          . new_uuid() . '&t=load' } 1 .. 512 ]);
    is(scalar(grep { $_->{status} == 200 && $_->{outcome} == 1 } @r), 512,
       'load: 512 writes at once');
}

is_deeply([ psql("SELECT count(*) FROM lab WHERE note = 'load'") ],
          [ [ 512 ] ], 'load: all are there');
cmp_ok($o->metric('oof_db_segments_total', class => 'write'), '<', 400,
       'load: writes shared segments');


# metrics

is($o->metric('oof_db_lanes_up', class => 'write'), 2, 'metric: lanes');
is($o->metric('oof_db_units_total', class => 'write', result => 'ok'), 515,
   'metric: units by result');
is($o->metric('oof_db_units_total', class => 'write', result => 'error'), 1,
   'metric: failed units');

# the lease's own writes may stand there for an instant

wait_for(sub { $o->metric('oof_db_queue_depth', class => 'write') == 0 }, 2,
         'an empty queue');
pass('metric: nothing waits');

done_testing();
