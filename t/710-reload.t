#!/usr/bin/perl

# Copyright (C) oof authors

# 20 reloads under load, and three upgrades of the binary: no failed request,
# nothing twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Load;
use Time::HiRes qw/ sleep /;

my $o = Test::Oof->start(log_level => 'notice', workers => 2);

my $before = Test::Oof::Load::consents();
my $load = Test::Oof::Load->start($o, 6);

for (1 .. 20) {
    sleep 0.1;
    $o->reload(keep_old => 1);
}

sleep 0.3;
$load->stop->whole('reload');
$load->clean('reload');

is(Test::Oof::Load::consents() - $before, scalar @{ $load->{made} },
   'reload: no consent that nobody was told of');

wait_for(sub { my @now = $o->worker_pids; @now == 2 }, 5,
         'the old workers to go');
pass('reload: the old workers have gone');


# --- USR2: the new process has caches, key portions and lanes of its own

$before = Test::Oof::Load::consents();
$load = Test::Oof::Load->start($o, 4);

for my $n (1 .. 3) {
    my $master = $o->pid;

    kill 'USR2', $master;
    wait_for(sub { -s "$o->{dir}/nginx.pid.oldbin" && -s "$o->{dir}/nginx.pid"
                   && $o->pid != $master }, 10, 'the new master');
    kill 'QUIT', $master;
    wait_for(sub { !kill 0, $master }, 15, 'the old master to go');
}

sleep 0.3;
$load->stop->whole('upgrade');
$load->clean('upgrade');

is(Test::Oof::Load::consents() - $before, scalar @{ $load->{made} },
   'upgrade: no consent that nobody was told of');

done_testing();
