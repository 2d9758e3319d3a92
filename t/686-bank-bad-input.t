#!/usr/bin/perl

# Copyright (C) oof authors

# Bad input on the bank's side: every operation of the consent management API
# with paths, queries, bodies, headers, methods and tokens that it may not have.
# Each answer is the text's error, and none of it ends a worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ row /;
use Test::Oof::Journey qw/ bank $Ana @Bakery /;
use Test::Oof::Bank;

my $o = bank_side(log_level => 'notice');
my @workers = $o->worker_pids;
my $id = in_state($o, 'AUTHORISED');
my $was = state();
my $own = '/consents/v1/consents/{consentId}';
my %json = ('Content-Type' => 'application/json');
my $yes = JSON::PP::true();

# method, path, a body that is good

my @operations = (
    [ GET => '/v1/consents' ],
    [ GET => '/v1/consents/{consentId}' ],
    [ PATCH => '/v1/consents/{consentId}', { data => { status => 'REVOKED',
        revocation => { revokedBy => 'USER',
                        reason => { code => 'OTHER' } } } } ],
    [ PATCH => $own, { data => { rejection => { rejectedBy => 'USER',
        reason => { code => 'CUSTOMER_MANUALLY_REVOKED' } } } } ],
    [ GET => '/consents/v2/active' ],
    [ GET => '/v1/consents/{consentId}/extends' ],
    [ POST => '/v1/payments/consents/{consentId}/authorisation',
      { data => { authorised => $yes } } ],
    [ POST => '/v1/resources-notification',
      { data => { key => $Ana, type => 'LOAN' } } ],
    [ POST => "$own/search-key/{searchKey}" ],
    [ GET => "$own/search-key/{searchKey}" ],
    [ DELETE => "$own/search-key/{searchKey}" ],
    [ POST => "$own/search-keys", [ 'a' ] ],
    [ GET => "$own/search-keys" ],
    [ DELETE => "$own/search-keys" ],
    [ PUT => "$own/meta-data", { data => '{}' } ],
    [ PATCH => "$own/meta-data", { data => '{}' } ],
    [ GET => "$own/meta-data" ],
    [ DELETE => "$own/meta-data" ],
    [ PATCH => '/v1/webhook/toggle/{consentId}', { active => $yes } ],
    [ GET => '/v1/webhook/status/{consentId}' ],
);


# --- bodies

my @bodies = (
    '', ' ', '{', '}', '[', '{"data"', '{"data":', '{"data":}', '{"data":{}',
    '{"data":{}},', '{"data":{}}{}', '{data:{}}', "{'data':{}}", 'null', '1',
    '"text"', 'true', '{"data":{},"data":{}}', '{"data":{"a":NaN}}',
    '{"data":{"a":Infinity}}', '{"data":{"a":01}}', '{"data":{"a":1e999}}',
    '{"data":{"a":"\\ud800"}}', '{"data":{"a":"\\x"}}',
    "{\"data\":{\"a\":\"\0\"}}", '{"data":{"a":"\\u0000"}}',
    "{\"data\":{\"a\":\"\xff\"}}", "{\"data\":{\"a\":\"\xc0\xaf\"}}",
    "{\"data\":{\"a\":\"\xed\xa0\x80\"}}", "\xef\xbb\xbf{}", "\xff\xfe{\0}\0",
    '{"a":' x 17 . '1' . '}' x 17, '[' x 5000, '{"a":' x 5000,
    '<data/>', 'data=1', "{\"data\":\x01}", '//{}', '{"data":/**/{}}',
);

