#!/usr/bin/perl

# Copyright (C) oof authors

# What a bank's system answers, and what third parties hear of it: data as they
# are, regulated errors as they are, all else in the regulation's form (spec
# 0.3; spec 7, 1, 2, 4); time-outs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Gate;
use Time::HiRes qw/ time /;

my $bank = bank();
my $dead = free_port();

my $o = Test::Oof->start(
    http => "proxy_next_upstream off;",
    locations => gate_locations($bank, [ 'accounts', 'v2' ],
                     [ 'loans', 'v2', 'proxy_buffering off;' ],
                     [ 'financings', 'v2', 'oof_deadline 700ms;' ],
                     [ 'invoice-financings', 'v2',
                       'proxy_read_timeout 300ms;' ],
                     [ 'funds', 'v1', 'gzip on; gzip_types *;'
                                      . ' gzip_min_length 1;' ])
                 . <<"END");
        location /open-banking/exchanges/v1/ {
            oof_api exchanges v1;
            proxy_pass http://127.0.0.1:$dead;
        }
        location /open-banking/treasure-titles/v1/ {
            oof_api treasure-titles v1;
            proxy_pass http://127.0.0.1:$dead;
            error_page 502 = \@elsewhere;
        }
        location \@elsewhere {
            proxy_pass http://127.0.0.1:$bank->{port};
        }
END

my $consent = authorised();
my $account = resource(number => '10000011');

share($consent, $account);

my $Accounts = '/open-banking/accounts/v2/accounts';
my $Loans = '/open-banking/loans/v2/contracts';
my $json = { 'Content-Type' => 'application/json' };


# an answer of the bank's, by both ways of proxying

