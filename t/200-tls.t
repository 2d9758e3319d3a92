#!/usr/bin/perl

# Copyright (C) oof authors

# TLS as it is shipped (conf/include/tls.conf): 1.2 with exactly two suites,
# 1.3, nothing older, no resumption and no renegotiation.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my $control = free_port();

my $o = Test::Oof->start(
    defaults => 0,
    locations => <<'END',
        location = /t {
            return 200 "$ssl_protocol $ssl_cipher $ssl_session_reused\n";
        }
END

    # what the tests of resumption must be able to see

    servers => <<"END",
    server {
        listen 127.0.0.1:$control ssl;
        ssl_certificate     @{[ pki('leaf-server.pem') ]};
        ssl_certificate_key @{[ pki('leaf-server.key') ]};
        ssl_protocols       TLSv1.2 TLSv1.3;
        ssl_session_cache   shared:control:1m;
        location = /t { return 200 "\$ssl_session_reused\\n"; }
    }
END
);

my $tls = $o->tls;

# protocols

is(answer('TLSv1_3'), 'TLSv1.3 TLS_AES_256_GCM_SHA384 .', 'TLS 1.3');
is(answer('TLSv1_2'), 'TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 .', 'TLS 1.2');

for my $version (qw/ tls1 tls1_1 /) {
    my $said = s_client($tls, "-$version", '-cipher', 'ALL:@SECLEVEL=0');
    like($said, qr/alert protocol version/, "$version is refused");
}

# suites of 1.2: each that OpenSSL knows is tried alone

my @suites = split /[:\s]+/,
    `openssl ciphers -tls1_2 -s 'ALL:COMPLEMENTOFALL:eNULL:\@SECLEVEL=0'`;
my @accepted = grep {
    s_client($tls, '-tls1_2', '-cipher', "$_:\@SECLEVEL=0")
        =~ /^New, TLSv1\.2, Cipher is \Q$_\E$/m
} @suites;

cmp_ok(scalar @suites, '>', 30, 'OpenSSL offers many suites');
is(join(' ', sort @accepted),
   'ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384',
   'two of them are accepted');

# resumption: by session id, by ticket, in 1.3 by either

for (['TLS 1.2 by id', '-tls1_2', '-no_ticket'],
     ['TLS 1.2 by ticket', '-tls1_2'],
     ['TLS 1.3', '-tls1_3'])
{
    my ($name, @options) = @$_;

    is(resumed($control, @options), 'Reused', "$name: resumption is seen");
    is(resumed($tls, @options), 'New', "$name: none here");
}

# nothing was left to resume by

my $said = s_client($tls, '-tls1_2');
like($said, qr/^    Session-ID: $/m, 'TLS 1.2: no session id is given');
unlike($said, qr/session ticket:/i, 'TLS 1.2: no ticket is given');
unlike(s_client($tls, '-tls1_3', request()), qr/session ticket/i,
       'TLS 1.3: no ticket is given');

# renegotiation that the client asks for

$said = s_client($tls, '-tls1_2', "R\n");
unlike($said, qr/^HTTP/m, 'renegotiation: no answer');
like($said, qr/RENEGOTIATING/, 'renegotiation was tried');
like($said, qr/no renegotiation|unexpected eof|error:|closed/i,
     'renegotiation is refused');

done_testing();


# what nginx says of the connection, over one of its own

sub answer {
    my ($version) = @_;

    my $r = $o->call(GET => '/t', via => 'tls', token => undef,
                     ssl => { SSL_version => $version });

    return $r->{body} =~ s/\n//r;
}


sub request { "GET /t HTTP/1.1\r\nHost: mtls-api.oof.test\r\n"
              . "Connection: close\r\n\r\n" }


# openssl s_client; a last argument with a line end is its input

sub s_client {
    my ($port, @options) = @_;

    my $input = @options && $options[-1] =~ /\n/ ? pop @options : '';

    Test::Oof::Postgres::open2_in(\my $out, $input, 'timeout', 8, 'openssl',
        's_client', '-connect', "127.0.0.1:$port", '-servername',
        'mtls-api.oof.test', '-CAfile', pki('root.pem'), '-cert',
        client_cert('one'), '-key', client_key('one'), '-cert_chain',
        client_cert('one'), $input =~ /^GET/ ? '-ign_eof' : (), @options);

    return $out;
}


# two connections, the second with what the first was given; "New" or "Reused"

sub resumed {
    my ($port, @options) = @_;

    my $file = "$Test::Oof::Dir/session";
    unlink $file;

    s_client($port, @options, '-sess_out', $file, request());
    return 'New' if !-s $file;

    my $said = s_client($port, @options, '-sess_in', $file, request());
    return ($said =~ /^(New|Reused), TLSv1/m)[0] // $said;
}
