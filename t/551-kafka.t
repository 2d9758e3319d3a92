#!/usr/bin/perl

# Copyright (C) oof authors

# The provider "kafka", against librdkafka's mock cluster (which speaks the
# protocol, and stands for Apache Kafka here): topics, keys, order of a key;
# brokers that are away and come back, errors of theirs, other consumers
# meanwhile; reload and quit while messages are under way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Kafka;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'the binary, or this machine, has no librdkafka')
    if !Test::Oof::Kafka::built();

diag('brokers: librdkafka\'s mock cluster');

my $k = Test::Oof::Kafka->start(brokers => 2,
                                topics => [ 'bank.oof.consent' ]);
my $file = "$Test::Oof::Dir/events.jsonl";

my $o = Test::Oof->start(leases => 1, workers => 2, http => <<"END");
    oof_events kafka {
        bootstrap.servers  @{[ $k->servers ]};
        topic_prefix       bank.;
        message.timeout.ms 2000;

        # the mock does not see that a batch is missing before another

        max.in.flight.requests.per.connection 1;
    }
    oof_events log { path $file; }
END


sub make { decoded($o->call(POST => "$Test::Oof::Api/consents",
                            json => consent_body())->{body})->{data}{consentId} }

sub end { $o->call(DELETE => "$Test::Oof::Api/consents/$_[0]")->{status} }

sub cursor {
    return (psql("SELECT cursor FROM oof_consumer WHERE name = 'kafka'"))[0][0];
}

sub lines { () = -e $file ? Test::Oof::slurp($file) =~ /\n/g : () }


my @ids = map { make() } 1 .. 10;
is(end($_), 204, 'ended') for @ids;

my @m = $k->wait_messages(20);
is(scalar @m, 20, 'every event once');
is_deeply([ grep { $_->{topic} ne 'bank.oof.consent' } @m ], [],
          'all of consents in one topic');
is_deeply([ grep { $_->{key} ne $_->{event}{subject} } @m ], [],
          'its key is the consent\'s id');

sub in_order {
    my ($what) = @_;

    my (%last, %seen, $wrong, $again);

    for (sort { $a->{partition} <=> $b->{partition}
                || $a->{offset} <=> $b->{offset} } $k->messages)
    {
        if ($seen{$_->{event}{id}}++) {
            $again++;
            next;
        }

        my $key = $_->{key};
        $wrong++ if $_->{event}{sequence} != ++$last{$key};
    }

    is($wrong // 0, 0, "$what: those of a consent are in order");

    return $again // 0;
}

in_order('at first');
wait_for(sub { cursor() == 20 }, 10, 'cursor');


# a broker says no for a while

$k->command('errors 6 3');
make() for 1 .. 5;
$k->wait_messages(25);
is(in_order('errors of a broker'), 0, 'and none comes twice');


# all brokers are away: requests and other consumers do not care

$k->command("down $_") for 1, 2;

my @more;
my $before = lines();
my $slowest = 0;

for (1 .. 20) {
    my $at = time;
    push @more, make();
    $slowest = time - $at if time - $at > $slowest;
}

end($_) for @more;
wait_for(sub { lines() == $before + 40 }, 15, 'the other consumer');
pass('the other consumer has all events');
wait_for(sub { ($o->metric('oof_relay_lag', consumer => 'kafka') // 0) == 40 },
         10, 'lag');
is($o->metric('oof_relay_lag', consumer => 'kafka'), 40, 'the metric tells');
wait_for(sub { $o->log_text =~ /consumer "kafka" takes no events/ }, 15,
         'time-outs of messages');
is($o->metric('oof_relay_failed_total', consumer => 'kafka'), 0,
   'which is no failure of an event');
is((psql('SELECT count(*) FROM oof_consumer_pending'))[0][0], 0,
   'and nothing is set aside');

$k->command("up $_") for 1, 2;
$k->wait_messages(65, 30);
in_order('brokers that were away');
wait_for(sub { cursor() == 65 }, 10, 'cursor');
pass('all of them came');


# a reload while messages are under way

$k->command("rtt $_ 100") for 1, 2;
make() for 1 .. 10;
$o->reload;
make() for 1 .. 10;
$k->wait_messages(85, 30);
diag(in_order('over a reload') . ' came twice');


# away when the process quits: it does not wait for them

wait_for(sub { cursor() == 85 }, 10, 'cursor');
$k->command("down $_") for 1, 2;
make() for 1 .. 5;
my $at = time;
$o->stop;
cmp_ok(time - $at, '<', 5, 'it quits with brokers away');
$k->command("rtt $_ 0") for 1, 2;
$k->command("up $_") for 1, 2;
$o->launch;
$k->wait_messages(90, 30);
in_order('after a new start');

$o->stop;
$k->stop;


# what cannot be right

sub conf {
    my ($text) = @_;

    my $bad = Test::Oof->start(hold => 1, http => $text);
    my ($rc, $out) = $bad->test_config;

    return $out;
}

like(conf('oof_events kafka { topic_prefix a; }'),
     qr/"oof_events kafka kafka \{ \}" needs "bootstrap.servers"/, 'servers');
like(conf('oof_events kafka { bootstrap.servers a; acks 1; }'),
     qr/"acks" in .* is not to be changed/, 'what must not be changed');
like(conf('oof_events kafka { bootstrap.servers a; no.such 1; }'),
     qr/is no property that librdkafka knows/, 'no such property');
like(conf('oof_events kafka { bootstrap.servers a; linger.ms x; }'),
     qr/has a value that librdkafka does not take/, 'no such value');
like(conf('oof_events kafka { bootstrap.servers a; topics some; }'),
     qr/must be "family", "type" or "one"/, 'topics');
like(conf('oof_events kafka { topic.metadata.refresh.interval.ms x; }'),
     qr/has a value that librdkafka does not take/, 'its own "topic." names');
like(conf('oof_events kafka { bootstrap.servers a; sasl.password_file /x; }'),
     qr/open\(\) "\/x" failed/, 'a file that is not there');

done_testing();
