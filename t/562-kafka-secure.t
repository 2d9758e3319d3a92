#!/usr/bin/perl

# Copyright (C) oof authors

# The provider "kafka" with TLS and SASL (PLAIN, SCRAM) and with certificates of
# its own, against a real Apache Kafka broker (KRaft); what is wrong stands in
# the log, and no secret does.  Only with "build.sh test --long", where Java and
# Maven are at hand: librdkafka's mock cluster speaks neither.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Kafka;
use Time::HiRes qw/ sleep /;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};
plan(skip_all => 'the binary, or this machine, has no librdkafka')
    if !Test::Oof::Kafka::built();

my $secret = 'open-sesame-' . $$;
my ($broker, $why) = Test::Oof::Kafka->broker(secure => { oof => $secret });

plan(skip_all => "TLS and SASL need Apache Kafka, and there is $why")
    if !$broker;

diag('brokers: Apache Kafka');

my $k = Test::Oof::Kafka->start(topics => [ 'plain.oof.consent',
    'scram.oof.consent', 'scrams.oof.consent', 'mutual.oof.consent' ],
    partitions => 2, brokers => 0, servers => $broker->{servers});

wait_for(sub { $broker->answers }, 120, 'the broker');

my $password = "$Test::Oof::Dir/password";
my $wrong = "$Test::Oof::Dir/wrong";
Test::Oof::spew($password, "$secret\n");
Test::Oof::spew($wrong, "x$secret\n");

client_cert('bank', org => $Test::Oof::Organisation, cn => 'the bank');
client_cert('forger', org => $Test::Oof::Organisation, issuer => 'other');

my $root = pki('root.pem');

sub sasl {
    my ($name, $mechanism, %with) = @_;

    $with{file} //= $password;
    $with{ca} //= $root;

    return <<"END";
    oof_events kafka $name {
        bootstrap.servers  $broker->{sasl};
        topic_prefix       $name.;
        security.protocol  SASL_SSL;
        sasl.mechanism     $mechanism;
        sasl.username      oof;
        sasl.password_file $with{file};
        ssl.ca.location    $with{ca};
        message.timeout.ms 2000;
    }
END
}

sub mutual {
    my ($name, $cert) = @_;

    return <<"END";
    oof_events kafka $name {
        bootstrap.servers  $broker->{tls};
        topic_prefix       $name.;
        security.protocol  SSL;
        ssl.ca.location    $root;
        ssl.certificate.location @{[ client_cert($cert) ]};
        ssl.key.location   @{[ client_key($cert) ]};
        message.timeout.ms 2000;
    }
END
}

my %good = (plain => sasl('plain', 'PLAIN'),
            scram => sasl('scram', 'SCRAM-SHA-512'),
            scrams => sasl('scrams', 'SCRAM-SHA-256'),
            mutual => mutual('mutual', 'bank'));
my %bad = (password => sasl('password', 'SCRAM-SHA-512', file => $wrong),
           plainly => sasl('plainly', 'PLAIN', file => $wrong),
           ca => sasl('ca', 'PLAIN', ca => pki('other.pem')),
           stranger => mutual('stranger', 'forger'));

my $o = Test::Oof->start(leases => 1, log_level => 'info',
                         http => join '', values %good, values %bad);

sub make { $o->call(POST => "$Test::Oof::Api/consents",
                    json => consent_body())->{status} }

is(make(), 201, 'a consent') for 1 .. 3;

wait_for(sub { $k->messages >= 3 * keys %good }, 60, 'messages');

my %seen;
$seen{ $_->{topic} }++ for $k->messages;

is_deeply(\%seen, { map { ("$_.oof.consent" => 3) } keys %good },
          'by PLAIN, by both kinds of SCRAM, by a certificate: each event once');

# what is wrong is said, by the consumer's name

sub said { $o->log_text }

for ([ password => qr/consumer "password": (?:librdkafka: FAIL|_AUTHENTICATION).*(?i:authentication)/ ],
     [ plainly => qr/consumer "plainly": (?:librdkafka: FAIL|_AUTHENTICATION).*(?i:authentication)/ ],
     [ ca => qr/consumer "ca": (?:librdkafka: FAIL|_SSL).*(?i:certificate)/ ],
     [ stranger => qr/consumer "stranger": .*(?i:ssl|certificate|disconnected)/ ])
{
    my ($name, $like) = @$_;

    eval { wait_for(sub { said() =~ $like }, 30, $name) };
    like(said(), $like, "the log says what is wrong: $name");
}

is(scalar(grep { $_->[0] } psql('SELECT cursor FROM oof_consumer WHERE name'
    . " IN ('password', 'plainly', 'ca', 'stranger') AND cursor > 0")), 0,
   'and what was not delivered is kept');
unlike(said(), qr/\Q$secret\E/, 'no secret is in the log');

# a password that is put right: what has waited comes

Test::Oof::spew($wrong, "$secret\n");
$o->reload;

wait_for(sub { %seen = (); $seen{ $_->{topic} }++ for $k->messages;
               ($seen{'plain.oof.consent'} // 0) >= 3
               && !(psql("SELECT 1 FROM oof_consumer c, oof_relay r WHERE"
                         . " c.name IN ('password', 'plainly') AND c.cursor <"
                         . ' r.position'))[0] }, 60,
         'all of it, after the password is right');
pass('a password that is put right: what has waited comes');

is(make(), 201, 'another consent');
wait_for(sub { (grep { $_->{topic} eq 'mutual.oof.consent' } $k->messages)
               >= 4 }, 60, 'another message');

done_testing();
