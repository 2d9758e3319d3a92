#!/usr/bin/perl

# Copyright (C) oof authors

# Which bearer tokens open the door (spec 5.4): each bad one with the exact
# status and body, and that none of them ends a worker or shows in a log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw/ encode_base64url /;
use Test::More;
use Test::Oof;

my $o = Test::Oof->start(wait=>0, http => <<'END');
    large_client_header_buffers 8 64k;
END

my %answers = (
    missing => [ 401, 'UNAUTHORIZED', 'Não autorizado',
                 'A requisição não traz um token de acesso.' ],
    invalid => [ 401, 'UNAUTHORIZED', 'Não autorizado',
                 'O token de acesso é inválido.' ],
    expired => [ 401, 'UNAUTHORIZED', 'Não autorizado',
                 'O token de acesso expirou.' ],
    unbound => [ 401, 'UNAUTHORIZED', 'Não autorizado',
                 'O token de acesso não está vinculado ao certificado'
                 . ' apresentado.' ],
    grant   => [ 401, 'UNAUTHORIZED', 'Não autorizado',
                 'O token de acesso não é do tipo que este recurso exige.' ],
    scope   => [ 403, 'FORBIDDEN', 'Acesso negado',
                 'O token de acesso não tem o escopo exigido por este'
                 . ' recurso.' ],
);

my $path = "$Test::Oof::Api/consents";
my $unknown = "$path/urn:bank:" . new_uuid();
my ($now, @used) = (time);


sub fixed {
    my ($text) = @_;

    utf8::decode($text);
    return $text;
}


# the answer to "Authorization: VALUE" is exactly that one

sub refused {
    my ($name, $kind, $value, %args) = @_;

    my $r = $o->call(GET => $unknown, token => undef,
                     headers => [ Authorization => $value ], %args);

    my ($status, @error) = map { fixed($_) } @{ $answers{$kind} };
    my %want;
    @want{qw/ code title detail /} = @error;

    my $good = is($r->{status}, $status, "$name: $status")
        && is_deeply($r->{json}{errors}, [ \%want ], "$name: the error")
        && like($r->{json}{meta}{requestDateTime},
                qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "$name: meta")
        && is_deeply([ sort keys %{ $r->{json} } ], [ qw/ errors meta / ],
                     "$name: nothing else")
        && is($r->{headers}{'content-type'},
              'application/json; charset=utf-8', "$name: content type")
        && is($r->{headers}{'www-authenticate'},
              $status == 401 ? 'Bearer' : undef, "$name: challenge")
        && like($r->{headers}{'x-fapi-interaction-id'} // '',
                qr/^[0-9a-f-]{36}$/, "$name: interaction id");

    diag(explain($r)) if !$good;

    push @used, $value if defined $value;
}


sub bearer { 'Bearer ' . token(@_) }

sub claim { bearer(claims => { @_ }) }

sub header { bearer(header => { @_ }) }


# parts as they are, signed with a good key

sub raw {
    my ($header, $claims) = @_;

    return 'Bearer ' . Test::Oof::sign_jwt($header, $claims, 'PS256',
                                           'signing');
}


# --- no bearer token

refused('no header', 'missing', undef);
refused('an empty one', 'missing', '');
refused('another scheme', 'missing', 'Basic ' . encode_base64url('a:b'));
refused('the word alone', 'missing', 'Bearer');
refused('no token', 'missing', 'Bearer   ');
refused('no space', 'missing', 'Bearer' . token());
refused('a bare token', 'missing', token());
refused('two tokens', 'missing', bearer() . ' ' . token());
refused('a comma', 'missing', bearer() . ',x');
refused('a quote', 'missing', 'Bearer "abc"');
refused('a control character', 'missing', "Bearer a\tb");
refused('2049 characters', 'missing', 'Bearer ' . 'a' x 2049);
refused('32 KB', 'missing', 'Bearer ' . 'a' x 32000);

# --- not a token of ours

