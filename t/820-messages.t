#!/usr/bin/perl

# Copyright (C) oof authors

# Signed requests and answers of the payments APIs: form, key, claims, order of
# checks, what is signed, the bank's key set (spec 2.2, 5.5; spec 7, 29 to 31).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use MIME::Base64 qw/ encode_base64url decode_base64url /;
use Test::More;
use Test::Oof;
use Test::Oof::Payments;

my $o = payments();
my $url = "$Test::Oof::BaseUrl$Pay5/consents";
my $body = payment_consent();

sub rows { (psql("SELECT count(*) FROM $_[0]"))[0][0] }


# --- what is accepted

my $r = pay($o, POST => '/consents', $body);
is($r->{status}, 201, 'a message') or diag($r->{body});

for my $case ([ 'aud in a list', { aud => [ 'https://other', $url ] } ],
              [ 'aud in a list of one', { aud => [ $url ] } ],
              [ 'aud with a query', { aud => "$url?a=b" } ],
              [ 'iat of a minute ago', { iat => time - 55 } ],
              [ 'iat of a minute to come', { iat => time + 55 } ],
              [ 'exp and nbf', { exp => time + 60, nbf => time } ],
              [ 'jti in capitals', { jti => uc new_uuid() } ],
              [ 'iss in capitals',
                { iss => uc $Test::Oof::Clients{one}{organisation_id} } ])
{
    my ($name, $claims) = @$case;

    is(pay($o, POST => '/consents', $body, claims => $claims)->{status}, 201,
       $name);
}

is(pay($o, POST => '/consents', $body, header => { typ => 'jwt' })->{status},
   201, 'typ in small letters');
is(pay($o, POST => '/consents', $body,
       headers => { Accept => 'application/json' })->{status}, 201,
   'JSON alone is accepted: the answer is a JWT all the same');
is(pay($o, POST => '/consents', $body, client => 'two')->{status}, 201,
   'another organisation, by its own keys');


# --- 400: what cannot be verified leaves nothing

my $before = [ map { rows($_) } qw/ oof_jti oof_payment_consent / ];
my $good = message("$Pay5/consents", $body);
my @parts = split /\./, $good;
my ($jti) = (JSON::PP::decode_json(decode_base64url($parts[1])))->{jti};

for my $case (
    [ 'not a JWS', { body => 'hello' } ],
    [ 'JSON', { body => JSON::PP::encode_json($body) } ],
    [ 'two parts', { body => "$parts[0].$parts[1]" } ],
    [ 'another payload', { body => "$parts[0]."
        . encode_base64url(JSON::PP::encode_json($body)) . ".$parts[2]" } ],
    [ 'another signature', { body => "$parts[0].$parts[1]."
        . encode_base64url('x' x 256) } ],
    [ 'no signature', { body => "$parts[0].$parts[1]." } ],
    [ 'another organisation\'s key', { key => 'two' } ],
    [ 'a kid of none', { header => { kid => 'nobody' } } ],
    [ 'no kid', { header => { kid => undef } } ],
    [ 'RS256', { header => { alg => 'RS256' }, alg => 'RS256' } ],
    [ 'none', { header => { alg => 'none' } } ],
    [ 'no typ', { header => { typ => undef } } ],
    [ 'another typ', { header => { typ => 'at+jwt' } } ],
    [ 'jwk', { header => { jwk => {} } } ],
    [ 'crit', { header => { crit => [ 'b64' ], b64 => JSON::PP::false } } ],
    [ 'no JSON in it', { text => 'hello' } ],
    [ 'a list in it', { text => '[]' } ],
    [ 'a member twice', { text => '{"iss":"a","iss":"b"}' } ])
{
    my ($name, $args) = @$case;

    is_plain_error(pay($o, POST => '/consents', $body, %$args), 400,
                   'BAD_SIGNATURE', $name);
}


# --- 403: claims; the jti of what is refused is not burnt

