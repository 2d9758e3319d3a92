#!/usr/bin/perl

# Copyright (C) oof authors

# Hosts of webhooks (spec 4.2): dead and slow ones hold up no other, each has a
# limit of calls at once, a queue that waits too long is given up; names are
# resolved at each call and each address is judged; what is old goes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Dns;
use Test::Oof::Hooks;
use Time::HiRes qw/ sleep time /;

my $name = 'tpp.oof.test';


sub events_of { map { queued($_[0]->url("/$_")) } 1 .. $_[1] }

sub in_state {
    my ($state, @events) = @_;

    return (psql("SELECT count(*) FROM oof_webhook WHERE state = '$state'"
                 . ' AND event_id IN (' . join(',', map { "'$_'" } @events)
                 . ')'))[0][0];
}


# --- dead hosts, and good ones

# (an attempt lasts longer than this test)

{
    my @dead = map { receiver(answer => { hang => 1 }) } 1 .. 6;
    my @good = map { receiver() } 1 .. 3;

    my @waiting = map { events_of($_, 10) } @dead;

    my $o = use_webhooks(lines => { calls => 8, host_calls => 4,
                                    queue_time => '4s', timeout => '60s' });

    wait_for(sub { 6 == grep { $_->calls } @dead }, 10, 'dead hosts');

    my @events = map { events_of($_, 20) } @good;

    wait_for(sub { in_state('delivered', @events) == 60 }, 20,
             'what good hosts are told');
    pass('good hosts are told all');
    is(join(' ', map { scalar(() = $_->calls) } @dead), '1 1 1 1 1 1',
       'each dead one has one call');
    is(in_state('sent', @waiting), 6, 'the others wait');

    wait_for(sub { in_state('failed', @waiting) == 54 }, 20,
             'what waits too long');
    pass('and are given up when they have waited too long');
    is($o->metric('oof_webhooks_given_up_total', database => 'main'), 54,
       'which is counted');
    is((psql('SELECT count(*) FROM oof_webhook_attempt'))[0][0], 66,
       'without an attempt');
    is($o->metric('oof_webhook_start_seconds_count'), 66,
       'first attempts are measured');
    $o->stop;
    $_->stop for @dead, @good;
}


# --- calls at once to one host

{
    my $tpp = receiver(answer => { status => 202, delay => 0.15 });
    my $o = use_webhooks(lines => { host_calls => 4 });
    my @events = events_of($tpp, 40);

    wait_for(sub { in_state('delivered', @events) == 40 }, 20, 'all');

    my @times = sort { $a->[0] <=> $b->[0] }
                map { [ $_->{at}, 1 ], [ $_->{at} + 0.15, -1 ] } $tpp->calls;
    my ($now, $most) = (0, 0);

    for (@times) {
        $now += $_->[1];
        $most = $now if $now > $most;
    }

    cmp_ok($most, '<=', 4, 'never more than the limit');
    cmp_ok($most, '>=', 2, 'but more than one, for it is good');
    is(scalar(() = $tpp->calls), 40, 'each was called once');
    $o->stop;
    $tpp->stop;
}


# --- names

{
    client_cert('named', eku => 'server', cn => $name, org => undef,
                software => undef);

    my $tpp = receiver(cert => 'named', host => $name,
                       answer => { status => 202, close => 1 });
    my ($dns, %resolver) = resolver($name, ttl => 1,
                                    addrs => [ '10.255.0.1', '127.0.0.1' ],
                                    later => [ '127.0.0.2' ]);
    my $o = use_webhooks(http => $resolver{resolver},
                         lines => { allow => '127.0.0.1', retry => 'off' });
    my $event = queued($tpp->url('/'));

    came_to($event, 'delivered');
    is(scalar(() = $tpp->calls), 1, 'the address that is allowed is called');
    is($dns->{asked}->(), 1, 'after one question');

    sleep 2.1;
    $event = queued($tpp->url('/'));
    came_to($event, 'failed');
    is((attempts_of($event))[0]{error}, 'its address is not a public one',
       'another address of the same name is judged anew');
    is(scalar(() = $tpp->calls), 1, 'and not called');
    is($o->metric('oof_webhook_attempts_total', result => 'refused'), 1,
       'it is counted');
    $o->stop;
}


# --- what is old goes

{
    my $day = 86400;
    my $old = queued('https://127.0.0.1:1/', state => 'failed', attempt => 2,
                     stamp => -91 * $day);
    my $young = queued('https://127.0.0.1:1/', state => 'failed', attempt => 1,
                       stamp => -89 * $day);

    psql('UPDATE oof_webhook SET due = NULL WHERE event_id IN'
         . " ('$old', '$young')");

    my $o = use_webhooks();

    wait_for(sub { state_of($old) eq '' }, 10, 'the old one to go');
    is(scalar(() = attempts_of($old)), 0, 'with its attempts');
    is(scalar(() = attempts_of($young)), 1, 'a younger one stays');
    $o->stop;
}

done_testing();
