#!/usr/bin/perl

# Copyright (C) oof authors

# Backends that are killed, a server that is down, and what clients see of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Lab;
use Time::HiRes qw/ sleep time /;

my $cluster = Test::Oof::Lab::cluster();
my $o = Test::Oof::Lab->start(log_level => 'notice', workers => 2);

my @ids = map { new_uuid() } 0 .. 999;
psql('INSERT INTO lab VALUES ' . join ',', map { "('$_', 0, '')" } @ids);


# writes of three kinds and reads; each write that was answered 200 is
# remembered by its event, which is in the database once or never

sub next_query {
    my $id = $ids[rand @ids];
    my $r = rand;

    return $r < 0.4 ? "class=read&s=lab_get&u=$id"
         : $r < 0.7 ? 'class=write&s=lab_new&u=' . new_uuid() . '&u='
                      . new_uuid() . '&t=load'
         : 'class=write&s=lab_add&u=' . new_uuid() . "&u=$id&key=$id";
}


sub whole {
    my ($name) = @_;

    is_deeply([ psql("SELECT (SELECT count(*) FROM lab WHERE note = 'load')"
                     . " - (SELECT count(*) FROM lab_event e JOIN lab l"
                     . " ON l.id = e.lab WHERE l.note = 'load'),"
                     . " (SELECT sum(n) FROM lab)"
                     . " - (SELECT count(*) FROM lab_event e JOIN lab l"
                     . " ON l.id = e.lab WHERE l.note = '')") ],
              [ [ 0, 0 ] ], "$name: each change is whole, and there once");
}


# how many files each worker has open

sub files {
    return map { scalar(() = glob "/proc/$_/fd/*") } $o->worker_pids;
}


# --- backends killed 100 times under load

wait_for(sub { $o->get('/ready')->{status} == 200 }, 3, 'ready');
sleep 0.5;
my @open = files();
my $load = $o->load(32, \&next_query);
my $killed = 0;
my $end = time + 30;
my $killer = Test::Oof::Postgres::session(database_dsn());

while ($killed < 100 && time < $end) {
    sleep 0.05;
    my ($n) = $killer->run("SELECT count(pg_terminate_backend(pid)) FROM"
                           . " (SELECT pid FROM pg_stat_activity WHERE"
                           . " application_name = 'oof'"
                           . " AND datname = current_database()"
                           . " ORDER BY random() LIMIT 1) a");
    $killed += $n;
}

$killer->close;

my %seen = $o->load_end($load);