for my $case (
    [ 'iss of another', { iss => $Test::Oof::Clients{two}{organisation_id} } ],
    [ 'no iss', { iss => undef } ],
    [ 'aud of another endpoint', { aud => "$url/x" } ],
    [ 'aud without its end', { aud => substr $url, 0, -1 } ],
    [ 'aud of another version',
      { aud => "$Test::Oof::BaseUrl$Pay4/consents" } ],
    [ 'aud of another host', { aud => "https://other$Pay5/consents" } ],
    [ 'aud in no list', { aud => [ 'https://other' ] } ],
    [ 'aud a number', { aud => 1 } ],
    [ 'no aud', { aud => undef } ],
    [ 'iat too old', { iat => time - 75 } ],
    [ 'iat to come', { iat => time + 75 } ],
    [ 'iat in words', { iat => '' . time } ],
    [ 'no iat', { iat => undef } ],
    [ 'exp is over', { exp => time - 75 } ],
    [ 'nbf to come', { nbf => time + 75 } ],
    [ 'no jti', { jti => undef } ],
    [ 'a jti that is no UUID', { jti => 'x' x 36 } ])
{
    my ($name, $claims) = @$case;

    is_plain_error(pay($o, POST => '/consents', $body, claims => $claims), 403,
                   'INVALID_CLIENT', $name);
}

is_deeply([ map { rows($_) } qw/ oof_jti oof_payment_consent / ], $before,
          'nothing of all that is stored');
is(pay($o, POST => '/consents', $body, claims => { jti => $jti })->{status},
   201, 'the jti of a message with a bad signature is still free');


# --- a jti is good once, whatever the outcome, for each client

my $used = new_uuid();
my $key = new_uuid();

is(pay($o, POST => '/consents', $body, claims => { jti => $used },
       idempotency => $key)->{status}, 201, 'a jti');
is_plain_error(pay($o, POST => '/consents', $body, claims => { jti => $used },
                   idempotency => $key), 403, 'INVALID_CLIENT',
               'again, with the same key');
is_plain_error(pay($o, POST => '/consents', $body,
                   claims => { jti => uc $used }), 403, 'INVALID_CLIENT',
               'again, in capitals');
is_plain_error(pay($o, POST => '/consents', $body, version => 4,
                   claims => { jti => $used }), 403, 'INVALID_CLIENT',
               'again, on another endpoint');
is(pay($o, POST => '/consents', $body, client => 'two',
       claims => { jti => $used })->{status}, 201, 'of another client');

$used = new_uuid();
is(pay($o, POST => '/consents', {}, claims => { jti => $used })->{status}, 422,
   'a jti of what is refused');
is(pay($o, POST => '/consents', $body, claims => { jti => $used })->{status},
   403, 'is used, too');


# --- order: signature, claims, jti, key, rules (spec 7, 29)

is(pay($o, POST => '/consents', {}, key => 'two', claims => { iss => 'x' },
       idempotency => undef)->{status}, 400, 'the signature comes first');
is_plain_error(pay($o, POST => '/consents', {}, claims => { iss => 'x' },
                   idempotency => undef), 403, 'INVALID_CLIENT',
               'then the claims');
is_plain_error(pay($o, POST => '/consents', {}, idempotency => undef), 400,
               'BAD_REQUEST', 'then the key');

for my $bad ('x' x 41, ' x', 'x ', '') {
    is(pay($o, POST => '/consents', $body, idempotency => $bad)->{status},
       $bad =~ /^ x$|^x $/ ? 201 : 400, "key \"$bad\"");
}

is_plain_error(pay($o, POST => '/consents', $body,
                   headers => { 'Content-Type' => 'application/json' }), 415,
               'UNSUPPORTED_MEDIA_TYPE', 'media type');
is_plain_error(pay($o, POST => '/consents', $body,
                   headers => { Accept => 'text/html' }), 406,
               'NOT_ACCEPTABLE', 'Accept');
is_plain_error(pay($o, POST => '/consents', $body, token => undef), 401,
               'UNAUTHORIZED', 'no token');
is_plain_error(pay($o, POST => '/consents', $body, scope => 'consents'), 403,
               'FORBIDDEN', 'another scope');
