#!/usr/bin/perl

# Copyright (C) oof authors

# Token introspection (RFC 7662): what is asked, what is believed, for how
# long, and what happens when nobody answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw/ encode_base64 /;
use Test::More;
use Test::Oof;
use Test::Oof::Http;
use Time::HiRes qw/ sleep time /;

# a consent that nobody has: 404 when the token is a good one

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my $server = Test::Oof::Http->start;
my $secret = "$Test::Oof::Dir/secret";

Test::Oof::spew($secret, "s:cr/t +\n");


sub nginx {
    my ($options, %args) = @_;

    return Test::Oof->start(http => <<"END", locations => <<"LOC", %args);
        oof_issuer asked {
            issuer               $Test::Oof::Issuer;
            audience             $Test::Oof::BaseUrl;
            introspection        @{[ $server->url('/introspect') ]};
            introspection_client "the bank" $secret;
            $options
        }
END
        location $Test::Oof::Api/ {
            oof_api consents v3;
            oof_issuer asked;
            oof_deadline @{[ $args{deadline} // '15s' ]};
        }
LOC
}


sub claims {
    my (%more) = @_;

    my $who = $Test::Oof::Clients{one};
    my %claims = (
        active => JSON::PP::true(), iss => $Test::Oof::Issuer,
        aud => $Test::Oof::BaseUrl, exp => int(time) + 900,
        client_id => $who->{client_id}, scope => 'consents',
        cnf => { 'x5t#S256' => Test::Oof::thumbprint(client_pem('one')) },
        %more,
    );

    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    return json(\%claims);
}


sub answers {
    my ($body, %more) = @_;

    $server->answer('/introspect', body => $body,
                    headers => { 'Content-Type' => 'application/json' },
                    %more);
}


sub ask {
    my ($o, $token, %args) = @_;

    return $o->call(GET => $path, token => $token, %args);
}


sub asked { scalar $server->calls }

sub error_is {
    my ($r, $status, $code, $name) = @_;

    is($r->{status}, $status, $name);
    is($r->{json}{errors}[0]{code}, $code, "$name: the code");
    is($r->{headers}{'retry-after'}, $status == 503 ? 5 : undef,
       "$name: Retry-After");
}


my $o = nginx('');

# --- what is asked

answers(claims());

is(ask($o, 'opaque-1')->{status}, 404, 'an active token is accepted');
is(asked(), 1, 'one call');

my ($call) = $server->calls;

is($call->{method}, 'POST', 'a POST');
is($call->{path}, '/introspect', 'to the place');
is($call->{body}, 'token=opaque-1&token_type_hint=access_token', 'the form');
is($call->{headers}{'content-type'}, 'application/x-www-form-urlencoded',
   'its type');
is($call->{headers}{authorization},
   'Basic ' . encode_base64('the%20bank:s%3Acr%2Ft%20%2B', ''),
   'our name and secret, form-encoded before base64');

is(ask($o, 'opaque-1')->{status}, 404, 'again');
is(asked(), 1, 'from the cache');

ask($o, 'a+b/c=~._-');
is(($server->calls)[-1]{body},
   'token=a%2Bb%2Fc%3D~._-&token_type_hint=access_token', 'encoded');

# --- what is not believed

my $n = 0;

for ([ 'inactive', json({ active => JSON::PP::false() }), 401 ],
     [ 'inactive with claims', claims(active => JSON::PP::false()), 401 ],
     [ 'no active', claims(active => undef), 503 ],
     [ 'active a string', claims(active => 'true'), 503 ],
     [ 'active a number', claims(active => 1), 503 ],
     [ 'not JSON', '<html>', 503 ],
     [ 'a list', '[true]', 503 ],
     [ 'nothing', '', 503 ],
     [ 'active twice', '{"active":false,"active":true}', 503 ],
     [ 'another iss', claims(iss => 'https://x'), 401 ],
     [ 'no iss', claims(iss => undef), 401 ],
     [ 'another aud', claims(aud => 'https://x'), 401 ],
     [ 'no exp', claims(exp => undef), 401 ],
     [ 'expired', claims(exp => int(time) - 1), 401 ],
     [ 'no client_id', claims(client_id => undef), 401 ],
     [ 'no cnf', claims(cnf => undef), 401 ],
     [ 'another cnf', claims(cnf => {
           'x5t#S256' => Test::Oof::thumbprint(client_pem('two')) }), 401 ],
     [ 'another grant', claims(scope => 'consents consent:urn:a:b'), 401 ],
     [ 'another scope', claims(scope => 'payments'), 403 ],
     [ 'no scope', claims(scope => undef), 403 ])
{
    my ($name, $body, $status) = @$_;

    answers($body);
    error_is(ask($o, 'bad-' . $n++), $status,
             { 401 => 'UNAUTHORIZED', 403 => 'FORBIDDEN',
               503 => 'SERVICE_UNAVAILABLE' }->{$status}, $name);
}

for ([ 'status 500', status => 500 ], [ 'status 401', status => 401 ],
     [ 'status 204', status => 204 ],
     [ 'a redirect', status => 307,
       headers => { Location => $server->url('/other') } ],
     [ 'half of it', cut => 150 ],
     [ 'not HTTP', raw => 'hello' ],
     [ '64 KB and more', body => '{"active":true,"x":"' . 'x' x 66000 . '"}' ],
     [ 'long headers',
       headers => { map { ("X-$_" => 'x' x 4000) } 1 .. 40 } ])
{
    my ($name, %more) = @$_;

    answers(claims(), %more);
    error_is(ask($o, 'odd-' . $n++), 503, 'SERVICE_UNAVAILABLE', $name);
}

is(scalar($server->calls('/other')), 0, 'no redirect is followed');

answers(claims(), drip => 20);
is(ask($o, 'drip')->{status}, 404, 'in small pieces: fine');

# --- requests with one token share one call

sub together {
    my ($count, $token) = @_;

    my @open;

    for (1 .. $count) {
        my $c = $o->connect('plain');
        my ($headers) = $o->request_parts('plain', token => $token);
        $c->write("GET $path HTTP/1.1\r\n"
                  . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
                  . "\r\n");
        push @open, $c;
    }

    return @open;
}


answers(claims(), delay => 0.5);
$server->forget_calls;

my @open = together(30, 'shared');

sleep 0.2;
(shift @open)->close for 1 .. 5;

my %seen;
$seen{ $_->response('GET')->{status} }++ for @open;

is_deeply(\%seen, { 404 => 25 }, 'shared: all are answered');
is(asked(), 1, 'shared: by one call');

answers(json({ active => JSON::PP::false() }), delay => 0.3);
$server->forget_calls;
%seen = ();
$seen{ $_->response('GET')->{status} }++ for together(10, 'shared-bad');

is_deeply(\%seen, { 401 => 10 }, 'shared: all are refused');
is(asked(), 1, 'shared: by one call again');

# all of them go before the answer comes; the answer is kept

answers(claims(), delay => 0.5);
$server->forget_calls;
$_->close for together(3, 'left');
sleep 1;
is(ask($o, 'left')->{status}, 404, 'left alone: the answer was kept');
is(asked(), 1, 'left alone: one call');

# different tokens do not wait for each other

answers(claims(), delay => 0.2);
my $start = time;
%seen = ();
$seen{ $_->response('GET')->{status} }++
    for map { together(1, "t$_") } 1 .. 100;
is_deeply(\%seen, { 404 => 100 }, 'side by side: all are answered');
cmp_ok(time - $start, '<', 6, 'side by side: not one after the other');

# --- nobody answers

$server->stop;
$start = time;
error_is(ask($o, 'down'), 503, 'SERVICE_UNAVAILABLE', 'down');
cmp_ok(time - $start, '<', 1, 'down: at once');
is(ask($o, 'shared')->{status}, 404, 'down: what is known serves');
is($o->get('/ready')->{status}, 200, 'down: ready');
$server->start_again;
answers(claims());
is(ask($o, 'down')->{status}, 404, 'up again: served');

is($o->metric('oof_introspection_total', result => 'error'), 16,
   'counted: errors');
cmp_ok($o->metric('oof_introspection_total', result => 'active'), '>', 20,
       'counted: active');

# --- reload and quit with calls running

answers(claims(), hang => 1);
@open = together(5, 'hanging');
sleep 0.2;
$o->reload(keep_old => 1);
$_->close for @open;
$o->stop;

my $log = $o->log_text;

unlike($log, qr/opaque-1|shared|hanging/, 'no token in the log');
unlike($log, qr/s%3Acr|s:cr|Basic/, 'no secret in the log');

# --- time

$o = nginx('introspection_cache 1s;', deadline => '1500ms');

answers(claims());
is(ask($o, 'short')->{status}, 404, 'kept for a second');
$server->forget_calls;
is(ask($o, 'short')->{status}, 404, 'kept');
is(asked(), 0, 'kept: no call');
answers(json({ active => JSON::PP::false() }));
wait_for(sub { ask($o, 'short')->{status} == 401 }, 3, 'the revocation');
pass('revoked: seen after a second');

answers(claims(), hang => 1);
$start = time;
error_is(ask($o, 'silent'), 504, 'GATEWAY_TIMEOUT', 'silent: the deadline');
cmp_ok(time - $start, '>', 1.2, 'silent: not before');
cmp_ok(time - $start, '<', 3, 'silent: not much later');
$o->stop;

$o = nginx('introspection_cache 60s;');

answers(claims(exp => int(time) + 2));
is(ask($o, 'ending')->{status}, 404, 'before exp');
sleep 2.1;
$server->stop;
is(ask($o, 'ending')->{status}, 503, 'past exp it is not kept');
$server->start_again;
is(ask($o, 'ending')->{status}, 401, 'past exp it is refused');
$o->stop;

$o = nginx('introspection_cache 0s; bound off; grant_claim gty;');

answers(claims(cnf => undef, gty => 'client_credentials',
               scope => 'consents consent:urn:a:b'));
$server->forget_calls;
is(ask($o, 'free')->{status}, 404, 'not bound, grant by claim');
is(ask($o, 'free')->{status}, 404, 'not bound, grant by claim, again');
is(asked(), 2, 'no cache: two calls');
answers(claims(gty => 'authorization_code'));
is(ask($o, 'code')->{status}, 401, 'the claim says another grant');

done_testing();
