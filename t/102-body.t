#!/usr/bin/perl

# Copyright (C) oof authors

# The body of a request: in memory and in one piece, however it comes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Oof;
use Test::Oof::Echo;
use Test::More;

my $o = echo(
    http => 'client_header_buffer_size 1k;',
    locations => <<'END',
        location /small/ {
            rewrite ^/small/(.*)$ /echo/v1/$1 break;
            oof_body_size 100;
            oof_api echo v1;
        }
        location /mirrored/ {
            rewrite ^/mirrored/(.*)$ /echo/v1/$1 break;
            mirror /mirror;
            oof_api echo v1;
        }
        location = /mirror { internal; return 204; }
END
);

my %v1 = (version => '1.2.3');
my $head = "Host: x\r\nx-fapi-interaction-id: $Id\r\n"
           . "Content-Type: application/json\r\n";
my $r;

sub body_is {
    my ($r, $body, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, 201, "$name: status");
    is($r->{json}{data}{length}, length $body, "$name: length");
    ok(($r->{json}{data}{body} // '') eq $body, "$name: bytes");
}

sub text { my ($n) = @_; join '', map { chr(97 + ($_ * 7 + int $_ / 26) % 26) }
                                      1 .. $n }

# sizes, and how they come

for my $n (1, 2, 100, 900, 1000, 1023, 1024, 1025, 4096, 16384, 30000, 65535,
           65536)
{
    my $body = text($n);

    body_is(ask($o, 'POST /echo/v1/items', body => $body), $body, "$n bytes");
    body_is(ask($o, 'POST /echo/v1/items', body => $body, http2 => 1), $body,
            "$n bytes, HTTP/2");

    for my $size (1, 7, 1000, 70000) {
        next if $n / $size > 30000;

        my $c = $o->connect('plain');
        $c->write("POST /echo/v1/items HTTP/1.1\r\n$head"
                  . "Transfer-Encoding: chunked\r\n\r\n"
                  . chunked($body, $size));
        body_is($c->response, $body, "$n bytes in chunks of $size");
    }
}

sub chunked {
    my ($body, $size) = @_;

    my $text = '';

    for (my $i = 0; $i < length $body; $i += $size) {
        my $part = substr $body, $i, $size;
        $text .= sprintf "%x\r\n%s\r\n", length $part, $part;
    }

    return $text . "0\r\n\r\n";
}

# byte by byte, with length and in chunks

for my $form ('length', 'chunks') {
    my $body = text(300);
    my $c = $o->connect('plain');

    my $text = $form eq 'length'
        ? "Content-Length: 300\r\n\r\n$body"
        : "Transfer-Encoding: chunked\r\n\r\n" . chunked($body, 5);

    for my $byte (split //, "POST /echo/v1/items HTTP/1.1\r\n$head$text") {
        $c->write($byte);
        select undef, undef, undef, 0.0002;
    }

    body_is($c->response, $body, "byte by byte, $form");

    # and the next request on the connection

    is($c->request('GET', '/echo/v1/items/a',
                   [ [ Host => 'x' ], [ 'x-fapi-interaction-id' => $Id ] ])
         ->{status}, 200, 'the connection goes on');
}

# pipelined with what comes next

my $c = $o->connect('plain');
my $get = "GET /echo/v1/items/a HTTP/1.1\r\n$head\r\n";

$c->write("POST /echo/v1/items HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\n12345"
          . $get
          . "POST /echo/v1/items HTTP/1.1\r\n${head}"
          . "Transfer-Encoding: chunked\r\n\r\n" . chunked('abc' x 1000, 100)
          . "POST /echo/v1/none HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\n12345"
          . "PUT /echo/v1/items/a HTTP/1.1\r\n${head}"
          . "Transfer-Encoding: chunked\r\n\r\n" . chunked('abc' x 1000, 100)
          . "POST /echo/v1/slow/30 HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\nxyz"
          . $get);

body_is($c->response, '12345', 'pipelined, length');
is($c->response->{status}, 200, 'the next one');
body_is($c->response, 'abc' x 1000, 'pipelined, chunks');
is($c->response->{status}, 404, 'a body that nobody reads');
is($c->response->{status}, 405, 'another one, in chunks');
body_is($c->response, 'xyz', 'one that is answered later');
is($c->response->{status}, 200, 'the last one');

# none

for my $http2 (0, 1) {
    my $what = $http2 ? 'HTTP/2' : 'HTTP/1.1';

    regulated(ask($o, 'POST /echo/v1/items', body => '', http2 => $http2),
              400, 'BAD_REQUEST', "an empty body, $what", %v1);
    regulated(ask($o, 'POST /echo/v1/items', http2 => $http2,
                  headers => [ 'Content-Type' => 'application/json' ]),
              400, 'BAD_REQUEST', "no body, $what", %v1);
}

$c = $o->connect('plain');
$c->write("POST /echo/v1/items HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n$get");
regulated($c->response, 400, 'BAD_REQUEST', 'length 0', %v1);
is($c->response->{status}, 200, 'the next one');

$c = $o->connect('plain');
$c->write("POST /echo/v1/items HTTP/1.1\r\n${head}"
          . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n$get");
regulated($c->response, 400, 'BAD_REQUEST', 'no chunk', %v1);
is($c->response->{status}, 200, 'the next one');

# too large; over HTTP/2 curl loses an answer that comes before it has sent
# everything, which it does at once where a window is large enough

regulated(insist('/echo/v1/items', text(65537), 0), 413, 'PAYLOAD_TOO_LARGE',
          '65537 bytes', %v1);

for my $http2 (0, 1) {
    my $what = $http2 ? 'HTTP/2' : 'HTTP/1.1';

    regulated(insist('/small/items', text(101), $http2), 413,
              'PAYLOAD_TOO_LARGE', "101 bytes of 100, $what", %v1);
    body_is(ask($o, 'POST /small/items', body => text(100), http2 => $http2),
            text(100), "100 bytes of 100, $what");
}

# nor is an answer over HTTP/1.1 sure to be read, now and then

sub insist {
    my ($path, $body, $http2) = @_;

    for (1 .. 30) {
        $r = ask($o, "POST $path", body => $body, http2 => $http2);
        last if length $r->{body};
    }

    return $r;
}

for my $size (1000, 65537) {
    $c = $o->connect('plain');
    $c->write("POST /echo/v1/items HTTP/1.1\r\n${head}"
              . "Transfer-Encoding: chunked\r\n\r\n"
              . chunked(text(65537), $size));
    regulated($c->response, 413, 'PAYLOAD_TOO_LARGE',
              "65537 bytes in chunks of $size", %v1);
}

$c = $o->connect('plain');
$c->write("POST /echo/v1/items HTTP/1.1\r\n${head}Content-Length: "
          . "99999999999\r\n\r\n");
regulated($c->response, 413, 'PAYLOAD_TOO_LARGE', 'an announced size', %v1);

# broken

for my $body ("x\r\n", "5\r\nabc", "-1\r\n", "fffffffffffffffff\r\n") {
    $c = $o->connect('plain');
    $c->write("POST /echo/v1/items HTTP/1.1\r\n${head}"
              . "Transfer-Encoding: chunked\r\n\r\n$body\r\n\r\n");
    my $name = "broken chunks: " . $body =~ s/\r\n/ /gr;

    if ($body eq "5\r\nabc") {
        is($c->closed(0.3), 0, "$name: more is awaited");
    } else {
        regulated($c->response, 400, 'BAD_REQUEST', $name, %v1);
    }
}

# types

my @types = (
    [ 201, 'application/json' ],
    [ 201, 'application/json;charset=utf-8' ],
    [ 201, 'application/json; charset=UTF-8' ],
    [ 201, 'Application/Json; Charset="utf-8"' ],
    [ 201, 'application/json;' ],
    [ 201, 'application/json; profile=x' ],
    [ 406, 'application/json; charset=iso-8859-1' ],
    [ 406, 'application/json; charset=utf-16' ],
    [ 406, 'application/json; charset=' ],
    [ 406, 'application/json; charset=utf-8; charset=latin1' ],
    [ 415, undef ],
    [ 415, '' ],
    [ 415, 'application/jwt' ],
    [ 415, 'text/json' ],
    [ 415, 'application/json-patch' ],
    [ 415, 'application/jso' ],
    [ 415, 'application/x-www-form-urlencoded' ],
    [ 415, 'application/json, text/plain' ],
    [ 415, 'application/json; charset' ],
    [ 415, 'application/*' ],
);

for my $case (@types) {
    my ($status, $type) = @$case;
    my $name = 'type ' . ($type // '(none)');

    $r = ask($o, 'POST /echo/v1/items', body => '{}',
             headers => [ 'Content-Type' => $type ]);

    if ($status == 201) {
        is($r->{status}, 201, "$name is taken");
    } else {
        regulated($r, $status, $status == 406 ? 'NOT_ACCEPTABLE'
                                              : 'UNSUPPORTED_MEDIA_TYPE',
                  "$name is $status", %v1);
    }
}

is(ask($o, 'POST /echo/v1/signed', body => 'a.b.c',
       headers => [ 'Content-Type' => 'application/jwt' ])->{status}, 201,
   'a signed body');
regulated(ask($o, 'POST /echo/v1/signed', body => 'a.b.c'), 415,
          'UNSUPPORTED_MEDIA_TYPE', 'a signed body of the wrong type', %v1);

# the order of errors: header, Accept, type, body

regulated(ask($o, 'POST /echo/v1/items', body => '', id => 'x',
              headers => [ Accept => 'x/y', 'Content-Type' => 'x/y' ]),
          400, 'BAD_REQUEST', 'the interaction id comes first', id => undef,
          %v1);
regulated(ask($o, 'POST /echo/v1/items', body => '',
              headers => [ Accept => 'x/y', 'Content-Type' => 'x/y' ]),
          406, 'NOT_ACCEPTABLE', 'then what is accepted', %v1);
regulated(ask($o, 'POST /echo/v1/items', body => '',
              headers => [ 'Content-Type' => 'x/y' ]),
          415, 'UNSUPPORTED_MEDIA_TYPE', 'then the type', %v1);

# Expect: 100-continue asks whether a body is wanted

$c = $o->connect('plain');
$c->write("POST /echo/v1/items HTTP/1.1\r\n${head}Content-Length: 3\r\n"
          . "Expect: 100-continue\r\n\r\n");
select undef, undef, undef, 0.1;
$c->fill(time + 2);
like($c->{buffer}, qr/^HTTP\/1.1 100 /, 'a body is asked for');
$c->write('abc');
body_is($c->response, 'abc', 'and taken');

$c = $o->connect('plain');
$c->write("POST /echo/v1/none HTTP/1.1\r\n${head}Content-Length: 3\r\n"
          . "Expect: 100-continue\r\n\r\n");
$c->fill(time + 2);
like($c->{buffer}, qr/^HTTP\/1.1 404 /, 'or not, when nobody will read it');

# documents

my $deep = sub { my ($n) = @_; '{"a":' . '[' x ($n - 1) . ']' x ($n - 1) . '}' };

my @documents = (
    [ 1, 'an object', '{}' ],
    [ 1, 'spaces around', " \r\n\t{ \"a\" : 1 } \n" ],
    [ 1, 'UTF-8', "{\"\xc3\xa7\":\"\xf0\x9f\x98\x80\"}" ],
    [ 1, 'escapes', '{"a":"\u00e7\n\"\\\\/"}' ],
    [ 1, 'nested 16 deep', $deep->(16) ],
    [ 1, 'brackets in a string', '{"a":"' . '[{' x 1000 . '"}' ],
    [ 1, 'an escaped quote, then brackets', '{"a":"\\"' . '[' x 50 . '"}' ],
    [ 1, 'the same name in two objects', '{"a":{"b":1},"c":{"b":1}}' ],
    [ 0, 'nested 17 deep', $deep->(17) ],
    [ 0, 'nested 10000 deep', $deep->(10000) ],
    [ 0, 'opened 30000 times', '[' x 30000 ],
    [ 0, 'objects opened 10000 times', '{"a":' x 10000 ],
    [ 0, 'a member twice', '{"a":1,"b":2,"a":3}' ],
    [ 0, 'a member twice, one escaped', '{"a":1,"\u0061":3}' ],
    [ 0, 'a member twice, inside', '{"x":[{"a":1,"a":1}]}' ],
    [ 0, 'an array', '[]' ],
    [ 0, 'a string', '"a"' ],
    [ 0, 'a number', '1' ],
    [ 0, 'null', 'null' ],
    [ 0, 'no JSON', 'hello' ],
    [ 0, 'a space', ' ' ],
    [ 0, 'not closed', '{"a":1' ],
    [ 0, 'something behind', '{} x' ],
    [ 0, 'two objects', '{}{}' ],
    [ 0, 'a comma too much', '{"a":1,}' ],
    [ 0, 'single quotes', "{'a':1}" ],
    [ 0, 'a comment', '{/**/}' ],
    [ 0, 'a BOM', "\xef\xbb\xbf{}" ],
    [ 0, 'UTF-16', "{\0\"\0}\0" ],
    [ 0, 'a NUL', "{\"a\":\"\0\"}" ],
    [ 0, 'a NUL behind', "{}\0" ],
    [ 0, 'an escaped NUL', '{"a":"\u0000"}' ],
    [ 0, 'an escaped NUL in a name', '{"\u0000":1}' ],
    [ 0, 'a backslash before a NUL', "{\"a\":\"\\\0\"}" ],
    [ 0, 'not UTF-8', "{\"a\":\"\xff\"}" ],
    [ 0, 'an overlong form', "{\"a\":\"\xc0\xaf\"}" ],
    [ 0, 'a surrogate', "{\"a\":\"\xed\xa0\x80\"}" ],
    [ 0, 'half a surrogate', '{"a":"\ud83d"}' ],
    [ 0, 'a control character', "{\"a\":\"\x01\"}" ],
    [ 0, 'a number too great', '{"a":1e400}' ],
    [ 0, 'an integer too great', '{"a":9223372036854775808}' ],
    [ 0, 'a leading zero', '{"a":01}' ],
    [ 0, 'NaN', '{"a":NaN}' ],
);

for my $case (@documents) {
    my ($good, $name, $body) = @$case;

    $r = ask($o, 'POST /echo/v1/documents', body => $body);

    if ($good) {
        is($r->{status}, 201, "$name is parsed");
    } else {
        regulated($r, 400, 'BAD_REQUEST', "$name is refused", %v1);
    }
}

unlike($o->log_text, qr/\\ud83d|1e400|hello/,
       'no body stands in the log');

# another module has read it before us

body_is(ask($o, 'POST /mirrored/items', body => text(5000)), text(5000),
        'a body that is mirrored');

# nothing went to a file

unlike($o->log_text, qr/buffered to a temporary file/, 'no file was needed');

done_testing();
