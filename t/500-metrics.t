#!/usr/bin/perl

# Copyright (C) oof authors

# Metrics: the text is what Prometheus reads; counts are those of all workers
# and survive a reload that declares the same; gauges end with their process.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep /;

my $o = Test::Oof->start(workers => 2, leases => 1);


# what Prometheus' own linter says, where it is at hand

sub lint {
    my ($text) = @_;

    SKIP: {
        skip('promtool is not at hand', 1)
            if system('command -v promtool > /dev/null') != 0;

        Test::Oof::spew("$o->{dir}/metrics", $text);
        my $said = `promtool check metrics < $o->{dir}/metrics 2>&1`;

        # of time that people count in days

        $said =~ s/^\S+_days\S* use base unit "seconds" instead of "days"\n//mg;
        is($said, '', 'promtool check metrics');
    }
}


# the whole text, read as strictly as that, and more so

sub check {
    my ($text) = @_;

    my (@wrong, %help, %type, %seen, %series, $family);

    push @wrong, 'no line feed at the end' if $text !~ /\n\z/;
    push @wrong, 'an empty line' if $text =~ /\n\n/;

    my $n = 0;

    for (split /\n/, $text) {
        $n++;

        if (my ($name, $help) = /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/) {
            push @wrong, "$n: second HELP of $name" if $help{$name}++;
            push @wrong, "$n: $name has no prefix" if $name !~ /^oof_/;
            $family = $name;
            next;
        }

        if (my ($name, $type)
                = /^# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)$/)
        {
            push @wrong, "$n: TYPE without HELP" if $name ne ($family // '');
            push @wrong, "$n: second TYPE of $name" if $type{$name};
            push @wrong, "$n: a counter is named ..._total"
                if ($type eq 'counter') != ($name =~ /_total$/);
            $type{$name} = $type;
            next;
        }

        if (!/^([a-z][a-z0-9_]*)(?:\{((?:[a-z_]+="[^"\\\n]*",?)+)\})? (\S+)$/) {
            push @wrong, "$n: not a sample: $_";
            next;
        }

        my ($name, $labels, $value) = ($1, $2 // '', $3);

        push @wrong, "$n: \"$value\" is not a number"
            if $value !~ /^-?\d+(?:\.\d+)?$/;
        push @wrong, "$n: a comma too many" if $labels =~ /,$/;
        push @wrong, "$n: $name\{$labels} is there twice"
            if $seen{"$name\{$labels}"}++;

        my $base = $name;

        if ($type{$family} eq 'histogram') {
            $base =~ s/_(bucket|sum|count)$// or push @wrong, "$n: $name";
            my $part = $1;
            my $le = $labels =~ s/,?le="([^"]*)"$// ? $1 : undef;
            push @wrong, "$n: le" if defined $le != ($part eq 'bucket');
            push @{ $series{"$base\{$labels}"}{$part} }, [ $le, $value ];
        }

        push @wrong, "$n: $name is not of family $family" if $base ne $family;
    }

    for my $name (sort keys %series) {
        my $s = $series{$name};
        my $last = 0;
        my $bound = 0;

        for (@{ $s->{bucket} }) {
            my ($le, $value) = @$_;
            push @wrong, "$name: buckets fall" if $value < $last;
            push @wrong, "$name: bounds fall" if $le ne '+Inf' && $le <= $bound;
            ($last, $bound) = ($value, $le);
        }

        push @wrong, "$name: the last bucket is not +Inf" if $bound ne '+Inf';
        push @wrong, "$name: count is not that of +Inf"
            if @{ $s->{count} } != 1 || $s->{count}[0][1] != $last;
        push @wrong, "$name: one sum" if @{ $s->{sum} } != 1;
    }

    push @wrong, map { "$_ has no TYPE" } grep { !$type{$_} } keys %help;

    ok(!@wrong, 'the text is well formed') or diag(join "\n", @wrong);
}


sub workers { my @pids = $o->worker_pids; return scalar @pids }


sub requests { $o->metric('oof_http_requests_total') // 0 }


# answers of the consents API: counted, whatever they are

sub count {
    my ($n) = @_;

    for (1 .. $n) {
        $o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid());
    }
}


my $r = $o->get('/metrics');

is($r->{status}, 200, 'metrics are there');
like($r->{headers}{'content-type'}, qr{^text/plain; version=0\.0\.4},
     'content type');
is($r->{headers}{'content-length'}, length $r->{body}, 'length');
check($r->{body});
like($r->{body},
     qr/^oof_build_info\{version="\d+\.\d+\.\d+",nginx="1\.\d+\.\d+"\} 1$/m,
     'what runs');

my $c = Test::Oof::Client->new($o->port('management'));
$r = $c->request(HEAD => '/metrics', [ [ Host => 'management' ] ]);
is($r->{status}, 200, 'HEAD is answered');
is($r->{body} // '', '', 'without a body');
$r = $c->request(POST => '/metrics', [ [ Host => 'management' ] ], 'x=1');
is($r->{status}, 405, 'POST is not');
$r = $c->request(GET => '/metrics', [ [ Host => 'management' ] ]);
is($r->{status}, 200, 'and the connection lives');


# counts of both workers

my $before = requests();
count(40);
is(requests() - $before, 40, 'requests of two workers are counted');

$r = $o->get('/metrics');
check($r->{body});


# the same after a reload, and while the old workers are still there

my $held = $o->connect('plain');
$held->write("GET / HTTP/1.1\r\nHost: x\r\n");    # a request that never ends
count(5);
$before = requests();
$o->reload(keep_old => 1);
is(requests(), $before, 'counts survive a reload');
count(7);
is(requests(), $before + 7, 'and go on with it');
$held->close;
wait_for(sub { workers() == 2 }, 10, 'the old workers to go');
cmp_ok(requests(), '>=', $before + 7,
       'and are still there when the old have gone');
$before = requests();


# a worker that dies takes its gauges with it, and leaves its counts

my $leases = () = $r->{body} =~ /^oof_lease_held\{/gm;
wait_for(sub { $o->metric('oof_lease_held') == $leases }, 20, 'all leases');

$o->allow(qr/exited on signal 9/);
kill 'KILL', $o->worker_pids;
wait_for(sub { $o->get('/ready')->{status} == 200 }, 10, 'new workers');

# who follows them may hold leases at once, but each is told once

cmp_ok($o->metric('oof_lease_held'), '<=', $leases,
       'what dead workers held is not told');
is(requests(), $before, 'what they counted is');
count(3);
is(requests(), $before + 3, 'and counting goes on');


# a reload that fails changes nothing, for workers that come after it too

$o->configure(http => 'oof_database other { connect "dbname=x"; } oof_bad;');
kill 'HUP', $o->pid;
wait_for(sub { $o->log_text =~ /unknown directive "oof_bad"/ }, 5, 'failure');
$o->allow(qr/unknown directive "oof_bad"/);
kill 'KILL', $o->worker_pids;
wait_for(sub { workers() == 2 && $o->get('/ready')->{status} == 200 },
         10, 'new workers');
count(2);
is(requests(), $before + 5, 'a failed reload moves no counter');
check($o->get('/metrics')->{body});


# with other metrics all begin again

$o->configure(http => 'oof_database other { connect "'
                      . database_dsn() . '"; }');
$o->reload;
check($o->get('/metrics')->{body});
lint($o->get('/metrics')->{body});
is(requests(), 0, 'other metrics begin at zero');
count(4);
is(requests(), 4, 'and count');
$o->allow(qr/"oof_zone 32k" is too small/);


# a zone that is too small says so

my $small = Test::Oof->start(hold => 1, http => 'oof_zone 32k;', workers => 64);
my ($ok, $text) = $small->test_config;
ok(!$ok, 'a zone too small for the workers is refused');
like($text, qr/"oof_zone 32k" is too small for \d+ metrics of 64 workers/,
     'and it says so');

done_testing();
