#!/usr/bin/perl

# Copyright (C) oof authors

# Revocation by OCSP (spec 5.1): what is known of a certificate judges it at
# once, the responder is asked in the background.  Soft: served until it is
# known to be revoked; hard: 503 until it is known to be good.  The responder is
# OpenSSL's own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Test::Oof;
use Time::HiRes qw/ time /;

my $path = "$Test::Oof::Api/consents/urn:bank:" . new_uuid();
my $dir = "$Test::Oof::Dir";
my %port = map { $_ => free_port() }
               qw/ ours theirs hangs garbage nobody late /;
my $owner = $$;
my @children;

# a certificate for each case, which names its responder

my %cert;

for my $case (qw/ good revoked later unknown held hard hardrevoked hardunknown
                  header /)
{
    $cert{$case} = made($case, "http://127.0.0.1:$port{ours}/");
}

$cert{$_} = made($_, "http://127.0.0.1:$port{$_}/ocsp")
    for qw/ theirs hangs garbage nobody late /;
$cert{laterevoked} = made('laterevoked', "http://127.0.0.1:$port{late}/ocsp");
$cert{silent} = made('silent', undef);

index_file(map({ $_ => 'V' } qw/ good later held hard header theirs /),
           map({ $_ => 'R' } qw/ revoked hardrevoked /));

responder('ours', 'issuing');
responder('theirs', 'foreign');
garbage();
late();

my $hangs = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port{hangs}",
                                  Listen => 5, ReuseAddr => 1) or die $!;

my $cache = 'oof_ocsp_cache 64k refresh=1s timeout=2s;';
my $o = Test::Oof->start(http => "oof_ocsp soft; $cache");
my $strict = Test::Oof->start(http => "oof_ocsp hard; $cache");


# --- soft

is(says('good'), '401 UNAUTHORIZED', 'soft: served before it is known');
wait_for(sub { answers('good') >= 1 }, 10, 'an answer');
is(says('good'), '401 UNAUTHORIZED', 'soft: good');

my $c = $o->connect('tls', cert => $cert{revoked});
is(kept($c, 'revoked'), '401 UNAUTHORIZED', 'soft: a revoked one is new');
wait_for(sub { kept($c, 'revoked') eq '401 INVALID_CLIENT' }, 10,
         'the revocation');
pass('soft: refused on the connection that it has');

my $r = $o->call(GET => $path, via => 'tls', token => undef,
                 cert => $cert{revoked});
is($r->{status}, 401, 'revoked');
is($r->{json}{errors}[0]{detail}, 'Certificado de cliente revogado.',
   'revoked: the client is told');
schema_ok('consents-v3 GET /consents/{consentId}', $r, 'revoked: the answer');
cmp_ok($o->metric('oof_certificates_refused_total', reason => 'revoked'), '>=',
       2, 'revoked: counted');
is(says('revoked', http2 => 1), '401 INVALID_CLIENT', 'revoked: HTTP/2');

says('unknown');
wait_for(sub { answers('unknown') >= 1 }, 10, 'an answer');
is(says('unknown'), '401 UNAUTHORIZED', 'soft: unknown to the responder');

is(says('silent'), '401 UNAUTHORIZED', 'soft: names no responder');
is(says('silent'), '401 UNAUTHORIZED', 'soft: … and again');


# --- over the trusted header, too

is(says('header', via => 'plain'), '401 UNAUTHORIZED', 'header: new');
index_file(map({ $_ => 'V' } qw/ good later held hard theirs /),
           map({ $_ => 'R' } qw/ revoked hardrevoked header /));
wait_for(sub { says('header', via => 'plain') eq '401 INVALID_CLIENT' }, 15,
         'the revocation');
pass('header: revoked');


# --- what was good is revoked later, while a connection is kept

$c = $o->connect('tls', cert => $cert{later});
is(kept($c, 'later'), '401 UNAUTHORIZED', 'later: good');
index_file(map({ $_ => 'V' } qw/ good held hard theirs /),
           map({ $_ => 'R' } qw/ revoked hardrevoked header later /));
wait_for(sub { kept($c, 'later') eq '401 INVALID_CLIENT' }, 15,
         'the revocation');
pass('later: refused on the connection that it has');


# --- a responder that gives no answer costs nobody anything

for my $case (qw/ hangs nobody garbage theirs /) {
    my $errors = answers('error');
    my $start = time;

    is(says($case), '401 UNAUTHORIZED', "soft, $case: served");
    cmp_ok(time - $start, '<', 1.5, "soft, $case: at once");
    wait_for(sub { answers('error') > $errors }, 15, "$case to fail");
    is(says($case), '401 UNAUTHORIZED', "soft, $case: still served");
    is(says($case, hard => 1), 503, "hard, $case: not");
}