is_plain_error(pay($o, POST => '/consents', $body,
                   scope => 'openid consent:urn:bank:x payments'), 401,
               'UNAUTHORIZED', 'a token of a customer');
is_plain_error(pay($o, POST => '/consent', $body), 404, 'NOT_FOUND',
               'another path');
is_plain_error(pay($o, PATCH => '/consents', $body), 405,
               'METHOD_NOT_ALLOWED', 'another method');
is(pay($o, POST => '/consents', { data => 'x' x 262144 })->{status}, 413,
   'more than 256 KB');
is(pay($o, POST => '/consents', { data => 'x' x 180000 })->{status}, 422,
   'nearly as much');


# --- a new key of the organisation is fetched, one that is not there stays out

my $asked = () = Test::Oof::slurp("$Test::Oof::Dir/keystore.log") =~ /\n/g;

keystore('two', 'two', 'fresh');

is(pay($o, POST => '/consents', $body, client => 'two', key => 'fresh')
       ->{status}, 201, 'a new key');
is(pay($o, POST => '/consents', $body, client => 'two',
       header => { kid => 'nobody' })->{status}, 400, 'one that is not there');

my $now = () = Test::Oof::slurp("$Test::Oof::Dir/keystore.log") =~ /\n/g;
is($now, $asked + 1, 'is not asked for again at once');

like($o->metric('oof_messages_total', result => 'claims'), qr/^[1-9]/,
     'counted');


# --- the bank's key set

$r = $o->call(GET => '/bank.jwks', client => undef);
is($r->{status}, 200, 'the key set');
is($r->{headers}{'content-type'}, 'application/jwk-set+json', 'its type');

require Crypt::PK::RSA;
is_deeply($r->{json}, { keys => [ map {
    my $jwk = Crypt::PK::RSA->new(pki("$_->[1].key"))
                            ->export_key_jwk('public', 1);
    { kty => 'RSA', use => 'sig', alg => 'PS256', kid => $_->[0],
      n => $jwk->{n}, e => $jwk->{e} };
} ([ 'bank-1', 'signing' ], [ 'bank-2', 'stranger' ]) ] }, 'both public keys');


# --- nothing of the messages is in the log

my $log = $o->log_text;
unlike($log, qr/48847377765|pix\.bcb|Marco|1234567890/,
       'the log says nothing of persons');


# --- another key comes first by a reload

my $line = qr/.*oof_signing_key bank/;

$o->configure(http => $o->{http} =~ s/($line-1.*\n)($line-2.*\n)/$2$1/r);
$o->reload;

$r = pay($o, POST => '/consents', $body);
is($r->{status}, 201, 'after a reload');
is($r->{jose}{kid}, 'bank-2', 'the other key signs');
ok($r->{verified}, 'and its signature is good');


# --- a key that the keystore has no more is good no more, soon

keystore('two', 'two');

my $short = payments(keystore =>
    'http://127.0.0.1:' . Test::Oof::Payments::keystore_port()
    . '/keystore refresh=1s', servers => '', alone => 1);

is(pay($short, POST => '/consents', $body, client => 'two')->{status}, 201,
   'a key that is there');
keystore('two', 'fresh');
wait_for(sub { pay($short, POST => '/consents', $body,
                   client => 'two')->{status} == 400 }, 10, 'a refresh');
is(pay($short, POST => '/consents', $body, client => 'two', key => 'fresh')
       ->{status}, 201, 'and the other one is known');
$short->stop;


# --- without a keystore there is no judging: 503, and it recovers

$o->stop;
my $org = $Test::Oof::Clients{one}{organisation_id};
my $set = "$Test::Oof::Dir/keystore/$org/application.jwks";
rename $set, "$set.away";
$o->launch;

is_plain_error(pay($o, POST => '/consents', $body), 503,
               'SERVICE_UNAVAILABLE', 'no keystore');
rename "$set.away", $set;
wait_for(sub { pay($o, POST => '/consents', $body)->{status} == 201 }, 10,
         'keys come back');

$o->allow(qr/no keys of organisation|cannot be fetched/);

done_testing();
