#!/usr/bin/perl

# Copyright (C) oof authors

# The holder of the lease "maintenance" keeps the event log's partitions
# ahead, and says when that fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

sub day { 'oof_event_' . strftime('%Y%m%d', gmtime(time + 86400 * $_[0])) }

sub left { (psql('SELECT days_left FROM oof_event_partitions(14, 0)'))[0][0] }


# as after two weeks without it

psql(map { 'DROP TABLE ' . day($_) . ';' } 0 .. 14);
is(left(), -1, 'no partition, not even for today');

my $o = Test::Oof->start(leases => 1);

wait_for(sub { left() == 14 }, 20, 'partitions');
is(left(), 14, 'partitions are made');
wait_for(sub { ($o->metric('oof_event_partition_days_left') // 0) == 14 }, 5,
         'metric');
is($o->metric('oof_event_partition_days_left', database => 'main'), 14,
   'the metric tells days left');
is($o->metric('oof_event_partition_astray'), 0, 'and that none is astray');
like($o->log_text,
     qr/3 partitions of the event log were made in database "main"/,
     'the log tells of it');

my $r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body());
is($r->{status}, 201, 'a consent');
is((psql('SELECT tableoid::regclass FROM oof_event'))[0][0], day(0),
   'whose event is in the partition of today');


# who does not hold the lease knows nothing and tells nothing

my $other = Test::Oof->start(leases => 1);
sleep 1;
is($other->metric('oof_event_partition_days_left'), undef,
   'another nginx has no such metric');
$other->stop;


# without a partition nothing is lost, and everybody hears of it

$o->stop;
psql('DELETE FROM oof_event;', map { 'DROP TABLE ' . day($_) . ';' } 0, 7);
psql("INSERT INTO oof_event (id, key, time, stamp, version, brand, type, data)"
     . " SELECT overlay(gen_random_uuid()::text PLACING"
     . " left(oof_event_bound(current_date)::text, 13) FROM 1 FOR 13)::uuid,"
     . " gen_random_uuid(), now(), now(), 1, 'b', 't', '{}'");
is((psql('SELECT tableoid::regclass FROM oof_event'))[0][0],
   'oof_event_default', 'an event of a day without a partition is kept');

$o->launch;
wait_for(sub { ($o->metric('oof_event_partition_astray') // 0) == 1 }, 10,
         'metric');
is($o->metric('oof_event_partition_astray'), 1, 'the metric tells of it');
like($o->log_text,
     qr/\[error\].*events are in the default partition of database "main"/,
     'and so does the log');
is($o->metric('oof_event_partition_days_left'), -1, 'today has no partition');
ok((psql("SELECT to_regclass('" . day(7) . "') IS NOT NULL"))[0][0] eq 't',
   'the other gap is filled all the same');

$r = $o->call(POST => "$Test::Oof::Api/consents", json => consent_body());
is($r->{status}, 201, 'consents go on');


# moved by hand, it heals by itself

psql('DELETE FROM oof_event_default');
wait_for(sub { left() == 14 }, 15, 'the missing partition');
is(left(), 14, 'what is missing is made as soon as it can be');

done_testing();