like($o->log_text, qr/OCSP responder .* gave no answer: it cannot be read/,
     'garbage: the log tells');
like($o->log_text, qr/gave no answer: its signature is none of the issuer's/,
     'theirs: the log tells');


# --- an answer whose time is over is as good as none, but is not asked for anew
# with each request

my $good = answers('good');
says('late');
wait_for(sub { answers('good') > $good }, 15, 'an answer of the past');
for (1 .. 5) {
    says('late');
    select undef, undef, undef, 0.1;
}
is(answers('good'), $good + 1, 'late: asked for once');

says('late', hard => 1);
wait_for(sub { $strict->metric('oof_ocsp_total', result => 'good') }, 15,
         'an answer of the past');
is(says('late', hard => 1), 503, 'hard, late: not good enough');

says('laterevoked');
wait_for(sub { answers('revoked') && says('laterevoked')
                                     eq '401 INVALID_CLIENT' }, 15,
         'a revocation of the past');
pass('late: but a revocation stays one');


# --- who finds all calls of the process in use is asked of soon after

{
    my $busy = Test::Oof->start(workers => 1, http => 'oof_ocsp hard;'
        . ' oof_ocsp_cache 64k timeout=1s'
        . " responder=http://127.0.0.1:$port{hangs}/;");
    my $errors = sub { $busy->metric('oof_ocsp_total', result => 'error') };
    my @many = (qw/ one two utf8 printable t61 bmp ia5 universal upper old /,
                grep { $_ ne 'ocsp-header' } values %cert);

    for my $cert (@many[0 .. 15], 'ocsp-header') {
        is($busy->call(GET => $path, via => 'tls', token => undef,
                       cert => $cert)->{status}, 503, "busy: $cert");
    }

    wait_for(sub { $errors->() == 16 }, 15, 'the ends of 16 calls');
    wait_for(sub {
        $busy->call(GET => $path, via => 'tls', token => undef,
                    cert => 'ocsp-header');
        $errors->() == 17;
    }, 15, 'that of the one that had to wait');
    pass('busy: the one that had to wait was asked of');
}


# --- hard

$r = call('hard', hard => 1);
is($r->{status}, 503, 'hard: not before it is known');
ok($r->{headers}{'retry-after'}, 'hard: but later');
wait_for(sub { says('hard', hard => 1) ne 503 }, 10, 'an answer');
isnt(says('hard', hard => 1), '401 INVALID_CLIENT', 'hard: good');

wait_for(sub { says('hardrevoked', hard => 1) ne 503 }, 10, 'an answer');
is(says('hardrevoked', hard => 1), '401 INVALID_CLIENT', 'hard: revoked');
wait_for(sub { says('hardunknown', hard => 1) ne 503 }, 10, 'an answer');
is(says('hardunknown', hard => 1), '401 INVALID_CLIENT', 'hard: unknown');
is(says('silent', hard => 1), 503, 'hard: names no responder');


# --- what is known outlives a reload, and its validity judges it when the
# responder is gone

is(says('held', hard => 1), 503, 'held: new');
wait_for(sub { says('held', hard => 1) ne 503 }, 10, 'an answer');
kill KILL => splice @children;
$strict->reload;
isnt(says('held', hard => 1), 503, 'held: over a reload, without a responder');
isnt(says('held', hard => 1), '401 INVALID_CLIENT', 'held: good');

my $errors = answers('error');
wait_for(sub { says('later'); answers('error') > $errors }, 15,
         'a responder that is gone');
is(says('later'), '401 INVALID_CLIENT', 'what was revoked stays so');


# --- configuration

for my $wrong ('oof_ocsp_cache 1k;', 'oof_ocsp_cache 64k refresh=0;',
               'oof_ocsp_cache 64k timeout=61s;', 'oof_ocsp_cache 64k x=1;',
               'oof_ocsp_cache 64k; oof_ocsp_cache 64k;', 'oof_ocsp maybe;',
               'oof_ocsp_cache 64k responder=;')
{
    my $p = Test::Oof->start(hold => 1, http => $wrong);
    my ($fine, $said) = $p->test_config;

    like($said, qr/\[emerg\].*(oof_ocsp|"maybe")/, "refused: $wrong");
}

kill KILL => @children;

done_testing();


