#!/usr/bin/perl

# Copyright (C) oof authors

# Credentials of clouds in a worker: a metadata service that is down at first,
# keys that end soon and are renewed while events go, keys that the service has
# refused; tokens of a service account.  No secret is in a log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Test::Oof::Http;
use Test::Oof::Queues;

my $metadata = Test::Oof::Http->start;
my $sqs = Test::Oof::Http->start;
my $google = Test::Oof::Http->start;
my $pubsub = pubsub(own => 1);
my $topic = $pubsub->topic('events');

my $roles = '/latest/meta-data/iam/security-credentials/';
my $n = 0;

# the next keys, or those of now with a later end

sub instance {
    my ($seconds, $again) = @_;

    $n++ if !$again;
    $metadata->answer('/latest/api/token', body => "session-of-oof-test");
    $metadata->answer($roles, body => 'oof-role');
    $metadata->answer("${roles}oof-role", body => Test::Oof::json({
        Code => 'Success', AccessKeyId => "AKID$n",
        SecretAccessKey => "secret-of-oof-test-$n",
        Token => "token-of-oof-test-$n",
        Expiration => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + $seconds),
    }));
}

sub taken {
    return Test::Oof::json({
        Successful => [ map { { Id => "$_", MessageId => "m$_" } } 0 .. 9 ],
    });
}

sub ids { map { $_->{headers}{authorization} =~ /Credential=(\w+)/ } $sqs->calls }


my $key = "$Test::Oof::Dir/account.json";
my $pem = `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>&1`;

Test::Oof::spew($key, Test::Oof::json({
    type => 'service_account', client_email => 'oof@bank.test',
    private_key => $pem, private_key_id => 'k1',
    token_uri => $google->url('/token'),
}));

$google->answer('/token', body => Test::Oof::json({
    access_token => 'ya29.of-oof-test-1', expires_in => 3600 }));
$pubsub->google('/_control', { token => 'ya29.of-oof-test-1' });

$ENV{AWS_EC2_METADATA_SERVICE_ENDPOINT} = $metadata->url('/');
$metadata->answer('/latest/api/token', status => 500);
$sqs->answer('/', body => taken());

my $o = Test::Oof->start(leases => 1, log_level => 'debug', http => <<"END");
    oof_events sqs {
        queue       http://127.0.0.1:9/123456789012/oof.fifo;
        endpoint    @{[ $sqs->url('/') ]};
        region      sa-east-1;
        credentials instance;
    }
    oof_events pubsub {
        topic            $topic;
        endpoint         http://127.0.0.1:$pubsub->{port};
        credentials_file $key;
    }
END

sub delivered { $o->metric('oof_relay_delivered_total', consumer => $_[0]) // 0 }


# --- none at first

my @events = log_events(keys => 3);

wait_for(sub { $o->log_text =~ /"sqs" takes no events: there are no cred/ },
         10, 'no credentials');
is(scalar $sqs->calls, 0, 'without credentials nothing is sent');

instance(10);

wait_for(sub { instance(10, 1); delivered('sqs') >= 3 }, 15,
         'events by keys that have come');

my ($call) = $sqs->calls;

like($call->{headers}{authorization},
     qr{^AWS4-HMAC-SHA256\ Credential=AKID1/\d{8}/sa-east-1/sqs/aws4_request,\ 
        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;
        x-amz-target,\ Signature=[0-9a-f]{64}$}x, 'when they come it goes on');
is($call->{headers}{'x-amz-security-token'}, 'token-of-oof-test-1',
   'with the session of the keys');
is((grep { ($_->{headers}{'x-aws-ec2-metadata-token'} // '')
           eq 'session-of-oof-test' } $metadata->calls($roles)), 1,
   'the metadata service was asked in a session');


# --- renewed before they end

instance(3600);
wait_for(sub { $o->log_text =~ /credentials of AWS are good for 3\d\d\d sec/ },
         15, 'other keys');

push @events, log_events(keys => 2);
wait_for(sub { delivered('sqs') >= 5 }, 10, 'events by the next keys');
is((ids())[-1], 'AKID2', 'keys are renewed before they end');


# --- refused by the service

$sqs->answer('/', status => 403, body =>
    '{"__type":"com.amazon.coral.service#ExpiredTokenException"}');
instance(3600);
push @events, log_events(keys => 2);

wait_for(sub { $o->log_text =~ /status 403, ExpiredTokenException/ }, 10,
         'keys that are refused');
$sqs->answer('/', body => taken());
wait_for(sub { delivered('sqs') >= 7 }, 15, 'events by keys that are good');
is((ids())[-1], 'AKID3', 'refused keys are replaced');
is($o->metric('oof_relay_dead_total', consumer => 'sqs') // 0, 0,
   'no event is blamed for that');


# --- a service account

delivered_ok(\@events, [ gather(7, sub { $pubsub->pull('events') }) ],
             'a service account gets a token');

my ($asked) = $google->calls('/token');
my ($header, $claims) = map { decoded(unbase64($_)) }
    ($asked->{body} =~ /&assertion=([^.]+)\.([^.]+)\./);

is_deeply($header, { alg => 'RS256', typ => 'JWT', kid => 'k1' },
          'the assertion\'s header');
is($claims->{iss}, 'oof@bank.test', 'the account');
is($claims->{aud}, $google->url('/token'), 'the audience');

$google->answer('/token', body => Test::Oof::json({
    access_token => 'ya29.of-oof-test-2', expires_in => 3600 }));
$pubsub->google('/_control', { token => 'ya29.of-oof-test-2' });

my @more = log_events(keys => 2);

delivered_ok(\@more, [ gather(2, sub { $pubsub->pull('events') }) ],
             'a token that is refused is replaced');


# --- secrets

my $log = $o->log_text;

unlike($log, qr/secret-of-oof-test/, 'no secret of AWS in a debug log');
unlike($log, qr/token-of-oof-test|session-of-oof-test/, 'no session');
unlike($log, qr/ya29/, 'no token of Google');
unlike($log, qr/PRIVATE KEY|assertion=/, 'no key, no assertion');

done_testing();


sub unbase64 {
    my ($text) = @_;

    $text =~ tr{-_}{+/};

    return MIME::Base64::decode_base64($text);
}
