#!/usr/bin/perl

# Copyright (C) oof authors

# A worker's memory does not grow with the requests it has served: measured
# after 100,000 and after 1,000,000.  Only with "build.sh test --long".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};

my $wrk = (grep { -x } map { "$_/wrk" } split /:/, $ENV{PATH})[0]
    or plan(skip_all => 'wrk is not here');

my $o = Test::Oof->start(log_level => 'notice', connections => 1024,
                         http => 'keepalive_requests 100000000;');
my $consents = "$Test::Oof::Api/consents";
my $made = $o->call(POST => $consents, client => 'one',
                    json => consent_body());
is($made->{status}, 201, 'a consent');

my ($headers) = $o->request_parts('plain', client => 'one');
my @headers = map { ('-H', "$_->[0]: $_->[1]") } @$headers;
my (@rss, $served);


sub rss {
    my ($pid) = $o->worker_pids;

    return (Test::Oof::slurp("/proc/$pid/status") =~ /VmRSS:\s+(\d+)/)[0];
}


while (($served // 0) < 1000000) {
    Test::Oof::Postgres::open2_in(\my $out, '', $wrk, '-t1', '-c64', '-d5s',
        @headers, 'http://127.0.0.1:' . $o->plain
                  . "$consents/$made->{json}{data}{consentId}");

    my ($n) = $out =~ /(\d+) requests in/ or die $out;
    is($out =~ /(Non-2xx.*|Socket errors.*)/ ? $1 : '', '',
       "$n requests without a failure");
    $served += $n;
    push @rss, [ $served, rss() ];
}


# The allocator takes and gives back a few megabytes all the time.  What leaks
# 32 bytes a request would have grown by 20 megabytes between these.

my ($early) = sort { $b <=> $a } map { $_->[1] }
              grep { $_->[0] < 400000 } @rss;
my ($late) = sort { $a <=> $b } map { $_->[1] }
             grep { $_->[0] > 700000 } @rss;

cmp_ok($late, '<=', $early * 1.05,
       "$early kB at most before 400,000, $late kB at least after 700,000"
       . " of $served requests");


done_testing();
