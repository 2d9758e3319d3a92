#!/usr/bin/perl

# Copyright (C) oof authors

# What a receiver does not take: failures and their back-off, those of the same
# key behind them, dead events; what operators do: replay, dead events tried
# again.  Brokers are librdkafka's mock cluster.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Test::Oof::Kafka;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'the binary, or this machine, has no librdkafka')
    if !Test::Oof::Kafka::built();

diag('brokers: librdkafka\'s mock cluster');

my $k = Test::Oof::Kafka->start(topics => [ 'oof.consent' ], partitions => 1);
my $file = "$Test::Oof::Dir/events.jsonl";

my $o = Test::Oof->start(leases => 1, http => <<"END",
    oof_events kafka {
        bootstrap.servers @{[ $k->servers ]};
        attempts          2;
        linger.ms         0;
        max.in.flight.requests.per.connection 1;
    }
    oof_events log { path $file; }
    oof_issuer bank {
        issuer   $Test::Oof::Issuer;
        audience $Test::Oof::BaseUrl;
        jwks     file:@{[ Test::Oof::jwks() ]};
        bound    off;
    }
END
    management_server =>
        server_defaults() =~ s/oof_issuer\s+main/oof_issuer bank/r
        . 'location /oof/v1/ { oof_api management v1; }');


sub bank {
    my ($method, $path, %args) = @_;

    my $scope = delete $args{scope} // 'oof_admin';

    return $o->call($method => "/oof/v1/events/$path", via => 'management',
                    client => undef, %args,
                    token => token(scope => $scope,
                                   claims => { cnf => undef }));
}

sub data { decoded($_[0]{body})->{data} }

sub make { data($o->call(POST => "$Test::Oof::Api/consents",
                         json => consent_body()))->{consentId} }

sub end { $o->call(DELETE => "$Test::Oof::Api/consents/$_[0]")->{status} }

sub pending {
    return map { "@$_" } psql('SELECT position, attempts, dead FROM'
                              . " oof_consumer_pending WHERE consumer = 'kafka'"
                              . ' ORDER BY position');
}

sub cursor {
    return (psql('SELECT cursor FROM oof_consumer'
                 . " WHERE name = '$_[0]'"))[0][0];
}

sub taken {
    my ($n) = @_;

    wait_for(sub { cursor('kafka') == $n }, 15, "position $n");
}


make();
$k->wait_messages(1);
taken(1);


# a message that brokers never take is dead at once; what is behind it goes on

$k->command('errors 10 1');
my $id = make();
wait_for(sub { (pending())[0] }, 15, 'a dead event');
is_deeply([ pending() ], [ '2 1 t' ], 'dead after one attempt');
like($o->log_text, qr/event \S+ at position 2 is dead for consumer "kafka"/,
     'the log tells');
is(end($id), 204, 'what follows of the same consent');
$k->wait_messages(2);
taken(3);
is($o->metric('oof_relay_dead_total', consumer => 'kafka'), 1, 'counted');
wait_for(sub { ($o->metric('oof_relay_dead', consumer => 'kafka') // 0) == 1 },
         10, 'gauge');


# an error that may pass is tried again after a second, with all of its key
# behind it; others pass

$k->command('errors -1 1');
my $first = make();
wait_for(sub { (pending())[1] }, 15, 'a failed event');
my $failed = time;
is((pending())[1], '4 1 f', 'set aside after its first attempt');
end($first);
make();
$k->wait_messages(3);
is(($k->messages)[-1]{event}{position}, 6, 'another consent passes');
$k->wait_messages(5);
cmp_ok(time - $failed, '>', 0.5, 'after a while');
is_deeply([ map { $_->{event}{position} } ($k->messages)[-2, -1] ], [ 4, 5 ],
          'then it comes, and what was behind it');
wait_for(sub { pending() == 1 }, 10, 'pending');
taken(6);
pass('and nothing of it is left');
is($o->metric('oof_relay_failed_total', consumer => 'kafka'), 2, 'counted');


# what operators see

my $r = bank(GET => 'consumers');
is($r->{status}, 200, 'consumers');

my ($c) = grep { $_->{consumer} eq 'kafka' } @{ data($r) };
like(delete $c->{configured}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'when');
is_deeply($c, { consumer => 'kafka', position => 6, behind => 0, pending => 0,
                dead => 1 }, 'of this one');

$r = bank(GET => 'dead?consumer=kafka');
is($r->{status}, 200, 'dead events');

my ($dead) = @{ data($r) };
delete @$dead{qw/ id time /};
is_deeply($dead, { position => 2, subject => $id =~ s/.*://r, attempts => 1,
                   error => 'Broker: Message size too large' }, 'why');
is_deeply(data(bank(GET => 'dead?consumer=kafka&after=2')), [], 'and no more');


# tried again

$r = bank(POST => 'dead/requeue', json => { data => { consumer => 'kafka' } });
is($r->{status}, 200, 'to be tried again');
is_deeply(data($r), { requeued => 1 }, 'one');
$k->wait_messages(6);
is(($k->messages)[-1]{event}{position}, 2, 'it comes');
wait_for(sub { pending() == 0 }, 10, 'pending');
pass('and is dead no more');


# a replay

$r = bank(POST => 'replay',
          json => { data => { consumer => 'kafka', position => 4 } });
is($r->{status}, 200, 'a replay');
is_deeply(data($r), { position => 4 }, 'from a position');
$k->wait_messages(9);
is_deeply([ sort map { $_->{event}{position} } ($k->messages)[-3 .. -1] ],
          [ 4 .. 6 ], 'what comes again');
taken(6);

$r = bank(POST => 'replay',
          json => { data => { consumer => 'kafka',
                              time => strftime('%Y-%m-%dT%H:%M:%SZ',
                                               gmtime(time - 3600)) } });
is_deeply(data($r), { position => 1 }, 'from an instant');
$k->wait_messages(15);
is_deeply([ sort map { $_->{event}{position} } ($k->messages)[-6 .. -1] ],
          [ 1 .. 6 ], 'all of them');
taken(6);

is(data(bank(POST => 'replay', json => { data => { consumer => 'kafka',
                                                   position => 100 } }))
   ->{position}, 7, 'never forward');
make();
$k->wait_messages(16);
is(() = Test::Oof::slurp($file) =~ /\n/g, 7, 'the other consumer has no part');


# what is wrong

is(bank(POST => 'replay', json => $_)->{status}, 400, 'a bad replay')
    for {}, { data => {} }, { data => { consumer => 'kafka' } },
        { data => { consumer => "a'b", position => 1 } },
        { data => { consumer => 'kafka', position => 0 } },
        { data => { consumer => 'kafka', position => 'x' } },
        { data => { consumer => 'kafka', time => 'yesterday' } },
        { data => { consumer => 'kafka', position => 1,
                    time => '2026-01-01T00:00:00Z' } };
is(bank(POST => 'replay', json => { data => { consumer => 'none',
                                              position => 1 } })->{status},
   404, 'no such consumer');
is(bank(POST => 'dead/requeue', json => { data => { consumer => 'none' } })
   ->{status}, 404, 'likewise');
is(bank(POST => 'dead/requeue', json => { data => { consumer => 'kafka',
                                                    positions => $_ } })
   ->{status}, 400, 'bad positions') for [], [ 'x' ], 'x';
is(bank(GET => 'dead')->{status}, 400, 'whose');
is(bank(GET => 'consumers', scope => 'oof_journey')->{status}, 403,
   'not for everybody');

$k->stop;

done_testing();
