#!/usr/bin/perl

# Copyright (C) oof authors

# Two answers to one key never differ in their class: a core of three seconds,
# clients that repeat on both workers, in turns and at once, and workers that
# are killed before, between and after what they ask and write (spec 2.3;
# spec 7, 32).

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

# v5 does not wait long enough for the core, v4 does

my ($o, $core) = settlement(
    workers => 2, core_conf => 'timeout 4s; breaker off;',
    http => "log_format who \$pid;\naccess_log $Test::Oof::Dir/who.log who;\n",
    five => 'oof_payment_wait 1s;', four => 'oof_payment_wait 6s;');

$o->allow(qr/core "main" failed at/, qr/exited on signal 9/,
          qr/core is not asked/, qr/could not connect|lane|connection/,
          qr/shared memory zone|request deadline has passed/);

# a pair, one that the core makes and one that it refuses, every half second

my %all = map { my $version = $_;
    my @of = consents_of($o, $version, map { ('16.00', '20422.00') } 0 .. 5);
    $of[$_]{after} = int($_ / 2) / 2 for 0 .. $#of;
    $version => \@of;
} 4, 5;

$core->faults({ mode => 'slow', ms => 3000, path => '/payments' });

my $start = time;

# three clients for each key

my @payers = map {
    my $all = $all{$_};
    [ $all, paid($o, [ (@$all) x 3 ], processes => 3 * @$all, twice => 0.3,
                 gone => 0.1, repeats => 3, seconds => 25) ];
} 4, 5;


sub killed {
    my ($at, $all) = @_;

    my $left = $start + $at - time;
    sleep $left if $left > 0;

    my @pids = $o->worker_pids;
    kill 'KILL', $all ? @pids : $pids[rand @pids] if @pids;
}

killed(1.2);
killed(2.7, 'all');
killed(4.1);
killed(5.6);

for (@payers) {
    my ($all, $payers) = @$_;

    sleep 0.1 until $payers->over;

    my $said = $payers->said;

    for my $n (0 .. 3 * @$all - 1) {
        push @{ $all->[$n % @$all]{said} },
             split /,/, ($said->{$n}{said} // '');
    }
}

$core->faults;
settled($o, 40);

agree($core, map { @$_ } values %all);


# it was worth the while

my %outcome;

for my $version (4, 5) {
    for (@{ $all{$version} }) {
        my ($told) = grep { /^(?:201|422)$/ } @{ $_->{said} };
        $outcome{"v$version $_->{amount} $told"}++;
    }
}

is($outcome{'v5 20422.00 201'}, 6, 'refused after the wait: 201')
    or diag(json(\%outcome));
is($outcome{'v4 16.00 201'}, 6, 'made: 201');
cmp_ok($outcome{'v4 20422.00 422'} // 0, '>', 0, 'refused within it: 422');

my %pids = map { $_ => 1 } split /\n/,
           Test::Oof::slurp("$Test::Oof::Dir/who.log");
cmp_ok(scalar keys %pids, '>=', 4, 'by two workers, and those that followed');

done_testing();