cmp_ok($killed, '>=', 100, "killed: $killed backends");
cmp_ok($seen{200} // 0, '>', 500, 'killed: requests meanwhile');
is(join(' ', grep { $_ ne '200' } %seen{grep { $_ ne '200' } keys %seen}), '',
   'killed: no other answer');
whole('killed');
cmp_ok($o->metric('oof_db_reconnects_total') // 0, '>', 50,
       'killed: the metric tells of it');
wait_for(sub { "@{[ files() ]}" eq "@open" }, 3, 'as many files as before');
pass('killed: no file is left open');


# --- an outage

$o->stop;
$o = Test::Oof::Lab->start(log_level => 'notice', workers => 1);

$cluster->stop('immediate');

my $start = time;
my $r = $o->lab("class=write&s=lab_add&u=@{[ new_uuid() ]}&u=$ids[0]");
is($r->{status}, 503, 'down: 503');
is($r->{rc}, 1, 'down: for the reason');
cmp_ok(time - $start, '<', 0.5, 'down: at once');

for my $class (qw/ read write solo lease /) {
    $start = time;
    $r = $o->lab("class=$class&s=lab_get&u=$ids[0]");
    is($r->{status}, 503, "down: $class: 503");
    cmp_ok(time - $start, '<', 0.3, "down: $class: at once");
}

is($o->get('/ready')->{status}, 503, 'down: not ready');

sleep 1.5;
$cluster->start;

$start = time;
sleep 0.02 while $o->lab("class=write&s=lab_add&u=@{[ new_uuid() ]}"
                         . "&u=$ids[0]")->{status} != 200
                 && time < $start + 5;
cmp_ok(time - $start, '<', 2, 'down: serves again within 2 s');
wait_for(sub { $o->get('/ready')->{status} == 200 }, 2, 'ready');
pass('down: ready again');


# --- a unit in doubt outlives a short outage, within its deadline

$load = $o->load(1, sub { 'class=write&s=lab_sleep&i=300&s=lab_add&u='
                          . new_uuid() . "&u=$ids[1]" });
sleep 0.2;
$cluster->stop('immediate');
$cluster->start;
sleep 0.7;
%seen = $o->load_end($load);
is($seen{503} // 0, 0, 'doubt: no 503');
cmp_ok($seen{200} // 0, '>=', 1, 'doubt: answered by another run');
whole('doubt');

$r = { };
my @r = $o->many([ 'class=write&deadline=2000&s=lab_sleep&i=1500' ],
                 pause => 0.1, meanwhile => sub { $cluster->stop('immediate') });
is($r[0]{status}, 503, 'doubt: no lane until the deadline: 503');
cmp_ok($r[0]{ms}, '>=', 2000, 'doubt: not before');
$cluster->start;
wait_for(sub { $o->get('/ready')->{status} == 200 }, 3, 'ready');


# --- a table that is locked while lanes connect, by a migration for instance:
# they wait, and are not taken for down

my $session = Test::Oof::Postgres::session(database_dsn());
$session->run('BEGIN');
$session->run('LOCK TABLE lab IN ACCESS EXCLUSIVE MODE');
$session->run('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
              . " WHERE application_name = 'oof'");
$session->send('SELECT pg_sleep(0.7)');
$session->send('COMMIT');

sleep 0.4;
$r = $o->lab("class=read&s=lab_get&u=$ids[2]");
is($r->{status}, 200, 'locked table: served when it is free');
unlike($o->log_text, qr/cannot be prepared/, 'locked table: waited for');
$session->run('SELECT 1');


# --- kill -9 of the whole server under load: nothing acknowledged is lost

pipe my $in, my $out;
my $pid = fork;

if ($pid == 0) {
    close $in;
    my ($c, $stop);
    $SIG{TERM} = sub { $stop = 1 };

    while (!$stop) {
        my $event = new_uuid();
        $c ||= Test::Oof::Client->new($o->plain) or last;
        my $a = eval { $c->request('GET', "/lab?class=write&s=lab_new&u=$event"
                                   . '&u=' . new_uuid() . '&t=load',
                                   [ [ Host => 'lab' ] ]) };
        my $status = $a ? $a->{status} // 0 : 0;
        syswrite $out, "$event\n" if $status == 200;
        sleep 0.01 if $status != 200;
    }

    POSIX::_exit(0);
}

close $out;
sleep 0.7;
$cluster->kill;
$cluster->start;
sleep 0.2;
kill 'TERM', $pid;
chomp(my @events = <$in>);
waitpid $pid, 0;

cmp_ok(scalar @events, '>', 20, 'kill -9: ' . @events . ' acknowledged');
is_deeply([ psql('SELECT count(*) FROM lab_event WHERE id IN ('
                 . join(',', map { "'$_'" } @events) . ')') ],
          [ [ scalar @events ] ], 'kill -9: all are there');
whole('kill -9');


# --- a backend that is frozen

$o->stop;
$o = Test::Oof::Lab->start(log_level => 'notice',
                           database => 'statement_timeout 300ms;'
                                       . ' solo_lock_timeout 200ms;');

my ($frozen, $psql) = (undef, Test::Oof::Postgres::session(database_dsn()));

for (1 .. 10) {
    @r = $o->many([ 'class=read&s=lab_sleep&i=250' ], pause => 0.05,
                  meanwhile => sub {
        ($frozen) = $psql->run("SELECT pid FROM pg_stat_activity WHERE"
                               . " application_name = 'oof' AND"
                               . " state = 'active' AND query LIKE '%sleep%'");
        kill 'STOP', $frozen if $frozen;
    });

    last if $frozen;
}

$r = $r[0];
is($r->{status}, 200, 'frozen: answered by another one');
is($r->{runs}, 2, 'frozen: by another run');
cmp_ok($r->{ms}, '>=', 1900, 'frozen: not before');
cmp_ok($r->{ms}, '<', 4000, 'frozen: nor long after');
kill 'CONT', $frozen;

done_testing();
