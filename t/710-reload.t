#!/usr/bin/perl

# Copyright (C) oof authors

# 20 reloads under load: no failed request, nothing twice.

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


done_testing();