refused('2048 characters', 'invalid', 'Bearer ' . 'a' x 2048);
refused('one letter', 'invalid', 'Bearer x');
refused('dots', 'invalid', 'Bearer ...');
refused('two parts', 'invalid', bearer() =~ s/\.[^.]*$//r);
refused('five parts', 'invalid', bearer() . '.a.b');
refused('no signature', 'invalid', bearer() =~ s/[^.]*$//r);
refused('padding', 'invalid', bearer() . '==');
refused('a signature bit changed', 'invalid',
        bearer() =~ s/\.(.)([^.]+)$/'.' . ($1 eq 'A' ? 'B' : 'A') . $2/er);
refused('a claim changed', 'invalid', do {
    my @t = split /\./, token();
    my @u = split /\./, token(claims => { client_id => 'client-two' });
    "Bearer $t[0].$u[1].$t[2]";
});
refused('signature of another token', 'invalid', do {
    my @t = split /\./, token();
    my @u = split /\./, token();
    "Bearer $t[0].$t[1].$u[2]";
});

refused('alg none', 'invalid', bearer(alg => 'none'));
refused('alg none with a signature', 'invalid', header(alg => 'none'));
refused('alg None', 'invalid', header(alg => 'None'));
refused('HS256 with the public key', 'invalid', bearer(alg => 'HS256'));
refused('HS256 said, PS256 signed', 'invalid', header(alg => 'HS256'));
refused('RS256', 'invalid', bearer(alg => 'RS256'));
refused('RS256 that says PS256', 'invalid',
        bearer(alg => 'RS256', header => { alg => 'PS256' }));
refused('PS512 said', 'invalid', header(alg => 'PS512'));
refused('no alg', 'invalid', header(alg => undef));

refused('no typ', 'invalid', header(typ => undef));
refused('typ JWT', 'invalid', header(typ => 'JWT'));
refused('no kid', 'invalid', header(kid => undef));
refused('a kid that is unknown', 'invalid', header(kid => 'nobody'));
refused('an empty kid', 'invalid', header(kid => ''));
refused('a kid that is a number', 'invalid', header(kid => 1));
refused('crit', 'invalid', header(crit => [ 'exp' ]));
refused('b64', 'invalid', header(b64 => JSON::PP::false()));
refused('jku', 'invalid', header(jku => 'https://evil.test/jwks'));
refused('jwk', 'invalid', header(jwk => { kty => 'RSA' }));
refused('x5c', 'invalid', header(x5c => [ 'MII' ]));
refused('x5u', 'invalid', header(x5u => 'https://evil.test/x'));
refused('a stranger\'s key', 'invalid', bearer(key => 'stranger'));
refused('a stranger\'s key under a known kid', 'invalid',
        bearer(key => 'stranger', header => { kid => 'oof-signing' }));
refused('alg twice', 'invalid',
        raw('{"alg":"none","alg":"PS256","typ":"at+jwt",'
            . '"kid":"oof-signing"}', '{}'));
refused('a header that is a list', 'invalid', raw('["PS256"]', '{}'));

my $good = '{"alg":"PS256","typ":"at+jwt","kid":"oof-signing"}';

refused('claims that are a list', 'invalid', raw($good, '[]'));
refused('claims that are no JSON', 'invalid', raw($good, '{"iss":'));
refused('claims that are empty', 'invalid', raw($good, '{}'));
refused('a claim twice', 'invalid', raw($good, '{"iss":"a","iss":"b"}'));
refused('claims not in UTF-8', 'invalid', raw($good, "{\"a\":\"\xff\"}"));
refused('NUL in a claim', 'invalid', raw($good, '{"a":"\u0000"}'));
refused('claims 500 deep', 'invalid', raw($good, '[' x 500 . ']' x 500));

# --- claims

refused('no iss', 'invalid', claim(iss => undef));
refused('another iss', 'invalid', claim(iss => 'https://other.test'));
refused('iss with a slash', 'invalid', claim(iss => "$Test::Oof::Issuer/"));
refused('no aud', 'invalid', claim(aud => undef));
refused('another aud', 'invalid', claim(aud => 'https://other.test'));
refused('aud of others', 'invalid', claim(aud => [ 'a', 'b' ]));
refused('no exp', 'invalid', claim(exp => undef));
refused('exp as a string', 'invalid', claim(exp => '' . ($now + 900)));
refused('expired a second ago', 'expired', bearer(ttl => -1));
refused('expired yesterday', 'expired', bearer(ttl => -86400));
refused('iat in the future', 'invalid', claim(iat => $now + 60));
refused('nbf in the future', 'invalid', claim(nbf => $now + 60));
refused('no client_id', 'invalid', claim(client_id => undef));
refused('client_id a number', 'invalid', claim(client_id => 5));
refused('scope a list', 'invalid', claim(scope => [ 'consents' ]));
refused('two consents', 'invalid',
        claim(scope => 'consents consent:urn:a:b consent:urn:a:c'));

# --- binding, grant, scope, in that order

refused('no cnf', 'unbound', claim(cnf => undef));
refused('an empty cnf', 'unbound', claim(cnf => {}));
refused('a cnf of another kind', 'unbound', claim(cnf => { jkt => 'abc' }));
refused('another certificate\'s', 'unbound', bearer(cert => 'two'));
refused('a stolen token', 'unbound', bearer(client => 'two'));
refused('a stolen token over TLS', 'unbound', bearer(client => 'two'),
        via => 'tls');
refused('a wrong grant', 'grant',
        bearer(scope => 'openid consent:urn:bank:1 consents'));
refused('a wrong grant and no scope', 'grant',
        bearer(scope => 'openid consent:urn:bank:1'));
refused('an enrollment', 'grant',
        bearer(scope => 'openid enrollment:urn:bank:1 consents'));
refused('unbound before the wrong grant', 'unbound',
        bearer(client => 'two', scope => 'openid consent:urn:bank:1'));
refused('no scope claim', 'scope', claim(scope => undef));
refused('an empty scope', 'scope', claim(scope => ''));
refused('another scope', 'scope', bearer(scope => 'payments'));
refused('scope in capitals', 'scope', bearer(scope => 'CONSENTS'));
refused('a part of the scope', 'scope', bearer(scope => 'consent'));

# --- two headers: nginx itself says 400

my $r = $o->call(GET => $unknown, token => undef,
                 headers => [ Authorization => bearer(),
                              Authorization => bearer() ]);
is($r->{status}, 400, 'two headers: 400');
is($r->{json}{errors}[0]{code}, 'BAD_REQUEST', 'two headers: the error');

# --- good ones

sub accepted {
    my ($name, $value, %args) = @_;

    my $r = $o->call(GET => $unknown, token => undef,
                     headers => [ Authorization => $value ], %args);

    is($r->{status}, 404, "$name: accepted") or diag(explain($r));

    push @used, $value;
}


accepted('a good one', bearer());
accepted('over TLS', bearer(), via => 'tls');
accepted('bearer in small letters', bearer() =~ s/Bearer/bearer/r);
accepted('BEARER in capitals', bearer() =~ s/Bearer/BEARER/r);
accepted('three spaces', bearer() =~ s/ /   /r);
accepted('aud a list', claim(aud => [ 'x', $Test::Oof::BaseUrl ]));
accepted('typ in capitals', header(typ => 'AT+JWT'));
accepted('the long typ', header(typ => 'application/at+jwt'));
accepted('no iat', claim(iat => undef));
accepted('iat a little ahead', claim(iat => $now + 3));
accepted('more scopes', bearer(scope => 'openid consents payments'));
accepted('more claims', claim(roles => [ 1, { a => 2 } ], x => undef));
accepted('2048 characters', do {
    my $pad = 'x';
    my $t = token(claims => { pad => $pad });
    $pad .= 'x' x int((2048 - length $t) * 3 / 4);
    $t = token(claims => { pad => $pad }) while length $t > 2048
        && ($pad = substr $pad, 1) || length $t < 2045 && ($pad .= 'x');
    ok(length $t > 2040 && length $t <= 2048, 'nearly that long');
    "Bearer $t";
});

my $one = bearer();
my $hits = $o->metric('oof_token_cache_total', result => 'hit');

accepted("the same again, $_", $one) for 1 .. 3;

is($o->metric('oof_token_cache_total', result => 'hit'), $hits + 2,
   'the second and third look-up were hits');

# --- a token that ends while it is cached

my $short = bearer(ttl => 2);

accepted('before its end', $short);
accepted('before its end, cached', $short);
wait_for(sub { $o->call(GET => $unknown, token => undef,
                        headers => [ Authorization => $short ])->{status}
               == 401 }, 4, 'the end of a token');
refused('after its end', 'expired', $short);

# --- a cache of two has room for two

my $small = Test::Oof->start(http => <<"END", locations => <<"LOC");
    oof_issuer small {
        issuer   $Test::Oof::Issuer;
        audience $Test::Oof::BaseUrl;
        jwks     file:@{[ Test::Oof::jwks() ]};
        cache    2;
    }
END
        location $Test::Oof::Api/ {
            oof_api consents v3;
            oof_issuer small;
        }
LOC

my @three = map { token() } 1 .. 3;

for my $n (0, 1, 2, 1, 2, 0) {
    is($small->call(GET => $unknown, token => $three[$n])->{status}, 404,
       "a small cache: token $n");
}

is($small->metric('oof_token_cache_total', result => 'hit'), 2,
   'a small cache: two hits');
is($small->metric('oof_token_cache_total', result => 'miss'), 4,
   'a small cache: four misses');
$small->stop;

# --- what is left behind

# (nginx itself repeats a second Authorization header, at [info])

my $log = $o->log_text =~ s/^.*client sent duplicate header line.*$//mgr;

ok(!(grep { length > 40 && index($log, substr $_, 20, 20) >= 0 } @used),
   'no token in the log');
like($log, qr/access token refused: its signature is wrong/, 'but the reason');

cmp_ok($o->metric('oof_token_checks_total', result => 'invalid'), '>', 40,
       'counted: invalid');
is($o->metric('oof_token_checks_total', result => 'expired'), 4,
   'counted: expired');
cmp_ok($o->metric('oof_token_checks_total', result => 'missing'), '>', 10,
       'counted: missing');
is($o->metric('oof_token_checks_total', result => 'scope'), 5,
   'counted: scope');
is($o->metric('oof_token_checks_total', result => 'grant'), 3,
   'counted: grant');
is($o->metric('oof_token_checks_total', result => 'unbound'), 7,
   'counted: unbound');

done_testing();
