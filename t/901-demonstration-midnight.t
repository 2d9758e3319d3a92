#!/usr/bin/perl

# Copyright (C) oof authors

# The demonstration pays within one day of Brasilia: when little of it is left,
# it waits for the next one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof::Postgres;

my $root = Test::Oof::Postgres::root();

# a clock that moves as the demonstration sleeps

my $program = <<'END';
import datetime
import sys
import time

sys.path.insert(0, sys.argv[1] + "/sandbox/lib")

from oofbox import demo, pix


class Clock(demo.Demo):
    def now(self):
        return self.at


for text in sys.argv[2:]:
    box = Clock(None)
    box.at = datetime.datetime.fromisoformat(text)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        box.at += datetime.timedelta(seconds=seconds)

    time.sleep = sleep
    now = box.today()
    print("=", now.isoformat(), pix.payment(now)["date"],
          pix.end_to_end({"cnpj": "11222333000181"}, now)[9:21],
          round(sum(slept)))
END

my %cases = (
    # of UTC               of UTC, the payment's day, its endToEndId's, waited
    '2026-11-25T02:58:59' => '2026-11-25T02:58:59 2026-11-24 202611250258 0',
    '2026-11-25T02:59:01' => '2026-11-25T03:00:00 2026-11-25 202611250300 59',
    '2026-11-25T02:59:59' => '2026-11-25T03:00:00 2026-11-25 202611250300 1',
    '2026-11-25T03:00:00' => '2026-11-25T03:00:00 2026-11-25 202611250300 0',
    '2026-11-24T23:59:59' => '2026-11-24T23:59:59 2026-11-24 202611242359 0',
    '2028-03-01T02:59:30' => '2028-03-01T03:00:00 2028-03-01 202803010300 30',
);
my @times = sort keys %cases;

my $rc = Test::Oof::Postgres::open2_in(\my $out, '', '/usr/bin/python3', '-c',
                                       $program, $root, @times);
is($rc, 0, 'it runs') or diag($out);

my @got = grep { s/^= // } split /\n/, $out;
is($got[$_], $cases{$times[$_]}, $times[$_]) for 0 .. $#times;

done_testing();
