#!/usr/bin/perl

# Copyright (C) oof authors

# How soon third parties are told (spec 4.2): from the stamp of an event, which
# is before its commit, to the first byte at the third party, of whom there are
# 100, 30 of them dead.  With "build.sh test --long".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::More;
use Test::Oof;
use Test::Oof::Hooks;
use Test::Oof::Payments;
use Test::Oof::Settle;
use Time::HiRes qw/ sleep time /;

plan(skip_all => 'only with test --long') if !$ENV{OOF_MEASURE};

my $tpps = 100;
my $dead = 30;
my $events = $ENV{OOF_MEASURE_EVENTS} || 800;
my $pause = 0.02;


# --- the third parties: an nginx with a listener for each that lives; of the
# dead ones some refuse, others let us wait

receiver()->stop;

my @ports = map { free_port() } 1 .. $tpps;
my @silent = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                         LocalPort => $_, Listen => 64) }
                 @ports[0 .. $dead * 2 / 3 - 1];
my $listen = join "\n", map { "listen 127.0.0.1:$_ ssl;" }
                            @ports[$dead .. $#ports];
my $log = "$Test::Oof::Dir/tpps.log";

my $third = Test::Oof->start(
    defaults => 0, wait => 0, connections => 1024,
    http => "log_format told '\$msec \$request_time \$uri';",
    servers => <<"END");
    server {
        $listen
        access_log $log told;
        keepalive_timeout 120s;
        ssl_certificate        @{[ client_cert('hook') ]};
        ssl_certificate_key    @{[ client_key('hook') ]};
        ssl_client_certificate @{[ pki('trusted.pem') ]};
        ssl_verify_client      on;
        ssl_verify_depth       3;
        return 202;
    }
END


# --- the bank, with consents of all of them

my ($o, $core) = settlement(
    workers => 2, connections => 2048, log_level => 'notice',
    http => webhooks(), server => 'oof_webhooks main;');

for my $n (0 .. $#ports) {
    psql('INSERT INTO oof_client (brand, client_id, organisation_id, name,'
         . " webhook_uris, created, updated) VALUES ('bank', 'tpp-$n',"
         . " gen_random_uuid(), 'TPP $n', '{https://127.0.0.1:$ports[$n]}',"
         . ' now(), now())');
}

my @consents = map { consent_uuid(pay($o, POST => '/consents',
                                      payment_consent())) } 1 .. $events;

psql("UPDATE oof_payment_consent c SET client_id = 'tpp-' || (x.n % $tpps),"
     . " expiration = now() + interval '1 hour'"
     . ' FROM (SELECT consent_id, row_number() OVER () AS n'
     . ' FROM oof_payment_consent) AS x WHERE x.consent_id = c.consent_id');


# --- each is refused, and its initiator told

my $start = time;

for my $uuid (@consents) {
    my $r = journey($o, POST => $uuid, json => { data => {
        decision => 'REJECT' } });

    is($r->{status}, 200, 'refused') or last if $r->{status} != 200;
    sleep $pause;
}

my $took = time - $start;
my $living = $events * ($tpps - $dead) / $tpps;

sub lines { split /\n/, Test::Oof::slurp($log, 1) }

eval { wait_for(sub { lines() >= $living }, 20, 'the calls') };
sleep 1;

my %stamp = map { $_->[0] => $_->[1] }
    psql("SELECT key, extract(epoch FROM stamp) FROM oof_event WHERE type ="
         . " 'oof.payment_consent.rejected'");
my (%told, @ms);

for (lines()) {
    my ($at, $for, $uuid) = /^(\S+) (\S+) \S+:(\S+)$/ or next;

    $told{$uuid}++;
    push @ms, ($at - $for - $stamp{$uuid}) * 1000;
}

@ms = sort { $a <=> $b } @ms;

my %p = map { $_ => $ms[$#ms * $_ / 100] } 50, 95, 99, 100;

diag(sprintf '%d events in %.0f s, %d third parties, %d of them dead: first'
             . ' byte after %.0f ms (median), %.0f (95 %%), %.0f (99 %%), %.0f'
             . ' (all)', $events, $took, $tpps, $dead, @p{50, 95, 99, 100});

is(scalar keys %told, $living, 'all that live are told of all');
is(scalar @ms, $living, 'and once');
cmp_ok($p{95}, '<', 200, '95 % within 200 ms');
cmp_ok($p{100}, '<', 1500, 'and all within 1.5 s');

$o->stop;
$third->stop;

done_testing();
