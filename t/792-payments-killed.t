#!/usr/bin/perl

# Copyright (C) oof authors

# 10,000 payments while the bank's core, PostgreSQL, single connections of it
# and workers are killed at random, and clients repeat with their keys: the
# ledger has each acknowledged payment once and none that was refused, nothing
# is stuck (spec 2.3, 2.8).  Only with "build.sh test --long"; OOF_PAYMENTS is
# another number.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Chaos;
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'only with test --long')
    if !$ENV{OOF_MEASURE} && !$ENV{OOF_PAYMENTS};

my $n = $ENV{OOF_PAYMENTS} || 10000;
my $start = time;
my $postgres = Test::Oof::Postgres::own();

my ($o, $core) = settlement(
    workers => 2, connections => 1024, log_level => 'notice',
    five => 'oof_payment_wait 1s;',
    core_conf => 'timeout 1500ms; breaker 20 1s;');

$o->allow(qr/core "main"/, qr/exited on signal 9/, qr/core is not asked/,
          qr/could not connect|lane|connection/, qr/terminating connection/,
          qr/shared memory zone|deadline has passed|cannot be fetched/);


sub faulty {
    $core->faults([
        { mode => 'slow', ms => 400, share => 0.1, path => '/payments' },
        { mode => 'slow', ms => 1300, share => 0.03, path => '/payments' },
        { mode => 'error', share => 0.05 },
        { mode => 'drop_after_accept', share => 0.05 },
        { mode => 'duplicate', share => 0.1 },
    ]);
}


# what is killed, how often of a hundred, and how

my %killed;
my @deeds = (
    [ worker => 40, sub {
        my @pids = $o->worker_pids;
        kill 'KILL', $pids[rand @pids] if @pids;
    } ],
    [ connection => 30, sub {
        my @pids = $postgres->backends;
        kill 'TERM', $pids[rand @pids] if @pids;
    } ],
    [ core => 14, sub {
        $core->kill9;
        sleep rand;
        $core->restart;
        faulty();
    } ],
    [ backend => 4, sub {
        my @pids = $postgres->backends;
        kill 'KILL', $pids[rand @pids] if @pids;
    } ],
    [ 'PostgreSQL at once' => 4, sub { restart('QUIT') } ],
    [ 'PostgreSQL without a word' => 4, sub { restart('KILL') } ],
    [ 'reload' => 4, sub { kill 'HUP', $o->pid } ],
);


sub restart {
    my ($signal) = @_;

    $postgres->end($signal);
    sleep rand;
    $postgres->again;
}


sub deed {
    my $at = rand 100;

    for (@deeds) {
        $at -= $_->[1];
        next if $at >= 0;
        $killed{$_->[0]}++;
        return $_->[2]->();
    }
}


my @all = consents_of($o, map { $_ % 6 == 0 ? '20422.00'
                                : $_ % 20 == 1 ? '20201.04' : '16.00' }
                              1 .. $n);
diag(sprintf '%d consents in %d s', $n, time - $start);

srand;
faulty();

my $paying = time;
my $payers = paid($o, \@all, processes => 32);

# on a slow machine the last ones have their peace

until ($payers->over) {
    sleep 0.3 + rand 0.9;
    deed() if time < $paying + 240;
}

$payers->told(\@all);
diag(sprintf '%d payments in %d s, killed: %s', $n, time - $paying,
     join ', ', map { "$_ $killed{$_}" } sort keys %killed);

$core->faults;
settled($o, 120);

# once more, with nobody killed: the same answer

my $again = paid($o, [ @all[0 .. ($n > 500 ? 499 : $n - 1)] ], twice => 0,
                 gone => 0);
sleep 0.1 until $again->over;
$again->told([ @all[0 .. ($n > 500 ? 499 : $n - 1)] ]);

agree($core, @all);

my %outcomes;
$outcomes{(grep { /^(?:201|422)$/ } @{ $_->{said} })[0] // 'none'}++ for @all;
cmp_ok($outcomes{$_} // 0, '>', 0, "some are $_") for 201, 422;
my $answers = 0;
$answers += @{ $_->{said} } for @all;
diag(sprintf '%d answers; %s; %d s in all', $answers,
     join(', ', map { "$_: $outcomes{$_}" } sort keys %outcomes),
     time - $start);

done_testing();
