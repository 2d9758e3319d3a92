#!/usr/bin/perl

# Copyright (C) oof authors

# Events to queues of Amazon SQS, of both kinds: each once, in order of a key,
# as the whole CloudEvent.  The moto server stands for SQS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Queues;

my $aws = moto() or plan(skip_all => no_moto());

diag("SQS is $aws->{kind}");

@ENV{qw/ AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY /} =
    ('AKIDOOFTEST', 'secret-of-oof-test');

my $fifo = $aws->queue('oof.fifo');
my $standard = $aws->queue('oof');

my $o = Test::Oof->start(leases => 1, http => <<"END");
    oof_events sqs fifo {
        queue  $fifo;
        region sa-east-1;
    }
    oof_events sqs standard {
        queue    http://queue.invalid/123456789012/oof;
        endpoint @{[ $aws->url ]};
        region   sa-east-1;
        types    oof.consent.*;
    }
END

my @events = log_events(keys => 15, each => 4, data => '{"status":"X"}');

my @got = gather(60, sub { $aws->drain($fifo) });

delivered_ok(\@events, \@got, 'a FIFO queue gets each event once, in order of'
                              . ' its key, which is the group');

is((grep { $_->{dedup} ne $_->{event}{id} } @got), 0,
   'the id tells repetitions');

my ($first) = grep { $_->{event}{id} eq $events[0]{id} } @got;

is_deeply($first->{attributes},
          { type => 'oof.consent.created', brand => $Test::Oof::Brand },
          'attributes for filters');
is($first->{event}{specversion}, '1.0', 'the body is a CloudEvent');
is($first->{event}{type}, 'oof.consent.created', 'its type');
is_deeply($first->{event}{data}, { status => 'X' }, 'its data');

my @other = gather(60, sub { $aws->drain($standard) });
my %seen = map { $_->{event}{id} => 1 } @other;

is_deeply([ sort keys %seen ], [ sort map { $_->{id} } @events ],
          'another queue, at the same time, gets all of them, too');
is((grep { defined $_->{group} || defined $_->{dedup} } @other), 0,
   'without groups, which it does not have');



my @more = log_events(keys => 1, each => 3);

delivered_ok(\@more, [ gather(3, sub { $aws->drain($fifo) }) ],
             'what comes later comes, too');

unlike($o->log_text, qr/secret-of-oof-test/, 'the secret is in no log');

done_testing();