sub both {
    my ($name, $check, %answer) = @_;

    for ([ 'buffered', $Accounts ], [ 'unbuffered', $Loans ]) {
        my ($how, $path) = @$_;

        $bank->answer($path, %answer);

        my $r = get($o, $consent, $path);

        $check->($r, "$name, $how");
        like($r->{headers}{'x-v'} // '', qr/^2\.\d\.\d$/, "$name, $how: x-v");
        like($r->{headers}{'x-fapi-interaction-id'} // '',
             qr/^[0-9a-f-]{36}$/, "$name, $how: interaction id");
        is(scalar(grep { lc $_->[0] eq 'content-length' } @{ $r->{list} }), 1,
           "$name, $how: a length") if $r->{status} >= 400;
    }
}


# --- data

my $long = '{"data":"' . 'd' x 300_000 . '"}';

both('data', sub { is($_[0]{status}, 200, "$_[1]: status");
                   is($_[0]{body}, '{"data":[]}', "$_[1]: body") },
     body => '{"data":[]}', headers => $json);
both('long data', sub { is($_[0]{body}, $long, "$_[1]: body") },
     body => $long, headers => $json);
both('data bit by bit',
     sub { is($_[0]{body}, '{"data":[1,2,3]}', "$_[1]: body") },
     body => '{"data":[1,2,3]}', headers => $json, drip => 3);
both('nothing', sub { is($_[0]{status}, 204, "$_[1]: status") },
     raw => "HTTP/1.1 204 X\r\n\r\n");

# headers of the same names give way to ours

both('headers of ours',
     sub { is(scalar(grep { lc $_->[0] eq 'x-v' } @{ $_[0]{list} }), 1,
              "$_[1]: one x-v") },
     body => '{}', headers => { %$json, 'X-V' => '9.9.9',
                                'X-Fapi-Interaction-Id' => 'x' });


# --- regulated errors pass unchanged

my $utf8 = { 'Content-Type' => 'application/json; charset=utf-8' };

for my $status (400, 401, 403, 404, 406, 409, 422, 423, 429, 500, 502, 503,
                504, 529) {
    my $body = data_error("CODE_$status");

    both("regulated $status",
         sub { my ($r, $name) = @_;

               is($r->{status}, $status, "$name: status");
               is($r->{body}, $body, "$name: body");
               is($r->{headers}{'content-type'}, $utf8->{'Content-Type'},
                  "$name: media type");
               is($r->{headers}{'retry-after'}, 7, "$name: header") },
         status => $status, body => $body,
         headers => { %$utf8, 'Retry-After' => 7 });
}

my $many = json({ errors => [
    map { { code => "C$_", title => 't' x 255, detail => 'd' x 2048 } }
        1 .. 13 ] });

both('thirteen errors', sub { is($_[0]{body}, $many, "$_[1]: body") },
     status => 422, body => $many, headers => $utf8);
both('thirteen errors, bit by bit',
     sub { is($_[0]{body}, $many, "$_[1]: body") },
     status => 422, body => $many, headers => $utf8, drip => 3000);


# --- all else is told in the regulation's form

my %seen = (
    400 => 'BAD_REQUEST', 404 => 'NOT_FOUND', 406 => 'NOT_ACCEPTABLE',
    422 => 'ERRO_NAO_MAPEADO', 423 => 'LOCKED', 429 => 'TOO_MANY_REQUESTS',
    500 => 'INTERNAL_SERVER_ERROR', 503 => 'SERVICE_UNAVAILABLE',
    504 => 'GATEWAY_TIMEOUT', 529 => 'SITE_IS_OVERLOADED',
);

for my $status (301, 302, 307, 400, 401, 402, 403, 404, 405, 406, 409, 410,
                415, 418, 422, 423, 429, 499, 500, 501, 502, 503, 504, 520,
                529, 599) {
    my $want = exists $seen{$status} ? $status : 500;

    both("unregulated $status",
         sub { is_error($_[0], $want, $seen{$want}, $_[1]);
               unlike($_[0]{body}, qr/secret/, "$_[1]: nothing of it");
               ok(!exists $_[0]{headers}{$_}, "$_[1]: no $_")
                   for qw/ location x-inner set-cookie etag
                           www-authenticate /;
               ok($want !~ /429|503|529/ || $_[0]{headers}{'retry-after'},
                  "$_[1]: Retry-After") },
         status => $status, body => '<html>secret</html>',
         headers => { 'Content-Type' => 'text/html', 'X-Inner' => 'secret',
                      'Location' => 'http://secret/', 'ETag' => '"secret"',
                      'Set-Cookie' => 'secret=1',
                      'WWW-Authenticate' => 'Basic realm="secret"' });
}

my %bodies = (
    'empty' => '',
    'no JSON' => '{"errors":',
    'an array' => '[{"code":"a","title":"b","detail":"c"}]',
    'no errors' => '{"message":"secret"}',
    'errors of nothing' => '{"errors":[]}',
    'errors that are no array' => '{"errors":{"code":"a"}}',
    'an error that is a string' => '{"errors":["a"]}',
    'no code' => '{"errors":[{"title":"b","detail":"c"}]}',
    'no title' => '{"errors":[{"code":"a","detail":"c"}]}',
    'no detail' => '{"errors":[{"code":"a","title":"b"}]}',
    'an empty detail' =>
        '{"errors":[{"code":"a","title":"b","detail":""}]}',
    'a number for a code' =>
        '{"errors":[{"code":1,"title":"b","detail":"c"}]}',
    'the second is none' => '{"errors":[{"code":"a","title":"b",'
                            . '"detail":"c"},{}]}',
    'fourteen errors' =>
        '{"errors":[' . join(',', ('{"code":"a","title":"b","detail":"c"}')
                                      x 14) . ']}',
    'too long' => '{"errors":[{"code":"a","title":"b","detail":"'
                  . 'c' x 70_000 . '"}]}',
    'invalid UTF-8' => "{\"errors\":[{\"code\":\"\xff\",\"title\":\"b\","
                       . '"detail":"c"}]}',
);

for my $name (sort keys %bodies) {
    both("a body: $name",
         sub { is_error($_[0], 500, 'INTERNAL_SERVER_ERROR', $_[1]) },
         status => 500, body => $bodies{$name}, headers => $utf8);
}

both('a compressed error',
     sub { is_error($_[0], 422, 'ERRO_NAO_MAPEADO', $_[1]) },
     status => 422, body => data_error('X'),
     headers => { %$utf8, 'Content-Encoding' => 'gzip' });

both('an error without an end',
     sub { is_error($_[0], 500, 'INTERNAL_SERVER_ERROR', $_[1]) },
     raw => "HTTP/1.1 500 X\r\nContent-Type: text/html\r\n\r\n<html>secret");

# nginx compresses for the caller as it does elsewhere

my $Funds = '/open-banking/funds/v1/investments';

$bank->answer($Funds, status => 404, body => data_error('X' x 300),
              headers => $utf8);
my $r = get($o, $consent, $Funds, headers => { 'Accept-Encoding' => 'gzip' });
is($r->{status}, 404, 'compressed by nginx: status');
is($r->{headers}{'content-encoding'}, 'gzip', 'compressed by nginx');


# --- a system that cannot be reached, or answers nonsense

is_error(get($o, $consent, '/open-banking/exchanges/v1/operations'), 500,
         'INTERNAL_SERVER_ERROR', 'nobody listens');

for ([ 'no HTTP', raw => "nonsense\r\n\r\n" ],
     [ 'cut in the header', body => '{}', cut => 10 ],
     [ 'no HTTP, and JSON', raw => '{"data":[]}' ],
     [ 'closed at once', raw => '', close => 1 ]) {
    my ($name, %answer) = @$_;

    both($name, sub { is_error($_[0], 500, 'INTERNAL_SERVER_ERROR', $_[1]) },
         %answer);
}

# another system may serve in its place

$bank->answer('/open-banking/treasure-titles/v1/investments',
              body => '{"data":[]}', headers => $json);
$r = get($o, $consent, '/open-banking/treasure-titles/v1/investments');
passed($r, 'elsewhere');
is($r->{headers}{'x-v'}, '1.1.0', 'elsewhere: x-v');
is(seen($bank)->{headers}{'x-oof-consent-id'}, $consent,
   'elsewhere: told the same');


# --- one that does not answer in time: 504

my $Financings = '/open-banking/financings/v2/contracts';
my $Invoices = '/open-banking/invoice-financings/v2/contracts';

$bank->answer($_, hang => 1) for $Financings, $Invoices;

my $began = time;
is_error(get($o, $consent, $Financings), 504, 'GATEWAY_TIMEOUT',
         'the deadline of a request');
cmp_ok(time - $began, '<', 5, 'the deadline: in time');

is_error(get($o, $consent, $Invoices), 504, 'GATEWAY_TIMEOUT',
         'a time-out of nginx');

# on a kept connection and over HTTP/2 the next request is served

my $c = $o->connect('plain');
my ($headers) = $o->request_parts('plain',
                                  scope => "consent:$consent financings");

for (1 .. 2) {
    is_error($c->request('GET', $Financings, $headers), 504,
             'GATEWAY_TIMEOUT', "the deadline, kept connection $_");
}

$bank->answer($Financings, body => '{"data":[]}', headers => $json);
passed($c->request('GET', $Financings, $headers),
       'then one that is answered');
$c->close;

$bank->answer($Financings, hang => 1);
is_error(get($o, $consent, $Financings, via => 'tls', http2 => 1), 504,
         'GATEWAY_TIMEOUT', 'the deadline, HTTP/2');

# an answer that has begun is not cut by it

$bank->answer($Financings, body => '{"data":[' . '1,' x 300 . '1]}',
              headers => $json, drip => 6);
$began = time;
$r = get($o, $consent, $Financings);
passed($r, 'a slow answer');
cmp_ok(time - $began, '>', 0.8, 'a slow answer: beyond the deadline');

# a caller who goes away

$bank->answer($Financings, hang => 1);
$c = $o->connect('plain');
$c->write("GET $Financings HTTP/1.1\r\n"
          . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers) . "\r\n");
wait_for(sub { my $seen = seen($bank);
               $seen && $seen->{path} eq $Financings }, 5, 'the call');
$c->close;


both('at the end', sub { is($_[0]{status}, 200, "$_[1]: status") },
     body => '{"data":[]}', headers => $json);

my ($counted) = $o->call('GET', '/metrics', via => 'management',
                         client => undef);
like($counted->{body}, qr/operation="financing_list",code="504"\} [1-9]/,
     'counted by operation and code');

done_testing();
