#!/usr/bin/perl

# Copyright (C) oof authors

# The zone of the limits: full, left by a worker that was killed inside,
# without its database; what is counted once is never counted twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Limits;
use Time::HiRes qw/ sleep time /;

my $o = limited(workers => 2, zone => '32k', http => 'oof_minute_limit 3;');

my ($minute, $status) = ('/limited/v1/minute/0', '');
my $day = 86400 * (int(time / 86400) + 10);


# full of a minute that is not over

at_minute($day + 1);

my $c = $o->connect('plain');
my %got;

$got{ hit($c, $minute, organisation => "o$_")->{status} }++ for 1 .. 1000;
is_deeply(\%got, { 200 => 1000 }, 'more organisations than there is room for');

my $full = limited_total($o, 'full');
cmp_ok($full, '>', 400, 'those without room are counted');
cmp_ok($full, '<', 950, 'the others have theirs');

is(hits($c, 5, $minute, organisation => 'o1'), '200 2 429 3',
   'who was there first is limited still');
is(hits($c, 5, $minute, organisation => 'o999'), '200 5',
   'who finds no room is let pass');

at_minute($day + 3600);
is(hits($c, 5, $minute, organisation => 'o999'), '200 3 429 2',
   'when the minute is over there is room');


# months make room when the database knows them

$full = limited_total($o, 'full');
%got = ();

for my $n (1 .. 1500) {
    $got{ hit($c, month(2), customer => "c$n")->{status} }++;
    sleep 1.3 if $n % 150 == 0;
}

is_deeply(\%got, { 200 => 1500 }, 'more customers than there is room for');
is(limited_total($o, 'full'), $full, 'the zone is never full of them');
counted(1500);

is(hit($c, month(2), customer => 'c1')->{status}, 200,
   'one who was forgotten');
sleep 2.2;
is(hit($c, month(2), customer => 'c1')->{status}, 423,
   'is found in the database');
counted(1501);


# a database that refuses: counted here, let pass where there is no room, and
# written when that is mended

psql('REVOKE INSERT ON oof_limit_month FROM oof');

is(hits($c, 4, month(3), customer => 'away'), '200 3 423 1',
   'counted though nothing can be written');

sleep 1.3;

for (1 .. 1000) {
    $status .= hit($c, month(1), customer => "d$_")->{status} . ' ';
}

is($status, '200 ' x 1000, 'nobody is refused for that');
cmp_ok(limited_total($o, 'full'), '>', $full, 'the zone is full in the end');

psql('GRANT INSERT ON oof_limit_month TO oof');

wait_for(sub { (psql('SELECT count(*) FROM oof_limit_month'
                     . ' WHERE calls = 3'))[0][0] }, 15, 'what was counted');
pass('it is written when that is mended');
is((psql('SELECT count(*) FROM oof_limit_month WHERE calls = 3'))[0][0], 1,
   'once');
ok(scalar($o->log_text =~ /\[error\].*limit_flush/), 'the log told why');


# backends that end while they write: each call is counted once

sleep 2.5;

my ($before) = map { $_->[0] }
               psql('SELECT sum(calls) FROM oof_limit_month');
my $calls = 0;
my $end = time + 6;
my $next = 0;

while (time < $end) {
    hit($c, month(100000), customer => 'k' . $calls % 20);
    $calls++;

    if (time > $next) {
        psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
             . " WHERE datname = current_database() AND usename = 'oof'"
             . " AND query LIKE '%oof_limit_writer%'");
        $next = time + 0.2;
    }

    sleep 0.002;
}

counted($before + $calls, 10);


# a batch that comes again, as it is and when it is older

sub flush {
    my ($batch, $rows) = @_;

    my $sql = Test::Oof::slurp("$Test::Oof::Root/ngx_oof_common/sql/"
                               . 'limit_flush.sql');

    $sql =~ s/^--.*\n//mg;
    $sql =~ s/;\s*$//;
    $sql =~ s/\$1/'11111111-1111-4111-8111-111111111111'/g;
    $sql =~ s/\$2/$batch/g;
    $sql =~ s/\$3/'$rows'/g;
    $sql =~ s/\$4/now()/g;

    return join ' ', sort map { $_->[2] } psql($sql);
}

my ($x, $y) = ('0123456789abcdef' x 2, 'fedcba9876543210' x 2);

is(flush(1, "209901:$x:3:8,209901:$y:0:8"), '0 3', 'the first batch');
is(flush(1, "209901:$x:3:8,209901:$y:0:8"), '0 3', 'again');
is(flush(2, "209901:$x:5:8"), '8', 'the second');
is(flush(1, "209901:$x:3:8"), '8', 'the first, late');
is_deeply([ psql('SELECT calls, spent IS NOT NULL FROM oof_limit_month'
                 . ' WHERE month = 209901') ], [ [ 8, 't' ] ],
          'one row, which is spent');


# a worker that is killed, whatever it does

at_minute($day + 10 * 3600);

for my $n (1 .. 10) {
    my @workers = $o->worker_pids;
    my @all = map { $o->connect('plain') } 1 .. 4;

    for (1 .. 20) {
        $_->write("GET $minute HTTP/1.1\r\nHost: x\r\nx-organisation: k$n\r\n"
                  . 'x-fapi-interaction-id: ' . new_uuid() . "\r\n\r\n")
            for @all;
    }

    kill 'KILL', $workers[$n % @workers];
    wait_for(sub { my @now = $o->worker_pids;
                   @now == 2 && !grep { $_ == $workers[$n % @workers] } @now },
             5, 'another worker');
}

$o->ready;
Test::Oof->allow(qr/worker process \d+ exited on signal 9/);
is(hits($o, 5, $minute, organisation => 'after'), '200 3 429 2',
   'the others count on');

done_testing();
