#!/usr/bin/perl

# Copyright (C) oof authors

# Workers, brokers and PostgreSQL are killed at random, nginx is reloaded and
# started anew, while consents are made and ended: every change is delivered at
# least once, in order of its consent, less than 1 % twice.  Apache Kafka where
# Java and Maven are at hand, else librdkafka's mock cluster, which cannot be
# killed and is cut off instead.  Only with "build.sh test --long"; 50,000
# changes, or OOF_CHANGES.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Kafka;
use Test::Oof::Lab;
use Test::Oof::Load;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};
plan(skip_all => 'the binary, or this machine, has no librdkafka')
    if !Test::Oof::Kafka::built();

my $changes = $ENV{OOF_CHANGES} // 50000;

my $cluster = Test::Oof::Lab::cluster(conf => "synchronous_commit = on\n");
my ($broker, $why) = Test::Oof::Kafka->broker;

diag($broker ? 'brokers: Apache Kafka'
             : "brokers: librdkafka's mock cluster, as there is $why");

my $k = Test::Oof::Kafka->start(topics => [ 'oof.consent' ], partitions => 2,
                                brokers => $broker ? 0 : 1,
                                $broker ? (servers => $broker->{servers})
                                        : ());
my $file = "$Test::Oof::Dir/events.jsonl";

wait_for(sub { $broker->answers }, 120, 'the broker') if $broker;

my $o = Test::Oof->start(leases => 1, log_level => 'notice', workers => 2,
                         http => <<"END");
    oof_events kafka {
        bootstrap.servers @{[ $k->servers ]};
        @{[ $broker ? '' : 'max.in.flight.requests.per.connection 1;' ]}
    }
    oof_events log { path $file; }
END

Test::Oof->allow(qr/exited on signal 9/);


sub made { (psql('SELECT position FROM oof_relay'))[0][0] }

sub behind {
    return (psql('SELECT max(r.position - c.cursor) + (SELECT count(*) FROM'
                 . ' oof_event WHERE position IS NULL) + (SELECT count(*) FROM'
                 . ' oof_consumer_pending) FROM oof_consumer c, oof_relay r'))
           [0][0];
}

my %did;
my $down = 0;

my @what = (
    [ worker => sub {
        my @workers = $o->worker_pids;
        kill 'KILL', $workers[rand @workers];
    } ],

    [ postgres => sub {
        $cluster->kill;
        sleep 0.2;
        $cluster->start;
    } ],

    [ broker => sub {
        if ($broker) {
            $broker->kill;
            sleep 0.5;
            $broker->run;

        } else {
            $k->command('down 1');
            $down = time + 2;
        }
    } ],

    [ reload => sub { kill 'HUP', $o->pid } ],
);

my $load = Test::Oof::Load->start($o, 6);
my $end = time + ($ENV{OOF_CHANGES_SECONDS} // 900);
my $n = 0;

until ($n >= $changes || time > $end) {
    sleep 1 + rand 2;

    if ($down && time > $down) {
        $k->command('up 1');
        $down = 0;
    }

    my ($name, $do) = @{ $what[rand @what] };

    # a real broker needs a while to start

    next if $name eq 'broker' && ($down || $broker && !$broker->answers);

    $do->();
    $did{$name}++;

    $n = eval { made() } // $n;
}

$load->stop->whole('everything killed');

wait_for(sub { $broker->answers }, 120, 'the broker') if $broker;
$k->command('up 1') if !$broker;

diag(join ', ', map { "$_ $did{$_}" } sort keys %did);

wait_for(sub { (eval { behind() } // 1) == 0 }, 240, 'all is delivered');

my $all = (psql('SELECT count(*) FROM oof_event'))[0][0];
is(made(), $all, "$all changes have a position each");
is((psql('SELECT count(DISTINCT position) FROM oof_event'))[0][0], $all,
   'of their own');
cmp_ok($all, '>=', $changes, 'as many as there were to be');

wait_for(sub { (eval { scalar $k->messages } // 0) >= $all }, 120, 'messages');
sleep 2;

judge('Kafka', map { [ @$_{qw/ partition offset /}, $_->{event} ] }
               $k->messages);

my $line = 0;

judge('log', map { [ 0, $line++, JSON::PP::decode_json($_) ] }
             grep { length } split /\n/, Test::Oof::slurp($file));

$o->stop;
$k->stop;
$broker->stop if $broker;

done_testing();


# each at least once, those of a consent in order, less than 1 % twice

sub judge {
    my ($name, @got) = @_;

    my (%seen, %last, $twice, $wrong);

    for (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @got) {
        my $e = $_->[2];

        if ($seen{$e->{id}}++) {
            $twice++;
            next;
        }

        $wrong++ if $e->{sequence} != ++$last{$e->{subject}};
    }

    my @lost = grep { !$seen{$_} } map { $_->[0] }
               psql('SELECT id FROM oof_event');

    is(scalar @lost, 0, "$name: nothing is lost");
    is($wrong // 0, 0, "$name: those of a consent are in order");
    cmp_ok($twice // 0, '<', $all / 100,
           sprintf '%s: %d of %d twice', $name, $twice // 0, $all);
}
