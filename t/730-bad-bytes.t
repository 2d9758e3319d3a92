#!/usr/bin/perl

# Copyright (C) oof authors

# Requests that no client library would make: slow, cut, smuggled, of another
# protocol.  Each is answered in the regulated form or the connection ends; a
# good request after it is served, by the same worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $o = Test::Oof->start(http => <<'END');
    client_header_timeout 1s;
    client_body_timeout   1s;
END

my @workers = $o->worker_pids;
my $post = "$Test::Oof::Api/consents";
my $path = "$post/urn:bank:" . new_uuid();
my $body = json(consent_body());
my $consents = 0;

my ($list) = $o->request_parts('plain', json => consent_body());
my $headers = join '', map { "$_->[0]: $_->[1]\r\n" } @$list;
my $get = "GET $path HTTP/1.1\r\n$headers\r\n";
my $create = "POST $post HTTP/1.1\r\n${headers}";

# good ones, in pieces

$consents++;
said('a body byte by byte', 201, "${create}Content-Length: "
     . length($body) . "\r\n\r\n", split //, $body);
$consents++;
said('chunks of one byte', 201, "${create}Transfer-Encoding: chunked\r\n\r\n",
     (map { "1\r\n$_\r\n" } split //, $body), "0\r\n\r\n");
$consents++;
said('chunks with extensions and a trailer', 201,
     "${create}Transfer-Encoding: chunked\r\n\r\n",
     sprintf("%x;a=b\r\n%s\r\n0\r\nX-T: v\r\n\r\n", length $body, $body));
said('a head in pieces of 9 bytes', 404, $get =~ /.{1,9}/gs);
$consents++;
said('Expect: 100-continue', 201, "${create}Expect: 100-continue\r\n"
     . 'Content-Length: ' . length($body) . "\r\n\r\n", $body);
said('line ends without CR', 404, $get =~ s/\r//gr);
said('an absolute URI', 404, $get =~ s{GET /}{GET http://mtls-api.oof.test/}r);

# bodies that say one thing and do another

said('two lengths', 400, "${create}Content-Length: 5\r\nContent-Length: 6\r\n"
     . "\r\nhello");
said('a length and chunks', 400, "${create}Content-Length: 5\r\n"
     . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
said('another transfer encoding', 501, "${create}Transfer-Encoding: gzip\r\n"
     . "\r\n");
said("a length that is $_", 400, "${create}Content-Length: $_\r\n\r\n")
    for '-1', 'x', '1x', '0x10', '9' x 40;
said('a length of 2^62', 413, "${create}Content-Length: 4611686018427387904"
     . "\r\n\r\n");
said('a chunk size that is none', 400, "${create}Transfer-Encoding: chunked"
     . "\r\n\r\n", "xyz\r\n");
said('a chunk size of 2^64', 413, "${create}Transfer-Encoding: chunked"
     . "\r\n\r\n", "ffffffffffffffff0\r\n", unless_400 => 1);
said('chunks above the limit', 413, "${create}Transfer-Encoding: chunked"
     . "\r\n\r\n", ("4000\r\n" . 'x' x 0x4000 . "\r\n") x 5);
gone('a body that ends too early', "${create}Content-Length: 900\r\n\r\n",
     'short');
gone('chunks that end too early', "${create}Transfer-Encoding: chunked\r\n"
     . "\r\n", "5\r\nhel");

# after a refusal the rest of the body is no request

my $smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
my $c = $o->connect('plain');
$c->write(("$create" =~ s/Bearer \S+/Bearer x/r) . 'Content-Length: '
          . length($smuggled) . "\r\n\r\n$smuggled$get");
is(join(' ', map { $c->response->{status} } 1 .. 2), '401 404',
   'a body that looks like a request is none');
unlike($o->access_text, qr{/smuggled}, 'nor was it logged as one');

# one connection, good and bad in a row

$c = $o->connect('plain');
$c->write(($get =~ s/Bearer \S+/Bearer x/r) . $get
          . ($get =~ s/^GET/PUT/r) . $get);
is(join(' ', map { $c->response->{status} } 1 .. 4), '401 404 405 404',
   'pipelined: each has its answer');

# heads

said('no Host', 400, $get =~ s/^Host: .*\r\n//mr);
said('two Hosts', 400, $get =~ s/^(Host: .*\r\n)/$1$1/mr);
said('a bad Host', 400, $get =~ s/^Host: .*\r\n/Host: a b\r\n/mr);
said('a header without a colon is passed over', 404,
     $get =~ s/\r\n\r\n/\r\nnonsense\r\n\r\n/r);
said('a header with NUL', 400, $get =~ s/\r\n\r\n/\r\nX-A: a\0b\r\n\r\n/r);
said('a header name with NUL', 400, $get =~ s/\r\n\r\n/\r\nX\0A: a\r\n\r\n/r);
said('raw bytes in a header', 404,
     $get =~ s/\r\n\r\n/\r\nX-A: \xff\xfe\x80\r\n\r\n/r);
said('a space before the colon', 400, $get =~ s/^Host:/Host :/mr);
said('HTTP/3.0', 505, $get =~ s{HTTP/1\.1}{HTTP/3.0}r);
said('HTTP/1.x', 400, $get =~ s{HTTP/1\.1}{HTTP/1.x}r);
said('HTTP/1.0', 404, $get =~ s{HTTP/1\.1}{HTTP/1.0}r);
said('CONNECT', 400, $get =~ s{^GET \S+}{CONNECT mtls-api.oof.test:443}r);
said('TRACE', 405, $get =~ s{^GET}{TRACE}r);
said('a lower-case method', 400, $get =~ s{^GET}{get}r);
said('a URI without a slash', 400, $get =~ s{^GET /}{GET }r);
said('a broken escape', 400, $get =~ s{urn:bank}{%zz}r);
said('a URI above the root', 400, $get =~ s{^GET \S+}{GET /../../x}r);

# no HTTP at all

for (['bytes', join '', map { chr } 0 .. 255], ['NULs', "\0" x 5000],
     ['a TLS hello', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'x' x 99],
     ['the preface of HTTP/2', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . "\0" x 50],
     ['SSH', "SSH-2.0-OpenSSH_9.2\r\n"], ['HTTP/0.9', "GET /\r\n"],
     ['an endless line', 'x' x 200_000])
{
    my ($what, @bytes) = @$_;

    ended("$what", 'plain', @bytes);
    ended("$what, to the TLS port", 'tls', @bytes);
}

# plain HTTP to the TLS port

my $s = tcp('tls');
print $s $get;
my $text = do { local $/; <$s> };
like($text, qr/^HTTP\/1\.1 400 /, 'plain HTTP over the TLS port: 400');
like($text, qr/\r\nContent-Type: application\/json; charset=utf-8\r\n/,
     'in the regulated form');
like($text, qr/\r\n\r\n\{"errors":\[\{"code":"[A-Z_]+","title":/, 'its body');

# HTTP/2: a good preface, then nonsense of each frame type

for my $type (0 .. 12) {
    ended("HTTP/2, a bad frame of type $type", 'h2',
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\0\0\x04\0\0\0\0\0",
          "\0\0\x20" . chr($type) . "\xff\0\0\0\x01" . "\xff" x 32,
          "\xff\xff\xff" . chr($type) . "\0\0\0\0\x03" . "\xff" x 64);
}

# slow ones: nginx ends the connection when nothing comes

my $start = time;
$c = $o->connect('plain');
$c->write(substr $get, 0, 40);
ok($c->closed(4), 'half a head: the connection ends');
$c = $o->connect('plain');
$c->write("${create}Content-Length: 99\r\n\r\n{");
ok($c->closed(4), 'half a body: the connection ends');
cmp_ok(time - $start, '<', 6, 'in time');

# all is as before

is_deeply([ $o->worker_pids ], \@workers, 'the worker is the same');
is($o->call(POST => $post, json => consent_body())->{status}, 201, 'it serves');
is($o->call(POST => $post, json => consent_body(), via => 'tls', http2 => 1)
     ->{status}, 201, 'over HTTP/2 too');
is((psql('SELECT count(*) FROM oof_consent'))[0][0], $consents + 2,
   'only the good ones wrote');

done_testing();


# the answer to these pieces: its status, and the regulated form when it is an
# error; a good request on a new connection is served after it

sub said {
    my ($name, $status, @pieces) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $either = 0;

    if (@pieces > 2 && $pieces[-2] eq 'unless_400') {
        splice @pieces, -2;
        $either = 1;
    }

    my $c = $o->connect('plain') or return fail("$name: no connection");

    for (@pieces) {
        last if !$c->write($_);
        select undef, undef, undef, 0.0005 if @pieces > 20;
    }

    my $r = $c->response;
    my @failed;

    $status = 400 if $either && $r->{status} == 400;
    push @failed, "status $r->{status}, not $status" if $r->{status} != $status;

    if ($status >= 400) {
        my $e = $r->{json}{errors}[0] // {};

        push @failed, 'Content-Type: ' . ($r->{headers}{'content-type'} // '')
            if ($r->{headers}{'content-type'} // '')
               ne 'application/json; charset=utf-8';
        push @failed, 'the body'
            if grep { !length($e->{$_} // '') } qw/ code title detail /;
        push @failed, 'the interaction id'
            if ($r->{headers}{'x-fapi-interaction-id'} // '')
               !~ /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    }

    push @failed, 'a good request after it' if !serves();

    ok(!@failed, "$name: $status")
        or diag(join "\n", @failed, $r->{head} // '', $r->{body});
}


# a client that goes away in the middle

sub gone {
    my ($name, @pieces) = @_;

    my $c = $o->connect('plain');
    $c->write($_) for @pieces;
    $c->close;

    ok(serves(), "$name: the others are served");
}


# bytes that end in a closed connection, with or without an answer

sub ended {
    my ($name, $via, @pieces) = @_;

    my $s;

    if ($via eq 'h2') {
        my $c = $o->connect('tls', ssl => { SSL_alpn_protocols => [ 'h2' ] })
            or return fail("$name: no connection");
        $s = $c->{socket};

    } else {
        $s = tcp($via);
    }

    local $SIG{PIPE} = 'IGNORE';

    for (@pieces) {
        last if !defined syswrite $s, $_;
    }

    my $end = time + 4;
    my $bits = '';
    vec($bits, fileno $s, 1) = 1;
    my $read = 1;

    while ($read && time < $end) {
        next if !($s->can('pending') && $s->pending)
                && !select my $r = $bits, undef, undef, 0.1;
        $read = sysread $s, my $data, 65536;
    }

    ok(!$read, "$name: the connection ends") or diag('it did not');
    ok(serves(), "$name: the others are served");
}


sub tcp {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $o->port($_[0]))
        || die "connect: $!";
}


sub serves {
    my $c = $o->connect('plain') or return 0;
    $c->write($get);

    return $c->response->{status} == 404;
}
