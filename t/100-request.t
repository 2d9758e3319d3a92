#!/usr/bin/perl

# Copyright (C) oof authors

# The way of a request through an API that needs no credentials: routes,
# headers, answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Oof;
use Test::Oof::Echo;
use Test::More;

my $o = echo();
my %v1 = (version => '1.2.3');
my $r;

# a good answer

$r = ask($o, 'GET /echo/v1/items/urn:bank:1(a)');

is($r->{status}, 200, 'a route is found');
is($r->{headers}{'content-type'}, 'application/json', 'its type');
is($r->{headers}{'x-v'}, '1.2.3', 'its version');
is($r->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
is(id_of($r), $Id, 'the interaction id comes back in its case');
is($r->{headers}{'content-length'}, length $r->{body}, 'its length');
is_deeply($r->{json}{data}, { itemId => 'urn:bank:1(a)' }, 'its data');
is_deeply($r->{json}{links},
          { self => 'https://mtls-api.oof.test/echo/v1/items/urn:bank:1(a)' },
          'its link');
like($r->{json}{meta}{requestDateTime}, qr/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/,
     'its time');
is_deeply([ sort keys %{ $r->{json} } ], [ qw/ data links meta / ],
          'nothing else');

my @names = map { $_->[0] } @{ $r->{list} };
is(scalar(grep { $_ eq 'x-fapi-interaction-id' } @names), 1, 'one id');

# parameters of a path

$r = ask($o, 'GET /echo/v1/items/a/parts/b');
is_deeply($r->{json}{data}, { itemId => 'a', partId => 'b' },
          'two parameters');

$r = ask($o, 'GET /echo/v1/items/%C3%A7%22%5C%0A%01');
is_deeply($r->{json}{data}, { itemId => "\x{e7}\"\\\n\x01" },
          'a parameter is decoded, and escaped');
is_deeply($r->{json}{links}{self},
          "https://mtls-api.oof.test/echo/v1/items/\x{e7}\"\\\n\x01",
          'so is the link');

$r = ask($o, 'GET /echo/v1/items/%FF%C0%80x');
is_deeply($r->{json}{data}, { itemId => "\x{fffd}\x{fffd}\x{fffd}x" },
          'what is not UTF-8 is replaced');

$r = ask($o, 'GET /echo/v1/items/a?x=1&y=%2F');
is($r->{status}, 200, 'arguments are no part of the path');

# what is no route

for my $path ('/echo/v1/', '/echo/v1/items', '/echo/v1/items/',
              '/echo/v1/items/a/', '/echo/v1/items/a/parts',
              '/echo/v1/items/a/parts/', '/echo/v1/items/a/parts/b/c',
              '/echo/v1/items/a%2Fb', '/echo/v1/ITEMS/a', '/echo/v1/itemsa',
              '/echo/v1/item', '/echo/v1/x')
{
    my $line = $path eq '/echo/v1/items' ? "GET $path/" : "GET $path";
    regulated(ask($o, $line), 404, 'NOT_FOUND', "$line is 404", %v1);
}

regulated(ask($o, 'GET /echo/v3/items/a'), 404, 'NOT_FOUND',
          'no API there: 404 of nginx itself');

# wrong methods

for my $method (qw/ POST PUT PATCH OPTIONS PROPFIND /) {
    $r = ask($o, "$method /echo/v1/items/a");
    regulated($r, 405, 'METHOD_NOT_ALLOWED', "$method is 405", %v1);
    is($r->{headers}{allow}, 'GET, DELETE', "$method: what is allowed");
}

$r = ask($o, 'HEAD /echo/v1/items/a');
regulated($r, 405, '', 'HEAD is 405', head => 1, %v1);
is($r->{headers}{allow}, 'GET, DELETE', 'HEAD: what is allowed');

$r = ask($o, 'FOO /echo/v1/items');
regulated($r, 405, 'METHOD_NOT_ALLOWED', 'an unknown method is 405', %v1);
is($r->{headers}{allow}, 'POST', 'what is allowed');

# the interaction id

my %bad = (
    'missing' => undef,
    'empty' => '',
    'short' => '8f2b1a90-4e61-4b8c-9f3a-2b8e1c7d5a1',
    'long' => '8f2b1a90-4e61-4b8c-9f3a-2b8e1c7d5a100',
    'without hyphens' => '8f2b1a904e614b8c9f3a2b8e1c7d5a10',
    'misplaced hyphens' => '8f2b1a9-04e61-4b8c-9f3a-2b8e1c7d5a10',
    'not hex' => '8f2b1a90-4e61-4b8c-9f3a-2b8e1c7d5a1g',
    'with braces' => '{f2b1a90-4e61-4b8c-9f3a-2b8e1c7d5a1}',
);

for my $name (sort keys %bad) {
    $r = ask($o, 'GET /echo/v1/items/a', id => $bad{$name});
    regulated($r, 400, 'BAD_REQUEST', "interaction id $name", id => undef,
              %v1);
}

$r = ask($o, 'GET /echo/v1/items/a',
         headers => [ 'x-fapi-interaction-id' => new_uuid() ]);
regulated($r, 400, 'BAD_REQUEST', 'two interaction ids', id => undef, %v1);

my $first = id_of($r);
$r = ask($o, 'GET /echo/v1/items/a', id => undef);
isnt(id_of($r), $first, 'ids of our own differ');

# a path is judged before a header

$r = ask($o, 'GET /echo/v1/none', id => undef);
regulated($r, 404, 'NOT_FOUND', '404 comes before 400', id => undef, %v1);

$r = ask($o, 'PUT /echo/v1/items/a', id => 'x');
regulated($r, 405, 'METHOD_NOT_ALLOWED', '405 comes before 400',
          id => undef, %v1);

# other headers of the regulation

my @headers = (
    [ 200, 'x-fapi-auth-date' => 'Tue, 24 Nov 2026 12:00:00 GMT' ],
    [ 200, 'x-fapi-auth-date' => 'Sun, 01 Feb 2026 23:59:59 UTC' ],
    [ 400, 'x-fapi-auth-date' => 'Tue, 24 Nov 2026 12:00:00 BRT' ],
    [ 400, 'x-fapi-auth-date' => 'Tue, 4 Nov 2026 12:00:00 GMT' ],
    [ 400, 'x-fapi-auth-date' => 'Ter, 24 Nov 2026 12:00:00 GMT' ],
    [ 400, 'x-fapi-auth-date' => 'Tue, 24 Nov 2026 12:00:00 GMT+3' ],
    [ 400, 'x-fapi-auth-date' => 'Tue, 24 nov 2026 12:00:00 GMT' ],
    [ 400, 'x-fapi-auth-date' => '2026-11-24T12:00:00Z' ],
    [ 400, 'x-fapi-auth-date' => '' ],
    [ 200, 'x-fapi-customer-ip-address' => '2001:db8::1' ],
    [ 200, 'x-fapi-customer-ip-address' => 'x' x 100 ],
    [ 400, 'x-fapi-customer-ip-address' => 'x' x 101 ],
    [ 400, 'x-fapi-customer-ip-address' => '' ],
    [ 200, 'x-customer-user-agent' => 'Mozilla/5.0 (X11)' ],
    [ 200, 'x-customer-user-agent' => 'x' x 255 ],
    [ 400, 'x-customer-user-agent' => 'x' x 256 ],
    [ 400, 'x-customer-user-agent' => '' ],
    [ 200, 'x-anything' => '' ],
    [ 200, 'x-fapi-auth-date2' => 'x' ],
);

for my $case (@headers) {
    my ($status, $name, $value) = @$case;
    my $what = "$name: " . (length $value > 60 ? length $value : "\"$value\"");

    $r = ask($o, 'GET /echo/v1/items/a', headers => [ $name => $value ]);

    if ($status == 200) {
        is($r->{status}, 200, "$what is fine");
    } else {
        regulated($r, 400, 'BAD_REQUEST', "$what is 400", %v1);
    }
}

$r = ask($o, 'GET /echo/v1/items/a',
         headers => [ 'x-customer-user-agent' => 'a',
                      'x-customer-user-agent' => 'b' ]);
regulated($r, 400, 'BAD_REQUEST', 'a header that comes twice', %v1);

# what the caller accepts

my @accept = (
    [ 200, undef ],
    [ 200, '' ],
    [ 200, '*/*' ],
    [ 200, 'application/json' ],
    [ 200, 'Application/JSON' ],
    [ 200, 'application/*' ],
    [ 200, 'application/json;charset=UTF-8' ],
    [ 200, 'application/json; charset="utf-8"' ],
    [ 406, 'application/json; charset=iso-8859-1' ],
    [ 200, 'text/html, application/json;q=0.1' ],
    [ 200, 'text/html;q=0.9,*/*;q=0.001' ],
    [ 406, 'text/html' ],
    [ 406, 'application/xml' ],
    [ 406, 'application/jwt' ],
    [ 406, 'application/jsonx' ],
    [ 406, 'application/json;q=0' ],
    [ 406, 'application/json;q=0.000, */*' ],
    [ 406, 'application/*;q=0, */*;q=1' ],
    [ 200, '*/*;q=0, application/json' ],
    [ 406, 'application/json;q=2' ],
    [ 406, 'application/json;q=' ],
    [ 406, 'application/json;q=0.1234' ],
    [ 406, 'json' ],
    [ 406, '/' ],
    [ 406, 'text/x;a="application/json, application/json"' ],
    [ 200, 'text/x;a="\\",", application/json' ],
    [ 200, ' , application/json' ],
);

for my $case (@accept) {
    my ($status, $value) = @$case;
    my $what = 'Accept: ' . ($value // '(none)');

    $r = ask($o, 'GET /echo/v1/items/a', headers => [ Accept => $value ]);

    if ($status == 200) {
        is($r->{status}, 200, "$what is served");
    } else {
        regulated($r, 406, 'NOT_ACCEPTABLE', "$what is 406", %v1);
    }
}

$r = ask($o, 'GET /echo/v1/items/a',
         headers => [ Accept => 'text/html', Accept => 'application/json' ]);
is($r->{status}, 200, 'two Accept headers are one list');

$r = ask($o, 'GET /echo/v1/items/a',
         headers => [ Accept => '*/*', Accept => 'application/json;q=0' ]);
regulated($r, 406, 'NOT_ACCEPTABLE', 'in which the exact range wins', %v1);

is(ask($o, 'GET /echo/v2/items/a',
       headers => [ Accept => 'application/jwt' ])->{status}, 200,
   'an API of signed answers takes application/jwt');

# headers of other uses of HTTP are ignored: the answers have no validators

for my $header ([ 'If-Match' => '"x"' ], [ 'If-None-Match' => '*' ],
                [ 'If-Unmodified-Since' => 'Sat, 29 Oct 1994 19:43:31 GMT' ],
                [ 'If-Modified-Since' => 'Sat, 29 Oct 2094 19:43:31 GMT' ],
                [ Range => 'bytes=0-1' ])
{
    $r = ask($o, 'GET /echo/v1/items/a', headers => $header);
    is($r->{status}, 200, "$header->[0] is ignored");
}

# a type without a body to read

for my $type ('text/plain', 'application/json; charset=latin1', '') {
    $r = ask($o, 'GET /echo/v1/items/a', headers => [ 'Content-Type' => $type ]);
    is($r->{status}, 200, "a GET may have the type \"$type\"");
}

$r = ask($o, 'GET /echo/v1/items/a', body => 'x' x 5000);
is($r->{status}, 200, 'and a body, which nobody reads');

# statuses

$r = ask($o, 'DELETE /echo/v1/items/a');
is($r->{status}, 204, 'no content');
is($r->{headers}{'content-type'}, undef, 'and no type');
is($r->{headers}{'content-length'}, undef, 'nor length');
is(id_of($r), $Id, 'but an interaction id');
is($r->{headers}{'x-v'}, '1.2.3', 'and a version');

for my $status (200, 202) {
    $r = ask($o, "GET /echo/v1/empty/$status");
    is($r->{status}, $status, "an empty $status");
    is($r->{headers}{'content-length'}, 0, 'has length 0');
    is($r->{headers}{'content-type'}, undef, 'and no type');
}

my %codes = (
    400 => 'BAD_REQUEST', 401 => 'UNAUTHORIZED', 403 => 'FORBIDDEN',
    404 => 'NOT_FOUND', 405 => 'METHOD_NOT_ALLOWED', 406 => 'NOT_ACCEPTABLE',
    409 => 'CONFLICT', 413 => 'PAYLOAD_TOO_LARGE',
    415 => 'UNSUPPORTED_MEDIA_TYPE', 422 => 'ERRO_NAO_MAPEADO',
    423 => 'LOCKED', 429 => 'TOO_MANY_REQUESTS', 418 => 'BAD_REQUEST',
    500 => 'INTERNAL_SERVER_ERROR', 503 => 'SERVICE_UNAVAILABLE',
    504 => 'GATEWAY_TIMEOUT', 529 => 'SITE_IS_OVERLOADED',
    599 => 'INTERNAL_SERVER_ERROR',
);

for my $status (sort keys %codes) {
    $r = ask($o, "GET /echo/v1/status/$status");
    regulated($r, $status, $codes{$status}, "an error $status", %v1);
    is($r->{headers}{'retry-after'}, $status =~ /^(?:429|503|529)$/ ? 5 : undef,
       "retry after, $status");
    is($r->{headers}{'www-authenticate'}, $status == 401 ? 'Bearer' : undef,
       "authenticate, $status");
    is($r->{headers}{'cache-control'}, 'no-store', "not stored, $status");
}

for my $how (qw/ error nothing /) {
    regulated(ask($o, "GET /echo/v1/broken/$how"), 500,
              'INTERNAL_SERVER_ERROR', "a handler that is broken: $how", %v1);
}

Test::Oof->allow(qr/no answer has been prepared/);

# big answers

for my $n (1, 70000, 3_000_000) {
    $r = ask($o, "GET /echo/v1/big/$n");
    is(length $r->{body}, $n + 2, "an answer of $n bytes");
}

# kept connections and pipelines

my $c = $o->connect('plain');

for my $path (qw{ items/1 status/404 none items/2 status/503 items/3 }) {
    $r = $c->request('GET', "/echo/v1/$path",
                     [ [ Host => 'x' ], [ 'x-fapi-interaction-id' => $Id ] ]);
    ok($r->{status} && ($r->{headers}{connection} // '') ne 'close',
       "$path keeps the connection");
}

$c->write(join '', map { "GET /echo/v1/$_ HTTP/1.1\r\nHost: x\r\n"
                         . "x-fapi-interaction-id: $Id\r\n\r\n" }
               qw{ items/1 slow/50 items/2 none slow/20 items/3 });

is(join(' ', map { $c->response->{status} } 1 .. 6), '200 200 200 404 200 200',
   'pipelined requests are answered in order');

# HTTP/1.0, HTTP/0.9

$c = $o->connect('plain');
$c->write("GET /echo/v1/none HTTP/1.0\r\nx-fapi-interaction-id: $Id\r\n\r\n");
regulated($c->response, 404, 'NOT_FOUND', 'HTTP/1.0', %v1);

$c = $o->connect('plain');
$c->write("GET /echo/v1/none\r\n");
$c->closed;
like($c->{buffer}, qr/^\{"errors":\[.*\}$/s, 'HTTP/0.9 gets the body');

# HTTP/2

$r = ask($o, 'GET /echo/v1/items/a', http2 => 1);
is($r->{version}, '2', 'HTTP/2');
is($r->{status}, 200, 'HTTP/2: a route is found');
is_deeply($r->{json}{data}, { itemId => 'a' }, 'HTTP/2: its data');
is(id_of($r), $Id, 'HTTP/2: the interaction id');
is($r->{headers}{'x-v'}, '1.2.3', 'HTTP/2: the version');

regulated(ask($o, 'GET /echo/v1/none', http2 => 1), 404, 'NOT_FOUND',
          'HTTP/2: 404', %v1);
regulated(ask($o, 'PUT /echo/v1/items/1', http2 => 1), 405,
          'METHOD_NOT_ALLOWED', 'HTTP/2: 405', %v1);
regulated(ask($o, 'GET /nowhere', http2 => 1), 404, 'NOT_FOUND',
          'HTTP/2: 404 of nginx itself');

is(ask($o, 'DELETE /echo/v1/items/1', http2 => 1)->{status}, 204,
   'HTTP/2: 204');
is(ask($o, 'GET /echo/v1/slow/50', http2 => 1)->{status}, 200,
   'HTTP/2: an answer that is awaited');
is(length ask($o, 'GET /echo/v1/big/1000000', http2 => 1)->{body}, 1000002,
   'HTTP/2: a big answer');

done_testing();
