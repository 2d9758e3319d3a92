#!/usr/bin/perl

# Copyright (C) oof authors

# The relay: every event in order to each consumer, as a CloudEvent; its
# positions and cursors; what is woken and what polls; reload, kill -9; the
# provider "log" with files that are moved away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
my $file = "$Test::Oof::Dir/events.jsonl";
my $other = "$Test::Oof::Dir/other.jsonl";

my $o = Test::Oof->start(leases => 1, workers => 2, http => <<"END");
    oof_events log { path $file; }
    oof_events log rejected { path $other; types oof.consent.rejected; }
END


sub told {
    my ($path) = @_;

    return () if !-e $path;
    return map { JSON::PP::decode_json($_) }
               split /\n/, Test::Oof::slurp($path);
}

sub wait_told {
    my ($path, $n, $seconds) = @_;

    wait_for(sub { told($path) >= $n }, $seconds // 15, "$n events in $path");

    return told($path);
}

sub make { decoded($o->call(POST => "$Test::Oof::Api/consents",
                            json => consent_body())->{body})->{data}{consentId} }

sub cursor {
    return (psql("SELECT cursor FROM oof_consumer WHERE name = '$_[0]'"))[0][0];
}


# one event

my $id = make() =~ s/.*://r;
my @told = wait_told($file, 1);

my ($row) = psql('SELECT id, "time", position, data FROM oof_event');
my $time = (psql("SELECT to_char(\"time\" AT TIME ZONE 'UTC',"
                 . " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM oof_event"))[0][0];

is_deeply($told[0],
          { specversion => '1.0', id => $row->[0], source => '/oof/bank',
            type => 'oof.consent.created', subject => $id, time => $time,
            datacontenttype => 'application/json',
            dataschema => 'urn:oof:event:oof.consent.created',
            partitionkey => $id, sequence => '1', sequencetype => 'Integer',
            position => $row->[2], data => decoded($row->[3]) },
          'the whole event');
is($row->[2], 1, 'at the first position');

wait_for(sub { cursor('log') == 1 && cursor('rejected') == 1 }, 10, 'cursors');


# soon after the commit, whichever worker wrote it

my @waits;

for (1 .. 20) {
    make();
    my $at = time;
    wait_told($file, @told + $_);
    push @waits, time - $at;
    sleep 0.02;
}

@waits = sort { $a <=> $b } @waits;
diag(sprintf 'from the answer to the file: %.0f ms, at most %.0f ms',
     1000 * $waits[10], 1000 * $waits[-1]);


# in order of each consent, without gaps

my @ids = map { make() } 1 .. 20;
is($o->call(DELETE => "$Test::Oof::Api/consents/$_")->{status}, 204, 'ended')
    for @ids;

@told = wait_told($file, 61);
is(scalar @told, 61, 'every event once');
is_deeply([ map { $_->{position} } @told ], [ 1 .. 61 ], 'by position');

my %last;
my $wrong = grep { $_->{sequence} != ++$last{$_->{subject}} } @told;
is($wrong, 0, 'those of a consent in their order');

my @rejected = wait_told($other, 20);
is_deeply([ sort map { $_->{subject} } @rejected ],
          [ sort map { s/.*://r } @ids ], 'the other has its types only');
wait_for(sub { cursor('rejected') == 61 }, 10, 'the other one\'s cursor');
pass('and a cursor that is past the rest');


# metrics

wait_for(sub { ($o->metric('oof_relay_lag', consumer => 'log') // -1) == 0 },
         10, 'metric');
is($o->metric('oof_relay_delivered_total', consumer => 'log'), 61,
   'delivered');
is($o->metric('oof_relay_delivered_total', consumer => 'rejected'), 20,
   'likewise');
is($o->metric('oof_relay_oldest_age_seconds', consumer => 'log'), 0, 'age');
is($o->metric('oof_relay_position', database => 'main'), 61, 'position');


# a file that is moved away

rename $file, "$file.1";
kill USR1 => $o->pid;
wait_for(sub { -e $file }, 10, 'a new file');
make();
is((wait_told($file, 1))[0]{position}, 62, 'goes on in a new file');


# a reload: nothing lost, nothing twice

make() for 1 .. 5;
$o->reload;
make() for 1 .. 5;
@told = wait_told($file, 11);
is_deeply([ map { $_->{position} } @told ], [ 62 .. 72 ], 'over a reload');


# what another host writes wakes nobody here

psql("INSERT INTO oof_event (id, key, time, stamp, version, brand, type, data)"
     . " SELECT oof_uuid7((extract(epoch FROM now()) * 1000)::int8), '$id',"
     . " now(), now(), 2, 'bank', 'oof.consent.authorised', '{}'");
my $at = time;
wait_told($file, 12);
cmp_ok(time - $at, '<', 5, 'is found by asking');


# a worker that is killed is followed by another at once

make() for 1 .. 5;
wait_told($file, 17);
sleep 0.2;

my $before = time;
kill KILL => $_ for $o->worker_pids;
sleep 0.3;
make() for 1 .. 5;
@told = wait_told($file, 22, 20);
diag(sprintf 'after kill -9 of all workers: %.1f s', time - $before);

my %seen;
$seen{$_->{position}}++ for @told;
is_deeply([ sort { $a <=> $b } keys %seen ], [ 62 .. 83 ], 'nothing is lost');

$o->allow(qr/exited on signal 9/);

done_testing();
