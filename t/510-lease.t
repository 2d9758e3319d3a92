#!/usr/bin/perl

# Copyright (C) oof authors

# Leases: one of two nginx on one database, soon again after a kill, at once
# after an end in order, never two at a time, each epoch higher than the last.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

use constant LEASE => "name = 'maintenance'";

# nothing but a database, so that nothing else takes part

sub start {
    my ($more) = @_;

    my $dsn = database_dsn();

    return Test::Oof->start(defaults => 0, wait => 1,
        http => "oof_database main { connect \"$dsn\"; $more }");
}

my @o = map { start('') } 0 .. 1;


sub held { $_[0]->metric('oof_lease_held', lease => 'maintenance') // 0 }

sub epoch { (psql('SELECT epoch FROM oof_lease WHERE ' . LEASE))[0][0] }

# whose pid the row names

sub holder {
    my ($row) = psql('SELECT holder, until > clock_timestamp() FROM oof_lease'
                     . ' WHERE ' . LEASE);

    my ($pid) = $row->[0] =~ /:(\d+)$/ or return '';

    return $row->[1] eq 't' ? $pid : '';
}

# ends an nginx; the seconds until its worker was gone (the harness waits for
# the master to be reaped, which may take longer)

sub end {
    my ($o, $signal) = @_;

    my ($worker) = $o->worker_pids;
    my $start = time;

    kill $signal, $o->pid;

    wait_for(sub {
        open my $f, '<', "/proc/$worker/stat" or return 1;
        (<$f> // '') =~ /\) Z/;
    }, 10, 'the worker to end');

    my $took = time - $start;
    $o->stop($signal);

    return $took;
}


sub one {
    my ($name) = @_;

    my @held = grep { held($_) } grep { $_->{started} } @o;
    is(scalar @held, 1, $name);

    return $held[0];
}


wait_for(sub { holder() }, 10, 'a holder');

my $first = one('one of two holds it');
is(epoch(), 1, 'the first epoch');
is(holder(), ($first->worker_pids)[0], 'the row names the process');

my ($until) = psql('SELECT until FROM oof_lease WHERE ' . LEASE);
sleep 2.5;
is(one('and one only, after a while'), $first, 'the same');
is(epoch(), 1, 'in the same epoch');
isnt((psql('SELECT until FROM oof_lease WHERE ' . LEASE))[0][0], $until->[0],
     'which is renewed');


# an end in order gives it back

my $other = $first == $o[0] ? $o[1] : $o[0];
my $took = end($first, 'QUIT');
cmp_ok($took, '<', 1, sprintf 'the end takes %.2f s for it', $took);
like($first->log_text, qr/lease "maintenance" was given back/, 'given back');
my $start = time;
wait_for(sub { held($other) }, 5, 'the other to take it');
cmp_ok(time - $start, '<', 1.5, 'the other has it at once');
is(epoch(), 2, 'the second epoch');


# so does a fast end

$first->launch;
my ($pid) = $other->worker_pids;
$took = end($other, 'TERM');
cmp_ok($took, '<', 0.5, sprintf 'a fast end takes %.2f s', $took);
isnt(holder(), $pid, 'and gives it back too');
wait_for(sub { held($first) }, 5, 'the first to take it');
cmp_ok(time - $start, '<', 4, 'the first has it at once');
is(epoch(), 3, 'the third epoch');


# a kill leaves it until its term ends

$other->launch;
$other->allow(qr/exited on signal 9/);
sleep 1;
$start = time;
kill 'KILL', $first->pid, $first->worker_pids;
delete $first->{started};
is(held($other), 0, 'not taken before its term ends');
wait_for(sub { held($other) }, 10, 'the other to take it');
$took = time - $start;
cmp_ok($took, '<', 6, sprintf 'taken over %.1f s after a kill', $took);
cmp_ok($took, '>', 3, 'and not before the dead could have noticed');
is(epoch(), 4, 'the fourth epoch');


# a process that stood still has lost it before it can know

unlink "$first->{dir}/nginx.pid";
$first->launch;
$first->allow(qr/exited on signal 9/);
my ($worker) = $other->worker_pids;
kill 'STOP', $worker;
wait_for(sub { held($first) }, 10, 'the first to take it');
is(epoch(), 5, 'the fifth epoch');
kill 'CONT', $worker;
wait_for(sub { $other->log_text
                   =~ /"maintenance" of epoch 4 (was not renewed|was taken)/ },
         5, 'the other to notice');
is(held($other), 0, 'who stood still holds nothing');
one('one of two holds it again');
is(epoch(), 5, 'and the epoch stays');


# a reload passes it on without a gap of a term

$other->stop;
$start = time;
$first->reload;
wait_for(sub { holder() eq ($first->worker_pids)[0] && held($first) }, 10,
         'the new worker to take it');
cmp_ok(time - $start, '<', 3, 'a reload passes it on soon');
is(epoch(), 6, 'the sixth epoch');


# nor does a database that is away for longer than the term leave two

my $name = (database_dsn() =~ /dbname=(\S+)/)[0];
my $admin = database_dsn() =~ s/dbname=\S+/dbname=postgres/r;

Test::Oof::Postgres::query($admin,
    "ALTER DATABASE $name ALLOW_CONNECTIONS false;"
    . " SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    . " WHERE datname = '$name'");
wait_for(sub { !held($first) }, 6, 'the lease to be lost');
like($first->log_text, qr/"maintenance" of epoch 6 was not renewed in time/,
     'it says so');
Test::Oof::Postgres::query($admin,
    "ALTER DATABASE $name ALLOW_CONNECTIONS true");
wait_for(sub { held($first) }, 8, 'the lease to be taken again');
cmp_ok(epoch(), '>', 6, 'in a new epoch');


# where it is off nothing is taken

$first->stop;
my $off = start('lease off;');
sleep 1.5;
is(holder(), '', '"lease off" takes none');

done_testing();
