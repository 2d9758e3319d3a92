#!/usr/bin/perl

# Copyright (C) oof authors

# The errors that nginx itself makes have the regulation's form: before a
# server or location is known, over HTTP/1.0, 1.1 and 2, plain and TLS.  What
# is not nginx's own stays as it is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Oof;
use Test::Oof::Client;
use Test::Oof::Echo;
use Test::More;

my $upstream = free_port();
my $dead = free_port();
my $silent = free_port();
my ($mtls, $optional, $off) = map { free_port() } 1 .. 3;

my $tls = <<"END";
        ssl_certificate        @{[ pki('leaf-server.pem') ]};
        ssl_certificate_key    @{[ pki('leaf-server.key') ]};
        ssl_client_certificate @{[ pki('trusted.pem') ]};
        ssl_crl                @{[ pki('crl.pem') ]};
        ssl_verify_depth       4;
        oof_brand              bank;
        access_log             logs/oof.log oof;
        location /echo/v1/ { oof_api echo v1; }
END

my $o = echo(
    http => <<'END',
        client_header_buffer_size 1k;
        large_client_header_buffers 4 8k;
        client_header_timeout 1s;
        limit_req_zone $uri zone=z:1m rate=1r/m;
        limit_req_status 429;
END
    server => 'client_max_body_size 1000; access_log logs/oof.log oof;',
    locations => <<"END",
        location = /deny { deny all; }
        location = /basic { auth_basic x; auth_basic_user_file /dev/null; }
        location = /limit { limit_req zone=z; root /; }
        location = /html { default_type text/html;
                           return 404 "<html>ours</html>"; }
        location = /text { return 503 "ours\\n"; }
        location = /zero { return 404 ""; }
        location = /moved { return 301 /there; }
        location = /dead { proxy_pass http://127.0.0.1:$dead; }
        location = /hung { proxy_pass http://127.0.0.1:$silent;
                           proxy_read_timeout 100ms; }
        location /up/ { proxy_pass http://127.0.0.1:$upstream/; }
        location /echo/v1/up/ {
            oof_api echo v1;
            proxy_pass http://127.0.0.1:$upstream/;
        }
        location /caught/ {
            proxy_pass http://127.0.0.1:$upstream/;
            proxy_intercept_errors on;
            error_page 500 \@nginx;
        }
        location /paged/ {
            error_page 404 = /html;
            error_page 403 /html;
            error_page 405 \@up;
            error_page 410 \@file;
            error_page 500 \@gone;
            error_page 501 \@nginx;
            location = /paged/404 { return 404; }
            location = /paged/403 { return 403; }
            location = /paged/405 { return 405; }
            location = /paged/410 { return 410; }
            location = /paged/500 { return 500; }
            location = /paged/501 { return 501; }
        }
        location \@up { rewrite ^ /html404 break;
                        proxy_pass http://127.0.0.1:$upstream; }
        location \@file { root @{[ $Test::Oof::Dir ]}; default_type text/html;
                          rewrite ^ /page.html break; }
        location \@nginx { return 502; }
        location \@gone { rewrite ^ /html404 break;
                          proxy_pass http://127.0.0.1:$dead; }
        location /code/ {
            @{[ map { "location = /code/$_ { return $_; }\n" }
                400 .. 407, 409 .. 418, 421 .. 431, 451,
                500 .. 505, 507, 511, 529, 599 ]}
        }
END
    tls_replace => $tls =~ s/(oof_|access_log|location).*//gr
                   . 'ssl_verify_client off;',
    servers => <<"END",
    server {
        listen 127.0.0.1:$mtls ssl;
        http2 on;
        server_name mtls-api.oof.test;
        ssl_verify_client on;
        $tls
    }
    server {
        listen 127.0.0.1:$mtls ssl;
        server_name other.oof.test;
        ssl_verify_client on;
        $tls
    }
    server {
        listen 127.0.0.1:$optional ssl;
        ssl_verify_client optional;
        $tls
    }
    server {
        listen 127.0.0.1:$off;
        location / { return 404; }
    }
    server {
        listen 127.0.0.1:$upstream;
        default_type text/html;
        location = /html404 { return 404 "<html>\r\n<head><title>404 x</title>"; }
        location = /id {
            add_header X-FAPI-Interaction-Id upstream always;
            add_header x-v 9.9.9 always;
            add_header x-fapi-interaction-id again always;
            return 200 "fine";
        }
        location = /wrong { return 500; }
    }
END
);

Test::Oof::spew("$Test::Oof::Dir/page.html", "<html>a file</html>");

# nobody answers there

my $hung = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$silent", Listen => 5);

# raw requests: what is sent, and what must come

my $port = 'plain';
my %v1 = (version => '1.2.3');

sub raw {
    my ($text, %args) = @_;

    my $c = $args{port} ? Test::Oof::Client->new($args{port})
                        : $o->connect($port);
    $c->write($text);
    my $r = $c->response($args{method});
    $r->{closed} = $c->closed(0.5) if $args{closes};

    return $r;
}

my $head = "Host: x\r\nx-fapi-interaction-id: $Id\r\n";

regulated(raw("GARBAGE\r\n\r\n"), 400, 'BAD_REQUEST', 'no request line',
          id => undef);
regulated(raw("GET /%zz HTTP/1.1\r\n$head\r\n"), 400, 'BAD_REQUEST',
          'a path that cannot be decoded', id => undef);
regulated(raw("GET /../../etc HTTP/1.1\r\n$head\r\n"), 400, 'BAD_REQUEST',
          'a path that leaves the root', id => undef);
regulated(raw("GET / HTTP/1.1\r\nx-fapi-interaction-id: $Id\r\n\r\n"), 400,
          'BAD_REQUEST', 'no host: the id is known already');
regulated(raw("GET / HTTP/1.1\r\n${head}Host: y\r\n\r\n"), 400,
          'BAD_REQUEST', 'two hosts');
regulated(raw("GET / HTTP/1.1\r\n${head}bad\0header: y\r\n\r\n"), 400,
          'BAD_REQUEST', 'a NUL in a header');
regulated(raw("GET / HTTP/1.1\r\n${head}Content-Length: x\r\n\r\n"), 400,
          'BAD_REQUEST', 'a length that is no number');
regulated(raw("GET / HTTP/1.1\r\n${head}Content-Length: 1\r\n"
              . "Transfer-Encoding: chunked\r\n\r\n"), 400, 'BAD_REQUEST',
          'two lengths');
regulated(raw("POST /echo/v1/items HTTP/1.1\r\n${head}"
              . "Transfer-Encoding: gzip\r\n\r\n"), 501, 'NOT_IMPLEMENTED',
          'an unknown transfer encoding');
regulated(raw("GET / HTTP/3.7\r\n$head\r\n"), 505,
          'HTTP_VERSION_NOT_SUPPORTED', 'an unknown version', id => undef);
regulated(raw("CONNECT /x HTTP/1.1\r\n$head\r\n"), 405, 'METHOD_NOT_ALLOWED',
          'CONNECT');
regulated(raw("TRACE /echo/v1/items HTTP/1.1\r\n$head\r\n"), 405,
          'METHOD_NOT_ALLOWED', 'TRACE');

regulated(raw('GET /' . 'x' x 9000 . " HTTP/1.1\r\n$head\r\n"), 414,
          'URI_TOO_LONG', 'a path too long', id => undef);
regulated(raw("GET / HTTP/1.1\r\n${head}x: " . 'y' x 9000 . "\r\n\r\n"), 431,
          'REQUEST_HEADER_FIELDS_TOO_LARGE', 'a header too long');
regulated(raw("GET / HTTP/1.1\r\n$head"
              . join('', map { "x$_: " . 'y' x 4000 . "\r\n" } 1 .. 20)
              . "\r\n"), 431, 'REQUEST_HEADER_FIELDS_TOO_LARGE',
          'headers too many');
regulated(raw("HEAD / HTTP/1.1\r\n${head}x: " . 'y' x 9000 . "\r\n\r\n",
              method => 'HEAD'), 431, '', '431 to HEAD', head => 1);
regulated(raw("GET / HTTP/1.0\r\n${head}x: " . 'y' x 9000 . "\r\n\r\n"), 431,
          'REQUEST_HEADER_FIELDS_TOO_LARGE', '431 over HTTP/1.0');

# every size of a header, up to 64 KB

for my $n (0, 1, 1000, 1023, 1024, 1025, 2000, 4096, 8000, 8150) {
    is(raw("GET /echo/v1/items/a HTTP/1.1\r\n${head}x: " . 'y' x $n
           . "\r\n\r\n")->{status}, 200, "a header of $n bytes");
}

for my $n (8192, 8200, 10000, 16384, 32000, 65535, 65536) {
    regulated(raw("GET /echo/v1/items/a HTTP/1.1\r\n${head}x: " . 'y' x $n
                  . "\r\n\r\n"), 431, 'REQUEST_HEADER_FIELDS_TOO_LARGE',
              "a header of $n bytes");
}

# over HTTP/2 nginx ends the connection, and lives on

for my $n (0, 1000, 8000) {
    is(ask($o, 'GET /echo/v1/items/a', http2 => 1,
           headers => [ x => 'y' x $n ])->{status}, 200,
       "HTTP/2: a header of $n bytes");
}

is(ask($o, 'GET /echo/v1/items/a', http2 => 1,
       headers => [ x => 'y' x 30000 ])->{status}, 0,
   'HTTP/2: a header too long');

# byte by byte

my $c = $o->connect('plain');
$c->write($_) for split //, "GET /none HTTP/1.1\r\n$head\r\n";
regulated($c->response, 404, 'NOT_FOUND', 'a request that comes in bytes');

# what phases and modules of nginx say

regulated(ask($o, 'GET /'), 404, 'NOT_FOUND', 'no such location');
regulated(ask($o, 'GET /deny'), 403, 'FORBIDDEN', 'deny');
regulated(ask($o, 'HEAD /deny'), 403, '', 'deny, HEAD', head => 1);

my $r = ask($o, 'GET /basic');
regulated($r, 401, 'UNAUTHORIZED', 'auth_basic');
is($r->{headers}{'www-authenticate'}, 'Basic realm="x"', 'its own header stays');

ask($o, 'GET /limit');
$r = ask($o, 'GET /limit');
regulated($r, 429, 'TOO_MANY_REQUESTS', 'limit_req');
is($r->{headers}{'retry-after'}, 5, 'when to come again');

regulated(ask($o, 'POST /text', body => 'x' x 1001), 413,
          'PAYLOAD_TOO_LARGE', 'a body too large');
regulated(ask($o, 'POST /echo/v1/items', body => 'x' x 65537), 413,
          'PAYLOAD_TOO_LARGE', 'a body too large for the API', %v1);
regulated(ask($o, 'GET /dead'), 502, 'BAD_GATEWAY', 'an upstream that is down');
regulated(ask($o, 'GET /hung'), 504, 'GATEWAY_TIMEOUT', 'one that is silent');

# each status that "return" may have: its own text, or that of its class

for my $status (400 .. 407, 409 .. 418, 421 .. 431, 451,
                500 .. 505, 507, 511, 529, 599)
{
    my $code = {
        400 => 'BAD_REQUEST', 401 => 'UNAUTHORIZED', 403 => 'FORBIDDEN',
        404 => 'NOT_FOUND', 405 => 'METHOD_NOT_ALLOWED',
        406 => 'NOT_ACCEPTABLE', 409 => 'CONFLICT',
        413 => 'PAYLOAD_TOO_LARGE', 414 => 'URI_TOO_LONG',
        415 => 'UNSUPPORTED_MEDIA_TYPE', 421 => 'MISDIRECTED_REQUEST',
        422 => 'ERRO_NAO_MAPEADO', 423 => 'LOCKED',
        429 => 'TOO_MANY_REQUESTS',
        431 => 'REQUEST_HEADER_FIELDS_TOO_LARGE',
        500 => 'INTERNAL_SERVER_ERROR', 501 => 'NOT_IMPLEMENTED',
        502 => 'BAD_GATEWAY', 503 => 'SERVICE_UNAVAILABLE',
        504 => 'GATEWAY_TIMEOUT', 505 => 'HTTP_VERSION_NOT_SUPPORTED',
        529 => 'SITE_IS_OVERLOADED',
    }->{$status} // ($status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR');

    $r = ask($o, "GET /code/$status");
    regulated($r, $status, $code, "return $status");
    is($r->{headers}{'retry-after'}, $status =~ /^(?:429|503|529)$/ ? 5 : undef,
       "when to come again, $status");
    regulated(ask($o, "HEAD /code/$status"), $status, '', "HEAD $status",
              head => 1);
}

regulated(ask($o, 'GET /code/503', http2 => 1), 503, 'SERVICE_UNAVAILABLE',
          'return 503, HTTP/2');
regulated(ask($o, 'GET /code/431', http2 => 1), 431,
          'REQUEST_HEADER_FIELDS_TOO_LARGE', 'return 431, HTTP/2');

# what somebody else has written

sub untouched {
    my ($line, $status, $type, $body, $name) = @_;

    for my $http2 (0, 1) {
        my $r = ask($o, $line, http2 => $http2);

        is($r->{status}, $status, "$name: status");
        is($r->{headers}{'content-type'}, $type, "$name: type");
        is($r->{body}, $body, "$name: body");
        is(id_of($r), $Id, "$name: interaction id");
    }

    my $r = ask($o, $line =~ s/GET/HEAD/r);

    is($r->{status}, $status, "$name: HEAD");
    is($r->{headers}{'content-length'}, length $body, "$name: HEAD, length");
    is($r->{headers}{'content-type'}, $type, "$name: HEAD, type");
    is(id_of($r), $Id, "$name: HEAD, interaction id");
}

untouched('GET /html', 404, 'text/html', '<html>ours</html>', 'a return');
untouched('GET /text', 503, 'text/plain', "ours\n", 'a return of text');
untouched('GET /up/html404', 404, 'text/html',
          "<html>\r\n<head><title>404 x</title>", "an upstream's error");
untouched('GET /paged/404', 404, 'text/html', '<html>ours</html>',
          'an error page with a status of its own');
untouched('GET /paged/403', 403, 'text/html', '<html>ours</html>',
          'an error page');
untouched('GET /paged/405', 405, 'text/html',
          "<html>\r\n<head><title>404 x</title>", 'a proxied error page');
untouched('GET /paged/410', 410, 'text/html', '<html>a file</html>',
          'an error page in a file');

is(ask($o, 'GET /moved')->{status}, 301, 'a redirect');
is(ask($o, 'GET /moved')->{headers}{'content-type'}, 'text/html',
   'keeps its page');
is(id_of(ask($o, 'GET /moved')), $Id, 'and has an interaction id');

regulated(ask($o, 'GET /paged/501'), 502, 'BAD_GATEWAY',
          'an error page that fails');
regulated(ask($o, 'GET /paged/500'), 502, 'BAD_GATEWAY',
          'an error page whose upstream is down');
regulated(ask($o, 'GET /caught/wrong'), 502, 'BAD_GATEWAY',
          'an error that is intercepted');

$r = ask($o, 'GET /up/wrong');
is($r->{headers}{'content-type'}, 'text/html', "the upstream's own page");
like($r->{body}, qr/<html>/, 'is passed on');

# headers of an upstream that are ours

$r = ask($o, 'GET /up/id');
is(join(' ', map { $_->[1] } grep { $_->[0] eq 'x-fapi-interaction-id' }
             @{ $r->{list} }), $Id, "the upstream's interaction id is replaced");
is($r->{headers}{'x-v'}, '9.9.9', 'its version stays');

# servers without regulated errors

$c = Test::Oof::Client->new($off);
$r = $c->request('GET', '/', [ [ Host => 'x' ],
                               [ 'x-fapi-interaction-id' => $Id ] ]);
is($r->{headers}{'content-type'}, 'text/html', 'a server without a brand');
is($r->{headers}{'x-fapi-interaction-id'}, undef, 'has nothing of ours');

# client certificates: 495, 496, 497

sub tls_call {
    my ($port, $cert, %args) = @_;

    my @tls = (ca => pki('root.pem'), tls => 1,
               $cert ? (cert => client_cert($cert), key => client_key($cert))
                     : ());

    my $headers = [ [ Host => 'mtls-api.oof.test' ],
                    [ 'x-fapi-interaction-id' => $Id ],
                    @{ $args{headers} || [] } ];
    $headers->[0][1] = $args{host} if $args{host};
    my $path = $args{path} // '/echo/v1/items/a';

    if ($args{http2}) {
        return Test::Oof::Client::curl($port, 'GET', $path, $headers, undef,
                                       @tls);
    }

    my $c = Test::Oof::Client->new($port, @tls)
        or return { status => 0, list => [], headers => {} };

    return $c->request($args{method} // 'GET', $path, $headers);
}

for my $http2 (0, 1) {
    my $what = $http2 ? 'HTTP/2' : 'HTTP/1.1';

    is(tls_call($mtls, 'one', http2 => $http2)->{status}, 200,
       "a good certificate, $what");
    regulated(tls_call($mtls, undef, http2 => $http2), 401, 'INVALID_CLIENT',
              "no certificate, $what");
    regulated(tls_call($mtls, 'revoked', http2 => $http2), 401,
              'INVALID_CLIENT', "a revoked certificate, $what");
    regulated(tls_call($mtls, 'other', http2 => $http2), 401,
              'INVALID_CLIENT', "a certificate of nobody's, $what");
}

regulated(tls_call($mtls, undef, method => 'HEAD'), 401, '',
          'no certificate, HEAD', head => 1);
regulated(tls_call($optional, 'other'), 401, 'INVALID_CLIENT',
          'a wrong certificate where none is needed');
is(tls_call($optional, undef)->{status}, 200, 'none where none is needed');
regulated(tls_call($mtls, 'one', path => '/none'), 404, 'NOT_FOUND',
          'a good certificate, 404');
regulated(tls_call($mtls, 'one', path => '/%zz'), 400, 'BAD_REQUEST',
          'a good certificate, 400', id => undef);
regulated(tls_call($mtls, 'one', headers => [ [ Host => 'y' ] ]), 400,
          'BAD_REQUEST', 'a good certificate, two hosts');
regulated(tls_call($mtls, 'one', host => 'other.oof.test'), 421,
          'MISDIRECTED_REQUEST', 'another server on the same connection',
          id => undef);

$r = raw("GET /echo/v1/items/a HTTP/1.1\r\n$head\r\n", port => $mtls);
regulated($r, 400, 'BAD_REQUEST', 'plain HTTP on a TLS port');
like($r->{json}{errors}[0]{detail}, qr/TLS/, 'it says what is wrong');

# the log has what the caller has seen

my %logged;
$logged{"$_->{status} $_->{error}"}++
    for map { decoded($_) } split /\n/,
        Test::Oof::slurp("$o->{dir}/logs/oof.log");

ok($logged{"$_"}, "logged: $_")
    for '431 REQUEST_HEADER_FIELDS_TOO_LARGE', '401 INVALID_CLIENT',
        '400 BAD_REQUEST', '414 URI_TOO_LONG', '505 HTTP_VERSION_NOT_SUPPORTED',
        '421 MISDIRECTED_REQUEST', '429 TOO_MANY_REQUESTS', '502 BAD_GATEWAY';

is($o->metric('oof_http_requests_total', code => $_, operation => '-') > 0, 1,
   "counted: $_")
    for 400, 401, 403, 404, 405, 413, 414, 421, 429, 431, 500, 501, 502, 503,
        504, 505, 529, 'other';

# connections after an error: as nginx has it

is(raw("GET /%zz HTTP/1.1\r\n$head\r\n", closes => 1)->{closed}, 1,
   '400 closes');
$c = $o->connect('plain');
$c->write("GET /deny HTTP/1.1\r\n$head\r\n" x 2
          . "GET /code/529 HTTP/1.1\r\n$head\r\n"
          . "GET /echo/v1/items/a HTTP/1.1\r\n$head\r\n");
is(join(' ', map { $c->response->{status} } 1 .. 4), '403 403 529 200',
   'other errors keep the connection');

done_testing();
