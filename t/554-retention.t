#!/usr/bin/perl

# Copyright (C) oof authors

# How long events stay: a day that is older than "oof_events_keep" is dropped
# when all consumers are past it; one that no configuration has any more holds
# it only for so long; dead events go with their day.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $file = "$Test::Oof::Dir/events.jsonl";
my $old = strftime('%Y%m%d', gmtime(time - 10 * 86400));
my $young = strftime('%Y%m%d', gmtime(time - 5 * 86400));


# days of the log, with an event each

for my $day ($old, $young) {
    my $date = "to_date('$day', 'YYYYMMDD')";

    psql("CREATE TABLE oof_event_$day (LIKE oof_event INCLUDING ALL);"
         . " DO \$\$ BEGIN EXECUTE format('ALTER TABLE oof_event ATTACH"
         . " PARTITION oof_event_$day FOR VALUES FROM (%L) TO (%L)',"
         . " oof_event_bound($date), oof_event_bound($date + 1)); END \$\$;"
         . ' INSERT INTO oof_event (id, key, "time", stamp, version, brand,'
         . " type, data) SELECT oof_uuid7((extract(epoch FROM $date) * 1000"
         . " + 1000)::int8), gen_random_uuid(), $date, $date, 1, 'bank',"
         . " 'oof.consent.created', '{}'");
}

sub there {
    return (psql("SELECT to_regclass('oof_event_$_[0]') IS NOT NULL"))
           [0][0] eq 't';
}

psql('INSERT INTO oof_consumer (name, epoch, cursor, seen) VALUES'
     . " ('gone', 0, 0, now() - interval '8 days'),"
     . " ('away', 0, 0, now() - interval '1 hour')");
psql('INSERT INTO oof_consumer_pending (consumer, position, id, key, attempts,'
     . " next, changed, dead) SELECT 'away', 1, gen_random_uuid(),"
     . ' gen_random_uuid(), 1, now(), now(), true');

my $o = Test::Oof->start(leases => 1,
                         http => "oof_events log { path $file; }");

wait_for(sub { -e $file && Test::Oof::slurp($file) =~ /\n.*\n/ }, 15, 'events');
wait_for(sub { $o->log_text =~ /are kept for consumer "away"/ }, 30,
         'a consumer that has not taken them');
ok(there($old), 'an old day is kept for who has not taken it');
like($o->log_text, qr/consumers of events "gone" are forgotten/,
     'but not for one that was not seen for so long');
is((psql("SELECT count(*) FROM oof_consumer WHERE name = 'gone'"))[0][0], 0,
   'which is forgotten');


# the consumer comes to its end

psql("UPDATE oof_consumer SET cursor = 2 WHERE name = 'away'");
$o->reload;
wait_for(sub { !there($old) }, 30, 'the day that is too old');
ok(!there($old), 'it is dropped when all are past it');
ok(there($young), 'a younger one is not');
like($o->log_text, qr/a day of oof_event was dropped from database "main"/,
     'the log tells');
is((psql('SELECT count(*) FROM oof_log'))[0][0], 1, 'the rest is there');

$o->reload;
wait_for(sub { (psql('SELECT count(*) FROM oof_consumer_pending'))[0][0] == 0 },
         30, 'dead events');
pass('a dead event goes with its day');

done_testing();
