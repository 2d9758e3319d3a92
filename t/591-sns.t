#!/usr/bin/perl

# Copyright (C) oof authors

# Events to a FIFO topic of Amazon SNS, as a FIFO queue that has subscribed
# gets them.  The moto server stands for both.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Queues;

my $aws = moto() or plan(skip_all => no_moto());

diag("SNS is $aws->{kind}");

@ENV{qw/ AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN /} =
    ('AKIDOOFTEST', 'secret-of-oof-test', 'session-of-oof-test');
$ENV{AWS_ENDPOINT_URL_SNS} = $aws->url;

my $queue = $aws->queue('topic.fifo');
my ($topic) = $aws->sns('CreateTopic', Name => 'oof.fifo',
                        'Attributes.entry.1.key' => 'FifoTopic',
                        'Attributes.entry.1.value' => 'true')
              =~ m{<TopicArn>(.*?)</};

$aws->sns('Subscribe', TopicArn => $topic, Protocol => 'sqs',
          Endpoint => $topic =~ s/:sns:/:sqs:/r =~ s/oof\.fifo$/topic.fifo/r,
          'Attributes.entry.1.key' => 'RawMessageDelivery',
          'Attributes.entry.1.value' => 'true');

my $o = Test::Oof->start(leases => 1,
                         http => "oof_events sns bank { topic $topic; }");

my @events = log_events(keys => 15, each => 4,
                        data => '{"text":"a&b=c+d%20\u00e9 \"q\""}');

my @got = gather(60, sub { $aws->drain($queue) });

delivered_ok(\@events, \@got, 'a subscribed queue gets each event once, in'
                              . ' order of its key, which is the group');

is((grep { $_->{dedup} ne $_->{event}{id} } @got), 0,
   'the id tells repetitions');
is((grep { $_->{event}{data}{text} ne "a&b=c+d%20\x{e9} \"q\"" } @got), 0,
   'every character comes through the form');

is_deeply($got[0]{attributes},
          { type => 'oof.consent.created', brand => $Test::Oof::Brand },
          'attributes for filters of subscriptions');

unlike($o->log_text, qr/(?:secret|session)-of-oof-test/,
       'no secret is in a log');

done_testing();
