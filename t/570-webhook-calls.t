#!/usr/bin/perl

# Copyright (C) oof authors

# Calls of webhooks (spec 4.1, 4.2): the whole of a call, three attempts and
# never a fourth, what is a failure, whom the bank trusts, and which addresses
# it never connects to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Hooks;
use Time::HiRes qw/ sleep /;

my $body = '{"data":{"timestamp":"2026-11-24T12:00:00Z"}}';
my $path = '/base/open-banking/webhook/v1/payments/v5/pix/payments/x';

my $tpp = receiver();
my $stranger = receiver(cert => 'server');
my %lines = (retry => '150ms 300ms', timeout => '800ms');
my $o = use_webhooks(lines => \%lines);


# --- the whole of a call

my $event = queued($tpp->url($path));
came_to($event, 'delivered');

my @calls = $tpp->calls;
my @attempts = attempts_of($event);
my $call = $calls[0];

is(scalar @calls, 1, 'one call');
is("$call->{method} $call->{path}", "POST $path", 'the call');
is($call->{body}, $body, 'its body');
like($call->{headers}{'user-agent'}, qr{^oof/[\d.]+$}, 'who calls');
delete $call->{headers}{'user-agent'};
is_deeply($call->{headers}, {
    host => "127.0.0.1:$tpp->{port}",
    accept => '*/*',
    'content-type' => 'application/json',
    'content-length' => length $body,
    'x-webhook-interaction-id' => $attempts[0]{id},
}, 'its headers, and no other');
like($attempts[0]{id}, qr/^@{[ uuid_re() ]}$/, 'the interaction id');
is($call->{peer}, 'the bank', 'the certificate is the bank\'s');

is(scalar @attempts, 1, 'one attempt is written');
is($attempts[0]{status}, 202, 'with its status');
is($attempts[0]{error}, undef, 'and no error');
cmp_ok($attempts[0]{ended}, '>=', $attempts[0]{started}, 'and its times');

for my $status (200, 204) {
    $tpp->answer('/any', status => $status);
    $event = queued($tpp->url('/any'));
    came_to($event, 'delivered');
    is((attempts_of($event))[0]{status}, $status, "$status is delivered");
}


# --- three attempts, and what is a failure

my $forger = receiver(cert => 'forger') if client_cert('forger',
    eku => 'server', cn => '127.0.0.1', issuer => 'other');

$tpp->forget_calls;
$stranger->forget_calls;
$tpp->answer('/500', status => 500);
$tpp->answer('/hang', hang => 1);
$tpp->answer('/302', status => 302,
             headers => { Location => $tpp->url('/elsewhere') });

# all at once: name, URL, what is said

sub failing {
    my (@cases) = @_;

    my @events = map { queued($_->[1]) } @cases;

    for my $case (@cases) {
        my ($name, undef, $why) = @$case;
        my $event = shift @events;

        came_to($event, 'failed', 20);

        my @attempts = attempts_of($event);

        is(scalar @attempts, 3, "$name: three attempts");
        like($_->{error} // $_->{status}, $why, "$name: $_->{number}")
            for @attempts;
        cmp_ok($attempts[1]{started} - $attempts[0]{ended}, '>=', 0.149,
               "$name: the second after the first wait");
        cmp_ok($attempts[2]{started} - $attempts[1]{ended}, '>=', 0.299,
               "$name: the third after the second wait");

        $case->[3] = \@attempts;
    }

    return @cases;
}

my @cases = failing(
    [ 'a failure', $tpp->url('/500'), qr/^500$/ ],
    [ 'a redirect', $tpp->url('/302'), qr/^302$/ ],
    [ 'no answer', $tpp->url('/hang'), qr/timed out/i ],
    [ 'nobody there', 'https://127.0.0.1:' . free_port() . '/',
      qr/connect/i ],
    [ 'another name', $stranger->url('/'), qr/certificate|SSL/i ],
    [ 'an unknown root', $forger->url('/'), qr/certificate|SSL/i ],
);

sleep 0.8;
@calls = $tpp->calls('/500');
@attempts = @{ $cases[0][3] };
is(scalar @calls, 3, 'no fourth call');
is_deeply([ map { $_->{headers}{'x-webhook-interaction-id'} } @calls ],
          [ map { $_->{id} } @attempts ], 'each has an id of its own');
isnt($attempts[0]{id}, $attempts[1]{id}, 'a new one');
isnt($attempts[1]{id}, $attempts[2]{id}, 'and another');
is(join(' ', map { $_->{body} eq $body ? 1 : 0 } @calls), '1 1 1',
   'the body stays: it tells of the event');
is(scalar(() = $tpp->calls('/elsewhere')), 0, 'no redirect is followed');
is(scalar(() = $_->calls), 0, 'who is not known is told nothing')
    for $stranger, $forger;


# --- a second attempt that succeeds is the last

$tpp->answer('/again', status => 503);
$event = queued($tpp->url('/again'));
wait_for(sub { $tpp->calls('/again') }, 10, 'the first attempt');
$tpp->answer('/again', status => 202);
came_to($event, 'delivered');
sleep 0.8;
@attempts = attempts_of($event);
is(scalar(() = $tpp->calls('/again')), scalar @attempts,
   'what was delivered is not repeated');
is(join(' ', map { $_->{status} } @attempts[0, -1]), '503 202',
   'all attempts are written');


# --- addresses

$o->stop;
$tpp->forget_calls;

$o = use_webhooks(lines => { %lines, allow => undef });

failing(
    [ 'an address of our own', $tpp->url('/private'), qr/not a public one/ ],
    [ 'a name without a resolver', 'https://localhost/', qr/resolver/ ],
    [ 'the same in IPv6', "https://[::1]:$tpp->{port}/",
      qr/not a public one/ ],
    [ 'or as a number', "https://2130706433:$tpp->{port}/",
      qr/not a public one/ ],
    [ 'a cloud\'s metadata', 'https://169.254.169.254/latest',
      qr/not a public one/ ],
);
is(scalar(() = $tpp->calls), 0, 'nobody was called');
cmp_ok($o->metric('oof_webhook_attempts_total', result => 'refused'), '>=', 9,
       'they are counted');
$o->stop;

done_testing();
