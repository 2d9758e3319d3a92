#!/usr/bin/perl

# Copyright (C) oof authors

# The provider "kafka" when brokers are looked up by name servers that do not
# answer: a worker that quits, is terminated or gives back its lease is not held
# up by librdkafka's threads, and other consumers go on.

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

my $shim = "$Test::Oof::Dir/hanging-dns.so";

plan(skip_all => 'a sanitizer must be the first library')
    if qx{ldd $ENV{TEST_NGINX_BINARY}} =~ /lib[at]san/;

system("gcc -shared -fPIC -o $shim $Test::Oof::Root/t/lib/hanging-dns.c -ldl")
    == 0 or plan(skip_all => 'no compiler');

my $k = Test::Oof::Kafka->start(brokers => 1, topics => [ 'oof.consent' ]);
my $file = "$Test::Oof::Dir/events.jsonl";

local $ENV{LD_PRELOAD} = $shim;

my $o = Test::Oof->start(leases => 1, http => <<"END");
    oof_events kafka lost {
        bootstrap.servers hanging.example.com:9092,hanging.example.org:9092;
    }
    oof_events kafka half {
        bootstrap.servers hanging.example.net:9092,@{[ $k->servers ]};
    }
    oof_events log { path $file; }
END

sub make { $o->call(POST => "$Test::Oof::Api/consents",
                    json => consent_body())->{status} }

sub lines { () = -e $file ? Test::Oof::slurp($file) =~ /\n/g : () }

sub held {
    my ($epoch) = @_;

    wait_for(sub { () = Test::Oof::slurp("$Test::Oof::Dir/error.log")
                        =~ /lease "relay" is held here/g;
                   (psql("SELECT epoch FROM oof_lease WHERE name = 'relay'"))
                       [0][0] >= $epoch }, 20, "epoch $epoch");
}

sub epoch {
    return (psql("SELECT epoch FROM oof_lease WHERE name = 'relay'"))[0][0]
           // 0;
}

is(make(), 201, 'a consent');
wait_for(sub { lines() >= 1 }, 10, 'the log');
$k->wait_messages(1);
pass('a broker beside one that is not found gets it');

# let the threads be in it

sleep 1;

# quit by a reload, as is a termination

my ($worker) = $o->worker_pids;
my $epoch = epoch();
my $began = time;

kill 'HUP', $o->pid;
wait_for(sub { !kill 0, $worker }, 10, 'the worker has ended');
my $took = time - $began;

diag(sprintf 'reload: %.2f s', $took);
cmp_ok($took, '<', 5, 'a worker that quits is not held up by a name server');

wait_for(sub { epoch() > $epoch }, 20, 'the lease');
is(make(), 201, 'another consent');
wait_for(sub { lines() >= 2 }, 20, 'the log goes on');
$k->wait_messages(2, 30);

sleep 1;
($worker) = $o->worker_pids;
$began = time;
kill 'TERM', $worker;
wait_for(sub { !kill 0, $worker }, 10, 'the worker has ended');
$took = time - $began;
diag(sprintf 'TERM: %.2f s', $took);
cmp_ok($took, '<', 5, 'nor is one that is terminated');

like($o->log_text, qr/consumer "lost": librdkafka ends later by itself/,
     'the log says so');

done_testing();