for my $operation (grep { $_->[2] } @operations) {
    my ($method, $path, $good) = @$operation;

    for my $body (@bodies) {
        my $r = ask($o, $method, $path, id => $id, body => $body,
                    name => "$method $path", headers => \%json);

        is($r->{status}, 400, "$method $path: " . seen($body))
            or diag($r->{body});
    }

    # its good one, but for each thing in it

    for my $body (changed($good)) {
        my $r = ask($o, $method, $path, id => $id, json => $body,
                    name => "$method $path");

        is($r->{status}, 400, "$method $path: " . json($body))
            or diag($r->{body});
    }

    for my $type ('text/plain', 'application/jwt', '', 'application/xml',
                  'application/json; charset=latin1', 'application/jsonx') {
        like(ask($o, $method, $path, id => $id, body => json($good),
                 name => "$method $path",
                 headers => { 'Content-Type' => $type })->{status},
             qr/^4(?:06|15)$/, "$method $path: $type");
    }

    is(ask($o, $method, $path, id => $id, name => "$method $path: large",
           body => '{"a":"' . 'x' x 65536 . '"}', headers => \%json)
       ->{status}, 413, "$method $path: a large body");
}


# --- paths

my @ids = ('0', 'x' x 35, 'x' x 36, 'x' x 3000, '%FF%FE', '%0A', '..%2F',
           'urn:bank', 'urn:bank:', 'urn::', 'urn:bank:' . 'x' x 36,
           "urn:tank:$id", "URN:bank:$id", "$id%20", "%20$id", "$id-",
           "{$id}", $id =~ tr/-//dr, "$id;a=b", "%2B$id", "'",
           '%27%20OR%201=1');

for my $operation (grep { $_->[1] =~ /consentId/ } @operations) {
    my ($method, $path, $good) = @$operation;

    for my $bad (@ids) {
        my $r = ask($o, $method, $path, id => $bad, key => 'k', json => $good,
                    query => 'searchKeys=a', name => "$method $path $bad");

        like($r->{status}, qr/^40[04]$/, "$method $path: id $bad")
            or diag($r->{body});
    }
}

for my $path ('', '/', '/v1', '/v1/', '/v1/consents/', "/v1/consents/$id/",
              '/v2/consents', '/V1/consents', '/v1/consent', '/v1/tpps',
              "/v1/consents/$id/extends/1", "/consents/v1/consents/$id/x",
              '/consents/v1/active', '/consents/v3/active',
              "/consents/v1/consents/$id/search-key",
              "/consents/v1/consents/$id/search-key/",
              "/consents/v1/consents/$id/search-key/a/b", '/%2e%2e/v1',
              '/v1/domains/permission') {
    my $r = bank($o, 'GET', "$Bank$path", scope => 'oob_consents:read');

    is(said($r), '404 NOT_FOUND', "path $path");
    like($r->{headers}{'content-type'}, qr{^application/json}, "$path: JSON");
}


# --- methods

my %paths;
push @{ $paths{ $_->[1] } }, $_->[0] for @operations;