sub made {
    my ($case, $url) = @_;

    client_cert("ocsp-$case", defined $url ? (ocsp => $url)
                                           : (end => 800000));

    return "ocsp-$case";
}

sub call {
    my ($case, %args) = @_;

    my $hard = delete $args{hard};

    return ($hard ? $strict : $o)->call(GET => $path, via => 'tls',
                                        token => undef, cert => $cert{$case},
                                        %args);
}

sub says { told(call(@_)) }

sub told {
    my ($r) = @_;

    return $r->{status} == 401
           ? "401 " . ($r->{json}{errors}[0]{code} // '') : $r->{status};
}

sub kept {
    my ($c, $case) = @_;

    return told($c->request(GET => $path, [
        [ Host => 'mtls-api.oof.test' ],
        [ 'x-fapi-interaction-id' => new_uuid() ] ]));
}

sub answers { $o->metric('oof_ocsp_total', result => $_[0]) }

sub index_file {
    my (%status) = @_;

    my $text = '';

    for my $case (sort keys %status) {
        my ($serial) = `openssl x509 -noout -serial -in @{[
                        client_cert($cert{$case}) ]}` =~ /=(\w+)/;
        $text .= join("\t", $status{$case}, '491231235959Z',
                      $status{$case} eq 'R' ? '250101000000Z' : '',
                      $serial, 'unknown', "/CN=$case") . "\n";
    }

    Test::Oof::spew("$dir/index.new", $text);
    Test::Oof::spew("$dir/index.attr", "unique_subject = no\n");
    rename "$dir/index.new", "$dir/index" or die $!;
}

sub responder {
    my ($name, $signer) = @_;

    defined(my $pid = fork) or die "fork: $!";

    if (!$pid) {
        open STDOUT, '>', "$dir/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', 'ocsp', '-port', $port{$name}, '-index', "$dir/index",
             '-CA', pki('issuing.pem'), '-rsigner', pki("$signer.pem"),
             '-rkey', pki("$signer.key"), '-nmin', '5', '-ignore_err';
    }

    push @children, $pid;
    wait_for(sub { Test::Oof::slurp("$dir/$name.log", 1) =~ /waiting/ }, 10,
             "the responder $name");
}

sub garbage {
    my $listen = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port{garbage}",
                                       Listen => 5, ReuseAddr => 1) or die $!;
    defined(my $pid = fork) or die "fork: $!";

    if (!$pid) {
        while (my $s = $listen->accept) {
            sysread $s, my $request, 4096;
            print $s "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n"
                     . "Connection: close\r\n\r\ngarbage";
            close $s;
        }
        POSIX::_exit(0);
    }

    push @children, $pid;
}

# signs what was so until a minute ago, which is within what clocks may differ:
# that all is well with the first certificate, not with the other

sub late {
    my $python = <<'EOF';
import datetime, http.server, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

port, issuer, key = sys.argv[1:4]
issuer, *leaves = (x509.load_pem_x509_certificate(open(f, "rb").read())
                   for f in [issuer] + sys.argv[4:])
key = serialization.load_pem_private_key(open(key, "rb").read(), None)


class Responder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        serial = ocsp.load_der_ocsp_request(self.rfile.read(
            int(self.headers["Content-Length"]))).serial_number
        now = datetime.datetime.utcnow()
        hour = now - datetime.timedelta(hours=1)
        minute = now - datetime.timedelta(minutes=1)
        leaf, = (l for l in leaves if l.serial_number == serial)
        revoked = leaf is not leaves[0]
        body = (ocsp.OCSPResponseBuilder()
                .add_response(leaf, issuer, hashes.SHA1(),
                              ocsp.OCSPCertStatus.REVOKED if revoked
                              else ocsp.OCSPCertStatus.GOOD,
                              hour, minute, hour if revoked else None, None)
                .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
                .sign(key, hashes.SHA256())
                .public_bytes(serialization.Encoding.DER))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.HTTPServer(("127.0.0.1", int(port)), Responder).serve_forever()
EOF

    my @files = (pki('issuing.pem'), pki('issuing.key'),
                 map { client_cert($cert{$_}) } qw/ late laterevoked /);

    defined(my $pid = fork) or die "fork: $!";

    if (!$pid) {
        open STDERR, '>', "$dir/late.log";
        exec '/usr/bin/python3', '-c', $python, $port{late}, @files;
    }

    push @children, $pid;
    wait_for(sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port{late}") },
             10, 'the responder late');
}

END { kill KILL => @children if defined $owner && $$ == $owner }
