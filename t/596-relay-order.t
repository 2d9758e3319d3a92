#!/usr/bin/perl

# Copyright (C) oof authors

# Order of a key when its events are written by hosts whose clocks differ, or
# by a statement that has waited long: the earlier one has an old stamp, and
# the later one comes soon after it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Queues;
use Time::HiRes qw/ sleep /;

my $file = "$Test::Oof::Dir/events.jsonl";
my $late = 5;

my $o = Test::Oof->start(leases => 1,
                         http => "oof_events log { path $file; }");

sub told {
    return () if !-e $file;
    return map { JSON::PP::decode_json($_) }
               split /\n/, Test::Oof::slurp($file);
}


# others are written all the time, by the clock of this host

my $writer = Test::Oof::Postgres::session(database_dsn());
my $n = 0;

sub event {
    my ($key, $version, $ago) = @_;

    $n++;
    $writer->run("INSERT INTO oof_event (id, type, brand, key, version,"
                 . ' "time", stamp, data) VALUES (oof_uuid7((extract(epoch'
                 . " FROM now()) * 1000)::int8), 'oof.consent.created',"
                 . " 'bank', '$key', $version, now(),"
                 . " clock_timestamp() - interval '$ago seconds', '{}')");
}

my @keys;

for (1 .. 40) {
    my $key = new_uuid();

    event(new_uuid(), 1, 0);
    sleep 0.06;

    event($key, 1, $late);
    event($key, 2, 0);

    push @keys, $key;
}

wait_for(sub { told() >= $n }, 15, "$n events");

my %last;
my $wrong = 0;

for my $e (told()) {
    $wrong++ if $e->{sequence} != ++$last{ $e->{subject} };
}

is($wrong, 0, "an event that comes $late s late is before the next of its key");
is(scalar told(), $n, 'and each is told once');

done_testing();
