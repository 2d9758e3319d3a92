#!/usr/bin/perl

# Copyright (C) oof authors

# Order of a key when its events are written by hosts whose clocks differ, or
# by a statement that has waited long: the earlier one has an old stamp, and
# the later one comes soon after it; or the earlier one's commit is late.

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

our $writer = Test::Oof::Postgres::session(database_dsn());
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


# a host whose clock is far behind, one that is ahead

@keys = ();

for my $ago (3000, 86000, -3000, -86000) {
    my $key = new_uuid();

    event($key, 1, $ago);
    event($key, 2, $ago - 0.001);
    event($key, 3, $ago - 0.002);
    push @keys, $key;
}

wait_for(sub { told() >= $n }, 15, "$n events");

sub versions {
    my ($key) = @_;

    return join ' ', map { $_->{sequence} }
                     grep { $_->{subject} eq $key } told();
}

is(join(', ', map { versions($_) } @keys), join(', ', ('1 2 3') x @keys),
   'clocks of hosts do not matter');


# a commit that takes longer than the relay looks back; what comes next of the
# same keys comes at once, at any time of the relay's longer look

my $slow = Test::Oof::Postgres::session(database_dsn());
my $idle = Test::Oof::Postgres::session(database_dsn());

@keys = map { new_uuid() } 1 .. 25;

$idle->run('BEGIN');
$slow->run('BEGIN');

{
    local $writer = $slow;
    event($_, 1, 0) for @keys;
}

my $until = time + 8;
my $more = new_uuid();
my $version = 0;

while (time < $until) {
    event($more, ++$version, 0);
    sleep 0.2;
}

is(join('', map { versions($_) } @keys), '', 'nothing of it is told before');

$slow->run('COMMIT');

for (@keys) {
    event($_, 2, 0);
    sleep 0.05;
}

wait_for(sub { told() >= $n }, 15, "$n events");
is(join(', ', map { versions($_) } @keys), join(', ', ('1 2') x @keys),
   'a late commit is before what comes after it');
is(versions($more), join(' ', 1 .. $version), 'others were told meanwhile');


# what is still to come, by the transactions that are open: those that have
# written no event do not count, and only those from before the mark

sub over {
    my ($mark, $ago) = @_;

    return (psql("SELECT over FROM oof_relay_next((SELECT epoch FROM"
                 . " oof_relay), clock_timestamp() - interval '$ago s', 1000,"
                 . " $mark)"))[0][0];
}

sub next_mark {
    return (psql('SELECT pg_current_xact_id()'))[0][0];
}

$idle->run('SELECT pg_current_xact_id()');

my $mark = next_mark();

is(over(0, 5), 't', 'no transaction is older than the first');
is(over($mark, 5), 'f', 'an open one is, whatever it does');
is(over($mark, 20), 't', 'it does not count when it has lasted, and has'
                         . ' written no event');

$slow->run('BEGIN');
{
    local $writer = $slow;
    event(new_uuid(), 1, 0);
}
is(over($mark, 20), 't', 'nor does one that has begun after the mark');
is(over(next_mark(), 20), 'f', 'one from before that has written does');

$slow->run('COMMIT');
is(over(next_mark(), 20), 't', 'until it ends');
$idle->run('COMMIT');
is(over(next_mark(), 5), 't', 'as does the other');

done_testing();
