#!/usr/bin/perl

# Copyright (C) oof authors

# Idle for a minute, all workers together use less than 0.1 % of a core.  Only
# with "build.sh test --long".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use POSIX ();

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};

my $o = Test::Oof->start(log_level => 'notice', workers => 2);


sub cpu {
    my $ticks = 0;

    for my $pid ($o->worker_pids) {
        my @f = split ' ', Test::Oof::slurp("/proc/$pid/stat") =~ s/^.*\) //r;
        $ticks += $f[11] + $f[12];
    }

    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}


sleep 3;
my $before = cpu();
sleep 60;
my $used = cpu() - $before;

cmp_ok($used, '<', 0.06, sprintf('%.2f s of CPU in 60 s', $used));


done_testing();