for my $path (sort keys %paths) {
    my $there = $Bank . $path =~ s/\{consentId\}/$id/r =~ s/\{searchKey\}/k/r;

    for my $method (qw/ GET PUT POST PATCH DELETE HEAD OPTIONS TRACE LOCK
                        PROPFIND /) {
        next if grep { $_ eq $method } @{ $paths{$path} };

        my $r = bank($o, $method, $there, scope => "oob_consents:read $Write");

        is($r->{status}, 405, "$method $path");
        is(join(' ', sort split /, */, $r->{headers}{allow} // ''),
           join(' ', sort @{ $paths{$path} }), "$method $path: Allow")
            if $method !~ /TRACE|PROPFIND|LOCK/;
    }
}


# --- headers and tokens, before anything else is looked at

for my $operation (@operations) {
    my ($method, $path, $good) = @$operation;
    my $name = "$method $path";
    my $call = sub { ask($o, $method, $path, id => $id, key => 'k',
                         json => $good, name => $name, @_) };

    is($call->(headers => { Accept => $_ })->{status}, 406, "$name: Accept $_")
        for 'text/html', 'application/xml', 'application/json;q=0';
    is(said($call->(token => undef)), '401 UNAUTHORIZED', "$name: no token");
    is(said($call->(token => $_)), '401 UNAUTHORIZED', "$name: a token $_")
        for 'x', 'a.b.c', 'e30.e30.e30', 'x' x 4000;
    is(said($call->(scope => $_)), '403 FORBIDDEN', "$name: scope $_")
        for 'openid', 'oob_journey', 'oob_consents', 'consents',
            $method eq 'GET' ? $Write : 'oob_consents:read';

    # a token of third parties is no token of the bank's

    is(said(bank($o, $method, $Bank . $path =~ s/\{.*?\}/$id/gr,
                 json => $good, token => token(
                     scope => "oob_consents:read $Write", claims => {
                         cnf => undef, iss => 'https://other.oof.test' }))),
       '401 UNAUTHORIZED', "$name: another issuer");
}


# --- queries of random bytes: none is more than refused

my $seed = 20260101;

sub random {
    my ($n) = @_;

    $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    return ($seed >> 8) % $n;
}

my @words = qw/ consentOwner cpf cnpj createdOnBegin createdOnEnd orgName
    consentTermPeriod modalityType modalityTypeList orderType searchKey status
    searchKeys statusList type typeList paymentType page page-size startDate
    endDate pagination-key /;
my @parts = (@words, '=', '=', '&', '&', ',', '%', '%00', '%ff', '%e2%82%ac',
             '+', '-', '-1', '0', '1', '9' x 20, 'T', 'Z', ':', '.', '{', '}', '[',
             ']', '%22', 'DATA_SHARING', 'REVOKED', 'ASC', $Ana, $Bakery[3],
             '2026-01-01T00:00:00Z', 'null', '"', "'", ';', '/', '?', '%25');
my %statuses;

for my $n (1 .. 300) {
    my $query = join '', $words[random(scalar @words)], '=',
                         map { $parts[random(scalar @parts)] }
                             1 .. 1 + random(12);

    for my $path ('/v1/consents', '/consents/v2/active',
                  '/v1/consents/{consentId}/extends', "$own/search-keys") {
        my $r = bank($o, 'GET', $Bank . $path =~ s/\{.*?\}/$id/r . "?$query",
                     scope => 'oob_consents:read');

        $statuses{ $r->{status} }++;
        $r->{status} =~ /^(?:200|400|422)$/ && ref $r->{json} eq 'HASH'
            or fail("$path?$query: $r->{status}");
    }
}

ok($statuses{200} && $statuses{400}, 'queries of random parts: '
   . join ' ', map { "$_=$statuses{$_}" } sort keys %statuses);


# --- nothing of it was done, and nobody has died

is_deeply(state(), $was, 'the consent is as it was');
is_deeply([ $o->worker_pids ], \@workers, 'the same workers');
unlike($o->log_text, qr/\[(?:alert|crit|emerg)\]|exited on signal/,
       'nothing grave in the log');

done_testing();


sub state {
    return [ row($id), map { (psql("SELECT count(*) FROM $_"))[0][0] }
             qw/ oof_consent_search_key oof_consent_metadata
                 oof_consent_webhook oof_event oof_consent_history / ];
}


sub seen {
    my ($body) = @_;

    return substr($body =~ s/[^ -~]/?/gr, 0, 40);
}


# copies of a body, each with one thing missing or of another type

sub changed {
    my ($v) = @_;

    return map { my $n = $_; map { my $bad = $_; [ map { $_ == $n ? $bad
                   : $v->[$_] } 0 .. $#$v ] } 1, undef, {}, [], '', $yes }
               0 .. $#$v
        if ref $v eq 'ARRAY';

    my @list;

    for my $name (sort keys %$v) {
        my %without = %$v;
        delete $without{$name};
        push @list, \%without;

        for my $bad (12, undef, [], {}, 'no such word', 1.5,
                     JSON::PP::is_bool($v->{$name}) ? 'true' : $yes) {
            next if $name eq 'key' && defined $bad && $bad eq 'no such word';
            push @list, { %$v, $name => $bad };
        }

        push @list, map { { %$v, $name => $_ } } changed($v->{$name})
            if ref $v->{$name} eq 'HASH';
    }

    return @list;
}
