#!/usr/bin/perl

# Copyright (C) oof authors

# Months on their way to the database: nobody waits for it, two hosts never
# wait for one another, and a worker that is killed loses nothing (spec 6.1).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Limits;
use Time::HiRes qw/ sleep time /;

my $o = limited(workers => 1, http => 'oof_minute_limit 3;');
my $minute = '/limited/v1/minute/0';

Test::Oof->allow(qr/worker process \d+ exited on signal 9/);
Test::Oof->allow(qr/statement "limit_flush" failed/);

at_minute(86400 * (int(time / 86400) + 10));


# while nothing can be written: somebody has the row of this host

sub held {
    my $s = Test::Oof::Postgres::session(database_dsn());

    my @rows = $s->run("BEGIN;\nSELECT batch FROM oof_limit_writer FOR UPDATE");

    return @rows == 1 ? $s : die 'there is no row';
}

my $c = $o->connect('plain');

is(hits($c, 1, month(8), customer => 'none'), '200 1', 'a call');
counted(1);

my $s = held();

is(hits($c, 30, month(8)), '200 8 423 22', 'calls are judged');
is(hits($c, 30, month(8), customer => 'two'), '200 8 423 22', 'of any customer');
sleep 1;
is(hits($c, 3, month(8), customer => 'three'), '200 3',
   'also when the batch is under way');
is((psql('SELECT sum(calls) FROM oof_limit_month'))[0][0], 1,
   'though nothing is written');

$s->run('ROLLBACK');
counted(1 + 8 + 8 + 3, 10);


# a worker that is killed with what it has counted

sub kill_worker {
    my ($worker) = $o->worker_pids;

    kill 'KILL', $worker;
    wait_for(sub { my @now = $o->worker_pids; @now == 1 && $now[0] != $worker },
             10, 'another worker');
    $o->ready;
}

$s = held();
is(hits($o, 2, $minute), '200 2', 'calls in a minute');
is(hits($o, 5, month(8), customer => 'four'), '200 5', 'and in a month');
kill_worker();
is(hits($o, 5, $minute), '200 1 429 4', 'the minute is as it was');
$s->run('ROLLBACK');
counted(1 + 8 + 8 + 3 + 5, 15);
is(hits($o, 5, month(8), customer => 'four'), '200 3 423 2',
   'and so is the month');
counted(1 + 8 + 8 + 3 + 5 + 3, 10);


# many hosts that write the same months, each in an order of its own

my $flush = Test::Oof::slurp("$Test::Oof::Root/ngx_oof_common/sql/"
                             . 'limit_flush.sql');
$flush =~ s/^--.*\n//mg;

my $rounds = 40;
my @keys = map { sprintf '%032x', $_ * 7919 } 1 .. 300;
my @orders = ([ @keys ], [ reverse @keys ],
              [ sort { substr($a, -1) cmp substr($b, -1) } @keys ]);
my $dsn = database_dsn();
my @hosts;

for my $n (0 .. $#orders) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        my $rows = join ',', map { "209901:$_:1:100000" } @{ $orders[$n] };
        my $sql = "SET lock_timeout = '20s';\n";

        for my $batch (1 .. $rounds) {
            $sql .= $flush
                =~ s/\$1/'0000000$n-1111-4111-8111-111111111111'/gr
                =~ s/\$2/$batch/gr =~ s/\$3/'$rows'/gr =~ s/\$4/now()/gr;
        }

        my $fine = eval { Test::Oof::Postgres::query($dsn, $sql); 1 };
        POSIX::_exit($fine ? 0 : 1);
    }

    push @hosts, $pid;
}

is(join(' ', map { waitpid $_, 0; $? } @hosts), '0 0 0',
   'none of them is a deadlock\'s victim');
is_deeply([ psql('SELECT count(*), min(calls), max(calls) FROM oof_limit_month'
                 . ' WHERE month = 209901') ],
          [ [ 300, 3 * $rounds, 3 * $rounds ] ], 'each call is counted once');

done_testing();
