#!/usr/bin/perl

# Copyright (C) oof authors

# Events to a topic of Google Cloud Pub/Sub: each once, in order of a key, as
# the whole CloudEvent.  Google's emulator stands for it where the machine has
# it, and the sandbox's own does anywhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Queues;

for my $google (pubsub(), pubsub(own => 1)) {
    publish($google);
    $google->stop;
    last if $google->{kind} =~ /fake/;
}

done_testing();


sub publish {
    my ($google) = @_;

    diag("Pub/Sub is $google->{kind}");

    $ENV{PUBSUB_EMULATOR_HOST} = "127.0.0.1:$google->{port}";

    my $topic = $google->topic('events');
    my $o = Test::Oof->start(leases => 1, http => <<"END");
        oof_events pubsub bank-$google->{port} {
            topic $topic;
        }
END

    my @events = log_events(keys => 15, each => 8, data => '{"status":"X"}');
    my @got = gather(120, sub { $google->pull('events') });

    delivered_ok(\@events, \@got,
                 "$google->{kind} gets each event once, in order of its key");

    is_deeply($got[0]{attributes},
              { 'content-type' => 'application/cloudevents+json;'
                                  . ' charset=utf-8',
                'ce-id' => $got[0]{event}{id},
                'ce-type' => 'oof.consent.created',
                'ce-brand' => $Test::Oof::Brand }, 'attributes for filters');
    is($got[0]{event}{specversion}, '1.0', 'the message is a CloudEvent');
    is_deeply($got[0]{event}{data}, { status => 'X' }, 'its data');

    $o->stop;
    psql('DELETE FROM oof_event');
}
